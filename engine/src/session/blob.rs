//! A session as bytes, for a host's project.
//!
//! Form: the magic, the form's version (u32), the length of the JSON record (u64) and the record, then per take of the
//! record its FLAC audio (length as u64 first; empty where the sound was not kept), then the SHA-256 of all before. Integers
//! are little-endian.
//!
//! The record holds every take of the histories. The sound is kept of takes that play, that played before (A/B), of
//! favourites, and of those that could not be made again; of others, the newest first, while there is room.

use std::collections::{HashSet, VecDeque};
use std::num::NonZero;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::Session;
use super::flac;
use super::record::{RecordError, SessionRecord, Sound, VERSION};
use resonantgen_take::{StemAudio, Take, TakeId};

const MAGIC: &[u8; 8] = b"RESONANT";
const HASH_LENGTH: usize = 32;
/// Room for the sound of takes that could be made again, in bytes: about nine takes of 16 s.
const HISTORY_BYTES: usize = 16 << 20;
/// Most threads that code sound at once.
const THREADS: usize = 4;

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
    /// the last call, or were [prepared](Self::prepare_bytes).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let kept = self.kept_sounds(&|| false).unwrap_or_default();
        let record = SessionRecord::of(self, false);
        let json = serde_json::to_vec(&record).expect("a record has no maps with other keys than strings");
        let mut bytes = Vec::new();
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(json.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&json);
        for take in self.tracks.iter().flat_map(|state| &state.history) {
            let audio = Some(take).filter(|take| kept.contains(&take.id));
            let audio = audio.and_then(|take| flac::encode(&take.audio)).unwrap_or_else(|| Arc::from([]));
            bytes.extend_from_slice(&(audio.len() as u64).to_le_bytes());
            bytes.extend_from_slice(&audio);
        }
        let hash = Sha256::digest(&bytes);
        bytes.extend_from_slice(&hash);
        bytes
    }

    /// Does the slow part of [`to_bytes`](Self::to_bytes) beforehand, until `is_cancelled`. It asks at least after each take.
    /// Not realtime-safe.
    pub fn prepare_bytes(&self, is_cancelled: &dyn Fn() -> bool) {
        self.kept_sounds(is_cancelled);
    }

    /// Takes whose sound is kept. It encodes what was not encoded yet; `None` when it was cancelled.
    fn kept_sounds(&self, is_cancelled: &dyn Fn() -> bool) -> Option<HashSet<TakeId>> {
        let mut kept = HashSet::new();
        let mut others: Vec<(usize, &Arc<Take>)> = Vec::new();
        let mut needed: Vec<&Arc<Take>> = Vec::new();
        for state in &self.tracks {
            for (index, take) in state.history.iter().enumerate() {
                let is_needed = state.current == Some(index)
                    || state.heard_before.as_ref() == Some(&take.id)
                    || state.favourites.contains(&take.id)
                    || !self.can_be_made_again(take);
                if is_needed {
                    needed.push(take);
                    kept.insert(take.id.clone());
                } else {
                    others.push((state.history.len() - index, take));
                }
            }
        }
        let unknown: Vec<&Arc<Take>> =
            needed.into_iter().filter(|take| flac::known(&take.audio).is_none()).collect();
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(THREADS);
        for group in unknown.chunks(threads) {
            if is_cancelled() {
                return None;
            }
            in_parallel(group, |take| flac::encode(&take.audio));
        }
        // The newest of all tracks first.
        others.sort_by_key(|(age, _)| *age);
        let mut room = HISTORY_BYTES;
        for (_, take) in others {
            if is_cancelled() {
                return None;
            }
            let Some(size) = flac::encode(&take.audio).map(|bytes| bytes.len()) else { continue };
            if size > room {
                break;
            }
            room -= size;
            kept.insert(take.id.clone());
        }
        Some(kept)
    }

    /// Reads what [`Session::to_bytes`] wrote; the takes are the same to the bit. Those whose sound was not kept are left
    /// out.
    ///
    /// # Errors
    /// When the bytes are something else, damaged, or of a newer version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlobError> {
        let mut session = Self::read(bytes, true)?;
        for state in &mut session.tracks {
            let current = state.take().map(|take| take.id.clone());
            state.history.retain(|take| !take.is_asleep());
            state.current = current.and_then(|id| state.position(&id));
            state.favourites.retain(|id| state.history.iter().any(|take| take.id == *id));
            state.numbers.follow(&state.history);
        }
        Ok(session)
    }

    /// As [`Session::from_bytes`], but only what plays is unpacked: other takes are asleep
    /// ([`Take::is_asleep`]), also those whose sound was not kept.
    ///
    /// # Errors
    /// As [`Session::from_bytes`].
    pub fn from_project(bytes: &[u8]) -> Result<Self, BlobError> {
        Self::read(bytes, false)
    }

    fn read(bytes: &[u8], unpack_all: bool) -> Result<Self, BlobError> {
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
        let mut record = SessionRecord::from_json(json)?;
        let mut packed: Vec<Packed<'_>> = Vec::new();
        for track in &mut record.tracks {
            // What only undo knows is kept in folders, not in projects.
            track.forgotten.clear();
            for (index, take) in track.takes.iter().enumerate() {
                let audio_frames = take.checked_audio_frames()?;
                let unpack = unpack_all || track.current == Some(index) || take.recipe.imported.is_some();
                packed.push(Packed { bytes: chunk(&mut rest).ok_or_else(cut)?, audio_frames, unpack });
            }
        }
        if !rest.is_empty() {
            return Err(BlobError::Damaged("it is too long".to_owned()));
        }
        let mut sounds: VecDeque<Option<Sound>> = in_parallel(&packed, Packed::sound).into();
        record.into_session(|_, _| {
            sounds
                .pop_front()
                .flatten()
                .ok_or_else(|| BlobError::Damaged("its audio cannot be read".to_owned()))
        })
    }
}

