//! Model bundles: a folder with a manifest, ONNX files and patches of one model family.

use std::path::PathBuf;

use crate::track::Track;

/// The bundle could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The folder has no manifest.
    #[error(
        "no model bundle at {path}: manifest.json is missing; give another folder, or restore it from the repository"
    )]
    NoManifest {
        /// Where the manifest was expected.
        path: PathBuf,
    },
}

/// A patch: one timbre of one track.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// Identity within the bundle.
    pub id: String,
    /// Track it plays.
    pub track: Track,
    /// Name for people.
    pub name: String,
}

/// A checked bundle.
#[derive(Debug)]
pub struct Bundle {
    id: String,
    licence: String,
    patches: Vec<Patch>,
}

impl Bundle {
    /// Identity, as kept in recipes.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// SPDX expression of the weights' licence.
    #[must_use]
    pub fn licence(&self) -> &str {
        &self.licence
    }

    /// Patches of `track`.
    pub fn patches(&self, track: Track) -> impl Iterator<Item = &Patch> {
        self.patches.iter().filter(move |patch| patch.track == track)
    }
}
