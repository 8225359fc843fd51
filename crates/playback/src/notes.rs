//! The scores of the playing takes, as note messages in time with their audio.
//!
//! The player lists in [`BlockNotes`] which notes start in a block, and where a track's notes are cut off because the timeline
//! jumps or another take takes over. [`NoteOutput`] turns these lists into messages. It alone tracks which notes are sounding,
//! and it outlives the player. So every note that the host was told to start also ends: at its end, at a jump or stop, when its
//! track is switched off, or when the same key starts again.

use std::sync::Arc;

use resonantgen_music::plan::{Plan, STEPS_PER_QUARTER};
use resonantgen_music::score::Score;
use resonantgen_music::track::{TRACK_COUNT, Track};

use super::clip::Clip;
use super::dials::Dials;

/// MIDI keys per track.
const KEYS: usize = 128;
/// Capacity for note starts and cuts in one block. At 240 quarter notes per minute and 8 kHz, the longest blocks of hosts hold a
/// few hundred.
const LIST_CAPACITY: usize = 4_096;
/// Capacity reserved for cuts.
const CUTS: usize = 256;
/// Messages in one block: each start in the list can end one note, and each sounding note can end.
const MESSAGE_CAPACITY: usize = 2 * LIST_CAPACITY + TRACK_COUNT * KEYS;
/// A sample may be this much too early for a beat, in samples, because hosts round positions.
const EARLY_SAMPLES: f64 = 1e-3;

/// The furthest that dials move a note, in quarter notes: swing moves it by half an eighth, humanise by less.
const MARGIN: f64 = 0.5;

/// A note of a clip, in quarter notes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ClipNote {
    /// Start from the loop's start, in `0.0..quarters` of the loop.
    pub start: f64,
    /// Length, above 0 and at most until the key's next start.
    pub length: f64,
    pub key: u8,
    /// In `1..=127`.
    pub velocity: u8,
}

/// The notes of a score with the plan's swing, sorted by start. A note that reaches past the loop's end continues in the next
/// pass. The next note on the same key ends it. Allocates.
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
                // Rounding can put a start just before 0 onto the loop's end.
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

/// Maps the beats of a timeline to the audio frames of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Grid {
    /// Beat of the block's first audio frame.
    pub beat: f64,
    /// Beats per audio frame.
    pub beats_per_sample: f64,
}

impl Grid {
    /// The first audio frame at which the timeline has reached `beat`; negative if before the block.
    pub fn frame(&self, beat: f64) -> i64 {
        ((beat - self.beat) / self.beats_per_sample - EARLY_SAMPLES).ceil() as i64
    }
}

/// An event that affects a track's notes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    /// All sounding notes end.
    Cut,
    /// A note starts; it ends at the given beat of the timeline.
    Start { key: u8, velocity: u8, end: f64 },
}

/// An [`Event`] at an audio frame of the block.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    at: u32,
    track: Track,
    event: Event,
}

/// The note events of all tracks in one block. All public methods are realtime-safe.
#[derive(Debug)]
pub struct BlockNotes {
    entries: Vec<Entry>,
    grid: Grid,
    length: u32,
    /// A cut did not fit, so everything still sounding at the end of the block is ended.
    overflow: bool,
    /// The written position of the last note listed since a cut, before dials move it.
    listed: [Option<f64>; TRACK_COUNT],
}

impl BlockNotes {
    /// An empty list, with all the capacity it will ever need. Allocates.
    pub(super) fn new() -> Self {
        Self {
            entries: Vec::with_capacity(LIST_CAPACITY),
            grid: Grid::default(),
            length: 0,
            overflow: false,
            listed: [None; TRACK_COUNT],
        }
    }

    /// Clears the list for a block of `length` audio frames.
    pub(super) fn begin(&mut self, grid: Grid, length: usize) {
        self.entries.clear();
        self.grid = grid;
        self.length = length as u32;
        self.overflow = false;
    }

