//! DAWproject 1.0 (<https://github.com/bitwig/dawproject>): a ZIP archive with `project.xml`, `metadata.xml` and the audio files.

use std::io::{Cursor, Write as _};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::xml::Xml;
use super::{Part, chord_marks, colour, licence};
use resonantgen_music::midi::{TICKS_PER_QUARTER, channel, tick_notes};
use resonantgen_music::plan::{BPM_RANGE, Plan};
use resonantgen_session::Session;
use resonantgen_take::TAKE_SAMPLE_RATE_HZ;

/// Writes the archive.
pub(super) fn file(session: &Session, plan: &Plan, parts: &[Part<'_>]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    // Without the time of day, so that the same session gives the same file. Audio hardly compresses, so it is stored.
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default());
    let mut put = |name: &str, bytes: &[u8]| {
        archive.start_file(name, options).expect("names are unique and memory takes them");
        archive.write_all(bytes).expect("memory takes the bytes");
    };
    put("project.xml", project(plan, parts).as_bytes());
    put("metadata.xml", metadata(session).as_bytes());
    put(&format!("{}.txt", licence::NAME), licence::text(session).as_bytes());
    for part in parts {
        put(&format!("audio/{}", part.file(1)), &part.wav);
    }
    archive.finish().expect("memory takes the directory").into_inner()
}

fn metadata(session: &Session) -> String {
    let mut xml = Xml::document();
    xml.begin("MetaData", &[]);
    xml.text("Title", &session.prompt);
    xml.text("Copyright", "The person who made this music with ResonantGen");
    xml.text("Comment", &licence::text(session));
    xml.end("MetaData");
    xml.finish()
}

/// A track with its channel. Note tracks are muted, because the stem plays the notes.
fn track(xml: &mut Xml, part: &Part<'_>, is_notes: bool) {
    let id = track_id(part, is_notes);
    let [red, green, blue] = colour(part.track);
    let title = part.track.title();
    xml.begin(
        "Track",
        &[
            ("contentType", if is_notes { "notes" } else { "audio" }.to_owned()),
            ("loaded", "true".to_owned()),
            ("id", id.clone()),
            ("name", if is_notes { format!("{title} notes") } else { title.to_owned() }),
            ("color", format!("#{red:02x}{green:02x}{blue:02x}")),
        ],
    );
    xml.begin(
        "Channel",
        &[
            ("audioChannels", "2".to_owned()),
            ("destination", "master-channel".to_owned()),
            ("role", "regular".to_owned()),
            ("solo", "false".to_owned()),
            ("id", format!("{id}-channel")),
        ],
    );
    strip(xml, &id, is_notes);
    xml.end("Channel");
    xml.end("Track");
}

/// Mute, pan and volume of a channel.
fn strip(xml: &mut Xml, id: &str, is_muted: bool) {
    xml.empty(
        "Mute",
        &[("value", is_muted.to_string()), ("id", format!("{id}-mute")), ("name", "Mute".to_owned())],
    );
    for (name, unit, max, value) in [("Pan", "normalized", "1", "0.5"), ("Volume", "linear", "2", "1")] {
        xml.empty(
            name,
            &[
                ("max", max.to_owned()),
                ("min", "0".to_owned()),
                ("unit", unit.to_owned()),
                ("value", value.to_owned()),
                ("id", format!("{id}-{}", name.to_lowercase())),
                ("name", name.to_owned()),
            ],
        );
    }
}

fn track_id(part: &Part<'_>, is_notes: bool) -> String {
    let kind = if is_notes { "notes" } else { "audio" };
    format!("{}-{kind}", part.track.name())
}

