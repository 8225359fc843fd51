//! Explicit facts of a prompt: tempo, length, meter, chords, Roman numerals, key.

use super::lexicon::look_up;
use super::reader::Reader;
use super::word::Word;
use resonantgen_music::plan::{BPM_RANGE, Chord, Key, Meter, Mode, Numeral};

/// Maximum number of chords read from a prompt.
const MOST_CHORDS: usize = 128;

impl Reader {
    /// Parses a tempo, length, meter, chord list or key that starts at a word; returns the number of words used.
    pub(super) fn fact(&mut self, index: usize) -> Option<usize> {
        self.tempo_range(index)
            .or_else(|| self.seconds(index))
            .or_else(|| self.tempo(index))
            .or_else(|| self.bars(index))
            .or_else(|| self.meter(index))
            .or_else(|| self.key(index))
            .or_else(|| self.chords(index))
            .or_else(|| self.numerals(index))
            .or_else(|| self.spoken_degrees(index))
            .or_else(|| self.key_symbol(index))
    }

    fn number(&self, index: usize) -> Option<f64> {
        let word = self.words.get(index)?;
        if !word.lower.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        word.lower.parse().ok()
    }

    fn is_unit_of_tempo(&self, index: usize) -> usize {
        match (self.lower(index), self.lower(index + 1), self.lower(index + 2)) {
            ("beats", "per", "minute") => 3,
            ("bpm", _, _) => 1,
            _ => 0,
        }
    }

    /// "Slower than 100 bpm", "under 100 bpm", "between 105 and 115", "105-115 bpm".
    fn tempo_range(&mut self, index: usize) -> Option<usize> {
        if let Some(taken) = self.tempo_limit(index) {
            return Some(taken);
        }
        let tempo = |at: usize| self.number(at).filter(|bpm| BPM_RANGE.contains(bpm));
        let word = self.lower(index);
        let is_than = self.lower(index + 1) == "than";
        let at = index + 1 + usize::from(is_than);
        let (range, taken) = match word {
            "between" | "from" => {
                let is_joined = matches!(
                    self.lower(index + 2),
                    "and" | "to" | "und" | "bis" | "y" | "e" | "et" | "и" | "до"
                );
                let (low, high) = (tempo(index + 1)?, tempo(index + 2 + usize::from(is_joined))?);
                ((low.min(high), low.max(high)), 3 + usize::from(is_joined))
            }
            "slower" | "under" | "below" | "less" | "beneath" | "faster" | "over" | "above" | "more" => {
                let bpm = tempo(at)?;
                let unit = self.is_unit_of_tempo(at + 1);
                if !(unit > 0 || (is_than && matches!(word, "slower" | "faster"))) {
                    return None;
                }
                let is_below = matches!(word, "slower" | "under" | "below" | "less" | "beneath");
                let range =
                    if is_below { (*BPM_RANGE.start(), bpm - 1.0) } else { (bpm + 1.0, *BPM_RANGE.end()) };
                (range, at + 1 - index)
            }
            _ => {
                let is_joined = self.lower(index + 1) == "to";
                let second = index + 1 + usize::from(is_joined);
                let has_dash = self.words.get(second).is_some_and(|word| word.follows_dash);
                let (low, high) = (tempo(index)?, tempo(second)?);
                if !(is_joined || has_dash) || low >= high || self.is_unit_of_tempo(second + 1) == 0 {
                    return None;
                }
                ((low, high), second + 1 - index)
            }
        };
        let unit = self.is_unit_of_tempo(index + taken);
        self.reading
            .bpm_range
            .get_or_insert((range.0.max(*BPM_RANGE.start()), range.1.min(*BPM_RANGE.end())));
        Some(taken + unit)
    }

