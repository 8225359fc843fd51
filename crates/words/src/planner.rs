//! From an intent to a plan: facts that the prompt leaves open are drawn by style, mood and seed.
//!
//! The ranges and weights are those of the composers' training data (`training/resonant/composer/styles.py` and
//! `plan.py`), so that a plan is never unfamiliar to them unless the user requests it.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use resonantgen_music::plan::{
    BARS_RANGE, BPM_RANGE, Chord, ChordQuality, Key, Meter, Mode, Numeral, Plan, Swing, chords_of_numerals,
    mode_of_numerals,
};

use crate::genre::Genre;
use crate::progression::{Degree, half_bars, library};
use crate::{Attributes, Intent, Overrides, STYLE_COUNT, Style};

/// Default length of a loop, in bars.
pub const DEFAULT_BARS: u32 = 8;

/// Why no plan can be made.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum PlanError {
    /// The tempo is out of range, or not a number.
    #[error("a tempo of {0} bpm is out of range: use {low} to {high}", low = BPM_RANGE.start(), high = BPM_RANGE.end())]
    Tempo(f64),
    /// The length is out of range.
    #[error("a length of {0} bars is out of range: use {low} to {high}", low = BARS_RANGE.start(), high = BARS_RANGE.end())]
    Bars(u32),
    /// There are more chords than half bars.
    #[error("{chords} chords do not fit in {bars} bars, which hold two each: use fewer chords or more bars")]
    Chords {
        /// Number of requested chords.
        chords: usize,
        /// Length of the loop in bars.
        bars: u32,
    },
    /// The list of chords is empty.
    #[error("the list of chords is empty: write at least one, like Am, or leave it out")]
    NoChords,
}

/// Parameters of a style.
struct StyleFacts {
    /// Lowest, typical and highest tempo.
    bpm: (f64, f64, f64),
    modes: &'static [(Mode, f64)],
    /// Weight, unit in steps, lowest and highest ratio.
    swing: &'static [(f64, u32, f64, f64)],
    /// Probability that every chord lasts twice as long.
    stretch: f64,
    /// Tendency of triads to become sevenths and ninths.
    seventh: f64,
    /// Idioms of the progressions with their weights.
    idioms: &'static [(&'static str, f64)],
}

const STRAIGHT: &[(f64, u32, f64, f64)] = &[(1.0, 1, 0.5, 0.5)];

/// Index as [`Style::ALL`].
static STYLES: [StyleFacts; STYLE_COUNT] = {
    use Mode::{Dorian, Locrian, Lydian, Major, Minor, Mixolydian, Phrygian};
    [
        StyleFacts {
            bpm: (120.0, 131.0, 146.0),
            modes: &[(Minor, 5.0), (Phrygian, 3.0), (Dorian, 2.0), (Locrian, 0.4)],
            swing: &[(5.0, 1, 0.5, 0.5), (3.0, 1, 0.51, 0.56)],
            stretch: 0.45,
            seventh: 0.1,
            idioms: &[("club", 5.0), ("liquid", 1.0)],
        },
        StyleFacts {
            bpm: (116.0, 124.0, 130.0),
            modes: &[(Minor, 4.0), (Dorian, 3.0), (Major, 3.0), (Mixolydian, 0.8)],
            swing: &[(2.0, 1, 0.5, 0.5), (5.0, 1, 0.52, 0.6)],
            stretch: 0.12,
            seventh: 0.55,
            idioms: &[("house", 6.0), ("pop", 1.0)],
        },
        StyleFacts {
            bpm: (72.0, 89.0, 104.0),
            modes: &[(Minor, 4.0), (Dorian, 3.0), (Major, 2.0), (Phrygian, 0.6)],
            swing: &[(1.0, 1, 0.5, 0.51), (6.0, 1, 0.53, 0.64)],
            stretch: 0.1,
            seventh: 0.6,
            idioms: &[("soul", 5.0), ("dark", 1.5)],
        },
        StyleFacts {
            bpm: (120.0, 142.0, 164.0),
            modes: &[(Minor, 6.0), (Phrygian, 2.0), (Locrian, 0.4), (Dorian, 0.7), (Major, 0.7)],
            swing: &[(8.0, 1, 0.5, 0.5), (1.0, 1, 0.51, 0.54)],
            stretch: 0.1,
            seventh: 0.1,
            idioms: &[("dark", 5.0), ("liquid", 1.0)],
        },
        StyleFacts {
            bpm: (166.0, 173.0, 180.0),
            modes: &[(Minor, 6.0), (Dorian, 2.0), (Phrygian, 1.0), (Major, 1.0)],
            swing: &[(5.0, 1, 0.5, 0.5), (2.0, 1, 0.51, 0.55)],
            stretch: 0.35,
            seventh: 0.25,
            idioms: &[("liquid", 5.0), ("dark", 1.0)],
        },
        StyleFacts {
            bpm: (84.0, 122.0, 168.0),
            modes: &[(Major, 3.0), (Mixolydian, 2.5), (Minor, 3.0), (Dorian, 1.5), (Phrygian, 0.4)],
            swing: &[(9.0, 1, 0.5, 0.5), (1.0, 2, 0.6, 0.667)],
            stretch: 0.05,
            seventh: 0.05,
            idioms: &[("rock", 6.0), ("pop", 1.0)],
        },
        StyleFacts {
            bpm: (84.0, 110.0, 130.0),
            modes: &[(Major, 5.0), (Minor, 3.0), (Mixolydian, 0.8), (Dorian, 0.6), (Lydian, 0.4)],
            swing: &[(8.0, 1, 0.5, 0.5), (1.0, 2, 0.58, 0.66), (1.0, 1, 0.52, 0.58)],
            stretch: 0.05,
            seventh: 0.2,
            idioms: &[("pop", 6.0), ("house", 0.7)],
        },
        StyleFacts {
            bpm: (60.0, 78.0, 104.0),
            modes: &[(Major, 3.0), (Lydian, 3.0), (Minor, 2.5), (Dorian, 1.5), (Mixolydian, 0.7)],
            swing: STRAIGHT,
            stretch: 0.5,
            seventh: 0.4,
            idioms: &[("drift", 6.0), ("score", 0.5)],
        },
        StyleFacts {
            bpm: (88.0, 132.0, 180.0),
            modes: &[(Major, 5.0), (Minor, 3.0), (Dorian, 2.0), (Mixolydian, 1.4), (Lydian, 0.5)],
            swing: &[(1.0, 2, 0.58, 0.68)],
            stretch: 0.0,
            seventh: 0.9,
            idioms: &[("jazz", 1.0)],
        },
        StyleFacts {
            bpm: (92.0, 106.0, 124.0),
            modes: &[(Dorian, 4.0), (Mixolydian, 4.0), (Minor, 2.0), (Major, 0.8)],
            swing: &[(6.0, 1, 0.5, 0.53), (3.0, 1, 0.53, 0.58), (1.0, 2, 0.6, 0.667)],
            stretch: 0.15,
            seventh: 0.8,
            idioms: &[("funk", 6.0), ("soul", 1.0)],
        },
        StyleFacts {
            bpm: (80.0, 102.0, 122.0),
            modes: &[(Minor, 5.0), (Major, 2.0), (Dorian, 1.5), (Mixolydian, 0.6)],
            swing: STRAIGHT,
            stretch: 0.15,
            seventh: 0.1,
            idioms: &[("neon", 5.0), ("pop", 1.0)],
        },
        StyleFacts {
            bpm: (60.0, 94.0, 140.0),
            modes: &[
                (Minor, 5.0),
                (Major, 2.2),
                (Lydian, 1.5),
                (Phrygian, 1.5),
                (Dorian, 1.0),
                (Locrian, 0.4),
            ],
            swing: STRAIGHT,
            stretch: 0.3,
            seventh: 0.15,
            idioms: &[("score", 6.0), ("drift", 1.0)],
        },
    ]
};

