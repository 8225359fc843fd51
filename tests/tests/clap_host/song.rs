//! A song in a host: several sample rates, reactivation, bars of other meters. Compares samples, not loudness.

use clack_extensions::render::RenderMode;

use crate::host::{Host, PORTS, Stereo};
use crate::{state, two_takes};

const RATES_HZ: [f64; 3] = [44_100.0, 48_000.0, 96_000.0];
/// One bar of 3/4 and one of 7/8.
const METERS: [(u16, u16); 6] = [(4, 4), (4, 4), (3, 4), (4, 4), (7, 8), (4, 4)];
const BPM: f64 = 120.0;
/// Length of the takes' loop in beats.
const LOOP_BEATS: f64 = 8.0;
/// How long a jump of the timeline is smoothed, in seconds; a crossfade takes slightly longer.
const SMOOTHED: f64 = 0.011;

fn frames(beats: f64, rate_hz: f64) -> usize {
    (beats * 60.0 / BPM * rate_hz).round() as usize
}

/// Starts and lengths of the song's bars, in quarter notes.
fn bars() -> Vec<(f64, f64)> {
    let mut start = 0.0;
    METERS
        .iter()
        .map(|(numerator, denominator)| {
            let length = f64::from(*numerator) * 4.0 / f64::from(*denominator);
            start += length;
            (start - length, length)
        })
        .collect()
}

fn song_beats() -> f64 {
    bars().iter().map(|(_, length)| length).sum()
}

/// Plays `beats` of the song from `from` on, in blocks of `size`, with changes at given beats.
fn play(
    host: &mut Host,
    rate_hz: f64,
    (from, beats): (f64, f64),
    size: usize,
    changes: &[(f64, &str, f64)],
) -> Vec<Stereo> {
    host.forget();
    host.meters = METERS.to_vec();
    let total = frames(beats, rate_hz);
    let mut heard: Vec<Stereo> = vec![Default::default(); PORTS];
    let mut done = 0;
    while done < total {
        let size = size.min(total - done);
        host.beat = from + done as f64 * BPM / (60.0 * rate_hz);
        let at = |beat: f64| frames(beat - from, rate_hz);
        let now: Vec<(u32, &str, f64)> = changes
            .iter()
            .filter(|(beat, ..)| *beat >= from && (done..done + size).contains(&at(*beat)))
            .map(|(beat, name, value)| ((at(*beat) - done) as u32, *name, *value))
            .collect();
        for (heard, block) in heard.iter_mut().flatten().zip(host.block(size, &now).iter().flatten()) {
            heard.extend(block);
        }
        done += size;
    }
    heard
}

#[test]
fn loops_start_on_the_hosts_bars_after_bars_of_other_meters() {
    let Some(state) = state() else { return };
    for rate_hz in RATES_HZ {
        let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
        host.start(rate_hz, RenderMode::Offline);
        let whole = host.render(0.0, frames(LOOP_BEATS, rate_hz), 512);
        assert!(whole.iter().all(|port| port[0].iter().any(|sample| sample.abs() > 1e-3)));
        for counts_bars in [true, false] {
            host.counts_bars = counts_bars;
            let song = play(&mut host, rate_hz, (0.0, song_beats()), 512, &[]);
            for (index, (start, length)) in bars().into_iter().enumerate() {
                let place = (index as f64 * 4.0) % LOOP_BEATS;
                let smoothed = if index == 0 { 0.0 } else { SMOOTHED };
                let skipped = (smoothed * rate_hz) as usize;
                let count = frames(length, rate_hz) - skipped - 1;
                for (port, (song, whole)) in song.iter().zip(&whole).enumerate() {
                    let heard = &song[0][frames(start, rate_hz) + skipped..][..count];
                    let expected = &whole[0][frames(place, rate_hz) + skipped..][..count];
                    assert!(
                        heard == expected,
                        "port {port}, bar {index} at {rate_hz} Hz, counted: {counts_bars}"
                    );
                }
            }
            // The same from the middle of the song, in other block sizes, before and after the odd bars.
            for (from, size) in [(5.0, 127), (9.5, 1_024), (12.0, 64), (19.0, 333)] {
                let part = play(&mut host, rate_hz, (from, 3.0), size, &[]);
                let (begin, skipped) = (frames(from, rate_hz), (SMOOTHED * rate_hz) as usize);
                for (port, (part, song)) in part.iter().zip(&song).enumerate() {
                    let expected = &song[0][begin..begin + part[0].len()];
                    assert!(
                        part[0][skipped..] == expected[skipped..],
                        "port {port} from beat {from} at {rate_hz} Hz"
                    );
                }
            }
        }
    }
}

#[test]
fn a_song_with_odd_bars_is_bounced_as_it_was_played_at_any_rate_and_activated_anew() {
    let Some(state) = two_takes() else { return };
    let changes = [
        (0.0, "Bass Take", 0.0),
        // Changed on the bar line after the 3/4 bar, and back in mid-bar.
        (11.0, "Bass Take", 1.0),
        (16.25, "Bass Take", 0.0),
        (12.0, "Harmony Level", -6.0),
        (17.5, "Melody Take", 1.0),
        (0.0, "Melody Take", 0.0),
        (0.0, "Harmony Level", 0.0),
    ];
    let whole_song = (0.0, song_beats());
    for rate_hz in RATES_HZ {
        let mut bounce = Host::open(Some(state), PORTS).expect("there is a plugin");
        bounce.start(rate_hz, RenderMode::Offline);
        let first = play(&mut bounce, rate_hz, whole_song, 512, &changes);
        // The chosen take differs from the first, and both are heard.
        let plain = play(&mut bounce, rate_hz, whole_song, 512, &changes[..1]);
        let during = frames(13.0, rate_hz)..frames(16.0, rate_hz);
        assert!(first[2][0][during.clone()] != plain[2][0][during], "the bass changes at {rate_hz} Hz");

        let begin = (SMOOTHED * rate_hz) as usize;
        let same = |other: &[Stereo], what: &str| {
            for (port, (one, other)) in first.iter().zip(other).enumerate() {
                let differs =
                    one[0][begin..].iter().zip(&other[0][begin..]).position(|(one, other)| one != other);
                assert_eq!(differs, None, "port {port} at {rate_hz} Hz: {what}");
            }
        };
        same(&play(&mut bounce, rate_hz, whole_song, 333, &changes), "the second pass");
        bounce.start(rate_hz, RenderMode::Offline);
        same(&play(&mut bounce, rate_hz, whole_song, 512, &changes), "activated anew");
        // To another rate and back.
        bounce.start(RATES_HZ[1], RenderMode::Offline);
        bounce.block(512, &[]);
        bounce.start(rate_hz, RenderMode::Offline);
        same(&play(&mut bounce, rate_hz, whole_song, 512, &changes), "after another rate");
        // Once played, all takes are unpacked.
        bounce.render_mode(RenderMode::Realtime);
        same(&play(&mut bounce, rate_hz, whole_song, 256, &changes), "played");
        let saved = bounce.save();
        let mut again = Host::open(Some(&saved), PORTS).expect("there is a plugin");
        again.start(rate_hz, RenderMode::Offline);
        same(&play(&mut again, rate_hz, whole_song, 512, &changes), "opened again");
    }
}
