//! Measures of a score: harmony, repetition, density.

use std::collections::BTreeSet;

use resonantgen_music::harmony::{chord_scale, chord_tones};
use resonantgen_music::plan::Plan;
use resonantgen_music::score::Note;
use resonantgen_music::track::Track;

/// Figures of a score; see [`super::Measures`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Music {
    /// Share of the notes' time in the scale of key and chord; tonal tracks.
    pub in_scale: Option<f32>,
    /// Share of the notes' time on chord tones; bass and harmony.
    pub chord_tones: Option<f32>,
    /// Share of the bass's notes on bar starts that are the chord's root.
    pub downbeat_roots: Option<f32>,
    /// Mean likeness of each bar to the most similar of the bars one, two and four before; drums and bass.
    pub repetition: Option<f32>,
    /// Note onsets per bar (a chord counts once).
    pub onsets_per_bar: f32,
    /// Share of the bars in which nothing sounds.
    pub empty_bars: f32,
}

impl Music {
    /// Measures the notes of `track`, which were written for `plan`.
    #[must_use]
    pub fn new(track: Track, plan: &Plan, notes: &[Note]) -> Self {
        let is_tonal = track != Track::Drums;
        let bars = bars_of(track, plan, notes);
        Self {
            in_scale: is_tonal
                .then(|| {
                    time_share(plan, notes, |pitch, step| {
                        chord_scale(plan.key, plan.chord_at(step)) & 1 << (pitch % 12) != 0
                    })
                })
                .flatten(),
            chord_tones: matches!(track, Track::Bass | Track::Harmony)
                .then(|| {
                    time_share(plan, notes, |pitch, step| {
                        chord_tones(plan.chord_at(step)) & 1 << (pitch % 12) != 0
                    })
                })
                .flatten(),
            downbeat_roots: (track == Track::Bass).then(|| downbeat_roots(plan, notes)).flatten(),
            repetition: matches!(track, Track::Drums | Track::Bass).then(|| repetition(&bars)).flatten(),
            onsets_per_bar: onset_steps(notes).len() as f32 / plan.bars as f32,
            empty_bars: empty_bars(plan, notes),
        }
    }
}

/// Steps with an onset, each once, in order.
#[must_use]
pub fn onset_steps(notes: &[Note]) -> Vec<u32> {
    let steps: BTreeSet<u32> = notes.iter().map(|note| note.step).collect();
    steps.into_iter().collect()
}

/// Share of the sounding time, step by step, for which `fits(pitch, step)` is true; `None` without notes.
fn time_share(plan: &Plan, notes: &[Note], fits: impl Fn(u8, u32) -> bool) -> Option<f32> {
    let (mut inside, mut total) = (0.0, 0.0);
    for note in notes {
        let mut left = note.length.min(plan.total_steps() as f32);
        let mut step = note.step;
        while left > 0.0 {
            let part = left.min(1.0);
            total += part;
            if fits(note.pitch, step) {
                inside += part;
            }
            left -= 1.0;
            step += 1;
        }
    }
    (total > 0.0).then(|| inside / total)
}

fn downbeat_roots(plan: &Plan, notes: &[Note]) -> Option<f32> {
    let bar = plan.meter.steps_per_bar();
    let (mut roots, mut count) = (0, 0);
    for note in notes.iter().filter(|note| note.step % bar == 0) {
        count += 1;
        roots += u32::from(note.pitch % 12 == plan.chord_at(note.step).bass_note());
    }
    (count > 0).then(|| roots as f32 / count as f32)
}

/// The events of each bar: (step in the bar, drum key), or for tonal tracks (step in the bar, interval over the root).
fn bars_of(track: Track, plan: &Plan, notes: &[Note]) -> Vec<BTreeSet<(u32, u8)>> {
    let bar = plan.meter.steps_per_bar();
    let mut bars = vec![BTreeSet::new(); plan.bars as usize];
    for note in notes {
        let what = match track {
            Track::Drums => note.pitch,
            Track::Bass | Track::Harmony | Track::Melody => {
                (note.pitch + 12 - plan.chord_at(note.step).root) % 12
            }
        };
        if let Some(events) = bars.get_mut((note.step / bar) as usize) {
            events.insert((note.step % bar, what));
        }
    }
    bars
}

