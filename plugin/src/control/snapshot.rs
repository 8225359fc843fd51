//! Immutable snapshots of an instance: readers take the newest, writers replace it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_music::variation::NoteDials;
use resonantgen_playback::is_same_tempo;
use resonantgen_session::{SectionView, Session, TrackState};
use resonantgen_take::{Take, TakeId};

use super::demand::Demand;
use super::follow::FollowedPart;

/// Maximum number of renditions of one take.
const RENDITIONS: usize = 3;
/// Maximum number of variants of one take: the dials' last positions.
const VARIANTS: usize = 3;
/// Most parts that follow chords: those that play, that are about to, and that end within a long block.
const FOLLOWED: usize = 8;

/// When a new take replaces the one that plays.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SwapPolicy {
    /// At once, whatever "Swap At" is set to.
    pub immediate: bool,
    /// The beat at which automation or a note requested it.
    pub asked_at: Option<f64>,
}

impl SwapPolicy {
    /// At once, as after undo or a restored session.
    pub const IMMEDIATE: Self = Self { immediate: true, asked_at: None };
}

/// A take performed again at another tempo.
#[derive(Clone, Debug)]
pub struct Rendition {
    /// The take.
    pub of: TakeId,
    /// The same notes at the other tempo.
    pub take: Arc<Take>,
}

/// A take with its notes varied by dials, which plays in its place.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The take.
    pub of: TakeId,
    /// Positions of the dials.
    pub dials: NoteDials,
    /// What plays.
    pub take: Arc<Take>,
}

/// Everything that the player and the editor need of an instance.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The session; its takes are shared, not copied.
    pub session: Session,
    /// Finished takes of the current generation (index as [`Track::ALL`]).
    pub early: [Option<Arc<Take>>; TRACK_COUNT],
    /// What is heard instead of a take of the open section and is no part of the session: a candidate, or another sound.
    pub preview: Option<Arc<Take>>,
    /// Takes at other tempos, the oldest first.
    pub renditions: Vec<Rendition>,
    /// Takes varied by dials, the oldest first.
    pub variants: Vec<Variant>,
    /// What plays in the takes' place while chords are followed, the earliest first.
    pub followed: Vec<Arc<FollowedPart>>,
    /// Swap policy of the playing take of each track.
    pub swaps: [SwapPolicy; TRACK_COUNT],
    /// Increases with each change of the project.
    pub revision: u64,
    /// Increases with each change of the project that did not come from the host.
    pub commits: u64,
    /// Increases with each restored session.
    pub epoch: u64,
    /// Increases with each snapshot.
    pub serial: u64,
}

impl Snapshot {
    /// The take that plays on a track unless another is chosen by number.
    #[must_use]
    pub fn playing(&self, track: Track) -> Option<&Arc<Take>> {
        self.early[track.index()].as_ref().or(self.session.track(track).take())
    }

    /// The take that plays on a track of a section unless a number chooses another.
    #[must_use]
    pub fn playing_in<'a>(&'a self, section: &SectionView<'a>, track: Track) -> Option<&'a Arc<Take>> {
        if section.is_open { self.playing(track) } else { section.take(track) }
    }

    /// What is heard instead of a track's take.
    #[must_use]
    pub fn preview_of(&self, track: Track) -> Option<&Arc<Take>> {
        self.preview.as_ref().filter(|take| take.recipe.track == track)
    }

    /// Whether the preview is a choice for the take that plays now.
    fn is_preview_a_choice(&self) -> bool {
        self.preview.as_ref().is_some_and(|take| {
            let is_taken = self.playing(take.recipe.track).is_some_and(|playing| playing.id == take.id);
            !is_taken && self.session.is_choice(take)
        })
    }

    /// The takes that `demand` asks for, each once: those that play now first.
    pub fn wanted(&self, demand: &Demand) -> impl Iterator<Item = &Arc<Take>> {
        let session = &self.session;
        let open = session.section(session.open_section_id());
        let section = demand.section.and_then(|number| session.numbered_section(number)).or(open);
        let chosen = |state: &TrackState, number: Option<u32>| state.numbered(number?);
        let mut wanted: Vec<&Arc<Take>> = Vec::new();
        for (section, track) in section.iter().flat_map(|section| Track::ALL.map(|track| (section, track))) {
            let state = &section.tracks[track.index()];
            let chosen =
                chosen(state, demand.takes[track.index()]).and_then(|index| state.history.get(index));
            wanted.extend(chosen.or(self.playing_in(section, track)));
        }
        if demand.song && session.is_song() {
            for section in session.placements().iter().filter_map(|part| session.section(part.section)) {
                wanted.extend(Track::ALL.into_iter().filter_map(|track| self.playing_in(&section, track)));
            }
        }
        let mut known = HashSet::new();
        wanted.retain(|take| known.insert(&take.id));
        wanted.into_iter()
    }

