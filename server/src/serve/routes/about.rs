//! The server itself: page, description, health, metrics, models.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::super::app::App;
use super::super::metrics::{Gauges, MEDIA_TYPE};
use crate::wire::{BundleView, Health};

/// The web page.
pub async fn page(State(app): State<Arc<App>>) -> Response {
    app.page.response()
}

/// This description.
#[utoipa::path(
    get, path = "/openapi.json", tag = "server",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json", body = Object))
)]
pub async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], super::super::openapi_json()).into_response()
}

/// Whether the server works. Needs no token.
#[utoipa::path(get, path = "/health", tag = "server", responses((status = 200, body = Health)))]
pub async fn health(State(app): State<Arc<App>>) -> Answer<Health> {
    let status = if *app.closing.borrow() { "closing" } else { "ok" };
    Answer(Health {
        status: status.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        token: app.guard.has_token(),
    })
}

/// Counters for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "server",
    responses((status = 200, description = "Text exposition format", content_type = "text/plain", body = String))
)]
pub async fn metrics(State(app): State<Arc<App>>) -> Response {
    let (waiting, running) = app.jobs.counts();
    let gauges = Gauges {
        waiting,
        running,
        sessions: app.sessions.count(),
        watchers: app.limits.watchers - app.watchers.available_permits(),
    };
    ([(header::CONTENT_TYPE, MEDIA_TYPE)], app.metrics.text(gauges)).into_response()
}

/// The models that this server generates with, and their licences.
#[utoipa::path(get, path = "/v1/bundles", tag = "server", responses((status = 200, body = Vec<BundleView>)))]
pub async fn bundles(State(app): State<Arc<App>>) -> Answer<Vec<BundleView>> {
    Answer(vec![BundleView::from(&app.generator.bundle())])
}
