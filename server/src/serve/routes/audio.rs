//! Audio and scores, of single takes and of a session as it plays.

use std::fs::File;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use resonantgen_music::midi;
use resonantgen_music::score::Score;
use resonantgen_music::track::Track;
use resonantgen_project as project;
use resonantgen_project::{
    ExportOptions, ProjectForm, SampleDepth, StoreError, archive, export_project, markers, mix, song_midi,
    song_stem, song_wav,
};
use resonantgen_session::Session;
use resonantgen_take::{StemAudio, TAKE_SAMPLE_RATE_HZ, Take};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::super::app::App;
use super::super::extract::{Ids, blocking};
use super::super::media::{Facts, OnDisk, Source, Wav, respond};
use super::super::problem::Problem;
use super::{InTake, InWhole};
use crate::wire::Problem as WireProblem;

/// A representation of a take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
pub enum TakeFile {
    /// 48 kHz, 24 bit, stereo.
    #[serde(rename = "audio.wav")]
    Wav,
    /// The same, losslessly compressed.
    #[serde(rename = "audio.flac")]
    Flac,
    /// The score.
    #[serde(rename = "score.mid")]
    Midi,
}

/// A representation of a whole session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
pub enum WholeFile {
    /// The sum of the playing stems.
    #[serde(rename = "mix.wav")]
    Mix,
    /// All playing scores.
    #[serde(rename = "session.mid")]
    Midi,
    /// The sum of the whole song's stems, with a cue point at each section.
    #[serde(rename = "song.wav")]
    Song,
    /// The whole song's drums.
    #[serde(rename = "song-drums.wav")]
    SongDrums,
    /// The whole song's bass.
    #[serde(rename = "song-bass.wav")]
    SongBass,
    /// The whole song's harmony.
    #[serde(rename = "song-harmony.wav")]
    SongHarmony,
    /// The whole song's melody.
    #[serde(rename = "song-melody.wav")]
    SongMelody,
    /// All scores of the whole song, with a marker at each section.
    #[serde(rename = "song.mid")]
    SongMidi,
    /// A DAWproject of the open section's loop: stems, notes, tempo, chords as markers.
    #[serde(rename = "project.dawproject")]
    DawProject,
    /// The same as a REAPER project with its WAV files, in a ZIP archive.
    #[serde(rename = "reaper.zip")]
    Reaper,
    /// The same as a set for Ableton Live (11.3 and later) with its WAV files, in a ZIP archive.
    #[serde(rename = "live.zip")]
    LiveSet,
    /// All stems and their mix as WAV, of the whole song if there is one, in a ZIP archive.
    #[serde(rename = "wav.zip")]
    WavExport,
    /// The same as MIDI.
    #[serde(rename = "midi.zip")]
    MidiExport,
    /// WAV and MIDI in one ZIP archive.
    #[serde(rename = "export.zip")]
    Export,
}

/// A file that an export consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exported {
    Project(ProjectForm),
    Files { audio: bool, midi: bool },
}

impl WholeFile {
    /// The tracks of the whole song that it is the sound of; `None` if it is something else.
    fn song_tracks(self) -> Option<Vec<Track>> {
        Some(match self {
            Self::Song => Track::ALL.to_vec(),
            Self::SongDrums => vec![Track::Drums],
            Self::SongBass => vec![Track::Bass],
            Self::SongHarmony => vec![Track::Harmony],
            Self::SongMelody => vec![Track::Melody],
            _ => return None,
        })
    }

    fn has_sound(self) -> bool {
        !matches!(self, Self::Midi | Self::SongMidi | Self::MidiExport)
    }

    /// What is exported, and the name of the file, if it is an export.
    fn exported(self) -> Option<(Exported, &'static str)> {
        Some(match self {
            Self::DawProject => (Exported::Project(ProjectForm::DawProject), "project.dawproject"),
            Self::Reaper => (Exported::Project(ProjectForm::Reaper), "reaper.zip"),
            Self::LiveSet => (Exported::Project(ProjectForm::LiveSet), "live.zip"),
            Self::WavExport => (Exported::Files { audio: true, midi: false }, "wav.zip"),
            Self::MidiExport => (Exported::Files { audio: false, midi: true }, "midi.zip"),
            Self::Export => (Exported::Files { audio: true, midi: true }, "export.zip"),
            _ => return None,
        })
    }
}

const WAV_TYPE: &str = "audio/wav";
const FLAC_TYPE: &str = "audio/flac";
const MIDI_TYPE: &str = "audio/midi";
const ZIP_TYPE: &str = "application/zip";

impl Source for Vec<u8> {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn read(&mut self, at: u64, bytes: &mut [u8]) -> std::io::Result<()> {
        let start = at as usize;
        bytes.copy_from_slice(&self[start..start + bytes.len()]);
        Ok(())
    }
}

