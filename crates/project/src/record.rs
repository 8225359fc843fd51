//! Records: sessions as they are stored in folders and host projects, without audio.
//!
//! The current format is [`v5`]. Older ones are migrated ([`v4::migrate`], [`v3::migrate`]). Domain types are never written; this
//! module converts between them and records.

mod v3;
mod v4;
mod v5;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::flac::{self, Packed};
use super::input::unmarked;
use super::remembered::Remembered;
use hex::encode as hex;
use resonantgen_music::plan::{BARS_RANGE, BPM_RANGE, Chord, Mode, Numeral, Plan, Swing};
use resonantgen_music::score::{Note, Score};
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_music::variation::NoteDials;
use resonantgen_session::{
    Answer, BundleFacts, Content, Part, Question, Section, SectionId, Session, Song, Step, TakeNumbers,
    TrackState, TrackStep,
};
use resonantgen_sound::measure::Measures;
use resonantgen_take::ImportSource;
use resonantgen_take::{
    Finish, GenerationSettings, Recipe, StageSeconds, StemAudio, TAKE_SAMPLE_RATE_HZ, Take, TakeId,
    TakenOver, Tokens,
};
use resonantgen_words::form::SectionKind;
use resonantgen_words::genre::Length;
use resonantgen_words::{Attributes, Feel, Groove, Intent, Reference, Shape, Style, TrackIntent};

pub(super) use v5::Session as SessionRecord;
pub(super) use v5::Take as TakeRecord;
pub(super) use v5::Track as TrackRecord;

/// The form that is written. This form and all older ones can be read.
pub(super) const FORM: u32 = v5::FORM;
/// Limit for the takes in one track's record, more than any session has.
const MOST_TAKES: usize = 4_096;

/// Why a record cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum RecordError {
    #[error(
        "it was written by a newer version of ResonantGen (form {0}, this one reads up to {FORM}): update ResonantGen"
    )]
    Newer(u32),
    #[error("{0}")]
    Damaged(String),
}

fn damaged(what: impl Into<String>) -> RecordError {
    RecordError::Damaged(what.into())
}

/// The audio of a take while a session is read.
pub(super) enum Sound {
    /// Decoded.
    Awake(Arc<StemAudio>),
    /// Still packed.
    Packed(Packed),
    /// Not stored; the take is made again when needed.
    NotKept,
    /// Damaged or missing, with the reason.
    Lost(String),
}

/// An opened session.
#[derive(Debug)]
pub struct Opened {
    /// The session. Takes whose audio is lost are in it, asleep.
    pub session: Session,
    /// Takes that could not be read completely.
    pub lost: Vec<LostTake>,
    /// Whether the record was edited by hand.
    pub edited: bool,
}

/// A take that could not be read completely. The rest of its session opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostTake {
    /// Its track.
    pub track: Track,
    /// Its id.
    pub id: TakeId,
    /// Its position in the history, from 1; `None` if only undo refers to it, or if its record is damaged too.
    pub number: Option<usize>,
    /// Whether it is the playing take.
    pub is_playing: bool,
    /// The reason, in words.
    pub reason: String,
    /// Whether it can be made again from its recipe, given the models.
    pub can_be_made_again: bool,
}

impl fmt::Display for LostTake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) => write!(formatter, "take {number} of {} is lost", self.track)?,
            None => write!(formatter, "take {} of {} is lost", self.id.0, self.track)?,
        }
        let cure = if self.can_be_made_again {
            "it is made again from its recipe when it is played"
        } else if self.number.is_some() {
            "it was imported: import its file again"
        } else {
            "the other takes are not touched"
        };
        write!(formatter, " ({}); {cure}", self.reason)
    }
}

/// Hashes of audio. Those of sleeping takes are found by their empty audio.
static HASHES: Remembered<String> = Remembered::new();

/// SHA-256 of audio, as [`TakeRecord::audio_sha256`]; the same `Arc` is hashed only once.
pub(super) fn audio_hash(audio: &Arc<StemAudio>) -> String {
    HASHES.get(audio, || Some(hash_of(audio))).unwrap_or_default()
}

fn hash_of(audio: &StemAudio) -> String {
    let mut hash = Sha256::new();
    for (left, right) in audio.left.iter().zip(&audio.right) {
        hash.update(left.to_le_bytes());
        hash.update(right.to_le_bytes());
    }
    hex(hash.finalize())
}

/// Parses a record's JSON in any format; checks the format first. It may have been saved by a text editor, see [`unmarked`].
pub(super) fn read(json: &[u8]) -> Result<SessionRecord, RecordError> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let json = &*unmarked(json);
    let text = |error: serde_json::Error| damaged(error.to_string());
    let Version { version } = serde_json::from_slice(json).map_err(text)?;
    match version {
        0..=3 => serde_json::from_slice(json).map(v3::migrate).map_err(text),
        v4::FORM => serde_json::from_slice(json).map(v4::migrate).map_err(text),
        v5::FORM => serde_json::from_slice(json).map_err(text),
        newer => Err(RecordError::Newer(newer)),
    }
}

