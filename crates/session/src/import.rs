//! Adding imported loops.

use std::sync::Arc;

use super::edit::{grid, is_same_grid};
use super::{Session, SessionError};
use resonantgen_import::{ImportOptions, Imported};
use resonantgen_music::track::Track;

impl Session {
    /// Options for [`resonantgen_import::import_loop`]: the plan of the other tracks, or else the tempo to prefer if the octave is
    /// in doubt.
    #[must_use]
    pub fn import_options(&self, track: Track) -> ImportOptions {
        let beside = self.grid_beside(track);
        let own = self.plan.as_ref().filter(|plan| beside.is_none_or(|beside| is_same_grid(plan, beside)));
        let plan = beside.map(|beside| own.unwrap_or(beside).clone());
        let bpm_hint = self.plan.as_ref().map(|plan| plan.bpm).filter(|_| plan.is_none());
        ImportOptions { bpm_hint, plan, ..ImportOptions::new(track) }
    }

    /// Plays an imported loop on its track and locks it, so that later generations fit it. If no other track plays, the session
    /// takes tempo, meter, length, key and chords from the loop. Can be undone.
    ///
    /// # Errors
    /// [`SessionError::Locked`] if the track is locked; [`SessionError::OtherGrid`] if the other tracks have changed since the
    /// loop was fitted to them.
    pub fn add_import(&mut self, imported: Imported) -> Result<(), SessionError> {
        let take = imported.take;
        let track = take.recipe.track;
        if self.track(track).locked {
            return Err(SessionError::Locked(track));
        }
        let beside = self.grid_beside(track);
        let is_alone = beside.is_none();
        if let Some(played) = beside.filter(|played| !is_same_grid(played, &take.recipe.plan)) {
            let (take, others) = (grid(&take.recipe.plan), grid(played));
            return Err(SessionError::OtherGrid { track, take, others });
        }
        self.remember();
        if is_alone {
            self.plan = Some(take.recipe.plan.clone());
        }
        self.track_mut(track).add(Arc::new(take));
        self.lock(track, true);
        Ok(())
    }
}
