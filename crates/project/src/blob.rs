//! A session as bytes, for a host's project.
//!
//! Form 4: the magic, the version of the form (u32), the length of the JSON record (u64), the record, the SHA-256 of everything
//! before, then for each take of the record its FLAC audio (length as u64, then the bytes; empty if the audio is not stored). The
//! record has the SHA-256 of each take's audio, so damage to it costs only that take. Forms 1 to 3 end with one SHA-256 of
//! everything. Integers are little-endian.
//!
//! The record contains every take of the histories. Audio is stored for playing takes, favourites, and takes that could not be
//! made again. Of the others, those for A/B come first, then the newest, while there is room.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::flac::{self, Packed};
use super::parallel::{in_parallel, thread_count};
use super::record::{self, FORM, Opened, RecordError, Sound, TakeRecord};
use resonantgen_music::track::Track;
use resonantgen_session::Session;
use resonantgen_take::{Take, TakeId};

const MAGIC: &[u8; 8] = b"RESONANT";
const HASH_LENGTH: usize = 32;
/// The last form with a single checksum.
const LAST_WHOLE: u32 = 3;
/// Room in bytes for the audio of takes that could be made again: in a host, which copies it with every save, and elsewhere.
const PROJECT_ROOM: usize = 2 << 20;
const TRANSFER_ROOM: usize = 16 << 20;

/// Why bytes cannot be read as a session.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BlobError {
    /// They are not a session.
    #[error("this is no ResonantGen session")]
    NotASession,
    /// A newer version wrote them.
    #[error(
        "the session was saved by a newer version of ResonantGen (form {0}, this one reads up to {FORM}): update ResonantGen"
    )]
    Newer(u32),
    /// They were truncated or changed.
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

fn cut() -> BlobError {
    BlobError::Damaged("it was cut".to_owned())
}

/// A session as bytes for another machine, with its history. Self-contained and lossless. Not realtime-safe.
#[must_use]
pub fn to_bytes(session: &Session) -> Vec<u8> {
    write(session, TRANSFER_ROOM)
}

/// A session as bytes for a host's project: self-contained, lossless and small. Takes that do not play may lack audio; they are
/// made again from their recipes when needed. Not realtime-safe. Cheap if the takes have not changed since the last call, or were
/// [prepared](prepare_project).
#[must_use]
pub fn to_project(session: &Session) -> Vec<u8> {
    write(session, PROJECT_ROOM)
}

