//! How the prompt was understood, as chips that can be clicked and corrected.

use egui::{Align, Button, Layout, Popup, PopupCloseBehavior, Rect, Response, RichText, Ui, UiBuilder, vec2};
use resonantgen_music::plan::{BPM_RANGE, Key, Meter, Mode};
use resonantgen_words::Overrides;
use resonantgen_words::Style;

use super::action::Action;
use super::control::{self, ChipKind, chip};
use super::facts::{Fact, Facts, Source, chord_line, read_chords};
use super::head::EXAMPLES;
use super::ruler::bars_in_words;
use super::theme::{self, palette};
use super::view::Trimmed;

/// Height of the line, in points.
pub const HEIGHT: f32 = 24.0;
/// Maximum number of characters of a progression on a chip.
const CHORD_ROOM: usize = 28;

/// The contents of the chips.
pub struct Chips<'a> {
    /// The typed prompt.
    pub prompt: &'a str,
    /// How it was understood.
    pub facts: &'a Facts,
    /// The facts fixed by the user.
    pub fixed: &'a Overrides,
    /// Bars set by the parameter; 0 is none.
    pub bars: u32,
    /// Whether the sentence model is still reading the prompt: words that mean nothing by themselves may still turn out to
    /// mean something.
    pub reads: bool,
}

