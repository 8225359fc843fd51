//! `resonantgen bench`: the cost of a generation on this machine, 8 bars of 4/4 at 120 bpm, four stems, warm.
//!
//! Compare the processor seconds: they hardly depend on what else the machine does.

mod cancel;
mod figures;
mod machine;
mod neighbour;
mod peer;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Instant;

use anyhow::{Context, Result};
use resonantgen_models::generator::{Engine, Observer};
use resonantgen_music::plan::Meter;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_project::read_text;
use resonantgen_session::{Overrides, Request, Session};
use resonantgen_take::{StageSeconds, Take};
use serde::{Deserialize, Serialize};

use self::cancel::Latency;
use self::figures::Figure;
use self::machine::Machine;
use self::neighbour::Neighbourhood;
use crate::args::Bench;
use crate::failure::Usage;
use crate::progress::Cancellable;
use crate::{interrupt, open, report};

/// A prompt that produces an average number of notes.
const PROMPT: &str = "energetic house with a driving bass";
/// How often the parsing of the prompt is measured.
const READINGS: u32 = 50;
/// Most bytes of an earlier measurement.
const EARLIER_BYTES: u64 = 16 << 20;

/// The record of a bench. It contains no file names and no commit, so it can be shared.
#[derive(Debug, Serialize)]
struct Measurement {
    machine: Machine,
    version: &'static str,
    runtime: String,
    bundle: String,
    prompt: &'static str,
    bars: u32,
    seconds_of_music: f64,
    runs: u32,
    figures: Vec<Figure>,
    /// Seconds of music generated per second, four stems together.
    real_time_factor: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel: Option<Latency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    neighbour: Option<Neighbourhood>,
}

/// The parts of an earlier measurement that a comparison needs.
#[derive(Debug, Deserialize)]
struct Earlier {
    machine: Machine,
    bundle: String,
    figures: Vec<Figure>,
}

/// Measures and prints.
///
/// # Errors
/// Returns an error if the engine cannot be opened, a run fails, or the earlier measurement cannot be read.
pub fn run(arguments: &Bench) -> Result<ExitCode> {
    interrupt::listen()?;
    let earlier = arguments.compare.as_deref().map(read).transpose()?;
    let options = open::options(&arguments.models)?;
    if let Some(folder) = &arguments.peer {
        let costs = peer::measure(&options, folder)?;
        if arguments.json {
            report::print_json(&costs)?
        } else {
            report::print(&peer::table(&costs))?
        }
        return Ok(ExitCode::SUCCESS);
    }
    let begin = Instant::now();
    let engine = Engine::open(&options)?;
    let opened = begin.elapsed().as_secs_f64();
    engine.load_networks()?;
    let loaded = begin.elapsed().as_secs_f64();

    let mut runs = Runs::default();
    // The first run warms up.
    let first = generate(&engine, &request(arguments.bars, 0))?;
    let seconds_of_music = first.session.plan.as_ref().map_or(0.0, |plan| plan.seconds());
    let after_first = machine::resident_megabytes();
    for number in 1..=arguments.runs {
        eprintln!("run {number} of {}", arguments.runs);
        runs.add(generate(&engine, &request(arguments.bars, u64::from(number)))?);
    }
    let memory = memory(after_first, arguments.runs);
    let mut figures = runs.figures(engine.bundle());
    figures.extend(memory);
    figures.extend(Figure::of("engine opened", "s", vec![opened]));
    figures.extend(Figure::of("cold start", "s", vec![loaded]));
    figures.extend(Figure::of("prompt understood", "s", readings(arguments.bars)?));

    let typical = request(arguments.bars, 1);
    let wall = runs.walls.iter().copied().fold(f64::INFINITY, f64::min);
    let cancel = arguments
        .cancel
        .then(|| cancel::measure(&engine, &typical, wall, arguments.runs.max(40)))
        .transpose()?;
    let neighbour =
        arguments.neighbour.map(|seconds| neighbour::measure(&engine, &typical, seconds)).transpose()?;
    let measurement = Measurement {
        machine: Machine::this(options.threads),
        version: env!("CARGO_PKG_VERSION"),
        runtime: engine.runtime().version().to_owned(),
        bundle: engine.bundle().id().to_owned(),
        prompt: PROMPT,
        bars: arguments.bars,
        seconds_of_music,
        runs: arguments.runs,
        real_time_factor: seconds_of_music / wall,
        figures,
        cancel,
        neighbour,
    };
    if arguments.json {
        report::print_json(&measurement)?
    } else {
        report::print(&measurement.table())?
    }
    earlier.map_or(Ok(ExitCode::SUCCESS), |earlier| measurement.judge(&earlier, arguments.threshold))
}

