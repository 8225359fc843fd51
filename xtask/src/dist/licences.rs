//! The licence texts of everything shipped.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::shipped::Package;

/// Name prefixes of files with a licence, or with notices that a licence requires.
const NAMES: &[&str] = &["license", "licence", "copying", "notice", "unlicense", "copyright"];

/// One document: a list, then each text once with its crates, then the runtime's texts.
///
/// # Errors
/// Returns an error if a file cannot be read, or the runtime's texts are missing.
pub fn text(packages: &[Package], runtime: &Path) -> Result<String> {
    let mut document = String::from("The components of ResonantGen and their licences.\n\n");
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages.iter().filter(|package| !package.own) {
        let name = format!("{} {}", package.name, package.version);
        document += &format!("{name}: {}\n", package.licence);
        for text in texts_of(&package.folder)? {
            texts.entry(text).or_default().push(name.clone());
        }
    }
    document += "ONNX Runtime: MIT\nInter (font): OFL-1.1\nall-MiniLM-L6-v2 (network): Apache-2.0\n";
    let line = "=".repeat(78);
    for (text, names) in &texts {
        document += &format!("\n{line}\n{}\n{line}\n\n{}\n", names.join(", "), text.trim_end());
    }
    let beside = runtime.parent().context("the runtime's path has no parent folder")?;
    for (name, path) in [
        ("Inter", crate::root().join("assets/fonts/LICENSE-Inter.txt")),
        ("all-MiniLM-L6-v2 (the sentence model)", crate::root().join("models/text/LICENSE")),
        ("ONNX Runtime", beside.join("LICENSE")),
        ("ONNX Runtime, third parties", beside.join("ThirdPartyNotices.txt")),
    ] {
        let text = fs::read_to_string(&path).with_context(|| {
            format!("cannot read {}: delete .setup/onnxruntime and run `cargo xtask setup`", path.display())
        })?;
        document += &format!("\n{line}\n{name}\n{line}\n\n{}\n", text.trim_end());
    }
    Ok(document)
}

/// The licence texts in a crate's folder.
fn texts_of(folder: &Path) -> Result<Vec<String>> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
            path.is_file() && NAMES.iter().any(|start| name.starts_with(start))
        })
        .collect();
    paths.sort();
    paths.iter().map(|path| Ok(String::from_utf8_lossy(&fs::read(path)?).replace("\r\n", "\n"))).collect()
}
