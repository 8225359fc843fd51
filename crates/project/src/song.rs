//! Renders a whole song as audio and notes: its sections in order, with tails that ring over their boundaries.

use std::sync::Arc;

use super::StoredSound as _;
use resonantgen_music::midi::{self, SongPart};
use resonantgen_music::score::Score;
use resonantgen_music::track::Track;
use resonantgen_session::{SectionId, Session};
use resonantgen_sound::tail::{TAIL_LEAD, tail};
use resonantgen_take::{StemAudio, TAKE_SAMPLE_RATE_HZ, Take};

/// Audio frames after the last bar in which the song rings out (3 s).
const RING_OUT: usize = 3 * TAKE_SAMPLE_RATE_HZ as usize;
/// Time in seconds in which a track falls by 60 dB where it stops and at the end of the song, indexed like [`Track::ALL`].
const STOPS_S: [f64; 4] = [0.5, 0.35, 0.9, 0.8];
const ENDS_S: [f64; 4] = [1.6, 2.6, 3.6, 3.0];
/// Audio frames before a section over which the section is faded in from its loop's own end (5 ms), so that its first beat is
/// complete.
const LEAD_IN: usize = TAKE_SAMPLE_RATE_HZ as usize / 200;

/// Maximum number of audio frames before a boundary from which a tail is made (250 ms), and over which a step is removed (4 ms).
const HEARD: usize = TAKE_SAMPLE_RATE_HZ as usize / 4;
const SOFTENED: usize = TAKE_SAMPLE_RATE_HZ as usize / 250;

/// A named position in a song.
#[derive(Clone, Debug, PartialEq)]
pub struct Marker {
    /// Name of the section.
    pub name: String,
    /// The section.
    pub section: SectionId,
    /// Seconds from the song's start.
    pub seconds: f64,
    /// Length in seconds, including repeats.
    pub length_seconds: f64,
    /// Quarter notes from the song's start.
    pub quarter: f64,
}

/// One pass of a section, in audio frames.
struct Pass {
    section: SectionId,
    start: usize,
    end: usize,
}

fn passes(session: &Session) -> Vec<Pass> {
    let frame = |seconds: f64| (seconds * f64::from(TAKE_SAMPLE_RATE_HZ)).round() as usize;
    let mut seconds = 0.0;
    let mut passes = Vec::new();
    for placement in session.placements() {
        let Some(plan) = session.section(placement.section).and_then(|section| section.plan) else {
            continue;
        };
        let start = frame(seconds);
        seconds += plan.seconds();
        passes.push(Pass { section: placement.section, start, end: frame(seconds) });
    }
    passes
}

/// The start of each entry of a song's order.
#[must_use]
pub fn markers(session: &Session) -> Vec<Marker> {
    let mut markers: Vec<Marker> = Vec::new();
    let mut seconds = 0.0;
    for placement in session.placements() {
        let Some(section) = session.section(placement.section) else { continue };
        let length = section.plan.map_or(0.0, resonantgen_music::plan::Plan::seconds);
        match markers.last_mut().filter(|_| placement.pass > 0) {
            Some(last) => last.length_seconds += length,
            None => markers.push(Marker {
                name: section.name.to_owned(),
                section: placement.section,
                seconds,
                length_seconds: length,
                quarter: placement.start_quarter,
            }),
        }
        seconds += length;
    }
    markers
}

