//! Operations that keep the notes: other chords under them, or another sound for them. Nothing is composed again.

use std::sync::Arc;

use super::excerpt::Excerpt;
use super::{Operation, Request, Session, SessionError};
use resonantgen_music::plan::{Chord, Plan};
use resonantgen_music::reharmonise::reharmonise;
use resonantgen_music::score::Score;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_music::variation::{NoteDials, vary};
use resonantgen_take::maker::{GenerateError, Maker, Observer, PerformanceRequest};
use resonantgen_take::{Recipe, TAKE_SAMPLE_RATE_HZ, Take};
use resonantgen_words::is_about_sound;

/// A take whose notes must move.
struct Move {
    take: Arc<Take>,
    plan: Plan,
    score: Score,
    dials: NoteDials,
}

/// What chords that are followed are played over.
#[derive(Clone, Copy, Debug)]
pub struct Chords<'a> {
    /// The chords, as for [`Session::reharmonise`].
    pub chords: &'a [Option<Chord>],
    /// How the notes are varied before they are moved, as in [`Session::varied`] (index as [`Track::ALL`]).
    pub dials: &'a [NoteDials; TRACK_COUNT],
    /// Tempo in quarter notes per minute.
    pub bpm: f64,
}

/// What plays in place of each take while chords are followed (index as [`Track::ALL`]); `None` for the take itself.
pub type FollowedTakes = [Option<Arc<Take>>; TRACK_COUNT];

/// The dials of a session that is played as it is.
const MIDDLE: [NoteDials; TRACK_COUNT] = [NoteDials { density: 0, complexity: 0, fills: 0 }; TRACK_COUNT];

impl Session {
    /// Puts other chords under half bars: `chords` has an entry for each half bar from the first, and `None` leaves what is there.
    /// Takes that play under a new chord are performed again with their notes moved to it ([`reharmonise`]). Rhythm, contour, sound
    /// and all other bars stay the same. Can be undone.
    ///
    /// # Errors
    /// [`SessionError::Empty`] without a plan; [`SessionError::NoSuchHalfBar`] if there are more entries than half bars;
    /// [`SessionError::ChordInUse`] if the notes of a locked track would have to move; another error if a take cannot be
    /// performed or the observer cancels. The session is then unchanged.
    pub fn reharmonise(
        &mut self,
        maker: &dyn Maker,
        chords: &[Option<Chord>],
        observer: &dyn Observer,
    ) -> Result<(), SessionError> {
        let (plan, moves) = self.free_moves(chords)?;
        if self.plan.as_ref() == Some(&plan) {
            return Ok(());
        }
        let mut made: Vec<(Arc<Take>, Arc<Take>)> = Vec::new();
        for Move { take, plan, score, dials } in &moves {
            let context = self.heard_now(take, &made);
            let (dials, patch) = (*dials, &take.patch);
            let request = PerformanceRequest { of: take, plan, score, dials, patch, context: &context };
            let performed = maker.perform(&request, observer)?;
            made.push((take.clone(), Arc::new(performed)));
        }
        self.remember();
        self.plan = Some(plan);
        for (_, take) in made {
            self.track_mut(take.recipe.track).add(take);
        }
        Ok(())
    }

    /// The takes that play, over other chords and at another tempo; `None` where the chords move no note. The session stays as it is:
    /// what is made here plays in the takes' place while chords are followed. Locked tracks and imported takes are left alone.
    ///
    /// # Errors
    /// [`SessionError::Empty`] without a plan; [`SessionError::NoSuchHalfBar`] if there are more entries than half bars; another
    /// error if a take cannot be performed or the observer cancels.
    pub fn followed(
        &self,
        maker: &dyn Maker,
        over: &Chords<'_>,
        observer: &dyn Observer,
    ) -> Result<FollowedTakes, SessionError> {
        let (_, moves) = self.moves(over.chords, over.dials)?;
        let mut made: Vec<(Arc<Take>, Arc<Take>)> = Vec::new();
        for Move { take, plan, score, dials } in moves {
            if self.track(take.recipe.track).locked {
                continue;
            }
            let context = self.heard_now(&take, &made);
            let plan = Plan { bpm: over.bpm, ..plan };
            let request = PerformanceRequest {
                of: &take,
                plan: &plan,
                score: &score,
                dials,
                patch: &take.patch,
                context: &context,
            };
            let performed = maker.perform(&request, observer)?;
            made.push((take, Arc::new(performed)));
        }
        let mut followed = FollowedTakes::default();
        for (of, take) in made {
            followed[of.recipe.track.index()] = Some(take);
        }
        Ok(followed)
    }

