//! ResonantGen over HTTP: a server that wraps the engine, and a small blocking client. The only crate that may use HTTP.
//!
//! [`wire`] holds the transferred types. They are separate from the engine's, so that those can change without breaking
//! clients. [`serve`] (feature `serve`) is the server, [`client`] (feature `client`) the client. [`settings`] stores the
//! address and token of the server that a user's programs generate on.
//!
//! ```
//! use resonantgen_server::wire::GenerateRequest;
//!
//! let sent: GenerateRequest = serde_json::from_str(r#"{ "prompt": "dark techno", "bpm": 132 }"#)?;
//! assert_eq!(sent.request()?.facts.bpm, Some(132.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "serve")]
pub mod serve;
pub mod settings;
pub mod wire;
