//! The audio thread's side: the work in each block, the channel strips, the note output, and triggers of generations.

pub mod bars;
mod follow;
mod mixer;
mod notes;
mod process;
mod trigger;

pub use process::{AUX_OUTPUTS, Processor};