/// Decodes a take's FLAC file if it is the saved one.
pub(super) fn awake(
    take: &TakeRecord,
    packed: Packed,
    audio_frames: usize,
) -> Result<Arc<StemAudio>, String> {
    if take.flac_sha256.as_ref().is_some_and(|saved| *saved != packed.sha256) {
        return Err("is damaged".to_owned());
    }
    let audio = flac::decode(&packed.bytes, audio_frames).ok_or("cannot be decoded")?;
    if take.flac_sha256.is_some() {
        // The next save writes the same file again.
        HASHES.put(&audio, take.audio_sha256.clone());
    } else if audio_hash(&audio) != take.audio_sha256 {
        return Err("is not what was saved".to_owned());
    }
    flac::note(&audio, packed);
    Ok(audio)
}

/// Length of a take's audio in audio frames; `None` if its plan is invalid.
pub(super) fn audio_frames(take: &TakeRecord) -> Option<usize> {
    Some(plan_of(&take.recipe.plan)?.audio_frames(TAKE_SAMPLE_RATE_HZ))
}

/// The record of a session; `with_past` includes undo and redo. `flac` returns the hash of the FLAC file with a take's audio.
pub(super) fn of_session(
    session: &Session,
    with_past: bool,
    flac: &dyn Fn(&Take) -> Option<String>,
) -> SessionRecord {
    let summary = session.intent.as_ref().map(|intent| match &session.plan {
        Some(plan) => intent.summary_with(plan),
        None => intent.summary(),
    });
    let take = |take: &Arc<Take>| of_take(take, flac(take));
    let tracks = Track::ALL.map(|track| {
        let state = session.track(track);
        let forgotten = if with_past { session.forgotten(track) } else { Vec::new() };
        v5::Track {
            track: track.name().to_owned(),
            locked: state.locked,
            held_sound: state.held_sound.clone(),
            playing: state.take().map(|take| take.id.0.clone()),
            takes: state.history.iter().map(take).collect(),
            favourites: state.favourites.iter().map(|id| id.0.clone()).collect(),
            heard_before: state.heard_before.as_ref().map(|id| id.0.clone()),
            numbers: state.numbers.iter().map(|(id, number)| (id.0.clone(), number)).collect(),
            last_number: state.numbers.last(),
            forgotten: forgotten.iter().map(take).collect(),
            elsewhere: session.elsewhere(track).iter().map(take).collect(),
        }
    });
    SessionRecord {
        version: FORM,
        prompt: session.prompt.clone(),
        summary: summary.unwrap_or_default(),
        seed: session.seed,
        plan: session.plan.as_ref().map(of_plan),
        bundle: session.bundle.as_ref().map(of_bundle),
        intent: session.intent.as_ref().map(of_intent),
        tracks: tracks.into(),
        answers: session.answers().map(of_answer).collect(),
        undo: session.undo_steps().filter(|_| with_past).map(of_step).collect(),
        redo: session.redo_steps().filter(|_| with_past).map(of_step).collect(),
        files: BTreeMap::new(),
        song: of_song(session.song(), false),
    }
}

