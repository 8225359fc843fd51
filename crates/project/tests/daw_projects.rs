//! Projects of DAWs, read again by parsers of others.

use std::io::{Cursor, Read};
use std::path::Path;

use resonantgen_music::track::Track;
use resonantgen_project::{Form, ProjectForm, StoreError, export_project, export_take};
use resonantgen_session::Session;
use resonantgen_session::fake::generated;
use resonantgen_take::TAKE_SAMPLE_RATE_HZ;

const PROMPT: &str = "dark <techno> & \"bass\" in F# minor";

fn export(session: &Session, dir: &Path, form: ProjectForm) -> Vec<String> {
    let files = export_project(session, dir, form).expect("exported");
    files.iter().map(|file| file.file_name().expect("a name").to_string_lossy().into_owned()).collect()
}

/// The text or bytes of a chunk of a WAV file.
fn chunk<'a>(file: &'a [u8], id: &[u8; 4]) -> &'a [u8] {
    let mut rest = &file[12..];
    loop {
        let length = u32::from_le_bytes(rest[4..8].try_into().expect("four bytes")) as usize;
        if &rest[..4] == id {
            return &rest[8..8 + length];
        }
        rest = &rest[8 + length + length % 2..];
    }
}

#[test]
fn a_dawproject_has_everything_in_it() {
    let session = generated(PROMPT, 7);
    let folder = tempfile::tempdir().expect("a folder");
    let names = export(&session, folder.path(), ProjectForm::DawProject);
    assert_eq!(names.len(), 1);
    assert!(names[0].ends_with("_project_240bpm_Fsm_1bar.dawproject"), "{names:?}");
    let bytes = std::fs::read(folder.path().join(&names[0])).expect("the file");
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive");
    let mut read = |name: &str| {
        let mut bytes = Vec::new();
        archive.by_name(name).expect("it is there").read_to_end(&mut bytes).expect("it is whole");
        bytes
    };
    let text = String::from_utf8(read("project.xml")).expect("UTF-8");
    let xml = roxmltree::Document::parse(&text).expect("XML");
    let all = |name: &'static str| xml.descendants().filter(move |node| node.has_tag_name(name));
    let tempo = all("Tempo").next().expect("a tempo");
    assert_eq!((tempo.attribute("value"), tempo.attribute("unit")), (Some("240"), Some("bpm")));
    let titles: Vec<_> = all("Track").filter_map(|track| track.attribute("name")).collect();
    assert_eq!(titles.len(), 9, "four stems, their notes, and the master");
    assert_eq!(titles[..2], ["Drums", "Drums notes"]);
    assert_eq!(all("Track").next().and_then(|track| track.attribute("color")), Some("#f2a53a"));
    assert!(all("Marker").next().is_some(), "the chords");
    // The note of the fake takes: step 3 and a quarter, a third of a step long.
    let note = all("Note").next().expect("a note");
    assert_eq!((note.attribute("time"), note.attribute("key")), (Some("0.8125"), Some("60")));
    let plan = session.plan.as_ref().expect("a plan");
    for audio in all("Audio") {
        let path = audio.first_element_child().and_then(|file| file.attribute("path")).expect("a path");
        let wav = hound::WavReader::new(Cursor::new(read(path))).expect("a WAV file");
        assert_eq!(wav.duration() as usize, plan.audio_frames(TAKE_SAMPLE_RATE_HZ));
        let seconds: f64 = audio.attribute("duration").and_then(|text| text.parse().ok()).expect("a number");
        assert_eq!(seconds, f64::from(wav.duration()) / f64::from(TAKE_SAMPLE_RATE_HZ));
    }
    let metadata = String::from_utf8(read("metadata.xml")).expect("UTF-8");
    let metadata = roxmltree::Document::parse(&metadata).expect("XML");
    let title = metadata.descendants().find(|node| node.has_tag_name("Title")).and_then(|node| node.text());
    assert_eq!(title, Some(PROMPT));
    assert!(String::from_utf8(read("LICENCE.txt")).expect("UTF-8").contains("is theirs"));
    assert!(folder.path().join("LICENCE.txt").is_file());
}