    /// "At least 120 bpm", "no faster than 90", "up to 100 bpm": the limit itself is allowed.
    fn tempo_limit(&mut self, index: usize) -> Option<usize> {
        let (is_least, at) = match (self.lower(index), self.lower(index + 1), self.lower(index + 2)) {
            ("at", "least", _) => (true, index + 2),
            ("at", "most", _) | ("up", "to", _) => (false, index + 2),
            ("minimum" | "min", _, _) => (true, index + 1),
            ("maximum" | "max", _, _) => (false, index + 1),
            ("no" | "not" | "never", "slower" | "less" | "under" | "below", than) => {
                (true, index + 2 + usize::from(than == "than"))
            }
            ("no" | "not" | "never", "faster" | "more" | "over" | "above", than) => {
                (false, index + 2 + usize::from(than == "than"))
            }
            _ => return None,
        };
        let bpm = self.number(at).filter(|bpm| BPM_RANGE.contains(bpm))?;
        let unit = self.is_unit_of_tempo(at + 1);
        if unit == 0 && !matches!(self.lower(index + 1), "faster" | "slower") {
            return None;
        }
        let (low, high) = (*BPM_RANGE.start(), *BPM_RANGE.end());
        self.reading.bpm_range.get_or_insert(if is_least { (bpm, high) } else { (low, bpm) });
        Some(at + 1 + unit - index)
    }

    /// "30 seconds", "one minute", "half a minute", "a minute and a half".
    fn seconds(&mut self, index: usize) -> Option<usize> {
        const COUNTS: [(&str, f64); 7] = [
            ("a", 1.0),
            ("one", 1.0),
            ("two", 2.0),
            ("three", 3.0),
            ("four", 4.0),
            ("ten", 10.0),
            ("thirty", 30.0),
        ];
        let (count, at) = if self.lower(index) == "half" && self.lower(index + 1) == "a" {
            (0.5, index + 2)
        } else {
            let word = self.lower(index);
            let spelled = COUNTS.iter().find(|(name, _)| *name == word).map(|(_, count)| *count);
            (self.number(index).or(spelled)?, index + 1)
        };
        let unit = match self.lower(at) {
            "second" | "seconds" | "sec" | "secs" if self.number(index).is_some() || count > 1.0 => 1.0,
            "minute" | "minutes" | "mins" => 60.0,
            "min" if self.number(index).is_some() => 60.0,
            _ => return None,
        };
        let seconds = count * unit;
        if !(1.0..=600.0).contains(&seconds) {
            return None;
        }
        self.reading.seconds.get_or_insert(seconds);
        let is_long = matches!(self.lower(at + 1), "long" | "length");
        Some(at + 1 - index + usize::from(is_long))
    }

    fn tempo(&mut self, index: usize) -> Option<usize> {
        let (bpm, taken) = if let Some(bpm) = self.number(index) {
            let unit = self.is_unit_of_tempo(index + 1);
            let before = if index == 0 { "" } else { self.lower(index - 1) };
            let is_marked =
                matches!(before, "at" | "around" | "about" | "roughly" | "circa" | "approximately");
            let is_likely = (60.0..=200.0).contains(&bpm) && !matches!(self.lower(index + 1), "bar" | "bars");
            if unit > 0 {
                (bpm, 1 + unit)
            } else if is_likely && (is_marked || look_up(self.lower(index)).is_none()) {
                (bpm, 1)
            } else {
                return None;
            }
        } else if matches!(self.lower(index), "bpm" | "tempo") {
            let skipped = usize::from(matches!(self.lower(index + 1), "of" | "at" | "is"));
            (self.number(index + 1 + skipped)?, 2 + skipped)
        } else {
            return None;
        };
        let first = *self.reading.bpm.get_or_insert(bpm);
        if first != bpm {
            self.reading.contradiction(&format!("{first} bpm"), &format!("{bpm} bpm"));
        }
        Some(taken)
    }

    fn bars(&mut self, index: usize) -> Option<usize> {
        const NUMBERS: [&str; 17] = [
            "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
            "twelve", "thirteen", "fourteen", "fifteen", "sixteen",
        ];
        if !matches!(self.lower(index + 1), "bar" | "bars" | "measure" | "measures") {
            return None;
        }
        let word = self.lower(index);
        let bars = match NUMBERS.iter().position(|name| *name == word) {
            Some(number) => number as u32,
            // "a bar" and "12.5 bars" are not lengths. A huge number is one, which the planner refuses.
            None if word.bytes().all(|byte| byte.is_ascii_digit()) && !word.is_empty() => {
                word.parse().unwrap_or(u32::MAX)
            }
            None => return None,
        };
        let first = *self.reading.bars.get_or_insert(bars);
        if first != bars {
            self.reading.contradiction(&format!("{first} bars"), &format!("{bars} bars"));
        }
        Some(2)
    }

