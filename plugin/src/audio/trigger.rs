//! Triggers: rising edges of parameters, and MIDI notes.

use resonantgen_music::track::{TRACK_COUNT, Track};

use crate::control::job::Target;
use crate::params::{ResonantParams, SECTION_COUNT, SLOT_COUNT};

/// MIDI key that generates all unlocked tracks (C2 where middle C is C3); the four above it regenerate the tracks.
pub const GENERATE_KEY: u8 = 48;
/// MIDI key that plays the first section (C0 where middle C is C3); the fifteen above it play the others, by their numbers.
pub const FIRST_SECTION_KEY: u8 = 24;
/// MIDI key that generates all unlocked tracks from the first prompt slot (C3); the seven above it, from the others.
pub const FIRST_SLOT_KEY: u8 = 60;

/// A trigger of the song.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TriggerEvent {
    /// Which tracks to generate.
    pub target: Target,
    /// Index of the prompt, if it differs from the parameter's.
    pub slot: Option<usize>,
    /// Position in the block, in audio frames.
    pub at: u32,
}

/// The meaning of a MIDI key: the target, and the prompt's index if the key selects one. Realtime-safe.
#[must_use]
pub fn of_key(key: u8) -> Option<(Target, Option<usize>)> {
    if let Some(slot) = key.checked_sub(FIRST_SLOT_KEY).map(usize::from).filter(|slot| *slot < SLOT_COUNT) {
        return Some((Target::All, Some(slot)));
    }
    match key.checked_sub(GENERATE_KEY)? {
        0 => Some((Target::All, None)),
        track => Track::ALL.get(usize::from(track) - 1).map(|track| (Target::One(*track), None)),
    }
}

/// Index of the section that a MIDI key chooses, which is its number minus one. Realtime-safe.
#[must_use]
pub fn section_of_key(key: u8) -> Option<usize> {
    key.checked_sub(FIRST_SECTION_KEY).map(usize::from).filter(|index| *index < SECTION_COUNT)
}

/// The last values of the trigger parameters.
#[derive(Debug, Default)]
pub struct Edges {
    generate: bool,
    regenerate: [bool; TRACK_COUNT],
    record: [bool; TRACK_COUNT],
}

/// Whether a value has risen since it `was`, by itself and not because it was restored.
fn rises(was: &mut bool, is: bool, restored: bool) -> bool {
    !std::mem::replace(was, is) && is && !restored
}

impl Edges {
    /// Calls `fire` for each parameter that has risen since the last call, unless the values were `restored`: opening a project
    /// triggers nothing. Realtime-safe.
    pub fn rising(&mut self, params: &ResonantParams, restored: bool, mut fire: impl FnMut(Target)) {
        if rises(&mut self.generate, params.generate.value(), restored) {
            fire(Target::All);
        }
        for (was, track) in self.regenerate.iter_mut().zip(Track::ALL) {
            if rises(was, params.track(track).regenerate.value(), restored) {
                fire(Target::One(track));
            }
        }
    }

    /// The track whose recording is asked for, as [`rising`](Self::rising) says. Realtime-safe.
    pub fn recorded(&mut self, params: &ResonantParams, restored: bool) -> Option<Track> {
        let mut asked = None;
        for (was, track) in self.record.iter_mut().zip(Track::ALL) {
            if rises(was, params.record.is_down(track), restored) {
                asked = Some(track);
            }
        }
        asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirteen_keys_ask_for_something() {
        assert_eq!(of_key(GENERATE_KEY), Some((Target::All, None)));
        assert_eq!(of_key(GENERATE_KEY + 4), Some((Target::One(Track::Melody), None)));
        assert_eq!(of_key(GENERATE_KEY + 5), None);
        assert_eq!(of_key(GENERATE_KEY - 1), None);
        assert_eq!(of_key(FIRST_SLOT_KEY + 7), Some((Target::All, Some(7))));
        assert_eq!((0..=127).filter(|key| of_key(*key).is_some()).count(), 13);
    }

    #[test]
    fn sixteen_keys_choose_a_section_and_no_key_asks_for_two_things() {
        let sections: Vec<(u8, usize)> =
            (0..=127).filter_map(|key| Some((key, section_of_key(key)?))).collect();
        assert_eq!((sections.len(), sections[0], sections[15]), (16, (24, 0), (39, 15)));
        assert!(sections.iter().all(|(key, _)| of_key(*key).is_none()));
    }
}
