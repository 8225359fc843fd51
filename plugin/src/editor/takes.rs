//! The takes of a track: what they were chosen from, arrows, a dot per take, the favourite, A/B.

use egui::{PointerButton, Rect, RichText, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};
use resonantgen_music::track::Track;
use resonantgen_project::Form;

use super::action::Action;
use super::candidates::Chooser;
use super::control::{self, IconButton};
use super::icon::Icon;
use super::row_menu;
use super::theme::{self, palette};
use super::view::LaneView;
use crate::control::export::Parcel;

/// Height of the line, in points.
const HEIGHT: f32 = 20.0;
/// Distance of two dots.
const PITCH: f32 = 9.0;
/// Width of the number of the playing take.
const NUMBER_WIDTH: f32 = 24.0;
/// Width of the list's button, number, arrows, star and A/B with the gaps between.
const BUTTONS_WIDTH: f32 = 22.0 + NUMBER_WIDTH + 18.0 + 18.0 + 22.0 + 30.0 + 12.0;

/// Width of the line for this number of takes, at most `room`, in points.
#[must_use]
pub fn width(takes: usize, room: f32) -> f32 {
    BUTTONS_WIDTH + PITCH * shown(takes, room) as f32
}

fn shown(takes: usize, room: f32) -> usize {
    takes.min(((room - BUTTONS_WIDTH) / PITCH).max(1.0) as usize)
}

/// Draws the line into the available space. Locked tracks keep their take.
pub fn show(ui: &mut Ui, chooser: Chooser<'_>, form: Form, actions: &mut Vec<Action>) {
    let Chooser { track, view, locked, .. } = chooser;
    let room = ui.available_width();
    ui.spacing_mut().item_spacing.x = 2.0;
    let title = track.title();
    let step = |ui: &mut Ui, icon: Icon, by: i32, fits: bool, what: &str| {
        let name = format!("{title}: {what} take");
        ui.add_enabled_ui(!locked && fits, |ui| {
            IconButton::new(icon, &name)
                .size(18.0, HEIGHT)
                .bare()
                .show(ui)
                .clicked()
                .then_some(Action::Step(track, by))
        })
        .inner
    };
    chooser.button(ui, HEIGHT, actions);
    number(ui, view);
    actions.extend(step(ui, Icon::Previous, -1, view.steps[0], "older"));
    dots(ui, track, view, locked, (shown(view.takes.len(), room), form), actions);
    actions.extend(step(ui, Icon::Next, 1, view.steps[1], "newer"));
    let favourite = view.mark().is_some_and(|mark| mark.favourite);
    let name = format!("{title}: favourite");
    ui.add_enabled_ui(view.mark().is_some(), |ui| {
        let button = IconButton::new(Icon::Star(favourite), &name).size(22.0, HEIGHT).bare();
        if button.hint("Favourite: keep this take for ever").show(ui).clicked() {
            actions.extend(view.current.map(|index| Action::Favourite(track, index)));
        }
    });
    ui.add_enabled_ui(!locked && view.can_compare, |ui| {
        let name = format!("{title}: A/B");
        let hint = match (locked, view.can_compare) {
            (true, _) => "A/B is off while the track is locked",
            (_, false) => "A/B compares with the take heard before; there is none yet",
            _ => "A/B: compare with the take heard before (X)",
        };
        let button = IconButton::new(Icon::Compare, &name).size(30.0, HEIGHT).bare();
        if button.hint(hint).show(ui).clicked() {
            actions.push(Action::Compare(track));
        }
    });
}

/// The number by which automation chooses the playing take.
fn number(ui: &mut Ui, view: &LaneView) {
    let (rect, response) = ui.allocate_exact_size(vec2(NUMBER_WIDTH, HEIGHT), Sense::hover());
    let Some(number) = view.mark().and_then(|mark| mark.number) else { return };
    let (place, font) = (rect.right_center(), theme::plain(11.0));
    ui.painter().text(place, egui::Align2::RIGHT_CENTER, format!("#{number}"), font, palette(ui).dim);
    response.on_hover_text(format!("Take number {number}: what the parameter Take chooses it by"));
}

