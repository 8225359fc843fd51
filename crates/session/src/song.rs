//! Songs: sections, each with its own plan and tracks, and the order in which they are played.
//!
//! One section is *open*: its content is held in the fields of [`Session`], so that every operation on a loop also works on a
//! section. The contents of the other sections are kept in the song. A session that is not a song has a single section.

mod compose;
mod edit;
mod form;

pub use compose::SongRequest;
pub use form::Likeness;

use std::sync::Arc;

use super::{BundleFacts, Session, SessionError, TrackState};
use resonantgen_music::plan::Plan;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_take::Take;
use resonantgen_words::Intent;
use resonantgen_words::form::{MOST_PARTS, MOST_REPEATS, MOST_SECTIONS, SectionKind};

/// Identity of a section within its session. Ids are never reused, so an id stays valid after other sections are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SectionId(pub u32);

/// The content of a section: a prompt, its meaning, a plan, and four tracks.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// The prompt as typed.
    pub prompt: String,
    /// The meaning of the prompt.
    pub intent: Option<Intent>,
    /// The plan that the tracks share.
    pub plan: Option<Plan>,
    /// Seed of the last generation.
    pub seed: u64,
    /// Bundle of the last generation.
    pub bundle: Option<BundleFacts>,
    /// The tracks, indexed like [`Track::ALL`].
    pub tracks: [TrackState; TRACK_COUNT],
}

/// A named part of a song.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its identity.
    pub id: SectionId,
    /// The number by which automation and notes choose it, from 1 to [`MOST_SECTIONS`]. It is unique within the song and stays the
    /// same when other sections are deleted.
    pub number: u32,
    /// Display name.
    pub name: String,
    /// Its role in the song.
    pub kind: SectionKind,
    /// Colour: red, green, blue.
    pub colour: [u8; 3],
    /// Energy, in `0.0..=1.0`.
    pub energy: f32,
    /// Its content. Empty for the open section, whose content is in the session's own fields.
    pub content: Content,
}

impl Section {
    /// A section of the given kind, with that kind's name, colour and usual energy, and the number 1.
    #[must_use]
    pub fn new(id: SectionId, kind: SectionKind) -> Self {
        Self {
            id,
            number: 1,
            name: kind.title().to_owned(),
            kind,
            colour: kind.colour(),
            energy: resonantgen_words::form::rules_of(kind, resonantgen_words::Style::Pop).energy,
            content: Content::default(),
        }
    }
}

/// One entry of a song's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The section to play.
    pub section: SectionId,
    /// Number of times in a row, at least 1.
    pub repeats: u32,
}

/// The sections of a session and their order.
#[derive(Clone, Debug)]
pub struct Song {
    /// Sections in order of creation.
    sections: Vec<Section>,
    order: Vec<Part>,
    open: SectionId,
    next: u32,
}

impl Default for Song {
    /// One section, played once.
    fn default() -> Self {
        let id = SectionId(1);
        let section = Section::new(id, SectionKind::A);
        Self { sections: vec![section], order: vec![Part { section: id, repeats: 1 }], open: id, next: 2 }
    }
}

impl Song {
    /// Builds a song from stored values. `None` if it has no section or too many, if two sections share an id, or if an entry
    /// refers to a missing section. Other values that are out of range are corrected, and sections without a number of their own get
    /// one.
    #[must_use]
    pub fn read(sections: Vec<Section>, order: Vec<Part>, open: SectionId) -> Option<Self> {
        let has = |id: SectionId| sections.iter().any(|section| section.id == id);
        let is_known = !sections.is_empty()
            && sections.len() <= MOST_SECTIONS
            && order.len() <= MOST_PARTS
            && has(open)
            && order.iter().all(|part| has(part.section))
            && (1..sections.len())
                .all(|index| sections[..index].iter().all(|other| other.id != sections[index].id));
        let next = sections.iter().map(|section| section.id.0).max()?.checked_add(1)?;
        is_known.then(|| Self {
            sections: numbered(sections)
                .into_iter()
                .map(|section| Section { energy: section.energy.clamp(0.0, 1.0), ..section })
                .collect(),
            order: order
                .into_iter()
                .map(|part| Part { repeats: part.repeats.clamp(1, MOST_REPEATS), ..part })
                .collect(),
            open,
            next,
        })
    }

    fn position(&self, id: SectionId) -> Option<usize> {
        self.sections.iter().position(|section| section.id == id)
    }

    fn new_id(&mut self) -> SectionId {
        self.next += 1;
        SectionId(self.next - 1)
    }
}

/// The lowest number that none of the sections has.
fn free_number<'a>(sections: impl Iterator<Item = &'a Section> + Clone) -> u32 {
    (1..).find(|number| sections.clone().all(|section| section.number != *number)).unwrap_or(1)
}

