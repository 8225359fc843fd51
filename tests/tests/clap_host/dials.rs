//! The dials as a host automates them. The host's values of swing, humanise, brightness and intensity go from 0 to 1, and 0.5 is the
//! middle; those of density, complexity and fills are whole numbers from 0 to 4, and 2 is the middle.

use std::time::Duration;

use clack_extensions::render::RenderMode;

use crate::host::{BLOCK, Host, LOOP, PORTS, RATE_HZ, Stereo};
use crate::state;

const BAR: usize = LOOP / 2;
/// The crossfade from one take to the next, in audio frames.
const FADE: usize = 480;
const NOTE_DIALS: [&str; 3] = ["Density", "Complexity", "Fills"];
const NOTE_MIDDLE: f64 = 2.0;
const AT_BARS: f64 = 2.0;

const TRACKS: [&str; 4] = ["Drums", "Bass", "Harmony", "Melody"];
const DIALS: [&str; 4] = ["Swing", "Humanise", "Brightness", "Intensity"];

/// Sets a dial of all tracks.
fn turn(host: &mut Host, dial: &str, value: f64) {
    for track in TRACKS {
        host.block(BLOCK, &[(0, &format!("{track} {dial}"), value)]);
    }
}

fn first_difference(one: &Stereo, other: &Stereo) -> Option<usize> {
    one[0].iter().zip(&other[0]).position(|(one, other)| one != other)
}

#[test]
fn dials_change_what_plays_and_their_middle_changes_nothing_to_the_bit() {
    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let before = host.loop_once();
    let saved = host.save();
    for dial in DIALS {
        for value in [0.0, 1.0] {
            turn(&mut host, dial, value);
            let heard = host.loop_once();
            let changed = (1..PORTS).filter(|port| heard[*port] != before[*port]).count();
            // A straight part cannot get straighter, nor one on the grid be moved onto it.
            let may_do_nothing = value == 0.0 && (dial == "Swing" || dial == "Humanise");
            // A part without notes between the eighths does not swing.
            let least = if dial == "Swing" { 1 } else { 2 };
            assert!(changed >= least || may_do_nothing, "{dial} {value}: {changed} stems change");
            let loudest =
                heard.iter().flatten().flatten().fold(0.0_f32, |most, sample| most.max(sample.abs()));
            assert!(loudest.is_finite() && loudest < 4.0, "{dial} {value}: {loudest}");
            let blocks = host.render(0.0, LOOP, 127);
            if dial == "Swing" || dial == "Humanise" {
                assert!(blocks == heard, "{dial} {value} depends on the blocks");
            }
        }
        turn(&mut host, dial, 0.5);
        // Wait until the tilt filter has settled.
        host.render(0.0, RATE_HZ as usize, BLOCK);
        let again = host.loop_once();
        let differs: Vec<Option<usize>> =
            (0..PORTS).map(|port| first_difference(&before[port], &again[port])).collect();
        assert!(again == before, "{dial} in the middle: {differs:?}");
    }
    assert!(host.save() == saved, "the takes stay as they are");
}

#[test]
fn a_dial_acts_within_fifty_milliseconds() {
    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let before = host.loop_once();
    for (dial, value) in [("Brightness", 1.0), ("Intensity", 0.0)] {
        host.forget();
        host.beat = 0.0;
        let name = format!("Drums {dial}");
        let heard = host.block(LOOP / 40, &[(1_000, &name, value)]);
        assert!(heard[1][0][..1_000] == before[1][0][..1_000], "{dial} acts before it is turned");
        let at = first_difference(&[heard[1][0].clone(), Vec::new()], &before[1]).expect("it acts");
        assert!(at < 1_000 + 2_400, "{dial} acts {} frames later", at - 1_000);
        host.block(BLOCK, &[(0, &name, 0.5)]);
        host.block(LOOP / 40, &[]);
    }
}

/// An offline host; blocks wait for whatever the dials ask for.
fn offline(state: &[u8], rate_hz: f64) -> Host {
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    host.start(rate_hz, RenderMode::Offline);
    host
}