fn project(plan: &Plan, parts: &[Part<'_>]) -> String {
    let mut xml = Xml::document();
    xml.begin("Project", &[("version", "1.0".to_owned())]);
    xml.empty(
        "Application",
        &[("name", "ResonantGen".to_owned()), ("version", env!("CARGO_PKG_VERSION").to_owned())],
    );
    xml.begin("Transport", &[]);
    xml.empty(
        "Tempo",
        &[
            ("max", BPM_RANGE.end().to_string()),
            ("min", BPM_RANGE.start().to_string()),
            ("unit", "bpm".to_owned()),
            ("value", plan.bpm.to_string()),
            ("id", "tempo".to_owned()),
            ("name", "Tempo".to_owned()),
        ],
    );
    xml.empty(
        "TimeSignature",
        &[
            ("denominator", plan.meter.denominator().to_string()),
            ("numerator", plan.meter.numerator().to_string()),
            ("id", "meter".to_owned()),
        ],
    );
    xml.end("Transport");
    xml.begin("Structure", &[]);
    for part in parts {
        track(&mut xml, part, false);
        track(&mut xml, part, true);
    }
    let master = [
        ("contentType", "audio notes".to_owned()),
        ("loaded", "true".to_owned()),
        ("id", "master".to_owned()),
        ("name", "Master".to_owned()),
    ];
    xml.begin("Track", &master);
    xml.begin(
        "Channel",
        &[
            ("audioChannels", "2".to_owned()),
            ("role", "master".to_owned()),
            ("solo", "false".to_owned()),
            ("id", "master-channel".to_owned()),
        ],
    );
    strip(&mut xml, "master", false);
    xml.end("Channel");
    xml.end("Track");
    xml.end("Structure");
    xml.begin("Arrangement", &[("id", "arrangement".to_owned())]);
    xml.begin("Lanes", &[("timeUnit", "beats".to_owned()), ("id", "lanes".to_owned())]);
    for part in parts {
        lane(&mut xml, part, false);
        lane(&mut xml, part, true);
    }
    xml.end("Lanes");
    xml.begin("Markers", &[("timeUnit", "beats".to_owned()), ("id", "markers".to_owned())]);
    for (quarters, chord) in chord_marks(plan) {
        xml.empty("Marker", &[("time", quarters.to_string()), ("name", chord)]);
    }
    xml.end("Markers");
    xml.end("Arrangement");
    xml.end("Project");
    xml.finish()
}

/// One clip over the whole loop.
fn lane(xml: &mut Xml, part: &Part<'_>, is_notes: bool) {
    let id = track_id(part, is_notes);
    let plan = &part.take.recipe.plan;
    let quarters = plan.quarters();
    xml.begin("Lanes", &[("track", id.clone()), ("id", format!("{id}-lanes"))]);
    xml.begin("Clips", &[("id", format!("{id}-clips"))]);
    xml.begin(
        "Clip",
        &[
            ("time", "0".to_owned()),
            ("duration", quarters.to_string()),
            ("contentTimeUnit", "beats".to_owned()),
            ("playStart", "0".to_owned()),
            ("name", part.track.title().to_owned()),
        ],
    );
    if is_notes {
        notes(xml, part, &id);
    } else {
        warped_audio(xml, part, &id);
    }
    xml.end("Clip");
    xml.end("Clips");
    xml.end("Lanes");
}

fn notes(xml: &mut Xml, part: &Part<'_>, id: &str) {
    let beats = |ticks: u32| (f64::from(ticks) / f64::from(TICKS_PER_QUARTER)).to_string();
    xml.begin("Notes", &[("id", format!("{id}-content"))]);
    for note in tick_notes(&part.take.score, &part.take.recipe.plan) {
        xml.empty(
            "Note",
            &[
                ("time", beats(note.start)),
                ("duration", beats(note.end - note.start)),
                ("channel", channel(part.track).to_string()),
                ("key", note.pitch.to_string()),
                ("vel", format!("{:.6}", f64::from(note.velocity) / 127.0)),
                ("rel", "0".to_owned()),
            ],
        );
    }
    xml.end("Notes");
}

/// The stem, warped to the beats at its ends, so that it follows tempo changes.
fn warped_audio(xml: &mut Xml, part: &Part<'_>, id: &str) {
    let plan = &part.take.recipe.plan;
    let seconds = plan.audio_frames(TAKE_SAMPLE_RATE_HZ) as f64 / f64::from(TAKE_SAMPLE_RATE_HZ);
    xml.begin(
        "Warps",
        &[
            ("contentTimeUnit", "seconds".to_owned()),
            ("timeUnit", "beats".to_owned()),
            ("id", format!("{id}-warps")),
        ],
    );
    xml.begin(
        "Audio",
        &[
            ("algorithm", "stretch".to_owned()),
            ("channels", "2".to_owned()),
            ("sampleRate", TAKE_SAMPLE_RATE_HZ.to_string()),
            ("duration", seconds.to_string()),
            ("id", format!("{id}-content")),
        ],
    );
    xml.empty("File", &[("path", format!("audio/{}", part.file(1)))]);
    xml.end("Audio");
    xml.empty("Warp", &[("time", "0".to_owned()), ("contentTime", "0".to_owned())]);
    xml.empty("Warp", &[("time", plan.quarters().to_string()), ("contentTime", seconds.to_string())]);
    xml.end("Warps");
}
