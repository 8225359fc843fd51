//! What threads tell each other without a lock: the audio thread's status, and the progress of generations.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use atomic_float::AtomicF64;
use resonantgen_models::generator::Stage;
use resonantgen_music::track::TRACK_COUNT;

use super::demand::DemandCell;

/// What the audio thread tells the others. Only atomics: it is written in every block and read at any time.
#[derive(Debug, Default)]
pub struct AudioStatus {
    /// Quarter notes from the start of the song.
    pub playhead_beat: AtomicF64,
    /// Whether the playhead moves.
    pub playing: AtomicBool,
    /// Tempo of the host, in the range of takes ([`Position::in_range`](resonantgen_playback::Position::in_range)), 0
    /// when it has none.
    pub host_bpm: AtomicF64,
    /// Whether the host has a transport that stands still.
    pub stopped: AtomicBool,
    /// Whether the host renders instead of playing.
    pub offline: AtomicBool,
    /// How loud each track sounds; the audio thread raises it, the editor takes it.
    pub meters: [Meter; TRACK_COUNT],
    /// What the player needs to be given.
    pub(super) demand: DemandCell,
    /// Grows with each block, to tell whether the audio thread runs.
    pub(super) blocks: AtomicU32,
    /// An offline render has waited too long for a take.
    pub(super) gave_up: AtomicBool,
    /// Triggers that found the queue full.
    pub(super) lost_triggers: AtomicU32,
}

impl AudioStatus {
    /// The host's tempo, in the range of takes; `None` when it has none. Realtime-safe.
    #[must_use]
    pub fn host_bpm(&self) -> Option<f64> {
        Some(self.host_bpm.load(Ordering::Relaxed)).filter(|bpm| *bpm > 0.0)
    }
}

/// Width and height that threads share without a lock.
#[derive(Debug)]
pub struct AtomicSize(AtomicU64);

impl AtomicSize {
    /// With a first value.
    #[must_use]
    pub fn new([width, height]: [u32; 2]) -> Self {
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
    /// Made, and heard as soon as the others are.
    Made,
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
            Progress::Made => 7 << 16,
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
            7 => Progress::Made,
            _ => Progress::Idle,
        }
    }
}
