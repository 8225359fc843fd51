//! Excitation streams: sample-accurate raw material that the decoder's gains shape.
//!
//! Twin of `training/resonant/excitation.py`, whose docstring defines every term; tested against its goldens.
//! Tonal tracks have an odd and an even half-saw per note and voice from band-limited wavetables, drums an impulse per
//! hit and a swept sine ("body") for the classes that have one, and all tracks white noise.

mod string;

use std::borrow::Cow;
use std::f64::consts::TAU;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde::{Deserialize, Serialize};

use super::{SAMPLE_RATE_HZ, TimedNote};
use resonantgen_music::score::{DRUM_CLASS_COUNT, DrumClass};

const RATE: f64 = SAMPLE_RATE_HZ as f64;
const TABLE_SIZE: usize = 2048;
const TABLE_OCTAVES: usize = 10;
const TABLE_LOW_HZ: f64 = 20.0;
/// Samples between two evaluations of a note's pitch.
const CONTROL: i64 = 16;
const NOISE_RMS: f32 = 0.1;
const MIN_ATTACK_S: f64 = 0.002;
const MIN_RELEASE_S: f64 = 0.005;
const END_RAMP_S: f64 = 0.005;
const MAX_TAIL_S: f64 = 4.0;
const TAIL_TIME_CONSTANTS: f64 = 8.0;
const BODY_TIME_CONSTANTS: f64 = 7.0;
const BODY_ATTACK_S: f64 = 0.001;
const IMPULSE_AMPLITUDE: f32 = 4.0;

/// Maximum number of weights in [`TonalExcitation::partials`].
pub const MAX_PARTIALS: usize = 64;

/// Maximum number of pairs in [`TonalExcitation::inharmonicity`].
pub const MAX_STIFFNESSES: usize = 32;

/// Excitation parameters of a tonal patch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TonalExcitation {
    /// Unison voices, in `1..=7`.
    pub voices: u8,
    /// Spread of the voices: detuning of the outermost voices in cents.
    pub detune_cents: f64,
    /// Linear attack in seconds (at least 2 ms).
    pub attack_s: f64,
    /// Time constant of the decay to the sustain level while held, in seconds; 0 is none.
    pub decay_s: f64,
    /// Sustain level, in `0.0..=1.0`.
    pub sustain: f64,
    /// Time constant of the release in seconds (at least 5 ms).
    pub release_s: f64,
    /// Rate of the vibrato in hertz.
    pub vibrato_hz: f64,
    /// Depth of the vibrato in cents.
    pub vibrato_cents: f64,
    /// Start of the vibrato after the onset in seconds.
    pub vibrato_delay_s: f64,
    /// Time constant of the glide from the previous note's pitch in seconds; 0 is none.
    pub glide_s: f64,
    /// Transposition of the streams in semitones, for sounds with partials below the played pitch.
    pub transpose: f64,
    /// Amplitude of each partial relative to a half-saw's, from the fundamental up; the last value applies to all further
    /// partials. Empty is a half-saw; at most [`MAX_PARTIALS`].
    pub partials: Vec<f64>,
    /// Fletcher's coefficient `B` of stiff strings by pitch: pairs (MIDI pitch, `B`) in ascending pitch, `B` above 0; at most
    /// [`MAX_STIFFNESSES`]. Empty is harmonic; otherwise the patch has neither vibrato nor glide.
    pub inharmonicity: Vec<(f64, f64)>,
}

impl Default for TonalExcitation {
    fn default() -> Self {
        Self {
            voices: 1,
            detune_cents: 0.0,
            attack_s: MIN_ATTACK_S,
            decay_s: 0.0,
            sustain: 1.0,
            release_s: 0.1,
            vibrato_hz: 0.0,
            vibrato_cents: 0.0,
            vibrato_delay_s: 0.0,
            glide_s: 0.0,
            transpose: 0.0,
            partials: Vec::new(),
            inharmonicity: Vec::new(),
        }
    }
}

