//! The editor in a real window, on a screen of its own, with a mouse and a keyboard: `cargo xtask test` builds the
//! standalone and says where it is.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;

use resonantgen_tests::root;
use resonantgen_tests::screen::{Picture, Program, Screen, is_near, key, wait_for};

/// The window's size.
const SIZE: (usize, usize) = (980, 640);
/// Colours of the dark look.
const ACCENT: [u8; 3] = [0x6a, 0x58, 0xee];
const LIGHT_ACCENT: [u8; 3] = [0x57, 0x44, 0xdd];
const DRUMS: [u8; 3] = [0xf2, 0xa5, 0x3a];
const MELODY: [u8; 3] = [0x5c, 0xe6, 0xa8];
/// Around what has the keyboard.
const FOCUS: [u8; 3] = [0xb3, 0xa9, 0xff];
/// Places of controls, in pixels of the window.
const PROMPT: (i16, i16) = (500, 59);
const PROMPT_EDGE: (i16, i16) = (10, 59);
const GENERATE: (i16, i16) = (912, 59);
/// A corner of that button, beside its letters.
const GENERATE_EDGE: (i16, i16) = (866, 59);
const UNDO: (i16, i16) = (170, 21);
const DRUMS_LOCK: (i16, i16) = (36, 209);
const DRUMS_LOCK_EDGE: (i16, i16) = (27, 209);
const BASS_AGAIN: (i16, i16) = (64, 319);
const MELODY_LANE: (i16, i16) = (600, 520);
const MELODY_LOCK_EDGE: (i16, i16) = (27, 540);
/// Pictures of lanes: left, top, width, height.
const LANES: [[usize; 4]; 4] =
    [[236, 162, 720, 62], [236, 272, 720, 62], [236, 382, 720, 62], [236, 492, 720, 62]];
const BASS: usize = 1;
const CHIPS: [usize; 4] = [10, 84, 900, 26];
/// The playhead may cross a picture; a score may not.
const SAME: f64 = 0.02;
const OTHER: f64 = 0.04;

/// A running editor with folders of its own.
struct Editor {
    program: Program,
    folder: tempfile::TempDir,
    window: u32,
}

impl Editor {
    /// Starts it; `look` is what the user has chosen before.
    fn start(screen: &Screen, standalone: &Path, look: Option<&str>) -> Self {
        let folder = tempfile::tempdir().expect("room for temporary files");
        if let Some(look) = look {
            std::fs::create_dir(folder.path().join("resonantgen")).expect("room");
            std::fs::write(folder.path().join("resonantgen/editor.json"), look).expect("room");
        }
        let mut command = Command::new(standalone);
        command
            .args(["--backend", "dummy"])
            .env("XDG_CONFIG_HOME", folder.path())
            .env("XDG_DATA_HOME", folder.path())
            .env("RESONANTGEN_CONFIG", folder.path())
            .env("RESONANTGEN_EXPORTS", folder.path().join("exports"));
        let program = screen.start(&mut command);
        let window = screen.window("ResonantGen");
        let editor = Self { program, folder, window };
        screen
            .wait_to_see(editor.window, "the editor", |picture| picture.width == SIZE.0 && is_idle(picture));
        editor
    }

    fn export(&self, ending: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().join("exports")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == ending) {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }
}

fn at(picture: &Picture, (x, y): (i16, i16)) -> [u8; 3] {
    picture.at(x, y)
}

/// The standalone, if windows are wanted.
fn standalone() -> Option<PathBuf> {
    if std::env::var_os("RESONANTGEN_NO_HOSTS").is_some() {
        return None;
    }
    std::env::var_os("RESONANTGEN_STANDALONE").map(PathBuf::from)
}

/// Nothing is being made: the button says "Generate".
fn is_idle(picture: &Picture) -> bool {
    [ACCENT, LIGHT_ACCENT].iter().any(|accent| is_near(at(picture, GENERATE_EDGE), *accent))
}

/// Types another prompt and waits until it is read.
fn type_prompt(screen: &Screen, window: u32, prompt: &str) {
    let before = screen.look(window).part(CHIPS);
    screen.click(window, PROMPT.0, PROMPT.1);
    screen.wait_to_see(window, "the cursor", |picture| is_near(at(picture, PROMPT_EDGE), FOCUS));
    screen.press(&[key::CONTROL], u32::from('a'));
    screen.type_text(prompt);
    screen.wait_to_see(window, "other chips", |picture| picture.part(CHIPS).difference(&before) > 0.02);
}

/// Compares with a picture in `tests/golden/editor`; what is seen instead is kept.
fn is_golden(picture: &Picture, name: &str) -> Result<(), String> {
    const TOLERANCE: f64 = 0.004;
    let golden = root().join("tests/golden/editor").join(name);
    let difference =
        if golden.is_file() { Picture::read(&golden).difference(picture) } else { f64::INFINITY };
    if difference <= TOLERANCE {
        return Ok(());
    }
    let seen = std::env::temp_dir().join(format!("resonantgen-{name}"));
    picture.write(&seen);
    Err(format!(
        "{} differs from what is seen in {} ({difference:.4} of the pixels): if that is meant, copy the latter over the \
         former",
        golden.display(),
        seen.display()
    ))
}

