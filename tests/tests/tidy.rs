//! Checks the sources for the invariants in ARCHITECTURE.md.
#![cfg(unix)] // the sources are the same on every system, and git lists them here

use std::path::{Path, PathBuf};
use std::process::Command;

use resonantgen_tests::root;
use serde_json::Value;

/// All files that are tracked or could be added to git, relative to the root.
fn tracked_files() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root())
        .output()
        .expect("git is there");
    assert!(output.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&output.stderr));
    let mut files: Vec<PathBuf> = output
        .stdout
        .split(|&byte| byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| PathBuf::from(String::from_utf8_lossy(name).into_owned()))
        .filter(|path| root().join(path).is_file())
        .collect();
    files.sort();
    files.dedup();
    assert!(files.len() > 50, "only {} files were found", files.len());
    files
}

/// Rust sources with their text.
fn rust_sources() -> Vec<(PathBuf, String)> {
    sources(&["rs"])
}

fn sources(extensions: &[&str]) -> Vec<(PathBuf, String)> {
    tracked_files()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|found| extensions.iter().any(|wanted| found == *wanted)))
        .map(|path| {
            let text = std::fs::read_to_string(root().join(&path)).expect("sources are UTF-8");
            (path, text)
        })
        .collect()
}

/// Lines of code that use a crate: `word::…` or `use word`.
fn users_of(word: &str, allowed: impl Fn(&Path) -> bool) -> Vec<String> {
    let path_use = format!("{word}::");
    let plain_use = format!("use {word};");
    let mut found = Vec::new();
    for (path, text) in rust_sources().iter().filter(|(path, _)| !allowed(path)) {
        for (number, line) in
            text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            let is_whole_word = |start: usize| {
                !line[..start]
                    .ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':')
            };
            let uses = line.match_indices(&path_use).any(|(start, _)| is_whole_word(start));
            if uses || line.contains(&plain_use) {
                found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    found
}

fn assert_none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

#[test]
fn only_the_runtime_module_sees_ort() {
    let allowed = |path: &Path| {
        path.starts_with("crates/models/src/runtime") || path == Path::new("crates/models/src/runtime.rs")
    };
    assert_none(&users_of("ort", allowed), "`ort` may be used in crates/models/src/runtime only");
}

#[test]
fn only_the_editor_sees_egui() {
    let allowed =
        |path: &Path| path.starts_with("plugin/src/editor") || path == Path::new("plugin/src/editor.rs");
    for word in ["egui", "nice_plug_egui"] {
        assert_none(&users_of(word, allowed), "egui may be used under plugin/src/editor only");
    }
}

#[test]
fn no_lock_is_in_reach_of_the_audio_thread() {
    let types = [
        "Mutex",
        "RwLock",
        "Condvar",
        "Barrier",
        "OnceLock",
        "LazyLock",
        "parking_lot",
        "crossbeam_channel",
        "mpsc",
    ];
    let is_audio =
        |path: &Path| path.starts_with("plugin/src/audio") || path.starts_with("crates/playback/src");
    let sources = rust_sources();
    let mut found = Vec::new();
    let mut files = 0;
    for (path, text) in sources.iter().filter(|(path, _)| is_audio(path)) {
        files += 1;
        for (number, line) in text.lines().enumerate() {
            if types.iter().any(|name| line.contains(name)) {
                found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(files >= 8, "only {files} files were looked at");
    assert_none(&found, "the audio side has no type that waits");
}

#[test]
fn anyhow_stays_in_programs() {
    let allowed = |path: &Path| {
        path.starts_with("cli")
            || path.starts_with("xtask")
            || path.starts_with("plugin/src/bin")
            || path.starts_with("tests")
    };
    assert_none(&users_of("anyhow", allowed), "libraries have typed errors");
}

#[test]
fn no_module_is_named_after_nothing() {
    let empty_names = ["utils", "util", "common", "helpers", "misc", "manager"];
    let found: Vec<String> = tracked_files()
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs" || extension == "py"))
        .filter(|path| {
            path.iter().any(|part| {
                let part = part.to_string_lossy();
                empty_names.contains(&part.trim_end_matches(".rs").trim_end_matches(".py"))
            })
        })
        .map(|path| path.display().to_string())
        .collect();
    assert_none(&found, "a module's name says what it holds");
}

#[test]
fn no_path_of_a_machine_is_written_down() {
    // Concatenated, so that this file does not contain the text it forbids.
    let forbidden = [
        ["/wo", "rk/"],
        ["/ho", "me/"],
        ["/ro", "ot/"],
        ["/Use", "rs/"],
        ["C:\\Use", "rs"],
        ["arti", "factory"],
    ];
    let texts = ["rs", "py", "toml", "md", "json", "sh", "yml", "yaml", "txt", "lock"];
    let mut found = Vec::new();
    for (path, text) in sources(&texts) {
        for (number, line) in text.lines().enumerate() {
            if forbidden.iter().any(|parts| line.contains(&parts.concat())) {
                let line: String = line.trim().chars().take(100).collect();
                found.push(format!("{}:{}: {line}", path.display(), number + 1));
            }
        }
    }
    assert_none(&found, "paths and addresses of one machine do not belong here");
}

#[test]
fn nothing_is_left_undone_in_silence() {
    let marks = [["TO", "DO"], ["FIX", "ME"], ["XX", "X:"], ["#[ign", "ore"]];
    // Tests started by hand only: they write a file of the repository or print figures.
    let chore = ["#[ign", "ore = \"chore: "].concat();
    let mut found = Vec::new();
    for (path, text) in sources(&["rs", "py"]) {
        for (number, line) in text.lines().enumerate() {
            if marks.iter().any(|parts| line.contains(&parts.concat())) && !line.contains(&chore) {
                found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert_none(&found, "file an issue instead");
}

#[test]
fn what_a_test_needs_is_looked_for_in_one_place() {
    // A test that checks the environment itself might return silently instead of being skipped.
    let needs = ["NO_HOSTS", "PLUGINS", "STANDALONE", "PYTHON"].map(|name| format!("\"RESONANTGEN_{name}\""));
    let mut found = Vec::new();
    for (path, text) in rust_sources() {
        let is_allowed =
            ["tests/src/needs.rs", "tests/src/bin", "xtask"].iter().any(|place| path.starts_with(place));
        if !is_allowed && needs.iter().any(|name| text.contains(name)) {
            found.push(path.display().to_string());
        }
    }
    assert_none(&found, "tests find what they need by resonantgen_tests::needs");
}

#[test]
fn licences_and_documents_are_there() {
    for name in [
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "BENCHMARKS.md",
        "assets/fonts/LICENSE-Inter.txt",
        "models/resonant/MODEL_CARD.md",
    ] {
        assert!(root().join(name).is_file(), "{name} is missing");
    }
    let changelog = std::fs::read_to_string(root().join("CHANGELOG.md")).expect("it is there");
    let version = env!("CARGO_PKG_VERSION");
    assert!(changelog.contains(&format!("[{version}]")), "CHANGELOG.md says nothing of version {version}");
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for (path, text) in sources(&["md"]) {
        let folder = path.parent().expect("a file has a folder").to_owned();
        for (start, _) in text.match_indices("](") {
            let target: String =
                text[start + 2..].chars().take_while(|character| *character != ')').collect();
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") && !root().join(&folder).join(file).exists() {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert_none(&broken, "a link leads nowhere");
}

#[test]
fn every_dependency_has_an_allowed_licence() {
    let allowed = allowed_licences();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo is there");
    assert!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let packages = metadata["packages"].as_array().expect("metadata lists packages");
    assert!(packages.len() > 20);
    let refused: Vec<String> = packages
        .iter()
        .filter_map(|package| {
            let licence = package["license"].as_str().unwrap_or("no licence stated");
            let fine = is_allowed(licence, &allowed);
            (!fine).then(|| format!("{} {}: {licence}", package["name"], package["version"]))
        })
        .collect();
    assert_none(&refused, "licences that deny.toml does not allow");
}

/// The allow-list of deny.toml.
fn allowed_licences() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml is there");
    let list = text
        .split_once("allow = [")
        .and_then(|(_, rest)| rest.split_once(']'))
        .expect("deny.toml has a list")
        .0;
    list.lines().filter_map(|line| line.split('"').nth(1)).map(ToOwned::to_owned).collect()
}

/// Whether an SPDX expression can be satisfied with allowed licences. (`A/B`, an old form, means `A OR B`.)
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    spdx::Expression::parse_mode(expression, spdx::ParseMode::LAX).is_ok_and(|expression| {
        expression.evaluate(|wanted| {
            allowed.contains(&wanted.to_string()) || allowed.contains(&wanted.license.to_string())
        })
    })
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = ["MIT".to_owned(), "Apache-2.0".to_owned()];
    for (expression, fine) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("MIT/Apache-2.0", true),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR GPL-3.0) AND Apache-2.0", true),
        ("Apache-2.0 WITH LLVM-exception", true),
    ] {
        assert_eq!(is_allowed(expression, &allowed), fine, "{expression}");
    }
}
