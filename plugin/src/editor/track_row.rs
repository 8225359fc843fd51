//! One track: its controls, its lane, its takes, and the field that changes it with words.

use egui::{
    Align, Align2, CursorIcon, Id, Key, Layout, PointerButton, Popup, Rect, Response, RichText, Sense,
    Stroke, StrokeKind, TextEdit, Ui,
};
use egui::{UiBuilder, WidgetInfo, pos2, vec2};
use nice_plug::prelude::ParamSetter;
use resonantgen_music::plan::Plan;
use resonantgen_music::track::Track;

use super::action::Action;
use super::candidates::Chooser;
use super::control::{self, Fader, IconButton};
use super::icon::Icon;
use super::lane::{self, Face, Ink, Waveform};
use super::sounds::Browser;
use super::theme::{self, palette};
use super::timeline::Timeline;
use super::view::LaneView;
use super::{dials, row_menu, takes};
use crate::control::export::Parcel;
use crate::control::listening::Listening;
use crate::control::status::Progress;
use crate::params::{InMain, ResonantParams};

/// Width of the controls, in points.
pub const CONTROLS_WIDTH: f32 = 222.0;
/// Height of the line under a lane.
pub const STRIP_HEIGHT: f32 = 24.0;

/// The contents of a row.
pub struct Row<'a> {
    /// The track.
    pub track: Track,
    /// Parameters of all tracks (solo affects the others).
    pub params: &'a ResonantParams,
    /// Sets the parameters.
    pub setter: &'a ParamSetter<'a>,
    /// Its take.
    pub view: &'a LaneView,
    /// The grid.
    pub plan: Option<&'a Plan>,
    /// Progress of the generation.
    pub progress: Progress,
    /// What the track waits for before its own generation starts, in words.
    pub begun: &'a str,
    /// What is shown of the loop.
    pub timeline: &'a Timeline,
    /// Playhead position, as a share of the loop.
    pub playhead: Option<f32>,
    /// Peak amplitude per channel.
    pub peaks: [f32; 2],
    /// Whether a generation is running.
    pub working: bool,
    /// What the lane shows.
    pub face: Face,
    /// The sounds that it can have.
    pub sounds: Browser<'a>,
    /// Why no candidate is heard now, if that is so.
    pub silence: Option<&'static str>,
    /// Number of the candidate that is heard instead of the take.
    pub heard: Option<u32>,
    /// Set to what the user listens to in the row's list of candidates or sounds.
    pub listening: &'a mut Option<Listening>,
    /// Whether files are dragged over this row.
    pub dragged: bool,
    /// Its cached waveform.
    pub waveform: &'a mut Waveform,
    /// The edit typed for it.
    pub edit: &'a mut String,
    /// Collects the user's actions.
    pub actions: &'a mut Vec<Action>,
}

/// Id of a track's lane, which has the keyboard focus when the row is selected.
#[must_use]
pub fn lane_id(track: Track) -> Id {
    Id::unique(("lane", track))
}

/// Id of the field that changes a track with words.
#[must_use]
pub fn edit_id(track: Track) -> Id {
    Id::unique(("edit", track))
}