/// Brightness of a mode, from -1 (locrian) to 1 (lydian).
const fn mode_brightness(mode: Mode) -> f64 {
    match mode {
        Mode::Locrian => -1.0,
        Mode::Phrygian => -0.8,
        Mode::Minor => -0.35,
        Mode::Dorian => -0.05,
        Mode::Mixolydian => 0.35,
        Mode::Major => 0.55,
        Mode::Lydian => 0.8,
    }
}

/// Independent random streams, so that stating one fact does not change the others.
#[derive(Clone, Copy)]
enum Stream {
    Tempo = 1,
    Tonic,
    Mode,
    Swing,
    Chords,
    Meter,
}

fn random(seed: u64, stream: Stream) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream as u64);
    random
}

/// One of the options, drawn by weight; the last one if rounding leaves none. `None` if there are no options.
fn draw<T: Copy>(random: &mut ChaCha8Rng, options: &[(T, f64)]) -> Option<T> {
    let mut left = random.random::<f64>() * options.iter().map(|(_, weight)| weight).sum::<f64>();
    for (option, weight) in options {
        left -= weight;
        if left < 0.0 {
            return Some(*option);
        }
    }
    options.last().map(|(option, _)| *option)
}

/// Makes a plan: overrides take precedence over the intent, and the intent over what style, mood and seed suggest.
///
/// # Errors
/// Returns an error if a stated fact is out of range, or the chords do not fit into the bars.
pub fn make_plan(intent: &Intent, overrides: &Overrides, seed: u64) -> Result<Plan, PlanError> {
    let facts = &STYLES[intent.main_style().index()];
    let genre = intent.main_genre();
    // One seed gives different choices for different kinds of music.
    let seed = seed ^ intent.kind();
    let attributes = intent.attributes;
    let stated_bpm = overrides.bpm.or(intent.bpm);
    if let Some(bpm) = stated_bpm.filter(|bpm| !BPM_RANGE.contains(bpm)) {
        return Err(PlanError::Tempo(bpm));
    }
    let typed = overrides.chords.as_deref().or(match overrides.numerals {
        Some(_) => None,
        None => intent.chords.as_deref(),
    });
    let numerals = overrides.numerals.as_deref().or(Some(intent.numerals.as_slice()));
    let numerals = numerals.filter(|numerals| typed.is_none() && !numerals.is_empty());
    if typed.is_some_and(<[Chord]>::is_empty) || overrides.numerals.as_ref().is_some_and(Vec::is_empty) {
        return Err(PlanError::NoChords);
    }
    let count = typed.map(<[Chord]>::len).or(numerals.map(<[Numeral]>::len));
    let stated_bars = overrides.bars.or(intent.bars);
    if let Some(bars) = stated_bars.filter(|bars| !BARS_RANGE.contains(bars)) {
        return Err(PlanError::Bars(bars));
    }
    let stated_meter = overrides.meter.or(intent.meter);
    let meter = stated_meter.or_else(|| draw_meter(genre, seed)).unwrap_or_default();
    let bpm = stated_bpm.unwrap_or_else(|| draw_tempo(facts, genre, intent, seed));
    let usual_bars = || match (count, intent.seconds) {
        (None, Some(seconds)) => bars_of_seconds(seconds, bpm, meter),
        (Some(count), _) => bars_for(count),
        (None, None) => genre.and_then(|genre| genre.bars).unwrap_or(DEFAULT_BARS),
    };
    let bars = stated_bars.unwrap_or_else(usual_bars);
    if let Some(chords) = count.filter(|count| *count > 2 * bars as usize) {
        return Err(PlanError::Chords { chords, bars });
    }

    let stated_key = overrides.key.or(intent.key);
    let key = match (stated_key, typed) {
        (Some(key), _) => key,
        (None, Some(chords)) => key_of_chords(chords, intent.mode),
        (None, None) => Key {
            tonic: random(seed, Stream::Tonic).random_range(0..12),
            mode: intent
                .mode
                .or(numerals.map(mode_of_numerals))
                .unwrap_or_else(|| draw_mode(facts, genre, attributes, seed)),
        },
    };
    let resolved = numerals.map(|numerals| chords_of_numerals(numerals, key));
    let chords = match typed.or(resolved.as_deref()) {
        Some(chords) => spread(chords, bars),
        None => draw_chords(intent, facts, genre, key, meter, bars, seed),
    };
    let swing = draw_swing(facts, genre, intent, meter, bpm, seed);
    Ok(Plan { bpm, key, meter, bars, chords, swing })
}

