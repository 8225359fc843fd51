//! The factory presets for VST3 hosts: one file each, in a system folder.
//!
//! The format is the VST3 SDK's (`public.sdk/source/vst/vstpresetfile.cpp`): `VST3`, version 1 (i32), the class id in
//! hexadecimal digits, the offset of the chunk list (i64), the component's state, and the list: `List`, the number of chunks
//! (i32), and for each its id, offset and length (both i64). Integers are little-endian. The plugin's component is also its
//! controller, so there is one chunk.

use std::path::PathBuf;

use anyhow::{Context, Result};

#[path = "../../plugin/src/preset/format.rs"]
mod format;

pub use format::Preset;

/// The VST3's class id as the SDK writes it (`FUID::toString`), which is the same on all systems: clap-wrapper gives the bytes of
/// the id in another order on Windows, and the SDK turns them back. `tests/hosts/vst3_validator.cpp` compares it with the plugin's.
const CLASS_ID: &str = "2669F2592DA250CEB02FD2424CAE6EB6";
const HEAD_LENGTH: usize = 48;

/// Name of the folder beside the bundles.
pub const FOLDER: &str = "vst3-presets";
/// Vendor and plugin: hosts look for presets below these folders.
pub const PLACE: &str = "ResonantGen/ResonantGen";

/// A preset's file name and bytes.
pub fn file(preset: &Preset) -> (String, Vec<u8>) {
    let state = preset.to_state();
    let mut file = Vec::new();
    file.extend(b"VST3");
    file.extend(1_i32.to_le_bytes());
    file.extend(CLASS_ID.as_bytes());
    file.extend(((HEAD_LENGTH + state.len()) as i64).to_le_bytes());
    file.extend(&state);
    file.extend(b"List");
    file.extend(1_i32.to_le_bytes());
    file.extend(b"Comp");
    file.extend((HEAD_LENGTH as i64).to_le_bytes());
    file.extend((state.len() as i64).to_le_bytes());
    (format!("{}.vstpreset", preset.name), file)
}

/// The folder where this user's hosts look for presets (see "Preset locations" in the SDK's documentation).
///
/// # Errors
/// Returns an error if the variable for the user's folder is not set.
pub fn users_folder() -> Result<PathBuf> {
    let (variable, below) = if cfg!(windows) {
        ("USERPROFILE", "Documents/VST3 Presets")
    } else if cfg!(target_os = "macos") {
        ("HOME", "Library/Audio/Presets")
    } else {
        ("HOME", ".vst3/presets")
    };
    let home = std::env::var_os(variable).with_context(|| format!("the variable {variable} is not set"))?;
    Ok(PathBuf::from(home).join(below).join(PLACE))
}
