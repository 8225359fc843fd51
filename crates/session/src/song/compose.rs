//! Generates a song from a loop, regenerates sections, and regenerates single bars of a take.

use std::sync::Arc;

use super::form::{RETURN_ENERGY, Wanted, intent_of, plan_of, return_of, somebody_plays};
use super::{Content, Part, Section, SectionId, Song};
use crate::{Session, SessionError, TrackState};
use resonantgen_music::plan::Plan;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_take::maker::{BundleFacts, Made, Maker, Observer, TakeRequest};
use resonantgen_take::{GenerationSettings, Take};
use resonantgen_words::Intent;
use resonantgen_words::form::{Form, Length, MOST_SECTIONS, SectionKind, SectionRules, rules_of};
use resonantgen_words::genre::genres;

/// How closely new bars follow those that they replace.
const BARS_CLOSENESS: f32 = 0.1;

/// Options for making a song from a loop.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SongRequest {
    /// Its form; `None` for the genre's.
    pub form: Option<Form>,
    /// Its approximate length; `None` to leave the form as it is.
    pub length: Option<Length>,
    /// Seed of every random choice; `None` for the session's.
    pub seed: Option<u64>,
    /// Generator settings.
    pub settings: GenerationSettings,
}

/// A section to be generated.
struct Draft<'a> {
    id: SectionId,
    kind: SectionKind,
    name: String,
    rules: &'a SectionRules,
    energy: f32,
    bars: u32,
    follows_build: bool,
    has_next: bool,
    /// The earlier section of which this one is a return.
    returns: Option<SectionId>,
}

impl Session {
    /// The form of a song made from the open section: the requested one or else the genre's, scaled to the requested length.
    ///
    /// # Errors
    /// [`SessionError::Empty`] if nothing was generated yet.
    pub fn song_form(&self, request: &SongRequest) -> Result<Form, SessionError> {
        let (intent, plan) = self.intent.as_ref().zip(self.plan.as_ref()).ok_or(SessionError::Empty)?;
        let own = || {
            let genre = intent.main_genre().or_else(|| genres().get(intent.main_style().name()));
            genre.map(|genre| genre.form.clone())
        };
        let form = request.form.clone().or_else(own).ok_or(SessionError::Empty)?;
        Ok(match request.length {
            None => form,
            Some(Length::Bars(bars)) => form.scaled_in_passes(bars, plan.bars),
            Some(Length::Seconds(seconds)) => {
                let bars = seconds * plan.bpm / 60.0 / plan.meter.quarters_per_bar();
                form.scaled_in_passes(bars.round().clamp(1.0, f64::from(u32::MAX)) as u32, plan.bars)
            }
        })
    }

