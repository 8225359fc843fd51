//! Windows programs, run under Wine by tests on Linux. `cargo xtask test --target windows` builds them and names them in
//! the environment.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use crate::{needs, root};

/// Time limit of one program, in seconds, long enough for busy machines.
const LIMIT_SECONDS: u32 = 400;

/// Wine's server keeps the screen of its first program, or none, so tests run one at a time.
static TURN: Mutex<()> = Mutex::new(());

/// The Windows build. On drop, everything still running under Wine is ended.
#[derive(Debug)]
pub struct Windows {
    _turn: MutexGuard<'static, ()>,
    /// The command line.
    pub program: PathBuf,
    /// The folder of the plugin's bundles.
    pub plugins: PathBuf,
    /// The runtime library.
    pub runtime: PathBuf,
    /// Wine's folder, with drive C in it.
    pub prefix: PathBuf,
    runner: PathBuf,
    /// The user's settings folder, empty at first.
    settings: TempDir,
}

impl Windows {
    /// Finds the Windows build; skips the running test if there is none.
    ///
    /// # Panics
    /// Panics if there is no room for a folder.
    #[must_use]
    pub fn find() -> Option<Self> {
        let [program, plugins, runtime, prefix, runner] = needs::windows()?;
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = tempfile::tempdir().expect("there is room for a folder");
        Some(Self { _turn, program, plugins, runtime, prefix, runner, settings })
    }

    /// A Windows program with arguments, run in the repository's root without a screen.
    #[must_use]
    pub fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.runner);
        command
            .args(["wine", "--seconds", &LIMIT_SECONDS.to_string()])
            .arg(program)
            .args(arguments)
            .env("RESONANTGEN_RUNTIME", path(&self.runtime))
            .env("RESONANTGEN_CONFIG", path(self.settings.path()))
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
    /// Panics if it fails.
    pub fn succeed(&self, arguments: &[&str]) {
        let output = self.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {}: {told}", output.status);
    }
}

/// Presses Ctrl-C in a program that [`Windows::command`] has started.
///
/// # Panics
/// Panics if it has ended already.
pub fn press_ctrl_c(runner: u32) {
    // Wine translates the signal into the key; the runner itself must survive to report the exit code.
    let children = std::fs::read_to_string(format!("/proc/{runner}/task/{runner}/children"));
    let wine = children.expect("the runner runs");
    let kill = Command::new("kill").arg("-INT").args(wine.split_whitespace()).status();
    assert!(kill.is_ok_and(|status| status.success()), "it ended before it could be interrupted");
}

/// A program that holds files open as most players do: others may read but not write or remove them.
#[derive(Debug)]
pub struct Holder(Child);

impl Holder {
    /// Holds files until dropped; `work` is a folder for the program.
    ///
    /// # Panics
    /// Panics if one of them cannot be opened.
    #[must_use]
    pub fn hold(windows: &Windows, work: &Path, files: &[&Path]) -> Self {
        let program = compile(work, "hold_open.c", &["-municode"]);
        let names: Vec<String> = files.iter().map(|file| path(file)).collect();
        let mut command = windows.command(&program, &names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Wine starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("it says when it holds them");
        assert_eq!(line.trim(), "held", "{files:?}");
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It ends when its input closes.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Compiles a program in `tests/hosts` for Windows, into a folder.
///
/// # Panics
/// Panics if the compiler is missing or fails.
#[must_use]
pub fn compile(folder: &Path, source: &str, flags: &[&str]) -> PathBuf {
    let program = folder.join(source).with_extension("exe");
    let output = Command::new("x86_64-w64-mingw32-gcc-posix")
        .args(["-std=c11", "-O1", "-o"])
        .arg(&program)
        .arg(root().join("tests/hosts").join(source))
        .args(flags)
        .output()
        .expect("mingw-w64 is there");
    assert!(output.status.success(), "{source}: {}", String::from_utf8_lossy(&output.stderr));
    program
}

impl Drop for Windows {
    fn drop(&mut self) {
        // A killed runner leaves its program running.
        let _ = Command::new(&self.runner).args(["wine", "--stop"]).status();
    }
}

/// A path as Windows programs see it: Wine shows this machine's root as drive Z.
#[must_use]
pub fn path(path: &Path) -> String {
    format!("Z:{}", path.display()).replace('/', "\\")
}
