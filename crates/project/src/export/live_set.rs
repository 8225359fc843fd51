//! Live Sets of Ableton Live: XML, compressed with gzip. Stems lie in the same folder and are named relative to it.
//!
//! The format is not published. This is written after sets that Live itself has saved, in the schema of Live 11.3 (`11.0_11300`),
//! which Live 11.3 and Live 12 open. Live fills in what is missing in a set of its own schema, or refuses the set, depending on its
//! version. So everything is written that Live writes, in its order; `tests/live_set_elements.txt` lists all elements, as noted from
//! sets of Live 11.3.13, for audio clips 11.0.0 to 11.2.10, and for locators 10.1.7 and 12.0 (which agree). Tests read sets with
//! `pyableton` and `buildable`; in Live itself none has been opened yet. In outline, with what Live insists on:
//!
//! - `Ableton`: `MinorVersion` is checked; `Creator` is free.
//! - `LiveSet`: first `NextPointeeId`, greater than all ids of `Pointee`, `AutomationTarget`, `ModulationTarget`, `…ModulationTarget`
//!   and `ControllerTargets.N`, which are unique throughout the set; then
//!   - `Tracks`: an `AudioTrack` for each stem and a `MidiTrack` for its notes, each with an id;
//!   - `MasterTrack`, whose mixer holds `Tempo` and `TimeSignature`, each with an envelope too, and `PreHearTrack`;
//!   - `SendsPre`, `Scenes`, `Transport`, `Grid`, `ScaleInformation`, `TimeSelection`, `SequencerNavigator`, `ExpressionLanes`,
//!     `ContentLanes`;
//!   - `Locators`: the chords; `Annotation`: the licence note; `GroovePool`, `ViewStates` and other settings.
//! - A track: `TrackDelay`, `Name`, `Color` (an index in Live's palette), `AutomationEnvelopes`, `TakeLanes`, and a `DeviceChain` with
//!   `AutomationLanes`, four routings, `Mixer`, `MainSequencer`, `FreezeSequencer` and an inner `DeviceChain`. The master track has no
//!   main sequencer, the other one neither sequencer.
//! - A sequencer: as many `ClipSlot`s as there are scenes; `Sample` (stems) or `ClipTimeable` (notes) with the clips of the
//!   arrangement; for notes 131 `ControllerTargets`.
//! - `AudioClip`: `CurrentStart`, `CurrentEnd` and `Loop` in quarter notes, `SampleRef` and `FileRef` (`RelativePathType` 1: relative
//!   to the set), `WarpMarkers` in seconds and quarter notes.
//! - `MidiClip`: the same, with a `KeyTrack` for each pitch and `MidiNoteEvent`s in quarter notes.
//! - Members of lists have ids: positions in their list.

mod clip;
mod track;
mod writer;

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use self::writer::Writer;
use super::xml::Xml;
use super::{Part, chord_marks, licence};
use resonantgen_music::plan::{Meter, Plan};
use resonantgen_music::track::Track;
use resonantgen_session::Session;

/// Scenes of the session view, as many as in a new set.
const SCENES: u8 = 8;

