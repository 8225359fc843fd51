//! The ONNX Runtime shared library, taken out of its official Python wheel.
//!
//! pip fetches the wheel by name, from wherever this machine's pip is configured to look; what arrives must have the
//! SHA-256 below, so the source does not matter.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::command;

/// Version of the runtime.
pub const VERSION: &str = "1.31.0";

/// The CPython whose wheel is pinned. Only the shared library is used, which is the same for all of them, so the local
/// Python's version does not matter.
const WHEEL_PYTHON: &str = "3.12";

/// A wheel to be fetched with pip.
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

/// Where the library of one platform comes from.
struct Source {
    /// The wheel that it lies in.
    wheel: Wheel,
    /// File name of the library, under `onnxruntime/capi/` in the wheel.
    library: &'static str,
    /// SHA-256 of the library.
    library_sha256: &'static str,
}

/// The wheel with the CPU alone.
const fn plain_wheel(platform: &'static str, sha256: &'static str, megabytes: u32) -> Wheel {
    Wheel { package: "onnxruntime", version: VERSION, platform, sha256, megabytes }
}

/// The source for the platform that xtask was built for.
const SOURCE: Option<Source> = if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
    Some(Source {
        wheel: plain_wheel(
            "manylinux_2_28_x86_64",
            "5e129d6c56abd53e659cb70f00a108d6824086470ff99c2e47a82e5786563db3",
            24,
        ),
        library: "libonnxruntime.so.1.31.0",
        library_sha256: "21901b1b02233484b80888c16f4f5473742f796bf5528d5d0c4073dbe9802001",
    })
} else if cfg!(all(target_os = "linux", target_arch = "aarch64")) {
    Some(Source {
        wheel: plain_wheel(
            "manylinux_2_28_aarch64",
            "35758d7606d578ec5b9d65f6e8a1f488013194c3f6097038a3223cb26d35ef9a",
            22,
        ),
        library: "libonnxruntime.so.1.31.0",
        library_sha256: "b79d2fcf36b8870f4b2da95784a6ad846c47f05511ffa7be409c79a44f9dc9a4",
    })
} else if cfg!(all(target_os = "macos", target_arch = "aarch64")) {
    Some(Source {
        wheel: plain_wheel(
            "macosx_14_0_arm64",
            "aaab9b3af536b06ca27ab5e35e3d429c97457ce76cf298af103f687e8b9975c0",
            21,
        ),
        library: "libonnxruntime.1.31.0.dylib",
        library_sha256: "ff52828ce7c6dd1aea99a5e9f5da9e2786e3d03e467fbf8b6893a4b624334920",
    })
} else if cfg!(all(windows, target_arch = "x86_64")) {
    Some(Source {
        wheel: plain_wheel(
            "win_amd64",
            "09d56445c1753e66e0912de69d3f0184016ad9a191dcd6925bf5dd570d2bfbe5",
            15,
        ),
        library: "onnxruntime.dll",
        library_sha256: "aa7737cc5c987286f09f6f12304fa786ea697b11b4ca7ab59a027ff4ce343a9c",
    })
} else if cfg!(all(windows, target_arch = "aarch64")) {
    Some(Source {
        wheel: plain_wheel(
            "win_arm64",
            "5c54a0eb7b2b4eef3eb9dcfaf82f5ce880db07288dc309574f6657e9da5cc754",
            15,
        ),
        library: "onnxruntime.dll",
        library_sha256: "acbab6ca6266f35d1215c4f1e91ef7fbaaf7cfae8fedcd4e355abca191976ea7",
    })
} else {
    None
};

/// Makes sure that the library is there and is the pinned one; returns its path.
///
/// # Errors
/// This platform has no official build, pip is missing or fails, or what it fetched is not the pinned wheel.
pub fn ensure() -> Result<PathBuf> {
    let Some(source) = SOURCE else {
        bail!(
            "ONNX Runtime {VERSION} has no official build for this platform: build it yourself and set RESONANTGEN_RUNTIME to the library"
        );
    };
    let folder = super::folder().join("onnxruntime");
    let library = folder.join(source.library);
    if library.is_file() {
        if sha256(&library)? == source.library_sha256 {
            return Ok(library);
        }
        println!("setup: {} is damaged and is fetched again", library.display());
    }
    println!(
        "setup: fetching ONNX Runtime {VERSION} with pip (a wheel of {} MB, of which the library is kept)",
        source.wheel.megabytes
    );
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let download = tempfile::tempdir_in(&folder).context("cannot create a folder for the download")?;
    let wheel = fetch(&source.wheel, download.path())?;
    extract(&wheel, &source, &folder)?;
    Ok(library)
}

/// Lets pip download the wheel into `folder`, and checks its hash; returns its file.
///
/// # Errors
/// pip is missing or fails, or what it fetched has another hash.
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

/// Takes the library and its licences out of the wheel; the library appears under its name only when complete.
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

/// Temporary files are private to their owner; a library is for everyone.
#[cfg(unix)]
pub(super) fn make_readable(file: &File) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.set_permissions(fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
pub(super) fn make_readable(_: &File) -> Result<()> {
    Ok(())
}

/// The pip of this machine, under whichever name it has.
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
