//! The parts of a bundle that macOS requires in addition to the binary: a property list and a signature.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::NAMES;
use crate::command;

/// The oldest macOS that the pinned ONNX Runtime runs on.
pub const OLDEST_SYSTEM: &str = "14.0";
/// Extension of Audio Units' bundles.
pub const AUDIO_UNIT: &str = "component";
/// Set to anything, an Audio Unit is built as well. It has not been tried on a Mac, so it is not built otherwise.
pub const AUDIO_UNIT_WANTED: &str = "RESONANTGEN_AUDIO_UNIT";
/// The Audio Unit's manufacturer and subtype. They must never change, because projects identify the plugin by them.
const AUDIO_UNIT_CODE: &str = "RsGn";
/// Name of a certificate in the keychain, such as "Developer ID Application: ...". Without it bundles are signed ad hoc: macOS
/// then loads bundles built on the same machine, and asks the user about downloaded ones.
const IDENTITY: &str = "RESONANTGEN_SIGNING_IDENTITY";

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

    /// Keys and values of the outermost dictionary, as far as they are texts.
    fn texts(list: &str) -> Vec<(String, String)> {
        let inside = |line: &str, tag: &str| {
            Some(
                line.trim().strip_prefix(&format!("<{tag}>"))?.strip_suffix(&format!("</{tag}>"))?.to_owned(),
            )
        };
        let lines: Vec<&str> = list.lines().collect();
        lines
            .windows(2)
            .filter_map(|pair| Some((inside(pair[0], "key")?, inside(pair[1], "string")?)))
            .collect()
    }

    #[test]
    fn each_format_has_a_list_of_its_own() {
        for format in ["vst3", "clap", AUDIO_UNIT] {
            let list = information(format);
            for tag in ["dict", "array", "key", "string"] {
                let count = |text: String| list.matches(&text).count();
                assert_eq!(count(format!("<{tag}>")), count(format!("</{tag}>")), "{format}: {tag}");
            }
            let texts = texts(&list);
            let value =
                |key: &str| texts.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
            assert_eq!(value("CFBundlePackageType"), Some("BNDL"));
            assert_eq!(value("CFBundleExecutable"), Some("ResonantGen"));
            assert_eq!(
                value("CFBundleIdentifier"),
                Some(format!("org.resonantgen.resonantgen.{format}").as_str())
            );
            assert_eq!(value("factoryFunction").is_some(), format == AUDIO_UNIT);
            // Four letters, one of them a capital: Apple reserves all-lower-case codes.
            let codes = ["type", "subtype", "manufacturer"].map(&value);
            assert!(codes.iter().flatten().all(|code| code.len() == 4));
        }
    }
}
