//! The head: name, undo, views, export; below it the prompt with its slots and history.

use std::sync::atomic::Ordering;

use egui::text::LayoutJob;
use egui::{
    Align, Button, CursorIcon, Id, Key, Layout, Modifiers, PointerButton, Popup, PopupCloseBehavior, Rect,
    RichText, ScrollArea, Sense, Stroke, TextEdit, Ui,
};
use egui::{UiBuilder, WidgetInfo, pos2, vec2};
use resonantgen_music::track::Track;
use resonantgen_project::ProjectForm;

use super::action::Action;
use super::control::{self, IconButton};
use super::icon::Icon;
use super::lane::Face;
use super::theme::{self, palette};
use super::view::SessionView;
use super::{App, candidates, prompt_id, row_menu};
use crate::control::export::What;
use crate::control::prompts::FIRST_PROMPT;
use crate::params::SLOT_COUNT;

/// Height of the title, in points.
pub const TITLE_HEIGHT: f32 = 26.0;
/// Height of the prompt, in points.
pub const PROMPT_HEIGHT: f32 = 46.0;
/// Lines of the prompt that are shown.
const PROMPT_ROWS: usize = 2;
/// Prompts to start from.
pub const EXAMPLES: [&str; 5] = [
    FIRST_PROMPT,
    "dreamy lo-fi hip hop with rhodes, 82 bpm",
    "uplifting synthwave in F# minor",
    "sparse ambient, no drums, 3/4",
    "smoky jazz with upright bass",
];

