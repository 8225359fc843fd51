//! The only writer to playback: sends the takes of the newest snapshot to the player, at the host's sample rate.
//!
//! It has a thread of its own and never waits for a generation. It meets demands (unpacks, resamples), forwards triggers of
//! automation and notes to the worker, and frees clips that the player has released.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, select};
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_music::variation::NoteDials;
use resonantgen_playback::{Clip, Followed, SectionTakes, Slot, SlotSender, TakeClips};
use resonantgen_project::StoredSound as _;
use resonantgen_session::{Session, TrackState};
use resonantgen_take::{TAKE_SAMPLE_RATE_HZ, Take, TakeId};
use rtrb::Consumer;

use super::Control;
use super::demand::{Demand, SongTrigger};
use super::drum_split::DrumSplit;
use super::job::{Command, Count};
use super::snapshot::{Snapshot, SwapPolicy};
use super::song::Songs;

/// Interval at which messages of the audio thread are read while it runs; it may not wake another thread.
const POLL: Duration = Duration::from_millis(10);
/// The same while it does not run: a host that resumes may send a trigger in its first block.
const SLOW_POLL: Duration = Duration::from_millis(20);
/// Interval between takes that are prepared in advance, and between checks for clips to free.
const UPKEEP: Duration = Duration::from_millis(100);
/// The audio thread counts as stopped after this long without a block.
const SILENCE: Duration = Duration::from_secs(1);
/// Maximum number of renditions of a take in the player.
const RENDITIONS: usize = 3;

/// Serial number of a take and number of its renditions.
type Version = (u64, usize);
/// Versions of a section's takes, and of the current one.
type SectionContents = (Vec<Option<Version>>, Option<Version>);

/// Contents of a slot, to detect changes.
#[derive(Clone, Debug, PartialEq)]
struct Contents {
    open: SectionContents,
    sections: Vec<Option<SectionContents>>,
    song: Option<Version>,
    preview: Option<Version>,
    /// Run, half bar and take of each part that follows chords, and what plays.
    followed: Vec<(u32, i64, u64, Option<Version>)>,
    swap: SwapPolicy,
}

fn version(clips: &Arc<TakeClips>) -> Version {
    (clips.serial(), clips.rendition_count())
}

fn contents(section: &SectionTakes) -> SectionContents {
    let takes = section.takes.iter().map(|clips| clips.as_ref().map(version)).collect();
    (takes, section.current.as_ref().map(version))
}

/// A newly opened player, for the publisher.
#[derive(Debug)]
pub struct OpenedPlayer {
    /// The sending end.
    pub sender: SlotSender,
    /// Its sample rate in Hz.
    pub sample_rate_hz: f64,
    /// Dropped when the player has been sent its first takes.
    pub opening: Count,
}

/// The prepared takes of one player, and what it has been sent.
#[derive(Debug)]
struct Publisher {
    sender: SlotSender,
    sample_rate_hz: f64,
    prepared: HashMap<TakeId, Arc<TakeClips>>,
    /// What the player has been sent.
    sent: [Option<Contents>; TRACK_COUNT],
    drum_split: DrumSplit,
    songs: Songs,
    /// The dials of what was sent last, the takes that played, and whether the dials decided what plays now.
    note_dials: [NoteDials; TRACK_COUNT],
    playing: [Option<TakeId>; TRACK_COUNT],
    is_varied: [bool; TRACK_COUNT],
}

/// How far a snapshot has been published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Published {
    /// The player has everything that is demanded.
    All,
    /// Everything but the drum voices, which are still being made.
    ButVoices,
    /// The ring is full because the host is not processing.
    NotAll,
}

impl Publisher {
    fn new(sender: SlotSender, sample_rate_hz: f64) -> Self {
        Self {
            sender,
            sample_rate_hz,
            prepared: HashMap::new(),
            sent: Default::default(),
            drum_split: DrumSplit::default(),
            songs: Songs::default(),
            note_dials: Default::default(),
            playing: Default::default(),
            is_varied: Default::default(),
        }
    }

