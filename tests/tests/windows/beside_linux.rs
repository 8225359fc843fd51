//! Windows programs and plugins compared with those for Linux: their libraries and their output.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use resonantgen_tests::program;
use resonantgen_tests::stem::Stem;
use resonantgen_tests::wine::{Windows, path};

use crate::{MOST_DB, difference_db};

/// Libraries that come with Windows 10 and later, in lower case. `msvcrt.dll` is mingw's C library.
const OF_WINDOWS: &[&str] = &[
    "advapi32.dll",
    "avrt.dll",
    "bcrypt.dll",
    "bcryptprimitives.dll",
    "combase.dll",
    "comctl32.dll",
    "comdlg32.dll",
    "dwmapi.dll",
    "gdi32.dll",
    "imm32.dll",
    "kernel32.dll",
    "mmdevapi.dll",
    "msvcrt.dll",
    "ntdll.dll",
    "ole32.dll",
    "oleaut32.dll",
    "opengl32.dll",
    "propsys.dll",
    "rpcrt4.dll",
    "secur32.dll",
    "shell32.dll",
    "shlwapi.dll",
    "uiautomationcore.dll",
    "user32.dll",
    "userenv.dll",
    "uxtheme.dll",
    "winmm.dll",
    "ws2_32.dll",
];

/// The libraries that a program or library imports.
fn imports(file: &Path) -> Vec<String> {
    let output = Command::new("x86_64-w64-mingw32-objdump").arg("-p").arg(file).output().expect("binutils");
    assert!(output.status.success(), "{}", file.display());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.trim().strip_prefix("DLL Name: ")).map(str::to_lowercase).collect()
}

#[test]
fn only_libraries_of_windows_are_asked_for() {
    let Some(windows) = Windows::find() else { return };
    let vst3 = windows.plugins.join("ResonantGen.vst3/Contents/x86_64-win/ResonantGen.vst3");
    for file in [windows.program.clone(), windows.plugins.join("ResonantGen.clap"), vst3] {
        let found = imports(&file);
        assert!(!found.is_empty(), "{} imports nothing", file.display());
        for name in found {
            let is_of_windows = name.starts_with("api-ms-win-") || OF_WINDOWS.contains(&name.as_str());
            assert!(is_of_windows, "{} asks for {name}, which Windows does not have", file.display());
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_scores_and_the_same_sound() {
    let Some(windows) = Windows::find() else { return };
    let folder = tempfile::tempdir().expect("room");
    let [here, there] = ["linux", "windows"].map(|name| folder.path().join(name));
    for (prompt, seed) in [("dark techno with driving bass", "7"), ("smoky jazz in 3/4", "3")] {
        let words = |out: &str| {
            ["generate", prompt, "--bars", "2", "--seed", seed, "--out", out].map(str::to_owned).to_vec()
        };
        let begin = Instant::now();
        let own = words(here.to_str().expect("a plain path"));
        let _ = program::json(&own.iter().map(String::as_str).collect::<Vec<_>>());
        let on_linux = begin.elapsed();
        let begin = Instant::now();
        windows.succeed(&words(&path(&there)).iter().map(String::as_str).collect::<Vec<_>>());
        eprintln!("{prompt}: {on_linux:.2?} on Linux, {:.2?} under Wine", begin.elapsed());
        for name in ["drums", "bass", "harmony", "melody", "session"] {
            let score = |folder: &Path| fs::read(folder.join(format!("{name}.mid"))).expect("a score");
            assert!(score(&here) == score(&there), "{prompt}: the score of {name} differs");
        }
        for name in ["drums", "bass", "harmony", "melody", "mix"] {
            let stem = |folder: &Path| Stem::read(&folder.join(format!("{name}.wav")));
            let difference = difference_db(&stem(&here), &stem(&there));
            eprintln!("{prompt}: {name} differs by {difference:.1} dB");
            assert!(difference <= MOST_DB, "{prompt}: {name} differs by {difference} dB");
        }
        for folder in [&here, &there] {
            fs::remove_dir_all(folder).expect("it was made");
        }
    }
}
