//! Undo and redo.
//!
//! A step stores which takes played, not the histories. Takes of an undone action stay in the history, so undo loses nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{BundleFacts, Session, SessionError, Song, UNDO_DEPTH};
use resonantgen_music::plan::Plan;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_take::{Take, TakeId};
use resonantgen_words::Intent;

/// The state before an action. Takes are shared, not copied.
#[derive(Clone, Debug)]
pub struct Step {
    /// The prompt.
    pub prompt: String,
    /// Its meaning.
    pub intent: Option<Intent>,
    /// The plan.
    pub plan: Option<Plan>,
    /// Seed of the last generation.
    pub seed: u64,
    /// Bundle of the last generation.
    pub bundle: Option<BundleFacts>,
    /// The tracks (index as [`Track::ALL`]).
    pub tracks: [TrackStep; TRACK_COUNT],
    /// The song. The fields above belong to its open section.
    pub song: Song,
}

/// One track of a [`Step`].
#[derive(Clone, Debug, Default)]
pub struct TrackStep {
    /// Whether it was locked.
    pub locked: bool,
    /// The take that played.
    pub take: Option<Arc<Take>>,
    /// The take that played before that one.
    pub heard_before: Option<TakeId>,
}

/// The steps to undo and redo, the latest last; at most [`UNDO_DEPTH`] each.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    pub(super) undo: VecDeque<Arc<Step>>,
    pub(super) redo: VecDeque<Arc<Step>>,
    /// Tracks that were locked by an action, so undo may change them. Tracks locked through [`Session::track_mut`] may not change.
    pub(super) locked: [bool; TRACK_COUNT],
}

impl Steps {
    /// Stored steps, the latest last.
    pub(super) fn new(
        undo: impl IntoIterator<Item = Step>,
        redo: impl IntoIterator<Item = Step>,
        locked: [bool; TRACK_COUNT],
    ) -> Self {
        let mut steps = Self { locked, ..Self::default() };
        undo.into_iter().for_each(|step| push(&mut steps.undo, Arc::new(step)));
        redo.into_iter().for_each(|step| push(&mut steps.redo, Arc::new(step)));
        steps
    }
}

/// Appends a step; beyond [`UNDO_DEPTH`] drops the oldest.
fn push(steps: &mut VecDeque<Arc<Step>>, step: Arc<Step>) {
    steps.push_back(step);
    if steps.len() > UNDO_DEPTH {
        steps.pop_front();
    }
}

impl Session {
    /// Whether there is an action to undo.
    #[must_use]
    pub fn can_undo(&self) -> bool {
        !self.steps.undo.is_empty()
    }

    /// Whether there is an action to redo.
    #[must_use]
    pub fn can_redo(&self) -> bool {
        !self.steps.redo.is_empty()
    }

    /// Undoes the last action: playing takes, locks, prompt and plan are as before it. New takes stay in the history, and favourites
    /// do not change.
    ///
    /// # Errors
    /// [`SessionError::NothingToUndo`] if there is no action; [`SessionError::Locked`] if the take of a track locked through
    /// [`Session::track_mut`] would change. The session is then unchanged.
    pub fn undo(&mut self) -> Result<(), SessionError> {
        let step = self.steps.undo.back().ok_or(SessionError::NothingToUndo)?.clone();
        let now = self.go(&step)?;
        self.steps.undo.pop_back();
        push(&mut self.steps.redo, now);
        Ok(())
    }

    /// Redoes the last undone action.
    ///
    /// # Errors
    /// [`SessionError::NothingToRedo`] if there is none; else as [`Session::undo`].
    pub fn redo(&mut self) -> Result<(), SessionError> {
        let step = self.steps.redo.back().ok_or(SessionError::NothingToRedo)?.clone();
        let now = self.go(&step)?;
        self.steps.redo.pop_back();
        push(&mut self.steps.undo, now);
        Ok(())
    }

    /// Goes to a step and returns the state before it, as seen from the section that the step changes.
    fn go(&mut self, step: &Step) -> Result<Arc<Step>, SessionError> {
        let open = self.open_section_id();
        // A section that no longer exists is restored below.
        let _ = self.open_section(step.song.open());
        let now = Arc::new(self.present());
        match self.restore(step) {
            Ok(()) => Ok(now),
            Err(refused) => {
                self.open_section(open)?;
                Err(refused)
            }
        }
    }

    /// Stores the current state for [`Session::undo`]. Every action calls it before its first change.
    pub(super) fn remember(&mut self) {
        let now = Arc::new(self.present());
        push(&mut self.steps.undo, now);
        self.steps.redo.clear();
    }

    fn present(&self) -> Step {
        Step {
            prompt: self.prompt.clone(),
            intent: self.intent.clone(),
            plan: self.plan.clone(),
            seed: self.seed,
            bundle: self.bundle.clone(),
            tracks: Track::ALL.map(|track| {
                let state = self.track(track);
                TrackStep {
                    locked: state.locked,
                    take: state.take().cloned(),
                    heard_before: state.heard_before.clone(),
                }
            }),
            song: self.whole_song(),
        }
    }

