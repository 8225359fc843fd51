//! An export as one file.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::super::StoreError;

/// Packs all files of a folder, but not those of its folders, into a ZIP archive, by their names. Nothing is compressed, because audio
/// hardly shrinks, and no times are stored, so that the same files give the same archive.
///
/// # Errors
/// Returns an error if a file cannot be read, or the archive cannot be written.
pub fn archive(folder: &Path, to: impl Write + Seek) -> Result<(), StoreError> {
    let reading = |path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| StoreError::Read { path, source }
    };
    let writing = |source: io::Error| StoreError::Write { path: folder.to_owned(), source };
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in folder.read_dir().map_err(reading(folder))? {
        let path = entry.map_err(reading(folder))?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default());
    let mut archive = ZipWriter::new(to);
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut file = File::open(&path).map_err(reading(&path))?;
        archive.start_file(name, options).map_err(|error| writing(error.into()))?;
        io::copy(&mut file, &mut archive).map_err(writing)?;
    }
    archive.finish().map_err(|error| writing(error.into()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::*;

    #[test]
    fn an_archive_has_the_files_to_the_bit_and_is_always_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let bytes: Vec<u8> = (0..70_000_u32).map(|index| (index % 251) as u8).collect();
        std::fs::write(folder.path().join("b.wav"), &bytes).expect("room");
        std::fs::write(folder.path().join("a.txt"), b"a note").expect("room");
        std::fs::create_dir(folder.path().join("below")).expect("room");
        let pack = || {
            let mut packed = Cursor::new(Vec::new());
            archive(folder.path(), &mut packed).expect("packed");
            packed.into_inner()
        };
        let packed = pack();
        assert_eq!(packed, pack());
        let mut read = zip::ZipArchive::new(Cursor::new(packed)).expect("an archive");
        assert_eq!(read.file_names().collect::<Vec<_>>(), ["a.txt", "b.wav"]);
        let mut found = Vec::new();
        read.by_name("b.wav").expect("there").read_to_end(&mut found).expect("whole");
        assert_eq!(found, bytes);
        assert!(archive(&folder.path().join("nowhere"), Cursor::new(Vec::new())).is_err());
    }
}