fn write(session: &Session, room: usize) -> Vec<u8> {
    let kept = kept_sounds(session, room, &|| false).unwrap_or_default();
    let packed = |take: &Take| kept.contains(&take.id).then(|| flac::encode(&take.audio)).flatten();
    let record = record::of_session(session, false, &|take| packed(take).map(|packed| packed.sha256));
    let json = serde_json::to_vec(&record).expect("a record has no maps with other keys than strings");
    let mut bytes = Vec::new();
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&FORM.to_le_bytes());
    bytes.extend_from_slice(&(json.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&json);
    let hash = Sha256::digest(&bytes);
    bytes.extend_from_slice(&hash);
    let of_track = |track| session.track(track).history.iter().cloned().chain(session.elsewhere(track));
    for take in Track::ALL.into_iter().flat_map(of_track) {
        let audio = packed(&take).map_or_else(|| Arc::from([]), |packed| packed.bytes);
        bytes.extend_from_slice(&(audio.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&audio);
    }
    bytes
}

/// Does the slow part of [`to_project`] in advance. Calls `is_cancelled` at least after each take. Not realtime-safe.
pub fn prepare_project(session: &Session, is_cancelled: &dyn Fn() -> bool) {
    kept_sounds(session, PROJECT_ROOM, is_cancelled);
}

/// Chooses the takes whose audio is stored, and encodes it if necessary; `None` if cancelled.
fn kept_sounds(
    session: &Session,
    mut room: usize,
    is_cancelled: &dyn Fn() -> bool,
) -> Option<HashSet<TakeId>> {
    let mut kept = HashSet::new();
    let mut others: Vec<(usize, &Arc<Take>)> = Vec::new();
    let mut needed: Vec<&Arc<Take>> = Vec::new();
    for state in Track::ALL.into_iter().flat_map(|track| session.states(track)) {
        for (index, take) in state.history.iter().enumerate() {
            let is_needed = state.current == Some(index)
                || state.favourites.contains(&take.id)
                || !session.can_be_made_again(take);
            if is_needed {
                if kept.insert(take.id.clone()) {
                    needed.push(take);
                }
            } else {
                let is_compared = state.heard_before.as_ref() == Some(&take.id);
                others.push((if is_compared { 0 } else { state.history.len() - index }, take));
            }
        }
    }
    let unknown: Vec<&Arc<Take>> =
        needed.into_iter().filter(|take| flac::known(&take.audio).is_none()).collect();
    for group in unknown.chunks(thread_count()) {
        if is_cancelled() {
            return None;
        }
        in_parallel(group, |take| flac::encode(&take.audio));
    }
    // The newest take of each track first.
    others.sort_by_key(|(age, _)| *age);
    for (_, take) in others {
        if is_cancelled() {
            return None;
        }
        if kept.contains(&take.id) {
            continue;
        }
        let Some(size) = flac::encode(&take.audio).map(|packed| packed.bytes.len()) else { continue };
        if size > room {
            break;
        }
        room -= size;
        kept.insert(take.id.clone());
    }
    Some(kept)
}

/// Reads the bytes of [`to_bytes`] or [`to_project`]; the takes are the same bit for bit. Takes without audio are left out.
///
/// # Errors
/// Returns an error if the bytes are not a session, are damaged anywhere, or are from a newer version.
pub fn from_bytes(bytes: &[u8]) -> Result<Session, BlobError> {
    let Opened { mut session, lost, .. } = read(bytes, true)?;
    if let Some(lost) = lost.first() {
        return Err(BlobError::Damaged(lost.reason.clone()));
    }
    for track in Track::ALL {
        for state in session.states_mut(track) {
            let current = state.take().map(|take| take.id.clone());
            state.history.retain(|take| !take.is_asleep());
            state.current = current.and_then(|id| state.position(&id));
        }
    }
    let (undo, redo) = (session.undo_steps().cloned().collect(), session.redo_steps().cloned().collect());
    let (undo, redo): (Vec<_>, Vec<_>) = (undo, redo);
    let answers: Vec<_> = session.answers().cloned().collect();
    Ok(session.with_past(undo, redo, answers))
}

/// As [`from_bytes`], but unpacks only the playing takes. The others are asleep ([`Take::is_asleep`]), as are those whose audio
/// was not stored. Takes with damaged audio are listed in [`Opened::lost`].
///
/// # Errors
/// Returns an error if the bytes are not a session, their record is damaged, or they are from a newer version.
pub fn from_project(bytes: &[u8]) -> Result<Opened, BlobError> {
    read(bytes, false)
}

fn read(bytes: &[u8], unpack_all: bool) -> Result<Opened, BlobError> {
    let body = bytes.strip_prefix(MAGIC).ok_or(BlobError::NotASession)?;
    let (version, mut rest) = body.split_first_chunk().ok_or_else(cut)?;
    let version = u32::from_le_bytes(*version);
    if version > FORM {
        return Err(BlobError::Newer(version));
    }
    let is_right = |bytes: &[u8], hash: &[u8]| Sha256::digest(bytes)[..] == *hash;
    let wrong = || BlobError::Damaged("its checksum is wrong".to_owned());
    if version <= LAST_WHOLE {
        let checked = bytes.len().checked_sub(HASH_LENGTH).ok_or_else(cut)?;
        if !is_right(&bytes[..checked], &bytes[checked..]) {
            return Err(wrong());
        }
        rest = rest.split_at_checked(rest.len().wrapping_sub(HASH_LENGTH)).ok_or_else(cut)?.0;
    }
    let json = chunk(&mut rest).ok_or_else(cut)?;
    if version > LAST_WHOLE {
        let (hash, after) = rest.split_at_checked(HASH_LENGTH).ok_or_else(cut)?;
        let checked = bytes.len() - rest.len();
        if !is_right(&bytes[..checked], hash) {
            return Err(wrong());
        }
        rest = after;
    }
    let mut record = record::read(json)?;
    let mut stored: Vec<Stored<'_>> = Vec::new();
    for track in &mut record.tracks {
        // Takes that only undo refers to are stored in folders, not in projects.
        track.forgotten.clear();
        for take in track.takes.iter().chain(&track.elsewhere) {
            let unpack =
                unpack_all || track.playing.as_ref() == Some(&take.id) || take.recipe.imported.is_some();
            stored.push(Stored { take, bytes: chunk(&mut rest), unpack });
        }
    }
    if !rest.is_empty() && (unpack_all || version <= LAST_WHOLE) {
        return Err(BlobError::Damaged("it is too long".to_owned()));
    }
    let sounds = in_parallel(&stored, Stored::sound);
    let mut sounds: HashMap<String, Sound> =
        stored.iter().map(|stored| stored.take.id.clone()).zip(sounds).collect();
    let opened = record::into_session(record, |take, _| sounds.remove(&take.id).unwrap_or(Sound::NotKept))?;
    if version <= LAST_WHOLE
        && let Some(lost) = opened.lost.first()
    {
        // Its checksum is right, so this is what was written.
        return Err(BlobError::Damaged(lost.reason.clone()));
    }
    Ok(opened)
}

/// A take in the bytes.
struct Stored<'a> {
    take: &'a TakeRecord,
    /// Its FLAC file; `None` if the bytes end before it.
    bytes: Option<&'a [u8]>,
    unpack: bool,
}

