//! The takes of a track that the audio thread may play, and the ring that delivers them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rtrb::{Consumer, Producer, RingBuffer};

use super::clip::Clip;
use resonantgen_music::track::{TRACK_COUNT, Track};

/// Capacity of the ring, in slots.
const INCOMING_CAPACITY: usize = 128;
/// Source of the serial numbers, one per take in the process.
static SERIAL: AtomicU64 = AtomicU64::new(0);

/// One take as the audio thread sees it: the take itself, and renditions of it at other tempos.
#[derive(Clone, Debug)]
pub struct TakeClips {
    serial: u64,
    original: Arc<Clip>,
    renditions: Vec<Arc<Clip>>,
    added: usize,
}

impl TakeClips {
    /// A take without renditions.
    #[must_use]
    pub fn new(original: Arc<Clip>) -> Self {
        Self { serial: SERIAL.fetch_add(1, Ordering::Relaxed), original, renditions: Vec::new(), added: 0 }
    }

    /// The same take with one more rendition. If there are already `most`, the oldest is dropped.
    #[must_use]
    pub fn with_rendition(&self, rendition: Arc<Clip>, most: usize) -> Self {
        let mut take = self.clone();
        if take.renditions.len() >= most.max(1) {
            take.renditions.remove(0);
        }
        take.renditions.push(rendition);
        take.added += 1;
        take
    }

    /// The same take with `clip` replaced by another that sounds the same.
    #[must_use]
    pub fn with_clip(&self, clip: &Arc<Clip>, by: Arc<Clip>) -> Self {
        let mut take = self.clone();
        for known in std::iter::once(&mut take.original).chain(&mut take.renditions) {
            if Arc::ptr_eq(known, clip) {
                *known = Arc::clone(&by);
            }
        }
        take.added += 1;
        take
    }

    /// Identifies the take: equal numbers mean the same take.
    #[must_use]
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The clip of the take as it was generated.
    #[must_use]
    pub fn original(&self) -> &Arc<Clip> {
        &self.original
    }

    /// How often clips were added or replaced. A change means that there is a new clip.
    #[must_use]
    pub fn rendition_count(&self) -> usize {
        self.added
    }

    /// The clip to play at a tempo: the rendition made for it, or else the take itself. Realtime-safe.
    #[must_use]
    pub fn at(&self, bpm: f64) -> &Arc<Clip> {
        let mut clips = std::iter::once(&self.original).chain(&self.renditions);
        clips.find(|clip| clip.is_at(bpm)).unwrap_or(&self.original)
    }

    /// Whether a clip is the take itself or one of its renditions.
    #[must_use]
    pub fn has(&self, clip: &Arc<Clip>) -> bool {
        self.clips().any(|known| Arc::ptr_eq(known, clip))
    }

    fn clips(&self) -> impl Iterator<Item = &Arc<Clip>> {
        std::iter::once(&self.original).chain(&self.renditions)
    }
}

/// The takes of one section on one track; the audio thread plays one of them.
#[derive(Clone, Debug, Default)]
pub struct SectionTakes {
    /// The takes by number, starting with number 1. `None` means that there is no such take or that it cannot be played.
    pub takes: Vec<Option<Arc<TakeClips>>>,
    /// The take that plays unless another is chosen by number; `None` is silence.
    pub current: Option<Arc<TakeClips>>,
}

/// What plays in a take's place while chords are followed: the same part over other chords.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The [run](super::Following::run) that it was made for.
    pub run: u32,
    /// The half bar from which it plays until the next one takes over, counted as [`Following`](super::Following) does.
    pub from: i64,
    /// The take that it was made of ([`TakeClips::serial`]). It plays only in that take's place.
    pub of: u64,
    /// The same part over other chords; `None` for the take itself.
    pub clips: Option<Arc<TakeClips>>,
}

