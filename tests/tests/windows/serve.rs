//! The server under Wine, queried by Linux programs.

use std::path::Path;

use resonantgen_tests::program::{self, assert_output_refused};
use resonantgen_tests::served::Served;
use resonantgen_tests::stem::Stem;
use resonantgen_tests::wine::{Windows, path, press_ctrl_c};

use crate::{MOST_DB, difference_db};

fn begin(windows: &Windows, data: &Path) -> Served {
    let words = ["serve", "--addr", "127.0.0.1:0", "--data", &path(data)];
    Served::begin(windows.command(&windows.program, &words))
}

#[test]
fn the_server_makes_what_linux_makes_and_finds_its_sessions_again() {
    let Some(windows) = Windows::find() else { return };
    let folder = tempfile::tempdir().expect("room");
    let data = folder.path().join("J\u{f6}rg M\u{fc}ller, \u{97f3}\u{697d}");
    let mut server = begin(&windows, &data);
    let (status, page) = server.bytes("GET", "/", None);
    assert!(status == 200 && page.starts_with(b"<!"), "{status}: {}", String::from_utf8_lossy(&page));

    let [here, there] = ["linux", "windows"].map(|name| folder.path().join(name));
    let words = ["--bars", "1", "--bpm", "200", "--seed", "7", "--tracks", "drums,bass"];
    let out = |place: &Path| place.to_str().expect("a plain path").to_owned();
    let _ = program::json(&[&["generate", "jazz", "--out", &out(&here)], &words[..]].concat());
    let elsewhere = ["--server", &server.address];
    let _ = program::json(&[&["generate", "jazz", "--out", &out(&there)], &words[..], &elsewhere].concat());
    for name in ["drums.mid", "bass.mid"] {
        let score = |place: &Path| std::fs::read(place.join(name)).expect("a score");
        assert!(score(&here) == score(&there), "{name} differs");
    }
    for name in ["drums.wav", "bass.wav", "mix.wav"] {
        let difference = difference_db(&Stem::read(&here.join(name)), &Stem::read(&there.join(name)));
        assert!(difference <= MOST_DB, "{name} differs by {difference} dB");
    }

    let session = server.new_session();
    let end = server.wait(&server.request_drums(&session, 1), &["queued", "running"]);
    assert_eq!(end["state"], "done", "{end}");
    let sound = server.sound(&session, 0);
    let second = windows.run(&["serve", "--addr", "127.0.0.1:0", "--data", &path(&data)]);
    assert_output_refused(&second, "a second server in the same folder", 1, "another");
    press_ctrl_c(server.id());
    assert_eq!(server.wait_for_end(), Some(0));

    let server = begin(&windows, &data);
    assert!(server.sound(&session, 0) == sound, "what was made before is another");
}
