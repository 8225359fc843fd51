//! The editor's view of the session, prepared once per change.

use resonantgen_music::plan::{Key, Plan};
use resonantgen_music::score::{DrumClass, Note};
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_session::Session;
use resonantgen_take::maker::Candidate;
use resonantgen_take::{FULL_SCALE, Take, TakeId};

use super::song_strip::SongView;

/// Columns of a waveform: enough for a large window that shows a small part of the loop.
const COLUMNS: usize = 12_800;
/// Maximum number of recent prompts.
const MOST_PROMPTS: usize = 12;

/// A note as a bar in a lane; all in `0.0..=1.0` of the lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoteBar {
    /// Start.
    pub start: f32,
    /// End.
    pub end: f32,
    /// Middle of its row; 0 is the bottom.
    pub height: f32,
    /// Loudness.
    pub velocity: f32,
}

/// A named row of the piano roll or the drum grid.
#[derive(Clone, Debug, PartialEq)]
pub struct GridRow {
    /// Middle; 0 is the bottom.
    pub height: f32,
    /// Its name.
    pub name: String,
}

/// One take of a track's history.
#[derive(Clone, Debug, PartialEq)]
pub struct TakeMark {
    /// Number by which automation chooses it.
    pub number: Option<u32>,
    /// Seed.
    pub seed: u64,
    /// Its prompt.
    pub prompt: String,
    /// Seconds its generation took.
    pub seconds: f64,
    /// Whether it is kept for ever.
    pub favourite: bool,
    /// Faults that a listener would notice, in words.
    pub complaints: Vec<String>,
}

/// A score that was written for the playing take.
#[derive(Clone, Debug, PartialEq)]
pub struct CandidateView {
    /// Its number, by which it is taken.
    pub number: u32,
    /// Id of the take that it becomes.
    pub id: TakeId,
    /// The score.
    pub notes: Vec<NoteBar>,
    /// Height of a row as a share of the picture.
    pub row_height: f32,
    /// Whether the track's take was made of it.
    pub is_playing: bool,
}

/// One track's lane.
#[derive(Clone, Debug, Default)]
pub struct LaneView {
    /// Id of the playing take.
    pub id: String,
    /// Largest magnitude per column, in `0.0..=1.0`; empty without a take.
    pub peaks: Vec<f32>,
    /// The score.
    pub notes: Vec<NoteBar>,
    /// Named rows of the score.
    pub rows: Vec<GridRow>,
    /// Height of a row as a share of the lane.
    pub row_height: f32,
    /// Pitch of the lowest row, where rows are pitches.
    pub lowest: Option<u8>,
    /// Name of the patch.
    pub patch: String,
    /// Its id.
    pub patch_id: String,
    /// Whether new takes keep it.
    pub is_sound_held: bool,
    /// The history, oldest first.
    pub takes: Vec<TakeMark>,
    /// Index of the playing take.
    pub current: Option<usize>,
    /// Whether there is an older, and a newer, take that fits the other tracks.
    pub steps: [bool; 2],
    /// Whether another take was heard before this one.
    pub can_compare: bool,
    /// What the playing take was chosen from, the best first; empty if there was no choice.
    pub candidates: Vec<CandidateView>,
}

impl LaneView {
    /// The playing take.
    #[must_use]
    pub fn mark(&self) -> Option<&TakeMark> {
        self.takes.get(self.current?)
    }
}

/// The session as the editor draws it.
#[derive(Clone, Debug, Default)]
pub struct SessionView {
    /// The shared plan.
    pub plan: Option<Plan>,
    /// The lanes (index as [`Track::ALL`]).
    pub lanes: [LaneView; TRACK_COUNT],
    /// Seed of the last generation.
    pub seed: u64,
    /// Recent prompts, latest first.
    pub prompts: Vec<String>,
    /// Whether something can be undone.
    pub can_undo: bool,
    /// Whether something can be redone.
    pub can_redo: bool,
    /// The song's sections and their order.
    pub song: SongView,
}

impl SessionView {
    /// Builds the view of a session; lanes whose take is already shown in `before` are reused.
    #[must_use]
    pub fn of(session: &Session, before: Option<&Self>) -> Self {
        let lanes = Track::ALL.map(|track| {
            let known = before.map(|view| &view.lanes[track.index()]);
            let state = session.track(track);
            let mut lane = state.take().map(|take| LaneView::of(take, known)).unwrap_or_default();
            lane.takes = (0..state.history.len()).map(|index| mark(session, track, index)).collect();
            lane.current = state.current;
            lane.steps = [-1, 1].map(|by| session.stepped(track, by).is_some());
            let other = state.heard_before.as_ref().and_then(|id| state.position(id));
            lane.is_sound_held = state.held_sound.is_some();
            lane.can_compare = other.is_some() && other != state.current;
            lane.candidates = candidates(session, track, lane.candidates);
            lane
        });
        Self {
            plan: session.plan.clone(),
            lanes,
            seed: session.seed,
            prompts: prompts(session),
            can_undo: session.can_undo(),
            can_redo: session.can_redo(),
            song: SongView::of(session),
        }
    }
}

fn mark(session: &Session, track: Track, index: usize) -> TakeMark {
    let state = session.track(track);
    let take = &state.history[index];
    let timings = take.timings;
    TakeMark {
        number: state.number(&take.id),
        seed: take.recipe.seed,
        prompt: take.recipe.prompt.clone(),
        seconds: timings.compose + timings.perform + timings.decode,
        favourite: state.is_favourite(index),
        complaints: take
            .measures
            .iter()
            .flat_map(|measures| measures.failures())
            .map(|failure| failure.to_string())
            .collect(),
    }
}

