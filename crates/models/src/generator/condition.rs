//! The composer's condition vector: what it knows about the step of its next token.
//!
//! | indices | meaning |
//! |---|---|
//! | 0..12 | style weights |
//! | 12..17 | attributes |
//! | 17 | (swing ratio - 0.5) * 4 |
//! | 18 | (bpm - 60) / 120 |
//! | 19..26 | mode, one-hot |
//! | 26..30 | meter, one-hot: 4/4, 3/4, 6/8, other |
//! | 30 | bars / 16 |
//! | 31..47 | instrument family, one-hot |
//! | 47..71 | step in the bar, one-hot |
//! | 71..79 | bar modulo 8, one-hot |
//! | 79, 80 | last bar; step / total steps |
//! | 81..93 | chord root, one-hot |
//! | 93..105, 105..117 | pitch classes of the chord, and of the next half bar's |
//! | 117..129 | context onsets of this and the next three steps, low, mid, high each |
//! | 129..141 | context chroma, the strongest is 1 |
//! | 141..144 | lowest, highest context pitch / 128; context energy |
//! | 144..148 | which tracks are heard |
//! | 148..196 | the own track 1, 2 and 4 bars before, 16 values each |
//! | 196..248 | the figure that the composition leans to, of composers that are conditioned on it (`figure.rs`) |
//! | 248..299 | what follows the gap that is filled, of composers that are conditioned on it (`gap.rs`) |
//!
//! All pitch classes are relative to the tonic. Twin of `training/resonant/conditions.py`, checked against
//! `tests/golden/compose`.

use serde::{Deserialize, Serialize};

use super::tokens::relative_pitch;
use crate::context::{BAND_COUNT, Context};
use resonantgen_music::plan::{Mode, Plan};
use resonantgen_music::score::{DrumClass, Note};
use resonantgen_music::track::Track;
use resonantgen_words::{Attributes, STYLE_COUNT};

/// Length of the condition vector of all composers.
pub const CONDITION_LENGTH: usize = 196;
/// Values that follow for composers that are conditioned on grooves and roles.
pub const FIGURE_LENGTH: usize = 52;
/// Values that follow for composers that fill gaps in a part.
pub const GAP_LENGTH: usize = 51;
/// Lengths of the condition vectors that composers take.
pub const CONDITION_WIDTHS: [usize; 3] =
    [CONDITION_LENGTH, CONDITION_LENGTH + FIGURE_LENGTH, CONDITION_LENGTH + FIGURE_LENGTH + GAP_LENGTH];
/// Columns of style and attributes, which classifier-free guidance drops (see [`drop_intent`]).
const INTENT: std::ops::Range<usize> = 0..17;
const PLAN_END: usize = 117;
const CONTEXT_CHROMA: usize = 129;
const CONTEXT_TRACKS: usize = 144;
const LAG: usize = 148;
const LAG_BARS: [u32; 3] = [1, 2, 4];
pub(super) const LAG_WIDTH: usize = 16;

/// The instrument families of patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Family {
    KitAcoustic,
    KitElectronic,
    #[serde(rename = "kit_808")]
    Kit808,
    BassElectric,
    BassAcoustic,
    BassSynth,
    BassSub,
    Keys,
    Guitar,
    Pad,
    Strings,
    BrassWind,
    Pluck,
    Lead,
    Stab,
    Vox,
}

impl Family {
    /// All families, in the order of the condition vector.
    pub const ALL: [Self; 16] = [
        Self::KitAcoustic,
        Self::KitElectronic,
        Self::Kit808,
        Self::BassElectric,
        Self::BassAcoustic,
        Self::BassSynth,
        Self::BassSub,
        Self::Keys,
        Self::Guitar,
        Self::Pad,
        Self::Strings,
        Self::BrassWind,
        Self::Pluck,
        Self::Lead,
        Self::Stab,
        Self::Vox,
    ];

    /// Position in [`Family::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name used in patch records and training data.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KitAcoustic => "kit_acoustic",
            Self::KitElectronic => "kit_electronic",
            Self::Kit808 => "kit_808",
            Self::BassElectric => "bass_electric",
            Self::BassAcoustic => "bass_acoustic",
            Self::BassSynth => "bass_synth",
            Self::BassSub => "bass_sub",
            Self::Keys => "keys",
            Self::Guitar => "guitar",
            Self::Pad => "pad",
            Self::Strings => "strings",
            Self::BrassWind => "brass_wind",
            Self::Pluck => "pluck",
            Self::Lead => "lead",
            Self::Stab => "stab",
            Self::Vox => "vox",
        }
    }

    /// The family of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }
}

