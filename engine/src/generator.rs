//! The facade of the generators: from an intent and a plan to a take.
//!
//! A take is made in three stages: *compose* writes a score (one ONNX step graph per track), *perform* turns score and
//! patch into codec tokens, *decode* renders score and tokens to audio.

pub mod condition;
#[cfg(test)]
mod golden;
pub mod tokens;

use std::path::PathBuf;
use std::sync::Arc;

use crate::bundle::{Bundle, BundleError};
use crate::intent::Intent;
use crate::plan::Plan;
use crate::runtime::RuntimeError;
use crate::take::{GenerationSettings, Take};
use crate::track::Track;

/// Where an [`Engine`] finds its parts, and how much of the machine it may use.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Folder of the model bundle.
    pub bundle_dir: PathBuf,
    /// ONNX Runtime library; `None` looks at the environment variable `RESONANTGEN_RUNTIME`, next to the executable
    /// or plugin, and in `.setup/onnxruntime/`.
    pub runtime_library: Option<PathBuf>,
    /// Inference threads, at least 1. The result does not depend on it.
    pub threads: usize,
}

/// The engine could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenEngineError {
    /// The model bundle is missing or damaged.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The runtime library is missing or unusable.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
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
    #[error("the {track} model {model} failed: {reason}")]
    Model {
        /// Track that was asked for.
        track: Track,
        /// File of the network.
        model: String,
        /// What the runtime said.
        reason: String,
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
    /// Takes of other tracks that are heard (the own track's is ignored).
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
    /// `fraction` in `0.0..=1.0` of `stage` is done.
    fn progress(&self, track: Track, stage: Stage, fraction: f32) {
        let _ = (track, stage, fraction);
    }

    /// A finished part of the take's audio at [`crate::take::TAKE_SAMPLE_RATE_HZ`], in order and without gaps, equal
    /// to the same part of the take.
    fn audio(&self, track: Track, first_audio_frame: usize, left: &[f32], right: &[f32]) {
        let _ = (track, first_audio_frame, left, right);
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

/// The generators of one bundle. Share it by [`Arc`]; networks are loaded when they are first needed.
#[derive(Debug)]
pub struct Engine {
    bundle: Bundle,
}

impl Engine {
    /// Checks the bundle's manifest and hashes and opens the runtime; loads no network yet.
    ///
    /// # Errors
    /// When the bundle or the runtime is missing, damaged or of another version; the message says what to do.
    pub fn open(options: &EngineOptions) -> Result<Self, OpenEngineError> {
        Err(BundleError::NoManifest { path: options.bundle_dir.join("manifest.json") }.into())
    }

    /// The bundle in use.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// Makes one take. The same request gives the same take, to the bit, on the same machine.
    ///
    /// # Errors
    /// [`GenerateError::Cancelled`] soon after the observer asked for it; other errors name the model and the cause.
    pub fn generate_take(
        &self,
        request: &TakeRequest<'_>,
        observer: &dyn Observer,
    ) -> Result<Take, GenerateError> {
        let _ = observer;
        Err(GenerateError::Request {
            track: request.track,
            reason: "the generators are not connected".to_owned(),
        })
    }
}
