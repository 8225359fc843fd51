//! Facts about the host that the framework does not provide: which outputs are connected, and whether it renders offline. Also
//! reports changes to the host.

use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use clap_sys::host::clap_host;
use parking_lot::Mutex;
use resonantgen_music::track::Track;

use crate::audio::bars::HostBar;
use crate::audio::record::{RecordStatus, Recorder, Tapes, recorder};
use crate::clap::state::StateParts;

/// Bits of the outputs Kick, Snare, Hats and Percussion.
const DRUM_OUTPUTS: u16 = 0b1_1110_0000;

/// Shared by the shim around the CLAP plugin ([`crate::clap::shim`]) and the plugin itself.
#[derive(Debug)]
pub struct HostLink {
    /// Bit per output port (0 is Main) that the host supplied in its last block.
    supplied: AtomicU16,
    /// Whether the host has ever omitted a stem's port, which means that it supplies only connected ports.
    leaves_out_unused: AtomicBool,
    /// Whether the project has changed and the host has not been told yet.
    dirty: AtomicBool,
    /// Whether texts of parameters have changed and the host has not been told yet.
    other_texts: AtomicBool,
    /// Whether the host is loading a state, or has since the audio thread last asked.
    restores: AtomicBool,
    restored: AtomicBool,
    /// Whether the host renders offline, so that it waits for the plugin.
    offline: AtomicBool,
    /// The same as reported with the last block, by hosts that do this.
    block_offline: AtomicBool,
    /// The parts of the state beyond the framework's, while it is saved or loaded.
    pub state: StateParts,
    /// The bar in which the last block began. Audio thread only.
    pub bar: HostBar,
    /// How the sidechain is recorded.
    pub sidechain: RecordStatus,
    /// Tapes for that. Not for the audio thread.
    pub tapes: Mutex<Tapes>,
    /// The audio thread's part of that, until the shim takes it.
    recorder: Mutex<Option<Recorder>>,
    /// `None` before the host is known and after the plugin was destroyed. The lock is held during calls to the host, so that no
    /// thread calls it afterwards.
    host: Mutex<Option<HostPointer>>,
}

/// A host that may be called from any thread.
#[derive(Debug)]
struct HostPointer(NonNull<clap_host>);

// SAFETY: the host lives as long as the pointer is kept, and what is called through it may be called from any thread.
unsafe impl Send for HostPointer {}

thread_local! {
    /// The link of the instance that this thread is creating.
    static CREATING: RefCell<Option<Arc<HostLink>>> = const { RefCell::new(None) };
}

impl Default for HostLink {
    fn default() -> Self {
        let (recorder, sidechain, tapes) = recorder();
        Self {
            supplied: AtomicU16::default(),
            leaves_out_unused: AtomicBool::default(),
            dirty: AtomicBool::default(),
            other_texts: AtomicBool::default(),
            restores: AtomicBool::default(),
            restored: AtomicBool::default(),
            offline: AtomicBool::default(),
            block_offline: AtomicBool::default(),
            state: StateParts::default(),
            bar: HostBar::default(),
            sidechain,
            tapes: Mutex::new(tapes),
            recorder: Mutex::new(Some(recorder)),
            host: Mutex::default(),
        }
    }
}

impl HostLink {
    /// A link to `host`. The caller guarantees that the host lives until [`forget`](Self::forget).
    #[must_use]
    pub fn new(host: *const clap_host) -> Arc<Self> {
        let host = NonNull::new(host.cast_mut()).map(HostPointer);
        Arc::new(Self { host: Mutex::new(host), ..Self::default() })
    }

    /// The audio thread's part of [`sidechain`](Self::sidechain), for the shim; `None` after the first call.
    #[must_use]
    pub fn take_recorder(&self) -> Option<Recorder> {
        self.recorder.lock().take()
    }

    /// Whether there is a host with a sidechain: the plugin's own window has none.
    #[must_use]
    pub fn has_sidechain(&self) -> bool {
        self.recorder.lock().is_none()
    }

    /// Runs `create`; meanwhile [`of_this_instance`](Self::of_this_instance) returns `link`.
    pub fn create_with<T>(link: &Arc<Self>, create: impl FnOnce() -> T) -> T {
        CREATING.with_borrow_mut(|creating| *creating = Some(Arc::clone(link)));
        let created = create();
        CREATING.with_borrow_mut(|creating| *creating = None);
        created
    }

    /// The link of the instance that is being created, or a link without a host (standalone, tests).
    #[must_use]
    pub fn of_this_instance() -> Arc<Self> {
        CREATING.with_borrow(|creating| creating.clone()).unwrap_or_default()
    }

