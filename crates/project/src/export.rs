//! Exports stems and scores for DAWs, and DAW projects, with descriptive file names.

mod archive;
mod cut;
mod daw_project;
mod files;
mod licence;
mod live_set;
mod reaper;
mod xml;

use std::ops::Range;
use std::path::{Path, PathBuf};

pub use self::archive::archive;
pub(crate) use self::files::EXPORTING;
use self::files::{Files, numbered};
use super::mix::Sum;
use super::names::is_device_name;
use super::song::{markers, song_midi, song_stem};
use super::wav::{RATE_RANGE_HZ, SampleDepth, song_wav, wav, with_note};
use super::{StoreError, StoredSound as _, mix};
use resonantgen_music::midi;
use resonantgen_music::plan::{Mode, Plan};
use resonantgen_music::score::Score;
use resonantgen_music::track::Track;
use resonantgen_session::Session;
use resonantgen_take::{StemAudio, TAKE_SAMPLE_RATE_HZ, Take};

/// Maximum number of characters in a file name that come from the prompt.
const NAME_LENGTH: usize = 40;

/// What to export.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportOptions {
    /// Tracks; those without a take are left out.
    pub tracks: Vec<Track>,
    /// Also export the mix of these tracks, and one MIDI file of all of them.
    pub mix: bool,
    /// WAV files.
    pub audio: bool,
    /// MIDI files.
    pub midi: bool,
    /// Audio frames per second of the WAV files, in 8,000 to 384,000.
    pub sample_rate_hz: u32,
    /// Sample format of the WAV files.
    pub depth: SampleDepth,
}

impl Default for ExportOptions {
    /// Everything, at the takes' own rate and depth.
    fn default() -> Self {
        Self {
            tracks: Track::ALL.to_vec(),
            mix: true,
            audio: true,
            midi: true,
            sample_rate_hz: TAKE_SAMPLE_RATE_HZ,
            depth: SampleDepth::default(),
        }
    }
}

/// Exports the playing takes, or a whole song with a marker at each section, into `dir`, which is created if necessary. Returns
/// the files' paths. Names look like `dark-techno_bass_132bpm_Am_8bars.wav`. No file is replaced: if one of the names is taken by
/// other content, all files of the export get the next free number, as in `dark-techno_bass_132bpm_Am_8bars_2.wav`. Each file
/// appears whole or not at all. A licence note is written next to the files and into the WAV files.
///
/// # Errors
/// Returns an error if the rate is out of range, no chosen track has a take, or a file cannot be written.
pub fn export(session: &Session, dir: &Path, options: &ExportOptions) -> Result<Vec<PathBuf>, StoreError> {
    if !RATE_RANGE_HZ.contains(&options.sample_rate_hz) {
        return Err(StoreError::Rate(options.sample_rate_hz));
    }
    if session.is_song() {
        return export_song(session, dir, options);
    }
    let chosen: Vec<(Track, &Take)> = Track::ALL
        .into_iter()
        .filter(|track| options.tracks.contains(track))
        .filter_map(|track| Some((track, session.track(track).take()?.as_ref())))
        .filter(|(_, take)| !take.is_asleep())
        .collect();
    let plan = session.plan.as_ref().filter(|_| !chosen.is_empty()).ok_or(StoreError::NothingToExport)?;
    let mut files = Files::open(dir)?;
    let mut put = |what: &str, plan: &Plan, extension: &'static str, bytes: &[u8]| {
        files.put(export_name(session, what, plan), extension, bytes)
    };
    let wave = |what: &str, audio: &StemAudio, plan: &Plan, id: &str| {
        let file = wav(audio, plan, options.sample_rate_hz, options.depth);
        with_note(file, &licence::of_sound(session, what, plan, id))
    };
    for (track, take) in &chosen {
        let plan = &take.recipe.plan;
        if options.audio {
            put(track.name(), plan, "wav", &wave(track.name(), &take.audio, plan, &take.id.0))?;
        }
        if options.midi {
            put(track.name(), plan, "mid", &midi::track_file(*track, &take.score, plan))?;
        }
    }
    if options.mix {
        let stems: Vec<&StemAudio> = chosen.iter().map(|(_, take)| take.audio.as_ref()).collect();
        let scores: Vec<(Track, &Score)> = chosen.iter().map(|(track, take)| (*track, &take.score)).collect();
        if options.audio {
            put("mix", plan, "wav", &wave("mix", &mix(&stems), plan, ""))?;
        }
        if options.midi {
            put("all", plan, "mid", &midi::session_file(&scores, plan))?;
        }
    }
    keep(session, dir, files)
}

