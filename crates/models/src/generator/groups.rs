//! Groups of takes that do not hear each other are made at the same time, such as the sections of a song.
//!
//! A take alone keeps one core busy and another half. With two groups at a time, one is composed or measured while the other is
//! performed and decoded; each network is used by one of them at a time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Engine, GenerateError, Observer, Stage, TakeRequest};
use crate::worker;
use resonantgen_music::track::Track;
use resonantgen_take::maker::Made;
use resonantgen_take::{Take, TakeId};

/// Groups at a time: more would need more memory, and wait for each other's networks.
const AT_A_TIME: usize = 2;

/// An observer of one group. Only the group that began last tells its progress, because tracks have one display.
struct OfGroup<'a> {
    observer: &'a dyn Observer,
    number: usize,
    newest: &'a AtomicUsize,
    has_failed: &'a AtomicBool,
}

impl Observer for OfGroup<'_> {
    fn progress(&self, track: Track, stage: Stage, fraction: f32) {
        if self.newest.load(Ordering::Relaxed) == self.number {
            self.observer.progress(track, stage, fraction);
        }
    }

    fn audio(&self, track: Track, first_audio_frame: usize, left: &[f32], right: &[f32]) {
        self.observer.audio(track, first_audio_frame, left, right);
    }

    fn known(&self, id: &TakeId) -> Option<Take> {
        self.observer.known(id)
    }

    fn made(&self, take: &Take) {
        self.observer.made(take);
    }

    fn is_cancelled(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed) || self.observer.is_cancelled()
    }
}

impl Engine {
    /// Makes groups of takes, as [`Maker::make_groups`](resonantgen_take::maker::Maker::make_groups) says. With two or more threads,
    /// two groups are made at a time; the takes are the same.
    ///
    /// # Errors
    /// As [`Engine::generate_take`].
    pub fn make_groups(
        &self,
        groups: &[Vec<TakeRequest<'_>>],
        begin: &(dyn Fn(usize) + Sync),
        observer: &dyn Observer,
    ) -> Result<Vec<Vec<Made>>, GenerateError> {
        let (newest, has_failed, next) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(0));
        let take_next = || {
            let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
            let number = *next;
            let requests = groups.get(number)?;
            *next += 1;
            newest.store(number, Ordering::Relaxed);
            begin(number);
            Some((number, requests))
        };
        let work = || {
            let mut own = Vec::new();
            while let Some((number, requests)) = take_next() {
                let of_group = OfGroup { observer, number, newest: &newest, has_failed: &has_failed };
                let made = self.make_in_turn_by(1, requests, 1, &of_group);
                let failed = made.is_err();
                own.push((number, made));
                if failed {
                    has_failed.store(true, Ordering::Relaxed);
                    break;
                }
            }
            own
        };
        let threads = self.threads.min(AT_A_TIME).min(groups.len());
        let mut results: Vec<(usize, Result<Vec<Made>, GenerateError>)> = std::thread::scope(|scope| {
            let helpers: Vec<_> = (1..threads).map(|_| worker::spawn(scope, work)).collect();
            let own = work();
            let others = helpers
                .into_iter()
                .flat_map(|helper| helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            own.into_iter().chain(others).collect()
        });
        // A group that was given up because another one failed is not the cause.
        let is_cause =
            |error: &GenerateError| observer.is_cancelled() || !matches!(error, GenerateError::Cancelled);
        let cause = results.iter().position(|(_, result)| result.as_ref().is_err_and(is_cause));
        if let Some(cause) = cause {
            return Err(results.swap_remove(cause).1.expect_err("it was found to be one"));
        }
        results.sort_by_key(|(number, _)| *number);
        results.into_iter().map(|(_, made)| made).collect()
    }
}
