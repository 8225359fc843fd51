//! Models of other makers: EnCodec codecs and MusicGen, exported by the training code.
//!
//! Their weights stay under their makers' licences; nothing of the product depends on this crate.
//!
//! ```no_run
//! use crate::encodec::TokensFile;
//!
//! let tokens = TokensFile::read("loop.tokens".as_ref())?;
//! println!("{} codebooks", tokens.codes.codebooks);
//! # Ok::<(), crate::encodec::TokensError>(())
//! ```

pub mod encodec;
pub mod musicgen;

use resonantgen_models::bundle::manifest::Refusal;

/// Checks the text of a manifest of family `encodec` or `musicgen`.
///
/// # Errors
/// Returns why neither family accepts it.
pub fn check_manifest(text: &str) -> Result<(), Refusal> {
    let encodec = encodec::bundle::Manifest::parse(text).map(drop);
    encodec.or_else(|_| musicgen::bundle::Manifest::parse(text).map(drop))
}
