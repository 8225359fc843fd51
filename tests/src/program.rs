//! Runs `resonantgen` as a user would.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

use crate::root;

/// The program, from `RESONANTGEN_PROGRAM` (set by `cargo xtask test`), otherwise built here.
///
/// # Panics
/// Panics if it cannot be built.
#[must_use]
pub fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        if let Some(path) = std::env::var_os("RESONANTGEN_PROGRAM") {
            return path.into();
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let build =
            Command::new(cargo).args(["build", "--package", "resonantgen-cli"]).current_dir(root()).status();
        assert!(build.is_ok_and(|status| status.success()), "resonantgen does not build");
        // The test itself is target/<profile>/deps/<test>.
        let test = std::env::current_exe().expect("a running test has a path");
        let profile = test.ancestors().nth(2).expect("a test lies in target/<profile>/deps");
        profile.join(format!("resonantgen{}", std::env::consts::EXE_SUFFIX))
    })
}

/// `resonantgen` with arguments, to be run in the repository's root.
#[must_use]
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(path());
    command.args(arguments).current_dir(root());
    command
}

/// Runs `resonantgen` and returns its output, whether it succeeds or not.
///
/// # Panics
/// Panics if it cannot be started.
#[must_use]
pub fn run(arguments: &[&str]) -> Output {
    command(arguments).output().expect("resonantgen starts")
}

/// Runs `resonantgen` with `--json` and returns the document.
///
/// # Panics
/// Panics if it fails or prints anything other than one JSON document.
#[must_use]
pub fn json(arguments: &[&str]) -> Value {
    let output = command(arguments).arg("--json").output().expect("resonantgen starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("stdout is one JSON document")
}

/// Asserts that the arguments are refused with an exit code and one line that contains `hint`, and no panic.
///
/// # Panics
/// Panics if they are not.
pub fn assert_refused(arguments: &[&str], code: i32, hint: &str) {
    assert_output_refused(&run(arguments), &format!("{arguments:.120?}"), code, hint);
}

/// Asserts that an output is a single error line that contains `hint`, with an exit code.
///
/// # Panics
/// Panics if it is not.
pub fn assert_output_refused(output: &Output, what: &str, code: i32, hint: &str) {
    /// ONNX Runtime prints this where Wine has no graphics.
    const OF_WINE: &str = "Failed to create DXGI factory.";
    let errors = String::from_utf8_lossy(&output.stderr);
    let errors: String =
        errors.lines().filter(|line| *line != OF_WINE).map(|line| format!("{line}\n")).collect();
    assert_eq!(output.status.code(), Some(code), "{what}: {errors}");
    assert!(errors.contains(hint), "{what}: '{hint}' is not in: {errors}");
    let lines = errors.lines().filter(|line| line.starts_with("error: ")).count();
    assert_eq!(lines, 1, "{what}: one line of error is wanted, got: {errors}");
    assert_eq!(errors.lines().count(), 1, "{what}: nothing but the error is wanted, got: {errors}");
    assert!(errors.len() < 600, "{what}: the line is too long: {errors}");
    assert!(output.stdout.is_empty(), "{what}: stdout is not empty");
}

/// All files in a folder and its subfolders, with their bytes, sorted by name.
///
/// # Panics
/// Panics if the folder cannot be read.
#[must_use]
pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("the folder is there") {
            let path = entry.expect("the folder can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).expect("the file can be read");
                files.push((path.strip_prefix(folder).expect("it lies within").to_owned(), bytes));
            }
        }
    }
    files.sort();
    files
}
