//! The four roles a stem can have.

use serde::{Deserialize, Serialize};

/// A track: one of the four roles, in the order of generation and of the stem outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Track {
    /// Drums and percussion.
    Drums,
    /// Bass line.
    Bass,
    /// Chords, pads, stabs.
    Harmony,
    /// Lead line.
    Melody,
}

/// Number of tracks.
pub const TRACK_COUNT: usize = 4;

impl Track {
    /// All tracks, in order.
    pub const ALL: [Self; TRACK_COUNT] = [Self::Drums, Self::Bass, Self::Harmony, Self::Melody];

    /// Position in [`Track::ALL`], in `0..TRACK_COUNT`.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Lower-case name, as in file names and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drums => "drums",
            Self::Bass => "bass",
            Self::Harmony => "harmony",
            Self::Melody => "melody",
        }
    }

    /// Capitalised name, for display.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Drums => "Drums",
            Self::Bass => "Bass",
            Self::Harmony => "Harmony",
            Self::Melody => "Melody",
        }
    }
}

impl std::fmt::Display for Track {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The word is not a track.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' is no track: use drums, bass, harmony or melody")]
pub struct UnknownTrack(pub String);

impl std::str::FromStr for Track {
    type Err = UnknownTrack;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim().to_lowercase();
        Self::ALL
            .into_iter()
            .find(|track| track.name() == name)
            .ok_or_else(|| UnknownTrack(text.trim().to_owned()))
    }
}
