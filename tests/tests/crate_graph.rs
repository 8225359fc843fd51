//! The crates depend on each other as drawn in ARCHITECTURE.md, and external crates appear only where they belong.
#![cfg(unix)] // the sources are the same on every system, and cargo knows them here

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use resonantgen_tests::root;
use serde_json::Value;

/// External crates that only one of our crates may depend on, listed by that crate.
const RESERVED: &[(&str, &[&str])] = &[
    ("ort", &["models"]),
    ("symphonia", &["import"]),
    ("rtrb", &["playback", "plugin"]),
    ("egui", &["plugin"]),
    ("nice-plug", &["plugin"]),
    ("axum", &["server"]),
    ("hyper", &["server"]),
    ("tokio", &["server"]),
    ("clap", &["cli", "xtask"]),
    ("anyhow", &["cli", "xtask", "plugin", "tests"]),
];

/// Crates of the workspace that the picture leaves out: they test, measure or build the others.
const TOOLS: &[&str] = &["xtask", "tests", "benches"];

type Graph = BTreeMap<String, BTreeSet<String>>;

/// Each of our crates (short name) with its dependencies, except those of tests and build scripts.
fn dependencies() -> Graph {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--no-deps"])
        .current_dir(root())
        .output()
        .expect("cargo is there");
    assert!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let packages = metadata["packages"].as_array().expect("metadata lists packages");
    let text = |value: &Value| value.as_str().expect("a name").to_owned();
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("a list of dependencies");
            let normal = dependencies.iter().filter(|dependency| dependency["kind"].is_null());
            (
                short(&text(&package["name"])),
                normal.map(|dependency| short(&text(&dependency["name"]))).collect(),
            )
        })
        .collect()
}

fn short(package: &str) -> String {
    package.strip_prefix("resonantgen-").unwrap_or(package).to_owned()
}

/// The arrows among our own crates, without those that others imply.
fn arrows(all: &Graph) -> BTreeSet<(String, String)> {
    let own = |name: &String| all.contains_key(name) && !TOOLS.contains(&name.as_str());
    let reaches = |from: &String, to: &String| {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(name) = open.pop() {
            for next in all[name].iter().filter(|name| own(name)) {
                if next == to {
                    return true;
                }
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        false
    };
    let mut arrows = BTreeSet::new();
    for from in all.keys().filter(|name| own(name)) {
        let direct: Vec<&String> = all[from].iter().filter(|name| own(name)).collect();
        for to in &direct {
            if !direct.iter().any(|other| other != to && reaches(other, to)) {
                arrows.insert((from.clone(), (*to).clone()));
            }
        }
    }
    arrows
}

/// The arrows of the Mermaid picture in ARCHITECTURE.md.
fn drawn() -> BTreeSet<(String, String)> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("it is there");
    let (_, rest) = text.split_once("```mermaid\n").expect("ARCHITECTURE.md has a picture of the crates");
    let (picture, _) = rest.split_once("```").expect("the picture ends");
    let arrow = |line: &str| {
        let (from, to) = line.trim().split_once(" --> ")?;
        Some((from.to_owned(), to.to_owned()))
    };
    picture.lines().filter_map(arrow).collect()
}

#[test]
fn the_picture_of_the_crates_is_true() {
    let (real, drawn) = (arrows(&dependencies()), drawn());
    let list = |arrows: Vec<&(String, String)>| -> String {
        arrows.iter().map(|(from, to)| format!("    {from} --> {to}\n")).collect()
    };
    let (missing, wrong) = (list(real.difference(&drawn).collect()), list(drawn.difference(&real).collect()));
    assert!(
        missing.is_empty() && wrong.is_empty(),
        "the picture in ARCHITECTURE.md lacks\n{missing}and has, against Cargo.toml,\n{wrong}"
    );
}

#[test]
fn what_belongs_to_one_crate_is_used_by_no_other() {
    let mut found = Vec::new();
    for (name, dependencies) in dependencies() {
        for (reserved, allowed) in RESERVED {
            if dependencies.contains(*reserved) && !allowed.contains(&name.as_str()) {
                found.push(format!("{name} depends on {reserved}, which only {} may", allowed.join(", ")));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
