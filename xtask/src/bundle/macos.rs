//! The parts of a bundle that macOS requires in addition to the binary: a property list and a signature.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::NAMES;
use crate::command;
use crate::setup::library;
use crate::target::System;

/// The oldest macOS that the pinned ONNX Runtime runs on.
pub const OLDEST_SYSTEM: &str = "14.0";
/// Extension of Audio Units' bundles.
pub const AUDIO_UNIT: &str = "component";
/// Set to anything, an Audio Unit is built as well. It has not been tried on a Mac, so it is not built otherwise.
pub const AUDIO_UNIT_WANTED: &str = "RESONANTGEN_AUDIO_UNIT";
/// Set to anything, the plugin is built for Intel as well, into one file for both processors.
pub const UNIVERSAL_WANTED: &str = "RESONANTGEN_UNIVERSAL";
/// Apple silicon, and Intel.
pub const TRIPLES: [&str; 2] = ["aarch64-apple-darwin", "x86_64-apple-darwin"];
/// The Audio Unit's manufacturer and subtype. They must never change, because projects identify the plugin by them.
const AUDIO_UNIT_CODE: &str = "RsGn";
/// Name of a certificate in the keychain, such as "Developer ID Application: ...". Without it bundles are signed ad hoc: macOS
/// then loads bundles built on the same machine, and asks the user about downloaded ones.
const IDENTITY: &str = "RESONANTGEN_SIGNING_IDENTITY";

/// Whether a variable of the environment asks for something.
pub fn is_wanted(variable: &str) -> bool {
    std::env::var_os(variable).is_some()
}

/// Builds the plugin for both processors with a cargo command, and joins the libraries where one for this Mac alone would lie.
///
/// # Errors
/// Returns an error if there is no standard library for the other processor, a build fails, or `lipo` does.
pub fn build_universal(words: &[&str], profile: &str) -> Result<()> {
    for triple in TRIPLES {
        library::ensure(triple)?;
        command::run(command::cargo(words).args(["--target", triple]))?;
    }
    let name = System::Macos.library("resonantgen_plugin");
    let to = command::target(profile).join(&name);
    fs::create_dir_all(command::target(profile))
        .with_context(|| format!("cannot create {}", to.display()))?;
    command::run(&mut joining(&TRIPLES.map(|triple| command::target(triple).join(profile).join(&name)), &to))
}

/// The command that joins libraries for several processors.
fn joining(libraries: &[PathBuf], to: &Path) -> Command {
    let mut lipo = Command::new("lipo");
    lipo.arg("-create").args(libraries).arg("-output").arg(to);
    lipo
}

/// Writes `Info.plist` and `PkgInfo` into a bundle.
///
/// # Errors
/// Returns an error if they cannot be written.
pub fn describe(bundle: &Path) -> Result<()> {
    let contents = bundle.join("Contents");
    let describe = || format!("cannot write to {}", contents.display());
    fs::create_dir_all(&contents).with_context(describe)?;
    // Each format has its own identifier; otherwise the system would confuse them.
    let format = bundle.extension().unwrap_or_default().to_string_lossy().into_owned();
    fs::write(contents.join("Info.plist"), information(&format)).with_context(describe)?;
    fs::write(contents.join("PkgInfo"), "BNDL????").with_context(describe)
}

/// The property list of a format's bundle (Apple, "Information Property List").
fn information(format: &str) -> String {
    let name = &NAMES.name;
    let version = env!("CARGO_PKG_VERSION");
    let entries = [
        ("CFBundleDevelopmentRegion", "en"),
        ("CFBundleExecutable", name),
        ("CFBundleIdentifier", &format!("{}.{format}", NAMES.identifier)),
        ("CFBundleInfoDictionaryVersion", "6.0"),
        ("CFBundleName", name),
        ("CFBundlePackageType", "BNDL"),
        ("CFBundleShortVersionString", version),
        ("CFBundleSignature", "????"),
        ("CFBundleVersion", version),
        ("LSMinimumSystemVersion", OLDEST_SYSTEM),
    ];
    let entries: String = entries
        .iter()
        .map(|(key, value)| format!("  <key>{key}</key>\n  <string>{value}</string>\n"))
        .collect();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
{entries}  <key>NSHighResolutionCapable</key>
  <true/>
{components}</dict>
</plist>
"#,
        components = if format == AUDIO_UNIT { audio_components() } else { String::new() },
    )
}

