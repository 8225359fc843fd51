//! The web page: one document that loads nothing from elsewhere.

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};

const DOCUMENT: &str = include_str!("page.html");

/// The page with its content security policy.
#[derive(Debug)]
pub struct Page {
    policy: HeaderValue,
}

impl Page {
    /// Allows exactly the document's own script and style, and requests to this server.
    pub(super) fn new() -> Self {
        let hash = |element: &str| {
            let (_, rest) = DOCUMENT.split_once(&format!("<{element}>")).expect("the page has one");
            let (content, _) = rest.split_once(&format!("</{element}>")).expect("the page closes it");
            format!("'sha256-{}'", BASE64.encode(Sha256::digest(content)))
        };
        let policy = format!(
            "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; img-src data:; media-src blob:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            hash("script"),
            hash("style"),
        );
        Self { policy: HeaderValue::from_str(&policy).expect("hashes and constants") }
    }

    pub(super) fn response(&self) -> Response {
        ([(header::CONTENT_SECURITY_POLICY, self.policy.clone())], Html(DOCUMENT)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        for part in ["http://", "https://", "//cdn", "@import", " src=\"", "url("] {
            let others = DOCUMENT.matches(part).count();
            // The SVG namespace is not an address.
            let names =
                if part == "http://" { DOCUMENT.matches("http://www.w3.org/2000/svg").count() } else { 0 };
            assert_eq!(others, names, "the page says {part}");
        }
        assert_eq!((DOCUMENT.matches("<script").count(), DOCUMENT.matches("<style").count()), (1, 1));
        assert!(!DOCUMENT.contains("style=\""), "the policy allows no inline styles");
        assert!(Page::new().policy.to_str().is_ok_and(|policy| policy.contains("default-src 'none'")));
    }
}
