use super::*;
use crate::{SectionTakes, SongPass, TakeClips};

mod followed;
mod song;
use resonantgen_music::plan::{BPM_RANGE, Chord, ChordQuality, Key, Meter, Mode, Plan, Swing};

const RATE_HZ: f64 = 48_000.0;

fn plan(bpm: f64, bars: u32) -> Plan {
    Plan {
        bpm,
        key: Key { tonic: 9, mode: Mode::Minor },
        meter: Meter::COMMON,
        bars,
        chords: vec![Chord::new(9, ChordQuality::Minor, false); 2 * bars as usize],
        swing: Swing::default(),
    }
}

/// A clip whose samples count up, so that each tells its position.
fn ramp(bpm: f64, bars: u32, rate_hz: f64) -> Arc<Clip> {
    let plan = plan(bpm, bars);
    let samples = plan.audio_frames(rate_hz as u32);
    let left = ramp_samples(samples);
    let right = left.iter().map(|sample| -sample).collect();
    Arc::new(Clip::new(&plan, left, right, rate_hz))
}

/// The left channel of [`ramp`].
fn ramp_samples(samples: usize) -> Vec<f32> {
    (0..samples).map(|index| index as f32 / samples as f32).collect()
}

/// A slot with one clip as its only take.
fn slot(clip: Arc<Clip>, immediate: bool) -> Slot {
    let take = Arc::new(TakeClips::new(clip));
    let open = SectionTakes { takes: vec![Some(take.clone())], current: Some(take) };
    Slot { open, immediate, ..Slot::default() }
}

/// A host that runs a player and records its output.
struct Host {
    player: Player,
    position: Position,
    chosen: [Option<usize>; TRACK_COUNT],
    dials: [Dials; TRACK_COUNT],
    section: Option<usize>,
    song_start: Option<i32>,
    previews: bool,
    following: Option<Following>,
    heard: [[Vec<f32>; 2]; TRACK_COUNT],
}

impl Host {
    fn new(player: Player, bpm: f64) -> Self {
        let position =
            Position { beat: 0.0, bpm, quarters_per_bar: 4.0, playing: true, ..Position::default() };
        Self {
            player,
            position,
            chosen: [None; TRACK_COUNT],
            dials: Default::default(),
            section: None,
            song_start: None,
            previews: false,
            following: None,
            heard: Default::default(),
        }
    }

    fn run(&mut self, samples: usize, swap_at: SwapAt) {
        let mut block: Vec<[Vec<f32>; 2]> =
            vec![[vec![f32::NAN; samples], vec![f32::NAN; samples]]; TRACK_COUNT];
        {
            let mut channels =
                block.iter_mut().map(|[left, right]| [left.as_mut_slice(), right.as_mut_slice()]);
            let mut stems: [[&mut [f32]; 2]; TRACK_COUNT] =
                std::array::from_fn(|_| channels.next().expect("one block per track"));
            let controls = Controls {
                swap_at,
                chosen: self.chosen,
                dials: self.dials,
                section: self.section,
                song_start: self.song_start,
                previews: self.previews,
                following: self.following,
            };
            self.player.process(self.position, &controls, &mut stems, None);
        }
        for (heard, block) in self.heard.iter_mut().zip(block) {
            for (heard, block) in heard.iter_mut().zip(block) {
                heard.extend(block);
            }
        }
        self.position.beat += samples as f64 * self.position.bpm / (60.0 * RATE_HZ);
    }

    fn left(&self, track: Track) -> &[f32] {
        &self.heard[track.index()][0]
    }
}

fn sizes(seed: u64, total: usize) -> Vec<usize> {
    let mut state = seed;
    let mut left = total;
    let mut sizes = Vec::new();
    while left > 0 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let size = ((state >> 33) as usize % 700).min(left);
        sizes.push(size);
        left -= size;
    }
    sizes
}

/// Plays three loops with a take that is swapped in on a bar line, in blocks of the given sizes.
fn play_in_blocks(blocks: &[usize], host_bpm: f64) -> Vec<f32> {
    let (mut sender, player) = channel(RATE_HZ);
    let mut host = Host::new(player, host_bpm);
    sender.send(Track::Bass, slot(ramp(131.7, 1, RATE_HZ), true)).expect("the ring is empty");
    host.run(0, SwapAt::Bar);
    host.position.playing = true;
    // The first swap happens at the start; the second waits for a bar line.
    let mut sent = false;
    for &block in blocks {
        host.run(block, SwapAt::Bar);
        if !sent && !host.left(Track::Bass).is_empty() {
            sender.send(Track::Bass, slot(ramp(131.7, 2, RATE_HZ), false)).expect("there is room");
            sent = true;
        }
    }
    host.left(Track::Bass).to_vec()
}

