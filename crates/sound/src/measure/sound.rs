//! Measures of the audio itself.

use ebur128::{EbuR128, Mode};
use realfft::RealFftPlanner;

use super::{BAND_COUNT, BAND_EDGES_HZ};
use crate::audio::{FULL_SCALE, StemAudio, TAKE_SAMPLE_RATE_HZ};

const RATE_HZ: f32 = TAKE_SAMPLE_RATE_HZ as f32;
const WINDOW: usize = 4_096;
const HOP: usize = 4_096;
/// Block length of [`silence`] in samples (50 ms).
const BLOCK: usize = 2_400;
/// Level of silence: -60 dBFS.
const SILENT: f32 = 1e-3;
/// Samples to each side of a click with which it is compared (5 ms).
const NEIGHBOURS: usize = 240;
/// Sharpness of a click relative to the root mean square of its neighbourhood, in which the other end of a gap may lie. (Noise
/// stays below 6.)
const CLICK_RATIO: f32 = 12.0;
/// Smallest bend (third difference) that is audible as a click.
const CLICK_LEAST: f32 = 0.01;
/// The same at the seam, which is heard at the same place in every loop: a step of -60 dBFS.
const SEAM_LEAST: f32 = 0.001;
/// Distance from an attack within which a sharp bend belongs to the attack, in samples (15 ms).
const ATTACK: usize = 720;

/// How much of a break's sharpness another bend must have to be one of its kind.
const ALIKE: f32 = 0.3;
/// Samples to each side in which bends of the same kind are looked for: two periods of 30 Hz.
const PERIODS: usize = 3_300;
/// Samples of a break, within which there is no other.
const BREAK: usize = 8;
/// Share by which two periods of a waveform may differ.
const GLIDE: f32 = 0.05;
/// Bends of the same kind that make a texture, however they lie.
const TEXTURE: usize = 4;
/// Share of a break's bend that goes in one direction where only the slope breaks. (It is 0 where the height does.)
const ONE_WAY: f32 = 0.6;
/// Smallest bend that counts as another change of the sound.
const CHANGE_LEAST: f32 = 0.1 * CLICK_LEAST;

/// The mean of both channels in `-1.0..1.0`.
#[must_use]
pub fn mono(audio: &StemAudio) -> Vec<f32> {
    audio
        .left
        .iter()
        .zip(&audio.right)
        .map(|(left, right)| (left + right) as f32 * 0.5 / FULL_SCALE)
        .collect()
}

/// Long-time spectrum.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    /// Mean power per bin, `bin * 48000 / 4096` Hz.
    power: Vec<f32>,
}

impl Spectrum {
    /// The spectrum of mono samples at 48 kHz, from consecutive Hann windows of 85 ms.
    #[must_use]
    pub fn new(mono: &[f32]) -> Self {
        let transform = RealFftPlanner::<f32>::new().plan_fft_forward(WINDOW);
        let mut time = transform.make_input_vec();
        let mut bins = transform.make_output_vec();
        let mut work = transform.make_scratch_vec();
        let window: Vec<f32> = (0..WINDOW)
            .map(|index| 0.5 - 0.5 * (std::f32::consts::TAU * index as f32 / WINDOW as f32).cos())
            .collect();
        let mut power = vec![0.0; bins.len()];
        for first in (0..mono.len()).step_by(HOP) {
            let part = &mono[first..(first + WINDOW).min(mono.len())];
            time.fill(0.0);
            for ((sample, value), weight) in time.iter_mut().zip(part).zip(&window) {
                *sample = value * weight;
            }
            transform
                .process_with_scratch(&mut time, &mut bins, &mut work)
                .expect("buffers are made by the transform itself");
            for (sum, bin) in power.iter_mut().zip(&bins) {
                *sum += bin.norm_sqr();
            }
        }
        Self { power }
    }

    fn bin_hz(bin: usize) -> f32 {
        bin as f32 * RATE_HZ / WINDOW as f32
    }

