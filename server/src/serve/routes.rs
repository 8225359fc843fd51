//! Request handlers.

pub mod about;
pub mod audio;
pub mod import;
pub mod jobs;
pub mod sessions;
pub mod song;
pub mod sound;

use serde::Deserialize;

use super::id::{JobId, SessionId, WantedTake};
use crate::wire::TrackName;

/// Path parameter `{session}`.
#[derive(Debug, Deserialize)]
pub struct InSession {
    session: SessionId,
}

/// Path parameters `{session}` and `{track}`.
#[derive(Debug, Deserialize)]
pub struct InTrack {
    session: SessionId,
    track: TrackName,
}

/// Path parameters `{session}` and `{section}`.
#[derive(Debug, Deserialize)]
pub struct InSection {
    session: SessionId,
    section: u32,
}

/// Path parameters `{session}`, `{section}` and `{track}`.
#[derive(Debug, Deserialize)]
pub struct InSectionTrack {
    session: SessionId,
    section: u32,
    track: TrackName,
}

/// Path parameter `{job}`.
#[derive(Debug, Deserialize)]
pub struct InJob {
    job: JobId,
}

/// Path parameters `{session}`, `{take}` and `{file}`.
#[derive(Debug, Deserialize)]
pub struct InTake {
    session: SessionId,
    take: WantedTake,
    file: audio::TakeFile,
}

/// Path parameters `{session}` and `{take}`.
#[derive(Debug, Deserialize)]
pub struct OfTake {
    session: SessionId,
    take: WantedTake,
}

/// Path parameters `{session}` and `{file}`.
#[derive(Debug, Deserialize)]
pub struct InWhole {
    session: SessionId,
    file: audio::WholeFile,
}
