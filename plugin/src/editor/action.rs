//! What the user asks for by clicks and keys, and how it is done.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use egui::TextEdit;
use egui::text::{CCursor, CCursorRange};
use resonantgen_engine::import::import_loop;
use resonantgen_engine::plan::Chord;
use resonantgen_engine::session::{Overrides, Session, SessionError};
use resonantgen_engine::track::{TRACK_COUNT, Track};

use super::browse::{self, Browser};
use super::import::Importing;
use super::{App, control, prompt_id};
use crate::control::export::{self, What};
use crate::control::job::{Job, Target};
use crate::control::status::Progress;
use crate::params::BARS_MAX;
use crate::preset::Preset;

/// Something the user asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Generate all that is not locked.
    Generate,
    /// Stop what is being made.
    Cancel,
    /// A new take of one track, by words relative to the present one where there are some.
    Regenerate(Track, String),
    /// Take back the last action.
    Undo,
    /// Do it again.
    Redo,
    /// Play the next newer or older take.
    Step(Track, i32),
    /// Play the take with this index.
    Select(Track, usize),
    /// Keep the take with this index for ever, or not.
    Favourite(Track, usize),
    /// Play the take that was heard before.
    Compare(Track),
    /// Put another prompt into the field.
    Prompt(String),
    /// Take over a preset's prompt and settings.
    Preset(Box<Preset>),
    /// Fix facts.
    Fix(Box<Overrides>),
    /// Fix the length; 0 leaves it to the prompt.
    Bars(u32),
    /// New takes follow the host's tempo, or do not.
    FollowHost(bool),
    /// Another chord for the half bars `from..to`, and generate what is not locked.
    Chord {
        /// First half bar.
        from: usize,
        /// One past the last.
        to: usize,
        /// What they become.
        chord: Chord,
    },
    /// Ask for an audio file that the track shall play.
    AskImport(Track),
    /// Files were dropped on a track.
    Dropped(Track, Vec<PathBuf>),
    /// Play an audio file on a track, and lock it.
    Import(Track, PathBuf),
    /// Write files.
    Export(What),
    /// Show the folder of the last export.
    Reveal(PathBuf),
    /// Copy a text to the clipboard.
    Copy(String),
    /// Light or dark.
    Light(bool),
    /// Size of everything, 1 is 100 %.
    Zoom(f32),
}

/// The chords that play, and what is wished for with them.
#[derive(Clone, Debug)]
pub struct Harmony {
    chords: Vec<Chord>,
    wish: Overrides,
}

impl App {
    /// Does what was asked for.
    pub(super) fn perform(&mut self, context: &egui::Context, action: Action) {
        match action {
            Action::Generate => {
                self.dismiss_export();
                self.ask(Target::All);
            }
            Action::Cancel => self.control.cancel_all(),
            Action::Regenerate(track, edit) => {
                self.dismiss_export();
                let trigger = self.trigger(Target::One(track));
                self.control.request(Job::Make { trigger, edit });
            }
            Action::Undo => self.change_locks(Session::undo),
            Action::Redo => self.change_locks(Session::redo),
            Action::Step(track, by) => self.change_take(track, move |session| session.step_take(track, by)),
            Action::Select(track, index) => {
                self.change_take(track, move |session| session.select_take(track, index));
            }
            Action::Compare(track) => self.change_take(track, move |session| session.compare(track)),
            Action::Favourite(track, index) => self.change(move |session| {
                let is_favourite = session.track(track).is_favourite(index);
                session.set_favourite(track, index, !is_favourite)
            }),
            Action::Prompt(prompt) => {
                self.prompt = prompt;
                self.control.prompts.set(self.params.slot(), self.prompt.clone());
                // It can be typed on.
                let end = CCursorRange::one(CCursor::new(self.prompt.chars().count()));
                let mut field = TextEdit::load_state(context, prompt_id()).unwrap_or_default();
                field.cursor.set_char_range(Some(end));
                TextEdit::store_state(context, prompt_id(), field);
            }
            Action::Preset(preset) => self.use_preset(&preset),
            Action::Fix(overrides) => self.control.set_overrides(*overrides),
            Action::Bars(bars) => {
                if let Some(gui) = &self.gui {
                    let bars = i32::try_from(bars).unwrap_or(BARS_MAX).clamp(0, BARS_MAX);
                    control::set(&gui.param_setter(), &self.params.bars, bars);
                }
            }
            Action::FollowHost(follow) => {
                if let Some(gui) = &self.gui {
                    control::set(&gui.param_setter(), &self.params.follow_host, follow);
                }
            }
            Action::Chord { from, to, chord } => self.change_chord(from, to, chord),
            Action::AskImport(track) => {
                let folder = self.look.folder.clone().filter(|folder| folder.is_dir());
                let browser = Browser::at(&folder.unwrap_or_else(browse::first_folder));
                self.importing = Some(Importing { track, browser });
            }
            Action::Dropped(track, paths) => self.take_dropped(track, paths),
            Action::Import(track, path) => self.import(track, path),
            Action::Export(what) => self.export(what),
            Action::Reveal(folder) => {
                let control = Arc::clone(&self.control);
                let show = move || {
                    if let Err(error) = export::reveal(&folder) {
                        control.notify(error);
                    }
                };
                // Without a thread there is the path, which can be copied.
                let _ = std::thread::Builder::new().name("resonantgen show".to_owned()).spawn(show);
            }
            Action::Copy(text) => context.copy_text(text),
            Action::Light(light) => {
                self.look.light = light;
                super::theme::choose(context, light);
                self.keep_look();
            }
            Action::Zoom(zoom) => {
                self.look.zoom = zoom;
                context.set_zoom_factor(zoom);
                self.keep_look();
            }
        }
    }

