//! The audio thread's side of playback.

use std::sync::Arc;

use rtrb::Consumer;

use super::clip::{Clip, Lanes, combine};
use super::dials::{Dials, Piece, Tilt};
use super::notes::{BlockNotes, Grid};
use super::slot::{self, Delivery, Followed, Slot, SlotSender, TakeClips};
use super::timeline::{Alignment, Bar, Place, Position, SAME_BEAT};
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_sound::split::DRUM_VOICE_COUNT;

/// Length of the crossfade from one take to the next, in seconds.
const SWAP_FADE_SECONDS: f64 = 0.010;
/// Duration of the fade that hides a jump, start or stop of the timeline, in seconds.
const JUMP_FADE_SECONDS: f64 = 0.003;
/// A deviation from the expected position above this is a jump, in quarter notes. Hosts that count in ticks (Ardour: 1920 per
/// quarter note) report positions that are off by up to half a tick.
const WOBBLE_BEATS: f64 = 1e-3;
/// The same threshold for exact positions: less than a tenth of a sample at any tempo and rate, but more than rounding errors.
const ROUNDING_BEATS: f64 = 1e-6;
/// Delay before a take requested by the song may take over, in seconds. It also applies to takes that are ready earlier, so that
/// every pass sounds the same.
pub const RESPONSE_SECONDS: f64 = 0.15;
/// How long the tempo must be constant before renditions are played, in seconds. During ramps, takes are sliced.
const SETTLED_SECONDS: f64 = 0.5;
/// A sample may be this much too early for a line of the timeline, in samples, because hosts round positions.
const EARLY_SAMPLES: f64 = 1e-3;

/// Left and right channel of kick, snare, hats and percussion.
pub type DrumOutputs<'a> = [[&'a mut [f32]; 2]; DRUM_VOICE_COUNT];

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

/// The timeline on which chords are followed: the host's beats, shifted as the loop is, and going on where the host's cycle starts
/// over. Its half bars are those of the loop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Following {
    /// Number of the run: [parts](super::Followed) of another run do not play. A jump begins another run, except by whole loops.
    pub run: u32,
    /// What is added to the loop's position for it, in quarter notes: whole loops.
    pub offset: f64,
}

impl Following {
    /// A half bar begins this much too early, in quarter notes: less than a sample at any tempo and rate.
    pub const EARLY_BEATS: f64 = 1e-6;

    /// The half bar in which a beat of the timeline lies, for half bars of a length, both in quarter notes. Realtime-safe.
    #[must_use]
    pub fn half_bar_at(beat: f64, length: f64) -> i64 {
        ((beat + Self::EARLY_BEATS) / length).floor() as i64
    }
}

/// How a block is played. Arrays are indexed like [`Track::ALL`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Controls {
    /// When a new take takes over.
    pub swap_at: SwapAt,
    /// Per track, the index of the take chosen by number, which is the number minus one. That take takes over at once.
    pub chosen: [Option<usize>; TRACK_COUNT],
    /// Each track's dials. A change is audible at once.
    pub dials: [Dials; TRACK_COUNT],
    /// Index of the section to play, which is its number minus one; `None` plays the open one. It takes over when `swap_at` says.
    pub section: Option<usize>,
    /// Plays the whole song, from this bar of the host on, counted from 0. If there is no song, the section plays.
    pub song_start: Option<i32>,
    /// Whether the slots' previews are heard. Never in an offline render.
    pub previews: bool,
    /// Plays what was [followed](super::Followed), on this timeline. `None` plays the takes themselves.
    pub following: Option<Following>,
}

impl Default for Controls {
    fn default() -> Self {
        Self {
            swap_at: SwapAt::Bar,
            chosen: [None; TRACK_COUNT],
            dials: Default::default(),
            section: None,
            song_start: None,
            previews: false,
            following: None,
        }
    }
}

/// A position of the timeline, and the number of samples played since then at a constant tempo.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    position: Position,
    samples: u64,
}

impl Anchor {
    /// The current position. It is computed from the sample count rather than accumulated, so it does not drift.
    fn now(&self, sample_rate_hz: f64) -> Position {
        let beat = self.position.beat + self.samples as f64 * (self.position.bpm / (60.0 * sample_rate_hz));
        Position { beat, ..self.position }
    }
}

/// A take that is playing.
#[derive(Clone, Debug)]
struct Source {
    /// Identifies the take.
    serial: u64,
    clip: Arc<Clip>,
    /// How it is aligned to the host's bars.
    alignment: Alignment,
    /// The host's bar at which it starts, if it is a whole song.
    song_start: Option<i32>,
    /// It is only heard for as long as someone listens, not chosen.
    is_preview: bool,
    /// The take in whose place it plays, if it is that take over other chords.
    of: Option<u64>,
    /// The piece read last, if the dials move the take's pieces.
    piece: Option<Piece>,
}

impl Source {
    /// Where it lies on the host's bars at `place`.
    fn aligned(&self, place: &Place, before: Option<Alignment>) -> Alignment {
        let quarters_per_bar = self.clip.quarters_per_bar();
        match self.song_start {
            Some(start) => place.pin(quarters_per_bar, start, before),
            None => place.align(quarters_per_bar, before),
        }
    }

    /// The take that plays, over whatever chords.
    fn take(&self) -> u64 {
        self.of.unwrap_or(self.serial)
    }

