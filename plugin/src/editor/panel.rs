//! Above the tracks: name, prompt, what was understood, messages. Below: the parameters of a generation.

use std::sync::atomic::Ordering;

use egui::{
    Align, Button, Color32, Key, Layout, Rect, RichText, Stroke, TextEdit, Ui, UiBuilder, pos2, vec2,
};
use nice_plug::prelude::{IntParam, Param, ParamSetter};

use super::control::{self, Icon};
use super::view::Trimmed;
use super::{App, theme};
use crate::job::Target;
use crate::params::SwapMoment;
use crate::prompts::FIRST_PROMPT;

/// Height of the foot, in points.
pub const FOOT_HEIGHT: f32 = 44.0;
/// Prompts to start from.
const EXAMPLES: [&str; 4] = [
    FIRST_PROMPT,
    "dreamy lo-fi hip hop, rhodes, 82 bpm",
    "uplifting synthwave in F# minor",
    "sparse ambient, no drums, 3/4",
];

impl App {
    /// Draws the head into the top of `area`; returns where it ends.
    pub(super) fn head(&mut self, ui: &mut Ui, area: Rect) -> f32 {
        let shown = ui.scope_builder(UiBuilder::new().max_rect(area), |ui| {
            ui.spacing_mut().item_spacing.y = 8.0;
            self.title(ui);
            self.prompt_line(ui);
            self.understood_line(ui);
            self.banner(ui);
        });
        shown.response.rect.bottom()
    }

