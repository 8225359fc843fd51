//! `resonantgen batch`: many sessions from one table, as many at once as there are cores.
//!
//! Each row is parsed as the equivalent `generate` command, so that it produces the same files.

mod table;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use clap::Parser;
use resonantgen_models::generator::{Engine, EngineOptions};
use resonantgen_project::{is_device_name, read_file};
use resonantgen_session::{Request, Session, SongRequest};
use serde::{Deserialize, Serialize};

use self::table::{COLUMNS, Row};
use crate::args::{self, Arguments, Batch, Command};
use crate::failure::{Cancelled, Usage};
use crate::progress::Cancellable;
use crate::{folder, generate, interrupt, open, report};

/// File in each session's folder that records its row, so that a batch can be resumed.
const NOTE: &str = "batch.json";

/// Maximum size of such a record in bytes.
const NOTE_BYTES: u64 = 1 << 20;
/// Maximum size of a table in bytes: some hundred thousand rows.
const TABLE_BYTES: u64 = 16 << 20;

/// The record next to a row's session.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    /// The `generate` command of the row, without its folder.
    command: Vec<String>,
    bundle: String,
    /// False while the session is being generated.
    complete: bool,
}

/// A valid row.
struct Task {
    number: usize,
    name: String,
    folder: PathBuf,
    command: Vec<String>,
    request: Request,
    /// The song to make of it.
    song: Option<SongRequest>,
    rate_hz: u32,
}

/// The result of a row.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Made { seconds: f64 },
    AlreadyThere,
    Failed { error: String },
}

#[derive(Debug, Serialize)]
struct RowReport {
    /// Row of the table, counted from 1 without the header.
    row: usize,
    name: String,
    #[serde(serialize_with = "report::path")]
    folder: PathBuf,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Serialize)]
struct Summary {
    rows: Vec<RowReport>,
    made: usize,
    already_there: usize,
    failed: usize,
    seconds: f64,
}