    /// Whether it is a song that plays at `beat` what `other` plays.
    fn agrees_with(&self, other: &Self, beat: f64) -> bool {
        let shift = self.alignment.shift;
        shift == other.alignment.shift && self.clip.agrees_at(&other.clip, beat + shift)
    }

    fn read(source: Option<&mut Self>, beat: f64, bpm: f64, dials: &Dials) -> Lanes {
        source.map_or(Lanes::default(), |source| {
            source.clip.played(beat + source.alignment.shift, bpm, dials, &mut source.piece)
        })
    }
}

/// What rings on of a section after another has taken over: the sound right before the cut, played backwards and forwards, and
/// fading. It is continuous at the cut, and contains nothing of what the loop would have played next.
#[derive(Clone, Debug)]
struct Ring {
    source: Source,
    /// Where on the timeline it was cut.
    cut_beat: f64,
    track: Track,
}

/// The playback state of one track.
#[derive(Debug, Default)]
struct Voice {
    slot: Option<Arc<Slot>>,
    /// Index of the take chosen by number.
    chosen: Option<usize>,
    /// Index of the section chosen by number, and where the song starts if the whole song plays.
    section: Option<usize>,
    song_start: Option<i32>,
    /// Previews are heard.
    previews: bool,
    following: Option<Following>,
    /// Another section or the song has been chosen, but is not playing yet.
    moves_on: bool,
    /// What rings on of the section before.
    ring: Option<Ring>,
    /// The number has changed, but the take it chooses is not playing yet.
    hurry: bool,
    dials: Dials,
    current: Option<Source>,
    /// The previous take during a crossfade; `Some(None)` if the track was silent.
    fading: Option<Option<Source>>,
    /// Progress of the crossfade in samples.
    fade_elapsed: usize,
    /// Decaying offset that smooths a jump, start or stop of the timeline.
    jump_offset: Lanes,
    /// Samples until the offset has decayed.
    jump_remaining: usize,
}

impl Voice {
    /// What should play at `beat` in the bar of a place. A rendition is used only if the tempo has `settled`.
    fn wanted(&self, place: &Place, beat: f64, settled: bool) -> Option<Source> {
        let slot = self.slot.as_ref()?;
        let song = slot.song.as_ref().filter(|_| self.song_start.is_some());
        let preview = slot.preview(self.section).filter(|_| self.previews && song.is_none());
        let take = song.or(preview).or_else(|| slot.wanted(self.section, self.chosen))?;
        let at = |take: &TakeClips| Arc::clone(if settled { take.at(place.bpm) } else { take.original() });
        let before = self.current.as_ref().map(|source| source.alignment);
        let mut source = Source {
            serial: take.serial(),
            clip: at(take),
            alignment: Alignment::default(),
            song_start: song.and(self.song_start),
            is_preview: preview.is_some(),
            of: None,
            piece: None,
        };
        source.alignment = source.aligned(place, before);
        if let Some(half_bars) = self.half_bars(&source) {
            let here = half_bars.at(beat);
            let is_it = |part: &&Followed| (part.run, part.of) == (half_bars.run, source.serial);
            let part = slot.followed.iter().rev().filter(is_it).find(|part| part.from <= here);
            if let Some(clips) = part.and_then(|part| part.clips.as_ref()) {
                source.of = Some(source.serial);
                (source.serial, source.clip) = (clips.serial(), at(clips));
            }
        }
        Some(source)
    }

    /// The half bars of a loop while chords are followed.
    fn half_bars(&self, source: &Source) -> Option<HalfBars> {
        let following = self.following.filter(|_| source.clip.loops())?;
        let length = source.clip.quarters_per_bar() / 2.0;
        let origin = -(source.alignment.shift + following.offset);
        (length > 0.0).then_some(HalfBars { run: following.run, length, origin })
    }

    /// The half bar that begins next after `beat`, if what plays may change there because of chords that are followed.
    fn next_half_bar(&self, beat: f64) -> Option<f64> {
        self.slot.as_ref().filter(|slot| !slot.followed.is_empty())?;
        self.half_bars(self.current.as_ref()?).map(|half_bars| half_bars.after(beat))
    }

    /// The samples at `beat`, mixed according to the current state of the crossfade.
    fn sample(&mut self, beat: f64, bpm: f64, fade_samples: usize) -> Lanes {
        let sample = self.crossfaded(beat, bpm, fade_samples);
        match &mut self.ring {
            Some(ring) => combine(sample, ring.read(beat, bpm, &self.dials), |sample, ring| sample + ring),
            None => sample,
        }
    }

    fn crossfaded(&mut self, beat: f64, bpm: f64, fade_samples: usize) -> Lanes {
        let sample = Source::read(self.current.as_mut(), beat, bpm, &self.dials);
        let Some(old) = &mut self.fading else { return sample };
        if self.fade_elapsed >= fade_samples {
            return sample;
        }
        let old = Source::read(old.as_mut(), beat, bpm, &self.dials);
        let angle = self.fade_elapsed as f32 / fade_samples as f32 * std::f32::consts::FRAC_PI_2;
        let (rise, fall) = angle.sin_cos();
        combine(sample, old, |sample, old| sample * rise + old * fall)
    }

