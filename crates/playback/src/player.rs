//! The audio thread's side of playback.

use std::sync::Arc;

use rtrb::Consumer;

use super::clip::Clip;
use super::rack::{self, Delivery, Feeder, Rack};
use resonantgen_music::plan::BPM_RANGE;
use resonantgen_music::track::{TRACK_COUNT, Track};

/// Length of the crossfade from one take to the next, in seconds.
const SWAP_FADE_SECONDS: f64 = 0.010;
/// Over how long a jump of the timeline, a start or a stop is smoothed, in seconds.
const JUMP_FADE_SECONDS: f64 = 0.003;
/// A position that differs by more than this from where the timeline should be is a jump, in quarter notes. Hosts that
/// count in ticks (Ardour: 1920 to a quarter note) report a position that wobbles by half of one.
const WOBBLE_BEATS: f64 = 1e-3;
/// The same for a position that is exact: less than a tenth of a sample at any tempo and rate, and more than rounding.
const ROUNDING_BEATS: f64 = 1e-6;
/// How long a take that the song asked for has to get ready, in seconds: one that is there already waits as long.
pub const RESPONSE_SECONDS: f64 = 0.15;
/// How long the tempo must have stood still until renditions for it are played, in seconds: ramps are sliced.
const SETTLED_SECONDS: f64 = 0.5;
/// Beats that differ by less are the same place of the song: hosts round positions.
const SAME_BEAT: f64 = 1e-9;

/// When a new take takes over from the one that sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwapAt {
    /// As soon as it arrives.
    Now,
    /// On the next quarter note.
    Beat,
    /// On the next bar line of the host.
    Bar,
    /// When the loop that sounds starts over.
    Loop,
}

/// Where the timeline stands at the first audio frame of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// Quarter notes from the start of the song; may be negative.
    pub beat: f64,
    /// Tempo in quarter notes per minute.
    pub bpm: f64,
    /// Length of the host's bar in quarter notes.
    pub quarters_per_bar: f64,
    /// Whether the timeline moves. When it does not, all stems are silent.
    pub playing: bool,
    /// Whether `beat` is exact to a fraction of a sample: then the smallest difference is a jump.
    pub exact: bool,
}

impl Position {
    /// The same place at a tempo that takes can be made at: where the host is too fast for them, its half note counts as
    /// the quarter note (or its whole note, and so on), and where it is too slow, its eighth note. Realtime-safe.
    #[must_use]
    pub fn in_range(self) -> Self {
        let mut position = self;
        let mut scale = |factor: f64| {
            position.beat *= factor;
            position.bpm *= factor;
            position.quarters_per_bar *= factor;
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

    fn beats_per_sample(&self, sample_rate_hz: f64) -> f64 {
        self.bpm / (60.0 * sample_rate_hz)
    }

    fn is_usable(&self) -> bool {
        self.playing && self.beat.is_finite() && self.bpm.is_finite() && self.bpm > 0.0
    }
}

/// Where the timeline was found, and how far it has run from there at one tempo.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    position: Position,
    samples: u64,
}

impl Anchor {
    /// Where the timeline is now: counted, not summed up, so that nothing drifts.
    fn now(&self, sample_rate_hz: f64) -> Position {
        let beat = self.position.beat + self.samples as f64 * self.position.beats_per_sample(sample_rate_hz);
        Position { beat, ..self.position }
    }
}

/// A take that sounds.
#[derive(Clone, Debug)]
struct Voice {
    /// Number of its reel.
    serial: u64,
    clip: Arc<Clip>,
}

/// What one track plays.
#[derive(Debug, Default)]
struct Deck {
    rack: Option<Arc<Rack>>,
    /// Index of the take that a number chooses.
    chosen: Option<usize>,
    /// The number has changed, and what it chooses does not sound yet.
    hurry: bool,
    current: Option<Voice>,
    /// The take before, during a crossfade; `Some(None)` when nothing sounded before.
    fading: Option<Option<Voice>>,
    /// How far the crossfade has come, in samples.
    fade_elapsed: usize,
    /// Decaying offset that makes a jump, a start or a stop of the timeline continuous, left and right.
    jump_offset: [f32; 2],
    /// Samples until that offset is gone.
    jump_remaining: usize,
}

fn read(voice: Option<&Voice>, beat: f64, bpm: f64) -> [f32; 2] {
    voice.map_or([0.0; 2], |voice| voice.clip.at(beat, bpm))
}

impl Deck {
    /// What shall sound at a tempo, and whether that tempo has settled.
    fn wanted(&self, bpm: f64, settled: bool) -> Option<Voice> {
        let reel = self.rack.as_ref()?.wanted(self.chosen)?;
        let clip = if settled { reel.at(bpm) } else { reel.original() };
        Some(Voice { serial: reel.serial(), clip: clip.clone() })
    }

