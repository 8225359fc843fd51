//! Scores as Standard MIDI Files: one file per track, or one file for all.
//!
//! Times are exact: swing and microtiming are written as ticks. Drums are on channel 10 with General MIDI keys.

use midly::num::{u4, u7, u15, u24, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Smf, Timing, TrackEvent, TrackEventKind};

use crate::plan::{Key, Mode, Plan, STEPS_PER_QUARTER};
use crate::score::Score;
use crate::track::Track;

/// Ticks per quarter note: divisible by 3, 5 and 64, so that triplets and rolls land on whole ticks.
pub const TICKS_PER_QUARTER: u16 = 960;

/// MIDI channel of a track, counted from 0; drums are on 9, which is displayed as 10.
#[must_use]
pub const fn channel(track: Track) -> u8 {
    match track {
        Track::Drums => 9,
        Track::Bass => 0,
        Track::Harmony => 1,
        Track::Melody => 2,
    }
}

/// One track as a MIDI file (format 0) with tempo, meter, key and name.
#[must_use]
pub fn track_file(track: Track, score: &Score, plan: &Plan) -> Vec<u8> {
    let mut events = conductor(plan);
    events.push((0, TrackEventKind::Meta(MetaMessage::TrackName(track.title().as_bytes()))));
    events.extend(note_events(track, score, plan));
    write(Format::SingleTrack, vec![in_deltas(events, plan)])
}

/// All tracks as one MIDI file (format 1): a conductor track with tempo, meter and key, then one track each.
#[must_use]
pub fn session_file(tracks: &[(Track, &Score)], plan: &Plan) -> Vec<u8> {
    let mut files = vec![in_deltas(conductor(plan), plan)];
    for (track, score) in tracks {
        let mut events = vec![(0, TrackEventKind::Meta(MetaMessage::TrackName(track.title().as_bytes())))];
        events.extend(note_events(*track, score, plan));
        files.push(in_deltas(events, plan));
    }
    write(Format::Parallel, files)
}

/// One pass of a section in a song.
#[derive(Clone, Debug)]
pub struct SongPart<'a> {
    /// Name of a marker at its start.
    pub marker: Option<&'a str>,
    /// Its plan.
    pub plan: &'a Plan,
    /// What plays in it.
    pub scores: Vec<(Track, &'a Score)>,
}

