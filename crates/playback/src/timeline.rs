//! The host's timeline, and the alignment of loops to its bars.
//!
//! A loop runs on the host's beats from the start of the song. If all bars of the host have the same length, the beat alone
//! determines the position in the loop. After a bar of another length, beats no longer tell where a bar starts, so the loop is
//! shifted until one of its bars starts where the host's bar does ([`Place::align`]). The odd bar itself plays the first beats of
//! the loop's bar, or continues into the next one.
//!
//! The shift depends only on the host's bar, not on what was played before, so a position in the song sounds the same on every
//! pass and after every jump.

use std::ops::Deref;

use resonantgen_music::plan::BPM_RANGE;

/// Beats that differ by less than this are the same position, because hosts round positions.
pub(super) const SAME_BEAT: f64 = 1e-9;

/// A bar of the host.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// Its start, in quarter notes from the start of the song.
    pub start: f64,
    /// The number of bars from the start of the song to this one; `None` if the host does not count them.
    pub index: Option<i32>,
}

impl Bar {
    /// The bar `count` bars later, if bars are `length` quarter notes long.
    pub(super) fn advanced(self, count: f64, length: f64) -> Self {
        Self {
            start: self.start + count * length,
            index: self.index.map(|index| index.saturating_add(count as i32)),
        }
    }

    /// Distance to where this bar would start if all bars were `length` quarter notes long, in quarter notes.
    fn shift(self, length: f64) -> f64 {
        let index = self.index.map_or_else(|| (self.start / length + 0.5).floor(), f64::from);
        index * length - self.start
    }
}

/// The host's position at the first audio frame of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// Quarter notes from the start of the song; may be negative.
    pub beat: f64,
    /// Tempo in quarter notes per minute.
    pub bpm: f64,
    /// Length of the host's bar in quarter notes.
    pub quarters_per_bar: f64,
    /// The host's bar. Without it, bars are counted from beat 0.
    pub bar: Option<Bar>,
    /// How many quarter notes one of the host's quarter notes counts as: 1, unless the host's tempo is out of range for takes.
    pub scale: f64,
    /// Whether the timeline moves. If not, all stems are silent.
    pub playing: bool,
    /// Whether `beat` is exact to a fraction of a sample, so that even a tiny difference is a jump.
    pub exact: bool,
}

impl Default for Position {
    /// The start of a song in 4/4 at 120 quarter notes per minute, stopped.
    fn default() -> Self {
        Self {
            beat: 0.0,
            bpm: 120.0,
            quarters_per_bar: 4.0,
            bar: None,
            scale: 1.0,
            playing: false,
            exact: false,
        }
    }
}

impl Position {
    /// The same position at a tempo that takes can have. If the host is too fast, its half note (or whole note, and so on) counts
    /// as the quarter note; if it is too slow, its eighth note does. Realtime-safe.
    ///
    /// ```
    /// use resonantgen_playback::Position;
    ///
    /// let position = Position { beat: 8.0, bpm: 300.0, ..Position::default() }.in_range();
    /// assert_eq!((position.beat, position.bpm, position.scale), (4.0, 150.0, 0.5));
    /// ```
    #[must_use]
    pub fn in_range(self) -> Self {
        let mut position = self;
        let mut scale = |factor: f64| {
            position.beat *= factor;
            position.bpm *= factor;
            position.quarters_per_bar *= factor;
            position.scale *= factor;
            if let Some(bar) = &mut position.bar {
                bar.start *= factor;
            }
            position.bpm
        };
        let mut bpm = self.bpm;
        while bpm.is_finite() && bpm > *BPM_RANGE.end() {
            bpm = scale(0.5);
        }
        while bpm > 0.0 && bpm < *BPM_RANGE.start() {
            bpm = scale(2.0);
        }
        position
    }

    pub(super) fn is_usable(&self) -> bool {
        self.playing && self.beat.is_finite() && self.bpm.is_finite() && self.bpm > 0.0
    }
}

/// A place in a block: the host's position at the block's first audio frame, and the bar that contains it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    position: Position,
    /// The bar at this place. Bars after the one reported by the host are assumed to have the same length until the host says
    /// otherwise.
    pub bar: Option<Bar>,
}

impl Deref for Place {
    type Target = Position;

    fn deref(&self) -> &Position {
        &self.position
    }
}

impl Place {
    /// The place of a position whose beat is known more exactly. A bar counts as begun up to `early` quarter notes before its
    /// start.
    pub fn new(position: Position, beat: f64, early: f64) -> Self {
        let length = position.quarters_per_bar;
        let told = position.bar.filter(|bar| bar.start.is_finite() && length.is_finite() && length > 0.0);
        let position = Position { beat, bar: told, ..position };
        let bar = told.map(|bar| {
            let count = ((beat + early - bar.start) / length).floor();
            if count > 0.0 { bar.advanced(count, length) } else { bar }
        });
        Self { position, bar }
    }

    pub fn beats_per_sample(&self, sample_rate_hz: f64) -> f64 {
        self.bpm / (60.0 * sample_rate_hz)
    }

