//! Jobs: submitting, watching, cancelling.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json as Answer;
use axum::extract::FromRequest;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use resonantgen_session::Operation;
use serde::Deserialize;

use super::super::app::App;
use super::super::extract::{Ids, Json, Options, blocking};
use super::super::id::SessionId;
use super::super::journal::Spec;
use super::super::problem::Problem;
use super::sessions::has_no_body;
use super::{InJob, InSession, InTrack};
use crate::wire::{self, GenerateRequest, JobView, Problem as WireProblem, RegenerateRequest};

/// Interval of heartbeats in an event stream.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Longest wait for a change, in milliseconds.
const LONGEST_WAIT_MS: u64 = 20_000;

/// Long-polling parameters.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Waiting {
    /// The `version` already known to the client.
    after: Option<u64>,
    /// Milliseconds to wait for a newer version, at most 20,000.
    wait_ms: Option<u64>,
}

pub(super) fn accepted(job: JobView) -> Response {
    (StatusCode::ACCEPTED, [(header::LOCATION, format!("/v1/jobs/{}", job.id))], Answer(job)).into_response()
}

/// Generates all requested tracks that are not locked. Returns a job: watch it until it is done.
#[utoipa::path(
    post, path = "/v1/sessions/{session}/generate", tag = "jobs", params(("session" = String, Path)),
    request_body = GenerateRequest,
    responses(
        (status = 202, body = JobView, description = "Accepted; the job survives a restart of the server"),
        (status = 404, body = WireProblem),
        (status = 409, body = WireProblem, description = "All chosen tracks are locked"),
        (status = 422, body = WireProblem, description = "The request cannot be met; the detail says why"),
        (status = 429, body = WireProblem, description = "Too many jobs are waiting"),
        (status = 503, body = WireProblem, description = "The server is stopping"),
        (status = 507, body = WireProblem, description = "The server's disk is full"),
    )
)]
pub async fn generate(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InSession>,
    Json(request): Json<GenerateRequest>,
) -> Result<Response, Problem> {
    blocking(move || accept(&app, &path.session, Spec::Generate(request))).await
}

/// Refuses what cannot be done, and queues the rest.
pub(super) fn accept(app: &App, session: &SessionId, spec: Spec) -> Result<Response, Problem> {
    let text = app.generator.understanding();
    app.sessions.read(session, |session, _| {
        let Some(request) = spec.request(session)? else { return Ok(()) };
        // An earlier job may use this seed; the job itself then takes the next one.
        session.check(&request, text)?;
        if request.operation == Operation::Generate {
            request.check_understood(text)?;
        }
        Ok(())
    })?;
    app.jobs.accept(session, spec).map(accepted)
}

/// Regenerates one track; it hears the others.
#[utoipa::path(
    post, path = "/v1/sessions/{session}/tracks/{track}/regenerate", tag = "jobs",
    params(("session" = String, Path), ("track" = wire::TrackName, Path)),
    request_body = RegenerateRequest,
    responses(
        (status = 202, body = JobView, description = "Accepted"),
        (status = 404, body = WireProblem),
        (status = 409, body = WireProblem, description = "The track is locked, or nothing was generated yet"),
        (status = 422, body = WireProblem, description = "The words cannot be used; the detail says why"),
        (status = 429, body = WireProblem, description = "Too many jobs are waiting"),
        (status = 503, body = WireProblem, description = "The server is stopping"),
        (status = 507, body = WireProblem, description = "The server's disk is full"),
    )
)]
pub async fn regenerate(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InTrack>,
    request: Request,
) -> Result<Response, Problem> {
    let request = if has_no_body(request.headers()) {
        RegenerateRequest::default()
    } else {
        Json::<RegenerateRequest>::from_request(request, &app).await?.0
    };
    blocking(move || accept(&app, &path.session, Spec::Regenerate(path.track, request))).await
}

/// Waiting and running jobs, and the most recent that ended.
#[utoipa::path(get, path = "/v1/jobs", tag = "jobs", responses((status = 200, body = Vec<JobView>)))]
pub async fn list(State(app): State<Arc<App>>) -> Answer<Vec<JobView>> {
    Answer(app.jobs.list())
}

/// A job; with `after` and `wait_ms`, responds as soon as it has changed.
#[utoipa::path(
    get, path = "/v1/jobs/{job}", tag = "jobs", params(("job" = String, Path), Waiting),
    responses(
        (status = 200, body = JobView),
        (status = 404, body = WireProblem),
        (status = 429, body = WireProblem, description = "Too many clients are waiting for changes"),
    )
)]
pub async fn show(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InJob>,
    Options(waiting): Options<Waiting>,
) -> Result<Answer<JobView>, Problem> {
    let mut job = app.jobs.watch(&path.job)?;
    if let (Some(after), Some(wait_ms)) = (waiting.after, waiting.wait_ms) {
        let _place = app.watchers.try_acquire().map_err(|_| too_many_watchers())?;
        let time = Duration::from_millis(wait_ms.min(LONGEST_WAIT_MS));
        let news = job.wait_for(|view| view.version != after || view.state.is_final());
        // Without a change in time, the response is the current state.
        let _ = tokio::time::timeout(time, news).await;
    }
    let view = job.borrow().clone();
    Ok(Answer(view))
}

/// Progress as server-sent events named `job`, each with the job's current state. Event ids are versions: after a reconnect
/// the stream continues with what is newer than `Last-Event-ID`. It ends with the job.
#[utoipa::path(
    get, path = "/v1/jobs/{job}/events", tag = "jobs",
    params(("job" = String, Path), ("Last-Event-ID" = Option<u64>, Header)),
    responses(
        (status = 200, description = "Events", content_type = "text/event-stream", body = JobView),
        (status = 404, body = WireProblem),
        (status = 429, body = WireProblem, description = "Too many clients are waiting for changes"),
    )
)]
pub async fn events(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InJob>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let job = app.jobs.watch(&path.job)?;
    let place = Arc::clone(&app.watchers).try_acquire_owned().map_err(|_| too_many_watchers())?;
    let known = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse::<u64>().ok());
    let farewell = app.farewell.subscribe();
    // Only the newest state is sent, so a slow reader costs no memory and misses nothing important.
    let events = stream::unfold(Some((job, known, farewell, place)), async |state| {
        let (mut job, known, mut farewell, place) = state?;
        let news = async {
            let view =
                job.wait_for(|view| Some(view.version) != known || view.state.is_final()).await.ok()?;
            (Some(view.version) != known).then(|| view.clone())
        };
        let view = tokio::select! {
            view = news => view?,
            _ = farewell.wait_for(|ending| *ending) => return None,
        };
        let event = Event::default().event("job").id(view.version.to_string()).json_data(&view).ok()?;
        let next = (!view.state.is_final()).then_some((job, Some(view.version), farewell, place));
        Some((Ok::<_, Infallible>(event), next))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}

/// Cancels a job. A running job stops soon; watch it until it reports this.
#[utoipa::path(
    delete, path = "/v1/jobs/{job}", tag = "jobs", params(("job" = String, Path)),
    responses((status = 200, body = JobView), (status = 404, body = WireProblem))
)]
pub async fn cancel(State(app): State<Arc<App>>, Ids(path): Ids<InJob>) -> Result<Answer<JobView>, Problem> {
    blocking(move || app.jobs.cancel(&path.job).map(Answer)).await
}

fn too_many_watchers() -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too many clients are watching jobs: close some, or try again later",
    )
}
