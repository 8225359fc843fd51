//! Takes' audio as FLAC, the lossless format in which sessions store it.

use std::io::Cursor;
use std::sync::Arc;

use flac_codec::decode::FlacSampleReader;
use flac_codec::encode::{FlacSampleWriter, Options};

use sha2::{Digest, Sha256};

use super::remembered::Remembered;
use hex::encode as hex;
use resonantgen_take::{StemAudio, TAKE_SAMPLE_RATE_HZ};

/// A take's audio as it is stored.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    /// The FLAC file.
    pub(super) bytes: Arc<[u8]>,
    /// SHA-256 of the bytes, in hex.
    pub(super) sha256: String,
}

impl Packed {
    /// Hashes newly encoded or read bytes.
    pub(super) fn new(bytes: Arc<[u8]>) -> Self {
        let sha256 = hex(Sha256::digest(&bytes));
        Self { bytes, sha256 }
    }
}

/// Recently encoded audio.
static ENCODED: Remembered<Packed> = Remembered::new();

/// The FLAC of `audio`, if it is still known.
pub(super) fn known(audio: &Arc<StemAudio>) -> Option<Packed> {
    ENCODED.known(audio)
}

/// Records the FLAC of `audio`. A sleeping take has an empty `Arc` of its own, by which its FLAC is found.
pub(super) fn note(audio: &Arc<StemAudio>, packed: Packed) {
    ENCODED.put(audio, packed);
}

/// Encodes audio; the same `Arc` is encoded only once. `None` for a sleeping take without FLAC, and if the encoder fails, which
/// it does not for valid 24-bit audio.
pub(super) fn encode(audio: &Arc<StemAudio>) -> Option<Packed> {
    ENCODED.get(audio, || encode_anew(audio))
}

/// As [`encode`], but does not keep the FLAC in memory: for what is not saved again.
pub(super) fn encode_once(audio: &Arc<StemAudio>) -> Option<Packed> {
    known(audio).or_else(|| encode_anew(audio))
}

fn encode_anew(audio: &StemAudio) -> Option<Packed> {
    if audio.is_empty() {
        return None;
    }
    let interleaved: Vec<i32> =
        audio.left.iter().zip(&audio.right).flat_map(|(left, right)| [*left, *right]).collect();
    let mut file = Cursor::new(Vec::new());
    // Three times as fast as the default, and 4 % larger: hosts save on their main thread, possibly right after a generation.
    let options = Options::fast().no_padding().no_seektable();
    let count = interleaved.len() as u64;
    let mut writer =
        FlacSampleWriter::new(&mut file, options, TAKE_SAMPLE_RATE_HZ, 24, 2, Some(count)).ok()?;
    writer.write(&interleaved).ok()?;
    writer.finalize().ok()?;
    Some(Packed::new(file.into_inner().into()))
}

/// Decodes stereo audio of exactly `audio_frames`; `None` if it is damaged or anything else.
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
        // Damaged data must not fill the memory.
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