    /// Everything that it reads.
    fn sources(&mut self) -> impl Iterator<Item = &mut Source> {
        let ring = self.ring.iter_mut().map(|ring| &mut ring.source);
        self.current.iter_mut().chain(self.fading.iter_mut().flatten()).chain(ring)
    }

    /// Whether `wanted` sounds the same as what is playing and only adds information, such as separated drums.
    fn learns(&self, wanted: Option<&Source>) -> bool {
        let both = self.current.as_ref().zip(wanted);
        both.is_some_and(|(current, wanted)| current.clip.is_same_sound(&wanted.clip))
    }

    /// Discards the pieces read so far, because the dials or the tempo have changed.
    fn forget_pieces(&mut self) {
        for source in self.sources() {
            source.piece = None;
        }
    }

    /// Switches to what should play, without a crossfade.
    fn snap(&mut self, place: &Place) {
        self.current = self.wanted(place, place.beat, true);
        self.fading = None;
        self.ring = None;
        (self.hurry, self.moves_on) = (false, false);
    }

    /// Aligns what is playing to the bar at `place`. Returns whether anything moved.
    fn align(&mut self, place: &Place) -> bool {
        let mut moved = false;
        for source in self.current.iter_mut().chain(self.fading.iter_mut().flatten()) {
            let alignment = source.aligned(place, Some(source.alignment));
            moved |= alignment.shift != source.alignment.shift;
            source.alignment = alignment;
        }
        moved
    }

    /// Hides the jump from the samples that `was` gives to those of `is`, in addition to what remains of the previous jump.
    fn hide_jump(&mut self, was: Lanes, is: Lanes, fade_samples: usize) {
        let left_over = self.jump_remaining as f32 / fade_samples as f32;
        let jump = combine(was, is, |was, is| was - is);
        self.jump_offset = combine(jump, self.jump_offset, |jump, offset| jump + offset * left_over);
        self.jump_remaining = fade_samples;
    }

    /// Adds the decaying offset that hides a jump to the block, from sample `start` on.
    fn smooth(
        &mut self,
        start: usize,
        left: &mut [f32],
        right: &mut [f32],
        mut drums: Option<&mut DrumOutputs<'_>>,
        fade_samples: usize,
    ) {
        for (offset, (left, right)) in left.iter_mut().zip(right.iter_mut()).enumerate() {
            if self.jump_remaining == 0 {
                return;
            }
            let share = self.jump_remaining as f32 / fade_samples as f32;
            let [stem, voices @ ..] = self.jump_offset;
            *left += stem[0] * share;
            *right += stem[1] * share;
            for (output, voice) in drums.iter_mut().flat_map(|drums| drums.iter_mut()).zip(voices) {
                output[0][start + offset] += voice[0] * share;
                output[1][start + offset] += voice[1] * share;
            }
            self.jump_remaining -= 1;
        }
    }
}

impl Ring {
    /// Samples of the piece that is played backwards and forwards.
    const PIECE_SECONDS: f64 = 0.060;
    /// Decibels by which it falls in a second (index as [`Track::ALL`]), and in all.
    const FALL_DB_PER_SECOND: [f64; TRACK_COUNT] = [120.0, 170.0, 67.0, 75.0];
    const FALL_DB: f64 = 60.0;

    /// Reads it where the timeline is at `beat`.
    fn read(&mut self, beat: f64, bpm: f64, dials: &Dials) -> Lanes {
        let piece = Self::PIECE_SECONDS * bpm / 60.0;
        let within = (beat - self.cut_beat).max(0.0).rem_euclid(2.0 * piece);
        let place = self.cut_beat - within.min(2.0 * piece - within);
        let seconds = (beat - self.cut_beat) * 60.0 / bpm;
        let fall_db = Self::FALL_DB_PER_SECOND[self.track.index()] * seconds;
        // It ends in silence.
        let gain = 10.0_f64.powf(-fall_db / 20.0) * (1.0 - fall_db / Self::FALL_DB).clamp(0.0, 1.0);
        Source::read(Some(&mut self.source), place, bpm, dials)
            .map(|lane| lane.map(|sample| sample * gain as f32))
    }

    /// Whether it has faded away where the timeline is at `beat`.
    fn is_over(&self, beat: f64, bpm: f64) -> bool {
        (beat - self.cut_beat) * 60.0 / bpm * Self::FALL_DB_PER_SECOND[self.track.index()] >= Self::FALL_DB
    }
}

/// The audio side: plays four tracks on the host's timeline. All methods are realtime-safe; dropping the player is not.
#[derive(Debug)]
pub struct Player {
    incoming: Consumer<Delivery>,
    voices: [Voice; TRACK_COUNT],
    sample_rate_hz: f64,
    swap_fade_samples: usize,
    jump_fade_samples: usize,
    /// The timeline's position, if it moved in the last block.
    last: Option<Anchor>,
    /// The host's bar in which the last block ended.
    bar: Option<Bar>,
    /// Tempo of the last block. `tempo_age` is the number of samples for which it has been constant.
    tempo_bpm: f64,
    tempo_age: usize,
    /// The notes of the last block.
    notes: BlockNotes,
    /// The audio frame from which notes that are not listed yet are due; negative before the block.
    notes_due: i64,
    tilts: [Tilt; TRACK_COUNT],
    drum_tilts: [Tilt; DRUM_VOICE_COUNT],
}

