//! The model cache: networks are loaded when they are first needed, and unloaded after a while without use.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::runtime::{ModelError, Network, StepNetwork};
use crate::worker::give_memory_back;
use resonantgen_music::track::TRACK_COUNT;
use resonantgen_sound::codec::filter::SpectralFilter;

/// Networks of one track. Two takes of one track wait for each other, except while they are composed.
#[derive(Debug, Default)]
pub(super) struct TrackNetworks {
    /// Composers that nobody uses now: as many as were used at a time.
    compose: Mutex<Vec<StepNetwork>>,
    composed: Mutex<ComposeCost>,
    pub(super) perform: Mutex<Option<Network>>,
    pub(super) decode: Mutex<Option<Network>>,
    /// Tables, not a network: small, and never unloaded.
    pub(super) filter: OnceLock<SpectralFilter>,
}

/// Locks a network's slot. A poisoned lock is usable, because each run sets all of the network's inputs.
pub(super) fn lock<T>(slot: &Mutex<T>) -> MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The network in `slot`, loaded by `load` if necessary.
pub(super) fn loaded<'a, T>(
    slot: &'a mut MutexGuard<'_, Option<T>>,
    load: impl FnOnce() -> Result<T, ModelError>,
) -> Result<&'a mut T, ModelError> {
    match &mut **slot {
        Some(network) => Ok(network),
        empty => Ok(empty.insert(load()?)),
    }
}

/// What composers have written since an engine was opened, and how long that took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ComposeCost {
    /// Tokens of all scores: those of takes, those that were written to choose from, and those that were given up.
    pub tokens: u64,
    /// Seconds on the clock, summed over all threads, without loading.
    pub seconds: f64,
}

impl TrackNetworks {
    /// Adds what was composed.
    pub(super) fn count_composed(&self, tokens: u64, seconds: f64) {
        let mut composed = lock(&self.composed);
        composed.tokens += tokens;
        composed.seconds += seconds;
    }

    pub(super) fn composed(&self) -> ComposeCost {
        *lock(&self.composed)
    }

    /// Runs `work` with a composer that nobody else uses, loaded by `load` if necessary.
    pub(super) fn composing<T>(
        &self,
        load: impl FnOnce() -> Result<StepNetwork, ModelError>,
        work: impl FnOnce(&mut StepNetwork) -> Result<T, ModelError>,
    ) -> Result<T, ModelError> {
        let free = lock(&self.compose).pop();
        let mut network = free.map_or_else(load, Ok)?;
        let result = work(&mut network);
        network.end_sequences();
        lock(&self.compose).push(network);
        result
    }
}

/// The networks of all tracks.
#[derive(Debug, Default)]
pub(super) struct ModelCache {
    pub(super) tracks: [TrackNetworks; TRACK_COUNT],
    usage: Mutex<Usage>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Usage {
    /// Number of takes being made.
    active: usize,
    /// When the last take ended; `None` if nothing is loaded.
    idle_since: Option<Instant>,
    /// Whether the takes' working memory has been returned since then.
    rested: bool,
    closed: bool,
}

/// Keeps networks from being unloaded.
#[derive(Debug)]
pub(super) struct InUse<'a>(&'a ModelCache);

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        let mut usage = lock(&self.0.usage);
        usage.active -= 1;
        usage.idle_since = Some(Instant::now());
        usage.rested = false;
        self.0.changed.notify_all();
    }
}

impl ModelCache {
    /// Marks the networks as in use until the returned value is dropped.
    pub(super) fn hold(&self) -> InUse<'_> {
        lock(&self.usage).active += 1;
        InUse(self)
    }

    /// Unloads all networks that are not running.
    pub(super) fn unload(&self) {
        fn clear<T>(slot: &Mutex<Option<T>>) {
            // A locked network is in use, or about to be.
            if let Ok(mut network) = slot.try_lock() {
                *network = None;
            }
        }
        for track in &self.tracks {
            lock(&track.compose).clear();
            clear(&track.perform);
            clear(&track.decode);
        }
        give_memory_back();
    }

    /// Keeps one composer of each track: more are only needed while candidates are written.
    fn drop_spare_composers(&self) {
        for track in &self.tracks {
            lock(&track.compose).truncate(1);
        }
    }

    /// Number of loaded networks; composers of one track count once.
    pub(super) fn count(&self) -> usize {
        let is_there = |track: &TrackNetworks| {
            [!lock(&track.compose).is_empty(), lock(&track.perform).is_some(), lock(&track.decode).is_some()]
        };
        self.tracks.iter().flat_map(is_there).filter(|there| *there).count()
    }
}