    /// All takes that can be played.
    pub fn takes(&self) -> impl Iterator<Item = &Arc<Take>> {
        let states = Track::ALL.into_iter().flat_map(|track| self.session.states(track));
        let followed = self.followed.iter().flat_map(|part| part.takes.iter().flatten());
        let heard = states.flat_map(|state| &state.history).chain(self.early.iter().flatten());
        let variants = self.variants.iter().map(|variant| &variant.take);
        heard.chain(&self.preview).chain(followed).chain(variants)
    }

    /// What plays in a take's place with its track's dials, once it has been performed; until then the take itself.
    #[must_use]
    pub fn varied<'a>(&'a self, take: &'a Arc<Take>, dials: &[NoteDials; TRACK_COUNT]) -> &'a Arc<Take> {
        let dials = dials[take.recipe.track.index()];
        let mut variants = self.variants.iter().filter(|_| !dials.is_middle());
        let variant = variants.find(|variant| variant.dials == dials && variant.of == take.id);
        variant.map_or(take, |variant| &variant.take)
    }

    /// Whether a take can be played at a tempo without slicing.
    #[must_use]
    pub fn has_at(&self, take: &Take, bpm: f64) -> bool {
        is_same_tempo(take.recipe.plan.bpm, bpm)
            || self.renditions.iter().any(|rendition| {
                rendition.of == take.id && is_same_tempo(rendition.take.recipe.plan.bpm, bpm)
            })
    }

    /// A take that is at a tempo: the take itself or its rendition.
    #[must_use]
    pub fn sound_at(&self, take: &Arc<Take>, bpm: f64) -> Option<Arc<Take>> {
        let is_at = |take: &Take| is_same_tempo(take.recipe.plan.bpm, bpm);
        let mut renditions = self.renditions.iter().filter(|rendition| rendition.of == take.id);
        let mut rendition =
            || renditions.find(|rendition| is_at(&rendition.take)).map(|rendition| &rendition.take);
        if is_at(take) { Some(Arc::clone(take)) } else { rendition().map(Arc::clone) }
    }

    fn is_known(&self, id: &TakeId) -> bool {
        self.takes().any(|take| take.id == *id)
    }

    /// Ids of the takes that play on a track: in the open section, and in all.
    fn playing_ids(&self, track: Track) -> Vec<Option<TakeId>> {
        let id = |take: Option<&Arc<Take>>| take.map(|take| take.id.clone());
        let sections = self.session.sections().map(|section| id(self.playing_in(&section, track)));
        std::iter::once(id(self.playing(track))).chain(sections).collect()
    }
}

/// Holds the newest snapshot. Not for the audio thread, except where noted.
#[derive(Debug, Default)]
pub struct Store {
    newest: Mutex<Arc<Snapshot>>,
    serial: AtomicU64,
    epoch: AtomicU64,
}

impl Store {
    /// The newest snapshot.
    #[must_use]
    pub fn load(&self) -> Arc<Snapshot> {
        Arc::clone(&self.newest.lock())
    }

    /// Serial number of the newest snapshot. Realtime-safe.
    #[must_use]
    pub fn serial(&self) -> u64 {
        self.serial.load(Ordering::Acquire)
    }

    /// Epoch of the newest snapshot; requests of other epochs are dropped. Realtime-safe.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Replaces the newest snapshot with a changed copy, unless `change` returns `false`. `policy` applies to tracks whose playing
    /// take changes.
    fn update(&self, policy: SwapPolicy, change: impl FnOnce(&mut Snapshot) -> bool) -> bool {
        let mut newest = self.newest.lock();
        let mut next = Snapshot::clone(&newest);
        if !change(&mut next) {
            return false;
        }
        for track in Track::ALL {
            if next.playing_ids(track) != newest.playing_ids(track) {
                next.swaps[track.index()] = policy;
            }
        }
        next.variants = {
            let kept = next.variants.iter().filter(|variant| next.is_known(&variant.of));
            kept.cloned().collect()
        };
        next.renditions = {
            let kept = next.renditions.iter().filter(|rendition| next.is_known(&rendition.of));
            kept.cloned().collect()
        };
        next.serial += 1;
        self.serial.store(next.serial, Ordering::Release);
        self.epoch.store(next.epoch, Ordering::Release);
        let before = std::mem::replace(&mut *newest, Arc::new(next));
        drop(newest);
        // This may free takes, so it happens after the lock is released.
        drop(before);
        true
    }