/// Gives each section a valid number of its own, and keeps those that are.
fn numbered(mut sections: Vec<Section>) -> Vec<Section> {
    for index in 0..sections.len() {
        let number = sections[index].number;
        let is_taken = sections[..index].iter().any(|section| section.number == number);
        if is_taken || !(1..=MOST_SECTIONS as u32).contains(&number) {
            sections[index].number = 0;
        }
    }
    for index in 0..sections.len() {
        if sections[index].number == 0 {
            sections[index].number = free_number(sections.iter());
        }
    }
    sections
}

/// A view of a section's current state, open or not.
#[derive(Clone, Copy, Debug)]
pub struct SectionView<'a> {
    /// Its identity.
    pub id: SectionId,
    /// The number by which it is chosen, from 1.
    pub number: u32,
    /// Its name.
    pub name: &'a str,
    /// Its role in the song.
    pub kind: SectionKind,
    /// Colour: red, green, blue.
    pub colour: [u8; 3],
    /// Energy, in `0.0..=1.0`.
    pub energy: f32,
    /// Whether it is the open one.
    pub is_open: bool,
    /// The prompt as typed.
    pub prompt: &'a str,
    /// The meaning of the prompt.
    pub intent: Option<&'a Intent>,
    /// The plan that its tracks share; `None` before the first generation.
    pub plan: Option<&'a Plan>,
    /// Seed of its last generation.
    pub seed: u64,
    /// Bundle of its last generation.
    pub bundle: Option<&'a BundleFacts>,
    /// Its tracks, indexed like [`Track::ALL`].
    pub tracks: &'a [TrackState; TRACK_COUNT],
}

impl<'a> SectionView<'a> {
    /// The take playing on a track.
    #[must_use]
    pub fn take(&self, track: Track) -> Option<&'a Arc<Take>> {
        self.tracks[track.index()].take()
    }

    /// Its length in bars; 0 before the first generation.
    #[must_use]
    pub fn bars(&self) -> u32 {
        self.plan.map_or(0, |plan| plan.bars)
    }
}

/// One pass of a section on the song's timeline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// The section.
    pub section: SectionId,
    /// Index of the entry in the order.
    pub part: usize,
    /// Number of the pass within the entry, from 0.
    pub pass: u32,
    /// Its first bar, from 0, counted in each section's own bars.
    pub first_bar: u32,
    /// Its length in bars.
    pub bars: u32,
    /// Its start in quarter notes.
    pub start_quarter: f64,
    /// Its length in quarter notes.
    pub quarters: f64,
}

