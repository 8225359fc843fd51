//! The mix of the stems, and loops at other sample rates.

use std::borrow::Cow;

use resonantgen_sound::finish::limit::limit;
use resonantgen_sound::measure::sound::true_peak;
use resonantgen_sound::resample;
use resonantgen_take::{FULL_SCALE, StemAudio};

/// Highest true peak in dBTP of a mix.
const HIGHEST_PEAK_DBTP: f32 = -1.0;

/// The sum of stems of equal length. A sum whose true peak would exceed -1 dBTP is [limited](limit); any other sum is left alone.
#[must_use]
pub fn mix(stems: &[&StemAudio]) -> StemAudio {
    let mut sum = Sum::default();
    for stem in stems {
        sum.add(stem);
    }
    sum.mixed()
}

/// A mix that is given one stem after the other, so that the stems of a long song need not be in memory together.
#[derive(Debug, Default)]
pub(super) struct Sum(StemAudio);

impl Sum {
    /// Adds a stem. The samples of a hundred stems have room in the sum.
    pub(super) fn add(&mut self, stem: &StemAudio) {
        for (sum, samples) in [(&mut self.0.left, &stem.left), (&mut self.0.right, &stem.right)] {
            sum.resize(sum.len().max(samples.len()), 0);
            for (sum, sample) in sum.iter_mut().zip(samples) {
                *sum += sample;
            }
        }
    }

    /// The [mix](mix) of what was added.
    pub(super) fn mixed(self) -> StemAudio {
        let share = |samples: &[i32]| -> Vec<f32> {
            samples.iter().map(|sample| *sample as f32 / FULL_SCALE).collect()
        };
        let mut sides = [share(&self.0.left), share(&self.0.right)];
        if true_peak(&sides[0], &sides[1]).is_none_or(|peak| peak <= HIGHEST_PEAK_DBTP) {
            return self.0;
        }
        drop(self);
        limit(&mut sides, HIGHEST_PEAK_DBTP);
        let [left, right] = sides
            .map(|samples| samples.into_iter().map(|sample| quantise(f64::from(sample))).collect::<Vec<_>>());
        StemAudio { left, right }
    }
}

fn quantise(sample: f64) -> i32 {
    let full = f64::from(FULL_SCALE);
    (sample * full).round().clamp(-full, full - 1.0) as i32
}

/// Resamples a loop to `audio_frames` with the resampler that playback uses, so that an export at the host's rate is what the
/// plugin plays at that rate, rounded to 24 bits.
#[must_use]
pub fn resample_loop(audio: &StemAudio, audio_frames: usize) -> StemAudio {
    at_length(audio, audio_frames).into_owned()
}

/// As [`resample_loop`], without a copy of a loop that has this length already.
pub(super) fn at_length(audio: &StemAudio, audio_frames: usize) -> Cow<'_, StemAudio> {
    if audio.len() == audio_frames || audio.is_empty() || audio_frames == 0 {
        return Cow::Borrowed(audio);
    }
    let resample = |samples: &[i32]| -> Vec<i32> {
        // Exact: a 24-bit integer fits the significand of a float.
        let signal: Vec<f32> = samples.iter().map(|sample| *sample as f32 / FULL_SCALE).collect();
        resample::resample_loop(&signal, audio_frames)
            .into_iter()
            .map(|sample| quantise(f64::from(sample)))
            .collect()
    };
    Cow::Owned(StemAudio { left: resample(&audio.left), right: resample(&audio.right) })
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
}
