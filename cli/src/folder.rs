//! A session's folder: opened and locked before the work begins, and written when all of it has succeeded.

use std::io::{BufReader, ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use resonantgen_models::generator::Silent;
use resonantgen_music::track::Track;
use resonantgen_project::{
    Access, Folder, Opened, PATIENCE, SAVING, SESSION_FILE, StemFormat, StoreError, StoredSound as _,
    Waiting, open_file,
};
use resonantgen_session::Session;
use resonantgen_take::{TAKE_SAMPLE_RATE_HZ, Take};

use crate::args::Models;
use crate::failure::Usage;
use crate::{open, overview};

/// Checks that a folder can be written before minutes are spent on its contents.
///
/// # Errors
/// Returns an error if the folder cannot be created or written.
pub fn check_writable(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
        .and_then(|()| tempfile::Builder::new().prefix(SAVING).tempfile_in(folder))
        .map(|_| ())
        .with_context(|| format!("cannot write to {}: choose another --out folder", folder.display()))
}

/// Checks that none of the user's own files would be replaced or removed: files with names that saving uses, but that do not
/// belong to `session`, the session in the folder.
///
/// # Errors
/// Returns an error that names such a file, if there is one.
pub fn check_free(folder: &Path, session: Option<&Session>) -> Result<()> {
    let has_take = |track: Track| {
        session.is_some_and(|session| session.states(track).any(|state| state.take().is_some()))
    };
    let mut names: Vec<String> = Track::ALL
        .into_iter()
        .filter(|track| !has_take(*track))
        .flat_map(|track| [format!("{track}.wav"), format!("{track}.mid")])
        .collect();
    if !Track::ALL.into_iter().any(has_take) {
        names.extend(["mix.wav", "session.mid"].map(str::to_owned));
    }
    if session.is_none() {
        names.push(overview::FILE.to_owned());
    }
    match names.into_iter().map(|name| folder.join(name)).find(|path| path.symlink_metadata().is_ok()) {
        Some(path) => {
            let message = format!(
                "{} exists, does not belong to a session and would be replaced: choose another folder, or move it away",
                path.display()
            );
            Err(Usage(message).into())
        }
        None => Ok(()),
    }
}

/// Opens the folder of a session for changes, and reads the session. No other command can use the folder until it is dropped.
/// Reports what is lost, and makes lost takes again if they play.
///
/// # Errors
/// Returns an error if there is no session, its record is damaged, or another program does not release the folder.
pub fn open_session(path: &Path) -> Result<(Folder, Session)> {
    check_session(path)?;
    let mut folder = lock(path, Access::Change)?;
    let Opened { mut session, lost, edited } = folder.load().map_err(told)?;
    tell(&Opened { session: Session::default(), lost, edited });
    for (track, why) in make_again(&mut session, &Models::default()) {
        eprintln!("note: {track} is silent: its take could not be made again ({why})");
    }
    Ok((folder, session))
}

/// Like [`open_session`], but returns `None` if there is no session yet.
///
/// # Errors
/// Returns the other errors of [`open_session`].
pub fn open_session_if_there(path: &Path) -> Result<Option<(Folder, Session)>> {
    if holds_session(path) { open_session(path).map(Some) } else { Ok(None) }
}

/// Creates and opens a folder for a first session.
///
/// # Errors
/// Returns an error if the folder cannot be written, or another program has created a session there meanwhile.
pub fn create(path: &Path) -> Result<Folder> {
    check_writable(path)?;
    let folder = lock(path, Access::Change)?;
    if folder.holds_session() {
        let path = path.display();
        return Err(anyhow!(
            "another program has just made a session in {path}: run this again to add to it"
        ));
    }
    Ok(folder)
}

/// Like [`create`], but an existing session will be replaced.
///
/// # Errors
/// Returns an error if the folder cannot be written.
pub fn create_anew(path: &Path) -> Result<Folder> {
    check_writable(path)?;
    lock(path, Access::Change)
}

/// Reads the session of a folder, and reports what is lost.
///
/// # Errors
/// Returns the errors of [`open_session`].
pub fn read(path: &Path) -> Result<Opened> {
    check_session(path)?;
    let opened = lock(path, Access::Read)?.load().map_err(told)?;
    tell(&opened);
    Ok(opened)
}

/// Makes playing takes whose audio is lost again from their recipes. Returns the failures by track.
pub fn make_again(session: &mut Session, models: &Models) -> Vec<(Track, anyhow::Error)> {
    let mut failures = Vec::new();
    for (track, take) in session.playing_asleep() {
        match made_again(session, &take, models) {
            Ok(again) => {
                let same = if again.sounds_as(&take) { "" } else { ", and sounds slightly different" };
                eprintln!("note: the lost take of {track} was made again{same}");
                session.wake(&again);
            }
            Err(error) => failures.push((track, error)),
        }
    }
    failures
}

fn made_again(session: &Session, take: &Take, models: &Models) -> Result<Arc<Take>> {
    if let Some(awake) = take.unpacked() {
        return Ok(awake);
    }
    if let Some(source) = &take.recipe.imported {
        return Err(anyhow!("it was imported: import {} again", source.name));
    }
    let again = open::engine(models)?.make_again(take, &session.heard_by(take), &Silent)?;
    Ok(Arc::new(again.ok_or_else(|| anyhow!("the installed models do not have its instrument"))?))
}

fn lock(path: &Path, access: Access) -> Result<Folder> {
    let mut note = || {
        let seconds = PATIENCE.as_secs();
        eprintln!("note: another program is using {}: waiting up to {seconds} s for it", path.display());
    };
    Folder::open(path, access, &mut Waiting { patience: PATIENCE, note: &mut note }).map_err(told)
}

fn told(error: StoreError) -> anyhow::Error {
    match error {
        StoreError::Damaged { .. } => anyhow!("{error}; use a copy of it, or another folder"),
        error => error.into(),
    }
}

fn tell(opened: &Opened) {
    if opened.edited {
        eprintln!(
            "note: {SESSION_FILE} was changed by a program other than ResonantGen; it is used as it is"
        );
    }
    for lost in &opened.lost {
        eprintln!("note: {lost}");
    }
}

fn check_session(path: &Path) -> Result<()> {
    if holds_session(path) {
        return Ok(());
    }
    let path = path.display();
    Err(Usage(format!("{path} holds no {SESSION_FILE}: give a folder that `resonantgen generate` made"))
        .into())
}

/// Whether there is a session in a folder.
pub fn holds_session(folder: &Path) -> bool {
    folder.join(SESSION_FILE).is_file()
}

/// Sample rate in Hz of the stems in a folder, so that they are rewritten at that rate. Defaults to the rate of takes.
pub fn sample_rate_hz(folder: &Path) -> u32 {
    let mix = open_file(&folder.join("mix.wav")).ok();
    mix.and_then(|file| hound::WavReader::new(BufReader::new(file)).ok())
        .map_or(TAKE_SAMPLE_RATE_HZ, |reader| reader.spec().sample_rate)
}

/// Writes a session and its picture. Each file appears whole or not at all.
///
/// # Errors
/// Returns an error if the disk is full, or the folder has become unwritable.
pub fn save(folder: &mut Folder, session: &Session, sample_rate_hz: u32) -> Result<()> {
    // Before the first generation there is nothing to draw.
    let picture = session.plan.as_ref().map(|_| overview::draw(session)).transpose()?;
    let held = folder.save(session, StemFormat { sample_rate_hz })?;
    if !held.is_empty() {
        eprintln!(
            "note: {} in {}: another program has it open, so it stays as it was; the new take is kept: close it there, and the \
             next change to this session writes it, or `resonantgen export`",
            held.join(", "),
            folder.path().display()
        );
    }
    let path = folder.path().join(overview::FILE);
    let written = match picture {
        Some(picture) => write_whole(&path, &picture),
        None => std::fs::remove_file(&path).or_else(|error| match error.kind() {
            ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        }),
    };
    match written {
        // If a program has the picture open, the old one stays.
        Err(error) if cfg!(windows) && path.is_file() => {
            eprintln!("note: {} stays as it was: {error}", path.display());
            Ok(())
        }
        written => written.with_context(|| format!("cannot write {}", path.display())),
    }
}

/// Writes a file atomically: it is never seen half-written.
///
/// # Errors
/// Returns an error if the disk is full or the folder is not writable.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    let mut file = tempfile::Builder::new().prefix(SAVING).tempfile_in(folder)?;
    file.write_all(bytes)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_user_are_in_the_way() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(check_free(folder.path(), None).is_ok());
        assert!(check_free(&folder.path().join("new"), None).is_ok());
        std::fs::write(folder.path().join("notes.txt"), "mine").expect("written");
        assert!(check_free(folder.path(), None).is_ok());
        for name in ["bass.wav", "melody.mid", "mix.wav", "overview.png"] {
            let path = folder.path().join(name);
            std::fs::write(&path, "mine").expect("written");
            let error = check_free(folder.path(), None).expect_err("in the way").to_string();
            assert!(error.contains(name), "{error}");
            std::fs::remove_file(path).expect("removed");
        }
        // A session without a bass must not replace the user's file either.
        std::fs::write(folder.path().join("bass.wav"), "mine").expect("written");
        assert!(check_free(folder.path(), Some(&Session::default())).is_err());
    }
}
