//! The foot line: seed, generation parameters, and the machine that generates.

use egui::{Align, Layout, Popup, Rect, RichText, Ui, UiBuilder};
use nice_plug::prelude::{IntParam, Param, ParamSetter};

use super::App;
use super::action::Action;
use super::control::{self, Fader, IconButton};
use super::icon::Icon;
use super::theme::{self, palette};
use super::view::SessionView;
use crate::control::inference;
use crate::params::{SEED_MAX, SeedMode, SwapMoment};

/// Height of the foot, in points.
pub const HEIGHT: f32 = 36.0;

impl App {
    /// Draws the foot.
    pub(super) fn foot(&mut self, ui: &mut Ui, rect: Rect, view: &SessionView, actions: &mut Vec<Action>) {
        let Some(gui) = &self.gui else { return };
        let setter = gui.param_setter();
        let palette = palette(ui);
        ui.painter().rect_filled(rect, theme::ROUNDING, palette.card);
        let inner = rect.shrink2(egui::vec2(10.0, 5.0));
        let roomy = inner.width() > 860.0;
        let layout = Layout::left_to_right(Align::Center);
        ui.scope_builder(UiBuilder::new().max_rect(inner).layout(layout).id_salt("foot"), |ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            let params = &self.params;
            self.seed(ui, &setter, view, actions);
            gap(ui);
            label(ui, "Swap");
            swap(ui, &setter, &params.swap_at);
            gap(ui);
            let width = if roomy { 84.0 } else { 58.0 };
            label(ui, if roomy { "Variation" } else { "Vary" });
            Fader::new(&params.variation, palette.focus, width).show(ui, &setter);
            label(ui, if roomy { "Adherence" } else { "Adhere" });
            Fader::new(&params.adherence, palette.focus, width).show(ui, &setter);
            gap(ui);
            let mut follow = params.follow_host.value();
            let text = if roomy { "Follow host tempo" } else { "Host tempo" };
            let text = RichText::new(text).font(theme::plain(12.0));
            let hint = "Generate new takes at the host's tempo";
            if control::check(ui, &mut follow, text).on_hover_text(hint).changed() {
                control::set(&setter, &params.follow_host, follow);
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| self.engine(ui));
        });
    }

    /// The current seed, with buttons to hold and to copy it.
    fn seed(&self, ui: &mut Ui, setter: &ParamSetter<'_>, view: &SessionView, actions: &mut Vec<Action>) {
        let params = &self.params;
        label(ui, "Seed");
        let mode = params.seed_mode.value();
        let held = mode != SeedMode::Next;
        let last = i32::try_from(view.seed).unwrap_or(SEED_MAX).min(SEED_MAX);
        let mut value = if held { params.seed.value() } else { last };
        let drag = egui::DragValue::new(&mut value).range(0..=SEED_MAX).speed(0.2);
        let response = ui.add_enabled(held, drag);
        control::name_number(&response, held, f64::from(value), "Seed");
        let response = response.on_hover_text("The same seed and prompt give the same music");
        if response.changed() {
            control::set(setter, &params.seed, value);
        }
        let hint = match mode {
            SeedMode::Next => "Each generation uses the next seed. Click to hold this one",
            SeedMode::Fixed => "This seed is held. Click to use the next one each time",
            SeedMode::ByPlace => {
                "Each place in the song has its own seed. Click to use the next one each time"
            }
        };
        let color = palette(ui).focus;
        let button =
            IconButton::new(Icon::Pin, "Hold the seed").on(held, color).hint(hint).size(24.0, 22.0).bare();
        if button.show(ui).clicked() {
            if held {
                control::set(setter, &params.seed_mode, SeedMode::Next);
            } else {
                control::set(setter, &params.seed, last);
                control::set(setter, &params.seed_mode, SeedMode::Fixed);
            }
        }
        let button = IconButton::new(Icon::Copy, "Copy the seed").hint("Copy the seed to the clipboard");
        if button.size(24.0, 22.0).bare().show(ui).clicked() {
            actions.push(Action::Copy(value.to_string()));
        }
    }

    /// The machine that generates, and the current activity.
    fn engine(&self, ui: &mut Ui) {
        let palette = palette(ui);
        let server = self.server.in_use();
        let (name, detail, ink) = match &server {
            Some((address, None)) => (
                (*address).to_owned(),
                format!("Generating on {address} (change this in the menu at the top right)"),
                palette.dim,
            ),
            Some((address, Some(why))) => (
                format!("{address} is gone"),
                format!("Generating on this machine, because {why}"),
                palette.warning,
            ),
            None => match inference::status() {
                Some(status) => (status.name, status.detail, palette.dim),
                None => {
                    ("Ready".to_owned(), "The models load when they are first needed".to_owned(), palette.dim)
                }
            },
        };
        let waiting = self.control.awaited();
        let is_loaded = server.is_some() || inference::status().is_some();
        let text = match waiting {
            0 => name,
            _ if !is_loaded => "Loading the models".to_owned(),
            2.. => format!("{name} · {waiting} to do"),
            _ => format!("{name} · busy"),
        };
        let text = RichText::new(text).font(theme::plain(12.0)).color(ink);
        ui.add(egui::Label::new(text).truncate()).on_hover_text(detail);
    }
}

fn gap(ui: &mut Ui) {
    ui.add_space(6.0);
}

fn label(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).font(theme::plain(12.0)).color(palette(ui).dim));
}

/// When a new take takes over.
fn swap(ui: &mut Ui, setter: &ParamSetter<'_>, param: &nice_plug::prelude::EnumParam<SwapMoment>) {
    const MOMENTS: [(SwapMoment, &str, &str); 4] = [
        (SwapMoment::Now, "now", "as soon as it is ready"),
        (SwapMoment::Beat, "beat", "on the next beat"),
        (SwapMoment::Bar, "bar", "on the next bar line"),
        (SwapMoment::Loop, "loop", "at the start of the loop"),
    ];
    let now = param.value();
    let name = MOMENTS.iter().find(|(moment, ..)| *moment == now).map_or("", |(_, name, _)| name);
    let button = egui::Button::new((RichText::new(name).font(theme::plain(12.5)), egui::Atom::grow()));
    let response = ui.add_sized(egui::vec2(56.0, 22.0), button);
    let arrow =
        Rect::from_center_size(response.rect.right_center() - egui::vec2(10.0, 0.0), egui::Vec2::splat(8.0));
    super::icon::paint(ui.painter(), Icon::Down, arrow, palette(ui).dim);
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Button, true, format!("{}: {name}", param.name()))
    });
    let response = response.on_hover_text("When a new take takes over");
    Popup::menu(&response).show(|ui| {
        ui.set_min_width(190.0);
        for (moment, name, words) in MOMENTS {
            if ui.selectable_label(moment == now, format!("{name}: {words}")).clicked() {
                control::set(setter, param, moment);
                ui.close();
            }
        }
    });
}

/// The length set by the parameter, in bars; 0 is none.
pub fn asked_bars(param: &IntParam) -> u32 {
    u32::try_from(param.value()).unwrap_or(0)
}
