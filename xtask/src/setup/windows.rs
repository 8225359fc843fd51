//! What building for Windows from Linux needs, and Wine to run it: packages alone.
//!
//! mingw-w64, Wine and NSIS come from the distribution, Rust's standard library as [`library`] says. ONNX Runtime is its Windows
//! wheel.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::system::{self, Purpose};
use super::{library, runtime};
use crate::target::Target;
use crate::{command, wine};

/// The target as compilers name it.
pub const TRIPLE: &str = "x86_64-pc-windows-gnu";
const COMPILER: &str = "x86_64-w64-mingw32-gcc-posix";
const COMPILER_CPP: &str = "x86_64-w64-mingw32-g++-posix";
const ARCHIVER: &str = "x86_64-w64-mingw32-ar";

/// Longest time that Wine may take to make its prefix.
const PREFIX_LIMIT: Duration = Duration::from_secs(180);
/// Written last into a prefix that is whole.
const STAMP: &str = "resonantgen-made";

/// Wine 8 lacks the system library that Rust's standard library takes random numbers from; Windows has it since version 10.
const PRNG_SOURCE: &str = "\
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length)
{
  while (length > 0)
  {
    ULONG part = length > 0x10000000 ? 0x10000000 : (ULONG)length;
    if (!SystemFunction036(data, part)) return FALSE;
    data += part;
    length -= part;
  }
  return TRUE;
}
";
const PRNG: &str = "bcryptprimitives.dll";

/// The Wine prefix: Windows's folders and registry, of this checkout only.
pub fn prefix() -> PathBuf {
    super::folder().join("wine")
}

/// Environment of cargo commands that build for Windows.
pub fn build_environment() -> Vec<(&'static str, OsString)> {
    let mut variables: Vec<(&str, OsString)> = vec![
        ("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", COMPILER.into()),
        ("CC_x86_64_pc_windows_gnu", COMPILER.into()),
        ("CXX_x86_64_pc_windows_gnu", COMPILER_CPP.into()),
        ("AR_x86_64_pc_windows_gnu", ARCHIVER.into()),
        // Otherwise the plugin would need mingw's libraries beside it.
        ("CXXSTDLIB_x86_64_pc_windows_gnu", "static:-bundle=stdc++".into()),
    ];
    variables
        .extend(library::flags(TRIPLE).map(|flags| ("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUSTFLAGS", flags)));
    variables
}

/// What is missing to build for Windows and to run it that needs rights to install it, as a sentence; `None` if nothing is.
pub fn obstacle() -> Option<String> {
    system::obstacle(Purpose::Windows)
}

/// Makes sure that all is there; returns the runtime library.
///
/// # Errors
/// Returns an error if a step fails; completed steps stay and are not repeated.
pub fn ensure() -> Result<PathBuf> {
    system::ensure(Purpose::Windows)?;
    let runtime = runtime::ensure(Target::WINDOWS)?;
    library::ensure(TRIPLE)?;
    ensure_prefix()?;
    Ok(runtime)
}

/// Makes sure that there is a Wine prefix that works.
fn ensure_prefix() -> Result<()> {
    let prefix = prefix();
    let version = command::output(Command::new("wine").arg("--version"))?;
    let stamp = prefix.join(STAMP);
    let is_whole = prefix.join("drive_c/windows/system32/kernel32.dll").is_file()
        && prefix.join("system.reg").is_file()
        && fs::read_to_string(&stamp).is_ok_and(|made| made == version);
    if is_whole {
        return Ok(());
    }
    println!("setup: making a Wine prefix in {} (700 MB on disk)", prefix.display());
    if prefix.is_dir() {
        wine::stop(&prefix);
        fs::remove_dir_all(&prefix).with_context(|| format!("cannot replace {}", prefix.display()))?;
    }
    let mut boot = wine::wine(&prefix);
    // No window: a message that waits for a click would never get one.
    boot.args(["wineboot", "--init"]).env_remove("DISPLAY").stdout(Stdio::null()).stderr(Stdio::null());
    if !command::within(&mut boot, PREFIX_LIMIT)?.is_some_and(|status| status.success()) {
        wine::stop(&prefix);
        bail!("Wine cannot make a prefix in {}: is there room on the disk?", prefix.display());
    }
    let system = prefix.join("drive_c/windows/system32");
    if !system.join(PRNG).is_file() {
        let source = prefix.join("prng.c");
        fs::write(&source, PRNG_SOURCE)?;
        command::run(
            Command::new(COMPILER)
                .args(["-O2", "-s", "-shared", "-nostdlib", "-Wl,-e,0", "-o"])
                .arg(system.join(PRNG))
                .arg(&source)
                .arg("-ladvapi32"),
        )?;
    }
    // The server writes the registry when it ends.
    wine::stop(&prefix);
    fs::write(&stamp, version).with_context(|| format!("cannot write {}", stamp.display()))
}
