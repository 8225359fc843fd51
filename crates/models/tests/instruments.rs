//! Whether an instrument that a prompt names is the one that plays, or the prompt is told why not; patches of one bar.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test, and figures for a person")]

use resonantgen_models::generator::{Silent, TakeRequest};
use resonantgen_music::track::Track;
use resonantgen_take::GenerationSettings;
use resonantgen_words::{Overrides, make_plan, parse};

mod support;
use support::engine;

/// Instruments as people name them, and words one of which their patch must have.
const NAMED: [(&str, &[&str]); 48] = [
    ("piano", &["piano"]),
    ("grand piano", &["piano"]),
    ("electric piano", &["rhodes", "electric", "wurl"]),
    ("rhodes", &["rhodes"]),
    ("hammond organ", &["organ"]),
    ("church organ", &["organ"]),
    ("clavinet", &["clav"]),
    ("harpsichord", &["harpsichord"]),
    ("acoustic guitar", &["guitar", "nylon", "steel"]),
    ("electric guitar", &["guitar"]),
    ("distorted guitar", &["distort", "overdrive", "metal", "crunch"]),
    ("nylon guitar", &["nylon"]),
    ("strings", &["string"]),
    ("string section", &["string"]),
    ("violin", &["violin", "fiddle"]),
    ("cello", &["cello"]),
    ("harp", &["harp"]),
    ("flute", &["flute"]),
    ("clarinet", &["clarinet"]),
    ("oboe", &["oboe"]),
    ("saxophone", &["sax"]),
    ("trumpet", &["trumpet"]),
    ("muted trumpet", &["trumpet"]),
    ("trombone", &["trombone"]),
    ("french horn", &["horn"]),
    ("brass", &["brass"]),
    ("choir", &["choir"]),
    ("accordion", &["accordion"]),
    ("banjo", &["banjo"]),
    ("fiddle", &["fiddle", "violin"]),
    ("mandolin", &["mandolin"]),
    ("sitar", &["sitar"]),
    ("koto", &["koto"]),
    ("vibraphone", &["vib"]),
    ("marimba", &["marimba"]),
    ("kalimba", &["kalimba"]),
    ("steel drums", &["steel"]),
    ("music box", &["music box", "musicbox"]),
    ("bells", &["bell"]),
    ("supersaw", &["supersaw"]),
    ("pads", &["pad"]),
    ("slap bass", &["slap"]),
    ("upright bass", &["upright", "acoustic"]),
    ("fretless bass", &["fretless"]),
    ("808 bass", &["808"]),
    ("reese bass", &["reese"]),
    ("acid bass", &["acid"]),
    ("brushes", &["brush"]),
];

#[test]
fn named_instruments_play_or_are_said_to_be_missing() {
    let engine = engine();
    let (mut heard, mut said, mut all) = (0, 0, 0);
    let mut missed = Vec::new();
    for (name, words) in NAMED {
        for (frame, seed) in [
            ("jazz with {}, 1 bar", 1),
            ("house, {}, 1 bar", 2),
            ("slow pop with a soft {} and drums, 1 bar", 3),
        ] {
            let prompt = frame.replace("{}", name);
            let intent = parse(&prompt).unwrap();
            let plan = make_plan(&intent, &Overrides::default(), seed).unwrap();
            let is_there = Track::ALL.into_iter().any(|track| {
                let settings = GenerationSettings::default();
                let request = TakeRequest {
                    track,
                    prompt: &prompt,
                    intent: &intent,
                    plan: &plan,
                    seed,
                    settings,
                    context: &[],
                    patch: None,
                };
                let take = engine.sketch(&request, &Silent).unwrap();
                engine.bundle().patch(&take.patch).is_some_and(|patch| {
                    let text = format!("{} {} {}", patch.id, patch.name, patch.tags.join(" "));
                    let text = text.to_lowercase().replace(['_', '-', '.'], " ");
                    words.iter().any(|word| text.contains(word))
                })
            });
            let is_said = intent.notices().iter().any(|notice| notice.contains(name));
            all += 1;
            heard += usize::from(is_there);
            said += usize::from(!is_there && is_said);
            if !is_there {
                missed.push(format!("{prompt}{}", if is_said { " (said)" } else { "" }));
            }
        }
    }
    println!("named {all}, heard {heard}, said to be missing {said}\n  {}", missed.join("\n  "));
    assert!(heard * 100 >= 92 * all, "{heard} of {all} are heard:\n  {}", missed.join("\n  "));
    assert_eq!(heard + said, all, "neither heard nor said:\n  {}", missed.join("\n  "));
}
