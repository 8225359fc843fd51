//! The manifest of a bundle: the raw file, and its validated form.
//!
//! The schema is described at the top of `training/resonant/bundle.py`, which writes it.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::generator::condition::{CONDITION_LENGTH, CONDITION_WIDTHS};
use crate::generator::tokens::vocabulary;
use resonantgen_music::plan::STEPS_PER_QUARTER;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_sound::codec::filter::Transform;
use resonantgen_sound::codec::{
    BANDS, FEATURE_HOP, FEATURE_RATE_HZ, FEATURES_PER_CODEC_FRAME, SAMPLE_RATE_HZ, STREAMS, features,
};

/// Supported version of the manifest's schema.
pub const SCHEMA_VERSION: u64 = 1;
/// Length of a patch's timbre vector.
pub const TIMBRE_LENGTH: usize = 64;
/// Number of the performers' attributes.
pub const ATTRIBUTE_COUNT: usize = 5;
const FAMILY: &str = "resonant";
/// Maximum size of a bundle's file, in bytes: that of an ONNX file, which is one protobuf message.
pub const FILE_LIMIT: u64 = (1 << 31) - 1;

/// Element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum ElementType {
    Float32,
    Int64,
    Int32,
}

/// One dimension of a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Dimension {
    /// Fixed size.
    Fixed(usize),
    /// Free dimension, by name.
    Free(String),
}

/// Name, type and shape of a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorSpec {
    /// Name in the graph.
    pub name: String,
    /// Element type.
    #[serde(rename = "dtype")]
    pub element: ElementType,
    /// Dimensions.
    pub shape: Vec<Dimension>,
}

impl std::fmt::Display for TensorSpec {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shape: Vec<String> = self
            .shape
            .iter()
            .map(|dimension| match dimension {
                Dimension::Fixed(size) => size.to_string(),
                Dimension::Free(name) => name.clone(),
            })
            .collect();
        let element = match self.element {
            ElementType::Float32 => "float32",
            ElementType::Int64 => "int64",
            ElementType::Int32 => "int32",
        };
        write!(formatter, "{} {element} [{}]", self.name, shape.join(", "))
    }
}

/// A file of the bundle with its size and hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Name inside the bundle's folder.
    pub file: String,
    /// SHA-256, lower-case hex.
    pub sha256: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// A network file and its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphRecord {
    /// The file.
    pub file: FileRecord,
    /// Input tensors.
    pub inputs: Vec<TensorSpec>,
    /// Output tensors.
    pub outputs: Vec<TensorSpec>,
}

/// The shared key and value buffers of a composer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheShape {
    /// Layers; each has a key and a value buffer.
    pub layers: usize,
    /// Heads per layer.
    pub heads: usize,
    /// Positions: the longest sequence.
    pub positions: usize,
    /// Channels per head.
    pub head_width: usize,
}

/// The networks of one track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackRecord {
    /// Composer: one step per run.
    pub compose: GraphRecord,
    /// The composer's buffers.
    pub cache: CacheShape,
    /// Whether what the composer says of a sequence does not depend on the others in a run: its activations are quantised with fixed
    /// scales. Older composers quantise those of all sequences together.
    pub independent_rows: bool,
    /// Length of the composer's condition vector, one of [`CONDITION_WIDTHS`]: longer if it is conditioned on grooves and roles, and
    /// longest if it fills gaps too.
    pub condition: usize,
    /// Performer: features, timbre and attributes to codes.
    pub perform: GraphRecord,
    /// Decoder: codes, features and levels to log gains.
    pub decode: GraphRecord,
    /// STFT of the filter.
    pub transform: Transform,
    /// Encoder: log-mel to codes.
    pub encode: GraphRecord,
    /// Codebooks of the codec.
    pub codebooks: usize,
}

