//! The words known to the prompt reader, read once from `lexicon.txt`.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::genre::{Genre, genres};
use super::{Feel, Style};
use resonantgen_music::plan::{Meter, Mode};
use resonantgen_music::score::DrumClass;
use resonantgen_music::track::Track;

/// Shifts of energy, density, brightness, aggression and complexity.
pub(super) type Shift = [f32; 5];

/// Meaning of an instrument word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Instrument {
    /// The word used in patch names and tags.
    pub(super) tag: String,
    /// Track that plays it when the prompt names none.
    pub(super) track: Option<Track>,
}

/// Meaning of a word.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    pub(super) styles: Vec<(Style, f32)>,
    /// Styles that count only if no word names a style.
    pub(super) hints: Vec<(Style, f32)>,
    pub(super) shift: Option<Shift>,
    pub(super) moods: Vec<&'static str>,
    /// Properties of the sound.
    pub(super) sounds: Vec<&'static str>,
    pub(super) track: Option<Track>,
    /// Instruments of a given track, whatever follows in the prompt.
    pub(super) fixed: Vec<(Track, String)>,
    /// Instruments of the track named next in the prompt.
    pub(super) free: Vec<Instrument>,
    pub(super) mode: Option<Mode>,
    pub(super) meter: Option<Meter>,
    pub(super) swing: Option<f64>,
    pub(super) pace: f32,
    /// Usual tempo of a genre in quarter notes per minute.
    pub(super) tempo: Option<f64>,
    pub(super) octave: i8,
    pub(super) feel: Option<Feel>,
    /// How strongly a groove template is applied.
    pub(super) looseness: Option<f32>,
    /// Whether the word means following the kick.
    pub(super) follows_kick: bool,
    /// In an edit: how closely to follow the current take.
    pub(super) closeness: Option<f32>,
    /// A track that is silenced ("drumless").
    pub(super) absent: Option<Track>,
    /// Whether the word names only a part of its track.
    pub(super) is_part: bool,
    /// Whether the word names the whole piece.
    pub(super) is_piece: bool,
    /// The genre that it names.
    pub(super) genre: Option<String>,
    /// Voices of the drums that it names.
    pub(super) voices: Vec<DrumClass>,
    /// The substitute for an instrument that no patch resembles.
    pub(super) nearest: bool,
}

/// Moods and their shifts: those of the composers' training data (`training/resonant/composer/styles.py`).
const MOODS: [(&str, Shift); 28] = [
    ("dark", [0.0, 0.0, -0.28, 0.1, 0.0]),
    ("hypnotic", [0.0, 0.0, -0.05, -0.03, -0.18]),
    ("driving", [0.25, 0.12, 0.0, 0.12, 0.0]),
    ("industrial", [0.2, 0.05, -0.15, 0.35, 0.0]),
    ("tense", [0.1, 0.0, -0.15, 0.15, 0.12]),
    ("mysterious", [-0.12, -0.1, -0.15, -0.05, 0.08]),
    ("gritty", [0.08, 0.0, -0.1, 0.28, 0.0]),
    ("euphoric", [0.25, 0.12, 0.25, 0.0, 0.0]),
    ("uplifting", [0.18, 0.08, 0.28, -0.05, 0.0]),
    ("groovy", [0.08, 0.12, 0.05, 0.0, 0.1]),
    ("warm", [-0.1, -0.03, -0.05, -0.22, 0.0]),
    ("soulful", [0.0, 0.05, 0.05, -0.1, 0.15]),
    ("chill", [-0.25, -0.15, 0.0, -0.22, 0.0]),
    ("sensual", [-0.1, -0.05, -0.05, -0.12, 0.05]),
    ("playful", [0.12, 0.1, 0.25, -0.1, 0.12]),
    ("nostalgic", [-0.1, -0.03, 0.0, -0.12, 0.0]),
    ("smooth", [-0.12, -0.05, 0.05, -0.25, 0.08]),
    ("melancholic", [-0.18, -0.1, -0.22, -0.12, 0.0]),
    ("dreamy", [-0.18, -0.05, 0.1, -0.22, 0.05]),
    ("menacing", [0.15, 0.0, -0.3, 0.32, 0.0]),
    ("triumphant", [0.28, 0.12, 0.2, 0.12, 0.0]),
    ("aggressive", [0.28, 0.15, -0.05, 0.38, 0.0]),
    ("anthemic", [0.28, 0.08, 0.2, 0.12, -0.1]),
    ("romantic", [-0.18, -0.05, 0.08, -0.22, 0.08]),
    ("hopeful", [0.0, 0.0, 0.25, -0.18, 0.0]),
    ("peaceful", [-0.3, -0.22, 0.1, -0.28, -0.1]),
    ("ethereal", [-0.22, -0.12, 0.22, -0.25, 0.05]),
    ("epic", [0.3, 0.15, -0.03, 0.18, 0.05]),
];

