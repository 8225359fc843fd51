//! Performs existing notes again: at their own or another tempo, over other chords, or with another patch.

use std::sync::Arc;

use super::{Engine, GenerateError, Observer, TakeRequest, check, failed, offer};
use resonantgen_music::plan::Plan;
use resonantgen_sound::measure::Measures;
use resonantgen_take::maker::PerformanceRequest;
use resonantgen_take::{Recipe, StageSeconds, StemAudio, TAKE_SAMPLE_RATE_HZ, Take, TakenOver, Tokens};

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
            patch: None,
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

    /// A new take of existing notes, played by the named patch. The same request gives the same take, bit for bit.
    ///
    /// # Errors
    /// Returns [`GenerateError::Request`] if the bundle lacks the patch, and otherwise the errors of [`Engine::generate_take`].
    pub fn perform(
        &self,
        request: &PerformanceRequest<'_>,
        observer: &dyn Observer,
    ) -> Result<Take, GenerateError> {
        let PerformanceRequest { of, plan, score, dials, patch, context } = *request;
        let track = of.recipe.track;
        let found = self.bundle.patches(track).find(|known| known.id == patch);
        let found = found.ok_or_else(|| GenerateError::Request {
            track,
            reason: format!("the models have no sound \"{patch}\" for it"),
        })?;
        let recipe = Recipe {
            plan: plan.clone(),
            bundle_id: self.bundle.id().to_owned(),
            context: context.iter().map(|take| take.id.clone()).collect(),
            imported: None,
            held_patch: None,
            taken_over: Some(TakenOver { from: of.id.clone(), patch: patch.to_owned(), dials }),
            ..of.recipe.clone()
        };
        let asked = TakeRequest {
            track,
            prompt: &recipe.prompt,
            intent: &recipe.intent,
            plan,
            seed: recipe.seed,
            settings: recipe.settings,
            context,
            patch: None,
        };
        check(&asked).map_err(|reason| GenerateError::Request { track, reason })?;
        let id = recipe.take_id();
        if let Some(known) = observer.known(&id) {
            observer.made(&known);
            return Ok(known);
        }
        let _in_use = self.cache.hold();
        let record = self.bundle.manifest().track(track);
        let mut timings = StageSeconds::default();
        let (tokens, audio) = if score.notes.is_empty() {
            let silence = vec![0; plan.audio_frames(TAKE_SAMPLE_RATE_HZ)];
            (Tokens::default(), StemAudio { left: silence.clone(), right: silence })
        } else {
            self.render(&asked, record, found, score, &mut timings, observer)
                .map_err(|source| failed(track, source))?
        };
        let measures = Measures::new(track, plan, &score.notes, &audio);
        let take = Take {
            id,
            recipe,
            patch: patch.to_owned(),
            score: score.clone(),
            tokens,
            audio: audio.into(),
            timings,
            measures: Some(measures),
        };
        offer(&take, observer);
        observer.made(&take);
        Ok(take)
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
        // It is the same take, by whatever rule its id was made.
        Ok(again.map(|again| Take { id: take.id.clone(), ..again }))
    }
}
