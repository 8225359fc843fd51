//! A track's sound browser: play the same notes with another sound, or hold a sound for future takes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use egui::{Key, Modifiers, Popup, PopupCloseBehavior, Response, RichText, ScrollArea, Ui, WidgetInfo};
use resonantgen_models::sounds::{Sound, catalogue, like, search};
use resonantgen_music::track::Track;

use super::RepaintNotifier;
use super::action::Action;
use super::control::{self, IconButton};
use super::icon::Icon;
use super::theme::{self, palette};
use super::view::LaneView;
use crate::control::inference::engine;
use crate::control::location;

/// Height of the list, in points.
const LIST_HEIGHT: f32 = 260.0;

/// The sounds in the models, read when the browser is first opened.
#[derive(Clone, Debug, Default)]
pub struct Shelf(Arc<Mutex<State>>);

#[derive(Debug, Default)]
enum State {
    #[default]
    Closed,
    Reading,
    Read(Arc<Vec<Sound>>),
    Failed(String),
}

impl Shelf {
    /// A list with the given sounds.
    #[cfg(test)]
    pub fn of(sounds: Vec<Sound>) -> Self {
        Self(Arc::new(Mutex::new(State::Read(Arc::new(sounds)))))
    }

    /// The sounds, or why they are not available yet. The first call reads them in the background.
    fn sounds(&self, repaint: &RepaintNotifier) -> Result<Arc<Vec<Sound>>, String> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            State::Read(sounds) => return Ok(Arc::clone(sounds)),
            State::Failed(why) => return Err(why.clone()),
            State::Reading => {}
            State::Closed => {
                *state = State::Reading;
                let (shelf, repaint) = (Arc::clone(&self.0), repaint.clone());
                // The plugin may be removed while the thread runs.
                location::stay_loaded();
                let read = move || {
                    let read = match engine(&mut None) {
                        Ok(engine) => State::Read(Arc::new(catalogue(engine.bundle()))),
                        Err(error) => State::Failed(error.to_string()),
                    };
                    *shelf.lock().unwrap_or_else(PoisonError::into_inner) = read;
                    repaint.request_repaint();
                };
                if let Err(error) =
                    std::thread::Builder::new().name("resonantgen sounds".to_owned()).spawn(read)
                {
                    *state = State::Failed(error.to_string());
                }
            }
        }
        Err("Reading the sounds …".to_owned())
    }
}

/// What the browser needs in addition to the track's view.
pub struct Browser<'a> {
    /// The track.
    pub track: Track,
    /// The sounds.
    pub shelf: &'a Shelf,
    /// Requests a repaint.
    pub repaint: &'a RepaintNotifier,
    /// Ids of favourite sounds.
    pub favourites: &'a BTreeSet<String>,
    /// Whether the track is locked.
    pub locked: bool,
}

/// The query in an open browser.
#[derive(Clone, Debug, Default)]
struct Query {
    words: String,
    /// Show only sounds similar to the one with this id.
    like: Option<String>,
    only_favourites: bool,
}

impl Browser<'_> {
    /// Attaches the browser to the label with the sound's name.
    pub fn attach(&self, response: &Response, view: &LaneView, actions: &mut Vec<Action>) {
        Popup::menu(response)
            .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
            .show(|ui| self.show(ui, view, actions));
    }

    fn show(&self, ui: &mut Ui, view: &LaneView, actions: &mut Vec<Action>) {
        const WIDTH: f32 = 330.0;
        ui.set_min_width(WIDTH);
        ui.set_max_width(WIDTH);
        let id = ui.scope_id().with(("query", self.track));
        let mut query: Query = ui.data_mut(|data| data.get_temp(id)).unwrap_or_default();
        let steps = ui.input_mut(|input| {
            let down = i32::from(input.consume_key(Modifiers::NONE, Key::ArrowDown));
            down - i32::from(input.consume_key(Modifiers::NONE, Key::ArrowUp))
        });
        let field = ui.add(control::field(&mut query.words, "Words, families, styles").desired_width(WIDTH));
        field.widget_info(|| WidgetInfo::labeled(egui::Role::TextInput, true, "Search the sounds"));
        if field.changed() {
            query.like = None;
        }
        ui.horizontal(|ui| {
            control::check(ui, &mut query.only_favourites, "Favourites");
            let is_like = query.like.is_some();
            if ui.selectable_label(is_like, "Like this one").clicked() {
                query.like = (!is_like).then(|| view.patch_id.clone());
            }
            let mut held = view.is_sound_held;
            let hint = "New takes are written for this sound and played with it, whatever the prompt says";
            if control::check(ui, &mut held, "Hold").on_hover_text(hint).changed() {
                actions.push(Action::HoldSound(self.track, held));
            }
        });
        ui.separator();
        match self.shelf.sounds(self.repaint) {
            Err(why) => drop(ui.label(RichText::new(why).color(palette(ui).dim))),
            Ok(sounds) => self.list(ui, &sounds, &query, (view, steps), actions),
        }
        ui.data_mut(|data| data.insert_temp(id, query));
    }

    fn list(
        &self,
        ui: &mut Ui,
        sounds: &[Sound],
        query: &Query,
        (view, steps): (&LaneView, i32),
        actions: &mut Vec<Action>,
    ) {
        let mut found = match &query.like {
            Some(id) => like(sounds, id).unwrap_or_default(),
            None => search(sounds, self.track, &query.words),
        };
        if query.only_favourites {
            found.retain(|sound| self.favourites.contains(&sound.id));
        }
        if found.is_empty() {
            ui.label(RichText::new("No such sound").color(palette(ui).dim));
            return;
        }
        // Up and Down play the previous and the next sound.
        let here = found.iter().position(|sound| sound.id == view.patch_id);
        let next = match here {
            Some(here) => (here as i32 + steps).clamp(0, found.len() as i32 - 1) as usize,
            None => 0,
        };
        let mut chosen = (steps != 0 && here != Some(next)).then(|| found[next].id.clone());
        ScrollArea::vertical().max_height(LIST_HEIGHT).auto_shrink([false, true]).show(ui, |ui| {
            for sound in found {
                let is_playing = sound.id == view.patch_id;
                ui.horizontal(|ui| {
                    let is_favourite = self.favourites.contains(&sound.id);
                    let name = format!("Favourite sound {}", sound.name);
                    let star = IconButton::new(Icon::Star(is_favourite), &name).size(20.0, 20.0).bare();
                    if star.show(ui).clicked() {
                        actions.push(Action::FavouriteSound(sound.id.clone(), !is_favourite));
                    }
                    let words =
                        format!("{}, {}", sound.family.name().replace('_', " "), sound.tags.join(", "));
                    let text = RichText::new(&sound.name).font(theme::plain(12.5));
                    let enabled = !self.locked;
                    let button = egui::Button::selectable(is_playing, text).truncate();
                    let response = ui.add_enabled(enabled, button).on_hover_text(words);
                    if is_playing && steps != 0 {
                        response.scroll_to_me(None);
                    }
                    if response.clicked() {
                        chosen = Some(sound.id.clone());
                    }
                });
            }
        });
        if let Some(id) = chosen.filter(|id| !self.locked && *id != view.patch_id) {
            actions.push(Action::Sound(self.track, id));
        }
    }
}
