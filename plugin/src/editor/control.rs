//! Small controls: icon buttons, toggles, faders, chips. They depend on parameters, but not on tracks.
//!
//! Every control reports its name and state to accessibility tools, shows the keyboard focus, and accepts arrow keys
//! if it has a value.

use egui::{
    Color32, CursorIcon, EventFilter, Key, Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
    pos2, vec2,
};
use nice_plug::prelude::{BoolParam, Param, ParamSetter};

use super::icon::{self, Icon};
use super::theme::{self, palette};

/// Step of an arrow key on a fader, as a share of its range; Shift divides it by five.
const KEY_STEP: f32 = 0.025;

/// A square button with an icon.
#[derive(Clone, Copy)]
pub struct IconButton<'a> {
    icon: Icon,
    name: &'a str,
    hint: Option<&'a str>,
    on: Option<Color32>,
    /// Whether it can be on and off.
    is_switch: bool,
    size: Vec2,
    bare: bool,
}

impl<'a> IconButton<'a> {
    /// A button; `name` is its accessible name and its tooltip.
    #[must_use]
    pub const fn new(icon: Icon, name: &'a str) -> Self {
        Self { icon, name, hint: None, on: None, is_switch: false, size: Vec2::splat(24.0), bare: false }
    }

    /// Fills it with `color` if `on`.
    #[must_use]
    pub fn on(mut self, on: bool, color: Color32) -> Self {
        self.on = on.then_some(color);
        self.is_switch = true;
        self
    }

    /// Sets a tooltip that differs from the name.
    #[must_use]
    pub const fn hint(mut self, hint: &'a str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Sets the size in points.
    #[must_use]
    pub const fn size(mut self, width: f32, height: f32) -> Self {
        self.size = vec2(width, height);
        self
    }

    /// Draws no fill at rest.
    #[must_use]
    pub const fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// Draws it.
    pub fn show(self, ui: &mut Ui) -> Response {
        let (rect, response) = ui.allocate_exact_size(self.size, Sense::click());
        let enabled = ui.is_enabled();
        let on = self.on.is_some();
        response.widget_info(|| match self.is_switch {
            true => WidgetInfo::selected(egui::Role::Button, enabled, on, self.name),
            false => WidgetInfo::labeled(egui::Role::Button, enabled, self.name),
        });
        if ui.is_rect_visible(rect) {
            let palette = palette(ui);
            let fill = match self.on {
                Some(color) => color,
                None if response.hovered() && enabled => palette.button_hover,
                None if self.bare => Color32::TRANSPARENT,
                None => palette.button,
            };
            let ink = match (enabled, on) {
                (true, true) => palette.on_track,
                (true, false) => palette.text,
                (false, _) => palette.dim.gamma_multiply(0.55),
            };
            ui.painter().rect_filled(rect, theme::SMALL_ROUNDING, fill);
            icon::paint(ui.painter(), self.icon, rect, ink);
            focus_ring(ui, &response, rect);
        }
        let hint = self.hint.unwrap_or(self.name);
        response.on_hover_text(hint).on_disabled_hover_text(hint)
    }
}

/// Draws a ring around the focused control.
pub fn focus_ring(ui: &Ui, response: &Response, rect: Rect) {
    if response.has_focus() {
        let stroke = Stroke::new(2.0, palette(ui).focus);
        ui.painter().rect_stroke(rect.expand(1.0), theme::SMALL_ROUNDING, stroke, StrokeKind::Middle);
    }
}

/// Names a draggable or editable number for accessibility tools.
pub fn name_number(response: &Response, enabled: bool, value: f64, name: &str) {
    response.widget_info(|| WidgetInfo {
        label: Some(name.to_owned()),
        ..WidgetInfo::drag_value(enabled, value)
    });
}

/// A checkbox; its edge is drawn so that an empty one is visible.
pub fn check(ui: &mut Ui, on: &mut bool, text: impl Into<egui::WidgetText>) -> Response {
    let edge = Stroke::new(1.0, palette(ui).dim);
    ui.scope(|ui| {
        ui.visuals_mut().widgets.inactive.bg_stroke = edge;
        ui.checkbox(on, text.into())
    })
    .inner
}

/// A button inside a menu that looks like a button.
pub fn filled_button(ui: &Ui, text: &str) -> egui::Button<'static> {
    let text = egui::RichText::new(text).font(theme::plain(12.5));
    egui::Button::new(text).fill(palette(ui).button).min_size(vec2(64.0, 24.0))
}

