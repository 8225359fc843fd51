//! [`Session::apply`]: takes for a request. It succeeds as a whole or changes nothing.

use std::sync::Arc;

use super::edit::is_same_grid;
use super::{Operation, Overrides, Request, Session, SessionError};
use resonantgen_music::plan::Plan;
use resonantgen_music::track::Track;
use resonantgen_take::maker::{GenerateError, MOST_CANDIDATES, Made, Maker, Observer, TakeRequest};
use resonantgen_take::{GenerationSettings, Take};
use resonantgen_words::{Intent, TextUnderstanding, edit_with, parse_with};
use resonantgen_words::{PlanError, make_plan};

/// Makes one take.
#[cfg(any(test, feature = "fake"))]
pub(crate) type Make<'a> = dyn FnMut(&TakeRequest<'_>) -> Result<Take, GenerateError> + 'a;
/// Makes takes one after the other.
type MakeInTurn<'a> = dyn FnMut(&[TakeRequest<'_>]) -> Result<Vec<Made>, GenerateError> + 'a;

impl Session {
    /// Makes new takes of all unlocked tracks in the request's scope, in track order. Each take hears the kept takes and those made
    /// before it; an edit also hears the take that it changes. A track that the prompt leaves out ("no drums") becomes silent and
    /// keeps its history.
    ///
    /// ```
    /// use resonantgen_music::track::Track;
    /// use resonantgen_session::{Request, Session};
    /// use resonantgen_take::maker::{Maker, Silent};
    /// # use resonantgen_take::maker::{BundleFacts, GenerateError, Observer, PerformanceRequest, TakeRequest};
    /// # use resonantgen_take::{Recipe, StageSeconds, StemAudio, Take, Tokens};
    /// # use resonantgen_words::TextUnderstanding;
    /// # struct Engine;
    /// # impl Maker for Engine {
    /// #     fn make(&self, request: &TakeRequest<'_>, _: &dyn Observer) -> Result<Take, GenerateError> {
    /// #         let recipe = Recipe {
    /// #             track: request.track,
    /// #             prompt: request.prompt.to_owned(),
    /// #             intent: request.intent.clone(),
    /// #             plan: request.plan.clone(),
    /// #             seed: request.seed,
    /// #             settings: request.settings,
    /// #             bundle_id: String::new(),
    /// #             context: Vec::new(),
    /// #             imported: None,
    /// #             held_patch: None,
    /// #             taken_over: None,
    /// #         };
    /// #         Ok(Take {
    /// #             id: recipe.take_id(),
    /// #             recipe,
    /// #             patch: String::new(),
    /// #             score: Default::default(),
    /// #             tokens: Tokens { codebooks: 1, codes: Vec::new() },
    /// #             audio: Default::default(),
    /// #             timings: StageSeconds { compose: 0.0, perform: 0.0, decode: 0.0 },
    /// #             measures: None,
    /// #         })
    /// #     }
    /// #     fn perform(&self, _: &PerformanceRequest<'_>, _: &dyn Observer) -> Result<Take, GenerateError> {
    /// #         unreachable!("it only composes")
    /// #     }
    /// #     fn bundle(&self) -> BundleFacts {
    /// #         BundleFacts::default()
    /// #     }
    /// #     fn understanding(&self) -> Option<&dyn TextUnderstanding> {
    /// #         None
    /// #     }
    /// # }
    ///
    /// # let engine = Engine;
    /// let mut session = Session::default();
    /// session.apply(&engine, &Request::generate("dark techno"), &Silent)?;
    /// session.set_lock(Track::Drums, true)?;
    /// session.apply(&engine, &Request::edit(Track::Bass, "more aggressive"), &Silent)?;
    /// assert_eq!(session.track(Track::Bass).history.len(), 2);
    /// # Ok::<(), resonantgen_session::SessionError>(())
    /// ```
    ///
    /// A song and its sections are made as [`Session::make_song`], [`Session::regenerate_section`] and
    /// [`Session::regenerate_bars`] say. The section that was open stays open; a song opens its main section.
    ///
    /// # Errors
    /// When [`Session::check`] or one of those refuses the request, a take cannot be made, or the observer cancels. The session is
    /// then unchanged.
    pub fn apply(
        &mut self,
        maker: &dyn Maker,
        request: &Request,
        observer: &dyn Observer,
    ) -> Result<(), SessionError> {
        let open = self.open_section_id();
        let section = request.scope.section().unwrap_or(open);
        if request.operation == Operation::Section {
            let tracks: Vec<Track> = request.scope.tracks().collect();
            return self.regenerate_section(
                maker,
                section,
                &tracks,
                request.seed,
                request.settings,
                observer,
            );
        }
        self.open_section(section)?;
        let made = self.apply_to_open(maker, request, observer);
        if made.is_err() || request.operation != Operation::Song {
            // It was open a moment ago.
            let _ = self.open_section(open);
        }
        made
    }

