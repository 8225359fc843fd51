//! Invalid bundles and runtimes: each has its own message, and none panics.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use resonantgen_models::bundle::{Bundle, BundleError};
use resonantgen_models::generator::{Engine, EngineOptions, Silent};
use resonantgen_models::runtime::{Runtime, RuntimeError};
use resonantgen_music::track::Track;
use support::{TakeInputs, fixture, runtime_library};

/// A copy of the fixture bundle to damage.
fn copy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

fn edit_manifest(folder: &Path, edit: impl FnOnce(&mut serde_json::Value)) {
    let path = folder.join("manifest.json");
    let mut manifest = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    edit(&mut manifest);
    fs::write(path, serde_json::to_string(&manifest).unwrap()).unwrap();
}

#[track_caller]
fn refused(folder: &Path, words: &[&str]) -> BundleError {
    let error = Bundle::open(folder).unwrap_err();
    let message = error.to_string();
    for word in words {
        assert!(message.contains(word), "'{word}' is not in: {message}");
    }
    assert!(!message.contains('\n'), "one line: {message}");
    error
}

#[test]
fn the_fixture_is_a_bundle() {
    let bundle = Bundle::open(&fixture()).unwrap();
    assert_eq!(bundle.id(), "resonant-fixture");
    assert!(!bundle.licence().is_empty());
    for track in Track::ALL {
        assert!(bundle.patches(track).count() >= 2);
    }
}

#[test]
fn a_missing_bundle_or_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = refused(folder.path(), &["manifest.json", "restore"]);
    assert!(matches!(error, BundleError::NoManifest { .. }));
    let folder = copy();
    fs::remove_file(folder.path().join("decode_bass.onnx")).unwrap();
    let error = refused(folder.path(), &["decode_bass.onnx", "missing"]);
    assert!(matches!(error, BundleError::MissingFile { .. }));
}

#[test]
fn a_truncated_file_is_told_from_a_changed_one() {
    let folder = copy();
    let path = folder.path().join("perform_drums.onnx");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = refused(folder.path(), &["perform_drums.onnx", "truncated"]);
    assert!(matches!(error, BundleError::Size { .. }));

    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    fs::write(&path, &changed).unwrap();
    let error = refused(folder.path(), &["perform_drums.onnx", "SHA-256"]);
    assert!(matches!(error, BundleError::Hash { .. }));

    fs::write(&path, &bytes).unwrap();
    assert!(Bundle::open(folder.path()).is_ok());
}

#[test]
fn a_manifest_of_another_kind_is_refused() {
    let check = |edit: &dyn Fn(&mut serde_json::Value), words: &[&str]| {
        let folder = copy();
        edit_manifest(folder.path(), edit);
        refused(folder.path(), words)
    };
    let error = check(&|manifest| manifest["schema_version"] = 2.into(), &["schema version 2", "version 1"]);
    assert!(matches!(error, BundleError::Schema { .. }));
    let error = check(&|manifest| manifest["colour"] = "red".into(), &["colour"]);
    assert!(matches!(error, BundleError::Syntax { .. }));
    let error = check(&|manifest| manifest["sample_rate"] = 32_000.into(), &["32000", "48000"]);
    assert!(matches!(error, BundleError::Value { .. }));
    check(&|manifest| manifest["tracks"]["bass"]["decode"]["hop"] = 0.into(), &["hop 0"]);
    check(&|manifest| manifest["tracks"]["bass"]["decode"]["file"] = "../x".into(), &["plain name"]);
    check(
        &|manifest| manifest["tracks"]["bass"]["perform"]["inputs"][1]["shape"][1] = 32.into(),
        &["perform_bass.onnx", "timbre float32 [1, 64]", "timbre float32 [1, 32]"],
    );
    check(&|manifest| drop(manifest["tracks"].as_object_mut().unwrap().remove("melody")), &["melody"]);
    let folder = copy();
    fs::write(folder.path().join("manifest.json"), "{ not json").unwrap();
    refused(folder.path(), &["manifest.json", "line 1"]);
}

/// Updates the manifest for a changed file.
fn sign(folder: &Path, file: &str, record: impl Fn(&mut serde_json::Value) -> &mut serde_json::Value) {
    use sha2::Digest;
    let bytes = fs::read(folder.join(file)).unwrap();
    let hash: String = sha2::Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    edit_manifest(folder, |manifest| {
        let record = record(manifest);
        record["sha256"] = hash.into();
        record["bytes"] = bytes.len().into();
    });
}

