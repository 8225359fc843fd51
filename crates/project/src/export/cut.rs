//! Cuts some bars out of a take.

use std::ops::Range;
use std::sync::Arc;

use resonantgen_music::plan::Plan;
use resonantgen_music::score::{Note, Score};
use resonantgen_take::{StemAudio, TAKE_SAMPLE_RATE_HZ, Take};

/// Length of the fades at a cut, in audio frames: short enough for attacks, long enough to avoid clicks.
const FADE: usize = 96;

/// A part of a take.
pub(super) struct Cut {
    pub plan: Plan,
    pub score: Score,
    pub audio: Arc<StemAudio>,
}

/// Bars of a take, counted from 0; `None` for all of them. The audio is empty if the take's is. Returns `None` if the bars do not
/// exist.
pub(super) fn cut(take: &Take, bars: Option<Range<u32>>) -> Option<Cut> {
    let whole = &take.recipe.plan;
    let Some(bars) = bars else {
        return Some(Cut { plan: whole.clone(), score: take.score.clone(), audio: Arc::clone(&take.audio) });
    };
    if bars.is_empty() || bars.end > whole.bars {
        return None;
    }
    let chords = whole.chords.get(2 * bars.start as usize..2 * bars.end as usize)?.to_vec();
    let plan = Plan { bars: bars.end - bars.start, chords, ..whole.clone() };
    let first = bars.start * whole.meter.steps_per_bar();
    let steps = plan.total_steps();
    let notes = take.score.notes.iter().filter(|note| (first..first + steps).contains(&note.step));
    let notes = notes
        .map(|note| {
            let step = note.step - first;
            let room = (steps - step) as f32 - note.offset;
            Note { step, length: note.length.min(room.max(0.25)), ..*note }
        })
        .collect();
    let before = Plan { bars: bars.start, ..whole.clone() }.audio_frames(TAKE_SAMPLE_RATE_HZ);
    let length = plan.audio_frames(TAKE_SAMPLE_RATE_HZ);
    let fades = [bars.start > 0, bars.end < whole.bars];
    let audio = StemAudio {
        left: part(&take.audio.left, before, length, fades),
        right: part(&take.audio.right, before, length, fades),
    };
    Some(Cut { plan, score: Score { notes }, audio: Arc::new(audio) })
}

/// Samples from `start`, with fades where the audio is cut.
fn part(samples: &[i32], start: usize, length: usize, [at_start, at_end]: [bool; 2]) -> Vec<i32> {
    if samples.is_empty() {
        return Vec::new();
    }
    let here = samples.iter().skip(start).copied().chain(std::iter::repeat(0)).take(length);
    here.enumerate()
        .map(|(index, sample)| {
            let fade = |distance: usize| (distance as f32 / FADE as f32).min(1.0);
            let gain = if at_start { fade(index) } else { 1.0 }
                * if at_end { fade(length - 1 - index) } else { 1.0 };
            if gain < 1.0 { (sample as f32 * gain).round() as i32 } else { sample }
        })
        .collect()
}
