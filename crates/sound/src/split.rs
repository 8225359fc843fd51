//! Separates a drum stem into kick, snare, hats and percussion, informed by its score.
//!
//! The score tells which drum is hit when, however the stem was made. Each drum class gets a template of its power spectrum over
//! the half second after a hit. Templates and the hits' gains are found by non-negative matrix factor deconvolution with the
//! score's onsets held fixed, and yield soft masks that sum to one (C. Dittmar and M. Müller, "Reverse Engineering the Amen
//! Break: Score-Informed Separation and Restoration Applied to Drum Recordings", IEEE/ACM TASLP 24(9), 2016; updates: P.
//! Smaragdis, "Non-negative Matrix Factor Deconvolution", ICA 2004). The last voice is the remainder, so the sum of all voices is
//! the stem, up to rounding.

use realfft::RealFftPlanner;
use realfft::num_complex::Complex32;
use resonantgen_music::score::{DRUM_CLASS_COUNT, DrumClass};

/// Samples of a window: 21 ms at 48 kHz.
const WINDOW: usize = 1_024;
/// Samples from one window to the next. Squared Hann windows with this overlap sum to a constant.
const HOP: usize = 256;
const BINS: usize = WINDOW / 2 + 1;
/// Number of windows before the one that starts with a hit that the hit still reaches into.
const LEAD: usize = WINDOW / HOP;
/// Length of a template in windows: a hit is modelled for half a second.
const SPAN: usize = 94;
/// Iterations of the factorisation. More of them explain the loop better but separate its drums worse (measured on the recorded
/// kits).
const ROUNDS: usize = 1;
/// Number of hits from which an initial template is estimated.
const EXAMPLES: usize = 16;
/// Quantile of the examples used in each bin. Most examples above it have other drums on top.
const QUANTILE: f32 = 0.25;
/// Decay of a template per window after the last window that was heard.
const DECAY: f32 = 0.85;
/// Length of an attack in windows, over which noise may also rise.
const ATTACK: usize = 4;
/// Minimum fall of a template over that length.
const FALL: f32 = 0.9;
/// Share of the power reserved for rarer drums, whatever the frequent ones explain.
const UNEXPLAINED: f32 = 0.02;
/// Minimum power of each voice, as a share of the loop's mean.
const FLOOR: f64 = 1e-7;

/// The voices into which a drum stem is separated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DrumVoice {
    /// Kick.
    Kick,
    /// Snare, clap and rim.
    Snare,
    /// Hats and cymbals.
    Hats,
    /// Toms, shaker and percussion.
    Percussion,
}

/// Number of voices.
pub const DRUM_VOICE_COUNT: usize = 4;

impl DrumVoice {
    /// All voices, in the order of their outputs.
    pub const ALL: [Self; DRUM_VOICE_COUNT] = [Self::Kick, Self::Snare, Self::Hats, Self::Percussion];

    /// Position in [`DrumVoice::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Capitalised name, for display.
    #[must_use]
    pub const fn title(self) -> &'static str {
        ["Kick", "Snare", "Hats", "Percussion"][self as usize]
    }

    /// The voice of a drum class.
    #[must_use]
    pub const fn of(class: DrumClass) -> Self {
        match class {
            DrumClass::Kick => Self::Kick,
            DrumClass::Snare | DrumClass::Clap | DrumClass::Rim => Self::Snare,
            DrumClass::ClosedHat | DrumClass::OpenHat | DrumClass::Crash | DrumClass::Ride => Self::Hats,
            DrumClass::LowTom | DrumClass::HighTom | DrumClass::Shaker | DrumClass::Percussion => {
                Self::Percussion
            }
        }
    }
}

/// A hit of the score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Start in the loop, in samples.
    pub at: usize,
    /// The class that is hit.
    pub class: DrumClass,
    /// MIDI velocity, in `1..=127`.
    pub velocity: u8,
}

/// A stereo signal: left and right.
pub type Stereo = [Vec<f32>; 2];

/// Power of all windows of a loop, window by window.
struct Power(Vec<f32>);

impl Power {
    fn row(&self, window: usize) -> &[f32] {
        &self.0[window * BINS..][..BINS]
    }

