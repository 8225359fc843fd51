//! The build target: this machine, or another system that can be built for from here.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::command;
use crate::setup::windows;

/// An operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    Linux,
    Macos,
    Windows,
}

impl System {
    /// The system that this program runs on.
    pub const HERE: Self = if cfg!(windows) {
        Self::Windows
    } else if cfg!(target_os = "macos") {
        Self::Macos
    } else {
        Self::Linux
    };

    /// Name used in file names, as in [`std::env::consts::OS`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Macos => "macos",
            Self::Windows => "windows",
        }
    }

    /// File name of a program.
    pub fn program(self, name: &str) -> String {
        format!("{name}{}", if self == Self::Windows { ".exe" } else { "" })
    }

    /// File name of a shared library.
    pub fn library(self, name: &str) -> String {
        match self {
            Self::Linux => format!("lib{name}.so"),
            Self::Macos => format!("lib{name}.dylib"),
            Self::Windows => format!("{name}.dll"),
        }
    }
}

/// Values of `--target`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Other {
    /// 64-bit Windows: cross-compiled with mingw-w64 and run under Wine, or built natively on Windows
    Windows,
    /// macOS: other systems can only check types
    Macos,
}

/// Settings of development builds for another system, of which only tests are run: dependencies are not optimised, except those
/// in which tests spend most of their time, and there is no debug information.
const QUICK_TO_BUILD: &[&str] =
    &["--config", "profile.dev.package.\"*\".opt-level=0", "--config", "profile.dev.debug=false"];

/// A build target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Operating system.
    pub system: System,
    /// Processor, as in [`std::env::consts::ARCH`].
    pub processor: &'static str,
    /// Target triple; `None` for this machine.
    pub triple: Option<&'static str>,
}

impl Target {
    /// This machine.
    pub const HERE: Self = Self { system: System::HERE, processor: std::env::consts::ARCH, triple: None };
    /// Windows, built on Linux.
    pub const WINDOWS: Self =
        Self { system: System::Windows, processor: "x86_64", triple: Some(windows::TRIPLE) };

    /// The target named by a flag.
    ///
    /// # Errors
    /// Returns an error if this machine cannot build for it.
    pub fn named(other: Option<Other>) -> Result<Self> {
        match (other, System::HERE) {
            (None, _) | (Some(Other::Windows), System::Windows) | (Some(Other::Macos), System::Macos) => {
                Ok(Self::HERE)
            }
            (Some(Other::Windows), System::Linux) if cfg!(target_arch = "x86_64") => Ok(Self::WINDOWS),
            (Some(Other::Windows), _) => bail!("building for Windows requires Windows, or Linux on x86-64"),
            (Some(Other::Macos), _) => bail!("building for macOS requires a Mac, which has Apple's SDK"),
        }
    }

    /// A cargo command that builds for this target.
    pub fn cargo<'a>(self, words: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = command::cargo(words);
        if let Some(triple) = self.triple {
            command.args(["--target", triple]).envs(windows::build_environment()).args(QUICK_TO_BUILD);
        }
        command
    }

    /// A folder of build outputs: `debug`, `release`, or a profile of the workspace.
    pub fn folder(self, name: &str) -> PathBuf {
        command::target(&match self.triple {
            Some(triple) => Path::new(triple).join(name).to_string_lossy().into_owned(),
            None => name.to_owned(),
        })
    }
}
