//! Level: gives a rendered loop its colour and brings it to its planned loudness.

use super::arrange::{Arrangement, Rise};
use super::colour::Colour;
use resonantgen_sound::finish::{self, Sides};
use resonantgen_sound::measure::sound;
use resonantgen_take::StemAudio;

/// Start of limiting, as a share of the ceiling.
const KNEE: f32 = 0.7;
/// Bits per sample after rounding; the rest of the 24 are zero. The rounding noise is 101 dB below full scale, far below the noise of
/// any stem. FLAC would otherwise have to store noise in all 24 bits: four stems of 16 s take 4 MB instead of 10 MB.
const SIGNIFICANT_BITS: u32 = 16;
/// Maximum gain, so that a nearly silent loop does not become noise.
const MOST_GAIN: f32 = 16.0;
/// How much too soft a mixed loop has to be for its peaks to be saturated, in decibels.
const LEAST_MISSING_DB: f32 = 0.5;
/// Share of the level that a loop loses by its pauses and that is made up for, and the most of it, in decibels: a piece of stems that pause
/// is as loud as others, and no stem sticks out where it plays.
const PAUSES_SHARE: f32 = 0.6;
const MOST_PAUSES_DB: f32 = 2.5;
/// Length of a block in which the level is compared (0.4 s), and the level of a pause relative to the whole, as power.
const GATE_BLOCK: usize = 19_200;
const GATE: f32 = 0.1;
/// Number of passes in which a mixed loop is levelled and limited.
const LEVELLINGS: u32 = 3;
/// Ducking times in samples: attack (5 ms), hold (30 ms) and release (120 ms).
const YIELD_LEAD: usize = 240;
const YIELD_HOLD: usize = 1_440;
const YIELD_RELEASE: usize = 5_760;

/// Levels a loop and quantises it.
pub(super) fn leveled(mut left: Vec<f32>, mut right: Vec<f32>, arrangement: &Arrangement) -> StemAudio {
    if let Some((colour, seed)) = arrangement.colour {
        return mixed([left, right], arrangement, colour, seed);
    }
    give_way(&mut left, &mut right, arrangement);
    let frames = arrangement.frames.min(left.len());
    rise(&mut left[..frames], &mut right[..frames], arrangement.rises);
    let peak = left.iter().chain(&right).fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    let loudness = sound::loudness(&left, &right);
    let wanted = loudness.map_or(1.0, |loudness| 10f32.powf((arrangement.loudness_lufs - loudness) / 20.0));
    let gain = wanted.min(arrangement.over * arrangement.ceiling / peak.max(1e-6)).min(MOST_GAIN);
    for sample in left.iter_mut().chain(&mut right) {
        *sample = limit(*sample * gain, arrangement.ceiling);
    }
    StemAudio::from_f32_rounded(&left, &right, SIGNIFICANT_BITS)
}

/// Applies effects to a loop, keeps it mono-compatible, levels and limits it.
fn mixed(mut sides: Sides, arrangement: &Arrangement, colour: Colour, seed: u64) -> StemAudio {
    colour.chain.apply(&mut sides, &arrangement.onsets, seed);
    let [left, right] = &mut sides;
    give_way(left, right, arrangement);
    let frames = arrangement.frames.min(left.len());
    rise(&mut left[..frames], &mut right[..frames], arrangement.rises);
    if let Some(gains) = gains(left.len(), &arrangement.yields_at, arrangement.yields_lows_db) {
        finish::duck_lows(&mut sides, &gains, arrangement.lows_below_hz);
    }
    finish::keep_mono_compatible(&mut sides, colour.most_side);
    let wanted_lufs = arrangement.loudness_lufs + (PAUSES_SHARE * pauses_db(&sides)).min(MOST_PAUSES_DB);
    let (most, mut loudness) = tamed(&mut sides, wanted_lufs, arrangement);
    let ceiling_dbtp = 20.0 * arrangement.ceiling.log10();
    let mut gain = 1.0_f32;
    let mut done = sides.clone();
    // Compensates once or twice for the level that the limiter takes away.
    for _ in 0..LEVELLINGS {
        let missing = loudness
            .take()
            .or_else(|| sound::loudness(&done[0], &done[1]))
            .map_or(1.0, |loudness| 10f32.powf((wanted_lufs - loudness) / 20.0));
        gain = (gain * missing).min(most);
        for (done, sample) in done.iter_mut().flatten().zip(sides.iter().flatten()) {
            *done = gain * sample;
        }
        finish::limit::limit(&mut done, ceiling_dbtp);
        if (missing - 1.0).abs() < 0.01 {
            break;
        }
    }
    StemAudio::from_f32_rounded(&done[0], &done[1], SIGNIFICANT_BITS)
}

