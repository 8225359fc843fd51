//! The control side of an instance: everything that happens off the audio thread.
//!
//! # How a prompt gets from the editor to the audio thread
//! 1. The editor stores the text in [`Prompts`] and sends a [`Job`] with a [`Trigger`](job::Trigger) ([`Control::request`]).
//!    Automation and notes send a trigger through the [`ControlPort`], and the publisher forwards it.
//! 2. The [`worker`] drops jobs from before the last restored session (an older *epoch*). From trigger, prompt and the facts
//!    that the user has fixed it makes a [`Request`](resonantgen_session::Request).
//! 3. [`Session::apply`] has the takes made one track after the other, by the engine ([`inference`]) or on the user's server
//!    ([`remote`]).
//! 4. Each finished take goes into a new [`Snapshot`] ([`Store::hear_early`](snapshot::Store::hear_early)), and at the end the
//!    whole session does ([`Control::commit`]). Snapshots are immutable, so readers need no lock while they use one.
//! 5. The [`publisher`] thread sees the new snapshot. It is the only writer to playback: it prepares takes at the host's sample
//!    rate (`Clip`) and sends each track's takes through a ring buffer.
//! 6. In its next block the player receives them, and swaps them in when [`SwapPolicy`] and "Swap At" say.
//! 7. Anything else that the player needs (a take chosen by number, another tempo) it states as a [`Demand`](demand::Demand).
//!    The publisher unpacks and resamples, the worker performs again, and an offline render waits for both
//!    ([`ControlPort::wait`]).
//! 8. The editor draws the snapshot and the audio thread's [`AudioStatus`].
//!
//! Host threads and the editor send messages and read snapshots. Locks are held briefly, and never by the audio thread.

pub mod demand;
mod drum_split;
pub mod export;
pub mod follow;
pub mod host;
pub mod inference;
pub mod job;
pub mod listening;
pub mod location;
pub mod notices;
pub mod played;
pub mod prompts;
mod publisher;
pub mod remote;
pub mod sidechain;
pub mod snapshot;
mod song;
pub mod state;
pub mod status;
pub mod threads;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use parking_lot::Mutex;
use resonantgen_import::ImportObserver;
use resonantgen_models::generator::Observer;
use resonantgen_models::worker::give_memory_back;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_playback::{Player, channel};
use resonantgen_project as project;
use resonantgen_project::Opened;
use resonantgen_session::{Overrides, Session};
use resonantgen_take::Take;

pub use demand::ControlPort;
pub use snapshot::{Snapshot, SwapPolicy};
pub use status::AudioStatus;
pub use threads::Threads;

use crate::editor::RepaintNotifier;
use follow::{FollowedPart, HeardChord, QueuedChord};
use host::HostLink;
use job::{Command, Count, Job, QueuedJob, Trigger};
use listening::Ear;
use notices::Notices;
use played::Played;
use prompts::Prompts;
use publisher::OpenedPlayer;
use snapshot::Store;
use status::{AtomicProgress, AtomicSize, Progress};

/// Initial size of the editor in logical pixels.
pub const DEFAULT_EDITOR_SIZE: [u32; 2] = [980, 640];
/// Maximum number of queued generations.
const QUEUE_CAPACITY: u32 = 64;
/// Maximum time that activation waits until the playing takes are prepared, so that a host that renders at once without
/// announcing it does not start with silence. The publisher is never busy for longer than one take.
const OPENING: Duration = Duration::from_millis(100);

/// What was last published.
#[derive(Debug, Default)]
struct Published {
    serial: AtomicU64,
    demand: AtomicU32,
    answered: AtomicU32,
}

impl Published {
    /// Stores the numbers so that a reader who sees the last one also sees the others.
    fn store(&self, (serial, demand, answered): (u64, u32, u32)) {
        self.serial.store(serial, Ordering::Release);
        self.demand.store(demand, Ordering::Release);
        self.answered.store(answered, Ordering::Release);
    }
}

