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
mod target;
mod test;
mod vst3_preset;
mod wine;
mod words;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use flags::{Chore, Flags};
use target::Target;

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository").to_owned()
}

/// The files of the hosted workflows.
fn workflows() -> anyhow::Result<Vec<PathBuf>> {
    let folder = root().join(".github").join("workflows");
    let files = std::fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(files.filter(|path| path.extension().is_some_and(|ending| ending == "yml")).collect())
}

fn main() -> ExitCode {
    let result = match Flags::parse().chore {
        Chore::Setup(flags) => setup::run(&flags),
        Chore::Generate(flags) => generate::run(&flags),
        Chore::Bundle(flags) => {
            Target::named(flags.target).and_then(|target| bundle::run(target, flags.release)).map(|_| ())
        }
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
        Chore::Wine(flags) => match wine::run(&flags) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The commands in the steps of a workflow that begin with `cargo xtask`, with the values of its matrix put in.
    fn commands(workflow: &str) -> Vec<String> {
        let value =
            |line: &str, key: &str| Some(line.trim().strip_prefix(key)?.trim().trim_matches('"').to_owned());
        let flags: Vec<String> = workflow.lines().filter_map(|line| value(line, "flags:")).collect();
        let runs = workflow.lines().filter_map(|line| value(line.trim_start_matches([' ', '-']), "run:"));
        let ours = runs.filter(|line| line.starts_with("cargo xtask"));
        ours.flat_map(|line| match line.contains("${{ matrix.flags }}") {
            true => flags.iter().map(|flags| line.replace("${{ matrix.flags }}", flags)).collect(),
            false => vec![line],
        })
        .collect()
    }

    #[test]
    fn workflows_run_nothing_but_chores_that_exist() {
        let mut count = 0;
        for path in workflows().expect("there are workflows") {
            let text = std::fs::read_to_string(&path).expect("readable");
            for command in commands(&text) {
                count += 1;
                let words = command.split_whitespace().skip(1);
                Flags::try_parse_from(words)
                    .unwrap_or_else(|error| panic!("{}: {command}: {error}", path.display()));
            }
        }
        assert!(count >= 8, "only {count} commands were found");
    }
}
