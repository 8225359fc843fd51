//! The worker: one thread per instance that makes takes, so that neither the host nor the audio thread waits.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use nice_plug::nice_error;
use resonantgen_engine::generator::{Observer, Stage};
use resonantgen_engine::project::{StoredSound as _, prepare_project};
use resonantgen_engine::session::{Overrides, Session, SessionRequest, Work};
use resonantgen_engine::take::{Take, TakeId};
use resonantgen_engine::track::Track;
use resonantgen_engine::worker::{give_memory_back, give_way};
use rtrb::Consumer;

use crate::inference::{engine, is_turn_taken, wait_for_turn};
use crate::job::{Ask, Job, Target, Trigger};
use crate::outlet::Manner;
use crate::remote;
use crate::shared::{Progress, Shared};

/// How often clips under way to a player are looked after.
const TEND_INTERVAL: Duration = Duration::from_millis(100);

/// The running worker; dropping it cancels its job and joins the thread.
#[derive(Debug)]
pub struct Worker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread. `triggers` come from the audio thread, which wakes it by [`Shared::wake_worker`].
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(shared: &Arc<Shared>, triggers: Consumer<Ask>) -> std::io::Result<Self> {
        let state = Arc::clone(shared);
        let thread = std::thread::Builder::new()
            .name("resonantgen".to_owned())
            .spawn(move || run(&state, triggers))?;
        shared.set_worker(thread.thread().clone());
        Ok(Self { shared: Arc::clone(shared), thread: Some(thread) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.quit.store(true, Ordering::Release);
        self.shared.cancel.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic of the worker has been reported by then.
            let _ = thread.join();
        }
    }
}

fn run(shared: &Shared, mut triggers: Consumer<Ask>) {
    // At its old priority it works as well, only less politely.
    let _ = give_way();
    while !shared.quit.load(Ordering::Acquire) {
        while let Ok(ask) = triggers.pop() {
            shared.enqueue(ask.into());
        }
        report_mishaps(shared);
        if let Some(job) = shared.next_job() {
            // A panic in a model must not reach the host; what was there before stays.
            let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| perform(shared, job)));
            let message = match made {
                Ok(Ok(())) => shared.take_notice(),
                Ok(Err(Failure::Unwanted)) => shared.message(),
                Ok(Err(Failure::Message(text))) => Some(text),
                Err(_) => {
                    Some("Generation failed unexpectedly. What was there before still plays.".to_owned())
                }
            };
            let message = message.map(|text| {
                let offline = shared.offline.load(Ordering::Relaxed);
                if offline { format!("The offline render keeps the take before: {text}") } else { text }
            });
            if let Some(message) = &message {
                nice_error!("{message}");
            }
            shared.set_message(message);
            shared.note_made();
            shared.unfinished.fetch_sub(1, Ordering::AcqRel);
            shared.repaint.request_repaint();
        } else if shared.unpack_one() {
            // One at a time, so that nobody waits long for something else.
        } else if shared.tend() {
            std::thread::park_timeout(TEND_INTERVAL);
        } else {
            match shared.rest_after_save() {
                None => std::thread::park(),
                Some(Duration::ZERO) => give_memory_back(),
                Some(left) => std::thread::park_timeout(left),
            }
        }
    }
}

fn report_mishaps(shared: &Shared) {
    if shared.gave_up.swap(false, Ordering::AcqRel) {
        shared.set_message(Some(
            "An offline render has waited too long for a new take and keeps the one before.".to_owned(),
        ));
    }
    let lost = shared.lost_triggers.swap(0, Ordering::AcqRel);
    if lost > 0 {
        shared.set_message(Some(format!("{lost} triggers came too fast and were left out.")));
    }
}

enum Failure {
    /// Cancelled, or overtaken by a restored session.
    Unwanted,
    Message(String),
}