    fn row_mut(&mut self, window: usize) -> &mut [f32] {
        &mut self.0[window * BINS..][..BINS]
    }
}

/// One drum class: its hits and its template, `[SPAN][BINS]`.
struct Drum {
    voice: DrumVoice,
    /// The first window that each hit reaches into, and its gain.
    hits: Vec<(usize, f32)>,
    template: Vec<f32>,
}

/// Separates a drum loop into kick, snare and hats. Percussion is the remainder. A voice without hits is silent. Returns `None`
/// if cancelled; `is_cancelled` is called every few milliseconds. Sixteen seconds of audio take about two seconds on one core.
/// Not realtime-safe.
///
/// # Panics
/// Panics if the channels differ in length.
#[must_use]
pub fn split(
    [left, right]: [&[f32]; 2],
    hits: &[Hit],
    is_cancelled: &dyn Fn() -> bool,
) -> Option<[Stereo; DRUM_VOICE_COUNT - 1]> {
    assert_eq!(left.len(), right.len(), "the channels of a loop are equally long");
    let length = left.len();
    let silence = || [vec![0.0; length], vec![0.0; length]];
    let voices: Vec<DrumVoice> = DrumVoice::ALL
        .into_iter()
        .filter(|voice| hits.iter().any(|hit| DrumVoice::of(hit.class) == *voice))
        .collect();
    let mut parts = [silence(), silence(), silence()];
    if let [only] = voices[..] {
        if let Some(part) = parts.get_mut(only.index()) {
            *part = [left.to_vec(), right.to_vec()];
        }
        return Some(parts);
    }
    if voices.is_empty() || length == 0 {
        return Some(parts);
    }
    let mut transform = Transform::new();
    let windows = length.div_ceil(HOP);
    let mut power = Power(vec![0.0; windows * BINS]);
    for window in 0..windows {
        for channel in [left, right] {
            transform.analyse(channel, window);
            for (power, bin) in power.row_mut(window).iter_mut().zip(&transform.spectrum) {
                *power += bin.norm_sqr();
            }
        }
        if is_cancelled() {
            return None;
        }
    }
    let mut drums = drums(hits, &power, windows);
    for _ in 0..ROUNDS {
        fit(&mut drums, &power, windows, is_cancelled)?;
    }
    // Masks replace the power in place, one at a time.
    let total = model(&drums, windows);
    // Power that no hit explains is shared by all voices.
    let mean: f64 = power.0.iter().map(|power| f64::from(*power)).sum::<f64>() / power.0.len() as f64;
    let floor = (mean * FLOOR).max(f64::from(f32::MIN_POSITIVE)) as f32;
    let all_floors = floor * voices.len() as f32;
    for voice in voices.iter().copied().filter(|voice| *voice != DrumVoice::Percussion) {
        let own = drums.iter().filter(|drum| drum.voice == voice);
        let mut mask = model(own, windows);
        for (mask, total) in mask.0.iter_mut().zip(&total.0) {
            *mask = (*mask + floor) / (total + all_floors);
        }
        for (part, channel) in parts[voice.index()].iter_mut().zip([left, right]) {
            for window in 0..windows {
                transform.analyse(channel, window);
                transform.add(mask.row(window), part, window);
                if is_cancelled() {
                    return None;
                }
            }
        }
    }
    // The loop is not a whole number of windows long, so windows overlap more around its end.
    let mut weight = vec![0.0; length];
    for window in 0..windows {
        transform.weigh(&mut weight, window);
    }
    for channel in parts.iter_mut().flatten() {
        for (sample, weight) in channel.iter_mut().zip(&weight) {
            *sample /= weight;
        }
    }
    Some(parts)
}

