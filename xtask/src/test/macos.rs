//! macOS, as far as Linux can see it: the types of all crates but not the plugin's C++ and Objective-C, which needs Apple's SDK.

use std::time::Instant;

use anyhow::Result;

use super::run::Run;
use crate::command;
use crate::setup::library;
use crate::target::System;

/// Apple silicon, and Intel.
const TRIPLES: [&str; 2] = ["aarch64-apple-darwin", "x86_64-apple-darwin"];
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

/// Checks the types for Apple silicon.
///
/// # Errors
/// Returns an error if the compiler complains, or cannot try although `CI` is set.
pub fn part(run: &mut Run) -> Result<()> {
    const NAME: &str = "macOS: types";
    if System::HERE != System::Linux {
        return Ok(());
    }
    match library::ensure(TRIPLES[0]) {
        Ok(()) => run.must(NAME, cargo(TRIPLES[0], "check").args(SCOPE)),
        Err(error) => run.skip(NAME, &format!("{error:#}")),
    }
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
