//! The lock of a folder: who changes a session holds it from reading until writing.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a program waits for another one that uses the folder, unless it says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How often it looks.
const POLL: Duration = Duration::from_millis(25);
/// Name of the file that is locked. It stays: to remove it would let two programs lock two files of the same name.
const LOCK_FILE: &str = ".resonantgen.lock";

/// What a folder is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Only to read: many may.
    Read,
    /// To read, change and save: nobody else may use it meanwhile.
    Change,
}

/// How to wait for a folder that another program uses.
pub struct Waiting<'a> {
    /// For how long.
    pub patience: Duration,
    /// Called once, when there is something to wait for.
    pub note: &'a mut dyn FnMut(),
}

/// Takes the lock of `folder`; `Ok(None)` when there can be none because nobody can write there. An error of kind
/// [`io::ErrorKind::WouldBlock`] says that the other program was not done in time.
pub(super) fn take(folder: &Path, access: Access, waiting: &mut Waiting<'_>) -> io::Result<Option<File>> {
    let path = folder.join(LOCK_FILE);
    let file = match OpenOptions::new().create(true).truncate(false).write(true).open(&path) {
        Ok(file) => file,
        // A folder that cannot be written to cannot change while it is read.
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
            // File systems that know no locks (some network shares) are used without one, as every version before did.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}
