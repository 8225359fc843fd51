//! Draws one take: waveform, piano roll or drum grid, bar lines, playhead, progress.

use std::ops::Range;

use egui::emath::GuiRounding as _;
use egui::{
    Align2, Color32, ColorImage, Painter, Rect, Stroke, StrokeKind, TextureHandle, TextureOptions, pos2, vec2,
};
use resonantgen_models::generator::Stage;
use resonantgen_music::plan::Plan;
use resonantgen_project::Form;

use super::theme::{self, Palette};
use super::timeline::Timeline;
use super::view::LaneView;
use crate::control::status::Progress;

/// What the lanes show of a take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Face {
    /// The sound, with the score over it.
    #[default]
    Sound,
    /// The score: piano roll and drum grid.
    Notes,
}

impl Face {
    /// The file format in which a take shown this way is dragged out.
    #[must_use]
    pub const fn form(self) -> Form {
        match self {
            Self::Sound => Form::Wav,
            Self::Notes => Form::Midi,
        }
    }

    /// Width of the gutter left of a lane, where its rows are named, in points.
    #[must_use]
    pub const fn gutter(self) -> f32 {
        match self {
            Self::Sound => 0.0,
            Self::Notes => 64.0,
        }
    }
}

/// How a lane is drawn.
#[derive(Clone, Copy)]
pub struct Ink {
    /// The colours in use.
    pub palette: &'static Palette,
    /// The track's colour.
    pub color: Color32,
}

/// Draws a lane's take into `rect`, to which the painter is clipped, as far as `timeline` shows it; `waveform` caches the waveform.
#[allow(clippy::too_many_arguments, reason = "what to draw, where, and how")]
pub fn paint(
    painter: &Painter,
    rect: Rect,
    timeline: &Timeline,
    view: &LaneView,
    plan: Option<&Plan>,
    ink: Ink,
    face: Face,
    waveform: &mut Waveform,
) {
    if face == Face::Notes && !view.peaks.is_empty() {
        paint_rows(painter, rect, view, ink);
    }
    if let Some(plan) = plan {
        paint_grid(painter, timeline.wide(rect), rect, plan, ink.palette);
    }
    if view.peaks.is_empty() {
        return;
    }
    let thin = match face {
        Face::Sound => {
            waveform.paint(painter, roll(rect), view, timeline.part(), ink.color.gamma_multiply(0.42));
            2.5
        }
        Face::Notes => (roll(rect).height() * view.row_height - 1.0).clamp(3.0, 11.0),
    };
    let inner = roll(rect);
    let (wide, part) = (timeline.wide(rect), timeline.part());
    for note in view.notes.iter().filter(|note| note.end >= part.start && note.start <= part.end) {
        let y = egui::lerp(inner.bottom()..=inner.top(), note.height.clamp(0.0, 1.0));
        let x = |share: f32| egui::lerp(wide.left()..=wide.right(), share.clamp(0.0, 1.0));
        let bar = Rect::from_min_max(
            pos2(x(note.start), y - thin / 2.0),
            pos2((x(note.end) - 1.0).max(x(note.start) + 2.5), y + thin / 2.0),
        );
        painter.rect_filled(bar, 1.0, ink.color.gamma_multiply(0.6 + 0.4 * note.velocity));
    }
}

/// Area of the score within a lane.
fn roll(rect: Rect) -> Rect {
    rect.shrink2(vec2(0.0, 3.0))
}

/// A stripe behind each named row.
fn paint_rows(painter: &Painter, rect: Rect, view: &LaneView, ink: Ink) {
    let inner = roll(rect);
    let height = inner.height() * view.row_height;
    for (index, row) in view.rows.iter().enumerate() {
        let is_striped = view.rows.len() < 4 || index % 2 == 0;
        if is_striped {
            let y = egui::lerp(inner.bottom()..=inner.top(), row.height);
            let stripe = Rect::from_center_size(pos2(rect.center().x, y), vec2(rect.width(), height));
            painter.rect_filled(stripe, 0.0, ink.palette.card.gamma_multiply(0.8));
        }
    }
}

