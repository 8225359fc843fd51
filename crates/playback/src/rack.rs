//! What the audio thread may play of a track, and the ring that brings it there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rtrb::{Consumer, Producer, RingBuffer};

use super::clip::Clip;
use resonantgen_music::track::{TRACK_COUNT, Track};

/// Racks under way to the audio thread.
const INCOMING_CAPACITY: usize = 128;
/// Numbers the reels of the process.
static SERIAL: AtomicU64 = AtomicU64::new(0);

/// One take as the audio thread knows it: the take itself, and renditions of it at other tempos.
#[derive(Clone, Debug)]
pub struct Reel {
    serial: u64,
    original: Arc<Clip>,
    renditions: Vec<Arc<Clip>>,
    added: usize,
}

impl Reel {
    /// A reel of a take that no other reel is made of.
    #[must_use]
    pub fn new(original: Arc<Clip>) -> Self {
        Self { serial: SERIAL.fetch_add(1, Ordering::Relaxed), original, renditions: Vec::new(), added: 0 }
    }

    /// The same take with one more rendition, in place of the oldest when there are `most` already.
    #[must_use]
    pub fn with_rendition(&self, rendition: Arc<Clip>, most: usize) -> Self {
        let mut reel = self.clone();
        if reel.renditions.len() >= most.max(1) {
            reel.renditions.remove(0);
        }
        reel.renditions.push(rendition);
        reel.added += 1;
        reel
    }

    /// Says which take it is: reels with the same number play the same take.
    #[must_use]
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The take as it was made.
    #[must_use]
    pub fn original(&self) -> &Arc<Clip> {
        &self.original
    }

    /// How often renditions were added: it tells whether a reel of the same take has another one.
    #[must_use]
    pub fn rendition_count(&self) -> usize {
        self.added
    }

    /// What plays at a tempo: the rendition that was made for it, else the take itself. Realtime-safe.
    #[must_use]
    pub fn at(&self, bpm: f64) -> &Arc<Clip> {
        let mut clips = std::iter::once(&self.original).chain(&self.renditions);
        clips.find(|clip| clip.is_at(bpm)).unwrap_or(&self.original)
    }

    fn clips(&self) -> impl Iterator<Item = &Arc<Clip>> {
        std::iter::once(&self.original).chain(&self.renditions)
    }
}

/// The takes of one track from which the audio thread plays one. Immutable: a change is a new rack.
#[derive(Clone, Debug, Default)]
pub struct Rack {
    /// The takes by their numbers, that of number 1 first; `None` stands for one that cannot be played, or is not there.
    pub reels: Vec<Option<Arc<Reel>>>,
    /// Which of them plays unless a number chooses another; `None` is silence.
    pub current: Option<Arc<Reel>>,
    /// Whether it takes over at once, whatever [`SwapAt`](super::SwapAt) says: a restored session, undo.
    pub immediate: bool,
    /// The beat at which the song asked for it. It takes over no earlier than [`super::RESPONSE_SECONDS`] after that, so
    /// that a take that is there already takes over where one that had to be made does.
    pub asked_at: Option<f64>,
}

impl Rack {
    /// The take that plays when the take at index `chosen` is asked for. Realtime-safe.
    #[must_use]
    pub fn wanted(&self, chosen: Option<usize>) -> Option<&Arc<Reel>> {
        chosen.and_then(|index| self.reels.get(index)?.as_ref()).or(self.current.as_ref())
    }
}

/// A rack on its way to a deck.
pub(super) type Delivery = (Track, Arc<Rack>);

/// The control side: sends racks to the [`Player`](super::Player) and frees what it has put down.
///
/// The audio thread never owns the last reference: everything that was ever sent stays here until nobody else holds it.
#[derive(Debug)]
pub struct Feeder {
    outgoing: Producer<Delivery>,
    newest: [Option<Arc<Rack>>; TRACK_COUNT],
    racks: Vec<Arc<Rack>>,
    clips: Vec<Arc<Clip>>,
}

/// Both ends of the ring.
pub(super) fn ring() -> (Feeder, Consumer<Delivery>) {
    let (outgoing, incoming) = RingBuffer::new(INCOMING_CAPACITY);
    let feeder = Feeder { outgoing, newest: Default::default(), racks: Vec::new(), clips: Vec::new() };
    (feeder, incoming)
}

impl Feeder {
    /// Sends a track's rack.
    ///
    /// # Errors
    /// Gives the rack back when the ring is full, because the audio thread does not run. A later try can succeed.
    pub fn send(&mut self, track: Track, rack: Rack) -> Result<(), Rack> {
        self.collect();
        if self.outgoing.is_full() {
            return Err(rack);
        }
        let rack = Arc::new(rack);
        for reel in rack.reels.iter().flatten().chain(&rack.current) {
            for clip in reel.clips() {
                if !self.clips.iter().any(|known| Arc::ptr_eq(known, clip)) {
                    self.clips.push(clip.clone());
                }
            }
        }
        self.racks.push(rack.clone());
        self.newest[track.index()] = Some(rack.clone());
        // There is room, as was asked above, and nobody else fills the ring.
        let _ = self.outgoing.push((track, rack));
        Ok(())
    }

    /// Frees what the audio thread has put down.
    pub fn collect(&mut self) {
        // First what holds others. One reference is the one here.
        self.racks.retain(|rack| Arc::strong_count(rack) > 1);
        self.clips.retain(|clip| Arc::strong_count(clip) > 1);
    }

    /// How many racks that were replaced are still in the audio thread's hands, as of the last
    /// [`collect`](Self::collect).
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.racks.len().saturating_sub(self.newest.iter().flatten().count())
    }
}
