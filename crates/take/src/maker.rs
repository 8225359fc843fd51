//! What a session lets others do: making one take. The generator does it here, a test or another program in its place.

use std::sync::Arc;

use resonantgen_music::plan::Plan;
use resonantgen_music::score::Score;
use resonantgen_music::track::Track;
use resonantgen_words::{Intent, TextUnderstanding};

use crate::{GenerationSettings, Take, TakeId};

/// Makes takes.
pub trait Maker {
    /// Makes one take.
    ///
    /// # Errors
    /// Returns an error if the request is out of range, a model fails, or the observer asks to stop.
    fn make(&self, request: &TakeRequest<'_>, observer: &dyn Observer) -> Result<Take, GenerateError>;

    /// Performs notes that are there already, by a patch that is named.
    ///
    /// # Errors
    /// Returns an error if there is no such patch, the request is out of range, a model fails, or the observer asks to stop.
    fn perform(
        &self,
        request: &PerformanceRequest<'_>,
        observer: &dyn Observer,
    ) -> Result<Take, GenerateError>;

    /// Where its models come from.
    fn bundle(&self) -> BundleFacts;

    /// What understands sentences whose words are not known; `None` for words only.
    fn understanding(&self) -> Option<&dyn TextUnderstanding>;
}

impl<M: Maker + ?Sized> Maker for Box<M> {
    fn make(&self, request: &TakeRequest<'_>, observer: &dyn Observer) -> Result<Take, GenerateError> {
        (**self).make(request, observer)
    }

    fn perform(
        &self,
        request: &PerformanceRequest<'_>,
        observer: &dyn Observer,
    ) -> Result<Take, GenerateError> {
        (**self).perform(request, observer)
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

    fn perform(
        &self,
        request: &PerformanceRequest<'_>,
        observer: &dyn Observer,
    ) -> Result<Take, GenerateError> {
        (**self).perform(request, observer)
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

/// Why a take cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The observer cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The request itself is out of range.
    #[error("cannot generate {track}: {reason}")]
    Request {
        /// The requested track.
        track: Track,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// A network could not be loaded or run.
    #[error("cannot generate {track}: {source}")]
    Model {
        /// The requested track.
        track: Track,
        /// Which network, and what the runtime said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Everything needed to make one take.
#[derive(Clone, Copy, Debug)]
pub struct TakeRequest<'a> {
    /// Track to generate.
    pub track: Track,
    /// The prompt as typed.
    pub prompt: &'a str,
    /// Its meaning.
    pub intent: &'a Intent,
    /// The shared plan.
    pub plan: &'a Plan,
    /// Seed of every random choice.
    pub seed: u64,
    /// Settings of the generator.
    pub settings: GenerationSettings,
    /// The patch to write for and to perform with; `None` leaves the choice to the generator.
    pub patch: Option<&'a str>,
    /// Takes of other tracks that are heard. A take of the track itself is the parent, which an edit follows as closely as
    /// [`resonantgen_words::TrackIntent::closeness`] says; with a closeness of 0 it is ignored.
    pub context: &'a [Arc<Take>],
}

/// Everything needed to perform notes that are there already: another sound for them, or other chords under them.
#[derive(Clone, Copy, Debug)]
pub struct PerformanceRequest<'a> {
    /// The take whose notes are taken over. Prompt, intent, seed and settings of the new take are its own.
    pub of: &'a Take,
    /// The plan of the new take.
    pub plan: &'a Plan,
    /// The notes, already moved to the plan's chords.
    pub score: &'a Score,
    /// Id of the patch.
    pub patch: &'a str,
    /// Takes that the new one is heard with, for which it makes room.
    pub context: &'a [Arc<Take>],
}

/// The stages of a generation, in order.
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
    /// All stages, in order.
    pub const ALL: [Self; 3] = [Self::Compose, Self::Perform, Self::Decode];

    /// Name for display.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compose => "compose",
            Self::Perform => "perform",
            Self::Decode => "decode",
        }
    }
}

/// Observes a generation, and may cancel it. Called from the generating threads, never from an audio thread.
pub trait Observer: Sync {
    /// The fraction of `stage` that is done, in `0.0..=1.0`. After a rejected candidate the stages start again.
    fn progress(&self, track: Track, stage: Stage, fraction: f32) {
        let _ = (track, stage, fraction);
    }

    /// Work on a section of a song begins: its name, its place among those to be made, from 0, and how many there are.
    fn section(&self, name: &str, index: usize, count: usize) {
        let _ = (name, index, count);
    }

    /// A finished part of the take's audio at [`crate::TAKE_SAMPLE_RATE_HZ`], in order and without gaps, equal to the
    /// same part of the take. Called only after the whole take was levelled and verified.
    fn audio(&self, track: Track, first_audio_frame: usize, left: &[f32], right: &[f32]) {
        let _ = (track, first_audio_frame, left, right);
    }

    /// The take of this recipe, if it exists already; it is then not made again.
    fn known(&self, id: &TakeId) -> Option<Take> {
        let _ = id;
        None
    }

    /// A take is finished; others of the same request may not be.
    fn made(&self, take: &Take) {
        let _ = take;
    }

    /// Whether to cancel. Called often, so it must be cheap.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// An observer that ignores everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}
