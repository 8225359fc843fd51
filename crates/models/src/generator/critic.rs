//! A critic: ranks scores of one track by how well they fit the other parts, and by how regular they are.
//!
//! A logistic regression over a few features of a part and of its relation to the other parts, and over their squares. It was
//! trained to distinguish real parts from parts of another piece, parts that are too early, too late or in another key, and human
//! drums from ours (`training/resonant/critic.py`). `critic.json` holds its weights and its accuracy on unseen music.

use std::sync::LazyLock;

use serde::Deserialize;

use super::TakeRequest;
use super::arrange::heard_notes;
use super::bias;
use resonantgen_music::harmony::beat_steps;
use resonantgen_music::score::{DrumClass, Note};
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_sound::measure::fit;

/// Number of features.
const FIGURES: usize = 22;
/// Features are clamped to this many standard deviations from their mean.
const FARTHEST: f32 = 4.0;

/// The parts of one piece.
#[derive(Clone, Copy, Debug)]
struct Parts<'a> {
    /// Pitch class of the key.
    tonic: u8,
    steps_per_bar: usize,
    steps_per_beat: usize,
    total: usize,
    /// Notes of each track, indexed like [`Track::ALL`]; empty if the track is not heard.
    notes: [&'a [Note]; TRACK_COUNT],
}

/// Weights for one track.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Weights {
    mean: Vec<f32>,
    spread: Vec<f32>,
    /// Weights of the features, then of their squares.
    weights: Vec<f32>,
    /// Accuracy on unseen music (AUC), for information only.
    #[serde(rename = "held_out_auc")]
    _held_out_auc: std::collections::BTreeMap<String, f32>,
}

#[derive(Deserialize)]
struct Critic {
    drums: Weights,
    bass: Weights,
    harmony: Weights,
    melody: Weights,
}

static CRITIC: LazyLock<Critic> = LazyLock::new(|| {
    serde_json::from_str(include_str!("critic.json")).expect("the critic's weights are well-formed")
});

/// Scores the part of `track` among the others; higher is better. Only comparisons within the same piece are meaningful.
fn judge(track: Track, parts: &Parts<'_>) -> f32 {
    let critic = match track {
        Track::Drums => &CRITIC.drums,
        Track::Bass => &CRITIC.bass,
        Track::Harmony => &CRITIC.harmony,
        Track::Melody => &CRITIC.melody,
    };
    let figures = figures(track, parts);
    let mut sum = 0.0;
    for (index, figure) in figures.into_iter().enumerate() {
        let value = (figure - critic.mean[index]) / critic.spread[index].max(1e-6);
        let value = value.clamp(-FARTHEST, FARTHEST);
        sum += critic.weights[index] * value + critic.weights[FIGURES + index] * value * value;
    }
    sum
}

/// Number of flawless scores to write for a request, from which the critic chooses. It is 1 if there are no other parts to fit,
/// for edits, which stay close to a take, and for recipes older than grooves, which must not change.
pub(super) fn choice(request: &TakeRequest<'_>) -> usize {
    let is_judged = matches!(request.track, Track::Bass | Track::Melody);
    let hears =
        Track::ALL.into_iter().any(|other| other != request.track && heard_notes(request, other).is_some());
    let is_new = request.intent.groove.is_some() && bias::parent(request).is_none();
    if is_judged && hears && is_new { 2 } else { 1 }
}

/// [`judge`] for notes written for a request.
pub(super) fn judge_for(request: &TakeRequest<'_>, notes: &[Note]) -> f32 {
    let plan = request.plan;
    let parts = Parts {
        tonic: plan.key.tonic,
        steps_per_bar: plan.meter.steps_per_bar() as usize,
        steps_per_beat: beat_steps(plan.meter) as usize,
        total: plan.total_steps() as usize,
        notes: Track::ALL.map(|track| match track {
            own if own == request.track => notes,
            other => heard_notes(request, other).unwrap_or_default(),
        }),
    };
    judge(request.track, &parts)
}

