//! The takes of one track: the playing one, and the history.

use std::sync::Arc;

use super::{HISTORY_LENGTH, TrackState};
use resonantgen_take::{Take, TakeId};

impl TrackState {
    /// The playing take.
    #[must_use]
    pub fn take(&self) -> Option<&Arc<Take>> {
        self.history.get(self.current?)
    }

    /// Position of a take in the history.
    #[must_use]
    pub fn position(&self, id: &TakeId) -> Option<usize> {
        self.history.iter().position(|take| take.id == *id)
    }

    /// The number of a take, from 1 to [`TAKE_NUMBERS`](super::TAKE_NUMBERS); it stays the same as long as the take is kept. `None`
    /// if it is not in the history, or if all numbers are in use.
    #[must_use]
    pub fn number(&self, id: &TakeId) -> Option<u32> {
        self.numbers.get(id)
    }

    /// Position of the take with a number.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Option<usize> {
        self.history.iter().position(|take| self.number(&take.id) == Some(number))
    }

    /// Whether the take at `index` of the history is a favourite.
    #[must_use]
    pub fn is_favourite(&self, index: usize) -> bool {
        self.history.get(index).is_some_and(|take| self.favourites.contains(&take.id))
    }

    /// Adds a take and plays it. Beyond [`HISTORY_LENGTH`], drops the oldest take that is neither a favourite nor one of the two
    /// heard last.
    pub fn add(&mut self, take: Arc<Take>) {
        let playing = self.take().map(|take| take.id.clone());
        // The same recipe gives the same take, which moves to the end.
        self.history.retain(|known| known.id != take.id);
        if playing.as_ref() != Some(&take.id) {
            self.heard_before = playing.or(self.heard_before.take());
        }
        self.history.push(take);
        self.current = Some(self.history.len() - 1);
        self.trim();
    }

    /// Adds a take to the history without playing it.
    pub fn keep(&mut self, take: Arc<Take>) {
        let playing = self.take().map(|take| take.id.clone());
        if self.position(&take.id).is_none() {
            self.history.push(take);
            self.current = playing.and_then(|id| self.position(&id));
            self.trim();
        }
    }

    /// Removes a take that is not playing from the history. `heard_before` becomes the take that was heard before the playing
    /// one.
    pub(super) fn forget(&mut self, id: &TakeId, heard_before: &TakeId) {
        let playing = self.take().map(|take| take.id.clone());
        if playing.as_ref() == Some(id) {
            return;
        }
        self.history.retain(|take| take.id != *id);
        self.current = playing.and_then(|id| self.position(&id));
        self.heard_before = Some(heard_before.clone());
        self.numbers.follow(&self.history);
    }

    /// Drops the oldest takes beyond [`HISTORY_LENGTH`], except favourites and the two heard last.
    fn trim(&mut self) {
        let is_ordinary = |take: &Take| !self.favourites.contains(&take.id);
        let mut surplus =
            self.history.iter().filter(|take| is_ordinary(take)).count().saturating_sub(HISTORY_LENGTH);
        let playing = self.take().map(|take| take.id.clone());
        let heard = [playing.as_ref(), self.heard_before.as_ref()];
        let favourites = &self.favourites;
        self.history.retain(|take| {
            let goes = surplus > 0 && !favourites.contains(&take.id) && !heard.contains(&Some(&take.id));
            surplus -= usize::from(goes);
            !goes
        });
        self.current = playing.and_then(|id| self.position(&id));
        self.numbers.follow(&self.history);
    }

    /// Plays the take at `index`; `None` makes the track silent.
    pub(super) fn play(&mut self, index: Option<usize>) {
        if index == self.current {
            return;
        }
        if let Some(before) = self.take() {
            self.heard_before = Some(before.id.clone());
        }
        self.current = index;
    }

    /// Plays `take`, and puts it back into the history if it was dropped.
    pub(super) fn recall(&mut self, take: Option<Arc<Take>>) {
        self.current = take.map(|take| {
            self.position(&take.id).unwrap_or_else(|| {
                self.history.insert(0, take);
                0
            })
        });
        self.trim();
    }
}
