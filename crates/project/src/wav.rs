//! Loops and songs as WAV files.

use std::io::Cursor;

use super::Marker;
use super::mix::at_length;
use resonantgen_music::plan::Plan;
use resonantgen_take::{FULL_SCALE, StemAudio, TAKE_SAMPLE_RATE_HZ};

/// Allowed sample rates of WAV files in Hz.
pub(super) const RATE_RANGE_HZ: std::ops::RangeInclusive<u32> = 8_000..=384_000;

/// Sample format of a WAV file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SampleDepth {
    /// 16-bit integers, with triangular dither of two steps (Lipshitz, Wannamaker and Vanderkooy, "Quantization and
    /// Dither: A Theoretical Survey", JAES 40(5), 1992); silence stays silent.
    Int16,
    /// 24-bit integers, lossless: takes have 24 bits.
    #[default]
    Int24,
    /// 32-bit floating point in `-1.0..1.0`, lossless.
    Float32,
}

/// Metadata of a WAV file, in chunks after the audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WavNote {
    /// Name of the sound.
    pub name: String,
    /// What it is: tempo, key, prompt.
    pub comment: String,
    /// Its licence, in one line.
    pub licence: String,
    /// Identity of the take; at most 32 characters are kept.
    pub reference: String,
}

/// Adds `LIST`/`INFO` (Multimedia Programming Interface and Data Specifications 1.0, 1991) and `bext` (EBU Tech 3285, version 1)
/// to a WAV file. Dates are left blank, so that the same take gives the same file.
pub(super) fn with_note(mut file: Vec<u8>, note: &WavNote) -> Vec<u8> {
    let software = concat!("ResonantGen ", env!("CARGO_PKG_VERSION"));
    let mut info = b"INFO".to_vec();
    let texts = [(b"INAM", &note.name), (b"ICMT", &note.comment), (b"ICOP", &note.licence)];
    for (id, text) in texts.into_iter().map(|(id, text)| (id, text.as_str())).chain([(b"ISFT", software)]) {
        put_chunk(&mut info, id, &[text.as_bytes(), &[0]].concat());
    }
    let mut bext = Vec::with_capacity(602);
    let mut put = |text: &str, length: usize| {
        let ascii: String = text.chars().map(|letter| if letter.is_ascii() { letter } else { '?' }).collect();
        bext.extend(ascii.bytes().chain(std::iter::repeat(0)).take(length));
    };
    put(&format!("{} {} {}", note.name, note.comment, note.licence), 256);
    put("ResonantGen", 32);
    put(&note.reference, 32);
    // Date, time, first sample, version, and what versions 1 and 2 add.
    put("", 10 + 8 + 8);
    bext.extend(1_u16.to_le_bytes());
    bext.resize(602, 0);
    put_chunk(&mut file, b"LIST", &info);
    put_chunk(&mut file, b"bext", &bext);
    let length = u32::try_from(file.len() - 8).unwrap_or(u32::MAX);
    file[4..8].copy_from_slice(&length.to_le_bytes());
    file
}

/// Appends a RIFF chunk, padded to an even length.
fn put_chunk(bytes: &mut Vec<u8>, id: &[u8; 4], content: &[u8]) {
    bytes.extend(id);
    bytes.extend((content.len() as u32).to_le_bytes());
    bytes.extend(content);
    if !content.len().is_multiple_of(2) {
        bytes.push(0);
    }
}

/// A stereo WAV file of a loop, exactly as long as its plan at `sample_rate_hz`.
pub(super) fn wav(audio: &StemAudio, plan: &Plan, sample_rate_hz: u32, depth: SampleDepth) -> Vec<u8> {
    wav_of(&at_length(audio, plan.audio_frames(sample_rate_hz)), sample_rate_hz, depth)
}

/// A stereo WAV file of a song at [`TAKE_SAMPLE_RATE_HZ`], resampled to `sample_rate_hz`, with a cue point and a label at each
/// marker.
#[must_use]
pub fn song_wav(audio: &StemAudio, markers: &[Marker], sample_rate_hz: u32, depth: SampleDepth) -> Vec<u8> {
    let frames = audio.len() as f64 * f64::from(sample_rate_hz) / f64::from(TAKE_SAMPLE_RATE_HZ);
    let mut file = wav_of(&at_length(audio, frames.round() as usize), sample_rate_hz, depth);
    let places: Vec<(u32, &str)> = markers
        .iter()
        .map(|marker| ((marker.seconds * f64::from(sample_rate_hz)).round() as u32, marker.name.as_str()))
        .collect();
    file.extend_from_slice(&marks(&places));
    let size = (file.len() - 8) as u32;
    file[4..8].copy_from_slice(&size.to_le_bytes());
    file
}