    /// Whether preparing a take copies nothing.
    fn is_free(&self) -> bool {
        self.sample_rate_hz == f64::from(TAKE_SAMPLE_RATE_HZ)
    }

    /// The prepared clips of an unpacked take, with its renditions.
    fn prepare(&mut self, snapshot: &Snapshot, take: &Take) -> Arc<TakeClips> {
        let rate_hz = self.sample_rate_hz;
        let new = || Arc::new(TakeClips::new(Arc::new(Clip::prepare(take, rate_hz))));
        let clips = self.prepared.entry(take.id.clone()).or_insert_with(new);
        for rendition in snapshot.renditions.iter().filter(|rendition| rendition.of == take.id) {
            let bpm = rendition.take.recipe.plan.bpm;
            if !clips.at(bpm).is_at(bpm) {
                let clip = Arc::new(Clip::prepare(&rendition.take, rate_hz));
                *clips = Arc::new(clips.with_rendition(clip, RENDITIONS));
            }
        }
        Arc::clone(clips)
    }

    /// Adds the drum voices to the playing drums as soon as they are made. Returns whether they have them. Other takes keep
    /// theirs, in case the song returns to them.
    fn give_voices(&mut self, snapshot: &Snapshot, demand: &Demand) -> bool {
        if let Some((clip, voices)) = self.drum_split.take() {
            let voiced = Arc::new(clip.with_voices(voices));
            for clips in self.prepared.values_mut().filter(|clips| clips.has(&clip)) {
                *clips = Arc::new(clips.with_clip(&clip, Arc::clone(&voiced)));
            }
        }
        let drums =
            snapshot.wanted(demand).filter(|take| take.recipe.track == Track::Drums && !take.is_asleep());
        for take in drums {
            let take = snapshot.varied(take, &demand.note_dials);
            let clips = self.prepare(snapshot, take);
            let clip = demand.bpm.map_or(clips.original(), |bpm| clips.at(bpm));
            if clip.has_voices() {
                continue;
            }
            if let Some(sound) = snapshot.sound_at(take, clip.bpm()) {
                self.drum_split.start(&sound, clip);
                return false;
            }
        }
        true
    }

    /// A section's takes of one track, as far as they are prepared or can be for free.
    fn section_takes(
        &mut self,
        snapshot: &Snapshot,
        state: &TrackState,
        playing: Option<&Arc<Take>>,
    ) -> SectionTakes {
        let is_there = |this: &Self, take: &Take| {
            !take.is_asleep() && (this.is_free() || this.prepared.contains_key(&take.id))
        };
        let mut takes: Vec<Option<Arc<TakeClips>>> = Vec::new();
        for take in &state.history {
            let Some(number) = state.number(&take.id) else { continue };
            let take = snapshot.varied(take, &self.note_dials);
            let clips = is_there(self, take).then(|| self.prepare(snapshot, take));
            let index = number as usize - 1;
            takes.resize(takes.len().max(index + 1), None);
            takes[index] = clips;
        }
        let playing = playing.map(|take| snapshot.varied(take, &self.note_dials));
        let playing = playing.filter(|take| is_there(self, take));
        SectionTakes { takes, current: playing.map(|take| self.prepare(snapshot, take)) }
    }

    /// All sections' takes of one track by the sections' numbers, if there are several.
    fn sections(&mut self, snapshot: &Snapshot, track: Track) -> Vec<Option<SectionTakes>> {
        let mut sections = Vec::new();
        if snapshot.session.sections().count() == 1 {
            return sections;
        }
        for section in snapshot.session.sections() {
            let playing = snapshot.playing_in(&section, track);
            let takes = self.section_takes(snapshot, &section.tracks[track.index()], playing);
            let index = section.number as usize - 1;
            sections.resize_with(sections.len().max(index + 1), || None);
            sections[index] = Some(takes);
        }
        sections
    }

