//! Dials that change how a take is played, not the take: swing, humanise, brightness, intensity.
//!
//! Swing, humanise and the dynamics of intensity work on the onsets of the take's score. The sound between two onsets is a piece: a
//! piece begins earlier or later, or louder or softer, and is never stretched. What a piece that begins later leaves empty is filled with
//! the end of the one before, read backwards; one that begins earlier cuts the one before off. Attacks keep their edge, because a
//! piece begins a little before its onset. Where nothing starts, as in a held pad, nothing is moved. Brightness is a first-order
//! tilt around [`PIVOT_HZ`].
//!
//! All is a function of the timeline's position, and with every dial at its middle nothing is touched.

use std::sync::Arc;

use resonantgen_music::plan::{Plan, STEPS_PER_QUARTER, Swing};
use resonantgen_music::score::Score;

use super::clip::{Lanes, combine};

/// Largest displacement of an onset by humanise, in seconds: what listeners still take for the same rhythm.
const LOOSE_SECONDS: f64 = 0.015;
/// How far two onsets may approach, as a share of their distance: what is left for each of them.
const REACH: f64 = 0.45;
/// Hardest swing: the first half of a pair takes three quarters.
const HARDEST_RATIO: f64 = 0.75;
/// A piece begins this much before its onset, in seconds.
const LEAD_SECONDS: f64 = 0.004;
/// Crossfade from one piece to the next, in seconds; it ends before the onset.
const FADE_SECONDS: f64 = 0.003;
/// Steps of a crossfade, so that the last bits of a host's beat position do not reach its gains.
const FADE_STEPS: f64 = 4_096.0;
/// Level at full intensity, in dB; at the lowest, the opposite.
const INTENSITY_DB: f64 = 3.0;
/// How much louder than a hit of middling velocity one of full velocity gets at full intensity, in dB.
const DYNAMICS_DB: f64 = 5.0;
/// Tilt at full intensity, in dB.
const INTENSITY_TILT_DB: f32 = 1.5;
/// By which share velocities of notes that are sent change at full intensity.
const INTENSITY_VELOCITY: f64 = 0.35;
/// What the tilt turns around, in Hz.
const PIVOT_HZ: f64 = 1_000.0;
/// Time in which a gain of the tilt goes from 0 to 1, in seconds.
const RAMP_SECONDS: f32 = 0.020;

/// Positions of one track's dials. The default is the middle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Dials {
    /// -1 is straight, 0 as the take was made, 1 the hardest swing (3 : 1).
    pub swing: f32,
    /// -1 is on the grid, 0 as the take was made, 1 loose.
    pub humanise: f32,
    /// How much louder the treble gets and the bass softer, in dB.
    pub brightness_db: f32,
    /// -1 is calm, 1 driving: level, dynamics and treble.
    pub intensity: f32,
}

impl Dials {
    /// Whether pieces of the take are moved, or made louder or softer.
    pub(super) fn moves(&self) -> bool {
        self.swing != 0.0 || self.humanise != 0.0 || self.intensity != 0.0
    }

    fn tilt_db(&self) -> f32 {
        self.brightness_db + self.intensity * INTENSITY_TILT_DB
    }

    /// The velocity that is sent for a note.
    pub(super) fn velocity(&self, velocity: u8) -> u8 {
        let louder = f64::from(velocity) * (1.0 + f64::from(self.intensity) * INTENSITY_VELOCITY);
        louder.round().clamp(1.0, 127.0) as u8
    }
}

/// The notes of a take that start on one step.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Onset {
    /// Where the first of them starts, in quarter notes from the loop's start, in `0.0..quarters`.
    at: f64,
    /// The step.
    step: u32,
    /// How far it is from `at` to the step, with the plan's swing, in quarter notes.
    to_grid: f64,
    /// Between -1 and 1, the same whenever the take is played.
    dice: f64,
    /// Loudest velocity, of 1.
    velocity: f64,
}

/// The onsets of a take, sorted by place.
#[derive(Debug, Default)]
pub(super) struct Onsets {
    onsets: Vec<Onset>,
    quarters: f64,
    swing: Swing,
    bpm: f64,
    mean_velocity: f64,
}

/// Between -1 and 1, triangular around 0.
fn dice(step: u32) -> f64 {
    // The finaliser of SplitMix64.
    let mut bits = u64::from(step).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    let half = |bits: u64| (bits & 0xffff_ffff) as f64 / f64::from(u32::MAX);
    half(bits) - half(bits >> 32)
}

