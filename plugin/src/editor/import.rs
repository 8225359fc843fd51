//! The import dialog: an audio file is typed, pasted, or found with clicks.

use egui::{Button, Context, Id, Key, Layout, Modal, RichText, ScrollArea, vec2};
use resonantgen_music::track::Track;

use super::action::Action;
use super::browse::Browser;
use super::control::{self, IconButton};
use super::icon::Icon;
use super::{App, theme};

/// Height of the list, in points.
const LIST_HEIGHT: f32 = 210.0;

/// An open import dialog.
#[derive(Clone, Debug)]
pub struct Importing {
    /// The track to import to.
    pub track: Track,
    /// The typed path and the listed entries.
    pub browser: Browser,
}

impl App {
    /// Draws the dialog over everything, while it is open.
    pub(super) fn import_dialog(&mut self, context: &Context, actions: &mut Vec<Action>) {
        let Some(Importing { track, browser }) = &mut self.importing else { return };
        let track: Track = *track;
        let mut done = false;
        let modal = Modal::new(Id::unique("import")).show(context, |ui| {
            ui.set_width(500.0);
            let title = format!("Play an audio file as the {track}");
            ui.label(RichText::new(title).font(theme::strong(15.0)));
            let palette = theme::palette(ui);
            let words = "The file is fitted to whole bars, becomes a take and is locked. New takes are generated around it. \
            WAV, FLAC, MP3, OGG or AIFF.";
            ui.label(RichText::new(words).font(theme::plain(12.5)).color(palette.dim));
            let before = browser.text.clone();
            let entered = ui
                .horizontal(|ui| {
                    let up = IconButton::new(Icon::Up, "Parent folder");
                    if up.show(ui).clicked() {
                        browser.leave();
                    }
                    let field = control::field(&mut browser.text, "Path of the file").desired_width(f32::INFINITY);
                    let field = ui.add(field);
                    field.widget_info(|| {
                        egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Path of the file")
                    });
                    if ui.memory(|memory| memory.focused().is_none()) {
                        field.request_focus();
                    }
                    field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter))
                })
                .inner;
            let path = browser.path();
            let entries = browser.matches();
            let mut imports = None;
            egui::Frame::new().fill(palette.well).corner_radius(theme::SMALL_ROUNDING).inner_margin(4).show(ui, |ui| {
                ScrollArea::vertical().max_height(LIST_HEIGHT).min_scrolled_height(LIST_HEIGHT).auto_shrink(false).show(
                    ui,
                    |ui| {
                        ui.spacing_mut().item_spacing.y = 1.0;
                        if entries.is_empty() {
                            let text = "No folders or audio files here";
                            ui.label(RichText::new(text).font(theme::plain(12.5)).color(palette.dim));
                        }
                        for entry in &entries {
                            let is_chosen = path.file_name().is_some_and(|name| name.to_string_lossy() == entry.name);
                            let text = if entry.is_folder { format!("{}/", entry.name) } else { entry.name.clone() };
                            let ink = if entry.is_folder { palette.dim } else { palette.text };
                            let text = RichText::new(text).font(theme::plain(12.5)).color(ink);
                            let button = Button::selectable(is_chosen, text).truncate();
                            let width = ui.available_width();
                            let response = ui
                                .allocate_ui_with_layout(
                                    vec2(width, 22.0),
                                    Layout::top_down_justified(egui::Align::LEFT),
                                    |ui| ui.add(button),
                                )
                                .inner;
                            if response.clicked() {
                                browser.choose(entry);
                            }
                            if response.double_clicked() && !entry.is_folder {
                                imports = Some(browser.path());
                            }
                        }
                    },
                );
            });
            ui.add_space(4.0);
            ui.horizontal(|ui| {
                let import = Button::new("Import and lock").min_size(vec2(120.0, 24.0));
                let names_a_file = browser.names_a_file();
                let clicked = ui.add_enabled(names_a_file, import).clicked();
                if names_a_file && (clicked || entered) {
                    imports = Some(browser.path());
                }
                done |= ui.button("Cancel").clicked();
            });
            if let Some(path) = imports {
                self.look.folder = Some(browser.folder());
                actions.push(Action::Import(track, path));
                done = true;
            } else if entered && before == browser.text {
                // Enter the typed folder.
                if browser.path().is_dir() && !browser.text.ends_with(std::path::is_separator) {
                    browser.text.push(std::path::MAIN_SEPARATOR);
                }
            }
        });
        if done || modal.should_close() {
            self.importing = None;
            self.keep_look();
        }
    }
}
