//! Sections that are chosen, and whole songs.

use super::*;
use crate::{NoteOutput, SongJoin};
use resonantgen_music::score::{Note, Score};

/// Noise that no other seed makes, of which each sample is a whole number of 24-bit steps.
fn noise(seed: u64, bars: u32) -> Arc<Clip> {
    let plan = plan(120.0, bars);
    let mut state = seed;
    let mut samples = || -> Vec<f32> {
        let mut sample = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 41) as f32 - 4_194_304.0) / 8_388_608.0
        };
        (0..plan.audio_frames(RATE_HZ as u32)).map(|_| sample()).collect()
    };
    let (left, right) = (samples(), samples());
    let note = |step: u32, pitch: u8| Note { step, offset: 0.0, length: 40.0, pitch, velocity: 90 };
    let score = Score { notes: (0..4).map(|beat| note(4 * beat, 60 + seed as u8)).collect() };
    Arc::new(Clip::new(&plan, left, right, RATE_HZ).with_score(&score, &plan))
}

const BAR: usize = 96_000;

/// A song of sections of one bar each, and a join at the second border.
fn song(clips: &[Option<Arc<Clip>>]) -> Clip {
    let passes = clips.iter().enumerate().map(|(index, clip)| SongPass {
        section: index as u32 % 2 + 1,
        start_quarter: 4.0 * index as f64,
        quarters: 4.0,
        frames: index * BAR..(index + 1) * BAR,
        clip: clip.clone(),
    });
    let join = SongJoin { first_frame: 2 * BAR - 100, audio: [vec![0.25; 1_000], vec![-0.25; 1_000]] };
    let tail = SongJoin { first_frame: clips.len() * BAR - 10, audio: [vec![0.125; 500], vec![0.125; 500]] };
    Clip::song(passes.collect(), vec![Arc::new(tail), Arc::new(join)], 120.0, RATE_HZ)
}

/// What the left channel of a song of that form is.
fn expected(clips: &[Option<Arc<Clip>>]) -> Vec<f32> {
    let mut heard: Vec<f32> = clips
        .iter()
        .flat_map(|clip| (0..BAR).map(move |frame| clip.as_ref().map_or(0.0, |clip| clip.wrapped(frame)[0])))
        .collect();
    heard.resize(heard.len() + 2_000, 0.0);
    for (from, length, value) in [(2 * BAR - 100, 1_000, 0.25), (clips.len() * BAR - 10, 500, 0.125)] {
        for sample in &mut heard[from..from + length] {
            *sample = (*sample + value).min(8_388_607.0 / 8_388_608.0);
        }
    }
    heard
}

fn playing(song: Clip) -> Slot {
    let other = SectionTakes { takes: Vec::new(), current: Some(Arc::new(TakeClips::new(noise(9, 1)))) };
    Slot { open: other, song: Some(Arc::new(TakeClips::new(Arc::new(song)))), ..Slot::default() }
}

#[test]
fn a_song_plays_to_the_bit_from_its_bar_on_wherever_it_is_entered_and_then_ends() {
    let clips = [Some(noise(1, 1)), Some(noise(2, 1)), None, Some(noise(1, 1))];
    let expected = expected(&clips);
    for (start_bar, seed) in [(0, 1), (2, 2), (7, 3)] {
        let (mut sender, player) = channel(RATE_HZ);
        sender.send(Track::Bass, playing(song(&clips))).expect("there is room");
        let mut host = Host::new(player, 120.0);
        host.song_start = Some(start_bar);
        for size in sizes(seed, (start_bar as usize + 5) * BAR) {
            host.run(size, SwapAt::Bar);
        }
        let heard = host.left(Track::Bass);
        let begin = start_bar as usize * BAR;
        assert!(heard[..begin].iter().all(|sample| *sample == 0.0), "silent before bar {start_bar}");
        let differs = heard[begin..].iter().zip(&expected).position(|(heard, expected)| heard != expected);
        assert_eq!(differs, None, "from bar {start_bar}");
        assert!(heard[begin + expected.len()..].iter().all(|sample| *sample == 0.0), "it does not loop");
        // Around borders and elsewhere; a jump is smoothed for 3 ms.
        for from in [BAR - 10, 2 * BAR + 300, 3 * BAR, 4 * BAR + 50, 12_345] {
            host.heard = Default::default();
            host.position.beat = (begin + from) as f64 / 24_000.0;
            host.run(5_000, SwapAt::Bar);
            assert!(host.left(Track::Bass)[144..1_500] == expected[from + 144..from + 1_500], "from {from}");
            assert_eq!(host.player.section_at(&host.position).is_some(), from + 5_000 < 4 * BAR, "{from}");
        }
    }
}