/// A song as one MIDI file (format 1): a conductor track with markers, and tempo, meter and key where they change, then one track
/// each. Notes end with their section.
#[must_use]
pub fn song_file(parts: &[SongPart<'_>], tracks: &[Track]) -> Vec<u8> {
    let mut starts = Vec::with_capacity(parts.len());
    let mut end = 0;
    for part in parts {
        starts.push(end);
        end += tick(part.plan, f64::from(part.plan.total_steps()));
    }
    let mut events: Vec<(u32, TrackEventKind<'_>)> = Vec::new();
    for (index, (part, start)) in parts.iter().zip(&starts).enumerate() {
        let before = index.checked_sub(1).map(|before| parts[before].plan);
        let is_new = before.is_none_or(|plan| {
            plan.bpm != part.plan.bpm || plan.meter != part.plan.meter || plan.key != part.plan.key
        });
        if is_new {
            events.extend(conductor(part.plan).into_iter().map(|(_, kind)| (*start, kind)));
        }
        let marker = part.marker.map(|name| MetaMessage::Marker(name.as_bytes()));
        events.extend(marker.map(|marker| (*start, TrackEventKind::Meta(marker))));
    }
    let mut files = vec![in_deltas_until(events, end)];
    for track in tracks {
        let mut events = vec![(0, TrackEventKind::Meta(MetaMessage::TrackName(track.title().as_bytes())))];
        for (part, start) in parts.iter().zip(&starts) {
            for (_, score) in part.scores.iter().filter(|(of, _)| of == track) {
                let notes = note_events(*track, score, part.plan);
                events.extend(notes.into_iter().map(|(at, kind)| (start + at, kind)));
            }
        }
        files.push(in_deltas_until(events, end));
    }
    write(Format::Parallel, files)
}

fn write(format: Format, tracks: Vec<Vec<TrackEvent<'_>>>) -> Vec<u8> {
    let header = Header::new(format, Timing::Metrical(u15::new(TICKS_PER_QUARTER)));
    let mut bytes = Vec::new();
    Smf { header, tracks }.write_std(&mut bytes).expect("a Vec takes all that is written to it");
    bytes
}

/// Tick of a position in steps, swing included, within the loop.
fn tick(plan: &Plan, step: f64) -> u32 {
    let ticks_per_step = f64::from(TICKS_PER_QUARTER) / f64::from(STEPS_PER_QUARTER);
    let end = f64::from(plan.total_steps());
    (plan.swing.warp(step.clamp(0.0, end)).min(end) * ticks_per_step).round() as u32
}

fn conductor(plan: &Plan) -> Vec<(u32, TrackEventKind<'static>)> {
    let microseconds = (60_000_000.0 / plan.bpm).round() as u32;
    let denominator = plan.meter.denominator().trailing_zeros() as u8;
    let numerator = plan.meter.numerator() as u8;
    let (accidentals, is_minor) = key_signature(plan.key);
    [
        MetaMessage::Tempo(u24::new(microseconds.min(u24::max_value().as_int()))),
        MetaMessage::TimeSignature(numerator, denominator, 24, 8),
        MetaMessage::KeySignature(accidentals, is_minor),
    ]
    .map(|message| (0, TrackEventKind::Meta(message)))
    .to_vec()
}

/// Sharps (positive) or flats of a key, and whether its third is minor; modes are written as the major or minor key of
/// the same accidentals.
fn key_signature(key: Key) -> (i8, bool) {
    let to_major = match key.mode {
        Mode::Major => 0,
        Mode::Minor => 3,
        Mode::Dorian => 10,
        Mode::Phrygian => 8,
        Mode::Lydian => 7,
        Mode::Mixolydian => 5,
        Mode::Locrian => 1,
    };
    let fifths = (i32::from((key.tonic + to_major) % 12) * 7) % 12;
    let accidentals = if fifths > 6 { fifths - 12 } else { fifths };
    (accidentals as i8, key.mode.degrees()[2] == 3)
}

/// A note in ticks of [`TICKS_PER_QUARTER`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TickNote {
    /// Start, swing and microtiming included.
    pub start: u32,
    /// End, after the start and not after the loop's.
    pub end: u32,
    /// MIDI pitch.
    pub pitch: u8,
    /// MIDI velocity, in `1..=127`.
    pub velocity: u8,
}

/// The notes of a score in ticks, sorted by start; a note ends the previous one of the same pitch.
#[must_use]
pub fn tick_notes(score: &Score, plan: &Plan) -> Vec<TickNote> {
    let mut notes: Vec<TickNote> = score
        .notes
        .iter()
        .map(|note| {
            let at = f64::from(note.step) + f64::from(note.offset);
            let start = tick(plan, at);
            let end = tick(plan, at + f64::from(note.length)).max(start + 1);
            TickNote { start, end, pitch: note.pitch.min(127), velocity: note.velocity.clamp(1, 127) }
        })
        .collect();
    notes.sort_unstable();
    for index in 0..notes.len() {
        let TickNote { start, end, pitch, .. } = notes[index];
        let next = notes[index + 1..]
            .iter()
            .take_while(|next| next.start < end)
            .find(|next| next.pitch == pitch && next.start > start);
        if let Some(next) = next.copied() {
            notes[index].end = next.start;
        }
    }
    notes.dedup_by_key(|note| (note.start, note.pitch));
    notes
}

fn note_events(track: Track, score: &Score, plan: &Plan) -> Vec<(u32, TrackEventKind<'static>)> {
    let notes = tick_notes(score, plan);
    let channel = u4::new(channel(track));
    let mut events: Vec<(u32, u8, TrackEventKind<'static>)> = Vec::with_capacity(2 * notes.len());
    for TickNote { start, end, pitch, velocity } in notes {
        let key = u7::new(pitch);
        let on = MidiMessage::NoteOn { key, vel: u7::new(velocity) };
        let off = MidiMessage::NoteOff { key, vel: u7::new(0) };
        events.push((start, 1, TrackEventKind::Midi { channel, message: on }));
        events.push((end, 0, TrackEventKind::Midi { channel, message: off }));
    }
    events.sort_by_key(|(at, order, _)| (*at, *order));
    events.into_iter().map(|(at, _, kind)| (at, kind)).collect()
}

/// Converts absolute ticks to deltas; the track ends with the loop.
fn in_deltas<'a>(events: Vec<(u32, TrackEventKind<'a>)>, plan: &Plan) -> Vec<TrackEvent<'a>> {
    in_deltas_until(events, tick(plan, f64::from(plan.total_steps())))
}

