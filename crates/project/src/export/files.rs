//! The files of an export. Each appears whole or not at all, and none replaces another.

use std::fs::{self, File};
use std::io::{self, BufReader, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::super::StoreError;
use super::super::output::{locked_file, readable_by_all, sweep};

/// Start of the names of files while they are written.
pub(crate) const EXPORTING: &str = ".exporting-";

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
    /// Creates the folder, and removes leftovers of killed exports from it.
    pub(super) fn open(dir: &'a Path) -> Result<Self, StoreError> {
        fs::create_dir_all(dir).map_err(|source| StoreError::Write { path: dir.to_owned(), source })?;
        sweep(dir, EXPORTING);
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
            let mut file = locked_file(self.dir, EXPORTING)?;
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
        path.symlink_metadata().is_err() || is_same(self.file.as_file(), path).unwrap_or(false)
    }

    fn keep(self, dir: &Path, number: u32) -> Result<PathBuf, StoreError> {
        let path = self.path(dir, number);
        match self.file.persist_noclobber(&path) {
            Ok(_) => Ok(path),
            Err(error) if is_same(error.file.as_file(), &path).unwrap_or(false) => Ok(path),
            Err(error) => Err(StoreError::Write { path, source: error.error }),
        }
    }
}

/// Whether a file has the same bytes as the regular file at `path`. The first is read from its beginning.
fn is_same(mut file: &File, path: &Path) -> io::Result<bool> {
    let there = fs::symlink_metadata(path)?;
    // Opening a named pipe would block until there is a writer.
    if !there.is_file() || file.metadata()?.len() != there.len() {
        return Ok(false);
    }
    file.rewind()?;
    // Through the open file: on Windows its lock keeps out all others.
    let ours = BufReader::with_capacity(1 << 16, file).bytes();
    let theirs = BufReader::with_capacity(1 << 16, File::open(path)?).bytes();
    for (one, other) in ours.zip(theirs) {
        if one? != other? {
            return Ok(false);
        }
    }
    Ok(true)
}