#[test]
fn block_sizes_do_not_matter_to_the_bit() {
    const TOTAL: usize = 300_000;
    for host_bpm in [131.7, 120.0, 150.25] {
        let reference = play_in_blocks(&vec![512; TOTAL / 512 + 1], host_bpm);
        for size in [1, 63, 64, 127] {
            let blocks = vec![size; TOTAL / size + 1];
            let heard = play_in_blocks(&blocks, host_bpm);
            assert!(reference[..TOTAL] == heard[..TOTAL], "blocks of {size} at {host_bpm}");
        }
        for seed in 0..4 {
            let heard = play_in_blocks(&sizes(seed, TOTAL), host_bpm);
            assert!(reference[..TOTAL] == heard[..TOTAL], "random blocks {seed} at {host_bpm}");
        }
    }
}

#[test]
fn from_the_start_at_its_own_tempo_a_take_plays_to_the_bit_and_loops() {
    for bpm in [120.0, 131.7, 97.123] {
        let (mut sender, player) = channel(RATE_HZ);
        let clip = ramp(bpm, 2, RATE_HZ);
        let length = plan(bpm, 2).audio_frames(RATE_HZ as u32);
        sender.send(Track::Drums, slot(clip, false)).expect("the ring is empty");
        let mut host = Host::new(player, bpm);
        while host.left(Track::Drums).len() < 2 * length + 10 {
            host.run(480, SwapAt::Loop);
        }
        let heard = host.left(Track::Drums);
        for (index, sample) in heard[..length].iter().enumerate() {
            assert_eq!(*sample, index as f32 / length as f32, "sample {index} at {bpm}");
        }
        // The second pass starts over on the sample nearest to the loop's end.
        assert!(heard[length + 1] < 3.0 / length as f32);
    }
}

#[test]
fn a_beat_position_that_wobbles_is_played_as_if_it_did_not() {
    // Like Ardour, the beat is rounded to a tick of 1/1920. Ten minutes at a tempo whose blocks never meet a tick.
    const BPM: f64 = 131.7;
    const BLOCK: usize = 1_024;
    let (mut sender, player) = channel(RATE_HZ);
    let clip = ramp(BPM, 2, RATE_HZ);
    sender.send(Track::Drums, slot(clip.clone(), false)).expect("the ring is empty");
    let mut host = Host::new(player, BPM);
    let beat_at = |sample: usize| sample as f64 * BPM / (60.0 * RATE_HZ);
    let mut differs = 0;
    for block in 0..600 * RATE_HZ as usize / BLOCK {
        let exact = beat_at(block * BLOCK);
        host.position.beat = (exact * 1_920.0).round() / 1_920.0;
        differs += usize::from((host.position.beat - exact).abs() > 1e-4);
        host.heard = Default::default();
        host.run(BLOCK, SwapAt::Now);
        if block % 997 == 0 {
            for (offset, heard) in host.left(Track::Drums).iter().enumerate() {
                let expected = clip.at(beat_at(block * BLOCK + offset), BPM)[0];
                assert_eq!(*heard, expected, "sample {offset} of block {block}");
            }
        }
    }
    assert!(differs > 1_000, "the host's position must wobble");
    // Anything larger than a wobble is a jump, and a small tempo error never accumulates to more.
    let mut worst: f64 = 0.0;
    for block in 0..5_000 {
        host.position.beat = beat_at(block * BLOCK) * (1.0 + 1e-5);
        let is = host.position.beat;
        host.run(BLOCK, SwapAt::Now);
        let played = host.player.last.expect("it plays").now(RATE_HZ).beat - beat_at(BLOCK);
        worst = worst.max((played - is).abs());
    }
    assert!(worst < 1.1 * WOBBLE_BEATS, "{worst}");
}

#[test]
fn the_smallest_jump_of_an_exact_host_is_followed() {
    // Like Ardour at the start of some exports: one block is too short, and the next continues elsewhere.
    let (mut sender, player) = channel(RATE_HZ);
    let clip = ramp(120.0, 2, RATE_HZ);
    sender.send(Track::Drums, slot(clip.clone(), false)).expect("the ring is empty");
    let mut host = Host::new(player, 120.0);
    host.position.exact = true;
    host.position.beat = -1_024.0 / 24_000.0;
    host.run(1_008, SwapAt::Now);
    host.position.beat = 0.0;
    host.heard = Default::default();
    host.run(1_024, SwapAt::Now);
    for (sample, heard) in host.left(Track::Drums).iter().enumerate().skip(200) {
        assert_eq!(*heard, clip.at(sample as f64 / 24_000.0, 120.0)[0], "sample {sample}");
    }
}

