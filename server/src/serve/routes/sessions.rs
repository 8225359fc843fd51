//! Sessions, their locks and histories.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use resonantgen_music::track::Track;
use resonantgen_project as project;
use resonantgen_session::Session;
use resonantgen_take::TakeId;
use serde::Deserialize;

use super::super::app::App;
use super::super::extract::{Ids, Json, Options, blocking, is_type, read};
use super::super::id::{JobId, SessionId, WantedTake};
use super::super::problem::Problem;
use super::super::upload::receive;
use super::{InSession, InTrack, OfTake};
use crate::wire::{
    self, BundleView, PlanView, Problem as WireProblem, SelectRequest, SessionEntry, SessionView, SongView,
    TrackView, UnderstoodView,
};

/// Options of a new session.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Creation {
    /// Whether the session is temporary: it is removed when the server stops or needs room.
    #[serde(default)]
    lent: bool,
}

fn view(id: &SessionId, session: &Session, job: Option<&JobId>) -> SessionView {
    let summary = session.intent.as_ref().map(|intent| match &session.plan {
        Some(plan) => intent.summary_with(plan),
        None => intent.summary(),
    });
    SessionView {
        id: id.to_string(),
        prompt: session.prompt.clone(),
        summary,
        understood: session
            .intent
            .as_ref()
            .map(|intent| resonantgen_words::understood(intent).iter().map(UnderstoodView::from).collect())
            .unwrap_or_default(),
        unknown: session.intent.as_ref().map(|intent| intent.unknown.clone()).unwrap_or_default(),
        seed: session.seed,
        plan: session.plan.as_ref().map(PlanView::from),
        bundle: session.bundle.as_ref().map(BundleView::from),
        tracks: Track::ALL.map(|track| TrackView::of(track, session.track(track))).into(),
        song: SongView::from(session),
        can_undo: session.can_undo(),
        can_redo: session.can_redo(),
        job: job.map(ToString::to_string),
    }
}

/// The current state of a session. Takes that play and are lost on disk are made again soon. Blocks.
pub(super) fn shown(app: &App, id: &SessionId) -> Result<Answer<SessionView>, Problem> {
    let (view, lost) =
        app.sessions.read(id, |session, job| Ok((view(id, session, job), session.playing_asleep())))?;
    for (_, take) in lost {
        // What it answers is for those who ask for the audio.
        let _ = app.jobs.make_again(id, &take.id);
    }
    Ok(Answer(view))
}

/// All sessions.
#[utoipa::path(get, path = "/v1/sessions", tag = "sessions", responses((status = 200, body = Vec<SessionEntry>)))]
pub async fn list(State(app): State<Arc<App>>) -> Answer<Vec<SessionEntry>> {
    Answer(app.sessions.ids().into_iter().map(|id| SessionEntry { id: id.into() }).collect())
}

/// Creates a session: empty, or from the bytes of `state`.
#[utoipa::path(
    post, path = "/v1/sessions", tag = "sessions", params(Creation),
    request_body(
        description = "Empty, or a whole session",
        content((Vec<u8> = "application/vnd.resonantgen.session"))
    ),
    responses(
        (status = 201, body = SessionView),
        (status = 413, body = WireProblem, description = "Too large"),
        (status = 422, body = WireProblem, description = "The bytes are not a session"),
        (status = 503, body = WireProblem, description = "Too many uploads at a time"),
        (status = 507, body = WireProblem, description = "Too many sessions, or the disk is full"),
    )
)]
pub async fn create(
    State(app): State<Arc<App>>,
    Options(creation): Options<Creation>,
    request: Request,
) -> Result<Response, Problem> {
    if !is_type(request.headers(), wire::SESSION_TYPE) {
        read(request, 0).await.map_err(|problem| match problem.status {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!(
                    "send a session's bytes as '{}', or an empty body for an empty session",
                    wire::SESSION_TYPE
                ),
            ),
            _ => problem,
        })?;
        return blocking(move || created(&app, Session::default(), creation.lent)).await;
    }
    let upload = receive(&app, request, "session".to_owned()).await?;
    let turn = Arc::clone(&app.unpacked).acquire_owned().await;
    blocking(move || {
        let bytes = std::fs::read(upload.path()).map_err(|error| Problem::storage(&error))?;
        drop(upload);
        let session = match bytes.as_slice() {
            [] => Session::default(),
            bytes => project::from_bytes(bytes).map_err(|error| Problem::refused(error.to_string()))?,
        };
        drop((bytes, turn));
        created(&app, session, creation.lent)
    })
    .await
}