/// Share of onsets that two bars of a row have in common.
fn likeness(row: &[bool], bar: usize, apart: usize) -> f32 {
    let (mut common, mut any) = (0.0, 0.0);
    for step in 0..row.len() {
        let (now, past) = (row[step], row[(step + row.len() - (apart * bar) % row.len()) % row.len()]);
        common += f32::from(u8::from(now && past));
        any += f32::from(u8::from(now || past));
    }
    if any > 0.0 { common / any } else { 1.0 }
}

fn figures(track: Track, parts: &Parts<'_>) -> [f32; FIGURES] {
    let (total, bar, beat) = (parts.total.max(1), parts.steps_per_bar.max(1), parts.steps_per_beat.max(1));
    let own = parts.notes[track.index()];
    let row = fit::onset_row(own, total as u32);
    let onsets: Vec<usize> = (0..total).filter(|step| row[*step]).collect();
    let count = onsets.len().max(1) as f32;
    let share =
        |counts: &dyn Fn(usize) -> bool| onsets.iter().filter(|step| counts(**step)).count() as f32 / count;
    let mut figures = [0.0; FIGURES];
    figures[0] = onsets.len() as f32 / total as f32;
    figures[1] = share(&|step| !step.is_multiple_of(beat));
    figures[2] = share(&|step| !step.is_multiple_of(2));
    figures[3] = share(&|step| step.is_multiple_of(bar));
    figures[4] = likeness(&row, bar, 1);
    figures[5] = likeness(&row, bar, 2);
    figures[6] = likeness(&row, bar, 4);
    figures[7] = own.len() as f32 / count;
    if track == Track::Drums {
        for (at, class) in
            [(8, DrumClass::Kick), (9, DrumClass::Snare), (10, DrumClass::ClosedHat), (11, DrumClass::Ride)]
        {
            let voice = fit::voice_row(own, class, total as u32);
            let hits: Vec<usize> = (0..total).filter(|step| voice[*step]).collect();
            figures[at] = hits.len() as f32 / total as f32;
            figures[at + 4] = hits.iter().filter(|step| !step.is_multiple_of(beat)).count() as f32
                / hits.len().max(1) as f32;
            figures[at + 8] = likeness(&voice, bar, 1);
        }
        return figures;
    }
    // The highest note of each onset forms the line.
    let line: Vec<i32> = onsets
        .iter()
        .filter_map(|step| {
            own.iter().filter(|note| note.step as usize == *step).map(|note| i32::from(note.pitch)).max()
        })
        .collect();
    let leaps: Vec<f32> = line.windows(2).map(|pair| (pair[1] - pair[0]).unsigned_abs() as f32).collect();
    let steps = leaps.len().max(1) as f32;
    figures[8] = leaps.iter().sum::<f32>() / steps;
    figures[9] = leaps.iter().filter(|leap| **leap <= 2.0).count() as f32 / steps;
    figures[10] = own.iter().map(|note| note.length).sum::<f32>() / own.len().max(1) as f32 / bar as f32;
    for (at, voice) in [(11, DrumClass::Kick), (12, DrumClass::Snare)] {
        let voice = fit::voice_row(parts.notes[0], voice, total as u32);
        figures[at] = fit::togetherness(&row, &voice).unwrap_or(0.0);
    }
    let others = Track::ALL.into_iter().filter(|other| *other != Track::Drums && *other != track);
    for (index, other) in others.enumerate() {
        let notes = parts.notes[other.index()];
        let at = 13 + 4 * index;
        if notes.is_empty() {
            continue;
        }
        figures[at] = 1.0;
        figures[at + 1] = fit::togetherness(&row, &fit::onset_row(notes, total as u32)).unwrap_or(0.0);
        let sounding = sounding(parts.tonic, notes, total);
        let (mut agree, mut clash, mut heard) = (0.0_f32, 0.0_f32, 0.0_f32);
        for note in own {
            let class = (note.pitch + 12 - parts.tonic) % 12;
            let now = sounding[note.step as usize % total];
            if now == 0 {
                continue;
            }
            let has = |interval: u8| now & 1 << ((class + interval) % 12) != 0;
            heard += 1.0;
            agree += f32::from(u8::from(has(0)));
            clash += f32::from(u8::from(!has(0) && (has(1) || has(11))));
        }
        figures[at + 2] = agree / heard.max(1.0);
        figures[at + 3] = clash / heard.max(1.0);
    }
    figures
}

