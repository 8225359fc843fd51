//! A session as bytes, for a host's project.
//!
//! Form: the magic, the form's version (u32), the length of the JSON record (u64) and the record, then per take of the
//! record its FLAC audio (length as u64 first), then the SHA-256 of all before. Integers are little-endian. Takes that
//! play are always in it; older ones while there is room.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::Session;
use super::flac;
use super::record::{RecordError, SessionRecord, VERSION};
use crate::take::{Take, TakeId};

const MAGIC: &[u8; 8] = b"RESONANT";
const HASH_LENGTH: usize = 32;
/// Room for the audio of takes that do not play, in bytes.
const HISTORY_BYTES: usize = 48 << 20;

/// The bytes are no session that can be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BlobError {
    /// They are something else.
    #[error("this is no ResonantGen session")]
    NotASession,
    /// A newer version wrote them.
    #[error(
        "the session was saved by a newer version of ResonantGen (form {0}, this one reads up to {VERSION}): update ResonantGen"
    )]
    Newer(u32),
    /// They were cut or changed.
    #[error("the saved session is damaged ({0}): use an older copy of the project")]
    Damaged(String),
}

impl From<RecordError> for BlobError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Newer(version) => Self::Newer(version),
            RecordError::Damaged(what) => Self::Damaged(what),
        }
    }
}

impl Session {
    /// The session as bytes: self-contained and lossless. Not realtime-safe; cheap when the takes did not change since
    /// the last call.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut room = HISTORY_BYTES;
        let mut kept: Vec<TakeId> = Vec::new();
        let encoded = |take: &Take| flac::encode(&take.audio);
        let longest = self.tracks.iter().map(|state| state.history.len()).max().unwrap_or(0);
        // The newest takes of all tracks first.
        for age in 0..longest {
            for state in &self.tracks {
                let Some(index) = state.history.len().checked_sub(age + 1) else { continue };
                let take = &state.history[index];
                if state.current == Some(index) {
                    continue;
                }
                if let Some(size) = encoded(take).map(|bytes| bytes.len()).filter(|size| *size <= room) {
                    room -= size;
                    kept.push(take.id.clone());
                }
            }
        }
        let record = SessionRecord::of(self, |take| kept.contains(&take.id), false);
        let json = serde_json::to_vec(&record).expect("a record has no maps with other keys than strings");
        let mut bytes = Vec::new();
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(json.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&json);
        for track in &record.tracks {
            for take in &track.takes {
                let audio = self
                    .track(track.track)
                    .history
                    .iter()
                    .find(|known| known.id == take.id)
                    .and_then(|take| encoded(take))
                    .unwrap_or_else(|| Arc::from([]));
                bytes.extend_from_slice(&(audio.len() as u64).to_le_bytes());
                bytes.extend_from_slice(&audio);
            }
        }
        let hash = Sha256::digest(&bytes);
        bytes.extend_from_slice(&hash);
        bytes
    }

    /// Reads what [`Session::to_bytes`] wrote; the takes are the same to the bit.
    ///
    /// # Errors
    /// When the bytes are something else, damaged, or of a newer version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlobError> {
        let body = bytes.strip_prefix(MAGIC).ok_or(BlobError::NotASession)?;
        let cut = || BlobError::Damaged("it was cut".to_owned());
        let version = u32::from_le_bytes(*body.first_chunk().ok_or_else(cut)?);
        if version > VERSION {
            return Err(BlobError::Newer(version));
        }
        let checked = bytes.len().checked_sub(HASH_LENGTH).ok_or_else(cut)?;
        if Sha256::digest(&bytes[..checked])[..] != bytes[checked..] {
            return Err(BlobError::Damaged("its checksum is wrong".to_owned()));
        }
        let mut rest = bytes.get(MAGIC.len() + 4..checked).ok_or_else(cut)?;
        let json = chunk(&mut rest).ok_or_else(cut)?;
        let session = SessionRecord::from_json(json)?.into_session(|_, audio_frames| {
            let audio = chunk(&mut rest).and_then(|bytes| flac::decode(bytes, audio_frames));
            audio.ok_or_else(|| BlobError::Damaged("its audio cannot be read".to_owned()))
        })?;
        if rest.is_empty() { Ok(session) } else { Err(BlobError::Damaged("it is too long".to_owned())) }
    }
}

/// Takes a length and as many bytes from the front.
fn chunk<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (chunk, after) = after.split_at_checked(length)?;
    *rest = after;
    Some(chunk)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::generate::tests::generated;
    use crate::track::Track;

    fn assert_same(a: &Session, b: &Session) {
        assert_eq!((&a.prompt, &a.intent, &a.plan, a.seed), (&b.prompt, &b.intent, &b.plan, b.seed));
        for track in Track::ALL {
            let (a, b) = (a.track(track), b.track(track));
            assert!((a.locked, a.current, &a.history) == (b.locked, b.current, &b.history));
        }
    }

    #[test]
    fn a_session_survives_to_the_bit() {
        let mut session = generated("dark techno with driving bass", 7);
        session.track_mut(Track::Bass).locked = true;
        session.track_mut(Track::Melody).current = None;
        let bytes = session.to_bytes();
        assert_same(&session, &Session::from_bytes(&bytes).expect("own bytes"));
        assert_eq!(bytes, session.to_bytes());
        let empty = Session::default();
        assert_same(&empty, &Session::from_bytes(&empty.to_bytes()).expect("own bytes"));
    }

    #[test]
    fn damage_is_told_and_never_panics() {
        let bytes = generated("jazz", 3).to_bytes();
        assert_eq!(Session::from_bytes(b"").err(), Some(BlobError::NotASession));
        assert_eq!(Session::from_bytes(b"RIFFxxxxWAVE").err(), Some(BlobError::NotASession));
        for length in (0..bytes.len()).step_by(bytes.len() / 60 + 1) {
            assert!(Session::from_bytes(&bytes[..length]).is_err());
        }
        for position in (0..bytes.len()).step_by(bytes.len() / 60 + 1) {
            let mut changed = bytes.clone();
            changed[position] ^= 0x41;
            assert!(Session::from_bytes(&changed).is_err());
        }
        let mut newer = bytes;
        newer[8] = 99;
        assert_eq!(Session::from_bytes(&newer).err(), Some(BlobError::Newer(99)));
    }
}
