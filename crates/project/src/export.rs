//! Export: stems and scores for a DAW, and projects of DAWs, under names that say what they are.

mod cut;
mod daw_project;
mod licence;
mod reaper;

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::wav::{RATE_RANGE_HZ, SampleDepth, wav, with_note};
use super::{StoreError, StoredSound as _, mix};
use resonantgen_music::midi;
use resonantgen_music::plan::{Mode, Plan};
use resonantgen_music::score::Score;
use resonantgen_music::track::Track;
use resonantgen_session::Session;
use resonantgen_take::{StemAudio, TAKE_SAMPLE_RATE_HZ, Take};

/// Longest part of a file's name that comes from the prompt, in characters.
const NAME_LENGTH: usize = 40;

/// What to export.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportOptions {
    /// Tracks; those without a take are left out.
    pub tracks: Vec<Track>,
    /// Also the mix of these tracks, and one MIDI file of all of them.
    pub mix: bool,
    /// WAV files.
    pub audio: bool,
    /// MIDI files.
    pub midi: bool,
    /// Audio frames per second of the WAV files, in 8,000 to 384,000.
    pub sample_rate_hz: u32,
    /// Sample form of the WAV files.
    pub depth: SampleDepth,
}

impl Default for ExportOptions {
    /// Everything, as takes are kept.
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

/// Writes the takes that play into `dir`, which is made if need be, and returns the files' paths. Names are like
/// `dark-techno_bass_132bpm_Am_8bars.wav`; a file of the same name is replaced in one piece. A note on the licence lies beside them,
/// and is in the WAV files.
///
/// # Errors
/// When the rate is out of range, no chosen track has a take, or a file cannot be written.
pub fn export(session: &Session, dir: &Path, options: &ExportOptions) -> Result<Vec<PathBuf>, StoreError> {
    if !RATE_RANGE_HZ.contains(&options.sample_rate_hz) {
        return Err(StoreError::Rate(options.sample_rate_hz));
    }
    let chosen: Vec<(Track, &Take)> = Track::ALL
        .into_iter()
        .filter(|track| options.tracks.contains(track))
        .filter_map(|track| Some((track, session.track(track).take()?.as_ref())))
        .filter(|(_, take)| !take.is_asleep())
        .collect();
    let plan = session.plan.as_ref().filter(|_| !chosen.is_empty()).ok_or(StoreError::NothingToExport)?;
    let mut files = Files::open(session, dir)?;
    let wave = |what: &str, audio: &StemAudio, plan: &Plan, id: &str| {
        let file = wav(audio, plan, options.sample_rate_hz, options.depth);
        with_note(file, &licence::of_sound(session, what, plan, id))
    };
    for (track, take) in &chosen {
        let plan = &take.recipe.plan;
        if options.audio {
            files.put(track.name(), plan, "wav", &wave(track.name(), &take.audio, plan, &take.id.0))?;
        }
        if options.midi {
            files.put(track.name(), plan, "mid", &midi::track_file(*track, &take.score, plan))?;
        }
    }
    if options.mix {
        let stems: Vec<&StemAudio> = chosen.iter().map(|(_, take)| take.audio.as_ref()).collect();
        let scores: Vec<(Track, &Score)> = chosen.iter().map(|(track, take)| (*track, &take.score)).collect();
        if options.audio {
            files.put("mix", plan, "wav", &wave("mix", &mix(&stems), plan, ""))?;
        }
        if options.midi {
            files.put("all", plan, "mid", &midi::session_file(&scores, plan))?;
        }
    }
    files.finish()
}

/// A form of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// 24-bit WAV at the takes' own rate.
    Wav,
    /// A MIDI file.
    Midi,
}

/// Writes one take of a track into `dir`, whole or some of its bars (counted from 0), and returns the file's path. For dragging to a
/// host's timeline.
///
/// # Errors
/// When the track has no such take, its sound is not at hand, the bars are none of it, or the file cannot be written.
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
        let number = state.number(&take.id).map_or(index as u32 + 1, |number| number);
        what.push_str(&format!("-take{number}"));
    }
    if let Some(bars) = &bars {
        what.push_str(&format!("-from-bar{}", bars.start + 1));
    }
    let part = cut::cut(&take, bars).ok_or(StoreError::NothingToExport)?;
    let mut files = Files::open(session, dir)?;
    match form {
        Form::Wav => {
            let file = wav(&part.audio, &part.plan, TAKE_SAMPLE_RATE_HZ, SampleDepth::Int24);
            let note = licence::of_sound(session, &what, &part.plan, &take.id.0);
            files.put(&what, &part.plan, "wav", &with_note(file, &note))?;
        }
        Form::Midi => {
            files.put(&what, &part.plan, "mid", &midi::track_file(track, &part.score, &part.plan))?
        }
    }
    let mut written = files.finish()?;
    Ok(written.swap_remove(0))
}

