//! Drum hits as parameters: decaying modes and shaped noise, fitted to recordings.
//!
//! Twin of `training/resonant/hits.py`, whose docstring defines the model and the file format; tested against golden files made
//! by it. The same parameters give the same samples, bit for bit, on every processor. Not realtime-safe, because it allocates.

mod exact;

use std::sync::LazyLock;

pub(crate) use self::exact::draw;
pub(crate) use self::exact::exp;
pub(super) use self::exact::ln;
use self::exact::{Inverse, exp_fast, sin_cos};
use super::SAMPLE_RATE_HZ;

const RATE: f64 = SAMPLE_RATE_HZ as f64;
const MAGIC: &[u8; 8] = b"RGHITS\0\x01";
const RATIOS: [f64; 7] = [1.0, 1.04, 1.1, 1.2, 1.4, 1.8, 2.6];
const TAUS_MS: [f64; 4] = [12.0, 30.0, 80.0, 200.0];
const RAMPS: [usize; 4] = [24, 96, 288, 864];
const CLOCK_STEP: usize = 64;
const CLOCK_BELOW_HZ: f64 = 1_200.0;
const FAST_MS: [f64; 17] =
    [-1.0, 0.0, 1.0, 2.0, 3.0, 4.5, 6.0, 8.0, 11.0, 15.0, 20.0, 27.0, 36.0, 48.0, 62.0, 80.0, 100.0];
const SLOW_MS: [f64; 14] =
    [15.0, 22.0, 32.0, 46.0, 66.0, 95.0, 137.0, 200.0, 290.0, 420.0, 610.0, 900.0, 1_300.0, 2_000.0];
const FAST_BANDS: usize = 32;
const SLOW_BANDS: usize = 96;
const BLEND_FIRST: usize = 1_440;
const BLEND_LENGTH: usize = 960;
const CURVE_LOW_HZ: f64 = 31.25;
const GRID_STEP: f32 = 0.1;
const SILENT: f32 = -60.0;
const DRAW_SCALE: f32 = 2.6427e-5;
const VARIANT_TURNS: f64 = 0.02;
const VARIANT_DB: f64 = 0.4;
const VARIANT_PLACE: u64 = 1 << 40;
pub(super) const DECIBEL: f64 = std::f64::consts::LN_10 / 20.0;
/// For modes without pitch bend, the number of samples between two exactly computed positions.
const STEADY_STEP: usize = 256;
/// Amplitude below which a mode is inaudible.
const INAUDIBLE: f64 = 3e-6;

/// Points of a timbre curve: gains in decibels at 31.25 Hz and each octave above.
pub const CURVE_POINTS: usize = 10;
/// Gains in decibels at 31.25 Hz and each octave above.
pub type Curve = [f64; CURVE_POINTS];

/// Maximum number of layers per piece.
const MAX_LAYERS: usize = 16;

/// A decaying sine.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Mode {
    hz: f64,
    /// Decay rate per second.
    decay: f64,
    amplitude: f64,
    turns: f64,
}

/// Natural logarithm of power, over time and band.
#[derive(Clone, Debug, PartialEq)]
struct Grid {
    /// `[times, bands]`.
    values: Vec<f32>,
    bands: usize,
}

/// One stroke of a piece: a velocity layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    loudness_db: f64,
    own_db: f64,
    samples: usize,
    ratio: f64,
    tau: f64,
    ramp: usize,
    spike_at: usize,
    spike: f32,
    curve: Curve,
    seeds: Vec<u16>,
    modes: Vec<Mode>,
    fast: Grid,
    slow: Grid,
}

impl Hit {
    /// Level of the loudest 50 ms among the layers of the piece, in decibels.
    #[must_use]
    pub fn loudness_db(&self) -> f64 {
        self.loudness_db
    }

    /// Level of the loudest 50 ms of the rendering, in decibels.
    #[must_use]
    pub fn rendered_db(&self) -> f64 {
        self.own_db
    }

