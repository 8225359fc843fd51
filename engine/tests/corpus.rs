//! Replays the fuzzer's corpus: no untrusted input may panic.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod attack;

use std::path::Path;

#[test]
fn no_known_input_panics() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz-corpus");
    for (name, target) in attack::TARGETS {
        let mut files: Vec<_> =
            std::fs::read_dir(corpus.join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= 3, "the corpus of {name} is missing");
        for file in files {
            let data = std::fs::read(&file).unwrap();
            let outcome = std::panic::catch_unwind(|| target(&data));
            assert!(outcome.is_ok(), "{name} panics on {}", file.display());
        }
    }
}
