//! What the tracks of a piece share and play.
//!
//! Domain types and pure functions: no files, no models, no signal processing. [`plan`] holds tempo, key, meter and chords;
//! [`score`] the notes on their grid; [`harmony`] which pitches fit a chord; [`midi`] writes a score as a Standard MIDI File.
//!
//! ```
//! use resonantgen_music::plan::Chord;
//!
//! let chord: Chord = "Am7/G".parse()?;
//! assert_eq!(chord.pitch_classes().collect::<Vec<_>>().len(), 4);
//! # Ok::<(), resonantgen_music::plan::ParseChordError>(())
//! ```

pub mod harmony;
pub mod midi;
pub mod plan;
pub mod score;
pub mod track;
