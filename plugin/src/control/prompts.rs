//! The prompts of an instance, in eight slots: a host cannot automate text, but it can automate the number of a slot.

use parking_lot::Mutex;

use crate::params::SLOT_COUNT;

/// Initial text of the first slot, and the fallback for empty slots, so that a trigger always produces music.
pub const FIRST_PROMPT: &str = "dark techno with driving bass";

/// The texts, shared between threads. Not for the audio thread.
#[derive(Debug)]
pub struct Prompts(Mutex<[String; SLOT_COUNT]>);

impl Default for Prompts {
    fn default() -> Self {
        let mut texts: [String; SLOT_COUNT] = Default::default();
        FIRST_PROMPT.clone_into(&mut texts[0]);
        Self(Mutex::new(texts))
    }
}

impl Prompts {
    /// Text of a slot, in `0..SLOT_COUNT`; empty for any other.
    #[must_use]
    pub fn get(&self, slot: usize) -> String {
        let texts = self.0.lock();
        texts.get(slot).cloned().unwrap_or_default()
    }

    /// The prompt to generate from a slot: its text, or that of the first slot that has one.
    #[must_use]
    pub fn effective(&self, slot: usize) -> String {
        let texts = self.0.lock();
        let candidates = texts.get(slot).into_iter().chain(texts.iter());
        let mut filled = candidates.filter(|text| !text.trim().is_empty());
        filled.next().cloned().unwrap_or_else(|| FIRST_PROMPT.to_owned())
    }

    /// Replaces the text of a slot. Does nothing if there is no such slot.
    pub fn set(&self, slot: usize, text: String) {
        let mut texts = self.0.lock();
        if let Some(kept) = texts.get_mut(slot) {
            *kept = text;
        }
    }

    /// All texts, in the order of their slots.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        self.0.lock().to_vec()
    }

    /// Restores saved texts; missing ones are empty.
    pub fn restore(&self, saved: Vec<String>) {
        let mut texts = self.0.lock();
        let mut saved = saved.into_iter();
        for text in texts.iter_mut() {
            *text = saved.next().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_slot_stands_for_the_first_filled_one() {
        let prompts = Prompts::default();
        assert_eq!(prompts.effective(5), FIRST_PROMPT);
        prompts.set(5, "jazz".to_owned());
        assert_eq!(prompts.effective(5), "jazz");
        prompts.restore(vec![String::new(), "  ".to_owned(), "funk".to_owned()]);
        assert_eq!((prompts.effective(0), prompts.get(5)), ("funk".to_owned(), String::new()));
        prompts.restore(Vec::new());
        assert_eq!(prompts.effective(0), FIRST_PROMPT);
        prompts.set(99, "nowhere".to_owned());
        assert_eq!(prompts.get(99), "");
    }
}