    /// Stores which output ports the host supplied in this block (bit 0 is Main). Realtime-safe.
    pub fn note_supplied(&self, ports: u16) {
        const STEMS: u16 = 0b1_1110;
        self.supplied.store(ports, Ordering::Relaxed);
        if ports & STEMS != STEMS {
            self.leaves_out_unused.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a track's own output is known to be connected. Realtime-safe.
    ///
    /// Many hosts always supply every port, even on a plain stereo track, where a stem that left Main would be lost. So a
    /// supplied port counts as connected only if the host has omitted a port before.
    #[must_use]
    pub fn is_connected(&self, track: Track) -> bool {
        let supplied = self.supplied.load(Ordering::Relaxed);
        let all_drums = track == Track::Drums && supplied & DRUM_OUTPUTS == DRUM_OUTPUTS;
        let is_supplied = supplied & (2 << track.index()) != 0 || all_drums;
        is_supplied && self.leaves_out_unused.load(Ordering::Relaxed)
    }

    /// Whether the host supplies an output for kick, snare, hats or percussion. Realtime-safe.
    #[must_use]
    pub fn has_drum_outputs(&self) -> bool {
        self.supplied.load(Ordering::Relaxed) & DRUM_OUTPUTS != 0
    }

    /// Runs `load`, which changes parameters without user input.
    pub fn restore<T>(&self, load: impl FnOnce() -> T) -> T {
        self.restores.store(true, Ordering::SeqCst);
        let loaded = load();
        self.restored.store(true, Ordering::SeqCst);
        self.restores.store(false, Ordering::SeqCst);
        loaded
    }

    /// Whether [`restore`](Self::restore) may have changed parameters since the last call. Realtime-safe.
    #[must_use]
    pub fn take_restored(&self) -> bool {
        let restores = self.restores.load(Ordering::SeqCst);
        self.restored.swap(false, Ordering::SeqCst) || restores
    }

    /// Stores whether the host renders offline. Realtime-safe.
    pub fn set_offline(&self, offline: bool) {
        self.offline.store(offline, Ordering::Relaxed);
    }

    /// As [`set_offline`](Self::set_offline), for a host that reports it with each block. Realtime-safe.
    pub fn note_block_offline(&self, offline: bool) {
        self.block_offline.store(offline, Ordering::Relaxed);
    }

    /// Whether the host renders offline. Some hosts report it in only one of the two ways. Realtime-safe.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        self.offline.load(Ordering::Relaxed) || self.block_offline.load(Ordering::Relaxed)
    }

    /// Reports to the host, at the next opportunity, that the project has changed. Any thread except the audio thread.
    pub fn mark_dirty(&self) {
        self.dirty.store(true, Ordering::Release);
        self.request_callback();
    }

    /// Reports to the host, at the next opportunity, that values of parameters have other texts. Any thread except the audio
    /// thread.
    pub fn mark_other_texts(&self) {
        self.other_texts.store(true, Ordering::Release);
        self.request_callback();
    }

    /// Whether [`mark_other_texts`](Self::mark_other_texts) was called since the last call of this.
    #[must_use]
    pub fn take_other_texts(&self) -> bool {
        self.other_texts.swap(false, Ordering::AcqRel)
    }

    /// Asks the host for a call on its main thread.
    fn request_callback(&self) {
        let host = self.host.lock();
        let Some(HostPointer(host)) = &*host else { return };
        let host = host.as_ptr();
        // SAFETY: `new` was given a host that lives until `forget`, which waits for the lock. `request_callback` may be called
        // from any thread.
        unsafe {
            if let Some(request_callback) = (*host).request_callback {
                request_callback(host);
            }
        }
    }

    /// Whether [`mark_dirty`](Self::mark_dirty) was called since the last call of this.
    #[must_use]
    pub fn take_dirty(&self) -> bool {
        self.dirty.swap(false, Ordering::AcqRel)
    }

    /// Drops the link to the host, which is about to be invalid.
    pub fn forget(&self) {
        *self.host.lock() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restored_state_is_noticed_once_and_while_it_is_loaded() {
        let link = HostLink::default();
        assert!(!link.take_restored());
        link.restore(|| assert!(link.take_restored() && link.take_restored()));
        assert!(link.take_restored());
        assert!(!link.take_restored());
    }

    #[test]
    fn a_bounce_is_noticed_however_the_host_tells() {
        let link = HostLink::default();
        link.note_block_offline(false);
        assert!(!link.is_offline());
        link.set_offline(true);
        link.note_block_offline(false);
        assert!(link.is_offline(), "it was set up for it");
        link.set_offline(false);
        link.note_block_offline(true);
        link.set_offline(false);
        assert!(link.is_offline(), "set up for playing, it renders");
        link.note_block_offline(false);
        assert!(!link.is_offline());
    }

    #[test]
    fn only_hosts_that_leave_ports_out_mean_what_they_supply() {
        let all = HostLink::default();
        all.note_supplied(0b1_1111);
        assert!(Track::ALL.into_iter().all(|track| !all.is_connected(track)));

        let one = HostLink::default();
        one.note_supplied(0b0_0001);
        assert!(Track::ALL.into_iter().all(|track| !one.is_connected(track)));

        one.note_supplied(0b0_0101);
        assert_eq!(Track::ALL.map(|track| one.is_connected(track)), [false, true, false, false]);
        one.note_supplied(0b1_1111);
        assert!(Track::ALL.into_iter().all(|track| one.is_connected(track)));
        assert!(!one.has_drum_outputs());

        // Drums leave Main when all of their parts are connected elsewhere.
        one.note_supplied(0b0_1110_0001);
        assert!(!one.is_connected(Track::Drums) && one.has_drum_outputs());
        one.note_supplied(0b1_1110_0001);
        assert_eq!(Track::ALL.map(|track| one.is_connected(track)), [true, false, false, false]);
    }
}
