//! The mix of the stems, and loops at other rates.

use realfft::RealFftPlanner;

use crate::measure::sound::true_peak;
use crate::take::{FULL_SCALE, StemAudio};

/// Where the soft limiter begins to bend, and what it does not exceed, as shares of full scale: the ceiling leaves room for peaks
/// between samples.
const KNEE: f64 = 0.7;
const CEILING: f64 = 0.87;
/// Highest true peak in dBTP of a mix that is left alone.
const HIGHEST_PEAK_DBTP: f32 = -1.0;

/// The sum of stems of equal length. Only a sum whose true peak would exceed -1 dBTP is bent softly below it; the curve
/// has no memory, so the mix loops as its stems do.
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
    let floats =
        |samples: &[i64]| samples.iter().map(|sample| (*sample as f64 / full) as f32).collect::<Vec<_>>();
    let exceeds = true_peak(&floats(&left), &floats(&right)).is_some_and(|peak| peak > HIGHEST_PEAK_DBTP);
    let finish = |samples: Vec<i64>| {
        samples
            .into_iter()
            .map(|sample| if exceeds { bend(sample as f64 / full) } else { sample as i32 })
            .collect()
    };
    StemAudio { left: finish(left), right: finish(right) }
}

fn bend(sample: f64) -> i32 {
    let (size, room) = (sample.abs(), CEILING - KNEE);
    let bent = if size <= KNEE { size } else { KNEE + room * ((size - KNEE) / room).tanh() };
    quantise(bent.copysign(sample))
}

fn quantise(sample: f64) -> i32 {
    let full = f64::from(FULL_SCALE);
    (sample * full).round().clamp(-full, full - 1.0) as i32
}

/// Resamples a loop to `audio_frames`, seamlessly: the loop is one period, so its discrete Fourier transform is cut or
/// filled up with zeros (Oppenheim and Schafer, "Discrete-Time Signal Processing", 3rd edition, section 8.4: sampling
/// the Fourier transform). A streaming resampler would neither meet the exact length nor wrap around the seam.
#[must_use]
pub fn resample_loop(audio: &StemAudio, audio_frames: usize) -> StemAudio {
    if audio.len() == audio_frames || audio.is_empty() || audio_frames == 0 {
        return audio.clone();
    }
    let mut planner = RealFftPlanner::<f64>::new();
    let forward = planner.plan_fft_forward(audio.len());
    let inverse = planner.plan_fft_inverse(audio_frames);
    let resample = |samples: &[i32]| -> Vec<i32> {
        let mut signal: Vec<f64> =
            samples.iter().map(|sample| f64::from(*sample) / f64::from(FULL_SCALE)).collect();
        let mut spectrum = forward.make_output_vec();
        forward.process(&mut signal, &mut spectrum).expect("buffers are made by the transform itself");
        let mut wanted = inverse.make_input_vec();
        let shared = spectrum.len().min(wanted.len());
        wanted[..shared].copy_from_slice(&spectrum[..shared]);
        // The first bin is real by nature; the last one of an even length has no phase that could be kept.
        wanted[0].im = 0.0;
        if (audio_frames.min(audio.len())).is_multiple_of(2)
            && let Some(last) = wanted.get_mut(shared - 1)
        {
            last.re = 0.0;
            last.im = 0.0;
        }
        let mut output = inverse.make_output_vec();
        inverse.process(&mut wanted, &mut output).expect("the edge bins are real");
        output.iter().map(|sample| quantise(sample / audio.len() as f64)).collect()
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
        let loud = StemAudio { left: vec![8_000_000, 1_000], right: vec![-8_000_000, 0] };
        let limited = mix(&[&loud, &loud]);
        assert!(limited.left[0] > 6_000_000 && limited.right[0] < -6_000_000);
        assert!(limited.left[0] < 7_400_000 && limited.right[0] > -7_400_000);
        assert_eq!((limited.left[1], limited.right[1]), (2_000, 0));
        assert!(mix(&[]).is_empty());
    }
}
