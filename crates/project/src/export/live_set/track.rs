//! Tracks: their mixers, the sequencers that play their clips, and where they send their sound.

use std::ops::RangeInclusive;

use super::super::Part;
use super::writer::Writer;
use super::{SCENES, clip, palette_index, time_signature_id};
use resonantgen_music::plan::{BPM_RANGE, Plan};

/// A time before the arrangement, at which envelopes begin.
const BEFORE_ALL: &str = "-63072000";
/// Volumes from silence to +6 dB.
const VOLUMES: RangeInclusive<f64> = 0.0003162277571..=1.99526238;
/// Colours in Live's palette.
const WHITE: i8 = 13;
const NO_COLOUR: i8 = -1;
/// Controllers and other sources that clips of notes can contain.
const NOTE_CONTROLLERS: u32 = 131;
/// Those of them that Live marks as locked.
const LOCKED: [u32; 3] = [1, 11, 66];

/// The stem of a part. `number` is the export's.
pub(super) fn audio(w: &mut Writer, part: &Part<'_>, number: u32) {
    let id = w.new_id();
    w.member("AudioTrack", id, |w| {
        describe(w, part.track.title(), palette_index(part.track), |_| ());
        player(w, true, |w| {
            w.within("MainSequencer", |w| audio_sequencer(w, |w| clip::audio(w, part, number)));
        });
    });
}

/// The notes of a part, muted, because the stem plays them. `index` counts these tracks.
pub(super) fn notes(w: &mut Writer, part: &Part<'_>, index: usize) {
    let id = w.new_id();
    w.member("MidiTrack", id, |w| {
        let name = format!("{} notes", part.track.title());
        describe(w, &name, palette_index(part.track), |_| ());
        player(w, false, |w| {
            w.within("MainSequencer", |w| {
                device(w);
                clip_slots(w);
                w.value("MonitoringEnum", 1);
                w.within("ClipTimeable", |w| arrangement(w, |w| clip::notes(w, part)));
                recorder(w);
                w.within("MidiControllers", |w| {
                    for controller in 0..NOTE_CONTROLLERS {
                        let id = w.new_id();
                        w.member(&format!("ControllerTargets.{controller}"), id, |w| {
                            w.value("LockEnvelope", u8::from(LOCKED.contains(&controller)));
                        });
                    }
                });
            });
        });
        w.value("ReWireSlaveMidiTargetId", index);
        w.value("PitchbendRange", 96);
    });
}

/// The track that all others play into, with tempo and meter.
pub(super) fn master(w: &mut Writer, plan: &Plan) {
    let (meter, tempo) = (w.new_id(), w.new_id());
    let meter_value = time_signature_id(plan.meter);
    w.within("MasterTrack", |w| {
        describe(w, "Master", WHITE, |w| {
            envelope(w, 0, meter, "EnumEvent", &meter_value.to_string());
            envelope(w, 1, tempo, "FloatEvent", &plan.bpm.to_string());
        });
        w.within("DeviceChain", |w| {
            views(w);
            routings(w, true);
            w.within("Mixer", |w| {
                mixer(w, true);
                w.within("Tempo", |w| {
                    w.value("LomId", 0);
                    w.value("Manual", plan.bpm);
                    controller_range(w, &BPM_RANGE);
                    w.target_with("AutomationTarget", tempo);
                    w.target("ModulationTarget");
                });
                w.within("TimeSignature", |w| {
                    w.value("LomId", 0);
                    w.value("Manual", meter_value);
                    w.target_with("AutomationTarget", meter);
                });
                dial(w, "GlobalGrooveAmount", 100.0, &(0.0..=131.25));
                dial(w, "CrossFade", 0.0, &(-1.0..=1.0));
                w.value("TempoAutomationViewBottom", BPM_RANGE.start());
                w.value("TempoAutomationViewTop", BPM_RANGE.end());
            });
            w.within("FreezeSequencer", |w| {
                w.member("AudioSequencer", 0, |w| {
                    device(w);
                    w.empty("ClipSlotList", &[]);
                    stem_player(w, |_| ());
                });
            });
            devices(w);
        });
    });
}

/// The track for listening ahead.
pub(super) fn pre_hear(w: &mut Writer) {
    w.within("PreHearTrack", |w| {
        describe(w, "Master", NO_COLOUR, |_| ());
        w.within("DeviceChain", |w| {
            views(w);
            routings(w, true);
            w.within("Mixer", |w| mixer(w, true));
            devices(w);
        });
    });
}

