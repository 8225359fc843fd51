//! Applies a groove template: when, and how loudly, people play what was composed.
//!
//! A groove is separate from the pattern. It depends only on the template, the seed and the position in the loop, so all tracks
//! of a piece share its slow drift, and the composed notes can be recovered ([`composed`]). Other tracks follow the drums they
//! hear. The timing model, with drift and independent parts, follows Hennig et al. 2011, "The Nature and Perception of
//! Fluctuations in Human Musical Rhythms", PLoS ONE 6(10); the figures come from Gillick et al. 2019, "Learning to Groove with
//! Inverse Sequence Transformations" (`training/resonant/groove_templates.py`).

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::TakeRequest;
use super::arrange::heard_notes;
use super::random::{Purpose, Random};
use resonantgen_music::plan::Plan;
use resonantgen_music::score::{DRUM_CLASS_COUNT, DrumClass, Note};
use resonantgen_music::track::Track;
use resonantgen_take::Take;
use resonantgen_words::Intent;
use resonantgen_words::genre::{Template, genres};

/// Mean and standard deviation of the velocities that the drum composer writes for each class in human styles. Indexed like
/// [`DrumClass::ALL`].
const COMPOSED: [(f32, f32); DRUM_CLASS_COUNT] = [
    (103.0, 16.0),
    (79.0, 32.0),
    (110.0, 14.0),
    (98.0, 9.0),
    (97.0, 13.0),
    (98.0, 7.0),
    (97.0, 15.0),
    (101.0, 16.0),
    (110.0, 12.0),
    (99.0, 10.0),
    (75.0, 20.0),
    (80.0, 20.0),
];
/// For a class without velocities in a template, the class whose velocities are used instead.
const STAND_IN: [usize; DRUM_CLASS_COUNT] = [0, 1, 1, 1, 4, 4, 1, 1, 9, 4, 4, 1];
/// Maximum and minimum slope from composed to played velocities.
const STEEPEST: f32 = 1.6;
const FLATTEST: f32 = 0.3;
/// Share of the difference between performances that a take gets. The rest is attributed to how the kits were set up.
const BETWEEN: f32 = 0.9;
/// Share of a template's accents that is added, because composers already write accents.
const ACCENTED: f32 = 0.5;
/// Spread of the tightness across takes, as a natural logarithm, up to a looseness of 1, and how much it grows above. Drummers differ
/// more than that in how tight they are, but the limit below leaves little room for it.
const TIGHTNESS: f32 = 0.25;
const DIVERSE: f32 = 0.35;
/// Spread of a voice's evenness across takes, as a natural logarithm, and its median. Ghost notes stay ghost notes: snares differ less.
const EVENNESS: [(f32, f32); DRUM_CLASS_COUNT] = [
    (0.5, 0.75),
    (0.15, 1.0),
    (0.15, 1.0),
    (0.3, 1.5),
    (0.4, 0.95),
    (0.3, 1.5),
    (0.3, 1.0),
    (0.3, 1.0),
    (0.3, 1.0),
    (0.35, 1.0),
    (0.3, 1.0),
    (0.3, 1.0),
];
/// Up to a looseness of 1, deviations from the grid are compressed to less than this many milliseconds. Larger ones sound like
/// mistakes, and 20 ms is measured as off the grid.
const NEAR_MS: f32 = 15.0;
/// How much looseness above 1 widens that limit, as a share of it: at 1.4, deviations are nearly those of people.
const WIDENED: f32 = 11.0;
/// How much looseness above 1 enlarges deviations.
const SCALED: f32 = 0.25;
/// Largest shift in steps, and how much it grows with looseness above 1.
const LARGEST: f32 = 0.3;
const FARTHER: f32 = 0.25;
/// Factors on a template's drift, on its deviations of onsets and of places in the bar, and on its hits' own. They, `TAILED` and
/// `HABIT_MS` were found by random search for timing that a classifier confuses with that of the drummers of the train and validation
/// splits; the others by comparing distributions (BENCHMARKS, People).
const DRIFT: f32 = 1.5;
const ONSET: f32 = 0.3;
const SPOT: f32 = 0.3;
const ALONE: f32 = 0.4;
/// Spread, as a natural logarithm, of the scale of a hit's own deviation: most hits of people are close together, some far off.
const TAILED: f32 = 1.0;
/// Factor on the own deviations of soft hits and of toms, and the velocity below which a hit is soft.
const CARELESS: f32 = 2.2;
const SOFT: u8 = 48;
/// Drummers who seldom repeat a bar deviate more: the change of the logarithm with the likeness of neighbouring bars, and its usual value.
const FREEDOM: f32 = 1.2;
const USUAL_LIKENESS: f32 = 0.65;
/// Standard deviation across takes of how late a voice is, in milliseconds.
const HABIT_MS: f32 = 4.5;
/// A tonal note's own deviation, relative to that of a drum hit. `LATE_MS` is its mean delay in milliseconds, indexed like
/// [`Track::ALL`].
const OWN: f32 = 0.6;
const LATE_MS: [f32; 4] = [0.0, 2.0, 3.0, 4.0];
/// Standard deviation of a tonal note's velocity. `TONAL_ACCENT` is the share of the drums' accents that it follows.
const TONAL_TOUCH: f32 = 5.0;
const TONAL_ACCENT: f32 = 0.3;

