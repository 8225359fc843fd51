//! `resonantgen undo` and `redo`.

use std::process::ExitCode;

use anyhow::Result;

use crate::args::Show;
use crate::folder;
use crate::report::Report;

/// Which way to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Undo.
    Back,
    /// Redo.
    Forth,
}

/// Takes back the last action on a folder, or does it again.
///
/// # Errors
/// The folder is as it was then.
pub fn run(arguments: &Show, direction: Direction) -> Result<ExitCode> {
    let mut session = folder::load(&arguments.folder)?;
    match direction {
        Direction::Back => session.undo()?,
        Direction::Forth => session.redo()?,
    }
    folder::save(&arguments.folder, &session, folder::sample_rate_hz(&arguments.folder))?;
    Report::new(&arguments.folder, &session, None).print(arguments.json)
}
