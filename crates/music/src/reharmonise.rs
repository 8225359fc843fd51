//! Moves the notes of a part from one chord to another: rhythm, velocities and contour stay.
//!
//! *Voice leading*: the distinct pitches under a chord are its voices. Each goes to a tone of the new chord such that voices keep
//! their order and move as little as possible altogether (Tymoczko, "The Geometry of Musical Chords", Science 313, 2006); tones
//! that both chords share stay. Basses keep their role: roots become roots, or the bass note that the new chord names. Notes beside the chord go to the new chord's scale.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::harmony::{Classes, avoid_notes, beat_steps, bit, chord_scale, chord_tones, register};
use crate::plan::{Chord, Plan};
use crate::score::{Note, sort_notes};
use crate::track::Track;

/// How far a voice may go, in semitones.
const REACH: i32 = 9;
/// Least length of a held note that is struck again, in steps.
const LEAST_REST: f32 = 2.0;
/// Cost of two voices that become one.
const MERGED: u32 = 30;
/// Cost of a chord's third or seventh that no voice of a harmony has, and of another tone that is missing.
const MISSING_COLOUR: u32 = 60;
const MISSING_TONE: u32 = 12;
/// Cost of a note beside the chord on a tone that rubs against it.
const RUBS: u32 = 9;

/// The notes of a part that was written for `from`, moved to the chords of `to`; both have the same length and meter. Notes under
/// chords that stay are kept as they are, and so are drums. A note belongs to the chord under which most of it sounds if it
/// anticipates that chord by less than a beat, otherwise to the chord at its start. Held harmony notes that do not fit a new chord
/// are struck again with it.
#[must_use]
pub fn reharmonise(track: Track, notes: &[Note], from: &Plan, to: &Plan) -> Vec<Note> {
    if track == Track::Drums || from.chords.len() != to.chords.len() {
        return notes.to_vec();
    }
    let mut moved = if track == Track::Harmony { struck_again(notes, from, to) } else { notes.to_vec() };
    let mut has_moved = vec![false; moved.len()];
    for (half_bars, old, new) in changes(track, from, to) {
        let under: Vec<usize> =
            (0..moved.len()).filter(|index| half_bars.contains(&home(&moved[*index], from))).collect();
        let mut voices: Vec<u8> = under.iter().map(|index| moved[*index].pitch).collect();
        voices.sort_unstable();
        voices.dedup();
        let led = lead(track, &voices, &old, &new, to);
        for index in under {
            let voice = voices.iter().position(|pitch| *pitch == moved[index].pitch);
            if let Some(pitch) = voice.and_then(|voice| led.get(voice)) {
                has_moved[index] = *pitch != moved[index].pitch;
                moved[index].pitch = *pitch;
            }
        }
    }
    // Voices that met are one note: the one that was there before, if there is one.
    let key = |note: &Note| (note.step, note.offset.to_bits(), note.pitch);
    let stayed: BTreeSet<_> =
        moved.iter().zip(&has_moved).filter(|(_, moved)| !**moved).map(|(note, _)| key(note)).collect();
    let mut has_moved = has_moved.into_iter();
    moved.retain(|note| !has_moved.next().unwrap_or(false) || !stayed.contains(&key(note)));
    sort_notes(&mut moved);
    moved.dedup_by(|b, a| key(a) == key(b));
    moved
}

/// The runs of half bars in which one chord becomes another. Another bass note alone is a change for the bass only.
fn changes(track: Track, from: &Plan, to: &Plan) -> Vec<(Range<usize>, Chord, Chord)> {
    let mut changes: Vec<(Range<usize>, Chord, Chord)> = Vec::new();
    for (half_bar, (old, new)) in from.chords.iter().zip(&to.chords).enumerate() {
        let is_same_bass = track != Track::Bass || old.bass_note() == new.bass_note();
        if old.pitch_classes().eq(new.pitch_classes()) && is_same_bass {
            continue;
        }
        match changes.last_mut() {
            Some((run, one, other)) if run.end == half_bar && *one == *old && *other == *new => run.end += 1,
            _ => changes.push((half_bar..half_bar + 1, *old, *new)),
        }
    }
    changes
}