/// Number of Right presses minus Left presses while a control has the focus, and whether Delete or Backspace was pressed.
pub fn pressed_arrows(ui: &Ui, response: &Response) -> (i32, bool) {
    if !response.has_focus() {
        return (0, false);
    }
    let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    ui.input(|input| {
        let presses = |key| input.num_presses(key) as i32;
        let reset = input.key_pressed(Key::Delete) || input.key_pressed(Key::Backspace);
        (presses(Key::ArrowRight) - presses(Key::ArrowLeft), reset)
    })
}

/// Sets a parameter as one gesture, so that hosts record it.
pub fn set<P: Param>(setter: &ParamSetter<'_>, param: &P, value: P::Plain) {
    setter.begin_set_parameter(param);
    setter.set_parameter(param, value);
    setter.end_set_parameter(param);
}

/// A button that toggles a parameter; `hint` is its tooltip.
pub fn toggle(
    ui: &mut Ui,
    setter: &ParamSetter<'_>,
    param: &BoolParam,
    icons: [Icon; 2],
    color: Color32,
    hint: &str,
) -> Response {
    let on = param.value();
    let button = IconButton::new(icons[usize::from(on)], param.name()).on(on, color).hint(hint);
    let response = button.show(ui);
    if response.clicked() {
        set(setter, param, !on);
    }
    response
}

/// A horizontal fader: dragging, arrow keys or Ctrl and the wheel change it; a double-click or Delete resets it. That of a whole number
/// stops at each value.
pub struct Fader<'a, P> {
    param: &'a P,
    color: Color32,
    width: f32,
    from_center: bool,
}

