//! [`Request`]: everything that a session can be asked to do, as one value.

use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_take::GenerationSettings;
use resonantgen_words::{TextUnderstanding, is_understood_with};

use super::{Overrides, SessionError};

/// Whether a request starts from its own words or from the playing takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// New takes from the words alone. Tempo, key and chords follow from them, as far as kept takes allow.
    Generate,
    /// New takes relative to the playing ones: "more aggressive". Without words, other takes of the same. The plan is kept.
    Edit,
}

/// The part of a session that a request may change. Locked tracks in it stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    tracks: [bool; TRACK_COUNT],
}

impl Scope {
    /// The whole session.
    pub const ALL: Self = Self { tracks: [true; TRACK_COUNT] };

    /// Some tracks, in any order.
    #[must_use]
    pub fn of(tracks: impl IntoIterator<Item = Track>) -> Self {
        let mut scope = Self { tracks: [false; TRACK_COUNT] };
        for track in tracks {
            scope.tracks[track.index()] = true;
        }
        scope
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
    /// Whether a generation from the playing takes' prompt keeps the words with which they have been edited since.
    pub keeps_edits: bool,
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
            keeps_edits: false,
        }
    }

    /// Keeps the words with which takes of the same prompt were edited.
    #[must_use]
    pub fn keeping_edits(self) -> Self {
        Self { keeps_edits: true, ..self }
    }

    /// Requests new takes relative to the playing ones; without words, other takes of the same.
    #[must_use]
    pub fn edit(scope: impl Into<Scope>, words: impl Into<String>) -> Self {
        Self { operation: Operation::Edit, ..Self::generate(words) }.scope(scope)
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
    }
}
