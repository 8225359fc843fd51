//! Compose: writes a track's score, token by token.

use super::arrange::register;
use super::bias::Bias;
use super::condition::{CONDITION_LENGTH, ConditionBuilder, FIGURE_LENGTH, Family, GAP_LENGTH, drop_intent};
use super::figure::Figure;
use super::gap::Gap;
use super::lean::Lean;
use super::random::{Purpose, Random};
use super::rules::Rules;
use super::sampling::Sampling;
use super::tokens::{BOS, Decoder, Grammar, STEP, Token, vocabulary};
use super::{Observer, Stage, TakeRequest};
use crate::context::Context;
use crate::runtime::{ModelError, StepNetwork};
use resonantgen_music::harmony::{end_overlaps, transpose_octaves};
use resonantgen_music::score::{Note, Score};
use resonantgen_music::track::Track;

/// A new sequence starts at a bar if fewer positions are left: more than one bar's tokens.
const POSITIONS_OF_A_BAR: usize = 200;
/// Largest random change of a note's velocity at full variation, so that repeated notes differ a little.
const VELOCITY_SPREAD: f32 = 10.0;

/// Weight of classifier-free guidance (Ho and Salimans 2022, section 3.2): 1 is none, which needs no second pass.
/// The middle of the scale is 2 for drums, where their style was recognised best (.79 of held-out plans, .66 without
/// guidance). Tonal tracks use 1.5, because at 2 basses were denser than the data (5.7 instead of 4.6 onsets a bar).
fn guidance(track: Track, adherence: f32) -> f32 {
    let span = if track == Track::Drums { 2.0 } else { 1.0 };
    1.0 + span * adherence.clamp(0.0, 1.0)
}

/// Number of sequences that a score takes: one with the intent and, if there is guidance, one without.
pub(super) fn lanes(track: Track, adherence: f32) -> usize {
    if guidance(track, adherence) == 1.0 { 1 } else { 2 }
}

/// What is to be written: a score for an instrument of `family`. Each candidate of a request is different.
#[derive(Clone, Copy)]
pub(super) struct Assignment<'a, 'b> {
    pub(super) request: &'b TakeRequest<'a>,
    pub(super) family: Family,
    pub(super) candidate: u32,
}

/// Written scores.
pub(super) struct Composed {
    pub(super) scores: Vec<Score>,
    /// Number of tokens in which they were written.
    pub(super) tokens: u64,
}

/// Writes scores for one track with the same settings, token by token, all of them in the same runs of the network.
pub(super) fn compose(
    network: &mut StepNetwork,
    assignments: &[Assignment<'_, '_>],
    segment_bars: u32,
    observer: &dyn Observer,
) -> Result<Composed, ModelError> {
    let mut composed = Composed { scores: Vec::new(), tokens: 0 };
    let Some(first) = assignments.first() else { return Ok(composed) };
    let (track, width) = (first.request.track, network.condition());
    let guidance = guidance(track, first.request.settings.adherence);
    let lanes = lanes(track, first.request.settings.adherence);
    let mut compositions: Vec<Composition<'_, '_>> =
        assignments.iter().map(|assignment| Composition::new(*assignment, segment_bars)).collect();
    let steps: u32 = compositions.iter().map(|composition| composition.total_steps).sum();
    let sequences = lanes * compositions.len();
    let mut tokens = vec![i64::from(BOS); sequences];
    let mut positions = vec![0; sequences];
    let mut rows = vec![0.0; sequences * width];
    let mut logits = vec![0.0; vocabulary(track)];
    let mut written = 0;
    while compositions.iter().any(|composition| !composition.is_complete()) {
        if observer.is_cancelled() {
            return Err(ModelError::Cancelled);
        }
        let own_rows = rows.chunks_exact_mut(lanes * width);
        let own_sequences = tokens.chunks_exact_mut(lanes).zip(positions.chunks_exact_mut(lanes));
        for ((composition, rows), (tokens, positions)) in
            compositions.iter_mut().zip(own_rows).zip(own_sequences)
        {
            // A complete one stays in the run, with the shortest possible sequence.
            let (token, position) = if composition.is_complete() {
                (BOS, 0)
            } else {
                composition.next(network.positions(), rows, width)
            };
            tokens.fill(i64::from(token));
            positions.fill(position);
        }
        let found = network.step(&tokens, &rows, &positions)?;
        for (composition, found) in compositions.iter_mut().zip(found.chunks_exact(lanes * logits.len())) {
            if composition.is_complete() {
                continue;
            }
            let (with, without) = found.split_at(logits.len());
            if lanes == 1 {
                logits.copy_from_slice(with);
            } else {
                for ((logit, with), without) in logits.iter_mut().zip(with).zip(without) {
                    *logit = without + guidance * (with - without);
                }
            }
            composition.accept(&mut logits);
            composed.tokens += 1;
        }
        let now = compositions
            .iter()
            .map(|composition| composition.decoder.step().min(composition.total_steps))
            .sum();
        if now != written {
            written = now;
            observer.progress(track, Stage::Compose, written as f32 / steps as f32);
        }
    }
    composed.scores = compositions.into_iter().map(Composition::into_score).collect();
    Ok(composed)
}

