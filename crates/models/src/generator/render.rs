//! Perform and decode: from a score to tokens, and from tokens to audio.

use std::ops::Range;
use std::sync::mpsc;

use super::arrange::Arrangement;
use super::level::leveled;
use super::random::{Purpose, Random};
use super::{Observer, Stage, TakeRequest};
use crate::bundle::manifest::ATTRIBUTE_COUNT;
use crate::bundle::{Patch, PatchExcitation};
use crate::runtime::{Input, ModelError, Network};
use crate::worker;
use resonantgen_music::score::{DrumClass, Note, Score};
use resonantgen_music::track::Track;
use resonantgen_sound::codec::excitation::{self, NoiseWidth, Stream};
use resonantgen_sound::codec::features::{self, Features};
use resonantgen_sound::codec::filter::{SpectralFilter, Synthesis};
use resonantgen_sound::codec::hits::Hits;
use resonantgen_sound::codec::kit::{self, Kit, Performance, Strike};
use resonantgen_sound::codec::notes::{self, Instrument, PlayedNote};
use resonantgen_sound::codec::timeline::Timeline;
use resonantgen_sound::codec::width::Widener;
use resonantgen_sound::codec::{
    BANDS, CODEC_HOP, FEATURES_PER_CODEC_FRAME, PITCHED_STREAMS, STREAMS, TimedNote,
};
use resonantgen_take::{StemAudio, TAKE_SAMPLE_RATE_HZ, Tokens};
use resonantgen_words::Attributes;

/// Codec frames decoded at once (4 s).
const CHUNK_CODEC_FRAMES: usize = 200;
/// Codec frames of context to each side of a decoded chunk: more than the receptive field.
const CONTEXT_CODEC_FRAMES: usize = 16;
/// Codec frames filtered before the loop: the seam's lead, and time for the widener to settle (0.32 s).
const BEFORE_CODEC_FRAMES: usize = 16;
/// Codec frames filtered after the loop: more than half an STFT window.
const AFTER_CODEC_FRAMES: usize = 3;
/// Level of the whole sound's decorrelated side relative to its mid; drums are widened only by their noise.
fn body_width(track: Track, patch: &Patch) -> f32 {
    match track {
        Track::Drums | Track::Bass => 0.0,
        Track::Harmony | Track::Melody => 0.8 * patch.width,
    }
}

/// Width of a track's noise; low frequencies stay in the middle.
fn noise_width(track: Track, patch: &Patch) -> NoiseWidth {
    let amount = match track {
        Track::Drums => 0.3 + 0.2 * patch.width,
        Track::Bass => 0.0,
        Track::Harmony | Track::Melody => 0.4 * patch.width,
    };
    NoiseWidth { amount, above_hz: if track == Track::Drums { 3_000.0 } else { 300.0 } }
}

/// Inputs of perform and decode made from a score, once, on any thread.
#[derive(Debug)]
pub(super) struct Material {
    pub(super) timeline: Timeline,
    pub(super) features: Features,
    notes: Vec<TimedNote>,
}

impl Material {
    pub(super) fn new(request: &TakeRequest<'_>, score: &Score, loop_samples: usize) -> Self {
        let timeline = Timeline::new(loop_samples);
        let notes = timeline.unroll(score, request.plan);
        let frames = timeline.feature_frames();
        let features = match request.track {
            Track::Drums => features::drums(&notes, frames),
            Track::Bass | Track::Harmony | Track::Melody => features::tonal(&notes, frames),
        };
        Self { timeline, features, notes }
    }

