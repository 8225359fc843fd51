//! The bars of a recording: tempo, downbeat and count.

use super::decode::Decoded;
use super::hints::Hint;
use super::tempo::{Similarity, estimate, usual};
use super::{ImportError, ImportOptions, Measured, attack};
use resonantgen_music::plan::{BARS_RANGE, BPM_RANGE, Meter};
use resonantgen_sound::listen::flux::{Edges, Flux};
use resonantgen_sound::listen::mono;
use resonantgen_take::TAKE_SAMPLE_RATE_HZ;

/// Confidence below which no beat was found.
const NO_BEAT: f32 = 0.2;
/// Confidence below which the tempo is reported as doubtful.
const DOUBTFUL_BEAT: f32 = 0.35;
/// Maximum deviation of a loop from whole bars, as a share of a bar.
const CUT_TOLERANCE: f64 = 0.12;
/// The same, as a share of its length.
const CUT_TOLERANCE_SHARE: f64 = 0.03;
/// Factor by which the score of the tempo from the length may be below that of the measured tempo.
const CUT_PULSE_SHARE: f32 = 0.8;
/// The same for a tempo that only the length supports.
const OTHER_PULSE_SHARE: f32 = 0.72;
/// Bonus for a bar line at the first audible beat, in units of onset strength.
const BEGIN_BONUS: f32 = 0.25;
/// Time that may be missing from the last bar, in seconds.
const SHORTFALL_SECONDS: f64 = 0.06;
/// The same if the tempo is known.
const EXACT_SECONDS: f64 = 0.006;
/// Maximum difference between a noted tempo and the one from the length, as a share.
const NOTED_TOLERANCE: f64 = 0.01;
/// The same for a bare number in a name, in seconds over the length.
const BARE_SECONDS: f64 = 0.012;
/// Confidence of a noted tempo that agrees with the length.
const NOTED_CONFIDENCE: f32 = 0.95;
/// Factor by which the score of a bare number in a name may be below that of the measured tempo.
const BARE_PULSE_SHARE: f32 = 0.5;
/// Share of the chosen tempo's score from which half or double tempo is reported too.
const DOUBT_SHARE: f32 = 0.3;
/// Tempo from which sixteenths no longer rule out half of it.
const FAST_BPM: f64 = 130.0;
/// Strength of audible sixteenths, as a share of the beat's.
const DIVIDED: f32 = 0.2;
/// Share of the power in the channels' difference from which they are reported as out of phase.
const OUT_OF_PHASE: f32 = 0.75;
/// Search range for the attack of a beat around its measured time, in seconds.
const ATTACK_REACH: f64 = 0.025;
/// An attack within this many seconds of the start counts as the start.
const AT_ONCE: f64 = 0.001;
/// Share of the loudest from which on something counts as the first sound.
const LOUD: f32 = 0.3;
/// How much of a sound a recording must contain at its beginning and end for the sound to count as complete.
const EDGE_SECONDS: f64 = 0.05;
/// Maximum drift over the loop, in seconds, for rounding a tempo to a whole number.
const ROUNDING_SECONDS: f64 = 0.006;

/// The bars of a recording.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) bpm: Measured<f64>,
    pub(super) downbeat: Measured<f64>,
    pub(super) bars: u32,
    /// Length of a bar in seconds at the file's tempo.
    pub(super) bar_seconds: f64,
}

