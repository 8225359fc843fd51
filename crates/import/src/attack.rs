//! Exact onset times. Spectral flux locates an onset within a window; the samples locate it within a fraction of a millisecond.

use resonantgen_take::TAKE_SAMPLE_RATE_HZ;

const RATE: f64 = TAKE_SAMPLE_RATE_HZ as f64;
/// Samples before and after a moment whose levels are compared (6 ms).
const AROUND: usize = 288;
/// Maximum level before an attack, as a share of the level after it.
const MOST_BEFORE: f32 = 0.5;
/// Level at which an attack begins, as a share of its peak.
const BEGUN: f32 = 0.05;
/// Length of the window that distinguishes an attack from a codec's pre-echo, in samples (0.7 ms).
const SHORT: usize = 32;
/// How much louder than such a pre-echo an attack is.
const ABOVE_ECHO: f32 = 6.0;
/// Search range for the beginning before and after the steepest rise, in samples (6 ms, 3 ms).
const BEFORE: usize = 288;
const BEHIND: usize = 144;

/// Time in seconds of the onset within `reach` seconds of `around`; `None` if there is no clear one.
pub(super) fn near(mono: &[f32], around: f64, reach: f64) -> Option<f64> {
    let place = |seconds: f64| ((seconds * RATE).round().max(0.0) as usize).min(mono.len());
    let (from, to) = (place(around - reach), place(around + reach));
    let first = from.saturating_sub(AROUND);
    let last = (to + AROUND).min(mono.len());
    if from >= to {
        return None;
    }
    // Cumulative sums of squares.
    let mut sums = Vec::with_capacity(last - first + 1);
    sums.push(0.0_f64);
    for sample in &mono[first..last] {
        sums.push(sums[sums.len() - 1] + f64::from(*sample).powi(2));
    }
    // Before the recording there is silence.
    let level = |begin: usize, end: usize| -> f32 {
        let end = end.min(last);
        let begin = begin.clamp(first, end);
        ((sums[end - first] - sums[begin - first]) / AROUND as f64).sqrt() as f32
    };
    let rise = |at: usize| level(at, at + AROUND) - level(at.saturating_sub(AROUND), at);
    let steepest = (from..to).max_by(|a, b| rise(*a).total_cmp(&rise(*b)))?;
    let (loud, quiet) =
        (level(steepest, steepest + AROUND), level(steepest.saturating_sub(AROUND), steepest));
    if loud <= 0.0 || quiet > MOST_BEFORE * loud {
        return None;
    }
    let loudest = peak(mono, steepest, steepest + AROUND);
    let search = steepest.saturating_sub(BEFORE);
    let usual = peak(mono, search.saturating_sub(AROUND), search);
    let begun = 1.5 * usual + BEGUN * loudest;
    let found = (search..(steepest + BEHIND).min(mono.len())).find(|at| mono[*at].abs() >= begun)?;
    let found = behind_echo(mono, found, steepest + BEHIND, loudest);
    Some(found as f64 / RATE)
}

/// The position of a sudden rise between the beginning that was `found` and `to`. The sound before it is the pre-echo of a lossy
/// codec (Brandenburg, "MP3 and AAC explained", AES 17, 1999, section 4). Returns `found` if there is no such rise.
fn behind_echo(mono: &[f32], found: usize, to: usize, loudest: f32) -> usize {
    let level = |from: usize| peak(mono, from, from + SHORT);
    let is_rise = |at: &usize| {
        let (before, behind) = (level(at.saturating_sub(SHORT)), level(*at));
        behind >= ABOVE_ECHO * before && behind >= MOST_BEFORE * loudest
    };
    let last = to.min(mono.len().saturating_sub(SHORT));
    // The steepest point of the first rise.
    let Some(first) = (found + SHORT..last).find(is_rise) else { return found };
    let threshold = 2.0 * level(first - SHORT);
    (first..first + SHORT).find(|at| mono[*at].abs() >= threshold).unwrap_or(found)
}

fn peak(mono: &[f32], from: usize, to: usize) -> f32 {
    let part = &mono[from.min(mono.len())..to.min(mono.len())];
    part.iter().fold(0.0, |peak, sample| peak.max(sample.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_is_found_to_a_fraction_of_a_millisecond() {
        let mut state = 1_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        for start in [0_usize, 215, 700, 4_801] {
            for floor in [0.0, 0.01] {
                let kick = |offset: usize| {
                    let seconds = offset as f32 / 48_000.0;
                    0.8 * (-seconds * 20.0).exp() * (std::f32::consts::TAU * 90.0 * seconds).sin()
                };
                let sounds: [&mut dyn FnMut(usize) -> f32; 2] =
                    [&mut |offset| 0.5 * noise() * (-(offset as f32) / 900.0).exp(), &mut |offset| {
                        kick(offset)
                    }];
                for sound in sounds {
                    let mut hiss = 7_u32;
                    let audio: Vec<f32> = (0..20_000_usize)
                        .map(|index| {
                            hiss = hiss.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                            let hiss = floor * ((hiss >> 8) as f32 / 8_388_608.0 - 1.0);
                            hiss + index.checked_sub(start).map_or(0.0, &mut *sound)
                        })
                        .collect();
                    let around = start as f64 / RATE + 0.011;
                    let found = near(&audio, around, 0.025).expect("a beginning");
                    assert!((found - start as f64 / RATE).abs() < 0.001, "{found} for {start} with {floor}");
                }
            }
        }
        // Pre-echoes of Vorbis and MP3.
        for (echo, seconds) in [(0.06, 0.002), (0.08, 0.006), (0.1, 0.004)] {
            let audio: Vec<f32> = (0..20_000_usize)
                .map(|index| match index.checked_sub(4_801) {
                    Some(offset) => noise() * (-(offset as f32) / 900.0).exp(),
                    None if (4_801 - index) as f32 / 48_000.0 < seconds => echo * noise(),
                    None => 0.0,
                })
                .collect();
            let found = near(&audio, 4_801.0 / RATE + 0.004, 0.025).expect("a beginning");
            assert!((found - 4_801.0 / RATE).abs() < 0.001, "{found} with an echo of {echo}");
        }
        assert_eq!(near(&[0.0; 9_600], 0.1, 0.025), None);
        let steady: Vec<f32> = (0..20_000).map(|index| (index as f32 * 0.05).sin()).collect();
        assert_eq!(near(&steady, 0.2, 0.025), None);
    }
}
