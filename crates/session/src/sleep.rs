//! Sleeping takes: a project stores all takes of the histories, but the audio of only some.

use std::sync::Arc;

use super::{Session, TrackState};
use resonantgen_music::track::Track;
use resonantgen_take::Take;

impl Session {
    /// Takes that play in any section and are asleep, with their tracks, each once.
    #[must_use]
    pub fn playing_asleep(&self) -> Vec<(Track, Arc<Take>)> {
        self.each_asleep(|state| state.take().into_iter().collect())
    }

    /// Takes of the histories that are asleep, with their tracks, each once.
    #[must_use]
    pub fn asleep(&self) -> Vec<(Track, Arc<Take>)> {
        self.each_asleep(|state| state.history.iter().collect())
    }

    fn each_asleep(&self, of: impl Fn(&TrackState) -> Vec<&Arc<Take>>) -> Vec<(Track, Arc<Take>)> {
        let mut found: Vec<(Track, Arc<Take>)> = Vec::new();
        for track in Track::ALL {
            for take in self.states(track).flat_map(&of).filter(|take| take.is_asleep()) {
                if found.iter().all(|(_, known)| known.id != take.id) {
                    found.push((track, take.clone()));
                }
            }
        }
        found
    }

    /// Replaces a sleeping take in every section with its awake form, unpacked from the project or made again by the generator.
    /// Does nothing if there is no such take.
    pub fn wake(&mut self, awake: &Arc<Take>) {
        for state in self.states_mut(awake.recipe.track) {
            for take in state.history.iter_mut().filter(|take| take.is_asleep() && take.id == awake.id) {
                *take = awake.clone();
            }
        }
    }

    /// The takes in a take's context, as far as the histories have them.
    #[must_use]
    pub fn heard_by(&self, take: &Take) -> Vec<Arc<Take>> {
        let mut found: Vec<Arc<Take>> = Vec::new();
        for other in
            Track::ALL.into_iter().flat_map(|track| self.states(track)).flat_map(|state| &state.history)
        {
            if take.recipe.context.contains(&other.id) && found.iter().all(|known| known.id != other.id) {
                found.push(other.clone());
            }
        }
        found
    }

    /// Whether a take could be made again: the histories have its context.
    #[must_use]
    pub fn can_be_made_again(&self, take: &Take) -> bool {
        take.recipe.imported.is_none() && self.heard_by(take).len() == take.recipe.context.len()
    }
}
