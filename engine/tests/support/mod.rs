//! Shared by the engine's integration tests: the fixture bundle, the runtime and a small request.

#![allow(dead_code, clippy::unwrap_used, reason = "each test uses a part of it")]

pub mod prompts;
#[path = "../../../tests/src/skip.rs"]
pub mod skip;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use resonantgen_models::generator::{Engine, EngineOptions, TakeRequest};
use resonantgen_music::plan::{Meter, Plan, Swing};
use resonantgen_music::track::Track;
use resonantgen_take::{GenerationSettings, Take};
use resonantgen_words::Intent;

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub fn fixture() -> PathBuf {
    repository().join("tests/golden/bundle_fixture")
}

/// The runtime library, from the environment or from where setup puts it.
pub fn runtime_library() -> PathBuf {
    if let Some(path) = std::env::var_os("RESONANTGEN_RUNTIME").filter(|value| !value.is_empty()) {
        return path.into();
    }
    let folder = repository().join(".setup/onnxruntime");
    assert!(folder.is_dir(), "no ONNX Runtime at {}: run `cargo xtask setup`", folder.display());
    folder
}

/// Asserts that a single-precision network's outputs equal a golden. Libraries and processors add in different
/// orders in each of a dozen layers, so outputs may differ by a hundred rounding errors of the largest.
#[track_caller]
pub fn assert_outputs(what: &str, golden: &[f32], got: &[f32]) {
    assert_eq!(golden.len(), got.len(), "{what}");
    let largest = golden.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let off = golden.iter().zip(got).fold(0.0_f32, |off, (golden, got)| off.max((golden - got).abs()));
    let roundings = off / (f32::EPSILON * largest);
    assert!(roundings <= 100.0, "{what}: off by {off}, which is {roundings} roundings of {largest}");
}

/// Inputs that are off by a hundred rounding errors, up and down in turn. Codes are the nearest entries of a table: if these give the same
/// codes, no processor rounds them to others.
pub fn shaken(values: &[f32]) -> Vec<f32> {
    let shake = |(index, value): (usize, &f32)| {
        let sign = if index.count_ones() % 2 == 0 { 1.0 } else { -1.0 };
        value * (1.0 + sign * 100.0 * f32::EPSILON)
    };
    values.iter().enumerate().map(shake).collect()
}

pub fn engine(threads: usize) -> Engine {
    let options =
        EngineOptions { runtime_library: Some(runtime_library()), threads, ..EngineOptions::new(fixture()) };
    Engine::open(&options).unwrap()
}

/// A short piece; at 127 bpm its length is not a whole number of codec frames.
pub fn plan(bars: u32) -> Plan {
    let chords = ["Am", "F", "C", "G"].map(|chord| chord.parse().unwrap());
    Plan {
        bpm: 127.0,
        key: "A minor".parse().unwrap(),
        meter: Meter::COMMON,
        bars,
        chords: chords.iter().copied().cycle().take(2 * bars as usize).collect(),
        swing: Swing { unit_steps: 1, ratio: 0.56 },
    }
}

pub fn intent() -> Intent {
    resonantgen_words::parse("techno").unwrap()
}

/// A request from its parts.
pub struct TakeInputs {
    pub track: Track,
    pub intent: Intent,
    pub plan: Plan,
    pub seed: u64,
    pub settings: GenerationSettings,
    pub context: Vec<Arc<Take>>,
}

impl TakeInputs {
    pub fn new(track: Track, bars: u32) -> Self {
        Self {
            track,
            intent: intent(),
            plan: plan(bars),
            seed: 7,
            settings: GenerationSettings::default(),
            context: Vec::new(),
        }
    }

    pub fn request(&self) -> TakeRequest<'_> {
        TakeRequest {
            track: self.track,
            prompt: "a test",
            intent: &self.intent,
            plan: &self.plan,
            seed: self.seed,
            settings: self.settings,
            context: &self.context,
            patch: None,
        }
    }
}
