//! Why an operation on a session was refused.

use resonantgen_music::track::Track;
use resonantgen_take::maker::{GenerateError, MOST_CANDIDATES};
use resonantgen_words::PlanError;
use resonantgen_words::PromptError;
use resonantgen_words::form::{FormError, MOST_BARS, MOST_PARTS, MOST_REPEATS, MOST_SECTIONS};

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
        /// The requested index, from 0.
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
        /// The requested half bar, from 0.
        half_bar: usize,
        /// Half bars of the plan.
        count: usize,
    },
    /// A locked track plays the chord.
    #[error("{0} is locked and plays this chord: unlock it first, then change the chord")]
    ChordInUse(Track),
    /// The number of candidates is out of range.
    #[error("{0} candidates: use 1 to {MOST_CANDIDATES}")]
    Candidates(u32),
    /// The take that plays has no such candidate.
    #[error("{track} has no candidate {number} to hear: ask for candidates when you generate it")]
    NoSuchCandidate {
        /// Track.
        track: Track,
        /// Its number, from 1.
        number: u32,
    },
    /// The form of a song is not valid.
    #[error(transparent)]
    Form(#[from] FormError),
    /// There is no section with that name.
    #[error("there is no section '{wanted}': there are {known}")]
    NoSuchSection {
        /// The requested name.
        wanted: String,
        /// The existing sections.
        known: String,
    },
    /// The section was deleted.
    #[error("that section is gone: undo brings it back")]
    SectionGone,
    /// The song already has the maximum number of sections.
    #[error("the song has {MOST_SECTIONS} sections, which is the most: delete one first")]
    TooManySections,
    /// The order already has the maximum number of entries.
    #[error("the order has {MOST_PARTS} entries, which is the most: remove one first")]
    TooManyParts,
    /// A song must have a section.
    #[error("it is the only section that is played, so it cannot go: add another to the song first")]
    LastSection,
    /// A number of repeats is out of range.
    #[error(
        "a section cannot be played {0} times in a row: use 1 to {MOST_REPEATS}, or take it out of the order"
    )]
    Repeats(u32),
    /// The song would be too long.
    #[error("the song would have {0} bars: the most is {MOST_BARS}")]
    SongTooLong(u32),
    /// There is no such entry in the order.
    #[error("there is no entry {}: the order has {count}, counted from 1", index + 1)]
    NoSuchPart {
        /// The requested index, from 0.
        index: usize,
        /// Entries in the order.
        count: usize,
    },
    /// A section cannot have that name.
    #[error("{}", section_name(name, *most, *is_taken))]
    SectionName {
        /// The requested name.
        name: String,
        /// Maximum length of a name, in characters.
        most: usize,
        /// Whether another section has it.
        is_taken: bool,
    },
    /// The track is locked in a section.
    #[error("{track} is locked in {section}, so its take may not change: unlock it there first")]
    LockedInSection {
        /// Track.
        track: Track,
        /// Name of the section.
        section: String,
    },
    /// All tracks of a section are locked.
    #[error("all tracks of {0} are locked, so there is nothing to generate: unlock one first")]
    AllLockedInSection(String),
    /// There are no such bars.
    #[error("there are no bars {first}-{last}: it has {count}, counted from 1")]
    NoSuchBars {
        /// First requested bar, from 1.
        first: u32,
        /// Last bar.
        last: u32,
        /// Bars of the plan.
        count: u32,
    },
    /// A track without a take has no bars to regenerate.
    #[error("{0} has no take, so there are no bars to regenerate: generate it first")]
    NoTakeForBars(Track),
    /// Bars of an imported take cannot be regenerated.
    #[error("{0} plays an imported loop: some bars can only be regenerated in generated takes")]
    ImportedBars(Track),
    /// A setting is out of range.
    #[error("{name} of {value} is out of range: use 0 to 1")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// The value that was given.
        value: f32,
    },
}

fn section_name(name: &str, most: usize, is_taken: bool) -> String {
    if is_taken {
        format!("another section is called '{name}': choose another name")
    } else {
        format!("a section's name has 1 to {most} characters, without line breaks")
    }
}