    fn apply_to_open(
        &mut self,
        maker: &dyn Maker,
        request: &Request,
        observer: &dyn Observer,
    ) -> Result<(), SessionError> {
        if request.operation == Operation::Song {
            return self.make_song(maker, &request.song_request(), observer);
        }
        if let Some(bars) = request.scope.bars() {
            let track = request.scope.only_track().ok_or(SessionError::NoTracks)?;
            return self.regenerate_bars(maker, track, bars, request.seed, request.settings, observer);
        }
        if self.edit_sound(maker, request, observer)? {
            return Ok(());
        }
        let candidates = request.candidates;
        self.apply_in_turn(request, maker.understanding(), &mut |takes| {
            maker.make_in_turn(takes, candidates, observer)
        })?;
        self.bundle = Some(maker.bundle());
        Ok(())
    }

    /// As [`Session::apply`], by a function that makes one take.
    #[cfg(any(test, feature = "fake"))]
    pub(crate) fn apply_with(
        &mut self,
        request: &Request,
        text: Option<&dyn TextUnderstanding>,
        make: &mut Make<'_>,
    ) -> Result<(), SessionError> {
        self.apply_in_turn(request, text, &mut |takes| resonantgen_take::maker::in_turn(takes, make))
    }

    fn apply_in_turn(
        &mut self,
        request: &Request,
        text: Option<&dyn TextUnderstanding>,
        make: &mut MakeInTurn<'_>,
    ) -> Result<(), SessionError> {
        let (intent, plan) = self.check(request, text)?;
        let seed = self.seed_of(request);
        let kept: Vec<(Track, Arc<Take>)> =
            self.kept(request).map(|(track, take)| (track, take.clone())).collect();
        let (playing, absent): (Vec<Track>, Vec<Track>) =
            self.targets(request).partition(|track| !intent.track(*track).absent);
        // What each hears besides the takes that are made before it.
        let heard: Vec<(Vec<Arc<Take>>, String)> = playing
            .iter()
            .map(|track| {
                // The playing take is heard too, because an edit stays close to it.
                let is_close = request.operation == Operation::Edit && intent.track(*track).closeness > 0.0;
                let parent = self.track(*track).take().filter(|_| is_close);
                let context = in_order(kept.iter().cloned().chain(parent.map(|take| (*track, take.clone()))));
                (context, self.prompt_of_take(*track, request))
            })
            .collect();
        let requests: Vec<TakeRequest<'_>> = playing
            .iter()
            .zip(&heard)
            .map(|(track, (context, prompt))| TakeRequest {
                track: *track,
                prompt,
                intent: &intent,
                plan: &plan,
                seed,
                settings: request.settings,
                context,
                patch: self.track(*track).held_sound.as_deref(),
            })
            .collect();
        let made = make(&requests)?;
        self.remember();
        for track in absent {
            self.track_mut(track).play(None);
        }
        for (track, made) in playing.into_iter().zip(made) {
            self.candidates[track.index()] = made.candidates;
            self.track_mut(track).add(made.take);
        }
        if request.operation == Operation::Generate {
            self.prompt.clone_from(&request.words);
            self.intent = Some(intent);
            self.seed = seed;
        }
        self.plan = Some(plan);
        Ok(())
    }

