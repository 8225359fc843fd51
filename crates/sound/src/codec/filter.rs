//! The gain filter: `audio = iSTFT(sum over streams of exp(log gain) * STFT(stream))`.
//!
//! Twin of `training/resonant/mel.py`, tested against its goldens. Source-filter synthesis with a learnt filter, as in DDSP
//! (arXiv 2001.04643, section 3), but with exact excitation streams in place of additive synthesis. Analysis and synthesis
//! windows are periodic Hann; frame `j` is centred on sample `hop * j`.

use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::excitation::Stream;
use super::{BANDS, PITCHED_STREAMS, SAMPLE_RATE_HZ, STREAMS};

const MEL_LOW_HZ: f64 = 30.0;
const MEL_HIGH_HZ: f64 = 20_000.0;
const POWER_FLOOR: f32 = 1e-7;
const NORM_FLOOR: f32 = 1e-8;

fn mel_of(hz: f64) -> f64 {
    2595.0 * (1.0 + hz / 700.0).log10()
}

fn hz_of(mel: f64) -> f64 {
    700.0 * (10f64.powf(mel / 2595.0) - 1.0)
}

/// Edge `index` of the bands in mel; band `b` has its centre at edge `b + 1`.
fn edge_mel(index: usize) -> f64 {
    let (low, high) = (mel_of(MEL_LOW_HZ), mel_of(MEL_HIGH_HZ));
    low + (high - low) * index as f64 / (BANDS + 1) as f64
}

/// Centre of a band in hertz.
///
/// # Panics
/// Panics if there is no such band.
#[must_use]
pub fn band_hz(band: usize) -> f32 {
    assert!(band < BANDS, "there are {BANDS} bands");
    hz_of(edge_mel(band + 1)) as f32
}

/// STFT size and hop of a track's filter, in samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transform {
    /// Length of the analysis window in samples.
    pub n_fft: usize,
    /// Samples between two gain frames.
    pub hop: usize,
}

/// A triangular mel filter over consecutive bins.
struct Triangle {
    first: usize,
    weights: Vec<f32>,
}

/// Transforms, windows and band tables of one [`Transform`].
pub struct SpectralFilter {
    transform: Transform,
    window: Vec<f32>,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    /// Per bin: the band below, and the fraction towards the next.
    bands: Vec<(usize, f32)>,
    triangles: Vec<Triangle>,
}

impl std::fmt::Debug for SpectralFilter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SpectralFilter").field("transform", &self.transform).finish_non_exhaustive()
    }
}

/// Buffers of one transform.
struct Scratch {
    time: Vec<f32>,
    spectrum: Vec<Complex32>,
    work: Vec<Complex32>,
}

impl SpectralFilter {
    /// Plans the transforms.
    #[must_use]
    pub fn new(transform: Transform) -> Self {
        let Transform { n_fft, .. } = transform;
        let mut planner = RealFftPlanner::new();
        let bin_hz = |bin: usize| bin as f64 * f64::from(SAMPLE_RATE_HZ) / n_fft as f64;
        let spacing = edge_mel(2) - edge_mel(1);
        let bands = (0..=n_fft / 2)
            .map(|bin| {
                let position = ((mel_of(bin_hz(bin)) - edge_mel(1)) / spacing).clamp(0.0, (BANDS - 1) as f64);
                let left = (position as usize).min(BANDS - 2);
                (left, (position - left as f64) as f32)
            })
            .collect();
        let triangles = (0..BANDS)
            .map(|band| {
                // No side is narrower than one bin.
                let mid = hz_of(edge_mel(band + 1));
                let low = hz_of(edge_mel(band)).min(mid - bin_hz(1));
                let high = hz_of(edge_mel(band + 2)).max(mid + bin_hz(1));
                let weight = |bin: usize| {
                    let hz = bin_hz(bin);
                    ((hz - low) / (mid - low)).min((high - hz) / (high - mid)).max(0.0) as f32
                };
                let inside: Vec<usize> = (0..=n_fft / 2).filter(|&bin| weight(bin) > 0.0).collect();
                let first = inside.first().copied().unwrap_or(0);
                Triangle { first, weights: inside.into_iter().map(weight).collect() }
            })
            .collect();
        let window = (0..n_fft)
            .map(|index| (0.5 - 0.5 * (std::f64::consts::TAU * index as f64 / n_fft as f64).cos()) as f32)
            .collect();
        Self {
            transform,
            window,
            forward: planner.plan_fft_forward(n_fft),
            inverse: planner.plan_fft_inverse(n_fft),
            bands,
            triangles,
        }
    }

