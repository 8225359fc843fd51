//! An in-process server with a fake engine, and a client that can misbehave.

#![allow(dead_code, clippy::unwrap_used, reason = "each test uses a part of it")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use resonantgen_models::generator::condition::Family;
use resonantgen_models::generator::{GenerateError, Observer, Stage};
use resonantgen_models::sounds::Sound;
use resonantgen_music::track::Track;
use resonantgen_project as project;
use resonantgen_server::serve::{Config, Generator, Limits, Performance, Server, Stopper, Token};
use resonantgen_server::wire::{JobView, SessionView};
use resonantgen_session::fake::Fake as FakeMaker;
use resonantgen_session::{BundleFacts, Operation, Request, Session, SessionError};
use resonantgen_take::Take;
use resonantgen_words::{Anchors, STYLE_COUNT, Sense, TextUnderstanding};
use serde_json::Value;

/// A session with a take on each track.
pub fn four_takes() -> Session {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/session_v1");
    let mut session = project::load(&golden).unwrap().session;
    for track in Track::ALL {
        session.track_mut(track).locked = false;
    }
    session
}

/// Returns the same takes for every request. "endless" in a prompt runs until it is cancelled, "panic" panics.
pub struct Fake;

fn obey(words: &str, track: Track, observer: &dyn Observer) -> Result<(), SessionError> {
    assert!(!words.contains("panic"), "as asked");
    for step in 0..=10_u8 {
        observer.progress(track, Stage::Compose, f32::from(step) / 10.0);
    }
    while words.contains("endless") {
        if observer.is_cancelled() {
            return Err(SessionError::Generate(GenerateError::Cancelled));
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    Ok(())
}

impl Generator for Fake {
    fn apply(
        &self,
        session: &mut Session,
        request: &Request,
        observer: &dyn Observer,
    ) -> Result<(), SessionError> {
        let is_of_song = matches!(request.operation, Operation::Song | Operation::Section)
            || request.scope.section().is_some();
        if is_of_song {
            return session.apply(&FakeMaker::default(), request, observer);
        }
        let targets: Vec<Track> =
            request.scope.tracks().filter(|track| !session.track(*track).locked).collect();
        obey(&request.words, targets[0], observer)?;
        let seed = session.seed_of(request);
        let mut made = session.clone();
        for track in targets {
            let other = match request.operation {
                Operation::Generate => four_takes().track(track).take().cloned(),
                _ => session.track(track).take().cloned(),
            };
            let take = with_seed(&*other.ok_or(SessionError::Empty)?, seed);
            made.track_mut(track).add(Arc::new(take));
        }
        if request.operation == Operation::Generate {
            made.prompt.clone_from(&request.words);
            made.seed = seed;
            made.plan = four_takes().plan;
            made.intent = four_takes().intent;
        }
        session.adopt(&made)
    }

    /// The audio of [`four_takes`]; those whose prompt names a "kazoo" cannot be made.
    fn make_again(
        &self,
        take: &Take,
        _: &[Arc<Take>],
        _: &dyn Observer,
    ) -> Result<Option<Take>, GenerateError> {
        let made = four_takes().track(take.recipe.track).take().cloned();
        let made = made.filter(|_| !take.recipe.prompt.contains("kazoo"));
        Ok(made.map(|made| Take { audio: made.audio.clone(), ..take.clone() }))
    }

    fn perform(
        &self,
        session: &mut Session,
        track: Track,
        performance: &Performance<'_>,
        observer: &dyn Observer,
    ) -> Result<(), SessionError> {
        performance.apply(&FakeMaker::default(), session, track, observer)
    }

    fn sounds(&self) -> Vec<Sound> {
        let sound = |track: Track, name: &str, tags: &[&str]| Sound {
            id: format!("{track}.{name}"),
            track,
            name: name.to_owned(),
            family: Family::ALL[4],
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            styles: [0.5; STYLE_COUNT],
            brightness: 0.5,
            aggression: 0.5,
        };
        vec![
            sound(Track::Bass, "upright", &["warm", "woody"]),
            sound(Track::Bass, "saw", &["bright"]),
            sound(Track::Bass, "sub", &["warm"]),
            sound(Track::Melody, "flute", &["warm"]),
        ]
    }

    fn bundle(&self) -> BundleFacts {
        BundleFacts { id: "fake".to_owned(), licence: "CC0-1.0".to_owned() }
    }

    fn understanding(&self) -> Option<&dyn TextUnderstanding> {
        Some(self)
    }
}

impl TextUnderstanding for Fake {
    /// Understands "dragons".
    fn sense(&self, text: &str) -> Option<Sense> {
        let phrases = Anchors::parse("dragons = cinematic*1 ~epic").unwrap();
        phrases.sense(&[if text.contains("dragons") { 0.9 } else { 0.0 }])
    }
}

fn with_seed(take: &Take, seed: u64) -> Take {
    let mut take = take.clone();
    take.recipe.seed = seed;
    take.id = take.recipe.take_id();
    take
}

/// A running server; dropping it stops it.
pub struct Running {
    pub addr: SocketAddr,
    pub token: Option<String>,
    stopper: Stopper,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    pub fn start(data: &Path, limits: Limits, token: Option<&str>) -> Self {
        Self::start_with(data, limits, token, Arc::new(Fake))
    }

    pub fn start_with(
        data: &Path,
        limits: Limits,
        token: Option<&str>,
        generator: Arc<dyn Generator>,
    ) -> Self {
        let config = Config {
            addr: "127.0.0.1:0".parse().unwrap(),
            data: data.to_owned(),
            token: token.map(|token| Token::new(token).unwrap()),
            hosts: Vec::new(),
            limits,
        };
        let server = Server::bind(config, generator).unwrap();
        let (addr, stopper) = (server.addr(), server.stopper());
        let thread = std::thread::spawn(move || server.run().unwrap());
        Self { addr, token: token.map(ToOwned::to_owned), stopper, thread: Some(thread) }
    }

    /// Stops it and waits for its end.
    pub fn stop(mut self) {
        self.end();
    }

    /// Tells it to stop, without waiting.
    pub fn ask_to_stop(&self) {
        self.stopper.stop();
    }

    fn end(&mut self) {
        self.stopper.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// Sends raw bytes and reads the response.
    pub fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // The server may respond and close before everything has been sent.
        let _ = stream.write_all(bytes);
        Answer::read(&mut stream)
    }

    pub fn request(&self, method: &str, path: &str, fields: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.addr);
        if let Some(token) = &self.token {
            head += &format!("Authorization: Bearer {token}\r\n");
        }
        for (name, value) in fields {
            head += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        self.raw(&[head.as_bytes(), b"\r\n", body].concat())
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], b"")
    }

    pub fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.request(method, path, &[("Content-Type", "application/json")], body.to_string().as_bytes())
    }

    pub fn new_session(&self) -> String {
        self.request("POST", "/v1/sessions", &[], b"").expect(201).session().id
    }

    pub fn generate(&self, session: &str, prompt: &str) -> Answer {
        self.json(
            "POST",
            &format!("/v1/sessions/{session}/generate"),
            &serde_json::json!({ "prompt": prompt }),
        )
    }

    /// Waits until a job has ended.
    pub fn end_of(&self, job: &JobView) -> JobView {
        let mut job = job.clone();
        while !job.state.is_final() {
            job = self.news_of(&job);
        }
        job
    }

    /// Waits until a job has changed.
    pub fn news_of(&self, job: &JobView) -> JobView {
        self.get(&format!("/v1/jobs/{}?after={}&wait_ms=20000", job.id, job.version)).expect(200).job()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.end();
        }
    }
}

/// A response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        // A connection that is closed while we are still sending ends with an error after the response.
        let _ = stream.read_to_end(&mut bytes);
        let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").unwrap_or(bytes.len());
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head, body: bytes.get(end + 4..).unwrap_or_default().to_vec() }
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.head, String::from_utf8_lossy(&self.body));
        self
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn session(&self) -> SessionView {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn job(&self) -> JobView {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The detail of a problem, after checking its form.
    #[track_caller]
    pub fn detail(&self) -> String {
        assert_eq!(self.field("content-type"), Some("application/problem+json"), "{}", self.head);
        let problem = self.value();
        assert_eq!(problem["status"], self.status);
        problem["detail"].as_str().unwrap().to_owned()
    }
}
