//! Live Sets, read again with an XML parser, and compared with the sets that Live saves.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use resonantgen_music::midi::{TICKS_PER_QUARTER, TickNote, tick_notes};
use resonantgen_music::plan::{Meter, Plan};
use resonantgen_music::track::Track;
use resonantgen_project::{ProjectForm, StoreError, export_project};
use resonantgen_session::fake::{apply, generated, request};
use resonantgen_session::{Overrides, Session};
use resonantgen_take::{ImportSource, TAKE_SAMPLE_RATE_HZ, Take};
use roxmltree::{Document, Node};

const PROMPT: &str = "Größe <techno> & \"bass\" in F# minor";

/// Elements that Live writes, one list of children per line: `parent/element: child child`, repetitions as one, without numbers at
/// the end of the element's name. `any` allows the children in any order and number.
const ELEMENTS: &str = include_str!("live_set_elements.txt");

/// Exports into a folder; returns the set's path and its text.
fn exported(session: &Session, dir: &Path) -> (PathBuf, String) {
    let files = export_project(session, dir, ProjectForm::LiveSet).expect("exported");
    assert_eq!(files.len(), 5, "the set and four stems");
    let file = std::fs::File::open(&files[0]).expect("the set");
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).expect("compressed with gzip, UTF-8");
    (files[0].clone(), text)
}

fn all<'a>(node: Node<'a, 'a>, name: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    node.descendants().filter(move |node| node.has_tag_name(name))
}

/// The value at the end of a path of elements.
fn value<'a>(node: Node<'a, 'a>, path: &str) -> &'a str {
    let step = |node: Node<'a, 'a>, name: &str| node.children().find(|child| child.has_tag_name(name));
    let found = path.split('/').try_fold(node, step);
    found.and_then(|node| node.attribute("Value")).unwrap_or_else(|| panic!("{path} has no value"))
}

fn number(node: Node<'_, '_>, path: &str) -> f64 {
    value(node, path).parse().unwrap_or_else(|_| panic!("{path} is no number"))
}

fn attribute(node: Node<'_, '_>, name: &str) -> f64 {
    node.attribute(name).and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{name} is no number"))
}

/// A piece of some bars at an odd tempo and meter, so that its beats do not fall on audio frames.
fn odd() -> Session {
    let mut session = Session::default();
    let facts = Overrides {
        bars: Some(3),
        bpm: Some(97.3),
        meter: Some(Meter::new(7, 8).expect("a meter")),
        ..Overrides::default()
    };
    apply(&mut session, &request(PROMPT, 1).facts(facts)).expect("a piece");
    session
}

fn plan(session: &Session) -> &Plan {
    session.plan.as_ref().expect("a plan")
}

#[test]
fn a_live_set_has_tempo_meter_locators_and_tracks() {
    let folder = tempfile::tempdir().expect("a folder");
    let session = odd();
    let (path, text) = exported(&session, folder.path());
    assert!(path.to_string_lossy().contains("_project_97.3bpm_Fsm_3bars.als"), "{path:?}");
    let xml = Document::parse(&text).expect("XML");
    let root = xml.root_element();
    assert_eq!((root.tag_name().name(), root.attribute("MinorVersion")), ("Ableton", Some("11.0_11300")));
    let set = root.first_element_child().expect("a set");
    let mixer = all(set, "MasterTrack").flat_map(|track| all(track, "Mixer")).next().expect("a mixer");
    assert_eq!(value(mixer, "Tempo/Manual"), "97.3");
    // Eighths are the fourth denominator, and 7 the seventh numerator.
    assert_eq!(value(mixer, "TimeSignature/Manual"), (3 * 99 + 6).to_string());
    let events = |name| all(set, name).map(|event| event.attribute("Value")).collect::<Vec<_>>();
    assert_eq!((events("FloatEvent"), events("EnumEvent")), (vec![Some("97.3")], vec![Some("303")]));
    assert!(value(set, "Annotation").contains("is theirs"), "the licence note");

    let quarters = plan(&session).quarters();
    assert_eq!(quarters, 10.5);
    assert_eq!((number(set, "Transport/LoopStart"), number(set, "Transport/LoopLength")), (0.0, quarters));
    let chords = &plan(&session).chords;
    let mut marks: Vec<(f64, String)> = chords
        .iter()
        .enumerate()
        .map(|(half_bar, chord)| (half_bar as f64 * quarters / chords.len() as f64, chord.to_string()))
        .collect();
    marks.dedup_by(|mark, before| mark.1 == before.1);
    let locators =
        all(set, "Locator").map(|locator| (number(locator, "Time"), value(locator, "Name").to_owned()));
    assert_eq!(locators.collect::<Vec<_>>(), marks);

    let tracks = all(set, "Tracks").next().expect("tracks").children().filter(Node::is_element);
    let tracks: Vec<_> = tracks
        .map(|track| {
            let name = value(track, "Name/UserName");
            assert_eq!(name, value(track, "Name/EffectiveName"));
            let is_on = value(track, "DeviceChain/Mixer/Speaker/Manual");
            (track.tag_name().name(), name, value(track, "Color"), is_on)
        })
        .collect();
    let expected = [("Drums", "1"), ("Bass", "22"), ("Harmony", "25"), ("Melody", "6")];
    let notes = expected.map(|(name, _)| format!("{name} notes"));
    let expected = expected.iter().zip(&notes).flat_map(|((name, colour), notes)| {
        [("AudioTrack", *name, *colour, "true"), ("MidiTrack", notes.as_str(), *colour, "false")]
    });
    assert_eq!(tracks, expected.collect::<Vec<_>>());
}

