//! Drafts: what is written for a take before it sounds, chosen among candidates.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use super::{
    Engine, GenerateError, Observer, Stage, TakeRequest, bias, check, choice, compose, condition, critic,
    failed, recipe, shape, verify,
};
use crate::runtime::ModelError;
use crate::worker;
use resonantgen_music::score::Score;
use resonantgen_take::maker::{Candidate, MOST_CANDIDATES, Made};
use resonantgen_take::{StageSeconds, Take, Tokens};

/// A score with its patch, which waits to be performed.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// The take without its sound; without a patch where the track is to be silent.
    pub(super) sketch: Take,
    /// Scores that were written until one had no faults.
    pub(super) tries: u32,
    /// What is wrong with it; 0 is nothing.
    faults: f32,
    /// What the critic says.
    judged: f32,
}

/// What is there of a take before it sounds.
pub(super) enum Draft {
    /// All of it: the observer knew it.
    Known(Box<Take>),
    /// The best of what was written, and all of that where there was a choice.
    Written(Box<Written>, Vec<Candidate>),
}

impl Draft {
    /// What other tracks hear of it.
    pub(super) fn heard(&self) -> &Take {
        match self {
            Self::Known(take) => take,
            Self::Written(written, _) => &written.sketch,
        }
    }
}

/// An observer of one candidate of several, whose progress is told in candidates.
struct OneOfSeveral<'a>(&'a dyn Observer, &'a AtomicBool);

impl Observer for OneOfSeveral<'_> {
    fn is_cancelled(&self) -> bool {
        self.1.load(Ordering::Relaxed) || self.0.is_cancelled()
    }
}

impl Engine {
    /// Performs a candidate, as [`Maker::finish`](resonantgen_take::maker::Maker::finish) says.
    ///
    /// # Errors
    /// As [`Engine::generate_take`].
    pub fn finish(
        &self,
        candidate: &Candidate,
        context: &[Arc<Take>],
        observer: &dyn Observer,
    ) -> Result<Take, GenerateError> {
        let Candidate { written, judged, sketch, .. } = candidate;
        let written = Written { sketch: (**sketch).clone(), tries: *written, faults: 0.0, judged: *judged };
        let draft = match observer.known(&sketch.id) {
            Some(known) => Draft::Known(known.into()),
            None => Draft::Written(written.into(), Vec::new()),
        };
        let request = sketch.recipe.request(context);
        let made = self.sounded(&request, draft, observer)?;
        let take = Arc::unwrap_or_clone(made.take);
        // It is the same take, even if something that it heard is lost.
        Ok(Take { id: sketch.id.clone(), recipe: sketch.recipe.clone(), ..take })
    }

    /// What is performed for a request: the best of as many candidates as are asked for.
    pub(super) fn draft(
        &self,
        request: &TakeRequest<'_>,
        candidates: u32,
        observer: &dyn Observer,
    ) -> Result<Draft, GenerateError> {
        let track = request.track;
        check(request).map_err(|reason| GenerateError::Request { track, reason })?;
        let patch = choice::choose_patch(&self.bundle, request, None);
        let patch = patch.filter(|_| candidates > 1 && !request.intent.track(track).absent);
        let Some(patch) = patch else {
            return Ok(match observer.known(&recipe(request, self.bundle.id()).take_id()) {
                Some(known) => Draft::Known(known.into()),
                None => {
                    let _in_use = self.cache.hold();
                    let written = self.written(request, observer).map_err(|source| failed(track, source))?;
                    Draft::Written(written.into(), Vec::new())
                }
            });
        };
        let _in_use = self.cache.hold();
        let all = self.choice_of(request, &patch.id, candidates.min(MOST_CANDIDATES), observer);
        let mut all = all.map_err(|source| failed(track, source))?;
        all.sort_by(|(_, one), (_, other)| {
            one.faults.total_cmp(&other.faults).then(other.judged.total_cmp(&one.judged))
        });
        let candidate = |(number, written): &(u32, Written)| Candidate {
            number: *number,
            judged: written.judged,
            written: written.tries,
            sketch: Arc::new(written.sketch.clone()),
        };
        let candidates = all.iter().map(candidate).collect();
        let (_, best) = all.swap_remove(0);
        Ok(Draft::Written(best.into(), candidates))
    }