/// Stores a new session and shows it. Blocks.
fn created(app: &App, session: Session, lent: bool) -> Result<Response, Problem> {
    let id = app.sessions.create(session, lent)?;
    let place = [(header::LOCATION, format!("/v1/sessions/{id}"))];
    Ok((StatusCode::CREATED, place, shown(app, &id)?).into_response())
}

/// A session: plan, tracks, takes.
#[utoipa::path(
    get, path = "/v1/sessions/{session}", tag = "sessions", params(("session" = String, Path)),
    responses((status = 200, body = SessionView), (status = 404, body = WireProblem))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InSession>,
) -> Result<Answer<SessionView>, Problem> {
    blocking(move || shown(&app, &path.session)).await
}

/// Deletes a session with all its takes, and cancels its jobs.
#[utoipa::path(
    delete, path = "/v1/sessions/{session}", tag = "sessions", params(("session" = String, Path)),
    responses((status = 204, description = "Deleted"), (status = 404, body = WireProblem))
)]
pub async fn delete(State(app): State<Arc<App>>, Ids(path): Ids<InSession>) -> Result<StatusCode, Problem> {
    blocking(move || {
        app.jobs.cancel_session(&path.session);
        app.sessions.delete(&path.session)?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// The whole session as bytes, audio included, for `POST /v1/sessions` on this or another server.
#[utoipa::path(
    get, path = "/v1/sessions/{session}/state", tag = "sessions", params(("session" = String, Path)),
    responses(
        (status = 200, content_type = "application/vnd.resonantgen.session", body = Vec<u8>),
        (status = 404, body = WireProblem),
    )
)]
pub async fn state(State(app): State<Arc<App>>, Ids(path): Ids<InSession>) -> Result<Response, Problem> {
    blocking(move || {
        let session = app.sessions.read(&path.session, |session, _| Ok(session.clone()))?;
        Ok(([(header::CONTENT_TYPE, wire::SESSION_TYPE)], project::to_bytes(&session)).into_response())
    })
    .await
}

/// Locks a track: its take does not change.
#[utoipa::path(
    put, path = "/v1/sessions/{session}/tracks/{track}/lock", tag = "sessions",
    params(("session" = String, Path), ("track" = wire::TrackName, Path)),
    responses(
        (status = 200, body = SessionView),
        (status = 404, body = WireProblem),
        (status = 409, body = WireProblem, description = "A job is generating this track"),
    )
)]
pub async fn lock(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InTrack>,
) -> Result<Answer<SessionView>, Problem> {
    set_lock(app, path, true).await
}

/// Unlocks a track.
#[utoipa::path(
    delete, path = "/v1/sessions/{session}/tracks/{track}/lock", tag = "sessions",
    params(("session" = String, Path), ("track" = wire::TrackName, Path)),
    responses((status = 200, body = SessionView), (status = 404, body = WireProblem), (status = 409, body = WireProblem))
)]
pub async fn unlock(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InTrack>,
) -> Result<Answer<SessionView>, Problem> {
    set_lock(app, path, false).await
}

async fn set_lock(app: Arc<App>, path: InTrack, lock: bool) -> Result<Answer<SessionView>, Problem> {
    blocking(move || {
        app.sessions.set_lock(&path.session, path.track.into(), lock)?;
        shown(&app, &path.session)
    })
    .await
}

/// Plays another take of a track's history.
#[utoipa::path(
    put, path = "/v1/sessions/{session}/tracks/{track}/take", tag = "sessions",
    params(("session" = String, Path), ("track" = wire::TrackName, Path)),
    request_body = SelectRequest,
    responses(
        (status = 200, body = SessionView),
        (status = 404, body = WireProblem, description = "No such session or take"),
        (status = 409, body = WireProblem, description = "The track is locked, or a job is changing the session"),
    )
)]
pub async fn select(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InTrack>,
    Json(request): Json<SelectRequest>,
) -> Result<Answer<SessionView>, Problem> {
    let wanted = WantedTake::try_from(request.take).map_err(|_| Problem::not_found("take"))?;
    change(app, path.session, move |session| {
        let track = Track::from(path.track);
        let index = session.track(track).position(&TakeId(wanted.into()));
        Ok(session.select_take(track, index.ok_or_else(|| Problem::not_found("take"))?)?)
    })
    .await
}

