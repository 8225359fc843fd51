//! Imports a loop: an audio file becomes an immutable take on the session's grid.
//!
//! The file is decoded; tempo, downbeat and key are measured, each with a confidence; the audio is fitted to exact bars (stretched
//! only if the tempo differs) and transcribed approximately; the result is a [`Take`] whose recipe names the file.
//!
//! This crate may know `music`, `sound` and `take`. It knows nothing of sessions or models.
//!
//! ```no_run
//! use resonantgen_import::{ImportOptions, import_loop};
//! use resonantgen_music::track::Track;
//!
//! let imported = import_loop("loop.wav".as_ref(), &ImportOptions::new(Track::Drums), &())?;
//! println!("{:.1} bpm", imported.findings.bpm.value);
//! # Ok::<(), resonantgen_import::ImportError>(())
//! ```

mod attack;
mod bars;
mod condition;
mod decode;
mod fit;
mod harmony;
mod hints;
mod mp3;
mod pcm;
mod quiet;
mod recording;
mod steadiness;
mod stream;
mod tempo;
mod transcribe;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use hex::encode as hex;
pub use recording::Recording;
use resonantgen_music::plan::{BARS_RANGE, BPM_RANGE, Key, Meter, Mode, Plan, Swing};
use resonantgen_music::track::Track;
use resonantgen_sound::listen::hear;
pub use resonantgen_take::ImportSource;
use resonantgen_take::{GenerationSettings, Recipe, StageSeconds, TAKE_SAMPLE_RATE_HZ, Take, Tokens};
use resonantgen_words::Intent;

/// Maximum length of audio that is analysed, in seconds: a little more than 64 bars of 4/4 at 40 bpm.
pub const LONGEST_SECONDS: f64 = 400.0;
/// Allowed sample rates of files in Hz.
pub const RATE_RANGE_HZ: std::ops::RangeInclusive<u32> = 4_000..=768_000;
/// A shorter loop is repeated to this many bars, unless the user sets the number.
pub const FEWEST_BARS: u32 = 4;
/// Loudest sample that counts as silence, full scale 1 (-66 dB).
pub const SILENCE: f32 = 5e-4;
/// Confidence below which a value is reported as doubtful.
const DOUBTFUL: f32 = 0.3;
/// Steadiness below which the user is warned.
const UNSTEADY: f32 = 0.45;

/// What the user and the session know about the file.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportOptions {
    /// Track of the loop; it decides how the loop is analysed.
    pub track: Track,
    /// Tempo of the file; `None` to measure it.
    pub bpm: Option<f64>,
    /// Tempo of the host or prompt, which decides between octaves in doubt.
    pub bpm_hint: Option<f64>,
    /// Bars of the result. A longer file is cut, a shorter one repeated.
    pub bars: Option<u32>,
    /// Start of the first bar in the file, in seconds; `None` to measure it.
    pub start_seconds: Option<f64>,
    /// Key; `None` to measure it.
    pub key: Option<Key>,
    /// Meter; `None` for that of `plan`, or else 4/4.
    pub meter: Option<Meter>,
    /// Plan of the other tracks. The loop is fitted to its tempo, meter and length.
    pub plan: Option<Plan>,
}

impl ImportOptions {
    /// Options with only the track set.
    #[must_use]
    pub const fn new(track: Track) -> Self {
        Self {
            track,
            bpm: None,
            bpm_hint: None,
            bars: None,
            start_seconds: None,
            key: None,
            meter: None,
            plan: None,
        }
    }
}

/// The stages of an import, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImportStage {
    /// Reading and decoding the file.
    Read,
    /// Measuring tempo, downbeat and key.
    Listen,
    /// Fitting it to the grid.
    Fit,
}

/// Observes an import, and may cancel it.
pub trait ImportObserver: Sync {
    /// `fraction` in `0.0..=1.0` of `stage` is done.
    fn progress(&self, stage: ImportStage, fraction: f32) {
        let _ = (stage, fraction);
    }