#[test]
fn the_same_session_gives_the_same_project() {
    let session = generated(PROMPT, 7);
    for form in [ProjectForm::DawProject, ProjectForm::Reaper] {
        let [one, two] = [(), ()].map(|()| {
            let folder = tempfile::tempdir().expect("a folder");
            let names = export(&session, folder.path(), form);
            std::fs::read(folder.path().join(&names[0])).expect("the file")
        });
        assert!(one == two, "{form:?}");
    }
}

#[test]
fn a_reaper_project_names_its_files_and_its_blocks_close() {
    let session = generated(PROMPT, 7);
    let folder = tempfile::tempdir().expect("a folder");
    let names = export(&session, folder.path(), ProjectForm::Reaper);
    assert_eq!(names.len(), 5);
    let text = std::fs::read_to_string(folder.path().join(&names[0])).expect("the file");
    let mut depth = 0_i32;
    for line in text.lines().map(str::trim_start) {
        depth += i32::from(line.starts_with('<')) - i32::from(line == ">");
        assert!(depth >= 0, "{line}");
    }
    assert_eq!(depth, 0);
    for name in &names[1..] {
        assert!(text.contains(&format!("FILE \"{name}\"")), "{name} is not named");
    }
    assert!(text.contains("TEMPO 240 4 4"), "{text}");
}

#[test]
fn a_wav_file_says_what_it_is_and_whose() {
    let session = generated(PROMPT, 7);
    let folder = tempfile::tempdir().expect("a folder");
    let path = export_take(&session, Track::Bass, 0, None, Form::Wav, folder.path()).expect("a file");
    assert!(path.to_string_lossy().contains("_bass_240bpm_Fsm_1bar.wav"), "{path:?}");
    let bytes = std::fs::read(&path).expect("the file");
    let info = String::from_utf8_lossy(chunk(&bytes, b"LIST")).into_owned();
    assert!(info.starts_with("INFO") && info.contains("belongs to the person who made it"), "{info}");
    assert!(info.contains("240 bpm, F# minor") && info.contains(PROMPT), "{info}");
    let bext = chunk(&bytes, b"bext");
    assert_eq!(bext.len(), 602);
    assert_eq!(&bext[256..267], b"ResonantGen");
    let id = &session.track(Track::Bass).take().expect("a take").id.0;
    assert_eq!(&bext[288..320], id.as_bytes());
}

#[test]
fn some_bars_and_older_takes_leave_alone_too() {
    use resonantgen_session::fake::{apply, request};
    use resonantgen_session::{Overrides, Request};
    let mut session = Session::default();
    let facts = Overrides { bars: Some(4), bpm: Some(97.0), ..Overrides::default() };
    apply(&mut session, &request("techno", 1).facts(facts)).expect("a piece");
    apply(&mut session, &Request::edit(Track::Bass, "").seed(2)).expect("a bass");
    let folder = tempfile::tempdir().expect("a folder");
    let whole = |index| export_take(&session, Track::Bass, index, None, Form::Wav, folder.path());
    let older = whole(0).expect("a file");
    assert!(older.to_string_lossy().contains("_bass-take1_"), "{older:?}");
    let mut lengths = 0;
    for bar in 0..4 {
        let part = export_take(&session, Track::Bass, 1, Some(bar..bar + 1), Form::Wav, folder.path());
        let part = part.expect("a file");
        assert!(part.to_string_lossy().contains(&format!("_bass-from-bar{}_97bpm_", bar + 1)), "{part:?}");
        lengths += hound::WavReader::open(&part).expect("a WAV file").duration();
    }
    let all = hound::WavReader::open(whole(1).expect("a file")).expect("a WAV file").duration();
    assert!(lengths.abs_diff(all) <= 2, "{lengths}, {all}: each bar is rounded to a sample");
    let beyond = export_take(&session, Track::Bass, 1, Some(3..5), Form::Wav, folder.path());
    assert!(matches!(beyond, Err(StoreError::NothingToExport)));
    let midi = export_take(&session, Track::Bass, 1, Some(0..1), Form::Midi, folder.path()).expect("a file");
    assert!(std::fs::read(midi).expect("the file").starts_with(b"MThd"));
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let session = generated(PROMPT, 7);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a file");
    std::fs::write(&file, b"").expect("room");
    let error = export_project(&session, &file.join("inside"), ProjectForm::Reaper).expect_err("no folder");
    assert!(error.to_string().contains("a file"), "{error}");
}
