//! The worker thread of an instance: it generates takes, so that neither the host nor the audio thread waits.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use nice_plug::nice_error;
use parking_lot::Mutex;
use resonantgen_models::generator::{Engine, Observer, Stage};
use resonantgen_models::worker::{give_memory_back, give_way};
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_music::variation::NoteDials;
use resonantgen_project::{StoredSound as _, prepare_project};
use resonantgen_server::settings;
use resonantgen_session::{Overrides, Request, SectionId, Session, SessionError};
use resonantgen_take::maker::Maker;
use resonantgen_take::{TAKE_SAMPLE_RATE_HZ, Take, TakeId};
use resonantgen_words::genre;

use super::demand::Demand;
use super::follow::{Follower, QueuedChord};
use super::inference::{EngineError, engine, fallen_back, is_permit_taken, note_status, wait_for_permit};
use super::job::{Command, Job, Performance, QueuedJob, Target, Trigger, enqueue};
use super::listening::{Entry, List, Listening, ListeningWatch, Performed};
use super::remote::{self, MakeError};
use super::snapshot::Snapshot;
use super::snapshot::SwapPolicy;
use super::status::Progress;
use super::{Cancellation, Control};

mod chords;

/// Time after a save before memory is returned to the system; by then the host has freed its copies.
const SAVED: Duration = Duration::from_secs(3);

/// Opens the maker of this machine, and keeps its engine.
type OpenMaker = fn(&mut Option<Arc<Engine>>) -> Result<Arc<dyn Maker>, EngineError>;

/// State of the thread.
struct Worker<'a> {
    control: &'a Control,
    commands: &'a Receiver<Command>,
    queue: VecDeque<QueuedJob>,
    /// Chords to follow. They go before the queue: they are due half a bar after they were played.
    chords: VecDeque<QueuedChord>,
    follower: Follower,
    /// The engine, kept so that its networks stay loaded for the next job.
    engine: Option<Arc<Engine>>,
    /// Opens it; a test has another maker in its place.
    maker: OpenMaker,
    /// Takes of the open list that have been performed.
    performed: Performed,
    /// Serial numbers of the last demand and snapshot that were handled.
    answered: Option<(u32, u64)>,
    /// What could not be made for the last demand.
    failed: Failed,
    /// Time of the host's last save, until memory was returned to the system.
    saved: Option<Instant>,
    /// Whether some takes may still have to be encoded for the next save.
    is_unpacked: bool,
}

/// Runs until the plugin is removed.
pub fn run(control: &Control, commands: &Receiver<Command>) {
    // If the priority cannot be lowered, it runs at the normal one.
    let _ = give_way();
    if let Err(error) = install_own_genres() {
        control.notify(sentence(&format!("your own genres are not used: {error}")));
    }
    let mut worker = Worker::new(control, commands, |kept| Ok(engine(kept)?));
    while !control.is_quitting() {
        worker.step();
    }
    // Drops the engine before the thread's own destructors run: Windows holds the loader lock then, and the engine waits for
    // another thread.
    drop(worker);
}

/// Adds the genres of the user's settings folder to the built-in ones, once per process and before the first prompt is read.
fn install_own_genres() -> Result<(), String> {
    // Without a settings folder there are no genres to add.
    let Ok(folder) = settings::folder() else { return Ok(()) };
    let files = settings::own_genres(&folder).map_err(|error| error.to_string())?;
    genre::install(&files).map_err(|error| error.to_string())
}

/// Takes that could not be made again, performed at another tempo or varied.
#[derive(Debug, Default)]
struct Failed {
    takes: Vec<TakeId>,
    bpm: f64,
    note_dials: [NoteDials; TRACK_COUNT],
    epoch: u64,
}

enum Failure {
    /// Cancelled, or overtaken by a restored session.
    Unwanted,
    Message(String),
}

impl<'a> Worker<'a> {
    fn new(control: &'a Control, commands: &'a Receiver<Command>, maker: OpenMaker) -> Self {
        Self {
            control,
            commands,
            queue: VecDeque::new(),
            chords: VecDeque::new(),
            follower: Follower::default(),
            engine: None,
            maker,
            performed: Performed::default(),
            answered: None,
            failed: Failed::default(),
            saved: None,
            is_unpacked: false,
        }
    }
}