    /// The excitation streams of the time line.
    ///
    /// # Errors
    /// Returns [`ModelError::Cancelled`] soon after `is_cancelled` becomes true.
    pub(super) fn streams(
        &self,
        request: &TakeRequest<'_>,
        patch: &Patch,
        is_cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<[Stream; STREAMS], ModelError> {
        let window = self.timeline.window();
        let keep_going = || !is_cancelled();
        let pitched = match &patch.excitation {
            PatchExcitation::Tonal(parameters) => {
                excitation::tonal_while(&self.notes, parameters, window, &keep_going)
            }
            PatchExcitation::Drums(bodies) => {
                excitation::drums_while(&self.notes, bodies, window, &keep_going)
            }
            PatchExcitation::Kit(_) | PatchExcitation::Notes(_) => {
                unreachable!("finished sound excites no network")
            }
        };
        let [first, second] = pitched.ok_or(ModelError::Cancelled)?;
        let seed = Random::new(request.seed, request.track, Purpose::Noise, 0).integer();
        let noise =
            excitation::noise(seed, self.timeline.loop_samples(), window, noise_width(request.track, patch));
        Ok([first, second, noise])
    }
}

/// Plays a score on a kit of hits and levels it.
///
/// # Errors
/// Returns [`ModelError::Cancelled`] soon after the observer cancels.
pub(super) fn play_kit(
    request: &TakeRequest<'_>,
    score: &Score,
    (kit, hits): (&Kit, &Hits),
    (tilt, arrangement): (f32, &Arrangement),
    threads: usize,
    observer: &dyn Observer,
) -> Result<StemAudio, ModelError> {
    let loop_samples = super::shape::rendered_frames(request);
    let strike = |note: &Note| {
        let seconds = request.plan.seconds_at(f64::from(note.step) + f64::from(note.offset));
        let at = (seconds * f64::from(TAKE_SAMPLE_RATE_HZ)).round() as i64;
        let at = at.rem_euclid(loop_samples as i64) as usize;
        Some(Strike { at, class: DrumClass::from_key(note.pitch)?, velocity: note.velocity })
    };
    let mut strikes: Vec<Strike> = score.notes.iter().filter_map(strike).collect();
    strikes.sort_by_key(|strike| (strike.at, strike.class.index()));
    let seed = Random::new(request.seed, request.track, Purpose::Noise, 0).integer();
    let performance = Performance { seed, tone: &kit::tilted(tilt), threads };
    let room = kit.room * arrangement.colour.map_or(1.0, |(colour, _)| colour.own_room);
    let kit = &Kit { room: room.min(1.0), ..kit.clone() };
    let sides = kit::perform(kit, hits, &strikes, loop_samples, performance, &|| !observer.is_cancelled());
    let [left, right] = sides.ok_or(ModelError::Cancelled)?;
    Ok(leveled(left, right, arrangement))
}

/// Plays a score on an instrument of recorded notes, and colours and levels it.
///
/// # Errors
/// Returns [`ModelError::Cancelled`] soon after the observer cancels.
pub(super) fn play_notes(
    request: &TakeRequest<'_>,
    score: &Score,
    (instrument, hits): (&Instrument, &Hits),
    (tilt, arrangement): (f32, &Arrangement),
    threads: usize,
    observer: &dyn Observer,
) -> Result<StemAudio, ModelError> {
    let loop_samples = request.plan.audio_frames(TAKE_SAMPLE_RATE_HZ);
    let sample_at =
        |step: f64| (request.plan.seconds_at(step) * f64::from(TAKE_SAMPLE_RATE_HZ)).round() as i64;
    let play = |note: &Note| {
        let start = f64::from(note.step) + f64::from(note.offset);
        let at = sample_at(start);
        let held = (sample_at(start + f64::from(note.length)) - at).max(480) as usize;
        let at = at.rem_euclid(loop_samples as i64) as usize;
        PlayedNote { at, held, pitch: note.pitch, velocity: note.velocity }
    };
    let mut played: Vec<PlayedNote> = score.notes.iter().map(play).collect();
    played.sort_by_key(|note| (note.at, note.pitch));
    let seed = Random::new(request.seed, request.track, Purpose::Noise, 0).integer();
    let mut tone = kit::tilted(tilt);
    for (gain, room) in tone.iter_mut().zip(arrangement.per_octave()) {
        *gain += room;
    }
    let performance = Performance { seed, tone: &tone, threads };
    let sides =
        notes::perform(instrument, hits, &played, loop_samples, performance, &|| !observer.is_cancelled());
    let [left, right] = sides.ok_or(ModelError::Cancelled)?;
    Ok(leveled(left, right, arrangement))
}

/// Codec tokens of the whole time line.
pub(super) fn perform(
    network: &mut Network,
    material: &Material,
    patch: &Patch,
    attributes: &Attributes,
    is_cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<i64>, ModelError> {
    let dials: [f32; ATTRIBUTE_COUNT] = attributes.to_array();
    let features = &material.features;
    network.run::<i64>(
        &[
            ("features", &[1, features.rows, features.feature_frames], Input::Floats(&features.values)),
            ("timbre", &[1, patch.timbre.len()], Input::Floats(&patch.timbre)),
            ("attributes", &[1, ATTRIBUTE_COUNT], Input::Floats(&dials)),
        ],
        is_cancelled,
    )
}

/// Extracts the tokens of a range of codec frames from the time line's (`[codebooks, codec_frames]`).
pub(super) fn loop_tokens(
    codes: &[i64],
    codebooks: usize,
    timeline: &Timeline,
    range: Range<usize>,
) -> Tokens {
    let codes = codes
        .chunks_exact(timeline.codec_frames())
        .flat_map(|row| row[range.clone()].iter().map(|code| *code as u16))
        .collect();
    Tokens { codebooks, codes }
}

/// Inputs of the decoder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decoding<'a> {
    pub(super) track: Track,
    pub(super) material: &'a Material,
    pub(super) filter: &'a SpectralFilter,
    pub(super) streams: &'a [Stream; STREAMS],
    /// Codes of the time line, `[codebooks, codec_frames]`.
    pub(super) codes: &'a [i64],
    pub(super) codebooks: usize,
    pub(super) patch: &'a Patch,
    pub(super) arrangement: &'a Arrangement,
    /// Log gain of the highest band relative to the middle, for edits of brightness.
    pub(super) tilt: f32,
}

/// Spectral tilt for changed dials (energy, density, brightness, aggression, complexity): up to 9 dB at the top for a full
/// change of brightness. The performer also receives the dials, but may have learnt little from them.
pub(super) fn tilt([_, _, brightness, aggression, _]: [f32; 5]) -> f32 {
    const DECIBELS: f32 = std::f32::consts::LN_10 / 20.0;
    DECIBELS * (18.0 * brightness + 8.0 * aggression).clamp(-9.0, 9.0)
}

/// Log gains of a chunk of codec frames.
struct Gains {
    /// `[streams, bands, stride]`.
    values: Vec<f32>,
    stride: usize,
    /// The columns of the chunk, without its context.
    columns: Range<usize>,
}

impl Decoding<'_> {
    fn gain_frames_per_codec_frame(&self) -> usize {
        CODEC_HOP / self.filter.transform().hop
    }

