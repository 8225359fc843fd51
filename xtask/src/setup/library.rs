//! Rust's standard library for other targets.
//!
//! rustup fetches it. If rustup is missing or cannot download, it is built from Debian's source package, which must have the
//! compiler's version.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::command;

/// Debian's suites that keep sources of recent compilers.
const SUITES: [&str; 2] = ["trixie-backports", "unstable"];
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Longest time that rustup may take.
const RUSTUP_LIMIT: Duration = Duration::from_secs(300);

/// The sysroot of the standard library that was built here.
fn own_sysroot(triple: &str) -> PathBuf {
    super::folder().join("rust").join(triple)
}

/// The compiler's flags with which it finds a standard library that was built here; `None` where it has its own.
pub fn flags(triple: &str) -> Option<OsString> {
    let own = own_sysroot(triple);
    is_library_in(&own, triple).then(|| {
        let mut flags = OsString::from("--sysroot=");
        flags.push(own);
        flags
    })
}

/// Makes sure that there is everything to build for a target: the standard library, and all crates. Build scripts ask for the crates of
/// the whole workspace, of which a build fetches only its own.
///
/// # Errors
/// Returns an error if rustup cannot provide the library and it cannot be built, or a crate cannot be fetched.
pub fn ensure(triple: &str) -> Result<()> {
    command::run(&mut command::cargo(["fetch", "--quiet", "--locked", "--target", triple]))
        .with_context(|| format!("the crates for {triple} cannot be fetched: is there a network?"))?;
    ensure_library(triple)
}

/// Makes sure that the compiler has a target's standard library.
fn ensure_library(triple: &str) -> Result<()> {
    let version = compiler_version()?;
    let own = own_sysroot(triple);
    let stamp = own.join("version.txt");
    if is_library_in(&own, triple) && fs::read_to_string(&stamp).is_ok_and(|built| built == version) {
        return Ok(());
    }
    let sysroot = command::output(Command::new(compiler()).args(["--print", "sysroot"]))?;
    if is_library_in(Path::new(&sysroot), triple) {
        return Ok(());
    }
    println!("setup: fetching Rust's standard library for {triple} with rustup (25 MB)");
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", triple]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Without rustup, or if rustup cannot download, the library is built.
    let _ = command::within(&mut rustup, RUSTUP_LIMIT);
    if is_library_in(Path::new(&sysroot), triple) {
        return Ok(());
    }
    println!(
        "setup: rustup gives none; building it from Debian's package of the sources of Rust {version} (45 MB, two minutes)"
    );
    build(&version, triple, &own)?;
    fs::write(&stamp, &version).with_context(|| format!("cannot write {}", stamp.display()))
}

fn is_library_in(sysroot: &Path, triple: &str) -> bool {
    let folder = sysroot.join("lib/rustlib").join(triple).join("lib");
    fs::read_dir(folder).is_ok_and(|mut files| files.any(|file| file.is_ok()))
}