    /// Size and hop.
    #[must_use]
    pub fn transform(&self) -> Transform {
        self.transform
    }

    fn scratch(&self) -> Scratch {
        let work = self.forward.get_scratch_len().max(self.inverse.get_scratch_len());
        Scratch {
            time: vec![0.0; self.transform.n_fft],
            spectrum: self.forward.make_output_vec(),
            work: vec![Complex32::default(); work],
        }
    }

    /// Computes the spectrum of frame `frame` of `samples` (zeros outside) into the scratch buffer.
    fn analyse(&self, samples: &[f32], frame: usize, scratch: &mut Scratch) {
        let Transform { n_fft, hop } = self.transform;
        let first = (frame * hop) as i64 - (n_fft / 2) as i64;
        let skip = (-first).clamp(0, n_fft as i64) as usize;
        let stop = (samples.len() as i64 - first).clamp(skip as i64, n_fft as i64) as usize;
        scratch.time[..skip].fill(0.0);
        scratch.time[stop..].fill(0.0);
        if stop > skip {
            let source = &samples[(first + skip as i64) as usize..(first + stop as i64) as usize];
            let windowed = scratch.time[skip..stop].iter_mut().zip(source).zip(&self.window[skip..stop]);
            for ((cell, sample), window) in windowed {
                *cell = sample * window;
            }
        }
        self.forward
            .process_with_scratch(&mut scratch.time, &mut scratch.spectrum, &mut scratch.work)
            .expect("the buffers come from this plan");
    }

    /// Natural logarithm of the power in the mel bands, `[bands, frames]`.
    #[must_use]
    pub fn log_mel(&self, samples: &[f32], frames: usize) -> Vec<f32> {
        self.log_mel_of(samples, 0..frames)
    }

    /// As [`Self::log_mel`], for a range of frames: `[bands, range]`.
    #[must_use]
    pub fn log_mel_of(&self, samples: &[f32], range: std::ops::Range<usize>) -> Vec<f32> {
        let frames = range.len();
        let mut scratch = self.scratch();
        let mut power = vec![0.0f32; self.transform.n_fft / 2 + 1];
        let mut out = vec![0.0; BANDS * frames];
        for (column, frame) in range.enumerate() {
            self.analyse(samples, frame, &mut scratch);
            for (power, bin) in power.iter_mut().zip(&scratch.spectrum) {
                *power = bin.norm_sqr();
            }
            for (band, triangle) in self.triangles.iter().enumerate() {
                let bins = &power[triangle.first..triangle.first + triangle.weights.len()];
                let sum: f32 = bins.iter().zip(&triangle.weights).map(|(power, weight)| power * weight).sum();
                out[band * frames + column] = sum.max(POWER_FLOOR).ln();
            }
        }
        out
    }

    /// The decoder's input `levels`, `[2, bands, frames]`: log-mels of the pitched streams' mid parts.
    #[must_use]
    pub fn levels(&self, pitched: &[Stream; PITCHED_STREAMS], frames: usize) -> Vec<f32> {
        pitched.iter().flat_map(|stream| self.log_mel(&stream.mid, frames)).collect()
    }
}

/// Running overlap-add of filtered streams.
///
/// Frames are pushed in order; a sample is final once no later frame reaches it.
#[derive(Debug)]
pub struct Synthesis<'a> {
    filter: &'a SpectralFilter,
    streams: &'a [Stream; STREAMS],
    /// Index of the next frame to push.
    next: usize,
    /// Position of the first element of `mid`, `side` and `norm`; everything before it has been taken. Positions count
    /// samples from half a window before the time line, where frame 0 starts.
    taken: usize,
    mid: Vec<f32>,
    /// Empty if no stream has a side.
    side: Vec<f32>,
    norm: Vec<f32>,
    wide: bool,
    scratch: ScratchBuffers,
}

struct ScratchBuffers {
    one: Scratch,
    mid: Vec<Complex32>,
    side: Vec<Complex32>,
    gains: Vec<f32>,
    bands: [f32; BANDS],
}

impl std::fmt::Debug for ScratchBuffers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ScratchBuffers")
    }
}

