//! `resonantgen show`: prints the contents of a folder.

use std::process::ExitCode;

use anyhow::Result;

use crate::args::Show;
use crate::folder;
use crate::report::Report;

/// Prints a folder's session.
///
/// # Errors
/// Returns an error if the folder holds no session, or the session is damaged.
pub fn run(arguments: &Show) -> Result<ExitCode> {
    let opened = folder::read(&arguments.folder)?;
    Report::new(&arguments.folder, &opened.session, None).with_lost(&opened.lost).print(arguments.json)
}