    /// Codec frames to filter.
    fn codec_frames(&self) -> Range<usize> {
        let inside = self.material.timeline.loop_codec_frames();
        inside.start - BEFORE_CODEC_FRAMES..inside.end + AFTER_CODEC_FRAMES
    }

    fn chunks(&self) -> Vec<Range<usize>> {
        let all = self.codec_frames();
        let starts = all.clone().step_by(CHUNK_CODEC_FRAMES);
        starts.map(|start| start..(start + CHUNK_CODEC_FRAMES).min(all.end)).collect()
    }

    /// Levels of the pitched streams in a range of gain frames, `[2, bands, range]`.
    fn levels(&self, range: &Range<usize>) -> Vec<f32> {
        let [first, second, _] = self.streams;
        [first, second]
            .into_iter()
            .flat_map(|stream| self.filter.log_mel_of(&stream.mid, range.clone()))
            .collect()
    }

    fn gains(
        &self,
        network: &mut Network,
        chunk: &Range<usize>,
        is_cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Gains, ModelError> {
        let total = self.material.timeline.codec_frames();
        let first = chunk.start.saturating_sub(CONTEXT_CODEC_FRAMES);
        let count = (chunk.end + CONTEXT_CODEC_FRAMES).min(total) - first;
        let ratio = self.gain_frames_per_codec_frame();
        let codes: Vec<i64> = self
            .codes
            .chunks_exact(total)
            .flat_map(|row| row[first..first + count].iter().copied())
            .collect();
        let features =
            self.material.features.window(first * FEATURES_PER_CODEC_FRAME, count * FEATURES_PER_CODEC_FRAME);
        let levels = self.levels(&(first * ratio..(first + count) * ratio));
        let rows = self.material.features.rows;
        let mut values = network.run::<f32>(
            &[
                ("codes", &[1, self.codebooks, count], Input::Integers(&codes)),
                ("features", &[1, rows, count * FEATURES_PER_CODEC_FRAME], Input::Floats(&features)),
                ("levels", &[1, PITCHED_STREAMS, BANDS, count * ratio], Input::Floats(&levels)),
            ],
            is_cancelled,
        )?;
        if self.tilt != 0.0 {
            for (index, row) in values.chunks_exact_mut(count * ratio).enumerate() {
                let height = 2.0 * (index % BANDS) as f32 / (BANDS - 1) as f32 - 1.0;
                row.iter_mut().for_each(|gain| *gain += self.tilt * height);
            }
        }
        for rows in values.chunks_exact_mut(BANDS * count * ratio) {
            for (row, gain) in rows.chunks_exact_mut(count * ratio).zip(&self.arrangement.equaliser) {
                row.iter_mut().for_each(|value| *value += gain);
            }
        }
        let columns = (chunk.start - first) * ratio..(chunk.end - first) * ratio;
        Ok(Gains { values, stride: count * ratio, columns })
    }

    /// Renders the loop and levels it. With two or more threads, the network runs ahead of the filter on its own thread, which does
    /// not change the result.
    pub(super) fn decode(
        &self,
        network: &mut Network,
        threads: usize,
        observer: &dyn Observer,
    ) -> Result<StemAudio, ModelError> {
        let is_cancelled = || observer.is_cancelled();
        let chunks = self.chunks();
        let mut output = Output::new(self, observer);
        if threads < 2 {
            for (index, chunk) in chunks.iter().enumerate() {
                let gains = self.gains(network, chunk, &is_cancelled)?;
                output.push(&gains, index + 1 == chunks.len())?;
                observer.progress(self.track, Stage::Decode, (index + 1) as f32 / chunks.len() as f32);
            }
            return Ok(output.finish());
        }
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::sync_channel(1);
            let chunks = &chunks;
            worker::spawn(scope, move || {
                for chunk in chunks {
                    let gains = self.gains(network, chunk, &|| observer.is_cancelled());
                    let failed = gains.is_err();
                    // The receiver is gone if the filter was cancelled: nothing is left to do then.
                    if sender.send(gains).is_err() || failed {
                        return;
                    }
                }
            });
            for (index, gains) in receiver.into_iter().enumerate() {
                output.push(&gains?, index + 1 == chunks.len())?;
                observer.progress(self.track, Stage::Decode, (index + 1) as f32 / chunks.len() as f32);
            }
            Ok(output.finish())
        })
    }
}

