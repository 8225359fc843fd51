//! What a session lets others do: making one take. The generator does it here, a test or another program in its place.

use std::sync::Arc;

use resonantgen_music::plan::Plan;
use resonantgen_music::score::Score;
use resonantgen_music::track::Track;
use resonantgen_music::variation::NoteDials;
use resonantgen_words::{Intent, TextUnderstanding};

use crate::{GenerationSettings, Recipe, Take, TakeId};

/// The most scores that are written for one take to choose from.
pub const MOST_CANDIDATES: u32 = 32;

/// Makes takes.
pub trait Maker {
    /// Makes one take.
    ///
    /// # Errors
    /// Returns an error if the request is out of range, a model fails, or the observer asks to stop.
    fn make(&self, request: &TakeRequest<'_>, observer: &dyn Observer) -> Result<Take, GenerateError>;

    /// Makes takes one after the other: each hears those that were made before it, besides its own context. For each, writes
    /// `candidates` scores (1 to [`MOST_CANDIDATES`]), of which only the best is performed. With one candidate the takes are those
    /// of [`Maker::make`], to the bit; the maker may work on several of them at a time.
    ///
    /// # Errors
    /// As [`Maker::make`], for the first take that cannot be made.
    fn make_in_turn(
        &self,
        requests: &[TakeRequest<'_>],
        candidates: u32,
        observer: &dyn Observer,
    ) -> Result<Vec<Made>, GenerateError> {
        let _ = candidates;
        in_turn(requests, &mut |request| self.make(request, observer))
    }

    /// Makes groups of takes that do not hear each other, such as the sections of a song. Those of a group are made as by
    /// [`Maker::make_in_turn`] without a choice, to the bit; the maker may work on several groups at a time. `begin` is told the number of
    /// a group, from 0, when work on it begins, in this order.
    ///
    /// # Errors
    /// As [`Maker::make`], for a take that cannot be made.
    fn make_groups(
        &self,
        groups: &[Vec<TakeRequest<'_>>],
        begin: &(dyn Fn(usize) + Sync),
        observer: &dyn Observer,
    ) -> Result<Vec<Vec<Made>>, GenerateError> {
        let make = |(number, requests): (usize, &Vec<TakeRequest<'_>>)| {
            begin(number);
            self.make_in_turn(requests, 1, observer)
        };
        groups.iter().enumerate().map(make).collect()
    }

    /// Performs a [candidate](Candidate) that was written and not performed, for the takes that it heard: the take is the one that
    /// [`Maker::make`] gives for its recipe, to the bit.
    ///
    /// # Errors
    /// As [`Maker::make`].
    fn finish(
        &self,
        candidate: &Candidate,
        context: &[Arc<Take>],
        observer: &dyn Observer,
    ) -> Result<Take, GenerateError> {
        self.make(&candidate.sketch.recipe.request(context), observer)
    }

    /// Performs notes that are there already, by a patch that is named.
    ///
    /// # Errors
    /// Returns an error if there is no such patch, the request is out of range, a model fails, or the observer asks to stop.
    fn perform(
        &self,
        request: &PerformanceRequest<'_>,
        observer: &dyn Observer,
    ) -> Result<Take, GenerateError>;

    /// Where its models come from.
    fn bundle(&self) -> BundleFacts;

    /// What understands sentences whose words are not known; `None` for words only.
    fn understanding(&self) -> Option<&dyn TextUnderstanding>;
}

impl<M: Maker + ?Sized> Maker for Box<M> {
    fn make(&self, request: &TakeRequest<'_>, observer: &dyn Observer) -> Result<Take, GenerateError> {
        (**self).make(request, observer)
    }

    fn make_in_turn(
        &self,
        requests: &[TakeRequest<'_>],
        candidates: u32,
        observer: &dyn Observer,
    ) -> Result<Vec<Made>, GenerateError> {
        (**self).make_in_turn(requests, candidates, observer)
    }

    fn make_groups(
        &self,
        groups: &[Vec<TakeRequest<'_>>],
        begin: &(dyn Fn(usize) + Sync),
        observer: &dyn Observer,
    ) -> Result<Vec<Vec<Made>>, GenerateError> {
        (**self).make_groups(groups, begin, observer)
    }

    fn finish(
        &self,
        candidate: &Candidate,
        context: &[Arc<Take>],
        observer: &dyn Observer,
    ) -> Result<Take, GenerateError> {
        (**self).finish(candidate, context, observer)
    }

    fn perform(
        &self,
        request: &PerformanceRequest<'_>,
        observer: &dyn Observer,
    ) -> Result<Take, GenerateError> {
        (**self).perform(request, observer)
    }

    fn bundle(&self) -> BundleFacts {
        (**self).bundle()
    }

    fn understanding(&self) -> Option<&dyn TextUnderstanding> {
        (**self).understanding()
    }
}

impl<M: Maker + ?Sized> Maker for Arc<M> {
    fn make(&self, request: &TakeRequest<'_>, observer: &dyn Observer) -> Result<Take, GenerateError> {
        (**self).make(request, observer)
    }

    fn make_in_turn(
        &self,
        requests: &[TakeRequest<'_>],
        candidates: u32,
        observer: &dyn Observer,
    ) -> Result<Vec<Made>, GenerateError> {
        (**self).make_in_turn(requests, candidates, observer)
    }

    fn make_groups(
        &self,
        groups: &[Vec<TakeRequest<'_>>],
        begin: &(dyn Fn(usize) + Sync),
        observer: &dyn Observer,
    ) -> Result<Vec<Vec<Made>>, GenerateError> {
        (**self).make_groups(groups, begin, observer)
    }

    fn finish(
        &self,
        candidate: &Candidate,
        context: &[Arc<Take>],
        observer: &dyn Observer,
    ) -> Result<Take, GenerateError> {
        (**self).finish(candidate, context, observer)
    }

    fn perform(
        &self,
        request: &PerformanceRequest<'_>,
        observer: &dyn Observer,
    ) -> Result<Take, GenerateError> {
        (**self).perform(request, observer)
    }

    fn bundle(&self) -> BundleFacts {
        (**self).bundle()
    }

    fn understanding(&self) -> Option<&dyn TextUnderstanding> {
        (**self).understanding()
    }
}

/// A take, and the scores that it was chosen from.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// The take.
    pub take: Arc<Take>,
    /// All scores that were written, its own among them, the best first. Empty where there was no choice.
    pub candidates: Vec<Candidate>,
}

/// A score that was written to be chosen from. It differs from the others in its seed alone, and sounds by the same patch.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its place in the order in which they were written, from 1; 1 is what is made where there is no choice.
    pub number: u32,
    /// How good it is: the larger the better. Only differences between candidates of one take mean something.
    pub judged: f32,
    /// How many scores were written until this one had no faults.
    pub written: u32,
    /// The take without its sound ([`Take::is_asleep`]). Its recipe makes it again.
    pub sketch: Arc<Take>,
}

impl Candidate {
    /// The seed of a candidate, for the seed that was asked for.
    #[must_use]
    pub const fn seed(asked: u64, number: u32) -> u64 {
        // Far from the seeds that are used for the next takes and for sections, and short enough to be typed.
        asked.wrapping_add(1_000_003 * (number as u64 - 1))
    }
}

/// Makes takes one after the other by a function that makes one: each hears those before it.
///
/// # Errors
/// The function's own.
pub fn in_turn(
    requests: &[TakeRequest<'_>],
    make: &mut dyn FnMut(&TakeRequest<'_>) -> Result<Take, GenerateError>,
) -> Result<Vec<Made>, GenerateError> {
    let mut made: Vec<Made> = Vec::with_capacity(requests.len());
    for request in requests {
        let context = request.hearing(made.iter().map(|made| &made.take));
        let take = make(&TakeRequest { context: &context, ..*request })?;
        made.push(Made { take: Arc::new(take), candidates: Vec::new() });
    }
    Ok(made)
}

/// Where the models of a session's takes came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BundleFacts {
    /// Identity of the bundle.
    pub id: String,
    /// Licence of its weights.
    pub licence: String,
}

/// Why a take cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The observer cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The request itself is out of range.
    #[error("cannot generate {track}: {reason}")]
    Request {
        /// The requested track.
        track: Track,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// A network could not be loaded or run.
    #[error("cannot generate {track}: {source}")]
    Model {
        /// The requested track.
        track: Track,
        /// Which network, and what the runtime said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Everything needed to make one take.
#[derive(Clone, Copy, Debug)]
pub struct TakeRequest<'a> {
    /// Track to generate.
    pub track: Track,
    /// The prompt as typed.
    pub prompt: &'a str,
    /// Its meaning.
    pub intent: &'a Intent,
    /// The shared plan.
    pub plan: &'a Plan,
    /// Seed of every random choice.
    pub seed: u64,
    /// Settings of the generator.
    pub settings: GenerationSettings,
    /// The patch to write for and to perform with; `None` leaves the choice to the generator.
    pub patch: Option<&'a str>,
    /// Takes of other tracks that are heard. A take of the track itself is the parent, which an edit follows as closely as
    /// [`resonantgen_words::TrackIntent::closeness`] says; with a closeness of 0 it is ignored.
    pub context: &'a [Arc<Take>],
}

impl TakeRequest<'_> {
    /// The context with other takes in it, in the order of tracks.
    #[must_use]
    pub fn hearing<'t>(&self, others: impl IntoIterator<Item = &'t Arc<Take>>) -> Vec<Arc<Take>> {
        let mut context = self.context.to_vec();
        context.extend(others.into_iter().cloned());
        context.sort_by_key(|take| take.recipe.track);
        context
    }
}

impl Recipe {
    /// The request that the recipe answers, for the takes that it names.
    #[must_use]
    pub fn request<'a>(&'a self, context: &'a [Arc<Take>]) -> TakeRequest<'a> {
        TakeRequest {
            track: self.track,
            prompt: &self.prompt,
            intent: &self.intent,
            plan: &self.plan,
            seed: self.seed,
            settings: self.settings,
            patch: self.held_patch.as_deref(),
            context,
        }
    }
}

/// Everything needed to perform notes that are there already: another sound for them, or other chords under them.
#[derive(Clone, Copy, Debug)]
pub struct PerformanceRequest<'a> {
    /// The take whose notes are taken over. Prompt, intent, seed and settings of the new take are its own.
    pub of: &'a Take,
    /// The plan of the new take.
    pub plan: &'a Plan,
    /// The notes, already moved to the plan's chords.
    pub score: &'a Score,
    /// How the notes were varied. The score has this done already.
    pub dials: NoteDials,
    /// Id of the patch.
    pub patch: &'a str,
    /// Takes that the new one is heard with, for which it makes room.
    pub context: &'a [Arc<Take>],
}

/// The stages of a generation, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Writing the score.
    Compose,
    /// Turning the score into codec tokens.
    Perform,
    /// Rendering the tokens to audio.
    Decode,
}

impl Stage {
    /// All stages, in order.
    pub const ALL: [Self; 3] = [Self::Compose, Self::Perform, Self::Decode];

    /// Name for display.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compose => "compose",
            Self::Perform => "perform",
            Self::Decode => "decode",
        }
    }
}

/// Observes a generation, and may cancel it. Called from the generating threads, never from an audio thread.
pub trait Observer: Sync {
    /// The fraction of `stage` that is done, in `0.0..=1.0`. After a rejected candidate the stages start again.
    fn progress(&self, track: Track, stage: Stage, fraction: f32) {
        let _ = (track, stage, fraction);
    }

    /// Work on a section of a song begins: its name, its place among those to be made, from 0, and how many there are.
    fn section(&self, name: &str, index: usize, count: usize) {
        let _ = (name, index, count);
    }

    /// A finished part of the take's audio at [`crate::TAKE_SAMPLE_RATE_HZ`], in order and without gaps, equal to the
    /// same part of the take. Called only after the whole take was levelled and verified.
    fn audio(&self, track: Track, first_audio_frame: usize, left: &[f32], right: &[f32]) {
        let _ = (track, first_audio_frame, left, right);
    }

    /// The take of this recipe, if it exists already; it is then not made again.
    fn known(&self, id: &TakeId) -> Option<Take> {
        let _ = id;
        None
    }

    /// A take is finished; others of the same request may not be.
    fn made(&self, take: &Take) {
        let _ = take;
    }

    /// Whether to cancel. Called often, so it must be cheap.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// An observer that ignores everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}
