//! Unrolls a loop onto the codec's time line, and closes the loop again.
//!
//! The time line starts with a pre-roll before the loop, so that the networks' context and the tails of the loop's end are
//! present when the loop starts, and ends with a post-roll, for the networks' look-ahead.

use super::{CODEC_HOP, FEATURES_PER_CODEC_FRAME, SAMPLE_RATE_HZ, TimedNote, excitation::Window};
use resonantgen_music::plan::Plan;
use resonantgen_music::score::Score;

/// Pre-roll and post-roll in codec frames: more than the networks' receptive fields to each side (0.7 s).
const ROLL_CODEC_FRAMES: usize = 48;
/// Samples over which the loop's end is faded into the pre-roll's end.
const SEAM_SAMPLES: usize = SAMPLE_RATE_HZ as usize / 200;
/// Longest effect of a note on any feature or stream after its end, in seconds.
const LONGEST_TAIL_S: f64 = 5.0;

/// Position of a loop on the codec's time line.
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

    /// Length of the loop in samples.
    #[must_use]
    pub const fn loop_samples(&self) -> usize {
        self.loop_samples
    }

    /// The loop's first sample on the time line.
    #[must_use]
    pub const fn loop_first(&self) -> usize {
        ROLL_CODEC_FRAMES * CODEC_HOP
    }

    /// Number of codec frames of the whole time line.
    #[must_use]
    pub const fn codec_frames(&self) -> usize {
        2 * ROLL_CODEC_FRAMES + self.loop_samples.div_ceil(CODEC_HOP)
    }

    /// The codec frames that cover the loop.
    #[must_use]
    pub const fn loop_codec_frames(&self) -> std::ops::Range<usize> {
        ROLL_CODEC_FRAMES..ROLL_CODEC_FRAMES + self.loop_samples.div_ceil(CODEC_HOP)
    }

    /// Number of feature frames of the whole time line.
    #[must_use]
    pub const fn feature_frames(&self) -> usize {
        self.codec_frames() * FEATURES_PER_CODEC_FRAME
    }

    /// The whole time line in samples.
    #[must_use]
    pub const fn window(&self) -> Window {
        Window { first: 0, samples: self.codec_frames() * CODEC_HOP }
    }

    /// The notes of `score` in seconds on the time line, repeated with the loop, sorted by (on, pitch).
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

    /// Length of the seam in samples: the loop's last samples are faded into those before its start.
    #[must_use]
    pub fn seam_samples(&self) -> usize {
        SEAM_SAMPLES.min(self.loop_samples)
    }

    /// Fades `tail`, the end of the loop, into `lead`, the samples before the loop on the time line. The loop's last sample is
    /// then followed by its first as on the time line.
    pub fn close_loop(&self, tail: &mut [f32], lead: &[f32]) {
        let count = tail.len() as f32;
        for (index, (sample, before)) in tail.iter_mut().zip(lead).enumerate() {
            let share = (index as f32 + 0.5) / count;
            *sample += share * (before - *sample);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resonantgen_music::plan::{Meter, Swing};
    use resonantgen_music::score::Note;

    #[test]
    fn a_loop_is_repeated_before_and_after_itself() {
        let chord = "Am".parse().expect("a chord");
        let plan = Plan {
            bpm: 133.0,
            key: "A minor".parse().expect("a key"),
            meter: Meter::COMMON,
            bars: 1,
            chords: vec![chord; 2],
            swing: Swing::default(),
        };
        let note = |step, length| Note { step, offset: 0.0, length, pitch: 60, velocity: 90 };
        // The second note reaches past the end.
        let score = Score { notes: vec![note(0, 1.0), note(14, 4.0)] };
        let timeline = Timeline::new(plan.audio_frames(SAMPLE_RATE_HZ));
        let notes = timeline.unroll(&score, &plan);
        let rate = f64::from(SAMPLE_RATE_HZ);
        let origin = timeline.loop_first() as f64 / rate;
        let period = timeline.loop_samples() as f64 / rate;
        let at = |seconds: f64| notes.iter().filter(|note| (note.on - seconds).abs() < 1e-9).count();
        for repetition in [-2.0, -1.0, 0.0] {
            assert_eq!(at(origin + repetition * period), 1);
            assert_eq!(at(origin + repetition * period + plan.seconds_at(14.0)), 1);
        }
        assert!(notes.windows(2).all(|pair| pair[0].on <= pair[1].on));
        assert!(notes[0].off + LONGEST_TAIL_S > 0.0);
        let inside = timeline.loop_codec_frames();
        assert!(inside.len() * CODEC_HOP >= timeline.loop_samples() && inside.end < timeline.codec_frames());
    }

    #[test]
    fn closing_leads_the_end_to_what_was_before_the_start() {
        let timeline = Timeline::new(48_000);
        let mut tail = vec![1.0; timeline.seam_samples()];
        timeline.close_loop(&mut tail, &vec![0.0; timeline.seam_samples()]);
        assert!(tail[0] > 0.99 && tail[tail.len() - 1] < 0.01);
    }
}