#[test]
fn a_composer_may_be_told_of_the_role_it_follows() {
    let folder = copy();
    let record = |manifest: &mut serde_json::Value, length: u32| {
        let compose = &mut manifest["tracks"]["bass"]["compose"];
        compose["file"] = "compose_bass_figures.onnx".into();
        let inputs = compose["inputs"].as_array_mut().unwrap();
        let condition = inputs.iter_mut().find(|input| input["name"] == "condition").unwrap();
        condition["shape"][2] = length.into();
    };
    edit_manifest(folder.path(), |manifest| record(manifest, 200));
    refused(folder.path(), &["condition", "196", "200"]);
    edit_manifest(folder.path(), |manifest| record(manifest, 248));
    sign(folder.path(), "compose_bass_figures.onnx", |manifest| &mut manifest["tracks"]["bass"]["compose"]);
    assert_eq!(Bundle::open(folder.path()).unwrap().manifest().track(Track::Bass).condition, 248);
    let options = EngineOptions {
        runtime_library: Some(runtime_library()),
        threads: 1,
        ..EngineOptions::new(folder.path())
    };
    let (told, plain) = (Engine::open(&options).unwrap(), support::engine(1));
    // The networks differ only in whether they are told the role.
    let differs = |prompt: &str| {
        let mut inputs = TakeInputs::new(Track::Bass, 8);
        inputs.intent = resonantgen_words::parse(prompt).unwrap();
        let [told, plain] =
            [&told, &plain].map(|engine| engine.sketch(&inputs.request(), &Silent).unwrap().score);
        assert!(!told.notes.is_empty());
        told != plain
    };
    // A small change of the conditions need not change every piece.
    assert!(["salsa", "reggae", "funk", "drum and bass"].into_iter().any(&differs));
    assert!(!differs("dark and slow"), "no role, nothing is told");
}

#[test]
fn bad_patches_are_refused() {
    let check = |edit: &dyn Fn(&mut serde_json::Value), words: &[&str]| {
        let folder = copy();
        let path = folder.path().join("patches.json");
        let mut patches = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        edit(&mut patches);
        fs::write(&path, serde_json::to_string(&patches).unwrap()).unwrap();
        sign(folder.path(), "patches.json", |manifest| &mut manifest["patches"]);
        refused(folder.path(), words);
    };
    check(&|patches| patches[2]["family"] = "zither".into(), &["zither"]);
    check(&|patches| patches[2]["width"] = 3.into(), &["width is 3"]);
    check(&|patches| patches[2]["excitation"]["voices"] = 0.into(), &["voices"]);
    check(&|patches| patches[2]["excitation"]["sparkle"] = 1.into(), &["sparkle"]);
    let stiff = |pairs: serde_json::Value| {
        move |patches: &mut serde_json::Value| patches[2]["excitation"]["inharmonicity"] = pairs.clone()
    };
    check(&stiff(serde_json::json!([[60, 0.5]])), &["inharmonicity"]);
    check(&stiff(serde_json::json!([[60, 1e-4], [48, 1e-4]])), &["inharmonicity", "rise"]);
    check(&stiff(serde_json::json!([[60, 1e-4]])), &["inharmonicity", "vibrato_cents"]);
    check(&|patches| patches[0]["timbre"] = vec![0.0; 3].into(), &["64"]);
    check(&|patches| patches[1]["id"] = patches[0]["id"].clone(), &["twice"]);
    check(&|patches| drop(patches.as_array_mut().unwrap().pop()), &["7 patches", "8"]);
}

/// A copy of the fixture whose first drum patch is a kit made of the hits in `tests/golden/hits`; `edit` changes its excitation.
fn with_kit(edit: impl FnOnce(&mut serde_json::Value)) -> tempfile::TempDir {
    let folder = copy();
    fs::copy(support::repository().join("tests/golden/hits/hits.bin"), folder.path().join("hits_drums.bin"))
        .unwrap();
    let path = folder.path().join("patches.json");
    let mut patches: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let own = |piece: &str| serde_json::json!({ "piece": piece, "gain_db": 0.0, "tune": 1.0 });
    let mut excitation = serde_json::json!({
        "pieces": {
            "kick": own("bent"), "snare": own("skin"), "rim": own("spike"), "clap": own("fast"), "closed_hat": own("hat"),
            "open_hat": own("open_hat"), "low_tom": own("skin"), "high_tom": own("skin"), "crash": own("slow"),
            "ride": own("slow"), "shaker": own("hat"), "perc": own("modes")
        },
        "room": 0.1, "room_s": 0.4, "drive_db": 3.0, "tone": vec![0.0; 10]
    });
    edit(&mut excitation);
    for patch in patches.as_array_mut().unwrap().iter_mut().filter(|patch| patch["track"] == "drums") {
        patch["excitation"] = excitation.clone();
    }
    fs::write(&path, serde_json::to_string(&patches).unwrap()).unwrap();
    sign(folder.path(), "patches.json", |manifest| &mut manifest["patches"]);
    edit_manifest(folder.path(), |manifest| {
        manifest["hits"] = serde_json::json!({ "file": "hits_drums.bin", "sha256": "", "bytes": 0 });
    });
    sign(folder.path(), "hits_drums.bin", |manifest| &mut manifest["hits"]);
    folder
}

