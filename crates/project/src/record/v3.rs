//! Forms 1 to 3, which only added to each other: 2 favourites, undo and imported takes; 3 takes without sound and numbers.
//! They are read and never written again; [`migrate`] makes form 4 of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::v4;

/// The styles of these forms: weights were stored in this order.
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
    plan: Option<v4::Plan>,
    bundle: Option<v4::Bundle>,
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
    plan: Option<v4::Plan>,
    bundle: Option<v4::Bundle>,
    intent: Option<Intent>,
    /// By track.
    tracks: Vec<v4::StepTrack>,
}

#[derive(Debug, Deserialize)]
struct Take {
    id: String,
    recipe: Recipe,
    patch: String,
    timings: v4::Timings,
    #[serde(default)]
    measures: Option<v4::Measures>,
    audio_sha256: String,
    score: v4::Score,
    tokens: v4::Tokens,
}

#[derive(Debug, Deserialize)]
struct Recipe {
    prompt: String,
    intent: Intent,
    plan: v4::Plan,
    seed: u64,
    settings: v4::Settings,
    bundle_id: String,
    context: Vec<String>,
    #[serde(default)]
    imported: Option<v4::Import>,
}

#[derive(Debug, Deserialize)]
struct Intent {
    styles: [f32; STYLES.len()],
    #[serde(default)]
    genres: Vec<(String, f32)>,
    attributes: v4::Attributes,
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
    tracks: [v4::TrackIntent; TRACKS.len()],
    #[serde(default)]
    unknown: Vec<String>,
    #[serde(default)]
    notes: Vec<String>,
}

/// Form 4 of a session.
pub(super) fn migrate(old: Session) -> v4::Session {
    v4::Session {
        version: v4::FORM,
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
    }
}

fn track(old: Track) -> v4::Track {
    let playing = old.current.and_then(|index| old.takes.get(index)).map(|take| take.id.clone());
    v4::Track {
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
    }
}

fn answer(old: Answer) -> v4::Answer {
    let takes = TRACKS.into_iter().zip(old.takes);
    let takes = takes.filter_map(|(track, id)| Some((track.to_owned(), id?))).collect();
    v4::Answer { question: old.question, takes }
}

fn step(old: Step) -> v4::Step {
    v4::Step {
        prompt: old.prompt,
        seed: old.seed,
        plan: old.plan,
        bundle: old.bundle,
        intent: old.intent.map(intent),
        tracks: TRACKS.into_iter().map(str::to_owned).zip(old.tracks).collect(),
    }
}

fn take(old: Take) -> v4::Take {
    let recipe = old.recipe;
    v4::Take {
        id: old.id,
        recipe: v4::Recipe {
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

fn intent(old: Intent) -> v4::Intent {
    let styles = STYLES.into_iter().zip(old.styles).filter(|(_, weight)| *weight != 0.0);
    v4::Intent {
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
