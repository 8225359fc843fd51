//! Genres as data: the characteristics of each named genre, read from `genre/genres.toml` and `genre/grooves.toml`, and from the
//! user's own files. `docs/genres.md` explains the fields; `training/resonant/genres.py` reads the same files.
//!
//! The composers know twelve styles. A genre consists of weights over them, and of biases for the composition: tempo, feel,
//! modes, chords, and rhythms of the drum voices and of the parts.

mod read;

pub use read::GenreError;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::form::Form;
use super::{Intent, STYLE_COUNT, Style};
use resonantgen_music::plan::{Meter, Mode};
use resonantgen_music::score::{DRUM_CLASS_COUNT, DrumClass};
use resonantgen_music::track::{TRACK_COUNT, Track};

/// What a pattern specifies for one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Played, accented.
    Accent,
    /// Played.
    Play,
    /// Played most of the time, softly.
    Ghost,
    /// Played most of the time.
    Likely,
    /// Left to the composer.
    Free,
    /// Usually silent.
    Rest,
    /// Always silent, even in varied bars.
    Never,
    /// Played, with this tone of the chord.
    Tone(Tone),
}

impl Mark {
    /// Whether something is certain to be played.
    #[must_use]
    pub const fn is_played(self) -> bool {
        matches!(self, Self::Accent | Self::Play | Self::Tone(_))
    }
}

/// A tone of a chord, for basses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Tone {
    Root,
    Third,
    Fifth,
    Seventh,
    /// The root an octave above the last played one.
    Octave,
}

/// One mark per step of some bars, which are repeated throughout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    bars: Vec<Vec<Mark>>,
}

impl Pattern {
    /// The mark of a step of the piece.
    #[must_use]
    pub fn at(&self, step: u32) -> Mark {
        let steps = self.bars[0].len() as u32;
        self.bars[(step / steps) as usize % self.bars.len()][(step % steps) as usize]
    }
}

/// Families of grooves and roles that composers may be conditioned on, by track; a pattern's `family` is one of them. Positions are
/// those of the training code (`FIGURE_FAMILIES` in `training/resonant/conditions.py`), so that new ones go to the end.
#[must_use]
pub const fn families(track: Track) -> &'static [&'static str] {
    match track {
        Track::Drums => &[
            "house",
            "techno",
            "disco",
            "break",
            "two_step",
            "half_time",
            "trap",
            "electro",
            "hip_hop",
            "funk",
            "soul",
            "rock",
            "metal",
            "country",
            "shuffle",
            "ballad",
            "pop",
            "second_line",
            "reggae",
            "dembow",
            "brazil",
            "clave",
            "tango",
            "afro",
            "caribbean",
            "bells",
            "waltz",
            "compound",
            "march",
            "odd",
            "hand",
            "swing",
        ],
        Track::Bass => &[
            "octaves",
            "off_beat",
            "rolling",
            "sixteenths",
            "eighths",
            "gallop",
            "walking",
            "root_fifth",
            "bossa",
            "tumbao",
            "tresillo",
            "reggae",
            "log_drum",
            "sub",
            "wobble",
            "trap",
            "syncopated",
            "funk",
            "soul",
            "hip_hop",
            "dnb",
            "ballad",
            "drone",
            "waltz",
            "compound",
            "tango",
            "march",
            "shuffle",
            "riff",
            "odd",
            "afro",
        ],
        Track::Harmony => &[
            "pads",
            "stabs",
            "gated",
            "off_beats",
            "montuno",
            "bossa",
            "jazz",
            "beats",
            "funk",
            "soul",
            "strum",
            "power",
            "wall",
            "rock",
            "shuffle",
            "arpeggio",
            "chords",
            "hook",
            "afro",
            "waltz",
            "compound",
            "flamenco",
            "tango",
            "bachata",
            "ostinato",
            "odd",
        ],
        Track::Melody => &[],
    }
}

/// A groove: patterns for the drum voices.
#[derive(Clone, Debug, PartialEq)]
pub struct Groove {
    /// Description, for people.
    pub about: String,
    /// Position of its family in [`families`]; none for grooves of no family.
    pub family: Option<usize>,
    /// The meter it is for.
    pub meter: Meter,
    /// Whether voices that it does not name are silent.
    pub only: bool,
    /// Voices and their patterns, in the order of [`DrumClass::ALL`].
    pub voices: Vec<(DrumClass, Pattern)>,
}

/// How long the notes of a part are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Length {
    /// Left to the composer.
    #[default]
    Free,
    /// Detached.
    Short,
    /// Until the next note.
    Long,
}

impl Length {
    /// All lengths.
    pub const ALL: [Self; 3] = [Self::Free, Self::Short, Self::Long];

    /// Its name in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Short => "short",
            Self::Long => "long",
        }
    }
}

