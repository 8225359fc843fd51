//! Ctrl-C: asks the work to stop; the work then leaves everything as it was.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

use crate::failure::Cancelled;

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C (and a polite kill) is noted instead of ending the program at once.
///
/// # Errors
/// The system refused the handler.
pub fn listen() -> Result<()> {
    ctrlc::set_handler(|| REQUESTED.store(true, Ordering::Relaxed)).context("cannot listen for Ctrl-C")
}

/// Whether the user asked to stop.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// Ends the command here if the user asked to stop.
///
/// # Errors
/// [`Cancelled`] if so.
pub fn check() -> Result<()> {
    if requested() { Err(Cancelled.into()) } else { Ok(()) }
}
