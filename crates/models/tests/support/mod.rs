//! What the tests with the shipped models share.

use std::path::{Path, PathBuf};

use resonantgen_models::generator::{Engine, EngineOptions};

/// The shipped bundle on one thread.
pub fn engine() -> Engine {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let runtime = std::env::var_os("RESONANTGEN_RUNTIME").filter(|value| !value.is_empty());
    let runtime = runtime.map_or_else(|| repository.join(".setup/onnxruntime"), PathBuf::from);
    let options = EngineOptions {
        runtime_library: Some(runtime),
        threads: 1,
        ..EngineOptions::new(repository.join("models/resonant"))
    };
    Engine::open(&options).unwrap()
}
