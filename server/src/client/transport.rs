//! Requests and responses.

use std::io::ErrorKind;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::RemoteError;
use crate::wire::Problem;

/// Default port.
const PORT: u16 = 7878;
/// Connection timeout.
const CONNECT: Duration = Duration::from_secs(3);
/// Largest response in bytes: the longest session.
const ANSWER_BYTES: u64 = 512 << 20;

/// How often a pending request checks for cancellation.
const CANCEL_POLL: Duration = Duration::from_millis(20);

/// Request method.
#[derive(Clone, Debug)]
pub(super) enum Method {
    Get,
    Delete,
    /// With a content type and a body.
    Post(&'static str, Vec<u8>),
}

/// Connection parameters of one server.
#[derive(Clone)]
pub(super) struct Transport {
    agent: ureq::Agent,
    address: String,
    token: Option<String>,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Transport").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Transport {
    pub(super) fn new(address: &str, token: Option<&str>) -> Result<Self, RemoteError> {
        let agent = ureq::Agent::config_builder()
            .timeout_connect(Some(CONNECT))
            .http_status_as_error(false)
            .max_redirects(0)
            // The server is on the local network; the system's web proxy is not used.
            .proxy(None)
            .build()
            .into();
        Ok(Self { agent, address: normal(address)?, token: token.map(ToOwned::to_owned) })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Sends a request and parses the response as JSON.
    ///
    /// # Errors
    /// Returns the errors of [`Self::bytes`], and an error if the response is not the expected JSON.
    pub(super) fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        time: Duration,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<T, RemoteError> {
        let bytes = self.bytes(method, path, time, is_cancelled)?;
        serde_json::from_slice(&bytes).map_err(|error| RemoteError::Answer(error.to_string()))
    }

    /// Sends a request and returns the response's bytes. Name resolution, the connection and the server can block for as
    /// long as `time`, so the request runs on a thread of its own, which owns nothing else. A cancelled request abandons it.
    ///
    /// # Errors
    /// Returns [`RemoteError::Cancelled`] soon after `is_cancelled` returns true, and otherwise the reason why there was no
    /// response.
    pub(super) fn bytes(
        &self,
        method: Method,
        path: &str,
        time: Duration,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<Vec<u8>, RemoteError> {
        let (sender, receiver) = mpsc::channel();
        let (transport, path) = (self.clone(), path.to_owned());
        let request = move || {
            // After a cancellation, nobody is listening.
            let _ = sender.send(transport.wait_for_bytes(method, &path, time));
        };
        let gone = |reason: String| RemoteError::Gone { address: self.address.clone(), reason };
        std::thread::Builder::new()
            .name("resonantgen request".to_owned())
            .spawn(request)
            .map_err(|error| gone(error.to_string()))?;
        loop {
            match receiver.recv_timeout(CANCEL_POLL) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout) if is_cancelled() => return Err(RemoteError::Cancelled),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(gone("the request failed".to_owned())),
            }
        }
    }