    /// Spectrum of the first 150 ms per octave, in decibels, for comparing layers.
    #[must_use]
    pub fn spectrum(&self) -> &Curve {
        &self.curve
    }

    /// Length of the sound in samples.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Number of round robins, at least 1.
    #[must_use]
    pub fn variants(&self) -> usize {
        self.seeds.len()
    }
}

/// A drum or cymbal, softest layer first.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    name: String,
    hits: Vec<Hit>,
}

impl Piece {
    /// Name in the file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Velocity layers, softest first; at least one.
    #[must_use]
    pub fn hits(&self) -> &[Hit] {
        &self.hits
    }
}

/// The pieces of a file of hits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hits {
    pieces: Vec<Piece>,
}

impl Hits {
    /// Parses a file.
    ///
    /// # Errors
    /// Returns a description of what is wrong: another version, a truncated file, a wrong length, or values out of range.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut reader = Reader { bytes };
        if reader.take(MAGIC.len())? != MAGIC {
            return Err("no file of hits, or one of another version".to_owned());
        }
        let count = u32::from_le_bytes(reader.array()?);
        let pieces = (0..count).map(|_| reader.piece()).collect::<Result<Vec<_>, _>>()?;
        if !reader.bytes.is_empty() {
            return Err("the file of hits is longer than it says".to_owned());
        }
        Ok(Self { pieces })
    }

    /// The piece with this name.
    #[must_use]
    pub fn piece(&self, name: &str) -> Option<&Piece> {
        self.pieces.iter().find(|piece| piece.name == name)
    }

    /// Adds the pieces of another file.
    ///
    /// # Errors
    /// Returns the name of a piece that both contain.
    pub fn extend(&mut self, other: Self) -> Result<(), String> {
        if let Some(twice) = other.pieces.iter().find(|piece| self.piece(&piece.name).is_some()) {
            return Err(format!("'{}' is in two files of hits", twice.name));
        }
        self.pieces.extend(other.pieces);
        Ok(())
    }

    /// All pieces.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) =
            self.bytes.split_at_checked(count).ok_or_else(|| "the file of hits is cut off".to_owned())?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const COUNT: usize>(&mut self) -> Result<[u8; COUNT], String> {
        Ok(self.take(COUNT)?.try_into().expect("as many were taken"))
    }

    fn float(&mut self) -> Result<f32, String> {
        let value = f32::from_le_bytes(self.array()?);
        if value.abs() < 200.0 { Ok(value) } else { Err(format!("{value} is no level of a hit")) }
    }

    fn words(&mut self, count: usize) -> Result<Vec<u16>, String> {
        let bytes = self.take(2 * count)?;
        Ok(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect())
    }

    fn grid(&mut self, times: usize, bands: usize, top: f32) -> Result<Grid, String> {
        let value = |&stored: &u8| match stored {
            0 => SILENT,
            stored => top + GRID_STEP * (f32::from(stored) - 255.0),
        };
        Ok(Grid { values: self.take(times * bands)?.iter().map(value).collect(), bands })
    }

    fn piece(&mut self) -> Result<Piece, String> {
        let [length, layers] = self.array()?;
        let name = String::from_utf8(self.take(usize::from(length))?.to_vec())
            .map_err(|_| "the name of a piece is no text".to_owned())?;
        if layers == 0 || usize::from(layers) > MAX_LAYERS {
            return Err(format!("{name} has {layers} layers, allowed is 1 to {MAX_LAYERS}"));
        }
        let hits = (0..layers).map(|_| self.hit()).collect::<Result<Vec<_>, _>>();
        Ok(Piece { hits: hits.map_err(|reason| format!("{name}: {reason}"))?, name })
    }

    fn hit(&mut self) -> Result<Hit, String> {
        let level = f64::from(self.float()?);
        let loudness_db = f64::from(self.float()?);
        let [fast_top, slow_top] = [self.float()?, self.float()?];
        let samples = usize::from(u16::from_le_bytes(self.array()?)) * 64;
        let [ratio, tau, ramp, spike_at, spike, modes, rows, seeds] = self.array()?;
        let of = |what: &str, stored: u8, count: usize| {
            let index = usize::from(stored);
            if index < count {
                Ok(index)
            } else {
                Err(format!("{what} is {stored}, allowed is below {count}"))
            }
        };
        let ratio = RATIOS[of("the ratio of a clock", ratio, RATIOS.len())?];
        let tau = TAUS_MS[of("the time of a clock", tau, TAUS_MS.len())?] * (RATE / 1_000.0);
        let ramp = RAMPS[of("a ramp", ramp, RAMPS.len())?];
        let spike = of("a spike", spike, 9)? as f32 / 8.0;
        let rows = of("the rows of a grid", rows, SLOW_MS.len() + 1)?;
        if rows < 2 || seeds == 0 || samples < 2_560 || level <= 0.0 {
            return Err(format!(
                "a hit has {rows} rows, {seeds} seeds, {samples} samples and the level {level}: one is too small"
            ));
        }
        let curve = self.array::<CURVE_POINTS>()?.map(|stored| f64::from(stored.cast_signed()) * 0.5);
        let seeds = self.words(usize::from(seeds))?;
        let count = usize::from(modes);
        let frequencies = self.words(count)?;
        let [decays, amplitudes, turns] = [self.take(count)?, self.take(count)?, self.take(count)?];
        let modes = (0..count).map(|index| Mode {
            hz: 20.0 * exp(ln(1_000.0) * f64::from(frequencies[index]) / 65_535.0),
            decay: 0.15 * exp(ln(2_700.0) * f64::from(decays[index]) / 255.0),
            amplitude: exp(0.4 * DECIBEL * (f64::from(amplitudes[index]) - 255.0)),
            turns: f64::from(turns[index]) / 256.0,
        });
        let modes = modes.collect();
        Ok(Hit {
            loudness_db,
            own_db: loudness_db - ln(level) / DECIBEL,
            samples,
            ratio,
            tau,
            ramp,
            spike_at: usize::from(spike_at) * 4,
            spike,
            curve,
            seeds,
            modes,
            fast: self.grid(FAST_MS.len(), FAST_BANDS, fast_top)?,
            slow: self.grid(rows, SLOW_BANDS, slow_top)?,
        })
    }
}

