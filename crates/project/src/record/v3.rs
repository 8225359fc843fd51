//! Forms 1 to 3. Form 2 added favourites, undo and imported takes, form 3 added takes without audio and numbers. They are only read;
//! [`migrate`] converts them to form 5.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::v5;

/// The styles of these forms, in the order in which their weights were stored.
const STYLES: [&str; 12] = [
    "techno",
    "house",
    "hiphop",
    "trap",
    "dnb",
    "rock",
    "pop",
    "ambient",
    "jazz",
    "funk",
    "synthwave",
    "cinematic",
];
/// The tracks, in the order in which lists by track were stored.
const TRACKS: [&str; 4] = ["drums", "bass", "harmony", "melody"];

#[derive(Debug, Deserialize)]
pub(super) struct Session {
    prompt: String,
    seed: u64,
    plan: Option<v5::Plan>,
    bundle: Option<v5::Bundle>,
    intent: Option<Intent>,
    tracks: Vec<Track>,
    #[serde(default)]
    answers: Vec<Answer>,
    #[serde(default)]
    undo: Vec<Step>,
    #[serde(default)]
    redo: Vec<Step>,
}

#[derive(Debug, Deserialize)]
struct Track {
    track: String,
    locked: bool,
    /// Index into `takes`.
    current: Option<usize>,
    takes: Vec<Take>,
    #[serde(default)]
    favourites: BTreeSet<String>,
    #[serde(default)]
    heard_before: Option<String>,
    #[serde(default)]
    numbers: Numbers,
    #[serde(default)]
    forgotten: Vec<Take>,
}

#[derive(Debug, Default, Deserialize)]
struct Numbers {
    of: BTreeMap<String, u32>,
    last: u32,
}

#[derive(Debug, Deserialize)]
struct Answer {
    question: String,
    /// By track.
    takes: [Option<String>; 4],
}

#[derive(Debug, Deserialize)]
struct Step {
    prompt: String,
    seed: u64,
    plan: Option<v5::Plan>,
    bundle: Option<v5::Bundle>,
    intent: Option<Intent>,
    /// By track.
    tracks: Vec<v5::StepTrack>,
}

#[derive(Debug, Deserialize)]
struct Take {
    id: String,
    recipe: Recipe,
    patch: String,
    timings: v5::Timings,
    #[serde(default)]
    measures: Option<v5::Measures>,
    audio_sha256: String,
    score: v5::Score,
    tokens: v5::Tokens,
}

#[derive(Debug, Deserialize)]
struct Recipe {
    prompt: String,
    intent: Intent,
    plan: v5::Plan,
    seed: u64,
    settings: v5::Settings,
    bundle_id: String,
    context: Vec<String>,
    #[serde(default)]
    imported: Option<v5::Import>,
}

#[derive(Debug, Deserialize)]
struct Intent {
    styles: [f32; STYLES.len()],
    #[serde(default)]
    genres: Vec<(String, f32)>,
    attributes: v5::Attributes,
    #[serde(default)]
    moods: Vec<String>,
    bpm: Option<f64>,
    key: Option<String>,
    #[serde(default)]
    mode: Option<String>,
    #[serde(default)]
    pace: f32,
    #[serde(default)]
    usual_bpm: Option<f64>,
    #[serde(default)]
    bpm_range: Option<(f64, f64)>,
    #[serde(default)]
    seconds: Option<f64>,
    meter: Option<String>,
    bars: Option<u32>,
    #[serde(default)]
    swing: Option<f64>,
    chords: Option<Vec<String>>,
    #[serde(default)]
    numerals: Vec<String>,
    #[serde(default)]
    feel: Option<String>,
    tracks: [v5::TrackIntent; TRACKS.len()],
    #[serde(default)]
    unknown: Vec<String>,
    #[serde(default)]
    notes: Vec<String>,
}

/// Converts a session to form 5.
pub(super) fn migrate(old: Session) -> v5::Session {
    v5::Session {
        version: v5::FORM,
        prompt: old.prompt,
        summary: String::new(),
        seed: old.seed,
        plan: old.plan,
        bundle: old.bundle,
        intent: old.intent.map(intent),
        tracks: old.tracks.into_iter().map(track).collect(),
        answers: old.answers.into_iter().map(answer).collect(),
        undo: old.undo.into_iter().map(step).collect(),
        redo: old.redo.into_iter().map(step).collect(),
        files: BTreeMap::new(),
        song: None,
    }
}

fn track(old: Track) -> v5::Track {
    let playing = old.current.and_then(|index| old.takes.get(index)).map(|take| take.id.clone());
    v5::Track {
        track: old.track,
        locked: old.locked,
        held_sound: None,
        playing,
        takes: old.takes.into_iter().map(take).collect(),
        favourites: old.favourites,
        heard_before: old.heard_before,
        numbers: old.numbers.of,
        last_number: old.numbers.last,
        forgotten: old.forgotten.into_iter().map(take).collect(),
        elsewhere: Vec::new(),
    }
}

fn answer(old: Answer) -> v5::Answer {
    let takes = TRACKS.into_iter().zip(old.takes);
    let takes = takes.filter_map(|(track, id)| Some((track.to_owned(), id?))).collect();
    v5::Answer { question: old.question, takes }
}

fn step(old: Step) -> v5::Step {
    v5::Step {
        prompt: old.prompt,
        seed: old.seed,
        plan: old.plan,
        bundle: old.bundle,
        intent: old.intent.map(intent),
        tracks: TRACKS.into_iter().map(str::to_owned).zip(old.tracks).collect(),
        song: None,
    }
}

fn take(old: Take) -> v5::Take {
    let recipe = old.recipe;
    v5::Take {
        id: old.id,
        recipe: v5::Recipe {
            prompt: recipe.prompt,
            intent: intent(recipe.intent),
            plan: recipe.plan,
            seed: recipe.seed,
            settings: recipe.settings,
            bundle_id: recipe.bundle_id,
            context: recipe.context,
            imported: recipe.imported,
            held_patch: None,
            taken_over: None,
        },
        patch: old.patch,
        timings: old.timings,
        measures: old.measures,
        audio_sha256: old.audio_sha256,
        flac_sha256: None,
        score: old.score,
        tokens: old.tokens,
    }
}

fn intent(old: Intent) -> v5::Intent {
    let styles = STYLES.into_iter().zip(old.styles).filter(|(_, weight)| *weight != 0.0);
    v5::Intent {
        styles: styles.map(|(style, weight)| (style.to_owned(), weight)).collect(),
        genres: old.genres,
        attributes: old.attributes,
        moods: old.moods,
        bpm: old.bpm,
        key: old.key,
        mode: old.mode,
        pace: old.pace,
        usual_bpm: old.usual_bpm,
        bpm_range: old.bpm_range,
        seconds: old.seconds,
        meter: old.meter,
        bars: old.bars,
        swing: old.swing,
        chords: old.chords,
        numerals: old.numerals,
        feel: old.feel,
        groove: None,
        tracks: TRACKS.into_iter().map(str::to_owned).zip(old.tracks).collect(),
        unknown: old.unknown,
        notes: old.notes,
    }
}