impl Worker<'_> {
    /// Does the most urgent piece of work, or waits for a command.
    fn step(&mut self) {
        self.receive_all();
        if let Some(chord) = self.chords.pop_front() {
            self.follow(chord);
        } else if let Some(job) = self.queue.pop_front() {
            self.serve(job);
        } else if self.answer() || self.hear() || self.unpack_one() || self.pack() {
            // Check for more work.
        } else {
            let command = match self.saved {
                None => self.commands.recv().ok(),
                Some(saved) => self.commands.recv_timeout(SAVED.saturating_sub(saved.elapsed())).ok(),
            };
            match command {
                Some(command) => self.receive(command),
                None if self.saved.take().is_some() => give_memory_back(),
                // The plugin was removed.
                None => {}
            }
        }
    }

    fn receive_all(&mut self) {
        let commands = self.commands;
        for command in commands.try_iter() {
            self.receive(command);
        }
    }

    fn receive(&mut self, command: Command) {
        match command {
            Command::Job(job) => {
                for _ in enqueue(&mut self.queue, job).iter().filter(|replaced| replaced.job.takes_choice()) {
                    self.control.end_taking();
                }
            }
            Command::Follow(chord) => self.chords.push_back(chord),
            Command::Look(pending) => {
                if self.control.audio.follow_run.load(Ordering::Acquire) == 0 && self.chords.is_empty() {
                    self.follower.forget();
                }
                if pending.is_some() {
                    self.answer();
                }
            }
            Command::Saved => self.saved = Some(Instant::now()),
        }
    }

    /// Does a job and the work that it leads to.
    fn serve(&mut self, queued: QueuedJob) {
        let control = self.control;
        let QueuedJob { job, epoch, ticket, is_of_song, pending, awaited } = queued;
        let cancellation = Cancellation { control, epoch, ticket };
        let takes_choice = job.takes_choice();
        if !cancellation.is_cancelled() {
            let is_make = job.makes_takes();
            // A panic must not reach the host. The session stays as it was.
            let done = std::panic::catch_unwind(AssertUnwindSafe(|| self.perform(job, &cancellation)));
            control.end_early();
            let outcome = match done {
                Ok(Ok(notice)) => Some(notice),
                Ok(Err(Failure::Unwanted)) => None,
                Ok(Err(Failure::Message(text))) => Some(Some(text)),
                Err(_) => {
                    Some(Some("Generation failed unexpectedly. The previous takes still play.".to_owned()))
                }
            };
            if let Some(text) = outcome {
                let is_bounce = is_of_song && control.audio.offline.load(Ordering::Relaxed);
                let text = text.map(|text| {
                    nice_error!("{text}");
                    if is_bounce {
                        format!("The offline render keeps the previous take: {text}")
                    } else {
                        text
                    }
                });
                control.set_outcome(text);
            }
            self.is_unpacked |= is_make;
        }
        if takes_choice {
            control.end_taking();
        }
        // The result is published; the rest cannot be cancelled.
        drop(awaited);
        control.note_made();
        self.receive_all();
        if self.queue.is_empty() {
            self.answer();
        }
        drop(pending);
        control.note_activity();
        control.wake();
    }

    fn perform(&mut self, job: Job, cancellation: &Cancellation<'_>) -> Result<Option<String>, Failure> {
        match job {
            Job::Make { trigger, edit, candidates } => self.make(&trigger, &edit, candidates, cancellation),
            Job::Perform { locked, performance } => self.perform_notes(locked, &performance, cancellation),
            Job::Song { locked, request } => self.make_song(locked, &request, cancellation),
            Job::Change { locked, change } => {
                let mut session = self.control.session_with(locked);
                let open = session.open_section_id();
                change(&mut session, cancellation).map_err(|error| {
                    if cancellation.is_cancelled() {
                        Failure::Unwanted
                    } else {
                        Failure::Message(sentence(&error))
                    }
                })?;
                self.wake_playing(&mut session, cancellation)?;
                // Another section takes over when "Swap At" says, all else at once.
                let policy = SwapPolicy { immediate: session.open_section_id() == open, asked_at: None };
                let locks_changed =
                    Track::ALL.into_iter().any(|track| session.track(track).locked != locked[track.index()]);
                self.commit(session, cancellation.epoch, policy)?;
                self.control.locks_changed.fetch_or(locks_changed, Ordering::AcqRel);
                Ok(None)
            }
        }
    }

    fn commit(&self, session: Session, epoch: u64, policy: SwapPolicy) -> Result<(), Failure> {
        if self.control.commit(session, epoch, policy) { Ok(()) } else { Err(Failure::Unwanted) }
    }

    /// Wakes all playing takes.
    fn wake_playing(&mut self, session: &mut Session, observer: &dyn Observer) -> Result<(), Failure> {
        for track in Track::ALL {
            if let Some(take) = session.track(track).take().filter(|take| take.is_asleep()).cloned() {
                let awake = self.awake(session, &take, observer)?;
                session.wake(&awake);
            }
        }
        Ok(())
    }

    /// The awake form of a sleeping take: unpacked, or made again if the project did not keep its audio.
    fn awake(
        &mut self,
        session: &Session,
        take: &Take,
        observer: &dyn Observer,
    ) -> Result<Arc<Take>, Failure> {
        if let Some(awake) = take.unpacked() {
            return Ok(awake);
        }
        let track = take.recipe.track;
        let lost = |why: &dyn std::fmt::Display| {
            let text = format!("the project did not keep the audio of this {track} take, and {why}");
            Failure::Message(sentence(&text))
        };
        let _permit = wait_for_permit(&|| observer.is_cancelled()).ok_or(Failure::Unwanted)?;
        let engine = engine(&mut self.engine)
            .map_err(|error| lost(&format_args!("it cannot be made again: {error}")))?;
        let again = engine.make_again(take, &session.heard_by(take), observer).map_err(|error| {
            if observer.is_cancelled() {
                Failure::Unwanted
            } else {
                lost(&format_args!("it could not be made again: {error}"))
            }
        })?;
        let again = again.ok_or_else(|| lost(&"the installed models do not have its instrument"))?;
        if !again.sounds_as(take) {
            self.control.notify(format!(
                "The project did not keep the audio of this {track} take. It was made again and sounds slightly different, \
                 because the models or the machine have changed."
            ));
        }
        Ok(Arc::new(again))
    }

    /// Meets demands that need the engine: makes takes again whose audio was not kept, and performs takes at the demanded tempo.
    /// Returns whether the demand or the snapshot was new.
    fn answer(&mut self) -> bool {
        let control = self.control;
        let (serial, demand) = control.audio.demand.read();
        let snapshot = control.store.load();
        if self.answered == Some((serial, snapshot.serial)) {
            return false;
        }
        let bpm = demand.bpm.unwrap_or(0.0);
        let (note_dials, epoch) = (demand.note_dials, snapshot.epoch);
        if (self.failed.bpm, self.failed.note_dials, self.failed.epoch) != (bpm, note_dials, epoch) {
            self.failed = Failed { takes: Vec::new(), bpm, note_dials, epoch };
        }
        let watch = DemandWatch { control, epoch, bpm, note_dials };
        let wanted: Vec<Arc<Take>> = snapshot.wanted(&demand).cloned().collect();
        let mut is_done = true;
        for take in wanted {
            if self.failed.takes.contains(&take.id) {
                continue;
            }
            let met = std::panic::catch_unwind(AssertUnwindSafe(|| {
                self.meet(&snapshot.session, &take, &demand, &watch)
            }));
            match met {
                Ok(Ok(())) => {}
                Ok(Err(Failure::Unwanted)) => {
                    is_done = false;
                    break;
                }
                Ok(Err(Failure::Message(text))) => {
                    nice_error!("{text}");
                    control.notify(text);
                    self.failed.takes.push(take.id.clone());
                }
                Err(_) => self.failed.takes.push(take.id.clone()),
            }
            control.note_activity();
        }
        if is_done {
            self.answered = Some((serial, snapshot.serial));
            control.worker_answered.store(serial, Ordering::Release);
        }
        control.wake();
        true
    }

    /// Makes a take again if it has no audio, varies its notes as the dials say, and performs it at the demanded tempo.
    fn meet(
        &mut self,
        session: &Session,
        take: &Arc<Take>,
        demand: &Demand,
        observer: &dyn Observer,
    ) -> Result<(), Failure> {
        // The publisher unpacks packed takes.
        if take.is_asleep() && !take.is_packed() {
            let awake = self.awake(session, take, observer)?;
            self.control.store.wake(&awake);
            self.control.wake();
        }
        self.vary(session, take, demand, observer)?;
        let snapshot = self.control.store.load();
        let take = snapshot.varied(take, &demand.note_dials);
        match demand.bpm.filter(|bpm| !snapshot.has_at(take, *bpm)) {
            Some(bpm) => self.render_at(session, take, bpm, observer),
            None => Ok(()),
        }
    }

    /// Performs a take with the notes that its track's dials ask for. Until then the take itself plays.
    fn vary(
        &mut self,
        session: &Session,
        take: &Arc<Take>,
        demand: &Demand,
        observer: &dyn Observer,
    ) -> Result<(), Failure> {
        let dials = demand.note_dials[take.recipe.track.index()];
        let is_performed = !Arc::ptr_eq(self.control.store.load().varied(take, &demand.note_dials), take);
        if dials.is_middle() || is_performed {
            return Ok(());
        }
        let _permit = wait_for_permit(&|| observer.is_cancelled()).ok_or(Failure::Unwanted)?;
        let failed = |error: &dyn std::fmt::Display| {
            if observer.is_cancelled() {
                return Failure::Unwanted;
            }
            let track = take.recipe.track;
            Failure::Message(format!("The dials cannot change the notes of the {track}: {error}."))
        };
        let maker = (self.maker)(&mut self.engine).map_err(|error| failed(&error))?;
        let varied = session.varied(&*maker, take, dials, observer).map_err(|error| failed(&error))?;
        if observer.is_cancelled() {
            return Err(Failure::Unwanted);
        }
        if let Some(varied) = varied {
            self.control.store.add_variant(&take.id, dials, varied);
            self.control.repaint.request_repaint();
            self.control.wake();
        }
        Ok(())
    }

    /// Performs a take at another tempo. Until then the player slices it. Without models, or at a tempo out of range, it stays
    /// sliced, which is not an error.
    fn render_at(
        &mut self,
        session: &Session,
        take: &Arc<Take>,
        bpm: f64,
        observer: &dyn Observer,
    ) -> Result<(), Failure> {
        let _permit = wait_for_permit(&|| observer.is_cancelled()).ok_or(Failure::Unwanted)?;
        let rendition = engine(&mut self.engine).ok().and_then(|engine| {
            engine.perform_again(take, bpm, &session.heard_by(take), observer).ok().flatten()
        });
        if observer.is_cancelled() {
            return Err(Failure::Unwanted);
        }
        match rendition {
            Some(rendition) => {
                self.control.store.add_rendition(&take.id, rendition);
                self.control.wake();
            }
            None => self.failed.takes.push(take.id.clone()),
        }
        Ok(())
    }

    /// Performs what the user listens to, else the next candidate of an open list that is not performed yet; returns whether there was
    /// something to do.
    fn hear(&mut self) -> bool {
        let control = self.control;
        let Some(listening) = control.listening() else {
            self.performed.clear();
            return false;
        };
        let snapshot = control.store.load();
        self.performed.follow(&snapshot.session, listening.track);
        let is_heard = |take: &Arc<Take>| listening.is_at(take, &snapshot.session);
        let is_to_be_heard =
            listening.is_in(&snapshot.session) && !snapshot.preview.as_ref().is_some_and(is_heard);
        if let Some(entry) = listening.at.as_ref().filter(|_| is_to_be_heard) {
            match self.finish(&snapshot, &listening, entry, false) {
                Ok(take) => control.let_hear(&listening, &take, snapshot.epoch),
                Err(Failure::Unwanted) => {}
                Err(Failure::Message(text)) => {
                    nice_error!("{text}");
                    control.give_up_listening(&listening);
                    control.notify(text);
                }
            }
            return true;
        }
        let (_, demand) = control.audio.demand.read();
        if let Some((take, bpm)) = snapshot.preview.as_ref().zip(demand.bpm)
            && !snapshot.has_at(take, bpm)
            && !self.failed.takes.contains(&take.id)
        {
            let watch = DemandWatch { control, epoch: snapshot.epoch, bpm, note_dials: demand.note_dials };
            // At worst it stays sliced, as takes do.
            let _ = self.render_at(&snapshot.session, take, bpm, &watch);
            return true;
        }
        if listening.list != List::Candidates {
            return false;
        }
        let next = snapshot.session.candidates(listening.track).iter().find(|candidate| {
            let frames = candidate.sketch.recipe.plan.audio_frames(TAKE_SAMPLE_RATE_HZ);
            self.performed.get(&candidate.sketch.id).is_none()
                && self.performed.has_room(frames)
                && !self.failed.takes.contains(&candidate.sketch.id)
        });
        let Some(next) = next else { return false };
        let entry = Entry::Candidate(next.number);
        if let Err(Failure::Message(text)) = self.finish(&snapshot, &listening, &entry, true) {
            nice_error!("{text}");
            self.failed.takes.push(next.sketch.id.clone());
        }
        true
    }

    /// The take of an entry of an open list. `is_ahead` if nobody listens to it yet.
    fn finish(
        &mut self,
        snapshot: &Snapshot,
        listening: &Listening,
        entry: &Entry,
        is_ahead: bool,
    ) -> Result<Arc<Take>, Failure> {
        let (track, session) = (listening.track, &snapshot.session);
        let wanted = Listening { at: Some(entry.clone()), ..listening.clone() };
        if let Some(known) = self.performed.pointed(&wanted, session) {
            return Ok(Arc::clone(known));
        }
        let ahead_of = is_ahead.then_some(self.commands);
        let watch = ListeningWatch { control: self.control, ahead_of, listening, epoch: snapshot.epoch };
        let _permit = wait_for_permit(&|| watch.is_cancelled()).ok_or(Failure::Unwanted)?;
        let perform = || {
            let maker = (self.maker)(&mut self.engine).map_err(|error| error.to_string())?;
            let take = match entry {
                Entry::Candidate(number) => session.with_candidate(&*maker, track, *number, &watch),
                Entry::Sound(patch) => session.with_sound(&*maker, track, patch, &watch),
            };
            take.map_err(|error| error.to_string())
        };
        let performed = std::panic::catch_unwind(AssertUnwindSafe(perform));
        match performed.unwrap_or_else(|_| Err("it failed unexpectedly".to_owned())) {
            Ok(take) => {
                self.performed.keep(Arc::clone(&take));
                Ok(take)
            }
            Err(_) if watch.is_cancelled() => Err(Failure::Unwanted),
            Err(why) => {
                let what = match entry {
                    Entry::Candidate(_) => "candidate",
                    Entry::Sound(_) => "sound",
                };
                Err(Failure::Message(format!("This {what} of the {track} cannot be heard: {why}.")))
            }
        }
    }

    /// Unpacks one sleeping take; returns whether there was one.
    fn unpack_one(&self) -> bool {
        let packed = self.control.session().asleep().into_iter().find(|(_, take)| take.is_packed());
        let Some((_, take)) = packed else { return false };
        // Its checksum was right, so this succeeds. If it fails, it is not tried again until the take is demanded.
        let is_awake = take.unpacked().is_some_and(|awake| self.control.store.wake(&awake));
        self.control.wake();
        is_awake
    }

    /// Encodes new takes in advance, so that the host's next save is quick; returns whether it tried.
    fn pack(&mut self) -> bool {
        if !std::mem::take(&mut self.is_unpacked) {
            return false;
        }
        let is_interrupted = || self.control.is_quitting() || !self.commands.is_empty();
        prepare_project(&self.control.session(), &is_interrupted);
        self.is_unpacked = is_interrupted();
        true
    }

    fn make(
        &mut self,
        trigger: &Trigger,
        edit: &str,
        candidates: u32,
        cancellation: &Cancellation<'_>,
    ) -> Result<Option<String>, Failure> {
        let control = self.control;
        let epoch = cancellation.epoch;
        let open = control.snapshot().session.open_section_id();
        let mut session = session_at(control, trigger);
        let is_open = session.open_section_id() == open;
        let request = request(control, &session, trigger, edit)?.candidates(candidates);
        let policy = SwapPolicy { immediate: false, asked_at: trigger.beat };
        // A repeated request from the song gets the same takes as before, whatever models are installed now.
        let is_answered = trigger.beat.is_some() && session.answer_again(&request);
        self.wake_playing(&mut session, cancellation)?;
        if is_answered {
            reopen(&mut session, open)?;
            self.commit(session, epoch, policy)?;
            return Ok(None);
        }
        // What is made for another section is heard when all of it is there.
        let target = Some(trigger.target).filter(|_| is_open);
        let finished = Mutex::default();
        let performed = &self.performed;
        let watch = Watch { cancellation, before: session.clone(), performed, target, policy, finished };
        let note = |progress: Progress| {
            for track in Track::ALL.into_iter().filter(|track| concerns(trigger, *track)) {
                control.progress[track.index()].store(progress);
            }
            control.repaint.request_repaint();
        };
        note(if is_permit_taken() { Progress::Waiting } else { Progress::Begun });
        let _permit = wait_for_permit(&|| watch.is_cancelled()).ok_or(Failure::Unwanted)?;
        note(Progress::Begun);
        let question = session.question(&request);
        let made = if candidates > 1 {
            // A server would keep the scores that were not performed.
            make_here(self.maker, &mut self.engine, |maker| session.apply(maker, &request, &watch))
        } else {
            remote::make(&mut self.engine, &mut session, &request, &watch)
        };
        let notice = made.map_err(|error| {
            if watch.is_cancelled() {
                self.keep_finished(&watch);
                Failure::Unwanted
            } else {
                Failure::Message(sentence(&error.to_string()))
            }
        })?;
        session.note_answer(question);
        if watch.is_cancelled() {
            return Err(Failure::Unwanted);
        }
        reopen(&mut session, open)?;
        self.commit(session, epoch, policy)?;
        Ok(notice)
    }

    /// Makes a song, a section of it or some bars, by the engine of this machine.
    fn make_song(
        &mut self,
        locked: [bool; TRACK_COUNT],
        request: &Request,
        cancellation: &Cancellation<'_>,
    ) -> Result<Option<String>, Failure> {
        let mut session = self.control.session_with(locked);
        for (_, take) in session.playing_asleep() {
            let awake = self.awake(&session, &take, cancellation)?;
            session.wake(&awake);
        }
        let cancelled = Some("Cancelled: nothing has changed.");
        self.by_engine(session, cancellation, cancelled, |session, maker, watch| {
            session.apply(maker, request, watch)
        })
    }

    /// Changes a session by the engine of this machine, and commits it. `cancelled` is what the user is told when the change failed because
    /// it was cancelled.
    fn by_engine(
        &mut self,
        mut session: Session,
        cancellation: &Cancellation<'_>,
        cancelled: Option<&str>,
        change: impl FnOnce(&mut Session, &dyn Maker, &Watch<'_>) -> Result<(), SessionError>,
    ) -> Result<Option<String>, Failure> {
        let control = self.control;
        let policy = SwapPolicy::default();
        let finished = Mutex::default();
        let performed = &self.performed;
        let watch =
            Watch { cancellation, before: session.clone(), performed, target: None, policy, finished };
        let failed = |error: &dyn std::fmt::Display| {
            if watch.is_cancelled() {
                if let Some(text) = cancelled {
                    control.notify(text.to_owned());
                }
                Failure::Unwanted
            } else {
                Failure::Message(sentence(&error.to_string()))
            }
        };
        let _permit = wait_for_permit(&|| watch.is_cancelled()).ok_or(Failure::Unwanted)?;
        let notice = make_here(self.maker, &mut self.engine, |maker| change(&mut session, maker, &watch));
        let notice = notice.map_err(|error| failed(&error))?;
        if watch.is_cancelled() {
            return Err(Failure::Unwanted);
        }
        self.commit(session, cancellation.epoch, policy)?;
        Ok(notice)
    }
}

