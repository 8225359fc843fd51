use std::collections::HashSet;
use std::sync::Arc;

use proptest::prelude::*;
use resonantgen_music::plan::{Chord, ChordQuality, Key, Meter, Mode, Swing};
use resonantgen_music::score::Note;

use super::*;
use crate::{
    Bar, Clip, Controls, Dials, Player, Position, SectionTakes, Slot, SlotSender, SwapAt, TakeClips, channel,
};

const RATE_HZ: f64 = 48_000.0;

fn plan(bars: u32) -> Plan {
    Plan {
        bpm: 120.0,
        key: Key { tonic: 9, mode: Mode::Minor },
        meter: Meter::COMMON,
        bars,
        chords: vec![Chord::new(9, ChordQuality::Minor, false); 2 * bars as usize],
        swing: Swing { unit_steps: 1, ratio: 0.6 },
    }
}

fn note(step: u32, length: f32, pitch: u8) -> Note {
    Note { step, offset: 0.0, length, pitch, velocity: 90 }
}

fn clip(bars: u32, notes: Vec<Note>) -> Arc<Clip> {
    let plan = plan(bars);
    let samples = plan.audio_frames(RATE_HZ as u32);
    let silence = || vec![0.0; samples];
    Arc::new(Clip::new(&plan, silence(), silence(), RATE_HZ).with_score(&Score { notes }, &plan))
}

fn slot(clip: Arc<Clip>) -> Slot {
    let take = Arc::new(TakeClips::new(clip));
    let open = SectionTakes { takes: vec![Some(take.clone())], current: Some(take) };
    Slot { open, ..Slot::default() }
}

fn riff(seed: u32, bars: u32) -> Arc<Clip> {
    let notes = (0..bars * 16).filter(|step| !(step * 7 + seed).is_multiple_of(3)).map(|step| Note {
        offset: ((step * 5 + seed) % 7) as f32 * 0.1 - 0.3,
        ..note(step, 0.5 + ((step + seed) % 9) as f32, 36 + ((step * 11 + seed) % 5) as u8)
    });
    clip(bars, notes.collect())
}

/// A host that records what it is sent.
struct Host {
    sender: SlotSender,
    player: Player,
    output: NoteOutput,
    position: Position,
    swap_at: SwapAt,
    dials: [Dials; TRACK_COUNT],
    enabled: [bool; TRACK_COUNT],
    /// One message in this many is rejected; 0 for none.
    refuse: usize,
    count: usize,
    sounding: HashSet<(Track, u8)>,
    /// Absolute audio frame, track, key, velocity.
    heard: Vec<(usize, Track, u8, u8)>,
    frames: usize,
    block: Vec<f32>,
}

impl Host {
    fn new() -> Self {
        let (sender, player) = channel(RATE_HZ);
        Self {
            sender,
            player,
            output: NoteOutput::new(),
            position: Position { playing: true, ..Position::default() },
            swap_at: SwapAt::Bar,
            dials: Default::default(),
            enabled: [true; TRACK_COUNT],
            refuse: 0,
            count: 0,
            sounding: HashSet::new(),
            heard: Vec::new(),
            frames: 0,
            block: vec![0.0; 2 * TRACK_COUNT * 4_096],
        }
    }

    fn send(&mut self, track: Track, clip: Arc<Clip>) {
        self.sender.send(track, slot(clip)).expect("the ring has room");
    }