/// A groove over one loop.
pub(super) struct Groove<'t> {
    template: &'t Template,
    looseness: f32,
    /// Share of the template in a velocity.
    touch: f32,
    tightness: f32,
    is_swung: bool,
    steps_per_bar: usize,
    step_ms: f32,
    /// Deviation shared by all hits of a step, in milliseconds.
    shared: Vec<f32>,
    seed: u64,
    total: usize,
}

/// Maps the composed velocities of a voice to played ones.
struct Line {
    slope: f32,
    /// Value at 0.
    height: f32,
    /// Standard deviation of what is added to each hit.
    touch: f32,
    /// Factor on all deviations from the voice's mean.
    evenness: f32,
}

/// Times and accents of one drum voice.
struct Row {
    /// Delay in milliseconds, by step.
    late: Vec<f32>,
    /// Velocity change, by step.
    accents: Vec<f32>,
    line: Option<Line>,
}

/// Shifts are multiples of a step over this: 7 microseconds at 125 bpm, which nobody hears. The mathematical functions of systems differ
/// in the last bit, and the networks, which round, would make more of it: drums 63 dB below full scale apart on Linux and Windows. A
/// prime, so that no note lies midway between two positions to which a player rounds, where the last bits of a beat would decide.
const PARTS: f32 = 16_381.0;

/// First index of the random numbers that describe the drummer; those of the hits are below.
const DRUMMER: u32 = 64;

/// A standard normal random number.
fn normal(random: &mut Random) -> f32 {
    // Box and Muller 1958.
    let radius = (-2.0 * random.uniform().max(1e-7).ln()).sqrt();
    radius * (std::f32::consts::TAU * random.uniform()).cos()
}

impl Groove<'static> {
    /// The groove of a piece; `None` if the piece is on the grid.
    pub(super) fn new(intent: &Intent, plan: &Plan, seed: u64) -> Option<Self> {
        let wanted = intent.groove.as_ref().filter(|groove| groove.looseness > 0.0)?;
        let template = genres().template(&wanted.template)?;
        let looseness = wanted.looseness.min(2.0);
        let seed = seed ^ intent.kind();
        let total = plan.total_steps() as usize;
        let mut random = Random::new(seed, Track::Drums, Purpose::Groove, 0);
        let diverse = TIGHTNESS + DIVERSE * (looseness - 1.0).max(0.0);
        let tightness = (diverse * normal(&mut random).clamp(-1.5, 1.5)).exp();
        // A first-order autoregressive process over the beats, continued across the loop's end.
        let beats = total.div_ceil(4).max(1);
        let own = (1.0 - template.memory * template.memory).sqrt();
        let noise: Vec<f32> = (0..beats).map(|_| normal(&mut random)).collect();
        let mut wandering = vec![0.0; beats];
        let mut level = 0.0;
        for turn in 0..2 * beats {
            level = template.memory * level + own * noise[turn % beats];
            wandering[turn % beats] = template.drift * level;
        }
        let shared = (0..total).map(|step| {
            let (beat, part) = (step / 4, (step % 4) as f32 / 4.0);
            let drift = wandering[beat] * (1.0 - part) + wandering[(beat + 1) % beats] * part;
            DRIFT * drift + ONSET * template.onset * normal(&mut random)
        });
        Some(Self {
            template,
            looseness,
            touch: looseness.min(1.0),
            tightness,
            is_swung: plan.swing.ratio > 0.51,
            steps_per_bar: plan.meter.steps_per_bar() as usize,
            step_ms: 1000.0 * plan.step_seconds() as f32,
            shared: shared.collect(),
            seed,
            total,
        })
    }
}