    /// The checks that [`Session::apply`] makes before the first take. Returns the meaning of the request and the plan of its takes.
    /// `text` is the sentence model for what the words leave open.
    ///
    /// # Errors
    /// Returns an error if the scope is empty, all of it is locked or left out by the prompt, or [`Session::prepare`] fails.
    pub fn check(
        &self,
        request: &Request,
        text: Option<&dyn TextUnderstanding>,
    ) -> Result<(Intent, Plan), SessionError> {
        if request.scope.tracks().next().is_none() {
            return Err(SessionError::NoTracks);
        }
        if let Some(section) = request.scope.section().filter(|section| *section != self.open_section_id()) {
            let mut there = self.clone();
            there.open_section(section)?;
            let scope = request.scope.in_section(None);
            return there.check(&Request { scope, ..request.clone() }, text);
        }
        if request.operation == Operation::Song {
            // What is made of a loop does not change it.
            self.song_form(&request.song_request())?;
            let made_of = self.intent.clone().zip(self.plan.clone());
            return made_of.ok_or(SessionError::Empty);
        }
        if self.targets(request).next().is_none() {
            return Err(all_locked(request));
        }
        let (intent, plan) = self.prepare(request, text)?;
        if self.targets(request).all(|track| intent.track(track).absent) {
            return Err(SessionError::AllAbsent);
        }
        Ok((intent, plan))
    }

    /// The meaning of `request` and the plan of its takes, even if no track is free to change.
    ///
    /// The plan of kept takes (locked ones, and those outside the scope) stays as it is. If only drums are kept, another prompt, key
    /// or progression changes the harmony.
    ///
    /// # Errors
    /// Returns an error if the words cannot be read, the facts cannot be met, a setting is out of range, or there is nothing to
    /// edit.
    pub fn prepare(
        &self,
        request: &Request,
        text: Option<&dyn TextUnderstanding>,
    ) -> Result<(Intent, Plan), SessionError> {
        check_settings(request.settings)?;
        if !(1..=MOST_CANDIDATES).contains(&request.candidates) {
            return Err(SessionError::Candidates(request.candidates));
        }
        match request.operation {
            Operation::Generate => self.prepare_generation(request, text),
            Operation::Edit | Operation::Song | Operation::Section => self.prepare_edit(request, text),
        }
    }

    fn prepare_generation(
        &self,
        request: &Request,
        text: Option<&dyn TextUnderstanding>,
    ) -> Result<(Intent, Plan), SessionError> {
        let mut intent = parse_with(&request.words, text)?;
        if let Some(style) = request.facts.style {
            intent = intent.in_style(style);
        }
        for (track, words) in self.kept_edits(request) {
            let mut edited = edit_with(&intent, track, words, text)?;
            // It is a new take, not one close to the take that was edited.
            edited.tracks[track.index()].closeness = intent.track(track).closeness;
            intent = edited;
        }
        let kept = self.kept_plans(request);
        let plan = match self.shared_plan(&kept) {
            None => make_plan(&intent, &request.facts, self.seed_of(request))?,
            Some(shared) if kept.iter().any(|(track, _)| *track != Track::Drums) => shared.clone(),
            Some(shared) => self.harmony_around_drums(shared, &intent, request)?,
        };
        Ok((intent, plan))
    }

    fn prepare_edit(
        &self,
        request: &Request,
        text: Option<&dyn TextUnderstanding>,
    ) -> Result<(Intent, Plan), SessionError> {
        let kept = self.kept_plans(request);
        let plan = self.shared_plan(&kept).or(self.plan.as_ref()).ok_or(SessionError::Empty)?.clone();
        let of_take = |track| self.track(track).take().map(|take| &take.recipe.intent);
        // Each track is edited relative to the intent of its own take.
        let mut edited: Option<Intent> = None;
        for track in self.targets(request) {
            // An imported take has no words of its own.
            let is_imported = self.track(track).take().is_some_and(|take| take.recipe.imported.is_some());
            let own = of_take(track).filter(|_| !(is_imported && request.reference.is_some()));
            let own = own.or(self.intent.as_ref()).ok_or(SessionError::Empty)?;
            let mut base = edited.unwrap_or_else(|| own.clone());
            base.tracks[track.index()].clone_from(own.track(track));
            let mut intent = edit_with(&base, track, &request.words, text)?;
            let wanted = &mut intent.tracks[track.index()];
            wanted.absent = false;
            if request.reference.is_some() {
                wanted.reference.clone_from(&request.reference);
                wanted.closeness = 0.0;
            }
            if let Some(shape) = &mut wanted.shape {
                // All bars are made again, and a newly named instrument plays.
                shape.new_bars = None;
                shape.keeps_sound = false;
                shape.patch =
                    shape.patch.take().filter(|_| wanted.instruments == base.track(track).instruments);
            }
            edited = Some(intent);
        }
        Ok((edited.ok_or_else(|| all_locked(request))?, plan))
    }

