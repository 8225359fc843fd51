//! Keyboard shortcuts, and their list.
//!
//! The editor receives keys while the system gives its window the focus, which is after a click into it. On macOS unused keys
//! also go to the host, so they belong to the host until something in the editor has been clicked or reached with Tab. The space
//! bar always belongs to the host, because it starts and stops the song, except while text is being typed.

use egui::{Context, Grid, Id, Key, Modal, Modifiers, RichText};
use resonantgen_music::track::Track;

use super::action::Action;
use super::lane::Face;
use super::theme;
use super::track_row::{edit_id, lane_id};
use super::{App, control, prompt_id};
use crate::control::export::What;

/// Keys and what they do.
const LIST: [(&str, &str); 19] = [
    ("Ctrl+Enter", "generate all unlocked tracks; with Shift: write 8 scores for each and choose"),
    ("Esc", "close what is open; then cancel the generation"),
    ("/", "type the prompt; up and down: recent prompts"),
    ("1  2  3  4", "select drums, bass, harmony, melody; up and down: next track"),
    ("R", "regenerate the selected track"),
    ("Shift+R", "write 8 scores for it; up and down hear them, Enter takes one"),
    ("E", "change it with words"),
    ("L", "lock or unlock it"),
    ("M  S", "mute, solo"),
    ("Left  Right", "older, newer take; on a fader: its value"),
    ("C", "copy the path of its file: WAV, or MIDI while the notes are shown"),
    ("F  X", "favourite; A/B with the take heard before"),
    ("N", "show sound or notes"),
    ("+  -  0  Z", "zoom in, out, to the whole loop, to the selected bars; Page Up, Page Down: move"),
    ("Ctrl+Z  Ctrl+Shift+Z", "undo, redo"),
    ("Ctrl+E", "export everything"),
    ("Tab", "next control; Enter presses it"),
    ("Space", "play and stop in the host"),
    ("?", "this list"),
];

