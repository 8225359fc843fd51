//! The chords that are played into the plugin: what is heard, a button that puts them under the loop, and one that has the loop follow
//! them.

use std::sync::atomic::Ordering;

use egui::{Align2, Button, Popup, Rect, RichText, Ui, WidgetInfo, pos2, vec2};
use nice_plug::prelude::{EnumParam, ParamSetter};
use resonantgen_music::plan::{Chord, Plan};

use super::App;
use super::action::Action;
use super::control;
use super::theme::{self, palette};
use crate::params::FollowMoment;

/// Size of the button, in points.
const BUTTON: [f32; 2] = [62.0, 18.0];
/// Size of the button beside the chords, in points.
const FOLLOW: [f32; 2] = [66.0, 18.0];

impl App {
    /// Shows the chord of the keys that are down and, once chords were played while the host ran, a button that captures them. `rect` is
    /// the space left of the ruler.
    pub(super) fn played_chords(&self, ui: &mut Ui, rect: Rect, plan: &Plan, actions: &mut Vec<Action>) {
        let (sounding, has_notes) = {
            let mut played = self.control.played.lock();
            played.collect();
            (played.sounding(plan.key.uses_flats()), played.has_notes())
        };
        let palette = palette(ui);
        if let Some(chord) = sounding {
            let place = pos2(rect.left() + 12.0, rect.top());
            let text = format!("you play {chord}");
            ui.painter().text(place, Align2::LEFT_TOP, text, theme::strong(11.0), palette.focus);
        }
        if !has_notes {
            return;
        }
        let place = pos2(rect.left() + 76.0, rect.bottom() - 2.0 - BUTTON[1]);
        let text = RichText::new("Capture").font(theme::strong(11.0));
        let button = ui.put(Rect::from_min_size(place, vec2(BUTTON[0], BUTTON[1])), Button::new(text));
        button.widget_info(|| {
            WidgetInfo::labeled(egui::Role::Button, true, "Capture the chords that you played")
        });
        let hint = "Put the chords that you have just played under the loop: bass, harmony and melody move to them, their rhythm stays";
        if button.on_hover_text(hint).clicked() {
            actions.push(Action::CaptureChords);
        }
    }

    /// The chords that the loop follows, for each of its half bars; empty while it follows none.
    pub(super) fn followed_chords(&self) -> Vec<Option<Chord>> {
        let run = self.control.audio.follow_run.load(Ordering::Relaxed);
        let snapshot = self.control.snapshot();
        let part = snapshot.followed.last().filter(|part| part.run == run);
        part.map_or(Vec::new(), |part| part.chords.clone())
    }
}

/// The name of the chords' line, which opens the choice whether the loop follows what is played. `rect` is the space left of the ruler.
pub fn follow_button(ui: &mut Ui, rect: Rect, setter: &ParamSetter<'_>, param: &EnumParam<FollowMoment>) {
    const MOMENTS: [(FollowMoment, &str); 3] = [
        (FollowMoment::Off, "Do not follow played chords"),
        (FollowMoment::NextBar, "Follow: a chord sounds in the next bar"),
        (FollowMoment::InTwoBars, "Follow: a chord sounds two bars later"),
    ];
    let palette = palette(ui);
    let now = param.value();
    let (name, ink) =
        if now == FollowMoment::Off { ("chords", palette.dim) } else { ("follow", palette.focus) };
    let place = rect.right_bottom() - vec2(6.0 + FOLLOW[0], 2.0 + FOLLOW[1]);
    let text = RichText::new(name).font(theme::plain(11.0)).color(ink);
    let button = Button::new((text, egui::Atom::grow()));
    let response = ui.put(Rect::from_min_size(place, vec2(FOLLOW[0], FOLLOW[1])), button);
    let arrow = Rect::from_center_size(response.rect.right_center() - vec2(9.0, 0.0), vec2(8.0, 8.0));
    super::icon::paint(ui.painter(), super::icon::Icon::Down, arrow, palette.dim);
    let label = format!("Follow played chords: {param}");
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, &label));
    let hint = "Have the loop follow the chords that you play, or that a clip on this track plays. Bass, harmony and melody move to \
                them and keep their rhythm; the takes stay as they are";
    let response = response.on_hover_text(hint);
    Popup::menu(&response).show(|ui| {
        ui.set_min_width(230.0);
        for (moment, words) in MOMENTS {
            if ui.selectable_label(moment == now, words).clicked() {
                control::set(setter, param, moment);
                ui.close();
            }
        }
    });
}
