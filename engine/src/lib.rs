//! ResonantGen's engine: from a prompt to four stems, and back into a host's timeline.
//!
//! The way of the data is one direction: [`intent`] (what the words mean) → [`plan`] (tempo, key, chords, shared by
//! all tracks) → [`context`] (what a generator hears of the other tracks) → [`generator`] (compose a [`score`],
//! perform it to codec tokens) → [`codec`] (tokens to audio) → [`take`] (immutable) → [`playback`] (realtime).
//!
//! Invariants: nothing here knows a plugin API, a window or HTTP; only [`runtime`] sees `ort`.

pub mod bundle;
pub mod codec;
pub mod context;
pub mod encodec;
pub mod generator;
mod hex;
pub mod import;
pub mod intent;
pub mod listen;
pub mod maker;
pub mod measure;
pub mod midi;
pub mod musicgen;
pub mod plan;
pub mod playback;
pub mod project;
pub mod runtime;
pub mod score;
pub mod session;
pub mod take;
pub mod text;
pub mod theory;
pub mod track;
pub mod worker;
