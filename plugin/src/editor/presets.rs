//! The preset menu: presets by style, and the user's own.

use std::path::PathBuf;

use egui::{
    Align, Button, Key, Label, Layout, Popup, PopupCloseBehavior, Rect, Response, RichText, ScrollArea, Ui,
    UiBuilder, Vec2, vec2,
};
use nice_plug::prelude::Param;
use resonantgen_words::Style;

use super::App;
use super::action::Action;
use super::control::{self, IconButton};
use super::icon::Icon;
use super::theme::{self, palette};
use crate::params::BARS_MAX;
use crate::preset::{self, Preset, PresetError};

/// Height of the lists, in points.
const HEIGHT: f32 = 330.0;

/// The open menu; its contents are read when it opens.
#[derive(Clone, Debug)]
pub struct PresetMenu {
    factory: Vec<Preset>,
    own: Vec<Preset>,
    /// Folder of the user's presets.
    folder: Option<PathBuf>,
    /// The style shown; `None` shows the user's own presets.
    style: Option<Style>,
    /// The name typed for a new one.
    name: String,
    /// The preset deleted last, which can be restored.
    deleted: Option<Preset>,
}

/// A click in the menu.
enum Choice {
    /// Apply the preset.
    Use(Preset),
    /// Delete it.
    Delete(Preset),
    /// Restore the deleted preset.
    Restore(Preset),
}

impl PresetMenu {
    fn open(folder: Option<PathBuf>, style: Option<Style>) -> Self {
        let own = folder.as_deref().map(preset::list).unwrap_or_default();
        Self { factory: preset::factory(), own, folder, style, name: String::new(), deleted: None }
    }

    /// Saves a preset and shows it.
    fn keep(&mut self, preset: &Preset) -> Result<(), PresetError> {
        let folder = self.folder.clone().ok_or(PresetError::NoFolder)?;
        preset::save(&folder, preset)?;
        *self = Self::open(Some(folder), None);
        Ok(())
    }

    fn delete(&mut self, preset: Preset) -> Result<(), PresetError> {
        let folder = self.folder.clone().ok_or(PresetError::NoFolder)?;
        preset::delete(&folder, &preset)?;
        *self = Self { deleted: Some(preset), ..Self::open(Some(folder), None) };
        Ok(())
    }
}

impl App {
    /// Draws the menu below its button.
    pub(super) fn preset_menu(&mut self, button: &Response, actions: &mut Vec<Action>) {
        let style = self.facts.as_ref().and_then(|(_, facts)| facts.style.value);
        let shown = Popup::menu(button).close_behavior(PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
            let mut menu = self.open_presets.take().unwrap_or_else(|| {
                PresetMenu::open(self.preset_folder.clone(), style.or(Some(Style::ALL[0])))
            });
            let choice = browse(ui, &mut menu);
            ui.separator();
            self.keep_preset(ui, &mut menu);
            let done = match choice {
                Some(Choice::Use(preset)) => {
                    actions.push(Action::Preset(Box::new(preset)));
                    ui.close();
                    Ok(())
                }
                Some(Choice::Delete(preset)) => menu.delete(preset),
                Some(Choice::Restore(preset)) => menu.keep(&preset),
                None => Ok(()),
            };
            self.say(done);
            self.open_presets = Some(menu);
        });
        if shown.is_none() {
            self.open_presets = None;
        }
    }

    fn say(&self, done: Result<(), PresetError>) {
        if let Err(error) = done {
            self.control.notify(error.to_string());
        }
    }

    fn keep_preset(&self, ui: &mut Ui, menu: &mut PresetMenu) {
        ui.horizontal(|ui| {
            let field = control::field(&mut menu.name, "Name").desired_width(190.0).char_limit(60);
            let field = ui.add(field);
            field
                .widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Name of the preset"));
            let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            let name = menu.name.trim();
            let is_known = menu.own.iter().any(|preset| preset.name.to_lowercase() == name.to_lowercase());
            let text = if is_known { "Replace the preset" } else { "Save as preset" };
            let hint = "Saves the prompt with length, variation and adherence, for all projects";
            let clicked = ui
                .add_enabled(!name.is_empty(), control::filled_button(ui, text))
                .on_hover_text(hint)
                .clicked();
            if !name.is_empty() && (clicked || entered) {
                let facts = self.facts.as_ref().map(|(_, facts)| facts);
                let preset = Preset {
                    name: name.to_owned(),
                    style: facts.and_then(|facts| facts.style.value).map_or("", Style::name).to_owned(),
                    prompt: self.prompt.clone(),
                    bars: self.params.bars.value(),
                    variation: self.params.variation.value(),
                    adherence: self.params.adherence.value(),
                };
                let kept = menu.keep(&preset);
                self.say(kept);
            }
        });
    }

    /// Applies a preset; nothing is generated yet.
    pub(super) fn use_preset(&mut self, preset: &Preset) {
        self.prompt.clone_from(&preset.prompt);
        self.control.prompts.set(self.params.slot(), self.prompt.clone());
        // Facts fixed for another piece would not fit this one.
        self.control.set_overrides(Default::default());
        let Some(gui) = &self.gui else { return };
        let setter = gui.param_setter();
        control::set(&setter, &self.params.bars, preset.bars.clamp(0, BARS_MAX));
        for (param, value) in
            [(&self.params.variation, preset.variation), (&self.params.adherence, preset.adherence)]
        {
            control::set(&setter, param, param.preview_plain(param.preview_normalized(value)));
        }
    }
}

