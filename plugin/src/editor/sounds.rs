//! A track's sound browser: hear the same notes with other sounds and take one, or hold a sound for future takes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use egui::{
    Align, Layout, Popup, PopupCloseBehavior, Rect, Response, RichText, ScrollArea, Ui, WidgetInfo, vec2,
};
use resonantgen_models::sounds::{Sound, catalogue, like, search};
use resonantgen_music::track::Track;

use super::RepaintNotifier;
use super::action::Action;
use super::control::{self, IconButton};
use super::icon::{self, Icon};
use super::pointed::Pointed;
use super::theme::{self, palette};
use super::view::LaneView;
use crate::control::inference::engine;
use crate::control::listening::Listening;
use crate::control::location;

/// Width of the browser, in points.
const WIDTH: f32 = 330.0;
/// Height of the list, in points.
const LIST_HEIGHT: f32 = 260.0;
/// Width of the mark of what plays, in points.
const MARK: f32 = 26.0;

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
    /// Why no sound is heard now, if that is so.
    pub silence: Option<&'static str>,
    /// Id of the sound that is heard instead of the take's.
    pub heard: Option<String>,
}

/// The query in an open browser.
#[derive(Clone, Debug, Default)]
struct Query {
    words: String,
    /// Show only sounds similar to the one with this id.
    like: Option<String>,
    only_favourites: bool,
    /// The sound that the user is at, by its id.
    at: Pointed<String>,
}

impl Browser<'_> {
    /// Attaches the browser to the label with the sound's name. `listening` is set to what the user listens to while it is open.
    pub fn attach(
        &self,
        response: &Response,
        view: &LaneView,
        listening: &mut Option<Listening>,
        actions: &mut Vec<Action>,
    ) {
        Popup::menu(response).close_behavior(PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
            *listening = Some(Listening::sounds(self.track, self.show(ui, view, actions)));
        });
    }

    /// Draws the browser; returns the id of the sound that the user listens to.
    fn show(&self, ui: &mut Ui, view: &LaneView, actions: &mut Vec<Action>) -> Option<String> {
        ui.set_min_width(WIDTH);
        ui.set_max_width(WIDTH);
        let id = ui.scope_id().with(("query", self.track));
        let mut query: Query = ui.data_mut(|data| data.get_temp(id)).unwrap_or_default();
        let sounds = self.shelf.sounds(self.repaint);
        let listed = sounds.as_deref().map(|sounds| self.found(sounds, &query)).unwrap_or_default();
        let ids: Vec<String> = listed.iter().map(|sound| sound.id.clone()).collect();
        let keys = query.at.keys(ui, &ids, Some(&view.patch_id));
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
        let taken = match sounds.as_deref() {
            Err(why) => {
                ui.label(RichText::new(why).color(palette(ui).dim));
                None
            }
            Ok(sounds) => {
                let listed = self.found(sounds, &query);
                self.list(ui, &listed, &mut query.at, (view, keys.has_moved), actions)
            }
        };
        if let Some(id) = taken.or(keys.taken).filter(|id| !self.locked && *id != view.patch_id) {
            actions.push(Action::Sound(self.track, id));
        }
        let heard = query.at.entry.clone().filter(|id| !self.locked && *id != view.patch_id);
        ui.data_mut(|data| data.insert_temp(id, query));
        heard
    }

    /// The sounds that a query finds.
    fn found<'a>(&self, sounds: &'a [Sound], query: &Query) -> Vec<&'a Sound> {
        let mut found = match &query.like {
            Some(id) => like(sounds, id).unwrap_or_default(),
            None => search(sounds, self.track, &query.words),
        };
        if query.only_favourites {
            found.retain(|sound| self.favourites.contains(&sound.id));
        }
        found
    }

    /// Draws the sounds; returns the id of the one that is clicked.
    fn list(
        &self,
        ui: &mut Ui,
        listed: &[&Sound],
        at: &mut Pointed<String>,
        (view, has_moved): (&LaneView, bool),
        actions: &mut Vec<Action>,
    ) -> Option<String> {
        let palette = palette(ui);
        let dim = |text: &str| RichText::new(text).font(theme::plain(12.0)).color(palette.dim);
        if listed.is_empty() {
            ui.label(dim("No such sound"));
            return None;
        }
        let how = if self.locked {
            "The track is locked: its sound stays as it is."
        } else {
            self.silence.unwrap_or("Point to hear, click to take.")
        };
        ui.label(dim(how));
        let color = palette.track(self.track);
        let (mut taken, mut hovered) = (None, None);
        ScrollArea::vertical().max_height(LIST_HEIGHT).auto_shrink([false, true]).show(ui, |ui| {
            for sound in listed {
                let (is_playing, is_at) = (sound.id == view.patch_id, at.entry.as_ref() == Some(&sound.id));
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
                    let is_marked = is_at || (is_playing && at.entry.is_none());
                    let button = egui::Button::selectable(is_marked, text).truncate();
                    let room = vec2(ui.available_width() - MARK, ui.spacing().interact_size.y);
                    let layout = Layout::top_down_justified(Align::LEFT);
                    let line = ui.allocate_ui_with_layout(room, layout, |ui| {
                        ui.set_min_width(room.x);
                        ui.add_enabled(!self.locked, button)
                    });
                    let response = line.inner.on_hover_text(words);
                    if is_at && has_moved {
                        response.scroll_to_me(None);
                    }
                    if response.hovered() {
                        hovered = Some(sound.id.clone());
                    }
                    if response.clicked() {
                        taken = Some(sound.id.clone());
                    }
                    let middle = response.rect.right_center() + vec2(MARK / 2.0, 0.0);
                    if self.heard.as_ref() == Some(&sound.id) {
                        let mark = Rect::from_center_size(middle, vec2(12.0, 12.0));
                        icon::paint(ui.painter(), Icon::Play, mark, color);
                    } else if is_playing {
                        ui.painter().circle_filled(middle, 3.6, color);
                    }
                });
            }
        });
        at.follow_pointer(ui, hovered);
        taken
    }
}
