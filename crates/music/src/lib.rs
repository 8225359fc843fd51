//! Music theory and notation: domain types and pure functions.
//!
//! [`plan`] has tempo, key, meter and chords, [`score`] the notes on the grid, [`harmony`] decides which pitches fit a chord,
//! [`reharmonise`] moves a part to other chords, [`variation`] thins it out or enriches it, and [`midi`] writes Standard MIDI Files. This
//! crate knows no other crate, and nothing of files, models or signal processing.
//!
//! ```
//! use resonantgen_music::plan::Chord;
//!
//! let chord: Chord = "Am7".parse()?;
//! assert_eq!(chord.pitch_classes().collect::<Vec<_>>().len(), 4);
//! # Ok::<(), resonantgen_music::plan::ParseChordError>(())
//! ```

pub mod harmony;
pub mod midi;
pub mod plan;
pub mod recognise;
pub mod reharmonise;
pub mod score;
pub mod track;
pub mod variation;
