//! Finishes a stem: tone, dynamics, saturation, ageing, room and width, as a mixing engineer would apply them to a loop.
//!
//! All effects work on loops: whatever rings past the end is heard at the start. A chain without effects leaves the samples
//! unchanged. Not realtime-safe, because it allocates.
//!
//! ```
//! use resonantgen_sound::finish::{Chain, Room};
//!
//! let mut sides = [vec![0.0; 48_000], vec![0.0; 48_000]];
//! sides[0][100] = 0.5;
//! let chain = Chain { room: Room { level: 0.4, seconds: 0.8, size: 2, ..Room::default() }, ..Chain::default() };
//! chain.apply(&mut sides, &[100], 1);
//! assert!(sides[1][9_000].abs() > 0.0);
//! ```

mod age;
mod dynamics;
mod filter;
pub mod limit;
pub(crate) mod room;

use self::filter::{Biquad, Shape};
use crate::audio::TAKE_SAMPLE_RATE_HZ;
use crate::codec::width::Widener;
use crate::measure::sound::Spectrum;

/// Left and right of a loop, of equal length.
pub type Sides = [Vec<f32>; 2];

/// Below this frequency in hertz a stem is mono: stereo sub-bass wastes headroom and cannot be cut to vinyl.
const MONO_BELOW_HZ: f64 = 140.0;
/// Samples from the loop's end that are fed to the widener before the start.
const WIDENER_LEAD: usize = TAKE_SAMPLE_RATE_HZ as usize / 4;

/// Equaliser gains in decibels; 0 leaves a range unchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tone {
    /// Below 130 Hz.
    pub low_db: f32,
    /// Around 300 Hz.
    pub body_db: f32,
    /// Around 3 kHz.
    pub presence_db: f32,
    /// Above 4 kHz.
    pub high_db: f32,
    /// Above 10 kHz.
    pub air_db: f32,
    /// High-pass frequency (12 dB per octave) in hertz; 0 for none.
    pub low_cut_hz: f32,
    /// Low-pass frequency (12 dB per octave) in hertz; 0 for none.
    pub high_cut_hz: f32,
}

/// A room around a stem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Room {
    /// Level of the reverberation, in `0.0..=2.0`.
    pub level: f32,
    /// Level of the direct sound, in `0.0..=1.0`.
    pub direct: f32,
    /// Time in seconds in which the reverberation falls by 60 dB.
    pub seconds: f64,
    /// Scale of the echoes' path lengths: 1 is a small studio, 3 a hall.
    pub size: usize,
    /// Share of the highs that survives a reflection, in `0.0..=1.0`.
    pub damping: f32,
}

impl Default for Room {
    /// No room.
    fn default() -> Self {
        Self { level: 0.0, direct: 1.0, seconds: 0.4, size: 1, damping: 0.5 }
    }
}

/// The effects of a stem, in order of application.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chain {
    /// Gain of attacks, in decibels.
    pub attack_db: f32,
    /// Gain of the sound after attacks, in decibels.
    pub sustain_db: f32,
    /// Drive into saturation, above the usual peaks, in decibels; 0 for none.
    pub drive_db: f32,
    /// Equaliser.
    pub tone: Tone,
    /// Amount of compression, linked across both channels, in `0.0..=1.0`.
    pub glue: f32,
    /// Pitch flutter of a worn record or tape, in cents.
    pub wow_cents: f32,
    /// Noise and crackle of a worn record, in decibels relative to the stem's level; `None` for none.
    pub grain_db: Option<f32>,
    /// Room.
    pub room: Room,
    /// Factor on the existing width.
    pub width: f32,
    /// Added width, as the level of a decorrelated side signal relative to the mid.
    pub spread: f32,
}

impl Default for Chain {
    /// No effects.
    fn default() -> Self {
        Self {
            attack_db: 0.0,
            sustain_db: 0.0,
            drive_db: 0.0,
            tone: Tone::default(),
            glue: 0.0,
            wow_cents: 0.0,
            grain_db: None,
            room: Room::default(),
            width: 1.0,
            spread: 0.0,
        }
    }
}