    fn meter(&mut self, index: usize) -> Option<usize> {
        let word = self.words.get(index)?;
        let is_named = |at: usize| matches!(self.lower(at), "time" | "meter" | "metre");
        let (meter, taken) = if word.lower.contains('/') {
            (word.lower.parse().ok()?, 1)
        } else if let Some((text, taken)) = self.spoken_meter(index) {
            (text.parse().ok()?, taken)
        } else {
            let text = match (self.lower(index), self.lower(index + 1)) {
                ("three", "four") => "3/4",
                ("four", "four") => "4/4",
                ("five", "four") => "5/4",
                ("six", "eight") => "6/8",
                ("seven", "eight") => "7/8",
                ("nine", "eight") => "9/8",
                ("twelve", "eight") => "12/8",
                _ => return None,
            };
            if matches!(self.lower(index + 2), "bar" | "bars" | "measure" | "measures") {
                return None;
            }
            (text.parse().ok()?, 2)
        };
        let taken = taken + usize::from(is_named(index + taken));
        let first: Meter = *self.reading.meter.get_or_insert(meter);
        if first != meter {
            self.reading.contradiction(&first.to_string(), &meter.to_string());
        }
        Some(taken)
    }

    /// "In three", "triple meter", "3 beat".
    fn spoken_meter(&self, index: usize) -> Option<(&'static str, usize)> {
        let ends = |at: usize| {
            self.words.get(at).is_none_or(|word| {
                word.starts_clause || matches!(word.lower.as_str(), "with" | "and" | "time")
            })
        };
        let meter_of = |word: &str| match word {
            "three" | "3" => Some("3/4"),
            "four" | "4" => Some("4/4"),
            "five" | "5" => Some("5/4"),
            "six" | "6" => Some("6/8"),
            "seven" | "7" => Some("7/8"),
            "nine" | "9" => Some("9/8"),
            "twelve" | "12" => Some("12/8"),
            _ => None,
        };
        match (self.lower(index), self.lower(index + 1)) {
            ("triple", "meter" | "metre" | "time") => Some(("3/4", 2)),
            ("compound", "meter" | "metre" | "time") => Some(("6/8", 2)),
            ("in", word) if ends(index + 2) => meter_of(word).map(|meter| (meter, 2)),
            (word @ ("3" | "three" | "5" | "five" | "7" | "seven"), "beat" | "beats")
                if self.lower(index + 2) != "per" =>
            {
                meter_of(word).map(|meter| (meter, 2))
            }
            _ => None,
        }
    }

    /// A note name at a word, and how many words it took: "F#", "b♭", "E flat".
    fn note(&self, index: usize) -> Option<(u8, usize)> {
        let word = self.words.get(index)?;
        let key: Key = word.typed.parse().ok().filter(|_| word.lower.chars().count() <= 2)?;
        if word.lower.len() > 1 && word.lower.ends_with('m') {
            return None;
        }
        let shift = match self.lower(index + 1) {
            "sharp" if word.lower.len() == 1 => 1,
            "flat" if word.lower.len() == 1 => 11,
            _ => 0,
        };
        Some(((key.tonic + shift) % 12, 1 + usize::from(shift > 0)))
    }

    fn mode_word(&self, index: usize) -> Option<(Mode, usize)> {
        if matches!(self.lower(index), "harmonic" | "natural" | "melodic") && self.lower(index + 1) == "minor"
        {
            return Some((Mode::Minor, 2));
        }
        let mode = match self.lower(index) {
            "maj" | "major" | "ionian" | "dur" => Mode::Major,
            "min" | "minor" | "aeolian" | "moll" => Mode::Minor,
            word => Mode::ALL.into_iter().find(|mode| mode.name() == word)?,
        };
        Some((mode, 1))
    }

    fn set_key(&mut self, key: Key) {
        let first = *self.reading.key.get_or_insert(key);
        if first != key {
            self.reading.contradiction(&first.to_string(), &key.to_string());
        }
    }

