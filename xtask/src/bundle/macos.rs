//! What macOS wants in a bundle besides the binary: a property list, and a signature.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::NAMES;
use crate::command;

/// The oldest macOS that the pinned ONNX Runtime runs on.
pub const OLDEST_SYSTEM: &str = "14.0";
/// Name of a certificate in the keychain, such as "Developer ID Application: ...". Without it bundles are signed ad hoc: macOS then
/// loads what was built on the same machine, and asks about what was downloaded.
const IDENTITY: &str = "RESONANTGEN_SIGNING_IDENTITY";

/// Writes `Info.plist` and `PkgInfo` into a bundle.
///
/// # Errors
/// Returns an error if they cannot be written.
pub fn describe(bundle: &Path) -> Result<()> {
    let contents = bundle.join("Contents");
    let describe = || format!("cannot write to {}", contents.display());
    fs::create_dir_all(&contents).with_context(describe)?;
    // Each format has an identifier of its own, or the system takes one for the other.
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
</dict>
</plist>
"#
    )
}

/// The command that signs a bundle with everything in it.
pub fn signing(bundle: &Path) -> Command {
    let identity = std::env::var_os(IDENTITY).filter(|name| !name.is_empty());
    let mut command = Command::new("codesign");
    command.args(["--force", "--deep", "--sign"]);
    match identity {
        // What notarisation asks for.
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
