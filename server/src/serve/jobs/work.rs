//! The thread that runs the jobs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use resonantgen_models::generator::{GenerateError, Observer, Stage};
use resonantgen_music::track::Track;
use resonantgen_session::{Session, SessionError, TrackState};
use resonantgen_take::TakeId;

use super::super::generator::Performance;
use super::super::id::SessionId;
use super::super::journal::{Record, Spec};
use super::super::problem::Problem;
use super::{Job, Jobs, locked};
use crate::wire::{JobState, SoundRequest, StageName, TrackName, TrackProgress};

/// Smallest reported step of progress.
const PROGRESS_STEP: f32 = 0.02;

/// Why a job failed.
enum Failure {
    /// It was stopped by a user, its time limit, or the end of the server.
    Stopped,
    /// It cannot be done; the reason, in words.
    Problem(String),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem.detail)
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Generate(GenerateError::Cancelled) => Self::Stopped,
            error => Self::Problem(error.to_string()),
        }
    }
}

/// What to do next.
enum Next {
    /// Run a job.
    Job(Arc<Job>),
    /// Make a lost take again.
    Lost(SessionId, TakeId),
}

impl Jobs {
    /// Runs one job after another until the queue closes.
    pub(super) fn work(&self) {
        while let Some(next) = self.next() {
            let job = match next {
                Next::Job(job) => job,
                Next::Lost(session, take) => {
                    self.restore(&session, &take);
                    continue;
                }
            };
            let begin = Instant::now();
            // The job starts even if this cannot be written: at worst it is done twice.
            let _ = locked(&self.journal).append(&Record::Started { job: job.id.clone() });
            job.change(|view| {
                view.state = JobState::Running;
                view.ahead = None;
            });
            // A panic in a model fails its job, not the server.
            let made = catch_unwind(AssertUnwindSafe(|| self.perform(&job, begin)));
            self.sessions.release(&job.session);
            let (how, error, takes) = match made {
                Ok(Ok(takes)) => (JobState::Done, None, takes),
                Ok(Err(Failure::Stopped)) => self.stopped(&job),
                Ok(Err(Failure::Problem(detail))) => (JobState::Failed, Some(detail), Vec::new()),
                Err(_) => {
                    let detail = "generating failed unexpectedly; the session is unchanged";
                    (JobState::Failed, Some(detail.to_owned()), Vec::new())
                }
            };
            let mut state = locked(&self.state);
            state.running = None;
            self.end(&mut state, &job, how, error, takes, begin.elapsed());
            state.tell_places();
            drop(state);
            self.changed.notify_all();
        }
    }