impl TonalExcitation {
    /// Seconds for which a note sounds after its end.
    #[must_use]
    pub fn tail_seconds(&self) -> f64 {
        (TAIL_TIME_CONSTANTS * self.release_s.max(MIN_RELEASE_S)).min(MAX_TAIL_S)
    }
}

/// The swept sine of one drum class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrumBody {
    /// Final frequency of the sweep, in hertz, above 0.
    pub hz: f64,
    /// Frequency at the onset divided by `hz`.
    pub start_ratio: f64,
    /// Time constant of the sweep in seconds.
    pub sweep_s: f64,
    /// Time constant of the amplitude in seconds, above 0.
    pub decay_s: f64,
}

/// Bodies of a drum kit, index as [`DrumClass::ALL`].
pub type DrumBodies = [Option<DrumBody>; DRUM_CLASS_COUNT];

/// A part of the time line to render: samples `first..first + samples`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First sample.
    pub first: i64,
    /// Number of samples.
    pub samples: usize,
}

/// Mid and side of one stream; a silent side is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stream {
    /// Half the sum of left and right.
    pub mid: Vec<f32>,
    /// Half the difference of left and right, or empty.
    pub side: Vec<f32>,
}

impl Stream {
    fn mono(samples: usize) -> Self {
        Self { mid: vec![0.0; samples], side: Vec::new() }
    }
}

/// Odd and even half-saws at one table position, interleaved, so that one fetch serves both streams.
type Pair = [f32; 2];

/// Band-limited odd and even half-saws, one table per octave from 20 Hz up.
type Wavetables = Vec<Vec<Pair>>;

static SINE: LazyLock<Vec<f64>> =
    LazyLock::new(|| (0..TABLE_SIZE).map(|index| (TAU * index as f64 / TABLE_SIZE as f64).sin()).collect());

static HALF_SAWS: LazyLock<Wavetables> = LazyLock::new(|| {
    (0..TABLE_OCTAVES)
        .map(|octave| table(1..=highest_partial(octave), |partial| 1.0 / partial as f64))
        .collect()
});

/// The highest partial that stays below 24 kHz in the whole octave.
fn highest_partial(octave: usize) -> usize {
    (24_000.0 / (TABLE_LOW_HZ * 2f64.powi(octave as i32 + 1))).floor() as usize
}

/// One cycle, with a guard point, of the sum of `partials` with the given amplitudes: odd and even ones separately.
fn table(partials: RangeInclusive<usize>, amplitude: impl Fn(usize) -> f64) -> Vec<Pair> {
    let sine = &*SINE;
    let amplitudes: Vec<(usize, f64)> = partials.map(|partial| (partial, amplitude(partial))).collect();
    (0..=TABLE_SIZE)
        .map(|index| {
            let mut sums = [0.0f64; 2];
            for &(partial, amplitude) in &amplitudes {
                sums[(partial + 1) % 2] += sine[partial * index % TABLE_SIZE] * amplitude;
            }
            [sums[0] as f32, sums[1] as f32]
        })
        .collect()
}

/// Tables with the given partials. Partials beyond the list have its last weight, so they are those of a scaled half-saw.
fn weighted_tables(weights: &[f64]) -> Cow<'static, Wavetables> {
    let Some(&rest) = weights.last() else { return Cow::Borrowed(&HALF_SAWS) };
    let tables = HALF_SAWS.iter().enumerate().map(|(octave, saws)| {
        let listed = weights.len().min(highest_partial(octave));
        let mut pairs = table(1..=listed, |partial| (weights[partial - 1] - rest) / partial as f64);
        for (pair, saw) in pairs.iter_mut().zip(saws) {
            pair[0] += rest as f32 * saw[0];
            pair[1] += rest as f32 * saw[1];
        }
        pairs
    });
    Cow::Owned(tables.collect())
}

/// A value that decays by a constant factor per sample; restarted often enough that rounding errors do not accumulate.
#[derive(Clone, Copy)]
struct Decay {
    value: f64,
    factor: f64,
}

impl Decay {
    fn at(seconds: f64, time_constant_s: f64) -> Self {
        Self { value: (-seconds / time_constant_s).exp(), factor: (-1.0 / (time_constant_s * RATE)).exp() }
    }

