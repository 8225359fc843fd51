//! `resonantgen serve`: the engine over HTTP, for other programs.

use directories::BaseDirs;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use resonantgen_server::serve::{Config, Limits, Server, Token};

use crate::args::Serve;
use crate::failure::Usage;
use crate::maker::TOKEN_VARIABLE;
use crate::open;

/// Serves requests until Ctrl-C; a second Ctrl-C ends the program at once.
///
/// # Errors
/// Returns an error if the address, the data folder or the models cannot be used, or if the token is weak or missing.
pub fn run(arguments: &Serve) -> Result<ExitCode> {
    let token = arguments.token.clone().or_else(|| std::env::var(TOKEN_VARIABLE).ok());
    let token = token.map(|text| Token::new(&text)).transpose().map_err(|error| Usage(error.to_string()))?;
    if token.is_none() && !arguments.addr.ip().is_loopback() {
        let message = format!(
            "other machines can reach {}, so a token is needed: give at least 16 characters as --token or in {TOKEN_VARIABLE}",
            arguments.addr
        );
        return Err(Usage(message).into());
    }
    let engine = open::engine(&arguments.models)?;
    let config = Config {
        addr: arguments.addr,
        data: arguments.data.clone().unwrap_or_else(data_folder),
        token,
        hosts: arguments.hosts.clone(),
        limits: Limits::default(),
    };
    let data = config.data.clone();
    let server = Server::bind(config, Arc::new(engine))?;
    let stopper = server.stopper();
    let asked = AtomicBool::new(false);
    ctrlc::set_handler(move || {
        if asked.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        stopper.stop();
    })
    .context("cannot listen for Ctrl-C")?;

    eprintln!("sessions are stored in {}; press Ctrl-C to stop the server", data.display());
    // A reader that has gone away does not need the address.
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "http://{}/", server.addr()).and_then(|()| output.flush());
    drop(output);
    server.run()?;
    eprintln!("stopped; waiting jobs continue at the next start");
    Ok(ExitCode::SUCCESS)
}

/// `resonantgen/server` in the user's data folder.
fn data_folder() -> PathBuf {
    let base = BaseDirs::new().map(|folders| folders.data_local_dir().to_owned()).unwrap_or_default();
    base.join("resonantgen").join("server")
}
