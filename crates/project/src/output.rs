//! Files that appear whole or not at all.
//!
//! They are written under another name in the same folder and then renamed. Meanwhile they are locked, so that what a killed program
//! has left can be told from what another program is writing.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

use super::input::check_regular;

/// Start of the names of single files while they are written.
const WRITING: &str = ".writing-";

/// Who may read a file that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everyone, like usual files.
    Everyone,
    /// Only the user who writes it: it holds a secret. (On Windows, whoever may read the folder.)
    Owner,
}

/// Writes a file, or replaces it, as a whole or not at all. What killed programs have left of earlier files is removed from the
/// folder, which must exist.
///
/// # Errors
/// When a folder, a named pipe or a device has this name, or the file cannot be written; an earlier file stays then.
///
/// ```
/// use resonantgen_project::{Audience, write_file};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("settings.json");
/// write_file(&path, b"{}", Audience::Owner)?;
/// assert_eq!(std::fs::read(&path)?, b"{}");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write_file(path: &Path, bytes: &[u8], audience: Audience) -> io::Result<()> {
    match check_regular(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sweep(folder, WRITING);
    let mut file = locked_file(folder, WRITING)?;
    file.write_all(bytes)?;
    if audience == Audience::Everyone {
        readable_by_all(file.as_file())?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Makes a temporary file whose name begins with `prefix`, and locks it. It is readable by its owner only.
pub(crate) fn locked_file(folder: &Path, prefix: &str) -> io::Result<NamedTempFile> {
    loop {
        let file = tempfile::Builder::new().prefix(prefix).tempfile_in(folder)?;
        match file.as_file().lock() {
            // Another program may have swept it away before it was locked.
            Ok(()) if !file.path().exists() => {}
            // File systems without locks (some network shares) are used without one.
            Err(error) if error.kind() != io::ErrorKind::Unsupported => return Err(error),
            _ => return Ok(file),
        }
    }
}

/// Removes from a folder the locked files of killed programs. Those that cannot be removed stay for the next time.
pub(crate) fn sweep(folder: &Path, prefix: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && entry.file_name().to_string_lossy().starts_with(prefix) {
            let path = entry.path();
            // Only what no living program has locked; the lock is held until the file is gone.
            if let Some(file) = File::open(&path).ok().filter(|file| file.try_lock().is_ok()) {
                let _ = fs::remove_file(path);
                drop(file);
            }
        }
    }
}

/// Makes a temporary file as readable as a usual one.
pub(crate) fn readable_by_all(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_what_killed_programs_left_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("settings.json");
        fs::write(folder.path().join(".writing-AbC123"), "half of it").expect("written");
        for text in ["one", "two"] {
            write_file(&path, text.as_bytes(), Audience::Everyone).expect("written");
            assert_eq!(fs::read_to_string(&path).expect("readable"), text);
        }
        let names =
            fs::read_dir(folder.path()).expect("readable").map(|entry| entry.expect("one").file_name());
        assert_eq!(names.collect::<Vec<_>>(), ["settings.json"]);
        assert!(write_file(folder.path(), b"", Audience::Everyone).is_err());
        assert!(write_file(&folder.path().join("nowhere/a"), b"", Audience::Everyone).is_err());
    }

    #[test]
    #[cfg(unix)]
    fn devices_are_not_replaced_and_secrets_are_their_owners() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let device = write_file(Path::new("/dev/null"), b"", Audience::Everyone).expect_err("a device");
        assert_eq!(device.to_string(), "it is not a regular file");
        for (audience, mode) in [(Audience::Owner, 0o600), (Audience::Everyone, 0o644)] {
            let path = folder.path().join("a");
            write_file(&path, b"a", audience).expect("written");
            assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, mode);
        }
    }
}
