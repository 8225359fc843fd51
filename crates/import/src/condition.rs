//! Removes DC offset and inaudible rumble from a recording.

use super::decode::Decoded;
use resonantgen_take::TAKE_SAMPLE_RATE_HZ;

/// Length in samples of the blocks whose means are compared (100 ms).
const BLOCK: usize = 4_800;
/// Smallest offset that is removed, full scale 1 (-60 dB).
const OFFSET: f32 = 1e-3;
/// Share of blocks that must have about the same mean.
const OFFSET_SHARE: f32 = 0.6;
/// Upper limit of rumble in Hz.
const RUMBLE_HZ: f64 = 18.0;
/// Smallest share of the power that counts as rumble, and its lowest level, full scale 1 (-60 dB).
const RUMBLE_SHARE: f64 = 0.02;
const RUMBLE_LEAST: f64 = 1e-3;
/// Samples before and after the recording in which the filter settles (0.2 s).
const SETTLING: usize = 9_600;

/// Removes offset and rumble from a recording, and adds a remark for each.
pub(super) fn clean(decoded: &mut Decoded) {
    let mut largest = 0.0_f32;
    for channel in [&mut decoded.left, &mut decoded.right] {
        let offset = offset(channel);
        if offset.abs() >= OFFSET {
            channel.iter_mut().for_each(|sample| *sample -= offset);
            largest = largest.max(offset.abs());
        }
    }
    if largest > 0.0 {
        decoded
            .remarks
            .push(format!("a constant offset of {:.1} % of full scale was removed", largest * 100.0));
    }
    let low = [&decoded.left, &decoded.right].map(|channel| below(channel, RUMBLE_HZ));
    let power = |channels: [&[f32]; 2]| -> f64 {
        channels.into_iter().flatten().map(|sample| f64::from(*sample).powi(2)).sum()
    };
    let (all, rumble) = (power([&decoded.left, &decoded.right]), power([&low[0], &low[1]]));
    let level = (rumble / (2.0 * decoded.left.len().max(1) as f64)).sqrt();
    if rumble < RUMBLE_SHARE * all || level < RUMBLE_LEAST {
        return;
    }
    for (channel, low) in [&mut decoded.left, &mut decoded.right].into_iter().zip(&low) {
        for (sample, low) in channel.iter_mut().zip(low) {
            *sample -= low;
        }
    }
    decoded.remarks.push(format!("rumble below {RUMBLE_HZ} Hz ({:.0} dB) was removed", 20.0 * level.log10()));
}

/// The mean that most blocks share; 0 if there is none. (A single low note would change the mean of the whole recording.)
fn offset(samples: &[f32]) -> f32 {
    let mut means: Vec<f32> =
        samples.chunks(BLOCK).map(|block| block.iter().sum::<f32>() / block.len() as f32).collect();
    if means.is_empty() {
        return 0.0;
    }
    let middle = means.len() / 2;
    let (_, median, _) = means.select_nth_unstable_by(middle, f32::total_cmp);
    let median = *median;
    let near: Vec<f32> =
        means.iter().copied().filter(|mean| (mean - median).abs() <= 0.5 * median.abs()).collect();
    if (near.len() as f32) < OFFSET_SHARE * means.len() as f32 {
        return 0.0;
    }
    near.iter().sum::<f32>() / near.len() as f32
}

/// The part below a frequency, without delay: a second-order low-pass (Bristow-Johnson, "Cookbook formulae for audio EQ biquad
/// filter coefficients") run forwards and backwards, with the signal mirrored at both ends.
fn below(samples: &[f32], hz: f64) -> Vec<f32> {
    let count = samples.len();
    if count < 2 {
        return vec![0.0; count];
    }
    let settling = SETTLING.min(count - 1);
    let (first, last) = (f64::from(samples[0]), f64::from(samples[count - 1]));
    let before = samples[1..=settling].iter().rev().map(|sample| 2.0 * first - f64::from(*sample));
    let behind =
        samples[count - 1 - settling..count - 1].iter().rev().map(|sample| 2.0 * last - f64::from(*sample));
    let mut long: Vec<f64> =
        before.chain(samples.iter().map(|sample| f64::from(*sample))).chain(behind).collect();
    low_pass(long.iter_mut(), hz);
    low_pass(long.iter_mut().rev(), hz);
    long[settling..settling + count].iter().map(|sample| *sample as f32).collect()
}

fn low_pass<'a>(samples: impl Iterator<Item = &'a mut f64>, hz: f64) {
    let (sine, cosine) = (std::f64::consts::TAU * hz / f64::from(TAKE_SAMPLE_RATE_HZ)).sin_cos();
    // Butterworth: Q is the square root of one half.
    let alpha = sine * std::f64::consts::FRAC_1_SQRT_2;
    let scale = 1.0 / (1.0 + alpha);
    let (b, a1, a2) = ((1.0 - cosine) / 2.0 * scale, -2.0 * cosine * scale, (1.0 - alpha) * scale);
    let (mut x1, mut x2, mut y1, mut y2) = (0.0, 0.0, 0.0, 0.0);
    for sample in samples {
        let x = *sample;
        let y = b * (x + 2.0 * x1 + x2) - a1 * y1 - a2 * y2;
        (x2, x1, y2, y1) = (x1, x, y1, y);
        *sample = y;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sound: impl Fn(f64) -> f64) -> Decoded {
        let samples: Vec<f32> = (0..96_000).map(|index| sound(f64::from(index) / 48_000.0) as f32).collect();
        Decoded { left: samples.clone(), right: samples, ..Decoded::default() }
    }

    fn tone(hz: f64, level: f64) -> impl Fn(f64) -> f64 {
        move |seconds| level * (std::f64::consts::TAU * hz * seconds).sin()
    }

    #[test]
    fn offset_and_rumble_go_and_music_stays() {
        let music = tone(55.0, 0.3);
        let wanted = of(&music);
        for (name, unwanted, hint) in [
            ("offset", &(|_| 0.1) as &dyn Fn(f64) -> f64, "offset of 10.0 %"),
            ("rumble", &tone(6.0, 0.2), "rumble"),
        ] {
            let mut found = of(|seconds| music(seconds) + unwanted(seconds));
            clean(&mut found);
            assert!(
                found.remarks.len() == 1 && found.remarks[0].contains(hint),
                "{name}: {:?}",
                found.remarks
            );
            let worst = found.left.iter().zip(&wanted.left).skip(4_800).take(86_400);
            let worst = worst.map(|(found, wanted)| (found - wanted).abs()).fold(0.0, f32::max);
            assert!(worst < 0.02, "{name}: {worst}");
        }
        for still in [&music as &dyn Fn(f64) -> f64, &tone(32.0, 0.5), &|seconds: f64| {
            (-seconds * 9.0).exp() * tone(50.0, 0.8)(seconds)
        }] {
            let mut found = of(still);
            clean(&mut found);
            assert_eq!((found.left, found.remarks.len()), (of(still).left, 0));
        }
    }
}
