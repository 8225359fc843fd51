//! A session as a folder that people and DAWs can use.
//!
//! `session.json` is the record; `drums.wav` to `melody.wav` and `mix.wav` are the sound in the rate that was asked for,
//! the `.mid` files the scores; `takes/<id>.flac` keeps every take's own 48 kHz audio without loss, which is what
//! loading reads. Each file is replaced in one piece, `session.json` last.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::record::{RecordError, SessionRecord, Sound};
use super::wav::{RATE_RANGE_HZ, SampleDepth, wav};
use super::{Session, flac, mix};
use resonantgen_music::midi;
use resonantgen_music::plan::Plan;
use resonantgen_music::score::Score;
use resonantgen_music::track::Track;
use resonantgen_take::{StemAudio, TAKE_SAMPLE_RATE_HZ, Take, TakeId};

/// Name of the record within the folder.
pub const SESSION_FILE: &str = "session.json";
const TAKES_FOLDER: &str = "takes";
const MIX_FILE: &str = "mix.wav";
const SCORE_FILE: &str = "session.mid";

/// The form of the stems' WAV files: 24-bit stereo.
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

/// A session's folder could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder could not be written.
    #[error("cannot write {}: {source}; choose another folder, or make room", path.display())]
    Write {
        /// What was written.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// What was read.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no session in the folder.
    #[error("no session in {}: {SESSION_FILE} is missing; generate one there first", .0.display())]
    NoSession(PathBuf),
    /// The session is damaged, or of a newer version.
    #[error("the session in {} cannot be used: {reason}", path.display())]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// No chosen track has a take.
    #[error("the chosen tracks have no take, so there is nothing to export: generate them first")]
    NothingToExport,
    /// The rate is out of range.
    #[error("a rate of {0} Hz is out of range: use 8000 to 384000, usually 44100 or 48000")]
    Rate(u32),
}

/// What a record's reader failed with; gets its path later.
enum LoadError {
    Record(RecordError),
    Store(StoreError),
}