/// Writes the set. Its WAV files are in the same folder, with the export's number in their names.
pub(super) fn file(session: &Session, plan: &Plan, parts: &[Part<'_>], number: u32) -> Vec<u8> {
    let mut writer = Writer::default();
    set(&mut writer, session, plan, parts, number);
    let (content, free_id) = writer.finish();
    let mut xml = Xml::document();
    xml.begin(
        "Ableton",
        &[
            ("MajorVersion", "5".to_owned()),
            ("MinorVersion", "11.0_11300".to_owned()),
            ("SchemaChangeCount", "3".to_owned()),
            // Programs that read sets look for the version of Live here.
            ("Creator", format!("ResonantGen {} (Ableton Live 11.3)", env!("CARGO_PKG_VERSION"))),
            ("Revision", String::new()),
        ],
    );
    xml.begin("LiveSet", &[]);
    xml.empty("NextPointeeId", &[("Value", free_id.to_string())]);
    xml.append(&content);
    xml.end("LiveSet");
    xml.end("Ableton");
    // Without the time of day, so that the same session gives the same file.
    let mut file = GzEncoder::new(Vec::new(), Compression::default());
    file.write_all(xml.finish().as_bytes()).expect("memory takes the bytes");
    file.finish().expect("memory takes the checksum")
}

/// The index of a track's colour in Live's palette: the nearest in CIE Lab.
const fn palette_index(track: Track) -> i8 {
    match track {
        Track::Drums => 1,
        Track::Bass => 22,
        Track::Harmony => 25,
        Track::Melody => 6,
    }
}

/// Live's number for a meter.
fn time_signature_id(meter: Meter) -> u32 {
    99 * meter.denominator().trailing_zeros() + meter.numerator() - 1
}

/// All of the set that follows the first free id.
fn set(w: &mut Writer, session: &Session, plan: &Plan, parts: &[Part<'_>], number: u32) {
    w.values(&[("OverwriteProtectionNumber", "2819"), ("LomId", "0"), ("LomIdView", "0")]);
    w.within("Tracks", |w| {
        for (index, part) in parts.iter().enumerate() {
            track::audio(w, part, number);
            track::notes(w, part, index);
        }
    });
    track::master(w, plan);
    track::pre_hear(w);
    w.empty("SendsPre", &[]);
    scenes(w, plan);
    transport(w, plan);
    let origin = [("X", "0".to_owned()), ("Y", "0".to_owned())];
    w.within("SongMasterValues", |w| w.empty("SessionScrollerPos", &origin));
    w.empty("SignalModulations", &[]);
    w.values(&[("GlobalQuantisation", "4"), ("AutoQuantisation", "0")]);
    clip::grid(w, "Grid", true);
    scale(w);
    w.values(&[("InKey", "false"), ("SmpteFormat", "0")]);
    time_selection(w);
    w.within("SequencerNavigator", |w| {
        w.within("BeatTimeHelper", |w| w.value("CurrentZoom", 0.25));
        w.empty("ScrollerPos", &origin);
        w.empty("ClientSize", &[("X", "786".to_owned()), ("Y", "316".to_owned())]);
    });
    lanes(w);
    w.values(&[("ViewStateFxSlotCount", "4"), ("ViewStateSessionMixerHeight", "120")]);
    locators(w, plan);
    w.empty("DetailClipKeyMidis", &[]);
    w.wrappers(&[
        "TracksListWrapper",
        "VisibleTracksListWrapper",
        "ReturnTracksListWrapper",
        "ScenesListWrapper",
        "CuePointsListWrapper",
    ]);
    w.value("ChooserBar", 0);
    w.value("Annotation", licence::text(session));
    settings(w);
}

fn scenes(w: &mut Writer, plan: &Plan) {
    w.within("Scenes", |w| {
        for scene in 0..SCENES {
            w.member("Scene", scene, |w| {
                clip::follow_action(w, 0);
                w.values(&[("Name", ""), ("Annotation", ""), ("Color", "-1")]);
                w.value("Tempo", plan.bpm);
                w.value("IsTempoEnabled", false);
                w.value("TimeSignatureId", time_signature_id(plan.meter));
                w.values(&[("IsTimeSignatureEnabled", "false"), ("LomId", "0")]);
                w.wrappers(&["ClipSlotsListWrapper"]);
            });
        }
    });
}

/// The whole loop is repeated.
fn transport(w: &mut Writer, plan: &Plan) {
    w.within("Transport", |w| {
        w.values(&[("PhaseNudgeTempo", "10"), ("LoopOn", "true"), ("LoopStart", "0")]);
        w.value("LoopLength", plan.quarters());
        w.values(&[
            ("LoopIsSongStart", "false"),
            ("CurrentTime", "0"),
            ("PunchIn", "false"),
            ("PunchOut", "false"),
            ("MetronomeTickDuration", "0"),
            ("DrawMode", "false"),
        ]);
    });
}

/// No scale is chosen.
fn scale(w: &mut Writer) {
    w.within("ScaleInformation", |w| w.values(&[("RootNote", "0"), ("Name", "Major")]));
}

/// Nothing is selected.
fn time_selection(w: &mut Writer) {
    w.within("TimeSelection", |w| w.values(&[("AnchorTime", "0"), ("OtherTime", "0")]));
}

/// Lanes of the clip editor: type, height, whether they are minimized.
fn lanes(w: &mut Writer) {
    w.values(&[("IsContentSplitterOpen", "true"), ("IsExpressionSplitterOpen", "true")]);
    let expression = [(0, 41, false), (1, 41, false), (2, 41, true), (3, 41, true)];
    let content = [(4, 41, false), (5, 25, true)];
    for (name, lanes) in [("ExpressionLanes", expression.as_slice()), ("ContentLanes", content.as_slice())] {
        w.within(name, |w| {
            for (index, (kind, size, is_minimized)) in lanes.iter().enumerate() {
                w.member("ExpressionLane", index, |w| {
                    w.value("Type", kind);
                    w.value("Size", size);
                    w.value("IsMinimized", is_minimized);
                });
            }
        });
    }
}

fn locators(w: &mut Writer, plan: &Plan) {
    w.within("Locators", |w| {
        w.within("Locators", |w| {
            for (index, (quarters, chord)) in chord_marks(plan).iter().enumerate() {
                w.member("Locator", index, |w| {
                    w.value("LomId", 0);
                    w.value("Time", quarters);
                    w.value("Name", chord);
                    w.values(&[("Annotation", ""), ("IsSongStart", "false")]);
                });
            }
        });
    });
}

/// Settings as in a new set.
fn settings(w: &mut Writer) {
    w.values(&[
        ("SoloOrPflSavedValue", "true"),
        ("SoloInPlace", "true"),
        ("CrossfadeCurve", "2"),
        ("LatencyCompensation", "2"),
        ("HighlightedTrackIndex", "0"),
    ]);
    w.within("GroovePool", |w| {
        w.value("LomId", 0);
        w.empty("Grooves", &[]);
    });
    w.values(&[
        ("AutomationMode", "false"),
        ("SnapAutomationToGrid", "true"),
        ("ArrangementOverdub", "false"),
        ("ColorSequenceIndex", "0"),
    ]);
    for kind in ["PlayerAndGroup", "ReturnAndMaster"] {
        w.within(&format!("AutoColorPickerFor{kind}Tracks"), |w| w.value("NextColorIndex", 0));
    }
    w.values(&[
        ("ViewData", "{}"),
        ("ResetNonautomatedMidiControllersOnClipStarts", "true"),
        ("MidiFoldIn", "false"),
        ("MidiFoldMode", "0"),
        ("MultiClipFocusMode", "false"),
        ("MultiClipLoopBarHeight", "0"),
        ("MidiPrelisten", "false"),
    ]);
    w.empty("LinkedTrackGroups", &[]);
    w.values(&[
        ("AccidentalSpellingPreference", "3"),
        ("PreferFlatRootNote", "false"),
        ("UseWarperLegacyHiQMode", "false"),
    ]);
    let nowhere = i32::MIN.to_string();
    let sides = ["Top", "Left", "Bottom", "Right"].map(|side| (side, nowhere.clone()));
    w.empty("VideoWindowRect", &sides);
    w.values(&[
        ("ShowVideoWindow", "true"),
        ("TrackHeaderWidth", "93"),
        ("ViewStateArrangerHasDetail", "true"),
        ("ViewStateSessionHasDetail", "true"),
        ("ViewStateDetailIsSample", "true"),
    ]);
    w.within("ViewStates", |w| {
        w.values(&[
            ("SessionIO", "1"),
            ("SessionSends", "1"),
            ("SessionReturns", "1"),
            ("SessionMixer", "1"),
            ("SessionTrackDelay", "0"),
            ("SessionCrossFade", "0"),
            ("SessionShowOverView", "0"),
            ("ArrangerIO", "1"),
            ("ArrangerReturns", "1"),
            ("ArrangerMixer", "1"),
            ("ArrangerTrackDelay", "0"),
            ("ArrangerShowOverView", "1"),
        ]);
    });
}
