//! Chords that are played into the plugin: keys from the audio thread, collected as notes of the loop.

use resonantgen_music::plan::{Chord, Plan};
use resonantgen_music::recognise::{PlayedNote, chords_of_notes, recognise};
use rtrb::{Consumer, Producer, RingBuffer};

/// Keys that may wait to be collected: more than two hands play between two polls.
const CAPACITY: usize = 1_024;
/// Most notes that are remembered: 64 bars of sixteenths with four voices.
const NOTES: usize = 4_096;
const KEYS: usize = 128;

/// A key that went down or up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlayedKey {
    /// MIDI key, in `0..=127`.
    pub key: u8,
    /// Whether it went down.
    pub is_down: bool,
    /// When, in quarter notes on the timeline on which the loop begins at 0; `None` while the transport is stopped.
    pub beat: Option<f64>,
}

/// The keys that are down, and the notes since the timeline last went back.
#[derive(Debug)]
pub struct Played {
    keys: Option<Consumer<PlayedKey>>,
    /// Whether a key is down, and when it went down.
    down: [Option<Option<f64>>; KEYS],
    notes: Vec<PlayedNote>,
    last: f64,
}

impl Default for Played {
    fn default() -> Self {
        Self { keys: None, down: [None; KEYS], notes: Vec::new(), last: f64::NEG_INFINITY }
    }
}

impl Played {
    /// The end for the audio thread, in place of any earlier one.
    pub fn open(&mut self) -> Producer<PlayedKey> {
        let (producer, consumer) = RingBuffer::new(CAPACITY);
        self.keys = Some(consumer);
        producer
    }

    /// Collects the keys that have come since the last time; returns whether there were any. Up to 1,024 can wait.
    pub fn collect(&mut self) -> bool {
        let mut has_keys = false;
        while let Some(Ok(key)) = self.keys.as_mut().map(Consumer::pop) {
            self.add(key);
            has_keys = true;
        }
        has_keys
    }

    fn add(&mut self, PlayedKey { key, is_down, beat }: PlayedKey) {
        let place = usize::from(key).min(KEYS - 1);
        if let Some(Some(start)) = self.down[place].take()
            && let Some(end) = beat.filter(|end| *end > start)
        {
            self.notes.push(PlayedNote { pitch: key, start, end });
        }
        if is_down {
            // The song went back: what is played now counts.
            if beat.is_some_and(|beat| beat < self.last) {
                self.notes.clear();
            }
            self.down[place] = Some(beat);
        }
        if self.notes.len() > NOTES {
            self.notes.drain(..NOTES / 2);
        }
        self.last = beat.unwrap_or(self.last);
    }

    /// Whether notes were played while the transport ran.
    #[must_use]
    pub fn has_notes(&self) -> bool {
        !self.notes.is_empty() || self.down.iter().flatten().any(Option::is_some)
    }

    /// The chord of the keys that are down.
    #[must_use]
    pub fn sounding(&self, flats: bool) -> Option<Chord> {
        let down: Vec<u8> = (0..KEYS as u8).filter(|key| self.down[usize::from(*key)].is_some()).collect();
        recognise(&down, flats)
    }

