//! The token file format: magic, format version (u32), length of the JSON header (u32), the header, then the codes as
//! u16, codebook by codebook. Integers are little-endian.

use serde::{Deserialize, Serialize};

use super::{Codes, LONGEST_SECONDS};
use crate::encodec::bundle::{CODEBOOK_LIMIT, CodecRecord};

const MAGIC: &[u8; 8] = b"RGTOKENS";
const VERSION: u32 = 1;
const HEADER_LIMIT: usize = 1 << 16;

/// Why a token file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokensError {
    /// The bytes are not a token file.
    #[error("this is not a token file")]
    NotTokens,
    /// A newer version wrote the file.
    #[error("a newer version of ResonantGen wrote these tokens (format {0}, this one reads {VERSION})")]
    Newer(u32),
    /// The file is truncated or damaged.
    #[error("these tokens are damaged: {0}")]
    Damaged(String),
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Header {
    bundle: String,
    sample_rate_hz: u32,
    hop: usize,
    entries: usize,
    codebooks: usize,
    audio_frames: usize,
}

/// Codes, with the facts that identify the codec that can decode them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokensFile {
    /// Id of the bundle that made them.
    pub bundle: String,
    /// Audio frames per second.
    pub sample_rate_hz: u32,
    /// Audio frames per codec frame.
    pub hop: usize,
    /// Entries of each codebook.
    pub entries: usize,
    /// The codes.
    pub codes: Codes,
}

impl TokensFile {
    /// Codes made by the codec `record` of the bundle with this id.
    #[must_use]
    pub fn new(bundle: &str, record: &CodecRecord, codes: Codes) -> Self {
        Self {
            bundle: bundle.to_owned(),
            sample_rate_hz: record.sample_rate_hz,
            hop: record.hop,
            entries: record.entries,
            codes,
        }
    }

    /// Serialises to the file's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let header = Header {
            bundle: self.bundle.clone(),
            sample_rate_hz: self.sample_rate_hz,
            hop: self.hop,
            entries: self.entries,
            codebooks: self.codes.codebooks,
            audio_frames: self.codes.audio_frames,
        };
        let header = serde_json::to_vec(&header).expect("a header has no maps with other keys than strings");
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&header);
        bytes.extend(self.codes.values.iter().flat_map(|code| code.to_le_bytes()));
        bytes
    }

    /// Parses the bytes written by [`TokensFile::to_bytes`].
    ///
    /// # Errors
    /// Returns an error if the bytes are not a token file, are damaged, or are of a newer version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TokensError> {
        let damaged = |what: &str| TokensError::Damaged(what.to_owned());
        let rest = bytes.strip_prefix(MAGIC).ok_or(TokensError::NotTokens)?;
        let (version, rest) = rest.split_first_chunk().ok_or_else(|| damaged("they were cut"))?;
        let version = u32::from_le_bytes(*version);
        if version != VERSION {
            return Err(TokensError::Newer(version));
        }
        let (length, rest) = rest.split_first_chunk().ok_or_else(|| damaged("they were cut"))?;
        let length = u32::from_le_bytes(*length) as usize;
        let (header, rest) = rest.split_at_checked(length).ok_or_else(|| damaged("they were cut"))?;
        if length > HEADER_LIMIT {
            return Err(damaged("their header is too long"));
        }
        let header: Header =
            serde_json::from_slice(header).map_err(|error| TokensError::Damaged(error.to_string()))?;
        let possible = (8_000..=192_000).contains(&header.sample_rate_hz)
            && (1..=1 << 16).contains(&header.hop)
            && (2..=1 << 16).contains(&header.entries)
            && (1..=CODEBOOK_LIMIT).contains(&header.codebooks)
            && (1..=LONGEST_SECONDS * header.sample_rate_hz as usize).contains(&header.audio_frames);
        if !possible {
            return Err(damaged("their header is out of range"));
        }
        let expected = 2 * header.codebooks * header.audio_frames.div_ceil(header.hop);
        if rest.len() != expected {
            return Err(TokensError::Damaged(format!("{} bytes of codes instead of {expected}", rest.len())));
        }
        let values: Vec<u16> =
            rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        if values.iter().any(|code| usize::from(*code) >= header.entries) {
            return Err(damaged("a code is out of range"));
        }
        Ok(Self {
            bundle: header.bundle,
            sample_rate_hz: header.sample_rate_hz,
            hop: header.hop,
            entries: header.entries,
            codes: Codes { codebooks: header.codebooks, values, audio_frames: header.audio_frames },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> TokensFile {
        let codes = Codes { codebooks: 2, values: vec![1, 2, 3, 1000, 5, 0], audio_frames: 700 };
        TokensFile { bundle: "a codec".to_owned(), sample_rate_hz: 24_000, hop: 320, entries: 1024, codes }
    }

    #[test]
    fn tokens_survive_and_damage_is_told() {
        let bytes = tokens().to_bytes();
        assert_eq!(TokensFile::from_bytes(&bytes), Ok(tokens()));
        assert_eq!(TokensFile::from_bytes(b"RIFF"), Err(TokensError::NotTokens));
        for length in 0..bytes.len() {
            assert!(TokensFile::from_bytes(&bytes[..length]).is_err());
        }
        let mut newer = bytes.clone();
        newer[8] = 2;
        assert_eq!(TokensFile::from_bytes(&newer), Err(TokensError::Newer(2)));
        let mut beyond = tokens();
        beyond.codes.values[0] = 1024;
        assert!(matches!(TokensFile::from_bytes(&beyond.to_bytes()), Err(TokensError::Damaged(_))));
        let mut endless = tokens();
        endless.codes.audio_frames = usize::MAX;
        assert!(matches!(TokensFile::from_bytes(&endless.to_bytes()), Err(TokensError::Damaged(_))));
    }
}
