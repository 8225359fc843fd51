//! The output at the end of a command: a table for people, or one JSON document.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use resonantgen_music::plan::Plan;
use resonantgen_music::track::Track;
use resonantgen_project::LostTake;
use resonantgen_session::Session;
use resonantgen_sound::measure::Measures;
use resonantgen_take::StageSeconds;
use serde::{Serialize, Serializer};

/// Facts about a generation that has just ended.
pub struct Run {
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Tracks that were generated.
    pub tracks: Vec<Track>,
}

/// The report on a session in a folder.
#[derive(Debug, Serialize)]
pub struct Report {
    #[serde(serialize_with = "path")]
    folder: PathBuf,
    prompt: String,
    seed: u64,
    plan: Option<PlanReport>,
    tracks: Vec<TrackReport>,
    /// The song; absent for a single loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    song: Option<SongReport>,
    /// Takes that are lost, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lost: Vec<String>,
    /// Absent when nothing was generated.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<RunReport>,
}

/// A song: its sections and their order.
#[derive(Debug, Serialize)]
struct SongReport {
    bars: u32,
    seconds: f64,
    sections: Vec<SectionReport>,
    order: Vec<PartReport>,
}

#[derive(Debug, Serialize)]
struct SectionReport {
    id: u32,
    /// By which automation and notes choose it.
    number: u32,
    name: String,
    kind: &'static str,
    energy: f32,
    bars: u32,
    chords: Vec<String>,
    /// Tracks that play in it.
    plays: Vec<Track>,
    locked: Vec<Track>,
    /// Whether it is the open section.
    open: bool,
}

#[derive(Debug, Serialize)]
struct PartReport {
    section: String,
    repeats: u32,
}

/// A plan for printing.
#[derive(Debug, Serialize)]
pub struct PlanReport {
    bpm: f64,
    key: String,
    meter: String,
    bars: u32,
    chords: Vec<String>,
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct TrackReport {
    track: Track,
    locked: bool,
    take: Option<TakeReport>,
}

#[derive(Debug, Serialize)]
struct TakeReport {
    id: String,
    prompt: String,
    patch: String,
    seed: u64,
    notes: usize,
    seconds: StageSeconds,
    /// Measures; absent for takes that were never measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    measures: Option<Measures>,
    /// Faults that a listener would notice.
    failures: Vec<String>,
}

#[derive(Debug, Serialize)]
struct RunReport {
    /// Tracks that were generated.
    tracks: Vec<Track>,
    /// Wall-clock seconds.
    seconds: f64,
    /// Seconds of each stage, summed over the generated tracks.
    stages: StageSeconds,
    /// Seconds of music (all generated tracks together) generated per second.
    real_time_factor: f64,
}

impl Report {
    /// Collects the report.
    pub fn new(folder: &Path, session: &Session, run: Option<&Run>) -> Self {
        let plan = session.plan.as_ref().map(PlanReport::new);
        let tracks = Track::ALL.into_iter().map(|track| TrackReport::new(session, track)).collect();
        let run = run.map(|run| {
            let mut stages = StageSeconds::default();
            for take in run.tracks.iter().filter_map(|&track| session.track(track).take()) {
                stages.compose += take.timings.compose;
                stages.perform += take.timings.perform;
                stages.decode += take.timings.decode;
            }
            let loop_seconds = plan.as_ref().map_or(0.0, |plan| plan.seconds);
            let seconds_of_music = if session.is_song() { song_seconds(session) } else { loop_seconds };
            RunReport {
                tracks: run.tracks.clone(),
                seconds: run.seconds,
                stages,
                real_time_factor: seconds_of_music / run.seconds.max(1e-9),
            }
        });
        Self {
            folder: folder.to_owned(),
            prompt: session.prompt.clone(),
            seed: session.seed,
            plan,
            tracks,
            song: session.is_song().then(|| SongReport::new(session)),
            lost: Vec::new(),
            run,
        }
    }

    /// Adds the takes that could not be read.
    pub fn with_lost(mut self, lost: &[LostTake]) -> Self {
        self.lost = lost.iter().map(ToString::to_string).collect();
        self
    }

