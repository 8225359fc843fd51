//! A session: four tracks, a plan, prompts, locks and takes.

mod blob;
mod flac;
mod generate;
mod mix;
mod record;
mod store;

pub use blob::BlobError;
pub use generate::{SessionError, SessionRequest};
pub use mix::{mix, resample_loop};
pub use store::{SESSION_FILE, StemFormat, StoreError};

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::intent::Intent;
use crate::plan::Plan;
use crate::take::Take;
use crate::track::{TRACK_COUNT, Track};

/// How many takes of a track are kept in its history.
pub const HISTORY_LENGTH: usize = 16;

/// One track of a session.
#[derive(Clone, Debug, Default)]
pub struct TrackState {
    /// A locked track's take may not change.
    pub locked: bool,
    /// Takes, the oldest first; at most [`HISTORY_LENGTH`].
    pub history: Vec<Arc<Take>>,
    /// Which take of the history plays.
    pub current: Option<usize>,
}

impl TrackState {
    /// The take that plays.
    #[must_use]
    pub fn take(&self) -> Option<&Arc<Take>> {
        self.history.get(self.current?)
    }
}

impl TrackState {
    /// Adds a take and makes it the one that plays. Beyond [`HISTORY_LENGTH`] the oldest is forgotten.
    pub fn add(&mut self, take: Arc<Take>) {
        // The same recipe made again is the same take: it moves to the end.
        self.history.retain(|known| known.id != take.id);
        self.history.push(take);
        if self.history.len() > HISTORY_LENGTH {
            self.history.remove(0);
        }
        self.current = Some(self.history.len() - 1);
    }
}

/// Where the models of a session's takes came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleFacts {
    /// Identity of the bundle.
    pub id: String,
    /// Licence of its weights.
    pub licence: String,
}

/// Four tracks and what they share. The same type serves the plugin's state, the command line and the server.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// What was typed for the whole piece.
    pub prompt: String,
    /// What that meant; `None` before the first generation.
    pub intent: Option<Intent>,
    /// What the tracks share; `None` before the first generation.
    pub plan: Option<Plan>,
    /// Seed of the last generation.
    pub seed: u64,
    /// Bundle of the last generation.
    pub bundle: Option<BundleFacts>,
    /// The four tracks (index as [`Track::ALL`]).
    pub tracks: [TrackState; TRACK_COUNT],
}

/// Facts fixed by the user or the host; they win over what the prompt says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overrides {
    /// Tempo in quarter notes per minute.
    pub bpm: Option<f64>,
    /// Key.
    pub key: Option<crate::plan::Key>,
    /// Meter.
    pub meter: Option<crate::plan::Meter>,
    /// Length in bars.
    pub bars: Option<u32>,
    /// Chord progression, spread over the bars.
    pub chords: Option<Vec<crate::plan::Chord>>,
    /// Style; moods and instruments of the prompt stay.
    #[serde(default)]
    pub style: Option<crate::intent::Style>,
}

impl Session {
    /// State of `track`.
    #[must_use]
    pub fn track(&self, track: Track) -> &TrackState {
        &self.tracks[track.index()]
    }

    /// State of `track`, to change.
    pub fn track_mut(&mut self, track: Track) -> &mut TrackState {
        &mut self.tracks[track.index()]
    }
}
