//! `resonantgen connect`: whether the plugin generates here or lets a server do it.

use std::process::ExitCode;

use anyhow::Result;
use resonantgen_server::settings::{Settings, folder};

use crate::args::Connect;
use crate::maker;
use crate::report::print;

/// Keeps or shows the setting. A server is asked first whether it is there.
///
/// # Errors
/// The server does not answer or let us in, or the setting cannot be kept.
pub fn run(arguments: &Connect) -> Result<ExitCode> {
    let folder = folder()?;
    if arguments.local {
        Settings::default().save(&folder)?;
        print("the plugin generates on this machine\n")?;
    } else if let Some(address) = &arguments.address {
        let remote = maker::reach(address, arguments.token.as_deref())?;
        let settings =
            Settings { address: Some(remote.address().to_owned()), token: arguments.token.clone() };
        settings.save(&folder)?;
        let address = remote.address();
        print(&format!("the plugin lets {address} generate, and this machine while it does not answer\n"))?;
    } else {
        match Settings::load(&folder)?.address {
            Some(address) => print(&format!("the plugin lets {address} generate\n"))?,
            None => print("the plugin generates on this machine\n")?,
        }
    }
    Ok(ExitCode::SUCCESS)
}