impl Session {
    /// The sections, in order of creation; at least one.
    pub fn sections(&self) -> impl Iterator<Item = SectionView<'_>> {
        self.song.sections.iter().map(|section| self.view(section))
    }

    /// The section with the given id.
    #[must_use]
    pub fn section(&self, id: SectionId) -> Option<SectionView<'_>> {
        self.song.position(id).map(|index| self.view(&self.song.sections[index]))
    }

    fn view<'a>(&'a self, section: &'a Section) -> SectionView<'a> {
        let is_open = section.id == self.song.open;
        let Content { prompt, intent, plan, seed, bundle, tracks } = &section.content;
        let (prompt, intent, plan, seed, bundle, tracks) = if is_open {
            (&self.prompt, &self.intent, &self.plan, self.seed, &self.bundle, &self.tracks)
        } else {
            (prompt, intent, plan, *seed, bundle, tracks)
        };
        SectionView {
            id: section.id,
            number: section.number,
            name: &section.name,
            kind: section.kind,
            colour: section.colour,
            energy: section.energy,
            is_open,
            prompt,
            intent: intent.as_ref(),
            plan: plan.as_ref(),
            seed,
            bundle: bundle.as_ref(),
            tracks,
        }
    }

    /// The section with a number.
    #[must_use]
    pub fn numbered_section(&self, number: u32) -> Option<SectionView<'_>> {
        self.song.sections.iter().find(|section| section.number == number).map(|section| self.view(section))
    }

    /// Finds a section by name, ignoring case and hyphens, or by its number.
    ///
    /// ```
    /// use resonantgen_session::{Session, SessionError};
    ///
    /// let session = Session::default();
    /// assert_eq!(session.find_section("a")?, session.find_section("1")?);
    /// # Ok::<(), SessionError>(())
    /// ```
    ///
    /// # Errors
    /// [`SessionError::NoSuchSection`] if there is none.
    pub fn find_section(&self, text: &str) -> Result<SectionId, SessionError> {
        let plain = |text: &str| text.trim().to_lowercase().replace(['-', '_'], " ");
        let wanted = plain(text);
        let by_name = self.song.sections.iter().find(|section| plain(&section.name) == wanted);
        let by_number = || {
            let number: u32 = wanted.parse().ok()?;
            self.song.sections.iter().find(|section| section.number == number)
        };
        by_name.or_else(by_number).map(|section| section.id).ok_or_else(|| SessionError::NoSuchSection {
            wanted: text.trim().to_owned(),
            known: self
                .song
                .sections
                .iter()
                .map(|section| section.name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        })
    }

    /// The order in which the sections are played.
    #[must_use]
    pub fn order(&self) -> &[Part] {
        &self.song.order
    }

    /// The section whose content is in the session's own fields.
    #[must_use]
    pub fn open_section_id(&self) -> SectionId {
        self.song.open
    }

    /// Whether the session is a song rather than a single loop.
    #[must_use]
    pub fn is_song(&self) -> bool {
        self.song.sections.len() > 1 || self.song.order.iter().map(|part| part.repeats).sum::<u32>() > 1
    }

    /// What is played when, in order. Sections without a plan are left out.
    #[must_use]
    pub fn placements(&self) -> Vec<Placement> {
        let mut placements = Vec::new();
        let (mut first_bar, mut start_quarter) = (0, 0.0);
        for (index, part) in self.song.order.iter().enumerate() {
            let Some(plan) = self.section(part.section).and_then(|section| section.plan) else { continue };
            for pass in 0..part.repeats {
                let (bars, quarters) = (plan.bars, plan.quarters());
                placements.push(Placement {
                    section: part.section,
                    part: index,
                    pass,
                    first_bar,
                    bars,
                    start_quarter,
                    quarters,
                });
                first_bar += bars;
                start_quarter += quarters;
            }
        }
        placements
    }

    /// Gives a loaded session its song. The content of the open section is the session's own.
    #[must_use]
    pub fn with_song(mut self, song: Song) -> Self {
        self.song = song;
        self
    }

    /// Loads another section's content into the session's own fields, to work on it. This changes nothing that is played, so it
    /// is not an undo step.
    ///
    /// # Errors
    /// [`SessionError::SectionGone`] if the section no longer exists.
    pub fn open_section(&mut self, id: SectionId) -> Result<(), SessionError> {
        let index = self.song.position(id).ok_or(SessionError::SectionGone)?;
        if id == self.song.open {
            return Ok(());
        }
        let before = self.take_content();
        if let Some(open) = self.song.position(self.song.open) {
            self.song.sections[open].content = before;
        }
        let content = std::mem::take(&mut self.song.sections[index].content);
        self.song.open = id;
        self.put_content(content);
        Ok(())
    }

    fn take_content(&mut self) -> Content {
        Content {
            prompt: std::mem::take(&mut self.prompt),
            intent: self.intent.take(),
            plan: self.plan.take(),
            seed: self.seed,
            bundle: self.bundle.take(),
            tracks: std::mem::take(&mut self.tracks),
        }
    }

    /// A copy of the open section's content.
    pub(super) fn content(&self) -> Content {
        Content {
            prompt: self.prompt.clone(),
            intent: self.intent.clone(),
            plan: self.plan.clone(),
            seed: self.seed,
            bundle: self.bundle.clone(),
            tracks: self.tracks.clone(),
        }
    }

    fn put_content(&mut self, content: Content) {
        let Content { prompt, intent, plan, seed, bundle, tracks } = content;
        self.prompt = prompt;
        self.intent = intent;
        self.plan = plan;
        self.seed = seed;
        self.bundle = bundle;
        self.tracks = tracks;
        self.steps.locked = self.tracks.each_ref().map(|state| state.locked);
    }

    /// The states of a track in all sections, the open section first.
    pub fn states(&self, track: Track) -> impl Iterator<Item = &TrackState> {
        let open = self.song.open;
        let others = self.song.sections.iter().filter(move |section| section.id != open);
        [self.track(track)]
            .into_iter()
            .chain(others.map(move |section| &section.content.tracks[track.index()]))
    }

    /// Like [`Session::states`], but mutable. Changes made this way cannot be undone.
    pub fn states_mut(&mut self, track: Track) -> impl Iterator<Item = &mut TrackState> {
        let open = self.song.open;
        let others = self.song.sections.iter_mut().filter(move |section| section.id != open);
        [&mut self.tracks[track.index()]]
            .into_iter()
            .chain(others.map(move |section| &mut section.content.tracks[track.index()]))
    }

    /// The takes of a track that are only in the histories of sections other than the open one, each once.
    #[must_use]
    pub fn elsewhere(&self, track: Track) -> Vec<Arc<Take>> {
        let mut found: Vec<Arc<Take>> = Vec::new();
        for take in self.states(track).skip(1).flat_map(|state| &state.history) {
            let is_known = self.track(track).position(&take.id).is_some();
            if !is_known && found.iter().all(|known| known.id != take.id) {
                found.push(take.clone());
            }
        }
        found
    }

    /// The sections and their order, without the content of the open section.
    #[must_use]
    pub fn song(&self) -> &Song {
        &self.song
    }

    /// The song with the content of all sections, including the open one.
    pub(super) fn whole_song(&self) -> Song {
        let mut song = self.song.clone();
        if let Some(open) = song.position(song.open) {
            song.sections[open].content = self.content();
        }
        song
    }

    /// Opens the section that was open in `then`, so that its tracks can be restored. If it is gone, it is recreated.
    pub(super) fn open_as_in(&mut self, then: &Song) {
        if self.open_section(then.open).is_ok() {
            return;
        }
        let before = self.take_content();
        if let Some(open) = self.song.position(self.song.open) {
            self.song.sections[open].content = before;
        }
        let content = then.position(then.open).map(|index| then.sections[index].content.clone());
        self.song.open = then.open;
        self.put_content(content.unwrap_or_default());
    }

    /// Restores the other sections and the order to their state in `then`. The section open in `then` must be open. Histories are
    /// not restored: takes made since then remain.
    pub(super) fn restore_song(&mut self, then: &Song) {
        let mut song = then.clone();
        song.next = song.next.max(self.song.next);
        for section in &mut song.sections {
            if section.id == then.open {
                section.content = Content::default();
                continue;
            }
            let Some(index) = self.song.position(section.id) else { continue };
            let present = std::mem::take(&mut self.song.sections[index].content.tracks);
            for (state, present) in section.content.tracks.iter_mut().zip(present) {
                let before = std::mem::replace(state, present);
                state.locked = before.locked;
                state.recall(before.take().cloned());
                state.heard_before = before.heard_before;
            }
        }
        self.song = song;
    }
}

