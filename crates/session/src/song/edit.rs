//! Edits to a song that generate nothing: copying, renaming, moving, deleting, reordering and locking. Each succeeds as a whole
//! or changes nothing, and can be undone.

use super::{Part, Section, SectionId, free_number};
use crate::{Session, SessionError};
use resonantgen_music::track::Track;
use resonantgen_words::form::{MOST_BARS, MOST_PARTS, MOST_REPEATS, MOST_SECTIONS, SectionKind};

/// Maximum length of a section's name, in characters.
const LONGEST_NAME: usize = 40;

impl Session {
    fn section_index(&self, id: SectionId) -> Result<usize, SessionError> {
        self.song.position(id).ok_or(SessionError::SectionGone)
    }

    /// A name not used by any section: "Verse", "Verse 2".
    pub(super) fn free_name(&self, wanted: &str) -> String {
        let is_free = |name: &str| self.song.sections.iter().all(|section| section.name != name);
        let stem = wanted.trim_end_matches(|letter: char| letter.is_ascii_digit()).trim_end();
        let stem = if stem.is_empty() { wanted } else { stem };
        let names =
            (1_u32..).map(|number| if number == 1 { stem.to_owned() } else { format!("{stem} {number}") });
        names.into_iter().find(|name| is_free(name)).unwrap_or_default()
    }

    /// Copies a section with all its takes, and plays the copy after it.
    ///
    /// # Errors
    /// [`SessionError::SectionGone`] if the section no longer exists; [`SessionError::TooManySections`] or
    /// [`SessionError::TooManyParts`] if the song is full.
    pub fn copy_section(&mut self, id: SectionId) -> Result<SectionId, SessionError> {
        let index = self.section_index(id)?;
        if self.song.sections.len() >= MOST_SECTIONS {
            return Err(SessionError::TooManySections);
        }
        let bars = self.section(id).map_or(0, |section| section.bars());
        self.check_order(self.song.order.len() + 1, self.song_bars() + bars)?;
        self.remember();
        let content =
            if id == self.song.open { self.content() } else { self.song.sections[index].content.clone() };
        let new = self.song.new_id();
        let name = self.free_name(&self.song.sections[index].name);
        let number = free_number(self.song.sections.iter());
        let copy = Section { id: new, number, name, content, ..self.song.sections[index].clone() };
        self.song.sections.insert(index + 1, copy);
        let after = self.song.order.iter().rposition(|part| part.section == id);
        let at = after.map_or(self.song.order.len(), |after| after + 1);
        self.song.order.insert(at, Part { section: new, repeats: 1 });
        Ok(new)
    }

    /// Deletes a section and all its entries in the order. If it was open, the first remaining section is opened.
    ///
    /// # Errors
    /// [`SessionError::SectionGone`] if the section no longer exists; [`SessionError::LastSection`] if no other is played;
    /// [`SessionError::LockedInSection`] if one of its tracks is locked.
    pub fn delete_section(&mut self, id: SectionId) -> Result<(), SessionError> {
        self.section_index(id)?;
        let others: Vec<Part> = self.song.order.iter().filter(|part| part.section != id).copied().collect();
        let next = self.song.sections.iter().map(|section| section.id).find(|other| *other != id);
        let Some(next) = next.filter(|_| !others.is_empty()) else { return Err(SessionError::LastSection) };
        self.check_unlocked(id, &Track::ALL)?;
        self.remember();
        if self.song.open == id {
            self.open_section(next)?;
        }
        self.song.sections.retain(|section| section.id != id);
        self.song.order = others;
        Ok(())
    }

    /// Returns an error if one of the section's given tracks is locked.
    pub(super) fn check_unlocked(&self, id: SectionId, tracks: &[Track]) -> Result<(), SessionError> {
        let section = self.section(id).ok_or(SessionError::SectionGone)?;
        match tracks.iter().find(|track| section.tracks[track.index()].locked) {
            Some(track) => {
                Err(SessionError::LockedInSection { track: *track, section: section.name.to_owned() })
            }
            None => Ok(()),
        }
    }

    /// Renames a section.
    ///
    /// # Errors
    /// [`SessionError::SectionGone`] if the section no longer exists; [`SessionError::SectionName`] if the name is empty, too
    /// long or taken.
    pub fn rename_section(&mut self, id: SectionId, name: &str) -> Result<(), SessionError> {
        let index = self.section_index(id)?;
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_taken =
            self.song.sections.iter().any(|other| other.id != id && other.name.eq_ignore_ascii_case(&name));
        let is_plain =
            !name.is_empty() && name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
        if !is_plain || is_taken {
            return Err(SessionError::SectionName { name, most: LONGEST_NAME, is_taken });
        }
        if self.song.sections[index].name != name {
            self.remember();
            self.song.sections[index].name = name;
        }
        Ok(())
    }

