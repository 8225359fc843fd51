//! Listens for chords that are followed: what is played in each half bar of the loop.
//!
//! In the middle of each half bar, what was heard so far is reported as a guess, so that the work for it can begin early.
//!
//! Half bars are counted on a timeline of their own, which goes on where the host's cycle starts over. A jump by anything but whole loops,
//! and a stop, begin another run: nothing that was played before them is followed.

use resonantgen_music::plan::Chord;
use resonantgen_music::recognise::Heard;
use resonantgen_playback::{Following, Position};

use crate::control::follow::HeardChord;

/// A position this far from where it is expected, in quarter notes, is a jump. Positions of hosts wobble, and tempos change within a block.
const JUMP_BEATS: f64 = 0.05;
/// Most reports in a block; of more, the last.
const MOST: usize = 16;
const KEYS: usize = 128;

/// The part of a timeline that is heard.
#[derive(Clone, Copy, Debug)]
struct Run {
    following: Following,
    /// Length of a half bar in quarter notes.
    half_bar: f64,
    /// The half bar in which the run is, and whether its middle has passed.
    index: i64,
    has_guessed: bool,
    /// Where the next block is expected.
    expected: f64,
}

/// The keys that are down, and what was heard in this half bar.
#[derive(Debug)]
pub struct Listener {
    down: [bool; KEYS],
    /// Where each key that is down began to sound in this half bar.
    since: [f64; KEYS],
    heard: Heard,
    run: Option<Run>,
    /// Number of the last run.
    runs: u32,
    /// The chord of the first half of this bar.
    first_half: Option<Chord>,
    reports: [Option<HeardChord>; MOST],
}

impl Default for Listener {
    fn default() -> Self {
        Self {
            down: [false; KEYS],
            since: [0.0; KEYS],
            heard: Heard::default(),
            run: None,
            runs: 0,
            first_half: None,
            reports: [None; MOST],
        }
    }
}

impl Listener {
    /// Begins a block of `beats` quarter notes at a position. `shift` is how far the loop is shifted against the host's beats, and
    /// `loop_quarters` the length of the loop and of one of its bars; `None` if chords are not followed. Returns the timeline on which
    /// chords are followed. Realtime-safe.
    pub fn begin(
        &mut self,
        position: &Position,
        shift: f64,
        beats: f64,
        loop_quarters: Option<[f64; 2]>,
    ) -> Option<Following> {
        let known = self.run.take();
        let [quarters, per_bar] = loop_quarters.filter(|_| position.playing)?;
        let half_bar = per_bar / 2.0;
        let here = position.beat + shift;
        if !here.is_finite() || half_bar.is_nan() || half_bar <= 0.0 {
            return None;
        }
        let goes_on = known.filter(|run| run.half_bar == half_bar).and_then(|run| {
            let Following { offset, .. } = run.following;
            let away = run.expected - (here + offset);
            let loops = (away / quarters).round() * quarters;
            let following = Following { offset: offset + loops, ..run.following };
            ((away - loops).abs() <= JUMP_BEATS).then_some(Run { following, ..run })
        });
        let mut run = goes_on.unwrap_or_else(|| {
            self.runs = self.runs.wrapping_add(1);
            self.heard = Heard::default();
            self.since = [here; KEYS];
            self.first_half = None;
            let index = Following::half_bar_at(here, half_bar);
            Run {
                following: Following { run: self.runs, offset: 0.0 },
                half_bar,
                index,
                has_guessed: false,
                expected: here,
            }
        });
        run.expected = here + run.following.offset + beats;
        self.run = Some(run);
        Some(run.following)
    }

    /// A key goes down or up at a beat of the loop ([`begin`](Self::begin)'s position and shift). Keys come in their order.
    /// Realtime-safe.
    pub fn key(&mut self, key: u8, is_down: bool, beat: f64) {
        let place = usize::from(key).min(KEYS - 1);
        if let Some(run) = self.run {
            let beat = beat + run.following.offset;
            self.pass(beat);
            if self.down[place] {
                self.heard.add(key, beat - self.since[place]);
            }
            self.since[place] = beat;
        }
        self.down[place] = is_down;
    }

    /// Lets go of all keys and ends the run: the host has reset the plugin. Realtime-safe.
    pub fn release(&mut self) {
        self.down = [false; KEYS];
        self.run = None;
    }

    /// Ends the block, and calls `report` for each half bar that ended in it, and for each guess. Realtime-safe.
    pub fn end(&mut self, mut report: impl FnMut(HeardChord)) {
        if let Some(run) = self.run {
            self.pass(run.expected);
        }
        self.reports.iter_mut().filter_map(Option::take).for_each(&mut report);
    }

    /// The half bar that plays; `None` if chords are not followed. Realtime-safe.
    pub fn half_bar(&self) -> Option<i64> {
        self.run.map(|run| run.index)
    }

