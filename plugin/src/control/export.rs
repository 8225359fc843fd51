//! Exports from the editor: what to write, where to, and showing it in the file manager. The session writes the files.

use std::ops::Range;
use std::path::{Path, PathBuf};

use resonantgen_music::track::Track;
use resonantgen_project as project;
use resonantgen_project::{ExportOptions, Form, ProjectForm, StoreError};
use resonantgen_session::Session;

/// Environment variable that sets the export folder. The default is the user's music folder.
const FOLDER_VARIABLE: &str = "RESONANTGEN_EXPORTS";
/// Maximum length of a folder name made from a prompt, in characters.
const NAME_LENGTH: usize = 40;

/// What to export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Stems, mix and MIDI.
    All,
    /// WAV files of the tracks and of the mix.
    Audio,
    /// MIDI files of the tracks, and one with all of them.
    Scores,
    /// The WAV file of one track.
    Stem(Track),
    /// The MIDI file of one track.
    Midi(Track),
    /// A project of a DAW.
    Project(ProjectForm),
}

/// Files that leave the editor individually, by dragging or by their paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Takes by their index in their track's history.
    pub takes: Vec<(Track, usize)>,
    /// Only these bars, from 0; `None` for all.
    pub bars: Option<Range<u32>>,
    /// WAV or MIDI.
    pub form: Form,
}

/// Writes a parcel's files and returns their paths.
///
/// # Errors
/// Returns an error if a take's audio is not available, or a file cannot be written.
pub fn write_parcel(session: &Session, parcel: &Parcel, folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let write = |(track, index): &(Track, usize)| {
        project::export_take(session, *track, *index, parcel.bars.clone(), parcel.form, folder)
    };
    parcel.takes.iter().map(write).collect()
}

/// The result of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The folder.
    pub folder: PathBuf,
    /// Number of files.
    pub files: usize,
}

/// The folder of a session's exports.
#[must_use]
pub fn folder(session: &Session) -> PathBuf {
    let named = std::env::var_os(FOLDER_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let music = || {
        let folders = directories::UserDirs::new();
        let music = folders.map(|folders| {
            folders.audio_dir().map_or_else(|| folders.home_dir().join("Music"), Path::to_owned)
        });
        music.unwrap_or_else(std::env::temp_dir).join("ResonantGen")
    };
    named.unwrap_or_else(music).join(folder_name(&session.prompt))
}

/// Writes the playing takes. Each file appears whole or not at all.
///
/// # Errors
/// Returns an error if nothing plays, or a file cannot be written.
pub fn write(session: &Session, what: What, folder: &Path) -> Result<Exported, StoreError> {
    let all = ExportOptions::default();
    let options = match what {
        What::All => all,
        What::Audio => ExportOptions { midi: false, ..all },
        What::Scores => ExportOptions { audio: false, ..all },
        What::Stem(track) => ExportOptions { tracks: vec![track], mix: false, midi: false, ..all },
        What::Midi(track) => ExportOptions { tracks: vec![track], mix: false, audio: false, ..all },
        What::Project(form) => {
            let files = project::export_project(session, folder, form)?.len();
            return Ok(Exported { folder: folder.to_owned(), files });
        }
    };
    let files = project::export(session, folder, &options)?.len();
    Ok(Exported { folder: folder.to_owned(), files })
}

/// Shows a folder in the file manager. Blocks until that has started, so it is not for the editor's thread.
///
/// # Errors
/// Returns a message for the user if there is no file manager.
pub fn reveal(folder: &Path) -> Result<(), String> {
    let program = if cfg!(target_os = "windows") {
        "explorer"
    } else if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let quiet = std::process::Stdio::null;
    let shown = std::process::Command::new(program)
        .arg(folder)
        .stdin(quiet())
        .stdout(quiet())
        .stderr(quiet())
        .status();
    match shown {
        // The exit status of Windows Explorer is meaningless: it is 1 on success.
        Ok(status) if status.success() || cfg!(target_os = "windows") => Ok(()),
        Ok(_) => Err(format!("No file manager was found. The files are in {}.", folder.display())),
        Err(error) => {
            Err(format!("No file manager was found ({error}). The files are in {}.", folder.display()))
        }
    }
}

/// Turns a prompt into a folder name.
fn folder_name(prompt: &str) -> String {
    let mut name = String::new();
    for character in prompt.chars() {
        if character.is_alphanumeric() {
            name.extend(character.to_lowercase());
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
        if name.chars().count() >= NAME_LENGTH {
            break;
        }
    }
    let name = name.trim_matches('-');
    // Windows cannot create folders with the names of its devices.
    if name.is_empty() || project::is_device_name(name) { "loop".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_after_prompts() {
        assert_eq!(folder_name("  Dark TECHNO, with driving bass!"), "dark-techno-with-driving-bass");
        assert_eq!(folder_name("../..!?"), "loop");
        assert_eq!(folder_name("Aux!"), "loop");
        assert!(folder_name(&"very ".repeat(40)).chars().count() <= NAME_LENGTH);
    }

    #[test]
    fn nothing_is_no_file() {
        let error = write(&Session::default(), What::All, Path::new("/nonexistent")).expect_err("nothing");
        assert!(matches!(error, StoreError::NothingToExport));
    }
}
