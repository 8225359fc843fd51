//! `resonantgen serve` as a process: killed at any moment, with a disk that fails, used by the command line and by a
//! browser. The models are the shipped ones; pieces are one bar long.

use std::fs;
use std::path::Path;
use std::process::Command;

use resonantgen_tests::served::{Served, text};
use resonantgen_tests::skip::skip;
use resonantgen_tests::{needs, program, root};
use serde_json::{Value, json};

#[test]
fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    let folder = tempfile::tempdir().expect("there is room");
    let mut server = Served::start(folder.path());
    let session = server.new_session();
    let mut asked: Vec<String> = Vec::new();
    for round in 0..4_u32 {
        let jobs: Vec<String> =
            (0..3).map(|seed| server.request_drums(&session, 10 * round + seed)).collect();
        // Killed while idle, while working, right after the first job ends, and during the second.
        match round {
            0 => {}
            1 => drop(server.wait(&jobs[0], &["queued"])),
            2 => drop(server.wait(&jobs[0], &["queued", "running"])),
            _ => drop(server.wait(&jobs[1], &["queued"])),
        }
        let done_before: Vec<Value> = jobs.iter().map(|job| server.get(&format!("/v1/jobs/{job}"))).collect();
        server.kill();
        server = Served::start(folder.path());
        for (job, before) in jobs.iter().zip(&done_before) {
            let end = server.wait(job, &["queued", "running"]);
            let state = text(&end["state"]);
            assert!(["done", "interrupted"].contains(&state.as_str()), "{end}");
            if before["state"] == "done" {
                assert_eq!(state, "done", "a job that was told as done is so for ever");
            }
            if state == "interrupted" {
                assert!(text(&end["error"]).contains("try again"));
            }
        }
        asked.extend(jobs);
        let view = server.get(&format!("/v1/sessions/{session}"));
        let takes: Vec<String> = view["tracks"][0]["takes"]
            .as_array()
            .expect("a track has takes")
            .iter()
            .map(|take| text(&take["id"]))
            .collect();
        for job in &asked {
            let end = server.get(&format!("/v1/jobs/{job}"));
            for take in end["takes"].as_array().expect("a job has takes") {
                assert!(takes.contains(&text(take)), "take {take} of a job that is done is gone");
            }
        }
        for take in &takes {
            let (status, sound) =
                server.bytes("GET", &format!("/v1/sessions/{session}/takes/{take}/audio.wav"), None);
            assert_eq!((status, sound.len()), (200, 44 + 6 * 48_000));
        }
    }
    let last = server.wait(&server.request_drums(&session, 99), &["queued", "running"]);
    assert_eq!(last["state"], "done", "{last}");
}

#[test]
fn a_song_is_made_kept_over_a_kill_and_heard() {
    let folder = tempfile::tempdir().expect("there is room");
    let mut server = Served::start(folder.path());
    let session = server.new_session();
    let at = format!("/v1/sessions/{session}");
    let body = json!({ "prompt": "house", "bars": 1, "bpm": 240, "seed": 3 });
    server.make(&format!("{at}/generate"), &body);
    let looped = server.get(&at);
    server.make(&format!("{at}/song"), &json!({ "form": "intro 1 bar, drop 2 bars, outro 1 bar" }));
    let made = server.get(&at);
    server.kill();
    server = Served::start(folder.path());
    let kept = server.get(&at);
    assert_eq!(kept, made);
    assert_eq!(kept["tracks"], looped["tracks"], "the loop is the open section");
    let sections = kept["song"]["sections"].as_array().expect("a song has sections");
    let names: Vec<&str> = sections.iter().filter_map(|section| section["name"].as_str()).collect();
    assert_eq!(names, ["Intro", "Drop", "Outro"]);
    let (status, sound) = server.bytes("GET", &format!("{at}/song.wav"), None);
    // Four one-second bars and a three-second tail; then the sections' names.
    assert!(status == 200 && sound.len() > 44 + 6 * 7 * 48_000, "{status}: {} bytes", sound.len());
    let wav = hound::WavReader::new(sound.as_slice()).expect("a WAV file");
    assert_eq!(wav.duration(), 7 * 48_000);
}

/// Tracks in the order of a session's view.
const DRUMS: usize = 0;
const BASS: usize = 1;

