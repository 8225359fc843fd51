//! Every parser of untrusted bytes, as a function of those bytes: none may panic, hang or allocate without bound.
//!
//! The fuzz targets in `fuzz/` call them with new inputs, `engine/tests/corpus.rs` with earlier ones.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use std::io::Cursor;

use resonantgen_foreign::encodec::TokensFile;
use resonantgen_import::{ImportOptions, import_loop};
use resonantgen_models::bundle;
use resonantgen_music::track::Track;
use resonantgen_project as project;
use resonantgen_session::Overrides;
use resonantgen_words::form::{Form, Length, MOST_BARS};
use resonantgen_words::genre::Genres;
use resonantgen_words::make_plan;
use sha2::{Digest, Sha256};

/// A function of bytes.
pub type Target = fn(&[u8]);

/// Name (a fuzz target, a folder of `tests/fuzz-corpus/`) and function.
pub const TARGETS: &[(&str, Target)] = &[
    ("blob", blob),
    ("import", import),
    ("manifest", manifest),
    ("network", network),
    ("patches", patches),
    ("prompt", prompt),
    ("session", session),
    ("tokens", tokens),
];

/// A host's saved state: raw, and inside a valid frame with a correct checksum.
pub fn blob(data: &[u8]) {
    let _ = project::from_bytes(data);
    let _ = project::from_project(data);
    let mut framed = b"RESONANT".to_vec();
    framed.extend_from_slice(&1_u32.to_le_bytes());
    framed.extend_from_slice(data);
    framed.extend_from_slice(&Sha256::digest(&framed));
    if let Ok(session) = project::from_bytes(&framed) {
        let again = project::from_bytes(&project::to_bytes(&session)).expect("what was written can be read");
        assert_eq!(project::to_bytes(&again), project::to_bytes(&session));
    }
    let mut framed = b"RESONANT".to_vec();
    framed.extend_from_slice(&4_u32.to_le_bytes());
    let record = data
        .len()
        .min(data.first_chunk().map_or(0, |length| u64::from_le_bytes(*length) as usize).saturating_add(8));
    framed.extend_from_slice(&data[..record]);
    framed.extend_from_slice(&Sha256::digest(&framed));
    framed.extend_from_slice(&data[record..]);
    if let Ok(opened) = project::from_project(&framed) {
        let bytes = project::to_project(&opened.session);
        let again = project::from_project(&bytes).expect("what was written can be read");
        assert_eq!(project::to_project(&again.session), bytes);
    }
}

/// The manifest of a bundle.
pub fn manifest(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = bundle::check_manifest(text);
        let _ = resonantgen_foreign::check_manifest(text);
    }
}

/// The patch list of a bundle.
pub fn patches(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = bundle::check_patches(text);
    }
}

/// A network file.
pub fn network(data: &[u8]) {
    let _ = bundle::onnx::check(Cursor::new(data), data.len() as u64);
}

/// Tokens of a codec.
pub fn tokens(data: &[u8]) {
    if let Ok(tokens) = TokensFile::from_bytes(data) {
        assert_eq!(TokensFile::from_bytes(&tokens.to_bytes()), Ok(tokens));
    }
}

/// Typed text: read as a song's form, a length and, if it looks like one, a genre table; parsed as a prompt, and if
/// understood, planned and used as an edit.
pub fn prompt(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(form) = text.parse::<Form>() {
        for wanted in [1, 64, MOST_BARS] {
            assert!((1..=MOST_BARS).contains(&form.scaled(wanted).bars()));
        }
    }
    let _ = text.parse::<Length>();
    if text.starts_with('[') {
        let _ = Genres::with(&[("mine.toml", text)]);
    }
    let _ = resonantgen_words::is_understood(text);
    let Ok(intent) = resonantgen_words::parse(text) else { return };
    let _ = intent.summary();
    if let Ok(plan) = make_plan(&intent, &Overrides::default(), 7) {
        assert!(plan.chords.len() == 2 * plan.bars as usize && plan.bpm.is_finite());
    }
    for track in Track::ALL {
        let _ = resonantgen_words::edit(&intent, track, text);
    }
}

/// The record of a session's folder.
pub fn session(data: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("session.json"), data).unwrap();
    if let Ok(opened) = project::load(folder.path()) {
        let _ = project::to_bytes(&opened.session);
    }
}

/// An audio file to import, with a given tempo, so that short inputs reach later stages.
pub fn import(data: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loop.wav");
    std::fs::write(&path, data).unwrap();
    let mut options = ImportOptions::new(Track::Bass);
    options.bpm = Some(240.0);
    options.bars = Some(1);
    if let Ok(imported) = import_loop(&path, &options, &()) {
        assert!(imported.take.audio.left.len() == imported.take.audio.right.len());
    }
}
