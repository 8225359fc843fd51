//! What the server generates with.

use std::sync::Arc;

use resonantgen_models::generator::{Engine, GenerateError, Observer};
use resonantgen_music::track::Track;
use resonantgen_session::{BundleFacts, Session, SessionError, SessionRequest};
use resonantgen_take::{GenerationSettings, Take};
use resonantgen_words::TextUnderstanding;

/// Generates into a session: the engine, or a substitute.
pub trait Generator: Send + Sync {
    /// As [`Session::generate`].
    ///
    /// # Errors
    /// Returns the errors of [`Session::generate`]; the session is then unchanged.
    fn generate(
        &self,
        session: &mut Session,
        request: &SessionRequest,
        observer: &dyn Observer,
    ) -> Result<(), SessionError>;

    /// As [`Session::regenerate`].
    ///
    /// # Errors
    /// Returns the errors of [`Session::regenerate`]; the session is then unchanged.
    fn regenerate(
        &self,
        session: &mut Session,
        track: Track,
        edit: &str,
        seed: u64,
        settings: GenerationSettings,
        observer: &dyn Observer,
    ) -> Result<(), SessionError>;

    /// A take whose sound is lost, made again from its recipe; `heard` are the takes that it heard. `None` if the models do not
    /// know its instrument, or it was imported.
    ///
    /// # Errors
    /// Returns the errors of [`Engine::make_again`].
    fn make_again(
        &self,
        take: &Take,
        heard: &[Arc<Take>],
        observer: &dyn Observer,
    ) -> Result<Option<Take>, GenerateError>;

    /// The models in use.
    fn bundle(&self) -> BundleFacts;

    /// The sentence model that [`Generator::generate`] uses for unknown words; `None` if only the lexicon is used.
    fn understanding(&self) -> Option<&dyn TextUnderstanding> {
        None
    }
}

impl Generator for Engine {
    fn generate(
        &self,
        session: &mut Session,
        request: &SessionRequest,
        observer: &dyn Observer,
    ) -> Result<(), SessionError> {
        session.generate(self, request, observer)
    }

    fn regenerate(
        &self,
        session: &mut Session,
        track: Track,
        edit: &str,
        seed: u64,
        settings: GenerationSettings,
        observer: &dyn Observer,
    ) -> Result<(), SessionError> {
        session.regenerate(self, track, edit, seed, settings, observer)
    }

    fn make_again(
        &self,
        take: &Take,
        heard: &[Arc<Take>],
        observer: &dyn Observer,
    ) -> Result<Option<Take>, GenerateError> {
        Engine::make_again(self, take, heard, observer)
    }

    fn bundle(&self) -> BundleFacts {
        BundleFacts { id: self.bundle().id().to_owned(), licence: self.bundle().licence().to_owned() }
    }

    fn understanding(&self) -> Option<&dyn TextUnderstanding> {
        Some(self)
    }
}
