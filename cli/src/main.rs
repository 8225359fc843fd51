//! `resonantgen`: the command-line twin of the plugin.
//!
//! Results go to stdout (with `--json` as one JSON document), everything else to stderr. Invalid input ends in one line
//! that says what to do; see [`failure`] for the exit codes.

mod args;
mod batch;
mod bench;
mod codec;
mod connect;
mod doctor;
mod evaluate;
mod export;
mod failure;
mod folder;
mod generate;
mod genres;
mod import;
mod interrupt;
mod lock;
mod maker;
mod mix;
mod open;
mod overview;
mod perform;
mod progress;
mod regenerate;
mod report;
mod section;
#[cfg(feature = "serve")]
mod serve;
mod show;
mod song;
mod sound;
mod take;
mod undo;
mod vary;
mod wave;

use std::process::ExitCode;

use args::Command;

fn main() -> ExitCode {
    let arguments = match args::read() {
        Ok(arguments) => arguments,
        // Help and version go to stdout; without arguments the whole help is printed.
        Err(error) if !error.use_stderr() || std::env::args_os().len() < 2 => {
            // If the terminal is gone, the error cannot be reported.
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
        Err(error) => {
            eprintln!("error: {}", args::one_line(&error));
            return ExitCode::from(2);
        }
    };
    let own_genres = genres::install();
    if let (Err(error), false) = (&own_genres, matches!(arguments.command, Command::Genres(_))) {
        eprintln!("warning: your own genres are left out: {}", failure::message(error));
    }
    let result = match arguments.command {
        Command::Generate(arguments) => generate::run(arguments),
        Command::Regenerate(arguments) => regenerate::run(&arguments),
        Command::Song(arguments) => song::run(&arguments),
        Command::Section(arguments) => section::run(&arguments),
        Command::Lock(arguments) => lock::run(&arguments, true),
        Command::Unlock(arguments) => lock::run(&arguments, false),
        Command::Import(arguments) => import::run(&arguments),
        Command::Undo(arguments) => undo::run(&arguments, undo::Direction::Back),
        Command::Redo(arguments) => undo::run(&arguments, undo::Direction::Forth),
        Command::Take(arguments) => take::run(&arguments),
        Command::Sound(arguments) => sound::run(&arguments),
        Command::Vary(arguments) => vary::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Show(arguments) => show::run(&arguments),
        Command::Codec(arguments) => codec::run(&arguments),
        Command::Mix(arguments) => mix::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Batch(arguments) => batch::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        #[cfg(feature = "serve")]
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Connect(arguments) => connect::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Genres(arguments) => own_genres.and_then(|()| genres::run(&arguments)),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", failure::message(&error));
            failure::exit_code(&error)
        }
    }
}