impl From<RecordError> for LoadError {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

impl Session {
    /// Writes the session into `dir`, which is made if need be. Files of the session's names are replaced, each in one
    /// piece; other files stay. On failure what was there before still loads.
    ///
    /// # Errors
    /// When the rate is out of range, or a file cannot be written.
    pub fn save(&self, dir: &Path, format: StemFormat) -> Result<(), StoreError> {
        if !RATE_RANGE_HZ.contains(&format.sample_rate_hz) {
            return Err(StoreError::Rate(format.sample_rate_hz));
        }
        let writing = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Write { path, source }
        };
        fs::create_dir_all(dir).map_err(writing(dir))?;
        // On the same file system, so that moving is renaming.
        let temporary = tempfile::Builder::new().prefix(".saving-").tempdir_in(dir).map_err(writing(dir))?;
        let staged = temporary.path();
        let mut files: Vec<PathBuf> = Vec::new();
        let mut put = |name: PathBuf, bytes: &[u8]| {
            let path = staged.join(&name);
            let written =
                path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, bytes));
            files.push(name.clone());
            written.map_err(writing(&dir.join(name)))
        };

        let record = SessionRecord::of(self, true);
        let on_disk = takes_on_disk(dir);
        let mut kept_takes = BTreeSet::new();
        for (track, written) in Track::ALL.into_iter().zip(&record.tracks) {
            let forgotten = self.forgotten(track);
            let takes = self.track(track).history.iter().chain(&forgotten);
            for (take, written) in takes.zip(written.takes.iter().chain(&written.forgotten)) {
                let name = take_file(&take.id);
                kept_takes.insert(name.clone());
                if on_disk.get(&take.id) == Some(&written.audio_sha256) {
                    continue;
                }
                let audio = flac::encode(&take.audio).ok_or_else(|| StoreError::Damaged {
                    path: dir.to_owned(),
                    reason: format!("take {} has no 24-bit audio", take.id.0),
                })?;
                put(name, &audio)?;
            }
        }
        let stem =
            |audio: &StemAudio, plan: &Plan| wav(audio, plan, format.sample_rate_hz, SampleDepth::Int24);
        let playing: Vec<(Track, &Take)> = Track::ALL
            .into_iter()
            .filter_map(|track| Some((track, self.track(track).take()?.as_ref())))
            .collect();
        for (track, take) in &playing {
            put(stem_file(*track), &stem(&take.audio, &take.recipe.plan))?;
            put(midi_file(*track), &midi::track_file(*track, &take.score, &take.recipe.plan))?;
        }
        if let Some(plan) = self.plan.as_ref().filter(|_| !playing.is_empty()) {
            let stems: Vec<&StemAudio> = playing.iter().map(|(_, take)| take.audio.as_ref()).collect();
            put(MIX_FILE.into(), &stem(&mix(&stems), plan))?;
            let scores: Vec<(Track, &Score)> =
                playing.iter().map(|(track, take)| (*track, &take.score)).collect();
            put(SCORE_FILE.into(), &midi::session_file(&scores, plan))?;
        }
        let json =
            serde_json::to_vec_pretty(&record).expect("a record has no maps with other keys than strings");
        put(SESSION_FILE.into(), &json)?;

        fs::create_dir_all(dir.join(TAKES_FOLDER)).map_err(writing(&dir.join(TAKES_FOLDER)))?;
        for name in &files {
            fs::rename(staged.join(name), dir.join(name)).map_err(writing(&dir.join(name)))?;
        }
        // Only now is nothing of the old session needed any more; what cannot be removed does no harm.
        for track in Track::ALL.into_iter().filter(|track| self.track(*track).take().is_none()) {
            let _ = fs::remove_file(dir.join(stem_file(track)));
            let _ = fs::remove_file(dir.join(midi_file(track)));
        }
        if playing.is_empty() {
            let _ = fs::remove_file(dir.join(MIX_FILE));
            let _ = fs::remove_file(dir.join(SCORE_FILE));
        }
        for entry in fs::read_dir(dir.join(TAKES_FOLDER)).into_iter().flatten().flatten() {
            let name = Path::new(TAKES_FOLDER).join(entry.file_name());
            if !kept_takes.contains(&name) && is_take_file(&name) {
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    /// Reads what [`Session::save`] wrote; the takes are the same to the bit.
    ///
    /// # Errors
    /// When there is no session, or it is damaged or of a newer version.
    pub fn load(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(SESSION_FILE);
        let json = fs::read(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StoreError::NoSession(dir.to_owned()),
            _ => StoreError::Read { path: path.clone(), source },
        })?;
        let load = || -> Result<Self, LoadError> {
            SessionRecord::from_json(&json)?.into_session(|take, audio_frames| {
                let name = take_file(&take.id);
                let path = dir.join(&name);
                let bytes =
                    fs::read(&path).map_err(|source| LoadError::Store(StoreError::Read { path, source }))?;
                flac::decode(&bytes, audio_frames).map(Sound::Awake).ok_or_else(|| {
                    LoadError::Record(RecordError::Damaged(format!("{} cannot be read", name.display())))
                })
            })
        };
        load().map_err(|error| match error {
            LoadError::Store(error) => error,
            LoadError::Record(error) => {
                StoreError::Damaged { path: dir.to_owned(), reason: error.to_string() }
            }
        })
    }
}

fn stem_file(track: Track) -> PathBuf {
    format!("{track}.wav").into()
}

fn midi_file(track: Track) -> PathBuf {
    format!("{track}.mid").into()
}

fn take_file(id: &TakeId) -> PathBuf {
    Path::new(TAKES_FOLDER).join(format!("{}.flac", id.0))
}

