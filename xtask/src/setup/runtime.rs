//! The ONNX Runtime shared library, extracted from its official Python wheel.
//!
//! pip fetches the wheel by name, from wherever this machine's pip is configured to look. The file must have the SHA-256
//! below, so the source does not matter.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::command;
use crate::target::{System, Target};

/// Version of the runtime: the last whose official builds for Linux and macOS send nothing to their maker (onnxruntime
/// pull request 27379 is in 1.29).
pub const VERSION: &str = "1.28.0";

/// The CPython whose wheel is pinned. Only the shared library is used, which is the same for all of them, so the local
/// Python's version does not matter.
const WHEEL_PYTHON: &str = "3.12";

/// A wheel to fetch with pip.
pub(super) struct Wheel {
    /// Name of the package.
    pub(super) package: &'static str,
    /// Its version.
    pub(super) version: &'static str,
    /// pip's platform tag.
    pub(super) platform: &'static str,
    /// SHA-256 of the wheel.
    pub(super) sha256: &'static str,
    /// Size of the wheel in megabytes.
    pub(super) megabytes: u32,
}

/// Source of one platform's library.
struct Source {
    /// The wheel that contains it.
    wheel: Wheel,
    /// File name of the library, under `onnxruntime/capi/` in the wheel.
    library: &'static str,
    /// SHA-256 of the library.
    library_sha256: &'static str,
}

/// The wheel for the CPU only.
const fn plain_wheel(platform: &'static str, sha256: &'static str, megabytes: u32) -> Wheel {
    Wheel { package: "onnxruntime", version: VERSION, platform, sha256, megabytes }
}

/// The source for a target, if there is an official build.
const fn source(target: Target) -> Option<Source> {
    let is_arm = matches!(target.processor.as_bytes(), b"aarch64");
    let is_intel = matches!(target.processor.as_bytes(), b"x86_64");
    let (wheel, library, library_sha256) = match target.system {
        System::Linux if is_intel => (
            plain_wheel(
                "manylinux_2_28_x86_64",
                "0a83bdb70d143cede762b677789bf2a7acca54b3fb82565601d5c30695aa933c",
                19,
            ),
            "libonnxruntime.so.1.28.0",
            "aa4079d18f4ea7a5f3a94d80cd4bbe0f2740436626622d64d793803a20381083",
        ),
        System::Linux if is_arm => (
            plain_wheel(
                "manylinux_2_28_aarch64",
                "4e81a23df16e7acb9d51b06d30cc098e49315ef9180f97bc2221d167b4b04d9c",
                17,
            ),
            "libonnxruntime.so.1.28.0",
            "23a37c2994bc273e1d59a4f49af6cba5bf1cfbc29f04907ec27df375aba50a7d",
        ),
        System::Macos if is_arm => (
            plain_wheel(
                "macosx_14_0_arm64",
                "26ff0fdd06efb6c155bae95387a09db1a2be89c7a03e4d0bffd5a171cc2826da",
                19,
            ),
            "libonnxruntime.1.28.0.dylib",
            "cadd9517e089d197e5d381bc31813875eb8addce8712bac501645fea8008800c",
        ),
        System::Windows if is_intel => (
            plain_wheel("win_amd64", "c35064f9b3c43c81c5d5d282091401d0f1ff22796d93ccade4ea2ece5e137ab8", 14),
            "onnxruntime.dll",
            "3d6bd02dc137b9a1dfdac045a52b147ffb920bb06ab812b08fc8e14279859855",
        ),
        System::Windows if is_arm => (
            plain_wheel("win_arm64", "e02feeb0165c5f13b4cc954738078d59b90128516ac12b671ee24a530242bf02", 13),
            "onnxruntime.dll",
            "e651433cfe465292e80abf7b9624c181a749cd4f34e1770e34f18fa0196bba3e",
        ),
        System::Linux | System::Macos | System::Windows => return None,
    };
    Some(Source { wheel, library, library_sha256 })
}