    /// The parts of a track that follow chords, as far as the takes that they are made of are prepared.
    fn followed(&mut self, snapshot: &Snapshot, track: Track) -> Box<[Followed]> {
        let mut followed = Vec::new();
        for part in &snapshot.followed {
            let of = part.of[track.index()].as_ref().and_then(|id| {
                let mut takes =
                    snapshot.session.track(track).history.iter().chain(&snapshot.early[track.index()]);
                let plays =
                    takes.find(|take| take.id == *id).map(|take| snapshot.varied(take, &self.note_dials));
                self.prepared.get(plays.map_or(id, |take| &take.id))
            });
            let Some(of) = of.map(|clips| clips.serial()) else { continue };
            let clips = part.takes[track.index()].as_ref().map(|take| self.prepare(snapshot, take));
            followed.push(Followed { run: part.run, from: part.from, of, clips });
        }
        followed.into()
    }

    /// Takes in the dials. What they change takes over as any new take does, whatever decided on the take itself.
    fn note_dials(&mut self, snapshot: &Snapshot, demand: &Demand) {
        for track in Track::ALL {
            let index = track.index();
            let playing = snapshot.playing(track).map(|take| take.id.clone());
            if self.playing[index] != playing {
                self.playing[index] = playing;
                self.is_varied[index] = false;
            } else if self.note_dials[index] != demand.note_dials[index] {
                self.is_varied[index] = true;
            }
        }
        self.note_dials = demand.note_dials;
    }

    /// Sends the player whatever it does not have yet. Demanded takes are prepared immediately.
    fn publish(&mut self, snapshot: &Snapshot, demand: &Demand) -> Published {
        self.sender.collect();
        self.note_dials(snapshot, demand);
        for take in snapshot.wanted(demand).filter(|take| !take.is_asleep()) {
            self.prepare(snapshot, snapshot.varied(take, &demand.note_dials));
        }
        let has_voices = !demand.drum_voices || self.give_voices(snapshot, demand);
        for track in Track::ALL {
            if let Some(take) = snapshot.playing(track).filter(|take| !take.is_asleep()) {
                self.prepare(snapshot, snapshot.varied(take, &demand.note_dials));
            }
        }
        let mut songs = std::mem::take(&mut self.songs);
        if demand.song {
            let rate_hz = self.sample_rate_hz;
            songs.update(snapshot, demand, rate_hz, |take| self.prepare(snapshot, take));
        } else {
            songs.clear();
        }
        self.songs = songs;
        let open = snapshot.session.section(snapshot.session.open_section_id());
        let open_section = open.map_or(0, |section| section.number as usize - 1);
        let mut is_complete = true;
        for track in Track::ALL {
            let is_varied = self.is_varied[track.index()];
            let swap = if is_varied { SwapPolicy::default() } else { snapshot.swaps[track.index()] };
            let open = self.section_takes(snapshot, snapshot.session.track(track), snapshot.playing(track));
            let sections = self.sections(snapshot, track);
            let song = self.songs.of(track).cloned();
            let preview = snapshot.preview_of(track).map(|take| self.prepare(snapshot, take));
            let followed = self.followed(snapshot, track);
            let versions =
                followed.iter().map(|part| (part.run, part.from, part.of, part.clips.as_ref().map(version)));
            let now = Contents {
                open: contents(&open),
                sections: sections.iter().map(|section| section.as_ref().map(contents)).collect(),
                song: song.as_ref().map(version),
                preview: preview.as_ref().map(version),
                followed: versions.collect(),
                swap,
            };
            if self.sent[track.index()].as_ref() == Some(&now) {
                continue;
            }
            let (immediate, asked_at) = (swap.immediate, swap.asked_at);
            let preview = preview.map(|take| (open_section, take));
            let slot = Slot { open, sections, song, preview, followed, immediate, asked_at };
            // The ring is full while the host does not process. The next turn tries again.
            match self.sender.send(track, slot) {
                Ok(()) => self.sent[track.index()] = Some(now),
                Err(_) => is_complete = false,
            }
        }
        let known: HashSet<&TakeId> = snapshot.takes().map(|take| &take.id).collect();
        self.prepared.retain(|id, _| known.contains(id));
        match (is_complete, has_voices) {
            (true, true) => Published::All,
            (true, false) => Published::ButVoices,
            (false, _) => Published::NotAll,
        }
    }

