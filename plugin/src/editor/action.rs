//! What clicks and keys request, and how it is performed.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use egui::text::{CCursor, CCursorRange};
use egui::{Popup, TextEdit};
use resonantgen_import::import_loop;
use resonantgen_music::plan::Chord;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_session::{Overrides, Part, Request, Scope, SectionId, Session, SessionError};
use resonantgen_words::form::Form;

use super::browse::{self, Browser};
use super::drag_out::{self, Outcome};
use super::import::Importing;
use super::sidechain::RecordDialog;
use super::{App, candidates, control, prompt_id};
use crate::control::Control;
use crate::control::export::{self, Exported, Parcel, What};
use crate::control::job::{Job, Performance, Target};
use crate::control::status::Progress;
use crate::params::BARS_MAX;
use crate::preset::Preset;

/// A user action.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Generate all that is not locked.
    Generate,
    /// Cancel the current generation.
    Cancel,
    /// Make a new take of one track; a non-empty text is an edit of the current take.
    Regenerate(Track, String),
    /// Generate all that is not locked, each the best of several scores.
    GenerateChoice,
    /// Write several scores for a track's next take, and open their list; a non-empty text is an edit of the current take.
    Choose(Track, String),
    /// Play a candidate, by its number, instead of the take that it was written for.
    TakeCandidate(Track, u32),
    /// Undo the last action.
    Undo,
    /// Redo it.
    Redo,
    /// Play the next newer or older take.
    Step(Track, i32),
    /// Play the take with this index.
    Select(Track, usize),
    /// Toggle whether the take with this index is kept for ever.
    Favourite(Track, usize),
    /// Play the take that was heard before.
    Compare(Track),
    /// Put another prompt into the field.
    Prompt(String),
    /// Apply a preset's prompt and settings.
    Preset(Box<Preset>),
    /// Apply a preset, and generate with it.
    GenerateFrom(Box<Preset>),
    /// Fix facts.
    Fix(Box<Overrides>),
    /// Fix the length; 0 leaves it to the prompt.
    Bars(u32),
    /// Whether new takes follow the host's tempo.
    FollowHost(bool),
    /// Change the chord of the half bars `from..to`, and move the notes there to it.
    Chord {
        /// First half bar.
        from: usize,
        /// One past the last.
        to: usize,
        /// The new chord.
        chord: Chord,
    },
    /// Put the chords that were just played under the loop.
    CaptureChords,
    /// Play the notes of a track's take with the sound of this id.
    Sound(Track, String),
    /// Make what the dials of a track play a take, and put them back to their middle.
    KeepVaried(Track),
    /// Keep the sound of a track for new takes, or leave it to the words.
    HoldSound(Track, bool),
    /// Make a sound a favourite, or take it off.
    FavouriteSound(String, bool),
    /// Make a preset a favourite, or no longer.
    FavouritePreset(String, bool),
    /// Open the import dialog for a track.
    AskImport(Track),
    /// Write a new take with the groove and register of the track's take of this index, and other notes.
    Like(Track, usize),
    /// Open the dialog that records the sidechain for a track.
    AskRecord(Track),
    /// Files were dropped on a track.
    Dropped(Track, Vec<PathBuf>),
    /// Import an audio file to a track, and lock it.
    Import(Track, PathBuf),
    /// Write files.
    Export(What),
    /// Write files, and drag them out of the window.
    DragOut(Parcel),
    /// Write files, and copy their paths.
    CopyPaths(Parcel),
    /// Show the folder of the last export.
    Reveal(PathBuf),
    /// Copy a text to the clipboard.
    Copy(String),
    /// Make a song of the loop, in a form or, if that is empty, in that of its genre.
    MakeSong(String),
    /// Make a section of the song again.
    RegenerateSection(SectionId),
    /// Write some bars of a track's take anew, counted from 0.
    RegenerateBars(Track, Range<u32>),
    /// Open a section.
    OpenSection(SectionId),
    /// Move an entry of the order to another place.
    MovePart(usize, usize),
    /// Play an entry of the order so often; 0 takes it out.
    RepeatPart(usize, u32),
    /// Play a section at the end.
    AppendPart(SectionId),
    /// Copy a section.
    CopySection(SectionId),
    /// Delete a section.
    DeleteSection(SectionId),
    /// Rename a section.
    RenameSection(SectionId, String),
    /// Give a section another colour.
    ColourSection(SectionId, [u8; 3]),
    /// Light or dark.
    Light(bool),
    /// Size of everything, 1 is 100 %.
    Zoom(f32),
    /// Whether everything is larger in a larger window.
    Grow(bool),
}