#[test]
fn stems_are_found_beside_the_set_and_warped_to_exact_beats() {
    let folder = tempfile::tempdir().expect("a folder");
    for session in [odd(), generated(PROMPT, 7)] {
        let (path, text) = exported(&session, folder.path());
        let xml = Document::parse(&text).expect("XML");
        let (plan, mut seen) = (plan(&session), BTreeSet::new());
        for clip in all(xml.root(), "AudioClip") {
            assert_eq!((attribute(clip, "Time"), number(clip, "CurrentStart")), (0.0, 0.0));
            for end in ["CurrentEnd", "Loop/LoopEnd", "Loop/OutMarker", "Loop/HiddenLoopEnd"] {
                assert_eq!(number(clip, end), plan.quarters(), "{end}");
            }
            assert_eq!((value(clip, "IsWarped"), value(clip, "Loop/LoopOn")), ("true", "true"));
            let name = value(clip, "SampleRef/FileRef/RelativePath");
            let file = path.with_file_name(name);
            let wav = hound::WavReader::open(&file).expect("a stem beside the set");
            let frames = wav.duration();
            assert_eq!(frames as usize, plan.audio_frames(TAKE_SAMPLE_RATE_HZ));
            assert_eq!(number(clip, "SampleRef/DefaultDuration"), f64::from(frames));
            assert_eq!(number(clip, "SampleRef/DefaultSampleRate"), f64::from(wav.spec().sample_rate));
            let length = std::fs::metadata(&file).expect("its size").len();
            assert_eq!(value(clip, "SampleRef/FileRef/OriginalFileSize"), length.to_string());
            let markers: Vec<(f64, f64)> = all(clip, "WarpMarker")
                .map(|marker| (attribute(marker, "SecTime"), attribute(marker, "BeatTime")))
                .collect();
            let [start, end, behind] = markers[..] else { panic!("{markers:?}") };
            assert_eq!(start, (0.0, 0.0));
            assert_eq!(end.1, plan.quarters());
            assert!((end.0 - f64::from(frames) / f64::from(TAKE_SAMPLE_RATE_HZ)).abs() < 0.5 / 48_000.0);
            // All at the set's tempo: Live plays the stems as they are.
            for (from, to) in [(start, end), (end, behind)] {
                let bpm = 60.0 * (to.1 - from.1) / (to.0 - from.0);
                assert!((bpm / plan.bpm - 1.0).abs() < 1e-9, "{bpm}");
            }
            seen.insert(name.to_owned());
        }
        assert_eq!(seen.len(), 4);
    }
}

#[test]
fn notes_are_those_of_the_midi_files() {
    let folder = tempfile::tempdir().expect("a folder");
    for session in [odd(), generated(PROMPT, 7)] {
        let (_, text) = exported(&session, folder.path());
        let xml = Document::parse(&text).expect("XML");
        let clips: Vec<_> = all(xml.root(), "MidiClip").collect();
        assert_eq!(clips.len(), 4);
        for (track, clip) in Track::ALL.into_iter().zip(clips) {
            assert_eq!(number(clip, "CurrentEnd"), plan(&session).quarters());
            let ticks = |node, name| {
                let ticks = attribute(node, name) * f64::from(TICKS_PER_QUARTER);
                assert!((ticks - ticks.round()).abs() < 1e-6, "{name}: {ticks}");
                ticks.round() as u32
            };
            let mut notes = Vec::new();
            for key in all(clip, "KeyTrack") {
                for note in all(key, "MidiNoteEvent") {
                    let start = ticks(note, "Time");
                    notes.push(TickNote {
                        start,
                        end: start + ticks(note, "Duration"),
                        pitch: number(key, "MidiKey") as u8,
                        velocity: attribute(note, "Velocity") as u8,
                    });
                }
            }
            notes.sort_unstable();
            let take = session.track(track).take().expect("a take");
            assert!(!notes.is_empty());
            assert_eq!(notes, tick_notes(&take.score, &take.recipe.plan), "{track}");
            let ids: BTreeSet<_> =
                all(clip, "MidiNoteEvent").filter_map(|note| note.attribute("NoteId")).collect();
            assert_eq!(ids.len(), notes.len());
            assert_eq!(value(clip, "Notes/NoteIdGenerator/NextId"), (notes.len() + 1).to_string());
        }
    }
}

