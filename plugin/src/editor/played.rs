//! The chords that are played into the plugin: what is heard, and a button that puts them under the loop.

use egui::{Align2, Button, Rect, RichText, Ui, WidgetInfo, pos2, vec2};
use resonantgen_music::plan::Plan;

use super::App;
use super::action::Action;
use super::theme::{self, palette};

/// Size of the button, in points.
const BUTTON: [f32; 2] = [62.0, 18.0];

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
}
