//! What a session is on disk and in a host's project: plain data, apart from the audio.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::answers::Answers;
use super::flac;
use super::remembered::Remembered;
use super::undo::{Snapshot, Steps, TrackSnapshot, push};
use super::{BundleFacts, Session, TakeNumbers, TrackState};
use hex::encode as hex;
use resonantgen_music::plan::Plan;
use resonantgen_music::score::Score;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_sound::measure::Measures;
use resonantgen_take::{Recipe, StageSeconds, StemAudio, TAKE_SAMPLE_RATE_HZ, Take, TakeId, Tokens};
use resonantgen_words::Intent;

/// Version of the form; a reader takes its own and older ones. 2 adds favourites, undo and imported takes; 3 takes without
/// sound.
pub(super) const VERSION: u32 = 3;
/// More takes in one track's record than any session has.
const MOST_TAKES: usize = 4_096;

/// A session without audio.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SessionRecord {
    pub(super) version: u32,
    pub(super) prompt: String,
    /// What was understood, in one line; not read back.
    #[serde(default)]
    pub(super) summary: String,
    pub(super) seed: u64,
    pub(super) plan: Option<Plan>,
    pub(super) bundle: Option<BundleFacts>,
    pub(super) intent: Option<Intent>,
    pub(super) tracks: Vec<TrackRecord>,
    #[serde(default, skip_serializing_if = "Answers::is_empty")]
    answers: Answers,
    /// What can be undone and redone, the latest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    undo: Vec<StepRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    redo: Vec<StepRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TrackRecord {
    pub(super) track: Track,
    pub(super) locked: bool,
    /// Index into `takes` of the one that plays.
    pub(super) current: Option<usize>,
    pub(super) takes: Vec<TakeRecord>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    favourites: BTreeSet<TakeId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    heard_before: Option<TakeId>,
    #[serde(default)]
    numbers: TakeNumbers,
    /// Takes that only `undo` and `redo` name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) forgotten: Vec<TakeRecord>,
}

/// One step of undo or redo.
#[derive(Debug, Serialize, Deserialize)]
struct StepRecord {
    prompt: String,
    seed: u64,
    plan: Option<Plan>,
    bundle: Option<BundleFacts>,
    intent: Option<Intent>,
    /// Index as [`Track::ALL`].
    tracks: Vec<StepTrackRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StepTrackRecord {
    locked: bool,
    take: Option<TakeId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    heard_before: Option<TakeId>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TakeRecord {
    pub(super) id: TakeId,
    pub(super) recipe: Recipe,
    pub(super) patch: String,
    pub(super) timings: StageSeconds,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) measures: Option<Measures>,
    /// SHA-256 of the audio: each audio frame's left and right sample as little-endian i32.
    pub(super) audio_sha256: String,
    pub(super) score: Score,
    pub(super) tokens: TokensRecord,
}

/// Codec tokens in little room: four hexadecimal digits per code.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TokensRecord {
    codebooks: usize,
    codes: String,
}

impl TokensRecord {
    fn of(tokens: &Tokens) -> Self {
        let codes = tokens.codes.iter().map(|code| format!("{code:04x}")).collect();
        Self { codebooks: tokens.codebooks, codes }
    }

    fn into_tokens(self) -> Option<Tokens> {
        let digits = self.codes.as_bytes().chunks(4);
        let codes = digits.map(|code| u16::from_str_radix(str::from_utf8(code).ok()?, 16).ok());
        Some(Tokens { codebooks: self.codebooks, codes: codes.collect::<Option<_>>()? })
    }
}

/// The sound of a take that is read.
pub(super) enum Sound {
    /// It is there.
    Awake(Arc<StemAudio>),
    /// It stays packed, or was not kept at all.
    Asleep(Option<Arc<[u8]>>),
}

/// The record contradicts itself or its audio.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum RecordError {
    #[error(
        "it was written by a newer version of ResonantGen (form {0}, this one reads up to {VERSION}): update ResonantGen"
    )]
    Newer(u32),
    #[error("{0}")]
    Damaged(String),
}

fn damaged(what: impl Into<String>) -> RecordError {
    RecordError::Damaged(what.into())
}

/// Hashes of audio; those of takes that are asleep, by the empty audio that stands for theirs.
static HASHES: Remembered<String> = Remembered::new();

/// SHA-256 of audio, as [`TakeRecord::audio_sha256`]; the same `Arc` is hashed once while it lives.
pub(super) fn audio_hash(audio: &Arc<StemAudio>) -> String {
    HASHES.get(audio, || Some(hash_of(audio))).unwrap_or_default()
}

