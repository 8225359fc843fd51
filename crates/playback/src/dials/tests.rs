use std::sync::Arc;

use resonantgen_music::plan::{Chord, ChordQuality, Key, Meter, Mode};
use resonantgen_music::score::Note;
use resonantgen_music::track::{TRACK_COUNT, Track};

use super::*;
use crate::{Clip, Controls, NoteOutput, Player, Position, SectionTakes, Slot, SwapAt, TakeClips, channel};

const RATE_HZ: f64 = 48_000.0;
const BPM: f64 = 120.0;
/// Audio frames of a step.
const STEP: usize = 6_000;
const LOOP: usize = 16 * STEP;

fn plan(ratio: f64) -> Plan {
    Plan {
        bpm: BPM,
        key: Key { tonic: 9, mode: Mode::Minor },
        meter: Meter::COMMON,
        bars: 1,
        chords: vec![Chord::new(9, ChordQuality::Minor, false); 2],
        swing: Swing { unit_steps: 1, ratio },
    }
}

fn note(step: u32, offset: f32) -> Note {
    Note { step, offset, length: 0.5, pitch: 40, velocity: if step.is_multiple_of(4) { 110 } else { 70 } }
}

/// A clip with a click at each note, followed by a quiet decay.
fn clip(ratio: f64, notes: Vec<Note>) -> Clip {
    let plan = plan(ratio);
    let mut samples = vec![0.0_f32; LOOP];
    for note in &notes {
        let at =
            (plan.swing.warp(f64::from(note.step) + f64::from(note.offset)) * STEP as f64).round() as i64;
        for index in 0..400 {
            let place = (at + index).rem_euclid(LOOP as i64) as usize;
            samples[place] += if index == 0 { 1.0 } else { 0.1 * (-(index as f32) / 60.0).exp() };
        }
    }
    Clip::new(&plan, samples.clone(), samples, RATE_HZ).with_score(&Score { notes }, &plan)
}

struct Host {
    player: Player,
    output: NoteOutput,
    position: Position,
    dials: Dials,
    heard: Vec<f32>,
    starts: Vec<usize>,
    _sender: crate::SlotSender,
}

impl Host {
    fn new(clip: Clip) -> Self {
        let (mut sender, player) = channel(RATE_HZ);
        let take = Arc::new(TakeClips::new(Arc::new(clip)));
        let slot = Slot {
            open: SectionTakes { takes: Vec::new(), current: Some(take) },
            immediate: true,
            ..Slot::default()
        };
        sender.send(Track::Bass, slot).expect("the ring is empty");
        Self {
            player,
            output: NoteOutput::new(),
            position: Position { bpm: BPM, playing: true, exact: true, ..Position::default() },
            dials: Dials::default(),
            heard: Vec::new(),
            starts: Vec::new(),
            _sender: sender,
        }
    }

    fn run(&mut self, length: usize) {
        let mut block = vec![0.0_f32; 2 * TRACK_COUNT * length];
        let mut channels = block.chunks_mut(length);
        let mut channel = || channels.next().expect("two for each track");
        let mut stems: [[&mut [f32]; 2]; TRACK_COUNT] = std::array::from_fn(|_| [channel(), channel()]);
        let mut controls = Controls { swap_at: SwapAt::Now, ..Controls::default() };
        controls.dials[Track::Bass.index()] = self.dials;
        self.player.process(self.position, &controls, &mut stems, None);
        let start = self.heard.len();
        self.output.process(self.player.notes(), [true; TRACK_COUNT], |message| {
            if message.velocity > 0 {
                self.starts.push(start + message.at as usize);
            }
            true
        });
        self.heard.extend(&*stems[Track::Bass.index()][0]);
        self.position.beat += length as f64 * BPM / (60.0 * RATE_HZ);
    }

    fn run_loop(&mut self, dials: Dials, size: usize) {
        self.dials = dials;
        let end = self.heard.len() + LOOP;
        while self.heard.len() < end {
            self.run(size.min(end - self.heard.len()));
        }
    }

    /// The positions of the clicks heard in the last loop.
    fn clicks(&self) -> Vec<usize> {
        let last = &self.heard[self.heard.len() - LOOP..];
        (0..LOOP).filter(|index| last[*index] > 0.55).collect()
    }

    fn last_starts(&self) -> Vec<usize> {
        let begin = self.heard.len() - LOOP;
        self.starts.iter().filter(|start| **start >= begin).map(|start| start - begin).collect()
    }
}

fn sixteenths() -> Vec<Note> {
    (0..16).map(|step| note(step, 0.0)).collect()
}

