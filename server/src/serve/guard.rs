//! Access control.
//!
//! A server on a loopback address trusts this machine's programs, but not the pages in its browser: a page may send
//! requests to any address (cross-site request forgery), and may point its own name here (DNS rebinding). So the `Host`
//! must be a loopback name, an `Origin` must be our own, and the browser must not mark the request as cross-site. On any
//! other address a token is required.

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::metrics::Metrics;
use super::problem::Problem;

/// Minimum length of a token in characters.
const TOKEN_CHARACTERS: usize = 16;
/// Paths open without a token: the page (which asks for it), the API description, and the health check.
const PUBLIC: &[&str] = &["/", "/openapi.json", "/health"];

/// A secret that requests must present. Only its hash is kept.
#[derive(Clone)]
pub struct Token([u8; 32]);

/// The token is too easy to guess, or cannot be sent in a header.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a token must have at least {TOKEN_CHARACTERS} letters, digits or symbols, without spaces")]
pub struct WeakToken;

impl Token {
    /// Validates and hashes a token.
    ///
    /// # Errors
    /// Returns an error if the token is too short, or has characters that are not allowed in a header field.
    pub fn new(text: &str) -> Result<Self, WeakToken> {
        if text.len() < TOKEN_CHARACTERS || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(WeakToken);
        }
        Ok(Self(Sha256::digest(text).into()))
    }

    /// Constant-time comparison that does not reveal even the token's length.
    fn is(&self, text: &[u8]) -> bool {
        let other: [u8; 32] = Sha256::digest(text).into();
        self.0.ct_eq(&other).into()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Token(…)")
    }
}

/// Access rules of one server.
#[derive(Debug)]
pub struct Guard {
    token: Option<Token>,
    hosts: Vec<String>,
    loopback: bool,
}

impl Guard {
    pub(super) fn new(token: Option<Token>, hosts: Vec<String>, loopback: bool) -> Self {
        Self { token, hosts, loopback }
    }

    /// Whether requests need a token.
    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Checks a request; refuses it if the rules do not allow it.
    pub(super) fn check(&self, request: &Request, metrics: &Metrics) -> Result<(), Problem> {
        let is_public = PUBLIC.contains(&request.uri().path());
        self.check_origin(request, is_public).inspect_err(|_| metrics.origin_refused())?;
        if !is_public && !self.knows(request.headers()) {
            metrics.token_refused();
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "this server requires a token: send it as 'Authorization: Bearer TOKEN'",
            ));
        }
        Ok(())
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let mut fields = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(field), None) = (fields.next(), fields.next()) else { return false };
        match field.as_bytes().split_at_checked(7) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"bearer ") => token.is(rest.trim_ascii()),
            _ => false,
        }
    }

    fn check_origin(&self, request: &Request, is_public: bool) -> Result<(), Problem> {
        let headers = request.headers();
        let refused = |detail: &str| Problem::new(StatusCode::FORBIDDEN, detail);
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "a request must have exactly one Host field"));
        };
        let host = host.to_str().map_err(|_| refused("the Host field is not valid text"))?;
        let named = request.uri().authority().map(|authority| authority.as_str());
        if named.is_some_and(|named| !named.eq_ignore_ascii_case(host)) {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "the request names two hosts"));
        }
        let name = without_port(host);
        let is_listed = self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name));
        if self.loopback && !is_listed && !is_loopback_name(name) {
            return Err(refused(
                "this server answers only to the name localhost: start it with --host NAME to allow another name",
            ));
        }
        if let Some(origin) = headers.get(header::ORIGIN) {
            let own = |scheme: &str| {
                let rest = origin.as_bytes().strip_prefix(scheme.as_bytes());
                rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host.as_bytes()))
            };
            if !own("http://") && !own("https://") {
                return Err(refused("pages from other sites may not use this server"));
            }
        }
        let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
        if !is_public && site.is_some_and(|site| site != b"same-origin" && site != b"none") {
            return Err(refused("pages from other sites may not use this server"));
        }
        Ok(())
    }
}

