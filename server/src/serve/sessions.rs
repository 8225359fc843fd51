//! The sessions on disk, some of them cached in memory.
//!
//! Each is a folder `sessions/<id>` that [`Folder::save`] writes, so that a kill at any moment leaves either the old
//! or the new session. A change is saved before it is told to anybody. While a job runs on a session, only locks of
//! tracks that the job leaves alone may change.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use resonantgen_music::track::Track;
use resonantgen_project as project;
use resonantgen_project::{Access, Folder, StemFormat, Waiting};
use resonantgen_session::Session;
use resonantgen_take::Take;

use super::id::{JobId, SessionId, WantedTake};
use super::problem::Problem;

/// Number of unused sessions that stay in memory.
const LOADED: usize = 8;
const FOLDER: &str = "sessions";
/// Marker file in the folder of a lent session; such sessions do not outlive the server.
const LENT: &str = "lent";
/// Name prefix of folders that are being removed.
const TRASH: &str = ".trash-";
/// How long another program may keep a session's folder from the server.
const PATIENCE: Duration = Duration::from_secs(5);

/// All sessions of a data folder.
#[derive(Debug)]
pub struct Sessions {
    root: PathBuf,
    limit: usize,
    slots: Mutex<BTreeMap<SessionId, Arc<Slot>>>,
    /// Use counter, for least-recently-used order.
    uses: AtomicU64,
}

#[derive(Debug)]
struct Slot {
    folder: PathBuf,
    lent: bool,
    used: AtomicU64,
    state: Mutex<SlotState>,
}

#[derive(Debug, Default)]
struct SlotState {
    loaded: Option<Loaded>,
    /// Deleted; whoever still holds the slot must not write its folder again.
    gone: bool,
    running: Option<Running>,
}

/// A session in memory. Its folder stays locked as long as it is there, so that no other program changes it behind its back.
#[derive(Debug)]
struct Loaded {
    folder: Folder,
    session: Session,
}

/// The job that is changing a session.
#[derive(Clone, Debug)]
struct Running {
    job: JobId,
    tracks: Vec<Track>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one assignment, after everything that could panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    fn new(folder: PathBuf, lent: bool, loaded: Option<Loaded>) -> Arc<Self> {
        let state = Mutex::new(SlotState { loaded, ..SlotState::default() });
        Arc::new(Self { folder, lent, used: AtomicU64::new(0), state })
    }

    /// The session, read from disk if necessary.
    fn load<'a>(&self, state: &'a mut SlotState) -> Result<&'a Session, Problem> {
        if state.gone {
            return Err(Problem::not_found("session"));
        }
        match &mut state.loaded {
            Some(loaded) => Ok(&loaded.session),
            empty => {
                let mut folder = open(&self.folder)?;
                let opened = folder.load()?;
                for lost in &opened.lost {
                    eprintln!("session {}: {lost}", self.folder.display());
                }
                Ok(&empty.insert(Loaded { folder, session: opened.session }).session)
            }
        }
    }

    /// Saves `session`, and only then makes it the visible one.
    fn keep(&self, state: &mut SlotState, session: Session) -> Result<(), Problem> {
        match &mut state.loaded {
            Some(loaded) => {
                loaded.folder.save(&session, StemFormat::default())?;
                loaded.session = session;
            }
            empty => {
                let mut folder = open(&self.folder)?;
                folder.save(&session, StemFormat::default())?;
                *empty = Some(Loaded { folder, session });
            }
        }
        Ok(())
    }
}

fn open(folder: &Path) -> Result<Folder, project::StoreError> {
    Folder::open(folder, Access::Change, &mut Waiting { patience: PATIENCE, note: &mut || () })
}

impl Sessions {
    /// Finds the sessions of a data folder and removes what a killed process has left behind.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be created or read.
    pub fn open(data: &Path, limit: usize) -> io::Result<Self> {
        let root = data.join(FOLDER);
        fs::create_dir_all(&root)?;
        let mut slots = BTreeMap::new();
        for entry in fs::read_dir(&root)? {
            let folder = entry?.path();
            let Some(name) = folder.file_name().and_then(|name| name.to_str()) else { continue };
            if name.starts_with(TRASH) || folder.join(LENT).exists() {
                // Failed removals are retried at the next start.
                let _ = fs::remove_dir_all(&folder);
            } else if let Ok(id) = SessionId::try_from(name.to_owned()) {
                // It clears away what a killed process has left; one that is in use is cleared by who uses it.
                drop(Folder::open(
                    &folder,
                    Access::Change,
                    &mut Waiting { patience: Duration::ZERO, note: &mut || () },
                ));
                slots.insert(id, Slot::new(folder, false, None));
            }
        }
        Ok(Self { root, limit, slots: Mutex::new(slots), uses: AtomicU64::new(0) })
    }

