//! Dynamics of loops: attack and sustain, glue, saturation.

use super::Sides;
use crate::audio::TAKE_SAMPLE_RATE_HZ;

/// Samples per value of an envelope.
const STEP: usize = 16;
/// Values of an envelope per second.
const RATE: f64 = TAKE_SAMPLE_RATE_HZ as f64 / STEP as f64;
/// Level in decibels below which nothing is changed.
const FLOOR_DB: f32 = -70.0;
/// Difference of the followers, in decibels, at which an attack or a decay gets the full gain.
const FULL_DB: f32 = 9.0;
/// Level above the loop's, in decibels, at which compression starts, the reduction per decibel, and the maximum reduction.
const GLUE_ABOVE_DB: f32 = 1.0;
const GLUE_SHARE: f32 = 0.5;
const GLUE_MOST_DB: f32 = 6.0;

/// Peaks across both channels, one per [`STEP`].
fn peaks([left, right]: &Sides) -> Vec<f32> {
    let peak = |samples: &[f32]| samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    left.chunks(STEP).zip(right.chunks(STEP)).map(|(left, right)| peak(left).max(peak(right))).collect()
}

/// Follows a loop's envelope with the given rise and fall times in seconds. The loop's end is treated as preceding its start.
fn followed(envelope: &[f32], rise_s: f64, fall_s: f64) -> Vec<f32> {
    let share = |seconds: f64| (1.0 - (-1.0 / (seconds * RATE)).exp()) as f32;
    let (rise, fall) = (share(rise_s), share(fall_s));
    let mut level = 0.0_f32;
    let mut out = vec![0.0; envelope.len()];
    for _ in 0..2 {
        for (value, out) in envelope.iter().zip(&mut out) {
            level += (value - level) * if *value > level { rise } else { fall };
            *out = level;
        }
    }
    out
}

fn decibels(level: f32) -> f32 {
    20.0 * level.max(1e-6).log10()
}

/// Applies gains in decibels, one per [`STEP`], to both channels, interpolating between them.
fn apply_gains(sides: &mut Sides, gains_db: &[f32]) {
    let gains: Vec<f32> = gains_db.iter().map(|gain| 10f32.powf(gain / 20.0)).collect();
    for samples in sides {
        for (block, part) in samples.chunks_mut(STEP).enumerate() {
            let before = gains[(block + gains.len() - 1) % gains.len()];
            for (index, sample) in part.iter_mut().enumerate() {
                let share = (index + 1) as f32 / STEP as f32;
                *sample *= before + share * (gains[block] - before);
            }
        }
    }
}

/// Samples before a note's start in which its attack begins to be raised (2 ms), while it stays raised (25 ms), and in which that ends
/// (50 ms).
const ATTACK_LEAD: usize = 96;
const ATTACK_HOLD: usize = 1_200;
const ATTACK_FALL: usize = 2_400;
/// Samples after a note's start at which its sustain begins (50 ms), and until it has its full gain (100 ms).
const SUSTAIN_FROM: usize = 2_400;
const SUSTAIN_RISE: usize = 4_800;

/// Raises attacks and the sound after them by the given decibels (or lowers them, if negative). With `onsets`, the frames in which notes
/// start, each note is shaped, however slowly it begins. Without them, the difference of a fast and a slow follower indicates an
/// attack; that of two fall times indicates a decay (as in hardware "transient designers").
pub(super) fn shape(sides: &mut Sides, onsets: &[usize], attack_db: f32, sustain_db: f32) {
    if (attack_db == 0.0 && sustain_db == 0.0) || sides[0].is_empty() {
        return;
    }
    if !onsets.is_empty() {
        let gains = keyed(sides[0].len(), onsets, attack_db, sustain_db);
        apply_gains(sides, &followed_signed(&gains));
        return;
    }
    let envelope = peaks(sides);
    let quick = followed(&envelope, 0.0005, 0.040);
    let slow = followed(&envelope, 0.030, 0.040);
    let held = followed(&envelope, 0.0005, 0.400);
    let gains: Vec<f32> = (0..envelope.len())
        .map(|at| {
            let level = decibels(quick[at]);
            if level < FLOOR_DB {
                return sustain_db.min(0.0);
            }
            let attack = ((level - decibels(slow[at])) / FULL_DB).clamp(0.0, 1.0);
            let decay = ((decibels(held[at]) - level) / FULL_DB).clamp(0.0, 1.0);
            attack_db * attack + sustain_db * decay
        })
        .collect();
    apply_gains(sides, &followed_signed(&gains));
}