/// The file format of a single take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// 24-bit WAV at the takes' own rate.
    Wav,
    /// A MIDI file.
    Midi,
}

/// Writes one take of a track into `dir`, either whole or only some of its bars (counted from 0), and returns the file's path.
/// Used to drag takes to a host's timeline.
///
/// # Errors
/// Returns an error if the track has no such take, its audio is not available, the bars are out of range, or the file cannot be
/// written.
pub fn export_take(
    session: &Session,
    track: Track,
    index: usize,
    bars: Option<Range<u32>>,
    form: Form,
    dir: &Path,
) -> Result<PathBuf, StoreError> {
    let state = session.track(track);
    let take = state.history.get(index).ok_or(StoreError::NothingToExport)?;
    let take = match form {
        Form::Wav if take.is_asleep() => take.unpacked().ok_or(StoreError::NothingToExport)?,
        _ => take.clone(),
    };
    let bars = bars.filter(|bars| *bars != (0..take.recipe.plan.bars));
    let mut what = track.name().to_owned();
    if state.current != Some(index) {
        let number = state.number(&take.id).unwrap_or(index as u32 + 1);
        what.push_str(&format!("-take{number}"));
    }
    if let Some(bars) = &bars {
        what.push_str(&format!("-from-bar{}", bars.start + 1));
    }
    let part = cut::cut(&take, bars).ok_or(StoreError::NothingToExport)?;
    let mut files = Files::open(dir)?;
    let name = export_name(session, &what, &part.plan);
    match form {
        Form::Wav => {
            let file = wav(&part.audio, &part.plan, TAKE_SAMPLE_RATE_HZ, SampleDepth::Int24);
            let note = licence::of_sound(session, &what, &part.plan, &take.id.0);
            files.put(name, "wav", &with_note(file, &note))?;
        }
        Form::Midi => files.put(name, "mid", &midi::track_file(track, &part.score, &part.plan))?,
    }
    let mut written = keep(session, dir, files)?;
    Ok(written.swap_remove(0))
}

/// A DAW project format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectForm {
    /// DAWproject 1.0 (Bitwig Studio, Studio One, Cubase and others): a single file that contains everything.
    DawProject,
    /// A REAPER project, with WAV files next to it.
    Reaper,
    /// A Live Set of Ableton Live 11.3 and later, with WAV files next to it.
    LiveSet,
}

/// Writes the playing takes into `dir` as a DAW project: tempo, meter, the chords as markers, and for each track a stem and its
/// notes (muted), with names and colours. Returns the files' paths, the project first.
///
/// # Errors
/// Returns the same errors as [`export`].
pub fn export_project(session: &Session, dir: &Path, form: ProjectForm) -> Result<Vec<PathBuf>, StoreError> {
    let parts: Vec<Part<'_>> = Track::ALL
        .into_iter()
        .filter_map(|track| Some((track, session.track(track).take()?.as_ref())))
        .filter(|(_, take)| !take.is_asleep())
        .map(|(track, take)| {
            let plan = &take.recipe.plan;
            let file = wav(&take.audio, plan, TAKE_SAMPLE_RATE_HZ, SampleDepth::Int24);
            let note = licence::of_sound(session, track.name(), plan, &take.id.0);
            let name = export_name(session, track.name(), plan);
            Part { track, take, name, wav: with_note(file, &note) }
        })
        .collect();
    let plan = session.plan.as_ref().filter(|_| !parts.is_empty()).ok_or(StoreError::NothingToExport)?;
    let mut files = Files::open(dir)?;
    let name = export_name(session, "project", plan);
    let extension = match form {
        ProjectForm::DawProject => "dawproject",
        ProjectForm::Reaper => "rpp",
        ProjectForm::LiveSet => "als",
    };
    let project = |number: u32| match form {
        ProjectForm::DawProject => daw_project::file(session, plan, &parts),
        ProjectForm::Reaper => reaper::text(session, plan, &parts, number).into_bytes(),
        ProjectForm::LiveSet => live_set::file(session, plan, &parts, number),
    };
    if form != ProjectForm::DawProject {
        for part in &parts {
            files.put(part.name.clone(), "wav", &part.wav)?;
        }
    }
    // A project next to its stems contains their names, so its contents depend on their number.
    let mut number = files.free_number(1);
    loop {
        files.put(name.clone(), extension, &project(number))?;
        let free = files.free_number(number);
        if free == number {
            break;
        }
        files.take_back();
        number = free;
    }
    let mut written = keep_numbered(session, dir, files, number)?;
    written.rotate_right(1);
    Ok(written)
}

