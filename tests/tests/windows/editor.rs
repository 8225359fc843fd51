//! The editor in a host's window, on a screen.

use resonantgen_tests::editor::{GENERATE, SIZE, is_idle, lane};
use resonantgen_tests::root;
use resonantgen_tests::screen::{Picture, Screen, wait_for};
use resonantgen_tests::wine::{Windows, compile, path};

#[test]
fn the_editor_is_drawn_in_a_hosts_window_as_on_linux_and_makes_music() {
    /// Share of pixels that may differ: one hint differs, and a host's window has other defaults.
    const TOLERANCE: f64 = 0.03;
    let Some(windows) = Windows::find() else { return };
    let screen = Screen::open(1_200, 800);
    let folder = tempfile::tempdir().expect("room");
    let headers = ["-I", env!("RESONANTGEN_CLAP_HEADERS")];
    let host = compile(folder.path(), "clap_window.c", &headers);
    let mut command = windows.command(&host, &[&path(&windows.plugins.join("ResonantGen.clap"))]);
    let mut program = screen.start(command.env("RESONANTGEN_CONFIG", path(folder.path())));
    let window = screen.window("ResonantGen host");
    // Under Wine, OpenGL draws into an off-screen window.
    let mut wait_to_see = |what: &str, is_so: &dyn Fn(&Picture) -> bool| {
        wait_for(what, || {
            assert!(program.is_running(), "the host has ended");
            let pictures = screen.windows().into_iter().map(|inner| screen.look_into(inner));
            let mut editors = pictures.filter(|picture| (picture.width, picture.height) == SIZE);
            editors.find(is_so)
        })
    };
    let picture = wait_to_see("the editor's picture", &is_idle);
    let golden = Picture::read(&root().join("tests/golden/editor/first_run.png"));
    let difference = golden.difference(&picture);
    if difference > TOLERANCE {
        let seen = std::env::temp_dir().join("resonantgen-windows.png");
        picture.write(&seen);
        panic!("{difference:.4} of the pixels differ from those on Linux: {}", seen.display());
    }
    // A click starts a generation, and four stems appear.
    screen.click(window, GENERATE);
    wait_to_see("the music", &|now| {
        let has_music = |track| lane(now, track).difference(&lane(&picture, track)) > 0.04;
        is_idle(now) && (0..4).all(has_music)
    });
}
