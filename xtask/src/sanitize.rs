//! Runs playback under two of LLVM's sanitizers.
//!
//! Every compiler for Linux contains them, behind an unstable option. `RUSTC_BOOTSTRAP` enables it here, so that nothing has
//! to be installed. Only the engine is instrumented, including its instances of the generic ring between the threads.
//! Everything else is reused from the build of the other tests: the variable is set by a compiler wrapper and not for all of
//! Cargo, because build scripts of dependencies react to it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;
use crate::test::SCOPE;

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

/// Runs the playback tests under RealtimeSanitizer and ThreadSanitizer.
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
            .args(["--test", "playback", "--config", "profile.dev.package.resonantgen-engine.opt-level=0"])
            .env("RUSTC_WORKSPACE_WRAPPER", wrapper)
            .env("TSAN_OPTIONS", format!("suppressions={}", suppressions.display()));
        command::run(&mut tests)?;
        println!("sanitize: no {finds}");
    }
    Ok(())
}

/// Writes an executable shell script.
fn script(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    command::run(Command::new("chmod").arg("+x").arg(path))
}
