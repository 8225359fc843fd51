//! Bundles of the family `musicgen`: a third-party text-to-music model, exported by
//! `training/resonant/export_musicgen.py`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::encodec::bundle::{CodecRecord, RawCodec};
use resonantgen_models::bundle::manifest::{
    CacheShape, ElementType, FileRecord, GraphRecord, RawGraph, Refusal, check_names, fixed, free, read, spec,
};
use resonantgen_models::bundle::{BundleError, files, open_manifest};

const FAMILY: &str = "musicgen";
/// Maximum size of a list of pieces, in bytes.
const PIECES_LIMIT: u64 = 16 << 20;
/// Maximum number of pieces in a vocabulary.
const PIECE_COUNT_LIMIT: usize = 1 << 20;

/// A validated manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Unique name of these weights.
    pub id: String,
    /// Version of these weights.
    pub version: String,
    /// SPDX expression of the weights' licence.
    pub licence: String,
    /// Network from the prompt's tokens to keys and values.
    pub text: GraphRecord,
    /// One position of the decoder.
    pub step: GraphRecord,
    /// The decoder's buffers.
    pub cache: CacheShape,
    /// Entries of a codebook that can be generated.
    pub vocabulary: usize,
    /// Code for positions at which a codebook is silent.
    pub pad: usize,
    /// Default strength of the prompt; 1 is without guidance.
    pub guidance: f32,
    /// Default number of most likely entries to sample from.
    pub top_k: usize,
    /// File of the prompt's vocabulary.
    pub pieces: FileRecord,
    /// Number of pieces.
    pub piece_count: usize,
    /// Token of characters that are in no piece.
    pub unknown: usize,
    /// Token after the prompt.
    pub end: usize,
    /// The codec of the generated codes.
    pub codec: CodecRecord,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    #[allow(dead_code, reason = "checked before the rest is read")]
    schema_version: u64,
    #[allow(dead_code, reason = "checked before the rest is read")]
    family: String,
    id: String,
    version: String,
    licence: String,
    #[allow(dead_code, reason = "for people; the runtime refuses what it cannot run")]
    opset: u32,
    text: RawGraph,
    step: RawGraph,
    layers: usize,
    heads: usize,
    head_width: usize,
    positions: usize,
    vocabulary: usize,
    pad: usize,
    guidance: f32,
    top_k: usize,
    pieces: RawPieces,
    codec: RawCodec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPieces {
    file: String,
    sha256: String,
    bytes: u64,
    count: usize,
    unknown: usize,
    end: usize,
}

