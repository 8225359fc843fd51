//! The scores that were written for a take: a list in which each is heard in time before one is taken.

use egui::{
    Align2, Id, Popup, PopupCloseBehavior, Rect, RichText, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2,
    vec2,
};
use resonantgen_music::track::Track;

use super::action::Action;
use super::control::{self, IconButton};
use super::icon::{self, Icon};
use super::pointed::Pointed;
use super::theme::{self, palette};
use super::view::{CandidateView, LaneView};
use crate::control::listening::Listening;

/// Number of scores that are written to choose from.
pub const COUNT: u32 = 8;
/// Size of a line of the list, in points.
const LINE: egui::Vec2 = vec2(330.0, 30.0);

/// The list of one track.
pub struct Chooser<'a> {
    /// The track.
    pub track: Track,
    /// Its take, and what that was chosen from.
    pub view: &'a LaneView,
    /// Whether the track is locked.
    pub locked: bool,
    /// Whether something is being generated.
    pub working: bool,
    /// Why no candidate is heard now, if that is so.
    pub silence: Option<&'static str>,
    /// Number of the candidate that is heard instead of the take.
    pub heard: Option<u32>,
    /// Set to what the user listens to while the list is open.
    pub listening: &'a mut Option<Listening>,
}

/// Id of a track's open list.
pub fn list_id(track: Track) -> Id {
    Id::unique(("candidates", track))
}

/// What the button that asks for scores says.
pub fn offer() -> String {
    format!("Write {COUNT} and choose …")
}

