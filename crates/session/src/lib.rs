//! A session: four tracks, a plan, prompts, locks and takes. It knows no files (the project crate keeps it) and no models (a
//! [`Maker`](resonantgen_take::maker::Maker) makes its takes).
//!
//! ```
//! use resonantgen_session::{Session, SessionError};
//!
//! let mut session = Session::default();
//! assert!(matches!(session.undo(), Err(SessionError::NothingToUndo)));
//! ```

mod adopt;
mod answers;
mod apply;
mod edit;
mod error;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod history;
mod import;
mod notices;
mod numbers;
mod perform;
mod request;
mod sleep;
mod undo;

pub use answers::{Answer, Question};
pub use error::SessionError;
pub use numbers::{TAKE_NUMBERS, TakeNumbers};
pub use request::{Operation, Request, Scope};
pub use resonantgen_take::maker::BundleFacts;
pub use resonantgen_words::Overrides;
pub use undo::{Step, TrackStep};

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use resonantgen_music::plan::Plan;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_take::{Take, TakeId};
use resonantgen_words::Intent;

/// How many takes of a track are kept in its history, besides its favourites.
pub const HISTORY_LENGTH: usize = 16;
/// How many takes of a track can be favourites.
pub const MOST_FAVOURITES: usize = 16;
/// How many actions can be undone.
pub const UNDO_DEPTH: usize = 32;

/// One track of a session.
#[derive(Clone, Debug, Default)]
pub struct TrackState {
    /// A locked track's take may not change.
    pub locked: bool,
    /// Id of the patch that new takes are played by, whatever the words say; `None` leaves it to them.
    pub held_sound: Option<String>,
    /// Takes, the oldest first; at most [`HISTORY_LENGTH`] besides the favourites, of which there are at most
    /// [`MOST_FAVOURITES`].
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
    answers: VecDeque<Answer>,
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

    /// Gives a session that was read its past: the steps of [`undo`](Self::undo) and [`redo`](Self::redo), the latest last, and
    /// the answers, the newest last. Favourites and numbers of takes that the histories lack are dropped.
    #[must_use]
    pub fn with_past(
        mut self,
        undo: impl IntoIterator<Item = Step>,
        redo: impl IntoIterator<Item = Step>,
        answers: impl IntoIterator<Item = Answer>,
    ) -> Self {
        for state in &mut self.tracks {
            let history = &state.history;
            state.favourites.retain(|id| history.iter().any(|take| take.id == *id));
            state.numbers.follow(&state.history);
        }
        self.steps = undo::Steps::new(undo, redo, self.tracks.each_ref().map(|state| state.locked));
        self.answers = answers.into_iter().collect();
        self.forget_answers();
        self
    }

    /// What can be undone, the latest last.
    pub fn undo_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.undo.iter().map(AsRef::as_ref)
    }

    /// What can be done again, the latest last.
    pub fn redo_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.redo.iter().map(AsRef::as_ref)
    }

    /// The answers to what was asked before, the newest last.
    pub fn answers(&self) -> impl Iterator<Item = &Answer> {
        self.answers.iter()
    }
}
