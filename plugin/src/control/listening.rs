//! Candidates are heard before one is taken.
//!
//! The editor says what the user listens to ([`Control::listen`]). The worker performs that score, and the others of the list while
//! it has nothing else to do. What is heard is in the [`Snapshot`](super::Snapshot), but no part of its session: it is not saved,
//! and an offline render does not play it.

use std::sync::Arc;

use crossbeam_channel::Receiver;
use resonantgen_models::generator::Observer;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_session::Session;
use resonantgen_take::{TAKE_SAMPLE_RATE_HZ, Take, TakeId};

use super::Control;
use super::job::{Command, Job, Performance};

/// Most audio frames of performed candidates that are kept: eight loops of 16 s, 50 MB.
const MOST_FRAMES: usize = 8 * 16 * TAKE_SAMPLE_RATE_HZ as usize;

/// What the user listens to: the candidates of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    /// The track.
    pub track: Track,
    /// Number of the candidate; `None` between two of them, where the track's take plays.
    pub number: Option<u32>,
}

/// What the user listens to, and whether it is being taken.
#[derive(Debug, Default)]
pub struct Ear {
    listening: Option<Listening>,
    /// Requests to take a candidate that are not finished. What is heard then stays.
    taking: u32,
}

impl Control {
    /// Says what the user listens to; `None` if no list is open. The track's take is back at once when nothing is listened to. For
    /// the editor.
    pub fn listen(&self, listening: Option<Listening>) {
        let mut ear = self.ear.lock();
        if ear.listening == listening {
            return;
        }
        ear.listening = listening;
        let is_over = ear.taking == 0 && listening.and_then(|listening| listening.number).is_none();
        if is_over && self.store.preview(None, self.epoch()) {
            self.wake();
        }
        drop(ear);
        self.send(Command::Look(None));
    }

    /// What the user listens to.
    #[must_use]
    pub(crate) fn listening(&self) -> Option<Listening> {
        self.ear.lock().listening
    }

    /// Takes a candidate, with these locks (index as [`Track::ALL`]). What is heard of it is heard until then. For the editor.
    pub fn take_candidate(&self, locked: [bool; TRACK_COUNT], track: Track, number: u32) {
        self.ear.lock().taking += 1;
        let performance = Performance::Candidate { track, number };
        if !self.request(Job::Perform { locked, performance }) {
            self.end_taking();
        }
    }

    /// A request to take a candidate is finished, or was dropped.
    pub(super) fn end_taking(&self) {
        let mut ear = self.ear.lock();
        ear.taking = ear.taking.saturating_sub(1);
        let is_heard = ear.listening.is_some_and(|listening| listening.number.is_some());
        if ear.taking == 0 && !is_heard && self.store.preview(None, self.epoch()) {
            self.wake();
        }
    }

    /// Lets a candidate be heard if the user still listens to it.
    pub(super) fn let_hear(&self, listening: Listening, take: &Arc<Take>, epoch: u64) {
        let ear = self.ear.lock();
        if ear.listening == Some(listening) && self.store.preview(Some(Arc::clone(take)), epoch) {
            self.wake();
            self.repaint.request_repaint();
        }
    }

    /// What was listened to cannot be heard: it is not tried again until the user listens to it anew.
    pub(super) fn give_up_listening(&self, listening: Listening) {
        let mut ear = self.ear.lock();
        if ear.listening == Some(listening) {
            ear.listening = Some(Listening { number: None, ..listening });
        }
    }
}

/// Candidates that have been performed, the last one last.
#[derive(Debug, Default)]
pub struct Performed(Vec<Arc<Take>>);

impl Performed {
    /// The take of a candidate.
    pub fn get(&self, id: &TakeId) -> Option<&Arc<Take>> {
        self.0.iter().find(|take| take.id == *id)
    }

    /// Whether another take of this length can be kept without dropping one.
    pub fn has_room(&self, audio_frames: usize) -> bool {
        self.frames() + audio_frames <= MOST_FRAMES
    }

    fn frames(&self) -> usize {
        self.0.iter().map(|take| take.audio.len()).sum()
    }

    /// Keeps a take; of too many the oldest go.
    pub fn keep(&mut self, take: Arc<Take>) {
        while !self.0.is_empty() && !self.has_room(take.audio.len()) {
            self.0.remove(0);
        }
        self.0.push(take);
    }

    /// Keeps only candidates of a track.
    pub fn follow(&mut self, session: &Session, track: Track) {
        let candidates = session.candidates(track);
        self.0.retain(|take| candidates.iter().any(|candidate| candidate.sketch.id == take.id));
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.0 = Vec::new();
    }
}

/// Cancels the performance of a candidate when the user listens to something else.
pub struct ListeningWatch<'a> {
    /// The control side.
    pub control: &'a Control,
    /// The commands of the worker, if it is performed ahead: other work comes first.
    pub ahead_of: Option<&'a Receiver<Command>>,
    /// What was listened to when it began.
    pub listening: Listening,
    /// The epoch when it began.
    pub epoch: u64,
}

impl Observer for ListeningWatch<'_> {
    fn is_cancelled(&self) -> bool {
        let control = self.control;
        control.is_quitting()
            || self.ahead_of.is_some_and(|commands| !commands.is_empty())
            || control.listening() != Some(self.listening)
            || control.epoch() != self.epoch
    }
}
