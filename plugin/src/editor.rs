//! The editor: composes the parts in `editor/*`. It repaints when something has changed, and never by itself at rest.
//!
//! Data flows one way: the panel reads a view of the session ([`view`]) and the facts behind the prompt ([`facts`]),
//! draws, and collects the user's input as [`action`]s, which are performed after drawing.

mod accessible;
mod action;
mod browse;
mod candidates;
mod chips;
mod control;
#[cfg(target_os = "linux")]
mod dead_key;
mod dials;
mod drag;
mod drag_out;
mod facts;
#[cfg(target_os = "linux")]
mod first_drawing;
mod foot;
mod head;
mod host_keys;
mod icon;
mod import;
mod keys;
mod lane;
mod look;
mod notice;
mod played;
mod pointed;
mod presets;
mod row_menu;
mod ruler;
mod server;
mod sidechain;
mod song_strip;
mod sounds;
mod takes;
mod theme;
mod timeline;
mod track_row;
mod understanding;
mod view;
#[cfg(target_os = "linux")]
mod xdnd;

#[cfg(test)]
pub(crate) mod tests;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use egui::{Id, Rect, Ui, pos2, vec2};
use nice_plug::context::gui::GuiContext;
use nice_plug::editor::dpi::LogicalSize;
use nice_plug::prelude::ResizeHint;
pub use nice_plug_egui::RepaintNotifier;
use nice_plug_egui::baseview::{HandlerError, WindowSize};
use nice_plug_egui::{
    EguiEditor, EguiEditorState, EguiNiceSettings, Frame, GraphicsConfig, NiceEguiApp, create_egui_editor,
};
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_take::TakeId;

use accessible::Accessible;
use action::{Action, Harmony};
use drag::Drag;
use drag_out::SourceWindow;
use facts::{Constraints, Facts};
use import::Importing;
use lane::{Face, Waveform};
use look::Look;
use presets::PresetMenu;
use server::ServerField;
use sidechain::RecordDialog;
use timeline::Timeline;
use track_row::Row;
use understanding::Understanding;
use view::{LaneView, SessionView};

use crate::control::export::{Exported, Parcel};
use crate::control::job::{Job, Target, Trigger};
use crate::control::location;
use crate::control::status::{AtomicProgress, Progress};
use crate::control::{Control, DEFAULT_EDITOR_SIZE};
use crate::params::ResonantParams;
use crate::preset;

/// The editor's type.
pub type Editor = EguiEditor<App>;

/// Smallest size that stays readable, in logical pixels.
const MIN_SIZE: [u32; 2] = [720, 540];
/// Interval between drawings of the playhead.
const PLAYHEAD_INTERVAL: Duration = Duration::from_millis(33);
/// How fast meters fall, as a factor per drawing.
const METER_FALL: f32 = 0.82;
/// How long a new window is redrawn repeatedly: a window manager may take it over after the first drawing, without any
/// notification.
const SETTLING: Duration = Duration::from_secs(4);
/// Interval between these drawings.
const SETTLING_INTERVAL: Duration = Duration::from_millis(250);

