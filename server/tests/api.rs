//! The server's API over real connections, with a fake engine.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use resonantgen_models::generator::Silent;
use resonantgen_music::track::Track;
use resonantgen_project as project;
use resonantgen_server::client::{Remote, RemoteError};
use resonantgen_server::serve::{Limits, openapi_json};
use resonantgen_server::wire::{JobState, TrackName};
use resonantgen_session::{Request, Scope};
use serde_json::{Value, json};
use support::{Running, four_takes};

fn running(folder: &tempfile::TempDir) -> Running {
    Running::start(folder.path(), Limits::default(), None)
}

#[test]
fn from_words_to_sound_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = running(&folder);
    let id = server.new_session();
    let at = format!("/v1/sessions/{id}");

    let accepted = server.generate(&id, "dark techno").expect(202);
    let job = accepted.job();
    assert_eq!(accepted.field("location"), Some(format!("/v1/jobs/{}", job.id).as_str()));
    let end = server.end_of(&job);
    assert_eq!((end.state, end.takes.len()), (JobState::Done, 4));
    assert!(end.progress.iter().any(|news| news.track == TrackName::Drums && news.fraction == 1.0));
    let events = server.get(&format!("/v1/jobs/{}/events", job.id)).expect(200);
    let text = String::from_utf8(events.body).unwrap();
    assert!(text.contains("event: job") && text.contains("\"state\":\"done\""), "{text}");
    let known = end.version.to_string();
    let rest =
        server.request("GET", &format!("/v1/jobs/{}/events", job.id), &[("Last-Event-ID", &known)], b"");
    assert!(!String::from_utf8(rest.expect(200).body).unwrap().contains("event:"), "nothing is told twice");

    let view = server.get(&at).expect(200).session();
    assert_eq!(view.prompt, "dark techno");
    assert!(view.plan.is_some() && view.can_undo && view.job.is_none());
    let locked = server.request("PUT", &format!("{at}/tracks/drums/lock"), &[], b"").expect(200).session();
    assert!(locked.tracks[0].locked);
    let refused = server.request("POST", &format!("{at}/tracks/drums/regenerate"), &[], b"").expect(409);
    assert!(refused.detail().contains("locked"));
    let again = server.json("POST", &format!("{at}/tracks/bass/regenerate"), &json!({ "edit": "darker" }));
    let end = server.end_of(&again.expect(202).job());
    assert_eq!(end.state, JobState::Done, "{:?}", end.error);
    let made = server.get(&at).expect(200).session();
    assert_eq!(made.tracks[1].takes.len(), 2);
    assert_eq!(made.tracks[1].take.as_ref(), end.takes.first());
    let undone = server.request("POST", &format!("{at}/undo"), &[], b"").expect(200).session();
    assert_eq!(undone.tracks[1].take, view.tracks[1].take);
    assert_eq!(server.request("POST", &format!("{at}/redo"), &[], b"").expect(200).session(), made);
    let older = json!({ "take": view.tracks[1].take });
    let chosen = server.json("PUT", &format!("{at}/tracks/bass/take"), &older).expect(200).session();
    assert_eq!(chosen.tracks[1].take, view.tracks[1].take);
    server.request("POST", &format!("{at}/tracks/bass/compare"), &[], b"").expect(200);
    let take = made.tracks[1].take.clone().unwrap();
    let marked =
        server.request("PUT", &format!("{at}/takes/{take}/favourite"), &[], b"").expect(200).session();
    assert!(marked.tracks[1].takes.iter().any(|one| one.id == take && one.favourite));
    let asked = json!({ "edit": "", "like": { "take": take } });
    let end = server
        .end_of(&server.json("POST", &format!("{at}/tracks/bass/regenerate"), &asked).expect(202).job());
    assert_eq!(end.state, JobState::Done, "{:?}", end.error);
    let elsewhere = json!({ "like": { "take": view.tracks[2].take } });
    let refused = server.json("POST", &format!("{at}/tracks/bass/regenerate"), &elsewhere).expect(422);
    assert!(refused.detail().contains("bass has no take"), "{}", refused.detail());

    let asked = json!({ "prompt": "dark techno xyzzy", "bars": 3 });
    let end = server.end_of(&server.json("POST", &format!("{at}/generate"), &asked).expect(202).job());
    assert_eq!(end.state, JobState::Done, "{:?}", end.error);
    let notices = end.notices.join("; ");
    assert!(
        notices.contains("xyzzy") && notices.contains("do not allow 3 bars"),
        "the drums are locked: {notices}"
    );

    server.request("DELETE", &at, &[], b"").expect(204);
    assert!(server.get(&at).expect(404).detail().contains("session"));
}