/// One track of the whole song at [`TAKE_SAMPLE_RATE_HZ`]. Takes are copied sample for sample, except for the 10 ms before a
/// boundary at which the take changes, tails, and three seconds after the last bar. `None` if the track plays in no section.
/// Takes without audio are silent. Not realtime-safe.
#[must_use]
pub fn song_stem(session: &Session, track: Track) -> Option<StemAudio> {
    let passes = passes(session);
    let awake = |take: &Arc<Take>| if take.is_asleep() { take.unpacked() } else { Some(take.clone()) };
    let takes: Vec<Option<Arc<Take>>> = passes
        .iter()
        .map(|pass| {
            session.section(pass.section)?.take(track).and_then(awake).filter(|take| !take.audio.is_empty())
        })
        .collect();
    takes.iter().flatten().next()?;
    let end = passes.last()?.end;
    let silence = vec![0; end + RING_OUT];
    let mut song = StemAudio { left: silence.clone(), right: silence };
    for (index, (pass, take)) in passes.iter().zip(&takes).enumerate() {
        let Some(take) = take else { continue };
        let audio = &take.audio;
        let count = audio.len();
        let is_same = |other: Option<&Option<Arc<Take>>>| {
            other.is_some_and(|other| other.as_ref().is_some_and(|other| other.id == take.id))
        };
        for at in pass.start..pass.end {
            let from = (at - pass.start) % count;
            add(&mut song, at, (audio.left[from], audio.right[from]));
        }
        if !is_same(index.checked_sub(1).and_then(|before| takes.get(before))) {
            // Fade in from the loop's own end, which leads into its beginning.
            let lead = LEAD_IN.min(pass.start).min(count);
            for offset in 0..lead {
                let share = (offset as f64 + 0.5) / lead as f64;
                let from = count - lead + offset;
                let faded = |sample: i32| (share * f64::from(sample)).round() as i32;
                add(
                    &mut song,
                    pass.start - lead + offset,
                    (faded(audio.left[from]), faded(audio.right[from])),
                );
            }
        }
        if !is_same(index.checked_sub(1).and_then(|before| takes.get(before))) {
            soften_start(&mut song, pass.start, audio);
        }
        if !is_same(takes.get(index + 1)) {
            let is_last = index + 1 == passes.len();
            let seconds = if is_last { ENDS_S } else { STOPS_S }[track.index()];
            let frames = ((seconds * f64::from(TAKE_SAMPLE_RATE_HZ)) as usize).min(song.len() - pass.end);
            // The tail continues what was heard last, which may be a sample more or less than whole passes of the loop.
            let length = (pass.end - pass.start).min(count).min(HEARD);
            let heard_at = |side: &[i32]| -> Vec<i32> {
                (pass.end - pass.start - length..pass.end - pass.start).map(|at| side[at % count]).collect()
            };
            let heard = StemAudio { left: heard_at(&audio.left), right: heard_at(&audio.right) };
            let tail = tail(&heard, seconds, frames);
            if tail.is_empty() || pass.end - pass.start < TAIL_LEAD {
                continue;
            }
            for offset in 0..tail.len() {
                let at = pass.end - TAIL_LEAD + offset;
                let (mut left, mut right) = (tail.left[offset], tail.right[offset]);
                if offset < TAIL_LEAD {
                    let from = heard.len() - TAIL_LEAD + offset;
                    left -= heard.left[from];
                    right -= heard.right[from];
                }
                add(&mut song, at, (left, right));
            }
        }
    }
    Some(song)
}

/// If a take begins with a step because its loop does not lead into its beginning, removes the step over the following samples.
fn soften_start(song: &mut StemAudio, start: usize, audio: &StemAudio) {
    let Some(last) = audio.len().checked_sub(1) else { return };
    for (samples, loop_side) in [(&mut song.left, &audio.left), (&mut song.right, &audio.right)] {
        let step = i64::from(loop_side[0]) - if start == 0 { 0 } else { i64::from(loop_side[last]) };
        let around = loop_side.windows(2).take(SOFTENED).map(|pair| i64::from(pair[1]) - i64::from(pair[0]));
        let steepest = around.map(i64::abs).max().unwrap_or(0);
        if step.abs() <= 2 * steepest {
            continue;
        }
        for (offset, sample) in samples.iter_mut().skip(start).take(SOFTENED).enumerate() {
            let share = 0.5 + 0.5 * (std::f64::consts::PI * (offset as f64 + 0.5) / SOFTENED as f64).cos();
            *sample = (*sample - (share * step as f64).round() as i32).clamp(-8_388_608, 8_388_607);
        }
    }
}

fn add(song: &mut StemAudio, at: usize, (left, right): (i32, i32)) {
    const FULL: std::ops::RangeInclusive<i32> = -8_388_608..=8_388_607;
    for (samples, sample) in [(&mut song.left, left), (&mut song.right, right)] {
        if let Some(sum) = samples.get_mut(at) {
            *sum = (*sum + sample).clamp(*FULL.start(), *FULL.end());
        }
    }
}

