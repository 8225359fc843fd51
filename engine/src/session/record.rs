//! What a session is on disk and in a host's project: plain data, apart from the audio.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BundleFacts, HISTORY_LENGTH, Session, TrackState};
use crate::intent::Intent;
use crate::measure::Measures;
use crate::plan::Plan;
use crate::score::Score;
use crate::take::{Recipe, StageSeconds, StemAudio, TAKE_SAMPLE_RATE_HZ, Take, TakeId, Tokens};
use crate::track::Track;

/// Version of the form; a reader takes its own and older ones.
pub(super) const VERSION: u32 = 1;

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
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TrackRecord {
    pub(super) track: Track,
    pub(super) locked: bool,
    /// Index into `takes` of the one that plays.
    pub(super) current: Option<usize>,
    pub(super) takes: Vec<TakeRecord>,
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

pub(super) fn audio_hash(audio: &StemAudio) -> String {
    let mut hash = Sha256::new();
    for (left, right) in audio.left.iter().zip(&audio.right) {
        hash.update(left.to_le_bytes());
        hash.update(right.to_le_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl SessionRecord {
    /// The record of a session, with those takes that `keeps` accepts (the current one always).
    pub(super) fn of(session: &Session, keeps: impl Fn(&Take) -> bool) -> Self {
        let summary = session.intent.as_ref().map(|intent| match &session.plan {
            Some(plan) => intent.summary_with(plan),
            None => intent.summary(),
        });
        let tracks = Track::ALL.map(|track| {
            let state = session.track(track);
            let kept: Vec<(usize, &Arc<Take>)> = state
                .history
                .iter()
                .enumerate()
                .filter(|(index, take)| state.current == Some(*index) || keeps(take))
                .collect();
            TrackRecord {
                track,
                locked: state.locked,
                current: state
                    .current
                    .and_then(|current| kept.iter().position(|(index, _)| *index == current)),
                takes: kept.iter().map(|(_, take)| TakeRecord::of(take)).collect(),
            }
        });
        Self {
            version: VERSION,
            prompt: session.prompt.clone(),
            summary: summary.unwrap_or_default(),
            seed: session.seed,
            plan: session.plan.clone(),
            bundle: session.bundle.clone(),
            intent: session.intent.clone(),
            tracks: tracks.into(),
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

    /// Builds the session again; `audio` gives the audio of a take, of the length that its plan has.
    pub(super) fn into_session<E: From<RecordError>>(
        self,
        mut audio: impl FnMut(&TakeRecord, usize) -> Result<StemAudio, E>,
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
        for record in self.tracks {
            let count = record.takes.len();
            if count > HISTORY_LENGTH || record.current.is_some_and(|current| current >= count) {
                return Err(damaged(format!("the takes of {} do not add up", record.track)).into());
            }
            let mut state =
                TrackState { locked: record.locked, history: Vec::new(), current: record.current };
            for take in record.takes {
                check_plan(&take.recipe.plan)?;
                if take.recipe.track != record.track || take.recipe.take_id() != take.id {
                    return Err(damaged(format!("take {} does not match its recipe", take.id.0)).into());
                }
                let audio_frames = take.recipe.plan.audio_frames(TAKE_SAMPLE_RATE_HZ);
                let sound = audio(&take, audio_frames)?;
                if sound.len() != audio_frames || audio_hash(&sound) != take.audio_sha256 {
                    return Err(
                        damaged(format!("the audio of take {} is not what was saved", take.id.0)).into()
                    );
                }
                let id = take.id.0.clone();
                let take =
                    take.into_take(sound).ok_or_else(|| damaged(format!("the tokens of take {id}")))?;
                state.history.push(Arc::new(take));
            }
            *session.track_mut(record.track) = state;
        }
        Ok(session)
    }
}

/// Refuses plans that would make the rest of the program divide by zero or fill the memory.
fn check_plan(plan: &Plan) -> Result<(), RecordError> {
    let is_usable = crate::plan::BPM_RANGE.contains(&plan.bpm)
        && crate::plan::BARS_RANGE.contains(&plan.bars)
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

    fn into_take(self, audio: StemAudio) -> Option<Take> {
        Some(Take {
            id: self.id,
            recipe: self.recipe,
            patch: self.patch,
            score: self.score,
            tokens: self.tokens.into_tokens()?,
            audio: Arc::new(audio),
            timings: self.timings,
            measures: self.measures,
        })
    }
}
