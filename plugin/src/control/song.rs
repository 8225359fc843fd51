//! The whole song as clips for the player: the takes of its sections, and what joins them.
//!
//! At the takes' own rate, the player's samples are those of an export ([`project::song_stem`]). At another rate, what is around a
//! border is resampled as a whole, so that the border is as smooth as it is there.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_playback::{Clip, SongJoin, SongPass, TakeClips, is_same_tempo};
use resonantgen_project::{self as project, Pass};
use resonantgen_session::{Placement, SectionView};
use resonantgen_sound::resample::resample_loop;
use resonantgen_take::{FULL_SCALE, TAKE_SAMPLE_RATE_HZ, Take, TakeId};

use super::demand::Demand;
use super::snapshot::Snapshot;

/// Rate of the takes.
const TAKE_RATE: usize = TAKE_SAMPLE_RATE_HZ as usize;
/// What is resampled before and after the joins of a zone (20 ms); over half of it, it goes over into the takes' own clips.
const MARGIN: usize = TAKE_RATE / 50;
/// Renditions of a song at other tempos.
const RENDITIONS: usize = 2;

/// What joins are made of: the passes that they touch, with their takes, the track, and whether the song ends there.
type Key = (Track, Vec<(Range<usize>, Option<TakeId>)>, bool);

/// What was made for a key, for as long as it is used.
#[derive(Debug)]
struct Made<T>(HashMap<Key, (T, bool)>);

impl<T> Default for Made<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Clone> Made<T> {
    /// What was made for a key, or is made now.
    fn get(&mut self, key: Key, make: impl FnOnce() -> T) -> T {
        let (made, is_used) = self.0.entry(key).or_insert_with(|| (make(), true));
        *is_used = true;
        made.clone()
    }

    /// Forgets what was not used since the last call.
    fn forget_unused(&mut self) {
        self.0.retain(|_, (_, is_used)| std::mem::take(is_used));
    }
}

/// The songs of the tracks, and what they were made of.
#[derive(Debug, Default)]
pub struct Songs {
    songs: [Option<Arc<TakeClips>>; TRACK_COUNT],
    /// The joins of the borders, at the takes' rate.
    borders: Made<Option<Arc<project::Join>>>,
    /// The joins of the zones, at the host's rate.
    joins: Made<Arc<SongJoin>>,
}

/// One pass of a section on one track, at one tempo.
struct Part {
    placement: Placement,
    section: u32,
    clip: Option<Arc<Clip>>,
    /// What `clip` was prepared from, where that is at the tempo of the song.
    take: Option<Arc<Take>>,
}

