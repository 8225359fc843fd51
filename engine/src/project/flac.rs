//! Takes' audio as FLAC, the lossless form in which sessions keep it.

use std::io::Cursor;
use std::sync::Arc;

use flac_codec::decode::FlacSampleReader;
use flac_codec::encode::{FlacSampleWriter, Options};

use sha2::{Digest, Sha256};

use super::remembered::Remembered;
use hex::encode as hex;
use resonantgen_take::{StemAudio, TAKE_SAMPLE_RATE_HZ};

/// A take's sound as it is stored.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    /// The FLAC file.
    pub(super) bytes: Arc<[u8]>,
    /// SHA-256 of the bytes, in hex.
    pub(super) sha256: String,
}

impl Packed {
    /// Bytes that were just encoded or read.
    pub(super) fn new(bytes: Arc<[u8]>) -> Self {
        let sha256 = hex(Sha256::digest(&bytes));
        Self { bytes, sha256 }
    }
}

/// What was encoded lately.
static ENCODED: Remembered<Packed> = Remembered::new();

/// What `audio` was encoded to, or decoded from, if that is still known.
pub(super) fn known(audio: &Arc<StemAudio>) -> Option<Packed> {
    ENCODED.known(audio)
}

/// Notes what `audio` was decoded from, or would be: a take that is asleep has empty audio of its own, by which its
/// FLAC is found.
pub(super) fn note(audio: &Arc<StemAudio>, packed: Packed) {
    ENCODED.put(audio, packed);
}

/// Encodes audio; the same `Arc` is encoded once while it lives. `None` when the encoder refuses, which valid 24-bit
/// audio never makes it do, and for a take that is asleep without FLAC.
pub(super) fn encode(audio: &Arc<StemAudio>) -> Option<Packed> {
    ENCODED.get(audio, || {
        if audio.is_empty() {
            return None;
        }
        let interleaved: Vec<i32> =
            audio.left.iter().zip(&audio.right).flat_map(|(left, right)| [*left, *right]).collect();
        let mut file = Cursor::new(Vec::new());
        // Three times as fast as the default, and 4 % longer: hosts save on their main thread, right after generating too.
        let options = Options::fast().no_padding().no_seektable();
        let count = interleaved.len() as u64;
        let mut writer =
            FlacSampleWriter::new(&mut file, options, TAKE_SAMPLE_RATE_HZ, 24, 2, Some(count)).ok()?;
        writer.write(&interleaved).ok()?;
        writer.finalize().ok()?;
        Some(Packed::new(file.into_inner().into()))
    })
}

/// Decodes stereo audio of exactly `audio_frames`; `None` when it is anything else, or damaged.
pub(super) fn decode(bytes: &[u8], audio_frames: usize) -> Option<Arc<StemAudio>> {
    let mut reader = FlacSampleReader::new(bytes).ok()?;
    let mut audio = StemAudio { left: Vec::new(), right: Vec::new() };
    let mut is_left = true;
    loop {
        let samples = reader.fill_buf().ok()?;
        if samples.is_empty() {
            break;
        }
        let count = samples.len();
        // Damaged data shall not fill the memory.
        if audio.left.len() + audio.right.len() + count > 2 * audio_frames {
            return None;
        }
        for sample in samples {
            if is_left { &mut audio.left } else { &mut audio.right }.push(*sample);
            is_left = !is_left;
        }
        reader.consume(count);
    }
    (audio.left.len() == audio_frames && audio.right.len() == audio_frames).then(|| Arc::new(audio))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_survives_to_the_bit() {
        for frames in [1, 15, 4_096, 10_001] {
            let wave = |index: usize| ((index as i64 * 7_919 * 31) % 16_777_216 - 8_388_608) as i32;
            let audio = Arc::new(StemAudio {
                left: (0..frames).map(wave).collect(),
                right: (0..frames).map(|index| wave(index + 5) / 3).collect(),
            });
            let bytes = encode(&audio).expect("encodable").bytes;
            assert!(Arc::ptr_eq(&bytes, &encode(&audio).expect("kept").bytes));
            assert_eq!(decode(&bytes, frames), Some(audio));
            assert_eq!(decode(&bytes, frames + 1), None);
            assert_eq!(decode(&bytes[..bytes.len() - 1], frames), None);
            assert_eq!(decode(&[], frames), None);
        }
    }
}
