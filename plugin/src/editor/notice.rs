//! Notices: errors, or files that were written. They are drawn over the last lane's picture and move nothing; there are no
//! controls under them. A notice about an export stays until the next action.

use std::sync::PoisonError;

use egui::{
    Align2, Area, AreaState, Frame, Id, Margin, Order, Rect, RichText, Sides, Stroke, TextStyle,
    TextWrapMode, Ui, WidgetText,
};

use super::App;
use super::action::Action;
use super::control::IconButton;
use super::icon::Icon;
use super::theme::{self, palette};

/// Width of the buttons that dismiss a notice and that show files, in points.
const CLOSE_WIDTH: f32 = 40.0;
const SHOW_WIDTH: f32 = 150.0;

impl App {
    /// Draws notices at the bottom of `area`.
    pub(super) fn notices(&self, ui: &Ui, area: Rect, actions: &mut Vec<Action>) {
        let notices = self.control.notices.all();
        let mut exported_files = self.exported.lock().unwrap_or_else(PoisonError::into_inner);
        let exported = exported_files.clone();
        if notices.is_empty() && exported.is_none() {
            return;
        }
        let palette = palette(ui);
        let width = (area.width() - 24.0).min(760.0);
        let window = ui.ctx().content_rect();
        let place = egui::vec2(area.center().x - window.center().x, area.bottom() - window.bottom() - 6.0);
        let id = Id::unique("notices");
        let size_before = AreaState::load(ui.ctx(), id).and_then(|state| state.size);
        let shown = Area::new(id).order(Order::Foreground).anchor(Align2::CENTER_BOTTOM, place).show(
            ui.ctx(),
            |ui| {
                ui.set_width(width);
                for notice in notices {
                    card(ui, palette.warning_card, palette.warning, |ui| {
                        let text = RichText::new(notice.text).font(theme::plain(12.5)).color(palette.text);
                        if line(ui, text, CLOSE_WIDTH, |_| {}) {
                            self.control.notices.dismiss(notice.id);
                        }
                    });
                }
                if let Some(exported) = exported {
                    card(ui, palette.card, palette.focus, |ui| {
                        let files = if exported.files == 1 {
                            "1 file".to_owned()
                        } else {
                            format!("{} files", exported.files)
                        };
                        let text = format!("{files} in {}", exported.folder.display());
                        let text = RichText::new(text).font(theme::plain(12.5)).color(palette.text);
                        let dismissed = line(ui, text, CLOSE_WIDTH + SHOW_WIDTH, |ui| {
                            if ui.button("Copy path").clicked() {
                                actions.push(Action::Copy(exported.folder.display().to_string()));
                            }
                            if ui.button("Show").clicked() {
                                actions.push(Action::Reveal(exported.folder.clone()));
                            }
                        });
                        if dismissed {
                            *exported_files = None;
                        }
                    });
                }
            },
        );
        if size_before != Some(shown.response.rect.size()) {
            // They were placed with their previous size, and a resting editor is not drawn again.
            ui.ctx().request_discard("the notices changed size");
        }
    }
}

fn card(ui: &mut Ui, fill: egui::Color32, edge: egui::Color32, content: impl FnOnce(&mut Ui)) {
    Frame::new()
        .fill(fill)
        .stroke(Stroke::new(1.0, edge))
        .corner_radius(theme::ROUNDING)
        .inner_margin(Margin::symmetric(12, 7))
        .show(ui, content);
}

/// A text, wrapped if it is long, with buttons to its right that are at most `buttons_width` points wide; returns whether
/// it was dismissed.
fn line(ui: &mut Ui, text: RichText, buttons_width: f32, buttons: impl FnOnce(&mut Ui)) -> bool {
    let text_width = ui.available_width() - buttons_width;
    let text = WidgetText::from(text).into_galley(ui, Some(TextWrapMode::Wrap), text_width, TextStyle::Body);
    let height = text.size().y.max(ui.spacing().interact_size.y);
    let (_, dismissed) = Sides::new().height(height).shrink_left().show(
        ui,
        |ui| ui.label(text),
        |ui| {
            let dismissed = IconButton::new(Icon::Close, "Dismiss").bare().show(ui).clicked();
            buttons(ui);
            dismissed
        },
    );
    dismissed
}
