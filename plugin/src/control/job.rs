//! What can be asked of the worker.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use resonantgen_music::plan::Chord;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_session::Session;
use resonantgen_take::GenerationSettings;

use super::Cancellation;
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
    /// Reads the parameters. Realtime-safe. `host_bpm` is `None` when the host has no tempo; `beat` when the request
    /// does not come from the song (automation, notes) but from the editor.
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

/// Changes a session without generating. It may be long, and then looks whether it is still wanted.
type Change = Box<dyn FnOnce(&mut Session, &Cancellation<'_>) -> Result<(), String> + Send>;

/// Notes that stay, performed anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Performance {
    /// Another chord under some half bars: the notes there move to it.
    Chord {
        /// The half bars, from 0.
        half_bars: Range<usize>,
        /// The chord.
        chord: Chord,
    },
    /// Another sound for a track.
    Sound {
        /// The track.
        track: Track,
        /// Id of the patch.
        patch: String,
    },
}

/// One piece of the worker's work.
pub enum Job {
    /// Generate.
    Make {
        /// What is asked for.
        trigger: Trigger,
        /// Words relative to the track's take ("more aggressive"); empty for a plain new take.
        edit: String,
    },
    /// Perform notes that are there already.
    Perform {
        /// Which tracks are locked while it happens (index as [`Track::ALL`]).
        locked: [bool; TRACK_COUNT],
        /// What is performed.
        performance: Performance,
    },
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
            Self::Perform { performance, .. } => formatter.debug_tuple("Perform").field(performance).finish(),
            Self::Change { .. } => formatter.write_str("Change"),
        }
    }
}

impl Job {
    /// What it generates; `None` when it does not.
    #[must_use]
    pub fn target(&self) -> Option<Target> {
        match self {
            Self::Make { trigger, .. } => Some(trigger.target),
            Self::Perform { .. } | Self::Change { .. } => None,
        }
    }

    /// Whether it makes takes: somebody waits for it and may cancel it.
    #[must_use]
    pub const fn makes_takes(&self) -> bool {
        matches!(self, Self::Make { .. } | Self::Perform { .. })
    }
}

impl From<Trigger> for Job {
    fn from(trigger: Trigger) -> Self {
        Self::Make { trigger, edit: String::new() }
    }
}

/// Counts something by its existence.
#[derive(Debug)]
pub struct Count(Arc<AtomicU32>);

impl Count {
    /// One more.
    #[must_use]
    pub fn new(counter: &Arc<AtomicU32>) -> Self {
        counter.fetch_add(1, Ordering::AcqRel);
        Self::counted(counter)
    }

    /// One that somebody has counted already.
    #[must_use]
    pub fn counted(counter: &Arc<AtomicU32>) -> Self {
        Self(Arc::clone(counter))
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A job on its way, and for which session it was asked.
#[derive(Debug)]
pub struct QueuedJob {
    /// What is to be done.
    pub job: Job,
    /// The restored session that it was meant for: in another one it is not wanted.
    pub epoch: u64,
    /// Grows from job to job; cancelling concerns all that are below a number.
    pub ticket: u64,
    /// The song asked for it, by automation or a note.
    pub is_of_song: bool,
    /// Until it is dropped, offline renders wait.
    pub pending: Count,
    /// Until it is dropped, there is something that can be cancelled.
    pub awaited: Option<Count>,
}

/// What is sent to the worker.
#[derive(Debug)]
pub enum Command {
    /// Do this.
    Job(QueuedJob),
    /// Something has changed: look whether there is something to do. Offline renders wait while a count is under way.
    Look(Option<Count>),
    /// The host has saved the project.
    Saved,
}

/// Puts a job at the end of those that wait. Generating everything makes other generations pointless that wait; of what the
/// song asks for on one track, the newest is what counts.
pub fn enqueue(queue: &mut VecDeque<QueuedJob>, job: QueuedJob) {
    if let Job::Perform { performance: Performance::Sound { track, .. }, .. } = &job.job {
        // Of sounds that are tried in haste, the last is what counts.
        let track = *track;
        queue.retain(|waiting| {
            !matches!(&waiting.job, Job::Perform { performance: Performance::Sound { track: other, .. }, .. } if *other == track)
        });
    }
    match job.job.target() {
        Some(Target::All) => queue.retain(|waiting| waiting.job.target().is_none()),
        Some(target) if job.is_of_song => {
            queue.retain(|waiting| !waiting.is_of_song || waiting.job.target() != Some(target));
        }
        _ => {}
    }
    queue.push_back(job);
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

    fn queued(counter: &Arc<AtomicU32>, target: Target, is_of_song: bool, ticket: u64) -> QueuedJob {
        let trigger = Trigger {
            target,
            slot: 0,
            seed: None,
            bars: None,
            settings: GenerationSettings::default(),
            bpm: None,
            locked: [false; TRACK_COUNT],
            takes: [None; TRACK_COUNT],
            beat: None,
        };
        let pending = Count::new(counter);
        QueuedJob { job: trigger.into(), epoch: 0, ticket, is_of_song, pending, awaited: None }
    }

    #[test]
    fn a_storm_of_triggers_is_one_for_each_target() {
        let counter = Arc::new(AtomicU32::new(0));
        let mut queue = VecDeque::new();
        let bass = Target::One(Track::Bass);
        for ticket in 0..100 {
            enqueue(&mut queue, queued(&counter, bass, true, 2 * ticket));
            enqueue(&mut queue, queued(&counter, Target::One(Track::Drums), true, 2 * ticket + 1));
        }
        let tickets = |queue: &VecDeque<QueuedJob>| queue.iter().map(|job| job.ticket).collect::<Vec<_>>();
        assert_eq!(tickets(&queue), [198, 199], "the newest of each");
        assert_eq!(counter.load(Ordering::Acquire), 2, "nobody waits for those that were left out");
        // What a person asks for by clicks is all made: words build on one another.
        enqueue(&mut queue, queued(&counter, bass, false, 200));
        enqueue(&mut queue, queued(&counter, bass, false, 201));
        assert_eq!(tickets(&queue), [198, 199, 200, 201]);
        enqueue(&mut queue, queued(&counter, Target::All, true, 202));
        assert_eq!(tickets(&queue), [202]);
        queue.clear();
        assert_eq!(counter.load(Ordering::Acquire), 0);
    }
}
