//! Reads a prompt: explicit facts first, then the words in the lexicon, each bound to the track that it describes.

use super::Feel;
use super::STYLE_COUNT;
use super::idiom::plain;
use super::language::in_english;
use super::lexicon::{Entry, Instrument, LONGEST_SPELLING, Shift, is_filler, look_up};
use super::sound::add;
use super::typo::likely_meant;
use super::word::{Word, words};
use resonantgen_music::plan::{Chord, Key, Meter, Mode, Numeral};
use resonantgen_music::track::{TRACK_COUNT, Track};

/// Maximum number of unknown words kept for display, and their maximum length.
const MOST_UNKNOWN: usize = 24;
const LONGEST_UNKNOWN: usize = 40;
/// Factor applied to a negated mood ("not dark").
const NEGATION: f32 = -0.6;

/// What the prompt says about one track, or about the whole piece.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Description {
    pub(super) shifts: Vec<Shift>,
    /// The typed words that cause the shifts, for display.
    pub(super) words: Vec<String>,
    /// Properties of the sound, with their strengths.
    pub(super) sounds: Vec<(String, f32)>,
    pub(super) instruments: Vec<String>,
    /// Which named instrument (index into [`Reading::named`]) each of `instruments` describes.
    pub(super) groups: Vec<usize>,
    /// Usual instruments of a style; they count if none is named.
    pub(super) usual: Vec<String>,
    pub(super) unwanted: Vec<String>,
    /// Names of drum voices that must not be hit.
    pub(super) silent: Vec<String>,
    pub(super) octave: i8,
    pub(super) absent: bool,
    pub(super) wanted: bool,
}

impl Description {
    /// The combined shift: the sum divided by the square root of the count, as moods were mixed in training.
    pub(super) fn shift(&self) -> Shift {
        let mut sum = [0.0; 5];
        let scale = 1.0 / (self.shifts.len().max(1) as f32).sqrt();
        for shift in &self.shifts {
            for (total, part) in sum.iter_mut().zip(shift) {
                *total += part * scale;
            }
        }
        sum
    }

    /// Records an instrument that is wanted or excluded.
    fn instrument(&mut self, tag: &str, is_wanted: bool, group: usize) {
        let list = if is_wanted { &mut self.instruments } else { &mut self.unwanted };
        if !list.iter().any(|known| known == tag) {
            list.push(tag.to_owned());
            if is_wanted {
                self.groups.push(group);
            }
        }
    }

    /// The named instruments that were not excluded, or else the usual ones.
    pub(super) fn wanted_instruments(&self) -> Vec<String> {
        let list = if self.instruments.is_empty() { &self.usual } else { &self.instruments };
        let mut wanted: Vec<String> = Vec::new();
        for tag in list {
            if !self.unwanted.contains(tag) && !wanted.contains(tag) {
                wanted.push(tag.clone());
            }
        }
        wanted
    }
}

/// Everything that was understood of a prompt.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reading {
    pub(super) styles: [f32; STYLE_COUNT],
    pub(super) hints: [f32; STYLE_COUNT],
    /// Genres and their weights, in the order in which they were named.
    pub(super) genres: Vec<(String, f32)>,
    /// Instruments as they were named, and whether no patch sounds like them.
    pub(super) named: Vec<(String, bool)>,
    pub(super) moods: Vec<String>,
    pub(super) piece: Description,
    pub(super) tracks: [Description; TRACK_COUNT],
    pub(super) only_named: bool,
    pub(super) bpm: Option<f64>,
    pub(super) bpm_range: Option<(f64, f64)>,
    pub(super) seconds: Option<f64>,
    pub(super) key: Option<Key>,
    pub(super) mode: Option<Mode>,
    pub(super) pace: f32,
    /// Usual tempo of the first named genre, and whether another genre without one was named.
    pub(super) usual_bpm: Option<f64>,
    pub(super) names_plain_style: bool,
    pub(super) meter: Option<Meter>,
    pub(super) bars: Option<u32>,
    pub(super) swing: Option<f64>,
    pub(super) chords: Option<Vec<Chord>>,
    pub(super) numerals: Vec<Numeral>,
    pub(super) feel: Option<Feel>,
    pub(super) looseness: Option<f32>,
    pub(super) follows_kick: bool,
    pub(super) closeness: Option<f32>,
    pub(super) unknown: Vec<String>,
    /// How contradictions were resolved, in sentences.
    pub(super) notes: Vec<String>,
    /// Whether a word describes notes and not a sound.
    pub(super) describes_notes: bool,
}

