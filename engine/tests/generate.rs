//! Whole takes from the fixture bundle (random weights): determinism, loops, streaming, cancelling.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod support;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use resonantgen_models::generator::{GenerateError, Observer, Silent, Stage};
use resonantgen_music::track::Track;
use resonantgen_take::{FULL_SCALE, TAKE_SAMPLE_RATE_HZ, Take};
use support::{TakeInputs, engine};

fn take(inputs: &TakeInputs, threads: usize) -> Take {
    engine(threads).generate_take(&inputs.request(), &Silent).unwrap()
}

#[test]
fn every_track_makes_a_take_that_fits_the_plan() {
    let engine = engine(1);
    let mut heard: Vec<Arc<Take>> = Vec::new();
    for track in Track::ALL {
        let mut inputs = TakeInputs::new(track, 2);
        inputs.context.clone_from(&heard);
        let take = engine.generate_take(&inputs.request(), &Silent).unwrap();
        let length = inputs.plan.audio_frames(TAKE_SAMPLE_RATE_HZ);
        assert_eq!((take.audio.left.len(), take.audio.right.len()), (length, length), "{track}");
        assert!(!take.score.notes.is_empty(), "{track} has notes");
        assert!(take.audio.left.iter().any(|sample| sample.abs() > 1000), "{track} sounds");
        assert!(take.score.notes.iter().all(|note| note.step < inputs.plan.total_steps()));
        assert_eq!(take.tokens.codebooks, 4);
        assert_eq!(take.tokens.codes.len(), 4 * length.div_ceil(960));
        assert_eq!(take.recipe.context.len(), heard.len());
        assert_eq!(take.id, take.recipe.take_id());
        assert!(engine.bundle().patch(&take.patch).is_some_and(|patch| patch.track == track));
        heard.push(Arc::new(take));
    }
}

#[test]
fn one_recipe_makes_one_take_whatever_the_threads() {
    for track in [Track::Drums, Track::Harmony] {
        let inputs = TakeInputs::new(track, 2);
        let first = take(&inputs, 1);
        let second = take(&inputs, 2);
        assert_eq!(first.score, second.score);
        assert_eq!(first.tokens, second.tokens);
        assert_eq!(first.audio, second.audio);
        let mut other = TakeInputs::new(track, 2);
        other.seed = 8;
        assert_ne!(first.audio, take(&other, 1).audio, "another seed, another take");
    }
}

#[test]
fn guidance_and_variation_change_the_score() {
    let mut inputs = TakeInputs::new(Track::Drums, 2);
    let natural = take(&inputs, 1);
    for adherence in [0.0, 1.0] {
        inputs.settings.adherence = adherence;
        assert_ne!(natural.score, take(&inputs, 1).score);
    }
    inputs.settings.adherence = 0.5;
    inputs.settings.variation = 0.0;
    assert_ne!(natural.score, take(&inputs, 1).score);
}

/// Collects what is streamed.
#[derive(Default)]
struct Collector {
    parts: Mutex<(Vec<f32>, Vec<f32>)>,
    chunks: AtomicUsize,
    stages: Mutex<Vec<Stage>>,
}

impl Observer for Collector {
    fn progress(&self, _: Track, stage: Stage, fraction: f32) {
        assert!((0.0..=1.0).contains(&fraction));
        let mut stages = self.stages.lock().unwrap();
        if !stages.contains(&stage) {
            stages.push(stage);
        }
    }

