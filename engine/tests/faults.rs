//! Failures of the machine: a full disk, a wrong runtime, no memory, a clock that jumps.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod support;

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use resonantgen_models::bundle::Bundle;
use resonantgen_models::bundle::manifest::{Dimension, ElementType, FileRecord, GraphRecord, TensorSpec};
use resonantgen_models::generator::Silent;
use resonantgen_models::runtime::{Input, ModelError, Network, Runtime};
use resonantgen_music::track::Track;
use resonantgen_project as project;
use resonantgen_project::{StemFormat, StoreError};
use resonantgen_session::{Overrides, Request, Session};
use support::{fixture, repository, runtime_library};

fn session() -> Session {
    let mut session = Session::default();
    let facts = Overrides { bars: Some(1), ..Overrides::default() };
    let request = Request::generate("techno").scope(Track::Drums).facts(facts).seed(7);
    session.apply(&support::engine(1), &request, &Silent).unwrap();
    session
}

/// A small disk, mounted until dropped; `None` where the test may not mount one.
#[cfg(target_os = "linux")]
struct TinyDisk {
    folder: tempfile::TempDir,
    /// The prefix of `mount` and `umount`: nothing, or a command that gives root rights.
    prefix: &'static [&'static str],
}

#[cfg(target_os = "linux")]
impl TinyDisk {
    /// Only root may mount; on CI machines, everybody may become root.
    fn mount(kilobytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={kilobytes}k,mode=0777");
        let prefixes: [&[&str]; 2] = [&[], &["sudo", "-n"]];
        let prefix = prefixes.into_iter().find(|prefix| {
            Self::command(prefix, &["mount", "-t", "tmpfs", "-o", &options, "tmpfs"], folder.path())
        })?;
        Some(Self { folder, prefix })
    }