impl Reading {
    /// Whether the words describe the sound of parts and nothing else, so that their notes can stay.
    pub(super) fn is_about_sound(&self) -> bool {
        let parts = || std::iter::once(&self.piece).chain(&self.tracks);
        let is_plain = |part: &Description| {
            part.instruments.is_empty()
                && part.unwanted.is_empty()
                && part.silent.is_empty()
                && part.usual.is_empty()
                && part.octave == 0
                && !part.absent
        };
        let has_facts = self.bpm.is_some()
            || self.bpm_range.is_some()
            || self.seconds.is_some()
            || self.key.is_some()
            || self.mode.is_some()
            || self.meter.is_some()
            || self.bars.is_some()
            || self.swing.is_some()
            || self.chords.is_some()
            || !self.numerals.is_empty();
        let asks_for_notes = self.describes_notes
            || self.follows_kick
            || self.only_named
            || self.feel.is_some()
            || self.closeness.is_some()
            || self.pace != 0.0
            || !self.genres.is_empty()
            || self.styles.iter().any(|weight| *weight != 0.0);
        parts().any(|part| !part.sounds.is_empty())
            && parts().all(is_plain)
            && !has_facts
            && !asks_for_notes
            && self.unknown.is_empty()
    }

    /// Of contradicting facts the first counts; a note reports this.
    pub(super) fn contradiction(&mut self, taken: &str, left: &str) {
        let note = format!("{taken} was taken, {left} left out: the words ask for both");
        if self.notes.len() < MOST_UNKNOWN && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// An adjective or instrument that is waiting for its noun.
enum Pending {
    Adjective {
        shift: Option<Shift>,
        word: String,
        mood: Option<&'static str>,
        sounds: &'static [&'static str],
        strength: f32,
    },
    Instrument {
        instrument: Instrument,
        is_wanted: bool,
        group: usize,
    },
    Octave(i8),
}

pub(super) struct Reader {
    pub(super) words: Vec<Word>,
    pub(super) reading: Reading,
    pending: Vec<Pending>,
    /// The track named last in this clause; adjectives after it describe it.
    subject: Option<Track>,
    /// Scale from "more", "slightly" or "less"; 1 if there is none.
    scale: f32,
    is_compared: bool,
    is_negated: bool,
    /// Whether the last item was a negated track: "no drums or bass".
    negated_noun: bool,
    /// Whether the subject is being described: "the drums should be …".
    is_described: bool,
    /// The instrument that the next word goes on describing: "string pads".
    open_group: Option<usize>,
}

/// Reads a prompt. Never fails: words that are not understood are listed.
pub(super) fn read(prompt: &str) -> Reading {
    let mut reader = Reader {
        words: plain(in_english(words(prompt))),
        reading: Reading::default(),
        pending: Vec::new(),
        subject: None,
        scale: 1.0,
        is_compared: false,
        is_negated: false,
        negated_noun: false,
        is_described: false,
        open_group: None,
    };
    reader.mend_slips();
    reader.mood_alone();
    reader.solo();
    reader.one_part();
    let mut index = 0;
    while index < reader.words.len() {
        if reader.words[index].starts_clause && !reader.awaits_noun(index) {
            reader.end_clause();
        }
        index += reader.step(index).max(1);
    }
    reader.end_clause();
    reader.small_band();
    reader.reading
}

impl Reader {
    pub(super) fn lower(&self, index: usize) -> &str {
        self.words.get(index).map_or("", |word| word.lower.as_str())
    }

    /// Whether the comma before a word only separates adjectives: in "a wide, distant piano" the noun is yet to come.
    fn awaits_noun(&self, index: usize) -> bool {
        let before = &self.words[index.saturating_sub(3)..index];
        let article = before.iter().rposition(|word| matches!(word.lower.as_str(), "a" | "an"));
        // Everything after the article was read as adjectives, but no noun has followed.
        article.is_some_and(|article| {
            article + 1 < before.len() && !before[article + 1..].iter().any(|word| word.starts_clause)
        }) && matches!(self.pending.last(), Some(Pending::Adjective { .. }))
    }

