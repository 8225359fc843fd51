//! Notices to the user.

use std::collections::VecDeque;

use parking_lot::Mutex;

/// Maximum number of notices; one more removes the oldest.
const CAPACITY: usize = 4;

/// One notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Number for [`Notices::dismiss`].
    pub id: u64,
    /// The text.
    pub text: String,
    /// It is the outcome of a job, and the next successful job removes it.
    is_outcome: bool,
}

/// A queue of notices. Not for the audio thread.
#[derive(Debug, Default)]
pub struct Notices {
    queue: Mutex<(VecDeque<Notice>, u64)>,
}

impl Notices {
    /// Adds a notice that stays until it is dismissed, unless the same one is there already.
    pub fn add(&self, text: String) {
        self.push(text, false);
    }

    /// Replaces the outcome of the previous job; `None` if there is nothing to report.
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
