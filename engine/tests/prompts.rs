//! How well producers' prompts are understood: the evaluation set in `tests/prompts`.
//!
//! `cargo xtask words` prints the table.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test, and a table for a person")]

mod support;

use std::fmt::Write as _;

use resonantgen_models::runtime::Runtime;
use resonantgen_models::text::TextModel;
use support::prompts::{Scores, read, score};

/// The table of both sets. Only the totals of the held-out prompts are shown, so that nobody tunes on them.
fn table(title: &str, tuning: &Scores, aside: &Scores) -> String {
    let mut text = format!("{title}\n  {:<12} {:>9}  {:>10}\n", "", "tuned on", "kept aside");
    let mut row = |name: &str, tuning, aside| {
        let cell = |tally: support::prompts::Tally| {
            format!("{:3}/{:<3} {:.2}", tally.right, tally.all, tally.share())
        };
        let _ = writeln!(text, "  {name:<12} {}  {}", cell(tuning), cell(aside));
    };
    for (slot, tally) in &tuning.slots {
        row(slot, *tally, aside.slots.get(slot).copied().unwrap_or_default());
    }
    row("all", tuning.total(), aside.total());
    text
}

/// Slang, typing mistakes and genres beyond the twelve.
fn strangers(understand: impl Fn(&str) -> resonantgen_words::Intent) -> Scores {
    let scores = score(&read("strangers.txt"), understand);
    let total = scores.total();
    println!("strangers: {}/{} {:.2}", total.right, total.all, total.share());
    println!("wrong there:\n  {}", scores.failures.join("\n  "));
    scores
}

/// Fails below the floors, which are slightly below the measured figures (BENCHMARKS.md).
fn assert_floors(scores: &Scores, slot_floor: f64, total_floor: f64) {
    for (slot, tally) in &scores.slots {
        assert!(
            tally.share() >= slot_floor || tally.all < 4,
            "{slot}: {:.2} of {}",
            tally.share(),
            tally.all
        );
    }
    assert!(scores.total().share() >= total_floor, "only {:.3} of all", scores.total().share());
}

#[test]
fn the_words_alone_are_understood() {
    let understand = |prompt: &str| resonantgen_words::parse(prompt).unwrap();
    let (tuning, aside) =
        (score(&read("tuning.txt"), understand), score(&read("kept_aside.txt"), understand));
    println!("{}", table("lexicon alone", &tuning, &aside));
    println!("wrong in the tuning part:\n  {}", tuning.failures.join("\n  "));
    assert_floors(&tuning, 0.85, 0.93);
    assert_floors(&aside, 0.75, 0.92);
    assert_floors(&strangers(understand), 0.75, 0.85);
}

#[test]
fn the_sentence_model_adds_what_words_leave_open() {
    let runtime = Runtime::open(Some(&support::runtime_library())).unwrap();
    let model = TextModel::open(&support::repository().join("models/text"), runtime).unwrap();
    assert_eq!(model.check(), Ok(()));
    let understand = |prompt: &str| resonantgen_words::parse_with(prompt, Some(&model)).unwrap();
    let (tuning, aside) =
        (score(&read("tuning.txt"), understand), score(&read("kept_aside.txt"), understand));
    println!("{}", table("lexicon and sentence model", &tuning, &aside));
    println!("wrong in the tuning part:\n  {}", tuning.failures.join("\n  "));
    assert_floors(&tuning, 0.85, 0.94);
    assert_floors(&aside, 0.75, 0.93);
    assert_floors(&strangers(understand), 0.75, 0.9);
}