    /// Reads the phrase that starts at a word; returns the number of words used.
    fn step(&mut self, index: usize) -> usize {
        if let Some(taken) = self.fact(index) {
            return taken;
        }
        // "drum and bass" is a style despite its "and", so phrases take precedence over conjunctions.
        for length in (1..=LONGEST_SPELLING.min(self.words.len() - index)).rev() {
            let phrase = &self.words[index..index + length];
            if phrase[1..].iter().any(|word| word.starts_clause) {
                continue;
            }
            let spelling = phrase.iter().map(|word| word.lower.as_str()).collect::<Vec<_>>().join(" ");
            if length == 1 && self.modifier(index) {
                return 1;
            }
            if let Some(entry) = look_up(&spelling) {
                self.entry(entry, &spelling, index, length);
                return length;
            }
        }
        let word = &self.words[index];
        let is_noise = is_filler(&word.lower) || !word.lower.chars().any(char::is_alphanumeric);
        if !is_noise && self.reading.unknown.len() < MOST_UNKNOWN {
            let shown: String = word.typed.chars().take(LONGEST_UNKNOWN).collect();
            if !self.reading.unknown.contains(&shown) {
                self.reading.unknown.push(shown);
            }
        }
        1
    }

    /// "Bass solo" at the start, or "solo piano": the other tracks are silent.
    fn solo(&mut self) {
        let is_instrument = |word: &Word| {
            look_up(&word.lower).is_some_and(|entry| entry.track.is_some() || !entry.free.is_empty())
        };
        let ends = |index: usize| self.words.get(index).is_none_or(|word| word.starts_clause);
        let first = match self.words.as_slice() {
            [solo, instrument, ..] if solo.lower == "solo" => is_instrument(instrument),
            [instrument, solo, ..] if solo.lower == "solo" => is_instrument(instrument) && ends(2),
            [_, instrument, solo, ..] if solo.lower == "solo" => is_instrument(instrument) && ends(3),
            _ => false,
        };
        if first {
            self.reading.only_named = true;
            self.words.retain(|word| word.lower != "solo");
        }
    }

    /// Corrects typing mistakes, unless a phrase contains the word as it is.
    fn mend_slips(&mut self) {
        const FACTS: [&str; 34] = [
            "beats", "measure", "measures", "minute", "minutes", "second", "seconds", "sharp", "between",
            "above", "below", "under", "numerals", "harmonic", "natural", "ionian", "aeolian", "triple",
            "meter", "metre", "compound", "three", "seven", "eight", "eleven", "twelve", "thirteen",
            "fourteen", "fifteen", "sixteen", "thirty", "crotchet", "faster", "slower",
        ];
        let is_known = |words: &[Word]| {
            let spelling = words.iter().map(|word| word.lower.as_str()).collect::<Vec<_>>().join(" ");
            look_up(&spelling).is_some()
        };
        for index in 0..self.words.len() {
            let word = &self.words[index].lower;
            if FACTS.contains(&word.as_str()) || is_known(&self.words[index..=index]) {
                continue;
            }
            let first = index.saturating_sub(LONGEST_SPELLING - 1);
            let is_in_phrase = (first..=index).any(|from| {
                let last = (from + LONGEST_SPELLING).min(self.words.len());
                (index + 1..=last).any(|to| to - from > 1 && is_known(&self.words[from..to]))
            });
            if let Some(meant) = likely_meant(word).filter(|_| !is_in_phrase) {
                meant.clone_into(&mut self.words[index].lower);
            }
        }
    }

    /// "Minimal" is a mood next to a style or an instrument, and otherwise a genre.
    fn mood_alone(&mut self) {
        let is_else = |word: &Word| {
            look_up(&word.lower).is_some_and(|entry| {
                !entry.styles.is_empty()
                    || entry.genre.is_some()
                    || entry.track.is_some()
                    || !entry.free.is_empty()
                    || !entry.fixed.is_empty()
            })
        };
        if !self.words.iter().any(is_else)
            && let Some(word) = self.words.iter_mut().find(|word| word.lower == "minimal")
        {
            "microhouse".clone_into(&mut word.lower);
        }
    }

