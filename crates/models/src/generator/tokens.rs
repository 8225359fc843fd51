//! Score tokens: the notes of one track as a sequence of small integers, and the grammar of such sequences.
//!
//! A sequence is [`BOS`] and then, for each step, the step's events followed by [`STEP`].
//!
//! Drums: one hit `4 + class * 4 + level` per sounding class, ascending; [`ROLL2`] or [`ROLL3`] directly after a hit
//! repeats it evenly two or three times within its step. Tonal tracks: groups of ascending pitch tokens closed by one
//! token that gives duration class and velocity level of the whole group.
//!
//! Twin of `training/resonant/tokens.py`, checked against `tests/golden/compose`.

use resonantgen_music::score::{DRUM_CLASS_COUNT, DrumClass, Note, sort_notes};
use resonantgen_music::track::Track;

/// One token.
pub type Token = u16;

/// Padding of batches.
pub const PAD: Token = 0;
/// Start of a sequence.
pub const BOS: Token = 1;
/// End of a sequence; never generated, as the number of steps is known.
pub const EOS: Token = 2;
/// End of a step.
pub const STEP: Token = 3;
/// The first hit token.
pub const HIT0: Token = 4;
/// Plays the previous hit twice within its step.
pub const ROLL2: Token = 52;
/// Plays the previous hit three times within its step.
pub const ROLL3: Token = 53;
/// Number of drum tokens.
pub const DRUM_VOCABULARY: usize = 54;
/// The first pitch token.
pub const PITCH0: Token = 4;
/// Number of pitches of a tonal track, in semitones from [`lowest_pitch`].
pub const PITCH_COUNT: usize = 100;
/// The first token of duration class and velocity level.
pub const DV0: Token = 104;
/// Number of tonal tokens.
pub const TONAL_VOCABULARY: usize = 168;
/// Number of velocity levels.
pub const LEVELS: Token = 4;
/// Lengths of the duration classes in steps.
pub const DURATIONS: [f32; 16] =
    [0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 14.0, 16.0, 24.0, 32.0, 64.0];
/// Velocities of the levels.
pub const LEVEL_VELOCITY: [u8; 4] = [40, 70, 95, 118];
const LEVEL_THRESHOLDS: [u8; 3] = [55, 83, 107];

/// Number of tokens of `track`: the length of its composer's logits.
#[must_use]
pub const fn vocabulary(track: Track) -> usize {
    match track {
        Track::Drums => DRUM_VOCABULARY,
        Track::Bass | Track::Harmony | Track::Melody => TONAL_VOCABULARY,
    }
}

/// Level, in `0..4`, of a velocity.
#[must_use]
pub fn level_of(velocity: u8) -> Token {
    LEVEL_THRESHOLDS.iter().filter(|threshold| velocity >= **threshold).count() as Token
}

/// Index into [`DURATIONS`] of the class nearest to a length in steps: below 0.75 it is the first, ties go to the
/// shorter.
#[must_use]
pub fn duration_class_of(length_steps: f32) -> usize {
    if length_steps < 0.75 {
        return 0;
    }
    let mut best = 1;
    for (class, duration) in DURATIONS.iter().enumerate().skip(2) {
        if (duration - length_steps).abs() < (DURATIONS[best] - length_steps).abs() {
            best = class;
        }
    }
    best
}

/// MIDI pitch of the lowest pitch token: the tonic (pitch class, in `0..12`) between MIDI 6 and 17, so that transposition
/// moves a part by at most a tritone.
#[must_use]
pub fn lowest_pitch(tonic: u8) -> i32 {
    let tonic = i32::from(tonic);
    12 + if tonic <= 5 { tonic } else { tonic - 12 }
}

/// MIDI pitch relative to [`lowest_pitch`], clamped to `0..100`.
#[must_use]
pub fn relative_pitch(midi: u8, tonic: u8) -> u8 {
    (i32::from(midi) - lowest_pitch(tonic)).clamp(0, PITCH_COUNT as i32 - 1) as u8
}

