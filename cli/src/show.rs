//! `resonantgen show`: what a folder holds.

use std::process::ExitCode;

use anyhow::Result;

use crate::args::Show;
use crate::folder;
use crate::report::Report;

/// Prints a folder's session.
///
/// # Errors
/// There is none, or it is damaged.
pub fn run(arguments: &Show) -> Result<ExitCode> {
    let opened = folder::read(&arguments.folder)?;
    Report::new(&arguments.folder, &opened.session, None).with_lost(&opened.lost).print(arguments.json)
}
