//! Detects the pitches at a position in a loop.

use realfft::{RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// Range of a bass line's fundamentals in Hz (B0 to C4).
pub(super) const BASS_HZ: (f32, f32) = (30.0, 270.0);
/// Range of a melody's fundamentals in Hz (E2 to C8).
pub(super) const MELODY_HZ: (f32, f32) = (80.0, 2_100.0);
/// YIN: below this a lag counts as periodic; above the second threshold nothing is periodic.
const YIN_GOOD: f32 = 0.15;
const YIN_WORST: f32 = 0.45;
/// Window length for several pitches, in samples (170 ms at 48 kHz).
const WINDOW: usize = 8_192;
/// Range of pitches searched for in a harmony: C2 to C7.
const HARMONY_PITCHES: std::ops::RangeInclusive<u8> = 36..=96;
/// Number of partials summed for a pitch, with decreasing weight.
const PARTIALS: usize = 8;
const PARTIAL_DECAY: f32 = 0.75;
/// A further pitch must have this share of the strongest one's salience.
const WEAKEST_SHARE: f32 = 0.28;

/// Pitch detectors with their buffers.
pub(super) struct Ear {
    rate_hz: f32,
    transform: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
}

fn midi(hz: f32) -> u8 {
    (69.0 + 12.0 * (hz / 440.0).log2()).round().clamp(0.0, 127.0) as u8
}

fn hertz(midi: u8) -> f32 {
    440.0 * ((f32::from(midi) - 69.0) / 12.0).exp2()
}

impl Ear {
    pub(super) fn new(rate_hz: u32) -> Self {
        let window = (0..WINDOW)
            .map(|index| 0.5 - 0.5 * (std::f32::consts::TAU * index as f32 / WINDOW as f32).cos())
            .collect();
        Self { rate_hz: rate_hz as f32, transform: RealFftPlanner::new().plan_fft_forward(WINDOW), window }
    }

    /// The one pitch around `centre` of a loop, if it is periodic: YIN, steps 2 to 5 (de Cheveigné and Kawahara, JASA
    /// 111, 2002), at a quarter of the rate.
    pub(super) fn single(&self, mono: &[f32], centre: usize, (low, high): (f32, f32)) -> Vec<(u8, f32)> {
        let factor = if high < 500.0 { 8 } else { 2 };
        let rate = self.rate_hz / factor as f32;
        let longest = (rate / low) as usize;
        let shortest = ((rate / high) as usize).max(2);
        let window = longest * 2;
        let first = centre as i64 - ((window + longest) * factor / 2) as i64;
        // A moving average keeps the content below the top of the range.
        let samples: Vec<f32> = (0..window + longest + 1)
            .map(|index| {
                let start = first + (index * factor) as i64;
                let near = (0..factor as i64).map(|offset| wrapped(mono, start + offset));
                near.sum::<f32>() / factor as f32
            })
            .collect();
        let mut sum = 0.0;
        let mut normalised = vec![1.0_f32; longest + 1];
        for lag in 1..=longest {
            let difference: f32 =
                samples[..window].iter().zip(&samples[lag..]).map(|(now, later)| (now - later).powi(2)).sum();
            sum += difference;
            normalised[lag] = if sum > 0.0 { difference * lag as f32 / sum } else { 1.0 };
        }
        let start = (shortest..longest).find(|&lag| normalised[lag] < YIN_GOOD);
        let lowest = || (shortest..longest).min_by(|a, b| normalised[*a].total_cmp(&normalised[*b]));
        let Some(mut lag) = start.or_else(lowest) else { return Vec::new() };
        while lag < longest && normalised[lag + 1] < normalised[lag] {
            lag += 1;
        }
        if normalised[lag] > YIN_WORST || lag >= longest {
            return Vec::new();
        }
        let (before, at, after) = (normalised[lag - 1], normalised[lag], normalised[lag + 1]);
        let curvature = before - 2.0 * at + after;
        let shift = if curvature > 0.0 { (before - after) / (2.0 * curvature) } else { 0.0 };
        vec![(midi(rate / (lag as f32 + shift)), 1.0)]
    }

    /// Up to `most` pitches around `centre` of a loop, the strongest first: harmonic summation and cancellation (Klapuri,
    /// "Multiple Fundamental Frequency Estimation by Summing Harmonic Amplitudes", ISMIR 2006).
    pub(super) fn several(&mut self, mono: &[f32], centre: usize, most: usize) -> Vec<(u8, f32)> {
        let first = centre as i64 - WINDOW as i64 / 2;
        let mut buffer: Vec<f32> = self
            .window
            .iter()
            .enumerate()
            .map(|(index, weight)| wrapped(mono, first + index as i64) * weight)
            .collect();
        let mut spectrum = self.transform.make_output_vec();
        if self.transform.process(&mut buffer, &mut spectrum).is_err() {
            return Vec::new();
        }
        // The root flattens the spectrum, so that bright and dull sounds are treated alike.
        let mut strength: Vec<f32> = spectrum.iter().map(|bin| bin.norm().sqrt()).collect();
        let floor = strength.iter().copied().fold(0.0, f32::max) * 0.05;
        let mut found: Vec<(u8, f32)> = Vec::new();
        while found.len() < most {
            let best = HARMONY_PITCHES
                .filter(|pitch| found.iter().all(|(known, _)| known != pitch))
                .map(|pitch| (pitch, self.salience(&strength, pitch)))
                .max_by(|a, b| a.1.total_cmp(&b.1));
            let Some((pitch, salience)) = best else { break };
            let strongest = found.first().map_or(salience, |(_, strongest)| *strongest);
            if salience <= floor || salience < WEAKEST_SHARE * strongest {
                break;
            }
            found.push((pitch, salience));
            for partial in 1..=PARTIALS {
                for bin in self.bins(pitch, partial, strength.len()) {
                    strength[bin] *= if partial == 1 { 0.0 } else { 0.35 };
                }
            }
        }
        let strongest = found.first().map_or(1.0, |(_, strongest)| strongest.max(f32::MIN_POSITIVE));
        found.into_iter().map(|(pitch, salience)| (pitch, salience / strongest)).collect()
    }

    /// Bins within a third of a semitone of a partial, at least three.
    fn bins(&self, pitch: u8, partial: usize, count: usize) -> std::ops::Range<usize> {
        let bin = hertz(pitch) * partial as f32 * WINDOW as f32 / self.rate_hz;
        let reach = (bin * 0.02).max(1.0);
        ((bin - reach).round() as usize).min(count)..((bin + reach).round() as usize + 1).min(count)
    }

    fn salience(&self, strength: &[f32], pitch: u8) -> f32 {
        (1..=PARTIALS)
            .map(|partial| {
                let top =
                    strength[self.bins(pitch, partial, strength.len())].iter().copied().fold(0.0, f32::max);
                top * PARTIAL_DECAY.powi(partial as i32 - 1)
            })
            .sum()
    }
}

fn wrapped(mono: &[f32], index: i64) -> f32 {
    mono[index.rem_euclid(mono.len() as i64) as usize]
}
