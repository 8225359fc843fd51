//! Runs a Windows program under Wine, with a limit to its time.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::command;
use crate::flags::Wine;
use crate::setup::windows;

/// The exit code of `timeout(1)`, for a program that had to be ended.
const TIMED_OUT: u8 = 124;
/// Tells Wine which libraries it shall not have, among others.
const LIBRARIES: &str = "WINEDLLOVERRIDES";
/// Tells Linux which libraries to load into a program before its own.
const PRELOADED: &str = "LD_PRELOAD";
/// How long Wine's server may take to end all that runs in a prefix.
const SERVER_PATIENCE: Duration = Duration::from_secs(20);
/// How long to wait after a program for Wine's server to end. A program that starts while the server shuts down is refused
/// ("recvmsg: Connection reset by peer"). If other programs are still running in the prefix, the server stays.
const SERVER_ENDS: Duration = Duration::from_secs(3);

/// Runs the program named by the flags, in the prefix made by `cargo xtask setup --target windows`. Returns its exit code.
///
/// # Errors
/// Returns an error if Wine is not installed, or there is no prefix.
pub fn run(flags: &Wine) -> Result<ExitCode> {
    let prefix = windows::prefix();
    if !prefix.is_dir() {
        bail!("there is no Wine prefix in {}: run `cargo xtask setup --target windows`", prefix.display());
    }
    if flags.stop {
        stop(&prefix);
        return Ok(ExitCode::SUCCESS);
    }
    let mut wine = wine(&prefix);
    wine.arg(&flags.program).args(&flags.rest);
    let code = match command::within(&mut wine, Duration::from_secs(flags.seconds))? {
        // What a shell would see of an exit code.
        Some(status) => (status.code().unwrap_or(1) & 0xff) as u8,
        None => {
            eprintln!("{} did not end within {} s and was ended", flags.program, flags.seconds);
            // Programs that it has started are not children of Wine's loader; only the server knows them.
            stop(&prefix);
            TIMED_OUT
        }
    };
    server(&prefix, "-w", SERVER_ENDS);
    Ok(ExitCode::from(code))
}

/// The command `wine` in a prefix.
pub fn wine(prefix: &Path) -> Command {
    // Nothing here needs .NET or a browser, and Wine would offer to fetch them.
    let mut libraries = OsString::from("mscoree,mshtml=");
    if let Some(others) = std::env::var_os(LIBRARIES) {
        libraries.push(";");
        libraries.push(others);
    }
    let mut command = Command::new("wine");
    command.env("WINEPREFIX", prefix).env("WINEDEBUG", "-all").env(LIBRARIES, libraries);
    let tiles = windows::tiles(prefix);
    // A prefix that is being made has none yet.
    if tiles.is_file() {
        let mut preloaded = tiles.into_os_string();
        if let Some(others) = std::env::var_os(PRELOADED) {
            preloaded.push(":");
            preloaded.push(others);
        }
        command.env(PRELOADED, preloaded);
    }
    command
}

/// Ends everything that runs in a prefix, and its server. A prefix without a server is left as it is.
pub fn stop(prefix: &Path) {
    server(prefix, "-k", SERVER_PATIENCE);
    server(prefix, "-w", SERVER_PATIENCE);
}

/// Runs `wineserver` with an option. Its exit code only tells whether there was a server, so it is ignored.
fn server(prefix: &Path, option: &str, patience: Duration) {
    let mut command = Command::new("wineserver");
    command.arg(option).env("WINEPREFIX", prefix).stdout(Stdio::null()).stderr(Stdio::null());
    let _ = command::within(&mut command, patience);
}

/// A path as Windows programs name it: Wine shows this machine's root as drive Z.
pub fn path(path: &Path) -> PathBuf {
    PathBuf::from(format!("Z:{}", path.display()).replace('/', "\\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_drive_z() {
        assert_eq!(path(Path::new("/a/b c")), Path::new("Z:\\a\\b c"));
    }
}