    /// Energy between two frequencies in hertz, in arbitrary units, for comparisons.
    #[must_use]
    pub fn energy(&self, from_hz: f32, to_hz: f32) -> f32 {
        let inside = |bin: usize| (from_hz..to_hz).contains(&Self::bin_hz(bin));
        self.power.iter().enumerate().filter(|(bin, _)| inside(*bin)).map(|(_, power)| power).sum()
    }

    /// Share of the energy in each band of [`BAND_EDGES_HZ`]; zeros for silence.
    #[must_use]
    pub fn bands(&self) -> [f32; BAND_COUNT] {
        let energies: [f32; BAND_COUNT] =
            std::array::from_fn(|band| self.energy(BAND_EDGES_HZ[band], BAND_EDGES_HZ[band + 1]));
        let total: f32 = energies.iter().sum();
        energies.map(|energy| if total > 0.0 { energy / total } else { 0.0 })
    }

    /// Share of the energy between two frequencies in hertz; `None` for silence.
    #[must_use]
    pub fn share(&self, from_hz: f32, to_hz: f32) -> Option<f32> {
        let total: f32 = self.power.iter().sum();
        (total > 0.0).then(|| self.energy(from_hz, to_hz) / total)
    }

    /// Spectral centroid in hertz over magnitudes, which is closer to perceived brightness than over power; `None` for silence.
    #[must_use]
    pub fn centroid_hz(&self) -> Option<f32> {
        let magnitudes = self.power.iter().map(|power| power.sqrt());
        let (sum, moment) = magnitudes.enumerate().fold((0.0, 0.0), |(sum, moment), (bin, magnitude)| {
            (sum + magnitude, moment + magnitude * Self::bin_hz(bin))
        });
        (sum > 0.0).then(|| moment / sum)
    }
}

/// Share of 50 ms blocks whose root mean square is below -60 dBFS; 1 for nothing.
#[must_use]
pub fn silence(mono: &[f32]) -> f32 {
    let quiet = |block: &&[f32]| {
        block.iter().map(|sample| sample * sample).sum::<f32>() < SILENT * SILENT * block.len() as f32
    };
    let blocks = mono.chunks(BLOCK).count();
    if blocks == 0 { 1.0 } else { mono.chunks(BLOCK).filter(quiet).count() as f32 / blocks as f32 }
}

/// Breaks in the wave form of a loop: places where it bends far more sharply than around them, and neither an attack nor the
/// waveform itself explains it: the edges of a saw or a pulse, and the bends of a deep frequency modulation, come again; and where
/// the pitch is set anew again and again, the slope breaks each time, but never the height.
/// `attacks` are audio frames, sorted. The seam is left to [`seam`].
#[must_use]
pub fn clicks(mono: &[f32], attacks: &[usize]) -> u32 {
    let bends = third_differences(mono);
    let mut squares = 0.0_f64;
    let count = bends.len();
    if count < 2 * NEIGHBOURS {
        return 0;
    }
    let square = |index: usize| f64::from(bends[index % count]).powi(2);
    squares += (0..2 * NEIGHBOURS).map(|offset| square(count - NEIGHBOURS + offset)).sum::<f64>();
    let (mut found, mut quiet_until) = (0, 0);
    for (index, bend) in bends.iter().enumerate() {
        let bend = bend.abs();
        if bend > CLICK_LEAST && index >= quiet_until && (4..count - 4).contains(&index) {
            let is_explained = || {
                comes_again(&bends, index) || (is_kink(mono, index) && is_one_of_many_changes(&bends, index))
            };
            if bend > CLICK_RATIO * usual(&bends, squares, index)
                && !is_near(attacks, index, count)
                && !is_explained()
            {
                found += 1;
                quiet_until = index + NEIGHBOURS;
            }
        }
        squares += square(index + NEIGHBOURS) - square(index + count - NEIGHBOURS);
    }
    found
}