/// The role of a bass, of chords or of a melody.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Description, for people.
    pub about: String,
    /// Position of its family in [`families`]; none for roles of no family.
    pub family: Option<usize>,
    /// The meter it is for.
    pub meter: Meter,
    /// Its rhythm.
    pub pattern: Pattern,
    /// How long its notes are.
    pub length: Length,
    /// Minimum and maximum number of simultaneous notes.
    pub voices: Option<(u32, u32)>,
}

/// A groove template: microtiming and accents of performers, apart from what they play. Times are in milliseconds, velocities are
/// MIDI velocities; classes are indexed like [`DrumClass::ALL`].
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Description, for people.
    pub about: String,
    /// How late the four sixteenths of a beat are, in music that does not swing.
    pub push: [f32; 4],
    /// How late each voice is.
    pub late: [f32; DRUM_CLASS_COUNT],
    /// Standard deviation of the slow drift shared by all voices, and how much of it remains after a beat, in `0.0..1.0`.
    pub drift: f32,
    /// See [`Template::drift`].
    pub memory: f32,
    /// Standard deviation of the deviation shared by all hits of one onset.
    pub onset: f32,
    /// Standard deviation of a single hit, for any voice and by voice.
    pub hit: f32,
    /// See [`Template::hit`].
    pub hits: [f32; DRUM_CLASS_COUNT],
    /// Standard deviation of the deviation that a voice repeats at the same position of each bar.
    pub spot: f32,
    /// Velocities by voice; `None` leaves them as composed.
    pub velocity: [Option<Touch>; DRUM_CLASS_COUNT],
    /// Mean accents at the sixteenths of a bar of 4/4.
    pub accents: [[f32; 16]; DRUM_CLASS_COUNT],
}

/// Velocities of a voice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Touch {
    /// Mean over all performances.
    pub mean: f32,
    /// Standard deviation within a performance.
    pub within: f32,
    /// Standard deviation between the means of performances.
    pub between: f32,
    /// Standard deviation of hits at the same place of the bar.
    pub touch: f32,
}

/// Swing of a genre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SwingRange {
    /// Steps of the swung note: 1 for sixteenths, 2 for eighths.
    pub unit_steps: u32,
    /// Lowest and highest ratio, in `0.5..=0.75`.
    pub ratio: (f64, f64),
}

/// A genre. Values that it does not set are inherited from its heaviest parent.
#[derive(Clone, Debug, PartialEq)]
pub struct Genre {
    /// Key in the table ("uk_garage"), also in records.
    pub name: String,
    /// Display name ("UK garage").
    pub title: String,
    /// Parents and their weights.
    pub parents: Vec<(String, f32)>,
    /// Weight of each style (index as [`Style::ALL`]), summing to 1.
    pub styles: [f32; STYLE_COUNT],
    /// Lowest, usual and highest tempo in quarter notes per minute.
    pub tempo: Option<(f64, f64, f64)>,
    /// Meters, one of which is drawn; if empty, 4/4.
    pub meters: Vec<Meter>,
    /// Swing; `None` leaves it to the style.
    pub swing: Option<SwingRange>,
    /// Modes and their weights; empty leaves it to the style.
    pub modes: Vec<(Mode, f64)>,
    /// Progressions by mode, in the notation of `plan/progressions.txt`.
    pub chords: Vec<(Mode, Vec<String>)>,
    /// Bars per chord of a progression.
    pub chord_bars: u32,
    /// How readily triads become sevenths and ninths, in `0.0..=1.0`; `None` leaves it to the style.
    pub sevenths: Option<f64>,
    /// Names of grooves, one of which is drawn.
    pub grooves: Vec<String>,
    /// Names of roles of the bass.
    pub basses: Vec<String>,
    /// Names of roles of the chords.
    pub compings: Vec<String>,
    /// Names of roles of the melody.
    pub leads: Vec<String>,
    /// Words for suitable patches, any of which is enough (index as [`Track::ALL`]).
    pub instruments: [Vec<String>; TRACK_COUNT],
    /// Effects implied by its name, in the lexicon's notation: moods, dials, instruments.
    pub effects: String,
    /// Spellings of its name.
    pub words: Vec<String>,
    /// Name of its groove template: how people play it.
    pub template: Option<String>,
    /// How often a phrase ends with a fill of the drums, in `0.0..=1.0`.
    pub fills: f32,
    /// How often the second half of a piece may repeat the first note for note, in `0.0..=1.0`.
    pub copies: f32,
    /// Default length of a loop in bars.
    pub bars: Option<u32>,
    /// The form of its songs.
    pub form: Form,
}

/// A table of genres and what they refer to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Genres {
    genres: BTreeMap<String, Genre>,
    grooves: BTreeMap<String, Groove>,
    basses: BTreeMap<String, Part>,
    compings: BTreeMap<String, Part>,
    leads: BTreeMap<String, Part>,
    templates: BTreeMap<String, Template>,
}

