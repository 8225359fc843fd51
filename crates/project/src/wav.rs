//! Loops as WAV files.

use std::io::Cursor;

use super::resample_loop;
use resonantgen_music::plan::Plan;
use resonantgen_take::{FULL_SCALE, StemAudio};

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
    let audio = resample_loop(audio, plan.audio_frames(sample_rate_hz));
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