/// Share of a genre's usual tempo by which the drawn tempo may differ, and by which "slow" or "fast" may move it.
const GENRE_SPAN: f64 = 0.035;
const GENRE_PACE: f64 = 0.15;

/// What "slow" or "fast" adds to a genre's range.
const SLOWER: f64 = 0.3;
const FASTER: f64 = 0.15;

/// Triangular over the range of the genre, the style, or around a usual tempo, moved by energy and pace, a whole number.
fn draw_tempo(facts: &StyleFacts, genre: Option<&Genre>, intent: &Intent, seed: u64) -> f64 {
    let own_range = genre.and_then(|genre| genre.tempo);
    let (mut low, mut typical, mut high) = own_range.unwrap_or_else(|| {
        intent.usual_bpm.map_or(facts.bpm, |usual| {
            let span = GENRE_SPAN + GENRE_PACE * f64::from(intent.pace.abs());
            (usual * (1.0 - span), usual, usual * (1.0 + span))
        })
    });
    if let Some((least, most)) = intent.bpm_range {
        // Within both ranges if they overlap, and otherwise as near to the usual as the words allow.
        (low, high) = match (low.max(least), high.min(most)) {
            (low, high) if low < high => (low, high),
            _ if most <= low => ((0.88 * most).max(least), most),
            _ => (least, (1.12 * least).min(most)),
        };
        typical = typical.clamp(low, high);
    }
    let share: f64 = random(seed, Stream::Tempo).random();
    let span = (high - low).max(1e-9);
    let split = (typical - low) / span;
    let drawn = if share < split {
        low + (share * span * (typical - low)).sqrt()
    } else {
        high - ((1.0 - share) * span * (high - typical)).sqrt()
    };
    let energy = f64::from(intent.attributes.energy) - 0.5;
    let pace = f64::from(intent.pace).clamp(-1.0, 1.0);
    // A fraction of the way to the end of the range in the requested direction: a plain shift left a slow ballad at 122 bpm where
    // the range is wide.
    let (reach, slack) = match (own_range, pace < 0.0) {
        (Some(_), true) => (1.2, SLOWER * pace.abs()),
        (Some(_), false) => (1.2, FASTER * pace.abs()),
        (None, _) => (0.8, 0.12 * pace.abs()),
    };
    let (least, most) = (low * (1.0 - slack), high * (1.0 + slack));
    let end = match (own_range, pace < 0.0) {
        (Some(_), true) => least,
        (Some(_), false) => most,
        (None, true) => low,
        (None, false) => high,
    };
    let moved = drawn + (reach * pace.abs()).min(1.0) * (end - drawn) + 0.22 * energy * (high - low);
    let (least, most) =
        intent.bpm_range.map_or((least, most), |(low, high)| (least.max(low), most.min(high).max(low)));
    moved.clamp(least.min(most), most).clamp(*BPM_RANGE.start(), *BPM_RANGE.end()).round()
}

fn draw_meter(genre: Option<&Genre>, seed: u64) -> Option<Meter> {
    let meters = &genre?.meters;
    let options: Vec<(Meter, f64)> = meters.iter().map(|meter| (*meter, 1.0)).collect();
    draw(&mut random(seed, Stream::Meter), &options)
}

