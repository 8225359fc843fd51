//! A whole song on one track as a single clip: the takes of its sections in order, and the joins between them.
//!
//! Like a loop, a song is read by position alone, so seeks, tempo changes, dials and notes work on it as they do on a take. It
//! copies no audio: its passes refer to the clips of the takes.

use std::ops::Range;
use std::sync::Arc;

use super::clip::{Clip, Lanes};
use super::notes::ClipNote;

/// Largest sample of a take, of 24 bits.
const LARGEST: f32 = 8_388_607.0 / 8_388_608.0;

/// One pass of a section.
#[derive(Clone, Debug)]
pub struct SongPass {
    /// The number of the section, from 1.
    pub section: u32,
    /// Its start in the song, in quarter notes.
    pub start_quarter: f64,
    /// Its length in quarter notes.
    pub quarters: f64,
    /// Its audio frames in the song, at the clip's sample rate.
    pub frames: Range<usize>,
    /// The clip that it plays from the start, repeating it as needed; `None` is silence. One of another tempo than the song's is
    /// sliced.
    pub clip: Option<Arc<Clip>>,
}

/// The audio added around the border between two passes, so that one rings on while the next begins.
#[derive(Clone, Debug, PartialEq)]
pub struct SongJoin {
    /// Position of its first audio frame in the song.
    pub first_frame: usize,
    /// Left and right channel, equally long.
    pub audio: [Vec<f32>; 2],
}

impl SongJoin {
    fn end(&self) -> usize {
        self.first_frame + self.audio[0].len().min(self.audio[1].len())
    }
}

/// The audio of a song.
#[derive(Debug)]
pub(super) struct SongSamples {
    passes: Vec<SongPass>,
    /// Sorted by their first audio frame.
    joins: Vec<Arc<SongJoin>>,
    /// For each join, the index of the first join that still sounds where it begins.
    reach: Vec<usize>,
    end: usize,
    bpm: f64,
    beats_per_frame: f64,
}

impl SongSamples {
    /// Indexes the joins. Allocates.
    pub fn new(passes: Vec<SongPass>, mut joins: Vec<Arc<SongJoin>>, bpm: f64, sample_rate_hz: f64) -> Self {
        joins.sort_by_key(|join| join.first_frame);
        let reach = (0..joins.len())
            .map(|index| {
                let begin = joins[index].first_frame;
                joins.iter().position(|join| join.end() > begin).unwrap_or(index).min(index)
            })
            .collect();
        let end = passes.last().map_or(0, |pass| pass.frames.end);
        let end = joins.iter().map(|join| join.end()).max().unwrap_or(0).max(end);
        let beats_per_frame = bpm / (60.0 * sample_rate_hz);
        Self { passes, joins, reach, end, bpm, beats_per_frame }
    }

    /// Length in audio frames, including what rings on after the last pass.
    pub fn len(&self) -> usize {
        self.end
    }

    fn pass_of_frame(&self, frame: usize) -> Option<&SongPass> {
        let after = self.passes.partition_point(|pass| pass.frames.start <= frame);
        self.passes.get(after.checked_sub(1)?).filter(|pass| pass.frames.contains(&frame))
    }

    fn pass_at(&self, quarter: f64) -> Option<&SongPass> {
        let after = self.passes.partition_point(|pass| pass.start_quarter <= quarter);
        let pass = self.passes.get(after.checked_sub(1)?)?;
        (quarter < pass.start_quarter + pass.quarters).then_some(pass)
    }

    /// Number of the section at a position in quarter notes; `None` outside the song. Realtime-safe.
    pub fn section_at(&self, quarter: f64) -> Option<u32> {
        self.pass_at(quarter).map(|pass| pass.section)
    }

