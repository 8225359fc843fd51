//! Realtime playback of takes on a host's timeline.
//!
//! Two types for two threads: a [`SlotSender`] on the control side hands over [`Slot`]s of takes, a [`Player`] on the audio
//! thread sounds one take of each. Slots travel by a ring; what the audio thread puts down the sender frees, so that the
//! audio thread neither allocates nor frees. What is heard is a pure function of the host's position: seeks, loops
//! and block sizes cannot move it.

mod clip;
mod dials;
mod notes;
mod player;
mod slot;
mod timeline;

pub use clip::{Clip, DrumVoices, is_same_tempo};
pub use dials::Dials;
pub use notes::{BlockNotes, NoteMessage, NoteOutput};
pub use player::{Controls, DrumOutputs, Player, RESPONSE_SECONDS, SwapAt, channel};
pub use slot::{Slot, SlotSender, TakeClips};
pub use timeline::{Bar, Position};
