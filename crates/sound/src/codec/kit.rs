//! Plays a kit of [`hits`](super::hits) as a seamless loop: velocity changes timbre, repeated strokes differ, hats choke, cymbals
//! ring over the loop's end into its start, and a small room ties the kit together.
//!
//! The sum of left and right does not depend on panning: panning and the room's width only affect the side signal. The same
//! strikes and seed give the same samples, bit for bit, on every processor.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::hits::{CURVE_POINTS, Curve, DECIBEL, Hit, Hits, Piece, Stroke, draw, exp, ln, render};
use crate::finish::room::Room;
use resonantgen_music::score::{DRUM_CLASS_COUNT, DrumClass};

/// Level of each class's loudest 50 ms at full velocity, in decibels. Indexed like [`DrumClass::ALL`].
const BALANCE_DB: [f64; DRUM_CLASS_COUNT] =
    [0.0, -1.0, -4.0, -7.0, -14.0, -12.0, -3.0, -4.0, -8.0, -14.0, -17.0, -11.0];
/// Pan positions from the drummer's perspective: -1 is left, 1 is right.
const PAN: [f32; DRUM_CLASS_COUNT] = [0.0, 0.0, 0.1, -0.1, -0.3, -0.3, 0.35, -0.15, -0.35, 0.35, 0.25, 0.3];
/// Send level of each class to the room.
const ROOM_SEND: [f32; DRUM_CLASS_COUNT] = [0.35, 1.0, 1.0, 0.8, 0.6, 0.6, 0.9, 0.9, 0.7, 0.7, 0.6, 0.8];
/// Level change in decibels for a tenfold velocity.
const VELOCITY_DB: f64 = 32.0;
/// Resolution between two layers; finer differences share a rendering.
const LAYER_STEPS: f64 = 4.0;
/// Step size below the softest layer, in decibels.
const SOFTER_STEP_DB: f64 = 3.0;
/// How much darker a stroke becomes below the softest layer: decibels per octave above 500 Hz, per decibel.
const SOFTER_TILT: f64 = 0.06;
/// Maximum random deviation of a stroke's level, in decibels.
const HUMAN_DB: f64 = 0.6;
/// Strokes longer than this, in samples, use fewer round robins, because they are the most expensive and overlap anyway.
const LONG: usize = 72_000;
const LONG_VARIANTS: usize = 3;
/// Samples over which an open hat closes.
const CHOKE: usize = 1_920;

/// The piece that a kit plays for one class.
#[derive(Clone, Debug, PartialEq)]
pub struct KitPiece {
    /// Name of the piece in the bundle's file of hits.
    pub piece: String,
    /// Level relative to the usual balance, in decibels.
    pub gain_db: f64,
    /// Factor on the modes' frequencies.
    pub tune: f64,
}

/// A kit: its pieces, and settings for all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Kit {
    /// Pieces, indexed like [`DrumClass::ALL`].
    pub pieces: [Option<KitPiece>; DRUM_CLASS_COUNT],
    /// Level of the room, in `0.0..=1.0`.
    pub room: f32,
    /// Time in seconds in which the room falls by 60 dB; above 0.
    pub room_s: f64,
    /// Drive of the mix into saturation, in decibels; 0 for none.
    pub drive_db: f64,
    /// Gains of all pieces, in decibels per octave band.
    pub tone: Curve,
}

/// A hit in the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// Position in the loop in samples, below its length.
    pub at: usize,
    /// The class that is hit.
    pub class: DrumClass,
    /// MIDI velocity, in `1..=127`.
    pub velocity: u8,
}

/// A rendering that strikes can share: class, touch, round robin.
type Key = (usize, Touch, usize);

/// Playback of a strike: the rendering, its level, and the number of samples after which it is choked.
struct Play {
    rendering: usize,
    gain: f32,
    end: usize,
}

/// Playback options for a kit.
#[derive(Clone, Copy, Debug)]
pub struct Performance<'a> {
    /// Seed of round robins and levels.
    pub seed: u64,
    /// Gains added to the kit's tone.
    pub tone: &'a Curve,
    /// Rendering threads, at least 1. They do not affect the result.
    pub threads: usize,
}

