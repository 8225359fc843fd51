//! What the model of sentences makes of a prompt, asked in the background: the editor never waits for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use resonantgen_engine::generator::Engine;
use resonantgen_engine::intent::{Sense, TextUnderstanding};
use resonantgen_engine::worker::give_way;

use super::RepaintNotifier;
use crate::control::inference::engine;
use crate::control::location;

/// Answers that are remembered.
const KNOWN: usize = 64;

/// Asks the engine; `None` where there is none.
type Ask = dyn Fn(&mut Option<Arc<Engine>>, &str) -> Option<Sense> + Send + Sync;

/// Answers at once with what is known, and has the rest found out.
#[derive(Clone)]
pub struct Understanding {
    shared: Arc<Mutex<State>>,
    ask: Arc<Ask>,
    repaint: RepaintNotifier,
}

#[derive(Default)]
struct State {
    /// The latest text that nobody has looked at yet.
    wanted: Option<String>,
    /// A thread is looking.
    busy: bool,
    known: Vec<(String, Option<Sense>)>,
    /// Grows with each answer.
    revision: u64,
    /// What was asked; kept, because opening it again takes a second.
    engine: Option<Arc<Engine>>,
}

impl Understanding {
    /// Asks this process's engine, which is opened when it is first needed. An answer asks for a repaint.
    #[must_use]
    pub fn of_engine(repaint: RepaintNotifier) -> Self {
        let ask = |kept: &mut Option<Arc<Engine>>, text: &str| engine(kept).ok()?.sense(text);
        Self { shared: Arc::default(), ask: Arc::new(ask), repaint }
    }

    /// A number that changes when more is known.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.lock().revision
    }

    /// Whether something is being found out.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.lock().busy
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is complete before anything can panic.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wanted; without a wish the thread ends and leaves the engine behind.
    fn next(&self, engine: &mut Option<Arc<Engine>>) -> Option<String> {
        let mut state = self.lock();
        let wanted = state.wanted.take();
        if wanted.is_none() {
            state.busy = false;
            state.engine = engine.take();
        }
        wanted
    }

    /// Looks at what is wanted until nothing is.
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
    /// Does not wait: a text that is not known yet is like nothing for now.
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
            // Without a thread the words are what there is.
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

    /// Everything is like jazz.
    pub(in crate::editor) fn jazz() -> Understanding {
        let ask = |_: &mut Option<Arc<Engine>>, _: &str| {
            let mut styles = [0.0; resonantgen_engine::intent::STYLE_COUNT];
            styles[resonantgen_engine::intent::Style::Jazz.index()] = 1.0;
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

    /// Waits until everything wanted is known.
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
        assert!(!jazz.is_busy(), "what is known is not asked again");
    }
}
