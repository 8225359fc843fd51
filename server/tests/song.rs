//! Songs over real connections, with fake takes: made, looked at, changed, regenerated, heard.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::BTreeSet;

use resonantgen_server::serve::Limits;
use resonantgen_server::wire::{JobKind, JobState, SessionView};
use serde_json::json;
use support::Running;

fn running(folder: &tempfile::TempDir) -> (Running, String) {
    let server = Running::start(folder.path(), Limits::default(), None);
    let id = server.new_session();
    let made = server.end_of(&server.generate(&id, "dark techno").expect(202).job());
    assert_eq!(made.state, JobState::Done, "{:?}", made.error);
    (server, format!("/v1/sessions/{id}"))
}

/// Names of the sections in the order in which they are played.
fn order(view: &SessionView) -> String {
    let name = |id: u32| view.song.sections.iter().find(|section| section.id == id).unwrap().name.clone();
    let parts = view.song.order.iter().map(|part| format!("{} x{}", name(part.section), part.repeats));
    parts.collect::<Vec<_>>().join(", ")
}

fn section(view: &SessionView, name: &str) -> u32 {
    view.song.sections.iter().find(|section| section.name == name).unwrap().id
}

#[test]
fn a_song_is_made_changed_undone_and_heard() {
    let folder = tempfile::tempdir().unwrap();
    let (server, at) = running(&folder);
    let loop_view = server.get(&at).expect(200).session();
    assert_eq!((loop_view.song.sections.len(), loop_view.song.order.len()), (1, 1), "a loop is one section");

    let wanted = json!({ "form": "intro 2, drop 4, break 2, drop 4, outro 2", "seed": 5 });
    let job = server.json("POST", &format!("{at}/song"), &wanted).expect(202).job();
    assert_eq!(job.kind, JobKind::Song);
    let end = server.end_of(&job);
    assert_eq!(end.state, JobState::Done, "{:?}", end.error);
    assert!(end.takes.len() > 4, "{}", end.takes.len());
    let song = server.get(&at).expect(200).session();
    assert_eq!(song.song.sections.len(), 5);
    assert!(song.song.bars >= 12 && song.song.seconds > 1.0);
    let numbers: BTreeSet<u32> = song.song.sections.iter().map(|section| section.number).collect();
    assert_eq!(numbers, (1..=5).collect());
    let open = song.song.sections.iter().find(|section| section.open).unwrap();
    assert_eq!((open.name.as_str(), &open.tracks), ("Drop", &loop_view.tracks), "the loop is the drop");
    assert_eq!(server.get(&format!("{at}/song")).expect(200).value()["bars"], song.song.bars);

    // Changed, and each change undone.
    let (intro, part) = (section(&song, "Intro"), |view: &SessionView, name: &str| {
        format!("{at}/sections/{}", section(view, name))
    });
    let change = json!({ "name": "Opening", "colour": "#102030", "kind": "verse", "energy": 0.25 });
    let renamed = server.json("PATCH", &part(&song, "Intro"), &change).expect(200).session();
    let opening = renamed.song.sections.iter().find(|section| section.id == intro).unwrap();
    assert_eq!((opening.name.as_str(), opening.colour.as_str()), ("Opening", "#102030"));
    assert_eq!((opening.kind.as_str(), opening.energy), ("verse", 0.25));
    let copied =
        server.request("POST", &format!("{}/copy", part(&renamed, "Break")), &[], b"").expect(200).session();
    assert!(order(&copied).contains("Break x1, Break 2 x1"), "{}", order(&copied));
    let reordered = json!([{ "section": intro, "repeats": 2 }, { "section": section(&copied, "Drop") }]);
    let short = server.json("PUT", &format!("{at}/order"), &reordered).expect(200).session();
    assert_eq!(order(&short), "Opening x2, Drop x1");
    let without = server.request("DELETE", &part(&short, "Break 2"), &[], b"").expect(200).session();
    assert_eq!(without.song.sections.len(), 5);
    let opened = server
        .request("POST", &format!("{}/open", part(&without, "Opening")), &[], b"")
        .expect(200)
        .session();
    assert!(opened.song.sections.iter().any(|section| section.open && section.id == intro));
    let undone = server.request("POST", &format!("{at}/undo"), &[], b"").expect(200).session();
    assert_eq!(undone.song.sections.len(), 6, "the copy is back");

    // Heard: the whole song, one of its stems, its notes.
    let wav = server.get(&format!("{at}/song.wav")).expect(200);
    let reader = hound::WavReader::new(wav.body.as_slice()).unwrap();
    let seconds = f64::from(reader.duration()) / f64::from(reader.spec().sample_rate);
    assert!((seconds - undone.song.seconds - 3.0).abs() < 0.01, "{seconds} s, with what rings on");
    let etag = wav.field("etag").unwrap().to_owned();
    server.request("GET", &format!("{at}/song.wav"), &[("If-None-Match", &etag)], b"").expect(304);
    server.get(&format!("{at}/song-bass.wav")).expect(200);
    assert!(server.get(&format!("{at}/song.mid")).expect(200).body.starts_with(b"MThd"));
    let take =
        undone.song.sections.iter().flat_map(|section| &section.tracks).find_map(|track| track.take.clone());
    server.get(&format!("{at}/takes/{}/audio.wav", take.unwrap())).expect(200);
}

