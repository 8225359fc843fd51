//! Biases a new part towards what it hears: a bass to the bass drum, a bass drum to the bass, a melody to the sounding chords.
//!
//! The bias is added to the logits before the harmony rules mask them. A composer hears the other tracks in its conditions; the
//! bias strengthens this, because the composer was trained on fewer pieces than it would need to follow closely.

use super::TakeRequest;
use super::arrange::{by_style, heard_notes};
use super::tokens::{DURATIONS, DV0, Grammar, HIT0, LEVELS, PITCH0, STEP};
use resonantgen_music::harmony::beat_steps;
use resonantgen_music::score::DrumClass;
use resonantgen_music::track::Track;
use resonantgen_sound::measure::fit;
use resonantgen_words::STYLE_COUNT;

/// How strongly bass and bass drum are biased to each other (index as [`Style::ALL`]): less if the bass also plays between the
/// kicks, not at all if it walks. The composer follows the kick by itself; with three times this bias every bass over one beat
/// has the same rhythm, and rolling basses play only on the beats.
///
/// [`Style::ALL`]: resonantgen_words::Style::ALL
const LEAN: [f32; STYLE_COUNT] = [0.06, 0.06, 0.1, 0.2, 0.1, 0.06, 0.08, 0.1, 0.0, 0.04, 0.06, 0.1];
/// A bass that leans less than this walks.
const LEAST_LEAN: f32 = 0.02;
/// Logit bias of passing a step with, and without, a kick, at full strength.
const LEAN_WITH_KICK: f32 = -3.0;
const LEAN_WITHOUT_KICK: f32 = 2.0;
/// Logit bias of a note length that ends with the next kick, and of one that goes beyond it, at full strength. Most bass notes
/// end where the next begins, so choosing a length chooses the next onset, up to a bar before the composer can hear the kick
/// there (its conditions show three steps ahead).
const LEAN_UNTIL_KICK: f32 = 4.5;
const LEAN_BEYOND_KICK: f32 = -2.7;
/// Lengths in steps that lead from one onset to another; shorter ones are detached.
const LEADING: f32 = 2.0;
/// Logit bias of a kick where a heard bass has an onset, and where it has none, at full strength.
const LEAN_WITH_BASS: f32 = 2.0;
const LEAN_WITHOUT_BASS: f32 = -1.0;
/// Logit bias of a melody's pitch on a beat that is not among the chords' sounding notes and is a semitone from one; halved
/// between the beats, for passing notes. The overall probability of a note does not change.
const LEAN_FOREIGN: f32 = -1.2;
const LEAN_CLASHING: f32 = -2.2;

/// What a part is biased towards.
pub(super) enum Lean {
    /// A bass to the bass drum.
    Kick {
        amount: f32,
        /// Whether there is a kick, per step of the plan.
        kicks: Vec<bool>,
    },
    /// A bass drum to the bass.
    Bass {
        amount: f32,
        /// Whether the bass has an onset, per step of the plan.
        onsets: Vec<bool>,
    },
    /// A melody to the chords.
    Chords {
        /// Sounding pitch classes relative to the tonic, as bits, per step of the plan.
        sounding: Vec<u16>,
        steps_per_beat: usize,
    },
}

/// The steps of a heard bass drum that a bass follows: one that plays between the beats, in a style whose bass follows it at all.
/// Under a kick on every beat all basses fit alike.
pub(super) fn followed_kicks(request: &TakeRequest<'_>) -> Option<Vec<bool>> {
    let plan = request.plan;
    if request.track != Track::Bass || by_style(&request.intent.styles, |style| LEAN[style]) <= LEAST_LEAN {
        return None;
    }
    let kicks = fit::kick_row(heard_notes(request, Track::Drums)?, plan.total_steps());
    let (bar, beat) = (plan.meter.steps_per_bar() as usize, beat_steps(plan.meter) as usize);
    let between = (0..kicks.len()).filter(|step| kicks[*step] && !(step % bar).is_multiple_of(beat)).count();
    (2 * between >= plan.bars as usize).then_some(kicks)
}

impl Lean {
    /// The bias for a request; `None` if there is nothing to follow.
    pub(super) fn new(request: &TakeRequest<'_>) -> Option<Self> {
        let plan = request.plan;
        let amount = by_style(&request.intent.styles, |style| LEAN[style]);
        match request.track {
            Track::Drums => {
                let bass = heard_notes(request, Track::Bass).filter(|_| amount > 0.0)?;
                Some(Self::Bass { amount, onsets: fit::onset_row(bass, plan.total_steps()) })
            }
            Track::Bass => {
                let drums = heard_notes(request, Track::Drums).filter(|_| amount > 0.0)?;
                let kicks = fit::kick_row(drums, plan.total_steps());
                kicks.contains(&true).then_some(Self::Kick { amount, kicks })
            }
            Track::Melody => {
                let harmony = heard_notes(request, Track::Harmony)?;
                let steps_per_beat = beat_steps(plan.meter) as usize;
                Some(Self::Chords { sounding: fit::sounding(plan, harmony), steps_per_beat })
            }
            Track::Harmony => None,
        }
    }

    /// Adds the bias to the logits of the next token at `step`; `grammar` must have been fed every token so far.
    pub(super) fn apply(&self, grammar: &Grammar, step: u32, logits: &mut [f32]) {
        match self {
            Self::Kick { amount, kicks } => to_kick(*amount, kicks, grammar, step as usize, logits),
            Self::Bass { amount, onsets } => {
                let with_bass = onsets[step as usize % onsets.len()];
                let change = if with_bass { LEAN_WITH_BASS } else { LEAN_WITHOUT_BASS };
                let first = usize::from(HIT0) + DrumClass::Kick.index() * usize::from(LEVELS);
                for logit in &mut logits[first..first + usize::from(LEVELS)] {
                    *logit += amount * change;
                }
            }
            Self::Chords { sounding, steps_per_beat } => {
                let step = step as usize % sounding.len();
                if grammar.open_pitches() == 0 && sounding[step] != 0 {
                    let amount = if step.is_multiple_of(*steps_per_beat) { 1.0 } else { 0.5 };
                    to_chord(amount, sounding[step], &mut logits[usize::from(PITCH0)..usize::from(DV0)]);
                }
            }
        }
    }
}

