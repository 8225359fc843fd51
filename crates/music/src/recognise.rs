//! Recognises chords in played notes.
//!
//! *Template matching*: the pitch classes that sound, weighted by how long they sound, are compared with the tones of every chord that
//! the planner knows (Fujishima, "Realtime Chord Recognition of Musical Sound", ICMC 1999). Tones that a chord lacks and tones that it
//! has too many cost; so does a lowest note that is not the root, which tells C6 from Am7. Inversions are read as their chord, because a
//! hand that plays chords inverts them to move little. A note far below the others is a bass, and the chord is one over it ("C/E").

use crate::plan::{Chord, ChordQuality, Meter};

use ChordQuality::{
    Diminished, Dominant7, HalfDiminished7, Major, Major7, Minor, Minor7, MinorSixth, Power, Sixth,
};

/// A note that was played, in quarter notes from the start of the first bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlayedNote {
    /// MIDI key, in `0..=127`.
    pub pitch: u8,
    /// When it began.
    pub start: f64,
    /// When it ended.
    pub end: f64,
}

/// Cost of all sounding notes being outside a chord.
const FOREIGN: f64 = 8.0;
/// Cost of a chord tone that is missing, and of a fifth, which is often left out.
const MISSING: f64 = 1.0;
const MISSING_FIFTH: f64 = 0.35;
/// Cost of a lowest note that is another chord tone than the root.
const INVERTED: f64 = 0.6;
/// Cost of each quality that is rarer than triads and sevenths.
const RARE: f64 = 0.15;
/// Highest cost at which notes are taken for a chord.
const MOST: f64 = 1.9;
/// Semitones between the lowest note and the next from which the lowest is a bass of its own.
const APART: usize = 10;
/// Share of the longest class below which a class is a passing note.
const PASSING: f64 = 0.12;
/// Quarter notes below which nothing but the end of earlier notes was heard.
const RELEASE: f64 = 0.2;

/// The chord of some notes that sound together; `None` for fewer than two pitch classes and for notes that make no chord. A lowest note
/// that is ten semitones or more below the next is a bass. Black keys are spelled with flats if `flats` is set. Realtime-safe.
///
/// ```
/// use resonantgen_music::recognise::recognise;
///
/// let chord = |keys: &[u8]| recognise(keys, false).map(|chord| chord.to_string());
/// assert_eq!(chord(&[64, 67, 72]).as_deref(), Some("C"), "an inversion");
/// assert_eq!(chord(&[40, 60, 64, 67]).as_deref(), Some("C/E"), "over a bass");
/// assert_eq!(chord(&[57, 60, 64, 67]).as_deref(), Some("Am7"));
/// assert_eq!(chord(&[60, 61, 62, 63]), None);
/// ```
#[must_use]
pub fn recognise(keys: &[u8], flats: bool) -> Option<Chord> {
    let mut heard = Heard::default();
    for key in keys {
        if let Some(quarters) = heard.quarters.get_mut(usize::from(*key)) {
            *quarters = 1.0;
        }
    }
    heard.chord(flats)
}

/// The chord of each half bar of `bars` bars; `None` where fewer than two pitch classes sound or they make no chord. A note counts for
/// as long as it sounds there, so that passing notes and late releases do no harm.
#[must_use]
pub fn chords_of_notes(notes: &[PlayedNote], meter: Meter, bars: u32, flats: bool) -> Vec<Option<Chord>> {
    let half_bar = meter.quarters_per_bar() / 2.0;
    (0..2 * bars)
        .map(|index| {
            let (from, to) = (f64::from(index) * half_bar, f64::from(index + 1) * half_bar);
            let mut heard = Heard::default();
            for note in notes {
                heard.add(note.pitch, note.end.min(to) - note.start.max(from));
            }
            heard.chord(flats)
        })
        .collect()
}

/// How long each key has sounded in a span of time, such as a half bar. All methods are realtime-safe.
///
/// ```
/// use resonantgen_music::recognise::Heard;
///
/// let mut heard = Heard::default();
/// for (key, quarters) in [(57, 2.0), (60, 2.0), (64, 1.5), (62, 0.1)] {
///     heard.add(key, quarters);
/// }
/// assert_eq!(heard.chord(false).map(|chord| chord.to_string()).as_deref(), Some("Am"), "the D passes by");
/// ```
#[derive(Clone, Debug)]
pub struct Heard {
    quarters: [f64; 128],
}

impl Default for Heard {
    fn default() -> Self {
        Self { quarters: [0.0; 128] }
    }
}