/// Creates a sender and a player for a host that runs at `sample_rate_hz`. Not realtime-safe.
#[must_use]
pub fn channel(sample_rate_hz: f64) -> (SlotSender, Player) {
    let (sender, incoming) = slot::ring();
    let tilt = Tilt::new(sample_rate_hz);
    let player = Player {
        incoming,
        voices: Default::default(),
        sample_rate_hz,
        swap_fade_samples: ((SWAP_FADE_SECONDS * sample_rate_hz) as usize).max(1),
        jump_fade_samples: ((JUMP_FADE_SECONDS * sample_rate_hz) as usize).max(1),
        last: None,
        bar: None,
        tempo_bpm: 0.0,
        tempo_age: 0,
        notes: BlockNotes::new(),
        notes_due: 0,
        tilts: std::array::from_fn(|_| tilt.clone()),
        drum_tilts: std::array::from_fn(|_| tilt.clone()),
    };
    (sender, player)
}

impl Player {
    /// Resets the position and the smoothing of jumps. Takes are kept.
    pub fn reset(&mut self) {
        self.last = None;
        self.bar = None;
        for voice in &mut self.voices {
            voice.jump_remaining = 0;
        }
    }

    /// The notes that started in the last block, and the points where notes were cut off.
    #[must_use]
    pub fn notes(&self) -> &BlockNotes {
        &self.notes
    }

    /// The clip that a track is playing.
    #[must_use]
    pub fn clip(&self, track: Track) -> Option<&Arc<Clip>> {
        self.voices[track.index()].current.as_ref().map(|source| &source.clip)
    }

    /// Index of the section that plays at a position, which is its number minus one; `None` if the open section plays, or nothing.
    /// Realtime-safe.
    #[must_use]
    pub fn section_at(&self, position: &Position) -> Option<usize> {
        let mut sources = self.voices.iter().filter_map(|voice| voice.current.as_ref());
        let song = sources.find_map(|source| Some((source.clip.as_song()?, source.alignment.shift)));
        match song {
            Some((song, shift)) => song.section_at(position.beat + shift).map(|number| number as usize - 1),
            None => self.voices[0].section,
        }
    }

    /// Where in the song the timeline is at a position, in quarter notes; `None` if no song plays. Realtime-safe.
    #[must_use]
    pub fn song_quarter(&self, position: &Position) -> Option<f64> {
        let mut sources = self.voices.iter().filter_map(|voice| voice.current.as_ref());
        let song = sources.find(|source| !source.clip.loops());
        song.map(|source| position.beat + source.alignment.shift)
    }

    /// How far the loops were shifted against the host's beats at the end of the last block, in quarter notes. Realtime-safe.
    #[must_use]
    pub fn shift(&self) -> f64 {
        self.voices
            .iter()
            .find_map(|voice| voice.current.as_ref())
            .map_or(0.0, |source| source.alignment.shift)
    }

    /// Tempo of the take on the first track that plays, or of the take that will play next, in quarter notes per minute.
    /// Realtime-safe.
    #[must_use]
    pub fn own_bpm(&self) -> Option<f64> {
        let playing = self.voices.iter().find_map(|voice| Some(voice.current.as_ref()?.clip.bpm()));
        let next = |voice: &Voice| Some(voice.slot.as_ref()?.wanted(voice.section, None)?.original().bpm());
        playing.or_else(|| self.voices.iter().find_map(next))
    }

    /// Length of the loop that plays and of one of its bars, in quarter notes; `None` while a song plays, or nothing. Realtime-safe.
    #[must_use]
    pub fn loop_quarters(&self) -> Option<[f64; 2]> {
        let mut clips = self.voices.iter().filter_map(|voice| Some(&voice.current.as_ref()?.clip));
        clips.next().filter(|clip| clip.loops()).map(|clip| [clip.quarters(), clip.quarters_per_bar()])
    }

    fn settled_samples(&self) -> usize {
        (SETTLED_SECONDS * self.sample_rate_hz) as usize
    }

    /// The tempo, in quarter notes per minute, at which takes should play unsliced in a block of `length` samples at `position`.
    /// `Some(None)` while the tempo changes, because takes are sliced during ramps; `None` while the timeline stands still.
    /// Realtime-safe.
    #[must_use]
    pub fn settled_bpm(&self, position: &Position, length: usize) -> Option<Option<f64>> {
        let is_settled = self.last.is_none()
            || (position.bpm == self.tempo_bpm && self.tempo_age + length >= self.settled_samples());
        position.is_usable().then(|| is_settled.then_some(position.bpm))
    }

    /// Updates the tempo's age at the start of a block.
    fn age_tempo(&mut self, position: &Position) {
        if self.last.is_none() {
            self.tempo_age = self.settled_samples();
        } else if position.bpm != self.tempo_bpm {
            self.tempo_age = 0;
        }
        self.tempo_bpm = position.bpm;
    }

    /// Receives new slots, as [`process`](Self::process) does. Realtime-safe: the sender keeps a reference to everything dropped
    /// here.
    pub fn receive(&mut self) {
        while let Ok((track, slot)) = self.incoming.pop() {
            self.voices[track.index()].slot = Some(slot);
        }
    }

