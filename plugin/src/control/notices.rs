//! What the user should know, until it is dismissed.

use std::collections::VecDeque;

use parking_lot::Mutex;

/// Notices that are kept; the oldest goes when there is one more.
const CAPACITY: usize = 4;

/// One notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Names it, for [`Notices::dismiss`].
    pub id: u64,
    /// What it says.
    pub text: String,
    /// It says how the last job went: the next job's success removes it.
    is_outcome: bool,
}

/// A queue of notices. Not for the audio thread.
#[derive(Debug, Default)]
pub struct Notices {
    queue: Mutex<(VecDeque<Notice>, u64)>,
}

impl Notices {
    /// Adds a notice that stays until it is dismissed. One that is there already is not repeated.
    pub fn add(&self, text: String) {
        self.push(text, false);
    }

    /// Says how a job went, in place of what the job before said; `None` when there is nothing to say.
    pub fn set_outcome(&self, text: Option<String>) {
        self.queue.lock().0.retain(|notice| !notice.is_outcome);
        if let Some(text) = text {
            self.push(text, true);
        }
    }

    fn push(&self, text: String, is_outcome: bool) {
        let mut queue = self.queue.lock();
        let (notices, last) = &mut *queue;
        if notices.iter().any(|notice| notice.text == text) {
            return;
        }
        if notices.len() >= CAPACITY {
            notices.pop_front();
        }
        *last += 1;
        notices.push_back(Notice { id: *last, text, is_outcome });
    }

    /// Removes a notice.
    pub fn dismiss(&self, id: u64) {
        self.queue.lock().0.retain(|notice| notice.id != id);
    }

    /// Removes all.
    pub fn clear(&self) {
        self.queue.lock().0.clear();
    }

    /// All notices, the oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Notice> {
        self.queue.lock().0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(notices: &Notices) -> Vec<String> {
        notices.all().into_iter().map(|notice| notice.text).collect()
    }

    #[test]
    fn a_success_removes_only_what_the_job_before_said() {
        let notices = Notices::default();
        notices.add("3 triggers came too fast.".to_owned());
        notices.set_outcome(Some("All tracks are locked.".to_owned()));
        assert_eq!(texts(&notices), ["3 triggers came too fast.", "All tracks are locked."]);
        notices.set_outcome(None);
        assert_eq!(texts(&notices), ["3 triggers came too fast."]);
        notices.dismiss(notices.all()[0].id);
        assert!(notices.all().is_empty());
    }

    #[test]
    fn there_are_never_too_many() {
        let notices = Notices::default();
        for number in 0..10 {
            notices.add(format!("number {number}"));
            notices.add(format!("number {number}"));
        }
        assert_eq!(texts(&notices), ["number 6", "number 7", "number 8", "number 9"]);
    }
}
