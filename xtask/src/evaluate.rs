//! Measures the quality of the music.

use anyhow::Result;

use crate::command;
use crate::flags::Evaluate;
use crate::setup::runtime;
use crate::target::Target;

/// Builds the command line and runs its evaluation; results also go to `target/evaluation/` unless `--out` says otherwise.
///
/// # Errors
/// Returns an error if setup, build or evaluation fails.
pub fn run(flags: &Evaluate) -> Result<()> {
    let runtime = runtime::ensure(Target::HERE)?;
    let program = crate::generate::build_cli(Target::HERE, true)?;
    let mut evaluate = std::process::Command::new(program);
    evaluate.arg("evaluate");
    if !flags.rest.iter().any(|flag| flag == "--out" || flag.starts_with("--out=")) {
        evaluate.arg("--out").arg("target/evaluation");
    }
    command::run(evaluate.args(&flags.rest).env("RESONANTGEN_RUNTIME", runtime).current_dir(crate::root()))
}
