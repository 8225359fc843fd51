//! Songs: sections, their order, and what makes them.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::{FromRequest, Request, State};
use axum::response::Response;
use resonantgen_session::{Part, SectionId, Session};

use super::super::app::App;
use super::super::extract::{Ids, Json, blocking};
use super::super::journal::Spec;
use super::super::problem::Problem;
use super::jobs::accept;
use super::sessions::{change, has_no_body};
use super::{InSection, InSectionTrack, InSession};
use crate::wire::{
    self, ChangeError, JobView, PartView, Problem as WireProblem, SectionChange, SectionRequest, SessionView,
    SongRequest, SongView,
};

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Value(error) => Self::refused(error.to_string()),
            ChangeError::Session(error) => error.into(),
        }
    }
}

/// Makes a song of the session's loop, which becomes its main section. Returns a job: watch it until it is done.
#[utoipa::path(
    post, path = "/v1/sessions/{session}/song", tag = "songs", params(("session" = String, Path)),
    request_body = SongRequest,
    responses(
        (status = 202, body = JobView, description = "Accepted"),
        (status = 404, body = WireProblem),
        (status = 409, body = WireProblem, description = "Nothing was generated yet, or a section has a locked track"),
        (status = 422, body = WireProblem, description = "The form cannot be read; the detail says why"),
        (status = 429, body = WireProblem, description = "Too many jobs are waiting"),
        (status = 503, body = WireProblem, description = "The server is stopping"),
        (status = 507, body = WireProblem, description = "The server's disk is full"),
    )
)]
pub async fn make(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InSession>,
    request: Request,
) -> Result<Response, Problem> {
    let request = if has_no_body(request.headers()) {
        SongRequest::default()
    } else {
        Json::<SongRequest>::from_request(request, &app).await?.0
    };
    blocking(move || accept(&app, &path.session, Spec::Song(request))).await
}

/// The sections and their order.
#[utoipa::path(
    get, path = "/v1/sessions/{session}/song", tag = "songs", params(("session" = String, Path)),
    responses((status = 200, body = SongView), (status = 404, body = WireProblem))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InSession>,
) -> Result<Answer<SongView>, Problem> {
    blocking(move || app.sessions.read(&path.session, |session, _| Ok(Answer(SongView::from(session))))).await
}

/// Plays the sections in another order. Sections that it leaves out stay, and are not played.
#[utoipa::path(
    put, path = "/v1/sessions/{session}/order", tag = "songs", params(("session" = String, Path)),
    request_body = Vec<PartView>,
    responses(
        (status = 200, body = SessionView),
        (status = 404, body = WireProblem, description = "No such session or section"),
        (status = 409, body = WireProblem, description = "A job is changing the session"),
        (status = 422, body = WireProblem, description = "It is empty or too long"),
    )
)]
pub async fn order(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InSession>,
    Json(order): Json<Vec<PartView>>,
) -> Result<Answer<SessionView>, Problem> {
    let order: Vec<Part> = order.into_iter().map(Part::from).collect();
    change(app, path.session, move |session| Ok(session.set_order(&order)?)).await
}

/// Makes a section again by its kind and energy, from the loop that the song was made of. Returns a job.
#[utoipa::path(
    post, path = "/v1/sessions/{session}/sections/{section}/regenerate", tag = "songs",
    params(("session" = String, Path), ("section" = u32, Path)),
    request_body = SectionRequest,
    responses(
        (status = 202, body = JobView, description = "Accepted"),
        (status = 404, body = WireProblem, description = "No such session or section"),
        (status = 409, body = WireProblem, description = "All chosen tracks are locked"),
        (status = 422, body = WireProblem),
        (status = 429, body = WireProblem, description = "Too many jobs are waiting"),
        (status = 503, body = WireProblem, description = "The server is stopping"),
        (status = 507, body = WireProblem, description = "The server's disk is full"),
    )
)]
pub async fn regenerate(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InSection>,
    request: Request,
) -> Result<Response, Problem> {
    let request = if has_no_body(request.headers()) {
        SectionRequest::default()
    } else {
        Json::<SectionRequest>::from_request(request, &app).await?.0
    };
    blocking(move || accept(&app, &path.session, Spec::Section(path.section, request))).await
}

