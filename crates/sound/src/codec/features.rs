//! Score features at 100 Hz: what the networks see of the notes.
//!
//! Twin of `training/resonant/features.py`, tested against its goldens. Feature frame `j` is at `j * 10 ms`; a row's value
//! is the maximum over the notes that fall on it.

use super::TimedNote;
use resonantgen_music::score::{DRUM_CLASS_COUNT, DrumClass};

const LOW_PITCH: u8 = 24;
const HIGH_PITCH: u8 = 107;
const PITCH_ROWS: usize = (HIGH_PITCH - LOW_PITCH) as usize + 1;
/// Rows of the features of a tonal track.
pub const TONAL_ROWS: usize = 4 * PITCH_ROWS;
/// Rows of the features of the drum track.
pub const DRUM_ROWS: usize = 5 * DRUM_CLASS_COUNT;

/// Half a feature frame in seconds: features look this far ahead.
const AHEAD_S: f64 = 0.005;
const ONSET_TAU_S: f64 = 0.06;
const ONSET_CUT_S: f64 = 1.0;
const RELEASE_TAU_S: f64 = 0.15;
const RELEASE_CUT_S: f64 = 1.5;
const HELD_TAU_S: f64 = 0.8;
const DRUM_TAUS_S: [f64; 4] = [0.015, 0.06, 0.25, 1.0];
const DRUM_CUT_TAUS: f64 = 5.0;

/// Score features, row-major `[rows, feature_frames]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// Number of rows.
    pub rows: usize,
    /// Number of feature frames.
    pub feature_frames: usize,
    /// Values in `0.0..=1.0`.
    pub values: Vec<f32>,
}

impl Features {
    fn new(rows: usize, feature_frames: usize) -> Self {
        Self { rows, feature_frames, values: vec![0.0; rows * feature_frames] }
    }

    fn raise(&mut self, row: usize, feature_frame: usize, value: f64) {
        let cell = &mut self.values[row * self.feature_frames + feature_frame];
        *cell = cell.max(value as f32);
    }

    /// The feature frames `first..first + count` of all rows, row-major.
    ///
    /// # Panics
    /// Panics if the range reaches past the last feature frame.
    #[must_use]
    pub fn window(&self, first: usize, count: usize) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.rows * count);
        for row in self.values.chunks_exact(self.feature_frames) {
            values.extend_from_slice(&row[first..first + count]);
        }
        values
    }
}

/// The first feature frame at or after `seconds`.
fn frame_at_or_after(seconds: f64) -> usize {
    (seconds * 100.0 - 1e-9).ceil().max(0.0) as usize
}

fn seconds_of(feature_frame: usize) -> f64 {
    feature_frame as f64 / 100.0
}

/// Features of a tonal track, `[`[`TONAL_ROWS`]`, feature_frames]`: per pitch the sounding part (A), a trace since the
/// onset (B), a trace since the release (C), and a slow trace while held (D). Pitches outside the range are folded by
/// octaves.
#[must_use]
pub fn tonal(notes: &[TimedNote], feature_frames: usize) -> Features {
    let mut features = Features::new(TONAL_ROWS, feature_frames);
    for note in notes {
        let mut pitch = note.pitch;
        while pitch < LOW_PITCH {
            pitch += 12;
        }
        while pitch > HIGH_PITCH {
            pitch -= 12;
        }
        let row = usize::from(pitch - LOW_PITCH);
        let velocity = f64::from(note.velocity) / 127.0;
        for frame in frame_at_or_after(note.on - AHEAD_S)..feature_frames {
            let time = seconds_of(frame);
            if time - AHEAD_S >= note.off {
                break;
            }
            let overlap = (time + AHEAD_S).min(note.off) - (time - AHEAD_S).max(note.on);
            if overlap > 0.0 {
                features.raise(row, frame, velocity * (overlap / (2.0 * AHEAD_S)).min(1.0));
            }
        }
        for frame in frame_at_or_after(note.on - AHEAD_S)..feature_frames {
            let since = (seconds_of(frame) - note.on).max(0.0);
            if since >= ONSET_CUT_S {
                break;
            }
            features.raise(PITCH_ROWS + row, frame, velocity * (-since / ONSET_TAU_S).exp());
        }
        for frame in frame_at_or_after(note.off)..feature_frames {
            let since = (seconds_of(frame) - note.off).max(0.0);
            if since >= RELEASE_CUT_S {
                break;
            }
            features.raise(2 * PITCH_ROWS + row, frame, velocity * (-since / RELEASE_TAU_S).exp());
        }
        for frame in frame_at_or_after(note.on)..feature_frames {
            let time = seconds_of(frame);
            if time >= note.off {
                break;
            }
            let since = (time - note.on).max(0.0);
            features.raise(3 * PITCH_ROWS + row, frame, velocity * (-since / HELD_TAU_S).exp());
        }
    }
    features
}

/// Features of the drum track, `[`[`DRUM_ROWS`]`, feature_frames]`: per class the hit at its nearest feature frame, then
/// four traces of increasing length. Keys without a drum class are skipped.
#[must_use]
pub fn drums(notes: &[TimedNote], feature_frames: usize) -> Features {
    let mut features = Features::new(DRUM_ROWS, feature_frames);
    for note in notes {
        let Some(class) = DrumClass::from_key(note.pitch).map(DrumClass::index) else { continue };
        let velocity = f64::from(note.velocity) / 127.0;
        let nearest = (note.on * 100.0 + 0.5).floor();
        if nearest >= 0.0 && (nearest as usize) < feature_frames {
            features.raise(class, nearest as usize, velocity);
        }
        for (trace, tau) in DRUM_TAUS_S.into_iter().enumerate() {
            let row = DRUM_CLASS_COUNT * (trace + 1) + class;
            for frame in frame_at_or_after(note.on - AHEAD_S)..feature_frames {
                let since = (seconds_of(frame) - note.on).max(0.0);
                if since >= DRUM_CUT_TAUS * tau {
                    break;
                }
                features.raise(row, frame, velocity * (-since / tau).exp());
            }
        }
    }
    features
}
