//! Kits of recorded drums in the shipped bundle: the prompts that choose them, and the properties of their takes.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod support;

use resonantgen_models::generator::{Engine, EngineOptions, Silent, TakeRequest};
use resonantgen_music::track::Track;
use resonantgen_take::{GenerationSettings, Take};

const RECORDED: &str = "drums.recorded_";
const SEEDS: u64 = 3;

fn shipped() -> Engine {
    let bundle = support::repository().join("models/resonant");
    let options = EngineOptions {
        runtime_library: Some(support::runtime_library()),
        threads: 2,
        ..EngineOptions::new(bundle)
    };
    Engine::open(&options).unwrap()
}

fn drums(engine: &Engine, prompt: &str, seed: u64) -> Take {
    let intent = resonantgen_words::parse(prompt).unwrap();
    let plan = support::plan(2);
    let request = TakeRequest {
        track: Track::Drums,
        prompt,
        intent: &intent,
        plan: &plan,
        seed,
        settings: GenerationSettings::default(),
        context: &[],
        patch: None,
    };
    engine.generate_take(&request, &Silent).unwrap()
}

#[test]
fn acoustic_prompts_get_recorded_drums_and_words_choose_among_them() {
    let engine = shipped();
    let (mut named, mut all) = (0, 0);
    let mut others = Vec::new();
    // Hip hop and funk also have dusty, tight or punchy machines.
    for (prompt, tag, is_acoustic) in [
        ("jazz with brushes", "brushes", true),
        ("dusty lo-fi hip hop", "dusty", false),
        ("metal, double kick drums", "metal", true),
        ("funk with tight drums", "tight", false),
        ("soul with vintage drums", "vintage", true),
        ("hip hop with punchy drums", "punchy", false),
        ("rock with big room drums", "big room", true),
        ("smoky jazz", "smoky", true),
    ] {
        for seed in 0..SEEDS {
            let take = drums(&engine, prompt, seed);
            let patch = engine.bundle().patch(&take.patch).unwrap();
            let is_recorded = take.patch.starts_with(RECORDED);
            assert!(is_recorded || !is_acoustic, "{prompt} {seed}: {}", take.patch);
            all += 1;
            if patch.tags.iter().any(|own| own == tag) {
                named += 1;
            } else {
                others.push(format!("{prompt}: {}", take.patch));
            }
            if is_recorded {
                assert!(take.tokens.codes.is_empty(), "{prompt}: recorded drums have no codes");
            }
            let failures = take.measures.as_ref().unwrap().failures();
            assert!(!failures.iter().any(|failure| failure.is_of_sound()), "{prompt} {seed}: {failures:?}");
        }
    }
    assert!(10 * named >= 9 * all, "{named} of {all}: {others:?}");
}

#[test]
fn electronic_prompts_keep_their_machines() {
    let engine = shipped();
    for prompt in ["techno", "trap with an 808", "deep house"] {
        let take = drums(&engine, prompt, 1);
        assert!(!take.patch.starts_with(RECORDED), "{prompt}: {}", take.patch);
        let is_machine = take.patch.starts_with("drums.machine_");
        assert_eq!(take.tokens.codes.is_empty(), is_machine, "{prompt}: {}", take.patch);
    }
}
