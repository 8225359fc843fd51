//! Renders a whole song as audio and notes: its sections in order, with tails that ring over their boundaries.

use std::ops::Range;
use std::sync::Arc;

use super::StoredSound as _;
use resonantgen_music::midi::{self, SongPart};
use resonantgen_music::score::Score;
use resonantgen_music::track::Track;
use resonantgen_session::{SectionId, Session};
use resonantgen_sound::tail::{TAIL_LEAD, tail};
use resonantgen_take::{StemAudio, TAKE_SAMPLE_RATE_HZ, Take};

/// Audio frames after the last bar, in which the song rings out (3 s).
pub const RING_OUT: usize = 3 * TAKE_SAMPLE_RATE_HZ as usize;
/// Seconds in which a track falls by 60 dB where it stops, and where the song ends (index as [`Track::ALL`]).
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

/// One pass of a section in a song, on one track.
#[derive(Clone, Debug)]
pub struct Pass {
    /// Its first audio frame in the song, and the first after it, at [`TAKE_SAMPLE_RATE_HZ`].
    pub frames: Range<usize>,
    /// The take that plays, awake; `None` is silence.
    pub take: Option<Arc<Take>>,
}

/// The passes of a song on one track, at the tempo of each section. Takes without sound are left out.
fn passes(session: &Session, track: Track) -> Vec<Pass> {
    let frame = |seconds: f64| (seconds * f64::from(TAKE_SAMPLE_RATE_HZ)).round() as usize;
    let awake = |take: &Arc<Take>| if take.is_asleep() { take.unpacked() } else { Some(take.clone()) };
    let mut seconds = 0.0;
    let mut passes = Vec::new();
    for placement in session.placements() {
        let Some(section) = session.section(placement.section) else { continue };
        let Some(plan) = section.plan else { continue };
        let start = frame(seconds);
        seconds += plan.seconds();
        let take = section.take(track).and_then(awake).filter(|take| !take.audio.is_empty());
        passes.push(Pass { frames: start..frame(seconds), take });
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

/// What a song sounds like around a border in addition to the two passes that meet there, cut off: what leads into the one after it,
/// and what rings on of the one before. To be added, sample for sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// Its first audio frame in the song.
    pub first_frame: usize,
    /// Left and right, of 24 bits and at most one more.
    pub audio: StemAudio,
}

/// One track of the whole song at [`TAKE_SAMPLE_RATE_HZ`]: the sections' takes sample for sample, but for the 10 ms before a border
/// where the take changes, what rings over it, and three seconds after the last bar. `None` when it plays in no section. Takes
/// without sound are silent. Not realtime-safe.
#[must_use]
pub fn song_stem(session: &Session, track: Track) -> Option<StemAudio> {
    let passes = passes(session, track);
    passes.iter().find_map(|pass| pass.take.as_ref())?;
    let end = passes.last()?.frames.end;
    let empty = || Vec::with_capacity(end + RING_OUT);
    let mut song = StemAudio { left: empty(), right: empty() };
    for pass in &passes {
        let Some(take) = &pass.take else { continue };
        for (side, samples) in sides(&mut song, &take.audio) {
            side.resize(pass.frames.start, 0);
            for _ in 0..pass.frames.len() / samples.len() {
                side.extend_from_slice(samples);
            }
            side.extend_from_slice(&samples[..pass.frames.len() % samples.len()]);
        }
    }
    for side in [&mut song.left, &mut song.right] {
        side.resize(end + RING_OUT, 0);
    }
    for border in 0..=passes.len() {
        let Some(join) = join_at(&passes, border, track) else { continue };
        for (offset, (left, right)) in join.audio.left.iter().zip(&join.audio.right).enumerate() {
            add(&mut song, join.first_frame + offset, (*left, *right));
        }
    }
    const FULL: std::ops::RangeInclusive<i32> = -8_388_608..=8_388_607;
    for sample in song.left.iter_mut().chain(&mut song.right) {
        *sample = (*sample).clamp(*FULL.start(), *FULL.end());
    }
    Some(song)
}

/// What is added where a pass of a track begins: at the start of pass number `border`, or at the song's end. `None` where the same
/// take goes on, or nothing plays on either side. Not realtime-safe.
#[must_use]
pub fn join_at(passes: &[Pass], border: usize, track: Track) -> Option<Join> {
    let after = passes.get(border);
    let before = border.checked_sub(1).and_then(|index| passes.get(index));
    let place = after.map(|pass| pass.frames.start).or_else(|| Some(before?.frames.end))?;
    let take_of = |pass: Option<&Pass>| pass.and_then(|pass| pass.take.clone());
    let (old, new) = (take_of(before), take_of(after));
    if old.as_ref().map(|take| &take.id) == new.as_ref().map(|take| &take.id) {
        return None;
    }
    let lead = new.as_ref().map_or(0, |take| LEAD_IN.min(place).min(take.audio.len()));
    let first_frame = place - place.min(TAIL_LEAD);
    let border = place - first_frame;
    let mut audio = StemAudio { left: vec![0; border + SOFTENED], right: vec![0; border + SOFTENED] };
    if let Some(new) = &new {
        // From its own end, which leads into its beginning.
        for (side, samples) in sides(&mut audio, &new.audio) {
            for offset in 0..lead {
                let share = (offset as f64 + 0.5) / lead as f64;
                let sample = samples[samples.len() - lead + offset];
                side[border - lead + offset] += (share * f64::from(sample)).round() as i32;
            }
            soften_start(&mut side[border..], samples, place == 0);
        }
    }
    if let (Some(old), Some(before)) = (&old, before) {
        ring_on(&mut audio, border, &old.audio, before.frames.len(), after.is_none(), track);
    }
    Some(Join { first_frame, audio })
}

/// Both sides of two sounds.
fn sides<'a>(to: &'a mut StemAudio, from: &'a StemAudio) -> [(&'a mut Vec<i32>, &'a Vec<i32>); 2] {
    [(&mut to.left, &from.left), (&mut to.right, &from.right)]
}

