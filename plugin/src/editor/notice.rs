//! What the user must know: something went wrong, or files were written. It lies over the rows and moves nothing.

use std::sync::PoisonError;

use egui::{Align, Align2, Area, Frame, Id, Label, Layout, Margin, Order, Rect, RichText, Stroke, Ui};

use super::App;
use super::action::Action;
use super::control::IconButton;
use super::icon::Icon;
use super::theme::{self, palette};

impl App {
    /// Draws notices at the bottom of `area`.
    pub(super) fn notices(&self, ui: &Ui, area: Rect, actions: &mut Vec<Action>) {
        let message = self.shared.message();
        let mut exported_files = self.exported.lock().unwrap_or_else(PoisonError::into_inner);
        let exported = exported_files.clone();
        if message.is_none() && exported.is_none() {
            return;
        }
        let palette = palette(ui);
        let width = (area.width() - 24.0).min(760.0);
        let window = ui.ctx().content_rect();
        let place = egui::vec2(area.center().x - window.center().x, area.bottom() - window.bottom() - 6.0);
        Area::new(Id::unique("notices")).order(Order::Foreground).anchor(Align2::CENTER_BOTTOM, place).show(
            ui.ctx(),
            |ui| {
                ui.set_width(width);
                if let Some(message) = message {
                    card(ui, palette.warning_card, palette.warning, |ui| {
                        let text = RichText::new(message).font(theme::plain(12.5)).color(palette.text);
                        if line(ui, text, |_| {}) {
                            self.shared.set_message(None);
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
                        let dismissed = line(ui, text, |ui| {
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

/// A text with buttons at its right; returns whether it was dismissed.
fn line(ui: &mut Ui, text: RichText, buttons: impl FnOnce(&mut Ui)) -> bool {
    let mut dismissed = false;
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        dismissed = IconButton::new(Icon::Close, "Dismiss").bare().show(ui).clicked();
        buttons(ui);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.add(Label::new(text).wrap());
        });
    });
    dismissed
}