/// Maximum number of words in a spelling.
pub(super) const LONGEST_SPELLING: usize = 5;

/// All entries by their spellings (lower case, single blanks, no hyphens); those of genres win.
fn entries() -> &'static HashMap<&'static str, Entry> {
    static ENTRIES: LazyLock<HashMap<&'static str, Entry>> = LazyLock::new(|| {
        let read = include_str!("lexicon.txt").lines().map(str::trim);
        let words = read.filter(|line| !line.is_empty() && !line.starts_with('#')).flat_map(|line| {
            let (spellings, effects) = line.split_once(" = ").expect("each line of the lexicon has effects");
            let entry = entry(effects).expect("the lexicon's effects are well-formed");
            spellings.split('|').map(move |spelling| (spelling.trim(), entry.clone()))
        });
        let named = genres().all().flat_map(|genre| {
            let entry = entry_of(genre);
            let whole = genre.words.iter().filter(|word| !word.ends_with('*'));
            whole.map(move |word| (word.as_str(), entry.clone()))
        });
        words.chain(named).collect()
    });
    &ENTRIES
}

/// Word beginnings that name a genre in an inflected language, and their entries.
fn beginnings() -> &'static [(&'static str, Entry)] {
    static BEGINNINGS: LazyLock<Vec<(&'static str, Entry)>> = LazyLock::new(|| {
        let named = genres().all().flat_map(|genre| {
            let entry = entry_of(genre);
            let begun = genre.words.iter().filter_map(|word| word.strip_suffix('*'));
            begun.map(move |word| (word, entry.clone()))
        });
        named.collect()
    });
    &BEGINNINGS
}

/// The effects implied by a genre's name.
fn entry_of(genre: &'static Genre) -> Entry {
    let mut entry = entry(&genre.effects).expect("checked when the genre was read");
    let styles = Style::ALL.into_iter().zip(genre.styles).filter(|(_, weight)| *weight > 0.0);
    entry.styles = styles.collect();
    entry.tempo = entry.tempo.or(genre.tempo.map(|(_, usual, _)| usual).filter(|_| !genre.is_style()));
    entry.genre = Some(genre.name.clone());
    entry
}

/// All spellings in scripts that are written without spaces, the longest first.
pub(super) fn joined_spellings() -> impl Iterator<Item = &'static str> {
    entries().keys().copied().filter(|spelling| spelling.chars().any(super::language::is_joined))
}

/// All spellings of one word, in alphabetical order.
pub(super) fn single_words() -> &'static [&'static str] {
    static WORDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let mut words: Vec<&str> =
            entries().keys().copied().filter(|spelling| !spelling.contains(' ')).collect();
        words.sort_unstable();
        words
    });
    &WORDS
}

/// Parses the effects of one line; `None` if they are malformed.
pub(super) fn entry(effects: &str) -> Option<Entry> {
    let mut entry = Entry::default();
    let mut shift = [0.0; 5];
    let track = |name: &str| Track::ALL.into_iter().find(|track| track.name() == name);
    let style = |name: &str| Style::ALL.into_iter().find(|style| style.name() == name);
    for effect in effects.split_whitespace() {
        if effect == "." {
            entry.is_piece = true;
        } else if effect == "kick" {
            entry.follows_kick = true;
        } else if let Some(closeness) = effect.strip_prefix("close=") {
            entry.closeness = Some(closeness.parse().ok()?);
        } else if effect == "part" {
            entry.is_part = true;
        } else if effect == "near" {
            entry.nearest = true;
        } else if let Some(name) = effect.strip_prefix("genre=") {
            entry.genre = Some(name.to_owned());
        } else if let Some(name) = effect.strip_prefix("voice=") {
            let voice = DrumClass::ALL.into_iter().find(|class| class.name().replace(' ', "_") == name)?;
            entry.voices.push(voice);
        } else if let Some(name) = effect.strip_prefix('~') {
            let (name, mood) = MOODS.iter().find(|(known, _)| *known == name)?;
            entry.moods.push(name);
            for (sum, part) in shift.iter_mut().zip(mood) {
                *sum += part;
            }
        } else if let Some(name) = effect.strip_prefix('#') {
            entry.sounds.push(super::sound::named(name)?);
        } else if let Some(name) = effect.strip_prefix('@') {
            entry.track = Some(track(name)?);
        } else if let Some(free) = effect.strip_prefix('?') {
            let (tag, owner) = match free.split_once('@') {
                Some((tag, owner)) => (tag, Some(track(owner)?)),
                None => (free, None),
            };
            entry.free.push(Instrument { tag: tag.replace('_', " "), track: owner });
        } else if let Some(name) = effect.strip_prefix("mode=") {
            entry.mode = Some(Mode::ALL.into_iter().find(|mode| mode.name() == name)?);
        } else if let Some(meter) = effect.strip_prefix("meter=") {
            entry.meter = Some(meter.parse().ok()?);
        } else if let Some(ratio) = effect.strip_prefix("swing=") {
            entry.swing = Some(ratio.parse().ok()?);
        } else if let Some(pace) = effect.strip_prefix("pace") {
            entry.pace = pace.parse().ok()?;
        } else if let Some(tempo) = effect.strip_prefix("tempo=") {
            entry.tempo = Some(tempo.parse().ok()?);
        } else if let Some(feel) = effect.strip_prefix("feel=") {
            let feels = [Feel::HalfTime, Feel::DoubleTime];
            entry.feel = Some(feels.into_iter().find(|known| known.name() == feel)?);
        } else if let Some(looseness) = effect.strip_prefix("loose=") {
            entry.looseness = Some(looseness.parse().ok()?);
        } else if let Some(name) = effect.strip_prefix("no=") {
            entry.absent = Some(track(name)?);
        } else if let Some(octave) = effect.strip_prefix("oct") {
            entry.octave = octave.parse().ok()?;
        } else if let Some((name, tag)) = effect.split_once(':') {
            entry.fixed.push((track(name)?, tag.replace('_', " ")));
        } else if let Some((name, weight)) = effect.split_once('*') {
            entry.styles.push((style(name)?, weight.parse().ok()?));
        } else if let Some((name, weight)) = effect.split_once('^') {
            entry.hints.push((style(name)?, weight.parse().ok()?));
        } else {
            let dial = "edbac".find(&effect[..1])?;
            shift[dial] += effect[1..].parse::<f32>().ok()?;
        }
    }
    if shift != [0.0; 5] {
        entry.shift = Some(shift);
    }
    Some(entry)
}