/// Rebuilds a session. `sound` returns the audio of a take, with the length that its plan has.
///
/// # Errors
/// Returns an error if the plan of the session is invalid.
pub(super) fn into_session(
    record: SessionRecord,
    mut sound: impl FnMut(&TakeRecord, usize) -> Sound,
) -> Result<Opened, RecordError> {
    let plan =
        record.plan.as_ref().map(|plan| plan_of(plan).ok_or_else(|| damaged("a plan is out of range")));
    let mut session = Session::default();
    session.prompt = record.prompt;
    session.intent = record.intent.map(intent_of);
    session.plan = plan.transpose()?;
    session.seed = record.seed;
    session.bundle = record.bundle.map(bundle_of);
    let mut lost = Vec::new();
    let mut known: [HashMap<TakeId, Arc<Take>>; TRACK_COUNT] = Default::default();
    for written in record.tracks {
        let Ok(track) = written.track.parse::<Track>() else { continue };
        let known = &mut known[track.index()];
        let history_length = written.takes.len().min(MOST_TAKES);
        let all = written
            .takes
            .into_iter()
            .take(MOST_TAKES)
            .chain(written.elsewhere.into_iter().take(MOST_TAKES))
            .chain(written.forgotten.into_iter().take(MOST_TAKES));
        let mut state = TrackState {
            locked: written.locked,
            held_sound: written.held_sound,
            favourites: written.favourites.into_iter().map(TakeId).collect(),
            heard_before: written.heard_before.map(TakeId),
            numbers: TakeNumbers::new(
                written.numbers.into_iter().map(|(id, number)| (TakeId(id), number)),
                written.last_number,
            ),
            ..TrackState::default()
        };
        for (index, take) in all.enumerate() {
            let is_playing = written.playing.as_ref() == Some(&take.id);
            let mut missing = LostTake {
                track,
                id: TakeId(take.id.clone()),
                number: None,
                is_playing,
                reason: String::new(),
                can_be_made_again: false,
            };
            let Some((take, reason)) = take_of(track, take, &mut sound) else {
                missing.reason = "its record is damaged".to_owned();
                lost.push(missing);
                continue;
            };
            if let Some(reason) = reason {
                missing.reason = reason;
                missing.can_be_made_again = take.recipe.imported.is_none();
                missing.number = (index < history_length).then(|| state.history.len() + 1);
                lost.push(missing);
            }
            let take = Arc::new(take);
            if index < history_length {
                if is_playing {
                    state.current = Some(state.history.len());
                }
                state.history.push(take.clone());
            }
            known.insert(take.id.clone(), take);
        }
        *session.track_mut(track) = state;
    }
    let undo = steps(record.undo, &known);
    let redo = steps(record.redo, &known);
    let session = match record.song {
        Some(song) => {
            let song = song_of(song, &known, true).ok_or_else(|| damaged("its song makes no sense"))?;
            session.with_song(song)
        }
        None => session,
    };
    let session = session.with_past(undo, redo, record.answers.into_iter().map(answer_of));
    Ok(Opened { session, lost, edited: false })
}

/// The latest steps, as far back as all their takes are known.
fn steps(records: Vec<v5::Step>, known: &[HashMap<TakeId, Arc<Take>>; TRACK_COUNT]) -> Vec<Step> {
    let mut steps = Vec::new();
    for record in records {
        match step_of(record, known) {
            Some(step) => steps.push(step),
            // Earlier steps can no longer be reached in order.
            None => steps.clear(),
        }
    }
    steps
}

fn of_step(step: &Step) -> v5::Step {
    let track = |(track, state): (Track, &TrackStep)| {
        let state = v5::StepTrack {
            locked: state.locked,
            take: state.take.as_ref().map(|take| take.id.0.clone()),
            heard_before: state.heard_before.as_ref().map(|id| id.0.clone()),
        };
        (track.name().to_owned(), state)
    };
    v5::Step {
        prompt: step.prompt.clone(),
        seed: step.seed,
        plan: step.plan.as_ref().map(of_plan),
        bundle: step.bundle.as_ref().map(of_bundle),
        intent: step.intent.as_ref().map(of_intent),
        tracks: Track::ALL.into_iter().zip(&step.tracks).map(track).collect(),
        song: of_song(&step.song, true),
    }
}

/// The record of a song; `None` for a single loop. A step contains only what plays.
fn of_song(song: &Song, is_step: bool) -> Option<v5::Song> {
    let plain = Song::default();
    let named = |section: &Section| {
        (
            section.id,
            section.number,
            section.name.clone(),
            section.kind,
            section.colour,
            section.energy.to_bits(),
        )
    };
    let is_plain = song.order() == plain.order()
        && song.sections().iter().map(named).eq(plain.sections().iter().map(named));
    if is_plain {
        return None;
    }
    let section = |section: &Section| {
        let is_open = section.id == song.open();
        let content = (!is_open || is_step).then(|| of_content(&section.content, is_step));
        v5::Section { content, ..of_section_name(section) }
    };
    Some(v5::Song {
        sections: song.sections().iter().map(section).collect(),
        order: song
            .order()
            .iter()
            .map(|part| v5::Part { section: part.section.0, repeats: part.repeats })
            .collect(),
        open: song.open().0,
    })
}

/// A section without its content.
fn of_section_name(section: &Section) -> v5::Section {
    let [red, green, blue] = section.colour;
    v5::Section {
        id: section.id.0,
        number: section.number,
        name: section.name.clone(),
        kind: section.kind.name().to_owned(),
        colour: format!("#{red:02x}{green:02x}{blue:02x}"),
        energy: section.energy,
        content: None,
    }
}