static GENRES: OnceLock<Genres> = OnceLock::new();

/// The genres in use: the built-in ones, and those that were [`install`]ed.
pub fn genres() -> &'static Genres {
    GENRES.get_or_init(|| Genres::with(&[]).expect("the built-in genres are well-formed"))
}

/// Adds the user's own genres to the built-in ones. Each text comes with a name for error messages, usually its file name. A
/// genre with the name of a built-in one replaces it. Must be called once, before the first prompt is parsed; later calls with
/// other texts have no effect.
///
/// # Errors
/// Returns an error if a text is not a table of genres; the message is one line and names the place. Then only the built-in
/// genres are used.
pub fn install(files: &[(String, String)]) -> Result<(), GenreError> {
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let genres = Genres::with(&files)?;
    let _ = GENRES.set(genres);
    Ok(())
}

impl Genres {
    /// All genres, by name.
    pub fn all(&self) -> impl Iterator<Item = &Genre> {
        self.genres.values()
    }

    /// The genre of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Genre> {
        self.genres.get(name)
    }

    /// Finds a genre by name, title or spelling, ignoring case, hyphens and blanks.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<&Genre> {
        let plain = |text: &str| text.to_lowercase().replace(['-', '_'], " ").trim().to_owned();
        let wanted = plain(text);
        let is_it = |genre: &&Genre| {
            plain(&genre.name) == wanted || plain(&genre.title) == wanted || genre.words.contains(&wanted)
        };
        self.all().find(is_it)
    }

    /// The groove of that name.
    #[must_use]
    pub fn groove(&self, name: &str) -> Option<&Groove> {
        self.grooves.get(name)
    }

    /// The groove template of that name.
    #[must_use]
    pub fn template(&self, name: &str) -> Option<&Template> {
        self.templates.get(name)
    }

    /// The role with that name for a tonal track; none for drums.
    #[must_use]
    pub fn part(&self, track: Track, name: &str) -> Option<&Part> {
        match track {
            Track::Drums => None,
            Track::Bass => self.basses.get(name),
            Track::Harmony => self.compings.get(name),
            Track::Melody => self.leads.get(name),
        }
    }
}

impl Genre {
    /// Whether it is one of the twelve styles.
    #[must_use]
    pub fn is_style(&self) -> bool {
        Style::ALL.iter().any(|style| style.name() == self.name)
    }

    /// Names of the roles of a tonal track, or of the grooves.
    #[must_use]
    pub fn roles(&self, track: Track) -> &[String] {
        match track {
            Track::Drums => &self.grooves,
            Track::Bass => &self.basses,
            Track::Harmony => &self.compings,
            Track::Melody => &self.leads,
        }
    }
}

impl Intent {
    /// The known genres that were named, the heaviest first. Equal ones keep the order in which they were named.
    #[must_use]
    pub fn known_genres(&self) -> Vec<&'static Genre> {
        let mut known: Vec<(&'static Genre, f32)> =
            self.genres.iter().filter_map(|(name, weight)| Some((genres().get(name)?, *weight))).collect();
        known.sort_by(|a, b| b.1.total_cmp(&a.1));
        known.into_iter().map(|(genre, _)| genre).collect()
    }

    /// Weight of the genre with that name; 0 if it was not named.
    #[must_use]
    pub fn genre_weight(&self, name: &str) -> f32 {
        self.genres.iter().find(|(known, _)| known == name).map_or(0.0, |(_, weight)| *weight)
    }

    /// The groove template of the named genre, or else of the main style; `None` if there is none.
    #[must_use]
    pub fn usual_groove(&self, looseness: Option<f32>) -> Option<super::Groove> {
        let genre = self.main_genre().or_else(|| genres().get(self.main_style().name()))?;
        let template = genre.template.clone()?;
        Some(super::Groove { template, looseness: looseness.unwrap_or(super::USUAL_LOOSENESS) })
    }

