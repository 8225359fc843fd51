//! Whether a recording keeps to its measured grid; speech and noise do not.

use std::f64::consts::TAU;

use resonantgen_music::plan::Plan;
use resonantgen_sound::listen::mono;
use resonantgen_sound::measure::onsets;
use resonantgen_take::{FULL_SCALE, StemAudio};

/// Minimum number of onsets for a judgement; pads have few.
const FEWEST: usize = 12;
/// Divisions of a quarter note that are tried: sixteenths, triplets (also swung eighths), and the sixteenths of a halved tempo.
const DIVISIONS: [f64; 3] = [4.0, 6.0, 8.0];

/// How closely the onsets of a loop follow the grid of `plan`, from 0 (random) to 1: the length of the mean of their phases' unit
/// vectors, weighted by strength (Mardia and Jupp, "Directional Statistics", 2000, section 2.3), for the best division. `None` if
/// there are too few onsets.
pub(super) fn steadiness(audio: &StemAudio, plan: &Plan) -> Option<f32> {
    let floats =
        |samples: &[i32]| -> Vec<f32> { samples.iter().map(|sample| *sample as f32 / FULL_SCALE).collect() };
    let found = onsets(&mono(&floats(&audio.left), &floats(&audio.right)).samples);
    if found.len() < FEWEST {
        return None;
    }
    let length = |division: f64| {
        let rate = division * plan.bpm / 60.0;
        let (mut x, mut y, mut weights) = (0.0, 0.0, 0.0);
        for onset in &found {
            let (sine, cosine) = (TAU * rate * onset.seconds).sin_cos();
            let weight = f64::from(onset.strength);
            x += weight * cosine;
            y += weight * sine;
            weights += weight;
        }
        x.hypot(y) / f64::max(weights, f64::MIN_POSITIVE)
    };
    Some(DIVISIONS.into_iter().map(length).fold(0.0, f64::max) as f32)
}
