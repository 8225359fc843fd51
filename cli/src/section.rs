//! `resonantgen section`: the sections of a song and their order.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use resonantgen_music::track::Track;
use resonantgen_session::{Part, Session};

use crate::args::{Section, SectionAction};
use crate::failure::Usage;
use crate::maker::Maker;
use crate::progress::Progress;
use crate::report::{Report, Run};
use crate::{folder, interrupt};

/// Stands for all sections.
const ALL: &str = "all";

/// Runs the requested action on the sections of a folder.
///
/// # Errors
/// Returns an error if there is no such section, the action is not possible, or the folder cannot be read or written. The folder
/// is then unchanged.
pub fn run(arguments: &Section) -> Result<ExitCode> {
    let path = match &arguments.action {
        SectionAction::List { folder }
        | SectionAction::Open { folder, .. }
        | SectionAction::Copy { folder, .. }
        | SectionAction::Rename { folder, .. }
        | SectionAction::Move { folder, .. }
        | SectionAction::Order { folder, .. }
        | SectionAction::Delete { folder, .. }
        | SectionAction::Lock { folder, .. }
        | SectionAction::Unlock { folder, .. }
        | SectionAction::Regenerate { folder, .. } => folder.as_path(),
    };
    if let SectionAction::List { .. } = arguments.action {
        let opened = folder::read(path)?;
        return Report::new(path, &opened.session, None).with_lost(&opened.lost).print(arguments.json);
    }
    let (mut folder, mut session) = folder::open_session(path)?;
    let run = change(&mut session, &arguments.action, path)?;
    folder::save(&mut folder, &session, folder::sample_rate_hz(path))?;
    Report::new(path, &session, run.as_ref()).print(arguments.json)
}

fn change(session: &mut Session, action: &SectionAction, path: &Path) -> Result<Option<Run>> {
    match action {
        SectionAction::List { .. } => {}
        SectionAction::Open { section, .. } => {
            let id = session.find_section(section)?;
            session.open_section(id)?;
        }
        SectionAction::Copy { section, .. } => {
            let id = session.find_section(section)?;
            session.copy_section(id)?;
        }
        SectionAction::Rename { section, name, .. } => {
            let id = session.find_section(section)?;
            session.rename_section(id, name)?;
        }
        SectionAction::Move { from, to, .. } => session.move_part(from - 1, to - 1)?,
        SectionAction::Order { order, .. } => {
            let order = order_of(session, order)?;
            session.set_order(&order)?;
        }
        SectionAction::Delete { section, .. } => {
            let id = session.find_section(section)?;
            session.delete_section(id)?;
        }
        SectionAction::Lock { section, tracks, .. } => lock(session, section, tracks, true)?,
        SectionAction::Unlock { section, tracks, .. } => lock(session, section, tracks, false)?,
        SectionAction::Regenerate { section, tracks, seed, settings, models, elsewhere, .. } => {
            let id = session.find_section(section)?;
            let tracks = if tracks.is_empty() { Track::ALL.to_vec() } else { tracks.clone() };
            folder::check_writable(path)?;
            interrupt::listen()?;
            let maker = Maker::open(models, elsewhere)?;
            let begin = Instant::now();
            let engine = maker.local()?;
            let made = session.regenerate_section(
                engine,
                id,
                &tracks,
                *seed,
                settings.generation(),
                &Progress::new(),
            );
            interrupt::check()?;
            made?;
            return Ok(Some(Run { seconds: begin.elapsed().as_secs_f64(), tracks }));
        }
    }
    Ok(None)
}

fn lock(session: &mut Session, section: &str, tracks: &[Track], locked: bool) -> Result<()> {
    for track in tracks {
        if section.eq_ignore_ascii_case(ALL) {
            session.lock_everywhere(*track, locked)?;
        } else {
            let id = session.find_section(section)?;
            session.lock_in_section(id, *track, locked)?;
        }
    }
    Ok(())
}

/// Parses an order: section names with repeats, like "intro, verse x2, chorus".
fn order_of(session: &Session, text: &str) -> Result<Vec<Part>> {
    let entries = text.split([',', ';', '>']).map(str::trim).filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let (name, repeats) = match entry.rsplit_once([' ', '\t']) {
                Some((name, count)) if count.starts_with(['x', 'X', '×']) => {
                    let count = count.trim_start_matches(['x', 'X', '×']);
                    let repeats = count.parse().map_err(|_| {
                        Usage(format!("'{entry}' is not a valid entry: write entries like \"verse x2\""))
                    })?;
                    (name, repeats)
                }
                _ => (entry, 1),
            };
            Ok(Part { section: session.find_section(name)?, repeats })
        })
        .collect()
}
