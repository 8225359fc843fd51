//! Steps of a run: stores their output in files, and counts their tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::command;

/// Number of lines shown of a failed step.
const TAIL: usize = 60;

/// Several steps and their tests.
pub struct Run {
    folder: PathBuf,
    steps: usize,
    counts: Counts,
    failures: Vec<String>,
    /// Third-party crates compiled by the last build.
    compiled: BTreeSet<String>,
}

impl Run {
    /// Starts with an empty folder of logs under `target/`.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be emptied or created.
    pub fn new(folder: &str) -> Result<Self> {
        let folder = command::target(folder);
        if folder.is_dir() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let (counts, failures, compiled) = (Counts::default(), Vec::new(), BTreeSet::new());
        Ok(Self { folder, steps: 0, counts, failures, compiled })
    }

    /// Runs a step that must succeed for the run to continue.
    ///
    /// # Errors
    /// Returns an error if the step fails or cannot be started.
    pub fn must(&mut self, name: &str, command: &mut Command) -> Result<()> {
        let (log, succeeded) = self.step(name, command)?;
        if !succeeded {
            println!("{}", self.counts);
            bail!("{name} failed; its output is in {}", log.display());
        }
        self.compiled = compiled(&read(&log)?);
        Ok(())
    }

    /// Runs a step with tests; failures are reported at the end.
    ///
    /// # Errors
    /// Returns an error if the step cannot be started, or its log cannot be read.
    pub fn tests(&mut self, name: &str, command: &mut Command) -> Result<()> {
        let (log, succeeded) = self.step(name, command)?;
        let text = read(&log)?;
        let mut counts = Counts::of(&text);
        // A program that ends prematurely prints no counts.
        if !succeeded && counts.failed == 0 {
            counts.failed = 1;
        }
        for (test, why) in &counts.skipped {
            println!("   skipped: {test}: {why}");
        }
        let again: Vec<String> = compiled(&text).intersection(&self.compiled).cloned().collect();
        if !again.is_empty() {
            println!("   note: built twice, see tests/Cargo.toml: {}", again.join(", "));
        }
        if !succeeded {
            self.failures.push(format!("{name} ({})", log.display()));
        }
        self.counts.add(counts);
        Ok(())
    }

    /// Runs a step that builds test programs; returns their paths.
    ///
    /// # Errors
    /// Returns an error if the step fails or cannot be started.
    pub fn executables(&mut self, name: &str, command: &mut Command) -> Result<Vec<PathBuf>> {
        let (log, succeeded) = self.step(name, command)?;
        if !succeeded {
            bail!("{name} failed; its output is in {}", log.display());
        }
        let executable = |line: &str| -> Option<PathBuf> {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            let is_test = message["profile"]["test"].as_bool()?;
            message["executable"].as_str().filter(|_| is_test).map(PathBuf::from)
        };
        Ok(read(&log)?.lines().filter_map(executable).collect())
    }

    /// Counts a step that cannot run here as a skipped test.
    ///
    /// # Errors
    /// Returns an error if `CI` is set: a CI machine must have what the tests need.
    pub fn skip(&mut self, name: &str, why: &str) -> Result<()> {
        self.leave_out(name, why);
        if std::env::var_os("CI").is_some() {
            bail!("{name} was skipped ({why}), which is a failure where CI is set");
        }
        Ok(())
    }

    /// Counts something that this run leaves out, or that this machine cannot be expected to run, as a skipped test: never a failure.
    pub fn leave_out(&mut self, name: &str, why: &str) {
        println!("== {name}\n   skipped: {why}");
        self.counts.skipped.insert(name.to_owned(), why.to_owned());
    }

    /// Prints the result of all tests.
    ///
    /// # Errors
    /// Returns an error if a test failed.
    pub fn finish(self, begin: Instant) -> Result<()> {
        println!("{} in {:.0} s", self.counts, begin.elapsed().as_secs_f64());
        if !self.failures.is_empty() {
            bail!("not all tests passed: {}", self.failures.join(", "));
        }
        Ok(())
    }

    /// Runs a command with its output redirected to a file; returns the file and whether the command succeeded.
    fn step(&mut self, name: &str, command: &mut Command) -> Result<(PathBuf, bool)> {
        self.steps += 1;
        let log = self.folder.join(format!("{:02}-{}.log", self.steps, name.replace([' ', ':'], "-")));
        println!("== {name} ({})", log.display());
        let begin = Instant::now();
        let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let line = command::line(command);
        let status = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().context("a file can be opened twice")?)
            .stderr(file)
            .status()
            .with_context(|| format!("cannot start `{line}`"))?;
        let text = read(&log)?;
        let seconds = begin.elapsed().as_secs_f64();
        if status.success() {
            println!("== {name}: passed in {seconds:.0} s");
        } else {
            let lines: Vec<&str> = text.lines().collect();
            for line in &lines[lines.len().saturating_sub(TAIL)..] {
                println!("{line}");
            }
            for failed in failed_tests(&text) {
                println!("   FAILED: {failed}");
            }
            println!("== {name}: FAILED in {seconds:.0} s (`{line}`: {status}); its log: {}", log.display());
        }
        Ok((log, status.success()))
    }
}