/// The number of bars that comes nearest to a length.
fn bars_of_seconds(seconds: f64, bpm: f64, meter: Meter) -> u32 {
    let bars = seconds * bpm / 60.0 / meter.quarters_per_bar();
    (bars.round() as u32).clamp(*BARS_RANGE.start(), *BARS_RANGE.end())
}

fn draw_mode(facts: &StyleFacts, genre: Option<&Genre>, attributes: Attributes, seed: u64) -> Mode {
    let own = genre.map(|genre| genre.modes.as_slice()).filter(|modes| !modes.is_empty());
    // Steeper than in the training data (2.4), because users who ask for bright or dark mean it.
    let bend = 5.0 * (f64::from(attributes.brightness) - 0.5);
    let weights: Vec<(Mode, f64)> = own
        .unwrap_or(facts.modes)
        .iter()
        .map(|(mode, weight)| (*mode, weight * (bend * mode_brightness(*mode)).exp()))
        .collect();
    draw(&mut random(seed, Stream::Mode), &weights).unwrap_or(Mode::Minor)
}

fn draw_swing(
    facts: &StyleFacts,
    genre: Option<&Genre>,
    intent: &Intent,
    meter: Meter,
    bpm: f64,
    seed: u64,
) -> Swing {
    let is_compound = meter.denominator() == 8 && meter.numerator().is_multiple_of(3);
    let is_jazz = intent.main_style() == Style::Jazz;
    let mut random = random(seed, Stream::Swing);
    if let Some(ratio) = intent.swing {
        // If eighths are the smallest notes, a shuffle swings eighths.
        let swings_eighths = matches!(intent.main_style(), Style::Jazz | Style::Rock | Style::Cinematic);
        let unit_steps = match genre.and_then(|genre| genre.swing).filter(|swing| swing.ratio.1 > 0.5) {
            Some(swing) => swing.unit_steps,
            None if swings_eighths => 2,
            None => 1,
        };
        return Swing { unit_steps, ratio: ratio.clamp(0.5, 0.75) };
    }
    if is_compound {
        return Swing::default();
    }
    if let Some(swing) = genre.and_then(|genre| genre.swing) {
        let (low, high) = swing.ratio;
        if high <= 0.501 {
            return Swing::default();
        }
        let ratio = low + (high - low) * random.random::<f64>();
        return Swing { unit_steps: swing.unit_steps, ratio: (ratio * 1000.0).round() / 1000.0 };
    }
    let thousandths = |ratio: f64| (ratio * 1000.0).round() / 1000.0;
    if is_jazz {
        // The faster, the straighter: Friberg and Sundström 2002, "Swing Ratios and Ensemble Timing in Jazz
        // Performance", Music Perception 19(3).
        let ratio = 0.70 - 0.0007 * bpm + random.random_range(-0.025..0.025);
        return Swing { unit_steps: 2, ratio: thousandths(ratio.clamp(0.55, 0.69)) };
    }
    let options: Vec<((u32, f64, f64), f64)> =
        facts.swing.iter().map(|(weight, unit, low, high)| ((*unit, *low, *high), *weight)).collect();
    match draw(&mut random, &options) {
        Some((unit_steps, low, high)) if high > 0.501 => {
            Swing { unit_steps, ratio: thousandths(low + (high - low) * random.random::<f64>()) }
        }
        _ => Swing::default(),
    }
}

/// Default length in bars for `count` typed chords: one chord per bar, in whole rounds.
fn bars_for(count: usize) -> u32 {
    let count = count as u32;
    match count {
        0..=8 if DEFAULT_BARS.is_multiple_of(count.max(1)) => DEFAULT_BARS,
        3 => 6,
        _ => count.min(*BARS_RANGE.end()),
    }
}

/// Spreads typed chords over the half bars: one per bar, repeated, if that comes out even, otherwise evenly. Chords change
/// within a bar only if there are more chords than bars, since in 3/4 a half bar falls between the beats.
fn spread(typed: &[Chord], bars: u32) -> Vec<Chord> {
    let bars = bars as usize;
    let count = typed.len();
    (0..2 * bars)
        .map(|half| match half / 2 {
            bar if count <= bars && bars.is_multiple_of(count) => typed[bar % count],
            bar if count <= bars => typed[bar * count / bars],
            _ => typed[half * count / (2 * bars)],
        })
        .collect()
}

/// The major or minor key (or a key of the given mode) whose scale contains most of the chords' notes; the first and last
/// chord break ties.
fn key_of_chords(chords: &[Chord], mode: Option<Mode>) -> Key {
    let modes = mode.map_or(vec![Mode::Major, Mode::Minor], |mode| vec![mode]);
    let mut best = (i32::MIN, Key { tonic: chords[0].root, mode: modes[0] });
    for tonic in 0..12 {
        for mode in &modes {
            let key = Key { tonic, mode: *mode };
            let mut score = 0;
            for chord in chords {
                score +=
                    chord.pitch_classes().map(|class| if key.contains(class) { 2 } else { -3 }).sum::<i32>();
            }
            for (chord, bonus) in [(chords.first(), 4), (chords.last(), 1)] {
                if let Some(chord) = chord.filter(|chord| chord.root == tonic) {
                    let third = mode.degrees()[2];
                    let fits = chord.quality.intervals().contains(&third)
                        || !chord.quality.intervals().iter().any(|interval| matches!(interval, 3 | 4));
                    score += if fits { bonus } else { 0 };
                }
            }
            if score > best.0 {
                best = (score, key);
            }
        }
    }
    best.1
}

