//! The cost of a peer in the same run: a text-to-music model of MusicGen-small's architecture beside our four stems of the same length.
//!
//! The peer's weights are random (`training/resonant/peer.py`): what a network costs does not depend on them. Both run on the same
//! runtime and processor; compare the processor seconds, because the peer's networks run on one thread and ours on several.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use resonantgen_foreign::musicgen::Musicgen;
use resonantgen_foreign::musicgen::bundle::MusicgenBundle;
use resonantgen_models::generator::{Engine, EngineOptions};
use resonantgen_models::runtime::Runtime;
use resonantgen_models::worker::give_memory_back;
use resonantgen_music::track::Track;
use resonantgen_session::Session;
use serde::Serialize;

use super::machine;
use crate::interrupt;
use crate::progress::Cancellable;

/// Length of the music in bars of 4/4 at 120 bpm, and in seconds.
const BARS: u32 = 4;
const SECONDS: f64 = 8.0;
/// Runs of ours, after one that warms up. The peer runs once: it takes longer than all of them.
const RUNS: u64 = 3;

/// What 8 seconds of music cost.
#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    pub name: String,
    pub wall: f64,
    pub processor: Option<f64>,
    /// Seconds until something could be heard.
    pub first_sound: f64,
    /// Processor seconds from the codec's codes to sound; of ours from the notes of four stems to their sound.
    pub decode: Option<f64>,
    /// Resident memory at its peak, beyond what the program had before, in megabytes.
    pub megabytes: Option<f64>,
}

/// Measures ours, then each bundle in a folder.
///
/// # Errors
/// Returns an error if a bundle cannot be used or a run fails.
pub fn measure(options: &EngineOptions, folder: &Path) -> Result<Vec<Cost>> {
    let mut costs = vec![with_memory(|| ours(options))?];
    let mut bundles: Vec<_> = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    bundles.retain(|path| path.join("manifest.json").is_file());
    bundles.sort();
    for bundle in bundles {
        eprintln!("peer: {}", bundle.display());
        costs.push(with_memory(|| theirs(&bundle))?);
    }
    Ok(costs)
}

/// The cost of some work with the memory that it needed.
fn with_memory(work: impl FnOnce() -> Result<Cost>) -> Result<Cost> {
    give_memory_back();
    let before = machine::restart_peak();
    let cost = work()?;
    let peak = machine::resident_megabytes().map(|(_, peak)| peak);
    Ok(Cost { megabytes: before.zip(peak).map(|(before, peak)| peak - before), ..cost })
}

fn processor_of<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, f64, Option<f64>)> {
    let (before, start) = (machine::processor_seconds(), Instant::now());
    let result = work()?;
    let wall = start.elapsed().as_secs_f64();
    Ok((result, wall, before.zip(machine::processor_seconds()).map(|(before, after)| after - before)))
}

fn ours(options: &EngineOptions) -> Result<Cost> {
    let engine = Engine::open(options)?;
    super::generate(&engine, &super::request(BARS, 0))?;
    let mut best: Option<(Cost, Session)> = None;
    for seed in 1..=RUNS {
        let run = super::generate(&engine, &super::request(BARS, seed))?;
        let cost = Cost {
            name: format!("four stems, {}", engine.bundle().id()),
            wall: run.wall,
            processor: run.processor,
            first_sound: run.first_sound.unwrap_or(run.wall),
            decode: None,
            megabytes: None,
        };
        if best.as_ref().is_none_or(|(best, _)| cost.wall < best.wall) {
            best = Some((cost, run.session));
        }
    }
    let (cost, session) = best.expect("at least one run");
    let (_, _, decode) = processor_of(|| {
        for take in Track::ALL.into_iter().filter_map(|track| session.track(track).take()) {
            let bpm = take.recipe.plan.bpm;
            std::hint::black_box(engine.perform_again(take, bpm, &session.heard_by(take), &Cancellable)?);
        }
        Ok(())
    })?;
    Ok(Cost { decode, ..cost })
}

fn theirs(folder: &Path) -> Result<Cost> {
    let bundle = MusicgenBundle::open(folder)?;
    let mut model = Musicgen::open(&bundle, &Runtime::open(None)?)?;
    let keep_going = |_: f32| !interrupt::requested();
    let choice = model.defaults(1);
    let made = processor_of(|| Ok(model.codes(super::PROMPT, SECONDS, choice, &keep_going)?));
    interrupt::check()?;
    let (codes, wall, processor) = made?;
    let decoded = processor_of(|| Ok(model.decode(&codes, &interrupt::requested)?));
    interrupt::check()?;
    let (_, decode_wall, decode) = decoded?;
    Ok(Cost {
        name: format!("one mix, {}", bundle.manifest().id),
        wall: wall + decode_wall,
        processor: processor.zip(decode).map(|(codes, decode)| codes + decode),
        // Its steps make the whole mix; it is heard when it is decoded.
        first_sound: wall + decode_wall,
        decode,
        megabytes: None,
    })
}

/// The costs as a table, with the peers' relative to ours.
pub fn table(costs: &[Cost]) -> String {
    let mut text =
        format!("{SECONDS} s of music; the peers' weights are random, which does not change their cost\n");
    let _ = writeln!(
        text,
        "{:<28} {:>9} {:>11} {:>15} {:>13} {:>11} {:>9}",
        "", "wall, s", "processor, s", "music/processor", "first sound, s", "to sound, s", "MB"
    );
    let Some(ours) = costs.first() else { return text };
    let number = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |value| format!("{value:.2}"));
    let times = |theirs: Option<f64>, own: Option<f64>| {
        theirs.zip(own).map_or_else(|| "?".to_owned(), |(theirs, own)| format!("{:.1} x", theirs / own))
    };
    for cost in costs {
        let Cost { name, wall, processor, first_sound, decode, megabytes } = cost;
        let _ = writeln!(
            text,
            "{name:<28} {wall:>9.2} {:>11} {:>15} {first_sound:>13.2} {:>11} {:>9}",
            number(*processor),
            number(processor.map(|seconds| SECONDS / seconds)),
            number(*decode),
            number(*megabytes),
        );
    }
    for cost in &costs[1..] {
        let _ = writeln!(
            text,
            "{:<28} {:>9} {:>11} {:>15} {:>13} {:>11} {:>9}",
            format!("{} / ours", cost.name),
            times(Some(cost.wall), Some(ours.wall)),
            times(cost.processor, ours.processor),
            times(ours.processor, cost.processor),
            times(Some(cost.first_sound), Some(ours.first_sound)),
            times(cost.decode, ours.decode),
            times(cost.megabytes, ours.megabytes),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peers_are_told_relative_to_ours() {
        let cost = |name: &str, processor: f64| Cost {
            name: name.to_owned(),
            wall: processor,
            processor: Some(processor),
            first_sound: processor,
            decode: None,
            megabytes: Some(100.0 * processor),
        };
        let table = table(&[cost("ours", 2.0), cost("peer", 9.0)]);
        let last: Vec<&str> = table.lines().last().expect("a line").split_whitespace().collect();
        assert_eq!(
            last,
            "peer / ours 4.5 x 4.5 x 0.2 x 4.5 x ? 4.5 x".split_whitespace().collect::<Vec<_>>()
        );
    }
}