/// The playing chords, and the overrides that belong to them.
#[derive(Clone, Debug)]
pub struct Harmony {
    chords: Vec<Chord>,
    overrides: Overrides,
}

/// Adds a favourite, or takes it away.
fn favour(favourites: &mut BTreeSet<String>, name: String, is_favourite: bool) {
    if is_favourite {
        favourites.insert(name);
    } else {
        favourites.remove(&name);
    }
}

impl App {
    /// Performs an action.
    pub(super) fn perform(&mut self, context: &egui::Context, action: Action) {
        if !matches!(action, Action::Copy(_) | Action::Reveal(_)) {
            self.dismiss_export();
        }
        match action {
            Action::Generate => self.ask(Target::All, String::new(), 1),
            Action::GenerateChoice => self.ask(Target::All, String::new(), candidates::COUNT),
            Action::Cancel => self.control.cancel_all(),
            Action::Regenerate(track, edit) => self.ask(Target::One(track), edit, 1),
            Action::Choose(track, edit) => {
                self.ask(Target::One(track), edit, candidates::COUNT);
                Popup::open_id(context, candidates::list_id(track));
            }
            Action::TakeCandidate(track, number) => {
                self.end_choice_by_number(track);
                self.control.take_choice(self.params.locked(), Performance::Candidate { track, number });
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
                // Put the cursor at the end, so that typing continues the prompt.
                let end = CCursorRange::one(CCursor::new(self.prompt.chars().count()));
                let mut field = TextEdit::load_state(context, prompt_id()).unwrap_or_default();
                field.cursor.set_char_range(Some(end));
                TextEdit::store_state(context, prompt_id(), field);
            }
            Action::Preset(preset) => self.use_preset(&preset),
            Action::GenerateFrom(preset) => self.generate_from(&preset),
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
            Action::Chord { from, to, chord } => {
                self.change_chords(
                    (0..to).map(|half_bar| Some(chord).filter(|_| half_bar >= from)).collect(),
                );
            }
            Action::CaptureChords => self.capture_chords(),
            Action::Sound(track, patch) => {
                self.control.take_choice(self.params.locked(), Performance::Sound { track, patch });
            }
            Action::KeepVaried(track) => {
                let dials = self.params.note_dials()[track.index()];
                let performance = Performance::Varied { track, dials };
                self.control.request(Job::Perform { locked: self.params.locked(), performance });
                if let Some(gui) = &self.gui {
                    let (params, setter) = (self.params.track(track), gui.param_setter());
                    for param in [&params.density, &params.complexity, &params.fills] {
                        control::set(&setter, param, 0);
                    }
                }
            }
            Action::HoldSound(track, holds) => self.change(move |session| session.hold_sound(track, holds)),
            Action::FavouriteSound(id, is_favourite) => {
                favour(&mut self.look.sounds, id, is_favourite);
                self.keep_look();
            }
            Action::FavouritePreset(name, is_favourite) => {
                favour(&mut self.look.presets, name, is_favourite);
                self.keep_look();
            }
            Action::AskImport(track) => {
                let folder = self.look.folder.clone().filter(|folder| folder.is_dir());
                let browser = Browser::at(&folder.unwrap_or_else(browse::first_folder));
                self.importing = Some(Importing { track, browser });
            }
            Action::Like(track, index) => {
                let snapshot = self.control.snapshot();
                let trigger = self.trigger(Target::One(track));
                if let Some(take) = snapshot.session.track(track).history.get(index)
                    && let Err(error) = self.control.make_like(track, take, &trigger)
                {
                    self.control.notify(error);
                }
            }
            Action::AskRecord(track) => {
                let bars = self.control.snapshot().session.plan.as_ref().map(|plan| plan.bars);
                self.recording = Some(RecordDialog::new(track, bars));
            }
            Action::Dropped(track, paths) => self.take_dropped(track, paths),
            Action::Import(track, path) => self.import(track, path),
            Action::Export(what) => self.export(what),
            Action::DragOut(parcel) => self.drag_out(parcel),
            Action::CopyPaths(parcel) => self.copy_paths(parcel),
            Action::Reveal(folder) => {
                let control = Arc::clone(&self.control);
                let show = move || {
                    if let Err(error) = export::reveal(&folder) {
                        control.notify(error);
                    }
                };
                // If no thread can be started, the path can still be copied.
                let _ = std::thread::Builder::new().name("resonantgen show".to_owned()).spawn(show);
            }
            Action::Copy(text) => context.copy_text(text),
            Action::MakeSong(form) => self.make_song(&form),
            Action::RegenerateSection(section) => self.ask_for_song(Request::section(section)),
            Action::RegenerateBars(track, bars) => {
                let scope = Scope::from(track).in_bars(bars.start + 1..=bars.end);
                self.ask_for_song(Request::edit(scope, ""));
            }
            Action::OpenSection(section) => {
                self.change_locks(move |session| session.open_section(section));
            }
            Action::MovePart(from, to) => self.change(move |session| session.move_part(from, to)),
            Action::RepeatPart(index, repeats) => self.change(move |session| {
                let mut order = session.order().to_vec();
                match order.get_mut(index) {
                    Some(part) if repeats > 0 => part.repeats = repeats,
                    Some(_) => drop(order.remove(index)),
                    None => {}
                }
                session.set_order(&order)
            }),
            Action::AppendPart(section) => self.change(move |session| {
                let mut order = session.order().to_vec();
                order.push(Part { section, repeats: 1 });
                session.set_order(&order)
            }),
            Action::CopySection(section) => {
                self.change(move |session| session.copy_section(section).map(drop));
            }
            Action::DeleteSection(section) => {
                self.change_locks(move |session| session.delete_section(section));
            }
            Action::RenameSection(section, name) => {
                self.change(move |session| session.rename_section(section, &name));
            }
            Action::ColourSection(section, colour) => {
                self.change(move |session| session.colour_section(section, colour));
            }
            Action::Light(light) => {
                self.look.light = light;
                super::theme::choose(context, light);
                self.keep_look();
            }
            // The next drawing applies it.
            Action::Zoom(zoom) => {
                self.look.zoom = zoom;
                self.keep_look();
            }
            Action::Grow(grows) => {
                self.look.grows = grows;
                self.keep_look();
            }
        }
    }