impl Chain {
    /// Applies the effects to a loop whose notes start in the frames `onsets`; without onsets, attacks are found by ear. `seed`
    /// determines the grain. In a loop without highs, what the tone would do to them happens lower, where it is heard.
    ///
    /// # Panics
    /// Panics if the channels differ in length.
    pub fn apply(&self, sides: &mut Sides, onsets: &[usize], seed: u64) {
        assert_eq!(sides[0].len(), sides[1].len(), "both channels of a loop are equally long");
        dynamics::shape(sides, onsets, self.attack_db, self.sustain_db);
        dynamics::saturate(sides, self.drive_db);
        self.tone.apply(sides);
        dynamics::glue(sides, self.glue);
        age::flutter(sides, self.wow_cents);
        if let Some(level_db) = self.grain_db {
            age::grain(sides, level_db, seed);
        }
        self.widen(sides);
        self.room.apply(sides);
    }

    fn widen(&self, sides: &mut Sides) {
        if self.width == 1.0 && self.spread == 0.0 {
            return;
        }
        let (mid, mut side) = mid_and_side(sides);
        let mut widener = Widener::new(self.spread);
        for sample in &mid[mid.len() - WIDENER_LEAD.min(mid.len())..] {
            widener.side(*sample);
        }
        for (side, mid) in side.iter_mut().zip(&mid) {
            *side = self.width * *side + widener.side(*mid);
        }
        left_and_right(sides, &mid, &side);
    }
}

/// A loop's highest frequency is that above which this share of its energy lies.
const HIGHEST_SHARE: f32 = 0.005;
/// A loop whose highest frequency is below this one, in hertz, is dark: its highs begin lower by the same factor.
const DARK_BELOW_HZ: f32 = 6_000.0;
const DARKEST: f32 = 0.06;
/// Highest position of a high cut relative to a loop's highest frequency. One that was meant to be higher lies between the lowest and
/// this one, the higher the higher it was meant.
const CUT_BELOW: f32 = 0.6;
const CUT_LEAST: f32 = 0.35;
const CUT_MIDDLE_HZ: f32 = 2_000.0;

/// The frequency in hertz above which next to nothing of a loop lies.
fn highest_hz(sides: &Sides) -> f32 {
    let [mid, _] = <[Vec<f32>; 2]>::from(mid_and_side(sides));
    let spectrum = Spectrum::new(&mid);
    let half = TAKE_SAMPLE_RATE_HZ as f32 / 2.0;
    let total = spectrum.energy(20.0, half);
    let mut hz = half;
    while hz > 60.0 && spectrum.energy(hz, half) < HIGHEST_SHARE * total {
        hz *= 0.95;
    }
    hz
}

impl Tone {
    fn apply(&self, sides: &mut Sides) {
        let gained = |shape: fn(f64) -> Shape, decibels: f32, hz: f64| {
            (decibels != 0.0).then(|| Biquad::new(shape(f64::from(decibels)), hz))
        };
        let cut = |shape: Shape, hz: f32| (hz > 0.0).then(|| Biquad::new(shape, f64::from(hz)));
        let needs_highs = self.high_db != 0.0 || self.high_cut_hz > 0.0;
        let highest = if needs_highs { highest_hz(sides) } else { DARK_BELOW_HZ };
        let dark = f64::from((highest / DARK_BELOW_HZ).clamp(DARKEST, 1.0));
        let high_cut_hz = if self.high_cut_hz > CUT_BELOW * highest {
            let share = self.high_cut_hz / (self.high_cut_hz + CUT_MIDDLE_HZ);
            highest * (CUT_LEAST + (CUT_BELOW - CUT_LEAST) * share)
        } else {
            self.high_cut_hz
        };
        let filters = [
            gained(Shape::LowShelf, self.low_db, 130.0),
            gained(|decibels| Shape::Peak(decibels, 0.7), self.body_db, 300.0),
            gained(|decibels| Shape::Peak(decibels, 0.7), self.presence_db, 3_000.0),
            gained(Shape::HighShelf, self.high_db, 4_000.0 * dark),
            gained(Shape::HighShelf, self.air_db, 10_000.0),
            cut(Shape::HighPass, self.low_cut_hz),
            cut(Shape::LowPass, high_cut_hz),
        ];
        for filter in filters.into_iter().flatten() {
            for samples in sides.iter_mut() {
                filter.run(samples);
            }
        }
    }
}

