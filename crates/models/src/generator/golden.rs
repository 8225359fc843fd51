//! Reads `tests/golden/compose`, written by the training code.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::tokens::Token;
use resonantgen_music::plan::{Chord, ChordQuality, Key, Meter, Mode, Plan, Swing};
use resonantgen_music::score::Note;
use resonantgen_music::track::Track;
use resonantgen_words::{Attributes, Style};

#[derive(Deserialize)]
pub(crate) struct File {
    #[serde(skip)]
    pub(crate) name: String,
    pub(crate) piece: Piece,
    pub(crate) cases: Vec<Case>,
    pub(crate) figures: Vec<FigureCase>,
    pub(crate) gaps: Vec<GapCase>,
}

/// A part with new bars, and what a composer is told of what follows them.
#[derive(Deserialize)]
pub(crate) struct GapCase {
    pub(crate) track: Track,
    pub(crate) bars: Vec<u32>,
    pub(crate) rows: Vec<Row>,
}

#[derive(Deserialize)]
pub(crate) struct FigureCase {
    pub(crate) track: Track,
    pub(crate) figure: WrittenFigure,
    pub(crate) rows: Vec<Row>,
}

/// A figure as it is written in the files: signs by voice, of which parts have one.
#[derive(Deserialize)]
pub(crate) struct WrittenFigure {
    pub(crate) family: Option<String>,
    pub(crate) marks: BTreeMap<String, String>,
    pub(crate) length: String,
    pub(crate) voices: Option<(u32, u32)>,
    pub(crate) differs: Vec<bool>,
}

#[derive(Deserialize)]
pub(crate) struct Piece {
    style: String,
    bpm: f64,
    pub(crate) tonic: u8,
    mode: String,
    meter: (u32, u32),
    bars: u32,
    swing_unit: u32,
    swing_ratio: f64,
    chords: Vec<(u8, String)>,
    #[serde(deserialize_with = "notes_by_track")]
    pub(crate) tracks: BTreeMap<Track, Vec<Note>>,
    #[serde(deserialize_with = "attributes")]
    pub(crate) attributes: Attributes,
}

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) track: Track,
    pub(crate) family: String,
    pub(crate) context: Vec<Track>,
    pub(crate) drop_intent: bool,
    pub(crate) first_bar: u32,
    pub(crate) bars: u32,
    pub(crate) tokens: Vec<Token>,
    #[serde(deserialize_with = "notes")]
    pub(crate) decoded: Vec<Note>,
    pub(crate) rows: Vec<Row>,
    pub(crate) masks: Vec<Mask>,
}

/// A note as it is written in the files.
#[derive(Deserialize)]
struct WrittenNote {
    step: u32,
    #[serde(default)]
    offset: f32,
    length: f32,
    pitch: u8,
    velocity: u8,
}

impl From<WrittenNote> for Note {
    fn from(note: WrittenNote) -> Self {
        let WrittenNote { step, offset, length, pitch, velocity } = note;
        Self { step, offset, length, pitch, velocity }
    }
}

fn notes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Note>, D::Error> {
    let notes = Vec::<WrittenNote>::deserialize(deserializer)?;
    Ok(notes.into_iter().map(Note::from).collect())
}

fn notes_by_track<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Track, Vec<Note>>, D::Error> {
    let tracks = BTreeMap::<Track, Vec<WrittenNote>>::deserialize(deserializer)?;
    Ok(tracks
        .into_iter()
        .map(|(track, notes)| (track, notes.into_iter().map(Note::from).collect()))
        .collect())
}

fn attributes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Attributes, D::Error> {
    #[derive(Deserialize)]
    struct Written {
        energy: f32,
        density: f32,
        brightness: f32,
        aggression: f32,
        complexity: f32,
    }
    let Written { energy, density, brightness, aggression, complexity } = Written::deserialize(deserializer)?;
    Ok(Attributes { energy, density, brightness, aggression, complexity })
}

#[derive(Deserialize)]
pub(crate) struct Row {
    pub(crate) step: u32,
    pub(crate) values: Vec<f32>,
}

#[derive(Deserialize)]
pub(crate) struct Mask {
    pub(crate) position: usize,
    pub(crate) allowed: Vec<Token>,
}

impl Piece {
    pub(crate) fn steps_per_bar(&self) -> u32 {
        self.meter.0 * 16 / self.meter.1
    }

    pub(crate) fn styles(&self) -> [f32; 12] {
        Style::ALL.map(|style| if style.name() == self.style { 1.0 } else { 0.0 })
    }

    pub(crate) fn plan(&self) -> Plan {
        let quality = |name: &str| {
            let suffix = match name {
                "maj" => "",
                "min" => "m",
                "min7" => "m7",
                "min9" => "m9",
                "minadd9" => "madd9",
                other => other,
            };
            ChordQuality::ALL.into_iter().find(|quality| quality.suffix() == suffix).expect("a known quality")
        };
        let mode = Mode::ALL.into_iter().find(|mode| mode.name() == self.mode).expect("a known mode");
        Plan {
            bpm: self.bpm,
            key: Key { tonic: self.tonic, mode },
            meter: Meter::new(self.meter.0, self.meter.1).expect("a usable meter"),
            bars: self.bars,
            chords: self.chords.iter().map(|(root, name)| Chord::new(*root, quality(name), false)).collect(),
            swing: Swing { unit_steps: self.swing_unit, ratio: self.swing_ratio },
        }
    }
}

pub(crate) fn files() -> Vec<File> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/compose");
    let mut files: Vec<File> = std::fs::read_dir(folder)
        .expect("the goldens are in the repository")
        .map(|entry| entry.expect("readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("readable golden");
            let mut file: File = serde_json::from_str(&text).expect("well-formed golden");
            file.name = path.file_name().expect("a file").to_string_lossy().into_owned();
            file
        })
        .collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!files.is_empty());
    files
}
