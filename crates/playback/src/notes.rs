//! The scores of the takes that play, as note messages in time with their audio.
//!
//! The player lists in [`BlockNotes`] which notes of the scores start in a block, and where a track's notes are cut off because the
//! timeline jumps or another take takes over. [`NoteOutput`] turns these lists into messages. It alone knows which notes sound, and
//! outlives the player, so every note that the host was told to start is also ended: at its end, at a jump or stop, when its
//! track is switched off, or when the same key starts anew.

use std::sync::Arc;

use resonantgen_music::plan::{Plan, STEPS_PER_QUARTER};
use resonantgen_music::score::Score;
use resonantgen_music::track::{TRACK_COUNT, Track};

use super::clip::Clip;
use super::dials::Dials;

/// Keys of a track.
const KEYS: usize = 128;
/// Note starts and cuts in one block: at 240 quarter notes per minute and 8 kHz, the longest blocks of hosts hold a few hundred.
const LIST_CAPACITY: usize = 4_096;
/// Room in the list that only cuts may use.
const CUTS: usize = 256;
/// Messages of one block: each start in the list can end one note, and each sounding note can end.
const MESSAGE_CAPACITY: usize = 2 * LIST_CAPACITY + TRACK_COUNT * KEYS;
/// A beat counts as met by a sample that comes this much too early, in samples: hosts round positions.
const EARLY_SAMPLES: f64 = 1e-3;

/// Dials move no note by more than this, in quarter notes: swing by half an eighth, humanise by less.
const MARGIN: f64 = 0.5;

/// A note of a clip, in quarter notes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ClipNote {
    /// Start from the loop's start, in `0.0..quarters` of the loop.
    pub start: f64,
    /// Length, above 0 and at most up to the key's next start.
    pub length: f64,
    pub key: u8,
    /// In `1..=127`.
    pub velocity: u8,
}

/// The notes of a score, sorted by start, with the plan's swing. A note that reaches past the loop's end goes on in the next
/// turn. The next note of the same key ends it. Allocates.
pub(super) fn clip_notes(score: &Score, plan: &Plan) -> Arc<[ClipNote]> {
    let quarters = plan.quarters();
    let at = |step: f64| plan.swing.warp(step) / f64::from(STEPS_PER_QUARTER);
    let mut notes: Vec<ClipNote> = score
        .notes
        .iter()
        .map(|note| {
            let step = f64::from(note.step) + f64::from(note.offset);
            let (from, to) = (at(step), at(step + f64::from(note.length)));
            let start = from.rem_euclid(quarters);
            ClipNote {
                // Rounding may put a start just before 0 on the loop's end.
                start: if start < quarters { start } else { 0.0 },
                length: (to - from).min(quarters),
                key: note.pitch.min(KEYS as u8 - 1),
                velocity: note.velocity.clamp(1, 127),
            }
        })
        .filter(|note| note.start.is_finite() && note.length > 0.0)
        .collect();
    notes.sort_by(|a, b| a.start.total_cmp(&b.start).then(a.key.cmp(&b.key)));
    notes.dedup_by_key(|note| (note.start.to_bits(), note.key));
    let mut next: [Option<f64>; KEYS] = [None; KEYS];
    for note in notes.iter().rev() {
        next[usize::from(note.key)] = Some(note.start + quarters);
    }
    for note in notes.iter_mut().rev() {
        let next = next[usize::from(note.key)].replace(note.start);
        note.length = note.length.min(next.map_or(quarters, |next| next - note.start));
    }
    notes.into()
}

/// How the beats of a timeline fall on the audio frames of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Grid {
    /// Beat of the block's first audio frame.
    pub beat: f64,
    /// Beats in one audio frame.
    pub beats_per_sample: f64,
}

impl Grid {
    /// The first audio frame at which the timeline has reached `beat`; negative before the block.
    pub fn frame(&self, beat: f64) -> i64 {
        ((beat - self.beat) / self.beats_per_sample - EARLY_SAMPLES).ceil() as i64
    }
}

/// Something that happens to a track's notes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    /// All that sound end.
    Cut,
    /// A note starts, and ends at a beat of the timeline.
    Start { key: u8, velocity: u8, end: f64 },
}

/// An [`Event`] at an audio frame of the block.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    at: u32,
    track: Track,
    event: Event,
}

