//! Songs: their sections and order.

use resonantgen_music::track::Track;
use resonantgen_session::{Part, Scope, SectionId, Session};
use resonantgen_words::form::{Length, SectionKind};
use serde::{Deserialize, Serialize};

use super::convert::settings;
use super::{ConvertError, PlanView, TrackName, TrackView};

/// What song to make of a session's loop. Omitted fields follow from its genre.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SongRequest {
    /// Sections with their bars, in order; that of the genre if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "serve",
        schema(example = "intro 8, verse 16, chorus 8, verse 16, chorus 16, outro 8")
    )]
    pub form: Option<String>,
    /// About how many bars the song shall have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bars: Option<u32>,
    /// About how many minutes it shall last; `bars` overrides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<f64>,
    /// Seed of every random choice; the session's if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How far the result may stray from the obvious, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variation: Option<f32>,
    /// How strictly to follow the prompt, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adherence: Option<f32>,
}

impl SongRequest {
    /// The request in the engine's form.
    ///
    /// # Errors
    /// When the form cannot be read, or the length is no number of minutes.
    pub fn request(&self) -> Result<resonantgen_session::Request, ConvertError> {
        let form = self.form.as_deref().map(str::parse).transpose()?;
        let seconds = self.minutes.map(|minutes| 60.0 * minutes);
        if let Some(seconds) = seconds.filter(|seconds| !seconds.is_finite() || *seconds <= 0.0) {
            return Err(ConvertError::Minutes((seconds / 60.0).to_string()));
        }
        let length = self.bars.map(Length::Bars).or(seconds.map(Length::Seconds));
        Ok(resonantgen_session::Request::song(form)
            .length(length)
            .seed(self.seed)
            .settings(settings(self.variation, self.adherence)))
    }
}

/// How to make a section of a song again, by its kind and energy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SectionRequest {
    /// Tracks to make again; all four if omitted. Locked ones do not change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracks: Option<Vec<TrackName>>,
    /// Seed of every random choice; one that the section has not used if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How far the result may stray from the obvious, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variation: Option<f32>,
    /// How strictly to follow the prompt, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adherence: Option<f32>,
}

impl SectionRequest {
    /// The request in the engine's form.
    #[must_use]
    pub fn request(&self, section: u32) -> resonantgen_session::Request {
        let id = SectionId(section);
        let scope = match &self.tracks {
            Some(tracks) => Scope::of(tracks.iter().copied().map(Track::from)),
            None => Scope::ALL,
        };
        resonantgen_session::Request::section(id)
            .scope(scope.in_section(id))
            .seed(self.seed)
            .settings(settings(self.variation, self.adherence))
    }
}

/// What to change about a section. Omitted fields stay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SectionChange {
    /// Its name, at most 40 characters; no other section may have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its colour, like "#de605c".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// What it is in the song, for what is made from now on: intro, verse, chorus and so on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its energy, 0 to 1, for what is made from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy: Option<f32>,
}

impl SectionChange {
    /// Makes the changes.
    ///
    /// # Errors
    /// When the section is gone, or one of the values is not allowed. The session may then be changed in part.
    pub fn apply(&self, session: &mut Session, section: u32) -> Result<(), ChangeError> {
        let id = SectionId(section);
        let known = session.section(id).ok_or(resonantgen_session::SessionError::SectionGone)?;
        let kind = match &self.kind {
            Some(name) => SectionKind::from_name(name).ok_or_else(|| ConvertError::Kind(name.clone()))?,
            None => known.kind,
        };
        let energy = self.energy.unwrap_or(known.energy);
        if let Some(name) = &self.name {
            session.rename_section(id, name)?;
        }
        if let Some(colour) = &self.colour {
            let read = colour_of(colour).ok_or_else(|| ConvertError::Colour(colour.clone()))?;
            session.colour_section(id, read)?;
        }
        Ok(session.set_section_role(id, kind, energy)?)
    }
}

/// Why a section was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// A value that cannot be read.
    #[error(transparent)]
    Value(#[from] ConvertError),
    /// A change that the session refuses.
    #[error(transparent)]
    Session(#[from] resonantgen_session::SessionError),
}

fn colour_of(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some([red, green, blue])
}

/// The sections of a session and their order. A session that nobody made a song of has one section.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct SongView {
    /// Length of the whole song in bars.
    pub bars: u32,
    /// The same in seconds.
    pub seconds: f64,
    /// The sections, in the order in which they were made.
    pub sections: Vec<SectionView>,
    /// The order in which they are played.
    pub order: Vec<PartView>,
}

/// A section of a song.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct SectionView {
    /// Id: never given twice in a session.
    pub id: u32,
    /// The number by which automation and notes choose it in the plugin, 1 to 16.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// What it is in the song, like "chorus".
    pub kind: String,
    /// Its colour, like "#de605c".
    pub colour: String,
    /// Its energy, 0 to 1.
    pub energy: f32,
    /// Whether it is open: what the session's own plan and tracks are, and what other requests change.
    pub open: bool,
    /// Its plan; `null` before the first generation.
    pub plan: Option<PlanView>,
    /// Its tracks: drums, bass, harmony, melody.
    pub tracks: Vec<TrackView>,
}

/// An entry of a song's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PartView {
    /// Id of the section.
    pub section: u32,
    /// How often it is played, 1 to 64.
    #[serde(default = "once")]
    pub repeats: u32,
}

fn once() -> u32 {
    1
}

impl From<PartView> for Part {
    fn from(part: PartView) -> Self {
        Self { section: SectionId(part.section), repeats: part.repeats }
    }
}

impl From<&Session> for SongView {
    fn from(session: &Session) -> Self {
        let sections = session.sections().map(|section| {
            let [red, green, blue] = section.colour;
            SectionView {
                id: section.id.0,
                number: section.number,
                name: section.name.to_owned(),
                kind: section.kind.name().to_owned(),
                colour: format!("#{red:02x}{green:02x}{blue:02x}"),
                energy: section.energy,
                open: section.is_open,
                plan: section.plan.map(PlanView::from),
                tracks: Track::ALL
                    .into_iter()
                    .zip(section.tracks)
                    .map(|(track, state)| TrackView::of(track, state))
                    .collect(),
            }
        });
        let order = session.order().iter();
        let plans = session.placements();
        let plans = plans.iter().filter_map(|placement| session.section(placement.section)?.plan);
        Self {
            bars: session.song_bars(),
            seconds: plans.map(resonantgen_music::plan::Plan::seconds).sum(),
            sections: sections.collect(),
            order: order.map(|part| PartView { section: part.section.0, repeats: part.repeats }).collect(),
        }
    }
}
