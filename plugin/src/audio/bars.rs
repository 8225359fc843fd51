//! The host's bars, from CLAP's transport.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use clap_sys::events::{
    CLAP_TRANSPORT_HAS_BEATS_TIMELINE, CLAP_TRANSPORT_HAS_TIME_SIGNATURE, clap_event_transport,
};
use clap_sys::fixedpoint::CLAP_BEATTIME_FACTOR;
use resonantgen_playback::Bar;

/// Hosts that count in ticks round beats by less than this, in quarter notes.
const ROUNDING: f64 = 1e-3;
/// Bars start on multiples of the shortest beat that a meter has (1/64), in quarter notes.
const GRID: f64 = 1.0 / 16.0;

/// A [`Bar`] on its way from the shim around the plugin to its process function, within one call.
#[derive(Debug)]
pub struct HostBar {
    /// Bits of the start; NaN if there is no bar.
    start: AtomicU64,
    /// [`NO_INDEX`] if there is no index.
    index: AtomicI64,
}

const NO_INDEX: i64 = i64::MIN;

impl Default for HostBar {
    fn default() -> Self {
        Self { start: AtomicU64::new(f64::NAN.to_bits()), index: AtomicI64::new(NO_INDEX) }
    }
}

impl HostBar {
    /// Writes. Realtime-safe.
    pub fn store(&self, bar: Option<Bar>) {
        self.start.store(bar.map_or(f64::NAN, |bar| bar.start).to_bits(), Ordering::Relaxed);
        self.index.store(bar.and_then(|bar| bar.index).map_or(NO_INDEX, i64::from), Ordering::Relaxed);
    }

    /// Reads. Realtime-safe.
    pub fn load(&self) -> Option<Bar> {
        let start = f64::from_bits(self.start.load(Ordering::Relaxed));
        let index = i32::try_from(self.index.load(Ordering::Relaxed)).ok();
        (!start.is_nan()).then_some(Bar { start, index })
    }
}

/// Derives a [`Bar`] from the host's transport, which may be wrong: CLAP has no flag that says whether bars are valid, VST3 has no
/// bar numbers, and not every host counts from 0.
#[derive(Debug, Default)]
pub struct BarReader {
    /// The host's number of the bar at beat 0, once known.
    first: Option<i32>,
}

impl BarReader {
    /// The bar in which a block begins, in the host's quarter notes; `None` if the host does not know it. Realtime-safe.
    pub fn read(&mut self, transport: &clap_event_transport) -> Option<Bar> {
        let needed = CLAP_TRANSPORT_HAS_BEATS_TIMELINE | CLAP_TRANSPORT_HAS_TIME_SIGNATURE;
        if transport.flags & needed != needed || transport.tsig_num == 0 || transport.tsig_denom == 0 {
            return None;
        }
        let quarters = |time: i64| time as f64 / CLAP_BEATTIME_FACTOR as f64;
        let (beat, start) = (quarters(transport.song_pos_beats), quarters(transport.bar_start));
        let length = f64::from(transport.tsig_num) * 4.0 / f64::from(transport.tsig_denom);
        if beat < start - ROUNDING || beat >= start + length + ROUNDING {
            return None;
        }
        let grid = (start / GRID).round() * GRID;
        let start = if (start - grid).abs() < ROUNDING { grid } else { start };
        Some(Bar { start, index: self.index(start, length, transport.bar_number) })
    }

    /// The number of bars from beat 0 to the one at `start`.
    fn index(&mut self, start: f64, length: f64, number: i32) -> Option<i32> {
        if start == 0.0 {
            self.first = Some(number);
            return Some(0);
        }
        let regular = start / length;
        let index = match self.first {
            Some(first) => number.saturating_sub(first),
            // Until the number of the first bar is known, a bar at the position of a bar in a song of one meter gets that bar's
            // number.
            None if regular == regular.round() => regular as i32,
            None => number,
        };
        // Hosts that do not count bars always report 0.
        ((index > 0) == (start > 0.0) && index != 0).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transport(beat: f64, start: f64, number: i32, meter: (u16, u16)) -> clap_event_transport {
        let time = |quarters: f64| (quarters * CLAP_BEATTIME_FACTOR as f64).round() as i64;
        // SAFETY: all its fields are numbers.
        let empty: clap_event_transport = unsafe { std::mem::zeroed() };
        clap_event_transport {
            flags: CLAP_TRANSPORT_HAS_BEATS_TIMELINE | CLAP_TRANSPORT_HAS_TIME_SIGNATURE,
            song_pos_beats: time(beat),
            bar_start: time(start),
            bar_number: number,
            tsig_num: meter.0,
            tsig_denom: meter.1,
            ..empty
        }
    }

    fn bar(start: f64, index: Option<i32>) -> Option<Bar> {
        Some(Bar { start, index })
    }

    #[test]
    fn bars_are_counted_from_beat_0_whatever_number_the_host_gives_it() {
        for first in [0, 1, -3] {
            let mut reader = BarReader::default();
            assert_eq!(reader.read(&transport(2.0, 0.0, first, (4, 4))), bar(0.0, Some(0)));
            // Bar 1 has three quarters.
            assert_eq!(reader.read(&transport(4.0, 4.0, first + 1, (3, 4))), bar(4.0, Some(1)));
            assert_eq!(reader.read(&transport(8.5, 7.0, first + 2, (4, 4))), bar(7.0, Some(2)));
            assert_eq!(reader.read(&transport(-1.0, -4.0, first - 1, (4, 4))), bar(-4.0, Some(-1)));
        }
    }

    #[test]
    fn a_host_that_does_not_count_or_was_not_at_the_start_is_not_misread() {
        let mut zeros = BarReader::default();
        for known in [false, true] {
            assert_eq!(zeros.read(&transport(8.0, 7.0, 0, (4, 4))), bar(7.0, None), "{known}");
            zeros.read(&transport(0.0, 0.0, 0, (4, 4)));
        }
        let mut late = BarReader::default();
        assert_eq!(late.read(&transport(9.0, 8.0, 3, (4, 4))), bar(8.0, Some(2)), "counted from 1");
        assert_eq!(late.read(&transport(9.0, 7.0, 2, (4, 4))), bar(7.0, Some(2)));
    }

    #[test]
    fn what_cannot_be_the_bar_is_no_bar() {
        let mut reader = BarReader::default();
        for start in [0.0, 10.0, -8.0] {
            assert_eq!(reader.read(&transport(8.0, start, 0, (4, 4))), None, "{start}");
        }
        let mut without_meter = transport(1.0, 0.0, 0, (4, 4));
        without_meter.flags = CLAP_TRANSPORT_HAS_BEATS_TIMELINE;
        assert_eq!(reader.read(&without_meter), None);
        assert_eq!(reader.read(&transport(1.0, 0.0, 0, (4, 0))), None);
        // A host that counts in ticks.
        assert_eq!(reader.read(&transport(6.9999, 7.0003, 2, (4, 4))), bar(7.0, Some(2)));
    }
}