#[test]
fn seeks_land_on_the_hosts_beat_and_negative_positions_wrap() {
    let (mut sender, player) = channel(RATE_HZ);
    let length = plan(120.0, 2).audio_frames(RATE_HZ as u32) as f32;
    sender.send(Track::Drums, slot(ramp(120.0, 2, RATE_HZ), false)).expect("the ring is empty");
    let mut host = Host::new(player, 120.0);
    for beat in [5.0, 2.5, -1.0, -9.0, 1e6 + 3.0] {
        host.position.beat = beat;
        host.run(4096, SwapAt::Now);
        let expected = (beat.rem_euclid(8.0) / 8.0) as f32 + 4095.0 / length;
        let heard = *host.left(Track::Drums).last().expect("it ran");
        assert!((heard - expected).abs() < 1.5 / length, "beat {beat}: {heard} instead of {expected}");
    }
}

#[test]
fn a_jump_of_the_timeline_does_not_click_and_a_jump_of_whole_loops_changes_nothing() {
    let (mut sender, player) = channel(RATE_HZ);
    sender.send(Track::Drums, slot(ramp(120.0, 2, RATE_HZ), false)).expect("the ring is empty");
    let mut host = Host::new(player, 120.0);
    host.run(1000, SwapAt::Now);
    host.position.beat += 8.0;
    host.run(1000, SwapAt::Now);
    let straight = host.left(Track::Drums).to_vec();
    let length = plan(120.0, 2).audio_frames(RATE_HZ as u32) as f32;
    assert!(straight.iter().enumerate().all(|(index, sample)| *sample == index as f32 / length));

    host.position.beat = 6.0;
    host.run(1000, SwapAt::Now);
    host.position.playing = false;
    host.run(1000, SwapAt::Now);
    let steps = host.left(Track::Drums).windows(2).map(|pair| (pair[1] - pair[0]).abs());
    assert!(steps.fold(0.0, f32::max) < 0.01);
    assert_eq!(*host.left(Track::Drums).last().expect("it ran"), 0.0);
}

#[test]
fn a_start_inside_a_loop_does_not_click_and_keeps_attacks_whatever_the_blocks() {
    // A loud low tone, and in it an attack on the second beat.
    let plan = plan(120.0, 2);
    let tone: Vec<f32> = (0..plan.audio_frames(RATE_HZ as u32))
        .map(|sample| {
            let tone = (sample as f32 * 60.0 * std::f32::consts::TAU / RATE_HZ as f32).cos();
            if sample < 24_000 { 0.5 * tone } else { 0.5 * tone + 0.4 }
        })
        .collect();
    let clip = Arc::new(Clip::new(&plan, tone.clone(), tone.clone(), RATE_HZ));
    let heard_from = |beat: f64, size: usize| {
        let (mut sender, player) = channel(RATE_HZ);
        sender.send(Track::Drums, slot(clip.clone(), false)).expect("the ring is empty");
        let mut host = Host::new(player, 120.0);
        host.position.playing = false;
        host.run(100, SwapAt::Now);
        host.position = Position { beat, playing: true, ..host.position };
        while host.left(Track::Drums).len() < 2_000 {
            host.run(size, SwapAt::Now);
        }
        host.left(Track::Drums)[100..2_000].to_vec()
    };
    let own = tone.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    let own = own.take(20_000).fold(0.0, f32::max);
    for (beat, attack) in [(0.37, 0.0), (5.501, 0.0), (1.0, 0.4)] {
        let heard = heard_from(beat, 480);
        let start = (beat * 24_000.0).round() as usize;
        assert!(
            heard[144..] == tone[start + 144..][..heard.len() - 144],
            "after 3 ms it is as it was from {beat}"
        );
        assert!((heard[0] - attack).abs() <= own, "from {beat} it begins at {}", heard[0]);
        let steps = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        assert!(steps.fold(0.0, f32::max) < own + 0.5 / 144.0 + 1e-6, "from {beat}");
        for size in [1, 7, 144, 1_000] {
            assert!(heard_from(beat, size) == heard, "blocks of {size} from {beat}");
        }
    }
    // The loop begins at the tone's peak, and nothing is taken away from it.
    for beat in [0.0, 8.0, -16.0] {
        assert!(heard_from(beat, 480) == tone[..1_900], "from {beat}");
    }
}

#[test]
fn a_tempo_out_of_range_counts_in_longer_or_shorter_notes() {
    let bar = Some(Bar { start: 24.0, index: Some(6) });
    let host = |bpm: f64| Position { beat: 24.0, bpm, bar, playing: true, ..Position::default() };
    for bpm in [40.0, 120.0, 240.0, f64::NAN, f64::INFINITY, 0.0, -1.0] {
        let position = host(bpm).in_range();
        assert_eq!((position.beat, position.bpm.to_bits()), (24.0, bpm.to_bits()));
    }
    for (bpm, factor) in [(280.0, 0.5), (240.1, 0.5), (999.0, 0.125), (39.9, 2.0), (12.0, 4.0)] {
        let expected = Position {
            beat: 24.0 * factor,
            bpm: bpm * factor,
            quarters_per_bar: 4.0 * factor,
            bar: Some(Bar { start: 24.0 * factor, index: Some(6) }),
            scale: factor,
            playing: true,
            exact: false,
        };
        assert_eq!(host(bpm).in_range(), expected);
    }
    assert!(BPM_RANGE.contains(&host(f64::MAX).in_range().bpm));
    assert!(BPM_RANGE.contains(&host(f64::MIN_POSITIVE).in_range().bpm));
}

