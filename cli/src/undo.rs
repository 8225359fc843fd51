//! `resonantgen undo` and `redo`.

use std::process::ExitCode;

use anyhow::Result;

use crate::args::{Models, Show};
use crate::folder;
use crate::report::Report;

/// Undo or redo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Undo.
    Back,
    /// Redo.
    Forth,
}

/// Undoes the last action on a folder, or redoes it.
///
/// # Errors
/// Returns an error if there is nothing to undo or redo, or the folder cannot be read or written. The folder is then
/// unchanged.
pub fn run(arguments: &Show, direction: Direction) -> Result<ExitCode> {
    let (mut folder, mut session) = folder::open_session(&arguments.folder)?;
    match direction {
        Direction::Back => session.undo()?,
        Direction::Forth => session.redo()?,
    }
    for (track, why) in folder::make_again(&mut session, &Models::default()) {
        eprintln!("note: {track} is silent: its take could not be made again ({why})");
    }
    folder::save(&mut folder, &session, folder::sample_rate_hz(&arguments.folder))?;
    Report::new(&arguments.folder, &session, None).print(arguments.json)
}
