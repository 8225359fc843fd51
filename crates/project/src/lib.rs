//! Sessions on disk and in host projects, and exports.
//!
//! Sessions are written as records of a numbered format (`record`), never as domain types. Audio is stored losslessly as FLAC. A
//! damaged or missing take does not keep a session from opening: [`Opened`] lists lost takes, which are made again from their
//! recipes.
//!
//! This crate may know `session` and the crates below it. It knows nothing of generators, the plugin or the server, and no other
//! crate writes project files.
//!
//! ```
//! use resonantgen_project as project;
//! use resonantgen_session::Session;
//!
//! let bytes = project::to_project(&Session::default());
//! let opened = project::from_project(&bytes)?;
//! assert!(opened.lost.is_empty());
//! # Ok::<(), project::BlobError>(())
//! ```

mod blob;
mod export;
mod flac;
mod folder;
mod held;
mod input;
mod lock;
mod mix;
mod names;
mod output;
mod parallel;
mod record;
mod remembered;
mod sleep;
mod song;
mod wav;

pub use blob::{BlobError, from_bytes, from_project, prepare_project, to_bytes, to_project};
pub use export::{
    ExportOptions, Form, ProjectForm, archive, export, export_name, export_project, export_take,
};
pub use folder::{Folder, SAVING, SESSION_FILE, StemFormat, StoreError, load, save};
pub use input::{open_file, read_file, read_text};
pub use lock::{Access, PATIENCE, Waiting};
pub use mix::{mix, resample_loop};
pub use names::is_device_name;
pub use output::{Audience, write_file};
pub use record::{LostTake, Opened};
pub use sleep::StoredSound;
pub use song::{Join, Marker, Pass, RING_OUT, join_at, markers, song_midi, song_stem};
pub use wav::{SampleDepth, song_wav};
