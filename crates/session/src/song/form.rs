//! Derives the sections of a song: their plans, and the intent for each track.

use resonantgen_music::harmony::beat_steps;
use resonantgen_music::plan::{Chord, ChordQuality, Key, Plan};
use resonantgen_music::score::DrumClass;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_sound::measure::fit;
use resonantgen_take::Take;
use resonantgen_words::form::{ChordRule, Level, SectionRules};
use resonantgen_words::{Attributes, Intent, Overrides, Shape, TrackIntent, make_plan};

use super::SectionView;

/// Bars per phrase; a variation replaces one chord in each.
const PHRASE_BARS: usize = 4;
/// Maximum share of half bars that another progression may have in common with the main one. `PROGRESSIONS` seeds are tried.
const MOST_SHARED: f32 = 0.5;
const PROGRESSIONS: u64 = 16;
/// Level change of a stem for a full change of energy, in decibels. `LEVELS_DB` is the range.
const LEVEL_DB: f32 = 11.0;
const LEVELS_DB: (f32, f32) = (-9.0, 1.5);
/// Share of a change of energy that is applied to the energy attribute. `DENSITY_SHARE` applies to density.
const ENERGY_SHARE: f32 = 0.6;
const DENSITY_SHARE: f32 = 0.25;
/// Change of density of a thin track; `THIN_DB` is its level in decibels, and `FULL` the change of density of a full track.
const THIN: f32 = -0.22;
const THIN_DB: f32 = -2.0;
const FULL: f32 = 0.15;
/// How closely the bars of a return follow those that they replace.
const RETURN_CLOSENESS: f32 = 0.3;
/// Energy that a section gains each time it returns.
pub(super) const RETURN_ENERGY: f32 = 0.04;

/// Similarity of two sections or takes, from about 0 (unrelated) to 1 (the same notes at the same times).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Likeness;

impl Likeness {
    /// Similarity of the notes of two takes of one track: the phi coefficient ([`fit::togetherness`]) of their onsets by step and
    /// drum voice or pitch class. The shorter take is repeated. `None` if either has no notes.
    #[must_use]
    pub fn of_takes(a: &Take, b: &Take) -> Option<f32> {
        let steps = |take: &Take| take.recipe.plan.total_steps() as usize;
        let total = steps(a).max(steps(b));
        let row = |take: &Take| -> Vec<bool> {
            let voices = if take.recipe.track == Track::Drums { DrumClass::ALL.len() } else { 12 };
            let mut row = vec![false; voices * total];
            for note in &take.score.notes {
                let voice = match take.recipe.track {
                    Track::Drums => DrumClass::from_key(note.pitch).map(DrumClass::index),
                    _ => Some(usize::from(note.pitch % 12)),
                };
                let Some(voice) = voice else { continue };
                for step in (note.step as usize..total).step_by(steps(take).max(1)) {
                    row[voice * total + step] = true;
                }
            }
            row
        };
        fit::togetherness(&row(a), &row(b))
    }

    /// Mean similarity of two sections' tracks. A track that plays in only one of them counts as 0. `None` if nothing plays.
    #[must_use]
    pub fn of_sections(a: &SectionView<'_>, b: &SectionView<'_>) -> Option<f32> {
        let likenesses: Vec<f32> = Track::ALL
            .into_iter()
            .filter_map(|track| match (a.take(track), b.take(track)) {
                (None, None) => None,
                (Some(a), Some(b)) => Some(Self::of_takes(a, b).unwrap_or(0.0)),
                _ => Some(0.0),
            })
            .collect();
        (!likenesses.is_empty()).then(|| likenesses.iter().sum::<f32>() / likenesses.len() as f32)
    }
}

/// Parameters of a section to be generated.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) rules: &'a SectionRules,
    pub(super) energy: f32,
    /// Energy of the main section.
    pub(super) main_energy: f32,
    pub(super) bars: u32,
    /// Whether the section before it is a build.
    pub(super) follows_build: bool,
    /// Whether another section follows.
    pub(super) has_next: bool,
    pub(super) seed: u64,
}

/// The plan of a section. Key, tempo, meter and swing are those of the main one.
pub(super) fn plan_of(wanted: &Wanted<'_>, main: &Plan, intent: &Intent) -> Plan {
    let halves = 2 * wanted.bars as usize;
    let round = || main.chords.iter().copied().cycle().take(halves).collect::<Vec<_>>();
    let mut chords = match wanted.rules.chords {
        ChordRule::Same => round(),
        ChordRule::Variation => varied(round(), main.key),
        ChordRule::Other => other(wanted, main, intent),
        ChordRule::Pedal => main.chords.last().map_or_else(round, |last| vec![*last; halves]),
    };
    if wanted.rules.ends {
        let tonic = main.chords.iter().find(|chord| chord.root == main.key.tonic).copied();
        let tonic = tonic.or_else(|| diatonic(0, main.key, false)).or(main.chords.first().copied());
        if let Some(tonic) = tonic {
            chords[halves - 2..].fill(tonic);
        }
    }
    Plan { bars: wanted.bars, chords, ..main.clone() }
}

