//! What can be asked of the worker.

use std::fmt;

use resonantgen_engine::session::Session;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_take::GenerationSettings;

use crate::params::{ResonantParams, SeedMode};

/// Sixteenths in a quarter note.
const STEPS_PER_QUARTER: f64 = 4.0;
/// Seeds by place repeat after so many sixteenths (over three hours at 120 quarter notes per minute).
const PLACES: f64 = 90_000.0;

/// What shall be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// All tracks that are not locked.
    All,
    /// One track.
    One(Track),
}

/// What the parameters and the host said at the moment of asking: together with the prompt it determines the result.
/// Plain data, so that the audio thread can ask too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trigger {
    /// What shall be made.
    pub target: Target,
    /// Index of the prompt.
    pub slot: usize,
    /// The seed; `None` takes the one after the last.
    pub seed: Option<u64>,
    /// Length in bars; `None` leaves it to the prompt.
    pub bars: Option<u32>,
    /// Settings of the generator.
    pub settings: GenerationSettings,
    /// Tempo to make it at; `None` leaves it to the prompt.
    pub bpm: Option<f64>,
    /// Which tracks are locked (index as [`Track::ALL`]).
    pub locked: [bool; TRACK_COUNT],
    /// The number by which a take of each track is chosen (index as [`Track::ALL`]).
    pub takes: [Option<u32>; TRACK_COUNT],
    /// Where in the song it was asked for, in quarter notes; `None` when it was not asked for by the song.
    pub beat: Option<f64>,
}

impl Trigger {
    /// Reads the parameters. Realtime-safe. `host_bpm` is `None` when the host has no tempo; `beat` when the wish does
    /// not come from the song (automation, notes) but from the editor.
    #[must_use]
    pub fn read(params: &ResonantParams, target: Target, host_bpm: Option<f64>, beat: Option<f64>) -> Self {
        let seed = u64::try_from(params.seed.value()).unwrap_or(0);
        Self {
            target,
            slot: params.slot(),
            seed: match params.seed_mode.value() {
                SeedMode::Next => None,
                SeedMode::Fixed => Some(seed),
                SeedMode::ByPlace => Some(seed + place(beat.unwrap_or(0.0))),
            },
            bars: u32::try_from(params.bars.value()).ok().filter(|bars| *bars > 0),
            settings: GenerationSettings {
                variation: params.variation.value(),
                adherence: params.adherence.value(),
            },
            bpm: host_bpm.filter(|_| params.follow_host.value()),
            locked: params.locked(),
            takes: params.takes(),
            beat,
        }
    }
}

/// Number of the sixteenth that is nearest to a beat; the same on every pass.
fn place(beat: f64) -> u64 {
    let steps = (beat * STEPS_PER_QUARTER).round().rem_euclid(PLACES);
    if steps.is_finite() { steps as u64 } else { 0 }
}

/// What the audio thread asks the worker for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ask {
    /// Generate.
    Make(Trigger),
    /// Perform the takes that sound at this tempo, in quarter notes per minute.
    Perform(f64),
    /// Fetch the sound of takes that are chosen by number.
    Fetch,
}

impl From<Ask> for Job {
    fn from(ask: Ask) -> Self {
        match ask {
            Ask::Make(trigger) => trigger.into(),
            Ask::Perform(bpm) => Self::Perform(bpm),
            Ask::Fetch => Self::Fetch,
        }
    }
}

/// Changes a session without generating.
type Change = Box<dyn FnOnce(&mut Session) -> Result<(), String> + Send>;

/// One piece of the worker's work.
pub enum Job {
    /// Generate.
    Make {
        /// What is asked for.
        trigger: Trigger,
        /// Words relative to the track's take ("more aggressive"); empty for a plain new take.
        edit: String,
    },
    /// Perform the takes that sound at another tempo.
    Perform(f64),
    /// Fetch the sound of takes that are chosen by number and asleep.
    Fetch,
    /// Undo, choose another take and the like: anything that is done in no time, or import, which is not.
    Change {
        /// Which tracks are locked while it happens (index as [`Track::ALL`]).
        locked: [bool; TRACK_COUNT],
        /// What to do; an error is shown and leaves the session as it was.
        change: Change,
    },
}

impl fmt::Debug for Job {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Make { trigger, edit } => {
                formatter.debug_struct("Make").field("trigger", trigger).field("edit", edit).finish()
            }
            Self::Perform(bpm) => formatter.debug_tuple("Perform").field(bpm).finish(),
            Self::Fetch => formatter.write_str("Fetch"),
            Self::Change { .. } => formatter.write_str("Change"),
        }
    }
}

impl Job {
    /// Whether generations that wait in the queue are pointless after this.
    #[must_use]
    pub fn replaces_all(&self) -> bool {
        matches!(self, Self::Make { trigger, .. } if trigger.target == Target::All)
    }

    /// Whether it generates.
    #[must_use]
    pub fn is_generation(&self) -> bool {
        matches!(self, Self::Make { .. })
    }
}

impl From<Trigger> for Job {
    fn from(trigger: Trigger) -> Self {
        Self::Make { trigger, edit: String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_its_seed_on_every_pass() {
        assert_eq!(place(16.0), 64);
        assert_eq!(place(16.0 + 1e-4), 64);
        assert_eq!(place(0.0), 0);
        assert_eq!(place(-0.25), 89_999);
        assert_eq!(place(f64::NAN), 0);
        assert_eq!(place(f64::INFINITY), 0);
    }
}
