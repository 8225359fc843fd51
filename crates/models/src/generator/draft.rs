//! Drafts: what is written for a take before it sounds, chosen among candidates.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use super::compose::Assignment;
use super::{
    Engine, GenerateError, Observer, Stage, TakeRequest, bias, check, choice, compose, condition, critic,
    failed, recipe, shape, verify,
};
use crate::runtime::ModelError;
use crate::worker;
use resonantgen_music::score::Score;
use resonantgen_music::track::Track;
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
        let threads = self.threads.min(count as usize);
        let at_a_time = self.scores_at_a_time(request.track).min((count as usize).div_ceil(threads)) as u32;
        let work = || {
            let mut own = Vec::new();
            loop {
                let first = next.fetch_add(at_a_time, Ordering::Relaxed);
                if first > count {
                    return Ok(own);
                }
                let numbers = first..=count.min(first + at_a_time - 1);
                let one_of = |number: u32| {
                    let seed = Candidate::seed(request.seed, number);
                    let patch = if number == 1 { request.patch } else { Some(patch) };
                    TakeRequest { seed, patch, ..*request }
                };
                let requests: Vec<TakeRequest<'_>> = numbers.clone().map(one_of).collect();
                match self.written_together(&requests, &one) {
                    Ok(written) => own.extend(numbers.zip(written)),
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
        let mut written = self.written_together(std::slice::from_ref(request), observer)?;
        Ok(written.swap_remove(0))
    }

    /// The patches and the scores for requests that differ in seed and patch only: each the same as alone.
    fn written_together(
        &self,
        requests: &[TakeRequest<'_>],
        observer: &dyn Observer,
    ) -> Result<Vec<Written>, ModelError> {
        let start = Instant::now();
        let patch_of = |request: &TakeRequest<'_>| {
            choice::choose_patch(&self.bundle, request, None)
                .filter(|_| !request.intent.track(request.track).absent)
        };
        let patches: Vec<_> = requests.iter().map(patch_of).collect();
        let mut searches: Vec<Option<Search<'_, '_>>> = requests
            .iter()
            .zip(&patches)
            .map(|(request, patch)| patch.map(|patch| Search::new(request, patch.family)))
            .collect();
        loop {
            let assignments: Vec<Assignment<'_, '_>> =
                searches.iter().flatten().flat_map(Search::assignments).collect();
            if assignments.is_empty() {
                break;
            }
            let mut scores = self.compose(&assignments, observer)?.into_iter();
            for search in searches.iter_mut().flatten() {
                let count = search.assignments().count();
                scores.by_ref().take(count).for_each(|score| search.judge(score));
            }
        }
        let compose = start.elapsed().as_secs_f64();
        let written = requests.iter().zip(patches).zip(searches).map(|((request, patch), search)| {
            let found = search.map_or_else(Found::default, Search::into_found);
            let recipe = recipe(request, self.bundle.id());
            let sketch = Take {
                id: recipe.take_id(),
                recipe,
                patch: patch.map_or_else(String::new, |patch| patch.id.clone()),
                score: found.score,
                tokens: Tokens::default(),
                audio: Arc::default(),
                timings: StageSeconds { compose, ..Default::default() },
                measures: None,
            };
            Written { sketch, tries: found.tries, faults: found.faults, judged: found.judged }
        });
        Ok(written.collect())
    }

    /// Composes scores for one track: as many in the same runs of the network as its bundle allows.
    fn compose(
        &self,
        assignments: &[Assignment<'_, '_>],
        observer: &dyn Observer,
    ) -> Result<Vec<Score>, ModelError> {
        let Some(first) = assignments.first() else { return Ok(Vec::new()) };
        let track = first.request.track;
        let segment_bars = self.bundle.manifest().segment_bars;
        let networks = &self.cache.tracks[track.index()];
        let mut scores = Vec::with_capacity(assignments.len());
        for together in assignments.chunks(self.scores_at_a_time(track)) {
            let composed = networks.composing(
                || self.load_composer(track),
                |network| compose::compose(network, together, segment_bars, observer),
            )?;
            networks.tokens.fetch_add(composed.tokens, Ordering::Relaxed);
            scores.extend(composed.scores);
        }
        Ok(scores)
    }

    /// Number of scores that are written in the same runs of a track's composer.
    fn scores_at_a_time(&self, track: Track) -> usize {
        if self.bundle.manifest().track(track).independent_rows { SCORES_AT_A_TIME } else { 1 }
    }
}

/// Most scores that are written in the same runs of a composer. Eight would be a tenth faster than four, and need 120 MB of keys and values.
const SCORES_AT_A_TIME: usize = 4;

/// The search for a score without faults.
struct Search<'a, 'b> {
    request: &'b TakeRequest<'a>,
    family: condition::Family,
    /// Number of flawless scores to write, of which the critic chooses.
    choice: usize,
    /// Number of scores written.
    written: u32,
    /// Flawless scores, and what the critic says of them.
    fine: Vec<(f32, Score)>,
    /// The score with the fewest faults: these, what the critic says, and the score.
    best: Option<(f32, f32, Score)>,
    tries: u32,
}

/// What a search has found.
#[derive(Default)]
struct Found {
    score: Score,
    /// Scores written until one had no faults, without further flawless ones.
    tries: u32,
    faults: f32,
    judged: f32,
}

impl<'a, 'b> Search<'a, 'b> {
    fn new(request: &'b TakeRequest<'a>, family: condition::Family) -> Self {
        let choice = critic::choice(request);
        Self { request, family, choice, written: 0, fine: Vec::new(), best: None, tries: 1 }
    }

    /// What has to be written whatever the scores are like: as many as flawless ones are missing.
    fn assignments(&self) -> impl Iterator<Item = Assignment<'a, 'b>> + use<'a, 'b> {
        let missing = (self.choice - self.fine.len()) as u32;
        let (request, family) = (self.request, self.family);
        (self.written..verify::COMPOSITIONS.min(self.written + missing)).map(move |candidate| Assignment {
            request,
            family,
            candidate,
        })
    }

    /// Takes the next score.
    fn judge(&mut self, mut score: Score) {
        let (request, parent) = (self.request, bias::parent(self.request));
        self.written += 1;
        // A section's shape is no fault of the notes: they are judged before they get it.
        let mut faults = verify::faults(request, &score.notes);
        let (was_fine, judged) = (faults == 0.0, critic::judge_for(request, &score.notes));
        shape::shaped(request, parent, &mut score.notes);
        if let Some(parent) = parent.filter(|_| shape::kept_steps(request, parent).is_some()) {
            faults += shape::join_cost(request, parent, &score.notes);
        }
        if was_fine && faults == 0.0 {
            self.fine.push((judged, score));
            return;
        }
        self.tries = self.written + 1;
        if self.best.as_ref().is_none_or(|(least, _, _)| faults < *least) {
            self.best = Some((faults, judged, score));
        }
    }

    /// The flawless score that the critic prefers, otherwise the one with the fewest faults.
    fn into_found(self) -> Found {
        let Self { fine, best, tries, .. } = self;
        let preferred = fine.into_iter().reduce(|best, next| if next.0 > best.0 { next } else { best });
        if let Some((judged, score)) = preferred {
            return Found { score, tries: tries.min(verify::COMPOSITIONS), faults: 0.0, judged };
        }
        let (faults, judged, score) = best.expect("at least one was written");
        Found { score, tries: verify::COMPOSITIONS, faults, judged }
    }
}
