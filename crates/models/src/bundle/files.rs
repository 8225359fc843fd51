//! Checks a bundle's files: inside its folder, with the stated size and content, and, for networks, harmless.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::manifest::FileRecord;
use super::{BundleError, onnx};
use hex::encode as hex;

/// Reads a text file of at most `limit` bytes.
///
/// # Errors
/// Returns [`BundleError::Read`] if the file cannot be read, is not UTF-8, or is larger than `limit`.
pub fn read_text(path: &Path, limit: u64) -> Result<String, BundleError> {
    let text = String::from_utf8(read(path, limit)?).map_err(|error| BundleError::Read {
        path: path.to_owned(),
        source: std::io::Error::new(std::io::ErrorKind::InvalidData, error),
    })?;
    // Some editors put a byte order mark before a text.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Reads a file of at most `limit` bytes. What is not a regular file is not opened: a named pipe might never end.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, BundleError> {
    let read = || {
        if !std::fs::metadata(path)?.is_file() {
            return Err(std::io::Error::other("it is not a regular file"));
        }
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(std::io::Error::other(format!("it is larger than {limit} bytes")));
        }
        Ok(bytes)
    };
    read().map_err(|source: std::io::Error| BundleError::Read { path: path.to_owned(), source })
}

/// Path, size and modification time of a file: while they are the same, its content is assumed to be the same.
type FileState = (PathBuf, u64, SystemTime);

/// SHA-256 of files that this process has hashed, and their verdict as networks.
type Known = HashMap<FileState, (String, Result<(), String>)>;

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

/// Checks location, size, content and, depending on its name, the graph of a file. A file that this process has checked
/// before is not read again unless its size or modification time has changed.
///
/// # Errors
/// Returns an error if the file is missing, truncated, altered, or a network that is not allowed.
pub fn check(folder: &Path, record: &FileRecord) -> Result<(), BundleError> {
    let path = folder.join(&record.file);
    let reading = |source| BundleError::Read { path: path.clone(), source };
    let metadata = match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => metadata,
        Ok(_) => return Err(BundleError::MissingFile { path }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(BundleError::MissingFile { path });
        }
        Err(source) => return Err(reading(source)),
    };
    // The name has no separators (`FileRecord::check`), so only a link could lead out of the folder.
    let inside = folder.canonicalize().map_err(reading)?;
    if !path.canonicalize().map_err(reading)?.starts_with(inside) {
        return Err(BundleError::Outside { path });
    }
    if metadata.len() != record.bytes {
        return Err(BundleError::Size { path, expected: record.bytes, found: metadata.len() });
    }
    let changed = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    let key: FileState = (path.clone(), metadata.len(), changed);
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    let (found, verdict) = match known {
        Some(known) => known,
        None => {
            let fresh = (hash(&path).map_err(reading)?, network(&path, metadata.len()).map_err(reading)?);
            KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(key, fresh.clone());
            fresh
        }
    };
    if found != record.sha256.to_lowercase() {
        return Err(BundleError::Hash { path, expected: record.sha256.clone(), found });
    }
    verdict.map_err(|reason| BundleError::Network { path, reason })
}

/// The verdict on a file as a network, if its name says that it is one.
fn network(path: &Path, length: u64) -> std::io::Result<Result<(), String>> {
    if path.extension().is_none_or(|extension| extension != "onnx") {
        return Ok(Ok(()));
    }
    Ok(onnx::check(std::fs::File::open(path)?, length))
}

fn hash(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
    }
    Ok(hex(hasher.finalize()))
}