/// Some or all tracks of the whole song as one MIDI file, with a marker at each section.
#[must_use]
pub fn song_midi(session: &Session, tracks: &[Track]) -> Vec<u8> {
    let placements = session.placements();
    let parts: Vec<SongPart<'_>> = placements
        .iter()
        .filter_map(|placement| {
            let section = session.section(placement.section)?;
            let scores: Vec<(Track, &Score)> =
                tracks.iter().filter_map(|track| Some((*track, &section.take(*track)?.score))).collect();
            let marker = (placement.pass == 0).then_some(section.name);
            Some(SongPart { marker, plan: section.plan?, scores })
        })
        .collect();
    midi::song_file(&parts, tracks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use resonantgen_session::SongRequest;
    use resonantgen_session::fake::{Fake, generated};
    use resonantgen_take::maker::Silent;

    fn song() -> Session {
        let mut session = generated("house", 1);
        let form = "intro 2, build 2, drop 2, break 2, drop 1, outro 2".parse().expect("a form");
        let request = SongRequest { form: Some(form), ..SongRequest::default() };
        session.make_song(&Fake::default(), &request, &Silent).expect("a song");
        session
    }

    #[test]
    fn the_main_section_is_heard_to_the_bit_and_the_song_rings_out() {
        let session = song();
        let markers = markers(&session);
        let names: Vec<&str> = markers.iter().map(|marker| marker.name.as_str()).collect();
        assert_eq!(names, ["Intro", "Build", "Drop", "Break", "Drop 2", "Outro"]);
        let take = session.track(Track::Harmony).take().expect("a take");
        let stem = song_stem(&session, Track::Harmony).expect("it plays");
        let frames = take.audio.len();
        // Four bars at 240 bpm come before the drop, which is played twice.
        let start = 4 * 48_000;
        assert_eq!(markers[2].seconds, 4.0);
        // The tail of the build is added to its first half second.
        let body = 47_000..2 * frames - TAIL_LEAD;
        for (offset, sample) in stem.left[start..][..2 * frames].iter().enumerate() {
            if body.contains(&offset) {
                assert_eq!(*sample, take.audio.left[offset % frames], "{offset}");
            }
        }
        assert_eq!(stem.len(), 11 * 48_000 + RING_OUT);
        assert!(stem.left[11 * 48_000..][..4_800].iter().any(|sample| *sample != 0));
        assert!(stem.left.last().is_some_and(|sample| sample.abs() < 100));
    }

    #[test]
    fn a_track_that_stops_rings_on_and_then_is_silent() {
        let session = song();
        let drums = song_stem(&session, Track::Drums).expect("it plays");
        let second = |seconds: f64| (seconds * 48_000.0) as usize;
        let break_starts = 6.0;
        assert!(
            drums.left[second(break_starts)..second(break_starts + 0.05)].iter().any(|sample| *sample != 0)
        );
        assert!(
            drums.left[second(break_starts + 0.7)..second(break_starts + 1.9)]
                .iter()
                .all(|sample| *sample == 0)
        );
    }

    #[test]
    fn a_song_survives_its_project_and_takes_are_stored_once() {
        let session = song();
        let bytes = crate::to_bytes(&session);
        let opened = crate::from_bytes(&bytes).expect("own bytes");
        let all = |session: &Session| -> Vec<(String, u32, Vec<Option<String>>)> {
            session
                .sections()
                .map(|section| {
                    let takes = Track::ALL.map(|track| section.take(track).map(|take| take.id.0.clone()));
                    (section.name.to_owned(), section.bars(), takes.to_vec())
                })
                .collect()
        };
        assert_eq!(all(&opened), all(&session));
        assert_eq!(opened.order(), session.order());
        assert!(song_stem(&opened, Track::Bass) == song_stem(&session, Track::Bass));
        let project = crate::from_project(&crate::to_project(&session)).expect("own bytes").session;
        assert_eq!(all(&project), all(&session));
        assert!(
            song_stem(&project, Track::Bass) == song_stem(&session, Track::Bass),
            "what sleeps is unpacked"
        );
        // Copying a section adds no audio.
        let mut copied = session.clone();
        let drop = copied.find_section("drop").expect("there");
        copied.copy_section(drop).expect("a copy");
        let grown = crate::to_bytes(&copied).len() - bytes.len();
        assert!(grown < 20_000, "{grown}");
    }

    #[test]
    fn a_folder_keeps_the_song_and_its_past() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut session = song();
        let drop = session.find_section("drop").expect("there");
        session.copy_section(drop).expect("a copy");
        crate::save(&session, folder.path(), crate::StemFormat::default()).expect("saved");
        let mut opened = crate::load(folder.path()).expect("loads");
        assert!(opened.lost.is_empty());
        assert_eq!(opened.session.sections().count(), session.sections().count());
        opened.session.undo().expect("the copy");
        assert_eq!(opened.session.sections().count() + 1, session.sections().count());
        opened.session.undo().expect("the song");
        assert!(!opened.session.is_song());
        assert_eq!(opened.session.track(Track::Bass).take(), session.track(Track::Bass).take());
        opened.session.redo().expect("the song");
        assert!(
            song_stem(&opened.session, Track::Melody) == {
                session.undo().expect("the copy");
                song_stem(&session, Track::Melody)
            }
        );
    }
}
