//! Variations of a part by dials: fewer or more notes, plainer or richer ones, with or without fills.
//!
//! The rules are deterministic: the same part and the same dials always give the same notes, so that a bounce repeats what was heard. They
//! keep what holds a part together: the first note of a bar and the note under a new chord, the kick on one, the backbeats. Added notes
//! copy the velocity and microtiming of a neighbour, and their pitches fit the chord ([`chord_scale`]).

use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};

use crate::harmony::{avoid_notes, beat_steps, bit, chord_scale, chord_tones, end_overlaps, register};
use crate::plan::Plan;
use crate::score::{DrumClass, Note, sort_notes};
use crate::track::Track;

/// Bars of a phrase: fills stand at its end.
const PHRASE_BARS: u32 = 4;
/// Share of the notes between the fixed ones that one step and two steps of density take away.
const THINNED: [f64; 2] = [0.4, 0.7];
/// How far that share may be off so that all notes of one metrical weight stay or go together.
const SNAP: f64 = 1.0 / 6.0;
/// Softer drum hits are ghost notes.
const GHOST: u8 = 45;
/// Velocity of an added ghost note.
const GHOST_VELOCITY: u8 = 34;
/// Least velocity of a backbeat.
const BACKBEAT: u8 = 70;
/// Velocity of an added hit relative to the one before it.
const ADDED: f64 = 0.75;
/// Velocity of hats where there were none.
const HAT_VELOCITY: u8 = 62;
/// Velocities of a fill, from its first hit to its last.
const FILL: RangeInclusive<u8> = 72..=112;
/// Velocity of the crash after a long fill.
const CRASH_VELOCITY: u8 = 96;
/// Least length of a note in steps.
const LEAST_LENGTH: f32 = 0.25;
/// A note that ends this close to the next one is tied to it, in steps.
const LEGATO: f32 = 0.75;

/// Positions of the dials that need other notes. In the middle (0, the default) a part stays as it was written.
///
/// ```
/// use resonantgen_music::variation::NoteDials;
///
/// let dials = NoteDials { density: -1, ..NoteDials::default() };
/// assert!(!dials.is_middle());
/// assert!(NoteDials::default().is_middle());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NoteDials {
    /// From -2 (much sparser) to 2 (much denser).
    pub density: i8,
    /// From -2 (much plainer) to 2 (much richer): syncopation, ghost notes, approach notes.
    pub complexity: i8,
    /// From -2 (no fills) to 2 (many): the ends of phrases.
    pub fills: i8,
}

impl NoteDials {
    /// Positions of each dial.
    pub const RANGE: RangeInclusive<i8> = -2..=2;

    /// Whether all dials are in the middle.
    #[must_use]
    pub fn is_middle(&self) -> bool {
        *self == Self::default()
    }
}

/// The notes of a part, varied as `dials` say; positions out of [`NoteDials::RANGE`] count as its ends. With all dials in the middle, and
/// for a part without notes, the notes are unchanged. The result is sorted and lies within the loop.
///
/// ```
/// use resonantgen_music::plan::{Chord, Key, Meter, Plan, Swing};
/// use resonantgen_music::score::Note;
/// use resonantgen_music::track::Track;
/// use resonantgen_music::variation::{NoteDials, vary};
///
/// let chord: Chord = "Am".parse()?;
/// let key: Key = "A minor".parse()?;
/// let plan = Plan { bpm: 120.0, key, meter: Meter::COMMON, bars: 1, chords: vec![chord; 2], swing: Swing::default() };
/// let note = |step| Note { step, offset: 0.0, length: 2.0, pitch: 33, velocity: 90 };
/// let bass: Vec<Note> = (0..16).step_by(2).map(note).collect();
/// let sparser = vary(Track::Bass, &bass, &plan, NoteDials { density: -1, ..NoteDials::default() });
/// assert!(sparser.len() < bass.len());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn vary(track: Track, notes: &[Note], plan: &Plan, dials: NoteDials) -> Vec<Note> {
    if dials.is_middle() || notes.is_empty() || plan.total_steps() == 0 || plan.chords.is_empty() {
        return notes.to_vec();
    }
    let mut part = Part {
        track,
        plan,
        per_bar: plan.meter.steps_per_bar(),
        beat: beat_steps(plan.meter),
        total: plan.total_steps(),
        notes: notes.to_vec(),
    };
    let level = |dial: i8| usize::from(dial.unsigned_abs().min(2));
    match (track, dials.complexity) {
        (_, 0) => {}
        (Track::Drums, ..0) => part.plainer_drums(level(dials.complexity)),
        (_, ..0) => part.plainer(level(dials.complexity)),
        (Track::Drums, _) => part.richer_drums(level(dials.complexity)),
        (Track::Bass, _) => part.richer_bass(level(dials.complexity)),
        (Track::Harmony, _) => part.richer_harmony(level(dials.complexity)),
        (Track::Melody, _) => part.richer_melody(level(dials.complexity)),
    }
    match (track, dials.density) {
        (_, 0) => {}
        (_, ..0) => part.thin(level(dials.density)),
        (Track::Drums, _) => part.denser_drums(level(dials.density)),
        (_, _) => part.denser(level(dials.density)),
    }
    match (track, dials.fills) {
        (_, 0) => {}
        (Track::Drums, ..0) => part.without_fills(level(dials.fills)),
        (_, ..0) => part.without_pickups(level(dials.fills)),
        (Track::Drums, _) => part.with_fills(level(dials.fills)),
        (_, _) => part.with_pickups(level(dials.fills)),
    }
    let written = std::mem::take(&mut part.notes);
    let varied = part.finish(written);
    if !varied.is_empty() {
        return varied;
    }
    // Something stays of every part: what is left by the next weaker step, or, of ghost notes alone, all.
    let weaker = NoteDials { density: dials.density.saturating_add(1), ..dials };
    if dials.density < 0 && !weaker.is_middle() {
        vary(track, notes, plan, weaker)
    } else {
        part.finish(notes.to_vec())
    }
}

