//! Memory of a process that generates for hours. The only test in its process, because it measures the whole process. Linux only: other
//! systems report resident memory differently, and share all code that could leak.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod support;

use resonantgen_models::generator::Silent;
use resonantgen_models::worker::give_memory_back;
use resonantgen_music::track::Track;
use resonantgen_session::{Request, Session};
use resonantgen_words::Overrides;
use support::engine;

/// Number of generations to reach the steady size, and number during which it must hold.
const SETTLED: u64 = 40;
const GENERATIONS: u64 = 200;
/// Maximum growth of resident memory in between.
const MOST_GROWTH: f64 = 0.05;

fn resident_kilobytes() -> f64 {
    give_memory_back();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
#[ignore = "chore: takes minutes in a development build"]
fn two_hundred_generations_leave_nothing_behind() {
    let engine = engine(2);
    let prompts = ["techno", "slow jazz in A minor", "house with acid bass", "ambient, no drums"];
    let mut settled = 0.0;
    for number in 0..GENERATIONS {
        let facts = Overrides { bars: Some(1), bpm: Some(240.0), ..Overrides::default() };
        let prompt = prompts[number as usize % prompts.len()];
        // A session as in a host: generated, chosen from candidates, edited, and closed.
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
