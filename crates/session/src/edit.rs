//! Changes without generating: locks, the playing take, favourites, chords. Each succeeds as a whole or changes nothing.

use super::{MOST_FAVOURITES, Session, SessionError};
use resonantgen_music::plan::{Chord, Plan};
use resonantgen_music::track::Track;

impl Session {
    /// Locks or unlocks a track.
    ///
    /// # Errors
    /// [`SessionError::NothingToLock`] if the track has no take.
    pub fn set_lock(&mut self, track: Track, locked: bool) -> Result<(), SessionError> {
        let state = self.track(track);
        if locked && state.take().is_none() {
            return Err(SessionError::NothingToLock(track));
        }
        if state.locked != locked {
            self.remember();
            self.lock(track, locked);
        }
        Ok(())
    }

    /// Locks or unlocks a track as part of an action.
    pub(super) fn lock(&mut self, track: Track, locked: bool) {
        self.track_mut(track).locked = locked;
        self.steps.locked[track.index()] = locked;
    }

    /// Plays the take at `index` of a track's history.
    ///
    /// # Errors
    /// [`SessionError::Locked`] if the track is locked; [`SessionError::NoSuchTake`] if there is no take at `index`;
    /// [`SessionError::OtherGrid`] if its tempo, meter or length differ from those of the other tracks.
    pub fn select_take(&mut self, track: Track, index: usize) -> Result<(), SessionError> {
        let state = self.track(track);
        if state.current == Some(index) {
            return Ok(());
        }
        if state.locked {
            return Err(SessionError::Locked(track));
        }
        let missing = SessionError::NoSuchTake { track, index, count: state.history.len() };
        let plan = &state.history.get(index).ok_or(missing)?.recipe.plan;
        if let Some(played) = self.grid_beside(track)
            && !is_same_grid(played, plan)
        {
            return Err(SessionError::OtherGrid { track, take: grid(plan), others: grid(played) });
        }
        let plan = plan.clone();
        let is_alone = self.grid_beside(track).is_none();
        self.remember();
        if is_alone {
            self.plan = Some(plan);
        }
        self.track_mut(track).play(Some(index));
        Ok(())
    }

    /// Plays the next newer (`by` above 0) or older (below 0) take that fits the other tracks.
    ///
    /// # Errors
    /// [`SessionError::Locked`] if the track is locked; [`SessionError::NoOlderTake`] or [`SessionError::NoNewerTake`] if there is
    /// no such take.
    pub fn step_take(&mut self, track: Track, by: i32) -> Result<(), SessionError> {
        if self.track(track).locked {
            return Err(SessionError::Locked(track));
        }
        let end = if by < 0 { SessionError::NoOlderTake(track) } else { SessionError::NoNewerTake(track) };
        let index = self.stepped(track, by).ok_or(end)?;
        self.select_take(track, index)
    }

    /// Index of the take that [`Session::step_take`] would play.
    #[must_use]
    pub fn stepped(&self, track: Track, by: i32) -> Option<usize> {
        let state = self.track(track);
        let played = self.grid_beside(track);
        let fits = |index: &usize| {
            played.is_none_or(|played| is_same_grid(played, &state.history[*index].recipe.plan))
        };
        // A silent track counts as being after its newest take.
        let here = state.current.unwrap_or(state.history.len());
        let distance = (by.unsigned_abs() as usize).checked_sub(1)?;
        if by < 0 {
            (0..here).rev().filter(fits).nth(distance)
        } else {
            (here + 1..state.history.len()).filter(fits).nth(distance)
        }
    }

    /// Plays the take that was heard before the current one; calling it again goes back (A/B).
    ///
    /// # Errors
    /// [`SessionError::Locked`] if the track is locked; [`SessionError::NothingToCompare`] if no other take was heard;
    /// [`SessionError::OtherGrid`] as for [`Session::select_take`].
    pub fn compare(&mut self, track: Track) -> Result<(), SessionError> {
        let state = self.track(track);
        if state.locked {
            return Err(SessionError::Locked(track));
        }
        let other = state.heard_before.as_ref().and_then(|id| state.position(id));
        match other {
            Some(index) if state.current != Some(index) => self.select_take(track, index),
            _ => Err(SessionError::NothingToCompare(track)),
        }
    }

