//! Swing: a piecewise-linear warp of musical time.

/// Swing of sixteenths or eighths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Swing {
    /// Steps of the swung note: 1 for sixteenths, 2 for eighths.
    pub unit_steps: u32,
    /// Share of the pair taken by its first half, in `0.5..=0.75`; 0.5 is straight, 2/3 a triplet feel.
    pub ratio: f64,
}

impl Default for Swing {
    fn default() -> Self {
        Self { unit_steps: 1, ratio: 0.5 }
    }
}

impl Swing {
    /// Maps a straight position to a swung one, both in steps. Monotone; the boundaries of pairs stay fixed.
    #[must_use]
    pub fn warp(&self, step: f64) -> f64 {
        let unit = f64::from(self.unit_steps.max(1));
        let pair = (step / (2.0 * unit)).floor();
        let within = step - pair * 2.0 * unit;
        let warped = if within < unit {
            2.0 * self.ratio * within
        } else {
            2.0 * unit * self.ratio + (within - unit) * 2.0 * (1.0 - self.ratio)
        };
        pair * 2.0 * unit + warped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_warp_is_monotone_and_keeps_pairs(
            unit_steps in 1_u32..3,
            ratio in 0.5_f64..0.75,
            positions in prop::collection::vec(-8.0_f64..300.0, 2..40),
        ) {
            let swing = Swing { unit_steps, ratio };
            let mut sorted = positions;
            sorted.sort_by(f64::total_cmp);
            for pair in sorted.windows(2) {
                prop_assert!(swing.warp(pair[0]) <= swing.warp(pair[1]) + 1e-9);
            }
            for pair in 0..20 {
                let border = f64::from(pair * 2 * unit_steps);
                prop_assert!((swing.warp(border) - border).abs() < 1e-9);
            }
            prop_assert!((Swing::default().warp(sorted[0]) - sorted[0]).abs() < 1e-9);
        }
    }
}
