//! Everything that must be green.

use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use crate::flags::Test;
use crate::setup::{python, runtime, system};
use crate::{bundle, command};

/// Sets up, then formatting, lints, documentation, and the tests of every crate, in real hosts too.
///
/// # Errors
/// The first step that failed.
pub fn run(flags: &Test) -> Result<()> {
    let begin = Instant::now();
    let runtime = runtime::ensure()?;
    let scope: &[&str] =
        if flags.no_hosts { &["--workspace", "--exclude", "resonantgen-plugin"] } else { &["--workspace"] };

    step("formatting", || command::run(&mut command::cargo(["fmt", "--all", "--check"])))?;

    let mut hosts = None;
    if !flags.no_hosts {
        system::ensure()?;
        hosts = Some(python::ensure()?);
    }
    step("lints", || {
        command::run(command::cargo(["clippy", "--all-targets"]).args(scope).args(["--", "-D", "warnings"]))
    })?;
    step("documentation", || {
        command::run(command::cargo(["doc", "--no-deps"]).args(scope).env("RUSTDOCFLAGS", "-D warnings"))
    })?;

    let program = command::target("debug").join(format!("resonantgen{}", std::env::consts::EXE_SUFFIX));
    let mut tests = command::cargo(["test"]);
    tests.args(scope).env("RESONANTGEN_RUNTIME", &runtime).env("RESONANTGEN_PROGRAM", program);
    match hosts {
        Some(python) => {
            step("plugin bundle", || {
                bundle::run(false).map(|folder| {
                    tests.env("RESONANTGEN_PLUGINS", folder);
                })
            })?;
            tests.env("RESONANTGEN_PYTHON", python);
        }
        None => {
            tests.env("RESONANTGEN_NO_HOSTS", "1");
        }
    }
    step("tests", || command::run(&mut tests))?;

    if flags.training {
        let python = python::ensure_training()?;
        step("training tests", || {
            command::run(
                Command::new(python).args(["-m", "pytest", "-q"]).current_dir(crate::root().join("training")),
            )
        })?;
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