impl Groove<'_> {
    /// Times and accents of a drum voice.
    fn row(&self, class: usize) -> Row {
        let mut random = Random::new(self.seed, Track::Drums, Purpose::Groove, 1 + class as u32);
        let (template, like) = (self.template, self.like(class));
        let mean = normal(&mut random).clamp(-1.6, 1.6);
        let line = self.line(class, mean);
        let mut drummer = Random::new(self.seed, Track::Drums, Purpose::Groove, DRUMMER + 32 + class as u32);
        let habit = template.late[class] + HABIT_MS * normal(&mut drummer);
        let spots: Vec<f32> = (0..self.steps_per_bar).map(|_| normal(&mut random)).collect();
        let (mut late, mut accents) = (Vec::with_capacity(self.total), Vec::with_capacity(self.total));
        for step in 0..self.total {
            let in_bar = step % self.steps_per_bar;
            let push = if self.is_swung { 0.0 } else { template.push[step % 4] };
            let own = template.hits[class] * normal(&mut random) * (TAILED * normal(&mut drummer)).exp();
            late.push(push + habit + SPOT * template.spot * spots[in_bar] + ALONE * own);
            let place = if self.steps_per_bar == 16 { in_bar } else { in_bar % 4 };
            let force = normal(&mut random);
            accents.push(line.as_ref().map_or(0.0, |line| {
                line.evenness * ACCENTED * template.accents[like][place] + line.touch * force
            }));
        }
        Row { late, accents, line }
    }

    /// The class whose velocities are used for a class.
    fn like(&self, class: usize) -> usize {
        if self.template.velocity[class].is_some() { class } else { STAND_IN[class] }
    }

    /// How composed velocities of a class become human ones, without accents, of a drummer who plays it `mean` deviations louder than
    /// others.
    fn line(&self, class: usize, mean: f32) -> Option<Line> {
        let like = self.like(class);
        let touch = self.template.velocity[like]?;
        let (centre, spread) = COMPOSED[class];
        let (diverse, median) = EVENNESS[class];
        let mut drummer = Random::new(self.seed, Track::Drums, Purpose::Groove, DRUMMER + 1 + class as u32);
        let level = touch.mean + BETWEEN * touch.between * mean;
        // Who plays softly plays evenly.
        let evenness = median
            * (level / touch.mean).clamp(0.4, 1.5)
            * (diverse * normal(&mut drummer).clamp(-1.5, 1.5)).exp();
        // The spread within a performance that remains after the touch; accents are partly composed.
        let accents = self.template.accents[like].map(|accent| (ACCENTED * accent).powi(2));
        let accented = accents.iter().sum::<f32>() / 16.0;
        let left = (touch.within.powi(2) - touch.touch.powi(2) - accented).max(0.0);
        let slope = (left.sqrt() / spread).clamp(FLATTEST, STEEPEST);
        // What the composer's velocities are too even for is left to chance.
        let chance = touch.touch.powi(2) + (left - (slope * spread).powi(2)).max(0.0);
        let slope = evenness * slope;
        Some(Line { slope, height: level - slope * centre, touch: evenness * chance.sqrt(), evenness })
    }

    /// Slope, and value at 0 including a step's accent, of the line by which velocities are played.
    fn played(&self, row: &Row, step: usize) -> (f32, f32) {
        let Some(line) = &row.line else { return (1.0, 0.0) };
        (1.0 + self.touch * (line.slope - 1.0), self.touch * (line.height + row.accents[step]))
    }

    /// The factor on deviations.
    fn enlarged(&self) -> f32 {
        self.looseness.min(1.0) + SCALED * (self.looseness - 1.0).max(0.0)
    }

    /// Converts a delay to a shift in steps.
    fn shift(&self, ms: f32, step: u32) -> f32 {
        let near = NEAR_MS * (1.0 + WIDENED * (self.looseness - 1.0).max(0.0));
        let bent = near * (self.enlarged() * self.tightness * ms / near).tanh();
        let largest = LARGEST + FARTHER * (self.looseness - 1.0).clamp(0.0, 0.5);
        started((bent / self.step_ms).clamp(-largest, largest), step)
    }

    /// Plays composed drums.
    fn play_drums(&self, notes: &mut [Note]) {
        let rows: [Row; DRUM_CLASS_COUNT] = std::array::from_fn(|class| self.row(class));
        // The strokes of a roll keep their distances.
        let rolled: Vec<(u32, u8)> =
            notes.iter().filter(|note| note.offset > 0.0).map(|note| (note.step, note.pitch)).collect();
        let free = (FREEDOM * (USUAL_LIKENESS - self.likeness(notes))).exp();
        for note in notes {
            let Some(class) = DrumClass::from_key(note.pitch).map(DrumClass::index) else { continue };
            let step = note.step as usize % self.total;
            let (slope, height) = self.played(&rows[class], step);
            note.velocity = velocity(slope * f32::from(note.velocity) + height);
            let own = if rolled.contains(&(note.step, note.pitch)) { 0.0 } else { rows[class].late[step] };
            let care = if note.velocity < SOFT || is_tom(class) { CARELESS } else { 1.0 };
            note.offset += self.shift(free * (self.shared[step] + care * own), note.step);
        }
    }

    /// How alike neighbouring bars are, 0 to 1: hits of both over hits of either.
    fn likeness(&self, notes: &[Note]) -> f32 {
        let bar = self.steps_per_bar as u32;
        let hits: BTreeSet<(u32, u8)> = notes.iter().map(|note| (note.step, note.pitch)).collect();
        let repeated = hits.iter().filter(|(step, pitch)| hits.contains(&(step + bar, *pitch))).count();
        let last = hits.iter().filter(|(step, _)| *step as usize + self.steps_per_bar >= self.total).count();
        let first = hits.iter().filter(|(step, _)| *step < bar).count();
        // Hits with a bar after them, and hits with one before them, less those counted twice.
        let either = 2 * hits.len() - last - first - repeated;
        if either == 0 { USUAL_LIKENESS } else { repeated as f32 / either as f32 }
    }

    /// Recovers the composed velocities of drums. Their times are not changed.
    fn composed_drums(&self, notes: &mut [Note]) {
        let rows: [Row; DRUM_CLASS_COUNT] = std::array::from_fn(|class| self.row(class));
        for note in notes {
            let Some(class) = DrumClass::from_key(note.pitch).map(DrumClass::index) else { continue };
            let (slope, height) = self.played(&rows[class], note.step as usize % self.total);
            note.velocity = velocity((f32::from(note.velocity) - height) / slope);
        }
    }

    /// Plays a composed tonal part, along with the drums if they are heard.
    fn play_part(&self, track: Track, notes: &mut [Note], drums: Option<&[Note]>) {
        let mut random = Random::new(self.seed, track, Purpose::Groove, 0);
        let own: Vec<(f32, f32)> =
            (0..self.total).map(|_| (normal(&mut random).clamp(-2.0, 2.0), normal(&mut random))).collect();
        let heard = drums.and_then(|drums| Heard::new(drums, self.total));
        for note in notes {
            let step = note.step as usize % self.total;
            let (time, force) = own[step];
            let late =
                LATE_MS[track.index()] * (self.template.hit / 10.0).min(1.0) + OWN * self.template.hit * time;
            let (shift, accent) = match &heard {
                // The drums already have the requested looseness.
                Some(heard) => {
                    let shift = heard.shifts[step] + self.enlarged() * late / self.step_ms;
                    (started(shift.clamp(-LARGEST, LARGEST), note.step), heard.accents[step])
                }
                None => (self.shift(self.shared[step] + late, note.step), 0.0),
            };
            note.offset += shift;
            let touch = TONAL_TOUCH * (self.template.hit / 10.0).min(1.0);
            let change = self.touch * (TONAL_ACCENT * accent + touch * force);
            note.velocity = velocity(f32::from(note.velocity) + change);
        }
    }
}

