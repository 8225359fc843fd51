//! How well two tracks fit: bass and kick, melody and harmony. Shows whether a new part follows what it heard.

use resonantgen_music::harmony::chord_tones;
use resonantgen_music::plan::Plan;
use resonantgen_music::score::{DrumClass, Note};

/// Onsets of the bass drum, per step.
#[must_use]
pub fn kick_row(drums: &[Note], total_steps: u32) -> Vec<bool> {
    voice_row(drums, DrumClass::Kick, total_steps)
}

/// Onsets of one drum voice, per step.
#[must_use]
pub fn voice_row(drums: &[Note], voice: DrumClass, total_steps: u32) -> Vec<bool> {
    onset_row(drums.iter().filter(|note| note.pitch == voice.key()), total_steps)
}

/// Onsets, per step.
#[must_use]
pub fn onset_row<'a>(notes: impl IntoIterator<Item = &'a Note>, total_steps: u32) -> Vec<bool> {
    let mut row = vec![false; total_steps as usize];
    for note in notes {
        if let Some(step) = row.get_mut(note.step as usize) {
            *step = true;
        }
    }
    row
}

/// Phi coefficient of two rows of onsets, from -1 (one plays exactly when the other rests) through 0 (unrelated) to 1
/// (together). Rows of different lengths are repeated. `None` if a row is empty or full, when it is not defined.
#[must_use]
pub fn togetherness(a: &[bool], b: &[bool]) -> Option<f32> {
    let count = a.len().max(b.len());
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let (mut both, mut only_a, mut only_b) = (0.0_f32, 0.0_f32, 0.0_f32);
    for step in 0..count {
        match (a[step % a.len()], b[step % b.len()]) {
            (true, true) => both += 1.0,
            (true, false) => only_a += 1.0,
            (false, true) => only_b += 1.0,
            (false, false) => {}
        }
    }
    let (all_a, all_b, count) = (both + only_a, both + only_b, count as f32);
    let spread = (all_a * (count - all_a) * all_b * (count - all_b)).sqrt();
    (spread > 0.0).then(|| (count * both - all_a * all_b) / spread)
}

/// Sounding pitch classes relative to the tonic at each step, as bits.
#[must_use]
pub fn sounding(plan: &Plan, notes: &[Note]) -> Vec<u16> {
    let total = plan.total_steps();
    let mut row = vec![0; total as usize];
    for note in notes {
        for step in note.step..note.step + (note.length.ceil() as u32).clamp(1, total) {
            row[(step % total) as usize] |= 1 << ((note.pitch + 12 - plan.key.tonic) % 12);
        }
    }
    row
}

/// Consonance of `melody` with the chords that `harmony` plays, from 0 to 1: per melody note and step, 1 for a sounding pitch
/// class, less for others, least for one a semitone from a sounding one. Both are relative to their tonics, so that parts of
/// pieces in different keys can be compared. `None` if the two never sound together.
#[must_use]
pub fn consonance(plan: &Plan, melody: &[Note], harmony_plan: &Plan, harmony: &[Note]) -> Option<f32> {
    let chords = sounding(harmony_plan, harmony);
    let total = plan.total_steps();
    let (mut sum, mut weight) = (0.0, 0.0);
    for note in melody {
        let class = (note.pitch + 12 - plan.key.tonic) % 12;
        for step in note.step..note.step + (note.length.round() as u32).clamp(1, total) {
            // Bars of another piece repeat like its loop.
            let heard = chords[(step % total) as usize % chords.len()];
            if heard == 0 {
                continue;
            }
            let has = |interval: u8| heard & 1 << ((class + interval) % 12) != 0;
            weight += 1.0;
            sum += if has(0) {
                1.0
            } else if has(1) || has(11) {
                0.0
            } else {
                0.5
            };
        }
    }
    (weight > 0.0).then(|| sum / weight)
}

/// Share of the notes' onsets that are tones of the planned chord.
#[must_use]
pub fn onsets_on_chord(plan: &Plan, notes: &[Note]) -> Option<f32> {
    let inside = notes
        .iter()
        .filter(|note| chord_tones(plan.chord_at(note.step)) & 1 << (note.pitch % 12) != 0)
        .count();
    (!notes.is_empty()).then(|| inside as f32 / notes.len() as f32)
}

/// Probability that a value of `matched` is above one of `shuffled`, ties counting half: the area under the ROC curve (Mann and
/// Whitney, 1947). `None` if either is empty.
#[must_use]
pub fn auc(matched: &[f32], shuffled: &[f32]) -> Option<f32> {
    if matched.is_empty() || shuffled.is_empty() {
        return None;
    }
    let wins: f64 = matched
        .iter()
        .flat_map(|own| shuffled.iter().map(move |other| (own, other)))
        .map(|(own, other)| match own.total_cmp(other) {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        })
        .sum();
    Some((wins / (matched.len() * shuffled.len()) as f64) as f32)
}

#[cfg(test)]
mod tests {
    use super::super::music::tests::{note, plan};
    use super::*;

    #[test]
    fn together_apart_and_unrelated() {
        let row = |text: &str| text.chars().map(|step| step == 'x').collect::<Vec<_>>();
        let floor = row("x...x...x...x...");
        assert_eq!(togetherness(&floor, &floor), Some(1.0));
        assert_eq!(togetherness(&floor, &row("x...")), Some(1.0));
        assert!(togetherness(&floor, &row("..x...x...x...x.")).expect("both play") < -0.2);
        assert!(togetherness(&floor, &row("xx..........xx..")).expect("both play") < 0.6);
        assert_eq!(togetherness(&floor, &row("................")), None);
        assert_eq!(togetherness(&floor, &[]), None);
    }

    #[test]
    fn a_melody_fits_the_chords_it_was_written_for() {
        let plan = plan(&["Am", "F"]);
        let chord = |step, pitches: [u8; 3]| pitches.map(|pitch| note(step, 16.0, pitch)).to_vec();
        let harmony = [chord(0, [57, 60, 64]), chord(16, [53, 57, 60])].concat();
        let fits = [note(0, 8.0, 69), note(16, 8.0, 72)];
        let clashes = [note(0, 8.0, 68), note(16, 8.0, 70)];
        assert_eq!(consonance(&plan, &fits, &plan, &harmony), Some(1.0));
        assert_eq!(consonance(&plan, &clashes, &plan, &harmony), Some(0.0 + 0.0));
        assert_eq!(consonance(&plan, &fits, &plan, &[]), None);
        assert_eq!(onsets_on_chord(&plan, &fits), Some(1.0));
    }

    #[test]
    fn the_area_counts_ties_half() {
        assert_eq!(auc(&[2.0, 3.0], &[0.0, 1.0]), Some(1.0));
        assert_eq!(auc(&[1.0], &[1.0, 1.0]), Some(0.5));
        assert_eq!(auc(&[], &[1.0]), None);
    }
}