#[test]
fn ids_are_unique_and_below_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, text) = exported(&generated(PROMPT, 7), folder.path());
    let xml = Document::parse(&text).expect("XML");
    let is_unique = |name: &str| {
        matches!(name, "Pointee" | "AutomationTarget" | "AudioTrack" | "MidiTrack")
            || name.ends_with("ModulationTarget")
            || name.starts_with("ControllerTargets.")
    };
    let mut ids = BTreeSet::new();
    for node in xml.descendants().filter(|node| is_unique(node.tag_name().name())) {
        let id = attribute(node, "Id") as u32;
        assert!(ids.insert(id), "{} has the id {id} of another", node.tag_name().name());
    }
    let set = xml.root_element().first_element_child().expect("a set");
    let next = number(set, "NextPointeeId") as u32;
    assert!(ids.last().is_some_and(|last| *last < next), "{ids:?}, {next}");
    for envelope in all(set, "PointeeId") {
        let id = attribute(envelope, "Value") as u32;
        assert!(ids.contains(&id), "{id} is nowhere");
    }
    // In each list, too.
    for list in set.descendants() {
        let ids: Vec<_> = list.children().filter_map(|member| member.attribute("Id")).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{}", list.tag_name().name());
    }
    let scenes = all(set, "Scene").count();
    for slots in all(set, "ClipSlotList").filter(|list| list.has_children()) {
        assert_eq!(slots.children().filter(Node::is_element).count(), scenes);
    }
}

#[test]
fn elements_are_those_that_live_writes_in_its_order() {
    let mut known: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in ELEMENTS.lines() {
        let (place, children) = line.split_once(':').expect("a place and its children");
        known.entry(place).or_default().push(children.trim_start());
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (_, text) = exported(&generated(PROMPT, 7), folder.path());
    let xml = Document::parse(&text).expect("XML");
    let mut seen = BTreeSet::new();
    for node in xml.descendants().filter(Node::is_element) {
        let mut children: Vec<&str> =
            node.children().filter(Node::is_element).map(|child| child.tag_name().name()).collect();
        children.dedup();
        let name = node.tag_name().name().split('.').next().unwrap_or_default();
        let parent = node.parent_element().map_or("", |parent| parent.tag_name().name());
        let place = format!("{parent}/{name}");
        let Some(lists) = known.get(place.as_str()) else {
            assert!(children.is_empty(), "{place} has {children:?}");
            continue;
        };
        let fits = lists.iter().any(|list| match list.strip_prefix("any ") {
            Some(names) => children.iter().all(|child| names.split(' ').any(|name| name == *child)),
            None => list.split_whitespace().eq(children.iter().copied()),
        });
        assert!(fits, "{place} has {children:?}, not {lists:?}");
        seen.insert(place);
    }
    let unused: Vec<_> = known.keys().filter(|place| !seen.contains(**place)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn names_are_escaped_and_the_same_session_gives_the_same_set() {
    let mut session = generated(PROMPT, 7);
    let take = session.track(Track::Bass).take().expect("a take").as_ref().clone();
    let mut recipe = take.recipe.clone();
    recipe.imported = Some(ImportSource {
        name: "Bläser & <Söhne> \"live\".wav".to_owned(),
        sha256: String::new(),
        start_seconds: 0.0,
        bpm: 240.0,
        bars: 1,
    });
    session.track_mut(Track::Bass).history.clear();
    session.track_mut(Track::Bass).add(Take { recipe, ..take }.into());
    let [one, two] = [(), ()].map(|()| {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, text) = exported(&session, folder.path());
        let xml = Document::parse(&text).expect("XML");
        let set = xml.root_element().first_element_child().expect("a set");
        assert!(value(set, "Annotation").contains("Bläser & <Söhne> \"live\".wav"), "{text}");
        let clip = all(set, "AudioClip").next().expect("a clip");
        assert!(value(clip, "SampleRef/FileRef/RelativePath").starts_with("größe-techno-bass"), "{text}");
        std::fs::read(path).expect("the set")
    });
    assert!(one == two, "the bytes differ");
}

#[test]
fn a_second_export_names_its_own_stems_and_a_failed_one_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, _) = exported(&generated(PROMPT, 7), folder.path());
    let stem = first.with_file_name(
        first
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .replace("_project_", "_drums_")
            .replace(".als", ".wav"),
    );
    std::fs::write(&stem, "mine").expect("room");
    let (second, text) = exported(&generated(PROMPT, 7), folder.path());
    assert!(second.to_string_lossy().ends_with("_1bar_2.als"), "{second:?}");
    assert!(text.contains("_drums_240bpm_Fsm_1bar_2.wav"), "{text}");
    assert_eq!(std::fs::read(&stem).expect("still there"), b"mine");

    let file = folder.path().join("a file");
    std::fs::write(&file, b"").expect("room");
    let error = export_project(&generated(PROMPT, 7), &file.join("inside"), ProjectForm::LiveSet);
    assert!(error.expect_err("no folder").to_string().contains("a file"));
    let nothing = export_project(&Session::default(), &folder.path().join("new"), ProjectForm::LiveSet);
    assert!(matches!(nothing, Err(StoreError::NothingToExport)));
    assert!(!folder.path().join("new").exists());
}
