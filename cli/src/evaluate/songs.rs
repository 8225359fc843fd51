//! Whether songs hold together: returning sections are recognisable, bridges differ, the sound follows the planned energy, and
//! boundaries do not click.

use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use resonantgen_models::generator::Engine;
use resonantgen_music::track::Track;
use resonantgen_project::{StemFormat, StoredSound as _, markers, save, song_stem};
use resonantgen_session::{Likeness, Request, SectionView, Session, SongRequest};
use resonantgen_sound::measure::sound;
use resonantgen_take::{FULL_SCALE, StemAudio, TAKE_SAMPLE_RATE_HZ};
use resonantgen_words::form::{Length, SectionKind};
use serde::Serialize;

use super::{Figure, Target};
use crate::args::Evaluate;
use crate::progress::Cancellable;
use crate::{interrupt, overview, report};

/// One prompt for each of ten genres.
const PROMPTS: [&str; 10] = [
    "deep house with warm pads",
    "dark techno with driving bass",
    "boom bap hip hop with dusty piano",
    "uplifting pop in C major",
    "rock with crunchy guitars",
    "jazz trio with upright bass",
    "ambient pads, slow",
    "liquid drum and bass with rhodes",
    "funk with slap bass",
    "reggaeton",
];
const SEED: u64 = 1;
/// Length of the songs in bars.
const BARS: u32 = 64;
/// Audio frames before a boundary that are examined, and around it for comparison (5 ms and 250 ms).
const NEAR: usize = TAKE_SAMPLE_RATE_HZ as usize / 200;
const AROUND: usize = TAKE_SAMPLE_RATE_HZ as usize / 4;
/// How much steeper than its surroundings a waveform must be to be audible as a click.
const CLICK: f64 = 2.0;

/// The measurements of one song.
#[derive(Debug, Serialize)]
struct SongFigures {
    prompt: &'static str,
    form: String,
    bars: u32,
    sections: usize,
    /// Seconds for the loop, and for the rest of the song.
    loop_seconds: f64,
    song_seconds: f64,
    music_seconds: f64,
    /// Similarity to the main section, of its returns and of sections that should differ.
    returns: Vec<f32>,
    bridges: Vec<f32>,
    /// Correlation of planned energy with loudness and with onsets per second, over the sections.
    loudness: Option<f32>,
    density: Option<f32>,
    /// Boundaries at which a stem's take changes, and those that click.
    borders: usize,
    clicks: usize,
}

