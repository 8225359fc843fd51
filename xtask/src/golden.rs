//! Golden files: what the reference code in `training/` computes, for the Rust code to agree with.

use std::process::Command;

use anyhow::Result;

use crate::command;
use crate::setup::python;

/// What writes golden files: a Python module, what stands before the folder on its command line, and the folder.
const MAKERS: &[(&str, &[&str], &str)] = &[
    ("resonant.compose_goldens", &["--out"], "tests/golden/compose"),
    ("resonant.codec_goldens", &[], "tests/golden/codec"),
];

/// Makes all golden files again. A change in them is a change of sound or of format: read the diff.
///
/// # Errors
/// Python is missing, or a maker failed.
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
    println!("golden: done; look at `git diff --stat tests/golden`");
    Ok(())
}