/// Styles on the left, their presets on the right; returns what was clicked.
fn browse(ui: &mut Ui, menu: &mut PresetMenu) -> Option<Choice> {
    let mut choice = None;
    let column = |ui: &mut Ui, width: f32, content: &mut dyn FnMut(&mut Ui)| {
        let layout = Layout::top_down_justified(Align::LEFT);
        ui.allocate_ui_with_layout(vec2(width, HEIGHT), layout, |ui| {
            ui.set_min_size(vec2(width, HEIGHT));
            content(ui);
        });
    };
    ui.horizontal_top(|ui| {
        column(ui, 118.0, &mut |ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            let styles = Style::ALL.into_iter().map(|style| (Some(style), style.title()));
            for (style, name) in styles.chain([(None, "yours")]) {
                let text = RichText::new(name).font(theme::plain(12.5));
                if ui.add(Button::selectable(menu.style == style, text)).clicked() {
                    menu.style = style;
                }
            }
        });
        column(ui, 340.0, &mut |ui| {
            ScrollArea::vertical().max_height(HEIGHT).auto_shrink(false).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 4.0;
                let Some(style) = menu.style else {
                    choice = own(ui, menu);
                    return;
                };
                for preset in menu.factory.iter().filter(|preset| preset.style == style.name()) {
                    choice = preset_line(ui, preset, false).or(choice.take());
                }
            });
        });
    });
    choice
}

/// The user's presets, and a button to restore the deleted one.
fn own(ui: &mut Ui, menu: &PresetMenu) -> Option<Choice> {
    let dim = palette(ui).dim;
    let say = |ui: &mut Ui, text: &str| {
        ui.add(Label::new(RichText::new(text).font(theme::plain(12.5)).color(dim)).truncate());
    };
    let mut choice = None;
    if let Some(deleted) = &menu.deleted {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.add(control::filled_button(ui, "Restore")).clicked() {
                choice = Some(Choice::Restore(deleted.clone()));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                say(ui, &format!("\u{201c}{}\u{201d} was deleted", deleted.name));
            });
        });
    } else if menu.own.is_empty() {
        say(ui, "None yet. Type a prompt, name it below and save it.");
    }
    for preset in &menu.own {
        choice = preset_line(ui, preset, true).or(choice);
    }
    choice
}

/// A name with its prompt below; `is_own` presets can be deleted.
fn preset_line(ui: &mut Ui, preset: &Preset, is_own: bool) -> Option<Choice> {
    const BIN: f32 = 26.0;
    let palette = palette(ui);
    let size = vec2(ui.available_width(), 40.0);
    let (rect, response) = ui.allocate_exact_size(size, egui::Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &preset.name));
    let room = if is_own { BIN + 8.0 } else { 8.0 };
    let text = Rect::from_min_max(rect.min + vec2(9.0, 0.0), rect.max - vec2(room, 0.0));
    let fill = if response.hovered() { palette.button_hover } else { palette.button };
    ui.painter().rect_filled(rect, theme::SMALL_ROUNDING, fill);
    let line = |top: f32, words: &str, font, ink| {
        let cut = egui::text::LayoutJob::simple_singleline(words.to_owned(), font, ink);
        let wrap = egui::text::TextWrapping::truncate_at_width(text.width());
        let galley = ui.painter().layout_job(egui::text::LayoutJob { wrap, ..cut });
        ui.painter().galley(text.min + vec2(0.0, top), galley, ink);
    };
    line(5.0, &preset.name, theme::strong(13.0), palette.text);
    line(21.0, &preset.prompt, theme::plain(11.5), palette.dim);
    control::focus_ring(ui, &response, rect);
    let used = response.on_hover_text(&preset.prompt).clicked().then(|| Choice::Use(preset.clone()));
    if !is_own {
        return used;
    }
    let place = Rect::from_center_size(rect.right_center() - vec2(BIN / 2.0 + 4.0, 0.0), Vec2::splat(BIN));
    let name = format!("Delete the preset {}", preset.name);
    let deleted = ui.scope_builder(UiBuilder::new().max_rect(place), |ui| {
        IconButton::new(Icon::Delete, &name).hint("Delete it").size(BIN, BIN).bare().show(ui).clicked()
    });
    if deleted.inner { Some(Choice::Delete(preset.clone())) } else { used }
}
