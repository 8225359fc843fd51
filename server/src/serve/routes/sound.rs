//! The sounds of a track: found by words, changed under the same notes, held for all future takes. And its notes, varied by dials.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use resonantgen_models::sounds;
use resonantgen_music::track::Track;
use resonantgen_music::variation::NoteDials;
use resonantgen_session::SessionError;
use serde::Deserialize;

use super::super::app::App;
use super::super::extract::{Ids, Json, Options, blocking};
use super::super::journal::Spec;
use super::super::problem::Problem;
use super::InTrack;
use super::jobs::accepted;
use super::sessions::change;
use crate::wire::{
    self, JobView, Problem as WireProblem, SessionView, SoundRequest, SoundView, SoundsView, VaryRequest,
};

/// Which sounds to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Words that must all match: a family, a tag, a style, or part of the name; all sounds if omitted.
    words: Option<String>,
    /// Id of a sound: the others of the track, the most alike first.
    like: Option<String>,
}

/// The sounds that a track can have, the best match first.
#[utoipa::path(
    get, path = "/v1/sessions/{session}/tracks/{track}/sounds", tag = "sounds",
    params(("session" = String, Path), ("track" = wire::TrackName, Path), Wanted),
    responses(
        (status = 200, body = SoundsView),
        (status = 404, body = WireProblem, description = "No such session, or no such sound to compare with"),
        (status = 422, body = WireProblem, description = "Both words and a sound to compare with"),
    )
)]
pub async fn list(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InTrack>,
    Options(wanted): Options<Wanted>,
) -> Result<Answer<SoundsView>, Problem> {
    blocking(move || {
        let track = Track::from(path.track);
        let (playing, held) = app.sessions.read(&path.session, |session, _| {
            let state = session.track(track);
            Ok((state.take().map(|take| take.patch.clone()), state.held_sound.clone()))
        })?;
        let all = app.generator.sounds();
        let found = match (&wanted.words, &wanted.like) {
            (Some(_), Some(_)) => return Err(Problem::refused("give either `words` or `like`")),
            (_, Some(id)) => {
                let is_of_track = all.iter().any(|sound| sound.id == *id && sound.track == track);
                let like = sounds::like(&all, id).filter(|_| is_of_track);
                like.ok_or_else(|| Problem::not_found("sound for this track"))?
            }
            (words, None) => sounds::search(&all, track, words.as_deref().unwrap_or_default()),
        };
        let sounds = found.into_iter().map(SoundView::from).collect();
        Ok(Answer(SoundsView { track: path.track, playing, held, sounds }))
    })
    .await
}

/// Plays the notes of a track with another sound; the notes stay the same. Returns a job: watch it until it is done.
#[utoipa::path(
    post, path = "/v1/sessions/{session}/tracks/{track}/sound", tag = "sounds",
    params(("session" = String, Path), ("track" = wire::TrackName, Path)),
    request_body = SoundRequest,
    responses(
        (status = 202, body = JobView, description = "Accepted"),
        (status = 404, body = WireProblem),
        (status = 409, body = WireProblem, description = "The track is locked, imported, or has no take"),
        (status = 422, body = WireProblem, description = "The track has no such sound"),
        (status = 429, body = WireProblem, description = "Too many jobs are waiting"),
        (status = 503, body = WireProblem, description = "The server is stopping"),
        (status = 507, body = WireProblem, description = "The server's disk is full"),
    )
)]
pub async fn set(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InTrack>,
    Json(request): Json<SoundRequest>,
) -> Result<Response, Problem> {
    blocking(move || {
        let track = Track::from(path.track);
        check_notes(&app, &path, "have another sound")?;
        let id = &request.sound;
        if !app.generator.sounds().iter().any(|sound| sound.id == *id && sound.track == track) {
            return Err(Problem::refused(format!(
                "there is no sound \"{id}\" for {track}: the track's `sounds` lists them"
            )));
        }
        app.jobs.accept(&path.session, Spec::Sound(path.track, request)).map(accepted)
    })
    .await
}

/// That a track has notes of its own, and is not locked; `what` is what only such notes can.
fn check_notes(app: &App, path: &InTrack, what: &str) -> Result<(), Problem> {
    let track = Track::from(path.track);
    app.sessions.read(&path.session, |session, _| {
        let state = session.track(track);
        let take = state.take().ok_or(SessionError::Empty)?;
        if state.locked {
            return Err(SessionError::Locked(track).into());
        }
        if take.recipe.imported.is_some() {
            return Err(Problem::conflict(format!(
                "the {track} take was imported: only generated notes can {what}"
            )));
        }
        Ok(())
    })
}

/// Plays fewer or more, plainer or richer notes of a track, with or without fills, as a new take. Returns a job: watch it until it is
/// done. If the dials change no note, the job is done without a take.
#[utoipa::path(
    post, path = "/v1/sessions/{session}/tracks/{track}/vary", tag = "sessions",
    params(("session" = String, Path), ("track" = wire::TrackName, Path)),
    request_body = VaryRequest,
    responses(
        (status = 202, body = JobView, description = "Accepted"),
        (status = 404, body = WireProblem),
        (status = 409, body = WireProblem, description = "The track is locked, imported, or has no take"),
        (status = 422, body = WireProblem, description = "No dial is given, or one is out of range"),
        (status = 429, body = WireProblem, description = "Too many jobs are waiting"),
        (status = 503, body = WireProblem, description = "The server is stopping"),
        (status = 507, body = WireProblem, description = "The server's disk is full"),
    )
)]
pub async fn vary(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InTrack>,
    Json(request): Json<VaryRequest>,
) -> Result<Response, Problem> {
    blocking(move || {
        let VaryRequest { density, complexity, fills } = request;
        let is_in_range = [density, complexity, fills].iter().all(|dial| NoteDials::RANGE.contains(dial));
        if request.dials().is_middle() || !is_in_range {
            return Err(Problem::refused(
                "give `density`, `complexity` or `fills` a number from -2 to 2 other than 0",
            ));
        }
        check_notes(&app, &path, "be varied")?;
        app.jobs.accept(&path.session, Spec::Vary(path.track, request)).map(accepted)
    })
    .await
}

/// Holds the sound of the track's take: future takes are written for it and played with it.
#[utoipa::path(
    put, path = "/v1/sessions/{session}/tracks/{track}/sound/hold", tag = "sounds",
    params(("session" = String, Path), ("track" = wire::TrackName, Path)),
    responses(
        (status = 200, body = SessionView),
        (status = 404, body = WireProblem),
        (status = 409, body = WireProblem, description = "The track has no take, or a job is changing the session"),
    )
)]
pub async fn hold(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InTrack>,
) -> Result<Answer<SessionView>, Problem> {
    change(app, path.session, move |session| Ok(session.hold_sound(path.track.into(), true)?)).await
}

/// Lets the prompt choose the sound of future takes again.
#[utoipa::path(
    delete, path = "/v1/sessions/{session}/tracks/{track}/sound/hold", tag = "sounds",
    params(("session" = String, Path), ("track" = wire::TrackName, Path)),
    responses(
        (status = 200, body = SessionView),
        (status = 404, body = WireProblem),
        (status = 409, body = WireProblem, description = "A job is changing the session"),
    )
)]
pub async fn release(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InTrack>,
) -> Result<Answer<SessionView>, Problem> {
    change(app, path.session, move |session| Ok(session.hold_sound(path.track.into(), false)?)).await
}