    /// What [`Session::followed`] returns, ready several times as soon: only a bar or more from a half bar of the loop on is performed over
    /// the chords, and put into what plays. `playing` is what plays in place of each take, or the take itself, at this tempo.
    /// `None` if that cannot be done: the loop is not longer than two bars, it builds up as a whole, or nothing fitting plays.
    ///
    /// # Errors
    /// As [`Session::followed`].
    pub fn followed_soon(
        &self,
        maker: &dyn Maker,
        over: &Chords<'_>,
        half_bar: usize,
        playing: &FollowedTakes,
        observer: &dyn Observer,
    ) -> Result<Option<FollowedTakes>, SessionError> {
        let (plan, moves) = self.moves(over.chords, over.dials)?;
        let Some(excerpt) = Excerpt::from(half_bar, &plan) else { return Ok(None) };
        let mut performed: Vec<(Arc<Take>, Arc<Take>)> = Vec::new();
        let mut followed = FollowedTakes::default();
        for Move { take, plan, score, dials } in moves {
            let track = take.recipe.track;
            if self.track(track).locked {
                continue;
            }
            let plan = Plan { bpm: over.bpm, ..plan };
            let rises = take.recipe.intent.track(track).shape.as_ref().is_some_and(|shape| shape.rises);
            let around = playing[track.index()].as_ref().filter(|around| {
                !around.is_asleep() && around.audio.len() == plan.audio_frames(TAKE_SAMPLE_RATE_HZ) && !rises
            });
            let Some(around) = around else { return Ok(None) };
            let context: Vec<Arc<Take>> = self
                .heard_by(&take)
                .into_iter()
                .map(|heard| {
                    let moved = performed.iter().find(|(before, _)| before.id == heard.id);
                    moved.map_or_else(|| Arc::new(excerpt.take(&heard)), |(_, moved)| moved.clone())
                })
                .collect();
            let request = PerformanceRequest {
                of: &excerpt.take(&take),
                plan: &excerpt.plan(&plan),
                score: &excerpt.score(&score, &plan),
                dials,
                patch: &take.patch,
                context: &context,
            };
            let part = Arc::new(maker.perform(&request, observer)?);
            followed[track.index()] = Some(Arc::new(excerpt.joined(around, &part, &score, &plan)));
            performed.push((take, part));
        }
        Ok(Some(followed))
    }

    /// Checks whether [`Session::reharmonise`] would refuse a change, without changing anything.
    ///
    /// # Errors
    /// Returns the errors that [`Session::reharmonise`] returns before it performs a take.
    pub fn check_chords(&self, chords: &[Option<Chord>]) -> Result<(), SessionError> {
        self.free_moves(chords).map(|_| ())
    }

    /// Like [`moves`](Self::moves), where no locked track has to move.
    fn free_moves(&self, chords: &[Option<Chord>]) -> Result<(Plan, Vec<Move>), SessionError> {
        let (plan, moves) = self.moves(chords, &MIDDLE)?;
        let mut tracks = moves.iter().map(|one| one.take.recipe.track);
        match tracks.find(|track| self.track(*track).locked) {
            Some(track) => Err(SessionError::ChordInUse(track)),
            None => Ok((plan, moves)),
        }
    }