fn of_content(content: &Content, is_step: bool) -> v5::Content {
    let track = |(track, state): (Track, &TrackState)| {
        let playing = state.take().map(|take| take.id.0.clone());
        let history = || state.history.iter().map(|take| take.id.0.clone()).collect();
        v5::SectionTrack {
            track: track.name().to_owned(),
            locked: state.locked,
            takes: if is_step { playing.iter().cloned().collect() } else { history() },
            playing,
            favourites: state.favourites.iter().filter(|_| !is_step).map(|id| id.0.clone()).collect(),
            heard_before: state.heard_before.as_ref().map(|id| id.0.clone()),
            numbers: state
                .numbers
                .iter()
                .filter(|_| !is_step)
                .map(|(id, number)| (id.0.clone(), number))
                .collect(),
            last_number: if is_step { 0 } else { state.numbers.last() },
        }
    };
    v5::Content {
        prompt: content.prompt.clone(),
        seed: content.seed,
        plan: content.plan.as_ref().map(of_plan),
        bundle: content.bundle.as_ref().map(of_bundle),
        intent: content.intent.as_ref().map(of_intent),
        tracks: Track::ALL.into_iter().zip(&content.tracks).map(track).collect(),
    }
}

/// Rebuilds the song of a record; `None` if it is inconsistent. Unknown takes are left out of the histories. Unless `is_whole` is
/// set, a take that was playing must be known.
fn song_of(
    record: v5::Song,
    known: &[HashMap<TakeId, Arc<Take>>; TRACK_COUNT],
    is_whole: bool,
) -> Option<Song> {
    let mut sections = Vec::new();
    for written in record.sections {
        let kind = SectionKind::from_name(&written.kind).unwrap_or(SectionKind::A);
        let colour = colour_of(&written.colour).unwrap_or_else(|| kind.colour());
        let content = match written.content {
            Some(content) => content_of(content, known, is_whole)?,
            None => Content::default(),
        };
        let id = SectionId(written.id);
        let v5::Section { number, name, energy, .. } = written;
        sections.push(Section { id, number, name, kind, colour, energy, content });
    }
    let parts =
        record.order.into_iter().map(|part| Part { section: SectionId(part.section), repeats: part.repeats });
    Song::read(sections, parts.collect(), SectionId(record.open))
}

fn colour_of(text: &str) -> Option<[u8; 3]> {
    let number = u32::from_str_radix(text.strip_prefix('#').filter(|digits| digits.len() == 6)?, 16).ok()?;
    let [_, red, green, blue] = number.to_be_bytes();
    Some([red, green, blue])
}

fn content_of(
    record: v5::Content,
    known: &[HashMap<TakeId, Arc<Take>>; TRACK_COUNT],
    is_whole: bool,
) -> Option<Content> {
    let plan = match &record.plan {
        Some(plan) => Some(plan_of(plan)?),
        None => None,
    };
    let mut tracks: [TrackState; TRACK_COUNT] = Default::default();
    for written in record.tracks {
        let Ok(track) = written.track.parse::<Track>() else { continue };
        let known = &known[track.index()];
        let history: Vec<Arc<Take>> = written
            .takes
            .into_iter()
            .take(MOST_TAKES)
            .filter_map(|id| known.get(&TakeId(id)).cloned())
            .collect();
        let playing = written.playing.map(TakeId);
        let current = playing.as_ref().and_then(|id| history.iter().position(|take| take.id == *id));
        if !is_whole && playing.is_some() && current.is_none() {
            return None;
        }
        tracks[track.index()] = TrackState {
            held_sound: None,
            locked: written.locked,
            history,
            current,
            favourites: written.favourites.into_iter().map(TakeId).collect(),
            heard_before: written.heard_before.map(TakeId),
            numbers: TakeNumbers::new(
                written.numbers.into_iter().map(|(id, number)| (TakeId(id), number)),
                written.last_number,
            ),
        };
    }
    Some(Content {
        prompt: record.prompt,
        intent: record.intent.map(intent_of),
        plan,
        seed: record.seed,
        bundle: record.bundle.map(bundle_of),
        tracks,
    })
}

fn step_of(mut record: v5::Step, known: &[HashMap<TakeId, Arc<Take>>; TRACK_COUNT]) -> Option<Step> {
    let plan = match &record.plan {
        Some(plan) => Some(plan_of(plan)?),
        None => None,
    };
    let mut tracks: [TrackStep; TRACK_COUNT] = Default::default();
    for track in Track::ALL {
        let Some(written) = record.tracks.remove(track.name()) else { continue };
        let take = match written.take {
            Some(id) => Some(known[track.index()].get(&TakeId(id))?.clone()),
            None => None,
        };
        let heard_before = written.heard_before.map(TakeId);
        tracks[track.index()] = TrackStep { locked: written.locked, take, heard_before };
    }
    Some(Step {
        prompt: record.prompt,
        intent: record.intent.map(intent_of),
        plan,
        seed: record.seed,
        bundle: record.bundle.map(bundle_of),
        tracks,
        song: match record.song {
            Some(song) => song_of(song, known, false)?,
            None => Song::default(),
        },
    })
}

fn of_answer(answer: &Answer) -> v5::Answer {
    let takes = Track::ALL.into_iter().zip(&answer.takes);
    let takes = takes.filter_map(|(track, id)| Some((track.name().to_owned(), id.as_ref()?.0.clone())));
    v5::Answer { question: answer.question.to_string(), takes: takes.collect() }
}

