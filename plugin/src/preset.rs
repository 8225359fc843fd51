//! Presets: a prompt with settings to start from. Factory presets are built in; the user's are files.
//!
//! A user's preset is one JSON file in `presets` in the user's data folder (on Linux
//! `$XDG_DATA_HOME/resonantgen/presets`, on macOS `~/Library/Application Support/resonantgen/presets`, on Windows
//! `%LOCALAPPDATA%\resonantgen\presets`).

mod format;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use format::Preset;

use resonantgen_project::{Audience, is_device_name, read_text, write_file};

use crate::control::location;
use crate::params::BARS_MAX;

/// The factory presets.
const FACTORY: &str = include_str!("../presets/factory.json");
/// Longer files are not presets.
const MOST_BYTES: u64 = 1 << 20;
/// Maximum length of a name, in letters.
const NAME_LENGTH: usize = 60;

/// Why a preset could not be saved or deleted.
#[derive(Debug, thiserror::Error)]
pub enum PresetError {
    /// The name is empty, or has no letters or digits.
    #[error("a preset needs a name with letters or digits")]
    Name,
    /// The system has no folder for the user's data.
    #[error("this system names no folder for your data (HOME is not set), so presets cannot be kept")]
    NoFolder,
    /// The file could not be removed.
    #[error("cannot remove {}: {source}", path.display())]
    Remove {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The factory presets, in order: at least two for each style.
#[must_use]
pub fn factory() -> Vec<Preset> {
    serde_json::from_str(FACTORY).expect("the built-in presets are tested")
}

/// Folder of the user's presets; it may not exist yet.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    location::user_data().map(|data| data.join("resonantgen").join("presets"))
}

/// The preset in a file; `None` if the file is not a preset with valid values.
#[must_use]
pub fn read(path: &Path) -> Option<Preset> {
    let preset: Preset = serde_json::from_str(&read_text(path, MOST_BYTES).ok()?).ok()?;
    let is_usable = (0.0..=1.0).contains(&preset.variation)
        && (0.0..=1.0).contains(&preset.adherence)
        && (0..=BARS_MAX).contains(&preset.bars);
    is_usable.then_some(preset)
}

/// The presets in a folder, each with its file.
fn files(folder: &Path) -> impl Iterator<Item = (PathBuf, Preset)> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter_map(|path| read(&path).map(|preset| (path, preset)))
}

/// The presets in a folder, by name. Other files are ignored.
#[must_use]
pub fn list(folder: &Path) -> Vec<Preset> {
    let mut presets: Vec<Preset> = files(folder).map(|(_, preset)| preset).collect();
    presets.sort_by_key(|preset| preset.name.to_lowercase());
    presets
}

/// Deletes a preset from a folder. The preset is found by its contents, because its file may have another name. A missing preset
/// is not an error.
///
/// # Errors
/// [`PresetError::Remove`] if the file cannot be deleted.
pub fn delete(folder: &Path, preset: &Preset) -> Result<(), PresetError> {
    for (path, _) in files(folder).filter(|(_, known)| known == preset) {
        fs::remove_file(&path).map_err(|source| PresetError::Remove { path, source })?;
    }
    Ok(())
}

/// A file name for a preset, made from its name and valid on every system.
fn file_name(name: &str) -> Option<String> {
    let letters = name.trim().chars().take(NAME_LENGTH);
    let safe: String =
        letters.map(|letter| if letter.is_alphanumeric() { letter } else { '-' }).collect::<String>();
    let safe = safe.trim_matches('-').to_lowercase();
    let safe = if is_device_name(&safe) { format!("preset-{safe}") } else { safe };
    (!safe.is_empty()).then(|| format!("{safe}.json"))
}