    /// The plan with other chords, and the takes whose notes have to move for them, varied by the tracks' dials.
    fn moves(
        &self,
        chords: &[Option<Chord>],
        dials: &[NoteDials; TRACK_COUNT],
    ) -> Result<(Plan, Vec<Move>), SessionError> {
        let plan = self.plan.as_ref().ok_or(SessionError::Empty)?;
        let count = plan.chords.len();
        if chords.len() > count {
            return Err(SessionError::NoSuchHalfBar { half_bar: chords.len() - 1, count });
        }
        let with_chords = |plan: &Plan| {
            let mut plan = plan.clone();
            for (place, chord) in plan.chords.iter_mut().zip(chords) {
                *place = chord.unwrap_or(*place);
            }
            plan
        };
        let plan = with_chords(plan);
        let mut moves = Vec::new();
        for track in Track::ALL {
            let Some(take) = self.track(track).take() else { continue };
            // The measured notes of an imported loop cannot be moved.
            if take.recipe.plan.chords.len() != count || take.recipe.imported.is_some() {
                continue;
            }
            let to = with_chords(&take.recipe.plan);
            let dials = dials[track.index()];
            let varied = vary(track, &take.score.notes, &take.recipe.plan, dials);
            let notes = reharmonise(track, &varied, &take.recipe.plan, &to);
            if notes == varied {
                continue;
            }
            moves.push(Move { take: take.clone(), plan: to, score: Score { notes }, dials });
        }
        Ok((plan, moves))
    }

    /// A take with its notes [varied](vary) by dials, to be played in its place; `None` if the dials change no note of it. The session
    /// stays as it is. Imported takes cannot be varied.
    ///
    /// # Errors
    /// Returns an error if the take cannot be performed or the observer cancels.
    pub fn varied(
        &self,
        maker: &dyn Maker,
        take: &Take,
        dials: NoteDials,
        observer: &dyn Observer,
    ) -> Result<Option<Take>, SessionError> {
        let notes = vary(take.recipe.track, &take.score.notes, &take.recipe.plan, dials);
        if notes == take.score.notes || take.recipe.imported.is_some() {
            return Ok(None);
        }
        let context = self.heard_by(take);
        let request = PerformanceRequest {
            of: take,
            plan: &take.recipe.plan,
            score: &Score { notes },
            dials,
            patch: &take.patch,
            context: &context,
        };
        Ok(Some(maker.perform(&request, observer)?))
    }

    /// Makes what the dials play the take of a track. Can be undone.
    ///
    /// # Errors
    /// [`SessionError::Empty`] if the track has no take; [`SessionError::Locked`] if it is locked; otherwise those of
    /// [`Session::varied`]. The session is then unchanged.
    pub fn keep_varied(
        &mut self,
        maker: &dyn Maker,
        track: Track,
        dials: NoteDials,
        observer: &dyn Observer,
    ) -> Result<(), SessionError> {
        if self.track(track).locked {
            return Err(SessionError::Locked(track));
        }
        let playing = self.track(track).take().ok_or(SessionError::Empty)?.clone();
        if let Some(take) = self.varied(maker, &playing, dials, observer)? {
            self.remember();
            self.track_mut(track).add(Arc::new(take));
        }
        Ok(())
    }

    /// Applies an edit whose words are about sound alone: the takes keep their notes and their patch, and are performed and mixed as
    /// the words say. Returns whether it was one; it is not if several scores are asked for, if a track has no notes of its own, or if
    /// its take was made for another plan.
    pub(super) fn edit_sound(
        &mut self,
        maker: &dyn Maker,
        request: &Request,
        observer: &dyn Observer,
    ) -> Result<bool, SessionError> {
        let is_plain = request.candidates <= 1 && request.reference.is_none();
        if request.operation != Operation::Edit || !is_plain || !is_about_sound(&request.words) {
            return Ok(false);
        }
        let (intent, plan) = self.check(request, maker.understanding())?;
        let tracks: Vec<Track> = self.targets(request).collect();
        let keeps_notes = |track: &Track| {
            self.track(*track).take().is_some_and(|take| {
                !take.score.notes.is_empty() && take.recipe.imported.is_none() && take.recipe.plan == plan
            })
        };
        if !tracks.iter().all(keeps_notes) {
            return Ok(false);
        }
        let mut made: Vec<(Arc<Take>, Arc<Take>)> = Vec::new();
        for take in tracks.into_iter().filter_map(|track| self.track(track).take()) {
            let prompt = self.prompt_of_take(take.recipe.track, request);
            let recipe = Recipe { prompt, intent: intent.clone(), ..take.recipe.clone() };
            let of = Take { recipe, ..Take::clone(take) };
            let context = self.heard_now(take, &made);
            let request = PerformanceRequest {
                of: &of,
                plan: &plan,
                score: &take.score,
                dials: NoteDials::default(),
                patch: &take.patch,
                context: &context,
            };
            let performed = maker.perform(&request, observer)?;
            made.push((Arc::clone(take), Arc::new(performed)));
        }
        self.remember();
        for (_, take) in made {
            self.track_mut(take.recipe.track).add(take);
        }
        self.bundle = Some(maker.bundle());
        Ok(true)
    }