    /// The seed of a request. If it names none, that is [`Session::next_seed`] of its only track, for a generation of several tracks
    /// that of the piece, and for an edit of several tracks a seed that none of their takes has.
    #[must_use]
    pub fn seed_of(&self, request: &Request) -> u64 {
        let next = || {
            let first = match (request.operation, request.scope.only_track()) {
                (_, Some(track)) => return self.next_seed(Some(track)),
                (Operation::Generate, None) => return self.next_seed(None),
                (_, None) => self.next_seed(self.targets(request).next()),
            };
            let is_used = |seed: u64| {
                let mut takes = self.targets(request).flat_map(|track| &self.track(track).history);
                takes.any(|take| take.recipe.seed == seed)
            };
            let mut seed = first;
            while is_used(seed) {
                seed = seed.wrapping_add(1);
            }
            seed
        };
        request.seed.unwrap_or_else(next)
    }

    /// Tracks that a request changes, in their order.
    pub(super) fn targets(&self, request: &Request) -> impl Iterator<Item = Track> {
        request.scope.tracks().filter(|track| !self.track(*track).locked)
    }

    /// The plan of kept takes. If the session's plan has the same grid, it is that one, because its chords may have been edited.
    fn shared_plan<'a>(&'a self, kept: &[(Track, &'a Plan)]) -> Option<&'a Plan> {
        let (_, first) = kept.first()?;
        Some(self.plan.as_ref().filter(|plan| is_same_grid(plan, first)).unwrap_or(first))
    }

    /// Kept drums fix tempo, meter, length and swing, but not the harmony, which follows another prompt, key or progression.
    fn harmony_around_drums(
        &self,
        shared: &Plan,
        intent: &Intent,
        request: &Request,
    ) -> Result<Plan, PlanError> {
        let asked = &request.facts;
        let is_same_key = asked.key.is_none_or(|key| key == shared.key);
        if request.words == self.prompt && is_same_key && asked.chords.is_none() {
            return Ok(shared.clone());
        }
        let bound = Overrides {
            bpm: Some(shared.bpm),
            meter: Some(shared.meter),
            bars: Some(shared.bars),
            ..asked.clone()
        };
        Ok(Plan { swing: shared.swing, ..make_plan(intent, &bound, self.seed_of(request))? })
    }

    /// Takes that a request leaves unchanged.
    fn kept(&self, request: &Request) -> impl Iterator<Item = (Track, &Arc<Take>)> {
        let scope = request.scope;
        Track::ALL.into_iter().filter_map(move |track| {
            let state = self.track(track);
            let stays = state.locked || !scope.contains(track);
            // An imported take without its audio cannot be heard.
            let is_heard = |take: &&Arc<Take>| stays && !(take.is_asleep() && take.recipe.imported.is_some());
            state.take().filter(is_heard).map(|take| (track, take))
        })
    }

    fn kept_plans(&self, request: &Request) -> Vec<(Track, &Plan)> {
        self.kept(request).map(|(track, take)| (track, &take.recipe.plan)).collect()
    }

    /// The words by which takes of this same prompt were edited, if a generation keeps them, in their order.
    pub(super) fn kept_edits<'a>(&'a self, request: &Request) -> Vec<(Track, &'a str)> {
        if request.operation != Operation::Generate || !request.keeps_edits {
            return Vec::new();
        }
        let of = |track: Track| {
            let take = self.track(track).take().filter(|take| take.recipe.imported.is_none());
            let edits = take.and_then(|take| take.recipe.prompt.strip_prefix(request.words.as_str()));
            let mark = format!("; {track}: ");
            let edits = edits.filter(|edits| edits.starts_with(&mark)).unwrap_or_default();
            let words: Vec<(Track, &str)> =
                edits.split(mark.as_str()).skip(1).map(|words| (track, words)).collect();
            words
        };
        self.targets(request).flat_map(of).collect()
    }

    /// The prompt in a take's recipe. An edit appends its words to the prompt of the take before.
    pub(super) fn prompt_of_take(&self, track: Track, request: &Request) -> String {
        if request.operation == Operation::Generate {
            let edits = self.kept_edits(request).into_iter().filter(|(of, _)| *of == track);
            return edits
                .fold(request.words.clone(), |prompt, (_, words)| format!("{prompt}; {track}: {words}"));
        }
        let before = self.track(track).take().map_or(self.prompt.as_str(), |take| &take.recipe.prompt);
        match request.words.trim() {
            "" => before.to_owned(),
            words => format!("{before}; {track}: {words}"),
        }
    }
}

fn in_order(heard: impl Iterator<Item = (Track, Arc<Take>)>) -> Vec<Arc<Take>> {
    let mut ordered: Vec<_> = heard.collect();
    ordered.sort_by_key(|(track, _)| *track);
    ordered.into_iter().map(|(_, take)| take).collect()
}

fn all_locked(request: &Request) -> SessionError {
    match request.scope.only_track() {
        Some(track) if request.operation == Operation::Edit => SessionError::Locked(track),
        _ => SessionError::AllLocked,
    }
}

fn check_settings(settings: GenerationSettings) -> Result<(), SessionError> {
    settings.out_of_range().map_or(Ok(()), |(name, value)| Err(SessionError::Setting { name, value }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scope;
    use crate::fake::{apply, fake_take, generated, ids, request};
    use proptest::prelude::*;
    use resonantgen_words::{PromptError, Reference};

    #[test]
    fn each_track_hears_those_before_it() {
        let session = generated("techno", 1);
        for track in Track::ALL {
            let take = session.track(track).take().expect("a take");
            assert_eq!(take.recipe.context.len(), track.index());
        }
    }

    #[test]
    fn a_failure_or_a_cancellation_changes_nothing() {
        let mut session = generated("techno", 1);
        let before = ids(&session);
        let mut count = 0;
        let error = session.apply_with(&request("jazz", 2), None, &mut |take| {
            count += 1;
            if count == 3 { Err(GenerateError::Cancelled) } else { Ok(fake_take(take)) }
        });
        assert!(matches!(error, Err(SessionError::Generate(GenerateError::Cancelled))));
        assert_eq!((ids(&session), session.prompt.as_str()), (before, "techno"));
    }

    #[test]
    fn locks_hold_and_are_named() {
        let mut session = generated("techno", 1);
        session.track_mut(Track::Bass).locked = true;
        let (before, plan) = (ids(&session), session.plan.clone());
        let facts = Overrides { bars: Some(4), bpm: Some(90.0), ..Overrides::default() };
        apply(&mut session, &request("jazz", 2).facts(facts)).expect("the rest");
        assert_eq!(ids(&session)[1], before[1]);
        assert_ne!(ids(&session)[0], before[0]);
        assert_eq!(session.plan, plan);
        let drums = session.track(Track::Drums).take().expect("a take");
        assert_eq!(drums.recipe.context.len(), 1);
        let refused = apply(&mut session, &Request::edit(Track::Bass, "").seed(3));
        assert!(refused.expect_err("locked").to_string().contains("bass is locked"));
        for track in Track::ALL {
            session.track_mut(track).locked = true;
        }
        let refused = apply(&mut session, &request("jazz", 2));
        assert!(matches!(refused, Err(SessionError::AllLocked)));
    }

    #[test]
    fn locked_drums_bind_the_grid_but_not_the_harmony() {
        let mut session = generated("techno in A minor", 1);
        session.track_mut(Track::Drums).locked = true;
        let before = session.plan.clone().expect("a plan");
        apply(&mut session, &Request::generate("techno in A minor").seed(2)).expect("the same words");
        assert_eq!(session.plan.as_ref(), Some(&before));
        let facts = Overrides { bars: Some(3), bpm: Some(90.0), ..Overrides::default() };
        apply(&mut session, &request("house in F# major", 2).facts(facts)).expect("other words");
        let plan = session.plan.clone().expect("a plan");
        assert_eq!(plan.key.to_string(), "F# major");
        assert_eq!((plan.bpm, plan.bars, plan.meter, plan.swing), (240.0, 1, before.meter, before.swing));
        assert_eq!(session.track(Track::Bass).take().expect("a take").recipe.plan, plan);
    }

    #[test]
    fn regeneration_edits_its_track_and_keeps_the_history() {
        let mut session = generated("techno with acid bass", 1);
        session
            .apply_with(&Request::edit(Track::Bass, "more aggressive").seed(9), None, &mut |take| {
                assert_eq!(take.context.len(), 4);
                Ok(fake_take(take))
            })
            .expect("a take");
        let state = session.track(Track::Bass);
        assert_eq!((state.history.len(), state.current), (2, Some(1)));
        let aggression = |index: usize| state.history[index].recipe.intent.tracks[1].attributes.aggression;
        assert!(aggression(1) > aggression(0) + 0.2);
        assert!(state.history[1].recipe.prompt.ends_with("bass: more aggressive"));
        for seed in 0..30 {
            apply(&mut session, &Request::edit(Track::Bass, "").seed(seed)).expect("a take");
        }
        assert_eq!(session.track(Track::Bass).history.len(), super::super::HISTORY_LENGTH);
        let nothing = apply(&mut Session::default(), &Request::edit(Track::Bass, ""));
        assert!(matches!(nothing, Err(SessionError::Empty)));
    }

    #[test]
    fn an_edit_of_several_tracks_changes_each_from_its_own_take() {
        let mut session = generated("techno with acid bass", 1);
        apply(&mut session, &Request::edit(Track::Bass, "busier").seed(9)).expect("a take");
        session.track_mut(Track::Harmony).locked = true;
        let before = session.clone();
        let scope = Scope::of([Track::Bass, Track::Harmony, Track::Melody]);
        let request = Request::edit(scope, "darker");
        assert_eq!(before.seed_of(&request), 10, "no take of theirs has this seed");
        let mut heard = Vec::new();
        session
            .apply_with(&request, None, &mut |take| {
                heard.push((take.track, take.context.len()));
                Ok(fake_take(take))
            })
            .expect("two takes");
        assert_eq!(
            heard,
            [(Track::Bass, 3), (Track::Melody, 4)],
            "the bass does not hear the melody that goes"
        );
        for track in [Track::Drums, Track::Harmony] {
            assert_eq!(ids(&session)[track.index()], ids(&before)[track.index()]);
        }
        for track in [Track::Bass, Track::Melody] {
            let take = |session: &Session| session.track(track).take().expect("a take").recipe.clone();
            let (old, new) = (take(&before), take(&session));
            let part = |recipe: &resonantgen_take::Recipe| recipe.intent.track(track).attributes;
            assert_eq!(new.prompt, format!("{}; {track}: darker", old.prompt));
            assert!(part(&new).brightness < part(&old).brightness);
            assert_eq!(part(&new).density, part(&old).density, "edits of before stay");
        }
        assert_eq!((&session.prompt, session.seed), (&before.prompt, before.seed));
        for track in Track::ALL {
            session.track_mut(track).locked = true;
        }
        assert!(matches!(apply(&mut session, &request), Err(SessionError::AllLocked)));
    }

    #[test]
    fn a_generation_from_the_same_prompt_may_keep_earlier_edits() {
        let mut session = generated("techno with acid bass", 1);
        apply(&mut session, &Request::edit(Track::Bass, "more aggressive").seed(2)).expect("a take");
        apply(&mut session, &Request::edit(Track::Bass, "darker").seed(3)).expect("a take");
        let again = request("techno with acid bass", 4);
        assert_ne!(session.question(&again), session.question(&again.clone().keeping_edits()));
        let aggression = |session: &Session| {
            let take = session.track(Track::Bass).take().expect("a take");
            (take.recipe.prompt.clone(), take.recipe.intent.track(Track::Bass).attributes.aggression)
        };
        let edited = aggression(&session);
        let mut kept = session.clone();
        apply(&mut kept, &again.clone().keeping_edits()).expect("a piece");
        assert_eq!(aggression(&kept), edited);
        assert!(edited.0.ends_with("; bass: more aggressive; bass: darker"), "{}", edited.0);
        let bass = kept.track(Track::Bass).take().expect("a take");
        assert_eq!(bass.recipe.intent.track(Track::Bass).closeness, 0.0, "it is composed anew");
        assert_eq!(kept.prompt, "techno with acid bass");
        // Without a request to keep it, or from another prompt, it starts from scratch.
        apply(&mut session, &again).expect("a piece");
        assert!(aggression(&session).1 < edited.1);
        apply(&mut kept, &request("house", 5).keeping_edits()).expect("a piece");
        assert_eq!(aggression(&kept).0, "house");
    }

    #[test]
    fn a_take_that_follows_another_part_is_new_and_so_are_its_edits() {
        let mut session = generated("techno with acid bass", 1);
        let bass = session.track(Track::Bass).take().expect("a take").clone();
        let reference =
            Reference::of(Track::Bass, &bass.recipe.plan, &bass.score.notes).expect("it has notes");
        let like = Request::edit(Track::Bass, "").like(reference.clone()).seed(2);
        assert_ne!(session.question(&like), session.question(&Request::edit(Track::Bass, "").seed(2)));
        apply(&mut session, &like).expect("a take");
        apply(&mut session, &Request::edit(Track::Bass, "darker").seed(3)).expect("a take");
        let history = &session.track(Track::Bass).history;
        for (take, is_close) in history[1..].iter().zip([false, true]) {
            let own = take.recipe.intent.track(Track::Bass);
            assert_eq!((own.reference.as_ref(), own.closeness > 0.0), (Some(&reference), is_close));
        }
        assert_ne!(history[0].id, history[1].id);
        // Of a prompt, there is no reference; and an empty session has nothing to write a part for.
        apply(&mut session, &request("house", 4)).expect("a piece");
        let bass = session.track(Track::Bass).take().expect("a take");
        assert_eq!(bass.recipe.intent.track(Track::Bass).reference, None);
        assert!(matches!(apply(&mut Session::default(), &like), Err(SessionError::Empty)));
    }

    #[test]
    fn a_corrected_style_wins_over_the_words() {
        let facts = Overrides { style: Some(resonantgen_words::Style::Jazz), ..Overrides::default() };
        let corrected = Request::generate("dark techno with 808 bass").facts(facts);
        let (intent, _) = Session::default().prepare(&corrected, None).expect("a plan");
        assert_eq!(intent.summary(), "dark jazz, 808 bass");
    }

    #[test]
    fn absent_tracks_fall_silent() {
        let mut session = generated("techno", 1);
        apply(&mut session, &request("techno without drums", 2)).expect("three");
        assert!(session.track(Track::Drums).take().is_none());
        assert_eq!(session.track(Track::Drums).history.len(), 1);
        assert!(session.track(Track::Bass).take().is_some());
        let refused = apply(&mut session, &request("techno without drums", 2).scope(Track::Drums));
        assert!(matches!(refused, Err(SessionError::AllAbsent)));
    }

    #[test]
    fn requests_out_of_range_are_refused() {
        let mut session = Session::default();
        let mut bad = request("techno", 1);
        bad.settings.variation = f32::NAN;
        assert!(matches!(session.prepare(&bad, None), Err(SessionError::Setting { name: "variation", .. })));
        let nobody = request("techno", 1).scope(Scope::of([]));
        assert!(matches!(apply(&mut session, &nobody), Err(SessionError::NoTracks)));
        let blank = session.prepare(&request(" ", 1), None);
        assert!(matches!(blank, Err(SessionError::Prompt(PromptError::Empty))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_locked_take_never_changes(
            actions in prop::collection::vec((0_u8..5, 0_usize..4, 0_u64..50, any::<bool>()), 1..12),
        ) {
            let mut session = generated("house", 0);
            let mut locked: [Option<String>; 4] = Default::default();
            for (action, track, seed, succeeds) in actions {
                let track = Track::ALL[track];
                let mut make = |take: &TakeRequest<'_>| {
                    if succeeds { Ok(fake_take(take)) } else { Err(GenerateError::Cancelled) }
                };
                match action {
                    0 => {
                        session.track_mut(track).locked = true;
                        locked[track.index()] = ids(&session)[track.index()].clone();
                    }
                    1 => {
                        session.track_mut(track).locked = false;
                        locked[track.index()] = None;
                    }
                    2 => drop(session.apply_with(&request("jazz, no bass", seed), None, &mut make)),
                    3 => drop(session.apply_with(&Request::edit(track, "darker").seed(seed), None, &mut make)),
                    _ => drop(session.apply_with(&Request::edit(Scope::ALL, "busier").seed(seed), None, &mut make)),
                }
                let now = ids(&session);
                for track in Track::ALL {
                    if let Some(id) = &locked[track.index()] {
                        prop_assert_eq!(now[track.index()].as_ref(), Some(id));
                    }
                }
            }
        }
    }
}
