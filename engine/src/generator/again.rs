//! Performing a take again at another tempo: its score stays, its sound is made anew.

use std::sync::Arc;

use super::render::{self, Decoding, Material};
use super::{Engine, GenerateError, Observer, Stage, TakeRequest, bias, check, loaded, lock};
use crate::bundle::Patch;
use crate::codec::filter::SpectralFilter;
use crate::plan::Plan;
use crate::runtime::ModelError;
use crate::take::{Recipe, StemAudio, TAKE_SAMPLE_RATE_HZ, Take};

impl Engine {
    /// A rendition of `take` at another tempo: the same notes, played by the same patch. `None` when the take has no
    /// notes, or this bundle lacks its patch: then there is nothing to perform again.
    ///
    /// A rendition is no take of its own: it is heard in the take's place and never kept. Its recipe is the take's with
    /// the other tempo. `followed` is the earlier take of the track that this one was an edit of, if it is known: the
    /// edit's brightness is relative to it.
    ///
    /// # Errors
    /// As [`Engine::generate_take`].
    pub fn perform_again(
        &self,
        take: &Take,
        bpm: f64,
        followed: &[Arc<Take>],
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
            context: followed,
        };
        check(&request).map_err(|reason| GenerateError::Request { track, reason })?;
        let _in_use = self.shelf.hold();
        let audio = self
            .sound_again(&request, take, patch, observer)
            .map_err(|source| GenerateError::from_model(track, source))?;
        let id = recipe.take_id();
        Ok(Some(Take { id, recipe, audio: audio.into(), ..take.clone() }))
    }

    fn sound_again(
        &self,
        request: &TakeRequest<'_>,
        take: &Take,
        patch: &Patch,
        observer: &dyn Observer,
    ) -> Result<StemAudio, ModelError> {
        let track = request.track;
        let is_cancelled = || observer.is_cancelled();
        let record = self.bundle.manifest().track(track);
        let networks = &self.shelf.tracks[track.index()];
        let material = Material::new(request, &take.score, request.plan.audio_frames(TAKE_SAMPLE_RATE_HZ));
        let attributes = &request.intent.track(track).attributes;
        let codes = {
            let mut slot = lock(&networks.perform);
            let network = loaded(&mut slot, || self.load(&record.perform, Stage::Perform))?;
            render::perform(network, &material, patch, attributes, &is_cancelled)?
        };
        let streams = material.streams(request, patch, &is_cancelled)?;
        let mut slot = lock(&networks.decode);
        let network = loaded(&mut slot, || self.load(&record.decode, Stage::Decode))?;
        let decoding = Decoding {
            track,
            material: &material,
            filter: networks.filter.get_or_init(|| SpectralFilter::new(record.transform)),
            streams: &streams,
            codes: &codes,
            codebooks: record.codebooks,
            patch,
            tilt: render::tilt(bias::change(request)),
        };
        decoding.decode(network, self.threads, observer)
    }
}
