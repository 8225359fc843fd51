//! A session folder under stress: commands killed at random moments, and two at once.
//!
//! ```sh
//! cargo test -p resonantgen-tests --test hardship --release -- --ignored --nocapture
//! ```
//!
//! runs 100 kills and 200 pairs and prints the figures for BENCHMARKS.md; `RESONANTGEN_KILLS` and `RESONANTGEN_PAIRS`
//! override the numbers. None of these commands needs a model.

#![allow(clippy::print_stdout, missing_docs, reason = "a test; figures go to BENCHMARKS.md")]

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use resonantgen_tests::{program, root};

/// Longest delay before a command is killed, in microseconds: most commands take no longer.
const LONGEST_MICROSECONDS: u64 = 400_000;

fn count_of(variable: &str, usual: u32) -> u32 {
    std::env::var(variable).map_or(usual, |count| count.parse().expect("a number"))
}

/// Pseudo-random numbers (Numerical Recipes).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn beat() -> PathBuf {
    root().join("tests/golden/import/beat.wav")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of the tests")
}

/// A folder with a session of two takes on each of two tracks.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    for track in ["drums", "bass", "drums", "bass"] {
        let _ = program::run(&["unlock", text(folder.path()), track]);
        let _ =
            program::json(&["import", text(folder.path()), text(&beat()), "--track", track, "--bpm", "125"]);
    }
    folder
}

/// Commands that write into a folder.
fn command(folder: &str, dice: &mut Dice) -> Vec<String> {
    let track = ["drums", "bass"][dice.below(2) as usize];
    let beat = beat();
    let words: Vec<&str> = match dice.below(9) {
        0 => vec!["lock", folder, track],
        1 | 2 => vec!["unlock", folder, track],
        3 => vec!["undo", folder],
        4 => vec!["redo", folder],
        5 => vec!["take", folder, "--track", track, "--previous"],
        6 => vec!["take", folder, "--track", track, "--compare"],
        7 => vec!["export", folder, "--out", folder],
        _ => vec!["import", folder, text(&beat), "--track", track, "--bpm", "125"],
    };
    words.into_iter().map(str::to_owned).collect()
}

fn start(words: &[String]) -> Child {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let child = program::command(&words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    child.expect("resonantgen starts")
}

/// The folder is readable, every take is there, and nothing half-written is left.
fn assert_sound(folder: &Path, what: &str) {
    let _ = program::json(&["show", text(folder)]);
    for track in ["drums", "bass"] {
        let list = program::json(&["take", text(folder), "--track", track]);
        assert!(list["takes"].is_array(), "{what}: {list}");
    }
    // The next command that writes cleans up.
    let swept = program::run(&["lock", text(folder), "drums"]);
    assert!(swept.status.success(), "{what}: {}", String::from_utf8_lossy(&swept.stderr));
    let left: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(".saving") || name.starts_with(".exporting"))
        .collect();
    assert!(left.is_empty(), "{what}: {left:?}");
}

#[test]
#[ignore = "chore: kills a hundred processes, which takes minutes"]
fn a_kill_at_any_moment_costs_no_session() {
    let kills = count_of("RESONANTGEN_KILLS", 100);
    let folder = folder();
    let mut dice = Dice(7);
    let mut ended = 0;
    for number in 0..kills {
        let words = command(text(folder.path()), &mut dice);
        let mut child = start(&words);
        std::thread::sleep(Duration::from_micros(dice.below(LONGEST_MICROSECONDS)));
        ended += u32::from(child.try_wait().expect("a child").is_some());
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
        assert_sound(folder.path(), &format!("kill {number} of {words:?}"));
    }
    println!("{kills} kills tried, {ended} came too late; no session was lost");
}

#[test]
#[ignore = "chore: starts hundreds of processes, which takes minutes"]
fn two_commands_at_a_time_lose_nothing() {
    let pairs = count_of("RESONANTGEN_PAIRS", 200);
    let folder = folder();
    let mut dice = Dice(11);
    let mut refused = 0;
    for number in 0..pairs {
        let commands = [command(text(folder.path()), &mut dice), command(text(folder.path()), &mut dice)];
        let children = commands.each_ref().map(|words| start(words));
        for (child, words) in children.into_iter().zip(&commands) {
            let output = child.wait_with_output().expect("it ends");
            let code = output.status.code().expect("an exit code");
            let told = String::from_utf8_lossy(&output.stderr);
            let is_one_line =
                told.lines().filter(|line| line.starts_with("error: ")).count() == usize::from(code != 0);
            assert!(matches!(code, 0..=2) && is_one_line, "pair {number}, {words:?}: {code}, {told}");
            refused += u32::from(code != 0);
        }
        assert_sound(folder.path(), &format!("pair {number} of {commands:?}"));
    }
    println!(
        "{pairs} pairs tried, {refused} of {} commands refused in one line; nothing was lost",
        2 * pairs
    );
}