impl App {
    /// The title line: name on the left, global controls on the right.
    pub(super) fn title(&mut self, ui: &mut Ui, rect: Rect, view: &SessionView, actions: &mut Vec<Action>) {
        let layout = Layout::left_to_right(Align::Center);
        ui.scope_builder(UiBuilder::new().max_rect(rect).layout(layout), |ui| {
            let palette = palette(ui);
            let (mark, _) = ui.allocate_exact_size(vec2(22.0, 20.0), Sense::hover());
            // Four bars, one per track.
            for (index, (track, height)) in Track::ALL.into_iter().zip([0.55, 1.0, 0.75, 0.4]).enumerate() {
                let bar = Rect::from_center_size(
                    pos2(mark.left() + 3.0 + 5.3 * index as f32, mark.center().y),
                    vec2(3.4, mark.height() * height),
                );
                ui.painter().rect_filled(bar, 1.7, palette.track(track));
            }
            let name = ui.label(RichText::new("ResonantGen").font(theme::strong(16.0)));
            self.all_stems(ui, mark.union(name.rect), actions);
            ui.add_space(10.0);
            ui.spacing_mut().item_spacing.x = 4.0;
            ui.add_enabled_ui(view.can_undo, |ui| {
                let hint = "Undo (Ctrl+Z)";
                if IconButton::new(Icon::Undo, "Undo").hint(hint).show(ui).clicked() {
                    actions.push(Action::Undo);
                }
            });
            ui.add_enabled_ui(view.can_redo, |ui| {
                let hint = "Redo (Ctrl+Shift+Z)";
                if IconButton::new(Icon::Redo, "Redo").hint(hint).show(ui).clicked() {
                    actions.push(Action::Redo);
                }
            });
            ui.add_space(8.0);
            let text = RichText::new("Presets").font(theme::strong(12.5));
            let button = ui.add(Button::new((text, egui::Atom::grow())).min_size(vec2(88.0, 24.0)));
            let arrow =
                Rect::from_center_size(button.rect.right_center() - vec2(12.0, 0.0), vec2(10.0, 10.0));
            super::icon::paint(ui.painter(), Icon::Down, arrow, palette.dim);
            let button = button.on_hover_text("Prompts with settings to start from, and presets of your own");
            self.preset_menu(&button, actions);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| self.title_right(ui, view, actions));
        });
    }

    /// The name is a handle for all stems: it can be dragged, and a press copies their paths.
    fn all_stems(&self, ui: &Ui, rect: Rect, actions: &mut Vec<Action>) {
        let Some(parcel) = self.parcel(Track::ALL) else { return };
        let response = ui.interact(rect, Id::unique("all stems"), Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, "All stems"));
        control::focus_ring(ui, &response, rect);
        if response.drag_started_by(PointerButton::Primary) {
            actions.push(Action::DragOut(parcel));
        } else if response.clicked() {
            actions.push(Action::CopyPaths(parcel));
        }
        let hint = "Drag all stems to your host or a folder. A click copies the paths of their files. They are WAV files, or MIDI \
                    while the notes are shown";
        response.on_hover_cursor(CursorIcon::Grab).on_hover_text(hint);
    }

    /// The controls at the right edge, from right to left.
    fn title_right(&mut self, ui: &mut Ui, view: &SessionView, actions: &mut Vec<Action>) {
        ui.spacing_mut().item_spacing.x = 4.0;
        let more = IconButton::new(Icon::More, "Menu").hint("Look, size, server, shortcuts (?)").show(ui);
        Popup::menu(&more)
            .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
            .show(|ui| self.menu(ui, actions));
        ui.add_enabled_ui(view.plan.is_some(), |ui| {
            // A split button: a click exports everything, the arrow offers less.
            let gap = std::mem::replace(&mut ui.spacing_mut().item_spacing.x, 1.0);
            let choice = IconButton::new(Icon::Down, "What to export")
                .hint("Export only WAV, only MIDI, or a project for your DAW")
                .size(16.0, 24.0);
            Popup::menu(&choice.show(ui)).show(|ui| export_menu(ui, actions));
            let hint = "Export everything: stems and mix as WAV, and MIDI (Ctrl+E)";
            if IconButton::new(Icon::Export, "Export").hint(hint).show(ui).clicked() {
                actions.push(Action::Export(What::All));
            }
            ui.spacing_mut().item_spacing.x = gap;
        });
        ui.add_space(8.0);
        for (face, icon, name) in
            [(Face::Notes, Icon::Notes, "Show the notes"), (Face::Sound, Icon::Sound, "Show the sound")]
        {
            let on = self.face == face;
            let color = palette(ui).focus;
            if IconButton::new(icon, name).on(on, color).hint(&format!("{name} (N)")).show(ui).clicked() {
                self.face = face;
            }
        }
        ui.add_space(8.0);
        if self.control.audio.stopped.load(Ordering::Relaxed) {
            let preview = self.control.preview.load(Ordering::Relaxed);
            let icon = if preview { Icon::Stop } else { Icon::Play };
            let color = palette(ui).focus;
            let button = IconButton::new(icon, "Preview").on(preview, color);
            if button.hint("Listen while the host is stopped").show(ui).clicked() {
                self.control.preview.store(!preview, Ordering::Relaxed);
            }
        }
    }

    fn menu(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        ui.set_min_width(300.0);
        ui.set_max_width(300.0);
        ui.horizontal(|ui| {
            ui.label("Look");
            for (light, name) in [(false, "dark"), (true, "light")] {
                if ui.selectable_label(self.look.light == light, name).clicked() {
                    actions.push(Action::Light(light));
                }
            }
        });
        ui.horizontal_wrapped(|ui| {
            ui.label("Size");
            for percent in [100_u16, 125, 150, 200, 300] {
                let zoom = f32::from(percent) / 100.0;
                let on = (self.look.zoom - zoom).abs() < 0.01;
                if ui.selectable_label(on, format!("{percent} %")).clicked() {
                    actions.push(Action::Zoom(zoom));
                }
            }
        });
        let mut grows = self.look.grows;
        if control::check(ui, &mut grows, "Larger in a larger window").changed() {
            actions.push(Action::Grow(grows));
        }
        ui.separator();
        self.server_menu(ui);
        ui.separator();
        if ui.button("Keyboard shortcuts (?)").clicked() {
            self.helps = true;
            ui.close();
        }
    }

    /// The prompt line: slot, field and button.
    pub(super) fn prompt_line(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        view: &SessionView,
        actions: &mut Vec<Action>,
    ) {
        const BUTTON_WIDTH: f32 = 116.0;
        let palette = palette(ui);
        let working = self.is_working();
        let button = Rect::from_min_max(pos2(rect.right() - BUTTON_WIDTH, rect.top()), rect.max);
        let field = Rect::from_min_max(rect.min, pos2(button.left() - 8.0, rect.bottom()));
        let id = prompt_id();
        let has_focus = ui.memory(|memory| memory.has_focus(id));
        let stroke = if has_focus { Stroke::new(2.0, palette.focus) } else { Stroke::new(1.0, palette.line) };
        ui.painter().rect(field, theme::ROUNDING, palette.well, stroke, egui::StrokeKind::Inside);
        let slots = Rect::from_min_size(field.min + vec2(5.0, 5.0), vec2(40.0, field.height() - 10.0));
        self.slots(ui, slots, view, actions);
        let text = Rect::from_min_max(pos2(slots.right() + 10.0, field.top()), field.max - vec2(8.0, 0.0));
        let entered = self.prompt_field(ui, text, view, actions);

        let (words, fill, ink, edge) = if working {
            ("Cancel", palette.button, palette.text, Stroke::new(1.0, palette.dim))
        } else {
            ("Generate", palette.accent, palette.on_accent, Stroke::NONE)
        };
        let generate = Button::new(RichText::new(words).font(theme::strong(15.0)).color(ink))
            .fill(fill)
            .stroke(edge)
            .corner_radius(theme::ROUNDING);
        let response = ui.put(button, generate);
        if response.has_focus() {
            let ring = Stroke::new(2.0, palette.focus);
            ui.painter().rect_stroke(button.expand(2.0), theme::ROUNDING, ring, egui::StrokeKind::Outside);
        }
        let hint = if working {
            "Cancel the generation (Esc)"
        } else {
            "Generate all unlocked tracks (Ctrl+Enter). Right-click to write several scores and choose"
        };
        response.context_menu(|ui| {
            if row_menu::item(ui, !working, &candidates::offer()) {
                actions.push(Action::GenerateChoice);
            }
        });
        if response.on_hover_text(hint).clicked() {
            actions.push(if working { Action::Cancel } else { Action::Generate });
        } else if entered && !working {
            actions.push(Action::Generate);
        }
    }

    /// The field of two lines; returns whether Enter was pressed. A longer prompt scrolls while it is typed, and ends in an
    /// ellipsis otherwise.
    fn prompt_field(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        view: &SessionView,
        actions: &mut Vec<Action>,
    ) -> bool {
        let id = prompt_id();
        let has_focus = ui.memory(|memory| memory.has_focus(id));
        let entered = has_focus && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
        let (font, ink, dim) = (prompt_font(), palette(ui).text, palette(ui).dim);
        let row = ui.fonts_mut(|fonts| fonts.row_height(&font));
        let mut layouter = move |ui: &Ui, text: &dyn egui::TextBuffer, width: f32| {
            let shown = displayable(ui, text.as_str());
            let mut job = LayoutJob::simple(shown, prompt_font(), ink, width);
            if !has_focus {
                job.wrap.max_rows = PROMPT_ROWS;
                job.wrap.overflow_character = Some('…');
            }
            ui.fonts_mut(|fonts| fonts.layout_job(job))
        };
        let is_short = is_one_line(ui, &self.prompt, rect.width());
        let edit = TextEdit::multiline(&mut self.prompt)
            .id(id)
            .frame(egui::Frame::NONE)
            .margin(egui::Margin::ZERO)
            .hint_text(
                RichText::new("What should it sound like? Style, mood, instruments, key, tempo, chords …")
                    .font(font)
                    .color(dim),
            )
            .layouter(&mut layouter)
            .return_key(None)
            .desired_rows(1)
            .desired_width(rect.width())
            .char_limit(10_000);
        let rows = rect.height().min(PROMPT_ROWS as f32 * row + 2.0);
        let field = Rect::from_center_size(rect.center(), vec2(rect.width(), rows));
        let output = ui
            .scope_builder(UiBuilder::new().max_rect(field).id_salt("prompt"), |ui| {
                ui.set_clip_rect(field.expand2(vec2(2.0, 0.0)).intersect(ui.clip_rect()));
                ScrollArea::vertical()
                    .max_height(rows)
                    .scroll_bar_visibility(egui::scroll_area::ScrollBarVisibility::AlwaysHidden)
                    .show(ui, |ui| {
                        // One line stands in the middle.
                        ui.add_space(if is_short { (rows - row) / 2.0 } else { 0.0 });
                        edit.show(ui)
                    })
                    .inner
            })
            .inner;
        let response = &output.response.response;
        response.widget_info(|| WidgetInfo::labeled(egui::Role::TextInput, true, "Prompt"));
        if response.changed() {
            one_line(&mut self.prompt);
            self.control.prompts.set(self.params.slot(), self.prompt.clone());
        }
        if entered {
            response.surrender_focus();
        }
        // Up and down move within a text of several lines first.
        let line = |cursor: &egui::text::CCursor| output.galley.layout_from_cursor(*cursor).row;
        let here = output.cursor_range.map(|range| line(&range.primary));
        let ends = here.map(|row| (row == 0, row + 1 >= output.galley.rows.len()));
        if let Some((is_first, is_last)) = ends {
            self.browse_prompts(ui, (is_first, is_last), view, actions);
        } else if let Some(text) = output.galley.elided.then(|| self.prompt.clone()) {
            response.clone().on_hover_text(text);
        }
        entered
    }

    /// Up and Down recall earlier prompts, from the first and from the last line of the text.
    fn browse_prompts(
        &mut self,
        ui: &Ui,
        (is_first, is_last): (bool, bool),
        view: &SessionView,
        actions: &mut Vec<Action>,
    ) {
        let step = ui.input(|input| {
            i32::from(is_first && input.key_pressed(Key::ArrowUp))
                - i32::from(is_last && input.key_pressed(Key::ArrowDown))
        });
        if step == 0 || view.prompts.is_empty() {
            return;
        }
        let here = view.prompts.iter().position(|known| *known == self.prompt);
        let next = match (here, step) {
            (None, 1) => 0,
            (None, _) => return,
            (Some(here), step) => (here as i32 + step).clamp(0, view.prompts.len() as i32 - 1) as usize,
        };
        actions.push(Action::Prompt(view.prompts[next].clone()));
    }

    /// The prompt slot; its menu lists the eight slots, earlier prompts and examples.
    fn slots(&mut self, ui: &mut Ui, rect: Rect, view: &SessionView, actions: &mut Vec<Action>) {
        let slot = self.params.slot();
        ui.scope_builder(UiBuilder::new().max_rect(rect).id_salt("slots"), |ui| {
            let palette = palette(ui);
            let (rect, response) = ui.allocate_exact_size(rect.size(), Sense::click());
            let name = format!("Prompt slot {}", slot + 1);
            response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, &name));
            let fill = if response.hovered() { palette.button_hover } else { palette.button };
            ui.painter().rect_filled(rect, theme::SMALL_ROUNDING, fill);
            let number =
                ui.painter().layout_no_wrap((slot + 1).to_string(), theme::strong(13.0), palette.text);
            let place = pos2(rect.left() + 9.0, rect.center().y - number.size().y / 2.0);
            ui.painter().galley(place, number, palette.text);
            let arrow = Rect::from_center_size(pos2(rect.right() - 12.0, rect.center().y), vec2(12.0, 12.0));
            super::icon::paint(ui.painter(), Icon::Down, arrow, palette.dim);
            control::focus_ring(ui, &response, rect);
            let response = response
                .on_hover_text("Eight prompts that automation can choose from, and your recent prompts");
            Popup::menu(&response).close_behavior(PopupCloseBehavior::CloseOnClick).show(|ui| {
                self.slot_menu(ui, slot, view, actions);
            });
        });
    }

    fn slot_menu(&mut self, ui: &mut Ui, slot: usize, view: &SessionView, actions: &mut Vec<Action>) {
        let dim = palette(ui).dim;
        ui.set_min_width(340.0);
        let line = |ui: &mut Ui, on: bool, text: &str| {
            ui.add(Button::selectable(on, RichText::new(text).font(theme::plain(12.5))).truncate()).clicked()
        };
        let Some(gui) = &self.gui else { return };
        let setter = gui.param_setter();
        let prompts = self.control.prompts.all();
        for index in 0..SLOT_COUNT {
            let text = prompts.get(index).map_or("", |text| text.trim());
            let text = if text.is_empty() { "(empty)" } else { text };
            if line(ui, index == slot, &format!("{}  {text}", index + 1)) {
                control::set(&setter, &self.params.prompt_slot, index as i32 + 1);
            }
        }
        for (title, texts) in [
            ("Recent", view.prompts.iter().map(String::as_str).collect::<Vec<_>>()),
            ("Examples", EXAMPLES.to_vec()),
        ] {
            if texts.is_empty() {
                continue;
            }
            ui.separator();
            ui.label(RichText::new(title).color(dim));
            for text in texts.into_iter().take(6) {
                if line(ui, false, text) {
                    actions.push(Action::Prompt(text.to_owned()));
                }
            }
        }
    }
}

