//! The mix of whole pieces, over the list of genres: loudness, peaks, mono compatibility, the low end, and masking.

use std::process::ExitCode;

use anyhow::Result;
use resonantgen_models::generator::Engine;
use resonantgen_music::score::DrumClass;
use resonantgen_music::track::Track;
use resonantgen_project::mix;
use resonantgen_session::Session;
use resonantgen_sound::measure::sound::{self, Spectrum};
use resonantgen_take::{FULL_SCALE, StemAudio, TAKE_SAMPLE_RATE_HZ, Take};
use serde::Serialize;

use super::genres::prompts;
use super::{Evaluation, Figure, Spread, Target, pieces};
use crate::args::Evaluate;

/// Samples after a kick in which its low end is compared with the bass's. Same as the window of [`Spectrum`], 85 ms.
const KICK: usize = 4_096;
/// The octaves that kick and bass share, in hertz.
const LOWS_HZ: (f32, f32) = (30.0, 150.0);
/// A kick counts as unmasked if its lows are at least this strong relative to the bass's, in decibels.
const CLEAR_DB: f32 = 0.0;
/// Below this level relative to the loudest kick, in decibels, a stroke counts as a ghost note.
const GHOST_DB: f32 = 12.0;
/// Lowest frequency, in hertz, and number of the octave bands in which stems are compared.
const BANDS_FROM_HZ: f32 = 45.0;
const BANDS: usize = 9;
/// A band belongs to its loudest stem. A stem counts as audible in a band if it is at most this far below all others together.
const AUDIBLE_DB: f32 = -3.0;

/// One piece.
#[derive(Debug, Serialize)]
struct Mixed {
    prompt: String,
    seed: u64,
    lufs: Option<f32>,
    true_peak_dbtp: Option<f32>,
    /// True peak of the plain sum of the stems.
    sum_true_peak_dbtp: Option<f32>,
    /// Power lost by the mix when summed to mono, in decibels.
    mono_loss_db: f32,
    /// Share of the power below 120 Hz that is in the side.
    low_side: f32,
    /// How far each kick's lows exceed the bass's, in decibels.
    kicks_db: Vec<f32>,
    /// For each playing stem, how far it exceeds all others in its best octave, in decibels.
    best_octave_db: Vec<(Track, f32)>,
}

fn floats(samples: &[i32]) -> Vec<f32> {
    samples.iter().map(|sample| *sample as f32 / FULL_SCALE).collect()
}

fn decibels(ratio: f32) -> f32 {
    10.0 * ratio.max(1e-9).log10()
}

fn half(audio: &StemAudio, sign: f32) -> Vec<f32> {
    let pairs = audio.left.iter().zip(&audio.right);
    pairs.map(|(left, right)| 0.5 * (*left as f32 + sign * *right as f32) / FULL_SCALE).collect()
}

fn power(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum()
}

/// How far the lows of each kick exceed those of the bass at the same time. Ghost notes do not count.
fn kicks_db(drums: &Take, bass: &Take) -> Vec<f32> {
    let (drum_audio, bass_audio) = (sound::mono(&drums.audio), sound::mono(&bass.audio));
    let plan = &drums.recipe.plan;
    let lows = |mono: &[f32], at: usize| {
        let window: Vec<f32> = (at..at + KICK).map(|index| mono[index % mono.len()]).collect();
        Spectrum::new(&window).energy(LOWS_HZ.0, LOWS_HZ.1)
    };
    let kicks: Vec<(f32, f32)> = drums
        .score
        .notes
        .iter()
        .filter(|note| DrumClass::from_key(note.pitch) == Some(DrumClass::Kick))
        .map(|note| {
            let seconds = plan.seconds_at(f64::from(note.step) + f64::from(note.offset)).max(0.0);
            let at = (seconds * f64::from(TAKE_SAMPLE_RATE_HZ)) as usize;
            (lows(&drum_audio, at), lows(&bass_audio, at))
        })
        .collect();
    let loudest = kicks.iter().fold(0.0_f32, |loudest, (kick, _)| loudest.max(*kick));
    kicks
        .into_iter()
        .filter(|(kick, _)| decibels(kick / loudest) > -GHOST_DB)
        .map(|(kick, bass)| decibels(kick / bass.max(1e-9 * loudest)).min(60.0))
        .collect()
}

/// How far each stem exceeds all others in its best octave.
fn best_octaves(takes: &[&Take]) -> Vec<(Track, f32)> {
    let bands: Vec<[f32; BANDS]> = takes
        .iter()
        .map(|take| {
            let spectrum = Spectrum::new(&sound::mono(&take.audio));
            std::array::from_fn(|band| {
                let low = BANDS_FROM_HZ * (band as f32).exp2();
                spectrum.energy(low, 2.0 * low)
            })
        })
        .collect();
    let best = |own: usize| {
        (0..BANDS).fold(f32::NEG_INFINITY, |best, band| {
            let all: f32 = bands.iter().map(|stem| stem[band]).sum();
            // An octave below the threshold of hearing does not count.
            let loudest =
                (0..BANDS).map(|band| bands.iter().map(|stem| stem[band]).sum::<f32>()).fold(0.0, f32::max);
            if decibels(all / loudest) < -40.0 {
                return best;
            }
            best.max(decibels(bands[own][band] / (all - bands[own][band]).max(1e-9 * loudest)))
        })
    };
    takes.iter().enumerate().map(|(own, take)| (take.recipe.track, best(own))).collect()
}

