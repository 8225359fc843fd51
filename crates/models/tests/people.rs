//! Writes drums for `python -m resonant.groove_templates compare`, which tells them from those of people.
//!
//!     RESONANTGEN_DRUMS=FOLDER cargo test -p resonantgen-models --test people -- --ignored

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};

use resonantgen_models::generator::{Engine, EngineOptions, Silent, TakeRequest};
use resonantgen_music::midi::track_file;
use resonantgen_music::track::Track;
use resonantgen_take::GenerationSettings;
use resonantgen_words::{Overrides, make_plan, parse};

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

#[test]
#[ignore = "writes files for a comparison in Python"]
fn drums_to_compare_with_those_of_people() {
    let folder =
        std::env::var_os("RESONANTGEN_DRUMS").map(PathBuf::from).expect("RESONANTGEN_DRUMS names a folder");
    let words = std::env::var("RESONANTGEN_DRUMS_WORDS").unwrap_or_default();
    std::fs::create_dir_all(&folder).unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let runtime = std::env::var_os("RESONANTGEN_RUNTIME").filter(|value| !value.is_empty());
    let runtime = runtime.map_or_else(|| repository.join(".setup/onnxruntime"), PathBuf::from);
    let options = EngineOptions {
        runtime_library: Some(runtime),
        threads: 1,
        ..EngineOptions::new(repository.join("models/resonant"))
    };
    let engine = Engine::open(&options).unwrap();
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
            };
            let take = engine.sketch(&request, &Silent).unwrap();
            let name = format!("{style}_{}_{seed}.mid", genre.replace(' ', "-"));
            std::fs::write(folder.join(name), track_file(Track::Drums, &take.score, &plan)).unwrap();
        }
    }
}