    /// Makes a song from the open section, which becomes the main section (chorus, drop, head or A), bit for bit. All other
    /// sections are derived from it and replace the existing ones. Can be undone.
    ///
    /// # Errors
    /// Returns an error if nothing was generated yet, another section has a locked track, a take cannot be made, or the observer
    /// cancels. The session is then unchanged.
    pub fn make_song(
        &mut self,
        maker: &dyn Maker,
        request: &SongRequest,
        observer: &dyn Observer,
    ) -> Result<(), SessionError> {
        let form = self.song_form(request)?;
        let main = self.content();
        let (intent, plan) = main.intent.as_ref().zip(main.plan.as_ref()).ok_or(SessionError::Empty)?;
        if main.tracks.iter().all(|state| state.take().is_none()) {
            return Err(SessionError::Empty);
        }
        for section in self.sections().filter(|section| !section.is_open) {
            self.check_unlocked(section.id, &Track::ALL)?;
        }
        let seed = request.seed.unwrap_or(self.seed);
        let (drafts, order, main_id) = self.drafts(&form, intent, plan);
        let main_energy = drafts.iter().find(|draft| draft.id == main_id).map_or(0.9, |draft| draft.energy);
        let section = |draft: &Draft<'_>, content: Content| Section {
            name: draft.name.clone(),
            energy: draft.energy,
            content,
            ..Section::new(draft.id, draft.kind)
        };
        let (own, rest): (Vec<&Draft<'_>>, Vec<&Draft<'_>>) =
            drafts.iter().partition(|draft| draft.id == main_id);
        let mut made: Vec<Section> = own.into_iter().map(|draft| section(draft, main.clone())).collect();
        // Returns are made after the sections that they return to; all others at once.
        let is_of_loop = |draft: &&Draft<'_>| draft.returns.is_none_or(|id| id == main_id);
        let (first, second): (Vec<&Draft<'_>>, Vec<&Draft<'_>>) = rest.iter().copied().partition(is_of_loop);
        let mut before = 0;
        for turn in [first, second] {
            let derived: Vec<Derived> = turn
                .iter()
                .map(|draft| {
                    let wanted = Wanted {
                        rules: draft.rules,
                        energy: draft.energy,
                        main_energy,
                        bars: draft.bars,
                        follows_build: draft.follows_build,
                        has_next: draft.has_next,
                        seed: seed.wrapping_add(7_919 * u64::from(draft.id.0)),
                    };
                    let first = draft.returns.and_then(|id| made.iter().find(|section| section.id == id));
                    let from = first.map_or(&main, |first| &first.content);
                    derive(from, &main.prompt, first.is_some(), &wanted, None)
                })
                .collect::<Result<_, _>>()?;
            let groups: Vec<Vec<TakeRequest<'_>>> =
                derived.iter().map(|derived| derived.requests(request.settings)).collect();
            let begin = |number: usize| observer.section(&turn[number].name, before + number, rest.len());
            let takes = maker.make_groups(&groups, &begin, observer)?;
            drop(groups);
            let contents = derived.into_iter().zip(takes);
            let contents = contents.map(|(derived, takes)| derived.content(takes, maker.bundle()));
            made.extend(turn.iter().zip(contents).map(|(draft, content)| section(draft, content)));
            before += turn.len();
        }
        self.remember();
        made.sort_by_key(|section| section.id);
        for (section, number) in made.iter_mut().zip(1..) {
            section.number = number;
        }
        let next = made.iter().map(|section| section.id.0).max().unwrap_or(0) + 1;
        for section in made.iter_mut().filter(|section| section.id == main_id) {
            section.content = Content::default();
        }
        self.song = Song { sections: made, order, open: main_id, next: next.max(self.song.next) };
        self.bundle = Some(maker.bundle());
        Ok(())
    }

    /// Plans the sections of a form and their order. Returning sections are varied while there is room for more sections, and
    /// otherwise repeated.
    fn drafts<'a>(
        &self,
        form: &Form,
        intent: &Intent,
        plan: &Plan,
    ) -> (Vec<Draft<'a>>, Vec<Part>, SectionId) {
        let style = intent.main_style();
        let parts = form.parts();
        let main_part = form.main_part();
        let main_kind = parts[main_part].kind;
        let mut drafts: Vec<Draft<'a>> = Vec::new();
        let mut order: Vec<Part> = Vec::new();
        let mut next = self.song.next;
        // Reserve room for the first section of each kind.
        let mut kinds: Vec<SectionKind> = parts.iter().map(|part| part.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let mut room = MOST_SECTIONS.saturating_sub(kinds.len());
        let mut main_id = None;
        for (index, part) in parts.iter().enumerate() {
            let rules = rules_of(part.kind, style);
            let is_main = part.kind == main_kind;
            let whole = part.bars * part.repeats;
            let (bars, repeats) = if is_main {
                (plan.bars, (f64::from(whole) / f64::from(plan.bars)).round().max(1.0) as u32)
            } else {
                length_of(part.bars, part.repeats, plan.bars, rules)
            };
            let before: Vec<&Draft<'a>> = drafts
                .iter()
                .filter(|draft| draft.kind == part.kind && (is_main || draft.bars == bars))
                .collect();
            let nth = drafts.iter().filter(|draft| draft.kind == part.kind).count();
            let varies =
                is_main || matches!(part.kind, SectionKind::Verse | SectionKind::A | SectionKind::Solo);
            let repeats = repeats.min(resonantgen_words::form::MOST_REPEATS);
            if let Some(last) = before.last().filter(|_| !varies || room == 0) {
                order.push(Part { section: last.id, repeats });
                continue;
            }
            if nth > 0 {
                if room == 0 {
                    // An existing section of this kind has to do, although its length differs.
                    let known =
                        drafts.iter().rev().find(|draft| draft.kind == part.kind).map(|draft| draft.id);
                    order.extend(known.map(|section| Part { section, repeats: 1 }));
                    continue;
                }
                room -= 1;
            }
            let returns = before.first().filter(|_| part.kind != SectionKind::Solo).map(|draft| draft.id);
            let id = SectionId(next);
            next += 1;
            if is_main && main_id.is_none() {
                main_id = Some(id);
            }
            let gain = if nth > 0 { RETURN_ENERGY * nth as f32 } else { 0.0 };
            let name = if nth == 0 { part.name.clone() } else { format!("{} {}", part.name, nth + 1) };
            drafts.push(Draft {
                id,
                kind: part.kind,
                name,
                rules,
                energy: (rules.energy + gain).min(1.0),
                bars,
                follows_build: index > 0 && parts[index - 1].kind == SectionKind::Build,
                has_next: index + 1 < parts.len(),
                returns,
            });
            order.push(Part { section: id, repeats });
        }
        let main_id = main_id.unwrap_or(SectionId(next));
        (drafts, order, main_id)
    }

    /// Regenerates a section's unlocked tracks according to its kind and energy, derived from the song's main section. If the
    /// section is itself a return of the main one, the result is a close variation. Can be undone.
    ///
    /// # Errors
    /// Returns an error if the section is gone, `tracks` is empty or all of them are locked, nothing was generated yet, a take
    /// cannot be made, or the observer cancels. The session is then unchanged.
    pub fn regenerate_section(
        &mut self,
        maker: &dyn Maker,
        id: SectionId,
        tracks: &[Track],
        seed: Option<u64>,
        settings: GenerationSettings,
        observer: &dyn Observer,
    ) -> Result<(), SessionError> {
        let section = self.section(id).ok_or(SessionError::SectionGone)?;
        if tracks.is_empty() {
            return Err(SessionError::NoTracks);
        }
        if tracks.iter().all(|track| section.tracks[track.index()].locked) {
            return Err(SessionError::AllLockedInSection(section.name.to_owned()));
        }
        let (kind, energy) = (section.kind, section.energy);
        let name = section.name.to_owned();
        let main = self.loop_section().ok_or(SessionError::Empty)?;
        let whole = self.whole_song();
        let content = |id: SectionId| {
            whole.sections.iter().find(|section| section.id == id).map(|section| &section.content)
        };
        let (from, own) = content(main).zip(content(id)).ok_or(SessionError::SectionGone)?;
        let style = from.intent.as_ref().ok_or(SessionError::Empty)?.main_style();
        let rules = rules_of(kind, style);
        let main_energy = self.section(main).map_or(energy, |main| main.energy);
        let bars = own.plan.as_ref().or(from.plan.as_ref()).ok_or(SessionError::Empty)?.bars;
        let follows_build = self.order().windows(2).any(|pair| {
            pair[1].section == id
                && self.section(pair[0].section).is_some_and(|before| before.kind == SectionKind::Build)
        });
        let has_next = self.order().last().is_none_or(|part| part.section != id);
        let seed = seed.unwrap_or_else(|| {
            let used: Vec<u64> =
                own.tracks.iter().flat_map(|state| &state.history).map(|take| take.recipe.seed).collect();
            let first = used.iter().max().copied().unwrap_or(self.seed).wrapping_add(1);
            (first..).find(|seed| !used.contains(seed)).unwrap_or(first)
        });
        let wanted = Wanted { rules, energy, main_energy, bars, follows_build, has_next, seed };
        observer.section(&name, 0, 1);
        // A return of the loop is varied again.
        let is_return = self.section(main).is_some_and(|main| main.kind == kind && main.bars() == bars);
        let derived = derive(from, &from.prompt, is_return, &wanted, Some((own, tracks)))?;
        let takes = maker.make_in_turn(&derived.requests(settings), 1, observer)?;
        let made = derived.content(takes, maker.bundle());
        let before = self.song.open;
        self.remember();
        self.open_section(id)?;
        self.prompt = made.prompt;
        self.intent = made.intent;
        self.plan = made.plan;
        self.seed = made.seed;
        self.bundle = made.bundle;
        for (track, state) in Track::ALL.into_iter().zip(made.tracks) {
            if !tracks.contains(&track) || self.track(track).locked {
                continue;
            }
            match state.take() {
                Some(take) => self.track_mut(track).add(take.clone()),
                None => self.track_mut(track).play(None),
            }
        }
        self.open_section(before)
    }

    /// The song's main section, from which it was made: the one whose kind has the highest priority in a form.
    #[must_use]
    pub fn loop_section(&self) -> Option<SectionId> {
        let parts: Vec<_> = self
            .sections()
            .filter(|section| section.plan.is_some() && section.intent.is_some())
            .map(|section| {
                let part = resonantgen_words::form::FormPart {
                    kind: section.kind,
                    name: section.name.to_owned(),
                    bars: section.bars(),
                    repeats: 1,
                };
                (section.id, part)
            })
            .collect();
        let best = parts.iter().min_by_key(|(id, part)| (part.kind.rank_as_main(), *id));
        best.map(|(id, _)| *id)
    }

    /// Regenerates some bars of a track's take. The composer hears the other tracks and the surrounding bars. Outside these bars,
    /// the notes and samples stay the same, bit for bit. Bars are counted from 1. Can be undone.
    ///
    /// # Errors
    /// Returns an error if the track is locked, has no take or an imported one, if the bars do not exist, if the take cannot be
    /// made, or if the observer cancels. The session is then unchanged.
    pub fn regenerate_bars(
        &mut self,
        maker: &dyn Maker,
        track: Track,
        bars: std::ops::RangeInclusive<u32>,
        seed: Option<u64>,
        settings: GenerationSettings,
        observer: &dyn Observer,
    ) -> Result<(), SessionError> {
        let state = self.track(track);
        if state.locked {
            return Err(SessionError::Locked(track));
        }
        let parent = state.take().ok_or(SessionError::NoTakeForBars(track))?.clone();
        if parent.recipe.imported.is_some() {
            return Err(SessionError::ImportedBars(track));
        }
        let (first, last) = (*bars.start(), *bars.end());
        let count = parent.recipe.plan.bars;
        if first < 1 || last < first || last > count {
            return Err(SessionError::NoSuchBars { first, last, count });
        }
        let mut intent = parent.recipe.intent.clone();
        let own = &mut intent.tracks[track.index()];
        let mut shape = own.shape.clone().unwrap_or_default();
        shape.patch = Some(parent.patch.clone()).filter(|patch| !patch.is_empty());
        shape.new_bars = Some((first - 1..last).collect());
        shape.keeps_sound = true;
        own.shape = Some(shape);
        own.closeness = BARS_CLOSENESS;
        let mut context: Vec<Arc<Take>> = Track::ALL
            .into_iter()
            .filter(|other| *other != track)
            .filter_map(|other| self.track(other).take().cloned())
            .filter(|take| !(take.is_asleep() && take.recipe.imported.is_some()))
            .collect();
        context.push(parent.clone());
        context.sort_by_key(|take| take.recipe.track);
        let take = maker.make(
            &TakeRequest {
                track,
                prompt: &parent.recipe.prompt,
                intent: &intent,
                plan: &parent.recipe.plan,
                seed: seed.unwrap_or_else(|| self.next_seed(Some(track))),
                settings,
                context: &context,
                patch: None,
            },
            observer,
        )?;
        self.remember();
        self.track_mut(track).add(Arc::new(take));
        self.bundle = Some(maker.bundle());
        Ok(())
    }
}