/// Root mean square of the bends around one, with `squares` their sum. The bend itself and its ringing in the difference are left
/// out.
fn usual(bends: &[f32], squares: f64, index: usize) -> f32 {
    let count = bends.len();
    let own: f64 = (0..7).map(|offset| f64::from(bends[(index + count + offset - 3) % count]).powi(2)).sum();
    ((squares - own).max(0.0) / (2 * NEIGHBOURS - 7) as f64).sqrt() as f32
}

/// Whether only the slope breaks at the bend that begins at `index`, which is not at the seam: its second differences go in one
/// direction, while those of a break in height go there and back.
fn is_kink(mono: &[f32], index: usize) -> bool {
    let curve = |at: usize| mono[at + 1] - 2.0 * mono[at] + mono[at - 1];
    let before = curve(index - 2);
    let parts: [f32; 5] = std::array::from_fn(|offset| curve(index + offset - 1) - before);
    let sharpest = (1..4).max_by(|a, b| parts[*a].abs().total_cmp(&parts[*b].abs())).unwrap_or(1);
    let around = &parts[sharpest - 1..=sharpest + 1];
    let whole: f32 = around.iter().map(|part| part.abs()).sum();
    around.iter().sum::<f32>().abs() > ONE_WAY * whole
}

/// Whether another bend stands out from its own neighbourhood within some periods of one, and is not the other end of a gap.
fn is_one_of_many_changes(bends: &[f32], index: usize) -> bool {
    let count = bends.len();
    let stands_out = |at: usize| {
        let bend = bends[at].abs();
        let around = (0..2 * NEIGHBOURS).map(|offset| bends[(at + count + offset - NEIGHBOURS) % count]);
        let squares = || around.map(|bend| f64::from(bend).powi(2)).sum();
        bend > CHANGE_LEAST && bend > CLICK_RATIO * usual(bends, squares(), at)
    };
    let reach = PERIODS.min(count / 2 - 1);
    (NEIGHBOURS + 1..=reach).any(|distance| {
        stands_out((index + count - distance) % count) || stands_out((index + distance) % count)
    })
}

/// Whether bends as sharp as one lie around it as those of a waveform do: at a distance and again at about the same distance, or
/// in number.
fn comes_again(bends: &[f32], index: usize) -> bool {
    let count = bends.len();
    let reach = PERIODS.min(count / 2 - 1);
    let least = ALIKE * bends[index].abs();
    // Distances of the sharpest point of each break, before and behind.
    let alike = |at: &dyn Fn(usize) -> f32| {
        let mut found: Vec<usize> = Vec::new();
        let mut distance = BREAK;
        while distance <= reach {
            if at(distance) < least {
                distance += 1;
                continue;
            }
            let end = (distance + BREAK).min(reach + 1);
            let sharpest = (distance..end).max_by(|a, b| at(*a).total_cmp(&at(*b))).unwrap_or(distance);
            found.push(sharpest);
            distance = sharpest + BREAK;
        }
        found
    };
    let before = alike(&|distance| bends[(index + count - distance) % count].abs());
    let behind = alike(&|distance| bends[(index + distance) % count].abs());
    let near = |distances: &[usize], wanted: usize| {
        let tolerance = (GLIDE * wanted as f32) as usize + 2;
        distances.iter().any(|distance| distance.abs_diff(wanted) <= tolerance)
    };
    before.len() + behind.len() >= TEXTURE
        || before.iter().any(|distance| near(&before, 2 * distance) || near(&behind, *distance))
        || behind.iter().any(|distance| near(&behind, 2 * distance))
}

fn is_near(attacks: &[usize], index: usize, count: usize) -> bool {
    let next = attacks.partition_point(|attack| *attack + ATTACK < index);
    attacks.get(next).is_some_and(|attack| *attack <= index + ATTACK)
        // The loop's start follows its end.
        || attacks.first().is_some_and(|attack| attack + count <= index + ATTACK)
}

