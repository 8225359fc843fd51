//! Records bars of the sidechain input, in time with the loop.
//!
//! The control side sends a tape with room for the bars; the audio thread fills it and sends it back. A recording of N bars begins on a
//! multiple of N bars of the loop's timeline, so that it can play as a loop without being moved. A jump by whole recordings (the host's
//! cycle) goes on; any other jump, a stop, and another tempo end it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use atomic_float::AtomicF64;
use clap_sys::events::{
    CLAP_TRANSPORT_HAS_BEATS_TIMELINE, CLAP_TRANSPORT_HAS_TEMPO, CLAP_TRANSPORT_HAS_TIME_SIGNATURE,
    CLAP_TRANSPORT_IS_PLAYING, clap_event_transport,
};
use clap_sys::fixedpoint::CLAP_BEATTIME_FACTOR;
use resonantgen_music::track::Track;
use rtrb::{Consumer, Producer, RingBuffer};

use crate::control::job::Trigger;

/// A position this far from where it is expected, in quarter notes, is a jump. Positions of hosts wobble.
const JUMP_BEATS: f64 = 0.02;
/// Largest relative change of the tempo within a recording.
const STEADY: f64 = 1e-4;
/// Tapes on their way in either direction.
const TAPES: usize = 2;

/// What a recording is for.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// It becomes a take, which is locked.
    Take,
    /// A new take follows its groove and register, requested like this.
    Reference(Trigger),
}

/// Room for the recording of some bars.
#[derive(Debug)]
pub struct Tape {
    /// The track that the recording is for.
    pub track: Track,
    /// Number of bars.
    pub bars: u32,
    /// Length of the bars in quarter notes.
    pub quarters: f64,
    /// How far the loop is shifted against the host's beats, in quarter notes.
    pub shift: f64,
    /// What the recording is for.
    pub purpose: Purpose,
    /// What was recorded, at the host's rate.
    pub left: Vec<f32>,
    /// As `left`.
    pub right: Vec<f32>,
    /// Tempo of the recording in quarter notes per minute.
    pub bpm: f64,
    /// Audio frames per second.
    pub rate_hz: f64,
}

impl Tape {
    /// An empty tape for `bars` bars of together `quarters` quarter notes, with room for `frames` audio frames, of a
    /// loop that is not shifted. Not realtime-safe.
    #[must_use]
    pub fn new(track: Track, bars: u32, quarters: f64, purpose: Purpose, frames: usize) -> Self {
        let [left, right] = std::array::from_fn(|_| Vec::with_capacity(frames));
        Self { track, bars, quarters, shift: 0.0, purpose, left, right, bpm: 0.0, rate_hz: 0.0 }
    }
}

/// How a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All bars are on the tape.
    Complete,
    /// The user does not want it any more.
    Cancelled,
    /// The host stopped.
    Stopped,
    /// The host jumped elsewhere.
    Jumped,
    /// The tempo changed, or the bars are too long at this tempo.
    OtherTempo,
}

/// A tape on its way back.
#[derive(Debug)]
pub struct Recorded {
    /// What was recorded.
    pub tape: Tape,
    /// How it ended.
    pub outcome: Outcome,
}

/// What the audio thread is doing, for the editor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Recording {
    /// Nothing is to be recorded.
    None,
    /// Waits for the first bar, or for the host to play.
    Waiting,
    /// This share is recorded, 0 to 1.
    Running(f32),
}

#[derive(Debug, Default)]
struct Shared {
    /// 0 without a recording; otherwise 1 and the share recorded, in thousandths.
    progress: AtomicU32,
    /// Whether the recording is not wanted any more.
    cancelled: AtomicBool,
    /// Whether the host supplied the input in its last block.
    connected: AtomicBool,
    /// Bits of the highest level since it was last read.
    peak: AtomicU32,
    /// Rate and tempo of the last block; 0 before there is one.
    rate_hz: AtomicF64,
    bpm: AtomicF64,
    /// Time signature of the last block: numerator and, in the lower half, denominator; 0 if the host has none.
    time_signature: AtomicU32,
}

