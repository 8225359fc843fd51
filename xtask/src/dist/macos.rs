//! The installer package for macOS: one component for each plugin format and one for the command line, for a person to choose from.
//!
//! `pkgbuild` and `productbuild` come with every Mac; elsewhere only the layout can be made. Not tried on a Mac yet.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::files_of;
use crate::bundle::{NAMES, macos, plugin_name};
use crate::command;

/// A part of the package.
struct Component {
    name: &'static str,
    title: &'static str,
    /// Where its files go, below the home folder or the system, as the person chooses.
    place: &'static str,
}

const COMPONENTS: [Component; 3] = [
    Component { name: "vst3", title: "VST3 plugin", place: "Library/Audio/Plug-Ins/VST3" },
    Component { name: "clap", title: "CLAP plugin", place: "Library/Audio/Plug-Ins/CLAP" },
    Component {
        name: "program",
        title: "Command line",
        place: "Library/Application Support/ResonantGen/program",
    },
];

/// Packs a filled folder; returns the package.
///
/// # Errors
/// Returns an error if a file cannot be written, or a tool fails.
pub fn package(dist: &Path, folder: &Path, name: &str) -> Result<PathBuf> {
    let work = dist.join("macos");
    lay_out(folder, &work)?;
    for step in packing(dist, name) {
        let mut step = step;
        command::run(&mut step)?;
    }
    fs::remove_dir_all(&work)?;
    Ok(dist.join(format!("{name}.pkg")))
}

/// Puts each component's files below a root of its own, and describes the package.
fn lay_out(folder: &Path, work: &Path) -> Result<()> {
    for component in &COMPONENTS {
        let root = work.join(component.name).join(component.place);
        for path in files_of(folder)? {
            let inside = path.strip_prefix(folder)?;
            let target = match (component.name, inside.strip_prefix("plugins")) {
                ("program", Err(_)) => root.join(inside),
                (format, Ok(plugin)) if plugin.starts_with(format!("{}.{format}", plugin_name())) => {
                    root.join(plugin)
                }
                _ => continue,
            };
            fs::create_dir_all(target.parent().context("the path has no parent folder")?)?;
            fs::hard_link(&path, &target)
                .or_else(|_| fs::copy(&path, &target).map(|_| ()))
                .with_context(|| format!("cannot write {}", target.display()))?;
        }
    }
    let description = work.join("distribution.xml");
    fs::write(&description, distribution()).with_context(|| format!("cannot write {}", description.display()))
}

/// What the installer shows (Apple, "Distribution Definition XML").
fn distribution() -> String {
    let identifier = &NAMES.identifier;
    let version = env!("CARGO_PKG_VERSION");
    let mut lines = String::new();
    let mut choices = String::new();
    for Component { name, title, .. } in &COMPONENTS {
        lines += &format!("    <line choice=\"{name}\"/>\n");
        choices += &format!(
            "  <choice id=\"{name}\" title=\"{title}\">\n    <pkg-ref id=\"{identifier}.{name}.pkg\" version=\"{version}\">{name}.pkg</pkg-ref>\n  </choice>\n"
        );
    }
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<installer-gui-script minSpecVersion="2">
  <title>{title} {version}</title>
  <options customize="allow" require-scripts="false" hostArchitectures="arm64"/>
  <domains enable_anywhere="false" enable_currentUserHome="true" enable_localSystem="true"/>
  <os-version min="{oldest}"/>
  <choices-outline>
{lines}  </choices-outline>
{choices}</installer-gui-script>
"#,
        title = plugin_name(),
        oldest = macos::OLDEST_SYSTEM,
    )
}

/// The commands that make the package of what was laid out.
fn packing(dist: &Path, name: &str) -> Vec<Command> {
    let work = dist.join("macos");
    let mut steps = Vec::new();
    for component in &COMPONENTS {
        let mut build = Command::new("pkgbuild");
        build
            .arg("--root")
            .arg(work.join(component.name))
            .args(["--identifier", &format!("{}.{}.pkg", NAMES.identifier, component.name)])
            .args(["--version", env!("CARGO_PKG_VERSION"), "--install-location", "/"])
            .arg(work.join(format!("{}.pkg", component.name)));
        steps.push(build);
    }
    let mut product = Command::new("productbuild");
    product
        .arg("--distribution")
        .arg(work.join("distribution.xml"))
        .arg("--package-path")
        .arg(&work)
        .arg(dist.join(format!("{name}.pkg")));
    steps.push(product);
    steps
}

/// The commands that sign and notarise a release.
pub fn signing(dist: &Path, name: &str) -> Vec<Command> {
    let folder = dist.join(name).join("plugins");
    let mut steps: Vec<Command> = ["vst3", "clap"]
        .map(|format| macos::signing(&folder.join(format!("{}.{format}", plugin_name()))))
        .into();
    steps.extend(packing(dist, name));
    let package = dist.join(format!("{name}.pkg"));
    let mut sign = Command::new("productsign");
    sign.args(["--sign", "DEVELOPER-ID-INSTALLER"])
        .arg(&package)
        .arg(dist.join(format!("{name}-signed.pkg")));
    let mut notarise = Command::new("xcrun");
    notarise
        .args(["notarytool", "submit", "--wait", "--keychain-profile", "NOTARY-PROFILE"])
        .arg(dist.join(format!("{name}-signed.pkg")));
    let mut staple = Command::new("xcrun");
    staple.args(["stapler", "staple"]).arg(dist.join(format!("{name}-signed.pkg")));
    steps.extend([sign, notarise, staple]);
    steps
}