impl Row<'_> {
    /// Draws the row into `rect`.
    pub fn show(mut self, ui: &mut Ui, rect: Rect) {
        let palette = palette(ui);
        let color = palette.track(self.track);
        ui.painter().rect_filled(rect, theme::ROUNDING, palette.card);
        let edge = Rect::from_min_size(rect.min + vec2(0.0, 8.0), vec2(3.0, rect.height() - 16.0));
        ui.painter().rect_filled(edge, 1.5, color);

        let controls = Rect::from_min_max(
            rect.min + vec2(12.0, 5.0),
            pos2(rect.left() + CONTROLS_WIDTH - 18.0, rect.bottom() - 5.0),
        );
        ui.scope_builder(UiBuilder::new().max_rect(controls).id_salt(("controls", self.track)), |ui| {
            self.controls(ui);
        });
        let meter = Rect::from_min_max(
            pos2(rect.left() + CONTROLS_WIDTH - 12.0, rect.top() + 7.0),
            pos2(rect.left() + CONTROLS_WIDTH - 4.0, rect.bottom() - 7.0),
        );
        control::meter(ui, meter, self.peaks, color);
        self.lane(ui, lane_rect(rect));
    }

    fn lane(&mut self, ui: &mut Ui, rect: Rect) {
        let palette = palette(ui);
        let params = self.params.track(self.track);
        let is_empty = self.view.peaks.is_empty();
        let bottom = if self.plan.is_some() { rect.bottom() - STRIP_HEIGHT } else { rect.bottom() };
        let gutter = self.face.gutter();
        let picture = Rect::from_min_max(pos2(rect.left() + gutter, rect.top()), pos2(rect.right(), bottom));
        let response = ui.interact(picture, lane_id(self.track), Sense::click_and_drag());
        let making = lane::progress_words(self.progress, self.begun);
        let state = making.as_ref().map_or_else(
            || if is_empty { "no take".to_owned() } else { format!("patch {}", self.view.patch) },
            |(words, _)| words.clone(),
        );
        let name = format!("{} lane, {state}", self.track.title());
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, &name));
        if response.clicked() {
            response.request_focus();
        }
        if response.drag_started_by(PointerButton::Primary)
            && let Some(index) = self.view.current
        {
            let bars = self.timeline.selection();
            let parcel = Parcel { takes: vec![(self.track, index)], bars, form: self.face.form() };
            self.actions.push(Action::DragOut(parcel));
        }
        let response =
            if response.dragged() { response.on_hover_cursor(CursorIcon::Grabbing) } else { response };
        let solo = Track::ALL.into_iter().any(|track| self.params.track(track).solo.value());
        let audible = !params.mute.value() && (!solo || params.solo.value());
        let color = if audible { palette.track(self.track) } else { palette.dim };
        let ink = Ink { palette, color };
        ui.painter().rect_filled(rect, theme::SMALL_ROUNDING, palette.well);
        if gutter > 0.0 && !is_empty {
            let names = Rect::from_min_max(rect.min, pos2(picture.left() - 2.0, bottom));
            lane::paint_gutter(&ui.painter().with_clip_rect(names), names, self.view, ink);
        }
        let painter = ui.painter().with_clip_rect(picture);
        lane::paint(&painter, picture, self.timeline, self.view, self.plan, ink, self.face, self.waveform);
        if let Some((bars, plan)) = self.timeline.selection().zip(self.plan) {
            let wide = self.timeline.wide(picture);
            let x = |bar: u32| egui::lerp(wide.left()..=wide.right(), bar as f32 / plan.bars.max(1) as f32);
            let shade = Rect::from_x_y_ranges(x(bars.start)..=x(bars.end), picture.y_range());
            painter.rect_filled(shade, 0.0, palette.focus.gamma_multiply(0.12));
        }
        if is_empty && self.progress == Progress::Idle {
            let hint = self.empty_hint();
            painter.text(picture.center(), Align2::CENTER_CENTER, hint, theme::plain(13.0), palette.dim);
        }
        if let Some(share) = self.playhead.filter(|_| !is_empty) {
            lane::paint_playhead(&painter, self.timeline.wide(picture), share, palette);
        }
        if let Some((words, share)) = &making {
            lane::paint_progress(&painter, picture, words, *share, ink);
        }
        if params.lock.value() {
            let stroke = Stroke::new(1.5, palette.track(self.track));
            ui.painter().rect_stroke(rect, theme::SMALL_ROUNDING, stroke, StrokeKind::Inside);
        }
        if self.dragged {
            self.drop_hint(ui, rect);
        }
        if response.has_focus() {
            let stroke = Stroke::new(2.0, palette.focus);
            ui.painter().rect_stroke(rect.expand(1.0), theme::SMALL_ROUNDING, stroke, StrokeKind::Outside);
        }
        if self.plan.is_some() {
            let strip =
                Rect::from_min_max(pos2(rect.left() + 4.0, picture.bottom()), rect.max - vec2(4.0, 2.0));
            self.strip(ui, strip);
        }
        self.cancel(ui, picture);
        let selection = self.timeline.selection();
        row_menu::attach(&response, self.track, self.params, self.setter, self.view, selection, self.actions);
    }

    /// Says what will happen to files dragged over the lane.
    fn drop_hint(&self, ui: &Ui, rect: Rect) {
        let palette = palette(ui);
        let locked = self.params.track(self.track).lock.value();
        let text = if locked {
            format!("The {} track is locked", self.track)
        } else {
            format!("Drop it here to play it as the {} and lock it", self.track)
        };
        let ink = if locked { palette.warning } else { palette.text };
        ui.painter().rect_filled(rect, theme::SMALL_ROUNDING, palette.well.gamma_multiply(0.85));
        let stroke = Stroke::new(2.0, if locked { palette.warning } else { palette.focus });
        ui.painter().rect_stroke(rect, theme::SMALL_ROUNDING, stroke, StrokeKind::Inside);
        ui.painter().text(rect.center(), Align2::CENTER_CENTER, text, theme::strong(13.5), ink);
    }

    /// Text of an empty lane: what to do, and what will happen.
    fn empty_hint(&self) -> &'static str {
        if self.working {
            return "done; it plays when all tracks are ready";
        }
        if self.plan.is_some() {
            return "Silent: the prompt leaves it out. Its round arrow generates a take anyway";
        }
        match self.track {
            Track::Drums => "Press Generate, or first say above what you want to hear",
            Track::Bass => "The bass will hear the drums, the harmony both, the melody all of them",
            Track::Harmony => "Lock what you like and generate again: the rest is made to fit",
            // Only there does the window library hand on what is dropped.
            Track::Melody if cfg!(target_os = "linux") => {
                "Or start from a loop of yours: drop it on a lane, or right-click the lane"
            }
            Track::Melody => "Or start from a loop of yours: right-click the lane and choose it",
        }
    }

    /// A cancel button, next to the progress.
    fn cancel(&mut self, ui: &mut Ui, picture: Rect) {
        if matches!(self.progress, Progress::Idle | Progress::Importing | Progress::Made) {
            return;
        }
        let place = Rect::from_center_size(picture.right_center() - vec2(18.0, 0.0), vec2(24.0, 24.0));
        ui.scope_builder(UiBuilder::new().max_rect(place).id_salt(("cancel", self.track)), |ui| {
            if IconButton::new(Icon::Close, "Cancel").show(ui).clicked() {
                self.actions.push(Action::Cancel);
            }
        });
    }

    /// The strip under the lane: the edit field and the takes.
    fn strip(&mut self, ui: &mut Ui, strip: Rect) {
        let locked = self.params.track(self.track).lock.value();
        let takes = takes::place(strip, self.view.takes.len());
        let layout = Layout::left_to_right(Align::Center);
        ui.scope_builder(
            UiBuilder::new().max_rect(takes).layout(layout).id_salt(("takes", self.track)),
            |ui| {
                let chooser = Chooser {
                    track: self.track,
                    view: self.view,
                    locked,
                    working: self.working,
                    silence: self.silence,
                    heard: self.heard,
                    listening: self.listening,
                };
                takes::show(ui, chooser, self.face.form(), self.actions);
            },
        );
        let room = Rect::from_min_max(strip.min, pos2(takes.left() - 8.0, strip.bottom()));
        ui.scope_builder(
            UiBuilder::new().max_rect(room).layout(layout).id_salt(("words", self.track)),
            |ui| {
                self.words(ui, locked);
            },
        );
    }

    fn words(&mut self, ui: &mut Ui, locked: bool) {
        let palette = palette(ui);
        let example = match self.track {
            Track::Drums => "harder, fewer hats",
            Track::Bass => "more aggressive, an octave lower",
            Track::Harmony => "warmer, longer chords",
            Track::Melody => "fewer notes, brighter",
        };
        let hint =
            if locked { "Locked".to_owned() } else { format!("Change the {}: {example} …", self.track) };
        let size = vec2(ui.available_width(), 20.0);
        let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
        let id = edit_id(self.track);
        let has_focus = ui.memory(|memory| memory.has_focus(id));
        if has_focus {
            ui.painter().rect_filled(rect, 4.0, palette.card);
        }
        let field = TextEdit::singleline(self.edit)
            .id(id)
            .frame(egui::Frame::NONE)
            .hint_text(RichText::new(hint).font(theme::plain(12.0)).color(palette.dim))
            .font(theme::plain(12.5))
            .align(Align2::LEFT_CENTER)
            .min_size(rect.size() - vec2(12.0, 0.0))
            .char_limit(1_000)
            .interactive(!locked);
        let response = ui.put(rect.shrink2(vec2(6.0, 0.0)), field);
        let name = format!("Change the {} by words", self.track);
        response.widget_info(|| WidgetInfo::labeled(egui::Role::TextInput, !locked, &name));
        if has_focus {
            let stroke = Stroke::new(1.5, palette.focus);
            ui.painter().rect_stroke(rect, 4.0, stroke, StrokeKind::Inside);
        }
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        if entered && !locked && !self.edit.trim().is_empty() {
            self.actions.push(Action::Regenerate(self.track, std::mem::take(self.edit)));
        }
    }

    fn controls(&mut self, ui: &mut Ui) {
        ui.spacing_mut().item_spacing = vec2(5.0, 3.0);
        let height = ui.available_height();
        let roomy = height > 84.0;
        if !roomy {
            ui.spacing_mut().item_spacing.y = 1.0;
        }
        // Centre the controls in tall rows, to keep them together.
        ui.add_space(((height - 67.0) / 2.0).clamp(0.0, 14.0));
        self.name(ui);
        if roomy {
            ui.add_space(2.0);
        }
        self.buttons(ui);
        if roomy {
            ui.add_space(2.0);
        }
        self.strip_controls(ui);
    }

    fn name(&mut self, ui: &mut Ui) {
        let palette = palette(ui);
        let color = palette.track(self.track);
        ui.allocate_ui_with_layout(
            vec2(ui.available_width(), 19.0),
            Layout::left_to_right(Align::Center),
            |ui| {
                ui.label(RichText::new(self.track.title()).font(theme::strong(15.0)).color(color));
                ui.spacing_mut().interact_size.y = 18.0;
                ui.spacing_mut().button_padding = vec2(3.0, 0.0);
                let (right, _) = ui.allocate_exact_size(vec2(0.0, 18.0), Sense::hover());
                let place =
                    Rect::from_min_size(pos2(ui.max_rect().right() - 20.0, right.top()), vec2(20.0, 18.0));
                ui.scope_builder(UiBuilder::new().max_rect(place).id_salt(("dials", self.track)), |ui| {
                    let name = format!("{} dials", self.track.title());
                    let hint = "Dials of what plays: density, complexity, fills, intensity, swing, humanise, brightness; audio or MIDI";
                    let button =
                        IconButton::new(Icon::Dials, &name).hint(hint).size(20.0, 18.0).bare().show(ui);
                    let params = self.params.track(self.track);
                    dials::attach(&button, self.track, params, self.setter, self.actions);
                });
                let room = Rect::from_min_max(
                    pos2(right.left(), place.top()),
                    pos2(place.left() - 4.0, place.bottom()),
                );
                let builder = UiBuilder::new().max_rect(room).layout(*ui.layout());
                ui.scope_builder(builder.id_salt(("sound", self.track)), |ui| self.sound(ui));
            },
        );
    }

    /// The name of its sound, or what is odd about the take.
    fn sound(&mut self, ui: &mut Ui) {
        let palette = palette(ui);
        let color = palette.track(self.track);
        let Some(mark) = self.view.mark() else { return };
        let (patch, ink) = match mark.complaints.first() {
            Some(complaint) => (format!("! {complaint}"), palette.warning),
            None => (self.view.patch.clone(), palette.dim),
        };
        if self.view.is_sound_held {
            let (place, _) = ui.allocate_exact_size(vec2(12.0, 14.0), Sense::hover());
            super::icon::paint(ui.painter(), Icon::Pin, place, color);
        }
        let patch = RichText::new(patch).font(theme::plain(11.5)).color(ink);
        let label = ui.add(egui::Button::new(patch).frame(false).truncate());
        let name = format!("{} sound: {}", self.track.title(), self.view.patch);
        label.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, &name));
        control::focus_ring(ui, &label, label.rect);
        let text = format!(
            "{}. Click for other sounds of the same notes\nSeed {}, made in {:.1} s from\n{}\n{}",
            self.view.patch,
            mark.seed,
            mark.seconds,
            mark.prompt,
            mark.complaints.join("\n")
        );
        let label = label.on_hover_text(text.trim_end());
        self.sounds.attach(&label, self.view, self.listening, self.actions);
    }

    fn buttons(&mut self, ui: &mut Ui) {
        let palette = palette(ui);
        let color = palette.track(self.track);
        let params = self.params.track(self.track);
        let title = self.track.title();
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            let hint = format!("Lock: keep the {}'s take (L)", self.track);
            control::toggle(ui, self.setter, &params.lock, [Icon::Unlocked, Icon::Locked], color, &hint);
            ui.add_enabled_ui(!params.lock.value(), |ui| {
                let name = format!("Regenerate {title}");
                let hint = format!("Make another take of the {} that fits the others (R)", self.track);
                if IconButton::new(Icon::Again, &name).hint(&hint).show(ui).clicked() {
                    let edit = std::mem::take(self.edit);
                    self.actions.push(Action::Regenerate(self.track, edit));
                }
            });
            let mute = [Icon::Letter('M'); 2];
            control::toggle(
                ui,
                self.setter,
                &params.mute,
                mute,
                palette.warning,
                &format!("Mute {title} (M)"),
            );
            let solo = [Icon::Letter('S'); 2];
            control::toggle(ui, self.setter, &params.solo, solo, color, &format!("Solo {title} (S)"));
            ui.add_space(2.0);
            self.in_main(ui);
        });
    }

    fn strip_controls(&self, ui: &mut Ui) {
        let palette = palette(ui);
        let color = palette.track(self.track);
        let params = self.params.track(self.track);
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            Fader::new(&params.level, color, 78.0).show(ui, self.setter);
            let text = RichText::new(params.level.to_string()).font(theme::plain(11.0)).color(palette.dim);
            // As wide as "-48.0 dB".
            let size = vec2(48.0, 18.0);
            ui.add_sized(size, egui::Label::new(text).truncate());
            side(ui, "L");
            Fader::new(&params.pan, color, 38.0).centered().show(ui, self.setter);
            side(ui, "R");
        });
    }

    fn in_main(&self, ui: &mut Ui) -> Response {
        let palette = palette(ui);
        let param = &self.params.track(self.track).in_main;
        const CHOICES: [(InMain, &str, &str); 3] = [
            (InMain::Auto, "auto", "unless the host has connected this track's own output"),
            (InMain::On, "on", "always"),
            (InMain::Off, "off", "never"),
        ];
        let now = param.value();
        let text = match now {
            InMain::Auto => "Main: auto",
            InMain::On => "Main: on",
            InMain::Off => "Main: off",
        };
        let (rect, response) = ui.allocate_exact_size(vec2(78.0, 24.0), Sense::click());
        response.widget_info(|| {
            WidgetInfo::labeled(egui::Role::Button, ui.is_enabled(), format!("{} {text}", self.track.title()))
        });
        let fill = if response.hovered() { palette.button_hover } else { palette.card };
        let stroke = Stroke::new(1.0, palette.line);
        ui.painter().rect(rect, theme::SMALL_ROUNDING, fill, stroke, StrokeKind::Inside);
        let place = rect.left_center() + vec2(6.0, 0.0);
        ui.painter().text(place, Align2::LEFT_CENTER, text, theme::plain(11.5), palette.dim);
        let arrow = Rect::from_center_size(rect.right_center() - vec2(8.0, 0.0), vec2(8.0, 8.0));
        super::icon::paint(ui.painter(), Icon::Down, arrow, palette.dim);
        control::focus_ring(ui, &response, rect);
        let response = response.on_hover_text("Whether this track sounds in the Main output");
        Popup::menu(&response).show(|ui| {
            ui.set_min_width(300.0);
            for (value, name, words) in CHOICES {
                if ui.selectable_label(value == now, format!("{name}: {words}")).clicked() {
                    control::set(self.setter, param, value);
                    ui.close();
                }
            }
        });
        response
    }
}

/// A letter beside the pan fader.
fn side(ui: &mut Ui, letter: &str) {
    let text = RichText::new(letter).font(theme::plain(10.0)).color(palette(ui).dim);
    ui.add_sized(vec2(7.0, 18.0), egui::Label::new(text));
}

/// Area of the lane within a row.
#[must_use]
pub fn lane_rect(row: Rect) -> Rect {
    Rect::from_min_max(pos2(row.left() + CONTROLS_WIDTH, row.top() + 5.0), row.max - vec2(7.0, 5.0))
}
