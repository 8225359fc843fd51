//! Where the bars of a recording are: tempo, downbeat, and how many.

use super::decode::Decoded;
use super::tempo::{Similarity, estimate, usual};
use super::{ImportError, ImportOptions, Measured};
use resonantgen_music::plan::{BARS_RANGE, BPM_RANGE, Meter};
use resonantgen_sound::listen::flux::{Edges, Flux};
use resonantgen_take::TAKE_SAMPLE_RATE_HZ;

/// Below this no beat was found.
const NO_BEAT: f32 = 0.2;
/// Below this the tempo is told to be doubtful.
const DOUBTFUL_BEAT: f32 = 0.35;
/// A loop that misses whole bars by less than this share of a bar was cut to bars.
const CUT_TOLERANCE: f64 = 0.12;
/// And by less than this share of its length.
const CUT_TOLERANCE_SHARE: f64 = 0.03;
/// How much less well than the measured tempo the one from the length may explain the recording.
const CUT_PULSE_SHARE: f32 = 0.8;
/// The same for a tempo that only the length speaks for.
const OTHER_PULSE_SHARE: f32 = 0.72;
/// What speaks for a bar at the first beat that sounds, in the units of onset strength.
const BEGIN_BONUS: f32 = 0.25;
/// A last bar that misses this much of its length still counts, in seconds.
const SHORTFALL_SECONDS: f64 = 0.06;
/// Tempos this close to a whole number, over the loop, are one: in seconds.
const ROUNDING_SECONDS: f64 = 0.006;

/// The bars of a recording.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) bpm: Measured<f64>,
    pub(super) downbeat: Measured<f64>,
    pub(super) bars: u32,
    /// Seconds of a bar at the file's tempo.
    pub(super) bar_seconds: f64,
}

/// Finds the bars of `decoded`.
pub(super) fn find(
    decoded: &Decoded,
    meter: Meter,
    options: &ImportOptions,
    remarks: &mut Vec<String>,
) -> Result<Cut, ImportError> {
    let mono: Vec<f32> =
        decoded.left.iter().zip(&decoded.right).map(|(left, right)| 0.5 * (left + right)).collect();
    let seconds = mono.len() as f64 / f64::from(TAKE_SAMPLE_RATE_HZ);
    let quarters_per_bar = f64::from(meter.steps_per_bar()) / 4.0;
    let flux = Flux::of(&mono, TAKE_SAMPLE_RATE_HZ, Edges::Silent);
    let novelty = flux.novelty();
    let similarity = Similarity::of(&novelty, flux.rate_hz());
    let hint = options.bpm_hint.or(options.plan.as_ref().map(|plan| plan.bpm));
    let (bpm, whole_bars) = match options.bpm {
        Some(value) => (Measured { value, confidence: 1.0 }, None),
        None => {
            let measured = estimate(&similarity, hint);
            let known = options.start_seconds.is_none() && decoded.is_whole;
            let cut = known
                .then(|| cut_to_bars(&similarity, measured, usual(hint), seconds, quarters_per_bar))
                .flatten();
            match (cut, &options.plan) {
                (Some((bpm, bars)), _) => (bpm, Some(bars)),
                // Pads have no beat; beside other tracks their tempo is taken to be the same.
                (None, Some(plan)) if measured.confidence < NO_BEAT => {
                    remarks
                        .push("no beat can be made out: it is taken to be in the session's tempo".to_owned());
                    (Measured { value: plan.bpm, confidence: 0.0 }, None)
                }
                (None, _) if measured.confidence < NO_BEAT => return Err(ImportError::NoBeat),
                (None, _) => (measured, None),
            }
        }
    };
    if bpm.confidence < DOUBTFUL_BEAT && bpm.confidence > 0.0 {
        remarks
            .push(format!("the tempo ({:.1} bpm) is a guess: say it with --bpm if it is wrong", bpm.value));
    }
    let bpm = Measured { value: folded(bpm.value, options), ..bpm };
    let bar_seconds = quarters_per_bar * 60.0 / bpm.value;
    let downbeat = match options.start_seconds {
        Some(_) => Measured { value: 0.0, confidence: 1.0 },
        None => downbeat(&flux, &novelty, 60.0 / bpm.value, quarters_per_bar, whole_bars.is_some()),
    };
    let held = ((seconds - downbeat.value + SHORTFALL_SECONDS) / bar_seconds).floor();
    if held < 1.0 {
        return Err(ImportError::TooShort { seconds, bpm: bpm.value });
    }
    let held = (held as u32).min(*BARS_RANGE.end());
    let wanted = options.bars.or(options.plan.as_ref().map(|plan| plan.bars)).unwrap_or(held);
    let bars = if wanted < held || whole_bars.is_some() {
        wanted.min(held)
    } else {
        // Of a recording that was not cut to bars, phrases are taken.
        match held {
            0..=2 => held,
            3 => 2,
            _ => held / 4 * 4,
        }
    };
    let bpm = Measured { value: rounded(bpm.value, bar_seconds * f64::from(bars)), ..bpm };
    Ok(Cut { bpm, downbeat, bars, bar_seconds: quarters_per_bar * 60.0 / bpm.value })
}

