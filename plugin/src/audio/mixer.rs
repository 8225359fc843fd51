//! Channel strips: from four stems to four stem outputs and Main.

use nice_plug::util::db_to_gain;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_playback::DrumOutputs;

use crate::control::host::HostLink;
use crate::control::status::Meter;
use crate::params::{InMain, LEVEL_MIN_DB, ResonantParams};

/// Time in which a gain goes from 0 to 1, in seconds.
const RAMP_SECONDS: f32 = 0.005;

/// A gain that moves to a target, at the same speed for any block size.
#[derive(Clone, Copy, Debug, Default)]
struct Gain {
    now: f32,
    target: f32,
}

impl Gain {
    #[inline]
    fn next(&mut self, step: f32) -> f32 {
        if self.now != self.target {
            self.now += (self.target - self.now).clamp(-step, step);
        }
        self.now
    }
}

/// One track's gains.
#[derive(Clone, Copy, Debug, Default)]
struct Strip {
    left: Gain,
    right: Gain,
    main: Gain,
}

/// The mixer. All methods are realtime-safe.
#[derive(Debug)]
pub struct Mixer {
    strips: [Strip; TRACK_COUNT],
    step: f32,
}

impl Mixer {
    /// A mixer whose gains are all zero until [`snap`](Self::snap).
    #[must_use]
    pub fn new(sample_rate_hz: f32) -> Self {
        Self { strips: Default::default(), step: 1.0 / (RAMP_SECONDS * sample_rate_hz) }
    }

    /// Reads the target gains.
    pub fn aim(&mut self, params: &ResonantParams, host: &HostLink) {
        let audible = params.audible();
        for (strip, track) in self.strips.iter_mut().zip(Track::ALL) {
            let params = params.track(track);
            let level_db = params.level.value();
            let sounds =
                audible[track.index()] && params.output.value().has_audio() && level_db > LEVEL_MIN_DB;
            let level = if sounds { db_to_gain(level_db) } else { 0.0 };
            let pan = params.pan.value();
            strip.left.target = level * (1.0 - pan).min(1.0);
            strip.right.target = level * (1.0 + pan).min(1.0);
            let in_main = match params.in_main.value() {
                InMain::Auto => !host.is_connected(track),
                InMain::On => true,
                InMain::Off => false,
            };
            strip.main.target = if in_main { 1.0 } else { 0.0 };
        }
    }

    /// Sets all gains to their targets.
    pub fn snap(&mut self) {
        for strip in &mut self.strips {
            for gain in [&mut strip.left, &mut strip.right, &mut strip.main] {
                gain.now = gain.target;
            }
        }
    }

    /// Applies each strip to its stem in place (that of the drums also to their parts), writes the sum of the stems to `main`,
    /// and raises the tracks' meters.
    pub fn mix(
        &mut self,
        stems: &mut [[&mut [f32]; 2]; TRACK_COUNT],
        mut drums: Option<&mut DrumOutputs<'_>>,
        main: [&mut [f32]; 2],
        meters: &[Meter; TRACK_COUNT],
    ) {
        let [main_left, main_right] = main;
        main_left.fill(0.0);
        main_right.fill(0.0);
        for ((strip, [left, right]), meter) in self.strips.iter_mut().zip(stems).zip(meters) {
            let mut peaks = [0.0_f32; 2];
            let channels = left.iter_mut().zip(right.iter_mut());
            let mut parts = drums.take();
            for (frame, ((left, right), (main_left, main_right))) in
                channels.zip(main_left.iter_mut().zip(main_right.iter_mut())).enumerate()
            {
                let gains = [strip.left.next(self.step), strip.right.next(self.step)];
                *left *= gains[0];
                *right *= gains[1];
                for part in parts.iter_mut().flat_map(|parts| parts.iter_mut()) {
                    part[0][frame] *= gains[0];
                    part[1][frame] *= gains[1];
                }
                peaks = [peaks[0].max(left.abs()), peaks[1].max(right.abs())];
                let in_main = strip.main.next(self.step);
                *main_left += *left * in_main;
                *main_right += *right * in_main;
            }
            meter.raise(peaks);
        }
    }
}
