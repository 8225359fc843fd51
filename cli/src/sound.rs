//! `resonantgen sound`: lists the sounds of a track, and plays its notes with another one.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use resonantgen_models::sounds;
use resonantgen_music::track::Track;
use serde::Serialize;

use crate::args::Sound;
use crate::failure::Usage;
use crate::progress::Progress;
use crate::report::Report;
use crate::{folder, open, perform, report};

#[derive(Debug, Serialize)]
struct SoundList<'a> {
    track: Track,
    /// Id of the playing sound.
    playing: Option<&'a str>,
    /// Id of the held sound.
    held: Option<&'a str>,
    sounds: Vec<SoundEntry<'a>>,
}

#[derive(Debug, Serialize)]
struct SoundEntry<'a> {
    id: &'a str,
    name: &'a str,
    family: &'static str,
    tags: &'a [String],
}

impl<'a> From<&'a sounds::Sound> for SoundEntry<'a> {
    fn from(sound: &'a sounds::Sound) -> Self {
        Self { id: &sound.id, name: &sound.name, family: sound.family.name(), tags: &sound.tags }
    }
}

/// Lists the matching sounds, or performs the track's notes with one.
///
/// # Errors
/// Returns an error if the track is locked or has no take, there is no such sound, or the folder cannot be read or written. The
/// folder is then unchanged.
pub fn run(arguments: &Sound) -> Result<ExitCode> {
    match &arguments.id {
        Some(id) => change(arguments, id),
        None if arguments.hold || arguments.release => hold(arguments),
        None => list(arguments),
    }
}

fn list(arguments: &Sound) -> Result<ExitCode> {
    let session = folder::read(&arguments.folder)?.session;
    let engine = open::engine(&arguments.models)?;
    let all = sounds::catalogue(engine.bundle());
    let found = match &arguments.like {
        Some(id) => sounds::like(&all, id).ok_or_else(|| unknown(id))?,
        None => sounds::search(&all, arguments.track, &arguments.words.join(" ")),
    };
    let held = session.track(arguments.track).held_sound.as_deref();
    let playing = session.track(arguments.track).take().map(|take| take.patch.as_str());
    let list = SoundList {
        track: arguments.track,
        playing,
        held,
        sounds: found.into_iter().map(Into::into).collect(),
    };
    if arguments.json {
        report::print_json(&list)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    for sound in &list.sounds {
        let mark = if list.playing == Some(sound.id) { '>' } else { ' ' };
        let tags = sound.tags.join(", ");
        writeln!(text, "{mark} {:32} {:28} {tags}", sound.id, sound.name).expect("a string takes all");
    }
    if list.sounds.is_empty() {
        text = format!("no {} sound matches \"{}\"\n", arguments.track, arguments.words.join(" "));
    }
    report::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn hold(arguments: &Sound) -> Result<ExitCode> {
    let (mut folder, mut session) = folder::open_session(&arguments.folder)?;
    session.hold_sound(arguments.track, arguments.hold).map_err(|error| Usage(error.to_string()))?;
    let rate = folder::sample_rate_hz(&arguments.folder);
    folder::save(&mut folder, &session, rate)?;
    Report::new(&arguments.folder, &session, None).print(arguments.json)
}

fn change(arguments: &Sound, id: &str) -> Result<ExitCode> {
    let Sound { folder, track, models, json, hold, .. } = arguments;
    perform::again(folder, *track, models, *json, |session, engine| {
        if engine.bundle().patch(id).is_none_or(|patch| patch.track != *track) {
            return Err(unknown(id).into());
        }
        session.change_sound(engine, *track, id, &Progress::new())?;
        if *hold {
            session.hold_sound(*track, true)?;
        }
        Ok(())
    })
}

fn unknown(id: &str) -> Usage {
    Usage(format!(
        "there is no sound \"{id}\" for this track: run `resonantgen sound` without --use for a list"
    ))
}
