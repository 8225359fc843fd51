//! Random streams of a take: one seed, and one independent stream per purpose.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::TakeRequest;
use resonantgen_music::track::Track;

/// What a random stream decides. The numbers are part of every recipe's meaning.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Patch = 0,
    Compose = 1,
    Noise = 2,
    Edit = 3,
    Figure = 4,
    Groove = 5,
    Grain = 6,
}

/// Random numbers of one take and purpose.
#[derive(Debug)]
pub(super) struct Random(ChaCha8Rng);

impl Random {
    /// The stream of a candidate; the first is 0.
    pub(super) fn new(seed: u64, track: Track, purpose: Purpose, candidate: u32) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream((u64::from(candidate) << 16) | ((track.index() as u64) << 8) | purpose as u64);
        Self(random)
    }

    /// Like [`Random::new`], but also seeded by the kind of music, so that one seed gives different choices for different
    /// prompts.
    pub(super) fn of_kind(request: &TakeRequest<'_>, purpose: Purpose, candidate: u32) -> Self {
        Self::new(request.seed ^ request.intent.kind(), request.track, purpose, candidate)
    }

    pub(super) fn integer(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `0.0..1.0`.
    pub(super) fn uniform(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1 << 24) as f32
    }

    /// Standard Gumbel noise: the maximum of scores with this noise is a draw from their softmax.
    pub(super) fn gumbel(&mut self) -> f32 {
        let uniform = self.uniform().max(1e-7);
        -(-uniform.ln()).ln()
    }
}
