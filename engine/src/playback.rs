//! Realtime playback of takes on a host's timeline.
//!
//! Two types for two threads: a [`Feeder`] on the control side hands finished [`Clip`]s over, a [`Player`] on the
//! audio thread sounds them. Clips travel by rings in both directions, so that the audio thread neither allocates nor
//! frees. What is heard is a pure function of the host's beat position: seeks, loops and block sizes cannot move it.

mod clip;
mod player;
mod resample;

pub use clip::Clip;
pub use player::{Feeder, Player, Position, SwapAt, channel};
pub(crate) use resample::resample_loop;