    /// Whether to cancel. Called often, so it must be cheap.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Observes nothing.
impl ImportObserver for () {}

/// A measured value with its confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Measured<T> {
    /// The value.
    pub value: T,
    /// From 0 (a guess) to 1 (beyond doubt).
    pub confidence: f32,
}

/// How the file was fitted to the grid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Unchanged, because it has the grid's tempo.
    AsIs,
    /// Time-stretched by this factor (above 1 is longer) at the same pitch.
    Stretched(f64),
}

/// The analysis of a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Findings {
    /// Rate of the file in audio frames per second.
    pub rate_hz: u32,
    /// Channels of the file.
    pub channels: usize,
    /// Analysed length in seconds.
    pub seconds: f64,
    /// Tempo of the file in quarter notes per minute.
    pub bpm: Measured<f64>,
    /// Start of the first bar, in seconds from where the import starts in the file.
    pub downbeat_seconds: Measured<f64>,
    /// Key; `None` for drums.
    #[serde(serialize_with = "measured_key")]
    pub key: Option<Measured<Key>>,
    /// Number of bars taken from the file.
    pub bars: u32,
    /// How it was fitted to the grid.
    pub fit: Fit,
    /// Remarks for the user, in sentences.
    pub remarks: Vec<String>,
}

#[allow(clippy::ref_option, reason = "serde's signature")]
fn measured_key<S: Serializer>(key: &Option<Measured<Key>>, serializer: S) -> Result<S::Ok, S::Error> {
    let key = key.map(|key| Measured { value: key.value.to_string(), confidence: key.confidence });
    key.serialize(serializer)
}

/// A loop on the grid, not yet in a session (see `Session::add_import`).
#[derive(Clone, Debug)]
pub struct Imported {
    /// The take. An empty session adopts the plan of its recipe.
    pub take: Take,
    /// The analysis.
    pub findings: Findings,
}

/// Why a file was not imported.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say what the fields are")]
pub enum ImportError {
    /// The observer cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// It is not an audio file of a known format.
    #[error("{} cannot be imported: {what}; use WAV, FLAC, MP3, OGG (Vorbis) or AIFF", path.display())]
    NotAudio { path: PathBuf, what: &'static str },
    /// The file is incomplete or damaged.
    #[error("{} is damaged: {reason}; export it again", path.display())]
    Damaged { path: PathBuf, reason: String },
    /// The rate is out of range.
    #[error("a rate of {0} Hz cannot be imported: convert the file to 44100 or 48000 Hz")]
    Rate(u32),
    /// The file is too long to be a loop.
    #[error(
        "the file is longer than {LONGEST_SECONDS} s ({seconds:.0} s): set the start of the loop with --start SECONDS, \
         or its length with --bars N"
    )]
    TooLong { seconds: f64 },
    /// The start is after the end of the file.
    #[error("the start at {start} s is after the end of the file at {seconds:.2} s")]
    StartBeyondEnd { start: f64, seconds: f64 },
    /// The file is silent.
    #[error("the file is silent from where the import starts, so there is nothing to import")]
    Silent,
    /// The file is shorter than a bar.
    #[error("the file is too short: {seconds:.2} s hold less than one bar at {bpm:.1} bpm")]
    TooShort { seconds: f64, bpm: f64 },
    /// No beat was found.
    #[error("no beat was found in the file: set its tempo with --bpm N")]
    NoBeat,
    /// An option is out of range.
    #[error("{what} of {value} is out of range: use {low} to {high}")]
    Option { what: &'static str, value: f64, low: f64, high: f64 },
}

/// Imports an audio file as a take that fits the grid. Memory and time are bounded by [`LONGEST_SECONDS`]. Not realtime-safe.
///
/// # Errors
/// Returns an error when the file cannot be read, is silent, is shorter than a bar or has no detectable beat, when an option is
/// out of range, and when the observer cancels.
pub fn import_loop(
    path: &Path,
    options: &ImportOptions,
    observer: &dyn ImportObserver,
) -> Result<Imported, ImportError> {
    check(options)?;
    let decoded = decode::decode(path, options.start_seconds, limit_seconds(options), observer)?;
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    import(decoded, &name, || hash(path, observer), options, observer)
}

