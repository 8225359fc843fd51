//! Performs the loop over chords that are followed: first the bars that come next, then all of it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nice_plug::nice_error;
use resonantgen_models::generator::{Observer, Stage};
use resonantgen_music::plan::Chord;
use resonantgen_music::track::Track;
use resonantgen_playback::is_same_tempo;
use resonantgen_session::{FollowedTakes, Session, SessionError};
use resonantgen_take::Take;
use resonantgen_take::maker::Maker;

use super::{Failure, Worker, sentence, session_at};
use crate::control::follow::{FollowedPart, Ground, HeardChord, QueuedChord};
use crate::control::inference::wait_for_permit;
use crate::control::{Cancellation, Control};

impl Worker<'_> {
    /// Takes in a chord that was played, and performs the loop over it in time for its half bar.
    pub(super) fn follow(&mut self, queued: QueuedChord) {
        let control = self.control;
        let QueuedChord { heard, lead, trigger, epoch, ticket, pending } = queued;
        let cancellation = Cancellation { control, epoch, ticket };
        let session = session_at(control, &trigger);
        if let Some(plan) = session.plan.as_ref().filter(|_| !cancellation.is_cancelled()) {
            let chords = if heard.is_guess {
                self.follower.guess(heard, lead, plan)
            } else {
                self.follower.hear(heard, lead, plan);
                self.follower.chords().to_vec()
            };
            // Whoever is late makes up for it: only the newest chord counts, unless an offline render waits for each.
            if self.chords.is_empty() || is_offline(control) {
                let place = (heard, heard.half_bar + i64::from(lead));
                let made = std::panic::catch_unwind(AssertUnwindSafe(|| {
                    self.perform_over_chords(session, place, chords, &cancellation)
                }));
                match made {
                    Ok(Ok(()) | Err(Failure::Unwanted)) => {}
                    Ok(Err(Failure::Message(text))) => {
                        nice_error!("{text}");
                        control.set_outcome(Some(text));
                    }
                    Err(_) => {
                        control.set_outcome(Some("Following the chords failed unexpectedly.".to_owned()));
                    }
                }
            }
        }
        self.receive_all();
        if self.chords.is_empty() && self.queue.is_empty() {
            self.answer();
        }
        drop(pending);
        control.note_activity();
        control.wake();
    }

    /// Performs the playing takes over chords because of what was heard, and plays that from a half bar on, unless it is only a guess.
    fn perform_over_chords(
        &mut self,
        mut session: Session,
        (heard, from): (HeardChord, i64),
        chords: Vec<Option<Chord>>,
        cancellation: &Cancellation<'_>,
    ) -> Result<(), Failure> {
        let control = self.control;
        let own_bpm = session.plan.as_ref().map_or(0.0, |plan| plan.bpm);
        let (_, demand) = control.audio.demand.read();
        let ground = Ground {
            of: Track::ALL.map(|track| session.track(track).take().map(|take| take.id.clone())),
            chords,
            locked: Track::ALL.map(|track| session.track(track).locked),
            note_dials: demand.note_dials,
            bpm: demand.bpm.filter(|bpm| !is_same_tempo(own_bpm, *bpm)).unwrap_or(own_bpm),
        };
        if self.follower.is_last(&ground) {
            return Ok(());
        }
        let place = (heard.run, from);
        let has_own_chords = ground.chords.iter().all(Option::is_none);
        let known = Some(FollowedTakes::default()).filter(|_| has_own_chords);
        if let Some(takes) = known.or_else(|| self.follower.known(&ground)) {
            if !heard.is_guess {
                self.play_over_chords(place, &ground, takes, cancellation)?;
                self.follower.note_last(&ground);
            }
            return Ok(());
        }
        let mut wanted = if heard.is_guess { Wanted::IfItIsHeard } else { Wanted::Always };
        if !is_offline(control) {
            let half_bar = from.rem_euclid(ground.chords.len().max(1) as i64) as usize;
            let watch = ChordWatch { cancellation, heard, wanted };
            let soon = match self.follower.take_soon(&ground, half_bar) {
                Some(takes) => Some(takes),
                None => self.performed_over(&mut session, &watch, |session, maker| {
                    let playing = playing_now(control, session, heard.run, &ground);
                    session.followed_soon(maker, &ground.over(), half_bar, &playing, &watch)
                })?,
            };
            if let Some(takes) = soon {
                if heard.is_guess {
                    self.follower.remember_soon(ground, half_bar, takes);
                    return Ok(());
                }
                self.play_over_chords(place, &ground, takes, cancellation)?;
                wanted = Wanted::WhileItStays;
            }
        }
        let watch = ChordWatch { cancellation, heard, wanted };
        let takes = self.performed_over(&mut session, &watch, |session, maker| {
            session.followed(maker, &ground.over(), &watch)
        })?;
        self.follower.remember(ground.clone(), takes.clone());
        if !heard.is_guess {
            self.play_over_chords(place, &ground, takes, cancellation)?;
            self.follower.note_last(&ground);
        }
        Ok(())
    }

    /// Plays takes in the place of others, in a run and from a half bar on.
    fn play_over_chords(
        &self,
        (run, from): (u32, i64),
        ground: &Ground,
        takes: FollowedTakes,
        cancellation: &Cancellation<'_>,
    ) -> Result<(), Failure> {
        let (control, audio) = (self.control, &self.control.audio);
        let is_more = control.store.load().followed.iter().any(|part| (part.run, part.from) == (run, from));
        let part = FollowedPart { run, from, chords: ground.chords.clone(), of: ground.of.clone(), takes };
        if !control.follow(part, cancellation.epoch) {
            return Err(Failure::Unwanted);
        }
        let is_late = audio.follow_run.load(Ordering::Acquire) == run
            && audio.follow_half_bar.load(Ordering::Acquire) >= from;
        if is_late && !is_more && !is_offline(control) {
            let text = "What you played was not ready in time: its chord begins half a bar late. \"In Two Bars\" leaves more time.";
            control.set_outcome(Some(text.to_owned()));
        }
        Ok(())
    }

    /// Performs the playing takes by the engine of this machine.
    fn performed_over<T>(
        &mut self,
        session: &mut Session,
        watch: &ChordWatch<'_>,
        perform: impl FnOnce(&Session, &dyn Maker) -> Result<T, SessionError>,
    ) -> Result<T, Failure> {
        self.wake_playing(session, watch)?;
        let _permit = wait_for_permit(&|| watch.is_cancelled()).ok_or(Failure::Unwanted)?;
        let maker =
            (self.maker)(&mut self.engine).map_err(|error| Failure::Message(sentence(&error.to_string())))?;
        perform(session, &*maker).map_err(|error| {
            if watch.is_cancelled() {
                Failure::Unwanted
            } else {
                Failure::Message(sentence(&error.to_string()))
            }
        })
    }
}