    fn title(&self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            let (mark, _) = ui.allocate_exact_size(vec2(22.0, 20.0), egui::Sense::hover());
            // Four bars, one per track.
            for (index, (track, height)) in
                resonantgen_engine::track::Track::ALL.into_iter().zip([0.55, 1.0, 0.75, 0.4]).enumerate()
            {
                let bar = Rect::from_center_size(
                    pos2(mark.left() + 3.0 + 5.3 * index as f32, mark.center().y),
                    vec2(3.4, mark.height() * height),
                );
                ui.painter().rect_filled(bar, 1.7, theme::track_color(track));
            }
            ui.label(RichText::new("ResonantGen").font(theme::strong(17.0)));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let host_bpm = self.shared.host_bpm.load();
                if host_bpm > 0.0 {
                    control::chip(ui, "host", &format!("{} bpm", Trimmed(host_bpm)));
                }
                if self.shared.stopped.load(Ordering::Relaxed) {
                    let preview = self.shared.preview.load(Ordering::Relaxed);
                    let icon = if preview { Icon::Stop } else { Icon::Play };
                    if control::icon_button(
                        ui,
                        icon,
                        preview,
                        theme::ACCENT,
                        "Preview while the host stands still",
                    )
                    .clicked()
                    {
                        self.shared.preview.store(!preview, Ordering::Relaxed);
                    }
                }
            });
        });
    }

    fn prompt_line(&mut self, ui: &mut Ui) {
        const HEIGHT: f32 = 40.0;
        const BUTTON_WIDTH: f32 = 118.0;
        let working = self.is_working();
        ui.horizontal(|ui| {
            let width = ui.available_width() - BUTTON_WIDTH - 8.0;
            let field = TextEdit::singleline(&mut self.prompt)
                .hint_text("What shall it sound like? Style, mood, instruments, key, tempo, chords …")
                .font(theme::plain(16.0))
                .margin(egui::Margin::symmetric(12, 10))
                .desired_width(width)
                .char_limit(10_000);
            let response = ui.add_sized(vec2(width, HEIGHT), field);
            if response.changed() {
                self.shared.prompts.set(self.params.slot(), self.prompt.clone());
            }
            let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            let (text, fill) = if working { ("Cancel", theme::BUTTON) } else { ("Generate", theme::ACCENT) };
            let button = Button::new(RichText::new(text).font(theme::strong(15.0)).color(Color32::WHITE))
                .fill(fill)
                .stroke(Stroke::NONE)
                .corner_radius(theme::SMALL_ROUNDING);
            let pressed = ui.add_sized(vec2(BUTTON_WIDTH, HEIGHT), button).clicked();
            if working && pressed {
                self.shared.cancel_all();
            } else if !working && (pressed || entered) {
                self.ask(Target::All);
            }
        });
    }

    fn understood_line(&mut self, ui: &mut Ui) {
        let Some((_, understood)) = &self.understood else { return };
        let mut chosen = None;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            if self.prompt.trim().is_empty() {
                ui.label(RichText::new("Try").font(theme::plain(12.5)).color(theme::DIM));
                for example in EXAMPLES {
                    let text = RichText::new(example).font(theme::plain(12.5));
                    if ui.add(Button::new(text).corner_radius(12)).clicked() {
                        chosen = Some(example);
                    }
                }
            } else if let Some(error) = &understood.error {
                ui.label(RichText::new(error).font(theme::plain(12.5)).color(theme::WARNING));
            } else {
                for (label, value) in &understood.facts {
                    control::chip(ui, label, value);
                }
                if !understood.unknown.is_empty() {
                    let words = format!("not understood: {}", understood.unknown.join(", "));
                    ui.label(RichText::new(words).font(theme::plain(12.0)).color(theme::DIM));
                }
            }
        });
        if let Some(example) = chosen {
            self.prompt = example.to_owned();
            self.shared.prompts.set(self.params.slot(), self.prompt.clone());
        }
    }

    fn banner(&self, ui: &mut Ui) {
        let Some(message) = self.shared.message() else { return };
        egui::Frame::new()
            .fill(theme::WARNING.gamma_multiply(0.16))
            .stroke(Stroke::new(1.0, theme::WARNING.gamma_multiply(0.6)))
            .corner_radius(theme::SMALL_ROUNDING)
            .inner_margin(egui::Margin::symmetric(10, 6))
            .show(ui, |ui| {
                ui.horizontal(|ui| {
                    let width = ui.available_width() - 74.0;
                    let text = RichText::new(message).font(theme::plain(12.5)).color(theme::TEXT);
                    ui.add_sized(vec2(width, 0.0), egui::Label::new(text).wrap().halign(Align::Min));
                    if ui.button("Dismiss").clicked() {
                        self.shared.set_message(None);
                    }
                });
            });
    }

    /// Draws the foot.
    pub(super) fn foot(&mut self, ui: &mut Ui, rect: Rect) {
        let Some(gui) = &self.gui else { return };
        let setter = gui.param_setter();
        ui.painter().rect_filled(rect, theme::ROUNDING, theme::CARD);
        let inner = rect.shrink2(vec2(12.0, 8.0));
        let builder = UiBuilder::new().max_rect(inner).layout(Layout::left_to_right(Align::Center));
        ui.scope_builder(builder, |ui| {
            let params = &self.params;
            let roomy = inner.width() > 860.0;
            number(ui, &setter, &params.seed);
            number(ui, &setter, &params.bars);
            label(ui, "Swap");
            for (moment, text) in [
                (SwapMoment::Now, "now"),
                (SwapMoment::Beat, "beat"),
                (SwapMoment::Bar, "bar"),
                (SwapMoment::Loop, "loop"),
            ] {
                let chosen = params.swap_at.value() == moment;
                let text = RichText::new(text).font(theme::plain(12.0));
                let fill = if chosen { theme::ACCENT.gamma_multiply(0.55) } else { theme::BUTTON };
                let button = Button::new(text).fill(fill).stroke(Stroke::NONE).small();
                if ui.add(button).on_hover_text("When a new take takes over").clicked() {
                    control::set(&setter, &params.swap_at, moment);
                }
            }
            let width = if roomy { 78.0 } else { 44.0 };
            label(ui, if roomy { "Variation" } else { "Var." });
            control::fader(ui, &setter, &params.variation, theme::ACCENT, width);
            label(ui, if roomy { "Adherence" } else { "Adh." });
            control::fader(ui, &setter, &params.adherence, theme::ACCENT, width);
            let mut follow = params.follow_host.value();
            let text = RichText::new(if roomy { "Follow host tempo" } else { "Follow host" })
                .font(theme::plain(12.0));
            if ui.checkbox(&mut follow, text).changed() {
                control::set(&setter, &params.follow_host, follow);
            }
        });
    }
}

fn label(ui: &mut Ui, text: &str) {
    ui.add_space(4.0);
    ui.label(RichText::new(text).font(theme::plain(12.0)).color(theme::DIM));
}

/// A number that is dragged or typed; 0 shows its name.
fn number(ui: &mut Ui, setter: &ParamSetter<'_>, param: &IntParam) {
    label(ui, param.name());
    let mut value = param.value();
    let range = param.preview_plain(0.0)..=param.preview_plain(1.0);
    let text = |value: f64| param.normalized_value_to_string(param.preview_normalized(value as i32), false);
    let parse = |text: &str| {
        param.string_to_normalized_value(text).map(|normalized| f64::from(param.preview_plain(normalized)))
    };
    let drag = egui::DragValue::new(&mut value)
        .range(range)
        .speed(0.1)
        .custom_formatter(|value, _| text(value))
        .custom_parser(parse);
    let response = ui.add(drag);
    if response.changed() {
        control::set(setter, param, value);
    }
}