/// Rounds a shift in steps. The first hit of the loop is never early.
fn started(shift: f32, step: u32) -> f32 {
    let shift = (shift * PARTS).round() / PARTS;
    if step == 0 { shift.max(0.0) } else { shift }
}

const fn is_tom(class: usize) -> bool {
    class == DrumClass::LowTom.index() || class == DrumClass::HighTom.index()
}

fn velocity(value: f32) -> u8 {
    value.round().clamp(3.0, 127.0) as u8
}

/// The groove of the drums that a track hears, generated or imported.
struct Heard {
    /// Shift by step, in steps; interpolated between hits.
    shifts: Vec<f32>,
    /// How much louder than the voice's mean the hits of a step are.
    accents: Vec<f32>,
}

impl Heard {
    fn new(drums: &[Note], total: usize) -> Option<Self> {
        let mut times = vec![(0.0_f32, 0.0_f32); total];
        let mut voices = std::collections::BTreeMap::<u8, (f32, f32)>::new();
        for note in drums {
            let voice = voices.entry(note.pitch).or_default();
            *voice = (voice.0 + f32::from(note.velocity), voice.1 + 1.0);
        }
        let mut accents = vec![(0.0_f32, 0.0_f32); total];
        for note in drums {
            let step = note.step as usize % total;
            let (sum, count) = voices[&note.pitch];
            accents[step] = (accents[step].0 + f32::from(note.velocity) - sum / count, accents[step].1 + 1.0);
            // Later strokes of rolls carry no information about the groove.
            if note.offset.abs() <= LARGEST {
                times[step] = (times[step].0 + note.offset, times[step].1 + 1.0);
            }
        }
        let hit: Vec<usize> = (0..total).filter(|step| times[*step].1 > 0.0).collect();
        let (first, last) = (*hit.first()?, *hit.last()?);
        let shift = |step: usize| times[step].0 / times[step].1;
        let shifts = (0..total).map(|step| {
            let next = hit.partition_point(|known| *known < step);
            let (before, after) = (
                next.checked_sub(1).map_or((last, -1), |index| (hit[index], 0)),
                hit.get(next).map_or((first, 1), |known| (*known, 0)),
            );
            let place = |(at, turn): (usize, i32)| at as f32 + turn as f32 * total as f32;
            let (from, to) = (place(before), place(after));
            let share = if to > from { (step as f32 - from) / (to - from) } else { 1.0 };
            shift(before.0) + share * (shift(after.0) - shift(before.0))
        });
        let accents = accents.iter().map(|(sum, count)| if *count > 0.0 { sum / count } else { 0.0 });
        Some(Self { shifts: shifts.collect(), accents: accents.collect() })
    }
}

