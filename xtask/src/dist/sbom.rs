//! The bill of materials: CycloneDX 1.5 as JSON (cyclonedx.org/docs/1.5/json).

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::sha256;
use super::shipped::Package;
use crate::setup::runtime::VERSION;

/// Lists crates, runtime, models and fonts.
///
/// # Errors
/// Returns an error if a file cannot be read.
pub fn document(packages: &[Package], runtime: &Path) -> Result<String> {
    let mut components: Vec<Value> = packages.iter().map(component).collect();
    components.push(json!({
        "type": "library",
        "name": "onnxruntime",
        "version": VERSION,
        "purl": format!("pkg:pypi/onnxruntime@{VERSION}"),
        "licenses": [{ "expression": "MIT" }],
        "hashes": hashes(runtime)?,
    }));
    for bundle in ["resonant", "text"] {
        components.extend(networks(&crate::root().join("models").join(bundle))?);
    }
    for font in ["Inter-Medium.otf", "Inter-SemiBold.otf"] {
        components.push(json!({
            "type": "file",
            "name": font,
            "licenses": [{ "expression": "OFL-1.1" }],
            "hashes": hashes(&crate::root().join("assets/fonts").join(font))?,
        }));
    }
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": crate::bundle::plugin_name(),
                "version": env!("CARGO_PKG_VERSION"),
                "licenses": [{ "expression": "MIT OR Apache-2.0" }],
            },
        },
        "components": components,
    });
    Ok(format!("{document:#}\n"))
}

/// The networks in a folder with a manifest.
fn networks(models: &Path) -> Result<Vec<Value>> {
    let manifest: Value = serde_json::from_str(&fs::read_to_string(models.join("manifest.json"))?)
        .context("the models' manifest is not JSON")?;
    let mut files: Vec<_> = fs::read_dir(models)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    files.sort();
    let network = |path: &std::path::PathBuf| {
        let mut component = json!({
            "type": "machine-learning-model",
            "group": manifest["id"],
            "name": path.file_name().unwrap_or_default().to_string_lossy(),
            "licenses": [{ "expression": manifest["licence"] }],
            "hashes": hashes(path)?,
        });
        if !manifest["version"].is_null() {
            component["version"] = manifest["version"].clone();
        }
        Ok(component)
    };
    files.iter().map(network).collect()
}

fn component(package: &Package) -> Value {
    let mut component = json!({
        "type": "library",
        "name": package.name,
        "version": package.version,
        "licenses": [{ "expression": package.licence }],
    });
    if !package.own {
        component["purl"] = format!("pkg:cargo/{}@{}", package.name, package.version).into();
    }
    component
}

fn hashes(path: &Path) -> Result<Value> {
    Ok(json!([{ "alg": "SHA-256", "content": sha256(path)? }]))
}
