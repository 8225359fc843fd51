//! The player's demands, and the audio thread's end of the control side.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI8, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use atomic_float::AtomicF64;
use resonantgen_music::track::TRACK_COUNT;
use resonantgen_music::variation::NoteDials;
use resonantgen_playback::Controls;
use rtrb::{Consumer, Producer, PushError, RingBuffer};

use super::Control;
use super::follow::HeardChord;
use super::job::Trigger;
use super::played::PlayedKey;

/// Capacity of the ring buffer for triggers from the audio thread.
const TRIGGER_CAPACITY: usize = 64;
/// How often an offline render checks whether its demands are met.
const POLL: Duration = Duration::from_millis(1);

/// What the player needs: one take of each track, or a whole song, at a tempo. The sample rate is that of the player that was
/// opened last.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Demand {
    /// Number of the take chosen on each track (index as `Track::ALL`); `None` for the session's own choice.
    pub takes: [Option<u32>; TRACK_COUNT],
    /// Playback tempo in quarter notes per minute; `None` while the tempo is changing, when takes are sliced.
    pub bpm: Option<f64>,
    /// Whether kick, snare, hats and percussion are heard separately.
    pub drum_voices: bool,
    /// Number of the section that plays; `None` for the open one.
    pub section: Option<u32>,
    /// All sections of the song, in their order.
    pub song: bool,
    /// How the notes of each track's takes are varied.
    pub note_dials: [NoteDials; TRACK_COUNT],
}

/// A [`Demand`] shared without a lock, with one writer.
#[derive(Debug, Default)]
pub struct DemandCell {
    takes: [AtomicU32; TRACK_COUNT],
    bpm: AtomicF64,
    drum_voices: AtomicBool,
    section: AtomicU32,
    song: AtomicBool,
    note_dials: [AtomicNoteDials; TRACK_COUNT],
    serial: AtomicU32,
}

/// Positions of a track's note dials.
#[derive(Debug, Default)]
struct AtomicNoteDials {
    density: AtomicI8,
    complexity: AtomicI8,
    fills: AtomicI8,
}

impl AtomicNoteDials {
    fn store(&self, dials: NoteDials) {
        self.density.store(dials.density, Ordering::Relaxed);
        self.complexity.store(dials.complexity, Ordering::Relaxed);
        self.fills.store(dials.fills, Ordering::Relaxed);
    }

    fn load(&self) -> NoteDials {
        NoteDials {
            density: self.density.load(Ordering::Relaxed),
            complexity: self.complexity.load(Ordering::Relaxed),
            fills: self.fills.load(Ordering::Relaxed),
        }
    }
}

impl DemandCell {
    /// Replaces the demand. Realtime-safe. Must be called from one thread only.
    fn write(&self, demand: &Demand) {
        for (cell, number) in self.takes.iter().zip(demand.takes) {
            cell.store(number.unwrap_or(0), Ordering::Relaxed);
        }
        self.bpm.store(demand.bpm.unwrap_or(0.0), Ordering::Relaxed);
        self.drum_voices.store(demand.drum_voices, Ordering::Relaxed);
        self.section.store(demand.section.unwrap_or(0), Ordering::Relaxed);
        self.song.store(demand.song, Ordering::Relaxed);
        for (cell, dials) in self.note_dials.iter().zip(demand.note_dials) {
            cell.store(dials);
        }
        self.serial.fetch_add(1, Ordering::Release);
    }

    /// A number that changes with the demand. Realtime-safe.
    pub fn serial(&self) -> u32 {
        self.serial.load(Ordering::Acquire)
    }

    /// The serial number and the demand. If the demand is being written meanwhile, its serial number is about to change, so the
    /// reader will read again. Realtime-safe.
    pub fn read(&self) -> (u32, Demand) {
        let serial = self.serial();
        let takes = self.takes.each_ref().map(|cell| cell.load(Ordering::Relaxed));
        let bpm = self.bpm.load(Ordering::Relaxed);
        let demand = Demand {
            takes: takes.map(|number| Some(number).filter(|number| *number > 0)),
            bpm: Some(bpm).filter(|bpm| *bpm > 0.0),
            drum_voices: self.drum_voices.load(Ordering::Relaxed),
            section: Some(self.section.load(Ordering::Relaxed)).filter(|number| *number > 0),
            song: self.song.load(Ordering::Relaxed),
            note_dials: self.note_dials(),
        };
        (serial, demand)
    }

    /// How the notes are varied.
    pub fn note_dials(&self) -> [NoteDials; TRACK_COUNT] {
        self.note_dials.each_ref().map(AtomicNoteDials::load)
    }

