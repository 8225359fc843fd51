//! The files of an export. Each appears whole or not at all, and none replaces another.

use std::fs;
use std::io::{self, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::super::StoreError;

/// Files that have been written but not named yet.
pub(super) struct Files<'a> {
    dir: &'a Path,
    files: Vec<Exported>,
}

/// A file that has been written but not named yet.
struct Exported {
    name: String,
    extension: &'static str,
    file: NamedTempFile,
}

/// Name of a file in the export with the given number. The first export has no number in its names.
pub(super) fn numbered(name: &str, number: u32) -> String {
    if number == 1 { name.to_owned() } else { format!("{name}_{number}") }
}

impl<'a> Files<'a> {
    /// Creates the folder.
    pub(super) fn open(dir: &'a Path) -> Result<Self, StoreError> {
        fs::create_dir_all(dir).map_err(|source| StoreError::Write { path: dir.to_owned(), source })?;
        Ok(Self { dir, files: Vec::new() })
    }

    /// Writes a file; `name` has no extension.
    pub(super) fn put(
        &mut self,
        name: String,
        extension: &'static str,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let whole = || {
            let mut file = tempfile::Builder::new().prefix(".exporting-").tempfile_in(self.dir)?;
            file.write_all(bytes)?;
            readable_by_all(file.as_file())?;
            Ok(file)
        };
        let file = whole().map_err(|source| StoreError::Write { path: self.dir.join(&name), source })?;
        self.files.push(Exported { name, extension, file });
        Ok(())
    }

    /// Withdraws the last file.
    pub(super) fn take_back(&mut self) {
        self.files.pop();
    }

    /// The first number from `from` on for which no name is taken by other content.
    pub(super) fn free_number(&self, from: u32) -> u32 {
        let fits = |number: &u32| self.files.iter().all(|file| file.fits(&file.path(self.dir, *number)));
        (from..).find(fits).unwrap_or(u32::MAX)
    }

    /// Gives the files their final names, with a number.
    pub(super) fn keep(self, number: u32) -> Result<Vec<PathBuf>, StoreError> {
        self.files.into_iter().map(|file| file.keep(self.dir, number)).collect()
    }
}

impl Exported {
    fn path(&self, dir: &Path, number: u32) -> PathBuf {
        dir.join(format!("{}.{}", numbered(&self.name, number), self.extension))
    }

    /// Whether the name is free, or belongs to a file with the same bytes.
    fn fits(&self, path: &Path) -> bool {
        path.symlink_metadata().is_err() || is_same(self.file.path(), path).unwrap_or(false)
    }

    fn keep(self, dir: &Path, number: u32) -> Result<PathBuf, StoreError> {
        let path = self.path(dir, number);
        match self.file.persist_noclobber(&path) {
            Ok(_) => Ok(path),
            Err(error) if is_same(error.file.path(), &path).unwrap_or(false) => Ok(path),
            Err(error) => Err(StoreError::Write { path, source: error.error }),
        }
    }
}

/// Whether two regular files have the same bytes.
fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    let (sizes, other_sizes) = (fs::metadata(one)?, fs::symlink_metadata(other)?);
    // Opening a named pipe would block until there is a writer.
    if !other_sizes.is_file() || sizes.len() != other_sizes.len() {
        return Ok(false);
    }
    let bytes = |path| Ok::<_, io::Error>(BufReader::with_capacity(1 << 16, fs::File::open(path)?).bytes());
    for (one, other) in bytes(one)?.zip(bytes(other)?) {
        if one? != other? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes a temporary file as readable as an ordinary one.
fn readable_by_all(file: &fs::File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}