/// The inverse of [`relative_pitch`] for pitches that were not clamped.
#[must_use]
pub fn midi_pitch(relative: u8, tonic: u8) -> u8 {
    (i32::from(relative) + lowest_pitch(tonic)).clamp(0, 127) as u8
}

fn drum_events(notes: &[Note], tokens: &mut Vec<Token>) {
    let mut levels: [Option<(Token, usize)>; DRUM_CLASS_COUNT] = [None; DRUM_CLASS_COUNT];
    for note in notes {
        if let Some(class) = DrumClass::from_key(note.pitch) {
            let (level, count) = levels[class.index()].get_or_insert((0, 0));
            *level = (*level).max(level_of(note.velocity));
            *count += 1;
        }
    }
    for (class, hit) in levels.iter().enumerate() {
        if let Some((level, count)) = hit {
            tokens.push(HIT0 + class as Token * LEVELS + level);
            match count {
                1 => {}
                2 => tokens.push(ROLL2),
                _ => tokens.push(ROLL3),
            }
        }
    }
}

fn tonal_events(notes: &[Note], tonic: u8, tokens: &mut Vec<Token>) {
    // Of notes with equal pitch the longest (then the loudest) counts: it has the larger token.
    let mut values: [Token; PITCH_COUNT] = [0; PITCH_COUNT];
    for note in notes {
        let value = DV0 + duration_class_of(note.length) as Token * LEVELS + level_of(note.velocity);
        let slot = &mut values[usize::from(relative_pitch(note.pitch, tonic))];
        *slot = (*slot).max(value);
    }
    for lowest in 0..PITCH_COUNT {
        let value = values[lowest];
        if value == 0 {
            continue;
        }
        for (relative, slot) in values.iter_mut().enumerate().skip(lowest) {
            if *slot == value {
                tokens.push(PITCH0 + relative as Token);
                *slot = 0;
            }
        }
        tokens.push(value);
    }
}

/// Tokens of the notes that start in `first_step..first_step + steps`, [`BOS`] first.
///
/// `tonic` is a pitch class. Drum keys outside the twelve classes are skipped; microtiming is not coded.
#[must_use]
pub fn encode(track: Track, notes: &[Note], tonic: u8, first_step: u32, steps: u32) -> Vec<Token> {
    let mut by_step: Vec<Vec<Note>> = vec![Vec::new(); steps as usize];
    for note in notes {
        if let Some(slot) = note.step.checked_sub(first_step).and_then(|step| by_step.get_mut(step as usize))
        {
            slot.push(*note);
        }
    }
    let mut tokens = vec![BOS];
    for step_notes in &by_step {
        match track {
            Track::Drums => drum_events(step_notes, &mut tokens),
            Track::Bass | Track::Harmony | Track::Melody => tonal_events(step_notes, tonic, &mut tokens),
        }
        tokens.push(STEP);
    }
    tokens
}

/// Converts tokens to notes incrementally.
#[derive(Clone, Debug)]
pub struct Decoder {
    track: Track,
    tonic: u8,
    step: u32,
    pitches: Vec<u8>,
    hit: Option<(u8, u8)>,
}

impl Decoder {
    /// A decoder whose next note starts at `first_step`; `tonic` is a pitch class.
    #[must_use]
    pub fn new(track: Track, tonic: u8, first_step: u32) -> Self {
        Self { track, tonic, step: first_step, pitches: Vec::new(), hit: None }
    }

    /// The step of the next token.
    #[must_use]
    pub const fn step(&self) -> u32 {
        self.step
    }

