//! The meaning of a prompt: the parser that finds an [`Intent`], and the planner that turns it into a plan.
//!
//! Depends on `resonantgen-music` only. The sentence model is known as the trait [`TextUnderstanding`]. This crate knows nothing
//! of files, models or records.
//!
//! ```
//! use resonantgen_words::{Overrides, make_plan, parse};
//!
//! let intent = parse("dark techno with driving bass, 132 bpm")?;
//! let plan = make_plan(&intent, &Overrides::default(), 7)?;
//! assert_eq!((plan.bpm, plan.bars), (132.0, 8));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod facts;
pub mod form;
pub mod genre;
mod idiom;
mod language;
mod lexicon;
mod overrides;
mod parse;
mod planner;
mod progression;
mod reader;
mod reference;
mod sense;
mod sound;
mod typo;
mod understood;
mod word;

pub use overrides::Overrides;
pub use parse::{
    MAX_PROMPT_CHARACTERS, PromptError, edit, edit_with, is_about_sound, is_understood, is_understood_with,
    parse, parse_with,
};
pub use planner::{DEFAULT_BARS, PlanError, make_plan};
pub use reference::Reference;
pub use sense::{Anchors, Sense, TextUnderstanding};
pub use sound::SOUNDS;
pub use understood::{Slot, Understood, style_name, understood};

use std::collections::BTreeMap;

use resonantgen_music::plan::{Chord, Key, Meter, Mode, Numeral};
use resonantgen_music::track::{TRACK_COUNT, Track};

/// The twelve styles the composers were trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Style {
    Techno,
    House,
    HipHop,
    Trap,
    Dnb,
    Rock,
    Pop,
    Ambient,
    Jazz,
    Funk,
    Synthwave,
    Cinematic,
}

/// Number of styles.
pub const STYLE_COUNT: usize = 12;

impl Style {
    /// All styles, in the order of the condition vector.
    pub const ALL: [Self; STYLE_COUNT] = [
        Self::Techno,
        Self::House,
        Self::HipHop,
        Self::Trap,
        Self::Dnb,
        Self::Rock,
        Self::Pop,
        Self::Ambient,
        Self::Jazz,
        Self::Funk,
        Self::Synthwave,
        Self::Cinematic,
    ];

    /// Position in [`Style::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name used by the models' training data and in patch records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        [
            "techno",
            "house",
            "hiphop",
            "trap",
            "dnb",
            "rock",
            "pop",
            "ambient",
            "jazz",
            "funk",
            "synthwave",
            "cinematic",
        ][self as usize]
    }
}

impl Style {
    /// Name for display.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::HipHop => "hip hop",
            Self::Dnb => "drum and bass",
            other => other.name(),
        }
    }
}

impl std::fmt::Display for Style {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.title())
    }
}

/// The text is not a style.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' is no style: use {list}", list = Style::ALL.map(Style::title).join(", "))]
pub struct ParseStyleError(pub String);

impl std::str::FromStr for Style {
    type Err = ParseStyleError;

    /// Parses a [`Style::title`] or [`Style::name`]; ignores case, blanks and hyphens.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |text: &str| text.to_lowercase().replace([' ', '-', '_'], "");
        let wanted = plain(text);
        Self::ALL
            .into_iter()
            .find(|style| plain(style.title()) == wanted || style.name() == wanted)
            .ok_or_else(|| ParseStyleError(text.to_owned()))
    }
}

/// Five dials, each in `0.0..=1.0` with 0.5 as neutral.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attributes {
    /// Calm to driving.
    pub energy: f32,
    /// Sparse to busy.
    pub density: f32,
    /// Dark to bright.
    pub brightness: f32,
    /// Gentle to aggressive.
    pub aggression: f32,
    /// Simple to intricate.
    pub complexity: f32,
}

impl Attributes {
    /// The dials in the order of the condition vector.
    #[must_use]
    pub const fn to_array(self) -> [f32; 5] {
        [self.energy, self.density, self.brightness, self.aggression, self.complexity]
    }
}

impl Default for Attributes {
    fn default() -> Self {
        Self { energy: 0.5, density: 0.5, brightness: 0.5, aggression: 0.5, complexity: 0.5 }
    }
}

/// How fast the drums feel relative to the tempo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feel {
    /// The backbeat falls on the third beat only.
    HalfTime,
    /// The backbeat falls on every off-beat eighth.
    DoubleTime,
}