/// Generates every row whose session does not exist yet.
///
/// # Errors
/// Returns an error if the table cannot be read, the engine cannot be opened, or the user cancelled. Rows that fail are
/// reported and do not stop the others; the exit code is then 1.
pub fn run(arguments: &Batch) -> Result<ExitCode> {
    let begin = Instant::now();
    let table = read_file(&arguments.table, TABLE_BYTES)
        .with_context(|| format!("cannot read {}", arguments.table.display()))?;
    let rows = table::read(&table)?;
    folder::check_writable(&arguments.out)?;
    interrupt::listen()?;
    let jobs = usize::from(arguments.jobs.unwrap_or_else(cores)).clamp(1, rows.len().max(1));
    // One thread per session: several sessions at once use the cores better than several threads on one.
    let threads = arguments.models.threads.map_or(1, usize::from);
    let options = EngineOptions { threads, ..open::options(&arguments.models)? };
    let first = Engine::open(&options)?;
    let bundle = first.bundle().id().to_owned();

    let board = Board::new(rows.len());
    let mut tasks = Vec::new();
    let mut names = HashSet::new();
    for (index, row) in rows.iter().enumerate() {
        let number = index + 1;
        match plan(row, number, arguments, &first, &mut names) {
            Ok(task) => tasks.push(task),
            Err((name, error)) => {
                let folder = arguments.out.join(&name);
                let outcome = Outcome::Failed { error: format!("line {}: {error:#}", row.line) };
                board.add(RowReport { row: number, name, folder, outcome });
            }
        }
    }
    let next = AtomicUsize::new(0);
    let work = |engine: &Engine| {
        while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
            if interrupt::requested() {
                return;
            }
            if let Some(outcome) = make(engine, task, &bundle) {
                let (row, name, folder) = (task.number, task.name.clone(), task.folder.clone());
                board.add(RowReport { row, name, folder, outcome });
            }
        }
    };
    std::thread::scope(|scope| -> Result<()> {
        for _ in 1..jobs.min(tasks.len()) {
            // One engine per session: two takes of one track would wait for each other on a shared engine.
            let engine = Engine::open(&options)?;
            scope.spawn(move || work(&engine));
        }
        work(&first);
        Ok(())
    })?;
    let summary = board.summary(begin.elapsed().as_secs_f64());
    if interrupt::requested() {
        let there = summary.made + summary.already_there;
        eprintln!(
            "{there} of {} sessions are done; run the same command to continue with the rest",
            rows.len()
        );
        return Err(Cancelled.into());
    }
    if arguments.json {
        report::print_json(&summary)?
    } else {
        report::print(&summary.line())?
    }
    Ok(if summary.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn cores() -> u16 {
    std::thread::available_parallelism().map_or(1, |cores| u16::try_from(cores.get()).unwrap_or(u16::MAX))
}

/// The task of a row, or the name to report the row under and its error.
fn plan(
    row: &Row,
    number: usize,
    arguments: &Batch,
    engine: &Engine,
    names: &mut HashSet<String>,
) -> Result<Task, (String, anyhow::Error)> {
    let prompt = row.get("prompt").unwrap_or_default();
    let name = row.get("name").map_or_else(|| default_name(number, prompt), str::to_owned);
    let refuse = |error: anyhow::Error| (name.clone(), error);
    if row.surplus() > 0 {
        let more = row.surplus();
        return Err(refuse(anyhow!("{more} more cells than the header: quote text that contains commas")));
    }
    check_name(&name).map_err(refuse)?;
    // Some file systems ignore case.
    if !names.insert(name.to_lowercase()) {
        return Err(refuse(anyhow!("another row has the name {name:?}")));
    }
    let folder = arguments.out.join(&name);
    let seed = row.get("seed").map_or_else(|| number.to_string(), str::to_owned);
    let mut command = vec![format!("--rate={}", arguments.rate), format!("--seed={seed}")];
    match row.get("song").map(|cell| table::yes_or_no(cell).ok_or(cell)) {
        Some(Err(cell)) => {
            return Err(refuse(anyhow!(
                "the cell song has {cell:?}: write yes or no, and a form into the column form"
            )));
        }
        Some(Ok(true)) => command.push("--song".to_owned()),
        Some(Ok(false)) | None => {}
    }
    for column in COLUMNS.into_iter().filter(|column| !["prompt", "name", "seed", "song"].contains(column)) {
        let cell = row.get(column).map(|cell| table::plain_number(column, cell));
        command.extend(cell.map(|cell| format!("--{column}={cell}")));
    }
    command.extend(["--".to_owned(), prompt.to_owned()]);
    let (request, song) = read(&command, &folder).map_err(refuse)?;
    let checked = Session::default().check(&request, None);
    checked.and_then(|_| request.check_understood(Some(engine))).map_err(|error| refuse(error.into()))?;
    Ok(Task { number, name: name.clone(), folder, command, request, song, rate_hz: arguments.rate })
}

/// The request of a `generate` command, and the song that it asks for.
fn read(command: &[String], folder: &Path) -> Result<(Request, Option<SongRequest>)> {
    let start = ["resonantgen".into(), "generate".into(), "--out".into(), folder.as_os_str().to_owned()];
    let words = start.into_iter().chain(command.iter().map(Into::into));
    let parsed = Arguments::try_parse_from(words).map_err(|error| Usage(args::one_line(&error)))?;
    let Command::Generate(parsed) = parsed.command else {
        return Err(anyhow!("a row is a `generate` command"));
    };
    let song = generate::song_request(&parsed);
    Ok((generate::request(parsed), song))
}

/// A descriptive name that sorts in the table's order.
fn default_name(number: usize, prompt: &str) -> String {
    let letters = prompt.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { ' ' });
    let words = letters.collect::<String>().to_lowercase();
    let words: Vec<&str> = words.split_whitespace().take(6).collect();
    format!("{number:04}-{}", words.join("-")).trim_end_matches('-').to_owned()
}

fn check_name(name: &str) -> Result<()> {
    let is_plain = |letter: char| letter.is_alphanumeric() || " ._-".contains(letter);
    if name.is_empty() || name.len() > 120 || name.starts_with('.') || !name.chars().all(is_plain) {
        return Err(anyhow!("{name:?} is not a valid folder name: use letters, digits, spaces, - _ and ."));
    }
    if name.ends_with(['.', ' ']) {
        return Err(anyhow!("the name {name:?} cannot be kept on every system: it ends in a dot or a space"));
    }
    if is_device_name(name) {
        return Err(anyhow!("the name {name:?} is that of a device on Windows: choose another one"));
    }
    Ok(())
}