    /// "Drum loop", "90 bpm drums", "a piano piece", "bass alone": a single part is requested.
    fn one_part(&mut self) {
        const LOOPS: [&str; 9] =
            ["loop", "loops", "pattern", "fill", "fills", "break", "stem", "part", "only"];
        const PIECES: [&str; 12] = [
            "piece",
            "pieces",
            "music",
            "sonata",
            "etude",
            "nocturne",
            "prelude",
            "improvisation",
            "recital",
            "recording",
            "composition",
            "instrumental",
        ];
        let entry = |index: usize| self.words.get(index).and_then(|word| look_up(&word.lower));
        let follows = |index: usize, list: &[&str]| {
            self.words
                .get(index)
                .is_some_and(|word| !word.starts_clause && list.contains(&word.lower.as_str()))
        };
        let count = self.words.len();
        let mut parts = Vec::new();
        let (mut names_style, mut names_piece, mut is_loop, mut is_alone) = (false, false, false, false);
        let mut index = 0;
        while index < count {
            let longest = (1..=LONGEST_SPELLING.min(count - index)).rev().find_map(|length| {
                let phrase = &self.words[index..index + length];
                if phrase[1..].iter().any(|word| word.starts_clause) {
                    return None;
                }
                let spelling = phrase.iter().map(|word| word.lower.as_str()).collect::<Vec<_>>().join(" ");
                look_up(&spelling).map(|entry| (length, entry))
            });
            let Some((length, found)) = longest else {
                is_alone |= matches!(self.lower(index), "alone" | "unaccompanied" | "isolated");
                index += 1;
                continue;
            };
            let next = index + length;
            let owner = found.track.or(found.free.iter().find_map(|instrument| instrument.track));
            let owner = owner
                .or_else(|| found.fixed.first().map(|(track, _)| *track).filter(|_| found.styles.is_empty()));
            if let Some(track) = owner {
                let is_described = entry(next).is_some_and(|next| next.track == Some(track));
                parts.push(track);
                is_loop |= if found.track.is_some() {
                    !found.is_part && follows(next, &LOOPS)
                } else {
                    !is_described && follows(next, &PIECES)
                };
            }
            names_style |= !found.styles.is_empty();
            names_piece |= found.is_piece && !follows(index, &LOOPS);
            index = next;
        }
        let Some(first) = parts.first().copied().filter(|first| parts.iter().all(|track| track == first))
        else {
            return;
        };
        let is_negated = self.words.iter().any(|word| {
            matches!(
                word.lower.as_str(),
                "no" | "not" | "without" | "less" | "more" | "fewer" | "minus" | "sans" | "avoid" | "except"
            )
        });
        let is_rhythm = matches!(first, Track::Drums | Track::Bass)
            && self.words.iter().any(|word| {
                look_up(&word.lower).is_some_and(|entry| {
                    entry.track == Some(first) && !entry.is_part && entry.fixed.is_empty()
                })
            });
        let is_bare = is_rhythm && !names_style && !names_piece;
        if !is_negated && (is_loop || is_alone || is_bare) {
            self.reading.only_named = true;
            self.reading.tracks[first.index()].wanted = true;
        }
    }

    /// "Trio: piano, double bass, brushes": only the named instruments play.
    fn small_band(&mut self) {
        let says = |names: &[&str]| self.words.iter().any(|word| names.contains(&word.lower.as_str()));
        let players =
            self.reading.tracks.iter().filter(|description| !description.instruments.is_empty()).count();
        if (players == 3 && says(&["trio"])) || (players == 2 && says(&["duo", "duet"])) {
            self.reading.only_named = true;
            for description in &mut self.reading.tracks {
                description.wanted |= !description.instruments.is_empty();
            }
        }
    }

