//! `resonantgen codec`: third-party neural audio codecs.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use resonantgen_foreign::encodec::bundle::{CodecRecord, EncodecBundle};
use resonantgen_foreign::encodec::{Encodec, TokensFile, resample};
use resonantgen_models::runtime::Runtime;
use resonantgen_project::read_file;

use crate::failure::Usage;
use crate::{interrupt, wave};

/// Most bytes of a file of tokens.
const TOKENS_BYTES: u64 = 256 << 20;

/// Arguments of `codec`.
#[derive(Debug, Args)]
pub struct Codec {
    /// Encode or decode.
    #[command(subcommand)]
    direction: Direction,
}

#[derive(Debug, Subcommand)]
enum Direction {
    /// Convert a WAV file to tokens (mixed down to mono, at the codec's rate)
    Encode(Encode),
    /// Convert tokens to a WAV file
    Decode(Decode),
}

#[derive(Debug, Args)]
struct Encode {
    /// WAV file to encode
    input: PathBuf,
    /// Token file to write
    output: PathBuf,
    /// Folder of a bundle of the family encodec (made by training/resonant/export_encodec.py)
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// Bit rate in kilobits per second [default: the codec's highest]
    #[arg(long, value_name = "KBPS")]
    bandwidth: Option<f64>,
}

#[derive(Debug, Args)]
struct Decode {
    /// Token file to decode
    input: PathBuf,
    /// WAV file to write
    output: PathBuf,
    /// Folder of the bundle that made the tokens
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
}

/// Encodes or decodes.
///
/// # Errors
/// Returns an error if bundle, runtime or file cannot be used; nothing is written then.
pub fn run(arguments: &Codec) -> Result<ExitCode> {
    interrupt::listen()?;
    match &arguments.direction {
        Direction::Encode(arguments) => encode(arguments),
        Direction::Decode(arguments) => decode(arguments),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn open(folder: &std::path::Path) -> Result<(EncodecBundle, Encodec)> {
    let bundle = EncodecBundle::open(folder)?;
    let manifest = bundle.manifest();
    eprintln!("{} {}, licence of its weights: {}", manifest.id, manifest.version, manifest.licence);
    let codec = Encodec::open(&bundle, &Runtime::open(None)?)?;
    Ok((bundle, codec))
}

/// Number of codebooks for the requested bit rate.
fn codebooks(record: &CodecRecord, kbps: Option<f64>) -> Result<usize> {
    let Some(kbps) = kbps else { return Ok(record.codebooks) };
    let found = record.bandwidths.iter().find(|bandwidth| (bandwidth.kbps - kbps).abs() < 1e-6);
    let offers = || record.bandwidths.iter().map(|one| one.kbps.to_string()).collect::<Vec<_>>().join(", ");
    let found =
        found.ok_or_else(|| Usage(format!("this codec supports bandwidths of {} kbit/s", offers())))?;
    Ok(found.codebooks)
}

fn encode(arguments: &Encode) -> Result<()> {
    let (bundle, mut codec) = open(&arguments.bundle)?;
    let codebooks = codebooks(codec.record(), arguments.bandwidth)?;
    let (audio, rate) = wave::read_mono(&arguments.input)?;
    let audio = resample(&audio, rate, codec.record().sample_rate_hz);
    let codes = codec.encode(&audio, codebooks, &interrupt::requested);
    interrupt::check()?;
    let codes = codes?;
    let count = codes.values.len();
    let tokens = TokensFile::new(&bundle.manifest().id, codec.record(), codes);
    wave::write(&arguments.output, &tokens.to_bytes())?;
    eprintln!("{}: {count} codes in {codebooks} codebooks", arguments.output.display());
    Ok(())
}

fn decode(arguments: &Decode) -> Result<()> {
    let bytes = read_file(&arguments.input, TOKENS_BYTES)
        .with_context(|| format!("cannot read {}", arguments.input.display()))?;
    let tokens = TokensFile::from_bytes(&bytes)
        .with_context(|| format!("cannot use {}", arguments.input.display()))?;
    let (bundle, mut codec) = open(&arguments.bundle)?;
    let record = codec.record();
    if (tokens.sample_rate_hz, tokens.hop, tokens.entries)
        != (record.sample_rate_hz, record.hop, record.entries)
    {
        return Err(Usage(format!(
            "{} was made with the bundle {}, not with {}: use that bundle",
            arguments.input.display(),
            tokens.bundle,
            bundle.manifest().id
        ))
        .into());
    }
    let audio = codec.decode(&tokens.codes, &interrupt::requested);
    interrupt::check()?;
    let audio = audio?;
    wave::write_mono(&arguments.output, &audio, tokens.sample_rate_hz)?;
    eprintln!(
        "{}: {:.2} s",
        arguments.output.display(),
        audio.len() as f64 / f64::from(tokens.sample_rate_hz)
    );
    Ok(())
}