    fn next(&self) -> Option<Next> {
        let mut state = locked(&self.state);
        loop {
            if state.closing {
                return None;
            }
            if let Some((session, take)) = state.lost.pop() {
                return Some(Next::Lost(session, take));
            }
            if let Some(job) = state.pop() {
                state.running = Some(job.clone());
                state.tell_places();
                return Some(Next::Job(job));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn stopped(&self, job: &Job) -> (JobState, Option<String>, Vec<String>) {
        if self.interrupting.load(Ordering::Acquire) {
            let detail = "the server stopped during the job; the session is unchanged: try again";
            (JobState::Interrupted, Some(detail.to_owned()), Vec::new())
        } else if job.cancel.load(Ordering::Acquire) {
            (JobState::Cancelled, None, Vec::new())
        } else {
            let seconds = self.limits.job_time.as_secs();
            let detail =
                format!("it took longer than {seconds} s and was stopped: request fewer bars or tracks");
            (JobState::Failed, Some(detail), Vec::new())
        }
    }

    /// Generates and saves the takes; returns the ids of the new ones.
    fn perform(&self, job: &Job, begin: Instant) -> Result<Vec<String>, Failure> {
        match &job.spec {
            Spec::Sound(track, SoundRequest { sound, hold }) => {
                return self.perform_again(job, begin, (*track).into(), &Performance::Sound(sound), *hold);
            }
            Spec::Vary(track, dials) => {
                return self.perform_again(
                    job,
                    begin,
                    (*track).into(),
                    &Performance::Varied(dials.dials()),
                    false,
                );
            }
            _ => {}
        }
        let request = self.sessions.read(&job.session, |session, _| job.spec.request(session))?;
        let Some(request) = request else { return Ok(Vec::new()) };
        let mut session = self.sessions.begin(&job.session, &job.id, request.scope.tracks().collect())?;
        // The takes that play must be loaded, because new takes hear them.
        let lost = self.wake_playing(&job.session, &mut session);
        let before = session.clone();
        let watch = Watch { job, begin, jobs: self };
        let (intent, plan) = session.check(&request, self.generator.understanding())?;
        let notices = session.notices(&request, &intent, &plan);
        job.change(|view| view.notices = notices.into_iter().chain(lost).collect());
        self.generator.apply(&mut session, &request, &watch)?;
        self.keep(&watch, &before, session)
    }

    /// Performs the notes of a track again, possibly holds its sound, and saves that; returns the id of the new take.
    fn perform_again(
        &self,
        job: &Job,
        begin: Instant,
        track: Track,
        performance: &Performance<'_>,
        holds: bool,
    ) -> Result<Vec<String>, Failure> {
        let mut session = self.sessions.begin(&job.session, &job.id, vec![track])?;
        // The takes that it is heard with must be loaded.
        let lost = self.wake_playing(&job.session, &mut session);
        let before = session.clone();
        let watch = Watch { job, begin, jobs: self };
        job.change(|view| view.notices = lost);
        self.generator.perform(&mut session, track, performance, &watch)?;
        if holds {
            session.hold_sound(track, true)?;
        }
        self.keep(&watch, &before, session)
    }

    /// Saves what a job has made; returns the ids of the new takes.
    fn keep(&self, watch: &Watch<'_>, before: &Session, session: Session) -> Result<Vec<String>, Failure> {
        let job = watch.job;
        if watch.is_cancelled() {
            return Err(Failure::Stopped);
        }
        let takes = changed_takes(before, &session);
        self.sessions.commit(&job.session, session, || {
            // Without this line the job would be reported as interrupted if the process were killed right now.
            let _ =
                locked(&self.journal).append(&Record::Saving { job: job.id.clone(), takes: takes.clone() });
        })?;
        Ok(takes)
    }
}

/// Ids of takes that play after the job in any section and did not before.
fn changed_takes(before: &Session, after: &Session) -> Vec<String> {
    let playing = |session: &Session| -> Vec<TakeId> {
        let takes =
            Track::ALL.into_iter().flat_map(|track| session.states(track)).filter_map(TrackState::take);
        takes.map(|take| take.id.clone()).collect()
    };
    let mut changed: Vec<TakeId> = Vec::new();
    let known = playing(before);
    for id in playing(after) {
        if !known.contains(&id) && !changed.contains(&id) {
            changed.push(id);
        }
    }
    changed.into_iter().map(|id| id.0).collect()
}

/// Forwards progress to the watchers, and cancellation to the engine.
struct Watch<'a> {
    job: &'a Job,
    begin: Instant,
    jobs: &'a Jobs,
}

impl Observer for Watch<'_> {
    fn progress(&self, track: Track, stage: Stage, fraction: f32) {
        let (track, stage) = (TrackName::from(track), StageName::from(stage));
        let fraction = fraction.clamp(0.0, 1.0);
        let is_news = match self.job.view.borrow().progress.iter().find(|known| known.track == track) {
            None => true,
            Some(known) => {
                known.stage != stage
                    || fraction - known.fraction >= PROGRESS_STEP
                    || (fraction >= 1.0 && known.fraction < 1.0)
            }
        };
        if is_news {
            self.job.change(|view| {
                let now = TrackProgress { track, stage, fraction };
                match view.progress.iter_mut().find(|known| known.track == track) {
                    Some(known) => *known = now,
                    None => view.progress.push(now),
                }
            });
        }
    }

    fn is_cancelled(&self) -> bool {
        self.job.cancel.load(Ordering::Acquire) || self.begin.elapsed() >= self.jobs.limits.job_time
    }
}
