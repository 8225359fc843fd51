//! Random hosts: any blocks, seeks, loops, rates, tempos and parameters. Nothing may allocate or free on the audio thread
//! (the bundle aborts if it does), and the output must be finite and bounded.

use clack_extensions::render::RenderMode;

use crate::dice::Dice;
use crate::host::{ALL_PORTS, Host, LONGEST, PORTS, RATE_HZ, Stereo};
use crate::{main_minus, two_takes};

/// Number of blocks; `RESONANTGEN_STORM_BLOCKS` overrides it.
const BLOCKS: usize = 5_000;

/// Mostly short blocks, as in real hosts, and sometimes any size.
fn any_block(dice: &mut Dice) -> usize {
    match dice.roll(8) {
        0 => 1 + dice.roll(LONGEST as u32) as usize,
        1 => 1 + dice.roll(4) as usize,
        _ => 1 + dice.roll(700) as usize,
    }
}

/// A parameter and its new value.
fn any_change(dice: &mut Dice) -> (&'static str, f64) {
    match dice.roll(15) {
        0 => {
            (dice.pick(&["Drums Take", "Bass Take", "Harmony Take", "Melody Take"]), f64::from(dice.roll(4)))
        }
        1 => (dice.pick(&["Drums Mute", "Bass Mute", "Melody Mute"]), f64::from(dice.roll(2))),
        2 => (dice.pick(&["Harmony Solo", "Bass Solo"]), f64::from(dice.roll(2))),
        3 => (dice.pick(&["Drums Level", "Harmony Level"]), dice.fraction() * 66.0 - 60.0),
        4 => (dice.pick(&["Bass Pan", "Melody Pan"]), dice.fraction() * 2.0 - 1.0),
        5 => (dice.pick(&["Drums In Main", "Bass In Main", "Melody In Main"]), f64::from(dice.roll(3))),
        6 => (dice.pick(&["Drums Lock", "Bass Lock"]), f64::from(dice.roll(2))),
        7 => ("Swap At", f64::from(dice.roll(4))),
        8 => ("Prompt Slot", f64::from(1 + dice.roll(8))),
        9 => ("Variation", dice.fraction()),
        10 => ("Bars", f64::from(dice.roll(33))),
        11 => (
            dice.pick(&["Drums Output", "Bass Output", "Harmony Output", "Melody Output"]),
            f64::from(dice.roll(3)),
        ),
        12 => (
            dice.pick(&["Drums Swing", "Bass Humanise", "Harmony Swing", "Melody Humanise"]),
            dice.fraction(),
        ),
        13 => (dice.pick(&["Drums Brightness", "Bass Intensity", "Harmony Brightness"]), dice.fraction()),
        _ => ("Follow Host Tempo", f64::from(dice.roll(2))),
    }
}

fn assert_is_signal(heard: &[Stereo], channels: [usize; ALL_PORTS], block: usize) {
    for (port, sides) in heard.iter().enumerate() {
        for samples in &sides[..channels[port]] {
            let loudest = samples.iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
            assert!(samples.iter().all(|sample| sample.is_finite()), "port {port} in block {block}");
            assert!(loudest < 8.0, "port {port} in block {block} is {loudest}");
        }
    }
}

#[test]
fn a_storm_of_blocks_and_parameters_is_survived() {
    let Some(state) = two_takes() else { return };
    let blocks = std::env::var("RESONANTGEN_STORM_BLOCKS")
        .map_or(BLOCKS, |count| count.parse().expect("RESONANTGEN_STORM_BLOCKS is a number"));
    let mut dice = Dice(41);
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    for block in 0..blocks {
        match dice.roll(60) {
            0 | 1 => host.beat = f64::from(dice.roll(64)) - 16.0 + dice.fraction(),
            2 => host.beat = (host.beat / 4.0).floor() * 4.0,
            3 | 4 => host.bpm = dice.pick(&[60.0, 90.5, 120.0, 121.3, 174.0, 300.0]),
            5 | 6 => host.bpm += dice.fraction() - 0.5,
            7 => host.playing = !host.playing,
            8 => host.channels = std::array::from_fn(|_| dice.pick(&[0, 1, 2, 2])),
            9 => host.ports = 1 + dice.roll(ALL_PORTS as u32) as usize,
            _ => {}
        }
        if block % 500 == 499 {
            let rate_hz = dice.pick(&[22_050.0, 44_100.0, 48_000.0, 48_000.0, 96_000.0, 192_000.0]);
            host.start(rate_hz, RenderMode::Realtime);
        }
        let frames = any_block(&mut dice);
        let mut changes = Vec::new();
        for _ in 0..dice.roll(4) {
            let (name, value) = any_change(&mut dice);
            changes.push((dice.roll(frames as u32), name, value));
        }
        // New takes arrive meanwhile.
        if block % 400 == 200 {
            let trigger = dice.pick(&["Generate", "Bass Regenerate", "Melody Regenerate"]);
            changes.extend([(0, "Bars", 1.0), (0, trigger, 0.0), (frames as u32 - 1, trigger, 1.0)]);
        }
        changes.sort_by_key(|(time, ..)| *time);
        let heard = host.block(frames, &changes);
        assert_is_signal(&heard, host.channels, block);
    }
}

/// Six seconds with mixer and take changes at fixed times, rendered in the given block sizes.
fn play_in_blocks(state: &[u8], mut next: impl FnMut() -> usize) -> Vec<Stereo> {
    const LENGTH: usize = 6 * RATE_HZ as usize;
    let mut dice = Dice(7);
    let mut changes: Vec<(usize, &str, f64)> = (0..120)
        .map(|_| {
            let (name, value) = any_change(&mut dice);
            (dice.roll(LENGTH as u32) as usize, name, value)
        })
        .filter(|(_, name, _)| !name.ends_with("Solo") && !name.ends_with("Mute"))
        .collect();
    changes.sort_by_key(|(time, ..)| *time);
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    host.forget();
    let mut heard: Vec<Stereo> = vec![Default::default(); PORTS];
    let mut done = 0;
    while done < LENGTH {
        let frames = next().clamp(1, LENGTH - done);
        host.beat = done as f64 * host.bpm / (60.0 * RATE_HZ);
        let now: Vec<(u32, &str, f64)> = changes
            .iter()
            .filter(|(time, ..)| (done..done + frames).contains(time))
            .map(|(time, name, value)| ((time - done) as u32, *name, *value))
            .collect();
        for (heard, block) in heard.iter_mut().flatten().zip(host.block(frames, &now).iter().flatten()) {
            heard.extend(block);
        }
        done += frames;
    }
    heard
}

#[test]
fn automation_sounds_the_same_in_any_blocks() {
    let Some(state) = two_takes() else { return };
    let reference = play_in_blocks(state, || 512);
    for seed in 0..3 {
        let mut dice = Dice(seed);
        let heard = play_in_blocks(state, || any_block(&mut dice));
        for (port, (heard, reference)) in heard.iter().zip(&reference).enumerate() {
            let differs = heard[0].iter().zip(&reference[0]).position(|(one, other)| one != other);
            assert!(differs.is_none(), "port {port} differs from sample {differs:?} on");
        }
    }
    let stems: Vec<&Stereo> = reference[1..].iter().collect();
    assert!(reference.iter().all(|port| port[0].iter().any(|sample| sample.abs() > 1e-3)), "all are heard");
    assert!(main_minus(&reference[0], &stems) > 0.0, "stems leave Main on the way");
}