/// The editor's state, for the lifetime of the plugin.
pub struct App {
    params: Arc<ResonantParams>,
    control: Arc<Control>,
    gui: Option<GuiContext>,
    /// The view of the session, and what it was made from.
    picture: Option<(PictureFrom, Arc<SessionView>)>,
    /// The typed prompt, how it is understood, and what that depends on.
    prompt: String,
    facts: Option<(FactsFrom, Facts)>,
    /// The state's epoch and the slot that `prompt` was read from.
    prompt_from: Option<(u64, usize)>,
    /// What was typed into the song strip.
    typed: song_strip::Typed,
    /// The edits typed for each track.
    edits: [String; TRACK_COUNT],
    /// What the lanes show.
    face: Face,
    /// What the lanes show of the loop.
    timeline: Timeline,
    /// Cached waveforms of the lanes, for the open window.
    waveforms: [Waveform; TRACK_COUNT],
    look: Look,
    /// The sounds that tracks can have.
    shelf: sounds::Shelf,
    /// Whether the list of keys is open.
    helps: bool,
    /// When Esc was pressed last, by egui's clock in seconds.
    escaped_at: f64,
    /// The open import dialog, if any.
    importing: Option<Importing>,
    /// The open dialog that records the sidechain, if any.
    recording: Option<RecordDialog>,
    /// Folder of the user's presets; `None` if the system has no such folder.
    preset_folder: Option<PathBuf>,
    /// The open menu of presets.
    open_presets: Option<PresetMenu>,
    /// Which machine generates.
    server: ServerField,
    /// What the sentence model makes of prompts whose words are not enough.
    understanding: Understanding,
    /// Files that are dragged over the window.
    drag: Drag,
    #[cfg(target_os = "linux")]
    drag_target: Option<drag::Target>,
    #[cfg(target_os = "linux")]
    dead_key: dead_key::DeadKey,
    /// Whether the window has been drawn.
    #[cfg(target_os = "linux")]
    is_drawn: Arc<AtomicBool>,
    /// The open window, as files are dragged out of it.
    window: Option<SourceWindow>,
    /// How assistive programs see the window.
    accessible: Accessible,
    /// Whether files are being dragged out.
    is_dragging: Arc<AtomicBool>,
    /// A text for the clipboard, once it is there.
    to_copy: Arc<Mutex<Option<String>>>,
    /// The last export, until it is dismissed.
    exported: Arc<Mutex<Option<Exported>>>,
    /// Whether the parameters follow the locks and chords of the session's next change.
    follows_session: bool,
    /// The chord changes since the plugin was loaded, each before and after.
    chord_changes: Vec<[Harmony; 2]>,
    meters: [[f32; 2]; TRACK_COUNT],
    opened: Instant,
}

/// What a view of the session depends on: its revision, and the takes that are finished before the others.
type PictureFrom = (u64, [Option<TakeId>; TRACK_COUNT]);

/// What the facts depend on.
#[derive(Clone, Debug, PartialEq)]
struct FactsFrom {
    prompt: String,
    constraints: Constraints,
    locked: [bool; TRACK_COUNT],
    revision: u64,
    understood: u64,
}

/// Time until the playhead's next tick. The window library keeps a timer for each delayed repaint request: requests for
/// the same moment become one drawing, while requests relative to now would pile up side by side for ever.
fn until_tick(elapsed: Duration) -> Duration {
    let since = elapsed.as_micros() % PLAYHEAD_INTERVAL.as_micros();
    PLAYHEAD_INTERVAL - Duration::from_micros(since as u64)
}

/// Ctrl and the wheel zoom the timeline around the pointer; Shift and the wheel, or a sideways one, move along it.
fn move_timeline(ui: &Ui, seen: Rect, timeline: &mut Timeline) {
    let Some(pointer) = ui.ctx().pointer_hover_pos().filter(|pointer| seen.contains(*pointer)) else {
        return;
    };
    let (zoom, scroll) = ui.input(|input| (input.zoom_delta(), input.smooth_scroll_delta().x));
    let wide = timeline.wide(seen);
    if zoom != 1.0 {
        timeline.zoom(zoom, (pointer.x - wide.left()) / wide.width());
    }
    if scroll != 0.0 {
        timeline.pan(-scroll / seen.width());
    }
}

/// Id of the prompt field.
fn prompt_id() -> Id {
    Id::unique("prompt")
}

/// Creates the editor; `None` if it cannot be shown on this system.
#[must_use]
pub fn create(params: &Arc<ResonantParams>, control: &Arc<Control>) -> Option<Editor> {
    let [width, height] = control.editor_size.load();
    let [min_width, min_height] = MIN_SIZE;
    let (width, height) = (width.max(min_width), height.max(min_height));
    let state = EguiEditorState::from_size(LogicalSize::new(f64::from(width), f64::from(height)), 1.0);
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
    // Flat colours need no dithering, and software rendering pays for it on each pixel.
    let graphics = GraphicsConfig { dithering: false, ..GraphicsConfig::default() };
    let settings = EguiNiceSettings::new()
        .with_tile("ResonantGen")
        .with_resize_hint(resize_hint)
        .with_graphics_config(graphics);
    let understanding = Understanding::of_engine(control.repaint.clone());
    let app = App::new(Arc::clone(params), Arc::clone(control), Look::load(), understanding);
    create_egui_editor(state, control.repaint.clone(), settings, app)
}

