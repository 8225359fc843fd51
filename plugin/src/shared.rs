//! What audio thread, worker, host thread and editor have in common. Each member says who may touch it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use resonantgen_engine::generator::Stage;
use resonantgen_engine::playback::{Clip, Player};
use resonantgen_engine::project::{self, Opened, StoredSound as _};
use resonantgen_engine::session::{Overrides, Session, TrackState};
use resonantgen_engine::take::Take;
use resonantgen_engine::track::{TRACK_COUNT, Track};

use crate::editor::RepaintNotifier;
use crate::host::HostLink;
use crate::job::Job;
use crate::outlet::{Manner, Outlet};
use crate::prompts::Prompts;

/// The editor's size at first, in logical pixels.
pub const DEFAULT_EDITOR_SIZE: [u32; 2] = [980, 640];
/// Jobs that may wait.
const QUEUE_CAPACITY: usize = 64;
/// How long a host may take with what it saves before the memory is given back.
const SAVED: Duration = Duration::from_secs(3);

/// A float that threads share without a lock.
#[derive(Debug, Default)]
pub struct AtomicF64(AtomicU64);

impl AtomicF64 {
    /// Writes. Realtime-safe.
    pub fn store(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// Reads. Realtime-safe.
    pub fn load(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// Width and height that threads share without a lock.
#[derive(Debug)]
pub struct AtomicSize(AtomicU64);

impl AtomicSize {
    fn new([width, height]: [u32; 2]) -> Self {
        Self(AtomicU64::new(u64::from(width) << 32 | u64::from(height)))
    }

    /// Writes.
    pub fn store(&self, [width, height]: [u32; 2]) {
        self.0.store(u64::from(width) << 32 | u64::from(height), Ordering::Relaxed);
    }

    /// Reads.
    pub fn load(&self) -> [u32; 2] {
        let packed = self.0.load(Ordering::Relaxed);
        [(packed >> 32) as u32, packed as u32]
    }
}

/// The loudest sample since it was last looked at, per channel.
#[derive(Debug, Default)]
pub struct Meter([AtomicU32; 2]);

impl Meter {
    /// Takes the peaks of a block into account; they are not negative. Realtime-safe.
    pub fn raise(&self, peaks: [f32; 2]) {
        for (meter, peak) in self.0.iter().zip(peaks) {
            // The bits of floats that are not negative are ordered as the floats are.
            meter.fetch_max(peak.max(0.0).to_bits(), Ordering::Relaxed);
        }
    }

    /// The peaks since the last call.
    pub fn take(&self) -> [f32; 2] {
        [0, 1].map(|channel| f32::from_bits(self.0[channel].swap(0, Ordering::Relaxed)))
    }
}

/// How far a track's generation has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// Nothing is being made.
    Idle,
    /// Another instance generates first.
    Waiting,
    /// Begun: models are loaded, or a server is asked, or other tracks come first.
    Begun,
    /// An audio file is read and fitted.
    Importing,
    /// In a stage, with the done part in `0.0..=1.0`.
    In(Stage, f32),
}

/// [`Progress`] of one track, shared without a lock.
#[derive(Debug, Default)]
pub struct AtomicProgress(AtomicU32);

impl AtomicProgress {
    const FULL: f32 = 65_535.0;

    /// Writes.
    pub fn store(&self, progress: Progress) {
        let packed = match progress {
            Progress::Idle => 0,
            Progress::Waiting => 1 << 16,
            Progress::Begun => 5 << 16,
            Progress::Importing => 6 << 16,
            Progress::In(stage, fraction) => {
                let stage = match stage {
                    Stage::Compose => 2,
                    Stage::Perform => 3,
                    Stage::Decode => 4,
                };
                stage << 16 | (fraction.clamp(0.0, 1.0) * Self::FULL) as u32
            }
        };
        self.0.store(packed, Ordering::Relaxed);
    }

    /// Reads.
    pub fn load(&self) -> Progress {
        let packed = self.0.load(Ordering::Relaxed);
        let fraction = (packed & 0xffff) as f32 / Self::FULL;
        match packed >> 16 {
            1 => Progress::Waiting,
            2 => Progress::In(Stage::Compose, fraction),
            3 => Progress::In(Stage::Perform, fraction),
            4 => Progress::In(Stage::Decode, fraction),
            5 => Progress::Begun,
            6 => Progress::Importing,
            _ => Progress::Idle,
        }
    }
}

/// State that all parts of one plugin instance share.
#[derive(Debug)]
pub struct Shared {
    /// The host, where it is known. Any thread.
    pub host: Arc<HostLink>,
    /// Wakes the editor. Any thread.
    pub repaint: RepaintNotifier,
    /// A session that could not be read. Host thread and editor.
    pub damaged: Mutex<Vec<u8>>,
    /// Size of the editor. Host thread and editor.
    pub editor_size: AtomicSize,
    /// Progress of each track. Worker writes, editor reads.
    pub progress: [AtomicProgress; TRACK_COUNT],
    /// Jobs asked for and not yet finished, with all that follows from them. Any thread.
    pub unfinished: AtomicU32,
    /// The worker generates what is not there yet.
    making: AtomicBool,
    /// The job that runs shall stop. Any thread.
    pub cancel: AtomicBool,
    /// The worker shall end. Host thread.
    pub quit: AtomicBool,
    /// Quarter notes; written by the audio thread for the editor.
    pub playhead_beat: AtomicF64,
    /// Whether the playhead moves; written by the audio thread for the editor.
    pub playing: AtomicBool,
    /// Tempo of the host, in the range of takes ([`Position::in_range`](resonantgen_engine::playback::Position::in_range)), 0
    /// when it has none; written by the audio thread.
    pub host_bpm: AtomicF64,
    /// Whether the host has a transport that stands still; written by the audio thread for the editor.
    pub stopped: AtomicBool,
    /// The editor wishes to hear the takes while the host stands still.
    pub preview: AtomicBool,
    /// The host renders instead of playing; written by the audio thread.
    pub offline: AtomicBool,
    /// An offline render has waited too long for a take. Written by the audio thread.
    pub gave_up: AtomicBool,
    /// Tempo that the takes shall be performed at, 0 for their own; written by the audio thread when it has settled.
    pub settled_bpm: AtomicF64,
    /// The number by which a take of each track is chosen; 0 for none. Written by the audio thread.
    pub chosen: [AtomicU32; TRACK_COUNT],
    /// Triggers that found the queue full; written by the audio thread.
    pub lost_triggers: AtomicU32,
    /// How loud each track sounds; the audio thread raises it, the editor takes it.
    pub meters: [Meter; TRACK_COUNT],
    overrides: Mutex<Overrides>,
    /// What is typed, per slot. Worker, host thread and editor.
    pub prompts: Prompts,
    session: Mutex<Session>,
    /// Grows with each change of the session.
    revision: AtomicU64,
    /// Grows with each restored session: what was begun before it is not wanted any more.
    epoch: AtomicU64,
    /// When the host saved last, until the memory for it was given back.
    saved: Mutex<Option<Instant>>,
    outlet: Mutex<Option<Outlet>>,
    early: Mutex<[Option<Arc<Take>>; TRACK_COUNT]>,
    message: Mutex<Option<String>>,
    notice: Mutex<Option<String>>,
    queue: Mutex<VecDeque<Job>>,
    worker: OnceLock<Thread>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A thread that panicked has left whole values behind: each change here is one assignment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// State of a new instance.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            host: HostLink::of_this_instance(),
            repaint: RepaintNotifier::default(),
            damaged: Mutex::default(),
            editor_size: AtomicSize::new(DEFAULT_EDITOR_SIZE),
            progress: Default::default(),
            unfinished: AtomicU32::new(0),
            making: AtomicBool::new(false),
            cancel: AtomicBool::new(false),
            quit: AtomicBool::new(false),
            playhead_beat: AtomicF64::default(),
            playing: AtomicBool::new(false),
            host_bpm: AtomicF64::default(),
            stopped: AtomicBool::new(false),
            preview: AtomicBool::new(false),
            offline: AtomicBool::new(false),
            gave_up: AtomicBool::new(false),
            settled_bpm: AtomicF64::default(),
            chosen: Default::default(),
            lost_triggers: AtomicU32::new(0),
            meters: Default::default(),
            overrides: Mutex::default(),
            prompts: Prompts::default(),
            session: Mutex::default(),
            revision: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
            saved: Mutex::default(),
            outlet: Mutex::default(),
            early: Mutex::default(),
            message: Mutex::default(),
            notice: Mutex::default(),
            queue: Mutex::default(),
            worker: OnceLock::new(),
        })
    }

    /// Facts that the user has fixed; they win over what the prompt says. Not realtime-safe.
    pub fn overrides(&self) -> Overrides {
        locked(&self.overrides).clone()
    }

    /// Replaces the facts that the user has fixed. Not realtime-safe.
    pub fn set_overrides(&self, overrides: Overrides) {
        *locked(&self.overrides) = overrides;
    }

    /// The session as it is now; takes are shared, not copied. Not realtime-safe.
    pub fn session(&self) -> Session {
        locked(&self.session).clone()
    }

    /// A number that changes when the session does.
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// A number that changes when a session is restored.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// What went wrong last, for the editor.
    pub fn message(&self) -> Option<String> {
        locked(&self.message).clone()
    }

    /// What there is to say of a job that has succeeded. For the worker.
    pub fn set_notice(&self, notice: Option<String>) {
        *locked(&self.notice) = notice;
    }

    /// Takes what [`set_notice`](Self::set_notice) left.
    pub fn take_notice(&self) -> Option<String> {
        locked(&self.notice).take()
    }

    /// Shows or removes a message.
    pub fn set_message(&self, message: Option<String>) {
        *locked(&self.message) = message;
        self.repaint.request_repaint();
    }

    /// Makes `session` the current one if nothing was restored since `epoch`; returns whether it did. `manner` says when
    /// it is heard.
    pub fn commit_session(&self, session: Session, epoch: u64, manner: Manner) -> bool {
        {
            let mut current = locked(&self.session);
            if self.epoch() != epoch {
                return false;
            }
            *current = session;
            self.revision.fetch_add(1, Ordering::Release);
        }
        self.feed(manner);
        self.host.mark_dirty();
        self.repaint.request_repaint();
        true
    }

    /// How long the worker shall wait until it gives memory back after a save; zero is told once. `None` without a save.
    pub fn rest_after_save(&self) -> Option<Duration> {
        let mut saved = locked(&self.saved);
        let left = SAVED.saturating_sub((*saved)?.elapsed());
        if left.is_zero() {
            *saved = None;
        }
        Some(left)
    }

    /// The session for the host's project, empty without a take. The copies that hosts make of it are several times its size; the
    /// worker gives their memory back when they are gone. Not realtime-safe.
    pub fn session_blob(&self) -> Vec<u8> {
        let session = self.session();
        if session.tracks.iter().all(|track| track.history.is_empty()) {
            return Vec::new();
        }
        let bytes = project::to_project(&session);
        *locked(&self.saved) = Some(Instant::now());
        self.wake_worker();
        bytes
    }

    /// Takes over a session from the host's project, and hands its takes to the player at once. A damaged one is kept
    /// aside and leaves an empty session and a message. Not realtime-safe.
    pub fn restore_session(&self, bytes: Vec<u8>) {
        let empty = Opened { session: Session::default(), lost: Vec::new(), edited: false };
        let restored = if bytes.is_empty() { Ok(empty) } else { project::from_project(&bytes) };
        let (session, lost, damage) = match restored {
            Ok(Opened { session, lost, .. }) => (session, lost, None),
            Err(error) => (Session::default(), Vec::new(), Some(error)),
        };
        self.cancel.store(true, Ordering::Release);
        {
            let mut current = locked(&self.session);
            *current = session;
            self.epoch.fetch_add(1, Ordering::Release);
            self.revision.fetch_add(1, Ordering::Release);
        }
        match damage {
            None => {
                locked(&self.damaged).clear();
                let lost: Vec<String> = lost.iter().map(|lost| format!("In the project, {lost}.")).collect();
                self.set_message(Some(lost.join(" ")).filter(|text| !text.is_empty()));
            }
            Some(error) => {
                *locked(&self.damaged) = bytes;
                self.set_message(Some(format!(
                    "The saved session could not be read ({error}). It is kept in the project; what you make now is \
                     saved next to it."
                )));
            }
        }
        self.end_early();
        self.repaint.request_repaint();
        // It unpacks what is asleep.
        self.wake_worker();
    }

    /// A player for the given rate that already has the session's takes. Not realtime-safe.
    pub fn open_player(&self, sample_rate_hz: f64) -> Player {
        let (outlet, player) = Outlet::open(sample_rate_hz);
        *locked(&self.outlet) = Some(outlet);
        self.feed(Manner { immediate: true, asked_at: None });
        player
    }

    /// Sends the player the takes that it does not have yet. Not realtime-safe.
    fn feed(&self, manner: Manner) {
        let session = self.session();
        if let Some(outlet) = &mut *locked(&self.outlet) {
            outlet.feed(&session, manner, 0);
        }
    }

    /// Lets finished takes be heard before the rest of their generation is made; `None` takes them back. Not
    /// realtime-safe.
    pub fn hear_early(&self, track: Track, take: Option<&Take>, manner: Manner) {
        let session = self.session();
        let take = take.map(|take| Arc::new(take.clone()));
        locked(&self.early)[track.index()].clone_from(&take);
        if let Some(outlet) = &mut *locked(&self.outlet) {
            outlet.set_early(track, take);
            outlet.feed(&session, manner, 0);
        }
        self.repaint.request_repaint();
    }

    /// Finished takes of a generation that still goes on (index as [`Track::ALL`]), for the editor. Not realtime-safe.
    pub fn early(&self) -> [Option<Arc<Take>>; TRACK_COUNT] {
        locked(&self.early).clone()
    }

    /// What was heard early is part of the session now, or not wanted any more.
    pub fn end_early(&self) {
        *locked(&self.early) = Default::default();
        if let Some(outlet) = &mut *locked(&self.outlet) {
            for track in Track::ALL {
                outlet.set_early(track, None);
            }
        }
        self.feed(Manner { immediate: true, asked_at: None });
    }

    /// Takes that sound, or may sound by their number, and cannot be heard at a tempo without slicing; each with the takes
    /// that it heard while it was made.
    pub fn without_rendition(&self, bpm: f64) -> Vec<(Arc<Take>, Vec<Arc<Take>>)> {
        let session = self.session();
        let outlet = locked(&self.outlet);
        let Some(outlet) = &*outlet else { return Vec::new() };
        let mut takes = Vec::new();
        for track in Track::ALL {
            let state = session.track(track);
            let chosen = self.chosen(state, track);
            if let Some(take) = chosen.or(state.take()).filter(|take| !outlet.has(&take.id, bpm)) {
                takes.push((take.clone(), session.heard_by(take)));
            }
        }
        takes
    }

    /// Hands a take's rendition at another tempo to the player. Not realtime-safe.
    pub fn add_rendition(&self, of: &Take, rendition: &Take) {
        let Some(rate_hz) = locked(&self.outlet).as_ref().map(Outlet::sample_rate_hz) else { return };
        let clip = Clip::prepare(rendition, rate_hz);
        if let Some(outlet) =
            locked(&self.outlet).as_mut().filter(|outlet| outlet.sample_rate_hz() == rate_hz)
        {
            outlet.add_rendition(&of.id, clip);
        }
        self.feed(Manner::default());
    }

    /// Takes that numbers choose and that are asleep.
    pub fn chosen_asleep(&self) -> Vec<Arc<Take>> {
        let session = self.session();
        let chosen =
            |track| self.chosen(session.track(track), track).filter(|take| take.is_asleep()).cloned();
        Track::ALL.into_iter().filter_map(chosen).collect()
    }

    /// The take of a track that a number chooses.
    fn chosen<'a>(&self, state: &'a TrackState, track: Track) -> Option<&'a Arc<Take>> {
        state.history.get(state.numbered(self.chosen[track.index()].load(Ordering::Relaxed))?)
    }

    /// Puts a take that was asleep in its own place. The project does not change by it. For the worker; not realtime-safe.
    pub fn wake(&self, awake: &Arc<Take>, manner: Manner) {
        locked(&self.session).wake(awake);
        self.feed(manner);
    }

    /// Unpacks one take that is asleep; returns whether there was one. For the worker; not realtime-safe.
    pub fn unpack_one(&self) -> bool {
        let packed = self.session().asleep().into_iter().find(|(_, take)| take.is_packed());
        let Some((_, take)) = packed else { return false };
        match take.unpacked() {
            Some(awake) => self.wake(&awake, Manner::default()),
            // Its checksum was right, so this cannot be; it is not tried again before somebody asks for it.
            None => return false,
        }
        true
    }

    /// Frees what the player has put down, gets one take ready that may be chosen by number, and sends what did not fit
    /// before; returns whether more is left to do. For the worker; not realtime-safe.
    pub fn tend(&self) -> bool {
        let session = self.session();
        let mut outlet = locked(&self.outlet);
        outlet.as_mut().is_some_and(|outlet| {
            let is_incomplete = outlet.feed(&session, Manner::default(), 1);
            outlet.tend() || is_incomplete
        })
    }

    /// Names the thread that [`ask`](Self::ask) wakes.
    pub fn set_worker(&self, thread: Thread) {
        // Set once, by the plugin's constructor.
        let _ = self.worker.set(thread);
    }

    /// Wakes the worker. Realtime-safe: it does not wait.
    pub fn wake_worker(&self) {
        if let Some(worker) = self.worker.get() {
            worker.unpark();
        }
    }

    /// Puts a job into the queue. For the editor; not realtime-safe.
    pub fn ask(&self, job: Job) {
        self.unfinished.fetch_add(1, Ordering::AcqRel);
        self.enqueue(job);
        self.wake_worker();
    }

    /// Changes the session without generating: undo, another take and the like. It happens on the worker, after what
    /// is being made; an error is shown. For the editor; not realtime-safe.
    pub fn change<E: std::fmt::Display>(
        &self,
        locked: [bool; TRACK_COUNT],
        change: impl FnOnce(&mut Session) -> Result<(), E> + Send + 'static,
    ) {
        self.ask(Job::Change {
            locked,
            change: Box::new(|session| change(session).map_err(|error| error.to_string())),
        });
    }

    /// Queues a job that is already counted. Generating everything makes what waits pointless.
    pub fn enqueue(&self, job: Job) {
        let mut queue = locked(&self.queue);
        if job.replaces_all() {
            let before = queue.len();
            queue.retain(|waiting| !waiting.is_generation());
            self.unfinished.fetch_sub((before - queue.len()) as u32, Ordering::AcqRel);
        }
        if queue.len() < QUEUE_CAPACITY {
            queue.push_back(job);
        } else {
            self.unfinished.fetch_sub(1, Ordering::AcqRel);
            drop(queue);
            self.set_message(Some(format!(
                "More than {QUEUE_CAPACITY} generations are waiting: the newest was left out."
            )));
        }
    }

    /// The next job. For the worker.
    pub fn next_job(&self) -> Option<Job> {
        let mut queue = locked(&self.queue);
        let job = queue.pop_front();
        self.making.store(job.as_ref().is_some_and(Job::is_generation), Ordering::Release);
        job
    }

    /// Generations that were asked for and are not there yet: what can be cancelled. For the editor; not realtime-safe.
    pub fn awaited(&self) -> usize {
        let queue = locked(&self.queue);
        let waiting = queue.iter().filter(|job| job.is_generation()).count();
        waiting + usize::from(self.making.load(Ordering::Acquire))
    }

    /// What was asked for is there, or will not be: nothing is being made any more. For the worker.
    pub fn note_made(&self) {
        self.making.store(false, Ordering::Release);
        for progress in &self.progress {
            progress.store(Progress::Idle);
        }
        self.repaint.request_repaint();
    }

    /// Stops the job that runs and forgets those that wait.
    pub fn cancel_all(&self) {
        let mut queue = locked(&self.queue);
        self.unfinished.fetch_sub(queue.len() as u32, Ordering::AcqRel);
        queue.clear();
        self.cancel.store(true, Ordering::Release);
    }
}
