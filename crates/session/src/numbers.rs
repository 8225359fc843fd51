//! The numbers by which takes are chosen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use resonantgen_take::{Take, TakeId};

/// The highest number of a take.
pub const TAKE_NUMBERS: u32 = 32;

/// The numbers of one track's takes, from 1 to [`TAKE_NUMBERS`]. A take keeps its number as long as the history keeps the
/// take. New takes get the numbers in turn, so that one that has become free waits until all others were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakeNumbers {
    of: BTreeMap<TakeId, u32>,
    /// The one that was given last.
    last: u32,
}

impl TakeNumbers {
    /// Numbers that were read, and the one that was given last.
    #[must_use]
    pub fn new(of: impl IntoIterator<Item = (TakeId, u32)>, last: u32) -> Self {
        Self { of: of.into_iter().collect(), last }
    }

    /// The takes with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (&TakeId, u32)> {
        self.of.iter().map(|(id, number)| (id, *number))
    }

    /// The number that was given last; 0 before the first.
    #[must_use]
    pub const fn last(&self) -> u32 {
        self.last
    }

    /// Forgets the numbers of takes that are gone, and gives one to each that has none while there are any.
    pub(super) fn follow(&mut self, history: &[Arc<Take>]) {
        let mut given = BTreeSet::new();
        self.of.retain(|id, number| {
            let is_kept = history.iter().any(|take| take.id == *id);
            is_kept && (1..=TAKE_NUMBERS).contains(number) && given.insert(*number)
        });
        for take in history {
            if self.of.contains_key(&take.id) {
                continue;
            }
            let mut turn = (0..TAKE_NUMBERS).map(|step| (self.last % TAKE_NUMBERS + step) % TAKE_NUMBERS + 1);
            let Some(number) = turn.find(|number| !given.contains(number)) else { return };
            given.insert(number);
            self.of.insert(take.id.clone(), number);
            self.last = number;
        }
    }

    pub(super) fn get(&self, id: &TakeId) -> Option<u32> {
        self.of.get(id).copied()
    }
}
