//! How well drums are split: the shipped bundle's recorded kits, whose pieces can also be rendered alone.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod support;

use resonantgen_models::bundle::{Bundle, PatchExcitation};
use resonantgen_music::score::DrumClass;
use resonantgen_music::track::Track;
use resonantgen_sound::codec::kit::{self, Kit, Performance, Strike};
use resonantgen_sound::split::{DRUM_VOICE_COUNT, DrumVoice, Hit, split};

/// Four bars at 120 quarter notes per minute; not a whole number of windows.
const LENGTH: usize = 4 * 96_000 + 211;
const STEP: usize = 6_000;
/// One in this many kits is tried.
const EVERY: usize = 8;

/// A swung rock groove with ghost notes, an open hat, a crash, a shaker in one bar and a fill of toms.
fn groove() -> Vec<Strike> {
    let mut strikes = Vec::new();
    for (bar, step) in (0..4_usize).flat_map(|bar| (0..16_usize).map(move |step| (bar, step))) {
        let at = (bar * 16 + step) * STEP + if step % 2 == 1 { 800 } else { 0 };
        let mut add = |class: DrumClass, velocity: u8| strikes.push(Strike { at, class, velocity });
        match step {
            14 => add(DrumClass::OpenHat, 90),
            _ if step.is_multiple_of(4) => add(DrumClass::ClosedHat, 100),
            _ if step.is_multiple_of(2) => add(DrumClass::ClosedHat, 75),
            _ => {}
        }
        match step {
            0 | 6 | 10 => add(DrumClass::Kick, 110),
            4 | 12 => add(DrumClass::Snare, 112),
            7 | 9 => add(DrumClass::Snare, 40),
            _ => {}
        }
        match (bar, step) {
            (0, 0) => add(DrumClass::Crash, 100),
            (1, _) if step % 4 == 2 => add(DrumClass::Shaker, 80),
            (3, 12 | 13) => add(DrumClass::HighTom, 100),
            (3, 14 | 15) => add(DrumClass::LowTom, 100),
            _ => {}
        }
    }
    strikes
}

/// For each voice: its level on its own output relative to everything else there, in dB, and the improvement over the
/// unsplit stem.
fn separation(kit: &Kit, bundle: &Bundle) -> [(f64, f64); DRUM_VOICE_COUNT] {
    let strikes = groove();
    let tone = Default::default();
    let play = |kit: &Kit| {
        let performance = Performance { seed: 5, tone: &tone, threads: 2 };
        kit::perform(kit, bundle.hits(), &strikes, LENGTH, performance, &|| true).unwrap()
    };
    // Saturation of the sum adds something that belongs to no voice.
    let kit = Kit { drive_db: 0.0, ..kit.clone() };
    let [left, right] = play(&kit);
    let hits: Vec<Hit> = strikes
        .iter()
        .map(|strike| Hit { at: strike.at, class: strike.class, velocity: strike.velocity })
        .collect();
    let parts = split([&left, &right], &hits, &|| false).unwrap();
    DrumVoice::ALL.map(|voice| {
        let mut own = kit.clone();
        for class in DrumClass::ALL.into_iter().filter(|class| DrumVoice::of(*class) != voice) {
            own.pieces[class.index()] = None;
        }
        let (mut signal, mut error, mut others) = (0.0, 0.0, 0.0);
        for (side, (alone, stem)) in play(&own).iter().zip([&left, &right]).enumerate() {
            for (index, (alone, stem)) in alone.iter().zip(stem).enumerate() {
                let part = match parts.get(voice.index()) {
                    Some(part) => part[side][index],
                    None => stem - parts.iter().map(|part| part[side][index]).sum::<f32>(),
                };
                signal += f64::from(*alone).powi(2);
                error += f64::from(part - alone).powi(2);
                others += f64::from(stem - alone).powi(2);
            }
        }
        let (after, before) = (10.0 * (signal / error).log10(), 10.0 * (signal / others).log10());
        (after, after - before)
    })
}

#[test]
#[allow(clippy::print_stdout, reason = "BENCHMARKS.md quotes it")]
fn recorded_drums_are_separated_by_ten_decibels_and_more() {
    let bundle = Bundle::open(&support::repository().join("models/resonant")).unwrap();
    let kits = bundle.patches(Track::Drums).filter_map(|patch| match &patch.excitation {
        PatchExcitation::Kit(kit) => Some(kit),
        _ => None,
    });
    let all: Vec<[(f64, f64); DRUM_VOICE_COUNT]> =
        kits.step_by(EVERY).map(|kit| separation(kit, &bundle)).collect();
    assert!(all.len() >= 2, "the bundle has recorded kits");
    for voice in DrumVoice::ALL {
        let median = |value: fn(&(f64, f64)) -> f64| {
            let mut values: Vec<f64> = all.iter().map(|kit| value(&kit[voice.index()])).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let (after, gained) = (median(|figures| figures.0), median(|figures| figures.1));
        println!("{}: {after:.1} dB, {gained:.1} dB more than in the stem", voice.title());
        assert!(gained > 8.0, "{}: only {gained:.1} dB more than in the stem", voice.title());
    }
}