/// Third differences of a loop; index `i` spans samples `i - 2 ..= i + 1`.
fn third_differences(mono: &[f32]) -> Vec<f32> {
    let count = mono.len();
    (0..count)
        .map(|index| {
            if index >= 2 && index + 1 < count {
                mono[index + 1] - 3.0 * (mono[index] - mono[index - 1]) - mono[index - 2]
            } else {
                let at = |offset: usize| mono[(index + count + offset - 2) % count];
                at(3) - 3.0 * (at(2) - at(1)) - at(0)
            }
        })
        .collect()
}

/// How much sharper the loop bends at its seam than in the sharpest thousandth of other places; 0 for silence. Above 1 only
/// when no attack is at the seam.
#[must_use]
pub fn seam(mono: &[f32], attacks: &[usize]) -> f32 {
    let mut bends: Vec<f32> = third_differences(mono).into_iter().map(f32::abs).collect();
    let count = bends.len();
    if count < 4 * NEIGHBOURS {
        return 0.0;
    }
    let at_seam = bends[count - 1].max(bends[0]).max(bends[1]).max(bends[count - 2]);
    let rank = if is_near(attacks, 0, count) { count - 1 } else { count - 1 - count / 1_000 };
    let (_, usual, _) = bends.select_nth_unstable_by(rank, f32::total_cmp);
    at_seam / usual.max(SEAM_LEAST)
}

/// Integrated loudness of a loop in LUFS by ITU-R BS.1770-4; `None` below its gate of -70, or when it is shorter than 0.4 s.
#[must_use]
pub fn loudness(left: &[f32], right: &[f32]) -> Option<f32> {
    let mut meter = EbuR128::new(2, TAKE_SAMPLE_RATE_HZ, Mode::I).ok()?;
    meter.add_frames_planar_f32(&[left, right]).ok()?;
    let loudness = meter.loudness_global().ok()?;
    loudness.is_finite().then_some(loudness as f32)
}

