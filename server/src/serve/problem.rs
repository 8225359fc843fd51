//! Errors as `application/problem+json` (RFC 9457), in users' words.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use resonantgen_project::StoreError;
use resonantgen_session::SessionError;

use crate::wire;

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// What is wrong, and what to do.
    pub detail: String,
}

impl Problem {
    /// An error with a status and a message.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }

    /// 404: `what` does not exist.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }

    /// The request is not valid.
    pub fn refused(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// The request conflicts with the current state.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// The server failed.
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    /// The server cannot write to its disk. The error's own text may hold a path, which is nobody's business.
    pub fn storage(error: &std::io::Error) -> Self {
        let reason = error.kind();
        Self::new(
            StatusCode::INSUFFICIENT_STORAGE,
            format!("the server cannot write to its disk ({reason}): nothing was changed; make room there"),
        )
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        // Do not reveal paths on the server's disk.
        match error {
            StoreError::Write { source, .. } => Self::storage(&source),
            StoreError::Read { source, .. } => {
                Self::internal(format!("the session cannot be read: {source}"))
            }
            StoreError::NoSession(_) => Self::not_found("session"),
            StoreError::Held(_) => Self::conflict(
                "another program on the server has a file of this session open: try again later",
            ),
            StoreError::InUse(_) => {
                Self::conflict("another program on the server uses this session: try again later")
            }
            StoreError::Damaged { reason, .. } => {
                Self::internal(format!("the session on the server's disk cannot be used: {reason}"))
            }
            StoreError::Rate(_) | StoreError::NothingToExport => Self::refused(error.to_string()),
        }
    }
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Locked(_)
            | SessionError::AllLocked
            | SessionError::Empty
            | SessionError::NothingToUndo
            | SessionError::NothingToRedo
            | SessionError::NothingToLock(_)
            | SessionError::NoOlderTake(_)
            | SessionError::NoNewerTake(_)
            | SessionError::NothingToCompare(_)
            | SessionError::OtherGrid { .. }
            | SessionError::LastSection
            | SessionError::LockedInSection { .. }
            | SessionError::AllLockedInSection(_)
            | SessionError::ChordInUse(_) => Self::conflict(error.to_string()),
            SessionError::NoSuchTake { .. }
            | SessionError::NoSuchHalfBar { .. }
            | SessionError::SectionGone
            | SessionError::NoSuchSection { .. } => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            SessionError::Generate(_) => Self::internal(error.to_string()),
            _ => Self::refused(error.to_string()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = wire::Problem {
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
        };
        let json = serde_json::to_vec(&body).expect("strings and a number");
        let mut response = (self.status, json).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(wire::PROBLEM_TYPE));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
