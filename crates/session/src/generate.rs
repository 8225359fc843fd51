//! What a session does: generate, regenerate. Each succeeds as a whole or changes nothing.

use std::sync::Arc;

use super::edit::is_same_grid;
use super::{Overrides, Session, SessionError};
use resonantgen_music::plan::Plan;
use resonantgen_music::track::Track;
use resonantgen_take::maker::{GenerateError, Maker, Observer, TakeRequest};
use resonantgen_take::{GenerationSettings, Take};
use resonantgen_words::{Intent, TextUnderstanding, edit_with, is_understood_with, parse_with};
use resonantgen_words::{PlanError, make_plan};

/// What to generate.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRequest {
    /// What was typed.
    pub prompt: String,
    /// Facts fixed by the user or the host.
    pub overrides: Overrides,
    /// Seed of every random choice.
    pub seed: u64,
    /// Tracks to generate; locked ones among them stay.
    pub tracks: Vec<Track>,
    /// Settings of the generator.
    pub settings: GenerationSettings,
}

impl SessionRequest {
    /// Refuses a prompt in which nothing means anything, for surfaces that cannot show what was understood.
    /// [`Session::generate`] itself takes such a prompt as neutral pop.
    ///
    /// # Errors
    /// Neither a word nor, with a model of sentences, the whole is like anything that is known.
    pub fn check_understood(&self, text: Option<&dyn TextUnderstanding>) -> Result<(), SessionError> {
        if is_understood_with(&self.prompt, text) { Ok(()) } else { Err(SessionError::NotUnderstood) }
    }
}

/// Makes one take.
type Make<'a> = dyn FnMut(&TakeRequest<'_>) -> Result<Take, GenerateError> + 'a;

impl Session {
    /// What `request` means and what would be planned for it; changes nothing.
    ///
    /// A plan that kept takes (locked ones, and those of tracks that are not asked for) were made for stays as it is.
    /// Only where nothing but drums is kept, another prompt, key or progression brings another harmony.
    ///
    /// # Errors
    /// As [`Session::generate`], before any take is made.
    pub fn prepare(&self, request: &SessionRequest) -> Result<(Intent, Plan), SessionError> {
        self.prepare_with(request, None)
    }

    /// As [`Session::prepare`], with a model of sentences for what the words leave open, as [`Session::generate`] has it.
    ///
    /// # Errors
    /// As [`Session::generate`], before any take is made.
    pub fn prepare_with(
        &self,
        request: &SessionRequest,
        text: Option<&dyn TextUnderstanding>,
    ) -> Result<(Intent, Plan), SessionError> {
        check_settings(request.settings)?;
        let mut intent = parse_with(&request.prompt, text)?;
        if let Some(style) = request.overrides.style {
            intent = intent.in_style(style);
        }
        let kept: Vec<(Track, &Plan)> =
            self.kept(&request.tracks).map(|(track, take)| (track, &take.recipe.plan)).collect();
        let plan = match self.shared_plan(&kept) {
            None => make_plan(&intent, &request.overrides, request.seed)?,
            Some(shared) if kept.iter().any(|(track, _)| *track != Track::Drums) => shared.clone(),
            Some(shared) => self.harmony_around_drums(shared, &intent, request)?,
        };
        Ok((intent, plan))
    }

    /// Refuses what [`Session::generate`] would refuse before it makes a take, and changes nothing. Returns what the request
    /// means and what would be planned for it.
    ///
    /// # Errors
    /// As [`Session::generate`], before any take is made.
    pub fn check_request(
        &self,
        request: &SessionRequest,
        text: Option<&dyn TextUnderstanding>,
    ) -> Result<(Intent, Plan), SessionError> {
        if request.tracks.is_empty() {
            return Err(SessionError::NoTracks);
        }
        if self.targets(request).next().is_none() {
            return Err(SessionError::AllLocked);
        }
        let (intent, plan) = self.prepare_with(request, text)?;
        if self.targets(request).all(|track| intent.track(track).absent) {
            return Err(SessionError::AllAbsent);
        }
        Ok((intent, plan))
    }

    /// Tracks that a request changes, in their order.
    pub(super) fn targets(&self, request: &SessionRequest) -> impl Iterator<Item = Track> {
        Track::ALL.into_iter().filter(|track| request.tracks.contains(track) && !self.track(*track).locked)
    }

