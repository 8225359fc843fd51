//! Second-order filters for loops (R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients").

use std::f64::consts::{SQRT_2, TAU};

use crate::audio::TAKE_SAMPLE_RATE_HZ;

/// Samples from the loop's end that a filter runs through before the loop starts; longer than it rings.
const LEAD: usize = TAKE_SAMPLE_RATE_HZ as usize / 4;

/// A filter's shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    LowPass,
    HighPass,
    /// Gain in decibels below the frequency.
    LowShelf(f64),
    /// Gain in decibels above the frequency.
    HighShelf(f64),
    /// Gain in decibels around the frequency, and the Q factor.
    Peak(f64, f64),
}

/// Normalised coefficients of a filter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Biquad {
    forward: [f64; 3],
    back: [f64; 2],
}

impl Biquad {
    /// A filter at `hz`. High-pass and low-pass filters have no resonance.
    pub(super) fn new(shape: Shape, hz: f64) -> Self {
        let turn = TAU * hz.min(21_000.0) / f64::from(TAKE_SAMPLE_RATE_HZ);
        let (sine, cosine) = turn.sin_cos();
        let amplitude = |decibels: f64| 10f64.powf(decibels / 40.0);
        let alpha = sine / SQRT_2;
        let (forward, back) = match shape {
            Shape::LowPass => {
                let edge = 1.0 - cosine;
                ([0.5 * edge, edge, 0.5 * edge], [1.0 + alpha, -2.0 * cosine, 1.0 - alpha])
            }
            Shape::HighPass => {
                let edge = 1.0 + cosine;
                ([0.5 * edge, -edge, 0.5 * edge], [1.0 + alpha, -2.0 * cosine, 1.0 - alpha])
            }
            Shape::Peak(decibels, quality) => {
                let (gain, alpha) = (amplitude(decibels), sine / (2.0 * quality));
                (
                    [1.0 + alpha * gain, -2.0 * cosine, 1.0 - alpha * gain],
                    [1.0 + alpha / gain, -2.0 * cosine, 1.0 - alpha / gain],
                )
            }
            Shape::LowShelf(decibels) | Shape::HighShelf(decibels) => {
                let gain = amplitude(decibels);
                // The high shelf is the low shelf with the sign of the cosine inverted.
                let side = if matches!(shape, Shape::LowShelf(_)) { 1.0 } else { -1.0 };
                let (less, more) = (gain - 1.0, gain + 1.0);
                let slope = 2.0 * gain.sqrt() * alpha;
                let turned = side * cosine;
                (
                    [
                        gain * (more - less * turned + slope),
                        side * 2.0 * gain * (less - more * turned),
                        gain * (more - less * turned - slope),
                    ],
                    [
                        more + less * turned + slope,
                        side * -2.0 * (less + more * turned),
                        more + less * turned - slope,
                    ],
                )
            }
        };
        let [whole, ..] = back;
        Self { forward: forward.map(|part| part / whole), back: [back[1] / whole, back[2] / whole] }
    }

    /// Filters a loop in place. The filter is already in the state that the loop's end leaves.
    pub(super) fn run(self, samples: &mut [f32]) {
        let mut state = [0.0_f64; 2];
        let mut step = |sample: f32| {
            let sample = f64::from(sample);
            let out = self.forward[0] * sample + state[0];
            state[0] = self.forward[1] * sample - self.back[0] * out + state[1];
            state[1] = self.forward[2] * sample - self.back[1] * out;
            out as f32
        };
        for sample in &samples[samples.len() - LEAD.min(samples.len())..] {
            step(*sample);
        }
        for sample in samples {
            *sample = step(*sample);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU as TURN;

    fn gain_db(shape: Shape, hz: f64, at: usize) -> f32 {
        let mut samples: Vec<f32> =
            (0..48_000).map(|index| (TURN * (index * at) as f32 / 48_000.0).sin()).collect();
        let power = |samples: &[f32]| samples.iter().map(|sample| sample * sample).sum::<f32>();
        let before = power(&samples);
        Biquad::new(shape, hz).run(&mut samples);
        10.0 * (power(&samples) / before).log10()
    }

    #[test]
    fn filters_have_the_gains_of_their_shapes() {
        for (shape, hz, at, expected) in [
            (Shape::LowPass, 1_000.0, 1_000, -3.01),
            (Shape::LowPass, 1_000.0, 100, 0.0),
            (Shape::HighPass, 1_000.0, 1_000, -3.01),
            (Shape::HighPass, 1_000.0, 100, -40.0),
            (Shape::LowShelf(6.0), 200.0, 20, 6.0),
            (Shape::LowShelf(6.0), 200.0, 8_000, 0.0),
            (Shape::HighShelf(-9.0), 4_000.0, 18_000, -9.0),
            (Shape::HighShelf(-9.0), 4_000.0, 4_000, -4.5),
            (Shape::HighShelf(-9.0), 4_000.0, 100, 0.0),
            (Shape::Peak(5.0, 0.8), 3_000.0, 3_000, 5.0),
            (Shape::Peak(5.0, 0.8), 3_000.0, 60, 0.0),
        ] {
            let found = gain_db(shape, hz, at);
            assert!((found - expected).abs() < 0.25, "{shape:?} at {at}: {found} instead of {expected}");
        }
    }

    #[test]
    fn the_loop_has_no_seam() {
        let mut samples: Vec<f32> =
            (0..48_000).map(|index| (TURN * (index * 100) as f32 / 48_000.0).cos()).collect();
        Biquad::new(Shape::HighPass, 80.0).run(&mut samples);
        let step = (samples[0] - samples[47_999]).abs();
        assert!(step < 0.02, "{step}");
        Biquad::new(Shape::LowPass, 80.0).run(&mut []);
    }
}
