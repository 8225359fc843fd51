//! Model bundles, the inference runtime, and the generator that makes takes with them.
//!
//! A [`bundle`] is a checked folder of networks and patches; [`runtime`] runs networks in ONNX Runtime and is the only module
//! that uses `ort`; [`generator`] composes, performs and decodes a take; [`context`] is what it hears of the other tracks;
//! [`text`] is the sentence model. This crate may know `take` and the crates below it. It knows nothing of sessions or project files.
//!
//! ```no_run
//! use resonantgen_models::bundle::Bundle;
//!
//! let bundle = Bundle::open("models/resonant".as_ref())?;
//! println!("{}", bundle.manifest().id);
//! # Ok::<(), resonantgen_models::bundle::BundleError>(())
//! ```

pub mod bundle;
pub mod context;
pub mod generator;
pub mod runtime;
pub mod sounds;
pub mod text;
pub mod worker;
