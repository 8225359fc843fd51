//! Named figures, so that measurements with different contents can be compared.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// One measured quantity; lower is better.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    pub name: String,
    pub unit: String,
    /// Median of the repetitions.
    pub median: f64,
    /// Minimum of the repetitions: what the machine does when undisturbed.
    pub best: f64,
}

impl Figure {
    /// A figure from its repetitions; `None` if there are none.
    pub fn of(name: impl Into<String>, unit: &str, mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (best, median) = (*values.first()?, values[values.len() / 2]);
        Some(Self { name: name.into(), unit: unit.to_owned(), median, best })
    }
}

/// The value below which `share` of the sorted `values` lie; 0 if there are none.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let last = values.len().saturating_sub(1);
    values.get(((last as f64 * share).round() as usize).min(last)).copied().unwrap_or(0.0)
}

/// The comparison of two measurements.
pub struct Comparison {
    /// A table for people.
    pub table: String,
    /// Names of the figures that got worse by more than the threshold.
    pub worse: Vec<String>,
}

/// Compares the best values, figure by figure; `threshold` is the share by which a figure may grow.
pub fn compare(old: &[Figure], new: &[Figure], threshold: f64) -> Comparison {
    let mut table = format!("{:<28} {:>10} {:>10} {:>8}\n", "figure (best)", "old", "new", "change");
    let mut worse = Vec::new();
    for figure in new {
        let Figure { name, unit, best, .. } = figure;
        let Some(before) = old.iter().find(|before| before.name == *name && before.unit == *unit) else {
            let _ = writeln!(table, "{name:<28} {:>10} {best:>10.4} {:>8}  {unit}", "-", "new");
            continue;
        };
        let change = if before.best > 0.0 { best / before.best - 1.0 } else { 0.0 };
        let verdict = if change > threshold {
            worse.push(name.clone());
            "  WORSE"
        } else if change < -threshold {
            "  better"
        } else {
            ""
        };
        let change = 100.0 * change;
        let _ =
            writeln!(table, "{name:<28} {:>10.4} {best:>10.4} {change:>+7.1}%  {unit}{verdict}", before.best);
    }
    for lost in old.iter().filter(|before| !new.iter().any(|figure| figure.name == before.name)) {
        let _ =
            writeln!(table, "{:<28} {:>10.4} {:>10} {:>8}  {}", lost.name, lost.best, "-", "gone", lost.unit);
    }
    Comparison { table, worse }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &str, best: f64) -> Figure {
        Figure { name: name.to_owned(), unit: "s".to_owned(), median: 2.0 * best, best }
    }

    #[test]
    fn medians_and_percentiles_ignore_outliers() {
        let figure = Figure::of("wall", "s", vec![3.0, 1000.0, 1.0]).expect("three values");
        assert_eq!((figure.median, figure.best), (3.0, 1.0));
        assert_eq!(Figure::of("wall", "s", Vec::new()), None);
        let values: Vec<f64> = (0..=100).map(f64::from).collect();
        assert_eq!((percentile(&values, 0.5), percentile(&values, 0.99)), (50.0, 99.0));
        assert_eq!(percentile(&[], 0.5), 0.0);
    }

    #[test]
    fn only_what_grew_beyond_the_threshold_is_worse() {
        let old = [figure("decode", 1.0), figure("compose", 1.0), figure("gone", 1.0)];
        let new = [figure("decode", 1.3), figure("compose", 1.1), figure("fresh", 9.0)];
        let found = compare(&old, &new, 0.15);
        assert_eq!(found.worse, ["decode"]);
        for hint in ["+30.0%", "+10.0%", "WORSE", "gone", "new"] {
            assert!(found.table.contains(hint), "{hint} is not in\n{}", found.table);
        }
        assert!(compare(&old, &old, 0.0).worse.is_empty());
    }
}
