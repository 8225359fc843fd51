//! Export: stems and scores for a DAW, with descriptive file names.

use std::fs;
use std::io::{self, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::names::is_device_name;
use super::song::{markers, song_midi, song_stem};
use super::wav::{RATE_RANGE_HZ, SampleDepth, song_wav, wav};
use super::{StoreError, mix};
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

/// Writes the takes that play, or the whole of a song with a marker at each section, into `dir`, which is made if need be, and
/// returns the files' paths. Names are like `dark-techno_bass_132bpm_Am_8bars.wav`. No file is replaced: where one of these names is
/// taken by something else, all files of the export get the next number that is free, like `dark-techno_bass_132bpm_Am_8bars_2.wav`.
/// Each file appears whole or not at all.
///
/// # Errors
/// When the rate is out of range, no chosen track has a take, or a file cannot be written.
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
    fs::create_dir_all(dir).map_err(failed(dir))?;
    let mut files = Vec::new();
    let mut put = |what: &str, plan: &Plan, extension: &'static str, bytes: &[u8]| {
        files.push(Exported::new(dir, export_name(session, what, plan), extension, bytes)?);
        Ok::<(), StoreError>(())
    };
    let wave = |audio: &StemAudio, plan: &Plan| wav(audio, plan, options.sample_rate_hz, options.depth);
    for (track, take) in &chosen {
        let plan = &take.recipe.plan;
        if options.audio {
            put(track.name(), plan, "wav", &wave(&take.audio, plan))?;
        }
        if options.midi {
            put(track.name(), plan, "mid", &midi::track_file(*track, &take.score, plan))?;
        }
    }
    if options.mix {
        let stems: Vec<&StemAudio> = chosen.iter().map(|(_, take)| take.audio.as_ref()).collect();
        let scores: Vec<(Track, &Score)> = chosen.iter().map(|(track, take)| (*track, &take.score)).collect();
        if options.audio {
            put("mix", plan, "wav", &wave(&mix(&stems), plan))?;
        }
        if options.midi {
            put("all", plan, "mid", &midi::session_file(&scores, plan))?;
        }
    }
    kept(files, dir)
}

/// Gives the files of an export their names.
fn kept(files: Vec<Exported>, dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let number = (1_u32..).find(|number| files.iter().all(|file| file.fits(&file.path(dir, *number))));
    let number = number.unwrap_or(u32::MAX);
    files.into_iter().map(|file| file.keep(dir, number)).collect()
}

/// A file that is written, but has no name yet.
struct Exported {
    name: String,
    extension: &'static str,
    file: NamedTempFile,
}

impl Exported {
    fn new(dir: &Path, name: String, extension: &'static str, bytes: &[u8]) -> Result<Self, StoreError> {
        let whole = || {
            let mut file = tempfile::Builder::new().prefix(".exporting-").tempfile_in(dir)?;
            file.write_all(bytes)?;
            readable_by_all(file.as_file())?;
            Ok(file)
        };
        let file = whole().map_err(failed(&dir.join(&name)))?;
        Ok(Self { name, extension, file })
    }

    /// Where it shall be in the export of a number; the first has none in its names.
    fn path(&self, dir: &Path, number: u32) -> PathBuf {
        let number = if number == 1 { String::new() } else { format!("_{number}") };
        dir.join(format!("{}{number}.{}", self.name, self.extension))
    }

    /// Whether nothing is there, or a file with the same bytes.
    fn fits(&self, path: &Path) -> bool {
        path.symlink_metadata().is_err() || is_same(self.file.path(), path).unwrap_or(false)
    }

    fn keep(self, dir: &Path, number: u32) -> Result<PathBuf, StoreError> {
        let path = self.path(dir, number);
        match self.file.persist_noclobber(&path) {
            Ok(_) => Ok(path),
            Err(error) if is_same(error.file.path(), &path).unwrap_or(false) => Ok(path),
            Err(error) => Err(StoreError::Write { path, source: error.error }),
        }
    }
}

/// Whether two regular files have the same bytes.
fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    let (sizes, other_sizes) = (fs::metadata(one)?, fs::symlink_metadata(other)?);
    // Opening a named pipe would wait for a writer.
    if !other_sizes.is_file() || sizes.len() != other_sizes.len() {
        return Ok(false);
    }
    let bytes = |path| Ok::<_, io::Error>(BufReader::with_capacity(1 << 16, fs::File::open(path)?).bytes());
    for (one, other) in bytes(one)?.zip(bytes(other)?) {
        if one? != other? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes the whole of a song.
fn export_song(session: &Session, dir: &Path, options: &ExportOptions) -> Result<Vec<PathBuf>, StoreError> {
    let first = session.placements().first().copied();
    let plan = first.and_then(|placement| session.section(placement.section)?.plan.cloned());
    let mut plan = plan.ok_or(StoreError::NothingToExport)?;
    // Of all sections, for the names.
    plan.bars = session.song_bars();
    let mut stems: Vec<(Track, StemAudio)> = Vec::new();
    for track in Track::ALL.into_iter().filter(|track| options.tracks.contains(track)) {
        stems.extend(song_stem(session, track).map(|stem| (track, stem)));
    }
    if stems.is_empty() {
        return Err(StoreError::NothingToExport);
    }
    let marks = markers(session);
    let wave = |audio: &StemAudio| song_wav(audio, &marks, options.sample_rate_hz, options.depth);
    fs::create_dir_all(dir).map_err(failed(dir))?;
    let mut files = Vec::new();
    let mut put = |what: &str, extension: &'static str, bytes: &[u8]| {
        files.push(Exported::new(dir, export_name(session, what, &plan), extension, bytes)?);
        Ok::<(), StoreError>(())
    };
    for (track, stem) in &stems {
        if options.audio {
            put(track.name(), "wav", &wave(stem))?;
        }
        if options.midi {
            put(track.name(), "mid", &song_midi(session, &[*track]))?;
        }
    }
    if options.mix {
        if options.audio {
            put("mix", "wav", &wave(&mix(&stems.iter().map(|(_, stem)| stem).collect::<Vec<_>>())))?;
        }
        if options.midi {
            let tracks: Vec<Track> = stems.iter().map(|(track, _)| *track).collect();
            put("all", "mid", &song_midi(session, &tracks))?;
        }
    }
    kept(files, dir)
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Write { path, source }
}

/// Name of an exported file without extension: prompt, track, tempo, key, length.
#[must_use]
pub fn export_name(session: &Session, what: &str, plan: &Plan) -> String {
    let mode = match plan.key.mode {
        Mode::Major => String::new(),
        Mode::Minor => "m".to_owned(),
        mode => format!("-{}", mode.name()),
    };
    let key = plan.key.to_string();
    let tonic = key.split(' ').next().unwrap_or_default();
    let bpm = (plan.bpm * 100.0).round() / 100.0;
    let bars = if plan.bars == 1 { "bar" } else { "bars" };
    format!("{}_{what}_{bpm}bpm_{tonic}{mode}_{}{bars}", slug(&session.prompt), plan.bars)
}
/// Gives a temporary file the permissions of an ordinary one.
fn readable_by_all(file: &fs::File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
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
            names.contains(&"dark-techno-with-f-minor-bass_bass_240bpm_F#m_1bar.wav".to_owned()),
            "{names:?}"
        );
        assert!(
            names.contains(&"dark-techno-with-f-minor-bass_all_240bpm_F#m_1bar.mid".to_owned()),
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
        // The same again is the same files.
        assert_eq!(export(&session, dir, &options).expect("exported"), first);
        // A file of the user's, or one that was changed: everything is kept beside it, under one number.
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
        // Other sound of the same name.
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
