//! What can be asked of the worker: plain data, so that the audio thread can ask too.

use resonantgen_engine::take::GenerationSettings;
use resonantgen_engine::track::{TRACK_COUNT, Track};

use crate::params::ResonantParams;

/// What shall be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// All tracks that are not locked.
    All,
    /// One track.
    One(Track),
}

/// What the parameters and the host said at the moment of asking: together with the prompt it determines the result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trigger {
    /// What shall be made.
    pub target: Target,
    /// Fixed seed; `None` takes the next one.
    pub seed: Option<u64>,
    /// Length in bars; `None` leaves it to the prompt.
    pub bars: Option<u32>,
    /// Settings of the generator.
    pub settings: GenerationSettings,
    /// Tempo to make it at; `None` leaves it to the prompt.
    pub bpm: Option<f64>,
    /// Which tracks are locked (index as [`Track::ALL`]).
    pub locked: [bool; TRACK_COUNT],
}

impl Trigger {
    /// Reads the parameters. Realtime-safe. `host_bpm` is `None` when the host has no tempo.
    #[must_use]
    pub fn read(params: &ResonantParams, target: Target, host_bpm: Option<f64>) -> Self {
        let positive = |value: i32| u32::try_from(value).ok().filter(|value| *value > 0);
        Self {
            target,
            seed: positive(params.seed.value()).map(u64::from),
            bars: positive(params.bars.value()),
            settings: GenerationSettings {
                variation: params.variation.value(),
                adherence: params.adherence.value(),
            },
            bpm: host_bpm.filter(|_| params.follow_host.value()),
            locked: params.locked(),
        }
    }
}

/// A trigger, with words where it comes from the editor.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// What is asked for.
    pub trigger: Trigger,
    /// Words of an edit ("more aggressive") relative to the track's take; empty for a plain new take.
    pub edit: String,
}

impl Job {
    /// Whether what waits in the queue is pointless after this.
    #[must_use]
    pub fn replaces_all(&self) -> bool {
        self.trigger.target == Target::All
    }
}

impl From<Trigger> for Job {
    fn from(trigger: Trigger) -> Self {
        Self { trigger, edit: String::new() }
    }
}