impl Chips<'_> {
    /// Draws the line into `rect`; it does not move anything else.
    pub fn show(&self, ui: &mut Ui, rect: Rect, actions: &mut Vec<Action>) {
        let layout = Layout::left_to_right(Align::Center);
        ui.scope_builder(UiBuilder::new().max_rect(rect).layout(layout).id_salt("chips"), |ui| {
            ui.set_clip_rect(rect.expand(3.0));
            ui.spacing_mut().item_spacing.x = 5.0;
            if self.prompt.trim().is_empty() {
                self.examples(ui, actions);
            } else if let Some(error) = &self.facts.error {
                // A fixed fact may be what does not fit, so offer a way back.
                if *self.fixed != Overrides::default() || self.bars > 0 {
                    let text = RichText::new("Reset fixed facts").font(theme::plain(12.5));
                    if ui.add(Button::new(text).corner_radius(12).min_size(vec2(0.0, HEIGHT))).clicked() {
                        actions.extend([Action::Fix(Box::default()), Action::Bars(0)]);
                    }
                }
                let text = RichText::new(error).font(theme::plain(12.5)).color(palette(ui).warning);
                ui.add(egui::Label::new(text).truncate());
            } else {
                self.facts(ui, actions);
                self.others(ui);
            }
        });
    }

    fn examples(&self, ui: &mut Ui, actions: &mut Vec<Action>) {
        ui.label(RichText::new("Try").font(theme::plain(12.5)).color(palette(ui).dim));
        for example in EXAMPLES {
            let text = RichText::new(example).font(theme::plain(12.5));
            let button = Button::new(text).corner_radius(12).min_size(vec2(0.0, HEIGHT));
            if ui.add(button).clicked() {
                actions.push(Action::Prompt(example.to_owned()));
            }
        }
    }

    fn facts(&self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let facts = self.facts;
        let fix = |change: fn(&mut Overrides)| {
            let mut fixed = self.fixed.clone();
            change(&mut fixed);
            Action::Fix(Box::new(fixed))
        };
        let style = fact_chip(ui, "", &facts.style_name, facts.style.source, "style", None);
        menu(&style, actions, fix(|fixed| fixed.style = None), |ui| self.styles(ui));
        let (label, bpm) = match facts.bpm {
            Fact { value: None, .. } => ("tempo", "auto".to_owned()),
            Fact { value: Some(bpm), source: Source::Host, .. } => ("host", format!("{} bpm", Trimmed(bpm))),
            Fact { value: Some(bpm), .. } => ("", format!("{} bpm", Trimmed(bpm))),
        };
        let plays = facts.bpm.plays.map(|bpm| format!("{} bpm", Trimmed(bpm)));
        let tempo = fact_chip(ui, label, &bpm, facts.bpm.source, "tempo", plays);
        menu(&tempo, actions, fix(|fixed| fixed.bpm = None), |ui| self.tempo(ui));
        let key = shown(ui, "key", facts.key, |key| key.to_string());
        menu(&key, actions, fix(|fixed| fixed.key = None), |ui| self.keys(ui));
        let meter = shown(ui, "meter", facts.meter, |meter| meter.to_string());
        menu(&meter, actions, fix(|fixed| fixed.meter = None), |ui| self.meters(ui));
        let source = if self.bars > 0 && facts.bars.source != Source::Kept {
            Source::Fixed
        } else {
            facts.bars.source
        };
        let bars = facts.bars.value.unwrap_or(0);
        let plays = facts.bars.plays.map(bars_in_words);
        let length = fact_chip(ui, "", &bars_in_words(bars), source, "length", plays);
        menu(&length, actions, Action::Bars(0), |ui| self.lengths(ui));
        let mut line = facts.chords.value.as_ref().map_or("auto".to_owned(), |chords| chord_line(chords));
        if line.chars().count() > CHORD_ROOM {
            let cut = line.char_indices().nth(CHORD_ROOM).map_or(line.len(), |(at, _)| at);
            let cut = line[..cut].rfind(' ').unwrap_or(cut);
            line.truncate(cut);
            line.push_str(" …");
        }
        let label = if facts.chords.value.is_none() { "chords" } else { "" };
        let plays = facts.chords.plays.as_ref().map(|chords| chord_line(chords));
        let chords = fact_chip(ui, label, &line, facts.chords.source, "chords", plays);
        menu(&chords, actions, fix(|fixed| fixed.chords = None), |ui| self.progressions(ui));
    }

    fn with(&self, change: impl FnOnce(&mut Overrides)) -> Option<Action> {
        let mut fixed = self.fixed.clone();
        change(&mut fixed);
        Some(Action::Fix(Box::new(fixed)))
    }

    fn styles(&self, ui: &mut Ui) -> Option<Action> {
        let mut asked = None;
        egui::Grid::new("styles").spacing(vec2(6.0, 6.0)).show(ui, |ui| {
            for style in Style::ALL {
                if cell(ui, style.title(), 104.0, self.facts.style.value == Some(style)) {
                    asked = self.with(|fixed| fixed.style = Some(style));
                }
                if style.index() % 3 == 2 {
                    ui.end_row();
                }
            }
        });
        asked
    }

    fn tempo(&self, ui: &mut Ui) -> Option<Action> {
        let mut asked = None;
        if self.facts.bpm.source == Source::Host {
            ui.label("New takes follow the host's tempo.");
            return ui.button("Choose another").clicked().then_some(Action::FollowHost(false));
        }
        let mut bpm = self.facts.bpm.value.unwrap_or(120.0);
        ui.horizontal(|ui| {
            let drag =
                egui::DragValue::new(&mut bpm).range(BPM_RANGE).speed(0.25).max_decimals(2).suffix(" bpm");
            let response = ui.add(drag);
            control::name_number(&response, true, bpm, "Tempo in bpm");
            if response.changed() {
                asked = self.with(|fixed| fixed.bpm = Some(bpm));
            }
        });
        ui.horizontal(|ui| {
            for usual in [90.0, 100.0, 120.0, 128.0, 140.0, 174.0] {
                if cell(ui, &Trimmed(usual).to_string(), 42.0, self.facts.bpm.value == Some(usual)) {
                    asked = self.with(|fixed| fixed.bpm = Some(usual));
                }
            }
        });
        asked
    }

    fn keys(&self, ui: &mut Ui) -> Option<Action> {
        let mut asked = None;
        let here = self.facts.key.value.unwrap_or(Key { tonic: 9, mode: Mode::Minor });
        let dim = palette(ui).dim;
        let known = self.facts.key.value.is_some();
        egui::Grid::new("tonics").spacing(vec2(6.0, 6.0)).show(ui, |ui| {
            for tonic in 0..12_u8 {
                let key = Key { tonic, ..here };
                let name = key.to_string();
                let name = name.split(' ').next().unwrap_or_default();
                if cell(ui, name, 46.0, known && key == here) {
                    asked = self.with(|fixed| fixed.key = Some(key));
                }
                if tonic % 6 == 5 {
                    ui.end_row();
                }
            }
        });
        ui.label(RichText::new("mode").color(dim));
        egui::Grid::new("modes").spacing(vec2(6.0, 6.0)).show(ui, |ui| {
            for (index, mode) in Mode::ALL.into_iter().enumerate() {
                if cell(ui, mode.name(), 72.0, known && mode == here.mode) {
                    asked = self.with(|fixed| fixed.key = Some(Key { mode, ..here }));
                }
                if index % 4 == 3 {
                    ui.end_row();
                }
            }
        });
        asked
    }

    fn meters(&self, ui: &mut Ui) -> Option<Action> {
        let mut asked = None;
        ui.horizontal(|ui| {
            for (numerator, denominator) in [(4, 4), (3, 4), (6, 8), (5, 4), (7, 8)] {
                let Ok(meter) = Meter::new(numerator, denominator) else { continue };
                if cell(ui, &meter.to_string(), 42.0, self.facts.meter.value == Some(meter)) {
                    asked = self.with(|fixed| fixed.meter = Some(meter));
                }
            }
        });
        asked
    }

    fn lengths(&self, ui: &mut Ui) -> Option<Action> {
        let mut asked = None;
        ui.horizontal(|ui| {
            for bars in [1, 2, 4, 8, 16, 32] {
                if cell(ui, &bars.to_string(), 38.0, self.facts.bars.value == Some(bars)) {
                    asked = Some(Action::Bars(bars));
                }
            }
        });
        asked
    }

    fn progressions(&self, ui: &mut Ui) -> Option<Action> {
        let palette = palette(ui);
        let id = ui.scope_id().with("chords");
        let at_hand = self.facts.chords.value.as_ref().map_or_else(String::new, |chords| chord_line(chords));
        let mut text = ui.data_mut(|data| data.get_temp(id)).unwrap_or(at_hand);
        ui.label(RichText::new("Chords, one per bar or evenly spread").color(palette.dim));
        let field = ui.add(control::field(&mut text, "Am F C G").desired_width(280.0));
        field.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Chords"));
        let mut asked = None;
        match read_chords(&text) {
            Ok(chords) if !chords.is_empty() => {
                let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
                if ui.button("Use these chords").clicked() || entered {
                    asked = self.with(|fixed| fixed.chords = Some(chords));
                }
            }
            Ok(_) => {}
            Err(error) => {
                ui.set_max_width(290.0);
                ui.label(RichText::new(error).color(palette.warning));
            }
        }
        ui.data_mut(|data| {
            if asked.is_some() {
                data.remove::<String>(id);
            } else {
                data.insert_temp(id, text);
            }
        });
        asked
    }

    /// Facts that cannot be corrected with a click. What was not met or not understood comes first, and can be clicked for the
    /// reason; what has no room is in a menu.
    fn others(&self, ui: &mut Ui) {
        const MORE: f32 = 52.0;
        let mut pieces: Vec<Piece> = Vec::new();
        if !self.facts.overruled.is_empty() {
            let asked: Vec<&str> = self.facts.overruled.iter().map(|fact| fact.asked.as_str()).collect();
            pieces.push(Piece {
                label: "overruled",
                text: asked.join(", "),
                details: self.facts.overruled.iter().map(|fact| fact.why.clone()).collect(),
            });
        }
        if self.reads {
            pieces.push(Piece { label: "reading", text: "…".to_owned(), details: Vec::new() });
        } else if !self.facts.unknown.is_empty() {
            let unknown = self.facts.unknown.join(", ");
            let details = vec![
                format!("These words change nothing: {unknown}"),
                "Say it in other words, or click a chip to set it".to_owned(),
            ];
            pieces.push(Piece { label: "not understood", text: unknown, details });
        }
        let plain = |text: &String| Piece { label: "", text: text.clone(), details: Vec::new() };
        pieces.extend(self.facts.others.iter().map(plain));
        for (index, piece) in pieces.iter().enumerate() {
            let is_last = index + 1 == pieces.len();
            let room = ui.available_width() - if is_last { 0.0 } else { MORE };
            if piece.width(ui) > room {
                more(ui, &pieces[index..]);
                return;
            }
            piece.show(ui);
        }
    }
}

