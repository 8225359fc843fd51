//! Playback under hostile hosts: two threads at once, and any position at all.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use proptest::prelude::*;
use resonantgen_music::plan::{Meter, Plan, Swing};
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_playback::{Clip, Controls, Player, Position, Slot, SwapAt, TakeClips, channel};

const RATE_HZ: f64 = 8_000.0;
/// Clips that are sent, and cases that are tried; Miri (`cargo xtask miri`) is thousands of times slower.
const ROUNDS: u16 = if cfg!(miri) { 24 } else { 600 };
const CASES: u32 = if cfg!(miri) { 3 } else { 64 };

/// A clip of one value.
fn clip(value: f32) -> Arc<Clip> {
    let plan = Plan {
        bpm: 240.0,
        key: "A minor".parse().unwrap(),
        meter: Meter::COMMON,
        bars: 1,
        chords: vec!["Am".parse().unwrap(); 2],
        swing: Swing::default(),
    };
    let samples = vec![value; plan.audio_frames(RATE_HZ as u32)];
    Arc::new(Clip::new(&plan, samples.clone(), samples, RATE_HZ))
}

/// A slot whose only take is a clip.
fn slot(clip: Arc<Clip>, immediate: bool) -> Slot {
    Slot { current: Some(Arc::new(TakeClips::new(clip))), immediate, ..Slot::default() }
}

fn render(player: &mut Player, position: Position, swap_at: SwapAt, samples: usize) -> Vec<f32> {
    let mut block = vec![f32::NAN; 2 * TRACK_COUNT * samples];
    let mut channels = block.chunks_mut(samples.max(1));
    let mut stems: [[&mut [f32]; 2]; TRACK_COUNT] =
        std::array::from_fn(|_| [channels.next().unwrap_or_default(), channels.next().unwrap_or_default()]);
    on_the_audio_thread(|| {
        player.process(position, &Controls { swap_at, ..Controls::default() }, &mut stems, None)
    });
    block
}

/// Does what the audio thread does; `cargo xtask sanitize` looks at what it asks of the system meanwhile.
fn on_the_audio_thread(work: impl FnOnce()) {
    #[cfg(realtime_sanitizer)]
    unsafe extern "C" {
        safe fn __rtsan_realtime_enter();
        safe fn __rtsan_realtime_exit();
    }
    #[cfg(realtime_sanitizer)]
    __rtsan_realtime_enter();
    work();
    #[cfg(realtime_sanitizer)]
    __rtsan_realtime_exit();
}

/// Clips go back and forth between the threads while both run; nothing is lost, freed twice, or torn. This is what a
/// race detector is to look at.
#[test]
fn clips_cross_threads_whole_and_are_all_freed() {
    let (mut sender, mut player) = channel(RATE_HZ);
    let done = AtomicBool::new(false);
    let mut sent: Vec<Weak<Clip>> = Vec::new();
    std::thread::scope(|scope| {
        let audio = scope.spawn(|| {
            let mut beat = 0.0;
            let mut heard = 0_usize;
            while !done.load(Ordering::Acquire) {
                let position = Position {
                    beat,
                    bpm: 240.0,
                    quarters_per_bar: 4.0,
                    playing: true,
                    ..Position::default()
                };
                let block = render(&mut player, position, SwapAt::Now, 64);
                // A mixture of two clips in a crossfade at most: clips have values of 0 to 1.
                assert!(block.iter().all(|sample| (-0.01..=1.5).contains(sample)), "{block:?}");
                heard += usize::from(block.iter().any(|sample| *sample > 0.0));
                beat += 64.0 * 240.0 / (60.0 * RATE_HZ);
            }
            (player, heard)
        });
        for round in 0..ROUNDS {
            let clip = clip(f32::from(round % 100 + 1) / 100.0);
            sent.push(Arc::downgrade(&clip));
            let track = Track::ALL[usize::from(round) % TRACK_COUNT];
            let mut slot_for_track = slot(clip, round % 7 == 0);
            while let Err(back) = sender.send(track, slot_for_track) {
                slot_for_track = back;
                std::thread::yield_now();
            }
        }
        while sender.waiting() > TRACK_COUNT {
            sender.collect();
            std::thread::yield_now();
        }
        done.store(true, Ordering::Release);
        let (player, heard) = audio.join().unwrap();
        assert!(heard > 0, "nothing was heard");
        drop(player);
    });
    drop(sender);
    let alive = sent.iter().filter(|clip| clip.strong_count() > 0).count();
    assert_eq!(alive, 0, "clips were leaked");
}

fn any_float() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -1e4..1e4_f64,
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1e300, -1e300, 1e-300]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    /// Whatever a host says of time, stems are finite, overwritten and never louder than the clips.
    #[test]
    fn any_position_gives_sound_or_silence(
        steps in prop::collection::vec((any_float(), any_float(), any_float(), any::<bool>(), 0_usize..90, 0_usize..4), 1..12)
    ) {
        let (mut sender, mut player) = channel(RATE_HZ);
        for track in Track::ALL {
            sender.send(track, slot(clip(0.5), true)).unwrap();
        }
        for (beat, bpm, quarters_per_bar, playing, samples, swap) in steps {
            let position = Position { beat, bpm, quarters_per_bar, playing, ..Position::default() };
            let swap_at = [SwapAt::Now, SwapAt::Beat, SwapAt::Bar, SwapAt::Loop][swap];
            let block = render(&mut player, position, swap_at, samples);
            prop_assert!(block.iter().all(|sample| sample.is_finite() && sample.abs() <= 1.01), "{position:?}");
            sender.send(Track::Bass, slot(clip(0.25), false)).ok();
        }
    }
}
