//! A server that generates instead of this machine, for users who have one.
//!
//! Which one is a setting of the user (`resonantgen connect`), never of a project. When it does not answer, this machine
//! generates; what plays goes on either way.

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

/// The server that did not answer last, when, and what there was to say.
static GONE: Mutex<Option<(String, Instant, String)>> = Mutex::new(None);

/// Nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// There is no engine here.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine here could not do it.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The server was asked for something that cannot be done.
    #[error(transparent)]
    Remote(RemoteError),
}

/// Lets the user's server do the work, or the engine here when there is none or it cannot. Returns what the user should
/// know besides. `kept` is where the caller keeps the engine.
///
/// # Errors
/// When neither could; the session is then unchanged.
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
    // Requests that are given up end by themselves, on threads of their own: this library must not be unloaded under them.
    location::stay_loaded();
    let remote = Remote::new(address, token)?;
    remote.apply(session, request, observer)
}

/// Why a server is not asked now.
fn still_gone(address: &str) -> Option<String> {
    let gone = GONE.lock();
    let (known, since, why) = gone.as_ref()?;
    (known == address && since.elapsed() < PAUSE).then(|| why.clone())
}

/// Remembers that a server has answered, or why it has not.
fn note_answer(address: &str, why: Option<String>) {
    *GONE.lock() = why.map(|why| (address.to_owned(), Instant::now(), why));
}

/// The user's settings. Those that cannot be read are like none: there is a way to make music without them.
#[must_use]
pub fn settings() -> Settings {
    folder().and_then(|folder| Settings::load(&folder)).unwrap_or_default()
}

/// Keeps settings for all programs of this user.
///
/// # Errors
/// In words, when they cannot be written.
pub fn keep_settings(settings: &Settings) -> Result<(), String> {
    folder().and_then(|folder| settings.save(&folder)).map_err(|error| error.to_string())
}

/// Why a server did not answer when it was asked last; `None` when it did, or was not asked yet.
#[must_use]
pub fn gone(address: &str) -> Option<String> {
    let gone = GONE.lock();
    gone.as_ref().filter(|(known, ..)| known == address).map(|(.., why)| why.clone())
}

/// Asks a server in the background whether it is there and lets us in; [`gone`] tells the answer after a repaint.
pub fn greet(settings: &Settings, repaint: RepaintNotifier) {
    let Some(address) = settings.address.clone() else { return };
    let token = settings.token.clone();
    // The window may be closed, and the plugin gone, before there is an answer.
    location::stay_loaded();
    let ask = move || {
        let answer = Remote::new(&address, token.as_deref()).and_then(|remote| remote.bundles());
        note_answer(&address, answer.err().map(|error| error.to_string()));
        repaint.request_repaint();
    };
    // Without a thread it is asked when there is something to make.
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
            // The second time it is left alone.
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