    /// The demanded tempo; 0 for none.
    pub fn bpm(&self) -> f64 {
        self.bpm.load(Ordering::Relaxed)
    }
}

/// A trigger on its way from the audio thread, or a chord that is followed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SongTrigger {
    /// The trigger; for a chord, what is chosen and locked at that moment.
    pub trigger: Trigger,
    /// What was heard, and how many half bars later it sounds, if it is a chord.
    pub heard: Option<(HeardChord, u32)>,
    /// The epoch that it was meant for.
    pub epoch: u64,
}

/// How much longer offline renders may wait.
///
/// A bounce has to wait as long as a slow machine needs, but a host that sends random triggers to an offline plugin
/// (clap-validator's fuzzer) must not wait for each of them. The difference is the amount of audio between triggers, so
/// waiting time is earned by audio. A new instance may wait for three minutes, and every second of audio adds
/// [`EARNED_PER_SECOND`](Self::EARNED_PER_SECOND), more than a bar of four stems takes on a slow machine with cold models. The
/// sum of all waits is at most three minutes plus ten times the length of the audio, however often the host switches between
/// playing and rendering or reactivates. In a fuzzer it is far less: triggers closer together than [`STORM`](Self::STORM) are
/// waited for once.
#[derive(Clone, Copy, Debug)]
struct Patience {
    left: Duration,
    /// Seconds of audio since the last wait for a trigger.
    since_trigger: f64,
}

impl Patience {
    /// Initial value and maximum, and so the longest wait in one block.
    const MOST: Duration = Duration::from_secs(180);
    /// Time earned by a second of audio.
    const EARNED_PER_SECOND: Duration = Duration::from_secs(10);
    /// Longest wait without any progress. The worker runs at low priority; on a machine with thirty times its load, a single stage
    /// was seen to take more than twenty seconds.
    const STALLED: Duration = Duration::from_secs(60);
    /// Triggers within this many seconds of audio count as one, and only the last is waited for. Shorter than a sixteenth note
    /// at 60 bpm, longer than a dozen blocks.
    const STORM: f64 = 0.25;

    const fn new() -> Self {
        Self { left: Self::MOST, since_trigger: f64::INFINITY }
    }

    fn earn(&mut self, seconds: f64) {
        let seconds = seconds.clamp(0.0, Self::MOST.as_secs_f64());
        self.left = (self.left + Self::EARNED_PER_SECOND.mul_f64(seconds)).min(Self::MOST);
        self.since_trigger += seconds;
    }

    fn spend(&mut self, time: Duration) {
        self.left = self.left.saturating_sub(time);
    }

    fn is_in_storm(&self) -> bool {
        self.since_trigger < Self::STORM
    }
}

/// The audio thread's end of the control side. It forwards triggers of automation and notes, and waits in offline renders.
#[derive(Debug)]
pub struct ControlPort {
    control: Arc<Control>,
    triggers: Producer<SongTrigger>,
    keys: Producer<PlayedKey>,
    demand: Demand,
    patience: Patience,
    is_triggered: bool,
    offline: bool,
}

impl ControlPort {
    /// Creates a port and the receiving end of its triggers. Not realtime-safe.
    #[must_use]
    pub fn new(control: &Arc<Control>) -> (Self, Consumer<SongTrigger>) {
        let (triggers, triggered) = RingBuffer::new(TRIGGER_CAPACITY);
        let port = Self {
            control: Arc::clone(control),
            triggers,
            keys: control.played.lock().open(),
            demand: Demand::default(),
            patience: Patience::new(),
            is_triggered: false,
            offline: false,
        };
        (port, triggered)
    }

    /// Begins a block that lasts `seconds`; returns whether the host renders offline. Realtime-safe.
    pub fn begin_block(&mut self, seconds: f64) -> bool {
        let audio = &self.control.audio;
        self.offline = self.control.host.is_offline();
        audio.offline.store(self.offline, Ordering::Relaxed);
        audio.blocks.fetch_add(1, Ordering::Relaxed);
        self.patience.earn(seconds);
        self.offline
    }

    /// Forwards a trigger. Realtime-safe, except in an offline render, where it waits for space in the ring so that the last of
    /// many triggers is not lost.
    pub fn trigger(&mut self, trigger: Trigger) {
        self.send(trigger, None);
        self.is_triggered = true;
    }

    /// Forwards the chord of a half bar, which sounds `lead` half bars later. An offline render waits for every one. Realtime-safe as
    /// [`trigger`](Self::trigger) is.
    pub fn follow(&mut self, trigger: Trigger, heard: HeardChord, lead: u32) {
        self.send(trigger, Some((heard, lead)));
    }