#[test]
fn a_kit_of_hits_makes_takes_without_codes_that_are_the_same_again() {
    let folder = with_kit(|_| {});
    let engine = Engine::open(&options(folder.path().to_owned())).unwrap();
    let inputs = TakeInputs::new(Track::Drums, 2);
    let take = engine.generate_take(&inputs.request(), &Silent).unwrap();
    assert!(take.tokens.codes.is_empty() && !take.score.notes.is_empty());
    assert!(take.audio.left.iter().any(|sample| sample.abs() > 1_000));
    assert_eq!(take.audio.left.len(), inputs.plan.audio_frames(resonantgen_take::TAKE_SAMPLE_RATE_HZ));
    let threads = EngineOptions { threads: 3, ..options(folder.path().to_owned()) };
    let again = Engine::open(&threads).unwrap().make_again(&take, &[], &Silent).unwrap().unwrap();
    assert_eq!(take.audio, again.audio);
    let slower = engine.perform_again(&take, 100.0, &[], &Silent).unwrap().unwrap();
    assert!(slower.audio.left.len() > take.audio.left.len());
}

#[test]
fn bad_kits_and_files_of_hits_are_refused() {
    refused(with_kit(|kit| kit["pieces"]["kick"]["piece"] = "gong".into()).path(), &["kick", "gong"]);
    refused(with_kit(|kit| kit["pieces"]["kick"]["tune"] = 0.into()).path(), &["tune of kick is 0"]);
    refused(
        with_kit(|kit| kit["pieces"]["gong"] = kit["pieces"]["kick"].clone()).path(),
        &["gong", "no drum class"],
    );
    refused(with_kit(|kit| kit["room_s"] = 0.into()).path(), &["room_s"]);
    refused(with_kit(|kit| kit["tone"] = vec![0.0; 3].into()).path(), &["tone has 3 gains"]);
    let folder = with_kit(|_| {});
    let path = folder.path().join("hits_drums.bin");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
    sign(folder.path(), "hits_drums.bin", |manifest| &mut manifest["hits"]);
    refused(folder.path(), &["hits_drums.bin", "cut off"]);
    edit_manifest(folder.path(), |manifest| drop(manifest.as_object_mut().unwrap().remove("hits")));
    refused(folder.path(), &["patches.json", "does not have"]);
}

/// A bundle whose basses are made of fitted notes.
fn with_notes(edit: impl Fn(&mut serde_json::Value)) -> tempfile::TempDir {
    let folder = copy();
    fs::copy(support::repository().join("tests/golden/hits/hits.bin"), folder.path().join("hits_notes.bin"))
        .unwrap();
    let path = folder.path().join("patches.json");
    let mut patches: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let mut excitation = serde_json::json!({
        "zones": [[36, "bent"], [48, "modes"]], "release_s": 0.1, "is_monophonic": true, "tone": vec![0.0; 10]
    });
    edit(&mut excitation);
    for patch in patches.as_array_mut().unwrap().iter_mut().filter(|patch| patch["track"] == "bass") {
        patch["excitation"] = excitation.clone();
    }
    fs::write(&path, serde_json::to_string(&patches).unwrap()).unwrap();
    sign(folder.path(), "patches.json", |manifest| &mut manifest["patches"]);
    edit_manifest(folder.path(), |manifest| {
        manifest["notes"] = serde_json::json!({ "file": "hits_notes.bin", "sha256": "", "bytes": 0 });
    });
    sign(folder.path(), "hits_notes.bin", |manifest| &mut manifest["notes"]);
    folder
}

#[test]
fn an_instrument_of_notes_makes_takes_without_codes_that_are_the_same_again() {
    let folder = with_notes(|_| {});
    let engine = Engine::open(&options(folder.path().to_owned())).unwrap();
    let inputs = TakeInputs::new(Track::Bass, 2);
    let take = engine.generate_take(&inputs.request(), &Silent).unwrap();
    assert!(take.tokens.codes.is_empty() && !take.score.notes.is_empty());
    assert!(take.audio.left.iter().any(|sample| sample.abs() > 1_000));
    let threads = EngineOptions { threads: 3, ..options(folder.path().to_owned()) };
    let again = Engine::open(&threads).unwrap().make_again(&take, &[], &Silent).unwrap().unwrap();
    assert_eq!(take.audio, again.audio);
}

