//! Small controls: icon buttons, toggles, faders, chips. Each knows its parameter, none knows a track.

use egui::{Align2, Color32, Pos2, Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2, pos2, vec2};
use nice_plug::prelude::{BoolParam, FloatParam, Param, ParamSetter};

use super::theme;

/// What a square button shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// A closed padlock.
    Locked,
    /// An open padlock.
    Unlocked,
    /// Two arrows in a circle.
    Again,
    /// A triangle.
    Play,
    /// A square.
    Stop,
    /// A letter.
    Letter(char),
}

/// A square button; `on` fills it with `color`.
pub fn icon_button(ui: &mut Ui, icon: Icon, on: bool, color: Color32, name: &str) -> Response {
    const SIDE: f32 = 26.0;
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(SIDE), Sense::click());
    let enabled = ui.is_enabled();
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, enabled, on, name));
    let response = response.on_hover_text(name);
    if ui.is_rect_visible(rect) {
        let fill = match (on, response.hovered()) {
            (true, _) => color,
            (false, true) => theme::BUTTON.gamma_multiply(1.35),
            (false, false) => theme::BUTTON,
        };
        let ink = if on { theme::WELL } else { theme::TEXT };
        let ink = if enabled { ink } else { theme::DIM.gamma_multiply(0.6) };
        ui.painter().rect_filled(rect, theme::SMALL_ROUNDING, fill);
        focus_ring(ui, &response, rect);
        paint_icon(ui, icon, rect, ink);
    }
    response
}

fn focus_ring(ui: &Ui, response: &Response, rect: Rect) {
    if response.has_focus() {
        let stroke = Stroke::new(1.5, theme::ACCENT);
        ui.painter().rect_stroke(rect, theme::SMALL_ROUNDING, stroke, StrokeKind::Outside);
    }
}

fn paint_icon(ui: &Ui, icon: Icon, rect: Rect, ink: Color32) {
    let painter = ui.painter();
    let center = rect.center();
    let stroke = Stroke::new(1.6, ink);
    let arc = |from: f32, to: f32, radius: f32, middle: Pos2| -> Vec<Pos2> {
        const PIECES: u8 = 14;
        (0..=PIECES)
            .map(|piece| {
                let angle = from + (to - from) * f32::from(piece) / f32::from(PIECES);
                middle + vec2(angle.cos(), angle.sin()) * radius
            })
            .collect()
    };
    match icon {
        Icon::Locked | Icon::Unlocked => {
            let body = Rect::from_center_size(center + vec2(0.0, 2.5), vec2(11.0, 8.0));
            painter.rect_filled(body, 1.5, ink);
            let shift = if icon == Icon::Locked { 0.0 } else { 4.0 };
            let top = center + vec2(shift, -2.5);
            painter.line(arc(std::f32::consts::PI, std::f32::consts::TAU, 3.5, top), stroke);
            painter.line_segment([top + vec2(-3.5, 0.0), top + vec2(-3.5, 2.0)], stroke);
            if icon == Icon::Locked {
                painter.line_segment([top + vec2(3.5, 0.0), top + vec2(3.5, 2.0)], stroke);
            }
        }
        Icon::Again => {
            const RADIUS: f32 = 6.0;
            painter.line(arc(-0.6, 4.4, RADIUS, center), stroke);
            let tip = center + vec2((-0.6_f32).cos(), (-0.6_f32).sin()) * RADIUS;
            painter.add(egui::Shape::convex_polygon(
                vec![tip + vec2(-4.2, 0.6), tip + vec2(2.2, 2.6), tip + vec2(1.6, -4.2)],
                ink,
                Stroke::NONE,
            ));
        }
        Icon::Play => {
            painter.add(egui::Shape::convex_polygon(
                vec![center + vec2(-4.0, -5.5), center + vec2(6.0, 0.0), center + vec2(-4.0, 5.5)],
                ink,
                Stroke::NONE,
            ));
        }
        Icon::Stop => {
            painter.rect_filled(Rect::from_center_size(center, Vec2::splat(9.0)), 1.0, ink);
        }
        Icon::Letter(letter) => {
            painter.text(center, Align2::CENTER_CENTER, letter, theme::strong(13.0), ink);
        }
    }
}

/// Sets a parameter as one gesture, so that hosts record it.
pub fn set<P: Param>(setter: &ParamSetter<'_>, param: &P, value: P::Plain) {
    setter.begin_set_parameter(param);
    setter.set_parameter(param, value);
    setter.end_set_parameter(param);
}

/// A button that toggles a parameter.
pub fn toggle(ui: &mut Ui, setter: &ParamSetter<'_>, param: &BoolParam, icons: [Icon; 2], color: Color32) {
    let on = param.value();
    let name = param.name();
    if icon_button(ui, icons[usize::from(on)], on, color, name).clicked() {
        set(setter, param, !on);
    }
}

/// A horizontal fader: drag to change, double-click for the default, hover for the value.
pub fn fader(
    ui: &mut Ui,
    setter: &ParamSetter<'_>,
    param: &FloatParam,
    color: Color32,
    width: f32,
) -> Response {
    const HEIGHT: f32 = 20.0;
    const TRACK_HEIGHT: f32 = 4.0;
    let (rect, mut response) = ui.allocate_exact_size(vec2(width, HEIGHT), Sense::click_and_drag());
    let value = param.modulated_normalized_value();
    response.widget_info(|| {
        egui::WidgetInfo::slider(ui.is_enabled(), f64::from(param.modulated_plain_value()), param.name())
    });
    if response.drag_started() {
        setter.begin_set_parameter(param);
    }
    if response.dragged()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        let normalized = ((pointer.x - rect.left()) / rect.width()).clamp(0.0, 1.0);
        setter.set_parameter_normalized(param, normalized);
        response.mark_changed();
    }
    if response.drag_stopped() {
        setter.end_set_parameter(param);
    }
    if response.double_clicked() {
        set(setter, param, param.default_plain_value());
    }
    if ui.is_rect_visible(rect) {
        let bar = Rect::from_center_size(rect.center(), vec2(rect.width(), TRACK_HEIGHT));
        let knob = pos2(rect.left() + rect.width() * value, rect.center().y);
        ui.painter().rect_filled(bar, TRACK_HEIGHT / 2.0, theme::BUTTON);
        let filled = Rect::from_min_max(bar.min, pos2(knob.x, bar.max.y));
        ui.painter().rect_filled(filled, TRACK_HEIGHT / 2.0, color);
        let radius = if response.hovered() || response.dragged() { 6.5 } else { 5.5 };
        ui.painter().circle_filled(knob, radius, theme::TEXT);
        focus_ring(ui, &response, rect);
    }
    response.on_hover_text(format!("{}: {}", param.name(), param))
}

/// A fact in a rounded box: a dim label and a value.
pub fn chip(ui: &mut Ui, label: &str, value: &str) -> Response {
    let job = {
        let mut job = egui::text::LayoutJob::default();
        let format = |color, font| egui::TextFormat { color, font_id: font, ..Default::default() };
        if !label.is_empty() {
            job.append(label, 0.0, format(theme::DIM, theme::plain(12.0)));
        }
        let space = if label.is_empty() { 0.0 } else { 6.0 };
        job.append(value, space, format(theme::TEXT, theme::strong(12.5)));
        job
    };
    egui::Frame::new()
        .fill(theme::CARD)
        .stroke(Stroke::new(1.0, theme::LINE))
        .corner_radius(12)
        .inner_margin(egui::Margin::symmetric(10, 4))
        .show(ui, |ui| ui.add(egui::Label::new(job)))
        .response
}