#[test]
fn note_dials_change_the_notes_of_one_track_and_their_middle_brings_the_take_back_to_the_bit() {
    let Some(state) = state() else { return };
    let mut host = offline(state, RATE_HZ);
    host.block(BLOCK, &[(0, "Bass Output", 2.0), (0, "Drums Output", 2.0)]);
    let before = host.loop_once();
    let (saved, dirty) = (host.save(), host.dirty());
    let mut heard_before = vec![before.clone()];
    for dial in NOTE_DIALS {
        for value in [0.0, 1.0, 3.0, 4.0] {
            host.block(BLOCK, &[(0, &format!("Drums {dial}"), value)]);
            let heard = host.loop_once();
            for port in 2..PORTS {
                assert!(heard[port] == before[port], "{dial} {value} of the drums changes stem {port}");
            }
            assert!(heard == host.render(0.0, LOOP, 127), "{dial} {value} depends on the blocks");
            heard_before.push(heard);
        }
        host.block(BLOCK, &[(0, &format!("Drums {dial}"), NOTE_MIDDLE)]);
        assert!(host.loop_once() == before, "{dial} in the middle");
    }
    heard_before.dedup_by(|one, other| one[1] == other[1]);
    // A loop of two bars without fills has none to lose.
    assert!(heard_before.len() >= 9, "of the twelve positions only {} differ", heard_before.len() - 1);
    assert_eq!((host.save(), host.dirty()), (saved, dirty), "the project stays as it is");
}

#[test]
fn a_note_dial_acts_at_the_next_bar_and_a_bounce_repeats_it() {
    let Some(state) = state() else { return };
    for rate_hz in [44_100.0, 48_000.0, 96_000.0] {
        let bar = (BAR as f64 * rate_hz / RATE_HZ) as usize;
        let fade = (FADE as f64 * rate_hz / RATE_HZ) as usize;
        let play = |turns: bool, size: usize| {
            let mut host = offline(state, rate_hz);
            // Two bars of the take, then the dial is turned in the middle of the first bar, and back in that of the third.
            host.block(BLOCK, &[(0, "Bass Density", NOTE_MIDDLE), (0, "Swap At", AT_BARS)]);
            host.forget();
            host.beat = 0.0;
            let mut heard: Stereo = Default::default();
            while heard[0].len() < 4 * bar {
                let here = heard[0].len();
                let frames = size.min(4 * bar - here);
                let at = |frame: usize| turns && (here..here + frames).contains(&frame);
                let mut changes = Vec::new();
                for (frame, value) in [(bar / 2, 0.0), (5 * bar / 2, NOTE_MIDDLE)] {
                    if at(frame) {
                        changes.push(((frame - here) as u32, "Bass Density", value));
                    }
                }
                let block = host.block(frames, &changes);
                for (heard, side) in heard.iter_mut().zip(&block[2]) {
                    heard.extend(side);
                }
            }
            heard
        };
        let (plain, turned) = (play(false, BLOCK), play(true, BLOCK));
        let differs = |number: usize| {
            let range = number * bar + fade..(number + 1) * bar;
            plain[0][range.clone()] != turned[0][range]
        };
        assert_eq!([0, 1, 2, 3].map(differs), [false, true, true, false], "bars that differ at {rate_hz} Hz");
        for size in [127, 2_048] {
            assert!(play(true, size) == turned, "blocks of {size} at {rate_hz} Hz");
        }
    }
}

/// How long it takes until other notes are there: printed, not asserted.
#[test]
#[ignore = "chore: prints figures that depend on the machine"]
#[allow(clippy::print_stdout, reason = "it is what it is for")]
fn time_until_a_note_dial_is_heard() {
    let Some(mut host) = Host::open(None, PORTS) else { return };
    host.block(BLOCK, &[(0, "Bars", 8.0), (0, "Swap At", 0.0), (0, "Seed", 7.0), (0, "Seed Mode", 1.0)]);
    host.trigger("Generate");
    host.start(RATE_HZ, RenderMode::Offline);
    for track in TRACKS {
        for dial in NOTE_DIALS {
            let mut longest = Duration::ZERO;
            for value in [3.0, 4.0, 1.0, 0.0, NOTE_MIDDLE] {
                host.block(BLOCK, &[(0, &format!("{track} {dial}"), value)]);
                longest = longest.max(host.took);
            }
            println!("{track} {dial}: {longest:?} for 16 s");
        }
    }
}