#[test]
fn takes_are_swapped_where_they_should_be() {
    for (swap_at, beat) in [(SwapAt::Now, 0.5), (SwapAt::Beat, 1.0), (SwapAt::Bar, 4.0), (SwapAt::Loop, 8.0)]
    {
        let (mut sender, player) = channel(RATE_HZ);
        let plan = plan(120.0, 2);
        let level = |value: f32| {
            let samples = vec![value; plan.audio_frames(RATE_HZ as u32)];
            Arc::new(Clip::new(&plan, samples.clone(), samples, RATE_HZ))
        };
        sender.send(Track::Melody, slot(level(0.25), false)).expect("the ring is empty");
        let mut host = Host::new(player, 120.0);
        host.run(12_000, swap_at);
        sender.send(Track::Melody, slot(level(0.75), false)).expect("there is room");
        for _ in 0..500 {
            host.run(441, swap_at);
        }
        let changed =
            host.left(Track::Melody).iter().position(|sample| *sample != 0.25).expect("it is swapped");
        let expected = (beat * 24_000.0) as usize;
        assert!(changed.abs_diff(expected) <= 2, "{swap_at:?}: {changed} instead of {expected}");
        let done =
            host.left(Track::Melody).iter().rposition(|sample| *sample != 0.75).expect("both were heard");
        assert!((400..500).contains(&(done - changed)), "the crossfade lasts {}", done - changed);
        sender.collect();
        assert_eq!(sender.waiting(), 0);
    }
}

#[test]
fn at_another_tempo_each_step_starts_on_the_hosts_grid() {
    let plan = plan(120.0, 1);
    let length = plan.audio_frames(RATE_HZ as u32);
    // A click at each quarter.
    let mut samples = vec![0.0; length];
    for quarter in 0..4 {
        samples[quarter * length / 4] = 1.0;
    }
    for host_bpm in [90.0, 119.0, 127.3, 180.0] {
        let (mut sender, player) = channel(RATE_HZ);
        let clip = Clip::new(&plan, samples.clone(), samples.clone(), RATE_HZ);
        sender.send(Track::Drums, slot(Arc::new(clip), false)).expect("the ring is empty");
        let mut host = Host::new(player, host_bpm);
        let samples_per_beat = 60.0 / host_bpm * RATE_HZ;
        host.run((samples_per_beat * 8.5) as usize, SwapAt::Now);
        for beat in 1..8 {
            let expected = (f64::from(beat) * samples_per_beat).round() as usize;
            let around = &host.left(Track::Drums)[expected - 3..expected + 4];
            assert!(around.iter().any(|sample| *sample > 0.9), "beat {beat} at {host_bpm}");
        }
    }
}

#[test]
fn missing_short_and_stopped_are_silence_and_nothing_is_lost() {
    let (mut sender, player) = channel(RATE_HZ);
    let mut host = Host::new(player, 120.0);
    host.run(64, SwapAt::Now);
    let empty = Clip::new(&plan(120.0, 1), Vec::new(), Vec::new(), RATE_HZ);
    sender.send(Track::Drums, slot(Arc::new(empty), false)).expect("the ring is empty");
    host.run(64, SwapAt::Now);
    host.position.bpm = f64::NAN;
    host.run(64, SwapAt::Now);
    host.position.playing = false;
    host.run(64, SwapAt::Now);
    assert!(host.heard.iter().flatten().flatten().all(|sample| *sample == 0.0));
}

#[test]
fn a_flood_of_takes_is_bounded_and_every_one_comes_back() {
    let (mut sender, player) = channel(RATE_HZ);
    let mut host = Host::new(player, 120.0);
    let clips: Vec<_> = (0..10).map(|_| ramp(120.0, 1, RATE_HZ)).collect();
    for round in 0..2000 {
        for track in Track::ALL {
            // A full ring gives the slot back; that is not an error here.
            let _ = sender.send(track, slot(Arc::clone(&clips[round % clips.len()]), false));
        }
        if round % 3 == 0 {
            host.run(round % 97, SwapAt::Now);
        }
        assert!(sender.waiting() < 600, "what is sent is bounded");
    }
    // One crossfade later, only what is playing is still held.
    for _ in 0..10 {
        host.run(480, SwapAt::Now);
    }
    sender.collect();
    assert_eq!(sender.waiting(), 0);
    drop(host);
    drop(sender);
    assert!(clips.iter().all(|clip| Arc::strong_count(clip) == 1));
}

