//! A session as a folder that people and DAWs can use.
//!
//! `session.json` is the record. `drums.wav` to `melody.wav` and `mix.wav` are the audio at the requested rate, and the `.mid`
//! files are the scores. `takes/<id>.flac` stores every take's 48 kHz audio losslessly; this is what loading reads. Files are
//! replaced atomically, `session.json` last, and only if they changed.
//!
//! A program that opens a folder for changes holds its lock until the [`Folder`] is dropped, so a second program waits.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::export::EXPORTING;
use super::flac::{self, Packed};
use super::held;
use super::input::{check_regular, unmarked};
use super::lock::{self, Access, PATIENCE, Waiting};
use super::mix::Sum;
use super::output::sweep;
use super::parallel::{in_parallel, in_parallel_by};
use super::record::{self, Opened, RecordError, SessionRecord, Sound, TakeRecord, TrackRecord, audio_hash};
use super::song::{markers, song_midi, song_stem};
use super::wav::{RATE_RANGE_HZ, SampleDepth, song_wav, wav};
use super::{StoredSound as _, mix};
use hex::encode as hex;
use resonantgen_music::midi;
use resonantgen_music::score::Score;
use resonantgen_music::track::Track;
use resonantgen_session::Session;
use resonantgen_take::{StemAudio, TAKE_SAMPLE_RATE_HZ, Take, TakeId};

/// Name of the record within the folder.
pub const SESSION_FILE: &str = "session.json";
const TAKES_FOLDER: &str = "takes";
const MIX_FILE: &str = "mix.wav";
const SCORE_FILE: &str = "session.mid";
/// Prefix of temporary names while files are written into a session's folder. Remains of a killed program are removed when the
/// folder is opened for changes.
pub const SAVING: &str = ".saving-";
/// Stems of a song that are made at the same time.
const STEMS_AT_A_TIME: usize = 2;
/// Name of the record's last member: the SHA-256 of all bytes before it.
const CHECKSUM: &str = "\"checksum\"";

/// Format of the stems' WAV files: 24-bit stereo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StemFormat {
    /// Audio frames per second, in 8,000 to 384,000.
    pub sample_rate_hz: u32,
}

impl Default for StemFormat {
    fn default() -> Self {
        Self { sample_rate_hz: TAKE_SAMPLE_RATE_HZ }
    }
}

/// Why a session's folder could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder could not be written.
    #[error("cannot write {}: {source}; choose another folder, or make room", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The folder contains no session.
    #[error("no session in {}: {SESSION_FILE} is missing; generate one there first", .0.display())]
    NoSession(PathBuf),
    /// The session is damaged or from a newer version.
    #[error("{SESSION_FILE} in {} cannot be used: {reason}", path.display())]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file that would be replaced is held open by another program. Windows only.
    #[error("cannot replace {}: another program has it open; close it there, and try again", .0.display())]
    Held(PathBuf),
    /// Another program is using the folder.
    #[error("another program is changing the session in {}: try again when it is done", .0.display())]
    InUse(PathBuf),
    /// No chosen track has a take.
    #[error("the chosen tracks have no take, so there is nothing to export: generate them first")]
    NothingToExport,
    /// The rate is out of range.
    #[error("a rate of {0} Hz is out of range: use 8000 to 384000, usually 44100 or 48000")]
    Rate(u32),
}

/// An open, locked folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Released when this is dropped. `None` if nobody can write to the folder.
    _lock: Option<fs::File>,
    /// Files of takes that are known to be correct.
    good: HashMap<TakeId, GoodFile>,
    /// Contents of the record in the folder; `None` before it was read.
    before: Option<Before>,
}

#[derive(Clone, Debug)]
struct GoodFile {
    audio_sha256: String,
    flac_sha256: String,
}

/// What the folder's record says about its other files.
#[derive(Clone, Debug, Default)]
struct Before {
    /// Takes whose files belong to the session and may be removed.
    takes: BTreeSet<String>,
    /// What derived files were made from; `None` for older records, which did not say.
    files: Option<BTreeMap<String, String>>,
}

impl Before {
    fn of(record: &SessionRecord, is_current_form: bool) -> Self {
        let takes = record.tracks.iter().flat_map(all_takes);
        Self {
            takes: takes.map(|take| take.id.clone()).collect(),
            files: is_current_form.then(|| record.files.clone()),
        }
    }
}

/// Opens a folder for reading and loads its session.
///
/// # Errors
/// Returns the errors of [`Folder::open`] and [`Folder::load`].
pub fn load(path: &Path) -> Result<Opened, StoreError> {
    Folder::open(path, Access::Read, &mut Waiting { patience: PATIENCE, note: &mut || () })?.load()
}

/// Opens a folder and saves a session there, replacing the previous one.
///
/// ```
/// use resonantgen_project::{StemFormat, load, save};
/// use resonantgen_session::Session;
///
/// let folder = tempfile::tempdir()?;
/// let mut session = Session::default();
/// session.prompt = "dark techno".to_owned();
/// save(&session, folder.path(), StemFormat::default())?;
/// assert_eq!(load(folder.path())?.session.prompt, "dark techno");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns the errors of [`Folder::open`] and [`Folder::save`].
pub fn save(session: &Session, path: &Path, format: StemFormat) -> Result<Vec<String>, StoreError> {
    Folder::open(path, Access::Change, &mut Waiting { patience: PATIENCE, note: &mut || () })?
        .save(session, format)
}

