//! Helpers shared by the end-to-end tests.

#[cfg(target_os = "linux")]
pub mod drop_target;
#[cfg(target_os = "linux")]
pub mod editor;
pub mod listen;
pub mod needs;
pub mod program;
#[cfg(target_os = "linux")]
pub mod screen;
pub mod served;
pub mod skip;
pub mod stem;
#[cfg(target_os = "linux")]
pub mod wine;

use std::path::{Path, PathBuf};

/// The repository's root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository").to_owned()
}
