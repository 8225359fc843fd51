//! The tempo heard in a mix.

use resonantgen_sound::measure::onsets;

/// Ratios between heard and written tempo: halves, doubles, triplets, dotted beats.
const RATIOS: [f64; 11] = [0.25, 1.0 / 3.0, 0.5, 2.0 / 3.0, 0.75, 1.0, 4.0 / 3.0, 1.5, 2.0, 3.0, 4.0];
/// Width of an onset in seconds.
const WIDTH_S: f64 = 0.012;

/// The tempo, in quarter notes per minute, at which a loop's onsets repeat, at the metrical level nearest to `written_bpm`;
/// `None` with too few onsets.
///
/// Only the level is taken from the written tempo: which level counts as the beat is a convention.
pub fn heard_bpm(mono: &[f32], written_bpm: f64) -> Option<f64> {
    let heard = onsets(mono);
    if heard.len() < 8 {
        return None;
    }
    let length = mono.len() as f64 / 48_000.0;
    // Weighted count of onset pairs that lie `period` apart.
    let pairs: Vec<(f64, f64)> = heard
        .iter()
        .enumerate()
        .flat_map(|(index, first)| {
            heard[index + 1..].iter().map(move |second| {
                (second.seconds - first.seconds, f64::from((first.strength * second.strength).sqrt()))
            })
        })
        .collect();
    let support = |period: f64| -> f64 {
        // Periods of up to four bars: long ones give precision, short ones resolve ambiguity.
        let most = (length * 0.5).min(8.0);
        let score: f64 = pairs
            .iter()
            .filter(|(apart, _)| *apart <= most)
            .map(|(apart, weight)| {
                let off = (apart / period - (apart / period).round()) * period / WIDTH_S;
                weight * (-off * off).exp()
            })
            .sum();
        // A period with twice as many grid lines matches twice as often by chance.
        score - pairs.iter().map(|(_, weight)| weight).sum::<f64>() * (WIDTH_S * 1.77 / period).min(1.0)
    };
    // All periods of a pulse between 0.2 and 1 s.
    let (mut best, mut most) = (0.5, f64::NEG_INFINITY);
    let mut period = 0.2;
    while period < 1.0 {
        let found = support(period);
        if found > most {
            (best, most) = (period, found);
        }
        period *= 1.0005;
    }
    RATIOS
        .iter()
        .map(|ratio| 60.0 / best * ratio)
        .min_by(|a, b| (a / written_bpm).ln().abs().total_cmp(&(b / written_bpm).ln().abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clicks(bpm: f64, beats: usize) -> Vec<f32> {
        let mut samples = vec![0.0; (beats as f64 * 60.0 / bpm * 48_000.0) as usize];
        let count = samples.len();
        for eighth in 0..2 * beats {
            let first = (eighth as f64 * 30.0 / bpm * 48_000.0) as usize;
            let level = if eighth % 2 == 0 { 0.8 } else { 0.3 };
            let mut state = 9_u32;
            for offset in 0..2_400 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (state >> 8) as f32 / 8_388_608.0 - 1.0;
                samples[(first + offset) % count] += level * noise * (-(offset as f32) / 600.0).exp();
            }
        }
        samples
    }

    #[test]
    fn a_click_track_is_heard_at_its_tempo() {
        for bpm in [77.0, 120.0, 133.0, 174.0] {
            let heard = heard_bpm(&clicks(bpm, 32), bpm).expect("clicks");
            assert!((heard / bpm - 1.0).abs() < 0.002, "{heard} for {bpm}");
            // A different tempo is not mistaken for this one.
            let other = heard_bpm(&clicks(bpm, 32), bpm * 1.1).expect("clicks");
            assert!((other / (bpm * 1.1) - 1.0).abs() > 0.02, "{other} for {bpm}");
        }
        assert_eq!(heard_bpm(&vec![0.0; 48_000], 120.0), None);
    }
}