impl Chooser<'_> {
    /// The button that opens the list; a dot says that there is something to choose.
    pub fn button(self, ui: &mut Ui, height: f32, actions: &mut Vec<Action>) {
        let title = self.track.title();
        let name = format!("{title}: candidates");
        let hint = match self.view.candidates.len() {
            0 => format!("Write {COUNT} scores, hear each in time, and take one (Shift+R)"),
            count => format!("Hear the {count} scores that were written for this take, and take one"),
        };
        let button = IconButton::new(Icon::List, &name).hint(&hint).size(22.0, height).bare().show(ui);
        if !self.view.candidates.is_empty() {
            let place = button.rect.right_top() + vec2(-3.5, 4.5);
            ui.painter().circle_filled(place, 2.2, palette(ui).track(self.track));
        }
        Popup::menu(&button)
            .id(list_id(self.track))
            .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
            .show(|ui| self.list(ui, actions));
    }

    fn list(self, ui: &mut Ui, actions: &mut Vec<Action>) {
        ui.set_min_width(LINE.x);
        ui.set_max_width(LINE.x);
        let palette = palette(ui);
        let candidates = &self.view.candidates;
        let dim = |text: &str| RichText::new(text).font(theme::plain(12.0)).color(palette.dim);
        ui.label(RichText::new(format!("{} candidates", self.track.title())).font(theme::strong(13.0)));
        if candidates.is_empty() {
            let text = format!(
                "{COUNT} scores are written for a take, and the best is played. The others can be heard here."
            );
            ui.label(dim(&text));
        } else {
            let how = "Best first, as the critic ranks them. Point to hear, click to take.";
            ui.label(dim(self.silence.unwrap_or(how)));
        }
        let id = list_id(self.track).with("at");
        let mut at: Pointed<u32> = ui.data_mut(|data| data.get_temp(id)).unwrap_or_default();
        let taken = self.lines(ui, &mut at);
        *self.listening = Some(Listening::candidates(self.track, at.entry));
        ui.data_mut(|data| data.insert_temp(id, at));
        if let Some(number) = taken {
            if candidates.iter().any(|known| known.number == number && !known.is_playing) {
                actions.push(Action::TakeCandidate(self.track, number));
            }
            ui.data_mut(|data| data.insert_temp(id, Pointed::<u32>::default()));
            ui.close();
        }
        ui.add_space(2.0);
        let words = match (self.working, candidates.is_empty()) {
            (true, _) => "Writing …".to_owned(),
            (false, true) => offer(),
            (false, false) => format!("Write {COUNT} others"),
        };
        let button = control::filled_button(ui, &words);
        let enabled = !self.locked && !self.working;
        let response = ui.horizontal(|ui| ui.add_enabled(enabled, button)).inner;
        let why = if self.locked { "The track is locked: unlock it first" } else { "Wait until it is done" };
        if response.on_disabled_hover_text(why).clicked() {
            actions.push(Action::Choose(self.track, String::new()));
        }
    }

    /// The candidates; returns the number of the one that is taken.
    fn lines(&self, ui: &mut Ui, at: &mut Pointed<u32>) -> Option<u32> {
        let candidates = &self.view.candidates;
        let numbers: Vec<u32> = candidates.iter().map(|known| known.number).collect();
        let mut taken = at.keys(ui, &numbers, None).taken;
        let mut hovered = None;
        for (index, candidate) in candidates.iter().enumerate() {
            let (rect, response) = ui.allocate_exact_size(LINE, Sense::click());
            let is_at = at.entry == Some(candidate.number);
            let name = format!("{} candidate {}", self.track.title(), index + 1);
            response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, is_at, &name));
            if response.hovered() {
                hovered = Some(candidate.number);
            }
            if response.gained_focus() {
                at.reach(candidate.number);
            }
            if response.clicked() {
                taken = Some(candidate.number);
            }
            self.line(ui, rect, (index + 1, candidate), is_at);
            control::focus_ring(ui, &response, rect);
        }
        at.follow_pointer(ui, hovered);
        taken
    }

    /// One line: rank, notes, and whether it is heard or plays.
    fn line(&self, ui: &Ui, rect: Rect, (rank, candidate): (usize, &CandidateView), is_at: bool) {
        let palette = palette(ui);
        let color = palette.track(self.track);
        let painter = ui.painter();
        if is_at {
            painter.rect_filled(rect, theme::SMALL_ROUNDING, palette.button_hover);
        }
        let middle = rect.center().y;
        let font = theme::strong(12.5);
        painter.text(pos2(rect.left() + 14.0, middle), Align2::CENTER_CENTER, rank, font, palette.text);
        let picture = Rect::from_min_max(
            pos2(rect.left() + 30.0, rect.top() + 3.0),
            pos2(rect.right() - 94.0, rect.bottom() - 3.0),
        );
        painter.rect(picture, 3.0, palette.well, Stroke::new(1.0, palette.line), StrokeKind::Inside);
        let roll = picture.shrink2(vec2(3.0, 3.0));
        let thick = (roll.height() * candidate.row_height).clamp(1.5, 4.0);
        for note in &candidate.notes {
            let x = |share: f32| egui::lerp(roll.left()..=roll.right(), share.clamp(0.0, 1.0));
            let y = egui::lerp(
                roll.bottom() - thick / 2.0..=roll.top() + thick / 2.0,
                note.height.clamp(0.0, 1.0),
            );
            let bar = Rect::from_min_max(
                pos2(x(note.start), y - thick / 2.0),
                pos2((x(note.end) - 0.5).max(x(note.start) + 1.5), y + thick / 2.0),
            );
            painter.rect_filled(bar, 0.5, color.gamma_multiply(0.6 + 0.4 * note.velocity));
        }
        let count = match candidate.notes.len() {
            1 => "1 note".to_owned(),
            count => format!("{count} notes"),
        };
        let place = pos2(picture.right() + 8.0, middle);
        painter.text(place, Align2::LEFT_CENTER, count, theme::plain(11.5), palette.dim);
        let mark = Rect::from_center_size(pos2(rect.right() - 13.0, middle), vec2(12.0, 12.0));
        if self.heard == Some(candidate.number) {
            icon::paint(painter, Icon::Play, mark, color);
        } else if candidate.is_playing {
            painter.circle_filled(mark.center(), 3.6, color);
        }
    }
}
