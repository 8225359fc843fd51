//! The JSON types exchanged by server and client.
//!
//! Fields are only ever added. A server refuses unknown fields, so that nothing is silently ignored.

mod convert;
mod song;

pub use convert::ConvertError;
pub use song::{ChangeError, PartView, SectionChange, SectionRequest, SectionView, SongRequest, SongView};

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

/// What to generate. Omitted fields follow from the prompt and the seed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GenerateRequest {
    /// What you want to hear, in English; at most 2,000 characters.
    #[cfg_attr(feature = "serve", schema(example = "dark techno with driving bass", max_length = 2000))]
    pub prompt: String,
    /// Seed of every random choice; chosen by the server if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Tracks to generate; all four if omitted. Locked ones do not change.
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
    /// Roman numerals in the key, like `["i", "VI"]`; `chords` override them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numerals: Option<Vec<String>>,
    /// Style that overrides the prompt's, like "techno".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<String>,
    /// How far the result may stray from the obvious, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variation: Option<f32>,
    /// How strictly to follow the prompt, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adherence: Option<f32>,
    /// How many scores to write for each track, 1 to 32, of which the best is performed; 1 if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidates: Option<u32>,
    /// Whether the prompt is an edit of the takes that play, like "darker", which keeps tempo, key and chords.
    #[serde(default, skip_serializing_if = "is_false")]
    pub edit: bool,
    /// Whether takes of this same prompt keep the words by which they were edited since.
    #[serde(default, skip_serializing_if = "is_false")]
    pub keep_edits: bool,
    /// Id of the section to generate in; the open one if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<u32>,
}

fn is_false(value: &bool) -> bool {
    !*value
}

/// How to regenerate one track.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RegenerateRequest {
    /// What to change, relative to the current take; empty requests another take of the same.
    #[serde(default)]
    #[cfg_attr(feature = "serve", schema(example = "more aggressive, fewer notes"))]
    pub edit: String,
    /// Seed of every random choice; one more than the current take's if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How far the result may stray from the obvious, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variation: Option<f32>,
    /// How strictly to follow the prompt, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adherence: Option<f32>,
    /// How many scores to write, 1 to 32, of which the best is performed; 1 if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidates: Option<u32>,
    /// Id of the section; the open one if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<u32>,
    /// First and last bar to write anew, counted from 1; all others keep their notes and samples. Only without an edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "serve", schema(example = json!([5, 6])))]
    pub bars: Option<[u32; 2]>,
    /// A part whose groove and register the new take follows, with other notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<Like>,
}

/// A part that a new take follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Like {
    /// A take of the same track in this session, an imported one too, by its id.
    #[cfg_attr(feature = "serve", schema(example = "4f0c1a"))]
    Take(String),
    /// A part that was measured elsewhere.
    Part(Part),
}

/// What a new take follows of a part: where and how it plays, not its notes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Meter of the rhythms, like "4/4".
    pub meter: String,
    /// Rhythm of each voice of drums, otherwise of the whole part.
    pub rhythms: Vec<Rhythm>,
    /// Lowest and highest MIDI pitch; `null` for drums.
    pub register: Option<[u8; 2]>,
    /// How long the notes are: `free`, `short` or `long`.
    pub length: String,
    /// Fewest and most notes that start together; `null` for drums.
    pub voices: Option<[u32; 2]>,
}

/// The rhythm of a voice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Rhythm {
    /// The voice of drums, like "kick"; empty if the part has pitches.
    #[serde(default)]
    pub voice: String,
    /// A sign for each sixteenth, bars separated by `|`: `X` an accent, `x` a hit, `o` a frequent one, `?` open, `.` silence.
    #[cfg_attr(feature = "serve", schema(example = "X..x..x.X..x..x."))]
    pub steps: String,
}

/// Which take of a track's history to play.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SelectRequest {
    /// Id of the take.
    pub take: String,
}

/// Which sound to play a track's notes with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SoundRequest {
    /// Id of the sound.
    #[cfg_attr(feature = "serve", schema(example = "bass.acid_saw"))]
    pub sound: String,
    /// Whether all future takes get it, too.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hold: bool,
}

/// How to vary a track's notes: each dial from -2 (much fewer, plainer, none) to 2, at least one of them not 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct VaryRequest {
    /// How many notes are played.
    #[cfg_attr(feature = "serve", schema(minimum = -2, maximum = 2, example = -1))]
    pub density: i8,
    /// How rich the notes are.
    #[cfg_attr(feature = "serve", schema(minimum = -2, maximum = 2))]
    pub complexity: i8,
    /// Fills and pick-ups at the ends of phrases.
    #[cfg_attr(feature = "serve", schema(minimum = -2, maximum = 2))]
    pub fills: i8,
}

/// The sounds of a track.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct SoundsView {
    /// The track.
    pub track: TrackName,
    /// Id of the sound that plays; `null` when the track is silent.
    pub playing: Option<String>,
    /// Id of the sound that is held; `null` if none is.
    pub held: Option<String>,
    /// Those that match, the best first.
    pub sounds: Vec<SoundView>,
}