#[test]
fn where_another_part_of_the_song_changes_nothing_is_heard_and_where_this_one_does_it_waits() {
    let (one, two, three) = (noise(1, 1), noise(2, 1), noise(3, 1));
    let before = [Some(one.clone()), Some(two.clone()), Some(one.clone()), Some(two.clone())];
    let after = [Some(one.clone()), Some(three.clone()), Some(one), Some(three)];
    let (mut sender, player) = channel(RATE_HZ);
    sender.send(Track::Bass, playing(song(&before))).expect("there is room");
    let mut host = Host::new(player, 120.0);
    host.song_start = Some(0);
    host.run(BAR / 2, SwapAt::Bar);
    sender.send(Track::Bass, playing(song(&after))).expect("there is room");
    host.run(BAR, SwapAt::Bar);
    sender.send(Track::Bass, playing(song(&before))).expect("there is room");
    host.run(BAR, SwapAt::Bar);
    let heard = host.left(Track::Bass);
    let (old, new) = (expected(&before), expected(&after));
    assert!(heard[..BAR] == old[..BAR], "the first bar is the same in both");
    assert!(heard[BAR..2 * BAR] == new[BAR..2 * BAR], "the second is there in time");
    // What changes while it plays takes over at the next bar, which is the same in both.
    assert!(heard[2 * BAR + 144..] == old[2 * BAR + 144..heard.len()], "and back again");
}

#[test]
fn a_song_without_sections_plays_its_loop_and_song_mode_can_be_switched() {
    let (mut sender, player) = channel(RATE_HZ);
    let only = noise(9, 1);
    sender.send(Track::Bass, slot(only.clone(), true)).expect("there is room");
    let mut host = Host::new(player, 120.0);
    host.song_start = Some(3);
    host.run(2 * BAR, SwapAt::Bar);
    assert!((0..2 * BAR).all(|frame| host.left(Track::Bass)[frame] == only.wrapped(frame)[0]));
    // Now there is a song; it takes over on the bar.
    let clips = [Some(noise(1, 1)), Some(noise(2, 1))];
    sender.send(Track::Bass, playing(song(&clips))).expect("there is room");
    host.song_start = Some(2);
    host.run(BAR, SwapAt::Bar);
    let heard = &host.left(Track::Bass)[2 * BAR..];
    assert!(heard[600..] == expected(&clips)[600..BAR]);
}

/// Sections of constant level, so that what is added to them is seen.
fn sections(levels: &[Option<f32>]) -> Slot {
    let take = |value: f32| Some(Arc::new(TakeClips::new(level(value, 120.0))));
    let sections = levels
        .iter()
        .map(|value| value.map(|value| SectionTakes { takes: Vec::new(), current: take(value) }))
        .collect();
    Slot { open: SectionTakes { takes: Vec::new(), current: take(0.1) }, sections, ..Slot::default() }
}

#[test]
fn a_chosen_section_takes_over_at_the_swap_to_the_sample_and_the_one_before_rings_on() {
    for (swap_at, moment) in
        [(SwapAt::Now, 30_000), (SwapAt::Beat, 48_000), (SwapAt::Bar, BAR), (SwapAt::Loop, BAR)]
    {
        for sizes in [sizes(4, 3 * BAR - 30_000), vec![3 * BAR - 30_000], vec![64; (3 * BAR - 30_000) / 64]] {
            let (mut sender, player) = channel(RATE_HZ);
            // Even where the takes came with a restored session, a section waits for its moment.
            let slot = Slot { immediate: true, ..sections(&[Some(0.5), None, Some(0.25)]) };
            sender.send(Track::Bass, slot).expect("there is room");
            let mut host = Host::new(player, 120.0);
            host.section = Some(0);
            host.run(30_000, swap_at);
            host.section = Some(2);
            for size in sizes {
                host.run(size, swap_at);
            }
            let heard = host.left(Track::Bass);
            assert!(heard[..moment].iter().all(|sample| *sample == 0.5), "{swap_at:?}");
            // It begins where the other one was, and is alone after less than half a second.
            let steepest = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
            assert!(steepest < 0.002, "{swap_at:?}: {steepest}");
            assert!(heard[moment + 2_400] > 0.3, "{swap_at:?}: it rings on");
            assert!(heard[moment + 24_000..].iter().all(|sample| *sample == 0.25), "{swap_at:?}");
        }
    }
}

#[test]
fn a_section_that_is_gone_leaves_it_to_the_open_one_and_a_silent_one_is_silent() {
    let (mut sender, player) = channel(RATE_HZ);
    let silent = Some(SectionTakes::default());
    let slot = Slot { sections: vec![sections(&[Some(0.5)]).sections.remove(0), silent], ..sections(&[]) };
    sender.send(Track::Bass, slot).expect("there is room");
    let mut host = Host::new(player, 120.0);
    host.section = Some(0);
    host.run(BAR / 2, SwapAt::Bar);
    // Deleted while it plays.
    sender.send(Track::Bass, sections(&[None])).expect("there is room");
    host.run(2 * BAR, SwapAt::Bar);
    let heard = host.left(Track::Bass).to_vec();
    assert!(heard[..BAR].iter().all(|sample| *sample == 0.5), "until the bar");
    assert!(heard[2 * BAR..].iter().all(|sample| *sample == 0.1), "the open section");
    let slot = Slot { sections: vec![None, Some(SectionTakes::default())], ..sections(&[]) };
    sender.send(Track::Bass, slot).expect("there is room");
    host.section = Some(1);
    host.run(3 * BAR, SwapAt::Bar);
    assert!(host.left(Track::Bass)[heard.len() + 2 * BAR..].iter().all(|sample| *sample == 0.0));
}