/// Sets style and attributes to zero: the unconditional vector of classifier-free guidance (Ho and Salimans 2022,
/// "Classifier-Free Diffusion Guidance", section 3).
pub fn drop_intent(vector: &mut [f32; CONDITION_LENGTH]) {
    vector[INTENT].fill(0.0);
}

/// Builds the condition vectors of one track's composition, step by step.
#[derive(Clone, Debug)]
pub struct ConditionBuilder {
    track: Track,
    tonic: u8,
    steps_per_bar: u32,
    /// Columns 0..148 of each step of the loop, which do not change while the track is composed.
    fixed: Vec<[f32; LAG]>,
    /// Lag features of each step of the track's own notes so far.
    own: Vec<[f32; LAG_WIDTH]>,
    consumed: usize,
}

impl ConditionBuilder {
    /// A builder for `track`, played by an instrument of `family`. `context` must not contain the track itself.
    #[must_use]
    pub fn new(
        plan: &Plan,
        styles: &[f32; STYLE_COUNT],
        attributes: &Attributes,
        track: Track,
        family: Family,
        context: &Context,
    ) -> Self {
        let total = plan.total_steps() as usize;
        let mut fixed = vec![[0.0; LAG]; total];
        for (step, row) in fixed.iter_mut().enumerate() {
            write_plan(plan, styles, attributes, family, step as u32, row);
            if !context.is_empty() {
                write_context(context, step, row);
            }
        }
        Self {
            track,
            tonic: plan.key.tonic,
            steps_per_bar: plan.meter.steps_per_bar(),
            fixed,
            own: vec![[0.0; LAG_WIDTH]; total],
            consumed: 0,
        }
    }

    /// Writes the vector of `step` (in the loop).
    ///
    /// `notes_so_far` are the track's notes as decoded from its tokens; the list may only grow from call to call (a
    /// roll may replace the last hit before the next call). Costs a copy and the notes that are new.
    ///
    /// # Panics
    /// Panics if `step` is outside the loop.
    pub fn vector(&mut self, step: u32, notes_so_far: &[Note], vector: &mut [f32; CONDITION_LENGTH]) {
        // A step's notes count once the step is over: no lag is shorter than a bar.
        while let Some(note) = notes_so_far.get(self.consumed).filter(|note| note.step < step) {
            if let Some(row) = self.own.get_mut(note.step as usize) {
                add_onset(self.track, self.tonic, note, row);
            }
            self.consumed += 1;
        }
        vector[..LAG].copy_from_slice(&self.fixed[step as usize]);
        for (index, bars) in LAG_BARS.into_iter().enumerate() {
            let columns = &mut vector[LAG + index * LAG_WIDTH..LAG + (index + 1) * LAG_WIDTH];
            match step.checked_sub(bars * self.steps_per_bar) {
                Some(past) => columns.copy_from_slice(&self.own[past as usize]),
                None => columns.fill(0.0),
            }
        }
    }
}

/// Adds a note of `track` to the lag features of its step: of drums the loudest velocity / 127 per class, otherwise the pitch classes
/// relative to the tonic, the highest and lowest relative pitch / 100, the longest length / 16, and the number of notes / 6.
pub(super) fn add_onset(track: Track, tonic: u8, note: &Note, row: &mut [f32; LAG_WIDTH]) {
    if track == Track::Drums {
        if let Some(class) = DrumClass::from_key(note.pitch) {
            row[class.index()] = row[class.index()].max(f32::from(note.velocity) / 127.0);
        }
        return;
    }
    let relative = relative_pitch(note.pitch, tonic);
    let height = f32::from(relative) / 100.0;
    let is_first = row[15] == 0.0;
    row[usize::from(relative % 12)] = 1.0;
    row[12] = row[12].max(height);
    row[13] = if is_first { height } else { row[13].min(height) };
    row[14] = row[14].max(note.length / 16.0);
    row[15] += 1.0 / 6.0;
}

