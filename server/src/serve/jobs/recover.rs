//! Recovers the jobs of a process that has ended.

use std::collections::HashMap;
use std::sync::Arc;

use resonantgen_music::track::Track;

use super::super::id::{JobId, SessionId};
use super::super::journal::Record;
use super::super::sessions::Sessions;
use super::{Job, State};
use crate::wire::JobState;

/// The traces of one job in the journal.
struct Traces {
    job: Arc<Job>,
    started: bool,
    /// Ids of the takes that were about to be saved.
    saving: Option<Vec<String>>,
    finished: bool,
}

/// The queue after a restart: ended jobs are kept, jobs that had not started wait again, and a job that was running is
/// done if its takes were saved, otherwise interrupted.
pub(super) fn state(records: Vec<Record>, sessions: &Sessions) -> State {
    let mut order: Vec<JobId> = Vec::new();
    let mut traces: HashMap<JobId, Traces> = HashMap::new();
    for record in records {
        match record {
            Record::Accepted { job, session, spec } => {
                let entry = Job::new(job.clone(), session, *spec, JobState::Queued);
                if traces.contains_key(&job) {
                    continue;
                }
                order.push(job.clone());
                traces.insert(job, Traces { job: entry, started: false, saving: None, finished: false });
            }
            Record::Started { job } => {
                if let Some(traces) = traces.get_mut(&job) {
                    traces.started = true;
                }
            }
            Record::Saving { job, takes } => {
                if let Some(traces) = traces.get_mut(&job) {
                    traces.saving = Some(takes);
                }
            }
            Record::Finished { job, state, error, takes } => {
                if let Some(traces) = traces.get_mut(&job) {
                    traces.finished = true;
                    traces.job.change(|view| {
                        // A manipulated journal must not leave a job open for ever.
                        view.state = if state.is_final() { state } else { JobState::Failed };
                        view.error = error;
                        view.takes = takes;
                    });
                }
            }
        }
    }

    let mut state = State::default();
    for id in order {
        let Some(traces) = traces.remove(&id) else { continue };
        let job = traces.job;
        state.known.insert(id.clone(), job.clone());
        let exists = sessions.read(&job.session, |_, _| Ok(())).is_ok();
        if !traces.finished && !traces.started && exists {
            state.push(job);
            continue;
        }
        if !traces.finished {
            let saved = traces.saving.filter(|takes| plays(sessions, &job.session, takes));
            job.change(|view| match saved {
                Some(takes) => (view.state, view.takes) = (JobState::Done, takes),
                None => {
                    view.state = JobState::Interrupted;
                    view.error = Some(if exists {
                        "the server stopped during the job; the session is unchanged: try again".to_owned()
                    } else {
                        "the server stopped, and the session no longer exists".to_owned()
                    });
                }
            });
        }
        state.remember_end(&id);
    }
    state
}

/// Whether all of `takes` play in a session.
fn plays(sessions: &Sessions, session: &SessionId, takes: &[String]) -> bool {
    let current = sessions.read(session, |session, _| {
        let states = Track::ALL.into_iter().flat_map(|track| session.states(track));
        Ok(states.filter_map(|state| Some(state.take()?.id.0.clone())).collect::<Vec<_>>())
    });
    !takes.is_empty() && current.is_ok_and(|current| takes.iter().all(|take| current.contains(take)))
}

#[cfg(test)]
mod tests {
    use resonantgen_session::Session;

    use super::super::super::journal::Spec;
    use super::*;

    #[test]
    fn what_began_is_interrupted_and_what_did_not_waits_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let sessions = Sessions::open(folder.path(), 4).expect("a folder");
        let session = sessions.create(Session::default(), false).expect("room");
        let gone = SessionId::fresh().expect("random numbers");
        let ids: [JobId; 5] = std::array::from_fn(|_| JobId::fresh().expect("random numbers"));
        let accepted = |job: &JobId, session: &SessionId| Record::Accepted {
            job: job.clone(),
            session: session.clone(),
            spec: Box::new(Spec::Generate(Default::default())),
        };
        let finished =
            |job: &JobId, state| Record::Finished { job: job.clone(), state, error: None, takes: vec![] };
        let records = vec![
            accepted(&ids[0], &session),
            accepted(&ids[1], &session),
            Record::Started { job: ids[0].clone() },
            Record::Started { job: JobId::fresh().expect("random numbers") },
            accepted(&ids[2], &gone),
            accepted(&ids[3], &session),
            finished(&ids[3], JobState::Done),
            accepted(&ids[4], &session),
            finished(&ids[4], JobState::Queued),
        ];
        let state = state(records, &sessions);
        let states = ids.each_ref().map(|id| state.known[id].state());
        let expected = [
            JobState::Interrupted,
            JobState::Queued,
            JobState::Interrupted,
            JobState::Done,
            JobState::Failed,
        ];
        assert_eq!(states, expected);
        assert_eq!((state.waiting_count(), state.ended.len()), (1, 4));
    }
}