/// The half bar whose chord a note belongs to.
fn home(note: &Note, plan: &Plan) -> usize {
    let per_bar = plan.meter.steps_per_bar();
    let total = plan.total_steps().max(1);
    let at = |step: u32| ((step % total) * 2 / per_bar) as usize % plan.chords.len().max(1);
    let start = note.step % total;
    let here = at(start);
    let line = (start..start + beat_steps(plan.meter)).find(|step| at(*step) != here);
    match line {
        Some(line) if note.length > 2.0 * (line - start) as f32 => at(line),
        _ => here,
    }
}

/// Ends harmony notes that are held into a new chord they do not fit, and strikes them again unless the part does so itself.
fn struck_again(notes: &[Note], from: &Plan, to: &Plan) -> Vec<Note> {
    let per_bar = to.meter.steps_per_bar();
    let changes = changes(Track::Harmony, from, to);
    let mut split = Vec::with_capacity(notes.len());
    'notes: for note in notes {
        let mut rest = *note;
        let first = home(note, from);
        for line in first + 1..to.chords.len() {
            let begins = changes.iter().find(|(run, ..)| run.start == line);
            let fits = begins.is_none_or(|(_, _, new)| chord_tones(new) & bit(rest.pitch) != 0);
            let ends = changes.iter().any(|(run, ..)| run.end == line && run.contains(&first));
            if fits && !ends {
                continue;
            }
            let step = (line as u32 * per_bar).div_ceil(2);
            let before = step as f32 - rest.step as f32 - rest.offset;
            if before > 0.0 && rest.length - before >= LEAST_REST {
                split.push(Note { length: before, ..rest });
                if notes.iter().any(|other| (other.step, other.pitch) == (step, rest.pitch)) {
                    continue 'notes;
                }
                rest = Note { step, offset: 0.0, length: rest.length - before, ..rest };
            }
        }
        split.push(rest);
    }
    split
}

/// What a voice was in its chord, and may become.
struct Voice {
    pitch: i32,
    allowed: Classes,
    rubbing: Classes,
}

