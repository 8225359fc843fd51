//! Triggers: rising edges of parameters, and MIDI notes.

use nice_plug::plugin::{ParamValue, PluginState};
use resonantgen_engine::track::{TRACK_COUNT, Track};

use crate::job::Target;
use crate::params::ResonantParams;

/// MIDI key that generates all unlocked tracks (C2 where middle C is C3); the four above it regenerate the tracks.
pub const GENERATE_KEY: u8 = 48;

/// What a MIDI key asks for. Realtime-safe.
#[must_use]
pub fn of_key(key: u8) -> Option<Target> {
    match key.checked_sub(GENERATE_KEY)? {
        0 => Some(Target::All),
        track => Track::ALL.get(usize::from(track) - 1).copied().map(Target::One),
    }
}

/// Lowers the triggers of a saved state: opening a project asks for nothing.
pub fn lower(state: &mut PluginState) {
    for (id, value) in &mut state.params {
        if id == "generate" || id.ends_with("_regenerate") {
            *value = ParamValue::Bool(false);
        }
    }
}

/// Remembers where the trigger parameters were.
#[derive(Debug, Default)]
pub struct Edges {
    generate: bool,
    regenerate: [bool; TRACK_COUNT],
}

impl Edges {
    /// Calls `fire` for each parameter that has gone up since the last time. Realtime-safe.
    pub fn rising(&mut self, params: &ResonantParams, mut fire: impl FnMut(Target)) {
        let rises = |was: &mut bool, is: bool| !std::mem::replace(was, is) && is;
        if rises(&mut self.generate, params.generate.value()) {
            fire(Target::All);
        }
        for (was, track) in self.regenerate.iter_mut().zip(Track::ALL) {
            if rises(was, params.track(track).regenerate.value()) {
                fire(Target::One(track));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_keys_ask_for_something() {
        assert_eq!(of_key(GENERATE_KEY), Some(Target::All));
        assert_eq!(of_key(GENERATE_KEY + 4), Some(Target::One(Track::Melody)));
        assert_eq!(of_key(GENERATE_KEY + 5), None);
        assert_eq!(of_key(GENERATE_KEY - 1), None);
    }
}