/// A clip of constant value.
fn level(value: f32, bpm: f64) -> Arc<Clip> {
    let plan = plan(bpm, 1);
    let samples = vec![value; plan.audio_frames(RATE_HZ as u32)];
    Arc::new(Clip::new(&plan, samples.clone(), samples, RATE_HZ))
}

#[test]
fn a_number_chooses_a_take_to_the_sample_and_the_current_one_comes_back() {
    let (mut sender, player) = channel(RATE_HZ);
    let takes: Vec<_> = [0.1, 0.2, 0.3]
        .map(|value| Some(Arc::new(TakeClips::new(level(value, 120.0)))))
        .into_iter()
        .collect();
    let current = takes[2].clone();
    let sent = Slot { open: SectionTakes { takes, current }, ..Slot::default() };
    sender.send(Track::Bass, sent).expect("the ring is empty");
    let mut host = Host::new(player, 120.0);
    for (chosen, expected) in [(None, 0.3), (Some(0), 0.1), (Some(1), 0.2), (Some(9), 0.3), (None, 0.3)] {
        let before = host.left(Track::Bass).len();
        host.chosen[Track::Bass.index()] = chosen;
        host.run(1_000, SwapAt::Loop);
        let heard = &host.left(Track::Bass)[before..];
        assert_eq!(heard[999], expected, "{chosen:?}");
        if before > 0 && chosen.is_some_and(|index| index < 3) {
            assert!(heard[1] != host.left(Track::Bass)[before - 1], "{chosen:?} waits");
        }
    }
}

#[test]
fn a_preview_is_heard_at_once_in_time_and_only_while_it_is_allowed_and_the_take_comes_back_to_the_bit() {
    const BLOCK: usize = 480;
    let take = ramp(120.0, 1, RATE_HZ);
    let other: Arc<Clip> = {
        let plan = plan(120.0, 1);
        let left: Vec<f32> =
            ramp_samples(plan.audio_frames(RATE_HZ as u32)).iter().map(|x| x / 2.0).collect();
        Arc::new(Clip::new(&plan, left.clone(), left, RATE_HZ))
    };
    let committed = slot(take, true);
    let preview = Arc::new(TakeClips::new(other));
    let with =
        |open: usize| Slot { preview: Some((open, preview.clone())), immediate: false, ..committed.clone() };
    let without = || Slot { immediate: false, ..committed.clone() };
    let play = |previews: bool, sent: Option<usize>, section: Option<usize>| {
        let (mut sender, player) = channel(RATE_HZ);
        let mut host = Host::new(player, 120.0);
        (host.previews, host.section) = (previews, section);
        sender.send(Track::Bass, committed.clone()).expect("room");
        for block in 0..40 {
            match (block, sent) {
                (10, Some(open)) => sender.send(Track::Bass, with(open)).map_err(drop).expect("room"),
                (20, Some(_)) => sender.send(Track::Bass, without()).map_err(drop).expect("room"),
                _ => {}
            }
            host.run(BLOCK, SwapAt::Loop);
        }
        host.left(Track::Bass).to_vec()
    };
    let plain = play(false, None, None);
    assert!(play(false, Some(0), None) == plain, "an offline render does not hear it");
    let heard = play(true, Some(0), None);
    let fade = BLOCK;
    assert!(heard[..10 * BLOCK] == plain[..10 * BLOCK]);
    let halves: Vec<f32> = plain[10 * BLOCK + fade..20 * BLOCK].iter().map(|sample| sample / 2.0).collect();
    assert!(heard[10 * BLOCK + fade..20 * BLOCK] == halves, "at once, whatever the swap, and in time");
    assert!(heard[20 * BLOCK + fade..] == plain[20 * BLOCK + fade..], "and back");
    // Another section's takes are not replaced.
    let (mut sender, player) = channel(RATE_HZ);
    let mut host = Host::new(player, 120.0);
    (host.previews, host.section) = (true, Some(1));
    let sections = vec![Some(committed.open.clone()), Some(committed.open.clone())];
    sender.send(Track::Bass, Slot { sections, ..with(0) }).expect("room");
    host.run(2 * BLOCK, SwapAt::Now);
    assert!(host.left(Track::Bass) == &plain[..2 * BLOCK]);
}

