//! Format 5: plain data as written. Once a release writes a format, it is frozen; additions go into the next one.
//!
//! Styles, moods, instruments and tracks are names, never list positions, so that versions with different sets of them can read
//! each other's records.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The number of this format.
pub const FORM: u32 = 5;

/// A session without audio.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    pub version: u32,
    pub prompt: String,
    /// The meaning of the prompt in one line, for people; never read.
    #[serde(default)]
    pub summary: String,
    pub seed: u64,
    pub plan: Option<Plan>,
    pub bundle: Option<Bundle>,
    pub intent: Option<Intent>,
    pub tracks: Vec<Track>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answer>,
    /// Steps to undo and redo, the latest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undo: Vec<Step>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redo: Vec<Step>,
    /// Hashes of the inputs of derived files, by file name. A file is written again when its hash changes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// The sections and their order; absent if there is only one. The fields above belong to the open section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub song: Option<Song>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Song {
    pub sections: Vec<Section>,
    pub order: Vec<Part>,
    /// Id of the open section.
    pub open: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Section {
    pub id: u32,
    /// The number by which it is chosen; 0, or absent, where it was not given one.
    #[serde(default)]
    pub number: u32,
    pub name: String,
    /// Like "chorus"; unknown kinds are read as "a".
    pub kind: String,
    /// Like "#de605c".
    pub colour: String,
    pub energy: f32,
    /// Absent for the open section of a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Part {
    pub section: u32,
    pub repeats: u32,
}

/// The content of a section.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Content {
    pub prompt: String,
    pub seed: u64,
    pub plan: Option<Plan>,
    pub bundle: Option<Bundle>,
    pub intent: Option<Intent>,
    pub tracks: Vec<SectionTrack>,
}

