//! The mix of the stems, and loops at other sample rates.

use resonantgen_sound::measure::sound::true_peak;
use resonantgen_sound::resample;
use resonantgen_take::{FULL_SCALE, StemAudio, TAKE_SAMPLE_RATE_HZ};

/// Highest true peak in dBTP of a mix that needs no limiting, and of a limited one.
const HIGHEST_PEAK_DBTP: f32 = -1.0;
/// First target of the limiter in dBTP: a moving gain slightly raises the peaks between samples.
const AIM_DBTP: f32 = -1.1;
/// Maximum number of further attempts with a lower target.
const ATTEMPTS: u32 = 3;
/// Attack before a peak in samples (2 ms), and time constant of the release (60 ms).
const LOOK_AHEAD: usize = TAKE_SAMPLE_RATE_HZ as usize / 500;
const RELEASE: f64 = TAKE_SAMPLE_RATE_HZ as f64 * 0.06;
/// Half the number of taps of the interpolation between samples.
const TAPS: usize = 12;

/// The sum of stems of equal length. If its true peak exceeds -1 dBTP, a look-ahead limiter reduces both channels by the same gain
/// around the peaks. The gain is continuous across the seam, so the mix loops like its stems.
#[must_use]
pub fn mix(stems: &[&StemAudio]) -> StemAudio {
    let frames = stems.iter().map(|stem| stem.len()).max().unwrap_or(0);
    let sum = |channel: fn(&StemAudio) -> &[i32]| -> Vec<i64> {
        let mut sum = vec![0_i64; frames];
        for stem in stems {
            for (total, sample) in sum.iter_mut().zip(channel(stem)) {
                *total += i64::from(*sample);
            }
        }
        sum
    };
    let (left, right) = (sum(|stem| &stem.left), sum(|stem| &stem.right));
    let full = f64::from(FULL_SCALE);
    let share = |samples: &[i64]| samples.iter().map(|sample| *sample as f64 / full).collect::<Vec<_>>();
    let (wide_left, wide_right) = (share(&left), share(&right));
    let excess = |left: &[f64], right: &[f64]| {
        let floats = |samples: &[f64]| samples.iter().map(|sample| *sample as f32).collect::<Vec<_>>();
        true_peak(&floats(left), &floats(right)).map_or(0.0, |peak| peak - HIGHEST_PEAK_DBTP)
    };
    if excess(&wide_left, &wide_right) <= 0.0 {
        let whole = |samples: Vec<i64>| samples.into_iter().map(|sample| sample as i32).collect();
        return StemAudio { left: whole(left), right: whole(right) };
    }
    let mut peaks = peaks_between(&wide_left);
    for (peak, other) in peaks.iter_mut().zip(peaks_between(&wide_right)) {
        *peak = peak.max(other);
    }
    let mut aim_dbtp = AIM_DBTP;
    let mut limited = Default::default();
    for _ in 0..ATTEMPTS {
        let gains = gains(&peaks, 10f64.powf(f64::from(aim_dbtp) / 20.0));
        let turned = |samples: &[f64]| -> Vec<f64> {
            samples.iter().zip(&gains).map(|(sample, gain)| sample * gain).collect()
        };
        limited = (turned(&wide_left), turned(&wide_right));
        let over = excess(&limited.0, &limited.1);
        if over <= 0.0 {
            break;
        }
        aim_dbtp -= over + 0.02;
    }
    let whole = |samples: Vec<f64>| samples.into_iter().map(quantise).collect();
    StemAudio { left: whole(limited.0), right: whole(limited.1) }
}

/// The highest magnitude of a loop at each sample and at the quarters after it, by a windowed sinc (J. O. Smith, "Digital Audio
/// Resampling Home Page", section "Windowed Sinc Interpolation"), in four times the rate as BS.1770-4, annex 2, measures it.
fn peaks_between(samples: &[f64]) -> Vec<f64> {
    let kernels = [0.25, 0.5, 0.75].map(|shift| {
        std::array::from_fn::<f64, { 2 * TAPS }, _>(|tap| {
            let at = tap as f64 - (TAPS as f64 - 1.0) - shift;
            let angle = std::f64::consts::PI * at;
            let window = 0.5 + 0.5 * (angle / TAPS as f64).cos();
            window * angle.sin() / angle
        })
    });
    let count = samples.len();
    let highest = samples.iter().fold(0.0_f64, |highest, sample| highest.max(sample.abs()));
    let next = |index: usize| samples[(index + 1) % count];
    (0..count)
        .map(|index| {
            let ends = samples[index].abs().max(next(index).abs());
            // Two small samples have no high peak between them.
            if ends < 0.5 * highest {
                return ends;
            }
            let between = |kernel: &[f64; 2 * TAPS]| -> f64 {
                let value = |tap: usize| samples[(index + count * TAPS + tap + 1 - TAPS) % count];
                kernel.iter().enumerate().map(|(tap, weight)| weight * value(tap)).sum::<f64>()
            };
            kernels.iter().fold(ends, |peak, kernel| peak.max(between(kernel).abs()))
        })
        .collect()
}