impl Heard {
    /// A MIDI key sounded for some quarter notes. Nothing is added for 0 or less, nor for a key above 127.
    pub fn add(&mut self, key: u8, quarters: f64) {
        if let Some(heard) = self.quarters.get_mut(usize::from(key)).filter(|_| quarters > 0.0) {
            *heard += quarters;
        }
    }

    /// The chord of what was heard; `None` for fewer than two pitch classes, for keys that make no chord, and for what sounded for
    /// less than a sixteenth note: the end of a chord that is released late.
    #[must_use]
    pub fn chord(&self, flats: bool) -> Option<Chord> {
        let longest = self.weights(0).into_iter().fold(0.0, f64::max);
        if longest < RELEASE {
            return None;
        }
        let mut keys = (0..self.quarters.len()).filter(|key| self.quarters[*key] >= PASSING * longest);
        let lowest = keys.next()?;
        let above = keys.find(|key| key % 12 != lowest % 12).filter(|above| above - lowest >= APART);
        let upper = normalised(self.weights(lowest + 1));
        // Without the bass, two notes are less of a chord than with it.
        let has_chord = upper.iter().filter(|weight| **weight > 0.0).count() > 2;
        let over_bass = above.filter(|_| has_chord).and_then(|above| {
            let chord = of_weights(&upper, above as u8 % 12, flats)?;
            Some(chord.over(lowest as u8 % 12))
        });
        let whole = of_weights(&normalised(self.weights(0)), lowest as u8 % 12, flats);
        match (over_bass, whole) {
            (Some(over), Some(whole)) if whole.root == over.bass_note() => Some(whole),
            (over, whole) => over.or(whole),
        }
    }

    /// How long each pitch class sounded, of the keys from `first` on.
    fn weights(&self, first: usize) -> [f64; 12] {
        let mut weights = [0.0_f64; 12];
        for (key, quarters) in self.quarters.iter().enumerate().skip(first) {
            weights[key % 12] += quarters;
        }
        weights
    }
}

/// Weights relative to the largest; passing notes have none.
fn normalised(mut weights: [f64; 12]) -> [f64; 12] {
    let longest = weights.iter().fold(0.0_f64, |longest, weight| longest.max(*weight));
    for weight in &mut weights {
        *weight = if *weight < PASSING * longest || longest == 0.0 { 0.0 } else { *weight / longest };
    }
    weights
}

/// The cheapest chord for the pitch classes, if it is cheap enough.
fn of_weights(weights: &[f64; 12], lowest: u8, flats: bool) -> Option<Chord> {
    let total: f64 = weights.iter().sum();
    let classes = weights.iter().filter(|weight| **weight > 0.0).count();
    if classes < 2 {
        return None;
    }
    // Two notes are a third or a fifth, not a chord with most of its tones missing.
    let fits = |quality: &ChordQuality| classes > 2 || matches!(quality, Major | Minor | Power);
    let mut best: Option<(f64, Chord)> = None;
    for root in 0..12 {
        for quality in ChordQuality::ALL.into_iter().filter(fits) {
            let chord = Chord::new(root, quality, flats);
            let cost = cost(weights, total, lowest, &chord);
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, chord));
            }
        }
    }
    best.filter(|(cost, _)| *cost <= MOST).map(|(_, chord)| chord)
}

