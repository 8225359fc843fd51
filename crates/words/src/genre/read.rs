//! Reads tables of genres and checks them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    Genre, Genres, Groove, Length, Mark, Part, Pattern, SwingRange, Template, Tone, Touch, families,
};
use crate::lexicon;
use crate::progression::is_progression;
use crate::{STYLE_COUNT, Style};
use resonantgen_music::plan::{BARS_RANGE, BPM_RANGE, Meter, Mode};
use resonantgen_music::score::{DRUM_CLASS_COUNT, DrumClass};
use resonantgen_music::track::{TRACK_COUNT, Track};

/// Why a table of genres cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct GenreError {
    /// File, and line or genre.
    place: String,
    reason: String,
}

/// Maximum number of simultaneous notes in a role.
const MOST_VOICES: u32 = 6;
/// How often a fill ends a phrase, and how often a second half may be a copy, unless a genre says otherwise.
const FILLS: f32 = 0.95;
const COPIES: f32 = 0.1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    #[serde(default)]
    genre: BTreeMap<String, RawGenre>,
    #[serde(default)]
    groove: BTreeMap<String, RawGroove>,
    #[serde(default)]
    bass: BTreeMap<String, RawPart>,
    #[serde(default)]
    comping: BTreeMap<String, RawPart>,
    #[serde(default)]
    lead: BTreeMap<String, RawPart>,
    #[serde(default)]
    template: BTreeMap<String, RawTemplate>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGenre {
    title: Option<String>,
    #[serde(default)]
    parents: BTreeMap<String, f32>,
    tempo: Option<[f64; 3]>,
    meters: Option<Vec<String>>,
    swing: Option<String>,
    modes: Option<BTreeMap<String, f64>>,
    chords: Option<BTreeMap<String, Vec<String>>>,
    chord_bars: Option<u32>,
    sevenths: Option<f64>,
    groove: Option<Vec<String>>,
    bass: Option<Vec<String>>,
    comping: Option<Vec<String>>,
    lead: Option<Vec<String>>,
    instruments: Option<BTreeMap<String, Vec<String>>>,
    effects: Option<String>,
    #[serde(default)]
    words: Vec<String>,
    template: Option<String>,
    fills: Option<f32>,
    copies: Option<f32>,
    bars: Option<u32>,
    form: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroove {
    #[serde(default)]
    about: String,
    family: Option<String>,
    meter: Option<String>,
    #[serde(default)]
    only: bool,
    kick: Option<String>,
    snare: Option<String>,
    clap: Option<String>,
    rim: Option<String>,
    closed_hat: Option<String>,
    open_hat: Option<String>,
    low_tom: Option<String>,
    high_tom: Option<String>,
    crash: Option<String>,
    ride: Option<String>,
    shaker: Option<String>,
    percussion: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPart {
    #[serde(default)]
    about: String,
    family: Option<String>,
    meter: Option<String>,
    pattern: String,
    length: Option<String>,
    voices: Option<[u32; 2]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTemplate {
    #[serde(default)]
    about: String,
    #[serde(default)]
    push: [f32; 4],
    #[serde(default)]
    late: BTreeMap<String, f32>,
    #[serde(default)]
    drift: f32,
    #[serde(default)]
    memory: f32,
    #[serde(default)]
    onset: f32,
    #[serde(default)]
    hit: f32,
    #[serde(default)]
    hits: BTreeMap<String, f32>,
    #[serde(default)]
    spot: f32,
    #[serde(default)]
    velocity: BTreeMap<String, [f32; 4]>,
    #[serde(default)]
    accents: BTreeMap<String, [f32; 16]>,
}

/// The genres of all files, and the file of each.
type Raws = BTreeMap<String, (String, RawGenre)>;

impl Genres {
    /// The built-in genres and those of further texts, each with a name for error messages.
    ///
    /// # Errors
    /// Returns an error if a text is not a table of genres, or its contents are inconsistent; the message is one line and names
    /// the place.
    pub fn with(files: &[(&str, &str)]) -> Result<Self, GenreError> {
        let built_in = [
            ("grooves.toml", include_str!("grooves.toml")),
            ("templates.toml", include_str!("templates.toml")),
            ("genres.toml", include_str!("genres.toml")),
        ];
        let mut table = Self::default();
        let mut raws = Raws::new();
        for (file, text) in built_in.iter().chain(files) {
            let raw: RawTable = toml::from_str(text).map_err(|error| toml_error(file, text, &error))?;
            for (name, groove) in raw.groove {
                let place = format!("{file}, groove '{name}'");
                table.grooves.insert(name, read_groove(&place, groove)?);
            }
            for (name, template) in raw.template {
                let place = format!("{file}, template '{name}'");
                table.templates.insert(name, read_template(&place, template)?);
            }
            let parts = [
                ("bass", Track::Bass, raw.bass, &mut table.basses),
                ("comping", Track::Harmony, raw.comping, &mut table.compings),
                ("lead", Track::Melody, raw.lead, &mut table.leads),
            ];
            for (kind, track, found, known) in parts {
                for (name, part) in found {
                    let place = format!("{file}, {kind} '{name}'");
                    known.insert(name, read_part(&place, track, &part)?);
                }
            }
            raws.extend(raw.genre.into_iter().map(|(name, genre)| (name, ((*file).to_owned(), genre))));
        }
        let names: Vec<String> = raws.keys().cloned().collect();
        for name in &names {
            table.resolve(name, &raws, &mut Vec::new())?;
        }
        Ok(table)
    }

    /// Reads a genre after its parents have been read.
    fn resolve(&mut self, name: &str, raws: &Raws, path: &mut Vec<String>) -> Result<(), GenreError> {
        if self.genres.contains_key(name) {
            return Ok(());
        }
        let (file, raw) = &raws[name];
        let place = format!("{file}, genre '{name}'");
        let wrong = |reason: String| GenreError { place: place.clone(), reason };
        if path.iter().any(|known| known == name) {
            return Err(wrong(format!("it leads back to itself: {} > {name}", path.join(" > "))));
        }
        path.push(name.to_owned());
        for (parent, weight) in &raw.parents {
            if !raws.contains_key(parent) {
                return Err(wrong(format!("there is no genre '{parent}' to be its parent")));
            }
            if !(weight.is_finite() && *weight > 0.0) {
                return Err(wrong(format!("the weight of '{parent}' is {weight}: use a number above 0")));
            }
            self.resolve(parent, raws, path)?;
        }
        path.pop();
        let genre = self.read_genre(name, raw).map_err(wrong)?;
        self.genres.insert(name.to_owned(), genre);
        Ok(())
    }

    /// Names of grooves. A name that ends with a star stands for all grooves that begin with it.
    fn spelled_out(&self, names: Option<&Vec<String>>) -> Option<Vec<String>> {
        let all = |name: &String| match name.strip_suffix('*') {
            Some(begin) => {
                let begun: Vec<String> =
                    self.grooves.keys().filter(|known| known.starts_with(begin)).cloned().collect();
                if begun.is_empty() { vec![name.clone()] } else { begun }
            }
            None => vec![name.clone()],
        };
        names.map(|names| names.iter().flat_map(all).collect())
    }

    fn read_genre(&self, name: &str, raw: &RawGenre) -> Result<Genre, String> {
        let own_style = Style::ALL.into_iter().find(|style| style.name() == name);
        let mut parents: Vec<(String, f32)> =
            raw.parents.iter().map(|(parent, weight)| (parent.clone(), *weight)).collect();
        parents.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut styles = [0.0_f32; STYLE_COUNT];
        let total: f32 = parents.iter().map(|(_, weight)| weight).sum();
        for (parent, weight) in &parents {
            for (sum, part) in styles.iter_mut().zip(self.genres[parent].styles) {
                *sum += weight / total * part;
            }
        }
        match (own_style, parents.is_empty()) {
            (Some(style), true) => styles[style.index()] = 1.0,
            (None, false) => {}
            (Some(_), false) => return Err("a style of the composers has no parents".to_owned()),
            (None, true) => return Err("it has no parents: write like parents = { house = 1 }".to_owned()),
        }
        let heir = parents.first().map(|(parent, _)| &self.genres[parent]);
        if raw.words.is_empty() {
            return Err("it has no words: write the spellings of its name".to_owned());
        }
        for word in &raw.words {
            let is_plain = *word == word.to_lowercase() && !word.contains('-') && !word.trim().is_empty();
            if !is_plain || word.split(' ').count() > lexicon::LONGEST_SPELLING {
                let most = lexicon::LONGEST_SPELLING;
                return Err(format!("'{word}' in words: use lower case, no hyphens, at most {most} words"));
            }
        }
        let tempo = raw.tempo.map(read_tempo).transpose()?.or(heir.and_then(|heir| heir.tempo));
        let meters = match &raw.meters {
            Some(texts) => texts
                .iter()
                .map(|text| text.parse::<Meter>().map_err(|error| error.to_string()))
                .collect::<Result<_, _>>()?,
            None => heir.map_or_else(Vec::new, |heir| heir.meters.clone()),
        };
        let swing = match &raw.swing {
            Some(text) => Some(read_swing(text)?),
            None => heir.and_then(|heir| heir.swing),
        };
        let modes = match &raw.modes {
            Some(weights) => weights
                .iter()
                .map(|(mode, weight)| Ok((mode_named(mode)?, *weight)))
                .collect::<Result<_, String>>()?,
            None => heir.map_or_else(Vec::new, |heir| heir.modes.clone()),
        };
        let chords = match &raw.chords {
            Some(chords) => read_chords(chords)?,
            None => heir.map_or_else(Vec::new, |heir| heir.chords.clone()),
        };
        let chord_bars = raw.chord_bars.or(heir.map(|heir| heir.chord_bars)).unwrap_or(1);
        if !(1..=8).contains(&chord_bars) {
            return Err(format!("chord_bars is {chord_bars}: use 1 to 8"));
        }
        let bars = raw.bars.or(heir.and_then(|heir| heir.bars));
        if let Some(bars) = bars.filter(|bars| !BARS_RANGE.contains(bars)) {
            return Err(format!("bars is {bars}: use {} to {}", BARS_RANGE.start(), BARS_RANGE.end()));
        }
        let form = match (&raw.form, heir) {
            (Some(text), _) => text.parse().map_err(|error| format!("form \"{text}\": {error}"))?,
            (None, Some(heir)) => heir.form.clone(),
            (None, None) => {
                return Err("it has no form: write like form = \"intro 4, verse 8, chorus 8\"".to_owned());
            }
        };
        let share = |what: &str, value: f32| {
            let is_share = (0.0..=1.0).contains(&value);
            is_share.then_some(value).ok_or_else(|| format!("{what} is {value}: use 0 to 1"))
        };
        let sevenths = raw.sevenths.or(heir.and_then(|heir| heir.sevenths));
        let roles = |kind: &str,
                     own: &Option<Vec<String>>,
                     inherited: Option<&Vec<String>>,
                     has: &dyn Fn(&str) -> bool| {
            let names = own.clone().or_else(|| inherited.cloned()).unwrap_or_default();
            match names.iter().find(|name| !has(name)) {
                Some(missing) => Err(format!("there is no {kind} '{missing}'")),
                None => Ok(names),
            }
        };
        let effects = raw.effects.clone().or(heir.map(|heir| heir.effects.clone())).unwrap_or_default();
        if lexicon::entry(&effects).is_none() {
            return Err(format!("effects '{effects}' are not well-formed"));
        }
        Ok(Genre {
            name: name.to_owned(),
            title: raw.title.clone().unwrap_or_else(|| name.replace('_', " ")),
            styles,
            tempo,
            meters,
            swing,
            modes,
            chords,
            chord_bars,
            sevenths: sevenths.map(|value| share("sevenths", value as f32).map(f64::from)).transpose()?,
            grooves: roles(
                "groove",
                &self.spelled_out(raw.groove.as_ref()),
                heir.map(|heir| &heir.grooves),
                &|name| self.grooves.contains_key(name),
            )?,
            basses: roles("bass", &raw.bass, heir.map(|heir| &heir.basses), &|name| {
                self.basses.contains_key(name)
            })?,
            compings: roles("comping", &raw.comping, heir.map(|heir| &heir.compings), &|name| {
                self.compings.contains_key(name)
            })?,
            leads: roles("lead", &raw.lead, heir.map(|heir| &heir.leads), &|name| {
                self.leads.contains_key(name)
            })?,
            instruments: match &raw.instruments {
                Some(words) => read_instruments(words)?,
                None => heir.map(|heir| heir.instruments.clone()).unwrap_or_default(),
            },
            effects,
            template: match raw.template.clone().or(heir.and_then(|heir| heir.template.clone())) {
                Some(name) if !self.templates.contains_key(&name) => {
                    return Err(format!("there is no template '{name}'"));
                }
                template => template,
            },
            words: raw.words.clone(),
            fills: share("fills", raw.fills.or(heir.map(|heir| heir.fills)).unwrap_or(FILLS))?,
            copies: share("copies", raw.copies.or(heir.map(|heir| heir.copies)).unwrap_or(COPIES))?,
            bars,
            form,
            parents,
        })
    }
}

fn toml_error(file: &str, text: &str, error: &toml::de::Error) -> GenreError {
    let line = error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
    let reason = error.message().lines().collect::<Vec<_>>().join(" ");
    GenreError { place: format!("{file}, line {line}"), reason }
}

fn mode_named(name: &str) -> Result<Mode, String> {
    let names = || Mode::ALL.map(Mode::name).join(", ");
    Mode::ALL
        .into_iter()
        .find(|mode| mode.name() == name)
        .ok_or_else(|| format!("'{name}' is no mode: use {}", names()))
}

fn read_tempo([low, usual, high]: [f64; 3]) -> Result<(f64, f64, f64), String> {
    let fits =
        BPM_RANGE.contains(&low) && BPM_RANGE.contains(&high) && low <= usual && usual <= high && low < high;
    if fits {
        Ok((low, usual, high))
    } else {
        let (least, most) = (BPM_RANGE.start(), BPM_RANGE.end());
        Err(format!("tempo [{low}, {usual}, {high}]: use lowest, usual and highest, in {least} to {most}"))
    }
}

fn read_swing(text: &str) -> Result<SwingRange, String> {
    if text == "straight" {
        return Ok(SwingRange { unit_steps: 1, ratio: (0.5, 0.5) });
    }
    let read = || {
        let (unit, range) = text.split_once(':')?;
        let (low, high) = range.split_once('-')?;
        let ratio: (f64, f64) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
        let unit_steps = match unit.trim() {
            "8" => 2,
            "16" => 1,
            _ => return None,
        };
        (0.5 <= ratio.0 && ratio.0 <= ratio.1 && ratio.1 <= 0.75).then_some(SwingRange { unit_steps, ratio })
    };
    read().ok_or_else(|| {
        format!("swing '{text}': write straight, or like '16: .55-.6' or '8: .6-.67', in .5 to .75")
    })
}

fn read_chords(chords: &BTreeMap<String, Vec<String>>) -> Result<Vec<(Mode, Vec<String>)>, String> {
    let mut found = Vec::new();
    for (mode, lines) in chords {
        if let Some(wrong) = lines.iter().find(|line| !is_progression(line)) {
            return Err(format!("chords '{wrong}': write numerals like 'i bVI bIII bVII', one for each bar"));
        }
        found.push((mode_named(mode)?, lines.clone()));
    }
    Ok(found)
}

fn read_instruments(words: &BTreeMap<String, Vec<String>>) -> Result<[Vec<String>; TRACK_COUNT], String> {
    let mut found: [Vec<String>; TRACK_COUNT] = Default::default();
    for (name, tags) in words {
        let track = Track::ALL.into_iter().find(|track| track.name() == name);
        let track = track.ok_or_else(|| format!("'{name}' in instruments is no track"))?;
        found[track.index()].clone_from(tags);
    }
    Ok(found)
}

fn read_meter(place: &str, text: Option<&String>) -> Result<Meter, GenreError> {
    let Some(text) = text else { return Ok(Meter::COMMON) };
    text.parse::<Meter>().map_err(|error| GenreError { place: place.to_owned(), reason: error.to_string() })
}

fn read_family(place: &str, track: Track, name: Option<&String>) -> Result<Option<usize>, GenreError> {
    let Some(name) = name else { return Ok(None) };
    let known = families(track);
    let found = known.iter().position(|family| family == name);
    let reason = || match known {
        [] => format!("family '{name}': leads have no families"),
        known => format!("there is no family '{name}': use {}", known.join(", ")),
    };
    found.map(Some).ok_or_else(|| GenreError { place: place.to_owned(), reason: reason() })
}

impl Pattern {
    /// The pattern that signs stand for, bars separated by `|`; `None` if they are not signs of bars of that meter.
    #[must_use]
    pub fn read(signs: &str, meter: Meter) -> Option<Self> {
        read_pattern("", "", signs, meter).ok()
    }
}

fn read_pattern(place: &str, what: &str, text: &str, meter: Meter) -> Result<Pattern, GenreError> {
    let wrong = |reason: String| GenreError { place: place.to_owned(), reason };
    let mut bars = Vec::new();
    for bar in text.split('|') {
        let marks = bar
            .chars()
            .filter(|sign| *sign != ' ')
            .map(|sign| mark(sign).ok_or_else(|| wrong(format!("{what}: '{sign}' is no sign of a pattern"))))
            .collect::<Result<Vec<Mark>, _>>()?;
        if marks.len() != meter.steps_per_bar() as usize {
            let (found, wanted) = (marks.len(), meter.steps_per_bar());
            return Err(wrong(format!("{what}: a bar has {found} steps, {meter} has {wanted} sixteenths")));
        }
        bars.push(marks);
    }
    Ok(Pattern { bars })
}

const fn mark(sign: char) -> Option<Mark> {
    Some(match sign {
        'X' => Mark::Accent,
        'x' => Mark::Play,
        'g' => Mark::Ghost,
        'o' => Mark::Likely,
        '?' => Mark::Free,
        '.' => Mark::Rest,
        '-' => Mark::Never,
        '1' => Mark::Tone(Tone::Root),
        '3' => Mark::Tone(Tone::Third),
        '5' => Mark::Tone(Tone::Fifth),
        '7' => Mark::Tone(Tone::Seventh),
        '8' => Mark::Tone(Tone::Octave),
        _ => return None,
    })
}

fn read_groove(place: &str, raw: RawGroove) -> Result<Groove, GenreError> {
    let meter = read_meter(place, raw.meter.as_ref())?;
    let texts = [
        raw.kick,
        raw.snare,
        raw.clap,
        raw.rim,
        raw.closed_hat,
        raw.open_hat,
        raw.low_tom,
        raw.high_tom,
        raw.crash,
        raw.ride,
        raw.shaker,
        raw.percussion,
    ];
    let mut voices = Vec::new();
    for (class, text) in DrumClass::ALL.into_iter().zip(texts) {
        if let Some(text) = text {
            voices.push((class, read_pattern(place, class.name(), &text, meter)?));
        }
    }
    let family = read_family(place, Track::Drums, raw.family.as_ref())?;
    Ok(Groove { about: raw.about, family, meter, only: raw.only, voices })
}

/// Maximum time in a template, in milliseconds.
const LONGEST_MS: f32 = 60.0;

fn read_template(place: &str, raw: RawTemplate) -> Result<Template, GenreError> {
    let wrong = |reason: String| GenreError { place: place.to_owned(), reason };
    let class_of = |name: &str| {
        let class = DrumClass::ALL.into_iter().find(|class| class.name().replace(' ', "_") == name);
        class.map(DrumClass::index).ok_or_else(|| wrong(format!("'{name}' is no voice of the drums")))
    };
    let mut late = [0.0; DRUM_CLASS_COUNT];
    for (name, value) in &raw.late {
        late[class_of(name)?] = *value;
    }
    let mut hits = [raw.hit; DRUM_CLASS_COUNT];
    for (name, value) in &raw.hits {
        hits[class_of(name)?] = *value;
    }
    let spreads: Vec<f32> = [raw.drift, raw.onset, raw.hit, raw.spot].into_iter().chain(hits).collect();
    let times = raw.push.iter().chain(&late).chain(&spreads);
    if times.into_iter().any(|time| !time.is_finite() || time.abs() > LONGEST_MS) {
        return Err(wrong(format!("times are in milliseconds, at most {LONGEST_MS}")));
    }
    if spreads.into_iter().any(|spread| spread < 0.0) || !(0.0..1.0).contains(&raw.memory) {
        return Err(wrong("drift, onset, hit and spot are 0 or more, memory is below 1".to_owned()));
    }
    let mut velocity = [None; DRUM_CLASS_COUNT];
    for (name, [mean, within, between, touch]) in &raw.velocity {
        let is_velocity =
            [mean, within, between, touch].into_iter().all(|value| (0.0..=127.0).contains(value));
        if !is_velocity || touch > within {
            return Err(wrong(format!(
                "velocity of {name}: use mean, within, between and touch, in 0 to 127"
            )));
        }
        let touch = Touch { mean: *mean, within: *within, between: *between, touch: *touch };
        velocity[class_of(name)?] = Some(touch);
    }
    let mut accents = [[0.0; 16]; DRUM_CLASS_COUNT];
    for (name, values) in &raw.accents {
        if values.iter().any(|value| !(-127.0..=127.0).contains(value)) {
            return Err(wrong(format!("accents of {name}: use -127 to 127")));
        }
        accents[class_of(name)?] = *values;
    }
    let RawTemplate { about, push, drift, memory, onset, hit, spot, .. } = raw;
    Ok(Template { about, push, late, drift, memory, onset, hit, hits, spot, velocity, accents })
}

fn read_part(place: &str, track: Track, raw: &RawPart) -> Result<Part, GenreError> {
    let wrong = |reason: String| GenreError { place: place.to_owned(), reason };
    let meter = read_meter(place, raw.meter.as_ref())?;
    let length = match raw.length.as_deref() {
        None => Length::Free,
        Some("short") => Length::Short,
        Some("long") => Length::Long,
        Some(other) => return Err(wrong(format!("length '{other}': use short or long"))),
    };
    let voices = match raw.voices {
        Some([low, high]) if low < 1 || low > high || high > MOST_VOICES => {
            let most = MOST_VOICES;
            return Err(wrong(format!("voices [{low}, {high}]: use fewest and most, in 1 to {most}")));
        }
        Some([low, high]) => Some((low, high)),
        None => None,
    };
    let pattern = read_pattern(place, "pattern", &raw.pattern, meter)?;
    let family = read_family(place, track, raw.family.as_ref())?;
    Ok(Part { about: raw.about.clone(), family, meter, pattern, length, voices })
}