    /// Candidates by number, all for one patch, written on as many threads as the engine has. The first is what is made without a
    /// choice.
    fn choice_of(
        &self,
        request: &TakeRequest<'_>,
        patch: &str,
        count: u32,
        observer: &dyn Observer,
    ) -> Result<Vec<(u32, Written)>, ModelError> {
        let (next, failed) = (AtomicU32::new(1), AtomicBool::new(false));
        let one = OneOfSeveral(observer, &failed);
        let work = || {
            let mut own = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number > count {
                    return Ok(own);
                }
                let seed = Candidate::seed(request.seed, number);
                let patch = if number == 1 { request.patch } else { Some(patch) };
                match self.written(&TakeRequest { seed, patch, ..*request }, &one) {
                    Ok(written) => own.push((number, written)),
                    Err(error) => {
                        failed.store(true, Ordering::Relaxed);
                        return Err(error);
                    }
                }
                let share = own.len() as f32 * self.threads as f32 / count as f32;
                observer.progress(request.track, Stage::Compose, share.min(1.0));
            }
        };
        observer.progress(request.track, Stage::Compose, 0.0);
        let threads = self.threads.min(count as usize);
        let results: Vec<Result<Vec<(u32, Written)>, ModelError>> = std::thread::scope(|scope| {
            let helpers: Vec<_> = (1..threads).map(|_| worker::spawn(scope, work)).collect();
            let own = work();
            let joined = helpers
                .into_iter()
                .map(|helper| helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            std::iter::once(own).chain(joined).collect()
        });
        let is_cause =
            |error: &ModelError| observer.is_cancelled() || !matches!(error, ModelError::Cancelled);
        let (mut all, mut errors) = (Vec::new(), Vec::new());
        for result in results {
            match result {
                Ok(written) => all.extend(written),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            let cause = errors.iter().position(is_cause).unwrap_or(0);
            return Err(errors.swap_remove(cause));
        }
        // In the order in which one thread would have written them.
        all.sort_by_key(|(number, _)| *number);
        Ok(all)
    }

    /// Gives a draft its sound, and hands it on.
    pub(super) fn sounded(
        &self,
        request: &TakeRequest<'_>,
        draft: Draft,
        observer: &dyn Observer,
    ) -> Result<Made, GenerateError> {
        let track = request.track;
        let (take, candidates) = match draft {
            Draft::Known(known) => (*known, Vec::new()),
            Draft::Written(written, candidates) => {
                let chosen = written.sketch.recipe.clone();
                let held = chosen.held_patch.as_deref();
                let request = TakeRequest { seed: chosen.seed, patch: held, ..*request };
                let known = if candidates.is_empty() { None } else { observer.known(&written.sketch.id) };
                let take = match known {
                    Some(known) => known,
                    None => {
                        let _in_use = self.cache.hold();
                        let performed = self.performed(&request, *written, observer);
                        performed.map_err(|source| failed(track, source))?
                    }
                };
                (take, candidates)
            }
        };
        observer.made(&take);
        Ok(Made { take: Arc::new(take), candidates })
    }

    /// The patch and the score for a request.
    pub(super) fn written(
        &self,
        request: &TakeRequest<'_>,
        observer: &dyn Observer,
    ) -> Result<Written, ModelError> {
        let patch = choice::choose_patch(&self.bundle, request, None)
            .filter(|_| !request.intent.track(request.track).absent);
        let start = Instant::now();
        let (score, tries, faults, judged) = match patch {
            Some(patch) => self.write(request, patch.family, observer)?,
            None => (Score::default(), 0, 0.0, 0.0),
        };
        let recipe = recipe(request, self.bundle.id());
        let sketch = Take {
            id: recipe.take_id(),
            recipe,
            patch: patch.map_or_else(String::new, |patch| patch.id.clone()),
            score,
            tokens: Tokens::default(),
            audio: Arc::default(),
            timings: StageSeconds { compose: start.elapsed().as_secs_f64(), ..Default::default() },
            measures: None,
        };
        Ok(Written { sketch, tries, faults, judged })
    }

    /// Writes scores until enough have no faults, of which the critic chooses; returns the chosen one, otherwise the one with the
    /// least faults, with the number of scores without those that were written to choose from, its faults, and what the critic
    /// says.
    fn write(
        &self,
        request: &TakeRequest<'_>,
        family: condition::Family,
        observer: &dyn Observer,
    ) -> Result<(Score, u32, f32, f32), ModelError> {
        let mut best: Option<(f32, f32, Score)> = None;
        let mut fine: Vec<(f32, Score)> = Vec::new();
        let mut tries = 1;
        for candidate in 0..verify::COMPOSITIONS {
            observer.progress(request.track, Stage::Compose, 0.0);
            let mut score = self.compose(request, family, candidate, observer)?;
            let parent = bias::parent(request);
            let has_new_bars = shape::kept_steps(request, parent).is_some();
            // A section's shape is no fault of the notes: they are judged before they get it.
            let mut faults = verify::faults(request, &score.notes);
            let (was_fine, judged) = (faults == 0.0, critic::judge_for(request, &score.notes));
            shape::shaped(request, parent, &mut score.notes);
            if let Some(parent) = parent.filter(|_| has_new_bars) {
                faults += shape::join_cost(request, parent, &score.notes);
            }
            if was_fine && faults == 0.0 {
                fine.push((judged, score));
                if fine.len() >= critic::choice(request) {
                    break;
                }
                continue;
            }
            tries = candidate + 2;
            if best.as_ref().is_none_or(|(least, _, _)| faults < *least) {
                best = Some((faults, judged, score));
            }
        }
        if let Some((judged, score)) =
            fine.into_iter().reduce(|best, next| if next.0 > best.0 { next } else { best })
        {
            return Ok((score, tries.min(verify::COMPOSITIONS), 0.0, judged));
        }
        let (faults, judged, score) = best.expect("at least one was written");
        Ok((score, verify::COMPOSITIONS, faults, judged))
    }

    fn compose(
        &self,
        request: &TakeRequest<'_>,
        family: condition::Family,
        candidate: u32,
        observer: &dyn Observer,
    ) -> Result<Score, ModelError> {
        let segment_bars = self.bundle.manifest().segment_bars;
        let networks = &self.cache.tracks[request.track.index()];
        networks.composing(
            || self.load_composer(request.track),
            |network| compose::compose(network, request, family, segment_bars, candidate, observer),
        )
    }
}
