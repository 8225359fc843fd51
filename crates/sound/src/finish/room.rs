//! A room for loops.

use crate::audio::TAKE_SAMPLE_RATE_HZ;
use crate::codec::hits::exp;

/// A small room: two all-pass diffusers and four delay lines with a Hadamard matrix (Jot and Chaigne 1991, "Digital delay
/// networks for designing artificial reverberators").
pub(crate) struct Room {
    diffusers: [Line; 2],
    lines: [Line; 4],
    gains: [f32; 4],
    damped: [f32; 4],
    low: f32,
    damping: f32,
    /// Samples from the loop's end that are fed to the room before the start.
    memory: usize,
}

/// Delay line lengths in samples, without common factors.
const LINES: [usize; 4] = [1_123, 1_367, 1_601, 1_847];
const DIFFUSERS: [usize; 2] = [149, 383];
const DIFFUSION: f32 = 0.6;
/// One-pole coefficients at 48 kHz: nothing below 150 Hz enters, and highs decay first.
const ROOM_LOW_CUT: f32 = 0.0196;
const ROOM_DAMPING: f32 = 0.5;

struct Line {
    samples: Vec<f32>,
    place: usize,
}

impl Line {
    fn new(length: usize) -> Self {
        Self { samples: vec![0.0; length], place: 0 }
    }

    fn out(&self) -> f32 {
        self.samples[self.place]
    }

    fn push(&mut self, sample: f32) {
        self.samples[self.place] = sample;
        self.place += 1;
        if self.place == self.samples.len() {
            self.place = 0;
        }
    }
}

impl Room {
    /// A room whose reverberation falls by 60 dB in `seconds`, with the damping of a small studio.
    pub(crate) fn new(seconds: f64) -> Self {
        Self { memory: 2 * TAKE_SAMPLE_RATE_HZ as usize, ..Self::sized(seconds, 1, ROOM_DAMPING) }
    }

    /// A room `size` times as large as the small one. `damping`, in `0.0..=1.0`, is the share of the highs that survives a
    /// reflection.
    pub(crate) fn sized(seconds: f64, size: usize, damping: f32) -> Self {
        let rate = f64::from(TAKE_SAMPLE_RATE_HZ);
        Self {
            diffusers: DIFFUSERS.map(Line::new),
            lines: LINES.map(|length| Line::new(length * size)),
            gains: LINES.map(|length| {
                exp(-3.0 * std::f64::consts::LN_10 * (length * size) as f64 / (seconds * rate)) as f32
            }),
            damping,
            damped: [0.0; 4],
            low: 0.0,
            memory: ((seconds.max(2.0)) * rate) as usize,
        }
    }

    fn step(&mut self, input: f32) -> (f32, f32) {
        self.low += ROOM_LOW_CUT * (input - self.low);
        let mut sample = input - self.low;
        for line in &mut self.diffusers {
            let delayed = line.out();
            let inner = sample + DIFFUSION * delayed;
            line.push(inner);
            sample = delayed - DIFFUSION * inner;
        }
        let mut out = [0.0; 4];
        for ((out, line), (damped, gain)) in
            out.iter_mut().zip(&self.lines).zip(self.damped.iter_mut().zip(self.gains))
        {
            *damped += self.damping * (line.out() - *damped);
            *out = gain * *damped;
        }
        let [a, b, c, d] = out;
        let (sums, differences) = ((a + b, c + d), (a - b, c - d));
        let mixed = [
            0.5 * (sums.0 + sums.1),
            0.5 * (differences.0 + differences.1),
            0.5 * (sums.0 - sums.1),
            0.5 * (differences.0 - differences.1),
        ];
        for (line, back) in self.lines.iter_mut().zip(mixed) {
            line.push(sample + back);
        }
        (a + b, c - d)
    }

    /// Adds the room's response to a loop. The loop's end is fed to it before the start.
    pub(crate) fn add(mut self, send: &[f32], level: f32, mid: &mut [f32], side: &mut [f32]) {
        let before = send.len().min(self.memory);
        for &sample in &send[send.len() - before..] {
            self.step(sample);
        }
        for ((&sample, mid), side) in send.iter().zip(mid).zip(side) {
            let (first, second) = self.step(sample);
            *mid += level * first;
            *side += level * second;
        }
    }
}
