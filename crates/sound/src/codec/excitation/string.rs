//! Partials of stiff strings (pianos, guitars, electric basses), whose spacing widens towards higher partials.
//!
//! `f_k = k f sqrt((1 + B k^2) / (1 + B))`: Fletcher, Blackham and Stratton, "Quality of Piano Tones", J. Acoust. Soc.
//! Am. 34 (1962). A wavetable cycle cannot represent them, so each is an oscillator of its own: a complex rotation per
//! sample, reset from its exact phase every [`BLOCK`] samples.

use std::f64::consts::TAU;

use super::{RATE, VoiceTarget};

/// Maximum number of partials of a string.
const PARTIALS: usize = 128;
/// Partials from this frequency on are omitted, in hertz.
const HIGH_HZ: f64 = 20_000.0;
/// Number of partials computed in parallel.
const LANES: usize = 8;
/// Samples between resets, which bound rounding errors.
const BLOCK: usize = 256;

/// `B` of a note from pairs (MIDI pitch, `B`) in ascending pitch: `ln B` is linear between them and constant outside.
///
/// 0 without pairs.
pub(super) fn stiffness(pairs: &[(f64, f64)], pitch: f64) -> f64 {
    let (Some(&first), Some(&last)) = (pairs.first(), pairs.last()) else { return 0.0 };
    if pitch <= first.0 {
        return first.1;
    }
    if pitch >= last.0 {
        return last.1;
    }
    let above = pairs.partition_point(|pair| pair.0 <= pitch);
    let ((low, from), (high, to)) = (pairs[above - 1], pairs[above]);
    let place = (pitch - low) / (high - low);
    (from.ln() + place * (to.ln() - from.ln())).exp()
}

/// One voice of a string.
pub(super) struct Voice<'a> {
    /// Frequency of the first partial in hertz.
    pub hz: f64,
    /// Fletcher's coefficient, above 0.
    pub stiffness: f64,
    /// Weights of the partials as in [`super::TonalExcitation::partials`].
    pub weights: &'a [f64],
    /// Phase of the first partial at `start`, in cycles.
    pub turns: f64,
    /// Sample of the onset.
    pub start: i64,
}

/// Oscillators of one stream, [`LANES`] at a time.
struct Group {
    turns: [f64; LANES],
    /// Cycles per sample.
    steps: [f64; LANES],
    amplitudes: [f64; LANES],
}

impl Voice<'_> {
    /// The odd (0) or even (1) partials.
    fn groups(&self, parity: usize) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let mut lane = LANES;
        for partial in (1 + parity..=PARTIALS).step_by(2) {
            let k = partial as f64;
            let hz = k * self.hz * ((1.0 + self.stiffness * k * k) / (1.0 + self.stiffness)).sqrt();
            if hz >= HIGH_HZ {
                break;
            }
            if lane == LANES {
                groups.push(Group { turns: [0.0; LANES], steps: [0.0; LANES], amplitudes: [0.0; LANES] });
                lane = 0;
            }
            let weight = self.weights.get(partial - 1).or(self.weights.last()).copied().unwrap_or(1.0);
            let group = groups.last_mut().expect("pushed above");
            group.turns[lane] = k * self.turns;
            group.steps[lane] = hz / RATE;
            group.amplitudes[lane] = weight / k;
            lane += 1;
        }
        groups
    }

    /// Adds the voice to the odd and even streams, from sample `target.audible` to the end of its envelope.
    pub(super) fn render(&self, target: VoiceTarget<'_>) {
        let offset = (target.audible - target.window_first) as usize;
        let skipped = (target.audible - self.start) as f64;
        for (parity, stream) in [(0, target.odd), (1, target.even)] {
            let groups = self.groups(parity);
            let stream = &mut stream[offset..offset + target.envelope.len()];
            let blocks = stream.chunks_mut(BLOCK).zip(target.envelope.chunks(BLOCK));
            for (index, (cells, envelope)) in blocks.enumerate() {
                let mut sums = [[0.0f32; LANES]; BLOCK];
                for group in &groups {
                    group.add(skipped + (index * BLOCK) as f64, &mut sums[..cells.len()]);
                }
                for ((cell, amplitude), lanes) in cells.iter_mut().zip(envelope).zip(&sums) {
                    *cell += amplitude * lanes.iter().sum::<f32>();
                }
            }
        }
    }
}

impl Group {
    /// Adds the oscillators' values, starting `sample` samples after the onset.
    fn add(&self, sample: f64, sums: &mut [[f32; LANES]]) {
        let (mut re, mut im) = ([0.0f32; LANES], [0.0f32; LANES]);
        let (mut cosine, mut sine) = ([0.0f32; LANES], [0.0f32; LANES]);
        for lane in 0..LANES {
            let turns = self.turns[lane] + self.steps[lane] * sample;
            let (s, c) = ((turns - turns.floor()) * TAU).sin_cos();
            re[lane] = (c * self.amplitudes[lane]) as f32;
            im[lane] = (s * self.amplitudes[lane]) as f32;
            let (s, c) = (self.steps[lane] * TAU).sin_cos();
            cosine[lane] = c as f32;
            sine[lane] = s as f32;
        }
        for lanes in sums {
            for lane in 0..LANES {
                lanes[lane] += im[lane];
                let turned = re[lane] * cosine[lane] - im[lane] * sine[lane];
                im[lane] = re[lane] * sine[lane] + im[lane] * cosine[lane];
                re[lane] = turned;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stiffness_is_interpolated_in_its_logarithm_and_constant_outside() {
        let pairs = [(40.0, 1e-4), (52.0, 1e-2)];
        assert_eq!(stiffness(&[], 60.0), 0.0);
        assert_eq!(stiffness(&pairs, 20.0), 1e-4);
        assert_eq!(stiffness(&pairs, 52.0), 1e-2);
        assert!((stiffness(&pairs, 46.0) - 1e-3).abs() < 1e-12);
    }

    #[test]
    fn a_tone_may_be_made_in_pieces() {
        let voice = Voice { hz: 110.0, stiffness: 3e-4, weights: &[1.0, 0.5], turns: 0.3, start: -100 };
        let render = |first: i64, samples: usize| {
            let (mut odd, mut even) = (vec![0.0; samples], vec![0.0; samples]);
            let envelope = vec![1.0; samples];
            let target = VoiceTarget {
                odd: &mut odd,
                even: &mut even,
                envelope: &envelope,
                window_first: first,
                audible: first,
            };
            voice.render(target);
            (odd, even)
        };
        let whole = render(0, 4000);
        let part = render(1234, 1000);
        for (whole, part) in [(&whole.0, &part.0), (&whole.1, &part.1)] {
            assert!(part.iter().any(|value| value.abs() > 0.1));
            for (a, b) in whole[1234..2234].iter().zip(part) {
                assert!((a - b).abs() < 2e-4, "{a} {b}");
            }
        }
    }
}