fn perform(shared: &Shared, job: Job) -> Result<(), Failure> {
    match job {
        Job::Make { trigger, edit } => make(shared, &trigger, &edit),
        Job::Change { locked, change } => {
            let epoch = shared.epoch();
            let mut session = shared.session();
            for track in Track::ALL {
                session.track_mut(track).locked = locked[track.index()];
            }
            change(&mut session).map_err(|error| Failure::Message(sentence(&error)))?;
            wake_playing(shared, &mut session)?;
            let manner = Manner { immediate: true, asked_at: None };
            if !shared.commit_session(session, epoch, manner) {
                return Err(Failure::Unwanted);
            }
            perform_settled(shared);
            Ok(())
        }
        Job::Perform(bpm) => {
            perform_at(shared, bpm);
            Ok(())
        }
        Job::Fetch => {
            let session = shared.session();
            for take in shared.chosen_asleep() {
                let awake = awake(shared, &session, &take)?;
                shared.wake(&awake, Manner { immediate: true, asked_at: None });
            }
            Ok(())
        }
    }
}

/// Sees to it that what plays is not asleep.
fn wake_playing(shared: &Shared, session: &mut Session) -> Result<(), Failure> {
    for track in Track::ALL {
        if let Some(take) = session.track(track).take().filter(|take| take.is_asleep()).cloned() {
            let awake = awake(shared, session, &take)?;
            session.wake(&awake);
        }
    }
    Ok(())
}

/// A take that is asleep with its sound: unpacked, or made again when the project did not keep it.
fn awake(shared: &Shared, session: &Session, take: &Take) -> Result<Arc<Take>, Failure> {
    if let Some(awake) = take.unpacked() {
        return Ok(awake);
    }
    let track = take.recipe.track;
    let lost = |why: &dyn std::fmt::Display| {
        let text = format!("the project did not keep the sound of this take of {track}, and {why}");
        Failure::Message(sentence(&text))
    };
    let watch = QuitWatch { shared, epoch: shared.epoch() };
    let _turn = wait_for_turn(&|| watch.is_cancelled()).ok_or(Failure::Unwanted)?;
    let engine = engine().map_err(|error| lost(&format_args!("it cannot be made again: {error}")))?;
    let again = engine.make_again(take, &session.heard_by(take), &watch).map_err(|error| {
        if watch.is_cancelled() {
            Failure::Unwanted
        } else {
            lost(&format_args!("it could not be made again: {error}"))
        }
    })?;
    let again = again.ok_or_else(|| lost(&"the models here do not know its instrument"))?;
    if !again.sounds_as(take) {
        shared.set_notice(Some(format!(
            "The project did not keep the sound of this take of {track}. It was made again, and sounds a little different, \
             because the models or the machine are others."
        )));
    }
    Ok(Arc::new(again))
}

/// Stops what is made again when another session was restored, or the plugin goes.
struct QuitWatch<'a> {
    shared: &'a Shared,
    epoch: u64,
}

impl Observer for QuitWatch<'_> {
    fn is_cancelled(&self) -> bool {
        self.shared.quit.load(Ordering::Acquire) || self.shared.epoch() != self.epoch
    }
}

/// Performs what sounds now at the host's tempo, if that has settled at another than the takes'.
fn perform_settled(shared: &Shared) {
    let bpm = shared.settled_bpm.load();
    if bpm > 0.0 {
        perform_at(shared, bpm);
    }
}

/// Performs what sounds now at a tempo, as long as the host has it. Until then, and where there are no models or the
/// tempo is out of their range, takes are sliced on their grid: nothing is wrong with that, so nobody is told.
fn perform_at(shared: &Shared, bpm: f64) {
    let takes = shared.without_rendition(bpm);
    if takes.is_empty() {
        return;
    }
    let watch = TempoWatch { shared, epoch: shared.epoch(), bpm };
    let Some(_turn) = wait_for_turn(&|| watch.is_cancelled()) else { return };
    let Ok(engine) = engine() else { return };
    for (take, heard) in takes {
        match engine.perform_again(&take, bpm, &heard, &watch) {
            Ok(Some(rendition)) => shared.add_rendition(&take, &rendition),
            Ok(None) => {}
            Err(_) => return,
        }
    }
}