/// Playback options for a hit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stroke {
    /// Round robin, below [`Hit::variants`] (it wraps).
    pub variant: usize,
    /// Gains added to the timbre.
    pub curve: Curve,
    /// Factor on the modes' frequencies.
    pub tune: f64,
}

impl Default for Stroke {
    fn default() -> Self {
        Self { variant: 0, curve: [0.0; CURVE_POINTS], tune: 1.0 }
    }
}

/// The timbre curve at a frequency, as natural logarithm of amplitude.
fn curve_at(curve: &Curve, hz: f64) -> f64 {
    let place =
        (ln(hz.max(1.0) / CURVE_LOW_HZ) / std::f64::consts::LN_2).clamp(0.0, (CURVE_POINTS - 1) as f64);
    let left = (place as usize).min(CURVE_POINTS - 2);
    let share = place - left as f64;
    DECIBEL * (curve[left] * (1.0 - share) + curve[left + 1] * share)
}

/// Renders one stroke from its onset. Its level is [`Hit::rendered_db`], plus whatever the stroke's curve adds.
#[must_use]
pub fn render(hit: &Hit, stroke: &Stroke) -> Vec<f32> {
    render_part(hit, stroke, hit.samples)
}

/// The first `samples` samples of [`render`]'s result, or all of them if it is shorter.
#[must_use]
pub fn render_part(hit: &Hit, stroke: &Stroke, samples: usize) -> Vec<f32> {
    let seed = u64::from(hit.seeds[stroke.variant % hit.seeds.len()]);
    let count = hit.samples.min(samples);
    let mut out = vec![0.0; count];
    add_modes(hit, stroke, seed, &mut out);
    for (index, sample) in out.iter_mut().enumerate().take(hit.ramp) {
        *sample *= index as f32 / hit.ramp as f32;
    }
    let near = count.min(BLEND_FIRST + BLEND_LENGTH);
    let spike = (hit.spike_at, hit.spike);
    let fast = FAST.render(&hit.fast, &stroke.curve, seed, near, spike);
    for (index, (sample, noise)) in out.iter_mut().zip(fast).enumerate() {
        *sample += noise * blend(index).0;
    }
    if count > BLEND_FIRST {
        let slow = SLOW.render(&hit.slow, &stroke.curve, seed, count, (0, 0.0));
        for (index, (sample, noise)) in out.iter_mut().zip(slow).enumerate().skip(BLEND_FIRST) {
            *sample += noise * blend(index).1;
        }
    }
    let fade = hit.samples / 8;
    for (index, sample) in out.iter_mut().enumerate().skip(hit.samples - fade) {
        *sample *= (hit.samples - index) as f32 / fade as f32;
    }
    out
}

