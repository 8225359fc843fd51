//! Projects that kept less than this machine would have kept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Magic, version and the record's length.
const HEAD: usize = 8 + 4 + 8;
const HASH: usize = 32;

/// Takes a length and as many bytes off the front.
fn chunk<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let (length, after) = rest.split_first_chunk::<8>().expect("a length");
    let (bytes, after) = after.split_at(u64::from_le_bytes(*length) as usize);
    *rest = after;
    bytes
}

/// The plugin's state without the sound of takes that do not play: as of a song so long that there was no room for it.
pub fn without_other_sounds(state: &[u8]) -> Vec<u8> {
    let mut outer: Value = serde_json::from_slice(&state[8..]).expect("the state is JSON");
    let field = outer["fields"]["session"].as_str().expect("it has a session").to_owned();
    let text: String = serde_json::from_str(&field).expect("a field is JSON");
    let old = BASE64.decode(text).expect("it is base64");

    let mut rest = &old[HEAD - 8..old.len() - HASH];
    let json = chunk(&mut rest);
    let record: Value = serde_json::from_slice(json).expect("the record is JSON");
    let mut new = old[..HEAD + json.len()].to_vec();
    for track in record["tracks"].as_array().expect("there are tracks") {
        let current = track["current"].as_u64();
        for index in 0..track["takes"].as_array().expect("there are takes").len() as u64 {
            let sound = Some(chunk(&mut rest)).filter(|_| current == Some(index)).unwrap_or_default();
            new.extend((sound.len() as u64).to_le_bytes());
            new.extend(sound);
        }
    }
    new.extend(Sha256::digest(&new));

    outer["fields"]["session"] = serde_json::to_string(&BASE64.encode(&new)).expect("text is JSON").into();
    let outer = serde_json::to_vec(&outer).expect("JSON can be written");
    let mut state = (outer.len() as u64).to_le_bytes().to_vec();
    state.extend(outer);
    state
}