/// Returns the highest gain that the peaks of a loop allow. If that leaves the loop too soft, its peaks are saturated first, as a drum bus
/// would be: limiting alone would have to take away more than goes unnoticed. Also returns the loop's loudness, where it is still known.
fn tamed(sides: &mut Sides, wanted_lufs: f32, arrangement: &Arrangement) -> (f32, Option<f32>) {
    let most = |sides: &Sides| {
        let peak = sides.iter().flatten().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        (arrangement.over * arrangement.ceiling / peak.max(1e-6)).min(MOST_GAIN)
    };
    let before = most(sides);
    let loudness = sound::loudness(&sides[0], &sides[1]);
    let missing_db = wanted_lufs - loudness.unwrap_or(wanted_lufs) - 20.0 * before.log10();
    if missing_db < LEAST_MISSING_DB {
        return (before, loudness);
    }
    finish::saturate(sides, missing_db.min(arrangement.most_drive_db));
    (most(sides), None)
}

/// How much louder a loop is where it plays than on the whole, in decibels, with the gate of a loudness meter (ITU-R BS.1770).
fn pauses_db(sides: &Sides) -> f32 {
    let blocks: Vec<f32> = sides[0]
        .chunks(GATE_BLOCK)
        .zip(sides[1].chunks(GATE_BLOCK))
        .map(|(left, right)| {
            left.iter().chain(right).map(|sample| sample * sample).sum::<f32>() / left.len() as f32
        })
        .collect();
    let mean = |powers: &[f32]| powers.iter().sum::<f32>() / powers.len().max(1) as f32;
    let whole = mean(&blocks);
    let playing: Vec<f32> = blocks.iter().copied().filter(|power| *power > GATE * whole).collect();
    if whole > 1e-10 { 10.0 * (mean(&playing) / whole).log10() } else { 0.0 }
}

/// Ducks the loop where the arrangement says so.
fn give_way(left: &mut [f32], right: &mut [f32], arrangement: &Arrangement) {
    let Some(gains) = gains(left.len(), &arrangement.yields_at, arrangement.yields_db) else { return };
    for (index, gain) in gains.into_iter().enumerate() {
        left[index] *= gain;
        right[index] *= gain;
    }
}

/// A gain for each sample that falls by `depth_db` where a stem ducks; `None` if it never does.
fn gains(count: usize, yields_at: &[usize], depth_db: f32) -> Option<Vec<f32>> {
    if yields_at.is_empty() || depth_db == 0.0 || count == 0 {
        return None;
    }
    let depth = 1.0 - 10f32.powf(-depth_db / 20.0);
    let mut gains = vec![1.0_f32; count];
    for at in yields_at {
        for offset in 0..YIELD_LEAD + YIELD_HOLD + YIELD_RELEASE {
            let gain = &mut gains[(at + count - YIELD_LEAD.min(count) + offset) % count];
            *gain = gain.min(1.0 - depth * yielding(offset));
        }
    }
    Some(gains)
}

/// Level at the start of a rise in decibels, and cutoff of its low-pass at the start and the end, in hertz.
const RISE_DB: f32 = -7.0;
const RISE_HZ: (f32, f32) = (450.0, 16_000.0);
/// Fraction of a rise at which it reaches its peak.
const RISEN: f32 = 0.92;
/// Samples for which the filter's cutoff is constant. Also the length of the fades at both ends (5 ms), because a rise does not
/// loop.
const RISE_BLOCK: usize = 64;
const RISE_FADE: usize = 240;

/// Makes a stem rise towards its end: a level ramp in decibels, and a resonant second-order low-pass whose cutoff rises evenly in
/// octaves (Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients", low-pass).
fn rise(left: &mut [f32], right: &mut [f32], rises: Rise) {
    if rises == Rise::None {
        return;
    }
    let count = left.len();
    let rate = resonantgen_take::TAKE_SAMPLE_RATE_HZ as f32;
    for side in [left, right] {
        let (mut in_1, mut in_2, mut out_1, mut out_2) = (0.0_f32, 0.0_f32, 0.0_f32, 0.0_f32);
        for (block, samples) in side.chunks_mut(RISE_BLOCK).enumerate() {
            let share = ((block * RISE_BLOCK) as f32 / count as f32 / RISEN).min(1.0);
            let gain = 10f32.powf(RISE_DB * (1.0 - share) / 20.0);
            let hz = RISE_HZ.0 * (RISE_HZ.1 / RISE_HZ.0).powf(share);
            let angle = std::f32::consts::TAU * hz / rate;
            let (sine, cosine) = angle.sin_cos();
            let alpha = sine / (2.0 * std::f32::consts::FRAC_1_SQRT_2);
            let (b, a_0, a_1, a_2) = ((1.0 - cosine) / 2.0, 1.0 + alpha, -2.0 * cosine, 1.0 - alpha);
            for sample in samples {
                let input = *sample;
                let filtered = (b * (input + 2.0 * in_1 + in_2) - a_1 * out_1 - a_2 * out_2) / a_0;
                (in_2, in_1, out_2, out_1) = (in_1, input, out_1, filtered);
                *sample = gain * if rises == Rise::LevelAndFilter { filtered } else { input };
            }
        }
        let fade = RISE_FADE.min(count / 2);
        for index in 0..fade {
            let share = (index as f32 + 0.5) / fade as f32;
            side[index] *= share;
            side[count - 1 - index] *= share;
        }
    }
}