    /// Plays the notes of a track's take with another sound. The notes stay the same, bit for bit. Can be undone.
    ///
    /// # Errors
    /// [`SessionError::Empty`] if the track has no take; [`SessionError::Locked`] if it is locked; another error if there is no
    /// such patch, the take cannot be performed, or the observer cancels. The session is then unchanged.
    pub fn change_sound(
        &mut self,
        maker: &dyn Maker,
        track: Track,
        patch: &str,
        observer: &dyn Observer,
    ) -> Result<(), SessionError> {
        if self.track(track).locked {
            return Err(SessionError::Locked(track));
        }
        let playing = self.track(track).take().ok_or(SessionError::Empty)?.clone();
        let origin = self.origin(&playing);
        let take = self.with_sound(maker, track, patch, observer)?;
        self.remember();
        let state = self.track_mut(track);
        state.add(take.clone());
        // When sounds are tried one after another, only the last take is kept.
        let was_tried = playing.id != origin.id && playing.id != take.id;
        if was_tried && !state.favourites.contains(&playing.id) {
            state.forget(&playing.id, &origin.id);
        }
        if state.held_sound.is_some() {
            state.held_sound = Some(patch.to_owned());
        }
        Ok(())
    }

    /// Holds the sound of the playing take: new takes of the track are written for it and played with it. `false` releases it.
    /// This is not an undo step, because nothing audible changes.
    ///
    /// # Errors
    /// [`SessionError::NothingToLock`] if there is no take whose sound could be held.
    pub fn hold_sound(&mut self, track: Track, holds: bool) -> Result<(), SessionError> {
        let sound = self.track(track).take().map(|take| take.patch.clone()).filter(|patch| !patch.is_empty());
        let held = if holds { Some(sound.ok_or(SessionError::NothingToLock(track))?) } else { None };
        self.track_mut(track).held_sound = held;
        Ok(())
    }

    /// The take that [`Session::change_sound`] would play, to be heard before it is chosen.
    ///
    /// # Errors
    /// Returns the same errors as [`Session::change_sound`], except that a locked track is allowed.
    pub fn with_sound(
        &self,
        maker: &dyn Maker,
        track: Track,
        patch: &str,
        observer: &dyn Observer,
    ) -> Result<Arc<Take>, SessionError> {
        let take = &self.origin(self.track(track).take().ok_or(SessionError::Empty)?);
        if take.patch == patch && !take.is_asleep() {
            return Ok(take.clone());
        }
        if take.recipe.imported.is_some() {
            let reason = "it was imported: only generated notes can have another sound".to_owned();
            return Err(GenerateError::Request { track, reason }.into());
        }
        let context = self.heard_now(take, &[]);
        let request = PerformanceRequest {
            of: take,
            plan: &take.recipe.plan,
            score: &take.score,
            dials: NoteDials::default(),
            patch,
            context: &context,
        };
        Ok(Arc::new(maker.perform(&request, observer)?))
    }

    /// The take whose notes this take plays with another sound, or the take itself.
    fn origin(&self, take: &Arc<Take>) -> Arc<Take> {
        let of = take.recipe.taken_over.as_ref();
        let history = &self.track(take.recipe.track).history;
        let found = of.and_then(|of| history.iter().find(|other| other.id == of.from));
        let is_same =
            |origin: &&Arc<Take>| origin.score == take.score && origin.recipe.intent == take.recipe.intent;
        found.filter(is_same).unwrap_or(take).clone()
    }

