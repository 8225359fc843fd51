//! Hostile and broken clients, a full disk, and sudden ends.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use resonantgen_project as project;
use resonantgen_server::serve::Limits;
use resonantgen_server::wire::JobState;
use serde_json::{Value, json};
use support::{Answer, Running, four_takes};

fn started(limits: Limits) -> (tempfile::TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), limits, None);
    (folder, server)
}

/// JSON of any shape, including names that the server knows.
fn anything() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        prop::sample::select(vec![
            "prompt",
            "seed",
            "tracks",
            "bpm",
            "key",
            "meter",
            "bars",
            "chords",
            "style",
            "variation",
            "edit",
            "take",
        ])
        .prop_map(ToOwned::to_owned),
        ".{0,6}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec!["techno", "A minor", "4/4", "0/0", "Am", "drums", "-1", "\u{0}"])
            .prop_map(Value::from),
        ".{0,30}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(name.clone(), inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// A server for many hostile requests, with one session. It ends with the process.
fn victim() -> &'static (Running, String) {
    static VICTIM: OnceLock<(Running, String)> = OnceLock::new();
    VICTIM.get_or_init(|| {
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("victim");
        // At first there is none.
        let _ = std::fs::remove_dir_all(&folder);
        let server = Running::start(&folder, Limits { waiting_jobs: 2, ..Limits::default() }, None);
        let session = server.new_session();
        (server, session)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_body_makes_the_server_fail(body in anything(), cut in 0.0_f64..1.5, place in 0_usize..3) {
        let (server, id) = victim();
        let path = ["generate", "tracks/bass/regenerate", "tracks/bass/take"][place];
        let method = if place == 2 { "PUT" } else { "POST" };
        let text = body.to_string();
        let bytes = &text.as_bytes()[..((text.len() as f64 * cut) as usize).min(text.len())];
        let path = format!("/v1/sessions/{id}/{path}");
        let answer = server.request(method, &path, &[("Content-Type", "application/json")], bytes);
        prop_assert!((200..500).contains(&answer.status), "{}: {text}", answer.status);
        if answer.status >= 400 {
            prop_assert!(!answer.detail().is_empty());
        }
        prop_assert_eq!(server.get("/health").status, 200);
    }

    #[test]
    fn no_head_makes_the_server_fail(line in "[ -~]{0,60}", field in "[ -~]{0,60}", rest in prop::collection::vec(any::<u8>(), 0..80)) {
        let (server, _) = victim();
        let head = format!("{line}\r\nHost: localhost\r\nConnection: close\r\n{field}\r\n\r\n");
        let mut stream = TcpStream::connect(server.addr).unwrap();
        stream.write_all(&[head.as_bytes(), &rest].concat()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let answer = Answer::read(&mut stream);
        prop_assert!(answer.status < 500, "{}", answer.head);
        prop_assert_eq!(server.get("/health").status, 200);
    }

    #[test]
    fn no_path_leads_to_a_file(parts in prop::collection::vec(prop_oneof![
        Just("..".to_owned()), Just("%2e%2e".to_owned()), Just("..%2f..%2f".to_owned()), Just("%00".to_owned()),
        Just("session.json".to_owned()), Just("takes".to_owned()), Just("audio.flac".to_owned()),
        "[a-z0-9.%]{0,12}",
    ], 1..6)) {
        let (server, id) = victim();
        for start in ["/v1/sessions/", &format!("/v1/sessions/{id}/"), "/v1/jobs/"] {
            let answer = server.get(&format!("{start}{}", parts.join("/")));
            prop_assert!((400..500).contains(&answer.status) || answer.field("content-type") == Some("application/json"));
        }
    }
}

#[test]
fn names_of_files_are_never_taken_from_a_request() {
    let (folder, server) = started(Limits::default());
    std::fs::write(folder.path().join("secret.flac"), "secret").unwrap();
    let kind = [("Content-Type", "application/vnd.resonantgen.session")];
    let id = server
        .request("POST", "/v1/sessions", &kind, &project::to_bytes(&four_takes()))
        .expect(201)
        .session()
        .id;
    for path in [
        "/v1/sessions/../secret.flac",
        "/v1/sessions/..%2f..%2fsecret.flac",
        "/v1/sessions/lock",
        &format!("/v1/sessions/{id}/session.json"),
        &format!("/v1/sessions/{id}/takes/..%2f..%2f..%2fsecret/audio.flac"),
        &format!("/v1/sessions/{id}/takes/../../../secret/audio.flac"),
        &format!("/v1/sessions/{id}/takes/0123456789abcdef0123456789abcdef/audio.flac"),
        &format!("/v1/sessions/{}/takes/x/audio.flac", id.to_uppercase()),
        &format!("/v1/sessions/{id}%00"),
    ] {
        let answer = server.get(path).expect(404);
        assert!(!String::from_utf8_lossy(&answer.body).contains("secret"), "{path}");
    }
}

#[test]
fn bodies_that_are_too_long_or_lie_are_refused() {
    let limits = Limits {
        json_bytes: 2_000,
        upload_bytes: 5_000,
        request_time: Duration::from_millis(500),
        ..Limits::default()
    };
    let (_folder, server) = started(limits);
    let id = server.new_session();
    let long = json!({ "prompt": "techno ".repeat(1_000) });
    let path = format!("/v1/sessions/{id}/generate");
    assert!(server.json("POST", &path, &long).expect(413).detail().contains("2000 bytes"));
    let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n");

    let chunk = format!("{:x}\r\n{}\r\n", 1_500, " ".repeat(1_500));
    let endless = format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}{chunk}{chunk}");
    assert_eq!(server.raw(endless.as_bytes()).status, 413);
    let huge = format!("{head}Content-Length: 99999999999999\r\n\r\n");
    assert_eq!(server.raw(huge.as_bytes()).status, 413);
    let absurd = format!("{head}Content-Length: -5\r\n\r\n");
    assert_eq!(server.raw(absurd.as_bytes()).status, 400);
    // Two lengths are used to smuggle requests past a proxy.
    let two = format!("{head}Content-Length: 2\r\nContent-Length: 30\r\nConnection: close\r\n\r\n{{}}");
    assert!((400..500).contains(&server.raw(two.as_bytes()).status));
    // A body that ends prematurely.
    let mut stream = TcpStream::connect(server.addr).unwrap();
    stream.write_all(format!("{head}Content-Length: 500\r\n\r\n{{").as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(Answer::read(&mut stream).status / 100 % 4, 0, "an error of the client, or none at all");

    let kind = [("Content-Type", "application/vnd.resonantgen.session")];
    server.request("POST", "/v1/sessions", &kind, &vec![7; 6_000]).expect(413);
    let nonsense = server.request("POST", "/v1/sessions", &kind, &vec![7; 4_000]).expect(422);
    assert!(nonsense.detail().contains("no ResonantGen session"));
    server.request("POST", "/v1/sessions", &[], b"x").expect(415);
    server.request("POST", &path, &[("Content-Type", "text/plain")], b"{}").expect(415);
    let deep = format!("{{\"prompt\":{}", "[".repeat(1_900));
    server.request("POST", &path, &[("Content-Type", "application/json")], deep.as_bytes()).expect(422);
    let fields: String = (0..200).map(|number| format!("X-{number}: y\r\n")).collect();
    let many = format!("GET /health HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
    assert!((400..500).contains(&server.raw(many.as_bytes()).status));
    server.get("/health").expect(200);
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let (_folder, server) = started(Limits { request_time: Duration::from_millis(200), ..Limits::default() });
    let path = "/v1/sessions/0123456789abcdef0123456789abcdef/generate";
    let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n");
    let waits = format!("{head}Content-Length: 500\r\n\r\n{{\"prompt\":");
    assert_eq!(server.raw(waits.as_bytes()).status, 408);
}

/// Clients that open connections and then send half a request, or none, for as long as they may.
#[test]
fn half_open_connections_keep_nobody_out() {
    let hour = Duration::from_secs(3_600);
    let limits = Limits { connections: 8, head_time: hour, ..Limits::default() };
    let (_folder, server) = started(limits);
    let idle: Vec<TcpStream> = (0..40)
        .map(|number| {
            let mut stream = TcpStream::connect(server.addr).unwrap();
            if number % 2 == 0 {
                // It may be closed already.
                let _ = stream.write_all(b"GET /health HTTP/1.1\r\nHost: localh");
            }
            stream
        })
        .collect();
    for _ in 0..20 {
        server.get("/health").expect(200);
    }
    // Those that are left open behind an answer make room as well.
    let kept: Vec<TcpStream> = (0..12)
        .map(|_| {
            let mut stream = TcpStream::connect(server.addr).unwrap();
            stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            let mut begin = [0; 12];
            stream.read_exact(&mut begin).unwrap();
            assert_eq!(&begin, b"HTTP/1.1 200");
            stream
        })
        .collect();
    server.get("/health").expect(200);
    drop((idle, kept));
}

/// Clients that send the head of a request and then its body byte by byte, or that do not take the answer.
#[test]
fn clients_that_dawdle_keep_nobody_out() {
    let hour = Duration::from_secs(3_600);
    let limits = Limits {
        connections: 8,
        request_time: hour,
        stall_time: hour,
        crowd_time: Duration::ZERO,
        ..Limits::default()
    };
    let (_folder, server) = started(limits);
    let kind = [("Content-Type", "application/vnd.resonantgen.session")];
    let state = project::to_bytes(&four_takes());
    let id = server.request("POST", "/v1/sessions", &kind, &state).expect(201).session().id;
    let sending: Vec<TcpStream> = (0..20)
        .map(|number| {
            let mut stream = TcpStream::connect(server.addr).unwrap();
            let (path, kind) = match number % 2 {
                0 => (format!("/v1/sessions/{id}/generate"), "application/json"),
                _ => ("/v1/sessions".to_owned(), "application/vnd.resonantgen.session"),
            };
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 60000\r\n\r\n{{"
            );
            // It may be closed already.
            let _ = stream.write_all(head.as_bytes());
            stream
        })
        .collect();
    for _ in 0..20 {
        server.get("/health").expect(200);
    }
    // Enough requests on one connection that their answers fit into no buffer.
    let get = format!("GET /v1/sessions/{id}/state HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let asked = get.repeat((16 << 20) / state.len());
    let taking: Vec<TcpStream> = (0..12)
        .map(|_| {
            let mut stream = TcpStream::connect(server.addr).unwrap();
            let _ = stream.write_all(asked.as_bytes());
            stream
        })
        .collect();
    for _ in 0..20 {
        server.get("/health").expect(200);
    }
    drop((sending, taking));
}

/// Prints how long another client waits beside 385 connections that make the server wait, for BENCHMARKS.md.
#[test]
#[ignore = "chore: prints figures that depend on the machine"]
#[allow(clippy::print_stdout, reason = "it is what it is for")]
fn times_beside_half_open_connections() {
    const CONNECTIONS: usize = 385;
    const REQUESTS: usize = 60;
    let head = "POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n";
    for (kind, sent, drips) in [
        ("no request", "", false),
        ("half a head", "GET /health HTTP/1.1\r\nHost: localh", false),
        ("a head without its body", head, false),
        ("a body byte by byte", head, true),
    ] {
        let (_folder, server) = started(Limits::default());
        let mut open: Vec<TcpStream> = (0..CONNECTIONS)
            .map(|_| {
                let mut stream = TcpStream::connect(server.addr).unwrap();
                // It may be closed already, to make room.
                let _ = stream.write_all(sent.as_bytes());
                stream
            })
            .collect();
        let mut waits: Vec<Duration> = (0..REQUESTS)
            .map(|_| {
                for stream in open.iter_mut().filter(|_| drips) {
                    let _ = stream.write_all(b"{");
                }
                let begin = Instant::now();
                server.get("/health").expect(200);
                begin.elapsed()
            })
            .collect();
        waits.sort();
        println!(
            "{CONNECTIONS} with {kind}: median {:?}, longest {:?}",
            waits[REQUESTS / 2],
            waits[REQUESTS - 1]
        );
        drop(open);
    }
}

/// However many uploads do not go on, another is received and used.
#[test]
fn uploads_that_do_not_go_on_keep_no_other_waiting() {
    let (folder, server) = started(Limits { request_time: Duration::from_secs(3_600), ..Limits::default() });
    let id = server.new_session();
    let halted: Vec<TcpStream> = (0..12)
        .map(|number| {
            let mut stream = TcpStream::connect(server.addr).unwrap();
            let (path, kind) = match number % 2 {
                0 => (format!("/v1/sessions/{id}/tracks/drums/import"), "audio/wav"),
                _ => ("/v1/sessions".to_owned(), "application/vnd.resonantgen.session"),
            };
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 900000\r\n\r\n"
            );
            stream.write_all(&[head.as_bytes(), &vec![7; 200_000]].concat()).unwrap();
            stream
        })
        .collect();
    let kind = [("Content-Type", "application/vnd.resonantgen.session")];
    server.request("POST", "/v1/sessions", &kind, &project::to_bytes(&four_takes())).expect(201);
    let path = format!("/v1/sessions/{id}/tracks/drums/import");
    let beat = std::fs::read(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/import/beat.flac"),
    );
    server.request("POST", &path, &[("Content-Type", "audio/flac")], &beat.unwrap()).expect(200);
    // What is given up leaves nothing behind.
    drop(halted);
    server.stop();
    let mut left = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!left.any(|name| name.to_string_lossy().starts_with(".upload-")));
}

#[test]
fn uploads_take_no_more_than_their_room() {
    let limits = Limits { upload_bytes: 300_000, all_uploads_bytes: 100_000, ..Limits::default() };
    let (_folder, server) = started(limits);
    let kind = [("Content-Type", "application/vnd.resonantgen.session")];
    let busy = server.request("POST", "/v1/sessions", &kind, &vec![7; 250_000]).expect(503);
    assert!(busy.detail().contains("try again") && busy.field("retry-after").is_some(), "{}", busy.head);
    // The room is free again.
    for _ in 0..5 {
        server.request("POST", "/v1/sessions", &kind, &vec![7; 60_000]).expect(422);
    }
}

/// An answer that is still being taken is no idle connection.
#[test]
fn a_download_is_not_cut_off_for_others() {
    let hour = Duration::from_secs(3_600);
    let (_folder, server) = started(Limits { connections: 2, crowd_time: hour, ..Limits::default() });
    let kind = [("Content-Type", "application/vnd.resonantgen.session")];
    let id = server
        .request("POST", "/v1/sessions", &kind, &project::to_bytes(&four_takes()))
        .expect(201)
        .session()
        .id;
    let whole = server.get(&format!("/v1/sessions/{id}/state")).expect(200).body;
    let mut slow = TcpStream::connect(server.addr).unwrap();
    write!(slow, "GET /v1/sessions/{id}/state HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut begin = [0; 12];
    slow.read_exact(&mut begin).unwrap();
    for _ in 0..6 {
        server.get("/health").expect(200);
    }
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(&whole), "{} bytes of {}", rest.len(), whole.len());
}

#[test]
fn requests_that_make_no_sense_are_told_what_would() {
    let (_folder, server) = started(Limits::default());
    let id = server.new_session();
    let ask =
        |body: Value| server.json("POST", &format!("/v1/sessions/{id}/generate"), &body).expect(422).detail();
    for (body, words) in [
        (json!({ "prompt": "xyzzy qwrt" }), "no word"),
        (json!({ "prompt": "techno", "bpm": 1e9 }), "240"),
        (json!({ "prompt": "techno", "bars": 0 }), "bars"),
        (json!({ "prompt": "techno", "key": "H flat" }), "A minor"),
        (json!({ "prompt": "techno", "meter": "0/0" }), "4/4"),
        (json!({ "prompt": "techno", "chords": ["Xyz"] }), "chord"),
        (json!({ "prompt": "techno", "chords": vec!["Am"; 200] }), "at most 128"),
        (json!({ "prompt": "techno", "style": "polka" }), "techno, house"),
        (json!({ "prompt": "techno", "variation": 3.0 }), "0 to 1"),
        (json!({ "prompt": "techno", "tracks": [] }), "no track"),
        (json!({ "prompt": "techno", "tracks": ["kazoo"] }), "kazoo"),
        (json!({ "prompt": "techno", "volume": 11 }), "volume"),
        (json!({ "prompt": "x".repeat(3_000) }), "2000"),
    ] {
        let detail = ask(body.clone());
        assert!(detail.contains(words), "{body}: {detail}");
    }
    let silent = json!({ "prompt": "techno without drums", "tracks": ["drums"] });
    assert!(ask(silent).contains("leaves out"));
    let empty =
        server.request("POST", &format!("/v1/sessions/{id}/tracks/bass/regenerate"), &[], b"").expect(409);
    assert!(empty.detail().contains("generate first"));
    server.request("PUT", &format!("/v1/sessions/{id}/tracks/kazoo/lock"), &[], b"").expect(404);
    server.request("PATCH", "/v1/sessions", &[], b"").expect(405);
    assert_eq!(server.get("/v1/jobs").expect(200).value(), json!([]));
}

#[test]
fn what_only_the_model_of_sentences_understands_is_accepted() {
    let (_folder, server) = started(Limits::default());
    let id = server.new_session();
    let job = server.generate(&id, "dragons over xyzzy").expect(202).job();
    assert_eq!(server.end_of(&job).state, JobState::Done);
}

#[test]
fn a_crowd_is_refused_and_the_rest_goes_on() {
    let limits = Limits {
        waiting_jobs: 3,
        waiting_jobs_per_session: 2,
        watchers: 2,
        sessions: 3,
        ..Limits::default()
    };
    let (_folder, server) = started(limits);
    let [first, second] = [(); 2].map(|()| server.new_session());
    let running = server.generate(&first, "endless techno").expect(202).job();
    let mut now = running.clone();
    while now.state == JobState::Queued {
        now = server.news_of(&now);
    }
    let waiting = [&first, &first, &second].map(|id| server.generate(id, "techno").expect(202).job());
    assert!(server.generate(&first, "techno").expect(429).detail().contains("for this session"));
    assert!(server.generate(&second, "techno").expect(429).detail().contains("on this server"));
    // A session that a job is changing can be read, but not changed.
    assert!(
        server
            .request("POST", &format!("/v1/sessions/{first}/undo"), &[], b"")
            .expect(409)
            .detail()
            .contains("job")
    );
    assert_eq!(
        server.get(&format!("/v1/sessions/{first}")).expect(200).session().job.as_ref(),
        Some(&running.id)
    );

    let streams: Vec<TcpStream> = (0..2)
        .map(|_| {
            let mut stream = TcpStream::connect(server.addr).unwrap();
            write!(stream, "GET /v1/jobs/{}/events HTTP/1.1\r\nHost: localhost\r\n\r\n", running.id).unwrap();
            let mut begin = [0; 12];
            stream.read_exact(&mut begin).unwrap();
            assert_eq!(&begin, b"HTTP/1.1 200");
            stream
        })
        .collect();
    server.get(&format!("/v1/jobs/{}/events", running.id)).expect(429);
    server.get("/health").expect(200);

    server.new_session();
    assert!(server.request("POST", "/v1/sessions", &[], b"").expect(507).detail().contains("delete one"));
    server.request("DELETE", &format!("/v1/jobs/{}", waiting[1].id), &[], b"").expect(200);
    let cancelled = server.request("DELETE", &format!("/v1/jobs/{}", running.id), &[], b"").expect(200);
    drop((streams, cancelled));
    for job in waiting.iter().chain([&running]) {
        server.end_of(job);
    }
    let state = |id: &str| server.get(&format!("/v1/jobs/{id}")).expect(200).job().state;
    assert_eq!(state(&running.id), JobState::Cancelled);
    assert_eq!(
        [0, 1, 2].map(|index: usize| state(&waiting[index].id)),
        [JobState::Done, JobState::Cancelled, JobState::Done]
    );
}

#[test]
fn a_job_that_fails_or_never_ends_costs_only_itself() {
    let (_folder, server) = started(Limits { job_time: Duration::from_secs(3), ..Limits::default() });
    let id = server.new_session();
    for (prompt, words) in [("endless techno", "longer than"), ("techno panic", "unexpectedly")] {
        let end = server.end_of(&server.generate(&id, prompt).expect(202).job());
        assert_eq!(end.state, JobState::Failed);
        assert!(end.error.as_ref().is_some_and(|error| error.contains(words)), "{:?}", end.error);
        assert!(server.get(&format!("/v1/sessions/{id}")).expect(200).session().plan.is_none());
    }
    let end = server.end_of(&server.generate(&id, "techno").expect(202).job());
    assert_eq!(end.state, JobState::Done);
}

#[test]
fn a_disk_that_fails_costs_the_job_and_not_the_session() {
    let (folder, server) = started(Limits::default());
    let id = server.new_session();
    assert_eq!(server.end_of(&server.generate(&id, "techno").expect(202).job()).state, JobState::Done);
    let before = server.get(&format!("/v1/sessions/{id}")).expect(200).session();
    let place = folder.path().join("sessions").join(&id);
    let aside = folder.path().join("aside");
    std::fs::rename(&place, &aside).unwrap();
    std::fs::write(&place, "no folder").unwrap();
    let end = server.end_of(&server.generate(&id, "jazz").expect(202).job());
    assert_eq!(end.state, JobState::Failed);
    let error = end.error.unwrap();
    assert!(error.contains("disk") && !error.contains(folder.path().to_str().unwrap()), "{error}");
    let refused = server.request("PUT", &format!("/v1/sessions/{id}/tracks/bass/lock"), &[], b"").expect(507);
    assert!(refused.detail().contains("nothing was changed"));
    assert_eq!(server.get(&format!("/v1/sessions/{id}")).expect(200).session(), before);
    std::fs::remove_file(&place).unwrap();
    std::fs::rename(&aside, &place).unwrap();
    assert_eq!(server.end_of(&server.generate(&id, "jazz").expect(202).job()).state, JobState::Done);
}

#[test]
fn a_server_that_ends_interrupts_one_job_and_keeps_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { grace: Duration::from_millis(50), ..Limits::default() };
    let server = Running::start(folder.path(), limits, None);
    let id = server.new_session();
    let mut job = server.generate(&id, "endless techno").expect(202).job();
    let waiting = server.generate(&id, "techno").expect(202).job();
    while job.state == JobState::Queued {
        job = server.news_of(&job);
    }
    let mut stream = TcpStream::connect(server.addr).unwrap();
    write!(stream, "GET /v1/jobs/{}/events HTTP/1.1\r\nHost: localhost\r\n\r\n", waiting.id).unwrap();
    let mut begin = [0; 12];
    stream.read_exact(&mut begin).unwrap();
    server.stop();
    // The stream was not left open.
    stream.read_to_end(&mut Vec::new()).unwrap();

    let server = Running::start(folder.path(), Limits::default(), None);
    let old = server.get(&format!("/v1/jobs/{}", job.id)).expect(200).job();
    assert_eq!(old.state, JobState::Interrupted);
    assert!(old.error.unwrap().contains("try again"));
    let taken_up = server.get(&format!("/v1/jobs/{}", waiting.id)).expect(200).job();
    assert_eq!(server.end_of(&taken_up).state, JobState::Done);
    assert!(server.get(&format!("/v1/sessions/{id}")).expect(200).session().plan.is_some());
}

#[test]
fn two_servers_do_not_share_a_folder_and_others_need_a_token() {
    use std::sync::Arc;

    use resonantgen_server::serve::{Config, ServeError, Server};
    let (folder, server) = started(Limits::default());
    let config = |addr: &str| Config {
        addr: addr.parse().unwrap(),
        data: folder.path().to_owned(),
        token: None,
        hosts: Vec::new(),
        limits: Limits::default(),
    };
    let again = Server::bind(config("127.0.0.1:0"), Arc::new(support::Fake)).err().unwrap();
    assert!(matches!(again, ServeError::InUse(_)), "{again}");
    let open = Server::bind(config("0.0.0.0:0"), Arc::new(support::Fake)).err().unwrap();
    assert!(matches!(open, ServeError::TokenNeeded(_)), "{open}");
    server.stop();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let refused = Server::bind(config(&addr), Arc::new(support::Fake)).err().unwrap();
    assert!(matches!(refused, ServeError::Listen { .. }), "{refused}");
}

/// Nothing here depends on the time of day, so a clock that jumps changes nothing.
#[test]
fn no_decision_depends_on_the_wall_clock() {
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(!text.contains("SystemTime") && !text.contains("UNIX_EPOCH"), "{}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 20);
}
