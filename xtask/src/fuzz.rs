//! Fuzzes the parsers of untrusted bytes (`fuzz/`).

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;
use crate::flags::Fuzz;

/// The flags that cargo-fuzz passes: coverage for the fuzzer, and an abort on memory errors. They require an unstable
/// option.
const INSTRUMENTATION: &str = "-Zsanitizer=address --cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";
/// Maximum size of an input, in bytes.
const INPUT_LIMIT: u32 = 1 << 16;
/// Memory limit of a target, in megabytes.
const MEMORY_LIMIT_MB: u32 = 2048;

/// Builds the targets and runs each for a while, starting from `tests/fuzz-corpus/`. New inputs are collected in
/// `fuzz/corpus/`. A crash ends the run; its input is in `fuzz/artifacts/`.
///
/// # Errors
/// Returns an error if a build fails or a target crashes.
pub fn run(flags: &Fuzz) -> Result<()> {
    let folder = crate::root().join("fuzz");
    let target = command::target("fuzz");
    // Naming the target triple keeps the flags from build scripts.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut build = command::cargo(["build", "--release", "--target", &platform, "--target-dir"]);
    build.arg(&target).env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", INSTRUMENTATION).current_dir(&folder);
    command::run(&mut build)?;
    let mut names: Vec<String> = fs::read_dir(folder.join("fuzz_targets"))?
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_string_lossy().into_owned()))
        .filter(|name| flags.target.as_ref().is_none_or(|wanted| wanted == name))
        .collect();
    names.sort();
    if names.is_empty() {
        bail!("there is no such target in fuzz/fuzz_targets");
    }
    for name in names {
        let program = target.join(&platform).join("release").join(&name);
        fuzz(&program, &folder, &name, flags.seconds).with_context(|| format!("fuzzing {name}"))?;
    }
    Ok(())
}

fn fuzz(program: &Path, folder: &Path, name: &str, seconds: u64) -> Result<()> {
    let corpus = crate::root().join("tests/fuzz-corpus").join(name);
    let artifacts = folder.join("artifacts").join(name);
    let working = folder.join("corpus").join(name);
    for path in [&corpus, &artifacts, &working] {
        fs::create_dir_all(path).with_context(|| format!("cannot create {}", path.display()))?;
    }
    command::run(
        Command::new(program)
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={INPUT_LIMIT}"))
            .arg(format!("-rss_limit_mb={MEMORY_LIMIT_MB}"))
            .args(["-timeout=20", "-print_final_stats=1", "-verbosity=0"])
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .args([&working, &corpus]),
    )
}