/// Renders left and right of a loop of `loop_samples` samples. Returns `None` soon after `keep_going` returns false. `strikes`
/// must be sorted by `at`; strikes for which the kit has no piece are skipped.
///
/// # Panics
/// Panics if a strike is outside the loop.
#[must_use]
pub fn perform(
    kit: &Kit,
    hits: &Hits,
    strikes: &[Strike],
    loop_samples: usize,
    performance: Performance<'_>,
    keep_going: &(dyn Fn() -> bool + Sync),
) -> Option<[Vec<f32>; 2]> {
    let pieces: Vec<Option<(&KitPiece, &Piece)>> = kit
        .pieces
        .iter()
        .map(|own| own.as_ref().and_then(|own| Some((own, hits.piece(&own.piece)?))))
        .collect();
    let mut keys: Vec<Key> = Vec::new();
    let mut known: HashMap<Key, usize> = HashMap::new();
    let mut last_variant = [usize::MAX; DRUM_CLASS_COUNT];
    let plays: Vec<Option<Play>> = strikes
        .iter()
        .enumerate()
        .map(|(index, strike)| {
            assert!(strike.at < loop_samples, "a strike lies in the loop");
            let class = strike.class.index();
            let (own, piece) = pieces[class]?;
            let bits = draw(performance.seed, index as u64);
            let wanted =
                VELOCITY_DB / std::f64::consts::LN_10 * ln(f64::from(strike.velocity.max(1)) / 127.0);
            let touch = Touch::of(piece.hits(), wanted);
            let hit = &piece.hits()[touch.layer];
            let most = if hit.samples() > LONG { LONG_VARIANTS } else { usize::MAX };
            let variant = next_variant(last_variant[class], hit.variants().min(most), bits);
            last_variant[class] = variant;
            let key = (class, touch, variant);
            let rendering = *known.entry(key).or_insert_with(|| {
                keys.push(key);
                keys.len() - 1
            });
            let human = HUMAN_DB * (f64::from((bits >> 40) as u16) / 32_767.5 - 1.0);
            let level = wanted + human + own.gain_db + BALANCE_DB[class] - hit.rendered_db();
            Some(Play {
                rendering,
                gain: exp(DECIBEL * level) as f32,
                end: choked_after(strikes, index, loop_samples),
            })
        })
        .collect();
    let render_key = |&(class, touch, variant): &Key| {
        let (own, piece) = pieces[class].expect("only pieces of the kit have keys");
        let mut curve = touch.curve(piece.hits());
        for (point, (own, tone)) in curve.iter_mut().zip(kit.tone.iter().zip(performance.tone)) {
            *point += own + tone;
        }
        render(&piece.hits()[touch.layer], &Stroke { variant, curve, tune: own.tune })
    };
    let renderings = in_parallel(&keys, performance.threads, &render_key, keep_going)?;

    let mut buses = Buses::new(loop_samples);
    for (strike, play) in strikes.iter().zip(&plays) {
        let Some(play) = play else { continue };
        if !keep_going() {
            return None;
        }
        buses.add(strike, play, &renderings[play.rendering]);
    }
    let Buses { mut mid, mut side, send } = buses;
    if kit.room > 0.0 {
        Room::new(kit.room_s).add(&send, kit.room, &mut mid, &mut side);
    }
    let mut sides = [
        mid.iter().zip(&side).map(|(mid, side)| mid + side).collect::<Vec<f32>>(),
        mid.iter().zip(&side).map(|(mid, side)| mid - side).collect::<Vec<f32>>(),
    ];
    if kit.drive_db > 0.0 {
        drive(&mut sides, kit.drive_db);
    }
    Some(sides)
}

/// Renders all keys, in order. Returns `None` soon after `keep_going` returns false.
pub(super) fn in_parallel<K: Sync>(
    keys: &[K],
    threads: usize,
    render_key: &(dyn Fn(&K) -> Vec<f32> + Sync),
    keep_going: &(dyn Fn() -> bool + Sync),
) -> Option<Vec<Vec<f32>>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while keep_going() {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(key) = keys.get(index) else { return Some(done) };
            done.push((index, render_key(key)));
        }
        None
    };
    let mut all: Vec<(usize, Vec<f32>)> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.max(1)).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        for other in others {
            // A panic while rendering is a bug in this crate and is passed on.
            let done = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            all = all.zip(done).map(|(mut all, done)| {
                all.extend(done);
                all
            });
        }
        all
    })?;
    all.sort_by_key(|(index, _)| *index);
    Some(all.into_iter().map(|(_, samples)| samples).collect())
}

/// The mix buses of a loop: mid, side and room send.
struct Buses {
    mid: Vec<f32>,
    side: Vec<f32>,
    send: Vec<f32>,
}

impl Buses {
    fn new(samples: usize) -> Self {
        Self { mid: vec![0.0; samples], side: vec![0.0; samples], send: vec![0.0; samples] }
    }

    /// Adds a stroke. Whatever extends past the loop's end continues at its start.
    fn add(&mut self, strike: &Strike, play: &Play, sound: &[f32]) {
        let class = strike.class.index();
        let whole = sound.len().min(play.end);
        let closing: Vec<f32> = sound[whole..]
            .iter()
            .take(CHOKE)
            .enumerate()
            .map(|(index, sample)| sample * (1.0 - index as f32 / CHOKE as f32))
            .collect();
        let gains = (play.gain, play.gain * PAN[class], play.gain * ROOM_SEND[class]);
        let mut place = strike.at;
        for mut part in [&sound[..whole], &closing[..]] {
            while !part.is_empty() {
                let count = part.len().min(self.mid.len() - place);
                let (now, rest) = part.split_at(count);
                for (bus, gain) in
                    [(&mut self.mid, gains.0), (&mut self.side, gains.1), (&mut self.send, gains.2)]
                {
                    for (target, sample) in bus[place..place + count].iter_mut().zip(now) {
                        *target += gain * sample;
                    }
                }
                place = (place + count) % self.mid.len();
                part = rest;
            }
        }
    }
}

