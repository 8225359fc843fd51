//! Laying out the plugin bundles.

use std::path::PathBuf;

use anyhow::{Result, bail};

/// Builds the plugin and lays out its bundles; returns the folder that holds them.
///
/// # Errors
/// Not there yet.
pub fn run(release: bool) -> Result<PathBuf> {
    bail!("the plugin bundle is not there yet (release: {release})")
}
