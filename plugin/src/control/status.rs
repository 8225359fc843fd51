//! Lock-free status: of the audio thread, and the progress of generations.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering};

use atomic_float::AtomicF64;
use resonantgen_models::generator::Stage;
use resonantgen_music::track::{TRACK_COUNT, Track};

use super::demand::DemandCell;

/// Status of the audio thread. It consists of atomics, written in every block and read at any time.
#[derive(Debug, Default)]
pub struct AudioStatus {
    /// Quarter notes from the start of the song.
    pub playhead_beat: AtomicF64,
    /// How far the loops are shifted against the host's beats, in quarter notes.
    pub shift: AtomicF64,
    /// A bit for each track that is locked.
    locks: AtomicU8,
    /// A recording that was asked for: the track's index plus one, and in the upper half the bars; 0 for none.
    recording: AtomicU32,
    /// Whether the transport is playing.
    pub playing: AtomicBool,
    /// Tempo of the host, in the range of takes ([`Position::in_range`](resonantgen_playback::Position::in_range)); 0 if it has
    /// none.
    pub host_bpm: AtomicF64,
    /// Whether the host has a transport and it is stopped.
    pub stopped: AtomicBool,
    /// Whether the host renders offline.
    pub offline: AtomicBool,
    /// Where in the song the timeline is, in quarter notes; NaN unless the whole song plays.
    pub song_quarter: AtomicF64,
    /// Number of the section that plays; 0 for the open one.
    pub section: AtomicU32,
    /// The run in which chords are followed; 0 while they are not.
    pub follow_run: AtomicU32,
    /// The half bar of that run that plays.
    pub follow_half_bar: AtomicI64,
    /// Peak meters of the tracks; the audio thread raises them, the editor resets them.
    pub meters: [Meter; TRACK_COUNT],
    /// What the player needs.
    pub(super) demand: DemandCell,
    /// Number of blocks, to tell whether the audio thread runs.
    pub(super) blocks: AtomicU32,
    /// An offline render has waited too long for a take.
    pub(super) gave_up: AtomicBool,
    /// Number of triggers lost because the queue was full.
    pub(super) lost_triggers: AtomicU32,
}

impl AudioStatus {
    /// The host's tempo, in the range of takes; `None` if it has none. Realtime-safe.
    #[must_use]
    pub fn host_bpm(&self) -> Option<f64> {
        Some(self.host_bpm.load(Ordering::Relaxed)).filter(|bpm| *bpm > 0.0)
    }

    /// Asks the publisher to record bars of the sidechain. Realtime-safe.
    pub fn ask_for_recording(&self, track: Track, bars: u32) {
        self.recording.store((bars << 16) | (track.index() as u32 + 1), Ordering::Release);
    }

    /// The recording that was asked for since the last call: track and bars.
    #[must_use]
    pub fn take_recording(&self) -> Option<(Track, u32)> {
        let asked = self.recording.swap(0, Ordering::AcqRel);
        let track = (asked & 0xffff).checked_sub(1)?;
        Some((*Track::ALL.get(track as usize)?, asked >> 16))
    }

    /// Stores which tracks are locked. Realtime-safe.
    pub fn store_locks(&self, locked: [bool; TRACK_COUNT]) {
        let bits = locked.iter().rev().fold(0, |bits, locked| bits << 1 | u8::from(*locked));
        self.locks.store(bits, Ordering::Relaxed);
    }

    /// Which tracks were locked in the last block (index as [`Track::ALL`](resonantgen_music::track::Track::ALL)).
    #[must_use]
    pub fn locked(&self) -> [bool; TRACK_COUNT] {
        let bits = self.locks.load(Ordering::Relaxed);
        std::array::from_fn(|track| bits & 1 << track != 0)
    }
}

/// Width and height, shared without a lock.
#[derive(Debug)]
pub struct AtomicSize(AtomicU64);

impl AtomicSize {
    /// Creates it with a value.
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

/// Peak of each channel since the last read.
#[derive(Debug, Default)]
pub struct Meter([AtomicU32; 2]);

impl Meter {
    /// Adds the peaks of a block, which must not be negative. Realtime-safe.
    pub fn raise(&self, peaks: [f32; 2]) {
        for (meter, peak) in self.0.iter().zip(peaks) {
            // Non-negative floats have the same order as their bits.
            meter.fetch_max(peak.max(0.0).to_bits(), Ordering::Relaxed);
        }
    }

    /// The peaks since the last call; resets them.
    pub fn take(&self) -> [f32; 2] {
        [0, 1].map(|channel| f32::from_bits(self.0[channel].swap(0, Ordering::Relaxed)))
    }
}

/// Progress of a track's generation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// Nothing is being generated.
    Idle,
    /// Waiting for another instance.
    Waiting,
    /// Loading models, waiting for a server, or waiting for other tracks.
    Begun,
    /// Importing an audio file, or fitting what was recorded.
    Importing,
    /// Made, and heard as soon as the others are.
    Made,
    /// The current stage and its completed fraction in `0.0..=1.0`.
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