#[test]
fn swing_delays_the_second_of_each_pair_and_every_attack_is_heard_once() {
    for size in [64, 1_000, 4_097] {
        let mut host = Host::new(clip(0.5, sixteenths()));
        host.run_loop(Dials { swing: 1.0, ..Dials::default() }, size);
        host.run_loop(Dials { swing: 1.0, ..Dials::default() }, size);
        let expected: Vec<usize> = (0..16).map(|step| step * STEP + (step % 2) * STEP * 9 / 20).collect();
        let clicks = host.clicks();
        assert_eq!(clicks.len(), 16, "{clicks:?}");
        for (click, expected) in clicks.iter().zip(&expected) {
            assert!(click.abs_diff(*expected) <= 1, "{clicks:?}");
        }
        for (start, click) in host.last_starts().iter().zip(&clicks) {
            assert!(start.abs_diff(*click) <= 1, "notes at {:?}", host.last_starts());
        }
        assert_eq!(host.last_starts().len(), 16);
        // A swung take, straightened, is on the grid.
        let mut host = Host::new(clip(0.62, sixteenths()));
        host.run_loop(Dials { swing: -1.0, ..Dials::default() }, size);
        host.run_loop(Dials { swing: -1.0, ..Dials::default() }, size);
        for (step, click) in host.clicks().iter().enumerate() {
            assert!(click.abs_diff(step * STEP) <= 1, "{:?}", host.clicks());
        }
    }
}

#[test]
fn humanise_moves_onto_the_grid_or_off_it_by_a_little_and_always_the_same() {
    let loose: Vec<Note> = (0..16).map(|step| note(step, (step % 5) as f32 * 0.05 - 0.1)).collect();
    let mut host = Host::new(clip(0.5, loose));
    let dials = Dials { humanise: -1.0, ..Dials::default() };
    host.run_loop(dials, 512);
    host.run_loop(dials, 512);
    let on_grid: Vec<usize> = host.clicks();
    assert_eq!(on_grid.len(), 16, "{on_grid:?}");
    assert!(on_grid.iter().enumerate().all(|(step, click)| click.abs_diff(step * STEP) <= 1), "{on_grid:?}");

    let mut host = Host::new(clip(0.5, sixteenths()));
    let dials = Dials { humanise: 1.0, ..Dials::default() };
    host.run_loop(dials, 512);
    host.run_loop(dials, 512);
    let first = host.clicks();
    host.run_loop(dials, 300);
    assert_eq!(host.clicks(), first, "each turn is as the one before");
    let most = (LOOSE_SECONDS * RATE_HZ) as usize + 1;
    let off = |click: usize| click.abs_diff((click + STEP / 2) / STEP * STEP);
    let off: Vec<usize> = first.iter().map(|click| off(*click)).collect();
    assert!(
        off.iter().all(|off| *off <= most) && off.iter().filter(|off| **off > 20).count() >= 8,
        "{off:?}"
    );
}

#[test]
fn dials_in_the_middle_change_nothing_and_what_starts_nowhere_is_not_moved() {
    let clip = clip(0.6, sixteenths());
    let expected: Vec<f32> =
        (0..LOOP).map(|index| clip.at(index as f64 * BPM / (60.0 * RATE_HZ), BPM)[0]).collect();
    let mut host = Host::new(clip);
    host.run_loop(Dials::default(), 480);
    assert!(host.heard == expected);
    // Moved and moved back: after the ramps the take is unchanged.
    host.run_loop(Dials { swing: 0.5, humanise: 0.3, brightness_db: 4.0, intensity: 0.6 }, 480);
    assert!(host.heard[LOOP..] != expected[..]);
    host.run_loop(Dials::default(), 480);
    let settled = (0.05 * RATE_HZ) as usize;
    assert!(host.heard[2 * LOOP + settled..] == expected[settled..], "unchanged within 50 ms");
    // A pad that starts with the bar.
    let plan = plan(0.5);
    let pad: Vec<f32> = (0..LOOP).map(|index| (index as f32 * 0.01).sin()).collect();
    let score = Score { notes: vec![Note { length: 16.0, ..note(0, 0.0) }] };
    let mut host = Host::new(Clip::new(&plan, pad.clone(), pad.clone(), RATE_HZ).with_score(&score, &plan));
    host.run_loop(Dials { swing: 1.0, ..Dials::default() }, 480);
    host.run_loop(Dials { swing: 1.0, ..Dials::default() }, 480);
    assert!(host.heard[LOOP..] == pad);
}

#[test]
fn turning_dials_loses_no_note_and_sends_none_twice() {
    let mut host = Host::new(clip(0.55, sixteenths()));
    let mut turned = 0_u32;
    while host.position.beat < 400.0 {
        // Up, down and back to the middle, in every block.
        turned = turned.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let dial = ((turned >> 16) % 5) as f32 * 0.5 - 1.0;
        host.dials = Dials { swing: dial, humanise: -dial, ..Dials::default() };
        host.run(300);
    }
    host.run_loop(Dials::default(), 480);
    let steps = (host.position.beat * 4.0).ceil() as usize;
    assert!(host.starts.len().abs_diff(steps) <= 1, "{} of {steps} notes started", host.starts.len());
}

