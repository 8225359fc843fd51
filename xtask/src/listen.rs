//! Makes the listening page, and the README's examples.

use std::process::Command;

use anyhow::Result;

use crate::command;
use crate::flags::Listen;
use crate::setup::{python, runtime};
use crate::target::Target;

/// Builds the command line and makes `target/listen/index.html`, or the examples in `assets/examples`.
///
/// # Errors
/// Returns an error if setup, build or a generation fails.
pub fn run(flags: &Listen) -> Result<()> {
    let runtime = runtime::ensure(Target::HERE)?;
    let python = python::ensure()?;
    let program = crate::generate::build_cli(Target::HERE, true)?;
    let root = crate::root();
    let mut page = Command::new(python);
    page.args(["-m", "resonant.listening_page", "--program"]).arg(program);
    page.arg("--out").arg(root.join("target/listen"));
    if flags.examples {
        page.arg("--examples").arg(root.join("assets/examples"));
    }
    if let Some(before) = &flags.before {
        page.arg("--before").arg(std::path::absolute(before)?);
    }
    if let Some(count) = flags.prompts {
        page.arg("--prompts").arg(count.to_string());
    }
    command::run(page.env("RESONANTGEN_RUNTIME", runtime).current_dir(root.join("training")))
}
