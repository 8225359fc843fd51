//! Takes over chords that are followed.

use super::*;

/// Samples of a half bar at the tests' tempo.
const HALF_BAR: usize = 24_000;
const BPM: f64 = 240.0;

/// A two-bar clip of one level.
fn level(level: f32) -> Arc<TakeClips> {
    let plan = plan(BPM, 2);
    let samples = vec![level; plan.audio_frames(RATE_HZ as u32)];
    Arc::new(TakeClips::new(Arc::new(Clip::new(&plan, samples.clone(), samples, RATE_HZ))))
}

/// A take of level 0.5.
fn take() -> Slot {
    let take = level(0.5);
    Slot { open: SectionTakes { takes: vec![Some(take.clone())], current: Some(take) }, ..Slot::default() }
}

/// The same slot with parts of other levels, from half bars on.
fn over(slot: &Slot, run: u32, parts: &[(i64, Option<&Arc<TakeClips>>)]) -> Slot {
    let of = slot.open.current.as_ref().expect("a take").serial();
    let followed =
        parts.iter().map(|(from, clips)| Followed { run, from: *from, of, clips: clips.cloned() }).collect();
    Slot { followed, ..slot.clone() }
}

/// The level in each half bar, right after the crossfade and at its end.
fn levels(heard: &[f32]) -> Vec<[f32; 2]> {
    heard.chunks_exact(HALF_BAR).map(|half| [half[600], half[HALF_BAR - 1]]).collect()
}

const FIRST: Option<Following> = Some(Following { run: 1, offset: 0.0 });

fn start(slot: Slot) -> (SlotSender, Host) {
    let (mut sender, player) = channel(RATE_HZ);
    let mut host = Host::new(player, BPM);
    host.following = FIRST;
    sender.send(Track::Bass, slot).expect("there is room");
    (sender, host)
}

#[test]
fn a_part_plays_from_its_half_bar_to_the_next_one_in_blocks_of_any_size() {
    let plain = take();
    let (one, other) = (level(0.25), level(0.75));
    let slot = over(&plain, 1, &[(2, Some(&one)), (3, Some(&other)), (6, None)]);
    let mut whole: Option<Vec<f32>> = None;
    for seed in 0..4 {
        let (_sender, mut host) = start(slot.clone());
        let blocks = if seed == 0 { vec![8 * HALF_BAR] } else { sizes(seed, 8 * HALF_BAR) };
        for block in blocks {
            host.run(block, SwapAt::Loop);
        }
        let heard = host.left(Track::Bass);
        let expected = [0.5, 0.5, 0.25, 0.75, 0.75, 0.75, 0.5, 0.5].map(|level| [level; 2]);
        assert_eq!(levels(heard), expected);
        assert_eq!(heard[2 * HALF_BAR - 1], 0.5, "nothing begins early");
        assert!(heard[2 * HALF_BAR + 240] != 0.5, "nor late");
        let whole = whole.get_or_insert_with(|| heard.to_vec());
        assert!(*whole == heard, "the size of the blocks is not heard");
    }
}

#[test]
fn a_part_that_comes_late_waits_for_the_next_half_bar() {
    let plain = take();
    let (mut sender, mut host) = start(plain.clone());
    host.run(2 * HALF_BAR + 100, SwapAt::Now);
    let late = level(0.25);
    // What was restored last took over at once; that is no reason to do so with this.
    let slot = Slot { immediate: true, ..over(&plain, 1, &[(2, Some(&late))]) };
    sender.send(Track::Bass, slot).expect("there is room");
    host.run(2 * HALF_BAR - 100, SwapAt::Now);
    assert_eq!(levels(host.left(Track::Bass)), [[0.5; 2], [0.5; 2], [0.5; 2], [0.25; 2]]);
}

#[test]
fn when_following_ends_the_take_itself_plays_to_the_bit() {
    let plain = take();
    let part = level(0.25);
    let (_sender, mut host) = start(over(&plain, 1, &[(0, Some(&part))]));
    host.run(HALF_BAR + 100, SwapAt::Bar);
    host.following = None;
    host.run(2 * HALF_BAR - 100, SwapAt::Bar);
    assert_eq!(levels(host.left(Track::Bass)), [[0.25; 2], [0.25; 2], [0.5; 2]]);
    let (_sender, mut without) = start(plain);
    without.run(3 * HALF_BAR, SwapAt::Bar);
    let from = 2 * HALF_BAR + 480;
    assert_eq!(host.left(Track::Bass)[from..], without.left(Track::Bass)[from..]);
}

#[test]
fn a_cycle_of_whole_loops_goes_on_and_any_other_jump_forgets() {
    let plain = take();
    let part = level(0.25);
    let slot = over(&plain, 1, &[(4, Some(&part))]);
    let (_sender, mut host) = start(slot);
    host.run(4 * HALF_BAR, SwapAt::Bar);
    // The host's cycle is as long as the loop.
    host.position.beat = 0.0;
    host.following = Some(Following { run: 1, offset: 8.0 });
    host.run(2 * HALF_BAR, SwapAt::Bar);
    // A jump by a bar begins another run.
    host.position.beat = 8.0;
    host.following = Some(Following { run: 2, offset: 0.0 });
    host.run(HALF_BAR, SwapAt::Bar);
    let expected = [0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.5].map(|level| [level; 2]);
    assert_eq!(levels(host.left(Track::Bass)), expected);
}

#[test]
fn another_take_is_not_replaced_by_what_was_made_of_the_one_before() {
    let plain = take();
    let part = level(0.25);
    let (mut sender, mut host) = start(over(&plain, 1, &[(0, Some(&part))]));
    host.run(HALF_BAR, SwapAt::Bar);
    let new = level(0.75);
    let open = SectionTakes { takes: Vec::new(), current: Some(new) };
    sender.send(Track::Bass, Slot { open, ..over(&plain, 1, &[(0, Some(&part))]) }).expect("there is room");
    host.run(2 * HALF_BAR, SwapAt::Bar);
    assert_eq!(levels(host.left(Track::Bass)), [[0.25; 2], [0.25; 2], [0.75; 2]], "on the bar line");
}