    /// "F# minor", "e flat dorian", "in Bb", "key of D".
    fn key(&mut self, index: usize) -> Option<usize> {
        if let Some(key) = self.camelot(index) {
            self.set_key(key);
            return Some(1);
        }
        let (tonic, taken) = self.note(index)?;
        if let Some((mode, more)) = self.mode_word(index + taken) {
            if self.is_article(index, index + taken + more) {
                self.reading.mode = self.reading.mode.or(Some(mode));
                return Some(taken + more);
            }
            self.set_key(Key { tonic, mode });
            return Some(taken + more);
        }
        let before = if index == 0 { "" } else { self.lower(index - 1) };
        let is_of_key = before == "of" && index > 1 && self.lower(index - 2) == "key";
        let is_note = taken == 2
            || self.words[index].typed.chars().count() == 2
            || self.words[index].typed.chars().all(char::is_uppercase);
        let is_list = self.words.get(index + 1).is_some_and(|word| chord(word).is_some());
        // "minor key, a lead": this "key" was a mode.
        let is_key = before == "key" && is_note && self.mode_word(index.saturating_sub(2)).is_none();
        if ((before == "in" && is_note && !is_list) || is_of_key || is_key)
            && !self.next_is_meaning(index + taken, before)
        {
            self.set_key(Key { tonic, mode: self.reading.mode.unwrap_or(Mode::Major) });
            return Some(taken);
        }
        None
    }

    /// "In a minor key", "a major chord": no key of A.
    fn is_article(&self, index: usize, next: usize) -> bool {
        const NOUNS: [&str; 12] = [
            "key",
            "keys",
            "mode",
            "scale",
            "chord",
            "chords",
            "tonality",
            "feel",
            "mood",
            "melody",
            "progression",
            "harmony",
        ];
        let follows = self.words.get(next).filter(|word| !word.starts_clause);
        self.words[index].typed == "a" && follows.is_some_and(|word| NOUNS.contains(&word.lower.as_str()))
    }

    /// A key of the Camelot wheel: "8A" is A minor, "8B" C major. Neighbours are fifths apart.
    fn camelot(&self, index: usize) -> Option<Key> {
        let typed = self.words.get(index)?.typed.as_str();
        let (number, mode, at_eight) = match (typed.strip_suffix('A'), typed.strip_suffix('B')) {
            (Some(number), _) => (number, Mode::Minor, 9),
            (None, Some(number)) => (number, Mode::Major, 0),
            (None, None) => return None,
        };
        let number: u8 = number.parse().ok().filter(|number| (1..=12).contains(number))?;
        Some(Key { tonic: (at_eight + 7 * (number + 4)) % 12, mode })
    }

    /// "In A dark room": the note was an article.
    fn next_is_meaning(&self, index: usize, before: &str) -> bool {
        before == "in"
            && self.words.get(index).is_some_and(|word| !word.starts_clause && look_up(&word.lower).is_some())
            && self.lower(index - 1) == "a"
    }

    /// A minor or major triad's symbol alone names the key: "techno, F#m".
    fn key_symbol(&mut self, index: usize) -> Option<usize> {
        let word = self.words.get(index)?;
        let before = if index == 0 { "" } else { self.lower(index - 1) };
        let is_stated = matches!(before, "in" | "key" | "of");
        let suffix =
            word.typed.trim_start_matches(|letter: char| letter.is_ascii_alphabetic() && letter != 'm');
        let mut is_symbol = word.typed.len() >= 2
            && suffix.trim_start_matches(['#', '♯', '♭']) == "m"
            && (is_stated || word.typed.starts_with(|first: char| first.is_ascii_uppercase()));
        // "gmin", "C#min", "Bbmaj" are nothing else.
        is_symbol |= ["min", "maj", "minor", "major"].iter().any(|mode| {
            word.lower.strip_suffix(mode).is_some_and(|note| {
                let note = note.trim_end_matches(['#', '♯', '♭']);
                let note = if note.len() == 2 { note.strip_suffix('b').unwrap_or(note) } else { note };
                note.len() == 1 && note.starts_with(|letter: char| ('a'..='g').contains(&letter))
            })
        });
        let key: Key = word.typed.parse().ok().filter(|_| is_symbol)?;
        self.set_key(key);
        Some(1)
    }

