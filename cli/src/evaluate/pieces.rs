//! Pieces: four stems from a prompt, and their measures.

use std::time::Instant;

use anyhow::{Context, Result};
use resonantgen_models::generator::Engine;
use resonantgen_music::plan::Plan;
use resonantgen_music::score::{Note, Score};
use resonantgen_music::track::Track;
use resonantgen_project::mix;
use resonantgen_session::{Request, Session};
use resonantgen_sound::measure::{Measures, fit, sound};
use resonantgen_take::{FULL_SCALE, StemAudio, Take};
use resonantgen_words::Style;
use serde::{Serialize, Serializer};

use super::{Figure, Spread, Target, tempo};
use crate::interrupt;
use crate::progress::Cancellable;
use crate::report::PlanReport;

/// One piece without its audio.
#[derive(Debug, Serialize)]
pub struct Piece {
    pub prompt: String,
    pub seed: u64,
    #[serde(serialize_with = "style")]
    pub style: Style,
    #[serde(serialize_with = "plan")]
    pub plan: Plan,
    pub takes: Vec<PieceTake>,
    /// Relative error of the tempo heard in the mix.
    tempo_error: Option<f32>,
    mix_lufs: Option<f32>,
    mix_true_peak_dbtp: Option<f32>,
    /// True peak of the plain sum of the stems, before the mix's limiter.
    sum_true_peak_dbtp: Option<f32>,
    /// Seconds spent measuring the takes, relative to those spent generating them.
    measuring_share: f32,
}

/// One take without its audio.
#[derive(Debug, Serialize)]
pub struct PieceTake {
    pub track: Track,
    patch: String,
    pub measures: Measures,
    /// Faults that a listener would notice.
    failures: Vec<String>,
    #[serde(serialize_with = "score")]
    pub score: Score,
}

fn style<S: Serializer>(style: &Style, serializer: S) -> Result<S::Ok, S::Error> {
    style.name().serialize(serializer)
}

fn plan<S: Serializer>(plan: &Plan, serializer: S) -> Result<S::Ok, S::Error> {
    PlanReport::new(plan).serialize(serializer)
}

fn score<S: Serializer>(score: &Score, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Written {
        step: u32,
        offset: f32,
        length: f32,
        pitch: u8,
        velocity: u8,
    }
    serializer.collect_seq(score.notes.iter().map(|note| {
        let Note { step, offset, length, pitch, velocity } = *note;
        Written { step, offset, length, pitch, velocity }
    }))
}

/// Generates four stems.
///
/// # Errors
/// Returns the errors of [`Session::apply`], and an error if the user cancelled.
pub fn generate(engine: &Engine, prompt: &str, seed: u64) -> Result<Session> {
    let request = Request::generate(prompt).seed(seed);
    let mut session = Session::default();
    let generated = session.apply(engine, &request, &Cancellable);
    interrupt::check()?;
    generated?;
    Ok(session)
}

/// Samples in `-1.0..1.0`.
fn floats(samples: &[i32]) -> Vec<f32> {
    samples.iter().map(|sample| *sample as f32 / FULL_SCALE).collect()
}

/// Measures a take.
pub fn measures_of(take: &Take) -> Measures {
    Measures::new(take.recipe.track, &take.recipe.plan, &take.score.notes, &take.audio)
}

impl Piece {
    /// Measures a session's current takes and their sum.
    ///
    /// # Errors
    /// Returns an error if the session has no plan.
    pub fn measure(prompt: &str, session: &Session) -> Result<Self> {
        let plan = session.plan.clone().context("the session has no plan")?;
        let style = session.intent.as_ref().context("the session has no intent")?.main_style();
        let playing: Vec<&Take> = Track::ALL
            .into_iter()
            .filter_map(|track| session.track(track).take())
            .map(AsRef::as_ref)
            .collect();
        let begin = Instant::now();
        let fresh: Vec<Measures> = playing.iter().map(|take| measures_of(take)).collect();
        let measuring = begin.elapsed().as_secs_f64();
        let making: f64 = playing
            .iter()
            .map(|take| take.timings.compose + take.timings.perform + take.timings.decode)
            .sum();
        let takes = playing
            .iter()
            .zip(fresh)
            .map(|(take, fresh)| {
                let measures = take.measures.clone().unwrap_or(fresh);
                PieceTake {
                    track: take.recipe.track,
                    patch: take.patch.clone(),
                    failures: measures.failures().iter().map(ToString::to_string).collect(),
                    measures,
                    score: take.score.clone(),
                }
            })
            .collect();
        let stems: Vec<&StemAudio> = playing.iter().map(|take| take.audio.as_ref()).collect();
        let sum = mix(&stems);
        let (left, right) = (floats(&sum.left), floats(&sum.right));
        let plain = |channel: fn(&StemAudio) -> &[i32]| -> Vec<f32> {
            let mut sum = vec![0.0; left.len()];
            for stem in &stems {
                for (total, sample) in sum.iter_mut().zip(channel(stem)) {
                    *total += *sample as f32 / FULL_SCALE;
                }
            }
            sum
        };
        Ok(Self {
            prompt: prompt.to_owned(),
            seed: session.seed,
            style,
            tempo_error: tempo::heard_bpm(&sound::mono(&sum), plan.bpm)
                .map(|heard| ((heard / plan.bpm) - 1.0).abs() as f32),
            plan,
            takes,
            mix_lufs: sound::loudness(&left, &right),
            mix_true_peak_dbtp: sound::true_peak(&left, &right),
            sum_true_peak_dbtp: sound::true_peak(&plain(|stem| &stem.left), &plain(|stem| &stem.right)),
            measuring_share: (measuring / making.max(1e-9)) as f32,
        })
    }

