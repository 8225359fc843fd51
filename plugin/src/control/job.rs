//! Jobs and commands for the worker.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use resonantgen_music::plan::Chord;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_music::variation::NoteDials;
use resonantgen_session::{Request, Session};
use resonantgen_take::GenerationSettings;

use super::Cancellation;
use super::follow::QueuedChord;
use crate::params::{ResonantParams, SeedMode};

/// Sixteenths in a quarter note.
const STEPS_PER_QUARTER: f64 = 4.0;
/// Number of sixteenths after which seeds by place repeat (over three hours at 120 bpm).
const PLACES: f64 = 90_000.0;

/// Which tracks to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// All tracks that are not locked.
    All,
    /// One track.
    One(Track),
}

/// Parameters and host state at the moment of a request. Together with the prompt they determine the result. Plain data, so that
/// the audio thread can send it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trigger {
    /// Which tracks to generate.
    pub target: Target,
    /// Index of the prompt.
    pub slot: usize,
    /// The seed; `None` for the one after the last.
    pub seed: Option<u64>,
    /// Length in bars; `None` if the prompt decides.
    pub bars: Option<u32>,
    /// Settings of the generator.
    pub settings: GenerationSettings,
    /// Tempo in quarter notes per minute; `None` if the prompt decides.
    pub bpm: Option<f64>,
    /// Which tracks are locked (index as [`Track::ALL`]).
    pub locked: [bool; TRACK_COUNT],
    /// Number of the take chosen on each track (index as [`Track::ALL`]).
    pub takes: [Option<u32>; TRACK_COUNT],
    /// Position in the song in quarter notes; `None` for a request of the editor.
    pub beat: Option<f64>,
    /// Number of the section that it is for; `None` for the open one.
    pub section: Option<u32>,
}

impl Trigger {
    /// Reads the parameters. `host_bpm` is `None` if the host has no tempo; `beat` is `None` if the request comes from the editor
    /// and not from automation or notes. Realtime-safe.
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
                ..GenerationSettings::default()
            },
            bpm: host_bpm.filter(|_| params.follow_host.value()),
            locked: params.locked(),
            takes: params.takes(),
            beat,
            section: None,
        }
    }
}

/// Number of the sixteenth nearest to a beat; the same on every pass of the song.
fn place(beat: f64) -> u64 {
    let steps = (beat * STEPS_PER_QUARTER).round().rem_euclid(PLACES);
    if steps.is_finite() { steps as u64 } else { 0 }
}

/// Changes a session without generating. If it takes long, it checks whether it was cancelled.
type Change = Box<dyn FnOnce(&mut Session, &Cancellation<'_>) -> Result<(), String> + Send>;

/// Existing notes to be performed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Performance {
    /// Different chords under half bars, from the first: the notes there move to them. `None` leaves what is there.
    Chords(Vec<Option<Chord>>),
    /// A different sound for a track.
    Sound {
        /// The track.
        track: Track,
        /// Id of the patch.
        patch: String,
    },
    /// The notes of a track's take as its dials play them, as a take of their own.
    Varied {
        /// The track.
        track: Track,
        /// Positions of the dials.
        dials: NoteDials,
    },
    /// A score that was written for the take that plays, instead of it.
    Candidate {
        /// The track.
        track: Track,
        /// Number of the candidate.
        number: u32,
    },
}

/// A job for the worker.
pub enum Job {
    /// Generate.
    Make {
        /// What to generate.
        trigger: Trigger,
        /// Words relative to the track's take ("more aggressive"); empty for a plain new take.
        edit: String,
        /// Scores to write for each take, of which the best is performed and the others can be heard.
        candidates: u32,
    },
    /// Perform existing notes again.
    Perform {
        /// Which tracks are locked meanwhile (index as [`Track::ALL`]).
        locked: [bool; TRACK_COUNT],
        /// What to perform.
        performance: Performance,
    },
    /// Make a song of the loop, a section of it again, or some bars of a take.
    Song {
        /// Which tracks of the open section are locked (index as [`Track::ALL`]).
        locked: [bool; TRACK_COUNT],
        /// What is asked for.
        request: Box<Request>,
    },
    /// Undo, select a take, import and the like.
    Change {
        /// Which tracks are locked (index as [`Track::ALL`]).
        locked: [bool; TRACK_COUNT],
        /// The change. An error becomes a notice and leaves the session unchanged.
        change: Change,
    },
}

