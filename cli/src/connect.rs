//! `resonantgen connect`: whether the plugin generates on this machine or on a server.

use std::process::ExitCode;

use anyhow::Result;
use resonantgen_server::settings::{Settings, folder};

use crate::args::Connect;
use crate::maker;
use crate::report::print;

/// Stores or shows the setting. Checks first that the server can be reached.
///
/// # Errors
/// Returns an error if the server does not answer or rejects the token, or if the setting cannot be read or written.
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
        print(&format!("the plugin generates on {address}, and on this machine while it does not answer\n"))?;
    } else {
        match Settings::load(&folder)?.address {
            Some(address) => print(&format!("the plugin generates on {address}\n"))?,
            None => print("the plugin generates on this machine\n")?,
        }
    }
    Ok(ExitCode::SUCCESS)
}
