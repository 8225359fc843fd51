//! Arithmetic with the same bits on every processor: no library functions, no fused operations, one order of sums.

use std::f64::consts::{LN_2, LOG2_E, TAU};

/// `e^x`, relative error below 1e-13 for `x` in `-700.0..700.0`; 0 below.
pub(crate) fn exp(x: f64) -> f64 {
    if x < -700.0 {
        return 0.0;
    }
    let whole = (x * LOG2_E).round();
    let rest = x - whole * LN_2;
    let mut sum = 1.0;
    for divisor in (1..=12).rev() {
        sum = 1.0 + sum * rest / f64::from(divisor);
    }
    sum * f64::from_bits(((whole as i64 + 1023) as u64) << 52)
}

/// Natural logarithm of a normal positive number, error below 1e-13.
pub(in crate::codec) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i64 - 1023;
    let mut mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let mut sum = 0.0;
    for odd in (0..10).rev() {
        sum = sum * square + 1.0 / f64::from(2 * odd + 1);
    }
    2.0 * ratio * sum + exponent as f64 * LN_2
}

/// Sine and cosine of an angle in turns, error below 1e-13.
pub(super) fn sin_cos(turns: f64) -> (f64, f64) {
    let inside = turns - turns.round();
    let quarter = (inside * 4.0).round();
    let angle = (inside - quarter * 0.25) * TAU;
    let square = angle * angle;
    let (mut sine, mut cosine) = (1.0, 1.0);
    for step in (1..=8).rev() {
        let step = f64::from(2 * step);
        sine = 1.0 - sine * square / (step * (step + 1.0));
        cosine = 1.0 - cosine * square / (step * (step - 1.0));
    }
    sine *= angle;
    match quarter as i32 {
        0 => (sine, cosine),
        1 => (cosine, -sine),
        -1 => (-cosine, sine),
        _ => (-sine, -cosine),
    }
}

/// `e^x` in single precision, relative error below 1e-6, for `x` in `-80.0..80.0`; written so that a compiler can do several
/// at once.
pub(super) fn exp_fast(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0;
    let scaled = x * std::f32::consts::LOG2_E;
    let shifted = scaled + ROUND;
    let whole = shifted - ROUND;
    let rest = (scaled - whole) * std::f32::consts::LN_2;
    let sum = 1.0
        + rest
            * (1.0
                + rest
                    * (0.5 + rest * (1.0 / 6.0 + rest * (1.0 / 24.0 + rest * (1.0 / 120.0 + rest / 720.0)))));
    sum * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

/// SplitMix64's generator at a place of its sequence (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014).
pub(crate) fn draw(seed: u64, place: u64) -> u64 {
    let value = seed.wrapping_add(place.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// Inverse Fourier transforms of two real signals at once, in place, radix 2 (Cooley and Tukey 1965).
#[derive(Debug)]
pub(super) struct Inverse {
    size: usize,
    /// Cosine and sine of `index / size` turns.
    turns: (Vec<f32>, Vec<f32>),
    /// Bit-reversed indices.
    order: Vec<u32>,
}

impl Inverse {
    /// Tables for `size` samples, a power of two above 1.
    pub(super) fn new(size: usize) -> Self {
        let bits = size.trailing_zeros();
        let order = (0..size as u32).map(|index| index.reverse_bits() >> (32 - bits)).collect();
        // The factors of each stage lie one after the other: 1, then 2, then 4 of them.
        let (mut cosines, mut sines) = (Vec::with_capacity(size), Vec::with_capacity(size));
        let mut half = 1;
        while half < size {
            for index in 0..half {
                let (sine, cosine) = sin_cos(index as f64 / (2 * half) as f64);
                cosines.push(cosine as f32);
                sines.push(sine as f32);
            }
            half *= 2;
        }
        Self { size, turns: (cosines, sines), order }
    }

    /// Sum over bins of `spectrum e^(2 pi i k n / size)`; `re` and `im` are spectra before and samples after.
    pub(super) fn run(&self, re: &mut [f32], im: &mut [f32]) {
        for (index, &other) in self.order.iter().enumerate() {
            let other = other as usize;
            if index < other {
                re.swap(index, other);
                im.swap(index, other);
            }
        }
        let mut half = 1;
        while half < self.size {
            let cosines = &self.turns.0[half - 1..2 * half - 1];
            let sines = &self.turns.1[half - 1..2 * half - 1];
            for (re, im) in re.chunks_exact_mut(2 * half).zip(im.chunks_exact_mut(2 * half)) {
                let (low_re, high_re) = re.split_at_mut(half);
                let (low_im, high_im) = im.split_at_mut(half);
                let (high_re, low_im, high_im) =
                    (&mut high_re[..half], &mut low_im[..half], &mut high_im[..half]);
                for index in 0..half {
                    let (cosine, sine) = (cosines[index], sines[index]);
                    let turned_re = high_re[index] * cosine - high_im[index] * sine;
                    let turned_im = high_re[index] * sine + high_im[index] * cosine;
                    high_re[index] = low_re[index] - turned_re;
                    high_im[index] = low_im[index] - turned_im;
                    low_re[index] += turned_re;
                    low_im[index] += turned_im;
                }
            }
            half *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_agree_with_the_library() {
        for index in -4_000..4_000 {
            let x = f64::from(index) * 0.013;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-13, "exp {x}");
            assert!(
                (f64::from(exp_fast(x as f32)) / x.exp() - 1.0).abs() < 5e-6 || x.abs() > 40.0,
                "exp_fast {x}"
            );
            let (sine, cosine) = sin_cos(x);
            assert!(
                (sine - (TAU * x).sin()).abs() < 1e-12 && (cosine - (TAU * x).cos()).abs() < 1e-12,
                "{x}"
            );
            let positive = x.exp();
            assert!((ln(positive) - x).abs() < 1e-12, "ln {positive}");
        }
        assert_eq!(exp(-1e4), 0.0);
    }

    #[test]
    fn two_spectra_give_two_signals() {
        let size = 16;
        let inverse = Inverse::new(size);
        // A cosine of two turns in the real part, a sine of three in the imaginary.
        let (mut re, mut im) = (vec![0.0; size], vec![0.0; size]);
        (re[2], re[14]) = (0.5, 0.5);
        // i times the spectrum of a sine: -i/2 at 3 and i/2 at 13.
        (re[3], re[13]) = (0.5, -0.5);
        inverse.run(&mut re, &mut im);
        for index in 0..size {
            let turn = std::f32::consts::TAU * index as f32 / size as f32;
            assert!(
                (re[index] - (2.0 * turn).cos()).abs() < 1e-6
                    && (im[index] - (3.0 * turn).sin()).abs() < 1e-6
            );
        }
    }
}