fn draw_chords(
    intent: &Intent,
    facts: &StyleFacts,
    genre: Option<&Genre>,
    key: Key,
    meter: Meter,
    bars: u32,
    seed: u64,
) -> Vec<Chord> {
    let mut random = random(seed, Stream::Chords);
    let complexity = f64::from(intent.attributes.complexity);
    let energy = f64::from(intent.attributes.energy);
    let sevenths = genre.and_then(|genre| genre.sevenths).unwrap_or(facts.seventh);
    if let Some(mut round) = genre.and_then(|genre| draw_own_chords(genre, key.mode, bars, &mut random)) {
        colour(&mut random, &mut round, key.mode, sevenths, complexity);
        return round.iter().cycle().take(2 * bars as usize).map(|degree| spell(degree, key)).collect();
    }
    let can_halve = meter.numerator().is_multiple_of(2);
    let weight_of = |idiom: &str| -> f64 {
        Style::ALL
            .into_iter()
            .filter(|style| intent.styles[style.index()] >= 0.15)
            .flat_map(|style| {
                let share = f64::from(intent.styles[style.index()]);
                STYLES[style.index()].idioms.iter().map(move |(name, weight)| (*name, share * weight))
            })
            .filter(|(name, _)| *name == idiom)
            .map(|(_, weight)| weight)
            .sum()
    };
    // A mode without progressions of its own borrows those of its family.
    let stand_in = if mode_brightness(key.mode) > 0.0 { Mode::Major } else { Mode::Minor };
    let fitting = [key.mode, stand_in].into_iter().find_map(|mode| {
        let mut found = Vec::new();
        for (index, progression) in library().iter().enumerate() {
            if progression.mode != mode || (progression.has_half_bars && !can_halve) {
                continue;
            }
            let mut weight = weight_of(progression.idiom);
            if progression.has_half_bars {
                weight *= 0.3 + 1.4 * complexity;
            }
            if progression.held_bars >= 2 {
                weight *= 1.6 - 1.2 * complexity;
            }
            // A round that does not come out even is the last resort.
            if !(2 * bars as usize).is_multiple_of(progression.halves.len()) {
                weight *= 1e-6;
            }
            if weight > 0.0 {
                found.push((index, weight));
            }
        }
        draw(&mut random, &found)
    });
    // With uniform styles (nothing was understood) no idiom is above the threshold: then use any progression of the mode.
    let index = fitting.unwrap_or_else(|| {
        library().iter().position(|progression| progression.mode == stand_in).unwrap_or_default()
    });
    let mut round = library()[index].halves.clone();
    let chord_bars = genre.map_or(1, |genre| genre.chord_bars) as usize;
    if chord_bars > 1 && bars as usize * 2 >= round.len() * chord_bars {
        round = round.iter().flat_map(|degree| vec![*degree; chord_bars]).collect();
    } else if bars as usize >= round.len()
        && random.random_bool((facts.stretch * (1.3 - 0.6 * energy)).clamp(0.0, 1.0))
    {
        round = round.iter().flat_map(|degree| [*degree, *degree]).collect();
    }
    colour(&mut random, &mut round, key.mode, sevenths, complexity);
    let mut degrees: Vec<Degree> = round.iter().copied().cycle().take(2 * bars as usize).collect();
    if degrees.len() > round.len() && random.random_bool((0.25 + 0.3 * complexity).clamp(0.0, 1.0)) {
        turn_around(&mut random, &mut degrees, key.mode, intent.main_style(), sevenths, can_halve);
    }
    degrees.iter().map(|degree| spell(degree, key)).collect()
}

/// One of the genre's own progressions for a mode, preferring those that fit evenly; `None` if it has none.
fn draw_own_chords(genre: &Genre, mode: Mode, bars: u32, random: &mut ChaCha8Rng) -> Option<Vec<Degree>> {
    let (_, lines) = genre.chords.iter().find(|(known, _)| *known == mode)?;
    let rounds: Vec<Vec<Degree>> = lines
        .iter()
        .filter_map(|line| half_bars(line))
        .map(|round| round.iter().flat_map(|degree| vec![*degree; genre.chord_bars as usize]).collect())
        .collect();
    let weigh =
        |round: &Vec<Degree>| if (2 * bars as usize).is_multiple_of(round.len()) { 1.0 } else { 1e-6 };
    let options: Vec<(usize, f64)> =
        rounds.iter().enumerate().map(|(index, round)| (index, weigh(round))).collect();
    draw(random, &options).map(|index| rounds[index].clone())
}