/// Plays the take that was heard before the current one; repeat to go back (A/B).
#[utoipa::path(
    post, path = "/v1/sessions/{session}/tracks/{track}/compare", tag = "sessions",
    params(("session" = String, Path), ("track" = wire::TrackName, Path)),
    responses(
        (status = 200, body = SessionView),
        (status = 404, body = WireProblem),
        (status = 409, body = WireProblem, description = "The track is locked, or has played one take only"),
    )
)]
pub async fn compare(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InTrack>,
) -> Result<Answer<SessionView>, Problem> {
    change(app, path.session, move |session| Ok(session.compare(path.track.into())?)).await
}

/// Undoes the last change.
#[utoipa::path(
    post, path = "/v1/sessions/{session}/undo", tag = "sessions", params(("session" = String, Path)),
    responses(
        (status = 200, body = SessionView),
        (status = 404, body = WireProblem),
        (status = 409, body = WireProblem, description = "There is nothing to undo, or a job is changing the session"),
    )
)]
pub async fn undo(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InSession>,
) -> Result<Answer<SessionView>, Problem> {
    change(app, path.session, |session| Ok(session.undo()?)).await
}

/// Redoes the last undone change.
#[utoipa::path(
    post, path = "/v1/sessions/{session}/redo", tag = "sessions", params(("session" = String, Path)),
    responses(
        (status = 200, body = SessionView),
        (status = 404, body = WireProblem),
        (status = 409, body = WireProblem, description = "There is nothing to redo, or a job is changing the session"),
    )
)]
pub async fn redo(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InSession>,
) -> Result<Answer<SessionView>, Problem> {
    change(app, path.session, |session| Ok(session.redo()?)).await
}

/// Marks a take as a favourite, which is kept for ever.
#[utoipa::path(
    put, path = "/v1/sessions/{session}/takes/{take}/favourite", tag = "sessions",
    params(("session" = String, Path), ("take" = String, Path)),
    responses((status = 200, body = SessionView), (status = 404, body = WireProblem), (status = 409, body = WireProblem))
)]
pub async fn favour(
    State(app): State<Arc<App>>,
    Ids(path): Ids<OfTake>,
) -> Result<Answer<SessionView>, Problem> {
    set_favourite(app, path, true).await
}

/// Removes the favourite mark.
#[utoipa::path(
    delete, path = "/v1/sessions/{session}/takes/{take}/favourite", tag = "sessions",
    params(("session" = String, Path), ("take" = String, Path)),
    responses((status = 200, body = SessionView), (status = 404, body = WireProblem), (status = 409, body = WireProblem))
)]
pub async fn unfavour(
    State(app): State<Arc<App>>,
    Ids(path): Ids<OfTake>,
) -> Result<Answer<SessionView>, Problem> {
    set_favourite(app, path, false).await
}

async fn set_favourite(app: Arc<App>, path: OfTake, favourite: bool) -> Result<Answer<SessionView>, Problem> {
    change(app, path.session, move |session| {
        let id = TakeId(path.take.into());
        let found =
            Track::ALL.into_iter().find_map(|track| Some((track, session.track(track).position(&id)?)));
        let (track, index) = found.ok_or_else(|| Problem::not_found("take"))?;
        Ok(session.set_favourite(track, index, favourite)?)
    })
    .await
}

/// Changes a session and returns its new state.
pub(super) async fn change(
    app: Arc<App>,
    id: SessionId,
    change: impl FnOnce(&mut Session) -> Result<(), Problem> + Send + 'static,
) -> Result<Answer<SessionView>, Problem> {
    blocking(move || {
        app.sessions.change(&id, change)?;
        shown(&app, &id)
    })
    .await
}

/// Whether the request has no body.
pub fn has_no_body(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_none()
        && headers.get(header::CONTENT_LENGTH).is_none_or(|length| length.as_bytes() == b"0")
        && headers.get(header::TRANSFER_ENCODING).is_none()
}