    /// Words that change what comes next.
    fn modifier(&mut self, index: usize) -> bool {
        let word = self.lower(index).to_owned();
        match word.as_str() {
            "no" | "not" | "without" | "minus" | "sans" | "non" | "never" | "remove" | "don't" | "isn't"
            | "ohne" | "except" | "excluding" | "lacking" | "omit" | "skip" | "avoid" | "avoiding" => {
                let subject = self.subject.filter(|_| word == "not");
                self.flush(subject, false);
                self.is_negated = true;
            }
            "or" | "nor" | "and" if self.negated_noun && self.next_is_played(index + 1) => {
                self.is_negated = true;
            }
            "more" => self.compare(1.0),
            "less" | "fewer" => self.compare(-1.0),
            "much" | "way" | "lot" | "very" | "really" | "super" | "extremely" | "ultra" | "so" | "far" => {
                self.scale *= 1.5;
            }
            "slightly" | "bit" | "little" | "somewhat" | "touch" | "hint" | "kinda" | "mildly" => {
                self.scale *= 0.5
            }
            "but" if matches!(self.lower(index.wrapping_sub(1)), "everything" | "all" | "anything") => {
                self.is_negated = true;
            }
            "with" | "w" | "featuring" | "feat" | "plus" | "over" | "under" | "but" => {
                self.end_clause();
            }
            "is" | "are" | "be" | "should" | "sounds" | "sound" | "feels" if self.subject.is_some() => {
                self.is_described = true;
                return false;
            }
            "and" | "the" | "while" if self.is_described && !self.pending.is_empty() => {
                self.end_clause();
            }
            "nothing" | "nobody" if matches!(self.lower(index + 1), "else" | "but" | "except") => {
                self.reading.only_named = true;
                // Not "except the drums".
                if self.lower(index + 1) == "except" {
                    "but".clone_into(&mut self.words[index + 1].lower);
                }
            }
            "only" | "just" => {
                let names = |index: usize| {
                    let entry = self.words.get(index).and_then(|word| look_up(&word.lower));
                    entry.is_some_and(|entry| entry.track.is_some() || !entry.free.is_empty())
                };
                if names(index + 1) || (word == "only" && index > 0 && names(index - 1)) {
                    self.reading.only_named = true;
                }
            }
            _ => return false,
        }
        true
    }

    fn compare(&mut self, direction: f32) {
        self.scale *= direction;
        self.is_compared = true;
    }

    /// Whether the word after "no drums or" or "no piano and" belongs to what is negated.
    fn next_is_played(&self, index: usize) -> bool {
        let entry = self.words.get(index).and_then(|word| look_up(&word.lower));
        entry.is_some_and(|entry| entry.track.is_some() || !entry.free.is_empty() || !entry.voices.is_empty())
    }

    fn next_is_track(&self, index: usize) -> bool {
        self.words.get(index).and_then(|word| look_up(&word.lower)).is_some_and(|entry| entry.track.is_some())
    }

    /// Takes the pending negation and scale.
    fn take_modifiers(&mut self) -> (bool, f32, bool) {
        let taken = (self.is_negated, self.scale.clamp(-2.0, 2.0), self.is_compared);
        self.is_negated = false;
        self.scale = 1.0;
        self.is_compared = false;
        taken
    }