impl<'a> Synthesis<'a> {
    /// Starts filtering `streams` at frame `first`.
    #[must_use]
    pub fn new(filter: &'a SpectralFilter, streams: &'a [Stream; STREAMS], first: usize) -> Self {
        let Transform { n_fft, hop } = filter.transform;
        let bins = n_fft / 2 + 1;
        Self {
            filter,
            streams,
            next: first,
            taken: first * hop,
            mid: Vec::new(),
            side: Vec::new(),
            norm: Vec::new(),
            wide: streams.iter().any(|stream| !stream.side.is_empty()),
            scratch: ScratchBuffers {
                one: filter.scratch(),
                mid: vec![Complex32::default(); bins],
                side: vec![Complex32::default(); bins],
                gains: vec![0.0; bins],
                bands: [0.0; BANDS],
            },
        }
    }

    /// Filters the next frames with natural-log gains `[streams, bands, stride]`, using the columns `columns`.
    ///
    /// # Panics
    /// Panics if `log_gains` has a different size.
    pub fn push(&mut self, log_gains: &[f32], stride: usize, columns: std::ops::Range<usize>) {
        assert_eq!(log_gains.len(), STREAMS * BANDS * stride, "gains are [streams, bands, frames]");
        for column in columns {
            self.push_frame(log_gains, stride, column);
        }
    }

    fn push_frame(&mut self, log_gains: &[f32], stride: usize, column: usize) {
        let Transform { n_fft, hop } = self.filter.transform;
        let scratch = &mut self.scratch;
        scratch.mid.fill(Complex32::default());
        scratch.side.fill(Complex32::default());
        for (index, stream) in self.streams.iter().enumerate() {
            for (band, value) in scratch.bands.iter_mut().enumerate() {
                *value = log_gains[(index * BANDS + band) * stride + column];
            }
            for (gain, &(left, fraction)) in scratch.gains.iter_mut().zip(&self.filter.bands) {
                let (below, above) = (scratch.bands[left], scratch.bands[left + 1]);
                *gain = (below + fraction * (above - below)).exp();
            }
            self.filter.analyse(&stream.mid, self.next, &mut scratch.one);
            for ((sum, bin), &gain) in scratch.mid.iter_mut().zip(&scratch.one.spectrum).zip(&scratch.gains) {
                *sum += bin * gain;
            }
            if !stream.side.is_empty() {
                self.filter.analyse(&stream.side, self.next, &mut scratch.one);
                for ((sum, bin), &gain) in
                    scratch.side.iter_mut().zip(&scratch.one.spectrum).zip(&scratch.gains)
                {
                    *sum += bin * gain;
                }
            }
        }
        let first = self.next * hop - self.taken;
        self.mid.resize(first + n_fft, 0.0);
        self.norm.resize(first + n_fft, 0.0);
        if self.wide {
            self.side.resize(first + n_fft, 0.0);
        }
        let parts = [(&mut scratch.mid, &mut self.mid), (&mut scratch.side, &mut self.side)];
        for (spectrum, target) in parts.into_iter().filter(|(_, target)| !target.is_empty()) {
            self.filter
                .inverse
                .process_with_scratch(spectrum, &mut scratch.one.time, &mut scratch.one.work)
                .expect("the buffers come from this plan, and real gains keep the outer bins real");
            let scale = 1.0 / n_fft as f32;
            let pieces =
                target[first..first + n_fft].iter_mut().zip(&scratch.one.time).zip(&self.filter.window);
            for ((cell, sample), window) in pieces {
                *cell += sample * scale * window;
            }
        }
        for (norm, window) in self.norm[first..first + n_fft].iter_mut().zip(&self.filter.window) {
            *norm += window * window;
        }
        self.next += 1;
    }

    /// The position before which all samples are final; if `complete`, the end of the pushed frames.
    #[must_use]
    pub fn final_samples(&self, complete: bool) -> usize {
        let Transform { n_fft, hop } = self.filter.transform;
        if complete { self.next * hop } else { (self.next * hop).saturating_sub(n_fft / 2) }
    }

    /// Takes mid and side of the samples in `range`, which must be final. Frames pushed later do not reach samples before the
    /// end of the range, so those are dropped.
    ///
    /// # Panics
    /// Panics if a part of the range was taken before, or lies before the first frame or after the last one.
    #[must_use]
    pub fn take(&mut self, range: std::ops::Range<usize>) -> (Vec<f32>, Vec<f32>) {
        let half = self.filter.transform.n_fft / 2;
        let (start, end) = (range.start + half - self.taken, range.end + half - self.taken);
        let samples = (start..end)
            .map(|index| {
                let norm = self.norm[index].max(NORM_FLOOR);
                (self.mid[index] / norm, self.side.get(index).map_or(0.0, |side| side / norm))
            })
            .unzip();
        self.mid.drain(..end);
        self.norm.drain(..end);
        self.side.drain(..end.min(self.side.len()));
        self.taken += end;
        samples
    }
}
