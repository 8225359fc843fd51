//! Third-party models: EnCodec codecs and MusicGen, exported by the training code.
//!
//! Their weights keep their makers' licences. This crate may know `models`. Takes can be generated without it.
//!
//! ```no_run
//! use resonantgen_foreign::encodec::TokensFile;
//!
//! let tokens = TokensFile::from_bytes(&std::fs::read("loop.tokens")?)?;
//! println!("{} codebooks", tokens.codes.codebooks);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod encodec;
pub mod musicgen;

use resonantgen_models::bundle::manifest::Refusal;

/// Checks the text of a manifest of the family `encodec` or `musicgen`.
///
/// # Errors
/// Returns why neither family accepts it.
pub fn check_manifest(text: &str) -> Result<(), Refusal> {
    let encodec = encodec::bundle::Manifest::parse(text).map(drop);
    encodec.or_else(|_| musicgen::bundle::Manifest::parse(text).map(drop))
}