/// A chip that states something.
struct Piece {
    label: &'static str,
    text: String,
    /// Sentences that a click shows; something is odd if there are any.
    details: Vec<String>,
}

impl Piece {
    fn width(&self, ui: &Ui) -> f32 {
        let of = |text: &str, font: egui::FontId| {
            ui.painter().layout_no_wrap(text.to_owned(), font, egui::Color32::PLACEHOLDER).size().x
        };
        let arrow = if self.details.is_empty() { 0.0 } else { 13.0 };
        of(self.label, theme::plain(12.0)) + of(&self.text, theme::strong(12.5)) + arrow + 26.0
    }

    fn show(&self, ui: &mut Ui) {
        if self.details.is_empty() {
            chip(ui, self.label, &self.text, ChipKind::Plain, false);
            return;
        }
        let response = chip(ui, self.label, &self.text, ChipKind::Odd, true);
        let response = response.on_hover_text(self.details.join("\n"));
        Popup::menu(&response).show(|ui| self.sentences(ui));
    }

    fn sentences(&self, ui: &mut Ui) {
        ui.set_min_width(280.0);
        ui.set_max_width(360.0);
        if self.details.is_empty() {
            ui.label(format!("{} {}", self.label, self.text).trim());
        }
        for sentence in &self.details {
            ui.label(sentence);
        }
    }
}