    /// Prepares one take that is not demanded but could be chosen by number; returns whether there was one.
    fn prepare_spare(&mut self, snapshot: &Snapshot) -> bool {
        if self.is_free() {
            return false;
        }
        let spare = snapshot.takes().find(|take| !take.is_asleep() && !self.prepared.contains_key(&take.id));
        let Some(spare) = spare else { return false };
        self.prepare(snapshot, spare);
        true
    }

    /// Frees clips that the player has released; returns whether it still holds replaced ones.
    fn collect(&mut self) -> bool {
        self.sender.collect();
        self.sender.waiting() > 0
    }
}

/// Serial numbers of the snapshot, the demand and the worker's last answer.
type Seen = (u64, u32, u32);

/// State of the thread.
struct Publishing<'a> {
    control: &'a Control,
    triggers: Consumer<SongTrigger>,
    publisher: Option<Publisher>,
    /// Packed takes that cannot be unpacked; the worker makes them again.
    unreadable: HashSet<TakeId>,
    seen: Option<Seen>,
    /// Whether the newest snapshot has parts that follow chords.
    follows: bool,
    /// Number of project changes reported to the host.
    commits: u64,
    /// Names of the sections by number, as the host's texts of the parameter Section have them.
    section_names: Vec<(u32, String)>,
    /// The audio thread's block count, and when it last changed.
    blocks: (u32, Instant),
    /// Time of the last upkeep.
    tended: Instant,
    is_tidy: bool,
}

fn section_names(session: &Session) -> Vec<(u32, String)> {
    session.sections().map(|section| (section.number, section.name.to_owned())).collect()
}

/// Runs until the plugin is removed.
pub fn run(
    control: &Control,
    triggers: Consumer<SongTrigger>,
    opened: &Receiver<OpenedPlayer>,
    wake: &Receiver<()>,
) {
    let now = Instant::now();
    let mut this = Publishing {
        control,
        triggers,
        publisher: None,
        unreadable: HashSet::new(),
        seen: None,
        follows: false,
        commits: 0,
        section_names: section_names(&control.session()),
        blocks: (0, now),
        tended: now,
        is_tidy: true,
    };
    while !control.is_quitting() {
        let mut opening = None;
        for opened in opened.try_iter() {
            this.publisher = Some(Publisher::new(opened.sender, opened.sample_rate_hz));
            this.seen = None;
            opening = Some(opened.opening);
        }
        this.pass_triggers();
        this.control.tend_recording();
        this.report();
        this.end_following();
        this.publish();
        drop(opening);
        this.tend();
        let pause = this.pause();
        select! {
            recv(wake) -> _ => {}
            default(pause) => {}
        }
    }
}