    fn next(&mut self) -> f64 {
        let value = self.value;
        self.value *= self.factor;
        value
    }
}

/// Fills `envelope` with the note's amplitude, starting at sample `first` of the time line.
fn fill_envelope(note: &TimedNote, parameters: &TonalExcitation, first: i64, envelope: &mut [f32]) {
    let attack = parameters.attack_s.max(MIN_ATTACK_S);
    let release = parameters.release_s.max(MIN_RELEASE_S);
    let held = note.off - note.on;
    let end = held + parameters.tail_seconds();
    let amplitude = f64::from(note.velocity) / 127.0 / f64::from(parameters.voices.max(1)).sqrt();
    let decays = parameters.decay_s > 0.0;
    let level_at = |time: f64| {
        if decays {
            let since = (time.min(held) - attack).max(0.0);
            parameters.sustain + (1.0 - parameters.sustain) * (-since / parameters.decay_s).exp()
        } else {
            1.0
        }
    };
    let frozen = level_at(held);
    let time_of = |index: usize| (first + index as i64) as f64 / RATE - note.on;
    let mut index = 0;
    // Each block restarts the recursions, and does not cross the note's end or the attack's end.
    while index < envelope.len() {
        let start = time_of(index);
        let boundary = if start <= attack.min(held) {
            attack.min(held)
        } else if start <= held {
            held
        } else {
            f64::INFINITY
        };
        let until = if boundary.is_finite() {
            (((note.on + boundary) * RATE).floor() as i64 - first + 1).max(index as i64 + 1) as usize
        } else {
            envelope.len()
        };
        let stop = until.min(envelope.len()).min(index + 1024);
        let mut level = Decay { value: 0.0, factor: 0.0 };
        if decays && start > attack && start <= held {
            level = Decay::at(start - attack, parameters.decay_s);
        }
        let mut fall =
            if start > held { Decay::at(start - held, release) } else { Decay { value: 1.0, factor: 1.0 } };
        for (position, cell) in envelope[index..stop].iter_mut().enumerate() {
            let time = time_of(index + position);
            let mut value = (time / attack).min(1.0);
            if start > held {
                value *= frozen * fall.next();
            } else if decays && start > attack {
                value *= parameters.sustain + (1.0 - parameters.sustain) * level.next();
            }
            value *= ((end - time) / END_RAMP_S).clamp(0.0, 1.0);
            *cell = (value * amplitude) as f32;
        }
        index = stop;
    }
}

/// The odd and even streams of a tonal track, mono.
///
/// `notes` must be sorted by (on, pitch); with a glide, each starts at the pitch of the previous one.
#[must_use]
pub fn tonal(notes: &[TimedNote], parameters: &TonalExcitation, window: Window) -> [Stream; 2] {
    tonal_while(notes, parameters, window, &|| true).expect("nothing stops it")
}

/// As [`tonal`], but calls `keep_going` before each note; `None` if it returned false.
#[must_use]
pub fn tonal_while(
    notes: &[TimedNote],
    parameters: &TonalExcitation,
    window: Window,
    keep_going: &dyn Fn() -> bool,
) -> Option<[Stream; 2]> {
    let voices = i32::from(parameters.voices.max(1));
    let mut odd = Stream::mono(window.samples);
    let mut even = Stream::mono(window.samples);
    let window_end = window.first + window.samples as i64;
    let mut envelope = Vec::new();
    let tables = weighted_tables(&parameters.partials);
    for (index, note) in notes.iter().enumerate() {
        if !keep_going() {
            return None;
        }
        let end = note.off - note.on + parameters.tail_seconds();
        let start = (note.on * RATE).ceil() as i64;
        let stop = (((note.on + end) * RATE).floor() as i64 + 1).min(window_end);
        if stop <= window.first || start >= stop {
            continue;
        }
        let audible = start.max(window.first);
        envelope.clear();
        envelope.resize((stop - audible) as usize, 0.0);
        fill_envelope(note, parameters, audible, &mut envelope);
        let stiffness = string::stiffness(&parameters.inharmonicity, f64::from(note.pitch));
        let previous = if index > 0 { f64::from(notes[index - 1].pitch) } else { f64::from(note.pitch) };
        for voice in 0..voices {
            let place = if voices > 1 { 2.0 * f64::from(voice) / f64::from(voices - 1) - 1.0 } else { 0.0 };
            let pitch = PitchCurve { note, previous, parameters, cents: parameters.detune_cents * place };
            let target = VoiceTarget {
                odd: &mut odd.mid,
                even: &mut even.mid,
                envelope: &envelope,
                window_first: window.first,
                audible,
            };
            if stiffness > 0.0 {
                let (hz, turns) = (pitch.hz_at(0.0), first_turns(note, voice));
                string::Voice { hz, stiffness, weights: &parameters.partials, turns, start }.render(target);
            } else {
                render_voice(&pitch, voice, start, stop, target, &tables);
            }
        }
    }
    Some([odd, even])
}

