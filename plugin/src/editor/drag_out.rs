//! Dragging files out of the window: to the host's timeline, a file manager, or any program that accepts files.
//!
//! The files exist before the drag begins. Each system implements one function: XDND on X11, OLE on Windows. Elsewhere nothing is
//! dragged; the file's path is copied to the clipboard instead, which is also how the keyboard does it everywhere.

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

/// The system's handle of the editor's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceWindow(#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "X11's"))] pub u32);

/// How a drag ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "not every system tells all of them"))]
pub enum Outcome {
    /// A program accepted the files.
    Taken,
    /// The button was released where files are not accepted, or Esc was pressed.
    Refused,
    /// The program under the pointer did not answer in time.
    Silent,
}

/// Why files cannot be dragged.
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

/// Drags existing files until the button is released, and returns how that ended. The mouse button must be down. Each wait for
/// another program is bounded, but the call blocks, so use a separate thread.
///
/// # Errors
/// Returns an error if the system refuses.
pub fn drag(window: SourceWindow, files: &[PathBuf]) -> Result<Outcome, DragOutError> {
    system::drag(window, files)
}

/// The files as `text/uri-list` (RFC 2483).
#[must_use]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "X11's"))]
pub fn uri_list(files: &[PathBuf]) -> String {
    files.iter().map(|file| uri(file) + "\r\n").collect()
}

/// A file's URI (RFC 8089).
#[must_use]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "X11's"))]
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