impl Publishing<'_> {
    /// How long to sleep unless woken.
    fn pause(&mut self) -> Duration {
        let blocks = self.control.audio.blocks.load(Ordering::Relaxed);
        if blocks != self.blocks.0 {
            self.blocks = (blocks, Instant::now());
        }
        if self.blocks.1.elapsed() < SILENCE { POLL } else { SLOW_POLL }
    }

    /// Forwards triggers to the worker, and collects the chords that are played.
    fn pass_triggers(&mut self) {
        if self.control.played.lock().collect() {
            self.control.repaint.request_repaint();
        }
        while let Ok(SongTrigger { trigger, heard, epoch }) = self.triggers.pop() {
            match heard {
                Some(heard) => self.control.pass_chord(trigger, heard, epoch),
                None => self.control.pass_trigger(trigger, epoch),
            }
        }
    }

    /// Forgets what followed chords once they are not followed any more.
    fn end_following(&mut self) {
        if self.follows && self.control.audio.follow_run.load(Ordering::Acquire) == 0 {
            self.control.store.end_following();
            self.control.send(Command::Look(None));
            self.control.repaint.request_repaint();
        }
    }

    /// Reports failures of the audio thread to the user.
    fn report(&self) {
        let audio = &self.control.audio;
        if audio.gave_up.swap(false, Ordering::AcqRel) {
            self.control.notify(
                "An offline render has waited too long for a new take and keeps the previous one.".to_owned(),
            );
        }
        let lost = audio.lost_triggers.swap(0, Ordering::AcqRel);
        if lost > 0 {
            self.control.notify(format!("{lost} triggers came too fast and were ignored."));
        }
    }

    /// Sends the player what it lacks, if anything has changed.
    fn publish(&mut self) {
        let control = self.control;
        // Read in this order, the snapshot contains at least what the worker had answered.
        let answered = control.worker_answered.load(Ordering::Acquire);
        let (serial, demand) = control.audio.demand.read();
        let seen = (control.store.serial(), serial, answered);
        let has_voices = self.publisher.as_ref().is_some_and(|publisher| publisher.drum_split.is_done());
        if self.seen == Some(seen) && !has_voices {
            return;
        }
        if self.seen.is_none_or(|before| before.1 != serial) {
            // The worker makes renditions, and makes takes again.
            control.send(Command::Look(None));
        }
        let mut snapshot = control.store.load();
        let mut has_woken = false;
        for take in snapshot.wanted(&demand).filter(|take| take.is_packed()) {
            if self.unreadable.contains(&take.id) {
                continue;
            }
            match take.unpacked() {
                Some(awake) => has_woken |= control.store.wake(&awake),
                None => {
                    self.unreadable.insert(take.id.clone());
                }
            }
        }
        if has_woken {
            snapshot = control.store.load();
        }
        let publisher = self.publisher.as_mut();
        let published = publisher.map_or(Published::All, |publisher| publisher.publish(&snapshot, &demand));
        self.is_tidy = false;
        self.follows = !snapshot.followed.is_empty();
        // The host is told of a change only after the player has received it.
        if std::mem::replace(&mut self.commits, snapshot.commits) != snapshot.commits {
            control.host.mark_dirty();
        }
        let names = section_names(&snapshot.session);
        if self.section_names != names {
            self.section_names = names;
            control.host.mark_other_texts();
        }
        if published == Published::All {
            control.published.store((snapshot.serial, serial, answered));
        }
        self.seen = Some((snapshot.serial, serial, answered)).filter(|_| published != Published::NotAll);
    }

    /// Prepares spare takes and frees clips. At most one take per call, to stay responsive.
    fn tend(&mut self) {
        if self.is_tidy || self.tended.elapsed() < UPKEEP {
            return;
        }
        self.tended = Instant::now();
        let Some(publisher) = &mut self.publisher else { return };
        let snapshot = self.control.store.load();
        let mut is_left = publisher.prepare_spare(&snapshot);
        if is_left {
            let (_, demand) = self.control.audio.demand.read();
            publisher.publish(&snapshot, &demand);
            // The next turn must report what is now published: it may be the voices that an offline render waits for.
            self.seen = None;
        }
        is_left |= publisher.collect();
        self.is_tidy = !is_left;
    }
}

#[cfg(test)]
mod tests {
    use resonantgen_playback::{Controls, Player, Position, channel};

    use super::*;
    use crate::control::snapshot::Store;
    use crate::editor::tests::fixture;

    fn open(sample_rate_hz: f64) -> (Publisher, Player) {
        let (sender, player) = channel(sample_rate_hz);
        (Publisher::new(sender, sample_rate_hz), player)
    }

    /// Plays a few audio frames from a beat. Returns the clip that the bass plays.
    fn bass_at(player: &mut Player, beat: f64, chosen: Option<usize>) -> Option<*const Clip> {
        let mut block = vec![0.0_f32; 2 * TRACK_COUNT * 64];
        let mut channels = block.chunks_mut(64);
        let mut channel = || channels.next().expect("two for each track");
        let mut stems: [[&mut [f32]; 2]; TRACK_COUNT] = std::array::from_fn(|_| [channel(), channel()]);
        let position =
            Position { beat, bpm: 240.0, quarters_per_bar: 4.0, playing: true, ..Position::default() };
        let mut numbers = [None; TRACK_COUNT];
        numbers[Track::Bass.index()] = chosen;
        let controls = Controls { chosen: numbers, ..Controls::default() };
        player.process(position, &controls, &mut stems, None);
        player.clip(Track::Bass).map(Arc::as_ptr)
    }