impl Folder {
    /// Opens a folder and takes its lock. A folder opened for changes is created if necessary, and incomplete files of a killed
    /// program are removed from it.
    ///
    /// # Errors
    /// Returns an error if a folder opened for reading has no session, another program does not release it in time, or it cannot
    /// be used.
    pub fn open(path: &Path, access: Access, waiting: &mut Waiting<'_>) -> Result<Self, StoreError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::WouldBlock => StoreError::InUse(path.to_owned()),
            _ => StoreError::Write { path: path.to_owned(), source },
        };
        match access {
            Access::Read if !path.join(SESSION_FILE).exists() => {
                return Err(StoreError::NoSession(path.to_owned()));
            }
            Access::Read => {}
            Access::Change => fs::create_dir_all(path).map_err(failed)?,
        }
        let lock = lock::take(path, access, waiting).map_err(failed)?;
        if access == Access::Change {
            for entry in fs::read_dir(path).into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().starts_with(SAVING) {
                    let path = entry.path();
                    // If it cannot be removed now, the next program tries again.
                    let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
                }
            }
            sweep(path, EXPORTING);
        }
        Ok(Self { path: path.to_owned(), _lock: lock, good: HashMap::new(), before: None })
    }

    /// Path of the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it contains a session.
    #[must_use]
    pub fn holds_session(&self) -> bool {
        self.path.join(SESSION_FILE).is_file()
    }

    /// Reads a session written by [`Folder::save`]; the takes are the same bit for bit. Damaged or missing takes are listed in
    /// [`Opened::lost`], and the rest opens.
    ///
    /// # Errors
    /// Returns an error if there is no session, or its record is damaged or from a newer version.
    pub fn load(&mut self) -> Result<Opened, StoreError> {
        let path = self.path.join(SESSION_FILE);
        let json = read_regular(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StoreError::NoSession(self.path.clone()),
            _ => StoreError::Read { path, source },
        })?;
        let damaged =
            |error: RecordError| StoreError::Damaged { path: self.path.clone(), reason: error.to_string() };
        let checksum = checksum(&unmarked(&json));
        let record = record::read(&json).map_err(damaged)?;
        self.before = Some(Before::of(&record, checksum != Checksum::None));
        let takes: Vec<(&str, bool, &TakeRecord)> = record
            .tracks
            .iter()
            .flat_map(|track| {
                let is_playing = |take: &TakeRecord| track.playing.as_ref() == Some(&take.id);
                let takes = all_takes(track);
                takes.map(move |take| (track.track.as_str(), is_playing(take), take))
            })
            .collect();
        let read = in_parallel(&takes, |(track, is_playing, take)| self.read_take(track, *is_playing, take));
        let mut sounds = HashMap::new();
        for ((_, _, take), (sound, good)) in takes.iter().zip(read) {
            if let Some(good) = good {
                self.good.insert(TakeId(take.id.clone()), good);
            }
            sounds.insert(take.id.clone(), sound);
        }
        let damaged =
            |error: RecordError| StoreError::Damaged { path: self.path.clone(), reason: error.to_string() };
        let opened =
            record::into_session(record, |take, _| sounds.remove(&take.id).unwrap_or(Sound::NotKept));
        Ok(Opened { edited: checksum == Checksum::Wrong, ..opened.map_err(damaged)? })
    }

    /// The audio of a take, and its file if that is correct.
    fn read_take(&self, track: &str, is_playing: bool, take: &TakeRecord) -> (Sound, Option<GoodFile>) {
        // File names from a damaged record are not used.
        let Some(audio_frames) = record::audio_frames(take).filter(|_| record::is_plain(&take.id)) else {
            return (Sound::NotKept, None);
        };
        let name = take_file(&take.id);
        let read = match read_regular(&self.path.join(&name)) {
            Ok(bytes) => {
                let packed = Packed::new(bytes.into());
                let flac_sha256 = packed.sha256.clone();
                record::awake(take, packed, audio_frames).map(|audio| (audio, flac_sha256))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err("is missing".to_owned()),
            Err(error) => Err(format!("cannot be read: {error}")),
        };
        match read {
            Ok((audio, flac_sha256)) => {
                let audio_sha256 = take.audio_sha256.clone();
                (Sound::Awake(audio), Some(GoodFile { audio_sha256, flac_sha256 }))
            }
            Err(what) => {
                let stem =
                    is_playing.then(|| stem_file(track)).and_then(|name| self.read_stem(&name, audio_frames));
                match stem.map(Arc::new).filter(|audio| audio_hash(audio) == take.audio_sha256) {
                    // The stem of the playing take has the same audio.
                    Some(audio) => (Sound::Awake(audio), None),
                    None => (Sound::Lost(format!("{} {what}", name.display())), None),
                }
            }
        }
    }

    /// The audio of a 24-bit stem that has the take's own rate and length.
    fn read_stem(&self, name: &Path, audio_frames: usize) -> Option<StemAudio> {
        let path = self.path.join(name);
        let mut reader = path.is_file().then(|| hound::WavReader::open(path).ok()).flatten()?;
        let spec = reader.spec();
        let is_whole =
            spec.sample_rate == TAKE_SAMPLE_RATE_HZ && spec.bits_per_sample == 24 && spec.channels == 2;
        if !is_whole || reader.duration() as usize != audio_frames {
            return None;
        }
        let samples: Vec<i32> = reader.samples::<i32>().collect::<Result<_, _>>().ok()?;
        let channel = |first: usize| samples.iter().skip(first).step_by(2).copied().collect();
        Some(StemAudio { left: channel(0), right: channel(1) })
    }

    /// Writes the session. Files that belong to it are replaced atomically if they changed; other files are not touched. On
    /// failure the previous session still loads.
    ///
    /// Returns the names of stems and scores that could not be updated because another program holds them open (Windows). Nothing
    /// is lost: the takes are stored elsewhere, and the next save writes these files.
    ///
    /// # Errors
    /// Returns an error if the rate is out of range, a file cannot be written, or another program holds the record.
    pub fn save(&mut self, session: &Session, format: StemFormat) -> Result<Vec<String>, StoreError> {
        if !RATE_RANGE_HZ.contains(&format.sample_rate_hz) {
            return Err(StoreError::Rate(format.sample_rate_hz));
        }
        let dir = &self.path;
        let before = self.before.clone().unwrap_or_else(|| before_in(dir));
        let writing = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Write { path, source }
        };
        // On the same file system, so that files can be renamed into place.
        let temporary = tempfile::Builder::new().prefix(SAVING).tempdir_in(dir).map_err(writing(dir))?;
        let staged = temporary.path();
        let put = |name: &Path, bytes: &[u8]| {
            let path = staged.join(name);
            let written =
                path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, bytes));
            written.map_err(writing(&dir.join(name)))
        };

        let mut good: HashMap<TakeId, GoodFile> = HashMap::new();
        let mut kept_takes = BTreeSet::new();
        let mut new_takes: Vec<(Arc<Take>, String)> = Vec::new();
        for track in Track::ALL {
            let histories = session.track(track).history.iter().cloned();
            for take in histories.chain(session.elsewhere(track)).chain(session.forgotten(track)) {
                if !kept_takes.insert(take.id.0.clone()) {
                    continue;
                }
                let audio_sha256 = audio_hash(&take.audio);
                let name = take_file(&take.id.0);
                let is_there =
                    |good: &&GoodFile| good.audio_sha256 == audio_sha256 && has_bytes(&dir.join(&name));
                match self.good.get(&take.id).filter(is_there) {
                    Some(there) => _ = good.insert(take.id.clone(), there.clone()),
                    None => new_takes.push((take, audio_sha256)),
                }
            }
        }
        // The takes of a song would fill the memory a second time.
        let encode = if session.is_song() { flac::encode_once } else { flac::encode };
        let packed = in_parallel(&new_takes, |(take, _)| match encode(&take.audio) {
            Some(packed) => put(&take_file(&take.id.0), &packed.bytes).map(|()| Some(packed.sha256)),
            // A lost take has no audio to write; it is made again when it is played.
            None if take.is_asleep() => Ok(None),
            None => {
                let reason = format!("take {} has no 24-bit audio", take.id.0);
                Err(StoreError::Damaged { path: dir.clone(), reason })
            }
        });
        let mut take_files = Vec::new();
        for ((take, audio_sha256), flac_sha256) in new_takes.into_iter().zip(packed) {
            if let Some(flac_sha256) = flac_sha256? {
                take_files.push(take_file(&take.id.0));
                good.insert(take.id.clone(), GoodFile { audio_sha256, flac_sha256 });
            }
        }
        let derived = self.derived(session, format);
        let written = before.files.clone().unwrap_or_default();
        let is_new = |file: &&Derived| {
            written.get(&file.name) != Some(&file.source) || !has_bytes(&dir.join(&file.name))
        };
        let new_files: Vec<&Derived> = derived.iter().filter(is_new).collect();
        // A song's stems are long.
        let most = if session.is_song() { STEMS_AT_A_TIME } else { new_files.len() };
        let put_all = in_parallel_by(most, &new_files, |file| put(Path::new(&file.name), &(file.make)()));
        put_all.into_iter().collect::<Result<(), _>>()?;
        let derived_files: Vec<PathBuf> = new_files.iter().map(|file| file.name.clone().into()).collect();
        let mut record =
            record::of_session(session, true, &|take| Some(good.get(&take.id)?.flac_sha256.clone()));
        record.files = derived.iter().map(|file| (file.name.clone(), file.source.clone())).collect();
        for (track, _) in session.playing_asleep() {
            // This file may be all that remains of a lost take.
            for name in [stem_file(track.name()), midi_file(track.name())]
                .map(|name| name.to_string_lossy().into_owned())
            {
                if let Some(source) = written.get(&name).filter(|_| !record.files.contains_key(&name)) {
                    record.files.insert(name, source.clone());
                }
            }
        }
        // Written before anything moves, so that a full disk changes nothing.
        put(Path::new(SESSION_FILE), &with_checksum(&record))?;

        let record_file = dir.join(SESSION_FILE);
        held::check_free(&record_file).map_err(|_| StoreError::Held(record_file.clone()))?;
        fs::create_dir_all(dir.join(TAKES_FOLDER)).map_err(writing(&dir.join(TAKES_FOLDER)))?;
        let moved = |name: &Path| held::replace(&staged.join(name), &dir.join(name));
        for name in &take_files {
            moved(name).map_err(writing(&dir.join(name)))?;
        }
        let mut held_files = Vec::new();
        for name in &derived_files {
            match moved(name) {
                Err(error) if held::is_held(&error, &dir.join(name)) => {
                    held_files.push(name.to_string_lossy().into_owned());
                }
                done => done.map_err(writing(&dir.join(name)))?,
            }
        }
        if !held_files.is_empty() {
            // Files that the record does not name are written by the next save.
            record.files.retain(|name, _| !held_files.contains(name));
            put(Path::new(SESSION_FILE), &with_checksum(&record))?;
        }
        moved(Path::new(SESSION_FILE)).map_err(writing(&record_file))?;
        // The files of the old session are not needed any more. A file that cannot be removed does no harm. Files that the old
        // record does not name are not ours.
        let all_names: Vec<String> = all_derived_names().collect();
        let old = before.files.as_ref().map_or(all_names, |files| files.keys().cloned().collect());
        let is_of_session = !before.takes.is_empty() || before.files.is_some();
        let is_gone = |name: &&String| !record.files.contains_key(*name) && !held_files.contains(*name);
        for name in old.iter().filter(|name| is_of_session && is_gone(name)) {
            if all_derived_names().any(|ours| ours == *name) {
                let _ = fs::remove_file(dir.join(name));
            }
        }
        for id in before.takes.difference(&kept_takes).filter(|id| record::is_plain(id)) {
            let _ = fs::remove_file(dir.join(take_file(id)));
        }
        self.good = good;
        self.before = Some(Before { takes: kept_takes, files: Some(record.files) });
        Ok(held_files)
    }

    /// The files derived from the playing takes. A lost take has none.
    fn derived(&self, session: &Session, format: StemFormat) -> Vec<Derived> {
        let rate_hz = format.sample_rate_hz;
        if session.is_song() {
            return derived_of_song(session, rate_hz);
        }
        let awake = |take: &Arc<Take>| if take.is_asleep() { take.unpacked() } else { Some(take.clone()) };
        let playing: Vec<(Track, Arc<Take>)> = Track::ALL
            .into_iter()
            .filter_map(|track| Some((track, session.track(track).take().and_then(awake)?)))
            .collect();
        let mut files = Vec::new();
        let mut sources = String::new();
        for (track, take) in &playing {
            let source = format!("wav 1 {rate_hz} {}", audio_hash(&take.audio));
            sources.push_str(&source);
            let (track, take) = (*track, take.clone());
            let score = midi::track_file(track, &take.score, &take.recipe.plan);
            files.push(Derived::new(midi_file(track.name()), &score, {
                let score = score.clone();
                move || score.clone()
            }));
            files.push(Derived::new(stem_file(track.name()), source.as_bytes(), move || {
                wav(&take.audio, &take.recipe.plan, rate_hz, SampleDepth::Int24)
            }));
        }
        if let Some(plan) = session.plan.clone().filter(|_| !playing.is_empty()) {
            let scores: Vec<(Track, &Score)> =
                playing.iter().map(|(track, take)| (*track, &take.score)).collect();
            let score = midi::session_file(&scores, &plan);
            files.push(Derived::new(SCORE_FILE.into(), &score, {
                let score = score.clone();
                move || score.clone()
            }));
            let source = format!("mix 1 {sources} {}", plan.audio_frames(rate_hz));
            files.push(Derived::new(MIX_FILE.into(), source.as_bytes(), move || {
                let stems: Vec<&StemAudio> = playing.iter().map(|(_, take)| take.audio.as_ref()).collect();
                wav(&mix(&stems), &plan, rate_hz, SampleDepth::Int24)
            }));
        }
        files
    }
}