#[test]
fn a_recipe_of_before_the_mix_is_performed_as_it_was() {
    let folder = with_notes(|_| {});
    let engine = Engine::open(&options(folder.path().to_owned())).unwrap();
    let inputs = TakeInputs::new(Track::Bass, 2);
    let mixed = engine.generate_take(&inputs.request(), &Silent).unwrap();
    let mut old = mixed.clone();
    old.recipe.settings.finish = resonantgen_take::Finish::Levelled;
    let again = engine.make_again(&old, &[], &Silent).unwrap().unwrap();
    assert_ne!(again.audio, mixed.audio);
    assert_eq!(again.recipe.settings.finish, resonantgen_take::Finish::Levelled);
}

#[test]
fn bad_instruments_of_notes_are_refused() {
    refused(with_notes(|own| own["zones"] = serde_json::json!([])).path(), &["zones are empty"]);
    refused(with_notes(|own| own["zones"][1][1] = "lute".into()).path(), &["pitch 48", "lute"]);
    refused(with_notes(|own| own["zones"][1][0] = 36.into()).path(), &["do not rise"]);
    refused(with_notes(|own| own["release_s"] = 0.into()).path(), &["release_s is 0"]);
    refused(with_notes(|own| own["tone"] = vec![0.0; 2].into()).path(), &["tone has 2 gains"]);
    let folder = with_notes(|_| {});
    edit_manifest(folder.path(), |manifest| {
        manifest["hits"] = manifest["notes"].clone();
    });
    refused(folder.path(), &["in two files of hits"]);
}

fn options(bundle_dir: PathBuf) -> EngineOptions {
    EngineOptions { runtime_library: Some(runtime_library()), threads: 1, ..EngineOptions::new(bundle_dir) }
}

#[test]
fn a_file_that_is_no_network_is_refused_before_the_runtime_sees_it() {
    let folder = copy();
    let path = folder.path().join("perform_bass.onnx");
    fs::write(&path, b"no network").unwrap();
    sign(folder.path(), "perform_bass.onnx", |manifest| &mut manifest["tracks"]["bass"]["perform"]);
    let error = refused(folder.path(), &["perform_bass.onnx", "no network"]);
    assert!(matches!(error, BundleError::Network { .. }));
}

#[test]
fn a_network_with_another_signature_is_refused() {
    let folder = copy();
    fs::copy(folder.path().join("perform_drums.onnx"), folder.path().join("perform_bass.onnx")).unwrap();
    sign(folder.path(), "perform_bass.onnx", |manifest| &mut manifest["tracks"]["bass"]["perform"]);
    let engine = Engine::open(&options(folder.path().to_owned())).unwrap();
    let error =
        engine.generate_take(&TakeInputs::new(Track::Bass, 1).request(), &Silent).unwrap_err().to_string();
    assert!(error.contains("perform_bass.onnx") && error.contains("features"), "{error}");
}

#[test]
fn the_runtime_that_comes_along_knows_nobody_to_report_to() {
    let runtime = fs::read(Runtime::open(Some(&runtime_library())).unwrap().path()).unwrap();
    let collector = b"events.data.microsoft.com";
    assert!(runtime.windows(collector.len()).all(|bytes| bytes != collector));
}

#[test]
fn a_bad_runtime_is_an_error_and_a_good_one_works_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("libonnxruntime.so");
    let error = Runtime::open(Some(&missing)).unwrap_err();
    assert!(matches!(error, RuntimeError::NotFound { .. }), "{error}");
    assert!(error.to_string().contains("cargo xtask setup"), "{error}");

    // A process keeps its first runtime, so a wrong file is only examined if no other test has started
    // one before. So this runs in a separate process.
    if std::env::var_os("RESONANTGEN_WRONG_RUNTIME_TEST").is_none() {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["a_bad_runtime_is_an_error_and_a_good_one_works_afterwards", "--exact"])
            .env("RESONANTGEN_WRONG_RUNTIME_TEST", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    fs::write(&missing, b"no library").unwrap();
    let error = Runtime::open(Some(&missing)).unwrap_err();
    assert!(matches!(error, RuntimeError::Unloadable { .. }), "{error}");
    #[cfg(target_os = "linux")]
    {
        // A library that is not a runtime: the one this process runs with.
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let mut libraries = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
        let other = libraries.find(|path| path.contains("/libc.so") || path.contains("/libc-")).unwrap();
        let error = Runtime::open(Some(other.as_ref())).unwrap_err();
        assert!(matches!(error, RuntimeError::Stranger { .. }), "{error}");
    }
    let runtime = Runtime::open(Some(&runtime_library())).unwrap();
    assert!(runtime.version().starts_with("1."), "{}", runtime.version());
}
