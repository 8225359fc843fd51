//! Golden files: results of the reference code in `training/`, which the Rust code has to match.

use std::process::Command;

use anyhow::Result;

use crate::command;
use crate::setup::python;

/// Generators of golden files: a Python module, its arguments before the folder, and the folder.
const MAKERS: &[(&str, &[&str], &str)] = &[
    ("resonant.compose_goldens", &["--out"], "tests/golden/compose"),
    ("resonant.codec_goldens", &[], "tests/golden/codec"),
    ("resonant.hit_goldens", &[], "tests/golden/hits"),
    ("resonant.tables", &[], "tests/golden/tables"),
];

/// Regenerates all golden files. A change in them is a change of sound or of format: read the diff.
///
/// # Errors
/// Returns an error if Python is missing, or a generator fails.
pub fn run() -> Result<()> {
    let python = python::ensure()?;
    for (module, words, folder) in MAKERS {
        println!("golden: {module} writes {folder}");
        command::run(
            Command::new(&python)
                .args(["-m", module])
                .args(*words)
                .arg(crate::root().join(folder))
                .current_dir(crate::root().join("training")),
        )?;
    }
    println!("golden: done; review `git diff --stat tests/golden`");
    Ok(())
}
