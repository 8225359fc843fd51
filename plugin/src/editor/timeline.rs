//! The visible part of the loop in the lanes, and the selected bars.

use std::ops::Range;

use egui::{Rect, pos2, vec2};

/// Maximum zoom, relative to showing the whole loop.
const MOST_ZOOM: f32 = 16.0;

/// The visible part, as fractions of the loop, and the selection.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    start: f32,
    length: f32,
    /// The selected bars, from 0.
    selection: Option<Range<u32>>,
    /// Number of bars in the loop that this state belongs to.
    bars: u32,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { start: 0.0, length: 1.0, selection: None, bars: 0 }
    }
}

impl Timeline {
    /// Resets the view and the selection if the loop's length has changed.
    pub fn follow(&mut self, bars: u32) {
        if self.bars != bars {
            *self = Self { bars, ..Self::default() };
        }
    }

    /// The rectangle of the whole loop when `rect` shows the visible part.
    #[must_use]
    pub fn wide(&self, rect: Rect) -> Rect {
        let width = rect.width() / self.length;
        Rect::from_min_size(pos2(rect.left() - self.start * width, rect.top()), vec2(width, rect.height()))
    }

    /// The visible part, as fractions of the loop.
    #[must_use]
    pub fn part(&self) -> Range<f32> {
        self.start..self.start + self.length
    }

    /// Whether the whole loop is visible.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.length >= 1.0
    }

    /// Makes bars `factor` times as wide. The position `around`, a fraction of the loop, stays in place.
    pub fn zoom(&mut self, factor: f32, around: f32) {
        let least = (1.0 / self.bars.max(1) as f32).clamp(1.0 / MOST_ZOOM, 1.0);
        let length = (self.length / factor).clamp(least, 1.0);
        let place = if self.length > 0.0 { (around - self.start) / self.length } else { 0.5 };
        self.start = around - place * length;
        self.length = length;
        self.stay_inside();
    }

    /// Moves the view by a fraction of its width.
    pub fn pan(&mut self, by: f32) {
        self.start += by * self.length;
        self.stay_inside();
    }

    /// Shows the whole loop.
    pub fn show_all(&mut self) {
        (self.start, self.length) = (0.0, 1.0);
    }

    /// Shows the selected bars, or the whole loop if none are selected.
    pub fn show_selection(&mut self) {
        let bars = self.bars.max(1) as f32;
        match &self.selection {
            Some(selected) => {
                self.start = selected.start as f32 / bars;
                self.length = ((selected.end - selected.start) as f32 / bars).max(1.0 / MOST_ZOOM);
                self.stay_inside();
            }
            None => self.show_all(),
        }
    }

    fn stay_inside(&mut self) {
        self.length = self.length.clamp(1.0 / 64.0, 1.0);
        self.start = self.start.clamp(0.0, 1.0 - self.length);
    }

    /// The selected bars, from 0.
    #[must_use]
    pub fn selection(&self) -> Option<Range<u32>> {
        self.selection.clone()
    }

    /// Selects the bars between two, inclusive. Bars beyond the loop are ignored.
    pub fn select(&mut self, one: u32, other: u32) {
        let last = self.bars.max(1) - 1;
        let (one, other) = (one.min(last), other.min(last));
        self.selection = Some(one.min(other)..one.max(other) + 1);
    }

    /// Clears the selection.
    pub fn select_none(&mut self) {
        self.selection = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bars: u32) -> Timeline {
        let mut timeline = Timeline::default();
        timeline.follow(bars);
        timeline
    }

    #[test]
    fn the_place_under_the_pointer_stays_and_the_part_stays_inside() {
        let mut timeline = of(8);
        let rect = Rect::from_min_size(pos2(100.0, 0.0), vec2(800.0, 50.0));
        assert_eq!(timeline.wide(rect), rect);
        let x = |timeline: &Timeline, share: f32| {
            let wide = timeline.wide(rect);
            egui::lerp(wide.left()..=wide.right(), share)
        };
        let before = x(&timeline, 0.3);
        timeline.zoom(2.0, 0.3);
        assert!((x(&timeline, 0.3) - before).abs() < 0.1);
        timeline.pan(-9.0);
        assert_eq!(timeline.part().start, 0.0);
        timeline.zoom(1_000.0, 0.25);
        assert!(timeline.part().contains(&0.25), "{timeline:?}");
        assert!((timeline.part().end - timeline.part().start - 0.125).abs() < 1e-6, "one bar");
        timeline.zoom(1e-3, 0.5);
        assert!(timeline.is_whole());
    }

    #[test]
    fn bars_are_selected_in_either_direction_and_gone_with_their_loop() {
        let mut timeline = of(8);
        timeline.select(5, 3);
        assert_eq!(timeline.selection(), Some(3..6));
        timeline.show_selection();
        assert_eq!(timeline.part(), 0.375..0.75);
        timeline.select(6, 99);
        assert_eq!(timeline.selection(), Some(6..8));
        timeline.follow(8);
        assert_eq!(timeline.selection(), Some(6..8));
        timeline.follow(4);
        assert_eq!((timeline.selection(), timeline.is_whole()), (None, true));
    }
}