/// Imports bars that were recorded in time, as [`import_loop`] imports a file. Tempo, meter and first bar are those of the recording,
/// whatever the options say. Not realtime-safe.
///
/// # Errors
/// As [`import_loop`], but for those of files.
pub fn import_recording(
    recording: &Recording,
    options: &ImportOptions,
    observer: &dyn ImportObserver,
) -> Result<Imported, ImportError> {
    let options = ImportOptions {
        bpm: Some(recording.bpm),
        start_seconds: Some(0.0),
        meter: Some(recording.meter),
        ..options.clone()
    };
    check(&options)?;
    let tape = recording::Tape::new(recording);
    let name = format!("recording of {} bars", recording.bars);
    let decoded = decode::read(Box::new(tape), name.as_ref(), None, None, observer)?;
    let hash = || {
        let samples = recording.left.iter().chain(&recording.right);
        let hash = samples.fold(Sha256::new(), |hash, sample| hash.chain_update(sample.to_le_bytes()));
        Ok(hex(hash.finalize()))
    };
    import(decoded, &name, hash, &options, observer)
}

/// Fits decoded audio to the grid.
fn import(
    mut decoded: decode::Decoded,
    name: &str,
    hash: impl FnOnce() -> Result<String, ImportError>,
    options: &ImportOptions,
    observer: &dyn ImportObserver,
) -> Result<Imported, ImportError> {
    let track = options.track;
    let mut remarks = std::mem::take(&mut decoded.remarks);
    if decoded.not_a_number > 0 {
        remarks.push(format!("{} samples were not numbers and were silenced", decoded.not_a_number));
    }
    let peak = decoded.left.iter().chain(&decoded.right).fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    if peak < SILENCE {
        return Err(ImportError::Silent);
    }
    if peak > 1.0 {
        for sample in decoded.left.iter_mut().chain(&mut decoded.right) {
            *sample /= peak;
        }
        remarks.push(format!("it was {:.1} dB above full scale and was turned down", 20.0 * peak.log10()));
    }
    condition::clean(&mut decoded);
    remarks.append(&mut decoded.remarks);
    let go_on = |fraction| {
        observer.progress(ImportStage::Listen, fraction);
        if observer.is_cancelled() { Err(ImportError::Cancelled) } else { Ok(()) }
    };
    go_on(0.0)?;
    let sha256 = hash()?;
    go_on(0.2)?;
    let meter = options.meter.or(options.plan.as_ref().map(|plan| plan.meter)).unwrap_or(Meter::COMMON);
    let seconds = decoded.left.len() as f64 / f64::from(TAKE_SAMPLE_RATE_HZ);
    let noted = decoded.bpm.map(|bpm| hints::Hint { bpm, is_tempo: true });
    let hints: Vec<_> = noted.into_iter().chain(hints::of_name(name)).collect();
    let cut = bars::find(&decoded, meter, options, &hints, &mut remarks)?;
    go_on(0.6)?;

    observer.progress(ImportStage::Fit, 0.0);
    let grid = grid(&cut, meter, options);
    let (audio, fit) = fit::fit(&decoded, &cut, &grid, observer)?;
    let audio = Arc::new(audio);
    observer.progress(ImportStage::Fit, 0.7);
    if let Some(steadiness) = steadiness::steadiness(&audio, &grid)
        && steadiness < UNSTEADY
    {
        remarks.push(format!(
            "the sound does not keep to the beat at {:.1} bpm: if the music is in time, set its tempo with --bpm; speech, \
             noises and free playing do not fit a grid",
            cut.bpm.value
        ));
    }
    let heard = hear(track, &audio, &grid);
    let key = match (track, options.key) {
        (Track::Drums, _) => None,
        (_, Some(value)) => Some(Measured { value, confidence: 1.0 }),
        (_, None) => Some(harmony::key(&heard, &grid)),
    };
    if let Some(key) = key
        && key.confidence < DOUBTFUL
    {
        remarks.push(format!("the key ({}) is a guess: set it with --key if it is wrong", key.value));
    }
    // The other tracks' plan keeps its harmony. Without a plan, the harmony is measured.
    let plan = match (&options.plan, key) {
        (None, Some(key)) => {
            Plan { key: key.value, chords: harmony::chords(&heard, &grid, key.value), ..grid }
        }
        _ => grid,
    };
    let score = transcribe::transcribe(track, &heard, &plan);
    let source = ImportSource {
        name: name.to_owned(),
        sha256,
        start_seconds: options.start_seconds.unwrap_or(0.0) + cut.downbeat.value,
        bpm: cut.bpm.value,
        bars: cut.bars,
    };
    let recipe = Recipe {
        track,
        prompt: format!("imported {name}"),
        intent: Intent::default(),
        plan,
        seed: 0,
        settings: GenerationSettings::default(),
        bundle_id: String::new(),
        context: Vec::new(),
        imported: Some(source),
        held_patch: None,
        taken_over: None,
    };
    observer.progress(ImportStage::Fit, 1.0);
    Ok(Imported {
        take: Take {
            id: recipe.take_id(),
            patch: name.to_owned(),
            recipe,
            score,
            tokens: Tokens::default(),
            audio,
            timings: StageSeconds::default(),
            measures: None,
        },
        findings: Findings {
            rate_hz: decoded.rate_hz,
            channels: decoded.channels,
            seconds,
            bpm: cut.bpm,
            downbeat_seconds: cut.downbeat,
            key,
            bars: cut.bars,
            fit,
            remarks,
        },
    })
}

