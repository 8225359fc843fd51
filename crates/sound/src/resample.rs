//! Resampling of loops.

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

/// Share of the kept band, below its upper edge, over which the response falls to zero: it keeps the ringing of the
/// band edge short.
const TAPER: f64 = 0.06;

/// Resamples one period of a periodic signal to `target_frames` audio frames per period.
///
/// A loop is periodic, so its discrete Fourier transform describes it exactly: keeping the bins below both Nyquist
/// frequencies and transforming back at the new length is band-limited interpolation without an edge anywhere, also
/// not at the loop point (J. O. Smith, "Mathematics of the DFT", section "Ideal bandlimited interpolation").
/// Not realtime-safe.
#[must_use]
pub fn resample_loop(samples: &[f32], target_frames: usize) -> Vec<f32> {
    if samples.is_empty() || target_frames == 0 {
        return vec![0.0; target_frames];
    }
    if samples.len() == target_frames {
        return samples.to_vec();
    }
    let mut planner = RealFftPlanner::<f64>::new();
    let forward = planner.plan_fft_forward(samples.len());
    let mut time: Vec<f64> = samples.iter().map(|&sample| f64::from(sample)).collect();
    let mut spectrum = forward.make_output_vec();
    forward.process(&mut time, &mut spectrum).expect("buffers come from the plan");

    let inverse = planner.plan_fft_inverse(target_frames);
    let mut kept = inverse.make_input_vec();
    let bins = kept.len().min(spectrum.len());
    let taper_bins = (bins as f64 * TAPER).max(1.0);
    let scale = 1.0 / samples.len() as f64;
    for (bin, (to, from)) in kept.iter_mut().zip(&spectrum).take(bins).enumerate() {
        let below_edge = (bins - 1 - bin) as f64;
        let gain = if below_edge >= taper_bins {
            1.0
        } else {
            0.5 - 0.5 * (std::f64::consts::PI * below_edge / taper_bins).cos()
        };
        *to = from * (gain * scale);
    }
    // The transform of a real signal is real at both ends; rounding must not say otherwise.
    if let Some(first) = kept.first_mut() {
        *first = Complex::new(first.re, 0.0);
    }
    if let Some(last) = kept.last_mut() {
        *last = Complex::new(last.re, 0.0);
    }
    let mut output = inverse.make_output_vec();
    inverse.process(&mut kept, &mut output).expect("buffers come from the plan");
    output.into_iter().map(|sample| sample as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(frames: usize, cycles: f64) -> Vec<f32> {
        (0..frames)
            .map(|frame| (std::f64::consts::TAU * cycles * frame as f64 / frames as f64).sin() as f32)
            .collect()
    }

    #[test]
    fn a_tone_that_loops_is_the_same_tone_at_the_new_rate() {
        for (from, to) in [(48_000, 44_100), (48_000, 96_000), (24_001, 22_051)] {
            let resampled = resample_loop(&sine(from, 440.0), to);
            let error = resampled
                .iter()
                .zip(sine(to, 440.0))
                .map(|(got, expected)| (got - expected).abs())
                .fold(0.0, f32::max);
            assert!(error < 1e-5, "{from} to {to}: {error}");
        }
    }

    #[test]
    fn a_tone_above_the_new_nyquist_frequency_is_removed() {
        let resampled = resample_loop(&sine(48_000, 15_000.0), 22_050);
        assert!(resampled.iter().all(|sample| sample.abs() < 1e-5));
    }
}