    /// Two or more chord symbols in a row.
    fn chords(&mut self, index: usize) -> Option<usize> {
        let mut chords = Vec::new();
        let mut taken = 0;
        let (mut are_typed_large, mut have_suffix) = (true, false);
        while let Some(word) = self.words.get(index + taken) {
            if word.follows_slash && taken > 0 {
                taken += 1;
                continue;
            }
            let Some(chord) = chord(word) else { break };
            are_typed_large &= word.typed.starts_with(|first: char| first.is_ascii_uppercase());
            have_suffix |= word.typed.chars().count() > 1;
            chords.push(chord);
            taken += 1;
        }
        // The last chord may start a key: "Am F C in G minor" ends before "in", but "C G A minor" does not.
        if chords.len() >= 2 && self.mode_word(index + taken).is_some() {
            chords.pop();
            taken -= 1;
        }
        let is_announced = self.is_announced(index);
        let first = self.words[index].typed.as_str();
        let is_list = match chords.len() {
            0 => false,
            // "Vamp on Em7": a single symbol with no other meaning.
            1 => {
                (is_announced && (have_suffix || are_typed_large))
                    || (are_typed_large && chords[0].quality.intervals().len() > 3 && !first.ends_with('6'))
            }
            2 => (are_typed_large && have_suffix) || is_announced,
            _ => are_typed_large || have_suffix || is_announced,
        };
        if !is_list {
            return None;
        }
        chords.truncate(MOST_CHORDS);
        // "Dm7 or Dm7 G7 Cmaj7": the longest list counts.
        if self.reading.chords.as_ref().is_none_or(|known| known.len() < chords.len()) {
            self.reading.chords = Some(chords);
        }
        Some(taken)
    }

    fn is_announced(&self, index: usize) -> bool {
        index > 0
            && matches!(
                self.lower(index - 1),
                "chords"
                    | "chord"
                    | "progression"
                    | "changes"
                    | "harmony"
                    | "cadence"
                    | "loop"
                    | "sequence"
                    | "numerals"
            )
    }

    /// Roman numerals in a row: "i VI III VII", "ii-V-I", "iiø7 V7 i".
    fn numerals(&mut self, index: usize) -> Option<usize> {
        let read = |word: &Word| {
            let is_roman = word.typed.chars().any(|letter| matches!(letter, 'i' | 'v' | 'I' | 'V'));
            word.typed.parse::<Numeral>().ok().filter(|_| is_roman)
        };
        let run = self.words[index..].iter().enumerate();
        let numerals: Vec<Numeral> = run
            .take_while(|(at, word)| *at == 0 || !word.starts_clause || word.follows_dash)
            .map_while(|(_, word)| read(word))
            .take(MOST_CHORDS)
            .collect();
        let taken = numerals.len();
        let words = &self.words[index..index + taken];
        // "I" is a word, and "v" may be one in a count: require two in a row that cannot be anything else.
        let is_unmistakable = words.iter().any(|word| word.typed.chars().count() > 1)
            || words.iter().skip(1).any(|word| word.follows_dash);
        let is_list = match taken {
            0 => false,
            1 => self.is_announced(index),
            2 => is_unmistakable || self.is_announced(index),
            _ => true,
        };
        if !is_list {
            return None;
        }
        if numerals.len() > self.reading.numerals.len() {
            self.reading.numerals = numerals;
        }
        Some(taken)
    }

    /// Degrees as figures or words: "1-5-6-4", "progression 2 5 1", "two five one".
    fn spoken_degrees(&mut self, index: usize) -> Option<usize> {
        const SPOKEN: [&str; 7] = ["one", "two", "three", "four", "five", "six", "seven"];
        let degree = |word: &Word| {
            let spoken = SPOKEN.iter().position(|name| *name == word.lower).map(|at| at as u8 + 1);
            let figure = word.lower.parse::<u8>().ok().filter(|_| word.lower.len() == 1);
            spoken.or(figure).and_then(Numeral::of_degree)
        };
        let run = self.words[index..].iter().enumerate();
        let numerals: Vec<Numeral> = run
            .take_while(|(at, word)| *at == 0 || !word.starts_clause)
            .map_while(|(_, word)| degree(word))
            .take(MOST_CHORDS)
            .collect();
        let taken = numerals.len();
        let words = &self.words[index..index + taken];
        let is_joined = words.iter().skip(1).all(|word| word.follows_dash);
        let is_spoken =
            words.iter().all(|word| !word.lower.starts_with(|first: char| first.is_ascii_digit()));
        let counts = matches!(self.lower(index + taken), "bar" | "bars" | "measure" | "measures");
        if taken < 3 || counts || !(is_joined || is_spoken || self.is_announced(index)) {
            return None;
        }
        if numerals.len() > self.reading.numerals.len() {
            self.reading.numerals = numerals;
        }
        Some(taken)
    }
}

fn chord(word: &Word) -> Option<Chord> {
    // English words that look like lower-case chord symbols do not count: "a", "am"; "dim" has no root.
    let is_article = word.typed == "a" || word.typed == "am" || word.typed == "add";
    if is_article { None } else { word.typed.parse().ok() }
}
