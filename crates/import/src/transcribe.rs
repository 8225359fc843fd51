//! An approximate score of a recording, for display, MIDI and measurements. The composers of the other tracks use the audio
//! itself (see the context in the crate `models`).

use resonantgen_music::plan::Plan;
use resonantgen_music::score::{DrumClass, Note, Score, sort_notes};
use resonantgen_music::track::Track;
use resonantgen_sound::listen::HeardStep;

/// Minimum strength of an onset that counts as a hit.
const HIT: f32 = 0.22;
/// Strength of onset above which a new note needs no change of pitch.
const NOTE_ONSET: f32 = 0.15;
/// A note ends when its level falls below this share of its initial level.
const RELEASE_SHARE: f32 = 0.12;
/// Pitches weaker than this share of the strongest are not notated.
const WEAKEST_PITCH: f32 = 0.4;

/// Transcribes a recording.
pub(super) fn transcribe(track: Track, heard: &[HeardStep], plan: &Plan) -> Score {
    let mut notes = match track {
        Track::Drums => hits(heard),
        Track::Bass | Track::Harmony | Track::Melody => tones(heard, plan),
    };
    sort_notes(&mut notes);
    Score { notes }
}

fn velocity(strength: f32) -> u8 {
    (30.0 + 97.0 * strength.clamp(0.0, 1.0)).round().clamp(1.0, 127.0) as u8
}

fn hits(heard: &[HeardStep]) -> Vec<Note> {
    let classes = [DrumClass::Kick, DrumClass::Snare, DrumClass::ClosedHat];
    let hit = |(index, step): (usize, &HeardStep)| {
        let offset = step.offset;
        let strong = classes.into_iter().zip(step.onsets).filter(|(_, onset)| *onset >= HIT);
        let notes: Vec<Note> = strong
            .map(|(class, onset)| Note {
                step: index as u32,
                offset,
                length: 1.0,
                pitch: class.key(),
                velocity: velocity(onset),
            })
            .collect();
        notes
    };
    heard.iter().enumerate().flat_map(hit).collect()
}

fn tones(heard: &[HeardStep], plan: &Plan) -> Vec<Note> {
    let onset = |step: &HeardStep| step.onsets.iter().copied().fold(0.0, f32::max);
    let mut notes: Vec<Note> = Vec::new();
    // Sustained notes: index into `notes`, and initial level.
    let mut open: Vec<(usize, f32)> = Vec::new();
    for (index, step) in heard.iter().enumerate() {
        let struck = onset(step) >= NOTE_ONSET;
        let sounding: Vec<(u8, f32)> =
            step.pitches.iter().copied().filter(|(_, strength)| *strength >= WEAKEST_PITCH).collect();
        open.retain(|(note, level)| {
            let goes_on = !struck
                && step.level > RELEASE_SHARE * level
                && sounding.iter().any(|(pitch, _)| *pitch == notes[*note].pitch);
            if goes_on {
                notes[*note].length += 1.0;
            }
            goes_on
        });
        // An onset begins a note. Without one, only a lasting change of pitch does.
        let lasts = |pitch: u8| {
            heard.get(index + 1).is_some_and(|next| next.pitches.iter().any(|(other, _)| *other == pitch))
        };
        for (pitch, strength) in sounding {
            let is_known = open.iter().any(|(note, _)| notes[*note].pitch == pitch);
            if !is_known && (struck || lasts(pitch)) && notes.len() < 16 * plan.total_steps() as usize {
                open.push((notes.len(), step.level));
                notes.push(Note {
                    step: index as u32,
                    offset: if struck { step.offset } else { 0.0 },
                    length: 1.0,
                    pitch,
                    velocity: velocity(if struck { onset(step).max(0.3) } else { 0.3 * strength }),
                });
            }
        }
    }
    notes
}
