//! Imports of the user's own loops.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use axum::Json as Answer;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use resonantgen_import::{ImportError, ImportObserver, ImportOptions, import_loop};
use resonantgen_music::track::Track;
use resonantgen_session::SessionError;
use serde::Deserialize;

use super::super::app::App;
use super::super::extract::{Ids, Options, blocking};
use super::super::problem::Problem;
use super::super::upload::receive;
use super::InTrack;
use super::sessions::shown;
use crate::wire::{self, Problem as WireProblem, SessionView};

/// Maximum length of a stored file name, in characters.
const NAME_CHARACTERS: usize = 60;
/// File extensions that are kept in names; the format is detected from the bytes.
const KINDS: &[&str] = &["wav", "flac", "mp3", "ogg", "aif", "aiff"];

/// Known facts about the loop.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Loop {
    /// Name of the file, for display.
    name: Option<String>,
    /// Tempo in quarter notes per minute; measured if omitted.
    bpm: Option<f64>,
    /// Number of bars to use.
    bars: Option<u32>,
    /// Start of the first bar in seconds; measured if omitted.
    start: Option<f64>,
    /// Key, like "A minor"; measured if omitted.
    key: Option<String>,
    /// Time signature, like "4/4".
    meter: Option<String>,
}

/// Cancels at a deadline.
struct Deadline(Instant);

impl ImportObserver for Deadline {
    fn is_cancelled(&self) -> bool {
        Instant::now() >= self.0
    }
}

/// Puts a loop (WAV, FLAC, MP3, OGG or AIFF) on a track, fitted to the session's bars, and locks the track. Later takes
/// are generated around it.
#[utoipa::path(
    post, path = "/v1/sessions/{session}/tracks/{track}/import", tag = "sessions",
    params(("session" = String, Path), ("track" = wire::TrackName, Path), Loop),
    request_body(description = "The file", content((Vec<u8> = "application/octet-stream"))),
    responses(
        (status = 200, body = SessionView),
        (status = 404, body = WireProblem),
        (status = 409, body = WireProblem, description = "The track is locked, or a job is changing the session"),
        (status = 413, body = WireProblem, description = "Too large"),
        (status = 422, body = WireProblem, description = "The file cannot be used; the detail says why"),
        (status = 503, body = WireProblem, description = "Too many uploads at a time"),
        (status = 507, body = WireProblem, description = "The server's disk is full"),
    )
)]
pub async fn import(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InTrack>,
    Options(known): Options<Loop>,
    request: Request,
) -> Result<Answer<SessionView>, Problem> {
    let track = Track::from(path.track);
    let key = known.key.as_deref().map(str::parse).transpose();
    let key =
        key.map_err(|error: resonantgen_music::plan::ParseKeyError| Problem::refused(error.to_string()))?;
    let meter = known.meter.as_deref().map(str::parse).transpose();
    let meter = meter
        .map_err(|error: resonantgen_music::plan::ParseMeterError| Problem::refused(error.to_string()))?;
    let name = plain_name(known.name.as_deref().unwrap_or_default());
    let upload = receive(&app, request, name).await?;
    let turn = Arc::clone(&app.unpacked).acquire_owned().await;
    blocking(move || {
        let _turn = turn;
        let (options, is_locked) = app.sessions.read(&path.session, |session, _| {
            Ok((session.import_options(track), session.track(track).locked))
        })?;
        if is_locked {
            return Err(SessionError::Locked(track).into());
        }
        let options = ImportOptions {
            bpm: known.bpm,
            bars: known.bars,
            start_seconds: known.start,
            key,
            meter,
            ..options
        };
        let file = upload.path();
        let imported = import_loop(file, &options, &Deadline(Instant::now() + app.limits.job_time))
            .map_err(|error| refused(&error, file))?;
        app.sessions.change(&path.session, |session| Ok(session.add_import(imported)?))?;
        shown(&app, &path.session)
    })
    .await
}