    /// Where files went is no news any more once something else is made.
    fn dismiss_export(&self) {
        *self.exported.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn change(&self, change: impl FnOnce(&mut Session) -> Result<(), SessionError> + Send + 'static) {
        self.control.change(self.params.locked(), |session, _| change(session));
    }

    /// A take that is chosen by hand is not chosen by number any more.
    fn change_take(
        &self,
        track: Track,
        change: impl FnOnce(&mut Session) -> Result<(), SessionError> + Send + 'static,
    ) {
        if let Some(gui) = &self.gui
            && self.params.track(track).take.value() != 0
        {
            control::set(&gui.param_setter(), &self.params.track(track).take, 0);
        }
        self.change(change);
    }

    /// Undo and redo bring locks back as well; the parameters follow when it has happened.
    fn change_locks(&mut self, change: fn(&mut Session) -> Result<(), SessionError>) {
        self.follows_session = true;
        self.change(change);
    }

    /// Sets the lock parameters as the session has them.
    pub(super) fn take_locks(&self, locked: [bool; TRACK_COUNT]) {
        let Some(gui) = &self.gui else { return };
        let setter = gui.param_setter();
        for track in Track::ALL {
            let param = &self.params.track(track).lock;
            if param.value() != locked[track.index()] {
                control::set(&setter, param, locked[track.index()]);
            }
        }
    }

    /// Wishes for chords go back and forth with undo and redo; `chords` are those that play now.
    pub(super) fn take_chords(&self, chords: &[Chord]) {
        let wish = self.control.overrides();
        let other = self.chord_changes.iter().rev().find_map(|[one, other]| {
            [(one, other), (other, one)].into_iter().find_map(|(now, then)| {
                (wish == now.wish && chords == then.chords).then(|| then.wish.clone())
            })
        });
        if let Some(other) = other {
            self.control.set_overrides(other);
        }
    }

    fn change_chord(&mut self, from: usize, to: usize, chord: Chord) {
        let session = self.control.session();
        let Some(plan) = &session.plan else { return };
        let locked = self.params.locked();
        let bound = Track::ALL.into_iter().find(|track| {
            *track != Track::Drums && locked[track.index()] && session.track(*track).take().is_some()
        });
        if let Some(track) = bound {
            self.control.notify(SessionError::ChordInUse(track).to_string());
            return;
        }
        let mut chords = plan.chords.clone();
        for place in chords.iter_mut().take(to).skip(from) {
            *place = chord;
        }
        let before = self.control.overrides();
        // The key stays, or one odd chord would move it.
        let wish = Overrides { chords: Some(chords.clone()), key: Some(plan.key), ..before.clone() };
        self.control.set_overrides(wish.clone());
        self.chord_changes
            .push([Harmony { chords: plan.chords.clone(), wish: before }, Harmony { chords, wish }]);
        let bars = plan.bars;
        let seed = session.seed;
        let mut trigger = self.trigger(Target::All);
        // The same seed: only what the chord touches shall change.
        trigger.seed = Some(seed);
        trigger.bars = Some(bars);
        self.control.request(Job::from(trigger));
    }

    /// The first audio file of those that were dropped is imported.
    fn take_dropped(&mut self, track: Track, paths: Vec<PathBuf>) {
        if self.params.track(track).lock.value() {
            let text = format!("The {track} is locked: unlock it to play the file there.");
            self.control.notify(text);
        } else if let Some(path) = paths.into_iter().find(|path| browse::is_audio(path)) {
            self.import(track, path);
        } else {
            let text = "That is no audio file: WAV, FLAC, MP3, OGG and AIFF can be dropped.";
            self.control.notify(text.to_owned());
        }
    }

    /// The worker reads and fits the file; the lock comes with it.
    fn import(&mut self, track: Track, path: PathBuf) {
        self.follows_session = true;
        // Weak, because what waits in the queue must not keep the queue.
        let control = Arc::downgrade(&self.control);
        self.control.change(self.params.locked(), move |session, cancellation| -> Result<(), String> {
            if let Some(control) = control.upgrade() {
                control.progress[track.index()].store(Progress::Importing);
                control.repaint.request_repaint();
            }
            let options = session.import_options(track);
            let imported = import_loop(&path, &options, cancellation).map_err(|error| error.to_string())?;
            session.add_import(imported).map_err(|error| error.to_string())
        });
    }

    /// Files may be large and disks slow: neither the editor nor the worker waits for them.
    fn export(&mut self, what: What) {
        let control = Arc::clone(&self.control);
        let exported = Arc::clone(&self.exported);
        let write = move || {
            let session = control.session();
            match export::write(&session, what, &export::folder(&session)) {
                Ok(files) => {
                    *exported.lock().unwrap_or_else(PoisonError::into_inner) = Some(files);
                    control.repaint.request_repaint();
                }
                Err(error) => control.notify(error.to_string()),
            }
        };
        let started = std::thread::Builder::new().name("resonantgen export".to_owned()).spawn(write);
        if let Err(error) = started {
            self.control.notify(format!("Nothing was exported: no thread to do it ({error})."));
        }
    }
}
