//! Key and chords of a loop, from its chroma.

use super::Measured;
use resonantgen_music::plan::{Chord, ChordQuality, Key, Mode, Plan};
use resonantgen_sound::listen::HeardStep;

/// How well each pitch class fits a key, from the tonic upwards (Krumhansl, "Cognitive Foundations of Musical Pitch",
/// 1990, table 2.1).
const MAJOR: [f32; 12] = [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88];
const MINOR: [f32; 12] = [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17];
/// Extra weight of the lowest pitch, which tends to be a root.
const BASS_WEIGHT: f32 = 1.0;
/// Penalty for a chord that differs from the previous one.
const CHANGE_COST: f32 = 0.12;

/// Weight of each pitch class over some steps.
fn chroma<'a>(steps: impl IntoIterator<Item = &'a HeardStep>) -> [f32; 12] {
    let mut chroma = [0.0; 12];
    for step in steps {
        let lowest = step.pitches.iter().map(|(pitch, _)| *pitch).min();
        for (pitch, strength) in &step.pitches {
            let bass = if Some(*pitch) == lowest { BASS_WEIGHT } else { 0.0 };
            chroma[usize::from(pitch % 12)] += strength * (1.0 + bass) * step.level.sqrt();
        }
    }
    chroma
}

/// Pearson's correlation of a chroma with a profile whose first value belongs to `tonic`.
fn correlation(chroma: &[f32; 12], profile: &[f32; 12], tonic: usize) -> f32 {
    let mean = |values: &[f32; 12]| values.iter().sum::<f32>() / 12.0;
    let (chroma_mean, profile_mean) = (mean(chroma), mean(profile));
    let (mut product, mut a, mut b) = (0.0, 0.0, 0.0);
    for (index, value) in profile.iter().enumerate() {
        let x = chroma[(tonic + index) % 12] - chroma_mean;
        let y = value - profile_mean;
        product += x * y;
        a += x * x;
        b += y * y;
    }
    if a * b > 0.0 { product / (a * b).sqrt() } else { 0.0 }
}

/// The key, major or minor.
pub(super) fn key(heard: &[HeardStep], plan: &Plan) -> Measured<Key> {
    let mut weights = chroma(heard);
    // The beginning of a bar says more about the tonic, and the beginning of the loop most.
    let per_bar = plan.meter.steps_per_bar() as usize;
    for (bar, steps) in heard.chunks(per_bar).enumerate() {
        let extra = if bar == 0 { 2.0 } else { 0.5 };
        let begin = chroma(steps.iter().take(per_bar / 4));
        for (weight, begin) in weights.iter_mut().zip(begin) {
            *weight += extra * begin;
        }
    }
    let mut found: Vec<(f32, Key)> = (0..12)
        .flat_map(|tonic| {
            [(Mode::Major, &MAJOR), (Mode::Minor, &MINOR)].map(|(mode, profile)| (tonic, mode, profile))
        })
        .map(|(tonic, mode, profile)| {
            (correlation(&weights, profile, tonic), Key { tonic: tonic as u8, mode })
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let ((best, value), (second, _)) = (found[0], found[1]);
    let confidence = (best.max(0.0) * ((best - second) * 6.0).clamp(0.15, 1.0)).clamp(0.0, 1.0);
    Measured { value, confidence: if weights.iter().sum::<f32>() > 0.0 { confidence } else { 0.0 } }
}

/// The triad on a key's tonic.
pub(super) fn tonic(key: Key) -> Chord {
    let quality = if key.mode == Mode::Major { ChordQuality::Major } else { ChordQuality::Minor };
    triad(key, 0).unwrap_or(Chord { flats: key.uses_flats(), ..Chord::new(key.tonic, quality, false) })
}

/// The triad on a degree (0 to 6) of a key.
fn triad(key: Key, degree: usize) -> Option<Chord> {
    let degrees = key.mode.degrees();
    let tone = |index: usize| degrees[index % 7] + if index >= 7 { 12 } else { 0 };
    let (root, third, fifth) = (tone(degree), tone(degree + 2), tone(degree + 4));
    let quality = match (third - root, fifth - root) {
        (4, 7) => ChordQuality::Major,
        (3, 7) => ChordQuality::Minor,
        (3, 6) => ChordQuality::Diminished,
        (4, 8) => ChordQuality::Augmented,
        _ => return None,
    };
    Some(Chord { flats: key.uses_flats(), ..Chord::new(key.tonic + root, quality, false) })
}

/// One chord per half bar: the best-fitting sequence of the key's triads, with a penalty for changes (Viterbi).
pub(super) fn chords(heard: &[HeardStep], plan: &Plan, key: Key) -> Vec<Chord> {
    let mut choices: Vec<Chord> = (0..7).filter_map(|degree| triad(key, degree)).collect();
    if key.mode == Mode::Minor {
        choices
            .push(Chord { flats: key.uses_flats(), ..Chord::new(key.tonic + 7, ChordQuality::Major, false) });
    }
    let half = (plan.meter.steps_per_bar() / 2).max(1) as usize;
    let count = 2 * plan.bars as usize;
    let mut best: Vec<(f32, Vec<usize>)> = vec![(0.0, Vec::new()); choices.len()];
    for index in 0..count {
        let from = (index * half).min(heard.len());
        let steps = &heard[from..(from + half).min(heard.len())];
        let chroma = chroma(steps);
        let norm = chroma.iter().map(|value| value * value).sum::<f32>().sqrt().max(1e-9);
        let scores: Vec<f32> = choices
            .iter()
            .map(|chord| {
                let tones = chord.quality.intervals();
                let weight = |tone: &u8| {
                    let root = if *tone == 0 { 1.25 } else { 0.9 };
                    chroma[usize::from((chord.root + tone) % 12)] / norm * root
                };
                tones.iter().map(weight).sum::<f32>() / 3.0_f32.sqrt()
                    - if chord.quality == ChordQuality::Diminished { 0.12 } else { 0.0 }
            })
            .collect();
        best = (0..choices.len())
            .map(|choice| {
                let total = |from: &usize| best[*from].0 - if *from == choice { 0.0 } else { CHANGE_COST };
                let from = (0..choices.len()).max_by(|a, b| total(a).total_cmp(&total(b))).unwrap_or(choice);
                let mut path = best[from].1.clone();
                path.push(choice);
                (total(&from) + scores[choice], path)
            })
            .collect();
    }
    let path = best.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, path)| path).unwrap_or_default();
    path.into_iter().map(|choice| choices[choice]).collect()
}