/// Gain of each sample of a loop so that no peak exceeds `ceiling`.
fn gains(peaks: &[f64], ceiling: f64) -> Vec<f64> {
    let count = peaks.len();
    let ahead = LOOK_AHEAD.min(count);
    let mut held = vec![1.0_f64; count];
    for (index, peak) in peaks.iter().enumerate().filter(|(_, peak)| **peak > ceiling) {
        // A peak between two samples counts for both.
        for offset in 0..=ahead {
            let gain = &mut held[(index + 1 + count - offset % count) % count];
            *gain = gain.min(ceiling / peak);
        }
    }
    // Two passes, so that the release at the end carries over to the beginning.
    let back = 1.0 - (-1.0 / RELEASE).exp();
    let mut gain = 1.0;
    for _ in 0..2 {
        for held in &mut held {
            gain = held.min(gain + (1.0 - gain) * back);
            *held = gain;
        }
    }
    // Mean over the attack, during which the gain for the coming peak was held.
    let mut sum: f64 = (0..ahead).map(|offset| held[count - 1 - offset]).sum();
    let mut smooth = vec![1.0; count];
    for index in 0..count {
        sum += held[index] - held[(index + count - ahead) % count];
        smooth[index] = (sum / ahead as f64).min(1.0);
    }
    smooth
}

fn quantise(sample: f64) -> i32 {
    let full = f64::from(FULL_SCALE);
    (sample * full).round().clamp(-full, full - 1.0) as i32
}

/// Resamples a loop to `audio_frames` with the resampler that playback uses, so that an export at the host's rate is what the
/// plugin plays at that rate, rounded to 24 bits.
#[must_use]
pub fn resample_loop(audio: &StemAudio, audio_frames: usize) -> StemAudio {
    if audio.len() == audio_frames || audio.is_empty() || audio_frames == 0 {
        return audio.clone();
    }
    let resample = |samples: &[i32]| -> Vec<i32> {
        // Exact: a 24-bit integer fits the significand of a float.
        let signal: Vec<f32> = samples.iter().map(|sample| *sample as f32 / FULL_SCALE).collect();
        resample::resample_loop(&signal, audio_frames)
            .into_iter()
            .map(|sample| quantise(f64::from(sample)))
            .collect()
    };
    StemAudio { left: resample(&audio.left), right: resample(&audio.right) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(frames: usize, cycles: f64, amplitude: f64) -> Vec<i32> {
        (0..frames)
            .map(|index| {
                quantise(amplitude * (std::f64::consts::TAU * cycles * index as f64 / frames as f64).sin())
            })
            .collect()
    }

    #[test]
    fn a_loop_keeps_its_waves_at_another_length() {
        for (from, to) in [(48_000, 44_100), (44_100, 48_000), (1_001, 2_003), (4_800, 9_600)] {
            let audio = StemAudio { left: sine(from, 40.0, 0.5), right: sine(from, 7.0, 0.3) };
            let resampled = resample_loop(&audio, to);
            let expected = StemAudio { left: sine(to, 40.0, 0.5), right: sine(to, 7.0, 0.3) };
            for (ours, theirs) in resampled.left.iter().zip(&expected.left) {
                assert!((ours - theirs).abs() <= 3, "{from} to {to}: {ours} instead of {theirs}");
            }
            assert_eq!(resampled.right.len(), to);
        }
    }

    #[test]
    fn the_mix_is_the_sum_unless_it_would_clip() {
        let quiet = StemAudio { left: vec![100, -200], right: vec![3, 4] };
        assert_eq!(mix(&[&quiet, &quiet]), StemAudio { left: vec![200, -400], right: vec![6, 8] });
        assert!(mix(&[]).is_empty());
        let one = StemAudio { left: vec![8_000_000], right: vec![-8_000_000] };
        assert!(mix(&[&one, &one]).left[0] < 7_500_000);
    }

    #[test]
    fn a_mix_that_would_clip_stays_below_its_peak_and_keeps_the_rest() {
        // A quiet tone with bursts, one of them across the seam, whose peaks lie between samples.
        let frames = 48_000;
        let burst = |index: usize| {
            let distance = |at: usize| index.abs_diff(at).min(frames - index.abs_diff(at)) as f64;
            [0, 20_000].iter().map(|at| (-(distance(*at) / 300.0).powi(2)).exp()).sum::<f64>()
        };
        let tone = |index: usize, phase: f64| {
            let angle = std::f64::consts::TAU * index as f64 / 4.0 + phase;
            quantise((0.1 + 0.6 * burst(index)) * angle.sin())
        };
        let stem = StemAudio {
            left: (0..frames).map(|index| tone(index, 0.8)).collect(),
            right: (0..frames).map(|index| tone(index, 0.3)).collect(),
        };
        let limited = mix(&[&stem, &stem]);
        let floats =
            |samples: &[i32]| samples.iter().map(|sample| *sample as f32 / FULL_SCALE).collect::<Vec<_>>();
        let peak = true_peak(&floats(&limited.left), &floats(&limited.right)).expect("a sound");
        assert!((-1.5..=-1.0).contains(&peak), "{peak}");
        // Away from the bursts the mix is the sum. Near them, both channels have the same continuous gain.
        let gain = |index: usize| f64::from(limited.left[index]) / f64::from(2 * stem.left[index]);
        assert!(gain(36_001) > 0.99 && gain(20_000) < 0.7);
        assert!((19_000..21_000).all(|index| (gain(index + 1) - gain(index)).abs() < 0.01));
        assert!((gain(0) - gain(frames - 1)).abs() < 0.01);
        let other = |index: usize| f64::from(limited.right[index]) / f64::from(2 * stem.right[index]);
        assert!((gain(20_000) - other(20_000)).abs() < 1e-3);
    }
}
