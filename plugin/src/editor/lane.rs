//! The picture of one take: waveform, score, bar lines, playhead, progress.

use egui::epaint::{Mesh, Vertex, WHITE_UV};
use egui::{Align2, Color32, Painter, Pos2, Rect, Shape, Stroke, pos2, vec2};
use resonantgen_engine::generator::Stage;
use resonantgen_engine::plan::Plan;

use super::theme;
use super::view::LaneView;
use crate::shared::Progress;

/// Draws a lane.
pub fn paint(
    painter: &Painter,
    rect: Rect,
    view: &LaneView,
    plan: Option<&Plan>,
    color: Color32,
    audible: bool,
) {
    painter.rect_filled(rect, theme::SMALL_ROUNDING, theme::WELL);
    if let Some(plan) = plan {
        paint_grid(painter, rect, plan);
    }
    if view.peaks.is_empty() {
        return;
    }
    let color = if audible { color } else { theme::DIM };
    painter.add(waveform(rect.shrink2(vec2(0.0, 5.0)), &view.peaks, color.gamma_multiply(0.34)));
    let inner = rect.shrink2(vec2(0.0, 9.0));
    for note in &view.notes {
        let y = egui::lerp(inner.bottom()..=inner.top(), note.height.clamp(0.0, 1.0));
        let x = |share: f32| egui::lerp(inner.left()..=inner.right(), share.clamp(0.0, 1.0));
        let bar = Rect::from_min_max(
            pos2(x(note.start), y - 1.5),
            pos2(x(note.end).max(x(note.start) + 2.0), y + 1.5),
        );
        painter.rect_filled(bar, 1.0, color.gamma_multiply(0.45 + 0.55 * note.velocity));
    }
}

/// Bar lines, and fainter ones for beats.
fn paint_grid(painter: &Painter, rect: Rect, plan: &Plan) {
    let steps_per_bar = plan.meter.steps_per_bar();
    let beat = 16 / plan.meter.denominator().clamp(1, 16);
    let beats_fit = rect.width() / (plan.bars * plan.meter.numerator()) as f32 > 14.0;
    for step in (beat..plan.total_steps()).step_by(beat as usize) {
        let x = egui::lerp(rect.left()..=rect.right(), step as f32 / plan.total_steps() as f32);
        if step % steps_per_bar == 0 {
            painter.vline(x, rect.y_range(), Stroke::new(1.0, theme::LINE));
        } else if beats_fit {
            painter.vline(x, rect.y_range(), Stroke::new(1.0, theme::LINE.gamma_multiply(0.4)));
        }
    }
}

/// The envelope as one mesh: two triangles per column.
fn waveform(rect: Rect, peaks: &[f32], color: Color32) -> Shape {
    let mut mesh = Mesh::default();
    let columns = peaks.len().min((rect.width().max(2.0)) as usize).max(2);
    let vertex = |pos: Pos2| Vertex { pos, uv: WHITE_UV, color };
    for column in 0..columns {
        let from = column * peaks.len() / columns;
        let to = ((column + 1) * peaks.len() / columns).max(from + 1).min(peaks.len());
        let peak = peaks[from..to].iter().copied().fold(0.0, f32::max);
        let half = (peak * rect.height() / 2.0).max(0.5);
        let x = egui::lerp(rect.left()..=rect.right(), column as f32 / (columns - 1) as f32);
        mesh.vertices.push(vertex(pos2(x, rect.center().y - half)));
        mesh.vertices.push(vertex(pos2(x, rect.center().y + half)));
        if column > 0 {
            let last = 2 * column as u32;
            mesh.add_triangle(last - 2, last - 1, last);
            mesh.add_triangle(last - 1, last, last + 1);
        }
    }
    Shape::mesh(mesh)
}

/// What is being made, over the lane.
pub fn paint_progress(painter: &Painter, rect: Rect, progress: Progress, color: Color32) {
    let (text, share) = match progress {
        Progress::Idle => return,
        Progress::Waiting => ("waiting".to_owned(), 0.0),
        Progress::In(stage, fraction) => {
            let (name, order) = match stage {
                Stage::Compose => ("composing", 0.0),
                Stage::Perform => ("performing", 1.0),
                Stage::Decode => ("decoding", 2.0),
            };
            (format!("{name}  {:.0} %", fraction * 100.0), (order + fraction) / 3.0)
        }
    };
    painter.rect_filled(rect, theme::SMALL_ROUNDING, theme::WELL.gamma_multiply(0.72));
    let line = Rect::from_min_max(pos2(rect.left(), rect.bottom() - 3.0), rect.max);
    painter.rect_filled(line, 1.5, theme::LINE);
    let done = Rect::from_min_size(line.min, vec2(line.width() * share, line.height()));
    painter.rect_filled(done, 1.5, color);
    let label = painter.layout_no_wrap(text, theme::strong(12.5), theme::TEXT);
    let place = Align2::CENTER_CENTER.anchor_size(rect.center(), label.size());
    painter.rect_filled(place.expand2(vec2(10.0, 5.0)), 10.0, theme::CARD);
    painter.galley(place.min, label, theme::TEXT);
}

/// The playhead at a share of the loop.
pub fn paint_playhead(painter: &Painter, rect: Rect, share: f32) {
    let x = egui::lerp(rect.left()..=rect.right(), share);
    painter.vline(x, rect.y_range(), Stroke::new(1.5, theme::TEXT));
}

/// Bar numbers and chords above the lanes.
pub fn paint_ruler(painter: &Painter, rect: Rect, plan: &Plan) {
    let chords = plan.chords.len().max(1);
    let width = rect.width() / chords as f32;
    let bar_width = rect.width() / plan.bars as f32;
    for bar in 0..plan.bars {
        let x = rect.left() + bar as f32 * bar_width;
        painter.vline(x, rect.y_range(), Stroke::new(1.0, theme::LINE));
        if bar_width > 22.0 || bar % 4 == 0 {
            let place = pos2(x + 4.0, rect.top());
            painter.text(place, Align2::LEFT_TOP, bar + 1, theme::plain(10.5), theme::DIM);
        }
    }
    let mut last = None;
    let mut free_from = rect.left();
    for (index, chord) in plan.chords.iter().enumerate() {
        let x = rect.left() + index as f32 * width;
        if last != Some(chord) && x >= free_from {
            let place = pos2(x + 4.0, rect.bottom() - 1.0);
            let drawn =
                painter.text(place, Align2::LEFT_BOTTOM, chord.to_string(), theme::strong(12.5), theme::TEXT);
            free_from = drawn.right() + 2.0;
            last = Some(chord);
        }
    }
}
