//! Chords that are followed: what was heard becomes the chords under the loop, for as long as chords are followed.
//!
//! The audio thread reports the chord of each half bar at its end (`audio/follow.rs`). That chord sounds one or two bars after it was
//! played, so at least half a bar is left to perform the tracks over it: at first only the bars that come next, then the whole loop. What is
//! made is a part of its own, which plays in the takes' place from its half bar on; the takes and the session never change.

use resonantgen_music::plan::{Chord, Plan};
use resonantgen_music::track::TRACK_COUNT;
use resonantgen_music::variation::NoteDials;
use resonantgen_session::{Chords, FollowedTakes};
use resonantgen_take::TakeId;

use super::job::{Count, Trigger};

/// Most performances that are remembered, for progressions that come again.
const REMEMBERED: usize = 6;

/// Size of a chord in a [mark](HeardChord::mark).
const CHORD_BITS: u32 = 16;

/// What was played in a half bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeardChord {
    /// Number of the run of the timeline.
    pub run: u32,
    /// The half bar, counted on the timeline of the run.
    pub half_bar: i64,
    /// The chord; `None` if none was played.
    pub chord: Option<Chord>,
    /// Whether the half bar has not ended yet: the work for it can begin, but nothing is played of it.
    pub is_guess: bool,
}

impl HeardChord {
    /// A number that is the same for a guess and what it guesses.
    #[must_use]
    pub fn mark(&self) -> u64 {
        (self.half_bar as u64) << CHORD_BITS | self.chord_mark()
    }

    /// Whether this chord was heard in the half bar of a mark.
    #[must_use]
    pub fn is_chord_of(&self, mark: u64) -> bool {
        mark & ((1 << CHORD_BITS) - 1) == self.chord_mark()
    }

    fn chord_mark(&self) -> u64 {
        let chord = self.chord.map_or(0, |chord| {
            let bass = chord.bass.map_or(0, |bass| 1 + u64::from(bass));
            1 + (bass * 12 + u64::from(chord.root)) * 64 + chord.quality as u64
        });
        debug_assert!(chord < 1 << CHORD_BITS);
        chord
    }
}

/// What was heard, on its way to the worker.
#[derive(Debug)]
pub struct QueuedChord {
    /// What was heard.
    pub heard: HeardChord,
    /// How many half bars later it sounds.
    pub lead: u32,
    /// Locks, takes and section at that moment.
    pub trigger: Trigger,
    /// As in [`QueuedJob`](super::job::QueuedJob).
    pub epoch: u64,
    /// As in [`QueuedJob`](super::job::QueuedJob).
    pub ticket: u64,
    /// Offline renders wait until this is dropped.
    pub pending: Count,
}

/// A part that plays in the takes' place, from a half bar on.
#[derive(Clone, Debug, PartialEq)]
pub struct FollowedPart {
    /// Number of the run.
    pub run: u32,
    /// The half bar from which it plays.
    pub from: i64,
    /// The chords under the loop, for each of its half bars; `None` where its own chord stays.
    pub chords: Vec<Option<Chord>>,
    /// The takes that it was made of (index as [`Track::ALL`](resonantgen_music::track::Track::ALL)).
    pub of: [Option<TakeId>; TRACK_COUNT],
    /// What plays in their place; `None` for the take itself.
    pub takes: FollowedTakes,
}

/// All that a performance depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Ground {
    /// The takes (index as [`Track::ALL`](resonantgen_music::track::Track::ALL)).
    pub of: [Option<TakeId>; TRACK_COUNT],
    /// The chords, as in [`FollowedPart`].
    pub chords: Vec<Option<Chord>>,
    /// Which tracks are locked.
    pub locked: [bool; TRACK_COUNT],
    /// How the notes are varied before they are moved.
    pub note_dials: [NoteDials; TRACK_COUNT],
    /// Tempo in quarter notes per minute.
    pub bpm: f64,
}

impl Ground {
    /// What the takes are performed over.
    #[must_use]
    pub fn over(&self) -> Chords<'_> {
        Chords { chords: &self.chords, dials: &self.note_dials, bpm: self.bpm }
    }
}

/// The chords under the loop as they are followed, and what was made of them.
#[derive(Debug, Default)]
pub struct Follower {
    run: Option<u32>,
    chords: Vec<Option<Chord>>,
    /// What the last part was made for.
    last: Option<Ground>,
    made: Vec<(Ground, FollowedTakes)>,
    /// The last part of which only the next bars were performed, and the half bar of the loop from which it plays.
    soon: Option<(Ground, usize, FollowedTakes)>,
}

impl Follower {
    /// Takes in what was heard, and returns the half bar from which it sounds. A chord is expected to stay until another one is heard:
    /// a steady one is performed once, and not again in every half bar.
    pub fn hear(&mut self, heard: HeardChord, lead: u32, plan: &Plan) -> i64 {
        let count = plan.chords.len();
        if self.run != Some(heard.run) || self.chords.len() != count {
            self.run = Some(heard.run);
            self.chords = vec![None; count];
            self.last = None;
        }
        let from = heard.half_bar + i64::from(lead);
        let place = |half_bar: i64| half_bar.rem_euclid(count.max(1) as i64) as usize;
        let flats = plan.key.uses_flats();
        let chord =
            heard.chord.map(|chord| Chord::new(chord.root, chord.quality, flats).over(chord.bass_note()));
        if self.chords.get(place(from)).is_some_and(|known| *known != chord) {
            // What sounds until then stays as it is, and a bar before it, whose notes may ring on.
            let kept = (lead as usize + 1).min(count.saturating_sub(1));
            for later in 0..count - kept {
                self.chords[place(from + later as i64)] = chord;
            }
        }
        from
    }