/// Depth of the ducking, from 0 to 1, `offset` samples after its start.
fn yielding(offset: usize) -> f32 {
    if offset < YIELD_LEAD {
        offset as f32 / YIELD_LEAD as f32
    } else if offset < YIELD_LEAD + YIELD_HOLD {
        1.0
    } else {
        let back = (offset - YIELD_LEAD - YIELD_HOLD) as f32 / YIELD_RELEASE as f32;
        0.5 + 0.5 * (std::f32::consts::PI * back).cos()
    }
}

/// Soft limiter: leaves small samples unchanged and compresses large ones smoothly towards the ceiling.
fn limit(sample: f32, ceiling: f32) -> f32 {
    let (size, knee) = (sample.abs(), KNEE * ceiling);
    if size <= knee {
        return sample;
    }
    let room = ceiling - knee;
    (knee + room * ((size - knee) / room).tanh()).copysign(sample)
}

#[cfg(test)]
mod tests {
    use super::*;
    use resonantgen_sound::codec::BANDS;

    fn arrangement(yields_at: Vec<usize>) -> Arrangement {
        Arrangement {
            equaliser: [0.0; BANDS],
            yields_at,
            yields_db: 6.0,
            yields_lows_db: 0.0,
            lows_below_hz: 150.0,
            onsets: Vec::new(),
            most_drive_db: 6.0,
            colour: None,
            loudness_lufs: -20.0,
            ceiling: 0.5,
            over: 1.25,
            rises: Rise::None,
            frames: 96_000,
        }
    }

    fn tone(level: f32) -> Vec<f32> {
        (0..96_000).map(|index| level * (std::f32::consts::TAU * index as f32 / 48.0).sin()).collect()
    }

    #[test]
    fn what_pauses_is_louder_where_it_plays() {
        assert_eq!(pauses_db(&[tone(0.3), tone(0.3)]), 0.0);
        let mut sparse = [tone(0.3), tone(0.3)];
        for side in &mut sparse {
            side[..48_000].fill(0.0);
        }
        assert!((2.0..4.0).contains(&pauses_db(&sparse)), "{}", pauses_db(&sparse));
        assert_eq!(pauses_db(&[vec![0.0; 960], vec![0.0; 960]]), 0.0);
    }

    #[test]
    fn quiet_and_loud_come_out_alike() {
        for level in [0.05, 0.9] {
            let audio = leveled(tone(level), tone(level), &arrangement(Vec::new()));
            let floats: Vec<f32> =
                audio.left.iter().map(|sample| *sample as f32 / resonantgen_take::FULL_SCALE).collect();
            let loudness = sound::loudness(&floats, &floats).expect("loud enough");
            assert!((loudness + 20.0).abs() < 0.1, "{loudness}");
        }
        assert!(leveled(vec![0.0; 100], vec![0.0; 100], &arrangement(vec![5])).left.iter().all(|s| *s == 0));
    }

    #[test]
    fn single_peaks_do_not_pass_the_ceiling_and_do_not_lower_the_rest_much() {
        let mut left = tone(0.05);
        left[5_000] = 1.0;
        let audio = leveled(left.clone(), left, &arrangement(Vec::new()));
        let highest = audio.left.iter().map(|sample| sample.abs()).max().expect("samples");
        assert!(highest as f32 <= 0.5 * resonantgen_take::FULL_SCALE);
    }

    #[test]
    fn a_rise_gets_louder_and_brighter() {
        let noise: Vec<f32> = (0..96_000_u32)
            .map(|index| (index.wrapping_mul(2_654_435_761) >> 8) as f32 / 8_388_608.0 - 1.0)
            .collect();
        for rises in [Rise::Level, Rise::LevelAndFilter] {
            let (mut left, mut right) = (noise.clone(), noise.clone());
            rise(&mut left, &mut right, rises);
            let power = |samples: &[f32]| samples.iter().map(|sample| sample * sample).sum::<f32>();
            let steep =
                |samples: &[f32]| samples.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum::<f32>();
            let (start, end) = (&left[1_000..10_000], &left[86_000..95_000]);
            assert!(power(end) > 3.0 * power(start), "{rises:?}");
            let brighter = steep(end) / power(end) / (steep(start) / power(start));
            assert_eq!(brighter > 4.0, rises == Rise::LevelAndFilter, "{rises:?}: {brighter}");
            assert!(left[0].abs() < 0.01 && left[95_999].abs() < 0.01);
        }
    }

    #[test]
    fn the_stem_gives_way_around_the_seam_too() {
        let (mut left, mut right) = (vec![1.0; 48_000], vec![1.0; 48_000]);
        give_way(&mut left, &mut right, &arrangement(vec![100, 24_000]));
        let half = 10f32.powf(-6.0 / 20.0);
        assert!((left[200] - half).abs() < 1e-3 && (right[24_500] - half).abs() < 1e-3);
        assert!(left[47_950] < 1.0 && (left[12_000] - 1.0).abs() < 1e-6);
        // No audible step.
        assert!(left.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.005));
    }
}
