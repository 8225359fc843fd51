//! `resonantgen genres`: what genres prompts may name, and what one is made of.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use resonantgen_music::track::Track;
use resonantgen_server::settings::{folder, own_genres};
use resonantgen_words::Style;
use resonantgen_words::genre::{self, Genre, genres};
use serde::Serialize;

use crate::args::Genres;
use crate::failure::Usage;
use crate::report;

/// Adds the user's own genres to the built-in ones.
///
/// # Errors
/// Returns an error if one of the user's files cannot be read, or is not a table of genres.
pub fn install() -> Result<()> {
    // A system without a folder for settings has no genres in it.
    let Ok(folder) = folder() else { return Ok(()) };
    Ok(genre::install(&own_genres(&folder)?)?)
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    title: &'a str,
    words: &'a [String],
    parents: &'a [(String, f32)],
    tempo_bpm: Option<[f64; 3]>,
    meters: Vec<String>,
    groove: &'a [String],
    bass: &'a [String],
    comping: &'a [String],
    lead: &'a [String],
}

impl<'a> Listed<'a> {
    fn new(genre: &'a Genre) -> Self {
        Self {
            name: &genre.name,
            title: &genre.title,
            words: &genre.words,
            parents: &genre.parents,
            tempo_bpm: genre.tempo.map(|(low, usual, high)| [low, usual, high]),
            meters: genre.meters.iter().map(ToString::to_string).collect(),
            groove: &genre.grooves,
            bass: &genre.basses,
            comping: &genre.compings,
            lead: &genre.leads,
        }
    }
}

/// Lists all genres, or explains one.
///
/// # Errors
/// There is no genre with that name.
pub fn run(arguments: &Genres) -> Result<ExitCode> {
    match &arguments.name {
        None if arguments.json => report::print_json(&genres().all().map(Listed::new).collect::<Vec<_>>())?,
        None => report::print(&list())?,
        Some(name) => {
            let found = genres().find(name).ok_or_else(|| Usage(unknown(name)))?;
            if arguments.json {
                report::print_json(&Listed::new(found))?;
            } else {
                report::print(&explained(found))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn unknown(name: &str) -> String {
    let wanted = name.to_lowercase();
    let alike = genres().all().filter(|genre| {
        genre.words.iter().any(|word| word.contains(&wanted) || wanted.contains(word.as_str()))
    });
    let titles: Vec<&str> = alike.map(|genre| genre.title.as_str()).take(6).collect();
    match titles.is_empty() {
        true => format!("'{name}' is not a genre: `resonantgen genres` lists them"),
        false => format!("'{name}' is not a genre: did you mean {}?", titles.join(", ")),
    }
}

fn list() -> String {
    let mut text = String::new();
    let mut all: Vec<&Genre> = genres().all().collect();
    all.sort_by_key(|genre| genre.title.to_lowercase());
    for genre in all {
        let tempo = tempo(genre).unwrap_or_default();
        let also: Vec<&str> = genre
            .words
            .iter()
            .map(String::as_str)
            .filter(|word| *word != genre.title.to_lowercase())
            .take(4)
            .collect();
        let _ = writeln!(text, "{:<24} {:>15}  {}", genre.title, tempo, also.join(", "));
    }
    text
}

fn tempo(genre: &Genre) -> Option<String> {
    genre.tempo.map(|(low, _, high)| format!("{low} to {high} bpm"))
}

fn explained(genre: &Genre) -> String {
    let mut text = format!("{}\n", genre.title);
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:<10} {value}");
        }
    };
    row("names", genre.words.join(", "));
    let share = |(name, weight): &(String, f32)| format!("{name} {weight}");
    row("parents", genre.parents.iter().map(share).collect::<Vec<_>>().join(", "));
    let styles = Style::ALL.into_iter().filter(|style| genre.styles[style.index()] > 0.005);
    row(
        "styles",
        styles
            .map(|style| format!("{style} {:.2}", genre.styles[style.index()]))
            .collect::<Vec<_>>()
            .join(", "),
    );
    row("tempo", tempo(genre).unwrap_or_default());
    row("meters", genre.meters.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    if let Some(swing) = genre.swing {
        let (low, high) = swing.ratio;
        let note = if swing.unit_steps == 2 { "eighths" } else { "sixteenths" };
        row("swing", if high <= 0.501 { "straight".to_owned() } else { format!("{note}, {low} to {high}") });
    }
    row("modes", genre.modes.iter().map(|(mode, _)| mode.name()).collect::<Vec<_>>().join(", "));
    let chords = genre.chords.iter().flat_map(|(_, lines)| lines.iter().map(String::as_str));
    row("chords", chords.collect::<Vec<_>>().join(" | "));
    for (name, track) in [
        ("groove", Track::Drums),
        ("bass", Track::Bass),
        ("chords' role", Track::Harmony),
        ("lead", Track::Melody),
    ] {
        for role in genre.roles(track) {
            let about = match track {
                Track::Drums => genres().groove(role).map(|groove| groove.about.as_str()),
                _ => genres().part(track, role).map(|part| part.about.as_str()),
            };
            row(name, format!("{role}: {}", about.unwrap_or_default()));
        }
    }
    if let Some((name, template)) =
        genre.template.as_ref().and_then(|name| Some((name, genres().template(name)?)))
    {
        row("played as", format!("{name}: {}", template.about));
    }
    for track in Track::ALL {
        let words = &genre.instruments[track.index()];
        if !words.is_empty() {
            row(track.name(), format!("played by {}", words.join(" or ")));
        }
    }
    text
}
