//! A session: four tracks with their takes and locks, a prompt and a plan, for each section of a song, and undo. [`Session::apply`]
//! makes takes for a [`Request`]; every other change is a method of [`Session`] too.
//!
//! This crate may know the domain crates and `import`. It knows nothing of files (the project crate stores sessions) or models (a
//! [`Maker`](resonantgen_take::maker::Maker) makes the takes).
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
mod candidates;
mod edit;
mod error;
mod excerpt;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod history;
mod import;
mod notices;
mod numbers;
mod perform;
mod request;
mod sleep;
mod song;
mod undo;

pub use answers::{Answer, Question};
pub use error::SessionError;
pub use numbers::{TAKE_NUMBERS, TakeNumbers};
pub use perform::{Chords, FollowedTakes};
pub use request::{Operation, Request, Scope};
pub use resonantgen_take::maker::{BundleFacts, Candidate};
pub use resonantgen_words::Overrides;
pub use song::{Content, Likeness, Part, Placement, Section, SectionId, SectionView, Song, SongRequest};
pub use undo::{Step, TrackStep};

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use resonantgen_music::plan::Plan;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_take::{Take, TakeId};
use resonantgen_words::Intent;

/// Number of takes in a track's history, not counting favourites.
pub const HISTORY_LENGTH: usize = 16;
/// Maximum number of favourites of a track.
pub const MOST_FAVOURITES: usize = 16;
/// Number of actions that can be undone.
pub const UNDO_DEPTH: usize = 32;

/// One track of a session.
#[derive(Clone, Debug, Default)]
pub struct TrackState {
    /// A locked track's take may not change.
    pub locked: bool,
    /// Id of the patch that new takes are played with, whatever the prompt says; `None` lets the prompt choose.
    pub held_sound: Option<String>,
    /// Takes, the oldest first: at most [`HISTORY_LENGTH`], plus up to [`MOST_FAVOURITES`] favourites.
    pub history: Vec<Arc<Take>>,
    /// Index of the playing take in the history.
    pub current: Option<usize>,
    /// Takes that are never dropped from the history.
    pub favourites: BTreeSet<TakeId>,
    /// The take that played before the current one, for A/B.
    pub heard_before: Option<TakeId>,
    /// Numbers of the takes, by which automation selects them.
    pub numbers: TakeNumbers,
}

/// Four tracks and what they share. Plugin, command line and server use the same type.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// The prompt of the whole piece.
    pub prompt: String,
    /// Its meaning; `None` before the first generation.
    pub intent: Option<Intent>,
    /// The plan that the tracks share; `None` before the first generation.
    pub plan: Option<Plan>,
    /// Seed of the last generation.
    pub seed: u64,
    /// Bundle of the last generation.
    pub bundle: Option<BundleFacts>,
    /// The four tracks (index as [`Track::ALL`]).
    pub tracks: [TrackState; TRACK_COUNT],
    /// The sections and their order. The fields above belong to the open section.
    song: Song,
    /// What can be undone and redone.
    steps: undo::Steps,
    /// Earlier requests and the takes that answered them.
    answers: VecDeque<Answer>,
    /// The scores that the last takes were chosen from (index as [`Track::ALL`]).
    candidates: [Vec<Candidate>; TRACK_COUNT],
}

impl Session {
    /// State of `track`.
    #[must_use]
    pub fn track(&self, track: Track) -> &TrackState {
        &self.tracks[track.index()]
    }

    /// Mutable state of `track`. Such changes cannot be undone.
    pub fn track_mut(&mut self, track: Track) -> &mut TrackState {
        &mut self.tracks[track.index()]
    }

    /// Adds stored steps of [`undo`](Self::undo) and [`redo`](Self::redo), the latest last, and answers, the newest last. Drops
    /// favourites and numbers of takes that are not in the histories.
    #[must_use]
    pub fn with_past(
        mut self,
        undo: impl IntoIterator<Item = Step>,
        redo: impl IntoIterator<Item = Step>,
        answers: impl IntoIterator<Item = Answer>,
    ) -> Self {
        for track in Track::ALL {
            for state in self.states_mut(track) {
                let history = &state.history;
                state.favourites.retain(|id| history.iter().any(|take| take.id == *id));
                state.numbers.follow(&state.history);
            }
        }
        self.steps = undo::Steps::new(undo, redo, self.tracks.each_ref().map(|state| state.locked));
        self.answers = answers.into_iter().collect();
        self.forget_answers();
        self
    }

    /// The steps that can be undone, the latest last.
    pub fn undo_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.undo.iter().map(AsRef::as_ref)
    }

    /// The steps that can be redone, the latest last.
    pub fn redo_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.redo.iter().map(AsRef::as_ref)
    }

    /// The answers to earlier requests, the newest last.
    pub fn answers(&self) -> impl Iterator<Item = &Answer> {
        self.answers.iter()
    }
}
