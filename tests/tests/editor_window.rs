//! The editor in a real window, on a screen of its own, with a mouse and a keyboard: `cargo xtask test` builds the
//! standalone and says where it is.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;

use resonantgen_tests::drop_target::{Behaviour, DropTarget, plain_path};
use resonantgen_tests::editor::{
    BASS, BASS_AGAIN, BASS_LANE, DRUMS, DRUMS_LOCK, DRUMS_LOCK_EDGE, Editor, GENERATE, MELODY, MELODY_LANE,
    MELODY_LOCK_EDGE, SIZE, TITLE, UNDO, is_idle, lane, type_prompt,
};
use resonantgen_tests::needs::standalone;
use resonantgen_tests::root;
use resonantgen_tests::screen::{Picture, Screen, is_near, key, wait_for};

/// The tolerance allows for the playhead but not for other notes.
const SAME: f64 = 0.02;
const OTHER: f64 = 0.04;

/// Compares with a picture in `tests/golden/editor`; on failure, saves the actual picture.
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
    // Away from everything that highlights on hover.
    screen.point(editor.window, (900, 135));
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
fn a_window_that_is_shown_late_is_drawn() {
    /// About half a second.
    const REFRESHES: u32 = 30;
    let Some(standalone) = standalone() else { return };
    let screen = Screen::open(1_200, 800);
    screen.manage();
    let mut editor = Editor::start_shown(&screen, &standalone, None, || screen.show_late(REFRESHES));
    assert!(editor.program.is_running());
}

