//! Lays out the plugin bundles, with models and runtime inside or beside them.
//!
//! `target/bundled/` gets `ResonantGen.vst3` (a folder on every platform) and the CLAP. On Linux and Windows the CLAP is a
//! single file, so its models and runtime are beside it in `ResonantGen.resources`.

pub mod macos;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Context, Result, bail};

use crate::command;
use crate::setup::system::{self, Purpose};
use crate::setup::{runtime, windows};
use crate::target::{System, Target};
use crate::vst3_preset::{self, Preset};

/// What `bundler.toml` says of the plugin.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleNames {
    /// The plugin's name in file names.
    pub name: String,
    /// Bundle identifier on macOS.
    pub identifier: String,
}

/// Names of the bundles. Built into this program, so that a checkout cannot lack them.
pub static NAMES: LazyLock<BundleNames> = LazyLock::new(|| {
    let mut packages: BTreeMap<String, BundleNames> =
        toml::from_str(include_str!("../../bundler.toml")).expect("bundler.toml is well-formed");
    packages.remove("resonantgen-plugin").expect("bundler.toml names the plugin's package")
});

/// The plugin's name in file names.
pub fn plugin_name() -> &'static str {
    &NAMES.name
}

/// Folder beside the CLAP file.
pub const RESOURCES: &str = "ResonantGen.resources";

/// Builds the plugin and lays out its bundles; returns their folder. Debug builds abort when the audio thread allocates,
/// which the host tests rely on.
///
/// # Errors
/// Returns an error if the build fails, or files are missing or cannot be copied.
pub fn run(target: Target, release: bool) -> Result<PathBuf> {
    let runtime = if target == Target::HERE {
        system::ensure(Purpose::Build)?;
        runtime::ensure(target)?
    } else {
        windows::ensure()?
    };
    let profile = if release { "release" } else { "debug" };
    let mut words = if release {
        vec!["build", "--release", "--package", "resonantgen-plugin"]
    } else {
        [&["build"], crate::test::SCOPE].concat()
    };
    if target.system == System::Macos {
        if release && macos::is_wanted(macos::AUDIO_UNIT_WANTED) {
            words.extend(["--features", "auv2"]);
        }
        if macos::is_wanted(macos::UNIVERSAL_WANTED) {
            macos::build_universal(&words, profile)?;
            return lay_out_built(target, profile, &runtime);
        }
    }
    command::run(&mut target.cargo(words))?;
    lay_out_built(target, profile, &runtime)
}

/// Lays out the bundles of a plugin that has been built; returns their folder.
///
/// # Errors
/// Returns an error if files are missing or cannot be copied.
pub fn lay_out_built(target: Target, profile: &str, runtime: &Path) -> Result<PathBuf> {
    let library = target.folder(profile).join(target.system.library("resonantgen_plugin"));
    let folder = target.folder("bundled");
    lay_out_bundles(target, &library, runtime, &folder)?;
    Ok(folder)
}

/// Lays out the bundles in a folder.
fn lay_out_bundles(target: Target, library: &Path, runtime: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let vst3 = folder.join(format!("{}.vst3", plugin_name()));
    let contents = vst3.join("Contents");
    copy(library, &contents.join(vst3_binary(target)))?;
    let resources = contents.join("Resources");
    let presets = factory_presets()?;
    fill(&resources, runtime, &presets)?;
    write_presets(&presets, &folder.join(vst3_preset::FOLDER), vst3_preset::file)?;

    let clap = folder.join(format!("{}.clap", plugin_name()));
    if target.system == System::Macos {
        let contents = clap.join("Contents");
        copy(library, &contents.join("MacOS").join(plugin_name()))?;
        link_folder(&resources, &contents.join("Resources"))?;
        let mut bundles = vec![vst3.clone(), clap.clone()];
        if macos::is_wanted(macos::AUDIO_UNIT_WANTED) {
            let unit = folder.join(format!("{}.{}", plugin_name(), macos::AUDIO_UNIT));
            copy(library, &unit.join("Contents/MacOS").join(plugin_name()))?;
            link_folder(&resources, &unit.join("Contents/Resources"))?;
            bundles.push(unit);
        }
        for bundle in &bundles {
            macos::describe(bundle)?;
            if System::HERE == System::Macos {
                macos::sign(bundle)?;
            }
        }
    } else {
        copy(library, &clap)?;
        link_folder(&resources, &folder.join(RESOURCES))?;
    }
    println!("bundles: {} and {}", vst3.display(), clap.display());
    Ok(())
}