    fn audio(&self, _: Track, first_audio_frame: usize, left: &[f32], right: &[f32]) {
        let mut parts = self.parts.lock().unwrap();
        assert_eq!(parts.0.len(), first_audio_frame, "in order and without gaps");
        parts.0.extend(left);
        parts.1.extend(right);
        self.chunks.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn the_streamed_chunks_are_the_take() {
    for threads in [1, 2] {
        let collector = Collector::default();
        let inputs = TakeInputs::new(Track::Harmony, 6);
        let take = engine(threads).generate_take(&inputs.request(), &collector).unwrap();
        let parts = collector.parts.into_inner().unwrap();
        let expected =
            |samples: &[i32]| samples.iter().map(|sample| *sample as f32 / FULL_SCALE).collect::<Vec<_>>();
        assert_eq!(parts.0, expected(&take.audio.left));
        assert_eq!(parts.1, expected(&take.audio.right));
        assert!(collector.chunks.into_inner() > 1, "a long take comes in several chunks");
        assert_eq!(collector.stages.into_inner().unwrap(), Stage::ALL);
    }
}

/// The step from the last sample to the first is no larger than steps elsewhere.
#[test]
fn the_loop_is_seamless() {
    for track in Track::ALL {
        for bars in [1, 2] {
            let take = take(&TakeInputs::new(track, bars), 1);
            for channel in [&take.audio.left, &take.audio.right] {
                let count = channel.len();
                // Second differences show a break even where the signal itself is steep.
                let bend = |index: usize| {
                    let at = |offset: usize| i64::from(channel[(index + offset) % count]);
                    (at(2) - 2 * at(1) + at(0)).abs()
                };
                let mut usual: Vec<i64> = (0..count - 2).map(bend).collect();
                usual.sort_unstable();
                // A drum hit may fall on the seam, and is as sharp there as anywhere.
                let rank = if track == Track::Drums { 0 } else { count / 500 };
                let limit = usual[usual.len() - 1 - rank].max(64);
                for index in count - 3..count {
                    assert!(bend(index) <= limit * 2, "{track}, {bars} bars: {} above {limit}", bend(index));
                }
            }
        }
    }
}

#[test]
fn an_absent_track_is_silent() {
    let mut inputs = TakeInputs::new(Track::Bass, 1);
    inputs.intent.tracks[Track::Bass.index()].absent = true;
    let take = take(&inputs, 1);
    assert!(take.score.notes.is_empty());
    assert_eq!(take.audio.len(), inputs.plan.audio_frames(TAKE_SAMPLE_RATE_HZ));
    assert!(take.audio.left.iter().chain(&take.audio.right).all(|sample| *sample == 0));
}

#[test]
fn the_instrument_that_is_named_plays() {
    for (word, patch) in [("kit 808", "drums_kit_808"), ("kit acoustic", "drums_kit_acoustic")] {
        let mut inputs = TakeInputs::new(Track::Drums, 1);
        inputs.intent.tracks[Track::Drums.index()].instruments = vec![word.to_owned()];
        assert_eq!(take(&inputs, 1).patch, patch);
    }
}

#[test]
fn an_octave_moves_the_score() {
    let mut inputs = TakeInputs::new(Track::Melody, 1);
    let natural = take(&inputs, 1);
    inputs.intent.tracks[Track::Melody.index()].octave = -1;
    let lower = take(&inputs, 1);
    assert_eq!(natural.score.notes.len(), lower.score.notes.len());
    let moved = natural.score.notes.iter().zip(&lower.score.notes).all(|(a, b)| a.pitch == b.pitch + 12);
    assert!(moved, "all notes an octave lower");
}

/// Cancels as soon as a stage is reached, and still receives reports.
struct StopAt {
    stage: Stage,
    stop: AtomicBool,
    afterwards: Mutex<Vec<Stage>>,
}

impl Observer for StopAt {
    fn progress(&self, _: Track, stage: Stage, _: f32) {
        if self.stop.load(Ordering::SeqCst) {
            self.afterwards.lock().unwrap().push(stage);
        } else if stage == self.stage {
            self.stop.store(true, Ordering::SeqCst);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

#[test]
fn every_stage_can_be_cancelled() {
    for threads in [1, 2] {
        let engine = engine(threads);
        let inputs = TakeInputs::new(Track::Melody, 8);
        for stage in Stage::ALL {
            let observer = StopAt { stage, stop: AtomicBool::new(false), afterwards: Mutex::default() };
            let error = engine.generate_take(&inputs.request(), &observer).unwrap_err();
            assert!(matches!(error, GenerateError::Cancelled), "{error}");
            assert!(observer.is_cancelled(), "{stage:?} was reached");
            let afterwards = observer.afterwards.into_inner().unwrap();
            assert!(afterwards.len() <= threads, "{stage:?} went on: {afterwards:?}");
        }
        assert!(engine.generate_take(&inputs.request(), &Silent).is_ok(), "the engine works on afterwards");
    }
}

#[test]
fn impossible_requests_are_refused() {
    let engine = engine(1);
    let refuse = |change: &dyn Fn(&mut TakeInputs), word: &str| {
        let mut inputs = TakeInputs::new(Track::Bass, 1);
        change(&mut inputs);
        let error = engine.generate_take(&inputs.request(), &Silent).unwrap_err();
        assert!(matches!(error, GenerateError::Request { .. }));
        assert!(error.to_string().contains(word), "{error}");
    };
    refuse(&|inputs| inputs.plan.bpm = f64::NAN, "bpm");
    refuse(&|inputs| inputs.plan.bpm = 0.0, "bpm");
    refuse(&|inputs| inputs.plan.bars = 10_000, "bars");
    refuse(&|inputs| inputs.plan.chords.clear(), "chords");
    refuse(&|inputs| inputs.settings.variation = f32::NAN, "variation");
    refuse(&|inputs| inputs.settings.adherence = 2.0, "adherence");
}