    fn wait_for_bytes(&self, method: Method, path: &str, time: Duration) -> Result<Vec<u8>, RemoteError> {
        let url = format!("http://{}{path}", self.address);
        let bearer = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let gone =
            |error: ureq::Error| RemoteError::Gone { address: self.address.clone(), reason: reason(&error) };
        let mut response = match method {
            Method::Get | Method::Delete => {
                let mut request = if matches!(method, Method::Get) {
                    self.agent.get(&url)
                } else {
                    self.agent.delete(&url)
                };
                if let Some(bearer) = &bearer {
                    request = request.header("authorization", bearer);
                }
                request.config().timeout_global(Some(time)).build().call()
            }
            Method::Post(kind, body) => {
                let mut request = self.agent.post(&url).header("content-type", kind);
                if let Some(bearer) = &bearer {
                    request = request.header("authorization", bearer);
                }
                request.config().timeout_global(Some(time)).build().send(&body[..])
            }
        }
        .map_err(gone)?;
        let status = response.status().as_u16();
        let bytes = response.body_mut().with_config().limit(ANSWER_BYTES).read_to_vec().map_err(gone)?;
        if (200..300).contains(&status) {
            return Ok(bytes);
        }
        let detail = serde_json::from_slice::<Problem>(&bytes)
            .map_or_else(|_| format!("it responded with status {status}"), |problem| problem.detail);
        Err(match status {
            401 => RemoteError::Token(self.address.clone()),
            409 | 413 | 422 => RemoteError::Refused(detail),
            _ => RemoteError::Failed(detail),
        })
    }
}

/// Normalises a typed address to `host:port`.
fn normal(address: &str) -> Result<String, RemoteError> {
    let wrong = || RemoteError::Address(address.to_owned());
    let text = address.trim();
    if text.starts_with("https://") {
        return Err(RemoteError::Https(address.to_owned()));
    }
    let text = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_of_name) {
        return Err(wrong());
    }
    // An IPv6 address has colons within brackets.
    let after_brackets = text.rsplit_once(']').map_or(text, |(_, rest)| rest);
    match after_brackets.rsplit_once(':') {
        Some((_, port)) => port.parse::<u16>().map(|_| text.to_owned()).map_err(|_| wrong()),
        None => Ok(format!("{text}:{PORT}")),
    }
}

/// Why there was no response, in words.
fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            "no server listens there".to_owned()
        }
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::HostNotFound => "there is no machine with that name".to_owned(),
        ureq::Error::Timeout(_) => "timed out".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_type_them() {
        for (typed, expected) in [
            ("studio.local", "studio.local:7878"),
            (" http://127.0.0.1:9000/ ", "127.0.0.1:9000"),
            ("[::1]", "[::1]:7878"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(normal(typed).expect("an address"), expected);
        }
        for wrong in ["", "a b", "studio:port", "studio/path", "user@studio", "studio:99999", "studio?x"] {
            assert!(matches!(normal(wrong), Err(RemoteError::Address(_))), "{wrong}");
        }
        assert!(matches!(normal("https://studio"), Err(RemoteError::Https(_))));
    }

    #[test]
    fn nobody_there_is_told_at_once() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("a port");
        let transport = Transport::new(&free.to_string(), None).expect("an address");
        let error = transport.bytes(Method::Get, "/health", CONNECT, &|| false).expect_err("nobody");
        assert!(error.is_of_server(), "{error}");
        assert!(error.to_string().ends_with("does not answer (no server listens there)"), "{error}");
    }

    /// Servers that stall a request: one that says nothing, one that does not read, one that sends a byte at a time.
    #[test]
    fn a_request_to_a_stalled_server_is_cancelled() {
        use std::io::{Read, Write};
        use std::net::TcpListener;
        use std::sync::Arc;
        use std::sync::atomic::{AtomicBool, Ordering};

        let body = vec![0_u8; 64 << 20];
        for kind in ["silent", "does not read", "drips"] {
            let server = TcpListener::bind("127.0.0.1:0").expect("a port");
            let address = server.local_addr().expect("a port").to_string();
            let (is_reached, is_over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
            let serving = {
                let (is_reached, is_over) = (Arc::clone(&is_reached), Arc::clone(&is_over));
                std::thread::spawn(move || {
                    let (mut stream, _) = server.accept().expect("a request");
                    if kind != "does not read" {
                        let _ = stream.read(&mut [0; 1024]);
                    }
                    if kind == "drips" {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
                    }
                    is_reached.store(true, Ordering::Release);
                    while !is_over.load(Ordering::Acquire) {
                        if kind == "drips" {
                            let _ = stream.write_all(b".");
                        }
                        std::thread::yield_now();
                    }
                })
            };
            let transport = Transport::new(&address, None).expect("an address");
            let method =
                if kind == "does not read" { Method::Post("x/y", body.clone()) } else { Method::Get };
            // Would otherwise take an hour.
            let time = Duration::from_secs(3_600);
            let answer = transport.bytes(method, "/", time, &|| is_reached.load(Ordering::Acquire));
            assert_eq!(answer, Err(RemoteError::Cancelled), "a server that {kind}");
            is_over.store(true, Ordering::Release);
            serving.join().expect("no panic");
        }
    }
}
