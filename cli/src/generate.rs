//! `resonantgen generate`: from a prompt to four stems in a folder.

use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use resonantgen_models::worker::{give_memory_back, share_heaps};
use resonantgen_music::track::Track;
use resonantgen_session::{Request, Scope, Session, SongRequest};

use crate::args::Generate;
use crate::failure::Usage;
use crate::maker::Maker;
use crate::progress::Progress;
use crate::report::{Report, Run};
use crate::{folder, interrupt, song};

/// Generates all requested tracks that are not locked.
///
/// # Errors
/// Returns an error if the request is invalid, models, runtime or server cannot be used, the generation fails or is
/// cancelled, or the folder cannot be written. The folder is then unchanged.
pub fn run(arguments: Generate) -> Result<ExitCode> {
    let (models, elsewhere) = (arguments.models.clone(), arguments.elsewhere.clone());
    let (rate, json) = (arguments.rate, arguments.json);
    let out = arguments.out.clone();
    let song = song_request(&arguments);
    if song.is_some() {
        share_heaps();
    }
    let request = request(arguments);
    // The takes of a session that is there stay in the history, and locked ones or those of tracks that are not asked for play on.
    let (folder, mut session) = match folder::open_session_if_there(&out)? {
        Some((folder, session)) => (Some(folder), session),
        None => (None, Session::default()),
    };
    // Invalid requests are refused before anything is opened.
    folder::check_free(&out, folder.is_some().then_some(&session))?;
    session.check(&request, None)?;
    if song.is_some() && elsewhere.server.is_some() {
        return Err(Usage(
            "a server makes single loops only: leave out --server to make a song here".to_owned(),
        )
        .into());
    }
    interrupt::listen()?;
    let maker = Maker::open(&models, &elsewhere);
    // Without the models the words alone decide, so that a meaningless prompt is not reported as missing files. A server
    // decides for itself.
    if !matches!(maker, Ok(Maker::There(_))) {
        request.check_understood(maker.as_ref().ok().and_then(Maker::understanding))?;
    }
    let maker = maker?;
    let (intent, plan) = session.prepare(&request, maker.understanding())?;
    for notice in session.notices(&request, &intent, &plan) {
        eprintln!("note: {notice}");
    }

    // Last, so that a command that is refused leaves no folder behind.
    let mut folder = match folder {
        Some(folder) => folder,
        None => folder::create(&out)?,
    };
    let begin = Instant::now();
    let generated = maker.apply(&mut session, &request, &Progress::new());
    interrupt::check()?;
    generated?;
    if let Some(song) = song {
        let song = SongRequest { seed: request.seed, settings: request.settings, ..song };
        let form = session.song_form(&song)?;
        song::make(&maker, &mut session, &song, &form)?;
        eprintln!("writing the song");
    }
    // A song needs the memory that the networks have.
    drop(maker);
    give_memory_back();
    let seconds = begin.elapsed().as_secs_f64();
    let is_new = |track: &Track| !session.track(*track).locked && session.track(*track).take().is_some();
    let run = Run { seconds, tracks: request.scope.tracks().filter(is_new).collect() };
    folder::save(&mut folder, &session, rate)?;
    Report::new(&out, &session, Some(&run)).print(json)
}

/// The song that a `generate` command asks for.
pub fn song_request(arguments: &Generate) -> Option<SongRequest> {
    (arguments.song || arguments.form.is_asked()).then(|| arguments.form.request())
}

/// The request of a `generate` command.
pub fn request(arguments: Generate) -> Request {
    let scope = if arguments.tracks.is_empty() { Scope::ALL } else { Scope::of(arguments.tracks) };
    Request::generate(arguments.prompt)
        .scope(scope)
        .facts(arguments.facts.overrides())
        .seed(arguments.seed.unwrap_or_else(fresh_seed))
        .settings(arguments.settings.generation())
        .candidates(arguments.choice.candidates)
}

/// A seed short enough to be typed again.
fn fresh_seed() -> u64 {
    let nanoseconds =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.subsec_nanos());
    u64::from(nanoseconds) / 100 % 1_000_000
}
