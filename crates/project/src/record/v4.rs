//! Format 4: format 5 without songs. It is only read; [`migrate`] converts it.

use serde::Deserialize;

use super::v5;

/// The number of this format.
pub(super) const FORM: u32 = 4;

/// A session. All its fields are those of format 5.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Session(v5::Session);

/// Converts a session to format 5: it has one section, and its tracks do the same in all of it. Fields of songs mean nothing in a
/// record of this format.
pub(super) fn migrate(Session(session): Session) -> v5::Session {
    let tracks = session.tracks.into_iter().map(|track| v5::Track { elsewhere: Vec::new(), ..track });
    let alone =
        |steps: Vec<v5::Step>| steps.into_iter().map(|step| v5::Step { song: None, ..step }).collect();
    v5::Session {
        version: v5::FORM,
        tracks: tracks.collect(),
        undo: alone(session.undo),
        redo: alone(session.redo),
        song: None,
        ..session
    }
}