#[test]
fn each_of_several_waiting_jobs_chooses_a_seed_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let server = running(&folder);
    let id = server.new_session();
    let blocker = server.generate(&id, "endless techno").expect(202).job();
    let jobs = ["techno", "techno"].map(|prompt| server.generate(&id, prompt).expect(202).job());
    server.request("DELETE", &format!("/v1/jobs/{}", blocker.id), &[], b"").expect(200);
    for job in &jobs {
        assert_eq!(server.end_of(job).state, JobState::Done);
    }
    let bass = server.get(&format!("/v1/sessions/{id}")).expect(200).session().tracks[1].clone();
    assert_eq!(bass.takes.len(), 2, "the second job made the same again");
    assert_ne!(bass.takes[0].seed, bass.takes[1].seed);
}

#[test]
fn sound_comes_in_parts_with_validators() {
    let folder = tempfile::tempdir().unwrap();
    let server = running(&folder);
    let bytes = project::to_bytes(&four_takes());
    let kind = [("Content-Type", "application/vnd.resonantgen.session")];
    let view = server.request("POST", "/v1/sessions", &kind, &bytes).expect(201).session();
    let at = format!("/v1/sessions/{}", view.id);
    let take = four_takes().track(Track::Bass).take().unwrap().clone();
    let wav = format!("{at}/takes/{}/audio.wav", take.id.0);
    let whole = server.get(&wav).expect(200);
    assert_eq!(whole.body.len(), 44 + 6 * take.audio.len());
    let samples: Vec<i32> =
        hound::WavReader::new(&whole.body[..]).unwrap().samples().map(Result::unwrap).collect();
    assert!(
        samples.iter().step_by(2).eq(&take.audio.left)
            && samples.iter().skip(1).step_by(2).eq(&take.audio.right)
    );
    let etag = whole.field("etag").unwrap().to_owned();
    assert!(etag.contains(&take.id.0));

    let part = server.request("GET", &wav, &[("Range", "bytes=40-99")], b"").expect(206);
    assert_eq!(part.body, whole.body[40..100]);
    assert_eq!(part.field("content-range"), Some(format!("bytes 40-99/{}", whole.body.len()).as_str()));
    let tail = server.request("GET", &wav, &[("Range", "bytes=-7"), ("If-Range", &etag)], b"").expect(206);
    assert_eq!(tail.body, whole.body[whole.body.len() - 7..]);
    let stale =
        server.request("GET", &wav, &[("Range", "bytes=-7"), ("If-Range", "\"other\"")], b"").expect(200);
    assert_eq!(stale.body.len(), whole.body.len());
    let outside = server.request("GET", &wav, &[("Range", "bytes=99999999999-")], b"").expect(416);
    assert_eq!(outside.field("content-range"), Some(format!("bytes */{}", whole.body.len()).as_str()));
    server.request("GET", &wav, &[("If-None-Match", &etag)], b"").expect(304);
    let head = server.request("HEAD", &wav, &[], b"").expect(200);
    assert_eq!(head.field("content-length"), Some(whole.body.len().to_string().as_str()));

    let many = (0..4_000).map(|at| format!("{at}-")).collect::<Vec<_>>().join(",");
    server.request("GET", &wav, &[("Range", &format!("bytes={many}"))], b"").expect(200);
    let flac = server.get(&format!("{at}/takes/{}/audio.flac", take.id.0)).expect(200);
    assert!(flac.body.starts_with(b"fLaC"));
    let score = server.get(&format!("{at}/takes/{}/score.mid", take.id.0)).expect(200);
    assert!(score.body.starts_with(b"MThd"));
    assert!(server.get(&format!("{at}/mix.wav")).expect(200).body.starts_with(b"RIFF"));
    assert!(server.get(&format!("{at}/session.mid")).expect(200).body.starts_with(b"MThd"));
    let state = server.get(&format!("{at}/state")).expect(200);
    assert!(project::from_bytes(&state.body).unwrap().track(Track::Bass).history == vec![take]);
    let empty = server.new_session();
    server.get(&format!("/v1/sessions/{empty}/mix.wav")).expect(404);
}

