//! Plays a struck or plucked instrument as a seamless loop. Every note is a [hit](super::hits) at its pitch, stopped when its
//! key, string or bar is.
//!
//! As with [kits](super::kit), attacks are not windowed, velocity changes timbre, repeated notes differ, and the same notes and
//! seed give the same samples, bit for bit, on every processor.

use std::collections::HashMap;

use super::SAMPLE_RATE_HZ;
use super::hits::{Curve, DECIBEL, Hits, Piece, Stroke, draw, exp, ln, render_part};
use super::kit::{Performance, Touch, in_parallel};
use super::width::Widener;

/// Level change in decibels for a tenfold velocity; less than for drums.
const VELOCITY_DB: f64 = 24.0;
/// Maximum random deviation of a note's level, in decibels.
const HUMAN_DB: f64 = 0.5;
/// Share of the recorded level differences between high and low notes that is kept.
const NATURAL: f64 = 0.4;
/// Round robins per pitch. Fewer than for hits, because notes are longer and cost more.
const VARIANTS: u64 = 2;
/// Distance from the middle pitch, in semitones, at which a note is panned fully, and how far that is.
const SIDE_SEMITONES: f32 = 36.0;
const SIDE: f32 = 0.25;
const MIDDLE_PITCH: f32 = 60.0;
/// Level of the widened sound's side relative to its mid, at full width.
const SPREAD: f32 = 0.45;
/// Rendering lengths are rounded up to multiples of this many samples, so that notes of similar length share one.
const LENGTH_STEP: usize = 12_000;
/// Samples from the loop's end that are fed to the widener before the start.
const LEAD: usize = SAMPLE_RATE_HZ as usize / 4;

/// A recorded note, and the range of pitches that it covers.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// MIDI pitch at which it was recorded.
    pub pitch: u8,
    /// Name of the piece in the bundle's file of notes.
    pub piece: String,
}

/// An instrument: its notes, and settings for all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Instrument {
    /// Zones by ascending pitch; at least one.
    pub zones: Vec<Zone>,
    /// Time in seconds in which a note falls by 60 dB after its end.
    pub release_s: f64,
    /// Whether each note stops the previous one, as on a single string.
    pub is_monophonic: bool,
    /// Gains of all notes, in decibels per octave band.
    pub tone: Curve,
    /// Stereo width, in `0.0..=1.0`.
    pub width: f32,
}

/// A note in the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayedNote {
    /// Position in the loop in samples, below its length.
    pub at: usize,
    /// Samples until it is released.
    pub held: usize,
    /// MIDI pitch.
    pub pitch: u8,
    /// MIDI velocity, in `1..=127`.
    pub velocity: u8,
}

/// A rendering that notes can share: pitch, touch, round robin.
type Key = (u8, Touch, u64);

/// Playback of a note: the rendering, its level, and the number of samples after which it is stopped.
struct Play {
    rendering: usize,
    gain: f32,
    end: usize,
}

/// Renders left and right of a loop of `loop_samples` samples. Returns `None` soon after `keep_going` returns false. `notes` must
/// be sorted by `at`.
///
/// # Panics
/// Panics if a note is outside the loop, or the instrument has no zones.
#[must_use]
pub fn perform(
    instrument: &Instrument,
    hits: &Hits,
    notes: &[PlayedNote],
    loop_samples: usize,
    performance: Performance<'_>,
    keep_going: &(dyn Fn() -> bool + Sync),
) -> Option<[Vec<f32>; 2]> {
    let zones: Vec<(u8, &Piece)> =
        instrument.zones.iter().filter_map(|zone| Some((zone.pitch, hits.piece(&zone.piece)?))).collect();
    let loudest = |piece: &Piece| piece.hits()[piece.hits().len() - 1].loudness_db();
    let usual = zones.iter().map(|(_, piece)| loudest(piece)).sum::<f64>() / zones.len() as f64;
    let release = (instrument.release_s * f64::from(SAMPLE_RATE_HZ)) as usize;
    let zone_of = |pitch: u8| {
        let nearest = zones.iter().min_by_key(|(own, _)| own.abs_diff(pitch));
        *nearest.expect("an instrument has zones")
    };
    let mut keys: Vec<(Key, usize)> = Vec::new();
    let mut known: HashMap<Key, usize> = HashMap::new();
    let mut last_variant: HashMap<u8, u64> = HashMap::new();
    let plays: Vec<Play> = notes
        .iter()
        .enumerate()
        .map(|(index, note)| {
            assert!(note.at < loop_samples, "a note lies in the loop");
            let (_, piece) = zone_of(note.pitch);
            let bits = draw(performance.seed, index as u64);
            let wanted = VELOCITY_DB / std::f64::consts::LN_10 * ln(f64::from(note.velocity.max(1)) / 127.0);
            let touch = Touch::of(piece.hits(), wanted);
            let variant = last_variant.get(&note.pitch).map_or(bits % VARIANTS, |last| (last + 1) % VARIANTS);
            last_variant.insert(note.pitch, variant);
            let hit = &piece.hits()[touch.layer];
            let end = stopped_after(instrument, notes, index, loop_samples).min(hit.samples());
            let needed = (end + release).div_ceil(LENGTH_STEP) * LENGTH_STEP;
            let key = (note.pitch, touch, variant);
            let rendering = *known.entry(key).or_insert_with(|| {
                keys.push((key, 0));
                keys.len() - 1
            });
            keys[rendering].1 = keys[rendering].1.max(needed);
            let human = HUMAN_DB * (f64::from((bits >> 40) as u16) / 32_767.5 - 1.0);
            let natural = NATURAL * (loudest(piece) - usual).clamp(-12.0, 12.0);
            let level = wanted + human + natural - hit.rendered_db();
            Play { rendering, gain: exp(DECIBEL * level) as f32, end }
        })
        .collect();
    let render_key = |&((pitch, touch, variant), samples): &(Key, usize)| {
        let (recorded, piece) = zone_of(pitch);
        let mut curve = touch.curve(piece.hits());
        for (point, (own, tone)) in curve.iter_mut().zip(instrument.tone.iter().zip(performance.tone)) {
            *point += own + tone;
        }
        let semitones = f64::from(i16::from(pitch) - i16::from(recorded));
        let tune = exp(std::f64::consts::LN_2 / 12.0 * semitones);
        let stroke = Stroke { variant: variant as usize, curve, tune };
        render_part(&piece.hits()[touch.layer], &stroke, samples)
    };
    let renderings = in_parallel(&keys, performance.threads, &render_key, keep_going)?;

    let (mut mid, mut side) = (vec![0.0_f32; loop_samples], vec![0.0_f32; loop_samples]);
    let fade = exp(-3.0 * std::f64::consts::LN_10 / release.max(1) as f64) as f32;
    for (note, play) in notes.iter().zip(&plays) {
        if !keep_going() {
            return None;
        }
        let pan = instrument.width * SIDE * (f32::from(note.pitch) - MIDDLE_PITCH) / SIDE_SEMITONES;
        let sound = &renderings[play.rendering];
        let (mut gain, mut place) = (play.gain, note.at);
        for (index, sample) in sound.iter().enumerate().take(play.end + release) {
            if index >= play.end {
                gain *= fade;
            }
            mid[place] += gain * sample;
            side[place] += gain * pan * sample;
            place += 1;
            if place == loop_samples {
                place = 0;
            }
        }
    }
    let mut widener = Widener::new(SPREAD * instrument.width);
    for sample in &mid[loop_samples - LEAD.min(loop_samples)..] {
        widener.side(*sample);
    }
    for (side, mid) in side.iter_mut().zip(&mid) {
        *side += widener.side(*mid);
    }
    Some([
        mid.iter().zip(&side).map(|(mid, side)| mid + side).collect(),
        mid.iter().zip(&side).map(|(mid, side)| mid - side).collect(),
    ])
}

