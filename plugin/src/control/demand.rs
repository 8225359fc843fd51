//! What the player needs to be given, and how the audio thread asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use atomic_float::AtomicF64;
use resonantgen_music::track::TRACK_COUNT;
use rtrb::{Consumer, Producer, PushError, RingBuffer};

use super::Control;
use super::job::Trigger;

/// Triggers under way from the audio thread.
const TRIGGER_CAPACITY: usize = 64;
/// How often an offline render looks whether its demands are met.
const POLL: Duration = Duration::from_millis(1);

/// What the player needs: one take of each track, at a tempo. The sample rate is that of the player that was opened last.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Demand {
    /// Number of the take that is chosen on each track (index as `Track::ALL`); `None` for the one that plays anyway.
    pub takes: [Option<u32>; TRACK_COUNT],
    /// Tempo in quarter notes per minute at which it is heard; `None` while the tempo moves: takes are sliced then.
    pub bpm: Option<f64>,
    /// Kick, snare, hats and percussion are heard apart.
    pub drum_voices: bool,
}

/// A [`Demand`] that threads share without a lock: one writes, others read.
#[derive(Debug, Default)]
pub struct DemandCell {
    takes: [AtomicU32; TRACK_COUNT],
    bpm: AtomicF64,
    drum_voices: AtomicBool,
    serial: AtomicU32,
}

impl DemandCell {
    /// Replaces the demand. Realtime-safe; for one thread.
    fn write(&self, demand: &Demand) {
        for (cell, number) in self.takes.iter().zip(demand.takes) {
            cell.store(number.unwrap_or(0), Ordering::Relaxed);
        }
        self.bpm.store(demand.bpm.unwrap_or(0.0), Ordering::Relaxed);
        self.drum_voices.store(demand.drum_voices, Ordering::Relaxed);
        self.serial.fetch_add(1, Ordering::Release);
    }

    /// A number that changes with the demand. Realtime-safe.
    pub fn serial(&self) -> u32 {
        self.serial.load(Ordering::Acquire)
    }

    /// The demand, and its serial number. One that is being written has a later number already to come, so whoever answers
    /// for the number that is returned reads again. Realtime-safe.
    pub fn read(&self) -> (u32, Demand) {
        let serial = self.serial();
        let takes = self.takes.each_ref().map(|cell| cell.load(Ordering::Relaxed));
        let bpm = self.bpm.load(Ordering::Relaxed);
        let demand = Demand {
            takes: takes.map(|number| Some(number).filter(|number| *number > 0)),
            bpm: Some(bpm).filter(|bpm| *bpm > 0.0),
            drum_voices: self.drum_voices.load(Ordering::Relaxed),
        };
        (serial, demand)
    }

    /// The tempo that is demanded; 0 for none.
    pub fn bpm(&self) -> f64 {
        self.bpm.load(Ordering::Relaxed)
    }
}

/// A trigger on its way from the audio thread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SongTrigger {
    /// What it asks for.
    pub trigger: Trigger,
    /// The restored session that it was meant for.
    pub epoch: u64,
}

/// How long offline renders may still wait.
///
/// A bounce should wait for as long as a slow machine needs; a host that throws random triggers at an offline plugin
/// (clap-validator's fuzzer) should not wait for each of them. What tells them apart is the music between: so waiting is paid
/// for with audio. A new instance may wait for three minutes, and every second of audio that is rendered or played adds
/// [`EARNED_PER_SECOND`](Self::EARNED_PER_SECOND), more than a bar of four stems takes on a slow machine with cold models. The
/// sum of all waits is at most three minutes and ten times the audio's length, however often the host changes between
/// playing and rendering or activates anew. In a fuzzer it is far less: triggers that are closer than
/// [`STORM`](Self::STORM) are waited for once.
#[derive(Clone, Copy, Debug)]
struct Patience {
    left: Duration,
    /// Seconds of audio since a trigger was waited for.
    since_trigger: f64,
}

impl Patience {
    /// Most that can be saved up, and what a new instance has: the longest that one block waits.
    const MOST: Duration = Duration::from_secs(180);
    /// What a second of audio adds.
    const EARNED_PER_SECOND: Duration = Duration::from_secs(10);
    /// Longest wait in which nothing happens at all. The worker runs at low priority: on a machine that is thirty times
    /// overloaded a stage was seen to take longer than twenty seconds.
    const STALLED: Duration = Duration::from_secs(60);
    /// Triggers within this much audio, in seconds, are one demand: the last of them is waited for. Shorter than a
    /// sixteenth at 60 quarter notes per minute, longer than a dozen blocks.
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

/// The audio thread's end of the control side: takes what the song asks for, and waits for it in offline renders.
#[derive(Debug)]
pub struct ControlPort {
    control: Arc<Control>,
    triggers: Producer<SongTrigger>,
    demand: Demand,
    patience: Patience,
    is_triggered: bool,
    offline: bool,
}

impl ControlPort {
    /// A port, and the other end of its triggers. Not realtime-safe.
    #[must_use]
    pub fn new(control: &Arc<Control>) -> (Self, Consumer<SongTrigger>) {
        let (triggers, triggered) = RingBuffer::new(TRIGGER_CAPACITY);
        let port = Self {
            control: Arc::clone(control),
            triggers,
            demand: Demand::default(),
            patience: Patience::new(),
            is_triggered: false,
            offline: false,
        };
        (port, triggered)
    }

    /// Begins a block that lasts `seconds`; returns whether the host renders instead of playing. Realtime-safe.
    pub fn begin_block(&mut self, seconds: f64) -> bool {
        let audio = &self.control.audio;
        self.offline = self.control.host.is_offline();
        audio.offline.store(self.offline, Ordering::Relaxed);
        audio.blocks.fetch_add(1, Ordering::Relaxed);
        self.patience.earn(seconds);
        self.offline
    }

    /// Passes a trigger of the song on. Realtime-safe, except in an offline render: there it waits for room, so that the last
    /// trigger of a storm is not the one that is left out.
    pub fn trigger(&mut self, trigger: Trigger) {
        let control = &self.control;
        control.pending.fetch_add(1, Ordering::AcqRel);
        let mut event = SongTrigger { trigger, epoch: control.store.epoch() };
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
        self.is_triggered = true;
    }

    /// Says what the player needs now. `bpm` is `None` when the timeline stands still: the demand of before holds then.
    /// Realtime-safe.
    pub fn demand(&mut self, takes: [Option<usize>; TRACK_COUNT], bpm: Option<Option<f64>>) {
        let takes = takes.map(|index| index.map(|index| index as u32 + 1));
        let drum_voices = self.control.host.has_drum_outputs();
        let demand = Demand { takes, bpm: bpm.unwrap_or(self.demand.bpm), drum_voices };
        if demand != self.demand {
            self.demand = demand;
            self.control.audio.demand.write(&demand);
        }
    }

    /// In an offline render, waits until the demands are met and what was triggered is there: time does not matter there, the
    /// sound does. It gives up when its patience is at an end. Otherwise it does nothing, and is realtime-safe.
    pub fn wait(&mut self) {
        if !self.offline || self.control.is_answered() {
            self.is_triggered = false;
            return;
        }
        // Only the newest of a storm is worth waiting for, but what is at hand is got.
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
        let demand = Demand { takes: [None, Some(3), None, Some(32)], bpm: Some(97.5), drum_voices: true };
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
        // A fuzzer's fifty blocks buy no more than seconds.
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