#[test]
fn what_is_described_is_there_and_what_is_there_is_described() {
    let document: Value = serde_json::from_str(&openapi_json()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let described: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    // The page describes itself.
    let routes = include_str!("../src/serve/app.rs");
    let there: Vec<&str> = routes
        .split('"')
        .filter(|text| text.starts_with('/') && text.len() > 1 && !text.contains(char::is_whitespace))
        .collect();
    assert!(described.len() > 15);
    for path in &described {
        assert!(there.contains(&path.as_str()), "{path} is described and not there");
    }
    for path in &there {
        assert!(described.iter().any(|known| known == path), "{path} is there and not described");
    }
    let folder = tempfile::tempdir().unwrap();
    let server = running(&folder);
    let served = server.get("/openapi.json").expect(200).value();
    assert_eq!(served, document);
    let id = "0123456789abcdef0123456789abcdef";
    for (path, methods) in document["paths"].as_object().unwrap() {
        let filled = path.replace("{track}", "drums").replace("{take}", id).replace("{job}", id);
        let filled = filled.replace("{session}", id);
        for method in methods.as_object().unwrap().keys() {
            for file in ["mix.wav", "audio.wav"] {
                let path = filled.replace("{file}", file);
                let answer = server.request(&method.to_uppercase(), &path, &[], b"");
                assert!(answer.status != 405 && answer.status < 500, "{method} {path}: {}", answer.status);
            }
        }
    }
    let page = server.get("/").expect(200);
    assert!(page.field("content-security-policy").unwrap().contains("script-src 'sha256-"));
    let metrics = String::from_utf8(server.get("/metrics").expect(200).body).unwrap();
    assert!(
        metrics.contains("# TYPE resonantgen_jobs_waiting gauge\nresonantgen_jobs_waiting 0\n"),
        "{metrics}"
    );
    assert_eq!(server.get("/v1/bundles").expect(200).value()[0]["licence"], "CC0-1.0");
}

#[test]
fn a_token_is_wanted_where_one_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Running::start(folder.path(), Limits::default(), Some("a-token-of-24-characters"));
    server.get("/v1/sessions").expect(200);
    server.token = Some("a-token-of-24-charactersX".to_owned());
    assert!(server.get("/v1/sessions").expect(401).detail().contains("token"));
    server.token = None;
    server.get("/metrics").expect(401);
    assert_eq!(server.get("/health").expect(200).value()["token"], true);
    server.get("/").expect(200);
    let cross = server.request("POST", "/v1/sessions", &[("Origin", "http://evil.example")], b"").expect(403);
    assert!(cross.detail().contains("other sites"));

    let remote = |token| Remote::new(&server.addr.to_string(), token).unwrap().bundles();
    assert!(remote(Some("a-token-of-24-characters")).is_ok());
    let refused = remote(Some("another-token-of-mine")).unwrap_err();
    assert!(matches!(refused, RemoteError::Token(_)) && refused.is_of_server());
}