/// Finds the bars of `decoded`. `hints` are possible tempos from its name and tags.
pub(super) fn find(
    decoded: &Decoded,
    meter: Meter,
    options: &ImportOptions,
    hints: &[Hint],
    remarks: &mut Vec<String>,
) -> Result<Cut, ImportError> {
    let heard = mono(&decoded.left, &decoded.right);
    if heard.side > OUT_OF_PHASE {
        let words = "its channels are out of phase, so that it nearly vanishes in mono: turn the polarity of one of them if \
                     that is not meant";
        remarks.push(words.to_owned());
    }
    let mono = heard.samples;
    let seconds = mono.len() as f64 / f64::from(TAKE_SAMPLE_RATE_HZ);
    let quarters_per_bar = f64::from(meter.steps_per_bar()) / 4.0;
    let flux = Flux::of(&mono, TAKE_SAMPLE_RATE_HZ, Edges::Silent);
    let novelty = flux.novelty();
    let similarity = Similarity::of(&novelty, flux.rate_hz());
    let hint = options.bpm_hint.or(options.plan.as_ref().map(|plan| plan.bpm));
    // The length is evidence only if the music begins at the start of the file.
    let cut_seconds = decoded.cut_seconds.filter(|_| options.start_seconds.is_none());
    let (bpm, whole_bars) = match options.bpm {
        Some(value) => {
            let bars =
                cut_seconds.and_then(|seconds| whole_bars(value, seconds, quarters_per_bar, EXACT_SECONDS));
            (Measured { value, confidence: 1.0 }, bars)
        }
        None => {
            let measured = estimate(&similarity, hint);
            let noted = noted(hints, &similarity, measured, cut_seconds, quarters_per_bar);
            let cut = cut_seconds.filter(|_| decoded.is_whole && noted.is_none()).and_then(|seconds| {
                cut_to_bars(&similarity, measured, usual(hint), seconds, quarters_per_bar)
            });
            match (noted.or(cut.map(|(bpm, bars)| (bpm, Some(bars)))), &options.plan) {
                (Some((bpm, bars)), _) if noted.is_some() || hint.is_some() => (bpm, bars),
                (Some((bpm, bars)), _) => (doubted(bpm, &similarity, remarks), bars),
                // Pads have no beat. If there are other tracks, their tempo is assumed.
                (None, Some(plan)) if measured.confidence < NO_BEAT => {
                    remarks.push("no beat was found: the session's tempo is assumed".to_owned());
                    (Measured { value: plan.bpm, confidence: 0.0 }, None)
                }
                (None, _) if measured.confidence < NO_BEAT => return Err(ImportError::NoBeat),
                (None, _) if hint.is_some() => (measured, None),
                (None, _) => (doubted(measured, &similarity, remarks), None),
            }
        }
    };
    if bpm.confidence < DOUBTFUL_BEAT && bpm.confidence > 0.0 {
        remarks
            .push(format!("the tempo ({:.1} bpm) is a guess: set it with --bpm if it is wrong", bpm.value));
    }
    let bpm = Measured { value: folded(bpm.value, options), ..bpm };
    let bar_seconds = quarters_per_bar * 60.0 / bpm.value;
    let downbeat = match options.start_seconds {
        Some(_) => Measured { value: 0.0, confidence: 1.0 },
        None => {
            let beat = 60.0 / bpm.value;
            let starts_on_bar = whole_bars.is_some();
            let begin = if starts_on_bar { Begin::OnBar } else { Begin::of(&mono) };
            let found = downbeat(&flux, &novelty, beat, quarters_per_bar, begin);
            let value = if starts_on_bar { 0.0 } else { at_attack(&mono, found.value, beat, bar_seconds) };
            Measured { value, ..found }
        }
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
        // From a recording that was not cut to bars, take whole phrases.
        match held {
            0..=2 => held,
            3 => 2,
            _ => held / 4 * 4,
        }
    };
    let bpm = Measured { value: rounded(bpm.value, bar_seconds * f64::from(bars)), ..bpm };
    Ok(Cut { bpm, downbeat, bars, bar_seconds: quarters_per_bar * 60.0 / bpm.value })
}

/// Number of bars in a length at a tempo, if it is whole within `tolerance` seconds.
fn whole_bars(bpm: f64, seconds: f64, quarters_per_bar: f64, tolerance: f64) -> Option<u32> {
    let bar = quarters_per_bar * 60.0 / bpm;
    let bars = (seconds / bar).round();
    ((seconds - bars * bar).abs() <= tolerance && BARS_RANGE.contains(&(bars as u32))).then_some(bars as u32)
}