/// The font of the prompt.
const fn prompt_font() -> egui::FontId {
    theme::plain(14.5)
}

/// A text as it can be drawn, of as many characters: pictographs and scripts that the typeface lacks are dots.
fn displayable(ui: &Ui, text: &str) -> String {
    ui.fonts_mut(|fonts| {
        let font = prompt_font();
        let mut shown =
            |letter: char| if letter == ' ' || fonts.has_glyph(&font, letter) { letter } else { '·' };
        text.chars().map(&mut shown).collect()
    })
}

/// Makes one line of what was pasted.
fn one_line(text: &mut String) {
    if text.contains(char::is_control) {
        *text = text.split(char::is_control).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    }
}

fn is_one_line(ui: &Ui, text: &str, width: f32) -> bool {
    let text = displayable(ui, text);
    ui.painter().layout_no_wrap(text, prompt_font(), egui::Color32::PLACEHOLDER).size().x <= width
}

fn export_menu(ui: &mut Ui, actions: &mut Vec<Action>) {
    ui.set_min_width(190.0);
    for (what, text) in [
        (What::All, "Everything"),
        (What::Audio, "WAV: stems and mix"),
        (What::Scores, "MIDI of all tracks"),
        (What::Project(ProjectForm::DawProject), "DAWproject: Bitwig, Studio One, Cubase"),
        (What::Project(ProjectForm::LiveSet), "Ableton Live set"),
        (What::Project(ProjectForm::Reaper), "REAPER project"),
    ] {
        if ui.button(text).clicked() {
            actions.push(Action::Export(what));
            ui.close();
        }
    }
}
