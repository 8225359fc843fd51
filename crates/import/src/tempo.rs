//! The tempo of a recording, from the self-similarity of its onset strength.
//!
//! Autocorrelation of the onset strength, summed over multiples of the beat (Percival and Tzanetakis, "Streamlined Tempo
//! Estimation Based on Autocorrelation and Cross-correlation With Pulses", IEEE/ACM TASLP 22(12), 2014), weighted by how
//! usual a tempo is (Ellis, "Beat Tracking by Dynamic Programming", JNMR 36(1), 2007, section 3.3).

use realfft::RealFftPlanner;

use super::Measured;
use resonantgen_music::plan::BPM_RANGE;

/// Centre and width (in octaves) of the prior over tempos.
const USUAL_BPM: f64 = 118.0;
const USUAL_SPREAD: f64 = 0.75;
/// Width around a hinted tempo, which decides only the octave.
const HINT_SPREAD: f64 = 0.3;
/// Number of multiples of the beat that are evaluated.
const MULTIPLES: usize = 4;
/// Relative difference between neighbouring candidates.
const CANDIDATE_STEP: f64 = 1.005;

/// Self-similarity of onset strength over time lags.
pub(super) struct Similarity {
    values: Vec<f32>,
    rate_hz: f64,
}

impl Similarity {
    /// The autocorrelation of `novelty` (values at `rate_hz`), 1 at lag 0, corrected for the shrinking overlap.
    pub(super) fn of(novelty: &[f32], rate_hz: f64) -> Self {
        let count = novelty.len();
        let mean = novelty.iter().sum::<f32>() / count.max(1) as f32;
        let size = (2 * count).next_power_of_two().max(2);
        let mut planner = RealFftPlanner::<f32>::new();
        let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
        let mut signal = forward.make_input_vec();
        for (value, novelty) in signal.iter_mut().zip(novelty) {
            *value = novelty - mean;
        }
        let mut spectrum = forward.make_output_vec();
        let mut values = inverse.make_output_vec();
        if forward.process(&mut signal, &mut spectrum).is_ok() {
            for bin in &mut spectrum {
                *bin = realfft::num_complex::Complex::new(bin.norm_sqr(), 0.0);
            }
            let _ = inverse.process(&mut spectrum, &mut values);
        }
        values.truncate(count);
        let power = values.first().copied().unwrap_or(0.0).max(f32::MIN_POSITIVE);
        for (lag, value) in values.iter_mut().enumerate() {
            *value *= count as f32 / ((count - lag) as f32 * power);
        }
        Self { values, rate_hz }
    }

    /// Similarity at a lag in seconds, if at least a fifth of the recording overlaps.
    pub(super) fn at(&self, seconds: f64) -> Option<f32> {
        let lag = seconds * self.rate_hz;
        let index = lag as usize;
        if index + 1 >= self.values.len() * 4 / 5 {
            return None;
        }
        let share = (lag - index as f64) as f32;
        Some(self.values[index] * (1.0 - share) + self.values[index + 1] * share)
    }

    /// The strongest similarity within `reach` seconds of a lag.
    fn near(&self, seconds: f64, reach: f64) -> Option<(f64, f32)> {
        let step = 0.25 / self.rate_hz;
        let steps = (reach / step) as i64;
        (-steps..=steps)
            .filter_map(|offset| {
                let lag = seconds + offset as f64 * step;
                Some((lag, self.at(lag)?))
            })
            .max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// How well a beat of `bpm` explains the recording, from about 0 to 1.
    pub(super) fn pulse(&self, bpm: f64) -> f32 {
        let beat = 60.0 / bpm;
        let mut sum = 0.0;
        let mut weights = 0.0;
        for multiple in 1..=MULTIPLES {
            let Some((_, on)) = self.near(beat * multiple as f64, 0.012) else { break };
            // A pulse is weaker between beats. Notes may fall on half a beat, but not on a third or two thirds.
            let off = self.at(beat * (multiple as f64 - 0.34)).unwrap_or(0.0).max(0.0);
            let weight = if multiple == 3 { 0.6 } else { 1.0 };
            sum += weight * (on - 0.5 * off);
            weights += weight;
        }
        if weights > 0.0 { sum / weights } else { 0.0 }
    }

    /// Refines a tempo at the longest multiples of its beat that are still similar.
    fn refined(&self, bpm: f64) -> f64 {
        let mut beat = 60.0 / bpm;
        let longest = self.values.len() as f64 / self.rate_hz * 0.6;
        let mut multiple = 1.0;
        while beat * multiple <= longest {
            // The previous multiple determines the beat to within a fraction of a lag.
            let reach = (beat * multiple * 0.004).clamp(0.006, 0.02);
            match self.near(beat * multiple, reach) {
                Some((lag, similarity)) if similarity > 0.1 => beat = lag / multiple,
                _ => {}
            }
            multiple *= 2.0;
        }
        60.0 / beat
    }
}

/// Prior of a tempo, 1 at the most common tempo or at `hint`.
pub(super) fn usual(hint: Option<f64>) -> impl Fn(f64) -> f32 {
    let (centre, spread) = hint.map_or((USUAL_BPM, USUAL_SPREAD), |hint| (hint, HINT_SPREAD));
    move |bpm: f64| (-0.5 * ((bpm / centre).log2() / spread).powi(2)).exp() as f32
}

/// The tempo in quarter notes per minute; `hint` decides between octaves in doubt.
pub(super) fn estimate(similarity: &Similarity, hint: Option<f64>) -> Measured<f64> {
    let (low, high) = (*BPM_RANGE.start(), *BPM_RANGE.end());
    let usual = usual(hint);
    let count = ((high / low).ln() / CANDIDATE_STEP.ln()) as i32;
    let candidates = (0..=count).map(|index| low * CANDIDATE_STEP.powi(index));
    let best = candidates
        .map(|bpm| (bpm, similarity.pulse(bpm)))
        .max_by(|a, b| (a.1.max(0.0) * usual(a.0)).total_cmp(&(b.1.max(0.0) * usual(b.0))));
    let (bpm, pulse) = best.unwrap_or((USUAL_BPM, 0.0));
    let bpm = similarity.refined(bpm).clamp(low, high);
    // Noise stays near 0, a clean loop reaches 0.5 and more.
    Measured { value: bpm, confidence: (pulse / 0.5).clamp(0.0, 1.0) }
}