/// The state shared by all parts of one plugin instance: messages in, snapshots and status out.
#[derive(Debug)]
pub struct Control {
    /// The host, where it is known. Any thread.
    pub host: Arc<HostLink>,
    /// Wakes the editor. Any thread.
    pub repaint: RepaintNotifier,
    /// Status of the audio thread.
    pub audio: AudioStatus,
    /// Progress of each track. The worker writes, the editor reads.
    pub progress: [AtomicProgress; TRACK_COUNT],
    /// The editor plays the takes while the host's transport is stopped.
    pub preview: AtomicBool,
    /// Size of the editor. Host thread and editor.
    pub editor_size: AtomicSize,
    /// The prompt of each slot. Worker, host thread and editor.
    pub prompts: Prompts,
    /// Notices to the user. Any thread except the audio thread.
    pub notices: Notices,
    /// A change has locked or unlocked tracks, and the parameters have not followed yet. Worker and editor.
    pub locks_changed: AtomicBool,
    /// What is played into the plugin. Publisher, editor and, to open it, the host thread.
    pub played: Mutex<Played>,
    /// A session that could not be read. Host thread and editor.
    damaged: Mutex<Vec<u8>>,
    overrides: Mutex<Overrides>,
    ear: Mutex<Ear>,
    store: Store,
    /// Unfinished commands and triggers, including the work that they lead to.
    pending: Arc<AtomicU32>,
    /// Requested generations that are not finished.
    awaited: Arc<AtomicU32>,
    /// Opened players that have not been sent anything yet.
    opening: Arc<AtomicU32>,
    /// Number of the next job, and the number below which jobs are cancelled.
    next_ticket: AtomicU64,
    cancelled_below: AtomicU64,
    /// Mark of the newest chord that was passed on: what was guessed before another one is not wanted.
    chord_heard: AtomicU64,
    quit: AtomicBool,
    /// The last demand that the worker met.
    worker_answered: AtomicU32,
    published: Published,
    /// Increases whenever a job or demand makes progress.
    activity: AtomicU32,
    commands: Sender<Command>,
    opened: Sender<OpenedPlayer>,
    wake: Sender<()>,
    /// Dropped last.
    _memory: Memory,
}

/// Returns the memory of an instance to the system when it is removed: the allocator would keep it, some 25 MB each.
#[derive(Debug)]
struct Memory;

impl Drop for Memory {
    fn drop(&mut self) {
        give_memory_back();
    }
}

/// The receiving ends of a [`Control`]'s messages, for [`Threads::start`].
#[derive(Debug)]
pub struct Receivers {
    pub(crate) commands: Receiver<Command>,
    opened: Receiver<OpenedPlayer>,
    wake: Receiver<()>,
}

/// Tells a job whether it is still wanted.
#[derive(Clone, Copy, Debug)]
pub struct Cancellation<'a> {
    control: &'a Control,
    epoch: u64,
    ticket: u64,
}

impl Cancellation<'_> {
    /// Whether the user cancelled the job, another session was restored, or the plugin is being removed.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        let control = self.control;
        control.is_quitting()
            || control.store.epoch() != self.epoch
            || self.ticket < control.cancelled_below.load(Ordering::Acquire)
    }
}

impl Observer for Cancellation<'_> {
    fn is_cancelled(&self) -> bool {
        Self::is_cancelled(self)
    }
}

impl ImportObserver for Cancellation<'_> {
    fn is_cancelled(&self) -> bool {
        Self::is_cancelled(self)
    }
}

impl Control {
    /// The control side of a new instance, and the receivers for its threads.
    #[must_use]
    pub fn new() -> (Arc<Self>, Receivers) {
        let (commands, worker_commands) = unbounded();
        let (opened, publisher_opened) = unbounded();
        let (wake, publisher_wake) = bounded(1);
        let control = Self {
            host: HostLink::of_this_instance(),
            repaint: RepaintNotifier::default(),
            audio: AudioStatus::default(),
            progress: Default::default(),
            preview: AtomicBool::new(false),
            editor_size: AtomicSize::new(DEFAULT_EDITOR_SIZE),
            prompts: Prompts::default(),
            notices: Notices::default(),
            locks_changed: AtomicBool::new(false),
            played: Mutex::default(),
            damaged: Mutex::default(),
            overrides: Mutex::default(),
            ear: Mutex::default(),
            store: Store::default(),
            pending: Arc::default(),
            awaited: Arc::default(),
            opening: Arc::default(),
            next_ticket: AtomicU64::new(0),
            cancelled_below: AtomicU64::new(0),
            chord_heard: AtomicU64::new(0),
            quit: AtomicBool::new(false),
            worker_answered: AtomicU32::new(0),
            published: Published::default(),
            activity: AtomicU32::new(0),
            commands,
            opened,
            wake,
            _memory: Memory,
        };
        let receivers =
            Receivers { commands: worker_commands, opened: publisher_opened, wake: publisher_wake };
        (Arc::new(control), receivers)
    }

    // Reading.

