//! Takes whose audio is lost on the server's disk.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::path::Path;
use std::sync::Arc;

use resonantgen_music::track::Track;
use resonantgen_project as project;
use resonantgen_server::serve::Limits;
use resonantgen_server::wire::{JobState, SessionView, TakeView};
use resonantgen_session::Session;
use resonantgen_take::{ImportSource, Take};
use serde_json::json;
use support::{Running, four_takes};

const KIND: [(&str, &str); 1] = [("Content-Type", "application/vnd.resonantgen.session")];

/// A server whose only session lost the audio of some tracks while it did not run.
struct Robbed {
    server: Running,
    session: String,
    folder: tempfile::TempDir,
}

fn robbed(session: &Session, tracks: &[Track]) -> Robbed {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), Limits::default(), None);
    let bytes = project::to_bytes(session);
    let id = server.request("POST", "/v1/sessions", &KIND, &bytes).expect(201).session().id;
    server.stop();
    for track in tracks {
        std::fs::remove_file(take_file(folder.path(), &id, session, *track)).unwrap();
        std::fs::remove_file(folder.path().join("sessions").join(&id).join(format!("{track}.wav"))).unwrap();
    }
    let server = Running::start(folder.path(), Limits::default(), None);
    Robbed { server, session: id, folder }
}

fn take_file(data: &Path, id: &str, session: &Session, track: Track) -> std::path::PathBuf {
    let take = session.track(track).take().unwrap();
    data.join("sessions").join(id).join("takes").join(format!("{}.flac", take.id.0))
}

/// A session with other words or another source for its bass.
fn with_bass(change: impl FnOnce(&mut Take)) -> Session {
    let mut session = four_takes();
    let mut bass = session.track(Track::Bass).take().unwrap().as_ref().clone();
    change(&mut bass);
    let state = session.track_mut(Track::Bass);
    state.history.clear();
    state.add(Arc::new(bass));
    session
}

fn bass(view: &SessionView) -> &TakeView {
    &view.tracks[1].takes[0]
}

impl Robbed {
    fn view(&self) -> SessionView {
        self.server.get(&format!("/v1/sessions/{}", self.session)).expect(200).session()
    }

    fn path(&self, take: &TakeView) -> String {
        format!("/v1/sessions/{}/takes/{}", self.session, take.id)
    }

    /// Runs a job on another session; takes that wait for being made again come first.
    fn let_it_work(&self) {
        let other = self.server.new_session();
        let job = self.server.generate(&other, "techno").expect(202).job();
        assert_eq!(self.server.end_of(&job).state, JobState::Done);
    }
}

#[test]
fn lost_takes_are_listed_and_made_again() {
    let session = four_takes();
    let robbed = robbed(&session, &[Track::Bass, Track::Melody]);
    let view = robbed.view();
    let lost: Vec<bool> = view.tracks.iter().map(|track| track.takes[0].lost).collect();
    assert_eq!(lost, [false, true, false, true]);
    assert!(view.tracks.iter().all(|track| track.takes[0].seconds >= 1.0), "{view:?}");
    // To have looked is enough.
    robbed.let_it_work();
    let view = robbed.view();
    assert!(view.tracks.iter().all(|track| !track.takes[0].lost), "{view:?}");
    let flac = robbed.server.get(&format!("{}/audio.flac", robbed.path(bass(&view)))).expect(200).body;
    let file = take_file(robbed.folder.path(), &robbed.session, &session, Track::Bass);
    assert_eq!(std::fs::read(file).unwrap(), flac);
    robbed.server.get(&format!("/v1/sessions/{}/mix.wav", robbed.session)).expect(200);
}

#[test]
fn audio_that_is_asked_for_is_made_again() {
    let robbed = robbed(&four_takes(), &[Track::Bass]);
    let id = four_takes().track(Track::Bass).take().unwrap().id.0.clone();
    let path = format!("/v1/sessions/{}/takes/{id}/audio.wav", robbed.session);
    let soon = robbed.server.get(&path);
    // It may be there already.
    if soon.status != 200 {
        let soon = soon.expect(503);
        assert!(soon.detail().contains("made again") && soon.field("retry-after").is_some());
    }
    robbed.let_it_work();
    robbed.server.get(&path).expect(200);
}

#[test]
fn a_mix_is_never_silently_short_of_a_stem() {
    let robbed = robbed(&four_takes(), &[Track::Drums]);
    let path = format!("/v1/sessions/{}/mix.wav", robbed.session);
    let whole = {
        let soon = robbed.server.get(&path);
        assert!([200, 503].contains(&soon.status), "{}", soon.head);
        robbed.let_it_work();
        robbed.server.get(&path).expect(200).body
    };
    let drums: Vec<_> = four_takes().tracks.iter().filter_map(|state| state.take().cloned()).collect();
    let stems: Vec<_> = drums.iter().map(|take| take.audio.as_ref()).collect();
    let mix = project::mix(&stems);
    let samples: Vec<i32> =
        hound::WavReader::new(whole.as_slice()).unwrap().into_samples().collect::<Result<_, _>>().unwrap();
    assert!(samples.iter().step_by(2).eq(&mix.left));
}

#[test]
fn what_cannot_be_made_again_is_told() {
    let source = ImportSource {
        name: "my break.wav".to_owned(),
        sha256: String::new(),
        start_seconds: 0.0,
        bpm: 120.0,
        bars: 1,
    };
    for (session, words) in [
        (with_bass(|bass| bass.recipe.imported = Some(source)), "import my break.wav again"),
        (with_bass(|bass| bass.recipe.prompt = "kazoo".to_owned()), "do not have its instrument"),
    ] {
        let robbed = robbed(&session, &[Track::Bass]);
        assert!(bass(&robbed.view()).lost);
        robbed.let_it_work();
        let view = robbed.view();
        assert!(bass(&view).lost);
        let gone = robbed.server.get(&format!("{}/audio.flac", robbed.path(bass(&view)))).expect(410);
        assert!(gone.detail().contains(words), "{}", gone.detail());
        // The notes are there, the others play, and the mix is what can be heard.
        robbed.server.get(&format!("{}/score.mid", robbed.path(bass(&view)))).expect(200);
        robbed.server.get(&format!("{}/audio.flac", robbed.path(&view.tracks[0].takes[0]))).expect(200);
        robbed.server.get(&format!("/v1/sessions/{}/mix.wav", robbed.session)).expect(200);
        // A job goes on without it, and says so.
        let path = format!("/v1/sessions/{}/tracks/melody/regenerate", robbed.session);
        let job = robbed.server.json("POST", &path, &json!({})).expect(202).job();
        let job = robbed.server.end_of(&job);
        assert_eq!(job.state, JobState::Done);
        assert!(job.notices.iter().any(|notice| notice.contains(words)), "{:?}", job.notices);
    }
}
