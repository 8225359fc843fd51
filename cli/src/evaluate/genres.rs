//! Genres: whether a name alone gives music with the traits of its genre. Scores only, so hundreds take minutes.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use resonantgen_models::generator::{Engine, TakeRequest};
use resonantgen_music::plan::Plan;
use resonantgen_music::track::Track;
use resonantgen_project::read_text;
use resonantgen_session::{Request, Session};
use resonantgen_sound::measure::{Music, fit};
use resonantgen_take::Take;
use std::sync::Arc;

use super::traits::{Sketch, check, rhythms};
use super::{Figure, Target};
use crate::args::Evaluate;
use crate::progress::Cancellable;
use crate::{interrupt, report};

/// Genres and their traits; the first trait of each is its signature.
const GENRES: &str = include_str!("genres.txt");
/// Most bytes of a list.
const LIST_BYTES: u64 = 1 << 20;

/// A genre of the list.
struct Case<'a> {
    prompt: &'a str,
    is_core: bool,
    traits: Vec<&'a str>,
}

fn cases(text: &str) -> Result<Vec<Case<'_>>> {
    let mut is_core = false;
    let mut cases = Vec::new();
    for (number, line) in text.lines().enumerate() {
        match line.trim() {
            "" => {}
            "[core]" => is_core = true,
            "[others]" => is_core = false,
            line if line.starts_with('#') => {}
            line => {
                let (prompt, traits) =
                    line.split_once(" => ").with_context(|| format!("line {}: no '=>'", number + 1))?;
                cases.push(Case { prompt, is_core, traits: traits.split(", ").map(str::trim).collect() });
            }
        }
    }
    Ok(cases)
}

/// The names in the built-in list.
///
/// # Errors
/// Never returns an error, because a test checks the list.
pub fn prompts() -> Result<Vec<&'static str>> {
    Ok(cases(GENRES)?.into_iter().map(|case| case.prompt).collect())
}

/// The scores of all tracks, without audio.
pub fn sketch(engine: &Engine, prompt: &str, seed: u64) -> Result<(Plan, Vec<Arc<Take>>)> {
    let request = Request::generate(prompt).seed(seed);
    let (intent, plan) = Session::default().prepare(&request, Some(engine))?;
    let mut takes: Vec<Arc<Take>> = Vec::new();
    for track in Track::ALL {
        let take = engine.sketch(
            &TakeRequest {
                track,
                prompt,
                intent: &intent,
                plan: &plan,
                seed,
                settings: request.settings,
                context: &takes,
                patch: None,
            },
            &Cancellable,
        );
        interrupt::check()?;
        takes.push(Arc::new(take?));
    }
    Ok((plan, takes))
}

/// Results over all pieces.
#[derive(Default)]
struct Tallies {
    /// Grouped by whether the genre is one of the twelve.
    signatures: [Vec<bool>; 2],
    traits: [Vec<bool>; 2],
    copied: [Vec<bool>; 4],
    bass_rhythms: Vec<f32>,
    harmony_rhythms: Vec<f32>,
    downbeat_roots: Vec<f32>,
    bass_chord_tones: Vec<f32>,
    harmony_chord_tones: Vec<f32>,
    melody_in_scale: Vec<f32>,
    kick_and_bass: Vec<f32>,
    bass_pitches: Vec<f32>,
    fill_8: Vec<bool>,
    fill_4: Vec<bool>,
    missed: String,
}

