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
use resonantgen_music::score::Score;
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

/// Writes the score of `request`'s track for an instrument of `family`. Each candidate is different.
pub(super) fn compose(
    network: &mut StepNetwork,
    request: &TakeRequest<'_>,
    family: Family,
    segment_bars: u32,
    candidate: u32,
    observer: &dyn Observer,
) -> Result<Score, ModelError> {
    let TakeRequest { track, plan, intent, settings, .. } = *request;
    let own = intent.track(track);
    let total_steps = plan.total_steps();
    let steps_per_bar = plan.meter.steps_per_bar();
    let heard = request.context.iter().map(AsRef::as_ref).filter(|take| take.recipe.track != track);
    let context = Context::of_takes(plan, heard);
    let mut conditions =
        ConditionBuilder::new(plan, &intent.styles, &own.attributes, track, family, &context);
    let rules = Rules::within(plan, &intent.styles, track, register(request));
    let lean = Lean::new(request);
    let sampling = Sampling::from_variation(settings.variation);
    let guidance = guidance(track, settings.adherence);
    let lanes = if guidance == 1.0 { 1 } else { 2 };
    let mut random = Random::of_kind(request, Purpose::Compose, candidate);
    let mut bias = Bias::new(request);
    let mut figure = Figure::new(request, candidate);
    // In kept steps the parent's tokens are fed unchanged. The new notes hear what precedes them and, from composers that fill gaps,
    // what follows them, which also decides among candidates.
    let parent = super::bias::parent(request);
    let kept = super::shape::kept_steps(request, parent);
    let gap = kept.as_ref().map(|kept| Gap::new(track, plan, kept, |step| bias.parent_tokens(step)));
    let mut forced: std::collections::VecDeque<Token> = std::collections::VecDeque::new();
    let mut forced_step = None;

    let mut notes = Vec::new();
    let mut decoder = Decoder::new(track, plan.key.tonic, 0);
    let mut grammar = Grammar::new(track);
    let mut token = BOS;
    let mut position = 0;
    let mut vector = [0.0; CONDITION_LENGTH];
    // A composer that is conditioned on neither figures nor gaps takes shorter rows.
    let width = network.condition();
    let mut figure_row = [0.0; FIGURE_LENGTH];
    let mut rows = vec![0.0; lanes * width];
    let mut logits = vec![0.0; vocabulary(track)];
    let mut last_start = 0;
    grammar.feed(BOS);
    loop {
        let step = decoder.step();
        if step >= total_steps {
            break;
        }
        if observer.is_cancelled() {
            return Err(ModelError::Cancelled);
        }
        let bar_starts = step.is_multiple_of(steps_per_bar) && step != last_start;
        let segment_starts = bar_starts && (step / steps_per_bar).is_multiple_of(segment_bars);
        let crowded = bar_starts && position + POSITIONS_OF_A_BAR > network.positions();
        if segment_starts || crowded || position == network.positions() {
            last_start = step;
            position = 0;
            token = BOS;
        }
        conditions.vector(step, &notes, &mut vector);
        if width > CONDITION_LENGTH {
            figure.condition(step, &mut figure_row);
        }
        let gap_row = gap.as_ref().map_or(&[0.0; GAP_LENGTH], |gap| gap.row(step));
        for (lane, row) in rows.chunks_exact_mut(width).enumerate() {
            if lane == 1 {
                drop_intent(&mut vector);
            }
            for (value, told) in row.iter_mut().zip(vector.iter().chain(&figure_row).chain(gap_row)) {
                *value = *told;
            }
        }
        let tokens = [i64::from(token); 2];
        let found = network.step(&tokens[..lanes], &rows, position)?;
        let (with, without) = found.split_at(logits.len());
        if lanes == 1 {
            logits.copy_from_slice(with);
        } else {
            for ((logit, with), without) in logits.iter_mut().zip(with).zip(without) {
                *logit = without + guidance * (with - without);
            }
        }
        bias.apply(&grammar, step, &mut logits);
        if let Some(lean) = &lean {
            lean.apply(&grammar, step, &mut logits);
        }
        figure.apply(&grammar, step, &notes, &mut logits);
        rules.mask(&grammar, step, &mut logits);
        position += 1;
        let drawn = sampling.draw(&logits, random.uniform()) as Token;
        if kept.as_ref().is_some_and(|kept| kept[step as usize]) && forced_step != Some(step) {
            forced_step = Some(step);
            forced = bias.parent_tokens(step).iter().copied().chain([STEP]).collect();
        }
        token = forced.pop_front().unwrap_or(drawn);
        grammar.feed(token);
        bias.feed(token);
        figure.feed(token);
        decoder.push(token, &mut notes);
        if decoder.step() != step {
            observer.progress(track, Stage::Compose, decoder.step() as f32 / total_steps as f32);
        }
    }

    end_overlaps(track, &mut notes, total_steps);
    if track != Track::Drums {
        transpose_octaves(&mut notes, own.octave);
    }
    for note in &mut notes {
        let change = settings.variation.clamp(0.0, 1.0) * VELOCITY_SPREAD * (random.uniform() - 0.5) * 2.0;
        note.velocity = (f32::from(note.velocity) + change).round().clamp(1.0, 127.0) as u8;
    }
    super::groove::play(request, &mut notes);
    end_overlaps(track, &mut notes, total_steps);
    Ok(Score { notes })
}
