//! Measures the warm speed of each stage.

use anyhow::Result;

use crate::command;
use crate::flags::Bench;
use crate::setup::{accelerated, runtime};
use crate::target::Target;

/// Builds the command line and runs its benchmark.
///
/// # Errors
/// Returns an error if setup, build or measurement fails.
pub fn run(flags: &Bench) -> Result<()> {
    let plain = runtime::ensure(Target::HERE)?;
    let runtime = accelerated::installed().unwrap_or(plain);
    let program = crate::generate::build_cli(Target::HERE, true)?;
    command::run(
        std::process::Command::new(program)
            .arg("bench")
            .args(&flags.rest)
            .env("RESONANTGEN_RUNTIME", runtime)
            .current_dir(crate::root()),
    )
}
