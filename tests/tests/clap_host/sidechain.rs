//! Bars of the sidechain become a take, in time and to the sample where the loop plays them.

use std::f64::consts::TAU;

use clack_extensions::render::RenderMode;

use crate::host::{BLOCK, Host, PORTS, RATE_HZ, plugin};
use crate::{BPM, state};

const BARS: f64 = 2.0;
/// The bass among the ports.
const BASS: usize = 2;

/// A bass that repeats after two bars of 4/4: a note on each beat, of another pitch on each.
fn played(beat: f64) -> [f32; 2] {
    const KEYS: [f64; 8] = [33.0, 33.0, 45.0, 33.0, 36.0, 36.0, 48.0, 31.0];
    let place = beat.rem_euclid(8.0);
    let seconds = place.fract() * 60.0 / BPM;
    let hz = 440.0 * ((KEYS[place as usize] - 69.0) / 12.0).exp2();
    let sample = (0.5 * (-4.0 * seconds).exp() * (seconds * hz * TAU).sin()) as f32;
    [sample, 0.5 * sample]
}

/// How alike two sounds are, 1 is the same up to its level.
fn likeness(one: &[f32], other: &[f32]) -> f64 {
    let sum = |one: &[f32], other: &[f32]| -> f64 {
        one.iter().zip(other).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum()
    };
    sum(one, other) / (sum(one, one) * sum(other, other)).sqrt().max(1e-12)
}

fn recording_host(state: Option<&[u8]>, rate_hz: f64, bars: f64) -> Host {
    let mut host = Host::open(state, PORTS).expect("there is a plugin");
    host.start(rate_hz, RenderMode::Realtime);
    host.bpm = BPM;
    host.sidechain = Some(Box::new(played));
    host.block(BLOCK, &[(0, "Record Bars", bars), (0, "Swap At", 0.0)]);
    host
}

/// Plays some bars from a beat on.
fn play(host: &mut Host, beat: f64, bars: f64) {
    host.beat = beat;
    let mut frames = (bars * 4.0 * 60.0 / BPM * RATE_HZ) as usize;
    while frames > 0 {
        let count = frames.min(BLOCK);
        host.block(count, &[]);
        frames -= count;
    }
}

/// Records the bass from the next bars on, and plays until it is there.
fn record(host: &mut Host, beat: f64) {
    let before = host.dirty();
    host.beat = beat;
    host.block(1, &[(0, "Record Bass", 1.0)]);
    host.block(1, &[(0, "Record Bass", 0.0)]);
    host.wait_for_take(before);
    host.sidechain = None;
    host.settle();
}

#[test]
fn what_is_recorded_plays_in_time_at_any_rate() {
    if plugin().is_none() {
        return;
    }
    for rate_hz in [44_100.0, 48_000.0, 96_000.0] {
        let mut host = recording_host(None, rate_hz, BARS);
        record(&mut host, 5.3);
        host.start(rate_hz, RenderMode::Offline);
        let bar = (4.0 * 60.0 / BPM * rate_hz) as usize;
        let heard = host.render(16.0, 2 * bar, BLOCK);
        let expected: Vec<f32> =
            (0..2 * bar).map(|frame| played(frame as f64 * BPM / (60.0 * rate_hz))[0]).collect();
        let alike = likeness(&heard[BASS][0], &expected);
        assert!(alike > 0.995, "{rate_hz}: {alike:.4}");
        // The right side is as soft as it was played.
        let level = |side: &[f32]| side.iter().map(|sample| sample * sample).sum::<f32>().sqrt();
        let [left, right] = heard[BASS].each_ref().map(|side| level(side));
        assert!((0.45..0.55).contains(&(right / left)), "{rate_hz}: {left} {right}");
        // In time to a few samples: moved by a millisecond, the attacks differ more.
        let moved = rate_hz as usize / 1000;
        assert!(likeness(&heard[BASS][0][moved..], &expected) < alike);
        assert!(likeness(&heard[BASS][0], &expected[moved..]) < alike);
    }
}

#[test]
fn nothing_changes_where_nothing_arrives_or_the_host_stops() {
    let Some(state) = state() else { return };
    let plain = {
        let mut host = recording_host(Some(state), RATE_HZ, BARS);
        host.settle();
        host.loop_once()
    };
    for connected in [false, true] {
        let mut host = recording_host(Some(state), RATE_HZ, BARS);
        if !connected {
            host.sidechain = None;
        }
        let before = host.dirty();
        host.block(1, &[(0, "Record Bass", 1.0)]);
        host.block(1, &[(0, "Record Bass", 0.0)]);
        // Connected, it stops after each bar: two are wanted.
        for _ in 0..20 {
            play(&mut host, 0.0, if connected { 1.0 } else { BARS });
            host.playing = false;
            host.block(BLOCK, &[]);
            host.playing = true;
        }
        host.settle();
        assert!(host.loop_once() == plain && host.dirty() == before, "connected: {connected}");
    }
}

#[test]
fn a_recording_takes_its_place_in_a_loop_and_is_kept_with_the_project() {
    let Some(state) = state() else { return };
    let mut host = recording_host(Some(state), RATE_HZ, BARS);
    host.settle();
    let before = host.loop_once();
    record(&mut host, 0.0);
    let after = host.loop_once();
    assert!(after[BASS] != before[BASS]);
    for port in [1, 3, 4] {
        assert!(after[port] == before[port], "stem {port} has changed");
    }
    let expected: Vec<f32> =
        (0..after[BASS][0].len()).map(|frame| played(frame as f64 * BPM / (60.0 * RATE_HZ))[0]).collect();
    assert!(likeness(&after[BASS][0], &expected) > 0.995);
    let saved = host.save();
    let mut again = Host::open(Some(&saved), PORTS).expect("there is a plugin");
    again.settle();
    assert!(again.loop_once() == after, "a project that is opened again plays what was recorded");
}

#[test]
fn a_rate_that_changes_in_mid_recording_spoils_neither_the_loop_nor_the_next_recording() {
    let Some(state) = state() else { return };
    let rate_hz = 44_100.0;
    let mut host = recording_host(Some(state), RATE_HZ, BARS);
    let before = host.dirty();
    host.beat = 0.0;
    host.block(1, &[(0, "Record Bass", 1.0)]);
    host.block(1, &[(0, "Record Bass", 0.0)]);
    play(&mut host, 0.0, 1.0);
    host.start(rate_hz, RenderMode::Realtime);
    play(&mut host, 4.0, 0.5);
    assert_eq!(host.dirty(), before, "half of the bars are no take");
    record(&mut host, 8.0);
    host.start(rate_hz, RenderMode::Offline);
    let bars = (BARS * 4.0 * 60.0 / BPM * rate_hz) as usize;
    let heard = host.render(0.0, bars, BLOCK);
    let expected: Vec<f32> =
        (0..bars).map(|frame| played(frame as f64 * BPM / (60.0 * rate_hz))[0]).collect();
    let alike = likeness(&heard[BASS][0], &expected);
    assert!(alike > 0.995, "{alike:.4}");
}
