//! The threads of an instance: starting them, and leaving them when the plugin is removed.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;
use rtrb::Consumer;

use super::demand::SongTrigger;
use super::{Control, Receivers, location, publisher, worker};

/// How long removing the plugin waits for the threads. A thread that takes longer (loading a network, waiting for a disk) is left
/// to end by itself.
const FAREWELL: Duration = Duration::from_millis(100);
/// How long the end of the process waits for threads that were left, so that no library is unloaded while they run. Windows ends all
/// threads before it unloads libraries.
#[cfg(unix)]
const END_OF_PROCESS: Duration = Duration::from_secs(2);

/// Number of threads that were left and still run.
static LEFT_BEHIND: AtomicUsize = AtomicUsize::new(0);

/// State shared by a thread and its owner, so that the second of them to finish knows about the first.
#[derive(Debug, Default)]
struct Parting {
    has_ended: bool,
    is_left: bool,
}

/// One thread.
#[derive(Debug)]
struct Running {
    handle: JoinHandle<()>,
    parting: Arc<Mutex<Parting>>,
    /// Disconnected when the thread's work has ended.
    ended: Receiver<Infallible>,
}

/// Dropped at the end of a thread, even after a panic.
struct End {
    parting: Arc<Mutex<Parting>>,
    _ended: Sender<Infallible>,
}

impl Drop for End {
    fn drop(&mut self) {
        let mut parting = self.parting.lock();
        parting.has_ended = true;
        if parting.is_left {
            LEFT_BEHIND.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Running {
    fn start(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<Self> {
        let (sender, ended) = bounded(0);
        let parting = Arc::<Mutex<Parting>>::default();
        let end = End { parting: Arc::clone(&parting), _ended: sender };
        let handle = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Dropped last.
            let _end = end;
            work();
        })?;
        Ok(Self { handle, parting, ended })
    }

    /// Waits for the thread to end until `deadline`, then leaves it running.
    fn part(self, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        if self.ended.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
            let mut parting = self.parting.lock();
            if !parting.has_ended {
                // The library must stay loaded while the thread runs.
                location::stay_loaded();
                outlive_threads();
                parting.is_left = true;
                LEFT_BEHIND.fetch_add(1, Ordering::AcqRel);
                return;
            }
        }
        // A panic was already reported.
        let _ = self.handle.join();
    }
}

/// Makes the end of the process wait for threads left running, because the runtime's clean-up would destroy what they use. Not
/// needed on Windows.
fn outlive_threads() {
    #[cfg(unix)]
    {
        extern "C" fn wait() {
            let began = Instant::now();
            while LEFT_BEHIND.load(Ordering::Acquire) > 0 && began.elapsed() < END_OF_PROCESS {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        static ONCE: std::sync::Once = std::sync::Once::new();
        // SAFETY: the function's library stays loaded. Handlers run in reverse order of registration, so this runs before the
        // runtime's.
        ONCE.call_once(|| unsafe {
            libc::atexit(wait);
        });
    }
}

/// The running threads. Dropping this cancels their work and takes at most [`FAREWELL`].
#[derive(Debug)]
pub struct Threads {
    control: Arc<Control>,
    running: [Option<Running>; 2],
}

impl Threads {
    /// Starts worker and publisher. `triggers` come from the audio thread.
    ///
    /// # Errors
    /// Returns an error if the system cannot start a thread.
    pub fn start(
        control: &Arc<Control>,
        receivers: Receivers,
        triggers: Consumer<SongTrigger>,
    ) -> std::io::Result<Self> {
        let Receivers { commands, opened, wake } = receivers;
        let state = Arc::clone(control);
        let publisher =
            Running::start("resonantgen feed", move || publisher::run(&state, triggers, &opened, &wake))?;
        let mut threads = Self { control: Arc::clone(control), running: [Some(publisher), None] };
        let state = Arc::clone(control);
        threads.running[1] = Some(Running::start("resonantgen", move || worker::run(&state, &commands))?);
        Ok(threads)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        let deadline = Instant::now() + FAREWELL;
        self.control.quit();
        for running in self.running.iter_mut().filter_map(Option::take) {
            running.part(deadline);
        }
    }
}