/// What every track has first. `colour` is an index in Live's palette.
fn describe(w: &mut Writer, name: &str, colour: i8, envelopes: impl FnOnce(&mut Writer)) {
    w.values(&[
        ("LomId", "0"),
        ("LomIdView", "0"),
        ("IsContentSelectedInDocument", "false"),
        ("PreferredContentViewMode", "0"),
    ]);
    w.within("TrackDelay", |w| w.values(&[("Value", "0"), ("IsValueSampleBased", "false")]));
    w.within("Name", |w| {
        w.value("EffectiveName", name);
        w.value("UserName", name);
        w.values(&[("Annotation", ""), ("MemorizedFirstClipName", "")]);
    });
    w.value("Color", colour);
    w.within("AutomationEnvelopes", |w| w.within("Envelopes", envelopes));
    w.values(&[("TrackGroupId", "-1"), ("TrackUnfolded", "true")]);
    w.wrappers(&["DevicesListWrapper", "ClipSlotsListWrapper"]);
    w.value("ViewData", "{}");
    w.within("TakeLanes", |w| {
        w.empty("TakeLanes", &[]);
        w.value("AreTakeLanesFolded", true);
    });
    w.value("LinkedTrackGroupId", -1);
}

/// What a track that plays clips has in addition, with its main sequencer.
fn player(w: &mut Writer, is_on: bool, main_sequencer: impl FnOnce(&mut Writer)) {
    w.values(&[
        ("SavedPlayingSlot", "-1"),
        ("SavedPlayingOffset", "0"),
        ("Freeze", "false"),
        ("VelocityDetail", "0"),
        ("NeedArrangerRefreeze", "true"),
        ("PostProcessFreezeClips", "0"),
    ]);
    w.within("DeviceChain", |w| {
        views(w);
        routings(w, false);
        w.within("Mixer", |w| mixer(w, is_on));
        main_sequencer(w);
        w.within("FreezeSequencer", |w| audio_sequencer(w, |_| ()));
        devices(w);
    });
}

/// An envelope with one value throughout.
fn envelope(w: &mut Writer, index: u8, target: u32, event: &str, value: &str) {
    w.member("AutomationEnvelope", index, |w| {
        w.within("EnvelopeTarget", |w| w.value("PointeeId", target));
        w.within("Automation", |w| {
            events(w, |w| {
                w.empty(
                    event,
                    &[("Id", "0".to_owned()), ("Time", BEFORE_ALL.to_owned()), ("Value", value.to_owned())],
                );
            });
        });
    });
}

/// Clips or values over time.
fn events(w: &mut Writer, inside: impl FnOnce(&mut Writer)) {
    w.within("Events", inside);
    w.within("AutomationTransformViewState", |w| {
        w.value("IsTransformPending", false);
        w.empty("TimeAndValueTransforms", &[]);
    });
}

fn arrangement(w: &mut Writer, clips: impl FnOnce(&mut Writer)) {
    w.within("ArrangerAutomation", |w| events(w, clips));
}

/// How the track is shown.
fn views(w: &mut Writer) {
    w.within("AutomationLanes", |w| {
        w.within("AutomationLanes", |w| {
            w.member("AutomationLane", 0, |w| {
                w.values(&[
                    ("SelectedDevice", "0"),
                    ("SelectedEnvelope", "0"),
                    ("IsContentSelectedInDocument", "false"),
                    ("LaneHeight", "68"),
                ]);
            });
        });
        w.value("AreAdditionalAutomationLanesFolded", false);
    });
    w.within("ClipEnvelopeChooserViewState", |w| {
        w.values(&[("SelectedDevice", "0"), ("SelectedEnvelope", "0"), ("PreferModulationVisible", "false")]);
    });
}

/// Inputs and outputs: to the audio interface, or to the master track.
fn routings(w: &mut Writer, is_last: bool) {
    let output =
        if is_last { ("AudioOut/External/S0", "Ext. Out", "1/2") } else { ("AudioOut/Master", "Master", "") };
    for (name, (target, upper, lower)) in [
        ("AudioInputRouting", ("AudioIn/External/S0", "Ext. In", "1/2")),
        ("MidiInputRouting", ("MidiIn/External.All/-1", "Ext: All Ins", "")),
        ("AudioOutputRouting", output),
        ("MidiOutputRouting", ("MidiOut/None", "None", "")),
    ] {
        w.within(name, |w| {
            w.values(&[("Target", target), ("UpperDisplayString", upper), ("LowerDisplayString", lower)]);
            w.within("MpeSettings", |w| {
                w.values(&[("ZoneType", "0"), ("FirstNoteChannel", "1"), ("LastNoteChannel", "15")]);
            });
        });
    }
}