/// What happens to the tracks' notes in one block. All public methods are realtime-safe.
#[derive(Debug)]
pub struct BlockNotes {
    entries: Vec<Entry>,
    grid: Grid,
    length: u32,
    /// A cut did not fit: what sounds at the block's end is ended.
    overflow: bool,
    /// Where on the timeline the last note that was listed since a cut is written, whatever the dials have done with it.
    listed: [Option<f64>; TRACK_COUNT],
}

impl BlockNotes {
    /// An empty list. Allocates all the room that it will ever have.
    pub(super) fn new() -> Self {
        Self {
            entries: Vec::with_capacity(LIST_CAPACITY),
            grid: Grid::default(),
            length: 0,
            overflow: false,
            listed: [None; TRACK_COUNT],
        }
    }

    /// Empties the list for a block of `length` audio frames.
    pub(super) fn begin(&mut self, grid: Grid, length: usize) {
        self.entries.clear();
        self.grid = grid;
        self.length = length as u32;
        self.overflow = false;
    }

    /// Cuts a track's notes off at an audio frame.
    pub(super) fn cut(&mut self, track: Track, at: usize) {
        self.listed[track.index()] = None;
        if self.entries.len() < LIST_CAPACITY {
            self.entries.push(Entry { at: at as u32, track, event: Event::Cut });
        } else {
            self.overflow = true;
        }
    }

    /// Cuts all notes off at the block's start.
    pub(super) fn cut_all(&mut self) {
        for track in Track::ALL {
            self.cut(track, 0);
        }
    }

    /// Lists the notes of a clip that start at the audio frames `from..to` of a timeline that runs at `bpm`, where the clip lies
    /// `shift` beats ahead of the timeline. Notes due from frame `due` on, which may be before `from`, start at `from` at the earliest.
    pub(super) fn add(
        &mut self,
        track: Track,
        clip: &Clip,
        (shift, bpm): (f64, f64),
        dials: &Dials,
        due: i64,
        (from, to): (usize, usize),
    ) {
        let (notes, quarters, grid) = (clip.notes(), clip.quarters(), self.grid);
        if notes.is_empty() {
            return;
        }
        let margin = if dials.moves() { MARGIN } else { 0.0 };
        let before = self.listed[track.index()];
        // One sample more than needed: `frame` decides. Dials that have just been turned may have moved a note into the past.
        let begin = grid.beat + (due - 1) as f64 * grid.beats_per_sample + shift - MARGIN;
        let mut turn = (begin / quarters).floor();
        let mut index = notes.partition_point(|note| note.start < begin - turn * quarters);
        loop {
            let Some(note) = notes.get(index) else {
                (turn, index) = (turn + 1.0, 0);
                continue;
            };
            index += 1;
            let start = turn * quarters + note.start - shift;
            if grid.frame(start - margin) >= to as i64 {
                return;
            }
            let written = start;
            let start = start + clip.shift_of(note.start, dials, bpm);
            let frame = grid.frame(start);
            // The order of notes is the same wherever the dials are.
            let is_due = before.map_or(frame >= due, |before| written > before);
            if !is_due || frame >= to as i64 {
                continue;
            }
            if self.entries.len() + CUTS >= LIST_CAPACITY {
                return;
            }
            let listed = &mut self.listed[track.index()];
            *listed = Some(listed.map_or(written, |listed| listed.max(written)));
            let at = frame.max(from as i64) as u32;
            let velocity = dials.velocity(note.velocity);
            let event = Event::Start { key: note.key, velocity, end: start + note.length };
            self.entries.push(Entry { at, track, event });
        }
    }
}

/// A note message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoteMessage {
    /// Audio frame of the block.
    pub at: u32,
    /// The track whose note it is.
    pub track: Track,
    /// MIDI key; for drums the General MIDI key.
    pub key: u8,
    /// MIDI velocity of a start, in `1..=127`; 0 ends the note.
    pub velocity: u8,
}

/// Sends the notes of the tracks that are switched on. All methods but [`new`](Self::new) are realtime-safe.
#[derive(Debug)]
pub struct NoteOutput {
    /// Bit per key that sounds.
    sounding: [u128; TRACK_COUNT],
    /// Where on the timeline each of them ends.
    ends: Box<[[f64; KEYS]; TRACK_COUNT]>,
    /// Bit per key of which the host was sent a start and no end yet.
    sent: [u128; TRACK_COUNT],
    messages: Vec<NoteMessage>,
}

impl Default for NoteOutput {
    fn default() -> Self {
        Self::new()
    }
}

