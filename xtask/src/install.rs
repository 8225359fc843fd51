//! Copying the bundles into the user's plugin folders.

use anyhow::Result;

/// Bundles, optimised, and copies.
///
/// # Errors
/// The build or the copy failed.
pub fn run() -> Result<()> {
    crate::bundle::run(true).map(|_| ())
}
