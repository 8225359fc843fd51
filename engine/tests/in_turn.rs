//! Takes of a piece made in turn: composed while others are rendered, and chosen among candidates.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod support;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use resonantgen_models::generator::{
    Engine, EngineOptions, GenerateError, Observer, Silent, Stage, TakeRequest,
};
use resonantgen_music::plan::Plan;
use resonantgen_music::track::Track;
use resonantgen_take::maker::{Candidate, Made, in_turn};
use resonantgen_take::{GenerationSettings, Take, TakeId};
use support::{TakeInputs, engine, repository, runtime_library};

fn inputs() -> Vec<TakeInputs> {
    Track::ALL.map(|track| TakeInputs::new(track, 4)).into()
}

fn requests(inputs: &[TakeInputs]) -> Vec<TakeRequest<'_>> {
    inputs.iter().map(TakeInputs::request).collect()
}

/// The takes without their timings.
fn plain(made: &[Made]) -> Vec<Take> {
    made.iter().map(|made| Take { timings: Default::default(), ..(*made.take).clone() }).collect()
}

fn one_by_one(engine: &Engine, requests: &[TakeRequest<'_>]) -> Vec<Made> {
    in_turn(requests, &mut |request| engine.generate_take(request, &Silent)).unwrap()
}

#[test]
fn what_is_written_ahead_is_what_is_written_in_turn() {
    let inputs = inputs();
    let requests = requests(&inputs);
    let expected = plain(&one_by_one(&engine(1), &requests));
    for threads in [1, 2, 4] {
        let made = engine(threads).make_in_turn(&requests, 1, &Silent).unwrap();
        assert!(plain(&made) == expected, "{threads} threads");
        assert!(made.iter().all(|made| made.candidates.is_empty()));
    }
}

#[test]
fn groups_at_a_time_are_those_one_after_the_other() {
    let inputs = inputs();
    let mut groups: Vec<Vec<TakeRequest<'_>>> =
        vec![requests(&inputs), requests(&inputs)[1..].to_vec(), requests(&inputs)[..2].to_vec()];
    for (group, seed) in groups.iter_mut().zip(20..) {
        group.iter_mut().for_each(|request| request.seed = seed);
    }
    let expected: Vec<Vec<Take>> = groups.iter().map(|group| plain(&one_by_one(&engine(1), group))).collect();
    for threads in [1, 2, 4] {
        let begun = Mutex::new(Vec::new());
        let begin = |number: usize| begun.lock().unwrap().push(number);
        let made = engine(threads).make_groups(&groups, &begin, &Silent).unwrap();
        let made: Vec<Vec<Take>> = made.iter().map(|made| plain(made)).collect();
        assert!(made == expected, "{threads} threads");
        assert_eq!(begun.into_inner().unwrap(), [0, 1, 2]);
    }
    // What went wrong in one is told, not that others were given up for it.
    let wrong = Plan { bars: 0, ..groups[1][0].plan.clone() };
    groups[1][0].plan = &wrong;
    let failed = engine(2).make_groups(&groups, &|_| (), &Silent);
    assert!(matches!(failed, Err(GenerateError::Request { .. })), "{failed:?}");
}

/// Already has one take, which differs from what would be composed: its notes were edited after they were heard.
struct Knows(Take);

impl Observer for Knows {
    fn known(&self, id: &TakeId) -> Option<Take> {
        Some(self.0.clone()).filter(|take| take.id == *id)
    }
}

/// As [`Knows`], but only for rendering: what is composed for it differs.
struct Moves {
    take: Take,
    asked: AtomicBool,
}

impl Observer for Moves {
    fn known(&self, id: &TakeId) -> Option<Take> {
        // The first lookup comes before composing, the second before performing.
        let is_it = self.take.id == *id;
        Some(self.take.clone()).filter(|_| is_it && self.asked.swap(true, Ordering::Relaxed))
    }
}

/// As [`Moves`], and notes what is handed on.
struct Listens {
    moves: Moves,
    made: Mutex<Vec<TakeId>>,
    frames: Mutex<Vec<(Track, usize)>>,
}

impl Observer for Listens {
    fn known(&self, id: &TakeId) -> Option<Take> {
        self.moves.known(id)
    }

    fn audio(&self, track: Track, first_audio_frame: usize, left: &[f32], _: &[f32]) {
        let mut frames = self.frames.lock().unwrap();
        if first_audio_frame == 0 {
            frames.push((track, 0));
        }
        let (last, count) = frames.last_mut().unwrap();
        assert_eq!((*last, *count), (track, first_audio_frame), "without gaps, one track after the other");
        *count += left.len();
    }

    fn made(&self, take: &Take) {
        self.made.lock().unwrap().push(take.id.clone());
    }
}

#[test]
fn only_what_stays_is_handed_on_and_in_its_order() {
    let inputs = inputs();
    let requests = requests(&inputs);
    let engine = engine(2);
    let plain_made = engine.make_in_turn(&requests, 2, &Silent).unwrap();
    // The bass is another one than was expected when harmony and melody were begun.
    let mut moved = (*plain_made[1].take).clone();
    moved.score.notes.iter_mut().for_each(|note| note.step = (note.step + 4) % 64);
    let moves = Moves { take: moved.clone(), asked: AtomicBool::new(true) };
    let observer = Listens { moves, made: Mutex::default(), frames: Mutex::default() };
    let made = engine.make_in_turn(&requests, 2, &observer).unwrap();
    assert_eq!(made[1].take.score, moved.score);
    let ids: Vec<TakeId> = made.iter().map(|made| made.take.id.clone()).collect();
    assert_eq!(*observer.made.lock().unwrap(), ids);
    // What is known is not heard again.
    let heard: Vec<(Track, usize)> =
        [0, 2, 3].map(|index| (Track::ALL[index], made[index].take.audio.len())).into();
    assert_eq!(*observer.frames.lock().unwrap(), heard);
    let context: Vec<Arc<Take>> = made[..2].iter().map(|made| Arc::clone(&made.take)).collect();
    let harmony = TakeRequest { context: &context, ..requests[2] };
    let expected = engine.make_in_turn(&[harmony], 2, &Silent).unwrap();
    assert!(plain(&made[2..3]) == plain(&expected), "the harmony hears the bass that sounds");
}

#[test]
fn what_was_written_ahead_for_other_notes_is_written_again() {
    let inputs = inputs();
    let requests = requests(&inputs);
    let engine = engine(2);
    let chosen = engine.make_in_turn(&requests[..1], 2, &Silent).unwrap();
    let mut moved = (*chosen[0].take).clone();
    // Later by a quarter note: the bass hears it.
    moved.score.notes.iter_mut().for_each(|note| note.step = (note.step + 4) % 64);
    let observer = Moves { take: moved.clone(), asked: AtomicBool::new(true) };
    let made = engine.make_in_turn(&requests[..2], 2, &observer).unwrap();
    assert_eq!(made[0].take.score, moved.score);
    let bass = TakeRequest { context: &[Arc::new(moved)], ..requests[1] };
    let expected = engine.make_in_turn(&[bass], 2, &Silent).unwrap();
    assert!(plain(&made[1..]) == plain(&expected), "the bass hears what sounds");
    // A take that is known before composing is heard as it is.
    let first = one_by_one(&engine, &requests[..1]).remove(0);
    let mut other = (*first.take).clone();
    other.score.notes.truncate(1);
    let made = engine.make_in_turn(&requests[..2], 1, &Knows(other.clone())).unwrap();
    assert_eq!(made[0].take.score, other.score);
    let bass = TakeRequest { context: &[Arc::new(other)], ..requests[1] };
    assert!(plain(&made[1..]) == plain(&one_by_one(&engine, &[bass])));
}

#[test]
fn candidates_differ_in_their_notes_and_the_first_is_what_is_made_without_a_choice() {
    let inputs = inputs();
    let requests = requests(&inputs);
    let (two, one) = (engine(2), engine(1));
    let alone = one_by_one(&one, &requests[..1]).remove(0).take;
    let made = two.make_in_turn(&requests, 5, &Silent).unwrap();
    assert!(
        plain(&made) == plain(&one.make_in_turn(&requests, 5, &Silent).unwrap()),
        "threads do not matter"
    );
    let drums = &made[0];
    let mut numbers: Vec<u32> = drums.candidates.iter().map(|candidate| candidate.number).collect();
    assert!(
        drums.candidates.windows(2).all(|pair| pair[0].judged >= pair[1].judged),
        "all are without faults"
    );
    assert_eq!(drums.take.id, drums.candidates[0].sketch.id);
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    let find = |number: u32| -> &Candidate {
        drums.candidates.iter().find(|candidate| candidate.number == number).unwrap()
    };
    let first = find(1);
    assert_eq!((&first.sketch.id, &first.sketch.score), (&alone.id, &alone.score));
    for number in 2..=5 {
        let candidate = find(number);
        assert!(candidate.sketch.is_asleep() && candidate.sketch.patch == alone.patch);
        assert_ne!(candidate.sketch.score, first.sketch.score, "{number}");
    }
    // Rendered later, a candidate equals the take of its recipe.
    for candidate in &drums.candidates[..2] {
        let heard = two.finish(candidate, &[], &Silent).unwrap();
        let made = two.generate_take(&candidate.sketch.recipe.request(&[]), &Silent).unwrap();
        let plain = |take: Take| Take { timings: Default::default(), ..take };
        assert!(plain(heard) == plain(made));
    }
}

#[test]
fn shipped_composers_write_the_same_scores_together_and_alone() {
    let runtime_library = Some(runtime_library());
    let bundle = repository().join("models/resonant");
    let options = EngineOptions { runtime_library, threads: 1, ..EngineOptions::new(bundle) };
    let engine = Engine::open(&options).unwrap();
    assert!(engine.bundle().manifest().tracks.iter().all(|track| track.independent_rows));
    // Ten bars take two sequences, and each candidate starts its second one when it gets there. Without adherence there is no guidance, and
    // a score is a single sequence.
    let mut inputs: Vec<TakeInputs> =
        [Track::Drums, Track::Melody].map(|track| TakeInputs::new(track, 10)).into();
    let unguided = GenerationSettings { adherence: 0.0, ..GenerationSettings::default() };
    inputs.push(TakeInputs { settings: unguided, ..TakeInputs::new(Track::Drums, 10) });
    let mut context = Vec::new();
    for inputs in &inputs {
        let request = TakeRequest { context: &context, ..inputs.request() };
        // The fifth is not in the group of the first four.
        let made = engine.make_in_turn(std::slice::from_ref(&request), 5, &Silent).unwrap().remove(0);
        let rhythms: HashSet<Vec<u32>> = made
            .candidates
            .iter()
            .map(|candidate| {
                let alone = engine.sketch(&candidate.sketch.recipe.request(&context), &Silent).unwrap();
                assert_eq!(alone.score, candidate.sketch.score, "{} {}", inputs.track, candidate.number);
                alone.score.notes.iter().map(|note| note.step).collect()
            })
            .collect();
        assert!(rhythms.len() > 1, "{}: the candidates differ", inputs.track);
        context.push(made.take);
    }
}

/// Cancels at the first report of a stage of a track.
struct CancelsAt {
    moment: (Track, Stage),
    cancelled: AtomicBool,
    made: Mutex<Vec<Track>>,
}

impl Observer for CancelsAt {
    fn progress(&self, track: Track, stage: Stage, _: f32) {
        if (track, stage) == self.moment {
            self.cancelled.store(true, Ordering::Relaxed);
        }
    }

    fn made(&self, take: &Take) {
        self.made.lock().unwrap().push(take.recipe.track);
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

#[test]
fn all_of_it_ends_when_it_is_cancelled() {
    let inputs = inputs();
    let requests = requests(&inputs);
    let engine = engine(2);
    for track in [Track::Drums, Track::Bass, Track::Melody] {
        for stage in Stage::ALL {
            for candidates in [1, 3] {
                let observer = CancelsAt {
                    moment: (track, stage),
                    cancelled: AtomicBool::new(false),
                    made: Mutex::default(),
                };
                let result = engine.make_in_turn(&requests, candidates, &observer);
                // The last stage may end before the cancellation is noticed.
                let ended = matches!(result, Err(GenerateError::Cancelled));
                assert!(ended || stage == Stage::Decode, "{track} {stage:?}: {result:?}");
            }
        }
    }
}
