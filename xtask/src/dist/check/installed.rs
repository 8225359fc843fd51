//! Installs with the setup program under Wine, tries what is there, and removes it again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::setup::windows;
use crate::{command, wine};

/// Longest time of one step: unpacking takes longest.
const LIMIT: Duration = Duration::from_secs(400);
/// The exit code of a setup program that found a file in use.
const IN_USE: i32 = 3;
const HOME: &str = "AppData/Local/Programs/ResonantGen";
const VST3: &str = "AppData/Local/Programs/Common/VST3/ResonantGen.vst3";
const CLAP: &str = "AppData/Local/Programs/Common/CLAP/ResonantGen.clap";
const CLAP_RESOURCES: &str = "AppData/Local/Programs/Common/CLAP/ResonantGen.resources";
const VST3_PRESETS: &str = "Documents/VST3 Presets/ResonantGen/ResonantGen";
/// What the user has made with an installed plugin.
const OWN_FILES: [&str; 2] = [
    "AppData/Local/resonantgen/presets/mine.json",
    "Documents/VST3 Presets/ResonantGen/ResonantGen/Mine.vstpreset",
];

/// Installs everything, runs the program, finds a file in use, removes everything, and installs one part alone.
///
/// # Errors
/// Returns an error if something is missing, is left, or does not end in time.
pub fn run(setup: &Path) -> Result<()> {
    let user = user_folder()?;
    // What an interrupted check has left.
    remove(&user)?;
    ensure!(installed(&user).is_empty(), "something is installed already: {:?}", installed(&user));

    install(setup, &["/S"], 0)?;
    for name in [VST3, CLAP, CLAP_RESOURCES, VST3_PRESETS] {
        ensure!(user.join(name).exists(), "the setup program has put no {name}");
    }
    ensure_linked(&user.join(HOME).join("models/resonant"), &user.join(CLAP_RESOURCES).join("bundle"))?;
    for name in ["SHA256SUMS", "sbom.cdx.json", "THIRD-PARTY-LICENCES.txt", "LICENSE-MIT"] {
        ensure!(user.join(HOME).join(name).is_file(), "the setup program has put no {name}");
    }
    let program = user.join(HOME).join("bin/resonantgen.exe");
    let code = exit_code(wine::wine(&windows::prefix()).arg(&program).arg("doctor"))?;
    ensure!(code == 0, "the installed program finds something missing");
    for name in OWN_FILES {
        let path = user.join(name);
        fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
        fs::write(path, "mine")?;
    }

    let before = installed(&user);
    let running = Running::start(&program)?;
    install(setup, &["/S"], IN_USE)?;
    ensure!(installed(&user) == before, "an update that found a file in use has changed something");
    drop(running);
    // An update puts the same files in their places.
    install(setup, &["/S"], 0)?;
    ensure!(installed(&user) == before, "an update has added or removed something");

    remove(&user)?;
    let left = installed(&user);
    ensure!(left.is_empty(), "the uninstaller has left {left:?}");
    for name in OWN_FILES {
        ensure!(user.join(name).is_file(), "the uninstaller has removed the user's {name}");
        fs::remove_file(user.join(name))?;
    }

    install(setup, &["/S", "/ONLY=clap"], 0)?;
    ensure!(
        user.join(CLAP).is_file() && !user.join(VST3).exists() && !program.exists(),
        "only the CLAP was asked for"
    );
    remove(&user)?;
    ensure!(installed(&user).is_empty(), "the uninstaller has left something");
    wine::stop(&windows::prefix());
    Ok(())
}

/// The user's folder in the prefix.
fn user_folder() -> Result<PathBuf> {
    let users = windows::prefix().join("drive_c/users");
    let entries = fs::read_dir(&users).with_context(|| format!("cannot read {}", users.display()))?;
    let mut folders = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let own = folders.find(|path| path.is_dir() && !path.ends_with("Public"));
    own.with_context(|| format!("there is no user in {}", users.display()))
}

/// All files of ours, but none of the user's.
fn installed(user: &Path) -> Vec<PathBuf> {
    let places = [HOME, VST3, CLAP, CLAP_RESOURCES, VST3_PRESETS].map(|name| user.join(name));
    let own = OWN_FILES.map(|name| user.join(name));
    let mut files = Vec::new();
    for place in places {
        if place.is_file() {
            files.push(place);
        } else if place.is_dir() {
            // A folder without files is a trace as well.
            files.push(place.clone());
            files.extend(super::super::files_of(&place).unwrap_or_default());
        }
    }
    files.retain(|path| !own.contains(path));
    // The folder of the presets stays for the user's.
    files.retain(|path| !(path.ends_with(VST3_PRESETS) && own[1].is_file()));
    files
}

/// Checks that the models take up space only once.
fn ensure_linked(one: &Path, other: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let name = "manifest.json";
        let file = |folder: &Path| fs::metadata(folder.join(name)).map(|file| file.ino());
        ensure!(
            file(one)? == file(other)?,
            "{} was copied to {}, not linked",
            one.display(),
            other.display()
        );
    }
    let _ = (one, other);
    Ok(())
}

fn install(setup: &Path, flags: &[&str], expected: i32) -> Result<()> {
    let code = exit_code(wine::wine(&windows::prefix()).arg(setup).args(flags))?;
    ensure!(code == expected, "{} {flags:?} ended with {code}, not {expected}", setup.display());
    Ok(())
}

/// Runs the uninstaller, if something is installed.
fn remove(user: &Path) -> Result<()> {
    let home = user.join(HOME);
    let uninstaller = home.join("uninstall.exe");
    if !uninstaller.is_file() {
        return Ok(());
    }
    // Runs in place, so that its end can be waited for. It cannot then remove itself.
    let place = format!("_?={}", wine::path(&home).display());
    let code = exit_code(wine::wine(&windows::prefix()).arg(&uninstaller).args(["/S", &place]))?;
    ensure!(code == 0, "the uninstaller ended with {code}");
    fs::remove_file(&uninstaller)?;
    let _ = fs::remove_dir(&home);
    Ok(())
}

fn exit_code(command: &mut std::process::Command) -> Result<i32> {
    command.env_remove("DISPLAY").stdin(Stdio::null());
    let line = command::line(command);
    match command::within(command, LIMIT)? {
        Some(status) => Ok(status.code().unwrap_or(-1)),
        None => {
            wine::stop(&windows::prefix());
            bail!("`{line}` did not end within {} s", LIMIT.as_secs())
        }
    }
}

/// The installed program at work; ended when it is dropped.
struct Running(Child);

impl Running {
    fn start(program: &Path) -> Result<Self> {
        let mut serve = wine::wine(&windows::prefix());
        serve.arg(program).args(["serve", "--addr", "127.0.0.1:0"]).env_remove("DISPLAY");
        let mut child = serve.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let output = child.stdout.take().context("its output is piped")?;
        let (told, heard) = std::sync::mpsc::channel();
        // It prints its address when it listens.
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line);
            let _ = told.send(line);
        });
        let running = Self(child);
        let line = heard.recv_timeout(LIMIT).unwrap_or_default();
        ensure!(line.contains("http"), "the installed server does not start: {line:?}");
        Ok(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