impl Onsets {
    /// The onsets of a score. Allocates.
    pub fn new(score: &Score, plan: &Plan) -> Arc<Self> {
        let quarters = plan.quarters();
        let quarter = |step: f64| plan.swing.warp(step) / f64::from(STEPS_PER_QUARTER);
        let mut onsets: Vec<Onset> = Vec::new();
        let mut notes: Vec<_> = score.notes.iter().collect();
        notes.sort_by(|a, b| a.step.cmp(&b.step).then(a.offset.total_cmp(&b.offset)));
        for note in notes {
            let velocity = f64::from(note.velocity.clamp(1, 127)) / 127.0;
            if let Some(last) = onsets.last_mut().filter(|last| last.step == note.step) {
                last.velocity = last.velocity.max(velocity);
                continue;
            }
            let at = quarter(f64::from(note.step) + f64::from(note.offset));
            if at.is_finite() {
                let to_grid = quarter(f64::from(note.step)) - at;
                onsets.push(Onset { at, step: note.step, to_grid, dice: dice(note.step), velocity });
            }
        }
        for onset in &mut onsets {
            onset.at = onset.at.rem_euclid(quarters);
            if onset.at >= quarters {
                onset.at = 0.0;
            }
        }
        onsets.sort_by(|a, b| a.at.total_cmp(&b.at));
        let sum: f64 = onsets.iter().map(|onset| onset.velocity).sum();
        let mean_velocity = sum / onsets.len().max(1) as f64;
        Arc::new(Self { onsets, quarters, swing: plan.swing, bpm: plan.bpm, mean_velocity })
    }

    /// The onset with a number, counted through all turns of the loop, and where it lies.
    fn onset(&self, number: i64) -> (&Onset, f64) {
        let count = self.onsets.len() as i64;
        let onset = &self.onsets[number.rem_euclid(count) as usize];
        (onset, onset.at + number.div_euclid(count) as f64 * self.quarters)
    }

    /// By how much the dials move an onset, in quarter notes of a timeline that runs at `bpm`. The order of onsets stays.
    fn shift(&self, number: i64, dials: &Dials, bpm: f64) -> f64 {
        let (onset, at) = self.onset(number);
        let mut shift = 0.0;
        if dials.swing != 0.0 {
            let dial = f64::from(dials.swing);
            let span = if dial > 0.0 { HARDEST_RATIO - self.swing.ratio } else { self.swing.ratio - 0.5 };
            let swing = Swing { ratio: self.swing.ratio + dial * span.max(0.0), ..self.swing };
            let step = f64::from(onset.step);
            shift += (swing.warp(step) - self.swing.warp(step)) / f64::from(STEPS_PER_QUARTER);
        }
        if dials.humanise < 0.0 {
            shift -= onset.to_grid * f64::from(dials.humanise);
        } else {
            shift += onset.dice * f64::from(dials.humanise) * LOOSE_SECONDS * bpm / 60.0;
        }
        let (before, after) = (at - self.onset(number - 1).1, self.onset(number + 1).1 - at);
        shift.clamp(-REACH * before, REACH * after)
    }

    /// By how much the dials move the notes that start at `at`, in quarter notes.
    pub fn shift_of(&self, at: f64, dials: &Dials, bpm: f64) -> f64 {
        if self.onsets.is_empty() || !dials.moves() {
            return 0.0;
        }
        // The notes of one step start with its onset, or soon after.
        let number = self.onsets.partition_point(|onset| onset.at <= at) as i64 - 1;
        self.shift(number, dials, bpm)
    }

    /// The gain of a piece of the take.
    fn gain(&self, velocity: f64, dials: &Dials) -> f32 {
        if dials.intensity == 0.0 {
            return 1.0;
        }
        let dynamics = (velocity - self.mean_velocity) * 2.0 * DYNAMICS_DB;
        let level_db =
            f64::from(dials.intensity) * (INTENSITY_DB + dynamics.clamp(-DYNAMICS_DB, DYNAMICS_DB));
        10.0_f64.powf(level_db / 20.0) as f32
    }

    /// The piece that sounds at a beat of a timeline that runs at `bpm`.
    fn piece(&self, beat: f64, bpm: f64, dials: &Dials) -> Piece {
        let lead = LEAD_SECONDS * bpm / 60.0;
        let begin = |number: i64| self.onset(number).1 + self.shift(number, dials, bpm) - lead;
        let turn = (beat / self.quarters).floor();
        let within = beat - turn * self.quarters;
        let count = self.onsets.len() as i64;
        let mut number =
            turn as i64 * count + self.onsets.partition_point(|onset| onset.at <= within) as i64 - 1;
        while begin(number) > beat {
            number -= 1;
        }
        while begin(number + 1) <= beat {
            number += 1;
        }
        let own_lead = LEAD_SECONDS * self.bpm / 60.0;
        let part = |number: i64| Part {
            begin: begin(number),
            source: self.onset(number).1 - own_lead,
            limit: self.onset(number + 1).1 - own_lead,
            gain: self.gain(self.onset(number).0.velocity, dials),
        };
        Piece { now: part(number), before: part(number - 1), end: begin(number + 1) }
    }