/// `name:port`, `[v6]:port` or either without a port.
fn without_port(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

fn is_loopback_name(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    const SECRET: &str = "a-token-of-24-characters";

    fn status(guard: &Guard, path: &str, fields: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().uri(path);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        guard.check(&request, &Metrics::default()).map_or_else(|problem| problem.status.as_u16(), |()| 200)
    }

    #[test]
    fn a_loopback_server_answers_to_this_machine_only() {
        let guard = Guard::new(None, vec!["stems.example".to_owned()], true);
        let jobs = "/v1/jobs";
        for host in
            ["localhost:7878", "127.0.0.1:7878", "[::1]:7878", "LOCALHOST", "127.1.2.3", "stems.example"]
        {
            assert_eq!(status(&guard, jobs, &[("host", host)]), 200, "{host}");
        }
        for host in [
            "evil.example:7878",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
            "0.0.0.0",
            "[::ffff:8.8.8.8]",
        ] {
            assert_eq!(status(&guard, jobs, &[("host", host)]), 403, "{host}");
        }
        assert_eq!(status(&guard, jobs, &[]), 400);
        assert_eq!(status(&guard, jobs, &[("host", "localhost"), ("host", "evil.example")]), 400);
        assert_eq!(status(&guard, "http://evil.example/v1/jobs", &[("host", "localhost")]), 400);
    }

    #[test]
    fn pages_of_other_sites_are_kept_out() {
        let guard = Guard::new(None, Vec::new(), true);
        let with = |name, value| status(&guard, "/v1/jobs", &[("host", "localhost:7878"), (name, value)]);
        assert_eq!(with("origin", "http://localhost:7878"), 200);
        for origin in ["http://localhost:3000", "http://localhost", "null", "https://evil.example", ""] {
            assert_eq!(with("origin", origin), 403, "{origin}");
        }
        assert_eq!(with("sec-fetch-site", "same-origin"), 200);
        assert_eq!(with("sec-fetch-site", "none"), 200);
        assert_eq!(with("sec-fetch-site", "same-site"), 403);
        assert_eq!(with("sec-fetch-site", "cross-site"), 403);
        let link = status(&guard, "/", &[("host", "localhost:7878"), ("sec-fetch-site", "cross-site")]);
        assert_eq!(link, 200);
    }

    #[test]
    fn a_token_is_demanded_where_there_is_one() {
        let guard = Guard::new(Some(Token::new(SECRET).expect("a good one")), Vec::new(), false);
        let with = |field: &str| {
            status(&guard, "/v1/jobs", &[("host", "studio.example:7878"), ("authorization", field)])
        };
        assert_eq!(with(&format!("Bearer {SECRET}")), 200);
        assert_eq!(with(&format!("bearer  {SECRET}")), 200);
        for wrong in ["", "Bearer", "Bearer ", "Basic a-token-of-24-characters", SECRET] {
            assert_eq!(with(wrong), 401, "{wrong}");
        }
        assert_eq!(with(&format!("Bearer {SECRET}x")), 401);
        assert_eq!(with(&format!("Bearer {}", &SECRET[1..])), 401);
        assert_eq!(status(&guard, "/v1/jobs", &[("host", "studio.example")]), 401);
        assert_eq!(status(&guard, "/metrics", &[("host", "studio.example")]), 401);
        assert_eq!(status(&guard, "/health", &[("host", "studio.example")]), 200);
    }

    #[test]
    fn weak_tokens_are_refused_and_none_is_printed() {
        for weak in ["", "short", "sixteen letters!", "sixteen-letters\u{e9}"] {
            assert_eq!(Token::new(weak).err(), Some(WeakToken), "{weak}");
        }
        let token = Token::new(SECRET).expect("a good one");
        assert!(!format!("{token:?}").contains(SECRET));
    }
}
