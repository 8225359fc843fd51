//! The plugin state as bytes. The framework's own state is JSON, in which a session would have to be base64. An envelope holds
//! both.
//!
//! Format: the magic, the envelope's version (u32), the length of everything that follows (u64), then sections. A section is a
//! four-byte tag, a length (u64) and that many bytes. Integers are little-endian, and unknown sections are skipped. States from
//! before the envelope start with the length of the framework's JSON instead of the magic, and still load.

use std::ffi::c_void;
use std::sync::{Mutex, PoisonError};

use clap_sys::stream::{clap_istream, clap_ostream};

/// Read as a length, this is larger than any state, so older versions refuse the envelope and change nothing.
const MAGIC: &[u8; 8] = b"ResonSt1";
const VERSION: u32 = 1;
/// The framework's own state: its JSON, preceded by its length.
const FRAMEWORK: &[u8; 4] = b"JSON";
/// The most bytes requested from a stream at once, so that a false length never allocates more than the stream holds.
const STEP: usize = 1 << 20;

/// A part of the state other than the framework's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The session.
    Session,
    /// The bytes of a session that could not be read.
    Damaged,
}

impl Part {
    const ALL: [Self; 2] = [Self::Session, Self::Damaged];

    const fn tag(self) -> &'static [u8; 4] {
        match self {
            Self::Session => b"SESS",
            Self::Damaged => b"DMGD",
        }
    }
}

/// Parts passed between the plugin's persistent fields and the envelope. The framework accesses those fields while it saves or
/// loads.
#[derive(Debug, Default)]
pub struct StateParts(Mutex<Way>);

#[derive(Debug, Default)]
enum Way {
    /// There is no envelope; the fields are the whole state.
    #[default]
    None,
    /// The plugin's fields supply their bytes.
    Saving([Vec<u8>; Part::ALL.len()]),
    /// The plugin's fields consume their bytes.
    Loading([Option<Vec<u8>>; Part::ALL.len()]),
}

impl StateParts {
    /// Adds a part to the envelope being saved. Gives the bytes back if no envelope is being saved.
    pub fn give(&self, part: Part, bytes: Vec<u8>) -> Option<Vec<u8>> {
        match &mut *self.way() {
            Way::Saving(parts) => {
                parts[part as usize] = bytes;
                None
            }
            Way::None | Way::Loading(_) => Some(bytes),
        }
    }

    /// Takes a part from the envelope being loaded; `None` if no envelope is being loaded.
    pub fn take(&self, part: Part) -> Option<Vec<u8>> {
        match &mut *self.way() {
            Way::Loading(parts) => parts[part as usize].take(),
            Way::None | Way::Saving(_) => None,
        }
    }

