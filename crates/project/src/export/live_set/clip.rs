//! Clips in the arrangement: a stem, warped to its beats, or notes. Positions are in quarter notes.

use std::collections::BTreeMap;

use super::super::Part;
use super::writer::Writer;
use super::{palette_index, scale, time_selection};
use resonantgen_music::midi::{TICKS_PER_QUARTER, TickNote, tick_notes};
use resonantgen_music::track::Track;
use resonantgen_take::TAKE_SAMPLE_RATE_HZ;

/// Quarter notes from the last warp marker to the one that Live keeps behind it.
const BEHIND_THE_END: f64 = 1.0 / 32.0;

/// The stem of a part. `number` is the export's.
pub(super) fn audio(w: &mut Writer, part: &Part<'_>, number: u32) {
    clip(w, "AudioClip", part, |w| {
        w.value("TakeId", 0);
        sample(w, part, number);
        w.within("Onsets", |w| {
            w.empty("UserOnsets", &[]);
            w.value("HasUserOnsets", false);
        });
        w.value("WarpMode", warp_mode(part.track));
        w.values(&[
            ("GranularityTones", "30"),
            ("GranularityTexture", "65"),
            ("FluctuationTexture", "25"),
            ("TransientResolution", "6"),
            ("TransientLoopMode", "2"),
            ("TransientEnvelope", "100"),
            ("ComplexProFormants", "100"),
            ("ComplexProEnvelope", "128"),
            ("Sync", "true"),
            ("HiQ", "true"),
            // Fades of a few milliseconds at the clip's ends would be heard in the first beat.
            ("Fade", "false"),
        ]);
        w.within("Fades", |w| {
            w.values(&[
                ("FadeInLength", "0"),
                ("FadeOutLength", "0"),
                ("ClipFadesAreInitialized", "true"),
                ("CrossfadeInState", "0"),
                ("FadeInCurveSkew", "0"),
                ("FadeInCurveSlope", "0"),
                ("FadeOutCurveSkew", "0"),
                ("FadeOutCurveSlope", "0"),
                ("IsDefaultFadeIn", "false"),
                ("IsDefaultFadeOut", "false"),
            ]);
        });
        w.values(&[
            ("PitchCoarse", "0"),
            ("PitchFine", "0"),
            ("SampleVolume", "1"),
            ("MarkerDensity", "2"),
            ("AutoWarpTolerance", "4"),
        ]);
        // The end in seconds is that of the bars, not of the file, which is rounded to a frame: at the set's tempo the stem is not
        // stretched at all. Behind the last marker Live keeps another, which says how fast the sound goes on.
        let plan = &part.take.recipe.plan;
        let end = plan.quarters();
        w.within("WarpMarkers", |w| {
            for (id, quarters) in [0.0, end, end + BEHIND_THE_END].iter().enumerate() {
                let seconds = quarters * 60.0 / plan.bpm;
                w.empty(
                    "WarpMarker",
                    &[
                        ("Id", id.to_string()),
                        ("SecTime", seconds.to_string()),
                        ("BeatTime", quarters.to_string()),
                    ],
                );
            }
        });
        w.empty("SavedWarpMarkersForStretched", &[]);
        w.values(&[("MarkersGenerated", "false"), ("IsSongTempoMaster", "false")]);
    });
}

/// How Live stretches a track at other tempos: *Beats* or *Tones*. Neither changes a sound that is not stretched; *Complex* always
/// does (Live's manual, "Audio Fact Sheet").
const fn warp_mode(track: Track) -> u8 {
    match track {
        Track::Drums => 0,
        Track::Bass | Track::Harmony | Track::Melody => 1,
    }
}

/// The WAV file of a part, in the folder of the set.
fn sample(w: &mut Writer, part: &Part<'_>, number: u32) {
    let file = part.file(number);
    w.within("SampleRef", |w| {
        w.within("FileRef", |w| {
            // 1: the path begins at the set's folder.
            w.value("RelativePathType", 1);
            w.value("RelativePath", &file);
            w.value("Path", &file);
            w.values(&[("Type", "1"), ("LivePackName", ""), ("LivePackId", "")]);
            w.value("OriginalFileSize", part.wav.len());
            w.value("OriginalCrc", 0);
        });
        w.value("LastModDate", 0);
        w.empty("SourceContext", &[]);
        w.value("SampleUsageHint", 0);
        w.value("DefaultDuration", part.take.recipe.plan.audio_frames(TAKE_SAMPLE_RATE_HZ));
        w.value("DefaultSampleRate", TAKE_SAMPLE_RATE_HZ);
    });
}

