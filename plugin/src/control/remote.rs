//! Generating on the user's server.
//!
//! The address is a setting of the user (`resonantgen connect`), never of a project. If the server does not answer, this machine
//! generates. Playback continues either way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use resonantgen_models::generator::{Engine, Observer};
use resonantgen_server::client::{Remote, RemoteError};
use resonantgen_server::settings::{Settings, folder};
use resonantgen_session::{Request, Session, SessionError};

use super::inference::{EngineError, engine, fallen_back, note_status};
use super::location;
use crate::editor::RepaintNotifier;

/// How long a server that did not answer is left alone.
const PAUSE: Duration = Duration::from_secs(30);

/// The last server that did not answer, when, and why.
static GONE: Mutex<Option<(String, Instant, String)>> = Mutex::new(None);

/// Why nothing was generated.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// This machine has no engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The local engine failed.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The server refused the request.
    #[error(transparent)]
    Remote(RemoteError),
}

/// Applies a request on the user's server, or with the local engine if there is no server or it fails. Returns a notice for the
/// user. The caller keeps the engine in `kept`.
///
/// # Errors
/// Returns an error if the request is refused or cancelled, or both server and engine fail. The session is then unchanged.
pub fn make(
    kept: &mut Option<Arc<Engine>>,
    session: &mut Session,
    request: &Request,
    observer: &dyn Observer,
) -> Result<Option<String>, MakeError> {
    make_with(&settings(), session, request, observer, |session| {
        let engine = engine(kept)?;
        note_status(&engine);
        session.apply(&engine, request, observer)?;
        Ok(fallen_back(&engine))
    })
}

fn make_with(
    settings: &Settings,
    session: &mut Session,
    request: &Request,
    observer: &dyn Observer,
    here: impl FnOnce(&mut Session) -> Result<Option<String>, MakeError>,
) -> Result<Option<String>, MakeError> {
    let Some(address) = &settings.address else { return here(session) };
    let why = match still_gone(address) {
        Some(why) => why,
        None => match there(address, settings.token.as_deref(), session, request, observer) {
            Ok(()) => {
                note_answer(address, None);
                return Ok(None);
            }
            Err(error) if error.is_of_server() && !observer.is_cancelled() => {
                let why = error.to_string();
                if matches!(error, RemoteError::Gone { .. }) {
                    note_answer(address, Some(why.clone()));
                }
                why
            }
            Err(error) => return Err(MakeError::Remote(error)),
        },
    };
    let besides = here(session)?.map(|besides| format!(" {besides}")).unwrap_or_default();
    Ok(Some(format!("Made on this machine, because {why}.{besides}")))
}

fn there(
    address: &str,
    token: Option<&str>,
    session: &mut Session,
    request: &Request,
    observer: &dyn Observer,
) -> Result<(), RemoteError> {
    // Abandoned requests end later on their own threads, so this library must stay loaded.
    location::stay_loaded();
    let remote = Remote::new(address, token)?;
    remote.apply(session, request, observer)
}

/// Why the server is not being asked now; `None` if it is.
fn still_gone(address: &str) -> Option<String> {
    let gone = GONE.lock();
    let (known, since, why) = gone.as_ref()?;
    (known == address && since.elapsed() < PAUSE).then(|| why.clone())
}

/// Records whether a server answered; `why` says why not.
fn note_answer(address: &str, why: Option<String>) {
    *GONE.lock() = why.map(|why| (address.to_owned(), Instant::now(), why));
}

/// The user's settings; the defaults if they cannot be read.
#[must_use]
pub fn settings() -> Settings {
    folder().and_then(|folder| Settings::load(&folder)).unwrap_or_default()
}

/// Saves the settings for all programs of this user.
///
/// # Errors
/// Returns an error if they cannot be written; the message is for the user.
pub fn keep_settings(settings: &Settings) -> Result<(), String> {
    folder().and_then(|folder| settings.save(&folder)).map_err(|error| error.to_string())
}

/// Why a server did not answer the last request; `None` if it did or was not asked.
#[must_use]
pub fn gone(address: &str) -> Option<String> {
    let gone = GONE.lock();
    gone.as_ref().filter(|(known, ..)| known == address).map(|(.., why)| why.clone())
}

/// Checks in the background whether a server answers and accepts the token, then repaints; [`gone`] has the result.
pub fn greet(settings: &Settings, repaint: RepaintNotifier) {
    let Some(address) = settings.address.clone() else { return };
    let token = settings.token.clone();
    // The plugin may be removed before the answer arrives.
    location::stay_loaded();
    let ask = move || {
        let answer = Remote::new(&address, token.as_deref()).and_then(|remote| remote.bundles());
        note_answer(&address, answer.err().map(|error| error.to_string()));
        repaint.request_repaint();
    };
    // Without a thread, the next generation asks the server.
    let _ = std::thread::Builder::new().name("resonantgen server".to_owned()).spawn(ask);
}

#[cfg(test)]
mod tests {
    use resonantgen_models::generator::Silent;

    use super::*;

    #[test]
    fn when_the_server_is_dead_this_machine_generates_and_says_so() {
        let address = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            free.local_addr().expect("a port").to_string()
        };
        let request = Request::generate("techno").seed(1);
        let here = |session: &mut Session| {
            session.prompt = "made here".to_owned();
            Ok(None)
        };
        for settings in [
            Settings { address: Some(address.clone()), token: None },
            // Now it is within the pause.
            Settings { address: Some(address), token: None },
            Settings { address: Some("no address".to_owned()), token: None },
        ] {
            let mut session = Session::default();
            let notice = make_with(&settings, &mut session, &request, &Silent, here).expect("made");
            assert_eq!(session.prompt, "made here");
            assert!(notice.is_some_and(|notice| notice.starts_with("Made on this machine, because")));
        }
        let mut session = Session::default();
        let notice = make_with(&Settings::default(), &mut session, &request, &Silent, here).expect("made");
        assert_eq!((session.prompt.as_str(), notice), ("made here", None));
    }
}