    /// Prints the report to stdout.
    ///
    /// # Errors
    /// Returns an error if stdout cannot be written.
    pub fn print(&self, json: bool) -> Result<ExitCode> {
        if json {
            print_json(self)?
        } else {
            print(&self.table())?
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The table for people.
    fn table(&self) -> String {
        if self.plan.is_none() && self.lost.is_empty() {
            let folder = self.folder.display();
            return format!(
                "\n  an empty session: nothing has been made, or all of it was undone\n  {folder}\n"
            );
        }
        let mut text = format!("\n  {}\n\n", self.prompt);
        if let Some(plan) = &self.plan {
            plan.write(&mut text);
        }
        let _ = writeln!(text, "  seed    {}\n", self.seed);
        if let Some(song) = &self.song {
            song.write(&mut text);
        }
        self.write_tracks(&mut text);
        self.write_measures(&mut text);
        for lost in &self.lost {
            let _ = writeln!(text, "\n  lost    {lost}");
        }
        if let (Some(run), Some(plan)) = (&self.run, &self.plan) {
            let seconds = self.song.as_ref().map_or(plan.seconds, |song| song.seconds);
            let _ = writeln!(
                text,
                "\n  {seconds:.1} s of music in {:.1} s: {:.1} x real time",
                run.seconds, run.real_time_factor
            );
        }
        let _ = writeln!(text, "  {}", self.folder.display());
        text
    }

    /// The measures of each take, and its faults.
    fn write_measures(&self, text: &mut String) {
        let measured = self.tracks.iter().filter_map(|track| {
            let take = track.take.as_ref()?;
            Some((track.track, take.measures.as_ref()?, &take.failures))
        });
        for (number, (track, measures, failures)) in measured.enumerate() {
            let head = if number == 0 { "\n" } else { "" };
            let _ = write!(text, "{head}  {:<8} {measures}", track.name());
            let _ = if failures.is_empty() {
                writeln!(text)
            } else {
                writeln!(text, "; but {}", failures.join(", "))
            };
        }
    }

    fn write_tracks(&self, text: &mut String) {
        let patches =
            self.tracks.iter().filter_map(|track| track.take.as_ref()).map(|take| take.patch.chars().count());
        let width = patches.max().unwrap_or(0).max(5);
        let _ = writeln!(
            text,
            "  {:<8} {:<width$} {:>6} {:>9} {:>9} {:>9}  lock",
            "track", "patch", "notes", "compose", "perform", "decode"
        );
        for track in &self.tracks {
            let lock = if track.locked { "locked" } else { "-" };
            let name = track.track.name();
            let _ = match &track.take {
                Some(take) => writeln!(
                    text,
                    "  {name:<8} {:<width$} {:>6} {:>7.2} s {:>7.2} s {:>7.2} s  {lock}",
                    take.patch, take.notes, take.seconds.compose, take.seconds.perform, take.seconds.decode
                ),
                None => writeln!(text, "  {name:<8} (no take)"),
            };
        }
        if let Some(RunReport { stages, .. }) = &self.run {
            let _ = writeln!(
                text,
                "  {:<8} {:<width$} {:>6} {:>7.2} s {:>7.2} s {:>7.2} s",
                "this run", "", "", stages.compose, stages.perform, stages.decode
            );
        }
    }
}

fn song_seconds(session: &Session) -> f64 {
    let plans =
        session.placements().into_iter().filter_map(|placement| session.section(placement.section)?.plan);
    plans.map(Plan::seconds).sum()
}

impl SongReport {
    fn new(session: &Session) -> Self {
        let name = |id| session.section(id).map_or_else(String::new, |section| section.name.to_owned());
        let sections = session.sections().map(|section| SectionReport {
            id: section.id.0,
            number: section.number,
            name: section.name.to_owned(),
            kind: section.kind.name(),
            energy: section.energy,
            bars: section.bars(),
            chords: section
                .plan
                .map_or_else(Vec::new, |plan| plan.chords.iter().map(ToString::to_string).collect()),
            plays: Track::ALL.into_iter().filter(|track| section.take(*track).is_some()).collect(),
            locked: Track::ALL.into_iter().filter(|track| section.tracks[track.index()].locked).collect(),
            open: section.is_open,
        });
        let order = session.order().iter();
        Self {
            bars: session.song_bars(),
            seconds: song_seconds(session),
            sections: sections.collect(),
            order: order
                .map(|part| PartReport { section: name(part.section), repeats: part.repeats })
                .collect(),
        }
    }

    fn write(&self, text: &mut String) {
        let order: Vec<String> = self
            .order
            .iter()
            .map(|part| match part.repeats {
                1 => part.section.clone(),
                repeats => format!("{} x{repeats}", part.section),
            })
            .collect();
        let _ =
            writeln!(text, "  song    {} bars ({:.1} s): {}\n", self.bars, self.seconds, order.join(", "));
        let width =
            self.sections.iter().map(|section| section.name.chars().count()).max().unwrap_or(0).max(7);
        let _ = writeln!(text, "      {:<width$} {:>4}  energy      plays", "section", "bars");
        for section in &self.sections {
            let filled = (10.0 * section.energy).round() as usize;
            let plays: Vec<String> = section
                .plays
                .iter()
                .map(|track| {
                    let lock = if section.locked.contains(track) { " (locked)" } else { "" };
                    format!("{track}{lock}")
                })
                .collect();
            let open = if section.open { ">" } else { " " };
            let _ = writeln!(
                text,
                "  {open}{:>2} {:<width$} {:>4}  {:<10}  {}",
                section.number,
                section.name,
                section.bars,
                "#".repeat(filled.min(10)),
                plays.join(", ")
            );
        }
        let _ = writeln!(text);
    }
}

impl PlanReport {
    /// The report on a plan.
    pub fn new(plan: &Plan) -> Self {
        Self {
            bpm: plan.bpm,
            key: plan.key.to_string(),
            meter: plan.meter.to_string(),
            bars: plan.bars,
            chords: plan.chords.iter().map(ToString::to_string).collect(),
            seconds: plan.seconds(),
        }
    }

    fn write(&self, text: &mut String) {
        let _ = writeln!(
            text,
            "  tempo   {} bpm, {}, {} bars ({:.2} s)",
            self.bpm, self.meter, self.bars, self.seconds
        );
        let _ = writeln!(text, "  key     {}", self.key);
        for (row, eight_bars) in self.chords.chunks(16).enumerate() {
            let bars: Vec<String> =
                eight_bars
                    .chunks(2)
                    .map(|bar| {
                        if bar.iter().all(|chord| *chord == bar[0]) { bar[0].clone() } else { bar.join(" ") }
                    })
                    .collect();
            let label = if row == 0 { "chords" } else { "" };
            let _ = writeln!(text, "  {label:<7} {}", bars.join(" | "));
        }
    }
}

impl TrackReport {
    fn new(session: &Session, track: Track) -> Self {
        let state = session.track(track);
        let take = state.take().map(|take| TakeReport {
            id: take.id.0.clone(),
            prompt: take.recipe.prompt.clone(),
            patch: take.patch.clone(),
            seed: take.recipe.seed,
            notes: take.score.notes.len(),
            seconds: take.timings,
            measures: take.measures.clone(),
            failures: take
                .measures
                .iter()
                .flat_map(Measures::failures)
                .map(|failure| failure.to_string())
                .collect(),
        });
        Self { track, locked: state.locked, take }
    }
}

/// Writes a path into JSON, which has no other letters than those of Unicode: what is none of them becomes U+FFFD.
///
/// # Errors
/// Those of the serializer.
pub fn path<S: Serializer>(path: &Path, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// Prints one JSON document to stdout.
///
/// # Errors
/// Returns an error if stdout cannot be written.
pub fn print_json(document: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(document).context("cannot write JSON")?;
    print(&format!("{text}\n"))
}

/// Prints to stdout. A reader that has gone away (`| head`) is not an error.
///
/// # Errors
/// Returns an error if stdout cannot be written.
pub fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write to stdout"),
        _ => Ok(()),
    }
}
