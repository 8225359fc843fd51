//! The audio thread's side: what each block does, the channel strips, the notes that are sent, and what triggers a generation.

pub mod bars;
mod mixer;
mod notes;
mod process;
mod trigger;

pub use process::{AUX_OUTPUTS, Processor};