fn hash_of(audio: &StemAudio) -> String {
    let mut hash = Sha256::new();
    for (left, right) in audio.left.iter().zip(&audio.right) {
        hash.update(left.to_le_bytes());
        hash.update(right.to_le_bytes());
    }
    hex(&hash.finalize())
}

impl SessionRecord {
    /// The record of a session, and `with_steps` what can be undone and redone.
    pub(super) fn of(session: &Session, with_steps: bool) -> Self {
        let summary = session.intent.as_ref().map(|intent| match &session.plan {
            Some(plan) => intent.summary_with(plan),
            None => intent.summary(),
        });
        let tracks = Track::ALL.map(|track| {
            let state = session.track(track);
            TrackRecord {
                track,
                locked: state.locked,
                current: state.current,
                takes: state.history.iter().map(|take| TakeRecord::of(take)).collect(),
                favourites: state.favourites.clone(),
                heard_before: state.heard_before.clone(),
                numbers: state.numbers.clone(),
                forgotten: session
                    .forgotten(track)
                    .iter()
                    .filter(|_| with_steps)
                    .map(|take| TakeRecord::of(take))
                    .collect(),
            }
        });
        let steps = |steps: &VecDeque<Arc<Snapshot>>| -> Vec<StepRecord> {
            steps.iter().filter(|_| with_steps).map(|step| StepRecord::of(step)).collect()
        };
        Self {
            version: VERSION,
            prompt: session.prompt.clone(),
            summary: summary.unwrap_or_default(),
            seed: session.seed,
            plan: session.plan.clone(),
            bundle: session.bundle.clone(),
            intent: session.intent.clone(),
            tracks: tracks.into(),
            answers: session.answers.clone(),
            undo: steps(&session.steps.undo),
            redo: steps(&session.steps.redo),
        }
    }

    /// Reads a record's JSON; checks its version before anything else.
    pub(super) fn from_json(json: &[u8]) -> Result<Self, RecordError> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let text = |error: serde_json::Error| damaged(error.to_string());
        let Version { version } = serde_json::from_slice(json).map_err(text)?;
        if version > VERSION {
            return Err(RecordError::Newer(version));
        }
        serde_json::from_slice(json).map_err(text)
    }

    /// Builds the session again; `audio` gives the sound of a take, of the length that its plan has.
    pub(super) fn into_session<E: From<RecordError>>(
        self,
        mut audio: impl FnMut(&TakeRecord, usize) -> Result<Sound, E>,
    ) -> Result<Session, E> {
        let mut session = Session {
            prompt: self.prompt,
            intent: self.intent,
            plan: self.plan,
            seed: self.seed,
            bundle: self.bundle,
            ..Session::default()
        };
        if let Some(plan) = &session.plan {
            check_plan(plan)?;
        }
        let mut known: [HashMap<TakeId, Arc<Take>>; TRACK_COUNT] = Default::default();
        for record in self.tracks {
            let track = record.track;
            let count = record.takes.len();
            if count > MOST_TAKES || record.current.is_some_and(|current| current >= count) {
                return Err(damaged(format!("the takes of {track} do not add up")).into());
            }
            let mut state = TrackState {
                locked: record.locked,
                history: Vec::new(),
                current: record.current,
                favourites: record.favourites,
                heard_before: record.heard_before,
                numbers: record.numbers,
            };
            for take in record.takes {
                state.history.push(take.checked(track, &mut audio)?);
            }
            state.favourites.retain(|id| state.history.iter().any(|take| take.id == *id));
            state.numbers.follow(&state.history);
            let known = &mut known[track.index()];
            known.extend(state.history.iter().map(|take| (take.id.clone(), take.clone())));
            // A take that only undo needs is no reason to lose the rest: its steps are left out.
            for take in record.forgotten.into_iter().take(MOST_TAKES) {
                if let Ok(take) = take.checked(track, &mut audio) {
                    known.insert(take.id.clone(), take);
                }
            }
            *session.track_mut(track) = state;
        }
        session.steps = Steps {
            undo: steps(self.undo, &known),
            redo: steps(self.redo, &known),
            locked: session.tracks.each_ref().map(|state| state.locked),
        };
        session.answers = self.answers;
        session.forget_answers();
        Ok(session)
    }
}

/// The latest steps whose takes are all known.
fn steps(
    records: Vec<StepRecord>,
    known: &[HashMap<TakeId, Arc<Take>>; TRACK_COUNT],
) -> VecDeque<Arc<Snapshot>> {
    let mut steps = VecDeque::new();
    for record in records {
        match record.into_snapshot(known) {
            Some(step) => push(&mut steps, Arc::new(step)),
            // What came before cannot be reached in order any more.
            None => steps.clear(),
        }
    }
    steps
}