    /// The chords of the bars that were just played, for each half bar of the plan where a chord was heard, in the loop's place; at most
    /// one length of the loop, up to the last note. Notes that still sound count up to `now`, in quarter notes.
    #[must_use]
    pub fn chords(&self, plan: &Plan, now: f64) -> Vec<Option<Chord>> {
        let length = plan.quarters();
        let open = self.down.iter().enumerate().filter_map(|(key, down)| {
            let start = down.flatten().filter(|start| now > *start)?;
            Some(PlayedNote { pitch: key as u8, start, end: now })
        });
        let notes: Vec<PlayedNote> = self.notes.iter().copied().chain(open).collect();
        let end = notes.iter().fold(f64::NEG_INFINITY, |end, note| end.max(note.end));
        let mut in_loop = Vec::with_capacity(notes.len());
        for note in &notes {
            // Cut to the last turn of the loop, and at the loop's end.
            let (mut start, end) = (note.start.max(end - length), note.end);
            while start < end {
                let turn = (start / length).floor() * length;
                let part = end.min(turn + length);
                in_loop.push(PlayedNote { start: start - turn, end: part - turn, ..*note });
                start = part;
            }
        }
        chords_of_notes(&in_loop, plan.meter, plan.bars, plan.key.uses_flats())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resonantgen_words::{Overrides, make_plan, parse};

    fn plan(bars: u32) -> Plan {
        let facts = Overrides { bars: Some(bars), bpm: Some(120.0), ..Overrides::default() };
        make_plan(&parse("house in A minor").expect("a prompt"), &facts, 1).expect("a plan")
    }

    /// Plays chords for as many quarter notes each.
    fn play(played: &mut Played, producer: &mut Producer<PlayedKey>, chords: &[(&[u8], f64, f64)]) {
        for (keys, start, end) in chords {
            for (is_down, beat) in [(true, *start), (false, *end)] {
                for key in *keys {
                    producer.push(PlayedKey { key: *key, is_down, beat: Some(beat) }).expect("room");
                }
            }
        }
        played.collect();
    }

    fn symbols(chords: &[Option<Chord>]) -> Vec<String> {
        chords.iter().map(|chord| chord.map_or("-".to_owned(), |chord| chord.to_string())).collect()
    }

    const AM: &[u8] = &[72, 76, 81];
    const F: &[u8] = &[72, 77, 81];
    const G: &[u8] = &[74, 79, 83];

    #[test]
    fn what_was_played_last_lies_in_its_bars_of_the_loop() {
        let plan = plan(2);
        let mut played = Played::default();
        let mut producer = played.open();
        // From bar 6 of the song: the second bar of the loop, then the first.
        play(&mut played, &mut producer, &[(AM, 16.0, 20.0), (F, 20.0, 24.0), (G, 24.0, 26.0)]);
        assert_eq!(
            symbols(&played.chords(&plan, 26.0)),
            ["G", "Am", "F", "F"],
            "a turn ends with the last note"
        );
        assert_eq!(played.sounding(false), None);
    }

    #[test]
    fn a_song_that_goes_back_forgets_only_when_it_is_played_to() {
        let plan = plan(2);
        let mut played = Played::default();
        let mut producer = played.open();
        play(&mut played, &mut producer, &[(AM, 0.0, 4.0), (F, 4.0, 8.0)]);
        assert_eq!(symbols(&played.chords(&plan, 1.0)), ["Am", "Am", "F", "F"]);
        play(&mut played, &mut producer, &[(G, 4.0, 8.0)]);
        assert_eq!(symbols(&played.chords(&plan, 8.0)), ["-", "-", "G", "G"]);
    }

    #[test]
    fn held_keys_count_and_keys_without_a_beat_are_only_heard() {
        let plan = plan(1);
        let mut played = Played::default();
        let mut producer = played.open();
        for key in AM {
            producer.push(PlayedKey { key: *key, is_down: true, beat: Some(0.0) }).expect("room");
        }
        played.collect();
        assert_eq!(played.sounding(false).map(|chord| chord.to_string()).as_deref(), Some("Am"));
        assert_eq!(symbols(&played.chords(&plan, 2.0)), ["Am", "-"]);

        let mut stopped = Played::default();
        let mut producer = stopped.open();
        for (key, is_down) in AM.iter().flat_map(|key| [(*key, true), (*key, false)]) {
            producer.push(PlayedKey { key, is_down, beat: None }).expect("room");
        }
        stopped.collect();
        assert_eq!(symbols(&stopped.chords(&plan, 0.0)), ["-", "-"]);
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut played = Played::default();
        let mut producer = played.open();
        for beat in 0..20_000 {
            play(&mut played, &mut producer, &[(&[72], f64::from(beat), f64::from(beat) + 0.5)]);
        }
        assert!(played.notes.len() <= NOTES);
    }
}
