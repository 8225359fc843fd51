//! Exports and sounds over real connections, with fake takes.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::{Cursor, Read};

use resonantgen_server::serve::Limits;
use resonantgen_server::wire::{JobKind, JobState, SessionView};
use serde_json::{Value, json};
use support::Running;

fn running(folder: &tempfile::TempDir) -> (Running, String) {
    let server = Running::start(folder.path(), Limits::default(), None);
    let id = server.new_session();
    let made = server.end_of(&server.generate(&id, "dark techno").expect(202).job());
    assert_eq!(made.state, JobState::Done, "{:?}", made.error);
    (server, format!("/v1/sessions/{id}"))
}

/// Names and contents of an archive's files.
fn unpacked(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let files = 0..archive.len();
    let mut file = |index: usize| {
        let mut file = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        (file.name().to_owned(), bytes)
    };
    files.map(&mut file).collect()
}

fn count(files: &[(String, Vec<u8>)], end: &str) -> usize {
    files.iter().filter(|(name, _)| name.ends_with(end)).count()
}

#[test]
fn a_session_is_exported_for_daws_with_a_licence_note() {
    let folder = tempfile::tempdir().unwrap();
    let (server, at) = running(&folder);
    let get = |name: &str| server.get(&format!("{at}/{name}")).expect(200);

    let project = get("project.dawproject");
    assert_eq!(project.field("content-type"), Some("application/zip"));
    let files = unpacked(&project.body);
    assert!(files.iter().any(|(name, _)| name == "project.xml"));
    assert_eq!(count(&files, ".wav"), 4);

    for (name, kind) in [("reaper.zip", ".rpp"), ("live.zip", ".als")] {
        let files = unpacked(&get(name).body);
        assert_eq!((count(&files, kind), count(&files, ".wav"), count(&files, ".txt")), (1, 4, 1), "{name}");
    }
    let files = unpacked(&get("reaper.zip").body);
    let (_, text) = files.iter().find(|(name, _)| name.ends_with(".rpp")).unwrap();
    let text = String::from_utf8_lossy(text);
    for (name, _) in files.iter().filter(|(name, _)| name.ends_with(".wav")) {
        assert!(text.contains(name), "{name} is missing in the project");
    }

    let all = unpacked(&get("export.zip").body);
    assert_eq!((count(&all, ".wav"), count(&all, ".mid"), count(&all, ".txt")), (5, 5, 1));
    for (name, kind, other) in [("wav.zip", ".wav", ".mid"), ("midi.zip", ".mid", ".wav")] {
        let files = unpacked(&get(name).body);
        assert_eq!((count(&files, kind), count(&files, other), count(&files, ".txt")), (5, 0, 1), "{name}");
        assert!(files.iter().all(|file| all.contains(file)), "{name} has other files");
    }
    let (_, bass) = all.iter().find(|(name, _)| name.contains("_bass_") && name.ends_with(".wav")).unwrap();
    assert_eq!(hound::WavReader::new(bass.as_slice()).unwrap().spec().bits_per_sample, 24);

    // Downloads can be resumed, and are not sent again when nothing has changed.
    let whole = get("wav.zip");
    let etag = whole.field("etag").unwrap().to_owned();
    let path = format!("{at}/wav.zip");
    let part = server.request("GET", &path, &[("Range", "bytes=2-9")], b"").expect(206);
    assert_eq!(part.body, whole.body[2..10]);
    server.request("GET", &path, &[("If-None-Match", &etag)], b"").expect(304);
    let job = server.json("POST", &format!("{at}/tracks/bass/regenerate"), &json!({})).expect(202).job();
    assert_eq!(server.end_of(&job).state, JobState::Done);
    server.request("GET", &path, &[("If-None-Match", &etag)], b"").expect(200);

    server.stop();
    let left = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with(".upload-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_cannot_be_exported_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), Limits::default(), None);
    let at = format!("/v1/sessions/{}", server.new_session());
    for name in ["project.dawproject", "live.zip", "reaper.zip", "wav.zip", "midi.zip", "export.zip"] {
        let refused = server.get(&format!("{at}/{name}")).expect(404);
        assert!(refused.detail().contains("generate first"), "{name}: {}", refused.detail());
    }
    server.get(&format!("{at}/live.als")).expect(404);
}

fn bass(view: &SessionView) -> (String, String, Option<String>) {
    let track = &view.tracks[1];
    let id = track.take.clone().unwrap();
    let take = track.takes.iter().find(|take| take.id == id).unwrap();
    (id, take.patch.clone(), track.held_sound.clone())
}

fn ids(list: &Value) -> Vec<&str> {
    list["sounds"].as_array().unwrap().iter().map(|sound| sound["id"].as_str().unwrap()).collect()
}

#[test]
fn sounds_are_found_chosen_and_held() {
    let folder = tempfile::tempdir().unwrap();
    let (server, at) = running(&folder);
    let before = server.get(&at).expect(200).session();
    let sounds = format!("{at}/tracks/bass/sounds");
    let all = server.get(&sounds).expect(200).value();
    assert_eq!(ids(&all), ["bass.saw", "bass.sub", "bass.upright"]);
    assert_eq!((all["track"].as_str(), &all["held"]), (Some("bass"), &Value::Null));
    assert_eq!(all["playing"], bass(&before).1);
    assert_eq!(
        ids(&server.get(&format!("{sounds}?words=warm%20woody")).expect(200).value()),
        ["bass.upright"]
    );
    assert!(ids(&server.get(&format!("{sounds}?words=kazoo")).expect(200).value()).is_empty());
    let like = server.get(&format!("{sounds}?like=bass.upright")).expect(200).value();
    assert_eq!(ids(&like), ["bass.sub", "bass.saw"]);

    let set = format!("{at}/tracks/bass/sound");
    let job = server.json("POST", &set, &json!({ "sound": "bass.sub" })).expect(202).job();
    assert_eq!(job.kind, JobKind::Sound);
    let end = server.end_of(&job);
    assert_eq!(end.state, JobState::Done, "{:?}", end.error);
    let after = server.get(&at).expect(200).session();
    let (id, patch, held) = bass(&after);
    assert_eq!((end.takes, patch.as_str(), held), (vec![id.clone()], "bass.sub", None));
    let notes =
        |view: &SessionView, id: &str| view.tracks[1].takes.iter().find(|take| take.id == id).unwrap().notes;
    assert_eq!(notes(&after, &id), notes(&after, &bass(&before).0));
    let midi = |id: &str| server.get(&format!("{at}/takes/{id}/score.mid")).expect(200).body;
    assert!(midi(&id) == midi(&bass(&before).0), "the notes stay to the bit");
    assert_eq!(after.tracks[0], before.tracks[0]);

    let held = server.request("PUT", &format!("{set}/hold"), &[], b"").expect(200).session();
    assert_eq!(bass(&held).2.as_deref(), Some("bass.sub"));
    let job = server.json("POST", &set, &json!({ "sound": "bass.saw", "hold": true })).expect(202).job();
    assert_eq!(server.end_of(&job).state, JobState::Done);
    let both = server.get(&at).expect(200).session();
    assert_eq!((bass(&both).1.as_str(), bass(&both).2.as_deref()), ("bass.saw", Some("bass.saw")));
    let free = server.request("DELETE", &format!("{set}/hold"), &[], b"").expect(200).session();
    assert_eq!(bass(&free).2, None);
}

#[test]
fn sounds_that_cannot_be_had_change_nothing_and_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let (server, at) = running(&folder);
    let (sounds, set) = (format!("{at}/tracks/bass/sounds"), format!("{at}/tracks/bass/sound"));
    server.get(&format!("{sounds}?like=nothing")).expect(404);
    server.get(&format!("{sounds}?like=melody.flute")).expect(404);
    server.get(&format!("{sounds}?like=bass.sub&words=warm")).expect(422);
    server.get(&format!("{sounds}?name=warm")).expect(400);
    for (body, hint) in [
        (json!({ "sound": "melody.flute" }), "melody.flute"),
        (json!({ "sound": "bass.kazoo" }), "`sounds`"),
        (json!({ "patch": "bass.sub" }), "patch"),
    ] {
        let refused = server.json("POST", &set, &body).expect(422);
        assert!(refused.detail().contains(hint), "{body}: {}", refused.detail());
    }
    server.request("PUT", &format!("{at}/tracks/bass/lock"), &[], b"").expect(200);
    let refused = server.json("POST", &set, &json!({ "sound": "bass.sub" })).expect(409);
    assert!(refused.detail().contains("locked"), "{}", refused.detail());
    let empty = format!("/v1/sessions/{}/tracks/bass/sound", server.new_session());
    server.json("POST", &empty, &json!({ "sound": "bass.sub" })).expect(409);
    server.request("PUT", &format!("{empty}/hold"), &[], b"").expect(409);
}