impl<'a, P: Param> Fader<'a, P>
where
    P::Plain: Into<f64>,
{
    /// A fader for `param`.
    #[must_use]
    pub const fn new(param: &'a P, color: Color32, width: f32) -> Self {
        Self { param, color, width, from_center: false }
    }

    /// Fills the fader from its middle, for pan.
    #[must_use]
    pub const fn centered(mut self) -> Self {
        self.from_center = true;
        self
    }

    /// Draws it.
    pub fn show(self, ui: &mut Ui, setter: &ParamSetter<'_>) -> Response {
        const HEIGHT: f32 = 18.0;
        let param = self.param;
        let (rect, mut response) = ui.allocate_exact_size(vec2(self.width, HEIGHT), Sense::click_and_drag());
        let enabled = ui.is_enabled();
        response
            .widget_info(|| WidgetInfo::slider(enabled, param.modulated_plain_value().into(), param.name()));
        let track = rect.shrink2(vec2(6.0, 0.0));
        if response.drag_started() {
            setter.begin_set_parameter(param);
        }
        if response.dragged() {
            let shift = ui.input(|input| input.modifiers.shift);
            let normalized = if shift {
                param.unmodulated_normalized_value() + response.drag_delta().x / track.width() / 5.0
            } else {
                let at = response.interact_pointer_pos().map_or(track.left(), |pointer| pointer.x);
                snapped(param, (at - track.left()) / track.width())
            };
            setter.set_parameter_normalized(param, normalized.clamp(0.0, 1.0));
            response.mark_changed();
        }
        if response.drag_stopped() {
            setter.end_set_parameter(param);
        }
        if response.double_clicked() {
            set(setter, param, param.default_plain_value());
            response.mark_changed();
        }
        self.keys(ui, &mut response, setter);
        if ui.is_rect_visible(rect) {
            self.paint(ui, &response, rect, track);
        }
        response.context_menu(|ui| value_menu(ui, setter, param));
        response.on_hover_cursor(CursorIcon::ResizeHorizontal).on_hover_text(format!(
            "{}: {}\nDouble-click to reset, hold Shift for fine steps",
            param.name(),
            param
        ))
    }

    fn keys(&self, ui: &Ui, response: &mut Response, setter: &ParamSetter<'_>) {
        let (steps, reset) = pressed_arrows(ui, response);
        if reset {
            set(setter, self.param, self.param.default_plain_value());
            response.mark_changed();
        } else if steps != 0 {
            let fine = if ui.input(|input| input.modifiers.shift) { KEY_STEP / 5.0 } else { KEY_STEP };
            let step = self.param.step_count().map_or(fine, |count| 1.0 / count as f32);
            let shift = steps as f32 * step;
            let normalized = (self.param.unmodulated_normalized_value() + shift).clamp(0.0, 1.0);
            setter.begin_set_parameter(self.param);
            setter.set_parameter_normalized(self.param, normalized);
            setter.end_set_parameter(self.param);
            response.mark_changed();
        }
    }

    fn paint(&self, ui: &Ui, response: &Response, rect: Rect, track: Rect) {
        const TRACK_HEIGHT: f32 = 4.0;
        let palette = palette(ui);
        let value = self.param.modulated_normalized_value();
        let bar = Rect::from_center_size(track.center(), vec2(track.width() + 4.0, TRACK_HEIGHT));
        let x = |share: f32| track.left() + track.width() * share;
        let origin: f32 = if self.from_center { 0.5 } else { 0.0 };
        let filled = Rect::from_x_y_ranges(
            x(origin.min(value)) - if self.from_center { 0.0 } else { 2.0 }..=x(origin.max(value)),
            bar.y_range(),
        );
        let painter = ui.painter();
        painter.rect_filled(bar, TRACK_HEIGHT / 2.0, palette.button_hover);
        painter.rect_filled(filled, TRACK_HEIGHT / 2.0, self.color);
        let rest = self.param.default_normalized_value();
        painter.vline(x(rest), bar.expand2(vec2(0.0, 2.0)).y_range(), Stroke::new(1.0, palette.dim));
        let radius = if response.hovered() || response.dragged() { 6.0 } else { 5.0 };
        let knob = pos2(x(value), track.center().y);
        painter.circle(knob, radius, palette.text, Stroke::new(1.5, palette.card));
        focus_ring(ui, response, rect);
    }
}

/// Snaps to the default, so that it can be found without a double-click.
fn snapped(param: &impl Param, normalized: f32) -> f32 {
    const REACH: f32 = 0.018;
    let rest = param.default_normalized_value();
    if (normalized - rest).abs() < REACH { rest } else { normalized }
}

/// The context menu of a value.
fn value_menu(ui: &mut Ui, setter: &ParamSetter<'_>, param: &impl Param) {
    ui.label(egui::RichText::new(param.name()).font(theme::strong(12.5)));
    let id = ui.scope_id().with("value");
    let mut text = ui.data_mut(|data| data.get_temp(id)).unwrap_or_else(|| param.to_string());
    let field = ui.add(field(&mut text, "").desired_width(96.0));
    field.widget_info(|| {
        WidgetInfo::labeled(egui::Role::TextInput, true, format!("{} as text", param.name()))
    });
    let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    ui.data_mut(|data| data.insert_temp(id, text.clone()));
    if entered && let Some(normalized) = param.string_to_normalized_value(&text) {
        set(setter, param, param.preview_plain(normalized));
        ui.data_mut(|data| data.remove::<String>(id));
        ui.close();
    }
    if ui.button("Reset").clicked() {
        set(setter, param, param.default_plain_value());
        ui.data_mut(|data| data.remove::<String>(id));
        ui.close();
    }
}

/// A single-line text field in the editor's style.
pub fn field<'a>(text: &'a mut String, hint: &str) -> egui::TextEdit<'a> {
    egui::TextEdit::singleline(text)
        .hint_text(hint)
        .font(theme::plain(13.0))
        .margin(egui::Margin::symmetric(8, 4))
        .align(egui::Align2::LEFT_CENTER)
        .min_size(vec2(0.0, 24.0))
}

/// Style of a chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChipKind {
    /// Understood from the prompt, or chosen by the program.
    Plain,
    /// Fixed by the user.
    Fixed,
    /// Something differs from the request.
    Odd,
    /// It holds for the next generation; what plays is different.
    Next,
}

