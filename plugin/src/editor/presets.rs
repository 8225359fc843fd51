//! The preset menu: presets by style, favourites, and the user's own.

use std::collections::BTreeSet;
use std::path::PathBuf;

use egui::{
    Align, Button, Key, Label, Layout, Popup, PopupCloseBehavior, Rect, Response, RichText, ScrollArea, Ui,
    UiBuilder, WidgetInfo, pos2, vec2,
};
use nice_plug::prelude::{FloatParam, Param};
use resonantgen_words::Style;

use super::App;
use super::action::Action;
use super::control::{self, IconButton};
use super::icon::Icon;
use super::theme::{self, palette};
use crate::control::job::{Job, Target};
use crate::params::BARS_MAX;
use crate::preset::{self, Preset, PresetError};

/// Height of the lists, in points.
const HEIGHT: f32 = 330.0;
/// Width of the groups and of their presets, in points.
const WIDTHS: [f32; 2] = [118.0, 372.0];

/// Presets that are listed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    /// Those of a style.
    Style(Style),
    /// The favourites.
    Favourites,
    /// The user's own.
    Own,
}

/// The open menu; its contents are read when it opens.
#[derive(Clone, Debug)]
pub struct PresetMenu {
    factory: Vec<Preset>,
    own: Vec<Preset>,
    /// Folder of the user's presets.
    folder: Option<PathBuf>,
    /// The group shown, unless presets are searched.
    group: Group,
    /// The words searched for.
    words: String,
    /// The name typed for a new one.
    name: String,
    /// The preset deleted last, which can be restored.
    deleted: Option<Preset>,
}

/// A click in the menu.
enum Choice {
    /// Apply the preset.
    Use(Preset),
    /// Apply it, and generate with it.
    Generate(Preset),
    /// Make it a favourite, or no longer.
    Favour(Preset, bool),
    /// Delete it.
    Delete(Preset),
    /// Restore the deleted preset.
    Restore(Preset),
}

impl PresetMenu {
    fn open(folder: Option<PathBuf>, group: Group) -> Self {
        let own = folder.as_deref().map(preset::list).unwrap_or_default();
        Self {
            factory: preset::factory(),
            own,
            folder,
            group,
            words: String::new(),
            name: String::new(),
            deleted: None,
        }
    }

    /// Saves a preset and shows it.
    fn keep(&mut self, preset: &Preset) -> Result<(), PresetError> {
        let folder = self.folder.clone().ok_or(PresetError::NoFolder)?;
        preset::save(&folder, preset)?;
        *self = Self::open(Some(folder), Group::Own);
        Ok(())
    }

    fn delete(&mut self, preset: Preset) -> Result<(), PresetError> {
        let folder = self.folder.clone().ok_or(PresetError::NoFolder)?;
        preset::delete(&folder, &preset)?;
        *self = Self { deleted: Some(preset), ..Self::open(Some(folder), Group::Own) };
        Ok(())
    }

    /// The presets to list, each with whether it is the user's own.
    fn listed(&self, favourites: &BTreeSet<String>) -> impl Iterator<Item = (&Preset, bool)> {
        let words: Vec<String> = self.words.split_whitespace().map(str::to_lowercase).collect();
        let is_listed = move |preset: &Preset, is_own: bool| {
            if !words.is_empty() {
                let text = format!("{} {} {}", preset.name, preset.style, preset.prompt).to_lowercase();
                return words.iter().all(|word| text.contains(word));
            }
            match self.group {
                Group::Style(style) => !is_own && preset.style == style.name(),
                Group::Favourites => favourites.contains(&preset.name),
                Group::Own => is_own,
            }
        };
        let factory = self.factory.iter().map(|preset| (preset, false));
        let all = factory.chain(self.own.iter().map(|preset| (preset, true)));
        all.filter(move |(preset, is_own)| is_listed(preset, *is_own))
    }
}

