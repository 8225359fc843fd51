//! macOS, as far as Linux can see it: the types of all crates but not the plugin's C++ and Objective-C, which needs Apple's SDK.

use std::time::Instant;

use anyhow::Result;

use super::run::Run;
use crate::bundle::macos::TRIPLES;
use crate::command;
use crate::setup::library;
use crate::target::System;

/// All crates, the plugin without its VST3.
const SCOPE: &[&str] = &[
    "--workspace",
    "--exclude",
    "xtask",
    "--no-default-features",
    "--features",
    "resonantgen-cli/serve,resonantgen-plugin/assert_process_allocs,resonantgen-plugin/standalone",
];

/// Lints everything for both processors.
///
/// # Errors
/// Returns an error if the standard library is not to be had, or the compiler or Clippy complains.
pub fn run() -> Result<()> {
    let begin = Instant::now();
    let mut run = Run::new("test-logs-macos")?;
    for triple in TRIPLES {
        library::ensure(triple)?;
        let mut lints = cargo(triple, "clippy");
        lints.arg("--all-targets").args(SCOPE).args(["--", "-D", "warnings"]);
        run.must(&format!("macOS: lints for {triple}"), &mut lints)?;
    }
    run.finish(begin)
}

/// Checks the types of everything for Apple silicon.
///
/// # Errors
/// Returns an error if the compiler complains.
pub fn run_part(run: &mut Run) -> Result<()> {
    let [triple, _] = TRIPLES;
    if System::HERE == System::Macos {
        return Ok(());
    }
    if let Err(error) = library::ensure(triple) {
        run.leave_out("macOS", &format!("types cannot be checked here: {error:#}"));
        return Ok(());
    }
    run.must("macOS: types", cargo(triple, "check").args(SCOPE))
}

/// A cargo command for a Mac.
fn cargo(triple: &str, word: &str) -> std::process::Command {
    let mut command = command::cargo([word, "--target", triple]);
    if let Some(flags) = library::flags(triple) {
        let variable = format!("CARGO_TARGET_{}_RUSTFLAGS", triple.to_uppercase().replace('-', "_"));
        command.env(variable, flags);
    }
    command
}
