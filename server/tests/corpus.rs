//! Replays the fuzzer's corpus against a running server.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod bytes;
mod support;

use std::path::Path;

#[test]
fn no_known_request_fails() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz-corpus/http");
    let mut files: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 3, "the corpus is missing");
    for file in files {
        let data = std::fs::read(&file).unwrap();
        let outcome = std::panic::catch_unwind(|| bytes::http(&data));
        assert!(outcome.is_ok(), "fails on {}", file.display());
    }
}