#[test]
fn a_preview_that_is_taken_plays_on_and_what_comes_next_waits_for_its_line() {
    let take = |value: f32| Arc::new(TakeClips::new(level(value, 120.0)));
    let of = |current: &Arc<TakeClips>, preview: Option<&Arc<TakeClips>>| Slot {
        open: SectionTakes { takes: Vec::new(), current: Some(current.clone()) },
        preview: preview.map(|take| (0, take.clone())),
        ..Slot::default()
    };
    let (first, heard, next) = (take(0.25), take(0.5), take(0.75));
    let (mut sender, player) = channel(RATE_HZ);
    let mut host = Host::new(player, 120.0);
    host.previews = true;
    sender.send(Track::Bass, of(&first, None)).expect("room");
    host.run(4_800, SwapAt::Bar);
    sender.send(Track::Bass, of(&first, Some(&heard))).expect("room");
    host.run(4_800, SwapAt::Bar);
    sender.send(Track::Bass, of(&heard, None)).expect("room");
    host.run(4_800, SwapAt::Bar);
    assert!(host.left(Track::Bass)[2 * 4_800..].iter().all(|sample| *sample == 0.5), "it plays on");
    sender.send(Track::Bass, of(&next, None)).expect("room");
    host.run(4_800, SwapAt::Bar);
    assert_eq!(host.left(Track::Bass).last(), Some(&0.5), "the next take waits for the bar");
    host.run(96_000, SwapAt::Bar);
    assert_eq!(host.left(Track::Bass).last(), Some(&0.75));
}

#[test]
fn a_rendition_plays_at_its_tempo_and_the_take_itself_at_its_own() {
    let (mut sender, player) = channel(RATE_HZ);
    let take = TakeClips::new(level(0.25, 120.0)).with_rendition(level(0.5, 90.0), 2);
    let sent =
        Slot { open: SectionTakes { takes: Vec::new(), current: Some(Arc::new(take)) }, ..Slot::default() };
    sender.send(Track::Bass, sent).expect("the ring is empty");
    let mut host = Host::new(player, 120.0);
    for (bpm, expected) in [(120.0, 0.25), (90.0, 0.5), (100.0, 0.25), (90.0, 0.5), (120.0, 0.25)] {
        let settled = host.player.settled_bpm(&Position { bpm, ..host.position }, 40_000);
        let is_start = host.left(Track::Bass).is_empty();
        assert_eq!(settled, Some(is_start.then_some(bpm)), "the tempo has just changed, or the song begins");
        host.position.bpm = bpm;
        let before = host.left(Track::Bass).len();
        host.run(40_000, SwapAt::Loop);
        let heard = &host.left(Track::Bass)[before..];
        assert_eq!(heard[39_999], expected, "at {bpm}");
        assert_eq!(host.player.settled_bpm(&host.position, 1), Some(Some(bpm)));
        // A new tempo is sliced until it has settled.
        assert_eq!(heard[12_000], 0.25, "at {bpm}");
    }
    let steps = host.left(Track::Bass).windows(2).map(|pair| (pair[1] - pair[0]).abs());
    assert!(steps.fold(0.0, f32::max) < 0.01, "no change clicks");
}

#[test]
fn what_the_song_asks_for_takes_over_at_the_same_moment_however_soon_it_is_ready() {
    for (swap_at, expected_beat) in [(SwapAt::Now, 4.3), (SwapAt::Beat, 5.0), (SwapAt::Bar, 8.0)] {
        for delay_blocks in [0, 3, 20] {
            let (mut sender, player) = channel(RATE_HZ);
            sender.send(Track::Bass, slot(level(0.25, 120.0), false)).expect("the ring is empty");
            let mut host = Host::new(player, 120.0);
            host.run(240, swap_at);
            // It is requested on the bar line.
            while host.position.beat < 4.0 - 1e-6 {
                host.run(240, swap_at);
            }
            for _ in 0..delay_blocks {
                host.run(240, swap_at);
            }
            let asked = Slot { asked_at: Some(4.0), ..slot(level(0.75, 120.0), false) };
            sender.send(Track::Bass, asked).expect("there is room");
            while host.position.beat < 9.0 {
                host.run(240, swap_at);
            }
            let changed = host.left(Track::Bass).iter().position(|sample| *sample != 0.25).expect("swapped");
            let expected = (expected_beat * 24_000.0) as usize;
            assert!(changed.abs_diff(expected) <= 2, "{swap_at:?} after {delay_blocks}: {changed}");
        }
    }
}

/// A low tone that loops without a seam, so any discontinuity is a click.
fn tone(bpm: f64, bars: u32, hz: f64) -> Arc<Clip> {
    let plan = plan(bpm, bars);
    let samples = plan.audio_frames(RATE_HZ as u32);
    let cycles = (hz * samples as f64 / RATE_HZ).round();
    let wave = |index: usize| {
        let angle = std::f64::consts::TAU * cycles * index as f64 / samples as f64;
        (0.5 * angle.sin()) as f32
    };
    let left: Vec<f32> = (0..samples).map(wave).collect();
    Arc::new(Clip::new(&plan, left.clone(), left, RATE_HZ))
}