/// Colours plain triads by style and complexity, within the scale; each chord of the round the same way.
fn colour(random: &mut ChaCha8Rng, round: &mut [Degree], mode: Mode, seventh: f64, complexity: f64) {
    use ChordQuality as Q;
    let scale = mode.degrees();
    let mut done: Vec<(Degree, ChordQuality)> = Vec::new();
    for degree in round {
        let plain = *degree;
        if let Some((_, quality)) = done.iter().find(|(known, _)| *known == plain) {
            degree.quality = *quality;
            continue;
        }
        let has = |interval: u8| scale.contains(&((plain.root + interval) % 12));
        let chance = seventh * (0.35 + 1.3 * complexity) + 0.25 * (complexity - 0.6).max(0.0);
        let is_triad = matches!(plain.quality, Q::Major | Q::Minor);
        let (coloured, nine, coin, add) = (
            random.random::<f64>() <= chance,
            random.random::<f64>() < complexity && has(2),
            random.random::<f64>(),
            random.random::<f64>() < 0.2,
        );
        degree.quality = if !is_triad || !coloured {
            if complexity < 0.25 && coin < 0.8 - seventh { simpler(plain.quality) } else { plain.quality }
        } else if plain.quality == Q::Minor {
            match (has(10), seventh < 0.15 && coin < 0.5, nine) {
                (false, _, _) | (true, true, false) => Q::Minor,
                (true, true, true) => Q::MinorAdd9,
                (true, false, true) => Q::Minor9,
                (true, false, false) => Q::Minor7,
            }
        } else if has(11) {
            match (add, has(2), nine) {
                (true, true, _) => Q::Add9,
                (true, false, _) => Q::Major,
                (false, _, true) => Q::Major9,
                (false, _, false) => Q::Major7,
            }
        } else if seventh >= 0.5 && has(10) {
            if nine { Q::Dominant9 } else { Q::Dominant7 }
        } else if has(2) && coin < 0.5 {
            Q::Add9
        } else {
            Q::Major
        };
        done.push((plain, degree.quality));
    }
}

const fn simpler(quality: ChordQuality) -> ChordQuality {
    use ChordQuality as Q;
    match quality {
        Q::Major9 => Q::Major7,
        Q::Minor9 => Q::Minor7,
        Q::Dominant9 => Q::Dominant7,
        Q::Add9 => Q::Major,
        Q::MinorAdd9 => Q::Minor,
        other => other,
    }
}

/// Makes the last bar lead back to the first chord.
fn turn_around(
    random: &mut ChaCha8Rng,
    degrees: &mut [Degree],
    mode: Mode,
    style: Style,
    seventh: f64,
    can_halve: bool,
) {
    use ChordQuality as Q;
    let (first, last) = (degrees[0], degrees[degrees.len() - 1]);
    if last.root != first.root && random.random_bool(0.6) {
        return;
    }
    let at = |interval: u8, quality, flat| Degree { root: (first.root + interval) % 12, quality, flat };
    let plain = if first.quality == Q::Power { Q::Power } else { Q::Major };
    let is_minor = first.quality.intervals()[1] == 3;
    let (before, end) = if style == Style::Jazz && can_halve {
        (at(2, if is_minor { Q::HalfDiminished7 } else { Q::Minor7 }, false), at(7, Q::Dominant7, false))
    } else {
        let end = match mode {
            Mode::Phrygian | Mode::Locrian => at(1, plain, true),
            Mode::Mixolydian | Mode::Dorian => at(10, plain, true),
            Mode::Minor if random.random_bool(0.5) => at(10, plain, true),
            Mode::Minor if plain != Q::Power && seventh > 0.3 => at(7, Q::Minor, false),
            _ if plain != Q::Power && seventh > 0.3 => at(7, Q::Dominant7, false),
            _ => at(7, plain, false),
        };
        (if can_halve { degrees[degrees.len() - 2] } else { end }, end)
    };
    let count = degrees.len();
    degrees[count - 2] = before;
    degrees[count - 1] = end;
}