/// Changes a session by this machine. Returns a notice for the user.
fn make_here(
    open: OpenMaker,
    kept: &mut Option<Arc<Engine>>,
    change: impl FnOnce(&dyn Maker) -> Result<(), SessionError>,
) -> Result<Option<String>, MakeError> {
    let maker = open(kept)?;
    if let Some(engine) = kept {
        note_status(engine);
    }
    change(&*maker)?;
    Ok(kept.as_deref().and_then(fallen_back))
}

/// Opens the section that was open before.
fn reopen(session: &mut Session, open: SectionId) -> Result<(), Failure> {
    session.open_section(open).map_err(|error| Failure::Message(sentence(&error.to_string())))
}

impl Worker<'_> {
    /// Performs existing notes with this machine's engine.
    fn perform_notes(
        &mut self,
        locked: [bool; TRACK_COUNT],
        performance: &Performance,
        cancellation: &Cancellation<'_>,
    ) -> Result<Option<String>, Failure> {
        let mut session = self.control.session_with(locked);
        self.wake_playing(&mut session, cancellation)?;
        self.by_engine(session, cancellation, None, |session, maker, watch| match performance {
            Performance::Chords(chords) => session.reharmonise(maker, chords, watch),
            Performance::Varied { track, dials } => session.keep_varied(maker, *track, *dials, watch),
            Performance::Sound { track, patch } => session.change_sound(maker, *track, patch, watch),
            Performance::Candidate { track, number } => session.take_candidate(maker, *track, *number, watch),
        })
    }

    /// Keeps whatever was finished before the user cancelled in the histories, so that nothing that was heard is lost.
    fn keep_finished(&self, watch: &Watch<'_>) {
        let (control, epoch) = (self.control, watch.cancellation.epoch);
        if control.is_quitting() || control.store.epoch() != epoch {
            return;
        }
        let finished = std::mem::take(&mut *watch.finished.lock());
        let names: Vec<&str> = finished.iter().map(|take| take.recipe.track.name()).collect();
        if names.is_empty() {
            control.notify("Cancelled: nothing has changed.".to_owned());
            return;
        }
        let mut session = control.session();
        let open = session.open_section_id();
        // Where the section is gone meanwhile, they are kept in the open one.
        let _ = session.open_section(watch.before.open_section_id());
        for take in &finished {
            session.track_mut(take.recipe.track).keep(Arc::clone(take));
        }
        let _ = session.open_section(open);
        control.end_early();
        if control.commit(session, epoch, SwapPolicy::IMMEDIATE) {
            control.notify(format!(
                "Cancelled: the previous takes play again. Takes already finished were kept: {}.",
                names.join(", ")
            ));
        }
    }
}

