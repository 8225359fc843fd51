//! Playback in hostile hosts: two threads at once, and arbitrary positions.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use proptest::prelude::*;
use resonantgen_music::plan::{Meter, Plan, Swing};
use resonantgen_music::score::Score;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_playback::{
    Clip, Controls, Player, Position, SectionTakes, Slot, SwapAt, TakeClips, channel,
};
use resonantgen_project::{ExportOptions, SampleDepth, export};
use resonantgen_session::Session;
use resonantgen_take::{
    FULL_SCALE, GenerationSettings, Recipe, StageSeconds, StemAudio, TAKE_SAMPLE_RATE_HZ, Take, Tokens,
};

const RATE_HZ: f64 = 8_000.0;
/// Numbers of clips and cases; Miri (`cargo xtask miri`) is thousands of times slower.
const ROUNDS: u16 = if cfg!(miri) { 24 } else { 600 };
const CASES: u32 = if cfg!(miri) { 3 } else { 64 };

/// A clip with a single sample value.
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
    let open = SectionTakes { current: Some(Arc::new(TakeClips::new(clip))), ..SectionTakes::default() };
    Slot { open, immediate, ..Slot::default() }
}

fn render(player: &mut Player, position: Position, swap_at: SwapAt, samples: usize) -> Vec<f32> {
    let mut block = vec![f32::NAN; 2 * TRACK_COUNT * samples];
    let mut channels = block.chunks_mut(samples.max(1));
    let mut stems: [[&mut [f32]; 2]; TRACK_COUNT] =
        std::array::from_fn(|_| [channels.next().unwrap_or_default(), channels.next().unwrap_or_default()]);
    let controls = Controls { swap_at, ..Controls::default() };
    on_the_audio_thread(|| player.process(position, &controls, &mut stems, None));
    block
}

/// Stands in for the audio thread; `cargo xtask sanitize` watches its system calls.
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

/// Two bars at 127 bpm, not a whole number of samples at any rate: chords, and noise over the full band.
fn session() -> Session {
    let plan = Plan {
        bpm: 127.0,
        key: "A minor".parse().unwrap(),
        meter: Meter::COMMON,
        bars: 2,
        chords: vec!["Am".parse().unwrap(); 4],
        swing: Swing::default(),
    };
    let frames = plan.audio_frames(TAKE_SAMPLE_RATE_HZ);
    let mut state = 7_u64;
    let mut sample = |frame: usize, cycles: f64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let noise = (state >> 40) as f64 / f64::from(1 << 24) - 0.5;
        let tone = (std::f64::consts::TAU * cycles * frame as f64 / frames as f64).sin();
        ((0.5 * tone + 0.4 * noise) * f64::from(FULL_SCALE)) as i32
    };
    let audio = StemAudio {
        left: (0..frames).map(|frame| sample(frame, 831.0)).collect(),
        right: (0..frames).map(|frame| sample(frame, 1_247.0)).collect(),
    };
    let recipe = Recipe {
        track: Track::Harmony,
        prompt: "techno".to_owned(),
        intent: resonantgen_words::parse("techno").unwrap(),
        plan: plan.clone(),
        seed: 7,
        settings: GenerationSettings::default(),
        bundle_id: "test".to_owned(),
        context: Vec::new(),
        imported: None,
        held_patch: None,
        taken_over: None,
    };
    let take = Take {
        id: recipe.take_id(),
        recipe,
        patch: "a patch".to_owned(),
        score: Score::default(),
        tokens: Tokens { codebooks: 1, codes: Vec::new() },
        audio: Arc::new(audio),
        timings: StageSeconds::default(),
        measures: None,
    };
    let mut session = Session::default();
    session.plan = Some(plan);
    session.track_mut(Track::Harmony).add(Arc::new(take));
    session
}

/// An export at the host's rate equals what the plugin plays there, rounded to 24 bits.
#[test]
#[cfg_attr(miri, ignore = "it transforms four seconds of audio")]
fn an_export_is_what_is_played_at_that_rate() {
    const BLOCK: usize = 512;
    let session = session();
    let take = session.track(Track::Harmony).take().unwrap();
    let plan = &take.recipe.plan;
    for rate_hz in [44_100, 48_000, 88_200, 96_000] {
        let folder = tempfile::tempdir().unwrap();
        let options = ExportOptions {
            tracks: vec![Track::Harmony],
            mix: false,
            midi: false,
            sample_rate_hz: rate_hz,
            depth: SampleDepth::Int24,
            ..ExportOptions::default()
        };
        let files = export(&session, folder.path(), &options).unwrap();
        let mut reader = hound::WavReader::open(&files[0]).unwrap();
        let exported: Vec<i32> = reader.samples::<i32>().map(Result::unwrap).collect();
        let frames = exported.len() / 2;
        assert_eq!(frames, plan.audio_frames(rate_hz));

        let (mut sender, mut player) = channel(f64::from(rate_hz));
        sender.send(Track::Harmony, slot(Arc::new(Clip::prepare(take, f64::from(rate_hz))), true)).unwrap();
        // The player fades in where the host starts.
        let faded_in = rate_hz as usize / 10;
        for first in (0..frames).step_by(BLOCK) {
            let samples = BLOCK.min(frames - first);
            let position = Position {
                beat: first as f64 / f64::from(rate_hz) * plan.bpm / 60.0,
                bpm: plan.bpm,
                quarters_per_bar: 4.0,
                playing: true,
                ..Position::default()
            };
            let block = render(&mut player, position, SwapAt::Now, samples);
            let harmony = &block[2 * Track::Harmony.index() * samples..][..2 * samples];
            for frame in (0..samples).filter(|frame| first + frame >= faded_in) {
                for channel in 0..2 {
                    let played = f64::from(harmony[channel * samples + frame]) * f64::from(FULL_SCALE);
                    let file = f64::from(exported[2 * (first + frame) + channel]);
                    assert!(
                        (played - file).abs() <= 0.5,
                        "{rate_hz} Hz, frame {}: {played} is played, {file} exported",
                        first + frame
                    );
                }
            }
        }
    }
}

/// Clips go back and forth between two running threads; none is lost, freed twice, or torn. This test is for the
/// race detector.
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
                // A crossfade mixes at most two clips, whose values are 0 to 1.
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

    /// Whatever time a host reports, stems are finite, overwritten and never louder than the clips.
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