/// Saturates a loop, driven `drive_db` above its usual peaks, at constant level.
pub fn saturate(sides: &mut Sides, drive_db: f32) {
    dynamics::saturate(sides, drive_db);
}

impl Room {
    fn apply(&self, sides: &mut Sides) {
        if self.level == 0.0 {
            return;
        }
        let (mut mid, mut side) = mid_and_side(sides);
        let send = mid.clone();
        for sample in mid.iter_mut().chain(&mut side) {
            *sample *= self.direct;
        }
        room::Room::sized(self.seconds, self.size, self.damping).add(&send, self.level, &mut mid, &mut side);
        left_and_right(sides, &mid, &side);
    }
}

fn mid_and_side([left, right]: &Sides) -> (Vec<f32>, Vec<f32>) {
    let half = |combine: fn(f32, f32) -> f32| -> Vec<f32> {
        left.iter().zip(right).map(|(left, right)| 0.5 * combine(*left, *right)).collect()
    };
    (half(|left, right| left + right), half(|left, right| left - right))
}

fn left_and_right([left, right]: &mut Sides, mid: &[f32], side: &[f32]) {
    for ((left, right), (mid, side)) in left.iter_mut().zip(right).zip(mid.iter().zip(side)) {
        (*left, *right) = (mid + side, mid - side);
    }
}

fn power(samples: &[f32]) -> f64 {
    samples.iter().map(|sample| f64::from(*sample).powi(2)).sum()
}

/// Makes a stem compatible with mono: its lows become mono, and its side gets at most `most_side` of the mid's power. With 0.25,
/// the sum to mono loses less than 1 dB of the stem's power.
pub fn keep_mono_compatible(sides: &mut Sides, most_side: f32) {
    let (mid, mut side) = mid_and_side(sides);
    if side.iter().all(|sample| *sample == 0.0) {
        return;
    }
    // Applied twice, for a fourth-order high-pass (Linkwitz and Riley).
    for _ in 0..2 {
        Biquad::new(Shape::HighPass, MONO_BELOW_HZ).run(&mut side);
    }
    let (middle, wide) = (power(&mid), power(&side));
    let most = f64::from(most_side) * middle;
    if wide > most {
        let factor = (most / wide).sqrt() as f32;
        side.iter_mut().for_each(|sample| *sample *= factor);
    }
    left_and_right(sides, &mid, &side);
}

