//! Dead keys under X11: an accent, then its letter.
//!
//! The window library reports a dead key as a key without text. The thread that listens to the editor's window sees the same keys
//! with their symbols and records the accent here; it is combined with the next text.

use std::sync::{Arc, Mutex, PoisonError};

use egui::Event;
use unicode_normalization::char::compose;

/// Accents that no letter has followed yet.
#[derive(Clone, Debug, Default)]
pub struct DeadKey(Arc<Mutex<Option<char>>>);

impl DeadKey {
    /// Records the accent of a dead key, given its X11 symbol; other keys have no effect.
    pub fn press(&self, symbol: u32) {
        if let Some(mark) = mark_of(symbol) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(mark);
        }
    }

    /// Combines a pending accent with the first letter in the events. An accent that does not combine with it is dropped.
    pub fn apply(&self, events: &mut [Event]) {
        let texts = events.iter_mut().filter_map(|event| match event {
            Event::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        });
        let Some(text) = texts.into_iter().next() else { return };
        let Some(mark) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let mut letters = text.chars();
        if let Some(letter) = letters.next().and_then(|letter| compose(letter, mark)) {
            *text = std::iter::once(letter).chain(letters).collect();
        }
    }
}

/// The combining mark of a dead key (`keysymdef.h`).
fn mark_of(symbol: u32) -> Option<char> {
    Some(match symbol {
        0xfe50 => '\u{300}',
        0xfe51 => '\u{301}',
        0xfe52 => '\u{302}',
        0xfe53 => '\u{303}',
        0xfe54 => '\u{304}',
        0xfe55 => '\u{306}',
        0xfe56 => '\u{307}',
        0xfe57 => '\u{308}',
        0xfe58 => '\u{30a}',
        0xfe59 => '\u{30b}',
        0xfe5a => '\u{30c}',
        0xfe5b => '\u{327}',
        0xfe5c => '\u{328}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accent_goes_onto_the_next_letter_only() {
        let key = DeadKey::default();
        let typed = |texts: &[&str]| -> Vec<String> {
            let mut events: Vec<Event> = texts.iter().map(|text| Event::Text((*text).to_owned())).collect();
            key.apply(&mut events);
            let text =
                |event: &Event| if let Event::Text(text) = event { text.clone() } else { String::new() };
            events.iter().map(text).collect()
        };
        key.press(0xfe51);
        assert_eq!(typed(&[""]), [""], "the dead key itself");
        assert_eq!(typed(&["e", "e"]), ["é", "e"]);
        key.press(u32::from('a'));
        assert_eq!(typed(&["e"]), ["e"]);
        key.press(0xfe57);
        assert_eq!(typed(&["q", "o"]), ["q", "o"], "no such letter");
        assert_eq!(typed(&["o"]), ["o"]);
    }
}
