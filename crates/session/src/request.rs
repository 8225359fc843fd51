//! [`Request`]: everything that a session can be asked to do, as one value.

use std::ops::RangeInclusive;

use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_take::GenerationSettings;
use resonantgen_words::form::{Form, Length};
use resonantgen_words::{Reference, TextUnderstanding, is_understood_with};

use super::{Overrides, SectionId, SessionError, SongRequest};

/// Whether a request starts from its own words or from the playing takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// New takes from the words alone. Tempo, key and chords follow from them, as far as kept takes allow.
    Generate,
    /// New takes relative to the playing ones: "more aggressive". Without words, other takes of the same. The plan is kept.
    Edit,
    /// A song of the section's loop, in the form and at the length asked for.
    Song,
    /// A section of a song again, by its kind and energy, from the loop that the song was made of.
    Section,
}

/// The part of a session that a request may change. Locked tracks in it stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    tracks: [bool; TRACK_COUNT],
    section: Option<SectionId>,
    bars: Option<(u32, u32)>,
}

impl Scope {
    /// All tracks of the open section.
    pub const ALL: Self = Self { tracks: [true; TRACK_COUNT], section: None, bars: None };

    /// Some tracks, in any order.
    #[must_use]
    pub fn of(tracks: impl IntoIterator<Item = Track>) -> Self {
        let mut scope = Self { tracks: [false; TRACK_COUNT], ..Self::ALL };
        for track in tracks {
            scope.tracks[track.index()] = true;
        }
        scope
    }

    /// The same tracks in another section than the open one.
    #[must_use]
    pub fn in_section(self, section: impl Into<Option<SectionId>>) -> Self {
        Self { section: section.into(), ..self }
    }

    /// Only some bars of the takes, counted from 1. Of an edit without words; it writes them anew and leaves all others to the bit.
    #[must_use]
    pub fn in_bars(self, bars: RangeInclusive<u32>) -> Self {
        Self { bars: Some(bars.into_inner()), ..self }
    }

    /// The section that may change; `None` is the open one.
    #[must_use]
    pub fn section(&self) -> Option<SectionId> {
        self.section
    }

    /// The bars that may change, counted from 1; `None` are all.
    #[must_use]
    pub fn bars(&self) -> Option<RangeInclusive<u32>> {
        self.bars.map(|(first, last)| first..=last)
    }

    /// Whether `track` may change.
    #[must_use]
    pub fn contains(&self, track: Track) -> bool {
        self.tracks[track.index()]
    }

    /// Its tracks, in the order in which their takes are made.
    pub fn tracks(&self) -> impl Iterator<Item = Track> + use<> {
        let scope = *self;
        Track::ALL.into_iter().filter(move |track| scope.contains(*track))
    }

    /// Its track, if it has exactly one.
    #[must_use]
    pub fn only_track(&self) -> Option<Track> {
        let mut tracks = self.tracks();
        tracks.next().filter(|_| tracks.next().is_none())
    }
}

impl From<Track> for Scope {
    fn from(track: Track) -> Self {
        Self::of([track])
    }
}

/// Everything that a session can be asked to do, as one value. The editor, parameters, MIDI, the command line, the server and
/// tests all create one and pass it to [`Session::apply`](super::Session::apply).
///
/// ```
/// use resonantgen_music::track::Track;
/// use resonantgen_session::{Overrides, Request};
///
/// let whole = Request::generate("dark techno with driving bass")
///     .facts(Overrides { bpm: Some(128.0), ..Overrides::default() })
///     .seed(7);
/// assert_eq!(whole.scope.tracks().count(), 4);
///
/// let edit = Request::edit(Track::Bass, "more aggressive");
/// assert_eq!(edit.scope.only_track(), Some(Track::Bass));
/// assert_eq!(edit.seed, None, "the seed after that of the take that plays");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Whether it starts from the words or from the playing takes.
    pub operation: Operation,
    /// What may change.
    pub scope: Scope,
    /// The prompt, or the words of an edit.
    pub words: String,
    /// Facts fixed by the user or the host, which override the words. An edit keeps the plan and ignores them.
    pub facts: Overrides,
    /// Seed of every random choice; `None` stands for [`Session::seed_of`](super::Session::seed_of).
    pub seed: Option<u64>,
    /// Settings of the generator.
    pub settings: GenerationSettings,
    /// How many scores are written for each track, in `1..=`[`MOST_CANDIDATES`](resonantgen_take::maker::MOST_CANDIDATES); only the
    /// best is performed, and the rest can be heard later ([`Session::candidates`](super::Session::candidates)).
    pub candidates: u32,
    /// Whether a generation from the playing takes' prompt keeps the words with which they have been edited since.
    pub keeps_edits: bool,
    /// A part whose groove and register the takes of an edit follow; they are composed anew, and not close to what plays.
    pub reference: Option<Reference>,
    /// The form of a song; `None` is that of its genre.
    pub form: Option<Form>,
    /// About how long a song shall be; `None` leaves the form as it is.
    pub length: Option<Length>,
}