/// Attenuates a loop's lows by `gains` (one per sample; 1 changes nothing), to make room for a kick. Everything above is
/// unchanged.
///
/// # Panics
/// Panics if there are not as many gains as samples.
pub fn duck_lows(sides: &mut Sides, gains: &[f32], below_hz: f32) {
    for samples in sides {
        assert_eq!(samples.len(), gains.len(), "one gain per sample");
        let mut lows = samples.clone();
        // Forwards and backwards, so that the subtracted part is in phase.
        for _ in 0..2 {
            Biquad::new(Shape::LowPass, f64::from(below_hz)).run(&mut lows);
            lows.reverse();
        }
        for ((sample, low), gain) in samples.iter_mut().zip(lows).zip(gains) {
            *sample -= (1.0 - gain) * low;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn noise(seed: u64, count: usize) -> Vec<f32> {
        (0..count as u64)
            .map(|place| (crate::codec::hits::draw(seed, place) >> 40) as f32 / 8_388_608.0 - 1.0)
            .map(|sample| 0.2 * sample)
            .collect()
    }

    #[test]
    fn a_chain_without_effects_changes_nothing() {
        let mut sides = [noise(1, 48_000), noise(2, 48_000)];
        let before = sides.clone();
        Chain::default().apply(&mut sides, &[5], 1);
        assert_eq!(sides, before);
        Chain { drive_db: 6.0, glue: 1.0, ..Chain::default() }.apply(&mut [Vec::new(), Vec::new()], &[], 1);
    }

    #[test]
    fn a_high_cut_is_heard_in_a_dark_stem_too() {
        let tone: Vec<f32> = (0..48_000)
            .map(|index| {
                [80.0, 240.0, 400.0].map(|hz| (TAU * hz * index as f32 / 48_000.0).sin()).iter().sum()
            })
            .collect();
        let highs = |sides: &Sides| Spectrum::new(&sides[0]).energy(350.0, 450.0);
        let mut sides = [tone.clone(), tone];
        let before = highs(&sides);
        let tone = Tone { high_cut_hz: 1_700.0, ..Tone::default() };
        Chain { tone, ..Chain::default() }.apply(&mut sides, &[], 1);
        assert!(highs(&sides) < 0.5 * before);
    }

    #[test]
    fn a_wide_stem_survives_mono_and_has_no_low_side() {
        let low = |index: usize, phase: f32| (TAU * 50.0 * index as f32 / 48_000.0 + phase).sin();
        let mut sides = [noise(1, 96_000), noise(2, 96_000)];
        for (index, sample) in sides[0].iter_mut().enumerate() {
            *sample += low(index, 0.0);
        }
        for (index, sample) in sides[1].iter_mut().enumerate() {
            *sample += low(index, 1.5);
        }
        let [loud, _] = mid_and_side(&sides).into();
        keep_mono_compatible(&mut sides, 0.25);
        let (mid, side) = mid_and_side(&sides);
        assert!(mid.iter().zip(&loud).all(|(now, before)| (now - before).abs() < 1e-5));
        assert!(power(&side) <= 1.001 * 0.25 * power(&mid));
        let lows = |samples: &[f32]| {
            let mut lows = samples.to_vec();
            Biquad::new(Shape::LowPass, 60.0).run(&mut lows);
            power(&lows)
        };
        assert!(lows(&side) < 1e-3 * lows(&mid));
    }

    #[test]
    fn width_can_be_added_and_taken_and_the_middle_stays() {
        let tone = noise(3, 96_000);
        let mut sides = [tone.clone(), tone.clone()];
        Chain { spread: 0.5, ..Chain::default() }.apply(&mut sides, &[], 1);
        let (mid, side) = mid_and_side(&sides);
        assert!(mid.iter().zip(&tone).all(|(now, before)| (now - before).abs() < 1e-6));
        let share = (power(&side) / power(&mid)).sqrt();
        assert!((0.35..0.55).contains(&share), "{share}");
        Chain { width: 0.0, ..Chain::default() }.apply(&mut sides, &[], 1);
        assert_eq!(sides[0], sides[1]);
    }

    #[test]
    fn only_the_lows_give_way() {
        let tone = |hz: f32| -> Vec<f32> {
            (0..48_000).map(|index| (TAU * hz * index as f32 / 48_000.0).sin()).collect()
        };
        for (hz, least, most) in [(40.0, 0.24, 0.3), (90.0, 0.25, 0.4), (2_000.0, 0.97, 1.03)] {
            let mut sides = [tone(hz), tone(hz)];
            let before = power(&sides[0]);
            duck_lows(&mut sides, &[0.25; 48_000], 160.0);
            let share = (power(&sides[0]) / before).sqrt();
            assert!((least..most).contains(&share), "{hz}: {share}");
        }
    }

    #[test]
    fn a_room_is_heard_after_the_sound_and_around_the_seam() {
        let mut sides = [vec![0.0; 96_000], vec![0.0; 96_000]];
        for side in &mut sides {
            side[95_000] = 1.0;
        }
        let room = Room { level: 0.5, direct: 0.8, seconds: 1.0, size: 2, damping: 0.4 };
        Chain { room, ..Chain::default() }.apply(&mut sides, &[], 1);
        assert!((sides[0][95_000] - 0.8).abs() < 0.05);
        assert!(power(&sides[0][4_000..12_000]) > 1e-5);
        assert!(power(&sides[0][80_000..94_000]) < power(&sides[0][4_000..18_000]));
    }
}
