//! Whether a genre's name alone gives music with the traits of that genre, by the shipped models; scores only.
//!
//! Takes the twelve styles and every fifth of the others from the list of `resonantgen evaluate --genres`, which measures all of
//! them. `RESONANTGEN_GENRES` names another list, of which every line is taken.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test, and a table for a person")]

#[path = "../../../cli/src/evaluate/traits.rs"]
mod traits;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use resonantgen_models::generator::{Engine, EngineOptions, Silent, TakeRequest};
use resonantgen_music::plan::Plan;
use resonantgen_music::track::Track;
use resonantgen_sound::measure::{Music, fit};
use resonantgen_take::{GenerationSettings, Take};
use resonantgen_words::{Overrides, make_plan, parse};
use traits::{Sketch, check, rhythms};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn engine() -> Engine {
    let runtime = std::env::var_os("RESONANTGEN_RUNTIME").filter(|value| !value.is_empty());
    let runtime = runtime.map_or_else(|| repository().join(".setup/onnxruntime"), PathBuf::from);
    let options = EngineOptions {
        runtime_library: Some(runtime),
        threads: 1,
        ..EngineOptions::new(repository().join("models/resonant"))
    };
    Engine::open(&options).unwrap()
}

fn sketched(engine: &Engine, prompt: &str, seed: u64) -> (Plan, Vec<Arc<Take>>) {
    let intent = parse(prompt).unwrap();
    let plan = make_plan(&intent, &Overrides::default(), seed).unwrap();
    let mut takes: Vec<Arc<Take>> = Vec::new();
    for track in Track::ALL {
        let settings = GenerationSettings::default();
        let request = TakeRequest {
            track,
            prompt,
            intent: &intent,
            plan: &plan,
            seed,
            settings,
            context: &takes,
            patch: None,
        };
        let take = engine.sketch(&request, &Silent).unwrap();
        takes.push(Arc::new(take));
    }
    (plan, takes)
}

/// Figures that a leaned composition must not lose.
#[derive(Default)]
struct Theory {
    roots: Vec<f64>,
    chord_tones: Vec<f64>,
    in_scale: Vec<f64>,
    with_kick: Vec<f64>,
    consonance: Vec<f64>,
}

impl Theory {
    fn hear(&mut self, piece: &Sketch<'_>) {
        let [drums, bass, harmony, melody] = piece.notes;
        let music = |track: Track| Music::new(track, piece.plan, piece.notes[track.index()]);
        let steps = piece.plan.total_steps();
        let mut add = |list: fn(&mut Self) -> &mut Vec<f64>, value: Option<f32>| {
            list(self).extend(value.map(f64::from));
        };
        add(|theory| &mut theory.roots, music(Track::Bass).downbeat_roots);
        add(|theory| &mut theory.chord_tones, music(Track::Harmony).chord_tones);
        add(|theory| &mut theory.in_scale, music(Track::Melody).in_scale);
        let together = fit::togetherness(&fit::kick_row(drums, steps), &fit::onset_row(bass, steps));
        add(|theory| &mut theory.with_kick, together);
        add(|theory| &mut theory.consonance, fit::consonance(piece.plan, melody, piece.plan, harmony));
    }

    fn print(&self) {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        println!(
            "roots {:.3}, chord tones {:.3}, scale {:.3}, kick and bass {:.3}, consonance {:.3}",
            mean(&self.roots),
            mean(&self.chord_tones),
            mean(&self.in_scale),
            mean(&self.with_kick),
            mean(&self.consonance)
        );
        assert!(mean(&self.roots) >= 0.85 && mean(&self.chord_tones) >= 0.9 && mean(&self.in_scale) >= 0.95);
    }
}

fn share(values: &[bool]) -> f64 {
    values.iter().filter(|value| **value).count() as f64 / values.len().max(1) as f64
}

#[test]
fn a_name_gives_music_of_its_genre() {
    let own = std::env::var_os("RESONANTGEN_GENRES").map(PathBuf::from);
    let list = own.clone().unwrap_or_else(|| repository().join("cli/src/evaluate/genres.txt"));
    let text = std::fs::read_to_string(list).unwrap();
    let engine = engine();
    let mut is_core = false;
    let mut others = 0;
    let (mut signatures, mut traits) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    let mut copied: [Vec<bool>; 4] = Default::default();
    let (mut fills, mut scores, mut pieces) = ([Vec::new(), Vec::new()], HashSet::new(), 0);
    let (mut bass_rhythms, mut harmony_rhythms) = (Vec::new(), Vec::new());
    let mut theory = Theory::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('[') {
            is_core = line == "[core]";
            continue;
        }
        others += usize::from(!is_core);
        if !is_core && own.is_none() && !usize::is_multiple_of(others, 5) {
            continue;
        }
        let (prompt, names) = line.split_once(" => ").unwrap();
        let (plan, takes) = sketched(&engine, prompt, 1);
        let piece = Sketch {
            plan: &plan,
            notes: std::array::from_fn(|index| takes[index].score.notes.as_slice()),
            patches: std::array::from_fn(|index| engine.bundle().patch(&takes[index].patch)),
        };
        pieces += 1;
        theory.hear(&piece);
        scores.insert(format!("{:?}", takes.iter().map(|take| &take.score).collect::<Vec<_>>()));
        let mut missed = Vec::new();
        for (index, name) in names.split(", ").enumerate() {
            let is_met = check(name, &piece).unwrap_or_else(|| panic!("'{name}' is not a trait"));
            traits[usize::from(is_core)].push(is_met);
            if index == 0 {
                signatures[usize::from(is_core)].push(is_met);
            }
            if !is_met {
                missed.push(format!("{}{name}", if index == 0 { "!" } else { "" }));
            }
        }
        for track in Track::ALL {
            copied[track.index()].extend(piece.is_copied(track));
        }
        if plan.bars >= 8 {
            fills[0].push(piece.has_fill(7));
            fills[1].push(piece.has_fill(3));
            bass_rhythms.push(rhythms(&piece.onsets(Track::Bass), 8) as f64);
            harmony_rhythms.push(rhythms(&piece.onsets(Track::Harmony), 8) as f64);
        }
        let patches: Vec<&str> = takes.iter().map(|take| take.patch.as_str()).collect();
        println!("{prompt}: {} bpm {} {} {patches:?} {missed:?}", plan.bpm, plan.key, plan.meter);
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    println!("pieces {pieces}, distinct {}", scores.len());
    println!("signatures: others {:.3}, styles {:.3}", share(&signatures[0]), share(&signatures[1]));
    println!("traits: others {:.3}, styles {:.3}", share(&traits[0]), share(&traits[1]));
    println!("copies: {:?}", copied.each_ref().map(|values| share(values)));
    println!("fills: bar 8 {:.3}, bar 4 {:.3}", share(&fills[0]), share(&fills[1]));
    println!("rhythms in 8 bars: bass {:.2}, harmony {:.2}", mean(&bass_rhythms), mean(&harmony_rhythms));
    theory.print();
    if own.is_none() {
        assert_eq!(scores.len(), pieces, "two names give the same piece");
        assert!(share(&signatures[0]) >= 0.8, "signatures of others: {:.3}", share(&signatures[0]));
        assert!(share(&signatures[1]) >= 0.8, "signatures of the styles: {:.3}", share(&signatures[1]));
    }
}