/// Adds what rings on of a take after the frame `border` of `audio`, of which `played` frames were heard.
fn ring_on(
    audio: &mut StemAudio,
    border: usize,
    take: &StemAudio,
    played: usize,
    is_last: bool,
    track: Track,
) {
    let count = take.len();
    let seconds = if is_last { ENDS_S } else { STOPS_S }[track.index()];
    let frames = ((seconds * f64::from(TAKE_SAMPLE_RATE_HZ)) as usize).min(if is_last {
        RING_OUT
    } else {
        usize::MAX
    });
    // What is continued is what was heard last, which may be a sample more or less than whole passes of the loop.
    let length = played.min(count).min(HEARD);
    let heard_at =
        |side: &[i32]| -> Vec<i32> { (played - length..played).map(|at| side[at % count]).collect() };
    let heard = StemAudio { left: heard_at(&take.left), right: heard_at(&take.right) };
    let tail = tail(&heard, seconds, frames);
    if tail.is_empty() || border < TAIL_LEAD {
        return;
    }
    let begin = border - TAIL_LEAD;
    for ((side, tail), heard) in sides(audio, &tail).into_iter().zip([&heard.left, &heard.right]) {
        side.resize(side.len().max(begin + tail.len()), 0);
        for (offset, sample) in tail.iter().enumerate() {
            let instead_of = if offset < TAIL_LEAD { heard[heard.len() - TAIL_LEAD + offset] } else { 0 };
            side[begin + offset] += sample - instead_of;
        }
    }
}

/// Where a take begins with a step, because its loop does not lead into its beginning, takes the step away over the next samples.
fn soften_start(side: &mut [i32], take: &[i32], is_first: bool) {
    let Some(last) = take.last() else { return };
    let step = i64::from(take[0]) - if is_first { 0 } else { i64::from(*last) };
    let around = take.windows(2).take(SOFTENED).map(|pair| i64::from(pair[1]) - i64::from(pair[0]));
    let steepest = around.map(i64::abs).max().unwrap_or(0);
    if step.abs() <= 2 * steepest {
        return;
    }
    for (offset, sample) in side.iter_mut().take(SOFTENED).enumerate() {
        let share = 0.5 + 0.5 * (std::f64::consts::PI * (offset as f64 + 0.5) / SOFTENED as f64).cos();
        *sample -= (share * step as f64).round() as i32;
    }
}

fn add(song: &mut StemAudio, at: usize, (left, right): (i32, i32)) {
    for (samples, sample) in [(&mut song.left, left), (&mut song.right, right)] {
        if let Some(sum) = samples.get_mut(at) {
            *sum += sample;
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
    use std::fs;
    use std::path::Path;

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

    /// Checksums of a song's stems, one line per track.
    fn checksums(session: &Session) -> String {
        let line = |track: Track| {
            let stem = song_stem(session, track).expect("it plays");
            format!("{track} {}\n", crate::record::audio_hash(&Arc::new(stem)))
        };
        Track::ALL.map(line).concat()
    }

    const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/session_v5");

    #[test]
    fn a_song_of_form_5_opens_to_the_bit_and_stays_so() {
        let golden = Path::new(GOLDEN);
        let place = tempfile::tempdir().expect("a folder");
        for file in ["session.json", "takes"] {
            copy(&golden.join(file), &place.path().join(file));
        }
        let expected = fs::read_to_string(golden.join("stems.txt")).expect("readable");
        for _ in 0..2 {
            let opened = crate::load(place.path()).expect("loaded");
            assert!(opened.lost.is_empty() && !opened.edited);
            let mut session = opened.session;
            assert_eq!(checksums(&session), expected);
            let sections: Vec<(u32, String, u32)> = session
                .sections()
                .map(|section| (section.number, section.name.to_owned(), section.bars()))
                .collect();
            let named = [(1, "The Turn", 2), (2, "Chorus", 1), (3, "Outro", 4)];
            assert_eq!(sections, named.map(|(number, name, bars)| (number, name.to_owned(), bars)));
            assert_eq!(session.order().iter().map(|part| part.repeats).collect::<Vec<_>>(), [2, 1, 1]);
            let turn = session.find_section("the turn").expect("there");
            let is_locked = |session: &Session| {
                session.section(turn).is_some_and(|section| section.tracks[Track::Harmony.index()].locked)
            };
            assert!(is_locked(&session));
            crate::save(&session, place.path(), crate::StemFormat::default()).expect("saved");
            session.undo().expect("a step");
            assert!(!is_locked(&session));
        }
    }

    fn copy(from: &Path, to: &Path) {
        if from.is_file() {
            fs::copy(from, to).expect("copied");
            return;
        }
        fs::create_dir(to).expect("made");
        for entry in fs::read_dir(from).expect("readable").flatten() {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
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