/// Makes songs of ten genres, measures and prints.
///
/// # Errors
/// Returns an error if a generation fails, or the results cannot be written.
pub fn run(engine: &Engine, arguments: &Evaluate) -> Result<ExitCode> {
    let mut songs = Vec::new();
    for (number, prompt) in PROMPTS.into_iter().enumerate() {
        eprintln!("{} of {}: {prompt}", number + 1, PROMPTS.len());
        let (session, times) = make(engine, prompt)?;
        songs.push(measure(prompt, &session, times));
        if let Some(folder) = &arguments.out {
            let folder = folder.join(format!("{:02}", number + 1));
            save(&session, &folder, StemFormat::default())?;
            let path = folder.join(overview::FILE);
            fs::write(&path, overview::draw(&session)?)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    let figures = figures(&songs);
    if arguments.json {
        report::print_json(&(&figures, &songs))?;
    } else {
        report::print(&table(&songs, &figures))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A song, and the seconds for its loop and for the rest.
fn make(engine: &Engine, prompt: &str) -> Result<(Session, (f64, f64))> {
    let mut session = Session::default();
    let begin = Instant::now();
    let made = session.apply(engine, &Request::generate(prompt).seed(SEED), &Cancellable);
    interrupt::check()?;
    made?;
    let loop_seconds = begin.elapsed().as_secs_f64();
    let begin = Instant::now();
    let request = SongRequest { length: Some(Length::Bars(BARS)), ..SongRequest::default() };
    let made = session.make_song(engine, &request, &Cancellable);
    interrupt::check()?;
    made?;
    Ok((session, (loop_seconds, begin.elapsed().as_secs_f64())))
}

fn measure(prompt: &'static str, session: &Session, (loop_seconds, song_seconds): (f64, f64)) -> SongFigures {
    let sections: Vec<SectionView<'_>> = session.sections().collect();
    let main = sections.iter().find(|section| section.is_open);
    let likeness = |wanted: &dyn Fn(&SectionView<'_>) -> bool| -> Vec<f32> {
        let others = sections.iter().filter(|section| !section.is_open && wanted(section));
        others.filter_map(|section| Likeness::of_sections(main?, section)).collect()
    };
    let main_kind = main.map(|main| main.kind);
    let energies: Vec<f32> = sections.iter().map(|section| section.energy).collect();
    let (loudness, density): (Vec<f32>, Vec<f32>) = sections.iter().map(|section| heard(section)).unzip();
    let (borders, clicks) = borders(session);
    let order: Vec<String> = markers(session).into_iter().map(|marker| marker.name).collect();
    let plans =
        session.placements().into_iter().filter_map(|placement| session.section(placement.section)?.plan);
    SongFigures {
        prompt,
        form: order.join(", "),
        bars: session.song_bars(),
        sections: sections.len(),
        loop_seconds,
        song_seconds,
        music_seconds: plans.map(resonantgen_music::plan::Plan::seconds).sum(),
        returns: likeness(&|section| Some(section.kind) == main_kind),
        bridges: likeness(&|section| matches!(section.kind, SectionKind::Bridge | SectionKind::C)),
        loudness: correlation(&energies, &loudness),
        density: correlation(&energies, &density),
        borders,
        clicks,
    }
}

/// Loudness of a section's mix in LUFS, and onsets per second over all tracks. Simultaneous notes of one track are one onset.
fn heard(section: &SectionView<'_>) -> (f32, f32) {
    let takes: Vec<_> = Track::ALL.into_iter().filter_map(|track| section.take(track)).collect();
    let frames = takes.iter().map(|take| take.audio.len()).max().unwrap_or(0);
    let side = |of: fn(&StemAudio) -> &Vec<i32>| -> Vec<f32> {
        (0..frames)
            .map(|index| {
                takes
                    .iter()
                    .filter_map(|take| of(&take.audio).get(index))
                    .map(|s| *s as f32 / FULL_SCALE)
                    .sum()
            })
            .collect()
    };
    let loudness = sound::loudness(&side(|audio| &audio.left), &side(|audio| &audio.right)).unwrap_or(-70.0);
    let mut onsets = 0;
    for take in &takes {
        let mut steps: Vec<u32> = take.score.notes.iter().map(|note| note.step).collect();
        steps.dedup();
        onsets += steps.len();
    }
    let seconds = section.plan.map_or(1.0, resonantgen_music::plan::Plan::seconds);
    (loudness, onsets as f32 / seconds as f32)
}

/// Pearson's correlation; `None` if either is constant.
fn correlation(a: &[f32], b: &[f32]) -> Option<f32> {
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len().max(1) as f32;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let sum =
        |of: &dyn Fn(f32, f32) -> f32| a.iter().zip(b).map(|(a, b)| of(a - mean_a, b - mean_b)).sum::<f32>();
    let spread = (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt();
    (spread > 1e-6).then(|| sum(&|a, b| a * b) / spread)
}

/// Boundaries at which a stem's take changes, and the number of them with a step right before them that is steeper than
/// everything around, and than the start of the new take where its own end leads into it. Where nothing begins, a step is a click.
fn borders(session: &Session) -> (usize, usize) {
    let (mut borders, mut clicks) = (0, 0);
    for track in Track::ALL {
        let Some(stem) = song_stem(session, track) else { continue };
        for marker in markers(session).iter().skip(1) {
            let place = (marker.seconds * f64::from(TAKE_SAMPLE_RATE_HZ)).round() as usize;
            let near = steepest(&stem.left, place - NEAR..place);
            let around = steepest(&stem.left, place.saturating_sub(AROUND).max(1)..place - NEAR)
                .max(steepest(&stem.left, place + NEAR..(place + AROUND).min(stem.len() - 1)));
            let section = session.section(marker.section);
            let take = section.and_then(|section| section.take(track).cloned());
            let take = take.and_then(|take| if take.is_asleep() { take.unpacked() } else { Some(take) });
            let start = take.map_or(0.0, |take| {
                let (audio, near) = (&take.audio.left, NEAR.min(take.audio.len() / 2));
                let joined = [&audio[audio.len() - near..], &audio[..near]].concat();
                steepest(&joined, 1..joined.len().saturating_sub(1))
            });
            borders += 1;
            clicks += usize::from(near > CLICK * around.max(start) + 200.0);
        }
    }
    (borders, clicks)
}

/// The largest second difference of the samples in a range: music is smooth, a cut is not.
fn steepest(samples: &[i32], range: std::ops::Range<usize>) -> f64 {
    let at = |index: usize| f64::from(samples[index]);
    range.map(|index| (at(index + 1) - 2.0 * at(index) + at(index - 1)).abs()).fold(0.0, f64::max)
}

/// Peak memory of this process in megabytes, if the system reports it.
fn peak_megabytes() -> Option<f32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f32 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

fn figures(songs: &[SongFigures]) -> Vec<Figure> {
    let all = |of: &dyn Fn(&SongFigures) -> Vec<f32>| songs.iter().flat_map(of).collect::<Vec<_>>();
    let returns = all(&|song| song.returns.clone());
    let bridges = all(&|song| song.bridges.clone());
    let within: Vec<bool> = returns.iter().map(|likeness| (0.8..=0.98).contains(likeness)).collect();
    let apart: Vec<bool> = bridges.iter().map(|likeness| *likeness < 0.5).collect();
    let clicks: usize = songs.iter().map(|song| song.clicks).sum();
    let borders: usize = songs.iter().map(|song| song.borders).sum();
    let at_least = |least| Some(Target::AtLeast(least));
    let loudness = all(&|song| song.loudness.into_iter().collect());
    let density = all(&|song| song.density.into_iter().collect());
    let follows: Vec<bool> = songs
        .iter()
        .map(|song| song.loudness.is_some_and(|r| r >= 0.8) && song.density.is_some_and(|r| r >= 0.8))
        .collect();
    let megabytes = peak_megabytes();
    let seconds = songs.iter().map(|song| song.song_seconds as f32).collect::<Vec<_>>();
    vec![
        Figure::mean("likeness of a return to the main section", &returns, None),
        Figure::share("returns with a likeness of .8 to .98", &within, at_least(1.0)),
        Figure::mean("likeness of a bridge (or C) to the main section", &bridges, None),
        Figure::share("bridges with a likeness below .5", &apart, at_least(1.0)),
        Figure::mean("correlation of planned energy and loudness", &loudness, at_least(0.8)),
        Figure::mean("correlation of planned energy and onsets per second", &density, at_least(0.8)),
        Figure::share("songs with both correlations at .8 or more", &follows, at_least(1.0)),
        Figure::new("borders that click", Some(clicks as f32), borders, Some(Target::AtMost(0.0))),
        Figure::mean("seconds to make a song of a loop", &seconds, Some(Target::AtMost(6.0))),
        Figure::new("peak memory in MB", megabytes, 1, Some(Target::AtMost(600.0))),
    ]
}

fn table(songs: &[SongFigures], figures: &[Figure]) -> String {
    let mut text = String::from(
        "| prompt | bars | sections | s of music | s for the loop | s for the song | returns | bridge | r loudness | r onsets | clicks of borders |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    let list =
        |values: &[f32]| values.iter().map(|value| format!("{value:.2}")).collect::<Vec<_>>().join(" ");
    let one = |value: Option<f32>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
    for song in songs {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.0} | {:.1} | {:.1} | {} | {} | {} | {} | {} of {} |",
            song.prompt,
            song.bars,
            song.sections,
            song.music_seconds,
            song.loop_seconds,
            song.song_seconds,
            list(&song.returns),
            list(&song.bridges),
            one(song.loudness),
            one(song.density),
            song.clicks,
            song.borders
        );
    }
    text.push_str("\n| figure | value | target | reached | cases |\n|---|---|---|---|---|\n");
    for figure in figures {
        let _ = writeln!(text, "{}", figure.row());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlation_is_pearsons() {
        assert_eq!(correlation(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]), Some(1.0));
        assert!(correlation(&[1.0, 2.0, 3.0], &[3.0, 1.0, 2.0]).is_some_and(|r| (r + 0.5).abs() < 1e-6));
        assert_eq!(correlation(&[1.0, 2.0], &[5.0, 5.0]), None);
    }
}
