//! What the editor shows of the session, prepared once per change.

use resonantgen_engine::intent::Intent;
use resonantgen_engine::plan::Plan;
use resonantgen_engine::score::{DRUM_CLASS_COUNT, DrumClass};
use resonantgen_engine::session::{Overrides, Session, SessionRequest};
use resonantgen_engine::take::{FULL_SCALE, GenerationSettings, Take};
use resonantgen_engine::track::{TRACK_COUNT, Track};

/// Columns of a waveform; more than any lane has pixels would be wasted.
const COLUMNS: usize = 1_600;

/// A note as a bar in a lane; all in `0.0..=1.0` of the lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoteBar {
    /// Start.
    pub start: f32,
    /// End.
    pub end: f32,
    /// 0 is the bottom.
    pub height: f32,
    /// Loudness.
    pub velocity: f32,
}

/// One track's lane.
#[derive(Clone, Debug, Default)]
pub struct LaneView {
    /// Largest magnitude per column, in `0.0..=1.0`; empty without a take.
    pub peaks: Vec<f32>,
    /// The score.
    pub notes: Vec<NoteBar>,
    /// Name of the patch.
    pub patch: String,
    /// Seed of the take.
    pub seed: u64,
}

/// The session as the editor draws it.
#[derive(Clone, Debug, Default)]
pub struct SessionView {
    /// What the tracks share.
    pub plan: Option<Plan>,
    /// The lanes (index as [`Track::ALL`]).
    pub lanes: [LaneView; TRACK_COUNT],
}

impl SessionView {
    /// Draws up the view of a session.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        Self {
            plan: session.plan.clone(),
            lanes: Track::ALL
                .map(|track| session.track(track).take().map(|take| LaneView::of(take)).unwrap_or_default()),
        }
    }
}

impl LaneView {
    fn of(take: &Take) -> Self {
        Self {
            peaks: peaks(take),
            notes: notes(take),
            patch: patch_name(&take.patch),
            seed: take.recipe.seed,
        }
    }
}

/// A patch's id as words, without the track it belongs to ("bass.techno_roll" becomes "techno roll").
fn patch_name(id: &str) -> String {
    id.split_once('.').map_or(id, |(_, name)| name).replace(['_', '-'], " ")
}

fn peaks(take: &Take) -> Vec<f32> {
    let audio = &take.audio;
    let length = audio.len();
    if length == 0 {
        return Vec::new();
    }
    let mut peaks: Vec<f32> = (0..COLUMNS)
        .map(|column| {
            let range = column * length / COLUMNS
                ..((column + 1) * length / COLUMNS).max(column * length / COLUMNS + 1);
            let range = range.start.min(length - 1)..range.end.min(length);
            let left = audio.left[range.clone()].iter();
            left.chain(&audio.right[range]).map(|sample| sample.unsigned_abs()).max().unwrap_or(0) as f32
                / FULL_SCALE
        })
        .collect();
    // Shapes are compared here, not levels: a quiet pad shall be seen too.
    let highest = peaks.iter().copied().fold(0.0, f32::max);
    if highest > 0.0 {
        peaks.iter_mut().for_each(|peak| *peak /= highest);
    }
    peaks
}

fn notes(take: &Take) -> Vec<NoteBar> {
    let plan = &take.recipe.plan;
    let steps = f64::from(plan.total_steps().max(1));
    let pitches = take.score.notes.iter().map(|note| note.pitch);
    let (low, high) = (pitches.clone().min().unwrap_or(0), pitches.max().unwrap_or(1));
    // At least an octave, so that a single note sits in the middle.
    let span = f32::from((high - low).max(12));
    let floor = f32::from(low) - (span - f32::from(high - low)) / 2.0;
    take.score
        .notes
        .iter()
        .map(|note| {
            let start = f64::from(note.step) + f64::from(note.offset);
            let (height, length) = if take.recipe.track == Track::Drums {
                let class = DrumClass::from_key(note.pitch).map_or(0, DrumClass::index);
                (class as f32 / (DRUM_CLASS_COUNT - 1) as f32, 0.7)
            } else {
                ((f32::from(note.pitch) - floor) / span, note.length)
            };
            NoteBar {
                start: (plan.swing.warp(start) / steps) as f32,
                end: ((plan.swing.warp(start + f64::from(length)) / steps) as f32).min(1.0),
                height,
                velocity: f32::from(note.velocity) / 127.0,
            }
        })
        .collect()
}

/// What a prompt would be understood as: pairs of label and value, and the words that nothing was made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Understood {
    /// Label and value.
    pub facts: Vec<(&'static str, String)>,
    /// Unknown words.
    pub unknown: Vec<String>,
    /// Why the prompt cannot be used.
    pub error: Option<String>,
}

impl Understood {
    /// What the session was made of, when the prompt is still the one it was made from; else what generating would
    /// make of the prompt, without the facts that are left to chance.
    #[must_use]
    pub fn of(prompt: &str, bpm: Option<f64>, bars: Option<u32>, session: &Session) -> Self {
        if let (true, Some(intent), Some(plan)) = (prompt == session.prompt, &session.intent, &session.plan) {
            let mut facts = words(intent);
            facts.push(("tempo", tempo(plan.bpm)));
            facts.push(("key", plan.key.to_string()));
            facts.push(("", format!("{} bars of {}", plan.bars, plan.meter)));
            return Self { facts, unknown: intent.unknown.clone(), error: None };
        }
        let request = SessionRequest {
            prompt: prompt.to_owned(),
            overrides: Overrides { bpm, bars, ..Overrides::default() },
            seed: session.seed.wrapping_add(1),
            tracks: Track::ALL.to_vec(),
            settings: GenerationSettings::default(),
        };
        let (intent, plan) = match session.prepare(&request) {
            Ok(prepared) => prepared,
            Err(error) => return Self { error: Some(error.to_string()), ..Self::default() },
        };
        let mut facts = words(&intent);
        if bpm.is_some() {
            facts.push(("host", tempo(plan.bpm)));
        } else if intent.bpm.is_some() {
            facts.push(("tempo", tempo(plan.bpm)));
        }
        if intent.key.is_some() {
            facts.push(("key", plan.key.to_string()));
        }
        facts.push(("", format!("{} bars of {}", plan.bars, plan.meter)));
        Self { facts, unknown: intent.unknown, error: None }
    }
}

fn tempo(bpm: f64) -> String {
    format!("{} bpm", Trimmed(bpm))
}

/// Style, mood and what is left out.
fn words(intent: &Intent) -> Vec<(&'static str, String)> {
    let mut facts = vec![("style", intent.main_style().name().to_owned())];
    if !intent.moods.is_empty() {
        facts.push(("mood", intent.moods.join(", ")));
    }
    let absent: Vec<&str> =
        Track::ALL.into_iter().filter(|track| intent.track(*track).absent).map(Track::name).collect();
    if !absent.is_empty() {
        facts.push(("without", absent.join(", ")));
    }
    facts
}

/// A number without needless zeros.
pub struct Trimmed(pub f64);

impl std::fmt::Display for Trimmed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{:.2}", self.0);
        formatter.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}