impl Songs {
    /// The songs of all tracks at their own tempo and, where all takes have a rendition for it, at the demanded one. `prepare` gives the clips
    /// of a take that is awake; takes that sleep are silent. A song that sounds as before keeps its identity. Not realtime-safe.
    pub fn update(
        &mut self,
        snapshot: &Snapshot,
        demand: &Demand,
        sample_rate_hz: f64,
        mut prepare: impl FnMut(&Arc<Take>) -> Arc<TakeClips>,
    ) {
        let session = &snapshot.session;
        let placements = session.placements();
        let own_bpm =
            placements.first().and_then(|first| session.section(first.section)?.plan).map(|plan| plan.bpm);
        for track in Track::ALL {
            let Some(own_bpm) = own_bpm.filter(|_| session.is_song()) else {
                self.songs[track.index()] = None;
                continue;
            };
            let mut clips = |section: &SectionView<'_>| {
                let take = snapshot.playing_in(section, track).filter(|take| !take.is_asleep())?;
                let take = snapshot.varied(take, &demand.note_dials);
                Some((Arc::clone(take), prepare(take)))
            };
            let mut at = |bpm: f64| -> Vec<Part> {
                let part = |placement: &Placement| {
                    let section = session.section(placement.section)?;
                    let (take, clips) = clips(&section).unzip();
                    let clip = clips.map(|clips| Arc::clone(clips.at(bpm)));
                    let take = take.and_then(|take| snapshot.sound_at(&take, bpm));
                    Some(Part { placement: *placement, section: section.number, clip, take })
                };
                placements.iter().filter_map(part).collect()
            };
            let is_whole =
                |parts: &[Part]| parts.iter().all(|part| part.take.is_some() == part.clip.is_some());
            let original = self.clip(track, &at(own_bpm), own_bpm, sample_rate_hz);
            let other = demand.bpm.filter(|bpm| !is_same_tempo(own_bpm, *bpm)).map(|bpm| (bpm, at(bpm)));
            let rendition = other
                .filter(|(_, parts)| is_whole(parts))
                .map(|(bpm, parts)| self.clip(track, &parts, bpm, sample_rate_hz));
            let known = self.songs[track.index()].take();
            self.songs[track.index()] = Some(renewed(known, original, rendition));
        }
        self.borders.forget_unused();
        self.joins.forget_unused();
    }

    /// The song of a track.
    pub fn of(&self, track: Track) -> Option<&Arc<TakeClips>> {
        self.songs[track.index()].as_ref()
    }

    /// Forgets the songs: none is wanted.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The clip of a song at a tempo.
    fn clip(&mut self, track: Track, parts: &[Part], bpm: f64, sample_rate_hz: f64) -> Clip {
        let frames = |rate_hz: f64, part: &Part| {
            let frame = |quarter: f64| (quarter * 60.0 / bpm * rate_hz).round() as usize;
            let start = part.placement.start_quarter;
            frame(start)..frame(start + part.placement.quarters)
        };
        let passes: Vec<Pass> = parts
            .iter()
            .map(|part| Pass {
                frames: frames(TAKE_RATE as f64, part),
                take: part.take.clone().filter(|take| !take.audio.is_empty()),
            })
            .collect();
        let heard: Vec<SongPass> = parts
            .iter()
            .map(|part| SongPass {
                section: part.section,
                start_quarter: part.placement.start_quarter,
                quarters: part.placement.quarters,
                frames: frames(sample_rate_hz, part),
                clip: part.clip.clone(),
            })
            .collect();
        let borders = (0..=passes.len()).filter_map(|border| {
            let touched = border.saturating_sub(1)..(border + 1).min(passes.len());
            let key = key(track, &passes[touched], border == passes.len());
            self.borders.get(key, || project::join_at(&passes, border, track).map(Arc::new))
        });
        let zones = Zone::all(borders.collect());
        let joins =
            zones.iter().map(|zone| self.join(track, zone, &passes, &heard, sample_rate_hz)).collect();
        Clip::song(heard, joins, bpm, sample_rate_hz)
    }

    /// What is added in a zone at the host's rate.
    fn join(
        &mut self,
        track: Track,
        zone: &Zone,
        passes: &[Pass],
        heard: &[SongPass],
        sample_rate_hz: f64,
    ) -> Arc<SongJoin> {
        let window = zone.frames.start.saturating_sub(MARGIN)..zone.frames.end + MARGIN;
        let reaches = |pass: &&Pass| pass.frames.start <= window.end && pass.frames.end >= window.start;
        let touched: Vec<Pass> = passes.iter().filter(reaches).cloned().collect();
        let is_end = passes.last().is_some_and(|pass| pass.frames.end <= window.end);
        let make = || Arc::new(zone.join(passes, heard, sample_rate_hz));
        self.joins.get(key(track, &touched, is_end), make)
    }
}

fn key(track: Track, passes: &[Pass], is_end: bool) -> Key {
    let id = |pass: &Pass| (pass.frames.clone(), pass.take.as_ref().map(|take| take.id.clone()));
    (track, passes.iter().map(id).collect(), is_end)
}

/// The clips of a song, with the identity of what was `known` if that sounds the same.
fn renewed(known: Option<Arc<TakeClips>>, original: Clip, rendition: Option<Clip>) -> Arc<TakeClips> {
    let is_same = |known: &Clip, new: &Clip| known.is_same_sound(new);
    let same = known.filter(|known| is_same(known.original(), &original));
    let mut clips = match same {
        None => Arc::new(TakeClips::new(Arc::new(original))),
        Some(known) if known.original().has_voices() == original.has_voices() => known,
        Some(known) => Arc::new(known.with_clip(&Arc::clone(known.original()), Arc::new(original))),
    };
    if let Some(rendition) = rendition {
        let bpm = rendition.bpm();
        let at = Arc::clone(clips.at(bpm));
        if !at.is_at(bpm) {
            clips = Arc::new(clips.with_rendition(Arc::new(rendition), RENDITIONS));
        } else if !is_same(&at, &rendition) || at.has_voices() != rendition.has_voices() {
            clips = Arc::new(clips.with_clip(&at, Arc::new(rendition)));
        }
    }
    clips
}

/// Joins that overlap, as one.
struct Zone {
    frames: Range<usize>,
    audio: [Vec<i32>; 2],
}

