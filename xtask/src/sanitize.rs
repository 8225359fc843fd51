//! Playback and the plugin under two of LLVM's sanitisers.
//!
//! The sanitisers are part of every compiler for Linux, but enabled by a flag that is reserved for nightly Rust.
//! `RUSTC_BOOTSTRAP` allows it here, so that nothing has to be installed. Only the workspace's crates are instrumented, including
//! their instances of the generic ring between the threads. Everything else is the build used by the other tests: a wrapper
//! around the compiler sets the flag, rather than Cargo, because build scripts of dependencies look at it.
//!
//! RealtimeSanitizer checks the engine's player, and `process` of the whole plugin: the host tests load the bundle that all tests
//! use, and the host intercepts its system calls inside `process` (memory, locks, threads, files). Nothing is suppressed. The
//! only exception is in the host (`tests/tests/clap_host/host.rs`): a block of an offline render may wait for what the song
//! requests, since nobody hears a delay.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::setup::runtime;
use crate::target::Target;
use crate::test::SCOPE;
use crate::{bundle, command};

/// The standard library is not instrumented, so ThreadSanitizer sees neither the fence in `Arc` before a value is freed, nor
/// the synchronisation of the channel that carries test results. Every other access is checked.
const SUPPRESSIONS: &str = "race:alloc::sync::Arc*drop_slow\nrace:test::event::CompletedTest\n";

/// A sanitizer.
struct Sanitizer {
    /// Name of the wrapper.
    name: &'static str,
    /// Compiler flags.
    flags: &'static str,
    /// What it finds.
    finds: &'static str,
}

const SANITIZERS: &[Sanitizer] = &[
    Sanitizer {
        name: "realtime",
        flags: "-Zsanitizer=realtime --cfg=realtime_sanitizer",
        finds: "memory, locks or system calls on the audio thread",
    },
    Sanitizer {
        name: "thread",
        flags: "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer",
        finds: "data races between the audio thread and the others",
    },
];

/// Runs the tests of playback in RealtimeSanitizer and in ThreadSanitizer, and the plugin's tests in a host in
/// RealtimeSanitizer.
///
/// # Errors
/// Returns an error if a build fails, or a sanitizer reports a problem.
pub fn run() -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("the sanitizers are set up for Linux only");
    }
    let folder = command::target("sanitize");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let suppressions = folder.join("suppressions");
    fs::write(&suppressions, SUPPRESSIONS).context("cannot write the suppressions")?;
    for Sanitizer { name, flags, finds } in SANITIZERS {
        let wrapper = folder.join(name);
        script(&wrapper, &format!("#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec \"$@\" {flags}\n"))?;
        let mut tests = command::cargo(["test"]);
        tests
            .args(SCOPE)
            // Not optimised: it builds faster, and every access is as written.
            .args(["--test", "playback", "--config", "profile.dev.package.resonantgen-playback.opt-level=0"])
            .env("RUSTC_WORKSPACE_WRAPPER", wrapper)
            .env("TSAN_OPTIONS", format!("suppressions={}", suppressions.display()));
        command::run(&mut tests)?;
        println!("sanitize: no {finds}");
    }
    plugin(&folder)
}

/// Runs the plugin's `process` in a host, in RealtimeSanitizer.
fn plugin(folder: &Path) -> Result<()> {
    let runtime = runtime::ensure(Target::HERE)?;
    let plugins = bundle::run(Target::HERE, false)?;
    let mut tests = command::cargo(["test"]);
    tests
        .args(SCOPE)
        .args(["--test", "clap_host"])
        .env("RUSTC_WORKSPACE_WRAPPER", folder.join(SANITIZERS[0].name))
        .env("RESONANTGEN_RUNTIME", runtime)
        .env("RESONANTGEN_PLUGINS", plugins);
    command::run(&mut tests)?;
    println!("sanitize: no {} in the plugin's process", SANITIZERS[0].finds);
    Ok(())
}

/// Writes an executable shell script.
fn script(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    command::run(Command::new("chmod").arg("+x").arg(path))
}
