//! A fake runtime library with a graphics card, and what the engine does when the library or the card fails. It is a separate
//! library, loaded like the real one, so that everything between engine and runtime works as with a card. Linux only: the
//! boundary is the same everywhere, and the fake opens the real library by a Linux call.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a test, whose child process prints what it did"
)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use resonantgen_models::generator::{Engine, EngineOptions, Silent};
use resonantgen_models::runtime::{Provider, ProviderChoice};
use resonantgen_music::track::Track;
use sha2::{Digest, Sha256};
use support::{TakeInputs, fixture, runtime_library};

const MODE: &str = "FAKE_MODE";

/// Builds the fake in a folder.
fn build(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake_runtime/library.rs");
    let library = folder.join("libonnxruntime.so");
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let done = Command::new(compiler)
        .args(["--edition", "2024", "--crate-type", "cdylib", "--crate-name", "fake_runtime", "-o"])
        .args([&library, &source])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    library
}

/// The real library's file.
fn real() -> PathBuf {
    let path = runtime_library();
    if path.is_file() {
        return path;
    }
    let files = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
    let is_library =
        |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("libonnxruntime.so");
    files.filter(is_library).max().unwrap()
}

/// The output of a process that makes a take with the fake in a mode: the card's status and the take's hash, or an error.
fn made_with(library: &Path, mode: &str) -> (String, String) {
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_process_with_the_fake", "--ignored", "--nocapture"])
        .env("RESONANTGEN_RUNTIME", library)
        .env("FAKE_REAL", real())
        .env(MODE, mode)
        .env_remove("ORT_DISABLE_TELEMETRY")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let line = |name: &str| {
        let found = text.lines().find_map(|line| line.split_once(name));
        found.map(|(_, rest)| rest.trim().to_owned())
    };
    let failed = || panic!("{mode}: {text}{}", String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{mode}: {text}");
    (line("STATUS").unwrap_or_else(failed), line("TAKE").unwrap_or_default())
}

#[test]
#[ignore = "chore: run by the other tests, in a process with the fake library"]
fn a_process_with_the_fake() {
    let options =
        EngineOptions { provider: ProviderChoice::Cuda, threads: 1, ..EngineOptions::new(fixture()) };
    let engine = match Engine::open(&options) {
        Ok(engine) => engine,
        Err(error) => {
            println!("STATUS {error}");
            return;
        }
    };
    let inputs = TakeInputs::new(Track::Bass, 8);
    let take = engine.generate_take(&inputs.request(), &Silent).unwrap();
    let mut hash = Sha256::new();
    for sample in take.audio.left.iter().chain(&take.audio.right) {
        hash.update(sample.to_le_bytes());
    }
    let cuda = engine.providers().into_iter().find(|status| status.provider == Provider::Cuda).unwrap();
    println!("STATUS {} {}", if cuda.in_use { "used:" } else { "unused:" }, cuda.reason);
    println!("TAKE {}", hex::encode(hash.finalize()));
}

#[test]
fn a_card_that_fails_at_any_moment_costs_no_take() {
    let folder = tempfile::tempdir().unwrap();
    let library = build(folder.path());
    let (status, expected) = made_with(&library, "works");
    assert_eq!(status, "used: runs decode, perform");
    assert!(!expected.is_empty());
    for (mode, found) in [
        ("unstartable", "unused: it does not start: "),
        ("refuses", "unused: it does not start: "),
        ("unloadable", "used: runs perform; decode does not load on it: "),
        ("fails", "unused: decode failed on it: "),
    ] {
        let (status, take) = made_with(&library, mode);
        assert!(status.starts_with(found), "{mode}: {status}");
        let reason = match mode {
            "unstartable" => "driver version is insufficient",
            "refuses" => "no CUDA-capable device",
            "unloadable" => "Could not find an implementation",
            _ => "an illegal memory access",
        };
        assert!(status.contains(reason), "{mode}: {status}");
        assert_eq!(take, expected, "{mode}: the processor takes over within the take");
    }
}

#[test]
fn a_library_that_is_no_use_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let library = build(folder.path());
    for (mode, part) in [
        ("old", "is ONNX Runtime 1.17.3, version 1.24 or newer is needed"),
        ("talkative", "reports how it is used"),
        ("hollow", "does not start"),
    ] {
        let (error, take) = made_with(&library, mode);
        assert!(error.contains(part) && take.is_empty(), "{mode}: {error}");
    }
    let (error, _) = made_with(&std::env::current_exe().unwrap(), "no library");
    assert!(error.contains("cannot be loaded"), "{error}");
}
