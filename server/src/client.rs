//! Client that generates on a server: small and blocking, for the plugin's worker and the command line.
//!
//! It sends the session's playing takes and receives the new ones as lossless bytes, so the result is bit-identical to
//! running the server's engine locally. The session changes only if the whole operation succeeds.
//!
//! Each request runs on a thread of its own. A cancelled request abandons that thread, whatever the server does or does not
//! do, so a library that contains this code must stay loaded from the first request on.

mod transport;

use std::time::{Duration, Instant};

use resonantgen_models::generator::Observer;
use resonantgen_music::track::Track;
use resonantgen_project as project;
use resonantgen_session::{Request, Session, SessionError};

use crate::wire::{
    BundleView, GenerateRequest, JobState, JobView, RegenerateRequest, SESSION_TYPE, SessionView,
};
use transport::{Method, Transport};

/// Longest single wait for news of a job, in milliseconds.
const NEWS_MS: u64 = 300;
/// How long to wait for a server to delete what it has lent. Twice that is well below what a host may be held up when the
/// plugin is removed.
const FAREWELL: Duration = Duration::from_millis(40);
/// Timeout of small requests.
const SHORT: Duration = Duration::from_secs(10);
/// Timeout of requests that carry a session.
const LONG: Duration = Duration::from_secs(60);

/// Why a server did not generate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// The address is malformed.
    #[error("'{0}' is not a server address: write it like studio.local:7878")]
    Address(String),
    /// The address asks for https; encryption is left to a tunnel.
    #[error(
        "servers speak plain http: to cross another network use a tunnel (docs/scaling.md) instead of '{0}'"
    )]
    Https(String),
    /// The server does not answer, or stopped answering during the job.
    #[error("the server {address} does not answer ({reason})")]
    Gone {
        /// The server's address.
        address: String,
        /// The system's reason.
        reason: String,
    },
    /// The server requires a token, or a different one.
    #[error("the server {0} does not accept the token: use the one it was started with")]
    Token(String),
    /// The job failed on the server.
    #[error("the job failed on the server: {0}")]
    Failed(String),
    /// A different program or version answered.
    #[error("the server's answer cannot be used: {0}")]
    Answer(String),
    /// The request cannot be met by any engine.
    #[error("{0}")]
    Refused(String),
    /// The observer cancelled.
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

/// A server.
#[derive(Clone, Debug)]
pub struct Remote {
    transport: Transport,
}

impl Remote {
    /// A server at an address like `studio.local:7878` (the port is optional). Nothing is sent yet.
    ///
    /// # Errors
    /// Returns [`RemoteError::Address`] if the address is malformed, and [`RemoteError::Https`] if it asks for https.
    pub fn new(address: &str, token: Option<&str>) -> Result<Self, RemoteError> {
        Ok(Self { transport: Transport::new(address, token)? })
    }

    /// The server's address as `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        self.transport.address()
    }

    /// Checks that the server answers and accepts the token, and returns its models.
    ///
    /// # Errors
    /// Returns an error if the server does not answer or rejects the token.
    pub fn bundles(&self) -> Result<Vec<BundleView>, RemoteError> {
        self.transport.json(Method::Get, "/v1/bundles", SHORT, &|| false)
    }

    /// Like [`Session::apply`], but on the server.
    ///
    /// ```no_run
    /// use resonantgen_models::generator::Silent;
    /// use resonantgen_server::client::Remote;
    /// use resonantgen_session::{Request, Session};
    ///
    /// let mut session = Session::default();
    /// let studio = Remote::new("studio.local", None)?;
    /// studio.apply(&mut session, &Request::generate("dark techno"), &Silent)?;
    /// # Ok::<(), resonantgen_server::client::RemoteError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the server is gone, the job fails, or the observer cancels. The session is then unchanged.
    pub fn apply(
        &self,
        session: &mut Session,
        request: &Request,
        observer: &dyn Observer,
    ) -> Result<(), RemoteError> {
        // The lent session has no history, which the next seed depends on.
        let request = request.clone().seed(session.seed_of(request));
        let (what, body) = match RegenerateRequest::of(&request) {
            Some((track, edit)) => {
                (format!("tracks/{}/regenerate", Track::from(track)), serde_json::to_vec(&edit))
            }
            None => ("generate".to_owned(), serde_json::to_vec(&GenerateRequest::from(&request))),
        };
        let body = body.map_err(|error| RemoteError::Answer(error.to_string()))?;
        if observer.is_cancelled() {
            return Err(RemoteError::Cancelled);
        }
        let create = Method::Post(SESSION_TYPE, project::to_bytes(&playing(session)));
        let is_cancelled = || observer.is_cancelled();
        let lent: SessionView = self.transport.json(create, "/v1/sessions?lent=true", LONG, &is_cancelled)?;
        let path = format!("/v1/sessions/{}", lent.id);
        let made = self.work(&path, &what, body, observer);
        if !matches!(made, Err(RemoteError::Gone { .. })) {
            self.delete(&path);
        }
        Ok(session.adopt(&made?)?)
    }

    /// Deletes something on the server. If this fails, the server deletes it later.
    fn delete(&self, path: &str) {
        let began = Instant::now();
        let _ = self.transport.bytes(Method::Delete, path, SHORT, &|| began.elapsed() >= FAREWELL);
    }

    /// Runs a job on the lent session at `path`, and fetches the session.
    fn work(
        &self,
        path: &str,
        what: &str,
        body: Vec<u8>,
        observer: &dyn Observer,
    ) -> Result<Session, RemoteError> {
        let is_cancelled = || observer.is_cancelled();
        let request = Method::Post("application/json", body);
        let mut job: JobView =
            self.transport.json(request, &format!("{path}/{what}"), SHORT, &is_cancelled)?;
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
                        reason: "it stopped during the job".to_owned(),
                    });
                }
            }
            let news = format!("{at}?after={}&wait_ms={NEWS_MS}", job.version);
            job = match self.transport.json(Method::Get, &news, SHORT, &is_cancelled) {
                Err(RemoteError::Cancelled) => {
                    self.delete(&at);
                    return Err(RemoteError::Cancelled);
                }
                answer => answer?,
            };
        }
        let bytes = self.transport.bytes(Method::Get, &format!("{path}/state"), LONG, &is_cancelled)?;
        project::from_bytes(&bytes).map_err(|error| RemoteError::Answer(error.to_string()))
    }
}

/// The session without its history: what generating depends on.
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