fn in_deltas_until(events: Vec<(u32, TrackEventKind<'_>)>, end: u32) -> Vec<TrackEvent<'_>> {
    let mut now = 0;
    let mut track = Vec::with_capacity(events.len() + 1);
    for (at, kind) in events.into_iter().chain([(end, TrackEventKind::Meta(MetaMessage::EndOfTrack))]) {
        track.push(TrackEvent { delta: u28::new(at.saturating_sub(now)), kind });
        now = now.max(at);
    }
    track
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Meter, Swing};
    use crate::score::Note;

    fn plan() -> Plan {
        Plan {
            bpm: 120.0,
            key: "F dorian".parse().expect("a key"),
            meter: Meter::new(7, 8).expect("a meter"),
            bars: 2,
            chords: vec!["Fm7".parse().expect("a chord"); 4],
            swing: Swing { unit_steps: 1, ratio: 0.6 },
        }
    }

    fn note(step: u32, length: f32, pitch: u8) -> Note {
        Note { step, offset: 0.0, length, pitch, velocity: 90 }
    }

    #[test]
    fn times_are_exact_and_the_file_ends_with_the_loop() {
        let score = Score { notes: vec![note(0, 8.0, 40), note(1, 1.0, 40), note(27, 16.0, 41)] };
        let bytes = track_file(Track::Bass, &score, &plan());
        let smf = Smf::parse(&bytes).expect("a MIDI file");
        let mut now = 0;
        let mut heard = Vec::new();
        for event in &smf.tracks[0] {
            now += event.delta.as_int();
            match event.kind {
                TrackEventKind::Midi { channel, message: MidiMessage::NoteOn { key, .. } } => {
                    assert_eq!(channel.as_int(), 0);
                    heard.push((now, key.as_int(), true));
                }
                TrackEventKind::Midi { message: MidiMessage::NoteOff { key, .. }, .. } => {
                    heard.push((now, key.as_int(), false));
                }
                TrackEventKind::Meta(MetaMessage::TimeSignature(n, d, _, _)) => assert_eq!((n, d), (7, 3)),
                TrackEventKind::Meta(MetaMessage::KeySignature(flats, is_minor)) => {
                    assert_eq!((flats, is_minor), (-3, true));
                }
                TrackEventKind::Meta(MetaMessage::Tempo(tempo)) => assert_eq!(tempo.as_int(), 500_000),
                _ => {}
            }
        }
        // Swing puts step 1 at 1.2 steps of 240 ticks; the loop is 28 steps long.
        let expected = [
            (0, 40, true),
            (288, 40, false),
            (288, 40, true),
            (480, 40, false),
            (6528, 41, true),
            (6720, 41, false),
        ];
        assert_eq!(heard, expected);
        assert_eq!(now, 6720);
    }

    #[test]
    fn a_song_has_markers_and_its_sections_follow_each_other() {
        let plan = plan();
        let score = Score { notes: vec![note(0, 4.0, 40)] };
        let part = |marker| SongPart { marker, plan: &plan, scores: vec![(Track::Bass, &score)] };
        let bytes = song_file(&[part(Some("Intro")), part(None), part(Some("Drop"))], &[Track::Bass]);
        let smf = Smf::parse(&bytes).expect("a MIDI file");
        let heard =
            |index: usize, wanted: &dyn Fn(&TrackEventKind<'_>) -> Option<String>| -> Vec<(u32, String)> {
                let mut now = 0;
                let mut found = Vec::new();
                for event in &smf.tracks[index] {
                    now += event.delta.as_int();
                    found.extend(wanted(&event.kind).map(|text| (now, text)));
                }
                found
            };
        let markers = heard(0, &|kind| match kind {
            TrackEventKind::Meta(MetaMessage::Marker(name)) => {
                Some(String::from_utf8_lossy(name).into_owned())
            }
            TrackEventKind::Meta(MetaMessage::Tempo(_)) => Some("tempo".to_owned()),
            _ => None,
        });
        let text = |at: u32, name: &str| (at, name.to_owned());
        assert_eq!(markers, [text(0, "tempo"), text(0, "Intro"), text(13_440, "Drop")]);
        let notes = heard(1, &|kind| match kind {
            TrackEventKind::Midi { message: MidiMessage::NoteOn { .. }, .. } => Some(String::new()),
            _ => None,
        });
        assert_eq!(notes.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 6_720, 13_440]);
    }

    #[test]
    fn all_tracks_share_one_file() {
        let score = Score { notes: vec![note(0, 1.0, 36)] };
        let bytes = session_file(&[(Track::Drums, &score), (Track::Melody, &score)], &plan());
        let smf = Smf::parse(&bytes).expect("a MIDI file");
        assert_eq!(smf.tracks.len(), 3);
        let is_drum = |event: &&TrackEvent<'_>| matches!(event.kind, TrackEventKind::Midi { channel, .. } if channel.as_int() == 9);
        assert_eq!(smf.tracks[1].iter().filter(is_drum).count(), 2);
    }
}
