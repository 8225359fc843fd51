//! The CLAP, VST3 and Audio Unit side of the plugin: entry points, the shim around the framework's CLAP plugin, and presets.

pub mod entry;
pub mod gui;
pub mod preset;
pub mod shim;
pub mod state;
pub mod values;

#[cfg(all(feature = "auv2", target_os = "macos"))]
pub mod auv2;
#[cfg(feature = "vst3")]
pub mod vst3;