/// A track of a DAW project.
struct Part<'a> {
    track: Track,
    take: &'a Take,
    /// Name of its WAV file, without number and extension.
    name: String,
    wav: Vec<u8>,
}

impl Part<'_> {
    /// Name of its WAV file in the export with the given number.
    fn file(&self, number: u32) -> String {
        format!("{}.wav", numbered(&self.name, number))
    }
}

/// The colour of a track, as in the editor: red, green, blue.
const fn colour(track: Track) -> [u8; 3] {
    match track {
        Track::Drums => [0xf2, 0xa5, 0x3a],
        Track::Bass => [0x4d, 0xa6, 0xff],
        Track::Harmony => [0xd9, 0x86, 0xcb],
        Track::Melody => [0x5c, 0xe6, 0xa8],
    }
}

/// The positions of chord changes in quarter notes, with the chords' names.
fn chord_marks(plan: &Plan) -> Vec<(f64, String)> {
    let quarters = plan.quarters() / plan.chords.len().max(1) as f64;
    let mut marks: Vec<(f64, String)> = Vec::new();
    for (half_bar, chord) in plan.chords.iter().enumerate() {
        let name = chord.to_string();
        if marks.last().is_none_or(|(_, last)| *last != name) {
            marks.push((half_bar as f64 * quarters, name));
        }
    }
    marks
}

/// Names an export's files, and puts the licence note next to them. The note is not among the returned files.
fn keep(session: &Session, dir: &Path, files: Files<'_>) -> Result<Vec<PathBuf>, StoreError> {
    let number = files.free_number(1);
    keep_numbered(session, dir, files, number)
}

fn keep_numbered(
    session: &Session,
    dir: &Path,
    files: Files<'_>,
    number: u32,
) -> Result<Vec<PathBuf>, StoreError> {
    let mut note = Files::open(dir)?;
    note.put(licence::NAME.to_owned(), "txt", licence::text(session).as_bytes())?;
    let written = files.keep(number)?;
    let number = note.free_number(1);
    note.keep(number)?;
    Ok(written)
}

/// Exports a whole song.
fn export_song(session: &Session, dir: &Path, options: &ExportOptions) -> Result<Vec<PathBuf>, StoreError> {
    let first = session.placements().first().copied();
    let plan = first.and_then(|placement| session.section(placement.section)?.plan.cloned());
    let mut plan = plan.ok_or(StoreError::NothingToExport)?;
    // Values of all sections, for the names.
    plan.bars = session.song_bars();
    let marks = markers(session);
    let wave = |what: &str, audio: &StemAudio| {
        let file = song_wav(audio, &marks, options.sample_rate_hz, options.depth);
        with_note(file, &licence::of_sound(session, what, &plan, ""))
    };
    let mut files = Files::open(dir)?;
    let mut put = |what: &str, extension: &'static str, bytes: &[u8]| {
        files.put(export_name(session, what, &plan), extension, bytes)
    };
    // One stem at a time: all of a long song would fill the memory.
    let (mut sum, mut tracks) = (Sum::default(), Vec::new());
    for track in Track::ALL.into_iter().filter(|track| options.tracks.contains(track)) {
        let Some(stem) = song_stem(session, track) else { continue };
        tracks.push(track);
        if options.audio {
            put(track.name(), "wav", &wave(track.name(), &stem))?;
        }
        if options.midi {
            put(track.name(), "mid", &song_midi(session, &[track]))?;
        }
        if options.mix && options.audio {
            sum.add(&stem);
        }
    }
    if tracks.is_empty() {
        return Err(StoreError::NothingToExport);
    }
    if options.mix {
        if options.audio {
            put("mix", "wav", &wave("mix", &sum.mixed()))?;
        }
        if options.midi {
            put("all", "mid", &song_midi(session, &tracks))?;
        }
    }
    keep(session, dir, files)
}