    /// The alignment of a loop whose bars are `loop_bar` quarter notes long in this bar. `before` is its alignment in the last
    /// block. Realtime-safe.
    ///
    /// The host's bar is compared with two regular timelines: one whose bars all have the host's current length, and one whose
    /// bars all have the loop's length. The timeline with the nearer bar line wins. So a loop in 3/4 runs freely in a song in
    /// 4/4, and a loop in 4/4 is cut short by a single bar of 3/4. Bars are identified by their index. Without one (VST3 has
    /// none), the nearest bar line counts.
    pub fn align(&self, loop_bar: f64, before: Option<Alignment>) -> Alignment {
        let (Some(told), Some(bar)) = (self.position.bar, self.bar) else { return Alignment::default() };
        let own = loop_bar * self.scale;
        let by_host = told.shift(self.quarters_per_bar).abs();
        let by_loop = if own.is_finite() && own > 0.0 { told.shift(own).abs() } else { f64::INFINITY };
        let host_decides = if (own - self.quarters_per_bar).abs() < SAME_BEAT {
            false
        } else if by_host < SAME_BEAT && by_loop < SAME_BEAT {
            // Both agree here. The previous alignment decides which one the next bar follows, or the host does at the start of
            // the song.
            before.map_or(told.start == 0.0, |before| before.host_decides)
        } else {
            by_host < SAME_BEAT || by_host < by_loop - SAME_BEAT
        };
        let shift = bar.shift(if host_decides { self.quarters_per_bar } else { own });
        Alignment { shift: if shift.abs() > SAME_BEAT { shift } else { 0.0 }, host_decides }
    }

    /// Like [`align`](Self::align), for a song that starts at a bar of the host, counted from 0. Realtime-safe.
    pub fn pin(&self, loop_bar: f64, start_bar: i32, before: Option<Alignment>) -> Alignment {
        let alignment = self.align(loop_bar, before);
        let bar = if alignment.host_decides { self.quarters_per_bar } else { loop_bar * self.scale };
        Alignment { shift: alignment.shift - f64::from(start_bar) * bar, ..alignment }
    }
}

/// The alignment of a loop to the host's bars.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Alignment {
    /// Shift against the host's beats, in quarter notes.
    pub shift: f64,
    /// Whether the host's current meter determined the shift, rather than the loop's.
    host_decides: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each bar of a song with the given `lengths`, the position in a loop with bars of `loop_bar` quarter notes at which it
    /// starts.
    fn places(lengths: &[f64], loop_bar: f64, counted: bool) -> Vec<f64> {
        let mut start = 0.0;
        let mut places = Vec::new();
        for (index, &length) in lengths.iter().enumerate() {
            let bar = Some(Bar { start, index: counted.then_some(index as i32) });
            let position = Position { beat: start, quarters_per_bar: length, bar, ..Position::default() };
            places.push(start + Place::new(position, start, 0.0).align(loop_bar, None).shift);
            start += length;
        }
        places
    }

    #[test]
    fn until_the_host_tells_its_next_bar_the_loop_goes_on_as_it_will() {
        // A bar of 7/8 that starts at beat 15, the fifth of the song.
        let bar = Some(Bar { start: 15.0, index: Some(4) });
        let position = Position { quarters_per_bar: 3.5, bar, ..Position::default() };
        assert_eq!(Place::new(position, 16.0, 0.0).align(4.0, None).shift, 1.0);
        assert_eq!(Place::new(position, 18.5, 0.0).align(4.0, None).shift, 1.5);
        // A song in 3/4.
        let bar = Some(Bar { start: 9.0, index: Some(3) });
        let position = Position { quarters_per_bar: 3.0, bar, ..Position::default() };
        assert_eq!(Place::new(position, 13.0, 0.0).align(4.0, None).shift, 0.0);
    }

    #[test]
    fn bars_of_one_length_move_nothing() {
        for counted in [true, false] {
            for length in [4.0, 3.0, 2.0, 5.0, 3.5, 6.0] {
                for loop_bar in [4.0, 3.0] {
                    let lengths = [length; 20];
                    let straight: Vec<f64> = (0..20).map(|index| f64::from(index) * length).collect();
                    assert_eq!(places(&lengths, loop_bar, counted), straight, "{length} {loop_bar}");
                }
            }
        }
    }

    #[test]
    fn after_an_odd_bar_the_loops_bars_start_where_the_hosts_do() {
        for counted in [true, false] {
            for odd in [3.0, 2.0, 3.5, 5.0] {
                for at in [1, 2, 5] {
                    let mut lengths = [4.0; 12];
                    lengths[at] = odd;
                    let expected: Vec<f64> = (0..12).map(|index| f64::from(index) * 4.0).collect();
                    assert_eq!(
                        places(&lengths, 4.0, counted),
                        expected,
                        "{odd} in bar {at}, counted: {counted}"
                    );
                }
            }
        }
    }

    #[test]
    fn phrases_with_an_odd_bar_keep_their_place_in_the_loop() {
        let lengths: Vec<f64> = (0..40).map(|index| if index % 4 == 3 { 3.0 } else { 4.0 }).collect();
        let expected: Vec<f64> = (0..40).map(|index| f64::from(index) * 4.0).collect();
        assert_eq!(places(&lengths, 4.0, true), expected);
        // If bars are not counted, all but the odd ones are still met.
        let places = places(&lengths, 4.0, false);
        for (index, place) in places.iter().enumerate().filter(|(index, _)| index % 4 != 3) {
            assert_eq!(place % 4.0, 0.0, "bar {index}");
        }
    }

    #[test]
    fn a_loop_in_another_meter_runs_on() {
        let mut lengths = [4.0; 30];
        lengths[10] = 5.0;
        let places = places(&lengths, 3.0, true);
        assert_eq!(places[9], 36.0);
        assert_eq!(&places[11..14], [44.0, 48.0, 52.0]);
    }
}
