//! System packages: the libraries of the plugin's window, and for the tests a virtual screen, a host, and a browser for the
//! server's page. Linux only; other systems include theirs.

use std::process::Command;

use anyhow::{Result, bail};

use crate::command;

/// Purpose of packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Building the plugin.
    Build,
    /// Building and testing it.
    Tests,
    /// Running programs on an emulated processor.
    Emulation,
    /// Building for Windows, running it, and packing its installer.
    Windows,
}

/// Debian and Ubuntu packages that building the plugin needs.
const BUILD_PACKAGES: &[&str] = &[
    "g++",
    "libasound2-dev",
    "libgl1-mesa-dev",
    "libjack-jackd2-dev",
    "libx11-dev",
    "libx11-xcb-dev",
    "libxcb-dri2-0-dev",
    "libxcb-icccm4-dev",
    "libxcb1-dev",
    "libxcursor-dev",
    "libxkbcommon-dev",
    "libxkbcommon-x11-dev",
    "libxrandr-dev",
    "pkg-config",
    "python3-venv",
];
/// Further packages that its tests need.
const TEST_PACKAGES: &[&str] = &[
    "ardour",
    "at-spi2-core",
    "dbus",
    "gir1.2-atspi-2.0",
    "libgl1-mesa-dri",
    "libxml2-utils",
    "openbox",
    "python3-gi",
    "xvfb",
];

/// Packages that emulate a processor.
const EMULATION_PACKAGES: &[&str] = &["qemu-user"];

/// Packages that build for Windows, run it, and pack its installer.
const WINDOWS_PACKAGES: &[&str] =
    &["g++-mingw-w64-x86-64-posix", "gcc-mingw-w64-x86-64-posix", "nsis", "wine", "wine64"];

/// Package of a browser, for systems without any of [`BROWSERS`].
const BROWSER: &str = "chromium";
/// Browsers with the DevTools protocol.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

/// Missing packages; empty if there is no apt.
fn missing(purpose: Purpose) -> Vec<&'static str> {
    if !cfg!(target_os = "linux") || !command::succeeds(Command::new("dpkg-query").arg("--version")) {
        return Vec::new();
    }
    let wanted = match purpose {
        Purpose::Build => BUILD_PACKAGES.to_vec(),
        Purpose::Tests => [BUILD_PACKAGES, TEST_PACKAGES].concat(),
        Purpose::Emulation => EMULATION_PACKAGES.to_vec(),
        Purpose::Windows => WINDOWS_PACKAGES.to_vec(),
    };
    let mut missing: Vec<_> = wanted.into_iter().filter(|package| !installed(package)).collect();
    let starts = |name: &&str| command::succeeds(Command::new(name).arg("--version"));
    if purpose == Purpose::Tests && !BROWSERS.iter().any(starts) {
        missing.push(BROWSER);
    }
    missing
}

fn installed(package: &str) -> bool {
    Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}", package])
        .output()
        .is_ok_and(|output| output.stdout.starts_with(b"installed"))
}

/// Installs the missing packages if run as root, or on a CI machine with passwordless sudo; otherwise prints the command.
///
/// # Errors
/// Returns an error if packages are missing and could not be installed.
pub fn ensure(purpose: Purpose) -> Result<()> {
    let missing = missing(purpose);
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    let is_root = is_root();
    if !is_root && !is_ci_with_sudo() {
        bail!("system packages are missing; run: sudo apt-get install -y --no-install-recommends {list}");
    }
    let size = if purpose == Purpose::Windows { "1 GB on disk" } else { "some hundred MB on a bare system" };
    println!("setup: installing system packages with apt-get ({size}): {list}");
    let apt = |words: &[&str]| {
        let mut command = Command::new(if is_root { "env" } else { "sudo" });
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(words);
        command
    };
    command::run(&mut apt(&["update", "-qq"]))?;
    command::run(apt(&["install", "-y", "-qq", "--no-install-recommends"]).args(missing))
}

/// Whether this is a CI machine with passwordless sudo, such as GitHub's.
fn is_ci_with_sudo() -> bool {
    std::env::var_os("CI").is_some() && command::succeeds(Command::new("sudo").args(["-n", "true"]))
}

/// Whether this process may install system packages.
fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
