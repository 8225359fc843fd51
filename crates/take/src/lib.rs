//! A take: one finished generation of one track, immutable, with the recipe that makes it again.
//!
//! Depends on the domain crates only (`resonantgen-music`, `resonantgen-words`, `resonantgen-sound`); knows neither models nor
//! files.
//!
//! ```
//! use resonantgen_take::StemAudio;
//!
//! let audio = StemAudio::from_f32(&[0.0, 0.5], &[0.0, -0.5]);
//! assert_eq!((audio.len(), audio.left[1]), (2, 1 << 22));
//! ```

pub mod canonical;
pub mod maker;

use std::sync::Arc;

use serde::Serialize;

use self::canonical::Canonical;
use hex::encode as hex;
use resonantgen_music::plan::Plan;
use resonantgen_music::score::Score;
use resonantgen_music::track::Track;
use resonantgen_music::variation::NoteDials;
pub use resonantgen_sound::audio::{FULL_SCALE, StemAudio, TAKE_SAMPLE_RATE_HZ};
use resonantgen_sound::measure::Measures;
use resonantgen_words::{Intent, Reference};

/// Identity of a take: 32 hexadecimal digits. It is made once ([`Recipe::take_id`]) and stored with the take; a take that was
/// stored keeps its id whatever becomes of the rules by which new ones are made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TakeId(pub String);

/// Everything needed to make a take again, bit for bit, with the same bundle on the same machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Track.
    pub track: Track,
    /// The prompt as typed.
    pub prompt: String,
    /// Its meaning.
    pub intent: Intent,
    /// The shared plan.
    pub plan: Plan,
    /// Seed of every random choice.
    pub seed: u64,
    /// Settings of the generator.
    pub settings: GenerationSettings,
    /// Bundle the models came from.
    pub bundle_id: String,
    /// Takes that it heard, in the order of their tracks.
    pub context: Vec<TakeId>,
    /// The file that the take was imported from; `None` for generated ones.
    pub imported: Option<ImportSource>,
    /// The patch that was requested; `None` if the generator chose one.
    pub held_patch: Option<String>,
    /// Where its notes come from, if they were taken over; `None` for composed ones.
    pub taken_over: Option<TakenOver>,
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

/// The notes of another take, performed again; part of the recipe. If the chords of the recipe differ from those of the other
/// take, the notes were moved to them.
#[derive(Clone, Debug, PartialEq)]
pub struct TakenOver {
    /// The take that the notes were composed for.
    pub from: TakeId,
    /// Id of the patch that performs them.
    pub patch: String,
    /// How the notes were [varied](resonantgen_music::variation::vary) before.
    pub dials: NoteDials,
}

/// Where an imported take came from; part of its recipe.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportSource {
    /// Name of the file, without its folder.
    pub name: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Start of the first bar in the file, in seconds.
    pub start_seconds: f64,
    /// Tempo of the file in quarter notes per minute.
    pub bpm: f64,
    /// Number of bars used.
    pub bars: u32,
}

/// Settings of the generator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GenerationSettings {
    /// How far a result may stray from the most likely one, in `0.0..=1.0`; 0.5 is the models' natural spread.
    pub variation: f32,
    /// How strictly the prompt is followed, in `0.0..=1.0`; 0 disables the guidance towards style and attributes.
    pub adherence: f32,
    /// How the stem is finished.
    pub finish: Finish,
}

/// How a stem is finished after its instrument has sounded: which version of the mix it takes part in. New ones are
/// [mixed](Finish::Mixed); recipes from before that are performed as they were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Finish {
    /// Brought to its loudness, and bent towards its ceiling.
    #[default]
    Levelled,
    /// With a room, saturation and glue as its style has them, with what the words ask of its sound, safe for mono, limited.
    Mixed,
}

impl Finish {
    /// All of them, the oldest first.
    pub const ALL: [Self; 2] = [Self::Levelled, Self::Mixed];

    /// Name in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Levelled => "levelled",
            Self::Mixed => "mixed",
        }
    }
}

impl GenerationSettings {
    /// Name and value of the first setting that is out of range or not a number.
    #[must_use]
    pub fn out_of_range(&self) -> Option<(&'static str, f32)> {
        [("variation", self.variation), ("adherence", self.adherence)]
            .into_iter()
            .find(|(_, value)| !(0.0..=1.0).contains(value))
    }
}

impl Default for GenerationSettings {
    fn default() -> Self {
        Self { variation: 0.5, adherence: 0.5, finish: Finish::Mixed }
    }
}

/// Codec tokens, `[codebooks, codec_frames]`, codebook-major.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Number of codebooks.
    pub codebooks: usize,
    /// Codes, each in `0..1024`; `codes[codebook * codec_frames + codec_frame]`.
    pub codes: Vec<u16>,
}

/// One finished generation of one track. Immutable; share it by `Arc`.
///
/// A take that was restored from a host's project may be *asleep*: everything but its audio is available. The audio is
/// unpacked or made again when it is needed (`Session::wake`).
#[derive(Clone, Debug, PartialEq)]
pub struct Take {
    /// Identity.
    pub id: TakeId,
    /// How it was made.
    pub recipe: Recipe,
    /// Id of the patch (timbre) that performed it.
    pub patch: String,
    /// The notes.
    pub score: Score,
    /// Codec tokens.
    pub tokens: Tokens,
    /// The audio: exactly `recipe.plan.audio_frames(TAKE_SAMPLE_RATE_HZ)` audio frames, looping seamlessly.
    pub audio: Arc<StemAudio>,
    /// Seconds spent composing, performing and decoding.
    pub timings: StageSeconds,
    /// Measures; `None` for takes that were never measured.
    pub measures: Option<Measures>,
}

impl Take {
    /// Whether the audio is not available: [`audio`](Self::audio) is empty.
    #[must_use]
    pub fn is_asleep(&self) -> bool {
        // Every take has at least one bar.
        self.audio.is_empty()
    }

    /// The take as a model whose groove and register another one follows; `None` if it has no notes.
    #[must_use]
    pub fn reference(&self) -> Option<Reference> {
        Reference::of(self.recipe.track, &self.recipe.plan, &self.score.notes)
    }
}

/// Wall-clock seconds of the stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct StageSeconds {
    /// Composing the score.
    pub compose: f64,
    /// Performing it to tokens.
    pub perform: f64,
    /// Decoding to audio.
    pub decode: f64,
}
