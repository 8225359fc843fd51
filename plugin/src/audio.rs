//! The audio thread's side: what each block does, the channel strips, and what triggers a generation.

pub mod bars;
mod mixer;
mod process;
mod trigger;

pub use process::Processor;