impl Manifest {
    /// Reads and validates a manifest.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        Self::validate(read(text, FAMILY)?).map_err(Refusal::Value)
    }

    fn validate(raw: RawManifest) -> Result<Self, String> {
        use ElementType::{Float32, Int32, Int64};
        check_names(&raw.id, &raw.version, &raw.licence)?;
        let codec = CodecRecord::validate(raw.codec)?;
        for (what, value, low, high) in [
            ("layers", raw.layers, 1, 128),
            ("heads", raw.heads, 1, 128),
            ("head_width", raw.head_width, 1, 512),
            ("positions", raw.positions, 2 * codec.codebooks, 1 << 14),
            ("vocabulary", raw.vocabulary, 2, codec.entries),
            ("pad", raw.pad, 0, raw.vocabulary),
            ("top_k", raw.top_k, 1, raw.vocabulary),
            ("count of pieces", raw.pieces.count, 3, PIECE_COUNT_LIMIT),
            ("unknown of pieces", raw.pieces.unknown, 0, raw.pieces.count.saturating_sub(1)),
            ("end of pieces", raw.pieces.end, 0, raw.pieces.count.saturating_sub(1)),
        ] {
            if !(low..=high).contains(&value) {
                return Err(format!("{what} is {value}, allowed is {low} to {high}"));
            }
        }
        if !(1.0..=20.0).contains(&raw.guidance) {
            return Err(format!("guidance is {}, allowed is 1 to 20", raw.guidance));
        }
        let cache = CacheShape {
            layers: raw.layers,
            heads: raw.heads,
            positions: raw.positions,
            head_width: raw.head_width,
        };
        let (heads, width) = (fixed(raw.heads), fixed(raw.head_width));
        let cross = |lanes| {
            let key = [lanes, heads.clone(), width.clone(), free("L")];
            let value = [key[0].clone(), heads.clone(), free("L"), width.clone()];
            (0..raw.layers).flat_map(move |layer| {
                [
                    spec(&format!("cross_key_{layer}"), Float32, &key),
                    spec(&format!("cross_value_{layer}"), Float32, &value),
                ]
            })
        };
        let buffer = [free("B"), heads.clone(), fixed(raw.positions), width.clone()];
        let buffers = |time: &'static str| {
            let buffer = buffer.clone();
            (0..raw.layers).flat_map(move |layer| {
                ["key", "value"].map(|kind| spec(&format!("{time}_{kind}_{layer}"), Float32, &buffer))
            })
        };
        let tokens = spec("tokens", Int64, &[fixed(1), free("L")]);
        let text = raw.text.validate((vec![tokens], cross(fixed(1)).collect()))?;
        let codebooks = fixed(codec.codebooks);
        let mut inputs = vec![
            spec("codes", Int64, &[free("B"), codebooks.clone()]),
            spec("position", Int32, &[free("B")]),
        ];
        inputs.extend(buffers("past").chain(cross(free("B"))));
        let mut outputs = vec![spec("logits", Float32, &[free("B"), codebooks, fixed(raw.vocabulary)])];
        outputs.extend(buffers("present"));
        let step = raw.step.validate((inputs, outputs))?;
        let pieces = FileRecord { file: raw.pieces.file, sha256: raw.pieces.sha256, bytes: raw.pieces.bytes };
        pieces.check()?;
        Ok(Self {
            id: raw.id,
            version: raw.version,
            licence: raw.licence,
            text,
            step,
            cache,
            vocabulary: raw.vocabulary,
            pad: raw.pad,
            guidance: raw.guidance,
            top_k: raw.top_k,
            pieces,
            piece_count: raw.pieces.count,
            unknown: raw.pieces.unknown,
            end: raw.pieces.end,
            codec,
        })
    }
}

/// A checked bundle of the family `musicgen`.
#[derive(Debug)]
pub struct MusicgenBundle {
    folder: PathBuf,
    manifest: Manifest,
    pieces: Vec<(String, f32)>,
}

impl MusicgenBundle {
    /// Opens the bundle in `folder` and checks its manifest and every file.
    ///
    /// # Errors
    /// Returns an error if anything is missing, damaged, not allowed, or of another family or version.
    pub fn open(folder: &Path) -> Result<Self, BundleError> {
        let manifest = open_manifest(folder, Manifest::parse)?;
        let own = [&manifest.text.file, &manifest.step.file, &manifest.pieces];
        for file in own.into_iter().chain(manifest.codec.files()) {
            files::check(folder, file)?;
        }
        let path = folder.join(&manifest.pieces.file);
        let pieces: Vec<(String, f32)> = serde_json::from_str(&files::read_text(&path, PIECES_LIMIT)?)
            .map_err(|error| BundleError::Syntax { path: path.clone(), reason: error.to_string() })?;
        if pieces.len() != manifest.piece_count {
            let reason = format!("{} pieces, the manifest says {}", pieces.len(), manifest.piece_count);
            return Err(BundleError::Value { path, reason });
        }
        Ok(Self { folder: folder.to_owned(), manifest, pieces })
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

    /// The prompt's vocabulary: pieces with their log probabilities, indexed by token.
    #[must_use]
    pub fn pieces(&self) -> &[(String, f32)] {
        &self.pieces
    }
}
