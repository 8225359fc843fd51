//! Decodes audio files of any supported kind to 48 kHz stereo, piece by piece, so that memory stays bounded.

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{
    Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType, WindowFunction,
};
use symphonia::core::audio::Channels;
use symphonia::core::errors::Error as FormatError;

use super::mp3::Mp3;
use super::pcm::Pcm;
use super::stream::Stream;
use super::{ImportError, ImportObserver, ImportStage, LONGEST_SECONDS, RATE_RANGE_HZ, hints, quiet};
use resonantgen_take::TAKE_SAMPLE_RATE_HZ;

/// Audio frames resampled at a time.
const CHUNK: usize = 1_024;
/// Fraction of the declared length below which a file counts as truncated.
const WHOLE_SHARE: f64 = 0.99;
/// Longest stretch that may be missing at the end before a file counts as truncated, in seconds.
const LOST_END_SECONDS: f64 = 0.5;
/// Excess over the declared length, in seconds, above which the declaration counts as wrong.
const TOO_LONG_SECONDS: f64 = 0.001;
/// Fraction of a file that may be silent because it cannot be decoded, and the seconds that may be in any case.
const LOST_SHARE: f64 = 0.1;
const LOST_SECONDS: f64 = 0.3;

/// What is known of a file before its audio is read.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Audio frames per second.
    pub(super) rate_hz: u32,
    pub(super) channels: Channels,
    /// Audio frames; `None` if only reading the file can tell. Never an estimate.
    pub(super) frames: Option<u64>,
    /// Whether the first and last samples are exactly those that were encoded.
    pub(super) is_exact: bool,
    /// Tempo stored in the file.
    pub(super) bpm: Option<f64>,
    /// Remarks for the user.
    pub(super) remarks: Vec<String>,
}

/// The next part of a file's audio.
pub(super) enum Piece<'a> {
    /// Interleaved samples.
    Sound(&'a [f32]),
    /// This many audio frames cannot be decoded.
    Gap(u64),
}

/// Reads one kind of file.
pub(super) trait Reader {
    fn facts(&self) -> &Facts;
    /// The next piece; `None` at the end.
    fn next(&mut self) -> Result<Option<Piece<'_>>, Fault>;
}

/// Why a file cannot be read: an [`ImportError`] without the path.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    NotAudio(&'static str),
    #[error("its encoding is not supported")]
    UnknownCoding,
    #[error("{0}")]
    Damaged(String),
}

impl Fault {
    pub(super) fn damaged(reason: &str) -> Self {
        Self::Damaged(reason.to_owned())
    }

    fn of(self, path: &Path) -> ImportError {
        let path = path.to_owned();
        match self {
            Self::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                ImportError::Damaged { path, reason: "it ends in the middle of its header".to_owned() }
            }
            Self::Io(source) => ImportError::Unreadable { path, source },
            Self::NotAudio(what) => ImportError::NotAudio { path, what },
            Self::UnknownCoding => ImportError::NotAudio { path, what: "its encoding is not supported" },
            Self::Damaged(reason) => ImportError::Damaged { path, reason },
        }
    }
}

impl From<FormatError> for Fault {
    fn from(error: FormatError) -> Self {
        match error {
            FormatError::Unsupported(_) => Self::UnknownCoding,
            FormatError::IoError(error) => Self::Io(error),
            error => Self::Damaged(plain_reason(&error.to_string()).to_owned()),
        }
    }
}

/// Translates a parser's message for the user.
fn plain_reason(message: &str) -> &'static str {
    let words = [
        ("rate", "its header gives an impossible rate"),
        ("channel", "its header gives an impossible number of channels"),
        ("bits per sample", "its header gives an impossible sample size"),
        ("crc", "a part of it was altered (its checksum does not match)"),
        ("checksum", "a part of it was altered (its checksum does not match)"),
    ];
    let message = message.to_lowercase();
    let known = words.into_iter().find(|(part, _)| message.contains(part));
    known.map_or("its header makes no sense", |(_, reason)| reason)
}

