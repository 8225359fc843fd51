//! Sends arbitrary bytes over a connection: the server must respond, never with an internal error, and keep running.
//!
//! The fuzz target `http` calls this with new inputs, `server/tests/corpus.rs` with earlier ones. It needs the module
//! `support` next to it.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use resonantgen_models::generator::{GenerateError, Observer};
use resonantgen_models::sounds::Sound;
use resonantgen_music::track::Track;
use resonantgen_project as project;
use resonantgen_server::serve::{Generator, Limits, Performance};
use resonantgen_server::wire::SESSION_TYPE;
use resonantgen_session::{BundleFacts, Request, Session, SessionError};
use resonantgen_take::Take;

use crate::support::{Answer, Running, four_takes};

/// Longest wait. Nothing should need it, because every input ends with the end of the connection, so it can be far longer
/// than a busy machine needs to respond.
const PATIENCE: Duration = Duration::from_secs(60);

/// The connection preface of HTTP/2 (RFC 9113, section 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A generator that makes nothing, at once.
struct Nothing;

impl Generator for Nothing {
    fn apply(&self, _: &mut Session, _: &Request, _: &dyn Observer) -> Result<(), SessionError> {
        Ok(())
    }

    fn make_again(&self, _: &Take, _: &[Arc<Take>], _: &dyn Observer) -> Result<Option<Take>, GenerateError> {
        Ok(None)
    }

    fn perform(
        &self,
        _: &mut Session,
        _: Track,
        _: &Performance<'_>,
        _: &dyn Observer,
    ) -> Result<(), SessionError> {
        Ok(())
    }

    fn sounds(&self) -> Vec<Sound> {
        Vec::new()
    }

    fn bundle(&self) -> BundleFacts {
        BundleFacts::default()
    }
}

/// A server with one session that has a take on each track.
struct Target {
    server: Running,
    session: String,
    _folder: tempfile::TempDir,
}

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        sessions: 4,
        upload_bytes: 1 << 20,
        request_time: PATIENCE,
        stall_time: PATIENCE,
        job_time: PATIENCE,
        ..Limits::default()
    };
    let server = Running::start_with(folder.path(), limits, None, Arc::new(Nothing));
    let kind = [("Content-Type", SESSION_TYPE)];
    let big = Limits::default().upload_bytes;
    let bytes = project::to_bytes(&four_takes());
    assert!(bytes.len() < big);
    let session = server.request("POST", "/v1/sessions", &kind, &bytes).expect(201).session().id;
    Target { server, session, _folder: folder }
});

/// Sends bytes over a connection; the first byte selects how the others are used.
pub fn http(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let Target { server, session, .. } = &*TARGET;
    let of_session = |path: &str| format!("/v1/sessions/{session}/{path}");
    let json = [("Content-Type", "application/json")];
    // Characters that the server's HTTP library accepts in the first line or in a header field.
    let line: String =
        rest.iter().take(500).filter(|byte| byte.is_ascii_graphic()).map(|byte| char::from(*byte)).collect();
    let answer = match kind % 9 {
        0 => {
            let mut stream = TcpStream::connect(server.addr).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            // The server may respond and close before everything has been sent.
            let _ = stream.write_all(rest);
            let _ = stream.shutdown(Shutdown::Write);
            Answer::read(&mut stream)
        }
        1 => server.request("POST", &of_session("generate"), &json, rest),
        2 => server.request("POST", &of_session("tracks/bass/regenerate"), &json, rest),
        3 => server.request("PUT", &of_session("tracks/bass/take"), &json, rest),
        4 => server.request("POST", "/v1/sessions?lent=true", &[("Content-Type", SESSION_TYPE)], rest),
        5 => {
            let (query, body) = rest.split_at(rest.iter().position(|byte| *byte == b'\n').unwrap_or(0));
            let query = String::from_utf8_lossy(query).replace(|sign: char| !sign.is_ascii_graphic(), "");
            server.request("POST", &of_session(&format!("tracks/drums/import?{query}")), &[], body)
        }
        6 => server.request("GET", &of_session("drums.wav"), &[("Range", &line)], b""),
        7 => server.request("GET", &format!("/{line}"), &[], b""),
        _ => server.request("GET", &of_session(&line), &[("If-None-Match", &line)], b""),
    };
    assert_ne!(answer.status, 500, "{}\n{}", answer.head, String::from_utf8_lossy(&answer.body));
    // The HTTP library takes an unreadable request followed by this for HTTP/2, and closes without a response.
    let is_http2 = rest.windows(HTTP2_PREFACE.len()).any(|part| part == HTTP2_PREFACE);
    if *kind % 9 != 0 && !is_http2 {
        assert_ne!(answer.status, 0, "no answer");
    }
}