/// The plugin's file in a VST3 bundle, below `Contents` (VST3 SDK, "Plug-in Format Structure").
fn vst3_binary(target: Target) -> PathBuf {
    let name = plugin_name();
    match target.system {
        System::Macos => Path::new("MacOS").join(name),
        System::Windows => {
            // ARM64 is the one processor that the SDK spells differently from compilers.
            let processor = if target.processor == "aarch64" { "arm64" } else { target.processor };
            Path::new(&format!("{processor}-win")).join(format!("{name}.vst3"))
        }
        System::Linux => Path::new(&format!("{}-linux", target.processor)).join(format!("{name}.so")),
    }
}

/// Puts models and runtime into a resources folder.
fn fill(resources: &Path, library: &Path, presets: &[Preset]) -> Result<()> {
    let models = crate::root().join("models").join("resonant");
    if !models.join("manifest.json").is_file() {
        bail!("there are no models in {}", models.display());
    }
    let bundle = resources.join("bundle");
    if bundle.is_dir() {
        fs::remove_dir_all(&bundle).with_context(|| format!("cannot replace {}", bundle.display()))?;
    }
    copy_folder(&models, &bundle)?;
    // Optional, so that a checkout without it still builds a plugin.
    let sentences = crate::root().join("models").join("text");
    if sentences.join("manifest.json").is_file() {
        copy_folder(&sentences, &bundle.join("text"))?;
    }
    write_presets(presets, &resources.join("factory-presets"), clap_preset)?;
    let name = library.file_name().context("the runtime library has no name")?;
    let libraries = resources.join("runtime");
    runtime::remove_others(&libraries, name)?;
    copy(library, &libraries.join(name))
}

/// Duplicates a folder without using the disk twice: its files are hard-linked, or copied where that is impossible (another
/// disk). Each folder stays complete, whatever happens to the other.
///
/// # Errors
/// Returns an error if `from` cannot be read or `to` cannot be written.
pub fn link_folder(from: &Path, to: &Path) -> Result<()> {
    lay_out(from, to, link)
}

/// Links a file, or copies it.
fn link(from: &Path, to: &Path) -> Result<()> {
    let parent = to.parent().context("the path has no parent folder")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    let fresh = beside(to)?;
    // An interrupted copy may have left one.
    let _ = fs::remove_file(&fresh);
    if fs::hard_link(from, &fresh).is_err() {
        return copy(from, to);
    }
    fs::rename(&fresh, to).with_context(|| format!("cannot write {}", to.display()))?;
    // Renaming a link over another link to the same file leaves both.
    let _ = fs::remove_file(&fresh);
    Ok(())
}

/// The temporary name of a file, before it replaces `to`.
fn beside(to: &Path) -> Result<PathBuf> {
    let mut name = to.file_name().context("the path has no file name")?.to_owned();
    name.push(".new");
    Ok(to.with_file_name(name))
}

/// The factory presets.
fn factory_presets() -> Result<Vec<Preset>> {
    let source = crate::root().join("plugin").join("presets").join("factory.json");
    let describe = || format!("cannot read {}", source.display());
    serde_json::from_str(&fs::read_to_string(&source).with_context(describe)?).with_context(describe)
}

/// Writes presets to a folder, which is emptied first; `file` makes each preset's file name and bytes.
fn write_presets(presets: &[Preset], folder: &Path, file: fn(&Preset) -> (String, Vec<u8>)) -> Result<()> {
    let describe = || format!("cannot write presets to {}", folder.display());
    if folder.is_dir() {
        fs::remove_dir_all(folder).with_context(describe)?;
    }
    fs::create_dir_all(folder).with_context(describe)?;
    for (name, bytes) in presets.iter().map(file) {
        fs::write(folder.join(name), bytes).with_context(describe)?;
    }
    Ok(())
}

/// A preset as a file for CLAP hosts.
fn clap_preset(preset: &Preset) -> (String, Vec<u8>) {
    let name = preset.name.to_lowercase().replace(|letter: char| !letter.is_alphanumeric(), "-");
    (format!("{name}.json"), serde_json::to_vec(preset).expect("a preset is plain data"))
}

/// Copies a folder with its contents.
///
/// # Errors
/// Returns an error if `from` cannot be read or `to` cannot be written.
pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    lay_out(from, to, copy)
}