impl StepRecord {
    fn of(step: &Snapshot) -> Self {
        let tracks = step.tracks.iter().map(|track| StepTrackRecord {
            locked: track.locked,
            take: track.take.as_ref().map(|take| take.id.clone()),
            heard_before: track.heard_before.clone(),
        });
        Self {
            prompt: step.prompt.clone(),
            seed: step.seed,
            plan: step.plan.clone(),
            bundle: step.bundle.clone(),
            intent: step.intent.clone(),
            tracks: tracks.collect(),
        }
    }

    fn into_snapshot(self, known: &[HashMap<TakeId, Arc<Take>>; TRACK_COUNT]) -> Option<Snapshot> {
        if self.plan.as_ref().is_some_and(|plan| check_plan(plan).is_err())
            || self.tracks.len() != TRACK_COUNT
        {
            return None;
        }
        let mut tracks: [TrackSnapshot; TRACK_COUNT] = Default::default();
        for ((track, record), known) in tracks.iter_mut().zip(self.tracks).zip(known) {
            let take = record.take.map(|id| known.get(&id).cloned().ok_or(())).transpose().ok()?;
            *track = TrackSnapshot { locked: record.locked, take, heard_before: record.heard_before };
        }
        Some(Snapshot {
            prompt: self.prompt,
            intent: self.intent,
            plan: self.plan,
            seed: self.seed,
            bundle: self.bundle,
            tracks,
        })
    }
}

/// Refuses plans that would make the rest of the program divide by zero or fill the memory.
fn check_plan(plan: &Plan) -> Result<(), RecordError> {
    let is_usable = resonantgen_music::plan::BPM_RANGE.contains(&plan.bpm)
        && resonantgen_music::plan::BARS_RANGE.contains(&plan.bars)
        && plan.chords.len() == 2 * plan.bars as usize
        && (0.5..=0.75).contains(&plan.swing.ratio)
        && (1..=2).contains(&plan.swing.unit_steps);
    if is_usable { Ok(()) } else { Err(damaged("a plan is out of range")) }
}

impl TakeRecord {
    fn of(take: &Take) -> Self {
        Self {
            id: take.id.clone(),
            recipe: take.recipe.clone(),
            patch: take.patch.clone(),
            timings: take.timings,
            measures: take.measures.clone(),
            audio_sha256: audio_hash(&take.audio),
            score: take.score.clone(),
            tokens: TokensRecord::of(&take.tokens),
        }
    }

    /// Length of the sound in audio frames, if the plan is one that can be.
    pub(super) fn checked_audio_frames(&self) -> Result<usize, RecordError> {
        check_plan(&self.recipe.plan)?;
        Ok(self.recipe.plan.audio_frames(TAKE_SAMPLE_RATE_HZ))
    }

    /// The take with the sound that `audio` gives, if it is what was saved.
    fn checked<E: From<RecordError>>(
        self,
        track: Track,
        audio: &mut impl FnMut(&Self, usize) -> Result<Sound, E>,
    ) -> Result<Arc<Take>, E> {
        let audio_frames = self.checked_audio_frames()?;
        if self.recipe.track != track || self.recipe.take_id() != self.id {
            return Err(damaged(format!("take {} does not match its recipe", self.id.0)).into());
        }
        let sound = match audio(&self, audio_frames)? {
            Sound::Awake(sound) => {
                if sound.len() != audio_frames || audio_hash(&sound) != self.audio_sha256 {
                    let what = format!("the audio of take {} is not what was saved", self.id.0);
                    return Err(damaged(what).into());
                }
                sound
            }
            Sound::Asleep(packed) => {
                let stand_in = Arc::new(StemAudio::default());
                HASHES.put(&stand_in, self.audio_sha256.clone());
                if let Some(packed) = packed {
                    flac::note(&stand_in, packed);
                }
                stand_in
            }
        };
        let id = self.id.0.clone();
        let take = self.into_take(sound).ok_or_else(|| damaged(format!("the tokens of take {id}")))?;
        Ok(Arc::new(take))
    }

    fn into_take(self, audio: Arc<StemAudio>) -> Option<Take> {
        Some(Take {
            id: self.id,
            recipe: self.recipe,
            patch: self.patch,
            score: self.score,
            tokens: self.tokens.into_tokens()?,
            audio,
            timings: self.timings,
            measures: self.measures,
        })
    }
}