/// Cancels the work for a demand if another session was restored, the tempo changed, or the plugin is being removed.
struct DemandWatch<'a> {
    control: &'a Control,
    epoch: u64,
    bpm: f64,
    note_dials: [NoteDials; TRACK_COUNT],
}

impl Observer for DemandWatch<'_> {
    fn progress(&self, _track: Track, _stage: Stage, _fraction: f32) {
        self.control.note_activity();
    }

    fn is_cancelled(&self) -> bool {
        self.control.is_quitting()
            || self.control.store.epoch() != self.epoch
            || self.control.audio.demand.bpm() != self.bpm
            || self.control.audio.demand.note_dials() != self.note_dials
    }
}

/// The session with the section that a trigger is for open, the trigger's locks, and the takes that it chooses by number. The locks
/// are parameters of the section that is open in the editor; another one has its own.
fn session_at(control: &Control, trigger: &Trigger) -> Session {
    let mut session = control.session();
    let open = session.open_section_id();
    let section = trigger.section.and_then(|number| Some(session.numbered_section(number)?.id));
    let is_open = section.is_none_or(|section| section == open || session.open_section(section).is_err());
    for track in Track::ALL {
        let state = session.track_mut(track);
        if is_open {
            state.locked = trigger.locked[track.index()];
        }
        let chosen = trigger.takes[track.index()].and_then(|number| state.numbered(number));
        if !state.locked && chosen.is_some() {
            state.current = chosen;
        }
    }
    session
}