impl App {
    fn new(
        params: Arc<ResonantParams>,
        control: Arc<Control>,
        look: Look,
        understanding: Understanding,
    ) -> Self {
        Self {
            params,
            control,
            gui: None,
            picture: None,
            prompt: String::new(),
            facts: None,
            prompt_from: None,
            typed: song_strip::Typed::default(),
            edits: Default::default(),
            face: Face::default(),
            timeline: Timeline::default(),
            waveforms: Default::default(),
            look,
            shelf: sounds::Shelf::default(),
            helps: false,
            escaped_at: f64::NEG_INFINITY,
            importing: None,
            accessible: Accessible::default(),
            recording: None,
            preset_folder: preset::folder(),
            open_presets: None,
            server: ServerField::default(),
            understanding,
            drag: Drag::default(),
            #[cfg(target_os = "linux")]
            drag_target: None,
            #[cfg(target_os = "linux")]
            dead_key: dead_key::DeadKey::default(),
            #[cfg(target_os = "linux")]
            is_drawn: Arc::default(),
            window: None,
            is_dragging: Arc::default(),
            to_copy: Arc::default(),
            exported: Arc::default(),
            follows_session: false,
            chord_changes: Vec::new(),
            meters: Default::default(),
            opened: Instant::now(),
        }
    }

    /// Prepares a newly created window.
    fn open(&mut self, context: &egui::Context, gui: GuiContext) {
        theme::apply(context);
        theme::choose(context, self.look.light);
        context.options_mut(|options| options.zoom_with_keyboard = false);
        self.gui = Some(gui);
        self.waveforms = Default::default();
        self.prompt_from = None;
        self.opened = Instant::now();
    }

    /// Reads what has changed since the last drawing.
    fn refresh(&mut self) {
        let locks_changed = self.gui.is_some() && self.control.locks_changed.swap(false, Ordering::AcqRel);
        let snapshot = self.control.snapshot();
        if locks_changed {
            self.take_locks(Track::ALL.map(|track| snapshot.session.track(track).locked));
        }
        let (revision, early) = (snapshot.revision, &snapshot.early);
        let note_dials = self.params.note_dials();
        // What plays in the takes' place is shown in their place.
        let shown = Track::ALL.map(|track| {
            let playing = snapshot.playing(track)?;
            let shown = snapshot.varied(playing, &note_dials);
            let is_other = early[track.index()].is_some() || !Arc::ptr_eq(shown, playing);
            is_other.then(|| Arc::clone(shown))
        });
        let from = (revision, shown.each_ref().map(|take| take.as_ref().map(|take| take.id.clone())));
        if self.picture.as_ref().is_none_or(|(drawn, _)| *drawn != from) {
            let is_new = self.picture.as_ref().is_none_or(|(drawn, _)| drawn.0 != revision);
            let mut session = snapshot.session.clone();
            if is_new && std::mem::take(&mut self.follows_session) {
                self.take_locks(Track::ALL.map(|track| session.track(track).locked));
                if let Some(plan) = &session.plan {
                    self.take_chords(&plan.chords);
                }
            }
            // Finished stems are shown, and heard, while the rest is being generated.
            for (take, early) in shown.iter().zip(early) {
                let Some(take) = take.clone() else { continue };
                let plan = take.recipe.plan.clone();
                let state = session.track_mut(take.recipe.track);
                match state.current.and_then(|index| state.history.get_mut(index)) {
                    Some(playing) if early.is_none() => *playing = take,
                    _ => {
                        state.add(take);
                        session.plan = Some(plan);
                    }
                }
            }
            let before = self.picture.as_ref().map(|(_, view)| view.as_ref());
            self.picture = Some((from, Arc::new(SessionView::of(&session, before))));
        }
        let from = (self.control.epoch(), self.params.slot());
        if self.prompt_from != Some(from) {
            self.prompt = self.control.prompts.get(from.1);
            self.prompt_from = Some(from);
        }
        let mut overrides = self.control.overrides();
        let trigger = self.trigger(Target::All);
        overrides.bars = trigger.bars.or(overrides.bars);
        let from = FactsFrom {
            prompt: self.prompt.clone(),
            constraints: Constraints { overrides, host_bpm: trigger.bpm },
            locked: trigger.locked,
            revision,
            understood: self.understanding.revision(),
        };
        if self.facts.as_ref().is_none_or(|(of, _)| *of != from) {
            let mut session = snapshot.session.clone();
            for track in Track::ALL {
                session.track_mut(track).locked = from.locked[track.index()];
            }
            let facts = Facts::of(&from.prompt, &from.constraints, &session, Some(&self.understanding));
            self.facts = Some((from, facts));
        }
    }

