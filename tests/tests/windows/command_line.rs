//! The command line end to end: the same commands on both systems.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use resonantgen_tests::stem::Stem;
use resonantgen_tests::wine::{Windows, path, press_ctrl_c};
use resonantgen_tests::{program, root};

use crate::{MOST_DB, difference_db};

/// Generates a piece, locks a track, regenerates another, imports a loop, and exports everything; `run` runs a command and `name`
/// returns a path for it.
fn work(folder: &Path, run: &dyn Fn(&[&str]), name: &dyn Fn(&Path) -> String) {
    let piece = name(&folder.join("Mein St\u{fc}ck, \u{97f3}\u{697d}"));
    let exports = name(&folder.join("exports"));
    let beat = name(&root().join("tests/golden/import/beat.wav"));
    let melody = ["--track", "melody", "--bpm", "125"];
    run(&["generate", "dark techno", "--out", &piece, "--bars", "1", "--seed", "7", "--bpm", "125"]);
    run(&["lock", &piece, "drums"]);
    run(&["regenerate", &piece, "--track", "bass", "--seed", "8"]);
    run(&[&["import", &piece, &beat], &melody[..]].concat());
    run(&["export", &piece, "--out", &exports]);
    run(&["export", &piece, "--out", &exports, "--format", "dawproject"]);
    run(&["show", &piece]);
}

#[test]
fn the_same_commands_make_the_same_files_as_on_linux() {
    let Some(windows) = Windows::find() else { return };
    let folder = tempfile::tempdir().expect("room");
    let [here, there] = ["linux", "windows"].map(|name| folder.path().join(name));
    windows.succeed(&["doctor"]);
    work(&there, &|words| windows.succeed(words), &path);
    let on_linux = |words: &[&str]| {
        let output = program::run(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    work(&here, &on_linux, &|place| place.to_str().expect("a plain path").to_owned());

    let [own, others] = [&here, &there].map(|place| program::files(place));
    let names = |files: &[(PathBuf, Vec<u8>)]| files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&own), names(&others));
    let is = |path: &Path, ending: &str| path.extension().is_some_and(|found| found == ending);
    for ((name, own), (_, other)) in own.iter().zip(&others).filter(|((name, _), _)| is(name, "mid")) {
        assert!(own == other, "{} differs", name.display());
    }
    let stems: Vec<_> = own.iter().map(|(name, _)| name).filter(|name| is(name, "wav")).collect();
    // Stems and mix, in the session and exported.
    assert!(stems.len() >= 10, "{stems:?}");
    for name in stems {
        let difference = difference_db(&Stem::read(&here.join(name)), &Stem::read(&there.join(name)));
        assert!(difference <= MOST_DB, "{} differs by {difference} dB", name.display());
    }
}

#[test]
fn ctrl_c_leaves_the_folder_as_it_was() {
    const CANCELLED: i32 = 130;
    let Some(windows) = Windows::find() else { return };
    let folder = tempfile::tempdir().expect("room");
    let out = folder.path().join("piece");
    let words = ["generate", "long cinematic piece", "--bars", "16", "--out", &path(&out)];
    let mut runner = windows
        .command(&windows.program, &words)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Wine starts");
    let mut errors = BufReader::new(runner.stderr.take().expect("it is piped")).lines();
    // The first stage reports when it is done.
    let told = errors.find(|line| line.as_ref().is_ok_and(|line| line.trim_end().ends_with(" s")));
    assert!(told.is_some(), "it ended before its first stage");
    press_ctrl_c(runner.id());
    let rest: Vec<String> = errors.map_while(Result::ok).collect();
    assert_eq!(runner.wait().expect("it ends").code(), Some(CANCELLED), "{rest:#?}");
    let left: Vec<_> = program::files(&out).into_iter().map(|(path, _)| path).collect();
    assert_eq!(left, [Path::new(".resonantgen.lock")], "the lock stays, and nothing else");
}
