//! The worker: one thread per instance that makes takes, so that neither the host nor the audio thread waits.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use nice_plug::nice_error;
use resonantgen_engine::generator::{Observer, Stage};
use resonantgen_engine::session::{Overrides, Session, SessionRequest};
use resonantgen_engine::track::Track;
use resonantgen_engine::worker::give_way;
use rtrb::Consumer;

use crate::inference::wait_for_turn;
use crate::job::{Job, Target, Trigger};
use crate::remote::{self, Work};
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
    pub fn start(shared: &Arc<Shared>, triggers: Consumer<Trigger>) -> std::io::Result<Self> {
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

fn run(shared: &Shared, mut triggers: Consumer<Trigger>) {
    // At its old priority it works as well, only less politely.
    let _ = give_way();
    while !shared.quit.load(Ordering::Acquire) {
        while let Ok(trigger) = triggers.pop() {
            shared.enqueue(trigger.into());
        }
        report_lost_triggers(shared);
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
            if let Some(message) = &message {
                nice_error!("{message}");
            }
            shared.set_message(message);
            for progress in &shared.progress {
                progress.store(Progress::Idle);
            }
            shared.unfinished.fetch_sub(1, Ordering::AcqRel);
            shared.repaint.request_repaint();
        } else if shared.tend() {
            std::thread::park_timeout(TEND_INTERVAL);
        } else {
            std::thread::park();
        }
    }
}

fn report_lost_triggers(shared: &Shared) {
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
            if shared.commit_session(session, epoch) { Ok(()) } else { Err(Failure::Unwanted) }
        }
    }
}

/// The session as the trigger found it: its locks, and the takes that its numbers choose.
fn session_at(shared: &Shared, trigger: &Trigger) -> Session {
    let mut session = shared.session();
    for track in Track::ALL {
        let state = session.track_mut(track);
        state.locked = trigger.locked[track.index()];
        if let Some(chosen) = trigger.takes[track.index()].filter(|chosen| *chosen < state.history.len()) {
            state.current = Some(chosen);
        }
    }
    session
}

fn make(shared: &Shared, trigger: &Trigger, edit: &str) -> Result<(), Failure> {
    let epoch = shared.epoch();
    shared.cancel.store(false, Ordering::Release);
    let mut session = session_at(shared, trigger);
    let watch = Watch { shared, epoch };
    for track in Track::ALL {
        if concerns(trigger, track) {
            shared.progress[track.index()].store(Progress::Waiting);
        }
    }
    shared.repaint.request_repaint();

    let is_cancelled = || watch.is_cancelled();
    let _turn = wait_for_turn(&is_cancelled).ok_or(Failure::Unwanted)?;
    let failed = |error: &dyn std::error::Error| {
        if watch.is_cancelled() { Failure::Unwanted } else { Failure::Message(sentence(&error.to_string())) }
    };
    let notice;
    let prompt = shared.prompts.effective(trigger.slot);
    let request = |session: &Session, tracks: Vec<Track>, seed: Option<u64>| SessionRequest {
        prompt: prompt.clone(),
        overrides: overrides(shared, trigger),
        seed: seed.unwrap_or_else(|| session.next_seed(None)),
        tracks,
        settings: trigger.settings,
    };
    match trigger.target {
        Target::All => {
            if trigger.locked.iter().all(|locked| *locked) {
                return Err(Failure::Message(
                    "All tracks are locked: unlock those that shall change.".to_owned(),
                ));
            }
            let request = request(&session, Track::ALL.to_vec(), trigger.seed);
            notice = remote::make(&mut session, &Work::Generate(request), &watch)
                .map_err(|error| failed(&error))?;
        }
        Target::One(track) => {
            // Another prompt than that of the track's take asks for what the prompt says; the same one, or words of an
            // edit, for another take of the same.
            let parent = session.track(track).take();
            let another_prompt =
                edit.trim().is_empty() && parent.is_none_or(|take| !comes_from(&take.recipe.prompt, &prompt));
            let seed = trigger.seed.unwrap_or_else(|| session.next_seed(Some(track)));
            if session.plan.is_none() || another_prompt {
                let request = request(&session, vec![track], Some(seed));
                notice = remote::make(&mut session, &Work::Generate(request), &watch)
                    .map_err(|error| failed(&error))?;
            } else {
                let settings = trigger.settings;
                let work = Work::Regenerate { track, edit, seed, settings };
                notice = remote::make(&mut session, &work, &watch).map_err(|error| failed(&error))?;
            }
        }
    }
    if watch.is_cancelled() || !shared.commit_session(session, epoch) {
        return Err(Failure::Unwanted);
    }
    shared.set_notice(notice);
    Ok(())
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

    fn is_cancelled(&self) -> bool {
        self.shared.cancel.load(Ordering::Acquire)
            || self.shared.quit.load(Ordering::Acquire)
            || self.shared.epoch() != self.epoch
    }
}