    fn restore(&mut self, step: &Step) -> Result<(), SessionError> {
        let open = self.open_section_id();
        if step.song.open() != open {
            let kept = self.clone();
            self.open_as_in(&step.song);
            return self.restore_open(step).inspect_err(|_| *self = kept);
        }
        self.restore_open(step)
    }

    fn restore_open(&mut self, step: &Step) -> Result<(), SessionError> {
        for track in Track::ALL {
            let state = self.track(track);
            let id = |take: &Arc<Take>| take.id.clone();
            let changes = state.take().map(id) != step.tracks[track.index()].take.as_ref().map(id);
            if state.locked && !self.steps.locked[track.index()] && changes {
                return Err(SessionError::Locked(track));
            }
        }
        self.restore_song(&step.song);
        self.prompt.clone_from(&step.prompt);
        self.intent.clone_from(&step.intent);
        self.plan.clone_from(&step.plan);
        self.seed = step.seed;
        self.bundle.clone_from(&step.bundle);
        for (state, then) in self.tracks.iter_mut().zip(&step.tracks) {
            state.locked = then.locked;
            state.recall(then.take.clone());
            state.heard_before.clone_from(&then.heard_before);
        }
        self.steps.locked = step.tracks.each_ref().map(|track| track.locked);
        Ok(())
    }

    /// Takes that only undo and redo refer to.
    #[must_use]
    pub fn forgotten(&self, track: Track) -> Vec<Arc<Take>> {
        let mut found: Vec<Arc<Take>> = Vec::new();
        for step in self.steps.undo.iter().chain(&self.steps.redo) {
            let in_song = step
                .song
                .sections()
                .iter()
                .filter_map(|section| section.content.tracks[track.index()].take());
            for take in step.tracks[track.index()].take.iter().chain(in_song) {
                if self.states(track).all(|state| state.position(&take.id).is_none())
                    && found.iter().all(|known| known.id != take.id)
                {
                    found.push(take.clone());
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{apply, generated, ids, regenerate, request};

    /// Everything that undo restores.
    fn state(session: &Session) -> (String, Option<Plan>, u64, [Option<String>; 4], [bool; 4]) {
        let locks = Track::ALL.map(|track| session.track(track).locked);
        (session.prompt.clone(), session.plan.clone(), session.seed, ids(session), locks)
    }

    #[test]
    fn every_action_is_undone_and_redone() {
        let mut session = Session::default();
        assert!(matches!(session.undo(), Err(SessionError::NothingToUndo)));
        let mut seen = vec![state(&session)];
        let actions: [&dyn Fn(&mut Session); 7] = [
            &|session| apply(session, &request("techno", 1)).expect("generated"),
            &|session| regenerate(session, Track::Bass, 2).expect("regenerated"),
            &|session| session.set_lock(Track::Drums, true).expect("locked"),
            &|session| session.step_take(Track::Bass, -1).expect("stepped"),
            &|session| session.compare(Track::Bass).expect("compared"),
            &|session| session.set_chord(0, "Bdim".parse().expect("a chord")).expect("changed"),
            &|session| apply(session, &request("jazz without melody", 3)).expect("generated"),
        ];
        for action in actions {
            action(&mut session);
            seen.push(state(&session));
        }
        for expected in seen.iter().rev().skip(1) {
            session.undo().expect("an action");
            assert_eq!(&state(&session), expected);
        }
        assert!(!session.can_undo() && session.can_redo());
        for expected in &seen[1..] {
            session.redo().expect("an action");
            assert_eq!(&state(&session), expected);
        }
        assert!(matches!(session.redo(), Err(SessionError::NothingToRedo)));
        session.undo().expect("an action");
        session.set_lock(Track::Bass, true).expect("locked");
        assert!(!session.can_redo());
    }

    #[test]
    fn what_is_undone_stays_in_the_history_and_what_was_forgotten_comes_back() {
        let mut session = generated("techno", 1);
        let first = session.track(Track::Bass).take().expect("a take").clone();
        regenerate(&mut session, Track::Bass, 2).expect("a take");
        session.undo().expect("an action");
        assert_eq!(session.track(Track::Bass).history.len(), 2);
        assert_eq!(session.track(Track::Bass).current, Some(0));
        for seed in 3..23 {
            regenerate(&mut session, Track::Bass, seed).expect("a take");
        }
        assert_eq!(session.track(Track::Bass).position(&first.id), None);
        for _ in 3..23 {
            session.undo().expect("an action");
        }
        assert!(session.track(Track::Bass).take().is_some_and(|take| Arc::ptr_eq(take, &first)));
        for _ in 0..2 * UNDO_DEPTH {
            regenerate(&mut session, Track::Drums, 99).expect("a take");
        }
        assert_eq!(session.steps.undo.len(), UNDO_DEPTH);
    }

    #[test]
    fn undo_never_changes_a_take_that_was_locked_from_outside() {
        let mut session = generated("techno", 1);
        regenerate(&mut session, Track::Bass, 2).expect("a take");
        session.track_mut(Track::Bass).locked = true;
        let before = state(&session);
        assert!(matches!(session.undo(), Err(SessionError::Locked(Track::Bass))));
        assert_eq!(state(&session), before);
        assert!(session.can_undo());
    }
}