struct PitchCurve<'a> {
    note: &'a TimedNote,
    previous: f64,
    parameters: &'a TonalExcitation,
    cents: f64,
}

impl PitchCurve<'_> {
    /// Frequency in hertz, `time` seconds after the onset.
    fn hz_at(&self, time: f64) -> f64 {
        let parameters = self.parameters;
        let mut pitch = f64::from(self.note.pitch);
        if parameters.glide_s > 0.0 && self.previous != pitch {
            pitch += (self.previous - pitch) * (-time / parameters.glide_s).exp();
        }
        let mut octaves = (pitch + parameters.transpose - 69.0) / 12.0 + self.cents / 1200.0;
        if parameters.vibrato_cents > 0.0 && time > parameters.vibrato_delay_s {
            let phase = TAU * parameters.vibrato_hz * (time - parameters.vibrato_delay_s);
            octaves += parameters.vibrato_cents / 1200.0 * phase.sin();
        }
        440.0 * octaves.exp2()
    }

    /// Whether the frequency never changes.
    fn is_constant(&self) -> bool {
        let glides = self.parameters.glide_s > 0.0 && self.previous != f64::from(self.note.pitch);
        !glides && self.parameters.vibrato_cents <= 0.0
    }
}

struct VoiceTarget<'a> {
    odd: &'a mut [f32],
    even: &'a mut [f32],
    /// Amplitudes from sample `audible` on.
    envelope: &'a [f32],
    window_first: i64,
    audible: i64,
}

/// Phase of a voice at the onset, in cycles below 1: voices and notes start at different points of the cycle.
fn first_turns(note: &TimedNote, voice: i32) -> f64 {
    let turns = (f64::from(voice) + 0.37 * f64::from(note.pitch)) * 0.618_033_988_9;
    turns - turns.floor()
}

/// Adds one voice over the samples `start..stop`. The phase is a 64-bit fraction of a cycle with natural wrap-around; it
/// runs from the onset, even if the onset is before the window.
fn render_voice(
    pitch: &PitchCurve<'_>,
    voice: i32,
    start: i64,
    stop: i64,
    target: VoiceTarget<'_>,
    tables: &Wavetables,
) {
    const CYCLE: f64 = 18_446_744_073_709_551_616.0;
    let mut phase = (first_turns(pitch.note, voice) * CYCLE) as u64;
    let constant = pitch.is_constant();
    let mut block = start;
    let (mut increment, mut octave) = (0u64, 0usize);
    let mut known = false;
    while block < stop {
        if !known || !constant {
            let hz = pitch.hz_at(block as f64 / RATE - pitch.note.on);
            increment = (hz / RATE * CYCLE) as u64;
            octave = (hz / TABLE_LOW_HZ).log2().floor().max(0.0) as usize;
            known = true;
        }
        let block_stop = (block + CONTROL).min(stop);
        let first = block.max(target.audible).min(block_stop);
        phase = phase.wrapping_add(increment.wrapping_mul((first - block) as u64));
        let count = (block_stop - first) as usize;
        if octave < TABLE_OCTAVES && count > 0 {
            let table = &tables[octave];
            let envelope = &target.envelope[(first - target.audible) as usize..][..count];
            let offset = (first - target.window_first) as usize;
            let odd = &mut target.odd[offset..offset + count];
            let even = &mut target.even[offset..offset + count];
            let mut running = phase;
            for ((odd, even), &amplitude) in odd.iter_mut().zip(even).zip(envelope) {
                let index = (running >> 53) as usize;
                let fraction = ((running >> 29) & 0xff_ffff) as f32 * (1.0 / 16_777_216.0);
                let (near, far) = (table[index], table[index + 1]);
                *odd += amplitude * (near[0] + fraction * (far[0] - near[0]));
                *even += amplitude * (near[1] + fraction * (far[1] - near[1]));
                running = running.wrapping_add(increment);
            }
        }
        phase = phase.wrapping_add(increment.wrapping_mul(count as u64));
        block = block_stop;
    }
}