#[test]
fn where_the_timeline_jumps_with_a_new_section_that_plays_at_once() {
    let (mut sender, player) = channel(RATE_HZ);
    sender.send(Track::Bass, sections(&[Some(0.5), Some(0.25)])).expect("there is room");
    let mut host = Host::new(player, 120.0);
    host.section = Some(0);
    host.run(10_000, SwapAt::Bar);
    host.section = Some(1);
    host.position.beat = 9.7;
    host.run(1_000, SwapAt::Bar);
    assert!(host.left(Track::Bass)[10_144..].iter().all(|sample| *sample == 0.25));
}

/// Runs a host whose note output is written down; a key that starts twice or ends without a start fails.
fn notes(
    host: &mut Host,
    output: &mut NoteOutput,
    total: usize,
    sounding: &mut Vec<u8>,
) -> Vec<(usize, u8, bool)> {
    let mut heard = Vec::new();
    let mut done = 0;
    while done < total {
        let size = 480.min(total - done);
        host.run(size, SwapAt::Bar);
        output.process(host.player.notes(), [true; TRACK_COUNT], |message| {
            let place = sounding.iter().position(|key| *key == message.key);
            match (message.velocity > 0, place) {
                (true, None) => sounding.push(message.key),
                (false, Some(place)) => {
                    sounding.swap_remove(place);
                }
                (starts, _) => panic!("key {} at {}: starts: {starts}", message.key, done),
            }
            heard.push((done + message.at as usize, message.key, message.velocity > 0));
            true
        });
        done += size;
    }
    heard
}

#[test]
fn notes_end_where_another_section_replaces_what_plays() {
    let clips = [Some(noise(1, 1)), Some(noise(2, 1)), None, Some(noise(1, 1))];
    let (mut sender, player) = channel(RATE_HZ);
    sender.send(Track::Bass, playing(song(&clips))).expect("there is room");
    let mut host = Host::new(player, 120.0);
    host.song_start = Some(0);
    let (mut output, mut sounding) = (NoteOutput::new(), Vec::new());
    let heard = notes(&mut host, &mut output, 5 * BAR, &mut sounding);
    assert!(sounding.is_empty(), "{sounding:?}");
    let starts = |from: usize, key: u8| {
        heard
            .iter()
            .filter(|(at, known, is_start)| (from..from + BAR).contains(at) && *known == key && *is_start)
            .count()
    };
    assert_eq!([starts(0, 61), starts(BAR, 62), starts(3 * BAR, 61)], [4, 4, 4]);
    assert_eq!([starts(0, 62), starts(BAR, 61), starts(2 * BAR, 62), starts(4 * BAR, 61)], [0; 4]);
    assert!(heard.contains(&(BAR, 61, false)) && heard.contains(&(2 * BAR, 62, false)), "cut at the border");

    // Chosen by number, with a jump and a stop in between.
    let take = |clip: &Option<Arc<Clip>>| {
        let current = clip.clone().map(|clip| Arc::new(TakeClips::new(clip)));
        Some(SectionTakes { takes: Vec::new(), current })
    };
    let slot = Slot { sections: clips[..3].iter().map(take).collect(), ..playing(song(&clips)) };
    sender.send(Track::Bass, slot).expect("there is room");
    host.song_start = None;
    for section in [Some(0), Some(1), Some(2), None, Some(1), Some(0)] {
        host.section = section;
        notes(&mut host, &mut output, BAR + 7_777, &mut sounding);
        if section == Some(1) {
            host.position.beat += 1.3;
        }
    }
    host.position.playing = false;
    notes(&mut host, &mut output, 480, &mut sounding);
    assert!(sounding.is_empty(), "{sounding:?}");
}

#[test]
fn at_another_tempo_sections_still_start_on_the_hosts_bars() {
    let clips = [Some(noise(1, 1)), Some(noise(2, 1)), Some(noise(3, 1))];
    let song = song(&clips);
    for bpm in [60.0, 100.0, 150.0] {
        for (index, clip) in clips.iter().enumerate() {
            let clip = clip.as_ref().expect("it plays");
            // Away from what joins them.
            let beat = 4.0 * index as f64 + 1.03;
            assert_eq!(song.at(beat, bpm), clip.at(beat, bpm), "{bpm}: section {index}");
        }
    }
    // A take of another tempo is sliced to the song's.
    let slow = ramp(100.0, 1, RATE_HZ);
    let passes = vec![SongPass {
        section: 1,
        start_quarter: 0.0,
        quarters: 4.0,
        frames: 0..BAR,
        clip: Some(slow.clone()),
    }];
    let mixed = Clip::song(passes, Vec::new(), 120.0, RATE_HZ);
    for frame in [1_000, 30_000, 95_000] {
        let beat = f64::from(frame) / 24_000.0;
        assert_eq!(mixed.at(beat, 120.0), slow.at(beat, 120.0), "{frame}");
    }
}
