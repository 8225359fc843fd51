//! The song strip above the lanes: the sections in the order in which they are played, and the whole song at a glance.

use egui::{
    Align, Align2, Color32, CursorIcon, Id, Key, Layout, Rect, Response, RichText, Sense, Stroke, StrokeKind,
    Ui, UiBuilder, WidgetInfo, pos2, vec2,
};
use nice_plug::prelude::ParamSetter;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_session::{SectionId, Session};
use resonantgen_words::form::{MOST_REPEATS, SectionKind};

use super::action::Action;
use super::control;
use super::row_menu::item;
use super::theme::{self, palette};
use crate::params::{ResonantParams, SONG_START_MAX};

/// Height of the strip, in points.
pub const HEIGHT: f32 = 34.0;
/// Width of a section's block at least, in points.
const LEAST_WIDTH: f32 = 20.0;
/// Gap between two blocks.
const GAP: f32 = 2.0;
/// Height of the line of a track that plays in a section.
const TRACK_LINE: f32 = 2.0;
/// How much of a section's colour its block has.
const TINT: f32 = 0.34;

/// One entry of the song's order, or a section that the order leaves out.
#[derive(Clone, Debug, PartialEq)]
pub struct PartView {
    /// The section.
    pub section: SectionId,
    /// The number by which automation and notes choose it.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// Its colour.
    pub colour: [u8; 3],
    /// Its energy, in `0.0..=1.0`.
    pub energy: f32,
    /// Length of one pass in bars.
    pub bars: u32,
    /// How often it is played in a row; 0 where the order leaves it out.
    pub repeats: u32,
    /// Whether it is open.
    pub is_open: bool,
    /// Which tracks play in it (index as [`Track::ALL`]).
    pub plays: [bool; TRACK_COUNT],
    /// Its start and length in the song, in quarter notes.
    pub start_quarter: f64,
    /// See `start_quarter`.
    pub quarters: f64,
}

impl PartView {
    fn holds(&self, quarter: f64) -> bool {
        (self.start_quarter..self.start_quarter + self.quarters).contains(&quarter)
    }
}

/// The song as the strip draws it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SongView {
    /// The order, then the sections that it leaves out.
    pub parts: Vec<PartView>,
    /// Length of the song in bars and seconds.
    pub bars: u32,
    /// See `bars`.
    pub seconds: f64,
    /// Whether it is more than one loop.
    pub is_song: bool,
}

impl SongView {
    /// The view of a session's song.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        let view = |id: SectionId, repeats: u32, start_quarter: f64| {
            let section = session.section(id)?;
            Some(PartView {
                section: id,
                number: section.number,
                name: section.name.to_owned(),
                colour: section.colour,
                energy: section.energy,
                bars: section.bars(),
                repeats,
                is_open: section.is_open,
                plays: Track::ALL.map(|track| section.take(track).is_some()),
                start_quarter,
                quarters: section.plan.map_or(0.0, |plan| plan.quarters()) * f64::from(repeats),
            })
        };
        let mut parts: Vec<PartView> = Vec::new();
        let mut quarter = 0.0;
        for part in session.order() {
            let Some(part) = view(part.section, part.repeats, quarter) else { continue };
            quarter += part.quarters;
            parts.push(part);
        }
        let placements = session.placements();
        let seconds = placements.iter().filter_map(|placement| session.section(placement.section)?.plan);
        let seconds = seconds.map(resonantgen_music::plan::Plan::seconds).sum();
        let is_left_out = |id: &SectionId| session.order().iter().all(|part| part.section != *id);
        let left_out = session.sections().map(|section| section.id).filter(is_left_out);
        let left_out: Vec<PartView> = left_out.filter_map(|id| view(id, 0, quarter)).collect();
        parts.extend(left_out);
        Self { parts, bars: session.song_bars(), seconds, is_song: session.is_song() }
    }

    /// What is played at a place in the song, in quarter notes.
    #[must_use]
    pub fn at(&self, quarter: f64) -> Option<&PartView> {
        self.parts.iter().find(|part| part.holds(quarter))
    }
}

