//! Instrumented builds by the compiler that is pinned anyway, and playback under two of LLVM's sanitisers.
//!
//! The sanitisers are in every stable compiler for Linux and macOS, but behind a switch that only nightly Rust opens by
//! itself; `RUSTC_BOOTSTRAP` opens it here, so that nothing has to be installed.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;

/// The standard library is not instrumented, so that ThreadSanitizer does not see the fence in `Arc` after which a value is
/// freed. Every other access to such a value is looked at.
const SUPPRESSIONS: &str = "race:alloc::sync::Arc*drop_slow\n";

/// A sanitiser.
struct Sanitizer {
    /// As the compiler calls it.
    name: &'static str,
    /// What the compiler is told besides.
    flags: &'static str,
    /// What it prints when something was found.
    finds: &'static str,
}

const SANITIZERS: &[Sanitizer] = &[
    Sanitizer {
        name: "thread",
        flags: "-Cunsafe-allow-abi-mismatch=sanitizer",
        finds: "data races between the audio thread and the others",
    },
    Sanitizer {
        name: "realtime",
        flags: "--cfg realtime_sanitizer",
        finds: "memory, locks and system calls on the audio thread",
    },
];

/// Runs the tests of playback with two threads in ThreadSanitizer and RealtimeSanitizer.
///
/// # Errors
/// A build failed, or something was found.
pub fn run() -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("the sanitisers are set up for Linux only");
    }
    let folder = command::target("sanitize");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let suppressions = folder.join("suppressions");
    fs::write(&suppressions, SUPPRESSIONS).context("cannot write the suppressions")?;
    for Sanitizer { name, flags, finds } in SANITIZERS {
        let mut tests =
            instrumented(&["test", "--package", "resonantgen-engine", "--test", "playback"], name, flags);
        tests
            .arg("--target-dir")
            .arg(folder.join(name))
            .env("TSAN_OPTIONS", format!("suppressions={}", suppressions.display()));
        command::run(&mut tests)?;
        println!("sanitize: no {finds}");
    }
    Ok(())
}

/// Name of this machine's platform: one that is named keeps the compiler's flags from build scripts.
pub fn platform() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

/// A cargo command in the root whose programs are built with a sanitiser.
pub fn instrumented(arguments: &[&str], sanitizer: &str, flags: &str) -> Command {
    let mut command = command::cargo(arguments);
    command
        .args(["--target", &platform()])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", format!("-Zsanitizer={sanitizer} {flags}"));
    command
}
