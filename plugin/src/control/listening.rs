//! Candidates and sounds are heard before one is taken.
//!
//! The editor says what the user listens to ([`Control::listen`]). The worker performs that, and the other candidates of the list
//! while it has nothing else to do. What is heard is in the [`Snapshot`](super::Snapshot), but no part of its session: it is not
//! saved, and an offline render does not play it.

use std::sync::Arc;

use crossbeam_channel::Receiver;
use resonantgen_models::generator::Observer;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_session::Session;
use resonantgen_take::{TAKE_SAMPLE_RATE_HZ, Take, TakeId};

use super::Control;
use super::job::{Command, Job, Performance};

/// Most audio frames of performed takes that are kept: eight loops of 16 s, 50 MB.
const MOST_FRAMES: usize = 8 * 16 * TAKE_SAMPLE_RATE_HZ as usize;

/// A list of what can be heard in place of a track's take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// The candidates for it.
    Candidates,
    /// Its notes with other sounds.
    Sounds,
}

/// What a list offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A candidate, by number.
    Candidate(u32),
    /// A sound, by the patch's id.
    Sound(String),
}

/// What the user listens to: an open list of a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// The track.
    pub track: Track,
    /// The list.
    pub list: List,
    /// The entry that the user points at; `None` between two of them, where the track's take plays.
    pub at: Option<Entry>,
}

impl Listening {
    /// The list of candidates, with the number of the one that is pointed at.
    #[must_use]
    pub fn candidates(track: Track, number: Option<u32>) -> Self {
        Self { track, list: List::Candidates, at: number.map(Entry::Candidate) }
    }

    /// The list of sounds, with the patch that is pointed at.
    #[must_use]
    pub fn sounds(track: Track, patch: Option<String>) -> Self {
        Self { track, list: List::Sounds, at: patch.map(Entry::Sound) }
    }

    /// Whether a session has what the user points at.
    #[must_use]
    pub fn is_in(&self, session: &Session) -> bool {
        match &self.at {
            None => false,
            Some(Entry::Candidate(number)) => {
                session.candidates(self.track).iter().any(|known| known.number == *number)
            }
            Some(Entry::Sound(_)) => session.track(self.track).take().is_some(),
        }
    }

    /// Whether a take is what the user points at.
    #[must_use]
    pub fn is_at(&self, take: &Take, session: &Session) -> bool {
        take.recipe.track == self.track
            && match &self.at {
                None => false,
                Some(Entry::Candidate(number)) => session
                    .candidates(self.track)
                    .iter()
                    .any(|known| known.number == *number && known.sketch.id == take.id),
                Some(Entry::Sound(patch)) => {
                    let playing = session.track(self.track).take();
                    take.patch == *patch && playing.is_some_and(|playing| playing.score == take.score)
                }
            }
    }
}

/// What the user listens to, and whether it is being taken.
#[derive(Debug, Default)]
pub struct Ear {
    listening: Option<Listening>,
    /// What could not be heard. The editor repeats what the user listens to with each frame, and this must not be tried each time.
    given_up: Option<Listening>,
    /// Requests to take a candidate or a sound that are not finished. What is heard then stays.
    taking: u32,
}

impl Ear {
    /// Whether the track's own take is to be heard again.
    fn is_over(&self) -> bool {
        self.taking == 0 && self.listening.as_ref().is_none_or(|listening| listening.at.is_none())
    }
}

impl Control {
    /// Says what the user listens to; `None` if no list is open. The track's take is back at once when nothing is listened to. For
    /// the editor.
    pub fn listen(&self, listening: Option<Listening>) {
        let mut ear = self.ear.lock();
        if listening.is_some() && listening == ear.given_up {
            return;
        }
        ear.given_up = None;
        if ear.listening == listening {
            return;
        }
        ear.listening = listening;
        if ear.is_over() && self.store.preview(None, self.epoch()) {
            self.wake();
        }
        drop(ear);
        self.send(Command::Look(None));
    }

    /// What the user listens to.
    #[must_use]
    pub(crate) fn listening(&self) -> Option<Listening> {
        self.ear.lock().listening.clone()
    }

    /// Takes a candidate or a sound, with these locks (index as [`Track::ALL`]). What is heard of it is heard until then. For the
    /// editor.
    pub fn take_choice(&self, locked: [bool; TRACK_COUNT], performance: Performance) {
        let job = Job::Perform { locked, performance };
        debug_assert!(job.takes_choice());
        self.ear.lock().taking += 1;
        if !self.request(job) {
            self.end_taking();
        }
    }

    /// A request to take a candidate or a sound is finished, or was dropped.
    pub(super) fn end_taking(&self) {
        let mut ear = self.ear.lock();
        ear.taking = ear.taking.saturating_sub(1);
        if ear.is_over() && self.store.preview(None, self.epoch()) {
            self.wake();
        }
    }

    /// Lets a take be heard if the user still listens to it.
    pub(super) fn let_hear(&self, listening: &Listening, take: &Arc<Take>, epoch: u64) {
        let ear = self.ear.lock();
        if ear.listening.as_ref() == Some(listening) && self.store.preview(Some(Arc::clone(take)), epoch) {
            self.wake();
            self.repaint.request_repaint();
        }
    }

    /// What was listened to cannot be heard: it is not tried again until the user listens to it anew.
    pub(super) fn give_up_listening(&self, listening: &Listening) {
        let mut ear = self.ear.lock();
        if ear.listening.as_ref() == Some(listening) {
            ear.listening = Some(Listening { at: None, ..listening.clone() });
            ear.given_up = Some(listening.clone());
        }
    }
}

/// Candidates and sounds that have been performed, the last one last.
#[derive(Debug, Default)]
pub struct Performed(Vec<Arc<Take>>);

impl Performed {
    /// A take by its id.
    pub fn get(&self, id: &TakeId) -> Option<&Arc<Take>> {
        self.0.iter().find(|take| take.id == *id)
    }

    /// The take that the user points at.
    pub fn pointed(&self, listening: &Listening, session: &Session) -> Option<&Arc<Take>> {
        self.0.iter().find(|take| listening.is_at(take, session))
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

    /// Keeps only what can be chosen for a track.
    pub fn follow(&mut self, session: &Session, track: Track) {
        self.0.retain(|take| take.recipe.track == track && session.is_choice(take));
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.0 = Vec::new();
    }
}

/// Cancels a performance when the user listens to something else.
pub struct ListeningWatch<'a> {
    /// The control side.
    pub control: &'a Control,
    /// The commands of the worker if the take is performed ahead: other work comes first.
    pub ahead_of: Option<&'a Receiver<Command>>,
    /// What was listened to when it began.
    pub listening: &'a Listening,
    /// The epoch when it began.
    pub epoch: u64,
}

impl Observer for ListeningWatch<'_> {
    fn is_cancelled(&self) -> bool {
        let control = self.control;
        control.is_quitting()
            || self.ahead_of.is_some_and(|commands| !commands.is_empty())
            || control.ear.lock().listening.as_ref() != Some(self.listening)
            || control.epoch() != self.epoch
    }
}