    /// Left and right sample, in the crossfade's present state.
    fn sample(&self, beat: f64, bpm: f64, fade_samples: usize) -> [f32; 2] {
        let sample = read(self.current.as_ref(), beat, bpm);
        let Some(old) = &self.fading else { return sample };
        if self.fade_elapsed >= fade_samples {
            return sample;
        }
        let old = read(old.as_ref(), beat, bpm);
        let angle = self.fade_elapsed as f32 / fade_samples as f32 * std::f32::consts::FRAC_PI_2;
        let (rise, fall) = angle.sin_cos();
        [sample[0] * rise + old[0] * fall, sample[1] * rise + old[1] * fall]
    }

    /// Takes over what shall sound, without a crossfade.
    fn snap(&mut self, bpm: f64) {
        self.current = self.wanted(bpm, true);
        self.fading = None;
        self.hurry = false;
    }
}

/// The audio side: sounds four decks on the host's timeline. All methods are realtime-safe, except dropping it.
#[derive(Debug)]
pub struct Player {
    incoming: Consumer<Delivery>,
    decks: [Deck; TRACK_COUNT],
    sample_rate_hz: f64,
    swap_fade_samples: usize,
    jump_fade_samples: usize,
    /// Where the timeline is, if it moved in the last block.
    last: Option<Anchor>,
    /// Tempo of the last block, and for how many samples it has been that.
    tempo_bpm: f64,
    tempo_age: usize,
}

/// A feeder and a player for a host that runs at `sample_rate_hz`. Not realtime-safe.
#[must_use]
pub fn channel(sample_rate_hz: f64) -> (Feeder, Player) {
    let (feeder, incoming) = rack::ring();
    let player = Player {
        incoming,
        decks: Default::default(),
        sample_rate_hz,
        swap_fade_samples: ((SWAP_FADE_SECONDS * sample_rate_hz) as usize).max(1),
        jump_fade_samples: ((JUMP_FADE_SECONDS * sample_rate_hz) as usize).max(1),
        last: None,
        tempo_bpm: 0.0,
        tempo_age: 0,
    };
    (feeder, player)
}

impl Player {
    /// Forgets where the timeline was, and what of its last stop was still heard. Takes stay.
    pub fn reset(&mut self) {
        self.last = None;
        for deck in &mut self.decks {
            deck.jump_remaining = 0;
        }
    }

    /// Which clip a track plays.
    #[must_use]
    pub fn clip(&self, track: Track) -> Option<&Arc<Clip>> {
        self.decks[track.index()].current.as_ref().map(|voice| &voice.clip)
    }

    /// Which of the takes that numbers choose cannot be played. Realtime-safe.
    #[must_use]
    pub fn missing(&self, chosen: [Option<usize>; TRACK_COUNT]) -> [Option<usize>; TRACK_COUNT] {
        std::array::from_fn(|index| {
            let rack = self.decks[index].rack.as_ref()?;
            chosen[index].filter(|number| rack.reels.get(*number).is_some_and(Option::is_none))
        })
    }

    fn settled_samples(&self) -> usize {
        (SETTLED_SECONDS * self.sample_rate_hz) as usize
    }

    /// Whether a block of `length` samples at `position` has a use for renditions at its tempo: the tempo has settled,
    /// and something sounds that was made for another.
    #[must_use]
    pub fn wants_renditions(&self, position: &Position, length: usize) -> bool {
        let settled = self.last.is_none()
            || (position.bpm == self.tempo_bpm && self.tempo_age + length >= self.settled_samples());
        let misses = |deck: &Deck| {
            let reel = deck.rack.as_ref().and_then(|rack| rack.wanted(deck.chosen));
            reel.is_some_and(|reel| !reel.at(position.bpm).is_at(position.bpm))
        };
        position.is_usable() && settled && self.decks.iter().any(misses)
    }

    /// How old the tempo is at the start of a block.
    fn age_tempo(&mut self, position: &Position) {
        if self.last.is_none() {
            self.tempo_age = self.settled_samples();
        } else if position.bpm != self.tempo_bpm {
            self.tempo_age = 0;
        }
        self.tempo_bpm = position.bpm;
    }

