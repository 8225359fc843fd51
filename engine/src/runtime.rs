//! ONNX Runtime, opened at run time. The only module that sees `ort`.

use std::path::PathBuf;

/// The runtime library could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// No library was found at any of the known places.
    #[error(
        "no ONNX Runtime library was found (looked at {}); run `cargo xtask setup`, or reinstall",
        display_paths(.tried)
    )]
    NotFound {
        /// Places that were looked at, in order.
        tried: Vec<PathBuf>,
    },
}

fn display_paths(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