    /// Processes one token; appends finished notes to `notes` (a roll replaces the hit appended before it). Tokens outside the
    /// grammar are ignored. Hits last one step, those of a roll 1/2 or 1/3.
    pub fn push(&mut self, token: Token, notes: &mut Vec<Note>) {
        if token == STEP {
            self.step += 1;
            self.pitches.clear();
            self.hit = None;
        } else if token < HIT0 || usize::from(token) >= vocabulary(self.track) {
            // PAD, BOS, EOS and unknown tokens are ignored.
        } else if self.track == Track::Drums {
            if token >= ROLL2 {
                if let Some((pitch, velocity)) = self.hit.take() {
                    notes.pop();
                    let count = token - ROLL2 + 2;
                    let length = 1.0 / f32::from(count);
                    notes.extend((0..count).map(|part| Note {
                        step: self.step,
                        offset: f32::from(part) / f32::from(count),
                        length,
                        pitch,
                        velocity,
                    }));
                }
            } else {
                let class = DrumClass::ALL[usize::from((token - HIT0) / LEVELS)];
                let velocity = LEVEL_VELOCITY[usize::from((token - HIT0) % LEVELS)];
                self.hit = Some((class.key(), velocity));
                notes.push(Note { step: self.step, offset: 0.0, length: 1.0, pitch: class.key(), velocity });
            }
        } else if token < DV0 {
            self.pitches.push(midi_pitch((token - PITCH0) as u8, self.tonic));
        } else {
            let length = DURATIONS[usize::from((token - DV0) / LEVELS)];
            let velocity = LEVEL_VELOCITY[usize::from((token - DV0) % LEVELS)];
            let step = self.step;
            notes.extend(self.pitches.drain(..).map(|pitch| Note {
                step,
                offset: 0.0,
                length,
                pitch,
                velocity,
            }));
        }
    }
}

/// Notes of a token sequence, sorted; its first step becomes `first_step`. Everything after an [`EOS`] is ignored.
#[must_use]
pub fn decode(track: Track, tokens: &[Token], tonic: u8, first_step: u32) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut decoder = Decoder::new(track, tonic, first_step);
    for token in tokens.iter().take_while(|token| **token != EOS) {
        decoder.push(*token, &mut notes);
    }
    sort_notes(&mut notes);
    notes
}

/// Tracks which tokens may come next. Feed it every token of a sequence, including [`BOS`]; call
/// [`allows`](Self::allows) before each choice.
#[derive(Clone, Debug)]
pub struct Grammar {
    track: Track,
    last: Token,
    /// Tonal: the lowest pitch token of the open or last closed group. Drums: the step's last hit.
    lowest: Option<Token>,
    /// Tonal: the lowest pitch token of the step's previous group.
    floor: Option<Token>,
    /// Tonal: pitches (bit = relative pitch) of the open group, which has no duration yet.
    open: u128,
    /// Tonal: pitches of this step, including the open group's.
    used: u128,
}

impl Grammar {
    /// The grammar of `track` at the start of a sequence.
    #[must_use]
    pub const fn new(track: Track) -> Self {
        Self { track, last: BOS, lowest: None, floor: None, open: 0, used: 0 }
    }

    /// The track of this grammar.
    #[must_use]
    pub const fn track(&self) -> Track {
        self.track
    }

    /// Relative pitches (bit = relative pitch) of the open group, which has no duration yet; 0 if there is none.
    #[must_use]
    pub const fn open_pitches(&self) -> u128 {
        self.open
    }

    /// Relative pitches of this step so far, including the open group's.
    #[must_use]
    pub const fn used_pitches(&self) -> u128 {
        self.used
    }

    /// Advances by one token.
    pub fn feed(&mut self, token: Token) {
        self.last = token;
        if token == STEP || token == BOS {
            *self = Self { last: token, ..Self::new(self.track) };
        } else if self.track == Track::Drums {
            if (HIT0..ROLL2).contains(&token) {
                self.lowest = Some(token);
            }
        } else if (PITCH0..DV0).contains(&token) {
            if self.open == 0 {
                self.lowest = Some(token);
            }
            let bit = 1_u128 << (token - PITCH0);
            self.open |= bit;
            self.used |= bit;
        } else if token >= DV0 {
            self.floor = self.lowest;
            self.open = 0;
        }
    }

