//! `resonantgen take`: the takes of a track, and which one plays.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use resonantgen_music::track::Track;
use resonantgen_project::StoredSound as _;
use resonantgen_session::Session;
use serde::Serialize;

use crate::args::{Models, Take, TakeAction};
use crate::{folder, report};

/// The takes of one track.
#[derive(Debug, Serialize)]
struct TakeList {
    track: Track,
    locked: bool,
    takes: Vec<TakeEntry>,
}

#[derive(Debug, Serialize)]
struct TakeEntry {
    /// Counted from 1 (the oldest).
    number: usize,
    id: String,
    prompt: String,
    patch: String,
    seed: u64,
    notes: usize,
    bpm: f64,
    bars: u32,
    playing: bool,
    heard_before: bool,
    favourite: bool,
    /// Its sound is lost: it is made again when it is played.
    lost: bool,
}

/// Performs the requested action, if any, then lists the takes of the track.
///
/// # Errors
/// Returns an error if the take does not exist, the track is locked, or the folder cannot be read or written. The folder
/// is then unchanged.
pub fn run(arguments: &Take) -> Result<ExitCode> {
    let TakeAction { select, next, previous, favourite, no_favourite, compare } = &arguments.action;
    let is_listing = select.or(*favourite).or(*no_favourite).is_none() && !(*next || *previous || *compare);
    if is_listing {
        let session = folder::read(&arguments.folder)?.session;
        return print(&TakeList::new(&session, arguments.track), arguments.json);
    }
    let (mut folder, mut session) = folder::open_session(&arguments.folder)?;
    act(&mut session, arguments.track, &arguments.action)?;
    for (track, why) in folder::make_again(&mut session, &Models::default()) {
        if track == arguments.track {
            return Err(why.context(format!("this take of {track} is lost and could not be made again")));
        }
    }
    folder::save(&mut folder, &session, folder::sample_rate_hz(&arguments.folder))?;
    print(&TakeList::new(&session, arguments.track), arguments.json)
}

fn print(list: &TakeList, json: bool) -> Result<ExitCode> {
    if json {
        report::print_json(list)?;
    } else {
        report::print(&list.table())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Does what was asked.
fn act(session: &mut Session, track: Track, action: &TakeAction) -> Result<()> {
    if let Some(number) = action.select {
        session.select_take(track, number - 1)?;
    } else if action.next {
        session.step_take(track, 1)?;
    } else if action.previous {
        session.step_take(track, -1)?;
    } else if let Some(number) = action.favourite {
        session.set_favourite(track, number - 1, true)?;
    } else if let Some(number) = action.no_favourite {
        session.set_favourite(track, number - 1, false)?;
    } else if action.compare {
        session.compare(track)?;
    }
    Ok(())
}

impl TakeList {
    fn new(session: &Session, track: Track) -> Self {
        let state = session.track(track);
        let takes = state.history.iter().enumerate().map(|(index, take)| TakeEntry {
            number: index + 1,
            id: take.id.0.clone(),
            prompt: take.recipe.prompt.clone(),
            patch: take.patch.clone(),
            seed: take.recipe.seed,
            notes: take.score.notes.len(),
            bpm: take.recipe.plan.bpm,
            bars: take.recipe.plan.bars,
            playing: state.current == Some(index),
            heard_before: state.heard_before.as_ref() == Some(&take.id),
            favourite: state.is_favourite(index),
            lost: take.is_lost(),
        });
        Self { track, locked: state.locked, takes: takes.collect() }
    }

    fn table(&self) -> String {
        let lock = if self.locked { " (locked)" } else { "" };
        let mut text = format!("\n  {}{lock}\n\n", self.track);
        if self.takes.is_empty() {
            text.push_str("  no take yet\n");
        }
        for take in &self.takes {
            let mark = if take.playing { '>' } else { ' ' };
            let star = if take.favourite { "*" } else { " " };
            let before = if take.heard_before { "  (heard before)" } else { "" };
            let lost = if take.lost { "  (lost: made again when it is played)" } else { "" };
            let _ = writeln!(
                text,
                "  {mark} {:>2} {star} seed {:<8} {} bpm, {} bars  {}  \"{}\"{before}{lost}",
                take.number, take.seed, take.bpm, take.bars, take.patch, take.prompt
            );
        }
        text
    }
}