impl fmt::Debug for Job {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Make { trigger, edit, candidates } => formatter
                .debug_struct("Make")
                .field("trigger", trigger)
                .field("edit", edit)
                .field("candidates", candidates)
                .finish(),
            Self::Perform { performance, .. } => formatter.debug_tuple("Perform").field(performance).finish(),
            Self::Song { request, .. } => formatter.debug_tuple("Song").field(request).finish(),
            Self::Change { .. } => formatter.write_str("Change"),
        }
    }
}

impl Job {
    /// The tracks that it generates; `None` if it does not generate.
    #[must_use]
    pub fn target(&self) -> Option<Target> {
        match self {
            Self::Make { trigger, .. } => Some(trigger.target),
            Self::Perform { .. } | Self::Song { .. } | Self::Change { .. } => None,
        }
    }

    /// Whether it takes a candidate or a sound, which may be heard meanwhile.
    #[must_use]
    pub const fn takes_choice(&self) -> bool {
        matches!(
            self,
            Self::Perform { performance: Performance::Candidate { .. } | Performance::Sound { .. }, .. }
        )
    }

    /// The track that it gives another sound.
    const fn track_of_sound(&self) -> Option<Track> {
        match self {
            Self::Perform { performance: Performance::Sound { track, .. }, .. } => Some(*track),
            _ => None,
        }
    }

    /// Whether it makes takes, so that it is waited for and can be cancelled.
    #[must_use]
    pub const fn makes_takes(&self) -> bool {
        matches!(self, Self::Make { .. } | Self::Perform { .. } | Self::Song { .. })
    }
}

impl From<Trigger> for Job {
    fn from(trigger: Trigger) -> Self {
        Self::Make { trigger, edit: String::new(), candidates: 1 }
    }
}

/// Increments a counter for as long as it exists.
#[derive(Debug)]
pub struct Count(Arc<AtomicU32>);

impl Count {
    /// Increments `counter`.
    #[must_use]
    pub fn new(counter: &Arc<AtomicU32>) -> Self {
        counter.fetch_add(1, Ordering::AcqRel);
        Self::counted(counter)
    }

    /// Takes over an increment that was already made.
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

/// A job in the queue, and the session that it belongs to.
#[derive(Debug)]
pub struct QueuedJob {
    /// The job.
    pub job: Job,
    /// The epoch that it belongs to. It is dropped if another session was restored since.
    pub epoch: u64,
    /// Increases from job to job. Cancelling concerns all jobs below a number.
    pub ticket: u64,
    /// Whether automation or a note requested it.
    pub is_of_song: bool,
    /// Offline renders wait until this is dropped.
    pub pending: Count,
    /// The job can be cancelled until this is dropped.
    pub awaited: Option<Count>,
}

/// A message to the worker.
#[derive(Debug)]
pub enum Command {
    /// Do a job.
    Job(QueuedJob),
    /// Perform the loop over a chord that was played.
    Follow(QueuedChord),
    /// Something has changed: check whether there is work. Offline renders wait until the count is dropped.
    Look(Option<Count>),
    /// The host has saved the project.
    Saved,
}

/// Appends a job to the queue. A generation of all tracks replaces all queued generations; a generation that the song requests
/// replaces an earlier one of the same track; of the sounds that are tried in quick succession only the last counts. Returns the jobs
/// that are replaced.
pub fn enqueue(queue: &mut VecDeque<QueuedJob>, job: QueuedJob) -> VecDeque<QueuedJob> {
    let (sound, target) = (job.job.track_of_sound(), job.job.target());
    let is_replaced = |waiting: &QueuedJob| {
        let of_sound = sound.is_some() && waiting.job.track_of_sound() == sound;
        let of_target = match target {
            Some(Target::All) => waiting.job.target().is_some(),
            Some(_) if job.is_of_song => waiting.is_of_song && waiting.job.target() == target,
            _ => false,
        };
        of_sound || of_target
    };
    let (replaced, kept) = queue.drain(..).partition(is_replaced);
    *queue = kept;
    queue.push_back(job);
    replaced
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
            section: None,
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
        // Requests of the editor are all kept, because edits build on one another.
        enqueue(&mut queue, queued(&counter, bass, false, 200));
        enqueue(&mut queue, queued(&counter, bass, false, 201));
        assert_eq!(tickets(&queue), [198, 199, 200, 201]);
        enqueue(&mut queue, queued(&counter, Target::All, true, 202));
        assert_eq!(tickets(&queue), [202]);
        queue.clear();
        assert_eq!(counter.load(Ordering::Acquire), 0);
    }
}
