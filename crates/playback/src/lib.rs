//! Realtime playback of takes on a host's timeline.
//!
//! On the control side, a [`SlotSender`] sends [`Slot`]s with a track's takes through a ring buffer. On the audio thread, a
//! [`Player`] plays one take of each slot. The sender frees what the player has released, so the audio thread neither allocates
//! nor frees. Playback is a pure function of the host's position; seeks, loops and block sizes cannot shift it.
//!
//! This crate may know `take` and the crates below it. It knows nothing of sessions, plugin APIs or locks.
//!
//! ```
//! use resonantgen_music::track::TRACK_COUNT;
//! use resonantgen_playback::{Controls, Position, SwapAt, channel};
//!
//! let (_sender, mut player) = channel(48_000.0);
//! let mut buffers = vec![vec![1.0_f32; 64]; 2 * TRACK_COUNT];
//! let mut channels = buffers.iter_mut();
//! let mut next = || channels.next().map(Vec::as_mut_slice).unwrap_or_default();
//! let mut stems: [[&mut [f32]; 2]; TRACK_COUNT] = std::array::from_fn(|_| [next(), next()]);
//! let position = Position { bpm: 120.0, quarters_per_bar: 4.0, playing: true, ..Position::default() };
//! player.process(position, &Controls { swap_at: SwapAt::Bar, ..Controls::default() }, &mut stems, None);
//! assert!(buffers.iter().flatten().all(|sample| *sample == 0.0), "silent without takes");
//! ```

mod clip;
mod dials;
mod notes;
mod player;
mod slot;
mod song;
mod timeline;

pub use clip::{Clip, DrumVoices, is_same_tempo};
pub use dials::Dials;
pub use notes::{BlockNotes, NoteMessage, NoteOutput};
pub use player::{Controls, DrumOutputs, Following, Player, RESPONSE_SECONDS, SwapAt, channel};
pub use slot::{Followed, SectionTakes, Slot, SlotSender, TakeClips};
pub use song::{SongJoin, SongPass};
pub use timeline::{Bar, Position};
