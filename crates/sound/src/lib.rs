//! Signal processing on takes: pure functions of samples. This crate may know `music`, but no files or models.
//!
//! [`codec`] is the signal processing of the codec (its networks are in the crate `models`), [`finish`] applies effects to a stem,
//! [`listen`] detects onsets and pitches, [`measure`] measures the quality of a take, [`resample`] converts loops to another sample
//! rate, [`split`] separates drums.
//!
//! ```
//! use resonantgen_sound::resample::resample_loop;
//!
//! let second = vec![0.0; 48_000];
//! assert_eq!(resample_loop(&second, 44_100).len(), 44_100);
//! ```

pub mod audio;
pub mod codec;
pub mod finish;
pub mod listen;
pub mod measure;
pub mod resample;
pub mod split;
pub mod tail;