    /// Hides the notice of the last export once something else is done.
    pub(super) fn dismiss_export(&self) {
        *self.exported.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether the notice of the last export is shown.
    pub(super) fn has_exported(&self) -> bool {
        self.exported.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn change(&self, change: impl FnOnce(&mut Session) -> Result<(), SessionError> + Send + 'static) {
        self.control.change(self.params.locked(), |session, _| change(session));
    }

    /// Chooses a take manually, which ends the choice by number.
    fn change_take(
        &self,
        track: Track,
        change: impl FnOnce(&mut Session) -> Result<(), SessionError> + Send + 'static,
    ) {
        self.end_choice_by_number(track);
        self.change(change);
    }

    /// The session's own choice of a track's take plays, not the one by number.
    fn end_choice_by_number(&self, track: Track) {
        if let Some(gui) = &self.gui
            && self.params.track(track).take.value() != 0
        {
            control::set(&gui.param_setter(), &self.params.track(track).take, 0);
        }
    }

    /// Asks for a song in a form as typed.
    fn make_song(&mut self, form: &str) {
        let form = match form.trim() {
            "" => None,
            form => match form.parse::<Form>() {
                Ok(form) => Some(form),
                Err(error) => {
                    self.control.notify(error.to_string());
                    return;
                }
            },
        };
        self.follows_session = true;
        self.ask_for_song(Request::song(form));
    }

    fn ask_for_song(&self, request: Request) {
        let trigger = self.trigger(Target::All);
        let request = Box::new(request.seed(trigger.seed).settings(trigger.settings));
        self.control.request(Job::Song { locked: self.params.locked(), request });
    }

    /// Undo, redo and another open section also change locks; the parameters follow once that has happened.
    fn change_locks(
        &mut self,
        change: impl FnOnce(&mut Session) -> Result<(), SessionError> + Send + 'static,
    ) {
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

    /// Makes chord overrides follow undo and redo; `chords` are those that play now.
    pub(super) fn take_chords(&self, chords: &[Chord]) {
        let overrides = self.control.overrides();
        let other = self.chord_changes.iter().rev().find_map(|[one, other]| {
            [(one, other), (other, one)].into_iter().find_map(|(now, then)| {
                (overrides == now.overrides && chords == then.chords).then(|| then.overrides.clone())
            })
        });
        if let Some(other) = other {
            self.control.set_overrides(other);
        }
    }

    /// Puts the chords that were just played under the half bars in which they were played.
    fn capture_chords(&mut self) {
        let session = self.control.session();
        let Some(plan) = &session.plan else { return };
        let now = self.control.audio.playhead_beat.load(Ordering::Relaxed);
        let mut played = self.control.played.lock();
        played.collect();
        let chords = played.chords(plan, now);
        drop(played);
        if chords.iter().all(Option::is_none) {
            let text = "No chord was played in the bars of the loop. Play chords while the host runs, then capture them.";
            self.control.notify(text.to_owned());
            return;
        }
        self.change_chords(chords);
    }

    /// Puts chords under half bars; `None` leaves what is there.
    fn change_chords(&mut self, changes: Vec<Option<Chord>>) {
        let locked = self.params.locked();
        let session = self.control.session_with(locked);
        if let Err(error) = session.check_chords(&changes) {
            self.control.notify(error.to_string());
            return;
        }
        let Some(plan) = &session.plan else { return };
        let mut chords = plan.chords.clone();
        for (place, change) in chords.iter_mut().zip(&changes) {
            *place = change.unwrap_or(*place);
        }
        let before = self.control.overrides();
        // Keep the key, or one odd chord would change it.
        let overrides = Overrides { chords: Some(chords.clone()), key: Some(plan.key), ..before.clone() };
        self.control.set_overrides(overrides.clone());
        self.chord_changes.push([
            Harmony { chords: plan.chords.clone(), overrides: before },
            Harmony { chords, overrides },
        ]);
        let performance = Performance::Chords(changes);
        self.control.request(Job::Perform { locked, performance });
    }

    /// Imports the first audio file among the dropped ones.
    fn take_dropped(&mut self, track: Track, paths: Vec<PathBuf>) {
        if self.params.track(track).lock.value() {
            let text = format!("The {track} track is locked. Unlock it to import a file there.");
            self.control.notify(text);
        } else if let Some(path) = paths.into_iter().find(|path| browse::is_audio(path)) {
            self.import(track, path);
        } else {
            let text = "This is not an audio file. You can drop WAV, FLAC, MP3, OGG and AIFF files.";
            self.control.notify(text.to_owned());
        }
    }

    /// Lets the worker read and fit the file, which also locks the track.
    fn import(&mut self, track: Track, path: PathBuf) {
        self.follows_session = true;
        // Weak: a queued job must not keep its own queue alive.
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

    /// Writes the files and drags them, both on a thread of their own: disks and other programs may be slow. When the button has been
    /// released before the files are there, nothing takes them.
    fn drag_out(&self, parcel: Parcel) {
        let Some(window) = self.window.filter(|_| drag_out::IS_SUPPORTED) else {
            self.copy_paths(parcel);
            return;
        };
        if self.is_dragging.swap(true, Ordering::AcqRel) {
            return;
        }
        let is_dragging = Arc::clone(&self.is_dragging);
        self.write_parcel(parcel, move |files, control| {
            let outcome = drag_out::drag(window, files);
            is_dragging.store(false, Ordering::Release);
            match outcome {
                Ok(Outcome::Taken) => return false,
                Ok(Outcome::Refused) => {}
                Ok(Outcome::Silent) => {
                    control.notify(
                        "The program under the pointer did not answer, so it got no file.".to_owned(),
                    );
                }
                Err(error) => control.notify(error.to_string()),
            }
            true
        });
    }

    /// Writes the files, and puts their paths onto the clipboard.
    fn copy_paths(&self, parcel: Parcel) {
        let to_copy = Arc::clone(&self.to_copy);
        self.write_parcel(parcel, move |files, _| {
            let paths: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
            *to_copy.lock().unwrap_or_else(PoisonError::into_inner) = Some(paths.join("\n"));
            true
        });
    }

    /// Writes files in the background, then does `then` with them; if that returns true, the editor says where they are.
    fn write_parcel(&self, parcel: Parcel, then: impl FnOnce(&[PathBuf], &Control) -> bool + Send + 'static) {
        let (control, exported) = (Arc::clone(&self.control), Arc::clone(&self.exported));
        let is_dragging = Arc::clone(&self.is_dragging);
        let write = move || {
            let session = control.session();
            let folder = export::folder(&session);
            match export::write_parcel(&session, &parcel, &folder) {
                Ok(files) => {
                    if then(&files, &control) {
                        let files = files.len();
                        *exported.lock().unwrap_or_else(PoisonError::into_inner) =
                            Some(Exported { folder, files });
                    }
                    control.repaint.request_repaint();
                }
                Err(error) => {
                    is_dragging.store(false, Ordering::Release);
                    control.notify(error.to_string());
                }
            }
        };
        if let Err(error) = std::thread::Builder::new().name("resonantgen file".to_owned()).spawn(write) {
            self.is_dragging.store(false, Ordering::Release);
            self.control.notify(format!("No file was written: cannot start a thread ({error})."));
        }
    }

    /// Exports on a thread of its own: files may be large and disks slow, and neither the editor nor the worker should wait.
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
            self.control.notify(format!("Nothing was exported: cannot start a thread ({error})."));
        }
    }
}
