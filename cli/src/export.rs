//! `resonantgen export`: stems and MIDI files for a DAW.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use resonantgen_music::track::Track;
use resonantgen_project as project;
use resonantgen_project::{ExportOptions, ProjectForm, SampleDepth, StoreError};
use serde::Serialize;

use crate::args::{Bits, Export, ExportFormat, ExportKind, Models};
use crate::failure::Usage;
use crate::{folder, report};

#[derive(Debug, Serialize)]
struct Exported {
    #[serde(serialize_with = "report::path")]
    folder: PathBuf,
    files: Vec<String>,
}

/// Writes the requested files and lists them.
///
/// # Errors
/// Returns an error if there is nothing to export, or a file cannot be written.
pub fn run(arguments: &Export) -> Result<ExitCode> {
    let mut session = folder::read(&arguments.folder)?.session;
    for (track, why) in folder::make_again(&mut session, &Models::default()) {
        eprintln!("note: {track} is left out: its take could not be made again ({why})");
    }
    let (audio, midi) = match arguments.format {
        None => (arguments.kind != ExportKind::Midi, arguments.kind != ExportKind::Wav),
        Some(format) => (format == ExportFormat::Wav, format == ExportFormat::Midi),
    };
    let options = ExportOptions {
        tracks: if arguments.tracks.is_empty() { Track::ALL.to_vec() } else { arguments.tracks.clone() },
        mix: arguments.tracks.is_empty(),
        audio,
        midi,
        sample_rate_hz: arguments.rate,
        depth: match arguments.bits {
            Bits::Int16 => SampleDepth::Int16,
            Bits::Int24 => SampleDepth::Int24,
            Bits::Float32 => SampleDepth::Float32,
        },
    };
    let out = &arguments.out;
    let written = match arguments.format {
        Some(ExportFormat::Dawproject) => project::export_project(&session, out, ProjectForm::DawProject),
        Some(ExportFormat::Als) => project::export_project(&session, out, ProjectForm::LiveSet),
        Some(ExportFormat::Rpp) => project::export_project(&session, out, ProjectForm::Reaper),
        _ => project::export(&session, out, &options),
    };
    let files = written.map_err(|error| match error {
        StoreError::NothingToExport => Usage(error.to_string()).into(),
        error => anyhow::Error::from(error),
    })?;
    if arguments.json {
        let files = files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
        report::print_json(&Exported { folder: arguments.out.clone(), files })?;
    } else {
        let lines: String = files.iter().map(|file| format!("{}\n", file.display())).collect();
        report::print(&lines)?;
    }
    Ok(ExitCode::SUCCESS)
}