/// Saves a preset in a folder. Replaces one with the same name, completely or not at all.
///
/// # Errors
/// [`PresetError::Name`] if the name cannot be used; [`PresetError::Write`] if the file cannot be written.
pub fn save(folder: &Path, preset: &Preset) -> Result<PathBuf, PresetError> {
    let path = folder.join(file_name(&preset.name).ok_or(PresetError::Name)?);
    let json = serde_json::to_string_pretty(preset).expect("a preset is plain data");
    fs::create_dir_all(folder)
        .and_then(|()| write_file(&path, json.as_bytes(), Audience::Everyone))
        .map(|()| path.clone())
        .map_err(|source| PresetError::Write { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use resonantgen_words::{Style, parse};

    #[test]
    fn the_factory_has_two_of_each_style_and_every_prompt_is_understood() {
        let presets = factory();
        assert!(presets.len() >= 24);
        for style in Style::ALL.map(Style::name) {
            assert!(presets.iter().filter(|preset| preset.style == style).count() >= 2, "{style}");
        }
        for preset in &presets {
            let same_name = presets.iter().filter(|other| other.name == preset.name).count();
            assert_eq!(same_name, 1, "{}", preset.name);
            parse(&preset.prompt).unwrap_or_else(|error| panic!("{}: {error}", preset.name));
            assert!((0.0..=1.0).contains(&preset.variation) && (0.0..=1.0).contains(&preset.adherence));
            assert!((0..=BARS_MAX).contains(&preset.bars));
        }
    }

    /// As editors save it; and what is no file is not waited for.
    #[test]
    fn a_preset_that_an_editor_saved_is_listed() {
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        let preset = Preset { name: "Café".to_owned(), ..factory()[0].clone() };
        let path = save(folder.path(), &preset).expect("it can be written");
        let text = fs::read_to_string(&path).expect("it can be read");
        let wide = text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        for bytes in [[b"\xef\xbb\xbf", text.as_bytes()].concat(), [&b"\xff\xfe"[..], &wide].concat()] {
            fs::write(&path, bytes).expect("it can be written");
            assert_eq!(list(folder.path()), std::slice::from_ref(&preset));
        }
        fs::create_dir(folder.path().join("folder.json")).expect("it can be made");
        #[cfg(unix)]
        {
            let pipe = folder.path().join("pipe.json");
            assert!(std::process::Command::new("mkfifo").arg(pipe).status().expect("a program").success());
        }
        assert_eq!(list(folder.path()), [preset]);
    }

    #[test]
    fn a_users_preset_is_kept_replaced_and_listed() {
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        let place = folder.path().join("deep").join("down");
        let mut preset = Preset { name: "Mine / über?".to_owned(), ..factory()[0].clone() };
        let path = save(&place, &preset).expect("it can be written");
        assert_eq!(path.file_name().and_then(|name| name.to_str()), Some("mine---über.json"));
        preset.bars = 16;
        save(&place, &preset).expect("it can be replaced");
        fs::write(place.join("broken.json"), "{").expect("it can be written");
        assert_eq!(list(&place), [preset.clone()]);
        assert_eq!(fs::read_dir(&place).expect("it is there").count(), 2, "nothing else is left");
        let other = Preset { name: "Other".to_owned(), ..preset.clone() };
        save(&place, &other).expect("it can be written");
        fs::rename(place.join("other.json"), place.join("renamed.json")).expect("it can be renamed");
        delete(&place, &other).expect("it can be removed");
        delete(&place, &other).expect("it is gone already");
        assert_eq!(list(&place), [preset.clone()]);
        // Windows does not allow files with these names, whatever their extension.
        for name in ["con", "NUL", "aux", "Com1"] {
            let device = Preset { name: name.to_owned(), ..preset.clone() };
            let path = save(&place, &device).expect("it can be written");
            assert_eq!(read(&path).as_ref(), Some(&device));
            delete(&place, &device).expect("it can be removed");
        }
        preset.name = " /// ".to_owned();
        assert!(matches!(save(&place, &preset), Err(PresetError::Name)));
        assert!(list(&place.join("nowhere")).is_empty());
    }
}
