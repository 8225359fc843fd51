//! What was built for Windows beside what was built for Linux: both are run here, one of them under Wine.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use resonantgen_tests::editor::{GENERATE, SIZE, is_idle, lane};
use resonantgen_tests::screen::{Picture, Screen, wait_for};
use resonantgen_tests::stem::Stem;
use resonantgen_tests::wine::{Windows, path};
use resonantgen_tests::{program, root};

/// Libraries that come with Windows 10 and later, by their names in small letters. `msvcrt.dll` is mingw's C library there.
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
    "user32.dll",
    "userenv.dll",
    "uxtheme.dll",
    "winmm.dll",
    "ws2_32.dll",
];

/// The libraries that a program or library asks for when it is loaded.
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

/// The loudest difference of two stems, in dB of full scale.
fn difference_db(one: &Stem, other: &Stem) -> f32 {
    assert_eq!((one.spec, one.len()), (other.spec, other.len()));
    let pairs = one.left.iter().chain(&one.right).zip(other.left.iter().chain(&other.right));
    20.0 * pairs.map(|(one, other)| (one - other).abs()).fold(0.0, f32::max).log10()
}

#[test]
fn the_same_seed_gives_the_same_scores_and_the_same_sound() {
    /// Loudest difference that is allowed. Found was one step of what takes are rounded to, -102 dB, in fewer than one of a thousand
    /// samples.
    const MOST_DB: f32 = -80.0;
    let Some(windows) = Windows::find() else { return };
    let folder = tempfile::tempdir().expect("room");
    let [here, there] = ["linux", "windows"].map(|name| folder.path().join(name));
    for (prompt, seed) in [("dark techno with driving bass", "7"), ("smoky jazz in 3/4", "3")] {
        let words = |out: &str| {
            ["generate", prompt, "--bars", "4", "--seed", seed, "--out", out].map(str::to_owned).to_vec()
        };
        let begin = std::time::Instant::now();
        let own = words(here.to_str().expect("a plain path"));
        let _ = program::json(&own.iter().map(String::as_str).collect::<Vec<_>>());
        let on_linux = begin.elapsed();
        let begin = std::time::Instant::now();
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

#[test]
fn ctrl_c_leaves_the_folder_as_it_was() {
    const CANCELLED: i32 = 130;
    let Some(windows) = Windows::find() else { return };
    let folder = tempfile::tempdir().expect("room");
    let out = folder.path().join("piece");
    let words = ["generate", "long cinematic piece", "--bars", "16", "--out", &path(&out)];
    let mut runner = windows
        .command(&windows.program, &words)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Wine starts");
    let mut errors = BufReader::new(runner.stderr.take().expect("it is piped")).lines();
    // The first stage is told when it is done.
    let told = errors.find(|line| line.as_ref().is_ok_and(|line| line.trim_end().ends_with(" s")));
    assert!(told.is_some(), "it ended before its first stage");
    // Wine passes the signal on as the key; the runner itself must stay to tell the exit code.
    let children = format!("/proc/{0}/task/{0}/children", runner.id());
    let wine = fs::read_to_string(children).expect("the runner runs");
    let kill = Command::new("kill").arg("-INT").args(wine.split_whitespace()).status();
    assert!(kill.is_ok_and(|status| status.success()), "it ended before it could be interrupted");
    let rest: Vec<String> = errors.map_while(Result::ok).collect();
    assert_eq!(runner.wait().expect("it ends").code(), Some(CANCELLED), "{rest:#?}");
    let left: Vec<_> = program::files(&out).into_iter().map(|(path, _)| path).collect();
    assert_eq!(left, [Path::new(".resonantgen.lock")], "the lock stays, and nothing else");
}

/// Share of the pixels that may differ from the picture of Linux: the text of one hint is another, and edges of letters are.
const PICTURE_TOLERANCE: f64 = 0.02;

#[test]
fn the_editor_is_drawn_and_works_on_a_screen() {
    let Some(windows) = Windows::find_for_long_tests() else { return };
    let screen = Screen::open(1_200, 800);
    let folder = tempfile::tempdir().expect("room");
    let mut command = windows.command(&windows.standalone, &["--backend", "dummy"]);
    command
        .env("RESONANTGEN_CONFIG", path(folder.path()))
        .env("RESONANTGEN_EXPORTS", path(&folder.path().join("exports")));
    let mut program = screen.start(&mut command);
    let window = screen.window("ResonantGen");
    // Wine draws what OpenGL draws into a window of its own.
    let drawn = wait_for("the editor's picture", || {
        screen.windows_within(window).into_iter().find(|inner| {
            let picture = screen.look_into(*inner);
            (picture.width, picture.height) == SIZE && is_idle(&picture)
        })
    });
    screen.point(window, (900, 135));
    let seen = screen.look_into(drawn);
    let golden = Picture::read(&root().join("tests/golden/editor/first_run.png"));
    let difference = golden.difference(&seen);
    if difference > PICTURE_TOLERANCE {
        let kept = std::env::temp_dir().join("resonantgen-windows.png");
        seen.write(&kept);
        panic!("{difference:.4} of the pixels differ from those on Linux: {}", kept.display());
    }
    // A click reaches it, and four stems appear.
    screen.click(window, GENERATE);
    wait_for("the music", || {
        let picture = screen.look_into(drawn);
        let has_music = |track| lane(&picture, track).difference(&lane(&seen, track)) > 0.04;
        (is_idle(&picture) && (0..4).all(has_music)).then_some(())
    });
    assert!(program.is_running());
}