    /// Ids of all sessions that are not lent.
    pub fn ids(&self) -> Vec<SessionId> {
        locked(&self.slots).iter().filter(|(_, slot)| !slot.lent).map(|(id, _)| id.clone()).collect()
    }

    /// Number of sessions, including lent ones.
    pub fn count(&self) -> usize {
        locked(&self.slots).len()
    }

    /// Stores a new session. If there is no room, the least recently used lent session is removed.
    ///
    /// # Errors
    /// Returns an error if there are too many sessions, or the new one cannot be written.
    pub fn create(&self, session: Session, lent: bool) -> Result<SessionId, Problem> {
        let id = SessionId::fresh().map_err(|error| Problem::internal(error.to_string()))?;
        if self.count() >= self.limit {
            let idle = {
                let slots = locked(&self.slots);
                let is_idle = |slot: &Slot| slot.state.try_lock().is_ok_and(|state| state.running.is_none());
                let lent = slots.iter().filter(|(_, slot)| slot.lent && is_idle(slot));
                lent.min_by_key(|(_, slot)| slot.used.load(Ordering::Relaxed)).map(|(id, _)| id.clone())
            };
            match idle {
                Some(idle) => self.delete(&idle)?,
                None => {
                    let limit = self.limit;
                    return Err(Problem::new(
                        StatusCode::INSUFFICIENT_STORAGE,
                        format!(
                            "there are {limit} sessions, which is the limit: delete one that is not needed"
                        ),
                    ));
                }
            }
        }
        let folder = self.root.join(id.as_str());
        let prepared = fs::create_dir(&folder)
            .and_then(|()| if lent { fs::write(folder.join(LENT), b"") } else { Ok(()) })
            .map_err(|error| Problem::storage(&error))
            .and_then(|()| {
                let mut locked = open(&folder)?;
                locked.save(&session, StemFormat::default())?;
                Ok(locked)
            });
        let loaded = match prepared {
            Ok(locked) => Loaded { folder: locked, session },
            Err(problem) => {
                let _ = fs::remove_dir_all(&folder);
                return Err(problem);
            }
        };
        let slot = Slot::new(folder, lent, Some(loaded));
        self.touch(&slot);
        locked(&self.slots).insert(id.clone(), slot);
        self.unload_unused();
        Ok(id)
    }

    /// Deletes a session and its folder.
    ///
    /// # Errors
    /// Returns an error if the session does not exist or cannot be removed.
    pub fn delete(&self, id: &SessionId) -> Result<(), Problem> {
        let slot = self.slot(id)?;
        let mut state = locked(&slot.state);
        if state.gone {
            return Err(Problem::not_found("session"));
        }
        // Some systems move no folder with an open file in it.
        state.loaded = None;
        // Moved first: half a session must never be found.
        let trash = self.root.join(format!("{TRASH}{id}"));
        match fs::rename(&slot.folder, &trash) {
            Ok(()) => {}
            // One of its files is being sent, and Windows moves no such folder: the next start removes it.
            Err(_) if cfg!(windows) && fs::write(slot.folder.join(LENT), b"").is_ok() => {}
            Err(error) => return Err(Problem::storage(&error)),
        }
        state.gone = true;
        locked(&self.slots).remove(id);
        let _ = fs::remove_dir_all(&trash);
        Ok(())
    }

    /// Reads from a session; also passes the job that runs on it.
    ///
    /// # Errors
    /// Returns an error if the session does not exist or cannot be read.
    pub fn read<T>(
        &self,
        id: &SessionId,
        look: impl FnOnce(&Session, Option<&JobId>) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let slot = self.slot(id)?;
        let seen = {
            let mut state = locked(&slot.state);
            let job = state.running.as_ref().map(|running| running.job.clone());
            look(slot.load(&mut state)?, job.as_ref())
        };
        self.unload_unused();
        seen
    }