    /// The takes that a take heard when it was made, each replaced by its current successor.
    fn heard_now(&self, take: &Take, made: &[(Arc<Take>, Arc<Take>)]) -> Vec<Arc<Take>> {
        let now = |heard: Arc<Take>| {
            made.iter().find(|(before, _)| before.id == heard.id).map_or(heard, |(_, after)| after.clone())
        };
        self.heard_by(take).into_iter().map(now).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Fake, apply, ids, request};
    use resonantgen_take::maker::Silent;

    fn session() -> Session {
        let mut session = Session::default();
        let overrides = crate::Overrides {
            chords: Some(["Am", "F"].map(|name| name.parse().expect("a chord")).to_vec()),
            bars: Some(2),
            bpm: Some(240.0),
            key: Some("A minor".parse().expect("a key")),
            ..crate::Overrides::default()
        };
        apply(&mut session, &request("techno", 1).facts(overrides)).expect("a piece");
        session
    }

    /// A chord under some half bars, and none under those before.
    fn under(half_bars: std::ops::Range<usize>, symbol: &str) -> Vec<Option<Chord>> {
        let chord: Chord = symbol.parse().expect("a chord");
        (0..half_bars.end).map(|half_bar| Some(chord).filter(|_| half_bars.contains(&half_bar))).collect()
    }

