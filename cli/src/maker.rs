//! Where generation runs: on this machine's engine, or on a server.

use anyhow::{Result, anyhow};
use resonantgen_models::generator::{Engine, Observer};
use resonantgen_models::runtime::Provider;
use resonantgen_server::client::{Remote, RemoteError};
use resonantgen_session::{Request, Session};
use resonantgen_words::TextUnderstanding;

use crate::args::{Elsewhere, Models};
use crate::failure::Usage;
use crate::open;

/// Environment variable for a token, which keeps it out of the list of processes.
pub const TOKEN_VARIABLE: &str = "RESONANTGEN_TOKEN";

/// The local engine, or a server. With equal models and processors the result is the same to the bit.
pub enum Maker {
    /// This machine.
    Here {
        /// The local engine.
        engine: Box<Engine>,
        /// The provider requested by the user, if any.
        wanted: Option<Provider>,
    },
    /// A server.
    There(Remote),
}

impl Maker {
    /// Opens the engine, or checks that the server can be reached.
    ///
    /// # Errors
    /// Returns an error if models or runtime are missing, or the server does not answer or rejects the token.
    pub fn open(models: &Models, elsewhere: &Elsewhere) -> Result<Self> {
        let Some(address) = &elsewhere.server else {
            let wanted = open::options(models)?.provider.or_environment()?.provider();
            return Ok(Self::Here { engine: Box::new(open::engine(models)?), wanted });
        };
        let remote = reach(address, elsewhere.token.as_deref())?;
        Ok(Self::There(remote))
    }

    /// The local sentence model; a server has its own.
    pub fn understanding(&self) -> Option<&dyn TextUnderstanding> {
        match self {
            Self::Here { engine, .. } => Some(engine.as_ref()),
            Self::There(_) => None,
        }
    }

    /// As [`Session::apply`], on this machine or on the server.
    ///
    /// # Errors
    /// Returns the errors of [`Session::apply`], and an error if the server is gone.
    pub fn apply(&self, session: &mut Session, request: &Request, observer: &dyn Observer) -> Result<()> {
        match self {
            Self::Here { engine, wanted } => {
                session.apply(engine, request, observer)?;
                note_missing(engine, *wanted);
                Ok(())
            }
            Self::There(remote) => remote.apply(session, request, observer).map_err(told),
        }
    }
}

/// Reports why the requested provider was not used.
fn note_missing(engine: &Engine, wanted: Option<Provider>) {
    let status = wanted.and_then(|wanted| {
        engine.providers().into_iter().find(|status| status.provider == wanted && !status.in_use)
    });
    if let Some(status) = status {
        eprintln!("note: {}: {}; the CPU was used instead", status.provider, status.reason);
    }
}

/// Connects to a server that answers and accepts the token.
///
/// # Errors
/// Returns an error if the server does not answer or rejects the token.
pub fn reach(address: &str, token: Option<&str>) -> Result<Remote> {
    let token = token.map(ToOwned::to_owned).or_else(|| std::env::var(TOKEN_VARIABLE).ok());
    let remote = Remote::new(address, token.as_deref()).map_err(|error| Usage(error.to_string()))?;
    remote.bundles().map_err(told)?;
    Ok(remote)
}

fn told(error: RemoteError) -> anyhow::Error {
    match error {
        RemoteError::Refused(detail) => Usage(detail).into(),
        error => anyhow!(error),
    }
}
