//! The VST3 in two hosts from PyPI, DawDreamer (all buses, transport, state) and pedalboard (main bus only, no
//! transport), and in Ardour 7 (mixer, automation, recording, project, export). `cargo xtask test` names the bundles in
//! `RESONANTGEN_PLUGINS` and the hosts' Python in `RESONANTGEN_PYTHON`; without them, or with `RESONANTGEN_NO_HOSTS`, these
//! tests pass without doing anything.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Ardour 7's interpreter of scripts. Newer ones are called otherwise, and the script was not tried with them.
const ARDOUR: &str = "/usr/bin/ardour7-lua";

/// A screen that is not there.
const NO_SCREEN: &str = ":4242";

/// Runs a script of `tests/hosts` on the VST3.
fn run(script: &str, arguments: &[&std::ffi::OsStr]) {
    if std::env::var_os("RESONANTGEN_NO_HOSTS").is_some() {
        return;
    }
    let (Some(plugins), Some(python)) =
        (std::env::var_os("RESONANTGEN_PLUGINS"), std::env::var_os("RESONANTGEN_PYTHON"))
    else {
        return;
    };
    let output = Command::new(python)
        .arg(resonantgen_tests::root().join("tests").join("hosts").join(script))
        .arg(PathBuf::from(plugins).join("ResonantGen.vst3"))
        .args(arguments)
        // On a screen without a window manager, DawDreamer's `load_state` ends with an X error, and where none is named it
        // looks for `:0`.
        .env("DISPLAY", NO_SCREEN)
        .output()
        .expect("Python starts");
    assert!(
        output.status.success(),
        "{script}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn daw_dreamer_hears_four_stems_on_five_buses() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    run("daw_dreamer.py", &[folder.path().as_os_str()]);
}

#[test]
fn pedalboard_hears_the_mix_on_the_main_bus() {
    run("pedal_board.py", &[]);
}

#[test]
fn ardour_records_four_stems_and_renders_the_opened_project_as_they_were() {
    if !Path::new(ARDOUR).is_file() {
        eprintln!("not tested in Ardour: this system has no version 7 of it");
        return;
    }
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    run("ardour.py", &[folder.path().as_os_str()]);
}
