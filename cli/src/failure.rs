//! Why a command ended without its result, and the exit code that says so.

use std::process::ExitCode;

use resonantgen_engine::session::SessionError;

/// The user asked to stop (Ctrl-C); nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("cancelled; nothing was written")]
pub struct Cancelled;

/// What was typed cannot be used; the message says what can.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Exit code for an error: 130 cancelled, 2 bad usage, 1 all else.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<Cancelled>() {
        ExitCode::from(130)
    } else if error.is::<Usage>() || error.downcast_ref::<SessionError>().is_some_and(is_usage) {
        ExitCode::from(2)
    } else {
        ExitCode::FAILURE
    }
}

/// Whether another request would have succeeded.
fn is_usage(error: &SessionError) -> bool {
    !matches!(error, SessionError::Generate(_))
}