/// The sound of a take as it lies in the bytes.
struct Packed<'a> {
    bytes: &'a [u8],
    audio_frames: usize,
    unpack: bool,
}

impl Packed<'_> {
    /// The sound; `None` when it cannot be read.
    fn sound(&self) -> Option<Sound> {
        if self.bytes.is_empty() {
            return Some(Sound::Asleep(None));
        }
        let packed: Arc<[u8]> = self.bytes.into();
        if !self.unpack {
            return Some(Sound::Asleep(Some(packed)));
        }
        let audio: Arc<StemAudio> = flac::decode(self.bytes, self.audio_frames)?;
        // The next save needs it again.
        flac::note(&audio, packed);
        Some(Sound::Awake(audio))
    }
}

/// `work` on each item, on a few threads; results in the items' order.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(THREADS);
    if threads == 1 || items.len() < 2 {
        return items.iter().map(work).collect();
    }
    let next = std::sync::atomic::AtomicUsize::new(0);
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let run = || {
            let mut done = Vec::new();
            while let Some((index, item)) = {
                let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                items.get(index).map(|item| (index, item))
            } {
                done.push((index, work(item)));
            }
            done
        };
        let others: Vec<_> = (1..threads.min(items.len())).map(|_| scope.spawn(run)).collect();
        let mut done = run();
        for other in others {
            // A panic of the work is passed on.
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
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
    use crate::session::StoredSound as _;
    use crate::session::generate::tests::{generate, generated, regenerate, request};
    use resonantgen_music::track::Track;

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

    #[test]
    fn a_project_keeps_every_take_and_the_sound_of_those_that_matter() {
        let mut session = generated("techno", 1);
        for seed in 2..6 {
            regenerate(&mut session, Track::Bass, seed).expect("a take");
        }
        let bass = session.track(Track::Bass).clone();
        session.track_mut(Track::Bass).favourites.insert(bass.history[1].id.clone());
        let bytes = session.to_bytes();
        let restored = Session::from_project(&bytes).expect("own bytes");
        let takes = &restored.track(Track::Bass).history;
        assert_eq!(takes.len(), 5);
        assert!(restored.track(Track::Bass).take() == bass.take(), "what plays is awake");
        assert_eq!(takes.iter().filter(|take| take.is_asleep()).count(), 4);
        assert_eq!(restored.asleep().len(), 4);
        for (asleep, before) in takes[..4].iter().zip(&bass.history) {
            assert!(asleep.is_packed() && asleep.sounds_as(before), "there is room for the few here");
            assert_eq!(asleep.unpacked().as_ref(), Some(before));
        }
        assert_eq!(restored.to_bytes(), bytes, "saving what sleeps changes nothing");
        let mut awake = restored.clone();
        for (_, take) in restored.asleep() {
            awake.wake(&take.unpacked().expect("its sound was kept"));
        }
        assert!(awake.asleep().is_empty());
        assert_eq!(awake.track(Track::Bass).history, bass.history);
        assert_eq!(awake.to_bytes(), bytes);
        assert_same(&Session::from_bytes(&bytes).expect("own bytes"), &awake);
    }

    #[test]
    fn a_project_stays_small_and_forgets_no_take() {
        // A take of 16 bars at 60 bpm is 64 s of noise: more than half of the room.
        let long = |seed| {
            let mut wish = request("techno", seed);
            wish.overrides.bars = Some(16);
            wish.overrides.bpm = Some(60.0);
            wish.tracks = vec![Track::Bass];
            wish
        };
        let mut session = Session::default();
        for seed in 0..3 {
            generate(&mut session, &long(seed)).expect("a take");
        }
        let count = |session: &Session, test: fn(&Take) -> bool| {
            session.track(Track::Bass).history.iter().filter(|take| test(take)).count()
        };
        // The one that plays, and the one before.
        let restored = Session::from_project(&session.to_bytes()).expect("own bytes");
        assert_eq!((count(&restored, |_| true), count(&restored, |take| !take.is_asleep())), (3, 1));
        assert_eq!(count(&restored, Take::is_packed), 1);
        let asleep = restored.asleep();
        let lost = asleep.iter().find(|(_, take)| !take.is_packed()).expect("one without sound");
        assert!(lost.1.unpacked().is_none());
        assert_eq!(restored.to_bytes(), session.to_bytes(), "its hash is not forgotten");
        assert_eq!(count(&Session::from_bytes(&session.to_bytes()).expect("own bytes"), |_| true), 2);
    }
}