fn to_kick(amount: f32, kicks: &[bool], grammar: &Grammar, step: usize, logits: &mut [f32]) {
    let count = kicks.len();
    if grammar.open_pitches() != 0 {
        let Some(gap) = (1..=count).find(|steps| kicks[(step + steps) % count]) else { return };
        for (class, length) in DURATIONS.into_iter().enumerate() {
            let change = if (length - gap as f32).abs() < 0.5 {
                LEAN_UNTIL_KICK
            } else if length > gap as f32 && length >= LEADING {
                LEAN_BEYOND_KICK
            } else {
                0.0
            };
            let first = usize::from(DV0) + class * usize::from(LEVELS);
            for logit in &mut logits[first..first + usize::from(LEVELS)] {
                *logit += amount * change;
            }
        }
    } else if grammar.used_pitches() == 0 {
        let change = if kicks[step % count] { LEAN_WITH_KICK } else { LEAN_WITHOUT_KICK };
        logits[usize::from(STEP)] += amount * change;
    }
}

/// `pitches` are the logits of the pitch tokens; the first is a tonic.
fn to_chord(amount: f32, sounding: u16, pitches: &mut [f32]) {
    let sounds = |class: usize| sounding & 1 << (class % 12) != 0;
    let before = log_sum(pitches);
    for (relative, logit) in pitches.iter_mut().enumerate() {
        if !sounds(relative) {
            let clashes = sounds(relative + 1) || sounds(relative + 11);
            *logit += amount * if clashes { LEAN_CLASHING } else { LEAN_FOREIGN };
        }
    }
    let lost = before - log_sum(pitches);
    for logit in pitches {
        *logit += lost;
    }
}

/// Logarithm of the sum of exponentials.
fn log_sum(logits: &[f32]) -> f32 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    most + logits.iter().map(|logit| (logit - most).exp()).sum::<f32>().ln()
}

#[cfg(test)]
mod tests {
    use super::super::tokens::{BOS, vocabulary};
    use super::*;

    #[test]
    fn a_bass_leans_to_the_next_kick() {
        let kicks = (0..32).map(|step| [0, 6, 10].contains(&(step % 16))).collect();
        let lean = Lean::Kick { amount: 1.0, kicks };
        let mut grammar = Grammar::new(Track::Bass);
        grammar.feed(BOS);
        let changes = |grammar: &Grammar, step: u32| {
            let mut logits = vec![0.0; vocabulary(Track::Bass)];
            lean.apply(grammar, step, &mut logits);
            logits
        };
        assert!(
            changes(&grammar, 22)[usize::from(STEP)] < 0.0 && changes(&grammar, 23)[usize::from(STEP)] > 0.0
        );
        grammar.feed(PITCH0 + 20);
        let length_of_best = |step: u32| {
            let logits = changes(&grammar, step);
            let best = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).expect("logits");
            DURATIONS[(best - usize::from(DV0)) / usize::from(LEVELS)]
        };
        assert_eq!([0, 6, 26].map(length_of_best), [6.0, 4.0, 6.0]);
        // A length beyond the kick is worse than a short note.
        let logits = changes(&grammar, 0);
        assert!(logits[usize::from(DV0) + 12 * 4] < logits[usize::from(DV0) + 4]);
    }

    #[test]
    fn a_bass_drum_leans_to_the_bass() {
        let lean = Lean::Bass { amount: 1.0, onsets: vec![true, false, false, true] };
        let mut grammar = Grammar::new(Track::Drums);
        grammar.feed(BOS);
        let kick = |step: u32| {
            let mut logits = vec![0.0; vocabulary(Track::Drums)];
            lean.apply(&grammar, step, &mut logits);
            let first = usize::from(HIT0) + DrumClass::Kick.index() * usize::from(LEVELS);
            assert_eq!(logits[first + usize::from(LEVELS)], 0.0);
            logits[first]
        };
        assert!([0, 3, 4].into_iter().all(|step| kick(step) > 0.0) && kick(1) < 0.0);
    }

    #[test]
    fn a_melody_leans_to_what_sounds_and_is_as_dense_as_before() {
        // A minor triad on the tonic.
        let lean = Lean::Chords { sounding: vec![1 | 1 << 3 | 1 << 7; 16], steps_per_beat: 4 };
        let mut grammar = Grammar::new(Track::Melody);
        grammar.feed(BOS);
        let mut logits = vec![0.0; vocabulary(Track::Melody)];
        lean.apply(&grammar, 0, &mut logits);
        let pitch = |relative: usize| logits[usize::from(PITCH0) + relative];
        assert!(pitch(60) > pitch(65) && pitch(65) > pitch(61), "{} {} {}", pitch(60), pitch(65), pitch(61));
        let all = log_sum(&logits[usize::from(PITCH0)..usize::from(DV0)]);
        assert!((all - 100f32.ln()).abs() < 1e-3 && logits[usize::from(STEP)] == 0.0);
        // Without sounding notes there is no bias.
        let silent = Lean::Chords { sounding: vec![0; 16], steps_per_beat: 4 };
        let mut logits = vec![0.0; vocabulary(Track::Melody)];
        silent.apply(&grammar, 3, &mut logits);
        assert!(logits.iter().all(|logit| *logit == 0.0));
    }
}
