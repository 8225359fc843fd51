//! Facts that win over the words.

use serde::{Deserialize, Serialize};

use resonantgen_music::plan::{Chord, Key, Meter, Numeral};

use crate::Style;

/// Facts fixed by the user or the host; they win over what the prompt says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overrides {
    /// Tempo in quarter notes per minute.
    pub bpm: Option<f64>,
    /// Key.
    pub key: Option<Key>,
    /// Meter.
    pub meter: Option<Meter>,
    /// Length in bars.
    pub bars: Option<u32>,
    /// Chord progression, spread over the bars.
    pub chords: Option<Vec<Chord>>,
    /// Chord progression as Roman numerals, meant in the plan's key; `chords` win over it.
    #[serde(default)]
    pub numerals: Option<Vec<Numeral>>,
    /// Style; moods and instruments of the prompt stay.
    #[serde(default)]
    pub style: Option<Style>,
}
