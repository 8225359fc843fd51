//! What happens at each address.

pub mod about;
pub mod audio;
pub mod import;
pub mod jobs;
pub mod sessions;

use serde::Deserialize;

use super::id::{JobId, SessionId, WantedTake};
use crate::wire::TrackName;

/// `{session}` of a path.
#[derive(Debug, Deserialize)]
pub struct InSession {
    session: SessionId,
}

/// `{session}` and `{track}` of a path.
#[derive(Debug, Deserialize)]
pub struct InTrack {
    session: SessionId,
    track: TrackName,
}

/// `{job}` of a path.
#[derive(Debug, Deserialize)]
pub struct InJob {
    job: JobId,
}

/// `{session}`, `{take}` and `{file}` of a path.
#[derive(Debug, Deserialize)]
pub struct InTake {
    session: SessionId,
    take: WantedTake,
    file: audio::TakeFile,
}

/// `{session}` and `{take}` of a path.
#[derive(Debug, Deserialize)]
pub struct OfTake {
    session: SessionId,
    take: WantedTake,
}

/// `{session}` and `{file}` of a path.
#[derive(Debug, Deserialize)]
pub struct InWhole {
    session: SessionId,
    file: audio::WholeFile,
}