#[test]
fn what_is_locked_or_imported_stays_to_the_bit_whatever_is_asked_for() {
    let folder = tempfile::tempdir().expect("there is room");
    let server = Served::start(folder.path());
    let session = server.new_session();
    let at = format!("/v1/sessions/{session}");
    let piece = json!({ "prompt": "techno", "bars": 1, "bpm": 240, "tracks": ["drums", "bass"], "seed": 1 });
    server.make(&format!("{at}/generate"), &piece);
    let drums = server.sound(&session, DRUMS);
    let bass = server.sound(&session, BASS);
    assert_eq!(server.json("PUT", &format!("{at}/tracks/drums/lock"), None).0, 200);

    let other = json!({
        "prompt": "slow jazz in F minor", "bars": 2, "seed": 99, "tracks": ["drums", "bass"], "variation": 1.0
    });
    server.make(&format!("{at}/generate"), &other);
    assert!(server.sound(&session, DRUMS) == drums, "a locked track has changed");
    let view = server.get(&at);
    assert_eq!(
        (&view["plan"]["bars"], &view["plan"]["bpm"]),
        (&json!(1), &json!(240.0)),
        "the drums bind the grid"
    );
    assert_eq!(view["plan"]["key"], "F minor");
    assert_ne!(server.sound(&session, BASS).0, bass.0, "the bass was not made again");
    let (status, refusal) = server.json("POST", &format!("{at}/tracks/drums/regenerate"), None);
    assert_eq!(status, 409);
    assert!(text(&refusal["detail"]).contains("drums is locked"), "{refusal}");

    // The first bass, imported as the user's own loop into another session.
    let guest = server.new_session();
    let place = format!("/v1/sessions/{guest}/tracks/bass/import?name=mine.wav&bpm=240&bars=1&start=0");
    let (status, view) = server.send("POST", &place, "application/octet-stream", &bass.1);
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&view));
    let imported = server.sound(&guest, BASS);
    let around = json!({ "prompt": "techno", "seed": 5, "tracks": ["drums", "bass"] });
    server.make(&format!("/v1/sessions/{guest}/generate"), &around);
    assert!(server.sound(&guest, BASS) == imported, "the loop has changed");
    assert_eq!(server.sound(&guest, DRUMS).1.len(), imported.1.len(), "the drums are as long as the loop");
    assert_eq!(server.get(&format!("/v1/sessions/{guest}"))["tracks"][BASS]["locked"], true);
}

/// A shell that limits files to this many 512-byte blocks and reports the limit to the program as an error.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_without_room_costs_the_job_and_not_the_server() {
    let folder = tempfile::tempdir().expect("there is room");
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" serve --addr 127.0.0.1:0 --data \"$1\""])
        .arg(program::path())
        .arg(folder.path())
        .current_dir(root());
    let mut server = Served::begin(command);
    let session = server.new_session();
    let end = server.wait(&server.request_drums(&session, 1), &["queued", "running"]);
    assert_eq!(end["state"], "failed", "{end}");
    assert!(text(&end["error"]).contains("make room"), "{end}");
    assert!(server.get(&format!("/v1/sessions/{session}"))["plan"].is_null());
    server.kill();
    let server = Served::start(folder.path());
    let end = server.wait(&server.request_drums(&session, 1), &["queued", "running"]);
    assert_eq!(end["state"], "done", "{end}");
}

#[test]
fn a_server_makes_the_same_files_to_the_bit() {
    let folder = tempfile::tempdir().expect("there is room");
    let server = Served::start(&folder.path().join("data"));
    let out = |name: &str| folder.path().join(name).to_str().expect("a plain name").to_owned();
    let (here, there) = (out("here"), out("there"));
    let words = ["--bars", "1", "--bpm", "200", "--seed", "7", "--tracks", "drums,bass"];
    let _ = program::json(&[&["generate", "jazz", "--out", &here], &words[..]].concat());
    let elsewhere = ["--server", &server.address];
    let _ = program::json(&[&["generate", "jazz", "--out", &there], &words[..], &elsewhere].concat());
    for name in ["drums.wav", "bass.wav", "mix.wav", "drums.mid", "bass.mid"] {
        let read = |folder: &str| fs::read(Path::new(folder).join(name)).expect("it was written");
        assert!(read(&here) == read(&there), "{name} differs");
    }
    let nobody = ["generate", "jazz", "--out", &out("nowhere"), "--server", "127.0.0.1:9"];
    program::assert_refused(&nobody, 1, "does not answer");
    program::assert_refused(&["serve", "--addr", "0.0.0.0:0"], 2, "a token is needed");
    program::assert_refused(&["serve", "--token", "short"], 2, "at least 16");
}

#[test]
fn a_data_folder_with_blanks_and_letters_of_any_language_is_opened_again() {
    let folder = tempfile::tempdir().expect("there is room");
    let data =
        folder.path().join("J\u{f6}rg M\u{fc}ller, \u{97f3}\u{697d} \u{438} \u{437}\u{432}\u{443}\u{43a}");
    let mut server = Served::start(&data);
    let session = server.new_session();
    let end = server.wait(&server.request_drums(&session, 1), &["queued", "running"]);
    assert_eq!(end["state"], "done", "{end}");
    server.kill();
    // A starting server replaces the journal, also the second time.
    for _ in 0..2 {
        let mut server = Served::start(&data);
        assert!(server.get(&format!("/v1/sessions/{session}"))["plan"].is_object());
        server.kill();
    }
}

/// A browser to open the page in.
fn browser() -> Option<String> {
    let named = std::env::var("RESONANTGEN_BROWSER").ok();
    let found =
        |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|it| it.status.success());
    named
        .or_else(|| ["chromium", "chromium-browser", "google-chrome"].into_iter().find(found).map(Into::into))
}

#[test]
fn a_person_uses_the_page() {
    let Some(python) = needs::python() else { return };
    let Some(browser) = browser() else {
        skip(
            "there is no Chromium: run `cargo xtask setup --tests` (Debian: apt-get install chromium), or name one in \
             RESONANTGEN_BROWSER",
        );
        return;
    };
    let folder = tempfile::tempdir().expect("there is room");
    let server = Served::start(&folder.path().join("data"));
    let output = Command::new(python)
        .arg(root().join("tests").join("hosts").join("browser.py"))
        .arg(browser)
        .arg(format!("http://{}/", server.address))
        .arg(folder.path())
        .output()
        .expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(folder.path().join("page.png").is_file());
}