    /// The playing takes of some tracks as files: WAV, or MIDI while the notes are shown; only the selected bars, if any are.
    fn parcel(&self, tracks: impl IntoIterator<Item = Track>) -> Option<Parcel> {
        let (_, view) = self.picture.as_ref()?;
        let playing = |track: Track| Some((track, view.lanes[track.index()].current?));
        let takes: Vec<(Track, usize)> = tracks.into_iter().filter_map(playing).collect();
        let form = self.face.form();
        (!takes.is_empty()).then(|| Parcel { takes, bars: self.timeline.selection(), form })
    }

    fn trigger(&self, target: Target) -> Trigger {
        let host_bpm = self.control.audio.host_bpm();
        Trigger::read(&self.params, target, host_bpm, None)
    }

    /// Asks for takes, each the best of so many scores.
    fn ask(&self, target: Target, edit: String, candidates: u32) {
        if target == Target::All {
            self.control.prompts.set(self.params.slot(), self.prompt.clone());
        }
        let trigger = self.trigger(target);
        self.control.request(Job::Make { trigger, edit, candidates });
    }

    fn is_working(&self) -> bool {
        self.control.awaited() > 0
    }

    /// What a track waits for before its own generation starts, in words.
    fn begun(&self, progress: &[Progress; TRACK_COUNT]) -> String {
        let made = Track::ALL.into_iter().find(|track| matches!(progress[track.index()], Progress::In(..)));
        match (made, self.server.in_use()) {
            // Each track hears those before it.
            (Some(track), _) => format!("waits to hear the {track}"),
            (None, Some((address, None))) => format!("asking {address}"),
            (None, _) => "loading the models".to_owned(),
        }
    }

    fn keep_look(&self) {
        self.look.save();
    }

    /// Draws everything, then performs the collected actions.
    fn show(&mut self, ui: &mut Ui) {
        self.refresh();
        let Some((_, view)) = &self.picture else { return };
        let view = Arc::clone(view);
        let window = ui.ctx().content_rect().size() * ui.ctx().zoom_factor();
        let zoom = self.look.zoom_in(window.into());
        if (ui.ctx().zoom_factor() - zoom).abs() > 1e-3 {
            ui.ctx().set_zoom_factor(zoom);
            ui.ctx().request_repaint();
        }
        let mut actions = Vec::new();
        let to_copy = self.to_copy.lock().unwrap_or_else(PoisonError::into_inner).take();
        actions.extend(to_copy.map(Action::Copy));
        self.keys(ui.ctx(), &mut actions);

        let area = ui.max_rect().shrink2(vec2(theme::GAP + 2.0, theme::GAP));
        let mut top = area.top();
        let mut line = |height: f32, gap: f32| {
            let rect = Rect::from_min_size(pos2(area.left(), top), vec2(area.width(), height));
            top += height + gap;
            rect
        };
        let title = line(head::TITLE_HEIGHT, 6.0);
        let prompt = line(head::PROMPT_HEIGHT, 6.0);
        let chip_line = line(chips::HEIGHT, 6.0);
        let foot = Rect::from_min_max(pos2(area.left(), area.bottom() - foot::HEIGHT), area.max);
        let middle = Rect::from_min_max(pos2(area.left(), top), pos2(area.right(), foot.top() - 6.0));
        self.title(ui, title, &view, &mut actions);
        self.prompt_line(ui, prompt, &view, &mut actions);
        self.chip_line(ui, chip_line, &mut actions);
        self.rows(ui, middle, &view, &mut actions);
        self.foot(ui, foot, &view, &mut actions);
        // Above the melody's edit field and takes, over its picture.
        let strip = if view.plan.is_some() { track_row::STRIP_HEIGHT + 5.0 } else { 0.0 };
        let lanes = Rect::from_min_max(
            pos2(track_row::lane_rect(middle).left(), middle.top()),
            middle.max - vec2(0.0, strip),
        );
        self.notices(ui, lanes, &mut actions);
        self.help(ui.ctx());
        self.import_dialog(ui.ctx(), &mut actions);
        self.record_dialog(ui.ctx());
        let context = ui.ctx().clone();
        for action in actions {
            self.perform(&context, action);
            context.request_repaint();
        }
        self.ask_for_repaints(&context, view.plan.is_some());
    }