/// Applies the gains, widens, closes the loop and levels it.
struct Output<'a> {
    timeline: Timeline,
    synthesis: Synthesis<'a>,
    widener: Widener,
    arrangement: &'a Arrangement,
    /// The time line's sample at which `sides` start.
    first: usize,
    /// Left and right audio rendered so far, starting before the loop.
    sides: [Vec<f32>; 2],
    observer: &'a dyn Observer,
}

impl<'a> Output<'a> {
    fn new(decoding: &Decoding<'a>, observer: &'a dyn Observer) -> Self {
        let ratio = decoding.gain_frames_per_codec_frame();
        let range = decoding.codec_frames();
        let rendered = range.len() * CODEC_HOP;
        Self {
            timeline: decoding.material.timeline,
            synthesis: Synthesis::new(decoding.filter, decoding.streams, range.start * ratio),
            widener: Widener::new(body_width(decoding.track, decoding.patch)),
            arrangement: decoding.arrangement,
            first: range.start * CODEC_HOP,
            sides: [0, 1].map(|_| Vec::with_capacity(rendered)),
            observer,
        }
    }

    fn push(&mut self, gains: &Gains, is_last: bool) -> Result<(), ModelError> {
        // A chunk takes a few tens of milliseconds to filter, so check for cancellation in between.
        let step = gains.columns.len().div_ceil(8).max(1);
        for first in gains.columns.clone().step_by(step) {
            if self.observer.is_cancelled() {
                return Err(ModelError::Cancelled);
            }
            let columns = first..(first + step).min(gains.columns.end);
            self.synthesis.push(&gains.values, gains.stride, columns);
        }
        let rendered = self.first + self.sides[0].len();
        let (mid, side) = self.synthesis.take(rendered..self.synthesis.final_samples(is_last).max(rendered));
        let [left, right] = &mut self.sides;
        for (mid, side) in mid.into_iter().zip(side) {
            let side = side + self.widener.side(mid);
            left.push(mid + side);
            right.push(mid - side);
        }
        Ok(())
    }

    /// The levelled loop.
    fn finish(self) -> StemAudio {
        let start = self.timeline.loop_first() - self.first;
        let length = self.timeline.loop_samples();
        let seam = self.timeline.seam_samples();
        let [left, right] = self.sides.map(|mut samples| {
            let (lead, body) = samples.split_at_mut(start);
            self.timeline.close_loop(&mut body[length - seam..length], &lead[start - seam..]);
            samples.truncate(start + length);
            samples.drain(..start);
            samples
        });
        leveled(left, right, self.arrangement)
    }
}