#[test]
fn nothing_that_a_host_does_makes_a_click() {
    // A tone of 110 Hz changes by 0.007 per sample, a slice's fade adds 0.01, a smoothed jump 0.007, several at once more.
    const STEEPEST: f32 = 0.06;
    const BLOCKS: usize = 12_000;
    let mut state = 5_u64;
    let mut roll = |sides: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % sides
    };
    let (mut sender, player) = channel(RATE_HZ);
    let tones = [tone(120.0, 1, 110.0), tone(120.0, 2, 82.4), tone(97.0, 1, 98.0), tone(140.0, 1, 61.0)];
    let takes: Vec<Option<Arc<TakeClips>>> =
        tones.iter().map(|clip| Some(Arc::new(TakeClips::new(clip.clone())))).collect();
    let pass = SongPass {
        section: 1,
        start_quarter: 0.0,
        quarters: 1e5,
        frames: 0..2_400_000_000,
        clip: Some(tones[0].clone()),
    };
    let endless = Arc::new(TakeClips::new(Arc::new(Clip::song(vec![pass], Vec::new(), 120.0, RATE_HZ))));
    let mut host = Host::new(player, 120.0);
    let (mut before, mut worst) = (0.0_f32, 0.0_f32);
    let mut swap_at = SwapAt::Bar;
    let mut was_playing = false;
    for block in 0..BLOCKS {
        match roll(24) {
            0 => host.position.beat = roll(40_000) as f64 / 1_000.0 - 8.0,
            1 => host.position.beat = (host.position.beat / 4.0).floor() * 4.0,
            2 => host.position.bpm = [60.0, 97.0, 120.0, 140.0, 187.3, 300.0][roll(6) as usize],
            3 => host.position.bpm = (host.position.bpm + roll(100) as f64 / 100.0 - 0.5).max(20.0),
            4 => host.position.playing = !host.position.playing || block % 3 > 0,
            5 | 6 => {
                let current = takes[roll(4) as usize].clone();
                let immediate = roll(4) == 0;
                let open = SectionTakes { takes: takes.clone(), current };
                let other = SectionTakes { takes: Vec::new(), current: takes[roll(4) as usize].clone() };
                let (sections, song) = (vec![Some(other), None], Some(endless.clone()));
                let heard = takes[roll(4) as usize].clone().filter(|_| roll(3) == 0);
                let preview = heard.map(|take| (0, take));
                let slot = Slot { open, sections, song, preview, immediate, ..Slot::default() };
                sender.send(Track::Bass, slot).expect("there is room");
            }
            7 => host.chosen[Track::Bass.index()] = roll(6).checked_sub(1).map(|index| index as usize),
            8 => {
                let moments = [SwapAt::Now, SwapAt::Beat, SwapAt::Bar, SwapAt::Loop];
                swap_at = moments[roll(4) as usize];
            }
            9 => host.section = roll(4).checked_sub(1).map(|index| index as usize),
            10 => host.song_start = roll(4).checked_sub(2).map(|bar| 3 * bar as i32),
            11 => host.previews = roll(2) == 0,
            _ => {}
        }
        let samples = if roll(10) == 0 { 1 + roll(8_192) } else { 1 + roll(600) } as usize;
        host.heard = Default::default();
        host.run(samples, swap_at);
        let heard = host.left(Track::Bass);
        for (index, sample) in heard.iter().enumerate() {
            assert!(sample.is_finite(), "block {block}");
            let step = (sample - before).abs();
            // Where the song starts, the audio starts at once.
            if index > 0 || was_playing || !host.position.playing {
                worst = worst.max(step);
                assert!(step < STEEPEST, "{step} at sample {index} of block {block}");
            }
            before = *sample;
        }
        was_playing = host.position.playing;
    }
    assert!(worst > 0.01, "something has happened: {worst}");
}

#[test]
fn takes_are_swapped_on_lines_between_two_samples() {
    // At these tempos no bar line but the first falls on a sample.
    for bpm in [140.0, 131.7, 174.0, 93.0] {
        for (swap_at, beat) in [(SwapAt::Beat, 1.0), (SwapAt::Bar, 4.0), (SwapAt::Loop, 8.0)] {
            for size in [64, 4_096] {
                let (mut sender, player) = channel(RATE_HZ);
                let lasting = |value: f32| {
                    let plan = plan(bpm, 2);
                    let samples = vec![value; plan.audio_frames(RATE_HZ as u32)];
                    Arc::new(Clip::new(&plan, samples.clone(), samples, RATE_HZ))
                };
                sender.send(Track::Bass, slot(lasting(0.25), false)).expect("the ring is empty");
                let mut host = Host::new(player, bpm);
                host.run(10_000, swap_at);
                sender.send(Track::Bass, slot(lasting(0.75), false)).expect("there is room");
                while host.left(Track::Bass).len() < 260_000 {
                    host.run(size, swap_at);
                }
                let changed = host.left(Track::Bass).iter().position(|sample| *sample != 0.25);
                // The first sample of a crossfade still belongs to the old take.
                let expected = (beat * 60.0 / bpm * RATE_HZ).ceil() as usize + 1;
                assert_eq!(changed, Some(expected), "{swap_at:?} at {bpm} in blocks of {size}");
            }
        }
    }
}

