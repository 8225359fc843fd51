//! Chords that are followed: the bars that are performed first sound as the whole loop does that comes after them.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod support;

use resonantgen_models::generator::{Engine, EngineOptions, Silent};
use resonantgen_music::plan::Chord;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_music::variation::NoteDials;
use resonantgen_session::{Chords, Overrides, Request, Session};
use resonantgen_sound::measure::sound;
use resonantgen_take::{TAKE_SAMPLE_RATE_HZ, Take};
use support::{repository, runtime_library};

/// Half a bar at 120 quarter notes per minute, in audio frames.
const HALF_BAR: usize = TAKE_SAMPLE_RATE_HZ as usize;
/// Most difference in loudness, in LU. Where a phrase ends in the loop it may be quieter than in a bar by itself.
const MOST_LU: f32 = 2.0;

/// Loudness of some half bars of a take in LUFS; `None` for silence.
fn loudness(take: &Take, half_bars: std::ops::Range<usize>) -> Option<f32> {
    let frames = half_bars.start * HALF_BAR..half_bars.end * HALF_BAR;
    let side = |side: &[i32]| -> Vec<f32> {
        side[frames.clone()].iter().map(|sample| *sample as f32 / resonantgen_take::FULL_SCALE).collect()
    };
    sound::loudness(&side(&take.audio.left), &side(&take.audio.right))
}

#[test]
fn the_bars_that_are_performed_first_are_as_loud_as_in_the_whole_loop_and_leave_the_others_alone() {
    let bundle = repository().join("models/resonant");
    let options =
        EngineOptions { runtime_library: Some(runtime_library()), threads: 2, ..EngineOptions::new(bundle) };
    let engine = Engine::open(&options).unwrap();
    for (prompt, from) in
        [("soul with electric piano, Am F C G", 2), ("house, Am Am F F", 5), ("jazz trio", 0)]
    {
        let mut session = Session::default();
        let facts = Overrides { bars: Some(4), bpm: Some(120.0), ..Overrides::default() };
        session.apply(&engine, &Request::generate(prompt).facts(facts).seed(3), &Silent).unwrap();
        let playing = Track::ALL.map(|track| session.track(track).take().cloned());
        let chord: Chord = "Ebm7".parse().unwrap();
        let chords: Vec<Option<Chord>> = (0..8).map(|place| (place >= from).then_some(chord)).collect();
        let dials = [NoteDials::default(); TRACK_COUNT];
        let over = Chords { chords: &chords, dials: &dials, bpm: 120.0 };
        let soon = session.followed_soon(&engine, &over, from, &playing, &Silent).unwrap().unwrap();
        let whole = session.followed(&engine, &over, &Silent).unwrap();
        let used = if from % 2 == 0 { from..from + 2 } else { from..from + 3 };
        for track in [Track::Bass, Track::Harmony, Track::Melody] {
            let (Some(soon), Some(whole)) = (&soon[track.index()], &whole[track.index()]) else {
                assert_eq!(soon[track.index()], whole[track.index()], "{prompt}, {track}");
                continue;
            };
            let of = playing[track.index()].as_ref().unwrap();
            let notes = |take: &Take| -> Vec<_> {
                let half = |step: u32| (step / 8) as usize;
                take.score.notes.iter().filter(|note| used.contains(&half(note.step))).copied().collect()
            };
            assert_eq!(notes(soon), notes(whole), "{prompt}, {track}");
            for half_bar in 0..8 {
                let frames = half_bar * HALF_BAR + 480..(half_bar + 1) * HALF_BAR - 480;
                let is_new = soon.audio.left[frames.clone()] != of.audio.left[frames];
                assert!(used.contains(&half_bar) || !is_new, "{prompt}, {track}: half bar {half_bar}");
            }
            let (now, then) = (loudness(soon, used.clone()), loudness(whole, used.clone()));
            let is_alike = match (now, then) {
                (Some(now), Some(then)) => (now - then).abs() < MOST_LU,
                (now, then) => now.is_none() && then.is_none(),
            };
            assert!(is_alike, "{prompt}, {track}: {now:?} LUFS, and {then:?} in the whole loop");
        }
    }
}
