//! Numbers of takes, by which automation selects them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use resonantgen_take::{Take, TakeId};

/// The highest number of a take.
pub const TAKE_NUMBERS: u32 = 32;

/// The numbers of one track's takes, from 1 to [`TAKE_NUMBERS`]. A take keeps its number as long as it is in the history. New
/// takes get the numbers in turn, so a number that becomes free is reused as late as possible.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakeNumbers {
    of: BTreeMap<TakeId, u32>,
    /// The number assigned last.
    last: u32,
}

impl TakeNumbers {
    /// Stored numbers, and the one assigned last.
    #[must_use]
    pub fn new(of: impl IntoIterator<Item = (TakeId, u32)>, last: u32) -> Self {
        Self { of: of.into_iter().collect(), last }
    }

    /// The takes with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (&TakeId, u32)> {
        self.of.iter().map(|(id, number)| (id, *number))
    }

    /// The number assigned last; 0 before the first.
    #[must_use]
    pub const fn last(&self) -> u32 {
        self.last
    }

    /// Removes the numbers of takes that are gone, and assigns numbers to new takes while there are free ones.
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