    /// Renders one block. `stems[track]` holds the track's left and right channel, which are overwritten. The block is as long as
    /// the shortest channel. `drums`, if given, must be as long as the stems; they are overwritten with the drum parts, which sum
    /// to the drum stem. Whatever has not been separated goes to percussion.
    pub fn process(
        &mut self,
        position: Position,
        controls: &Controls,
        stems: &mut [[&mut [f32]; 2]; TRACK_COUNT],
        mut drums: Option<&mut DrumOutputs<'_>>,
    ) {
        self.receive();
        for (voice, chosen) in self.voices.iter_mut().zip(controls.chosen) {
            voice.hurry |= voice.chosen != chosen;
            voice.chosen = chosen;
            voice.moves_on |= voice.section != controls.section
                || voice.song_start.is_some() != controls.song_start.is_some();
            (voice.section, voice.song_start) = (controls.section, controls.song_start);
            voice.previews = controls.previews;
            voice.following = controls.following;
        }
        let swap_at = controls.swap_at;
        let length = stems.iter().flatten().map(|channel| channel.len()).min().unwrap_or(0);
        self.notes.begin(Grid::default(), 0);
        if length == 0 {
            return;
        }
        let playing = position.is_usable();
        let expected = self.last.map(|anchor| anchor.now(self.sample_rate_hz));
        let goes_on = playing
            && expected.is_some_and(|expected| {
                let wobble = if position.exact { ROUNDING_BEATS } else { WOBBLE_BEATS };
                position.bpm == expected.bpm && (position.beat - expected.beat).abs() <= wobble
            });
        let beat = expected.filter(|_| goes_on).map_or(position.beat, |expected| expected.beat);
        let early = EARLY_SAMPLES * position.bpm / (60.0 * self.sample_rate_hz);
        let mut place = Place::new(position, beat, early);
        // The host's next bar, if the host reports it before it has begun, as hosts that round positions do.
        let mut next_bar = None;
        if let (true, Some(last), Some(bar)) = (goes_on, self.bar, place.bar)
            && self.samples_until(bar.start, &place) > 0
        {
            (place.bar, next_bar) = (Some(last), Some(bar));
        }
        self.begin_notes(&position, expected.as_ref(), &place, length);
        self.turn_dials(controls, expected.as_ref().filter(|_| playing));
        match expected {
            Some(expected) if !goes_on => self.smooth_jump(&expected, &place, playing),
            None if playing => self.smooth_start(&place),
            _ => {}
        }
        self.age_tempo(&place);

        if playing {
            let mut start = 0;
            while start < length {
                if next_bar.is_none() {
                    self.enter_bar(&place, start);
                }
                let (end, bar) = self.bar_end(&place, next_bar.take(), start, length);
                for (track, [left, right]) in Track::ALL.into_iter().zip(&mut *stems) {
                    let (left, right) = (&mut left[start..end], &mut right[start..end]);
                    let drums = drums.as_deref_mut().filter(|_| track == Track::Drums);
                    self.render_bar(track, &place, swap_at, start, left, right, drums);
                }
                (start, place.bar) = (end, bar);
            }
        } else {
            for output in drums.iter_mut().flat_map(|drums| drums.iter_mut()).flatten() {
                output.fill(0.0);
            }
            for ((track, voice), [left, right]) in
                Track::ALL.into_iter().zip(&mut self.voices).zip(&mut *stems)
            {
                let (left, right) = (&mut left[..length], &mut right[..length]);
                left.fill(0.0);
                right.fill(0.0);
                voice.snap(&place);
                let drums = drums.as_deref_mut().filter(|_| track == Track::Drums);
                voice.smooth(0, left, right, drums, self.jump_fade_samples);
            }
        }
        if let Some([voices @ .., percussion]) = drums.as_deref_mut() {
            for (side, percussion) in percussion.iter_mut().enumerate() {
                let stem = &stems[Track::Drums.index()][side];
                for (index, (percussion, stem)) in percussion.iter_mut().zip(&stem[..length]).enumerate() {
                    *percussion = stem - voices.iter().map(|voice| voice[side][index]).sum::<f32>();
                }
            }
        }
        for (((voice, tilt), [left, right]), track) in
            self.voices.iter().zip(&mut self.tilts).zip(&mut *stems).zip(Track::ALL)
        {
            tilt.process(&voice.dials, [&mut left[..length], &mut right[..length]]);
            let drums = drums.as_deref_mut().filter(|_| track == Track::Drums);
            for ([left, right], tilt) in drums.into_iter().flatten().zip(&mut self.drum_tilts) {
                tilt.process(&voice.dials, [left, right]);
            }
        }
        self.bar = place.bar.filter(|_| playing);
        self.tempo_age = self.tempo_age.saturating_add(length);
        let anchor = self.last.filter(|_| goes_on).unwrap_or(Anchor { position: *place, samples: 0 });
        let samples = anchor.samples + length as u64;
        self.last = playing.then_some(Anchor { samples, ..anchor });
    }

