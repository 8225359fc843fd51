//! Adopting the result of another engine, such as a server's, that worked on a copy of the session.

use super::{Session, SessionError};
use resonantgen_music::track::Track;

impl Session {
    /// Adopts prompt, intent, plan, seed, bundle and playing takes from `made`, which started as a copy of this session. The
    /// histories stay. Can be undone.
    ///
    /// # Errors
    /// [`SessionError::Locked`] when another take would play on a locked track; the session is then unchanged.
    pub fn adopt(&mut self, made: &Self) -> Result<(), SessionError> {
        if self.is_song() || made.is_song() {
            return self.adopt_song(made);
        }
        let id = |session: &Self, track| session.track(track).take().map(|take| take.id.clone());
        let changed: Vec<Track> =
            Track::ALL.into_iter().filter(|track| id(self, *track) != id(made, *track)).collect();
        if let Some(track) = changed.iter().find(|track| self.track(**track).locked) {
            return Err(SessionError::Locked(*track));
        }
        self.remember();
        for track in changed {
            let state = self.track_mut(track);
            match made.track(track).take() {
                Some(take) => state.add(take.clone()),
                None => state.play(None),
            }
        }
        self.prompt.clone_from(&made.prompt);
        self.intent.clone_from(&made.intent);
        self.plan.clone_from(&made.plan);
        self.seed = made.seed;
        self.bundle.clone_from(&made.bundle);
        Ok(())
    }
}

impl Session {
    fn adopt_song(&mut self, made: &Self) -> Result<(), SessionError> {
        for section in self.sections() {
            let now = made.section(section.id);
            for track in Track::ALL.into_iter().filter(|track| section.tracks[track.index()].locked) {
                let take = now.and_then(|now| now.take(track));
                if take.map(|take| &take.id) != section.take(track).map(|take| &take.id) {
                    return Err(SessionError::LockedInSection { track, section: section.name.to_owned() });
                }
            }
        }
        self.remember();
        let song = made.whole_song();
        self.open_as_in(&song);
        self.restore_song(&song);
        let content = made.content();
        for (state, made) in self.tracks.iter_mut().zip(&content.tracks) {
            match made.take() {
                Some(take) if state.take().map(|take| &take.id) != Some(&take.id) => state.add(take.clone()),
                Some(_) => {}
                None => state.play(None),
            }
        }
        self.prompt = content.prompt;
        self.intent = content.intent;
        self.plan = content.plan;
        self.seed = content.seed;
        self.bundle = content.bundle;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{generated, ids, regenerate};

    #[test]
    fn what_was_made_elsewhere_plays_and_can_be_undone() {
        let mut session = generated("techno", 1);
        let before = ids(&session);
        let mut elsewhere = session.clone();
        regenerate(&mut elsewhere, Track::Bass, 2).expect("a take");
        session.adopt(&elsewhere).expect("nothing is locked");
        assert_eq!(ids(&session), ids(&elsewhere));
        assert_eq!(session.track(Track::Bass).history.len(), 2);
        session.undo().expect("an action");
        assert_eq!(ids(&session), before);
    }

    #[test]
    fn a_locked_track_stays() {
        let mut session = generated("techno", 1);
        let before = ids(&session);
        let other = generated("jazz", 2);
        session.set_lock(Track::Melody, true).expect("a take");
        assert!(matches!(session.adopt(&other), Err(SessionError::Locked(Track::Melody))));
        assert_eq!(ids(&session), before);
    }
}
