//! Why a command failed, and the exit code for it.

use std::process::ExitCode;

use resonantgen_session::SessionError;

/// The user cancelled (Ctrl-C); nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("cancelled; nothing was written")]
pub struct Cancelled;

/// The arguments are invalid; the message says what is allowed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Exit code for an error: 130 cancelled, 2 invalid usage, 1 anything else.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<Cancelled>() {
        ExitCode::from(130)
    } else if error.is::<Usage>() || error.downcast_ref::<SessionError>().is_some_and(is_usage) {
        ExitCode::from(2)
    } else {
        ExitCode::FAILURE
    }
}

/// One line: the error and its causes, without those that its message already contains.
pub fn message(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Whether a different request would have succeeded.
fn is_usage(error: &SessionError) -> bool {
    !matches!(error, SessionError::Generate(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot write a.wav: {source}; make room")]
    struct Write {
        source: std::io::Error,
    }

    #[test]
    fn a_cause_is_told_once() {
        let full = || std::io::Error::other("no space left");
        assert_eq!(message(&Write { source: full() }.into()), "cannot write a.wav: no space left; make room");
        let told = anyhow::Error::new(full()).context("cannot save");
        assert_eq!(message(&told), "cannot save: no space left");
    }
}