    /// Applies the dials, without a click at the position where the timeline is `expected`.
    fn turn_dials(&mut self, controls: &Controls, expected: Option<&Position>) {
        let fade_samples = self.swap_fade_samples;
        for (voice, dials) in self.voices.iter_mut().zip(controls.dials) {
            let place = expected.filter(|_| voice.dials != dials);
            let was = place.map(|place| voice.sample(place.beat, place.bpm, fade_samples));
            voice.dials = dials;
            // Pieces also depend on the tempo.
            voice.forget_pieces();
            if let Some((place, was)) = place.zip(was) {
                let is = voice.sample(place.beat, place.bpm, fade_samples);
                voice.forget_pieces();
                if was != is {
                    voice.hide_jump(was, is, self.jump_fade_samples);
                }
            }
        }
    }

    /// Prepares the note list of a block. A jump or stop cuts notes off; a new tempo does not.
    fn begin_notes(
        &mut self,
        position: &Position,
        expected: Option<&Position>,
        place: &Place,
        length: usize,
    ) {
        let beats_per_sample = place.beats_per_sample(self.sample_rate_hz);
        let grid = Grid { beat: place.beat, beats_per_sample };
        self.notes.begin(grid, length);
        let expected = expected
            .filter(|expected| position.is_usable() && (position.beat - expected.beat).abs() <= WOBBLE_BEATS);
        if expected.is_none() {
            self.notes.cut_all();
        }
        self.notes_due = expected.map_or(0, |expected| grid.frame(expected.beat));
    }

    /// Lists the notes that a track starts in the audio frames `from..to`.
    fn add_notes(&mut self, track: Track, from: usize, to: usize) {
        let voice = &self.voices[track.index()];
        let Some(source) = &voice.current else { return };
        let due = if from == 0 { self.notes_due } else { self.notes_due.max(from as i64) };
        let place = (source.alignment.shift, self.tempo_bpm);
        self.notes.add(track, &source.clip, place, &voice.dials, due, (from, to));
    }

    /// The first sample of the block at which the timeline has reached `beat`; negative if it had before the block.
    fn samples_until(&self, beat: f64, place: &Place) -> i64 {
        let samples = (beat - place.beat) / place.beats_per_sample(self.sample_rate_hz);
        (samples - EARLY_SAMPLES).ceil() as i64
    }

    /// The end of the host's bar that contains sample `start`, at most `length`, and the bar that follows there: `next` if it is
    /// known. The host corrects this in its next block; until then, bars are assumed to keep their length.
    fn bar_end(&self, place: &Place, next: Option<Bar>, start: usize, length: usize) -> (usize, Option<Bar>) {
        let Some(bar) = place.bar else { return (length, None) };
        let next = next.unwrap_or_else(|| bar.advanced(1.0, place.quarters_per_bar));
        match usize::try_from(self.samples_until(next.start, place)) {
            // A bar that begins with the next block belongs to that block.
            Ok(end) if end < length => (end.max(start + 1), Some(next)),
            _ => (length, Some(bar)),
        }
    }

    /// Realigns what is playing to the bar that contains sample `start`, without a click.
    fn enter_bar(&mut self, place: &Place, start: usize) {
        let beat = place.beat + start as f64 * place.beats_per_sample(self.sample_rate_hz);
        for (track, voice) in Track::ALL.into_iter().zip(&mut self.voices) {
            let was = voice.sample(beat, place.bpm, self.swap_fade_samples);
            if voice.align(place) {
                self.notes.cut(track, start);
                let is = voice.sample(beat, place.bpm, self.swap_fade_samples);
                if was != is {
                    voice.hide_jump(was, is, self.jump_fade_samples);
                }
            }
        }
    }

    /// Prepares each voice to hide the jump caused by a jump of the timeline, a stop or a new tempo. `last` is the expected
    /// position.
    fn smooth_jump(&mut self, last: &Position, place: &Place, playing: bool) {
        let fade_samples = self.swap_fade_samples;
        for (track, voice) in Track::ALL.into_iter().zip(&mut self.voices) {
            let was = voice.sample(last.beat, last.bpm, fade_samples);
            voice.ring = None;
            if voice.align(place) {
                self.notes.cut(track, 0);
            }
            let is_followed = voice.current.as_ref().is_some_and(|source| source.of.is_some());
            if (voice.moves_on || is_followed) && playing {
                // What is chosen where the timeline jumps to plays from there on.
                voice.snap(place);
            }
            let is =
                if playing { voice.sample(place.beat, place.bpm, fade_samples) } else { Lanes::default() };
            voice.hide_jump(was, is, self.jump_fade_samples);
        }
    }

    /// Starts playback. In the middle of a loop, starting at full level would click. The sample just before the start is
    /// therefore subtracted and faded out, which keeps the edge of an attack that lies exactly at the start. At the loop's own
    /// start nothing is changed.
    fn smooth_start(&mut self, place: &Place) {
        let before = place.beat - place.beats_per_sample(self.sample_rate_hz);
        for voice in &mut self.voices {
            voice.snap(place);
            let starts_over = voice
                .current
                .as_ref()
                .is_none_or(|source| source.clip.starts_at(place.beat + source.alignment.shift, place.bpm));
            let was = if starts_over {
                Lanes::default()
            } else {
                Source::read(voice.current.as_mut(), before, place.bpm, &voice.dials)
            };
            voice.forget_pieces();
            voice.hide_jump(Lanes::default(), was, self.jump_fade_samples);
        }
    }