/// Plays what was composed for a request.
pub(super) fn play(request: &TakeRequest<'_>, notes: &mut [Note]) {
    let Some(groove) = Groove::new(request.intent, request.plan, request.seed) else { return };
    match request.track {
        Track::Drums => groove.play_drums(notes),
        track => groove.play_part(track, notes, heard_notes(request, Track::Drums)),
    }
}

/// The notes of a take with the velocities as composed, which is what composers were trained on.
pub(crate) fn composed(take: &Take) -> Cow<'_, [Note]> {
    let recipe = &take.recipe;
    let is_played = recipe.track == Track::Drums && recipe.imported.is_none();
    match Groove::new(&recipe.intent, &recipe.plan, recipe.seed).filter(|_| is_played) {
        Some(groove) => {
            let mut notes = take.score.notes.clone();
            groove.composed_drums(&mut notes);
            Cow::Owned(notes)
        }
        None => Cow::Borrowed(&take.score.notes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resonantgen_words::{Overrides, make_plan, parse};

    fn drums(steps: u32) -> Vec<Note> {
        let note =
            |step: u32, pitch: u8, velocity: u8| Note { step, offset: 0.0, length: 1.0, pitch, velocity };
        (0..steps)
            .flat_map(|step| match step % 8 {
                0 => vec![note(step, 36, 118), note(step, 42, 95)],
                4 => vec![note(step, 38, 118), note(step, 42, 95)],
                7 => vec![note(step, 38, 40)],
                2 | 6 => vec![note(step, 42, 70)],
                _ => Vec::new(),
            })
            .collect()
    }

    fn groove(prompt: &str) -> (Plan, Option<Groove<'static>>) {
        let intent = parse(prompt).expect("readable");
        let plan = make_plan(&intent, &Overrides::default(), 3).expect("a plan");
        let groove = Groove::new(&intent, &plan, 3);
        (plan, groove)
    }

    fn spread(values: &[f32]) -> f32 {
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        (values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt()
    }

    #[test]
    fn people_are_loose_machines_are_not_and_words_say_how_much() {
        let timing = |prompt: &str| {
            let (plan, groove) = groove(prompt);
            let mut notes = drums(128);
            if let Some(groove) = groove {
                groove.play_drums(&mut notes);
            }
            assert!(notes[0].offset >= 0.0);
            let step_ms = 1000.0 * plan.step_seconds() as f32;
            spread(&notes.iter().map(|note| note.offset * step_ms).collect::<Vec<_>>())
        };
        let [tight, usual, loose] = ["tight rock", "rock", "loose rock"].map(timing);
        assert!(tight < 0.7 * usual && usual < 0.8 * loose, "{tight} {usual} {loose}");
        assert!((6.0..14.0).contains(&usual) && (9.0..24.0).contains(&loose), "{usual} {loose}");
        assert!(timing("techno") < 3.0);
        assert_eq!(timing("robotic rock"), 0.0);
    }

    #[test]
    fn drummers_differ_in_evenness_and_tightness() {
        let intent = parse("loose funk").expect("readable");
        let plan = make_plan(&intent, &Overrides::default(), 3).expect("a plan");
        let played = (1..=24).map(|seed| {
            let groove = Groove::new(&intent, &plan, seed).expect("people play funk");
            let mut notes = drums(128);
            groove.play_drums(&mut notes);
            let kicks: Vec<f32> =
                notes.iter().filter(|note| note.pitch == 36).map(|note| f32::from(note.velocity)).collect();
            (spread(&kicks), spread(&notes.iter().map(|note| note.offset).collect::<Vec<_>>()))
        });
        let (mut evenness, mut tightness): (Vec<f32>, Vec<f32>) = played.unzip();
        for values in [&mut evenness, &mut tightness] {
            values.sort_by(f32::total_cmp);
            assert!(values[18] > 1.4 * values[6], "{values:?}");
        }
    }

    #[test]
    fn drummers_who_repeat_every_bar_are_tighter() {
        let (_, groove) = groove("loose funk");
        let groove = groove.expect("people play funk");
        let repeated = drums(128);
        assert!(groove.likeness(&repeated) > 0.99);
        let varied: Vec<Note> = repeated
            .iter()
            .filter(|note| note.pitch != 42 || (2 * (note.step / 16) + note.step / 2) % 3 != 0)
            .copied()
            .collect();
        assert!(groove.likeness(&varied) < 0.8, "{}", groove.likeness(&varied));
        assert_eq!(groove.likeness(&[]), USUAL_LIKENESS);
        let offsets = |notes: &[Note]| {
            let mut notes = notes.to_vec();
            groove.play_drums(&mut notes);
            spread(&notes.iter().filter(|note| note.pitch == 36).map(|note| note.offset).collect::<Vec<_>>())
        };
        assert!(offsets(&varied) > 1.1 * offsets(&repeated));
    }

    #[test]
    fn a_shift_does_not_depend_on_the_last_bits_of_a_function() {
        for shift in [0.015_918_646_f32, -0.001_468_022_7, 0.03251215] {
            let [lower, upper] = [shift.to_bits() - 4, shift.to_bits() + 4].map(f32::from_bits);
            assert_eq!(started(lower, 1), started(upper, 1));
            assert!((started(shift, 1) - shift).abs() <= 0.5 / PARTS);
        }
    }

    #[test]
    fn what_was_composed_can_be_had_back() {
        let (_, groove) = groove("funk");
        let groove = groove.expect("people play funk");
        let before = drums(128);
        let mut played = before.clone();
        groove.play_drums(&mut played);
        assert!(
            played.iter().zip(&before).filter(|(a, b)| a.velocity.abs_diff(b.velocity) > 3).count() > 100
        );
        // Accents stay louder than ghost notes.
        let mean = |notes: &[Note], at: u32| {
            let some: Vec<f32> = notes
                .iter()
                .filter(|note| note.pitch == 38 && note.step % 8 == at)
                .map(|note| f32::from(note.velocity))
                .collect();
            some.iter().sum::<f32>() / some.len() as f32
        };
        assert!(mean(&played, 4) > mean(&played, 7) + 25.0);
        groove.composed_drums(&mut played);
        let far = played.iter().zip(&before).filter(|(a, b)| a.velocity.abs_diff(b.velocity) > 2).count();
        // A velocity that was clamped cannot be recovered.
        assert!(far * 4 < before.len(), "{far} of {}", before.len());
    }

    #[test]
    fn other_tracks_play_with_the_drums_that_they_hear() {
        let (_, groove) = groove("rock");
        let groove = groove.expect("people play rock");
        let mut late = drums(128);
        for note in &mut late {
            note.offset = 0.2;
        }
        let mut bass: Vec<Note> = (0..32)
            .map(|beat| Note { step: 4 * beat, offset: 0.0, length: 3.0, pitch: 40, velocity: 90 })
            .collect();
        groove.play_part(Track::Bass, &mut bass, Some(&late));
        let mean = bass.iter().map(|note| note.offset).sum::<f32>() / bass.len() as f32;
        assert!((mean - 0.2).abs() < 0.06, "{mean}");
        assert!(spread(&bass.iter().map(|note| note.offset).collect::<Vec<_>>()) > 0.01);
    }
}