/// A track of a section: its takes are those of the session's tracks, by id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SectionTrack {
    pub track: String,
    pub locked: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playing: Option<String>,
    /// Ids of the history, the oldest first.
    pub takes: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub favourites: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_before: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub numbers: BTreeMap<String, u32>,
    #[serde(default)]
    pub last_number: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bundle {
    pub id: String,
    pub licence: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Track {
    pub track: String,
    pub locked: bool,
    /// Id of the patch that new takes are played with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_sound: Option<String>,
    /// Id of the playing take.
    pub playing: Option<String>,
    /// The history, the oldest first.
    pub takes: Vec<Take>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub favourites: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_before: Option<String>,
    /// Numbers of the takes.
    #[serde(default)]
    pub numbers: BTreeMap<String, u32>,
    #[serde(default)]
    pub last_number: u32,
    /// Takes that only `undo` and `redo` refer to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forgotten: Vec<Take>,
    /// Takes that are only in the histories of other sections.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<Take>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    pub question: String,
    /// Ids by track.
    pub takes: BTreeMap<String, String>,
}

/// One step of undo or redo.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    pub prompt: String,
    pub seed: u64,
    pub plan: Option<Plan>,
    pub bundle: Option<Bundle>,
    pub intent: Option<Intent>,
    /// By track.
    pub tracks: BTreeMap<String, StepTrack>,
    /// The song, if there is more than one loop. Histories contain the takes that played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub song: Option<Song>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepTrack {
    pub locked: bool,
    pub take: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_before: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Take {
    pub id: String,
    pub recipe: Recipe,
    pub patch: String,
    pub timings: Timings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measures: Option<Measures>,
    /// SHA-256 of the audio: each audio frame's left and right sample as little-endian i32.
    pub audio_sha256: String,
    /// SHA-256 of the FLAC file with the audio; absent if it is not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flac_sha256: Option<String>,
    pub score: Score,
    pub tokens: Tokens,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recipe {
    pub prompt: String,
    pub intent: Intent,
    pub plan: Plan,
    pub seed: u64,
    pub settings: Settings,
    pub bundle_id: String,
    /// Ids of the takes in its context.
    pub context: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<Import>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_patch: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_over: Option<TakenOver>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TakenOver {
    /// Id of the take that the notes were composed for.
    pub from: String,
    pub patch: String,
    /// How they were varied; absent if they were not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dials: Option<NoteDials>,
}

/// Positions of dials, from -2 to 2.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct NoteDials {
    pub density: i8,
    pub complexity: i8,
    pub fills: i8,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Import {
    pub name: String,
    pub sha256: String,
    pub start_seconds: f64,
    pub bpm: f64,
    pub bars: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    pub variation: f32,
    pub adherence: f32,
    /// Version of the finishing for which it was made; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    pub bpm: f64,
    /// Like "A minor".
    pub key: String,
    /// Like "4/4".
    pub meter: String,
    pub bars: u32,
    /// Chord symbols, one for each half bar.
    pub chords: Vec<String>,
    #[serde(default)]
    pub swing: Swing,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Swing {
    pub unit_steps: u32,
    pub ratio: f64,
}

impl Default for Swing {
    fn default() -> Self {
        Self { unit_steps: 1, ratio: 0.5 }
    }
}

/// The meaning of a prompt. Facts that it leaves open are absent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Intent {
    /// Weights by the styles' names; those of weight 0 are absent.
    pub styles: BTreeMap<String, f32>,
    /// Named genres with weights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub genres: Vec<(String, f32)>,
    pub attributes: Attributes,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moods: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bpm: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    #[serde(default)]
    pub pace: f32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual_bpm: Option<f64>,
    /// Lowest and highest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bpm_range: Option<(f64, f64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bars: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swing: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chords: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numerals: Vec<String>,
    /// "half_time" or "double_time".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feel: Option<String>,
    /// Groove template and looseness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groove: Option<(String, f32)>,
    /// By track.
    pub tracks: BTreeMap<String, TrackIntent>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Attributes {
    pub energy: f32,
    pub density: f32,
    pub brightness: f32,
    pub aggression: f32,
    pub complexity: f32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TrackIntent {
    pub attributes: Attributes,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moods: Vec<String>,
    /// Properties of the sound, with their strengths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sound: Vec<(String, f32)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instruments: Vec<String>,
    #[serde(default)]
    pub absent: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    #[serde(default)]
    pub octave: i8,
    #[serde(default)]
    pub closeness: f32,
    #[serde(default)]
    pub follow_kick: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
}

/// A part whose groove and register a track follows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reference {
    pub meter: String,
    pub patterns: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<(u8, u8)>,
    pub length: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voices: Option<(u32, u32)>,
}

/// A track's role in its section of a song.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Shape {
    pub enters_bar: u32,
    pub leaves_bar: Option<u32>,
    pub fill: bool,
    pub rises: bool,
    pub gap_steps: u32,
    pub lands: bool,
    pub ends: bool,
    pub level_db: f32,
    pub patch: Option<String>,
    pub new_bars: Option<Vec<u32>>,
    pub keeps_sound: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Timings {
    pub compose: f64,
    pub perform: f64,
    pub decode: f64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Measures {
    pub on_grid: Option<f32>,
    pub in_scale: Option<f32>,
    pub chord_tones: Option<f32>,
    pub downbeat_roots: Option<f32>,
    pub repetition: Option<f32>,
    pub onsets_per_bar: f32,
    pub empty_bars: f32,
    pub notes_heard: Option<f32>,
    pub silence: f32,
    pub clicks: u32,
    pub seam: f32,
    pub centroid_hz: Option<f32>,
    pub bands: Vec<f32>,
    pub in_band: Option<f32>,
    pub loudness_lufs: Option<f32>,
    pub true_peak_dbtp: Option<f32>,
    pub candidates: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Score {
    pub notes: Vec<Note>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Note {
    pub step: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset: f32,
    pub length: f32,
    /// MIDI pitch; of drums the General MIDI key.
    pub pitch: u8,
    pub velocity: u8,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(value: &f32) -> bool {
    *value == 0.0
}

/// Codec tokens in compact form: four hexadecimal digits per code.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tokens {
    pub codebooks: usize,
    pub codes: String,
}
