//! The codec's signal processing against goldens made by `training/resonant/codec_goldens.py`.
//!
//! Processors round differently, and the Python twin computes in another order. So each stage starts from the
//! golden of the previous stage, and its tolerance follows from its computation and the signal's scale, as in
//! `training/tests/test_codec_golden.py`.

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

/// Asserts that every value is within its tolerance.
#[track_caller]
fn check(what: &str, expected: &[f32], got: &[f32], tolerance: impl Fn(usize) -> f32) {
    assert_eq!(expected.len(), got.len(), "{what}: length");
    let share = |index: usize| (expected[index] - got[index]).abs() / tolerance(index);
    let worst = (0..got.len()).max_by(|a, b| share(*a).total_cmp(&share(*b))).unwrap();
    assert!(
        share(worst) <= 1.0,
        "{what}: at {worst} expected {}, got {}: {} times the tolerance",
        expected[worst],
        got[worst],
        share(worst)
    );
}

/// A multiple of the largest value's rounding error.
fn roundings(count: f32, values: &[f32]) -> f32 {
    count * f32::EPSILON * values.iter().fold(0.0_f32, |peak, value| peak.max(value.abs()))
}

/// Tolerances of a signal's log-mel `[bands, frames]`, as `log_mel_tolerance` in Python.
fn log_mel_tolerances(log_power: &[f32], samples: &[f32], transform: Transform) -> Vec<f32> {
    let Transform { n_fft, hop } = transform;
    let frames = log_power.len() / BANDS;
    let hann = |index: usize| 0.5 - 0.5 * (std::f64::consts::TAU * index as f64 / n_fft as f64).cos();
    let norms: Vec<f64> = (0..frames)
        .map(|frame| {
            let windowed = |index: usize| {
                let at = (frame * hop + index).checked_sub(n_fft / 2)?;
                samples.get(at).map(|sample| f64::from(*sample) * hann(index))
            };
            (0..n_fft).filter_map(windowed).map(|sample| sample * sample).sum::<f64>().sqrt()
        })
        .collect();
    let mel = |hz: f64| 2595.0 * (1.0 + hz / 700.0).log10();
    let edge = |index: usize| {
        let place = mel(30.0) + (mel(20_000.0) - mel(30.0)) * index as f64 / (BANDS + 1) as f64;
        700.0 * (10_f64.powf(place / 2595.0) - 1.0)
    };
    let of = |(index, log_power): (usize, &f32)| {
        // A triangle's sum is half its base, in bins.
        let weight = ((edge(index / frames + 2) - edge(index / frames)) * n_fft as f64 / 96_000.0).max(1.0);
        let delta = 4.0 * f64::from(f32::EPSILON) * norms[index % frames];
        let relative = delta * (weight / f64::from(*log_power).exp()).sqrt();
        (2.0 * relative + relative * relative) as f32 + f32::EPSILON * (8.0 + log_power.abs())
    };
    log_power.iter().enumerate().map(of).collect()
}

const BANDS: usize = 96;
const CASES: [&str; 4] = ["chord", "string", "glide", "drums"];

#[test]
fn streams_agree_with_the_goldens() {
    for name in CASES {
        let case = Case::load(name);
        let streams = case.streams();
        let expected = case.array("streams");
        // Computed in double precision and rounded when notes and voices are added. The phases of stiff strings' partials advance in single
        // precision, 256 times before each reset, with half a rounding error each time.
        let is_string = case.description["excitation"].get("inharmonicity").is_some();
        let tolerance = roundings(if is_string { 128.0 } else { 4.0 }, &expected);
        let (first, second) = expected.split_at(case.samples);
        check(&format!("{name} stream 0"), first, &streams[0].mid, |_| tolerance);
        check(&format!("{name} stream 1"), second, &streams[1].mid, |_| tolerance);
    }
}

#[test]
fn features_agree_with_the_goldens() {
    for name in CASES {
        let case = Case::load(name);
        let made = if case.track == "drums" {
            features::drums(&case.notes, case.frames)
        } else {
            features::tonal(&case.notes, case.frames)
        };
        let expected = case.array("features");
        let tolerance = roundings(4.0, &expected);
        check(&format!("{name} features"), &expected, &made.values, |_| tolerance);
    }
}

#[test]
fn the_filter_and_its_levels_agree_with_the_goldens() {
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
        let audio = case.array("audio");
        let tolerance = roundings(2.0 * (case.transform.n_fft as f32).log2(), &audio);
        check(&format!("{name} audio"), &audio, &mid, |_| tolerance);
        assert!(side.iter().all(|side| *side == 0.0), "{name}: streams without a side are mono");

        let check_log_mel = |what: &str, expected: &[f32], got: &[f32], signal: &[f32], transform| {
            let tolerances = log_mel_tolerances(expected, signal, transform);
            check(&format!("{name} {what}"), expected, got, |index| tolerances[index]);
        };
        let traced = [first, second].map(|stream| {
            mono(&stream.iter().zip(&noise).map(|(sample, noise)| sample + 1e-3 * noise).collect::<Vec<_>>())
        });
        let (expected, levels) = (case.array("levels"), filter.levels(&traced, frames));
        let half = expected.len() / 2;
        for (index, stream) in traced.iter().enumerate() {
            let range = index * half..(index + 1) * half;
            check_log_mel("levels", &expected[range.clone()], &levels[range], &stream.mid, case.transform);
        }

        let transform = Transform { n_fft: 2048, hop: 480 };
        let log_mel = SpectralFilter::new(transform).log_mel(&audio, case.frames);
        check_log_mel("mel", &case.array("log_mel"), &log_mel, &audio, transform);
    }
}