    fn over(chords: &[Option<Chord>], bpm: f64) -> Chords<'_> {
        Chords { chords, dials: &MIDDLE, bpm }
    }

    fn notes(session: &Session, track: Track) -> Vec<(u32, u8)> {
        let take = session.track(track).take().expect("a take");
        take.score.notes.iter().map(|note| (note.step, note.pitch)).collect()
    }

    #[test]
    fn one_chord_moves_one_bar_and_composes_nothing() {
        let mut session = session();
        let before = session.clone();
        let maker = Fake::default();
        session.reharmonise(&maker, &under(0..2, "Dm"), &Silent).expect("other chords");
        assert_eq!((maker.made(), maker.performed()), (0, 3), "all but the drums have a note there");
        assert_eq!(session.plan.as_ref().expect("a plan").chords[0].to_string(), "Dm");
        assert_eq!(ids(&session)[0], ids(&before)[0], "drums have no chords");
        for track in [Track::Bass, Track::Harmony, Track::Melody] {
            assert_ne!(notes(&session, track), notes(&before, track));
            let (now, then) = (session.track(track).take(), before.track(track).take());
            let (now, then) = (now.expect("a take"), then.expect("a take"));
            assert_eq!((now.recipe.seed, &now.patch), (then.recipe.seed, &then.patch));
            assert_eq!(now.recipe.taken_over.as_ref().map(|notes| &notes.from), Some(&then.id));
            assert_eq!(now.recipe.intent, then.recipe.intent, "an earlier edit stays");
        }
        // The harmony hears the current bass.
        let heard = &session.track(Track::Harmony).take().expect("a take").recipe.context;
        assert!(heard.contains(&session.track(Track::Bass).take().expect("a take").id));
        session.undo().expect("an action");
        assert_eq!((ids(&session), &session.plan), (ids(&before), &before.plan));
        // Several chords at once are one action.
        let played = [under(0..1, "Dm"), under(2..3, "G")[1..].to_vec()].concat();
        session.reharmonise(&Fake::default(), &played, &Silent).expect("other chords");
        let symbols = |session: &Session| -> Vec<String> {
            session.plan.as_ref().expect("a plan").chords.iter().map(ToString::to_string).collect()
        };
        assert_eq!(symbols(&session), ["Dm", "Am", "G", "F"]);
        session.undo().expect("an action");
        assert_eq!(ids(&session), ids(&before));
    }

    #[test]
    fn a_bar_without_notes_and_a_locked_track_keep_their_takes() {
        let mut session = session();
        let before = ids(&session);
        let maker = Fake::default();
        session.reharmonise(&maker, &under(2..4, "G"), &Silent).expect("nothing sounds there");
        assert_eq!((ids(&session), maker.performed()), (before.clone(), 0));
        session.set_lock(Track::Bass, true).expect("a take");
        let refused = session.reharmonise(&maker, &under(0..1, "Dm"), &Silent);
        assert!(matches!(refused, Err(SessionError::ChordInUse(Track::Bass))));
        assert_eq!(ids(&session), before);
        let beyond = session.reharmonise(&maker, &under(3..9, "Dm"), &Silent);
        assert!(matches!(beyond, Err(SessionError::NoSuchHalfBar { half_bar: 8, count: 4 })));
    }

    #[test]
    fn followed_chords_leave_the_session_and_locked_tracks_alone() {
        let mut session = session();
        session.set_lock(Track::Bass, true).expect("a take");
        let before = session.clone();
        let maker = Fake::default();
        let followed =
            session.followed(&maker, &over(&under(0..2, "Dm"), 200.0), &Silent).expect("other chords");
        assert_eq!((ids(&session), &session.plan), (ids(&before), &before.plan), "nothing is taken over");
        assert_eq!(followed.each_ref().map(Option::is_some), [false, false, true, true]);
        let melody = followed[Track::Melody.index()].as_ref().expect("a melody");
        let of = session.track(Track::Melody).take().expect("a take");
        assert_eq!(
            (melody.recipe.plan.bpm, melody.recipe.plan.chords[0].to_string().as_str()),
            (200.0, "Dm")
        );
        assert_ne!(melody.score, of.score);
        // It hears the harmony that plays with it, and the bass as it is.
        let harmony = followed[Track::Harmony.index()].as_ref().expect("a harmony");
        let bass = session.track(Track::Bass).take().expect("a take");
        assert!(melody.recipe.context.contains(&harmony.id) && melody.recipe.context.contains(&bass.id));
        let own =
            session.followed(&maker, &over(&under(0..2, "Am"), 240.0), &Silent).expect("its own chords");
        assert!(own.iter().all(Option::is_none));
    }

    #[test]
    fn the_bars_that_come_next_are_performed_alone_and_put_into_what_plays() {
        let mut session = Session::default();
        let chords = ["Am", "F", "C", "G"].map(|name| name.parse().expect("a chord")).to_vec();
        let facts =
            crate::Overrides { chords: Some(chords), bars: Some(4), bpm: Some(240.0), ..Default::default() };
        apply(&mut session, &request("techno", 1).facts(facts)).expect("a piece");
        session.set_lock(Track::Melody, true).expect("a take");
        let playing = Track::ALL.map(|track| session.track(track).take().cloned());
        let chords = under(0..2, "Dm");
        let maker = Fake::default();
        let soon =
            session.followed_soon(&maker, &over(&chords, 240.0), 0, &playing, &Silent).expect("performed");
        let soon = soon.expect("it can be done");
        assert_eq!(soon.each_ref().map(Option::is_some), [false, true, true, false]);
        assert_eq!(maker.performed(), 2);
        let whole = session.followed(&maker, &over(&chords, 240.0), &Silent).expect("performed");
        let (soon, whole) = [soon, whole].map(|mut takes| takes[1].take().expect("a bass")).into();
        assert_eq!((&soon.score, &soon.recipe.plan), (&whole.score, &whole.recipe.plan));
        assert_ne!(soon.id, whole.id, "what was put together is another sound");
        assert_eq!(soon.audio.len(), whole.audio.len());

        let nothing = FollowedTakes::default();
        for (bpm, playing) in [(240.0, &nothing), (180.0, &playing)] {
            let soon = session.followed_soon(&maker, &over(&chords, bpm), 0, playing, &Silent);
            assert!(soon.expect("not an error").is_none(), "nothing to put it into at {bpm} bpm");
        }
    }

    #[test]
    fn another_sound_keeps_the_notes_to_the_bit() {
        let mut session = session();
        let before = session.clone();
        session.change_sound(&Fake::default(), Track::Bass, "another", &Silent).expect("a sound");
        let (now, then) = (session.track(Track::Bass).take(), before.track(Track::Bass).take());
        let (now, then) = (now.expect("a take"), then.expect("a take"));
        assert_eq!((now.patch.as_str(), &now.score), ("another", &then.score));
        assert_ne!(now.id, then.id);
        session.change_sound(&Fake::default(), Track::Bass, "a third", &Silent).expect("a sound");
        let history = |session: &Session| session.track(Track::Bass).history.len();
        assert_eq!(history(&session), 2, "of the sounds that were tried the last is kept");
        session.compare(Track::Bass).expect("the first sound");
        assert_eq!(session.track(Track::Bass).take().map(|take| &take.id), Some(&then.id));
        session.compare(Track::Bass).expect("and back");
        let maker = Fake::default();
        session.change_sound(&maker, Track::Bass, "a patch", &Silent).expect("the first sound");
        assert_eq!((maker.performed(), history(&session)), (0, 1), "it is the first take itself");
        session.undo().expect("an action");
        assert_eq!(session.track(Track::Bass).take().expect("a take").patch, "a third");
        session.set_lock(Track::Bass, true).expect("a take");
        let refused = session.change_sound(&Fake::default(), Track::Bass, "third", &Silent);
        assert!(matches!(refused, Err(SessionError::Locked(Track::Bass))));
        session.with_sound(&Fake::default(), Track::Bass, "third", &Silent).expect("it can be heard");
    }

    #[test]
    fn an_edit_about_sound_alone_keeps_the_notes_and_the_patch() {
        let mut session = session();
        session.change_sound(&Fake::default(), Track::Bass, "another", &Silent).expect("a sound");
        let before = session.clone();
        let maker = Fake::default();
        session
            .apply(&maker, &Request::edit(Track::Bass, "dusty and distant").seed(9), &Silent)
            .expect("a take");
        assert_eq!((maker.made(), maker.performed()), (0, 1), "nothing is composed");
        let (now, then) = (session.track(Track::Bass).take(), before.track(Track::Bass).take());
        let (now, then) = (now.expect("a take"), then.expect("a take"));
        assert_eq!((&now.score, &now.patch, now.recipe.seed), (&then.score, &then.patch, then.recipe.seed));
        assert!(now.recipe.prompt.ends_with("; bass: dusty and distant"));
        let sounds = &now.recipe.intent.track(Track::Bass).sound;
        assert!(["dusty", "distant"].iter().all(|word| sounds.iter().any(|(known, _)| known == word)));
        // Another sound for it keeps the words.
        session.change_sound(&maker, Track::Bass, "a third", &Silent).expect("a sound");
        let third = session.track(Track::Bass).take().expect("a take");
        assert_eq!(third.recipe.intent.track(Track::Bass).sound.len(), 2);
        session.undo().expect("an action");
        session.undo().expect("an action");
        assert_eq!(ids(&session), ids(&before));

        // Words about notes compose, and so does a plan that has changed since.
        for words in ["dusty, fewer notes", "more aggressive", ""] {
            session.apply(&maker, &Request::edit(Track::Bass, words).seed(9), &Silent).expect("a take");
        }
        assert_eq!(maker.made(), 3);
        let mut session = before.clone();
        session.set_chord(0, "Dm".parse().expect("a chord")).expect("it is free");
        session.apply(&maker, &Request::edit(Track::Bass, "dusty").seed(9), &Silent).expect("a take");
        assert_eq!(maker.made(), 4);
        session.set_lock(Track::Bass, true).expect("a take");
        let refused = session.apply(&maker, &Request::edit(Track::Bass, "dusty"), &Silent);
        assert!(matches!(refused, Err(SessionError::Locked(Track::Bass))));
    }

    #[test]
    fn a_held_sound_survives_every_new_take() {
        let mut session = session();
        let free = request("jazz", 5);
        let asked = session.question(&free);
        session.change_sound(&Fake::default(), Track::Bass, "another", &Silent).expect("a sound");
        session.hold_sound(Track::Bass, true).expect("a take");
        assert_ne!(session.question(&free), asked, "it is another question");
        for again in [free.clone(), Request::edit(Track::Bass, "busier").seed(6)] {
            apply(&mut session, &again).expect("a take");
            let take = session.track(Track::Bass).take().expect("a take");
            assert_eq!(take.recipe.held_patch.as_deref(), Some("another"));
        }
        assert_eq!(session.track(Track::Harmony).take().expect("a take").recipe.held_patch, None);
        session.hold_sound(Track::Bass, false).expect("it is let go");
        assert_eq!(session.question(&free), asked);
        assert!(matches!(
            Session::default().hold_sound(Track::Bass, true),
            Err(SessionError::NothingToLock(Track::Bass))
        ));
    }
}