#[test]
fn a_section_is_made_again_and_generated_in_and_its_locks_hold() {
    let folder = tempfile::tempdir().unwrap();
    let (server, at) = running(&folder);
    let wanted = json!({ "form": "verse 2, chorus 2" });
    let end = server.end_of(&server.json("POST", &format!("{at}/song"), &wanted).expect(202).job());
    assert_eq!(end.state, JobState::Done, "{:?}", end.error);
    let song = server.get(&at).expect(200).session();
    let verse = section(&song, "Verse");
    let takes = |view: &SessionView| -> Vec<Option<String>> {
        let verse = view.song.sections.iter().find(|section| section.id == verse).unwrap();
        verse.tracks.iter().map(|track| track.take.clone()).collect()
    };
    let lock = format!("{at}/sections/{verse}/tracks/bass/lock");
    server.request("PUT", &lock, &[], b"").expect(200);
    let job =
        server.request("POST", &format!("{at}/sections/{verse}/regenerate"), &[], b"").expect(202).job();
    assert_eq!(job.kind, JobKind::Section);
    assert_eq!(server.end_of(&job).state, JobState::Done);
    let again = server.get(&at).expect(200).session();
    let (before, after) = (takes(&song), takes(&again));
    assert_eq!(before[1], after[1], "the locked bass stays");
    assert!(before[0] != after[0] && before[3] != after[3], "the others are new");
    assert_eq!(again.tracks, song.tracks, "the open section stays");

    let refused = server.request("DELETE", &format!("{at}/sections/{verse}"), &[], b"").expect(409);
    assert!(refused.detail().contains("bass"), "{}", refused.detail());
    server.request("DELETE", &lock, &[], b"").expect(200);
    let body = json!({ "edit": "darker", "section": verse });
    let job = server.json("POST", &format!("{at}/tracks/bass/regenerate"), &body).expect(202).job();
    assert_eq!(server.end_of(&job).state, JobState::Done);
    let edited = server.get(&at).expect(200).session();
    assert_ne!(takes(&edited)[1], after[1]);
    assert_eq!(edited.tracks, song.tracks);
}

#[test]
fn bad_wishes_change_nothing_and_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let (server, at) = running(&folder);
    let before = server.get(&at).expect(200).session();
    for (path, body, status, hint) in [
        ("song", json!({ "form": "intro 8, kazoo 4" }), 422, "kazoo"),
        ("song", json!({ "form": "intro 0" }), 422, "bars"),
        ("song", json!({ "minutes": -1.0 }), 422, "minutes"),
        ("song", json!({ "minute": 3 }), 422, "minute"),
        ("sections/99/regenerate", json!({}), 404, "section"),
    ] {
        let refused = server.json("POST", &format!("{at}/{path}"), &body).expect(status);
        assert!(refused.detail().contains(hint), "{path} {body}: {}", refused.detail());
    }
    let only = before.song.sections[0].id;
    server.request("DELETE", &format!("{at}/sections/{only}"), &[], b"").expect(409);
    let name = json!({ "colour": "red" });
    server.json("PATCH", &format!("{at}/sections/{only}"), &name).expect(422);
    server.json("PUT", &format!("{at}/order"), &json!([])).expect(409);
    server.json("PUT", &format!("{at}/order"), &json!([{ "section": 7 }])).expect(404);
    assert_eq!(server.get(&at).expect(200).session(), before);
    let empty = server.new_session();
    server.request("POST", &format!("/v1/sessions/{empty}/song"), &[], b"").expect(409);
}