/// The files of a whole song: its stems, their mix, and their notes with markers.
fn derived_of_song(session: &Session, rate_hz: u32) -> Vec<Derived> {
    // What a stem is made of, in the order of the song.
    let source_of = |track: Track| -> String {
        let mut source = format!("song 1 {rate_hz}");
        for placement in session.placements() {
            let Some(section) = session.section(placement.section) else { continue };
            let hash = section.take(track).map(|take| audio_hash(&take.audio)).unwrap_or_default();
            let seconds = section.plan.map_or(0.0, |plan| plan.seconds());
            source.push_str(&format!(" {} {seconds} {hash}", section.name));
        }
        source
    };
    let shared = Arc::new(session.clone());
    let plays = |track: &Track| {
        session.placements().iter().any(|placement| {
            session.section(placement.section).is_some_and(|section| section.take(*track).is_some())
        })
    };
    let tracks: Vec<Track> = Track::ALL.into_iter().filter(plays).collect();
    let mut files = Vec::new();
    let mut sources = String::from("mix");
    let stem = |session: &Session, track: Track| song_stem(session, track).unwrap_or_default();
    for track in tracks.iter().copied() {
        let score = song_midi(session, &[track]);
        files.push(Derived::new(midi_file(track.name()), &score, {
            let score = score.clone();
            move || score.clone()
        }));
        let source = source_of(track);
        sources.push_str(&source);
        let shared = Arc::clone(&shared);
        files.push(Derived::new(stem_file(track.name()), source.as_bytes(), move || {
            song_wav(&stem(&shared, track), &markers(&shared), rate_hz, SampleDepth::Int24)
        }));
    }
    if !tracks.is_empty() {
        let score = song_midi(session, &tracks);
        files.push(Derived::new(SCORE_FILE.into(), &score, {
            let score = score.clone();
            move || score.clone()
        }));
        files.push(Derived::new(MIX_FILE.into(), sources.as_bytes(), move || {
            let mut sum = Sum::default();
            for track in &tracks {
                sum.add(&stem(&shared, *track));
            }
            song_wav(&sum.mixed(), &markers(&shared), rate_hz, SampleDepth::Int24)
        }));
    }
    files
}

