//! Runs every check.

mod macos;
mod run;
mod simd;
mod windows;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use crate::flags::Test;
use crate::setup::system::{self, Purpose};
use crate::setup::{python, runtime};
use crate::target::{Other, System, Target};
use crate::{bundle, command};
use run::Run;

/// Build scope, the same for the plugin bundle and for the tests, so that nothing is built twice. It excludes xtask, because
/// not every system can replace a running program.
pub const SCOPE: &[&str] = &["--workspace", "--exclude", "xtask", "--features", FEATURES];
/// Scope of lints and documentation, with the same features, so that both share the compiler's checks.
const LINT_SCOPE: &[&str] = &["--workspace", "--features", FEATURES];
const FEATURES: &str = "resonantgen-plugin/assert_process_allocs,resonantgen-plugin/standalone,resonantgen-tests/steinberg_validator";
/// The same without the plugin and its hosts.
const SCOPE_WITHOUT_HOSTS: &[&str] =
    &["--workspace", "--exclude", "xtask", "--exclude", "resonantgen-plugin"];
const LINT_SCOPE_WITHOUT_HOSTS: &[&str] = &["--workspace", "--exclude", "resonantgen-plugin"];

/// Tests of `training/` that do not need PyTorch: the reference for the Rust code.
const REFERENCE_TESTS: &[&str] = &[
    "tests/test_tokens.py",
    "tests/test_conditions.py",
    "tests/test_codec_golden.py",
    "tests/test_compose_golden.py",
    "tests/test_composer.py",
    "tests/test_tables_golden.py",
];

/// Runs setup, formatting, lints, documentation, and the tests of every crate, including those in real hosts. The steps'
/// output goes to `target/test-logs/`; the last line counts all tests.
///
/// # Errors
/// Returns an error that names the log if a step or a test fails. After a failed test the others still run; after a failed
/// build they do not.
pub fn run(flags: &Test) -> Result<()> {
    if flags.simd {
        return simd::run();
    }
    match (flags.target, System::HERE) {
        (Some(Other::Macos), System::Linux) => return macos::run(),
        (other, _) if Target::named(other)? == Target::WINDOWS => return windows::run(),
        _ => {}
    }
    let begin = Instant::now();
    let runtime = runtime::ensure(Target::HERE)?;
    let python = python::ensure()?;
    let training_python = if flags.training { Some(python::ensure_training()?) } else { None };
    let (lint_scope, scope) = if flags.no_hosts {
        (LINT_SCOPE_WITHOUT_HOSTS, SCOPE_WITHOUT_HOSTS)
    } else {
        system::ensure(Purpose::Tests)?;
        (LINT_SCOPE, SCOPE)
    };

    let mut run = Run::new("test-logs")?;
    run.must("workflows", &mut python::check_workflows()?)?;
    run.must("formatting", &mut command::cargo(["fmt", "--all", "--check"]))?;
    let mut clippy = command::cargo(["clippy", "--all-targets"]);
    run.must("lints", clippy.args(lint_scope).args(["--", "-D", "warnings"]))?;
    let mut documentation = command::cargo(["doc", "--no-deps"]);
    run.must("documentation", documentation.args(lint_scope).env("RUSTDOCFLAGS", "-D warnings"))?;
    run.must("build", command::cargo(["build"]).args(scope))?;
    let windows = if flags.no_hosts { None } else { windows::build_part(&mut run)? };

    let built = |name| command::target("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let mut tests = command::cargo(["test", "--no-fail-fast"]);
    tests.args(scope).env("RESONANTGEN_RUNTIME", &runtime).env("RESONANTGEN_PROGRAM", built("resonantgen"));
    if flags.no_hosts {
        tests.env("RESONANTGEN_NO_HOSTS", "1");
    } else {
        // The build has already been done.
        tests
            .env("RESONANTGEN_PLUGINS", bundle::run(Target::HERE, false)?)
            .env("RESONANTGEN_PYTHON", &python);
        tests.env("RESONANTGEN_STANDALONE", built("resonantgen-standalone"));
    }
    tests.envs(windows.iter().flat_map(windows::Built::environment));
    run.tests("tests", &mut tests)?;
    if let Some(windows) = windows {
        windows.run_part(&mut run)?;
    }
    if !flags.no_hosts {
        macos::run_part(&mut run)?;
    }
    run.tests("tests of the chores", &mut command::cargo(["test", "--package", "xtask"]))?;
    match training_python {
        Some(python) => run.tests("training tests", &mut pytest(&python, &[]))?,
        None => run.tests("reference code", &mut pytest(&python, REFERENCE_TESTS))?,
    }
    run.finish(begin)
}

/// The Python tests: all of them, or only the given files.
fn pytest(python: &Path, tests: &[&str]) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pytest", "-q"]).args(tests).current_dir(crate::root().join("training"));
    command
}
