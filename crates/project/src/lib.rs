//! A project: a session as it is kept in a folder or in a host's project, and the files that are made of it.
//!
//! What is written is a record of a numbered form (`record`), never a domain type; audio is kept without loss as FLAC. A damaged
//! or missing take never closes a session: [`Opened`] says which takes are lost, and they are made again from their recipes.
//!
//! May know the session and what it is made of; knows no generator, plugin or server.
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
mod lock;
mod mix;
mod parallel;
mod record;
mod remembered;
mod sleep;
mod wav;

pub use blob::{BlobError, from_bytes, from_project, prepare_project, to_bytes, to_project};
pub use export::{ExportOptions, Form, ProjectForm, export, export_name, export_project, export_take};
pub use folder::{Folder, SESSION_FILE, StemFormat, StoreError, load, save};
pub use lock::{Access, PATIENCE, Waiting};
pub use mix::{mix, resample_loop};
pub use record::{LostTake, Opened};
pub use sleep::StoredSound;
pub use wav::SampleDepth;
