//! Tails of loops that are cut off: a song leaves a section at its end, where the loop would have continued.
//!
//! At the end of a loop, its notes are mixed with the beginning of the next pass. So the tail is made from the sound just before
//! the cut, continued by synchronised overlap-add (Roucos and Wilgus, "High quality time-scale modification for speech", ICASSP
//! 1985) with an exponential decay.

use crate::audio::{StemAudio, TAKE_SAMPLE_RATE_HZ};

/// Audio frames before the cut that already belong to the tail (10 ms), so that the sound is continuous across the cut.
pub const TAIL_LEAD: usize = TAKE_SAMPLE_RATE_HZ as usize / 100;
/// Audio frames before the cut from which the tail is made (170 ms), and the length of each of its pieces (60 ms).
const SOURCE: usize = TAKE_SAMPLE_RATE_HZ as usize * 17 / 100;
const PIECE: usize = TAKE_SAMPLE_RATE_HZ as usize * 6 / 100;
/// Spacing of the positions that are tried for a piece, and of the samples that are compared.
const PLACE_STEP: usize = 7;
const SAMPLE_STEP: usize = 3;
/// Decay of a tail over its duration, in decibels.
const FALL_DB: f64 = 60.0;

/// The tail of a loop: [`TAIL_LEAD`] audio frames that replace the loop's last ones, then `frames` more. It falls by 60 dB in
/// `seconds`. Empty if the loop is too short to make a tail. Not realtime-safe.
#[must_use]
pub fn tail(audio: &StemAudio, seconds: f64, frames: usize) -> StemAudio {
    let count = audio.len();
    if count < SOURCE || seconds <= 0.0 {
        return StemAudio::default();
    }
    let first = count - SOURCE;
    let source: Vec<f32> =
        (first..count).map(|index| audio.left[index] as f32 + audio.right[index] as f32).collect();
    // For each sample of the tail, its positions in the source and the share of the newer of two pieces.
    let mut made: Vec<f32> = source[SOURCE - TAIL_LEAD..].to_vec();
    let mut left: Vec<f64> =
        audio.left[count - TAIL_LEAD..].iter().map(|sample| f64::from(*sample)).collect();
    let mut right: Vec<f64> =
        audio.right[count - TAIL_LEAD..].iter().map(|sample| f64::from(*sample)).collect();
    while made.len() < TAIL_LEAD + frames {
        let join = made.len() - TAIL_LEAD;
        let place = best_place(&source, &made[join..]);
        for offset in 0..PIECE {
            let (mono, index) = (source[place + offset], first + place + offset);
            let sides = (f64::from(audio.left[index]), f64::from(audio.right[index]));
            if offset < TAIL_LEAD {
                let share = (offset as f32 + 0.5) / TAIL_LEAD as f32;
                let at = join + offset;
                made[at] += share * (mono - made[at]);
                left[at] += f64::from(share) * (sides.0 - left[at]);
                right[at] += f64::from(share) * (sides.1 - right[at]);
            } else {
                made.push(mono);
                left.push(sides.0);
                right.push(sides.1);
            }
        }
    }
    let falls = FALL_DB / 20.0 * std::f64::consts::LN_10 / (seconds * f64::from(TAKE_SAMPLE_RATE_HZ));
    let faded = |side: Vec<f64>| -> Vec<i32> {
        let end = TAIL_LEAD + frames;
        side.into_iter()
            .take(end)
            .enumerate()
            .map(|(index, sample)| {
                let after = index.saturating_sub(TAIL_LEAD) as f64;
                // Ends in silence, wherever it is cut.
                let last = ((end - index) as f64 / TAIL_LEAD as f64).min(1.0);
                (sample * (-falls * after).exp() * last).round() as i32
            })
            .collect()
    };
    StemAudio { left: faded(left), right: faded(right) }
}

/// The position in the source at which a piece best continues `before`: the highest normalised correlation.
fn best_place(source: &[f32], before: &[f32]) -> usize {
    let mut best = (f32::NEG_INFINITY, 0);
    for place in (0..=SOURCE - PIECE).step_by(PLACE_STEP) {
        let (mut product, mut power) = (0.0_f32, 1.0_f32);
        for offset in (0..before.len()).step_by(SAMPLE_STEP) {
            product += source[place + offset] * before[offset];
            power += source[place + offset] * source[place + offset];
        }
        let likeness = product / power.sqrt();
        if likeness > best.0 {
            best = (likeness, place);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, frames: usize) -> StemAudio {
        let sample =
            |index: usize| (3e6 * (std::f64::consts::TAU * hz * index as f64 / 48_000.0).sin()) as i32;
        let side: Vec<i32> = (0..frames).map(sample).collect();
        StemAudio { left: side.clone(), right: side }
    }

    #[test]
    fn a_tone_rings_on_without_a_step_and_fades() {
        for hz in [55.0, 220.0, 1_234.5] {
            let audio = tone(hz, 48_000);
            let tail = tail(&audio, 0.8, 48_000);
            assert_eq!(tail.len(), TAIL_LEAD + 48_000);
            let joined: Vec<i32> =
                audio.left[..48_000 - TAIL_LEAD].iter().chain(&tail.left).copied().collect();
            let steepest = |samples: &[i32]| {
                samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max().expect("samples")
            };
            let (before, around) = (steepest(&audio.left), steepest(&joined[40_000..]));
            assert!(
                f64::from(around) < 1.5 * f64::from(before) + 40_000.0,
                "{hz}: {around} against {before}"
            );
            let peak = |samples: &[i32]| samples.iter().map(|sample| sample.abs()).max().expect("samples");
            let levels =
                [0.05, 0.3, 0.7].map(|share| peak(&tail.left[(share * 48_000.0) as usize..][..2_000]));
            assert!(
                levels[0] > 4 * levels[1] && levels[1] > 8 * levels[2] && levels[0] > 1_000_000,
                "{levels:?}"
            );
            assert!(tail.left.last().is_some_and(|sample| sample.abs() < 10));
        }
    }

    #[test]
    fn silence_has_a_silent_tail_and_short_loops_have_none() {
        let silence = StemAudio { left: vec![0; 20_000], right: vec![0; 20_000] };
        assert!(tail(&silence, 1.0, 9_000).left.iter().all(|sample| *sample == 0));
        assert!(tail(&tone(100.0, 1_000), 1.0, 9_000).is_empty());
    }
}
