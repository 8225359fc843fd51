//! Letting a server generate: blocking, small, for the plugin's worker and the command line.
//!
//! The session's playing takes travel there and the new ones back, as lossless bytes, so the result is the same to the
//! bit as if the server's engine ran here. Nothing of the session changes unless all of it succeeds.

mod transport;

use std::time::Duration;

use resonantgen_engine::generator::Observer;
use resonantgen_engine::project;
use resonantgen_engine::session::{Session, SessionError, SessionRequest};
use resonantgen_engine::take::GenerationSettings;
use resonantgen_engine::track::Track;

use crate::wire::{
    BundleView, GenerateRequest, JobState, JobView, RegenerateRequest, SESSION_TYPE, SessionView,
};
use transport::{Method, Transport};

/// How long to wait for news of a job at a time; a cancellation is noticed after this at the latest.
const NEWS_MS: u64 = 300;
/// Time for requests that carry little.
const SHORT: Duration = Duration::from_secs(10);
/// Time for requests that carry a session.
const LONG: Duration = Duration::from_secs(60);

/// The server could not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// The address cannot be read.
    #[error("'{0}' is no address of a server: write it like studio.local:7878")]
    Address(String),
    /// Encryption is left to a tunnel.
    #[error(
        "servers are reached by plain http: for another network, use a tunnel (docs/scaling.md), not '{0}'"
    )]
    Https(String),
    /// It does not answer, or has gone while it worked.
    #[error("the server {address} does not answer ({reason})")]
    Gone {
        /// Which.
        address: String,
        /// What the system said.
        reason: String,
    },
    /// It wants a token, or another one.
    #[error("the server {0} does not accept the token: give the one it was started with")]
    Token(String),
    /// It could not do it now.
    #[error("the server could not do it: {0}")]
    Failed(String),
    /// Another program answers, or another version.
    #[error("the server's answer cannot be used: {0}")]
    Answer(String),
    /// What was asked for cannot be done by any engine.
    #[error("{0}")]
    Refused(String),
    /// The observer asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl RemoteError {
    /// Whether generating on this machine may succeed instead.
    #[must_use]
    pub const fn is_of_server(&self) -> bool {
        !matches!(self, Self::Refused(_) | Self::Cancelled)
    }
}

impl From<SessionError> for RemoteError {
    fn from(error: SessionError) -> Self {
        Self::Refused(error.to_string())
    }
}

/// A server somewhere.
#[derive(Clone, Debug)]
pub struct Remote {
    transport: Transport,
}

impl Remote {
    /// A server at an address like `studio.local:7878` (the port may be left out). Nothing is sent yet.
    ///
    /// # Errors
    /// [`RemoteError::Address`] or [`RemoteError::Https`].
    pub fn new(address: &str, token: Option<&str>) -> Result<Self, RemoteError> {
        Ok(Self { transport: Transport::new(address, token)? })
    }

    /// Its address, as it is spoken to.
    #[must_use]
    pub fn address(&self) -> &str {
        self.transport.address()
    }

    /// Asks whether it is there and lets us in, and which models it has.
    ///
    /// # Errors
    /// It is not there, or does not let us in.
    pub fn bundles(&self) -> Result<Vec<BundleView>, RemoteError> {
        self.transport.json(Method::Get, "/v1/bundles", SHORT)
    }

    /// As [`Session::generate`], there.
    ///
    /// # Errors
    /// The server is gone, or cannot do it, or the observer cancels. The session is then unchanged.
    pub fn generate(
        &self,
        session: &mut Session,
        request: &SessionRequest,
        observer: &dyn Observer,
    ) -> Result<(), RemoteError> {
        let body = GenerateRequest::from(request);
        self.perform(session, "generate", &body, observer)
    }

    /// As [`Session::regenerate`], there.
    ///
    /// # Errors
    /// As [`Remote::generate`].
    pub fn regenerate(
        &self,
        session: &mut Session,
        track: Track,
        edit: &str,
        seed: u64,
        settings: GenerationSettings,
        observer: &dyn Observer,
    ) -> Result<(), RemoteError> {
        let body = RegenerateRequest {
            edit: edit.to_owned(),
            seed: Some(seed),
            variation: Some(settings.variation),
            adherence: Some(settings.adherence),
        };
        self.perform(session, &format!("tracks/{track}/regenerate"), &body, observer)
    }

    fn perform<T: serde::Serialize>(
        &self,
        session: &mut Session,
        what: &str,
        body: &T,
        observer: &dyn Observer,
    ) -> Result<(), RemoteError> {
        let body = serde_json::to_vec(body).map_err(|error| RemoteError::Answer(error.to_string()))?;
        if observer.is_cancelled() {
            return Err(RemoteError::Cancelled);
        }
        let sent = project::to_bytes(&playing(session));
        let create = Method::Post(SESSION_TYPE, &sent);
        let lent: SessionView = self.transport.json(create, "/v1/sessions?lent=true", LONG)?;
        let path = format!("/v1/sessions/{}", lent.id);
        let made = self.work(&path, what, &body, observer);
        if !matches!(made, Err(RemoteError::Gone { .. })) {
            // If it is not deleted now, the server does it in time.
            let _ = self.transport.bytes(Method::Delete, &path, SHORT);
        }
        Ok(session.adopt(&made?)?)
    }

    /// Lets the lent session at `path` be changed, and fetches it.
    fn work(
        &self,
        path: &str,
        what: &str,
        body: &[u8],
        observer: &dyn Observer,
    ) -> Result<Session, RemoteError> {
        let request = Method::Post("application/json", body);
        let mut job: JobView = self.transport.json(request, &format!("{path}/{what}"), SHORT)?;
        let at = format!("/v1/jobs/{}", job.id);
        let mut told = Vec::new();
        loop {
            for news in job.progress.iter().filter(|news| !told.contains(*news)) {
                observer.progress(news.track.into(), news.stage.into(), news.fraction);
            }
            told.clone_from(&job.progress);
            match job.state {
                JobState::Queued | JobState::Running => {}
                JobState::Done => break,
                JobState::Cancelled => return Err(RemoteError::Cancelled),
                JobState::Failed => return Err(RemoteError::Failed(job.error.unwrap_or_default())),
                JobState::Interrupted => {
                    return Err(RemoteError::Gone {
                        address: self.address().to_owned(),
                        reason: "it was ended".to_owned(),
                    });
                }
            }
            if observer.is_cancelled() {
                self.transport.bytes(Method::Delete, &at, SHORT)?;
                return Err(RemoteError::Cancelled);
            }
            let news = format!("{at}?after={}&wait_ms={NEWS_MS}", job.version);
            job = self.transport.json(Method::Get, &news, SHORT)?;
        }
        let bytes = self.transport.bytes(Method::Get, &format!("{path}/state"), LONG)?;
        project::from_bytes(&bytes).map_err(|error| RemoteError::Answer(error.to_string()))
    }
}

/// The session without its past: what generating depends on.
fn playing(session: &Session) -> Session {
    let mut playing = Session::default();
    playing.prompt.clone_from(&session.prompt);
    playing.intent.clone_from(&session.intent);
    playing.plan.clone_from(&session.plan);
    playing.seed = session.seed;
    playing.bundle.clone_from(&session.bundle);
    for track in Track::ALL {
        let (from, to) = (session.track(track), playing.track_mut(track));
        to.locked = from.locked;
        if let Some(take) = from.take() {
            to.add(take.clone());
        }
    }
    playing
}