/// The chip for what has no room, with a menu of it.
fn more(ui: &mut Ui, rest: &[Piece]) {
    let is_odd = rest.iter().any(|piece| !piece.details.is_empty());
    let kind = if is_odd { ChipKind::Odd } else { ChipKind::Plain };
    let response = chip(ui, "", &format!("+{}", rest.len()), kind, true);
    let names: Vec<String> =
        rest.iter().map(|piece| format!("{} {}", piece.label, piece.text).trim().to_owned()).collect();
    let response = response.on_hover_text(names.join("\n"));
    Popup::menu(&response).show(|ui| rest.iter().for_each(|piece| piece.sentences(ui)));
}

fn shown<T>(ui: &mut Ui, name: &str, fact: Fact<T>, text: impl Fn(T) -> String) -> Response {
    let plays = fact.plays.map(&text);
    match fact.value {
        Some(value) => fact_chip(ui, "", &text(value), fact.source, name, plays),
        None => fact_chip(ui, name, "auto", fact.source, name, None),
    }
}

/// A chip of a fact; `plays` is what plays now, if that is something else.
fn fact_chip(
    ui: &mut Ui,
    label: &str,
    value: &str,
    source: Source,
    name: &str,
    plays: Option<String>,
) -> Response {
    let kind = match (source, &plays) {
        (Source::Fixed, _) => ChipKind::Fixed,
        (_, Some(_)) => ChipKind::Next,
        _ => ChipKind::Plain,
    };
    let label = if plays.is_some() && label.is_empty() { "next" } else { label };
    let now = plays.map(|plays| format!(" What plays now: {plays}.")).unwrap_or_default();
    chip(ui, label, value, kind, true)
        .on_hover_text(format!("{name}: {}.{now} Click to change it", source.words()))
}

/// The chip's menu, with an entry to reset it; a double-click on the chip resets it, too.
fn menu(
    chip: &Response,
    actions: &mut Vec<Action>,
    reset: Action,
    content: impl FnOnce(&mut Ui) -> Option<Action>,
) {
    let asked = Popup::menu(chip)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .show(|ui| {
            let mut asked = content(ui);
            ui.separator();
            if ui.button("Leave it to the prompt").clicked() {
                asked = Some(reset.clone());
                ui.close();
            }
            asked
        })
        .and_then(|shown| shown.inner);
    actions.extend(asked);
    if chip.double_clicked() {
        actions.push(reset);
    }
}

fn cell(ui: &mut Ui, text: &str, width: f32, on: bool) -> bool {
    let palette = palette(ui);
    let fill = if on { palette.selection } else { palette.button };
    let button = Button::new(RichText::new(text).font(theme::plain(12.5))).fill(fill);
    ui.add_sized(vec2(width, 24.0), button).clicked()
}