/// Replaces the chord in the third bar of each phrase with its relative.
fn varied(mut chords: Vec<Chord>, key: Key) -> Vec<Chord> {
    for bar in (0..chords.len() / 2).filter(|bar| bar % PHRASE_BARS == 2) {
        for half in [2 * bar, 2 * bar + 1] {
            let before = chords[half - 1];
            if let Some(chord) =
                relative(chords[half], key).filter(|chord| chord.root != before.root || half % 2 == 1)
            {
                chords[half] = chord;
            }
        }
    }
    chords
}

/// The chord a third below, or above if that is not a plain triad or seventh chord. It shares two of three notes.
fn relative(chord: Chord, key: Key) -> Option<Chord> {
    let degrees = key.mode.degrees();
    let degree = degrees.iter().position(|degree| (key.tonic + degree) % 12 == chord.root)?;
    let has_seventh = chord.quality.intervals().len() > 3;
    [5, 2].into_iter().filter_map(|up| diatonic((degree + up) % 7, key, has_seventh)).find(|chord| {
        !matches!(
            chord.quality,
            ChordQuality::Diminished | ChordQuality::HalfDiminished7 | ChordQuality::Augmented
        )
    })
}

/// The diatonic chord on a degree, counted from 0.
fn diatonic(degree: usize, key: Key, has_seventh: bool) -> Option<Chord> {
    let degrees = key.mode.degrees();
    let above = |up: usize| (degrees[(degree + up) % 7] + 12 - degrees[degree]) % 12;
    let (triad, seventh) = ([0, above(2), above(4)], [0, above(2), above(4), above(6)]);
    let quality =
        |intervals: &[u8]| ChordQuality::ALL.into_iter().find(|quality| quality.intervals() == intervals);
    let quality = has_seventh.then(|| quality(&seventh)).flatten().or_else(|| quality(&triad))?;
    Some(Chord::new(key.tonic + degrees[degree], quality, uses_flats(key)))
}

fn uses_flats(key: Key) -> bool {
    key.to_string().contains('b')
}

/// Another of the genre's progressions in the same key. If the genre has only one, its chords are all replaced by relatives.
fn other(wanted: &Wanted<'_>, main: &Plan, intent: &Intent) -> Vec<Chord> {
    let free = Intent { chords: None, numerals: Vec::new(), ..intent.clone() };
    let facts = Overrides {
        bpm: Some(main.bpm),
        key: Some(main.key),
        meter: Some(main.meter),
        bars: Some(wanted.bars),
        ..Overrides::default()
    };
    let shared = |chords: &[Chord]| {
        let same = chords.iter().zip(main.chords.iter().cycle()).filter(|(a, b)| a.root == b.root).count();
        same as f32 / chords.len().max(1) as f32
    };
    let drawn = (1..=PROGRESSIONS)
        .filter_map(|turn| make_plan(&free, &facts, wanted.seed.wrapping_add(turn)).ok())
        .map(|plan| plan.chords)
        .find(|chords| shared(chords) <= MOST_SHARED);
    drawn.unwrap_or_else(|| {
        let round = main.chords.iter().cycle().take(2 * wanted.bars as usize);
        round.map(|chord| relative(*chord, main.key).unwrap_or(*chord)).collect()
    })
}

/// The intent for a track in a section, or `None` if the track does not play. `main` is the track's take in the main section.
pub(super) fn intent_of(wanted: &Wanted<'_>, track: Track, main: &Take) -> Option<TrackIntent> {
    let rules = wanted.rules;
    let level = rules.levels[track.index()];
    if level == Level::Out {
        return None;
    }
    let own = main.recipe.intent.track(track);
    let change = wanted.energy - wanted.main_energy;
    let (density, level_db) = match level {
        Level::Thin => (THIN, THIN_DB),
        Level::Full => (FULL, 0.0),
        Level::Same | Level::Out => (0.0, 0.0),
    };
    let moved = |dial: f32, by: f32| (dial + by).clamp(0.0, 1.0);
    let attributes = Attributes {
        energy: moved(own.attributes.energy, ENERGY_SHARE * change),
        density: moved(own.attributes.density, density + DENSITY_SHARE * change),
        complexity: moved(own.attributes.complexity, 0.5 * density),
        ..own.attributes
    };
    let bar = |share: f32| (share * wanted.bars as f32).round() as u32;
    let (enters, leaves) = (rules.enters[track.index()], rules.leaves[track.index()]);
    let shape = Shape {
        enters_bar: bar(enters).min(wanted.bars - 1),
        leaves_bar: Some(bar(leaves).max(1)).filter(|leaves| *leaves < wanted.bars),
        fill: track == Track::Drums && rules.fill && wanted.has_next,
        rises: rules.build,
        gap_steps: if rules.build && wanted.has_next { beat_steps(main.recipe.plan.meter) } else { 0 },
        lands: track == Track::Drums && wanted.follows_build,
        ends: rules.ends,
        level_db: (level_db + LEVEL_DB * change).clamp(LEVELS_DB.0, LEVELS_DB.1),
        patch: patch_of(main),
        new_bars: None,
        keeps_sound: false,
    };
    let closeness = rules.likeness[track.index()];
    Some(TrackIntent { attributes, closeness, absent: false, shape: Some(shape), ..own.clone() })
}