/// A part in work.
struct Part<'a> {
    track: Track,
    plan: &'a Plan,
    per_bar: u32,
    beat: u32,
    total: u32,
    notes: Vec<Note>,
}

/// How strong a step of the bar is, from 0 (an odd sixteenth) to 4 (the bar line).
fn weight(step: u32, per_bar: u32, beat: u32) -> u32 {
    let within = step % per_bar;
    match within {
        0 => 4,
        _ if within * 2 == per_bar && within.is_multiple_of(2) => 3,
        _ if within.is_multiple_of(beat) => 2,
        _ if within.is_multiple_of(2) => 1,
        _ => 0,
    }
}

fn class(note: &Note) -> Option<DrumClass> {
    DrumClass::from_key(note.pitch)
}

fn softer(velocity: u8, by: f64) -> u8 {
    (f64::from(velocity) * by).round().clamp(1.0, 127.0) as u8
}

impl Part<'_> {
    fn weight(&self, step: u32) -> u32 {
        weight(step, self.per_bar, self.beat)
    }

    /// The steps on which notes start, in order.
    fn onsets(&self) -> Vec<u32> {
        let steps: BTreeSet<u32> = self.notes.iter().map(|note| note.step).collect();
        steps.into_iter().collect()
    }

    fn has(&self, step: u32, drum: DrumClass) -> bool {
        self.notes.iter().any(|note| note.step == step && class(note) == Some(drum))
    }

    /// Whether another chord begins on a step.
    fn is_change(&self, step: u32) -> bool {
        let step = step % self.total;
        step > 0 && self.plan.chord_at(step) != self.plan.chord_at(step - 1)
    }

    fn bar(&self, bar: u32) -> Range<u32> {
        bar * self.per_bar..(bar + 1) * self.per_bar
    }

    /// Ends notes that sound at a step and started before it.
    fn end_at(&mut self, step: u32) {
        for note in &mut self.notes {
            let start = note.step as f32 + note.offset;
            if note.step < step && start + note.length > step as f32 {
                note.length = (step as f32 - start).max(LEAST_LENGTH);
            }
        }
    }

    /// Removes the notes that start on a step. Notes that were tied to them sound on in their place.
    fn remove_tied(&mut self, step: u32) {
        let removed: Vec<Note> = self.notes.extract_if(.., |note| note.step == step).collect();
        let until =
            removed.iter().map(|note| note.step as f32 + note.offset + note.length).fold(0.0, f32::max);
        let Some(before) = self.notes.iter().map(|note| note.step).filter(|other| *other < step).max() else {
            return;
        };
        for note in self.notes.iter_mut().filter(|note| note.step == before) {
            let start = note.step as f32 + note.offset;
            if start + note.length >= step as f32 - LEGATO {
                note.length = note.length.max(until - start);
            }
        }
    }

    /// A pitch of the part's register that fits the chord at a step: the one nearest to `near` that `allows`.
    fn pitch_near(&self, near: i32, step: u32, allows: impl Fn(i32) -> bool) -> Option<u8> {
        let chord = self.plan.chord_at(step % self.total);
        let scale = chord_scale(self.plan.key, chord);
        let fits = scale & !avoid_notes(scale, chord_tones(chord));
        let (low, high) = register(self.track)?;
        let pitches = (low..=high).filter(|pitch| fits & bit(*pitch) != 0 && allows(i32::from(*pitch)));
        pitches.min_by_key(|pitch| (i32::from(*pitch) - near).abs())
    }

    /// The tone of the chord at a step that is nearest to a pitch, within the part's register; the root for a bass.
    fn chord_tone_near(&self, near: u8, step: u32) -> Option<u8> {
        let chord = self.plan.chord_at(step % self.total);
        let tones = if self.track == Track::Bass { bit(chord.bass_note()) } else { chord_tones(chord) };
        let (low, high) = register(self.track)?;
        let pitches = (low..=high).filter(|pitch| tones & bit(*pitch) != 0);
        pitches.min_by_key(|pitch| pitch.abs_diff(near))
    }

    /// The highest pitch that starts on a step.
    fn pitch_at(&self, step: u32) -> Option<u8> {
        self.notes.iter().filter(|note| note.step == step).map(|note| note.pitch).max()
    }

    /// Adds a note like `like`, unless one of its pitch starts there.
    fn add(&mut self, note: Note) {
        let is_taken = self.notes.iter().any(|other| (other.step, other.pitch) == (note.step, note.pitch));
        if note.step < self.total && !is_taken {
            self.notes.push(note);
        }
    }

    fn hit(&mut self, step: u32, drum: DrumClass, velocity: u8) {
        let pitch = drum.key();
        let near = self.notes.iter().filter(|note| note.step == step).map(|note| note.offset).next();
        self.add(Note { step, offset: near.unwrap_or(0.0), length: 1.0, pitch, velocity });
    }

    /// Fewer notes: the weakest go first.
    fn thin(&mut self, level: usize) {
        let voices: Vec<Option<u8>> = if self.track == Track::Drums {
            let keys: BTreeSet<u8> = self.notes.iter().map(|note| note.pitch).collect();
            keys.into_iter().map(Some).collect()
        } else {
            vec![None]
        };
        for (voice, bar) in voices.iter().flat_map(|voice| (0..self.plan.bars).map(move |bar| (*voice, bar)))
        {
            for step in self.weakest(voice, self.bar(bar), level) {
                match voice {
                    Some(key) => self.notes.retain(|note| (note.step, note.pitch) != (step, key)),
                    None => self.remove_tied(step),
                }
            }
        }
    }

    /// The weakest steps of a voice in a bar, about a share of those that are not fixed.
    fn weakest(&self, voice: Option<u8>, bar: Range<u32>, level: usize) -> Vec<u32> {
        let loudest = |step: u32| {
            let here = self
                .notes
                .iter()
                .filter(|note| note.step == step && voice.is_none_or(|key| note.pitch == key));
            here.map(|note| note.velocity).max()
        };
        let steps: Vec<(u32, u8)> = bar.filter_map(|step| Some((step, loudest(step)?))).collect();
        let drum = voice.and_then(DrumClass::from_key);
        let is_fixed = |index: usize, step: u32, velocity: u8| match drum {
            Some(DrumClass::Crash) => true,
            // Four on the floor stay four, or become two.
            Some(DrumClass::Kick) => self.weight(step) >= if level == 1 { 2 } else { 3 },
            Some(DrumClass::Snare | DrumClass::Clap) => self.weight(step) >= 2 && velocity >= BACKBEAT,
            Some(_) => false,
            None => index == 0 || self.is_change(step),
        };
        let free =
            steps.iter().enumerate().filter(|(index, (step, velocity))| !is_fixed(*index, *step, *velocity));
        // Ghost notes are the weakest. Among equals, those that leave an even pattern.
        let mut free: Vec<(u32, u32, u32)> = free
            .map(|(_, (step, velocity))| {
                let is_ghost = drum.is_some() && *velocity < GHOST;
                let weight = if is_ghost { 0 } else { 1 + self.weight(*step) };
                (weight, (step % self.per_bar).reverse_bits(), *step)
            })
            .collect();
        free.sort_unstable();
        let count = free.len() as f64;
        let wanted = THINNED[level - 1] * count;
        let borders = (1..free.len()).filter(|index| free[*index].0 != free[index - 1].0);
        let border = borders.min_by(|a, b| (*a as f64 - wanted).abs().total_cmp(&(*b as f64 - wanted).abs()));
        let removed = border.filter(|border| (*border as f64 - wanted).abs() <= SNAP * count);
        // A kick on three of four beats would limp.
        if !(drum == Some(DrumClass::Kick) && level == 2) {
            free.truncate(removed.unwrap_or(wanted.round() as usize));
        }
        free.into_iter().map(|(.., step)| step).collect()
    }

    /// More hits of what keeps the time.
    fn denser_drums(&mut self, level: usize) {
        let count = |drum: DrumClass| self.notes.iter().filter(|note| class(note) == Some(drum)).count();
        let keepers = [DrumClass::ClosedHat, DrumClass::Ride, DrumClass::Shaker];
        let keeper =
            keepers.into_iter().rev().max_by_key(|drum| count(*drum)).filter(|drum| count(*drum) > 0);
        let Some(keeper) = keeper else {
            let every = if level == 1 { 2 } else { 1 };
            for step in (0..self.total).step_by(every) {
                let by = if self.weight(step) >= 2 { 1.0 } else { ADDED };
                self.hit(step, DrumClass::ClosedHat, softer(HAT_VELOCITY, by));
            }
            return;
        };
        let before = self.notes.len();
        for _ in 0..level {
            let mut hits: Vec<Note> =
                self.notes.iter().filter(|note| class(note) == Some(keeper)).copied().collect();
            sort_notes(&mut hits);
            for (index, hit) in hits.iter().enumerate() {
                let next = hits.get(index + 1).map_or(self.total, |next| next.step);
                let gap = next.saturating_sub(hit.step);
                if gap.is_multiple_of(2) && (2..=2 * self.beat).contains(&gap) {
                    self.add(Note {
                        step: hit.step + gap / 2,
                        velocity: softer(hit.velocity, ADDED),
                        ..*hit
                    });
                }
            }
        }
        if self.notes.len() == before {
            let every = if level == 1 { 4 } else { 2 };
            for step in (2..self.total).step_by(every) {
                self.hit(step, DrumClass::Shaker, HAT_VELOCITY);
            }
        }
    }

    /// More notes between those that are there: repeated ones for bass and harmony, passing ones for a melody.
    fn denser(&mut self, level: usize) {
        let mut least = if self.track == Track::Harmony { 8 } else { 4 };
        for _ in 0..level {
            let onsets = self.onsets();
            for (index, step) in onsets.iter().copied().enumerate() {
                let next = onsets.get(index + 1).copied().unwrap_or(self.total);
                let gap = next - step;
                // On the grid of the beat, not of the gap.
                let middle = step + (gap / 2).next_multiple_of(2).min(gap - gap / 2);
                if gap < least || middle <= step || middle >= next {
                    continue;
                }
                let here: Vec<Note> = self.notes.iter().filter(|note| note.step == step).copied().collect();
                let is_same_chord = self.plan.chord_at(middle) == self.plan.chord_at(step);
                let until = next.saturating_sub(middle) as f32;
                for note in here {
                    let pitch = match self.track {
                        Track::Melody => self.passing(note.pitch, onsets.get(index + 1).copied(), middle),
                        Track::Harmony if !is_same_chord => None,
                        _ if is_same_chord => Some(note.pitch),
                        _ => self.chord_tone_near(note.pitch, middle),
                    };
                    let Some(pitch) = pitch else { continue };
                    let length = note.length.min(until);
                    self.add(Note {
                        step: middle,
                        length,
                        pitch,
                        velocity: softer(note.velocity, 0.9),
                        ..note
                    });
                }
                if self.notes.iter().any(|note| note.step == middle) {
                    self.end_at(middle);
                }
            }
            least /= 2;
        }
    }

    /// A pitch between a note and the next one.
    fn passing(&self, from: u8, next: Option<u32>, step: u32) -> Option<u8> {
        let from = i32::from(from);
        let to = next.and_then(|next| self.pitch_at(next)).map_or(from, i32::from);
        let between = (from + to) / 2;
        let is_passing = |pitch: i32| (pitch - from) * (to - pitch) > 0;
        let neighbour = |pitch: i32| pitch != from && (pitch - from).abs() <= 4;
        self.pitch_near(between, step, is_passing).or_else(|| self.pitch_near(from + 2, step, neighbour))
    }

    fn plainer_drums(&mut self, level: usize) {
        let is_keeper = |note: &Note| {
            matches!(class(note), Some(DrumClass::ClosedHat | DrumClass::Ride | DrumClass::Shaker))
        };
        self.notes.retain(|note| is_keeper(note) || note.velocity >= GHOST);
        if level == 2 {
            self.notes.retain(|note| {
                !matches!(class(note), Some(DrumClass::Rim | DrumClass::Percussion | DrumClass::OpenHat))
            });
        }
        for note in self.notes.iter_mut().filter(|note| !is_keeper(note)) {
            note.step &= !1;
        }
        if level == 2 {
            let per_bar = self.per_bar;
            let beat = self.beat;
            // What keeps the time goes in eighths, and kicks stand on beats where a beat has one.
            self.notes.retain(|note| !is_keeper(note) || note.step.is_multiple_of(2));
            let on_beat: BTreeSet<u32> = self
                .notes
                .iter()
                .filter(|note| class(note) == Some(DrumClass::Kick))
                .filter(|note| weight(note.step, per_bar, beat) >= 2)
                .map(|note| note.step / per_bar)
                .collect();
            self.notes.retain(|note| {
                class(note) != Some(DrumClass::Kick)
                    || weight(note.step, per_bar, beat) >= 2
                    || !on_beat.contains(&(note.step / per_bar))
            });
        }
    }

    /// Tonal parts on even sixteenths, and with two steps on the tones of the chords.
    fn plainer(&mut self, level: usize) {
        let taken: BTreeSet<u32> = self.notes.iter().map(|note| note.step).collect();
        let mut kept = Vec::with_capacity(self.notes.len());
        for mut note in std::mem::take(&mut self.notes) {
            let even = note.step & !1;
            if note.step != even {
                // Two voices of one chord move together; a note whose place is taken goes.
                if taken.contains(&even) {
                    continue;
                }
                note.step = even;
                note.length += 1.0;
            }
            kept.push(note);
        }
        self.notes = kept;
        if level == 2 {
            let moved: Vec<Option<u8>> =
                self.notes.iter().map(|note| self.chord_tone_near(note.pitch, note.step)).collect();
            for (note, pitch) in self.notes.iter_mut().zip(moved) {
                note.pitch = pitch.unwrap_or(note.pitch);
            }
        }
    }

    /// Ghost notes around the backbeats, and with two steps kicks beside the beat.
    fn richer_drums(&mut self, level: usize) {
        for bar in 0..self.plan.bars {
            let bar = self.bar(bar);
            let backbeats: Vec<u32> = bar
                .clone()
                .filter(|step| self.weight(*step) >= 2)
                .filter(|step| {
                    let mut here =
                        self.notes.iter().filter(|note| note.step == *step && note.velocity >= BACKBEAT);
                    here.any(|note| matches!(class(note), Some(DrumClass::Snare | DrumClass::Clap)))
                })
                .collect();
            let (ghost, velocity) = if backbeats.is_empty() {
                (DrumClass::Rim, GHOST + 5)
            } else {
                (DrumClass::Snare, GHOST_VELOCITY)
            };
            let around = if backbeats.is_empty() { vec![bar.start] } else { backbeats };
            let distances: &[u32] = if level == 1 { &[3] } else { &[3, 5] };
            for step in around.iter().flat_map(|step| distances.iter().map(move |distance| step + distance)) {
                if step < bar.end && !self.has(step, DrumClass::Snare) && !self.has(step, DrumClass::Clap) {
                    self.hit(step, ghost, velocity);
                }
            }
            let aside = bar.start + 2 * self.beat + 2;
            let kick = self
                .notes
                .iter()
                .filter(|note| class(note) == Some(DrumClass::Kick))
                .map(|note| note.velocity)
                .max();
            if let Some(velocity) = kick.filter(|_| level == 2 && aside < bar.end)
                && !self.has(aside, DrumClass::Kick)
            {
                self.hit(aside, DrumClass::Kick, softer(velocity, 0.85));
            }
        }
    }

    /// Notes that lead to the next chord, and with two steps octaves on weak steps.
    fn richer_bass(&mut self, level: usize) {
        self.approach(2, |step, part| part.is_change(step) || step % part.per_bar == 0);
        if level == 2 {
            let high = register(self.track).map_or(0, |(_, high)| high);
            let mut notes = std::mem::take(&mut self.notes);
            sort_notes(&mut notes);
            for index in 1..notes.len() {
                let (before, note) = (notes[index - 1], notes[index]);
                let is_weak = self.weight(note.step) <= 1;
                if is_weak && before.pitch == note.pitch && note.pitch + 12 <= high {
                    notes[index].pitch += 12;
                }
            }
            self.notes = notes;
        }
    }

    /// Puts an approach note before the onsets that `leads_to` chooses, where there is room for `length` steps.
    fn approach(&mut self, length: u32, leads_to: impl Fn(u32, &Self) -> bool) {
        let onsets = self.onsets();
        for pair in onsets.windows(2) {
            let (step, next) = (pair[0], pair[1]);
            if next - step < 2 * length || !leads_to(next, self) {
                continue;
            }
            let (Some(from), Some(to)) = (self.pitch_at(step), self.pitch_at(next)) else { continue };
            let Some(like) = self.notes.iter().find(|note| note.step == step).copied() else { continue };
            let at = next - length;
            let (from, to) = (i32::from(from), i32::from(to));
            let side = if from > to { 2 } else { -2 };
            let beside = |pitch: i32| pitch != to && (pitch - to).abs() <= 4;
            let Some(pitch) = self.pitch_near(to + side, at, beside) else { continue };
            self.end_at(at);
            let velocity = softer(like.velocity, 0.9);
            self.add(Note { step: at, length: length as f32 * 0.9, pitch, velocity, ..like });
        }
    }

    /// Chords that come an eighth early: on beats, and with two steps on bar lines too.
    fn richer_harmony(&mut self, level: usize) {
        let onsets = self.onsets();
        let most = if level == 1 { 3 } else { 4 };
        let mut moved = false;
        for (index, step) in onsets.iter().copied().enumerate() {
            let before = index.checked_sub(1).map(|index| onsets[index]);
            let strong = (2..=most).contains(&self.weight(step));
            let Some(before) = before.filter(|before| strong && step - before >= 4) else { continue };
            // Every second one: what is pushed is heard beside what is not.
            moved = !moved || level == 2;
            if !moved || before + 2 >= step {
                continue;
            }
            let early = step - 2;
            self.end_at(early);
            for note in self.notes.iter_mut().filter(|note| note.step == step) {
                note.step = early;
                note.length += 2.0;
            }
        }
    }

    /// Notes that lead to the next one, and with two steps mordents on long ones.
    fn richer_melody(&mut self, level: usize) {
        self.approach(2, |step, part| part.weight(step) >= 1);
        if level < 2 {
            return;
        }
        let onsets = self.onsets();
        for (index, step) in onsets.iter().copied().enumerate() {
            let next = onsets.get(index + 1).copied().unwrap_or(self.total);
            let Some(note) = self.notes.iter().find(|note| note.step == step).copied() else { continue };
            if next - step < 4 || note.length < 3.0 || self.weight(step) < 2 {
                continue;
            }
            let pitch = i32::from(note.pitch);
            let above = self.pitch_near(pitch + 2, step, |other| other > pitch && other <= pitch + 4);
            let Some(above) = above else { continue };
            self.end_at(step + 1);
            let velocity = softer(note.velocity, 0.8);
            self.add(Note { step: step + 1, length: 1.0, pitch: above, velocity, ..note });
            self.add(Note { step: step + 2, length: note.length - 2.0, ..note });
        }
    }

    /// The bars that end a phrase, with whether it is the last one. With two steps of more fills, every second bar too.
    fn ends(&self, every_second: bool) -> Vec<(u32, bool)> {
        let is_end = |bar: &u32| {
            let number = bar + 1;
            number == self.plan.bars
                || number.is_multiple_of(PHRASE_BARS)
                || (every_second && number.is_multiple_of(2))
        };
        (0..self.plan.bars).filter(is_end).map(|bar| (bar, bar + 1 == self.plan.bars)).collect()
    }

    /// Drum fills at the ends of phrases.
    fn with_fills(&mut self, level: usize) {
        for (bar, is_last) in self.ends(level == 2) {
            let is_phrase = (bar + 1).is_multiple_of(PHRASE_BARS);
            let length = match (level, is_last, is_phrase) {
                (1, true, _) | (2, false, true) => self.beat,
                (2, true, _) => 2 * self.beat,
                _ => 2,
            };
            let end = self.bar(bar).end;
            let span = end - length.min(self.per_bar)..end;
            let there = self.onsets().into_iter().filter(|step| span.contains(step)).filter(|step| {
                [DrumClass::Snare, DrumClass::LowTom, DrumClass::HighTom]
                    .iter()
                    .any(|drum| self.has(*step, *drum))
            });
            // A fill that is there already stays.
            if there.count() * 4 >= span.len() * 3 {
                continue;
            }
            self.notes.retain(|note| {
                !span.contains(&note.step) || matches!(class(note), Some(DrumClass::Kick | DrumClass::Crash))
            });
            let count = span.len().max(2);
            for (index, step) in span.enumerate() {
                let drum = match index * 4 / count {
                    0 | 1 => DrumClass::Snare,
                    2 => DrumClass::HighTom,
                    _ => DrumClass::LowTom,
                };
                let drum = if count <= 2 { DrumClass::Snare } else { drum };
                let rise = f64::from(FILL.end() - FILL.start()) * index as f64 / (count - 1) as f64;
                self.hit(step, drum, FILL.start() + rise.round() as u8);
            }
        }
        if level == 2 {
            self.hit(0, DrumClass::Crash, CRASH_VELOCITY);
        }
    }

    /// The second half of a bar that ends a phrase is that of the bar before.
    fn without_fills(&mut self, level: usize) {
        for (bar, is_last) in self.ends(false) {
            if bar == 0 || (is_last && level == 1 && self.plan.bars > PHRASE_BARS) {
                continue;
            }
            let half = self.bar(bar).start + self.per_bar / 2..self.bar(bar).end;
            let per_bar = self.per_bar;
            self.notes.retain(|note| !half.contains(&note.step));
            let before = self.notes.iter().filter(|note| half.contains(&(note.step + per_bar)));
            let copies: Vec<Note> = before.map(|note| Note { step: note.step + per_bar, ..*note }).collect();
            self.notes.extend(copies);
        }
        if level == 2 {
            self.notes.retain(|note| class(note) != Some(DrumClass::Crash));
        }
    }

    /// Notes that lead into the next phrase; a harmony is struck before it.
    fn with_pickups(&mut self, level: usize) {
        for (bar, _) in self.ends(level == 2) {
            let end = self.bar(bar).end;
            let every = if level == 2 && self.track != Track::Harmony { 1 } else { 2 };
            let length = if level == 1 && self.track == Track::Harmony { 2 } else { 4 };
            let start = end - length.min(self.per_bar);
            let Some(from) =
                self.notes.iter().filter(|note| note.step < start).max_by_key(|note| note.step).copied()
            else {
                continue;
            };
            if self.track == Track::Harmony {
                let chord: Vec<Note> =
                    self.notes.iter().filter(|note| note.step == from.step).copied().collect();
                if self.plan.chord_at(from.step) != self.plan.chord_at(start) {
                    continue;
                }
                self.clear(start..end);
                for step in (start..end).step_by(every) {
                    for note in &chord {
                        self.add(Note { step, length: 1.5, ..*note });
                    }
                }
                continue;
            }
            let after = self.onsets().into_iter().find(|step| *step >= end);
            let target =
                after.or_else(|| self.onsets().first().copied()).and_then(|step| self.pitch_at(step));
            let Some(target) = target.map(i32::from) else { continue };
            self.clear(start..end);
            let steps: Vec<u32> = (start..end).step_by(every).collect();
            let side = if i32::from(from.pitch) > target { 1 } else { -1 };
            for (index, step) in steps.iter().copied().enumerate() {
                let away = (steps.len() - index) as i32;
                let beyond = |pitch: i32| (pitch - target) * side > 0;
                let pitch = self.pitch_near(target + side * away * 2, step, beyond);
                let Some(pitch) = pitch.or_else(|| self.chord_tone_near(from.pitch, step)) else { continue };
                self.add(Note { step, length: every as f32 * 0.9, pitch, ..from });
            }
        }
    }

    /// Removes what starts in a span, and ends what sounds into it.
    fn clear(&mut self, span: Range<u32>) {
        self.notes.retain(|note| !span.contains(&note.step));
        self.end_at(span.start);
    }

    /// Notes after the last beat of a phrase go, and with two steps those on it.
    fn without_pickups(&mut self, level: usize) {
        for (bar, is_last) in self.ends(level == 2) {
            if is_last && level == 1 && self.plan.bars > PHRASE_BARS {
                continue;
            }
            let end = self.bar(bar).end;
            let last_beat = end - self.beat.min(self.per_bar);
            let first = last_beat + u32::from(level == 1);
            for step in first..end {
                let is_first_of_bar =
                    !self.notes.iter().any(|note| self.bar(bar).contains(&note.step) && note.step < step);
                if !is_first_of_bar
                    && !self.is_change(step)
                    && self.notes.iter().any(|note| note.step == step)
                {
                    self.remove_tied(step);
                }
            }
        }
    }

    /// The notes in order, each place taken once, within the loop.
    fn finish(&self, mut notes: Vec<Note>) -> Vec<Note> {
        let total = self.total;
        notes.retain(|note| note.step < total);
        for note in &mut notes {
            note.length = note.length.clamp(LEAST_LENGTH, total as f32);
        }
        // Of two notes of one pitch at one step, the louder stays.
        notes.sort_by(|a, b| {
            (a.step, a.pitch)
                .cmp(&(b.step, b.pitch))
                .then(b.velocity.cmp(&a.velocity))
                .then(a.offset.total_cmp(&b.offset))
        });
        notes.dedup_by(|b, a| (a.step, a.pitch) == (b.step, b.pitch));
        end_overlaps(self.track, &mut notes, total);
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Chord, Key, Meter, Swing};
    use proptest::prelude::*;

    const DOWN: NoteDials = NoteDials { density: -1, complexity: 0, fills: 0 };

    fn plan(bars: u32, meter: &str) -> Plan {
        let chords: Vec<Chord> =
            ["Am7", "Am7", "Dm7", "G7"].map(|name| name.parse().expect("a chord")).to_vec();
        Plan {
            bpm: 120.0,
            key: "A minor".parse::<Key>().expect("a key"),
            meter: meter.parse().expect("a meter"),
            bars,
            chords: chords.into_iter().cycle().take(2 * bars as usize).collect(),
            swing: Swing::default(),
        }
    }

    fn note(step: u32, length: f32, pitch: u8, velocity: u8) -> Note {
        Note { step, offset: 0.0, length, pitch, velocity }
    }

    fn beat(bars: u32) -> Vec<Note> {
        let mut notes = Vec::new();
        for bar in 0..bars {
            let at = bar * 16;
            for step in [0, 4, 8, 12] {
                notes.push(note(at + step, 1.0, DrumClass::Kick.key(), 110));
            }
            for step in [4, 12] {
                notes.push(note(at + step, 1.0, DrumClass::Snare.key(), 100));
            }
            for step in (0..16).step_by(2) {
                notes.push(note(at + step, 1.0, DrumClass::ClosedHat.key(), 70));
            }
        }
        sort_notes(&mut notes);
        notes
    }

    fn bass(bars: u32) -> Vec<Note> {
        (0..bars * 8).map(|eighth| note(eighth * 2, 2.0, 33, 90)).collect()
    }

    fn steps(notes: &[Note], drum: DrumClass) -> Vec<u32> {
        notes.iter().filter(|note| class(note) == Some(drum)).map(|note| note.step).collect()
    }

    fn dials(density: i8, complexity: i8, fills: i8) -> NoteDials {
        NoteDials { density, complexity, fills }
    }

    fn steps_of_halves() -> Vec<u32> {
        (0..8).map(|half| half * 8).collect()
    }

    #[test]
    fn in_the_middle_a_part_is_as_it_was_written() {
        let odd = [note(3, 0.1, 60, 1), note(3, 90.0, 60, 5), note(0, 1.0, 200, 9)];
        for track in Track::ALL {
            assert_eq!(
                vary(track, &odd, &plan(1, "4/4"), NoteDials::default()),
                odd,
                "to the bit, even if it is odd"
            );
            assert!(vary(track, &[], &plan(1, "4/4"), dials(2, 2, 2)).is_empty());
        }
    }

    #[test]
    fn sparser_keeps_what_holds_the_part_together() {
        let plan = plan(4, "4/4");
        for density in [-1, -2] {
            let drums = vary(Track::Drums, &beat(4), &plan, dials(density, 0, 0));
            assert_eq!(steps(&drums, DrumClass::Snare), steps(&beat(4), DrumClass::Snare), "backbeats stay");
            let ones: Vec<u32> = (0..4).map(|bar| bar * 16).collect();
            let kicks =
                if density == -1 { (0..16).map(|beat| beat * 4).collect() } else { steps_of_halves() };
            assert_eq!(steps(&drums, DrumClass::Kick), kicks, "four on the floor, or two");
            let bass = vary(Track::Bass, &bass(4), &plan, dials(density, 0, 0));
            assert!(ones.iter().all(|one| bass.iter().any(|note| note.step == *one)));
            // Eighths that were tied sound on.
            let sounding: f32 = bass.iter().map(|note| note.length).sum();
            assert_eq!(sounding, 64.0);
        }
        let hats = steps(&vary(Track::Drums, &beat(1), &plan, DOWN), DrumClass::ClosedHat);
        assert_eq!(hats, [0, 4, 8, 12], "off-beat eighths go together");
    }

    #[test]
    fn denser_hats_are_sixteenths_and_a_beat_without_hats_gets_some() {
        let plan = plan(2, "4/4");
        let denser = vary(Track::Drums, &beat(2), &plan, dials(1, 0, 0));
        assert_eq!(steps(&denser, DrumClass::ClosedHat), (0..32).collect::<Vec<u32>>());
        assert_eq!(steps(&denser, DrumClass::Kick), steps(&beat(2), DrumClass::Kick));
        let kicks: Vec<Note> =
            beat(2).into_iter().filter(|note| class(note) == Some(DrumClass::Kick)).collect();
        let with_hats = vary(Track::Drums, &kicks, &plan, dials(1, 0, 0));
        assert_eq!(steps(&with_hats, DrumClass::ClosedHat).len(), 16);
    }

    #[test]
    fn fills_stand_at_the_ends_of_phrases_and_go() {
        let plan = plan(8, "4/4");
        let filled = vary(Track::Drums, &beat(8), &plan, dials(0, 0, 1));
        let changed: BTreeSet<u32> = (0..8)
            .filter(|bar| {
                let bar_of = |notes: &[Note]| -> Vec<Note> {
                    notes.iter().filter(|note| note.step / 16 == *bar).copied().collect()
                };
                bar_of(&filled) != bar_of(&beat(8))
            })
            .collect();
        assert_eq!(changed, BTreeSet::from([3, 7]));
        let toms =
            |notes: &[Note]| steps(notes, DrumClass::HighTom).len() + steps(notes, DrumClass::LowTom).len();
        assert!(toms(&filled) > 0);
        let many = vary(Track::Drums, &beat(8), &plan, dials(0, 0, 2));
        assert!(toms(&many) > toms(&filled) && steps(&many, DrumClass::Crash) == [0]);
        let none = vary(Track::Drums, &filled, &plan, dials(0, 0, -2));
        assert_eq!((toms(&none), none), (0, beat(8)), "the bar goes on as it began");
        // A bass leads into the next phrase on tones of its register.
        let walked = vary(Track::Bass, &bass(8), &plan, dials(0, 0, 1));
        assert!(walked.iter().any(|note| note.step / 16 == 3 && note.pitch != 33));
        assert!(walked.iter().filter(|note| note.step / 16 == 2).all(|note| note.pitch == 33));
    }

    #[test]
    fn plainer_and_richer_are_opposites_in_the_number_of_weak_notes() {
        let plan = plan(4, "4/4");
        let ghosts = |notes: &[Note]| notes.iter().filter(|note| note.velocity < GHOST).count();
        let richer = vary(Track::Drums, &beat(4), &plan, dials(0, 1, 0));
        assert!(ghosts(&richer) >= 4);
        assert_eq!(vary(Track::Drums, &richer, &plan, dials(0, -1, 0)), beat(4));
        let pad: Vec<Note> =
            (0..8).flat_map(|half| [57, 60, 64].map(|pitch| note(half * 8, 8.0, pitch, 80))).collect();
        let pushed = vary(Track::Harmony, &pad, &plan, dials(0, 1, 0));
        assert!(pushed.iter().any(|note| note.step % 8 == 6), "some chords come early");
        assert_eq!(pushed.iter().filter(|note| note.step == 0).count(), 3, "the first does not");
        let melody = [note(0, 8.0, 69, 90), note(8, 8.0, 76, 90), note(16, 16.0, 74, 90)];
        let richer = vary(Track::Melody, &melody, &plan, dials(0, 2, 0));
        assert!(richer.len() > melody.len() + 2);
    }

    fn notes_of(track: Track) -> impl Strategy<Value = Vec<Note>> {
        let (low, high) = register(track).unwrap_or((0, 11));
        let pitch = (low..=high).prop_map(move |pitch| match track {
            Track::Drums => DrumClass::ALL[usize::from(pitch)].key(),
            _ => pitch,
        });
        let note = (0_u32..96, -0.3_f32..0.3, 0.3_f32..12.0, pitch, 1_u8..=127);
        prop::collection::vec(note, 1..80).prop_map(move |notes| {
            let note =
                |(step, offset, length, pitch, velocity)| Note { step, offset, length, pitch, velocity };
            let mut notes: Vec<Note> = notes.into_iter().map(note).collect();
            end_overlaps(track, &mut notes, 96);
            notes
        })
    }

    proptest! {
        #[test]
        fn varied_notes_are_sorted_within_the_loop_and_the_register(
            (track, notes) in prop::sample::select(&Track::ALL[..])
                .prop_flat_map(|track| notes_of(track).prop_map(move |notes| (track, notes))),
            meter in prop::sample::select(&["4/4", "3/4", "6/8", "7/8", "12/8", "2/4"][..]),
            density in -2_i8..=2,
            complexity in -2_i8..=2,
            fills in -2_i8..=2,
        ) {
            let meter: Meter = meter.parse().expect("a meter");
            let plan = plan(96 / meter.steps_per_bar().max(1), &meter.to_string());
            let total = plan.total_steps();
            let notes: Vec<Note> = notes.into_iter().filter(|note| note.step < total).collect();
            prop_assume!(!notes.is_empty());
            let dials = dials(density, complexity, fills);
            let varied = vary(track, &notes, &plan, dials);
            prop_assert_eq!(&varied, &vary(track, &notes, &plan, dials));
            prop_assert!(!varied.is_empty());
            let mut sorted = varied.clone();
            sort_notes(&mut sorted);
            prop_assert_eq!(&varied, &sorted);
            for note in &varied {
                prop_assert!(note.step < total && note.length > 0.0 && note.length <= total as f32);
                prop_assert!((1..=127).contains(&note.velocity));
                prop_assert!(register(track).is_none_or(|(low, high)| (low..=high).contains(&note.pitch)));
                prop_assert!(track != Track::Drums || class(note).is_some());
            }
            let mut places: Vec<(u32, u8)> = varied.iter().map(|note| (note.step, note.pitch)).collect();
            let count = places.len();
            places.sort_unstable();
            places.dedup();
            prop_assert!(dials.is_middle() || places.len() == count);
        }

        #[test]
        fn sparser_never_adds_and_denser_never_removes(
            (track, notes) in prop::sample::select(&Track::ALL[..])
                .prop_flat_map(|track| notes_of(track).prop_map(move |notes| (track, notes))),
        ) {
            let plan = plan(6, "4/4");
            let count = |density: i8| {
                let varied = vary(track, &notes, &plan, dials(density, 0, 0));
                let places: BTreeSet<(u32, u8)> = varied.iter().map(|note| (note.step, note.pitch)).collect();
                places.len()
            };
            let written = notes.iter().map(|note| (note.step, note.pitch)).collect::<BTreeSet<_>>().len();
            prop_assert!(count(-2) <= count(-1) && count(-1) <= written);
            prop_assert!(written <= count(1) && count(1) <= count(2));
        }
    }
}
