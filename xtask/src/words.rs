//! Measures how well producers' prompts are understood.

use anyhow::Result;

use crate::command;
use crate::setup::runtime;
use crate::target::Target;

/// Prints the accuracy of each slot over the evaluation set in `tests/prompts`.
///
/// # Errors
/// Returns an error if setup or build fails, or the accuracy is below its minimum.
pub fn run() -> Result<()> {
    let runtime = runtime::ensure(Target::HERE)?;
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