    /// Whether `token` may come next.
    #[must_use]
    pub fn allows(&self, token: Token) -> bool {
        if self.track == Track::Drums {
            return match token {
                STEP => true,
                HIT0..ROLL2 => {
                    self.lowest.is_none_or(|last| (token - HIT0) / LEVELS > (last - HIT0) / LEVELS)
                }
                ROLL2 | ROLL3 => (HIT0..ROLL2).contains(&self.last),
                _ => false,
            };
        }
        match token {
            STEP => self.open == 0,
            PITCH0..DV0 if self.used & (1 << (token - PITCH0)) != 0 => false,
            PITCH0..DV0 if self.open != 0 => token > self.last,
            PITCH0..DV0 => self.floor.is_none_or(|floor| token > floor),
            DV0.. if usize::from(token) < TONAL_VOCABULARY => self.open != 0,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::golden;

    #[test]
    fn encode_decode_and_grammar_agree_with_the_goldens() {
        for file in golden::files() {
            for case in &file.cases {
                let bar = file.piece.steps_per_bar();
                let notes = &file.piece.tracks[&case.track];
                let first_step = case.first_bar * bar;
                let tokens = encode(case.track, notes, file.piece.tonic, first_step, case.bars * bar);
                assert_eq!(tokens, case.tokens, "{} {}", file.name, case.track);
                let decoded = decode(case.track, &tokens, file.piece.tonic, first_step);
                assert_eq!(decoded.len(), case.decoded.len(), "{} {}", file.name, case.track);
                for (ours, theirs) in decoded.iter().zip(&case.decoded) {
                    assert_eq!(
                        (ours.step, ours.pitch, ours.velocity),
                        (theirs.step, theirs.pitch, theirs.velocity)
                    );
                    assert!((ours.offset - theirs.offset).abs() < 1e-6);
                    assert!((ours.length - theirs.length).abs() < 1e-6);
                }
                let mut grammar = Grammar::new(case.track);
                let mut masks = case.masks.iter();
                let mut next = masks.next();
                for (position, token) in tokens.iter().enumerate() {
                    assert!(position == 0 || grammar.allows(*token), "{} at {position}", file.name);
                    grammar.feed(*token);
                    if let Some(mask) = next.filter(|mask| mask.position == position) {
                        let allowed: Vec<Token> = (0..vocabulary(case.track) as Token)
                            .filter(|token| grammar.allows(*token))
                            .collect();
                        assert_eq!(allowed, mask.allowed, "{} {} at {position}", file.name, case.track);
                        next = masks.next();
                    }
                }
                assert!(next.is_none());
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_tokens_decode_without_panic(tokens in proptest::collection::vec(0_u16..400, 0..200), tonic in 0_u8..12) {
            for track in Track::ALL {
                for note in decode(track, &tokens, tonic, 3) {
                    assert!(note.length > 0.0 && note.pitch < 128 && (1..=127).contains(&note.velocity));
                }
            }
        }

        #[test]
        fn what_was_decoded_encodes_to_the_same_notes(
            raw in proptest::collection::vec((0_u32..32, 0.1_f32..70.0, 20_u8..100, 1_u8..128), 0..60),
            tonic in 0_u8..12,
        ) {
            let notes: Vec<Note> = raw
                .into_iter()
                .map(|(step, length, pitch, velocity)| Note { step, offset: 0.0, length, pitch, velocity })
                .collect();
            for track in Track::ALL {
                let once = decode(track, &encode(track, &notes, tonic, 0, 32), tonic, 0);
                let twice = decode(track, &encode(track, &once, tonic, 0, 32), tonic, 0);
                assert_eq!(once, twice);
            }
        }
    }
}