/// The classes that are hit, with initial templates. Classes with the most hits come first, because their examples are the
/// cleanest; the power that they explain is excluded from the others.
fn drums(hits: &[Hit], power: &Power, windows: usize) -> Vec<Drum> {
    let mut drums: Vec<Drum> = DrumClass::ALL
        .into_iter()
        .filter_map(|class| {
            let of_class = hits.iter().filter(|hit| hit.class == class);
            let mut hits: Vec<(usize, f32)> = of_class
                .map(|hit| {
                    let first = (hit.at / HOP + windows * LEAD - (LEAD - 1)) % windows;
                    (first, (f32::from(hit.velocity) / 127.0).powi(2))
                })
                .collect();
            hits.sort_by_key(|(first, _)| *first);
            hits.dedup_by_key(|(first, _)| *first);
            let template = vec![0.0; SPAN * BINS];
            (!hits.is_empty()).then_some(Drum { voice: DrumVoice::of(class), hits, template })
        })
        .collect();
    debug_assert!(drums.len() <= DRUM_CLASS_COUNT);
    drums.sort_by_key(|drum| std::cmp::Reverse(drum.hits.len()));
    let mut rest = Power(power.0.clone());
    for drum in &mut drums {
        drum.begin(&rest, windows);
        drum.decay();
        for ((rest, power), explained) in rest.0.iter_mut().zip(&power.0).zip(model([&*drum], windows).0) {
            *rest = (*rest - explained).max(power * UNEXPLAINED);
        }
    }
    drums
}

impl Drum {
    /// An initial template: in each bin, a low quantile of the hits, up to the next hit of the class.
    fn begin(&mut self, power: &Power, windows: usize) {
        let next = self.hits.iter().cycle().skip(1);
        let free: Vec<usize> = self
            .hits
            .iter()
            .zip(next)
            .map(|((first, _), (next, _))| (next + windows - first - 1) % windows + 1)
            .collect();
        let step = self.hits.len().div_ceil(EXAMPLES);
        let mut examples = Vec::with_capacity(EXAMPLES);
        for window in 0..SPAN {
            for bin in 0..BINS {
                let chosen = self.hits.iter().zip(&free).step_by(step).filter(|(_, free)| **free > window);
                examples.clear();
                examples.extend(
                    chosen.map(|((first, gain), _)| power.row((first + window) % windows)[bin] / gain),
                );
                let rank = (examples.len() as f32 * QUANTILE) as usize;
                self.template[window * BINS + bin] = if !examples.is_empty() {
                    *examples.select_nth_unstable_by(rank, f32::total_cmp).1
                } else if window > 0 {
                    self.template[(window - 1) * BINS + bin] * DECAY
                } else {
                    0.0
                };
            }
        }
    }

    /// After the attack, a drum only becomes quieter. Anything that rises later is another drum that follows it in every bar.
    fn decay(&mut self) {
        for window in LEAD + ATTACK..SPAN {
            let (before, rest) = self.template.split_at_mut(window * BINS);
            let before = &before[before.len() - ATTACK * BINS..];
            for (bin, template) in rest[..BINS].iter_mut().enumerate() {
                let most = before.iter().skip(bin).step_by(BINS).copied().fold(0.0, f32::max);
                *template = template.min(most * FALL);
            }
        }
    }
}

/// Power explained by the drums, in every window.
fn model<'a>(drums: impl IntoIterator<Item = &'a Drum>, windows: usize) -> Power {
    let mut model = Power(vec![0.0; windows * BINS]);
    for drum in drums {
        for (first, gain) in &drum.hits {
            for (window, template) in drum.template.chunks_exact(BINS).enumerate() {
                let row = model.row_mut((first + window) % windows);
                for (model, template) in row.iter_mut().zip(template) {
                    *model += template * gain;
                }
            }
        }
    }
    model
}

