//! A maker without models.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use resonantgen_take::maker::{
    BundleFacts, Candidate, GenerateError, Made, Maker, Observer, PerformanceRequest, TakeRequest, in_turn,
};
use resonantgen_take::{Recipe, Take, TakenOver};
use resonantgen_words::TextUnderstanding;

use super::fake_take;

/// Makes takes of quiet noise, and counts requests.
#[derive(Debug, Default)]
pub struct Fake {
    made: AtomicU32,
    performed: AtomicU32,
    /// Number of takes made before it is cancelled.
    most: Option<u32>,
}

impl Fake {
    /// A maker that is cancelled after some takes.
    pub fn failing_after(takes: u32) -> Self {
        Self { most: Some(takes), ..Self::default() }
    }

    /// Number of takes composed.
    pub fn made(&self) -> u32 {
        self.made.load(Ordering::Relaxed)
    }

    /// Number of takes whose notes already existed.
    pub fn performed(&self) -> u32 {
        self.performed.load(Ordering::Relaxed)
    }
}

impl Maker for Fake {
    fn make(&self, request: &TakeRequest<'_>, _: &dyn Observer) -> Result<Take, GenerateError> {
        let made = self.made.fetch_add(1, Ordering::Relaxed);
        if self.most.is_some_and(|most| made >= most) {
            return Err(GenerateError::Cancelled);
        }
        Ok(fake_take(request))
    }

    /// Of several candidates, the last is the best.
    fn make_in_turn(
        &self,
        requests: &[TakeRequest<'_>],
        candidates: u32,
        observer: &dyn Observer,
    ) -> Result<Vec<Made>, GenerateError> {
        let mut made = in_turn(requests, &mut |request| {
            let seed = Candidate::seed(request.seed, candidates);
            self.make(&TakeRequest { seed, ..*request }, observer)
        })?;
        for made in made.iter_mut().filter(|_| candidates > 1) {
            let of = |number: u32| {
                let seed =
                    made.take.recipe.seed + Candidate::seed(0, number) - Candidate::seed(0, candidates);
                let recipe = Recipe { seed, ..made.take.recipe.clone() };
                let take =
                    Take { id: recipe.take_id(), recipe, audio: Arc::default(), ..(*made.take).clone() };
                Candidate { number, judged: number as f32, written: 1, sketch: Arc::new(take) }
            };
            made.candidates = (1..=candidates).rev().map(of).collect();
        }
        Ok(made)
    }

    fn perform(&self, request: &PerformanceRequest<'_>, _: &dyn Observer) -> Result<Take, GenerateError> {
        self.performed.fetch_add(1, Ordering::Relaxed);
        let recipe = Recipe {
            plan: request.plan.clone(),
            context: request.context.iter().map(|take| take.id.clone()).collect(),
            taken_over: Some(TakenOver {
                from: request.of.id.clone(),
                patch: request.patch.to_owned(),
                dials: request.dials,
            }),
            ..request.of.recipe.clone()
        };
        Ok(Take {
            id: recipe.take_id(),
            recipe,
            patch: request.patch.to_owned(),
            score: request.score.clone(),
            audio: Arc::clone(&request.of.audio),
            ..request.of.clone()
        })
    }

    fn bundle(&self) -> BundleFacts {
        BundleFacts { id: "test".to_owned(), licence: "none".to_owned() }
    }

    fn understanding(&self) -> Option<&dyn TextUnderstanding> {
        None
    }
}
