//! The sentence model: what a text resembles, if the lexicon's words do not say it.
//!
//! A small BERT (all-MiniLM-L6-v2, 8 bits) turns a text into a vector; the nearest phrases of `anchors.txt` determine its
//! meaning. Reimers and Gurevych 2019, "Sentence-BERT". The model is optional: without it only the lexicon is used.

mod wordpiece;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use self::wordpiece::WordPiece;
use crate::bundle::manifest::{Dimension, ElementType, FileRecord, GraphRecord, TensorSpec};
use crate::bundle::{BundleError, files};
use crate::runtime::{Input, ModelError, Network, Runtime};
use hex::encode as hex;
use resonantgen_words::{Anchors, Sense, TextUnderstanding};

/// Length of the vectors.
const WIDTH: usize = 384;
/// SHA-256 of the only accepted network: it uses more operators than bundles may.
const NETWORK_SHA256: &str = "53c7691c31fdf0247c252d746d5171fb7117bc51ce242823a25e0cccd2e3b141";
/// Most bytes of a file: the network has 23 MB.
const MOST_BYTES: u64 = 64 << 20;
/// Maximum length of a text, in tokens; the rest is ignored.
const MOST_TOKENS: usize = 128;
/// Number of cached texts.
const REMEMBERED: usize = 256;

/// Why the sentence model cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenTextError {
    /// A file is missing or damaged.
    #[error(transparent)]
    File(#[from] BundleError),
    /// A file has unexpected contents.
    #[error("{} is damaged: {reason}; restore the models", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    id: String,
    licence: String,
    files: Vec<FileRecord>,
}

/// A sentence model and its anchors. The network is loaded with the first text.
#[derive(Debug)]
pub struct TextModel {
    folder: PathBuf,
    id: String,
    licence: String,
    runtime: Arc<Runtime>,
    record: GraphRecord,
    /// Loaded when it is first needed; a failure is not retried.
    network: Mutex<Option<Result<Network, ModelError>>>,
    vocabulary: WordPiece,
    anchors: Anchors,
    /// Unit vectors of the anchors, `[anchors, WIDTH]`.
    vectors: Vec<f32>,
    known: Mutex<HashMap<String, Option<Sense>>>,
}

impl TextModel {
    /// Folder of the sentence model that belongs to a bundle: `text` inside the bundle, or next to it.
    #[must_use]
    pub fn folder_of(bundle: &Path) -> PathBuf {
        let inside = bundle.join("text");
        if inside.is_dir() { inside } else { bundle.with_file_name("text") }
    }

    /// Checks the files in `folder` against their manifest, and reads all of them but the network.
    ///
    /// # Errors
    /// Returns an error if a file is missing or damaged.
    pub fn open(folder: &Path, runtime: Arc<Runtime>) -> Result<Self, OpenTextError> {
        let damaged = |name: &str, reason: String| OpenTextError::Content { path: folder.join(name), reason };
        let read = |name: &str| -> Result<Vec<u8>, OpenTextError> {
            let path = folder.join(name);
            files::read(&path, MOST_BYTES).map_err(|error| match error {
                BundleError::Read { path, source } if source.kind() == std::io::ErrorKind::NotFound => {
                    BundleError::MissingFile { path }.into()
                }
                error => error.into(),
            })
        };
        let text =
            |name: &str| String::from_utf8(read(name)?).map_err(|error| damaged(name, error.to_string()));
        let manifest: Manifest = serde_json::from_slice(&read("manifest.json")?)
            .map_err(|error| damaged("manifest.json", error.to_string()))?;
        if manifest.format != 1 {
            return Err(damaged("manifest.json", format!("format {} is not 1", manifest.format)));
        }
        for record in &manifest.files {
            let found = hash(&read(&record.file)?);
            if found != record.sha256 {
                let path = folder.join(&record.file);
                return Err(BundleError::Hash { path, expected: record.sha256.clone(), found }.into());
            }
        }
        let network = manifest
            .files
            .iter()
            .find(|record| record.file == "minilm.onnx")
            .filter(|record| record.sha256 == NETWORK_SHA256)
            .ok_or_else(|| {
                damaged("manifest.json", "it does not name the network of this version".to_owned())
            })?;
        let anchors = Anchors::parse(&text("anchors.txt")?)
            .ok_or_else(|| damaged("anchors.txt", "a line is not well-formed".to_owned()))?;
        let vectors: Vec<f32> = read("anchors.f32")?
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect();
        if vectors.len() != anchors.len() * WIDTH {
            return Err(damaged("anchors.f32", format!("{} phrases need another length", anchors.len())));
        }
        Ok(Self {
            folder: folder.to_owned(),
            record: signature(network.clone()),
            id: manifest.id,
            licence: manifest.licence,
            runtime,
            network: Mutex::new(None),
            vocabulary: WordPiece::new(&text("vocab.txt")?)
                .ok_or_else(|| damaged("vocab.txt", "a special token is missing".to_owned()))?,
            anchors,
            vectors,
            known: Mutex::default(),
        })
    }

    /// Name of the model.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Licence of its weights.
    #[must_use]
    pub fn licence(&self) -> &str {
        &self.licence
    }

    /// Folder of the model.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Loads the network and checks that it works.
    ///
    /// # Errors
    /// Returns the runtime's message if the network cannot be loaded or run.
    pub fn check(&self) -> Result<(), String> {
        self.embed("a test").map(|_| ())
    }

    /// Unit vector of a text.
    fn embed(&self, text: &str) -> Result<Vec<f32>, String> {
        let ids = self.vocabulary.ids(text, MOST_TOKENS);
        let mut slot = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = slot.get_or_insert_with(|| Network::load(&self.runtime, &self.folder, &self.record));
        let network = loaded.as_mut().map_err(|error| error.to_string())?;
        let inputs: [(&str, &[usize], Input<'_>); 1] = [("ids", &[1, ids.len()], Input::Integers(&ids))];
        network.run::<f32>(&inputs, &|| false).map_err(|error| error.to_string())
    }
}

impl TextUnderstanding for TextModel {
    fn sense(&self, text: &str) -> Option<Sense> {
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(text) {
            return known.clone();
        }
        let vector = self.embed(text).ok()?;
        let similarities: Vec<f32> = self
            .vectors
            .chunks_exact(WIDTH)
            .map(|anchor| anchor.iter().zip(&vector).map(|(a, b)| a * b).sum())
            .collect();
        let sense = self.anchors.sense(&similarities);
        let mut known = lock();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(text.to_owned(), sense.clone());
        sense
    }
}

fn hash(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes))
}

fn signature(file: FileRecord) -> GraphRecord {
    let free = |name: &str| Dimension::Free(name.to_owned());
    let tensor =
        |name: &str, element, shape: Vec<Dimension>| TensorSpec { name: name.to_owned(), element, shape };
    GraphRecord {
        file,
        inputs: vec![tensor("ids", ElementType::Int64, vec![Dimension::Fixed(1), free("tokens")])],
        outputs: vec![tensor(
            "embedding",
            ElementType::Float32,
            vec![free("texts"), Dimension::Fixed(WIDTH)],
        )],
    }
}
