//! The VST3 in Ardour 7, which plays and records in real time: a chore of its own, because that takes minutes and a machine that
//! has time.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::setup::python;
use crate::{bundle, command};

/// Ardour's interpreter of scripts.
const PROGRAM: &str = "ardour7-lua";

/// Four stems on four mixer channels, automated, recorded, saved, opened again, rendered.
///
/// # Errors
/// Ardour 7 is missing, the build failed, or a check did.
pub fn run() -> Result<()> {
    if !cfg!(target_os = "linux") || !command::succeeds(Command::new("which").arg(PROGRAM)) {
        bail!("{PROGRAM} is missing; on Debian 12: sudo apt-get install -y --no-install-recommends ardour");
    }
    let python = python::ensure()?;
    let plugins = bundle::run(false)?;
    let folder = command::target("ardour");
    if folder.is_dir() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    let script = crate::root().join("tests").join("hosts").join("ardour.py");
    let plugin = plugins.join(format!("{}.vst3", bundle::NAME));
    command::run(Command::new(python).arg(script).arg(plugin).arg(&folder))?;
    println!("ardour: passed; what was recorded is in {}", folder.display());
    Ok(())
}
