//! Third-party codecs: audio to codes and back, with a bundle of the family `encodec`.

pub mod bundle;
mod tokens;

use std::path::Path;
use std::sync::Arc;

pub use self::tokens::{TokensError, TokensFile};
use crate::encodec::bundle::{CodecRecord, EncodecBundle};
use resonantgen_models::bundle::BundleError;
use resonantgen_models::runtime::{Input, ModelError, Network, Runtime, RuntimeError};
use resonantgen_sound::resample::resample_loop;

/// Maximum length of audio, in seconds: the networks process all of it at once, so memory grows with it.
pub const LONGEST_SECONDS: usize = 300;

/// Why a codec cannot be opened or used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each wraps an error that says it")]
pub enum EncodecError {
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error(transparent)]
    Model(#[from] ModelError),
    /// There is nothing to encode or decode, or too much of it.
    #[error("{0:.1} s of audio cannot be coded at once: use more than 0 and at most {LONGEST_SECONDS} s")]
    Length(f64),
    /// The codes are not from this codec.
    #[error("these tokens are not from this codec: {0}")]
    Foreign(String),
}

/// Codes `[codebooks, codec frames]`, row-major, and the number of audio frames they represent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codes {
    /// Number of codebooks used, starting with the first.
    pub codebooks: usize,
    /// The codes.
    pub values: Vec<u16>,
    /// Number of audio frames at the codec's rate; the last codec frame may represent less than a hop.
    pub audio_frames: usize,
}

/// Resamples audio; both rates are in audio frames per second. Not realtime-safe.
///
/// The audio is treated as one period of a loop, with silence at its end so that nothing wraps around.
#[must_use]
pub fn resample(audio: &[f32], from_hz: u32, to_hz: u32) -> Vec<f32> {
    if from_hz == to_hz {
        return audio.to_vec();
    }
    let scaled = |count: usize| (count as f64 * f64::from(to_hz) / f64::from(from_hz)).round() as usize;
    let mut padded = audio.to_vec();
    // A whole number of seconds has a whole number of frames at both rates.
    padded.resize((audio.len() / from_hz as usize + 2) * from_hz as usize, 0.0);
    let mut resampled = resample_loop(&padded, scaled(padded.len()));
    resampled.truncate(scaled(audio.len()).max(1));
    resampled
}

/// A codec, ready to run.
#[derive(Debug)]
pub struct Encodec {
    record: CodecRecord,
    encode: Network,
    decode: Network,
}

impl Encodec {
    /// Loads the networks of a bundle.
    ///
    /// # Errors
    /// Returns an error if a network cannot be loaded, or its signature differs from the manifest's.
    pub fn open(bundle: &EncodecBundle, runtime: &Arc<Runtime>) -> Result<Self, EncodecError> {
        Self::load(runtime, bundle.folder(), &bundle.manifest().codec)
    }

    /// Loads the networks of `record` from `folder`.
    pub(crate) fn load(
        runtime: &Arc<Runtime>,
        folder: &Path,
        record: &CodecRecord,
    ) -> Result<Self, EncodecError> {
        Ok(Self {
            record: record.clone(),
            encode: Network::load(runtime, folder, &record.encode)?,
            decode: Network::load(runtime, folder, &record.decode)?,
        })
    }

    /// Rates, codebooks and bandwidths.
    #[must_use]
    pub fn record(&self) -> &CodecRecord {
        &self.record
    }

    /// Encodes mono audio at the codec's rate. Audio shorter than the networks need, and a last piece shorter than a hop, are
    /// padded with silence.
    ///
    /// # Errors
    /// Returns an error if there is no audio or too much of it, or the network fails.
    ///
    /// # Panics
    /// Panics if `codebooks` is 0 or more than the codec has.
    pub fn encode(
        &mut self,
        audio: &[f32],
        codebooks: usize,
        is_cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Codes, EncodecError> {
        assert!((1..=self.record.codebooks).contains(&codebooks), "codebooks of this codec");
        self.check_length(audio.len())?;
        let frames = audio.len().div_ceil(self.record.hop);
        let padded = frames.max(self.record.min_frames);
        let mut samples = audio.to_vec();
        samples.resize(padded * self.record.hop, 0.0);
        let found: Vec<i64> =
            self.encode.run(&[("audio", &[1, 1, samples.len()], Input::Floats(&samples))], is_cancelled)?;
        let entry =
            |code: &i64| u16::try_from(*code).ok().filter(|code| usize::from(*code) < self.record.entries);
        let rows = found.chunks(padded).take(codebooks).flat_map(|row| &row[..frames.min(row.len())]);
        let values: Option<Vec<u16>> = rows.map(entry).collect();
        match values {
            Some(values) if found.len() == self.record.codebooks * padded => {
                Ok(Codes { codebooks, values, audio_frames: audio.len() })
            }
            _ => Err(EncodecError::Foreign("the network made other codes than its manifest says".to_owned())),
        }
    }

    /// Decodes codes to mono audio at the codec's rate.
    ///
    /// # Errors
    /// Returns an error if the codes are not from this codec, or too many, or the network fails.
    pub fn decode(
        &mut self,
        codes: &Codes,
        is_cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<f32>, EncodecError> {
        self.check_length(codes.audio_frames)?;
        let frames = codes.audio_frames.div_ceil(self.record.hop);
        let refuse = |reason: String| Err(EncodecError::Foreign(reason));
        if !(1..=self.record.codebooks).contains(&codes.codebooks) {
            return refuse(format!(
                "{} codebooks instead of 1 to {}",
                codes.codebooks, self.record.codebooks
            ));
        }
        if codes.values.len() != codes.codebooks * frames {
            return refuse("their number does not fit their length".to_owned());
        }
        if let Some(code) = codes.values.iter().find(|code| usize::from(**code) >= self.record.entries) {
            return refuse(format!("code {code}, but codes must be below {}", self.record.entries));
        }
        let padded = frames.max(self.record.min_frames);
        let mut values = vec![0_i64; codes.codebooks * padded];
        for (row, own) in values.chunks_mut(padded).zip(codes.values.chunks(frames)) {
            for (to, from) in row.iter_mut().zip(own) {
                *to = i64::from(*from);
            }
        }
        let shape = [1, codes.codebooks, padded];
        let mut audio: Vec<f32> =
            self.decode.run(&[("codes", &shape, Input::Integers(&values))], is_cancelled)?;
        if audio.len() != padded * self.record.hop {
            return refuse("the network made another length than its manifest says".to_owned());
        }
        audio.truncate(codes.audio_frames);
        Ok(audio)
    }

    fn check_length(&self, audio_frames: usize) -> Result<(), EncodecError> {
        let rate = self.record.sample_rate_hz as usize;
        if (1..=LONGEST_SECONDS * rate).contains(&audio_frames) {
            Ok(())
        } else {
            Err(EncodecError::Length(audio_frames as f64 / rate as f64))
        }
    }
}
