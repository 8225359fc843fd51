//! `resonantgen import`: the user's own loop becomes a locked take.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use resonantgen_import::{Findings, Fit, ImportError, ImportObserver, ImportOptions, Measured, import_loop};
use resonantgen_session::{Session, SessionError};
use serde::Serialize;

use crate::args::Import;
use crate::failure::{Cancelled, Usage};
use crate::report::{self, Report};
use crate::{folder, interrupt};

#[derive(Debug, Serialize)]
struct Document<'a> {
    import: &'a Findings,
    session: &'a Report,
}

/// Cancels after Ctrl-C.
struct Cancellable;

impl ImportObserver for Cancellable {
    fn is_cancelled(&self) -> bool {
        interrupt::requested()
    }
}

/// Imports a file into a folder.
///
/// # Errors
/// Returns an error if the file cannot be read or fitted to the grid, the track is locked, or the folder cannot be read
/// or written. The folder is then unchanged.
pub fn run(arguments: &Import) -> Result<ExitCode> {
    let track = arguments.track;
    let (folder, mut session) = match folder::open_session_if_there(&arguments.folder)? {
        Some((folder, session)) => (Some(folder), session),
        None => (None, Session::default()),
    };
    folder::check_free(&arguments.folder, folder.is_some().then_some(&session))?;
    if session.track(track).locked {
        return Err(SessionError::Locked(track).into());
    }
    let known = session.import_options(track);
    let options = ImportOptions {
        bpm: arguments.bpm,
        bars: arguments.bars,
        start_seconds: arguments.start,
        key: arguments.key,
        meter: arguments.meter,
        ..known
    };
    interrupt::listen()?;
    let imported = import_loop(&arguments.file, &options, &Cancellable).map_err(|error| match error {
        ImportError::Cancelled => Cancelled.into(),
        error @ (ImportError::TooLong { .. }
        | ImportError::NoBeat
        | ImportError::StartBeyondEnd { .. }
        | ImportError::Option { .. }) => Usage(error.to_string()).into(),
        error => anyhow::Error::from(error),
    })?;
    let findings = imported.findings.clone();
    session.add_import(imported)?;
    let mut folder = match folder {
        Some(folder) => folder,
        None => folder::create(&arguments.folder)?,
    };
    folder::save(&mut folder, &session, folder::sample_rate_hz(&arguments.folder))?;
    let session = Report::new(&arguments.folder, &session, None);
    if arguments.json {
        report::print_json(&Document { import: &findings, session: &session })?;
        return Ok(ExitCode::SUCCESS);
    }
    report::print(&table(&findings))?;
    session.print(false)
}

fn table(findings: &Findings) -> String {
    let sure = |confidence: f32| format!("{:.0} % sure", confidence * 100.0);
    let mut text = format!(
        "\n  file    {:.2} s, {} Hz, {} channel{}\n",
        findings.seconds,
        findings.rate_hz,
        findings.channels,
        if findings.channels == 1 { "" } else { "s" }
    );
    let Measured { value, confidence } = findings.bpm;
    let _ = writeln!(text, "  tempo   {value:.2} bpm ({})", sure(confidence));
    let Measured { value, confidence } = findings.downbeat_seconds;
    let _ = writeln!(text, "  bar 1   at {value:.3} s ({})", sure(confidence));
    if let Some(Measured { value, confidence }) = findings.key {
        let _ = writeln!(text, "  key     {value} ({})", sure(confidence));
    }
    let fit = match findings.fit {
        Fit::AsIs => "unchanged".to_owned(),
        Fit::Stretched(factor) => format!("stretched to {:.1} % of its length", factor * 100.0),
    };
    let _ = writeln!(text, "  used    {} bars, {fit}", findings.bars);
    for remark in &findings.remarks {
        let _ = writeln!(text, "  note    {remark}");
    }
    text
}
