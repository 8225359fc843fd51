//! Every chore of the repository, starting from a bare clone. `cargo xtask --help` lists them.
//!
//! Each command runs the setup steps that it needs, and nothing is done twice.
#![allow(clippy::print_stdout, reason = "a chore talks to the person who runs it")]

mod audit;
mod bench;
mod bundle;
mod command;
mod dist;
mod evaluate;
mod flags;
mod fuzz;
mod generate;
mod golden;
mod install;
mod listen;
mod miri;
mod pictures;
mod sanitize;
mod setup;
mod test;
mod vst3_preset;
mod words;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use flags::{Chore, Flags};

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository").to_owned()
}

fn main() -> ExitCode {
    let result = match Flags::parse().chore {
        Chore::Setup(flags) => setup::run(&flags),
        Chore::Generate(flags) => generate::run(&flags),
        Chore::Bundle(flags) => bundle::run(flags.release).map(|_| ()),
        Chore::Install => install::run(),
        Chore::Dist(flags) => dist::run(&flags),
        Chore::Fuzz(flags) => fuzz::run(&flags),
        Chore::Sanitize => sanitize::run(),
        Chore::Miri => miri::run(),
        Chore::Audit => audit::run(),
        Chore::Test(flags) => test::run(&flags),
        Chore::Golden => golden::run(),
        Chore::Words => words::run(),
        Chore::Listen(flags) => listen::run(&flags),
        Chore::Pictures => pictures::run(),
        Chore::Bench(flags) => bench::run(&flags),
        Chore::Evaluate(flags) => evaluate::run(&flags),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