/// The first noted tempo that agrees with the length of the recording or with an octave of the measured tempo, and its number of
/// bars if the length is whole.
fn noted(
    hints: &[Hint],
    similarity: &Similarity,
    measured: Measured<f64>,
    cut_seconds: Option<f64>,
    quarters_per_bar: f64,
) -> Option<(Measured<f64>, Option<u32>)> {
    let pulse = similarity.pulse(measured.value);
    hints.iter().filter(|hint| BPM_RANGE.contains(&hint.bpm)).find_map(|hint| {
        let by_length = cut_seconds.and_then(|seconds| {
            // A bare number must fit exactly, and must be plausible for what is heard.
            let tolerance = if hint.is_tempo { NOTED_TOLERANCE * seconds } else { BARE_SECONDS };
            let bars = whole_bars(hint.bpm, seconds, quarters_per_bar, tolerance)?;
            let value = f64::from(bars) * quarters_per_bar * 60.0 / seconds;
            let is_likely = hint.is_tempo
                || bars.is_power_of_two() && similarity.pulse(value) >= BARE_PULSE_SHARE * pulse;
            (is_likely && BPM_RANGE.contains(&value))
                .then_some((Measured { value, confidence: NOTED_CONFIDENCE }, Some(bars)))
        });
        let by_octave = || {
            let value = [0.5, 1.0, 2.0]
                .into_iter()
                .map(|octave| measured.value * octave)
                .find(|value| (value / hint.bpm - 1.0).abs() < NOTED_TOLERANCE)?;
            let confidence = measured.confidence.min(NOTED_CONFIDENCE);
            (measured.confidence >= NO_BEAT).then_some((Measured { value, confidence }, None))
        };
        by_length.or_else(by_octave)
    })
}

/// A measured tempo with its octave ambiguity: half and double tempo may fit about as well. Audible sixteenths rule out half of
/// an ordinary tempo.
fn doubted(bpm: Measured<f64>, similarity: &Similarity, remarks: &mut Vec<String>) -> Measured<f64> {
    let usual = usual(None);
    let score = |bpm: f64| similarity.pulse(bpm).max(0.0) * usual(bpm);
    let own = score(bpm.value).max(f32::MIN_POSITIVE);
    let others = [bpm.value / 2.0, bpm.value * 2.0].into_iter().filter(|other| BPM_RANGE.contains(other));
    let Some((other, rival)) = others.map(|other| (other, score(other))).max_by(|a, b| a.1.total_cmp(&b.1))
    else {
        return bpm;
    };
    let is_divided = other < bpm.value && bpm.value < FAST_BPM && {
        let beat = 60.0 / bpm.value;
        let at = |share: f64| similarity.at(share * beat).unwrap_or(0.0);
        at(0.25) - at(0.375).max(0.0) >= DIVIDED * at(1.0)
    };
    if rival >= DOUBT_SHARE * own && !is_divided {
        let (low, high) = (bpm.value.min(other), bpm.value.max(other));
        remarks.push(format!(
            "the tempo may be {low:.1} or {high:.1} bpm, which only listening can decide: {:.1} was assumed; set it with --bpm if \
             that is wrong",
            bpm.value
        ));
    }
    Measured { confidence: bpm.confidence * own / (own + rival), ..bpm }
}

/// Moves a measured downbeat to the attack there, or, without one, by the median offset of the attacks on other bars or beats.
fn at_attack(mono: &[f32], downbeat: f64, beat: f64, bar: f64) -> f64 {
    let seconds = mono.len() as f64 / f64::from(TAKE_SAMPLE_RATE_HZ);
    let off = |at: f64| attack::near(mono, at, ATTACK_REACH).map(|found| found - at);
    let median = |step: f64| {
        let times =
            std::iter::successors(Some(downbeat), |at| Some(at + step)).take_while(|at| *at < seconds);
        let mut offs: Vec<f64> = times.filter_map(off).collect();
        offs.sort_by(f64::total_cmp);
        offs.get(offs.len() / 2).copied()
    };
    let moved = downbeat + off(downbeat).or_else(|| median(bar)).or_else(|| median(beat)).unwrap_or(0.0);
    if moved < AT_ONCE { 0.0 } else { moved }
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
    // Another tempo supported by the length fits about as well.
    let score = |bars: u32| similarity.pulse(tempo(bars)).max(0.0) * usual(tempo(bars));
    let whole = (0..7).map(|power| 1_u32 << power).filter(|bars| is_possible(*bars));
    let best = whole.max_by(|a, b| score(*a).total_cmp(&score(*b)));
    if let Some(best) = best
        && score(best) >= OTHER_PULSE_SHARE * pulse * usual(measured.value)
    {
        return Some(found(best));
    }
    // Lengths that are not a power of two are less common, and must fit better.
    let off = (tempo(bars) / measured.value - 1.0).abs();
    let bound = 0.4 * (CUT_TOLERANCE / f64::from(bars.max(1))).min(CUT_TOLERANCE_SHARE);
    (is_possible(bars) && off < bound && similarity.pulse(tempo(bars)) >= CUT_PULSE_SHARE * pulse)
        .then(|| found(bars))
}