    /// The take of a track, if it has one that plays.
    pub fn take(&self, track: Track) -> Option<&PieceTake> {
        self.takes.iter().find(|take| take.track == track)
    }
}

/// A figure's values over one track's takes.
fn values(pieces: &[Piece], track: Track, figure: impl Fn(&Measures) -> Option<f32>) -> Vec<f32> {
    pieces.iter().filter_map(|piece| figure(&piece.take(track)?.measures)).collect()
}

/// The figures of whole pieces.
pub fn figures(pieces: &[Piece]) -> Vec<Figure> {
    let least = |value| Some(Target::AtLeast(value));
    let of = |track, figure: fn(&Measures) -> Option<f32>| values(pieces, track, figure);
    let every = |figure: &dyn Fn(&Measures) -> bool| -> Vec<bool> {
        pieces.iter().flat_map(|piece| &piece.takes).map(|take| figure(&take.measures)).collect()
    };
    let tempo: Vec<f32> = pieces.iter().filter_map(|piece| piece.tempo_error).collect();
    let mut figures = vec![
        Figure::mean("drums: heard hits on the grid", &of(Track::Drums, |m| m.on_grid), least(0.93)),
        Figure::mean("bass: root on downbeats", &of(Track::Bass, |m| m.downbeat_roots), least(0.85)),
        Figure::mean("harmony: chord tones", &of(Track::Harmony, |m| m.chord_tones), least(0.9)),
        Figure::mean("melody: in scale or chord", &of(Track::Melody, |m| m.in_scale), least(0.95)),
        Figure::share(
            "tempo heard in the mix within 1 %",
            &tempo.iter().map(|error| *error <= 0.01).collect::<Vec<_>>(),
            least(0.9),
        ),
        Figure::new("tempo error, median", median(tempo.clone()), tempo.len(), Some(Target::AtMost(0.01))),
        Figure::share("takes whose loop seam does not click", &every(&|m| m.seam <= 2.0), least(1.0)),
        Figure::share("takes without clicks", &every(&|m| m.clicks == 0), least(1.0)),
        Figure::share("takes without any failure", &every(&|m| m.failures().is_empty()), None),
        Figure::mean("candidates per take", &every_value(pieces, |m| Some(m.candidates as f32)), None),
        Figure::mean("notes and hits that are heard", &every_value(pieces, |m| m.notes_heard), None),
    ];
    for track in [Track::Drums, Track::Bass] {
        figures.push(Figure::mean(
            format!("{track}: likeness to earlier bars"),
            &values(pieces, track, |m| m.repetition),
            None,
        ));
    }
    for track in Track::ALL {
        let name = format!("{track}: energy in its band");
        figures.push(Figure::mean(name, &values(pieces, track, |m| m.in_band), None));
    }
    let peaks: Vec<bool> =
        pieces.iter().filter_map(|piece| piece.mix_true_peak_dbtp).map(|peak| peak <= -1.0).collect();
    figures.push(Figure::share("mixes with a true peak below -1 dBTP", &peaks, least(0.95)));
    let loud: Vec<bool> =
        pieces.iter().filter_map(|piece| piece.mix_lufs).map(|lufs| (lufs + 16.0).abs() <= 2.0).collect();
    figures.push(Figure::share("mixes within 2 dB of -16 LUFS", &loud, least(0.8)));
    let shares: Vec<f32> = pieces.iter().map(|piece| piece.measuring_share).collect();
    figures.push(Figure::new(
        "time of measuring against making",
        median(shares),
        pieces.len(),
        Some(Target::AtMost(0.15)),
    ));
    let onsets: Vec<f32> = pieces
        .iter()
        .filter_map(|piece| fit::onsets_on_chord(&piece.plan, &piece.take(Track::Melody)?.score.notes))
        .collect();
    figures.push(Figure::mean("melody: onsets on chord tones", &onsets, None));
    figures
}

fn every_value(pieces: &[Piece], figure: impl Fn(&Measures) -> Option<f32>) -> Vec<f32> {
    pieces.iter().flat_map(|piece| &piece.takes).filter_map(|take| figure(&take.measures)).collect()
}

fn median(mut values: Vec<f32>) -> Option<f32> {
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Distributions of levels and densities.
pub fn spreads(pieces: &[Piece]) -> Vec<Spread> {
    let all = |figure: fn(&Piece) -> Option<f32>| pieces.iter().filter_map(figure).collect::<Vec<_>>();
    let mut spreads: Vec<Spread> = [
        Spread::new("mix, LUFS", all(|piece| piece.mix_lufs)),
        Spread::new("mix, dBTP", all(|piece| piece.mix_true_peak_dbtp)),
        Spread::new("plain sum of the stems, dBTP", all(|piece| piece.sum_true_peak_dbtp)),
    ]
    .into_iter()
    .flatten()
    .collect();
    for track in Track::ALL {
        spreads.extend(Spread::new(format!("{track}, LUFS"), values(pieces, track, |m| m.loudness_lufs)));
        spreads.extend(Spread::new(
            format!("{track}, onsets per bar"),
            values(pieces, track, |m| Some(m.onsets_per_bar)),
        ));
    }
    spreads
}