    /// Ends the half bars before a beat of the run, and makes the guesses that are due.
    fn pass(&mut self, beat: f64) {
        while let Some(run) = &mut self.run {
            let share = if run.has_guessed { 1.0 } else { 0.5 };
            let line = (run.index as f64 + share) * run.half_bar;
            if beat + Following::EARLY_BEATS < line {
                return;
            }
            let (half_bar, is_guess) = (run.index, !run.has_guessed);
            run.has_guessed = is_guess;
            run.index += i64::from(!is_guess);
            let run = run.following.run;
            for (key, since) in self.since.iter_mut().enumerate() {
                if self.down[key] {
                    self.heard.add(key as u8, line - *since);
                }
                *since = line;
            }
            // A chord that is struck once in a bar counts for all of it.
            let is_first = half_bar.rem_euclid(2) == 0;
            let held = self.first_half.filter(|_| !is_first);
            let chord = self.heard.chord(false).or(held);
            if !is_guess {
                self.heard = Heard::default();
                self.first_half = chord.filter(|_| is_first);
            }
            let free = self.reports.iter().position(Option::is_none).unwrap_or(MOST - 1);
            self.reports[free] = Some(HeardChord { run, half_bar, chord, is_guess });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOP: Option<[f64; 2]> = Some([8.0, 4.0]);
    const AM: [u8; 3] = [72, 76, 81];

    /// Plays keys in blocks of a length, from a beat to another, and returns the half bars that ended, with their chords.
    fn listen(
        listener: &mut Listener,
        (from, to): (f64, f64),
        block: f64,
        keys: &[(f64, u8, bool)],
    ) -> Vec<(u32, i64, String)> {
        let mut ended = Vec::new();
        let mut beat = from;
        while beat < to - 1e-9 {
            let length = block.min(to - beat);
            let position = Position { beat, playing: true, ..Position::default() };
            listener.begin(&position, 0.0, length, LOOP);
            for (at, key, is_down) in keys.iter().filter(|(at, ..)| (beat..beat + length).contains(at)) {
                listener.key(*key, *is_down, *at);
            }
            listener.end(|heard| {
                if heard.is_guess {
                    return;
                }
                let chord = heard.chord.map_or("-".to_owned(), |chord| chord.to_string());
                ended.push((heard.run, heard.half_bar, chord));
            });
            beat += length;
        }
        ended
    }

    fn chord(keys: [u8; 3], from: f64, to: f64) -> Vec<(f64, u8, bool)> {
        let ends = [(from, true), (to, false)];
        ends.into_iter().flat_map(|(at, is_down)| keys.map(|key| (at, key, is_down))).collect()
    }

    fn symbols(ended: &[(u32, i64, String)]) -> Vec<&str> {
        ended.iter().map(|(.., chord)| chord.as_str()).collect()
    }

    #[test]
    fn half_bars_hear_the_same_in_blocks_of_any_length() {
        // A minor struck once, F in the second half only, then a chord that is held over the bar line, released late.
        let keys =
            [chord(AM, 0.0, 0.5), chord([72, 77, 81], 6.0, 8.0), chord([74, 79, 83], 8.0, 12.1)].concat();
        for block in [0.01, 0.37, 2.0, 16.0] {
            let ended = listen(&mut Listener::default(), (0.0, 16.0), block, &keys);
            assert_eq!(symbols(&ended), ["Am", "Am", "-", "F", "G", "G", "-", "-"], "blocks of {block}");
            let expected: Vec<(u32, i64)> = (0..8).map(|half_bar| (1, half_bar)).collect();
            let places: Vec<(u32, i64)> = ended.iter().map(|(run, half_bar, _)| (*run, *half_bar)).collect();
            assert_eq!(places, expected);
        }
    }

    #[test]
    fn a_guess_is_made_in_the_middle_of_a_half_bar() {
        let mut listener = Listener::default();
        let mut reports = Vec::new();
        for (beat, chord) in [(0.0, AM), (2.0, [72, 77, 81])] {
            listener.begin(&at(beat), 0.0, 2.0, LOOP);
            for key in 0..KEYS as u8 {
                listener.key(key, chord.contains(&key), beat);
            }
            listener.end(|heard| {
                reports.push((heard.half_bar, heard.chord.map(|chord| chord.to_string()), heard.is_guess));
            });
        }
        let expected = [(0, "Am", true), (0, "Am", false), (1, "F", true), (1, "F", false)];
        assert_eq!(
            reports,
            expected.map(|(half_bar, chord, guess)| (half_bar, Some(chord.to_owned()), guess))
        );
    }

    #[test]
    fn a_cycle_of_whole_loops_goes_on_and_another_jump_begins_anew() {
        let mut listener = Listener::default();
        let held = AM.map(|key| (0.0, key, true));
        assert_eq!(listen(&mut listener, (0.0, 8.0), 0.25, &held).len(), 4);
        let again = listen(&mut listener, (0.0, 4.0), 0.25, &[]);
        assert_eq!(again, [(1, 4, "Am".to_owned()), (1, 5, "Am".to_owned())]);
        assert_eq!(listener.begin(&at(4.0), 0.0, 0.25, LOOP).map(|following| following.offset), Some(8.0));
        let elsewhere = listen(&mut listener, (9.0, 12.0), 0.25, &[]);
        assert_eq!(elsewhere, [(2, 4, "Am".to_owned()), (2, 5, "Am".to_owned())], "the keys are still down");
    }

    fn at(beat: f64) -> Position {
        Position { beat, playing: true, ..Position::default() }
    }

    #[test]
    fn a_stop_or_nothing_that_loops_ends_the_run() {
        let mut listener = Listener::default();
        assert_eq!(listener.begin(&at(0.0), 0.0, 1.0, LOOP).map(|following| following.run), Some(1));
        assert_eq!(listener.half_bar(), Some(0));
        assert!(listener.begin(&Position::default(), 0.0, 1.0, LOOP).is_none(), "it is stopped");
        assert_eq!(listener.half_bar(), None);
        assert_eq!(listener.begin(&at(1.0), 0.0, 1.0, LOOP).map(|following| following.run), Some(2));
        assert!(listener.begin(&at(2.0), 0.0, 1.0, None).is_none());
        listener.end(|heard| panic!("{heard:?} was not to be heard"));
        assert!(listener.begin(&at(f64::NAN), 0.0, 1.0, LOOP).is_none());
    }
}
