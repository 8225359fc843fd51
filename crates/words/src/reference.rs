//! A part whose groove and register a new one follows, without its notes.

use resonantgen_music::plan::{Meter, Plan};
use resonantgen_music::score::{DrumClass, Note};
use resonantgen_music::track::Track;

use crate::genre::{Length, Pattern};

/// Bars of a pattern, where the part has an even number of them.
const PERIOD: u32 = 2;
/// Share of a pattern's repetitions from which a step is certain, and from which it is likely; below the last, it is silent.
const CERTAIN: f32 = 0.75;
const LIKELY: f32 = 0.4;
const SILENT: f32 = 0.12;
/// Velocity above the part's mean, as a factor, that is an accent.
const ACCENT: f32 = 1.15;
/// Share of the notes that are ignored at either end of the register.
const RARE: f32 = 0.05;
/// Shares of the time to the next onset below which notes are short, and above which they are long.
const SHORT: f32 = 0.45;
const LONG: f32 = 0.9;

/// A part as a model for others: where it plays, how long its notes are, how many sound at once, and between which pitches. It holds
/// no melody and no chords.
///
/// ```
/// use resonantgen_music::score::Note;
/// use resonantgen_music::track::Track;
/// use resonantgen_words::{Overrides, Reference, make_plan, parse};
///
/// let plan = make_plan(&parse("techno, 4 bars")?, &Overrides::default(), 1)?;
/// let note = |step| Note { step, offset: 0.0, length: 2.0, pitch: 36 + (step % 5) as u8, velocity: 100 };
/// let notes: Vec<Note> = (0..16).map(|beat| note(4 * beat + 2)).collect();
/// let reference = Reference::of(Track::Bass, &plan, &notes).expect("it has notes");
/// assert_eq!(reference.patterns[0].1, "..x...x...x...x.|..x...x...x...x.");
/// assert_eq!(reference.register, Some((36, 40)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// Meter of the patterns.
    pub meter: Meter,
    /// By voice: the signs of its steps as in the table of grooves, bars separated by `|`. The voices of drums have the names of
    /// [`DrumClass`]; parts with pitches have one voice, which has no name.
    pub patterns: Vec<(String, String)>,
    /// Lowest and highest MIDI pitch, but for the rarest; `None` for drums.
    pub register: Option<(u8, u8)>,
    /// How long the notes are.
    pub length: Length,
    /// Fewest and most notes that start together; `None` for drums.
    pub voices: Option<(u32, u32)>,
}

impl Reference {
    /// The reference that a part is; `None` if it has no notes.
    #[must_use]
    pub fn of(track: Track, plan: &Plan, notes: &[Note]) -> Option<Self> {
        let total = plan.total_steps();
        let notes: Vec<Note> = notes.iter().filter(|note| note.step < total).copied().collect();
        if notes.is_empty() {
            return None;
        }
        let pattern = |notes: &[Note]| pattern(plan, notes);
        if track == Track::Drums {
            let voices = DrumClass::ALL.into_iter().filter_map(|class| {
                let own: Vec<Note> = notes
                    .iter()
                    .filter(|note| DrumClass::from_key(note.pitch) == Some(class))
                    .copied()
                    .collect();
                (!own.is_empty()).then(|| (class.name().to_owned(), pattern(&own)))
            });
            let patterns = voices.collect();
            return Some(Self {
                meter: plan.meter,
                patterns,
                register: None,
                length: Length::Free,
                voices: None,
            });
        }
        let mut pitches: Vec<u8> = notes.iter().map(|note| note.pitch).collect();
        pitches.sort_unstable();
        let rare = (pitches.len() as f32 * RARE) as usize;
        let mut onsets: Vec<u32> = notes.iter().map(|note| note.step).collect();
        onsets.sort_unstable();
        let counts: Vec<u32> =
            onsets.chunk_by(|one, other| one == other).map(|chord| chord.len() as u32).collect();
        onsets.dedup();
        let mut shares: Vec<f32> = notes
            .iter()
            .map(|note| {
                let next =
                    onsets.iter().copied().find(|onset| *onset > note.step).unwrap_or(onsets[0] + total);
                note.length / (next - note.step) as f32
            })
            .collect();
        shares.sort_unstable_by(f32::total_cmp);
        let length = match shares[shares.len() / 2] {
            share if share < SHORT => Length::Short,
            share if share > LONG => Length::Long,
            _ => Length::Free,
        };
        Some(Self {
            meter: plan.meter,
            patterns: vec![(String::new(), pattern(&notes))],
            register: Some((pitches[rare], pitches[pitches.len() - 1 - rare])),
            length,
            voices: counts.iter().min().copied().zip(counts.iter().max().copied()),
        })
    }