/// Gains of the fast and the slow noise: a crossfade of constant power. It begins and ends gently, because square roots of the shares
/// would break the wave form of a loud hit where the slow noise begins.
fn blend(sample: usize) -> (f32, f32) {
    if sample <= BLEND_FIRST {
        return (1.0, 0.0);
    }
    if sample >= BLEND_FIRST + BLEND_LENGTH {
        return (0.0, 1.0);
    }
    let (slow, fast) = sin_cos((sample - BLEND_FIRST) as f64 / (4 * BLEND_LENGTH) as f64);
    (fast as f32, slow as f32)
}

/// The pitch-bend clock at a multiple of [`CLOCK_STEP`].
fn clock(hit: &Hit, sample: f64) -> f64 {
    sample + (hit.ratio - 1.0) * hit.tau * (1.0 - exp(-sample / hit.tau))
}

fn add_modes(hit: &Hit, stroke: &Stroke, seed: u64, out: &mut [f32]) {
    const LANES: usize = 8;
    for (index, mode) in hit.modes.iter().enumerate() {
        let bits = draw(seed, index as u64 + VARIANT_PLACE);
        let part = |shift: u32| f64::from((bits >> shift) as u16) / 32_767.5 - 1.0;
        let hz = mode.hz * stroke.tune;
        if hz > 0.45 * RATE {
            continue;
        }
        let level = ln(mode.amplitude) + DECIBEL * VARIANT_DB * part(16) + curve_at(&stroke.curve, hz);
        let turns = mode.turns + VARIANT_TURNS * part(0);
        let (decay, advance) = (mode.decay / RATE, hz / RATE);
        let is_bent = hit.ratio > 1.0 && hz < CLOCK_BELOW_HZ;
        let step = if is_bent { CLOCK_STEP } else { STEADY_STEP };
        // Rotation factors for one and for `LANES` samples; with pitch bend they differ in each block.
        let factors = |speed: f64| {
            let (sine, cosine) = sin_cos(advance * speed);
            let shrink = exp(-decay * speed);
            let one = (shrink * cosine, shrink * sine);
            let (sine, cosine) = sin_cos(advance * speed * LANES as f64);
            let shrink = exp(-decay * speed * LANES as f64);
            (one, ((shrink * cosine) as f32, (shrink * sine) as f32))
        };
        let steady = factors(1.0);
        for (block, samples) in out.chunks_mut(step).enumerate() {
            let first = (block * step) as f64;
            let (place, (one, many)) = if is_bent {
                let place = clock(hit, first);
                let next = clock(hit, first + step as f64);
                (place, factors((next - place) / step as f64))
            } else {
                (first, steady)
            };
            let amplitude = exp(level - decay * place);
            if amplitude < INAUDIBLE {
                break;
            }
            let (sine, cosine) = sin_cos(advance * place + turns);
            let mut at = (amplitude * cosine, amplitude * sine);
            let (mut re, mut im) = ([0f32; LANES], [0f32; LANES]);
            for (re, im) in re.iter_mut().zip(&mut im) {
                (*re, *im) = (at.0 as f32, at.1 as f32);
                at = (at.0 * one.0 - at.1 * one.1, at.0 * one.1 + at.1 * one.0);
            }
            for part in samples.chunks_mut(LANES) {
                for (sample, re) in part.iter_mut().zip(&re) {
                    *sample += re;
                }
                for (re, im) in re.iter_mut().zip(&mut im) {
                    (*re, *im) = (*re * many.0 - *im * many.1, *re * many.1 + *im * many.0);
                }
            }
        }
    }
}