    /// Cuts off a track's notes at an audio frame.
    pub(super) fn cut(&mut self, track: Track, at: usize) {
        self.listed[track.index()] = None;
        if self.entries.len() < LIST_CAPACITY {
            self.entries.push(Entry { at: at as u32, track, event: Event::Cut });
        } else {
            self.overflow = true;
        }
    }

    /// Cuts off all notes at the start of the block.
    pub(super) fn cut_all(&mut self) {
        for track in Track::ALL {
            self.cut(track, 0);
        }
    }

    /// Lists the notes of a clip that start in the audio frames `from..to` of a timeline that runs at `bpm`. The clip is `shift`
    /// beats ahead of the timeline. Notes are due from frame `due` on, which may be before `from`; they start at `from` at the
    /// earliest.
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
        // One sample more than needed; `frame` decides. Moving a dial may have just moved a note into the past.
        let begin = grid.beat + (due - 1) as f64 * grid.beats_per_sample + shift - MARGIN;
        let mut turn = (begin / quarters).floor();
        let mut index = notes.partition_point(|note| note.start < begin - turn * quarters);
        loop {
            if !clip.loops() && turn != 0.0 {
                if turn > 0.0 {
                    return;
                }
                (turn, index) = (0.0, 0);
            }
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
            // Dials never change the order of notes.
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
    /// The track that the note belongs to.
    pub track: Track,
    /// MIDI key; General MIDI key for drums.
    pub key: u8,
    /// MIDI velocity in `1..=127` for a start; 0 ends the note.
    pub velocity: u8,
}

/// Sends the notes of the enabled tracks. All methods except [`new`](Self::new) are realtime-safe.
#[derive(Debug)]
pub struct NoteOutput {
    /// One bit per sounding key.
    sounding: [u128; TRACK_COUNT],
    /// The beat of the timeline at which each sounding note ends.
    ends: Box<[[f64; KEYS]; TRACK_COUNT]>,
    /// One bit per key for which the host has received a start but no end.
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
    /// An output with no sounding notes, with all the capacity it will ever need. Allocates.
    #[must_use]
    pub fn new() -> Self {
        Self {
            sounding: [0; TRACK_COUNT],
            ends: Box::new([[0.0; KEYS]; TRACK_COUNT]),
            sent: [0; TRACK_COUNT],
            messages: Vec::with_capacity(MESSAGE_CAPACITY),
        }
    }

    /// Ends all sounding notes at the start of the next block, because the timeline was lost.
    pub fn release(&mut self) {
        self.sounding = [0; TRACK_COUNT];
    }

    /// Sends the messages of a block in time order. Only tracks that are `enabled` (indexed like [`Track::ALL`]) start notes;
    /// those of other tracks end at the start of the block. `send` returns whether the message was accepted. A rejected start is
    /// dropped; a rejected end is sent again in the next block.
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
            // Released notes, and ends that the host rejected.
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
            // A key whose end was rejected continues instead of starting twice.
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
        // Two starts of a key at the same audio frame count as one.
        if self.sounding[track] & bit == 0 || !self.messages.iter().any(is_twin) {
            if self.sounding[track] & bit != 0 {
                self.messages.push(NoteMessage { velocity: 0, ..message });
            }
            self.messages.push(message);
        }
        self.sounding[track] |= bit;
        // A note lasts at least one audio frame, because ends come before starts within a frame.
        self.ends[track][key] = end.max(grid.beat + f64::from(message.at + 1) * grid.beats_per_sample);
    }

    /// Ends the notes of a track that end at or before the audio frame `at`.
    fn end_due(&mut self, track: Track, grid: &Grid, at: u32) {
        for key in keys(self.sounding[track.index()]) {
            let end = grid.frame(self.ends[track.index()][usize::from(key)]).max(0);
            // A note that ends with the block ends at the start of the next one.
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
