//! Fits a recording to the grid: cuts it to exact bars, repeats it, and stretches it if its tempo differs.

use super::bars::Cut;
use super::decode::Decoded;
use super::{Fit, ImportError, ImportObserver, ImportStage};
use resonantgen_music::plan::Plan;
use resonantgen_sound::listen::flux::{Edges, Flux};
use resonantgen_sound::listen::mono;
use resonantgen_take::{StemAudio, TAKE_SAMPLE_RATE_HZ};

/// Maximum drift from the grid over the loop, in seconds, that is not corrected.
const DRIFT_SECONDS: f64 = 0.004;
/// Crossfade at the loop's seam, in audio frames (5 ms).
const SEAM_FRAMES: usize = 240;
/// Length of a piece of the time stretch, half of which overlaps the next, in audio frames (40 ms).
const PIECE: usize = 1_920;
/// Maximum shift of a piece to match the previous one, in audio frames (12 ms).
const SEARCH: i64 = 576;
/// Duration for which an attack is played unchanged, and how long before its onset that begins, in seconds.
const ATTACK_SECONDS: f64 = 0.045;
const LEAD_SECONDS: f64 = 0.006;

/// Cuts the bars of `cut` out of a recording, stretches them to the tempo of `grid` if necessary, and repeats or cuts them to its
/// length.
pub(super) fn fit(
    decoded: &Decoded,
    cut: &Cut,
    grid: &Plan,
    observer: &dyn ImportObserver,
) -> Result<(StemAudio, Fit), ImportError> {
    let rate = f64::from(TAKE_SAMPLE_RATE_HZ);
    let frames = grid.audio_frames(TAKE_SAMPLE_RATE_HZ);
    let bars = f64::from(cut.bars);
    let grid_bar = grid.seconds() / f64::from(grid.bars);
    let factor = grid_bar / cut.bar_seconds;
    let start = cut.downbeat.value * rate;
    let drift = ((factor - 1.0) * cut.bar_seconds * f64::from(cut.bars.min(grid.bars))).abs();
    let phrase_frames = (grid_bar * bars * rate).round() as usize;
    let (channels, fit) = if drift < DRIFT_SECONDS {
        let first = start.round() as i64;
        let take = |samples: &[f32]| seamless(samples, first, phrase_frames);
        ([take(&decoded.left), take(&decoded.right)], Fit::AsIs)
    } else {
        let source_frames = (cut.bar_seconds * bars * rate).round() as usize;
        let first = start.round() as i64;
        let source = [&decoded.left, &decoded.right].map(|samples| seamless(samples, first, source_frames));
        (stretch(&source, phrase_frames, observer)?, Fit::Stretched(factor))
    };
    // Repetitions start exactly on the grid's bars.
    let phrase_seconds = grid_bar * bars;
    let place = |phrase: &[f32]| -> Vec<f32> {
        (0..frames)
            .map(|frame| {
                let repetition = (frame as f64 / rate / phrase_seconds + 1e-9).floor();
                let offset = frame - ((repetition * phrase_seconds * rate).round() as usize).min(frame);
                phrase[offset.min(phrase.len() - 1)]
            })
            .collect()
    };
    let [left, right] = channels.map(|channel| place(&channel));
    Ok((StemAudio::from_f32(&left, &right), fit))
}

/// `length` samples from `first`, silent beyond the recording, that loop without a click: the audio before the beginning is
/// crossfaded into the end, or, if there is none, the end fades out.
fn seamless(samples: &[f32], first: i64, length: usize) -> Vec<f32> {
    let at =
        |index: i64| usize::try_from(index).ok().and_then(|index| samples.get(index)).copied().unwrap_or(0.0);
    let mut part: Vec<f32> = (0..length as i64).map(|index| at(first + index)).collect();
    let fade = SEAM_FRAMES.min(length / 4);
    let (Some(begin), Some(end)) = (part.first().copied(), part.last().copied()) else { return part };
    // A well-cut loop needs no crossfade.
    let usual = part.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    if (end - begin).abs() <= usual.min(0.02) && first <= 0 {
        return part;
    }
    for index in 0..fade {
        let share = (index as f32 + 0.5) / fade as f32;
        let before = at(first - fade as i64 + index as i64);
        let sample = &mut part[length - fade + index];
        *sample = *sample * (1.0 - share) + before * share;
    }
    part
}

/// Maps positions in the result to positions in the source, in audio frames.
struct TimeMap {
    /// Pairs of result and source positions, ascending.
    anchors: Vec<(f64, f64)>,
}

