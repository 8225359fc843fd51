//! Whole bars that were recorded in time, in place of a file.

use symphonia::core::audio::Channels;

use super::decode::{Facts, Fault, Piece, Reader};
use resonantgen_music::plan::Meter;

/// Audio frames read at a time.
const FRAMES: usize = 4_096;

/// A recording of whole bars that begins on a bar line, for example of a plugin's input.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Left side.
    pub left: Vec<f32>,
    /// Right side, as long as the left one.
    pub right: Vec<f32>,
    /// Audio frames per second.
    pub rate_hz: u32,
    /// Tempo in quarter notes per minute.
    pub bpm: f64,
    /// Number of bars.
    pub bars: u32,
    /// Meter of the bars.
    pub meter: Meter,
}

/// Reads a recording.
pub(super) struct Tape<'a> {
    recording: &'a Recording,
    facts: Facts,
    at: usize,
    piece: Vec<f32>,
}

impl<'a> Tape<'a> {
    pub(super) fn new(recording: &'a Recording) -> Self {
        let facts = Facts {
            rate_hz: recording.rate_hz,
            channels: Channels::FRONT_LEFT | Channels::FRONT_RIGHT,
            frames: Some(recording.left.len() as u64),
            is_exact: true,
            bpm: Some(recording.bpm),
            remarks: Vec::new(),
        };
        Self { recording, facts, at: 0, piece: Vec::new() }
    }
}

impl Reader for Tape<'_> {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn next(&mut self) -> Result<Option<Piece<'_>>, Fault> {
        let Recording { left, right, .. } = self.recording;
        let to = (self.at + FRAMES).min(left.len()).min(right.len());
        if to <= self.at {
            return Ok(None);
        }
        let pairs = left[self.at..to].iter().zip(&right[self.at..to]);
        self.piece.clear();
        self.piece.extend(pairs.flat_map(|(left, right)| [*left, *right]));
        self.at = to;
        Ok(Some(Piece::Sound(&self.piece)))
    }
}