/// Makes sure that the pinned library exists; returns its path.
///
/// # Errors
/// Returns an error if this platform has no official build, pip is missing or fails, or it did not fetch the pinned wheel.
pub fn ensure(target: Target) -> Result<PathBuf> {
    let Some(source) = source(target) else {
        bail!(
            "ONNX Runtime {VERSION} has no official build for this platform: build it yourself and set RESONANTGEN_RUNTIME to the library"
        );
    };
    // The engine looks into the first of them, so it holds nothing but this machine's own.
    let folder = super::folder().join(match target.triple {
        None => "onnxruntime".to_owned(),
        Some(_) => format!("onnxruntime-{}-{}", target.system.name(), target.processor),
    });
    let library = folder.join(source.library);
    remove_others(&folder, source.library.as_ref())?;
    if library.is_file() {
        if sha256(&library)? == source.library_sha256 {
            return Ok(library);
        }
        println!("setup: {} is damaged and is fetched again", library.display());
    }
    println!(
        "setup: fetching ONNX Runtime {VERSION} for {} with pip (a wheel of {} MB, of which the library is kept)",
        target.system.name(),
        source.wheel.megabytes
    );
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let download = tempfile::tempdir_in(&folder).context("cannot create a folder for the download")?;
    let wheel = fetch(&source.wheel, download.path())?;
    extract(&wheel, &source, &folder)?;
    Ok(library)
}

/// Removes libraries of other versions, which could be found instead.
///
/// # Errors
/// Returns an error if one cannot be removed.
pub fn remove_others(folder: &Path, library: &OsStr) -> Result<()> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().contains("onnxruntime") && name != library {
            fs::remove_file(entry.path())
                .with_context(|| format!("cannot remove {}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// Downloads the wheel to `folder` with pip, and checks its hash; returns the file.
///
/// # Errors
/// Returns an error if pip is missing or fails, or the file has a different hash.
pub(super) fn fetch(wheel: &Wheel, folder: &Path) -> Result<PathBuf> {
    let Wheel { package, version, platform, sha256: expected, .. } = wheel;
    let mut pip = pip()?;
    pip.args(["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"])
        .args(["--implementation", "cp", "--python-version", WHEEL_PYTHON, "--platform", platform])
        .arg("--dest")
        .arg(folder)
        .arg(format!("{package}=={version}"));
    command::run(&mut pip).with_context(|| {
        format!("pip could not fetch {package}: is there a network, or a pip mirror configured?")
    })?;
    let file = fs::read_dir(folder)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .context("pip succeeded, but left no wheel")?;
    let found = sha256(&file)?;
    if found != *expected {
        bail!("the wheel of {package} has SHA-256 {found}, expected {expected}: nothing was installed");
    }
    Ok(file)
}

/// Extracts the library and its licences from the wheel; the library appears under its name only when it is complete.
fn extract(wheel: &Path, source: &Source, folder: &Path) -> Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(wheel)?).context("the wheel is not a zip archive")?;
    let library = format!("onnxruntime/capi/{}", source.library);
    for (member, name) in [
        ("onnxruntime/LICENSE", "LICENSE"),
        ("onnxruntime/ThirdPartyNotices.txt", "ThirdPartyNotices.txt"),
        (library.as_str(), source.library),
    ] {
        let mut reader = archive.by_name(member).with_context(|| format!("the wheel has no {member}"))?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        io::copy(&mut reader, &mut file)
            .with_context(|| format!("cannot write {name} into {}", folder.display()))?;
        make_readable(file.as_file())?;
        if name == source.library && sha256(file.path())? != source.library_sha256 {
            bail!("the library in the ONNX Runtime wheel is not the pinned one: nothing was installed");
        }
        file.persist(folder.join(name))
            .with_context(|| format!("cannot put {name} into {}", folder.display()))?;
    }
    Ok(())
}

/// Makes a file readable by everyone; temporary files are private to their owner.
#[cfg(unix)]
pub(super) fn make_readable(file: &File) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.set_permissions(fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
pub(super) fn make_readable(_: &File) -> Result<()> {
    Ok(())
}

/// This machine's pip, under whichever name it has.
fn pip() -> Result<Command> {
    for words in
        [&["python3", "-m", "pip"][..], &["pip3"], &["pip"], &["python", "-m", "pip"], &["py", "-m", "pip"]]
    {
        let with = |last: &str| {
            let mut command = Command::new(words[0]);
            command.args(&words[1..]).args((!last.is_empty()).then_some(last));
            command
        };
        if command::succeeds(with("--version").stdin(Stdio::null())) {
            return Ok(with(""));
        }
    }
    bail!("pip is not there: install Python 3 with pip (Debian and Ubuntu: apt-get install python3-pip)")
}

/// SHA-256 of a file, in hex.
fn sha256(path: &Path) -> Result<String> {
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut buffer).with_context(|| format!("cannot read {}", path.display()))?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
