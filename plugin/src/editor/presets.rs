//! Presets to start from, by style, and keeping one of one's own.

use egui::{Align, Button, Key, Layout, Popup, PopupCloseBehavior, Response, RichText, ScrollArea, Ui, vec2};
use nice_plug::prelude::Param;
use resonantgen_engine::intent::Style;

use super::action::Action;
use super::theme::{self, palette};
use super::{App, control};
use crate::params::BARS_MAX;
use crate::preset::{self, Preset};

/// Height of the lists, in points.
const HEIGHT: f32 = 330.0;

/// The open menu: what there is, read when it opens.
#[derive(Clone, Debug)]
pub struct Shelf {
    factory: Vec<Preset>,
    own: Vec<Preset>,
    /// The style that is shown; `None` shows the user's own.
    style: Option<Style>,
    /// The name typed for a new one.
    name: String,
}

impl Shelf {
    fn open(style: Option<Style>) -> Self {
        Self { factory: preset::factory(), own: preset::user(), style, name: String::new() }
    }
}

impl App {
    /// The menu below its button.
    pub(super) fn preset_menu(&mut self, button: &Response, actions: &mut Vec<Action>) {
        let style = self.facts.as_ref().and_then(|(_, facts)| facts.style.value);
        let shown = Popup::menu(button).close_behavior(PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
            let mut shelf = self.shelf.take().unwrap_or_else(|| Shelf::open(style.or(Some(Style::ALL[0]))));
            let chosen = browse(ui, &mut shelf);
            ui.separator();
            self.keep_preset(ui, &mut shelf);
            self.shelf = Some(shelf);
            if chosen.is_some() {
                ui.close();
            }
            chosen
        });
        match shown {
            Some(shown) => actions.extend(shown.inner.map(|preset| Action::Preset(Box::new(preset)))),
            None => self.shelf = None,
        }
    }

    fn keep_preset(&self, ui: &mut Ui, shelf: &mut Shelf) {
        ui.horizontal(|ui| {
            let field = control::field(&mut shelf.name, "Name").desired_width(190.0).char_limit(60);
            let field = ui.add(field);
            field
                .widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Name of the preset"));
            let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            let is_named = !shelf.name.trim().is_empty();
            let hint = "The prompt with length, variation and adherence, for all projects";
            let clicked =
                ui.add_enabled(is_named, Button::new("Keep as preset")).on_hover_text(hint).clicked();
            if is_named && (clicked || entered) {
                let facts = self.facts.as_ref().map(|(_, facts)| facts);
                let preset = Preset {
                    name: shelf.name.trim().to_owned(),
                    style: facts.and_then(|facts| facts.style.value).map_or("", Style::name).to_owned(),
                    prompt: self.prompt.clone(),
                    bars: self.params.bars.value(),
                    variation: self.params.variation.value(),
                    adherence: self.params.adherence.value(),
                };
                match preset::save(&preset) {
                    Ok(_) => *shelf = Shelf::open(None),
                    Err(error) => self.shared.set_message(Some(error.to_string())),
                }
            }
        });
    }

    /// Takes over what a preset says; nothing is generated yet.
    pub(super) fn use_preset(&mut self, preset: &Preset) {
        self.prompt.clone_from(&preset.prompt);
        self.shared.prompts.set(self.params.slot(), self.prompt.clone());
        // What was fixed for another piece of music would not fit this one.
        self.shared.set_overrides(Default::default());
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

/// Styles at the left, what they hold at the right; returns what was chosen.
fn browse(ui: &mut Ui, shelf: &mut Shelf) -> Option<Preset> {
    let mut chosen = None;
    let dim = palette(ui).dim;
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
                if ui.add(Button::selectable(shelf.style == style, text)).clicked() {
                    shelf.style = style;
                }
            }
        });
        column(ui, 340.0, &mut |ui| {
            ScrollArea::vertical().max_height(HEIGHT).auto_shrink(false).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 4.0;
                let presets: Vec<&Preset> = match shelf.style {
                    Some(style) => {
                        shelf.factory.iter().filter(|preset| preset.style == style.name()).collect()
                    }
                    None => shelf.own.iter().collect(),
                };
                if presets.is_empty() {
                    let text = "None yet: type a prompt, give it a name below and keep it.";
                    ui.label(RichText::new(text).font(theme::plain(12.5)).color(dim));
                }
                for preset in presets {
                    if preset_line(ui, preset) {
                        chosen = Some(preset.clone());
                    }
                }
            });
        });
    });
    chosen
}

/// A name with its prompt below.
fn preset_line(ui: &mut Ui, preset: &Preset) -> bool {
    let palette = palette(ui);
    let size = vec2(ui.available_width(), 40.0);
    let (rect, response) = ui.allocate_exact_size(size, egui::Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &preset.name));
    if ui.is_rect_visible(rect) {
        let fill = if response.hovered() { palette.button_hover } else { palette.button };
        ui.painter().rect_filled(rect, theme::SMALL_ROUNDING, fill);
        let painter = ui.painter().with_clip_rect(rect.shrink2(vec2(8.0, 0.0)));
        let corner = rect.left_top() + vec2(9.0, 5.0);
        let name = theme::strong(13.0);
        painter.text(corner, egui::Align2::LEFT_TOP, &preset.name, name, palette.text);
        let below = corner + vec2(0.0, 16.0);
        painter.text(below, egui::Align2::LEFT_TOP, &preset.prompt, theme::plain(11.5), palette.dim);
        control::focus_ring(ui, &response, rect);
    }
    response.on_hover_text(&preset.prompt).clicked()
}
