//! Kinds of prompts that were misread once (`tests/prompts/kinds.txt`): negation, notation of keys, meters, tempos and lengths, one
//! part alone, named instruments, languages.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test, and a table for a person")]

#[path = "../../../engine/tests/support/prompts.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod prompts;

use std::path::{Path, PathBuf};

use prompts::{Scores, read, score};
use resonantgen_music::track::Track;
use resonantgen_words::{edit, parse};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn scored(file: &str) -> Scores {
    let scores = score(&read(file), |prompt| parse(prompt).unwrap());
    let total = scores.total();
    println!("{file}: {}/{} {:.3}", total.right, total.all, total.share());
    for (slot, tally) in &scores.slots {
        println!("  {slot:<12} {}/{}", tally.right, tally.all);
    }
    scores
}

#[test]
fn kinds_that_were_misread_are_understood() {
    let scores = scored("kinds.txt");
    println!("wrong:\n  {}", scores.failures.join("\n  "));
    for (slot, tally) in &scores.slots {
        assert!(tally.share() >= 0.85 || tally.all < 4, "{slot}: {}/{}", tally.right, tally.all);
    }
    assert!(scores.total().share() >= 0.97, "{:.3}", scores.total().share());
}

#[test]
fn other_prompts_are_understood_as_well_as_before() {
    let tuning = scored("tuning.txt");
    println!("wrong:\n  {}", tuning.failures.join("\n  "));
    let strangers = scored("strangers.txt");
    println!("wrong:\n  {}", strangers.failures.join("\n  "));
    let aside = scored("kept_aside.txt");
    assert!(tuning.total().share() >= 0.93, "{:.3}", tuning.total().share());
    assert!(strangers.total().share() >= 0.9, "{:.3}", strangers.total().share());
    assert!(aside.total().share() >= 0.92, "{:.3}", aside.total().share());
}

#[test]
fn sentences_of_the_same_kinds_are_understood() {
    let scores = scored("siblings.txt");
    println!("wrong:\n  {}", scores.failures.join("\n  "));
    assert!(scores.total().share() >= 0.97, "{:.3}", scores.total().share());
}

/// The README and the editor propose "fewer notes", which once changed nothing.
#[test]
fn edits_that_ask_for_fewer_or_more_notes_are_heeded() {
    let fewer = [
        "fewer notes",
        "fewer notes, darker",
        "less notes please",
        "far fewer notes",
        "few notes",
        "not so many notes",
        "less busy",
        "sparser",
        "weniger Noten",
        "moins de notes",
        "menos notas",
        "meno note",
        "меньше нот",
        "音符少なめ",
        "적은 음표",
    ];
    let more = [
        "more notes",
        "a lot more notes",
        "lots of notes",
        "busier",
        "mehr Noten",
        "plus de notes",
        "más notas",
    ];
    let intent = parse("techno").unwrap();
    for track in Track::ALL {
        let change = |text: &str| {
            let edited = edit(&intent, track, text).unwrap();
            edited.tracks[track.index()].attributes.density - intent.tracks[track.index()].attributes.density
        };
        for text in fewer {
            assert!(change(text) <= -0.15, "{track:?}: {text}: {:+.2}", change(text));
        }
        for text in more {
            assert!(change(text) >= 0.15, "{track:?}: {text}: {:+.2}", change(text));
        }
        assert!(change("brighter notes").abs() < 0.05, "{track:?}: {:+.2}", change("brighter notes"));
    }
}