    fn command(prefix: &[&str], words: &[&str], folder: &Path) -> bool {
        let words = [prefix, words].concat();
        let mut command = std::process::Command::new(words[0]);
        command.args(&words[1..]).arg(folder).stderr(std::process::Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

#[cfg(target_os = "linux")]
impl Drop for TinyDisk {
    fn drop(&mut self) {
        Self::command(self.prefix, &["umount"], self.folder.path());
    }
}

fn assert_saved_before(dir: &Path, session: &Session) {
    let loaded = project::load(dir).unwrap().session;
    assert!(loaded.track(Track::Drums).history == session.track(Track::Drums).history);
}

#[test]
fn what_cannot_be_saved_leaves_the_old_session() {
    let session = session();
    let folder = tempfile::tempdir().unwrap();
    project::save(&session, folder.path(), StemFormat::default()).unwrap();
    // A file blocks the takes' folder, so that saving fails in the middle.
    let copy = tempfile::tempdir().unwrap();
    fs::write(copy.path().join("takes"), "a file").unwrap();
    let error = project::save(&session, copy.path(), StemFormat::default()).unwrap_err();
    assert!(matches!(error, StoreError::Write { .. }), "{error}");
    assert!(matches!(project::load(copy.path()), Err(StoreError::NoSession(_))));
    assert_saved_before(folder.path(), &session);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_says_so_and_loses_nothing() {
    let session = session();
    let Some(disk) = TinyDisk::mount(2_000) else {
        return support::skip::skip("only root may mount a small disk");
    };
    let dir = disk.folder.path();
    project::save(&session, dir, StemFormat::default()).unwrap();
    // Fills the rest of it.
    let mut filler = Vec::new();
    while fs::write(dir.join(format!("filler_{}", filler.len())), vec![1; 10_000]).is_ok() {
        filler.push(());
    }
    let error = project::save(&session, dir, StemFormat::default()).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("make room") && !message.contains('\n'), "{message}");
    assert_saved_before(dir, &session);
    let hidden = fs::read_dir(dir)
        .unwrap()
        .flatten()
        .filter(|e| e.file_name().to_string_lossy().starts_with(".saving-"));
    assert_eq!(hidden.count(), 0, "an attempt was left behind");
}

/// A runtime that is too old, or that sends telemetry, is recognised by its version before any of its code runs.
#[cfg(target_os = "linux")]
#[test]
fn a_runtime_of_another_version_is_told() {
    use resonantgen_models::runtime::RuntimeError;
    // A process keeps its first runtime, so this needs a separate process.
    if std::env::var_os("RESONANTGEN_OLD_RUNTIME_TEST").is_none() {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["a_runtime_of_another_version_is_told", "--exact"])
            .env("RESONANTGEN_OLD_RUNTIME_TEST", "1")
            .env_remove("ORT_DISABLE_TELEMETRY")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (version, word) in
        [("1.10.0", "1.10.0"), ("2.0.0", "2.0.0"), ("", "is ONNX Runtime"), ("1.29.0", "TELEMETRY")]
    {
        let source = folder.path().join("old.c");
        let library = folder.path().join("libonnxruntime.so.1.10.0");
        let code = format!(
            "static const char* version(void) {{ return \"{version}\"; }}\n\
             static const void* api(unsigned v) {{ (void)v; return 0; }}\n\
             static const struct {{ const void* (*api)(unsigned); const char* (*version)(void); }} base = {{ api, version }};\n\
             const void* OrtGetApiBase(void) {{ return &base; }}\n"
        );
        fs::write(&source, code).unwrap();
        let _ = fs::remove_file(&library);
        let built = std::process::Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .status();
        assert!(built.is_ok_and(|status| status.success()), "cc links every Rust program, so it is there");
        let error = Runtime::open(Some(&library)).unwrap_err();
        let reports = matches!(error, RuntimeError::Reports { .. });
        assert!(reports || matches!(error, RuntimeError::Version { .. }), "{error}");
        assert_eq!(reports, version == "1.29.0", "{error}");
        assert!(error.to_string().contains(word) && error.to_string().contains("setup"), "{error}");
    }
}

#[test]
fn memory_that_ends_is_an_error_of_the_network() {
    let folder = repository().join("tests/golden/faults");
    let spec = |name: &str| TensorSpec {
        name: name.to_owned(),
        element: ElementType::Float32,
        shape: vec![Dimension::Free("A".to_owned()), Dimension::Free("B".to_owned())],
    };
    let record = GraphRecord {
        file: FileRecord { file: "endless.onnx".to_owned(), sha256: String::new(), bytes: 0 },
        inputs: vec![spec("x")],
        outputs: vec![spec("y")],
    };
    let runtime = Runtime::open(Some(&runtime_library())).unwrap();
    let mut network = Network::load(&runtime, &folder, &record).unwrap();
    // An outer product: the second needs four tebibytes.
    let small =
        network.run::<f32>(&[("x", &[4, 1], Input::Floats(&[1.0, 2.0, 3.0, 4.0]))], &|| false).unwrap();
    assert_eq!(small.len(), 16);
    let ones = vec![1.0; 1 << 20];
    let error = network.run::<f32>(&[("x", &[1 << 20, 1], Input::Floats(&ones))], &|| false).unwrap_err();
    assert!(matches!(error, ModelError::Run { .. }), "{error}");
    // The network still works.
    assert!(network.run::<f32>(&[("x", &[2, 1], Input::Floats(&[1.0, 2.0]))], &|| false).is_ok());
}

#[test]
fn a_clock_that_jumps_hides_no_change() {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture()).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let path = folder.path().join("decode_bass.onnx");
    let set =
        |time: SystemTime| fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    let far = Duration::from_secs(40 * 365 * 86_400);
    for time in [SystemTime::UNIX_EPOCH, SystemTime::now() + far, SystemTime::now() - far / 2] {
        set(time);
        assert!(Bundle::open(folder.path()).is_ok());
    }
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();
    // The change appears older than the file that was checked.
    set(SystemTime::UNIX_EPOCH + Duration::from_secs(86_400));
    assert!(Bundle::open(folder.path()).is_err());
}