/// The meaning of a spelling (lower case, single blanks). Single words are also found in their plural, comparative and
/// superlative, and with the suffix "ish".
pub(super) fn look_up(spelling: &str) -> Option<&'static Entry> {
    let entries = entries();
    if let Some(entry) = entries.get(spelling) {
        return Some(entry);
    }
    let begun = || beginnings().iter().find(|(begun, _)| spelling.starts_with(begun));
    if let Some((_, entry)) = (!spelling.contains(' ')).then(begun).flatten() {
        return Some(entry);
    }
    if let Some(singular) = spelling.strip_suffix('s')
        && let Some(entry) = entries.get(singular)
    {
        return Some(entry);
    }
    if spelling.contains(' ') {
        return None;
    }
    let stems = ["er", "est", "ish"].into_iter().filter_map(|ending| spelling.strip_suffix(ending));
    for stem in stems {
        // dark-er, simpl(e)-er, bus(y)-ier, sad(d)-er
        let with_e = format!("{stem}e");
        let with_y = stem.strip_suffix('i').map(|short| format!("{short}y"));
        let mut letters = stem.chars().rev();
        let is_doubled = letters.next().is_some_and(|last| letters.next() == Some(last));
        let single = if is_doubled { stem.char_indices().last().map(|(end, _)| &stem[..end]) } else { None };
        let candidates = [Some(stem), Some(with_e.as_str()), with_y.as_deref(), single];
        let found = candidates.into_iter().flatten().find_map(|candidate| {
            entries.get(candidate).filter(|entry| {
                entry.shift.is_some()
                    || !entry.styles.is_empty()
                    || entry.pace != 0.0
                    || !entry.sounds.is_empty()
            })
        });
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Words that carry no meaning of their own here.
pub(super) fn is_filler(word: &str) -> bool {
    const FILLERS: &[&str] = &[
        "a",
        "and",
        "with",
        "an",
        "the",
        "of",
        "in",
        "on",
        "at",
        "to",
        "for",
        "from",
        "by",
        "it",
        "its",
        "it's",
        "is",
        "are",
        "be",
        "being",
        "that",
        "this",
        "which",
        "my",
        "me",
        "i",
        "we",
        "you",
        "want",
        "need",
        "make",
        "makes",
        "give",
        "please",
        "pls",
        "plz",
        "w",
        "n",
        "af",
        "asf",
        "fr",
        "ngl",
        "tbh",
        "lol",
        "idk",
        "kinda",
        "sorta",
        "smth",
        "smthn",
        "gimme",
        "yo",
        "hey",
        "hi",
        "bro",
        "create",
        "generate",
        "write",
        "compose",
        "play",
        "some",
        "something",
        "like",
        "as",
        "into",
        "kind",
        "sort",
        "type",
        "bit",
        "little",
        "lot",
        "lots",
        "nice",
        "good",
        "great",
        "cool",
        "really",
        "very",
        "super",
        "so",
        "too",
        "just",
        "new",
        "bpm",
        "tempo",
        "key",
        "bars",
        "bar",
        "time",
        "signature",
        "around",
        "about",
        "would",
        "should",
        "can",
        "could",
        "have",
        "has",
        "having",
        "get",
        "gets",
        "up",
        "down",
        "more",
        "less",
        "much",
        "any",
        "them",
        "their",
        "there",
        "then",
        "what",
        "when",
        "where",
        "while",
        "through",
        "between",
        "inspired",
        "influenced",
        "influences",
        "elements",
        "element",
        "touch",
        "hint",
        "bring",
        "keep",
        "but",
        "or",
        "nor",
        "both",
        "all",
        "only",
        "add",
        "use",
        "using",
        "one",
        "tracks",
        "made",
        "make",
        "let",
        "let's",
        "lets",
        "part",
        "parts",
        "main",
        "background",
        "over",
        "under",
        "beneath",
        "behind",
        "above",
        "top",
        "full-length",
        "way",
        "quite",
        "rather",
        "pretty",
        "slightly",
        "somewhat",
        "extremely",
        "ultra",
        "not",
        "no",
        "without",
        "also",
        "instead",
        "same",
        "before",
        "after",
        "everything",
        "whole",
        "entire",
        "overall",
        "sounding",
        "sounds",
        "driven",
        "based",
        "heavy-ish",
        "oriented",
        "minor-key",
        "loopable",
        "seamless",
        "playing",
        "plays",
        "played",
        "notes",
        "note",
        "real",
        "small",
        "tinged",
        "line",
        "lines",
        "long",
        "short",
        "along",
        "everybody",
        "everyone",
        "down",
        "go",
        "going",
        "goes",
        "low",
        "high",
        "will",
        "if",
        "must",
        "our",
        "your",
        "his",
        "her",
        "out",
        "off",
        "who",
        "other",
        "others",
        "full",
        // Words of files, formats and praise.
        "quality",
        "hd",
        "hq",
        "4k",
        "professional",
        "professionally",
        "mastered",
        "mastering",
        "mixed",
        "wav",
        "mp3",
        "flac",
        "stereo",
        "royalty",
        "copyright",
        "best",
        "masterpiece",
        "perfect",
        "amazing",
        "awesome",
        "incredible",
        "than",
        "piece",
        "pieces",
    ];
    FILLERS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moods_are_those_of_the_golden_tables() {
        let golden = crate::golden_tables();
        let golden = golden["moods"].as_object().expect("moods");
        assert_eq!(golden.len(), MOODS.len());
        for (name, shift) in MOODS {
            let shift = shift.map(|part| format!("{part}"));
            let expected: Vec<String> = golden[name]
                .as_array()
                .expect("shifts")
                .iter()
                .map(|part| format!("{}", part.as_f64().expect("a number")))
                .collect();
            assert_eq!(shift.as_slice(), expected, "{name}");
        }
    }

    #[test]
    fn the_lexicon_is_well_formed_and_says_nothing_twice() {
        let mut spellings = std::collections::HashSet::new();
        for line in
            include_str!("lexicon.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            for spelling in line.split(" = ").next().expect("a first part").split('|').map(str::trim) {
                assert!(spellings.insert(spelling), "'{spelling}' has two entries");
                assert!(!spelling.contains('-'), "'{spelling}' has a hyphen");
                assert!(spelling.split(' ').count() <= LONGEST_SPELLING, "'{spelling}' is too long");
                assert_eq!(spelling, spelling.to_lowercase());
                assert!(look_up(spelling).is_some());
            }
        }
        assert!(spellings.len() > 500, "only {}", spellings.len());
        // Each word appears only once, in the lexicon or in the table of genres.
        for genre in genres().all() {
            for word in &genre.words {
                assert!(spellings.insert(word), "'{word}' of {} has two entries", genre.name);
            }
        }
    }

    #[test]
    fn genres_of_the_lexicon_exist() {
        for entry in entries().values() {
            if let Some(name) = &entry.genre {
                assert!(genres().get(name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn inflections_are_found() {
        for (inflected, plain) in [
            ("darker", "dark"),
            ("simpler", "simple"),
            ("busier", "busy"),
            ("sadder", "sad"),
            ("heaviest", "heavy"),
            ("pianos", "piano"),
            ("darkish", "dark"),
            ("faster", "fast"),
        ] {
            let (inflected, plain) = (look_up(inflected).expect("found"), look_up(plain).expect("found"));
            assert_eq!((inflected.shift, inflected.pace), (plain.shift, plain.pace));
        }
        for strange in ["er", "est", "ish", "bas", "übler", "", "s"] {
            assert!(look_up(strange).is_none(), "{strange}");
        }
    }
}