/// All takes of a track's record.
fn all_takes(track: &TrackRecord) -> impl Iterator<Item = &TakeRecord> {
    track.takes.iter().chain(&track.elsewhere).chain(&track.forgotten)
}

/// A file derived from playing takes.
struct Derived {
    name: String,
    /// Hash of everything that it is made from.
    source: String,
    make: Box<dyn Fn() -> Vec<u8> + Send + Sync>,
}

impl Derived {
    fn new(name: PathBuf, source: &[u8], make: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Self {
        let name = name.to_string_lossy().into_owned();
        Self { name, source: hex(&Sha256::digest(source)[..16]), make: Box::new(make) }
    }
}

fn stem_file(track: &str) -> PathBuf {
    format!("{track}.wav").into()
}

fn midi_file(track: &str) -> PathBuf {
    format!("{track}.mid").into()
}

/// Names of all derived files.
fn all_derived_names() -> impl Iterator<Item = String> {
    let of_track = |track: Track| [stem_file(track.name()), midi_file(track.name())];
    let names = Track::ALL.into_iter().flat_map(of_track).chain([MIX_FILE.into(), SCORE_FILE.into()]);
    names.map(|name: PathBuf| name.to_string_lossy().into_owned())
}

fn take_file(id: &str) -> PathBuf {
    Path::new(TAKES_FOLDER).join(format!("{id}.flac"))
}

/// Reads a regular file of any size. Anything else, such as a named pipe, might never end.
fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    check_regular(path)?;
    fs::read(path)
}

