//! Reads stems as a DAW would: WAV and MIDI files.

use std::path::Path;

/// A WAV file in memory.
pub struct Stem {
    /// Header.
    pub spec: hound::WavSpec,
    /// Left channel, full scale 1.
    pub left: Vec<f32>,
    /// Right channel.
    pub right: Vec<f32>,
}

impl Stem {
    /// Reads a stereo WAV file with integer samples.
    ///
    /// # Panics
    /// Panics if it is not such a file.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let mut reader =
            hound::WavReader::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let spec = reader.spec();
        assert_eq!(spec.channels, 2, "{}", path.display());
        let scale = 1.0 / (1_i64 << (spec.bits_per_sample - 1)) as f32;
        let samples: Vec<f32> =
            reader.samples::<i32>().map(|sample| sample.expect("the file is whole") as f32 * scale).collect();
        let channel = |first: usize| samples.iter().skip(first).step_by(2).copied().collect();
        Self { spec, left: channel(0), right: channel(1) }
    }

    /// Length in audio frames.
    #[must_use]
    pub fn len(&self) -> usize {
        self.left.len()
    }

    /// Whether there is no audio frame.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Mean of both channels.
    #[must_use]
    pub fn mono(&self) -> Vec<f32> {
        self.left.iter().zip(&self.right).map(|(left, right)| (left + right) / 2.0).collect()
    }

    /// Loudest sample of both channels.
    #[must_use]
    pub fn peak(&self) -> f32 {
        self.left.iter().chain(&self.right).fold(0.0, |peak, sample| peak.max(sample.abs()))
    }

    /// Root mean square of both channels.
    #[must_use]
    pub fn rms(&self) -> f32 {
        let power: f64 = self.left.iter().chain(&self.right).map(|sample| f64::from(*sample).powi(2)).sum();
        (power / (2 * self.len()).max(1) as f64).sqrt() as f32
    }
}