/// Pictures of a track's candidates; those in `known` are reused.
fn candidates(session: &Session, track: Track, known: Vec<CandidateView>) -> Vec<CandidateView> {
    let playing = session.track(track).take().map(|take| &take.id);
    let mut known = known.into_iter();
    let of = |candidate: &Candidate| {
        let id = &candidate.sketch.id;
        let is_playing = playing == Some(id);
        match known.find(|known| known.id == *id) {
            Some(known) => CandidateView { is_playing, ..known },
            None => {
                let Picture { notes, row_height, .. } = score(&candidate.sketch);
                CandidateView { number: candidate.number, id: id.clone(), notes, row_height, is_playing }
            }
        }
    };
    session.candidates(track).iter().map(of).collect()
}

/// The prompts of all takes in the histories, without edits of single tracks.
fn prompts(session: &Session) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let takes = session.tracks.iter().flat_map(|state| state.history.iter().rev());
    for prompt in std::iter::once(&session.prompt).chain(takes.map(|take| &take.recipe.prompt)) {
        let prompt = Track::ALL
            .into_iter()
            .filter_map(|track| prompt.find(&format!("; {track}: ")))
            .min()
            .map_or(prompt.as_str(), |edits| &prompt[..edits]);
        if !prompt.trim().is_empty() && found.iter().all(|known| known != prompt) {
            found.push(prompt.to_owned());
        }
    }
    found.truncate(MOST_PROMPTS);
    found
}

impl LaneView {
    fn of(take: &Take, known: Option<&Self>) -> Self {
        if let Some(known) = known.filter(|known| known.id == take.id.0) {
            return known.clone();
        }
        let Picture { notes, rows, row_height, lowest } = score(take);
        Self {
            id: take.id.0.clone(),
            peaks: peaks(take),
            notes,
            rows,
            row_height,
            lowest,
            patch: patch_name(&take.patch),
            patch_id: take.patch.clone(),
            ..Self::default()
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
    // Show shapes, not levels: a quiet pad must be visible, too.
    let highest = peaks.iter().copied().fold(0.0, f32::max);
    if highest > 0.0 {
        peaks.iter_mut().for_each(|peak| *peak /= highest);
    }
    peaks
}

/// A score as drawn; the fields are those of [`LaneView`].
struct Picture {
    notes: Vec<NoteBar>,
    rows: Vec<GridRow>,
    row_height: f32,
    lowest: Option<u8>,
}

fn score(take: &Take) -> Picture {
    let plan = &take.recipe.plan;
    let steps = f64::from(plan.total_steps().max(1));
    let bar = |note: &Note, height: f32, length: f32| {
        let start = f64::from(note.step) + f64::from(note.offset);
        NoteBar {
            start: (plan.swing.warp(start) / steps) as f32,
            end: ((plan.swing.warp(start + f64::from(length)) / steps) as f32).min(1.0),
            height,
            velocity: f32::from(note.velocity) / 127.0,
        }
    };
    let notes = &take.score.notes;
    if take.recipe.track == Track::Drums {
        let used: Vec<DrumClass> = DrumClass::ALL
            .into_iter()
            .filter(|class| notes.iter().any(|note| note.pitch == class.key()))
            .collect();
        let row_height = 1.0 / used.len().max(1) as f32;
        let height = |row: usize| (row as f32 + 0.5) * row_height;
        let bars = notes
            .iter()
            .filter_map(|note| {
                let row = used.iter().position(|class| class.key() == note.pitch)?;
                Some(bar(note, height(row), 0.7))
            })
            .collect();
        let rows = used
            .iter()
            .enumerate()
            .map(|(row, class)| GridRow { height: height(row), name: class.name().to_owned() })
            .collect();
        return Picture { notes: bars, rows, row_height, lowest: None };
    }
    let pitches = notes.iter().map(|note| note.pitch);
    let (low, high) = (pitches.clone().min().unwrap_or(48), pitches.max().unwrap_or(60));
    // Show at least an octave, so that a single note sits in the middle.
    let span = (high - low + 1).max(12);
    let floor = low.saturating_sub((span - (high - low + 1)) / 2);
    let row_height = 1.0 / f32::from(span);
    let height = |pitch: u8| (f32::from(pitch.saturating_sub(floor)) + 0.5) * row_height;
    let bars = notes.iter().map(|note| bar(note, height(note.pitch), note.length)).collect();
    let rows = (floor..floor.saturating_add(span))
        .filter(|pitch| pitch % 12 == plan.key.tonic)
        .map(|pitch| GridRow { height: height(pitch), name: pitch_name(plan.key, pitch) })
        .collect();
    Picture { notes: bars, rows, row_height, lowest: Some(floor) }
}

/// A note's name, like "A2"; middle C is C4.
fn pitch_name(key: Key, pitch: u8) -> String {
    let tonic = key.to_string();
    let note = tonic.split(' ').next().unwrap_or_default();
    format!("{note}{}", i32::from(pitch) / 12 - 1)
}

/// Formats a number without trailing zeros.
pub struct Trimmed(pub f64);

impl std::fmt::Display for Trimmed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{:.2}", self.0);
        formatter.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}