fn read(path: &std::path::Path) -> Result<Earlier> {
    let text = read_text(path, EARLIER_BYTES).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| {
        let path = path.display();
        Usage(format!("{path} is not the output of `resonantgen bench --json`: {error}")).into()
    })
}

fn request(bars: u32, seed: u64) -> Request {
    let facts =
        Overrides { bpm: Some(120.0), bars: Some(bars), meter: Some(Meter::COMMON), ..Overrides::default() };
    Request::generate(PROMPT).facts(facts).seed(seed)
}

/// Seconds from prompt to plan, measured repeatedly.
fn readings(bars: u32) -> Result<Vec<f64>> {
    let session = Session::default();
    (0..READINGS)
        .map(|number| {
            let request = request(bars, u64::from(number));
            let start = Instant::now();
            std::hint::black_box(session.prepare(&request, None)?);
            Ok(start.elapsed().as_secs_f64())
        })
        .collect()
}

/// One run.
struct Run {
    session: Session,
    /// Seconds of composing for each token, index as [`Track::ALL`]; `None` if nothing was written.
    token_seconds: [Option<f64>; TRACK_COUNT],
    wall: f64,
    processor: Option<f64>,
    first_sound: Option<f64>,
}

/// Records the time of the first sound; cancels after Ctrl-C.
struct FirstSound {
    start: Instant,
    seconds: OnceLock<f64>,
}

impl Observer for FirstSound {
    fn audio(&self, _: Track, _: usize, _: &[f32], _: &[f32]) {
        self.seconds.get_or_init(|| self.start.elapsed().as_secs_f64());
    }

    fn is_cancelled(&self) -> bool {
        Cancellable.is_cancelled()
    }
}

fn generate(engine: &Engine, request: &Request) -> Result<Run> {
    let mut session = Session::default();
    let composed = Track::ALL.map(|track| engine.composed(track));
    let before = machine::processor_seconds();
    let observer = FirstSound { start: Instant::now(), seconds: OnceLock::new() };
    let generated = session.apply(engine, request, &observer);
    let wall = observer.start.elapsed().as_secs_f64();
    interrupt::check()?;
    generated?;
    let processor = before.zip(machine::processor_seconds()).map(|(before, after)| after - before);
    let token_seconds = Track::ALL.map(|track| {
        let (before, now) = (composed[track.index()], engine.composed(track));
        let tokens = now.tokens - before.tokens;
        (tokens > 0).then(|| (now.seconds - before.seconds) / tokens as f64)
    });
    Ok(Run { session, token_seconds, wall, processor, first_sound: observer.seconds.into_inner() })
}

/// All runs. Their sessions stay in memory, like those of open projects.
#[derive(Default)]
struct Runs {
    walls: Vec<f64>,
    processor: Vec<f64>,
    first_sound: Vec<f64>,
    sessions: Vec<Session>,
    token_seconds: Vec<[Option<f64>; TRACK_COUNT]>,
}

impl Runs {
    fn add(&mut self, run: Run) {
        self.walls.push(run.wall);
        self.processor.extend(run.processor);
        self.first_sound.extend(run.first_sound);
        self.sessions.push(run.session);
        self.token_seconds.push(run.token_seconds);
    }

    fn takes(&self, track: Track) -> impl Iterator<Item = &Take> {
        self.sessions.iter().filter_map(move |session| session.track(track).take()).map(|take| &**take)
    }

