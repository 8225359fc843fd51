//! Whether this user's programs generate on this machine or on a server.
//!
//! Stored in the platform's configuration folder, never in a project: projects are passed on, tokens must not be.

use directories::BaseDirs;
use std::io;
use std::path::{Path, PathBuf};

use resonantgen_project::{Audience, read_text, write_file};
use serde::{Deserialize, Serialize};

/// Environment variable that overrides the folder.
pub const FOLDER_VARIABLE: &str = "RESONANTGEN_CONFIG";
const FILE: &str = "server.json";
/// Most bytes of a file that people write here.
const MOST_BYTES: u64 = 16 << 20;

/// Where to generate.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Address of the server, like `studio.local:7878`; `None` generates on this machine.
    #[serde(default)]
    pub address: Option<String>,
    /// Token of the server.
    #[serde(default)]
    pub token: Option<String>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("address", &self.address)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .finish()
    }
}

/// Why the settings cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The system has no configuration folder.
    #[error("there is no folder for settings: set {FOLDER_VARIABLE} to one")]
    NoFolder,
    /// The file cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// Folder of the settings.
///
/// # Errors
/// Returns an error if the system has no configuration folder.
pub fn folder() -> Result<PathBuf, SettingsError> {
    if let Some(folder) = std::env::var_os(FOLDER_VARIABLE).filter(|value| !value.is_empty()) {
        return Ok(folder.into());
    }
    let folders = BaseDirs::new().ok_or(SettingsError::NoFolder)?;
    Ok(folders.config_dir().join("resonantgen"))
}

/// The texts of the user's own genres with their file names, sorted: the `.toml` files in `genres` in the settings folder. Empty
/// if there is no such folder.
///
/// # Errors
/// Returns an error if a file cannot be read.
pub fn own_genres(folder: &Path) -> Result<Vec<(String, String)>, SettingsError> {
    let folder = folder.join("genres");
    let files = match std::fs::read_dir(&folder) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(SettingsError::File { path: folder, source }),
    };
    let mut texts = Vec::new();
    for file in files {
        let path = file.map_err(|source| SettingsError::File { path: folder.clone(), source })?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = read_text(&path, MOST_BYTES)
                .map_err(|source| SettingsError::File { path: path.clone(), source })?;
            texts.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), text));
        }
    }
    texts.sort();
    Ok(texts)
}

impl Settings {
    /// Reads the settings of a folder. Without a file, this machine generates.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or parsed.
    pub fn load(folder: &Path) -> Result<Self, SettingsError> {
        let path = folder.join(FILE);
        let read = match read_text(&path, MOST_BYTES) {
            Ok(text) => serde_json::from_str(&text).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        };
        read.map_err(|source| SettingsError::File { path, source })
    }

    /// Writes the settings to a folder, readable by this user only.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written; the old one stays.
    pub fn save(&self, folder: &Path) -> Result<(), SettingsError> {
        let path = folder.join(FILE);
        let write = || {
            std::fs::create_dir_all(folder)?;
            let mut text = serde_json::to_vec_pretty(self)?;
            text.push(b'\n');
            write_file(&path, &text, Audience::Owner)
        };
        write().map_err(|source| SettingsError::File { path: path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_genres_are_the_toml_files_of_their_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(own_genres(folder.path()).expect("none"), []);
        std::fs::create_dir(folder.path().join("genres")).expect("a folder");
        for name in ["b.toml", "a.toml", "notes.txt"] {
            std::fs::write(folder.path().join("genres").join(name), name).expect("written");
        }
        let found = own_genres(folder.path()).expect("readable");
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a.toml", "b.toml"]);
    }

    /// Editors of Windows save as UTF-16, or put a byte order mark before UTF-8.
    #[test]
    fn what_people_write_is_read_as_their_editor_saved_it() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("genres")).expect("a folder");
        let genres = folder.path().join("genres/mine.toml");
        let settings = "{\"address\": \"m\u{fc}hle.local:7878\"}";
        let marked = |text: &str| [b"\xef\xbb\xbf", text.as_bytes()].concat();
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let wide = |text: &str| [&b"\xff\xfe"[..], &wide(text)].concat();
        for save in [&marked as &dyn Fn(&str) -> Vec<u8>, &wide] {
            std::fs::write(&genres, save("[genre.dub]")).expect("room");
            std::fs::write(folder.path().join(FILE), save(settings)).expect("room");
            assert_eq!(own_genres(folder.path()).expect("readable")[0].1, "[genre.dub]");
            let read = Settings::load(folder.path()).expect("readable");
            assert_eq!(read.address.as_deref(), Some("m\u{fc}hle.local:7878"));
        }
        std::fs::write(&genres, b"# caf\xe9").expect("room");
        assert!(own_genres(folder.path()).expect_err("Latin-1").to_string().contains("save it as UTF-8"));
    }

    /// Nobody writes into it, so that reading would wait for ever.
    #[test]
    #[cfg(unix)]
    fn a_named_pipe_among_the_settings_is_refused_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("genres")).expect("a folder");
        for name in ["genres/mine.toml", FILE] {
            let pipe = folder.path().join(name);
            assert!(std::process::Command::new("mkfifo").arg(pipe).status().expect("a program").success());
        }
        let genres = own_genres(folder.path()).expect_err("no file").to_string();
        assert!(genres.contains("mine.toml") && genres.contains("not a regular file"), "{genres}");
        assert!(Settings::load(folder.path()).is_err() && Settings::default().save(folder.path()).is_err());
    }

    #[test]
    fn settings_are_kept_for_their_owner_only() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(Settings::load(folder.path()).expect("none yet"), Settings::default());
        let settings = Settings {
            address: Some("studio.local:7878".to_owned()),
            token: Some("a-secret-of-mine".to_owned()),
        };
        settings.save(folder.path()).expect("room");
        assert_eq!(Settings::load(folder.path()).expect("kept"), settings);
        assert!(!format!("{settings:?}").contains("secret"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let path = folder.path().join(FILE);
            let mode = std::fs::metadata(path).expect("there").permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
        std::fs::write(folder.path().join(FILE), "{").expect("room");
        assert!(Settings::load(folder.path()).is_err());
    }
}