/// Gains in decibels of a loop of `count` samples whose notes start at `onsets`, one per [`STEP`].
fn keyed(count: usize, onsets: &[usize], attack_db: f32, sustain_db: f32) -> Vec<f32> {
    let blocks = count.div_ceil(STEP);
    let (mut attacks, mut sustains) = (vec![0.0_f32; blocks], vec![1.0_f32; blocks]);
    for onset in onsets {
        let first = (onset + count - ATTACK_LEAD.min(count)) / STEP;
        let length = (ATTACK_LEAD + (ATTACK_HOLD + ATTACK_FALL).max(SUSTAIN_FROM + SUSTAIN_RISE)) / STEP;
        for block in 0..length.min(blocks) {
            let since = (block * STEP).saturating_sub(ATTACK_LEAD);
            let fallen = since.saturating_sub(ATTACK_HOLD) as f32 / ATTACK_FALL as f32;
            let risen = since.saturating_sub(SUSTAIN_FROM) as f32 / SUSTAIN_RISE as f32;
            let place = (first + block) % blocks;
            attacks[place] = attacks[place].max(1.0 - fallen.min(1.0));
            sustains[place] = sustains[place].min(risen.min(1.0));
        }
    }
    attacks.iter().zip(&sustains).map(|(attack, sustain)| attack_db * attack + sustain_db * sustain).collect()
}

/// Smooths gains (1.5 ms).
fn followed_signed(gains: &[f32]) -> Vec<f32> {
    let share = (1.0 - (-1.0 / (0.0015 * RATE)).exp()) as f32;
    let mut level = gains.last().copied().unwrap_or(0.0);
    gains
        .iter()
        .map(|gain| {
            level += share * (gain - level);
            level
        })
        .collect()
}

/// Compresses what is louder than the loop's average level by 2 to 1, linked across both channels. `amount` is 1 for the full
/// effect.
pub(super) fn glue(sides: &mut Sides, amount: f32) {
    if amount == 0.0 || sides[0].is_empty() {
        return;
    }
    let envelope = followed(&peaks(sides), 0.008, 0.150);
    // The level of what sounds; silence between notes does not count.
    let highest = envelope.iter().fold(0.0_f32, |highest, level| highest.max(*level));
    let loud: Vec<f32> = envelope.iter().copied().filter(|level| *level > 0.1 * highest).collect();
    if loud.is_empty() {
        return;
    }
    let usual = decibels((loud.iter().map(|level| level * level).sum::<f32>() / loud.len() as f32).sqrt());
    let gains: Vec<f32> = envelope
        .iter()
        .map(|level| {
            let over = (decibels(*level) - usual - GLUE_ABOVE_DB).max(0.0);
            -amount * (GLUE_SHARE * over).min(GLUE_MOST_DB)
        })
        .collect();
    apply_gains(sides, &gains);
}