/// Tempo and bars of a recording that was cut to whole bars, as most loops are.
fn cut_to_bars(
    similarity: &Similarity,
    measured: Measured<f64>,
    usual: impl Fn(f64) -> f32,
    seconds: f64,
    quarters_per_bar: f64,
) -> Option<(Measured<f64>, u32)> {
    if measured.confidence < NO_BEAT {
        return None;
    }
    let tempo = |bars: u32| f64::from(bars) * quarters_per_bar * 60.0 / seconds;
    let found = |bars: u32| {
        let confidence = (measured.confidence * 1.25).min(1.0);
        (Measured { value: tempo(bars), confidence }, bars)
    };
    let pulse = similarity.pulse(measured.value);
    let bars = (seconds * measured.value / 60.0 / quarters_per_bar).round();
    let is_possible = |bars: u32| BARS_RANGE.contains(&bars) && BPM_RANGE.contains(&tempo(bars));
    let bars = bars as u32;
    if is_possible(bars) {
        let off = (tempo(bars) / measured.value - 1.0).abs();
        let bound = (CUT_TOLERANCE / f64::from(bars)).min(CUT_TOLERANCE_SHARE);
        if bars.is_power_of_two() && off < bound && similarity.pulse(tempo(bars)) >= CUT_PULSE_SHARE * pulse {
            return Some(found(bars));
        }
    }
    // Another tempo that the length speaks for explains the recording about as well.
    let score = |bars: u32| similarity.pulse(tempo(bars)).max(0.0) * usual(tempo(bars));
    let whole = (0..7).map(|power| 1_u32 << power).filter(|bars| is_possible(*bars));
    let best = whole.max_by(|a, b| score(*a).total_cmp(&score(*b)));
    if let Some(best) = best
        && score(best) >= OTHER_PULSE_SHARE * pulse * usual(measured.value)
    {
        return Some(found(best));
    }
    // Lengths that are no power of two are less usual, and must fit better.
    let off = (tempo(bars) / measured.value - 1.0).abs();
    let bound = 0.4 * (CUT_TOLERANCE / f64::from(bars.max(1))).min(CUT_TOLERANCE_SHARE);
    (is_possible(bars) && off < bound && similarity.pulse(tempo(bars)) >= CUT_PULSE_SHARE * pulse)
        .then(|| found(bars))
}

/// Beside other tracks, half and double tempo are the same music written otherwise: the nearest one is taken.
fn folded(bpm: f64, options: &ImportOptions) -> f64 {
    let Some(plan) = &options.plan else { return bpm };
    let mut bpm = bpm;
    while bpm * std::f64::consts::SQRT_2 < plan.bpm && bpm * 2.0 <= *BPM_RANGE.end() {
        bpm *= 2.0;
    }
    while bpm > plan.bpm * std::f64::consts::SQRT_2 && bpm / 2.0 >= *BPM_RANGE.start() {
        bpm /= 2.0;
    }
    bpm
}

