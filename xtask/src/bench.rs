//! Measures the warm speed of each stage.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::command;
use crate::flags::Bench;
use crate::setup::{accelerated, python, runtime};
use crate::target::Target;

/// Builds the command line and runs its benchmark.
///
/// # Errors
/// Returns an error if setup, build or measurement fails.
pub fn run(flags: &Bench) -> Result<()> {
    let plain = runtime::ensure(Target::HERE)?;
    let runtime = accelerated::installed().unwrap_or(plain);
    let peer = flags.peer.then(peer).transpose()?;
    let program = crate::generate::build_cli(Target::HERE, true)?;
    command::run(
        Command::new(program)
            .arg("bench")
            .args(peer.iter().flat_map(|folder| ["--peer".as_ref(), folder.as_os_str()]))
            .args(&flags.rest)
            .env("RESONANTGEN_RUNTIME", runtime)
            .current_dir(crate::root()),
    )
}

/// The peer's bundles, made by Python if they are not there.
fn peer() -> Result<PathBuf> {
    let (training, folder) = (crate::root().join("training"), crate::root().join("target").join("peer"));
    let is_there = ["fp32", "int8"].iter().all(|name| folder.join(name).join("manifest.json").is_file());
    if !is_there {
        let python = python::ensure_training()?;
        command::run(Command::new(python).args(["-m", "resonant.peer"]).arg(&folder).current_dir(training))?;
    }
    Ok(folder)
}