/// A score that is being written.
struct Composition<'a, 'b> {
    request: &'b TakeRequest<'a>,
    segment_bars: u32,
    total_steps: u32,
    conditions: ConditionBuilder,
    rules: Rules,
    lean: Option<Lean>,
    sampling: Sampling,
    random: Random,
    bias: Bias,
    figure: Figure<'a>,
    /// Whether the parent's tokens are fed unchanged at a step. The new notes hear what precedes them and, from composers that fill gaps,
    /// what follows them, which also decides among candidates.
    kept: Option<Vec<bool>>,
    gap: Option<Gap>,
    forced: std::collections::VecDeque<Token>,
    forced_step: Option<u32>,
    notes: Vec<Note>,
    decoder: Decoder,
    grammar: Grammar,
    token: Token,
    position: usize,
    /// The step at which the current sequence started.
    last_start: u32,
}

impl<'a, 'b> Composition<'a, 'b> {
    fn new(assignment: Assignment<'a, 'b>, segment_bars: u32) -> Self {
        let Assignment { request, family, candidate } = assignment;
        let TakeRequest { track, plan, intent, settings, .. } = *request;
        let heard = request.context.iter().map(AsRef::as_ref).filter(|take| take.recipe.track != track);
        let context = Context::of_takes(plan, heard);
        let attributes = &intent.track(track).attributes;
        let bias = Bias::new(request);
        let kept = super::shape::kept_steps(request, super::bias::parent(request));
        let gap = kept.as_ref().map(|kept| Gap::new(track, plan, kept, |step| bias.parent_tokens(step)));
        let mut grammar = Grammar::new(track);
        grammar.feed(BOS);
        Self {
            request,
            segment_bars,
            total_steps: plan.total_steps(),
            conditions: ConditionBuilder::new(plan, &intent.styles, attributes, track, family, &context),
            rules: Rules::within(plan, &intent.styles, track, register(request)),
            lean: Lean::new(request),
            sampling: Sampling::from_variation(settings.variation),
            random: Random::of_kind(request, Purpose::Compose, candidate),
            bias,
            figure: Figure::new(request, candidate),
            kept,
            gap,
            forced: std::collections::VecDeque::new(),
            forced_step: None,
            notes: Vec::new(),
            decoder: Decoder::new(track, plan.key.tonic, 0),
            grammar,
            token: BOS,
            position: 0,
            last_start: 0,
        }
    }

    /// Whether all steps are written.
    fn is_complete(&self) -> bool {
        self.decoder.step() >= self.total_steps
    }

    /// The token to feed and its position in a sequence of at most `most_positions`. Writes the condition to `rows`, each `width` long: as
    /// requested and, if there is a second row, without the intent.
    fn next(&mut self, most_positions: usize, rows: &mut [f32], width: usize) -> (Token, usize) {
        let step = self.decoder.step();
        let steps_per_bar = self.request.plan.meter.steps_per_bar();
        let bar_starts = step.is_multiple_of(steps_per_bar) && step != self.last_start;
        let segment_starts = bar_starts && (step / steps_per_bar).is_multiple_of(self.segment_bars);
        let crowded = bar_starts && self.position + POSITIONS_OF_A_BAR > most_positions;
        if segment_starts || crowded || self.position == most_positions {
            self.last_start = step;
            self.position = 0;
            self.token = BOS;
        }
        let mut vector = [0.0; CONDITION_LENGTH];
        self.conditions.vector(step, &self.notes, &mut vector);
        let mut figure_row = [0.0; FIGURE_LENGTH];
        // A composer that is conditioned on neither figures nor gaps takes shorter rows.
        if width > CONDITION_LENGTH {
            self.figure.condition(step, &mut figure_row);
        }
        let gap_row = self.gap.as_ref().map_or(&[0.0; GAP_LENGTH], |gap| gap.row(step));
        for (lane, row) in rows.chunks_exact_mut(width).enumerate() {
            if lane == 1 {
                drop_intent(&mut vector);
            }
            for (value, told) in row.iter_mut().zip(vector.iter().chain(&figure_row).chain(gap_row)) {
                *value = *told;
            }
        }
        (self.token, self.position)
    }

    /// Draws the next token from what the network says, and feeds it.
    fn accept(&mut self, logits: &mut [f32]) {
        let step = self.decoder.step();
        self.bias.apply(&self.grammar, step, logits);
        if let Some(lean) = &self.lean {
            lean.apply(&self.grammar, step, logits);
        }
        self.figure.apply(&self.grammar, step, &self.notes, logits);
        self.rules.mask(&self.grammar, step, logits);
        self.position += 1;
        let drawn = self.sampling.draw(logits, self.random.uniform()) as Token;
        if self.kept.as_ref().is_some_and(|kept| kept[step as usize]) && self.forced_step != Some(step) {
            self.forced_step = Some(step);
            self.forced = self.bias.parent_tokens(step).iter().copied().chain([STEP]).collect();
        }
        self.token = self.forced.pop_front().unwrap_or(drawn);
        self.grammar.feed(self.token);
        self.bias.feed(self.token);
        self.figure.feed(self.token);
        self.decoder.push(self.token, &mut self.notes);
    }

    fn into_score(self) -> Score {
        let Self { request, total_steps, mut notes, mut random, .. } = self;
        let TakeRequest { track, settings, .. } = *request;
        end_overlaps(track, &mut notes, total_steps);
        if track != Track::Drums {
            transpose_octaves(&mut notes, request.intent.track(track).octave);
        }
        for note in &mut notes {
            let change =
                settings.variation.clamp(0.0, 1.0) * VELOCITY_SPREAD * (random.uniform() - 0.5) * 2.0;
            note.velocity = (f32::from(note.velocity) + change).round().clamp(1.0, 127.0) as u8;
        }
        super::groove::play(request, &mut notes);
        end_overlaps(track, &mut notes, total_steps);
        Score { notes }
    }
}