/// The impulse and body streams of the drum track. Keys without a drum class are skipped.
#[must_use]
pub fn drums(notes: &[TimedNote], bodies: &DrumBodies, window: Window) -> [Stream; 2] {
    drums_while(notes, bodies, window, &|| true).expect("nothing stops it")
}

/// As [`drums`], but calls `keep_going` before each hit; `None` if it returned false.
#[must_use]
pub fn drums_while(
    notes: &[TimedNote],
    bodies: &DrumBodies,
    window: Window,
    keep_going: &dyn Fn() -> bool,
) -> Option<[Stream; 2]> {
    let mut impulse = Stream::mono(window.samples);
    let mut body = Stream::mono(window.samples);
    let window_end = window.first + window.samples as i64;
    for note in notes {
        if !keep_going() {
            return None;
        }
        let Some(class) = DrumClass::from_key(note.pitch) else { continue };
        let velocity = f64::from(note.velocity) / 127.0;
        let position = note.on * RATE;
        let base = position.floor();
        let fraction = (position - base) as f32;
        let peak = IMPULSE_AMPLITUDE * velocity as f32;
        for (sample, share) in [(base as i64, 1.0 - fraction), (base as i64 + 1, fraction)] {
            if (window.first..window_end).contains(&sample) {
                impulse.mid[(sample - window.first) as usize] += peak * share;
            }
        }
        let Some(shape) = bodies[class.index()].filter(|shape| shape.hz > 0.0) else { continue };
        let start = (position.ceil() as i64).max(window.first);
        let stop =
            (((note.on + BODY_TIME_CONSTANTS * shape.decay_s) * RATE).floor() as i64 + 1).min(window_end);
        for sample in start..stop {
            let time = sample as f64 / RATE - note.on;
            let mut cycles = shape.hz * time;
            if shape.sweep_s > 0.0 {
                let swept = 1.0 - (-time / shape.sweep_s).exp();
                cycles += shape.hz * (shape.start_ratio - 1.0) * shape.sweep_s * swept;
            }
            let amplitude = velocity * (-time / shape.decay_s).exp() * (time / BODY_ATTACK_S).min(1.0);
            let value = (TAU * (cycles - cycles.floor())).sin() * amplitude;
            body.mid[(sample - window.first) as usize] += value as f32;
        }
    }
    Some([impulse, body])
}

/// Stereo width of a track's noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseWidth {
    /// Level of the side part relative to the mid part, in `0.0..=1.0`.
    pub amount: f32,
    /// The side part contains only frequencies above this, in hertz.
    pub above_hz: f32,
}

