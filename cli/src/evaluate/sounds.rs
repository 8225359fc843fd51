//! Whether words about the sound have their effect: each word is applied to each track of several pieces and compared with the
//! same piece without it.

use std::process::ExitCode;

use anyhow::Result;
use resonantgen_models::generator::Engine;
use resonantgen_music::track::Track;
use resonantgen_session::{Request, Session};
use resonantgen_sound::measure::sound::{self, Spectrum};
use resonantgen_take::{FULL_SCALE, StemAudio, Take};
use serde::Serialize;

use super::{Evaluation, Figure, Target, pieces};
use crate::args::Evaluate;
use crate::interrupt;
use crate::progress::Cancellable;

/// Pieces to which the words are applied.
const PROMPTS: [&str; 8] =
    ["techno", "lo-fi hip hop", "rock", "jazz", "house", "cinematic", "synthwave", "funk"];
/// Block length for level measurements, in samples (10 ms).
const BLOCK: usize = 480;
/// Samples of an attack and of the sound after it, from the start of an isolated note.
const ATTACK: usize = 960;
const RINGING: std::ops::Range<usize> = 3_840..9_600;

/// A word and the property that it affects: a figure that must rise.
struct Word {
    word: &'static str,
    property: &'static str,
    rises: fn(&Sound) -> f32,
    /// Whether a sound has anything that the word could change: a mono bass cannot be narrower, nor one without highs be airy.
    applies: fn(&Sound) -> bool,
}

impl Word {
    const fn new(word: &'static str, property: &'static str, rises: fn(&Sound) -> f32) -> Self {
        Self { word, property, rises, applies: |_| true }
    }

    const fn where_it_applies(mut self, applies: fn(&Sound) -> bool) -> Self {
        self.applies = applies;
        self
    }
}

/// The measurements of a take.
#[derive(Clone, Copy, Debug)]
struct Sound {
    centroid: f32,
    /// Logarithms of the energy in bands: below 130 Hz, 130 to 500, 500 to 2 000, 2 000 to 5 500, up to 10 000, above.
    bands: [f32; 6],
    /// Frequency below which 95 % of the magnitude lies.
    rolloff: f32,
    /// Level of attacks relative to the sound after them, in decibels.
    attack: f32,
    /// Peak level relative to the whole, in decibels.
    crest: f32,
    /// Level of the side relative to the mid, in decibels. Instruments are in the middle; what a room adds is on both sides.
    side: f32,
}

/// A side below this level, in decibels, is silent: the stem is mono.
const MONO_DB: f32 = -60.0;
/// Least logarithm of a band's share of the energy for a word to raise it (-50 dB).
const SOME: f32 = -11.5;

const WORDS: [Word; 22] = [
    Word::new("bright", "centroid up", |sound| sound.centroid),
    Word::new("dark", "centroid down", |sound| -sound.centroid),
    Word::new("muffled", "bandwidth down", |sound| -sound.rolloff),
    Word::new("crisp", "highs up", Sound::highs).where_it_applies(|sound| sound.highs() > SOME),
    Word::new("airy", "above 10 kHz up", Sound::air).where_it_applies(|sound| sound.air() > SOME),
    Word::new("harsh", "2 to 5.5 kHz up", |sound| sound.bands[3] - sound.total()),
    Word::new("warm", "low mids over highs up", |sound| sound.bands[1] - sound.bands[4]),
    Word::new("fat", "below 500 Hz up", Sound::lows),
    Word::new("thin", "below 500 Hz down", |sound| -sound.lows()),
    Word::new("punchy", "attack over tail up", |sound| sound.attack),
    Word::new("soft", "attack over tail down", |sound| -sound.attack),
    Word::new("tight", "attack over tail up", |sound| sound.attack),
    Word::new("crunchy", "crest down", |sound| -sound.crest),
    Word::new("gritty", "crest down", |sound| -sound.crest),
    Word::new("clean", "crest up", |sound| sound.crest),
    Word::new("dusty", "bandwidth down", |sound| -sound.rolloff),
    Word::new("lo-fi", "bandwidth down", |sound| -sound.rolloff),
    Word::new("distant", "room over direct sound up", |sound| sound.side),
    Word::new("wet", "room over direct sound up", |sound| sound.side),
    Word::new("dry", "attack over tail up", |sound| sound.attack),
    Word::new("wide", "side up", |sound| sound.side),
    Word::new("narrow", "side down", |sound| -sound.side).where_it_applies(|sound| sound.side > MONO_DB),
];

/// One word applied to one take.
#[derive(Debug, Serialize)]
struct Said {
    prompt: &'static str,
    track: Track,
    word: &'static str,
    property: &'static str,
    before: f32,
    after: f32,
}

impl Sound {
    fn new(take: &Take) -> Self {
        let mono = sound::mono(&take.audio);
        let spectrum = Spectrum::new(&mono);
        let edges = [20.0, 130.0, 500.0, 2_000.0, 5_500.0, 10_000.0, 22_000.0];
        let power = |samples: &[f32]| samples.iter().map(|sample| sample * sample).sum::<f32>();
        let level =
            |samples: &[f32]| 10.0 * (power(samples) / samples.len().max(1) as f32).max(1e-12).log10();
        let peak = mono.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        let whole = level(&mono);
        Self {
            centroid: spectrum.centroid_hz().unwrap_or(0.0),
            bands: std::array::from_fn(|band| spectrum.energy(edges[band], edges[band + 1]).max(1e-9).ln()),
            rolloff: rolloff(&spectrum),
            attack: attack(take, &mono),
            crest: 20.0 * peak.max(1e-6).log10() - whole,
            side: side(&take.audio),
        }
    }