/// A fact in a rounded box: a dim label and a value. `opens` means that a click opens a menu.
pub fn chip(ui: &mut Ui, label: &str, value: &str, kind: ChipKind, opens: bool) -> Response {
    const HEIGHT: f32 = 24.0;
    let palette = palette(ui);
    let ink = if kind == ChipKind::Odd { palette.warning } else { palette.text };
    let painter = ui.painter();
    let label_text = (!label.is_empty())
        .then(|| painter.layout_no_wrap(label.to_owned(), theme::plain(12.0), palette.dim));
    let value_text = painter.layout_no_wrap(value.to_owned(), theme::strong(12.5), ink);
    let gap = if label_text.is_some() { 5.0 } else { 0.0 };
    let label_width = label_text.as_ref().map_or(0.0, |text| text.size().x);
    let arrow = if opens { 13.0 } else { 0.0 };
    let width = label_width + gap + value_text.size().x + arrow + 20.0;
    let sense = if opens { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(width, HEIGHT), sense);
    let enabled = ui.is_enabled();
    let role = if opens { egui::Role::Button } else { egui::Role::Label };
    let name = format!("{label} {value}");
    response.widget_info(|| WidgetInfo::labeled(role, enabled, name.trim()));
    if ui.is_rect_visible(rect) {
        let painter = ui.painter();
        let fill = match kind {
            _ if opens && response.hovered() => palette.button_hover,
            // What is not made yet is an outline.
            ChipKind::Next => Color32::TRANSPARENT,
            _ => palette.card,
        };
        let stroke = match kind {
            ChipKind::Fixed => Stroke::new(1.5, palette.focus),
            ChipKind::Odd => Stroke::new(1.0, palette.warning),
            ChipKind::Next => Stroke::new(1.0, palette.dim),
            ChipKind::Plain => Stroke::new(1.0, palette.line),
        };
        painter.rect(rect, HEIGHT / 2.0, fill, stroke, StrokeKind::Inside);
        let mut left = rect.left() + 10.0;
        if let Some(text) = label_text {
            let place = pos2(left, rect.center().y - text.size().y / 2.0);
            painter.galley(place, text, palette.dim);
            left += label_width + gap;
        }
        let place = pos2(left, rect.center().y - value_text.size().y / 2.0);
        painter.galley(place, value_text, ink);
        if opens {
            let place = Rect::from_center_size(pos2(rect.right() - 13.0, rect.center().y), Vec2::splat(8.0));
            let scaled =
                [vec2(-3.0, -1.5), vec2(0.0, 1.7), vec2(3.0, -1.5)].map(|point| place.center() + point);
            painter.line(scaled.to_vec(), Stroke::new(1.3, palette.dim));
        }
        if response.has_focus() {
            let ring = Stroke::new(2.0, palette.focus);
            painter.rect_stroke(rect.expand(2.0), HEIGHT / 2.0 + 2.0, ring, StrokeKind::Inside);
        }
    }
    response
}

/// A level meter, one bar per channel; `peaks` are amplitudes, 1 is full scale.
pub fn meter(ui: &Ui, rect: Rect, peaks: [f32; 2], color: Color32) {
    const FLOOR_DB: f32 = -54.0;
    let palette = palette(ui);
    let width = (rect.width() - 1.0) / 2.0;
    for (channel, peak) in peaks.into_iter().enumerate() {
        let left = rect.left() + channel as f32 * (width + 1.0);
        let column = Rect::from_min_size(pos2(left, rect.top()), vec2(width, rect.height()));
        ui.painter().rect_filled(column, 1.0, palette.well);
        let level_db = 20.0 * peak.max(1.0e-6).log10();
        let share = ((level_db - FLOOR_DB) / -FLOOR_DB).clamp(0.0, 1.0);
        if share > 0.0 {
            let top = column.bottom() - share * column.height();
            let filled = Rect::from_min_max(pos2(column.left(), top), column.max);
            ui.painter().rect_filled(filled, 1.0, if level_db >= 0.0 { palette.warning } else { color });
        }
    }
}