/// The pitch classes sounding at each step, relative to the tonic, as bits.
fn sounding(tonic: u8, notes: &[Note], total: usize) -> Vec<u16> {
    let mut row = vec![0; total];
    for note in notes {
        let first = note.step as usize;
        for step in first..first + (note.length.ceil() as usize).clamp(1, total) {
            row[step % total] |= 1 << ((note.pitch + 12 - tonic) % 12);
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    fn note(step: u32, length: f32, pitch: u8) -> Note {
        Note { step, offset: 0.0, length, pitch, velocity: 100 }
    }

    /// A line of the input of `training/resonant/critic.py`: a piece, and the track to judge.
    #[derive(Deserialize)]
    struct Case {
        track: String,
        tonic: u8,
        bar: usize,
        beat: usize,
        total: usize,
        /// Step, length and pitch.
        notes: [Vec<(u32, f32, u8)>; TRACK_COUNT],
    }

    #[test]
    #[ignore = "chore: writes the figures of pieces for the training in Python"]
    fn figures_to_train_with() {
        let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} names a file"));
        let text = std::fs::read_to_string(variable("RESONANTGEN_PIECES")).expect("a file of pieces");
        let mut table = String::new();
        for line in text.lines() {
            let case: Case = serde_json::from_str(line).expect("a piece");
            let notes = case.notes.map(|notes| {
                notes.into_iter().map(|(step, length, pitch)| note(step, length, pitch)).collect::<Vec<_>>()
            });
            let parts = Parts {
                tonic: case.tonic,
                steps_per_bar: case.bar,
                steps_per_beat: case.beat,
                total: case.total,
                notes: notes.each_ref().map(Vec::as_slice),
            };
            let track = Track::ALL.into_iter().find(|track| track.name() == case.track).expect("a track");
            let row: Vec<String> = figures(track, &parts).iter().map(ToString::to_string).collect();
            let _ = writeln!(table, "{}", row.join(","));
        }
        std::fs::write(variable("RESONANTGEN_FIGURES"), table).expect("a table");
    }

    #[test]
    fn a_part_that_belongs_to_the_piece_is_better_than_a_wrong_one() {
        let kicks = [0, 6, 10];
        let drums: Vec<Note> = (0..8)
            .flat_map(|bar| {
                kicks
                    .map(|at| note(16 * bar + at, 1.0, 36))
                    .into_iter()
                    .chain([4, 12].map(|at| note(16 * bar + at, 1.0, 38)))
            })
            .collect();
        let root = |bar: u32| [45, 41, 48, 43][bar as usize % 4];
        let harmony: Vec<Note> = (0..8)
            .flat_map(|bar| [12, 19, 24].map(|interval| note(16 * bar, 16.0, root(bar) + interval)))
            .collect();
        let bass = |shift: u32, up: u8| -> Vec<Note> {
            (0..8)
                .flat_map(|bar| kicks.map(|at| note((16 * bar + at + shift) % 128, 3.0, root(bar) - 12 + up)))
                .collect()
        };
        let judged = |bass: &[Note]| {
            let notes = [drums.as_slice(), bass, harmony.as_slice(), &[]];
            judge(Track::Bass, &Parts { tonic: 9, steps_per_bar: 16, steps_per_beat: 4, total: 128, notes })
        };
        let own = judged(&bass(0, 0));
        for (wrong, what) in [(bass(3, 0), "late"), (bass(0, 1), "in another key")] {
            assert!(own > judged(&wrong), "{what}: {own} {}", judged(&wrong));
        }
    }
}
