//! Performs the take of a track again, and saves the folder.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use resonantgen_models::generator::Engine;
use resonantgen_music::track::Track;
use resonantgen_session::Session;

use crate::args::Models;
use crate::failure::Usage;
use crate::report::{Report, Run};
use crate::{folder, interrupt, open};

/// Changes a track of the session in a folder by `change`, which performs notes, and reports the result.
///
/// # Errors
/// Returns an error if the track is locked, `change` fails or is interrupted, or the folder cannot be read or written. The folder is then
/// unchanged.
pub fn again(
    path: &Path,
    track: Track,
    models: &Models,
    json: bool,
    change: impl FnOnce(&mut Session, &Engine) -> Result<()>,
) -> Result<ExitCode> {
    let (mut folder, mut session) = folder::open_session(path)?;
    if session.track(track).locked {
        let message = format!("{track} is locked: run `resonantgen unlock {} {track}` first", path.display());
        return Err(Usage(message).into());
    }
    folder::check_writable(path)?;
    let engine = open::engine(models)?;
    interrupt::listen()?;
    let begin = Instant::now();
    let changed = change(&mut session, &engine);
    interrupt::check()?;
    changed?;
    let run = Run { seconds: begin.elapsed().as_secs_f64(), tracks: vec![track] };
    let rate = folder::sample_rate_hz(path);
    folder::save(&mut folder, &session, rate)?;
    Report::new(path, &session, Some(&run)).print(json)
}
