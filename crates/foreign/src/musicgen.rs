//! Third-party text-to-music models: a prompt to a full mix, with a bundle of the family `musicgen`.
//!
//! Source: Copet et al. 2023, "Simple and Controllable Music Generation": codebook k is delayed by k positions (the delay
//! pattern, section 2.2), classifier-free guidance (section 3.1), and top-k sampling.

pub mod bundle;
mod pieces;

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

pub use self::pieces::Pieces;
use crate::encodec::{Codes, Encodec, EncodecError};
use crate::musicgen::bundle::MusicgenBundle;
use resonantgen_models::runtime::{ModelError, PromptedNetwork, Runtime};

/// Maximum length of a prompt, in tokens; the rest is ignored.
const LONGEST_PROMPT: usize = 128;

/// Sampling parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// Strength of the prompt; 1 is without guidance and twice as fast.
    pub guidance: f32,
    /// Number of most likely entries to sample from; 1 always takes the likeliest.
    pub top_k: usize,
    /// Seed of every draw.
    pub seed: u64,
}

/// A text-to-music model, ready to run.
#[derive(Debug)]
pub struct Musicgen {
    network: PromptedNetwork,
    codec: Encodec,
    pieces: Pieces,
    positions: usize,
    vocabulary: usize,
    pad: usize,
    defaults: (f32, usize),
}

impl Musicgen {
    /// Loads the networks of a bundle.
    ///
    /// # Errors
    /// Returns an error if a network cannot be loaded, or its signature differs from the manifest's.
    pub fn open(bundle: &MusicgenBundle, runtime: &Arc<Runtime>) -> Result<Self, EncodecError> {
        let manifest = bundle.manifest();
        let network = PromptedNetwork::load(
            runtime,
            bundle.folder(),
            (&manifest.text, &manifest.step),
            manifest.cache,
            (manifest.codec.codebooks, manifest.vocabulary),
        )?;
        Ok(Self {
            network,
            codec: Encodec::load(runtime, bundle.folder(), &manifest.codec)?,
            pieces: Pieces::new(bundle.pieces(), manifest.unknown, manifest.end),
            positions: manifest.cache.positions,
            vocabulary: manifest.vocabulary,
            pad: manifest.pad,
            defaults: (manifest.guidance, manifest.top_k),
        })
    }

    /// Sample rate of the output, in audio frames per second.
    #[must_use]
    pub fn sample_rate_hz(&self) -> u32 {
        self.codec.record().sample_rate_hz
    }

    /// Longest piece, in seconds.
    #[must_use]
    pub fn longest_seconds(&self) -> f64 {
        let record = self.codec.record();
        ((self.positions - record.codebooks) * record.hop) as f64 / f64::from(record.sample_rate_hz)
    }

    /// The model's default sampling parameters, with a seed.
    #[must_use]
    pub fn defaults(&self, seed: u64) -> Choice {
        Choice { guidance: self.defaults.0, top_k: self.defaults.1, seed }
    }

    /// The prompt's vocabulary.
    #[must_use]
    pub fn pieces(&self) -> &Pieces {
        &self.pieces
    }

    /// Generates `seconds` of mono audio from a prompt. The same prompt, choice and bundle on the same machine give the same
    /// audio. `progress` receives the share that is done and returns whether to continue.
    ///
    /// # Errors
    /// Returns an error if the length is out of range, a network fails, or `progress` returns false.
    pub fn generate(
        &mut self,
        prompt: &str,
        seconds: f64,
        choice: Choice,
        progress: &(dyn Fn(f32) -> bool + Sync),
    ) -> Result<Vec<f32>, EncodecError> {
        let codes = self.codes(prompt, seconds, choice, progress)?;
        self.decode(&codes, &|| !progress(1.0))
    }

    /// The mono audio of codes.
    ///
    /// # Errors
    /// Returns an error if the codec fails, or `is_cancelled` returns true.
    pub fn decode(
        &mut self,
        codes: &Codes,
        is_cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<f32>, EncodecError> {
        self.codec.decode(codes, is_cancelled)
    }

    /// The codes of [`Musicgen::generate`].
    ///
    /// # Errors
    /// Returns the same errors as [`Musicgen::generate`].
    pub fn codes(
        &mut self,
        prompt: &str,
        seconds: f64,
        choice: Choice,
        progress: &(dyn Fn(f32) -> bool + Sync),
    ) -> Result<Codes, EncodecError> {
        if !(seconds > 0.0 && seconds <= self.longest_seconds()) {
            return Err(EncodecError::Length(seconds));
        }
        let record = self.codec.record();
        let (codebooks, hop) = (record.codebooks, record.hop);
        let audio_frames = ((seconds * f64::from(record.sample_rate_hz)).round() as usize).max(1);
        let frames = audio_frames.div_ceil(hop).min(self.positions - codebooks);
        let mut tokens = self.pieces.tokens(prompt);
        tokens.drain((LONGEST_PROMPT - 1).min(tokens.len() - 1)..tokens.len() - 1);
        let guided = choice.guidance > 1.0;
        self.network.prompt(&tokens, if guided { 2 } else { 1 })?;

        let mut random = ChaCha8Rng::seed_from_u64(choice.seed);
        let steps = frames + codebooks - 1;
        // Row k, position p: the code of codebook k at p, which belongs to codec frame p - 1 - k.
        let mut rows = vec![vec![self.pad; steps + 1]; codebooks];
        let mut mixed = vec![0.0; self.vocabulary];
        for position in 0..steps {
            if !progress(position as f32 / steps as f32) {
                return Err(ModelError::Cancelled.into());
            }
            let input: Vec<i64> = rows.iter().map(|row| row[position] as i64).collect();
            let logits = self.network.step(&input, position)?;
            let size = codebooks * self.vocabulary;
            for (codebook, row) in rows.iter_mut().enumerate() {
                let range = codebook * self.vocabulary..(codebook + 1) * self.vocabulary;
                mixed.copy_from_slice(&logits[range.clone()]);
                if guided {
                    for (value, free) in mixed.iter_mut().zip(&logits[size..][range]) {
                        *value = free + choice.guidance * (*value - free);
                    }
                }
                let drawn = draw(&mixed, choice.top_k, &mut random);
                if (1 + codebook..=frames + codebook).contains(&(position + 1)) {
                    row[position + 1] = drawn;
                }
            }
        }
        let values = rows
            .iter()
            .enumerate()
            .flat_map(|(codebook, row)| &row[1 + codebook..][..frames])
            .map(|code| u16::try_from(*code).unwrap_or(u16::MAX))
            .collect();
        Ok(Codes { codebooks, values, audio_frames: audio_frames.min(frames * hop) })
    }
}

/// Draws one of the `top_k` likeliest entries. Always consumes one random number, so that later draws stay the same.
fn draw(logits: &[f32], top_k: usize, random: &mut ChaCha8Rng) -> usize {
    let uniform = (random.next_u32() >> 8) as f32 / (1 << 24) as f32;
    let mut order: Vec<usize> = (0..logits.len()).collect();
    let likelier = |a: &usize, b: &usize| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b));
    let count = top_k.clamp(1, order.len());
    if count < order.len() {
        order.select_nth_unstable_by(count - 1, likelier);
        order.truncate(count);
    }
    order.sort_unstable_by(likelier);
    let weights: Vec<f32> = order.iter().map(|entry| (logits[*entry] - logits[order[0]]).exp()).collect();
    let mut target = uniform * weights.iter().sum::<f32>();
    for (entry, weight) in order.iter().zip(&weights) {
        target -= weight;
        if target < 0.0 {
            return *entry;
        }
    }
    order[0]
}
