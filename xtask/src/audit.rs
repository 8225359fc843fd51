//! Audits the dependencies: licences, sources, and known vulnerabilities.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::command;
use crate::setup::python;

/// Checks licences and sources against `deny.toml`, then looks for known vulnerabilities in the RustSec database, which
/// cargo-deny fetches with git.
///
/// # Errors
/// Returns an error if a dependency is not allowed or not safe, or if a program or the database cannot be fetched.
pub fn run() -> Result<()> {
    let program = python::ensure_deny()?;
    command::run(&mut deny(&program, &["bans", "licenses", "sources"]))?;
    println!("audit: licences and sources comply with deny.toml");
    if !command::succeeds(deny(&program, &[]).args(["fetch", "db"])) {
        bail!(
            "licences and sources are in order, but known vulnerabilities were not checked, because the database cannot be \
            fetched: run it again where git can reach https://github.com/RustSec/advisory-db"
        );
    }
    command::run(&mut deny(&program, &["advisories"]))?;
    println!("audit: no known vulnerabilities except those listed in deny.toml");
    Ok(())
}

/// `cargo deny check` with the given kinds; plain `cargo deny` if there are none.
fn deny(program: &PathBuf, kinds: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.current_dir(crate::root()).arg("--workspace");
    if !kinds.is_empty() {
        command.arg("check").args(kinds);
    }
    command
}
