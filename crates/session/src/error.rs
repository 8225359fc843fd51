//! Why an operation on a session was refused.

use resonantgen_music::track::Track;
use resonantgen_take::maker::GenerateError;
use resonantgen_words::PlanError;
use resonantgen_words::PromptError;

/// Why an operation was refused. The session is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The prompt or the edit cannot be read.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// Nothing in the prompt is understood.
    #[error(
        "no word of the prompt is known here: name a style, a mood or an instrument in English, like \"dark techno with \
         driving bass\""
    )]
    NotUnderstood,
    /// The facts cannot be met.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A take could not be made.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// The track is locked.
    #[error("{0} is locked, so its take may not change: unlock it first")]
    Locked(Track),
    /// All chosen tracks are locked.
    #[error("all chosen tracks are locked, so there is nothing to generate: unlock one, or choose another")]
    AllLocked,
    /// No track was chosen.
    #[error("no track was chosen: choose drums, bass, harmony or melody")]
    NoTracks,
    /// The prompt asks for silence on all chosen tracks.
    #[error("the prompt leaves out all chosen tracks: choose others, or change the prompt")]
    AllAbsent,
    /// There is no take or plan yet.
    #[error("nothing was generated yet: generate first, then regenerate single tracks")]
    Empty,
    /// No action is left to undo.
    #[error("there is nothing to undo")]
    NothingToUndo,
    /// No undone action is left.
    #[error("there is nothing to redo")]
    NothingToRedo,
    /// There is no take to lock.
    #[error("{0} has no take to lock: generate it first")]
    NothingToLock(Track),
    /// The history holds no such take.
    #[error("{track} has no take {}: it has {count}, counted from 1", index + 1)]
    NoSuchTake {
        /// Track.
        track: Track,
        /// Index that was asked for, from 0.
        index: usize,
        /// Takes in the track's history.
        count: usize,
    },
    /// The track has the maximum number of favourites.
    #[error("{track} has {most} favourites, which is the most: take one off first")]
    TooManyFavourites {
        /// Track.
        track: Track,
        /// The maximum.
        most: usize,
    },
    /// The oldest take that fits is already playing.
    #[error("{0} has no older take that fits the other tracks")]
    NoOlderTake(Track),
    /// The newest take that fits is already playing.
    #[error("{0} has no newer take that fits the other tracks")]
    NoNewerTake(Track),
    /// No other take was heard before.
    #[error("{0} has played no other take yet that it could be compared with")]
    NothingToCompare(Track),
    /// The take has another tempo, meter or length than the other tracks.
    #[error(
        "that take of {track} is {take}, but the other tracks play {others}: undo returns to what played with it"
    )]
    OtherGrid {
        /// Track.
        track: Track,
        /// Length, meter and tempo of the take.
        take: String,
        /// The same for the other tracks.
        others: String,
    },
    /// There is no such half bar.
    #[error("there is no half bar {half_bar}: the plan has {count}, counted from 0")]
    NoSuchHalfBar {
        /// What was asked for.
        half_bar: usize,
        /// Half bars of the plan.
        count: usize,
    },
    /// A locked track plays the chord.
    #[error("{0} is locked and plays this chord: unlock it first, then change the chord")]
    ChordInUse(Track),
    /// A setting is out of range.
    #[error("{name} of {value} is out of range: use 0 to 1")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// What was given.
        value: f32,
    },
}