/// Chooses between half, single and double tempo, which are the same music in another notation: the nearest to the other tracks.
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

/// Rounds a tempo that is a whole number within measuring accuracy.
fn rounded(bpm: f64, seconds: f64) -> f64 {
    let drift = |to: f64| (seconds - seconds * bpm / to).abs();
    [bpm.round(), (bpm * 2.0).round() / 2.0, (bpm * 100.0).round() / 100.0]
        .into_iter()
        .find(|&to| BPM_RANGE.contains(&to) && drift(to) < ROUNDING_SECONDS)
        .unwrap_or(bpm)
}

/// How a recording begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    /// It was cut to bars.
    OnBar,
    /// It starts with a sound at once, which the onset strength shows only in part.
    AtOnce,
    Anywhere,
}

impl Begin {
    fn of(mono: &[f32]) -> Self {
        let peak = |part: &[f32]| part.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        let edge = (EDGE_SECONDS * f64::from(TAKE_SAMPLE_RATE_HZ)) as usize;
        let is_loud = peak(&mono[..edge.min(mono.len())]) >= LOUD * peak(mono);
        if is_loud { Self::AtOnce } else { Self::Anywhere }
    }
}

/// The first downbeat in seconds: of the beats with onsets, the phase with the most bass and the least snare.
fn downbeat(flux: &Flux, novelty: &[f32], beat: f64, quarters_per_bar: f64, begin: Begin) -> Measured<f64> {
    let starts_on_bar = begin == Begin::OnBar;
    let at = |values: &[f32], seconds: f64| -> f32 {
        let centre = ((seconds - flux.seconds(0.0)) * flux.rate_hz()).round() as i64;
        let near = (centre - 3).max(0)..(centre + 4).min(values.len() as i64);
        near.map(|index| values[index as usize]).fold(0.0, f32::max)
    };
    let total = novelty.len() as f64 / flux.rate_hz();
    let loud = LOUD * novelty.iter().copied().fold(0.0, f32::max);
    let last = novelty.iter().rposition(|value| *value >= loud).unwrap_or(0);
    // After the last sound, no bar can be detected.
    let end = (total - EDGE_SECONDS).min(flux.seconds(last as f64) + EDGE_SECONDS);
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
        // The middle of the plateau that results from the tolerance.
        let first = sums.iter().position(|sum| *sum >= 0.98 * top).unwrap_or(0);
        let width = sums[first..].iter().take_while(|sum| **sum >= 0.98 * top).count();
        let phase = flux.seconds(first as f64 + (width as f64 - 1.0) / 2.0);
        // A beat just before the end of this one wraps to the start, since nothing begins before the first sound.
        let phase = if phase > beat - 0.03 { phase - beat } else { phase };
        let is_loud = |value: &f32| *value >= loud || begin == Begin::AtOnce;
        let first = novelty.iter().position(is_loud).unwrap_or(0);
        phase + ((flux.seconds(first as f64) - 0.05 - phase) / beat).ceil().max(0.0) * beat
    };
    let beats = quarters_per_bar.round().max(1.0) as usize;
    let bar = beat * quarters_per_bar;
    let weight = |first: usize| -> f32 {
        let mut sum = 0.0;
        let mut count = 0;
        // Most recordings begin on a bar line.
        let begins = if first == 0 { BEGIN_BONUS } else { 0.0 };
        let mut time = phase + first as f64 * beat;
        // A sound at the very edge of the recording is incomplete and counts for less than later ones.
        if time < EDGE_SECONDS && time + bar < end {
            time += bar;
        }
        while time < end {
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
        // The first of those that are nearly the strongest.
        let top = weights.iter().copied().fold(f32::MIN, f32::max);
        weights.iter().position(|weight| *weight >= top - 0.05).unwrap_or(0)
    };
    let others = weights.iter().enumerate().filter(|(index, _)| *index != best);
    let second = others.map(|(_, weight)| *weight).fold(f32::MIN, f32::max);
    let margin = if beats > 1 { (weights[best] - second).clamp(0.0, 1.0) } else { 1.0 };
    // A recording cut to whole bars probably begins on a bar line.
    let confidence = if starts_on_bar { 0.5 + 0.5 * margin } else { margin };
    Measured { value: phase + best as f64 * beat, confidence }
}
