//! The context menu of a lane: everything the row's controls do, and files.

use std::ops::Range;

use egui::{Response, RichText, Ui};
use nice_plug::prelude::{Param, ParamSetter};
use resonantgen_music::track::Track;
use resonantgen_project::Form;

use super::action::Action;
use super::view::{LaneView, TakeMark};
use super::{candidates, control, theme};
use crate::control::export::{Parcel, What};
use crate::params::{InMain, ResonantParams};

/// Attaches the menu to a lane.
pub fn attach(
    response: &Response,
    track: Track,
    params: &ResonantParams,
    setter: &ParamSetter<'_>,
    view: &LaneView,
    selection: Option<Range<u32>>,
    actions: &mut Vec<Action>,
) {
    response.context_menu(|ui| {
        ui.set_min_width(210.0);
        ui.label(RichText::new(track.title()).font(theme::strong(13.0)));
        takes(ui, track, params.track(track).lock.value(), view, selection, actions);
        ui.separator();
        mix(ui, track, params, setter);
        ui.separator();
        files(ui, track, params.track(track).lock.value(), view, actions);
    });
}

/// An entry; returns whether it was clicked.
pub fn item(ui: &mut Ui, enabled: bool, text: &str) -> bool {
    let clicked = ui.add_enabled(enabled, egui::Button::new(text)).clicked();
    if clicked {
        ui.close();
    }
    clicked
}

fn takes(
    ui: &mut Ui,
    track: Track,
    locked: bool,
    view: &LaneView,
    selection: Option<Range<u32>>,
    actions: &mut Vec<Action>,
) {
    let mut offer = |enabled: bool, text: &str, action: Action| {
        if item(ui, enabled, text) {
            actions.push(action);
        }
    };
    offer(!locked, "Regenerate", Action::Regenerate(track, String::new()));
    offer(!locked, &candidates::offer(), Action::Choose(track, String::new()));
    if let Some(bars) = selection.filter(|_| view.mark().is_some()) {
        let text = match bars.len() {
            1 => format!("Regenerate bar {}", bars.end),
            _ => format!("Regenerate bars {} to {}", bars.start + 1, bars.end),
        };
        offer(!locked, &text, Action::RegenerateBars(track, bars));
    }
    offer(!locked && view.steps[0], "Older take", Action::Step(track, -1));
    offer(!locked && view.steps[1], "Newer take", Action::Step(track, 1));
    offer(!locked && view.can_compare, "A/B with the previous take", Action::Compare(track));
    if let Some((index, mark)) = view.current.zip(view.mark()) {
        take_items(ui, track, index, mark, actions);
    }
}

/// Entries for one take, whether it plays or not.
pub fn take_items(ui: &mut Ui, track: Track, index: usize, mark: &TakeMark, actions: &mut Vec<Action>) {
    let favourite = if mark.favourite { "Remove from favourites" } else { "Make it a favourite" };
    if item(ui, true, favourite) {
        actions.push(Action::Favourite(track, index));
    }
    if item(ui, true, "New take in its groove and register") {
        actions.push(Action::Like(track, index));
    }
    if item(ui, !mark.prompt.is_empty(), "Use its prompt") {
        actions.push(Action::Prompt(mark.prompt.clone()));
    }
    for (form, text) in
        [(Form::Wav, "Copy the path of its WAV"), (Form::Midi, "Copy the path of its MIDI file")]
    {
        if item(ui, true, text) {
            actions.push(Action::CopyPaths(Parcel { takes: vec![(track, index)], bars: None, form }));
        }
    }
    if item(ui, true, &format!("Copy seed {}", mark.seed)) {
        actions.push(Action::Copy(mark.seed.to_string()));
    }
}

fn mix(ui: &mut Ui, track: Track, params: &ResonantParams, setter: &ParamSetter<'_>) {
    let own = params.track(track);
    for (param, text) in [(&own.lock, "Lock"), (&own.mute, "Mute"), (&own.solo, "Solo")] {
        let mut on = param.value();
        if control::check(ui, &mut on, text).changed() {
            control::set(setter, param, on);
            ui.close();
        }
    }
    ui.horizontal(|ui| {
        ui.label("In Main");
        for (value, text) in [(InMain::Auto, "auto"), (InMain::On, "on"), (InMain::Off, "off")] {
            if ui.selectable_label(own.in_main.value() == value, text).clicked() {
                control::set(setter, &own.in_main, value);
                ui.close();
            }
        }
    });
    if item(ui, true, "Reset level and pan") {
        control::set(setter, &own.level, own.level.default_plain_value());
        control::set(setter, &own.pan, own.pan.default_plain_value());
    }
}

fn files(ui: &mut Ui, track: Track, locked: bool, view: &LaneView, actions: &mut Vec<Action>) {
    for (what, text) in [(What::Stem(track), "Export WAV"), (What::Midi(track), "Export MIDI")] {
        if item(ui, view.mark().is_some(), text) {
            actions.push(Action::Export(what));
        }
    }
    if item(ui, !locked, "Import an audio file …") {
        actions.push(Action::AskImport(track));
    }
    if item(ui, !locked, "Record the sidechain …") {
        actions.push(Action::AskRecord(track));
    }
}