    /// The genre that determines tempo, groove and form, which only one genre can determine.
    #[must_use]
    pub fn main_genre(&self) -> Option<&'static Genre> {
        self.known_genres().first().copied()
    }

    /// A number that identifies the kind of music: equal for equal genres, styles and moods. It is mixed into seeds, so that one
    /// seed gives different choices for different prompts. Facts such as the tempo are not included, so that stating one changes
    /// nothing else.
    #[must_use]
    pub fn kind(&self) -> u64 {
        // FNV-1a, 64 bit (Fowler, Noll, Vo).
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |bytes: &[u8]| {
            for byte in bytes {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        for (name, _) in &self.genres {
            add(name.as_bytes());
            add(b"/");
        }
        for weight in self.styles {
            add(&[(weight * 100.0).round() as u8]);
        }
        for mood in &self.moods {
            add(mood.as_bytes());
        }
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_has_a_hundred_genres_that_say_what_they_are() {
        let table = genres();
        assert!(table.all().count() >= 100, "{}", table.all().count());
        for style in Style::ALL {
            let genre = table.get(style.name()).expect("each style is a genre");
            assert_eq!(genre.styles[style.index()], 1.0);
        }
        for genre in table.all() {
            let sum: f32 = genre.styles.iter().sum();
            assert!((sum - 1.0).abs() < 1e-3, "{}", genre.name);
            assert!(!genre.words.is_empty() && !genre.grooves.is_empty(), "{}", genre.name);
            let meters = if genre.meters.is_empty() { vec![Meter::COMMON] } else { genre.meters.clone() };
            for meter in meters {
                for track in [Track::Drums, Track::Bass] {
                    let fits = genre.roles(track).iter().any(|name| {
                        let groove = table.groove(name).filter(|_| track == Track::Drums);
                        let part = table.part(track, name);
                        groove.map(|groove| groove.meter).or(part.map(|part| part.meter)) == Some(meter)
                    });
                    let is_odd = meter.steps_per_bar() == 14 || meter.steps_per_bar() == 20;
                    assert!(fits || is_odd, "{} has no {track} in {meter}", genre.name);
                }
            }
        }
    }

    #[test]
    fn genres_inherit_and_are_found_by_any_spelling() {
        let table = genres();
        let thrash = table.find("Thrash Metal").expect("a genre");
        let metal = table.find("heavy-metal").expect("a genre");
        assert_eq!(
            (thrash.effects.as_str(), thrash.compings.as_slice()),
            (metal.effects.as_str(), metal.compings.as_slice())
        );
        assert_ne!(thrash.tempo, metal.tempo);
        assert_eq!(table.find("レゲエ").map(|genre| genre.name.as_str()), Some("reggae"));
        assert!(table.find("no such thing").is_none());
    }

    #[test]
    fn bad_tables_get_one_line_that_says_where() {
        let base = "[genre.mine]\nparents = { house = 1 }\nwords = [\"mine\"]\n";
        for (text, part) in [
            ("[genre.mine]\ntempoo = [1, 2, 3]\nwords = [\"mine\"]\n", "line 2"),
            ("[genre.mine]\nwords = [\"mine\"]\nparents = { mine = 1 }\n", "leads back"),
            (
                "[genre.a]\nwords = [\"a1\"]\nparents = { b = 1 }\n[genre.b]\nwords = [\"b1\"]\nparents = { a = 1 }\n",
                "leads back",
            ),
            ("[genre.mine]\nwords = [\"mine\"]\nparents = { hous = 1 }\n", "'hous'"),
            (&format!("{base}tempo = [1, 2, 3000]\n"), "tempo"),
            (&format!("{base}tempo = [130, 120, 110]\n"), "tempo"),
            (&format!("{base}groove = [\"nothing\"]\n"), "'nothing'"),
            (&format!("{base}swing = \"a lot\"\n"), "swing"),
            (&format!("{base}chords = {{ minor = [\"i X\"] }}\n"), "chords"),
            (&format!("{base}modes = {{ minr = 1 }}\n"), "'minr'"),
            (&format!("{base}meters = [\"5/32\"]\n"), "5/32"),
            (&format!("{base}effects = \"zz+1\"\n"), "effects"),
            (&format!("{base}parent = 1\n"), "line 4"),
            ("[genre.mine]\nparents = { house = 1 }\n", "words"),
            ("[groove.mine]\nkick = \"x..\"\n", "3 steps"),
            ("[groove.mine]\nkick = \"x..y............\"\n", "'y'"),
            ("[bass.mine]\npattern = \"x...............\"\nvoices = [3, 1]\n", "voices"),
            (
                "[bass.mine]\npattern = \"x...............\"\nfamily = \"montuno\"\n",
                "no family 'montuno': use octaves",
            ),
            ("[lead.mine]\npattern = \"x...............\"\nfamily = \"funk\"\n", "leads have no families"),
            ("nonsense", "line 1"),
        ] {
            let error = Genres::with(&[("my.toml", text)]).expect_err(text).to_string();
            assert!(
                error.starts_with("my.toml") && error.contains(part) && !error.contains('\n'),
                "{text}: {error}"
            );
        }
        let tumbao = genres().part(Track::Bass, "tumbao").and_then(|part| part.family);
        assert_eq!(tumbao.map(|family| families(Track::Bass)[family]), Some("tumbao"));
        let own = Genres::with(&[("my.toml", base)]).expect("a table");
        assert_eq!(own.get("mine").map(|genre| genre.styles[Style::House.index()]), Some(1.0));
    }
}
