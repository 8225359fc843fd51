//! What a session lets others do: making one take. The generator does it here, a test or another program in its place.

use std::sync::Arc;

use crate::intent::{Intent, TextUnderstanding};
use crate::plan::Plan;
use crate::take::{GenerationSettings, Take, TakeId};
use crate::track::Track;

/// Makes takes.
pub trait Maker {
    /// Makes one take.
    ///
    /// # Errors
    /// When the request is out of range, a model fails, or the observer asks to stop.
    fn make(&self, request: &TakeRequest<'_>, observer: &dyn Observer) -> Result<Take, GenerateError>;

    /// Where its models come from.
    fn bundle(&self) -> BundleFacts;

    /// What understands sentences whose words are not known; `None` for words only.
    fn understanding(&self) -> Option<&dyn TextUnderstanding>;
}

impl<M: Maker + ?Sized> Maker for Box<M> {
    fn make(&self, request: &TakeRequest<'_>, observer: &dyn Observer) -> Result<Take, GenerateError> {
        (**self).make(request, observer)
    }

    fn bundle(&self) -> BundleFacts {
        (**self).bundle()
    }

    fn understanding(&self) -> Option<&dyn TextUnderstanding> {
        (**self).understanding()
    }
}

impl<M: Maker + ?Sized> Maker for Arc<M> {
    fn make(&self, request: &TakeRequest<'_>, observer: &dyn Observer) -> Result<Take, GenerateError> {
        (**self).make(request, observer)
    }

    fn bundle(&self) -> BundleFacts {
        (**self).bundle()
    }

    fn understanding(&self) -> Option<&dyn TextUnderstanding> {
        (**self).understanding()
    }
}

/// Where the models of a session's takes came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BundleFacts {
    /// Identity of the bundle.
    pub id: String,
    /// Licence of its weights.
    pub licence: String,
}

/// A take could not be made.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The observer asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// The request itself is out of range.
    #[error("cannot generate {track}: {reason}")]
    Request {
        /// Track that was asked for.
        track: Track,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// A network could not be loaded or run.
    #[error("cannot generate {track}: {source}")]
    Model {
        /// Track that was asked for.
        track: Track,
        /// Which network, and what the runtime said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What is needed to make one take.
#[derive(Clone, Copy, Debug)]
pub struct TakeRequest<'a> {
    /// Track to generate.
    pub track: Track,
    /// What was typed.
    pub prompt: &'a str,
    /// What that means.
    pub intent: &'a Intent,
    /// What the tracks share.
    pub plan: &'a Plan,
    /// Seed of every random choice.
    pub seed: u64,
    /// Settings of the generator.
    pub settings: GenerationSettings,
    /// Takes of other tracks that are heard. The own track's is the take at hand that an edit stays close to, as far as
    /// [`crate::intent::TrackIntent::closeness`] says; without it, it is ignored.
    pub context: &'a [Arc<Take>],
}

/// The stages of a generation, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Writing the score.
    Compose,
    /// Turning the score into codec tokens.
    Perform,
    /// Rendering the tokens to audio.
    Decode,
}

impl Stage {
    /// All stages in their order.
    pub const ALL: [Self; 3] = [Self::Compose, Self::Perform, Self::Decode];

    /// Name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compose => "compose",
            Self::Perform => "perform",
            Self::Decode => "decode",
        }
    }
}

/// Watches a generation, and may stop it. Called from the generating threads, never from an audio thread.
pub trait Observer: Sync {
    /// `fraction` in `0.0..=1.0` of `stage` is done. A candidate that is rejected starts its stages again.
    fn progress(&self, track: Track, stage: Stage, fraction: f32) {
        let _ = (track, stage, fraction);
    }

    /// A finished part of the take's audio at [`crate::take::TAKE_SAMPLE_RATE_HZ`], in order and without gaps, equal
    /// to the same part of the take. Nothing is handed on before the take was leveled and verified as a whole.
    fn audio(&self, track: Track, first_audio_frame: usize, left: &[f32], right: &[f32]) {
        let _ = (track, first_audio_frame, left, right);
    }

    /// The take that this recipe makes, if it is at hand: it is then not made again.
    fn known(&self, id: &TakeId) -> Option<Take> {
        let _ = id;
        None
    }

    /// A take is finished, before the others of the same request are.
    fn made(&self, take: &Take) {
        let _ = take;
    }

    /// Whether to stop; asked often, so it must be cheap.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// An observer that ignores everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}