/// The host as of its last block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HostTime {
    /// Audio frames per second.
    pub rate_hz: f64,
    /// Tempo in quarter notes per minute.
    pub bpm: f64,
    /// Numerator and denominator of the time signature, where the host has one.
    pub time_signature: Option<(u32, u32)>,
}

/// The control side's ends of the rings.
#[derive(Debug)]
pub struct Tapes {
    shared: Arc<Shared>,
    sender: Producer<Tape>,
    receiver: Consumer<Recorded>,
}

impl Tapes {
    /// Starts a recording; returns whether the audio thread can take it, which it cannot while another one is under way.
    pub fn start(&mut self, tape: Tape) -> bool {
        if self.shared.progress.load(Ordering::Acquire) != 0 || self.sender.is_full() {
            return false;
        }
        self.shared.cancelled.store(false, Ordering::Release);
        self.shared.progress.store(1, Ordering::Release);
        self.sender.push(tape).is_ok()
    }

    /// The recording that has ended since the last call.
    #[must_use]
    pub fn take(&mut self) -> Option<Recorded> {
        self.receiver.pop().ok()
    }
}

/// What the audio thread tells and is told, without a lock.
#[derive(Clone, Debug)]
pub struct RecordStatus(Arc<Shared>);

impl RecordStatus {
    /// Gives up the recording, if there is one.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Release);
    }

    /// What the audio thread is doing.
    #[must_use]
    pub fn recording(&self) -> Recording {
        if self.0.cancelled.load(Ordering::Acquire) {
            return Recording::None;
        }
        match self.0.progress.load(Ordering::Acquire) {
            0 => Recording::None,
            1 => Recording::Waiting,
            share => Recording::Running((share - 1) as f32 / 1000.0),
        }
    }

    /// The host as of its last block; `None` before there was one, and while the host has no tempo.
    #[must_use]
    pub fn host(&self) -> Option<HostTime> {
        let [rate_hz, bpm] = [&self.0.rate_hz, &self.0.bpm].map(|value| value.load(Ordering::Relaxed));
        let signature = self.0.time_signature.load(Ordering::Relaxed);
        let time_signature = (signature != 0).then_some((signature >> 16, signature & 0xffff));
        (rate_hz > 0.0 && bpm > 0.0).then_some(HostTime { rate_hz, bpm, time_signature })
    }

    /// Whether the host supplied the input in its last block.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.0.connected.load(Ordering::Relaxed)
    }

    /// The highest absolute sample of the input since the last call.
    #[must_use]
    pub fn take_peak(&self) -> f32 {
        f32::from_bits(self.0.peak.swap(0, Ordering::Relaxed))
    }
}

/// The audio thread's part.
#[derive(Debug)]
pub struct Recorder {
    shared: Arc<Shared>,
    tapes: Consumer<Tape>,
    ended: Producer<Recorded>,
    current: Option<Tape>,
    /// Where the next block is expected, once the recording runs, and the number of audio frames that it will have.
    run: Option<(f64, usize)>,
}

/// A recorder, what it tells, and where its tapes come from and go to.
#[must_use]
pub fn recorder() -> (Recorder, RecordStatus, Tapes) {
    let shared = Arc::<Shared>::default();
    let (sender, tapes) = RingBuffer::new(TAPES);
    let (ended, receiver) = RingBuffer::new(TAPES);
    let own = Tapes { shared: Arc::clone(&shared), sender, receiver };
    let status = RecordStatus(Arc::clone(&shared));
    (Recorder { shared, tapes, ended, current: None, run: None }, status, own)
}

/// The host's position at the start of a block: quarter notes, and the tempo.
fn position(transport: Option<&clap_event_transport>) -> Option<(f64, f64)> {
    let needed = CLAP_TRANSPORT_HAS_BEATS_TIMELINE | CLAP_TRANSPORT_HAS_TEMPO | CLAP_TRANSPORT_IS_PLAYING;
    let transport = transport.filter(|transport| transport.flags & needed == needed)?;
    let bpm = transport.tempo;
    (bpm.is_finite() && bpm > 0.0)
        .then(|| (transport.song_pos_beats as f64 / CLAP_BEATTIME_FACTOR as f64, bpm))
}

