//! Asking for an audio file that a track shall play: its path is typed or pasted.

use std::path::PathBuf;

use egui::{Context, Id, Key, Modal, RichText, TextEdit, vec2};
use resonantgen_engine::track::Track;

use super::action::Action;
use super::{App, theme};

impl App {
    /// The question, over everything, while it is open.
    pub(super) fn import_dialog(&mut self, context: &Context, actions: &mut Vec<Action>) {
        let Some((track, path)) = &mut self.importing else { return };
        let track: Track = *track;
        let mut done = false;
        let modal = Modal::new(Id::unique("import")).show(context, |ui| {
            ui.set_width(460.0);
            let title = format!("Play an audio file as the {track}");
            ui.label(RichText::new(title).font(theme::strong(15.0)));
            let dim = theme::palette(ui).dim;
            let words = "It is fitted to whole bars, becomes a take and is locked: what you generate next is made around it. \
                         WAV, FLAC, MP3, OGG or AIFF.";
            ui.label(RichText::new(words).font(theme::plain(12.5)).color(dim));
            let field = TextEdit::singleline(path).hint_text("Path of the file").desired_width(f32::INFINITY);
            let field = ui.add(field);
            field.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Path of the file"));
            if ui.memory(|memory| memory.focused().is_none()) {
                field.request_focus();
            }
            let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            ui.add_space(4.0);
            ui.horizontal(|ui| {
                // People paste what a file manager copies.
                let text = path.trim().trim_matches(['"', '\'']).trim_start_matches("file://");
                let import = egui::Button::new("Import and lock").min_size(vec2(120.0, 24.0));
                let clicked = ui.add_enabled(!text.is_empty(), import).clicked();
                if !text.is_empty() && (clicked || entered) {
                    actions.push(Action::Import(track, PathBuf::from(text)));
                    done = true;
                }
                done |= ui.button("Cancel").clicked();
            });
        });
        if done || modal.should_close() {
            self.importing = None;
        }
    }
}