/// Opens a section: the session's own plan and tracks are then its, and other requests change it. What is played stays.
#[utoipa::path(
    post, path = "/v1/sessions/{session}/sections/{section}/open", tag = "songs",
    params(("session" = String, Path), ("section" = u32, Path)),
    responses((status = 200, body = SessionView), (status = 404, body = WireProblem), (status = 409, body = WireProblem))
)]
pub async fn open(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InSection>,
) -> Result<Answer<SessionView>, Problem> {
    with_section(app, path, |session, id| Ok(session.open_section(id)?)).await
}

/// Copies a section with all its takes, and plays the copy after it.
#[utoipa::path(
    post, path = "/v1/sessions/{session}/sections/{section}/copy", tag = "songs",
    params(("session" = String, Path), ("section" = u32, Path)),
    responses(
        (status = 200, body = SessionView),
        (status = 404, body = WireProblem, description = "No such session or section"),
        (status = 409, body = WireProblem, description = "A job is changing the session"),
        (status = 422, body = WireProblem, description = "The song has as many sections as it can have"),
    )
)]
pub async fn copy(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InSection>,
) -> Result<Answer<SessionView>, Problem> {
    with_section(app, path, |session, id| Ok(session.copy_section(id).map(drop)?)).await
}

/// Changes name, colour, kind or energy of a section.
#[utoipa::path(
    patch, path = "/v1/sessions/{session}/sections/{section}", tag = "songs",
    params(("session" = String, Path), ("section" = u32, Path)),
    request_body = SectionChange,
    responses(
        (status = 200, body = SessionView),
        (status = 404, body = WireProblem, description = "No such session or section"),
        (status = 409, body = WireProblem, description = "A job is changing the session"),
        (status = 422, body = WireProblem, description = "A value is not allowed; the detail says why"),
    )
)]
pub async fn alter(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InSection>,
    Json(wanted): Json<SectionChange>,
) -> Result<Answer<SessionView>, Problem> {
    let section = path.section;
    change(app, path.session, move |session| Ok(wanted.apply(session, section)?)).await
}

/// Deletes a section and all its entries in the order.
#[utoipa::path(
    delete, path = "/v1/sessions/{session}/sections/{section}", tag = "songs",
    params(("session" = String, Path), ("section" = u32, Path)),
    responses(
        (status = 200, body = SessionView),
        (status = 404, body = WireProblem, description = "No such session or section"),
        (status = 409, body = WireProblem, description = "A track is locked in it, it is the last one, or a job is changing the session"),
    )
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InSection>,
) -> Result<Answer<SessionView>, Problem> {
    with_section(app, path, |session, id| Ok(session.delete_section(id)?)).await
}

/// Locks a track in one section: its take there does not change.
#[utoipa::path(
    put, path = "/v1/sessions/{session}/sections/{section}/tracks/{track}/lock", tag = "songs",
    params(("session" = String, Path), ("section" = u32, Path), ("track" = wire::TrackName, Path)),
    responses((status = 200, body = SessionView), (status = 404, body = WireProblem), (status = 409, body = WireProblem))
)]
pub async fn lock(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InSectionTrack>,
) -> Result<Answer<SessionView>, Problem> {
    set_lock(app, path, true).await
}

/// Unlocks a track in one section.
#[utoipa::path(
    delete, path = "/v1/sessions/{session}/sections/{section}/tracks/{track}/lock", tag = "songs",
    params(("session" = String, Path), ("section" = u32, Path), ("track" = wire::TrackName, Path)),
    responses((status = 200, body = SessionView), (status = 404, body = WireProblem), (status = 409, body = WireProblem))
)]
pub async fn unlock(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InSectionTrack>,
) -> Result<Answer<SessionView>, Problem> {
    set_lock(app, path, false).await
}

async fn set_lock(app: Arc<App>, path: InSectionTrack, locked: bool) -> Result<Answer<SessionView>, Problem> {
    let id = SectionId(path.section);
    change(app, path.session, move |session| Ok(session.lock_in_section(id, path.track.into(), locked)?))
        .await
}

async fn with_section(
    app: Arc<App>,
    path: InSection,
    work: impl FnOnce(&mut Session, SectionId) -> Result<(), Problem> + Send + 'static,
) -> Result<Answer<SessionView>, Problem> {
    let id = SectionId(path.section);
    change(app, path.session, move |session| work(session, id)).await
}