    #[test]
    fn what_is_prepared_besides_does_not_change_when_a_take_takes_over() {
        let store = Store::default();
        let mut session = fixture();
        session.track_mut(Track::Bass).current = Some(0);
        let other =
            Take { id: TakeId("another".to_owned()), ..Take::clone(&session.track(Track::Bass).history[0]) };
        store.commit(session.clone(), 0, SwapPolicy::IMMEDIATE);
        let (mut publisher, mut player) = open(f64::from(TAKE_SAMPLE_RATE_HZ));
        assert_eq!(publisher.publish(&store.load(), &Demand::default()), Published::All);
        let old = bass_at(&mut player, 3.5, None);

        // The song's request is too late for the next bar, and meanwhile another take is unpacked.
        session.track_mut(Track::Bass).current = Some(1);
        store.commit(session.clone(), 0, SwapPolicy { immediate: false, asked_at: Some(3.5) });
        assert_eq!(publisher.publish(&store.load(), &Demand::default()), Published::All);
        session.track_mut(Track::Bass).add(Arc::new(other));
        session.track_mut(Track::Bass).current = Some(1);
        store.commit(session, 0, SwapPolicy::default());
        assert_eq!(publisher.publish(&store.load(), &Demand::default()), Published::All);
        assert_eq!(bass_at(&mut player, 4.0, None), old, "it must not take over a bar early");
        assert_ne!(bass_at(&mut player, 8.0, None), old, "it must take over");
    }

    #[test]
    fn a_variant_takes_over_at_the_next_bar_and_the_take_comes_back_at_one() {
        let store = Store::default();
        store.commit(fixture(), 0, SwapPolicy::IMMEDIATE);
        let (mut publisher, mut player) = open(f64::from(TAKE_SAMPLE_RATE_HZ));
        assert_eq!(publisher.publish(&store.load(), &Demand::default()), Published::All);
        let block = 64.0 / f64::from(TAKE_SAMPLE_RATE_HZ) * 4.0;
        let mut beat = 4.0 - 4.0 * block;
        let mut next = |player: &mut Player| {
            beat += block;
            bass_at(player, beat - block, None)
        };
        let own = next(&mut player);
        let dials = NoteDials { density: -1, ..NoteDials::default() };
        let mut demand = Demand::default();
        demand.note_dials[Track::Bass.index()] = dials;
        assert_eq!(publisher.publish(&store.load(), &demand), Published::All);
        assert_eq!(next(&mut player), own, "it is not performed yet");

        let take = store.load().playing(Track::Bass).expect("a take").clone();
        let other = store.load().session.track(Track::Bass).history[0].clone();
        assert_ne!(other.id, take.id);
        let varied = Take { id: TakeId("varied".to_owned()), ..Take::clone(&other) };
        store.add_variant(&take.id, dials, varied);
        assert_eq!(publisher.publish(&store.load(), &demand), Published::All);
        assert_eq!(next(&mut player), own, "the take itself was restored at once, but dials wait");
        next(&mut player);
        let variant = next(&mut player);
        assert_ne!(variant, own);
        assert_eq!(publisher.publish(&store.load(), &Demand::default()), Published::All);
        assert_eq!(next(&mut player), variant);
        // After the crossfade.
        assert_eq!((0..64).map(|_| next(&mut player)).last(), Some(variant));
        let later = [8.0 - block, 8.0, 8.0 + block].map(|beat| bass_at(&mut player, beat, None));
        assert_eq!(later, [variant, own, own]);
    }

