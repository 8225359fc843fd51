//! Facts that override the prompt.

use resonantgen_music::plan::{Chord, Key, Meter, Numeral};

use crate::Style;

/// Facts fixed by the user or the host; they override the prompt.
#[derive(Clone, Debug, Default, PartialEq)]
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
    /// Chord progression as Roman numerals, relative to the plan's key; `chords` override it.
    pub numerals: Option<Vec<Numeral>>,
    /// Style; the prompt's moods and instruments still apply.
    pub style: Option<Style>,
}