    /// Makes `session` the current one unless another was restored since `epoch`; returns whether it did.
    pub fn commit(&self, session: Session, epoch: u64, policy: SwapPolicy) -> bool {
        self.update(policy, |snapshot| {
            if snapshot.epoch != epoch {
                return false;
            }
            snapshot.session = session;
            snapshot.early = Default::default();
            if !snapshot.is_preview_a_choice() {
                snapshot.preview = None;
            }
            snapshot.revision += 1;
            snapshot.commits += 1;
            true
        })
    }

    /// Replaces the session with one that the host has loaded, and begins a new epoch.
    pub fn restore(&self, session: Session) {
        self.update(SwapPolicy::IMMEDIATE, |snapshot| {
            snapshot.session = session;
            snapshot.early = Default::default();
            snapshot.preview = None;
            snapshot.followed = Vec::new();
            snapshot.revision += 1;
            snapshot.epoch += 1;
            true
        });
    }

    /// Lets a take be heard instead of its track's, or none; returns whether that is new. This does not change the
    /// project.
    pub fn preview(&self, take: Option<Arc<Take>>, epoch: u64) -> bool {
        self.update(SwapPolicy::IMMEDIATE, |snapshot| {
            fn id(take: &Option<Arc<Take>>) -> Option<&TakeId> {
                take.as_ref().map(|take| &take.id)
            }
            let is_new = snapshot.epoch == epoch && id(&snapshot.preview) != id(&take);
            if is_new {
                snapshot.preview = take;
            }
            is_new
        })
    }

    /// Plays a finished take before the rest of its generation is done.
    pub fn hear_early(&self, take: &Take, epoch: u64, policy: SwapPolicy) -> bool {
        self.update(policy, |snapshot| {
            let is_wanted = snapshot.epoch == epoch;
            if is_wanted {
                snapshot.early[take.recipe.track.index()] = Some(Arc::new(take.clone()));
            }
            is_wanted
        })
    }

    /// Withdraws takes that were played early; returns whether there were any.
    pub fn end_early(&self) -> bool {
        self.update(SwapPolicy::IMMEDIATE, |snapshot| {
            let had_any = snapshot.early.iter().any(Option::is_some);
            snapshot.early = Default::default();
            had_any
        })
    }

    /// Replaces a sleeping take with its awake form. This does not change the project.
    pub fn wake(&self, awake: &Arc<Take>) -> bool {
        self.update(SwapPolicy::IMMEDIATE, |snapshot| {
            snapshot.session.wake(awake);
            true
        })
    }

    /// Adds a part that follows chords, unless another session was restored since `epoch`. Parts of earlier runs go, the oldest ones, and
    /// one that plays from the same half bar. This does not change the project.
    pub fn follow(&self, part: FollowedPart, epoch: u64) -> bool {
        self.update(SwapPolicy::IMMEDIATE, |snapshot| {
            if snapshot.epoch != epoch {
                return false;
            }
            snapshot.followed.retain(|known| known.run == part.run && known.from != part.from);
            if snapshot.followed.len() >= FOLLOWED {
                snapshot.followed.remove(0);
            }
            snapshot.followed.push(Arc::new(part));
            true
        })
    }

    /// Chords are not followed any more; returns whether there were parts that did.
    pub fn end_following(&self) -> bool {
        self.update(SwapPolicy::IMMEDIATE, |snapshot| !std::mem::take(&mut snapshot.followed).is_empty())
    }

    /// Adds a variant; beyond the maximum it replaces the oldest of that take.
    pub fn add_variant(&self, of: &TakeId, dials: NoteDials, take: Take) -> bool {
        self.update(SwapPolicy::default(), |snapshot| {
            let variants = &mut snapshot.variants;
            if variants.iter().filter(|known| known.of == *of).count() >= VARIANTS
                && let Some(oldest) = variants.iter().position(|known| known.of == *of)
            {
                variants.remove(oldest);
            }
            variants.push(Variant { of: of.clone(), dials, take: Arc::new(take) });
            true
        })
    }