    /// The plan of what is kept: the session's own, as its chords may have been edited, when it has the takes' grid.
    fn shared_plan<'a>(&'a self, kept: &[(Track, &'a Plan)]) -> Option<&'a Plan> {
        let (_, first) = kept.first()?;
        Some(self.plan.as_ref().filter(|plan| is_same_grid(plan, first)).unwrap_or(first))
    }

    /// Drums bind tempo, meter, length and swing, but no harmony: another prompt, key or progression is met.
    fn harmony_around_drums(
        &self,
        shared: &Plan,
        intent: &Intent,
        request: &SessionRequest,
    ) -> Result<Plan, PlanError> {
        let asked = &request.overrides;
        let is_same_key = asked.key.is_none_or(|key| key == shared.key);
        if request.prompt == self.prompt && is_same_key && asked.chords.is_none() {
            return Ok(shared.clone());
        }
        let bound = Overrides {
            bpm: Some(shared.bpm),
            meter: Some(shared.meter),
            bars: Some(shared.bars),
            ..asked.clone()
        };
        Ok(Plan { swing: shared.swing, ..make_plan(intent, &bound, request.seed)? })
    }

    /// Takes that a generation of `tracks` leaves as they are.
    fn kept(&self, tracks: &[Track]) -> impl Iterator<Item = (Track, &Arc<Take>)> {
        Track::ALL.into_iter().filter_map(move |track| {
            let state = self.track(track);
            let stays = state.locked || !tracks.contains(&track);
            // Of an imported take that is lost there is nothing to hear.
            let is_heard = |take: &&Arc<Take>| stays && !(take.is_asleep() && take.recipe.imported.is_some());
            state.take().filter(is_heard).map(|take| (track, take))
        })
    }

    /// Generates all unlocked tracks of the request, in their order; each hears those that are kept and those made
    /// before it. A track that the prompt leaves out ("no drums") falls silent; its history stays.
    ///
    /// # Errors
    /// When the request cannot be met, a take cannot be made, or the observer cancels. The session is then unchanged.
    pub fn generate(
        &mut self,
        maker: &dyn Maker,
        request: &SessionRequest,
        observer: &dyn Observer,
    ) -> Result<(), SessionError> {
        self.generate_understood(request, maker.understanding(), &mut |take| maker.make(take, observer))?;
        self.bundle = Some(maker.bundle());
        Ok(())
    }

    fn generate_understood(
        &mut self,
        request: &SessionRequest,
        text: Option<&dyn TextUnderstanding>,
        make: &mut Make<'_>,
    ) -> Result<(), SessionError> {
        let (intent, plan) = self.check_request(request, text)?;
        let mut heard: Vec<(Track, Arc<Take>)> =
            self.kept(&request.tracks).map(|(track, take)| (track, take.clone())).collect();
        let mut made = Vec::new();
        for track in self.targets(request) {
            if intent.track(track).absent {
                made.push((track, None));
                continue;
            }
            let context = in_order(&heard);
            let take = Arc::new(make(&TakeRequest {
                track,
                prompt: &request.prompt,
                intent: &intent,
                plan: &plan,
                seed: request.seed,
                settings: request.settings,
                context: &context,
            })?);
            heard.push((track, take.clone()));
            made.push((track, Some(take)));
        }
        self.remember();
        for (track, take) in made {
            let state = self.track_mut(track);
            match take {
                Some(take) => state.add(take),
                None => state.play(None),
            }
        }
        self.prompt.clone_from(&request.prompt);
        self.intent = Some(intent);
        self.plan = Some(plan);
        self.seed = request.seed;
        Ok(())
    }

    /// Refuses what [`Session::regenerate`] would refuse before it makes a take, and changes nothing. Returns what the take
    /// would be made for.
    ///
    /// # Errors
    /// As [`Session::regenerate`], before the take is made.
    pub fn check_regeneration(
        &self,
        track: Track,
        edit: &str,
        settings: GenerationSettings,
        text: Option<&dyn TextUnderstanding>,
    ) -> Result<(Intent, Plan), SessionError> {
        check_settings(settings)?;
        let state = self.track(track);
        if state.locked {
            return Err(SessionError::Locked(track));
        }
        let base = state
            .take()
            .map(|take| &take.recipe.intent)
            .or(self.intent.as_ref())
            .ok_or(SessionError::Empty)?;
        let kept: Vec<(Track, &Plan)> =
            self.kept(&[track]).map(|(other, take)| (other, &take.recipe.plan)).collect();
        let plan = self.shared_plan(&kept).or(self.plan.as_ref()).ok_or(SessionError::Empty)?.clone();
        let mut intent = edit_with(base, track, edit, text)?;
        intent.tracks[track.index()].absent = false;
        Ok((intent, plan))
    }

    /// Generates one track again, hearing all others. `edit` is relative to the take at hand ("more aggressive"); empty
    /// asks for another take of the same.
    ///
    /// # Errors
    /// When the track is locked, nothing was generated yet, the edit cannot be read, the take cannot be made, or the
    /// observer cancels. The session is then unchanged.
    pub fn regenerate(
        &mut self,
        maker: &dyn Maker,
        track: Track,
        edit: &str,
        seed: u64,
        settings: GenerationSettings,
        observer: &dyn Observer,
    ) -> Result<(), SessionError> {
        let make = &mut |take: &TakeRequest<'_>| maker.make(take, observer);
        self.regenerate_understood(track, edit, seed, settings, maker.understanding(), make)?;
        self.bundle = Some(maker.bundle());
        Ok(())
    }

    fn regenerate_understood(
        &mut self,
        track: Track,
        text: &str,
        seed: u64,
        settings: GenerationSettings,
        understanding: Option<&dyn TextUnderstanding>,
        make: &mut Make<'_>,
    ) -> Result<(), SessionError> {
        let (intent, plan) = self.check_regeneration(track, text, settings, understanding)?;
        let parent = self.track(track).take();
        // The take at hand is heard too: an edit stays close to it.
        let mut context: Vec<(Track, Arc<Take>)> =
            self.kept(&[track]).map(|(other, take)| (other, take.clone())).collect();
        context
            .extend(parent.filter(|_| intent.track(track).closeness > 0.0).map(|take| (track, take.clone())));
        let before = parent.map_or(self.prompt.as_str(), |take| take.recipe.prompt.as_str());
        let prompt = if text.trim().is_empty() {
            before.to_owned()
        } else {
            format!("{before}; {track}: {}", text.trim())
        };
        let take = make(&TakeRequest {
            track,
            prompt: &prompt,
            intent: &intent,
            plan: &plan,
            seed,
            settings,
            context: &in_order(&context),
        })?;
        self.remember();
        self.track_mut(track).add(Arc::new(take));
        self.plan = Some(plan);
        Ok(())
    }
}

fn in_order(heard: &[(Track, Arc<Take>)]) -> Vec<Arc<Take>> {
    let mut ordered = heard.to_vec();
    ordered.sort_by_key(|(track, _)| *track);
    ordered.into_iter().map(|(_, take)| take).collect()
}

fn check_settings(settings: GenerationSettings) -> Result<(), SessionError> {
    settings.out_of_range().map_or(Ok(()), |(name, value)| Err(SessionError::Setting { name, value }))
}

/// What tests do without an engine.
#[cfg(any(test, feature = "fake"))]
impl Session {
    pub(crate) fn generate_by(
        &mut self,
        request: &SessionRequest,
        make: &mut Make<'_>,
    ) -> Result<(), SessionError> {
        self.generate_understood(request, None, make)
    }

    pub(crate) fn regenerate_by(
        &mut self,
        track: Track,
        text: &str,
        seed: u64,
        settings: GenerationSettings,
        make: &mut Make<'_>,
    ) -> Result<(), SessionError> {
        self.regenerate_understood(track, text, seed, settings, None, make)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{fake_take, generate, generated, ids, request};
    use proptest::prelude::*;
    use resonantgen_words::PromptError;

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
        let error = session.generate_by(&request("jazz", 2), &mut |take| {
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
        let other = SessionRequest {
            overrides: Overrides { bars: Some(4), bpm: Some(90.0), ..Overrides::default() },
            ..request("jazz", 2)
        };
        session.generate_by(&other, &mut |take| Ok(fake_take(take))).expect("the rest");
        assert_eq!(ids(&session)[1], before[1]);
        assert_ne!(ids(&session)[0], before[0]);
        assert_eq!(session.plan, plan);
        let drums = session.track(Track::Drums).take().expect("a take");
        assert_eq!(drums.recipe.context.len(), 1);
        let refused = session.regenerate_by(Track::Bass, "", 3, GenerationSettings::default(), &mut |take| {
            Ok(fake_take(take))
        });
        assert!(refused.expect_err("locked").to_string().contains("bass is locked"));
        for track in Track::ALL {
            session.track_mut(track).locked = true;
        }
        let refused = session.generate_by(&request("jazz", 2), &mut |take| Ok(fake_take(take)));
        assert!(matches!(refused, Err(SessionError::AllLocked)));
    }

    #[test]
    fn locked_drums_bind_the_grid_but_not_the_harmony() {
        let mut session = generated("techno in A minor", 1);
        session.track_mut(Track::Drums).locked = true;
        let before = session.plan.clone().expect("a plan");
        generate(
            &mut session,
            &SessionRequest { overrides: Overrides::default(), ..request("techno in A minor", 2) },
        )
        .expect("the same words");
        assert_eq!(session.plan.as_ref(), Some(&before));
        let other = SessionRequest {
            overrides: Overrides { bars: Some(3), bpm: Some(90.0), ..Overrides::default() },
            ..request("house in F# major", 2)
        };
        generate(&mut session, &other).expect("other words");
        let plan = session.plan.clone().expect("a plan");
        assert_eq!(plan.key.to_string(), "F# major");
        assert_eq!((plan.bpm, plan.bars, plan.meter, plan.swing), (240.0, 1, before.meter, before.swing));
        assert_eq!(session.track(Track::Bass).take().expect("a take").recipe.plan, plan);
    }

    #[test]
    fn regeneration_edits_its_track_and_keeps_the_history() {
        let mut session = generated("techno with acid bass", 1);
        session
            .regenerate_by(Track::Bass, "more aggressive", 9, GenerationSettings::default(), &mut |take| {
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
            session
                .regenerate_by(Track::Bass, "", seed, GenerationSettings::default(), &mut |take| {
                    Ok(fake_take(take))
                })
                .expect("a take");
        }
        assert_eq!(session.track(Track::Bass).history.len(), super::super::HISTORY_LENGTH);
        let nothing = Session::default().regenerate_by(
            Track::Bass,
            "",
            0,
            GenerationSettings::default(),
            &mut |take| Ok(fake_take(take)),
        );
        assert!(matches!(nothing, Err(SessionError::Empty)));
    }

    #[test]
    fn a_corrected_style_wins_over_the_words() {
        let overrides = Overrides { style: Some(resonantgen_words::Style::Jazz), ..Overrides::default() };
        let corrected = SessionRequest { overrides, ..request("dark techno with 808 bass", 1) };
        let (intent, _) = Session::default().prepare(&corrected).expect("a plan");
        assert_eq!(intent.summary(), "dark jazz, 808 bass");
    }

    #[test]
    fn absent_tracks_fall_silent() {
        let mut session = generated("techno", 1);
        session
            .generate_by(&request("techno without drums", 2), &mut |take| Ok(fake_take(take)))
            .expect("three");
        assert!(session.track(Track::Drums).take().is_none());
        assert_eq!(session.track(Track::Drums).history.len(), 1);
        assert!(session.track(Track::Bass).take().is_some());
        let only = SessionRequest { tracks: vec![Track::Drums], ..request("techno without drums", 2) };
        let refused = session.generate_by(&only, &mut |take| Ok(fake_take(take)));
        assert!(matches!(refused, Err(SessionError::AllAbsent)));
    }

    #[test]
    fn requests_out_of_range_are_refused() {
        let mut session = Session::default();
        let mut bad = request("techno", 1);
        bad.settings.variation = f32::NAN;
        assert!(matches!(session.prepare(&bad), Err(SessionError::Setting { name: "variation", .. })));
        let nobody = SessionRequest { tracks: Vec::new(), ..request("techno", 1) };
        assert!(matches!(
            session.generate_by(&nobody, &mut |take| Ok(fake_take(take))),
            Err(SessionError::NoTracks)
        ));
        let blank = session.prepare(&request(" ", 1));
        assert!(matches!(blank, Err(SessionError::Prompt(PromptError::Empty))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_locked_take_never_changes(
            actions in prop::collection::vec((0_u8..4, 0_usize..4, 0_u64..50, any::<bool>()), 1..12),
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
                    2 => drop(session.generate_by(&request("jazz, no bass", seed), &mut make)),
                    _ => drop(session.regenerate_by(track, "darker", seed, GenerationSettings::default(), &mut make)),
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
