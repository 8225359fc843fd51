//! `resonantgen undo` and `redo`.

use std::process::ExitCode;

use anyhow::Result;

use crate::args::Show;
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
    let mut session = folder::load(&arguments.folder)?;
    match direction {
        Direction::Back => session.undo()?,
        Direction::Forth => session.redo()?,
    }
    folder::save(&arguments.folder, &session, folder::sample_rate_hz(&arguments.folder))?;
    Report::new(&arguments.folder, &session, None).print(arguments.json)
}