    /// Sets or removes the favourite mark of the take at `index` of a track's history. Favourites are never dropped from the
    /// history. Works on locked tracks, and cannot be undone, because playback does not change.
    ///
    /// # Errors
    /// [`SessionError::NoSuchTake`] if there is no take at `index`; [`SessionError::TooManyFavourites`] if the track already has
    /// [`MOST_FAVOURITES`].
    pub fn set_favourite(&mut self, track: Track, index: usize, favourite: bool) -> Result<(), SessionError> {
        let state = self.track_mut(track);
        let missing = SessionError::NoSuchTake { track, index, count: state.history.len() };
        let id = state.history.get(index).ok_or(missing)?.id.clone();
        if favourite && !state.favourites.contains(&id) && state.favourites.len() >= MOST_FAVOURITES {
            return Err(SessionError::TooManyFavourites { track, most: MOST_FAVOURITES });
        }
        if favourite {
            state.favourites.insert(id);
        } else {
            state.favourites.remove(&id);
        }
        Ok(())
    }

    /// The seed for the next take of a track, or with `None` of the whole piece. For a track it is the one after that of the playing
    /// take, or the piece's own if the track is silent; seeds of takes in its history are skipped, so that the result is always a
    /// new take.
    #[must_use]
    pub fn next_seed(&self, track: Option<Track>) -> u64 {
        let Some(track) = track else { return self.seed.wrapping_add(1) };
        let state = self.track(track);
        let mut seed = state.take().map_or(self.seed, |take| take.recipe.seed.wrapping_add(1));
        while state.history.iter().any(|take| take.recipe.seed == seed) {
            seed = seed.wrapping_add(1);
        }
        seed
    }

    /// Changes one chord of the plan for future generations.
    ///
    /// # Errors
    /// [`SessionError::Empty`] if there is no plan; [`SessionError::NoSuchHalfBar`] if it is shorter; [`SessionError::ChordInUse`]
    /// if a locked track other than drums plays the chord.
    pub fn set_chord(&mut self, half_bar: usize, chord: Chord) -> Result<(), SessionError> {
        let plan = self.plan.as_ref().ok_or(SessionError::Empty)?;
        let count = plan.chords.len();
        let old = *plan.chords.get(half_bar).ok_or(SessionError::NoSuchHalfBar { half_bar, count })?;
        if old == chord {
            return Ok(());
        }
        let depends = |track: &Track| {
            *track != Track::Drums && self.track(*track).locked && self.track(*track).take().is_some()
        };
        if let Some(track) = Track::ALL.into_iter().find(depends) {
            return Err(SessionError::ChordInUse(track));
        }
        self.remember();
        if let Some(plan) = &mut self.plan {
            plan.chords[half_bar] = chord;
        }
        Ok(())
    }

    /// The plan of a playing take of another track; they all share tempo, meter and length.
    pub(super) fn grid_beside(&self, track: Track) -> Option<&Plan> {
        let others = Track::ALL.into_iter().filter(|other| *other != track);
        others.filter_map(|other| self.track(other).take()).map(|take| &take.recipe.plan).next()
    }
}

/// Whether two plans have the same tempo, meter and length, so that their loops stay together.
pub(super) fn is_same_grid(a: &Plan, b: &Plan) -> bool {
    a.bpm == b.bpm && a.meter == b.meter && a.bars == b.bars
}