/// Name of an exported file without its extension: prompt, track, tempo, key, length. It needs no escaping in addresses, apart
/// from letters beyond ASCII in the prompt: F# is written `Fs`.
#[must_use]
pub fn export_name(session: &Session, what: &str, plan: &Plan) -> String {
    let mode = match plan.key.mode {
        Mode::Major => String::new(),
        Mode::Minor => "m".to_owned(),
        mode => format!("-{}", mode.name()),
    };
    // "#" begins a fragment in an address, so sharps are written out.
    let key = plan.key.to_string();
    let tonic = key.split(' ').next().unwrap_or_default().replace('#', "s");
    let bpm = (plan.bpm * 100.0).round() / 100.0;
    let bars = if plan.bars == 1 { "bar" } else { "bars" };
    format!("{}_{what}_{bpm}bpm_{tonic}{mode}_{}{bars}", slug(&session.prompt), plan.bars)
}

/// Words of a prompt as part of a file name.
fn slug(prompt: &str) -> String {
    let lower = prompt.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug = String::new();
    for word in words {
        if slug.chars().count() + word.chars().count() >= NAME_LENGTH {
            break;
        }
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(word);
    }
    if slug.is_empty() || is_device_name(&slug) { "resonantgen".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{Access, Folder, PATIENCE, Waiting};
    use resonantgen_session::fake::generated;
    use resonantgen_take::FULL_SCALE;

    fn names(paths: &[PathBuf]) -> Vec<String> {
        paths.iter().map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn names_say_what_is_inside_and_lengths_are_exact() {
        let session = generated("Dark techno, with F# minor BASS!", 7);
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("to/the daw");
        let files = export(&session, &dir, &ExportOptions::default()).expect("exported");
        assert_eq!(files.len(), 10);
        let names = names(&files);
        assert!(
            names.contains(&"dark-techno-with-f-minor-bass_bass_240bpm_Fsm_1bar.wav".to_owned()),
            "{names:?}"
        );
        assert!(
            names.contains(&"dark-techno-with-f-minor-bass_all_240bpm_Fsm_1bar.mid".to_owned()),
            "{names:?}"
        );
        let plan = session.plan.as_ref().expect("a plan");
        for (depth, bits) in [(SampleDepth::Int16, 16), (SampleDepth::Int24, 24), (SampleDepth::Float32, 32)]
        {
            let options = ExportOptions {
                tracks: vec![Track::Bass],
                mix: false,
                midi: false,
                depth,
                ..ExportOptions::default()
            };
            for rate in [44_100, 48_000, 96_000] {
                let files =
                    export(&session, &dir, &ExportOptions { sample_rate_hz: rate, ..options.clone() })
                        .expect("exported");
                assert_eq!(files.len(), 1);
                let mut reader = hound::WavReader::open(&files[0]).expect("a WAV file");
                let spec = reader.spec();
                assert_eq!((spec.sample_rate, spec.bits_per_sample), (rate, bits));
                assert_eq!(reader.duration() as usize, plan.audio_frames(rate));
                if rate != 48_000 {
                    continue;
                }
                let take = session.track(Track::Bass).take().expect("a take");
                let samples: Vec<f32> = match depth {
                    SampleDepth::Float32 => reader.samples::<f32>().map(|s| s.expect("a sample")).collect(),
                    _ => {
                        let full = f32::from(1_u16 << 15) * if bits == 24 { 256.0 } else { 1.0 };
                        reader.samples::<i32>().map(|s| s.expect("a sample") as f32 / full).collect()
                    }
                };
                let bound = if bits == 16 { 1.6 / 32_768.0 } else { 0.0 };
                for (index, sample) in samples.iter().enumerate() {
                    let source = if index % 2 == 0 { &take.audio.left } else { &take.audio.right };
                    assert!((source[index / 2] as f32 / FULL_SCALE - sample).abs() <= bound);
                }
            }
        }
    }

    #[test]
    fn no_file_is_replaced() {
        let session = generated("techno", 7);
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path();
        let options = ExportOptions { midi: false, ..ExportOptions::default() };
        let first = export(&session, dir, &options).expect("exported");
        // Exporting again gives the same files.
        assert_eq!(export(&session, dir, &options).expect("exported"), first);
        // If a file belongs to the user or was changed, everything is kept, and the new files share a number.
        fs::write(&first[1], "mine").expect("written");
        fs::create_dir(
            first[2]
                .with_file_name(format!("{}_2.wav", first[2].file_stem().expect("a name").to_string_lossy())),
        )
        .expect("a folder in the way");
        let third = export(&session, dir, &options).expect("exported");
        assert_eq!(third.len(), first.len());
        assert!(names(&third).iter().all(|name| name.ends_with("_3.wav")), "{:?}", names(&third));
        assert_eq!(fs::read(&first[1]).expect("readable"), b"mine");
        assert_eq!(fs::read(&first[0]).expect("readable"), fs::read(&third[0]).expect("readable"));
        // Other audio under the same name.
        let mut other = session.clone();
        let take = other.track(Track::Bass).take().expect("a take").as_ref().clone();
        let audio = StemAudio { left: take.audio.right.clone(), right: vec![1; take.audio.len()] };
        let take = Take { audio: audio.into(), ..take };
        let state = other.track_mut(Track::Bass);
        state.history.clear();
        state.add(take.into());
        let bass = ExportOptions { tracks: vec![Track::Bass], mix: false, ..options };
        let kept = fs::read(&third[1]).expect("readable");
        let other = export(&other, dir, &bass).expect("exported");
        assert!(names(&other)[0].ends_with("_2.wav"), "{:?}", names(&other));
        assert_eq!(fs::read(&third[1]).expect("readable"), kept);
        let left = fs::read_dir(dir).expect("readable").map(|entry| entry.expect("an entry").file_name());
        assert!(!left.into_iter().any(|name| name.to_string_lossy().starts_with(".exporting")));
    }

    #[test]
    fn what_killed_exports_left_is_swept_and_what_is_being_written_is_not() {
        let session = generated("techno", 7);
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path();
        let path = |name: &str| dir.join(name);
        let options = ExportOptions { midi: false, ..ExportOptions::default() };
        let open = || {
            let mut waiting = Waiting { patience: PATIENCE, note: &mut || () };
            drop(Folder::open(dir, Access::Change, &mut waiting).expect("opened"));
        };
        let export_again = || drop(export(&session, dir, &options).expect("exported"));
        for next in [&export_again as &dyn Fn(), &open] {
            for name in [".exporting-AbC123", ".exporting-alive", "exporting-mine.wav"] {
                fs::write(path(name), "half of it").expect("written");
            }
            fs::create_dir_all(path(".exporting-folder")).expect("made");
            let alive = fs::File::open(path(".exporting-alive")).expect("there");
            alive.lock().expect("locked");
            next();
            assert!(!path(".exporting-AbC123").exists());
            for kept in [".exporting-alive", "exporting-mine.wav", ".exporting-folder"] {
                assert!(path(kept).exists(), "{kept}");
            }
            drop(alive);
            next();
            assert!(!path(".exporting-alive").exists());
        }
    }

    #[test]
    fn nothing_to_export_and_odd_rates_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut session = generated("???", 1);
        assert!(
            export_name(&session, "bass", session.plan.as_ref().expect("a plan")).starts_with("resonantgen_")
        );
        let fast = ExportOptions { sample_rate_hz: 1_000_000, ..ExportOptions::default() };
        assert!(matches!(export(&session, folder.path(), &fast), Err(StoreError::Rate(1_000_000))));
        session.track_mut(Track::Bass).current = None;
        let bass = ExportOptions { tracks: vec![Track::Bass], ..ExportOptions::default() };
        assert!(matches!(export(&session, folder.path(), &bass), Err(StoreError::NothingToExport)));
    }
}