/// Bars per pass and repeats of a section. A section that builds, ends or has tracks entering or leaving is played in one pass;
/// otherwise passes are as long as the loop, if that divides the section.
fn length_of(bars: u32, repeats: u32, loop_bars: u32, rules: &SectionRules) -> (u32, u32) {
    let changes_inside = rules.build
        || rules.ends
        || rules.enters.iter().any(|share| *share > 0.0)
        || rules.leaves.iter().any(|share| *share < 1.0);
    let pass = loop_bars.max(8);
    if !changes_inside && bars > pass && bars.is_multiple_of(pass) {
        return (pass, bars / pass * repeats);
    }
    (bars, repeats)
}

/// What a section is made of, derived from another one.
struct Derived {
    prompt: String,
    intent: Intent,
    plan: Plan,
    seed: u64,
    /// The tracks that stay as they are.
    tracks: [TrackState; TRACK_COUNT],
    /// What is asked of each other track, and what it hears besides the takes that are made before it.
    asked: Vec<(Track, Intent, Vec<Arc<Take>>)>,
}

impl Derived {
    /// The takes to be made, one after the other.
    fn requests(&self, settings: GenerationSettings) -> Vec<TakeRequest<'_>> {
        self.asked
            .iter()
            .map(|(track, intent, context)| TakeRequest {
                track: *track,
                prompt: &self.prompt,
                intent,
                plan: &self.plan,
                seed: self.seed,
                settings,
                context,
                patch: None,
            })
            .collect()
    }

    /// The section with the takes that were made for it.
    fn content(self, made: Vec<Made>, bundle: BundleFacts) -> Content {
        let mut tracks = self.tracks;
        for made in made {
            tracks[made.take.recipe.track.index()].add(made.take);
        }
        Content {
            prompt: self.prompt,
            intent: Some(self.intent),
            plan: Some(self.plan),
            seed: self.seed,
            bundle: Some(bundle),
            tracks,
        }
    }
}

