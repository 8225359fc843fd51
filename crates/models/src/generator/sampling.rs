//! Samples a token from logits.

/// Sampling parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Temperature, which divides the logits; above 0.
    pub temperature: f32,
    /// Nucleus: only the most likely tokens that together have this probability are considered (Holtzman et al. 2020,
    /// section 3.1).
    pub nucleus: f32,
}

impl Sampling {
    /// From cautious at 0 through 0.5 (temperature .9, nucleus .96, as in the composers' evaluation) to wild at 1.
    #[must_use]
    pub fn from_variation(variation: f32) -> Self {
        let variation = variation.clamp(0.0, 1.0);
        Self { temperature: 0.5 + 0.8 * variation, nucleus: 0.9 + 0.12 * variation.min(0.7) }
    }

    /// Index of the token selected by `uniform`, a random number in `0.0..1.0`. Tokens with a logit of negative infinity are never
    /// drawn; at least one logit must be finite.
    #[must_use]
    pub fn draw(&self, logits: &[f32], uniform: f32) -> usize {
        let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut weights: Vec<(usize, f32)> = logits
            .iter()
            .enumerate()
            .filter(|(_, logit)| **logit > f32::NEG_INFINITY)
            .map(|(token, logit)| (token, ((logit - best) / self.temperature).exp()))
            .collect();
        weights.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let total: f32 = weights.iter().map(|(_, weight)| weight).sum();
        let mut kept = 0.0;
        let mut count = 0;
        for (_, weight) in &weights {
            kept += weight;
            count += 1;
            if kept >= self.nucleus * total {
                break;
            }
        }
        let mut target = uniform * kept;
        for (token, weight) in &weights[..count] {
            target -= weight;
            if target < 0.0 {
                return *token;
            }
        }
        weights[count - 1].0
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::{Purpose, Random};
    use super::*;
    use resonantgen_music::track::Track;

    #[test]
    fn impossible_and_unlikely_tokens_are_never_drawn() {
        let mut random = Random::new(1, Track::Drums, Purpose::Compose, 0);
        let sampling = Sampling { temperature: 1.0, nucleus: 0.9 };
        let logits = [f32::NEG_INFINITY, 0.0, 0.0, -20.0];
        let mut seen = [0; 4];
        for _ in 0..400 {
            seen[sampling.draw(&logits, random.uniform())] += 1;
        }
        assert_eq!((seen[0], seen[3]), (0, 0));
        assert!(seen[1] > 120 && seen[2] > 120, "{seen:?}");
    }
}
