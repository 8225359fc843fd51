//! The quality of the music.

use anyhow::Result;

use crate::command;
use crate::flags::Evaluate;
use crate::setup::runtime;

/// Builds the command line and lets it evaluate; the results are in `target/evaluation/` too unless `--out` says otherwise.
///
/// # Errors
/// Setup, build or evaluation failed.
pub fn run(flags: &Evaluate) -> Result<()> {
    let runtime = runtime::ensure()?;
    let program = crate::generate::build_cli()?;
    let mut evaluate = std::process::Command::new(program);
    evaluate.arg("evaluate");
    if !flags.rest.iter().any(|flag| flag == "--out" || flag.starts_with("--out=")) {
        evaluate.arg("--out").arg("target/evaluation");
    }
    command::run(evaluate.args(&flags.rest).env("RESONANTGEN_RUNTIME", runtime).current_dir(crate::root()))
}
