//! Signal processing on takes: pure functions of samples, no files and no models.
//!
//! [`codec`] turns tokens and scores into sound (the network between them lives in the models' crate), [`listen`] hears onsets
//! and pitches in audio, [`measure`] tells how good a take is, [`resample`] brings loops to another rate.
//!
//! ```
//! use resonantgen_sound::resample::resample_loop;
//!
//! let second = vec![0.0; 48_000];
//! assert_eq!(resample_loop(&second, 44_100).len(), 44_100);
//! ```

pub mod audio;
pub mod codec;
pub mod listen;
pub mod measure;
pub mod resample;