    fn total(&self) -> f32 {
        self.bands.iter().map(|band| band.exp()).sum::<f32>().max(1e-9).ln()
    }

    fn highs(&self) -> f32 {
        self.bands[4].max(self.bands[5]) - self.total()
    }

    fn air(&self) -> f32 {
        self.bands[5] - self.total()
    }

    fn lows(&self) -> f32 {
        (self.bands[0].exp() + self.bands[1].exp()).max(1e-9).ln() - self.total()
    }
}

/// Frequency in hertz below which 99.5 % of the energy lies.
fn rolloff(spectrum: &Spectrum) -> f32 {
    let total = spectrum.energy(20.0, 24_000.0);
    let mut hz = 24_000.0;
    while hz > 50.0 && spectrum.energy(hz, 24_000.0) < 0.005 * total {
        hz *= 0.97;
    }
    hz
}

/// Level of the first 20 ms of notes relative to 80 to 200 ms after them, in decibels, over notes that are long enough.
fn attack(take: &Take, mono: &[f32]) -> f32 {
    let plan = &take.recipe.plan;
    let mut starts: Vec<usize> = take
        .score
        .notes
        .iter()
        .map(|note| {
            (plan.seconds_at(f64::from(note.step) + f64::from(note.offset)).max(0.0) * 48_000.0) as usize
        })
        .collect();
    starts.sort_unstable();
    starts.dedup_by_key(|start| *start / BLOCK);
    let power = |from: usize, to: usize| {
        (from..to).map(|index| mono[index % mono.len()].powi(2)).sum::<f32>() / (to - from) as f32
    };
    let (mut early, mut late) = (1e-9, 1e-9);
    for (index, start) in starts.iter().enumerate() {
        let next = starts.get(index + 1).copied().unwrap_or(mono.len() + starts[0]);
        let ringing = RINGING.end.min(next - start);
        if ringing > RINGING.start + BLOCK {
            early += power(*start, start + ATTACK);
            late += power(start + RINGING.start, start + ringing);
        }
    }
    10.0 * (early / late).log10()
}

fn side(audio: &StemAudio) -> f32 {
    let (mut mid, mut side) = (1e-9_f32, 1e-9_f32);
    for (left, right) in audio.left.iter().zip(&audio.right) {
        mid += ((*left + *right) as f32 / FULL_SCALE).powi(2);
        side += ((*left - *right) as f32 / FULL_SCALE).powi(2);
    }
    10.0 * (side / mid).log10()
}

fn said(engine: &Engine, session: &Session, track: Track, word: &str, seed: u64) -> Result<Session> {
    let mut session = session.clone();
    let result = session.apply(engine, &Request::edit(track, word).seed(seed), &Cancellable);
    interrupt::check()?;
    result?;
    Ok(session)
}

/// Applies every word to every track of several pieces, as an edit, and measures the effect.
///
/// # Errors
/// Returns an error if a generation fails or the results cannot be written.
pub fn run(engine: &Engine, arguments: &Evaluate) -> Result<ExitCode> {
    let count = arguments.prompts.map_or(PROMPTS.len(), |count| (count as usize).clamp(1, PROMPTS.len()));
    let mut all = Vec::new();
    for (number, prompt) in PROMPTS.into_iter().take(count).enumerate() {
        eprintln!("{} of {count}: {prompt}", number + 1);
        for seed in 1..=u64::from(arguments.seeds) {
            let session = pieces::generate(engine, prompt, seed)?;
            for track in Track::ALL {
                let Some(parent) = session.track(track).take().filter(|take| !take.score.notes.is_empty())
                else {
                    continue;
                };
                let before = Sound::new(parent);
                for Word { word, property, rises, .. } in WORDS.iter().filter(|word| (word.applies)(&before))
                {
                    let edited = said(engine, &session, track, word, seed)?;
                    let Some(take) = edited.track(track).take() else { continue };
                    let after = Sound::new(take);
                    let (before, after) = (rises(&before), rises(&after));
                    all.push(Said { prompt, track, word, property, before, after });
                }
            }
        }
    }
    let mut figures = Vec::new();
    for Word { word, property, .. } in &WORDS {
        let moved: Vec<bool> =
            all.iter().filter(|case| case.word == *word).map(|case| case.after > case.before).collect();
        figures.push(Figure::share(format!("\"{word}\": {property}"), &moved, Some(Target::AtLeast(0.9))));
    }
    for track in Track::ALL {
        let moved: Vec<bool> =
            all.iter().filter(|case| case.track == track).map(|case| case.after > case.before).collect();
        figures.push(Figure::share(format!("all words, {track}"), &moved, Some(Target::AtLeast(0.9))));
    }
    Evaluation {
        bundle: engine.bundle().id().to_owned(),
        prompts: count,
        seeds: arguments.seeds,
        figures,
        spreads: Vec::new(),
        pieces: all,
        edits: Vec::<()>::new(),
    }
    .write(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_that_is_measured_is_one_that_is_understood() {
        for Word { word, .. } in &WORDS {
            assert!(resonantgen_words::SOUNDS.contains(word), "{word}");
            assert!(resonantgen_words::is_understood(word), "{word}");
        }
    }
}
