//! Songs and single bars with real networks (the fixture bundle's, with random weights): kept parts stay, new parts are new.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod support;

use std::sync::Arc;

use resonantgen_models::generator::{Engine, Silent};
use resonantgen_music::score::Note;
use resonantgen_music::track::Track;
use resonantgen_session::{Likeness, Overrides, Request, Session, SongRequest};
use resonantgen_take::{GenerationSettings, Take};
use support::engine;

fn looped(engine: &Engine, bars: u32) -> Session {
    let facts = Overrides { bars: Some(bars), bpm: Some(160.0), ..Overrides::default() };
    let mut session = Session::default();
    session.apply(engine, &Request::generate("house").facts(facts).seed(3), &Silent).unwrap();
    session
}

fn inside(take: &Take, bars: std::ops::Range<u32>) -> Vec<Note> {
    let notes = take.score.notes.iter().filter(|note| bars.contains(&(note.step / 16)));
    notes.copied().collect()
}

#[test]
fn some_bars_are_new_and_all_other_samples_stay() {
    let engine = engine(2);
    for track in [Track::Drums, Track::Bass, Track::Melody] {
        let mut session = looped(&engine, 4);
        let before = Arc::clone(session.track(track).take().unwrap());
        let settings = GenerationSettings::default();
        session.regenerate_bars(&engine, track, 2..=3, None, settings, &Silent).unwrap();
        let after = session.track(track).take().unwrap();
        let starts = |notes: &[Note]| notes.iter().map(|note| (note.step, note.pitch)).collect::<Vec<_>>();
        for kept in [0..1, 3..4] {
            assert_eq!(starts(&inside(after, kept.clone())), starts(&inside(&before, kept)), "{track}");
        }
        assert_ne!(starts(&inside(after, 1..3)), starts(&inside(&before, 1..3)), "{track} has new bars");
        let bar = before.audio.len() / 4;
        assert!(after.audio.left[..bar] == before.audio.left[..bar], "{track} before");
        assert!(after.audio.right[3 * bar..] == before.audio.right[3 * bar..], "{track} after");
        assert!(after.audio.left[bar..3 * bar] != before.audio.left[bar..3 * bar], "{track} inside");
        // Regenerated from its recipe it is identical, splice included.
        let context = session.heard_by(after);
        let again = engine.make_again(after, &context, &Silent).unwrap().unwrap();
        assert!(again.audio == after.audio, "{track}");
    }
}

#[test]
fn a_song_is_made_of_a_loop() {
    let engine = engine(2);
    let mut session = looped(&engine, 4);
    let drop: Vec<_> = Track::ALL.map(|track| session.track(track).take().cloned()).into();
    let form = "intro 4, build 4, drop 4, break 4, drop 4, outro 4".parse().unwrap();
    let request = SongRequest { form: Some(form), ..SongRequest::default() };
    session.make_song(&engine, &request, &Silent).unwrap();
    let find = |name: &str| session.section(session.find_section(name).unwrap()).unwrap();
    for (track, before) in Track::ALL.into_iter().zip(&drop) {
        let now = find("drop").take(track);
        assert!(now.map(|take| &take.audio) == before.as_ref().map(|take| &take.audio), "{track} to the bit");
        if let (Some(back), Some(before)) = (find("drop 2").take(track), before) {
            assert_eq!(back.patch, before.patch, "{track} keeps its patch");
        }
    }
    let likeness = Likeness::of_sections(&find("drop"), &find("drop 2")).unwrap();
    assert!((0.6..1.0).contains(&likeness), "it comes back, and not as a copy: {likeness}");
    let drums = find("build").take(Track::Drums).unwrap();
    let snares = |bar: u32| inside(drums, bar..bar + 1).iter().filter(|note| note.pitch == 38).count();
    assert!(snares(3) > snares(0), "it rises");
    assert!(drums.score.notes.iter().all(|note| note.step < 60), "and stops before the drop");
    let last = find("outro").take(Track::Harmony).map(|take| inside(take, 3..4)).unwrap();
    assert!(!last.is_empty() && last.iter().all(|note| note.step == 48), "one chord ends it");
    assert!(find("break").take(Track::Drums).is_none());
}
