//! Sessions: four tracks, a plan, prompts, locks and takes in memory ([`session`]), and how they are kept ([`project`]).

pub mod project;
pub mod session;
