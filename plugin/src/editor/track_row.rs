//! One track: its controls on the left, its lane on the right.

use egui::{Align2, Rect, Sense, Stroke, Ui, UiBuilder, pos2, vec2};
use nice_plug::prelude::{Param, ParamSetter};
use resonantgen_engine::plan::Plan;
use resonantgen_engine::track::Track;

use super::control::{self, Icon};
use super::view::LaneView;
use super::{lane, theme};
use crate::params::{InMain, ResonantParams};
use crate::shared::Progress;

/// Width of the controls, in points.
pub const CONTROLS_WIDTH: f32 = 218.0;

/// All that a row shows.
pub struct Row<'a> {
    /// Which track.
    pub track: Track,
    /// Parameters of all tracks (solo concerns the others).
    pub params: &'a ResonantParams,
    /// To change them.
    pub setter: &'a ParamSetter<'a>,
    /// Its take.
    pub view: &'a LaneView,
    /// The grid.
    pub plan: Option<&'a Plan>,
    /// What is being made.
    pub progress: Progress,
    /// Where the playhead is, as a share of the loop.
    pub playhead: Option<f32>,
    /// What to say in an empty lane.
    pub hint: &'a str,
}

impl Row<'_> {
    /// Draws the row into `rect`; returns whether a new take is asked for.
    pub fn show(&self, ui: &mut Ui, rect: Rect) -> bool {
        let color = theme::track_color(self.track);
        ui.painter().rect_filled(rect, theme::ROUNDING, theme::CARD);
        let edge = Rect::from_min_size(rect.min + vec2(0.0, 8.0), vec2(3.0, rect.height() - 16.0));
        ui.painter().rect_filled(edge, 1.5, color);

        let controls = Rect::from_min_max(
            rect.min + vec2(14.0, 6.0),
            pos2(rect.left() + CONTROLS_WIDTH - 10.0, rect.bottom() - 6.0),
        );
        let mut asked = false;
        ui.scope_builder(UiBuilder::new().max_rect(controls).id_salt(self.track), |ui| {
            asked = self.controls(ui);
        });

        let lane_rect = lane_rect(rect);
        let params = self.params.track(self.track);
        let solo = Track::ALL.into_iter().any(|track| self.params.track(track).solo.value());
        let audible = !params.mute.value() && (!solo || params.solo.value());
        let painter = ui.painter().with_clip_rect(lane_rect);
        lane::paint(&painter, lane_rect, self.view, self.plan, color, audible);
        if self.view.peaks.is_empty() && self.progress == Progress::Idle && !self.hint.is_empty() {
            let center = lane_rect.center();
            painter.text(center, Align2::CENTER_CENTER, self.hint, theme::plain(13.0), theme::DIM);
        }
        if let Some(share) = self.playhead.filter(|_| !self.view.peaks.is_empty()) {
            lane::paint_playhead(&painter, lane_rect, share);
        }
        lane::paint_progress(&painter, lane_rect, self.progress, color);
        if params.lock.value() {
            let stroke = Stroke::new(1.5, color.gamma_multiply(0.8));
            ui.painter().rect_stroke(lane_rect, theme::SMALL_ROUNDING, stroke, egui::StrokeKind::Inside);
        }
        asked
    }

    fn controls(&self, ui: &mut Ui) -> bool {
        let color = theme::track_color(self.track);
        let params = self.params.track(self.track);
        let mut asked = false;
        ui.horizontal(|ui| {
            let name = egui::RichText::new(self.track.title()).font(theme::strong(15.0)).color(color);
            ui.label(name);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let patch = egui::RichText::new(&self.view.patch).font(theme::plain(11.5)).color(theme::DIM);
                let seed = format!("Patch {}, seed {}", self.view.patch, self.view.seed);
                let label = ui.add(egui::Label::new(patch).truncate());
                if !self.view.patch.is_empty() {
                    label.on_hover_text(seed);
                }
            });
        });
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            control::toggle(ui, self.setter, &params.lock, [Icon::Unlocked, Icon::Locked], color);
            ui.add_enabled_ui(!params.lock.value(), |ui| {
                let name = format!("Regenerate {}", self.track);
                asked = control::icon_button(ui, Icon::Again, false, color, &name).clicked();
            });
            control::toggle(ui, self.setter, &params.mute, [Icon::Letter('M'); 2], theme::WARNING);
            control::toggle(ui, self.setter, &params.solo, [Icon::Letter('S'); 2], color);
            self.in_main(ui);
        });
        if ui.available_height() >= 18.0 {
            ui.horizontal(|ui| {
                control::fader(ui, self.setter, &params.level, color, 128.0);
                let level =
                    egui::RichText::new(params.level.to_string()).font(theme::plain(11.0)).color(theme::DIM);
                ui.label(level);
            });
        }
        asked
    }

    fn in_main(&self, ui: &mut Ui) {
        let param = &self.params.track(self.track).in_main;
        let (text, next) = match param.value() {
            InMain::Auto => ("Main: auto", InMain::On),
            InMain::On => ("Main: on", InMain::Off),
            InMain::Off => ("Main: off", InMain::Auto),
        };
        let (rect, response) = ui.allocate_exact_size(vec2(64.0, 26.0), Sense::click());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, ui.is_enabled(), param.name()));
        let fill = if response.hovered() { theme::BUTTON } else { theme::CARD };
        ui.painter().rect(
            rect,
            theme::SMALL_ROUNDING,
            fill,
            Stroke::new(1.0, theme::LINE),
            egui::StrokeKind::Inside,
        );
        ui.painter().text(rect.center(), Align2::CENTER_CENTER, text, theme::plain(11.0), theme::DIM);
        let clicked = response
            .on_hover_text(
                "Whether this track sounds in the Main output. Auto: unless the host is known to have connected its own \
                 output.",
            )
            .clicked();
        if clicked {
            control::set(self.setter, param, next);
        }
    }
}

/// Where the lane lies within a row.
#[must_use]
pub fn lane_rect(row: Rect) -> Rect {
    Rect::from_min_max(pos2(row.left() + CONTROLS_WIDTH, row.top() + 6.0), row.max - vec2(8.0, 6.0))
}