impl Request {
    /// Requests new takes of all tracks from a prompt.
    #[must_use]
    pub fn generate(prompt: impl Into<String>) -> Self {
        Self {
            operation: Operation::Generate,
            scope: Scope::ALL,
            words: prompt.into(),
            facts: Overrides::default(),
            seed: None,
            settings: GenerationSettings::default(),
            candidates: 1,
            keeps_edits: false,
            reference: None,
            form: None,
            length: None,
        }
    }

    /// Asks for a song of the open section's loop, in a form or in that of its genre.
    ///
    /// ```
    /// use resonantgen_session::{Operation, Request};
    ///
    /// let request = Request::song("intro 8, verse 16, chorus 8".parse().ok());
    /// assert_eq!(request.operation, Operation::Song);
    /// assert_eq!(request.form.map(|form| form.bars()), Some(32));
    /// ```
    #[must_use]
    pub fn song(form: impl Into<Option<Form>>) -> Self {
        Self { operation: Operation::Song, form: form.into(), ..Self::generate("") }
    }

    /// Asks for a section again, by what it is in its song.
    #[must_use]
    pub fn section(section: SectionId) -> Self {
        Self { operation: Operation::Section, scope: Scope::ALL.in_section(section), ..Self::generate("") }
    }

    /// With a length of the song.
    #[must_use]
    pub fn length(self, length: impl Into<Option<Length>>) -> Self {
        Self { length: length.into(), ..self }
    }

    /// What song it asks for.
    #[must_use]
    pub fn song_request(&self) -> SongRequest {
        SongRequest { form: self.form.clone(), length: self.length, seed: self.seed, settings: self.settings }
    }

    /// A generation that keeps the words by which takes of the same prompt were edited.
    #[must_use]
    pub fn keeping_edits(self) -> Self {
        Self { keeps_edits: true, ..self }
    }

    /// Requests new takes relative to the playing ones; without words, other takes of the same.
    #[must_use]
    pub fn edit(scope: impl Into<Scope>, words: impl Into<String>) -> Self {
        Self { operation: Operation::Edit, ..Self::generate(words) }.scope(scope)
    }

    /// An edit whose takes follow the groove and the register of a part.
    #[must_use]
    pub fn like(self, reference: Reference) -> Self {
        Self { reference: Some(reference), ..self }
    }

    /// With another scope.
    #[must_use]
    pub fn scope(self, scope: impl Into<Scope>) -> Self {
        Self { scope: scope.into(), ..self }
    }

    /// With facts that override the words.
    #[must_use]
    pub fn facts(self, facts: Overrides) -> Self {
        Self { facts, ..self }
    }

    /// With a seed; `None` leaves it to the session.
    #[must_use]
    pub fn seed(self, seed: impl Into<Option<u64>>) -> Self {
        Self { seed: seed.into(), ..self }
    }

    /// With settings of the generator.
    #[must_use]
    pub fn settings(self, settings: GenerationSettings) -> Self {
        Self { settings, ..self }
    }

    /// With a choice of as many scores for each track.
    #[must_use]
    pub fn candidates(self, candidates: u32) -> Self {
        Self { candidates, ..self }
    }

    /// Refuses words without any known meaning, for interfaces that cannot show what was understood.
    /// [`Session::apply`](super::Session::apply) itself reads such a prompt as neutral pop.
    ///
    /// # Errors
    /// [`SessionError::NotUnderstood`] if no word is known and, with a sentence model, the whole text resembles nothing known.
    pub fn check_understood(&self, text: Option<&dyn TextUnderstanding>) -> Result<(), SessionError> {
        if is_understood_with(&self.words, text) { Ok(()) } else { Err(SessionError::NotUnderstood) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_a_set_of_tracks() {
        let scope = Scope::of([Track::Melody, Track::Bass, Track::Melody]);
        assert_eq!(scope.tracks().collect::<Vec<_>>(), [Track::Bass, Track::Melody]);
        assert_eq!(scope, Scope::of([Track::Bass, Track::Melody]));
        assert_eq!((scope.only_track(), Scope::of([]).only_track()), (None, None));
        assert_eq!(Scope::from(Track::Drums).only_track(), Some(Track::Drums));
        let bars = Scope::from(Track::Drums).in_bars(5..=6).in_section(SectionId(3));
        assert_eq!(
            (bars.bars(), bars.section(), bars.only_track()),
            (Some(5..=6), Some(SectionId(3)), Some(Track::Drums))
        );
    }
}