    /// Renders one track from sample `start` of the block on, within one bar of the host.
    #[allow(clippy::too_many_arguments, reason = "a track, a place and the output buffers")]
    fn render_bar(
        &mut self,
        track: Track,
        place: &Place,
        swap_at: SwapAt,
        start: usize,
        left: &mut [f32],
        right: &mut [f32],
        mut drums: Option<&mut DrumOutputs<'_>>,
    ) {
        let length = start + left.len();
        let mut from = start;
        while from < length {
            let to = self.swap_or_split(track, place, swap_at, from, length);
            self.add_notes(track, from, to);
            let within = from - start..to - start;
            let (left, right) = (&mut left[within.clone()], &mut right[within]);
            self.render(track, place, from, left, right, drums.as_deref_mut());
            // Part by part: a jump may be hidden where a part begins.
            let fade_samples = self.jump_fade_samples;
            self.voices[track.index()].smooth(from, left, right, drums.as_deref_mut(), fade_samples);
            from = to;
        }
    }

    /// Starts the swap to what should play if it is due at sample `start`. Returns the sample at which the next event splits the
    /// bar, which ends at sample `length`.
    fn swap_or_split(
        &mut self,
        track: Track,
        place: &Place,
        swap_at: SwapAt,
        start: usize,
        length: usize,
    ) -> usize {
        let beats_per_sample = place.beats_per_sample(self.sample_rate_hz);
        let unsettled = self.settled_samples().saturating_sub(self.tempo_age + start);
        // Renditions take over exactly at the sample where the tempo settles, whatever the block size.
        let length = if unsettled > 0 { length.min(start + unsettled) } else { length };
        let voice = &mut self.voices[track.index()];
        let beat = place.beat + start as f64 * beats_per_sample;
        let length = match voice.next_half_bar(beat) {
            Some(line) => {
                let samples = ((line - beat) / beats_per_sample - EARLY_SAMPLES).ceil().max(1.0);
                length.min(start.saturating_add(samples as usize))
            }
            None => length,
        };
        let wanted = voice.wanted(place, beat, unsettled == 0);
        let is_same_take = match (&voice.current, &wanted) {
            (None, None) => true,
            (Some(current), Some(wanted)) => current.serial == wanted.serial,
            _ => false,
        };
        if let (Some(current), Some(new)) = (&voice.current, &wanted)
            && !is_same_take
            && current.agrees_with(new, beat)
        {
            // Another part of the song has changed.
            let was = voice.sample(beat, place.bpm, self.swap_fade_samples);
            voice.current = wanted;
            (voice.hurry, voice.moves_on) = (false, false);
            let is = voice.sample(beat, place.bpm, self.swap_fade_samples);
            if was != is {
                voice.hide_jump(was, is, self.jump_fade_samples);
            }
            return length;
        }
        let is_same_clip = match (&voice.current, &wanted) {
            (Some(current), Some(wanted)) => Arc::ptr_eq(&current.clip, &wanted.clip),
            _ => true,
        };
        if is_same_take {
            (voice.hurry, voice.moves_on) = (false, false);
            if let (Some(current), Some(new)) = (&mut voice.current, &wanted) {
                // What was heard may have been chosen.
                current.is_preview = new.is_preview;
            }
            if let (Some(current), Some(new)) = (&voice.current, &wanted)
                && current.song_start != new.song_start
            {
                // The song starts at another bar now.
                let was = voice.sample(beat, place.bpm, self.swap_fade_samples);
                voice.current = wanted;
                voice.fading = None;
                let is = voice.sample(beat, place.bpm, self.swap_fade_samples);
                voice.hide_jump(was, is, self.jump_fade_samples);
                self.notes.cut(track, start);
                return length;
            }
            if is_same_clip {
                return length;
            }
            if voice.learns(wanted.as_ref()) {
                let was = voice.sample(beat, place.bpm, self.swap_fade_samples);
                voice.current = wanted;
                let is = voice.sample(beat, place.bpm, self.swap_fade_samples);
                voice.hide_jump(was, is, self.jump_fade_samples);
                return length;
            }
        }
        if voice.fading.is_some() {
            // One crossfade at a time: check again when this one has ended.
            let remaining = self.swap_fade_samples.saturating_sub(voice.fade_elapsed).max(1);
            return length.min(start + remaining);
        }
        let slot = voice.slot.as_ref();
        let previews = [&voice.current, &wanted].into_iter().flatten().any(|source| source.is_preview);
        let followed = match (&voice.current, &wanted) {
            (Some(current), Some(new)) if current.take() == new.take() => Some(Lines::half_bars(new, voice)),
            _ => None,
        };
        let at_once = !voice.moves_on
            && (voice.hurry || previews || (followed.is_none() && slot.is_some_and(|slot| slot.immediate)));
        let wait = if is_same_take || at_once {
            0.0
        } else {
            let asked_at = slot.and_then(|slot| slot.asked_at);
            let asked_at = asked_at.filter(|_| !voice.moves_on && followed.is_none());
            let lines = followed.unwrap_or_else(|| Lines::new(swap_at, place, voice.current.as_ref()));
            let line = lines.next(beat, beats_per_sample, asked_at, place.bpm);
            ((line - beat) / beats_per_sample - EARLY_SAMPLES).ceil().max(0.0)
        };
        if wait >= (length - start) as f64 {
            return length;
        }
        if wait > 0.0 {
            return start + wait as usize;
        }
        voice.hurry = false;
        let old = std::mem::replace(&mut voice.current, wanted);
        voice.fade_elapsed = 0;
        if std::mem::take(&mut voice.moves_on) && !is_same_take {
            // What is left of an earlier section gives way to what rings on of this one.
            if let Some(mut ring) = voice.ring.take() {
                let was = ring.read(beat, place.bpm, &voice.dials);
                voice.hide_jump(was, Lanes::default(), self.jump_fade_samples);
            }
            voice.ring = old.map(|source| Ring { source, cut_beat: beat, track });
            voice.fading = Some(None);
        } else {
            voice.fading = Some(old);
        }
        if !is_same_take {
            self.notes.cut(track, start);
        }
        length
    }