/// A file's audio from the start of the import, at [`TAKE_SAMPLE_RATE_HZ`].
#[derive(Debug, Default)]
pub(super) struct Decoded {
    pub(super) left: Vec<f32>,
    pub(super) right: Vec<f32>,
    /// Rate of the file in audio frames per second.
    pub(super) rate_hz: u32,
    /// Channels of the file.
    pub(super) channels: usize,
    /// Whether the end of the file was reached.
    pub(super) is_whole: bool,
    /// Length of the whole file in seconds, if it is exactly the encoded length.
    pub(super) cut_seconds: Option<f64>,
    /// Tempo stored in the file.
    pub(super) bpm: Option<f64>,
    /// Number of samples that were not numbers and were silenced.
    pub(super) not_a_number: usize,
    /// Remarks for the user.
    pub(super) remarks: Vec<String>,
}

/// Reads a file from `start_seconds` (the beginning if `None`), at most `limit_seconds`. Without start and limit, a file longer
/// than [`LONGEST_SECONDS`] is refused, so that no file is shortened unnoticed.
pub(super) fn decode(
    path: &Path,
    start_seconds: Option<f64>,
    limit_seconds: Option<f64>,
    observer: &dyn ImportObserver,
) -> Result<Decoded, ImportError> {
    read(open(path)?, path, start_seconds, limit_seconds, observer)
}

/// As [`decode`], from a reader; `path` is named in errors.
pub(super) fn read(
    mut reader: Box<dyn Reader + '_>,
    path: &Path,
    start_seconds: Option<f64>,
    limit_seconds: Option<f64>,
    observer: &dyn ImportObserver,
) -> Result<Decoded, ImportError> {
    let damaged = |reason: &str| ImportError::Damaged { path: path.to_owned(), reason: reason.to_owned() };
    let mut facts = reader.facts().clone();
    if !RATE_RANGE_HZ.contains(&facts.rate_hz) {
        return Err(ImportError::Rate(facts.rate_hz));
    }
    let rate = f64::from(facts.rate_hz);
    let bounded = start_seconds.is_some() || limit_seconds.is_some();
    let limit = limit_seconds.map_or(LONGEST_SECONDS, |limit| limit.min(LONGEST_SECONDS));
    let mut promised = facts.frames.map(|frames| frames as f64 / rate);
    let start = start_seconds.unwrap_or(0.0);
    if let Some(seconds) = promised {
        if start >= seconds {
            return Err(ImportError::StartBeyondEnd { start, seconds });
        }
        if seconds > LONGEST_SECONDS && !bounded {
            return Err(ImportError::TooLong { seconds });
        }
    }
    let wanted_seconds = promised.map_or(limit, |promised| promised.min(limit));
    let mut sink = Sink::new(facts.rate_hz, facts.channels, start)?;
    let mut lost = 0;
    let mut is_whole = true;
    while let Some(piece) = guarded(|| reader.next()).map_err(|fault| fault.of(path))? {
        if observer.is_cancelled() {
            return Err(ImportError::Cancelled);
        }
        match piece {
            Piece::Sound(samples) => sink.push(samples)?,
            Piece::Gap(frames) => {
                lost += frames;
                // Anything beyond the limit is not needed.
                sink.pause(frames.min(((limit + start + 1.0) * rate) as u64))?;
            }
        }
        observer.progress(ImportStage::Read, (sink.seconds() / wanted_seconds).min(1.0) as f32);
        if sink.seconds() >= limit {
            if promised.is_none() && !bounded {
                return Err(ImportError::TooLong { seconds: sink.seconds() });
            }
            is_whole = false;
            break;
        }
    }
    // Some remarks are known only at the end.
    facts.remarks.clone_from(&reader.facts().remarks);
    let reached = sink.seconds() + start;
    if promised.is_some_and(|promised| reached > promised + TOO_LONG_SECONDS) && is_whole {
        facts
            .remarks
            .push("its header gives too short a length: it was read to the end of the file".to_owned());
        promised = Some(reached);
    }
    if let Some(promised) = promised
        && is_whole
    {
        let missing = promised - reached;
        if missing > LOST_END_SECONDS.max(promised * (1.0 - WHOLE_SHARE)) || sink.taken == 0 {
            return Err(damaged(&format!("it ends after {reached:.1} s of {promised:.1} s")));
        }
        // The last packet cannot be decoded.
        let frames = (missing * rate).round().max(0.0) as u64;
        lost += frames;
        sink.pause(frames)?;
    }
    if sink.taken == 0 {
        return Err(damaged("it contains no sound"));
    }
    let lost = lost as f64 / rate;
    if lost > (sink.seconds() * LOST_SHARE).max(LOST_SECONDS) {
        return Err(damaged(&format!("{lost:.1} s of it cannot be decoded")));
    }
    if lost > 0.0 {
        facts.remarks.push(format!(
            "{:.0} ms of it cannot be decoded and were silenced: the file is damaged",
            (lost * 1e3).max(1.0)
        ));
    }
    let cut_seconds = promised.or(is_whole.then_some(reached)).filter(|_| facts.is_exact);
    Ok(Decoded { is_whole, cut_seconds, bpm: facts.bpm, remarks: facts.remarks, ..sink.finish()? })
}

