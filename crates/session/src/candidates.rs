//! Candidates: the scores that were written for a take and not performed. They can be heard, and one of them taken instead.
//!
//! A session keeps those of its last takes in memory; a stored session keeps none. Each is determined by its recipe: the same
//! request gives the same candidates.

use std::sync::Arc;

use super::{Session, SessionError};
use resonantgen_music::track::Track;
use resonantgen_take::Take;
use resonantgen_take::maker::{Candidate, Maker, Observer};

impl Session {
    /// What the take that plays on a track was chosen from, the best first, itself among them. Empty where there was no choice, or
    /// another take plays.
    #[must_use]
    pub fn candidates(&self, track: Track) -> &[Candidate] {
        let candidates = &self.candidates[track.index()];
        let playing = self.track(track).take();
        let is_of = |take: &Arc<Take>| candidates.iter().any(|candidate| candidate.sketch.id == take.id);
        if playing.is_some_and(is_of) { candidates } else { &[] }
    }

    /// Whether a take can be heard in place of the one that plays on its track: it was a candidate for that one, or has its notes with
    /// another sound.
    #[must_use]
    pub fn is_choice(&self, take: &Take) -> bool {
        let track = take.recipe.track;
        let has_same_notes = |playing: &Arc<Take>| {
            playing.score == take.score
                && playing.recipe.plan == take.recipe.plan
                && playing.recipe.intent == take.recipe.intent
        };
        self.candidates(track).iter().any(|candidate| candidate.sketch.id == take.id)
            || self.track(track).take().is_some_and(has_same_notes)
    }

    /// The take of a candidate, to be heard before it is chosen. Nothing is composed: it is ready in the time in which notes are
    /// performed.
    ///
    /// # Errors
    /// [`SessionError::NoSuchCandidate`]; else when it cannot be performed or the observer cancels. A lock does not matter.
    pub fn with_candidate(
        &self,
        maker: &dyn Maker,
        track: Track,
        number: u32,
        observer: &dyn Observer,
    ) -> Result<Arc<Take>, SessionError> {
        let found = self.candidates(track).iter().find(|candidate| candidate.number == number);
        let candidate = found.ok_or(SessionError::NoSuchCandidate { track, number })?;
        let history = &self.track(track).history;
        let known = history.iter().find(|take| take.id == candidate.sketch.id && !take.is_asleep());
        if let Some(known) = known {
            return Ok(known.clone());
        }
        let context = self.heard_by(&candidate.sketch);
        Ok(Arc::new(maker.finish(candidate, &context, observer)?))
    }

    /// Plays a candidate instead of the take that was chosen, which stays in the history. Can be undone.
    ///
    /// # Errors
    /// [`SessionError::Locked`]; else as [`Session::with_candidate`]. The session is then unchanged.
    pub fn take_candidate(
        &mut self,
        maker: &dyn Maker,
        track: Track,
        number: u32,
        observer: &dyn Observer,
    ) -> Result<(), SessionError> {
        if self.track(track).locked {
            return Err(SessionError::Locked(track));
        }
        let take = self.with_candidate(maker, track, number, observer)?;
        self.remember();
        self.track_mut(track).add(take);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Fake, ids, request};
    use resonantgen_take::maker::Silent;

    #[test]
    fn only_the_best_is_performed_and_the_others_can_be_heard_and_taken() {
        let mut session = Session::default();
        let maker = Fake::default();
        session.apply(&maker, &request("techno", 1).candidates(4), &Silent).expect("takes");
        assert_eq!((maker.made(), maker.performed()), (4, 0), "one take for each track");
        let numbers: Vec<u32> =
            session.candidates(Track::Bass).iter().map(|candidate| candidate.number).collect();
        assert_eq!(numbers, [4, 3, 2, 1], "the best first");
        let before = ids(&session);
        let playing = session.track(Track::Bass).take().expect("a take").clone();
        assert_eq!(playing.recipe.seed, Candidate::seed(1, 4));
        let heard = session.with_candidate(&maker, Track::Bass, 2, &Silent).expect("a take");
        assert_eq!((heard.recipe.seed, ids(&session)), (Candidate::seed(1, 2), before.clone()));
        assert_eq!(heard.recipe.context, playing.recipe.context, "it hears what the other heard");
        session.take_candidate(&maker, Track::Bass, 2, &Silent).expect("a take");
        assert_eq!(session.track(Track::Bass).take(), Some(&heard));
        assert_eq!(session.candidates(Track::Bass).len(), 4, "another can still be taken");
        let made = maker.made();
        session.take_candidate(&maker, Track::Bass, 4, &Silent).expect("the first choice");
        assert_eq!((maker.made(), ids(&session)), (made, before.clone()), "it is there already");
        session.undo().expect("an action");
        session.undo().expect("an action");
        assert_eq!(ids(&session), before);
    }

    #[test]
    fn candidates_belong_to_the_take_that_plays() {
        let mut session = Session::default();
        let maker = Fake::default();
        session.apply(&maker, &request("techno", 1).candidates(3), &Silent).expect("takes");
        session.apply(&maker, &crate::Request::edit(Track::Bass, "darker").seed(9), &Silent).expect("a take");
        assert!(session.candidates(Track::Bass).is_empty() && session.candidates(Track::Drums).len() == 3);
        let refused = session.take_candidate(&maker, Track::Bass, 2, &Silent);
        assert!(matches!(refused, Err(SessionError::NoSuchCandidate { track: Track::Bass, number: 2 })));
        session.set_lock(Track::Drums, true).expect("a take");
        let refused = session.take_candidate(&maker, Track::Drums, 1, &Silent);
        assert!(matches!(refused, Err(SessionError::Locked(Track::Drums))));
        session.with_candidate(&maker, Track::Drums, 1, &Silent).expect("it can be heard");
        for candidates in [0, 33] {
            let refused = session.apply(&maker, &request("techno", 1).candidates(candidates), &Silent);
            assert!(matches!(refused, Err(SessionError::Candidates(_))));
        }
    }

    #[test]
    fn a_request_with_a_choice_is_another_question() {
        let session = Session::default();
        let one = session.question(&request("techno", 1));
        assert_eq!(session.question(&request("techno", 1).candidates(1)), one);
        assert_ne!(session.question(&request("techno", 1).candidates(8)), one);
    }
}
