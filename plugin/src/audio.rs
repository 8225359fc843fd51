//! The audio thread's side: what each block does, the channel strips, and what triggers a generation.

mod mixer;
mod process;
mod trigger;

pub use process::Processor;