    fn entry(&mut self, entry: &'static Entry, spelling: &str, index: usize, length: usize) {
        let (is_negated, scale, is_compared) = self.take_modifiers();
        self.negated_noun = false;
        let shown = if is_negated { format!("not {spelling}") } else { spelling.to_owned() };
        let group = self.group_of(entry, spelling, index + length);
        self.reading.mode = if is_negated { self.reading.mode } else { self.reading.mode.or(entry.mode) };
        if !is_negated {
            self.reading.meter = self.reading.meter.or(entry.meter);
            let pace = entry.pace * scale;
            if pace * self.reading.pace < -0.05 {
                let names = if self.reading.pace > 0.0 { ("fast", "slow") } else { ("slow", "fast") };
                self.reading.contradiction(names.0, names.1);
            } else {
                self.reading.pace = (self.reading.pace + pace).clamp(-1.0, 1.0);
            }
            self.reading.feel = self.reading.feel.or(entry.feel);
            self.reading.looseness = self.reading.looseness.or(entry.looseness);
            self.reading.follows_kick |= entry.follows_kick;
            self.reading.closeness = self.reading.closeness.or(entry.closeness);
            if let Some(track) = entry.absent {
                self.reading.tracks[track.index()].absent = true;
            }
        }
        if entry.swing.is_some() {
            self.reading.swing = if is_negated || scale < 0.0 { Some(0.5) } else { entry.swing };
        }
        let strength = if is_negated { NEGATION * scale } else { scale };
        if !entry.styles.is_empty() {
            self.flush(None, false);
            self.subject = None;
            if strength > 0.0 {
                // A style that describes a track ("jazz chords") colours the piece less than one that names the piece.
                let share = if self.next_is_track(index + length) { 0.4 } else { 1.0 };
                for (style, weight) in &entry.styles {
                    self.reading.styles[style.index()] += weight * share * strength.min(1.5);
                }
                if let Some(name) = &entry.genre {
                    let weight: f32 = entry.styles.iter().map(|(_, weight)| weight).sum();
                    if !self.reading.genres.iter().any(|(known, _)| known == name) {
                        self.reading.genres.push((name.clone(), weight * share * strength.min(1.5)));
                    }
                }
                self.reading.usual_bpm = self.reading.usual_bpm.or(entry.tempo);
                self.reading.names_plain_style |= entry.tempo.is_none();
                for mood in &entry.moods {
                    self.mood(mood);
                }
                if let Some(shift) = entry.shift {
                    self.reading.piece.shifts.push(shift.map(|part| part * strength));
                }
                for sound in &entry.sounds {
                    add(&mut self.reading.piece.sounds, sound, strength);
                }
                for (track, tag) in &entry.fixed {
                    self.reading.tracks[track.index()].usual.push(tag.clone());
                }
            }
            return;
        }
        if strength > 0.0 {
            for (style, weight) in &entry.hints {
                self.reading.hints[style.index()] += weight;
            }
        }
        if let Some(track) = entry.track {
            if is_negated {
                self.pending.clear();
                self.fixed(entry, false, group);
                let description = &mut self.reading.tracks[track.index()];
                if entry.is_part {
                    description.silent.extend(entry.voices.iter().map(|voice| voice.name().to_owned()));
                    description.words.push(shown);
                } else if entry.fixed.is_empty() {
                    description.absent = true;
                }
                self.negated_noun = true;
                return;
            }
            self.flush(Some(track), true);
            let description = &mut self.reading.tracks[track.index()];
            description.wanted = true;
            if is_compared {
                self.reading.describes_notes = true;
                description.shifts.push([0.12, 0.25, 0.0, 0.0, 0.0].map(|part: f32| part * scale));
                description.words.push(if scale > 0.0 { "more".to_owned() } else { "less".to_owned() });
            }
            if let Some(shift) = entry.shift {
                description.shifts.push(shift);
            }
            self.fixed(entry, true, group);
            self.subject = Some(track);
            return;
        }
        self.fixed(entry, !is_negated, group);
        if !entry.free.is_empty() {
            self.instruments(entry, strength, is_negated, index + length, group);
            self.negated_noun = is_negated;
            return;
        }
        // "Without any beats".
        if is_negated
            && entry.is_piece
            && matches!(spelling, "beat" | "beats" | "rhythm" | "rhythms" | "groove")
        {
            self.reading.tracks[Track::Drums.index()].absent = true;
            return;
        }
        if entry.shift.is_some() || !entry.sounds.is_empty() {
            self.pending.push(Pending::Adjective {
                shift: entry.shift.map(|shift| shift.map(|part| part * strength)),
                word: shown,
                mood: entry.moods.first().copied().filter(|_| strength > 0.0),
                sounds: &entry.sounds,
                strength,
            });
        }
        if entry.octave != 0 && !is_negated {
            self.pending.push(Pending::Octave(entry.octave));
        }
        if entry.is_piece {
            self.flush(None, false);
            self.subject = None;
        }
    }

    fn fixed(&mut self, entry: &Entry, is_wanted: bool, group: usize) {
        for (track, tag) in &entry.fixed {
            self.reading.tracks[track.index()].instrument(tag, is_wanted, group);
        }
    }

