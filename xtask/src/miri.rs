//! Runs the hand-over between the playback threads in Miri, which finds every data race, use of freed memory and leak in the
//! code it executes.

use std::process::Command;

use anyhow::{Result, bail};

use crate::command;

/// Runs the playback tests in Miri several times, with different thread schedules.
///
/// # Errors
/// Returns an error if nightly Rust or its components are missing, or a test fails.
pub fn run() -> Result<()> {
    let mut miri = Command::new("cargo");
    for variable in ["CARGO", "RUSTUP_TOOLCHAIN"] {
        miri.env_remove(variable);
    }
    miri.arg("+nightly").arg("miri").current_dir(crate::root());
    if !command::succeeds(
        Command::new("cargo").args(["+nightly", "miri", "--version"]).env_remove("RUSTUP_TOOLCHAIN"),
    ) {
        bail!("Miri is missing: rustup toolchain install nightly --component miri,rust-src");
    }
    miri.args(["test", "--package", "resonantgen-engine", "--test", "playback", "--target-dir"])
        .arg(command::target("miri"))
        // Proptest reads the working directory. Neither Crossbeam nor rtrb makes pointers from integers.
        .env("MIRIFLAGS", "-Zmiri-disable-isolation -Zmiri-strict-provenance -Zmiri-many-seeds=0..4");
    command::run(&mut miri)
}