/// The chunks `cue ` and `LIST adtl` for named positions in audio frames ("Multimedia Programming Interface and Data
/// Specifications 1.0", IBM and Microsoft 1991, pages 3-14 to 3-19).
fn marks(places: &[(u32, &str)]) -> Vec<u8> {
    let chunk = |id: &[u8; 4], body: &[u8]| -> Vec<u8> {
        let mut chunk = [id.as_slice(), &(body.len() as u32).to_le_bytes(), body].concat();
        if !body.len().is_multiple_of(2) {
            chunk.push(0);
        }
        chunk
    };
    let mut cues = (places.len() as u32).to_le_bytes().to_vec();
    let mut labels = b"adtl".to_vec();
    for (index, (frame, name)) in places.iter().enumerate() {
        let id = (index as u32 + 1).to_le_bytes();
        let frame = frame.to_le_bytes();
        cues.extend([id.as_slice(), &frame, b"data", &[0; 8], &frame].concat());
        labels.extend(chunk(b"labl", &[id.as_slice(), name.as_bytes(), &[0]].concat()));
    }
    [chunk(b"cue ", &cues), chunk(b"LIST", &labels)].concat()
}

fn wav_of(audio: &StemAudio, sample_rate_hz: u32, depth: SampleDepth) -> Vec<u8> {
    let (bits_per_sample, sample_format) = match depth {
        SampleDepth::Int16 => (16, hound::SampleFormat::Int),
        SampleDepth::Int24 => (24, hound::SampleFormat::Int),
        SampleDepth::Float32 => (32, hound::SampleFormat::Float),
    };
    let spec = hound::WavSpec { channels: 2, sample_rate: sample_rate_hz, bits_per_sample, sample_format };
    let size = usize::from(bits_per_sample / 8) * 2 * audio.len();
    let mut file = Cursor::new(Vec::with_capacity(size + 4_096));
    let writer = hound::WavWriter::new(&mut file, spec).expect("memory takes the header");
    writer.finalize().expect("memory takes the header");
    // The samples go in at once, and the sizes after them: sample by sample, songs took twice as long to write.
    let mut file = file.into_inner();
    let header = file.len();
    let frames = audio.left.iter().zip(&audio.right).map(|(left, right)| [*left, *right]);
    debug_assert!(
        frames.clone().flatten().all(|sample| (-8_388_608..=8_388_607).contains(&sample)),
        "24 bits"
    );
    match depth {
        SampleDepth::Int16 => {
            for (index, sample) in frames.flatten().enumerate() {
                file.extend_from_slice(&dithered(sample, index as u64).to_le_bytes());
            }
        }
        SampleDepth::Int24 => {
            for [[a, b, c, _], [d, e, f, _]] in frames.map(|frame| frame.map(i32::to_le_bytes)) {
                file.extend_from_slice(&[a, b, c, d, e, f]);
            }
        }
        SampleDepth::Float32 => {
            for sample in frames.flatten() {
                file.extend_from_slice(&(sample as f32 / FULL_SCALE).to_le_bytes());
            }
        }
    }
    let length_of = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
    let riff = length_of(file.len() - 8);
    file[4..8].copy_from_slice(&riff);
    file[header - 4..header].copy_from_slice(&length_of(size));
    file
}

/// Converts a 24-bit sample to 16 bits. The dither depends only on the position, so that the same take gives the same file.
fn dithered(sample: i32, index: u64) -> i16 {
    if sample == 0 {
        return 0;
    }
    // SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
    let mut bits = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    let uniform = |bits: u64| (bits & 0xffff) as f32 / 65_536.0;
    let noise = uniform(bits) - uniform(bits >> 32);
    (sample as f32 / 256.0 + noise).round().clamp(f32::from(i16::MIN), f32::from(i16::MAX)) as i16
}
