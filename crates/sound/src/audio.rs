//! The stereo audio of takes.

/// Sample rate of takes, in audio frames per second.
pub const TAKE_SAMPLE_RATE_HZ: u32 = 48_000;

/// Stereo audio of a take: signed 24-bit samples, which WAV and FLAC store without loss.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StemAudio {
    /// Left channel, each sample in `-2^23..2^23`, at [`TAKE_SAMPLE_RATE_HZ`].
    pub left: Vec<i32>,
    /// Right channel, as long as the left.
    pub right: Vec<i32>,
}

/// Full scale of [`StemAudio`]: a sample divided by this is in `-1.0..1.0`.
pub const FULL_SCALE: f32 = 8_388_608.0;

impl StemAudio {
    /// Quantises stereo samples in `-1.0..1.0` to 24 bits (rounded, clipped).
    #[must_use]
    pub fn from_f32(left: &[f32], right: &[f32]) -> Self {
        let quantise = |samples: &[f32]| {
            samples
                .iter()
                .map(|sample| (sample * FULL_SCALE).round().clamp(-FULL_SCALE, FULL_SCALE - 1.0) as i32)
                .collect()
        };
        Self { left: quantise(left), right: quantise(right) }
    }

    /// As [`from_f32`](Self::from_f32), rounded to the highest `bits` of the 24 (1 to 24).
    #[must_use]
    pub fn from_f32_rounded(left: &[f32], right: &[f32], bits: u32) -> Self {
        let shift = 24_u32.saturating_sub(bits);
        let half = (1_i32 << shift) >> 1;
        let highest = ((1_i32 << 23) - 1) >> shift << shift;
        let round = |sample: i32| (sample.saturating_add(half) >> shift << shift).min(highest);
        let Self { left, right } = Self::from_f32(left, right);
        let rounded = |samples: Vec<i32>| samples.into_iter().map(round).collect();
        Self { left: rounded(left), right: rounded(right) }
    }

    /// Sum of the squares of the samples of both sides at an audio frame.
    ///
    /// # Panics
    /// Panics if there is no such frame.
    #[must_use]
    pub fn power_at(&self, frame: usize) -> f64 {
        f64::from(self.left[frame]).powi(2) + f64::from(self.right[frame]).powi(2)
    }

    /// Fades an audio frame over to a frame of other audio, amplified by `gain`, at constant power: `share` is the new one's, from 0 to
    /// 1, with which nothing of the old one is left. The result is rounded and clipped.
    ///
    /// # Panics
    /// Panics if there is no such frame in either.
    pub fn fade_over(&mut self, frame: usize, (new, at): (&Self, usize), gain: f64, share: f64) {
        let angle = share * std::f64::consts::FRAC_PI_2;
        let mixed = |old: i32, new: i32| {
            let old = if share >= 1.0 { 0 } else { old };
            let sum = angle.cos() * f64::from(old) + angle.sin() * gain * f64::from(new);
            sum.round().clamp(-f64::from(FULL_SCALE), f64::from(FULL_SCALE) - 1.0) as i32
        };
        self.left[frame] = mixed(self.left[frame], new.left[at]);
        self.right[frame] = mixed(self.right[frame], new.right[at]);
    }

    /// Length in audio frames.
    #[must_use]
    pub fn len(&self) -> usize {
        self.left.len()
    }

    /// Whether it has no audio frame.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }
}

/// The gain that gives audio of the power `of` the power `to`, at most twice or half the level; 1 if one of them is silent.
#[must_use]
pub fn matching_gain(to: f64, of: f64) -> f64 {
    const MOST: f64 = 2.0;
    if to > 0.0 && of > 0.0 { (to / of).sqrt().clamp(1.0 / MOST, MOST) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_keeps_its_distance_and_its_range() {
        let samples: Vec<f32> = (-1_000..=1_000).map(|step| step as f32 / 999.7).collect();
        let whole = StemAudio::from_f32(&samples, &samples);
        let rounded = StemAudio::from_f32_rounded(&samples, &samples, 18);
        for (sample, whole) in rounded.left.iter().zip(&whole.left) {
            assert!(
                sample % 64 == 0 && (sample - whole).abs() <= 63 && (-(1 << 23)..1 << 23).contains(sample)
            );
        }
        assert_eq!(StemAudio::from_f32_rounded(&samples, &samples, 24), whole);
    }
}
