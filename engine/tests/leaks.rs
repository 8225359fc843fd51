//! Memory of a process that generates for hours. The only test of its process, because it measures the whole of it. Linux only: other
//! systems tell resident memory by other means, and share all code that could leak.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod support;

use resonantgen_models::generator::Silent;
use resonantgen_models::worker::give_memory_back;
use resonantgen_music::track::Track;
use resonantgen_session::{Request, Session};
use resonantgen_words::Overrides;
use support::engine;

/// Generations that everything may take to have its size, and those after which it has to have it still.
const SETTLED: u64 = 40;
const GENERATIONS: u64 = 200;
/// The most that resident memory may grow in between.
const MOST_GROWTH: f64 = 0.05;

fn resident_kilobytes() -> f64 {
    give_memory_back();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn two_hundred_generations_leave_nothing_behind() {
    let engine = engine(2);
    let prompts = ["techno", "slow jazz in A minor", "house with acid bass", "ambient, no drums"];
    let mut settled = 0.0;
    for number in 0..GENERATIONS {
        let facts = Overrides { bars: Some(1), bpm: Some(240.0), ..Overrides::default() };
        let prompt = prompts[number as usize % prompts.len()];
        // A session as a host has it: made, chosen from candidates, edited, and closed.
        let mut session = Session::default();
        let candidates = if number % 8 == 0 { 3 } else { 1 };
        let request = Request::generate(prompt).facts(facts).seed(number).candidates(candidates);
        session.apply(&engine, &request, &Silent).unwrap();
        if number % 4 == 0 {
            session.apply(&engine, &Request::edit(Track::Melody, "darker"), &Silent).unwrap();
        }
        if number + 1 == SETTLED {
            settled = resident_kilobytes();
        }
    }
    let (ended, growth) = (resident_kilobytes(), resident_kilobytes() / settled - 1.0);
    assert!(
        growth <= MOST_GROWTH,
        "{settled} kB after {SETTLED}, {ended} kB after {GENERATIONS} generations"
    );
}
