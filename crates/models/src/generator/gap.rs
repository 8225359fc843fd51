//! What a composer is told of the notes that follow the bars it fills: those of the next two bars, the first onset after the gap, and
//! how far away that is.
//!
//! Composers of older bundles are not told: they hear what precedes the new bars, and what follows decides among candidates only
//! (`shape::join_cost`). Twin of `gap_features` in `training/resonant/conditions.py`, checked against `tests/golden/compose`.

use super::condition::{GAP_LENGTH, LAG_WIDTH, add_onset};
use super::tokens::{Decoder, STEP, Token};
use resonantgen_music::plan::Plan;
use resonantgen_music::score::Note;
use resonantgen_music::track::Track;

/// How far ahead each step of a gap looks, in bars.
const AHEAD_BARS: [usize; 2] = [1, 2];
/// The first onset after the gap: its column, and the largest distance told, in steps.
const LANDING: usize = LAG_WIDTH * AHEAD_BARS.len();
const FARTHEST: f32 = 32.0;
/// The largest distance told of the gap's end, in bars.
const FARTHEST_BARS: f32 = 4.0;

/// The condition of each step of a part in which some steps are written anew.
pub(super) struct Gap(Vec<[f32; GAP_LENGTH]>);

impl Gap {
    /// The gap of a part whose tokens of the steps that are kept (`is_kept`, one value per step of the plan) are `kept_tokens`, without
    /// the step's end.
    pub(super) fn new<'a>(
        track: Track,
        plan: &Plan,
        is_kept: &[bool],
        kept_tokens: impl Fn(u32) -> &'a [Token],
    ) -> Self {
        let mut decoder = Decoder::new(track, plan.key.tonic, 0);
        let mut notes = Vec::new();
        for (step, is_kept) in (0..).zip(is_kept) {
            let tokens: &[Token] = if *is_kept { kept_tokens(step) } else { &[] };
            for token in tokens.iter().copied().chain([STEP]) {
                decoder.push(token, &mut notes);
            }
        }
        Self::around(track, plan, is_kept, &notes)
    }

    fn around(track: Track, plan: &Plan, is_kept: &[bool], notes: &[Note]) -> Self {
        let total = is_kept.len();
        let bar = plan.meter.steps_per_bar() as usize;
        let mut rows = vec![[0.0; GAP_LENGTH]; total];
        if is_kept.iter().all(|kept| *kept) || !is_kept.contains(&true) {
            return Self(rows);
        }
        let mut kept = vec![[0.0; LAG_WIDTH]; total];
        for note in notes.iter().filter(|note| is_kept.get(note.step as usize) == Some(&true)) {
            add_onset(track, plan.key.tonic, note, &mut kept[note.step as usize]);
        }
        let has_onset: Vec<bool> = kept.iter().map(|row| row.iter().any(|value| *value != 0.0)).collect();
        let until =
            |step: usize, there: &[bool]| (0..total).find(|distance| there[(step + distance) % total]);
        for (step, row) in rows.iter_mut().enumerate().filter(|(step, _)| !is_kept[*step]) {
            for (columns, bars) in row.chunks_exact_mut(LAG_WIDTH).zip(AHEAD_BARS) {
                columns.copy_from_slice(&kept[(step + bars * bar) % total]);
            }
            let landing = until(step, &has_onset);
            if let Some(distance) = landing {
                row[LANDING..LANDING + LAG_WIDTH].copy_from_slice(&kept[(step + distance) % total]);
            }
            let [.., distance, end, is_in_gap] = row;
            *distance = landing.map_or(1.0, |steps| (steps as f32 / FARTHEST).min(1.0));
            let end_steps = until(step, is_kept).unwrap_or(total);
            *end = (end_steps as f32 / (FARTHEST_BARS * bar as f32)).min(1.0);
            *is_in_gap = 1.0;
        }
        Self(rows)
    }

    /// The condition of a step; all zeros outside the gap.
    pub(super) fn row(&self, step: u32) -> &[f32; GAP_LENGTH] {
        &self.0[step as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::super::{golden, tokens};
    use super::*;

    #[test]
    fn rows_agree_with_the_goldens() {
        for file in golden::files() {
            let plan = file.piece.plan();
            let bar = plan.meter.steps_per_bar();
            for case in &file.gaps {
                let tokens = tokens::encode(
                    case.track,
                    &file.piece.tracks[&case.track],
                    plan.key.tonic,
                    0,
                    plan.total_steps(),
                );
                let by_step: Vec<&[Token]> = tokens[1..].split(|token| *token == STEP).collect();
                let is_kept: Vec<bool> =
                    (0..plan.total_steps()).map(|step| !case.bars.contains(&(step / bar))).collect();
                let gap = Gap::new(case.track, &plan, &is_kept, |step| by_step[step as usize]);
                for row in &case.rows {
                    for (column, (ours, theirs)) in gap.row(row.step).iter().zip(&row.values).enumerate() {
                        assert!(
                            (ours - theirs).abs() < 1e-5,
                            "{} {} bars {:?} step {} column {column}: {ours} instead of {theirs}",
                            file.name,
                            case.track,
                            case.bars,
                            row.step
                        );
                    }
                    assert_eq!(row.values.len(), GAP_LENGTH);
                }
            }
            assert!(!file.gaps.is_empty());
        }
    }

    #[test]
    fn nothing_is_told_without_a_gap_or_without_anything_kept() {
        let file = &golden::files()[0];
        let plan = file.piece.plan();
        for kept in [true, false] {
            let all = vec![kept; plan.total_steps() as usize];
            let gap = Gap::around(Track::Bass, &plan, &all, &file.piece.tracks[&Track::Bass]);
            assert!((0..plan.total_steps()).all(|step| gap.row(step).iter().all(|value| *value == 0.0)));
        }
    }
}
