//! The lock of a folder, held by a program from reading a session until writing it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// Default time to wait for another program that uses the folder.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Interval between attempts.
const POLL: Duration = Duration::from_millis(25);
/// Name of the lock file. It is never removed, or two programs could lock two files of the same name.
const LOCK_FILE: &str = ".resonantgen.lock";

/// Why a folder is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// For reading; several programs may do so at once.
    Read,
    /// For changes, which excludes all other programs.
    Change,
}

/// How to wait for a folder in use.
pub struct Waiting<'a> {
    /// Maximum time.
    pub patience: Duration,
    /// Called once if it has to wait.
    pub note: &'a mut dyn FnMut(),
}

/// Takes the lock of `folder`; `Ok(None)` if nobody can write there, so no lock is needed. An error of kind
/// [`io::ErrorKind::WouldBlock`] means that the other program did not release it in time.
pub(super) fn take(folder: &Path, access: Access, waiting: &mut Waiting<'_>) -> io::Result<Option<File>> {
    let path = folder.join(LOCK_FILE);
    // Opening a named pipe would wait for its other end.
    if fs::metadata(&path).is_ok_and(|facts| !facts.is_file()) {
        return Err(io::Error::other(format!("{LOCK_FILE} in it is not a regular file")));
    }
    let file = match OpenOptions::new().create(true).truncate(false).write(true).open(&path) {
        Ok(file) => file,
        // A read-only folder cannot change while it is read.
        Err(_) if access == Access::Read => match File::open(&path) {
            Ok(file) => file,
            Err(_) => return Ok(None),
        },
        Err(error) => return Err(error),
    };
    let began = Instant::now();
    let mut is_told = false;
    loop {
        let tried = match access {
            Access::Read => file.try_lock_shared(),
            Access::Change => file.try_lock(),
        };
        match tried {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) if began.elapsed() >= waiting.patience => {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Err(TryLockError::WouldBlock) => {
                if !std::mem::replace(&mut is_told, true) {
                    (waiting.note)();
                }
                std::thread::sleep(POLL);
            }
            // File systems without locks (some network shares) are used without one.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}