impl Stored<'_> {
    fn sound(&self) -> Sound {
        let lost = |what: &str| Sound::Lost(format!("its audio {what}"));
        let Some(bytes) = self.bytes else { return lost("was cut off") };
        if bytes.is_empty() {
            return Sound::NotKept;
        }
        let packed = Packed::new(bytes.into());
        if self.take.flac_sha256.as_ref().is_some_and(|saved| *saved != packed.sha256) {
            return lost("is damaged");
        }
        if !self.unpack {
            return Sound::Packed(packed);
        }
        let Some(audio_frames) = record::audio_frames(self.take) else { return Sound::NotKept };
        // The next save writes the packed bytes again.
        match record::awake(self.take, packed, audio_frames) {
            Ok(audio) => Sound::Awake(audio),
            Err(what) => lost(&what),
        }
    }
}

/// Splits a length and that many bytes off the front.
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
    use crate::StoredSound as _;
    use resonantgen_session::fake::{apply, generated, regenerate};
    use resonantgen_session::{Overrides, Request};

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
        let bytes = to_bytes(&session);
        assert_same(&session, &from_bytes(&bytes).expect("own bytes"));
        assert_eq!(bytes, to_bytes(&session));
        let empty = Session::default();
        assert_same(&empty, &from_bytes(&to_bytes(&empty)).expect("own bytes"));
    }

    /// Another version computed other ids of the same recipes.
    #[test]
    fn ids_are_stored_and_not_computed_again() {
        let mut session = generated("techno", 7);
        let ids = ["id-of-an-earlier-version", "and-of-what-it-heard"].map(|id| TakeId(id.to_owned()));
        let mut take = session.track(Track::Bass).take().expect("a take").as_ref().clone();
        assert_eq!(take.id, take.recipe.take_id(), "today's is computed so");
        take.id = ids[0].clone();
        take.recipe.context = vec![ids[1].clone()];
        let state = session.track_mut(Track::Bass);
        state.history.clear();
        state.add(take.into());
        let place = tempfile::tempdir().expect("a folder");
        crate::save(&session, place.path(), crate::StemFormat::default()).expect("saved");
        for read in [
            from_project(&to_project(&session)).expect("own bytes").session,
            from_bytes(&to_bytes(&session)).expect("own bytes"),
            crate::load(place.path()).expect("loaded").session,
        ] {
            let take = read.track(Track::Bass).take().expect("a take");
            assert_eq!((&take.id, &take.recipe.context[..]), (&ids[0], &ids[1..]));
        }
    }

    #[test]
    fn damage_is_told_and_never_panics() {
        let bytes = to_bytes(&generated("jazz", 3));
        assert_eq!(from_bytes(b"").err(), Some(BlobError::NotASession));
        assert_eq!(from_bytes(b"RIFFxxxxWAVE").err(), Some(BlobError::NotASession));
        for length in (0..bytes.len()).step_by(bytes.len() / 60 + 1) {
            assert!(from_bytes(&bytes[..length]).is_err());
        }
        for position in (0..bytes.len()).step_by(bytes.len() / 60 + 1) {
            let mut changed = bytes.clone();
            changed[position] ^= 0x41;
            assert!(from_bytes(&changed).is_err());
        }
        let mut newer = bytes.clone();
        newer[8] = 99;
        assert_eq!(from_bytes(&newer).err(), Some(BlobError::Newer(99)));
        let longer = [bytes.as_slice(), b"x"].concat();
        assert!(from_bytes(&longer).is_err());
    }

    #[test]
    fn a_project_keeps_every_take_and_the_sound_of_those_that_matter() {
        let mut session = generated("techno", 1);
        for seed in 2..6 {
            regenerate(&mut session, Track::Bass, seed).expect("a take");
        }
        let bass = session.track(Track::Bass).clone();
        session.track_mut(Track::Bass).favourites.insert(bass.history[1].id.clone());
        let bytes = to_project(&session);
        let restored = from_project(&bytes).expect("own bytes").session;
        let takes = &restored.track(Track::Bass).history;
        assert_eq!(takes.len(), 5);
        assert!(restored.track(Track::Bass).take() == bass.take(), "what plays is awake");
        assert_eq!(takes.iter().filter(|take| take.is_asleep()).count(), 4);
        assert_eq!(restored.asleep().len(), 4);
        for (asleep, before) in takes[..4].iter().zip(&bass.history) {
            assert!(asleep.is_packed() && asleep.sounds_as(before), "there is room for the few here");
            assert_eq!(asleep.unpacked().as_ref(), Some(before));
        }
        assert_eq!(to_project(&restored), bytes, "saving what sleeps changes nothing");
        let mut awake = restored.clone();
        for (_, take) in restored.asleep() {
            awake.wake(&take.unpacked().expect("its sound was kept"));
        }
        assert!(awake.asleep().is_empty());
        assert_eq!(awake.track(Track::Bass).history, bass.history);
        assert_eq!(to_project(&awake), bytes);
        assert_same(&from_bytes(&bytes).expect("own bytes"), &awake);
    }

    #[test]
    fn a_project_stays_small_and_forgets_no_take() {
        // A take of 16 bars at 60 bpm is 64 s of noise, more than half of the room.
        let facts = Overrides { bars: Some(16), bpm: Some(60.0), ..Overrides::default() };
        let long = |seed| Request::generate("techno").scope(Track::Bass).facts(facts.clone()).seed(seed);
        let mut session = Session::default();
        for seed in 0..3 {
            apply(&mut session, &long(seed)).expect("a take");
        }
        let count = |session: &Session, test: fn(&Take) -> bool| {
            session.track(Track::Bass).history.iter().filter(|take| test(take)).count()
        };
        let restored = from_project(&to_project(&session)).expect("own bytes").session;
        assert_eq!((count(&restored, |_| true), count(&restored, |take| !take.is_asleep())), (3, 1));
        assert_eq!(
            count(&restored, |take| take.is_packed()),
            0,
            "there is no room for what can be made again"
        );
        let asleep = restored.asleep();
        let lost = asleep.iter().find(|(_, take)| !take.is_packed()).expect("one without sound");
        assert!(lost.1.unpacked().is_none());
        assert_eq!(to_project(&restored), to_project(&session), "its hash is not forgotten");
        assert_eq!(count(&from_bytes(&to_project(&session)).expect("own bytes"), |_| true), 1);
    }

    #[test]
    fn one_damaged_take_leaves_the_rest_of_the_project() {
        let mut session = generated("techno", 1);
        regenerate(&mut session, Track::Bass, 2).expect("a take");
        let bytes = to_bytes(&session);
        // Melody is the last, and its audio the end of the bytes.
        let mut changed = bytes.clone();
        let last = changed.len() - 5;
        changed[last] ^= 1;
        for damaged in [changed, bytes[..bytes.len() - 100].to_vec()] {
            let Opened { session: opened, lost, .. } = from_project(&damaged).expect("the rest opens");
            let [lost] = lost.as_slice() else { panic!("{lost:?}") };
            assert!(lost.track == Track::Melody && lost.is_playing && lost.can_be_made_again);
            assert!(opened.track(Track::Melody).take().is_some_and(|take| take.is_lost()));
            for track in [Track::Drums, Track::Bass, Track::Harmony] {
                assert!(opened.track(track).take() == session.track(track).take());
            }
            assert!(matches!(from_bytes(&damaged), Err(BlobError::Damaged(_))));
        }
    }
}