    fn render(
        &mut self,
        track: Track,
        place: &Place,
        start: usize,
        left: &mut [f32],
        right: &mut [f32],
        mut drums: Option<&mut DrumOutputs<'_>>,
    ) {
        let beats_per_sample = place.beats_per_sample(self.sample_rate_hz);
        let voice = &mut self.voices[track.index()];
        let fade_samples = self.swap_fade_samples;
        for (offset, (left, right)) in left.iter_mut().zip(right.iter_mut()).enumerate() {
            let beat = place.beat + (start + offset) as f64 * beats_per_sample;
            let [stem, voices @ ..] = voice.sample(beat, place.bpm, fade_samples);
            [*left, *right] = stem;
            for (output, voice) in drums.iter_mut().flat_map(|drums| drums.iter_mut()).zip(voices) {
                [output[0][start + offset], output[1][start + offset]] = voice;
            }
            if voice.fading.is_some() {
                voice.fade_elapsed += 1;
                if voice.fade_elapsed >= fade_samples {
                    voice.fading = None;
                }
            }
        }
        let end = place.beat + (start + left.len()) as f64 * beats_per_sample;
        if voice.ring.as_ref().is_some_and(|ring| ring.is_over(end, place.bpm)) {
            voice.ring = None;
        }
    }
}

/// Where the half bars of a loop lie on the host's timeline.
#[derive(Clone, Copy, Debug)]
struct HalfBars {
    run: u32,
    /// In quarter notes.
    length: f64,
    /// The host's beat at which half bar 0 begins.
    origin: f64,
}

impl HalfBars {
    fn at(&self, beat: f64) -> i64 {
        Following::half_bar_at(beat - self.origin, self.length)
    }

    /// The beat at which the next half bar begins.
    fn after(&self, beat: f64) -> f64 {
        (self.at(beat) + 1) as f64 * self.length + self.origin
    }
}

/// The positions within a bar of the host at which a take may take over.
#[derive(Clone, Copy, Debug)]
enum Lines {
    /// Anywhere.
    Any,
    /// At multiples of `unit` quarter notes, counted from `origin`.
    Every { unit: f64, origin: f64 },
    /// At a single beat: the start of the bar.
    At(f64),
}

impl Lines {
    fn new(swap_at: SwapAt, place: &Place, current: Option<&Source>) -> Self {
        let bar_start = place.bar.map(|bar| bar.start);
        let bar_line = match bar_start {
            Some(start) => Self::At(start),
            None => Self::Every { unit: place.quarters_per_bar, origin: 0.0 },
        };
        match swap_at {
            SwapAt::Now => Self::Any,
            SwapAt::Beat => Self::Every { unit: 1.0, origin: bar_start.unwrap_or(0.0) },
            SwapAt::Bar => bar_line,
            SwapAt::Loop => current.filter(|source| source.clip.loops()).map_or(bar_line, |source| {
                Self::Every { unit: source.clip.quarters(), origin: -source.alignment.shift }
            }),
        }
    }

    /// The half bars of a loop whose chords are, or were, followed.
    fn half_bars(source: &Source, voice: &Voice) -> Self {
        let length = source.clip.quarters_per_bar() / 2.0;
        let origin = voice.half_bars(source).map_or(-source.alignment.shift, |half_bars| half_bars.origin);
        Self::Every { unit: length, origin }
    }

    /// The first line at or after `beat`; infinite if this bar has none.
    fn from(self, beat: f64) -> f64 {
        match self {
            Self::Any => beat,
            Self::Every { unit, origin } if unit > 0.0 => {
                ((beat - origin) / unit - SAME_BEAT).ceil() * unit + origin
            }
            Self::Every { .. } => beat,
            Self::At(line) if beat <= line + SAME_BEAT => line,
            Self::At(_) => f64::INFINITY,
        }
    }

    /// The line at which a take waiting at `here` takes over. A line between two samples counts for the later one. Lines right
    /// after the song's request for the take are skipped ([`RESPONSE_SECONDS`]).
    fn next(self, here: f64, beats_per_sample: f64, asked_at: Option<f64>, bpm: f64) -> f64 {
        let before = beats_per_sample * (1.0 - EARLY_SAMPLES);
        let line = match self {
            Self::Any => here,
            _ => self.from(here - before),
        };
        let guard = RESPONSE_SECONDS * bpm / 60.0;
        match asked_at {
            Some(asked) if (asked - before..asked + guard - SAME_BEAT).contains(&line) => {
                self.from(asked + guard)
            }
            _ => line,
        }
    }
}

#[cfg(test)]
mod tests;
