//! Files that are dragged out of the window: to the host's timeline, a file manager, any program that takes files.
//!
//! The files are there before the drag begins. Each system has an implementation of one function: XDND on X11,
//! OLE on Windows; elsewhere nothing is dragged, and the file's path is copied to the clipboard instead, which is also the
//! keyboard's way everywhere.

#[cfg(target_os = "windows")]
mod ole;
#[cfg(target_os = "linux")]
mod xdnd;

use std::path::{Path, PathBuf};

#[cfg(target_os = "windows")]
use ole as system;
#[cfg(target_os = "linux")]
use xdnd as system;

/// Systems without an implementation.
#[cfg(not(any(target_os = "linux", target_os = "windows")))]
mod system {
    use std::path::PathBuf;

    use super::{DragOutError, Outcome, SourceWindow};

    pub fn drag(_: SourceWindow, _: &[PathBuf]) -> Result<Outcome, DragOutError> {
        Err(DragOutError::new("copy the file's path instead"))
    }
}

/// The editor's window, as the system knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceWindow(#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "X11's"))] pub u32);

/// How a drag ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A program took the files.
    Taken,
    /// The button was released where nothing takes files, or Esc was pressed.
    Refused,
    /// The program under the pointer did not answer in time.
    Silent,
}

/// Why nothing can be dragged.
#[derive(Debug, thiserror::Error)]
#[error("files cannot be dragged here: {0}")]
pub struct DragOutError(String);

impl DragOutError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// Whether files can be dragged out on this system.
pub const IS_SUPPORTED: bool = cfg!(any(target_os = "linux", target_os = "windows"));

/// Drags existing files until the button is released, and returns how that ended. It waits for other programs, each time for a
/// bounded time: call it on a thread of its own. The mouse button is down.
///
/// # Errors
/// When the system refuses.
pub fn drag(window: SourceWindow, files: &[PathBuf]) -> Result<Outcome, DragOutError> {
    system::drag(window, files)
}

/// The files as `text/uri-list` (RFC 2483).
#[must_use]
pub fn uri_list(files: &[PathBuf]) -> String {
    files.iter().map(|file| uri(file) + "\r\n").collect()
}

/// A file's URI (RFC 8089).
#[must_use]
pub fn uri(file: &Path) -> String {
    let path = file.to_string_lossy().replace('\\', "/");
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "file:///" });
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~:".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_files_are_escaped() {
        assert_eq!(uri(Path::new("/music/a b#ö.wav")), "file:///music/a%20b%23%C3%B6.wav");
        assert_eq!(uri(Path::new("C:\\Music\\bass.wav")), "file:///C:/Music/bass.wav");
        let list = uri_list(&["/a.wav".into(), "/b.mid".into()]);
        assert_eq!(list, "file:///a.wav\r\nfile:///b.mid\r\n");
    }
}