    fn chip_line(&self, ui: &mut Ui, rect: Rect, actions: &mut Vec<Action>) {
        let Some((_, facts)) = &self.facts else { return };
        let chips = chips::Chips {
            prompt: &self.prompt,
            facts,
            fixed: &self.control.overrides(),
            bars: foot::asked_bars(&self.params.bars),
            reads: self.understanding.is_busy(),
        };
        chips.show(ui, rect, actions);
    }

    fn rows(&mut self, ui: &mut Ui, rect: Rect, view: &SessionView, actions: &mut Vec<Action>) {
        const GAP: f32 = 5.0;
        let Some(gui) = &self.gui else { return };
        let setter = gui.param_setter();
        let lanes = track_row::lane_rect(rect);
        let left = lanes.left() + self.face.gutter();
        let whole = rect;
        // The strip has its place before there is a loop, so that nothing moves when there is one.
        let rect = Rect::from_min_max(rect.min + vec2(0.0, song_strip::HEIGHT + 4.0), rect.max);
        let ruler =
            Rect::from_min_max(pos2(left, rect.top()), pos2(lanes.right(), rect.top() + ruler::HEIGHT));
        let palette = theme::palette(ui);
        let working = self.is_working();
        let progress = self.control.progress.each_ref().map(AtomicProgress::load);
        let begun = self.begun(&progress);
        let audio = &self.control.audio;
        let playing = audio.playing.load(Ordering::Relaxed);
        let number = Some(audio.section.load(Ordering::Relaxed)).filter(|number| *number > 0);
        let song_quarter =
            Some(audio.song_quarter.load(Ordering::Relaxed)).filter(|quarter| playing && !quarter.is_nan());
        let y = whole.top()..=whole.top() + song_strip::HEIGHT;
        let label = Rect::from_x_y_ranges(whole.left() + 12.0..=lanes.left() - 8.0, y.clone());
        let strip = song_strip::Strip {
            view: &view.song,
            params: &self.params,
            setter: &setter,
            working: working || view.plan.is_none(),
            song_quarter,
            playing: number,
            typed: &mut self.typed,
            actions,
        };
        strip.show(ui, label, Rect::from_x_y_ranges(lanes.left()..=lanes.right(), y));
        // The lanes show the open section, which may be another one than what plays.
        let shows_playing = match (number, song_quarter) {
            (Some(number), _) => {
                let parts = &view.song.parts;
                parts.iter().all(|part| part.number != number || part.is_open)
            }
            (None, quarter) => quarter.is_none(),
        };
        let silence = match (playing, shows_playing, song_quarter) {
            (false, ..) => Some("To hear them in the loop, start the host or Preview."),
            (true, _, Some(_)) => Some("The whole song plays. Leave song mode to hear them."),
            (true, false, None) => Some("Another section plays. Play this one to hear them."),
            (true, true, None) => None,
        };
        let preview = self.control.snapshot().preview.clone();
        let heard = |lane: &LaneView| {
            let preview = preview.as_ref()?;
            lane.candidates.iter().find(|known| known.id == preview.id).map(|known| known.number)
        };
        let heard_sound = |track: Track| {
            preview.as_ref().filter(|take| take.recipe.track == track).map(|take| take.patch.clone())
        };
        let mut listening = None;
        let playhead = view.plan.as_ref().filter(|_| playing && shows_playing).map(|plan| {
            let part = song_quarter.and_then(|quarter| view.song.at(quarter));
            let beat = part.zip(song_quarter).map(|(part, quarter)| quarter - part.start_quarter);
            let turns = beat.unwrap_or_else(|| audio.playhead_beat.load(Ordering::Relaxed)) / plan.quarters();
            (turns - turns.floor()) as f32
        });
        if let Some(plan) = &view.plan {
            self.timeline.follow(plan.bars);
            let seen = Rect::from_min_max(ruler.min, pos2(ruler.right(), rect.bottom()));
            move_timeline(ui, seen, &mut self.timeline);
            let followed = self.followed_chords();
            actions.extend(ruler::show(ui, ruler, (plan, &followed), !working, &mut self.timeline));
            ruler::length_handle(ui, ruler, plan.bars, &self.params.bars, &setter);
            self.place_label(ui, rect, ruler, playhead, plan);
            let left = Rect::from_min_max(pos2(rect.left(), ruler.top()), ruler.left_bottom());
            self.played_chords(ui, left, plan, actions);
            played::follow_button(ui, left, &setter, &self.params.follow_chords);
            if let Some(share) = playhead {
                let painter = ui.painter().with_clip_rect(ruler.expand(1.0));
                lane::paint_playhead(&painter, self.timeline.wide(ruler), share, palette);
            }
        } else if let Some(bars) = self.facts.as_ref().and_then(|(_, facts)| facts.bars.value) {
            ruler::show_empty(ui, ruler, bars);
        }
        let rows = Rect::from_min_max(pos2(rect.left(), ruler.bottom() + 4.0), rect.max);
        let height = (rows.height() - 3.0 * GAP) / 4.0;
        let pixels = ui.ctx().pixels_per_point();
        let point = |[x, y]: [i16; 2]| pos2(f32::from(x), f32::from(y)) / pixels;
        let over = self.drag.over().map(point);
        let dropped = self.drag.take_dropped().map(|(at, paths)| (point(at), paths));
        for track in Track::ALL {
            let index = track.index();
            let peaks = self.control.audio.meters[index].take();
            for (meter, peak) in self.meters[index].iter_mut().zip(peaks) {
                *meter = peak.max(*meter * METER_FALL);
                if *meter < 1.0e-4 {
                    *meter = 0.0;
                }
            }
            let top = rows.top() + index as f32 * (height + GAP);
            let place = Rect::from_min_size(pos2(rows.left(), top), vec2(rows.width(), height));
            if let Some((_, paths)) = dropped.as_ref().filter(|(at, _)| place.contains(*at)) {
                actions.push(Action::Dropped(track, paths.clone()));
            }
            let row = Row {
                track,
                params: &self.params,
                setter: &setter,
                view: &view.lanes[index],
                plan: view.plan.as_ref(),
                progress: progress[index],
                begun: &begun,
                timeline: &self.timeline,
                playhead,
                peaks: self.meters[index],
                working,
                face: self.face,
                sounds: sounds::Browser {
                    track,
                    shelf: &self.shelf,
                    repaint: &self.control.repaint,
                    favourites: &self.look.sounds,
                    locked: self.params.track(track).lock.value(),
                    silence,
                    heard: heard_sound(track),
                },
                silence,
                heard: heard(&view.lanes[index]),
                listening: &mut listening,
                dragged: over.is_some_and(|at| place.contains(at)),
                waveform: &mut self.waveforms[index],
                edit: &mut self.edits[index],
                actions,
            };
            row.show(ui, place);
        }
        self.control.listen(listening);
    }

