//! Model bundles: a folder with a manifest, ONNX files and patches of one model family. Everything is checked before
//! anything runs.

pub mod manifest;
mod patch;

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use self::manifest::{FileRecord, Manifest, Refusal, SCHEMA_VERSION};
pub use self::patch::{Patch, PatchExcitation};
use crate::track::Track;

const MANIFEST_FILE: &str = "manifest.json";
/// Largest manifest or patch list that is read, in bytes.
const TEXT_LIMIT: u64 = 64 << 20;

/// The bundle could not be opened. Each message names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The folder has no manifest.
    #[error(
        "no model bundle at {}: manifest.json is missing; give another folder, or restore it",
        .folder.display()
    )]
    NoManifest {
        /// The folder that was looked at.
        folder: PathBuf,
    },
    /// A file could not be read.
    #[error("cannot read {}: {source}; check its permissions and the disk", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The manifest or the patch list has another form than it should.
    #[error("{} is damaged or of another version: {reason}; restore the bundle", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// The manifest's schema is another one.
    #[error(
        "{} has schema version {found}, this engine reads version {SCHEMA_VERSION}; use a bundle made for this version",
        .path.display()
    )]
    Schema {
        /// The manifest.
        path: PathBuf,
        /// Its schema version, as written.
        found: String,
    },
    /// The manifest or the patch list says something that this engine cannot work with.
    #[error("{}: {reason}; use a bundle made for this version", .path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// What was found, and what is allowed.
        reason: String,
    },
    /// A file of the bundle is missing.
    #[error("{} is missing; restore the bundle", .path.display())]
    MissingFile {
        /// The file.
        path: PathBuf,
    },
    /// A file is shorter or longer than the manifest says.
    #[error(
        "{} has {found} bytes, the manifest says {expected}: it is truncated or was replaced; restore the bundle",
        .path.display()
    )]
    Size {
        /// The file.
        path: PathBuf,
        /// Bytes by the manifest.
        expected: u64,
        /// Bytes on the disk.
        found: u64,
    },
    /// A file has other content than the manifest says.
    #[error(
        "{} has SHA-256 {found}, the manifest says {expected}: it is damaged or was replaced; restore the bundle",
        .path.display()
    )]
    Hash {
        /// The file.
        path: PathBuf,
        /// Hash by the manifest.
        expected: String,
        /// Hash of the file.
        found: String,
    },
}

/// A checked bundle.
#[derive(Debug)]
pub struct Bundle {
    folder: PathBuf,
    manifest: Manifest,
    patches: Vec<Patch>,
}

impl Bundle {
    /// Opens the bundle in `folder` and checks its manifest, the size and hash of every file, and its patches.
    ///
    /// A file that this process has hashed before is not hashed again unless its size or time of change differ.
    ///
    /// # Errors
    /// When anything is missing, damaged or of another version.
    pub fn open(folder: &Path) -> Result<Self, BundleError> {
        let path = folder.join(MANIFEST_FILE);
        if !path.is_file() {
            return Err(BundleError::NoManifest { folder: folder.to_owned() });
        }
        let text = read_text(&path)?;
        let manifest = Manifest::parse(&text).map_err(|refusal| match refusal {
            Refusal::Syntax(reason) => BundleError::Syntax { path: path.clone(), reason },
            Refusal::Schema(found) => BundleError::Schema { path: path.clone(), found },
            Refusal::Value(reason) => BundleError::Value { path: path.clone(), reason },
        })?;
        for file in manifest.files() {
            check_file(folder, file)?;
        }
        let path = folder.join(&manifest.patches.file);
        let patches = patch::parse(&read_text(&path)?)
            .map_err(|reason| BundleError::Value { path: path.clone(), reason })?;
        if patches.len() != manifest.patch_count {
            let reason = format!("{} patches, the manifest says {}", patches.len(), manifest.patch_count);
            return Err(BundleError::Value { path, reason });
        }
        Ok(Self { folder: folder.to_owned(), manifest, patches })
    }

    /// The folder it lies in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its validated manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Identity, as kept in recipes.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.manifest.id
    }

    /// SPDX expression of the weights' licence.
    #[must_use]
    pub fn licence(&self) -> &str {
        &self.manifest.licence
    }

    /// Patches of `track`, in the bundle's order.
    pub fn patches(&self, track: Track) -> impl Iterator<Item = &Patch> {
        self.patches.iter().filter(move |patch| patch.track == track)
    }

    /// The patch with this id.
    #[must_use]
    pub fn patch(&self, id: &str) -> Option<&Patch> {
        self.patches.iter().find(|patch| patch.id == id)
    }
}

fn read_text(path: &Path) -> Result<String, BundleError> {
    let read = || {
        let file = std::fs::File::open(path)?;
        if file.metadata()?.len() > TEXT_LIMIT {
            return Err(std::io::Error::other(format!("it is larger than {TEXT_LIMIT} bytes")));
        }
        let mut text = String::new();
        file.take(TEXT_LIMIT).read_to_string(&mut text)?;
        Ok(text)
    };
    read().map_err(|source: std::io::Error| BundleError::Read { path: path.to_owned(), source })
}

/// Path, size and time of change of a file: while they stay, its content is taken to stay.
type FileState = (PathBuf, u64, SystemTime);

/// SHA-256 of files that this process has hashed.
static HASHES: LazyLock<Mutex<HashMap<FileState, String>>> = LazyLock::new(Mutex::default);

fn check_file(folder: &Path, record: &FileRecord) -> Result<(), BundleError> {
    let path = folder.join(&record.file);
    let metadata = match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => metadata,
        Ok(_) => return Err(BundleError::MissingFile { path }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(BundleError::MissingFile { path });
        }
        Err(source) => return Err(BundleError::Read { path, source }),
    };
    if metadata.len() != record.bytes {
        return Err(BundleError::Size { path, expected: record.bytes, found: metadata.len() });
    }
    let changed = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    let key: FileState = (path.clone(), metadata.len(), changed);
    let known = HASHES.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    let found = match known {
        Some(hash) => hash,
        None => {
            let hash = hash_file(&path).map_err(|source| BundleError::Read { path: path.clone(), source })?;
            HASHES.lock().unwrap_or_else(PoisonError::into_inner).insert(key, hash.clone());
            hash
        }
    };
    if found != record.sha256.to_lowercase() {
        return Err(BundleError::Hash { path, expected: record.sha256.clone(), found });
    }
    Ok(())
}

fn hash_file(path: &Path) -> std::io::Result<String> {
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
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
