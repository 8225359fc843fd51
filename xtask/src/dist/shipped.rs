//! The crates that are part of the release.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command;

/// The shipped packages.
const ROOTS: &[&str] = &["resonantgen-plugin", "resonantgen-cli"];

/// A crate.
#[derive(Debug)]
pub struct Package {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// SPDX expression.
    pub licence: String,
    /// Folder of its sources.
    pub folder: PathBuf,
    /// Whether it belongs to this repository.
    pub own: bool,
}

/// The crates linked into `ROOTS` for a target, or for this machine, sorted by name; without build scripts and tests.
///
/// # Errors
/// Returns an error if `cargo metadata` fails.
pub fn packages(triple: Option<&str>) -> Result<Vec<Package>> {
    let host = host()?;
    let triple = triple.unwrap_or(&host);
    let output =
        command::cargo(["metadata", "--format-version", "1", "--locked", "--filter-platform", triple])
            .output()
            .context("cannot start cargo")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    select(&serde_json::from_slice(&output.stdout).context("cargo metadata printed invalid JSON")?)
}

fn select(metadata: &Value) -> Result<Vec<Package>> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = list(&metadata["packages"]);
    let nodes = list(&metadata["resolve"]["nodes"]);
    let mut waiting: Vec<String> = all
        .iter()
        .filter(|package| ROOTS.contains(&package["name"].as_str().unwrap_or_default()))
        .map(|package| text(&package["id"]))
        .collect();
    if waiting.len() != ROOTS.len() {
        bail!("cargo metadata lacks one of {}", ROOTS.join(", "));
    }
    let mut found = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if !found.insert(id.clone()) {
            continue;
        }
        let node = nodes.iter().find(|node| node["id"] == id.as_str());
        for dependency in node.map(|node| list(&node["deps"])).unwrap_or_default() {
            // The kind null is a normal dependency; others are for building or testing only.
            if list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null()) {
                waiting.push(text(&dependency["pkg"]));
            }
        }
    }
    let mut packages: Vec<Package> = all
        .iter()
        .filter(|package| found.contains(package["id"].as_str().unwrap_or_default()))
        .map(|package| Package {
            name: text(&package["name"]),
            version: text(&package["version"]),
            licence: package["license"].as_str().unwrap_or("not stated").replace('/', " OR "),
            folder: PathBuf::from(text(&package["manifest_path"]))
                .parent()
                .map(Into::into)
                .unwrap_or_default(),
            own: package["source"].is_null(),
        })
        .collect();
    packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(packages)
}

/// The target triple this program was built for.
fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = std::process::Command::new(rustc).arg("-vV").output().context("cannot start rustc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not report its host platform")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::packages;

    #[test]
    fn what_is_linked_is_listed_and_what_is_not_is_not() {
        let packages = packages(None).expect("cargo metadata works");
        let has = |name: &str| packages.iter().any(|package| package.name == name);
        for name in ["resonantgen-plugin", "resonantgen-cli", "resonantgen-models", "ort", "hound", "clap"] {
            assert!(has(name), "{name} is missing");
        }
        for name in ["proptest", "resonantgen-tests", "xtask"] {
            assert!(!has(name), "{name} is not shipped");
        }
        assert!(packages.iter().all(|package| package.licence != "not stated" && package.folder.is_dir()));
    }
}
