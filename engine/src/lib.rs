//! Sessions: four tracks, a plan, prompts, locks and takes, in memory and on disk.

pub mod session;