fn cost(weights: &[f64; 12], total: f64, lowest: u8, chord: &Chord) -> f64 {
    let mut own = 0.0;
    let mut missing = 0.0;
    for class in chord.pitch_classes() {
        let weight = weights[usize::from(class)];
        own += weight;
        if weight == 0.0 {
            let interval = (class + 12 - chord.root) % 12;
            // A sixth chord without its fifth is another triad.
            let may_lack = interval == 7 && !matches!(chord.quality, Sixth | MinorSixth);
            missing += if may_lack { MISSING_FIFTH } else { MISSING };
        }
    }
    // A chord without its root is a guess.
    if weights[usize::from(chord.root)] == 0.0 {
        missing += MISSING;
    }
    let inverted = if lowest == chord.root { 0.0 } else { INVERTED };
    let rare = match chord.quality {
        Major | Minor => 0.0,
        Major7 | Minor7 | Dominant7 => RARE / 3.0,
        Diminished | HalfDiminished7 => 2.0 * RARE / 3.0,
        _ => RARE,
    };
    FOREIGN * (total - own) / total + missing + inverted + rare
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys of a chord with one of its tones lowest.
    fn voiced(chord: &Chord, lowest: usize) -> Vec<u8> {
        let mut keys: Vec<u8> = Vec::new();
        let classes: Vec<u8> = chord.pitch_classes().collect();
        for index in 0..classes.len() {
            let class = classes[(lowest + index) % classes.len()];
            let above = keys.last().map_or(48, |key| key + 1);
            keys.push(above + (class + 12 - above % 12) % 12);
        }
        keys
    }

    #[test]
    fn every_chord_is_heard_in_root_position() {
        for root in 0..12 {
            for quality in ChordQuality::ALL {
                let chord = Chord::new(root, quality, false);
                assert_eq!(recognise(&voiced(&chord, 0), false), Some(chord), "{chord}");
            }
        }
    }

    #[test]
    fn triads_and_sevenths_are_heard_in_all_inversions() {
        for root in 0..12 {
            for quality in
                [Major, Minor, Diminished, Major7, Dominant7, HalfDiminished7, ChordQuality::MinorMajor7]
            {
                let chord = Chord::new(root, quality, false);
                for lowest in 0..quality.intervals().len() {
                    let heard = recognise(&voiced(&chord, lowest), false);
                    // The first inversion of a half-diminished seventh is a minor sixth.
                    let is_sixth = quality == HalfDiminished7 && lowest == 1;
                    let sixth = Chord::new(root + 3, MinorSixth, false);
                    assert_eq!(heard, Some(if is_sixth { sixth } else { chord }), "{chord} over {lowest}");
                }
            }
        }
    }

    #[test]
    fn fifths_may_be_missing_and_clusters_are_no_chords() {
        let symbol = |keys: &[u8]| recognise(keys, false).map(|chord| chord.to_string());
        assert_eq!(symbol(&[48, 64, 70]).as_deref(), Some("C7"));
        assert_eq!(symbol(&[45, 52]).as_deref(), Some("A5"));
        assert_eq!(symbol(&[50, 53]).as_deref(), Some("Dm"));
        assert_eq!(symbol(&[60]), None);
        assert_eq!(symbol(&[]), None);
        assert_eq!(symbol(&[60, 72, 84]), None, "octaves");
        assert_eq!(symbol(&[60, 61, 62]), None);
        assert_eq!(symbol(&[60, 61, 62, 63, 64, 65, 66]), None);
        assert_eq!(recognise(&[46, 50, 53], true).map(|chord| chord.to_string()).as_deref(), Some("Bb"));
    }

    #[test]
    fn a_note_far_below_is_a_bass() {
        let symbol = |keys: &[u8]| recognise(keys, false).map(|chord| chord.to_string());
        assert_eq!(symbol(&[36, 60, 64, 67]).as_deref(), Some("C"), "its own root");
        assert_eq!(symbol(&[42, 62, 66, 69]).as_deref(), Some("D/F#"));
        assert_eq!(symbol(&[43, 65, 69, 72]).as_deref(), Some("F/G"), "a bass that is no chord tone");
        assert_eq!(
            symbol(&[33, 60, 64, 67]).as_deref(),
            Some("Am7"),
            "a bass that is the root of another chord"
        );
        assert_eq!(symbol(&[52, 60, 67]).as_deref(), Some("C"), "an inversion is close");
        assert_eq!(symbol(&[40, 60, 67]).as_deref(), Some("C"), "two notes are no chord over a bass");
    }

    #[test]
    fn half_bars_hear_what_sounds_in_them() {
        let meter = Meter::new(4, 4).expect("a meter");
        let block = |keys: &[u8], start: f64, end: f64| -> Vec<PlayedNote> {
            keys.iter().map(|pitch| PlayedNote { pitch: *pitch, start, end }).collect()
        };
        // Am for a bar, held a little too long, F for half a bar with a passing note, then a single note.
        let notes = [
            block(&[57, 60, 64], 0.02, 4.1),
            block(&[53, 57, 60], 3.97, 6.0),
            block(&[62], 5.5, 5.7),
            block(&[67], 6.0, 8.0),
        ]
        .concat();
        let heard = chords_of_notes(&notes, meter, 2, false);
        let symbols: Vec<Option<String>> =
            heard.iter().map(|chord| chord.map(|chord| chord.to_string())).collect();
        let chord = |symbol: &str| Some(symbol.to_owned());
        assert_eq!(symbols, [chord("Am"), chord("Am"), chord("F"), None]);
        assert!(chords_of_notes(&[], meter, 2, false).iter().all(Option::is_none));
        let late = chords_of_notes(&block(&[57, 60, 64], 0.0, 2.1), meter, 1, false);
        assert!(late[0].is_some() && late[1].is_none(), "a chord released late is not played again");
    }
}
