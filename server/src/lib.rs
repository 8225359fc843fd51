//! ResonantGen over HTTP: a server that wraps the engine, and a small blocking client for programs that use one.
//!
//! [`wire`] holds what travels: types of its own, so that the engine's may change without breaking anybody. [`serve`]
//! (feature `serve`) is the server, [`client`] (feature `client`) the other end. [`settings`] is where a program that
//! may use a server keeps its address and token.

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "serve")]
pub mod serve;
pub mod settings;
pub mod wire;