    /// The chords under the loop if a guess comes true.
    #[must_use]
    pub fn guess(&self, heard: HeardChord, lead: u32, plan: &Plan) -> Vec<Option<Chord>> {
        let mut guess = Self { run: self.run, chords: self.chords.clone(), ..Self::default() };
        guess.hear(heard, lead, plan);
        guess.chords
    }

    /// The chords under the loop.
    #[must_use]
    pub fn chords(&self) -> &[Option<Chord>] {
        &self.chords
    }

    /// Whether the last part was made for this.
    #[must_use]
    pub fn is_last(&self, ground: &Ground) -> bool {
        self.last.as_ref() == Some(ground)
    }

    /// The last part was made for this.
    pub fn note_last(&mut self, ground: &Ground) {
        self.last = Some(ground.clone());
    }

    /// What was made for this before.
    #[must_use]
    pub fn known(&self, ground: &Ground) -> Option<FollowedTakes> {
        self.made.iter().find(|(known, _)| known == ground).map(|(_, made)| made.clone())
    }

    /// Remembers what was made.
    pub fn remember(&mut self, ground: Ground, performed: FollowedTakes) {
        if self.made.len() >= REMEMBERED {
            self.made.remove(0);
        }
        self.made.push((ground, performed));
    }

    /// The part that was made for this before, of which only the bars from a half bar of the loop on were performed.
    pub fn take_soon(&mut self, ground: &Ground, half_bar: usize) -> Option<FollowedTakes> {
        let made = self.soon.take_if(|(known, from, _)| known == ground && *from == half_bar);
        made.map(|(.., takes)| takes)
    }

    /// Remembers a part of which only the bars from a half bar of the loop on were performed.
    pub fn remember_soon(&mut self, ground: Ground, half_bar: usize, performed: FollowedTakes) {
        self.soon = Some((ground, half_bar, performed));
    }

    /// Forgets everything: chords are not followed any more.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resonantgen_words::{Overrides, make_plan, parse};

    fn plan(bars: u32) -> Plan {
        let facts = Overrides { bars: Some(bars), bpm: Some(120.0), ..Overrides::default() };
        make_plan(&parse("house in F minor").expect("a prompt"), &facts, 1).expect("a plan")
    }

    fn hear(follower: &mut Follower, plan: &Plan, half_bar: i64, chord: Option<&str>) -> (i64, Vec<String>) {
        let chord = chord.map(|symbol| symbol.parse().expect("a chord"));
        let from = follower.hear(HeardChord { run: 1, half_bar, chord, is_guess: false }, 2, plan);
        let symbol = |chord: &Option<Chord>| chord.map_or("-".to_owned(), |chord| chord.to_string());
        (from, follower.chords().iter().map(symbol).collect())
    }

    #[test]
    fn a_chord_sounds_a_bar_later_and_is_expected_to_stay() {
        let plan = plan(4);
        let mut follower = Follower::default();
        let (from, chords) = hear(&mut follower, &plan, 0, Some("A#m"));
        assert_eq!(from, 2);
        assert_eq!(chords, ["-", "-", "Bbm", "Bbm", "Bbm", "Bbm", "Bbm", "-"], "spelled as the key is");
        let (from, same) = hear(&mut follower, &plan, 1, Some("A#m"));
        assert_eq!((from, &same), (3, &chords), "a steady chord changes nothing");
        // It is released: the loop's own chords come back, but not under what still sounds.
        let (from, chords) = hear(&mut follower, &plan, 2, None);
        assert_eq!(from, 4);
        assert_eq!(chords, ["-", "-", "Bbm", "Bbm", "-", "-", "-", "-"]);
        let (_, chords) = hear(&mut follower, &plan, 5, Some("C"));
        assert_eq!(chords, ["C", "C", "C", "C", "-", "-", "-", "C"], "over the end of the loop");
    }

    #[test]
    fn a_guess_changes_nothing_and_has_the_mark_of_what_it_guesses() {
        let plan = plan(4);
        let mut follower = Follower::default();
        hear(&mut follower, &plan, 0, Some("C"));
        let before = follower.chords().to_vec();
        let guess = HeardChord { run: 1, half_bar: 1, chord: "G".parse().ok(), is_guess: true };
        let expected = follower.guess(guess, 2, &plan);
        assert_eq!(follower.chords(), before);
        let heard = HeardChord { is_guess: false, ..guess };
        assert_eq!(heard.mark(), guess.mark());
        follower.hear(heard, 2, &plan);
        assert_eq!(follower.chords(), expected);
        let others = [
            HeardChord { half_bar: 2, ..guess },
            HeardChord { chord: None, ..guess },
            HeardChord { chord: "Gm".parse().ok(), ..guess },
        ];
        assert!(others.iter().all(|other| other.mark() != guess.mark()));
    }

    #[test]
    fn the_shortest_loop_and_another_run() {
        let plan = plan(1);
        let mut follower = Follower::default();
        assert_eq!(hear(&mut follower, &plan, 0, Some("C")).1, ["C", "-"]);
        assert_eq!(hear(&mut follower, &plan, 1, Some("C")).1, ["C", "C"]);
        assert_eq!(hear(&mut follower, &plan, 2, Some("G")).1, ["G", "C"]);
        follower.hear(HeardChord { run: 2, half_bar: 7, chord: None, is_guess: false }, 2, &plan);
        assert_eq!(follower.chords(), [None, None]);
    }
}
