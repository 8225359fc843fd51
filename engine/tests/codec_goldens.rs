//! The codec's signal processing against goldens written by `training/resonant/codec_goldens.py`.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use std::path::{Path, PathBuf};

use resonantgen_music::score::DrumClass;
use resonantgen_sound::codec::excitation::{self, DrumBodies, DrumBody, Stream, TonalExcitation, Window};
use resonantgen_sound::codec::filter::{SpectralFilter, Synthesis, Transform};
use resonantgen_sound::codec::{TimedNote, features};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/codec")
}

struct Case {
    description: serde_json::Value,
    track: String,
    notes: Vec<TimedNote>,
    samples: usize,
    frames: usize,
    transform: Transform,
}

impl Case {
    fn load(name: &str) -> Self {
        let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
        let description: serde_json::Value = serde_json::from_str(&text).unwrap();
        let size = |key: &str| description[key].as_u64().unwrap() as usize;
        let notes = description["notes"].as_array().unwrap().iter().map(|note| TimedNote {
            on: note["on"].as_f64().unwrap(),
            off: note["off"].as_f64().unwrap(),
            pitch: note["pitch"].as_u64().unwrap() as u8,
            velocity: note["velocity"].as_u64().unwrap() as u8,
        });
        Self {
            track: description["track"].as_str().unwrap().to_owned(),
            notes: notes.collect(),
            samples: size("samples"),
            frames: size("frames"),
            transform: Transform { n_fft: size("n_fft"), hop: size("hop") },
            description,
        }
    }

    fn array(&self, key: &str) -> Vec<f32> {
        let file = self.description["files"][key]["file"].as_str().unwrap();
        let bytes = std::fs::read(folder().join(file)).unwrap();
        bytes.chunks_exact(4).map(|chunk| f32::from_le_bytes(chunk.try_into().unwrap())).collect()
    }

    fn streams(&self) -> [Stream; 2] {
        let window = Window { first: 0, samples: self.samples };
        if self.track == "drums" {
            let mut bodies = DrumBodies::default();
            for (name, body) in self.description["excitation"].as_object().unwrap() {
                let class = DrumClass::ALL.into_iter().find(|class| class.name().replace(' ', "_") == *name);
                let body: DrumBody = serde_json::from_value(body.clone()).unwrap();
                bodies[class.unwrap().index()] = Some(body);
            }
            return excitation::drums(&self.notes, &bodies, window);
        }
        let parameters: TonalExcitation =
            serde_json::from_value(self.description["excitation"].clone()).unwrap();
        excitation::tonal(&self.notes, &parameters, window)
    }
}

#[track_caller]
fn check(what: &str, expected: &[f32], got: &[f32], tolerance: f32) {
    assert_eq!(expected.len(), got.len(), "{what}: length");
    let (index, difference) = expected
        .iter()
        .zip(got)
        .map(|(a, b)| (a - b).abs())
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap();
    assert!(difference <= tolerance, "{what}: at {index} expected {}, got {}", expected[index], got[index]);
}

const CASES: [&str; 4] = ["chord", "string", "glide", "drums"];
const TOLERANCE: f32 = 1e-4;

#[test]
fn streams_match() {
    for name in CASES {
        let case = Case::load(name);
        let streams = case.streams();
        let expected = case.array("streams");
        let (first, second) = expected.split_at(case.samples);
        check(&format!("{name} stream 0"), first, &streams[0].mid, TOLERANCE);
        check(&format!("{name} stream 1"), second, &streams[1].mid, TOLERANCE);
    }
}

#[test]
fn features_match() {
    for name in CASES {
        let case = Case::load(name);
        let made = if case.track == "drums" {
            features::drums(&case.notes, case.frames)
        } else {
            features::tonal(&case.notes, case.frames)
        };
        check(&format!("{name} features"), &case.array("features"), &made.values, 1e-6);
    }
}

#[test]
fn the_filter_and_its_levels_match() {
    for name in CASES {
        let case = Case::load(name);
        let filter = SpectralFilter::new(case.transform);
        let frames = case.samples / case.transform.hop;
        let expected = case.array("streams");
        let (first, second) = expected.split_at(case.samples);
        let noise = case.array("noise");
        let mono = |samples: &[f32]| Stream { mid: samples.to_vec(), side: Vec::new() };
        let streams = [mono(first), mono(second), mono(&noise)];
        let gains = case.array("log_gains");
        let mut synthesis = Synthesis::new(&filter, &streams, 0);
        synthesis.push(&gains, frames, 0..7);
        synthesis.push(&gains, frames, 7..frames);
        assert_eq!(synthesis.final_samples(true), case.samples);
        let (mid, side) = synthesis.take(0..case.samples);
        check(&format!("{name} audio"), &case.array("audio"), &mid, TOLERANCE);
        assert!(side.iter().all(|side| *side == 0.0), "{name}: streams without a side are mono");

        let traced = [first, second].map(|stream| {
            mono(&stream.iter().zip(&noise).map(|(sample, noise)| sample + 1e-3 * noise).collect::<Vec<_>>())
        });
        // Far below the loudest bin the log of a power shows the transform's rounding; the decoder floors it at -2.
        let audible = |levels: Vec<f32>| levels.into_iter().map(|level| level.max(-9.0)).collect::<Vec<_>>();
        let (expected, levels) = (audible(case.array("levels")), audible(filter.levels(&traced, frames)));
        check(&format!("{name} levels"), &expected, &levels, 1e-3);

        let analysis = SpectralFilter::new(Transform { n_fft: 2048, hop: 480 });
        let log_mel = audible(analysis.log_mel(&mid, case.frames));
        check(&format!("{name} mel"), &audible(case.array("log_mel")), &log_mel, 1e-3);
    }
}