/// Generates one row; `None` if the user cancelled.
fn make(engine: &Engine, task: &Task, bundle: &str) -> Option<Outcome> {
    let mut note = Note { command: task.command.clone(), bundle: bundle.to_owned(), complete: true };
    let begin = Instant::now();
    match note_of(&task.folder) {
        Some(found) if found == note => return Some(Outcome::AlreadyThere),
        None if folder::holds_session(&task.folder) => {
            let error = "its folder holds an unrelated session: give it another name".to_owned();
            return Some(Outcome::Failed { error });
        }
        None => {
            if let Err(error) = folder::check_free(&task.folder, None) {
                return Some(Outcome::Failed { error: format!("{error:#}") });
            }
        }
        Some(_) => {}
    }
    let mut session = Session::default();
    let result = folder::create_anew(&task.folder).and_then(|folder| {
        session.apply(engine, &task.request, &Cancellable)?;
        if let Some(song) = &task.song {
            let seed = task.request.seed;
            let song = SongRequest { seed, settings: task.request.settings, ..song.clone() };
            session.make_song(engine, &song, &Cancellable)?;
        }
        Ok(folder)
    });
    if interrupt::requested() {
        return None;
    }
    note.complete = false;
    let saved = result.and_then(|mut folder| {
        write_note(&task.folder, &note)?;
        folder::save(&mut folder, &session, task.rate_hz)?;
        note.complete = true;
        write_note(&task.folder, &note)
    });
    Some(match saved {
        Ok(()) => Outcome::Made { seconds: begin.elapsed().as_secs_f64() },
        Err(error) => Outcome::Failed { error: format!("{error:#}") },
    })
}

fn note_of(folder: &Path) -> Option<Note> {
    serde_json::from_slice(&read_file(&folder.join(NOTE), NOTE_BYTES).ok()?).ok()
}

fn write_note(folder: &Path, note: &Note) -> Result<()> {
    let text = serde_json::to_vec_pretty(note).context("cannot write JSON")?;
    folder::write_whole(&folder.join(NOTE), &text)
        .with_context(|| format!("cannot write {NOTE} into {}", folder.display()))
}

/// Prints each row's result as it finishes, and collects the reports.
struct Board {
    total: usize,
    reports: Mutex<Vec<RowReport>>,
}

impl Board {
    fn new(total: usize) -> Self {
        Self { total, reports: Mutex::default() }
    }

    fn add(&self, report: RowReport) {
        let mut reports = self.reports.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let told = match &report.outcome {
            Outcome::Made { seconds } => format!("made in {seconds:.1} s"),
            Outcome::AlreadyThere => "already there".to_owned(),
            Outcome::Failed { error } => format!("FAILED: {error}"),
        };
        let width = self.total.to_string().len();
        eprintln!(
            "[{:>width$}/{}] row {} {}: {told}",
            reports.len() + 1,
            self.total,
            report.row,
            report.name
        );
        reports.push(report);
    }

    fn summary(self, seconds: f64) -> Summary {
        let mut rows = self.reports.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        rows.sort_by_key(|report| report.row);
        let count = |is: fn(&Outcome) -> bool| rows.iter().filter(|report| is(&report.outcome)).count();
        let made = count(|outcome| matches!(outcome, Outcome::Made { .. }));
        let already_there = count(|outcome| matches!(outcome, Outcome::AlreadyThere));
        let failed = count(|outcome| matches!(outcome, Outcome::Failed { .. }));
        Summary { rows, made, already_there, failed, seconds }
    }
}

impl Summary {
    fn line(&self) -> String {
        let Self { made, already_there, failed, seconds, .. } = self;
        format!("{made} made, {already_there} already there, {failed} failed, in {seconds:.1} s\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_folder_names() {
        assert_eq!(
            default_name(7, "Dark techno, with a driving (acid) bass!"),
            "0007-dark-techno-with-a-driving-acid"
        );
        assert_eq!(default_name(12, "???"), "0012");
        for good in ["a", "Smoky Jazz 2", "ünï_c.ode-1"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for good in ["Conga", "com", "com10", "lpt", "auxiliary", "console.1"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["CON", "nul.txt", "Com1", "LPT\u{b9}", "aux .x", "PRN", "a.", "b "] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "..", ".hidden", "a/b", "a\\b", "C:x", "a\nb"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }
}
