//! Uploads: bodies that are too large for memory. They are written to disk while they arrive, so that however slowly one comes, it
//! costs no memory and keeps no other upload waiting.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use http_body_util::{BodyExt as _, Limited};
use tempfile::TempDir;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::app::App;
use super::extract::{blocking, body_error, check_told};
use super::problem::Problem;

/// Name prefix of upload folders.
const UPLOAD: &str = ".upload-";
/// Bytes that are collected in memory before they are written.
const PIECE_BYTES: usize = 64 << 10;

/// Where uploads are kept until they are used, and how much room there is for them.
#[derive(Debug)]
pub struct Uploads {
    data: PathBuf,
    /// In pieces.
    room: Arc<Semaphore>,
}

impl Uploads {
    /// Uploads into the data folder `data`, of `bytes` in all at a time. Removes what a killed process has left behind.
    pub(super) fn new(data: &Path, bytes: usize) -> Self {
        for entry in std::fs::read_dir(data).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(UPLOAD) {
                // Failed removals are retried at the next start.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        let pieces = bytes.div_ceil(PIECE_BYTES).min(Semaphore::MAX_PERMITS);
        Self { data: data.to_owned(), room: Arc::new(Semaphore::new(pieces)) }
    }

    /// An empty folder for what is made to be sent, removed when it is dropped or, after a kill, at the next start.
    ///
    /// # Errors
    /// Returns an error if the disk is full.
    pub(super) fn scratch(&self) -> io::Result<TempDir> {
        tempfile::Builder::new().prefix(UPLOAD).tempdir_in(&self.data)
    }
}

/// A body on disk; its file is removed when this is dropped.
#[derive(Debug)]
pub struct Upload {
    file: File,
    path: PathBuf,
    room: Option<OwnedSemaphorePermit>,
    _folder: TempDir,
}

impl Upload {
    fn new(data: &Path, name: &str) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix(UPLOAD).tempdir_in(data)?;
        let path = folder.path().join(name);
        let file = File::create_new(&path)?;
        Ok(Self { file, path, room: None, _folder: folder })
    }

    /// Where its file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn write(&mut self, piece: &[u8], room: OwnedSemaphorePermit) -> io::Result<()> {
        match &mut self.room {
            Some(held) => held.merge(room),
            none => *none = Some(room),
        }
        self.file.write_all(piece)
    }
}

/// Receives a whole body, regardless of its declared length, into a file named `name`.
///
/// # Errors
/// Returns an error if the body is too long or ends prematurely, all room is taken by other uploads, or the disk is full.
pub async fn receive(app: &Arc<App>, request: Request, name: String) -> Result<Upload, Problem> {
    let limit = app.limits.upload_bytes;
    check_told(&request, limit)?;
    let mut body = Limited::new(request.into_body(), limit);
    let data = app.uploads.data.clone();
    let create = move || Upload::new(&data, &name).map_err(|error| Problem::storage(&error));
    let mut upload = blocking(create).await?;
    let mut piece = Vec::new();
    loop {
        let data = match body.frame().await {
            Some(Ok(frame)) => frame.into_data().unwrap_or_else(|_| Bytes::new()),
            Some(Err(error)) => return Err(body_error(&*error, limit)),
            None => break,
        };
        piece.extend_from_slice(&data);
        if piece.len() >= PIECE_BYTES {
            upload = keep(app, upload, std::mem::take(&mut piece)).await?;
        }
    }
    keep(app, upload, piece).await
}

/// Writes a piece of an upload.
async fn keep(app: &App, mut upload: Upload, piece: Vec<u8>) -> Result<Upload, Problem> {
    let pieces = u32::try_from(piece.len().div_ceil(PIECE_BYTES)).unwrap_or(u32::MAX);
    let room = Arc::clone(&app.uploads.room).try_acquire_many_owned(pieces).map_err(|_| {
        let detail = "there is no room for another upload now: try again soon";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    })?;
    blocking(move || {
        upload.write(&piece, room).map_err(|error| Problem::storage(&error))?;
        Ok(upload)
    })
    .await
}