impl Mixed {
    fn measure(prompt: &str, seed: u64, session: &Session) -> Self {
        let playing: Vec<&Take> = Track::ALL
            .into_iter()
            .filter_map(|track| session.track(track).take())
            .map(AsRef::as_ref)
            .filter(|take| !take.score.notes.is_empty())
            .collect();
        let stems: Vec<&StemAudio> = playing.iter().map(|take| take.audio.as_ref()).collect();
        let mixed = mix(&stems);
        let (left, right) = (floats(&mixed.left), floats(&mixed.right));
        let plain = |channel: fn(&StemAudio) -> &[i32]| -> Vec<f32> {
            let mut sum = vec![0.0; left.len()];
            for stem in &stems {
                for (total, sample) in sum.iter_mut().zip(channel(stem)) {
                    *total += *sample as f32 / FULL_SCALE;
                }
            }
            sum
        };
        let (mid, side) = (half(&mixed, 1.0), half(&mixed, -1.0));
        let lows = |samples: &[f32]| Spectrum::new(samples).energy(20.0, 120.0);
        let of = |track: Track| playing.iter().find(|take| take.recipe.track == track);
        Self {
            prompt: prompt.to_owned(),
            seed,
            lufs: sound::loudness(&left, &right),
            true_peak_dbtp: sound::true_peak(&left, &right),
            sum_true_peak_dbtp: sound::true_peak(&plain(|stem| &stem.left), &plain(|stem| &stem.right)),
            mono_loss_db: decibels((power(&mid) + power(&side)) / power(&mid).max(1e-9)),
            low_side: lows(&side) / (lows(&mid) + lows(&side)).max(1e-9),
            kicks_db: of(Track::Drums)
                .zip(of(Track::Bass))
                .map_or_else(Vec::new, |(drums, bass)| kicks_db(drums, bass)),
            best_octave_db: best_octaves(&playing),
        }
    }
}

/// Generates a piece of each genre of the list with each seed, and measures its mix.
///
/// # Errors
/// Returns an error if a generation fails or the results cannot be written.
pub fn run(engine: &Engine, arguments: &Evaluate) -> Result<ExitCode> {
    let all = prompts()?;
    let count = arguments.prompts.map_or(all.len(), |count| (count as usize).clamp(1, all.len()));
    let mut made = Vec::new();
    for index in 0..count {
        let prompt = all[index * all.len() / count];
        eprintln!("{} of {count}: {prompt}", index + 1);
        for seed in 1..=u64::from(arguments.seeds) {
            made.push(Mixed::measure(prompt, seed, &pieces::generate(engine, prompt, seed)?));
        }
    }
    Evaluation {
        bundle: engine.bundle().id().to_owned(),
        prompts: count,
        seeds: arguments.seeds,
        figures: figures(&made),
        spreads: spreads(&made),
        pieces: made,
        edits: Vec::<()>::new(),
    }
    .write(arguments)
}

fn figures(made: &[Mixed]) -> Vec<Figure> {
    let least = |value| Some(Target::AtLeast(value));
    let share = |name: &str, target: f32, holds: &dyn Fn(&Mixed) -> Option<bool>| {
        Figure::share(name, &made.iter().filter_map(holds).collect::<Vec<_>>(), least(target))
    };
    let kicks: Vec<bool> =
        made.iter().flat_map(|piece| &piece.kicks_db).map(|kick| *kick >= CLEAR_DB).collect();
    let mut figures = vec![
        share("within 2 dB of -16 LUFS", 1.0, &|piece| Some((piece.lufs? + 16.0).abs() <= 2.0)),
        share("true peak below -1 dBTP", 1.0, &|piece| Some(piece.true_peak_dbtp? <= -1.0)),
        share("plain sum of the stems below 0 dBTP", 0.95, &|piece| Some(piece.sum_true_peak_dbtp? <= 0.0)),
        share("mono loses less than 1.5 dB", 1.0, &|piece| Some(piece.mono_loss_db < 1.5)),
        share("less than 1 % of the lows in the side", 1.0, &|piece| Some(piece.low_side < 0.01)),
        Figure::share("kicks whose lows the bass does not cover", &kicks, least(0.9)),
    ];
    for track in Track::ALL {
        let heard: Vec<bool> = made
            .iter()
            .flat_map(|piece| &piece.best_octave_db)
            .filter(|(of, _)| *of == track)
            .map(|(_, best)| *best >= AUDIBLE_DB)
            .collect();
        figures.push(Figure::share(
            format!("{track}: has an octave in which it is heard"),
            &heard,
            least(0.95),
        ));
    }
    figures
}

fn spreads(made: &[Mixed]) -> Vec<Spread> {
    let all = |figure: fn(&Mixed) -> Option<f32>| made.iter().filter_map(figure).collect::<Vec<_>>();
    [
        Spread::new("mix, LUFS", all(|piece| piece.lufs)),
        Spread::new("mix, dBTP", all(|piece| piece.true_peak_dbtp)),
        Spread::new("plain sum of the stems, dBTP", all(|piece| piece.sum_true_peak_dbtp)),
        Spread::new("loss in mono, dB", all(|piece| Some(piece.mono_loss_db))),
        Spread::new("share of the lows in the side, %", all(|piece| Some(100.0 * piece.low_side))),
        Spread::new(
            "kick over bass below 150 Hz, dB",
            made.iter().flat_map(|piece| piece.kicks_db.iter().copied()).collect(),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}
