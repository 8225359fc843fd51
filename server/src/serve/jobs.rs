//! The job queue: one job at a time; sessions take turns.
//!
//! A job is written to the journal before it is acknowledged. One thread does the work, so that generations do not slow
//! each other down and no request ever waits for one.

mod lost;
mod recover;
mod work;

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::watch;

use super::generator::Generator;
use super::id::{JobId, SessionId};
use super::journal::{Journal, Record, Spec};
use super::limits::Limits;
use super::metrics::Metrics;
use super::problem::Problem;
use super::sessions::Sessions;
use crate::wire::{JobKind, JobState, JobView};
use lost::Lost;

/// Name of the journal within the data folder.
const JOURNAL: &str = "jobs.jsonl";
/// Number of ended jobs that can still be queried.
const REMEMBERED: usize = 256;
/// Number of journal lines beyond which it is compacted.
const JOURNAL_LINES: usize = 4_096;
/// How long a job may take to notice its cancellation when the server stops.
const LAST_PATIENCE: Duration = Duration::from_secs(10);

/// One job.
#[derive(Debug)]
pub struct Job {
    id: JobId,
    session: SessionId,
    spec: Spec,
    view: watch::Sender<JobView>,
    cancel: AtomicBool,
}

impl Job {
    fn new(id: JobId, session: SessionId, spec: Spec, state: JobState) -> Arc<Self> {
        let view = JobView {
            id: id.to_string(),
            session: session.to_string(),
            kind: match spec {
                Spec::Generate(_) => JobKind::Generate,
                Spec::Regenerate(..) => JobKind::Regenerate,
                Spec::Song(_) => JobKind::Song,
                Spec::Section(..) => JobKind::Section,
                Spec::Sound(..) => JobKind::Sound,
                Spec::Vary(..) => JobKind::Vary,
            },
            state,
            version: 1,
            ahead: None,
            progress: Vec::new(),
            error: None,
            takes: Vec::new(),
            notices: Vec::new(),
        };
        Arc::new(Self { id, session, spec, view: watch::Sender::new(view), cancel: AtomicBool::new(false) })
    }

    fn state(&self) -> JobState {
        self.view.borrow().state
    }

    fn change(&self, change: impl FnOnce(&mut JobView)) {
        self.view.send_modify(|view| {
            change(view);
            view.version += 1;
        });
    }

    fn accepted(&self) -> Record {
        Record::Accepted {
            job: self.id.clone(),
            session: self.session.clone(),
            spec: Box::new(self.spec.clone()),
        }
    }

