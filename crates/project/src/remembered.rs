//! A cache of values computed from takes' audio, so that frequent saves are cheap.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use resonantgen_take::StemAudio;

/// Values by audio, kept as long as the audio lives. Takes are immutable and shared, so the address of the audio identifies it.
pub(super) struct Remembered<T> {
    kept: Mutex<Vec<(Weak<StemAudio>, T)>>,
}

impl<T: Clone> Remembered<T> {
    pub(super) const fn new() -> Self {
        Self { kept: Mutex::new(Vec::new()) }
    }

    /// The value for `audio`, if it is cached.
    pub(super) fn known(&self, audio: &Arc<StemAudio>) -> Option<T> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(owner, _)| owner.strong_count() > 0);
        let known = kept.iter().find(|(owner, _)| std::ptr::eq(owner.as_ptr(), Arc::as_ptr(audio)));
        known.map(|(_, value)| value.clone())
    }

    /// The value for `audio`, computed by `make` if it is not cached. `None` is not cached.
    pub(super) fn get(&self, audio: &Arc<StemAudio>, make: impl FnOnce() -> Option<T>) -> Option<T> {
        if let Some(known) = self.known(audio) {
            return Some(known);
        }
        let value = make()?;
        self.put(audio, value.clone());
        Some(value)
    }

    /// Caches a value.
    pub(super) fn put(&self, audio: &Arc<StemAudio>, value: T) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push((Arc::downgrade(audio), value));
    }
}
