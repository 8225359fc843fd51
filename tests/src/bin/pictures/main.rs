//! Takes the README's pictures from a running editor. `cargo xtask pictures` builds the standalone, names it in
//! `RESONANTGEN_STANDALONE`, and passes the folder for the pictures as an argument. Linux only.
#![allow(clippy::print_stdout, reason = "a chore talks to the person who runs it")]

#[cfg(target_os = "linux")]
mod film;

#[cfg(target_os = "linux")]
fn main() {
    use std::path::PathBuf;

    let standalone = std::env::var_os("RESONANTGEN_STANDALONE").map(PathBuf::from);
    let standalone = standalone.expect("RESONANTGEN_STANDALONE names the standalone");
    let folder =
        std::env::args_os().nth(1).map(PathBuf::from).expect("the folder of the pictures as an argument");
    for path in
        [scenes::screenshot(&standalone, &folder), scenes::generate_lock_regenerate(&standalone, &folder)]
    {
        let bytes = std::fs::metadata(&path).expect("it was just written").len();
        println!("{}: {} KB", path.display(), bytes / 1000);
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("Pictures are taken on Linux, where a screen can be started for it.");
    std::process::exit(1);
}

#[cfg(target_os = "linux")]
mod scenes {
    use std::path::{Path, PathBuf};

    use resonantgen_tests::editor::{
        BASS, BASS_AGAIN, DRUMS, DRUMS_LOCK, DRUMS_LOCK_EDGE, Editor, GENERATE, Place, is_idle, lane,
    };
    use resonantgen_tests::screen::{Picture, Screen, is_near};

    use crate::film::Film;

    /// A place where the pointer highlights nothing.
    const AWAY: Place = (900, 135);
    /// Minimum change of a lane with another take; the playhead changes less.
    const OTHER: f64 = 0.04;

    /// An editor after generating the example prompt.
    fn generated(screen: &Screen, standalone: &Path) -> Editor {
        let editor = Editor::start(screen, standalone, None);
        let empty = screen.look(editor.window);
        screen.click(editor.window, GENERATE);
        screen.wait_to_see(editor.window, "the music", |picture| is_full(picture, &empty));
        editor
    }

    fn is_full(picture: &Picture, empty: &Picture) -> bool {
        is_idle(picture) && (0..4).all(|track| lane(picture, track).difference(&lane(empty, track)) > OTHER)
    }

    fn is_locked(picture: &Picture) -> bool {
        is_near(picture.at(DRUMS_LOCK_EDGE), DRUMS)
    }

    /// Four takes, the drums locked, the bass regenerated.
    pub fn screenshot(standalone: &Path, folder: &Path) -> PathBuf {
        let screen = Screen::open(1_200, 800);
        let editor = generated(&screen, standalone);
        let window = editor.window;
        screen.click(window, DRUMS_LOCK);
        let first = screen.wait_to_see(window, "the lock", is_locked);
        screen.click(window, BASS_AGAIN);
        screen.wait_to_see(window, "another bass", |picture| {
            is_idle(picture) && lane(picture, BASS).difference(&lane(&first, BASS)) > OTHER
        });
        screen.point(window, AWAY);
        let seen = screen.look(window);
        let path = folder.join("screenshot.png");
        // One redraw later, so that nothing is highlighted any more.
        screen.wait_to_see(window, "the next drawing", |picture| *picture != seen).write(&path);
        path
    }

    /// Generates, locks the drums, regenerates the bass: a typical first minute.
    pub fn generate_lock_regenerate(standalone: &Path, folder: &Path) -> PathBuf {
        let screen = Screen::open(1_200, 800);
        let editor = Editor::start(&screen, standalone, None);
        let window = editor.window;
        let empty = screen.look(window);
        let mut film = Film::new(&screen, window, AWAY);
        film.hold(1_200);
        film.click(GENERATE);
        film.follow("the music", |picture| is_full(picture, &empty));
        film.hold(1_600);
        film.click(DRUMS_LOCK);
        film.follow("the lock", is_locked);
        film.hold(900);
        let first = screen.look(window);
        film.click(BASS_AGAIN);
        film.follow("another bass", |picture| {
            is_idle(picture) && lane(picture, BASS).difference(&lane(&first, BASS)) > OTHER
        });
        film.hold(2_600);
        let path = folder.join("first-minute.png");
        film.write(&path);
        path
    }
}