    /// The song position, left of the ruler.
    fn place_label(
        &self,
        ui: &Ui,
        rect: Rect,
        ruler: Rect,
        playhead: Option<f32>,
        plan: &resonantgen_music::plan::Plan,
    ) {
        let palette = theme::palette(ui);
        let steps = playhead.map(|share| f64::from(share) * f64::from(plan.total_steps()));
        let text = steps.map_or("bar –".to_owned(), |steps| {
            let step = steps as u32;
            let per_bar = plan.meter.steps_per_bar();
            let beat = (step % per_bar) * plan.meter.denominator() / 16;
            format!("bar {} · {}", step / per_bar + 1, beat + 1)
        });
        let place = pos2(rect.left() + 12.0, ruler.bottom() - 4.0);
        ui.painter().text(place, egui::Align2::LEFT_BOTTOM, text, theme::plain(12.5), palette.dim);
        let place = pos2(ruler.left() - 10.0, ruler.top());
        ui.painter().text(place, egui::Align2::RIGHT_TOP, "bars", theme::plain(10.5), palette.dim);
    }

    /// Requests repaints for the moving playhead, falling meters and a new window; otherwise nothing repaints.
    fn ask_for_repaints(&self, context: &egui::Context, has_plan: bool) {
        let moves = self.control.audio.playing.load(Ordering::Relaxed) && has_plan;
        let falls = self.meters.iter().flatten().any(|peak| *peak > 0.0);
        let elapsed = self.opened.elapsed();
        if moves || falls {
            context.request_repaint_after(until_tick(elapsed));
        } else if elapsed < SETTLING {
            // Not on ticks: a lost drawing must not be the only pending one.
            context.request_repaint_after(SETTLING_INTERVAL);
        }
    }
}

