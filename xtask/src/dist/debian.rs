//! A package for Debian and its relatives: everything under `/usr/lib/resonantgen`, plugins where hosts look.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::files_of;
use crate::bundle::plugin_name;
use crate::command;
use crate::vst3_preset;

/// Makes a package from a filled folder; returns its path.
///
/// # Errors
/// Returns an error if a file cannot be linked or written, or `dpkg-deb` fails.
pub fn package(dist: &Path, folder: &Path) -> Result<PathBuf> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let version = env!("CARGO_PKG_VERSION");
    let root = dist.join("debian");
    let home = root.join("usr/lib/resonantgen");
    for path in files_of(folder)? {
        let relative = path.strip_prefix(folder)?;
        let target = match relative.strip_prefix("plugins") {
            Ok(plugin) if plugin.starts_with(format!("{}.vst3", plugin_name())) => {
                root.join("usr/lib/vst3").join(plugin)
            }
            Ok(plugin) => match plugin.strip_prefix(vst3_preset::FOLDER) {
                Ok(preset) => root.join("usr/share/vst3/presets").join(vst3_preset::PLACE).join(preset),
                Err(_) => root.join("usr/lib/clap").join(plugin),
            },
            Err(_) => home.join(relative),
        };
        fs::create_dir_all(target.parent().context("the path has no parent folder")?)?;
        fs::hard_link(&path, &target).with_context(|| format!("cannot link {}", target.display()))?;
    }
    fs::create_dir_all(root.join("usr/bin"))?;
    #[cfg(unix)]
    std::os::unix::fs::symlink("../lib/resonantgen/bin/resonantgen", root.join("usr/bin/resonantgen"))?;
    fs::create_dir_all(root.join("DEBIAN"))?;
    fs::write(
        root.join("DEBIAN/control"),
        format!(
            "Package: resonantgen\nVersion: {version}\nArchitecture: {architecture}\nSection: sound\nPriority: optional\n\
             Maintainer: The ResonantGen developers <noreply@example.org>\n\
             Depends: libc6, libstdc++6, libx11-6, libx11-xcb1, libxcb1, libxcb-icccm4, libxcursor1, libgl1\n\
             Description: Turns words into four stems that loop\n \
             An instrument plugin (CLAP, VST3) and a command line that generate drums, bass, harmony and melody locally.\n"
        ),
    )?;
    let package = dist.join(format!("resonantgen_{version}_{architecture}.deb"));
    command::run(
        Command::new("dpkg-deb").args(["--root-owner-group", "-Zgzip", "--build"]).arg(&root).arg(&package),
    )?;
    fs::remove_dir_all(&root)?;
    Ok(package)
}