/// One of the two noise components, with its tables.
struct Noise {
    size: usize,
    hop: usize,
    /// Samples from the start of frame 0 to the onset.
    lead: usize,
    /// Times of the grid in samples.
    times: Vec<f64>,
    window: Vec<f32>,
    inverse: Inverse,
    /// Per bin from 1 on: the band below it, and its relative position between that band and the next.
    bands: Vec<(usize, f32)>,
    /// Frequency in hertz of each bin from 1 on.
    hz: Vec<f64>,
}

static FAST: LazyLock<Noise> = LazyLock::new(|| {
    let window = |index: usize, size: usize| {
        let (_, cosine) = sin_cos(index as f64 / size as f64);
        (0.5 - 0.5 * cosine) / 1.5f64.sqrt()
    };
    Noise::new(256, 64, 192, &FAST_MS, FAST_BANDS, window)
});

static SLOW: LazyLock<Noise> = LazyLock::new(|| {
    let window = |index: usize, size: usize| sin_cos((index as f64 + 0.5) / (2 * size) as f64).0;
    Noise::new(1_024, 512, 0, &SLOW_MS, SLOW_BANDS, window)
});

impl Noise {
    fn new(
        size: usize,
        hop: usize,
        lead: usize,
        times_ms: &[f64],
        bands: usize,
        window: impl Fn(usize, usize) -> f64,
    ) -> Self {
        let hz: Vec<f64> = (1..size / 2).map(|bin| bin as f64 * RATE / size as f64).collect();
        let scale = bands as f64 / ln(1.0 + 20_000.0 / 700.0);
        let place = |&hz: &f64| {
            let place = (ln(1.0 + hz / 700.0) * scale - 0.5).clamp(0.0, (bands - 1) as f64);
            let left = (place as usize).min(bands - 2);
            (left, (place - left as f64) as f32)
        };
        let factor = 1.0 / (size as f64).sqrt();
        Self {
            size,
            hop,
            lead,
            times: times_ms.iter().map(|time| time * RATE / 1_000.0).collect(),
            window: (0..size).map(|index| (window(index, size) * factor) as f32).collect(),
            inverse: Inverse::new(size),
            bands: hz.iter().map(place).collect(),
            hz,
        }
    }

    /// At least the samples `0..last` of a grid's noise. `spike` is a sample and a share of the power.
    fn render(&self, grid: &Grid, curve: &Curve, seed: u64, last: usize, spike: (usize, f32)) -> Vec<f32> {
        let frames = (last + self.lead).div_ceil(self.hop);
        let curve: Vec<f32> = self.hz.iter().map(|&hz| 2.0 * curve_at(curve, hz) as f32).collect();
        let mut out = vec![0.0; (frames.max(1) - 1) * self.hop + self.size];
        let (mut re, mut im) = (vec![0.0f32; self.size], vec![0.0f32; self.size]);
        let mut parts = [Spectrum::new(self.hz.len()), Spectrum::new(self.hz.len())];
        for pair in (0..frames).step_by(2) {
            for (offset, spectrum) in parts.iter_mut().enumerate() {
                self.fill(spectrum, grid, &curve, seed, pair + offset, spike);
            }
            // The first frame becomes the real part, the second the imaginary one.
            let [first, second] = &parts;
            (re[0], im[0], re[self.size / 2], im[self.size / 2]) = (0.0, 0.0, 0.0, 0.0);
            for index in 0..self.hz.len() {
                let (bin, mirror) = (index + 1, self.size - 1 - index);
                re[bin] = first.re[index] - second.im[index];
                im[bin] = first.im[index] + second.re[index];
                re[mirror] = first.re[index] + second.im[index];
                im[mirror] = second.re[index] - first.im[index];
            }
            self.inverse.run(&mut re, &mut im);
            for (frame, samples) in [(pair, &re), (pair + 1, &im)] {
                if frame < frames {
                    let target = &mut out[frame * self.hop..][..self.size];
                    for ((target, sample), window) in target.iter_mut().zip(samples).zip(&self.window) {
                        *target += sample * window;
                    }
                }
            }
        }
        out.drain(..self.lead);
        out.truncate(last);
        out
    }