/// Access to the stored parts of a song.
impl Song {
    /// The sections. The content of the open one is empty, because the session holds it.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The order.
    #[must_use]
    pub fn order(&self) -> &[Part] {
        &self.order
    }

    /// The open section.
    #[must_use]
    pub fn open(&self) -> SectionId {
        self.open
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{generated, ids, regenerate};

    #[test]
    fn a_loop_is_a_song_of_one_section() {
        let session = generated("techno", 1);
        assert!(!session.is_song());
        let sections: Vec<_> = session.sections().collect();
        let [only] = sections.as_slice() else { panic!("{}", sections.len()) };
        assert!(only.is_open && only.plan == session.plan.as_ref() && only.bars() == 1);
        assert_eq!(session.placements().len(), 1);
    }

    #[test]
    fn numbers_stay_when_others_go_and_are_given_anew_where_they_are_not_sound() {
        let mut session = generated("techno", 1);
        let first = session.open_section_id();
        let second = session.copy_section(first).expect("a copy");
        let third = session.copy_section(first).expect("a copy");
        let number = |session: &Session, id| session.section(id).map(|section| section.number);
        assert_eq!([first, second, third].map(|id| number(&session, id)), [Some(1), Some(2), Some(3)]);
        session.delete_section(second).expect("others are left");
        assert_eq!([first, third].map(|id| number(&session, id)), [Some(1), Some(3)]);
        assert!(session.numbered_section(2).is_none());
        assert_eq!(session.find_section("3").expect("by number"), third);
        let fourth = session.copy_section(third).expect("a copy");
        assert_eq!(number(&session, fourth), Some(2), "the lowest that is free");
        let section = |id, number| Section { number, ..Section::new(SectionId(id), SectionKind::A) };
        let order = vec![Part { section: SectionId(1), repeats: 1 }];
        let read = Song::read(
            vec![section(1, 0), section(2, 2), section(3, 2), section(4, 99)],
            order,
            SectionId(1),
        );
        let numbers: Vec<u32> = read.expect("a song").sections.iter().map(|section| section.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
    }

    #[test]
    fn sections_keep_their_own_content() {
        let mut session = generated("techno", 1);
        let first = session.open_section_id();
        let before = ids(&session);
        let copy = session.copy_section(first).expect("a copy");
        session.open_section(copy).expect("there");
        assert_eq!(ids(&session), before, "a copy shares the takes");
        regenerate(&mut session, Track::Bass, 9).expect("a take");
        let changed = ids(&session);
        session.open_section(first).expect("there");
        assert_eq!(ids(&session), before);
        session.undo().expect("the bass");
        assert_eq!(session.open_section_id(), copy, "undo shows what it changes");
        assert_eq!(ids(&session), before);
        session.redo().expect("the bass");
        assert_eq!(ids(&session), changed);
        assert_eq!(session.placements().len(), 2);
        assert!(matches!(session.open_section(SectionId(99)), Err(SessionError::SectionGone)));
    }
}
