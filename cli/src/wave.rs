//! Reads and writes plain WAV files, for commands that work on a single file.

use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Result, bail};
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use resonantgen_project::{Audience, open_file, write_file};

/// Longest accepted file, in samples over all channels.
const LONGEST: u32 = 1 << 28;
const FULL_SCALE: f32 = 8_388_608.0;

/// A WAV file mixed down to mono, in `-1.0..=1.0`, and its rate in audio frames per second.
///
/// # Errors
/// Returns an error if the file cannot be read as WAV, has no channels or no rate, is too long, or has non-finite samples.
pub fn read_mono(path: &Path) -> Result<(Vec<f32>, u32)> {
    let mut reader = open_file(path)
        .map_err(hound::Error::IoError)
        .and_then(|file| WavReader::new(BufReader::new(file)))
        .with_context(|| format!("cannot read {} as a WAV file", path.display()))?;
    let spec = reader.spec();
    if reader.len() > LONGEST || spec.channels == 0 || spec.sample_rate == 0 {
        bail!("{} is too long, or has no channels or no rate", path.display());
    }
    let samples: Vec<f32> = match spec.sample_format {
        SampleFormat::Float => reader.samples::<f32>().collect::<hound::Result<_>>(),
        SampleFormat::Int => {
            let scale = 1.0 / (1_i64 << (spec.bits_per_sample - 1)) as f32;
            reader.samples::<i32>().map(|sample| Ok(sample? as f32 * scale)).collect::<hound::Result<_>>()
        }
    }
    .with_context(|| format!("{} is damaged", path.display()))?;
    if samples.iter().any(|sample| !sample.is_finite()) {
        bail!("{} contains samples that are not finite numbers", path.display());
    }
    let channels = usize::from(spec.channels);
    let mono = samples.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32);
    Ok((mono.collect(), spec.sample_rate))
}

/// Writes mono audio as a 24-bit WAV file, atomically: the file is either the old or the new one, never half of it.
///
/// # Errors
/// Returns an error if the file cannot be written.
pub fn write_mono(path: &Path, audio: &[f32], sample_rate_hz: u32) -> Result<()> {
    let spec = WavSpec {
        channels: 1,
        sample_rate: sample_rate_hz,
        bits_per_sample: 24,
        sample_format: SampleFormat::Int,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec)?;
    for sample in audio {
        writer.write_sample((sample * FULL_SCALE).round().clamp(-FULL_SCALE, FULL_SCALE - 1.0) as i32)?;
    }
    writer.finalize()?;
    write(path, bytes.get_ref())
}

/// Writes a file atomically.
///
/// # Errors
/// Returns an error if the file cannot be written, or a folder, a named pipe or a device has its name.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_file(path, bytes, Audience::Everyone).with_context(|| format!("cannot write {}", path.display()))
}
