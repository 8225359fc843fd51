//! Third-party bundles compared with torch's outputs for the same weights, and malicious ones.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod support;

use std::path::{Path, PathBuf};

use resonantgen_foreign::encodec::bundle::EncodecBundle;
use resonantgen_foreign::encodec::{Encodec, EncodecError, resample};
use resonantgen_foreign::musicgen::bundle::MusicgenBundle;
use resonantgen_foreign::musicgen::{Choice, Musicgen};
use resonantgen_models::bundle::{Bundle, BundleError};
use resonantgen_models::runtime::{ModelError, Runtime};
use serde_json::Value;
use support::{assert_outputs, repository, runtime_library, shaken};

fn folder(name: &str) -> PathBuf {
    repository().join("tests/golden").join(format!("{name}_fixture"))
}

fn golden(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder(name).join("io.json")).unwrap()).unwrap()
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

/// Rows of codes, flat.
fn codes(value: &Value) -> Vec<u16> {
    let rows = value.as_array().unwrap().iter();
    rows.flat_map(|row| row.as_array().unwrap()).map(|code| code.as_u64().unwrap() as u16).collect()
}

fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn codec(name: &str) -> Encodec {
    let bundle = EncodecBundle::open(&folder(name)).unwrap();
    Encodec::open(&bundle, &Runtime::open(Some(&runtime_library())).unwrap()).unwrap()
}

#[test]
fn codecs_agree_with_torchs_goldens() {
    for name in ["encodec_24khz", "encodec_32khz"] {
        let mut codec = codec(name);
        let golden = golden(name);
        let (audio, expected) = (floats(&golden["audio"]), codes(&golden["codes"]));
        let codebooks = codec.record().codebooks;
        let found = codec.encode(&audio, codebooks, &|| false).unwrap();
        assert_eq!(found.values, expected, "{name}");
        let shaken = codec.encode(&shaken(&audio), codebooks, &|| false).unwrap();
        assert_eq!(shaken.values, expected, "{name}: two entries are as near");
        let decoded = codec.decode(&found, &|| false).unwrap();
        assert_outputs(name, &floats(&golden["decoded"]), &decoded);
        // Fewer codebooks form a prefix, and decode to different audio of the same length.
        let fewer = codec.encode(&audio, 1, &|| false).unwrap();
        assert_eq!(fewer.values, expected[..expected.len() / codebooks]);
        let coarse = codec.decode(&fewer, &|| false).unwrap();
        assert!(worst(&decoded, &coarse) > 1e-3);
    }
}

#[test]
fn any_length_comes_back_as_long_and_bad_codes_are_refused() {
    let mut codec = codec("encodec_32khz");
    let audio = floats(&golden("encodec_32khz")["audio"]);
    for length in [1, 639, 641, 5000] {
        let codes = codec.encode(&audio[..length], 2, &|| false).unwrap();
        assert_eq!(codes.values.len(), 2 * length.div_ceil(640));
        assert_eq!(codec.decode(&codes, &|| false).unwrap().len(), length);
    }
    assert!(matches!(codec.encode(&[], 1, &|| false), Err(EncodecError::Length(_))));
    let good = codec.encode(&audio[..640], 1, &|| false).unwrap();
    for bad in [
        resonantgen_foreign::encodec::Codes { values: vec![64], ..good.clone() },
        resonantgen_foreign::encodec::Codes { values: vec![1, 2], ..good.clone() },
        resonantgen_foreign::encodec::Codes { codebooks: 99, ..good.clone() },
    ] {
        assert!(matches!(codec.decode(&bad, &|| false), Err(EncodecError::Foreign(_))));
    }
    let cancelled = codec.encode(&audio, 1, &|| true);
    assert!(matches!(cancelled, Err(EncodecError::Model(ModelError::Cancelled))));
}

#[test]
fn resampling_keeps_a_tone_and_its_length() {
    let tone = |rate: u32| -> Vec<f32> {
        (0..rate / 2).map(|n| (n as f32 / rate as f32 * 440.0 * std::f32::consts::TAU).sin() * 0.5).collect()
    };
    let resampled = resample(&tone(44_100), 44_100, 24_000);
    let expected = tone(24_000);
    assert_eq!(resampled.len(), expected.len());
    // Where a tone is cut off, no answer is right.
    assert!(worst(&resampled[500..11_500], &expected[500..11_500]) < 2e-3);
}

fn musicgen() -> Musicgen {
    let bundle = MusicgenBundle::open(&folder("musicgen")).unwrap();
    assert_eq!(bundle.manifest().licence, "CC-BY-NC-4.0");
    Musicgen::open(&bundle, &Runtime::open(Some(&runtime_library())).unwrap()).unwrap()
}

