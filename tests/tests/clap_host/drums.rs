//! The outputs Kick, Snare, Hats and Percussion.

use clack_extensions::render::RenderMode;

use crate::host::{ALL_PORTS, BLOCK, Host, LOOP, PORTS, RATE_HZ, Stereo};
use crate::{rms, state};

/// -90 dB of full scale.
const SUM_TOLERANCE: f32 = 3.16e-5;

/// Largest difference of the drums and the sum of their parts.
fn difference(heard: &[Stereo]) -> f32 {
    let differences = (0..2).flat_map(|side| {
        heard[1][side].iter().enumerate().map(move |(frame, drums)| {
            (drums - heard[PORTS..].iter().map(|part| part[side][frame]).sum::<f32>()).abs()
        })
    });
    differences.fold(0.0, f32::max)
}

/// The normalised value of 0 dB in a range of -60 to 6 dB.
const UNITY: f64 = 60.0 / 66.0;
/// How much of the song's first loop to render, in beats.
const BEATS: f64 = 8.0;

#[test]
fn the_parts_of_the_drums_sum_to_the_drums() {
    let Some(state) = state() else { return };
    let plain = {
        let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
        host.loop_once()
    };
    let mut host = Host::open(Some(state), ALL_PORTS).expect("there is a plugin");
    for rate_hz in [RATE_HZ, 44_100.0] {
        // An offline render waits until the drums are split.
        host.start(rate_hz, RenderMode::Offline);
        // The host's values of level and pan go from 0 to 1.
        for (bpm, level, pan) in [(120.0, UNITY, 0.5), (100.0, UNITY, 0.5), (120.0, 0.75, 0.7)] {
            host.bpm = bpm;
            host.block(BLOCK, &[(0, "Drums Level", level), (0, "Drums Pan", pan)]);
            let frames = (BEATS * 60.0 / bpm * rate_hz) as usize;
            let heard = host.render(0.0, frames, BLOCK);
            let off = difference(&heard);
            assert!(off < SUM_TOLERANCE, "{off} off at {rate_hz} Hz, {bpm} bpm, level {level}");
            let loud = heard[PORTS..].iter().filter(|part| rms(&part[0]) > 1e-4).count();
            assert!(loud >= 2, "only {loud} parts are heard at {rate_hz} Hz, {bpm} bpm");
            assert!(heard[PORTS..].iter().all(|part| part != &heard[1]), "the drums are one part");
            if (rate_hz, bpm, level) == (RATE_HZ, 120.0, UNITY) {
                assert!(heard[..PORTS] == plain[..], "the other outputs have changed");
            }
            // For any block size and start position.
            let again = host.render(0.0, frames, 127);
            assert!(again == heard, "blocks of 127 at {rate_hz} Hz, {bpm} bpm");
        }
        host.block(BLOCK, &[(0, "Drums Level", UNITY), (0, "Drums Pan", 0.5)]);
    }
}

#[test]
fn drums_that_are_taken_apart_while_they_play_do_not_click_or_change() {
    let Some(state) = state() else { return };
    let plain = {
        let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
        host.loop_once()
    };
    let mut host = Host::open(Some(state), ALL_PORTS).expect("there is a plugin");
    host.forget();
    host.beat = 0.0;
    let mut is_apart = false;
    for turn in 0.. {
        assert!(turn < 10_000, "the drums are never taken apart");
        let mut heard: Vec<Stereo> = vec![Default::default(); ALL_PORTS];
        while heard[0][0].len() < LOOP {
            for (heard, block) in heard.iter_mut().flatten().zip(host.block(BLOCK, &[]).iter().flatten()) {
                heard.extend(block);
            }
        }
        // The first pass begins with the song's start.
        assert!(turn > 0 || heard[..PORTS] == plain[..], "the stems do not depend on their parts");
        assert!(difference(&heard) < SUM_TOLERANCE, "turn {turn}");
        let step =
            |channel: &[f32]| channel.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        let most = step(&heard[1][0]);
        for (index, part) in heard[PORTS..].iter().enumerate() {
            assert!(step(&part[0]) <= 1.5 * most, "part {index} clicks in turn {turn}");
        }
        // Then one more pass with split drums.
        if is_apart {
            break;
        }
        is_apart = heard[PORTS..].iter().filter(|part| rms(&part[0]) > 1e-4).count() > 1;
    }
}