/// What was typed into the strip.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// The form of a song to make.
    pub form: String,
    /// The name that a section shall have.
    pub name: Option<(SectionId, String)>,
}

/// What the strip shows.
pub struct Strip<'a> {
    /// The song.
    pub view: &'a SongView,
    /// The plugin's parameters.
    pub params: &'a ResonantParams,
    /// Sets them.
    pub setter: &'a ParamSetter<'a>,
    /// Whether something is being generated.
    pub working: bool,
    /// Where in the song the timeline is, if the whole song plays.
    pub song_quarter: Option<f64>,
    /// Number of the section that plays; `None` for the open one.
    pub playing: Option<u32>,
    /// What was typed.
    pub typed: &'a mut Typed,
    /// Collects the user's actions.
    pub actions: &'a mut Vec<Action>,
}

impl Strip<'_> {
    /// Draws it: `label` is the area left of the lanes, `rect` the one above them.
    pub fn show(mut self, ui: &mut Ui, label: Rect, rect: Rect) {
        if !self.view.is_song {
            self.invitation(ui, rect);
            return;
        }
        let layout = Layout::left_to_right(Align::Center);
        ui.scope_builder(UiBuilder::new().max_rect(label).layout(layout).id_salt("song mode"), |ui| {
            self.song_mode(ui);
        });
        self.blocks(ui, rect);
    }

    /// The button that makes a song, and a field for its form.
    fn invitation(&mut self, ui: &mut Ui, rect: Rect) {
        let layout = Layout::left_to_right(Align::Center);
        ui.scope_builder(UiBuilder::new().max_rect(rect).layout(layout).id_salt("make a song"), |ui| {
            let button = ui.add_enabled(!self.working, control::filled_button(ui, "Make a song of it"));
            let hint = "An intro, verses, drops and so on, made from this loop, which stays as it is";
            let is_clicked = button.on_hover_text(hint).clicked();
            let width = ui.available_width().min(420.0);
            let field = control::field(
                &mut self.typed.form,
                "in the form of its genre, or like: intro 8, verse 16, chorus 8",
            );
            let field = ui.add_enabled(!self.working, field.desired_width(width - 20.0));
            field.widget_info(|| {
                WidgetInfo::labeled(egui::Role::TextInput, !self.working, "Form of the song")
            });
            let is_entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            if is_clicked || is_entered {
                self.actions.push(Action::MakeSong(self.typed.form.clone()));
            }
        });
    }

    /// Whether the host's timeline plays the whole song, and from which bar on.
    fn song_mode(&self, ui: &mut Ui) {
        let (mode, start) = (&self.params.song_mode, &self.params.song_start);
        ui.spacing_mut().item_spacing.x = 5.0;
        let mut on = mode.value();
        let text = RichText::new("Play the song from bar").font(theme::plain(11.5));
        let response = control::check(ui, &mut on, text);
        if response.on_hover_text("The host's timeline plays the whole song, from this bar on").changed() {
            control::set(self.setter, mode, on);
        }
        let mut bar = start.value();
        let drag = egui::DragValue::new(&mut bar).range(1..=SONG_START_MAX).speed(0.1);
        let response = ui.add_enabled(on, drag);
        control::name_number(&response, on, f64::from(bar), "Bar at which the song starts");
        if response.changed() {
            control::set(self.setter, start, bar);
        }
    }

    fn blocks(&mut self, ui: &mut Ui, rect: Rect) {
        let palette = palette(ui);
        let widths = widths(self.view, rect.width());
        let mut left = rect.left();
        let mut places = Vec::new();
        for width in &widths {
            places.push(Rect::from_min_size(pos2(left, rect.top()), vec2(width - GAP, rect.height())));
            left += width;
        }
        let mut dragged = None;
        // Keys are those of the block that had the focus before one of them moved it.
        let focused = (0..places.len()).find(|index| ui.memory(|memory| memory.has_focus(block_id(*index))));
        for (index, place) in places.iter().enumerate() {
            let response = self.block(ui, index, *place);
            if focused == Some(index) {
                let part = self.view.parts[index].clone();
                self.keys(ui, &response, index, &part);
            }
            let is_played = self.view.parts[index].repeats > 0;
            if is_played && (response.dragged() || response.drag_stopped()) {
                dragged = Some((index, response));
            }
        }
        if let Some((index, response)) = dragged {
            self.reorder(ui, index, &response, &places);
        }
        if let Some(x) = self.playhead(&places) {
            ui.painter().vline(x, rect.expand2(vec2(0.0, 2.0)).y_range(), Stroke::new(1.5, palette.text));
        }
    }

    /// Where the timeline is in the song.
    fn playhead(&self, places: &[Rect]) -> Option<f32> {
        let quarter = self.song_quarter?;
        let (part, place) = self.view.parts.iter().zip(places).find(|(part, _)| part.holds(quarter))?;
        let share = ((quarter - part.start_quarter) / part.quarters) as f32;
        Some(egui::lerp(place.left()..=place.right(), share))
    }

    fn is_playing(&self, part: &PartView) -> bool {
        match (self.song_quarter, self.playing) {
            (Some(quarter), _) => part.holds(quarter),
            (None, Some(number)) => part.number == number,
            (None, None) => part.is_open,
        }
    }

    fn block(&mut self, ui: &mut Ui, index: usize, place: Rect) -> Response {
        let palette = palette(ui);
        let part = self.view.parts[index].clone();
        let response = ui.interact(place, block_id(index), Sense::click_and_drag());
        let enabled = ui.is_enabled();
        let name = self.spoken(&part);
        response.widget_info(|| WidgetInfo::selected(egui::Role::Button, enabled, part.is_open, &name));
        if response.clicked() {
            response.request_focus();
            self.open(&part);
        }
        let colour = Color32::from_rgb(part.colour[0], part.colour[1], part.colour[2]);
        let fill = mixed(palette.well, colour, if part.repeats == 0 { 0.1 } else { TINT });
        let painter = ui.painter().with_clip_rect(place);
        painter.rect_filled(place, theme::SMALL_ROUNDING, fill);
        // The louder the section, the higher its edge.
        let energy = Rect::from_min_max(
            pos2(place.left(), egui::lerp(place.bottom()..=place.top(), part.energy)),
            pos2(place.left() + 3.0, place.bottom()),
        );
        painter.rect_filled(energy, 1.0, colour);
        let ink = if part.repeats == 0 { palette.dim } else { palette.text };
        let text = painter.layout_no_wrap(part.name.clone(), theme::strong(11.5), ink);
        painter.galley(place.min + vec2(7.0, 3.0), text.clone(), ink);
        let bars = match part.repeats {
            0 => "not played".to_owned(),
            1 => part.bars.to_string(),
            repeats => format!("{}×{repeats}", part.bars),
        };
        if place.width() > text.size().x + 34.0 {
            let at = place.right_top() + vec2(-5.0, 4.0);
            painter.text(at, Align2::RIGHT_TOP, bars, theme::plain(10.5), palette.dim);
        }
        for (row, track) in Track::ALL.into_iter().filter(|track| part.plays[track.index()]).enumerate() {
            let y = place.bottom() - 4.0 - row as f32 * (TRACK_LINE + 1.0);
            let line =
                Rect::from_min_max(pos2(place.left() + 6.0, y - TRACK_LINE), pos2(place.right() - 4.0, y));
            painter.rect_filled(line, 0.0, palette.track(track).gamma_multiply(0.8));
        }
        if self.is_playing(&part) {
            let line = Rect::from_min_max(pos2(place.left(), place.bottom() - 2.0), place.max);
            painter.rect_filled(line, 0.0, palette.text);
        }
        if part.is_open {
            let edge = Stroke::new(1.5, palette.focus);
            painter.rect_stroke(place, theme::SMALL_ROUNDING, edge, StrokeKind::Inside);
        }
        control::focus_ring(ui, &response, place);
        response.context_menu(|ui| self.menu(ui, index, &part));
        response.on_hover_text(format!(
            "{name}\nClick to open it, drag to move it. Keys: arrows with Shift move it, D copies, F2 renames, Del deletes"
        ))
    }

    /// A section in words.
    fn spoken(&self, part: &PartView) -> String {
        let plays: Vec<&str> =
            Track::ALL.into_iter().filter(|track| part.plays[track.index()]).map(Track::name).collect();
        let times = match part.repeats {
            0 => "not played".to_owned(),
            1 => format!("{} bars", part.bars),
            repeats => format!("{} bars, {repeats} times", part.bars),
        };
        format!("Section {}: {}, {times}, {}", part.number, part.name, plays.join(", "))
    }

    /// Opens a section, and plays it if one is chosen by number.
    fn open(&mut self, part: &PartView) {
        if !part.is_open {
            self.actions.push(Action::OpenSection(part.section));
        }
        let section = &self.params.section;
        if section.value() != 0 && section.value() != part.number as i32 {
            control::set(self.setter, section, part.number as i32);
        }
    }

    fn keys(&mut self, ui: &Ui, response: &Response, index: usize, part: &PartView) {
        let (steps, deletes) = control::pressed_arrows(ui, response);
        let played = self.view.parts.iter().filter(|part| part.repeats > 0).count();
        if steps != 0 {
            let shift = ui.input(|input| input.modifiers.shift);
            let last = if shift { played } else { self.view.parts.len() }.saturating_sub(1);
            let to = index.saturating_add_signed(steps as isize).min(last);
            if shift && part.repeats > 0 && to != index && !self.working {
                self.actions.push(Action::MovePart(index, to));
            }
            ui.memory_mut(|memory| memory.request_focus(block_id(to)));
        }
        if !response.has_focus() || self.working {
            return;
        }
        if deletes {
            self.actions.push(Action::DeleteSection(part.section));
        }
        if ui.input(|input| input.key_pressed(Key::D) && input.modifiers.is_none()) {
            self.actions.push(Action::CopySection(part.section));
        }
        if ui.input(|input| input.key_pressed(Key::F2)) {
            self.typed.name = Some((part.section, part.name.clone()));
            egui::Popup::open_id(ui.ctx(), egui::Popup::default_response_id(response));
        }
    }

    /// Moves a block that is dragged to where it is dropped.
    fn reorder(&mut self, ui: &Ui, index: usize, response: &Response, places: &[Rect]) {
        let palette = palette(ui);
        let Some(pointer) = response.interact_pointer_pos() else { return };
        let played = self.view.parts.iter().filter(|part| part.repeats > 0).count();
        let places = &places[..played];
        let after = places.iter().filter(|place| place.center().x < pointer.x).count();
        // What is taken out closes its gap.
        let to = (if after > index { after - 1 } else { after }).min(played.saturating_sub(1));
        ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
        let edge = |index: usize| {
            places.get(index).map_or_else(
                || places.last().map_or(0.0, |last| last.right() + GAP / 2.0),
                |place| place.left() - GAP / 2.0,
            )
        };
        if let Some(place) = places.first().filter(|_| to != index) {
            ui.painter().vline(edge(after), place.y_range(), Stroke::new(3.0, palette.focus));
        }
        if response.drag_stopped() && to != index && !self.working {
            self.actions.push(Action::MovePart(index, to));
        }
    }

    fn menu(&mut self, ui: &mut Ui, index: usize, part: &PartView) {
        ui.set_min_width(190.0);
        ui.label(RichText::new(&part.name).font(theme::strong(13.0)));
        let free = !self.working;
        self.name_field(ui, part);
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 3.0;
            for kind in SectionKind::ALL {
                let [red, green, blue] = kind.colour();
                let swatch = egui::Button::new("")
                    .fill(Color32::from_rgb(red, green, blue))
                    .min_size(vec2(15.0, 15.0));
                let response = ui.add_enabled(free, swatch);
                response.widget_info(|| {
                    WidgetInfo::labeled(egui::Role::Button, free, format!("Colour of {}", kind.title()))
                });
                if response.clicked() {
                    self.actions.push(Action::ColourSection(part.section, kind.colour()));
                    ui.close();
                }
            }
        });
        let mut offer = |ui: &mut Ui, enabled: bool, text: &str, action: Action| {
            if item(ui, enabled, text) {
                self.actions.push(action);
            }
        };
        if part.repeats > 0 {
            offer(
                ui,
                free && part.repeats < MOST_REPEATS,
                "Play it once more",
                Action::RepeatPart(index, part.repeats + 1),
            );
            let fewer = if part.repeats == 1 { "Leave it out here" } else { "Play it once less" };
            offer(ui, free, fewer, Action::RepeatPart(index, part.repeats - 1));
        } else {
            offer(ui, free, "Play it at the end", Action::AppendPart(part.section));
        }
        offer(ui, free, "Copy", Action::CopySection(part.section));
        offer(ui, free, "Make it again", Action::RegenerateSection(part.section));
        offer(ui, free, "Delete", Action::DeleteSection(part.section));
        ui.separator();
        offer(ui, free, "Make the song again", Action::MakeSong(String::new()));
    }

    /// The name, to be changed.
    fn name_field(&mut self, ui: &mut Ui, part: &PartView) {
        let is_others = self.typed.name.as_ref().is_none_or(|(section, _)| *section != part.section);
        if is_others {
            self.typed.name = Some((part.section, part.name.clone()));
        }
        let Some((_, name)) = &mut self.typed.name else { return };
        let field = ui.add_enabled(!self.working, control::field(name, "name").desired_width(170.0));
        field
            .widget_info(|| WidgetInfo::labeled(egui::Role::TextInput, !self.working, "Name of the section"));
        if field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
            self.actions.push(Action::RenameSection(part.section, name.clone()));
            self.typed.name = None;
            ui.close();
        }
    }
}