/// The keys whose bits are set.
fn keys(mut bits: u128) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let key = bits.trailing_zeros() as u8;
        let is_some = bits != 0;
        bits &= bits.wrapping_sub(1);
        is_some.then_some(key)
    })
}

impl NoteOutput {
    /// An output of which no note sounds. Allocates all the room that it will ever have.
    #[must_use]
    pub fn new() -> Self {
        Self {
            sounding: [0; TRACK_COUNT],
            ends: Box::new([[0.0; KEYS]; TRACK_COUNT]),
            sent: [0; TRACK_COUNT],
            messages: Vec::with_capacity(MESSAGE_CAPACITY),
        }
    }

    /// The timeline was lost: what sounds ends with the start of the next block.
    pub fn release(&mut self) {
        self.sounding = [0; TRACK_COUNT];
    }

    /// Sends the messages of a block in the order of their times. Only tracks that are `enabled` (index as [`Track::ALL`])
    /// start notes; the notes of the others end at the block's start. `send` returns whether a message was taken: a start that was
    /// not is left out, an end that was not is sent again with the next block.
    pub fn process(
        &mut self,
        notes: &BlockNotes,
        enabled: [bool; TRACK_COUNT],
        mut send: impl FnMut(NoteMessage) -> bool,
    ) {
        self.messages.clear();
        for track in Track::ALL {
            if !enabled[track.index()] {
                self.end_all(track, 0);
            }
            // What was released, and ends that the host has refused.
            for key in keys(self.sent[track.index()] & !self.sounding[track.index()]) {
                self.messages.push(NoteMessage { at: 0, track, key, velocity: 0 });
            }
        }
        for track in Track::ALL {
            for entry in notes.entries.iter().filter(|entry| entry.track == track) {
                match entry.event {
                    Event::Cut => {
                        self.end_due(track, &notes.grid, entry.at);
                        self.end_all(track, entry.at);
                    }
                    Event::Start { key, velocity, end } if enabled[track.index()] => {
                        self.end_due(track, &notes.grid, entry.at);
                        let message = NoteMessage { at: entry.at, track, key, velocity };
                        self.start(message, &notes.grid, end);
                    }
                    Event::Start { .. } => {}
                }
            }
            self.end_due(track, &notes.grid, notes.length);
        }
        if notes.overflow {
            self.release();
        }
        self.messages
            .sort_unstable_by_key(|message| (message.at, message.velocity > 0, message.track, message.key));
        for message in &self.messages {
            let (sent, bit) = (&mut self.sent[message.track.index()], 1 << message.key);
            let starts = message.velocity > 0;
            // A key whose end was refused goes on instead of starting twice.
            if (*sent & bit == 0) == starts && send(*message) {
                *sent ^= bit;
            }
        }
        for (sounding, sent) in self.sounding.iter_mut().zip(self.sent) {
            *sounding &= sent;
        }
    }

    fn start(&mut self, message: NoteMessage, grid: &Grid, end: f64) {
        let (track, key) = (message.track.index(), usize::from(message.key));
        let bit = 1 << key;
        let is_twin = |known: &NoteMessage| {
            known.velocity > 0
                && (known.at, known.track, known.key) == (message.at, message.track, message.key)
        };
        // Two starts of a key at the same audio frame are one.
        if self.sounding[track] & bit == 0 || !self.messages.iter().any(is_twin) {
            if self.sounding[track] & bit != 0 {
                self.messages.push(NoteMessage { velocity: 0, ..message });
            }
            self.messages.push(message);
        }
        self.sounding[track] |= bit;
        // A note lasts for one audio frame at least: at the same frame, ends come before starts.
        self.ends[track][key] = end.max(grid.beat + f64::from(message.at + 1) * grid.beats_per_sample);
    }

    /// Ends the notes of a track that end before the audio frame `at`, or at it.
    fn end_due(&mut self, track: Track, grid: &Grid, at: u32) {
        for key in keys(self.sounding[track.index()]) {
            let end = grid.frame(self.ends[track.index()][usize::from(key)]).max(0);
            // What ends with the block ends at the next one's start.
            if end < i64::from(at) {
                self.end(track, key, end as u32);
            }
        }
    }

    fn end_all(&mut self, track: Track, at: u32) {
        for key in keys(self.sounding[track.index()]) {
            self.end(track, key, at);
        }
    }

    fn end(&mut self, track: Track, key: u8, at: u32) {
        self.sounding[track.index()] &= !(1 << key);
        self.messages.push(NoteMessage { at, track, key, velocity: 0 });
    }
}

#[cfg(test)]
mod tests;