/// Stops a rendition when the host's tempo has gone on.
struct TempoWatch<'a> {
    shared: &'a Shared,
    epoch: u64,
    bpm: f64,
}

impl Observer for TempoWatch<'_> {
    fn is_cancelled(&self) -> bool {
        self.shared.quit.load(Ordering::Acquire)
            || self.shared.epoch() != self.epoch
            || self.shared.host_bpm.load() != self.bpm
    }
}

/// The session as the trigger found it: its locks, and the takes that its numbers choose.
fn session_at(shared: &Shared, trigger: &Trigger) -> Session {
    let mut session = shared.session();
    for track in Track::ALL {
        let state = session.track_mut(track);
        state.locked = trigger.locked[track.index()];
        let chosen = trigger.takes[track.index()].and_then(|number| state.numbered(number));
        if !state.locked && chosen.is_some() {
            state.current = chosen;
        }
    }
    session
}

fn make(shared: &Shared, trigger: &Trigger, edit: &str) -> Result<(), Failure> {
    let made = try_make(shared, trigger, edit);
    shared.end_early();
    if made.is_ok() {
        // It is heard and seen by now; what follows is nothing to wait for.
        shared.note_made();
        perform_settled(shared);
        // The host's next save costs nothing then.
        let session = shared.session();
        prepare_project(&session, &|| shared.quit.load(Ordering::Acquire));
    }
    made
}

fn try_make(shared: &Shared, trigger: &Trigger, edit: &str) -> Result<(), Failure> {
    let epoch = shared.epoch();
    shared.cancel.store(false, Ordering::Release);
    let mut session = session_at(shared, trigger);
    let work = work(shared, &session, trigger, edit)?;
    let manner = Manner { immediate: false, asked_at: trigger.beat };
    let commit = |session: Session| {
        if shared.commit_session(session, epoch, manner) { Ok(()) } else { Err(Failure::Unwanted) }
    };
    // What the song has asked for before is answered with the same takes, whatever models there are now.
    let is_answered = trigger.beat.is_some() && session.answer_again(&work);
    wake_playing(shared, &mut session)?;
    if is_answered {
        return commit(session);
    }
    let watch = Watch { shared, epoch, before: session.clone(), target: trigger.target, manner };
    let note = |progress: Progress| {
        for track in Track::ALL.into_iter().filter(|track| concerns(trigger, *track)) {
            shared.progress[track.index()].store(progress);
        }
        shared.repaint.request_repaint();
    };
    note(if is_turn_taken() { Progress::Waiting } else { Progress::Begun });
    let is_cancelled = || watch.is_cancelled();
    let _turn = wait_for_turn(&is_cancelled).ok_or(Failure::Unwanted)?;
    note(Progress::Begun);
    let question = session.question(&work);
    let notice = remote::make(&mut session, &work, &watch).map_err(|error| {
        if watch.is_cancelled() { Failure::Unwanted } else { Failure::Message(sentence(&error.to_string())) }
    })?;
    session.note_answer(question);
    if watch.is_cancelled() {
        return Err(Failure::Unwanted);
    }
    commit(session)?;
    shared.set_notice(notice);
    Ok(())
}

