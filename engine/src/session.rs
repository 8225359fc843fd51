//! A session: four tracks, a plan, prompts, locks and takes.

mod adopt;
mod answers;
mod blob;
mod edit;
mod error;
mod export;
mod flac;
mod generate;
mod history;
mod import;
mod mix;
mod notices;
mod numbers;
mod record;
mod remembered;
mod sleep;
mod store;
mod undo;
mod wav;

pub use answers::{Question, Work};
pub use blob::BlobError;
pub use error::SessionError;
pub use export::ExportOptions;
pub use generate::SessionRequest;
pub use mix::{mix, resample_loop};
pub use numbers::{TAKE_NUMBERS, TakeNumbers};
pub use resonantgen_words::Overrides;
pub use sleep::StoredSound;
pub use store::{SESSION_FILE, StemFormat, StoreError};
pub use wav::SampleDepth;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use resonantgen_music::plan::Plan;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_take::{Take, TakeId};
use resonantgen_words::Intent;

/// How many takes of a track are kept in its history, besides its favourites.
pub const HISTORY_LENGTH: usize = 16;
/// How many actions can be undone.
pub const UNDO_DEPTH: usize = 32;

/// One track of a session.
#[derive(Clone, Debug, Default)]
pub struct TrackState {
    /// A locked track's take may not change.
    pub locked: bool,
    /// Takes, the oldest first; at most [`HISTORY_LENGTH`] besides the favourites and the two that were heard last.
    pub history: Vec<Arc<Take>>,
    /// Which take of the history plays.
    pub current: Option<usize>,
    /// Takes of the history that are never forgotten.
    pub favourites: BTreeSet<TakeId>,
    /// The take that played before the current one, for comparing both.
    pub heard_before: Option<TakeId>,
    /// The numbers by which the takes of the history are chosen.
    pub numbers: TakeNumbers,
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
    /// What can be undone and redone.
    steps: undo::Steps,
    /// What it was asked for, and with which takes it was answered.
    answers: answers::Answers,
}

impl Session {
    /// State of `track`.
    #[must_use]
    pub fn track(&self, track: Track) -> &TrackState {
        &self.tracks[track.index()]
    }

    /// State of `track`, to change. What is changed this way cannot be undone.
    pub fn track_mut(&mut self, track: Track) -> &mut TrackState {
        &mut self.tracks[track.index()]
    }
}
