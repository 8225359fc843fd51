//! Shared state of all requests, and the routes.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post, put};
use tokio::sync::{Semaphore, watch};

use super::generator::Generator;
use super::guard::Guard;
use super::jobs::Jobs;
use super::limits::Limits;
use super::metrics::Metrics;
use super::page::Page;
use super::problem::Problem;
use super::routes;
use super::sessions::Sessions;
use super::upload::Uploads;

/// Maximum number of uploads processed at a time, because each may need much memory.
const UNPACKED: usize = 2;

/// Shared state of all requests.
pub struct App {
    pub(super) sessions: Arc<Sessions>,
    pub(super) jobs: Arc<Jobs>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) generator: Arc<dyn Generator>,
    pub(super) limits: Limits,
    pub(super) guard: Guard,
    pub(super) page: Page,
    pub(super) watchers: Arc<Semaphore>,
    pub(super) uploads: Uploads,
    /// One permit per upload being processed; taken only when the upload is complete.
    pub(super) unpacked: Arc<Semaphore>,
    /// Set when no new jobs are accepted.
    pub(super) closing: watch::Sender<bool>,
    /// Set when event streams must end.
    pub(super) farewell: watch::Sender<bool>,
}

impl App {
    pub(super) fn open(
        data: &Path,
        generator: Arc<dyn Generator>,
        guard: Guard,
        limits: Limits,
    ) -> std::io::Result<Self> {
        let uploads = Uploads::new(data, limits.all_uploads_bytes);
        let sessions = Arc::new(Sessions::open(data, limits.sessions)?);
        let metrics = Arc::new(Metrics::default());
        let jobs = Jobs::open(data, sessions.clone(), generator.clone(), metrics.clone(), limits.clone())?;
        Ok(Self {
            sessions,
            jobs: Arc::new(jobs),
            metrics,
            generator,
            guard,
            page: Page::new(),
            watchers: Arc::new(Semaphore::new(limits.watchers)),
            uploads,
            unpacked: Arc::new(Semaphore::new(UNPACKED)),
            closing: watch::Sender::new(false),
            farewell: watch::Sender::new(false),
            limits,
        })
    }
}

/// The OpenAPI 3.1 description, as served at `/openapi.json`.
#[must_use]
pub fn openapi_json() -> String {
    super::openapi::document().to_pretty_json().expect("a document without odd keys")
}

/// All routes. `openapi` describes each of them; a test compares the two.
pub(super) fn router(app: &Arc<App>) -> Router {
    Router::new()
        .route("/", get(routes::about::page))
        .route("/openapi.json", get(routes::about::openapi))
        .route("/health", get(routes::about::health))
        .route("/metrics", get(routes::about::metrics))
        .route("/v1/bundles", get(routes::about::bundles))
        .route("/v1/sessions", get(routes::sessions::list).post(routes::sessions::create))
        .route("/v1/sessions/{session}", get(routes::sessions::show).delete(routes::sessions::delete))
        .route("/v1/sessions/{session}/state", get(routes::sessions::state))
        .route("/v1/sessions/{session}/generate", post(routes::jobs::generate))
        .route("/v1/sessions/{session}/tracks/{track}/regenerate", post(routes::jobs::regenerate))
        .route(
            "/v1/sessions/{session}/tracks/{track}/lock",
            put(routes::sessions::lock).delete(routes::sessions::unlock),
        )
        .route("/v1/sessions/{session}/tracks/{track}/take", put(routes::sessions::select))
        .route("/v1/sessions/{session}/tracks/{track}/compare", post(routes::sessions::compare))
        .route("/v1/sessions/{session}/tracks/{track}/import", post(routes::import::import))
        .route("/v1/sessions/{session}/tracks/{track}/sounds", get(routes::sound::list))
        .route("/v1/sessions/{session}/tracks/{track}/sound", post(routes::sound::set))
        .route("/v1/sessions/{session}/tracks/{track}/vary", post(routes::sound::vary))
        .route(
            "/v1/sessions/{session}/tracks/{track}/sound/hold",
            put(routes::sound::hold).delete(routes::sound::release),
        )
        .route("/v1/sessions/{session}/song", get(routes::song::show).post(routes::song::make))
        .route("/v1/sessions/{session}/order", put(routes::song::order))
        .route(
            "/v1/sessions/{session}/sections/{section}",
            patch(routes::song::alter).delete(routes::song::delete),
        )
        .route("/v1/sessions/{session}/sections/{section}/regenerate", post(routes::song::regenerate))
        .route("/v1/sessions/{session}/sections/{section}/open", post(routes::song::open))
        .route("/v1/sessions/{session}/sections/{section}/copy", post(routes::song::copy))
        .route(
            "/v1/sessions/{session}/sections/{section}/tracks/{track}/lock",
            put(routes::song::lock).delete(routes::song::unlock),
        )
        .route("/v1/sessions/{session}/undo", post(routes::sessions::undo))
        .route("/v1/sessions/{session}/redo", post(routes::sessions::redo))
        .route(
            "/v1/sessions/{session}/takes/{take}/favourite",
            put(routes::sessions::favour).delete(routes::sessions::unfavour),
        )
        .route("/v1/sessions/{session}/takes/{take}/{file}", get(routes::audio::take))
        .route("/v1/sessions/{session}/{file}", get(routes::audio::whole))
        .route("/v1/jobs", get(routes::jobs::list))
        .route("/v1/jobs/{job}", get(routes::jobs::show).delete(routes::jobs::cancel))
        .route("/v1/jobs/{job}/events", get(routes::jobs::events))
        .fallback(async || Problem::not_found("address: see /openapi.json"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "this address supports other methods: see /openapi.json",
            )
        })
        .layer(from_fn_with_state(app.clone(), handle))
        .with_state(app.clone())
}

/// Middleware: access control, timeout, metrics, and the header fields of every response.
async fn handle(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = match app.guard.check(&request, &app.metrics) {
        Err(problem) => problem.into_response(),
        Ok(()) => match tokio::time::timeout(app.limits.request_time, next.run(request)).await {
            Ok(response) => response,
            Err(_) => {
                let seconds = app.limits.request_time.as_secs();
                let detail = format!("the request did not complete within {seconds} s");
                Problem::new(StatusCode::REQUEST_TIMEOUT, detail).into_response()
            }
        },
    };
    app.metrics.answered(response.status());
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