#[test]
fn greedy_music_agrees_with_torchs_golden() {
    let mut model = musicgen();
    let golden = golden("musicgen");
    let expected = codes(&golden["codes"]);
    let prompt = golden["prompt"].as_str().unwrap();
    let seconds = (expected.len() / 4 * 640) as f64 / 32_000.0;
    let choice = Choice { top_k: 1, ..model.defaults(1) };
    assert_eq!((choice.guidance, model.sample_rate_hz()), (3.0, 32_000));
    let found = model.codes(prompt, seconds, choice, &|_| true).unwrap();
    assert_eq!(found.values, expected);
    let audio = model.generate(prompt, seconds, choice, &|_| true).unwrap();
    assert_outputs("music", &floats(&golden["audio"]), &audio);
}

#[test]
fn drawn_music_is_reproducible_bounded_and_stops_when_asked() {
    let mut model = musicgen();
    let make = |model: &mut Musicgen, seed: u64, prompt: &str| {
        let choice = model.defaults(seed);
        model.codes(prompt, 0.2, choice, &|_| true).unwrap()
    };
    let first = make(&mut model, 7, "sad piano");
    assert_eq!(first, make(&mut model, 7, "sad piano"));
    assert_ne!(first, make(&mut model, 8, "sad piano"));
    assert_ne!(first, make(&mut model, 7, "techno drums"));
    let choice = model.defaults(1);
    let long = "techno ".repeat(1000);
    assert!(model.codes(&long, 0.1, choice, &|_| true).is_ok());
    for seconds in [0.0, -1.0, f64::NAN, 1e9] {
        assert!(matches!(model.codes("a", seconds, choice, &|_| true), Err(EncodecError::Length(_))));
    }
    let stopped = model.codes("a", 0.2, choice, &|done| done < 0.5);
    assert!(matches!(stopped, Err(EncodecError::Model(ModelError::Cancelled))));
}

#[test]
fn prompts_are_cut_as_the_tokenizer_cuts_them() {
    let model = musicgen();
    for (prompt, expected) in golden("musicgen")["ids"].as_object().unwrap() {
        let expected: Vec<i64> =
            expected.as_array().unwrap().iter().map(|token| token.as_i64().unwrap()).collect();
        assert_eq!(model.pieces().tokens(prompt), expected, "{prompt:?}");
    }
}

#[test]
fn a_bundle_of_another_family_is_told() {
    let error = Bundle::open(&folder("musicgen")).unwrap_err().to_string();
    assert!(error.contains("musicgen") && error.contains("resonant"), "{error}");
    let error = EncodecBundle::open(&support::fixture()).unwrap_err().to_string();
    assert!(error.contains("family 'resonant'"), "{error}");
}

/// A copy of a fixture to damage.
fn copy(name: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder(name)).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}

fn edit(folder: &Path, change: impl FnOnce(&mut Value)) {
    let path = folder.join("manifest.json");
    let mut manifest = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut manifest);
    std::fs::write(path, serde_json::to_string(&manifest).unwrap()).unwrap();
}

/// Replaces a file's bytes and updates the manifest.
fn replace(folder: &Path, bytes: &[u8]) {
    use sha2::Digest;
    std::fs::write(folder.join("decode.onnx"), bytes).unwrap();
    let hash: String = sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    edit(folder, |manifest| {
        manifest["decode"]["sha256"] = hash.into();
        manifest["decode"]["bytes"] = bytes.len().into();
    });
}

#[track_caller]
fn refused(folder: &Path, word: &str) -> BundleError {
    let error = EncodecBundle::open(folder).unwrap_err();
    assert!(error.to_string().contains(word), "'{word}' is not in: {error}");
    error
}

#[test]
fn paths_that_lead_out_of_the_bundle_are_refused() {
    for path in ["../decode.onnx", "/etc/passwd", "a/b.onnx", "..\\x.onnx", "C:x.onnx", ".hidden.onnx", ""] {
        let folder = copy("encodec_24khz");
        edit(folder.path(), |manifest| manifest["decode"]["file"] = path.into());
        refused(folder.path(), "plain name");
    }
    let folder = copy("encodec_24khz");
    edit(folder.path(), |manifest| manifest["decode"]["file"] = "manifest.json".into());
    refused(folder.path(), ".onnx");
    #[cfg(unix)]
    {
        let elsewhere = copy("encodec_24khz");
        std::fs::remove_file(folder.path().join("decode.onnx")).unwrap();
        let target = elsewhere.path().join("decode.onnx");
        std::os::unix::fs::symlink(target, folder.path().join("decode.onnx")).unwrap();
        edit(folder.path(), |manifest| manifest["decode"]["file"] = "decode.onnx".into());
        assert!(matches!(refused(folder.path(), "leads out"), BundleError::Outside { .. }));
    }
}

