//! What a session knows is still known after its project was closed and opened again.

#![allow(clippy::expect_used, missing_docs, reason = "a test")]

use resonantgen_music::track::Track;
use resonantgen_project as project;
use resonantgen_session::Session;
use resonantgen_session::fake::{generated, ids, pass, regenerate, regeneration, request};

#[test]
fn a_song_is_answered_again_after_it_was_opened() {
    let mut session = generated("jazz", 1);
    let played = pass(&mut session);
    let mut opened = project::from_project(&project::to_project(&session)).expect("own bytes").session;
    for _ in 0..2 {
        assert!(opened.answer_again(&request("techno", 7)));
        assert_eq!(ids(&opened), played[0]);
        assert!(opened.answer_again(&regeneration(23)));
        assert_eq!(ids(&opened), played[1]);
    }
    let same = |session: &Session| {
        (session.prompt.clone(), session.intent.clone(), session.plan.clone(), session.seed)
    };
    assert_eq!(same(&opened), same(&session));
    opened.undo().expect("an action");
    assert_eq!(ids(&opened), played[0]);
}

#[test]
fn takes_keep_their_numbers() {
    let numbers = |session: &Session| -> Vec<Option<u32>> {
        let state = session.track(Track::Bass);
        state.history.iter().map(|take| state.number(&take.id)).collect()
    };
    let mut session = generated("techno", 1);
    for seed in 2..=18 {
        regenerate(&mut session, Track::Bass, seed).expect("a take");
    }
    let opened = project::from_project(&project::to_project(&session)).expect("own bytes").session;
    assert_eq!(numbers(&opened), numbers(&session));
}
