//! Ageing of a recording: pitch flutter, and the noise and crackle of a record's grooves.

use std::f64::consts::TAU;

use super::Sides;
use super::filter::{Biquad, Shape};
use crate::audio::TAKE_SAMPLE_RATE_HZ;
use crate::codec::hits::draw;

const RATE: f64 = TAKE_SAMPLE_RATE_HZ as f64;
/// Slow and fast pitch cycles per second, and the share of each. Rounded to whole cycles per loop.
const TURNS: [(f64, f64); 2] = [(0.55, 0.7), (3.1, 0.3)];
/// Crackles per second, and the samples in which one decays.
const CRACKLES: f64 = 5.0;
const CRACKLE: usize = 120;
/// Level of the crackle relative to the noise, as a factor.
const CRACKLE_GAIN: f32 = 5.0;

/// Modulates the pitch by up to `cents`, seamlessly: the loop is read at a position that oscillates around the regular one.
pub(super) fn flutter(sides: &mut Sides, cents: f32) {
    let count = sides[0].len();
    if cents <= 0.0 || count < 4 {
        return;
    }
    let bend = 2f64.powf(f64::from(cents) / 1_200.0) - 1.0;
    let swings = TURNS.map(|(hz, share)| {
        let turns = (hz * count as f64 / RATE).round().max(1.0);
        let step = TAU * turns / count as f64;
        (step, share * bend / step)
    });
    for samples in sides {
        let before = samples.clone();
        let at = |index: i64| f64::from(before[index.rem_euclid(count as i64) as usize]);
        for (index, sample) in samples.iter_mut().enumerate() {
            let late: f64 =
                swings.iter().map(|(step, depth)| depth * (1.0 - (step * index as f64).cos())).sum();
            let place = index as f64 - late;
            let whole = place.floor();
            let (first, share) = (whole as i64, place - whole);
            // A cubic through four points (Catmull and Rom).
            let [a, b, c, d] = [at(first - 1), at(first), at(first + 1), at(first + 2)];
            let curve = b + 0.5
                * share
                * (c - a + share * (2.0 * a - 5.0 * b + 4.0 * c - d + share * (3.0 * (b - c) + d - a)));
            *sample = curve as f32;
        }
    }
}

/// Adds noise and crackle, at `level_db` relative to the loop's level.
pub(super) fn grain(sides: &mut Sides, level_db: f32, seed: u64) {
    let count = sides[0].len();
    if count == 0 {
        return;
    }
    let square: f64 = sides.iter().flatten().map(|sample| f64::from(*sample).powi(2)).sum();
    let level = (square / (2 * count) as f64).sqrt() as f32 * 10f32.powf(level_db / 20.0);
    let uniform = |place: u64| (draw(seed, place) >> 40) as f32 / 8_388_608.0 - 1.0;
    let mut noise: Vec<f32> = (0..count as u64).map(|place| level * 1.7 * uniform(place)).collect();
    let crackles = (CRACKLES * count as f64 / RATE).round() as u64;
    for crackle in 0..crackles {
        let place = 3 * crackle + (1 << 41);
        let first = (draw(seed, place) % count as u64) as usize;
        let size = CRACKLE_GAIN * level * (0.3 + 0.7 * uniform(place + 1).abs());
        for offset in 0..8 * CRACKLE {
            // Rises over a few samples, so that it pops rather than clicks.
            let rise = (offset as f32 / 12.0).min(1.0);
            let fall = (-(offset as f32) / CRACKLE as f32).exp();
            let turn = uniform(place * 4_096 + offset as u64 + (1 << 50));
            noise[(first + offset) % count] += size * rise * fall * turn;
        }
    }
    Biquad::new(Shape::HighPass, 300.0).run(&mut noise);
    Biquad::new(Shape::LowPass, 6_000.0).run(&mut noise);
    for samples in sides {
        for (sample, noise) in samples.iter_mut().zip(&noise) {
            *sample += noise;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flutter_bends_the_pitch_and_closes_the_loop() {
        let cycles = 880.0 * 4.0;
        let count = 192_000;
        let tone: Vec<f32> =
            (0..count).map(|index| (TAU * cycles * index as f64 / count as f64).sin() as f32).collect();
        let mut sides = [tone.clone(), tone];
        flutter(&mut sides, 12.0);
        let crossings: Vec<usize> =
            (1..count).filter(|at| sides[0][at - 1] < 0.0 && sides[0][*at] >= 0.0).collect();
        let periods: Vec<f64> =
            crossings.windows(41).map(|pair| (pair[40] - pair[0]) as f64 / 40.0).collect();
        let highest = periods.iter().copied().fold(0.0, f64::max);
        let lowest = periods.iter().copied().fold(f64::INFINITY, f64::min);
        let cents = 1_200.0 * (highest / lowest).log2();
        assert!((10.0..40.0).contains(&cents), "{cents}");
        assert!((sides[0][0] - sides[0][count - 1]).abs() < 0.2);
        assert_eq!(crossings.len(), cycles as usize - 1);
    }

    #[test]
    fn grain_has_its_level_and_its_seed() {
        let tone: Vec<f32> = (0..96_000).map(|index| 0.3 * (index as f32 * 0.02).sin()).collect();
        let grained = |seed: u64| {
            let mut sides = [tone.clone(), tone.clone()];
            grain(&mut sides, -30.0, seed);
            sides[0].iter().zip(&tone).map(|(with, without)| with - without).collect::<Vec<f32>>()
        };
        let rms = |samples: &[f32]| {
            (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32).sqrt()
        };
        let level = 20.0 * (rms(&grained(1)) / rms(&tone)).log10();
        assert!((-37.0..-26.0).contains(&level), "{level}");
        assert_eq!(grained(1), grained(1));
        assert_ne!(grained(1), grained(2));
    }
}
