//! A maker without models.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use resonantgen_take::maker::{BundleFacts, GenerateError, Maker, Observer, PerformanceRequest, TakeRequest};
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

    fn perform(&self, request: &PerformanceRequest<'_>, _: &dyn Observer) -> Result<Take, GenerateError> {
        self.performed.fetch_add(1, Ordering::Relaxed);
        let recipe = Recipe {
            plan: request.plan.clone(),
            context: request.context.iter().map(|take| take.id.clone()).collect(),
            taken_over: Some(TakenOver { from: request.of.id.clone(), patch: request.patch.to_owned() }),
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
