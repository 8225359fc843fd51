//! Checking the dependencies: licences, where they come from, and what is known against them.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::command;
use crate::setup::python;

/// Checks licences and sources by `deny.toml`, then known vulnerabilities by the RustSec database, which cargo-deny fetches
/// with git.
///
/// # Errors
/// Something is not allowed or not safe, or a program or the database cannot be fetched.
pub fn run() -> Result<()> {
    let program = python::ensure_deny()?;
    command::run(&mut deny(&program, &["bans", "licenses", "sources"]))?;
    println!("audit: licences and sources are as deny.toml wants them");
    if !command::succeeds(deny(&program, &[]).args(["fetch", "db"])) {
        bail!(
            "licences and sources are in order, but known vulnerabilities were not looked for, because the database cannot be \
             fetched: run it again where git reaches https://github.com/RustSec/advisory-db"
        );
    }
    command::run(&mut deny(&program, &["advisories"]))?;
    println!("audit: nothing is known against the dependencies but what deny.toml names");
    Ok(())
}

/// `cargo deny check` of some kinds; without a kind, `cargo deny` alone.
fn deny(program: &PathBuf, kinds: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.current_dir(crate::root()).arg("--workspace");
    if !kinds.is_empty() {
        command.arg("check").args(kinds);
    }
    command
}