/// Names of the rows, and piano keys if they are pitches; `gutter` is the area left of the lane.
pub fn paint_gutter(painter: &Painter, gutter: Rect, view: &LaneView, ink: Ink) {
    const KEYS: f32 = 14.0;
    let inner = roll(gutter);
    let row = inner.height() * view.row_height;
    let mut names = gutter.right() - 6.0;
    if let Some(lowest) = view.lowest {
        let is_black = |pitch: u8| matches!(pitch % 12, 1 | 3 | 6 | 8 | 10);
        let keys = Rect::from_min_max(pos2(gutter.right() - KEYS, inner.top()), inner.max);
        let [white, black] = ink.palette.keys;
        painter.rect(keys, 0.0, white, Stroke::new(1.0, ink.palette.line), StrokeKind::Outside);
        let count = (1.0 / view.row_height).round() as u8;
        for index in 0..count {
            let pitch = lowest.saturating_add(index);
            let top = inner.bottom() - row * f32::from(index + 1);
            let key = Rect::from_min_size(pos2(keys.left(), top), vec2(KEYS, row));
            if is_black(pitch) {
                let short = Rect::from_min_size(key.min, vec2(KEYS * 0.64, row));
                painter.rect_filled(short, 0.0, black);
            } else if matches!(pitch % 12, 0 | 5) && row > 1.5 {
                painter.hline(keys.x_range(), key.bottom(), Stroke::new(0.7, black));
            }
        }
        names -= KEYS;
    }
    let mut free_below = f32::INFINITY;
    for named in &view.rows {
        let y = egui::lerp(inner.bottom()..=inner.top(), named.height);
        if free_below - y < 10.5 {
            continue;
        }
        free_below = y;
        let text = painter.layout_no_wrap(named.name.clone(), theme::plain(10.0), ink.palette.dim);
        painter.galley(pos2(names - text.size().x, y - text.size().y / 2.0), text, ink.palette.dim);
    }
}

/// Paints bar lines, and fainter lines for beats. `wide` is the rectangle of the whole loop, `rect` the visible part of it.
fn paint_grid(painter: &Painter, wide: Rect, rect: Rect, plan: &Plan, palette: &Palette) {
    let steps_per_bar = plan.meter.steps_per_bar();
    let beat = 16 / plan.meter.denominator().clamp(1, 16);
    let beats_fit = wide.width() / (plan.bars * plan.meter.numerator()) as f32 > 14.0;
    for step in (beat..plan.total_steps()).step_by(beat as usize) {
        let x = egui::lerp(wide.left()..=wide.right(), step as f32 / plan.total_steps() as f32);
        if !rect.x_range().contains(x) {
            continue;
        }
        if step % steps_per_bar == 0 {
            painter.vline(x, rect.y_range(), Stroke::new(1.0, palette.line));
        } else if beats_fit {
            painter.vline(x, rect.y_range(), Stroke::new(1.0, palette.line.gamma_multiply(0.45)));
        }
    }
}

/// A waveform, rendered once per take, visible part and size: drawing a picture is cheap, a thousand slivers per frame are not.
#[derive(Default)]
pub struct Waveform(Option<(Drawn, TextureHandle)>);

/// The key of a rendered waveform: its take, its width and height in pixels, and the visible part.
type Drawn = (String, [usize; 2], Range<f32>);

impl Waveform {
    fn paint(&mut self, painter: &Painter, rect: Rect, view: &LaneView, part: Range<f32>, color: Color32) {
        let pixels = painter.pixels_per_point();
        let rect = rect.round_to_pixels(pixels);
        let size = [rect.width(), rect.height()].map(|length| (length * pixels).round().max(1.0) as usize);
        let count = view.peaks.len();
        let place = |share: f32| ((share * count as f32).round() as usize).min(count);
        let peaks = &view.peaks[place(part.start)..place(part.end).max(place(part.start) + 1).min(count)];
        let wanted = (view.id.clone(), size, part);
        if self.0.as_ref().is_none_or(|(drawn, _)| *drawn != wanted) {
            let texture =
                painter.ctx().load_texture("waveform", envelope(peaks, size), TextureOptions::NEAREST);
            self.0 = Some((wanted, texture));
        }
        if let Some((_, texture)) = &self.0 {
            let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            painter.image(texture.id(), rect, whole, color);
        }
    }
}