#[test]
fn notes_are_varied_as_a_new_take() {
    let folder = tempfile::tempdir().unwrap();
    let (server, at) = running(&folder);
    let before = server.get(&at).expect(200).session();
    let vary = format!("{at}/tracks/bass/vary");
    let job = server.json("POST", &vary, &json!({ "density": 2 })).expect(202).job();
    assert_eq!(job.kind, JobKind::Vary);
    let end = server.end_of(&job);
    let after = server.get(&at).expect(200).session();
    assert_eq!((end.state, end.takes), (JobState::Done, vec![bass(&after).0]));
    assert_ne!(bass(&after).0, bass(&before).0);
    assert_eq!(bass(&after).1, bass(&before).1, "the sound stays");
    for body in [json!({}), json!({ "fills": 3 }), json!({ "density": 0 }), json!({ "swing": 1 })] {
        server.json("POST", &vary, &body).expect(422);
    }
    server.request("PUT", &format!("{at}/tracks/bass/lock"), &[], b"").expect(200);
    assert!(server.json("POST", &vary, &json!({ "density": 1 })).expect(409).detail().contains("locked"));
    let empty = format!("/v1/sessions/{}/tracks/bass/vary", server.new_session());
    server.json("POST", &empty, &json!({ "density": 1 })).expect(409);
}