/// Why a file was not imported, without revealing its path on this machine.
fn refused(error: &ImportError, file: &Path) -> Problem {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let words = error.to_string().replace(&file.display().to_string(), &name);
    match error {
        ImportError::Cancelled => Problem::refused("it took too long: send a shorter file"),
        ImportError::Unreadable { .. } => Problem::internal(words),
        ImportError::TooLong { .. } | ImportError::NoBeat => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, words.replace("--", ""))
        }
        _ => Problem::refused(words),
    }
}

/// A name that is one plain file on every system, whatever was sent; letters of every script are kept.
fn plain_name(sent: &str) -> String {
    let (stem, kind) = sent.rsplit_once('.').unwrap_or((sent, ""));
    let kind = KINDS.iter().find(|known| kind.eq_ignore_ascii_case(known)).unwrap_or(&KINDS[0]);
    let stem: String = stem.chars().filter(|one| is_plain(*one)).take(NAME_CHARACTERS).collect();
    let stem = stem.trim();
    format!("{}.{kind}", if stem.is_empty() || is_device(stem) { "loop" } else { stem })
}

/// Letters, digits and marks of all scripts. Excludes characters that have a meaning in file systems, are invisible, or reverse
/// the order of displayed text (Unicode Technical Report 36, section 3.1).
fn is_plain(one: char) -> bool {
    match one {
        _ if one.is_ascii() => one.is_ascii_alphanumeric() || " -_".contains(one),
        // Joiners are part of how Indic and Persian words are written.
        '\u{200c}' | '\u{200d}' => true,
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' => false,
        // Private letters, specials, tags.
        '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{10ffff}' => false,
        _ => !one.is_control() && !one.is_whitespace(),
    }
}

/// Whether Windows takes a name for a device.
fn is_device(stem: &str) -> bool {
    let stem = stem.to_lowercase();
    let is_port = |port: &str| {
        let number = stem.strip_prefix(port).map(|number| number.chars().collect::<Vec<_>>());
        matches!(number.as_deref(), Some(['0'..='9' | '\u{b9}' | '\u{b2}' | '\u{b3}']))
    };
    ["con", "prn", "aux", "nul"].contains(&stem.as_str()) || is_port("com") || is_port("lpt")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_kept_as_far_as_they_are_harmless() {
        for (sent, kept) in [
            ("My loop_1.FLAC", "My loop_1.flac"),
            ("../../etc/passwd", "loop.wav"),
            ("../a/loop.ogg", "aloop.ogg"),
            ("", "loop.wav"),
            (".wav", "loop.wav"),
            ("a\0b.exe", "ab.wav"),
            (
                "\u{30c9}\u{30e9}\u{30e0}\u{30eb}\u{30fc}\u{30d7}.wav",
                "\u{30c9}\u{30e9}\u{30e0}\u{30eb}\u{30fc}\u{30d7}.wav",
            ),
            ("\u{431}\u{430}\u{441} 120.FLAC", "\u{431}\u{430}\u{441} 120.flac"),
            ("\u{924}\u{93e}\u{932}\u{94d}.mp3", "\u{924}\u{93e}\u{932}\u{94d}.mp3"),
            ("e\u{301}te\u{301}.ogg", "e\u{301}te\u{301}.ogg"),
            ("\u{202e}vaw.exe", "vaw.wav"),
            ("NUL.wav", "loop.wav"),
        ] {
            assert_eq!(plain_name(sent), kept);
        }
    }

    proptest! {
        #[test]
        fn no_name_is_a_path(sent in "\\PC{0,120}") {
            let name = plain_name(&sent);
            let path = Path::new(&name);
            prop_assert_eq!(path.components().count(), 1);
            prop_assert_eq!(path.file_name().and_then(|name| name.to_str()), Some(name.as_str()));
            prop_assert!(!name.starts_with('.'));
        }
    }
}