fn has_bytes(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() > 0)
}

/// Contents of a folder's record; empty if it cannot be read, so that nothing is removed.
fn before_in(dir: &Path) -> Before {
    let json = read_regular(&dir.join(SESSION_FILE)).unwrap_or_default();
    let is_current_form = checksum(&unmarked(&json)) != Checksum::None;
    record::read(&json).map(|record| Before::of(&record, is_current_form)).unwrap_or_default()
}

/// The record's JSON; its last member is the checksum of everything before it.
fn with_checksum(record: &SessionRecord) -> Vec<u8> {
    let mut json =
        serde_json::to_vec_pretty(record).expect("a record has no maps with other keys than strings");
    let end = json.iter().rposition(|byte| *byte == b'}').unwrap_or(json.len());
    json.truncate(end);
    while json.last().is_some_and(u8::is_ascii_whitespace) {
        json.pop();
    }
    let hash = hex(Sha256::digest(&json));
    json.extend_from_slice(format!(",\n  {CHECKSUM}: \"{hash}\"\n}}\n").as_bytes());
    json
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checksum {
    /// Forms before the fourth have none.
    None,
    Right,
    Wrong,
}

/// Whether a record's JSON is unchanged since it was written.
fn checksum(json: &[u8]) -> Checksum {
    let found = json.windows(CHECKSUM.len()).rposition(|window| window == CHECKSUM.as_bytes());
    let Some(at) = found else { return Checksum::None };
    let told = String::from_utf8_lossy(&json[at + CHECKSUM.len()..]);
    let told: String = told.chars().filter(char::is_ascii_hexdigit).collect();
    let Some(comma) = json[..at].iter().rposition(|byte| *byte == b',') else { return Checksum::Wrong };
    if hex(Sha256::digest(&json[..comma])) == told { Checksum::Right } else { Checksum::Wrong }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resonantgen_session::fake::{generated, ids, regenerate};
    use resonantgen_words::Style;

    #[test]
    fn a_folder_holds_all_and_loads_to_the_bit() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("a/b");
        let mut session = generated("dark techno with driving bass", 7);
        session.track_mut(Track::Drums).locked = true;
        save(&session, &dir, StemFormat::default()).expect("saved");
        for name in [
            "drums.wav",
            "bass.wav",
            "harmony.wav",
            "melody.wav",
            "mix.wav",
            "drums.mid",
            "bass.mid",
            "harmony.mid",
            "melody.mid",
            "session.mid",
            SESSION_FILE,
        ] {
            assert!(dir.join(name).is_file(), "{name}");
        }
        let mut wav = hound::WavReader::open(dir.join("bass.wav")).expect("a WAV file");
        assert_eq!(
            (wav.spec().sample_rate, wav.spec().bits_per_sample, wav.spec().channels),
            (48_000, 24, 2)
        );
        let samples: Vec<i32> = wav.samples::<i32>().map(|sample| sample.expect("a sample")).collect();
        let take = session.track(Track::Bass).take().expect("a take");
        assert!(
            samples
                .chunks(2)
                .zip(take.audio.left.iter().zip(&take.audio.right))
                .all(|(a, (l, r))| a == [*l, *r])
        );
        assert_eq!(samples.len(), 2 * take.audio.len());

        let loaded = load(&dir).expect("loaded").session;
        for track in Track::ALL {
            assert!(loaded.track(track).history == session.track(track).history);
            assert_eq!(loaded.track(track).locked, session.track(track).locked);
        }
        let json: serde_json::Value =
            serde_json::from_slice(&fs::read(dir.join(SESSION_FILE)).expect("readable")).expect("JSON");
        assert_eq!(json["plan"]["meter"], "4/4");
        assert_eq!(json["plan"]["bpm"], 240.0);
        assert!(json["plan"]["key"].as_str().is_some() && json["plan"]["chords"][1].as_str().is_some());
        let names: Vec<String> = fs::read_dir(&dir)
            .expect("readable")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        assert!(names.iter().all(|name| !name.starts_with(SAVING)), "{names:?}");
    }

    #[test]
    fn another_rate_is_exactly_as_long_and_what_is_gone_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut session = generated("jazz", 1);
        save(&session, folder.path(), StemFormat::default()).expect("saved");
        session.track_mut(Track::Melody).current = None;
        session.track_mut(Track::Melody).history.clear();
        fs::write(folder.path().join("notes.txt"), "mine").expect("written");
        save(&session, folder.path(), StemFormat { sample_rate_hz: 44_100 }).expect("saved");
        let wav = hound::WavReader::open(folder.path().join("mix.wav")).expect("a WAV file");
        assert_eq!(wav.duration() as usize, session.plan.as_ref().expect("a plan").audio_frames(44_100));
        assert!(!folder.path().join("melody.wav").exists());
        assert!(folder.path().join("notes.txt").exists());
        assert_eq!(fs::read_dir(folder.path().join("takes")).expect("readable").count(), 3);
        let loaded = load(folder.path()).expect("loaded").session;
        assert!(loaded.track(Track::Bass).history == session.track(Track::Bass).history);
        let refused = save(&session, folder.path(), StemFormat { sample_rate_hz: 1 });
        assert!(matches!(refused, Err(StoreError::Rate(1))));
    }

    fn open(dir: &Path) -> Folder {
        Folder::open(dir, Access::Change, &mut Waiting { patience: PATIENCE, note: &mut || () })
            .expect("it is free")
    }

    #[test]
    fn undo_and_favourites_survive_in_the_folder_and_audio_is_written_once() {
        let place = tempfile::tempdir().expect("a folder");
        let dir = place.path();
        let mut session = generated("techno", 1);
        session.set_favourite(Track::Bass, 0, true).expect("a take");
        save(&session, dir, StemFormat::default()).expect("saved");
        let first = dir.join(take_file(&session.track(Track::Drums).take().expect("a take").id.0));
        let modified = |path: &Path| fs::metadata(path).expect("there").modified().expect("known");
        let before = [&first, &dir.join("drums.wav")].map(|path| modified(path));
        let mut folder = open(dir);
        let mut session = folder.load().expect("loaded").session;
        for seed in 2..22 {
            regenerate(&mut session, Track::Melody, seed).expect("a take");
        }
        session.set_lock(Track::Drums, true).expect("a take");
        folder.save(&session, StemFormat::default()).expect("saved");
        drop(folder);
        assert_eq!([&first, &dir.join("drums.wav")].map(|path| modified(path)), before);

        let mut loaded = load(dir).expect("loaded").session;
        assert!(loaded.track(Track::Bass).is_favourite(0));
        assert_eq!(loaded.track(Track::Melody).heard_before, session.track(Track::Melody).heard_before);
        while session.can_undo() {
            session.undo().expect("an action");
            loaded.undo().expect("the same action");
            for track in Track::ALL {
                assert_eq!(loaded.track(track).take(), session.track(track).take());
                assert_eq!(loaded.track(track).locked, session.track(track).locked);
            }
        }
        assert!(!loaded.can_undo());
    }

    #[test]
    fn a_lock_writes_nothing_but_the_record() {
        let place = tempfile::tempdir().expect("a folder");
        let dir = place.path();
        save(&generated("techno", 1), dir, StemFormat::default()).expect("saved");
        let times = || {
            let mut times = Vec::new();
            for folder in [dir.to_owned(), dir.join(TAKES_FOLDER)] {
                for entry in fs::read_dir(folder).expect("readable").flatten() {
                    let file = entry.metadata().expect("there");
                    if file.is_file() && entry.file_name() != SESSION_FILE {
                        times.push((entry.path(), file.modified().expect("known")));
                    }
                }
            }
            times.sort();
            times
        };
        let before = times();
        let mut folder = open(dir);
        let mut session = folder.load().expect("loaded").session;
        session.set_lock(Track::Bass, true).expect("a take");
        folder.save(&session, StemFormat::default()).expect("saved");
        assert_eq!(times(), before);
        fs::remove_file(dir.join("bass.wav")).expect("removed");
        folder.save(&session, StemFormat::default()).expect("saved");
        assert!(dir.join("bass.wav").is_file(), "what is missing is written again");
        folder.save(&session, StemFormat { sample_rate_hz: 44_100 }).expect("saved");
        let wav = hound::WavReader::open(dir.join("bass.wav")).expect("a WAV file");
        assert_eq!(wav.spec().sample_rate, 44_100);
    }

    #[test]
    fn two_at_once_wait_for_each_other_and_lose_nothing() {
        let place = tempfile::tempdir().expect("a folder");
        let dir = place.path();
        save(&generated("techno", 1), dir, StemFormat::default()).expect("saved");
        std::thread::scope(|scope| {
            for track in [Track::Bass, Track::Harmony, Track::Melody] {
                scope.spawn(move || {
                    let mut folder = open(dir);
                    let mut session = folder.load().expect("loaded").session;
                    regenerate(&mut session, track, 50 + track.index() as u64).expect("a take");
                    folder.save(&session, StemFormat::default()).expect("saved");
                });
            }
        });
        let session = load(dir).expect("loaded").session;
        assert_eq!(Track::ALL.map(|track| session.track(track).history.len()), [1, 2, 2, 2]);

        let _held = open(dir);
        let mut is_told = false;
        let mut waiting = Waiting { patience: std::time::Duration::ZERO, note: &mut || is_told = true };
        let refused = Folder::open(dir, Access::Change, &mut waiting);
        assert!(matches!(&refused, Err(StoreError::InUse(path)) if path == dir), "{refused:?}");
        let mut waiting =
            Waiting { patience: std::time::Duration::from_millis(30), note: &mut || is_told = true };
        assert!(Folder::open(dir, Access::Read, &mut waiting).is_err());
        assert!(is_told);
    }

    #[test]
    fn left_overs_of_a_killed_save_are_swept_and_files_of_others_stay() {
        let place = tempfile::tempdir().expect("a folder");
        let dir = place.path();
        save(&generated("techno", 1), dir, StemFormat::default()).expect("saved");
        fs::create_dir_all(dir.join(".saving-abc/takes")).expect("made");
        fs::write(dir.join(".saving-abc/takes/x.flac"), b"half").expect("written");
        fs::write(dir.join(".saving-xyz"), b"half a picture").expect("written");
        let foreign = dir.join(take_file(&"0".repeat(32)));
        fs::write(&foreign, b"of somebody else").expect("written");
        let mut folder = open(dir);
        assert!(!dir.join(".saving-abc").exists() && !dir.join(".saving-xyz").exists());
        let mut session = folder.load().expect("loaded").session;
        session.set_lock(Track::Bass, true).expect("a take");
        folder.save(&session, StemFormat::default()).expect("saved");
        assert!(foreign.exists());
    }

    #[test]
    fn other_audio_under_the_same_id_is_written_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut session = generated("techno", 1);
        save(&session, folder.path(), StemFormat::default()).expect("saved");
        // As if on another machine.
        let state = session.track_mut(Track::Bass);
        let mut take = state.history[0].as_ref().clone();
        let mut audio = take.audio.as_ref().clone();
        audio.left[5] ^= 1;
        take.audio = Arc::new(audio);
        state.history[0] = Arc::new(take);
        save(&session, folder.path(), StemFormat::default()).expect("saved");
        let loaded = load(folder.path()).expect("loaded").session;
        assert_eq!(loaded.track(Track::Bass).take(), session.track(Track::Bass).take());
    }

    #[test]
    fn a_lost_take_costs_that_take_and_is_named() {
        let place = tempfile::tempdir().expect("a folder");
        let dir = place.path();
        let mut session = generated("techno", 1);
        for seed in 2..22 {
            regenerate(&mut session, Track::Bass, seed).expect("a take");
        }
        save(&session, dir, StemFormat { sample_rate_hz: 44_100 }).expect("saved");
        let forgotten = session.forgotten(Track::Bass)[0].id.clone();
        let bass = session.track(Track::Bass).clone();
        let melody = session.track(Track::Melody).take().expect("a take").id.clone();
        fs::remove_file(dir.join(take_file(&forgotten.0))).expect("it was kept for undo");
        fs::remove_file(dir.join(take_file(&bass.history[0].id.0))).expect("there");
        let damaged = dir.join(take_file(&melody.0));
        let mut bytes = fs::read(&damaged).expect("readable");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&damaged, &bytes).expect("written");

        let mut folder = open(dir);
        let Opened { session: mut loaded, lost, edited } = folder.load().expect("the rest opens");
        assert!(!edited);
        assert_eq!(lost.len(), 3);
        let of = |id: &TakeId| lost.iter().find(|lost| lost.id == *id).expect("it is named").clone();
        assert_eq!((of(&bass.history[0].id).number, of(&forgotten).number), (Some(1), None));
        assert!(of(&melody).is_playing && of(&melody).can_be_made_again);
        let told = of(&melody).to_string();
        assert!(told.contains("take 1 of melody is lost") && told.contains("is damaged"), "{told}");
        assert_eq!(ids(&loaded), ids(&session), "all are still in their places");
        assert!(loaded.track(Track::Bass).take() == bass.take());
        assert_eq!(loaded.playing_asleep().len(), 1);
        let mut count = 0;
        while loaded.clone().undo().is_ok() {
            loaded.undo().expect("an action");
            count += 1;
        }
        assert_eq!(count, 21);
        // Saved without audio, it stays lost. When it is made again it is written, although its hash is the same.
        let mut loaded = folder.load().expect("loaded").session;
        folder.save(&loaded, StemFormat::default()).expect("saved");
        assert_eq!(folder.load().expect("loaded").lost.len(), 3);
        loaded.wake(session.track(Track::Melody).take().expect("a take"));
        folder.save(&loaded, StemFormat::default()).expect("saved");
        drop(folder);
        let opened = load(dir).expect("loaded");
        assert_eq!(opened.lost.len(), 2);
        assert!(opened.session.track(Track::Melody).take() == session.track(Track::Melody).take());
    }

    #[test]
    fn a_lost_take_that_plays_comes_back_from_its_stem() {
        let place = tempfile::tempdir().expect("a folder");
        let session = generated("techno", 1);
        save(&session, place.path(), StemFormat::default()).expect("saved");
        let file = place.path().join(take_file(&session.track(Track::Melody).take().expect("a take").id.0));
        fs::remove_file(&file).expect("there");
        let mut folder = open(place.path());
        let opened = folder.load().expect("loaded");
        assert!(opened.lost.is_empty());
        assert!(opened.session.track(Track::Melody).take() == session.track(Track::Melody).take());
        folder.save(&opened.session, StemFormat::default()).expect("saved");
        assert!(file.is_file());
    }

    #[test]
    fn a_record_with_a_byte_order_mark_or_edited_by_hand_opens() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join(SESSION_FILE);
        save(&generated("techno", 1), place.path(), StemFormat::default()).expect("saved");
        let json = fs::read(&path).expect("readable");
        fs::write(&path, [b"\xef\xbb\xbf", json.as_slice()].concat()).expect("written");
        assert!(!load(place.path()).expect("loaded").edited);
        let text = String::from_utf8(json).expect("text").replacen("\"techno\"", "\"house\"", 1);
        fs::write(&path, text).expect("written");
        let opened = load(place.path()).expect("loaded");
        assert!(opened.edited && opened.lost.is_empty());
        assert_eq!(opened.session.prompt, "house");
    }

    /// Ids of takes with the hashes of their audio, as `audio.txt` has them.
    fn heard(session: &Session) -> BTreeSet<String> {
        let mut lines = BTreeSet::new();
        for track in Track::ALL {
            let histories = session.track(track).history.iter();
            for take in histories.chain(&session.elsewhere(track)).chain(&session.forgotten(track)) {
                let hash = audio_hash(&Arc::new(take.audio.as_ref().clone()));
                lines.insert(format!("{track} {} {hash}", take.id.0));
            }
        }
        lines
    }

    /// A Windows editor saves as "Unicode".
    #[test]
    fn a_record_in_utf_16_opens() {
        let folder = tempfile::tempdir().expect("a folder");
        let session = generated("caf\u{e9} jazz \u{1f3b7}", 7);
        save(&session, folder.path(), StemFormat::default()).expect("saved");
        let path = folder.path().join(SESSION_FILE);
        let text = fs::read_to_string(&path).expect("readable");
        let units: Vec<u16> = text.encode_utf16().collect();
        for (mark, bytes) in [
            ([0xff, 0xfe], units.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<_>>()),
            ([0xfe, 0xff], units.iter().flat_map(|unit| unit.to_be_bytes()).collect()),
        ] {
            fs::write(&path, [&mark[..], &bytes].concat()).expect("written");
            let opened = load(folder.path()).expect("loaded");
            assert_eq!((opened.session.prompt.as_str(), opened.edited), (session.prompt.as_str(), false));
        }
    }

    /// Nobody writes to the pipe, so reading would block for ever.
    #[test]
    #[cfg(unix)]
    fn a_named_pipe_in_place_of_a_file_is_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let session = generated("techno", 7);
        save(&session, folder.path(), StemFormat::default()).expect("saved");
        let take = take_file(&session.track(Track::Bass).take().expect("a take").id.0);
        for name in [take, stem_file("bass")] {
            let path = folder.path().join(name);
            fs::remove_file(&path).expect("removed");
            assert!(std::process::Command::new("mkfifo").arg(path).status().expect("a program").success());
        }
        let lost = load(folder.path()).expect("the rest opens").lost;
        assert!(lost.len() == 1 && lost[0].to_string().contains("not a regular file"), "{lost:?}");
        let record = folder.path().join(SESSION_FILE);
        fs::remove_file(&record).expect("removed");
        assert!(std::process::Command::new("mkfifo").arg(record).status().expect("a program").success());
        assert!(matches!(load(folder.path()), Err(StoreError::Read { .. })));
        let lock = folder.path().join(".resonantgen.lock");
        fs::remove_file(&lock).expect("removed");
        assert!(std::process::Command::new("mkfifo").arg(lock).status().expect("a program").success());
        let refused = load(folder.path()).expect_err("no lock").to_string();
        assert!(refused.contains(".resonantgen.lock in it is not a regular file"), "{refused}");
    }

    #[test]
    fn a_folder_of_form_3_opens_to_the_bit_and_stays_so() {
        let golden = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/session_v3"));
        let place = tempfile::tempdir().expect("a folder");
        let dir = place.path();
        fs::create_dir(dir.join(TAKES_FOLDER)).expect("made");
        fs::copy(golden.join(SESSION_FILE), dir.join(SESSION_FILE)).expect("copied");
        for entry in fs::read_dir(golden.join(TAKES_FOLDER)).expect("readable").flatten() {
            fs::copy(entry.path(), dir.join(TAKES_FOLDER).join(entry.file_name())).expect("copied");
        }
        let expected: BTreeSet<String> = fs::read_to_string(golden.join("audio.txt"))
            .expect("readable")
            .lines()
            .map(ToOwned::to_owned)
            .collect();
        for _ in 0..2 {
            let mut folder = open(dir);
            let Opened { session, lost, edited } = folder.load().expect("loaded");
            assert!(lost.is_empty() && !edited);
            assert_eq!(heard(&session), expected);
            assert_eq!(Track::ALL.map(|track| session.track(track).locked), [true, false, false, true]);
            assert!(session.track(Track::Bass).is_favourite(0));
            assert_eq!(session.track(Track::Bass).numbered(2), Some(1));
            assert!(session.track(Track::Melody).take().is_some_and(|take| take.recipe.imported.is_some()));
            assert_eq!(session.intent.as_ref().map(|intent| intent.main_style()), Some(Style::Techno));
            assert_eq!((session.undo_steps().count(), session.redo_steps().count()), (22, 1));
            folder.save(&session, StemFormat::default()).expect("saved");
            for line in &expected {
                let id = line.split(' ').nth(1).expect("an id");
                let file = |dir: &Path| fs::read(dir.join(take_file(id))).expect("readable");
                assert_eq!(file(dir), file(golden), "a take's file is left as it is");
            }
        }
        let project = fs::read(golden.join("project.bin")).expect("readable");
        let session = crate::from_bytes(&project).expect("loaded");
        let in_project = heard(&session);
        assert!(in_project.is_subset(&expected) && in_project.len() == expected.len() - 2);
    }

    #[test]
    fn folders_and_projects_of_the_first_version_load() {
        let golden = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/session_v1"));
        let folder = load(golden).expect("loaded").session;
        let bytes = fs::read(golden.join("project.bin")).expect("readable");
        let project = crate::from_bytes(&bytes).expect("loaded");
        for session in [folder, project] {
            assert_eq!(session.prompt, "dark techno with driving bass");
            assert!(session.track(Track::Bass).locked && !session.can_undo());
            assert!(Track::ALL.into_iter().all(|track| session.track(track).take().is_some()));
        }
    }

    #[test]
    fn what_cannot_be_loaded_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path();
        assert!(matches!(load(dir), Err(StoreError::NoSession(_))));
        save(&generated("funk", 5), dir, StemFormat::default()).expect("saved");
        let session_file = dir.join(SESSION_FILE);
        let json = fs::read_to_string(&session_file).expect("readable");
        for (changed, part) in [
            (json.replacen("\"version\": 5", "\"version\": 9", 1), "newer"),
            (json[..json.len() / 2].to_owned(), "cannot be used"),
            (json.replace("\"bpm\": 240.0", "\"bpm\": 0.0"), "out of range"),
        ] {
            assert_ne!(changed, json, "{part}");
            fs::write(&session_file, &changed).expect("written");
            let error = load(dir).expect_err("damaged").to_string();
            assert!(error.contains(part) && !error.contains('\n'), "{error}");
            assert!(!error.contains("delete"), "{error}");
        }
        let blocked = dir.join("file");
        fs::write(&blocked, "x").expect("written");
        let refused = save(&generated("funk", 5), &blocked.join("sub"), StemFormat::default());
        assert!(matches!(refused, Err(StoreError::Write { .. })));
    }
}
