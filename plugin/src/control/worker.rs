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
use resonantgen_music::plan::Chord;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_project::{StoredSound as _, prepare_project};
use resonantgen_server::settings;
use resonantgen_session::{Overrides, Request, SectionId, Session, SessionError};
use resonantgen_take::{Take, TakeId};
use resonantgen_words::genre;

use super::follow::{FollowedPart, Follower, Ground, Performed, QueuedChord};
use super::inference::{engine, fallen_back, is_permit_taken, note_status, wait_for_permit};
use super::job::{Command, Job, Performance, QueuedJob, Target, Trigger, enqueue};
use super::remote;
use super::snapshot::SwapPolicy;
use super::status::Progress;
use super::{Cancellation, Control};

/// Time after a save before memory is returned to the system; by then the host has freed its copies.
const SAVED: Duration = Duration::from_secs(3);

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
    /// Serial numbers of the last demand and snapshot that were handled.
    answered: Option<(u32, u64)>,
    /// Takes that could not be made again or performed at another tempo, with the tempo and epoch of the attempt.
    failed: (Vec<TakeId>, f64, u64),
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
    let mut worker = Worker {
        control,
        commands,
        queue: VecDeque::new(),
        chords: VecDeque::new(),
        follower: Follower::default(),
        engine: None,
        answered: None,
        failed: (Vec::new(), 0.0, 0),
        saved: None,
        is_unpacked: false,
    };
    while !control.is_quitting() {
        worker.turn();
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

enum Failure {
    /// Cancelled, or overtaken by a restored session.
    Unwanted,
    Message(String),
}

impl Worker<'_> {
    /// Does the most urgent piece of work, or waits for a command.
    fn turn(&mut self) {
        self.receive_all();
        if let Some(chord) = self.chords.pop_front() {
            self.follow(chord);
        } else if let Some(job) = self.queue.pop_front() {
            self.serve(job);
        } else if self.answer() || self.unpack_one() || self.pack() {
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
            Command::Job(job) => enqueue(&mut self.queue, job),
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
            Job::Make { trigger, edit } => self.make(&trigger, &edit, cancellation),
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
                self.commit(session, cancellation.epoch, policy)?;
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
        if (self.failed.1, self.failed.2) != (bpm, snapshot.epoch) {
            self.failed = (Vec::new(), bpm, snapshot.epoch);
        }
        let watch = DemandWatch { control, epoch: snapshot.epoch, bpm };
        let wanted: Vec<Arc<Take>> = snapshot.wanted(&demand).cloned().collect();
        let mut is_done = true;
        for take in wanted {
            if self.failed.0.contains(&take.id) {
                continue;
            }
            let met = std::panic::catch_unwind(AssertUnwindSafe(|| {
                self.meet(&snapshot.session, &take, demand.bpm, &watch)
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
                    self.failed.0.push(take.id.clone());
                }
                Err(_) => self.failed.0.push(take.id.clone()),
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

    /// Makes a take again if it has no audio, and performs it at the demanded tempo. Until then the player slices it. Without
    /// models, or at a tempo out of range, it stays sliced, which is not an error.
    fn meet(
        &mut self,
        session: &Session,
        take: &Arc<Take>,
        bpm: Option<f64>,
        observer: &dyn Observer,
    ) -> Result<(), Failure> {
        // The publisher unpacks packed takes.
        if take.is_asleep() && !take.is_packed() {
            let awake = self.awake(session, take, observer)?;
            self.control.store.wake(&awake);
            self.control.wake();
        }
        let Some(bpm) = bpm.filter(|bpm| !self.control.store.load().has_at(take, *bpm)) else {
            return Ok(());
        };
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
            None => self.failed.0.push(take.id.clone()),
        }
        Ok(())
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
        cancellation: &Cancellation<'_>,
    ) -> Result<Option<String>, Failure> {
        let control = self.control;
        let epoch = cancellation.epoch;
        let open = control.snapshot().session.open_section_id();
        let mut session = session_at(control, trigger);
        let is_open = session.open_section_id() == open;
        let request = request(control, &session, trigger, edit)?;
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
        let watch = Watch { cancellation, before: session.clone(), target, policy, finished };
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
        let notice = remote::make(&mut self.engine, &mut session, &request, &watch).map_err(|error| {
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
        self.by_engine(session, cancellation, cancelled, |session, engine, watch| {
            session.apply(engine, request, watch)
        })
    }

    /// Changes a session by the engine of this machine, and commits it. `cancelled` is what the user is told when the change failed because
    /// it was cancelled.
    fn by_engine(
        &mut self,
        mut session: Session,
        cancellation: &Cancellation<'_>,
        cancelled: Option<&str>,
        change: impl FnOnce(&mut Session, &Engine, &Watch<'_>) -> Result<(), SessionError>,
    ) -> Result<Option<String>, Failure> {
        let control = self.control;
        let policy = SwapPolicy::default();
        let finished = Mutex::default();
        let watch = Watch { cancellation, before: session.clone(), target: None, policy, finished };
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
        let engine = engine(&mut self.engine).map_err(|error| failed(&error))?;
        note_status(&engine);
        change(&mut session, &engine, &watch).map_err(|error| failed(&error))?;
        if watch.is_cancelled() {
            return Err(Failure::Unwanted);
        }
        self.commit(session, cancellation.epoch, policy)?;
        Ok(fallen_back(&engine))
    }
}

impl Worker<'_> {
    /// Takes in a chord that was played, and performs the loop over it in time for its half bar.
    fn follow(&mut self, queued: QueuedChord) {
        let control = self.control;
        let QueuedChord { heard, lead, trigger, epoch, ticket, pending } = queued;
        let cancellation = Cancellation { control, epoch, ticket };
        let session = session_at(control, &trigger);
        if let Some(plan) = session.plan.as_ref().filter(|_| !cancellation.is_cancelled()) {
            let wanted = if heard.is_guess {
                (None, self.follower.guess(heard, lead, plan))
            } else {
                let from = self.follower.hear(heard, lead, plan);
                (Some((heard.run, from)), self.follower.chords().to_vec())
            };
            // Whoever is late makes up for it: only the newest chord counts, unless an offline render waits for each.
            if self.chords.is_empty() || control.audio.offline.load(Ordering::Relaxed) {
                let watch =
                    ChordWatch { cancellation: &cancellation, guess: heard.is_guess.then(|| heard.mark()) };
                let made = std::panic::catch_unwind(AssertUnwindSafe(|| {
                    self.perform_over_chords(session, wanted, &watch)
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

    /// Performs the playing takes over chords. It is played in the given run, from a half bar on, unless it is only a guess.
    fn perform_over_chords(
        &mut self,
        mut session: Session,
        (place, chords): (Option<(u32, i64)>, Vec<Option<Chord>>),
        watch: &ChordWatch<'_>,
    ) -> Result<(), Failure> {
        let control = self.control;
        let own_bpm = session.plan.as_ref().map_or(0.0, |plan| plan.bpm);
        let (_, demand) = control.audio.demand.read();
        let ground = Ground {
            of: Track::ALL.map(|track| session.track(track).take().map(|take| take.id.clone())),
            chords,
            locked: Track::ALL.map(|track| session.track(track).locked),
            bpm: demand.bpm.unwrap_or(own_bpm),
        };
        if self.follower.is_last(&ground) {
            return Ok(());
        }
        let takes = match self.follower.known(&ground) {
            Some(takes) => takes,
            None if ground.chords.iter().all(Option::is_none) => Performed::default(),
            None => {
                let takes = self.performed_over(&mut session, &ground, watch)?;
                self.follower.remember(ground.clone(), takes.clone());
                takes
            }
        };
        let Some((run, from)) = place else { return Ok(()) };
        let part = FollowedPart { run, from, chords: ground.chords.clone(), of: ground.of.clone(), takes };
        if !control.follow(part, watch.cancellation.epoch) {
            return Err(Failure::Unwanted);
        }
        self.follower.note_last(&ground);
        let audio = &control.audio;
        let is_late = audio.follow_run.load(Ordering::Acquire) == run
            && audio.follow_half_bar.load(Ordering::Acquire) >= from;
        if is_late && !audio.offline.load(Ordering::Relaxed) {
            let text = "What you played was not ready in time: its chord begins half a bar late. \"In Two Bars\" leaves more time.";
            control.set_outcome(Some(text.to_owned()));
        }
        Ok(())
    }

    /// Performs the playing takes by the engine of this machine.
    fn performed_over(
        &mut self,
        session: &mut Session,
        ground: &Ground,
        watch: &ChordWatch<'_>,
    ) -> Result<Performed, Failure> {
        self.wake_playing(session, watch)?;
        let _permit = wait_for_permit(&|| watch.is_cancelled()).ok_or(Failure::Unwanted)?;
        let engine =
            engine(&mut self.engine).map_err(|error| Failure::Message(sentence(&error.to_string())))?;
        session.followed(&*engine, &ground.chords, ground.bpm, watch).map_err(|error| {
            if watch.is_cancelled() {
                Failure::Unwanted
            } else {
                Failure::Message(sentence(&error.to_string()))
            }
        })
    }
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
        self.by_engine(session, cancellation, None, |session, engine, watch| match performance {
            Performance::Chords(chords) => session.reharmonise(engine, chords, watch),
            Performance::Sound { track, patch } => session.change_sound(engine, *track, patch, watch),
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

/// Watches the work on chords that are followed.
struct ChordWatch<'a> {
    cancellation: &'a Cancellation<'a>,
    /// The mark of a guess, which is not wanted any more once another chord was heard.
    guess: Option<u64>,
}

impl Observer for ChordWatch<'_> {
    fn progress(&self, _track: Track, _stage: Stage, _fraction: f32) {
        self.cancellation.control.note_activity();
    }

    fn is_cancelled(&self) -> bool {
        let newest = self.cancellation.control.chord_heard.load(Ordering::Acquire);
        self.cancellation.is_cancelled() || self.guess.is_some_and(|guess| guess != newest)
    }
}

/// Cancels the work for a demand if another session was restored, the tempo changed, or the plugin is being removed.
struct DemandWatch<'a> {
    control: &'a Control,
    epoch: u64,
    bpm: f64,
}

impl Observer for DemandWatch<'_> {
    fn progress(&self, _track: Track, _stage: Stage, _fraction: f32) {
        self.control.note_activity();
    }

    fn is_cancelled(&self) -> bool {
        self.control.is_quitting()
            || self.control.store.epoch() != self.epoch
            || self.control.audio.demand.bpm() != self.bpm
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
    use super::*;

    use crate::control::ControlPort;
    use crate::control::threads::Threads;
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
        let id =
            |snapshot: &crate::control::Snapshot| snapshot.playing(Track::Bass).map(|take| take.id.clone());
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
}