impl App {
    /// Draws the menu below its button.
    pub(super) fn preset_menu(&mut self, button: &Response, actions: &mut Vec<Action>) {
        let style = self.facts.as_ref().and_then(|(_, facts)| facts.style.value);
        let shown = Popup::menu(button).close_behavior(PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
            let mut menu = self.open_presets.take().unwrap_or_else(|| {
                let group = Group::Style(style.unwrap_or(Style::ALL[0]));
                PresetMenu::open(self.preset_folder.clone(), group)
            });
            let choice = browse(ui, &mut menu, &self.look.presets);
            ui.separator();
            self.keep_preset(ui, &mut menu);
            let done = match choice {
                Some(Choice::Use(preset)) => {
                    actions.push(Action::Preset(Box::new(preset)));
                    ui.close();
                    Ok(())
                }
                Some(Choice::Generate(preset)) => {
                    // The menu stays open, so that one after another can be heard.
                    actions.push(Action::GenerateFrom(Box::new(preset)));
                    Ok(())
                }
                Some(Choice::Favour(preset, is_favourite)) => {
                    actions.push(Action::FavouritePreset(preset.name, is_favourite));
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
            field.widget_info(|| WidgetInfo::labeled(egui::Role::TextInput, true, "Name of the preset"));
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
            control::set(&setter, param, rounded(param, value));
        }
    }

    /// Applies a preset and generates with it.
    pub(super) fn generate_from(&mut self, preset: &Preset) {
        self.use_preset(preset);
        // Hosts may set the parameters later than this, so the preset's own values count.
        let mut trigger = self.trigger(Target::All);
        trigger.bars = u32::try_from(preset.bars.min(BARS_MAX)).ok().filter(|bars| *bars > 0);
        trigger.settings.variation = rounded(&self.params.variation, preset.variation);
        trigger.settings.adherence = rounded(&self.params.adherence, preset.adherence);
        self.control.request(Job::Make { trigger, edit: String::new(), candidates: 1 });
    }
}

/// The value that a parameter takes if it is set to `value`.
fn rounded(param: &FloatParam, value: f32) -> f32 {
    param.preview_plain(param.preview_normalized(value))
}

/// A search field, groups on the left and their presets on the right; returns what was clicked.
fn browse(ui: &mut Ui, menu: &mut PresetMenu, favourites: &BTreeSet<String>) -> Option<Choice> {
    let mut choice = None;
    let field =
        control::field(&mut menu.words, "Search names and prompts").desired_width(WIDTHS[0] + WIDTHS[1]);
    let field = ui.add(field);
    field.widget_info(|| WidgetInfo::labeled(egui::Role::TextInput, true, "Search the presets"));
    let column = |ui: &mut Ui, width: f32, content: &mut dyn FnMut(&mut Ui)| {
        let layout = Layout::top_down_justified(Align::LEFT);
        ui.allocate_ui_with_layout(vec2(width, HEIGHT), layout, |ui| {
            ui.set_min_size(vec2(width, HEIGHT));
            content(ui);
        });
    };
    ui.horizontal_top(|ui| {
        column(ui, WIDTHS[0], &mut |ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            let styles = Style::ALL.into_iter().map(|style| (Group::Style(style), style.title()));
            for (group, name) in styles.chain([(Group::Favourites, "favourites"), (Group::Own, "yours")]) {
                let is_shown = menu.words.trim().is_empty() && menu.group == group;
                let text = RichText::new(name).font(theme::plain(12.5));
                if ui.add(Button::selectable(is_shown, text)).clicked() {
                    menu.group = group;
                    menu.words.clear();
                }
            }
        });
        column(ui, WIDTHS[1], &mut |ui| {
            ScrollArea::vertical().max_height(HEIGHT).auto_shrink(false).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 4.0;
                choice = presets(ui, menu, favourites);
            });
        });
    });
    choice
}

/// The listed presets. Above the user's own there is a button to restore the deleted one.
fn presets(ui: &mut Ui, menu: &PresetMenu, favourites: &BTreeSet<String>) -> Option<Choice> {
    let dim = palette(ui).dim;
    let say = |ui: &mut Ui, text: &str| {
        ui.add(Label::new(RichText::new(text).font(theme::plain(12.5)).color(dim)).truncate());
    };
    let is_searched = !menu.words.trim().is_empty();
    let mut choice = None;
    if let Some(deleted) = menu.deleted.as_ref().filter(|_| menu.group == Group::Own && !is_searched) {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.add(control::filled_button(ui, "Restore")).clicked() {
                choice = Some(Choice::Restore(deleted.clone()));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                say(ui, &format!("\u{201c}{}\u{201d} was deleted", deleted.name));
            });
        });
    }
    let mut is_empty = true;
    for (preset, is_own) in menu.listed(favourites) {
        is_empty = false;
        choice = preset_line(ui, preset, is_own, favourites.contains(&preset.name)).or(choice);
    }
    match menu.group {
        _ if !is_empty => {}
        _ if is_searched => say(ui, "No such preset"),
        Group::Own if menu.deleted.is_none() => {
            say(ui, "None yet. Type a prompt, name it below and save it.");
        }
        Group::Favourites => say(ui, "None yet. Click a preset's star."),
        Group::Own | Group::Style(_) => {}
    }
    choice
}

/// A name with its prompt below, and buttons; `is_own` presets can be deleted.
fn preset_line(ui: &mut Ui, preset: &Preset, is_own: bool, is_favourite: bool) -> Option<Choice> {
    const BUTTON: f32 = 24.0;
    let palette = palette(ui);
    let size = vec2(ui.available_width(), 40.0);
    let (rect, response) = ui.allocate_exact_size(size, egui::Sense::click());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, &preset.name));
    let buttons = if is_own { 3.0 } else { 2.0 } * BUTTON;
    let text = Rect::from_min_max(rect.min + vec2(9.0, 0.0), rect.max - vec2(buttons + 10.0, 0.0));
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
    let mut choice = response.on_hover_text(&preset.prompt).clicked().then(|| Choice::Use(preset.clone()));
    let row = Rect::from_min_max(pos2(text.right() + 6.0, rect.top()), rect.max);
    ui.scope_builder(UiBuilder::new().max_rect(row).layout(Layout::left_to_right(Align::Center)), |ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        let mut clicked = |icon: Icon, name: &str, hint: &str| {
            IconButton::new(icon, name).hint(hint).size(BUTTON, BUTTON).bare().show(ui).clicked()
        };
        let hint = "Generate with it at once, and hear it. Undo brings back what played";
        if clicked(Icon::Play, &format!("Generate with the preset {}", preset.name), hint) {
            choice = Some(Choice::Generate(preset.clone()));
        }
        let star = Icon::Star(is_favourite);
        if clicked(star, &format!("Favourite preset {}", preset.name), "Favourite") {
            choice = Some(Choice::Favour(preset.clone(), !is_favourite));
        }
        if is_own && clicked(Icon::Delete, &format!("Delete the preset {}", preset.name), "Delete it") {
            choice = Some(Choice::Delete(preset.clone()));
        }
    });
    choice
}
