//! The editor in a real window, on a [`Screen`] of its own. Linux only.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::screen::{Picture, Program, Screen, is_near, key};

/// The window's width and height in pixels.
pub const SIZE: (usize, usize) = (980, 640);
const ACCENT: [u8; 3] = [0x6a, 0x58, 0xee];
const LIGHT_ACCENT: [u8; 3] = [0x57, 0x44, 0xdd];
/// Colour of the drums in the dark theme.
pub const DRUMS: [u8; 3] = [0xf2, 0xa5, 0x3a];
/// Colour of the melody in the dark theme.
pub const MELODY: [u8; 3] = [0x5c, 0xe6, 0xa8];
/// Colour of focus rings in the dark theme.
const FOCUS: [u8; 3] = [0xb3, 0xa9, 0xff];

/// A place in the window, in pixels.
pub type Place = (i16, i16);
const PROMPT: Place = (500, 63);
const PROMPT_EDGE: Place = (10, 63);
/// The Generate button.
pub const GENERATE: Place = (912, 63);
/// A corner of that button, beside its letters.
const GENERATE_EDGE: Place = (866, 63);
/// The Undo button.
pub const UNDO: Place = (170, 21);
/// The drums' lock.
pub const DRUMS_LOCK: Place = (36, 246);
/// A corner of it, beside its icon.
pub const DRUMS_LOCK_EDGE: Place = (27, 246);
/// The button that regenerates the bass.
pub const BASS_AGAIN: Place = (64, 345);
/// The middle of the bass's lane.
pub const BASS_LANE: Place = (600, 331);
/// The plugin's name.
pub const TITLE: Place = (80, 21);
/// The middle of the melody's lane.
pub const MELODY_LANE: Place = (600, 528);
/// A corner of the melody's lock, beside its icon.
pub const MELODY_LOCK_EDGE: Place = (27, 542);
/// Areas of the lanes: left, top, width, height.
const LANES: [[usize; 4]; 4] =
    [[236, 208, 720, 50], [236, 306, 720, 50], [236, 405, 720, 50], [236, 503, 720, 50]];
/// Index of the bass's lane.
pub const BASS: usize = 1;
const CHIPS: [usize; 4] = [10, 92, 900, 26];

/// A running editor with folders of its own.
#[derive(Debug)]
pub struct Editor {
    /// The standalone.
    pub program: Program,
    /// Folder of its settings and exports.
    pub folder: tempfile::TempDir,
    /// Its window.
    pub window: u32,
}

impl Editor {
    /// Starts the editor and waits until it is drawn; `look` is the stored appearance.
    ///
    /// # Panics
    /// Panics if it does not appear.
    #[must_use]
    pub fn start(screen: &Screen, standalone: &Path, look: Option<&str>) -> Self {
        Self::start_shown(screen, standalone, look, || screen.window("ResonantGen"))
    }

    /// As [`Self::start`]; `window` shows the window or finds it.
    ///
    /// # Panics
    /// Panics if it does not appear.
    #[must_use]
    pub fn start_shown(
        screen: &Screen,
        standalone: &Path,
        look: Option<&str>,
        window: impl FnOnce() -> u32,
    ) -> Self {
        let folder = tempfile::tempdir().expect("room for temporary files");
        if let Some(look) = look {
            std::fs::create_dir(folder.path().join("resonantgen")).expect("room");
            std::fs::write(folder.path().join("resonantgen/editor.json"), look).expect("room");
        }
        let mut command = Command::new(standalone);
        command
            .args(["--backend", "dummy"])
            .env("XDG_CONFIG_HOME", folder.path())
            .env("XDG_DATA_HOME", folder.path())
            .env("RESONANTGEN_CONFIG", folder.path())
            .env("RESONANTGEN_EXPORTS", folder.path().join("exports"));
        let program = screen.start(&mut command);
        let window = window();
        screen.wait_to_see(window, "the editor", |picture| picture.width == SIZE.0 && is_idle(picture));
        Self { program, folder, window }
    }

    /// The exported files of one kind.
    #[must_use]
    pub fn exported(&self, ending: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().join("exports")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == ending) {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }
}

/// Whether nothing is being generated: the button says "Generate".
#[must_use]
pub fn is_idle(picture: &Picture) -> bool {
    [ACCENT, LIGHT_ACCENT].iter().any(|accent| is_near(picture.at(GENERATE_EDGE), *accent))
}

/// The picture of a track's lane.
#[must_use]
pub fn lane(picture: &Picture, track: usize) -> Picture {
    picture.part(LANES[track])
}

/// Types another prompt and waits until it has been read.
pub fn type_prompt(screen: &Screen, window: u32, prompt: &str) {
    let before = screen.look(window).part(CHIPS);
    screen.click(window, PROMPT);
    screen.wait_to_see(window, "the cursor", |picture| is_near(picture.at(PROMPT_EDGE), FOCUS));
    screen.press(&[key::CONTROL], u32::from('a'));
    screen.type_text(prompt);
    screen.wait_to_see(window, "other chips", |picture| picture.part(CHIPS).difference(&before) > 0.02);
}