/// Id of a block of the strip.
fn block_id(index: usize) -> Id {
    Id::unique(("section", index))
}

/// Widths of the blocks with their gaps: by their bars, and none below the least.
fn widths(view: &SongView, room: f32) -> Vec<f32> {
    let bars = |part: &PartView| part.bars as f32 * part.repeats as f32;
    let least = LEAST_WIDTH.min(room / view.parts.len().max(1) as f32);
    let all: f32 = view.parts.iter().map(bars).sum::<f32>().max(1.0);
    let wished: Vec<f32> = view.parts.iter().map(|part| (room * bars(part) / all).max(least)).collect();
    // What the small ones take, the others give.
    let above: f32 = wished.iter().map(|width| width - least).sum::<f32>().max(f32::MIN_POSITIVE);
    let free = (room - least * wished.len() as f32).max(0.0);
    wished.iter().map(|width| least + (width - least) * (free / above).min(1.0)).collect()
}

/// A colour with a share of another.
fn mixed(base: Color32, colour: Color32, share: f32) -> Color32 {
    let mix = |base: u8, colour: u8| egui::lerp(f32::from(base)..=f32::from(colour), share).round() as u8;
    Color32::from_rgb(mix(base.r(), colour.r()), mix(base.g(), colour.g()), mix(base.b(), colour.b()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(bars: u32, repeats: u32) -> PartView {
        PartView {
            section: SectionId(1),
            number: 1,
            name: "Verse".to_owned(),
            colour: [0; 3],
            energy: 0.5,
            bars,
            repeats,
            is_open: false,
            plays: [true; TRACK_COUNT],
            start_quarter: 0.0,
            quarters: 0.0,
        }
    }

    #[test]
    fn blocks_fill_the_strip_and_none_is_too_small_to_click() {
        for parts in
            [vec![part(8, 1)], vec![part(64, 1), part(1, 1), part(8, 2), part(4, 0)], vec![part(4, 1); 64]]
        {
            let count = parts.len();
            let view = SongView { parts, is_song: true, ..SongView::default() };
            let widths = widths(&view, 700.0);
            let sum: f32 = widths.iter().sum();
            assert!((sum - 700.0).abs() < 0.5, "{count} blocks: {sum}");
            let least = widths.iter().copied().fold(f32::INFINITY, f32::min);
            assert!(least >= LEAST_WIDTH.min(700.0 / count as f32) - 0.01, "{count} blocks: {least}");
        }
    }
}
