//! Bundles of the family `encodec`: a third-party neural audio codec, exported by `training/resonant/export_encodec.py`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use resonantgen_models::bundle::manifest::{
    ElementType, FileRecord, GraphRecord, RawGraph, Refusal, check_names, fixed, free, read, spec,
};
use resonantgen_models::bundle::{BundleError, files, open_manifest};

const FAMILY: &str = "encodec";
/// Maximum number of codebooks of a codec.
pub const CODEBOOK_LIMIT: usize = 64;

/// A number of codebooks to use, with the resulting bit rate.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bandwidth {
    /// Bit rate in kilobits per second.
    pub kbps: f64,
    /// Codebooks used, from the first on.
    pub codebooks: usize,
}

/// A codec: rates, codebooks and its two networks.
#[derive(Clone, Debug, PartialEq)]
pub struct CodecRecord {
    /// Audio frames per second. The codec is mono.
    pub sample_rate_hz: u32,
    /// Audio frames per codec frame.
    pub hop: usize,
    /// Number of codebooks.
    pub codebooks: usize,
    /// Entries of each codebook.
    pub entries: usize,
    /// Minimum number of codec frames that the networks can process.
    pub min_frames: usize,
    /// Useful numbers of codebooks, by ascending bit rate; at least one.
    pub bandwidths: Vec<Bandwidth>,
    /// Audio to codes of all codebooks.
    pub encode: GraphRecord,
    /// Codes of any number of codebooks to audio.
    pub decode: GraphRecord,
}

/// A validated manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Unique name of these weights.
    pub id: String,
    /// Version of these weights.
    pub version: String,
    /// SPDX expression of the weights' licence.
    pub licence: String,
    /// The codec.
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
    sample_rate: u32,
    hop: usize,
    codebooks: usize,
    entries: usize,
    min_frames: usize,
    bandwidths: Vec<Bandwidth>,
    encode: RawGraph,
    decode: RawGraph,
}

/// A codec as written in a manifest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCodec {
    pub(crate) sample_rate: u32,
    pub(crate) hop: usize,
    pub(crate) codebooks: usize,
    pub(crate) entries: usize,
    pub(crate) min_frames: usize,
    pub(crate) bandwidths: Vec<Bandwidth>,
    pub(crate) encode: RawGraph,
    pub(crate) decode: RawGraph,
}

impl Manifest {
    /// Reads and validates a manifest.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let raw: RawManifest = read(text, FAMILY)?;
        let codec = RawCodec {
            sample_rate: raw.sample_rate,
            hop: raw.hop,
            codebooks: raw.codebooks,
            entries: raw.entries,
            min_frames: raw.min_frames,
            bandwidths: raw.bandwidths,
            encode: raw.encode,
            decode: raw.decode,
        };
        check_names(&raw.id, &raw.version, &raw.licence).map_err(Refusal::Value)?;
        let codec = CodecRecord::validate(codec).map_err(Refusal::Value)?;
        Ok(Self { id: raw.id, version: raw.version, licence: raw.licence, codec })
    }
}

impl CodecRecord {
    pub(crate) fn validate(raw: RawCodec) -> Result<Self, String> {
        use ElementType::{Float32, Int64};
        for (what, value, low, high) in [
            ("sample_rate", raw.sample_rate as usize, 8_000, 192_000),
            ("hop", raw.hop, 1, 1 << 16),
            ("codebooks", raw.codebooks, 1, CODEBOOK_LIMIT),
            ("entries", raw.entries, 2, 1 << 16),
            ("min_frames", raw.min_frames, 1, 1 << 10),
        ] {
            if !(low..=high).contains(&value) {
                return Err(format!("{what} is {value}, allowed is {low} to {high}"));
            }
        }
        let fits = |one: &Bandwidth| {
            one.kbps.is_finite() && one.kbps > 0.0 && (1..=raw.codebooks).contains(&one.codebooks)
        };
        let rises = raw.bandwidths.is_sorted_by(|a, b| a.kbps < b.kbps && a.codebooks <= b.codebooks);
        if raw.bandwidths.is_empty() || !raw.bandwidths.iter().all(fits) || !rises {
            return Err("bandwidths must rise and use 1 to all codebooks".to_owned());
        }
        let audio = spec("audio", Float32, &[fixed(1), fixed(1), free("T")]);
        let codes = |count| spec("codes", Int64, &[fixed(1), count, free("F")]);
        let all = codes(fixed(raw.codebooks));
        Ok(Self {
            sample_rate_hz: raw.sample_rate,
            hop: raw.hop,
            codebooks: raw.codebooks,
            entries: raw.entries,
            min_frames: raw.min_frames,
            bandwidths: raw.bandwidths,
            encode: raw.encode.validate((vec![audio.clone()], vec![all]))?,
            decode: raw.decode.validate((vec![codes(free("K"))], vec![audio]))?,
        })
    }

    /// The files of its networks.
    pub fn files(&self) -> impl Iterator<Item = &FileRecord> {
        [&self.encode.file, &self.decode.file].into_iter()
    }
}

/// A checked bundle of the family `encodec`.
#[derive(Debug)]
pub struct EncodecBundle {
    folder: PathBuf,
    manifest: Manifest,
}

impl EncodecBundle {
    /// Opens the bundle in `folder` and checks its manifest and every file.
    ///
    /// # Errors
    /// Returns an error if anything is missing, damaged, not allowed, or of another family or version.
    pub fn open(folder: &Path) -> Result<Self, BundleError> {
        let manifest = open_manifest(folder, Manifest::parse)?;
        for file in manifest.codec.files() {
            files::check(folder, file)?;
        }
        Ok(Self { folder: folder.to_owned(), manifest })
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
}