/// Measures a list of genres.
///
/// # Errors
/// Returns an error if the list cannot be read or names an unknown trait, or a score cannot be written.
pub fn run(engine: &Engine, file: Option<&Path>, arguments: &Evaluate) -> Result<ExitCode> {
    let text = match file {
        None => GENRES.to_owned(),
        Some(file) => {
            read_text(file, LIST_BYTES).with_context(|| format!("cannot read {}", file.display()))?
        }
    };
    let all = cases(&text)?;
    let count = arguments.prompts.map_or(all.len(), |count| (count as usize).clamp(1, all.len()));
    let mut found = Tallies::default();
    let mut alike = Vec::new();
    for index in 0..count {
        let case = &all[index * all.len() / count];
        for seed in 1..=u64::from(arguments.seeds) {
            let (plan, takes) = sketch(engine, case.prompt, seed)?;
            if seed == 1 {
                alike.push(format!("{:?}", takes.iter().map(|take| &take.score).collect::<Vec<_>>()));
            }
            measure(engine, case, seed, &plan, &takes, &mut found)?;
        }
    }
    let distinct = alike.iter().collect::<HashSet<_>>().len();
    let figures = figures(&found, alike.len() - distinct);
    let mut table = String::from("| figure | value | target | cases |\n|---|---|---|---|\n");
    for figure in &figures {
        let value = figure.value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
        let target = match figure.target {
            Some(Target::AtLeast(least)) => format!(">= {least}"),
            Some(Target::AtMost(most)) => format!("<= {most}"),
            None => "-".to_owned(),
        };
        let _ = writeln!(table, "| {} | {value} | {target} | {} |", figure.name, figure.cases);
    }
    if arguments.json {
        report::print_json(&figures)?;
    } else {
        report::print(&format!("{table}\nNot met:\n{}", found.missed))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(
    engine: &Engine,
    case: &Case<'_>,
    seed: u64,
    plan: &Plan,
    takes: &[Arc<Take>],
    found: &mut Tallies,
) -> Result<()> {
    let piece = Sketch {
        plan,
        notes: std::array::from_fn(|index| takes[index].score.notes.as_slice()),
        patches: std::array::from_fn(|index| engine.bundle().patch(&takes[index].patch)),
    };
    let mut missed = Vec::new();
    for (index, name) in case.traits.iter().enumerate() {
        let Some(is_met) = check(name, &piece) else { bail!("'{name}' is not a trait") };
        if index == 0 {
            found.signatures[usize::from(case.is_core)].push(is_met);
        }
        found.traits[usize::from(case.is_core)].push(is_met);
        if !is_met {
            missed.push(if index == 0 { format!("**{name}**") } else { (*name).to_owned() });
        }
    }
    if !missed.is_empty() {
        let patches: Vec<&str> = takes.iter().map(|take| take.patch.as_str()).collect();
        let _ = writeln!(
            found.missed,
            "- {} {seed} ({} bpm, {}, {}, {}): {}",
            case.prompt,
            plan.bpm,
            plan.key,
            plan.meter,
            patches.join(" "),
            missed.join(", ")
        );
    }
    for track in Track::ALL {
        found.copied[track.index()].extend(piece.is_copied(track));
        let notes = piece.notes[track.index()];
        let music = Music::new(track, plan, notes);
        found.downbeat_roots.extend(music.downbeat_roots);
        match track {
            Track::Drums => {}
            Track::Bass => {
                found.bass_chord_tones.extend(music.chord_tones);
                let pitches: HashSet<u8> = notes.iter().map(|note| note.pitch).collect();
                found.bass_pitches.push(pitches.len() as f32);
            }
            Track::Harmony => found.harmony_chord_tones.extend(music.chord_tones),
            Track::Melody => found.melody_in_scale.extend(music.in_scale),
        }
    }
    let [drums, bass, ..] = piece.notes;
    let steps = plan.total_steps();
    found.kick_and_bass.extend(fit::togetherness(&fit::kick_row(drums, steps), &fit::onset_row(bass, steps)));
    if plan.bars >= 8 {
        found.bass_rhythms.push(rhythms(&piece.onsets(Track::Bass), 8) as f32);
        found.harmony_rhythms.push(rhythms(&piece.onsets(Track::Harmony), 8) as f32);
        found.fill_8.push(piece.has_fill(7));
        found.fill_4.push(piece.has_fill(3));
    }
    Ok(())
}

fn figures(found: &Tallies, alike: usize) -> Vec<Figure> {
    let least = |value| Some(Target::AtLeast(value));
    let [others, core] = &found.signatures;
    let [other_traits, core_traits] = &found.traits;
    let mut figures = vec![
        Figure::share("signature met, the twelve styles", core, least(0.98)),
        Figure::share("signature met, other genres", others, least(0.9)),
        Figure::share("traits met, the twelve styles", core_traits, least(0.97)),
        Figure::share("traits met, other genres", other_traits, least(0.9)),
        Figure::new("pieces alike to the note, one seed", Some(alike as f32), 1, Some(Target::AtMost(0.0))),
        Figure::mean("bass: rhythms in 8 bars", &found.bass_rhythms, least(2.5)),
        Figure::mean("harmony: rhythms in 8 bars", &found.harmony_rhythms, least(2.5)),
        Figure::mean("bass: root on downbeats", &found.downbeat_roots, least(0.85)),
        Figure::mean("bass: chord tones", &found.bass_chord_tones, None),
        Figure::mean("harmony: chord tones", &found.harmony_chord_tones, least(0.9)),
        Figure::mean("melody: in scale or chord", &found.melody_in_scale, least(0.95)),
        Figure::mean("kick and bass: correlation of their onsets", &found.kick_and_bass, None),
        Figure::mean("bass: different pitches", &found.bass_pitches, None),
        Figure::share("drums: a fill or variation in bar 8", &found.fill_8, least(0.8)),
        Figure::share("drums: a fill or variation in bar 4", &found.fill_4, least(0.4)),
    ];
    for track in Track::ALL {
        let name = format!("{track}: bars 5 to 8 copy bars 1 to 4");
        figures.push(Figure::share(name, &found.copied[track.index()], Some(Target::AtMost(0.25))));
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;
    use resonantgen_music::score::Note;

    #[test]
    fn the_list_names_known_traits_only() {
        let plan = Plan {
            bpm: 100.0,
            key: "A minor".parse().expect("a key"),
            meter: Default::default(),
            bars: 8,
            chords: vec!["Am".parse().expect("a chord"); 16],
            swing: Default::default(),
        };
        let drums: Vec<Note> = (0..32)
            .map(|beat| Note { step: 4 * beat, offset: 0.0, length: 1.0, pitch: 36, velocity: 100 })
            .collect();
        let piece = Sketch { plan: &plan, notes: [&drums, &[], &[], &[]], patches: [None; 4] };
        for case in cases(GENRES).expect("well-formed") {
            for name in case.traits {
                assert!(check(name, &piece).is_some(), "{}: {name}", case.prompt);
            }
        }
        assert_eq!(check("four", &piece), Some(true));
        assert_eq!(check("not-four", &piece), Some(false));
        assert_eq!(check("backbeat", &piece), Some(false));
        assert_eq!(piece.is_copied(Track::Drums), Some(true));
        assert!(!piece.has_fill(7));
        assert_eq!(check("bagpipes", &piece), None);
    }
}