/// A random round robin other than the last one.
fn next_variant(last: usize, count: usize, bits: u64) -> usize {
    if last == usize::MAX || count < 2 {
        return (bits % count as u64) as usize;
    }
    (last + 1 + (bits % (count as u64 - 1)) as usize) % count
}

/// Samples after which an open hat is closed by the next stroke on the hats. Longer than any sound for all other classes.
fn choked_after(strikes: &[Strike], index: usize, loop_samples: usize) -> usize {
    let strike = strikes[index];
    if strike.class != DrumClass::OpenHat {
        return usize::MAX;
    }
    let is_hat = |other: &&Strike| matches!(other.class, DrumClass::ClosedHat | DrumClass::OpenHat);
    let after = strikes[index + 1..].iter().filter(is_hat).map(|other| other.at - strike.at);
    let around = strikes[..=index].iter().filter(is_hat).map(|other| loop_samples + other.at - strike.at);
    after.chain(around).find(|&distance| distance > 0).unwrap_or(loop_samples)
}

/// How hard a piece is hit: a layer, and how far its timbre is shifted towards another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Touch {
    pub(super) layer: usize,
    /// Steps towards the next layer, or towards the previous one if negative.
    between: i32,
    /// Steps below the softest layer.
    softer: i32,
}

impl Touch {
    /// The touch for a level in decibels below full velocity. Layers are spaced according to their loudness.
    pub(super) fn of(layers: &[Hit], wanted: f64) -> Self {
        let top = layers[layers.len() - 1].loudness_db();
        // A layer that is not louder than the previous one counts as a quarter of a decibel louder.
        let mut places = vec![0.0f64; layers.len()];
        for index in (0..layers.len() - 1).rev() {
            places[index] = (layers[index].loudness_db() - top).min(places[index + 1] - 0.25);
        }
        if wanted <= places[0] {
            let softer = ((places[0] - wanted) / SOFTER_STEP_DB).round().min(8.0) as i32;
            return Self { layer: 0, between: 0, softer };
        }
        let above = places.partition_point(|&place| place < wanted).min(layers.len() - 1);
        let share = (wanted - places[above - 1]) / (places[above] - places[above - 1]);
        if share >= 0.5 {
            Self { layer: above, between: -((1.0 - share).max(0.0) * LAYER_STEPS).round() as i32, softer: 0 }
        } else {
            Self { layer: above - 1, between: (share * LAYER_STEPS).round() as i32, softer: 0 }
        }
    }

    pub(super) fn curve(self, layers: &[Hit]) -> Curve {
        let own = layers[self.layer].spectrum();
        let other = self.layer.saturating_add_signed(self.between.signum() as isize);
        let other = layers[other.min(layers.len() - 1)].spectrum();
        let share = f64::from(self.between.abs()) / LAYER_STEPS;
        let softer = SOFTER_TILT * SOFTER_STEP_DB * f64::from(self.softer);
        std::array::from_fn(|point| {
            // Where either layer has almost no energy, the difference is unreliable.
            let lean = (other[point] - own[point]).clamp(-12.0, 12.0);
            share * lean - softer * (point as f64 - 4.0).max(0.0)
        })
    }
}

/// Compresses levels above the peak's share towards it and keeps the peak (a rational approximation of tanh).
fn drive(sides: &mut [Vec<f32>; 2], drive_db: f64) {
    let peak = sides.iter().flatten().fold(1e-6f32, |peak, sample| peak.max(sample.abs()));
    let factor = exp(DECIBEL * drive_db) as f32 / peak;
    let bend = |sample: f32| {
        let x = (sample * factor).clamp(-3.0, 3.0);
        x * (27.0 + x * x) / (27.0 + 9.0 * x * x)
    };
    let scale = peak / bend(peak);
    for sample in sides.iter_mut().flatten() {
        *sample = scale * bend(*sample);
    }
}

/// The curve of an edit's tilt, given as the log gain of the highest band relative to the middle, over the octaves.
#[must_use]
pub fn tilted(tilt: f32) -> Curve {
    /// Position of each octave on the codec's bands: -1 is the lowest, 1 the highest.
    const HEIGHT: [f64; CURVE_POINTS] = [-1.0, -0.99, -0.95, -0.86, -0.72, -0.5, -0.22, 0.12, 0.49, 0.88];
    HEIGHT.map(|height| f64::from(tilt) * height / DECIBEL)
}