impl Feel {
    /// Name for display.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HalfTime => "half-time",
            Self::DoubleTime => "double-time",
        }
    }
}

/// The default strength of a groove template, in `0.0..=2.0`. At 1, deviations from the grid that would sound like mistakes are
/// reduced.
pub const USUAL_LOOSENESS: f32 = 1.0;

/// Microtiming and accents of performers, apart from the notes.
#[derive(Clone, Debug, PartialEq)]
pub struct Groove {
    /// Name of a template in [`genre`]; one that this version does not know has no effect.
    pub template: String,
    /// How strongly it is applied, in `0.0..=2.0`: 0 is on the grid, 1 is usual; above it, hits are also further from the grid.
    pub looseness: f32,
}

/// What is requested of one track.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrackIntent {
    /// Dials of this track; they default to the piece's.
    pub attributes: Attributes,
    /// Words that describe this track ("driving"), for display.
    pub moods: Vec<String>,
    /// Requested properties of the sound, from [`SOUNDS`], and their strengths (negative for the opposite).
    pub sound: Vec<(String, f32)>,
    /// Words for this track's instrument, matched with patch names and tags ("acid", "808", "rhodes").
    pub instruments: Vec<String>,
    /// Whether the track is silent ("no drums").
    pub absent: bool,
    /// Words of patch names and tags that must not play, and names of drum voices that must not be hit.
    pub without: Vec<String>,
    /// Octaves up (positive) or down.
    pub octave: i8,
    /// How closely to follow the current take, in `0.0..=1.0`; 0 ignores it.
    pub closeness: f32,
    /// Whether the track's notes start with the kick.
    pub follow_kick: bool,
    /// A part whose groove and register it follows, in place of its genre's.
    pub reference: Option<Reference>,
    /// Its role in a section of a song; `None` for a plain loop.
    pub shape: Option<Shape>,
}

/// A track's role in its section of a song, beyond its dials. The default is a plain loop.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// The bar, counted from 0, in which the track enters.
    pub enters_bar: u32,
    /// The bar, counted from 0, at which it leaves; `None` to stay.
    pub leaves_bar: Option<u32>,
    /// Whether the last bar leads into the next section (drums).
    pub fill: bool,
    /// Whether it builds up towards its end: denser, louder, brighter.
    pub rises: bool,
    /// Steps of silence at its end.
    pub gap_steps: u32,
    /// Whether it opens with a cymbal (drums).
    pub lands: bool,
    /// Whether its last bar is the end of the song.
    pub ends: bool,
    /// Level in decibels, relative to a loop of the same dials.
    pub level_db: f32,
    /// The patch to play; `None` to choose it by the words.
    pub patch: Option<String>,
    /// Bars to write again, counted from 0; all others keep the notes of the parent take. `None` for all bars.
    pub new_bars: Option<Vec<u32>>,
    /// Whether the audio of the other bars is also the parent's, bit for bit.
    pub keeps_sound: bool,
}

/// The meaning of a prompt. Facts that the prompt does not state are `None`; the planner chooses them from style and seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    /// Weight of each style (index as [`Style::ALL`]), summing to 1.
    pub styles: [f32; STYLE_COUNT],
    /// Weights by name of styles that this version does not know, written by another version. They are kept and have no effect.
    pub other_styles: BTreeMap<String, f32>,
    /// Genres that were named, by their names in [`genre`], with weights.
    pub genres: Vec<(String, f32)>,
    /// Dials of the whole piece.
    pub attributes: Attributes,
    /// Mood words that were understood ("dark", "uplifting").
    pub moods: Vec<String>,
    /// Tempo in quarter notes per minute.
    pub bpm: Option<f64>,
    /// Key.
    pub key: Option<Key>,
    /// Mode without a tonic ("in minor"); a key overrides it.
    pub mode: Option<Mode>,
    /// Slow to fast for the style, in `-1.0..=1.0`; 0 is usual. A stated tempo overrides it.
    pub pace: f32,
    /// Usual tempo of the named genre, in quarter notes per minute, if it is narrower than its styles' range ("dubstep"); the
    /// tempo is drawn around it.
    pub usual_bpm: Option<f64>,
    /// Lowest and highest tempo that the words allow ("slower than 100"); the tempo is drawn between them.
    pub bpm_range: Option<(f64, f64)>,
    /// Meter.
    pub meter: Option<Meter>,
    /// Length in bars.
    pub bars: Option<u32>,
    /// Length in seconds; the nearest number of bars is taken. Bars win over it.
    pub seconds: Option<f64>,
    /// Share of a swung pair taken by its first half, in `0.5..=0.75`.
    pub swing: Option<f64>,
    /// Chord progression, one entry per typed chord; the planner spreads it over the bars.
    pub chords: Option<Vec<Chord>>,
    /// Chord progression as Roman numerals, relative to the eventual key; typed chords override it.
    pub numerals: Vec<Numeral>,
    /// How fast the drums feel relative to the tempo.
    pub feel: Option<Feel>,
    /// Microtiming and accents; `None` for exact timing.
    pub groove: Option<Groove>,
    /// What is requested of each track (index as [`Track::ALL`]).
    pub tracks: [TrackIntent; TRACK_COUNT],
    /// Words that were not understood, for display.
    pub unknown: Vec<String>,
    /// How contradictions in the prompt were resolved, in sentences for display.
    pub notes: Vec<String>,
}