    /// Adds a rendition; beyond the maximum it replaces the oldest of that take.
    pub fn add_rendition(&self, of: &TakeId, rendition: Take) -> bool {
        self.update(SwapPolicy::IMMEDIATE, |snapshot| {
            let renditions = &mut snapshot.renditions;
            if renditions.iter().filter(|known| known.of == *of).count() >= RENDITIONS
                && let Some(oldest) = renditions.iter().position(|known| known.of == *of)
            {
                renditions.remove(oldest);
            }
            renditions.push(Rendition { of: of.clone(), take: Arc::new(rendition) });
            true
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::editor::tests::fixture;

    #[test]
    fn what_was_heard_early_is_taken_back_and_a_restored_session_takes_nothing() {
        let store = Store::default();
        assert!(store.commit(fixture(), 0, SwapPolicy::default()));
        let before = store.load();
        let old = before.playing(Track::Bass).expect("a take").id.clone();
        let new = Take {
            id: TakeId("early".to_owned()),
            ..Take::clone(before.playing(Track::Bass).expect("a take"))
        };
        let asked = SwapPolicy { immediate: false, asked_at: Some(4.0) };
        assert!(store.hear_early(&new, 0, asked));
        assert_eq!(store.load().playing(Track::Bass).expect("a take").id, new.id);
        assert_eq!(store.load().swaps[Track::Bass.index()], asked);
        assert!(store.end_early());
        let after = store.load();
        assert_eq!(after.playing(Track::Bass).expect("a take").id, old);
        assert_eq!(after.swaps[Track::Bass.index()], SwapPolicy::IMMEDIATE);
        assert_eq!((after.revision, after.serial), (1, 3), "the project has not changed by it");
        assert!(!store.end_early(), "there is nothing to take back");

        store.restore(Session::default());
        assert_eq!(store.epoch(), 1);
        assert!(
            !store.hear_early(&new, 0, asked) && !store.commit(fixture(), 0, asked),
            "it was for another session"
        );
        assert!(store.load().playing(Track::Bass).is_none());
    }

    #[test]
    fn variants_are_bounded_and_go_with_their_takes() {
        let store = Store::default();
        store.commit(fixture(), 0, SwapPolicy::default());
        let take = store.load().playing(Track::Drums).expect("a take").clone();
        let at = |fills: i8| {
            let mut dials = [NoteDials::default(); TRACK_COUNT];
            dials[Track::Drums.index()].fills = fills;
            dials
        };
        for fills in [-2, -1, 1, 2] {
            let varied = Take { id: TakeId(fills.to_string()), ..Take::clone(&take) };
            store.add_variant(&take.id, at(fills)[Track::Drums.index()], varied);
        }
        let snapshot = store.load();
        let id = |fills: i8| snapshot.varied(&take, &at(fills)).id.clone();
        assert_eq!(
            [-2, -1, 1, 2, 0].map(id),
            [take.id.0.as_str(), "-1", "1", "2", &take.id.0].map(|id| TakeId(id.to_owned()))
        );
        let bass = snapshot.playing(Track::Bass).expect("a take");
        assert_eq!(snapshot.varied(bass, &at(1)).id, bass.id, "another track has its own dials");
        store.restore(Session::default());
        assert!(store.load().variants.is_empty());
    }

    #[test]
    fn renditions_are_bounded_and_go_with_their_takes() {
        let store = Store::default();
        store.commit(fixture(), 0, SwapPolicy::default());
        let take = store.load().playing(Track::Drums).expect("a take").clone();
        let at = |bpm: f64| {
            let mut rendition = Take::clone(&take);
            rendition.recipe.plan.bpm = bpm;
            rendition
        };
        for bpm in [90.0, 100.0, 110.0, 120.0] {
            store.add_rendition(&take.id, at(bpm));
        }
        let snapshot = store.load();
        assert!(!snapshot.has_at(&take, 90.0), "the oldest is gone");
        assert!(snapshot.has_at(&take, 100.0) && snapshot.has_at(&take, 120.0));
        assert!(snapshot.has_at(&take, take.recipe.plan.bpm), "at its own tempo");
        store.restore(fixture());
        assert_eq!(store.load().renditions.len(), RENDITIONS, "the same takes are there");
        store.restore(Session::default());
        assert!(store.load().renditions.is_empty());
    }
}
