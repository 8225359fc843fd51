//! The journal of jobs: an accepted job is either done or reported as interrupted, whatever happens to the process.
//!
//! One JSON document per line, appended. A line truncated by a kill or a full disk is skipped when reading.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use resonantgen_session::{Request, Session};
use serde::{Deserialize, Serialize};

use super::id::{JobId, SessionId};
use super::problem::Problem;
use crate::wire::{
    GenerateRequest, JobState, RegenerateRequest, SectionRequest, SongRequest, SoundRequest, TrackName,
    VaryRequest,
};

/// What a job does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spec {
    /// Generates all requested unlocked tracks.
    Generate(GenerateRequest),
    /// Regenerates one track.
    Regenerate(TrackName, RegenerateRequest),
    /// Makes a song of the open section's loop.
    Song(SongRequest),
    /// Makes a section of a song again.
    Section(u32, SectionRequest),
    /// Plays the notes of a track with another sound.
    Sound(TrackName, SoundRequest),
    /// Plays varied notes of a track.
    Vary(TrackName, VaryRequest),
}

impl Spec {
    /// The request to a session in the engine's form; `None` if nothing is composed.
    ///
    /// # Errors
    /// Returns an error if one of its facts cannot be parsed, or the session lacks the take that it names.
    pub fn request(&self, session: &Session) -> Result<Option<Request>, Problem> {
        let request = match self {
            Self::Generate(request) => request.request(),
            Self::Regenerate(track, request) => request.request(*track, session),
            Self::Song(request) => request.request(),
            Self::Section(section, request) => Ok(request.request(*section)),
            Self::Sound(..) | Self::Vary(..) => return Ok(None),
        };
        request.map(Some).map_err(|error| Problem::refused(error.to_string()))
    }
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Record {
    /// The job was acknowledged to the client.
    Accepted {
        /// The job.
        job: JobId,
        /// Its session.
        session: SessionId,
        /// What it does.
        spec: Box<Spec>,
    },
    /// Work has started.
    Started {
        /// The job.
        job: JobId,
    },
    /// The session is about to be saved with these takes playing.
    Saving {
        /// The job.
        job: JobId,
        /// Ids of the takes.
        takes: Vec<String>,
    },
    /// The job has ended.
    Finished {
        /// The job.
        job: JobId,
        /// Its final state.
        state: JobState,
        /// Why it failed.
        error: Option<String>,
        /// Ids of its takes.
        takes: Vec<String>,
    },
}

/// The open journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// Open for appending; `None` where it could not be opened again after it was replaced.
    file: Option<File>,
    /// Whether the last line may be truncated.
    torn: bool,
    lines: usize,
}

impl Journal {
    /// Opens a journal and reads its records.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or opened for writing.
    pub fn open(path: &Path) -> io::Result<(Self, Vec<Record>)> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let records: Vec<Record> = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let torn = text.last().is_some_and(|byte| *byte != b'\n');
        Ok((Self { path: path.to_owned(), file: Some(file), torn, lines: records.len() }, records))
    }

    /// Appends a line. On return it survives a kill of the process, and a power loss if the disk flushes as it reports.
    ///
    /// # Errors
    /// Returns an error if the disk is full or gone; the line then counts as not written.
    pub fn append(&mut self, record: &Record) -> io::Result<()> {
        let mut line = Vec::new();
        if self.torn {
            line.push(b'\n');
        }
        serde_json::to_writer(&mut line, record)?;
        line.push(b'\n');
        self.torn = true;
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(reopened(&self.path)?),
        };
        file.write_all(&line)?;
        self.torn = false;
        self.lines += 1;
        match record {
            Record::Started { .. } => Ok(()),
            _ => file.sync_data(),
        }
    }

    /// Number of lines in the file.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// Replaces the whole journal atomically.
    ///
    /// # Errors
    /// Returns an error if the new journal cannot be written; the old one stays.
    pub fn rewrite(&mut self, records: &[Record]) -> io::Result<()> {
        let folder = self.path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let mut file = tempfile::Builder::new().prefix(".journal-").tempfile_in(folder)?;
        let mut text = Vec::new();
        for record in records {
            serde_json::to_writer(&mut text, record)?;
            text.push(b'\n');
        }
        file.write_all(&text)?;
        file.as_file().sync_data()?;
        // Windows replaces no file that is open, so both are closed.
        self.file = None;
        let replaced = file.into_temp_path().persist(&self.path);
        self.file = Some(reopened(&self.path)?);
        replaced?;
        self.torn = false;
        self.lines = records.len();
        Ok(())
    }
}

fn reopened(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).open(path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn started() -> Record {
        Record::Started { job: JobId::fresh().expect("random numbers") }
    }

    #[test]
    fn lines_after_a_cut_one_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let records = [started(), started(), started()];
        let (mut journal, found) = Journal::open(&path).expect("a new one");
        assert!(found.is_empty());
        journal.append(&records[0]).expect("room");
        drop(journal);
        let mut text = fs::read(&path).expect("readable");
        let cut = &serde_json::to_vec(&records[1]).expect("plain data")[..20];
        text.extend_from_slice(cut);
        fs::write(&path, text).expect("room");
        let (mut journal, found) = Journal::open(&path).expect("readable");
        assert_eq!(found, records[..1]);
        journal.append(&records[2]).expect("room");
        assert_eq!(Journal::open(&path).expect("readable").1, [records[0].clone(), records[2].clone()]);
        journal.rewrite(&records).expect("room");
        journal.append(&records[0]).expect("room");
        assert_eq!(Journal::open(&path).expect("readable").1.len(), 4);
    }

    /// Uses Linux's device that is always full.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_and_not_a_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let (mut journal, _) = Journal::open(&path).expect("a new one");
        journal.file = Some(OpenOptions::new().write(true).open("/dev/full").expect("a device"));
        let error = journal.append(&started()).expect_err("no room");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        journal.file = Some(reopened(&path).expect("the file"));
        let record = started();
        journal.append(&record).expect("room again");
        assert_eq!(Journal::open(&path).expect("readable").1, [record]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("journal");
            fs::write(&path, &bytes).expect("room");
            let (mut journal, _) = Journal::open(&path).expect("readable");
            let record = started();
            journal.append(&record).expect("room");
            prop_assert!(Journal::open(&path).expect("readable").1.contains(&record));
        }
    }
}