    /// Changes a session and saves it.
    ///
    /// # Errors
    /// Returns an error if a job is running on the session, the change is refused, or the session cannot be saved; it is then
    /// unchanged.
    pub fn change<T>(
        &self,
        id: &SessionId,
        change: impl FnOnce(&mut Session) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let slot = self.slot(id)?;
        let mut state = locked(&slot.state);
        if state.running.is_some() {
            return Err(busy());
        }
        let mut session = slot.load(&mut state)?.clone();
        let result = change(&mut session)?;
        slot.keep(&mut state, session)?;
        Ok(result)
    }

    /// Locks or unlocks a track.
    ///
    /// # Errors
    /// Returns an error if the running job is generating the track, the track has no take to lock, or the session cannot be
    /// saved.
    pub fn set_lock(&self, id: &SessionId, track: Track, lock: bool) -> Result<(), Problem> {
        let slot = self.slot(id)?;
        let mut state = locked(&slot.state);
        if state.running.as_ref().is_some_and(|running| running.tracks.contains(&track)) {
            return Err(busy());
        }
        let session = slot.load(&mut state)?;
        if session.track(track).locked == lock {
            return Ok(());
        }
        let mut session = session.clone();
        session.set_lock(track, lock)?;
        slot.keep(&mut state, session)
    }

    /// Begins a job and returns the session to work on. [`release`](Self::release) must follow.
    ///
    /// # Errors
    /// Returns an error if the session does not exist or cannot be read.
    pub fn begin(&self, id: &SessionId, job: &JobId, tracks: Vec<Track>) -> Result<Session, Problem> {
        let slot = self.slot(id)?;
        let mut state = locked(&slot.state);
        let session = slot.load(&mut state)?.clone();
        state.running = Some(Running { job: job.clone(), tracks });
        Ok(session)
    }

    /// Saves a job's result; `announce` is called once only writing can still fail.
    ///
    /// # Errors
    /// Returns an error if the session was deleted in the meantime or cannot be saved; it is then unchanged.
    pub fn commit(&self, id: &SessionId, mut made: Session, announce: impl FnOnce()) -> Result<(), Problem> {
        let slot = self.slot(id)?;
        let mut state = locked(&slot.state);
        let live = slot.load(&mut state)?;
        for track in Track::ALL {
            made.track_mut(track).locked = live.track(track).locked;
        }
        announce();
        slot.keep(&mut state, made)
    }

    /// Ends a job started by [`begin`](Self::begin).
    pub fn release(&self, id: &SessionId) {
        if let Ok(slot) = self.slot(id) {
            locked(&slot.state).running = None;
        }
        self.unload_unused();
    }

    /// Puts a take whose audio was lost back in its place and saves the session. Nothing happens if the take is not there any more,
    /// or no longer lost.
    ///
    /// # Errors
    /// Returns an error if the session does not exist or cannot be saved; it is then unchanged.
    pub fn wake(&self, id: &SessionId, awake: &Arc<Take>) -> Result<(), Problem> {
        let slot = self.slot(id)?;
        let mut state = locked(&slot.state);
        let session = slot.load(&mut state)?;
        if !session.asleep().iter().any(|(_, take)| take.id == awake.id) {
            return Ok(());
        }
        let mut session = session.clone();
        session.wake(awake);
        slot.keep(&mut state, session)
    }

    /// A take of a session's history.
    ///
    /// # Errors
    /// Returns an error if the session or the take does not exist.
    pub fn take(&self, id: &SessionId, wanted: &WantedTake) -> Result<Arc<Take>, Problem> {
        self.read(id, |session, _| {
            let states = Track::ALL.into_iter().flat_map(|track| session.states(track));
            let mut takes = states.flat_map(|state| &state.history);
            takes.find(|take| take.id.0 == wanted.as_str()).cloned().ok_or_else(|| Problem::not_found("take"))
        })
    }

    /// Opens the lossless file of a take found by [`take`](Self::take).
    ///
    /// # Errors
    /// Returns an error if the session does not exist or the file cannot be read.
    pub fn take_file(&self, id: &SessionId, wanted: &WantedTake) -> Result<fs::File, Problem> {
        let path = self.slot(id)?.folder.join("takes").join(format!("{wanted}.flac"));
        fs::File::open(path)
            .map_err(|error| Problem::internal(format!("the take's file cannot be read: {error}")))
    }

    fn slot(&self, id: &SessionId) -> Result<Arc<Slot>, Problem> {
        let slot = locked(&self.slots).get(id).cloned().ok_or_else(|| Problem::not_found("session"))?;
        self.touch(&slot);
        Ok(slot)
    }

