//! Conversions between wire types and engine types.

use std::str::FromStr;

use resonantgen_models::generator::Stage;
use resonantgen_models::sounds::Sound;
use resonantgen_music::plan::{ParseChordError, ParseKeyError, ParseMeterError, ParseNumeralError, Plan};
use resonantgen_music::track::Track;
use resonantgen_music::variation::NoteDials;
use resonantgen_project::StoredSound as _;
use resonantgen_session::{BundleFacts, Operation, Overrides, Request, Scope, SectionId, TrackState};
use resonantgen_take::{GenerationSettings, TAKE_SAMPLE_RATE_HZ, Take};
use resonantgen_words::form::{FormError, SectionKind};
use resonantgen_words::{Slot, Style, Understood};

use super::{
    BundleView, GenerateRequest, PlanView, RegenerateRequest, SoundView, StageName, TakeView, TrackName,
    TrackView, UnderstoodView, VaryRequest,
};

/// Maximum number of chords in a request: enough for the longest loop.
const MAX_CHORDS: usize = 128;

/// A request contains an invalid value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConvertError {
    /// The key.
    #[error(transparent)]
    Key(#[from] ParseKeyError),
    /// The meter.
    #[error(transparent)]
    Meter(#[from] ParseMeterError),
    /// A chord.
    #[error(transparent)]
    Chord(#[from] ParseChordError),
    /// A Roman numeral.
    #[error(transparent)]
    Numeral(#[from] ParseNumeralError),
    /// Too many chords.
    #[error("{0} chords are too many: use at most {MAX_CHORDS}")]
    Chords(usize),
    /// The form of a song.
    #[error(transparent)]
    Form(#[from] FormError),
    /// The length of a song.
    #[error("a song cannot last {0} minutes")]
    Minutes(String),
    /// What a section is.
    #[error("'{0}' is no kind of section: use one of {list}", list = kind_names())]
    Kind(String),
    /// The colour of a section.
    #[error("'{0}' is no colour: write red, green and blue like \"#de605c\"")]
    Colour(String),
    /// The style.
    #[error("'{0}' is not a style: use one of {list}", list = style_names())]
    Style(String),
}

fn style_names() -> String {
    Style::ALL.map(Style::name).join(", ")
}

fn kind_names() -> String {
    SectionKind::ALL.map(SectionKind::name).join(", ")
}

impl From<Track> for TrackName {
    fn from(track: Track) -> Self {
        match track {
            Track::Drums => Self::Drums,
            Track::Bass => Self::Bass,
            Track::Harmony => Self::Harmony,
            Track::Melody => Self::Melody,
        }
    }
}

impl From<TrackName> for Track {
    fn from(track: TrackName) -> Self {
        match track {
            TrackName::Drums => Self::Drums,
            TrackName::Bass => Self::Bass,
            TrackName::Harmony => Self::Harmony,
            TrackName::Melody => Self::Melody,
        }
    }
}

impl From<Stage> for StageName {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Compose => Self::Compose,
            Stage::Perform => Self::Perform,
            Stage::Decode => Self::Decode,
        }
    }
}

impl From<StageName> for Stage {
    fn from(stage: StageName) -> Self {
        match stage {
            StageName::Compose => Self::Compose,
            StageName::Perform => Self::Perform,
            StageName::Decode => Self::Decode,
        }
    }
}

/// Settings, with defaults for omitted values.
pub(super) fn settings(variation: Option<f32>, adherence: Option<f32>) -> GenerationSettings {
    let default = GenerationSettings::default();
    GenerationSettings {
        variation: variation.unwrap_or(default.variation),
        adherence: adherence.unwrap_or(default.adherence),
        ..default
    }
}

/// The number of candidates, if there is a choice; an older server does not know the field.
fn chosen_from(candidates: u32) -> Option<u32> {
    (candidates > 1).then_some(candidates)
}

/// Parses each item of a list of chords or numerals.
fn listed<T>(texts: Option<&Vec<String>>) -> Result<Option<Vec<T>>, ConvertError>
where
    T: FromStr,
    ConvertError: From<T::Err>,
{
    match texts {
        Some(texts) if texts.len() > MAX_CHORDS => Err(ConvertError::Chords(texts.len())),
        Some(texts) => Ok(Some(texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?)),
        None => Ok(None),
    }
}

impl GenerateRequest {
    /// The request in the engine's form.
    ///
    /// # Errors
    /// Returns an error if key, meter, chords or style cannot be parsed. The engine checks ranges.
    pub fn request(&self) -> Result<Request, ConvertError> {
        let style = |name: &String| {
            Style::ALL
                .into_iter()
                .find(|style| style.name() == name)
                .ok_or_else(|| ConvertError::Style(name.clone()))
        };
        Ok(Request {
            operation: if self.edit { Operation::Edit } else { Operation::Generate },
            scope: match &self.tracks {
                Some(tracks) => Scope::of(tracks.iter().copied().map(Track::from)),
                None => Scope::ALL,
            }
            .in_section(self.section.map(SectionId)),
            words: self.prompt.clone(),
            facts: Overrides {
                bpm: self.bpm,
                key: self.key.as_deref().map(str::parse).transpose()?,
                meter: self.meter.as_deref().map(str::parse).transpose()?,
                bars: self.bars,
                chords: listed(self.chords.as_ref())?,
                numerals: listed(self.numerals.as_ref())?,
                style: self.style.as_ref().map(style).transpose()?,
            },
            seed: self.seed,
            settings: settings(self.variation, self.adherence),
            candidates: self.candidates.unwrap_or(1),
            keeps_edits: self.keep_edits,
            reference: None,
            form: None,
            length: None,
        })
    }
}

impl From<&Request> for GenerateRequest {
    fn from(request: &Request) -> Self {
        let Request { operation, scope, words, facts, seed, settings, candidates, keeps_edits, .. } = request;
        let Overrides { bpm, key, meter, bars, chords, numerals, style } = facts;
        Self {
            prompt: words.clone(),
            seed: *seed,
            tracks: Some(scope.tracks().map(TrackName::from).collect()),
            bpm: *bpm,
            key: key.map(|key| key.to_string()),
            meter: meter.map(|meter| meter.to_string()),
            bars: *bars,
            chords: chords.as_ref().map(|chords| chords.iter().map(ToString::to_string).collect()),
            numerals: numerals.as_ref().map(|numerals| numerals.iter().map(ToString::to_string).collect()),
            style: style.map(|style| style.name().to_owned()),
            variation: Some(settings.variation),
            adherence: Some(settings.adherence),
            candidates: chosen_from(*candidates),
            edit: *operation == Operation::Edit,
            keep_edits: *keeps_edits,
            section: scope.section().map(|section| section.0),
        }
    }
}

impl RegenerateRequest {
    /// The request in the engine's form.
    #[must_use]
    pub fn request(&self, track: TrackName) -> Request {
        let scope = Scope::from(Track::from(track)).in_section(self.section.map(SectionId));
        let scope = self.bars.map_or(scope, |[first, last]| scope.in_bars(first..=last));
        Request::edit(scope, &self.edit)
            .seed(self.seed)
            .settings(settings(self.variation, self.adherence))
            .candidates(self.candidates.unwrap_or(1))
    }

    /// The edit of one track, and the track; `None` for any other request.
    #[must_use]
    pub fn of(request: &Request) -> Option<(TrackName, Self)> {
        let track = request.scope.only_track().filter(|_| request.operation == Operation::Edit)?;
        let edit = Self {
            edit: request.words.clone(),
            seed: request.seed,
            variation: Some(request.settings.variation),
            adherence: Some(request.settings.adherence),
            candidates: chosen_from(request.candidates),
            section: request.scope.section().map(|section| section.0),
            bars: request.scope.bars().map(|bars| [*bars.start(), *bars.end()]),
        };
        Some((track.into(), edit))
    }
}

impl VaryRequest {
    /// The dials in the engine's form.
    #[must_use]
    pub fn dials(&self) -> NoteDials {
        NoteDials { density: self.density, complexity: self.complexity, fills: self.fills }
    }
}

impl From<&Plan> for PlanView {
    fn from(plan: &Plan) -> Self {
        Self {
            bpm: plan.bpm,
            key: plan.key.to_string(),
            meter: plan.meter.to_string(),
            bars: plan.bars,
            chords: plan.chords.iter().map(ToString::to_string).collect(),
            seconds: plan.seconds(),
        }
    }
}

impl TakeView {
    fn of(take: &Take, favourite: bool) -> Self {
        Self {
            id: take.id.0.clone(),
            prompt: take.recipe.prompt.clone(),
            patch: take.patch.clone(),
            seed: take.recipe.seed,
            notes: take.score.notes.len(),
            // A lost take has no audio to measure.
            seconds: take.recipe.plan.audio_frames(TAKE_SAMPLE_RATE_HZ) as f64
                / f64::from(TAKE_SAMPLE_RATE_HZ),
            favourite,
            lost: take.is_lost(),
        }
    }
}

impl From<&Understood> for UnderstoodView {
    fn from(understood: &Understood) -> Self {
        let about = match understood.slot {
            Slot::Style => "style",
            Slot::Tempo => "tempo",
            Slot::Key => "key",
            Slot::Meter => "meter",
            Slot::Bars => "bars",
            Slot::Chords => "chords",
            Slot::Swing => "swing",
            Slot::Mood => "mood",
            Slot::Instrument(track) | Slot::Track(track) | Slot::Absent(track) => track.name(),
            Slot::Unknown => "unknown",
        };
        Self { about: about.to_owned(), text: understood.text.clone() }
    }
}

impl From<&BundleFacts> for BundleView {
    fn from(bundle: &BundleFacts) -> Self {
        Self { id: bundle.id.clone(), licence: bundle.licence.clone() }
    }
}

impl From<&Sound> for SoundView {
    fn from(sound: &Sound) -> Self {
        Self {
            id: sound.id.clone(),
            name: sound.name.clone(),
            family: sound.family.name().to_owned(),
            tags: sound.tags.clone(),
        }
    }
}

impl TrackView {
    /// The view of a track.
    #[must_use]
    pub fn of(track: Track, state: &TrackState) -> Self {
        Self {
            track: track.into(),
            locked: state.locked,
            take: state.take().map(|take| take.id.0.clone()),
            held_sound: state.held_sound.clone(),
            takes: state
                .history
                .iter()
                .map(|take| TakeView::of(take, state.favourites.contains(&take.id)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_the_engine_takes_survives_the_journey(
            is_edit: bool,
            seed: Option<u64>,
            bpm in proptest::option::of(40.0_f64..=240.0),
            bars in proptest::option::of(1_u32..=64),
            variation in 0.0_f32..=1.0,
            adherence in 0.0_f32..=1.0,
            style in proptest::option::of(0_usize..12),
            key in proptest::option::of(proptest::sample::select(vec!["A minor", "F# dorian", "Eb major"])),
            meter in proptest::option::of(proptest::sample::select(vec!["4/4", "6/8", "7/8"])),
            chords in proptest::option::of(proptest::collection::vec(
                proptest::sample::select(vec!["Am", "F#m7b5", "Ebmaj7", "Bb9", "AmMaj7", "C5"]), 1..6)),
        ) {
            let facts = Overrides {
                bpm,
                key: key.map(|key| key.parse().expect("a key")),
                meter: meter.map(|meter| meter.parse().expect("a meter")),
                bars,
                chords: chords.map(|chords| chords.iter().map(|chord| chord.parse().expect("a chord")).collect()),
                numerals: None,
                style: style.map(|index| Style::ALL[index]),
            };
            let request = Request {
                operation: if is_edit { Operation::Edit } else { Operation::Generate },
                scope: Scope::of([Track::Bass, Track::Melody]).in_section(seed.map(|_| SectionId(7))),
                words: "dark techno \u{1f941}\n\"x\"".to_owned(),
                facts,
                seed,
                settings: GenerationSettings { variation, adherence, ..GenerationSettings::default() },
                candidates: if is_edit { 8 } else { 1 },
                keeps_edits: !is_edit,
                reference: None,
                form: None,
                length: None,
            };
            let json = serde_json::to_vec(&GenerateRequest::from(&request)).expect("plain data");
            let arrived: GenerateRequest = serde_json::from_slice(&json).expect("what was sent");
            prop_assert_eq!(arrived.request().expect("what was sent"), request.clone());
            prop_assert_eq!(RegenerateRequest::of(&request), None);
        }
    }
    #[test]
    fn an_edit_of_one_track_survives_the_journey() {
        let settings =
            GenerationSettings { variation: 0.25, adherence: 0.75, ..GenerationSettings::default() };
        let scope = Scope::from(Track::Harmony).in_section(SectionId(2)).in_bars(3..=4);
        let request = Request::edit(scope, "darker").seed(3).settings(settings).candidates(8);
        let (track, edit) = RegenerateRequest::of(&request).expect("an edit");
        let json = serde_json::to_vec(&edit).expect("plain data");
        let arrived: RegenerateRequest = serde_json::from_slice(&json).expect("what was sent");
        assert_eq!(arrived.request(track), request);
    }
}