/// Highest true peak of a loop in dBTP by ITU-R BS.1770-4, annex 2; `None` for silence.
///
/// Only the neighbourhoods of samples above 70 % of the highest sample are interpolated: elsewhere a higher peak would take a
/// wave near half the sample rate, which music does not have.
#[must_use]
pub fn true_peak(left: &[f32], right: &[f32]) -> Option<f32> {
    const PART: usize = 256;
    let highest = |samples: &[f32]| samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    let mut peak = highest(left).max(highest(right));
    if peak == 0.0 {
        return None;
    }
    let loud = 0.7 * peak;
    for channel in [left, right] {
        for (index, part) in channel.chunks(PART).enumerate() {
            if highest(part) < loud {
                continue;
            }
            let first = (index * PART).saturating_sub(16);
            let last = ((index + 1) * PART + 16).min(channel.len());
            // A fresh meter each time: 12 taps need no more than 16 samples of lead.
            let Ok(mut meter) = EbuR128::new(1, TAKE_SAMPLE_RATE_HZ, Mode::TRUE_PEAK) else { continue };
            if meter.add_frames_f32(&channel[first..last]).is_ok() {
                peak = peak.max(meter.true_peak(0).unwrap_or(0.0) as f32);
            }
        }
    }
    Some(20.0 * peak.log10())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(seconds: f32, hz: f32, level: f32) -> Vec<f32> {
        (0..(seconds * RATE_HZ) as usize)
            .map(|index| level * (std::f32::consts::TAU * hz * index as f32 / RATE_HZ).sin())
            .collect()
    }

    #[test]
    fn a_sine_lies_in_its_band() {
        for (hz, band) in [(40.0, 0), (150.0, 1), (500.0, 2), (1_500.0, 3), (5_000.0, 4), (12_000.0, 5)] {
            let spectrum = Spectrum::new(&sine(1.0, hz, 0.3));
            assert!(spectrum.bands()[band] > 0.95, "{hz}: {:?}", spectrum.bands());
            let centroid = spectrum.centroid_hz().expect("a sound");
            assert!((centroid / hz - 1.0).abs() < 0.5, "{centroid} for {hz}");
        }
        let silent = Spectrum::new(&[0.0; 10_000]);
        assert_eq!((silent.centroid_hz(), silent.share(0.0, 100.0)), (None, None));
    }

    #[test]
    fn silence_is_told_from_sound() {
        let mut half = sine(1.0, 200.0, 0.1);
        half.extend(vec![0.0; 48_000]);
        assert!((silence(&half) - 0.5).abs() < 0.03);
        assert_eq!((silence(&[]), silence(&[1e-5; 9_600])), (1.0, 1.0));
    }

    #[test]
    fn breaks_are_clicks_and_attacks_are_not() {
        let smooth = sine(1.0, 100.0, 0.5);
        assert_eq!(clicks(&smooth, &[]), 0);
        let mut broken = smooth.clone();
        for at in [10_000, 30_000] {
            broken[at..].iter_mut().for_each(|sample| *sample = -*sample * 0.9 + 0.1);
        }
        assert_eq!(clicks(&broken, &[]), 2);
        assert_eq!(clicks(&broken, &[10_000 - 200]), 1);
        let mut state = 1_u32;
        let noise: Vec<f32> = (0..48_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 33_554_432.0 - 0.25
            })
            .collect();
        assert_eq!(clicks(&noise, &[]), 0);
    }

    /// Waveforms with sharp edges of their own, and smooth ones: name, whether edges belong to it, a second and a half of it.
    fn waveforms() -> Vec<(String, bool, Vec<f32>)> {
        let of = |wave: &dyn Fn(f64) -> f64, hz: &dyn Fn(f64) -> f64| -> Vec<f32> {
            let mut phase = 0.0;
            (0..72_000)
                .map(|index| {
                    phase += hz(f64::from(index) / 48_000.0) / 48_000.0;
                    wave(phase) as f32
                })
                .collect()
        };
        let mut all = Vec::new();
        for hz in [31.0, 41.2, 73.4, 130.8] {
            let steady = move |_: f64| hz;
            let glide = move |seconds: f64| hz * (1.0 + 0.2 * seconds);
            // Three notes, fifty times a second, as chips play chords.
            let arpeggio = move |seconds: f64| hz * [1.0, 1.26, 1.5][(seconds * 50.0) as usize % 3];
            for (name, pitch) in
                [("steady", &steady as &dyn Fn(f64) -> f64), ("glide", &glide), ("arpeggio", &arpeggio)]
            {
                let saw = |phase: f64| 0.6 * (phase.fract() - 0.5);
                let narrow = |phase: f64| if phase.fract() < 0.125 { 0.3 } else { -0.3 };
                let square = |phase: f64| if phase.fract() < 0.5 { 0.3 } else { -0.3 };
                let steps = |phase: f64| ((phase * std::f64::consts::TAU).sin() * 7.0).round() / 20.0;
                let growl = |phase: f64| {
                    let depth = 6.0 + 4.0 * (phase * 0.31).sin();
                    let sine = |phase: f64| (phase * std::f64::consts::TAU).sin();
                    (6.0 * (sine(phase) * sine(phase + depth / 6.0 * sine(0.5 * phase)))).tanh() * 0.5
                };
                let smooth = |phase: f64| 0.4 * (phase * std::f64::consts::TAU).sin();
                let waves: [Wave<'_>; 6] = [
                    ("saw", true, &saw),
                    ("narrow pulse", true, &narrow),
                    ("square", true, &square),
                    ("four bits", true, &steps),
                    ("growl", true, &growl),
                    ("sine", false, &smooth),
                ];
                for (wave, has_edges, function) in waves {
                    all.push((format!("{wave} at {hz}, {name}"), has_edges, of(function, pitch)));
                }
            }
        }
        all
    }

    /// A name, and what breaks audio at a frame.
    type Defect = (&'static str, fn(&mut [f32], usize));
    /// A name, whether the waveform has edges, and its value at a phase in cycles.
    type Wave<'a> = (&'a str, bool, &'a dyn Fn(f64) -> f64);

    /// What a break in a take sounds like: a jump, a gap, a piece that is repeated, a stray sample.
    fn defects() -> [Defect; 4] {
        [
            ("jump", |audio, at| audio[at..at + 20_000].iter_mut().for_each(|sample| *sample += 0.15)),
            ("gap", |audio, at| audio[at..at + 150].fill(0.0)),
            ("repeated piece", |audio, at| audio.copy_within(at - 333..at, at)),
            ("stray sample", |audio, at| audio[at] += 0.3),
        ]
    }

    #[test]
    fn edges_of_a_waveform_are_no_clicks_and_breaks_in_smooth_ones_are() {
        let (mut alarms, mut good, mut heard, mut bad) = (Vec::new(), 0, 0, 0);
        for (name, has_edges, audio) in waveforms() {
            good += 1;
            // The pitch jumps at the seam, which is not looked at here.
            let found = clicks(&audio, &[]);
            if found > 0 {
                alarms.push(format!("{name}: {found}"));
            }
            for (_, spoil) in defects().into_iter().filter(|_| !has_edges) {
                for at in [20_011, 47_003] {
                    let mut audio = audio.clone();
                    spoil(&mut audio, at);
                    // Some gaps and pieces begin where the wave passes through the same height, and are not heard.
                    bad += 1;
                    heard += usize::from(clicks(&audio, &[]) > 0);
                }
            }
        }
        assert!(alarms.is_empty(), "{} of {good}: {alarms:#?}", alarms.len());
        assert!(heard * 100 >= bad * 90, "{heard} of {bad}");
    }

    /// A wave that turns where it passes through zero breaks in its slope alone.
    #[test]
    fn a_slope_that_breaks_once_is_a_click() {
        let mut turned = sine(1.0, 1_000.0, 0.5);
        turned[24_000..].iter_mut().for_each(|sample| *sample = -*sample);
        assert_eq!(clicks(&turned, &[]), 1);
    }

    #[test]
    fn a_loop_that_does_not_close_is_told() {
        assert!(seam(&sine(1.0, 100.0, 0.5), &[]) < 1.5);
        let open = sine(1.0, 100.25, 0.5);
        assert!(seam(&open, &[]) > 10.0, "{}", seam(&open, &[]));
        // A smooth bass whose last sample is a ten-thousandth off: nobody hears that.
        let mut close = sine(1.0, 100.0, 0.2);
        *close.last_mut().expect("samples") += 1e-4;
        assert!(seam(&close, &[]) < 1.0, "{}", seam(&close, &[]));
        assert_eq!(clicks(&open, &[]), 0);
    }

    /// EBU Tech 3341, test case 1: a stereo sine of 1 kHz at -23 dBFS measures -23 LUFS.
    #[test]
    fn loudness_and_true_peak_are_those_of_the_standard() {
        let reference = sine(20.0, 1_000.0, 10f32.powf(-23.0 / 20.0));
        let lufs = loudness(&reference, &reference).expect("loud enough");
        assert!((lufs + 23.0).abs() < 0.1, "{lufs}");
        assert_eq!(loudness(&[0.0; 48_000], &[0.0; 48_000]), None);
        // A quarter of the rate at 45 degrees: the samples stay 3 dB below the wave.
        let between: Vec<f32> = (0..4_800)
            .map(|index| {
                0.5 * (std::f32::consts::FRAC_PI_2 * index as f32 + std::f32::consts::FRAC_PI_4).sin()
            })
            .collect();
        let peak = true_peak(&between, &between).expect("a sound");
        assert!((peak + 6.0).abs() < 0.5, "{peak}");
        assert_eq!(true_peak(&[0.0; 100], &[0.0; 100]), None);
    }
}
