//! Stereo audio as takes keep it.

/// Rate at which takes are made and kept, in audio frames per second.
pub const TAKE_SAMPLE_RATE_HZ: u32 = 48_000;

/// Stereo audio of a take: signed 24-bit samples, so that it is kept without loss in WAV and FLAC.
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
