//! The editor's appearance. It is the same in all projects, so it is stored in a file of its own.

use directories::BaseDirs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Theme, size, and the folder of the last import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Look {
    /// The light palette.
    pub light: bool,
    /// Zoom on top of the screen's own scale, in `1.0..=3.0`.
    pub zoom: f32,
    /// Folder of the last imported audio file.
    pub folder: Option<PathBuf>,
}

impl Default for Look {
    fn default() -> Self {
        Self { light: false, zoom: 1.0, folder: None }
    }
}

impl Look {
    /// Reads the file; the default if it is missing or unreadable.
    #[must_use]
    pub fn load() -> Self {
        let text = file().and_then(|path| std::fs::read(path).ok());
        let look: Self = text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        Self { zoom: if look.zoom.is_finite() { look.zoom.clamp(1.0, 3.0) } else { 1.0 }, ..look }
    }

    /// Writes the file. Errors are ignored: an unsaved appearance is not worth a notice.
    pub fn save(&self) {
        let Some(path) = file() else { return };
        let written = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        if let (Ok(()), Ok(text)) = (written, serde_json::to_vec_pretty(self)) {
            let _ = std::fs::write(path, text);
        }
    }
}

/// `resonantgen/editor.json` in the user's configuration folder.
fn file() -> Option<PathBuf> {
    Some(BaseDirs::new()?.config_dir().join("resonantgen").join("editor.json"))
}