fn answer_of(mut record: v5::Answer) -> Answer {
    let takes = Track::ALL.map(|track| record.takes.remove(track.name()).map(TakeId));
    Answer { question: Question::from_text(&record.question), takes }
}

fn of_bundle(bundle: &BundleFacts) -> v5::Bundle {
    v5::Bundle { id: bundle.id.clone(), licence: bundle.licence.clone() }
}

fn bundle_of(record: v5::Bundle) -> BundleFacts {
    BundleFacts { id: record.id, licence: record.licence }
}

fn of_plan(plan: &Plan) -> v5::Plan {
    v5::Plan {
        bpm: plan.bpm,
        key: plan.key.to_string(),
        meter: plan.meter.to_string(),
        bars: plan.bars,
        chords: plan.chords.iter().map(ToString::to_string).collect(),
        swing: v5::Swing { unit_steps: plan.swing.unit_steps, ratio: plan.swing.ratio },
    }
}

/// A plan; `None` if it is out of range, which would lead to divisions by zero or fill the memory.
fn plan_of(record: &v5::Plan) -> Option<Plan> {
    let plan = Plan {
        bpm: record.bpm,
        key: record.key.parse().ok()?,
        meter: record.meter.parse().ok()?,
        bars: record.bars,
        chords: record.chords.iter().map(|chord| chord.parse().ok()).collect::<Option<_>>()?,
        swing: Swing { unit_steps: record.swing.unit_steps, ratio: record.swing.ratio },
    };
    let is_usable = BPM_RANGE.contains(&plan.bpm)
        && BARS_RANGE.contains(&plan.bars)
        && plan.chords.len() == 2 * plan.bars as usize
        && (0.5..=0.75).contains(&plan.swing.ratio)
        && (1..=2).contains(&plan.swing.unit_steps);
    is_usable.then_some(plan)
}

fn of_attributes(attributes: Attributes) -> v5::Attributes {
    let Attributes { energy, density, brightness, aggression, complexity } = attributes;
    v5::Attributes { energy, density, brightness, aggression, complexity }
}

fn attributes_of(record: v5::Attributes) -> Attributes {
    let v5::Attributes { energy, density, brightness, aggression, complexity } = record;
    Attributes { energy, density, brightness, aggression, complexity }
}

/// How a stem was finished. An unknown name from a later version means the current method.
fn finish_of(name: Option<&str>) -> Finish {
    name.map_or(Finish::Levelled, |name| {
        Finish::ALL.into_iter().find(|finish| finish.name() == name).unwrap_or(Finish::Mixed)
    })
}

fn of_intent(intent: &Intent) -> v5::Intent {
    // If only another version knows the style, the neutral weights here are not written.
    let is_elsewhere = !intent.other_styles.is_empty() && intent.styles == Intent::default().styles;
    let styles = Style::ALL.into_iter().map(|style| (style.name().to_owned(), intent.styles[style.index()]));
    let styles = styles.filter(|(_, weight)| *weight != 0.0 && !is_elsewhere);
    let track = |(track, wanted): (Track, &TrackIntent)| {
        let wanted = v5::TrackIntent {
            attributes: of_attributes(wanted.attributes),
            moods: wanted.moods.clone(),
            sound: wanted.sound.clone(),
            instruments: wanted.instruments.clone(),
            absent: wanted.absent,
            without: wanted.without.clone(),
            octave: wanted.octave,
            closeness: wanted.closeness,
            follow_kick: wanted.follow_kick,
            reference: wanted.reference.as_ref().map(|reference| v5::Reference {
                meter: reference.meter.to_string(),
                patterns: reference.patterns.clone(),
                register: reference.register,
                length: reference.length.name().to_owned(),
                voices: reference.voices,
            }),
            shape: wanted.shape.as_ref().map(of_shape),
        };
        (track.name().to_owned(), wanted)
    };
    v5::Intent {
        styles: styles.chain(intent.other_styles.clone()).collect(),
        genres: intent.genres.clone(),
        attributes: of_attributes(intent.attributes),
        moods: intent.moods.clone(),
        bpm: intent.bpm,
        key: intent.key.map(|key| key.to_string()),
        mode: intent.mode.map(|mode| mode.name().to_owned()),
        pace: intent.pace,
        usual_bpm: intent.usual_bpm,
        bpm_range: intent.bpm_range,
        seconds: intent.seconds,
        meter: intent.meter.map(|meter| meter.to_string()),
        bars: intent.bars,
        swing: intent.swing,
        chords: intent.chords.as_ref().map(|chords| chords.iter().map(ToString::to_string).collect()),
        numerals: intent.numerals.iter().map(ToString::to_string).collect(),
        feel: intent.feel.map(|feel| {
            let name = match feel {
                Feel::HalfTime => "half_time",
                Feel::DoubleTime => "double_time",
            };
            name.to_owned()
        }),
        groove: intent.groove.as_ref().map(|groove| (groove.template.clone(), groove.looseness)),
        tracks: Track::ALL.into_iter().zip(&intent.tracks).map(track).collect(),
        unknown: intent.unknown.clone(),
        notes: intent.notes.clone(),
    }
}