/// Spells a degree in a key: with flats in flat keys, and for borrowed flat degrees if the key has few sharps.
fn spell(degree: &Degree, key: Key) -> Chord {
    let root = (key.tonic + degree.root) % 12;
    let is_borrowed_flat = degree.flat && !key.contains(root);
    let few_sharps = {
        let major = Key { tonic: key.tonic, mode: key.mode };
        (0..12).filter(|class| major.contains(*class) && [1, 3, 6, 8, 10].contains(class)).count() <= 2
    };
    Chord::new(root, degree.quality, key.uses_flats() || (is_borrowed_flat && few_sharps))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(style: Style) -> Intent {
        let mut intent = Intent { styles: [0.0; STYLE_COUNT], ..Intent::default() };
        intent.styles[style.index()] = 1.0;
        intent
    }

    fn chords(text: &str) -> Vec<Chord> {
        text.split(' ').map(|symbol| symbol.parse().expect("a chord")).collect()
    }

    #[test]
    fn styles_are_those_of_the_golden_tables() {
        let styles: Vec<serde_json::Value> = Style::ALL
            .into_iter()
            .map(|style| {
                let facts = &STYLES[style.index()];
                let modes: Vec<(&str, f64)> =
                    facts.modes.iter().map(|(mode, weight)| (mode.name(), *weight)).collect();
                serde_json::json!({
                    "name": style.name(),
                    "bpm": facts.bpm,
                    "modes": modes,
                    "swing": facts.swing,
                    "stretch": facts.stretch,
                    "seventh": facts.seventh,
                    "idioms": facts.idioms,
                })
            })
            .collect();
        assert_eq!(crate::golden_tables()["styles"], serde_json::Value::from(styles));
    }

    #[test]
    fn plans_stay_in_the_style_and_depend_on_the_seed() {
        for style in Style::ALL {
            let (low, _, high) = STYLES[style.index()].bpm;
            let mut seen = std::collections::HashSet::new();
            for seed in 0..60 {
                let plan = make_plan(&only(style), &Overrides::default(), seed).expect("a plan");
                assert!((low..=high).contains(&plan.bpm), "{style:?} {}", plan.bpm);
                assert_eq!(plan.chords.len(), 16);
                assert_eq!(plan, make_plan(&only(style), &Overrides::default(), seed).expect("a plan"));
                seen.insert(format!("{:?}", plan.chords));
            }
            assert!(seen.len() > 30, "{style:?} has only {} progressions in 60 seeds", seen.len());
        }
    }

    #[test]
    fn any_length_meter_and_mode_has_chords() {
        for mode in Mode::ALL {
            for (meter, bars) in [("4/4", 1), ("3/4", 5), ("7/8", 7), ("6/8", 64), ("5/4", 16)] {
                let overrides = Overrides {
                    key: Some(Key { tonic: 3, mode }),
                    meter: Some(meter.parse().expect("a meter")),
                    bars: Some(bars),
                    ..Overrides::default()
                };
                for style in Style::ALL {
                    let plan = make_plan(&only(style), &overrides, u64::from(bars)).expect("a plan");
                    assert_eq!(plan.chords.len(), 2 * bars as usize);
                    assert_eq!(plan.key.mode, mode);
                }
                make_plan(&Intent::default(), &overrides, 1).expect("a plan of a neutral intent");
            }
        }
    }

    #[test]
    fn typed_chords_win_and_give_the_key() {
        for (text, key) in [
            ("Am F C G", "A minor"),
            ("C G Am F", "C major"),
            ("Dm7 G7 Cmaj7 Cmaj7", "C major"),
            ("Em D C B7", "E minor"),
            ("F#m D A E", "F# minor"),
        ] {
            let intent = Intent { chords: Some(chords(text)), ..only(Style::Pop) };
            let plan = make_plan(&intent, &Overrides::default(), 4).expect("a plan");
            assert_eq!(plan.key.to_string(), key, "{text}");
            assert_eq!(plan.bars, 8);
            let symbols: Vec<String> =
                plan.chords.iter().step_by(2).take(4).map(ToString::to_string).collect();
            assert_eq!(symbols.join(" "), text);
            assert_eq!(plan.chords[8..], plan.chords[..8]);
        }
        let three = Intent { chords: Some(chords("Am F G")), meter: "3/4".parse().ok(), ..only(Style::Pop) };
        let overrides = Overrides { bars: Some(8), ..Overrides::default() };
        let plan = make_plan(&three, &overrides, 0).expect("a plan");
        assert!(plan.chords.chunks(2).all(|bar| bar[0] == bar[1]), "{:?}", plan.chords);
        let five = Intent { chords: Some(chords("C D Em F G")), ..only(Style::Pop) };
        assert_eq!(make_plan(&five, &Overrides::default(), 0).expect("a plan").bars, 5);
        let bars = |bars| Overrides { bars: Some(bars), ..Overrides::default() };
        assert_eq!(make_plan(&five, &bars(3), 0).expect("a plan").chords.len(), 6);
        assert_eq!(make_plan(&five, &bars(2), 0), Err(PlanError::Chords { chords: 5, bars: 2 }));
    }

    #[test]
    fn numerals_are_met_in_whatever_key_comes() {
        let numerals =
            |text: &str| text.split(' ').map(|numeral| numeral.parse().expect("a numeral")).collect();
        let intent = Intent { numerals: numerals("i VI III VII"), ..only(Style::Trap) };
        for seed in 0..20 {
            let plan = make_plan(&intent, &Overrides::default(), seed).expect("a plan");
            let roots: Vec<u8> = plan
                .chords
                .iter()
                .step_by(2)
                .take(4)
                .map(|chord| (chord.root + 12 - plan.key.tonic) % 12)
                .collect();
            assert_eq!((roots, plan.key.mode), (vec![0, 8, 3, 10], Mode::Minor));
        }
        let typed = Overrides {
            numerals: Some(numerals("ii V I")),
            key: "Eb major".parse().ok(),
            ..Overrides::default()
        };
        let symbols: Vec<String> = make_plan(&intent, &typed, 0)
            .expect("a plan")
            .chords
            .iter()
            .step_by(2)
            .take(3)
            .map(ToString::to_string)
            .collect();
        assert_eq!(symbols, ["Fm", "Bb", "Eb"]);
        let none = Overrides { numerals: Some(Vec::new()), ..Overrides::default() };
        assert_eq!(make_plan(&intent, &none, 0), Err(PlanError::NoChords));
    }

    #[test]
    fn facts_out_of_range_are_refused_in_one_line() {
        for bpm in [0.0, f64::NAN, 1e9, -120.0, f64::INFINITY] {
            let overrides = Overrides { bpm: Some(bpm), ..Overrides::default() };
            let error = make_plan(&only(Style::House), &overrides, 0).expect_err("out of range").to_string();
            assert!(error.contains("40 to 240") && !error.contains('\n'), "{error}");
        }
        for bars in [0, 10_000] {
            let overrides = Overrides { bars: Some(bars), ..Overrides::default() };
            assert_eq!(make_plan(&only(Style::House), &overrides, 0), Err(PlanError::Bars(bars)));
        }
    }

    #[test]
    fn dark_is_minor_and_bright_is_major() {
        let share_of_minor = |brightness: f32| {
            let mut intent = only(Style::Pop);
            intent.attributes.brightness = brightness;
            let is_minor = |seed: &u64| {
                let plan = make_plan(&intent, &Overrides::default(), *seed).expect("a plan");
                mode_brightness(plan.key.mode) < 0.0
            };
            (0..200_u64).filter(is_minor).count()
        };
        assert!(share_of_minor(0.05) > share_of_minor(0.95) + 60);
    }

    #[test]
    fn a_genre_has_a_tempo_of_its_own() {
        for (usual, seed) in [(95.0, 1), (140.0, 2), (76.0, 3)] {
            let genre = Intent { usual_bpm: Some(usual), ..only(Style::Trap) };
            let bpm = |intent: &Intent| make_plan(intent, &Overrides::default(), seed).expect("a plan").bpm;
            assert!((bpm(&genre) / usual - 1.0).abs() < 0.05, "{}", bpm(&genre));
            assert!(bpm(&Intent { pace: -1.0, ..genre.clone() }) < 0.95 * bpm(&genre));
            assert_eq!(bpm(&Intent { bpm: Some(111.0), ..genre }), 111.0);
        }
    }

    fn plan_of(prompt: &str, seed: u64) -> Plan {
        let intent = crate::parse(prompt).expect("readable");
        make_plan(&intent, &Overrides::default(), seed).expect("a plan")
    }

    #[test]
    fn a_genre_decides_meter_mode_chords_and_form() {
        for seed in 0..12 {
            let blues = plan_of("blues", seed);
            assert_eq!((blues.bars, blues.swing.unit_steps), (12, 2));
            let roots: Vec<u8> = blues
                .chords
                .iter()
                .step_by(2)
                .map(|chord| (chord.root + 12 - blues.key.tonic) % 12)
                .collect();
            assert_eq!((roots[4], roots[8], roots[11]), (5, 7, 7), "{roots:?}");
            assert_eq!(plan_of("waltz", seed).meter.to_string(), "3/4");
            assert_eq!(plan_of("jig", seed).meter.to_string(), "6/8");
            assert_eq!(plan_of("flamenco", seed).key.mode, Mode::Phrygian);
            assert_eq!(plan_of("reggaeton", seed).swing, Swing::default());
            assert!((54.0..=74.0).contains(&plan_of("doom metal", seed).bpm));
            // What the prompt says wins.
            let stated = plan_of("blues in C major, 8 bars, 140 bpm, 4/4", seed);
            assert_eq!((stated.bars, stated.bpm, stated.key.to_string().as_str()), (8, 140.0, "C major"));
        }
    }

    #[test]
    fn words_bound_the_tempo_and_seconds_the_length() {
        for seed in 0..20 {
            assert!(plan_of("slower than 100 bpm, hip hop", seed).bpm < 100.0);
            assert!(plan_of("techno slower than 100 bpm", seed).bpm < 100.0);
            assert!((105.0..=115.0).contains(&plan_of("between 105 and 115 bpm house", seed).bpm));
            assert!(plan_of("ambient faster than 150 bpm", seed).bpm > 150.0);
        }
        assert_eq!(plan_of("30 seconds of techno at 120", 1).bars, 15);
        assert_eq!(plan_of("one minute of waltz at 120 bpm", 1).bars, 40);
    }

    #[test]
    fn one_seed_does_not_choose_alike_for_every_prompt() {
        let prompts = [
            "techno", "house", "funk", "jazz", "ska", "salsa", "polka", "metal", "trance", "dub", "soul",
            "drill",
        ];
        for seed in [3, 11] {
            let tonics: std::collections::HashSet<u8> =
                prompts.iter().map(|prompt| plan_of(prompt, seed).key.tonic).collect();
            assert!(tonics.len() >= 5, "seed {seed}: {tonics:?}");
        }
        // Stating one fact changes nothing else.
        let (plain, stated) = (plan_of("dark techno", 5), plan_of("dark techno, 140 bpm", 5));
        assert_eq!((plain.key, plain.chords), (stated.key, stated.chords));
    }

    #[test]
    fn pace_moves_the_tempo() {
        let slow = Intent { pace: -1.0, ..only(Style::Techno) };
        let fast = Intent { pace: 1.0, ..only(Style::Techno) };
        let bpm = |intent: &Intent| make_plan(intent, &Overrides::default(), 9).expect("a plan").bpm;
        assert!(bpm(&slow) + 10.0 < bpm(&fast));
    }
}