#[test]
fn a_client_gets_what_the_engine_there_makes() {
    let folder = tempfile::tempdir().unwrap();
    let server = running(&folder);
    let remote = Remote::new(&server.addr.to_string(), None).unwrap();
    let mut session = four_takes();
    session.set_lock(Track::Drums, true).unwrap();
    let drums = session.track(Track::Drums).take().unwrap().id.clone();
    let request = |prompt: &str| Request::generate(prompt).seed(77);
    remote.apply(&mut session, &request("jazz"), &Silent).unwrap();
    assert_eq!(session.track(Track::Drums).take().unwrap().id, drums);
    assert_eq!(session.track(Track::Bass).take().unwrap().recipe.seed, 77);
    assert_eq!(session.track(Track::Bass).history.len(), 2);
    assert!(session.track(Track::Bass).take().unwrap().audio == session.track(Track::Bass).history[0].audio);
    remote.apply(&mut session, &Request::edit(Track::Bass, "darker").seed(78), &Silent).unwrap();
    assert_eq!(session.track(Track::Bass).take().unwrap().recipe.seed, 78);
    // Without a seed it is one that the histories here do not have, of which the server knows the playing takes only.
    remote.apply(&mut session, &Request::edit(Track::Bass, "darker"), &Silent).unwrap();
    assert_eq!(session.track(Track::Bass).take().unwrap().recipe.seed, 79);
    let both = Request::edit(Scope::of([Track::Bass, Track::Melody]), "darker").seed(80);
    remote.apply(&mut session, &both, &Silent).unwrap();
    let seed = |track| session.track(track).take().unwrap().recipe.seed;
    assert_eq!(Track::ALL.map(seed)[1..], [80, 77, 80]);
    assert_eq!(session.prompt, "jazz", "an edit is no new prompt");
    assert_eq!(server.get("/v1/sessions").expect(200).value(), json!([]), "nothing is left there");

    let refused = remote.apply(&mut session, &Request::edit(Track::Drums, "").seed(1), &Silent);
    let refused = refused.unwrap_err();
    assert!(matches!(&refused, RemoteError::Refused(words) if words.contains("locked")), "{refused}");
    assert!(!refused.is_of_server());
    let failed = remote.apply(&mut session, &request("jazz panic"), &Silent).unwrap_err();
    assert!(matches!(failed, RemoteError::Failed(_)) && failed.is_of_server(), "{failed}");
    let before = project::to_bytes(&session);
    server.stop();
    let gone = remote.apply(&mut session, &request("funk"), &Silent).unwrap_err();
    assert!(matches!(gone, RemoteError::Gone { .. }) && gone.is_of_server(), "{gone}");
    assert_eq!(project::to_bytes(&session), before);
}

/// Two seconds of short bursts, one per quarter at 120 bpm.
fn bursts() -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
    for index in 0..96_000_i32 {
        let within = index % 24_000;
        let noise = (index.wrapping_mul(1_103_515_245).wrapping_add(12_345) >> 8) % 12_000;
        writer
            .write_sample(if within < 2_400 { (noise * (2_400 - within) / 2_400) as i16 } else { 0 })
            .unwrap();
    }
    writer.finalize().unwrap();
    file.into_inner()
}

#[test]
fn a_loop_is_imported_and_never_leaves_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let server = running(&folder);
    let at = format!("/v1/sessions/{}/tracks/drums/import", server.new_session());
    let path = format!("{at}?name=..%2F..%2Fmy%20loop.wav&bpm=120&bars=1&start=0");
    let view = server.request("POST", &path, &[], &bursts()).expect(200).session();
    assert!(view.tracks[0].locked && view.tracks[0].take.is_some());
    assert_eq!(view.plan.unwrap().bars, 1);
    assert!(server.request("POST", &path, &[], &bursts()).expect(409).detail().contains("locked"));
    let other = at.replace("drums", "bass");
    let nonsense =
        server.request("POST", &format!("{other}?name=x.mp3"), &[], &[1; 3_000]).expect(422).detail();
    assert!(!nonsense.contains(folder.path().to_str().unwrap()), "{nonsense}");
    server.request("POST", &format!("{other}?bpm=x"), &[], &bursts()).expect(400);
    let left: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(".upload"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}