    /// One audio frame; silence outside the song. Realtime-safe.
    #[inline]
    pub fn frame(&self, index: i64) -> Lanes {
        let mut lanes = Lanes::default();
        let Ok(frame) = usize::try_from(index) else { return lanes };
        if frame >= self.end {
            return lanes;
        }
        if let Some(pass) = self.pass_of_frame(frame)
            && let Some(clip) = pass.clip.as_ref().filter(|clip| !clip.is_empty())
        {
            let offset = frame - pass.frames.start;
            lanes = if clip.is_at(self.bpm) {
                clip.frame(offset % clip.len())
            } else {
                clip.lanes(offset as f64 * self.beats_per_frame, self.bpm)
            };
        }
        let Some(last) = self.joins.partition_point(|join| join.first_frame <= frame).checked_sub(1) else {
            return lanes;
        };
        let mut is_joined = false;
        for join in self.joins[self.reach[last]..=last].iter().filter(|join| frame < join.end()) {
            let offset = frame - join.first_frame;
            for (sample, side) in lanes[0].iter_mut().zip(&join.audio) {
                *sample += side[offset];
            }
            is_joined = true;
        }
        if is_joined {
            lanes[0] = lanes[0].map(|sample| sample.clamp(-1.0, LARGEST));
        }
        lanes
    }

    /// Whether all passes have separate kick, snare and hats.
    pub fn has_voices(&self) -> bool {
        self.passes.iter().filter_map(|pass| pass.clip.as_ref()).all(|clip| clip.has_voices())
    }

    /// Whether both sound the same. Realtime-safe.
    pub fn is_same_sound(&self, other: &Self) -> bool {
        self.passes.len() == other.passes.len()
            && self.joins.len() == other.joins.len()
            && self.passes.iter().zip(&other.passes).all(|(one, other)| one.is_same_sound(other))
            && self.joins.iter().zip(&other.joins).all(|(one, other)| Arc::ptr_eq(one, other))
    }

    /// Whether both play the same pass at a position in quarter notes, whatever comes before and after it. Realtime-safe.
    pub fn agrees_at(&self, other: &Self, quarter: f64) -> bool {
        match (self.pass_at(quarter), other.pass_at(quarter)) {
            (Some(one), Some(other)) => one.frames.start == other.frames.start && one.plays_as(other),
            (None, None) => true,
            _ => false,
        }
    }

    /// The notes of all passes. A note that would ring into the pass of another take ends there.
    pub fn notes(&self) -> Arc<[ClipNote]> {
        let mut notes = Vec::new();
        for (index, pass) in self.passes.iter().enumerate() {
            let Some(clip) = &pass.clip else { continue };
            let goes_on = self.passes.get(index + 1).is_some_and(|next| pass.plays_as(next));
            for begin in pass.turns(clip) {
                for note in clip.notes() {
                    let start = begin + note.start;
                    if start >= pass.quarters {
                        break;
                    }
                    let most = if goes_on { f64::INFINITY } else { pass.quarters - start };
                    let length = note.length.min(most);
                    notes.push(ClipNote { start: pass.start_quarter + start, length, ..*note });
                }
            }
        }
        notes.into()
    }

    /// The passes that are not silent, in order.
    pub fn playing(&self) -> impl Iterator<Item = (&SongPass, &Arc<Clip>)> {
        self.passes.iter().filter_map(|pass| Some((pass, pass.clip.as_ref()?)))
    }
}

impl SongPass {
    /// Where each repetition of its clip begins, in quarter notes from the start of the pass.
    pub(super) fn turns(&self, clip: &Clip) -> impl Iterator<Item = f64> + use<> {
        let quarters = clip.quarters();
        let count = (self.quarters / quarters).ceil().max(1.0) as u32;
        (0..count).map(move |turn| f64::from(turn) * quarters)
    }

    fn is_same_sound(&self, other: &Self) -> bool {
        self.frames == other.frames && self.section == other.section && self.plays_as(other)
    }

    fn plays_as(&self, other: &Self) -> bool {
        match (&self.clip, &other.clip) {
            (Some(one), Some(other)) => one.is_same_sound(other),
            (None, None) => true,
            _ => false,
        }
    }
}