/// What a trigger asks for.
fn work<'a>(
    shared: &Shared,
    session: &Session,
    trigger: &Trigger,
    edit: &'a str,
) -> Result<Work<'a>, Failure> {
    let prompt = shared.prompts.effective(trigger.slot);
    let settings = trigger.settings;
    let (tracks, seed) = match trigger.target {
        Target::All if trigger.locked.iter().all(|locked| *locked) => {
            return Err(Failure::Message(
                "All tracks are locked: unlock those that shall change.".to_owned(),
            ));
        }
        Target::All => (Track::ALL.to_vec(), trigger.seed.unwrap_or_else(|| session.next_seed(None))),
        Target::One(track) => {
            // Another prompt than that of the track's take asks for what the prompt says; the same one, or words of an
            // edit, for another take of the same.
            let parent = session.track(track).take();
            let another_prompt =
                edit.trim().is_empty() && parent.is_none_or(|take| !comes_from(&take.recipe.prompt, &prompt));
            let seed = trigger.seed.unwrap_or_else(|| session.next_seed(Some(track)));
            if session.plan.is_some() && !another_prompt {
                return Ok(Work::Regenerate { track, edit, seed, settings });
            }
            (vec![track], seed)
        }
    };
    Ok(Work::Generate(SessionRequest {
        prompt,
        overrides: overrides(shared, trigger),
        seed,
        tracks,
        settings,
    }))
}

/// What the user has fixed in the editor, under what parameters and host say.
fn overrides(shared: &Shared, trigger: &Trigger) -> Overrides {
    let fixed = shared.overrides();
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

/// Passes progress on to the editor, and the wish to stop to the engine.
struct Watch<'a> {
    shared: &'a Shared,
    epoch: u64,
    /// The session as it was asked for.
    before: Session,
    target: Target,
    manner: Manner,
}

impl Observer for Watch<'_> {
    fn progress(&self, track: Track, stage: Stage, fraction: f32) {
        let progress = &self.shared.progress[track.index()];
        if matches!(stage, Stage::Decode) && fraction >= 1.0 {
            progress.store(Progress::Idle);
        } else {
            progress.store(Progress::In(stage, fraction));
        }
        self.shared.repaint.request_repaint();
    }

    fn known(&self, id: &TakeId) -> Option<Take> {
        let histories = self.before.tracks.iter().flat_map(|state| &state.history);
        // Takes of older versions have ids that were made by other rules.
        let known = histories.into_iter().find(|take| take.id == *id || take.recipe.take_id() == *id)?;
        let awake = if known.is_asleep() { known.unpacked()? } else { known.clone() };
        Some(Take::clone(&awake))
    }

    fn made(&self, take: &Take) {
        // A stem of a whole piece is heard before the others are made, unless it would sound together with old ones
        // in another harmony.
        let track = take.recipe.track;
        let old = self.before.track(track).take();
        let fits = old.is_none_or(|old| old.recipe.plan == take.recipe.plan);
        if self.target == Target::All && fits && !self.is_cancelled() {
            self.shared.hear_early(track, Some(take), self.manner);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.shared.cancel.load(Ordering::Acquire)
            || self.shared.quit.load(Ordering::Acquire)
            || self.shared.epoch() != self.epoch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    use resonantgen_engine::track::TRACK_COUNT;
    use rtrb::RingBuffer;

    const UNLOCKED: [bool; TRACK_COUNT] = [false; TRACK_COUNT];

    fn wait_until_finished(shared: &Shared) {
        let began = Instant::now();
        while shared.unfinished.load(Ordering::Acquire) > 0 {
            assert!(began.elapsed() < Duration::from_secs(60), "the worker does not finish");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_panic_becomes_a_message_and_the_work_goes_on() {
        let shared = Shared::new();
        let (_asks, asked) = RingBuffer::new(1);
        let worker = Worker::start(&shared, asked).expect("there is a thread");
        let before = shared.revision();
        shared.change(UNLOCKED, |session| -> Result<(), String> {
            session.seed = 5;
            std::panic::resume_unwind(Box::new("a bug in a model"));
        });
        wait_until_finished(&shared);
        assert!(shared.message().is_some_and(|text| text.contains("failed unexpectedly")));
        assert_eq!((shared.revision(), shared.session().seed), (before, 0), "what was there stays");
        shared.change(UNLOCKED, |session| -> Result<(), String> {
            session.seed = 7;
            Ok(())
        });
        wait_until_finished(&shared);
        assert_eq!((shared.message(), shared.session().seed), (None, 7));
        drop(worker);
    }
}
