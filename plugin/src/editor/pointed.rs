//! Which entry of an open list the user is at: under the pointer, or reached by arrow keys.

use egui::{Event, Key, Modifiers, Ui};

/// Where the user is in a list of entries that are known by `T`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pointed<T> {
    /// The entry; `None` at none.
    pub entry: Option<T>,
    /// The pointer has led there, and leads away again.
    by_pointer: bool,
}

impl<T> Default for Pointed<T> {
    fn default() -> Self {
        Self { entry: None, by_pointer: false }
    }
}

impl<T: Clone + PartialEq> Pointed<T> {
    /// Moves with the arrow keys, from `start` if the user is at no entry, and takes an entry with Enter. Consumes these keys, so that
    /// no text field gets them. Forgets an entry that is not in the list.
    pub fn keys(&mut self, ui: &Ui, entries: &[T], start: Option<&T>) -> Keys<T> {
        let place = |entry: Option<&T>| entries.iter().position(|other| Some(other) == entry);
        self.entry = self.entry.take().filter(|entry| entries.contains(entry));
        let (steps, is_taken) = ui.input_mut(|input| {
            let down = i32::from(input.consume_key(Modifiers::NONE, Key::ArrowDown));
            let steps = down - i32::from(input.consume_key(Modifiers::NONE, Key::ArrowUp));
            let is_reached = self.entry.is_some() && !self.by_pointer;
            (steps, is_reached && input.consume_key(Modifiers::NONE, Key::Enter))
        });
        let taken = self.entry.clone().filter(|_| is_taken);
        let has_moved = steps != 0 && !entries.is_empty();
        if has_moved {
            let last = entries.len() as i32 - 1;
            let from = place(self.entry.as_ref()).or_else(|| place(start));
            let end = if steps > 0 { 0 } else { last };
            let next = from.map_or(end, |from| (from as i32 + steps).clamp(0, last));
            self.reach(entries[next as usize].clone());
        }
        Keys { has_moved, taken }
    }

    /// Goes to an entry that the keyboard has reached.
    pub fn reach(&mut self, entry: T) {
        *self = Self { entry: Some(entry), by_pointer: false };
    }

    /// Goes to the entry under the pointer, `hovered`, when that moves there, and away with it.
    pub fn follow_pointer(&mut self, ui: &Ui, hovered: Option<T>) {
        let has_moved = ui.input(|input| {
            input.events.iter().any(|event| matches!(event, Event::PointerMoved(_) | Event::PointerGone))
        });
        if hovered.is_some() && (has_moved || self.entry.is_none()) {
            *self = Self { entry: hovered, by_pointer: true };
        } else if self.by_pointer && hovered.is_none() {
            *self = Self::default();
        }
    }
}

/// What the keys did.
#[derive(Clone, Debug, PartialEq)]
pub struct Keys<T> {
    /// Whether an arrow key led to an entry.
    pub has_moved: bool,
    /// The entry that was taken.
    pub taken: Option<T>,
}