/// Where the voices of a part go, lowest first.
fn lead(track: Track, pitches: &[u8], old: &Chord, new: &Chord, plan: &Plan) -> Vec<u8> {
    let (old_tones, new_tones) = (chord_tones(old), chord_tones(new));
    let scale = chord_scale(plan.key, new);
    let avoided = avoid_notes(scale, new_tones);
    let voices: Vec<Voice> = pitches
        .iter()
        .map(|pitch| {
            let is_tone = old_tones & bit(*pitch) != 0;
            let is_root = *pitch % 12 == old.bass_note();
            let (allowed, rubbing) = match (track, is_tone) {
                (Track::Bass, _) if is_root => (bit(new.bass_note()), 0),
                (_, true) => (new_tones, 0),
                (_, false) => (scale, avoided),
            };
            Voice { pitch: i32::from(*pitch), allowed, rubbing }
        })
        .collect();
    let tones: Vec<Classes> = new.pitch_classes().map(bit).collect();
    let (low, high) = register(track).map_or((0, 127), |(low, high)| (i32::from(low), i32::from(high)));
    // What a part has outside its register stays there.
    let low = voices.first().map_or(low, |voice| low.min(voice.pitch));
    let high = voices.last().map_or(high, |voice| high.max(voice.pitch));

    // The cheapest way to each last pitch and set of tones that are there.
    let mut ways: BTreeMap<(i32, u32), (u32, Vec<u8>)> = BTreeMap::from([((-1, 0), (0, Vec::new()))]);
    for voice in &voices {
        let mut further: BTreeMap<(i32, u32), (u32, Vec<u8>)> = BTreeMap::new();
        for ((last, had), (cost, way)) in &ways {
            for pitch in (voice.pitch - REACH).max(low).max(*last)..=(voice.pitch + REACH).min(high) {
                let class = bit((pitch.rem_euclid(12)) as u8);
                if voice.allowed & class == 0 {
                    continue;
                }
                let distance = (pitch - voice.pitch).unsigned_abs();
                let merged = if pitch == *last { MERGED } else { 0 };
                let rubs = if voice.rubbing & class != 0 { RUBS } else { 0 };
                let cost = cost + distance * distance + distance + merged + rubs;
                let here = tones.iter().position(|tone| *tone == class).map_or(0, |tone| 1 << tone);
                let key = (pitch, had | here);
                if further.get(&key).is_none_or(|(known, _)| cost < *known) {
                    let mut way = way.clone();
                    way.push(pitch as u8);
                    further.insert(key, (cost, way));
                }
            }
        }
        ways = further;
    }
    let missing = |had: u32| -> u32 {
        if track != Track::Harmony {
            return 0;
        }
        let cost = |tone: usize| if tone == 1 || tone >= 3 { MISSING_COLOUR } else { MISSING_TONE };
        (0..tones.len()).filter(|tone| had & (1 << tone) == 0).map(cost).sum()
    };
    ways.into_iter()
        .min_by_key(|((_, had), (cost, _))| cost + missing(*had))
        .map_or_else(|| pitches.to_vec(), |(_, (_, way))| way)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Meter, Swing};
    use proptest::prelude::*;

    fn plan(chords: &str) -> Plan {
        let chords: Vec<Chord> =
            chords.split(' ').flat_map(|name| [name.parse().expect("a chord"); 2]).collect();
        Plan {
            bpm: 120.0,
            key: "A minor".parse().expect("a key"),
            meter: Meter::COMMON,
            bars: chords.len() as u32 / 2,
            chords,
            swing: Swing::default(),
        }
    }

    fn note(step: u32, pitch: u8, length: f32) -> Note {
        Note { step, offset: 0.0, length, pitch, velocity: 90 }
    }

    fn pitches(notes: &[Note]) -> Vec<u8> {
        notes.iter().map(|note| note.pitch).collect()
    }

    #[test]
    fn only_the_changed_bar_moves_and_its_rhythm_stays() {
        let (from, to) = (plan("Am F"), plan("Am Dm"));
        let part: Vec<Note> =
            (0..8).map(|beat| note(4 * beat, if beat < 4 { 33 } else { 41 }, 3.0)).collect();
        let moved = reharmonise(Track::Bass, &part, &from, &to);
        assert_eq!(moved[..4], part[..4]);
        assert_eq!(pitches(&moved[4..]), [38; 4], "the root of F becomes that of Dm, close by");
        let rhythm = |notes: &[Note]| notes.iter().map(|note| (note.step, note.length)).collect::<Vec<_>>();
        assert_eq!(rhythm(&moved), rhythm(&part));
        assert_eq!(reharmonise(Track::Drums, &part, &from, &to), part);
        assert_eq!(reharmonise(Track::Bass, &part, &from, &from), part);
    }

    #[test]
    fn another_bass_note_moves_the_bass_alone() {
        let (from, to) = (plan("C F"), plan("C/E F"));
        let bass: Vec<Note> =
            [36, 43, 36, 43, 41].iter().zip(0..).map(|(pitch, beat)| note(4 * beat, *pitch, 3.0)).collect();
        assert_eq!(pitches(&reharmonise(Track::Bass, &bass, &from, &to)), [40, 43, 40, 43, 41]);
        assert_eq!(
            pitches(&reharmonise(Track::Bass, &reharmonise(Track::Bass, &bass, &from, &to), &to, &from)),
            pitches(&bass)
        );
        let chords = [64, 67, 71].map(|pitch| note(0, pitch, 16.0));
        assert_eq!(reharmonise(Track::Harmony, &chords, &from, &to), chords);
    }

    #[test]
    fn a_voicing_moves_as_little_as_it_can() {
        // C major in close position becomes A minor: one voice moves.
        let part = [60, 64, 67].map(|pitch| note(0, pitch, 8.0));
        let moved = reharmonise(Track::Harmony, &part, &plan("C"), &plan("Am"));
        assert_eq!(pitches(&moved), [60, 64, 69]);
        // The fourth voice takes the seventh.
        let part = [48, 60, 64, 67].map(|pitch| note(0, pitch, 8.0));
        let moved = reharmonise(Track::Harmony, &part, &plan("C"), &plan("C7"));
        assert!(moved.iter().any(|note| note.pitch % 12 == 10), "{moved:?}");
        let moved = reharmonise(Track::Harmony, &part, &plan("C"), &plan("E"));
        assert!(moved.iter().any(|note| note.pitch % 12 == 8), "the third of E is there: {moved:?}");
    }

    #[test]
    fn a_melody_keeps_its_contour_and_leaves_no_wrong_note() {
        let line = [76, 74, 72, 71, 69, 72];
        let part: Vec<Note> =
            line.iter().enumerate().map(|(index, pitch)| note(2 * index as u32, *pitch, 2.0)).collect();
        let to = plan("E7");
        let moved = reharmonise(Track::Melody, &part, &plan("Am"), &to);
        let scale = chord_scale(to.key, &to.chords[0]);
        for (before, after) in part.windows(2).zip(moved.windows(2)) {
            let sign = |pair: &[Note]| (i32::from(pair[1].pitch) - i32::from(pair[0].pitch)).signum();
            assert_eq!(sign(before), sign(after), "{moved:?}");
        }
        assert!(moved.iter().all(|note| scale & bit(note.pitch) != 0), "{moved:?}");
    }

    #[test]
    fn an_anticipation_follows_its_chord_and_a_held_note_is_struck_again() {
        let (from, to) = (plan("Am F"), plan("Am Dm"));
        let part = [note(0, 69, 4.0), note(14, 72, 8.0)];
        let moved = reharmonise(Track::Melody, &part, &from, &to);
        assert_eq!(moved[0], part[0]);
        assert_ne!(moved[1].pitch, 72, "C is of F, and played for it");
        let held = [note(0, 60, 32.0)];
        let moved = reharmonise(Track::Harmony, &held, &from, &to);
        assert_eq!(moved.len(), 2);
        assert_eq!((moved[0].pitch, moved[0].length, moved[1].step), (60, 16.0, 16));
        assert!(chord_tones(&to.chords[2]) & bit(moved[1].pitch) != 0, "{moved:?}");
        // The part strikes it there itself: its own note stays.
        let held = [note(8, 69, 20.0), note(16, 69, 2.5)];
        let moved = reharmonise(Track::Harmony, &held, &plan("Am F"), &plan("Bdim F"));
        assert!(moved.contains(&held[1]), "{moved:?}");
    }

    proptest! {
        #[test]
        fn any_part_stays_playable_and_others_are_untouched(
            notes in prop::collection::vec((0_u32..64, 1_u8..40, 36_u8..90), 0..40),
            names in prop::collection::vec(0_usize..8, 4),
            changed in 0_usize..8,
            other in 0_usize..8,
            track in 0_usize..4,
        ) {
            const NAMES: [&str; 8] = ["Am", "F", "C", "G7", "Bdim", "Esus4", "Dm9", "F#m7b5"];
            let text: Vec<&str> = names.iter().map(|index| NAMES[*index]).collect();
            let from = plan(&text.join(" "));
            let mut to = from.clone();
            to.chords[changed] = NAMES[other].parse().expect("a chord");
            let mut part: Vec<Note> =
                notes.iter().map(|(step, length, pitch)| note(*step, *pitch, f32::from(*length) / 2.0)).collect();
            sort_notes(&mut part);
            part.dedup_by_key(|note| (note.step, note.pitch));
            let moved = reharmonise(Track::ALL[track], &part, &from, &to);
            prop_assert!(moved.iter().all(|note| note.length > 0.0 && note.pitch < 128 && note.step < 64));
            for note in &part {
                let ends_before = note.step % 8 + note.length as u32 <= 8;
                let far = home(note, &from) != changed && (track != Track::Harmony.index() || ends_before);
                if far {
                    prop_assert!(moved.contains(note), "{:?}", note);
                }
            }
        }
    }
}