/// White noise, uniform, RMS 0.1, periodic with `period` samples, from a seed.
///
/// # Panics
/// Panics if `period` is 0.
#[must_use]
pub fn noise(seed: u64, period: usize, window: Window, width: NoiseWidth) -> Stream {
    assert!(period > 0, "a loop has at least one sample");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = || {
        let bound = 3f32.sqrt() * NOISE_RMS;
        (0..period)
            .map(|_| ((random.next_u32() >> 8) as f32 * (2.0 / 16_777_216.0) - 1.0) * bound)
            .collect::<Vec<f32>>()
    };
    let unroll = |one: &[f32]| -> Vec<f32> {
        let start = window.first.rem_euclid(period as i64) as usize;
        one.iter().copied().cycle().skip(start).take(window.samples).collect()
    };
    let mid = unroll(&draw());
    let side = if width.amount > 0.0 {
        let mut one = draw();
        high_pass_periodic(&mut one, width);
        unroll(&one)
    } else {
        Vec::new()
    };
    Stream { mid, side }
}

/// One-pole high-pass of a periodic signal, scaled by the amount: the first pass finds the state of the second.
fn high_pass_periodic(samples: &mut [f32], width: NoiseWidth) {
    let coefficient = 1.0 - (-std::f32::consts::TAU * width.above_hz / SAMPLE_RATE_HZ as f32).exp();
    let mut low = 0.0;
    for &sample in samples.iter() {
        low += coefficient * (sample - low);
    }
    for sample in samples {
        low += coefficient * (*sample - low);
        *sample = width.amount * (*sample - low);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { first: 0, samples: 4_800 };

    fn note(on: f64, pitch: u8) -> TimedNote {
        TimedNote { on, off: on + 0.05, pitch, velocity: 100 }
    }

    fn energy(samples: impl Iterator<Item = f32>) -> f32 {
        samples.map(|sample| sample * sample).sum()
    }

    #[test]
    fn a_window_is_a_part_of_the_whole() {
        let parameters = TonalExcitation {
            voices: 3,
            detune_cents: 9.0,
            vibrato_cents: 20.0,
            vibrato_hz: 6.0,
            ..Default::default()
        };
        let notes = [note(-0.02, 40), note(0.01, 47), note(0.03, 52)];
        let [whole, _] = tonal(&notes, &parameters, WINDOW);
        let [part, _] = tonal(&notes, &parameters, Window { first: 1_000, samples: 500 });
        for (expected, got) in whole.mid[1_000..1_500].iter().zip(&part.mid) {
            assert!((expected - got).abs() < 1e-5, "{expected} {got}");
        }
    }

    #[test]
    fn partials_weigh_what_a_half_saw_has() {
        let saw = TonalExcitation::default();
        let level = |parameters: &TonalExcitation| {
            let [odd, even] = tonal(&[note(0.0, 60)], parameters, WINDOW);
            (energy(odd.mid.into_iter()), energy(even.mid.into_iter()))
        };
        let (odd, even) = level(&saw);
        let same = level(&TonalExcitation { partials: vec![1.0; 5], ..saw.clone() });
        assert!((same.0 / odd - 1.0).abs() < 1e-4 && (same.1 / even - 1.0).abs() < 1e-4);
        let square = level(&TonalExcitation { partials: [1.0, 0.0].repeat(20), ..saw.clone() });
        assert!(square.1 < 1e-6 * even && square.0 > 0.98 * odd, "{square:?} of {odd} {even}");
        let sine = level(&TonalExcitation { partials: vec![2.0, 0.0], ..saw });
        assert!(sine.1 == 0.0 && sine.0 > 3.0 * odd && sine.0 < 4.0 * odd);
    }

    #[test]
    fn noise_is_seeded_periodic_and_wide_on_demand() {
        let width = NoiseWidth { amount: 0.5, above_hz: 300.0 };
        let window = Window { first: -100, samples: 2_000 };
        let noise_of = |seed| noise(seed, 700, window, width);
        let one = noise_of(3);
        assert_eq!(one, noise_of(3));
        assert_ne!(one, noise_of(4));
        assert_eq!(one.mid[..1_300], one.mid[700..]);
        assert_eq!(one.side[..1_300], one.side[700..]);
        let rms = (energy(one.mid[..700].iter().copied()) / 700.0).sqrt();
        assert!((rms - NOISE_RMS).abs() < 0.01, "{rms}");
        assert!(noise(3, 700, window, NoiseWidth { amount: 0.0, ..width }).side.is_empty());
    }
}