/// One multiplicative update of templates and gains, which reduces the Kullback-Leibler divergence of power and model. `None` if
/// cancelled.
fn fit(drums: &mut [Drum], power: &Power, windows: usize, is_cancelled: &dyn Fn() -> bool) -> Option<()> {
    let mut ratio = model(&*drums, windows);
    for (ratio, power) in ratio.0.iter_mut().zip(&power.0) {
        *ratio = if *ratio > 0.0 { power / *ratio } else { 0.0 };
    }
    for drum in drums {
        let total: f32 = drum.hits.iter().map(|(_, gain)| gain).sum();
        let energy: f32 = drum.template.iter().sum();
        let mut factors = vec![0.0; SPAN * BINS];
        for (first, gain) in &mut drum.hits {
            let mut explained = 0.0;
            let rows = factors.chunks_exact_mut(BINS).zip(drum.template.chunks_exact(BINS));
            for (window, (factors, template)) in rows.enumerate() {
                let ratio = ratio.row((*first + window) % windows);
                for ((factor, ratio), template) in factors.iter_mut().zip(ratio).zip(template) {
                    *factor += ratio * *gain;
                    explained += ratio * template;
                }
            }
            if energy > 0.0 {
                // An inaudible hit keeps a trace of gain, or it could never come back.
                *gain = (*gain * explained / energy).max(1e-6);
            }
            if is_cancelled() {
                return None;
            }
        }
        for (template, factor) in drum.template.iter_mut().zip(&factors) {
            *template *= factor / total;
        }
        drum.decay();
    }
    Some(())
}

/// Windowed transforms of a loop, in both directions.
struct Transform {
    forward: std::sync::Arc<dyn realfft::RealToComplex<f32>>,
    inverse: std::sync::Arc<dyn realfft::ComplexToReal<f32>>,
    /// A periodic Hann window, scaled so that analysis, transforms and synthesis reconstruct the input, except around the loop's
    /// end.
    window: Vec<f32>,
    time: Vec<f32>,
    spectrum: Vec<Complex32>,
}

