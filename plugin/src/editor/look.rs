//! The editor's appearance. It is the same in all projects, so it is stored in a file of its own.

use directories::BaseDirs;
use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::control::DEFAULT_EDITOR_SIZE;

/// Steps of the zoom that follows the window.
const STEP: f32 = 0.05;
/// Largest zoom.
const MOST_ZOOM: f32 = 3.0;

/// Theme, size, and the folder of the last import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Look {
    /// The light palette.
    pub light: bool,
    /// Zoom on top of the screen's own scale, in `1.0..=3.0`.
    pub zoom: f32,
    /// Whether everything is larger in a larger window.
    pub grows: bool,
    /// Folder of the last imported audio file.
    pub folder: Option<PathBuf>,
    /// Ids of favourite sounds.
    pub sounds: BTreeSet<String>,
    /// Names of favourite presets.
    pub presets: BTreeSet<String>,
}

impl Default for Look {
    fn default() -> Self {
        let none = BTreeSet::new;
        Self { light: false, zoom: 1.0, grows: true, folder: None, sounds: none(), presets: none() }
    }
}

impl Look {
    /// The zoom for a window of the given size in logical pixels. Half of a window's growth beyond the initial size enlarges
    /// everything; the other half gives more room.
    #[must_use]
    pub fn zoom_in(&self, [width, height]: [f32; 2]) -> f32 {
        let [usual_width, usual_height] = DEFAULT_EDITOR_SIZE.map(|length| length as f32);
        let larger = (width / usual_width).min(height / usual_height) / self.zoom - 1.0;
        // In steps, so that only a few font sizes are rendered.
        let growth = if self.grows { (larger / 2.0 / STEP).floor().max(0.0) * STEP } else { 0.0 };
        (self.zoom * (1.0 + growth)).min(MOST_ZOOM)
    }

    /// Reads the file; the default if it is missing or unreadable.
    #[must_use]
    pub fn load() -> Self {
        const MOST_BYTES: u64 = 1 << 16;
        let text = file().and_then(|path| resonantgen_project::read_text(&path, MOST_BYTES).ok());
        let look: Self = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        Self { zoom: if look.zoom.is_finite() { look.zoom.clamp(1.0, MOST_ZOOM) } else { 1.0 }, ..look }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_window_is_used_for_both_size_and_room() {
        let look = Look::default();
        assert_eq!(
            [[720.0, 540.0], [980.0, 640.0], [1_000.0, 900.0]].map(|size| look.zoom_in(size)),
            [1.0; 3]
        );
        assert!((look.zoom_in([1_960.0, 1_280.0]) - 1.5).abs() < 1e-6);
        assert_eq!(Look { grows: false, zoom: 1.25, ..Look::default() }.zoom_in([1_960.0, 1_280.0]), 1.25);
        assert!(Look { zoom: 2.0, ..Look::default() }.zoom_in([1_960.0, 1_280.0]) <= 2.0);
    }
}