/// The patch of a take, if it has one.
fn patch_of(take: &Take) -> Option<String> {
    Some(take.patch.clone()).filter(|patch| !patch.is_empty() && take.recipe.imported.is_none())
}

/// The intent for a track in a returning section: the take of its first occurrence with some bars rewritten.
pub(super) fn return_of(wanted: &Wanted<'_>, track: Track, first: &Take) -> TrackIntent {
    let own = first.recipe.intent.track(track);
    let bars = first.recipe.plan.bars;
    let from_end = |back: u32| bars.checked_sub(back);
    let bars_anew: Vec<u32> = match track {
        Track::Drums | Track::Harmony => vec![from_end(1)],
        Track::Bass => vec![from_end(bars / 2 + 1), from_end(1)],
        Track::Melody => vec![from_end(bars / 2 + 1), from_end(2), from_end(1)],
    }
    .into_iter()
    .flatten()
    .filter(|bar| bars >= 4 || *bar + 1 == bars)
    .collect();
    let shape = Shape {
        fill: track == Track::Drums && wanted.rules.fill && wanted.has_next,
        lands: track == Track::Drums,
        level_db: own.shape.as_ref().map_or(0.0, |shape| shape.level_db)
            + LEVEL_DB * (wanted.energy - wanted.main_energy).clamp(-0.1, 0.1),
        patch: patch_of(first),
        new_bars: Some(bars_anew),
        ..own.shape.clone().unwrap_or_default()
    };
    TrackIntent { closeness: RETURN_CLOSENESS, absent: false, shape: Some(shape), ..own.clone() }
}

/// Whether any track that plays in the main section also plays in this one.
pub(super) fn somebody_plays(wanted: &Wanted<'_>, plays_in_main: [bool; TRACK_COUNT]) -> bool {
    Track::ALL
        .into_iter()
        .any(|track| plays_in_main[track.index()] && wanted.rules.levels[track.index()] != Level::Out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use resonantgen_words::form::{SectionKind, rules_of};
    use resonantgen_words::{Style, parse};

    fn wanted(kind: SectionKind, bars: u32) -> Wanted<'static> {
        let rules = rules_of(kind, Style::Pop);
        Wanted {
            rules,
            energy: rules.energy,
            main_energy: 0.9,
            bars,
            follows_build: false,
            has_next: true,
            seed: 5,
        }
    }

    fn main_plan(prompt: &str) -> (Intent, Plan) {
        let intent = parse(prompt).expect("readable");
        let facts = Overrides { key: "C major".parse().ok(), ..Overrides::default() };
        let plan = make_plan(&intent, &facts, 3).expect("a plan");
        (intent, plan)
    }

    #[test]
    fn sections_share_key_and_tempo_and_differ_in_their_chords() {
        let (intent, main) = main_plan("pop, Am F C G");
        let of = |kind, bars| plan_of(&wanted(kind, bars), &main, &intent);
        for kind in SectionKind::ALL {
            let plan = of(kind, 8);
            assert_eq!(
                (plan.bpm, plan.key, plan.meter, plan.swing),
                (main.bpm, main.key, main.meter, main.swing)
            );
            assert_eq!(plan.chords.len(), 16, "{kind}");
        }
        assert_eq!(of(SectionKind::Chorus, 16).chords[16..], main.chords[..]);
        let names = |plan: &Plan| {
            plan.chords.iter().step_by(2).map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(&of(SectionKind::Verse, 4)), "Am F Am G");
        let bridge = of(SectionKind::Bridge, 8);
        let same = bridge.chords.iter().zip(&main.chords).filter(|(a, b)| a.root == b.root).count();
        assert!(same <= 8, "{}", names(&bridge));
        assert_eq!(of(SectionKind::Outro, 4).chords[7].root, 0, "it ends on the tonic");
        assert!(of(SectionKind::Build, 4).chords.iter().all(|chord| chord.to_string() == "G"));
    }

    #[test]
    fn a_genre_of_one_progression_has_a_bridge_too() {
        let (intent, main) = main_plan("blues");
        let bridge = plan_of(&wanted(SectionKind::Bridge, 12), &main, &intent);
        assert_ne!(bridge.chords, main.chords);
    }
}
