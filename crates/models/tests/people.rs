//! Writes drums for `python -m resonant.groove_templates compare`, which tells them from those of people.
//!
//!     RESONANTGEN_DRUMS=FOLDER cargo test -p resonantgen-models --test people -- --ignored

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test, and figures for a person")]

use std::path::PathBuf;

use resonantgen_models::generator::{Silent, TakeRequest};
use resonantgen_music::midi::track_file;
use resonantgen_music::track::Track;
use resonantgen_take::GenerationSettings;
use resonantgen_words::{Overrides, make_plan, parse};

mod support;
use support::engine;

/// Styles of the Groove MIDI Dataset, what to ask for, and how many pieces: about as many of each as its test split has.
const WANTED: [(&str, &str, u64); 12] = [
    ("rock", "rock", 10),
    ("rock", "indie rock", 4),
    ("soul", "soul", 12),
    ("funk", "funk", 12),
    ("hiphop", "boom bap", 6),
    ("jazz", "jazz", 4),
    ("pop", "pop", 3),
    ("latin", "salsa", 2),
    ("latin", "bossa nova", 2),
    ("reggae", "reggae", 1),
    ("afrobeat", "afrobeat", 1),
    ("punk", "punk", 1),
];

/// Prompts whose drums people play, of those of `resonantgen evaluate`.
const PLAYED_BY_PEOPLE: [&str; 10] = [
    "dusty boom bap hip hop, 88 bpm",
    "jazzy hip hop in D minor, 92 bpm",
    "energetic rock, 140 bpm, E minor",
    "slow heavy rock in D minor, 80 bpm",
    "happy pop, 118 bpm, C major",
    "smoky jazz with upright bass, 92 bpm, F minor",
    "fast swing jazz, 180 bpm, Bb major",
    "tight funk, 108 bpm, E dorian",
    "aggressive funk with slap bass, 116 bpm",
    "pop, 4 bars, Am F C G, 100 bpm",
];

#[test]
#[ignore = "chore: measures audio for a minute"]
fn grooves_stay_as_near_to_the_grid_as_it_is_measured() {
    let engine = engine();
    let on_grid = |words: &str| {
        let found = PLAYED_BY_PEOPLE.iter().map(|prompt| {
            let prompt = format!("{prompt}{words}");
            let intent = parse(&prompt).unwrap();
            let plan = make_plan(&intent, &Overrides::default(), 1).unwrap();
            let settings = GenerationSettings::default();
            let track = Track::Drums;
            let request = TakeRequest {
                track,
                prompt: &prompt,
                intent: &intent,
                plan: &plan,
                seed: 1,
                settings,
                context: &[],
                patch: None,
            };
            let take = engine.generate_take(&request, &Silent).unwrap();
            let share = take.measures.and_then(|measures| measures.on_grid);
            println!("{prompt}: {share:?}");
            share
        });
        let found: Vec<f32> = found.flatten().collect();
        found.iter().sum::<f32>() / found.len() as f32
    };
    let (exact, played) = (on_grid(", unhumanised"), on_grid(""));
    println!("on the grid: {exact:.3} without a groove, {played:.3} with it");
    assert!(played > exact - 0.04, "{exact:.3} {played:.3}");
}

#[test]
#[ignore = "chore: writes files for a comparison in Python"]
fn drums_to_compare_with_those_of_people() {
    let folder =
        std::env::var_os("RESONANTGEN_DRUMS").map(PathBuf::from).expect("RESONANTGEN_DRUMS names a folder");
    let words = std::env::var("RESONANTGEN_DRUMS_WORDS").unwrap_or_default();
    std::fs::create_dir_all(&folder).unwrap();
    let engine = engine();
    for (style, genre, count) in WANTED {
        for seed in 1..=count {
            let prompt = format!("{genre} {words}, 16 bars, 4/4");
            let intent = parse(&prompt).unwrap();
            let plan = make_plan(&intent, &Overrides::default(), seed).unwrap();
            let request = TakeRequest {
                track: Track::Drums,
                prompt: &prompt,
                intent: &intent,
                plan: &plan,
                seed,
                settings: GenerationSettings::default(),
                context: &[],
                patch: None,
            };
            let take = engine.sketch(&request, &Silent).unwrap();
            let name = format!("{style}_{}_{seed}.mid", genre.replace(' ', "-"));
            std::fs::write(folder.join(name), track_file(Track::Drums, &take.score, &plan)).unwrap();
        }
    }
}
