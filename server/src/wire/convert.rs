//! Conversions between wire types and engine types.

use std::str::FromStr;

use resonantgen_models::generator::Stage;
use resonantgen_models::sounds::Sound;
use resonantgen_music::plan::{ParseChordError, ParseKeyError, ParseMeterError, ParseNumeralError, Plan};
use resonantgen_music::track::Track;
use resonantgen_music::variation::NoteDials;
use resonantgen_project::StoredSound as _;
use resonantgen_session::{
    BundleFacts, Operation, Overrides, Request, Scope, SectionId, Session, TrackState,
};
use resonantgen_take::{GenerationSettings, TAKE_SAMPLE_RATE_HZ, Take};
use resonantgen_words::form::{FormError, SectionKind};
use resonantgen_words::genre::Length;
use resonantgen_words::{Reference, Slot, Style, Understood};

use super::{
    BundleView, GenerateRequest, Like, Part, PlanView, RegenerateRequest, Rhythm, SoundView, StageName,
    TakeView, TrackName, TrackView, UnderstoodView, VaryRequest,
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
    /// The take to follow.
    #[error("{track} has no take '{take}' with notes in this session")]
    Like {
        /// Its id.
        take: String,
        /// The track.
        track: Track,
    },
    /// How long the notes of the part to follow are.
    #[error("'{0}' is no length of notes: use free, short or long")]
    Length(String),
    /// A rhythm of the part to follow.
    #[error("'{0}' is no rhythm in its meter: write X, x, o, ? or . for each sixteenth and | between bars")]
    Rhythm(String),
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
    /// The request in the engine's form; `session` has the take that it may name.
    ///
    /// # Errors
    /// Returns an error if the part to follow cannot be parsed, or the session has no such take of the track.
    pub fn request(&self, track: TrackName, session: &Session) -> Result<Request, ConvertError> {
        let track = Track::from(track);
        let scope = Scope::from(track).in_section(self.section.map(SectionId));
        let scope = self.bars.map_or(scope, |[first, last]| scope.in_bars(first..=last));
        let request = Request::edit(scope, &self.edit)
            .seed(self.seed)
            .settings(settings(self.variation, self.adherence))
            .candidates(self.candidates.unwrap_or(1));
        Ok(match &self.like {
            None => request,
            Some(like) => request.like(like.reference(track, session)?),
        })
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
            like: request.reference.as_ref().map(|reference| Like::Part(reference.into())),
        };
        Some((track.into(), edit))
    }
}

impl Like {
    /// What a take of a track follows.
    fn reference(&self, track: Track, session: &Session) -> Result<Reference, ConvertError> {
        match self {
            Self::Part(part) => part.reference(),
            Self::Take(id) => {
                let mut takes = session.states(track).flat_map(|state| &state.history);
                let take = takes.find(|take| take.id.0 == *id);
                let reference = take.and_then(|take| take.reference());
                reference.ok_or_else(|| ConvertError::Like { take: id.clone(), track })
            }
        }
    }
}

impl Part {
    /// The part in the engine's form.
    fn reference(&self) -> Result<Reference, ConvertError> {
        let meter = self.meter.parse()?;
        let length = Length::ALL.into_iter().find(|length| length.name() == self.length);
        let reference = Reference {
            meter,
            patterns: self
                .rhythms
                .iter()
                .map(|rhythm| (rhythm.voice.clone(), rhythm.steps.clone()))
                .collect(),
            register: self.register.map(|[low, high]| (low, high)),
            length: length.ok_or_else(|| ConvertError::Length(self.length.clone()))?,
            voices: self.voices.map(|[fewest, most]| (fewest, most)),
        };
        let is_readable = |(voice, _): &&(String, String)| reference.pattern(voice, meter).is_some();
        match reference.patterns.iter().find(|rhythm| !is_readable(rhythm)) {
            Some((_, signs)) => Err(ConvertError::Rhythm(signs.clone())),
            None => Ok(reference),
        }
    }
}

impl From<&Reference> for Part {
    fn from(reference: &Reference) -> Self {
        let rhythm =
            |(voice, steps): &(String, String)| Rhythm { voice: voice.clone(), steps: steps.clone() };
        Self {
            meter: reference.meter.to_string(),
            rhythms: reference.patterns.iter().map(rhythm).collect(),
            register: reference.register.map(|(low, high)| [low, high]),
            length: reference.length.name().to_owned(),
            voices: reference.voices.map(|(fewest, most)| [fewest, most]),
        }
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
    use resonantgen_session::fake::generated;

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
        let journey = |request: &Request, session: &Session| {
            let (track, edit) = RegenerateRequest::of(request).expect("an edit");
            let json = serde_json::to_vec(&edit).expect("plain data");
            let arrived: RegenerateRequest = serde_json::from_slice(&json).expect("what was sent");
            arrived.request(track, session).expect("what was sent")
        };
        let session = generated("house", 1);
        assert_eq!(journey(&request, &session), request);
        for track in Track::ALL {
            let take = session.track(track).take().expect("a take");
            let reference = take.reference().expect("it has notes");
            let request = Request::edit(track, "").seed(3).like(reference.clone());
            assert_eq!(journey(&request, &session), request, "the part itself is sent");
            let named = RegenerateRequest {
                like: Some(Like::Take(take.id.0.clone())),
                ..RegenerateRequest::default()
            };
            let asked = named.request(track.into(), &session).expect("a take of the session");
            assert_eq!(asked.reference, Some(reference));
            let elsewhere = named.request(track.into(), &Session::default()).expect_err("no such take");
            assert!(elsewhere.to_string().contains("no take"), "{elsewhere}");
        }
    }

    #[test]
    fn a_part_that_cannot_be_read_is_refused() {
        let part = Part {
            meter: "4/4".to_owned(),
            rhythms: vec![Rhythm { voice: String::new(), steps: "x...".repeat(4) }],
            register: Some([36, 60]),
            length: "short".to_owned(),
            voices: Some([1, 1]),
        };
        let reason = |part: Part| {
            let request = RegenerateRequest { like: Some(Like::Part(part)), ..RegenerateRequest::default() };
            request.request(TrackName::Bass, &Session::default()).err().map(|error| error.to_string())
        };
        assert_eq!(reason(part.clone()), None);
        let rhythms = vec![Rhythm { voice: String::new(), steps: "x..".to_owned() }];
        for (part, word) in [
            (Part { meter: "four".to_owned(), ..part.clone() }, "four"),
            (Part { length: "endless".to_owned(), ..part.clone() }, "'endless'"),
            (Part { rhythms, ..part }, "'x..'"),
        ] {
            let reason = reason(part).expect("it is refused");
            assert!(reason.contains(word), "{reason}");
        }
    }
}
