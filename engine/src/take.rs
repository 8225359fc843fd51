//! A take: one finished generation of one track, immutable.

pub mod canonical;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::canonical::Canonical;
use crate::hex::hex;
use crate::import::ImportSource;
use crate::intent::Intent;
use crate::measure::Measures;
use crate::plan::Plan;
use crate::score::Score;
use crate::track::Track;

/// Rate at which takes are made and kept, in audio frames per second.
pub const TAKE_SAMPLE_RATE_HZ: u32 = 48_000;

/// Identity of a take: 32 hexadecimal digits. It is made once ([`Recipe::take_id`]) and stored with the take; a take that was
/// stored keeps its id whatever becomes of the rules by which new ones are made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TakeId(pub String);

/// All that is needed to make a take again, to the bit, with the same bundle on the same machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Track.
    pub track: Track,
    /// What was typed for it.
    pub prompt: String,
    /// What that meant.
    pub intent: Intent,
    /// The shared plan it was made for.
    pub plan: Plan,
    /// Seed of every random choice.
    pub seed: u64,
    /// Settings of the generator.
    pub settings: GenerationSettings,
    /// Bundle the models came from.
    pub bundle_id: String,
    /// Takes that were heard while it was made (index order of their tracks).
    pub context: Vec<TakeId>,
    /// The file that the take was imported from; `None` for generated ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<ImportSource>,
}

impl Recipe {
    /// Identity of a new take of this recipe: the same recipe gives the same one. Sentences for people are no part of it.
    #[must_use]
    pub fn take_id(&self) -> TakeId {
        let mut text = Canonical::new("recipe/2");
        text.recipe(self);
        TakeId(hex(&text.sha256()[..16]))
    }
}

/// Settings of the generator.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GenerationSettings {
    /// How far a result may stray from the most likely one, in `0.0..=1.0`; 0.5 is the models' natural spread.
    pub variation: f32,
    /// How strictly the prompt is followed, in `0.0..=1.0`; 0 leaves out the guidance towards style and attributes.
    pub adherence: f32,
}

impl GenerationSettings {
    /// The first setting that is out of its range, or no number: its name and value.
    #[must_use]
    pub fn out_of_range(&self) -> Option<(&'static str, f32)> {
        [("variation", self.variation), ("adherence", self.adherence)]
            .into_iter()
            .find(|(_, value)| !(0.0..=1.0).contains(value))
    }
}

impl Default for GenerationSettings {
    fn default() -> Self {
        Self { variation: 0.5, adherence: 0.5 }
    }
}

/// Codec tokens, `[codebooks, codec_frames]`, codebook-major.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Number of codebooks.
    pub codebooks: usize,
    /// Codes, each in `0..1024`; `codes[codebook * codec_frames + codec_frame]`.
    pub codes: Vec<u16>,
}

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

/// One finished generation of one track. Immutable; share it by `Arc`.
///
/// A take that was restored from a host's project may be *asleep*: all of it is there but its sound, which is unpacked or
/// made again when it is asked for ([`Session::wake`](crate::session::Session::wake)).
#[derive(Clone, Debug, PartialEq)]
pub struct Take {
    /// Identity.
    pub id: TakeId,
    /// How it was made.
    pub recipe: Recipe,
    /// Id of the patch (timbre) that performed it.
    pub patch: String,
    /// What it plays.
    pub score: Score,
    /// Codec tokens.
    pub tokens: Tokens,
    /// Its sound: exactly `recipe.plan.audio_frames(TAKE_SAMPLE_RATE_HZ)` audio frames, looping seamlessly.
    pub audio: Arc<StemAudio>,
    /// Seconds spent composing, performing and decoding.
    pub timings: StageSeconds,
    /// What was measured before it was offered; `None` for takes that were never measured.
    pub measures: Option<Measures>,
}

impl Take {
    /// Whether its sound is not at hand: [`audio`](Self::audio) is empty.
    #[must_use]
    pub fn is_asleep(&self) -> bool {
        // Every take has at least one bar.
        self.audio.is_empty()
    }
}

/// Wall-clock seconds of the stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StageSeconds {
    /// Composing the score.
    pub compose: f64,
    /// Performing it to tokens.
    pub perform: f64,
    /// Decoding to audio.
    pub decode: f64,
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
