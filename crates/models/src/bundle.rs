//! Model bundles: a folder with a manifest, ONNX files and patches of one model family. Everything is checked before
//! anything runs.

pub mod files;
pub mod manifest;
pub mod onnx;
pub(crate) mod patch;

use std::path::{Path, PathBuf};

use self::manifest::{Manifest, Refusal, SCHEMA_VERSION};
pub use self::patch::{Patch, PatchExcitation};
use resonantgen_music::track::Track;
use resonantgen_sound::codec::hits::Hits;

const MANIFEST_FILE: &str = "manifest.json";
/// Maximum size of a manifest, in bytes.
const MANIFEST_LIMIT: u64 = 1 << 20;
/// Maximum size of a patch list, in bytes.
const PATCHES_LIMIT: u64 = 64 << 20;
/// Largest file of hits that is read, in bytes.
const HITS_LIMIT: u64 = 64 << 20;

/// Why a bundle cannot be opened. Each message names the file and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The folder has no manifest.
    #[error(
        "no model bundle at {}: manifest.json is missing; give another folder, or restore it",
        .folder.display()
    )]
    NoManifest {
        /// The folder.
        folder: PathBuf,
    },
    /// A file could not be read.
    #[error("cannot read {}: {source}; check its permissions and the disk", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The manifest or the patch list is malformed.
    #[error("{} is damaged or of another version: {reason}; restore the bundle", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// The manifest has a different schema version.
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
    /// The manifest or the patch list contains a value that this engine does not support.
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
        /// Size in the manifest, in bytes.
        expected: u64,
        /// Size on disk, in bytes.
        found: u64,
    },
    /// A file's content does not match the manifest.
    #[error(
        "{} has SHA-256 {found}, the manifest says {expected}: it is damaged or was replaced; restore the bundle",
        .path.display()
    )]
    Hash {
        /// The file.
        path: PathBuf,
        /// Hash in the manifest.
        expected: String,
        /// Hash of the file.
        found: String,
    },
    /// A file's path leads out of the bundle's folder.
    #[error("{} is a link that leads out of the bundle: put the file itself there", .path.display())]
    Outside {
        /// The file.
        path: PathBuf,
    },
    /// A network contains something that bundles must not contain.
    #[error("{} is refused: {reason}; use a bundle from someone you trust", .path.display())]
    Network {
        /// The file.
        path: PathBuf,
        /// What it contains.
        reason: String,
    },
}

/// A checked bundle.
#[derive(Debug)]
pub struct Bundle {
    folder: PathBuf,
    manifest: Manifest,
    patches: Vec<Patch>,
    hits: Hits,
}

impl Bundle {
    /// Opens the bundle in `folder` and checks its manifest, the size and hash of every file, and its patches.
    ///
    /// A file that this process has checked before is not read again unless its size or modification time has changed.
    ///
    /// # Errors
    /// Returns an error if anything is missing, damaged or of another version.
    pub fn open(folder: &Path) -> Result<Self, BundleError> {
        let manifest = open_manifest(folder, Manifest::parse)?;
        for file in manifest.files() {
            files::check(folder, file)?;
        }
        let mut hits = Hits::default();
        for file in [&manifest.hits, &manifest.notes].into_iter().flatten() {
            let path = folder.join(&file.file);
            let bytes = files::read(&path, HITS_LIMIT)?;
            let read = Hits::parse(&bytes).and_then(|more| hits.extend(more));
            read.map_err(|reason| BundleError::Syntax { path, reason })?;
        }
        let path = folder.join(&manifest.patches.file);
        let patches = patch::parse(&files::read_text(&path, PATCHES_LIMIT)?, &hits)
            .map_err(|reason| BundleError::Value { path: path.clone(), reason })?;
        if patches.len() != manifest.patch_count {
            let reason = format!("{} patches, the manifest says {}", patches.len(), manifest.patch_count);
            return Err(BundleError::Value { path, reason });
        }
        Ok(Self { folder: folder.to_owned(), manifest, patches, hits })
    }

    /// The bundle's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The validated manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Id, as stored in recipes.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.manifest.id
    }

    /// SPDX expression of the weights' licence.
    #[must_use]
    pub fn licence(&self) -> &str {
        &self.manifest.licence
    }

    /// Drum hits and notes that kits and instruments are made of; none in bundles without them.
    #[must_use]
    pub fn hits(&self) -> &Hits {
        &self.hits
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

/// Reads the manifest of a folder with the parser of a family.
///
/// # Errors
/// Returns an error if there is no manifest, it cannot be read, or `parse` refuses it.
pub fn open_manifest<T>(
    folder: &Path,
    parse: impl FnOnce(&str) -> Result<T, Refusal>,
) -> Result<T, BundleError> {
    let path = folder.join(MANIFEST_FILE);
    if !path.is_file() {
        return Err(BundleError::NoManifest { folder: folder.to_owned() });
    }
    parse(&files::read_text(&path, MANIFEST_LIMIT)?).map_err(|refusal| match refusal {
        Refusal::Syntax(reason) => BundleError::Syntax { path, reason },
        Refusal::Schema(found) => BundleError::Schema { path, found },
        Refusal::Value(reason) => BundleError::Value { path, reason },
    })
}

/// Validates the text of a manifest of any supported family.
///
/// # Errors
/// Returns the reason, in words, if the manifest is not valid.
pub fn check_manifest(text: &str) -> Result<(), String> {
    let reason = |refusal| match refusal {
        Refusal::Syntax(reason) | Refusal::Value(reason) => reason,
        Refusal::Schema(found) => format!("schema version {found}"),
    };
    Manifest::parse(text).map(drop).map_err(reason)
}

/// Validates the text of a patch list.
///
/// # Errors
/// Returns the reason, in words, if the list is not valid.
pub fn check_patches(text: &str) -> Result<(), String> {
    patch::parse(text, &Hits::default()).map(drop)
}