/// A tempo that is a whole number but for measuring becomes one.
fn rounded(bpm: f64, seconds: f64) -> f64 {
    let drift = |to: f64| (seconds - seconds * bpm / to).abs();
    [bpm.round(), (bpm * 2.0).round() / 2.0, (bpm * 100.0).round() / 100.0]
        .into_iter()
        .find(|&to| BPM_RANGE.contains(&to) && drift(to) < ROUNDING_SECONDS)
        .unwrap_or(bpm)
}

/// The first downbeat in seconds: beats where the onset strength is, and of those the ones with the most weight below and
/// the least snare.
fn downbeat(
    flux: &Flux,
    novelty: &[f32],
    beat: f64,
    quarters_per_bar: f64,
    starts_on_bar: bool,
) -> Measured<f64> {
    let at = |values: &[f32], seconds: f64| -> f32 {
        let centre = ((seconds - flux.seconds(0.0)) * flux.rate_hz()).round() as i64;
        let near = (centre - 3).max(0)..(centre + 4).min(values.len() as i64);
        near.map(|index| values[index as usize]).fold(0.0, f32::max)
    };
    let total = novelty.len() as f64 / flux.rate_hz();
    let phase = if starts_on_bar {
        0.0
    } else {
        let count = (beat * flux.rate_hz()).round().max(1.0) as usize;
        let mut sums = vec![0.0_f32; count];
        for (index, sum) in sums.iter_mut().enumerate() {
            let mut time = flux.seconds(index as f64);
            while time < total {
                *sum += at(novelty, time);
                time += beat;
            }
        }
        let top = sums.iter().copied().fold(0.0, f32::max);
        // The middle of the plateau that the tolerance makes.
        let first = sums.iter().position(|sum| *sum >= 0.98 * top).unwrap_or(0);
        let width = sums[first..].iter().take_while(|sum| **sum >= 0.98 * top).count();
        let phase = flux.seconds(first as f64 + (width as f64 - 1.0) / 2.0);
        // What begins within a moment begins at once; nothing begins before the first sound.
        let phase = if phase > beat - 0.03 { 0.0 } else { phase };
        let loud = 0.3 * novelty.iter().copied().fold(0.0, f32::max);
        let first = novelty.iter().position(|value| *value >= loud).unwrap_or(0);
        phase + ((flux.seconds(first as f64) - 0.05 - phase) / beat).ceil().max(0.0) * beat
    };
    let beats = quarters_per_bar.round().max(1.0) as usize;
    let bar = beat * quarters_per_bar;
    let weight = |first: usize| -> f32 {
        let mut sum = 0.0;
        let mut count = 0;
        // Most recordings begin on a bar, unless what follows says otherwise.
        let begins = if first == 0 { BEGIN_BONUS } else { 0.0 };
        let mut time = phase + first as f64 * beat;
        while time < total - 0.05 {
            let low = at(flux.band(0), time) / flux.reference(0).max(1e-6);
            let mid = at(flux.band(1), time) / flux.reference(1).max(1e-6);
            let all = at(novelty, time);
            sum += low.min(1.5) - 0.5 * mid.min(1.5) + 0.25 * all;
            count += 1;
            time += bar;
        }
        begins + sum / count.max(1) as f32
    };
    let weights: Vec<f32> = (0..beats).map(weight).collect();
    let best = if starts_on_bar {
        0
    } else {
        // The first of those that are about the strongest.
        let top = weights.iter().copied().fold(f32::MIN, f32::max);
        weights.iter().position(|weight| *weight >= top - 0.05).unwrap_or(0)
    };
    let others = weights.iter().enumerate().filter(|(index, _)| *index != best);
    let second = others.map(|(_, weight)| *weight).fold(f32::MIN, f32::max);
    let margin = if beats > 1 { (weights[best] - second).clamp(0.0, 1.0) } else { 1.0 };
    // That it was cut to whole bars speaks for its beginning.
    let confidence = if starts_on_bar { 0.5 + 0.5 * margin } else { margin };
    Measured { value: phase + best as f64 * beat, confidence }
}
