//! Explicit facts of a prompt: tempo, length, meter, chords, Roman numerals, key.

use super::lexicon::look_up;
use super::reader::Reader;
use super::word::Word;
use resonantgen_music::plan::{Chord, Key, Meter, Mode, Numeral};

/// Maximum number of chords read from a prompt.
const MOST_CHORDS: usize = 128;

impl Reader {
    /// Parses a tempo, length, meter, chord list or key that starts at a word; returns the number of words used.
    pub(super) fn fact(&mut self, index: usize) -> Option<usize> {
        self.tempo(index)
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

    /// A note name at a word, and the number of words used: "F#", "b♭", "E flat".
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
        let (tonic, taken) = self.note(index)?;
        if let Some((mode, more)) = self.mode_word(index + taken) {
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

    /// "In A dark room": the "A" is an article.
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
        let is_symbol = word.typed.len() >= 2
            && suffix.trim_start_matches(['#', '♯', '♭']) == "m"
            && (is_stated || word.typed.starts_with(|first: char| first.is_ascii_uppercase()));
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