/// Output for dials that move at fixed times, rendered in blocks of the given sizes.
fn turned_in_blocks(which: usize, mut next: impl FnMut() -> usize) -> Vec<f32> {
    let loose: Vec<Note> = (0..16).map(|step| note(step, (step % 5) as f32 * 0.05 - 0.1)).collect();
    let mut host = Host::new(clip(0.6, loose));
    host.position.exact = false;
    let total = 5 * LOOP;
    let mut state = 9_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 8
    };
    let mut moments: Vec<(usize, f32)> =
        (0..40).map(|_| (random() as usize % total, (random() % 1_000) as f32 / 500.0 - 1.0)).collect();
    moments.sort_by_key(|(at, _)| *at);
    while host.heard.len() < total {
        let done = host.heard.len();
        host.position.beat = done as f64 * BPM / (60.0 * RATE_HZ);
        if let Some((_, value)) = moments.iter().rfind(|(at, _)| *at <= done) {
            host.dials = Dials::default();
            match which {
                0 => host.dials.swing = *value,
                1 => host.dials.humanise = *value,
                2 => host.dials.brightness_db = *value * 6.0,
                _ => host.dials.intensity = *value,
            }
        }
        let end = moments.iter().map(|(at, _)| *at).find(|at| *at > done).unwrap_or(total);
        host.run(next().clamp(1, end - done));
    }
    host.heard
}

#[test]
fn turned_dials_sound_the_same_in_any_blocks() {
    for which in 0..4 {
        let reference = turned_in_blocks(which, || 512);
        for size in [1, 127, 8_000] {
            let heard = turned_in_blocks(which, || size);
            let differs = heard.iter().zip(&reference).position(|(one, other)| one != other);
            assert_eq!(differs, None, "dial {which} in blocks of {size}");
        }
    }
}

#[test]
fn turning_a_dial_does_not_click() {
    let plan = plan(0.5);
    // A whole number of periods per loop.
    let omega = std::f32::consts::TAU * 200.0 / LOOP as f32;
    let tone: Vec<f32> = (0..LOOP).map(|index| (index as f32 * omega).sin()).collect();
    let clip =
        Clip::new(&plan, tone.clone(), tone, RATE_HZ).with_score(&Score { notes: sixteenths() }, &plan);
    let mut host = Host::new(clip);
    host.run_loop(Dials::default(), 480);
    for turn in 0..400 {
        let dial = (turn as f32 * 0.31).sin();
        host.dials = Dials { swing: dial, humanise: -dial, brightness_db: 6.0 * dial, intensity: dial };
        host.run(240);
    }
    let step = host.heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    // The tone itself changes by omega per sample; a jump of it, spread over three milliseconds, adds as much again.
    assert!(step < 6.0 * omega, "{step}, the tone {omega}");
}

#[test]
fn intensity_is_louder_with_louder_attacks_and_brightness_tilts_by_what_it_says() {
    let peak = |dials: Dials, step: usize| {
        let mut host = Host::new(clip(0.5, sixteenths()));
        host.run_loop(dials, 480);
        host.run_loop(dials, 480);
        host.heard[LOOP + step * STEP]
    };
    let decibels = |dial: f32, step: usize| {
        let dials = Dials { intensity: dial, ..Dials::default() };
        20.0 * (peak(dials, step) / peak(Dials::default(), step)).log10()
    };
    assert!(decibels(1.0, 0) > decibels(1.0, 1) + 2.0 && decibels(1.0, 1) > 0.0);
    assert!(decibels(-1.0, 0) < -3.0);
    assert_eq!((Dials { intensity: 1.0, ..Dials::default() }).velocity(100), 127);
    assert_eq!((Dials { intensity: -1.0, ..Dials::default() }).velocity(100), 65);
    assert_eq!(Dials::default().velocity(77), 77);

    for (hz, expected) in [(60.0, -6.0), (15_000.0, 6.0)] {
        let mut tilt = Tilt::new(RATE_HZ);
        let dials = Dials { brightness_db: 6.0, ..Dials::default() };
        let tone = |index: usize| (std::f64::consts::TAU * hz * index as f64 / RATE_HZ).sin() as f32;
        let (mut left, mut right): (Vec<f32>, Vec<f32>) =
            (0..48_000).map(|index| (tone(index), tone(index))).unzip();
        tilt.process(&dials, [&mut left, &mut right]);
        let rms = |samples: &[f32]| {
            (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32).sqrt()
        };
        let heard = 20.0 * (rms(&left[24_000..]) * 2.0_f32.sqrt()).log10();
        assert!((heard - expected).abs() < 0.5, "{hz} Hz: {heard} dB");
        assert!(left == right);
    }
}
