//! The score of a take: notes or hits on the musical grid.

/// A note or a drum hit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Note {
    /// Grid step (sixteenth) of the start, from the loop's start.
    pub step: u32,
    /// Shift of the start in steps, in `-0.5..1.0`.
    pub offset: f32,
    /// Length in steps, above 0. A note that reaches past the loop's end wraps.
    pub length: f32,
    /// MIDI pitch; for drums the General MIDI key ([`DrumClass::key`]).
    pub pitch: u8,
    /// MIDI velocity, in `1..=127`.
    pub velocity: u8,
}

/// The notes of one take, sorted by start and pitch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// Notes sorted by (step, offset, pitch).
    pub notes: Vec<Note>,
}

/// Sorts notes by (step, offset, pitch), the order of every score.
pub fn sort_notes(notes: &mut [Note]) {
    notes.sort_by(|a, b| a.step.cmp(&b.step).then(a.offset.total_cmp(&b.offset)).then(a.pitch.cmp(&b.pitch)));
}

/// The drum classes of the drum composer and codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum DrumClass {
    Kick,
    Snare,
    Clap,
    Rim,
    ClosedHat,
    OpenHat,
    LowTom,
    HighTom,
    Crash,
    Ride,
    Shaker,
    Percussion,
}

/// Number of drum classes.
pub const DRUM_CLASS_COUNT: usize = 12;

impl DrumClass {
    /// All classes, in order.
    pub const ALL: [Self; DRUM_CLASS_COUNT] = [
        Self::Kick,
        Self::Snare,
        Self::Clap,
        Self::Rim,
        Self::ClosedHat,
        Self::OpenHat,
        Self::LowTom,
        Self::HighTom,
        Self::Crash,
        Self::Ride,
        Self::Shaker,
        Self::Percussion,
    ];

    /// Position in [`DrumClass::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// General MIDI key.
    #[must_use]
    pub const fn key(self) -> u8 {
        [36, 38, 39, 37, 42, 46, 45, 50, 49, 51, 70, 56][self as usize]
    }

    /// Class of a General MIDI key; `None` for keys without a class.
    #[must_use]
    pub fn from_key(key: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.key() == key)
    }

    /// Name for display.
    #[must_use]
    pub const fn name(self) -> &'static str {
        [
            "kick",
            "snare",
            "clap",
            "rim",
            "closed hat",
            "open hat",
            "low tom",
            "high tom",
            "crash",
            "ride",
            "shaker",
            "percussion",
        ][self as usize]
    }
}