fn is_offline(control: &Control) -> bool {
    control.audio.offline.load(Ordering::Relaxed)
}

/// What plays in place of each take of a session at the tempo at which chords are followed.
fn playing_now(control: &Control, session: &Session, run: u32, ground: &Ground) -> FollowedTakes {
    let snapshot = control.store.load();
    let last = snapshot.followed.last().filter(|part| part.run == run && part.of == ground.of);
    Track::ALL.map(|track| {
        let is_at = |take: &&Arc<Take>| is_same_tempo(take.recipe.plan.bpm, ground.bpm);
        let followed = last.and_then(|part| part.takes[track.index()].as_ref()).filter(is_at);
        let own = || {
            snapshot.sound_at(snapshot.varied(session.track(track).take()?, &ground.note_dials), ground.bpm)
        };
        followed.cloned().or_else(own)
    })
}

/// Until when the work on a chord is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// Until it is done.
    Always,
    /// Until another chord is heard, in whatever half bar.
    WhileItStays,
    /// Until the half bar is heard to have another chord than was guessed.
    IfItIsHeard,
}

/// Watches the work on chords that are followed.
struct ChordWatch<'a> {
    cancellation: &'a Cancellation<'a>,
    heard: HeardChord,
    wanted: Wanted,
}

impl Observer for ChordWatch<'_> {
    fn progress(&self, _track: Track, _stage: Stage, _fraction: f32) {
        self.cancellation.control.note_activity();
    }

    fn is_cancelled(&self) -> bool {
        let newest = self.cancellation.control.chord_heard.load(Ordering::Acquire);
        self.cancellation.is_cancelled()
            || match self.wanted {
                Wanted::Always => false,
                Wanted::WhileItStays => !self.heard.is_chord_of(newest),
                Wanted::IfItIsHeard => newest != self.heard.mark(),
            }
    }
}