/// The request of a trigger: a generation from its prompt, or an edit of the takes that play.
fn request(control: &Control, session: &Session, trigger: &Trigger, edit: &str) -> Result<Request, Failure> {
    let prompt = control.prompts.effective(trigger.slot);
    let generation = || Request::generate(&prompt).facts(facts(control, trigger));
    let request = match trigger.target {
        Target::All if trigger.locked.iter().all(|locked| *locked) => {
            return Err(Failure::Message(
                "All tracks are locked: unlock those that should change.".to_owned(),
            ));
        }
        // A request from the song must give the same result on every pass; a request by hand builds on the user's edits.
        Target::All if trigger.beat.is_none() => generation().keeping_edits(),
        Target::All => generation(),
        Target::One(track) => {
            // With a new prompt, the track is generated from it. With the prompt of its take, or with words of an edit, the take
            // is edited.
            let parent = session.track(track).take();
            let is_another_prompt =
                edit.trim().is_empty() && parent.is_none_or(|take| !comes_from(&take.recipe.prompt, &prompt));
            if session.plan.is_some() && !is_another_prompt {
                Request::edit(track, edit)
            } else {
                generation().scope(track)
            }
        }
    };
    Ok(request.seed(trigger.seed).settings(trigger.settings))
}

/// Facts fixed by parameters and host, else by the user in the editor.
fn facts(control: &Control, trigger: &Trigger) -> Overrides {
    let fixed = control.overrides();
    Overrides { bpm: trigger.bpm.or(fixed.bpm), bars: trigger.bars.or(fixed.bars), ..fixed }
}

fn concerns(trigger: &Trigger, track: Track) -> bool {
    match trigger.target {
        Target::All => !trigger.locked[track.index()],
        Target::One(one) => one == track,
    }
}

/// Whether a take's prompt is `prompt` itself or `prompt` with edits.
fn comes_from(of_take: &str, prompt: &str) -> bool {
    of_take.strip_prefix(prompt).is_some_and(|edits| edits.is_empty() || edits.starts_with("; "))
}

/// An error as a sentence for the editor.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let mut text: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

/// Reports progress to the editor, and cancellation to the engine.
struct Watch<'a> {
    cancellation: &'a Cancellation<'a>,
    /// The session before the job.
    before: Session,
    /// Candidates that have been performed.
    performed: &'a Performed,
    /// What is generated; `None` if existing notes are performed again.
    target: Option<Target>,
    policy: SwapPolicy,
    /// Finished takes, until all are done.
    finished: Mutex<Vec<Arc<Take>>>,
}

impl Observer for Watch<'_> {
    fn progress(&self, track: Track, stage: Stage, fraction: f32) {
        let control = self.cancellation.control;
        let progress = &control.progress[track.index()];
        progress.store(Progress::In(stage, fraction));
        control.note_activity();
        control.repaint.request_repaint();
    }

    fn known(&self, id: &TakeId) -> Option<Take> {
        if let Some(performed) = self.performed.get(id) {
            return Some(Take::clone(performed));
        }
        let snapshot = self.cancellation.control.store.load();
        if let Some(varied) = snapshot.variants.iter().find(|variant| variant.take.id == *id) {
            return Some(Take::clone(&varied.take));
        }
        let states = Track::ALL.into_iter().flat_map(|track| self.before.states(track));
        let histories = states.flat_map(|state| &state.history);
        // Takes of older versions have ids of another form.
        let known = histories.into_iter().find(|take| take.id == *id || take.recipe.take_id() == *id)?;
        let awake = if known.is_asleep() { known.unpacked()? } else { known.clone() };
        Some(Take::clone(&awake))
    }

    fn made(&self, take: &Take) {
        // A stem of a whole piece plays before the others are finished, unless its harmony differs from that of the old ones.
        let old = self.before.track(take.recipe.track).take();
        let fits = old.is_none_or(|old| old.recipe.plan == take.recipe.plan);
        let control = self.cancellation.control;
        let is_heard = self.target == Some(Target::All) && fits && !self.is_cancelled();
        let state = if is_heard { Progress::Idle } else { Progress::Made };
        control.progress[take.recipe.track.index()].store(state);
        self.finished.lock().push(Arc::new(take.clone()));
        if is_heard {
            control.hear_early(take, self.cancellation.epoch, self.policy);
        }
        control.repaint.request_repaint();
    }

    fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
    }
}

