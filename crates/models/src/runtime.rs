//! ONNX Runtime, opened at run time. The only module that sees `ort`.
//!
//! There is one runtime per process; networks are single-threaded and do not spin; each [`Network`] or [`StepNetwork`] has
//! one owner. A missing, wrong or outdated library is an error, never a panic: its version is checked before `ort` uses it.

mod library;
mod network;
mod placement;
mod prompted;
mod provider;
mod step;
mod verdicts;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;

pub use self::network::{Input, Network};
pub use self::placement::Placement;
pub use self::prompted::PromptedNetwork;
pub use self::provider::{PROVIDER_VARIABLE, Provider, ProviderChoice, ProviderStatus, UnknownProvider};
pub use self::step::StepNetwork;

/// Environment variable that names the runtime library or its folder.
pub const LIBRARY_VARIABLE: &str = "RESONANTGEN_RUNTIME";

/// Why the runtime library cannot be opened. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// No library was found in any of the known places.
    #[error(
        "no ONNX Runtime library was found (looked at {}); run `cargo xtask setup`, or reinstall",
        display_paths(.tried)
    )]
    NotFound {
        /// The places searched, in order.
        tried: Vec<PathBuf>,
    },
    /// The file is not a loadable library.
    #[error("{} cannot be loaded: {reason}; run `cargo xtask setup`, or reinstall", .path.display())]
    Unloadable {
        /// The file.
        path: PathBuf,
        /// The system's message.
        reason: String,
    },
    /// The library needs Microsoft's Visual C++ runtime, which this system lacks. Windows only.
    #[error(
        "{} needs the Visual C++ runtime, which this system lacks: install the \"Visual C++ Redistributable\" (x64) from \
         <https://aka.ms/vs/17/release/vc_redist.x64.exe>, then try again", .path.display()
    )]
    VisualCpp {
        /// The file.
        path: PathBuf,
    },
    /// The file is a library, but not ONNX Runtime.
    #[error("{} is not ONNX Runtime; run `cargo xtask setup`, or reinstall", .path.display())]
    Stranger {
        /// The file.
        path: PathBuf,
    },
    /// The library is too old.
    #[error(
        "{} is ONNX Runtime {found}, version 1.{needed} or newer is needed; run `cargo xtask setup`, or reinstall",
        .path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: String,
        /// Oldest supported minor version.
        needed: u32,
    },
    /// The library would send usage data to its maker.
    #[error(
        "{} is ONNX Runtime {found}, which reports how it is used to its maker: use 1.28, which `cargo xtask setup` fetches, or set \
         ORT_DISABLE_TELEMETRY=1 before the program starts",
        .path.display()
    )]
    Reports {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: String,
    },
    /// The library does not start.
    #[error("ONNX Runtime at {} does not start: {reason}; run `cargo xtask setup`, or reinstall", .path.display())]
    Start {
        /// The file.
        path: PathBuf,
        /// Its message.
        reason: String,
    },
}

fn display_paths(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Why a network cannot be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file is not a network that this runtime can run.
    #[error("{} cannot be loaded: {reason}; restore the bundle", .path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// The runtime's message.
        reason: String,
    },
    /// Its inputs or outputs differ from the manifest's.
    #[error("{}: {reason}; restore the bundle", .path.display())]
    Signature {
        /// The file.
        path: PathBuf,
        /// Which tensor, what was expected and what was found.
        reason: String,
    },
    /// The network failed during a run.
    #[error("{} failed: {reason}", .path.display())]
    Run {
        /// The file.
        path: PathBuf,
        /// The runtime's message.
        reason: String,
    },
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
}

/// The runtime of this process.
#[derive(Debug)]
pub struct Runtime {
    environment: Environment,
    version: String,
    path: PathBuf,
}

/// `ort` allows one environment per process, so it is never dropped.
static RUNTIME: Mutex<Option<Arc<Runtime>>> = Mutex::new(None);

impl Runtime {
    /// Opens the runtime, or returns the one that this process has already opened.
    ///
    /// `library` is the library's file or its folder; without it, the environment variable [`LIBRARY_VARIABLE`], the
    /// folder of the executable and `.setup/onnxruntime/` (in the working folder, the executable's folder and all
    /// their parents) are tried in this order. If a named library does not exist, that is an error.
    ///
    /// # Errors
    /// Returns an error if no library is found, or the one found is not ONNX Runtime in a supported version.
    pub fn open(library: Option<&Path>) -> Result<Arc<Self>, RuntimeError> {
        let path = library::find(library)?;
        let mut slot = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = slot.as_ref() {
            return Ok(Arc::clone(runtime));
        }
        let version = library::version(&path)?;
        let environment = ort::init_from(&path)
            .map_err(|error| RuntimeError::Start { path: path.clone(), reason: error.to_string() })?
            .with_name("resonantgen")
            .with_telemetry(false)
            // Failures are returned as errors; the runtime's own log would end up in a host's terminal.
            .with_logger(Arc::new(|_, _, _, _, _| {}))
            .build()
            .map_err(|error| RuntimeError::Start { path: path.clone(), reason: error.to_string() })?;
        let runtime = Arc::new(Self { environment, version, path });
        *slot = Some(Arc::clone(&runtime));
        Ok(runtime)
    }

    /// Version of the library, such as `1.31.0`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Path of the library.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}