/// An export on disk, with the folder that it was made in.
struct Made {
    file: OnDisk,
    _folder: TempDir,
}

impl Source for Made {
    fn length(&self) -> u64 {
        self.file.length()
    }

    fn read(&mut self, at: u64, bytes: &mut [u8]) -> std::io::Result<()> {
        self.file.read(at, bytes)
    }
}

/// A take's audio or score. Its ETag is the take's id: the same id always means the same audio.
#[utoipa::path(
    get, path = "/v1/sessions/{session}/takes/{take}/{file}", tag = "audio",
    params(("session" = String, Path), ("take" = String, Path), ("file" = inline(TakeFile), Path),
        ("Range" = Option<String>, Header, description = "One range of bytes")),
    responses(
        (status = 200, description = "The whole file", content_type = "audio/wav", body = Vec<u8>),
        (status = 206, description = "The range", content_type = "audio/wav", body = Vec<u8>),
        (status = 304, description = "Not modified"),
        (status = 404, body = WireProblem),
        (status = 410, body = WireProblem, description = "The audio is lost and cannot be made again; the detail says why"),
        (status = 416, body = WireProblem, description = "The range lies outside the file"),
        (status = 503, body = WireProblem, description = "The audio is lost and is being made again: try again soon"),
    )
)]
pub async fn take(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InTake>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    blocking(move || {
        let take = app.sessions.take(&path.session, &path.take)?;
        if take.is_asleep() && path.file != TakeFile::Midi {
            return Err(app.jobs.make_again(&path.session, &take.id));
        }
        let (kind, end) = match path.file {
            TakeFile::Wav => (WAV_TYPE, "wav"),
            TakeFile::Flac => (FLAC_TYPE, "flac"),
            TakeFile::Midi => (MIDI_TYPE, "mid"),
        };
        let track = take.recipe.track;
        let name = format!("{track}-{}.{end}", &path.take.as_str()[..8]);
        let facts = Facts { etag: format!("{}.{end}", path.take), kind, name, immutable: true };
        Ok(match path.file {
            TakeFile::Wav => respond(Wav(take.audio.clone()), &facts, &headers),
            TakeFile::Flac => {
                let file = OnDisk::new(app.sessions.take_file(&path.session, &path.take)?)?;
                respond(file, &facts, &headers)
            }
            TakeFile::Midi => {
                respond(midi::track_file(track, &take.score, &take.recipe.plan), &facts, &headers)
            }
        })
    })
    .await
}

/// The session as it plays: the mix, all scores in one MIDI file, the whole song, or an export for a DAW with a licence note.
#[utoipa::path(
    get, path = "/v1/sessions/{session}/{file}", tag = "audio",
    params(("session" = String, Path), ("file" = inline(WholeFile), Path),
        ("Range" = Option<String>, Header, description = "One range of bytes")),
    responses(
        (status = 200, description = "The whole file", content_type = "audio/wav", body = Vec<u8>),
        (status = 206, description = "The range", content_type = "audio/wav", body = Vec<u8>),
        (status = 304, description = "Not modified"),
        (status = 404, body = WireProblem, description = "No such session, or nothing plays in it"),
        (status = 416, body = WireProblem, description = "The range lies outside the file"),
        (status = 503, body = WireProblem, description = "Audio that plays is lost and is being made again: try again soon"),
    )
)]
pub async fn whole(
    State(app): State<Arc<App>>,
    Ids(path): Ids<InWhole>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // Exports are as large as uploads.
    let turn = match path.file.exported() {
        Some(_) => Arc::clone(&app.unpacked).acquire_owned().await.ok(),
        None => None,
    };
    blocking(move || {
        let _turn = turn;
        let session = app.sessions.read(&path.session, |session, _| Ok(session.clone()))?;
        for (_, lost) in session.playing_asleep() {
            let problem = app.jobs.make_again(&path.session, &lost.id);
            // What cannot be made again is left out.
            if path.file.has_sound() && problem.status != StatusCode::GONE {
                return Err(problem);
            }
        }
        if path.file.song_tracks().is_some() || path.file == WholeFile::SongMidi {
            return song(&session, path.file, &headers);
        }
        if let Some((what, name)) = path.file.exported() {
            return export(&app, &session, what, name, &headers);
        }
        let playing = playing(&session);
        let Some(plan) = session.plan.as_ref().filter(|_| !playing.is_empty()) else {
            return Err(Problem::new(StatusCode::NOT_FOUND, "nothing plays in this session: generate first"));
        };
        let mut etag = Sha256::new();
        for (_, take) in &playing {
            etag.update(take.id.0.as_bytes());
        }
        let etag: String = etag.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(match path.file {
            WholeFile::Mix => {
                let stems: Vec<&StemAudio> = playing.iter().map(|(_, take)| take.audio.as_ref()).collect();
                let name = "mix.wav".to_owned();
                let facts = Facts { etag: etag + ".wav", kind: WAV_TYPE, name, immutable: false };
                respond(Wav(Arc::new(mix(&stems))), &facts, &headers)
            }
            WholeFile::Midi => {
                let scores: Vec<(Track, &Score)> =
                    playing.iter().map(|(track, take)| (*track, &take.score)).collect();
                let name = "session.mid".to_owned();
                let facts = Facts { etag: etag + ".mid", kind: MIDI_TYPE, name, immutable: false };
                respond(midi::session_file(&scores, plan), &facts, &headers)
            }
            _ => return Err(Problem::not_found("file")),
        })
    })
    .await
}