/// Tempo, meter and length in words.
pub(super) fn grid(plan: &Plan) -> String {
    format!("{} bars of {} at {} bpm", plan.bars, plan.meter, plan.bpm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{apply, generated, ids, regenerate, request};
    use crate::{HISTORY_LENGTH, Overrides};

    fn bass(session: &Session) -> Option<usize> {
        session.track(Track::Bass).current
    }

    #[test]
    fn takes_are_stepped_through_selected_and_compared() {
        let mut session = generated("techno", 1);
        for seed in 2..5 {
            regenerate(&mut session, Track::Bass, seed).expect("a take");
        }
        assert_eq!(bass(&session), Some(3));
        assert!(matches!(session.step_take(Track::Bass, 1), Err(SessionError::NoNewerTake(Track::Bass))));
        session.step_take(Track::Bass, -1).expect("older");
        session.step_take(Track::Bass, -1).expect("older");
        assert_eq!(bass(&session), Some(1));
        session.compare(Track::Bass).expect("the one heard before");
        assert_eq!(bass(&session), Some(2));
        session.compare(Track::Bass).expect("and back");
        assert_eq!(bass(&session), Some(1));
        session.select_take(Track::Bass, 0).expect("the oldest");
        assert!(matches!(session.step_take(Track::Bass, -1), Err(SessionError::NoOlderTake(Track::Bass))));
        let error = session.select_take(Track::Bass, 4).expect_err("there are four");
        assert_eq!(error.to_string(), "bass has no take 5: it has 4, counted from 1");
        assert!(matches!(session.compare(Track::Drums), Err(SessionError::NothingToCompare(Track::Drums))));
    }

    #[test]
    fn a_locked_take_is_neither_stepped_nor_compared_nor_selected() {
        let mut session = generated("techno", 1);
        regenerate(&mut session, Track::Bass, 2).expect("a take");
        session.set_lock(Track::Bass, true).expect("there is a take");
        let before = ids(&session);
        for refused in [
            session.step_take(Track::Bass, -1),
            session.select_take(Track::Bass, 0),
            session.compare(Track::Bass),
            regenerate(&mut session, Track::Bass, 9),
        ] {
            assert!(matches!(refused, Err(SessionError::Locked(Track::Bass))));
        }
        session.set_favourite(Track::Bass, 0, true).expect("a mark changes nothing that sounds");
        session.select_take(Track::Bass, 1).expect("it plays already");
        assert_eq!(ids(&session), before);
        let mut empty = Session::default();
        assert!(matches!(empty.set_lock(Track::Bass, true), Err(SessionError::NothingToLock(Track::Bass))));
    }

    #[test]
    fn favourites_and_the_last_two_heard_outlive_the_others() {
        let mut session = generated("techno", 1);
        session.set_favourite(Track::Bass, 0, true).expect("a take");
        let favourite = session.track(Track::Bass).history[0].id.clone();
        for seed in 2..40 {
            regenerate(&mut session, Track::Bass, seed).expect("a take");
        }
        let state = session.track(Track::Bass);
        assert_eq!((state.history.len(), state.history[0].id.clone()), (HISTORY_LENGTH + 1, favourite));
        assert!(state.is_favourite(0) && !state.is_favourite(1));
        // The second take is the oldest that is not a favourite. Once heard, it is kept for A/B.
        session.select_take(Track::Bass, 1).expect("a take");
        regenerate(&mut session, Track::Bass, 77).expect("a take");
        session.compare(Track::Bass).expect("it is still there");
    }

    #[test]
    fn histories_stay_bounded_whatever_is_undone_or_loved() {
        let mut session = generated("techno", 1);
        for seed in 2..40 {
            regenerate(&mut session, Track::Bass, seed).expect("a take");
        }
        let newest = session.track(Track::Bass).take().expect("a take").id.clone();
        while session.undo().is_ok() {
            let state = session.track(Track::Bass);
            assert!(state.history.len() <= HISTORY_LENGTH, "{}", state.history.len());
            assert!(state.take().is_some() && state.position(&newest).is_some(), "what was undone stays");
        }
        while session.redo().is_ok() {
            assert!(session.track(Track::Bass).history.len() <= HISTORY_LENGTH);
        }
        assert_eq!(session.track(Track::Bass).take().map(|take| &take.id), Some(&newest));
        let mut refused = 0;
        for seed in 100..130 {
            let newest = session.track(Track::Bass).history.len() - 1;
            match session.set_favourite(Track::Bass, newest, true) {
                Ok(()) => {}
                Err(SessionError::TooManyFavourites { .. }) => refused += 1,
                Err(error) => panic!("{error}"),
            }
            regenerate(&mut session, Track::Bass, seed).expect("a take");
        }
        let state = session.track(Track::Bass);
        assert_eq!((state.favourites.len(), refused), (MOST_FAVOURITES, 30 - MOST_FAVOURITES));
        assert_eq!(state.history.len(), HISTORY_LENGTH + MOST_FAVOURITES);
        assert!(state.history.iter().all(|take| state.number(&take.id).is_some()), "each can be chosen");
    }

    #[test]
    fn a_take_keeps_its_number_and_free_ones_wait_for_their_turn() {
        let mut session = generated("techno", 1);
        let numbers = |session: &Session| {
            let state = session.track(Track::Bass);
            state.history.iter().map(|take| state.number(&take.id)).collect::<Vec<_>>()
        };
        for seed in 2..=16 {
            regenerate(&mut session, Track::Bass, seed).expect("a take");
        }
        assert_eq!(numbers(&session), (1..=16).map(Some).collect::<Vec<_>>());
        let third = session.track(Track::Bass).history[2].id.clone();
        for seed in 17..=18 {
            regenerate(&mut session, Track::Bass, seed).expect("a take");
        }
        assert_eq!(numbers(&session), (3..=18).map(Some).collect::<Vec<_>>());
        assert_eq!(
            (session.track(Track::Bass).numbered(3), session.track(Track::Bass).numbered(1)),
            (Some(0), None)
        );
        // Added again, it is the newest and has its old number.
        let again = session.track(Track::Bass).history[0].clone();
        session.track_mut(Track::Bass).add(again);
        assert_eq!(numbers(&session).last(), Some(&Some(3)));
        assert_eq!(session.track(Track::Bass).number(&third), Some(3));
        // After the last number, numbering starts over.
        for seed in 19..=34 {
            regenerate(&mut session, Track::Bass, seed).expect("a take");
        }
        assert_eq!(numbers(&session).last(), Some(&Some(2)));
        assert_eq!(session.track(Track::Bass).numbered(17), None, "seventeen takes later it is forgotten");
    }

    #[test]
    fn takes_of_another_grid_are_left_out_until_the_track_is_alone() {
        let mut session = generated("techno", 1);
        let facts = Overrides { bars: Some(2), bpm: Some(200.0), ..Overrides::default() };
        apply(&mut session, &request("techno", 2).facts(facts)).expect("a piece");
        assert!(matches!(session.step_take(Track::Bass, -1), Err(SessionError::NoOlderTake(Track::Bass))));
        let error = session.select_take(Track::Bass, 0).expect_err("another grid").to_string();
        assert!(error.contains("1 bars of 4/4 at 240 bpm") && error.contains("200 bpm"), "{error}");
        assert!(matches!(session.compare(Track::Bass), Err(SessionError::OtherGrid { .. })));
        for track in [Track::Drums, Track::Harmony, Track::Melody] {
            session.track_mut(track).current = None;
        }
        session.step_take(Track::Bass, -1).expect("nothing speaks against it");
        assert_eq!(session.plan.as_ref().map(|plan| plan.bpm), Some(240.0));
    }

    #[test]
    fn the_next_seed_is_new_and_a_silent_track_starts_with_the_pieces() {
        let mut session = generated("techno", 5);
        assert_eq!((session.next_seed(None), session.next_seed(Some(Track::Bass))), (6, 6));
        for expected in 6..9 {
            let seed = session.next_seed(Some(Track::Bass));
            assert_eq!(seed, expected);
            regenerate(&mut session, Track::Bass, seed).expect("a take");
            session.select_take(Track::Bass, 0).expect("the first again");
        }
        session.track_mut(Track::Melody).current = None;
        session.track_mut(Track::Melody).history.clear();
        assert_eq!(session.next_seed(Some(Track::Melody)), 5);
    }

    #[test]
    fn a_chord_changes_for_what_is_free() {
        let mut session = generated("techno", 1);
        let chord: Chord = "F#m7".parse().expect("a chord");
        session.set_chord(1, chord).expect("nothing is locked");
        assert_eq!(session.plan.as_ref().map(|plan| plan.chords[1]), Some(chord));
        regenerate(&mut session, Track::Bass, 2).expect("a take");
        assert_eq!(session.track(Track::Bass).take().expect("a take").recipe.plan.chords[1], chord);
        session.set_lock(Track::Drums, true).expect("a take");
        session.set_chord(0, chord).expect("drums play no chords");
        session.set_lock(Track::Harmony, true).expect("a take");
        let other: Chord = "C".parse().expect("a chord");
        let refused = session.set_chord(0, other).expect_err("harmony plays it");
        assert!(refused.to_string().contains("harmony is locked"), "{refused}");
        assert!(matches!(session.set_chord(2, chord), Err(SessionError::NoSuchHalfBar { count: 2, .. })));
        assert!(matches!(Session::default().set_chord(0, chord), Err(SessionError::Empty)));
    }
}