/// A validated manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Unique name of these weights.
    pub id: String,
    /// Version of these weights.
    pub version: String,
    /// SPDX expression of the weights' licence.
    pub licence: String,
    /// Bars composed with one key and value cache.
    pub segment_bars: u32,
    /// Patches.
    pub patches: FileRecord,
    /// Number of patches.
    pub patch_count: usize,
    /// Drum hits as parameters, if the bundle has any.
    pub hits: Option<FileRecord>,
    /// Notes as parameters, if the bundle has any.
    pub notes: Option<FileRecord>,
    /// Networks, index as [`Track::ALL`].
    pub tracks: [TrackRecord; TRACK_COUNT],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    #[allow(dead_code, reason = "checked before the rest is read")]
    schema_version: u64,
    id: String,
    #[allow(dead_code, reason = "checked before the rest is read")]
    family: String,
    version: String,
    licence: String,
    sample_rate: u32,
    token_rate: u32,
    feature_rate: u32,
    #[allow(dead_code, reason = "for people; the runtime refuses what it cannot run")]
    opset: u32,
    #[allow(dead_code, reason = "for people; the runtime refuses what it cannot run")]
    ort: String,
    steps_per_quarter: u32,
    segment_bars: u32,
    condition: usize,
    codebooks: BTreeMap<Track, usize>,
    patches: RawPatches,
    #[serde(default)]
    hits: Option<FileRecord>,
    #[serde(default)]
    notes: Option<FileRecord>,
    tracks: BTreeMap<Track, RawTrack>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPatches {
    file: String,
    sha256: String,
    bytes: u64,
    count: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTrack {
    compose: RawCompose,
    perform: RawGraph,
    decode: RawDecode,
    encode: RawGraph,
}

/// A network as a manifest states it, not yet validated.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawGraph {
    file: String,
    sha256: String,
    bytes: u64,
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
}

impl RawGraph {
    /// Converts the record if its signature (inputs, outputs) is the expected one.
    ///
    /// # Errors
    /// Returns the reason in words if the file's record or the signature is not as expected.
    pub fn validate(self, expected: (Vec<TensorSpec>, Vec<TensorSpec>)) -> Result<GraphRecord, String> {
        let file = FileRecord { file: self.file, sha256: self.sha256, bytes: self.bytes };
        GraphRecord::validate(file, (self.inputs, self.outputs), expected)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCompose {
    file: String,
    sha256: String,
    bytes: u64,
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
    layers: usize,
    kv_heads: usize,
    head_dim: usize,
    max_positions: usize,
    vocab: usize,
    #[serde(default)]
    independent_rows: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDecode {
    file: String,
    sha256: String,
    bytes: u64,
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
    n_fft: usize,
    hop: usize,
    streams: Vec<String>,
}

/// Why a manifest was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not JSON of the schema's form.
    Syntax(String),
    /// Another schema version.
    Schema(String),
    /// A value that this engine does not support.
    Value(String),
}

/// Parses a manifest; checks its schema and family before the rest.
///
/// # Errors
/// Returns [`Refusal`] if the text is not a manifest of this schema version and `family`.
pub fn read<T: DeserializeOwned>(text: &str, family: &str) -> Result<T, Refusal> {
    let syntax = |error: serde_json::Error| Refusal::Syntax(error.to_string());
    let value: serde_json::Value = serde_json::from_str(text).map_err(syntax)?;
    let version = &value["schema_version"];
    if version.as_u64() != Some(SCHEMA_VERSION) {
        return Err(Refusal::Schema(version.to_string()));
    }
    let found = value["family"].as_str().unwrap_or("not stated");
    if found != family {
        let reason = format!("this is a bundle of family '{found}', here one of family '{family}' is needed");
        return Err(Refusal::Value(reason));
    }
    serde_json::from_str(text).map_err(syntax)
}

impl Manifest {
    /// Reads and validates a manifest.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        Self::validate(read(text, FAMILY)?).map_err(Refusal::Value)
    }

    fn validate(mut raw: RawManifest) -> Result<Self, String> {
        same("sample_rate", SAMPLE_RATE_HZ, raw.sample_rate)?;
        same("feature_rate", FEATURE_RATE_HZ, raw.feature_rate)?;
        same("token_rate", FEATURE_RATE_HZ / FEATURES_PER_CODEC_FRAME as u32, raw.token_rate)?;
        same("steps_per_quarter", STEPS_PER_QUARTER, raw.steps_per_quarter)?;
        same("condition", CONDITION_LENGTH, raw.condition)?;
        if !(1..=64).contains(&raw.segment_bars) {
            return Err(format!("segment_bars is {}, allowed is 1 to 64", raw.segment_bars));
        }
        check_names(&raw.id, &raw.version, &raw.licence)?;
        let mut tracks = Vec::with_capacity(TRACK_COUNT);
        for track in Track::ALL {
            let record = raw.tracks.remove(&track).ok_or_else(|| format!("tracks lacks {track}"))?;
            let codebooks = *raw.codebooks.get(&track).ok_or_else(|| format!("codebooks lacks {track}"))?;
            tracks.push(TrackRecord::validate(track, record, codebooks)?);
        }
        let patches =
            FileRecord { file: raw.patches.file, sha256: raw.patches.sha256, bytes: raw.patches.bytes };
        patches.check()?;
        for file in [&raw.hits, &raw.notes].into_iter().flatten() {
            file.check()?;
        }
        Ok(Self {
            id: raw.id,
            version: raw.version,
            licence: raw.licence,
            segment_bars: raw.segment_bars,
            patches,
            patch_count: raw.patches.count,
            hits: raw.hits,
            notes: raw.notes,
            tracks: tracks.try_into().map_err(|_| "tracks must be the four tracks".to_owned())?,
        })
    }

    /// The networks of `track`.
    #[must_use]
    pub fn track(&self, track: Track) -> &TrackRecord {
        &self.tracks[track.index()]
    }

    /// All files of the bundle.
    pub fn files(&self) -> impl Iterator<Item = &FileRecord> {
        let graphs = self.tracks.iter().flat_map(|track| {
            [&track.compose, &track.perform, &track.decode, &track.encode].map(|graph| &graph.file)
        });
        std::iter::once(&self.patches).chain(&self.hits).chain(&self.notes).chain(graphs)
    }
}

impl FileRecord {
    /// Checks name, hash and size for their form; the file itself is not read.
    ///
    /// # Errors
    /// Returns the reason in words if one of them is malformed.
    pub fn check(&self) -> Result<(), String> {
        let name = &self.file;
        if name.is_empty() || name.contains(['/', '\\', ':']) || name.starts_with('.') {
            return Err(format!("file name '{name}' must be a plain name inside the bundle's folder"));
        }
        if self.sha256.len() != 64 || !self.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("sha256 of {name} must have 64 hexadecimal digits"));
        }
        if self.bytes == 0 || self.bytes > FILE_LIMIT {
            return Err(format!("{name} has {} bytes, allowed is 1 to {FILE_LIMIT}", self.bytes));
        }
        Ok(())
    }
}

