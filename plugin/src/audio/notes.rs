//! The tracks' notes as events for the host: channels 1 to 4 in the order of the tracks, drums by General MIDI keys.

use nice_plug::midi::{Channel, Key, VoiceID};
use nice_plug::prelude::NoteEvent;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_playback::NoteMessage;

use crate::params::ResonantParams;

/// Which tracks send notes (index as [`Track::ALL`]). Realtime-safe.
#[must_use]
pub fn enabled(params: &ResonantParams) -> [bool; TRACK_COUNT] {
    let audible = params.audible();
    Track::ALL.map(|track| audible[track.index()] && params.track(track).output.value().has_notes())
}

/// The event of a message. Realtime-safe.
#[must_use]
pub fn event(message: NoteMessage) -> NoteEvent<()> {
    let (timing, voice_id) = (message.at, VoiceID::Wildcard);
    let channel = Channel::Number(message.track.index() as u8);
    let key = Key::Number(message.key);
    if message.velocity > 0 {
        let velocity = f32::from(message.velocity) / 127.0;
        NoteEvent::NoteOn { timing, voice_id, channel, key, velocity }
    } else {
        NoteEvent::NoteOff { timing, voice_id, channel, key, velocity: 0.0 }
    }
}
