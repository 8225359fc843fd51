//! The way from a session's takes to the player, at the host's sample rate.

use std::collections::HashMap;
use std::sync::Arc;

use resonantgen_engine::session::Session;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_playback::{Clip, Feeder, Player, Rack, Reel, channel};
use resonantgen_take::{TAKE_SAMPLE_RATE_HZ, Take, TakeId};

/// Tempos at which a take is kept besides its own.
const RENDITIONS: usize = 3;

/// How the player comes by what it is sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// It takes over at once, whatever the parameter "Swap At" says.
    pub immediate: bool,
    /// The beat at which the song asked for it.
    pub asked_at: Option<f64>,
}

/// What a rack plays, to tell whether another one would differ: number of each reel and of its renditions.
type Contents = (Vec<Option<(u64, usize)>>, Option<(u64, usize)>);

/// One per instance and activation. Not for the audio thread.
#[derive(Debug)]
pub struct Outlet {
    feeder: Feeder,
    sample_rate_hz: f64,
    reels: HashMap<TakeId, Arc<Reel>>,
    /// What the player has been given.
    sent: [Option<Contents>; TRACK_COUNT],
    /// Finished takes of a generation that has not ended yet.
    early: [Option<Arc<Take>>; TRACK_COUNT],
    /// The reel that shall play, and how it came: what is sent besides, later, does not change that.
    manners: [(Option<u64>, Manner); TRACK_COUNT],
}

impl Outlet {
    /// An outlet, and the player that it feeds.
    #[must_use]
    pub fn open(sample_rate_hz: f64) -> (Self, Player) {
        let (feeder, player) = channel(sample_rate_hz);
        let sent = Default::default();
        let early = Default::default();
        let manners = Default::default();
        (Self { feeder, sample_rate_hz, reels: HashMap::new(), sent, early, manners }, player)
    }

    /// Lets a finished take be heard while the others of its generation are still being made; `None` takes it back.
    pub fn set_early(&mut self, track: Track, take: Option<Arc<Take>>) {
        self.early[track.index()] = take;
    }

    /// Sends the player what it does not have yet. Of the takes that do not play but may be chosen by number, at most
    /// `spare` are got ready where that costs a resampling; returns whether some are still not.
    pub fn feed(&mut self, session: &Session, manner: Manner, spare: usize) -> bool {
        let is_free = self.sample_rate_hz == f64::from(TAKE_SAMPLE_RATE_HZ);
        let mut spare = if is_free { usize::MAX } else { spare };
        let mut is_incomplete = false;
        for track in Track::ALL {
            let state = session.track(track);
            let early = self.early[track.index()].clone();
            let current = early.as_ref().or(state.take()).map(|take| self.reel(take));
            let mut reels: Vec<Option<Arc<Reel>>> = Vec::new();
            for take in &state.history {
                let Some(number) = state.number(&take.id) else { continue };
                let mut reel = self.reels.get(&take.id).cloned();
                if reel.is_none() && !take.is_asleep() {
                    if spare > 0 {
                        spare -= 1;
                        reel = Some(self.reel(take));
                    } else {
                        is_incomplete = true;
                    }
                }
                let index = number as usize - 1;
                reels.resize(reels.len().max(index + 1), None);
                reels[index] = reel;
            }
            let size = |reel: &Arc<Reel>| (reel.serial(), reel.rendition_count());
            let contents: Contents =
                (reels.iter().map(|reel| reel.as_ref().map(size)).collect(), current.as_ref().map(size));
            if self.sent[track.index()].as_ref() == Some(&contents) {
                continue;
            }
            let serial = current.as_ref().map(|reel| reel.serial());
            let (shall_play, how) = &mut self.manners[track.index()];
            if *shall_play != serial {
                (*shall_play, *how) = (serial, manner);
            }
            let rack = Rack { reels, current, immediate: how.immediate, asked_at: how.asked_at };
            // A ring that is full (the host does not process) is tried again by `tend`.
            if self.feeder.send(track, rack).is_ok() {
                self.sent[track.index()] = Some(contents);
            }
        }
        let is_kept = |id: &TakeId| {
            let states = session.tracks.iter();
            states
                .flat_map(|state| &state.history)
                .chain(self.early.iter().flatten())
                .any(|take| take.id == *id)
        };
        self.reels.retain(|id, _| is_kept(id));
        is_incomplete
    }

    fn reel(&mut self, take: &Take) -> Arc<Reel> {
        if let Some(reel) = self.reels.get(&take.id) {
            return reel.clone();
        }
        let reel = Arc::new(Reel::new(Arc::new(Clip::prepare(take, self.sample_rate_hz))));
        self.reels.insert(take.id.clone(), reel.clone());
        reel
    }

    /// Whether a take can be heard at a tempo without being sliced.
    #[must_use]
    pub fn has(&self, take: &TakeId, bpm: f64) -> bool {
        self.reels.get(take).is_some_and(|reel| reel.at(bpm).is_at(bpm))
    }

    /// The rate that renditions are prepared for, in audio frames per second.
    #[must_use]
    pub fn sample_rate_hz(&self) -> f64 {
        self.sample_rate_hz
    }

    /// Adds a rendition of a take at another tempo.
    pub fn add_rendition(&mut self, take: &TakeId, rendition: Clip) {
        if let Some(reel) = self.reels.get_mut(take) {
            *reel = Arc::new(reel.with_rendition(Arc::new(rendition), RENDITIONS));
        }
    }

    /// Frees what the player has put down; returns whether it still holds something that was replaced.
    pub fn tend(&mut self) -> bool {
        self.feeder.collect();
        self.feeder.waiting() > 0
    }
}

#[cfg(test)]
mod tests {
    use resonantgen_playback::{Position, SwapAt};

    use super::*;
    use crate::editor::tests::fixture;

    #[test]
    fn what_is_got_ready_besides_does_not_change_when_a_take_takes_over() {
        let mut session = fixture();
        let state = session.track_mut(Track::Bass);
        state.current = Some(0);
        let other = Take { id: TakeId("another".to_owned()), ..Take::clone(&state.history[0]) };
        let (mut outlet, mut player) = Outlet::open(f64::from(TAKE_SAMPLE_RATE_HZ));
        let playing_at = |player: &mut Player, beat: f64| {
            let mut block = vec![0.0_f32; 2 * TRACK_COUNT * 64];
            let mut channels = block.chunks_mut(64);
            let mut channel = || channels.next().expect("two for each track");
            let mut stems: [[&mut [f32]; 2]; TRACK_COUNT] = std::array::from_fn(|_| [channel(), channel()]);
            let position = Position { beat, bpm: 240.0, quarters_per_bar: 4.0, playing: true, exact: false };
            player.process(position, SwapAt::Bar, [None; TRACK_COUNT], &mut stems);
            Arc::as_ptr(player.clip(Track::Bass).expect("a take"))
        };
        outlet.feed(&session, Manner { immediate: true, asked_at: None }, 0);
        let old = playing_at(&mut player, 3.5);

        // The song asks too late for the next bar, and meanwhile another take is unpacked.
        session.track_mut(Track::Bass).current = Some(1);
        outlet.feed(&session, Manner { immediate: false, asked_at: Some(3.5) }, 0);
        session.track_mut(Track::Bass).add(Arc::new(other));
        session.track_mut(Track::Bass).current = Some(1);
        outlet.feed(&session, Manner::default(), usize::MAX);
        assert_eq!(playing_at(&mut player, 4.0), old, "it takes over a bar early");
        assert_ne!(playing_at(&mut player, 8.0), old, "it does not take over");
    }
}
