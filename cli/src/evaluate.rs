//! `resonantgen evaluate`: measures the quality of the music. Generates many pieces, edits some, and reports how often the
//! result is as requested. Repeatable: the same models give the same figures.

mod edits;
mod fits;
mod genres;
mod mix;
mod pieces;
mod songs;
mod sounds;
mod tempo;
mod traits;

use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::args::Evaluate;
use crate::{interrupt, open, report};

/// The prompts, one per line; lines that start with `#` are comments.
const PROMPTS: &str = include_str!("evaluate/prompts.txt");

/// One figure and its target.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    name: String,
    value: Option<f32>,
    /// Number of cases.
    cases: usize,
    target: Option<Target>,
    reached: Option<bool>,
}

/// Target of a figure.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    AtLeast(f32),
    AtMost(f32),
}

impl Figure {
    /// The mean of `values` against a target.
    pub fn mean(name: impl Into<String>, values: &[f32], target: Option<Target>) -> Self {
        let mean = (!values.is_empty()).then(|| values.iter().sum::<f32>() / values.len() as f32);
        Self::new(name, mean, values.len(), target)
    }

    /// The share of `values` that are true against a target.
    pub fn share(name: impl Into<String>, values: &[bool], target: Option<Target>) -> Self {
        let ones: Vec<f32> = values.iter().map(|value| f32::from(u8::from(*value))).collect();
        Self::mean(name, &ones, target)
    }

    pub fn new(name: impl Into<String>, value: Option<f32>, cases: usize, target: Option<Target>) -> Self {
        let reached = value.zip(target).map(|(value, target)| match target {
            Target::AtLeast(least) => value >= least,
            Target::AtMost(most) => value <= most,
        });
        Self { name: name.into(), value, cases, target, reached }
    }

    /// Its row in a table of figures.
    pub fn row(&self) -> String {
        let Self { name, value, cases, target, reached } = self;
        let value = value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
        let target = match target {
            Some(Target::AtLeast(least)) => format!(">= {least}"),
            Some(Target::AtMost(most)) => format!("<= {most}"),
            None => "-".to_owned(),
        };
        let reached = match reached {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "-",
        };
        format!("| {name} | {value} | {target} | {reached} | {cases} |")
    }
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
struct Evaluation<P, E> {
    bundle: String,
    prompts: usize,
    seeds: u32,
    figures: Vec<Figure>,
    /// Distributions: minimum, lower quartile, median, upper quartile, maximum.
    spreads: Vec<Spread>,
    pieces: Vec<P>,
    edits: Vec<E>,
}

/// Distribution of a quantity.
#[derive(Debug, Serialize)]
pub struct Spread {
    name: String,
    quartiles: [f32; 5],
}

impl Spread {
    pub fn new(name: impl Into<String>, mut values: Vec<f32>) -> Option<Self> {
        values.sort_by(f32::total_cmp);
        let last = values.len().checked_sub(1)?;
        let at = |share: f32| values[(share * last as f32).round() as usize];
        Some(Self { name: name.into(), quartiles: [0.0, 0.25, 0.5, 0.75, 1.0].map(at) })
    }
}

/// Generates, measures and prints.
///
/// # Errors
/// Returns an error if the engine cannot be opened, a generation fails, or the results cannot be written.
pub fn run(arguments: &Evaluate) -> Result<ExitCode> {
    interrupt::listen()?;
    let engine = open::engine(&arguments.models)?;
    if let Some(file) = &arguments.genres {
        return genres::run(&engine, file.as_deref(), arguments);
    }
    if arguments.mix {
        return mix::run(&engine, arguments);
    }
    if arguments.sounds {
        return sounds::run(&engine, arguments);
    }
    if arguments.songs {
        return songs::run(&engine, arguments);
    }
    let all: Vec<&str> = PROMPTS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    // A shorter run still spans the whole list, and so all styles.
    let count = arguments.prompts.map_or(all.len(), |count| (count as usize).clamp(1, all.len()));
    let prompts: Vec<&str> = (0..count).map(|index| all[index * all.len() / count]).collect();

    let mut made = Vec::new();
    let mut edited = Vec::new();
    for (number, prompt) in prompts.iter().enumerate() {
        eprintln!("{} of {count}: {prompt}", number + 1);
        for seed in 0..arguments.seeds {
            let session = pieces::generate(&engine, prompt, u64::from(seed) + 1)?;
            made.push(pieces::Piece::measure(prompt, &session)?);
            if seed == 0 && !arguments.no_edits {
                edited.extend(edits::measure(&engine, &session, prompt, number)?);
            }
        }
    }
    let mut figures = pieces::figures(&made);
    figures.extend(fits::figures(&made));
    figures.extend(edits::figures(&edited));
    Evaluation {
        bundle: engine.bundle().id().to_owned(),
        prompts: count,
        seeds: arguments.seeds,
        figures,
        spreads: pieces::spreads(&made),
        pieces: made,
        edits: edited,
    }
    .write(arguments)
}

impl<P: Serialize, E: Serialize> Evaluation<P, E> {
    /// Writes the requested folder, and prints the result.
    fn write(&self, arguments: &Evaluate) -> Result<ExitCode> {
        let table = self.table();
        let json = serde_json::to_string(self).context("cannot write JSON")?;
        if let Some(folder) = &arguments.out {
            let write = |name: &str, text: &str| {
                let path = folder.join(name);
                fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
            };
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
            write("evaluation.json", &json)?;
            write("evaluation.md", &table)?;
        }
        if arguments.json {
            report::print_json(self)?
        } else {
            report::print(&table)?
        }
        Ok(ExitCode::SUCCESS)
    }

    fn table(&self) -> String {
        let mut text = format!(
            "Models `{}`, {} prompts, {} seeds.\n\n| figure | value | target | reached | cases |\n|---|---|---|---|---|\n",
            self.bundle, self.prompts, self.seeds
        );
        for figure in &self.figures {
            let _ = writeln!(text, "{}", figure.row());
        }
        text.push_str("\n| spread | least | 25 % | median | 75 % | most |\n|---|---|---|---|---|---|\n");
        for Spread { name, quartiles: [least, lower, middle, upper, most] } in &self.spreads {
            let _ =
                writeln!(text, "| {name} | {least:.2} | {lower:.2} | {middle:.2} | {upper:.2} | {most:.2} |");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_know_whether_they_are_reached() {
        assert_eq!(Figure::mean("a", &[0.9, 1.0], Some(Target::AtLeast(0.95))).reached, Some(true));
        assert_eq!(Figure::share("b", &[true, false], Some(Target::AtMost(0.4))).reached, Some(false));
        assert_eq!(Figure::mean("c", &[], Some(Target::AtLeast(0.5))).reached, None);
    }

    #[test]
    fn a_spread_has_its_median_in_the_middle() {
        let spread = Spread::new("a", vec![3.0, 1.0, 2.0]).expect("values");
        assert_eq!(spread.quartiles[2], 2.0);
        assert!(Spread::new("b", Vec::new()).is_none());
    }

    #[test]
    fn the_prompts_name_every_style_and_several_meters() {
        let prompts: Vec<&str> = PROMPTS.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(prompts.len() >= 40);
        let intents: Vec<_> =
            prompts.iter().map(|prompt| resonantgen_words::parse(prompt).expect("a prompt")).collect();
        for style in resonantgen_words::Style::ALL {
            let count = intents.iter().filter(|intent| intent.main_style() == style).count();
            assert!(count >= 2, "{} prompts of {}", count, style.name());
        }
        assert!(intents.iter().filter(|intent| intent.meter.is_some()).count() >= 6);
    }
}