/// Idle time after which working memory is returned to the system. Each plugin instance generates on a thread of its own, for
/// which the allocator would keep what the largest generation needed (130 to 190 MB).
const REST: Duration = Duration::from_secs(3);

/// What to do about idle networks.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Nothing until something changes.
    Wait,
    /// Check again after this time.
    WaitFor(Duration),
    /// Keep them, but return freed memory.
    Rest,
    /// Unload them.
    Unload,
}

impl Usage {
    fn next(&self, patience: Option<Duration>, now: Instant) -> Next {
        let Some(since) = self.idle_since.filter(|_| self.active == 0) else { return Next::Wait };
        let (time, then) = match patience {
            _ if !self.rested => (REST, Next::Rest),
            Some(patience) => (patience, Next::Unload),
            None => return Next::Wait,
        };
        let left = time.saturating_sub(now.saturating_duration_since(since));
        if left.is_zero() { then } else { Next::WaitFor(left) }
    }
}

/// A thread that returns memory and unloads networks when the engine is idle; it ends with this value.
#[derive(Debug)]
pub(super) struct IdleThread {
    cache: Arc<ModelCache>,
    thread: Option<JoinHandle<()>>,
}

impl IdleThread {
    /// Starts the thread: networks that were idle for `patience` are unloaded; `None` keeps them.
    pub(super) fn start(cache: &Arc<ModelCache>, patience: Option<Duration>) -> Self {
        let own = Arc::clone(cache);
        let thread = std::thread::Builder::new().name("resonantgen-idle".to_owned());
        // If the system has no threads left, networks simply stay loaded.
        let thread = thread.spawn(move || tend(&own, patience)).ok();
        Self { cache: Arc::clone(cache), thread }
    }
}

impl Drop for IdleThread {
    fn drop(&mut self) {
        lock(&self.cache.usage).closed = true;
        self.cache.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It does nothing that panics.
            let _ = thread.join();
        }
    }
}

fn tend(cache: &ModelCache, patience: Option<Duration>) {
    let mut usage = lock(&cache.usage);
    while !usage.closed {
        usage = match usage.next(patience, Instant::now()) {
            Next::Wait => cache.changed.wait(usage).unwrap_or_else(PoisonError::into_inner),
            Next::WaitFor(left) => {
                cache.changed.wait_timeout(usage, left).unwrap_or_else(PoisonError::into_inner).0
            }
            Next::Rest => {
                usage.rested = true;
                drop(usage);
                cache.drop_spare_composers();
                give_memory_back();
                lock(&cache.usage)
            }
            Next::Unload => {
                usage.idle_since = None;
                drop(usage);
                cache.unload();
                lock(&cache.usage)
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_idle_networks_are_dropped_and_only_after_the_time() {
        let patience = Some(Duration::from_secs(600));
        let cache = ModelCache::default();
        let start = Instant::now();
        let next_of = |patience: Option<Duration>, after: u64| {
            lock(&cache.usage).next(patience, start + Duration::from_secs(after))
        };
        let next = |after: u64| next_of(patience, after);
        assert_eq!(next(10_000), Next::Wait, "nothing was loaded");
        let (first, second) = (cache.hold(), cache.hold());
        assert_eq!(next(10_000), Next::Wait, "in use");
        drop(first);
        assert_eq!(next(10_000), Next::Wait, "still in use");
        drop(second);
        assert!(matches!(next(0), Next::WaitFor(left) if left >= REST));
        assert_eq!(next(10_000), Next::Rest, "memory first");
        lock(&cache.usage).rested = true;
        assert!(matches!(next(1), Next::WaitFor(left) if Some(left) <= patience.map(|it| it + REST)));
        assert_eq!(next(10_000), Next::Unload);
        assert_eq!(next_of(None, 10_000), Next::Wait, "they are to stay");
        drop(cache.hold());
        assert_eq!(next_of(None, 10_000), Next::Rest, "after each generation");
    }
}
