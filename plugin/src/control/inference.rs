//! The engine, shared by all instances in the process, and the permit to generate with it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use resonantgen_models::generator::{Engine, EngineOptions, EnvironmentError, OpenEngineError};
use resonantgen_models::runtime::ProviderChoice;

use super::location;

/// How often a waiting job looks whether it is still wanted.
const CANCEL_POLL: Duration = Duration::from_millis(50);

static ENGINE: Mutex<Weak<Engine>> = Mutex::new(Weak::new());
static PERMIT: Permits = Permits { taken: Mutex::new(false), freed: Condvar::new() };

static STATUS: Mutex<Option<Status>> = Mutex::new(None);

/// What computes, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// In a word or two.
    pub name: String,
    /// All of it, in lines.
    pub detail: String,
}

/// What computes, once something has; it waits for nothing, so that the editor can ask at any time.
pub fn status() -> Option<Status> {
    STATUS.lock().clone()
}

/// Notes what computes. It may take a second: for the worker.
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

/// What the user should know of the provider that was asked for, if it is not in use; said once in a process. For the
/// worker, after something was made: networks are placed when they are loaded.
pub fn fallen_back(engine: &Engine) -> Option<String> {
    static SAID: AtomicBool = AtomicBool::new(false);
    let wanted = ProviderChoice::Auto.or_environment().ok()?.provider()?;
    let status = engine.providers().into_iter().find(|status| status.provider == wanted && !status.in_use)?;
    note_status(engine);
    (!SAID.swap(true, Ordering::Relaxed))
        .then(|| format!("{wanted} was asked for and cannot be used: {}. The CPU computes.", status.reason))
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No models.
    #[error(
        "no models found in {}: install the plugin again with 'cargo xtask install', or set RESONANTGEN_BUNDLE",
        .0.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NoBundle(Vec<PathBuf>),
    /// Models or runtime are not usable.
    #[error(transparent)]
    Open(#[from] OpenEngineError),
    /// An environment variable that concerns the engine holds nonsense.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
}

/// The process's engine: opened when first needed, closed when nobody keeps it any more. `kept` is where the caller keeps it, so
/// that the next job finds the networks loaded. It must be let go before the caller's thread ends, never by the end itself
/// (not in thread-local storage): Windows then holds the loader's lock, and closing the engine waits for a thread. May take
/// a second.
///
/// # Errors
/// When models or runtime are missing or unusable; a later try may succeed.
pub fn engine(kept: &mut Option<Arc<Engine>>) -> Result<Arc<Engine>, EngineError> {
    if let Some(engine) = kept {
        return Ok(Arc::clone(engine));
    }
    let mut shared = ENGINE.lock();
    if let Some(engine) = shared.upgrade() {
        *kept = Some(Arc::clone(&engine));
        return Ok(engine);
    }
    // The runtime keeps threads of its own until the process ends: this library must not be unloaded under them.
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

/// One generation at a time in the whole process: two would only slow each other down.
struct Permits {
    taken: Mutex<bool>,
    freed: Condvar,
}

/// The permit to generate; dropping it lets the next one generate.
#[derive(Debug)]
pub struct Permit(());

/// Whether another instance generates at this moment.
pub fn is_permit_taken() -> bool {
    *PERMIT.taken.lock()
}

/// Waits until no other instance generates. `None` when the job was cancelled meanwhile.
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