/// A sound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct SoundView {
    /// Id.
    pub id: String,
    /// Name for display.
    pub name: String,
    /// Instrument family, like "bass_synth".
    pub family: String,
    /// Words that describe it.
    pub tags: Vec<String>,
}

/// A session: four tracks and their shared plan, of one section or of each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct SessionView {
    /// Id, 32 hexadecimal digits.
    pub id: String,
    /// Prompt of the whole piece.
    pub prompt: String,
    /// How the prompt was understood, in one line; `null` before the first generation.
    pub summary: Option<String>,
    /// The same, split into facts.
    pub understood: Vec<UnderstoodView>,
    /// Words that were not understood.
    pub unknown: Vec<String>,
    /// Seed of the last generation.
    pub seed: u64,
    /// The shared plan; `null` before the first generation.
    pub plan: Option<PlanView>,
    /// Models of the last generation.
    pub bundle: Option<BundleView>,
    /// The four tracks: drums, bass, harmony, melody. These and the plan are the open section's.
    pub tracks: Vec<TrackView>,
    /// Its sections and their order.
    #[serde(default)]
    pub song: SongView,
    /// Whether a change can be undone.
    pub can_undo: bool,
    /// Whether an undone change can be redone.
    pub can_redo: bool,
    /// The job that is changing this session.
    pub job: Option<String>,
}

/// One fact that was understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct UnderstoodView {
    /// The subject: "style", "tempo", "key", "bass" and so on.
    pub about: String,
    /// The fact, in words.
    pub text: String,
}

/// A session in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct SessionEntry {
    /// Id, 32 hexadecimal digits.
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
    /// The track.
    pub track: TrackName,
    /// Whether the track is locked, so that its take may not change.
    pub locked: bool,
    /// Id of the take that plays; `null` when the track is silent.
    pub take: Option<String>,
    /// Id of the sound that all future takes get; `null` if the prompt chooses it.
    #[serde(default)]
    pub held_sound: Option<String>,
    /// The track's history, the oldest take first.
    pub takes: Vec<TakeView>,
}

/// One finished generation of one track; immutable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct TakeView {
    /// Id, 32 hexadecimal digits: equal recipes have equal ids.
    pub id: String,
    /// Its prompt.
    pub prompt: String,
    /// The timbre that performed it.
    pub patch: String,
    /// Seed of its random choices.
    pub seed: u64,
    /// Number of notes.
    pub notes: usize,
    /// Length in seconds.
    pub seconds: f64,
    /// Whether the take is kept for ever.
    pub favourite: bool,
    /// Whether its audio is lost on the server's disk. The server makes a lost take again from its recipe as soon as the take plays
    /// or its audio is asked for; imported audio cannot be made again.
    #[serde(default)]
    pub lost: bool,
}

/// Models and their licence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct BundleView {
    /// Id of the bundle.
    pub id: String,
    /// Licence of its weights.
    pub licence: String,
}

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum JobKind {
    /// Generates all requested unlocked tracks.
    Generate,
    /// Regenerates one track.
    Regenerate,
    /// Makes a song of a loop.
    Song,
    /// Makes a section of a song again.
    Section,
    /// Plays the notes of a track with another sound.
    Sound,
    /// Plays varied notes of a track.
    Vary,
}

/// State of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Waiting in the queue.
    Queued,
    /// Running.
    Running,
    /// Done; the takes are in the session and on disk.
    Done,
    /// Failed; the session is unchanged.
    Failed,
    /// Cancelled; the session is unchanged.
    Cancelled,
    /// The server stopped during the job; the session is unchanged.
    Interrupted,
}

impl JobState {
    /// Whether the state is final.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// A generation, from its acceptance to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct JobView {
    /// Id, 32 hexadecimal digits.
    pub id: String,
    /// The session it changes.
    pub session: String,
    /// What it does.
    pub kind: JobKind,
    /// Its state.
    pub state: JobState,
    /// Grows with each change of this view; pass it back as `after` or `Last-Event-ID`.
    pub version: u64,
    /// Number of jobs ahead of it, while it is queued.
    pub ahead: Option<usize>,
    /// Progress of its tracks, in the order in which they started.
    pub progress: Vec<TrackProgress>,
    /// Why it failed, in words.
    pub error: Option<String>,
    /// Ids of the takes that play afterwards, for the tracks that it changed.
    pub takes: Vec<String>,
    /// Parts of the request that are not met, in words: contradictions, words that were not understood, and what kept takes do
    /// not allow. Set when the job starts; lost when the server restarts.
    #[serde(default)]
    pub notices: Vec<String>,
}

/// Progress of one track.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct TrackProgress {
    /// The track.
    pub track: TrackName,
    /// Its current stage.
    pub stage: StageName,
    /// Completed fraction of the stage, 0 to 1.
    pub fraction: f32,
}

/// A stage of generation.
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
    /// "ok", or "closing" while the server stops.
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
