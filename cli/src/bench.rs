//! `resonantgen bench`: warm medians of each stage, 8 bars of 4/4 at 120 bpm, four stems.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use resonantgen_engine::generator::Engine;
use resonantgen_engine::plan::Meter;
use resonantgen_engine::session::{Overrides, Session, SessionRequest};
use resonantgen_engine::take::{GenerationSettings, StageSeconds};
use resonantgen_engine::track::Track;
use serde::Serialize;

use crate::args::Bench;
use crate::progress::Cancellable;
use crate::{interrupt, open, report};

/// A middling amount of notes.
const PROMPT: &str = "energetic house with a driving bass";

#[derive(Debug, Serialize)]
struct Measurement {
    machine: Machine,
    bundle: String,
    prompt: &'static str,
    bpm: f64,
    bars: u32,
    seconds_of_music: f64,
    runs: u32,
    /// First run, which loads the networks.
    cold_seconds: f64,
    /// Median seconds of a warm run, wall clock.
    warm_seconds: f64,
    /// Median seconds of each stage of each track.
    stages: Vec<TrackStages>,
    real_time_factor: f64,
}

#[derive(Debug, Serialize)]
struct Machine {
    processor: String,
    cores: usize,
    inference_threads: usize,
    system: &'static str,
    architecture: &'static str,
    optimised: bool,
}

#[derive(Debug, Serialize)]
struct TrackStages {
    track: Track,
    seconds: StageSeconds,
}

/// Measures and prints.
///
/// # Errors
/// The engine cannot be opened, or a run failed.
pub fn run(arguments: &Bench) -> Result<ExitCode> {
    interrupt::listen()?;
    let engine = open::engine(&arguments.models)?;
    let (cold_seconds, _) = generate(&engine, 0)?;
    let mut walls = Vec::new();
    let mut sessions = Vec::new();
    for number in 1..=arguments.runs {
        eprintln!("run {number} of {}", arguments.runs);
        let (seconds, session) = generate(&engine, u64::from(number))?;
        walls.push(seconds);
        sessions.push(session);
    }
    let measurement = Measurement::new(&engine, arguments, cold_seconds, walls, &sessions);
    if arguments.json {
        report::print_json(&measurement)?
    } else {
        report::print(&measurement.table())?
    }
    Ok(ExitCode::SUCCESS)
}

/// One run; returns its wall-clock seconds.
fn generate(engine: &Engine, seed: u64) -> Result<(f64, Session)> {
    let request = SessionRequest {
        prompt: PROMPT.to_owned(),
        overrides: Overrides {
            bpm: Some(120.0),
            bars: Some(8),
            meter: Some(Meter::COMMON),
            ..Overrides::default()
        },
        seed,
        tracks: Track::ALL.to_vec(),
        settings: GenerationSettings::default(),
    };
    let mut session = Session::default();
    let begin = Instant::now();
    let generated = session.generate(engine, &request, &Cancellable);
    interrupt::check()?;
    generated?;
    Ok((begin.elapsed().as_secs_f64(), session))
}

impl Measurement {
    fn new(
        engine: &Engine,
        arguments: &Bench,
        cold_seconds: f64,
        walls: Vec<f64>,
        sessions: &[Session],
    ) -> Self {
        let of = |track: Track, stage: fn(&StageSeconds) -> f64| {
            let takes = sessions.iter().filter_map(|session| session.track(track).take());
            median(takes.map(|take| stage(&take.timings)).collect())
        };
        let stages = Track::ALL.map(|track| TrackStages {
            track,
            seconds: StageSeconds {
                compose: of(track, |seconds| seconds.compose),
                perform: of(track, |seconds| seconds.perform),
                decode: of(track, |seconds| seconds.decode),
            },
        });
        let seconds_of_music =
            sessions.iter().find_map(|session| session.plan.as_ref()).map_or(0.0, |plan| plan.seconds());
        let warm_seconds = median(walls);
        Self {
            machine: Machine::this(open::options(&arguments.models).threads),
            bundle: engine.bundle().id().to_owned(),
            prompt: PROMPT,
            bpm: 120.0,
            bars: 8,
            seconds_of_music,
            runs: arguments.runs,
            cold_seconds,
            warm_seconds,
            stages: stages.into(),
            real_time_factor: seconds_of_music / warm_seconds,
        }
    }

    fn table(&self) -> String {
        let Machine { processor, cores, inference_threads, optimised, .. } = &self.machine;
        let mut text = format!(
            "{processor}, {cores} cores, {inference_threads} inference threads, models {}\n",
            self.bundle
        );
        if !optimised {
            text.push_str("this program was built without optimisation: the numbers mean little\n");
        }
        let _ = writeln!(text, "\n{:<8} {:>9} {:>9} {:>9}", "track", "compose", "perform", "decode");
        for TrackStages { track, seconds } in &self.stages {
            let StageSeconds { compose, perform, decode } = seconds;
            let _ = writeln!(text, "{:<8} {compose:>7.2} s {perform:>7.2} s {decode:>7.2} s", track.name());
        }
        let _ = writeln!(
            text,
            "\n{:.0} s of music, four stems, median of {} runs: {:.2} s warm ({:.1} x real time), {:.2} s cold",
            self.seconds_of_music, self.runs, self.warm_seconds, self.real_time_factor, self.cold_seconds
        );
        text
    }
}

impl Machine {
    fn this(inference_threads: usize) -> Self {
        let description = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = description
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
            .map_or("processor of unknown name", |(_, name)| name.trim());
        Self {
            processor: processor.to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            inference_threads,
            system: std::env::consts::OS,
            architecture: std::env::consts::ARCH,
            optimised: !cfg!(debug_assertions),
        }
    }
}

/// The middle value (the upper of two); 0 of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_median_ignores_outliers() {
        assert_eq!(super::median(vec![3.0, 1000.0, 1.0]), 3.0);
        assert_eq!(super::median(Vec::new()), 0.0);
    }
}
