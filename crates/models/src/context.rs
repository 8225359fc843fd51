//! The context: what a composer hears of the other tracks, per step of the loop.
//!
//! For generated takes the context comes from the score, exactly as in training. Imported takes are analysed
//! ([`resonantgen_sound::listen`]) in the same bands, weights and units.

use crate::generator::composed;
use resonantgen_music::plan::Plan;
use resonantgen_music::score::{DrumClass, Note};
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_sound::listen::{HeardStep, hear};
use resonantgen_take::{StemAudio, Take};

/// Frequency bands of the context's onsets: low, mid, high.
pub const BAND_COUNT: usize = 3;
/// Band of each drum class's hits (index as [`DrumClass::ALL`]).
const DRUM_BAND: [usize; 12] = [0, 1, 1, 1, 2, 2, 1, 1, 2, 2, 1, 1];
/// Strength of each drum class's hits at full velocity.
const DRUM_WEIGHT: [f32; 12] = [1.0, 0.9, 0.9, 0.4, 0.6, 0.7, 0.9, 0.9, 1.0, 0.7, 0.4, 0.4];
/// Strength of a tonal note's onset at full velocity.
const TONAL_WEIGHT: f32 = 0.8;
/// Velocity assigned to a detected pitch of full strength.
const HEARD_VELOCITY: f32 = 0.75;
/// Detected pitches weaker than this do not count towards the register.
const REGISTER_STRENGTH: f32 = 0.35;
/// Onsets of tonal notes below this MIDI pitch are in the low band, others in the mid band.
const LOW_BAND_CEILING: u8 = 48;

/// The context of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ContextStep {
    /// Onset strength per band, each in `0.0..=1.0`.
    pub onsets: [f32; BAND_COUNT],
    /// Weight of each pitch class relative to the tonic among the sounding notes, not normalised.
    pub chroma: [f32; 12],
    /// Lowest and highest sounding MIDI pitch; `None` when no tonal note sounds.
    pub register: Option<(u8, u8)>,
}

impl ContextStep {
    /// Widens the register to `pitch`.
    fn hold(&mut self, pitch: u8) {
        let (low, high) = self.register.unwrap_or((pitch, pitch));
        self.register = Some((low.min(pitch), high.max(pitch)));
    }
}

/// The context of a loop: what is heard of the other tracks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    steps: Vec<ContextStep>,
    present: [bool; TRACK_COUNT],
}

impl Context {
    /// The context of the given tracks' notes in the loop of `plan`.
    #[must_use]
    pub fn new(plan: &Plan, tracks: &[(Track, &[Note])]) -> Self {
        let mut context = Self::silent(plan);
        for (track, notes) in tracks {
            context.add_notes(*track, notes, plan.key.tonic);
        }
        context.limited()
    }

    /// The context of other tracks' takes, generated or imported; empty takes are not heard.
    #[must_use]
    pub fn of_takes<'a>(plan: &Plan, takes: impl IntoIterator<Item = &'a Take>) -> Self {
        let mut context = Self::silent(plan);
        for take in takes {
            let track = take.recipe.track;
            if take.recipe.imported.is_some() {
                let steps = hear(track, &take.audio, &take.recipe.plan);
                context.add_heard(track, &steps, plan.key.tonic);
            } else if !take.score.notes.is_empty() {
                context.add_notes(track, &composed(take), plan.key.tonic);
            }
        }
        context.limited()
    }

    /// The context of one track's audio, analysed as if it were imported.
    #[must_use]
    pub fn of_audio(plan: &Plan, track: Track, audio: &StemAudio) -> Self {
        let mut context = Self::silent(plan);
        context.add_heard(track, &hear(track, audio, plan), plan.key.tonic);
        context.limited()
    }

    fn silent(plan: &Plan) -> Self {
        let total = plan.total_steps() as usize;
        Self { steps: vec![ContextStep::default(); total], present: [false; TRACK_COUNT] }
    }

    fn limited(mut self) -> Self {
        for onset in self.steps.iter_mut().flat_map(|step| &mut step.onsets) {
            *onset = onset.min(1.0);
        }
        self
    }

    fn add_heard(&mut self, track: Track, heard: &[HeardStep], tonic: u8) {
        self.present[track.index()] = true;
        for (step, heard) in self.steps.iter_mut().zip(heard) {
            for (onset, heard) in step.onsets.iter_mut().zip(heard.onsets) {
                *onset += heard;
            }
            for (pitch, strength) in &heard.pitches {
                step.chroma[usize::from((pitch + 12 - tonic) % 12)] += HEARD_VELOCITY * strength;
                if *strength >= REGISTER_STRENGTH {
                    step.hold(*pitch);
                }
            }
        }
    }

    fn add_notes(&mut self, track: Track, notes: &[Note], tonic: u8) {
        self.present[track.index()] = true;
        for note in notes {
            self.add(track, note, tonic);
        }
    }

    fn add(&mut self, track: Track, note: &Note, tonic: u8) {
        let total = self.steps.len();
        let start = note.step as usize % total;
        let velocity = f32::from(note.velocity) / 127.0;
        if track == Track::Drums {
            if let Some(class) = DrumClass::from_key(note.pitch) {
                self.steps[start].onsets[DRUM_BAND[class.index()]] += DRUM_WEIGHT[class.index()] * velocity;
            }
            return;
        }
        let band = usize::from(note.pitch >= LOW_BAND_CEILING);
        self.steps[start].onsets[band] += TONAL_WEIGHT * velocity;
        let span = (note.length.ceil() as usize).max(1).min(total);
        for index in start..start + span {
            let step = &mut self.steps[index % total];
            step.chroma[usize::from((note.pitch + 12 - tonic) % 12)] += velocity;
            step.hold(note.pitch);
        }
    }

    /// Whether no track is heard.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.present == [false; TRACK_COUNT]
    }

    /// Which tracks are heard (index as [`Track::ALL`]).
    #[must_use]
    pub const fn present(&self) -> [bool; TRACK_COUNT] {
        self.present
    }

    /// The context at `step`, wrapping at the loop's end.
    #[must_use]
    pub fn step(&self, step: usize) -> &ContextStep {
        &self.steps[step % self.steps.len()]
    }

    /// Activity in the quarter note around `step`, in `0.0..=1.0`.
    #[must_use]
    pub fn energy(&self, step: usize) -> f32 {
        let quarter = step % self.steps.len() / 4 * 4;
        let load: f32 = (quarter..quarter + 4).map(|step| self.step(step).onsets.iter().sum::<f32>()).sum();
        (load / 6.0).min(1.0)
    }
}