impl Default for Intent {
    /// All styles with equal weight, neutral dials, nothing stated.
    fn default() -> Self {
        Self {
            styles: [1.0 / STYLE_COUNT as f32; STYLE_COUNT],
            other_styles: BTreeMap::new(),
            genres: Vec::new(),
            attributes: Attributes::default(),
            moods: Vec::new(),
            bpm: None,
            key: None,
            mode: None,
            pace: 0.0,
            usual_bpm: None,
            bpm_range: None,
            meter: None,
            bars: None,
            seconds: None,
            swing: None,
            chords: None,
            numerals: Vec::new(),
            feel: None,
            groove: None,
            tracks: Default::default(),
            unknown: Vec::new(),
            notes: Vec::new(),
        }
    }
}

impl Intent {
    /// The same intent in a single style.
    #[must_use]
    pub fn in_style(mut self, style: Style) -> Self {
        self.styles = [0.0; STYLE_COUNT];
        self.styles[style.index()] = 1.0;
        self.other_styles.clear();
        self.genres = vec![(style.name().to_owned(), 1.0)];
        let looseness = self.groove.as_ref().map(|groove| groove.looseness);
        self.groove = self.usual_groove(looseness);
        self
    }

    /// The style with the largest weight.
    #[must_use]
    pub fn main_style(&self) -> Style {
        let mut best = Style::Techno;
        for style in Style::ALL {
            if self.styles[style.index()] > self.styles[best.index()] {
                best = style;
            }
        }
        best
    }

    /// What is requested of `track`.
    #[must_use]
    pub fn track(&self, track: Track) -> &TrackIntent {
        &self.tracks[track.index()]
    }
}

/// The tables that the training code holds too (`cargo xtask golden`).
#[cfg(test)]
fn golden_tables() -> serde_json::Value {
    serde_json::from_str(include_str!("../../../tests/golden/tables/tables.json")).expect("it is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use resonantgen_music::plan::ChordQuality;
    use resonantgen_music::score::DrumClass;
    use serde_json::{Map, Value, json};

    #[test]
    fn tracks_scales_chords_and_drums_are_those_of_the_golden_tables() {
        let golden = golden_tables();
        assert_eq!(golden["tracks"], json!(Track::ALL.map(Track::name)));
        assert_eq!(golden["drum_keys"], json!(DrumClass::ALL.map(DrumClass::key)));
        let families: Map<String, Value> = Track::ALL
            .into_iter()
            .map(|track| (track.name().to_owned(), json!(genre::families(track))))
            .collect();
        assert_eq!(golden["figure_families"], Value::from(families));
        let modes: Map<String, Value> =
            Mode::ALL.into_iter().map(|mode| (mode.name().to_owned(), json!(mode.degrees()))).collect();
        assert_eq!(golden["modes"], Value::from(modes));
        let qualities: Map<String, Value> = ChordQuality::ALL
            .into_iter()
            .map(|quality| (quality.suffix().to_owned(), json!(quality.intervals())))
            .collect();
        assert_eq!(golden["qualities"], Value::from(qualities));
        let dials =
            Attributes { energy: 0.0, density: 1.0, brightness: 2.0, aggression: 3.0, complexity: 4.0 };
        assert_eq!(dials.to_array(), [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(
            golden["attributes"],
            json!(["energy", "density", "brightness", "aggression", "complexity"])
        );
    }
}