impl Recorder {
    /// Hears a block of the input, both sides of one length; `None` if the host does not supply it, which sounds like silence of
    /// `frames` audio frames. Realtime-safe.
    pub fn process(
        &mut self,
        transport: Option<&clap_event_transport>,
        rate_hz: f64,
        input: Option<[&[f32]; 2]>,
        frames: usize,
    ) {
        self.shared.connected.store(input.is_some(), Ordering::Relaxed);
        self.shared.rate_hz.store(rate_hz, Ordering::Relaxed);
        let known = |flag| transport.filter(|transport| transport.flags & flag != 0);
        let bpm = known(CLAP_TRANSPORT_HAS_TEMPO).map_or(0.0, |transport| transport.tempo);
        self.shared.bpm.store(bpm, Ordering::Relaxed);
        let signature = known(CLAP_TRANSPORT_HAS_TIME_SIGNATURE)
            .map_or(0, |transport| u32::from(transport.tsig_num) << 16 | u32::from(transport.tsig_denom));
        self.shared.time_signature.store(signature, Ordering::Relaxed);
        if self.current.is_none() {
            let Ok(tape) = self.tapes.pop() else { return };
            (self.current, self.run) = (Some(tape), None);
        }
        let peak = input.into_iter().flatten().flatten().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        if peak > f32::from_bits(self.shared.peak.load(Ordering::Relaxed)) {
            self.shared.peak.store(peak.to_bits(), Ordering::Relaxed);
        }
        if self.shared.cancelled.load(Ordering::Acquire) {
            return self.end(Outcome::Cancelled);
        }
        let here = position(transport);
        let Some(tape) = &mut self.current else { return };
        let (from, frames_wanted) = match (self.run, here) {
            (None, None) => return,
            (Some(_), None) => return self.end(Outcome::Stopped),
            (None, Some((beat, bpm))) => {
                let beats_per_frame = bpm / (60.0 * rate_hz);
                let ahead = (-(beat + tape.shift)).rem_euclid(tape.quarters);
                let frames_ahead = (ahead / beats_per_frame).round();
                let wanted = (tape.quarters / beats_per_frame).round();
                // Just past the line counts as on it.
                let from = if frames_ahead >= wanted { 0.0 } else { frames_ahead };
                if from >= frames as f64 {
                    return;
                }
                if wanted > tape.left.capacity() as f64 {
                    return self.end(Outcome::OtherTempo);
                }
                (tape.bpm, tape.rate_hz) = (bpm, rate_hz);
                (from as usize, wanted as usize)
            }
            (Some((expected, wanted)), Some((beat, bpm))) => {
                if (bpm / tape.bpm - 1.0).abs() > STEADY || rate_hz != tape.rate_hz {
                    return self.end(Outcome::OtherTempo);
                }
                let away = expected - beat;
                if (away - (away / tape.quarters).round() * tape.quarters).abs() > JUMP_BEATS {
                    return self.end(Outcome::Jumped);
                }
                (0, wanted)
            }
        };
        let Some((beat, _)) = here else { return };
        let count = (frames - from).min(frames_wanted - tape.left.len());
        for (side, index) in [&mut tape.left, &mut tape.right].into_iter().zip([0, 1]) {
            let length = side.len() + count;
            match input {
                Some(input) => side.extend_from_slice(&input[index][from..from + count]),
                None => side.resize(length, 0.0),
            }
        }
        let share = tape.left.len() as f64 / frames_wanted as f64;
        let is_complete = tape.left.len() == frames_wanted;
        self.run = Some((beat + frames as f64 * tape.bpm / (60.0 * rate_hz), frames_wanted));
        self.shared.progress.store(2 + (share * 998.0) as u32, Ordering::Release);
        if is_complete {
            self.end(Outcome::Complete);
        }
    }