    fn send(&mut self, trigger: Trigger, heard: Option<(HeardChord, u32)>) {
        let control = &self.control;
        control.pending.fetch_add(1, Ordering::AcqRel);
        let mut event = SongTrigger { trigger, heard, epoch: control.store.epoch() };
        while let Err(PushError::Full(refused)) = self.triggers.push(event) {
            if !self.offline || self.patience.left.is_zero() || control.is_quitting() {
                control.pending.fetch_sub(1, Ordering::AcqRel);
                control.audio.lost_triggers.fetch_add(1, Ordering::AcqRel);
                break;
            }
            event = refused;
            control.wake();
            std::thread::sleep(POLL);
            self.patience.spend(POLL);
        }
    }

    /// Forwards a key that is played as part of a chord. One that finds no room is lost. Realtime-safe.
    pub fn play(&mut self, key: PlayedKey) {
        let _ = self.keys.push(key);
    }

    /// States what the player needs to play as `controls` say. With `bpm` `None` (the transport is stopped), the tempo stays as
    /// demanded before. `note_dials` vary the notes. Realtime-safe.
    pub fn demand(
        &mut self,
        controls: &Controls,
        bpm: Option<Option<f64>>,
        note_dials: [NoteDials; TRACK_COUNT],
    ) {
        let number = |index: Option<usize>| index.map(|index| index as u32 + 1);
        let demand = Demand {
            takes: controls.chosen.map(number),
            bpm: bpm.unwrap_or(self.demand.bpm),
            drum_voices: self.control.host.has_drum_outputs(),
            section: number(controls.section),
            song: controls.song_start.is_some(),
            note_dials,
        };
        if demand != self.demand {
            self.demand = demand;
            self.control.audio.demand.write(&demand);
        }
    }

    /// In an offline render, waits until all demands and triggers are met or the waiting time is used up. Otherwise returns at
    /// once and is realtime-safe.
    pub fn wait(&mut self) {
        if !self.offline || self.control.is_answered() {
            self.is_triggered = false;
            return;
        }
        // Of many triggers at once only the last is waited for, but anything that needs no engine is still waited for.
        let in_storm = self.is_triggered && self.patience.is_in_storm();
        let control = &self.control;
        let is_met = || if in_storm { control.is_published() } else { control.is_answered() };
        control.wake();
        let began = Instant::now();
        let (mut activity, mut active) = (control.activity(), began);
        while !is_met() && !control.is_quitting() {
            let now = Instant::now();
            if control.activity() != activity {
                (activity, active) = (control.activity(), now);
            }
            if now - began >= self.patience.left || now - active >= Patience::STALLED {
                control.audio.gave_up.store(true, Ordering::Release);
                control.cancel_all();
                break;
            }
            std::thread::sleep(POLL);
        }
        self.patience.spend(began.elapsed());
        if !in_storm && std::mem::take(&mut self.is_triggered) {
            self.patience.since_trigger = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demand_arrives_whole_and_has_a_new_number() {
        let cell = DemandCell::default();
        assert_eq!(cell.read(), (0, Demand::default()));
        let demand = Demand {
            takes: [None, Some(3), None, Some(32)],
            bpm: Some(97.5),
            drum_voices: true,
            section: Some(16),
            song: true,
            note_dials: [-2, -1, 1, 2].map(|fills| NoteDials { density: 1, complexity: -fills, fills }),
        };
        cell.write(&demand);
        assert_eq!(cell.read(), (1, demand));
        assert_eq!(cell.bpm(), 97.5);
    }

    #[test]
    fn patience_is_earned_by_audio_and_never_more_than_the_most() {
        let mut patience = Patience::new();
        assert!(!patience.is_in_storm(), "the first trigger is waited for");
        patience.spend(Duration::from_secs(200));
        assert_eq!(patience.left, Duration::ZERO);
        // Fifty blocks of a fuzzer earn only a few seconds.
        patience.since_trigger = 0.0;
        const SECONDS: f64 = 1.0 / 128.0;
        for block in 0..50 {
            assert_eq!(patience.is_in_storm(), f64::from(block) * SECONDS < Patience::STORM, "block {block}");
            patience.earn(SECONDS);
        }
        assert!(patience.left < Duration::from_secs(4), "{:?}", patience.left);
        patience.earn(1e9);
        assert_eq!(patience.left, Patience::MOST);
        patience.earn(-1.0);
        assert_eq!(patience.left, Patience::MOST);
    }
}