/// The envelope in white, with soft edges.
fn envelope(peaks: &[f32], [width, height]: [usize; 2]) -> ColorImage {
    let halves: Vec<f32> = (0..width)
        .map(|column| {
            let from = (column * peaks.len() / width).min(peaks.len() - 1);
            let to = ((column + 1) * peaks.len() / width).clamp(from + 1, peaks.len());
            let peak = peaks[from..to].iter().copied().fold(0.0, f32::max);
            (peak * height as f32 / 2.0).max(0.5)
        })
        .collect();
    let middle = height as f32 / 2.0;
    let pixels = (0..height).flat_map(|row| {
        // Distance of the pixel's outer edge from the middle.
        let reach = (row as f32 + 0.5 - middle).abs() + 0.5;
        halves.iter().map(move |half| {
            let covered = (half - reach + 1.0).clamp(0.0, 1.0);
            Color32::from_white_alpha((covered * 255.0).round() as u8)
        })
    });
    ColorImage::new([width, height], pixels.collect())
}

/// The current activity in words, and its overall progress in `0.0..=1.0`. `begun` is what the track waits for before its
/// own generation starts.
#[must_use]
pub fn progress_words(progress: Progress, begun: &str) -> Option<(String, f32)> {
    match progress {
        Progress::Idle => None,
        Progress::Waiting => Some(("waiting for another instance".to_owned(), 0.0)),
        Progress::Begun => Some((begun.to_owned(), 0.0)),
        Progress::Made => Some(("ready: it plays with the others".to_owned(), 1.0)),
        Progress::Importing => Some(("reading and fitting the sound".to_owned(), 0.0)),
        // The first step takes longer than the others, because its model may have to be loaded.
        Progress::In(Stage::Compose, fraction) if fraction <= 0.0 => Some(("composing".to_owned(), 0.0)),
        Progress::In(stage, fraction) => {
            let (name, order) = match stage {
                Stage::Compose => ("composing", 0.0),
                Stage::Perform => ("performing", 1.0),
                Stage::Decode => ("decoding", 2.0),
            };
            Some((format!("{name}  {:.0} %", fraction * 100.0), (order + fraction) / 3.0))
        }
    }
}

/// Draws progress over the lane: words and a bar.
pub fn paint_progress(painter: &Painter, rect: Rect, text: &str, share: f32, ink: Ink) {
    let palette = ink.palette;
    painter.rect_filled(rect, 0.0, palette.well.gamma_multiply(0.72));
    let line = Rect::from_min_max(pos2(rect.left(), rect.bottom() - 3.0), rect.max);
    painter.rect_filled(line, 1.5, palette.button_hover);
    let done = Rect::from_min_size(line.min, vec2(line.width() * share, line.height()));
    painter.rect_filled(done, 1.5, ink.color);
    let label = painter.layout_no_wrap(text.to_owned(), theme::strong(12.5), palette.text);
    let place = Align2::CENTER_CENTER.anchor_size(rect.center(), label.size());
    painter.rect_filled(place.expand2(vec2(10.0, 4.0)), 10.0, palette.card);
    painter.galley(place.min, label, palette.text);
}

/// Paints the playhead at a fraction of the loop. `wide` is the rectangle of the whole loop; the painter is clipped to the
/// visible part.
pub fn paint_playhead(painter: &Painter, wide: Rect, share: f32, palette: &Palette) {
    let (rect, x) = (wide, egui::lerp(wide.left()..=wide.right(), share));
    painter.vline(x, rect.y_range(), Stroke::new(1.5, palette.text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_as_high_as_its_peaks_at_every_size() {
        for size in [[1, 1], [4, 8], [3, 7], [900, 40]] {
            let image = envelope(&[1.0, 0.5, 0.0], size);
            let [width, height] = size;
            let covered = |column: usize| -> f32 {
                (0..height).map(|row| f32::from(image.pixels[row * width + column].a()) / 255.0).sum()
            };
            assert!((covered(0) - height as f32).abs() < 0.1, "{size:?}: {}", covered(0));
            let last = if width < 3 { height as f32 } else { 1.0 };
            assert!((covered(width - 1) - last).abs() < 0.1, "{size:?}: silence is a line");
        }
    }
}
