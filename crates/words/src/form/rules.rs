//! The rules for each kind of section, from `sections.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::SectionKind;
use crate::Style;
use resonantgen_music::track::{TRACK_COUNT, Track};

/// How much a track plays in a section, compared with the main section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It does not play.
    Out,
    /// It plays less.
    Thin,
    /// It plays as much.
    #[default]
    Same,
    /// It plays more.
    Full,
}

/// The chords of a section, compared with the main section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChordRule {
    /// The same chords.
    #[default]
    Same,
    /// The same chords, some replaced by their relatives.
    Variation,
    /// Another progression in the same key.
    Other,
    /// The last chord, held.
    Pedal,
}

/// The rules for a kind of section in a style.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SectionRules {
    /// Usual length in bars.
    pub bars: u32,
    /// Energy, in `0.0..=1.0`.
    pub energy: f32,
    /// Its chords.
    pub chords: ChordRule,
    /// How much each track plays, indexed like [`Track::ALL`].
    pub levels: [Level; TRACK_COUNT],
    /// How closely each track follows the main section, in `0.0..=1.0`; 0 is written from scratch.
    pub likeness: [f32; TRACK_COUNT],
    /// Where each track enters, as a fraction of the section.
    pub enters: [f32; TRACK_COUNT],
    /// Where each track leaves, as a fraction of the section; at 1 it stays to the end.
    pub leaves: [f32; TRACK_COUNT],
    /// Whether the drums lead into the next section.
    pub fill: bool,
    /// Whether it builds up to the next section.
    pub build: bool,
    /// Whether it ends the song.
    pub ends: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    family: BTreeMap<String, String>,
    section: BTreeMap<String, RawSection>,
}

#[derive(Deserialize)]
struct RawSection {
    words: Vec<String>,
    #[serde(flatten)]
    rules: RawRules,
    #[serde(default)]
    club: RawRules,
    #[serde(default)]
    hip_hop: RawRules,
    #[serde(default)]
    band: RawRules,
    #[serde(default)]
    jazz: RawRules,
    #[serde(default)]
    ambient: RawRules,
}

#[derive(Clone, Default, Deserialize)]
struct RawRules {
    bars: Option<u32>,
    energy: Option<f32>,
    chords: Option<ChordRule>,
    drums: Option<Level>,
    bass: Option<Level>,
    harmony: Option<Level>,
    melody: Option<Level>,
    likeness: Option<RawLikeness>,
    enters: Option<BTreeMap<String, f32>>,
    leaves: Option<BTreeMap<String, f32>>,
    fill: Option<bool>,
    build: Option<bool>,
    ends: Option<bool>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum RawLikeness {
    All(f32),
    ByTrack(BTreeMap<String, f32>),
}

impl RawRules {
    fn apply(&self, rules: &mut SectionRules) {
        rules.bars = self.bars.unwrap_or(rules.bars);
        rules.energy = self.energy.unwrap_or(rules.energy);
        rules.chords = self.chords.unwrap_or(rules.chords);
        for (level, own) in rules.levels.iter_mut().zip([self.drums, self.bass, self.harmony, self.melody]) {
            *level = own.unwrap_or(*level);
        }
        match &self.likeness {
            Some(RawLikeness::All(likeness)) => rules.likeness = [*likeness; TRACK_COUNT],
            Some(RawLikeness::ByTrack(own)) => shares(own, &mut rules.likeness),
            None => {}
        }
        // A family sets all values or none: the values of another family are not its defaults.
        for (own, (shares_of, neutral)) in
            [&self.enters, &self.leaves].into_iter().zip([(&mut rules.enters, 0.0), (&mut rules.leaves, 1.0)])
        {
            if let Some(own) = own {
                *shares_of = [neutral; TRACK_COUNT];
                shares(own, shares_of);
            }
        }
        rules.fill = self.fill.unwrap_or(rules.fill);
        rules.build = self.build.unwrap_or(rules.build);
        rules.ends = self.ends.unwrap_or(rules.ends);
    }
}

fn shares(own: &BTreeMap<String, f32>, all: &mut [f32; TRACK_COUNT]) {
    for track in Track::ALL {
        if let Some(share) = own.get(track.name()) {
            all[track.index()] = *share;
        }
    }
}

struct Table {
    words: BTreeMap<String, SectionKind>,
    /// By kind and style.
    rules: BTreeMap<SectionKind, Vec<SectionRules>>,
}

static TABLE: LazyLock<Table> =
    LazyLock::new(|| read(include_str!("sections.toml")).expect("the built-in sections are well-formed"));

fn read(text: &str) -> Option<Table> {
    let raw: RawTable = toml::from_str(text).ok()?;
    let mut table = Table { words: BTreeMap::new(), rules: BTreeMap::new() };
    for kind in SectionKind::ALL {
        let section = raw.section.get(kind.name())?;
        for word in &section.words {
            if table.words.insert(word.clone(), kind).is_some() {
                return None;
            }
        }
        let rules = Style::ALL.map(|style| {
            let mut rules = SectionRules {
                likeness: [1.0; TRACK_COUNT],
                leaves: [1.0; TRACK_COUNT],
                ..SectionRules::default()
            };
            section.rules.apply(&mut rules);
            match raw.family.get(style.name()).map(String::as_str) {
                Some("club") => section.club.apply(&mut rules),
                Some("hip_hop") => section.hip_hop.apply(&mut rules),
                Some("band") => section.band.apply(&mut rules),
                Some("jazz") => section.jazz.apply(&mut rules),
                Some("ambient") => section.ambient.apply(&mut rules),
                _ => return None,
            }
            Some(rules)
        });
        table.rules.insert(kind, rules.into_iter().collect::<Option<_>>()?);
    }
    Some(table)
}

/// The rules for a kind of section in a style.
#[must_use]
pub fn rules_of(kind: SectionKind, style: Style) -> &'static SectionRules {
    &TABLE.rules[&kind][style.index()]
}

/// The kind with the given name, in lower case with spaces instead of hyphens.
pub(super) fn kind_of(word: &str) -> Option<SectionKind> {
    TABLE.words.get(word).copied()
}

/// Maximum number of words in a section's name.
pub(super) const LONGEST_NAME: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_well_formed_and_its_numbers_are_in_range() {
        for (word, kind) in &TABLE.words {
            assert!(word.split(' ').count() <= LONGEST_NAME, "'{word}' of {kind} is too long");
            assert_eq!(*word, word.to_lowercase(), "'{word}'");
        }
        for rules in TABLE.rules.values().flatten() {
            let shares = rules.likeness.iter().chain(&rules.enters).chain(&rules.leaves);
            assert!(shares.chain([&rules.energy]).all(|share| (0.0..=1.0).contains(share)));
            assert!((1..=64).contains(&rules.bars));
            assert!(rules.levels.iter().any(|level| *level != Level::Out), "somebody plays");
            assert!(rules.enters.iter().zip(&rules.leaves).all(|(enters, leaves)| enters < leaves));
        }
    }

    #[test]
    fn a_family_has_its_own_intro() {
        let techno = rules_of(SectionKind::Intro, Style::Techno);
        let pop = rules_of(SectionKind::Intro, Style::Pop);
        assert_eq!((techno.bars, pop.bars), (16, 4));
        assert_eq!((techno.enters[0], pop.enters[0]), (0.0, 0.5));
        assert_eq!(rules_of(SectionKind::Break, Style::Techno).levels[0], Level::Out);
    }
}
