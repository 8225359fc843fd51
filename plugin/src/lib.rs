//! The ResonantGen instrument plugin.
