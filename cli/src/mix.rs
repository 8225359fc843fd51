//! `resonantgen mix`: a whole mix by a third-party text-to-music model.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use resonantgen_foreign::musicgen::bundle::MusicgenBundle;
use resonantgen_foreign::musicgen::{Choice, Musicgen};
use resonantgen_models::runtime::Runtime;

use crate::failure::Usage;
use crate::{interrupt, wave};

/// Arguments of `mix`.
#[derive(Debug, Args)]
pub struct Mix {
    /// What you want to hear
    prompt: String,
    /// WAV file to write
    output: PathBuf,
    /// Folder of a bundle of the family musicgen (made by training/resonant/export_musicgen.py)
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// Length in seconds
    #[arg(long, value_name = "N", default_value_t = 8.0)]
    seconds: f64,
    /// Seed of every random choice
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Strength of the prompt; 1 is without guidance and twice as fast [default: the bundle's]
    #[arg(long, value_name = "1..20")]
    guidance: Option<f32>,
    /// Confirm that you have read and accept the licence of the bundle's weights
    #[arg(long)]
    accept_licence: bool,
}

/// Generates the mix.
///
/// # Errors
/// Returns an error if the licence was not accepted, or bundle, runtime or file cannot be used; nothing is written then.
pub fn run(arguments: &Mix) -> Result<ExitCode> {
    interrupt::listen()?;
    let bundle = MusicgenBundle::open(&arguments.bundle)?;
    let manifest = bundle.manifest();
    if !arguments.accept_licence {
        return Err(Usage(format!(
            "the weights of {} have the licence {}, which may forbid selling the output: read it, then add --accept-licence",
            manifest.id, manifest.licence
        ))
        .into());
    }
    eprintln!("{} {}, licence of its weights: {}", manifest.id, manifest.version, manifest.licence);
    let mut model = Musicgen::open(&bundle, &Runtime::open(None)?)?;
    if !(arguments.seconds > 0.0 && arguments.seconds <= model.longest_seconds()) {
        return Err(
            Usage(format!("this model makes at most {:.1} s at once", model.longest_seconds())).into()
        );
    }
    let defaults = model.defaults(arguments.seed);
    let choice = Choice { guidance: arguments.guidance.unwrap_or(defaults.guidance), ..defaults };
    if !(1.0..=20.0).contains(&choice.guidance) {
        return Err(Usage("the guidance is a number from 1 to 20".to_owned()).into());
    }
    let audio = model.generate(&arguments.prompt, arguments.seconds, choice, &|_| !interrupt::requested());
    interrupt::check()?;
    let audio = audio?;
    wave::write_mono(&arguments.output, &audio, model.sample_rate_hz())?;
    eprintln!(
        "{}: {:.2} s",
        arguments.output.display(),
        audio.len() as f64 / f64::from(model.sample_rate_hz())
    );
    Ok(ExitCode::SUCCESS)
}