    fn way(&self) -> std::sync::MutexGuard<'_, Way> {
        // Every write replaces a whole value, so a panic leaves nothing half-written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Saves the framework's state together with the parts that the plugin's fields supply meanwhile.
///
/// # Safety
/// `stream` must be the host's and valid for this call.
pub unsafe fn save(
    parts: &StateParts,
    stream: *const clap_ostream,
    framework: impl FnOnce(*const clap_ostream) -> bool,
) -> bool {
    let mut json: Vec<u8> = Vec::new();
    let inner = clap_ostream { ctx: (&raw mut json).cast::<c_void>(), write: Some(append) };
    *parts.way() = Way::Saving(Default::default());
    let is_saved = framework(&raw const inner);
    let Way::Saving(given) = std::mem::take(&mut *parts.way()) else { return false };
    if !is_saved {
        return false;
    }
    let sections: Vec<(&[u8; 4], &[u8])> = std::iter::once((FRAMEWORK, json.as_slice()))
        .chain(Part::ALL.into_iter().map(|part| (part.tag(), given[part as usize].as_slice())))
        .filter(|(_, bytes)| !bytes.is_empty())
        .collect();
    let length: usize = sections.iter().map(|(_, bytes)| 4 + 8 + bytes.len()).sum();
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(&VERSION.to_le_bytes());
    head.extend_from_slice(&(length as u64).to_le_bytes());
    // SAFETY: guaranteed by the caller.
    unsafe {
        write_all(stream, &head)
            && sections.into_iter().all(|(tag, bytes)| {
                let mut head = tag.to_vec();
                head.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
                write_all(stream, &head) && write_all(stream, bytes)
            })
    }
}

/// Loads what [`save`] saved, or a state of the framework alone.
///
/// # Safety
/// Same as [`save`].
pub unsafe fn load(
    parts: &StateParts,
    stream: *const clap_istream,
    framework: impl FnOnce(*const clap_istream) -> bool,
) -> bool {
    // SAFETY: guaranteed by the caller.
    let Some((json, given)) = (unsafe { read(stream) }) else { return false };
    *parts.way() = given.map_or(Way::None, Way::Loading);
    let mut rest = json.as_slice();
    let inner = clap_istream { ctx: (&raw mut rest).cast::<c_void>(), read: Some(take_off) };
    let is_loaded = framework(&raw const inner);
    *parts.way() = Way::None;
    is_loaded
}

type Given = [Option<Vec<u8>>; Part::ALL.len()];

/// The framework's state, and the other parts if there is an envelope.
///
/// # Safety
/// Same as [`save`].
unsafe fn read(stream: *const clap_istream) -> Option<(Vec<u8>, Option<Given>)> {
    // SAFETY: guaranteed by the caller.
    let read = |length: usize| unsafe { read_up_to(stream, length) };
    let start: [u8; 8] = read(8)?.try_into().ok()?;
    if start != *MAGIC {
        let mut json = start.to_vec();
        json.extend(read(usize::try_from(u64::from_le_bytes(start)).ok()?)?);
        return Some((json, None));
    }
    let version = u32::from_le_bytes(read(4)?.try_into().ok()?);
    if version > VERSION {
        return None;
    }
    let length = u64::from_le_bytes(read(8)?.try_into().ok()?);
    let body = read(usize::try_from(length).ok()?)?;
    let mut rest = body.as_slice();
    let mut json = None;
    // An absent part counts as empty, so that nothing of the instance's previous state remains.
    let mut given: Given = std::array::from_fn(|_| Some(Vec::new()));
    while let Some((tag, after)) = rest.split_first_chunk::<4>() {
        let (length, after) = after.split_first_chunk::<8>()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        // If the state was truncated, the session is read as far as it goes.
        let (bytes, after) = after.split_at(length.min(after.len()));
        rest = after;
        if tag == FRAMEWORK {
            json = Some(bytes.to_vec());
        } else if let Some(part) = Part::ALL.into_iter().find(|part| part.tag() == tag) {
            given[part as usize] = Some(bytes.to_vec());
        }
    }
    Some((json?, Some(given)))
}

/// Reads `length` bytes, or as many as there are; `None` if the host reports an error.
///
/// # Safety
/// Same as [`save`].
unsafe fn read_up_to(stream: *const clap_istream, length: usize) -> Option<Vec<u8>> {
    // SAFETY: guaranteed by the caller.
    let read = unsafe { (*stream).read? };
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let start = bytes.len();
        bytes.resize(start + (length - start).min(STEP), 0);
        let room = &mut bytes[start..];
        // SAFETY: the stream is the host's, the buffer is ours.
        let count = unsafe { read(stream, room.as_mut_ptr().cast::<c_void>(), room.len() as u64) };
        let count = usize::try_from(count).ok()?.min(room.len());
        bytes.truncate(start + count);
        if count == 0 {
            break;
        }
    }
    Some(bytes)
}

/// Writes all bytes, in as many pieces as the host accepts.
///
/// # Safety
/// Same as [`save`].
unsafe fn write_all(stream: *const clap_ostream, mut bytes: &[u8]) -> bool {
    // SAFETY: guaranteed by the caller.
    let Some(write) = (unsafe { (*stream).write }) else { return false };
    while !bytes.is_empty() {
        // SAFETY: the stream is the host's, the bytes are ours.
        let count = unsafe { write(stream, bytes.as_ptr().cast::<c_void>(), bytes.len() as u64) };
        match usize::try_from(count) {
            Ok(count @ 1..) => bytes = &bytes[count.min(bytes.len())..],
            _ => return false,
        }
    }
    true
}

/// Appends to the vector that [`save`] provides.
unsafe extern "C" fn append(stream: *const clap_ostream, buffer: *const c_void, size: u64) -> i64 {
    let Ok(length) = usize::try_from(size) else { return -1 };
    // SAFETY: `ctx` is the vector set by `save`; the framework's buffer has `size` bytes.
    unsafe {
        let bytes = &mut *(*stream).ctx.cast::<Vec<u8>>();
        bytes.extend_from_slice(std::slice::from_raw_parts(buffer.cast::<u8>(), length));
    }
    i64::try_from(length).unwrap_or(-1)
}