/// Refuses names that cannot be shown on one line.
///
/// # Errors
/// Returns the reason in words if a name is empty, longer than 100 bytes, or has control characters.
pub fn check_names(id: &str, version: &str, licence: &str) -> Result<(), String> {
    for (what, text) in [("id", id), ("version", version), ("licence", licence)] {
        if text.is_empty() || text.len() > 100 || text.chars().any(char::is_control) {
            return Err(format!("{what} must have 1 to 100 printable characters"));
        }
    }
    Ok(())
}

fn same<T: PartialEq + std::fmt::Display>(what: &str, expected: T, found: T) -> Result<(), String> {
    if expected == found { Ok(()) } else { Err(format!("{what} is {found}, this engine needs {expected}")) }
}

/// A tensor of this name, element type and shape.
#[must_use]
pub fn spec(name: &str, element: ElementType, shape: &[Dimension]) -> TensorSpec {
    TensorSpec { name: name.to_owned(), element, shape: shape.to_vec() }
}

/// A dimension of a known size.
#[must_use]
pub fn fixed(size: usize) -> Dimension {
    Dimension::Fixed(size)
}

/// A dimension of any size; the name tells which dimensions are equal.
#[must_use]
pub fn free(name: &str) -> Dimension {
    Dimension::Free(name.to_owned())
}

impl GraphRecord {
    pub(super) fn validate(
        file: FileRecord,
        found: (Vec<TensorSpec>, Vec<TensorSpec>),
        expected: (Vec<TensorSpec>, Vec<TensorSpec>),
    ) -> Result<Self, String> {
        file.check()?;
        if !file.file.ends_with(".onnx") {
            return Err(format!("the name of the network {} must end in .onnx", file.file));
        }
        let (inputs, outputs) = found;
        for (kind, expected, found) in [("input", expected.0, &inputs), ("output", expected.1, &outputs)] {
            for tensor in &expected {
                match found.iter().find(|other| other.name == tensor.name) {
                    Some(other) if other == tensor => {}
                    Some(other) => {
                        return Err(format!("{kind} of {}: expected {tensor}, found {other}", file.file));
                    }
                    None => return Err(format!("{kind} of {}: expected {tensor}, found none", file.file)),
                }
            }
            if let Some(extra) = found.iter().find(|tensor| !expected.contains(tensor)) {
                return Err(format!("{kind} of {}: {extra} is not expected", file.file));
            }
        }
        Ok(Self { file, inputs, outputs })
    }
}

