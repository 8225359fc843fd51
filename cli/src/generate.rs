//! `resonantgen generate`: from a prompt to four stems in a folder.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use resonantgen_engine::generator::Engine;
use resonantgen_engine::intent::{self, TextUnderstanding};
use resonantgen_engine::session::{Session, SessionRequest};
use resonantgen_engine::track::Track;

use crate::args::Generate;
use crate::failure::Usage;
use crate::maker::Maker;
use crate::progress::Progress;
use crate::report::{Report, Run};
use crate::{folder, interrupt, open};

/// Generates all tracks that are asked for and not locked.
///
/// # Errors
/// Nothing was written then.
pub fn run(arguments: Generate) -> Result<ExitCode> {
    let (models, elsewhere) = (arguments.models.clone(), arguments.elsewhere.clone());
    let (rate, json) = (arguments.rate, arguments.json);
    let Wish { out, request, engine } = wish(arguments)?;
    let mut session = existing_session(&out)?;
    let _ = session.prepare(&request)?;
    folder::check_writable(&out)?;
    interrupt::listen()?;
    let maker = match engine.filter(|_| elsewhere.server.is_none()) {
        Some(engine) => Maker::Here(Box::new(engine)),
        None => Maker::open(&models, &elsewhere)?,
    };
    let text: Option<&dyn TextUnderstanding> = match &maker {
        Maker::Here(engine) => Some(engine.as_ref()),
        Maker::There(_) => None,
    };
    let (intent, plan) = session.prepare_with(&request, text)?;
    for notice in session.notices(&request, &intent, &plan) {
        eprintln!("note: {notice}");
    }

    let begin = Instant::now();
    let generated = maker.generate(&mut session, &request, &Progress::new());
    interrupt::check()?;
    generated?;
    let seconds = begin.elapsed().as_secs_f64();
    let is_new = |track: &Track| !session.track(*track).locked && session.track(*track).take().is_some();
    let run = Run { seconds, tracks: request.tracks.into_iter().filter(is_new).collect() };
    folder::save(&out, &session, rate)?;
    Report::new(&out, &session, Some(&run)).print(json)
}

/// What a `generate` command asks for.
pub struct Wish {
    out: PathBuf,
    /// What to generate.
    pub request: SessionRequest,
    /// The engine, where it was needed to understand the prompt.
    engine: Option<Engine>,
}

/// Reads what is asked for. Refuses what cannot be understood before anything is created.
///
/// # Errors
/// The prompt cannot be understood.
pub fn wish(arguments: Generate) -> Result<Wish> {
    let mut tracks = if arguments.tracks.is_empty() { Track::ALL.to_vec() } else { arguments.tracks };
    tracks.sort_unstable();
    tracks.dedup();
    let request = SessionRequest {
        prompt: arguments.prompt,
        overrides: arguments.facts.overrides(),
        seed: arguments.seed.unwrap_or_else(fresh_seed),
        tracks,
        settings: arguments.settings.generation(),
    };
    intent::parse(&request.prompt).map_err(|error| Usage(error.to_string()))?;
    // The models are opened early only for words that the lexicon does not know.
    let opened =
        if intent::is_understood(&request.prompt) { None } else { Some(open::engine(&arguments.models)) };
    let understands = |engine: &Engine| intent::is_understood_with(&request.prompt, Some(engine));
    if opened.as_ref().is_some_and(|engine| !engine.as_ref().is_ok_and(understands)) {
        let message = "no word of the prompt is known here: name a style, a mood or an instrument in English, \
                       like \"dark techno with driving bass\"";
        return Err(Usage(message.to_owned()).into());
    }
    let engine = opened.transpose()?;
    Ok(Wish { out: arguments.out, request, engine })
}

/// The session that an existing folder holds: its takes stay in the history, and locked ones or those of tracks that are
/// not asked for play on.
fn existing_session(out: &Path) -> Result<Session> {
    if folder::holds_session(out) { folder::load(out) } else { Ok(Session::default()) }
}

/// A seed that is short enough to be typed again.
fn fresh_seed() -> u64 {
    let nanoseconds =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.subsec_nanos());
    u64::from(nanoseconds) / 100 % 1_000_000
}