impl Transform {
    fn new() -> Self {
        let mut planner = RealFftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(WINDOW), planner.plan_fft_inverse(WINDOW));
        // Squared Hann windows at a quarter of their length sum to 3/2.
        let scale = 1.0 / (1.5 * WINDOW as f64).sqrt();
        let window = (0..WINDOW)
            .map(|index| {
                let angle = std::f64::consts::TAU * index as f64 / WINDOW as f64;
                ((0.5 - 0.5 * angle.cos()) * scale) as f32
            })
            .collect();
        let (time, spectrum) = (forward.make_input_vec(), forward.make_output_vec());
        Self { forward, inverse, window, time, spectrum }
    }

    /// The spectrum of a window of a loop.
    fn analyse(&mut self, samples: &[f32], window: usize) {
        let wrapped = samples[window * HOP % samples.len()..].iter().chain(samples.iter().cycle());
        for ((time, sample), gain) in self.time.iter_mut().zip(wrapped).zip(&self.window) {
            *time = sample * gain;
        }
        self.forward.process(&mut self.time, &mut self.spectrum).expect("buffers come from the plan");
    }

    /// Adds the weight that an unmasked window gives each sample of a loop.
    fn weigh(&self, weight: &mut [f32], window: usize) {
        let length = weight.len();
        for (index, gain) in self.window.iter().enumerate() {
            weight[(window * HOP + index) % length] += gain * gain * WINDOW as f32;
        }
    }

    /// Applies a mask to the last analysed window and adds it to a loop.
    fn add(&mut self, mask: &[f32], samples: &mut [f32], window: usize) {
        for (bin, mask) in self.spectrum.iter_mut().zip(mask) {
            *bin *= mask;
        }
        // The spectrum belongs to a real signal, and a mask does not change that.
        self.inverse.process(&mut self.spectrum, &mut self.time).expect("buffers come from the plan");
        let length = samples.len();
        for (index, (time, gain)) in self.time.iter().zip(&self.window).enumerate() {
            samples[(window * HOP + index) % length] += time * gain;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE_HZ: f32 = 48_000.0;
    const BEAT: usize = 24_000;
    /// Two bars, not a whole number of windows.
    const LENGTH: usize = 8 * BEAT + 137;

    fn noise(state: &mut u32) -> f32 {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*state >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    /// One hit of an artificial kit: a falling sine, noise over a tone, and bright noise.
    fn hit(class: DrumClass, state: &mut u32) -> Vec<f32> {
        let mut last = 0.0;
        (0..24_000)
            .map(|index| {
                let seconds = index as f32 / RATE_HZ;
                let tone = |hz: f32| (std::f32::consts::TAU * hz * seconds).sin();
                let white = noise(state);
                let bright = white - std::mem::replace(&mut last, white);
                match class {
                    DrumClass::Kick => tone(50.0 + 4.0 / (seconds + 0.05)) * (-seconds * 9.0).exp() * 0.8,
                    DrumClass::Snare => (white * 0.3 + tone(190.0) * 0.3) * (-seconds * 16.0).exp(),
                    _ => bright * 0.15 * (-seconds * 40.0).exp(),
                }
            })
            .collect()
    }

    /// Each voice alone, and all hits: kick on the beats, snare between, hats on every eighth.
    fn groove() -> ([Vec<f32>; 3], Vec<Hit>) {
        let mut parts = [vec![0.0; LENGTH], vec![0.0; LENGTH], vec![0.0; LENGTH]];
        let mut hits = Vec::new();
        let mut state = 7;
        for eighth in 0..16 {
            let at = eighth * BEAT / 2;
            let mut add = |class: DrumClass, velocity: u8| {
                let part = &mut parts[DrumVoice::of(class).index()];
                for (index, sample) in hit(class, &mut state).into_iter().enumerate() {
                    part[(at + index) % LENGTH] += sample * f32::from(velocity) / 127.0;
                }
                hits.push(Hit { at, class, velocity });
            };
            add(DrumClass::ClosedHat, if eighth.is_multiple_of(2) { 100 } else { 70 });
            match eighth % 4 {
                0 => add(DrumClass::Kick, 110),
                2 => add(DrumClass::Snare, 100),
                3 if eighth > 8 => add(DrumClass::Kick, 80),
                _ => {}
            }
        }
        (parts, hits)
    }

    fn decibels(signal: &[f32], noise: impl Iterator<Item = f32>) -> f32 {
        let power =
            |samples: &mut dyn Iterator<Item = f32>| samples.map(|sample| sample * sample).sum::<f32>();
        10.0 * (power(&mut signal.iter().copied()) / power(&mut { noise }).max(1e-20)).log10()
    }

    #[test]
    fn each_drum_comes_out_on_its_own_output() {
        let (parts, hits) = groove();
        let mix: Vec<f32> = (0..LENGTH).map(|index| parts.iter().map(|part| part[index]).sum()).collect();
        let heard = split([&mix, &mix], &hits, &|| false).expect("not cancelled");
        for (voice, least) in [(DrumVoice::Kick, 15.0), (DrumVoice::Snare, 8.0), (DrumVoice::Hats, 2.0)] {
            let (part, heard) = (&parts[voice.index()], &heard[voice.index()][0]);
            let sdr = decibels(part, part.iter().zip(heard).map(|(part, heard)| heard - part));
            assert!(sdr > least, "{voice:?}: signal to distortion {sdr:.1} dB");
        }
        // A voice that is never hit gets nothing.
        let rest = mix
            .iter()
            .enumerate()
            .map(|(index, mix)| mix - heard.iter().map(|part| part[0][index]).sum::<f32>());
        assert!(decibels(&mix, rest) > 90.0);
    }

    #[test]
    fn one_voice_is_the_stem_and_none_is_percussion() {
        let (parts, hits) = groove();
        let stem = [parts[0].as_slice(), parts[0].as_slice()];
        let kicks: Vec<Hit> = hits.iter().copied().filter(|hit| hit.class == DrumClass::Kick).collect();
        let heard = split(stem, &kicks, &|| false).expect("not cancelled");
        assert!(
            heard[0][0] == parts[0] && heard[1][0].iter().chain(&heard[2][1]).all(|sample| *sample == 0.0)
        );
        let heard = split(stem, &[], &|| false).expect("not cancelled");
        assert!(heard.iter().flatten().flatten().all(|sample| *sample == 0.0));
        assert!(split(stem, &hits, &|| true).is_none(), "it is cancelled");
        // Shorter than a window, with a hit beyond the end.
        let short = [0.1_f32; 100];
        let hits = [DrumClass::Kick, DrumClass::Snare].map(|class| Hit { at: 250, class, velocity: 90 });
        let heard = split([&short, &short], &hits, &|| false).expect("not cancelled");
        assert!(heard.iter().flatten().flatten().all(|sample| sample.is_finite()));
    }
}
