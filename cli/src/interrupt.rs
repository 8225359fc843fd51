//! Ctrl-C: requests cancellation; the work then leaves everything unchanged.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

use crate::failure::Cancelled;

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C (and SIGTERM) is recorded instead of ending the program at once.
///
/// # Errors
/// Returns an error if the system refuses the handler.
pub fn listen() -> Result<()> {
    ctrlc::set_handler(|| REQUESTED.store(true, Ordering::Relaxed)).context("cannot listen for Ctrl-C")
}

/// Whether the user requested cancellation.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// Ends the command here if the user requested cancellation.
///
/// # Errors
/// Returns [`Cancelled`] if the user requested cancellation.
pub fn check() -> Result<()> {
    if requested() { Err(Cancelled.into()) } else { Ok(()) }
}
