//! The Python environment in which real hosts load the plugin.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;

/// Packages of the host tests, pinned.
const HOST_PACKAGES: &[&str] =
    &["dawdreamer==0.9.0", "numpy==2.4.6", "pedalboard==0.9.26", "soundfile==0.14.0"];
/// Packages of the tests in `training/`.
const TRAINING_PACKAGES: &[&str] =
    &["numpy", "numba", "torch", "soundfile", "onnx", "onnxruntime", "onnxscript", "mido", "pytest"];

/// Makes sure that the environment of the host tests is there; returns its Python.
///
/// # Errors
/// No Python 3 with the venv module, or pip failed.
pub fn ensure() -> Result<PathBuf> {
    environment("venv", HOST_PACKAGES, 110)
}

/// Makes sure that the environment of the training tests is there; returns its Python.
///
/// # Errors
/// No Python 3 with the venv module, or pip failed.
pub fn ensure_training() -> Result<PathBuf> {
    environment("venv-training", TRAINING_PACKAGES, 1000)
}

/// An environment in `.setup/<name>`, complete when its list of packages is written down in it.
fn environment(name: &str, packages: &[&str], download_mb: u32) -> Result<PathBuf> {
    let folder = super::folder().join(name);
    let python = python_of(&folder);
    let stamp = folder.join("packages.txt");
    let wanted = packages.join("\n");
    if python.is_file() && fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(python);
    }
    println!("setup: making {} with pip (about {download_mb} MB): {}", folder.display(), packages.join(" "));
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
    command::run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"])
            .args(packages),
    )?;
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
