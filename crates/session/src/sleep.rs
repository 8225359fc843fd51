//! Sleeping takes: a project stores all takes of the histories, but the audio of only some.

use std::sync::Arc;

use super::Session;
use resonantgen_music::track::Track;
use resonantgen_take::Take;

impl Session {
    /// Playing takes that are asleep, with their tracks.
    #[must_use]
    pub fn playing_asleep(&self) -> Vec<(Track, Arc<Take>)> {
        let playing = |track: Track| Some((track, self.track(track).take()?.clone()));
        Track::ALL.into_iter().filter_map(playing).filter(|(_, take)| take.is_asleep()).collect()
    }

    /// Takes of the histories that are asleep, with their tracks.
    #[must_use]
    pub fn asleep(&self) -> Vec<(Track, Arc<Take>)> {
        let of = |track| self.track(track).history.iter().map(move |take| (track, take.clone()));
        Track::ALL.into_iter().flat_map(of).filter(|(_, take)| take.is_asleep()).collect()
    }

    /// Replaces a sleeping take with its awake form, unpacked from the project or made again. Does nothing if there is no such
    /// take.
    pub fn wake(&mut self, awake: &Arc<Take>) {
        for state in &mut self.tracks {
            for take in state.history.iter_mut().filter(|take| take.is_asleep() && take.id == awake.id) {
                *take = awake.clone();
            }
        }
    }

    /// The takes in a take's context, as far as the histories have them.
    #[must_use]
    pub fn heard_by(&self, take: &Take) -> Vec<Arc<Take>> {
        let all = self.tracks.iter().flat_map(|state| &state.history);
        all.filter(|other| take.recipe.context.contains(&other.id)).cloned().collect()
    }

    /// Whether a take could be made again: the histories have its context.
    #[must_use]
    pub fn can_be_made_again(&self, take: &Take) -> bool {
        take.recipe.imported.is_none() && self.heard_by(take).len() == take.recipe.context.len()
    }
}