/// What the audio thread may play on one track. Immutable: a change is a new slot.
#[derive(Clone, Debug, Default)]
pub struct Slot {
    /// The takes of the open section.
    pub open: SectionTakes,
    /// The takes of each section, in the order of the sections' numbers, starting with number 1. `None` if no section has the
    /// number. Empty if there is only one section.
    pub sections: Vec<Option<SectionTakes>>,
    /// The whole song ([`Clip::song`]), if there is more than one section.
    pub song: Option<Arc<TakeClips>>,
    /// A take that is heard at once and instead of the open section's takes while [`Controls::previews`](super::Controls::previews)
    /// allows it, and the index of the open section, which is its number minus one.
    pub preview: Option<(usize, Arc<TakeClips>)>,
    /// What plays in the takes' place while chords are followed, the earliest first. Songs are not followed.
    pub followed: Box<[Followed]>,
    /// Whether the slot takes over at once, whatever [`SwapAt`](super::SwapAt) says, as after restoring a session or undo.
    pub immediate: bool,
    /// The beat at which the song requested the take. It takes over no earlier than [`super::RESPONSE_SECONDS`] later, so that an
    /// existing take takes over at the same beat as one that has to be generated first.
    pub asked_at: Option<f64>,
}

impl Slot {
    /// The take that plays when the section at index `section` and the take at index `chosen` are requested. If there is no such
    /// section, the open one plays; if the section has no such take, its current one does. Realtime-safe.
    #[must_use]
    pub fn wanted(&self, section: Option<usize>, chosen: Option<usize>) -> Option<&Arc<TakeClips>> {
        let section = section.and_then(|index| self.sections.get(index)?.as_ref()).unwrap_or(&self.open);
        chosen.and_then(|index| section.takes.get(index)?.as_ref()).or(section.current.as_ref())
    }

    /// The take that is heard instead when the section at index `section` is requested. Realtime-safe.
    #[must_use]
    pub fn preview(&self, section: Option<usize>) -> Option<&Arc<TakeClips>> {
        let (open, take) = self.preview.as_ref()?;
        let is_there = |index: &usize| self.sections.get(*index).is_some_and(Option::is_some);
        let other = section.filter(|index| index != open).filter(is_there);
        other.is_none().then_some(take)
    }

    /// Everything that can play.
    fn all(&self) -> impl Iterator<Item = &Arc<TakeClips>> {
        let sections = self.sections.iter().flatten().chain([&self.open]);
        let followed = self.followed.iter().filter_map(|part| part.clips.as_ref());
        let takes = sections.flat_map(|section| section.takes.iter().flatten().chain(&section.current));
        takes.chain(&self.song).chain(self.preview.as_ref().map(|(_, take)| take)).chain(followed)
    }
}

/// A slot on its way to the audio thread.
pub(super) type Delivery = (Track, Arc<Slot>);

/// The control side: sends slots to the [`Player`](super::Player) and frees what the player has released.
///
/// The audio thread never holds the last reference: everything sent stays here until nobody else holds it.
#[derive(Debug)]
pub struct SlotSender {
    outgoing: Producer<Delivery>,
    newest: [Option<Arc<Slot>>; TRACK_COUNT],
    slots: Vec<Arc<Slot>>,
    clips: Vec<Arc<Clip>>,
}

/// Creates both ends of the ring.
pub(super) fn ring() -> (SlotSender, Consumer<Delivery>) {
    let (outgoing, incoming) = RingBuffer::new(INCOMING_CAPACITY);
    let sender = SlotSender { outgoing, newest: Default::default(), slots: Vec::new(), clips: Vec::new() };
    (sender, incoming)
}

impl SlotSender {
    /// Sends a track's slot.
    ///
    /// # Errors
    /// Returns the slot when the ring is full, which happens while the audio thread is not running. A later attempt can succeed.
    pub fn send(&mut self, track: Track, slot: Slot) -> Result<(), Slot> {
        self.collect();
        if self.outgoing.is_full() {
            return Err(slot);
        }
        let slot = Arc::new(slot);
        for take in slot.all() {
            for clip in take.clips() {
                if !self.clips.iter().any(|known| Arc::ptr_eq(known, clip)) {
                    self.clips.push(clip.clone());
                }
            }
        }
        self.slots.push(slot.clone());
        self.newest[track.index()] = Some(slot.clone());
        // The push cannot fail: the ring had room above, and this is its only producer.
        let _ = self.outgoing.push((track, slot));
        Ok(())
    }

    /// Frees what the audio thread has released.
    pub fn collect(&mut self) {
        // Slots first, because they hold clips. A count of 1 is the reference kept here.
        self.slots.retain(|slot| Arc::strong_count(slot) > 1);
        self.clips.retain(|clip| Arc::strong_count(clip) > 1);
    }

    /// The number of replaced slots that the audio thread still holds, as of the last [`collect`](Self::collect).
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.slots.len().saturating_sub(self.newest.iter().flatten().count())
    }
}