    /// Sends the tape back. The ring has room for every tape that there is.
    fn end(&mut self, outcome: Outcome) {
        if let Some(tape) = self.current.take() {
            // Only a control side that has gone leaves the ring full; then the tape waits in `current`.
            if let Err(rtrb::PushError::Full(recorded)) = self.ended.push(Recorded { tape, outcome }) {
                self.current = Some(recorded.tape);
                return;
            }
        }
        self.run = None;
        self.shared.progress.store(0, Ordering::Release);
    }
}

/// The transport of a host that plays.
#[cfg(test)]
pub fn playing(beat: f64, bpm: f64) -> clap_event_transport {
    // SAFETY: all its fields are numbers.
    let empty: clap_event_transport = unsafe { std::mem::zeroed() };
    clap_event_transport {
        flags: CLAP_TRANSPORT_HAS_BEATS_TIMELINE | CLAP_TRANSPORT_HAS_TEMPO | CLAP_TRANSPORT_IS_PLAYING,
        song_pos_beats: (beat * CLAP_BEATTIME_FACTOR as f64).round() as i64,
        tempo: bpm,
        ..empty
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::realtime;

    const BPM: f64 = 120.0;

    fn transport(beat: f64, bpm: f64, plays: bool) -> clap_event_transport {
        let transport = playing(beat, bpm);
        let stopped = transport.flags & !CLAP_TRANSPORT_IS_PLAYING;
        clap_event_transport { flags: if plays { transport.flags } else { stopped }, ..transport }
    }

    /// Plays from `beat` for `frames` audio frames; each sample of the input is the position in audio frames, on the right negative.
    fn play(recorder: &mut Recorder, rate_hz: f64, beat: f64, frames: usize, block: usize) {
        let per_beat = rate_hz * 60.0 / BPM;
        let first = (beat * per_beat).round();
        let left: Vec<f32> = (0..frames).map(|frame| (first + frame as f64) as f32).collect();
        let right: Vec<f32> = left.iter().map(|sample| -sample).collect();
        let mut at = 0;
        while at < frames {
            let count = block.min(frames - at);
            let transport = transport(beat + at as f64 / per_beat, BPM, true);
            let input = [&left[at..at + count], &right[at..at + count]];
            realtime(|| recorder.process(Some(&transport), rate_hz, Some(input), count));
            at += count;
        }
    }

    fn tape(bars: u32, rate_hz: f64) -> Tape {
        let quarters = f64::from(bars) * 4.0;
        Tape::new(Track::Bass, bars, quarters, Purpose::Take, (quarters * rate_hz * 60.0 / BPM) as usize + 1)
    }

    #[test]
    fn bars_are_recorded_to_the_sample_in_blocks_of_any_length() {
        for rate_hz in [44_100.0, 48_000.0, 96_000.0] {
            for block in [17, 64, 4_096, 1 << 20] {
                let (mut recorder, status, mut tapes) = recorder();
                assert!(tapes.start(tape(2, rate_hz)));
                assert!(!tapes.start(tape(2, rate_hz)), "one at a time");
                let per_beat = (rate_hz * 60.0 / BPM) as usize;
                play(&mut recorder, rate_hz, 5.5, 12 * per_beat, block);
                let Recorded { tape, outcome } = tapes.take().expect("it has ended");
                assert_eq!(
                    (outcome, tape.left.len(), tape.right.len()),
                    (Outcome::Complete, 8 * per_beat, 8 * per_beat)
                );
                assert_eq!(
                    (tape.left[0], tape.right[0]),
                    (8.0 * per_beat as f32, -8.0 * per_beat as f32),
                    "{rate_hz} {block}"
                );
                assert!(tape.left.windows(2).all(|pair| pair[1] - pair[0] == 1.0));
                assert_eq!((tape.bpm, tape.rate_hz, status.recording()), (BPM, rate_hz, Recording::None));
                assert!(tapes.start(self::tape(1, rate_hz)), "and again");
            }
        }
    }

    #[test]
    fn a_cycle_of_whole_recordings_goes_on() {
        let rate_hz = 48_000.0;
        let (mut recorder, _, mut tapes) = recorder();
        assert!(tapes.start(tape(2, rate_hz)));
        // The host's cycle is beats 4 to 12; the recording begins at 8.
        for _ in 0..2 {
            play(&mut recorder, rate_hz, 4.0, 8 * 24_000, 512);
        }
        let Recorded { tape, outcome } = tapes.take().expect("it has ended");
        assert_eq!((outcome, tape.left[0], tape.left[4 * 24_000]), (Outcome::Complete, 192_000.0, 96_000.0));
    }

    #[test]
    fn whatever_disturbs_a_recording_ends_it_and_gives_the_tape_back() {
        type Disturb = fn(&mut Recorder, &RecordStatus);
        let cases: [(Outcome, Disturb); 4] = [
            (Outcome::Stopped, |recorder, _| {
                recorder.process(Some(&transport(1.0, BPM, false)), 48_000.0, None, 64);
            }),
            (Outcome::Jumped, |recorder, _| {
                recorder.process(Some(&transport(3.0, BPM, true)), 48_000.0, None, 64);
            }),
            (Outcome::OtherTempo, |recorder, _| {
                recorder.process(Some(&transport(1.0, 121.0, true)), 48_000.0, None, 64);
            }),
            (Outcome::Cancelled, |recorder, status| {
                status.cancel();
                recorder.process(Some(&transport(1.0, BPM, true)), 48_000.0, None, 64);
            }),
        ];
        for (expected, disturb) in cases {
            let (mut recorder, status, mut tapes) = recorder();
            assert!(tapes.start(tape(1, 48_000.0)));
            play(&mut recorder, 48_000.0, 0.0, 24_000, 512);
            assert!(matches!(status.recording(), Recording::Running(share) if (0.2..0.3).contains(&share)));
            assert!(tapes.take().is_none());
            disturb(&mut recorder, &status);
            let Recorded { tape, outcome } = tapes.take().expect("it has ended");
            assert_eq!((outcome, tape.left.len(), status.recording()), (expected, 24_000, Recording::None));
        }
    }

    #[test]
    fn it_waits_while_the_host_is_stopped_and_says_whether_anything_is_connected() {
        let (mut recorder, status, mut tapes) = recorder();
        assert!(tapes.start(tape(1, 48_000.0)));
        recorder.process(Some(&transport(0.0, BPM, false)), 48_000.0, None, 64);
        recorder.process(None, 48_000.0, None, 64);
        assert_eq!((status.recording(), status.is_connected()), (Recording::Waiting, false));
        let sound = [0.25, -0.5];
        recorder.process(Some(&transport(1.0, BPM, true)), 48_000.0, Some([&sound, &sound]), 2);
        assert_eq!((status.is_connected(), status.take_peak(), status.take_peak()), (true, 0.5, 0.0));
        assert_eq!(status.host(), Some(HostTime { rate_hz: 48_000.0, bpm: BPM, time_signature: None }));
        // Bars that are longer than the tape, because the host has slowed down.
        recorder.process(Some(&transport(4.0, 60.0, true)), 48_000.0, None, 64);
        assert_eq!(tapes.take().map(|recorded| recorded.outcome), Some(Outcome::OtherTempo));
    }

    #[test]
    fn an_input_that_is_not_supplied_is_silent() {
        let (mut recorder, _, mut tapes) = recorder();
        assert!(tapes.start(tape(1, 48_000.0)));
        for block in 0..4 {
            recorder.process(Some(&transport(f64::from(block), BPM, true)), 48_000.0, None, 24_000);
        }
        let Recorded { tape, outcome } = tapes.take().expect("it has ended");
        assert_eq!(outcome, Outcome::Complete);
        assert!(tape.left.iter().chain(&tape.right).all(|sample| *sample == 0.0));
    }
}
