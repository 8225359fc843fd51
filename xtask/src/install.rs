//! Copies the bundles to the user's plugin folders.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::bundle::{RESOURCES, copy, copy_folder, link_folder, plugin_name};
use crate::target::Target;
use crate::vst3_preset;

/// Builds optimised bundles and copies them.
///
/// # Errors
/// Returns an error if the build or a copy fails.
pub fn run() -> Result<()> {
    let bundled = crate::bundle::run(Target::HERE, true)?;
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
        copy_folder(&source.join("Contents").join("MacOS"), &clap.join("Contents").join("MacOS"))?;
        copy(&source.join("Contents").join("Info.plist"), &clap.join("Contents").join("Info.plist"))?;
        link_folder(&resources, &clap.join("Contents").join("Resources"))?;
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