    fn touch(&self, slot: &Slot) {
        slot.used.store(self.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Drops the least recently used sessions from memory; they stay on disk.
    fn unload_unused(&self) {
        let mut loaded: Vec<Arc<Slot>> = locked(&self.slots)
            .values()
            .filter(|slot| slot.state.try_lock().is_ok_and(|state| state.loaded.is_some()))
            .cloned()
            .collect();
        loaded.sort_by_key(|slot| slot.used.load(Ordering::Relaxed));
        let surplus = loaded.len().saturating_sub(LOADED);
        for slot in loaded.into_iter().take(surplus) {
            if let Ok(mut state) = slot.state.try_lock()
                && state.running.is_none()
            {
                state.loaded = None;
            }
        }
    }
}

fn busy() -> Problem {
    Problem::conflict("a job is changing this session: wait until it ends, or cancel it")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session with a take on each track.
    fn four_takes() -> Session {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/session_v1");
        let mut session = project::load(&folder).expect("a session").session;
        for track in Track::ALL {
            session.track_mut(track).locked = false;
        }
        session
    }

    fn sessions(folder: &tempfile::TempDir, limit: usize) -> Sessions {
        Sessions::open(folder.path(), limit).expect("a folder")
    }

    #[test]
    fn what_was_created_is_found_again_and_what_was_lent_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = sessions(&folder, 9);
        let kept = first.create(four_takes(), false).expect("room");
        first.create(Session::default(), true).expect("room");
        first.set_lock(&kept, Track::Bass, true).expect("saved");
        assert_eq!((first.ids(), first.count()), (vec![kept.clone()], 2));
        fs::create_dir(folder.path().join("sessions").join(kept.as_str()).join(".saving-x")).expect("made");
        fs::create_dir(folder.path().join("sessions").join(".trash-y")).expect("made");
        drop(first);

        let again = sessions(&folder, 9);
        assert_eq!((again.ids(), again.count()), (vec![kept.clone()], 1));
        assert!(again.read(&kept, |session, _| Ok(session.track(Track::Bass).locked)).expect("readable"));
        assert!(!folder.path().join("sessions").join(kept.as_str()).join(".saving-x").exists());
        assert_eq!(fs::read_dir(folder.path().join("sessions")).expect("readable").count(), 1);
    }

    #[test]
    fn beyond_the_limit_lent_sessions_make_way_and_others_do_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let sessions = sessions(&folder, 2);
        let lent = sessions.create(Session::default(), true).expect("room");
        sessions.create(Session::default(), false).expect("room");
        sessions.create(Session::default(), false).expect("the lent one makes way");
        assert!(sessions.read(&lent, |_, _| Ok(())).is_err());
        let full = sessions.create(Session::default(), false).expect_err("no room");
        assert_eq!(full.status, StatusCode::INSUFFICIENT_STORAGE);
    }

    #[test]
    fn while_a_job_runs_only_locks_of_other_tracks_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let sessions = sessions(&folder, 2);
        let id = sessions.create(four_takes(), false).expect("room");
        let job = JobId::fresh().expect("random numbers");
        let made = sessions.begin(&id, &job, vec![Track::Drums]).expect("free");
        let refused = |result: Result<(), Problem>| result.is_err_and(|it| it.status == StatusCode::CONFLICT);
        assert!(refused(sessions.set_lock(&id, Track::Drums, true)));
        assert!(refused(sessions.change(&id, |_| Ok(()))));
        sessions.set_lock(&id, Track::Bass, true).expect("another track");
        sessions.commit(&id, made, || ()).expect("saved");
        sessions.release(&id);
        assert!(sessions.read(&id, |session, _| Ok(session.track(Track::Bass).locked)).expect("readable"));
        sessions.change(&id, |_| Ok(())).expect("free again");
    }

    #[test]
    fn a_deleted_session_does_not_come_back_with_its_job() {
        let folder = tempfile::tempdir().expect("a folder");
        let sessions = sessions(&folder, 2);
        let id = sessions.create(Session::default(), false).expect("room");
        let job = JobId::fresh().expect("random numbers");
        let made = sessions.begin(&id, &job, vec![Track::Drums]).expect("free");
        sessions.delete(&id).expect("there");
        assert!(sessions.commit(&id, made, || ()).is_err());
        assert_eq!(fs::read_dir(folder.path().join("sessions")).expect("readable").count(), 0);
    }
}
