//! The audio thread's side of playback, and the ring that feeds it.

use std::sync::Arc;

use rtrb::{Consumer, Producer, RingBuffer};

use super::clip::Clip;
use crate::track::{TRACK_COUNT, Track};

/// Length of the crossfade from one take to the next, in seconds.
const SWAP_FADE_SECONDS: f64 = 0.010;
/// Over how long a jump of the timeline is smoothed, in seconds.
const JUMP_FADE_SECONDS: f64 = 0.003;
/// A position that differs by more than this from where the last block ended is a jump, in samples.
const JUMP_TOLERANCE_SAMPLES: f64 = 2.0;
/// Clips under way to the audio thread, and back from it.
const INCOMING_CAPACITY: usize = 32;
const RETURNED_CAPACITY: usize = 128;

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
}

impl Position {
    fn beats_per_sample(&self, sample_rate_hz: f64) -> f64 {
        self.bpm / (60.0 * sample_rate_hz)
    }

    fn is_usable(&self) -> bool {
        self.playing && self.beat.is_finite() && self.bpm.is_finite() && self.bpm > 0.0
    }
}

/// A clip on its way to a deck.
#[derive(Debug)]
struct Delivery {
    track: Track,
    clip: Option<Arc<Clip>>,
    /// Takes over at once whatever [`SwapAt`] says (a restored session).
    immediate: bool,
}

/// The control side: sends clips to the [`Player`] and frees those that come back.
#[derive(Debug)]
pub struct Feeder {
    outgoing: Producer<Delivery>,
    returned: Consumer<Option<Arc<Clip>>>,
    waiting: usize,
}

impl Feeder {
    /// Sends a clip to a deck; `None` empties it. With `immediate` it takes over at once, else as [`SwapAt`] says.
    ///
    /// # Errors
    /// Gives the clip back when the ring is full, because the audio thread does not run. A later try can succeed.
    pub fn send(
        &mut self,
        track: Track,
        clip: Option<Arc<Clip>>,
        immediate: bool,
    ) -> Result<(), Option<Arc<Clip>>> {
        self.collect();
        self.outgoing.push(Delivery { track, clip, immediate }).map_err(|error| {
            let rtrb::PushError::Full(delivery) = error;
            delivery.clip
        })?;
        self.waiting += 1;
        Ok(())
    }

    /// Frees what the audio thread has given back.
    pub fn collect(&mut self) {
        while self.returned.pop().is_ok() {
            self.waiting = self.waiting.saturating_sub(1);
        }
    }

    /// How many deliveries have not taken over yet, as of the last [`collect`](Self::collect): each one that has, sent
    /// its predecessor back.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting
    }
}

/// What one track plays.
#[derive(Debug, Default)]
struct Deck {
    current: Option<Arc<Clip>>,
    /// Waits for its moment.
    pending: Option<Delivery>,
    /// The take before, during a crossfade; `Some(None)` when nothing sounded before.
    fading: Option<Option<Arc<Clip>>>,
    /// How far the crossfade has come, in samples.
    fade_elapsed: usize,
    /// Decaying offset that makes a jump of the timeline continuous, left and right.
    jump_offset: [f32; 2],
    /// Samples until that offset is gone.
    jump_remaining: usize,
}

fn read(clip: Option<&Arc<Clip>>, beat: f64, bpm: f64) -> [f32; 2] {
    clip.map_or([0.0; 2], |clip| clip.at(beat, bpm))
}

/// The audio side: sounds four decks on the host's timeline. All methods are realtime-safe, except dropping it.
#[derive(Debug)]
pub struct Player {
    incoming: Consumer<Delivery>,
    returned: Producer<Option<Arc<Clip>>>,
    decks: [Deck; TRACK_COUNT],
    sample_rate_hz: f64,
    swap_fade_samples: usize,
    jump_fade_samples: usize,
    /// Where the last block ended, if the timeline moved.
    last: Option<Position>,
}

/// A feeder and a player for a host that runs at `sample_rate_hz`. Not realtime-safe.
#[must_use]
pub fn channel(sample_rate_hz: f64) -> (Feeder, Player) {
    let (outgoing, incoming) = RingBuffer::new(INCOMING_CAPACITY);
    let (give_back, returned) = RingBuffer::new(RETURNED_CAPACITY);
    let player = Player {
        incoming,
        returned: give_back,
        decks: Default::default(),
        sample_rate_hz,
        swap_fade_samples: ((SWAP_FADE_SECONDS * sample_rate_hz) as usize).max(1),
        jump_fade_samples: ((JUMP_FADE_SECONDS * sample_rate_hz) as usize).max(1),
        last: None,
    };
    (Feeder { outgoing, returned, waiting: 0 }, player)
}

impl Player {
    /// Forgets where the timeline was: what follows starts without smoothing. Takes stay.
    pub fn reset(&mut self) {
        self.last = None;
        for deck in &mut self.decks {
            deck.jump_remaining = 0;
        }
    }

    /// Which clip a track plays.
    #[must_use]
    pub fn clip(&self, track: Track) -> Option<&Arc<Clip>> {
        self.decks[track.index()].current.as_ref()
    }

    /// Room to give a clip back when it is no longer needed; each crossfade under way has reserved one.
    fn can_give_back(&self) -> bool {
        let reserved = self.decks.iter().filter(|deck| deck.fading.is_some()).count();
        self.returned.slots() > reserved + TRACK_COUNT
    }