    /// The pattern of a voice; `None` if the part does not have it, or in another meter than that of the reference.
    #[must_use]
    pub fn pattern(&self, voice: &str, meter: Meter) -> Option<Pattern> {
        let (_, signs) = self.patterns.iter().find(|(name, _)| name == voice)?;
        Pattern::read(signs, meter).filter(|_| meter == self.meter)
    }
}

/// The signs of a part's steps.
fn pattern(plan: &Plan, notes: &[Note]) -> String {
    let bar = plan.meter.steps_per_bar();
    let period = if plan.bars.is_multiple_of(PERIOD) { PERIOD } else { 1 };
    let times = (plan.bars / period) as f32;
    let mean = notes.iter().map(|note| f32::from(note.velocity)).sum::<f32>() / notes.len() as f32;
    let sign = |step: u32| {
        let here = notes.iter().filter(|note| note.step % (period * bar) == step);
        let mut starts: Vec<u32> = here.clone().map(|note| note.step).collect();
        starts.dedup();
        let share = starts.len() as f32 / times;
        let loudest = here.map(|note| note.velocity).max().map_or(0.0, f32::from);
        match share {
            share if share >= CERTAIN && loudest > ACCENT * mean => 'X',
            share if share >= CERTAIN => 'x',
            share if share >= LIKELY => 'o',
            share if share < SILENT => '.',
            _ => '?',
        }
    };
    let bars = (0..period).map(|index| (index * bar..(index + 1) * bar).map(sign).collect::<String>());
    bars.collect::<Vec<_>>().join("|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genre::Mark;
    use crate::{Overrides, make_plan, parse};

    fn plan(bars: u32) -> Plan {
        let intent = parse("house").expect("readable");
        make_plan(&intent, &Overrides { bars: Some(bars), ..Overrides::default() }, 1).expect("a plan")
    }

    fn note(step: u32, length: f32, pitch: u8, velocity: u8) -> Note {
        Note { step, offset: 0.0, length, pitch, velocity }
    }

    #[test]
    fn what_returns_is_certain_and_what_does_not_is_left_open() {
        let plan = plan(8);
        let mut notes: Vec<Note> =
            (0..8).map(|bar| note(16 * bar, 8.0, 60, if bar % 2 == 0 { 120 } else { 80 })).collect();
        notes.extend([note(24, 2.0, 64, 80), note(24 + 32, 2.0, 65, 80), note(12, 1.0, 90, 80)]);
        notes.sort_by_key(|note| note.step);
        let reference = Reference::of(Track::Melody, &plan, &notes).expect("it has notes");
        assert_eq!(reference.patterns, [(String::new(), "X...........?...|x.......o.......".to_owned())]);
        assert_eq!((reference.register, reference.voices), (Some((60, 90)), Some((1, 1))));
        let pattern = reference.pattern("", plan.meter).expect("its own meter");
        assert_eq!(
            [0, 1, 24, 32].map(|step| pattern.at(step)),
            [Mark::Accent, Mark::Rest, Mark::Likely, Mark::Accent]
        );
        let waltz = "3/4".parse().expect("a meter");
        assert!(reference.pattern("", waltz).is_none() && reference.pattern("kick", plan.meter).is_none());
    }

    #[test]
    fn drums_have_their_voices_and_chords_their_notes() {
        let plan = plan(4);
        let hits: Vec<Note> = (0..16).map(|beat| note(4 * beat, 1.0, DrumClass::Kick.key(), 100)).collect();
        let drums = Reference::of(Track::Drums, &plan, &hits).expect("it has notes");
        assert_eq!(drums.patterns, [("kick".to_owned(), ["x...x...x...x..."; 2].join("|"))]);
        assert_eq!((drums.register, drums.voices), (None, None));
        let chords: Vec<Note> = (0..4)
            .flat_map(|bar| [57, 60, 64].map(|pitch| note(16 * bar, 16.0, pitch, 90)))
            .chain([note(8, 0.5, 72, 90)])
            .collect();
        let harmony = Reference::of(Track::Harmony, &plan, &chords).expect("it has notes");
        assert_eq!((harmony.voices, harmony.length), (Some((1, 3)), Length::Long));
        assert!(Reference::of(Track::Harmony, &plan, &[]).is_none());
    }
}