/// Saturates with a hyperbolic tangent, driven `drive_db` above the loop's usual peaks, at constant level. Uses first-order
/// antiderivative antialiasing (Parker, Zavalishin and Le Bivic 2016, "Reducing the aliasing of nonlinear waveshaping using
/// continuous-time convolution").
pub(super) fn saturate(sides: &mut Sides, drive_db: f32) {
    if drive_db <= 0.0 {
        return;
    }
    let mut sizes: Vec<f32> =
        sides.iter().flatten().step_by(7).map(|sample| sample.abs()).filter(|size| *size > 1e-5).collect();
    if sizes.is_empty() {
        return;
    }
    let rank = (sizes.len() - 1) * 97 / 100;
    let (_, usual, _) = sizes.select_nth_unstable_by(rank, f32::total_cmp);
    let usual = *usual;
    let peak = sides.iter().flatten().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    // Attacks far above the rest are not driven harder than a steady sound would be.
    let reference = f64::from(usual.max(0.5 * peak));
    let factor = 10f64.powf(f64::from(drive_db) / 20.0) * 0.5 / reference;
    // ln cosh, without overflow.
    let whole = |x: f64| x.abs() + (-2.0 * x.abs()).exp().ln_1p() - std::f64::consts::LN_2;
    for samples in sides {
        let mut before = samples.last().map_or(0.0, |sample| f64::from(*sample) * factor);
        let mut sum_before = whole(before);
        for sample in samples.iter_mut() {
            let now = f64::from(*sample) * factor;
            let sum = whole(now);
            let step = now - before;
            let bent =
                if step.abs() < 1e-5 { (0.5 * (now + before)).tanh() } else { (sum - sum_before) / step };
            *sample = (bent / factor) as f32;
            (before, sum_before) = (now, sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ringing bursts, twice per second.
    fn bursts() -> Sides {
        let one: Vec<f32> = (0..96_000)
            .map(|index| {
                let since = (index % 24_000) as f32 / 48_000.0;
                0.5 * (-since * 12.0).exp() * (std::f32::consts::TAU * 440.0 * since).sin()
            })
            .collect();
        [one.clone(), one]
    }

    fn rms(samples: &[f32]) -> f32 {
        (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32).sqrt()
    }

    /// Level of the first 10 ms of the second burst, relative to its sound after 100 to 200 ms, in decibels.
    fn stands_out([left, _]: &Sides) -> f32 {
        20.0 * (rms(&left[24_000..24_480]) / rms(&left[28_800..33_600])).log10()
    }

    #[test]
    fn attacks_and_tails_are_shaped_each_on_its_own() {
        let before = stands_out(&bursts());
        for (attack, sustain, least, most) in
            [(6.0, 0.0, 2.0, 7.0), (-6.0, 0.0, -7.0, -2.0), (0.0, -8.0, 3.0, 9.0), (0.0, 4.0, -5.0, -1.5)]
        {
            let mut sides = bursts();
            shape(&mut sides, &[], attack, sustain);
            let change = stands_out(&sides) - before;
            assert!((least..most).contains(&change), "{attack} and {sustain}: {change}");
            let mut sides = bursts();
            shape(&mut sides, &[0, 24_000, 48_000, 72_000], attack, sustain);
            let change = stands_out(&sides) - before;
            assert!((least..most).contains(&change), "{attack} and {sustain} by the notes: {change}");
        }
    }

    #[test]
    fn a_note_that_begins_slowly_can_be_made_punchy() {
        // Swells of 60 ms that hold, without a pause between them.
        let swell = |index: usize| ((index % 24_000) as f32 / 2_880.0).min(1.0);
        let tone = |index: usize| (std::f32::consts::TAU * 440.0 * index as f32 / 48_000.0).sin();
        let one: Vec<f32> = (0..96_000).map(|index| 0.3 * (0.2 + 0.8 * swell(index)) * tone(index)).collect();
        let mut sides = [one.clone(), one];
        let before = stands_out(&sides);
        shape(&mut sides, &[0, 24_000, 48_000, 72_000], 7.0, -3.0);
        assert!(stands_out(&sides) - before > 6.0);
    }

    #[test]
    fn glue_brings_loud_and_soft_together() {
        let mut sides = bursts();
        let soft = sides[0][48_000..72_000].iter().map(|sample| 0.3 * sample).collect::<Vec<_>>();
        for side in &mut sides {
            side[48_000..72_000].copy_from_slice(&soft);
        }
        let difference = |sides: &Sides| rms(&sides[0][24_000..48_000]) / rms(&sides[0][48_000..72_000]);
        let before = difference(&sides);
        glue(&mut sides, 1.0);
        assert!(difference(&sides) < 0.85 * before);
    }

    #[test]
    fn saturation_lowers_peaks_and_keeps_what_is_small() {
        let mut sides = bursts();
        let [before, _] = bursts();
        saturate(&mut sides, 9.0);
        let crest = |samples: &[f32]| {
            samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs())) / rms(samples)
        };
        assert!(crest(&sides[0]) < 0.7 * crest(&before));
        // 300 ms after the last attack.
        assert!((rms(&sides[0][14_400..19_200]) / rms(&before[14_400..19_200]) - 1.0).abs() < 0.1);
        let mut silent: Sides = [vec![0.0; 4_800], vec![0.0; 4_800]];
        saturate(&mut silent, 9.0);
        shape(&mut silent, &[], 6.0, 6.0);
        shape(&mut silent, &[100], 6.0, 6.0);
        glue(&mut silent, 1.0);
        assert!(silent[0].iter().all(|sample| *sample == 0.0));
    }
}
