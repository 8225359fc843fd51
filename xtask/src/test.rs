//! Everything that must be green.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use crate::flags::Test;
use crate::setup::system::{self, Purpose};
use crate::setup::{python, runtime};
use crate::{bundle, command};

/// What is built for tests, the same for the plugin bundle and for the tests, so that nothing is built twice. The chores
/// themselves are left out, because a running program cannot be replaced everywhere.
pub const SCOPE: &[&str] = &[
    "--workspace",
    "--exclude",
    "xtask",
    "--features",
    "resonantgen-plugin/assert_process_allocs,resonantgen-plugin/standalone,resonantgen-tests/steinberg_validator",
];
/// The same without the plugin and its hosts.
const SCOPE_WITHOUT_HOSTS: &[&str] =
    &["--workspace", "--exclude", "xtask", "--exclude", "resonantgen-plugin"];

/// Tests of `training/` that need no PyTorch: the reference that the Rust code is held to.
const REFERENCE_TESTS: &[&str] = &[
    "tests/test_tokens.py",
    "tests/test_conditions.py",
    "tests/test_codec_golden.py",
    "tests/test_composer.py",
];

/// Sets up, then formatting, lints, documentation, and the tests of every crate, in real hosts too.
///
/// # Errors
/// The first step that failed.
pub fn run(flags: &Test) -> Result<()> {
    let begin = Instant::now();
    let runtime = runtime::ensure()?;
    let python = python::ensure()?;
    let (lint_scope, scope): (&[&str], _) = if flags.no_hosts {
        (&["--workspace", "--exclude", "resonantgen-plugin"], SCOPE_WITHOUT_HOSTS)
    } else {
        system::ensure(Purpose::Tests)?;
        (&["--workspace"], SCOPE)
    };

    step("formatting", || command::run(&mut command::cargo(["fmt", "--all", "--check"])))?;
    step("lints", || {
        command::run(
            command::cargo(["clippy", "--all-targets"]).args(lint_scope).args(["--", "-D", "warnings"]),
        )
    })?;
    step("documentation", || {
        command::run(command::cargo(["doc", "--no-deps"]).args(lint_scope).env("RUSTDOCFLAGS", "-D warnings"))
    })?;

    let built = |name| command::target("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let (program, standalone) = (built("resonantgen"), built("resonantgen-standalone"));
    let mut tests = command::cargo(["test"]);
    tests.args(scope).env("RESONANTGEN_RUNTIME", &runtime).env("RESONANTGEN_PROGRAM", program);
    if flags.no_hosts {
        step("build", || command::run(command::cargo(["build"]).args(scope)))?;
        tests.env("RESONANTGEN_NO_HOSTS", "1");
    } else {
        let bundle = || {
            tests.env("RESONANTGEN_PLUGINS", bundle::run(false)?).env("RESONANTGEN_PYTHON", &python);
            tests.env("RESONANTGEN_STANDALONE", standalone);
            Ok(())
        };
        step("build", bundle)?;
    }
    step("tests", || command::run(&mut tests))?;
    step("tests of the chores", || command::run(&mut command::cargo(["test", "--package", "xtask"])))?;

    let pytest = |python: &Path, tests: &[&str]| {
        let mut command = Command::new(python);
        command.args(["-m", "pytest", "-q"]).args(tests).current_dir(crate::root().join("training"));
        command::run(&mut command)
    };
    if flags.training {
        let python = python::ensure_training()?;
        step("training tests", || pytest(&python, &[]))?;
    } else {
        step("reference code", || pytest(&python, REFERENCE_TESTS))?;
    }
    println!("all tests passed in {:.0} s", begin.elapsed().as_secs_f64());
    Ok(())
}

/// Runs a step and says how long it took.
fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("== {name}");
    let begin = Instant::now();
    work()?;
    println!("== {name}: passed in {:.0} s", begin.elapsed().as_secs_f64());
    Ok(())
}
