//! Performs a take again, at its own or another tempo: the score stays, the audio is made again.

use std::sync::Arc;

use super::{Engine, GenerateError, Observer, TakeRequest, check, failed};
use resonantgen_music::plan::Plan;
use resonantgen_take::{Recipe, StageSeconds, StemAudio, TAKE_SAMPLE_RATE_HZ, Take};

impl Engine {
    /// A rendition of `take` at another tempo: the same notes, played by the same patch. `None` if the take has no notes, or
    /// this bundle lacks its patch.
    ///
    /// A rendition is not a take: it plays in the take's place and is never stored. Its recipe is the take's with the other
    /// tempo. `context` holds the takes that this one heard, as far as they are known, because it made room for them.
    ///
    /// # Errors
    /// Returns the same errors as [`Engine::generate_take`].
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
        let _in_use = self.cache.hold();
        let record = self.bundle.manifest().track(track);
        let mut timings = StageSeconds::default();
        let (_, audio) = self
            .render(&request, record, patch, &take.score, &mut timings, observer)
            .map_err(|source| failed(track, source))?;
        let audio = if bpm == take.recipe.plan.bpm { self.spliced(&request, patch, audio) } else { audio };
        let id = recipe.take_id();
        Ok(Some(Take { id, recipe, audio: audio.into(), ..take.clone() }))
    }

    /// Restores the audio of a sleeping take, bit for bit on the same kind of machine with the same models. `None` if this
    /// bundle lacks its patch, or the take was imported. `context` as in [`perform_again`](Self::perform_again).
    ///
    /// # Errors
    /// Returns the same errors as [`Engine::generate_take`].
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
