//! The score-excited codec: excitation streams and score features made from notes, and the filter that shapes the
//! streams to audio with the gains of the decoder network.
//!
//! Everything runs on a linear *time line* in seconds at [`SAMPLE_RATE_HZ`]: [`timeline`] unrolls a looping score first.
//! Audio has a *mid* part, on which the networks were trained, and a *side* part that only adds width: left = mid + side,
//! right = mid - side, so the mono sum never depends on the width. The side comes from a second noise and from a
//! decorrelated copy of the mid ([`width`]).

pub mod excitation;
pub mod features;
pub mod filter;
pub mod hits;
pub mod kit;
pub mod notes;
pub mod timeline;
pub mod width;

/// Rate of the excitation and of the audio, in samples per second and channel.
pub const SAMPLE_RATE_HZ: u32 = 48_000;
/// Feature frames per second.
pub const FEATURE_RATE_HZ: u32 = 100;
/// Samples per feature frame.
pub const FEATURE_HOP: usize = (SAMPLE_RATE_HZ / FEATURE_RATE_HZ) as usize;
/// Feature frames per codec frame.
pub const FEATURES_PER_CODEC_FRAME: usize = 2;
/// Samples per codec frame.
pub const CODEC_HOP: usize = FEATURE_HOP * FEATURES_PER_CODEC_FRAME;
/// Number of mel bands of gains, levels and log-mels.
pub const BANDS: usize = 96;
/// Number of streams of a track: odd, even, noise; or impulse, body, noise.
pub const STREAMS: usize = 3;
/// Number of streams that come from the notes; the last stream is noise.
pub const PITCHED_STREAMS: usize = 2;

/// A note in seconds on the time line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimedNote {
    /// Start in seconds; may be negative.
    pub on: f64,
    /// End of the held part in seconds.
    pub off: f64,
    /// MIDI pitch; for drums the General MIDI key.
    pub pitch: u8,
    /// MIDI velocity, in `1..=127`.
    pub velocity: u8,
}
