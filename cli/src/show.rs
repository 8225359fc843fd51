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
    let session = folder::load(&arguments.folder)?;
    Report::new(&arguments.folder, &session, None).print(arguments.json)
}