    /// What is heard at a beat of a timeline that runs at `bpm`; `read` gives the take at a place in its own beats. `known` is the
    /// piece that was found last with the same dials and tempo.
    pub fn read(
        &self,
        beat: f64,
        bpm: f64,
        dials: &Dials,
        known: &mut Option<Piece>,
        read: impl Fn(f64) -> Lanes,
    ) -> Lanes {
        if self.onsets.is_empty() {
            let gain = self.gain(0.0, dials);
            return read(beat).map(|lane| lane.map(|sample| sample * gain));
        }
        let piece = match known {
            Some(piece) if (piece.now.begin..piece.end).contains(&beat) => *piece,
            _ => *known.insert(self.piece(beat, bpm, dials)),
        };
        let speed = self.bpm / bpm;
        let now = piece.now.read(beat, speed, &read);
        let fade = FADE_SECONDS * bpm / 60.0;
        let rise = ((beat - piece.now.begin) / fade * FADE_STEPS).round() / FADE_STEPS;
        if rise >= 1.0 || piece.before.joins(&piece.now) {
            return now;
        }
        let rise = rise as f32;
        let before = piece.before.read(beat, speed, &read);
        combine(before, now, |before, now| before + (now - before) * rise)
    }
}

/// A piece of a take from one onset to the next, where the dials have put it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    /// Where it begins on the timeline, in beats.
    begin: f64,
    /// Where it begins in the take, and where the next one does, in the take's beats.
    source: f64,
    limit: f64,
    gain: f32,
}

impl Part {
    fn read(&self, beat: f64, speed: f64, read: &impl Fn(f64) -> Lanes) -> Lanes {
        let mut place = self.source + (beat - self.begin) * speed;
        if place > self.limit {
            // Backwards, as far as there is something.
            place = 2.0 * self.limit - place;
            if place < self.source {
                return Lanes::default();
            }
        }
        read(place).map(|lane| lane.map(|sample| sample * self.gain))
    }

    /// Whether the next part is this one's continuation, without a crossfade.
    fn joins(&self, next: &Self) -> bool {
        let moved = (next.begin - self.begin) - (next.source - self.source);
        moved.abs() < 1e-12 && self.gain == next.gain
    }
}

/// What sounds from one moved onset to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Piece {
    before: Part,
    now: Part,
    /// Where the next one begins on the timeline, in beats.
    end: f64,
}

/// A gain on its way to a target, the same whatever the block size.
#[derive(Clone, Copy, Debug)]
struct Gain {
    now: f32,
    target: f32,
}

impl Gain {
    fn next(&mut self, step: f32) -> f32 {
        if self.now != self.target {
            self.now += (self.target - self.now).clamp(-step, step);
        }
        self.now
    }
}

/// A first-order tilt of one stereo signal. Realtime-safe.
#[derive(Clone, Debug)]
pub(super) struct Tilt {
    /// State of the low-pass, left and right.
    low: [f32; 2],
    bass: Gain,
    treble: Gain,
    /// Coefficient of the low-pass.
    pole: f32,
    step: f32,
}

impl Tilt {
    pub fn new(sample_rate_hz: f64) -> Self {
        let pole = 1.0 - (-std::f64::consts::TAU * PIVOT_HZ / sample_rate_hz).exp();
        let middle = Gain { now: 1.0, target: 1.0 };
        let step = 1.0 / (RAMP_SECONDS * sample_rate_hz as f32);
        Self { low: [0.0; 2], bass: middle, treble: middle, pole: pole as f32, step }
    }

    /// Tilts a block as the dials say.
    pub fn process(&mut self, dials: &Dials, [left, right]: [&mut [f32]; 2]) {
        let treble = 10.0_f32.powf(dials.tilt_db() / 20.0);
        (self.bass.target, self.treble.target) = (1.0 / treble, treble);
        for (left, right) in left.iter_mut().zip(right) {
            for (low, sample) in self.low.iter_mut().zip([&*left, &*right]) {
                *low += (sample - *low) * self.pole;
                if low.abs() < f32::MIN_POSITIVE {
                    *low = 0.0;
                }
            }
            let (bass, treble) = (self.bass.next(self.step), self.treble.next(self.step));
            if bass != 1.0 || treble != 1.0 {
                *left = (*left - self.low[0]) * treble + self.low[0] * bass;
                *right = (*right - self.low[1]) * treble + self.low[1] * bass;
            }
        }
    }
}

#[cfg(test)]
mod tests;
