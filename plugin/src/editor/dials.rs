//! A track's dials, which change what plays without changing the take, and its output switch.

use egui::{Layout, Popup, PopupCloseBehavior, Response, RichText, Ui, vec2};
use nice_plug::prelude::{Param as _, ParamSetter};
use resonantgen_music::track::Track;

use super::action::Action;
use super::control::{self, Fader};
use super::theme::{self, palette};
use crate::params::{TrackOutput, TrackParams};

/// Attaches the dials to their button.
pub fn attach(
    response: &Response,
    track: Track,
    params: &TrackParams,
    setter: &ParamSetter<'_>,
    actions: &mut Vec<Action>,
) {
    Popup::menu(response)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .show(|ui| show(ui, track, params, setter, actions));
}

/// One dial with its name and its text.
fn row(ui: &mut Ui, name: &str, text: &str, fader: impl FnOnce(&mut Ui)) {
    let dim = palette(ui).dim;
    ui.horizontal(|ui| {
        let size = vec2(78.0, 18.0);
        ui.allocate_ui_with_layout(size, Layout::left_to_right(egui::Align::Center), |ui| {
            ui.set_min_width(size.x);
            ui.label(RichText::new(name).font(theme::plain(12.5)));
        });
        fader(ui);
        ui.label(RichText::new(text).font(theme::plain(11.5)).color(dim));
    });
}

fn show(
    ui: &mut Ui,
    track: Track,
    params: &TrackParams,
    setter: &ParamSetter<'_>,
    actions: &mut Vec<Action>,
) {
    let color = palette(ui).track(track);
    ui.set_min_width(310.0);
    ui.label(RichText::new(format!("{} dials", track.title())).font(theme::strong(13.0)));
    let notes = [(&params.density, "Density"), (&params.complexity, "Complexity"), (&params.fills, "Fills")];
    for (param, name) in notes {
        row(ui, name, &param.to_string(), |ui| {
            Fader::new(param, color, 130.0).centered().show(ui, setter);
        });
    }
    let is_varied = notes.iter().any(|(param, _)| param.value() != 0);
    let can_keep = is_varied && !params.lock.value();
    let keep = ui.add_enabled(can_keep, egui::Button::new("Keep these notes as a take"));
    let why =
        if is_varied { "The track is locked" } else { "Density, complexity and fills are in their middle" };
    let keep = keep.on_disabled_hover_text(why);
    let keep = keep
        .on_hover_text("The take stays as it is; the dials go back to their middle and play the new take");
    if keep.clicked() {
        actions.push(Action::KeepVaried(track));
    }
    ui.separator();
    let dials = [
        (&params.intensity, "Intensity"),
        (&params.swing, "Swing"),
        (&params.humanise, "Humanise"),
        (&params.brightness, "Brightness"),
    ];
    for (param, name) in dials {
        row(ui, name, &param.to_string(), |ui| {
            Fader::new(param, color, 130.0).centered().show(ui, setter);
        });
    }
    ui.separator();
    ui.horizontal(|ui| {
        ui.label(RichText::new("Output").font(theme::plain(12.5)));
        let output = &params.output;
        for (value, text) in
            [(TrackOutput::Audio, "audio"), (TrackOutput::Midi, "MIDI"), (TrackOutput::Both, "both")]
        {
            if ui.selectable_label(output.value() == value, text).clicked() {
                control::set(setter, output, value);
            }
        }
    });
    if ui.button("All dials to their middle").clicked() {
        for (param, _) in dials {
            control::set(setter, param, param.default_plain_value());
        }
        for (param, _) in notes {
            control::set(setter, param, 0);
        }
    }
}
