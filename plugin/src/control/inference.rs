//! The engine, shared by all instances in the process, and the permit to generate with it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use resonantgen_models::generator::{Engine, EngineOptions, EnvironmentError, OpenEngineError};
use resonantgen_models::runtime::ProviderChoice;

use super::location;

/// How often a waiting job checks whether it is still wanted.
const CANCEL_POLL: Duration = Duration::from_millis(50);

static ENGINE: Mutex<Weak<Engine>> = Mutex::new(Weak::new());
static PERMIT: Permits = Permits { taken: Mutex::new(false), freed: Condvar::new() };

static STATUS: Mutex<Option<Status>> = Mutex::new(None);

/// Description of the processor or accelerator that runs the networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// One or two words.
    pub name: String,
    /// The full description, in lines.
    pub detail: String,
}

/// Where the networks run; `None` before the first generation. Never blocks, so the editor can call it at any time.
pub fn status() -> Option<Status> {
    STATUS.lock().clone()
}

/// Updates [`status`]. May take a second; for the worker.
pub fn note_status(engine: &Engine) {
    let providers = engine.providers();
    let used: Vec<String> =
        providers.iter().filter(|status| status.in_use).map(|status| status.provider.to_string()).collect();
    let lines: Vec<String> =
        providers.iter().map(|status| format!("{}: {}", status.provider, status.reason)).collect();
    let name = if used.is_empty() { "CPU".to_owned() } else { used.join(" + ") };
    let detail = format!("Models: {}\n{}", engine.bundle().id(), lines.join("\n"));
    *STATUS.lock() = Some(Status { name, detail });
}

/// Why the requested provider is not in use, once per process. For the worker after a generation, because networks are placed
/// when they are loaded.
pub fn fallen_back(engine: &Engine) -> Option<String> {
    static SAID: AtomicBool = AtomicBool::new(false);
    let wanted = ProviderChoice::Auto.or_environment().ok()?.provider()?;
    let status = engine.providers().into_iter().find(|status| status.provider == wanted && !status.in_use)?;
    note_status(engine);
    (!SAID.swap(true, Ordering::Relaxed)).then(|| {
        format!("{wanted} was requested but cannot be used: {}. The CPU is used instead.", status.reason)
    })
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No models were found.
    #[error(
        "no models found in {}: install the plugin again with 'cargo xtask install', or set RESONANTGEN_BUNDLE",
        .0.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NoBundle(Vec<PathBuf>),
    /// Models or runtime are not usable.
    #[error(transparent)]
    Open(#[from] OpenEngineError),
    /// An environment variable of the engine has an invalid value.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
}

/// The engine of this process. It is opened when first needed, and closed when its last owner drops it. The caller keeps it in
/// `kept`, so that the networks stay loaded for the next job. Drop it before the thread ends, and never keep it in thread-local
/// storage: at the end of a thread Windows holds the loader lock, and closing the engine waits for another thread. May take a
/// second.
///
/// # Errors
/// Returns an error if models or runtime are missing or unusable. A later call may succeed.
pub fn engine(kept: &mut Option<Arc<Engine>>) -> Result<Arc<Engine>, EngineError> {
    if let Some(engine) = kept {
        return Ok(Arc::clone(engine));
    }
    let mut shared = ENGINE.lock();
    if let Some(engine) = shared.upgrade() {
        *kept = Some(Arc::clone(&engine));
        return Ok(engine);
    }
    // The runtime's threads run until the process ends, so this library must not be unloaded before.
    location::stay_loaded();
    let options = EngineOptions {
        runtime_library: location::runtime(),
        ..EngineOptions::with_environment(location::bundle().map_err(EngineError::NoBundle)?)?
    };
    let engine = Arc::new(Engine::open(&options)?);
    *shared = Arc::downgrade(&engine);
    *kept = Some(Arc::clone(&engine));
    Ok(engine)
}

/// Whether an instance of this process is generating. Only one at a time may: two would slow each other down.
struct Permits {
    taken: Mutex<bool>,
    freed: Condvar,
}

/// The permit to generate; dropping it lets the next one generate.
#[derive(Debug)]
pub struct Permit(());

/// Whether another instance is generating.
pub fn is_permit_taken() -> bool {
    *PERMIT.taken.lock()
}

/// Waits until no other instance is generating. `None` if the job was cancelled meanwhile.
pub fn wait_for_permit(is_cancelled: &dyn Fn() -> bool) -> Option<Permit> {
    let mut taken = PERMIT.taken.lock();
    loop {
        if is_cancelled() {
            return None;
        }
        if !*taken {
            *taken = true;
            return Some(Permit(()));
        }
        PERMIT.freed.wait_for(&mut taken, CANCEL_POLL);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *PERMIT.taken.lock() = false;
        PERMIT.freed.notify_one();
    }
}
