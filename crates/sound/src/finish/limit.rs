//! A look-ahead true-peak limiter for loops.

use super::Sides;
use crate::audio::TAKE_SAMPLE_RATE_HZ;
use crate::measure::sound::true_peak;

/// Initial target below the ceiling, in decibels: a moving gain raises the peaks between samples slightly.
const MARGIN_DB: f32 = 0.1;
/// How often the limiter may lower its target if the result is still too high. After that, the whole loop is turned down.
const ATTEMPTS: u32 = 4;
/// Samples over which the gain falls before a peak (2 ms), and its recovery time constant (60 ms).
const LOOK_AHEAD: usize = TAKE_SAMPLE_RATE_HZ as usize / 500;
const RELEASE: f64 = TAKE_SAMPLE_RATE_HZ as f64 * 0.06;
/// Half the number of taps of the interpolation between samples.
const TAPS: usize = 12;

/// Turns a loop down around peaks above `ceiling_dbtp`. Both channels share a look-ahead gain, which continues across the seam. A
/// loop without such peaks is unchanged. Afterwards the true peak is at most the ceiling.
///
/// # Panics
/// Panics if the channels differ in length.
pub fn limit(sides: &mut Sides, ceiling_dbtp: f32) {
    assert_eq!(sides[0].len(), sides[1].len(), "both channels of a loop are equally long");
    let excess = |sides: &Sides| true_peak(&sides[0], &sides[1]).map_or(0.0, |peak| peak - ceiling_dbtp);
    if excess(sides) <= 0.0 {
        return;
    }
    let before = sides.clone();
    let count = before[0].len();
    let mut aim_dbtp = ceiling_dbtp - MARGIN_DB;
    let mut floor = f64::INFINITY;
    let mut peaks = Vec::new();
    for _ in 0..ATTEMPTS {
        let ceiling = 10f64.powf(f64::from(aim_dbtp) / 20.0);
        if ceiling < floor {
            // Of a long piece, few samples are that high.
            floor = 0.5 * ceiling;
            peaks = peaks_above(&before, floor);
        }
        let held = held_gains(&peaks, count, ceiling);
        for (index, gain) in smooth(&held).enumerate() {
            for (samples, before) in sides.iter_mut().zip(&before) {
                samples[index] = (f64::from(before[index]) * gain) as f32;
            }
        }
        let over = excess(sides);
        if over <= 0.0 {
            return;
        }
        aim_dbtp -= over + 0.02;
    }
    let factor = 10f32.powf(-(excess(sides).max(0.0) + 0.01) / 20.0);
    sides.iter_mut().flatten().for_each(|sample| *sample *= factor);
}

/// The highest magnitude of a loop at each sample and at the three quarter positions after it, interpolated by a windowed sinc
/// (J. O. Smith, "Digital Audio Resampling Home Page", section "Windowed Sinc Interpolation") at four times the rate, like the
/// measurement of BS.1770-4, annex 2.
fn peaks_between(samples: &[f32]) -> impl Iterator<Item = f64> {
    let kernels = [0.25, 0.5, 0.75].map(|shift| {
        std::array::from_fn::<f64, { 2 * TAPS }, _>(|tap| {
            let at = tap as f64 - (TAPS as f64 - 1.0) - shift;
            let angle = std::f64::consts::PI * at;
            let window = 0.5 + 0.5 * (angle / TAPS as f64).cos();
            window * angle.sin() / angle
        })
    });
    let count = samples.len();
    // The loop with the samples that surround it when it repeats.
    let looped = (0..count + 2 * TAPS).map(|index| samples[(index + count * TAPS + 1 - TAPS) % count]);
    let looped: Vec<f32> = if count == 0 { Vec::new() } else { looped.collect() };
    let highest = samples.iter().fold(0.0_f64, |highest, sample| highest.max(f64::from(*sample).abs()));
    (0..count).map(move |index| {
        let values = &looped[index..][..2 * TAPS];
        let ends = f64::from(values[TAPS - 1]).abs().max(f64::from(values[TAPS]).abs());
        // In music, the highest peak is never between two small samples.
        if ends < 0.5 * highest {
            return ends;
        }
        let between = |kernel: &[f64; 2 * TAPS]| -> f64 {
            kernel.iter().zip(values).map(|(weight, value)| weight * f64::from(*value)).sum::<f64>()
        };
        kernels.iter().fold(ends, |peak, kernel| peak.max(between(kernel).abs()))
    })
}

