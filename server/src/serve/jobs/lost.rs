//! Takes whose audio is lost on disk are made again by the thread that runs the jobs, before the next job.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use resonantgen_models::generator::{GenerateError, Observer};
use resonantgen_project::StoredSound as _;
use resonantgen_session::Session;
use resonantgen_take::{Take, TakeId};

use super::super::id::SessionId;
use super::super::problem::Problem;
use super::{Jobs, locked};

/// Lost takes waiting to be made again, and those that cannot be.
#[derive(Debug, Default)]
pub(super) struct Lost {
    waiting: VecDeque<(SessionId, TakeId)>,
    /// Why they cannot be made again.
    hopeless: BTreeMap<(SessionId, TakeId), String>,
}

impl Lost {
    pub(super) fn pop(&mut self) -> Option<(SessionId, TakeId)> {
        self.waiting.pop_front()
    }

    /// Forgets a session.
    pub(super) fn forget(&mut self, session: &SessionId) {
        self.waiting.retain(|(waiting, _)| waiting != session);
        self.hopeless.retain(|(known, _), _| known != session);
    }
}

/// Why a take is not made again.
enum Failure {
    /// Not now, because the server stops or its disk is full; another attempt may succeed.
    Stopped,
    /// It cannot be done; the reason, in words.
    Hopeless(String),
}

impl Jobs {
    /// Schedules a lost take to be made again, unless that is known to be impossible. Returns the response to give meanwhile.
    pub fn make_again(&self, session: &SessionId, take: &TakeId) -> Problem {
        let mut state = locked(&self.state);
        let entry = (session.clone(), take.clone());
        if let Some(reason) = state.lost.hopeless.get(&entry) {
            let detail = format!("the audio of this take is lost on the server's disk: {reason}");
            return Problem::new(StatusCode::GONE, detail);
        }
        if !state.lost.waiting.contains(&entry) {
            state.lost.waiting.push_back(entry);
            self.changed.notify_all();
        }
        let detail =
            "the audio of this take is lost on the server's disk and is being made again: try again soon";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// Makes a lost take of a session again and saves it there.
    pub(super) fn restore(&self, session: &SessionId, take: &TakeId) {
        let made = catch_unwind(AssertUnwindSafe(|| {
            let mut known = self.sessions.read(session, |session, _| Ok(session.clone()))?;
            let mut histories = known.tracks.iter().flat_map(|state| &state.history);
            match histories.find(|known| known.id == *take && known.is_asleep()).cloned() {
                Some(lost) => self.wake(session, &mut known, &lost, &mut Vec::new()).map(|()| true),
                // It was requested again meanwhile.
                None => Ok(false),
            }
        }));
        let reason = match made {
            Ok(Ok(true)) => return eprintln!("session {session}: take {} was made again", take.0),
            Ok(Ok(false) | Err(Failure::Stopped)) => return,
            Ok(Err(Failure::Hopeless(reason))) => reason,
            Err(_) => "making it again failed unexpectedly".to_owned(),
        };
        locked(&self.state).lost.hopeless.insert((session.clone(), take.clone()), reason);
    }

    /// Makes all lost takes that play in a session again, in the copy `known` and on disk. Returns what could not be made again, in
    /// words.
    pub(super) fn wake_playing(&self, session: &SessionId, known: &mut Session) -> Vec<String> {
        let mut notices = Vec::new();
        for (track, take) in known.playing_asleep() {
            match self.wake(session, known, &take, &mut Vec::new()) {
                Err(Failure::Hopeless(reason)) => {
                    notices.push(format!("{track} is silent: its take is lost, and {reason}"));
                }
                Err(Failure::Stopped) | Ok(()) => {}
            }
        }
        notices
    }

    /// Restores a take of `known`, and before it the takes that it heard. `above` lists the takes that depend on it.
    fn wake(
        &self,
        session: &SessionId,
        known: &mut Session,
        take: &Take,
        above: &mut Vec<TakeId>,
    ) -> Result<(), Failure> {
        if let Some(source) = &take.recipe.imported
            && take.is_lost()
        {
            return Err(Failure::Hopeless(format!("it was imported: import {} again", source.name)));
        }
        above.push(take.id.clone());
        for heard in known.heard_by(take) {
            if heard.is_asleep() && !above.contains(&heard.id) {
                // Without it the take sounds slightly different, which is better than silence.
                if let Err(Failure::Stopped) = self.wake(session, known, &heard, above) {
                    return Err(Failure::Stopped);
                }
            }
        }
        above.pop();
        let awake = match take.unpacked() {
            Some(awake) => awake,
            None => {
                let heard: Vec<Arc<Take>> =
                    known.heard_by(take).into_iter().filter(|heard| !heard.is_asleep()).collect();
                let made = self.generator.make_again(take, &heard, &Closing(self));
                let made = made.map_err(|error| match error {
                    GenerateError::Cancelled => Failure::Stopped,
                    error => Failure::Hopeless(error.to_string()),
                })?;
                let unknown =
                    || Failure::Hopeless("the installed models do not have its instrument".to_owned());
                Arc::new(made.ok_or_else(unknown)?)
            }
        };
        known.wake(&awake);
        // A full disk may have space next time.
        self.sessions.wake(session, &awake).map_err(|_| Failure::Stopped)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Hopeless(problem.detail)
    }
}

/// Stops when the server does.
struct Closing<'a>(&'a Jobs);

impl Observer for Closing<'_> {
    fn is_cancelled(&self) -> bool {
        self.0.interrupting.load(Ordering::Acquire) || locked(&self.0.state).closing
    }
}
