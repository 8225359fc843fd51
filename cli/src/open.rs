//! Finding the models and opening the engine.

use std::path::{Path, PathBuf};

use anyhow::Result;
use resonantgen_models::generator::{Engine, EngineOptions};

use crate::args::Models;

/// The bundle's place within an installation or the repository.
const BUNDLE: &str = "models/resonant";

/// Folder of the model bundle: the given one, else that in `RESONANTGEN_BUNDLE`, else `models/resonant` next to the program,
/// in a folder above it, or in the working directory.
pub fn bundle_folder(models: &Models) -> PathBuf {
    if let Some(folder) = &models.bundle {
        return folder.clone();
    }
    if let Some(folder) = std::env::var_os("RESONANTGEN_BUNDLE") {
        return folder.into();
    }
    let program = std::env::current_exe().unwrap_or_default();
    program
        .ancestors()
        .skip(1)
        .chain([Path::new("")])
        .map(|folder| folder.join(BUNDLE))
        .find(|folder| folder.join("manifest.json").is_file())
        .unwrap_or_else(|| BUNDLE.into())
}

/// The options to open the engine with.
///
/// # Errors
/// Returns an error if an environment variable has an invalid value.
pub fn options(models: &Models) -> Result<EngineOptions> {
    let defaults = EngineOptions::with_environment(bundle_folder(models))?;
    Ok(EngineOptions {
        threads: models.threads.map_or(defaults.threads, usize::from),
        provider: models.provider.unwrap_or_default(),
        ..defaults
    })
}

/// Opens the engine. No network is loaded yet.
///
/// # Errors
/// Returns an error if the runtime or the bundle is missing or damaged; the message says what to do.
pub fn engine(models: &Models) -> Result<Engine> {
    Ok(Engine::open(&options(models)?)?)
}