/// Reads from the slice that [`load`] provides.
unsafe extern "C" fn take_off(stream: *const clap_istream, buffer: *mut c_void, size: u64) -> i64 {
    // SAFETY: `ctx` is the slice set by `load`; the framework's buffer has room for `size` bytes.
    unsafe {
        let rest = &mut *(*stream).ctx.cast::<&[u8]>();
        let count = rest.len().min(usize::try_from(size).unwrap_or(usize::MAX));
        let (now, later) = rest.split_at(count);
        std::ptr::copy_nonoverlapping(now.as_ptr(), buffer.cast::<u8>(), count);
        *rest = later;
        i64::try_from(count).unwrap_or(-1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes the framework's part as the framework does.
    fn framework_save(stream: *const clap_ostream, json: &[u8]) -> bool {
        // SAFETY: the stream belongs to the test.
        unsafe { write_all(stream, &(json.len() as u64).to_le_bytes()) && write_all(stream, json) }
    }

    fn framework_load(stream: *const clap_istream) -> Vec<u8> {
        // SAFETY: the stream belongs to the test.
        unsafe {
            let length: [u8; 8] = read_up_to(stream, 8).expect("bytes").try_into().expect("a length");
            read_up_to(stream, u64::from_le_bytes(length) as usize).expect("bytes")
        }
    }

    fn saved(json: &[u8], session: &[u8]) -> Vec<u8> {
        let parts = StateParts::default();
        let mut bytes: Vec<u8> = Vec::new();
        let stream = clap_ostream { ctx: (&raw mut bytes).cast::<c_void>(), write: Some(append) };
        // SAFETY: the stream outlives the call.
        let is_saved = unsafe {
            save(&parts, &raw const stream, |stream| {
                assert_eq!(parts.give(Part::Session, session.to_vec()), None);
                framework_save(stream, json)
            })
        };
        assert!(is_saved);
        assert_eq!(parts.give(Part::Session, vec![1]), Some(vec![1]), "without an envelope it is given back");
        bytes
    }

    type Loaded = (Vec<u8>, [Option<Vec<u8>>; 2]);

    fn loaded(state: &[u8]) -> Option<Loaded> {
        let parts = StateParts::default();
        let mut rest = state;
        let stream = clap_istream { ctx: (&raw mut rest).cast::<c_void>(), read: Some(take_off) };
        let mut seen = None;
        // SAFETY: the stream outlives the call.
        let is_loaded = unsafe {
            load(&parts, &raw const stream, |stream| {
                seen = Some((framework_load(stream), Part::ALL.map(|part| parts.take(part))));
                true
            })
        };
        seen.filter(|_| is_loaded)
    }

    #[test]
    fn a_session_travels_as_bytes_and_old_states_are_read() {
        let session: Vec<u8> = (0..=255).cycle().take(3 * STEP + 17).collect();
        let state = saved(b"{}", &session);
        assert!(state.len() < session.len() + 100, "no base64");
        let parts = [Some(session.clone()), Some(Vec::new())];
        assert_eq!(loaded(&state), Some((b"{}".to_vec(), parts)));
        let old = [2_u64.to_le_bytes().as_slice(), b"{}"].concat();
        assert_eq!(loaded(&old), Some((b"{}".to_vec(), [None, None])));
        assert_eq!(loaded(&saved(b"{}", b"")), Some((b"{}".to_vec(), [Some(Vec::new()), Some(Vec::new())])));
        // Truncated within the session: the plugin decides what to do with the rest.
        let cut = loaded(&state[..state.len() - 20]).expect("the rest");
        assert_eq!(cut.1[0].as_ref().map(Vec::len), Some(session.len() - 20));
    }

    #[test]
    fn what_is_no_state_is_refused() {
        let state = saved(b"{}", b"session");
        let mut newer = state.clone();
        newer[8] = 99;
        assert_eq!(loaded(&newer), None);
        assert_eq!(loaded(b""), None);
        assert_eq!(loaded(&state[..10]), None);
        let mut endless = state.clone();
        endless[12..20].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(loaded(&endless).is_some(), "a false length must not exhaust memory");
    }
}