impl Zone {
    fn all(mut joins: Vec<Arc<project::Join>>) -> Vec<Self> {
        joins.sort_by_key(|join| join.first_frame);
        let mut zones: Vec<Self> = Vec::new();
        for join in joins {
            let frames = join.first_frame..join.first_frame + join.audio.len();
            if zones.last().is_none_or(|last| last.frames.end + 2 * MARGIN <= frames.start) {
                zones.push(Self { frames: frames.clone(), audio: Default::default() });
            }
            let Some(zone) = zones.last_mut() else { continue };
            zone.frames.end = zone.frames.end.max(frames.end);
            let (begin, length) = (frames.start - zone.frames.start, zone.frames.len());
            for (side, join) in zone.audio.iter_mut().zip([&join.audio.left, &join.audio.right]) {
                side.resize(length, 0);
                for (sample, join) in side[begin..].iter_mut().zip(join) {
                    *sample += join;
                }
            }
        }
        zones
    }

    /// What is added at the host's rate. `passes` are those of the takes, `heard` those of their clips at that rate.
    fn join(&self, passes: &[Pass], heard: &[SongPass], sample_rate_hz: f64) -> SongJoin {
        if sample_rate_hz == TAKE_RATE as f64 {
            let audio = self
                .audio
                .each_ref()
                .map(|side| side.iter().map(|sample| *sample as f32 / FULL_SCALE).collect());
            return SongJoin { first_frame: self.frames.start, audio };
        }
        // A window whose ends fall on audio frames of both rates.
        let rate = sample_rate_hz.round().max(1.0) as usize;
        let grid = TAKE_RATE / greatest_common_divisor(TAKE_RATE, rate);
        let begin = self.frames.start.saturating_sub(MARGIN) / grid * grid;
        let end = (self.frames.end + MARGIN).div_ceil(grid) * grid;
        let at_rate = |frame: usize| (frame as f64 * sample_rate_hz / TAKE_RATE as f64).round() as usize;
        let (first_frame, length) = (at_rate(begin), at_rate(end) - at_rate(begin));
        let audio = [0, 1].map(|side| {
            let mut song: Vec<f32> = (begin..end).map(|frame| self.song(passes, side, frame)).collect();
            // It begins and ends in silence, so that it can be taken for a loop.
            let fade = MARGIN / 2;
            for offset in 0..fade.min(song.len() / 2) {
                let share = (offset as f32 + 0.5) / fade as f32;
                let last = song.len() - 1 - offset;
                if begin > 0 {
                    song[offset] *= share;
                }
                song[last] *= share;
            }
            let mut added = resample_loop(&song, length);
            for (offset, sample) in added.iter_mut().enumerate() {
                let from_end = (length - 1 - offset).min(if begin > 0 { offset } else { usize::MAX });
                let fade = at_rate(fade);
                // The first half of a margin has faded out; over the second, what is added begins.
                let share = ((from_end as f32 - fade as f32) / fade as f32).clamp(0.0, 1.0);
                *sample = share * (*sample - plain(heard, side, first_frame + offset));
            }
            added
        });
        SongJoin { first_frame, audio }
    }

    /// A sample of the song at the takes' rate.
    fn song(&self, passes: &[Pass], side: usize, frame: usize) -> f32 {
        let index = passes.partition_point(|pass| pass.frames.start <= frame);
        let pass = index
            .checked_sub(1)
            .and_then(|index| passes.get(index))
            .filter(|pass| pass.frames.contains(&frame));
        let take = pass.and_then(|pass| Some((pass.frames.start, pass.take.as_ref()?)));
        let plain = take.map_or(0, |(start, take)| {
            let samples = if side == 0 { &take.audio.left } else { &take.audio.right };
            samples[(frame - start) % take.audio.len()]
        });
        let added = frame.checked_sub(self.frames.start).and_then(|offset| self.audio[side].get(offset));
        (plain + added.copied().unwrap_or(0)) as f32 / FULL_SCALE
    }
}

/// A sample of the passes alone at the host's rate.
fn plain(passes: &[SongPass], side: usize, frame: usize) -> f32 {
    let index = passes.partition_point(|pass| pass.frames.start <= frame);
    let pass =
        index.checked_sub(1).and_then(|index| passes.get(index)).filter(|pass| pass.frames.contains(&frame));
    let clip = pass.and_then(|pass| Some((pass.frames.start, pass.clip.as_ref()?)));
    clip.map_or(0.0, |(start, clip)| clip.wrapped(frame - start)[side])
}

fn greatest_common_divisor(one: usize, other: usize) -> usize {
    if other == 0 { one } else { greatest_common_divisor(other, one % other) }
}

