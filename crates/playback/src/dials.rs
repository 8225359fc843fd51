//! Dials that change how a take is played without changing the take: swing, humanise, brightness, intensity.
//!
//! Swing, humanise and the dynamics of intensity work on the onsets of the take's score. The audio between two onsets is a piece.
//! A piece can start earlier or later, or be louder or softer, but is never stretched. If a piece starts later, the gap is filled
//! with the end of the previous piece, played backwards; if it starts earlier, it cuts the previous one off. Attacks keep their
//! edge because a piece starts a little before its onset. Where nothing starts, as in a held pad, nothing moves. Brightness is a
//! first-order tilt around [`PIVOT_HZ`].
//!
//! The output is a function of the timeline's position. With every dial in the middle, the samples are unchanged.

use std::sync::Arc;

use resonantgen_music::plan::{Plan, STEPS_PER_QUARTER, Swing};
use resonantgen_music::score::Score;

use super::clip::{Lanes, combine};
use super::song::SongSamples;

/// Largest shift of an onset by humanise, in seconds. Listeners still hear the same rhythm.
const LOOSE_SECONDS: f64 = 0.015;
/// How far an onset may move towards its neighbour, as a fraction of the distance between them.
const REACH: f64 = 0.45;
/// Hardest swing: the first half of a pair takes three quarters of its length.
const HARDEST_RATIO: f64 = 0.75;
/// How long before its onset a piece starts, in seconds.
const LEAD_SECONDS: f64 = 0.004;
/// Length of the crossfade from one piece to the next, in seconds. It ends before the onset.
const FADE_SECONDS: f64 = 0.003;
/// Resolution of a crossfade, so that the last bits of a host's beat position do not affect its gains.
const FADE_STEPS: f64 = 4_096.0;
/// Gain at full intensity, in dB; negative at the lowest.
const INTENSITY_DB: f64 = 3.0;
/// Extra gain of a full-velocity hit over one of average velocity at full intensity, in dB.
const DYNAMICS_DB: f64 = 5.0;
/// Tilt at full intensity, in dB.
const INTENSITY_TILT_DB: f32 = 1.5;
/// Relative change of the velocities sent as notes at full intensity.
const INTENSITY_VELOCITY: f64 = 0.35;
/// Pivot frequency of the tilt, in Hz.
const PIVOT_HZ: f64 = 1_000.0;
/// Time in which a gain of the tilt moves from 0 to 1, in seconds.
const RAMP_SECONDS: f32 = 0.020;

/// Positions of one track's dials. By default all are in the middle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Dials {
    /// From -1 (straight) through 0 (as the take was made) to 1 (the hardest swing, 3:1).
    pub swing: f32,
    /// From -1 (on the grid) through 0 (as the take was made) to 1 (loose).
    pub humanise: f32,
    /// Treble boost and equal bass cut, in dB.
    pub brightness_db: f32,
    /// From -1 (calm) to 1 (driving): level, dynamics and treble.
    pub intensity: f32,
}

impl Dials {
    /// Whether pieces of the take are moved or change level.
    pub(super) fn moves(&self) -> bool {
        self.swing != 0.0 || self.humanise != 0.0 || self.intensity != 0.0
    }

    fn tilt_db(&self) -> f32 {
        self.brightness_db + self.intensity * INTENSITY_TILT_DB
    }

    /// The velocity to send for a note.
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
    /// Distance from `at` to the swung step, in quarter notes.
    to_grid: f64,
    /// Random offset in -1..=1, the same every time the take is played.
    dice: f64,
    /// Loudest velocity, as a fraction of full velocity.
    velocity: f64,
}

/// The onsets of a take, sorted by position.
#[derive(Debug, Default)]
pub(super) struct Onsets {
    onsets: Vec<Onset>,
    quarters: f64,
    swing: Swing,
    bpm: f64,
    mean_velocity: f64,
}

/// A pseudo-random number in -1..=1 with a triangular distribution around 0.
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

    /// The onsets of a song's passes, at the song's tempo. Allocates.
    pub fn of_song(song: &SongSamples, quarters: f64, bpm: f64) -> Arc<Self> {
        let mut onsets: Vec<Onset> = Vec::new();
        let mut swing = Swing::default();
        for (pass, clip) in song.playing() {
            let own = clip.onsets();
            swing = own.swing;
            for begin in pass.turns(clip) {
                let within = own.onsets.iter().filter(|onset| begin + onset.at < pass.quarters);
                let at = |onset: &Onset| pass.start_quarter + begin + onset.at;
                onsets.extend(within.map(|onset| Onset { at: at(onset), ..*onset }));
            }
        }
        let sum: f64 = onsets.iter().map(|onset| onset.velocity).sum();
        let mean_velocity = sum / onsets.len().max(1) as f64;
        Arc::new(Self { onsets, quarters, swing, bpm, mean_velocity })
    }

    /// The onset with the given number, counted across all passes of the loop, and its position.
    fn onset(&self, number: i64) -> (&Onset, f64) {
        let count = self.onsets.len() as i64;
        let onset = &self.onsets[number.rem_euclid(count) as usize];
        (onset, onset.at + number.div_euclid(count) as f64 * self.quarters)
    }

    /// How far the dials move an onset, in quarter notes of a timeline that runs at `bpm`. Onsets keep their order.
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

    /// How far the dials move the notes that start at `at`, in quarter notes.
    pub fn shift_of(&self, at: f64, dials: &Dials, bpm: f64) -> f64 {
        if self.onsets.is_empty() || !dials.moves() {
            return 0.0;
        }
        // The notes of one step start at its onset or soon after.
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

    /// The piece playing at a beat of a timeline that runs at `bpm`.
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

    /// The samples at a beat of a timeline that runs at `bpm`. `read` returns the take's samples at a position in the take's own
    /// beats. `known` caches the last piece found with the same dials and tempo.
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

/// The part of a take from one onset to the next, at the position where the dials have put it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    /// Its start on the timeline, in beats.
    begin: f64,
    /// Its start in the take and that of the next part, in the take's beats.
    source: f64,
    limit: f64,
    gain: f32,
}

impl Part {
    fn read(&self, beat: f64, speed: f64, read: &impl Fn(f64) -> Lanes) -> Lanes {
        let mut place = self.source + (beat - self.begin) * speed;
        if place > self.limit {
            // Backwards, as far as the part reaches.
            place = 2.0 * self.limit - place;
            if place < self.source {
                return Lanes::default();
            }
        }
        read(place).map(|lane| lane.map(|sample| sample * self.gain))
    }

    /// Whether the next part continues this one, so that no crossfade is needed.
    fn joins(&self, next: &Self) -> bool {
        let moved = (next.begin - self.begin) - (next.source - self.source);
        moved.abs() < 1e-12 && self.gain == next.gain
    }
}

/// The audio from one shifted onset to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Piece {
    before: Part,
    now: Part,
    /// The start of the next piece on the timeline, in beats.
    end: f64,
}

/// A gain that moves to a target, at the same speed for any block size.
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

    /// Tilts a block according to the dials.
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
