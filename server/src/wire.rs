//! What travels between server and client, as JSON.
//!
//! Fields are only ever added; a server refuses fields it does not know, so that nothing is silently ignored.

mod convert;

#[cfg(feature = "serve")]
pub(crate) use convert::settings;
pub use convert::{ConvertError, session_request};

use serde::{Deserialize, Serialize};

/// Content type of a whole session as bytes, audio included.
pub const SESSION_TYPE: &str = "application/vnd.resonantgen.session";
/// Content type of [`Problem`].
pub const PROBLEM_TYPE: &str = "application/problem+json";

/// One of the four tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum TrackName {
    /// Drums and percussion.
    Drums,
    /// Bass line.
    Bass,
    /// Chords, pads, stabs.
    Harmony,
    /// Lead line.
    Melody,
}

/// What to generate. All that is left out follows from the prompt and the seed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GenerateRequest {
    /// What you want to hear, in English; at most 2,000 characters.
    #[cfg_attr(feature = "serve", schema(example = "dark techno with driving bass", max_length = 2000))]
    pub prompt: String,
    /// Fixes every random choice; left out, the server chooses one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Tracks to make; left out, all four. Locked ones stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracks: Option<Vec<TrackName>>,
    /// Tempo in quarter notes per minute, 40 to 240.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bpm: Option<f64>,
    /// Key, like "A minor".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Time signature, like "4/4".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter: Option<String>,
    /// Length in bars, 1 to 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bars: Option<u32>,
    /// Chords to spread over the bars, like `["Am", "F"]`; at most 128.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chords: Option<Vec<String>>,
    /// Roman numerals in the key, like `["i", "VI"]`; `chords` win over them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numerals: Option<Vec<String>>,
    /// Style that wins over the prompt's, like "techno".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<String>,
    /// How far the result may stray from the obvious, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variation: Option<f32>,
    /// How strictly the prompt is followed, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adherence: Option<f32>,
}

/// How one track shall be made anew.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RegenerateRequest {
    /// What shall change, relative to the take at hand; empty asks for another take of the same.
    #[serde(default)]
    #[cfg_attr(feature = "serve", schema(example = "more aggressive, fewer notes"))]
    pub edit: String,
    /// Fixes every random choice; left out, one more than the present take's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How far the result may stray from the obvious, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variation: Option<f32>,
    /// How strictly the prompt is followed, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adherence: Option<f32>,
}

/// Which take of a track's history shall play.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SelectRequest {
    /// Id of the take.
    pub take: String,
}

/// A session: four tracks and what they share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct SessionView {
    /// Identity, 32 hexadecimal digits.
    pub id: String,
    /// What was typed for the whole piece.
    pub prompt: String,
    /// What was understood, in one line; `null` before the first generation.
    pub summary: Option<String>,
    /// The same in pieces.
    pub understood: Vec<UnderstoodView>,
    /// Words that nothing was made of.
    pub unknown: Vec<String>,
    /// Seed of the last generation.
    pub seed: u64,
    /// What the tracks share; `null` before the first generation.
    pub plan: Option<PlanView>,
    /// Models of the last generation.
    pub bundle: Option<BundleView>,
    /// The four tracks: drums, bass, harmony, melody.
    pub tracks: Vec<TrackView>,
    /// Whether a change can be taken back.
    pub can_undo: bool,
    /// Whether an undone change can be done again.
    pub can_redo: bool,
    /// The job that is changing this session now.
    pub job: Option<String>,
}

/// One thing that was understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct UnderstoodView {
    /// What it speaks of: "style", "tempo", "key", "bass" and so on.
    pub about: String,
    /// In words.
    pub text: String,
}

/// A session in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct SessionEntry {
    /// Identity, 32 hexadecimal digits.
    pub id: String,
}

/// Tempo, key and chords.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct PlanView {
    /// Tempo in quarter notes per minute.
    pub bpm: f64,
    /// Key, like "A minor".
    pub key: String,
    /// Time signature, like "4/4".
    pub meter: String,
    /// Length in bars.
    pub bars: u32,
    /// One chord per half bar.
    pub chords: Vec<String>,
    /// Length of the loop in seconds.
    pub seconds: f64,
}

/// One track of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct TrackView {
    /// Which.
    pub track: TrackName,
    /// A locked track's take may not change.
    pub locked: bool,
    /// Id of the take that plays; `null` when the track is silent.
    pub take: Option<String>,
    /// The track's history, the oldest take first.
    pub takes: Vec<TakeView>,
}

/// One finished generation of one track; immutable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct TakeView {
    /// Identity, 32 hexadecimal digits: the same recipe has the same id.
    pub id: String,
    /// What was typed for it.
    pub prompt: String,
    /// The timbre that performed it.
    pub patch: String,
    /// Seed of its random choices.
    pub seed: u64,
    /// How many notes it has.
    pub notes: usize,
    /// Length in seconds.
    pub seconds: f64,
    /// It is never forgotten.
    pub favourite: bool,
}

/// Models and their licence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct BundleView {
    /// Identity of the bundle.
    pub id: String,
    /// Licence of its weights.
    pub licence: String,
}

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum JobKind {
    /// All unlocked tracks that were asked for.
    Generate,
    /// One track.
    Regenerate,
}

/// How far a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Waits for its turn.
    Queued,
    /// Is being worked on.
    Running,
    /// Its takes are in the session, and on disk.
    Done,
    /// Could not be done; the session is as it was.
    Failed,
    /// Was cancelled; the session is as it was.
    Cancelled,
    /// The server ended while it ran; the session is as it was.
    Interrupted,
}

impl JobState {
    /// Whether nothing will change any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// A generation, from its acceptance to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct JobView {
    /// Identity, 32 hexadecimal digits.
    pub id: String,
    /// The session it changes.
    pub session: String,
    /// What it does.
    pub kind: JobKind,
    /// How far it has come.
    pub state: JobState,
    /// Grows with each change of this view; give it back as `after` or `Last-Event-ID`.
    pub version: u64,
    /// How many jobs come before it, while it waits.
    pub ahead: Option<usize>,
    /// Progress of the tracks that it makes, in the order in which they began.
    pub progress: Vec<TrackProgress>,
    /// Why it failed, in words.
    pub error: Option<String>,
    /// Ids of the takes that play after it, of the tracks that it changed.
    pub takes: Vec<String>,
    /// What of the request is not met, in words: contradictions, words that nothing was made of, and what kept takes do not allow.
    /// Told when the job begins, and not after the server was started anew.
    #[serde(default)]
    pub notices: Vec<String>,
}

/// Progress of one track.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct TrackProgress {
    /// Which.
    pub track: TrackName,
    /// What is being done.
    pub stage: StageName,
    /// Done part of the stage, 0 to 1.
    pub fraction: f32,
}

/// A stage of making a take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum StageName {
    /// Writing the score.
    Compose,
    /// Turning the score into codec tokens.
    Perform,
    /// Rendering the tokens to audio.
    Decode,
}

/// Whether the server works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct Health {
    /// "ok", or "closing" while the server ends.
    pub status: String,
    /// Version of the program.
    pub version: String,
    /// Whether requests need a token.
    pub token: bool,
}

/// What went wrong (RFC 9457).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct Problem {
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request, and what to do.
    pub detail: String,
}