/// The places of the peaks of either channel that are higher than `floor`, and their heights.
fn peaks_above(sides: &Sides, floor: f64) -> Vec<(usize, f64)> {
    let pairs = peaks_between(&sides[0]).zip(peaks_between(&sides[1]));
    let higher = pairs.map(|(left, right)| left.max(right)).enumerate();
    higher.filter(|(_, peak)| *peak > floor).collect()
}

/// The gain for each sample of a loop so that no peak exceeds `ceiling`: it falls ahead of each peak and recovers with its time
/// constant. Still with steps: see [`smooth`].
fn held_gains(peaks: &[(usize, f64)], count: usize, ceiling: f64) -> Vec<f64> {
    let ahead = LOOK_AHEAD.min(count);
    let mut held = vec![1.0_f64; count];
    for (index, peak) in peaks.iter().filter(|(_, peak)| *peak > ceiling) {
        // A peak between two samples is held for both.
        for offset in 0..=ahead {
            let gain = &mut held[(index + 1 + count - offset % count) % count];
            *gain = gain.min(ceiling / peak);
        }
    }
    // Twice around the loop, so that its start continues from the state of its end.
    let back = 1.0 - (-1.0 / RELEASE).exp();
    let mut gain = 1.0;
    for _ in 0..2 {
        for held in &mut held {
            gain = held.min(gain + (1.0 - gain) * back);
            *held = gain;
        }
    }
    held
}

/// Gains without steps: the mean of the preceding ones, all of which were held for a peak that comes now.
fn smooth(held: &[f64]) -> impl Iterator<Item = f64> {
    let count = held.len();
    let ahead = LOOK_AHEAD.min(count);
    let mut sum: f64 = (0..ahead).map(|offset| held[count - 1 - offset]).sum();
    (0..count).map(move |index| {
        let leaving = if index < ahead { index + count - ahead } else { index - ahead };
        sum += held[index] - held[leaving];
        (sum / ahead as f64).min(1.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_stay_below_the_ceiling_and_the_rest_is_kept() {
        // A quiet tone with bursts, one of them at the seam, whose peaks are between samples.
        let frames = 48_000_usize;
        let burst = |index: usize| {
            let distance = |at: usize| index.abs_diff(at).min(frames - index.abs_diff(at)) as f64;
            [0, 20_000].iter().map(|at| (-(distance(*at) / 300.0).powi(2)).exp()).sum::<f64>()
        };
        let tone = |index: usize, phase: f64| {
            let angle = std::f64::consts::TAU * index as f64 / 4.0 + phase;
            ((0.1 + 1.2 * burst(index)) * angle.sin()) as f32
        };
        let before: Sides = [0.8, 0.3].map(|phase| (0..frames).map(|index| tone(index, phase)).collect());
        let mut sides = before.clone();
        limit(&mut sides, -1.0);
        let peak = true_peak(&sides[0], &sides[1]).expect("a sound");
        assert!((-1.5..=-1.0).contains(&peak), "{peak}");
        // Unchanged far from the bursts; near them, one smooth gain for both channels.
        let gain = |side: usize, index: usize| f64::from(sides[side][index] / before[side][index]);
        assert!(gain(0, 36_001) > 0.99 && gain(0, 20_000) < 0.8);
        assert!((19_000..21_000).all(|index| (gain(0, index + 1) - gain(0, index)).abs() < 0.01));
        assert!((gain(0, 0) - gain(0, frames - 1)).abs() < 0.01);
        assert!((gain(0, 20_000) - gain(1, 20_000)).abs() < 1e-3);
        let limited = sides.clone();
        limit(&mut sides, -1.0);
        assert_eq!(sides, limited);
        limit(&mut [Vec::new(), Vec::new()], -1.0);
    }
}