    fn fill(
        &self,
        spectrum: &mut Spectrum,
        grid: &Grid,
        curve: &[f32],
        seed: u64,
        frame: usize,
        spike: (usize, f32),
    ) {
        let centre = (frame * self.hop + self.size / 2) as f64 - self.lead as f64;
        let rows = grid.values.len() / grid.bands;
        let times = &self.times[..rows];
        let right = times.partition_point(|&time| time <= centre).clamp(1, rows - 1);
        let share = ((centre - times[right - 1]) / (times[right] - times[right - 1])).clamp(0.0, 1.0) as f32;
        let [before, after] = [right - 1, right].map(|row| &grid.values[row * grid.bands..][..grid.bands]);
        let mut row = [0f32; SLOW_BANDS];
        for ((row, before), after) in row.iter_mut().zip(before).zip(after) {
            *row = before * (1.0 - share) + after * share;
        }
        for ((level, &(band, share)), curve) in spectrum.level.iter_mut().zip(&self.bands).zip(curve) {
            *level = 0.5 * (row[band] * (1.0 - share) + row[band + 1] * share + curve);
        }
        for level in &mut spectrum.level {
            *level = exp_fast(*level);
        }
        let place = (frame * (self.size / 2)) as u64 + 1;
        let own = seed ^ self.size as u64;
        for (index, level) in spectrum.level.iter().enumerate() {
            let bits = draw(own, place + index as u64);
            let part = |shift: u32| i32::from((bits >> shift) as u16);
            spectrum.re[index] = level * DRAW_SCALE * (part(0) + part(16) - 65_535) as f32;
            spectrum.im[index] = level * DRAW_SCALE * (part(32) + part(48) - 65_535) as f32;
        }
        let (at, share) = spike;
        let first = at / self.hop;
        if share > 0.0 && (first..first + 4).contains(&frame) {
            let from_start = (at + self.lead - self.hop * frame) as f64;
            let (rest, coherent) = ((1.0 - share).sqrt(), (share * 0.25).sqrt());
            for (index, level) in spectrum.level.iter().enumerate() {
                let (sine, cosine) = sin_cos((index + 1) as f64 * from_start / self.size as f64);
                spectrum.re[index] = spectrum.re[index] * rest + level * coherent * cosine as f32;
                spectrum.im[index] = spectrum.im[index] * rest - level * coherent * sine as f32;
            }
        }
    }
}

/// The bins of one frame, from 1 on.
struct Spectrum {
    level: Vec<f32>,
    re: Vec<f32>,
    im: Vec<f32>,
}

impl Spectrum {
    fn new(bins: usize) -> Self {
        Self { level: vec![0.0; bins], re: vec![0.0; bins], im: vec![0.0; bins] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_noise_crossfades_at_constant_power_and_without_an_edge() {
        let gains: Vec<(f32, f32)> = (0..BLEND_FIRST + BLEND_LENGTH + 100).map(blend).collect();
        assert_eq!((gains[0], gains[gains.len() - 1]), ((1.0, 0.0), (0.0, 1.0)));
        for pair in gains.windows(2) {
            let (fast, slow) = pair[1];
            assert!((fast * fast + slow * slow - 1.0).abs() < 1e-6, "{fast} {slow}");
            // A square root would begin with a step of .03, which is a click in a loud hit.
            assert!((slow - pair[0].1).abs() < 0.002 && (fast - pair[0].0).abs() < 0.002, "{pair:?}");
        }
    }
}
