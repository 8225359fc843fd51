//! The editor: composes what `editor/*` draws. It repaints when something has changed, and never by itself at rest.

mod control;
mod lane;
mod panel;
mod theme;
mod track_row;
mod view;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use egui::{Rect, Ui, pos2, vec2};
use nice_plug::context::gui::GuiContext;
use nice_plug::editor::dpi::LogicalSize;
use nice_plug::prelude::ResizeHint;
pub use nice_plug_egui::RepaintNotifier;
use nice_plug_egui::baseview::{HandlerError, WindowSize};
use nice_plug_egui::{EguiEditor, EguiEditorState, EguiNiceSettings, Frame, NiceEguiApp, create_egui_editor};
use resonantgen_engine::track::Track;

use crate::job::{Job, Target, Trigger};
use crate::params::ResonantParams;
use crate::shared::{DEFAULT_EDITOR_SIZE, Progress, Shared};
use track_row::Row;
use view::{SessionView, Understood};

/// The editor's type.
pub type Editor = EguiEditor<App>;

/// Smallest size that stays readable, in logical pixels.
const MIN_SIZE: [u32; 2] = [720, 520];
/// How often the playhead is drawn.
const PLAYHEAD_INTERVAL: Duration = Duration::from_millis(33);

/// The editor's state while the plugin lives.
pub struct App {
    params: Arc<ResonantParams>,
    shared: Arc<Shared>,
    gui: Option<GuiContext>,
    /// The session's picture and the revision it was made of.
    picture: Option<(u64, SessionView)>,
    /// What is typed, and what it is understood as with the facts that matter for that.
    prompt: String,
    understood: Option<(UnderstoodFrom, Understood)>,
    /// The state's epoch and the slot that `prompt` was read from.
    prompt_epoch: Option<(u64, usize)>,
}

/// What the understanding of a prompt depends on.
#[derive(Clone, Debug, PartialEq)]
struct UnderstoodFrom {
    prompt: String,
    bpm: Option<f64>,
    bars: Option<u32>,
    locked: [bool; resonantgen_engine::track::TRACK_COUNT],
    revision: u64,
}

/// Makes the editor; `None` when it cannot be shown here.
#[must_use]
pub fn create(params: &Arc<ResonantParams>, shared: &Arc<Shared>) -> Option<Editor> {
    let [width, height] = DEFAULT_EDITOR_SIZE;
    let state = EguiEditorState::from_size(LogicalSize::new(f64::from(width), f64::from(height)), 1.0);
    let [min_width, min_height] = MIN_SIZE;
    let resize_hint = ResizeHint {
        can_resize: true,
        can_resize_horizontally: true,
        can_resize_vertically: true,
        size_constraints: nice_plug::editor::SizeConstraints::Logical {
            min_size: Some(LogicalSize::new(min_width as f32, min_height as f32)),
            max_size: None,
        },
        ..ResizeHint::NON_RESIZABLE
    };
    let settings = EguiNiceSettings::new().with_tile("ResonantGen").with_resize_hint(resize_hint);
    let app = App {
        params: Arc::clone(params),
        shared: Arc::clone(shared),
        gui: None,
        picture: None,
        prompt: String::new(),
        understood: None,
        prompt_epoch: None,
    };
    create_egui_editor(state, shared.repaint.clone(), settings, app)
}

impl App {
    /// Reads what has changed since the last time.
    fn refresh(&mut self) {
        let revision = self.shared.revision();
        if self.picture.as_ref().is_none_or(|(drawn, _)| *drawn != revision) {
            self.picture = Some((revision, SessionView::of(&self.shared.session())));
        }
        let epoch = self.shared.epoch();
        if self.prompt_epoch != Some((epoch, self.params.slot())) {
            self.prompt = self.shared.prompts.get(self.params.slot());
            self.prompt_epoch = Some((epoch, self.params.slot()));
        }
        let trigger = self.trigger(Target::All);
        let from = UnderstoodFrom {
            prompt: self.prompt.clone(),
            bpm: trigger.bpm,
            bars: trigger.bars,
            locked: trigger.locked,
            revision,
        };
        if self.understood.as_ref().is_none_or(|(of, _)| *of != from) {
            let mut session = self.shared.session();
            for track in Track::ALL {
                session.track_mut(track).locked = from.locked[track.index()];
            }
            let understood = Understood::of(&from.prompt, from.bpm, from.bars, &session);
            self.understood = Some((from, understood));
        }
    }

