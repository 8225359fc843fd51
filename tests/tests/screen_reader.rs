//! The editor as a screen reader finds it: AT-SPI on a message bus of its own, asked by a program that nobody here wrote (Atspi).
#![cfg(target_os = "linux")]

use std::process::{Command, Output};

use resonantgen_tests::editor::{DRUMS, DRUMS_LOCK_EDGE, Editor};
use resonantgen_tests::needs::standalone;
use resonantgen_tests::root;
use resonantgen_tests::screen::{Screen, is_near};

/// The application's name on the bus.
const APPLICATION: &str = "resonantgen-standalone";
/// The Python for which the system's packages are.
const PYTHON: &str = "/usr/bin/python3";

fn ask(screen: &Screen, words: &[&str]) -> Output {
    let mut command = Command::new(PYTHON);
    command.arg(root().join("tests/hosts/screen_reader.py")).args(words);
    screen.prepare(&mut command);
    command.output().expect("there is a Python: cargo xtask setup installs what it needs")
}

#[test]
fn a_screen_reader_finds_the_controls_and_presses_them() {
    let Some(standalone) = standalone() else { return };
    let mut screen = Screen::open(1_200, 800);
    screen.assist();
    let mut editor = Editor::start(&screen, &standalone, None);
    let listed = ask(&screen, &["list", APPLICATION]);
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let has = |role: &str, name: &str| text.lines().any(|line| line == format!("{role}\t{name}"));
    for (role, name) in [
        ("frame", "ResonantGen"),
        ("push button", "Generate"),
        ("push button", "Undo"),
        ("toggle button", "Drums Lock"),
        ("slider", "Melody Level"),
        ("slider", "Variation"),
        ("entry", "Prompt"),
    ] {
        assert!(has(role, name), "no {role} '{name}' in:\n{text}");
    }
    // Nothing that can be used is without a name.
    let nameless = text.lines().filter(|line| {
        ["push button", "toggle button", "slider", "check box", "combo box", "entry", "spin button"]
            .iter()
            .any(|role| line.trim_end() == *role)
    });
    assert_eq!(nameless.count(), 0, "{text}");

    let pressed = ask(&screen, &["press", APPLICATION, "Drums Lock"]);
    assert!(pressed.status.success(), "{}", String::from_utf8_lossy(&pressed.stderr));
    screen.wait_to_see(editor.window, "the lock", |picture| is_near(picture.at(DRUMS_LOCK_EDGE), DRUMS));
    assert!(editor.program.is_running());
}