#[cfg(test)]
mod tests {
    use resonantgen_session::fake::{Fake, generated};
    use resonantgen_session::{Request, Session};
    use resonantgen_take::maker::Silent;

    use super::*;
    use crate::control::snapshot::{Store, SwapPolicy};

    fn song(form: &str) -> Session {
        let mut session = generated("house", 1);
        let request = Request::song(Some(form.parse().expect("a form")));
        session.apply(&Fake::default(), &request, &Silent).expect("a song");
        session
    }

    fn snapshot(session: Session) -> Arc<Snapshot> {
        let store = Store::default();
        store.commit(session, 0, SwapPolicy::IMMEDIATE);
        store.load()
    }

    fn update(songs: &mut Songs, snapshot: &Snapshot, rate_hz: f64) {
        let mut prepared: HashMap<TakeId, Arc<TakeClips>> = HashMap::new();
        let demand = Demand { bpm: Some(240.0), ..Demand::default() };
        songs.update(snapshot, &demand, rate_hz, |take| {
            let new = || Arc::new(TakeClips::new(Arc::new(Clip::prepare(take, rate_hz))));
            Arc::clone(prepared.entry(take.id.clone()).or_insert_with(new))
        });
    }

    const FORM: &str = "intro 2, build 1, drop 2, break 2, drop 1, outro 2";

    #[test]
    fn what_plays_is_what_an_export_has_to_the_bit_and_at_other_rates_as_well_as_it_can_be_resampled() {
        let session = song(FORM);
        let snapshot = snapshot(session.clone());
        for (rate_hz, most) in [(48_000.0, 0.0), (44_100.0, 5e-3), (96_000.0, 5e-3), (88_200.0, 5e-3)] {
            let mut songs = Songs::default();
            update(&mut songs, &snapshot, rate_hz);
            for track in Track::ALL {
                let stem = project::song_stem(&session, track).expect("it plays");
                let clip = Arc::clone(songs.of(track).expect("a song").original());
                let left: Vec<f32> = stem.left.iter().map(|sample| *sample as f32 / FULL_SCALE).collect();
                let frames = (left.len() as f64 * rate_hz / TAKE_RATE as f64).round() as usize;
                let expected = resample_loop(&left, frames);
                let beat = |frame: usize| frame as f64 * 240.0 / 60.0 / rate_hz;
                let heard: Vec<f32> = (0..frames).map(|frame| clip.at(beat(frame), 240.0)[0]).collect();
                let power = |samples: &mut dyn Iterator<Item = f32>| -> f64 {
                    samples.map(|sample| f64::from(sample).powi(2)).sum()
                };
                let difference =
                    power(&mut heard.iter().zip(&expected).map(|(heard, expected)| heard - expected));
                let share = (difference / power(&mut expected.iter().copied())).sqrt();
                assert!(share <= most, "{track} at {rate_hz}: {share}");
            }
        }
    }

    #[test]
    fn a_song_keeps_its_identity_until_it_sounds_otherwise() {
        let mut session = song(FORM);
        let mut songs = Songs::default();
        let mut prepared = HashMap::new();
        let mut update = |songs: &mut Songs, session: &Session| {
            songs.update(&snapshot(session.clone()), &Demand::default(), 48_000.0, |take| {
                let new = || Arc::new(TakeClips::new(Arc::new(Clip::prepare(take, 48_000.0))));
                Arc::clone(prepared.entry(take.id.clone()).or_insert_with(new))
            });
        };
        update(&mut songs, &session);
        let serials = |songs: &Songs| Track::ALL.map(|track| songs.of(track).map(|song| song.serial()));
        let first = serials(&songs);
        let joins = songs.joins.0.len();
        // The sections' names and the open section are nothing that sounds.
        let intro = session.find_section("intro").expect("there");
        session.rename_section(intro, "Beginning").expect("a name");
        session.open_section(intro).expect("there");
        update(&mut songs, &session);
        assert_eq!(serials(&songs), first);
        assert_eq!(songs.joins.0.len(), joins, "nothing is made again");
        let request = Request::edit(Track::Bass, "").seed(77);
        session.apply(&Fake::default(), &request, &Silent).expect("a take");
        update(&mut songs, &session);
        let changed: Vec<bool> = serials(&songs).iter().zip(&first).map(|(now, then)| now != then).collect();
        assert_eq!(changed, [false, true, false, false]);
        update(&mut songs, &generated("house", 1));
        assert_eq!(serials(&songs), [None; 4], "a loop is no song");
    }
}