    /// Sets a section's colour: red, green, blue.
    ///
    /// # Errors
    /// [`SessionError::SectionGone`] if the section no longer exists.
    pub fn colour_section(&mut self, id: SectionId, colour: [u8; 3]) -> Result<(), SessionError> {
        let index = self.section_index(id)?;
        if self.song.sections[index].colour != colour {
            self.remember();
            self.song.sections[index].colour = colour;
        }
        Ok(())
    }

    /// Sets a section's kind and energy, which apply to whatever is generated from now on.
    ///
    /// # Errors
    /// [`SessionError::SectionGone`] if the section no longer exists; [`SessionError::Setting`] if the energy is not in
    /// `0.0..=1.0`.
    pub fn set_section_role(
        &mut self,
        id: SectionId,
        kind: SectionKind,
        energy: f32,
    ) -> Result<(), SessionError> {
        let index = self.section_index(id)?;
        if !(0.0..=1.0).contains(&energy) {
            return Err(SessionError::Setting { name: "energy", value: energy });
        }
        let section = &self.song.sections[index];
        if section.kind != kind || section.energy != energy {
            self.remember();
            self.song.sections[index].kind = kind;
            self.song.sections[index].energy = energy;
        }
        Ok(())
    }

    /// Moves an entry of the order to another position. Both are indices into [`Session::order`].
    ///
    /// # Errors
    /// [`SessionError::NoSuchPart`] if there is no such entry.
    pub fn move_part(&mut self, from: usize, to: usize) -> Result<(), SessionError> {
        let count = self.song.order.len();
        if let Some(index) = [from, to].into_iter().find(|index| *index >= count) {
            return Err(SessionError::NoSuchPart { index, count });
        }
        if from != to {
            self.remember();
            let part = self.song.order.remove(from);
            self.song.order.insert(to, part);
        }
        Ok(())
    }

    /// Sets the order in which the sections are played. Sections left out of it are kept, but not played.
    ///
    /// # Errors
    /// [`SessionError::LastSection`] if the order is empty; [`SessionError::SectionGone`] if a section does not exist;
    /// [`SessionError::TooManyParts`], [`SessionError::Repeats`] or [`SessionError::SongTooLong`] if it exceeds a limit.
    pub fn set_order(&mut self, order: &[Part]) -> Result<(), SessionError> {
        if order.is_empty() {
            return Err(SessionError::LastSection);
        }
        let mut bars = 0_u32;
        for part in order {
            let section = self.section(part.section).ok_or(SessionError::SectionGone)?;
            if !(1..=MOST_REPEATS).contains(&part.repeats) {
                return Err(SessionError::Repeats(part.repeats));
            }
            bars = bars.saturating_add(section.bars() * part.repeats);
        }
        self.check_order(order.len(), bars)?;
        if self.song.order != order {
            self.remember();
            self.song.order = order.to_vec();
        }
        Ok(())
    }

    fn check_order(&self, parts: usize, bars: u32) -> Result<(), SessionError> {
        if parts > MOST_PARTS {
            return Err(SessionError::TooManyParts);
        }
        if bars > MOST_BARS {
            return Err(SessionError::SongTooLong(bars));
        }
        Ok(())
    }

    /// Length of the song in bars.
    #[must_use]
    pub fn song_bars(&self) -> u32 {
        self.placements().iter().map(|placement| placement.bars).sum()
    }

    /// Locks or unlocks a track in one section.
    ///
    /// # Errors
    /// [`SessionError::SectionGone`] if the section no longer exists; [`SessionError::NothingToLock`] if the track has no take
    /// there.
    pub fn lock_in_section(&mut self, id: SectionId, track: Track, locked: bool) -> Result<(), SessionError> {
        if id == self.song.open {
            return self.set_lock(track, locked);
        }
        let index = self.section_index(id)?;
        let state = &self.song.sections[index].content.tracks[track.index()];
        if locked && state.take().is_none() {
            return Err(SessionError::NothingToLock(track));
        }
        if state.locked != locked {
            self.remember();
            self.song.sections[index].content.tracks[track.index()].locked = locked;
        }
        Ok(())
    }