/// A reference; `None` if its meter is unknown.
fn reference_of(record: v5::Reference) -> Option<Reference> {
    Some(Reference {
        meter: record.meter.parse().ok()?,
        patterns: record.patterns,
        register: record.register,
        length: Length::ALL.into_iter().find(|length| length.name() == record.length).unwrap_or_default(),
        voices: record.voices,
    })
}

/// The meaning of a prompt. Unknown names have no effect; those of styles are kept.
fn intent_of(mut record: v5::Intent) -> Intent {
    let mut styles = Style::ALL.map(|style| record.styles.remove(style.name()).unwrap_or(0.0));
    if styles.iter().all(|weight| *weight == 0.0) {
        styles = Intent::default().styles;
    }
    let tracks = Track::ALL.map(|track| {
        record.tracks.remove(track.name()).map_or_else(TrackIntent::default, |wanted| TrackIntent {
            attributes: attributes_of(wanted.attributes),
            moods: wanted.moods,
            sound: wanted.sound,
            instruments: wanted.instruments,
            absent: wanted.absent,
            without: wanted.without,
            octave: wanted.octave,
            closeness: wanted.closeness,
            follow_kick: wanted.follow_kick,
            reference: wanted.reference.and_then(reference_of),
            shape: wanted.shape.map(shape_of),
        })
    });
    let chords = record.chords.map(|chords| chords.iter().filter_map(|chord| chord.parse().ok()).collect());
    let numerals = record.numerals.iter().filter_map(|numeral| numeral.parse::<Numeral>().ok());
    Intent {
        styles,
        other_styles: record.styles,
        genres: record.genres,
        attributes: attributes_of(record.attributes),
        moods: record.moods,
        bpm: record.bpm,
        key: record.key.and_then(|key| key.parse().ok()),
        mode: record.mode.and_then(|name| Mode::ALL.into_iter().find(|mode| mode.name() == name)),
        pace: record.pace,
        usual_bpm: record.usual_bpm,
        bpm_range: record.bpm_range,
        seconds: record.seconds,
        meter: record.meter.and_then(|meter| meter.parse().ok()),
        bars: record.bars,
        swing: record.swing,
        chords: chords.filter(|chords: &Vec<Chord>| !chords.is_empty()),
        numerals: numerals.collect(),
        feel: record.feel.and_then(|feel| match feel.as_str() {
            "half_time" => Some(Feel::HalfTime),
            "double_time" => Some(Feel::DoubleTime),
            _ => None,
        }),
        groove: record.groove.map(|(template, looseness)| Groove { template, looseness }),
        tracks,
        unknown: record.unknown,
        notes: record.notes,
    }
}

fn of_shape(shape: &Shape) -> v5::Shape {
    v5::Shape {
        enters_bar: shape.enters_bar,
        leaves_bar: shape.leaves_bar,
        fill: shape.fill,
        rises: shape.rises,
        gap_steps: shape.gap_steps,
        lands: shape.lands,
        ends: shape.ends,
        level_db: shape.level_db,
        patch: shape.patch.clone(),
        new_bars: shape.new_bars.clone(),
        keeps_sound: shape.keeps_sound,
    }
}

fn shape_of(record: v5::Shape) -> Shape {
    Shape {
        enters_bar: record.enters_bar,
        leaves_bar: record.leaves_bar,
        fill: record.fill,
        rises: record.rises,
        gap_steps: record.gap_steps,
        lands: record.lands,
        ends: record.ends,
        level_db: record.level_db,
        patch: record.patch,
        new_bars: record.new_bars,
        keeps_sound: record.keeps_sound,
    }
}

