//! `resonantgen lock` and `unlock`.

use std::process::ExitCode;

use anyhow::Result;

use crate::args::Tracks;
use crate::folder;
use crate::report::Report;

/// Locks or unlocks tracks of a folder.
///
/// # Errors
/// Returns an error if a track has no take to lock, or the folder cannot be read or written. The folder is then unchanged.
pub fn run(arguments: &Tracks, locked: bool) -> Result<ExitCode> {
    let (mut folder, mut session) = folder::open_session(&arguments.folder)?;
    for &track in &arguments.tracks {
        session.set_lock(track, locked)?;
    }
    let rate = folder::sample_rate_hz(&arguments.folder);
    folder::save(&mut folder, &session, rate)?;
    Report::new(&arguments.folder, &session, None).print(arguments.json)
}
