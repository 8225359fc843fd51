//! Windows tests, built on Linux and run under Wine.
//!
//! The test programs are the same as on Linux, built for Windows. `cargo test` starts each of them through `cargo xtask wine`,
//! which limits its running time. Tests that need both systems at once are in `tests/tests/windows.rs`, which runs on Linux.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use super::SCOPE;
use super::run::Run;
use crate::setup::system::{self, Purpose};
use crate::setup::{self, runtime};
use crate::target::{System, Target};
use crate::{bundle, wine};

/// Time limit per test program, in seconds. The slowest takes a tenth of that on an idle machine.
const LIMIT_SECONDS: u32 = 1_500;
/// The build outputs for Windows.
struct Built {
    runtime: PathBuf,
    plugins: PathBuf,
}

/// Runs all Windows tests.
///
/// # Errors
/// Returns an error if setup or a build fails, or if a test does.
pub fn run() -> Result<()> {
    let begin = Instant::now();
    system::ensure(Purpose::Tests)?;
    let here = runtime::ensure(Target::HERE)?;
    let mut run = Run::new("test-logs-windows")?;
    let built = build(&mut run)?;
    let mut lints = Target::WINDOWS.cargo(["clippy", "--all-targets"]);
    run.must("Windows: lints", lints.args(SCOPE).args(["--", "-D", "warnings"]))?;

    // The same build as in `cargo xtask test`.
    run.must("build", crate::command::cargo(["build"]).args(SCOPE))?;
    let mut both = crate::command::cargo(["test", "--no-fail-fast"]);
    both.args(SCOPE).args(["--test", "windows"]).env("RESONANTGEN_RUNTIME", here);
    both.env("RESONANTGEN_PROGRAM", Target::HERE.folder("debug").join("resonantgen"));
    run.tests("Windows beside Linux", both.envs(built.environment()))?;
    built.tests(&mut run)?;
    wine::stop(&setup::windows::prefix());
    run.finish(begin)
}

fn build(run: &mut Run) -> Result<Built> {
    let runtime = setup::windows::ensure()?;
    // Cleans up after an interrupted run.
    wine::stop(&setup::windows::prefix());
    run.must("Windows: build", Target::WINDOWS.cargo(["build"]).args(SCOPE))?;
    // The build has already been done.
    Ok(Built { runtime, plugins: bundle::run(Target::WINDOWS, false)? })
}

impl Built {
    fn tests(&self, run: &mut Run) -> Result<()> {
        let this = std::env::current_exe().context("this program has a path")?;
        let runner = format!("{} wine --seconds {LIMIT_SECONDS}", this.display());
        let mut tests: Command = Target::WINDOWS.cargo(["test", "--no-fail-fast"]);
        tests
            .args(SCOPE)
            .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", runner)
            .env("RESONANTGEN_RUNTIME", wine::path(&self.runtime))
            .env("RESONANTGEN_PROGRAM", wine::path(&program("resonantgen")))
            .env("RESONANTGEN_PLUGINS", wine::path(&self.plugins))
            .env_remove("DISPLAY");
        run.tests("Windows: tests", &mut tests)
    }

    /// Environment of `tests/tests/windows.rs`.
    fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        let this = std::env::current_exe().unwrap_or_default();
        vec![
            ("RESONANTGEN_WINDOWS_PROGRAM", program("resonantgen")),
            ("RESONANTGEN_WINDOWS_STANDALONE", program("resonantgen-standalone")),
            ("RESONANTGEN_WINDOWS_PLUGINS", self.plugins.clone()),
            ("RESONANTGEN_WINDOWS_RUNTIME", self.runtime.clone()),
            ("RESONANTGEN_WINDOWS_RUNNER", this),
        ]
    }
}

/// Path of a program built for Windows.
fn program(name: &str) -> PathBuf {
    Target::WINDOWS.folder("debug").join(System::Windows.program(name))
}
