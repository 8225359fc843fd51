//! The VST3 in two hosts from PyPI, DawDreamer (all buses, transport, state) and pedalboard (main bus only, no
//! transport), and in Ardour 7 (mixer, automation, recording, project, export). `cargo xtask test` names the bundles and the
//! hosts' Python; where one is missing, the tests that need it are skipped.

use std::process::Command;

use resonantgen_tests::needs;

/// A screen that is not there.
const NO_SCREEN: &str = ":4242";

/// Runs a script of `tests/hosts` on the VST3.
fn run(script: &str, arguments: &[&std::ffi::OsStr]) {
    let Some(plugins) = needs::plugins() else { return };
    let Some(python) = needs::python() else { return };
    let output = Command::new(python)
        .arg(resonantgen_tests::root().join("tests").join("hosts").join(script))
        .arg(plugins.join("ResonantGen.vst3"))
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
fn daw_dreamer_hears_four_stems_and_the_drums_parts_on_nine_buses() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    run("daw_dreamer.py", &[folder.path().as_os_str()]);
}

#[test]
fn pedalboard_hears_the_mix_on_the_main_bus() {
    run("pedal_board.py", &[]);
}

#[test]
fn ardour_records_four_stems_and_renders_the_opened_project_as_they_were() {
    if !needs::ardour() {
        return;
    }
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    run("ardour.py", &[folder.path().as_os_str()]);
}
