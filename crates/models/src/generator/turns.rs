//! Takes in turn: each hears those before it, and still several are worked on at the same time.
//!
//! A composer hears the notes of the tracks before it, not their sound. So the notes of the next track are written while those before
//! it are performed and decoded, two of them at a time. Rarely a take's notes are moved, or its patch exchanged, after its sound was
//! measured: what was made for the old notes is then given up and made again, so that the takes are those of one track after the other.
//! Takes are handed on in their order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{Engine, GenerateError, Observer, Stage, TakeRequest, offer};
use crate::worker;
use resonantgen_music::track::Track;
use resonantgen_take::maker::Made;
use resonantgen_take::{Take, TakeId};

/// Takes that are performed and decoded at a time.
const AT_A_TIME: usize = 2;

/// Whose turn it is to hand on its take, and whether what was begun is given up.
#[derive(Debug, Default)]
struct Turns {
    state: Mutex<Turn>,
    changed: Condvar,
    /// As in the state, for observers.
    given_up: AtomicBool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    number: usize,
    given_up: bool,
}

impl Turns {
    fn from(number: usize) -> Self {
        Self { state: Mutex::new(Turn { number, given_up: false }), ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Turn> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is the turn of a take, or of one after it; `false` if all is given up.
    fn wait_for(&self, number: usize) -> bool {
        let waits = |turn: &mut Turn| turn.number < number && !turn.given_up;
        let turn = self.changed.wait_while(self.lock(), waits).unwrap_or_else(PoisonError::into_inner);
        !turn.given_up
    }

    /// Ends the turn of a take. What was begun after it is given up unless it is as was expected.
    fn end(&self, is_as_expected: bool) {
        let mut turn = self.lock();
        turn.number += usize::from(is_as_expected);
        turn.given_up |= !is_as_expected;
        self.given_up.store(turn.given_up, Ordering::Relaxed);
        self.changed.notify_all();
    }

    fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }
}

/// Gives up what was begun if a thread panics, so that no other thread waits for it.
struct GivesUp<'a>(&'a Turns);

impl Drop for GivesUp<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.end(false);
        }
    }
}

/// An observer of work that may be given up, and whose take waits for its turn.
struct Ahead<'a> {
    observer: &'a dyn Observer,
    turns: &'a Turns,
    has_sound: AtomicBool,
}

impl Observer for Ahead<'_> {
    fn progress(&self, track: Track, stage: Stage, fraction: f32) {
        self.observer.progress(track, stage, fraction);
    }

    fn audio(&self, _: Track, _: usize, _: &[f32], _: &[f32]) {
        self.has_sound.store(true, Ordering::Relaxed);
    }

    fn known(&self, id: &TakeId) -> Option<Take> {
        self.observer.known(id)
    }

    fn is_cancelled(&self) -> bool {
        self.turns.is_given_up() || self.observer.is_cancelled()
    }
}

impl Engine {
    /// Makes takes one after the other, as [`Maker::make_in_turn`](resonantgen_take::maker::Maker::make_in_turn) says. With two or
    /// more threads, the next takes are written while the last two are performed and decoded; the takes are the same.
    ///
    /// # Errors
    /// As [`Engine::generate_take`].
    pub fn make_in_turn(
        &self,
        requests: &[TakeRequest<'_>],
        candidates: u32,
        observer: &dyn Observer,
    ) -> Result<Vec<Made>, GenerateError> {
        self.make_in_turn_by(AT_A_TIME, requests, candidates, observer)
    }

    /// As [`Engine::make_in_turn`], where `at_a_time` takes are performed and decoded at the same time.
    pub(super) fn make_in_turn_by(
        &self,
        at_a_time: usize,
        requests: &[TakeRequest<'_>],
        candidates: u32,
        observer: &dyn Observer,
    ) -> Result<Vec<Made>, GenerateError> {
        let mut made: Vec<Made> = Vec::with_capacity(requests.len());
        while made.len() < requests.len() {
            if self.threads > 1 {
                self.make_ahead(at_a_time, requests, candidates, &mut made, observer)?;
                continue;
            }
            let request = &requests[made.len()];
            let context = request.hearing(made.iter().map(|made| &made.take));
            let request = TakeRequest { context: &context, ..*request };
            let draft = self.draft(&request, candidates, observer)?;
            made.push(self.sounded(&request, draft, observer)?);
        }
        Ok(made)
    }

    /// Makes takes until all are there, or one of them differs from what was expected of it when the next ones were begun.
    fn make_ahead(
        &self,
        at_a_time: usize,
        requests: &[TakeRequest<'_>],
        candidates: u32,
        made: &mut Vec<Made>,
        observer: &dyn Observer,
    ) -> Result<(), GenerateError> {
        let first = made.len();
        let turns = &Turns::from(first);
        let mut heard: Vec<Arc<Take>> = made.iter().map(|made| Arc::clone(&made.take)).collect();
        let (results, failed) = std::thread::scope(|scope| {
            let mut soundings = Vec::new();
            let mut failed = None;
            for (number, request) in requests.iter().enumerate().skip(first) {
                let context = request.hearing(&heard);
                let asked = TakeRequest { context: &context, ..*request };
                let ahead = Ahead { observer, turns, has_sound: AtomicBool::new(false) };
                let draft = match self.draft(&asked, candidates, &ahead) {
                    Ok(draft) => draft,
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                };
                let expected = Arc::new(draft.heard().clone());
                heard.push(Arc::clone(&expected));
                // The first take is heard while the others are made, so it is made alone.
                let at_a_time = if number == first + 1 { 1 } else { at_a_time };
                if !turns.wait_for((number + 1).saturating_sub(at_a_time)) {
                    break;
                }
                soundings.push(worker::spawn(scope, move || {
                    let _gives_up = GivesUp(turns);
                    let request = TakeRequest { context: &context, ..*request };
                    let made = self.sounded(&request, draft, &ahead);
                    if !turns.wait_for(number) {
                        return None;
                    }
                    if let Ok(made) = &made {
                        if ahead.has_sound.into_inner() {
                            offer(&made.take, observer);
                        }
                        observer.made(&made.take);
                    }
                    let is_as_expected = made.as_ref().is_ok_and(|Made { take, .. }| {
                        (&take.score, &take.patch, &take.id)
                            == (&expected.score, &expected.patch, &expected.id)
                    });
                    turns.end(is_as_expected);
                    Some(made)
                }));
            }
            let join = |sounding: std::thread::ScopedJoinHandle<'_, _>| {
                sounding.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            let results: Vec<Result<Made, GenerateError>> = soundings.into_iter().filter_map(join).collect();
            (results, failed)
        });
        for result in results {
            made.push(result?);
        }
        match failed {
            // It was written for notes that have changed since, or not to its end.
            Some(_) if turns.is_given_up() => Ok(()),
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}