/// Derives the tracks of a section from those of `from`. `kept` is the section's existing content and the tracks to generate; all
/// other tracks, and locked ones, are kept.
fn derive(
    from: &Content,
    prompt: &str,
    is_return: bool,
    wanted: &Wanted<'_>,
    kept: Option<(&Content, &[Track])>,
) -> Result<Derived, SessionError> {
    let (main_intent, main_plan) = from.intent.as_ref().zip(from.plan.as_ref()).ok_or(SessionError::Empty)?;
    let stays = |track: Track| -> Option<&TrackState> {
        let (content, tracks) = kept?;
        let state = &content.tracks[track.index()];
        (state.locked || !tracks.contains(&track)).then_some(state)
    };
    // Kept tracks need their chords, so the existing plan stays.
    let kept_plan = kept.and_then(|(content, _)| {
        let is_kept = |track: &Track| stays(*track).is_some_and(|state| state.take().is_some());
        content.plan.clone().filter(|_| Track::ALL.iter().any(is_kept))
    });
    let plan = kept_plan.unwrap_or_else(|| {
        if is_return { main_plan.clone() } else { plan_of(wanted, main_plan, main_intent) }
    });
    let plays: [bool; TRACK_COUNT] = from.tracks.each_ref().map(|state| state.take().is_some());
    let everybody = !somebody_plays(wanted, plays);
    let mut intent = main_intent.clone();
    let kept: Vec<Arc<Take>> =
        Track::ALL.into_iter().filter_map(|track| stays(track)?.take().cloned()).collect();
    let mut tracks: [TrackState; TRACK_COUNT] = Default::default();
    let mut asked: Vec<(Track, Intent, Vec<Arc<Take>>)> = Vec::new();
    for track in Track::ALL {
        if let Some(state) = stays(track) {
            tracks[track.index()] = state.clone();
            continue;
        }
        let Some(parent) = from.tracks[track.index()].take() else { continue };
        let own = if is_return {
            Some(return_of(wanted, track, parent))
        } else if everybody {
            let mut rules = wanted.rules.clone();
            rules.levels = Default::default();
            intent_of(&Wanted { rules: &rules, ..wanted.clone() }, track, parent)
        } else {
            intent_of(wanted, track, parent)
        };
        let Some(own) = own else {
            intent.tracks[track.index()].absent = true;
            continue;
        };
        intent.tracks[track.index()] = own;
        let mut context: Vec<Arc<Take>> =
            kept.iter().filter(|take| take.recipe.track != track).cloned().collect();
        if intent.tracks[track.index()].closeness > 0.0 {
            context.push(parent.clone());
        }
        context.sort_by_key(|take| take.recipe.track);
        asked.push((track, intent.clone(), context));
    }
    Ok(Derived { prompt: prompt.to_owned(), intent, plan, seed: wanted.seed, tracks, asked })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Fake, generated, ids};
    use crate::song::Likeness;
    use resonantgen_take::maker::{GenerateError, Silent};

    fn song(prompt: &str, form: &str) -> Session {
        let mut session = generated(prompt, 1);
        let request = SongRequest { form: Some(form.parse().expect("a form")), ..SongRequest::default() };
        session.make_song(&Fake::default(), &request, &Silent).expect("a song");
        session
    }

    fn names(session: &Session) -> String {
        let name = |part: &Part| {
            let section = session.section(part.section).expect("it is there");
            if part.repeats > 1 {
                format!("{} x{}", section.name, part.repeats)
            } else {
                section.name.to_owned()
            }
        };
        session.order().iter().map(name).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn the_loop_becomes_the_main_section_to_the_bit_and_the_rest_is_derived() {
        let before = generated("house", 1);
        let session = song("house", "intro 4, build 2, drop 4, break 2, build 2, drop 4, outro 4");
        assert_eq!(names(&session), "Intro, Build, Drop x4, Break, Build, Drop 2 x4, Outro");
        assert_eq!(ids(&session), ids(&before), "the open section is the loop");
        let find = |name: &str| session.section(session.find_section(name).expect("there")).expect("there");
        assert!(find("drop").is_open);
        assert!(find("break").take(Track::Drums).is_none() && find("break").take(Track::Harmony).is_some());
        let shape = |name: &str, track: Track| {
            find(name)
                .take(track)
                .expect("it plays")
                .recipe
                .intent
                .track(track)
                .shape
                .clone()
                .expect("a shape")
        };
        assert!(shape("build", Track::Drums).rises && shape("build", Track::Drums).gap_steps == 4);
        assert!(shape("outro", Track::Drums).ends);
        assert!(shape("drop 2", Track::Drums).lands);
        assert_eq!(shape("drop 2", Track::Drums).patch.as_deref(), Some("a patch"));
        let plan = |name: &str| find(name).plan.expect("a plan").clone();
        assert_eq!((plan("intro").key, plan("intro").bpm), (plan("drop").key, plan("drop").bpm));
        assert_eq!(plan("intro").bars, 4);
        // A section hears the loop.
        let intro = find("intro").take(Track::Drums).expect("it plays");
        assert!(intro.recipe.context.contains(&before.track(Track::Drums).take().expect("a take").id));
        // Sections are alike where their notes are. (The hits of a fake take belong to no drum.)
        let likeness = Likeness::of_sections(&find("drop"), &find("drop 2"));
        assert!(likeness.is_some_and(|likeness| likeness > 0.7), "{likeness:?}");
    }

    #[test]
    fn undo_gives_the_loop_back_and_redo_the_song() {
        let mut session = song("house", "intro 4, drop 4, outro 4");
        let made = names(&session);
        let loop_ids = ids(&session);
        session.undo().expect("the song");
        assert!(!session.is_song());
        assert_eq!(ids(&session), loop_ids);
        session.redo().expect("the song");
        assert_eq!(names(&session), made);
        let intro = session.find_section("intro").expect("there");
        assert!(session.section(intro).expect("there").take(Track::Drums).is_some());
    }

    #[test]
    fn a_failure_or_a_cancellation_leaves_the_loop() {
        let mut session = generated("house", 1);
        let maker = Fake::failing_after(3);
        let refused = session.make_song(&maker, &SongRequest::default(), &Silent);
        assert!(matches!(refused, Err(SessionError::Generate(GenerateError::Cancelled))));
        assert!(!session.is_song() && !session.can_redo());
        assert!(matches!(
            Session::default().make_song(&maker, &SongRequest::default(), &Silent),
            Err(SessionError::Empty)
        ));
    }

    #[test]
    fn every_genre_becomes_a_song_within_the_limits() {
        for prompt in
            ["techno", "hip hop", "pop", "jazz", "ambient", "blues", "ragtime", "post rock", "k-pop"]
        {
            let mut session = generated(prompt, 1);
            session.make_song(&Fake::default(), &SongRequest::default(), &Silent).expect("a song");
            assert!(session.sections().count() <= MOST_SECTIONS && session.order().len() >= 4, "{prompt}");
            assert!(
                session.sections().all(|section| section.tracks.iter().any(|state| state.take().is_some()))
            );
        }
    }

    #[test]
    fn a_section_is_made_again_and_its_locks_hold() {
        let mut session = song("house", "intro 4, drop 4, outro 4");
        let outro = session.find_section("outro").expect("there");
        session.lock_in_section(outro, Track::Drums, true).expect("a take");
        let takes = |session: &Session| {
            let section = session.section(outro).expect("there");
            Track::ALL.map(|track| section.take(track).map(|take| take.id.clone()))
        };
        let (before, open) = (takes(&session), ids(&session));
        let settings = GenerationSettings::default();
        let again = |session: &mut Session| {
            session.regenerate_section(&Fake::default(), outro, &Track::ALL, None, settings, &Silent)
        };
        again(&mut session).expect("made");
        let after = takes(&session);
        assert_eq!((&after[0], ids(&session)), (&before[0], open));
        assert_ne!(after[1], before[1]);
        session.undo().expect("a step");
        assert_eq!(takes(&session), before);
        for track in [Track::Bass, Track::Harmony] {
            session.lock_in_section(outro, track, true).expect("a take");
        }
        let refused =
            session.regenerate_section(&Fake::default(), outro, &[Track::Bass], None, settings, &Silent);
        assert!(matches!(refused, Err(SessionError::AllLockedInSection(_))));
        let refused = session.make_song(&Fake::default(), &SongRequest::default(), &Silent);
        assert!(matches!(refused, Err(SessionError::LockedInSection { .. })), "a new song would delete it");
    }

    #[test]
    fn bars_are_asked_for_with_what_is_around_them() {
        let mut session = generated("house", 1);
        let settings = GenerationSettings::default();
        let maker = Fake::default();
        session.regenerate_bars(&maker, Track::Bass, 1..=1, None, settings, &Silent).expect("made");
        let take = session.track(Track::Bass).take().expect("a take");
        let shape = take.recipe.intent.track(Track::Bass).shape.as_ref().expect("a shape");
        assert_eq!((shape.new_bars.as_deref(), shape.keeps_sound), (Some([0].as_slice()), true));
        assert_eq!(take.recipe.context.len(), 4);
        for (bars, part) in [(0..=1, "no bars 0-1"), (1..=9, "no bars 1-9")] {
            let refused = session.regenerate_bars(&maker, Track::Bass, bars, None, settings, &Silent);
            let error = refused.expect_err("there are none").to_string();
            assert!(error.contains(part), "{error}");
        }
        session.set_lock(Track::Bass, true).expect("a take");
        let refused = session.regenerate_bars(&maker, Track::Bass, 1..=1, None, settings, &Silent);
        assert!(matches!(refused, Err(SessionError::Locked(Track::Bass))));
    }
}