    fn trigger(&self, target: Target) -> Trigger {
        let host_bpm = Some(self.shared.host_bpm.load()).filter(|bpm| *bpm > 0.0);
        Trigger::read(&self.params, target, host_bpm, None)
    }

    fn ask(&self, target: Target) {
        self.shared.prompts.set(self.params.slot(), self.prompt.clone());
        self.shared.ask(Job::from(self.trigger(target)));
    }

    fn rows(&self, ui: &mut Ui, rect: Rect) {
        let Some(gui) = &self.gui else { return };
        let setter = gui.param_setter();
        let Some((_, picture)) = &self.picture else { return };
        const RULER_HEIGHT: f32 = 30.0;
        let ruler =
            track_row::lane_rect(Rect::from_min_size(rect.min, vec2(rect.width(), RULER_HEIGHT + 12.0)));
        if let Some(plan) = &picture.plan {
            let ruler =
                Rect::from_min_size(pos2(ruler.left(), rect.top()), vec2(ruler.width(), RULER_HEIGHT));
            lane::paint_ruler(&ui.painter().with_clip_rect(ruler), ruler, plan);
        }
        let playhead =
            picture.plan.as_ref().filter(|_| self.shared.playing.load(Ordering::Relaxed)).map(|plan| {
                let turns = self.shared.playhead_beat.load() / plan.quarters();
                (turns - turns.floor()) as f32
            });
        let rows = Rect::from_min_max(rect.min + vec2(0.0, RULER_HEIGHT + 4.0), rect.max);
        let height = (rows.height() - 3.0 * theme::GAP * 0.6) / 4.0;
        for track in Track::ALL {
            let top = rows.top() + track.index() as f32 * (height + theme::GAP * 0.6);
            let hint = if picture.plan.is_none() && track == Track::Drums {
                "Type what you want to hear and press Generate"
            } else {
                ""
            };
            let row = Row {
                track,
                params: &self.params,
                setter: &setter,
                view: &picture.lanes[track.index()],
                plan: picture.plan.as_ref(),
                progress: self.shared.progress[track.index()].load(),
                playhead,
                hint,
            };
            if row.show(ui, Rect::from_min_size(pos2(rows.left(), top), vec2(rows.width(), height))) {
                self.ask(Target::One(track));
            }
        }
    }
}

impl NiceEguiApp for App {
    fn build(
        &mut self,
        context: egui::Context,
        gui: GuiContext,
        _frame: &mut Frame,
    ) -> Result<(), HandlerError> {
        theme::apply(&context);
        self.gui = Some(gui);
        self.prompt_epoch = None;
        let size = self.shared.editor_size.load();
        if size != DEFAULT_EDITOR_SIZE {
            let size = vec2(size[0].max(MIN_SIZE[0]) as f32, size[1].max(MIN_SIZE[1]) as f32);
            context.send_viewport_cmd(egui::ViewportCommand::InnerSize(size));
        }
        Ok(())
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut Frame) {
        self.refresh();
        let area = ui.max_rect();
        ui.painter().rect_filled(area, 0.0, theme::BACKGROUND);
        let area = area.shrink(theme::GAP + 2.0);

        let top = self.head(ui, area);
        let bottom = Rect::from_min_max(pos2(area.left(), area.bottom() - panel::FOOT_HEIGHT), area.max);
        self.foot(ui, bottom);
        let middle = Rect::from_min_max(pos2(area.left(), top + 8.0), pos2(area.right(), bottom.top() - 8.0));
        self.rows(ui, middle);

        if self.shared.playing.load(Ordering::Relaxed)
            && self.picture.as_ref().is_some_and(|(_, view)| view.plan.is_some())
        {
            ui.ctx().request_repaint_after(PLAYHEAD_INTERVAL);
        }
    }

    fn resized(&mut self, size: WindowSize) {
        self.shared.editor_size.store([size.logical.width as u32, size.logical.height as u32]);
    }

    fn editor_closed(&mut self) {
        self.gui = None;
    }
}

impl App {
    fn is_working(&self) -> bool {
        self.shared.unfinished.load(Ordering::Relaxed) > 0
            || self.shared.progress.iter().any(|progress| progress.load() != Progress::Idle)
    }
}