/// Opens a file of any supported kind.
fn open(path: &Path) -> Result<Box<dyn Reader>, ImportError> {
    let unreadable = |source| ImportError::Unreadable { path: path.to_owned(), source };
    // Opening a named pipe would wait for a writer.
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "it is a folder" } else { "it is not a regular file" };
        return Err(ImportError::NotAudio { path: path.to_owned(), what });
    }
    let mut file = File::open(path).map_err(unreadable)?;
    let kind = kind_of(path, &mut file)?;
    file.rewind().map_err(unreadable)?;
    let opened = guarded(|| -> Result<Box<dyn Reader>, Fault> {
        Ok(match kind {
            Kind::Pcm => Box::new(Pcm::open(BufReader::with_capacity(1 << 16, file), metadata.len())?),
            Kind::Mp3 => Box::new(Mp3::open(file)?),
            Kind::Stream => Box::new(Stream::open(file)?),
        })
    });
    opened.map_err(|fault| fault.of(path))
}

/// Calls a decoder. A panic counts as damage, because some decoders panic on invalid headers.
fn guarded<T>(call: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    let called = quiet::without_report(|| catch_unwind(AssertUnwindSafe(call)));
    called.unwrap_or_else(|_| Err(Fault::damaged("the decoder failed on it")))
}

/// Kinds of files, by reader.
#[derive(Clone, Copy)]
enum Kind {
    Pcm,
    Mp3,
    Stream,
}