    /// The newest snapshot. Not for the audio thread.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.store.load()
    }

    /// The session as it is now; takes are shared, not copied. Not for the audio thread.
    #[must_use]
    pub fn session(&self) -> Session {
        self.store.load().session.clone()
    }

    /// The same with these locks (index as [`Track::ALL`]). Not for the audio thread.
    #[must_use]
    pub fn session_with(&self, locked: [bool; TRACK_COUNT]) -> Session {
        let mut session = self.session();
        for track in Track::ALL {
            session.track_mut(track).locked = locked[track.index()];
        }
        session
    }

    /// A number that changes when a session is restored.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.store.epoch()
    }

    /// Facts that the user has fixed; they override the prompt. Not for the audio thread.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        self.overrides.lock().clone()
    }

    /// Number of requested generations that are not finished, and so can be cancelled.
    #[must_use]
    pub fn awaited(&self) -> u32 {
        self.awaited.load(Ordering::Acquire)
    }

    /// Whether the player has been sent the newest snapshot and everything of the newest demand that needs no engine.
    /// Realtime-safe.
    #[must_use]
    pub fn is_published(&self) -> bool {
        self.opening.load(Ordering::Acquire) == 0
            && self.published.demand.load(Ordering::Acquire) == self.audio.demand.serial()
            && self.published.serial.load(Ordering::Acquire) == self.store.serial()
    }

    /// Whether no request is in progress and the player has been sent everything that it demands. Realtime-safe.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.pending.load(Ordering::Acquire) == 0
            && self.published.answered.load(Ordering::Acquire) == self.audio.demand.serial()
            && self.is_published()
    }

    /// Whether the plugin is being removed.
    #[must_use]
    pub fn is_quitting(&self) -> bool {
        self.quit.load(Ordering::Acquire)
    }

    fn activity(&self) -> u32 {
        self.activity.load(Ordering::Relaxed)
    }

    // Requests.

    /// Sends a job to the worker; returns whether there was room for it. For the editor.
    pub fn request(&self, job: Job) -> bool {
        if job.makes_takes() && self.awaited() >= QUEUE_CAPACITY {
            self.notify(format!(
                "More than {QUEUE_CAPACITY} generations are waiting: the newest was dropped."
            ));
            return false;
        }
        let pending = Count::new(&self.pending);
        self.queue(job, self.store.epoch(), false, pending);
        true
    }

    /// Changes the session without generating: undo, selecting a take and the like. The worker does it after the current job; an
    /// error becomes a notice. For the editor.
    pub fn change<E: std::fmt::Display>(
        &self,
        locked: [bool; TRACK_COUNT],
        change: impl FnOnce(&mut Session, &Cancellation<'_>) -> Result<(), E> + Send + 'static,
    ) {
        self.request(Job::Change {
            locked,
            change: Box::new(|session, cancellation| {
                change(session, cancellation).map_err(|error| error.to_string())
            }),
        });
    }

    /// Queues a trigger that the audio thread has already counted as pending. For the publisher.
    fn pass_trigger(&self, trigger: Trigger, epoch: u64) {
        let pending = Count::counted(&self.pending);
        if epoch == self.store.epoch() {
            self.queue(trigger.into(), epoch, true, pending);
        }
    }

    /// Queues a chord that is followed, which the audio thread has already counted as pending. For the publisher.
    fn pass_chord(&self, trigger: Trigger, (heard, lead): (HeardChord, u32), epoch: u64) {
        let pending = Count::counted(&self.pending);
        if epoch == self.store.epoch() {
            self.chord_heard.store(heard.mark(), Ordering::Release);
            let ticket = self.next_ticket.fetch_add(1, Ordering::AcqRel);
            self.send(Command::Follow(QueuedChord { heard, lead, trigger, epoch, ticket, pending }));
        }
    }

    fn queue(&self, job: Job, epoch: u64, is_of_song: bool, pending: Count) {
        let ticket = self.next_ticket.fetch_add(1, Ordering::AcqRel);
        let awaited = job.makes_takes().then(|| Count::new(&self.awaited));
        self.send(Command::Job(QueuedJob { job, epoch, ticket, is_of_song, pending, awaited }));
    }

    fn send(&self, command: Command) {
        // Fails only without a worker; the user was told when it could not be started.
        let _ = self.commands.send(command);
    }

    /// Cancels the running job and all queued ones. Realtime-safe.
    pub fn cancel_all(&self) {
        let next = self.next_ticket.load(Ordering::Acquire);
        self.cancelled_below.fetch_max(next, Ordering::AcqRel);
        self.wake();
    }

    /// Wakes the publisher. Does not block, but may make a system call.
    fn wake(&self) {
        // If the channel is full, the publisher is about to wake anyway.
        let _ = self.wake.try_send(());
    }

    /// The plugin is being removed.
    fn quit(&self) {
        self.quit.store(true, Ordering::Release);
        self.wake();
        self.send(Command::Look(None));
    }

    // Changes.

    /// Makes `session` the current one unless another was restored since `epoch`; returns whether it did. `policy` decides when
    /// it is heard.
    pub fn commit(&self, session: Session, epoch: u64, policy: SwapPolicy) -> bool {
        let is_current = self.store.commit(session, epoch, policy);
        if is_current {
            self.repaint.request_repaint();
            self.wake();
        }
        is_current
    }

    /// Plays a finished take before the rest of its generation is done.
    pub fn hear_early(&self, take: &Take, epoch: u64, policy: SwapPolicy) {
        if self.store.hear_early(take, epoch, policy) {
            self.repaint.request_repaint();
            self.wake();
        }
    }

    /// Plays a part that follows chords, unless another session was restored since `epoch`; returns whether it does.
    pub fn follow(&self, part: FollowedPart, epoch: u64) -> bool {
        let is_current = self.store.follow(part, epoch);
        if is_current {
            self.repaint.request_repaint();
            self.wake();
        }
        is_current
    }

    /// Withdraws takes that were played early but did not become part of the session.
    pub fn end_early(&self) {
        if self.store.end_early() {
            self.repaint.request_repaint();
            self.wake();
        }
    }

    /// Resets the progress display after a job has finished or failed.
    pub fn note_made(&self) {
        for progress in &self.progress {
            progress.store(Progress::Idle);
        }
        self.repaint.request_repaint();
    }

    fn note_activity(&self) {
        self.activity.fetch_add(1, Ordering::Relaxed);
    }

    /// Replaces the facts that the user has fixed. Not for the audio thread.
    pub fn set_overrides(&self, overrides: Overrides) {
        *self.overrides.lock() = overrides;
    }

    /// Shows a notice until it is dismissed.
    pub fn notify(&self, text: String) {
        self.notices.add(text);
        self.repaint.request_repaint();
    }

    /// Shows the outcome of a job; the next successful job removes it.
    fn set_outcome(&self, text: Option<String>) {
        self.notices.set_outcome(text);
        self.repaint.request_repaint();
    }

    /// A player for the given sample rate. The publisher prepares the takes and sends them; this waits briefly for it. For the
    /// host's main thread.
    #[must_use]
    pub fn open_player(&self, sample_rate_hz: f64) -> Player {
        let (sender, player) = channel(sample_rate_hz);
        let opening = Count::new(&self.opening);
        // Without a publisher it stays silent; the user was told when it could not be started.
        if self.opened.send(OpenedPlayer { sender, sample_rate_hz, opening }).is_ok() {
            self.wake();
            let began = Instant::now();
            while self.opening.load(Ordering::Acquire) > 0 && began.elapsed() < OPENING {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        player
    }

    // The host's project.

    /// The session for the host's project; empty if there is no take. Hosts make several copies of it, whose memory the worker
    /// later returns to the system. Not for the audio thread.
    #[must_use]
    pub fn session_blob(&self) -> Vec<u8> {
        let session = self.session();
        if Track::ALL
            .into_iter()
            .flat_map(|track| session.states(track))
            .all(|state| state.history.is_empty())
        {
            return Vec::new();
        }
        let bytes = project::to_project(&session);
        self.send(Command::Saved);
        bytes
    }

    /// Restores a session from the host's project. A damaged one is kept as it is, and the instance starts with an empty session
    /// and a notice. Not for the audio thread.
    pub fn restore_session(&self, bytes: Vec<u8>) {
        let empty = Opened { session: Session::default(), lost: Vec::new(), edited: false };
        let restored = if bytes.is_empty() { Ok(empty) } else { project::from_project(&bytes) };
        self.notices.clear();
        let session = match restored {
            Ok(Opened { session, lost, .. }) => {
                self.damaged.lock().clear();
                for lost in lost {
                    self.notify(format!("In the project, {lost}."));
                }
                session
            }
            Err(error) => {
                *self.damaged.lock() = bytes;
                self.notify(format!(
                    "The saved session could not be read ({error}). It is kept in the project; what you make now is \
                     saved next to it."
                ));
                Session::default()
            }
        };
        self.take_over(session);
    }

    /// Replaces the session and drops all earlier requests.
    fn take_over(&self, session: Session) {
        let pending = Count::new(&self.pending);
        self.store.restore(session);
        self.repaint.request_repaint();
        self.send(Command::Look(Some(pending)));
        self.wake();
    }

    /// A session that could not be read.
    fn damaged(&self) -> Vec<u8> {
        self.damaged.lock().clone()
    }

    /// Keeps the bytes of an unreadable session, unless there is a newer one.
    fn keep_damaged(&self, bytes: Vec<u8>) {
        let mut kept = self.damaged.lock();
        if kept.is_empty() {
            *kept = bytes;
        }
    }
}

#[cfg(test)]
impl Control {
    /// Whether the user has cancelled a job.
    pub(crate) fn is_cancelled(&self, ticket: u64) -> bool {
        ticket < self.cancelled_below.load(Ordering::Acquire)
    }

    /// A cancellation that has not been triggered.
    pub(crate) fn cancellation(&self) -> Cancellation<'_> {
        Cancellation { control: self, epoch: self.epoch(), ticket: u64::MAX }
    }
}
