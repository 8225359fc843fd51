//! `resonantgen serve` as a process, and a minimal client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::program;

/// A server process; dropping it kills it.
#[derive(Debug)]
pub struct Served {
    process: Child,
    /// Host and port.
    pub address: String,
}

impl Served {
    /// Starts it on a free port, with its sessions in `data`.
    ///
    /// # Panics
    /// Panics if it does not start; every function here panics if the server misbehaves.
    #[must_use]
    pub fn start(data: &Path) -> Self {
        let data = data.to_str().expect("temporary folders have plain names");
        Self::begin(program::command(&["serve", "--addr", "127.0.0.1:0", "--data", data]))
    }

    /// Starts it with a command that prints the server's address.
    ///
    /// # Panics
    /// Panics if it does not start.
    #[must_use]
    pub fn begin(mut command: Command) -> Self {
        let mut process =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the server starts");
        let output = process.stdout.take().expect("its output is piped");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("it prints its address");
        let address = line.trim().trim_start_matches("http://").trim_end_matches('/').to_owned();
        assert!(!address.is_empty(), "the server ended at once");
        Self { process, address }
    }

    /// Kills it as `kill -9` does, without warning.
    ///
    /// # Panics
    /// Panics if it has already ended.
    pub fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }

    /// The process's id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it ends by itself; returns its exit code.
    ///
    /// # Panics
    /// Panics if the system does not report it.
    pub fn wait_for_end(&mut self) -> Option<i32> {
        self.process.wait().expect("it ends").code()
    }

    /// The status and the body of a response; the request's body is JSON.
    #[must_use]
    pub fn bytes(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Vec<u8>) {
        match body {
            Some(body) => self.send(method, path, "application/json", body.to_string().as_bytes()),
            None => self.send(method, path, "", b""),
        }
    }

    /// The status and the body of a response to a request with any body.
    ///
    /// # Panics
    /// Panics if there is no response.
    #[must_use]
    pub fn send(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        if !body.is_empty() {
            head += &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
        }
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.write_all(&[head.as_bytes(), b"\r\n", body].concat()).expect("it reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("it answers");
        let end = answer.windows(4).position(|part| part == b"\r\n\r\n").expect("an answer has a head");
        let status = String::from_utf8_lossy(&answer[9..12]).parse().expect("an answer has a status");
        (status, answer.split_off(end + 4))
    }

    /// The status and the JSON of a response.
    #[must_use]
    pub fn json(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let (status, bytes) = self.bytes(method, path, body);
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// The JSON at a path.
    ///
    /// # Panics
    /// Panics if there is none.
    #[must_use]
    pub fn get(&self, path: &str) -> Value {
        let (status, value) = self.json("GET", path, None);
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    /// Creates a session; returns its id.
    ///
    /// # Panics
    /// Panics if it is refused.
    #[must_use]
    pub fn new_session(&self) -> String {
        let (status, session) = self.json("POST", "/v1/sessions", None);
        assert_eq!(status, 201, "{session}");
        text(&session["id"])
    }

    /// Requests a bar of drums; returns the job's id.
    ///
    /// # Panics
    /// Panics if it is refused.
    #[must_use]
    pub fn request_drums(&self, session: &str, seed: u32) -> String {
        let body = json!({ "prompt": "techno", "bars": 1, "bpm": 240, "tracks": ["drums"], "seed": seed });
        let (status, job) = self.json("POST", &format!("/v1/sessions/{session}/generate"), Some(&body));
        assert_eq!(status, 202, "{job}");
        text(&job["id"])
    }

    /// Requests a job and waits for its success.
    ///
    /// # Panics
    /// Panics if it is refused or fails.
    pub fn make(&self, path: &str, body: &Value) {
        let (status, job) = self.json("POST", path, Some(body));
        assert_eq!(status, 202, "{job}");
        let end = self.wait(&text(&job["id"]), &["queued", "running"]);
        assert_eq!(end["state"], "done", "{end}");
    }

    /// The active take of a track, and its audio.
    ///
    /// # Panics
    /// Panics if there is none.
    #[must_use]
    pub fn sound(&self, session: &str, track: usize) -> (String, Vec<u8>) {
        let take = text(&self.get(&format!("/v1/sessions/{session}"))["tracks"][track]["take"]);
        let (status, sound) =
            self.bytes("GET", &format!("/v1/sessions/{session}/takes/{take}/audio.wav"), None);
        assert_eq!(status, 200);
        (take, sound)
    }

    /// Waits until a job is past `states`.
    ///
    /// # Panics
    /// Panics if the job is not known.
    #[must_use]
    pub fn wait(&self, job: &str, states: &[&str]) -> Value {
        let mut after = 0;
        loop {
            let now = self.get(&format!("/v1/jobs/{job}?after={after}&wait_ms=20000"));
            if !states.contains(&now["state"].as_str().expect("a job has a state")) {
                return now;
            }
            after = now["version"].as_u64().expect("a job has a version");
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A string in JSON.
///
/// # Panics
/// Panics if it is not a string.
#[must_use]
pub fn text(value: &Value) -> String {
    value.as_str().expect("it is a text").to_owned()
}
