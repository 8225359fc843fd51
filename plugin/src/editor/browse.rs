//! Finds a file by typing and clicking: the text is a path, and the entries of its folder are listed.

use directories::{BaseDirs, UserDirs};
use std::path::{Path, PathBuf};

/// Maximum number of listed entries.
const MOST: usize = 500;
/// Extensions of audio files that can be imported.
const ENDINGS: [&str; 7] = ["wav", "wave", "flac", "mp3", "ogg", "aif", "aiff"];

/// A folder or an audio file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Name without the folder.
    pub name: String,
    /// Whether it is a folder.
    pub is_folder: bool,
}

/// A typed path and its possible completions.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    /// The typed text.
    pub text: String,
    /// The folder that `entries` were read from.
    folder: Option<PathBuf>,
    entries: Vec<Entry>,
}

impl Browser {
    /// Starts in a folder.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        let mut browser = Self::default();
        browser.enter(folder);
        browser
    }

    /// The typed text as a path.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        path_of(&self.text)
    }

    /// Whether the path may be an audio file, as opposed to a folder.
    #[must_use]
    pub fn names_a_file(&self) -> bool {
        !self.text.trim().is_empty() && !self.path().is_dir()
    }

    /// The folder of the text, and the prefix of a name in it.
    fn place(&self) -> (PathBuf, String) {
        let path = self.path();
        let is_whole = self.text.trim_end().ends_with(std::path::is_separator);
        if is_whole || path.as_os_str().is_empty() {
            return (path, String::new());
        }
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        (path.parent().map(Path::to_path_buf).unwrap_or_default(), name)
    }

    /// Completions of the text: folders first, by name. Reads the folder if it has changed.
    pub fn matches(&mut self) -> Vec<Entry> {
        let (folder, beginning) = self.place();
        if self.folder.as_ref() != Some(&folder) {
            self.entries = list(&folder);
            self.folder = Some(folder);
        }
        let found = self.entries.iter().filter(|entry| {
            let name = entry.name.to_lowercase();
            // A complete name is shown among its neighbours.
            name.starts_with(&beginning)
                || self.entries.iter().any(|other| other.name.to_lowercase() == beginning)
        });
        found.take(MOST).cloned().collect()
    }

    /// Completes the path with an entry of [`matches`](Self::matches).
    pub fn choose(&mut self, entry: &Entry) {
        let path = self.folder.clone().unwrap_or_default().join(&entry.name);
        if entry.is_folder {
            self.enter(&path);
        } else {
            self.text = path.to_string_lossy().into_owned();
        }
    }

    /// Moves to the parent folder.
    pub fn leave(&mut self) {
        let (folder, _) = self.place();
        if let Some(above) = folder.parent() {
            self.enter(above);
        }
    }

    fn enter(&mut self, folder: &Path) {
        self.text = folder.to_string_lossy().into_owned();
        if !self.text.ends_with(std::path::is_separator) {
            self.text.push(std::path::MAIN_SEPARATOR);
        }
    }

    /// The folder of the path, where to start next time.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.place().0
    }
}

/// Converts a text to a path. Accepts what file managers copy, including `file://` addresses and quotes.
#[must_use]
pub fn path_of(text: &str) -> PathBuf {
    let text = text.trim().trim_matches(['"', '\'']);
    if let Some(address) = text.strip_prefix("file://") {
        return PathBuf::from(path_of_address(address, cfg!(windows)));
    }
    match (text.strip_prefix("~/"), home()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(text),
    }
}

/// The path in an address without its `file://` (RFC 8089).
fn path_of_address(address: &str, is_windows: bool) -> String {
    // The part before the first slash is the machine's name.
    let (machine, path) = address.split_at(address.find('/').unwrap_or(0));
    let path = decoded(path);
    if !is_windows {
        return path;
    }
    let windows = path.replace('/', "\\");
    match machine {
        // A drive follows the slash.
        "" | "localhost" => windows.trim_start_matches('\\').to_owned(),
        machine => format!("\\\\{machine}{windows}"),
    }
}

