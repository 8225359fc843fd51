//! Drafts: what is written for a take before it sounds, chosen among candidates.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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

/// An observer of one group of candidates of several, whose progress is a part of that of all.
struct OneOfSeveral<'a> {
    observer: &'a dyn Observer,
    failed: &'a AtomicBool,
    /// Progress of each group.
    fractions: &'a Mutex<Vec<f32>>,
    group: usize,
}

impl Observer for OneOfSeveral<'_> {
    fn progress(&self, track: Track, stage: Stage, fraction: f32) {
        let mut fractions = self.fractions.lock().unwrap_or_else(PoisonError::into_inner);
        // Scores that are written again do not take back what was reported.
        fractions[self.group] = fractions[self.group].max(fraction);
        self.observer.progress(track, stage, fractions.iter().sum::<f32>() / fractions.len() as f32);
    }

    fn is_cancelled(&self) -> bool {
        self.failed.load(Ordering::Relaxed) || self.observer.is_cancelled()
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
        let failed = AtomicBool::new(false);
        let threads = self.threads.min(count as usize);
        let at_a_time = self.scores_at_a_time(request).min((count as usize).div_ceil(threads)) as u32;
        let groups = count.div_ceil(at_a_time);
        let next = AtomicU32::new(0);
        let fractions = Mutex::new(vec![0.0; groups as usize]);
        let work = || {
            let mut own = Vec::new();
            loop {
                let group = next.fetch_add(1, Ordering::Relaxed);
                if group >= groups {
                    return Ok(own);
                }
                let numbers = 1 + group * at_a_time..=count.min((group + 1) * at_a_time);
                let one =
                    OneOfSeveral { observer, failed: &failed, fractions: &fractions, group: group as usize };
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
            observer.progress(assignments[0].request.track, Stage::Compose, 0.0);
            let mut scores = self.compose(&assignments, observer)?.into_iter();
            for search in searches.iter_mut().flatten() {
                let count = search.assignments().count();
                scores.by_ref().take(count).for_each(|score| search.judge(score));
            }
        }
        // Written together, each costs a part of it.
        let compose = start.elapsed().as_secs_f64() / requests.len().max(1) as f64;
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
        for together in assignments.chunks(self.scores_at_a_time(first.request)) {
            let mut seconds = 0.0;
            let composed = networks.composing(
                || self.load_composer(track),
                |network| {
                    let start = Instant::now();
                    let composed = compose::compose(network, together, segment_bars, observer);
                    seconds = start.elapsed().as_secs_f64();
                    composed
                },
            )?;
            networks.count_composed(composed.tokens, seconds);
            scores.extend(composed.scores);
        }
        Ok(scores)
    }

    /// Number of scores that are written in the same runs of a composer: one if they would change each other, or if each is a single row,
    /// which matrix products treat differently from several.
    fn scores_at_a_time(&self, request: &TakeRequest<'_>) -> usize {
        let is_independent = self.bundle.manifest().track(request.track).independent_rows;
        let is_guided = compose::lanes(request.track, request.settings.adherence) > 1;
        if is_independent && is_guided {
            (SCORES_AT_ALL / self.threads).clamp(1, SCORES_AT_A_TIME)
        } else {
            1
        }
    }
}

/// Most scores that are written in the same runs of a composer. Eight would be a tenth faster than four.
const SCORES_AT_A_TIME: usize = 4;
/// Most scores that all threads together write at a time: each has 16 MB of keys and values.
const SCORES_AT_ALL: usize = 8;

/// The search for a score without faults.
struct Search<'a, 'b> {
    request: &'b TakeRequest<'a>,
    family: condition::Family,
    /// Number of flawless scores to write, of which the critic chooses.
    wanted: usize,
    /// Number of scores written.
    written: u32,
    /// Flawless scores, and what the critic says of them.
    flawless: Vec<(f32, Score)>,
    /// The score with the fewest faults: these, what the critic says, and the score.
    least_faulty: Option<(f32, f32, Score)>,
    /// Number of scores written, without flawless ones that followed the last one with faults, and one more.
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
        let wanted = critic::choice(request);
        Self { request, family, wanted, written: 0, flawless: Vec::new(), least_faulty: None, tries: 1 }
    }

    /// What has to be written whatever the scores are like: as many as flawless ones are missing.
    fn assignments(&self) -> impl Iterator<Item = Assignment<'a, 'b>> + use<'a, 'b> {
        let missing = (self.wanted - self.flawless.len()) as u32;
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
            self.flawless.push((judged, score));
            return;
        }
        self.tries = self.written + 1;
        if self.least_faulty.as_ref().is_none_or(|(least, _, _)| faults < *least) {
            self.least_faulty = Some((faults, judged, score));
        }
    }

    /// The flawless score that the critic prefers, otherwise the one with the fewest faults.
    fn into_found(self) -> Found {
        let Self { flawless, least_faulty, tries, .. } = self;
        let preferred = flawless.into_iter().reduce(|best, next| if next.0 > best.0 { next } else { best });
        if let Some((judged, score)) = preferred {
            return Found { score, tries: tries.min(verify::COMPOSITIONS), faults: 0.0, judged };
        }
        let (faults, judged, score) = least_faulty.expect("at least one was written");
        Found { score, tries: verify::COMPOSITIONS, faults, judged }
    }
}