    fn run(&mut self, length: usize) {
        let mut channels = self.block.chunks_mut(4_096);
        let mut channel = || &mut channels.next().expect("two for each track")[..length];
        let mut stems: [[&mut [f32]; 2]; TRACK_COUNT] = std::array::from_fn(|_| [channel(), channel()]);
        let controls = Controls { swap_at: self.swap_at, dials: self.dials, ..Controls::default() };
        self.player.process(self.position, &controls, &mut stems, None);
        let (mut last, start) = ((0, false), self.frames);
        self.output.process(self.player.notes(), self.enabled, |message| {
            assert!((message.at as usize) < length.max(1), "outside the block");
            assert!((message.at, message.velocity > 0) >= last, "not in order");
            last = (message.at, message.velocity > 0);
            self.count += 1;
            if self.refuse > 0 && self.count.is_multiple_of(self.refuse) {
                return false;
            }
            let note = (message.track, message.key);
            if message.velocity > 0 {
                assert!(self.sounding.insert(note), "{note:?} sounds already");
            } else {
                assert!(self.sounding.remove(&note), "{note:?} does not sound");
            }
            self.heard.push((start + message.at as usize, message.track, message.key, message.velocity));
            true
        });
        self.frames += length;
        if self.position.playing {
            self.position.beat += length as f64 * self.position.bpm / (60.0 * RATE_HZ);
        }
    }
}

#[test]
fn notes_start_and_end_where_the_score_says_in_every_turn() {
    let mut host = Host::new();
    // The swung sixteenth, a note across the loop's end, and a key that starts again before it has ended.
    host.send(
        Track::Bass,
        clip(1, vec![note(1, 1.0, 40), note(4, 8.0, 41), note(8, 1.0, 41), note(15, 2.0, 42)]),
    );
    host.swap_at = SwapAt::Now;
    for _ in 0..3 * 96_000 / 64 {
        host.run(64);
    }
    let step = 6_000.0;
    let at = |turn: usize, steps: f64| turn * 96_000 + (steps * step).round() as usize;
    let mut expected = Vec::new();
    for turn in 0..3 {
        expected.extend([
            (at(turn, 1.2), 40, 90),
            (at(turn, 2.0), 40, 0),
            (at(turn, 4.0), 41, 90),
            (at(turn, 8.0), 41, 0),
            (at(turn, 8.0), 41, 90),
            (at(turn, 9.2), 41, 0),
            (at(turn, 15.2), 42, 90),
            (at(turn, 17.2), 42, 0),
        ]);
    }
    expected.sort_by_key(|(at, _, velocity)| (*at, *velocity > 0));
    expected.retain(|(at, ..)| *at < host.frames);
    let heard: Vec<(usize, u8, u8)> =
        host.heard.iter().map(|(at, _, key, velocity)| (*at, *key, *velocity)).collect();
    assert_eq!(heard, expected);
}

/// A song with a tempo change, another take on a bar line, a bar of another length, a jump and a stop, in blocks of the given
/// sizes.
fn song(mut next: impl FnMut() -> usize) -> Vec<(usize, Track, u8, u8)> {
    let mut host = Host::new();
    for (index, track) in Track::ALL.into_iter().enumerate() {
        host.send(track, riff(index as u32, 2));
    }
    let beat = |frame: usize, from: (usize, f64), bpm: f64| {
        from.1 + (frame - from.0) as f64 * bpm / (60.0 * RATE_HZ)
    };
    // (from frame, beat there, tempo, bar start, bar length)
    let parts = [
        (0, 0.0, 120.0, 0.0, 4.0),
        (50_000, 50_000.0 / 24_000.0, 97.3, 0.0, 4.0),
        (150_000, 9.0, 120.0, 8.0, 4.0),
        (222_000, 12.0, 120.0, 12.0, 3.0),
        (294_000, 15.0, 120.0, 15.0, 4.0),
        (400_000, 2.5, 120.0, 0.0, 4.0),
    ];
    let total = 500_000;
    let mut has_other = false;
    while host.frames < total {
        let part = parts.iter().rposition(|part| part.0 <= host.frames).expect("the first begins at 0");
        let end = parts.get(part + 1).map_or(total, |part| part.0);
        let (from, at, bpm, bar, quarters_per_bar) = parts[part];
        if host.frames >= 150_000 && !has_other {
            has_other = true;
            host.send(Track::Melody, riff(11, 1));
        }
        host.position = Position {
            beat: beat(host.frames, (from, at), bpm),
            bpm,
            quarters_per_bar,
            bar: Some(Bar { start: bar, index: None }),
            playing: host.frames < 480_000,
            ..Position::default()
        };
        let length = next().clamp(1, end - host.frames).min(480_000_usize.saturating_sub(host.frames).max(1));
        host.run(length);
    }
    assert!(host.sounding.is_empty(), "{:?} still sound", host.sounding);
    host.heard
}

