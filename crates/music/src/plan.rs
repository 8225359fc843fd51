//! The plan shared by all tracks: tempo, meter, length, key, one chord per half bar, swing.

mod chord;
mod key;
mod meter;
mod numeral;
mod swing;

pub use chord::{Chord, ChordQuality, ParseChordError};
pub use key::{Key, Mode, ParseKeyError};
pub use meter::{Meter, ParseMeterError};
pub use numeral::{Numeral, ParseNumeralError, chords_of_numerals, mode_of_numerals};
pub use swing::Swing;

/// Steps per quarter note: a step is a sixteenth.
pub const STEPS_PER_QUARTER: u32 = 4;
/// Lowest and highest tempo in quarter notes per minute.
pub const BPM_RANGE: std::ops::RangeInclusive<f64> = 40.0..=240.0;
/// Fewest and most bars of a loop.
pub const BARS_RANGE: std::ops::RangeInclusive<u32> = 1..=64;

/// The plan shared by all tracks of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Tempo in quarter notes per minute, in [`BPM_RANGE`].
    pub bpm: f64,
    /// Tonic and mode.
    pub key: Key,
    /// Time signature.
    pub meter: Meter,
    /// Length in bars, in [`BARS_RANGE`].
    pub bars: u32,
    /// One chord per half bar: `2 * bars` of them.
    pub chords: Vec<Chord>,
    /// Swing: how far off-beat steps are delayed.
    pub swing: Swing,
}

impl Plan {
    /// Length of the loop in steps.
    #[must_use]
    pub fn total_steps(&self) -> u32 {
        self.bars * self.meter.steps_per_bar()
    }

    /// Length of the loop in quarter notes, the unit of a host's beat position.
    #[must_use]
    pub fn quarters(&self) -> f64 {
        f64::from(self.total_steps()) / f64::from(STEPS_PER_QUARTER)
    }

    /// Length of the loop in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.quarters() * 60.0 / self.bpm
    }

    /// Length of the loop in audio frames at `sample_rate_hz`, rounded to the nearest.
    #[must_use]
    pub fn audio_frames(&self, sample_rate_hz: u32) -> usize {
        (self.seconds() * f64::from(sample_rate_hz)).round() as usize
    }

    /// Seconds of one step without swing.
    #[must_use]
    pub fn step_seconds(&self) -> f64 {
        60.0 / self.bpm / f64::from(STEPS_PER_QUARTER)
    }

    /// Time in seconds of a position in steps (may be fractional, or past the end), swing included.
    #[must_use]
    pub fn seconds_at(&self, step: f64) -> f64 {
        self.swing.warp(step) * self.step_seconds()
    }

    /// The chord that sounds at `step`, wrapping at the loop's end.
    ///
    /// # Panics
    /// Panics if the plan has no chords; a plan made by this crate has `2 * bars` of them.
    #[must_use]
    pub fn chord_at(&self, step: u32) -> &Chord {
        let half_bar = (step % self.total_steps()) * 2 / self.meter.steps_per_bar();
        &self.chords[half_bar as usize % self.chords.len()]
    }
}
