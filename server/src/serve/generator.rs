//! The server's generator.

use std::sync::Arc;

use resonantgen_models::generator::{Engine, GenerateError, Observer};
use resonantgen_models::sounds::{self, Sound};
use resonantgen_music::track::Track;
use resonantgen_music::variation::NoteDials;
use resonantgen_session::{BundleFacts, Request, Session, SessionError};
use resonantgen_take::Take;
use resonantgen_take::maker::Maker;
use resonantgen_words::TextUnderstanding;

/// Generates into a session: the engine, or a substitute.
pub trait Generator: Send + Sync {
    /// As [`Session::apply`].
    ///
    /// # Errors
    /// Returns the errors of [`Session::apply`]; the session is then unchanged.
    fn apply(
        &self,
        session: &mut Session,
        request: &Request,
        observer: &dyn Observer,
    ) -> Result<(), SessionError>;

    /// Makes a take whose audio is lost again from its recipe. `heard` are the takes that it heard. `None` if the models do not
    /// have its instrument, or the take was imported.
    ///
    /// # Errors
    /// Returns the errors of [`Engine::make_again`].
    fn make_again(
        &self,
        take: &Take,
        heard: &[Arc<Take>],
        observer: &dyn Observer,
    ) -> Result<Option<Take>, GenerateError>;

    /// Performs the notes of a track again.
    ///
    /// # Errors
    /// Returns the errors of [`Performance::apply`]; the session is then unchanged.
    fn perform(
        &self,
        session: &mut Session,
        track: Track,
        performance: &Performance<'_>,
        observer: &dyn Observer,
    ) -> Result<(), SessionError>;

    /// The sounds of the models.
    fn sounds(&self) -> Vec<Sound>;

    /// The models in use.
    fn bundle(&self) -> BundleFacts;

    /// The sentence model that [`Generator::apply`] uses for unknown words; `None` if only the lexicon is used.
    fn understanding(&self) -> Option<&dyn TextUnderstanding> {
        None
    }
}

/// How notes that exist are performed again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Performance<'a> {
    /// With the sound of this id.
    Sound(&'a str),
    /// Varied by dials.
    Varied(NoteDials),
}

impl Performance<'_> {
    /// Performs the notes of a session's track.
    ///
    /// # Errors
    /// Returns the errors of [`Session::change_sound`] and [`Session::keep_varied`]; the session is then unchanged.
    pub fn apply(
        &self,
        maker: &dyn Maker,
        session: &mut Session,
        track: Track,
        observer: &dyn Observer,
    ) -> Result<(), SessionError> {
        match self {
            Self::Sound(sound) => session.change_sound(maker, track, sound, observer),
            Self::Varied(dials) => session.keep_varied(maker, track, *dials, observer),
        }
    }
}

impl Generator for Engine {
    fn apply(
        &self,
        session: &mut Session,
        request: &Request,
        observer: &dyn Observer,
    ) -> Result<(), SessionError> {
        session.apply(self, request, observer)
    }

    fn make_again(
        &self,
        take: &Take,
        heard: &[Arc<Take>],
        observer: &dyn Observer,
    ) -> Result<Option<Take>, GenerateError> {
        Engine::make_again(self, take, heard, observer)
    }

    fn perform(
        &self,
        session: &mut Session,
        track: Track,
        performance: &Performance<'_>,
        observer: &dyn Observer,
    ) -> Result<(), SessionError> {
        performance.apply(self, session, track, observer)
    }

    fn sounds(&self) -> Vec<Sound> {
        sounds::catalogue(self.bundle())
    }

    fn bundle(&self) -> BundleFacts {
        BundleFacts { id: self.bundle().id().to_owned(), licence: self.bundle().licence().to_owned() }
    }

    fn understanding(&self) -> Option<&dyn TextUnderstanding> {
        Some(self)
    }
}