impl TimeMap {
    /// A map with attacks at the original speed and the rest stretched to compensate.
    fn new(mono: &[f32], frames: usize) -> Self {
        let rate = f64::from(TAKE_SAMPLE_RATE_HZ);
        let length = mono.len() as f64;
        let factor = frames as f64 / length;
        let flux = Flux::of(mono, TAKE_SAMPLE_RATE_HZ, Edges::Wrap);
        let mut onsets: Vec<f64> = (0..resonantgen_sound::listen::flux::BAND_COUNT)
            .flat_map(|band| {
                let reference = flux.reference(band);
                flux.peaks(band, (0.25 * reference).max(1e-6)).map(|(time, _)| time).collect::<Vec<_>>()
            })
            .map(|time| ((time - LEAD_SECONDS) * rate).max(0.0))
            .filter(|onset| *onset < length)
            .collect();
        onsets.push(0.0);
        onsets.sort_by(f64::total_cmp);
        let mut anchors: Vec<(f64, f64)> = Vec::new();
        for onset in onsets {
            let attack = (ATTACK_SECONDS * rate).min(length - onset);
            let apart = anchors.last().is_none_or(|(to, from)| onset >= *from && onset * factor >= *to);
            if apart {
                anchors.push((onset * factor, onset));
                anchors.push((onset * factor + attack, onset + attack));
            }
        }
        // The last attack may extend past the end of a faster result.
        while anchors.len() > 1 && anchors.last().is_some_and(|(to, _)| *to >= frames as f64) {
            anchors.pop();
        }
        anchors.push((frames as f64, length));
        Self { anchors }
    }

    /// The source position, and whether it is in an attack.
    fn source(&self, result: f64) -> (f64, bool) {
        let after = self.anchors.partition_point(|(to, _)| *to <= result).clamp(1, self.anchors.len() - 1);
        let ((to_a, from_a), (to_b, from_b)) = (self.anchors[after - 1], self.anchors[after]);
        let speed = (from_b - from_a) / (to_b - to_a).max(1e-9);
        (from_a + (result - to_a) * speed, (speed - 1.0).abs() < 1e-6)
    }
}

/// Stretches a loop to `frames` without changing pitch or attacks, by overlapping pieces that are each shifted to continue the
/// previous one best (WSOLA: Verhelst and Roelands, ICASSP 1993).
fn stretch(
    source: &[Vec<f32>; 2],
    frames: usize,
    observer: &dyn ImportObserver,
) -> Result<[Vec<f32>; 2], ImportError> {
    let mono = mono(&source[0], &source[1]).samples;
    let map = TimeMap::new(&mono, frames);
    let length = source[0].len() as i64;
    let hop = PIECE / 2;
    let window: Vec<f32> = (0..PIECE)
        .map(|index| 0.5 - 0.5 * (std::f32::consts::TAU * (index as f32 + 0.5) / PIECE as f32).cos())
        .collect();
    let at = |channel: usize, index: i64| source[channel][index.rem_euclid(length) as usize];
    let mut output = [vec![0.0_f32; frames], vec![0.0_f32; frames]];
    let mut weights = vec![0.0_f32; frames];
    let mut continuation: Option<i64> = None;
    let count = frames.div_ceil(hop);
    for piece in 0..count {
        if piece % 64 == 0 {
            observer.progress(ImportStage::Fit, 0.6 * piece as f32 / count as f32);
            if observer.is_cancelled() {
                return Err(ImportError::Cancelled);
            }
        }
        let first = (piece * hop) as i64 - hop as i64;
        let centre = first + hop as i64;
        let (wanted, is_attack) = map.source((centre as f64).min(frames as f64));
        let mut begin = wanted.round() as i64 - hop as i64;
        if let (Some(continuation), false) = (continuation, is_attack) {
            begin += best_shift(begin, continuation, |index| mono[index.rem_euclid(length) as usize]);
        }
        for (offset, weight) in window.iter().enumerate() {
            // The first piece straddles the seam. No other may cross it, which would double the first attack.
            let position = first + offset as i64;
            if position >= frames as i64 {
                break;
            }
            let to = position.rem_euclid(frames as i64) as usize;
            weights[to] += weight;
            for (channel, output) in output.iter_mut().enumerate() {
                output[to] += at(channel, begin + offset as i64) * weight;
            }
        }
        continuation = Some(begin + hop as i64);
    }
    for channel in &mut output {
        for (sample, weight) in channel.iter_mut().zip(&weights) {
            *sample /= weight.max(1e-3);
        }
    }
    Ok(output)
}

/// The allowed shift that makes the audio from `begin` most similar to that from `target`.
fn best_shift(begin: i64, target: i64, at: impl Fn(i64) -> f32) -> i64 {
    const STRIDE: i64 = 4;
    let hop = PIECE as i64 / 2;
    let reference: Vec<f32> = (0..hop).step_by(STRIDE as usize).map(|index| at(target + index)).collect();
    let area: Vec<f32> = (-SEARCH..SEARCH + hop).map(|index| at(begin + index)).collect();
    let score = |shift: i64| -> f32 {
        let first = (shift + SEARCH) as usize;
        let (mut product, mut power) = (0.0_f32, 1e-9_f32);
        for (index, reference) in reference.iter().enumerate() {
            let sample = area[first + index * STRIDE as usize];
            product += reference * sample;
            power += sample * sample;
        }
        product / power.sqrt()
    };
    let coarse = (-SEARCH..=SEARCH).step_by(6).map(|shift| (shift, score(shift)));
    let (coarse, _) = coarse.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0));
    let fine = ((coarse - 5).max(-SEARCH)..=(coarse + 5).min(SEARCH)).map(|shift| (shift, score(shift)));
    fine.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(shift, _)| shift)
}
