//! Chooses the machine that generates: this one, or the user's server.

use egui::{RichText, Ui};
use resonantgen_server::settings::Settings;

use super::theme::{self, palette};
use super::{App, control};
use crate::control::remote;

/// The setting as shown in the menu.
#[derive(Clone, Debug, Default)]
pub struct ServerField {
    /// The setting in use; read from the user's settings when the window opens.
    kept: Settings,
    /// Whether the fields for a server are shown.
    asks: bool,
    address: String,
    token: String,
    /// Why the setting was not saved.
    error: Option<String>,
}

impl ServerField {
    /// Reads the user's settings; unreadable settings count as none, as they do for generating.
    #[must_use]
    pub fn load() -> Self {
        let kept = remote::settings();
        Self {
            asks: kept.address.is_some(),
            address: kept.address.clone().unwrap_or_default(),
            token: kept.token.clone().unwrap_or_default(),
            kept,
            error: None,
        }
    }

    /// The server in use, and why it does not answer if it does not.
    #[must_use]
    pub fn in_use(&self) -> Option<(&str, Option<String>)> {
        let address = self.kept.address.as_deref()?;
        Some((address, remote::gone(address)))
    }

    fn keep(&mut self, settings: Settings) {
        match remote::keep_settings(&settings) {
            Ok(()) => *self = Self { kept: settings, error: None, ..std::mem::take(self) },
            Err(error) => self.error = Some(error),
        }
    }
}

impl App {
    /// The part of the menu that chooses where takes are generated.
    pub(super) fn server_menu(&mut self, ui: &mut Ui) {
        let palette = palette(ui);
        let field = &mut self.server;
        ui.horizontal(|ui| {
            ui.label("Generate on");
            if ui.selectable_label(!field.asks, "this machine").clicked() {
                field.asks = false;
                field.keep(Settings::default());
            }
            if ui.selectable_label(field.asks, "a server").clicked() {
                field.asks = true;
            }
        });
        if !field.asks {
            return;
        }
        let line = |ui: &mut Ui, name: &str, hint: &str, text: &mut String, hidden: bool| {
            let edit = control::field(text, hint).desired_width(f32::INFINITY).password(hidden);
            let response = ui.add(edit);
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, name));
        };
        line(ui, "Address of the server", "address, like studio.local:7878", &mut field.address, false);
        line(ui, "Token of the server", "token, if required", &mut field.token, true);
        let text = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let typed = Settings { address: text(&field.address), token: text(&field.token) };
        ui.horizontal(|ui| {
            let is_new = typed.address.is_some() && typed != field.kept;
            let is_gone = !is_new && field.in_use().is_some_and(|(_, why)| why.is_some());
            let button = control::filled_button(ui, if is_gone { "Try again" } else { "Use it" });
            if ui.add_enabled(is_new || is_gone, button).clicked() {
                field.keep(typed.clone());
                remote::greet(&typed, self.control.repaint.clone());
            }
            let (words, ink) = match (&field.error, field.in_use()) {
                (Some(error), _) => (error.clone(), palette.warning),
                (None, None) => ("not in use yet".to_owned(), palette.dim),
                (None, Some(_)) if is_new => ("not in use yet".to_owned(), palette.dim),
                (None, Some((_, Some(why)))) => {
                    (format!("Generating on this machine: {why}"), palette.warning)
                }
                (None, Some((address, None))) => (format!("Generating on {address}"), palette.dim),
            };
            ui.add(egui::Label::new(RichText::new(words).font(theme::plain(12.0)).color(ink)).wrap());
        });
    }
}
