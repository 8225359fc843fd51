//! What building for Windows from Linux needs, and Wine to run it: packages alone.
//!
//! mingw-w64, Wine and NSIS come from the distribution, Rust's standard library as [`library`] says. ONNX Runtime is its Windows
//! wheel.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
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
/// On processors with AMX, Linux ends a process that uses tiles without having requested them. ONNX Runtime for Linux makes the request;
/// neither the one for Windows nor Wine does. This library is loaded into Wine's processes and makes it (`ARCH_REQ_XCOMP_PERM` for
/// `XFEATURE_XTILEDATA`, see Documentation/arch/x86/xstate.rst of Linux). On other processors Linux refuses, which changes nothing.
const TILES_SOURCE: &str = "\
#include <sys/syscall.h>
#include <unistd.h>
__attribute__((constructor)) static void ask(void)
{
#ifdef __x86_64__
  syscall(SYS_arch_prctl, 0x1023, 18);
#endif
}
";
/// The file of that library, in a prefix.
const TILES: &str = "tiles.so";
/// Where Windows keeps its libraries, in a prefix.
const SYSTEM_FOLDER: &str = "drive_c/windows/system32";

/// The Wine prefix: Windows's folders and registry, of this checkout only.
pub fn prefix() -> PathBuf {
    super::folder().join("wine")
}

/// The library that lets programs in a prefix use the processor's tiles.
pub fn tiles(prefix: &Path) -> PathBuf {
    prefix.join(TILES)
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
    let version = command::output(Command::new("wine").arg("--version"))
        .context("Wine does not start: install it (Debian and Ubuntu: apt-get install wine wine64)")?;
    let stamp = prefix.join(STAMP);
    if is_whole(&prefix, &version) {
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
    let prng = prefix.join(SYSTEM_FOLDER).join(PRNG);
    if !prng.is_file() {
        let source = prefix.join("prng.c");
        fs::write(&source, PRNG_SOURCE)?;
        command::run(
            Command::new(COMPILER)
                .args(["-O2", "-s", "-shared", "-nostdlib", "-Wl,-e,0", "-o"])
                .arg(&prng)
                .arg(&source)
                .arg("-ladvapi32"),
        )?;
    }
    let source = prefix.join("tiles.c");
    fs::write(&source, TILES_SOURCE)?;
    let library = tiles(&prefix);
    command::run(
        Command::new("cc").args(["-O2", "-s", "-shared", "-fPIC", "-o"]).arg(&library).arg(&source),
    )?;
    // The server writes the registry when it ends.
    wine::stop(&prefix);
    fs::write(&stamp, version).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Whether a prefix was made to its end by this version of Wine, and has lost nothing since that programs do not start without.
fn is_whole(prefix: &Path, version: &str) -> bool {
    let system = prefix.join(SYSTEM_FOLDER);
    system.join("kernel32.dll").is_file()
        && system.join(PRNG).is_file()
        && tiles(prefix).is_file()
        && prefix.join("system.reg").is_file()
        && fs::read_to_string(prefix.join(STAMP)).is_ok_and(|made| made == version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_that_is_broken_or_of_another_wine_is_made_again() {
        let place = tempfile::tempdir().expect("room");
        let prefix = place.path();
        let parts = ["system.reg", STAMP].map(|name| prefix.join(name));
        let system = prefix.join(SYSTEM_FOLDER);
        fs::create_dir_all(&system).expect("room");
        let parts: Vec<PathBuf> =
            parts.into_iter().chain(["kernel32.dll", PRNG].map(|name| system.join(name))).collect();
        let parts = [parts, vec![tiles(prefix)]].concat();
        for part in &parts {
            fs::write(part, "wine-8.0").expect("room");
        }
        assert!(is_whole(prefix, "wine-8.0"));
        assert!(!is_whole(prefix, "wine-9.0"));
        for part in &parts {
            fs::remove_file(part).expect("it is there");
            assert!(!is_whole(prefix, "wine-8.0"), "without {}", part.display());
            fs::write(part, "wine-8.0").expect("room");
        }
    }
}