    /// What is dropped here is never the last reference: the feeder has another.
    fn receive(&mut self) {
        while let Ok((track, rack)) = self.incoming.pop() {
            self.decks[track.index()].rack = Some(rack);
        }
    }

    /// Renders one block. `stems[track]` are that track's left and right channel; they are overwritten. The block's
    /// length is that of the shortest channel. `chosen[track]` is the index of the take that a number chooses (one below
    /// the number); it takes over at once.
    pub fn process(
        &mut self,
        position: Position,
        swap_at: SwapAt,
        chosen: [Option<usize>; TRACK_COUNT],
        stems: &mut [[&mut [f32]; 2]; TRACK_COUNT],
    ) {
        self.receive();
        for (deck, chosen) in self.decks.iter_mut().zip(chosen) {
            deck.hurry |= deck.chosen != chosen;
            deck.chosen = chosen;
        }
        let length = stems.iter().flatten().map(|channel| channel.len()).min().unwrap_or(0);
        let playing = position.is_usable();
        let expected = self.last.map(|anchor| anchor.now(self.sample_rate_hz));
        let goes_on = playing
            && expected.is_some_and(|expected| {
                let wobble = if position.exact { ROUNDING_BEATS } else { WOBBLE_BEATS };
                position.bpm == expected.bpm && (position.beat - expected.beat).abs() <= wobble
            });
        let position = match expected {
            Some(expected) if goes_on => Position { beat: expected.beat, ..position },
            _ => position,
        };
        let beats_per_sample = position.beats_per_sample(self.sample_rate_hz);
        if length > 0 {
            match expected {
                Some(expected) if !goes_on => self.smooth_jump(&expected, &position, playing),
                None if playing => self.smooth_start(&position),
                _ => {}
            }
            self.age_tempo(&position);
        }

        for track in Track::ALL {
            let [left, right] = &mut stems[track.index()];
            let (left, right) = (&mut left[..length], &mut right[..length]);
            if playing {
                let mut start = 0;
                while start < length {
                    let end = self.swap_or_split(track, &position, swap_at, beats_per_sample, start, length);
                    self.render(
                        track,
                        &position,
                        beats_per_sample,
                        start,
                        &mut left[start..end],
                        &mut right[start..end],
                    );
                    start = end;
                }
            } else {
                left.fill(0.0);
                right.fill(0.0);
                self.decks[track.index()].snap(position.bpm);
            }
            let deck = &mut self.decks[track.index()];
            smooth(deck, left, right, self.jump_fade_samples);
        }
        self.tempo_age = self.tempo_age.saturating_add(length);
        if length > 0 {
            let anchor = self.last.filter(|_| goes_on).unwrap_or(Anchor { position, samples: 0 });
            let samples = anchor.samples + length as u64;
            self.last = playing.then_some(Anchor { samples, ..anchor });
        }
    }

    /// Notes for each deck by how much the timeline's jump from where it was expected, its stop, or a new tempo would
    /// make it jump.
    fn smooth_jump(&mut self, last: &Position, position: &Position, playing: bool) {
        let fade_samples = self.swap_fade_samples;
        for deck in &mut self.decks {
            let was = deck.sample(last.beat, last.bpm, fade_samples);
            let is = if playing { deck.sample(position.beat, position.bpm, fade_samples) } else { [0.0; 2] };
            // What is left of the jump before still sounds.
            let left_over = deck.jump_remaining as f32 / self.jump_fade_samples as f32;
            deck.jump_offset = [0, 1].map(|side| was[side] - is[side] + deck.jump_offset[side] * left_over);
            deck.jump_remaining = self.jump_fade_samples;
        }
    }

    /// Begins with what shall sound. In the middle of a loop, what sounded right before there would begin with a click: it
    /// is faded out of what is heard. So an attack that lies where the song starts keeps its edge. At the loop's own start
    /// nothing is changed.
    fn smooth_start(&mut self, position: &Position) {
        let before = position.beat - position.beats_per_sample(self.sample_rate_hz);
        for deck in &mut self.decks {
            deck.snap(position.bpm);
            let starts_over =
                deck.current.as_ref().is_none_or(|voice| voice.clip.starts_at(position.beat, position.bpm));
            let was = if starts_over { [0.0; 2] } else { read(deck.current.as_ref(), before, position.bpm) };
            // What is left of the stop before still sounds.
            let left_over = deck.jump_remaining as f32 / self.jump_fade_samples as f32;
            deck.jump_offset = [0, 1].map(|side| deck.jump_offset[side] * left_over - was[side]);
            deck.jump_remaining = self.jump_fade_samples;
        }
    }