/// Fetches the sources of the standard library, and builds them into a sysroot of their own.
fn build(version: &str, triple: &str, sysroot: &Path) -> Result<()> {
    let work = tempfile::tempdir_in(super::folder()).context("cannot create a folder for the sources")?;
    let package = fetch_sources(version, work.path())?;
    command::run(Command::new("dpkg-deb").arg("-x").arg(&package).arg(work.path().join("unpacked")))?;
    let sources = work.path().join(format!("unpacked/usr/src/rustc-{version}/library"));
    // Its dependencies are in the package.
    let vendored = "[source.crates-io]\nreplace-with = 'vendored'\n[source.vendored]\ndirectory = 'vendor'\n";
    fs::create_dir_all(sources.join(".cargo"))?;
    fs::write(sources.join(".cargo/config.toml"), vendored)?;
    let built = work.path().join("built");
    let mut build = command::cargo(["build", "--offline", "--profile", "dist", "--target", triple]);
    build
        .args(["--features", "panic-unwind backtrace", "--manifest-path", "sysroot/Cargo.toml"])
        .current_dir(&sources)
        .env("CARGO_TARGET_DIR", &built)
        // The library uses what only a compiler's own library may use.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("__CARGO_DEFAULT_LIB_METADATA", "stablestd")
        .env(
            format!("CARGO_TARGET_{}_RUSTFLAGS", triple.to_uppercase().replace('-', "_")),
            "-Zforce-unstable-if-unmarked -Cembed-bitcode=yes",
        );
    command::run(&mut build)?;

    let fresh = work.path().join("sysroot");
    let folder = fresh.join("lib/rustlib").join(triple).join("lib");
    fs::create_dir_all(&folder)?;
    for entry in fs::read_dir(built.join(triple).join("dist/deps"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rlib") {
            fs::copy(&path, folder.join(path.file_name().context("a library has a name")?))?;
        }
    }
    // What programs for Windows begin and end with.
    let frames: &[&str] = if triple.ends_with("windows-gnu") { &["rsbegin", "rsend"] } else { &[] };
    for name in frames {
        command::run(
            Command::new(compiler())
                .env("RUSTC_BOOTSTRAP", "1")
                .args(["--target", triple, "--emit=obj", "--crate-type=rlib", "-Copt-level=2"])
                .arg("-o")
                .arg(folder.join(format!("{name}.o")))
                .arg(sources.join(format!("rtstartup/{name}.rs"))),
        )?;
    }
    if sysroot.is_dir() {
        fs::remove_dir_all(sysroot).with_context(|| format!("cannot replace {}", sysroot.display()))?;
    }
    fs::create_dir_all(sysroot.parent().context("a sysroot lies in a folder")?)?;
    fs::rename(&fresh, sysroot).with_context(|| format!("cannot put {} in its place", sysroot.display()))
}

/// Fetches Debian's package of the compiler's sources with lists of its own, so that the system's stay as they are.
fn fetch_sources(version: &str, work: &Path) -> Result<PathBuf> {
    let signed = if Path::new(KEYRING).is_file() { format!("[signed-by={KEYRING}] ") } else { String::new() };
    let archive = debian_archive()?;
    let list: String = SUITES.iter().map(|suite| format!("deb {signed}{archive} {suite} main\n")).collect();
    let sources = work.join("sources.list");
    fs::write(&sources, list)?;
    for folder in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(work.join(folder))?;
    }
    let apt = |program: &str| {
        let mut apt = Command::new(program);
        for (option, value) in [
            ("Dir::Etc::sourcelist", sources.display().to_string()),
            ("Dir::Etc::sourceparts", "-".to_owned()),
            ("Dir::State::lists", work.join("lists").display().to_string()),
            ("Dir::Cache", work.join("cache").display().to_string()),
            ("APT::Sandbox::User", "root".to_owned()),
        ] {
            apt.arg("-o").arg(format!("{option}={value}"));
        }
        apt.current_dir(work);
        apt
    };
    command::run(apt("apt-get").args(["update", "-qq"]))?;
    let known = command::output(apt("apt-cache").args(["madison", "rust-src"]))?;
    let found = known
        .lines()
        .filter_map(|line| line.split('|').nth(1).map(str::trim))
        .find(|found| found.starts_with(&format!("{version}+")));
    let Some(found) = found else {
        bail!(
            "Debian has no rust-src of this compiler's version, {version} (in {}): install rustup, or a compiler that it has",
            SUITES.join(" and ")
        );
    };
    command::run(apt("apt-get").args(["download", "-qq", &format!("rust-src={found}")]))?;
    let files = fs::read_dir(work)?.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut packages = files.filter(|path| path.extension().is_some_and(|extension| extension == "deb"));
    packages.next().context("apt-get succeeded, but left no package")
}

/// Where this machine's apt finds Debian.
fn debian_archive() -> Result<String> {
    let format = "$(LABEL) $(REPO_URI)";
    let mut apt = Command::new("apt-get");
    let known = command::output(apt.args(["indextargets", "--format", format, "Created-By: Packages"]))?;
    let found = known.lines().find_map(|line| line.strip_prefix("Debian "));
    Ok(found.context("this system has no Debian to fetch Rust's sources from: install rustup")?.to_owned())
}

fn compiler() -> OsString {
    std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

/// The compiler's version, such as `1.95.0`.
fn compiler_version() -> Result<String> {
    let text = command::output(Command::new(compiler()).arg("-vV"))?;
    let release = text.lines().find_map(|line| line.strip_prefix("release: "));
    Ok(release.context("rustc does not report its version")?.to_owned())
}
