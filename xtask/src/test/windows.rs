//! Windows tests, built on Linux and run under Wine.
//!
//! The test programs are the same as on Linux, built for Windows. `cargo test` starts each of them through `cargo xtask wine`,
//! which limits its running time. Tests that need both systems at once are in `tests/tests/windows/`, which runs on Linux.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use super::SCOPE;
use super::run::Run;
use crate::setup::system::{self, Purpose};
use crate::setup::{self, runtime};
use crate::target::{System, Target};
use crate::{bundle, wine};

/// Time limit per test program, in seconds. The slowest takes a tenth of that on an idle machine.
const LIMIT_SECONDS: u32 = 1_500;

/// Build scope of `cargo xtask test`: without the plugin's VST3 and the validator, whose C++ takes minutes to compile.
const PART: &[&str] = &[
    "--workspace",
    "--exclude",
    "xtask",
    "--no-default-features",
    "--features",
    "resonantgen-cli/serve,resonantgen-plugin/assert_process_allocs",
];
/// Tests of the engine that run in `cargo xtask test`: networks, signal processing and bundles against golden files, whole pieces,
/// playback on two threads, and projects of all earlier versions. They are whole programs, so nothing has to be built again for them
/// with other features, as for the crates' unit tests.
const ENGINE: &[&str] = &["bundles", "codec_goldens", "generate", "networks", "playback", "reopened"];
/// Tests of the plugin in our CLAP host that run in `cargo xtask test`.
const IN_A_HOST: &[&str] = &[
    "it_has_main_four_stems_and_four_parts_of_the_drums_and_takes_and_sends_notes_but_claims_no_raw_midi",
    "a_trigger_makes_four_different_stems_in_time_with_the_grid",
    "a_saved_session_plays_again_to_the_bit",
    "automation_plays_the_same_on_every_pass_and_in_the_bounce",
    "drums::the_parts_of_the_drums_sum_to_the_drums",
    "the_plugin_is_removed_in_the_middle_of_a_generation",
];
/// Why it leaves out the others.
const LEFT_OUT: &str = "they take too long to build; `cargo xtask test --target windows` runs them";

/// The build outputs for Windows.
pub struct Built {
    runtime: PathBuf,
    plugins: PathBuf,
}

/// Runs all tests on Windows.
///
/// # Errors
/// Returns an error if setup or a build fails, or a test does.
pub fn run() -> Result<()> {
    let begin = Instant::now();
    system::ensure(Purpose::Tests)?;
    let here = runtime::ensure(Target::HERE)?;
    let runtime = setup::windows::ensure()?;
    let mut run = Run::new("test-logs-windows")?;
    let built = Built::build(&mut run, runtime, SCOPE, &[])?;
    let mut lints = Target::WINDOWS.cargo(["clippy", "--all-targets"]);
    run.must("Windows: lints", lints.args(SCOPE).args(["--", "-D", "warnings"]))?;

    // The same build as that of `cargo xtask test`.
    run.must("build", crate::command::cargo(["build"]).args(SCOPE))?;
    let mut both = crate::command::cargo(["test", "--no-fail-fast"]);
    both.args(SCOPE).args(["--test", "windows"]).env("RESONANTGEN_RUNTIME", here);
    both.env("RESONANTGEN_PROGRAM", Target::HERE.folder("debug").join("resonantgen"));
    run.tests("Windows beside Linux", both.envs(built.environment()))?;
    run.tests("Windows: tests", built.tests().args(SCOPE))?;
    wine::stop(&setup::windows::prefix());
    run.finish(begin)
}

/// Builds the part that `cargo xtask test` runs. Where this machine cannot, returns `None` and notes the reason in `run`.
///
/// # Errors
/// Returns an error if the build fails.
pub fn build_part(run: &mut Run) -> Result<Option<Built>> {
    if Target::HERE.system != System::Linux || Target::HERE.processor != "x86_64" {
        run.leave_out("Windows", "it is built on Linux with an x86-64 processor only");
        return Ok(None);
    }
    let runtime = match setup::windows::ensure() {
        Ok(runtime) => runtime,
        Err(error) => {
            run.leave_out("Windows", &format!("it cannot be built here: {error:#}"));
            return Ok(None);
        }
    };
    Ok(Some(Built::build(run, runtime, PART, &["--lib", "--bin", "resonantgen"])?))
}

impl Built {
    /// Builds some targets of a scope (all if none is named), and lays out the bundles.
    fn build(run: &mut Run, runtime: PathBuf, scope: &[&str], targets: &[&str]) -> Result<Self> {
        // Cleans up after an interrupted run.
        wine::stop(&setup::windows::prefix());
        run.must("Windows: build", Target::WINDOWS.cargo(["build"]).args(scope).args(targets))?;
        let plugins = bundle::lay_out_built(Target::WINDOWS, "debug", &runtime)?;
        Ok(Self { runtime, plugins })
    }

    /// Runs the part of the Windows programs' own tests for which `cargo xtask test` has time.
    ///
    /// # Errors
    /// Returns an error if a step cannot be started.
    pub fn run_part(&self, run: &mut Run) -> Result<()> {
        let programs = ENGINE.iter().flat_map(|name| ["--test", name]);
        run.tests("Windows: tests of the engine", self.tests().args(PART).args(programs))?;
        let mut host = self.tests();
        host.args(PART).args(["--test", "clap_host", "--", "--exact"]).args(IN_A_HOST);
        run.tests("Windows: the CLAP in a host", &mut host)?;
        run.leave_out(
            "Windows: the VST3 in Steinberg's validator, unit tests, and all other tests",
            LEFT_OUT,
        );
        wine::stop(&setup::windows::prefix());
        Ok(())
    }

    /// `cargo test` for Windows.
    fn tests(&self) -> Command {
        let this = std::env::current_exe().unwrap_or_default();
        let runner = format!("{} wine --seconds {LIMIT_SECONDS}", this.display());
        let mut tests: Command = Target::WINDOWS.cargo(["test", "--no-fail-fast"]);
        tests
            .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", runner)
            .env("RESONANTGEN_RUNTIME", wine::path(&self.runtime))
            .env("RESONANTGEN_PROGRAM", wine::path(&program("resonantgen")))
            .env("RESONANTGEN_PLUGINS", wine::path(&self.plugins))
            .env_remove("DISPLAY");
        tests
    }

    /// Environment of `tests/tests/windows/`.
    pub fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        let this = std::env::current_exe().unwrap_or_default();
        vec![
            ("RESONANTGEN_WINDOWS_PROGRAM", program("resonantgen")),
            ("RESONANTGEN_WINDOWS_PLUGINS", self.plugins.clone()),
            ("RESONANTGEN_WINDOWS_RUNTIME", self.runtime.clone()),
            ("RESONANTGEN_WINDOWS_PREFIX", setup::windows::prefix()),
            ("RESONANTGEN_WINDOWS_RUNNER", this),
        ]
    }
}

/// Path of a program built for Windows.
fn program(name: &str) -> PathBuf {
    Target::WINDOWS.folder("debug").join(System::Windows.program(name))
}