    fn finished(&self) -> Record {
        let view = self.view.borrow();
        Record::Finished {
            job: self.id.clone(),
            state: view.state,
            error: view.error.clone(),
            takes: view.takes.clone(),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// Sessions with waiting jobs, in the order they are served; no queue is empty.
    waiting: VecDeque<(SessionId, VecDeque<Arc<Job>>)>,
    running: Option<Arc<Job>>,
    known: HashMap<JobId, Arc<Job>>,
    /// Ended jobs, the oldest first.
    ended: VecDeque<JobId>,
    lost: Lost,
    closing: bool,
}

impl State {
    fn waiting_count(&self) -> usize {
        self.waiting.iter().map(|(_, jobs)| jobs.len()).sum()
    }

    fn push(&mut self, job: Arc<Job>) {
        match self.waiting.iter_mut().find(|(session, _)| *session == job.session) {
            Some((_, jobs)) => jobs.push_back(job),
            None => self.waiting.push_back((job.session.clone(), VecDeque::from([job]))),
        }
    }

    /// Removes the next job; its session moves to the back of the queue.
    fn pop(&mut self) -> Option<Arc<Job>> {
        let (session, mut jobs) = self.waiting.pop_front()?;
        let job = jobs.pop_front();
        if !jobs.is_empty() {
            self.waiting.push_back((session, jobs));
        }
        job
    }

    fn remove(&mut self, id: &JobId) -> Option<Arc<Job>> {
        let (turn, place) = self
            .waiting
            .iter()
            .enumerate()
            .find_map(|(turn, (_, jobs))| Some((turn, jobs.iter().position(|job| job.id == *id)?)))?;
        let job = self.waiting[turn].1.remove(place);
        if self.waiting[turn].1.is_empty() {
            self.waiting.remove(turn);
        }
        job
    }

    /// Updates the position of all waiting jobs.
    fn tell_places(&self) {
        let mut ahead = usize::from(self.running.is_some());
        let longest = self.waiting.iter().map(|(_, jobs)| jobs.len()).max().unwrap_or(0);
        for round in 0..longest {
            for job in self.waiting.iter().filter_map(|(_, jobs)| jobs.get(round)) {
                if job.view.borrow().ahead != Some(ahead) {
                    job.change(|view| view.ahead = Some(ahead));
                }
                ahead += 1;
            }
        }
    }

    fn remember_end(&mut self, id: &JobId) {
        self.ended.push_back(id.clone());
        while self.ended.len() > REMEMBERED {
            if let Some(oldest) = self.ended.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}

/// The queue.
pub struct Jobs {
    sessions: Arc<Sessions>,
    generator: Arc<dyn Generator>,
    metrics: Arc<Metrics>,
    limits: Limits,
    state: Mutex<State>,
    changed: Condvar,
    journal: Mutex<Journal>,
    /// Set when the server stops: the running job is then interrupted, not cancelled.
    interrupting: AtomicBool,
    worker: Mutex<Option<JoinHandle<()>>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Jobs {
    /// Reads the journal of a data folder and requeues the jobs that were waiting.
    ///
    /// # Errors
    /// Returns an error if the journal cannot be read or written.
    pub fn open(
        data: &Path,
        sessions: Arc<Sessions>,
        generator: Arc<dyn Generator>,
        metrics: Arc<Metrics>,
        limits: Limits,
    ) -> std::io::Result<Self> {
        let (journal, records) = Journal::open(&data.join(JOURNAL))?;
        let jobs = Self {
            state: Mutex::new(recover::state(records, &sessions)),
            sessions,
            generator,
            metrics,
            limits,
            changed: Condvar::new(),
            journal: Mutex::new(journal),
            interrupting: AtomicBool::new(false),
            worker: Mutex::new(None),
        };
        jobs.tidy_journal(&locked(&jobs.state))?;
        locked(&jobs.state).tell_places();
        Ok(jobs)
    }

    /// Starts the worker thread.
    ///
    /// # Errors
    /// Returns an error if the system has no threads left.
    pub fn start(self: &Arc<Self>) -> std::io::Result<()> {
        let jobs = Arc::clone(self);
        let thread = std::thread::Builder::new().name("generate".to_owned()).spawn(move || jobs.work())?;
        *locked(&self.worker) = Some(thread);
        Ok(())
    }

    /// Accepts a job. On return it is in the journal.
    ///
    /// # Errors
    /// Returns an error if too many jobs are waiting, the server is stopping, or the journal cannot be written.
    pub fn accept(&self, session: &SessionId, spec: Spec) -> Result<JobView, Problem> {
        let id = JobId::fresh().map_err(|error| Problem::internal(error.to_string()))?;
        let job = Job::new(id.clone(), session.clone(), spec, JobState::Queued);
        let mut state = locked(&self.state);
        if state.closing {
            return Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the server is stopping: try again soon",
            ));
        }
        let of_session = state.waiting.iter().find(|(waiting, _)| waiting == session);
        let too_many = |whose: &str, count: usize| {
            let detail =
                format!("{count} jobs are waiting {whose}, which is the limit: wait for one, or cancel some");
            Problem::new(StatusCode::TOO_MANY_REQUESTS, detail)
        };
        if of_session.is_some_and(|(_, jobs)| jobs.len() >= self.limits.waiting_jobs_per_session) {
            return Err(too_many("for this session", self.limits.waiting_jobs_per_session));
        }
        if state.waiting_count() >= self.limits.waiting_jobs {
            return Err(too_many("on this server", self.limits.waiting_jobs));
        }
        {
            let mut journal = locked(&self.journal);
            journal.append(&job.accepted()).map_err(|error| Problem::storage(&error))?;
        }
        state.known.insert(id, job.clone());
        state.push(job.clone());
        state.tell_places();
        self.changed.notify_all();
        Ok(job.view.borrow().clone())
    }

    /// The current state of a job, and a stream of its changes.
    ///
    /// # Errors
    /// Returns an error if the job does not exist, or ended so long ago that it is no longer kept.
    pub fn watch(&self, id: &JobId) -> Result<watch::Receiver<JobView>, Problem> {
        let state = locked(&self.state);
        state.known.get(id).map(|job| job.view.subscribe()).ok_or_else(|| Problem::not_found("job"))
    }

    /// All known jobs: those waiting or running, and the most recent that ended.
    pub fn list(&self) -> Vec<JobView> {
        let state = locked(&self.state);
        let mut views: Vec<JobView> = state.known.values().map(|job| job.view.borrow().clone()).collect();
        views.sort_by(|a, b| a.id.cmp(&b.id));
        views
    }

    /// Cancels a job. A job that has ended is not changed.
    ///
    /// # Errors
    /// Returns an error if the job does not exist.
    pub fn cancel(&self, id: &JobId) -> Result<JobView, Problem> {
        let mut state = locked(&self.state);
        let job = state.known.get(id).cloned().ok_or_else(|| Problem::not_found("job"))?;
        job.cancel.store(true, Ordering::Release);
        if let Some(job) = state.remove(id) {
            self.end(&mut state, &job, JobState::Cancelled, None, Vec::new(), Duration::ZERO);
            state.tell_places();
        }
        let view = job.view.borrow().clone();
        Ok(view)
    }

    /// Cancels all work on a session.
    pub fn cancel_session(&self, session: &SessionId) {
        locked(&self.state).lost.forget(session);
        let of_session: Vec<JobId> = locked(&self.state)
            .known
            .values()
            .filter(|job| job.session == *session && !job.state().is_final())
            .map(|job| job.id.clone())
            .collect();
        for id in of_session {
            // It may have ended by now, and may not even be kept any more.
            let _ = self.cancel(&id);
        }
    }

    /// Number of waiting and of running jobs.
    pub fn counts(&self) -> (usize, usize) {
        let state = locked(&self.state);
        (state.waiting_count(), usize::from(state.running.is_some()))
    }

    /// Stops accepting jobs; waiting jobs stay in the journal for the next start. The running job may continue for the grace
    /// time in the limits, then it is interrupted.
    pub fn close(&self) {
        let mut state = locked(&self.state);
        state.closing = true;
        self.changed.notify_all();
        let ended = |state: &mut State| state.running.is_some();
        let wait = |state, time| {
            self.changed.wait_timeout_while(state, time, ended).unwrap_or_else(PoisonError::into_inner).0
        };
        state = wait(state, self.limits.grace);
        if let Some(job) = &state.running {
            self.interrupting.store(true, Ordering::Release);
            job.cancel.store(true, Ordering::Release);
            state = wait(state, LAST_PATIENCE);
        }
        let is_idle = state.running.is_none();
        drop(state);
        if is_idle && let Some(worker) = locked(&self.worker).take() {
            // The worker catches panics job by job.
            let _ = worker.join();
        }
    }

    /// Ends a job, in the journal and for its watchers.
    fn end(
        &self,
        state: &mut State,
        job: &Arc<Job>,
        how: JobState,
        error: Option<String>,
        takes: Vec<String>,
        time: Duration,
    ) {
        let record =
            Record::Finished { job: job.id.clone(), state: how, error: error.clone(), takes: takes.clone() };
        // On a full disk the job is reported as interrupted after a restart, unless its takes are found in the session.
        let _ = locked(&self.journal).append(&record);
        job.change(|view| {
            view.state = how;
            view.ahead = None;
            view.error = error;
            view.takes = takes;
        });
        self.metrics.ended(how, time);
        state.remember_end(&job.id);
        if locked(&self.journal).lines() > JOURNAL_LINES {
            let _ = self.tidy_journal(state);
        }
    }

    /// Compacts the journal to the jobs that are still known.
    fn tidy_journal(&self, state: &State) -> std::io::Result<()> {
        let mut records = Vec::new();
        for job in state.ended.iter().filter_map(|id| state.known.get(id)) {
            records.extend([job.accepted(), job.finished()]);
        }
        if let Some(job) = state.running.as_ref().filter(|job| !job.state().is_final()) {
            records.extend([job.accepted(), Record::Started { job: job.id.clone() }]);
        }
        records.extend(state.waiting.iter().flat_map(|(_, jobs)| jobs).map(|job| job.accepted()));
        locked(&self.journal).rewrite(&records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(session: &SessionId) -> Arc<Job> {
        let id = JobId::fresh().expect("random numbers");
        Job::new(id, session.clone(), Spec::Generate(Default::default()), JobState::Queued)
    }

    #[test]
    fn sessions_take_turns() {
        let [first, second] = [(); 2].map(|()| SessionId::fresh().expect("random numbers"));
        let jobs = [&first, &first, &first, &second].map(job);
        let mut state = State::default();
        for job in &jobs {
            state.push(job.clone());
        }
        state.tell_places();
        let places: Vec<_> = jobs.iter().map(|job| job.view.borrow().ahead).collect();
        assert_eq!(places, [Some(0), Some(2), Some(3), Some(1)]);
        let order: Vec<JobId> = std::iter::from_fn(|| state.pop()).map(|job| job.id.clone()).collect();
        assert_eq!(order, [0, 3, 1, 2].map(|index: usize| jobs[index].id.clone()));
    }

    #[test]
    fn what_is_removed_leaves_no_gap() {
        let session = SessionId::fresh().expect("random numbers");
        let only = job(&session);
        let mut state = State::default();
        state.push(only.clone());
        assert!(state.remove(&only.id).is_some() && state.remove(&only.id).is_none());
        assert!(state.waiting.is_empty() && state.pop().is_none());
    }

    #[test]
    fn old_jobs_are_forgotten() {
        let session = SessionId::fresh().expect("random numbers");
        let mut state = State::default();
        for _ in 0..REMEMBERED + 5 {
            let job = job(&session);
            state.known.insert(job.id.clone(), job.clone());
            state.remember_end(&job.id);
        }
        assert_eq!((state.known.len(), state.ended.len()), (REMEMBERED, REMEMBERED));
    }
}
