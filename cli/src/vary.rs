//! `resonantgen vary`: the notes of a track, fewer or more, plainer or richer, with or without fills.

use std::process::ExitCode;

use anyhow::Result;
use resonantgen_music::variation::NoteDials;

use crate::args::Vary;
use crate::failure::Usage;
use crate::perform;
use crate::progress::Progress;

/// Makes a take of a track's varied notes.
///
/// # Errors
/// Returns an error if no dial is given or the dials change no note, the track is locked or has no take, or the folder cannot be read or
/// written. The folder is then unchanged.
pub fn run(arguments: &Vary) -> Result<ExitCode> {
    let Vary { folder, track, density, complexity, fills, models, json } = arguments;
    let dials = NoteDials { density: *density, complexity: *complexity, fills: *fills };
    if dials.is_middle() {
        let message =
            "nothing to vary: give --density, --complexity or --fills a number from -2 to 2 other than 0";
        return Err(Usage(message.to_owned()).into());
    }
    perform::again(folder, *track, models, *json, |session, engine| {
        let before = session.track(*track).current;
        session.keep_varied(engine, *track, dials, &Progress::new())?;
        if session.track(*track).current == before {
            return Err(Usage(format!("the {track} have no notes that this changes: the take stays")).into());
        }
        Ok(())
    })
}
