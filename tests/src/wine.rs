//! The programs for Windows, run under Wine from a test of Linux. `cargo xtask test` builds them and names them in the environment.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::root;
use crate::skip::{leave_out, skip};

/// Longest time of one program, in seconds: a machine may be busy.
const LIMIT_SECONDS: u32 = 400;

/// Wine's server belongs to the screen, or to none, with which its first program began: one test at a time.
static TURN: Mutex<()> = Mutex::new(());

/// What was built for Windows. When it is dropped, everything that still runs under Wine is ended.
#[derive(Debug)]
pub struct Windows {
    _turn: MutexGuard<'static, ()>,
    /// The command line.
    pub program: PathBuf,
    /// The editor in a window of its own.
    pub standalone: PathBuf,
    /// The folder of the plugin's bundles.
    pub plugins: PathBuf,
    runtime: PathBuf,
    runner: PathBuf,
}

impl Windows {
    /// What is there; skips the running test if nothing is.
    #[must_use]
    pub fn find() -> Option<Self> {
        let named = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let found = || {
            Some(Self {
                _turn: TURN.lock().unwrap_or_else(PoisonError::into_inner),
                program: named("RESONANTGEN_WINDOWS_PROGRAM")?,
                standalone: named("RESONANTGEN_WINDOWS_STANDALONE")?,
                plugins: named("RESONANTGEN_WINDOWS_PLUGINS")?,
                runtime: named("RESONANTGEN_WINDOWS_RUNTIME")?,
                runner: named("RESONANTGEN_XTASK")?,
            })
        };
        if std::env::var_os("RESONANTGEN_NO_HOSTS").is_some() {
            leave_out("RESONANTGEN_NO_HOSTS is set");
            return None;
        }
        let windows = found();
        if windows.is_none() {
            skip("nothing was built for Windows (`cargo xtask test` does that where there is Wine)");
        }
        windows
    }

    /// As [`Self::find`], for a test that takes long: only `cargo xtask test --target windows` runs it.
    #[must_use]
    pub fn find_for_long_tests() -> Option<Self> {
        let windows = Self::find()?;
        if std::env::var_os("RESONANTGEN_WINDOWS_ALL").is_none() {
            leave_out("`cargo xtask test --target windows` runs it");
            return None;
        }
        Some(windows)
    }

    /// A Windows program with its arguments, to be run in the repository's root. It has no screen.
    #[must_use]
    pub fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.runner);
        command
            .args(["wine", "--seconds", &LIMIT_SECONDS.to_string()])
            .arg(program)
            .args(arguments)
            .env("RESONANTGEN_RUNTIME", path(&self.runtime))
            .env_remove("DISPLAY")
            .current_dir(root());
        command
    }

    /// Runs `resonantgen.exe`.
    ///
    /// # Panics
    /// Panics if it cannot be started.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(&self.program, arguments).output().expect("Wine starts")
    }

    /// Runs `resonantgen.exe`, which must succeed.
    ///
    /// # Panics
    /// Panics if it does not.
    pub fn succeed(&self, arguments: &[&str]) {
        let output = self.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {}: {told}", output.status);
    }
}

impl Drop for Windows {
    fn drop(&mut self) {
        // A runner that was killed has left its program running.
        let _ = Command::new(&self.runner).args(["wine", "--stop"]).status();
    }
}

/// A path as Windows programs name it: Wine shows this machine's root as drive Z.
#[must_use]
pub fn path(path: &Path) -> String {
    format!("Z:{}", path.display()).replace('/', "\\")
}
