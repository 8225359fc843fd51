//! Copies the bundles to the user's plugin folders.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::bundle::{RESOURCES, copy, copy_folder, link_folder, macos, plugin_name};
use crate::target::Target;
use crate::vst3_preset;

/// Builds optimised bundles and copies them.
///
/// # Errors
/// Returns an error if the build or a copy fails; on Windows that happens while a DAW uses the plugin.
pub fn run() -> Result<()> {
    let bundled = crate::bundle::run(Target::HERE, true)?;
    let copied = copy_all(&bundled);
    if cfg!(windows) { copied.context("close your DAW and try again: it may use the plugin") } else { copied }
}

fn copy_all(bundled: &Path) -> Result<()> {
    let [clap_folder, vst3_folder] = plugin_folders()?;

    let vst3 = vst3_folder.join(format!("{}.vst3", plugin_name()));
    if vst3.is_dir() {
        fs::remove_dir_all(&vst3).with_context(|| format!("cannot replace {}", vst3.display()))?;
    }
    copy_folder(&bundled.join(format!("{}.vst3", plugin_name())), &vst3)?;
    println!("installed {}", vst3.display());

    // Each format has its own models and runtime, but the disk stores them once.
    let resources = vst3.join("Contents").join("Resources");
    let clap = clap_folder.join(format!("{}.clap", plugin_name()));
    let source = bundled.join(format!("{}.clap", plugin_name()));
    if source.is_dir() {
        copy_bundle(&source, &clap, &resources)?;
        let unit = format!("{}.{}", plugin_name(), macos::AUDIO_UNIT);
        if bundled.join(&unit).is_dir() {
            let place = clap_folder.with_file_name("Components").join(&unit);
            copy_bundle(&bundled.join(&unit), &place, &resources)?;
            println!("installed {}", place.display());
        }
    } else {
        copy(&source, &clap)?;
        link_folder(&resources, &clap_folder.join(RESOURCES))?;
    }
    println!("installed {}", clap.display());
    let presets = vst3_preset::users_folder()?;
    copy_folder(&bundled.join(vst3_preset::FOLDER), &presets)?;
    println!("installed {}", presets.display());
    println!("Rescan the plugins in your DAW. ResonantGen is an instrument.");
    Ok(())
}

/// Copies a bundle for macOS with its list and signature; its resources are linked to those that are installed already.
fn copy_bundle(from: &Path, to: &Path, resources: &Path) -> Result<()> {
    if to.is_dir() {
        fs::remove_dir_all(to).with_context(|| format!("cannot replace {}", to.display()))?;
    }
    let [from, to] = [from, to].map(|bundle| bundle.join("Contents"));
    for entry in fs::read_dir(&from).with_context(|| format!("cannot read {}", from.display()))? {
        let path = entry?.path();
        let name = path.file_name().context("the path has no file name")?;
        if name == "Resources" {
            link_folder(resources, &to.join(name))?;
        } else if path.is_dir() {
            copy_folder(&path, &to.join(name))?;
        } else {
            copy(&path, &to.join(name))?;
        }
    }
    Ok(())
}

/// The user's CLAP and VST3 folders.
fn plugin_folders() -> Result<[PathBuf; 2]> {
    let variable = |name: &str| {
        std::env::var_os(name).map(PathBuf::from).with_context(|| format!("the variable {name} is not set"))
    };
    Ok(if cfg!(target_os = "macos") {
        let plugins = variable("HOME")?.join("Library/Audio/Plug-Ins");
        [plugins.join("CLAP"), plugins.join("VST3")]
    } else if cfg!(target_os = "windows") {
        let common = variable("LOCALAPPDATA")?.join("Programs").join("Common");
        [common.join("CLAP"), common.join("VST3")]
    } else {
        let home = variable("HOME")?;
        [home.join(".clap"), home.join(".vst3")]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_for_macos_is_installed_with_its_signature() {
        let place = tempfile::tempdir().expect("room");
        let [built, installed, resources] =
            ["built", "installed", "shared"].map(|name| place.path().join(name));
        let parts =
            ["Info.plist", "PkgInfo", "MacOS/ResonantGen", "_CodeSignature/CodeResources", "Resources/a/b"];
        for part in parts {
            let file = built.join("Contents").join(part);
            fs::create_dir_all(file.parent().expect("a folder")).expect("room");
            fs::write(file, part).expect("room");
        }
        copy_folder(&built.join("Contents/Resources"), &resources).expect("room");
        // What an older version has left goes.
        fs::create_dir_all(installed.join("Contents/MacOS/old")).expect("room");
        copy_bundle(&built, &installed, &resources).expect("copied");
        for part in parts {
            assert_eq!(fs::read_to_string(installed.join("Contents").join(part)).expect("it is there"), part);
        }
        assert!(!installed.join("Contents/MacOS/old").exists());
    }
}
