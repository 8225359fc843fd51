//! Projects saved with fewer takes than this machine would keep, and damaged ones.

use serde_json::Value;

/// Magic, version and length of the envelope.
const HEAD: usize = 8 + 4 + 8;
const HASH: usize = 32;

/// Splits a length-prefixed run of bytes off the front.
fn chunk<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let (length, after) = rest.split_first_chunk::<8>().expect("a length");
    let (bytes, after) = after.split_at(u64::from_le_bytes(*length) as usize);
    *rest = after;
    bytes
}

/// The section of a state that holds the session.
pub fn session(state: &[u8]) -> Vec<u8> {
    section(state, b"SESS").expect("the state has a session")
}

/// A section of a state.
pub fn section(state: &[u8], wanted: &[u8; 4]) -> Option<Vec<u8>> {
    let mut rest = &state[HEAD..];
    while !rest.is_empty() {
        let (tag, after) = rest.split_at(4);
        rest = after;
        let bytes = chunk(&mut rest);
        if tag == wanted {
            return Some(bytes.to_vec());
        }
    }
    None
}

/// The state with its session replaced.
pub fn with_session(state: &[u8], session: &[u8]) -> Vec<u8> {
    with_section(state, b"SESS", session)
}

/// The state with one section replaced.
pub fn with_section(state: &[u8], wanted: &[u8; 4], section: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut rest = &state[HEAD..];
    while !rest.is_empty() {
        let (tag, after) = rest.split_at(4);
        rest = after;
        let bytes = chunk(&mut rest);
        let bytes = if tag == wanted { section } else { bytes };
        body.extend(tag);
        body.extend((bytes.len() as u64).to_le_bytes());
        body.extend(bytes);
    }
    let mut new = state[..12].to_vec();
    new.extend((body.len() as u64).to_le_bytes());
    new.extend(body);
    new
}

/// The plugin's state without the audio of takes that are not playing, as saved for a song too long to hold it.
pub fn without_other_sounds(state: &[u8]) -> Vec<u8> {
    let old = session(state);
    let mut rest = &old[8 + 4..];
    let json = chunk(&mut rest);
    let record: Value = serde_json::from_slice(json).expect("the record is JSON");
    let head = 8 + 4 + 8 + json.len() + HASH;
    rest = &old[head..];
    let mut new = old[..head].to_vec();
    for track in record["tracks"].as_array().expect("there are tracks") {
        for take in track["takes"].as_array().expect("there are takes") {
            let sound = Some(chunk(&mut rest)).filter(|_| track["playing"] == take["id"]).unwrap_or_default();
            new.extend((sound.len() as u64).to_le_bytes());
            new.extend(sound);
        }
    }
    with_session(state, &new)
}
