//! New parts that follow the groove and the register of another part are not copies of it.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a test")]

mod support;

use std::collections::BTreeSet;

use resonantgen_models::generator::{Engine, EngineOptions, Silent, TakeRequest};
use resonantgen_music::plan::Plan;
use resonantgen_music::score::{DrumClass, Note};
use resonantgen_music::track::Track;
use resonantgen_take::GenerationSettings;
use resonantgen_words::{Intent, Overrides, Reference, make_plan, parse};
use support::{repository, runtime_library};

/// Prompts, each with the one whose parts are its references.
const PROMPTS: [(&str, &str); 6] = [
    ("house in A minor", "reggaeton"),
    ("funk in D minor, 104 bpm", "rock"),
    ("synthwave in E minor", "hip hop"),
    ("indie pop in G major", "drum and bass"),
    ("lo-fi hip hop in C minor", "bossa nova"),
    ("dark techno in F minor", "afrobeat"),
];

const SEEDS: [u64; 3] = [1, 2, 3];

/// Allowed share of equal notes where both parts play: that of takes of two seeds plus `DIFFERENCE`, or what two leads over the same chords
/// have by chance. A copy has 1.
const BY_CHANCE: f64 = 0.25;
const DIFFERENCE: f64 = 0.1;

fn written(engine: &Engine, track: Track, plan: &Plan, intent: &Intent, seed: u64) -> Vec<Note> {
    let settings = GenerationSettings::default();
    let request = TakeRequest { track, prompt: "", intent, plan, seed, settings, context: &[], patch: None };
    engine.sketch(&request, &Silent).unwrap().score.notes
}

/// Where two parts play together, the share of the notes of either that both have. Parts with one rhythm over the same chords have many
/// notes in common, such as the roots of basses, so the other steps do not count.
fn same_where_together(one: &[Note], other: &[Note]) -> f64 {
    let steps = |notes: &[Note]| notes.iter().map(|note| note.step).collect::<BTreeSet<u32>>();
    let together: BTreeSet<u32> = steps(one).intersection(&steps(other)).copied().collect();
    let notes = |notes: &[Note]| -> BTreeSet<(u32, u8)> {
        let there = notes.iter().filter(|note| together.contains(&note.step));
        there.map(|note| (note.step, note.pitch)).collect()
    };
    let (one, other) = (notes(one), notes(other));
    one.intersection(&other).count() as f64 / one.union(&other).count().max(1) as f64
}

/// Harmonic mean of precision and recall of the onsets; of drums, those of kick and backbeat.
fn groove_likeness(track: Track, one: &[Note], other: &[Note]) -> f64 {
    let voice = |note: &Note| match DrumClass::from_key(note.pitch) {
        _ if track != Track::Drums => Some(0),
        Some(DrumClass::Kick) => Some(1),
        Some(DrumClass::Snare | DrumClass::Clap | DrumClass::Rim) => Some(2),
        _ => None,
    };
    let onsets = |notes: &[Note]| {
        notes.iter().filter_map(|note| Some((note.step, voice(note)?))).collect::<BTreeSet<(u32, u8)>>()
    };
    let (one, other) = (onsets(one), onsets(other));
    2.0 * one.intersection(&other).count() as f64 / (one.len() + other.len()).max(1) as f64
}

#[test]
fn a_part_follows_the_groove_of_its_reference_and_has_other_notes() {
    let bundle = repository().join("models/resonant");
    let options = EngineOptions { runtime_library: Some(runtime_library()), ..EngineOptions::new(bundle) };
    let engine = Engine::open(&options).unwrap();
    for track in Track::ALL {
        let (mut copied, mut of_seeds, mut led, mut unled, mut inside) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for ((own, other), seed) in PROMPTS.into_iter().flat_map(|pair| SEEDS.map(|seed| (pair, seed))) {
            let intent = parse(own).unwrap();
            let plan = make_plan(&intent, &Overrides::default(), 1).unwrap();
            let model = written(&engine, track, &plan, &parse(other).unwrap(), seed + 100);
            let mut likened = intent.clone();
            likened.tracks[track.index()].reference = Reference::of(track, &plan, &model);
            let guided = written(&engine, track, &plan, &likened, seed);
            let [free, other] = [seed, seed + 50].map(|seed| written(&engine, track, &plan, &intent, seed));
            copied += same_where_together(&model, &guided);
            of_seeds += same_where_together(&free, &other);
            led += groove_likeness(track, &model, &guided);
            unled += groove_likeness(track, &model, &free);
            let (low, high) = likened.track(track).reference.as_ref().unwrap().register.unwrap_or((0, 127));
            // Narrow registers are widened, so that every chord has notes in them.
            let reached =
                guided.iter().filter(|note| (low.saturating_sub(7)..=high + 7).contains(&note.pitch));
            inside += reached.count() as f64 / guided.len().max(1) as f64;
        }
        let count = (PROMPTS.len() * SEEDS.len()) as f64;
        let [copied, of_seeds, led, unled, inside] =
            [copied, of_seeds, led, unled, inside].map(|sum| sum / count);
        println!(
            "{track}: notes of the reference where both play {copied:.3}, of another seed {of_seeds:.3}; onsets of the reference \
             {led:.3}, without it {unled:.3}; in its register {inside:.3}"
        );
        assert!(
            copied < (of_seeds + DIFFERENCE).max(BY_CHANCE),
            "{track}: {copied:.3} of the reference's notes, {of_seeds:.3} of another seed's"
        );
        assert!(led > unled + 0.1, "{track}: {led:.3} of the onsets, {unled:.3} without a reference");
        assert!(inside > 0.9, "{track}: {inside:.3} in the register");
    }
}