/// A song in 4/4 in which bar `odd` lasts `length` quarter notes: the starts and lengths of its bars.
fn bars(odd: usize, length: f64, count: usize) -> Vec<(f64, f64)> {
    let mut start = 0.0;
    let lasting = (0..count).map(|index| if index == odd { length } else { 4.0 });
    lasting
        .map(|length| {
            let bar = (start, length);
            start += length;
            bar
        })
        .collect()
}

/// Plays such a song from `beat` on in blocks of the given size, reporting the bars as a host does.
fn play_bars(
    host: &mut Host,
    bars: &[(f64, f64)],
    samples: usize,
    size: usize,
    counted: bool,
    swap_at: SwapAt,
) {
    let end = host.left(Track::Bass).len() + samples;
    while host.left(Track::Bass).len() < end {
        let beat = host.position.beat + 1e-9;
        let index = bars.iter().rposition(|(start, _)| *start <= beat).expect("it is in the song");
        let (start, length) = bars[index];
        host.position.bar = Some(Bar { start, index: counted.then_some(index as i32) });
        host.position.quarters_per_bar = length;
        let size = size.min(end - host.left(Track::Bass).len());
        host.run(size, swap_at);
    }
}

#[test]
fn after_a_bar_of_another_length_the_loop_starts_on_the_hosts_bars() {
    const BEAT: usize = 24_000;
    let clip = ramp(120.0, 2, RATE_HZ);
    for (odd, length) in [(1, 3.0), (3, 3.0), (1, 3.5), (2, 5.0)] {
        let bars = bars(odd, length, 9);
        for counted in [true, false] {
            let play = |from: f64, size: usize| {
                let (mut sender, player) = channel(RATE_HZ);
                sender.send(Track::Bass, slot(clip.clone(), false)).expect("the ring is empty");
                let mut host = Host::new(player, 120.0);
                host.position.beat = from;
                play_bars(
                    &mut host,
                    &bars,
                    ((32.0 - from) * BEAT as f64) as usize,
                    size,
                    counted,
                    SwapAt::Now,
                );
                host.left(Track::Bass).to_vec()
            };
            let heard = play(0.0, 480);
            for (index, (start, length)) in bars.iter().enumerate().filter(|(_, bar)| bar.0 + bar.1 <= 32.0) {
                // After a splice, the jump is smoothed for 3 ms.
                for beat in [0.01, 1.0, length - 0.01] {
                    let sample = ((start + beat) * BEAT as f64).round() as usize;
                    let expected = clip.at(4.0 * index as f64 + beat, 120.0)[0];
                    assert_eq!(heard[sample], expected, "beat {beat} of bar {index}, bar {odd} has {length}");
                }
            }
            let steps = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs());
            let loops = steps.filter(|step| *step > 0.01).count();
            assert!(loops <= 4, "only the ramp itself jumps, where the loop starts over: {loops}");
            for size in [63, 8_192] {
                assert!(play(0.0, size) == heard, "blocks of {size}, bar {odd} has {length}");
            }
            // The same position sounds the same whether or not the odd bar was played.
            for from in [5.0, 13.25] {
                let begin = (from * BEAT as f64) as usize;
                assert!(play(from, 480)[144..] == heard[begin + 144..], "from beat {from}");
            }
        }
    }
}

#[test]
fn takes_are_swapped_on_the_hosts_bars() {
    let two_bars = |value: f32| {
        let plan = plan(120.0, 2);
        let samples = vec![value; plan.audio_frames(RATE_HZ as u32)];
        Arc::new(Clip::new(&plan, samples.clone(), samples, RATE_HZ))
    };
    // Bars start at beats 0, 4, 7, 11 and 15; the loop starts over at 0, 7 and 15.
    let bars = bars(1, 3.0, 9);
    for (swap_at, from, beat) in [
        (SwapAt::Bar, 4.5, 7.0),
        (SwapAt::Bar, 8.0, 11.0),
        (SwapAt::Loop, 8.0, 15.0),
        (SwapAt::Beat, 6.5, 7.0),
    ] {
        for size in [64, 441, 4_096] {
            let (mut sender, player) = channel(RATE_HZ);
            sender.send(Track::Bass, slot(two_bars(0.25), false)).expect("the ring is empty");
            let mut host = Host::new(player, 120.0);
            play_bars(&mut host, &bars, (from * 24_000.0) as usize, size, true, swap_at);
            sender.send(Track::Bass, slot(two_bars(0.75), false)).expect("there is room");
            play_bars(&mut host, &bars, 200_000, size, true, swap_at);
            let changed = host.left(Track::Bass).iter().position(|sample| *sample != 0.25);
            assert_eq!(changed, Some((beat * 24_000.0) as usize + 1), "{swap_at:?} in blocks of {size}");
        }
    }
}
