//! The REAPER project format: nested blocks of lines, each with a name and values
//! (<https://github.com/ReaTeam/Doc/blob/master/State%20Chunk%20Definitions>).

use std::fmt::Write as _;

use super::{Part, chord_marks, colour, licence};
use resonantgen_music::midi::{TICKS_PER_QUARTER, channel, tick_notes};
use resonantgen_music::plan::Plan;
use resonantgen_session::Session;

/// Writes the project. Its WAV files are in the same folder, with the export's number in their names.
pub(super) fn text(session: &Session, plan: &Plan, parts: &[Part<'_>], number: u32) -> String {
    let mut out = String::new();
    let mut line = |depth: usize, text: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{:width$}{text}", "", width = 2 * depth);
    };
    let (bpm, meter) = (plan.bpm, plan.meter);
    line(0, "<REAPER_PROJECT 0.1 \"6.0\" 0");
    line(1, "<NOTES 0 2");
    for note in licence::text(session).lines() {
        line(2, &format!("|{note}"));
    }
    line(1, ">");
    line(1, "SAMPLERATE 48000 0 0");
    line(1, &format!("TEMPO {bpm} {} {}", meter.numerator(), meter.denominator()));
    line(1, "LOOP 1");
    line(1, &format!("SELECTION 0 {:.12}", plan.seconds()));
    for (index, (quarters, chord)) in chord_marks(plan).iter().enumerate() {
        line(1, &format!("MARKER {} {:.12} {} 0", index + 1, quarters * 60.0 / bpm, quoted(chord)));
    }
    for part in parts {
        let [red, green, blue] = colour(part.track).map(u32::from);
        let colour = 0x0100_0000 | blue << 16 | green << 8 | red;
        let length = part.take.recipe.plan.seconds();
        for is_midi in [false, true] {
            let title = part.track.title();
            let name = if is_midi { format!("{title} notes") } else { title.to_owned() };
            line(1, "<TRACK");
            line(2, &format!("NAME {}", quoted(&name)));
            line(2, &format!("PEAKCOL {colour}"));
            line(2, "VOLPAN 1 0 -1 -1 1");
            line(2, &format!("MUTESOLO {} 0 0", u32::from(is_midi)));
            line(2, "<ITEM");
            line(3, "POSITION 0");
            line(3, &format!("LENGTH {length:.12}"));
            line(3, "LOOP 1");
            line(3, &format!("NAME {}", quoted(&name)));
            if is_midi {
                line(3, "<SOURCE MIDI");
                for event in midi(part) {
                    line(4, &event);
                }
            } else {
                line(3, "<SOURCE WAVE");
                line(4, &format!("FILE {}", quoted(&part.file(number))));
            }
            line(3, ">");
            line(2, ">");
            line(1, ">");
        }
    }
    line(0, ">");
    out
}

/// A quoted value. The format cannot represent every kind of quote in one value.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace(['"', '\n', '\r'], "'"))
}

/// The events of a MIDI source, each with its ticks since the previous one.
fn midi(part: &Part<'_>) -> Vec<String> {
    let plan = &part.take.recipe.plan;
    let channel = channel(part.track);
    // (tick, off before on, status, pitch, velocity)
    let mut events: Vec<(u32, u8, u8, u8, u8)> = Vec::new();
    for note in tick_notes(&part.take.score, plan) {
        events.push((note.start, 1, 0x90 | channel, note.pitch, note.velocity));
        events.push((note.end, 0, 0x80 | channel, note.pitch, 0));
    }
    events.sort_unstable();
    let end = (plan.quarters() * f64::from(TICKS_PER_QUARTER)).round() as u32;
    events.push((end, 2, 0xb0 | channel, 0x7b, 0));
    let mut now = 0;
    let mut lines = vec![format!("HASDATA 1 {TICKS_PER_QUARTER} QN")];
    for (tick, _, status, first, second) in events {
        lines.push(format!("E {} {status:02x} {first:02x} {second:02x}", tick.saturating_sub(now)));
        now = now.max(tick);
    }
    lines
}
