//! A track's dials, which change playback at once without changing the take, and its output switch.

use egui::{Layout, Popup, PopupCloseBehavior, Response, RichText, Ui, vec2};
use nice_plug::prelude::{Param as _, ParamSetter};
use resonantgen_music::track::Track;

use super::control::{self, Fader};
use super::theme::{self, palette};
use crate::params::{TrackOutput, TrackParams};

/// Attaches the dials to their button.
pub fn attach(response: &Response, track: Track, params: &TrackParams, setter: &ParamSetter<'_>) {
    Popup::menu(response)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .show(|ui| show(ui, track, params, setter));
}

fn show(ui: &mut Ui, track: Track, params: &TrackParams, setter: &ParamSetter<'_>) {
    let palette = palette(ui);
    ui.set_min_width(290.0);
    ui.label(RichText::new(format!("{} dials", track.title())).font(theme::strong(13.0)));
    let dials = [
        (&params.intensity, "Intensity"),
        (&params.swing, "Swing"),
        (&params.humanise, "Humanise"),
        (&params.brightness, "Brightness"),
    ];
    for (param, name) in dials {
        ui.horizontal(|ui| {
            let size = vec2(78.0, 18.0);
            ui.allocate_ui_with_layout(size, Layout::left_to_right(egui::Align::Center), |ui| {
                ui.set_min_width(size.x);
                ui.label(RichText::new(name).font(theme::plain(12.5)));
            });
            Fader::new(param, palette.track(track), 130.0).centered().show(ui, setter);
            ui.label(RichText::new(param.to_string()).font(theme::plain(11.5)).color(palette.dim));
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
    }
}
