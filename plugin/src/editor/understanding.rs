//! Queries the sentence model in the background, so that the editor never waits for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use resonantgen_models::generator::Engine;
use resonantgen_models::worker::give_way;
use resonantgen_words::{Sense, TextUnderstanding};

use super::RepaintNotifier;
use crate::control::inference::engine;
use crate::control::location;

/// Number of cached answers.
const KNOWN: usize = 64;

/// Queries the engine; `None` if there is no answer.
type Query = dyn Fn(&mut Option<Arc<Engine>>, &str) -> Option<Sense> + Send + Sync;

/// Returns cached answers at once, and queries the model for the rest.
#[derive(Clone)]
pub struct Understanding {
    shared: Arc<Mutex<State>>,
    ask: Arc<Query>,
    repaint: RepaintNotifier,
}

#[derive(Default)]
struct State {
    /// The latest text that is not processed yet.
    wanted: Option<String>,
    /// Whether a thread is running.
    busy: bool,
    known: Vec<(String, Option<Sense>)>,
    /// Grows with each answer.
    revision: u64,
    /// The engine; kept, because reopening it takes a second.
    engine: Option<Arc<Engine>>,
}

impl Understanding {
    /// Queries this process's engine, which is opened when it is first needed. An answer requests a repaint.
    #[must_use]
    pub fn of_engine(repaint: RepaintNotifier) -> Self {
        let ask = |kept: &mut Option<Arc<Engine>>, text: &str| engine(kept).ok()?.sense(text);
        Self { shared: Arc::default(), ask: Arc::new(ask), repaint }
    }

    /// A number that changes with each new answer.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.lock().revision
    }

    /// Whether a query is running.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.lock().busy
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is complete before anything can panic.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next text; if there is none, stores the engine so that the thread can end.
    fn next(&self, engine: &mut Option<Arc<Engine>>) -> Option<String> {
        let mut state = self.lock();
        let wanted = state.wanted.take();
        if wanted.is_none() {
            state.busy = false;
            state.engine = engine.take();
        }
        wanted
    }

    /// Processes texts until none is left.
    fn look(&self) {
        let _ = give_way();
        let mut engine = self.lock().engine.take();
        while let Some(text) = self.next(&mut engine) {
            let asked = std::panic::AssertUnwindSafe(|| (self.ask)(&mut engine, &text));
            let sense = std::panic::catch_unwind(asked).unwrap_or_default();
            let mut state = self.lock();
            if state.known.len() >= KNOWN {
                state.known.remove(0);
            }
            state.known.push((text, sense));
            state.revision += 1;
        }
        self.repaint.request_repaint();
    }
}

impl TextUnderstanding for Understanding {
    /// Does not wait: returns `None` for a text that is not answered yet.
    fn sense(&self, text: &str) -> Option<Sense> {
        let mut state = self.lock();
        if let Some((_, sense)) = state.known.iter().find(|(known, _)| known == text) {
            return sense.clone();
        }
        state.wanted = Some(text.to_owned());
        if !std::mem::replace(&mut state.busy, true) {
            let looks = self.clone();
            // The editor may be gone before it has an answer.
            location::stay_loaded();
            let thread = std::thread::Builder::new().name("resonantgen words".to_owned());
            // If no thread can be started, only the words count.
            state.busy = thread.spawn(move || looks.look()).is_ok();
        }
        None
    }
}

#[cfg(test)]
pub(super) use tests::{jazz, settle};

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// A model that takes everything for jazz.
    pub(in crate::editor) fn jazz() -> Understanding {
        let ask = |_: &mut Option<Arc<Engine>>, _: &str| {
            let mut styles = [0.0; resonantgen_words::STYLE_COUNT];
            styles[resonantgen_words::Style::Jazz.index()] = 1.0;
            Some(Sense {
                styles,
                shift: [0.0; 5],
                moods: Vec::new(),
                mode: None,
                pace: 0.0,
                instruments: Vec::new(),
                similarity: 0.9,
            })
        };
        Understanding { shared: Arc::default(), ask: Arc::new(ask), repaint: RepaintNotifier::default() }
    }

    /// Waits until all queries are answered.
    pub(in crate::editor) fn settle(understanding: &Understanding) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while understanding.is_busy() {
            assert!(Instant::now() < deadline, "no answer");
            std::thread::yield_now();
        }
    }

    #[test]
    fn the_first_answer_is_none_and_the_next_is_known() {
        let jazz = jazz();
        assert_eq!(jazz.sense("a bar"), None);
        settle(&jazz);
        assert_eq!(jazz.revision(), 1);
        assert!(jazz.sense("a bar").is_some());
        assert!(!jazz.is_busy(), "a known text is not queried again");
    }
}
