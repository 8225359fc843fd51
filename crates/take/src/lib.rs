//! A take: one finished generation of one track, immutable.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use hex::encode as hex;
use resonantgen_music::plan::Plan;
use resonantgen_music::score::Score;
use resonantgen_music::track::Track;
pub use resonantgen_sound::audio::{FULL_SCALE, StemAudio, TAKE_SAMPLE_RATE_HZ};
use resonantgen_sound::measure::Measures;
use resonantgen_words::Intent;

/// Identity of a take: the first 16 bytes of the SHA-256 of its recipe's canonical JSON, in hex.
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
    /// Identity of the take that this recipe makes.
    #[must_use]
    pub fn take_id(&self) -> TakeId {
        let json = serde_json::to_vec(self).expect("a recipe has no maps with other keys than strings");
        TakeId(hex(&Sha256::digest(&json)[..16]))
    }
}

/// Where an imported take came from; part of its recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportSource {
    /// Name of the file, without its folder.
    pub name: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Where in the file the first bar starts, in seconds.
    pub start_seconds: f64,
    /// Tempo of the file in quarter notes per minute.
    pub bpm: f64,
    /// Bars that were taken from the file.
    pub bars: u32,
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

/// One finished generation of one track. Immutable; share it by `Arc`.
///
/// A take that was restored from a host's project may be *asleep*: all of it is there but its sound, which is unpacked or
/// made again when it is asked for ([`Session::wake`](resonantgen_engine::session::Session::wake)).
#[derive(Clone, Debug, PartialEq)]
pub struct Take {
    /// Identity, from the recipe.
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