/// Takes whose audio a folder has already, with the SHA-256 of that audio, as its record says.
fn takes_on_disk(dir: &Path) -> HashMap<TakeId, String> {
    #[derive(serde::Deserialize)]
    struct Written {
        tracks: Vec<WrittenTrack>,
    }
    #[derive(serde::Deserialize)]
    struct WrittenTrack {
        takes: Vec<WrittenTake>,
        #[serde(default)]
        forgotten: Vec<WrittenTake>,
    }
    #[derive(serde::Deserialize)]
    struct WrittenTake {
        id: TakeId,
        audio_sha256: String,
    }
    let json = fs::read(dir.join(SESSION_FILE)).unwrap_or_default();
    // A record that cannot be read vouches for nothing: all takes are written.
    let Ok(written) = serde_json::from_slice::<Written>(&json) else { return HashMap::new() };
    let takes = written.tracks.into_iter().flat_map(|track| track.takes.into_iter().chain(track.forgotten));
    let there =
        |take: &WrittenTake| fs::metadata(dir.join(take_file(&take.id))).is_ok_and(|file| file.len() > 0);
    takes.filter(there).map(|take| (take.id, take.audio_sha256)).collect()
}

/// Whether a file of the takes' folder is one of ours, by its name.
fn is_take_file(name: &Path) -> bool {
    let is_hex = |stem: &str| stem.len() == 32 && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.extension().is_some_and(|extension| extension == "flac")
        && name.file_stem().and_then(|stem| stem.to_str()).is_some_and(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::generate::tests::{generated, ids, regenerate};
    use std::sync::Arc;

    #[test]
    fn a_folder_holds_all_and_loads_to_the_bit() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("a/b");
        let mut session = generated("dark techno with driving bass", 7);
        session.track_mut(Track::Drums).locked = true;
        session.save(&dir, StemFormat::default()).expect("saved");
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

        let loaded = Session::load(&dir).expect("loaded");
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
        assert!(names.iter().all(|name| !name.starts_with('.')), "{names:?}");
    }

    #[test]
    fn another_rate_is_exactly_as_long_and_what_is_gone_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut session = generated("jazz", 1);
        session.save(folder.path(), StemFormat::default()).expect("saved");
        session.track_mut(Track::Melody).current = None;
        session.track_mut(Track::Melody).history.clear();
        fs::write(folder.path().join("notes.txt"), "mine").expect("written");
        session.save(folder.path(), StemFormat { sample_rate_hz: 44_100 }).expect("saved");
        let wav = hound::WavReader::open(folder.path().join("mix.wav")).expect("a WAV file");
        assert_eq!(wav.duration() as usize, session.plan.as_ref().expect("a plan").audio_frames(44_100));
        assert!(!folder.path().join("melody.wav").exists());
        assert!(folder.path().join("notes.txt").exists());
        assert_eq!(fs::read_dir(folder.path().join("takes")).expect("readable").count(), 3);
        let loaded = Session::load(folder.path()).expect("loaded");
        assert!(loaded.track(Track::Bass).history == session.track(Track::Bass).history);
        let refused = session.save(folder.path(), StemFormat { sample_rate_hz: 1 });
        assert!(matches!(refused, Err(StoreError::Rate(1))));
    }

    #[test]
    fn undo_and_favourites_survive_in_the_folder_and_audio_is_written_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path();
        let mut session = generated("techno", 1);
        session.set_favourite(Track::Bass, 0, true).expect("a take");
        session.save(dir, StemFormat::default()).expect("saved");
        // A mark that encoding again would wipe out.
        let first = dir.join(take_file(&session.track(Track::Drums).take().expect("a take").id));
        let modified = |path: &Path| fs::metadata(path).expect("there").modified().expect("known");
        let (bytes, time) = (fs::read(&first).expect("readable"), modified(&first));
        for seed in 2..22 {
            regenerate(&mut session, Track::Melody, seed).expect("a take");
        }
        session.set_lock(Track::Drums, true).expect("a take");
        session.save(dir, StemFormat::default()).expect("saved");
        assert_eq!((fs::read(&first).expect("readable"), modified(&first)), (bytes, time));

        let mut loaded = Session::load(dir).expect("loaded");
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
        // Before the first action nothing played: no stem and no mix is left over.
        loaded.save(dir, StemFormat::default()).expect("saved");
        assert!(!dir.join("mix.wav").exists() && !dir.join("drums.wav").exists());
        let mut again = Session::load(dir).expect("loaded");
        again.redo().expect("an undone action");
        assert!(again.track(Track::Drums).take().is_some());
    }

    #[test]
    fn other_audio_under_the_same_id_is_written_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut session = generated("techno", 1);
        session.save(folder.path(), StemFormat::default()).expect("saved");
        // As if another machine had made it.
        let state = session.track_mut(Track::Bass);
        let mut take = state.history[0].as_ref().clone();
        let mut audio = take.audio.as_ref().clone();
        audio.left[5] ^= 1;
        take.audio = Arc::new(audio);
        state.history[0] = Arc::new(take);
        session.save(folder.path(), StemFormat::default()).expect("saved");
        let loaded = Session::load(folder.path()).expect("loaded");
        assert_eq!(loaded.track(Track::Bass).take(), session.track(Track::Bass).take());
    }

    #[test]
    fn a_lost_take_that_only_undo_needs_costs_only_the_undo() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut session = generated("techno", 1);
        let first = session.track(Track::Bass).take().expect("a take").id.clone();
        for seed in 2..22 {
            regenerate(&mut session, Track::Bass, seed).expect("a take");
        }
        session.save(folder.path(), StemFormat::default()).expect("saved");
        fs::remove_file(folder.path().join(take_file(&first))).expect("it was kept for undo");
        let mut loaded = Session::load(folder.path()).expect("loaded all the same");
        assert_eq!(ids(&loaded), ids(&session));
        let mut count = 0;
        while loaded.undo().is_ok() {
            count += 1;
        }
        assert_eq!(count, 19);
    }

    #[test]
    fn folders_and_projects_of_the_first_version_load() {
        let golden = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/session_v1"));
        let folder = Session::load(golden).expect("loaded");
        let bytes = fs::read(golden.join("project.bin")).expect("readable");
        let project = Session::from_bytes(&bytes).expect("loaded");
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
        assert!(matches!(Session::load(dir), Err(StoreError::NoSession(_))));
        generated("funk", 5).save(dir, StemFormat::default()).expect("saved");
        let session_file = dir.join(SESSION_FILE);
        let json = fs::read_to_string(&session_file).expect("readable");
        for (changed, part) in [
            (json.replacen("\"version\": 3", "\"version\": 9", 1), "newer"),
            (json[..json.len() / 2].to_owned(), "cannot be used"),
            (json.replacen("\"seed\": 5,\n      ", "\"seed\": 6,\n      ", 1), "cannot be used"),
            (json.replace("\"bpm\": 240.0", "\"bpm\": 0.0"), "out of range"),
        ] {
            fs::write(&session_file, &changed).expect("written");
            if changed != json {
                let error = Session::load(dir).expect_err("damaged").to_string();
                assert!(error.contains(part) && !error.contains('\n'), "{error}");
            }
        }
        fs::write(&session_file, &json).expect("written");
        let take = fs::read_dir(dir.join("takes"))
            .expect("readable")
            .next()
            .expect("a take")
            .expect("an entry")
            .path();
        fs::write(&take, b"fLaC nonsense").expect("written");
        assert!(matches!(Session::load(dir), Err(StoreError::Damaged { .. })));
        fs::remove_file(&take).expect("removed");
        assert!(matches!(Session::load(dir), Err(StoreError::Read { .. })));
        let blocked = dir.join("file");
        fs::write(&blocked, "x").expect("written");
        let refused = generated("funk", 5).save(&blocked.join("sub"), StemFormat::default());
        assert!(matches!(refused, Err(StoreError::Write { .. })));
    }
}