    fn give_back(&mut self, clip: Option<Arc<Clip>>) {
        if let Err(rtrb::PushError::Full(clip)) = self.returned.push(clip) {
            // Cannot happen: each caller has asked `can_give_back`. Leaking is better than freeing here.
            std::mem::forget(clip);
        }
    }

    fn receive(&mut self) {
        while self.can_give_back() {
            let Ok(delivery) = self.incoming.pop() else { return };
            let deck = &mut self.decks[delivery.track.index()];
            if let Some(overtaken) = deck.pending.replace(delivery) {
                self.give_back(overtaken.clip);
            }
        }
    }

    /// Renders one block. `stems[track]` are that track's left and right channel; they are overwritten. The block's
    /// length is that of the shortest channel.
    pub fn process(
        &mut self,
        position: Position,
        swap_at: SwapAt,
        stems: &mut [[&mut [f32]; 2]; TRACK_COUNT],
    ) {
        self.receive();
        let length = stems.iter().flatten().map(|channel| channel.len()).min().unwrap_or(0);
        let beats_per_sample = position.beats_per_sample(self.sample_rate_hz);
        let playing = position.is_usable();
        if length > 0 {
            self.smooth_jump(&position, playing, beats_per_sample);
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
                self.swap_silently(track);
            }
            let deck = &mut self.decks[track.index()];
            smooth(deck, left, right, self.jump_fade_samples);
        }
        if length > 0 {
            let end = Position { beat: position.beat + length as f64 * beats_per_sample, ..position };
            self.last = playing.then_some(end);
        }
    }

    /// Notes for each deck by how much the timeline's jump, or its stop, would make it jump.
    fn smooth_jump(&mut self, position: &Position, playing: bool, beats_per_sample: f64) {
        let Some(last) = self.last else { return };
        let tolerance = JUMP_TOLERANCE_SAMPLES * beats_per_sample.abs();
        if playing && (position.beat - last.beat).abs() <= tolerance {
            return;
        }
        for deck in &mut self.decks {
            let [was_left, was_right] = read(deck.current.as_ref(), last.beat, last.bpm);
            let [left, right] =
                if playing { read(deck.current.as_ref(), position.beat, position.bpm) } else { [0.0; 2] };
            deck.jump_offset = [was_left - left, was_right - right];
            deck.jump_remaining = self.jump_fade_samples;
        }
    }

    /// Swaps the pending take in if its moment is the sample `start`; returns where the next moment splits the block.
    fn swap_or_split(
        &mut self,
        track: Track,
        position: &Position,
        swap_at: SwapAt,
        beats_per_sample: f64,
        start: usize,
        length: usize,
    ) -> usize {
        let fresh_start = self.last.is_none() && start == 0;
        let deck = &self.decks[track.index()];
        let Some(pending) = &deck.pending else { return length };
        if deck.fading.is_some() {
            // One crossfade at a time: ask again when this one has ended.
            let remaining = self.swap_fade_samples.saturating_sub(deck.fade_elapsed).max(1);
            return length.min(start + remaining);
        }
        let unit = match swap_at {
            _ if pending.immediate || fresh_start => 0.0,
            SwapAt::Now => 0.0,
            SwapAt::Beat => 1.0,
            SwapAt::Bar => position.quarters_per_bar,
            SwapAt::Loop => deck.current.as_ref().map_or(position.quarters_per_bar, |clip| clip.quarters()),
        };
        let wait = if unit > 0.0 {
            let here = position.beat + start as f64 * beats_per_sample;
            // A hair before the line counts as on it: positions are rounded by hosts.
            let line = (here / unit - 1e-9).ceil() * unit;
            ((line - here) / beats_per_sample - 1e-3).ceil().max(0.0)
        } else {
            0.0
        };
        if wait >= (length - start) as f64 {
            return length;
        }
        if wait > 0.0 {
            return start + wait as usize;
        }
        if !self.can_give_back() {
            return length;
        }
        let deck = &mut self.decks[track.index()];
        let Some(pending) = deck.pending.take() else { return length };
        let old = std::mem::replace(&mut deck.current, pending.clip);
        if fresh_start {
            self.give_back(old);
        } else {
            deck.fading = Some(old);
            deck.fade_elapsed = 0;
        }
        length
    }

    /// Takes the pending take over while nothing sounds.
    fn swap_silently(&mut self, track: Track) {
        if !self.can_give_back() {
            return;
        }
        let deck = &mut self.decks[track.index()];
        if let Some(faded) = deck.fading.take() {
            self.give_back(faded);
        }
        let deck = &mut self.decks[track.index()];
        if let Some(pending) = deck.pending.take() {
            let old = std::mem::replace(&mut deck.current, pending.clip);
            self.give_back(old);
        }
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
            let mut sample = read(deck.current.as_ref(), beat, position.bpm);
            if let Some(old) = &deck.fading
                && deck.fade_elapsed < fade_samples
            {
                let old = read(old.as_ref(), beat, position.bpm);
                let angle = deck.fade_elapsed as f32 / fade_samples as f32 * std::f32::consts::FRAC_PI_2;
                let (rise, fall) = angle.sin_cos();
                sample = [sample[0] * rise + old[0] * fall, sample[1] * rise + old[1] * fall];
                deck.fade_elapsed += 1;
            }
            [*left, *right] = sample;
        }
        if deck.fade_elapsed >= fade_samples
            && let Some(faded) = deck.fading.take()
        {
            self.give_back(faded);
        }
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