/// Determines the kind of a file from its first bytes. (Searching for MP3 frames would find some in many videos.)
fn kind_of(path: &Path, file: &mut File) -> Result<Kind, ImportError> {
    let mut head = [0_u8; 12];
    let mut length = 0;
    while length < head.len() {
        match file.read(&mut head[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(source) => return Err(ImportError::Unreadable { path: path.to_owned(), source }),
        }
    }
    let refused = |what| Err(ImportError::NotAudio { path: path.to_owned(), what });
    // ISO/IEC 11172-3, 2.4.1.3: eleven sync bits, then the version, and layer III.
    let is_mp3 = head[0] == 0xff && head[1] & 0xe6 == 0xe2;
    match &head {
        _ if length == 0 => refused("it is empty"),
        [b'R', b'I', b'F', b'F', .., b'W', b'A', b'V', b'E']
        | [b'R', b'F', b'6', b'4', .., b'W', b'A', b'V', b'E']
        | [b'B', b'W', b'6', b'4', .., b'W', b'A', b'V', b'E']
        | [b'F', b'O', b'R', b'M', .., b'A', b'I', b'F', b'F' | b'C'] => Ok(Kind::Pcm),
        [b'f', b'L', b'a', b'C', ..] | [b'O', b'g', b'g', b'S', ..] => Ok(Kind::Stream),
        // Some programs put an MP3 tag in front of other formats.
        [b'I', b'D', b'3', _, _, _, size @ .., _, _] => match &name_behind(file, hints::syncsafe(size)) {
            b"fLaC" => Ok(Kind::Stream),
            b"RIFF" | b"RF64" | b"FORM" => {
                refused("there is a tag before its header, where other programs do not look")
            }
            _ => Ok(Kind::Mp3),
        },
        _ if is_mp3 => Ok(Kind::Mp3),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] | [0x1a, 0x45, 0xdf, 0xa3, ..] => {
            refused("it is a video or an MP4 file")
        }
        [b'R', b'I', b'F', b'F', ..] => refused("it is a RIFF file, but not a WAV file"),
        // Something else may precede the first frame.
        _ if path.extension().is_some_and(|kind| kind.eq_ignore_ascii_case("mp3")) => Ok(Kind::Mp3),
        _ => refused("it is another kind of file"),
    }
}

/// The first four bytes after a tag of `size` bytes; zeros if there are none.
fn name_behind(file: &mut File, size: usize) -> [u8; 4] {
    let mut name = [0; 4];
    let read = file.seek(SeekFrom::Start(10 + size as u64)).and_then(|_| file.read_exact(&mut name));
    if read.is_ok() { name } else { [0; 4] }
}

/// Mixes to stereo, drops what precedes the start, and resamples.
struct Sink {
    rate_hz: u32,
    channels: Channels,
    gains: Vec<(f32, f32)>,
    skip: u64,
    taken: u64,
    not_a_number: usize,
    waiting: [Vec<f32>; 2],
    resampler: Option<Async<f32>>,
    scratch: [Vec<f32>; 2],
    output: [Vec<f32>; 2],
}

impl Sink {
    fn new(rate_hz: u32, channels: Channels, start_seconds: f64) -> Result<Self, ImportError> {
        if !RATE_RANGE_HZ.contains(&rate_hz) {
            return Err(ImportError::Rate(rate_hz));
        }
        let ratio = f64::from(TAKE_SAMPLE_RATE_HZ) / f64::from(rate_hz);
        let parameters = SincInterpolationParameters {
            sinc_len: 128,
            f_cutoff: None,
            oversampling_factor: 256,
            interpolation: SincInterpolationType::Cubic,
            window: WindowFunction::BlackmanHarris2,
        };
        let resampler = (rate_hz != TAKE_SAMPLE_RATE_HZ)
            .then(|| Async::new_sinc(ratio, 1.0, &parameters, CHUNK, 2, FixedAsync::Input))
            .transpose()
            .map_err(|_| ImportError::Rate(rate_hz))?;
        let room = resampler.as_ref().map_or(0, |resampler| resampler.output_frames_max());
        Ok(Self {
            rate_hz,
            channels,
            // A single channel goes to the centre, whatever its label.
            gains: if channels.count() == 1 { vec![(1.0, 1.0)] } else { channels.iter().map(gain).collect() },
            skip: (start_seconds * f64::from(rate_hz)).round() as u64,
            taken: 0,
            not_a_number: 0,
            waiting: Default::default(),
            resampler,
            scratch: [vec![0.0; room], vec![0.0; room]],
            output: Default::default(),
        })
    }

    /// Seconds taken so far, without what was dropped before the start.
    fn seconds(&self) -> f64 {
        self.taken as f64 / f64::from(self.rate_hz)
    }

    /// Adds silence.
    fn pause(&mut self, frames: u64) -> Result<(), ImportError> {
        let skipped = self.skip.min(frames);
        self.skip -= skipped;
        let mut left = frames - skipped;
        self.taken += left;
        while left > 0 {
            let count = left.min(CHUNK as u64);
            for waiting in &mut self.waiting {
                waiting.resize(waiting.len() + count as usize, 0.0);
            }
            self.resample()?;
            left -= count;
        }
        Ok(())
    }