#[test]
fn sizes_and_counts_are_limited() {
    let folder = copy("encodec_24khz");
    for (field, value, word) in [
        ("hop", 0_u64, "hop"),
        ("codebooks", 4096, "codebooks"),
        ("sample_rate", 1, "sample_rate"),
        ("min_frames", 1 << 40, "min_frames"),
    ] {
        let folder = copy("encodec_24khz");
        edit(folder.path(), |manifest| manifest[field] = value.into());
        refused(folder.path(), word);
    }
    edit(folder.path(), |manifest| manifest["decode"]["bytes"] = u64::MAX.into());
    refused(folder.path(), "allowed is 1 to");
    let endless = format!("{{\"schema_version\": 1, \"id\": \"{}\"}}", "x".repeat(2 << 20));
    std::fs::write(folder.path().join("manifest.json"), endless).unwrap();
    refused(folder.path(), "larger than");
    let nested = "[".repeat(100_000);
    std::fs::write(folder.path().join("manifest.json"), nested).unwrap();
    refused(folder.path(), "recursion");
}

#[test]
fn a_network_that_does_more_than_compute_is_refused_before_the_runtime_sees_it() {
    let bytes = std::fs::read(folder("encodec_24khz").join("decode.onnx")).unwrap();
    let rename = |from: &[u8], to: &[u8]| {
        assert_eq!(from.len(), to.len());
        let mut changed = bytes.clone();
        let mut found = 0;
        for at in 0..bytes.len() - from.len() {
            if &bytes[at..at + from.len()] == from {
                changed[at..at + to.len()].copy_from_slice(to);
                found += 1;
            }
        }
        assert!(found > 0);
        changed
    };
    let folder = copy("encodec_24khz");
    replace(folder.path(), &rename(b"ReduceSum", b"MyCustomO"));
    assert!(matches!(refused(folder.path(), "MyCustomO"), BundleError::Network { .. }));
    replace(folder.path(), b"no network at all");
    refused(folder.path(), "decode.onnx");
    replace(folder.path(), &bytes[..bytes.len() - 100]);
    refused(folder.path(), "cut");
    // An external tensor: TensorProto.data_location (field 14) = EXTERNAL, appended to the model as a second graph.
    let tensor = [0x08, 1, 0x10, 1, 0x70, 1];
    let mut graph = vec![0x2a, tensor.len() as u8];
    graph.extend_from_slice(&tensor);
    let mut changed = bytes.clone();
    changed.extend_from_slice(&[0x3a, graph.len() as u8]);
    changed.extend_from_slice(&graph);
    replace(folder.path(), &changed);
    refused(folder.path(), "another file");
    replace(folder.path(), &bytes);
    assert!(EncodecBundle::open(folder.path()).is_ok());
}

#[test]
fn flipped_bits_are_found_by_the_hash_and_without_it_never_crash() {
    let bytes = std::fs::read(folder("encodec_24khz").join("decode.onnx")).unwrap();
    let runtime = Runtime::open(Some(&runtime_library())).unwrap();
    let codes = {
        let mut codec = codec("encodec_24khz");
        let audio = floats(&golden("encodec_24khz")["audio"]);
        codec.encode(&audio, 2, &|| false).unwrap()
    };
    let folder = copy("encodec_24khz");
    for round in 0..16_usize {
        let mut changed = bytes.clone();
        // Spread over the file, with more at its ends, where the graph is stored.
        let at = if round % 2 == 0 { round * bytes.len() / 16 } else { bytes.len() - 1 - round * 101 };
        changed[at] ^= 1 << (round % 8);
        std::fs::write(folder.path().join("decode.onnx"), &changed).unwrap();
        assert!(matches!(EncodecBundle::open(folder.path()), Err(BundleError::Hash { .. })));
        replace(folder.path(), &changed);
        let Ok(bundle) = EncodecBundle::open(folder.path()) else { continue };
        let Ok(mut codec) = Encodec::open(&bundle, &runtime) else { continue };
        // Other weights make other audio; the call must return a result in any case.
        if let Ok(audio) = codec.decode(&codes, &|| false) {
            assert_eq!(audio.len(), codes.audio_frames);
        }
    }
}
