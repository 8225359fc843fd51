//! `resonantgen lock` and `unlock`.

use std::process::ExitCode;

use anyhow::Result;

use crate::args::Tracks;
use crate::failure::Usage;
use crate::folder;
use crate::report::Report;

/// Locks or unlocks tracks of a folder.
///
/// # Errors
/// The folder is as it was then.
pub fn run(arguments: &Tracks, locked: bool) -> Result<ExitCode> {
    let mut session = folder::load(&arguments.folder)?;
    for &track in &arguments.tracks {
        if locked && session.track(track).take().is_none() {
            return Err(Usage(format!("{track} has no take to lock: generate it first")).into());
        }
        session.track_mut(track).locked = locked;
    }
    let rate = folder::sample_rate_hz(&arguments.folder);
    folder::save(&arguments.folder, &session, rate)?;
    Report::new(&arguments.folder, &session, None).print(arguments.json)
}
