//! Exported projects checked by third parties: DAWproject's schema, and parsers of REAPER's and Live's files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use resonantgen_tests::{needs, program, root};

/// Generates a small piece and exports it; the folder has the export.
fn exported(format: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let text = |path: &Path| path.to_str().expect("temporary folders have plain names").to_owned();
    let (piece, out) = (text(&folder.path().join("piece")), text(&folder.path().join("daw")));
    let _ = program::json(&[
        "generate",
        "dusty <lo-fi> & \"rhodes\"",
        "--out",
        &piece,
        "--bars",
        "2",
        "--bpm",
        "92",
        "--meter",
        "4/4",
        "--seed",
        "5",
    ]);
    let _ = program::json(&["export", &piece, "--out", &out, "--format", format]);
    folder
}

fn file_with(folder: &Path, extension: &str) -> std::path::PathBuf {
    let files = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    files.into_iter().find(|path| path.extension().is_some_and(|end| end == extension)).expect("a project")
}

#[test]
fn a_dawproject_keeps_to_its_schema() {
    if !needs::xml_lint() {
        return;
    }
    let folder = exported("dawproject");
    let archive = file_with(&folder.path().join("daw"), "dawproject");
    let mut archive = zip::ZipArchive::new(fs::File::open(archive).expect("the file")).expect("an archive");
    archive.extract(folder.path()).expect("it is whole");
    for (schema, file) in [("Project.xsd", "project.xml"), ("MetaData.xsd", "metadata.xml")] {
        let output = Command::new("xmllint")
            .args(["--noout", "--nonet", "--schema"])
            .arg(root().join("tests/golden/dawproject").join(schema))
            .arg(folder.path().join(file))
            .output()
            .expect("xmllint starts");
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_reaper_project_is_read_by_another_parser() {
    let Some(python) = needs::python() else { return };
    let folder = exported("rpp");
    let project = file_with(&folder.path().join("daw"), "rpp");
    let output = Command::new(python)
        .arg(root().join("tests/hosts/reaper.py"))
        .arg(&project)
        .output()
        .expect("Python starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
}

/// The notes of a MIDI file of several tracks, by the tracks' names: start and end in ticks, pitch, velocity.
fn notes(file: &[u8]) -> BTreeMap<String, Vec<[u32; 4]>> {
    use midly::{MetaMessage, MidiMessage, TrackEventKind};
    let mut tracks: BTreeMap<String, Vec<[u32; 4]>> = BTreeMap::new();
    for events in midly::Smf::parse(file).expect("a MIDI file").tracks {
        let (mut now, mut name, mut sounding) = (0, String::new(), BTreeMap::new());
        for event in events {
            now += event.delta.as_int();
            match event.kind {
                TrackEventKind::Meta(MetaMessage::TrackName(text)) => {
                    name = String::from_utf8_lossy(text).into_owned();
                }
                TrackEventKind::Midi { message: MidiMessage::NoteOn { key, vel }, .. } => {
                    sounding.insert(key, (now, vel));
                }
                TrackEventKind::Midi { message: MidiMessage::NoteOff { key, .. }, .. } => {
                    let (start, velocity) = sounding.remove(&key).expect("a note that sounds");
                    let note = [start, now, u32::from(key.as_int()), u32::from(velocity.as_int())];
                    tracks.entry(name.clone()).or_default().push(note);
                }
                _ => {}
            }
        }
    }
    tracks
}

#[test]
fn a_live_set_is_read_by_other_parsers() {
    let Some(python) = needs::python() else { return };
    let folder = exported("als");
    let midi = fs::read(folder.path().join("piece/session.mid")).expect("the piece's notes");
    let output = Command::new(python)
        .arg(root().join("tests/hosts/live_set.py"))
        .arg(file_with(&folder.path().join("daw"), "als"))
        .arg(serde_json::to_string(&notes(&midi)).expect("numbers"))
        // One of them writes a file where it runs.
        .current_dir(folder.path())
        .output()
        .expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
