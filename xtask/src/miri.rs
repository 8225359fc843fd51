//! The hand-over between the threads of playback, interpreted: Miri sees each data race, each use of freed memory and each
//! leak of what it runs.

use std::process::Command;

use anyhow::{Result, bail};

use crate::command;

/// Runs the tests of playback in Miri, each time with the threads switched at other moments.
///
/// # Errors
/// Nightly Rust or its components are missing, or a test failed.
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
        // Proptest asks for the working directory. Crossbeam's and rtrb's pointers come from integers nowhere.
        .env("MIRIFLAGS", "-Zmiri-disable-isolation -Zmiri-strict-provenance -Zmiri-many-seeds=0..4");
    command::run(&mut miri)
}
