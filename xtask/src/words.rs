//! How much of what producers write is understood.

use anyhow::Result;

use crate::command;
use crate::setup::runtime;

/// Prints the accuracy of each slot over the evaluation set of `tests/prompts`.
///
/// # Errors
/// Setup or build failed, or the accuracy is below its floors.
pub fn run() -> Result<()> {
    let runtime = runtime::ensure()?;
    let test = [
        "test",
        "-q",
        "-p",
        "resonantgen-engine",
        "--test",
        "prompts",
        "--",
        "--nocapture",
        "--test-threads=1",
    ];
    command::run(command::cargo(test).env("RESONANTGEN_RUNTIME", runtime))
}
