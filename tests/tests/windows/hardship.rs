//! Windows peculiarities, as far as Wine reproduces them: files held open by another program, drives, names,
//! missing libraries.

use std::fs;
use std::path::{Path, PathBuf};

use resonantgen_tests::program::{assert_output_refused, files};
use resonantgen_tests::root;
use resonantgen_tests::wine::{Holder, Windows, path};

/// One bar of bass, the quickest piece to make.
const QUICK: [&str; 8] = ["--tracks", "bass", "--bars", "1", "--bpm", "240", "--seed", "7"];

/// Makes a short piece.
fn generate(windows: &Windows, out: &Path) {
    windows.succeed(&[&["generate", "techno", "--out", &path(out)], &QUICK[..]].concat());
}

fn bytes(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn a_take_is_kept_while_another_program_holds_its_stem_and_a_record_that_is_held_changes_nothing() {
    let Some(windows) = Windows::find() else { return };
    let folder = tempfile::tempdir().expect("room");
    let out = folder.path().join("piece");
    generate(&windows, &out);
    let before = bytes(&out, "bass.wav");

    let player = Holder::hold(&windows, folder.path(), &[&out.join("bass.wav")]);
    let output = windows.run(&["regenerate", &path(&out), "--track", "bass"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("bass.wav"), "{told}");
    assert!(told.contains("another program has it open"), "{told}");
    assert!(bytes(&out, "bass.wav") == before, "a file that is held was changed");
    drop(player);
    windows.succeed(&["lock", &path(&out), "bass"]);
    assert!(bytes(&out, "bass.wav") != before, "the new take was not written after the file was free");

    windows.succeed(&["unlock", &path(&out), "bass"]);
    let before = files(&out);
    let viewer = Holder::hold(&windows, folder.path(), &[&out.join("session.json")]);
    let refused = windows.run(&["regenerate", &path(&out), "--track", "bass"]);
    let told = String::from_utf8_lossy(&refused.stderr);
    let error: Vec<&str> = told.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(refused.status.code() == Some(1) && error.len() == 1, "{told}");
    assert!(error[0].contains("session.json: another program has it open"), "{told}");
    drop(viewer);
    assert!(files(&out) == before, "a command that failed has changed something");
    windows.succeed(&["regenerate", &path(&out), "--track", "bass"]);

    // An export next to files held open replaces none of them.
    let exports = folder.path().join("exports");
    windows.succeed(&["export", &path(&out), "--out", &path(&exports)]);
    let first: Vec<PathBuf> = files(&exports).into_iter().map(|(name, _)| exports.join(name)).collect();
    let _player =
        Holder::hold(&windows, folder.path(), &first.iter().map(PathBuf::as_path).collect::<Vec<_>>());
    let before = files(&exports);
    windows.succeed(&["regenerate", &path(&out), "--track", "bass"]);
    windows.succeed(&["export", &path(&out), "--out", &path(&exports)]);
    let after = files(&exports);
    // Unchanged stems keep their files.
    assert!(after.len() > first.len(), "nothing was written beside them");
    assert!(before.iter().all(|file| after.contains(file)), "a file that is held was changed");
}

/// The program with its models and runtime in a read-only folder on drive C; removed on drop.
struct ProgramFiles(PathBuf);

impl ProgramFiles {
    fn install(windows: &Windows) -> Self {
        let place = Self(windows.prefix.join("drive_c/Program Files/ResonantGen of a test"));
        place.remove();
        let (bin, models) = (place.0.join("bin"), place.0.join("models/resonant"));
        fs::create_dir_all(&bin).expect("room");
        for (file, name) in [(&windows.program, "resonantgen.exe"), (&windows.runtime, "onnxruntime.dll")] {
            fs::hard_link(file, bin.join(name))
                .or_else(|_| fs::copy(file, bin.join(name)).map(|_| ()))
                .expect("room");
        }
        for (name, bytes) in files(&root().join("models/resonant")) {
            let file = models.join(name);
            fs::create_dir_all(file.parent().expect("a folder")).expect("room");
            fs::write(file, bytes).expect("room");
        }
        place.allow_writing(false);
        place
    }

    /// Makes the folders writable or read-only.
    fn allow_writing(&self, is_allowed: bool) {
        let mut folders = vec![self.0.clone()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            folders.extend(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()));
            let mut rights = fs::metadata(&folder).expect("it is there").permissions();
            std::os::unix::fs::PermissionsExt::set_mode(&mut rights, if is_allowed { 0o755 } else { 0o555 });
            fs::set_permissions(&folder, rights).expect("it is ours");
        }
    }

    fn remove(&self) {
        self.allow_writing(true);
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Drop for ProgramFiles {
    fn drop(&mut self) {
        self.remove();
    }
}

#[test]
fn a_program_in_a_folder_that_nobody_may_write_to_finds_its_parts_and_leaves_nothing_there() {
    let Some(windows) = Windows::find() else { return };
    let place = ProgramFiles::install(&windows);
    let before = files(&place.0);
    let folder = tempfile::tempdir().expect("room");
    let out = path(&folder.path().join("piece"));
    for words in [vec!["doctor"], [&["generate", "techno", "--out", &out], &QUICK[..]].concat()] {
        let mut command = windows.command(&place.0.join("bin/resonantgen.exe"), &words);
        let output =
            command.env_remove("RESONANTGEN_RUNTIME").current_dir(&folder).output().expect("Wine starts");
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(files(&place.0) == before, "the program has written beside itself");
}

#[test]
fn temporary_files_may_lie_on_another_drive() {
    /// A separate file system, so that renaming cannot move a file to another drive.
    const MEMORY: &str = "/dev/shm";
    let Some(windows) = Windows::find() else { return };
    let elsewhere =
        if Path::new(MEMORY).is_dir() { Path::new(MEMORY).to_owned() } else { std::env::temp_dir() };
    let elsewhere = tempfile::tempdir_in(elsewhere).expect("room");
    let drive = windows.prefix.join("dosdevices/t:");
    let _ = fs::remove_file(&drive);
    std::os::unix::fs::symlink(elsewhere.path(), &drive).expect("room");
    let folder = tempfile::tempdir().expect("room");
    // Wine takes these variables from its registry, not from this system.
    let (batch, program) = (folder.path().join("elsewhere.bat"), path(&windows.program));
    fs::write(&batch, format!("@set TEMP=T:\\\r\n@set TMP=T:\\\r\n@\"{program}\" %*\r\n")).expect("room");
    let out = folder.path().join("piece");
    let (batch, beat) = (path(&batch), path(&root().join("tests/golden/import/beat.wav")));
    let (piece, exports) = (path(&out), path(&folder.path().join("exports")));
    for words in [
        [&["generate", "techno", "--out", &piece], &QUICK[..]].concat(),
        vec!["import", &piece, &beat, "--track", "melody", "--bpm", "125"],
        vec!["export", &piece, "--out", &exports, "--format", "dawproject"],
    ] {
        let words = [&["/c", &batch], &words[..]].concat();
        let output = windows.command(Path::new("cmd"), &words).output().expect("Wine starts");
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(out.join("melody.wav").is_file());
    assert_eq!(files(elsewhere.path()), [], "temporary files are left");
    fs::remove_file(drive).expect("it was made");
}

#[test]
fn names_of_devices_are_refused_and_names_that_differ_in_case_are_one() {
    let Some(windows) = Windows::find() else { return };
    let folder = tempfile::tempdir().expect("room");
    let table = folder.path().join("prompts.csv");
    // As written by spreadsheets on Windows.
    let rows = [
        "name,prompt,bpm,bars,tracks",
        "Loop,techno,240,1,bass",
        "LOOP,techno,240,1,bass",
        "con,techno,240,1,bass",
    ];
    fs::write(&table, rows.join("\r\n") + "\r\n").expect("room");
    let out = folder.path().join("out");
    let output = windows.run(&["batch", &path(&table), "--out", &path(&out)]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    for hint in ["another row has the name \"LOOP\"", "\"con\" is that of a device"] {
        assert!(told.contains(hint), "{hint} is not in: {told}");
    }
    assert!(out.join("Loop/bass.wav").is_file(), "{told}");

    // The folder is found in another case, and a file edited with other line endings is read.
    let session = out.join("Loop/session.json");
    let text = fs::read_to_string(&session).expect("a session");
    fs::write(&session, text.replace('\n', "\r\n")).expect("room");
    windows.succeed(&["lock", &path(&out.join("loop")), "bass"]);
    let names: Vec<_> =
        fs::read_dir(&out).expect("it is there").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names, ["Loop"]);

    for name in ["CON", "nul", "aux.loop", "COM1"] {
        let device = folder.path().join(name);
        let output = windows.run(&[&["generate", "techno", "--out", &path(&device)], &QUICK[..]].concat());
        assert_output_refused(&output, name, 1, name);
    }
}

#[test]
fn paths_may_be_longer_than_260_letters() {
    let Some(windows) = Windows::find() else { return };
    let folder = tempfile::tempdir().expect("room");
    let deep = ["a folder with a rather long name, as people make them to tell one version from another"; 4];
    let out = deep.iter().fold(folder.path().to_owned(), |path, name| path.join(name)).join("St\u{fc}ck");
    assert!(out.as_os_str().len() > 360);
    generate(&windows, &out);
    windows.succeed(&["regenerate", &path(&out), "--track", "bass"]);
    windows.succeed(&["export", &path(&out), "--out", &path(&out.join("exports"))]);
    assert!(out.join("bass.wav").is_file() && out.join("exports").is_dir());
}

#[test]
fn the_time_zone_changes_no_file() {
    let Some(windows) = Windows::find() else { return };
    let folder = tempfile::tempdir().expect("room");
    let out = folder.path().join("piece");
    generate(&windows, &out);
    let projects = ["Asia/Kathmandu", "America/St_Johns"].map(|zone| {
        let exports = folder.path().join(zone.replace('/', "-"));
        let words = ["export", &path(&out), "--out", &path(&exports), "--format", "dawproject"];
        let output = windows.command(&windows.program, &words).env("TZ", zone).output().expect("Wine starts");
        assert!(output.status.success(), "{zone}: {}", String::from_utf8_lossy(&output.stderr));
        files(&exports)
    });
    assert!(!projects[0].is_empty() && projects[0] == projects[1]);
}

#[test]
fn a_library_that_is_missing_or_damaged_or_lacks_another_is_told_in_one_line_with_the_cure() {
    let Some(windows) = Windows::find() else { return };
    let folder = tempfile::tempdir().expect("room");
    let out = path(&folder.path().join("piece"));
    let words = [&["generate", "techno", "--out", &out], &QUICK[..]].concat();
    let damaged = folder.path().join("onnxruntime.dll");
    fs::write(&damaged, &fs::read(&windows.runtime).expect("a library")[..100_000]).expect("room");
    let gone = folder.path().join("nowhere/onnxruntime.dll");
    for (library, hint) in [(&gone, "cargo xtask setup"), (&damaged, "onnxruntime.dll")] {
        let mut command = windows.command(&windows.program, &words);
        let output = command.env("RESONANTGEN_RUNTIME", path(library)).output().expect("Wine starts");
        assert_output_refused(&output, hint, 1, hint);
    }
    // A computer without Microsoft's C++ runtime; Wine comes with its own.
    let mut command = windows.command(&windows.program, &words);
    let output = command.env("WINEDLLOVERRIDES", "msvcp140,vcruntime140=").output().expect("Wine starts");
    assert_output_refused(&output, "no Visual C++ runtime", 1, "vc_redist.x64.exe");
}