fn read(log: &Path) -> Result<String> {
    let bytes = fs::read(log).with_context(|| format!("cannot read {}", log.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Test counts.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: usize,
    failed: usize,
    /// Reasons of skipped tests, by test name.
    skipped: BTreeMap<String, String>,
}

impl Counts {
    /// Parses the output of Rust's test harness and of pytest. A skipped test prints a line `skipped: TEST: WHY`
    /// (`tests/src/skip.rs`, `training/tests/conftest.py`); Rust's harness counts it as passed.
    fn of(log: &str) -> Self {
        let (mut rust, mut python) = (Self::default(), Self::default());
        let mut skipped = BTreeMap::new();
        for line in log.lines() {
            if let Some((test, why)) =
                line.split_once("skipped: ").and_then(|(_, rest)| rest.split_once(": "))
            {
                skipped.insert(test.to_owned(), why.to_owned());
            } else if let Some((_, result)) = line.split_once("test result: ") {
                rust.passed += number_before(result, " passed");
                rust.failed += number_before(result, " failed");
            } else if let Some((result, _)) = line.rsplit_once(" in ").filter(|(text, _)| is_pytests(text)) {
                python.passed += number_before(result, " passed");
                python.failed += number_before(result, " failed") + number_before(result, " error");
            }
        }
        let skipped_by_rust = if rust.passed > 0 { skipped.len() } else { 0 };
        let passed = rust.passed.saturating_sub(skipped_by_rust) + python.passed;
        Self { passed, failed: rust.failed + python.failed, skipped }
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped.extend(other.skipped);
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped.len())
    }
}

/// Whether a text is pytest's summary, like "1 failed, 49 passed, 2 skipped".
fn is_pytests(text: &str) -> bool {
    text.trim_matches(['=', ' ']).split(", ").all(|part| {
        let mut words = part.split(' ');
        words.next().is_some_and(|number| number.parse::<usize>().is_ok()) && words.next().is_some()
    })
}

/// The number right before a word; 0 if there is none.
fn number_before(line: &str, word: &str) -> usize {
    let Some((before, _)) = line.split_once(word) else { return 0 };
    let start = before.rfind(|letter: char| !letter.is_ascii_digit()).map_or(0, |index| index + 1);
    before[start..].parse().unwrap_or(0)
}

/// Names of the tests that failed.
fn failed_tests(log: &str) -> Vec<&str> {
    log.lines()
        .filter_map(|line| {
            let rust = line.strip_prefix("test ").and_then(|line| line.strip_suffix(" ... FAILED"));
            rust.or_else(|| line.strip_prefix("FAILED "))
        })
        .collect()
}

/// Third-party crates that a step has compiled. Checking does not count.
fn compiled(log: &str) -> BTreeSet<String> {
    log.lines()
        .filter_map(|line| line.trim_start().strip_prefix("Compiling "))
        .filter(|name| !name.contains('('))
        .map(ToOwned::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_harnesses_are_counted_and_what_was_skipped_has_not_passed() {
        let rust = "test a ... ok\nskipped: b: no plugin\nnoise skipped: b: no plugin\ntest b ... ok\n\
                    test c ... FAILED\n\
                    test result: FAILED. 2 passed; 1 failed; 3 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
                    test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s\n";
        let counts = Counts::of(rust);
        assert_eq!(counts.to_string(), "6 passed, 1 failed, 1 skipped");
        assert_eq!(counts.skipped["b"], "no plugin");
        assert_eq!(failed_tests(rust), ["c"]);
        let python = "skipped: tests/test_synth.py::test_a: the soundfonts are not installed\n\
                      1 failed, 49 passed, 1 skipped, 2 errors in 65.78s (0:01:05)\n";
        assert_eq!(Counts::of(python).to_string(), "49 passed, 3 failed, 1 skipped");
        assert_eq!(Counts::of("a line with 3 passed arguments in it\n"), Counts::default());
    }

    #[test]
    fn only_other_peoples_crates_that_were_compiled_count() {
        let log = "   Compiling serde v1.0.1\n    Checking axum v0.8.9\n   Compiling ours v0.1.0 (/a/b)\n";
        assert_eq!(compiled(log), BTreeSet::from(["serde v1.0.1".to_owned()]));
    }

    #[test]
    fn a_run_counts_goes_on_after_a_failed_test_and_fails_in_the_end() {
        let shell = |text: &str| {
            let mut command = Command::new(if cfg!(windows) { "cmd" } else { "sh" });
            command.args([if cfg!(windows) { "/C" } else { "-c" }, text]);
            command
        };
        let mut run = Run::new("test-logs-of-a-test").expect("a folder");
        run.must("fine", &mut shell("echo hello")).expect("it succeeds");
        run.tests("aborted", &mut shell("exit 3")).expect("it goes on");
        run.tests("passed", &mut shell("echo \"test result: ok. 2 passed\"")).expect("it goes on");
        assert_eq!(run.counts.to_string(), "2 passed, 1 failed, 0 skipped");
        let failed = run.finish(Instant::now()).expect_err("one has failed").to_string();
        assert!(failed.contains("aborted"), "{failed}");
    }
}