impl TrackRecord {
    fn validate(track: Track, raw: RawTrack, codebooks: usize) -> Result<Self, String> {
        use ElementType::{Float32, Int32, Int64};
        if !(1..=16).contains(&codebooks) {
            return Err(format!("codebooks of {track} is {codebooks}, allowed is 1 to 16"));
        }
        let rows = if track == Track::Drums { features::DRUM_ROWS } else { features::TONAL_ROWS };
        let codes = spec("codes", Int64, &[fixed(1), fixed(codebooks), free("T50")]);
        let score = spec("features", Float32, &[fixed(1), fixed(rows), free("T100")]);

        let RawCompose { layers, kv_heads, head_dim, max_positions, vocab, independent_rows, .. } =
            raw.compose;
        same(&format!("vocab of {track}"), vocabulary(track), vocab)?;
        for (name, value, limit) in [
            ("layers", layers, 64),
            ("kv_heads", kv_heads, 64),
            ("head_dim", head_dim, 512),
            ("max_positions", max_positions, 1 << 16),
        ] {
            if value == 0 || value > limit {
                return Err(format!("{name} of {track} is {value}, allowed is 1 to {limit}"));
            }
        }
        let cache = CacheShape { layers, heads: kv_heads, positions: max_positions, head_width: head_dim };
        let buffer = [free("batch"), fixed(kv_heads), fixed(max_positions), fixed(head_dim)];
        let buffers = |time: &'static str| {
            (0..layers).flat_map(move |layer| ["key", "value"].map(|kind| format!("{time}_{kind}_{layer}")))
        };
        let told = raw.compose.inputs.iter().find(|tensor| tensor.name == "condition");
        let is_told = |width: &usize| told.is_some_and(|told| told.shape.last() == Some(&fixed(*width)));
        let condition = CONDITION_WIDTHS.into_iter().find(is_told).unwrap_or(CONDITION_LENGTH);
        let mut inputs = vec![
            spec("token", Int64, &[free("batch"), free("tokens")]),
            spec("condition", Float32, &[free("batch"), free("tokens"), fixed(condition)]),
            spec("position", Int32, &[free("batch")]),
        ];
        inputs.extend(buffers("past").map(|name| spec(&name, Float32, &buffer)));
        let mut outputs = vec![spec("logits", Float32, &[free("batch"), free("tokens"), fixed(vocab)])];
        outputs.extend(buffers("present").map(|name| spec(&name, Float32, &buffer)));
        let compose = GraphRecord::validate(
            FileRecord { file: raw.compose.file, sha256: raw.compose.sha256, bytes: raw.compose.bytes },
            (raw.compose.inputs, raw.compose.outputs),
            (inputs, outputs),
        )?;

        let perform = raw.perform.validate((
            vec![
                score.clone(),
                spec("timbre", Float32, &[fixed(1), fixed(TIMBRE_LENGTH)]),
                spec("attributes", Float32, &[fixed(1), fixed(ATTRIBUTE_COUNT)]),
            ],
            vec![codes.clone()],
        ))?;

        let names: &[&str] =
            if track == Track::Drums { &["impulse", "body", "noise"] } else { &["odd", "even", "noise"] };
        if raw.decode.streams != names {
            return Err(format!(
                "streams of {track} are {:?}, this engine makes {names:?}",
                raw.decode.streams
            ));
        }
        let transform = Transform { n_fft: raw.decode.n_fft, hop: raw.decode.hop };
        let hop_fits = transform.hop > 0 && FEATURE_HOP.is_multiple_of(transform.hop);
        if !transform.n_fft.is_power_of_two()
            || !(256..=8192).contains(&transform.n_fft)
            || !hop_fits
            || transform.hop > transform.n_fft / 2
        {
            return Err(format!(
                "n_fft {} and hop {} of {track} do not work",
                transform.n_fft, transform.hop
            ));
        }
        let gains = |name: &str, streams: usize| {
            spec(name, Float32, &[fixed(1), fixed(streams), fixed(BANDS), free("Tout")])
        };
        let decode = GraphRecord::validate(
            FileRecord { file: raw.decode.file, sha256: raw.decode.sha256, bytes: raw.decode.bytes },
            (raw.decode.inputs, raw.decode.outputs),
            (
                vec![codes.clone(), score, gains("levels", resonantgen_sound::codec::PITCHED_STREAMS)],
                vec![gains("log_gains", STREAMS)],
            ),
        )?;

        let log_mel = spec("logmel", Float32, &[fixed(1), fixed(BANDS), free("T100")]);
        let encode = raw.encode.validate((vec![log_mel], vec![codes]))?;
        Ok(Self {
            compose,
            cache,
            independent_rows,
            condition,
            perform,
            decode,
            transform,
            encode,
            codebooks,
        })
    }
}