/// Likeness of two bars, from 0 to 1: shared events divided by all events. Two empty bars are equal.
fn likeness(a: &BTreeSet<(u32, u8)>, b: &BTreeSet<(u32, u8)>) -> f32 {
    let all = a.union(b).count();
    if all == 0 { 1.0 } else { a.intersection(b).count() as f32 / all as f32 }
}

fn repetition(bars: &[BTreeSet<(u32, u8)>]) -> Option<f32> {
    let best = |index: usize| {
        [1, 2, 4]
            .into_iter()
            .filter_map(|back| index.checked_sub(back))
            .map(|before| likeness(&bars[index], &bars[before]))
            .fold(0.0, f32::max)
    };
    (bars.len() > 1).then(|| (1..bars.len()).map(best).sum::<f32>() / (bars.len() - 1) as f32)
}

fn empty_bars(plan: &Plan, notes: &[Note]) -> f32 {
    let bar = plan.meter.steps_per_bar();
    let mut sounds = vec![false; plan.bars as usize];
    for note in notes {
        let last = note.step + (note.length.ceil() as u32).max(1) - 1;
        for index in note.step / bar..=(last / bar).min(note.step / bar + plan.bars) {
            sounds[index as usize % plan.bars as usize] = true;
        }
    }
    sounds.iter().filter(|sounds| !**sounds).count() as f32 / plan.bars as f32
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use resonantgen_music::plan::{Meter, Swing};

    pub(in crate::measure) fn plan(chords: &[&str]) -> Plan {
        Plan {
            bpm: 120.0,
            key: "A minor".parse().expect("a key"),
            meter: Meter::COMMON,
            bars: chords.len() as u32,
            chords: chords.iter().flat_map(|chord| [chord.parse().expect("a chord"); 2]).collect(),
            swing: Swing::default(),
        }
    }

    pub(in crate::measure) fn note(step: u32, length: f32, pitch: u8) -> Note {
        Note { step, offset: 0.0, length, pitch, velocity: 100 }
    }

    #[test]
    fn good_and_bad_basses_are_told_apart() {
        let plan = plan(&["Am", "F", "Am", "F"]);
        let on_roots: Vec<Note> =
            (0..4).map(|bar| note(bar * 16, 8.0, if bar % 2 == 0 { 33 } else { 29 })).collect();
        let good = Music::new(Track::Bass, &plan, &on_roots);
        assert_eq!((good.in_scale, good.chord_tones, good.downbeat_roots), (Some(1.0), Some(1.0), Some(1.0)));
        assert_eq!((good.repetition, good.onsets_per_bar, good.empty_bars), (Some(1.0), 1.0, 0.0));
        // B flat does not belong to A minor, nor to its chords.
        let wrong: Vec<Note> = (0..2).map(|bar| note(bar * 16, 8.0, 34)).collect();
        let bad = Music::new(Track::Bass, &plan, &wrong);
        assert_eq!((bad.in_scale, bad.chord_tones, bad.downbeat_roots), (Some(0.0), Some(0.0), Some(0.0)));
        assert_eq!((bad.repetition, bad.empty_bars), (Some(1.0 / 3.0), 0.5));
    }

    #[test]
    fn held_notes_count_as_long_as_they_sound() {
        // C is a tone of both chords, B of neither; G belongs to the scale alone.
        let plan = plan(&["Am", "F"]);
        let harmony = Music::new(Track::Harmony, &plan, &[note(0, 32.0, 60), note(0, 16.0, 67)]);
        assert_eq!((harmony.chord_tones, harmony.in_scale), (Some(2.0 / 3.0), Some(1.0)));
        assert_eq!((harmony.empty_bars, harmony.onsets_per_bar), (0.0, 0.5));
    }

    #[test]
    fn drums_have_no_key_and_silence_no_shares() {
        let plan = plan(&["Am", "F"]);
        let drums =
            Music::new(Track::Drums, &plan, &[note(0, 1.0, 36), note(16, 1.0, 36), note(20, 1.0, 38)]);
        assert_eq!((drums.in_scale, drums.chord_tones, drums.repetition), (None, None, Some(0.5)));
        let nothing = Music::new(Track::Melody, &plan, &[]);
        assert_eq!((nothing.in_scale, nothing.empty_bars), (None, 1.0));
    }
}