/// A DAW's project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectForm {
    /// DAWproject 1.0 (Bitwig Studio, Studio One, Cubase and others): one file with everything in it.
    DawProject,
    /// A REAPER project, with WAV files beside it.
    Reaper,
}

/// Writes the takes that play as a DAW's project into `dir`: tempo, meter, the chords as markers, for each track a stem and its notes
/// (muted), with names and colours. Returns the files' paths, the project first.
///
/// # Errors
/// As [`export`].
pub fn export_project(session: &Session, dir: &Path, form: ProjectForm) -> Result<Vec<PathBuf>, StoreError> {
    let parts: Vec<Part<'_>> = Track::ALL
        .into_iter()
        .filter_map(|track| Some((track, session.track(track).take()?.as_ref())))
        .filter(|(_, take)| !take.is_asleep())
        .map(|(track, take)| {
            let plan = &take.recipe.plan;
            let file = wav(&take.audio, plan, TAKE_SAMPLE_RATE_HZ, SampleDepth::Int24);
            let note = licence::of_sound(session, track.name(), plan, &take.id.0);
            let name = format!("{}.wav", export_name(session, track.name(), plan));
            Part { track, take, file: name, wav: with_note(file, &note) }
        })
        .collect();
    let plan = session.plan.as_ref().filter(|_| !parts.is_empty()).ok_or(StoreError::NothingToExport)?;
    let mut files = Files::open(session, dir)?;
    match form {
        ProjectForm::DawProject => {
            let bytes = daw_project::file(session, plan, &parts);
            files.put("project", plan, "dawproject", &bytes)?;
        }
        ProjectForm::Reaper => {
            files.put("project", plan, "rpp", reaper::text(session, plan, &parts).as_bytes())?;
            for part in &parts {
                files.put(part.track.name(), &part.take.recipe.plan, "wav", &part.wav)?;
            }
        }
    }
    files.finish()
}

/// A track of a DAW's project.
struct Part<'a> {
    track: Track,
    take: &'a Take,
    /// Name of its WAV file, without a folder.
    file: String,
    wav: Vec<u8>,
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

/// Where chords begin, in quarter notes, with their names.
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

/// Files of one export, each written in one piece.
struct Files<'a> {
    session: &'a Session,
    dir: &'a Path,
    written: Vec<PathBuf>,
}

impl<'a> Files<'a> {
    fn open(session: &'a Session, dir: &'a Path) -> Result<Self, StoreError> {
        fs::create_dir_all(dir).map_err(|source| StoreError::Write { path: dir.to_owned(), source })?;
        Ok(Self { session, dir, written: Vec::new() })
    }

    fn put(&mut self, what: &str, plan: &Plan, extension: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.dir.join(format!("{}.{extension}", export_name(self.session, what, plan)));
        self.write(&path, bytes)?;
        self.written.push(path);
        Ok(())
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let whole = || {
            let mut file = tempfile::Builder::new().prefix(".exporting-").tempfile_in(self.dir)?;
            file.write_all(bytes)?;
            readable_by_all(file.as_file())?;
            file.persist(path)?;
            Ok(())
        };
        whole().map_err(|source| StoreError::Write { path: path.to_owned(), source })
    }

    /// Adds the licence note, which is not among the files that are returned.
    fn finish(self) -> Result<Vec<PathBuf>, StoreError> {
        self.write(&self.dir.join(licence::FILE), licence::text(self.session).as_bytes())?;
        Ok(self.written)
    }
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

/// Makes a temporary file as readable as a usual one.
fn readable_by_all(file: &fs::File) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

/// Words of a prompt as part of a file's name.
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
    // Names that Windows keeps for devices.
    let reserved: HashSet<&str> = ["con", "prn", "aux", "nul"].into();
    if slug.is_empty() || reserved.contains(slug.as_str()) { "resonantgen".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use super::*;
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