/// Samples after which a note is stopped: at its own end, or by the next note of the same pitch (of any pitch, if monophonic).
fn stopped_after(instrument: &Instrument, notes: &[PlayedNote], index: usize, loop_samples: usize) -> usize {
    let note = notes[index];
    let stops = |other: &&PlayedNote| instrument.is_monophonic || other.pitch == note.pitch;
    let after = notes[index + 1..].iter().filter(stops).map(|other| other.at - note.at);
    let around = notes[..=index].iter().filter(stops).map(|other| loop_samples + other.at - note.at);
    // Notes of one chord do not stop each other.
    let chord = SAMPLE_RATE_HZ as usize / 50;
    let next = after.chain(around).find(|distance| *distance > chord).unwrap_or(loop_samples);
    note.held.min(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::hits::CURVE_POINTS;

    fn hits() -> Hits {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/hits/hits.bin");
        Hits::parse(&std::fs::read(path).expect("the golden file")).expect("well-formed")
    }

    fn instrument(is_monophonic: bool) -> Instrument {
        Instrument {
            zones: vec![Zone { pitch: 60, piece: "modes".to_owned() }],
            release_s: 0.05,
            is_monophonic,
            tone: [0.0; CURVE_POINTS],
            width: 0.0,
        }
    }

    fn play(instrument: &Instrument, notes: &[PlayedNote], threads: usize) -> [Vec<f32>; 2] {
        let performance = Performance { seed: 5, tone: &[0.0; CURVE_POINTS], threads };
        perform(instrument, &hits(), notes, 96_000, performance, &|| true).expect("not cancelled")
    }

    fn note(at: usize, held: usize, pitch: u8, velocity: u8) -> PlayedNote {
        PlayedNote { at, held, pitch, velocity }
    }

    fn power(samples: &[f32]) -> f32 {
        samples.iter().map(|sample| sample * sample).sum()
    }

    #[test]
    fn notes_begin_on_their_sample_and_end_when_they_are_let_go() {
        let [left, right] = play(&instrument(false), &[note(20_000, 4_800, 60, 110)], 1);
        assert_eq!(left, right);
        assert_eq!(power(&left[10_000..20_000 - 60]), 0.0);
        assert!(power(&left[20_000..20_480]) > 1e-6);
        assert!(power(&left[29_000..40_000]) < 1e-5 * power(&left[20_000..24_800]));
    }

    #[test]
    fn one_string_has_one_note_and_the_result_does_not_depend_on_the_threads() {
        let notes = [note(0, 40_000, 60, 110), note(3_000, 1_000, 67, 110)];
        let late = |is_monophonic| {
            let [left, _] = play(&instrument(is_monophonic), &notes, 1);
            power(&left[8_000..9_000])
        };
        assert!(late(false) > 0.0 && late(true) < 0.05 * late(false));
        assert_eq!(play(&instrument(false), &notes, 1), play(&instrument(false), &notes, 3));
        let softer = play(&instrument(false), &[note(0, 20_000, 60, 40)], 1);
        let louder = play(&instrument(false), &[note(0, 20_000, 60, 120)], 1);
        assert!(power(&softer[0]) < 0.3 * power(&louder[0]));
        let none = perform(
            &instrument(false),
            &hits(),
            &notes,
            96_000,
            Performance { seed: 5, tone: &[0.0; CURVE_POINTS], threads: 2 },
            &|| false,
        );
        assert!(none.is_none());
    }
}