#[test]
fn block_sizes_do_not_matter() {
    let reference = song(|| 512);
    assert!(reference.len() > 300, "only {} messages", reference.len());
    for size in [1, 64, 127, 4_096] {
        assert!(song(|| size) == reference, "blocks of {size}");
    }
    let mut state = 1_u64;
    let random = song(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % 900
    });
    assert!(random == reference);
}

#[test]
fn a_tempo_that_moves_in_every_block_loses_no_note_and_cuts_none() {
    let mut host = Host::new();
    host.send(Track::Drums, clip(1, (0..16).map(|step| note(step, 0.5, 36)).collect()));
    host.swap_at = SwapAt::Now;
    let mut starts = 0;
    for block in 0..2_000 {
        host.position.bpm = 100.0 + f64::from(block) * 0.05;
        // The position as a host that counts in ticks reports it.
        let exact = host.position.beat;
        host.position.beat = (exact * 1_920.0).round() / 1_920.0;
        host.run(256);
        host.position.beat = exact + 256.0 * host.position.bpm / (60.0 * RATE_HZ);
    }
    for (.., velocity) in &host.heard {
        starts += usize::from(*velocity > 0);
    }
    let steps = (host.position.beat * 4.0).floor() as usize + 1;
    assert!(starts == steps || starts + 1 == steps, "{starts} of {steps} notes");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    /// In all, a hundred thousand blocks.
    #[test]
    fn no_note_is_stuck(
        seed in any::<u32>(),
        refuse in prop_oneof![Just(0_usize), 2_usize..9],
        actions in prop::collection::vec((0_u32..40, 0_usize..2_000, 0.0_f64..32.0), 5_000),
    ) {
        let mut host = Host::new();
        host.refuse = refuse;
        for (block, (action, length, value)) in actions.into_iter().enumerate() {
            let track = Track::ALL[(block + value as usize) % TRACK_COUNT];
            match action {
                0 => host.position.beat = value - 8.0,
                1 => host.position.bpm = 40.0 + value * 6.0,
                2 => host.position.bpm += value * 0.01,
                3 => host.position.playing = !host.position.playing,
                4 => host.enabled[track.index()] ^= true,
                5 | 6 => {
                    let _ = host.sender.send(track, slot(riff(seed % 97 + block as u32 % 31, 1 + action % 2)));
                }
                7 => host.swap_at = [SwapAt::Now, SwapAt::Beat, SwapAt::Bar, SwapAt::Loop][value as usize % 4],
                8 => host.position.quarters_per_bar = [4.0, 3.0, 3.5][value as usize % 3],
                9 => host.position.bar = Some(Bar { start: host.position.beat.floor(), index: None }),
                10 => host.position.bar = None,
                11 => {
                    host.player.reset();
                    host.output.release();
                }
                12 => {
                    // Reactivated.
                    (host.sender, host.player) = channel(RATE_HZ);
                    host.output.release();
                }
                13 => {
                    let dial = (value / 16.0 - 1.0) as f32;
                    let dials = Dials { swing: dial, humanise: -dial, intensity: dial, ..Dials::default() };
                    host.dials[track.index()] = dials;
                }
                _ => {}
            }
            host.run(length);
            if host.refuse == 0 {
                let stopped = !host.position.playing && length > 0;
                prop_assert!(!stopped || host.sounding.is_empty(), "they sound while the host stands still");
                let is_on = |(track, _): &(Track, u8)| host.enabled[track.index()];
                prop_assert!(host.sounding.iter().all(is_on), "a track that is switched off sounds");
            }
        }
        // Messages rejected by a full host are sent again.
        host.refuse = 0;
        host.position.playing = false;
        let owed = host.sounding.clone();
        host.heard.clear();
        host.run(64);
        prop_assert!(host.sounding.is_empty(), "stuck: {:?} of {owed:?}", host.sounding);
    }
}