fn check(options: &ImportOptions) -> Result<(), ImportError> {
    let inside = |what, value: Option<f64>, low: f64, high: f64| match value {
        Some(value) if !(low..=high).contains(&value) => Err(ImportError::Option { what, value, low, high }),
        _ => Ok(()),
    };
    inside("a tempo", options.bpm, *BPM_RANGE.start(), *BPM_RANGE.end())?;
    inside("a start", options.start_seconds, 0.0, 1e6)?;
    let bars = options.bars.map(f64::from);
    inside("a length in bars", bars, f64::from(*BARS_RANGE.start()), f64::from(*BARS_RANGE.end()))
}

/// How much of a file to analyse for the requested bars, including a margin for finding the first one.
fn limit_seconds(options: &ImportOptions) -> Option<f64> {
    let meter = options.meter.or(options.plan.as_ref().map(|plan| plan.meter)).unwrap_or(Meter::COMMON);
    let bar_seconds = f64::from(meter.steps_per_bar()) * 15.0 / options.bpm.unwrap_or(*BPM_RANGE.start());
    options.bars.map(|bars| (f64::from(bars) + 4.0) * bar_seconds)
}

/// The grid for the loop: that of the other tracks, or its own.
fn grid(cut: &bars::Cut, meter: Meter, options: &ImportOptions) -> Plan {
    if let Some(plan) = &options.plan {
        return plan.clone();
    }
    let bars = options.bars.unwrap_or_else(|| {
        let times = FEWEST_BARS.div_ceil(cut.bars).max(1);
        (cut.bars * times).min(*BARS_RANGE.end())
    });
    let key: Key = options.key.unwrap_or(Key { tonic: 9, mode: Mode::Minor });
    Plan {
        bpm: cut.bpm.value,
        key,
        meter,
        bars,
        chords: vec![harmony::tonic(key); 2 * bars as usize],
        swing: Swing::default(),
    }
}

/// SHA-256 of a file, in hexadecimal.
fn hash(path: &Path, observer: &dyn ImportObserver) -> Result<String, ImportError> {
    let unreadable = |source| ImportError::Unreadable { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        if observer.is_cancelled() {
            return Err(ImportError::Cancelled);
        }
        let count = file.read(&mut piece).map_err(unreadable)?;
        if count == 0 {
            break;
        }
        hash.update(&piece[..count]);
    }
    Ok(hex(hash.finalize()))
}
