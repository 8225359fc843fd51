//! Performing a take again, at its own or another tempo: its score stays, its sound is made anew.

use std::sync::Arc;

use super::{Engine, GenerateError, Observer, TakeRequest, check, failed};
use crate::plan::Plan;
use crate::take::{Recipe, StageSeconds, StemAudio, TAKE_SAMPLE_RATE_HZ, Take};

impl Engine {
    /// A rendition of `take` at another tempo: the same notes, played by the same patch. `None` when the take has no
    /// notes, or this bundle lacks its patch: then there is nothing to perform again.
    ///
    /// A rendition is no take of its own: it is heard in the take's place and never kept. Its recipe is the take's with
    /// the other tempo. `context` holds the takes that this one heard, as far as they are known: it made room for them.
    ///
    /// # Errors
    /// As [`Engine::generate_take`].
    pub fn perform_again(
        &self,
        take: &Take,
        bpm: f64,
        context: &[Arc<Take>],
        observer: &dyn Observer,
    ) -> Result<Option<Take>, GenerateError> {
        let track = take.recipe.track;
        let patch = self.bundle.patches(track).find(|patch| patch.id == take.patch);
        let Some(patch) = patch.filter(|_| !take.score.notes.is_empty()) else { return Ok(None) };
        let recipe = Recipe { plan: Plan { bpm, ..take.recipe.plan.clone() }, ..take.recipe.clone() };
        let request = TakeRequest {
            track,
            prompt: &recipe.prompt,
            intent: &recipe.intent,
            plan: &recipe.plan,
            seed: recipe.seed,
            settings: recipe.settings,
            context,
        };
        check(&request).map_err(|reason| GenerateError::Request { track, reason })?;
        let _in_use = self.shelf.hold();
        let record = self.bundle.manifest().track(track);
        let mut timings = StageSeconds::default();
        let (_, audio) = self
            .render(&request, record, patch, &take.score, &mut timings, observer)
            .map_err(|source| failed(track, source))?;
        let id = recipe.take_id();
        Ok(Some(Take { id, recipe, audio: audio.into(), ..take.clone() }))
    }

    /// A take that is asleep with its sound made again: to the bit as it was, on the same kind of machine with the same
    /// models. `None` when this bundle lacks its patch, or it was imported. `context` as in
    /// [`perform_again`](Self::perform_again).
    ///
    /// # Errors
    /// As [`Engine::generate_take`].
    pub fn make_again(
        &self,
        take: &Take,
        context: &[Arc<Take>],
        observer: &dyn Observer,
    ) -> Result<Option<Take>, GenerateError> {
        if take.recipe.imported.is_some() {
            return Ok(None);
        }
        if take.score.notes.is_empty() {
            let silence = vec![0; take.recipe.plan.audio_frames(TAKE_SAMPLE_RATE_HZ)];
            let audio = StemAudio { left: silence.clone(), right: silence };
            return Ok(Some(Take { audio: audio.into(), ..take.clone() }));
        }
        let again = self.perform_again(take, take.recipe.plan.bpm, context, observer)?;
        // It is the same take, whatever rule its id was made by.
        Ok(again.map(|again| Take { id: take.id.clone(), ..again }))
    }
}