/// Makes an export on disk and sends it. Blocks.
fn export(
    app: &App,
    session: &Session,
    what: Exported,
    name: &'static str,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let folder = app.uploads.scratch().map_err(|error| Problem::storage(&error))?;
    let files = folder.path().join("files");
    let made = match what {
        Exported::Project(form) => export_project(session, &files, form),
        Exported::Files { audio, midi } => {
            project::export(session, &files, &ExportOptions { audio, midi, ..ExportOptions::default() })
        }
    };
    let made = made.map_err(|error| match error {
        StoreError::NothingToExport => {
            Problem::new(StatusCode::NOT_FOUND, "nothing plays in this session: generate first")
        }
        error => error.into(),
    })?;
    let reading = |error: std::io::Error| Problem::internal(error.to_string());
    // A DAWproject is an archive already.
    let path = match made.as_slice() {
        [only] if what == Exported::Project(ProjectForm::DawProject) => only.clone(),
        _ => {
            let path = folder.path().join("archive");
            let file = File::create_new(&path).map_err(|error| Problem::storage(&error))?;
            archive(&files, file)?;
            path
        }
    };
    let etag = format!("{}-{name}", song_etag(session, &[&session.prompt]));
    let file = OnDisk::new(File::open(path).map_err(reading)?)?;
    let facts = Facts { etag, kind: ZIP_TYPE, name: name.to_owned(), immutable: false };
    Ok(respond(Made { file, _folder: folder }, &facts, headers))
}

/// A validator for what is made of all sections that are played, of the open section, and of some words.
fn song_etag(session: &Session, words: &[&str]) -> String {
    let mut etag = Sha256::new();
    for word in words {
        etag.update(word.as_bytes());
        etag.update([0]);
    }
    for track in Track::ALL {
        etag.update(session.track(track).take().map_or("", |take| take.id.0.as_str()).as_bytes());
        etag.update([0]);
    }
    for placement in session.placements() {
        let Some(section) = session.section(placement.section) else { continue };
        etag.update(section.name.as_bytes());
        etag.update(section.bars().to_le_bytes());
        for track in Track::ALL {
            etag.update(section.take(track).map_or("", |take| take.id.0.as_str()).as_bytes());
            etag.update([0]);
        }
    }
    etag.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file of the whole song. Blocks.
fn song(session: &Session, file: WholeFile, headers: &HeaderMap) -> Result<Response, Problem> {
    let etag = song_etag(session, &[]);
    let nothing = || Problem::new(StatusCode::NOT_FOUND, "nothing plays there in this song: generate first");
    let Some(tracks) = file.song_tracks() else {
        if session.placements().is_empty() {
            return Err(nothing());
        }
        let facts =
            Facts { etag: etag + ".mid", kind: MIDI_TYPE, name: "song.mid".to_owned(), immutable: false };
        return Ok(respond(song_midi(session, &Track::ALL), &facts, headers));
    };
    let stems: Vec<StemAudio> = tracks.iter().filter_map(|track| song_stem(session, *track)).collect();
    if stems.is_empty() {
        return Err(nothing());
    }
    let audio = mix(&stems.iter().collect::<Vec<_>>());
    let what = if let [track] = tracks.as_slice() { format!("song-{track}") } else { "song".to_owned() };
    let facts = Facts {
        etag: format!("{etag}-{what}.wav"),
        kind: WAV_TYPE,
        name: format!("{what}.wav"),
        immutable: false,
    };
    let wav = song_wav(&audio, &markers(session), TAKE_SAMPLE_RATE_HZ, SampleDepth::Int24);
    Ok(respond(wav, &facts, headers))
}

fn playing(session: &Session) -> Vec<(Track, &Take)> {
    let take = |track| Some((track, session.track(track).take()?.as_ref()));
    Track::ALL.into_iter().filter_map(take).filter(|(_, take)| !take.is_asleep()).collect()
}
