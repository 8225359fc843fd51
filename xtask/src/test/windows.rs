//! Windows, built on Linux and run under Wine.
//!
//! The tests' programs are those of Linux, built for Windows; `cargo test` starts each through `cargo xtask wine`, which limits its
//! time. What needs both systems at once is in `tests/tests/windows.rs`, a test of Linux.

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

/// Longest time of one test program, in seconds. The slowest takes a tenth of it on an idle machine.
const LIMIT_SECONDS: u32 = 1_500;
/// Tests that run within `cargo xtask test`: the engine with its models, the command line, and one host of the plugin.
const PART: &[&str] = &["cli", "clap_host", "codec_goldens", "generate", "import", "serve"];

/// What was built for Windows.
pub struct Built {
    runtime: PathBuf,
    plugins: PathBuf,
}

/// Everything for Windows.
///
/// # Errors
/// Returns an error if setup or a build fails, or a test does.
pub fn run() -> Result<()> {
    let begin = Instant::now();
    system::ensure(Purpose::Tests)?;
    let here = runtime::ensure(Target::HERE)?;
    let mut run = Run::new("test-logs-windows")?;
    let built = build(&mut run)?;
    let mut lints = Target::WINDOWS.cargo(["clippy", "--all-targets"]);
    run.must("Windows: lints", lints.args(SCOPE).args(["--", "-D", "warnings"]))?;

    // The same build as that of `cargo xtask test`.
    run.must("build", crate::command::cargo(["build"]).args(SCOPE))?;
    let mut both = crate::command::cargo(["test", "--no-fail-fast"]);
    both.args(SCOPE).args(["--test", "windows"]).env("RESONANTGEN_RUNTIME", here);
    both.env("RESONANTGEN_PROGRAM", Target::HERE.folder("debug").join("resonantgen"));
    run.tests("Windows beside Linux", both.envs(built.environment()).env("RESONANTGEN_WINDOWS_ALL", "1"))?;
    built.tests(&mut run, "Windows: tests", &[])?;
    wine::stop(&setup::windows::prefix());
    run.finish(begin)
}

/// Builds for Windows what the tests need, if this machine can; otherwise says why not.
///
/// # Errors
/// Returns an error if the build fails, or nothing can be built although `CI` is set.
pub fn part(run: &mut Run) -> Result<Option<Built>> {
    let why = match Target::named(Some(crate::target::Other::Windows)) {
        Ok(Target::HERE) => return Ok(None),
        Ok(_) => setup::windows::obstacle(),
        Err(error) => Some(error.to_string()),
    };
    match why {
        Some(why) => run.skip("Windows", &why).map(|()| None),
        None => build(run).map(Some),
    }
}

fn build(run: &mut Run) -> Result<Built> {
    let runtime = setup::windows::ensure()?;
    // It takes over what a broken run has left.
    wine::stop(&setup::windows::prefix());
    run.must("Windows: build", Target::WINDOWS.cargo(["build"]).args(SCOPE))?;
    // The build has already been done.
    Ok(Built { runtime, plugins: bundle::run(Target::WINDOWS, false)? })
}

impl Built {
    /// Runs the part of the tests that belongs to every run.
    ///
    /// # Errors
    /// Returns an error if the tests cannot be started.
    pub fn part(&self, run: &mut Run) -> Result<()> {
        let chosen: Vec<&str> = PART.iter().flat_map(|test| ["--test", test]).collect();
        self.tests(run, "Windows: a part of the tests", &chosen)?;
        wine::stop(&setup::windows::prefix());
        Ok(())
    }

    fn tests(&self, run: &mut Run, name: &str, chosen: &[&str]) -> Result<()> {
        let this = std::env::current_exe().context("this program has a path")?;
        let runner = format!("{} wine --seconds {LIMIT_SECONDS}", this.display());
        let mut tests: Command = Target::WINDOWS.cargo(["test", "--no-fail-fast"]);
        tests
            .args(SCOPE)
            .args(chosen)
            .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", runner)
            .env("RESONANTGEN_RUNTIME", wine::path(&self.runtime))
            .env("RESONANTGEN_PROGRAM", wine::path(&program("resonantgen")))
            .env("RESONANTGEN_PLUGINS", wine::path(&self.plugins))
            .env_remove("DISPLAY");
        run.tests(name, &mut tests)
    }

    /// What `tests/tests/windows.rs` needs to know.
    pub fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        let this = std::env::current_exe().unwrap_or_default();
        vec![
            ("RESONANTGEN_WINDOWS_PROGRAM", program("resonantgen")),
            ("RESONANTGEN_WINDOWS_STANDALONE", program("resonantgen-standalone")),
            ("RESONANTGEN_WINDOWS_PLUGINS", self.plugins.clone()),
            ("RESONANTGEN_WINDOWS_RUNTIME", self.runtime.clone()),
            ("RESONANTGEN_XTASK", this),
        ]
    }
}

/// A program that was built for Windows.
fn program(name: &str) -> PathBuf {
    Target::WINDOWS.folder("debug").join(System::Windows.program(name))
}