/// Puts every file of a folder and its subfolders at the same place in another folder.
fn lay_out(from: &Path, to: &Path, put: fn(&Path, &Path) -> Result<()>) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let path = entry?.path();
        let target = to.join(path.file_name().context("the path has no file name")?);
        if path.is_dir() {
            lay_out(&path, &target, put)?;
        } else {
            put(&path, &target)?;
        }
    }
    Ok(())
}

/// Copies a file, unless the copy already exists. The copy is written under a temporary name first: a host may have the old
/// one open.
///
/// # Errors
/// Returns an error if `from` cannot be read or `to` cannot be written.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let describe = || format!("cannot copy {} to {}", from.display(), to.display());
    let source = fs::metadata(from).with_context(describe)?;
    if let (Ok(target), Ok(changed)) = (fs::metadata(to), source.modified())
        && target.len() == source.len()
        && target.modified().is_ok_and(|copied| copied >= changed)
    {
        return Ok(());
    }
    let parent = to.parent().context("the path has no parent folder")?;
    fs::create_dir_all(parent).with_context(describe)?;
    let fresh = beside(to)?;
    fs::copy(from, &fresh).with_context(describe)?;
    fs::rename(&fresh, to).with_context(describe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_gets_the_layout_that_its_hosts_expect() {
        let place = tempfile::tempdir().expect("there is room");
        let library = place.path().join("library");
        let runtime = place.path().join("onnxruntime.lib");
        fs::write(&library, "a library").expect("a file");
        fs::write(&runtime, "a runtime").expect("a file");
        for (system, processor, files) in [
            (
                System::Linux,
                "x86_64",
                &["ResonantGen.vst3/Contents/x86_64-linux/ResonantGen.so", "ResonantGen.clap"][..],
            ),
            (
                System::Windows,
                "x86_64",
                &["ResonantGen.vst3/Contents/x86_64-win/ResonantGen.vst3", "ResonantGen.clap"],
            ),
            (
                System::Windows,
                "aarch64",
                &["ResonantGen.vst3/Contents/arm64-win/ResonantGen.vst3", "ResonantGen.clap"],
            ),
            (
                System::Macos,
                "aarch64",
                &[
                    "ResonantGen.vst3/Contents/MacOS/ResonantGen",
                    "ResonantGen.vst3/Contents/Info.plist",
                    "ResonantGen.vst3/Contents/PkgInfo",
                    "ResonantGen.clap/Contents/MacOS/ResonantGen",
                    "ResonantGen.clap/Contents/Info.plist",
                    "ResonantGen.clap/Contents/Resources/bundle/manifest.json",
                    "ResonantGen.clap/Contents/Resources/runtime/onnxruntime.lib",
                ],
            ),
        ] {
            // Only a Mac can sign.
            if system == System::Macos && System::HERE == System::Macos {
                continue;
            }
            let folder = place.path().join(format!("{}-{processor}", system.name()));
            let target = Target { system, processor, triple: None };
            lay_out_bundles(target, &library, &runtime, &folder).expect("laid out");
            for file in files.iter().chain(&["ResonantGen.vst3/Contents/Resources/bundle/manifest.json"]) {
                assert!(folder.join(file).is_file(), "{}: {file}", system.name());
            }
        }
    }

    #[test]
    fn linked_folders_are_whole_and_outlive_each_other() {
        let place = tempfile::tempdir().expect("there is room");
        let [one, two] = ["one", "two"].map(|name| place.path().join(name));
        fs::create_dir_all(one.join("deep")).expect("a folder");
        fs::write(one.join("deep/file"), "first").expect("a file");
        for _ in 0..2 {
            link_folder(&one, &two).expect("linked");
            let names: Vec<_> = fs::read_dir(two.join("deep")).expect("a folder").collect();
            assert_eq!(names.len(), 1, "nothing is left over");
        }
        // A new version replaces the file; the other folder keeps its own.
        fs::write(place.path().join("newer"), "second one").expect("a file");
        copy(&place.path().join("newer"), &one.join("deep/file")).expect("copied");
        assert_eq!(fs::read_to_string(two.join("deep/file")).expect("a file"), "first");
        link_folder(&one, &two).expect("linked again");
        fs::remove_dir_all(&one).expect("removed");
        assert_eq!(fs::read_to_string(two.join("deep/file")).expect("a file"), "second one");
    }
}
