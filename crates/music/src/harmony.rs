//! Which pitches fit a key and a chord, and where parts may lie.
//!
//! - *Chord scales*: a line uses the scale of the key with the chord's alterations (over E major in A minor, G sharp
//!   replaces G). Nettles and Graf, "The Chord Scale Theory and Jazz Harmony".
//! - *Avoid notes*: a scale note a semitone above a chord tone. Levine, "The Jazz Theory Book", chapter 3.

use crate::plan::{Chord, Key, Meter};
use crate::score::{Note, sort_notes};
use crate::track::Track;

/// MIDI pitches that the codec renders without octave folding.
const RENDERED: std::ops::RangeInclusive<u8> = 24..=107;

/// A set of pitch classes as bits; bit 0 is C.
pub type Classes = u16;

/// The lowest and highest MIDI pitch of a tonal track. `None` for drums.
///
/// These are the pitches of the training data and a few above. Composers write pitches relative to the tonic and could go
/// further, where performers are silent (melodies below F3 are rare in the data). Basses below a bass guitar's low E occur in
/// the data, but rarely, and are hardly audible.
#[must_use]
pub const fn register(track: Track) -> Option<(u8, u8)> {
    match track {
        Track::Drums => None,
        Track::Bass => Some((28, 55)),
        Track::Harmony => Some((40, 79)),
        Track::Melody => Some((53, 91)),
    }
}

/// Steps per beat of a meter: dotted quarters in 6/8, 9/8 and 12/8, otherwise quarters.
#[must_use]
pub const fn beat_steps(meter: Meter) -> u32 {
    if meter.denominator() == 8 && meter.numerator().is_multiple_of(3) { 6 } else { 4 }
}

/// The set of a single `pitch_class` (in any octave).
#[must_use]
pub const fn bit(pitch_class: u8) -> Classes {
    1 << (pitch_class % 12)
}

/// The pitch classes of `chord`.
#[must_use]
pub fn chord_tones(chord: &Chord) -> Classes {
    chord.pitch_classes().map(bit).fold(0, |set, class| set | class)
}

/// The key's scale with the alterations of `chord`: an altered chord tone replaces the scale note with the same letter.
#[must_use]
pub fn chord_scale(key: Key, chord: &Chord) -> Classes {
    let tones = chord_tones(chord);
    let diatonic = key
        .mode
        .degrees()
        .into_iter()
        .map(|degree| bit(key.tonic + degree))
        .fold(0, |set, class| set | class);
    let mut scale = diatonic | tones;
    let root_is_altered = diatonic & bit(chord.root) == 0;
    for interval in chord.quality.intervals() {
        let tone = chord.root + interval;
        if diatonic & bit(tone) != 0 {
            continue;
        }
        let is_raised = match interval {
            4 | 8 | 11 => true,
            3 | 6 | 10 => false,
            // A borrowed root is flat (bII, bVI, bVII), unless it is the raised fourth.
            _ if root_is_altered => (chord.root + 12 - key.tonic) % 12 == 6,
            _ => true,
        };
        let replaced = bit(if is_raised { tone + 11 } else { tone + 1 });
        scale &= !(replaced & !tones);
    }
    scale
}

/// Notes of `scale` a semitone above a chord tone that are not chord tones themselves.
#[must_use]
pub fn avoid_notes(scale: Classes, tones: Classes) -> Classes {
    let above = (tones << 1 | tones >> 11) & 0xfff;
    scale & above & !tones
}

/// Ends notes where the next one starts: any next note on the monophonic tracks bass and melody, the next of the same
/// pitch in harmony. Lengths only get shorter, within a loop of `total_steps`; drums are not changed. Sorts the notes.
pub fn end_overlaps(track: Track, notes: &mut [Note], total_steps: u32) {
    sort_notes(notes);
    if track == Track::Drums {
        return;
    }
    let count = notes.len();
    for index in 0..count {
        let note = notes[index];
        let start = f64::from(note.step) + f64::from(note.offset);
        let next =
            (1..=count).map(|ahead| (index + ahead, notes[(index + ahead) % count])).find(|(_, next)| {
                let is_later =
                    (next.step, next.offset) != (note.step, note.offset) || next.pitch == note.pitch;
                is_later && (track != Track::Harmony || next.pitch == note.pitch)
            });
        if let Some((position, next)) = next {
            let wraps = if position >= count { f64::from(total_steps) } else { 0.0 };
            let room = f64::from(next.step) + f64::from(next.offset) + wraps - start;
            if room > 0.0 {
                notes[index].length = note.length.min(room as f32);
            }
        }
    }
}

/// Moves a whole tonal part by up to `octaves`, as far as all of it stays within the codec's range.
pub fn transpose_octaves(notes: &mut [Note], octaves: i8) {
    let fits = |shift: i32| {
        notes.iter().all(|note| {
            u8::try_from(i32::from(note.pitch) + shift).is_ok_and(|pitch| RENDERED.contains(&pitch))
        })
    };
    let mut octaves = i32::from(octaves);
    while octaves != 0 && !fits(octaves * 12) {
        octaves -= octaves.signum();
    }
    for note in notes {
        note.pitch = (i32::from(note.pitch) + octaves * 12).clamp(0, 127) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(text: &str) -> Classes {
        text.split(' ')
            .map(|name| bit(name.parse::<Key>().expect("a note").tonic))
            .fold(0, |set, class| set | class)
    }

    #[test]
    fn the_scale_follows_the_chord() {
        for (key, chord, scale) in [
            ("A minor", "Am", "A B C D E F G"),
            ("A minor", "E7", "A B C D E F G#"),
            ("C major", "Fm", "C D E F G Ab B"),
            ("C major", "D7", "C D E F# G A B"),
            ("C major", "Bb", "C D E F G A Bb"),
            ("E minor", "F", "E F G A B C D"),
        ] {
            let (key, chord): (Key, Chord) = (key.parse().expect("a key"), chord.parse().expect("a chord"));
            assert_eq!(chord_scale(key, &chord), classes(scale), "{key} {chord}");
        }
    }

    /// Samples a part from uniform logits under the rules.

    #[test]
    fn parts_move_by_whole_octaves_and_stay_playable() {
        let note = |pitch| Note { step: 0, offset: 0.0, length: 1.0, pitch, velocity: 90 };
        let mut notes = [note(60), note(100)];
        transpose_octaves(&mut notes, 1);
        assert_eq!(notes[0].pitch, 60);
        transpose_octaves(&mut notes, -2);
        assert_eq!((notes[0].pitch, notes[1].pitch), (36, 76));
    }

    #[test]
    fn beats_of_compound_meters_are_dotted() {
        let meter = |text: &str| text.parse::<Meter>().expect("a meter");
        assert_eq!(["4/4", "3/4", "6/8", "7/8", "12/8"].map(|text| beat_steps(meter(text))), [4, 4, 6, 4, 6]);
    }
}