/// The folder to start in: the user's music folder.
#[must_use]
pub fn first_folder() -> PathBuf {
    let Some(folders) = UserDirs::new() else { return PathBuf::new() };
    let music = folders.audio_dir().filter(|music| music.is_dir());
    music.unwrap_or(folders.home_dir()).to_owned()
}

fn home() -> Option<PathBuf> {
    BaseDirs::new().map(|folders| folders.home_dir().to_owned())
}

/// Folders and audio files; empty if the folder cannot be read.
fn list(folder: &Path) -> Vec<Entry> {
    let Ok(found) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut entries: Vec<Entry> = found
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_string_lossy().into_owned();
            let is_folder = path.is_dir();
            (!name.starts_with('.') && (is_folder || is_audio(&path))).then_some(Entry { name, is_folder })
        })
        .collect();
    entries.sort_by_key(|entry| (!entry.is_folder, entry.name.to_lowercase()));
    entries
}

/// Whether a file has the extension of an audio file that can be imported.
#[must_use]
pub fn is_audio(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// Decodes percent escapes.
fn decoded(address: &str) -> String {
    let mut bytes = Vec::with_capacity(address.len());
    let mut rest = address.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let digits = others.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &others[2..];
            }
            None => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_clicks_and_by_typing() {
        let folder = tempfile::tempdir().expect("a folder");
        let loops = folder.path().join("Loops");
        std::fs::create_dir(&loops).expect("room");
        for name in ["beat.WAV", "bass.flac", "notes.txt", ".hidden.wav"] {
            std::fs::write(loops.join(name), "").expect("room");
        }
        let mut browser = Browser::at(folder.path());
        let names = |browser: &mut Browser| -> Vec<String> {
            browser.matches().into_iter().map(|entry| entry.name).collect()
        };
        assert_eq!(names(&mut browser), ["Loops"]);
        let entry = browser.matches()[0].clone();
        browser.choose(&entry);
        assert!(!browser.names_a_file());
        assert_eq!(names(&mut browser), ["bass.flac", "beat.WAV"]);
        browser.text.push_str("be");
        assert_eq!(names(&mut browser), ["beat.WAV"]);
        let entry = browser.matches()[0].clone();
        browser.choose(&entry);
        assert_eq!(browser.path(), loops.join("beat.WAV"));
        assert!(browser.names_a_file());
        assert_eq!(browser.folder(), loops);
        browser.leave();
        assert_eq!(browser.path(), folder.path());
    }

    #[test]
    fn addresses_of_files_are_paths_of_their_system() {
        for (address, unix, windows) in [
            ("/music/my%20l%C3%B6op.wav", "/music/my l\u{f6}op.wav", "music\\my l\u{f6}op.wav"),
            ("/C:/Users/J%C3%B6rg/a.wav", "/C:/Users/J\u{f6}rg/a.wav", "C:\\Users\\J\u{f6}rg\\a.wav"),
            ("localhost/C:/a.wav", "/C:/a.wav", "C:\\a.wav"),
            ("studio/share/a.wav", "/share/a.wav", "\\\\studio\\share\\a.wav"),
        ] {
            assert_eq!(path_of_address(address, false), unix, "{address}");
            assert_eq!(path_of_address(address, true), windows, "{address}");
        }
    }

    #[test]
    #[cfg(not(windows))]
    fn what_is_pasted_is_understood() {
        let path = path_of;
        assert_eq!(path(" \"/music/my loop.wav\" "), Path::new("/music/my loop.wav"));
        assert_eq!(path("file:///music/my%20l%C3%B6op.wav"), Path::new("/music/my l\u{f6}op.wav"));
        assert_eq!(path("file://localhost/music/a.wav"), Path::new("/music/a.wav"));
        assert_eq!(path("/music/100%.wav"), Path::new("/music/100%.wav"));
    }
}