    fn figures(&self, bundle: &resonantgen_models::bundle::Bundle) -> Vec<Figure> {
        let mut figures: Vec<Figure> = [
            Figure::of("four stems, wall", "s", self.walls.clone()),
            Figure::of("four stems, processor", "s", self.processor.clone()),
            Figure::of("first sound", "s", self.first_sound.clone()),
        ]
        .into_iter()
        .flatten()
        .collect();
        let per_byte = machine::read_seconds_per_byte();
        for track in Track::ALL {
            let of = |stage: fn(&StageSeconds) -> f64| {
                self.takes(track).map(|take| stage(&take.timings)).collect()
            };
            for (name, values) in [
                ("compose", of(|seconds| seconds.compose)),
                ("perform", of(|seconds| seconds.perform)),
                ("decode", of(|seconds| seconds.decode)),
            ] {
                figures.extend(Figure::of(format!("{track} {name}"), "s", values));
            }
            let file = &bundle.manifest().track(track).compose.file;
            let floor = file.bytes as f64 * per_byte;
            let tokens =
                self.token_seconds.iter().filter_map(|seconds| Some(seconds[track.index()]? / floor));
            figures.extend(Figure::of(format!("{track} token / weights read"), "x", tokens.collect()));
        }
        figures
    }
}

/// Resident memory after the first session, its peak until then, and the growth for each further session.
fn memory(after_first: Option<(f64, f64)>, runs: u32) -> Vec<Figure> {
    let Some(((first, highest), (now, _))) = after_first.zip(machine::resident_megabytes()) else {
        return Vec::new();
    };
    let each = (now - first).max(0.0) / f64::from(runs);
    [
        Figure::of("memory, highest in the first", "MB", vec![highest]),
        Figure::of("memory, first session", "MB", vec![first]),
        Figure::of("memory, each further session", "MB", vec![each]),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Measurement {
    fn table(&self) -> String {
        let Machine { processor, cores, inference_threads, optimised, .. } = &self.machine;
        let mut text = format!(
            "{processor}, {cores} cores, {inference_threads} inference threads, models {}\n",
            self.bundle
        );
        if !optimised {
            text.push_str("this program was built without optimisation: the figures mean little\n");
        }
        let _ = writeln!(text, "\n{:<28} {:>10} {:>10}", "", "best", "median");
        for Figure { name, unit, median, best } in &self.figures {
            let _ = writeln!(text, "{name:<28} {best:>10.4} {median:>10.4}  {unit}");
        }
        if let Some(Latency { stopped, median, p95, longest }) = &self.cancel {
            let _ = writeln!(
                text,
                "\ncancelled {stopped} times: stopped after {:.0} ms (median), {:.0} ms (95 %), {:.0} ms (longest)",
                median * 1e3,
                p95 * 1e3,
                longest * 1e3
            );
        }
        if let Some(found) = &self.neighbour {
            let priority = if found.realtime { "realtime" } else { "normal" };
            let _ = writeln!(
                text,
                "\ncallbacks of 64 samples at 48 kHz, {priority} priority, microseconds late:"
            );
            for (name, late) in [("idle", &found.idle), ("generating", &found.generating)] {
                let _ = writeln!(
                    text,
                    "{name:<12} median {:.0}, 99 % {:.0}, 99.9 % {:.0}, longest {:.0}; {} of {} missed",
                    late.median, late.p99, late.p999, late.longest, late.missed, late.callbacks
                );
            }
        }
        let _ = writeln!(
            text,
            "\n{:.0} s of music, four stems, best of {} runs: {:.1} x real time",
            self.seconds_of_music, self.runs, self.real_time_factor
        );
        text
    }

    /// Prints the comparison with an earlier measurement to stderr; exit code 1 if something got worse.
    fn judge(&self, earlier: &Earlier, threshold: f64) -> Result<ExitCode> {
        if earlier.machine != self.machine {
            eprintln!("note: the earlier measurement is from another machine or another build");
        }
        if earlier.bundle != self.bundle {
            eprintln!("note: the earlier measurement used other models, {}", earlier.bundle);
        }
        let comparison = figures::compare(&earlier.figures, &self.figures, threshold);
        eprint!("\n{}", comparison.table);
        if comparison.worse.is_empty() {
            eprintln!("no figure is worse by more than {:.0} %", 100.0 * threshold);
            return Ok(ExitCode::SUCCESS);
        }
        eprintln!("worse by more than {:.0} %: {}", 100.0 * threshold, comparison.worse.join(", "));
        Ok(ExitCode::FAILURE)
    }
}
