//! Files held open by other programs. Windows does not replace or move such a file unless that program allows it. Most players
//! and editors do not, and antivirus programs hold new files for a moment. Other systems have no such restriction.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Number of attempts and the pause between them for a file that is held: one second in total.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// Moves `from` to `to`, which may exist. Waits up to a second for a program that holds either.
pub(crate) fn replace(from: &Path, to: &Path) -> io::Result<()> {
    patiently(to, || fs::rename(from, to))
}

/// Retries an operation that replaces `target` while another program holds the file.
pub(crate) fn patiently<T>(target: &Path, mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 1..TRIES {
        match act() {
            Err(error) if is_held(&error, target) => std::thread::sleep(PAUSE),
            done => return done,
        }
    }
    act()
}

/// Whether `error`, returned when replacing `target`, means that another program holds the file open.
pub(crate) fn is_held(error: &io::Error, target: &Path) -> bool {
    /// Windows error codes for an open file, and for one that is mapped into memory (`winerror.h`).
    const OPEN: [i32; 3] = [32, 33, 1224];
    /// Error code of Windows for a file that is open elsewhere, but also for missing permissions.
    const DENIED: i32 = 5;
    if !cfg!(windows) {
        return false;
    }
    let code = error.raw_os_error().unwrap_or_default();
    let is_writable =
        || fs::metadata(target).is_ok_and(|file| file.is_file() && !file.permissions().readonly());
    OPEN.contains(&code) || (code == DENIED && is_writable())
}

/// Checks that no program has a file open that will be replaced. A missing file passes.
///
/// # Errors
/// Returns an error if the file is still open after a second.
#[cfg(windows)]
pub(crate) fn check_free(target: &Path) -> io::Result<()> {
    use std::os::windows::fs::OpenOptionsExt;

    /// The right to delete a file (`winnt.h`). Refused while another program holds the file without sharing this right.
    const DELETE: u32 = 0x0001_0000;
    let opened = patiently(target, || fs::OpenOptions::new().access_mode(DELETE).open(target));
    match opened {
        Err(error) if is_held(&error, target) => Err(error),
        _ => Ok(()),
    }
}

/// Checks that no program holds a file that will be replaced. On this system none can.
#[cfg(not(windows))]
#[allow(clippy::unnecessary_wraps, reason = "as on Windows")]
pub(crate) fn check_free(_target: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, windows))]
mod tests {
    use std::os::windows::fs::OpenOptionsExt;

    use resonantgen_music::track::Track;
    use resonantgen_session::fake::{generated, regenerate};

    use super::*;
    use crate::{Access, ExportOptions, Folder, StemFormat, StoreError, Waiting, export, load};

    /// As most players do: other programs may read the file, but not write or remove it.
    fn held(path: &Path) -> fs::File {
        const SHARE_READ: u32 = 1;
        fs::OpenOptions::new().read(true).share_mode(SHARE_READ).open(path).expect("the file is there")
    }

    fn open(path: &Path) -> Folder {
        let waiting = &mut Waiting { patience: Duration::ZERO, note: &mut || () };
        Folder::open(path, Access::Change, waiting).expect("nobody uses it")
    }

    #[test]
    fn a_take_is_kept_while_a_player_has_a_stem_open_and_the_next_save_writes_the_stem() {
        let place = tempfile::tempdir().expect("a folder");
        let mut session = generated("techno", 1);
        let mut folder = open(place.path());
        assert!(folder.save(&session, StemFormat::default()).expect("saved").is_empty());
        let stem = place.path().join("bass.wav");
        let before = fs::read(&stem).expect("a stem");
        let player = held(&stem);
        regenerate(&mut session, Track::Bass, 2).expect("a take");
        assert_eq!(folder.save(&session, StemFormat::default()).expect("saved"), ["bass.wav"]);
        assert!(fs::read(&stem).expect("the one before") == before);
        drop(folder);
        let opened = load(place.path()).expect("it opens");
        assert!(opened.lost.is_empty());
        assert!(opened.session.track(Track::Bass).history == session.track(Track::Bass).history);
        drop(player);
        let mut folder = open(place.path());
        folder.load().expect("it opens");
        assert!(folder.save(&session, StemFormat::default()).expect("saved").is_empty());
        assert!(fs::read(&stem).expect("a stem") != before);
    }

    #[test]
    fn a_record_that_is_held_is_told_and_nothing_changes() {
        let place = tempfile::tempdir().expect("a folder");
        let mut session = generated("techno", 1);
        let mut folder = open(place.path());
        folder.save(&session, StemFormat::default()).expect("saved");
        let before = session.clone();
        let viewer = held(&place.path().join(crate::SESSION_FILE));
        regenerate(&mut session, Track::Bass, 2).expect("a take");
        let refused = folder.save(&session, StemFormat::default()).expect_err("it is held");
        assert!(
            matches!(&refused, StoreError::Held(path) if path.ends_with(crate::SESSION_FILE)),
            "{refused}"
        );
        drop(viewer);
        drop(folder);
        let opened = load(place.path()).expect("it opens").session;
        assert!(opened.track(Track::Bass).history == before.track(Track::Bass).history);
    }

    #[test]
    fn an_export_beside_a_file_that_is_held_gets_another_name() {
        let place = tempfile::tempdir().expect("a folder");
        let mut session = generated("techno", 1);
        let files = export(&session, place.path(), &ExportOptions::default()).expect("exported");
        let before: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).expect("there")).collect();
        let _player = held(&files[4]);
        regenerate(&mut session, Track::Bass, 2).expect("a take");
        let others = export(&session, place.path(), &ExportOptions::default()).expect("exported");
        assert!(others.iter().all(|other| !files.contains(other)), "{others:?}");
        assert!(files.iter().zip(&before).all(|(file, before)| fs::read(file).expect("there") == *before));
    }
}
