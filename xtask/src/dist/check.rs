//! Tests the packed release as a user without anything else would: unpacked into an empty folder, without the repository.

mod installed;

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{ending, sha256};
use crate::bundle::plugin_name;
use crate::setup::{python, windows};
use crate::target::{System, Target};
use crate::{command, wine};

/// Scripts in `tests/hosts` that play the VST3, and whether they need a working folder.
const HOSTS: &[(&str, bool)] = &[("daw_dreamer.py", true), ("pedal_board.py", false)];
/// Smallest file that can be a stem, in bytes.
const STEM_BYTES: u64 = 10_000;
/// Longest time that a program of the release may take.
const LIMIT: Duration = Duration::from_secs(600);

/// Tests the archive, and the package or setup program if there is one: checksums, bill of materials, command line, on Linux the
/// plugin in two hosts, for Windows installing and removing under Wine.
///
/// # Errors
/// Returns an error if nothing is packed, or a part of it does not work.
pub fn run(target: Target, dist: &Path, name: &str) -> Result<()> {
    let sums = dist.join(format!("{name}.sha256"));
    if !sums.is_file() {
        bail!("nothing is packed yet: run `cargo xtask dist` first");
    }
    check_sums(&sums, dist)?;

    let elsewhere = tempfile::tempdir()?;
    let archive = dist.join(format!("{name}{}", ending(target)));
    if target.system == System::Windows {
        zip::ZipArchive::new(File::open(&archive)?)?.extract(elsewhere.path())?;
    } else {
        command::run(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(elsewhere.path()))?;
    }
    let folder = elsewhere.path().join(name);
    check_sums(&folder.join("SHA256SUMS"), &folder)?;
    check_materials(&folder)?;
    try_program(target, &folder.join("bin"), elsewhere.path())?;
    try_plugin(target, &folder.join("plugins").join(format!("{}.vst3", plugin_name())), elsewhere.path())?;
    println!("dist: the archive works in an empty folder");

    for path in packages(dist)? {
        let root = elsewhere.path().join("installed");
        command::run(Command::new("dpkg-deb").arg("--extract").arg(&path).arg(&root))?;
        try_program(target, &root.join("usr/bin"), elsewhere.path())?;
        try_plugin(
            target,
            &root.join("usr/lib/vst3").join(format!("{}.vst3", plugin_name())),
            elsewhere.path(),
        )?;
        println!("dist: {} works after unpacking", path.display());
    }
    let setup = dist.join(format!("{name}-setup.exe"));
    if setup.is_file() && target == Target::WINDOWS {
        installed::run(&setup)?;
        println!("dist: {} installs, works, and goes without a trace", setup.display());
    }
    Ok(())
}

/// Debian packages in a folder.
fn packages(dist: &Path) -> Result<Vec<std::path::PathBuf>> {
    let entries = fs::read_dir(dist).with_context(|| format!("cannot read {}", dist.display()))?;
    let mut packages: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    packages.retain(|path| path.extension().is_some_and(|ending| ending == "deb"));
    Ok(packages)
}

/// Compares files with a list in the form of `sha256sum`.
fn check_sums(list: &Path, base: &Path) -> Result<()> {
    let text = fs::read_to_string(list).with_context(|| format!("cannot read {}", list.display()))?;
    if text.is_empty() {
        bail!("{} is empty", list.display());
    }
    for line in text.lines() {
        let (sum, name) = line.split_once("  ").context("a line of the checksums has no name")?;
        if sha256(&base.join(name))? != sum {
            bail!("{name} does not match its checksum in {}", list.display());
        }
    }
    Ok(())
}

/// Checks that the bill of materials names each network with its hash, and that all third-party licences are included.
fn check_materials(folder: &Path) -> Result<()> {
    let materials: Value = serde_json::from_str(&fs::read_to_string(folder.join("sbom.cdx.json"))?)
        .context("the bill of materials is not JSON")?;
    let components = materials["components"].as_array().context("the bill of materials has no components")?;
    let models = folder.join("models/resonant");
    for file in super::files_of(&models)? {
        if file.extension().is_some_and(|ending| ending == "onnx") {
            let sum = sha256(&file)?;
            if !components.iter().any(|component| component["hashes"][0]["content"] == sum.as_str()) {
                bail!("the bill of materials lacks {}", file.display());
            }
        }
    }
    let licences = fs::read_to_string(folder.join("THIRD-PARTY-LICENCES.txt"))?;
    for component in components.iter().filter(|component| !component["purl"].is_null()) {
        let name = component["name"].as_str().unwrap_or_default();
        if name != "onnxruntime" && !licences.contains(&format!("{name} ")) {
            bail!("the licences lack {name}");
        }
    }
    Ok(())
}

/// A command that can find nothing of ours except what is beside it.
fn alone(mut command: Command, home: &Path) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RESONANTGEN_") {
            command.env_remove(name);
        }
    }
    // With a display but no window manager, DawDreamer's `load_state` fails with an X error.
    command.env_remove("DISPLAY").env_remove("XDG_DATA_HOME").env("HOME", home).current_dir(home);
    command
}

/// Generates with the program in a folder.
fn try_program(target: Target, bin: &Path, elsewhere: &Path) -> Result<()> {
    let program = bin.join(target.system.program("resonantgen"));
    let out = tempfile::tempdir_in(elsewhere)?;
    let run = |words: &[&str]| {
        let command = if target == Target::WINDOWS {
            let mut wine = wine::wine(&windows::prefix());
            wine.arg(&program).env_remove("DISPLAY");
            wine
        } else {
            Command::new(&program)
        };
        let mut command = alone(command, elsewhere);
        let line = command::line(command.args(words));
        match command::within(&mut command, LIMIT)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("`{line}` failed ({status})"),
            None => bail!("`{line}` did not end within {} s", LIMIT.as_secs()),
        }
    };
    run(&["doctor"])?;
    let folder = out.path().join("loop");
    let folder_name = if target == Target::WINDOWS { wine::path(&folder) } else { folder.clone() }
        .to_string_lossy()
        .into_owned();
    run(&["generate", "dark techno", "--bars", "2", "--seed", "7", "--out", &folder_name])?;
    for stem in ["drums.wav", "bass.wav", "harmony.wav", "melody.wav", "mix.wav"] {
        if fs::metadata(folder.join(stem)).map_or(0, |file| file.len()) < STEM_BYTES {
            bail!("the packed program made no {stem}");
        }
    }
    Ok(())
}

/// Plays the VST3 in hosts. Only Linux has them; the tests play it under Wine.
fn try_plugin(target: Target, vst3: &Path, elsewhere: &Path) -> Result<()> {
    if target.system != System::Linux {
        return Ok(());
    }
    let python = python::ensure()?;
    for (script, wants_folder) in HOSTS {
        let work = tempfile::tempdir_in(elsewhere)?;
        let mut host = alone(Command::new(&python), elsewhere);
        host.arg(crate::root().join("tests/hosts").join(script)).arg(vst3);
        if *wants_folder {
            host.arg(work.path());
        }
        command::run(&mut host)?;
    }
    Ok(())
}