    fn push(&mut self, interleaved: &[f32]) -> Result<(), ImportError> {
        let gains = std::mem::take(&mut self.gains);
        for frame in interleaved.chunks_exact(gains.len().max(1)) {
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            self.taken += 1;
            let (mut left, mut right) = (0.0, 0.0);
            for (sample, (to_left, to_right)) in frame.iter().zip(&gains) {
                if sample.is_finite() {
                    left += sample * to_left;
                    right += sample * to_right;
                } else {
                    self.not_a_number += 1;
                }
            }
            self.waiting[0].push(left);
            self.waiting[1].push(right);
        }
        self.gains = gains;
        self.resample()
    }

    /// Resamples all complete chunks in the queue.
    fn resample(&mut self) -> Result<(), ImportError> {
        let Some(resampler) = &mut self.resampler else {
            for (output, waiting) in self.output.iter_mut().zip(&mut self.waiting) {
                output.append(waiting);
            }
            return Ok(());
        };
        let lost = |_| ImportError::Rate(self.rate_hz);
        while self.waiting[0].len() >= CHUNK {
            let room = self.scratch[0].len();
            let input = SequentialSliceOfVecs::new(&self.waiting, 2, CHUNK)
                .map_err(|_| ImportError::Rate(self.rate_hz))?;
            let mut output = SequentialSliceOfVecs::new_mut(&mut self.scratch, 2, room)
                .map_err(|_| ImportError::Rate(self.rate_hz))?;
            let (consumed, made) = resampler.process_into_buffer(&input, &mut output, None).map_err(lost)?;
            for channel in 0..2 {
                self.waiting[channel].drain(..consumed);
                self.output[channel].extend_from_slice(&self.scratch[channel][..made]);
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Decoded, ImportError> {
        if let Some(resampler) = &self.resampler {
            let ratio = f64::from(TAKE_SAMPLE_RATE_HZ) / f64::from(self.rate_hz);
            let delay = resampler.output_delay();
            let wanted = (self.taken as f64 * ratio).round() as usize;
            while self.output[0].len() < delay + wanted {
                for waiting in &mut self.waiting {
                    let length = waiting.len().max(1).next_multiple_of(CHUNK);
                    waiting.resize(length, 0.0);
                }
                self.resample()?;
            }
            for output in &mut self.output {
                output.drain(..delay);
                output.truncate(wanted);
            }
        }
        let [left, right] = self.output;
        Ok(Decoded {
            left,
            right,
            rate_hz: self.rate_hz,
            channels: self.channels.count(),
            not_a_number: self.not_a_number,
            ..Decoded::default()
        })
    }
}

/// Left and right gain of a channel (ITU-R BS.775, annex 4: centre and surround channels at -3 dB, low-frequency effects
/// dropped).
fn gain(channel: Channels) -> (f32, f32) {
    const SIDE: f32 = std::f32::consts::FRAC_1_SQRT_2;
    let left =
        Channels::REAR_LEFT | Channels::SIDE_LEFT | Channels::FRONT_LEFT_CENTRE | Channels::TOP_FRONT_LEFT;
    let right = Channels::REAR_RIGHT
        | Channels::SIDE_RIGHT
        | Channels::FRONT_RIGHT_CENTRE
        | Channels::TOP_FRONT_RIGHT;
    if channel == Channels::FRONT_LEFT {
        (1.0, 0.0)
    } else if channel == Channels::FRONT_RIGHT {
        (0.0, 1.0)
    } else if channel == Channels::LFE1 || channel == Channels::LFE2 {
        (0.0, 0.0)
    } else if left.contains(channel) {
        (SIDE, 0.0)
    } else if right.contains(channel) {
        (0.0, SIDE)
    } else {
        (SIDE, SIDE)
    }
}