impl App {
    /// Handles the keys that no widget uses; called before the widgets are shown.
    pub(super) fn keys(&mut self, context: &Context, actions: &mut Vec<Action>) {
        let typing = context.text_edit_focused();
        if typing && context.input(|input| input.key_pressed(Key::Escape)) {
            // It leaves the field.
            self.escaped_at = context.input(|input| input.time);
        }
        let focused = context.memory(|memory| memory.focused());
        let command = |key| context.input_mut(|input| input.consume_key(Modifiers::COMMAND, key));
        if context.input_mut(|input| input.consume_key(Modifiers::COMMAND | Modifiers::SHIFT, Key::Enter)) {
            actions.push(Action::GenerateChoice);
        } else if command(Key::Enter) {
            actions.push(Action::Generate);
        }
        if typing || (focused.is_none() && cfg!(target_os = "macos")) {
            return;
        }
        // The host plays and stops with it; without this, it would also press a focused button.
        context.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Space));
        let popup = egui::Popup::is_any_open(context);
        self.escape(context, popup, actions);
        if context.input_mut(|input| {
            input.consume_key(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z)
                || input.consume_key(Modifiers::COMMAND, Key::Y)
        }) {
            actions.push(Action::Redo);
        }
        if command(Key::Z) {
            actions.push(Action::Undo);
        }
        if command(Key::E) {
            actions.push(Action::Export(What::All));
        }
        let text = |wanted: &str| {
            context.input(|input| {
                input.events.iter().any(|event| matches!(event, egui::Event::Text(text) if text == wanted))
            })
        };
        if text("?") {
            self.helps = !self.helps;
        }
        if popup || self.helps {
            return;
        }
        if text("/") {
            context.memory_mut(|memory| memory.request_focus(prompt_id()));
            // The keystroke itself must not be typed.
            context.input_mut(|input| input.events.retain(|event| !matches!(event, egui::Event::Text(_))));
        }
        let pressed = |key| context.input(|input| input.modifiers.is_none() && input.key_pressed(key));
        if pressed(Key::N) {
            self.face = if self.face == Face::Sound { Face::Notes } else { Face::Sound };
        }
        for (sign, factor) in [("+", 1.5), ("-", 1.0 / 1.5)] {
            if text(sign) {
                let part = self.timeline.part();
                self.timeline.zoom(factor, (part.start + part.end) / 2.0);
            }
        }
        if text("0") {
            self.timeline.show_all();
        }
        if pressed(Key::Z) {
            self.timeline.show_selection();
        }
        for (key, by) in [(Key::PageUp, -0.5), (Key::PageDown, 0.5)] {
            if pressed(key) {
                self.timeline.pan(by);
            }
        }
        for (key, track) in [Key::Num1, Key::Num2, Key::Num3, Key::Num4].into_iter().zip(Track::ALL) {
            if pressed(key) {
                context.memory_mut(|memory| memory.request_focus(lane_id(track)));
            }
        }
        if let Some(track) = Track::ALL.into_iter().find(|track| focused == Some(lane_id(*track))) {
            self.row_keys(context, track, &pressed, actions);
        }
    }

    /// Esc closes what is open, first of all; a generation is cancelled only by a press of its own.
    fn escape(&mut self, context: &Context, popup: bool, actions: &mut Vec<Action>) {
        // A key that is held, or pressed twice in haste, means the menu that the first press closed.
        const HASTE: f64 = 0.6;
        if !context.input(|input| input.key_pressed(Key::Escape)) {
            return;
        }
        let now = context.input(|input| input.time);
        let since = now - std::mem::replace(&mut self.escaped_at, now);
        let has_exported = self.has_exported();
        if popup || self.importing.is_some() || self.recording.is_some() || since < HASTE {
            return;
        }
        if self.helps {
            self.helps = false;
        } else if has_exported {
            self.dismiss_export();
        } else if self.is_working() {
            actions.push(Action::Cancel);
        }
    }

    /// Keys of the selected row.
    fn row_keys(
        &mut self,
        context: &Context,
        track: Track,
        pressed: &dyn Fn(Key) -> bool,
        actions: &mut Vec<Action>,
    ) {
        let filter = egui::EventFilter {
            horizontal_arrows: true,
            vertical_arrows: true,
            ..egui::EventFilter::default()
        };
        context.memory_mut(|memory| memory.set_focus_lock_filter(lane_id(track), filter));
        for (key, by) in [(Key::ArrowUp, -1), (Key::ArrowDown, 1)] {
            let next = track.index() as i32 + by;
            if let Some(next) = usize::try_from(next).ok().and_then(|index| Track::ALL.get(index))
                && pressed(key)
            {
                context.memory_mut(|memory| memory.request_focus(lane_id(*next)));
            }
        }
        let params = self.params.track(track);
        let locked = params.lock.value();
        if let Some(gui) = &self.gui {
            let setter = gui.param_setter();
            for (key, param) in [(Key::L, &params.lock), (Key::M, &params.mute), (Key::S, &params.solo)] {
                if pressed(key) {
                    control::set(&setter, param, !param.value());
                }
            }
        }
        if pressed(Key::C) {
            actions.extend(self.parcel([track]).map(Action::CopyPaths));
        }
        if pressed(Key::F) {
            let lane = self.picture.as_ref().map(|(_, view)| &view.lanes[track.index()]);
            let current = lane.and_then(|lane| lane.current);
            actions.extend(current.map(|index| Action::Favourite(track, index)));
        }
        if locked {
            return;
        }
        for (key, action) in [
            (Key::R, Action::Regenerate(track, String::new())),
            (Key::X, Action::Compare(track)),
            (Key::ArrowLeft, Action::Step(track, -1)),
            (Key::ArrowRight, Action::Step(track, 1)),
        ] {
            if pressed(key) {
                actions.push(action);
            }
        }
        if context.input(|input| input.modifiers.shift_only() && input.key_pressed(Key::R)) {
            actions.push(Action::Choose(track, String::new()));
        }
        if pressed(Key::E) {
            context.memory_mut(|memory| memory.request_focus(edit_id(track)));
            context.input_mut(|input| input.events.retain(|event| !matches!(event, egui::Event::Text(_))));
        }
    }

    /// Draws the list of keys over everything.
    pub(super) fn help(&mut self, context: &Context) {
        if !self.helps {
            return;
        }
        let modal = Modal::new(Id::unique("help")).show(context, |ui| {
            ui.label(RichText::new("Keyboard").font(theme::strong(16.0)));
            ui.add_space(4.0);
            ui.spacing_mut().interact_size.y = 0.0;
            Grid::new("keys").num_columns(2).spacing(egui::vec2(18.0, 4.0)).show(ui, |ui| {
                for (keys, what) in LIST {
                    ui.label(RichText::new(keys).font(theme::strong(12.5)));
                    ui.label(RichText::new(what).font(theme::plain(12.5)));
                    ui.end_row();
                }
            });
            ui.add_space(4.0);
            let dim = theme::palette(ui).dim;
            let note = "Faders: double-click to reset, Shift for fine steps, right-click to type. Right-click a lane for all its actions.";
            ui.set_max_width(460.0);
            ui.label(RichText::new(note).font(theme::plain(12.0)).color(dim));
            ui.add_space(4.0);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| ui.button("Close").clicked()).inner
        });
        if modal.inner || modal.should_close() {
            self.helps = false;
        }
    }
}