/// What every device has first; mixers and sequencers are devices.
fn device(w: &mut Writer) {
    w.values(&[("LomId", "0"), ("LomIdView", "0"), ("IsExpanded", "true")]);
    switch(w, "On", true);
    w.value("ModulationSourceCount", 0);
    w.wrappers(&["ParametersListWrapper"]);
    let id = w.new_id();
    w.empty("Pointee", &[("Id", id.to_string())]);
    w.values(&[("LastSelectedTimeableIndex", "0"), ("LastSelectedClipEnvelopeIndex", "0")]);
    w.within("LastPresetRef", |w| w.empty("Value", &[]));
    w.empty("LockedScripts", &[]);
    w.values(&[
        ("IsFolded", "false"),
        ("ShouldShowPresetName", "false"),
        ("UserName", ""),
        ("Annotation", ""),
    ]);
    w.within("SourceContext", |w| w.empty("Value", &[]));
}

fn mixer(w: &mut Writer, is_on: bool) {
    device(w);
    w.empty("Sends", &[]);
    switch(w, "Speaker", is_on);
    w.values(&[("SoloSink", "false"), ("PanMode", "0")]);
    for (name, value) in [("Pan", 0.0), ("SplitStereoPanL", -1.0), ("SplitStereoPanR", 1.0)] {
        dial(w, name, value, &(-1.0..=1.0));
    }
    dial(w, "Volume", 1.0, &VOLUMES);
    // Live's spelling.
    w.value("ViewStateSesstionTrackWidth", 93);
    w.within("CrossFadeState", |w| {
        w.values(&[("LomId", "0"), ("Manual", "1")]);
        w.target("AutomationTarget");
    });
    w.wrappers(&["SendsListWrapper"]);
}

/// A parameter that is on or off.
fn switch(w: &mut Writer, name: &str, is_on: bool) {
    w.within(name, |w| {
        w.value("LomId", 0);
        w.value("Manual", is_on);
        w.target("AutomationTarget");
        w.within("MidiCCOnOffThresholds", |w| w.values(&[("Min", "64"), ("Max", "127")]));
    });
}

/// A parameter with a range.
fn dial(w: &mut Writer, name: &str, value: f64, range: &RangeInclusive<f64>) {
    w.within(name, |w| {
        w.value("LomId", 0);
        w.value("Manual", value);
        controller_range(w, range);
        w.target("AutomationTarget");
        w.target("ModulationTarget");
    });
}

fn controller_range(w: &mut Writer, range: &RangeInclusive<f64>) {
    w.within("MidiControllerRange", |w| {
        w.value("Min", range.start());
        w.value("Max", range.end());
    });
}

/// A sequencer of a track for audio clips.
fn audio_sequencer(w: &mut Writer, clips: impl FnOnce(&mut Writer)) {
    device(w);
    clip_slots(w);
    stem_player(w, clips);
}

/// What plays the audio clips of the arrangement.
fn stem_player(w: &mut Writer, clips: impl FnOnce(&mut Writer)) {
    w.value("MonitoringEnum", 1);
    w.within("Sample", |w| arrangement(w, clips));
    for name in [
        "VolumeModulationTarget",
        "TranspositionModulationTarget",
        "GrainSizeModulationTarget",
        "FluxModulationTarget",
        "SampleOffsetModulationTarget",
    ] {
        w.target(name);
    }
    w.values(&[
        ("PitchViewScrollPosition", "-1073741824"),
        ("SampleOffsetModulationScrollPosition", "-1073741824"),
    ]);
    recorder(w);
}

/// The session view's slots, one for each scene, all empty.
fn clip_slots(w: &mut Writer) {
    w.within("ClipSlotList", |w| {
        for scene in 0..SCENES {
            w.member("ClipSlot", scene, |w| {
                w.value("LomId", 0);
                w.within("ClipSlot", |w| w.empty("Value", &[]));
                w.values(&[("HasStop", "true"), ("NeedRefreeze", "true")]);
            });
        }
    });
}

fn recorder(w: &mut Writer) {
    w.within("Recorder", |w| w.values(&[("IsArmed", "false"), ("TakeCounter", "1")]));
}

/// The devices of a track: none.
fn devices(w: &mut Writer) {
    w.within("DeviceChain", |w| {
        w.empty("Devices", &[]);
        w.empty("SignalModulations", &[]);
    });
}
