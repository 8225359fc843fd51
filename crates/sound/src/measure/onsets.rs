//! Onset detection from audio alone.

use realfft::RealFftPlanner;

const WINDOW: usize = 512;
/// Audio frames between two analysis frames: 5 ms at 48 kHz.
const HOP: usize = 240;
const BANDS: usize = 20;
/// Minimum rise of the mean log band power over 10 ms, above the local average, for an onset.
const LEAST_RISE: f32 = 0.25;
/// Minimum share of the strongest rises (their 99th percentile); flutter in reverb tails stays below it.
const LEAST_SHARE: f32 = 0.2;
/// Analysis frames within which only the largest rise counts (30 ms to each side).
const APART: usize = 6;
/// Analysis frames over which the average rise is taken (100 ms to each side).
const AROUND: usize = 20;
/// Power, relative to the strongest band's, below which a band counts as silent.
const FLOOR: f32 = 1e-4;

/// An onset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Onset {
    /// Time in seconds from the loop's start, accurate to 5 ms.
    pub seconds: f64,
    /// Rise of the mean log power of the bands; comparable within one sound.
    pub strength: f32,
}

/// The onsets of a loop at 48 kHz, in order: peaks of the spectral flux of logarithmic bands (Böck and Widmer, "Maximum filter
/// vibrato suppression for onset detection", DAFx 2013, section 2, without the maximum filter). The end is followed by the
/// start.
#[must_use]
pub fn onsets(mono: &[f32]) -> Vec<Onset> {
    let looks = mono.len() / HOP;
    if looks < 2 * AROUND {
        return Vec::new();
    }
    let bands = log_bands(mono, looks);
    let flux: Vec<f32> = (0..looks)
        .map(|look| {
            let before = &bands[(look + looks - 2) % looks];
            let rise: f32 = bands[look].iter().zip(before).map(|(now, before)| (now - before).max(0.0)).sum();
            rise / BANDS as f32
        })
        .collect();
    let mut sorted = flux.clone();
    sorted.sort_by(f32::total_cmp);
    let least = LEAST_RISE.max(LEAST_SHARE * sorted[looks - 1 - looks / 100]);
    let mut found = Vec::new();
    let mut around = Vec::with_capacity(2 * AROUND);
    for look in 0..looks {
        let at = |offset: usize| flux[(look + looks + offset) % looks];
        let here = flux[look];
        if here < least || (1..=APART).any(|offset| at(offset) > here || at(looks - offset) >= here) {
            continue;
        }
        around.clear();
        around.extend((0..2 * AROUND).map(|offset| at(looks + offset - AROUND)));
        around.sort_by(f32::total_cmp);
        if here > around[AROUND] + least {
            // The rise appears when the attack enters the window's second half.
            let seconds = (look as f64 - 0.5) * HOP as f64 / 48_000.0;
            found.push(Onset { seconds: seconds.max(0.0), strength: here });
        }
    }
    found
}

/// Log power per band of each analysis frame; frame `j` is centred on sample `j * HOP` of the loop.
fn log_bands(mono: &[f32], looks: usize) -> Vec<[f32; BANDS]> {
    let transform = RealFftPlanner::<f32>::new().plan_fft_forward(WINDOW);
    let mut time = transform.make_input_vec();
    let mut spectrum = transform.make_output_vec();
    let mut work = transform.make_scratch_vec();
    let window: Vec<f32> = (0..WINDOW)
        .map(|index| 0.5 - 0.5 * (std::f32::consts::TAU * index as f32 / WINDOW as f32).cos())
        .collect();
    let bins = spectrum.len();
    let edges: [usize; BANDS + 1] = std::array::from_fn(|band| {
        let position = (bins as f32).powf(band as f32 / BANDS as f32);
        // The lowest bands are one bin wide.
        (position as usize).max(band + 1).min(bins)
    });
    let mut powers: Vec<[f32; BANDS]> = (0..looks)
        .map(|look| {
            let first = look * HOP + mono.len() - WINDOW / 2;
            for (index, (sample, weight)) in time.iter_mut().zip(&window).enumerate() {
                *sample = mono[(first + index) % mono.len()] * weight;
            }
            transform
                .process_with_scratch(&mut time, &mut spectrum, &mut work)
                .expect("buffers are made by the transform itself");
            std::array::from_fn(|band| {
                let bins = &spectrum[edges[band]..edges[band + 1].max(edges[band] + 1).min(bins)];
                bins.iter().map(realfft::num_complex::Complex32::norm_sqr).sum()
            })
        })
        .collect();
    let strongest = powers.iter().flatten().copied().fold(0.0, f32::max);
    let floor = (FLOOR * strongest).max(f32::MIN_POSITIVE);
    for power in powers.iter_mut().flatten() {
        *power = (*power + floor).ln();
    }
    powers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decaying noise bursts at the given times over a quiet tone.
    fn bursts(seconds: f64, times: &[f64], level: f32) -> Vec<f32> {
        let mut state = 7_u32;
        let mut samples: Vec<f32> = (0..(seconds * 48_000.0) as usize)
            .map(|index| 0.02 * (index as f32 * std::f32::consts::TAU / 240.0).sin())
            .collect();
        let count = samples.len();
        for time in times {
            let first = (time * 48_000.0) as usize;
            for offset in 0..4_800 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (state >> 8) as f32 / 8_388_608.0 - 1.0;
                samples[(first + offset) % count] += level * noise * (-(offset as f32) / 1_200.0).exp();
            }
        }
        samples
    }

    #[test]
    fn bursts_are_found_where_they_are_even_at_the_seam() {
        let times = [0.0, 0.5, 0.77, 1.25, 1.9];
        let found = onsets(&bursts(2.0, &times, 0.5));
        assert_eq!(found.len(), times.len(), "{found:?}");
        for (onset, time) in found.iter().zip(times) {
            assert!((onset.seconds - time).abs() < 0.008, "{} instead of {time}", onset.seconds);
        }
    }

    #[test]
    fn steady_sound_has_no_onsets() {
        assert!(onsets(&bursts(2.0, &[], 0.0)).is_empty());
        assert!(onsets(&[]).is_empty());
        let steady: Vec<f32> =
            (0..96_000).map(|index| 0.3 * (index as f32 * std::f32::consts::TAU / 480.0).sin()).collect();
        assert!(onsets(&steady).is_empty());
    }
}