    #[test]
    fn a_take_that_a_number_chooses_is_prepared_when_it_is_demanded_at_any_rate() {
        for rate_hz in [44_100.0, 48_000.0, 96_000.0] {
            let store = Store::default();
            let mut session = fixture();
            session.track_mut(Track::Bass).current = Some(1);
            store.commit(session, 0, SwapPolicy::IMMEDIATE);
            let (mut publisher, mut player) = open(rate_hz);
            publisher.publish(&store.load(), &Demand::default());
            let newest = bass_at(&mut player, 0.0, None);
            assert!(newest.is_some());
            let mut demand = Demand::default();
            demand.takes[Track::Bass.index()] = Some(1);
            publisher.publish(&store.load(), &demand);
            let first = bass_at(&mut player, 0.0, Some(0));
            assert_ne!(first, newest, "at {rate_hz} audio frames per second");
            // Back to the other take, after the crossfade.
            let back = (0..64).map(|_| bass_at(&mut player, 0.0, Some(1))).last().flatten();
            assert_eq!(back, newest, "at {rate_hz} audio frames per second");
        }
    }

    #[test]
    fn drums_get_their_voices_when_an_output_for_them_is_connected() {
        let store = Store::default();
        store.commit(fixture(), 0, SwapPolicy::IMMEDIATE);
        for rate_hz in [44_100.0, 48_000.0] {
            let (mut publisher, mut player) = open(rate_hz);
            let demand = Demand { drum_voices: true, ..Demand::default() };
            let mut turns = 0;
            while publisher.publish(&store.load(), &demand) == Published::ButVoices {
                std::thread::yield_now();
                turns += 1;
            }
            assert!(turns > 0, "the player must not wait for the voices");
            bass_at(&mut player, 0.0, None);
            let drums = player.clip(Track::Drums).expect("the drums play");
            assert!(drums.has_voices(), "at {rate_hz} audio frames per second");
            assert!(!player.clip(Track::Bass).expect("the bass plays").has_voices());
        }
    }

    /// Several threads change the session, and only this one writes to playback: an older session is never sent last.
    #[test]
    fn whoever_changes_the_session_the_newest_one_plays_in_the_end() {
        for rate_hz in [44_100.0, 48_000.0] {
            let store = Store::default();
            store.commit(fixture(), 0, SwapPolicy::IMMEDIATE);
            let (mut publisher, mut player) = open(rate_hz);
            std::thread::scope(|scope| {
                let writers: Vec<_> = (0..4)
                    .map(|writer| {
                        let store = &store;
                        scope.spawn(move || {
                            for step in 0..25 {
                                let mut session = fixture();
                                session.track_mut(Track::Bass).current = Some((writer + step) % 2);
                                store.commit(session, 0, SwapPolicy::IMMEDIATE);
                            }
                        })
                    })
                    .collect();
                while writers.iter().any(|writer| !writer.is_finished()) {
                    publisher.publish(&store.load(), &Demand::default());
                    bass_at(&mut player, 0.0, None);
                }
            });
            let newest = store.load();
            publisher.publish(&newest, &Demand::default());
            // After the crossfade.
            let heard = (0..64).map(|_| bass_at(&mut player, 0.0, None)).last().flatten();
            let take = newest.playing(Track::Bass).expect("a take");
            let wanted = publisher.prepared[&take.id].at(take.recipe.plan.bpm);
            assert_eq!(heard, Some(Arc::as_ptr(wanted)), "at {rate_hz} audio frames per second");
        }
    }

    #[test]
    fn takes_that_nobody_demands_are_prepared_one_by_one() {
        let store = Store::default();
        store.commit(fixture(), 0, SwapPolicy::IMMEDIATE);
        let (mut publisher, _player) = open(44_100.0);
        publisher.publish(&store.load(), &Demand::default());
        assert_eq!(publisher.prepared.len(), TRACK_COUNT);
        let spares = std::iter::from_fn(|| publisher.prepare_spare(&store.load()).then_some(())).count();
        assert_eq!(spares, TRACK_COUNT, "each track has two takes");
    }
}