/// The notes of a part.
pub(super) fn notes(w: &mut Writer, part: &Part<'_>) {
    clip(w, "MidiClip", part, |w| {
        w.value("TakeId", 1);
        w.within("Notes", |w| keys(w, &tick_notes(&part.take.score, &part.take.recipe.plan)));
        w.values(&[
            ("BankSelectCoarse", "-1"),
            ("BankSelectFine", "-1"),
            ("ProgramChange", "-1"),
            ("NoteEditorFoldInZoom", "-1"),
            ("NoteEditorFoldInScroll", "0"),
            ("NoteEditorFoldOutZoom", "3072"),
            ("NoteEditorFoldOutScroll", "-1320"),
            ("NoteEditorFoldScaleZoom", "-1"),
            ("NoteEditorFoldScaleScroll", "0"),
        ]);
        scale(w);
        w.values(&[("IsInKey", "false"), ("NoteSpellingPreference", "3"), ("PreferFlatRootNote", "false")]);
        grid(w, "ExpressionGrid", false);
    });
}

/// Notes, one list for each pitch.
fn keys(w: &mut Writer, notes: &[TickNote]) {
    let quarters = |ticks: u32| f64::from(ticks) / f64::from(TICKS_PER_QUARTER);
    let mut keys: BTreeMap<u8, Vec<&TickNote>> = BTreeMap::new();
    for note in notes {
        keys.entry(note.pitch).or_default().push(note);
    }
    let mut next_id = 1;
    w.within("KeyTracks", |w| {
        for (index, (pitch, notes)) in keys.iter().enumerate() {
            w.member("KeyTrack", index, |w| {
                w.within("Notes", |w| {
                    for note in notes {
                        w.empty(
                            "MidiNoteEvent",
                            &[
                                ("Time", quarters(note.start).to_string()),
                                ("Duration", quarters(note.end - note.start).to_string()),
                                ("Velocity", note.velocity.to_string()),
                                ("VelocityDeviation", "0".to_owned()),
                                ("OffVelocity", "64".to_owned()),
                                ("Probability", "1".to_owned()),
                                ("IsEnabled", "true".to_owned()),
                                ("NoteId", next_id.to_string()),
                            ],
                        );
                        next_id += 1;
                    }
                });
                w.value("MidiKey", pitch);
            });
        }
    });
    w.within("PerNoteEventStore", |w| w.empty("EventLists", &[]));
    w.within("NoteIdGenerator", |w| w.value("NextId", next_id));
}

/// A clip over the whole loop, with what its kind has in addition. Drawn longer, it repeats.
fn clip(w: &mut Writer, kind: &str, part: &Part<'_>, inside: impl FnOnce(&mut Writer)) {
    let plan = &part.take.recipe.plan;
    let end = plan.quarters();
    w.element(kind, &[("Id", "0".to_owned()), ("Time", "0".to_owned())], |w| {
        w.values(&[("LomId", "0"), ("LomIdView", "0"), ("CurrentStart", "0")]);
        w.value("CurrentEnd", end);
        w.within("Loop", |w| {
            w.value("LoopStart", 0);
            w.value("LoopEnd", end);
            w.values(&[("StartRelative", "0"), ("LoopOn", "true")]);
            w.value("OutMarker", end);
            w.value("HiddenLoopStart", 0);
            w.value("HiddenLoopEnd", end);
        });
        w.value("Name", part.track.title());
        w.value("Annotation", "");
        w.value("Color", palette_index(part.track));
        w.values(&[("LaunchMode", "0"), ("LaunchQuantisation", "0")]);
        w.within("TimeSignature", |w| {
            w.within("TimeSignatures", |w| {
                w.member("RemoteableTimeSignature", 0, |w| {
                    w.value("Numerator", plan.meter.numerator());
                    w.value("Denominator", plan.meter.denominator());
                    w.value("Time", 0);
                });
            });
        });
        w.within("Envelopes", |w| w.empty("Envelopes", &[]));
        w.within("ScrollerTimePreserver", |w| {
            w.value("LeftTime", 0);
            w.value("RightTime", end);
        });
        time_selection(w);
        w.values(&[("Legato", "false"), ("Ram", "false")]);
        w.within("GrooveSettings", |w| w.value("GrooveId", -1));
        w.values(&[("Disabled", "false"), ("VelocityAmount", "0")]);
        follow_action(w, 1);
        grid(w, "Grid", true);
        w.values(&[("FreezeStart", "0"), ("FreezeEnd", "0"), ("IsWarped", "true")]);
        inside(w);
    });
}

/// What follows a clip or a scene: nothing.
pub(super) fn follow_action(w: &mut Writer, jump: u8) {
    w.within("FollowAction", |w| {
        w.values(&[
            ("FollowTime", "4"),
            ("IsLinked", "true"),
            ("LoopIterations", "1"),
            ("FollowActionA", "4"),
            ("FollowActionB", "0"),
            ("FollowChanceA", "100"),
            ("FollowChanceB", "0"),
        ]);
        w.value("JumpIndexA", jump);
        w.value("JumpIndexB", jump);
        w.value("FollowActionEnabled", false);
    });
}

/// The grid of an editor.
pub(super) fn grid(w: &mut Writer, name: &str, snaps: bool) {
    w.within(name, |w| {
        w.values(&[
            ("FixedNumerator", "1"),
            ("FixedDenominator", "16"),
            ("GridIntervalPixel", "20"),
            ("Ntoles", "2"),
        ]);
        w.value("SnapToGrid", snaps);
        w.value("Fixed", false);
    });
}