impl NiceEguiApp for App {
    fn build(
        &mut self,
        context: egui::Context,
        gui: GuiContext,
        frame: &mut Frame,
    ) -> Result<(), HandlerError> {
        // When the window is closed, the window library does not always wait for its own thread, and it unloads OpenGL, whose
        // threads may still run. Neither library may be unloaded while they do.
        location::stay_loaded();
        #[cfg(target_os = "linux")]
        for library in [c"libEGL.so.1", c"libGL.so.1"] {
            location::keep_loaded(library);
        }
        self.open(&context, gui);
        #[cfg(target_os = "linux")]
        {
            self.is_drawn = Arc::default();
            let is_drawn = Arc::clone(&self.is_drawn);
            self.window = host_keys::window_of(frame).map(SourceWindow);
            self.drag_target =
                drag::Target::open(frame, (&self.drag, &self.dead_key), &self.control.repaint, is_drawn);
        }
        #[cfg(not(target_os = "linux"))]
        {
            self.window = Some(SourceWindow(0));
        }
        self.accessible = Accessible::open(&context, frame, &self.control.repaint);
        context.set_zoom_factor(self.look.zoom);
        self.server = ServerField::load();
        let size = self.control.editor_size.load();
        if size != DEFAULT_EDITOR_SIZE {
            let size = vec2(size[0].max(MIN_SIZE[0]) as f32, size[1].max(MIN_SIZE[1]) as f32);
            context.send_viewport_cmd(egui::ViewportCommand::InnerSize(size));
        }
        Ok(())
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut Frame) {
        host_keys::pass_on(ui.ctx(), frame);
        // No rectangle over everything: software rendering pays for each pixel that is painted twice.
        let [red, green, blue, _] = theme::palette(ui).background.to_normalized_gamma_f32();
        frame.set_clear_color(egui::Rgba::from_rgb(red, green, blue));
        #[cfg(target_os = "linux")]
        {
            self.is_drawn.store(true, Ordering::Relaxed);
            ui.ctx().input_mut(|input| self.dead_key.apply(&mut input.events));
        }
        self.show(ui);
    }

    fn editor_closed(&mut self) {
        // Nobody points at a candidate any more.
        self.control.listen(None);
        self.accessible.close();
    }

    fn resized(&mut self, size: WindowSize) {
        self.control.editor_size.store([size.logical.width as u32, size.logical.height as u32]);
    }
}
