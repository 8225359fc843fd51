//! From a prompt to stems on a bare clone.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::command;
use crate::flags::Generate;
use crate::setup::{accelerated, runtime};
use crate::target::Target;

/// Builds the command line and runs it.
///
/// # Errors
/// Returns an error if setup, build or generation fails; each has printed the reason.
pub fn run(flags: &Generate) -> Result<()> {
    let plain = runtime::ensure(Target::HERE)?;
    let runtime = accelerated::installed().unwrap_or(plain);
    let program = build_quickly()?;
    let mut generate = Command::new(program);
    generate.arg("generate");
    if !flags.rest.iter().any(|flag| flag == "--out" || flag.starts_with("--out=")) {
        generate.arg("--out").arg(Path::new("out").join(slug(&flags.prompt)));
    }
    let status = generate
        .args(&flags.rest)
        .arg("--")
        .arg(&flags.prompt)
        .env("RESONANTGEN_RUNTIME", runtime)
        .current_dir(crate::root())
        .status()?;
    // It has printed the error; pass on its exit code.
    if !status.success() {
        std::process::exit(status.code().unwrap_or(1));
    }
    Ok(())
}

/// Builds `resonantgen`, optimised or as the tests need it; returns its path.
///
/// # Errors
/// Returns an error if the build fails.
pub fn build_cli(target: Target, release: bool) -> Result<PathBuf> {
    let mut build = target.cargo(["build"]);
    if release {
        build.args(["--release", "--package", "resonantgen-cli"]);
    } else {
        build.args(crate::test::SCOPE);
    }
    command::run(&mut build)?;
    Ok(target.folder(if release { "release" } else { "debug" }).join(target.system.program("resonantgen")))
}

/// Builds `resonantgen` quickly, for a first run: without its server, and with a little less optimisation. Its output is the
/// same to the bit.
fn build_quickly() -> Result<PathBuf> {
    let words = ["build", "--profile", "quick", "--package", "resonantgen-cli", "--no-default-features"];
    command::run(&mut command::cargo(words))?;
    Ok(program_in("quick"))
}

fn program_in(profile: &str) -> PathBuf {
    command::target(profile).join(format!("resonantgen{}", std::env::consts::EXE_SUFFIX))
}

/// A folder name made from a prompt: lower-case letters and digits, separated by hyphens, at most 60 bytes.
fn slug(prompt: &str) -> String {
    let mut slug = String::new();
    for character in prompt.chars().flat_map(char::to_lowercase) {
        if slug.len() >= 60 {
            break;
        }
        if character.is_ascii_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "untitled".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn a_prompt_becomes_a_plain_folder_name() {
        assert_eq!(slug("Dark techno with driving bass"), "dark-techno-with-driving-bass");
        assert_eq!(slug("../etc/passwd"), "etc-passwd");
        assert_eq!(slug("🔥🔥"), "untitled");
        assert!(slug(&"x ".repeat(100)).len() <= 61);
    }
}