/// The description of the component in an Audio Unit's property list (Apple, "Audio Unit Extensions", `AudioComponents`).
fn audio_components() -> String {
    let name = &NAMES.name;
    // In the system's format: one byte per number.
    let version = env!("CARGO_PKG_VERSION")
        .split('.')
        .fold(0_u32, |version, part| (version << 8) | part.parse::<u32>().unwrap_or(0));
    format!(
        "  <key>AudioComponents</key>
  <array>
    <dict>
      <key>name</key>
      <string>{name}: {name}</string>
      <key>description</key>
      <string>{name}</string>
      <key>manufacturer</key>
      <string>{AUDIO_UNIT_CODE}</string>
      <key>subtype</key>
      <string>{AUDIO_UNIT_CODE}</string>
      <key>type</key>
      <string>aumu</string>
      <key>version</key>
      <integer>{version}</integer>
      <key>factoryFunction</key>
      <string>GetPluginFactoryAUV2</string>
      <key>sandboxSafe</key>
      <false/>
    </dict>
  </array>
"
    )
}

/// The command that signs a bundle with everything in it.
pub fn signing(bundle: &Path) -> Command {
    let identity = std::env::var_os(IDENTITY).filter(|name| !name.is_empty());
    let mut command = Command::new("codesign");
    command.args(["--force", "--deep", "--sign"]);
    match identity {
        // Required for notarisation.
        Some(identity) => command.arg(identity).args(["--options", "runtime", "--timestamp"]),
        None => command.args(["-", "--timestamp=none"]),
    };
    command.arg(bundle);
    command
}

/// Signs a bundle.
///
/// # Errors
/// Returns an error if `codesign` is missing or fails.
pub fn sign(bundle: &Path) -> Result<()> {
    command::run(&mut signing(bundle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_for_both_processors_is_joined_of_two() {
        let libraries = TRIPLES.map(|triple| Path::new(triple).join("a.dylib"));
        assert_eq!(
            command::line(&joining(&libraries, Path::new("a.dylib"))),
            "lipo -create aarch64-apple-darwin/a.dylib x86_64-apple-darwin/a.dylib -output a.dylib"
        );
    }

    /// A property list as JSON, by Python's parser.
    #[cfg(unix)]
    fn parsed(list: &str) -> serde_json::Value {
        const SCRIPT: &str =
            "import json, plistlib, sys; json.dump(plistlib.loads(sys.argv[1].encode()), sys.stdout)";
        let text =
            command::output(Command::new("python3").args(["-c", SCRIPT, list])).expect("a property list");
        serde_json::from_str(&text).expect("JSON")
    }

    #[cfg(unix)]
    #[test]
    fn each_format_has_a_list_of_its_own() {
        for format in ["vst3", "clap", AUDIO_UNIT] {
            let list = parsed(&information(format));
            assert_eq!(list["CFBundlePackageType"], "BNDL");
            assert_eq!(list["CFBundleExecutable"], "ResonantGen");
            assert_eq!(list["CFBundleIdentifier"], format!("org.resonantgen.resonantgen.{format}"));
            assert_eq!(list["CFBundleShortVersionString"], env!("CARGO_PKG_VERSION"));
            assert_eq!(list["NSHighResolutionCapable"], true);
            let component = &list["AudioComponents"][0];
            assert_eq!(component.is_object(), format == AUDIO_UNIT);
            if format == AUDIO_UNIT {
                assert_eq!(
                    (&component["type"], &component["factoryFunction"]),
                    (&"aumu".into(), &"GetPluginFactoryAUV2".into())
                );
                // Four letters, one of them a capital: Apple reserves all-lower-case codes.
                for key in ["subtype", "manufacturer"] {
                    let code = component[key].as_str().expect("a code");
                    assert!(code.len() == 4 && code.chars().any(char::is_uppercase), "{code}");
                }
                assert!(component["version"].is_u64());
            }
        }
    }
}
