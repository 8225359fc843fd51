//! Sessions with fake takes, for the tests of this crate and, with the feature `fake`, of others.
#![allow(clippy::expect_used, missing_docs, reason = "only tests use it")]

mod maker;

use std::sync::Arc;

use resonantgen_music::score::{Note, Score};
use resonantgen_music::track::Track;
use resonantgen_sound::measure::Measures;
use resonantgen_take::maker::TakeRequest;
use resonantgen_take::{Recipe, StageSeconds, StemAudio, TAKE_SAMPLE_RATE_HZ, Take, Tokens};

pub use maker::Fake;

use crate::{Overrides, Request, Session, SessionError};

/// A take as an engine would make it, with a little noise for audio.
pub fn fake_take(request: &TakeRequest<'_>) -> Take {
    let recipe = Recipe {
        track: request.track,
        prompt: request.prompt.to_owned(),
        intent: request.intent.clone(),
        plan: request.plan.clone(),
        seed: request.seed,
        settings: request.settings,
        bundle_id: "test".to_owned(),
        context: request.context.iter().map(|take| take.id.clone()).collect(),
        imported: None,
        held_patch: request.patch.map(ToOwned::to_owned),
        taken_over: None,
    };
    let frames = request.plan.audio_frames(TAKE_SAMPLE_RATE_HZ);
    let mut state = request.seed ^ (request.track.index() as u64 + 1);
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 41) as i32) - (1 << 22)
    };
    let audio = StemAudio {
        left: (0..frames).map(|_| noise()).collect(),
        right: (0..frames).map(|_| noise()).collect(),
    };
    let note = Note { step: 3, offset: 0.25, length: 1.0 / 3.0, pitch: 60, velocity: 90 };
    Take {
        id: recipe.take_id(),
        recipe,
        patch: request.patch.unwrap_or("a patch").to_owned(),
        score: Score { notes: vec![note] },
        tokens: Tokens { codebooks: 2, codes: vec![1, 2, 3, 1_023] },
        audio: Arc::new(audio),
        timings: StageSeconds { compose: 0.1, perform: 0.2, decode: 1.0 / 3.0 },
        measures: Some(Measures { on_grid: Some(1.0 / 3.0), ..Measures::default() }),
    }
}

pub fn request(prompt: &str, seed: u64) -> Request {
    let facts = Overrides { bars: Some(1), bpm: Some(240.0), ..Overrides::default() };
    Request::generate(prompt).facts(facts).seed(seed)
}

/// Applies a request with takes from [`fake_take`].
pub fn apply(session: &mut Session, request: &Request) -> Result<(), SessionError> {
    session.apply_with(request, None, &mut |take| Ok(fake_take(take)))
}

pub fn generated(prompt: &str, seed: u64) -> Session {
    let mut session = Session::default();
    apply(&mut session, &request(prompt, seed)).expect("a session");
    session
}

pub fn regenerate(session: &mut Session, track: Track, seed: u64) -> Result<(), SessionError> {
    apply(session, &Request::edit(track, "").seed(seed))
}

pub fn ids(session: &Session) -> [Option<String>; 4] {
    Track::ALL.map(|track| session.track(track).take().map(|take| take.id.0.clone()))
}

/// A request for another melody.
pub fn regeneration(seed: u64) -> Request {
    Request::edit(Track::Melody, "").seed(seed)
}

/// One pass of a song that generates everything and later regenerates the melody.
pub fn pass(session: &mut Session) -> [[Option<String>; 4]; 2] {
    [request("techno", 7), regeneration(23)].map(|request| {
        let question = session.question(&request);
        apply(session, &request).expect("takes");
        session.note_answer(question);
        ids(session)
    })
}
