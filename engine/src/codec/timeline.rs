//! Unrolls a loop onto the codec's time line, and closes the loop again.
//!
//! The time line starts a pre-roll before the loop, so that the networks' context and the tails of the loop's end are
//! there when the loop starts, and ends a post-roll after it, for the networks' look-ahead.

use super::{CODEC_HOP, FEATURES_PER_CODEC_FRAME, SAMPLE_RATE_HZ, TimedNote, excitation::Window};
use crate::plan::Plan;
use crate::score::Score;

/// Pre-roll and post-roll in codec frames: more than the networks' receptive fields to each side (0.7 s).
const ROLL_CODEC_FRAMES: usize = 48;
/// Samples over which the loop's end is faded into the pre-roll's end.
const SEAM_SAMPLES: usize = SAMPLE_RATE_HZ as usize / 200;
/// Seconds that a note is felt after its end by any feature or stream.
const LONGEST_TAIL_S: f64 = 5.0;

/// Where a loop lies on the codec's time line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeline {
    loop_samples: usize,
}

impl Timeline {
    /// The time line of a loop of `loop_samples` samples at [`SAMPLE_RATE_HZ`].
    #[must_use]
    pub const fn new(loop_samples: usize) -> Self {
        Self { loop_samples }
    }

    /// Samples of the loop.
    #[must_use]
    pub const fn loop_samples(&self) -> usize {
        self.loop_samples
    }

    /// The loop's first sample on the time line.
    #[must_use]
    pub const fn loop_first(&self) -> usize {
        ROLL_CODEC_FRAMES * CODEC_HOP
    }

    /// Codec frames of the whole time line.
    #[must_use]
    pub const fn codec_frames(&self) -> usize {
        2 * ROLL_CODEC_FRAMES + self.loop_samples.div_ceil(CODEC_HOP)
    }

    /// The codec frames that cover the loop.
    #[must_use]
    pub const fn loop_codec_frames(&self) -> std::ops::Range<usize> {
        ROLL_CODEC_FRAMES..ROLL_CODEC_FRAMES + self.loop_samples.div_ceil(CODEC_HOP)
    }

    /// Feature frames of the whole time line.
    #[must_use]
    pub const fn feature_frames(&self) -> usize {
        self.codec_frames() * FEATURES_PER_CODEC_FRAME
    }

    /// The whole time line in samples.
    #[must_use]
    pub const fn window(&self) -> Window {
        Window { first: 0, samples: self.codec_frames() * CODEC_HOP }
    }

    /// The notes of `score` in seconds on the time line, repeated as the loop is, sorted by (on, pitch).
    #[must_use]
    pub fn unroll(&self, score: &Score, plan: &Plan) -> Vec<TimedNote> {
        let rate = f64::from(SAMPLE_RATE_HZ);
        let end = self.window().samples as f64 / rate;
        let mut notes = Vec::new();
        for note in &score.notes {
            let start = f64::from(note.step) + f64::from(note.offset);
            let on = plan.seconds_at(start);
            let off = plan.seconds_at(start + f64::from(note.length));
            // Whole samples per repetition keep every stream exactly periodic.
            let shift = |repetition: i64| {
                (self.loop_first() as f64 + (repetition * self.loop_samples as i64) as f64) / rate
            };
            let mut repetition = 0;
            while off + shift(repetition - 1) + LONGEST_TAIL_S > 0.0 {
                repetition -= 1;
            }
            while on + shift(repetition) < end {
                let shift = shift(repetition);
                notes.push(TimedNote {
                    on: on + shift,
                    off: off + shift,
                    pitch: note.pitch,
                    velocity: note.velocity,
                });
                repetition += 1;
            }
        }
        notes.sort_by(|a, b| a.on.total_cmp(&b.on).then(a.pitch.cmp(&b.pitch)));
        notes
    }

    /// Samples of the seam: the last ones of the loop are faded into those before its start.
    #[must_use]
    pub fn seam_samples(&self) -> usize {
        SEAM_SAMPLES.min(self.loop_samples)
    }

    /// Fades `tail`, the end of the loop, into `lead`, what the time line has just before the loop: then the loop's
    /// last sample is followed by its first as on the time line.
    pub fn close_loop(&self, tail: &mut [f32], lead: &[f32]) {
        let count = tail.len() as f32;
        for (index, (sample, before)) in tail.iter_mut().zip(lead).enumerate() {
            let share = (index as f32 + 0.5) / count;
            *sample += share * (before - *sample);
        }
    }
}