    /// Locks or unlocks a track in all sections in which it plays.
    ///
    /// # Errors
    /// [`SessionError::NothingToLock`] if it plays in none.
    pub fn lock_everywhere(&mut self, track: Track, locked: bool) -> Result<(), SessionError> {
        if locked && self.states(track).all(|state| state.take().is_none()) {
            return Err(SessionError::NothingToLock(track));
        }
        let changes =
            |state: &crate::TrackState| state.locked != locked && (!locked || state.take().is_some());
        if self.states(track).any(changes) {
            self.remember();
            for state in self.states_mut(track) {
                if changes(state) {
                    state.locked = locked;
                }
            }
            self.steps.locked[track.index()] = self.track(track).locked;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{generated, ids};

    #[test]
    fn a_song_is_edited_and_every_step_comes_back() {
        let mut session = generated("techno", 1);
        let first = session.open_section_id();
        let names = |session: &Session| {
            let name = |part: &Part| session.section(part.section).map(|section| section.name.to_owned());
            session.order().iter().filter_map(name).collect::<Vec<_>>().join(" ")
        };
        let mut seen = vec![names(&session)];
        let second = session.copy_section(first).expect("a copy");
        seen.push(names(&session));
        session.rename_section(second, "  The  Drop ").expect("a name");
        seen.push(names(&session));
        session.move_part(1, 0).expect("moved");
        seen.push(names(&session));
        session.delete_section(first).expect("another is left");
        seen.push(names(&session));
        assert_eq!(seen, ["A", "A A 2", "A The Drop", "The Drop A", "The Drop"]);
        assert_eq!(session.open_section_id(), second);
        for expected in seen.iter().rev().skip(1) {
            session.undo().expect("a step");
            assert_eq!(&names(&session), expected);
        }
        for expected in &seen[1..] {
            session.redo().expect("a step");
            assert_eq!(&names(&session), expected);
        }
    }

    #[test]
    fn what_is_deleted_comes_back_with_its_takes() {
        let mut session = generated("techno", 1);
        let before = ids(&session);
        let first = session.open_section_id();
        session.copy_section(first).expect("a copy");
        session.delete_section(first).expect("deleted");
        session.undo().expect("a step");
        session.open_section(first).expect("it is back");
        assert_eq!(ids(&session), before);
        assert_eq!(session.track(Track::Bass).history.len(), 1);
    }

    #[test]
    fn impossible_edits_change_nothing_and_say_why() {
        let mut session = generated("techno", 1);
        let first = session.open_section_id();
        assert!(matches!(session.delete_section(first), Err(SessionError::LastSection)));
        let second = session.copy_section(first).expect("a copy");
        session.lock_in_section(second, Track::Bass, true).expect("a take");
        let error = session.delete_section(second).expect_err("locked").to_string();
        assert!(error.contains("bass") && error.contains("A 2"), "{error}");
        assert!(matches!(session.move_part(0, 7), Err(SessionError::NoSuchPart { index: 7, count: 2 })));
        let twice = |repeats| [Part { section: first, repeats }];
        assert!(matches!(session.set_order(&twice(0)), Err(SessionError::Repeats(0))));
        assert!(matches!(session.set_order(&[]), Err(SessionError::LastSection)));
        assert!(matches!(
            session.set_order(&[Part { section: first, repeats: 1 }; 65]),
            Err(SessionError::TooManyParts)
        ));
        assert!(matches!(session.rename_section(second, "a"), Err(SessionError::SectionName { .. })));
        assert!(session.rename_section(second, &"x".repeat(90)).is_err());
        assert!(session.rename_section(second, "").is_err());
        assert!(session.set_section_role(second, SectionKind::Drop, f32::NAN).is_err());
        for _ in 2..MOST_SECTIONS {
            session.copy_section(first).expect("room");
        }
        assert!(matches!(session.copy_section(first), Err(SessionError::TooManySections)));
        let error = session.find_section("chorus").expect_err("there is none").to_string();
        assert!(error.contains("'chorus'") && error.contains("A 2"), "{error}");
        assert_eq!(session.find_section("a 2").expect("by name"), second);
        assert_eq!(session.find_section("1").expect("by number"), first);
    }

    #[test]
    fn a_lock_holds_across_the_song() {
        let mut session = generated("techno", 1);
        let first = session.open_section_id();
        session.copy_section(first).expect("a copy");
        session.lock_everywhere(Track::Bass, true).expect("takes");
        assert!(session.states(Track::Bass).all(|state| state.locked));
        session.undo().expect("a step");
        assert!(session.states(Track::Bass).all(|state| !state.locked));
    }
}