fn of_take(take: &Take, flac_sha256: Option<String>) -> TakeRecord {
    let recipe = &take.recipe;
    TakeRecord {
        id: take.id.0.clone(),
        recipe: v5::Recipe {
            prompt: recipe.prompt.clone(),
            intent: of_intent(&recipe.intent),
            plan: of_plan(&recipe.plan),
            seed: recipe.seed,
            settings: v5::Settings {
                variation: recipe.settings.variation,
                adherence: recipe.settings.adherence,
                finish: Some(recipe.settings.finish)
                    .filter(|finish| *finish != Finish::Levelled)
                    .map(|finish| finish.name().to_owned()),
            },
            bundle_id: recipe.bundle_id.clone(),
            context: recipe.context.iter().map(|id| id.0.clone()).collect(),
            imported: recipe.imported.as_ref().map(|source| v5::Import {
                name: source.name.clone(),
                sha256: source.sha256.clone(),
                start_seconds: source.start_seconds,
                bpm: source.bpm,
                bars: source.bars,
            }),
            held_patch: recipe.held_patch.clone(),
            taken_over: recipe.taken_over.as_ref().map(|notes| v5::TakenOver {
                from: notes.from.0.clone(),
                patch: notes.patch.clone(),
                dials: Some(notes.dials).filter(|dials| !dials.is_middle()).map(|dials| v5::NoteDials {
                    density: dials.density,
                    complexity: dials.complexity,
                    fills: dials.fills,
                }),
            }),
        },
        patch: take.patch.clone(),
        timings: v5::Timings {
            compose: take.timings.compose,
            perform: take.timings.perform,
            decode: take.timings.decode,
        },
        measures: take.measures.as_ref().map(of_measures),
        audio_sha256: audio_hash(&take.audio),
        flac_sha256,
        score: v5::Score { notes: take.score.notes.iter().map(of_note).collect() },
        tokens: v5::Tokens {
            codebooks: take.tokens.codebooks,
            codes: take.tokens.codes.iter().map(|code| format!("{code:04x}")).collect(),
        },
    }
}

/// The take, and the reason if its audio is lost; `None` if the record itself is invalid.
fn take_of(
    track: Track,
    record: TakeRecord,
    sound: &mut impl FnMut(&TakeRecord, usize) -> Sound,
) -> Option<(Take, Option<String>)> {
    if !is_plain(&record.id) {
        return None;
    }
    let plan = plan_of(&record.recipe.plan)?;
    let audio_frames = plan.audio_frames(TAKE_SAMPLE_RATE_HZ);
    let digits = record.tokens.codes.as_bytes().chunks(4);
    let codes = digits.map(|code| u16::from_str_radix(str::from_utf8(code).ok()?, 16).ok());
    let tokens = Tokens { codebooks: record.tokens.codebooks, codes: codes.collect::<Option<_>>()? };
    let asleep = |packed: Option<Packed>| {
        let stand_in = Arc::new(StemAudio::default());
        HASHES.put(&stand_in, record.audio_sha256.clone());
        if let Some(packed) = packed {
            flac::note(&stand_in, packed);
        }
        stand_in
    };
    let (audio, reason) = match sound(&record, audio_frames) {
        Sound::Awake(audio) => (audio, None),
        Sound::Packed(packed) => (asleep(Some(packed)), None),
        Sound::NotKept => (asleep(None), None),
        Sound::Lost(reason) => (asleep(None), Some(reason)),
    };
    let recipe = record.recipe;
    let take = Take {
        id: TakeId(record.id),
        recipe: Recipe {
            track,
            prompt: recipe.prompt,
            intent: intent_of(recipe.intent),
            plan,
            seed: recipe.seed,
            settings: GenerationSettings {
                variation: recipe.settings.variation,
                adherence: recipe.settings.adherence,
                finish: finish_of(recipe.settings.finish.as_deref()),
            },
            bundle_id: recipe.bundle_id,
            context: recipe.context.into_iter().map(TakeId).collect(),
            imported: recipe.imported.map(|source| ImportSource {
                name: source.name,
                sha256: source.sha256,
                start_seconds: source.start_seconds,
                bpm: source.bpm,
                bars: source.bars,
            }),
            held_patch: recipe.held_patch,
            taken_over: recipe.taken_over.map(|notes| TakenOver {
                from: TakeId(notes.from),
                patch: notes.patch,
                dials: notes.dials.map_or_else(NoteDials::default, |dials| NoteDials {
                    density: dials.density,
                    complexity: dials.complexity,
                    fills: dials.fills,
                }),
            }),
        },
        patch: record.patch,
        score: Score { notes: record.score.notes.into_iter().map(note_of).collect() },
        tokens,
        audio,
        timings: StageSeconds {
            compose: record.timings.compose,
            perform: record.timings.perform,
            decode: record.timings.decode,
        },
        measures: record.measures.map(measures_of),
    };
    Some((take, reason))
}

