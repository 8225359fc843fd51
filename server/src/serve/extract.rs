//! Extractors: validated parts of a request.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::app::App;
use super::problem::Problem;

/// Path parameters: ids and known names only.
pub struct Ids<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<App>> for Ids<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<App>) -> Result<Self, Problem> {
        let Path(ids) = Path::<T>::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::not_found("address: an id has 32 hexadecimal digits, see /openapi.json"))?;
        Ok(Self(ids))
    }
}

/// Query parameters.
pub struct Options<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for Options<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<App>) -> Result<Self, Problem> {
        let Query(options) = Query::<T>::from_request_parts(parts, state).await.map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST, format!("in the query: {}", error.body_text()))
        })?;
        Ok(Self(options))
    }
}

/// A JSON body of a limited size.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        if !is_type(request.headers(), "application/json") {
            let detail = "the body must be JSON: send 'Content-Type: application/json'";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let bytes = read(request, app.limits.json_bytes).await?;
        // RFC 8259, section 8.1: a byte order mark may be ignored.
        serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)).map(Self).map_err(
            |error| {
                let status =
                    if error.is_data() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::BAD_REQUEST };
                Problem::new(status, format!("the body is not valid: {error}"))
            },
        )
    }
}

/// Whether the headers declare a content type.
pub fn is_type(headers: &HeaderMap, wanted: &str) -> bool {
    let field = headers.get(header::CONTENT_TYPE).and_then(|field| field.to_str().ok()).unwrap_or_default();
    field.split(';').next().is_some_and(|found| found.trim().eq_ignore_ascii_case(wanted))
}

/// Reads the whole body, up to `limit` bytes, regardless of the declared length.
pub async fn read(request: Request<Body>, limit: usize) -> Result<Bytes, Problem> {
    check_told(&request, limit)?;
    match Limited::new(request.into_body(), limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => Err(body_error(&*error, limit)),
    }
}

/// Refuses a body whose declared length is above `limit` bytes.
pub fn check_told(request: &Request<Body>, limit: usize) -> Result<(), Problem> {
    let told = request.headers().get(header::CONTENT_LENGTH).and_then(|field| field.to_str().ok());
    match told.and_then(|told| told.parse::<u64>().ok()) {
        Some(told) if told > limit as u64 => Err(too_long(limit)),
        _ => Ok(()),
    }
}

/// Why a body limited to `limit` bytes could not be read.
pub fn body_error(error: &(dyn std::error::Error + Send + Sync + 'static), limit: usize) -> Problem {
    if error.is::<LengthLimitError>() {
        too_long(limit)
    } else {
        Problem::new(StatusCode::BAD_REQUEST, "the body ended prematurely")
    }
}

fn too_long(limit: usize) -> Problem {
    let detail = format!("the body is too long: at most {limit} bytes are accepted");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

/// Runs blocking work (disk access, audio files) on the blocking pool.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(Problem::internal("the server failed unexpectedly on this request")),
    }
}
