//! Runs other programs, with errors that name them.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A cargo command in the repository's root, using the cargo that runs this program.
pub fn cargo<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(crate::root());
    command
}

/// A folder of build outputs: `debug` or `release`.
pub fn target(profile: &str) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| crate::root().join("target"), PathBuf::from)
        .join(profile)
}

/// Runs a program with inherited input and output.
///
/// # Errors
/// Returns an error if the program cannot be started or does not succeed.
pub fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Runs a program quietly; returns whether it exists and succeeded.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs a program for at most `limit`, then ends it by its id; `None` if it had to be ended.
///
/// # Errors
/// Returns an error if the program cannot be started.
pub fn within(command: &mut Command, limit: Duration) -> Result<Option<ExitStatus>> {
    /// How often the program is looked at.
    const POLL: Duration = Duration::from_millis(20);
    let line = line(command);
    let begin = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start `{line}`"))?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begin.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        sleep(POLL);
    }
}

/// The standard output of a program, without white space around it.
///
/// # Errors
/// Returns an error if the program cannot be started or does not succeed.
pub fn output(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command.output().with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The command as a person would type it.
pub fn line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|part| {
            let part = part.to_string_lossy();
            if part.contains(' ') { format!("\"{part}\"") } else { part.into_owned() }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_ended() {
        let quick = within(&mut Command::new("true"), Duration::from_secs(60)).expect("it starts");
        assert!(quick.is_some_and(|status| status.success()));
        let slow = within(Command::new("sleep").arg("600"), Duration::from_millis(50)).expect("it starts");
        assert_eq!(slow, None);
    }
}