#[test]
fn it_looks_as_drawn_and_stays_visible_under_a_late_window_manager() {
    let Some(standalone) = standalone() else { return };
    let screen = Screen::open(1_200, 800);
    let mut editor = Editor::start(&screen, &standalone, None);
    // Away from everything that would light up.
    screen.point(editor.window, 900, 135);
    let picture = screen.look(editor.window);
    is_golden(&picture, "first_run.png").unwrap_or_else(|error| panic!("{error}"));

    let _manager = screen.start(Command::new("openbox").arg("--sm-disable"));
    let bare = screen.parent(editor.window);
    wait_for("the window's frame", || (screen.parent(editor.window) != bare).then_some(()));
    screen.wait_to_see(editor.window, "the editor in its frame", |now| {
        (now.width, now.height) == SIZE && now.difference(&picture) < 0.01
    });
    assert!(editor.program.is_running());
}

#[test]
fn the_light_look_is_as_drawn() {
    let Some(standalone) = standalone() else { return };
    let screen = Screen::open(1_200, 800);
    let editor = Editor::start(&screen, &standalone, Some(r#"{"light": true}"#));
    screen.point(editor.window, 900, 135);
    let picture = screen.look(editor.window);
    is_golden(&picture, "light.png").unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_session_by_mouse_and_keyboard() {
    let Some(standalone) = standalone() else { return };
    let screen = Screen::open(1_200, 800);
    let editor = Editor::start(&screen, &standalone, None);
    let window = editor.window;

    // A prompt is typed, and the chips follow.
    type_prompt(&screen, window, "deep house in A minor, 2 bars");

    // It is generated: four lanes fill.
    let lane = |picture: &Picture, track: usize| picture.part(LANES[track]);
    let empty = screen.look(window);
    screen.click(window, GENERATE.0, GENERATE.1);
    let first = screen.wait_to_see(window, "the music", |picture| {
        is_idle(picture) && (0..4).all(|track| lane(picture, track).difference(&lane(&empty, track)) > OTHER)
    });

    // The drums are locked, the bass is made again.
    screen.click(window, DRUMS_LOCK.0, DRUMS_LOCK.1);
    screen.wait_to_see(window, "the lock", |picture| is_near(at(picture, DRUMS_LOCK_EDGE), DRUMS));
    screen.click(window, BASS_AGAIN.0, BASS_AGAIN.1);
    let again = screen.wait_to_see(window, "another bass", |picture| {
        is_idle(picture) && lane(picture, BASS).difference(&lane(&first, BASS)) > OTHER
    });
    assert!(lane(&again, 0).difference(&lane(&first, 0)) < SAME, "the drums are locked");

    // Undone, the first bass is back.
    screen.click(window, UNDO.0, UNDO.1);
    screen.wait_to_see(window, "the first bass", |picture| {
        is_idle(picture) && lane(picture, BASS).difference(&lane(&first, BASS)) < SAME
    });

    // Everything is exported, to the sample.
    screen.press(&[key::CONTROL], u32::from('e'));
    let stems = wait_for("the files", || Some(editor.export("wav")).filter(|files| files.len() == 5));
    wait_for("the scores", || (editor.export("mid").len() == 5).then_some(()));
    for stem in &stems {
        let name = stem.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(name.contains("_120bpm_Am_2bars"), "{name}");
        // The file appears whole, so it can be read at once.
        let reader = hound::WavReader::open(stem).expect("a WAV file");
        let rate = f64::from(reader.spec().sample_rate);
        assert_eq!(f64::from(reader.duration()), rate * 4.0, "{name}: two bars at 120 bpm");
    }

    // A file that is dropped on the melody plays there, and locks it.
    let loop_file = editor.folder.path().join("my löop.wav");
    let bass = stems.iter().find(|stem| stem.to_string_lossy().contains("_bass_")).expect("a bass");
    std::fs::copy(bass, &loop_file).expect("room");
    screen.drop_file(window, MELODY_LANE.0, MELODY_LANE.1, &loop_file);
    screen.wait_to_see(window, "the melody's lock", |picture| is_near(at(picture, MELODY_LOCK_EDGE), MELODY));
}

#[test]
fn the_space_bar_is_the_hosts_unless_a_text_is_typed() {
    let Some(standalone) = standalone() else { return };
    let screen = Screen::open(1_200, 800);
    let editor = Editor::start(&screen, &standalone, None);
    let window = editor.window;
    let host = screen.embed(window);
    let space = screen.key_code(key::SPACE);
    screen.wait_to_see(window, "the editor in its host", is_idle);

    // A control has the keyboard: the host hears the space bar all the same.
    screen.click(window, DRUMS_LOCK.0, DRUMS_LOCK.1);
    screen.wait_to_see(window, "the lock", |picture| is_near(at(picture, DRUMS_LOCK_EDGE), DRUMS));
    // A window that has just moved gets the keyboard back by the click.
    screen.wait_for_focus(window);
    screen.press(&[], key::SPACE);
    wait_for("the space bar in the host", || screen.heard_keys(host).contains(&space).then_some(()));
    assert!(is_near(at(&screen.look(window), DRUMS_LOCK_EDGE), DRUMS), "it pressed nothing here");

    // A text is typed: it takes the space bar, and the host hears nothing.
    type_prompt(&screen, window, "smoky jazz, 3/4");
    assert!(!screen.heard_keys(host).contains(&space), "the text took it");
}