#[test]
fn the_light_look_is_as_drawn() {
    let Some(standalone) = standalone() else { return };
    let screen = Screen::open(1_200, 800);
    let editor = Editor::start(&screen, &standalone, Some(r#"{"light": true}"#));
    screen.point(editor.window, (900, 135));
    let picture = screen.look(editor.window);
    is_golden(&picture, "light.png").unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_session_by_mouse_and_keyboard() {
    let Some(standalone) = standalone() else { return };
    let screen = Screen::open(1_200, 800);
    let editor = Editor::start(&screen, &standalone, None);
    let window = editor.window;

    // A prompt is typed, and the chips update.
    type_prompt(&screen, window, "deep house in A minor, 2 bars");

    // Generate: four lanes fill.
    let empty = screen.look(window);
    screen.click(window, GENERATE);
    let first = screen.wait_to_see(window, "the music", |picture| {
        is_idle(picture) && (0..4).all(|track| lane(picture, track).difference(&lane(&empty, track)) > OTHER)
    });

    // The drums are locked, the bass is regenerated.
    screen.click(window, DRUMS_LOCK);
    screen.wait_to_see(window, "the lock", |picture| is_near(picture.at(DRUMS_LOCK_EDGE), DRUMS));
    screen.click(window, BASS_AGAIN);
    let again = screen.wait_to_see(window, "another bass", |picture| {
        is_idle(picture) && lane(picture, BASS).difference(&lane(&first, BASS)) > OTHER
    });
    assert!(lane(&again, 0).difference(&lane(&first, 0)) < SAME, "the drums are locked");

    // Undone, the first bass is back.
    screen.click(window, UNDO);
    screen.wait_to_see(window, "the first bass", |picture| {
        is_idle(picture) && lane(picture, BASS).difference(&lane(&first, BASS)) < SAME
    });

    // Everything is exported, to the sample.
    screen.press(&[key::CONTROL], u32::from('e'));
    let stems = wait_for("the files", || Some(editor.exported("wav")).filter(|files| files.len() == 5));
    wait_for("the scores", || (editor.exported("mid").len() == 5).then_some(()));
    for stem in &stems {
        let name = stem.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(name.contains("_120bpm_Am_2bars"), "{name}");
        // The file appears complete, so it can be read at once.
        let reader = hound::WavReader::open(stem).expect("a WAV file");
        let rate = f64::from(reader.spec().sample_rate);
        assert_eq!(f64::from(reader.duration()), rate * 4.0, "{name}: two bars at 120 bpm");
    }

    // A file that is dropped on the melody plays there, and locks it.
    let loop_file = editor.folder.path().join("my löop.wav");
    let bass = stems.iter().find(|stem| stem.to_string_lossy().contains("_bass_")).expect("a bass");
    std::fs::copy(bass, &loop_file).expect("room");
    screen.drop_file(window, MELODY_LANE, &loop_file);
    screen.wait_to_see(window, "the melody's lock", |picture| is_near(picture.at(MELODY_LOCK_EDGE), MELODY));
}

/// An editor with two bars of music.
fn with_music(screen: &Screen, standalone: &Path) -> Editor {
    let editor = Editor::start(screen, standalone, None);
    let window = editor.window;
    type_prompt(screen, window, "deep house in F# minor, 2 bars");
    let empty = screen.look(window);
    screen.click(window, GENERATE);
    screen.wait_to_see(window, "the music", |picture| {
        is_idle(picture) && (0..4).all(|track| lane(picture, track).difference(&lane(&empty, track)) > OTHER)
    });
    editor
}

/// Releases the button once the target knows of the drag.
fn release_when_heard(target: &mut DropTarget) {
    wait_for("the drag", || {
        target.serve();
        target.heard.contains(&"XdndPosition").then_some(())
    });
    target.release();
}

#[test]
fn stems_are_dragged_to_other_programs() {
    let Some(standalone) = standalone() else { return };
    let screen = Screen::open(1_400, 900);
    let editor = with_music(&screen, &standalone);
    let window = editor.window;

    // Drag a lane to a program that accepts files: the file exists before it is requested.
    let mut taker = DropTarget::show(&screen, (1_150, 50), Behaviour::Takes);
    taker.drag_from(window, BASS_LANE);
    release_when_heard(&mut taker);
    let list = wait_for("the file", || taker.serve());
    let stem = plain_path(&list).expect("an address without escapes").to_owned();
    assert_eq!(list.lines().count(), 1, "{list}");
    let name = stem.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(name.contains("_bass_120bpm_Fsm_2bars.wav"), "{name}");
    let reader = hound::WavReader::open(&stem).expect("a WAV file");
    assert_eq!((reader.spec().bits_per_sample, reader.duration()), (24, 4 * reader.spec().sample_rate));

    // Drag the title, for all stems.
    let mut taker = DropTarget::show(&screen, (1_150, 50), Behaviour::Takes);
    taker.drag_from(window, TITLE);
    release_when_heard(&mut taker);
    assert_eq!(wait_for("the files", || taker.serve()).lines().count(), 4);

    screen.click(window, DRUMS_LOCK);
    screen.wait_to_see(window, "the lock", |picture| is_near(picture.at(DRUMS_LOCK_EDGE), DRUMS));
}

#[test]
fn a_program_that_never_answers_a_drag_holds_nothing() {
    let Some(standalone) = standalone() else { return };
    let screen = Screen::open(1_400, 900);
    let editor = with_music(&screen, &standalone);
    let window = editor.window;
    // A target that never answers, and one that refuses: the drag ends, and the editor keeps working.
    for behaviour in [Behaviour::Mute, Behaviour::Refuses] {
        let mut other = DropTarget::show(&screen, (1_150, 350), behaviour);
        other.drag_from(window, BASS_LANE);
        release_when_heard(&mut other);
        wait_for("the end of the drag", || {
            assert_eq!(other.serve(), None);
            other.heard.contains(&"XdndLeave").then_some(())
        });
        assert!(!other.heard.contains(&"XdndDrop"), "{:?}", other.heard);
    }
    screen.click(window, DRUMS_LOCK);
    screen.wait_to_see(window, "the lock", |picture| is_near(picture.at(DRUMS_LOCK_EDGE), DRUMS));
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

    // A control has the focus: the space bar still reaches the host.
    screen.click(window, DRUMS_LOCK);
    screen.wait_to_see(window, "the lock", |picture| is_near(picture.at(DRUMS_LOCK_EDGE), DRUMS));
    // A click gives a window that has just moved its focus back.
    screen.wait_for_focus(window);
    screen.press(&[], key::SPACE);
    wait_for("the space bar in the host", || screen.heard_keys(host).contains(&space).then_some(()));
    assert!(is_near(screen.look(window).at(DRUMS_LOCK_EDGE), DRUMS), "it pressed nothing here");

    // While text is typed, the space bar goes to the text and not to the host.
    type_prompt(&screen, window, "smoky jazz, 3/4");
    assert!(!screen.heard_keys(host).contains(&space), "the text took it");
}