    /// Swaps in what shall sound if its moment is the sample `start`; returns where the next moment splits the block.
    fn swap_or_split(
        &mut self,
        track: Track,
        position: &Position,
        swap_at: SwapAt,
        beats_per_sample: f64,
        start: usize,
        length: usize,
    ) -> usize {
        let guard_beats = RESPONSE_SECONDS * position.bpm / 60.0;
        let unsettled = self.settled_samples().saturating_sub(self.tempo_age + start);
        // Where the tempo settles, renditions take over: to the sample, whatever the blocks are.
        let length = if unsettled > 0 { length.min(start + unsettled) } else { length };
        let deck = &mut self.decks[track.index()];
        let wanted = deck.wanted(position.bpm, unsettled == 0);
        let is_same_take = match (&deck.current, &wanted) {
            (None, None) => true,
            (Some(current), Some(wanted)) => current.serial == wanted.serial,
            _ => false,
        };
        let is_same_clip = match (&deck.current, &wanted) {
            (Some(current), Some(wanted)) => Arc::ptr_eq(&current.clip, &wanted.clip),
            _ => true,
        };
        if is_same_take {
            deck.hurry = false;
            if is_same_clip {
                return length;
            }
        }
        if deck.fading.is_some() {
            // One crossfade at a time: ask again when this one has ended.
            let remaining = self.swap_fade_samples.saturating_sub(deck.fade_elapsed).max(1);
            return length.min(start + remaining);
        }
        let rack = deck.rack.as_ref();
        let wait = if is_same_take || deck.hurry || rack.is_some_and(|rack| rack.immediate) {
            0.0
        } else {
            let unit = match swap_at {
                SwapAt::Now => 0.0,
                SwapAt::Beat => 1.0,
                SwapAt::Bar => position.quarters_per_bar,
                SwapAt::Loop => {
                    deck.current.as_ref().map_or(position.quarters_per_bar, |voice| voice.clip.quarters())
                }
            };
            let here = position.beat + start as f64 * beats_per_sample;
            let line = next_line(here, unit, rack.and_then(|rack| rack.asked_at), guard_beats);
            ((line - here) / beats_per_sample - 1e-3).ceil().max(0.0)
        };
        if wait >= (length - start) as f64 {
            return length;
        }
        if wait > 0.0 {
            return start + wait as usize;
        }
        deck.hurry = false;
        deck.fading = Some(std::mem::replace(&mut deck.current, wanted));
        deck.fade_elapsed = 0;
        length
    }

    fn render(
        &mut self,
        track: Track,
        position: &Position,
        beats_per_sample: f64,
        start: usize,
        left: &mut [f32],
        right: &mut [f32],
    ) {
        let deck = &mut self.decks[track.index()];
        let fade_samples = self.swap_fade_samples;
        for (offset, (left, right)) in left.iter_mut().zip(right.iter_mut()).enumerate() {
            let beat = position.beat + (start + offset) as f64 * beats_per_sample;
            [*left, *right] = deck.sample(beat, position.bpm, fade_samples);
            if deck.fading.is_some() {
                deck.fade_elapsed += 1;
                if deck.fade_elapsed >= fade_samples {
                    deck.fading = None;
                }
            }
        }
    }
}

/// The first moment from `here` on (in quarter notes) at which a take may take over: a multiple of `unit`, any moment if
/// that is 0. Moments in the `guard` after the song has asked for it are left out.
fn next_line(here: f64, unit: f64, asked_at: Option<f64>, guard: f64) -> f64 {
    let from = |beat: f64| if unit > 0.0 { (beat / unit - SAME_BEAT).ceil() * unit } else { beat };
    let line = from(here);
    match asked_at {
        Some(asked) if (asked - SAME_BEAT..asked + guard - SAME_BEAT).contains(&line) => from(asked + guard),
        _ => line,
    }
}

/// Adds the decaying offset that hides a jump of the timeline.
fn smooth(deck: &mut Deck, left: &mut [f32], right: &mut [f32], fade_samples: usize) {
    for (left, right) in left.iter_mut().zip(right.iter_mut()) {
        if deck.jump_remaining == 0 {
            return;
        }
        let share = deck.jump_remaining as f32 / fade_samples as f32;
        *left += deck.jump_offset[0] * share;
        *right += deck.jump_offset[1] * share;
        deck.jump_remaining -= 1;
    }
}

#[cfg(test)]
mod tests;
