//! Loops and songs as WAV files.

use std::io::Cursor;

use super::{Marker, resample_loop};
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

/// A stereo WAV file of a loop, exactly as long as its plan at `sample_rate_hz`.
pub(super) fn wav(audio: &StemAudio, plan: &Plan, sample_rate_hz: u32, depth: SampleDepth) -> Vec<u8> {
    wav_of(&resample_loop(audio, plan.audio_frames(sample_rate_hz)), sample_rate_hz, depth)
}

/// A stereo WAV file of a song of [`TAKE_SAMPLE_RATE_HZ`], with a cue point and a label at each marker.
pub(super) fn song_wav(
    audio: &StemAudio,
    markers: &[Marker],
    sample_rate_hz: u32,
    depth: SampleDepth,
) -> Vec<u8> {
    let frames = audio.len() as f64 * f64::from(sample_rate_hz) / f64::from(TAKE_SAMPLE_RATE_HZ);
    let mut file = wav_of(&resample_loop(audio, frames.round() as usize), sample_rate_hz, depth);
    let places: Vec<(u32, &str)> = markers
        .iter()
        .map(|marker| ((marker.seconds * f64::from(sample_rate_hz)).round() as u32, marker.name.as_str()))
        .collect();
    file.extend_from_slice(&marks(&places));
    let size = (file.len() - 8) as u32;
    file[4..8].copy_from_slice(&size.to_le_bytes());
    file
}

/// The chunks `cue ` and `LIST adtl` of places in audio frames with names ("Multimedia Programming Interface and Data
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
    let mut file = Cursor::new(Vec::with_capacity(8 * audio.len() + 128));
    let mut writer = hound::WavWriter::new(&mut file, spec).expect("memory takes the header");
    let interleaved = audio.left.iter().zip(&audio.right).flat_map(|(left, right)| [*left, *right]);
    for (index, sample) in interleaved.enumerate() {
        match depth {
            SampleDepth::Int16 => writer.write_sample(dithered(sample, index as u64)),
            SampleDepth::Int24 => writer.write_sample(sample),
            SampleDepth::Float32 => writer.write_sample(sample as f32 / FULL_SCALE),
        }
        .expect("memory takes the sample");
    }
    writer.finalize().expect("memory takes the header");
    file.into_inner()
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