#[cfg(test)]
mod tests {
    use resonantgen_take::maker::Candidate;

    use super::*;

    use resonantgen_playback::{Controls, Position};
    use resonantgen_session::fake::Fake;

    use crate::control::threads::Threads;
    use crate::control::{ControlPort, Receivers, publisher};
    use crate::editor::tests::fixture;

    const UNLOCKED: [bool; TRACK_COUNT] = [false; TRACK_COUNT];

    fn start() -> (Arc<Control>, Threads) {
        let (control, receivers) = Control::new();
        let (_port, triggers) = ControlPort::new(&control);
        let threads = Threads::start(&control, receivers, triggers).expect("there are threads");
        (control, threads)
    }

    fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < Duration::from_secs(60), "{what} does not happen");
            std::thread::yield_now();
        }
    }

    fn wait_until_answered(control: &Control) {
        wait_until("the end of all work", || control.is_answered());
    }

    fn texts(control: &Control) -> Vec<String> {
        control.notices.all().into_iter().map(|notice| notice.text).collect()
    }

    #[test]
    fn a_panic_becomes_a_notice_takes_back_what_was_heard_early_and_the_work_goes_on() {
        let (control, threads) = start();
        assert!(control.commit(fixture(), 0, SwapPolicy::IMMEDIATE));
        let before = control.store.load();
        let weak = Arc::downgrade(&control);
        control.change(UNLOCKED, move |session, _| -> Result<(), String> {
            session.seed = 5;
            let control = weak.upgrade().expect("it is running");
            let take = control.session().track(Track::Bass).history[1].clone();
            let early = Take { id: TakeId("early".to_owned()), ..Take::clone(&take) };
            control.hear_early(&early, 0, SwapPolicy::default());
            assert_eq!(control.store.load().playing(Track::Bass).expect("a take").id, early.id);
            std::panic::resume_unwind(Box::new("a bug in a model"));
        });
        wait_until_answered(&control);
        assert!(texts(&control)[0].contains("failed unexpectedly"));
        let after = control.store.load();
        assert_eq!(
            (after.revision, after.session.seed),
            (before.revision, before.session.seed),
            "what was there stays"
        );
        let id = |snapshot: &Snapshot| snapshot.playing(Track::Bass).map(|take| take.id.clone());
        assert_eq!(id(&after), id(&before), "the previous take must play");
        control.change(UNLOCKED, |session, _| -> Result<(), String> {
            session.seed = 7;
            Ok(())
        });
        wait_until_answered(&control);
        assert_eq!((texts(&control), control.session().seed), (Vec::new(), 7));
        drop(threads);
    }

    #[test]
    fn what_was_queued_before_a_session_was_restored_does_not_change_it() {
        let (control, threads) = start();
        let (begun, is_begun) = crossbeam_channel::bounded(1);
        let (release, is_released) = crossbeam_channel::bounded::<()>(1);
        // The worker is busy, and two changes are queued.
        control.change(UNLOCKED, move |session, cancellation| -> Result<(), String> {
            begun.send(()).expect("the test waits");
            is_released.recv().expect("the test lets it go on");
            assert!(cancellation.is_cancelled(), "a session was restored");
            session.seed = 1;
            Ok(())
        });
        is_begun.recv().expect("it begins");
        control.change(UNLOCKED, |session, _| -> Result<(), String> {
            session.seed = 2;
            Ok(())
        });
        let mut restored = fixture();
        restored.seed = 99;
        control.take_over(restored);
        assert_eq!(control.session().seed, 99, "it is there at once");
        release.send(()).expect("the worker waits");
        wait_until_answered(&control);
        assert_eq!(control.session().seed, 99, "what was queued before is dropped");
        control.change(UNLOCKED, |session, _| -> Result<(), String> {
            session.seed += 1;
            Ok(())
        });
        wait_until_answered(&control);
        assert_eq!(control.session().seed, 100, "what is queued after is not");
        drop(threads);
    }

    #[test]
    fn triggers_of_the_song_belong_to_the_session_that_they_were_meant_for() {
        let (control, receivers) = Control::new();
        let (mut port, triggers) = ControlPort::new(&control);
        let params = crate::params::ResonantParams::new(&control);
        port.trigger(Trigger::read(&params, Target::All, None, Some(1.0)));
        control.take_over(fixture());
        assert!(!control.is_answered(), "it is in progress");
        let threads = Threads::start(&control, receivers, triggers).expect("there are threads");
        wait_until_answered(&control);
        assert_eq!(control.awaited(), 0);
        assert_eq!(control.snapshot().revision, 1, "only the restored session has changed it");
        drop(threads);
    }

    #[test]
    fn a_worker_that_hangs_does_not_hold_the_host() {
        let (control, threads) = start();
        let (begun, is_begun) = crossbeam_channel::bounded(1);
        let (release, is_released) = crossbeam_channel::bounded::<()>(1);
        let (gone, is_gone) = crossbeam_channel::bounded::<()>(1);
        control.change(UNLOCKED, move |_, _| -> Result<(), String> {
            begun.send(()).expect("the test waits");
            // Like a server or disk that does not answer.
            let _ = is_released.recv();
            drop(gone);
            Ok(())
        });
        is_begun.recv().expect("it begins");
        // Waiting for the worker would never end.
        drop(threads);
        assert_eq!(is_gone.try_recv(), Err(crossbeam_channel::TryRecvError::Empty), "it hangs still");
        release.send(()).expect("it hangs still");
        assert!(is_gone.recv().is_err(), "it ends by itself");
        wait_until("the worker's end", || Arc::strong_count(&control) == 1);
    }

    /// A control side, and what its threads receive.
    fn chosen(candidates: u32) -> (Arc<Control>, Receivers) {
        let (control, receivers) = Control::new();
        assert!(control.commit(crate::editor::tests::chosen(candidates), 0, SwapPolicy::IMMEDIATE));
        (control, receivers)
    }

    fn fake_worker<'a>(control: &'a Control, receivers: &'a Receivers) -> Worker<'a> {
        Worker::new(control, &receivers.commands, |_| Ok(Arc::new(Fake::default())))
    }

    /// Does all that was asked for.
    fn work(worker: &mut Worker<'_>) {
        worker.receive_all();
        while let Some(job) = worker.queue.pop_front() {
            worker.serve(job);
        }
    }

    fn listen(control: &Control, number: Option<u32>) {
        control.listen(Some(Listening::candidates(Track::Bass, number)));
    }

    fn take_candidate(control: &Control, locked: [bool; TRACK_COUNT], number: u32) {
        control.take_choice(locked, Performance::Candidate { track: Track::Bass, number });
    }

    /// The id of the take that a candidate of the bass becomes.
    fn id_of(control: &Control, number: u32) -> TakeId {
        let session = control.session();
        let found = session.candidates(Track::Bass).iter().find(|candidate| candidate.number == number);
        found.expect("a candidate").sketch.id.clone()
    }

    /// One bar of the bass as a host hears it that has just opened the plugin.
    fn bar_of_bass(control: &Control, offline: bool) -> Vec<f32> {
        let mut player = control.open_player(f64::from(TAKE_SAMPLE_RATE_HZ));
        wait_until("the player has its takes", || control.is_published());
        let mut block = vec![0.0_f32; 2 * TRACK_COUNT * 48_000];
        let mut channels = block.chunks_mut(48_000);
        let mut channel = || channels.next().expect("two for each track");
        let mut stems: [[&mut [f32]; 2]; TRACK_COUNT] = std::array::from_fn(|_| [channel(), channel()]);
        let position =
            Position { bpm: 240.0, quarters_per_bar: 4.0, playing: true, exact: true, ..Position::default() };
        let controls = Controls { previews: !offline, ..Controls::default() };
        player.process(position, &controls, &mut stems, None);
        stems[Track::Bass.index()][0].to_vec()
    }

    #[test]
    fn a_candidate_is_heard_in_place_of_its_take_but_not_offline_and_the_take_comes_back_to_the_bit() {
        let (control, receivers) = chosen(8);
        let (_port, triggers) = ControlPort::new(&control);
        let mut worker = fake_worker(&control, &receivers);
        std::thread::scope(|scope| {
            scope.spawn(|| publisher::run(&control, triggers, &receivers.opened, &receivers.wake));
            let before = (control.session_blob(), control.snapshot().commits);
            let plain = bar_of_bass(&control, false);
            listen(&control, Some(3));
            assert!(worker.hear());
            assert_eq!(control.snapshot().preview.as_ref().map(|take| &take.id), Some(&id_of(&control, 3)));
            let heard = bar_of_bass(&control, false);
            let wanted = control.snapshot().preview.clone().expect("it is heard");
            let is_as = |heard: &[f32], take: &Take| {
                let wanted =
                    take.audio.left.iter().map(|sample| *sample as f32 / resonantgen_take::FULL_SCALE);
                heard.iter().zip(wanted).all(|(heard, wanted)| *heard == wanted)
            };
            assert!(is_as(&heard, &wanted) && heard != plain, "from the first sample");
            assert!(bar_of_bass(&control, true) == plain, "a bounce does not hear it");
            assert_eq!((control.session_blob(), control.snapshot().commits), before, "nothing has changed");
            listen(&control, None);
            assert!(control.snapshot().preview.is_none());
            assert!(bar_of_bass(&control, false) == plain);
            // Taken while it is heard, it plays on, in the bounce too, and can be undone.
            listen(&control, Some(3));
            assert!(worker.hear());
            take_candidate(&control, UNLOCKED, 3);
            control.listen(None);
            assert!(control.snapshot().preview.is_some(), "what is heard stays until it is taken");
            work(&mut worker);
            assert!(control.snapshot().preview.is_none());
            assert!(bar_of_bass(&control, true) == heard);
            let mut session = control.session();
            let take = session.track(Track::Bass).take().expect("a take");
            assert_eq!(take.recipe.seed, Candidate::seed(1, 3), "its recipe makes it again");
            session.undo().expect("it can be undone");
            assert_eq!(session.track(Track::Bass).take().map(|take| &take.id), Some(&id_of(&control, 8)));
            control.quit();
        });
    }

    #[test]
    fn candidates_are_written_for_one_track_or_all_and_go_with_the_next_generation() {
        let (control, receivers) = chosen(2);
        let mut worker = fake_worker(&control, &receivers);
        let params = crate::params::ResonantParams::new(&control);
        let ask = |worker: &mut Worker<'_>, target: Target, locked: [bool; TRACK_COUNT], candidates: u32| {
            let trigger = Trigger { locked, ..Trigger::read(&params, target, Some(240.0), None) };
            control.request(Job::Make { trigger, edit: String::new(), candidates });
            work(worker);
        };
        let counts = || Track::ALL.map(|track| control.session().candidates(track).len());
        assert_eq!(counts(), [2; 4]);
        ask(&mut worker, Target::All, UNLOCKED, 8);
        assert_eq!((counts(), texts(&control)), ([8; 4], Vec::new()));
        ask(&mut worker, Target::One(Track::Bass), UNLOCKED, 4);
        assert_eq!(counts(), [8, 4, 8, 8]);
        // A locked track keeps its take, and what it can be chosen from.
        let before = control.session().track(Track::Bass).history.len();
        let locked = Track::ALL.map(|track| track == Track::Bass);
        ask(&mut worker, Target::One(Track::Bass), locked, 8);
        take_candidate(&control, locked, 1);
        work(&mut worker);
        assert_eq!((control.session().track(Track::Bass).history.len(), counts()), (before, [8, 4, 8, 8]));
        assert!(texts(&control).iter().any(|text| text.contains("locked")), "{:?}", texts(&control));
        // So does one whose next generation fails or is cancelled.
        worker.maker = |_| Ok(Arc::new(Fake::failing_after(2)));
        let heard = id_of(&control, 1);
        let playing = control.session().track(Track::Bass).take().expect("a take").id.clone();
        ask(&mut worker, Target::All, UNLOCKED, 8);
        assert_eq!((counts(), id_of(&control, 1)), ([8, 4, 8, 8], heard));
        assert_eq!(control.session().track(Track::Bass).take().expect("a take").id, playing);
        // A restored session has none.
        listen(&control, Some(1));
        control.take_over(fixture());
        assert_eq!(counts(), [0; 4]);
        assert!(!worker.hear() && control.snapshot().preview.is_none());
    }

    #[test]
    fn the_candidates_of_an_open_list_are_performed_ahead_and_forgotten_when_it_closes() {
        let (control, receivers) = chosen(8);
        let mut worker = fake_worker(&control, &receivers);
        assert!(!worker.hear(), "no list is open");
        listen(&control, None);
        assert!(worker.hear());
        assert!(worker.performed.get(&id_of(&control, 8)).is_none(), "a command came first");
        worker.receive_all();
        let times = std::iter::from_fn(|| worker.hear().then_some(())).count();
        assert_eq!(times, 8);
        assert!((1..=8).all(|number| worker.performed.get(&id_of(&control, number)).is_some()));
        assert!(control.snapshot().preview.is_none(), "nobody points at one");
        listen(&control, Some(5));
        assert!(worker.hear(), "it is only shown");
        assert_eq!(control.snapshot().preview.as_ref().map(|take| &take.id), Some(&id_of(&control, 5)));
        assert!(!worker.hear());
        control.listen(None);
        assert!(!worker.hear() && control.snapshot().preview.is_none());
        assert!(worker.performed.get(&id_of(&control, 5)).is_none());
    }

    #[test]
    fn a_sound_is_heard_while_it_is_pointed_at_and_stays_if_it_is_taken() {
        let (control, receivers) = chosen(2);
        let mut worker = fake_worker(&control, &receivers);
        let point = |patch: Option<&str>| {
            control.listen(Some(Listening::sounds(Track::Bass, patch.map(str::to_owned))));
        };
        let heard = || control.snapshot().preview.as_ref().map(|take| take.patch.clone());
        let before = (control.session_blob(), control.snapshot().commits);
        point(None);
        worker.receive_all();
        assert!(!worker.hear(), "no sound is performed ahead");
        for patch in ["third", "fourth", "third"] {
            point(Some(patch));
            assert!(worker.hear());
            assert_eq!(heard().as_deref(), Some(patch));
            assert!(!worker.hear(), "it is heard already");
        }
        point(None);
        assert_eq!((heard(), (control.session_blob(), control.snapshot().commits)), (None, before));
        // Of two that are taken in quick succession the last counts; until it is there, what is heard stays.
        point(Some("third"));
        assert!(worker.hear());
        let notes = control.session().track(Track::Bass).take().expect("a take").score.clone();
        for patch in ["third", "fourth"] {
            let patch = patch.to_owned();
            control.take_choice(UNLOCKED, Performance::Sound { track: Track::Bass, patch });
        }
        control.listen(None);
        assert_eq!(heard().as_deref(), Some("third"));
        work(&mut worker);
        assert_eq!((heard(), texts(&control)), (None, Vec::new()));
        let playing = control.session().track(Track::Bass).take().expect("a take").clone();
        assert_eq!((playing.patch.as_str(), &playing.score), ("fourth", &notes));
    }

    #[test]
    fn what_cannot_be_heard_is_said_once() {
        let (control, receivers) = chosen(2);
        let mut worker = fake_worker(&control, &receivers);
        worker.maker = |_| Ok(Arc::new(Fake::failing_after(0)));
        listen(&control, Some(1));
        worker.receive_all();
        while worker.hear() {}
        let said = texts(&control);
        assert!(
            said.len() == 1 && said[0].starts_with("This candidate of the bass cannot be heard"),
            "{said:?}"
        );
        assert!(control.snapshot().preview.is_none());
        // The editor repeats it with each frame; only after a look elsewhere it is tried again.
        for (number, is_tried) in [(Some(1), false), (None, false), (Some(1), true)] {
            listen(&control, number);
            let at = control.listening().and_then(|listening| listening.at);
            assert_eq!(at.is_some(), is_tried, "{number:?}");
        }
    }

    /// Prints how long it takes from pointing at a candidate until the player has it, with the models and in a new worker:
    /// `cargo test -p resonantgen-plugin --lib -- --ignored --nocapture hearing_a_candidate`.
    #[test]
    #[ignore = "chore: prints figures that depend on the machine"]
    #[allow(clippy::print_stdout, reason = "BENCHMARKS.md quotes it")]
    fn hearing_a_candidate_takes_so_long() {
        for rate_hz in [48_000.0, 44_100.0] {
            let (control, threads) = start();
            let params = crate::params::ResonantParams::new(&control);
            control.prompts.set(0, "deep house in A minor, 8 bars, 120 bpm".to_owned());
            let trigger = Trigger::read(&params, Target::All, None, None);
            let began = Instant::now();
            control.request(Job::Make { trigger, edit: String::new(), candidates: 8 });
            wait_until_answered(&control);
            assert_eq!(texts(&control), Vec::<String>::new());
            println!("{rate_hz} Hz: best of 8 on four tracks in {:.2} s", began.elapsed().as_secs_f64());
            let mut player = control.open_player(rate_hz);
            wait_until("the player has its takes", || control.is_published());
            let mut block = vec![0.0_f32; 2 * TRACK_COUNT * 64];
            // The clip that a track plays after one more block.
            let mut clip = |track: Track| {
                let mut channels = block.chunks_mut(64);
                let mut channel = || channels.next().expect("two for each track");
                let mut stems: [[&mut [f32]; 2]; TRACK_COUNT] =
                    std::array::from_fn(|_| [channel(), channel()]);
                let position =
                    Position { bpm: 120.0, quarters_per_bar: 4.0, playing: true, ..Position::default() };
                let controls = Controls { previews: true, ..Controls::default() };
                // A host's block; the worker needs the cores.
                std::thread::sleep(Duration::from_millis(1));
                player.reset();
                player.process(position, &controls, &mut stems, None);
                player.clip(track).map(Arc::as_ptr)
            };
            for track in Track::ALL {
                let take = clip(track);
                let numbers: Vec<u32> =
                    control.session().candidates(track).iter().skip(1).map(|known| known.number).collect();
                // The list is opened for one alone, then it stays open, and all have been heard once.
                for stays_open in [false, true, true] {
                    let between = stays_open.then(|| Listening::candidates(track, None));
                    let mut waits: Vec<f64> = Vec::new();
                    for number in &numbers {
                        let began = Instant::now();
                        control.listen(Some(Listening::candidates(track, Some(*number))));
                        wait_until("the candidate", || clip(track) != take);
                        waits.push(began.elapsed().as_secs_f64());
                        control.listen(between.clone());
                        wait_until("the take", || clip(track) == take);
                    }
                    waits.sort_by(f64::total_cmp);
                    let [median, longest] = [waits[waits.len() / 2], waits[waits.len() - 1]];
                    println!(
                        "{track}, stays open {stays_open}: median {median:.3} s, longest {longest:.3} s"
                    );
                }
            }
            drop(threads);
        }
    }
}