/// Whether an id is safe as the name of a file in the folder.
pub(super) fn is_plain(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn of_note(note: &Note) -> v5::Note {
    let Note { step, offset, length, pitch, velocity } = *note;
    v5::Note { step, offset, length, pitch, velocity }
}

fn note_of(record: v5::Note) -> Note {
    let v5::Note { step, offset, length, pitch, velocity } = record;
    Note { step, offset, length, pitch, velocity }
}

fn of_measures(measures: &Measures) -> v5::Measures {
    v5::Measures {
        on_grid: measures.on_grid,
        in_scale: measures.in_scale,
        chord_tones: measures.chord_tones,
        downbeat_roots: measures.downbeat_roots,
        repetition: measures.repetition,
        onsets_per_bar: measures.onsets_per_bar,
        empty_bars: measures.empty_bars,
        notes_heard: measures.notes_heard,
        silence: measures.silence,
        clicks: measures.clicks,
        seam: measures.seam,
        centroid_hz: measures.centroid_hz,
        bands: measures.bands.to_vec(),
        in_band: measures.in_band,
        loudness_lufs: measures.loudness_lufs,
        true_peak_dbtp: measures.true_peak_dbtp,
        candidates: measures.candidates,
    }
}

fn measures_of(record: v5::Measures) -> Measures {
    let mut bands = Measures::default().bands;
    bands.iter_mut().zip(record.bands).for_each(|(band, written)| *band = written);
    Measures {
        on_grid: record.on_grid,
        in_scale: record.in_scale,
        chord_tones: record.chord_tones,
        downbeat_roots: record.downbeat_roots,
        repetition: record.repetition,
        onsets_per_bar: record.onsets_per_bar,
        empty_bars: record.empty_bars,
        notes_heard: record.notes_heard,
        silence: record.silence,
        clicks: record.clicks,
        seam: record.seam,
        centroid_hz: record.centroid_hz,
        bands,
        in_band: record.in_band,
        loudness_lufs: record.loudness_lufs,
        true_peak_dbtp: record.true_peak_dbtp,
        candidates: record.candidates,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resonantgen_session::Request;
    use resonantgen_session::fake::generated;

    fn json_of(session: &Session) -> serde_json::Value {
        let record = of_session(session, true, &|_| None);
        serde_json::to_value(&record).expect("a record is JSON")
    }

    fn read_value(json: &serde_json::Value) -> Session {
        let record = read(&serde_json::to_vec(json).expect("JSON")).expect("a record");
        into_session(record, |_, _| Sound::NotKept).expect("a session").session
    }

    #[test]
    fn what_a_prompt_meant_survives() {
        for prompt in [
            "dark techno house with driving bass, no drums, half-time, 58% swing, in D dorian, 5/4",
            "jazz ii-V in Bb, slow, warm rhodes, follow the kick xyzzy",
            "fast slow trap with Am F",
        ] {
            let session = generated(prompt, 3);
            let again = read_value(&json_of(&session));
            assert_eq!(again.intent, session.intent, "{prompt}");
            assert_eq!(again.plan, session.plan, "{prompt}");
            assert_eq!(json_of(&again), json_of(&session), "{prompt}");
        }
    }

    #[test]
    fn the_part_that_a_take_follows_survives() {
        for track in [Track::Drums, Track::Harmony] {
            let mut session = generated("house in A minor", 3);
            let take = session.track(track).take().expect("a take").clone();
            let reference = Reference::of(track, &take.recipe.plan, &take.score.notes);
            assert!(reference.is_some());
            let request = Request::edit(track, "").like(reference.clone().expect("it has notes"));
            resonantgen_session::fake::apply(&mut session, &request).expect("a take");
            let again = read_value(&json_of(&session));
            let followed =
                again.track(track).take().expect("a take").recipe.intent.track(track).reference.clone();
            assert_eq!(followed, reference);
            assert_eq!(
                again.track(track).take().map(|take| &take.id),
                session.track(track).take().map(|take| &take.id)
            );
        }
    }

    #[test]
    fn a_style_of_another_version_is_kept_and_changes_nothing_else() {
        let session = generated("techno", 3);
        let mut json = json_of(&session);
        json["intent"]["styles"] = serde_json::json!({"techno": 0.25, "gqom": 0.75});
        json["tracks"][1]["takes"][0]["recipe"]["intent"]["styles"] = serde_json::json!({"gqom": 1.0});
        let opened = read_value(&json);
        let intent = opened.intent.clone().expect("an intent");
        assert_eq!((intent.main_style(), intent.styles[Style::Techno.index()]), (Style::Techno, 0.25));
        assert_eq!(json_of(&opened), json, "it is written as it came");
        // This version writes styles by name, so new styles do not shift others.
        let plain = json_of(&generated("techno", 3));
        assert_eq!(plain["intent"]["styles"], serde_json::json!({"techno": 1.0}));
    }

    #[test]
    fn an_id_is_no_path() {
        let mut json = json_of(&generated("techno", 3));
        json["tracks"][0]["takes"][0]["id"] = "../../etc/passwd".into();
        let record = read(&serde_json::to_vec(&json).expect("JSON")).expect("a record");
        let opened = into_session(record, |_, _| Sound::NotKept).expect("the rest");
        assert_eq!(opened.lost.len(), 1);
        assert!(opened.session.track(Track::Drums).history.is_empty());
    }
}
