//! What a prompt means, and how it is read.

mod facts;
mod lexicon;
mod parse;
mod reader;
mod sense;
mod typo;
mod understood;
mod word;

pub use parse::{
    MAX_PROMPT_CHARACTERS, PromptError, edit, edit_with, is_understood, is_understood_with, parse, parse_with,
};
pub use sense::{Anchors, Sense, TextUnderstanding};
pub use understood::{Slot, Understood, style_name, understood};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plan::{Chord, Key, Meter, Mode, Numeral};
use crate::track::{TRACK_COUNT, Track};

/// The twelve styles the composers were trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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

/// How many styles there are.
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
    /// Name for people.
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

/// The text is no style.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' is no style: use {list}", list = Style::ALL.map(Style::title).join(", "))]
pub struct ParseStyleError(pub String);

impl std::str::FromStr for Style {
    type Err = ParseStyleError;

    /// Reads a style by [`Style::title`] or [`Style::name`], with any case, blanks and hyphens.
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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

/// How fast the drums feel against the tempo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feel {
    /// The backbeat falls on the third beat only.
    HalfTime,
    /// The backbeat falls on every off-beat eighth.
    DoubleTime,
}

impl Feel {
    /// Name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HalfTime => "half-time",
            Self::DoubleTime => "double-time",
        }
    }
}

/// What is wished of one track.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrackIntent {
    /// Dials of this track; they start from the piece's.
    pub attributes: Attributes,
    /// Words that were said of this track ("driving"), for display.
    #[serde(default)]
    pub moods: Vec<String>,
    /// Words that describe this track's instrument, to be matched with patch names and tags ("acid", "808", "rhodes").
    #[serde(default)]
    pub instruments: Vec<String>,
    /// The track shall be silent ("no drums").
    #[serde(default)]
    pub absent: bool,
    /// Octaves up (positive) or down.
    #[serde(default)]
    pub octave: i8,
    /// How closely the take at hand is followed, in `0.0..=1.0`; 0 makes the track anew.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub closeness: f32,
    /// The track starts its notes with the kick.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub follow_kick: bool,
}

fn is_zero(value: &f32) -> bool {
    *value == 0.0
}

/// What a prompt means. Facts that the prompt does not state are `None` and are chosen by the planner from style and seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Weight of each style (index as [`Style::ALL`]), summing to 1.
    pub styles: [f32; STYLE_COUNT],
    /// Weights of styles that this version does not know, by name: another version wrote them. They are kept, and have no effect.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub other_styles: BTreeMap<String, f32>,
    /// Dials of the whole piece.
    pub attributes: Attributes,
    /// Words of mood that were understood ("dark", "uplifting").
    #[serde(default)]
    pub moods: Vec<String>,
    /// Tempo in quarter notes per minute.
    pub bpm: Option<f64>,
    /// Key.
    pub key: Option<Key>,
    /// Mode without a tonic ("in minor"); a key wins over it.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// Slow to fast for the style, in `-1.0..=1.0`; 0 is usual. A stated tempo wins over it.
    #[serde(default)]
    pub pace: f32,
    /// Tempo that is usual for the genre that was named, where that is narrower than its styles' ("dubstep"); drawn around.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual_bpm: Option<f64>,
    /// Meter.
    pub meter: Option<Meter>,
    /// Length in bars.
    pub bars: Option<u32>,
    /// Share of a swung pair taken by its first half, in `0.5..=0.75`.
    #[serde(default)]
    pub swing: Option<f64>,
    /// Chord progression, one entry per chord as typed; spread over the bars by the planner.
    pub chords: Option<Vec<Chord>>,
    /// Chord progression as Roman numerals, meant in whatever the key will be; typed chords win over it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numerals: Vec<Numeral>,
    /// How fast the drums feel against the tempo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feel: Option<Feel>,
    /// What is wished of each track (index as [`Track::ALL`]).
    pub tracks: [TrackIntent; TRACK_COUNT],
    /// Words that nothing was made of, for an honest display.
    #[serde(default)]
    pub unknown: Vec<String>,
    /// What was chosen where the words contradict each other, in sentences for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Default for Intent {
    /// All styles alike, neutral dials, nothing stated.
    fn default() -> Self {
        Self {
            styles: [1.0 / STYLE_COUNT as f32; STYLE_COUNT],
            other_styles: BTreeMap::new(),
            attributes: Attributes::default(),
            moods: Vec::new(),
            bpm: None,
            key: None,
            mode: None,
            pace: 0.0,
            usual_bpm: None,
            meter: None,
            bars: None,
            swing: None,
            chords: None,
            numerals: Vec::new(),
            feel: None,
            tracks: Default::default(),
            unknown: Vec::new(),
            notes: Vec::new(),
        }
    }
}

impl Intent {
    /// The same wishes in one style alone.
    #[must_use]
    pub fn in_style(mut self, style: Style) -> Self {
        self.styles = [0.0; STYLE_COUNT];
        self.styles[style.index()] = 1.0;
        self.other_styles.clear();
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

    /// What is wished of `track`.
    #[must_use]
    pub fn track(&self, track: Track) -> &TrackIntent {
        &self.tracks[track.index()]
    }
}