/// One dot per take; the playing one is larger, favourites have a ring.
fn dots(
    ui: &mut Ui,
    track: Track,
    view: &LaneView,
    locked: bool,
    (shown, form): (usize, Form),
    actions: &mut Vec<Action>,
) {
    let palette = palette(ui);
    let count = view.takes.len();
    // If not all fit, drop those furthest from the playing take.
    let here = view.current.unwrap_or(count.saturating_sub(1));
    let first = here.saturating_sub(shown / 2).min(count - shown.min(count));
    let (rect, response) =
        ui.allocate_exact_size(vec2(PITCH * shown as f32, HEIGHT), Sense::click_and_drag());
    let name = match view.current {
        Some(current) => format!("{}: take {} of {count}", track.title(), current + 1),
        None => format!("{}: {count} takes, none plays", track.title()),
    };
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, !locked, &name));
    let at = |index: usize| pos2(rect.left() + PITCH * ((index - first) as f32 + 0.5), rect.center().y);
    let pointed = response
        .hover_pos()
        .map(|pointer| first + ((pointer.x - rect.left()) / PITCH).max(0.0) as usize)
        .filter(|index| *index < count);
    for index in first..(first + shown).min(count) {
        let is_current = view.current == Some(index);
        let color = if is_current || pointed == Some(index) { palette.track(track) } else { palette.dim };
        if is_current {
            ui.painter().circle_filled(at(index), 3.6, color);
        } else {
            ui.painter().circle_stroke(at(index), 2.4, Stroke::new(1.2, color));
        }
        if view.takes[index].favourite {
            ui.painter().circle_filled(at(index) - vec2(0.0, 7.0), 1.4, palette.warning);
        }
    }
    if response.has_focus() {
        ui.painter().rect_stroke(rect, 4.0, Stroke::new(2.0, palette.focus), StrokeKind::Outside);
        let (steps, _) = control::pressed_arrows(ui, &response);
        if steps != 0 && !locked {
            actions.push(Action::Step(track, steps));
        }
    }
    if let Some(index) = pointed.filter(|_| response.clicked() && !locked) {
        actions.push(Action::Select(track, index));
    }
    if response.drag_started_by(PointerButton::Primary) {
        let pressed = ui.input(|input| input.pointer.press_origin());
        let index = pressed.map(|place| first + ((place.x - rect.left()) / PITCH).max(0.0) as usize);
        if let Some(index) = index.filter(|index| *index < count) {
            actions.push(Action::DragOut(Parcel { takes: vec![(track, index)], bars: None, form }));
        }
    }
    // The menu stays with the dot on which it was opened.
    if response.secondary_clicked() {
        ui.data_mut(|data| data.insert_temp(response.id, pointed.or(view.current)));
    }
    response.context_menu(|ui| {
        let asked = ui.data(|data| data.get_temp::<Option<usize>>(response.id)).flatten();
        let Some((index, mark)) = asked.and_then(|index| Some((index, view.takes.get(index)?))) else {
            return;
        };
        ui.set_min_width(190.0);
        let title = format!("{}, take {} of {count}", track.title(), index + 1);
        ui.label(RichText::new(title).font(theme::strong(13.0)));
        if row_menu::item(ui, !locked && view.current != Some(index), "Play it") {
            actions.push(Action::Select(track, index));
        }
        row_menu::take_items(ui, track, index, mark, actions);
    });
    if let Some(mark) = pointed.and_then(|index| view.takes.get(index)) {
        let place = pointed.unwrap_or(0) + 1;
        let number = mark.number.map(|number| format!(", number {number}")).unwrap_or_default();
        response.on_hover_text(format!(
            "Take {place} of {count}{number}, made in {:.1} s\n{}\nSeed {}",
            mark.seconds, mark.prompt, mark.seed
        ));
    }
}

/// Area of the line at the right end of `strip`.
#[must_use]
pub fn place(strip: Rect, takes: usize) -> Rect {
    let width = width(takes, strip.width() * 0.45);
    Rect::from_min_max(pos2(strip.right() - width, strip.top()), strip.max)
}