    /// The instrument that a word describes: one of its own, or the one that the word before began to describe.
    fn group_of(&mut self, entry: &Entry, spelling: &str, next: usize) -> usize {
        if !entry.styles.is_empty() || (entry.free.is_empty() && entry.fixed.is_empty()) {
            self.open_group = None;
            return usize::MAX;
        }
        let group = self.open_group.take().unwrap_or(self.reading.named.len());
        match self.reading.named.get_mut(group) {
            Some((name, is_missing)) => {
                name.push(' ');
                name.push_str(spelling);
                *is_missing |= entry.nearest;
            }
            None => self.reading.named.push((spelling.to_owned(), entry.nearest)),
        }
        let follows = self.words.get(next).filter(|word| !word.starts_clause && !word.follows_slash);
        let goes_on = follows.and_then(|word| look_up(&word.lower));
        if goes_on.is_some_and(|entry| {
            entry.styles.is_empty() && !(entry.free.is_empty() && entry.fixed.is_empty())
        }) {
            self.open_group = Some(group);
        }
        group
    }

    fn instruments(&mut self, entry: &Entry, strength: f32, is_negated: bool, next: usize, group: usize) {
        let is_wanted = strength > 0.0;
        for instrument in &entry.free {
            self.pending.push(Pending::Instrument { instrument: instrument.clone(), is_wanted, group });
        }
        if let Some(shift) = entry.shift {
            let word = entry.moods.first().copied().unwrap_or_default().to_owned();
            self.pending.push(Pending::Adjective {
                shift: Some(shift),
                word,
                mood: None,
                sounds: &[],
                strength: 0.0,
            });
        }
        let follows =
            self.words.get(next).filter(|word| !word.starts_clause).and_then(|word| look_up(&word.lower));
        // "A sad piano ballad": the ballad is sad.
        if follows.is_some_and(|entry| entry.track.is_none() && !entry.styles.is_empty()) {
            let (adjectives, others) = std::mem::take(&mut self.pending)
                .into_iter()
                .partition(|pending| matches!(pending, Pending::Adjective { .. }));
            self.pending = adjectives;
            self.flush(None, false);
            self.pending = others;
        }
        let waits = follows.is_some_and(|entry| entry.track.is_some() || !entry.free.is_empty());
        if !waits || is_negated {
            let owner = entry.free.iter().find_map(|instrument| instrument.track);
            if let Some(owner) = owner {
                self.flush(Some(owner), false);
                if is_wanted {
                    self.reading.tracks[owner.index()].wanted = true;
                    self.subject = Some(owner);
                }
            }
        }
    }

    fn mood(&mut self, mood: &str) {
        if !self.reading.moods.iter().any(|known| known == mood) {
            self.reading.moods.push(mood.to_owned());
        }
    }

    /// Assigns pending words to a track, or to the whole piece. Instruments prefer their own track unless this one
    /// `is_named` by the prompt.
    fn flush(&mut self, track: Option<Track>, is_named: bool) {
        for pending in std::mem::take(&mut self.pending) {
            match pending {
                Pending::Adjective { shift, word, mood, sounds, strength } => {
                    let description = match track {
                        Some(track) => &mut self.reading.tracks[track.index()],
                        None => &mut self.reading.piece,
                    };
                    description.shifts.extend(shift);
                    self.reading.describes_notes |= sounds.is_empty();
                    for sound in sounds {
                        add(&mut description.sounds, sound, strength);
                    }
                    if !word.is_empty() && !description.words.contains(&word) {
                        description.words.push(word);
                    }
                    if let (None, Some(mood)) = (track, mood) {
                        self.mood(mood);
                    }
                }
                Pending::Octave(octave) => {
                    let description = match track {
                        Some(track) => &mut self.reading.tracks[track.index()],
                        None => &mut self.reading.piece,
                    };
                    description.octave = (description.octave + octave).clamp(-3, 3);
                }
                Pending::Instrument { instrument, is_wanted, group } => {
                    // "808" alone is drums and bass; before a track's name it is that track's.
                    if let Some(owner) = if is_named { track } else { instrument.track.or(track) } {
                        self.reading.tracks[owner.index()].instrument(&instrument.tag, is_wanted, group);
                    }
                }
            }
        }
    }

    fn end_clause(&mut self) {
        let subject = self.subject.take();
        self.flush(subject, false);
        self.negated_noun = false;
        self.is_negated = false;
        self.scale = 1.0;
        self.is_compared = false;
        self.is_described = false;
    }
}
