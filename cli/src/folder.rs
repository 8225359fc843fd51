//! A session's folder: checked before the work, written when all of it has succeeded.

use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use resonantgen_engine::session::{SESSION_FILE, Session, StemFormat};
use resonantgen_take::TAKE_SAMPLE_RATE_HZ;

use crate::failure::Usage;
use crate::overview;

/// Checks that a folder can be written before minutes are spent on its contents.
///
/// # Errors
/// Returns an error if the folder cannot be created or written.
pub fn check_writable(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
        .and_then(|()| tempfile::Builder::new().prefix(".resonantgen").tempfile_in(folder))
        .map(|_| ())
        .with_context(|| format!("cannot write to {}: choose another --out folder", folder.display()))
}

/// Loads the session of a folder.
///
/// # Errors
/// Returns an error if the folder holds no session, or the session is damaged.
pub fn load(folder: &Path) -> Result<Session> {
    if !holds_session(folder) {
        let folder = folder.display();
        let message = format!("{folder} has no {SESSION_FILE}: give a folder made by `resonantgen generate`");
        return Err(Usage(message).into());
    }
    Session::load(folder)
        .map_err(|error| anyhow!("{error}; give another folder, or delete its {SESSION_FILE} to start over"))
}

/// Whether there is a session in a folder.
pub fn holds_session(folder: &Path) -> bool {
    folder.join(SESSION_FILE).is_file()
}

/// Sample rate in Hz of the stems in a folder, so that they are rewritten at that rate; the takes' rate if there are none.
pub fn sample_rate_hz(folder: &Path) -> u32 {
    hound::WavReader::open(folder.join("mix.wav"))
        .map_or(TAKE_SAMPLE_RATE_HZ, |reader| reader.spec().sample_rate)
}

/// Writes a session and its picture. Each file appears whole or not at all.
///
/// # Errors
/// Returns an error if the disk is full or the folder is no longer writable.
pub fn save(folder: &Path, session: &Session, sample_rate_hz: u32) -> Result<()> {
    let picture = overview::draw(session)?;
    session.save(folder, StemFormat { sample_rate_hz })?;
    write_whole(&folder.join(overview::FILE), &picture)
        .with_context(|| format!("cannot write {} to {}", overview::FILE, folder.display()))
}

/// Writes a file atomically: it is never seen half-written.
///
/// # Errors
/// Returns an error if the disk is full or the folder is not writable.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    let mut file = tempfile::Builder::new().prefix(".resonantgen").tempfile_in(folder)?;
    file.write_all(bytes)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    file.persist(path)?;
    Ok(())
}