fn write_plan(
    plan: &Plan,
    styles: &[f32; STYLE_COUNT],
    attributes: &Attributes,
    family: Family,
    step: u32,
    row: &mut [f32; LAG],
) {
    let steps_per_bar = plan.meter.steps_per_bar();
    let bar = step / steps_per_bar;
    row[..12].copy_from_slice(styles);
    row[12..17].copy_from_slice(&attributes.to_array());
    row[17] = ((plan.swing.ratio - 0.5) * 4.0) as f32;
    row[18] = ((plan.bpm - 60.0) / 120.0) as f32;
    let mode = Mode::ALL.into_iter().position(|mode| mode == plan.key.mode);
    row[19 + mode.expect("Mode::ALL holds every mode")] = 1.0;
    let meter = match (plan.meter.numerator(), plan.meter.denominator()) {
        (4, 4) => 0,
        (3, 4) => 1,
        (6, 8) => 2,
        _ => 3,
    };
    row[26 + meter] = 1.0;
    row[30] = plan.bars as f32 / 16.0;
    row[31 + family.index()] = 1.0;
    row[47 + (step % steps_per_bar).min(23) as usize] = 1.0;
    row[71 + (bar % 8) as usize] = 1.0;
    row[79] = f32::from(u8::from(bar + 1 == plan.bars));
    row[80] = step as f32 / plan.total_steps() as f32;
    let tonic = plan.key.tonic;
    let chord = plan.chord_at(step);
    row[81 + usize::from((chord.root + 12 - tonic) % 12)] = 1.0;
    for pitch_class in chord.pitch_classes() {
        row[93 + usize::from((pitch_class + 12 - tonic) % 12)] = 1.0;
    }
    for pitch_class in plan.chord_at(step + steps_per_bar / 2).pitch_classes() {
        row[105 + usize::from((pitch_class + 12 - tonic) % 12)] = 1.0;
    }
}

fn write_context(context: &Context, step: usize, row: &mut [f32; LAG]) {
    for ahead in 0..4 {
        let first = PLAN_END + BAND_COUNT * ahead;
        row[first..first + BAND_COUNT].copy_from_slice(&context.step(step + ahead).onsets);
    }
    let heard = context.step(step);
    let strongest = heard.chroma.iter().copied().fold(0.0_f32, f32::max);
    if strongest > 0.0 {
        for (column, weight) in row[CONTEXT_CHROMA..].iter_mut().zip(heard.chroma) {
            *column = weight / strongest;
        }
    }
    if let Some((low, high)) = heard.register {
        row[141] = f32::from(low) / 128.0;
        row[142] = f32::from(high) / 128.0;
    }
    row[143] = context.energy(step);
    for (column, present) in row[CONTEXT_TRACKS..].iter_mut().zip(context.present()) {
        *column = f32::from(u8::from(present));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::{golden, tokens};

    #[test]
    fn vectors_agree_with_the_goldens() {
        for file in golden::files() {
            let plan = file.piece.plan();
            for case in &file.cases {
                let heard: Vec<(Track, &[Note])> =
                    case.context.iter().map(|track| (*track, file.piece.tracks[track].as_slice())).collect();
                let context = Context::new(&plan, &heard);
                let family = Family::from_name(&case.family).expect("a known family");
                let mut builder = ConditionBuilder::new(
                    &plan,
                    &file.piece.styles(),
                    &file.piece.attributes,
                    case.track,
                    family,
                    &context,
                );
                let notes = &file.piece.tracks[&case.track];
                let sequence = tokens::encode(case.track, notes, plan.key.tonic, 0, plan.total_steps());
                let mut decoder = tokens::Decoder::new(case.track, plan.key.tonic, 0);
                let mut own = Vec::new();
                let mut rows = case.rows.iter().peekable();
                let mut vector = [0.0; CONDITION_LENGTH];
                for token in sequence {
                    decoder.push(token, &mut own);
                    if decoder.step() < plan.total_steps() {
                        builder.vector(decoder.step(), &own, &mut vector);
                    }
                    if case.drop_intent {
                        drop_intent(&mut vector);
                    }
                    if let Some(row) = rows.next_if(|row| row.step == decoder.step()) {
                        for (index, (ours, theirs)) in vector.iter().zip(&row.values).enumerate() {
                            assert!(
                                (ours - theirs).abs() < 1e-5,
                                "{} {} step {} column {index}: {ours} instead of {theirs}",
                                file.name,
                                case.track,
                                row.step
                            );
                        }
                    }
                }
                assert!(rows.next().is_none());
            }
        }
    }

    #[test]
    fn family_names_round_trip() {
        for family in Family::ALL {
            assert_eq!(Family::from_name(family.name()), Some(family));
            assert_eq!(serde_json::to_value(family).expect("plain"), family.name());
        }
    }

    #[test]
    fn families_are_those_of_the_golden_tables() {
        let tables = include_str!("../../../../tests/golden/tables/tables.json");
        let tables: serde_json::Value = serde_json::from_str(tables).expect("it is JSON");
        assert_eq!(tables["families"], serde_json::json!(Family::ALL.map(Family::name)));
    }
}
