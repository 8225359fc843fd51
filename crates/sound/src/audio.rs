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
