//! Audio files as 48 kHz stereo, whatever they were: read piece by piece, so that memory stays bounded.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::Path;

use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{
    Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType, WindowFunction,
};
use symphonia::core::audio::{AudioBufferRef, Channels, SampleBuffer};
use symphonia::core::codecs::{CODEC_TYPE_NULL, CodecParameters, Decoder, DecoderOptions};
use symphonia::core::errors::Error as FormatError;
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::probe::Hint;

use super::{ImportError, ImportObserver, ImportStage, LONGEST_SECONDS, RATE_RANGE_HZ};
use resonantgen_take::TAKE_SAMPLE_RATE_HZ;

/// Audio frames that are resampled at once.
const CHUNK: usize = 1_024;
/// Share of the promised length below which a file counts as cut off.
const WHOLE_SHARE: f64 = 0.99;
/// Length fields of WAV files that were written to a pipe, and say nothing.
const UNKNOWN_BYTES: f64 = 4.0e9;
/// Packets that cannot be decoded before the file counts as damaged.
const BAD_PACKETS: usize = 3;

/// A file's sound from where the import starts, at [`TAKE_SAMPLE_RATE_HZ`].
#[derive(Debug, Default)]
pub(super) struct Decoded {
    pub(super) left: Vec<f32>,
    pub(super) right: Vec<f32>,
    /// Rate of the file in audio frames per second.
    pub(super) rate_hz: u32,
    /// Channels of the file.
    pub(super) channels: usize,
    /// Whether the file's end was reached, so that its length says something.
    pub(super) is_whole: bool,
    /// Samples that were no numbers and became silent.
    pub(super) not_a_number: usize,
}

/// Reads a file from `start_seconds` (the beginning if `None`), at most `limit_seconds`, or [`LONGEST_SECONDS`], beyond
/// which the user must know that only a part of the file is taken.
pub(super) fn decode(
    path: &Path,
    start_seconds: Option<f64>,
    limit_seconds: Option<f64>,
    observer: &dyn ImportObserver,
) -> Result<Decoded, ImportError> {
    let unreadable = |source| ImportError::Unreadable { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(ImportError::NotAudio { path: path.to_owned(), what: "it is a folder" });
    }
    check_kind(path, &mut file)?;
    file.rewind().map_err(unreadable)?;
    let damaged = |reason: &str| ImportError::Damaged { path: path.to_owned(), reason: reason.to_owned() };

    let mut hint = Hint::new();
    if let Some(extension) = path.extension().and_then(|extension| extension.to_str()) {
        hint.with_extension(extension);
    }
    let stream = MediaSourceStream::new(Box::new(file), MediaSourceStreamOptions::default());
    let options = FormatOptions { enable_gapless: true, ..FormatOptions::default() };
    let probed = symphonia::default::get_probe()
        .format(&hint, stream, &options, &MetadataOptions::default())
        .map_err(|error| failed(path, &error))?;
    let mut format = probed.format;
    let track = format
        .tracks()
        .iter()
        .find(|track| track.codec_params.codec != CODEC_TYPE_NULL)
        .ok_or_else(|| ImportError::NotAudio { path: path.to_owned(), what: "no sound is in it" })?;
    let (id, parameters) = (track.id, track.codec_params.clone());
    let mut decoder = symphonia::default::get_codecs()
        .make(&parameters, &DecoderOptions::default())
        .map_err(|error| failed(path, &error))?;

    if let Some(rate) = parameters.sample_rate.filter(|rate| !RATE_RANGE_HZ.contains(rate)) {
        return Err(ImportError::Rate(rate));
    }
    let bounded = start_seconds.is_some() || limit_seconds.is_some();
    let limit = limit_seconds.map_or(LONGEST_SECONDS, |limit| limit.min(LONGEST_SECONDS));
    let promised = promised_seconds(&parameters, metadata.len());
    let start = start_seconds.unwrap_or(0.0);
    if let Some(promised) = promised {
        if promised.is_cut {
            return Err(damaged("it is shorter than its header says"));
        }
        if start >= promised.seconds {
            return Err(ImportError::StartBeyondEnd { start, seconds: promised.seconds });
        }
        if promised.seconds > LONGEST_SECONDS && !bounded {
            return Err(ImportError::TooLong { seconds: promised.seconds });
        }
    }
    let wanted_seconds = promised.map_or(limit, |promised| promised.seconds.min(limit));
    let mut sink: Option<Sink> = None;
    let mut bad = 0;
    while let Some(decoded) = next(format.as_mut(), decoder.as_mut(), id, &mut bad, path)? {
        if observer.is_cancelled() {
            return Err(ImportError::Cancelled);
        }
        let spec = *decoded.spec();
        if sink.is_none() {
            sink = Some(Sink::new(spec.rate, spec.channels, start)?);
        }
        let Some(sink) = &mut sink else { break };
        if spec.rate != sink.rate_hz || spec.channels != sink.channels {
            return Err(damaged("its rate or number of channels changes midway"));
        }
        let mut samples = SampleBuffer::<f32>::new(decoded.capacity() as u64, spec);
        samples.copy_interleaved_ref(decoded);
        sink.push(samples.samples())?;
        observer.progress(ImportStage::Read, (sink.seconds() / wanted_seconds).min(1.0) as f32);
        if sink.seconds() >= limit {
            if promised.is_none() && !bounded {
                return Err(ImportError::TooLong { seconds: sink.seconds() });
            }
            break;
        }
    }
    let Some(sink) = sink else { return Err(damaged("there is no sound in it")) };
    let reached = sink.seconds() + start;
    if let Some(promised) = promised
        && reached < (start + limit).min(promised.seconds) * WHOLE_SHARE - 0.1
    {
        return Err(damaged(&format!("it ends after {reached:.1} s of {:.1} s", promised.seconds)));
    }
    let is_whole = sink.seconds() < limit;
    Ok(Decoded { is_whole, ..sink.finish()? })
}

/// Whether the first bytes are those of a kind of file that can be read. (The probe alone would search a video for
/// something that looks like MP3.)
fn check_kind(path: &Path, file: &mut File) -> Result<(), ImportError> {
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
    // ISO/IEC 11172-3, 2.4.1.3: eleven bits of synchronisation, then version, and layer III.
    let is_mp3 = head[0] == 0xff && head[1] & 0xe6 == 0xe2;
    match &head {
        _ if length == 0 => refused("it is empty"),
        [b'R', b'I', b'F', b'F', .., b'W', b'A', b'V', b'E'] => Ok(()),
        [b'F', b'O', b'R', b'M', .., b'A', b'I', b'F', b'F' | b'C'] => Ok(()),
        [b'f', b'L', b'a', b'C', ..] | [b'O', b'g', b'g', b'S', ..] | [b'I', b'D', b'3', ..] => Ok(()),
        _ if is_mp3 => Ok(()),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] | [0x1a, 0x45, 0xdf, 0xa3, ..] => {
            refused("it is a video or an MP4 file")
        }
        [b'R', b'I', b'F', b'F', ..] => refused("it is a RIFF file, but no WAV"),
        _ => refused("it is another kind of file"),
    }
}

fn failed(path: &Path, error: &FormatError) -> ImportError {
    match error {
        FormatError::Unsupported(_) => {
            ImportError::NotAudio { path: path.to_owned(), what: "its coding is not known here" }
        }
        error => ImportError::Damaged { path: path.to_owned(), reason: error.to_string() },
    }
}

/// What a header promises.
#[derive(Clone, Copy)]
struct Promised {
    seconds: f64,
    /// The file cannot hold that much.
    is_cut: bool,
}

fn promised_seconds(parameters: &CodecParameters, file_bytes: u64) -> Option<Promised> {
    let rate = f64::from(parameters.sample_rate.filter(|rate| *rate > 0)?);
    let frames = parameters.n_frames? as f64;
    let promised = Promised { seconds: frames / rate, is_cut: false };
    // Only of uncompressed audio is it known how many bytes it takes.
    let bits = match (parameters.bits_per_sample, parameters.max_frames_per_packet) {
        (Some(bits), Some(_)) if is_uncompressed(parameters) => f64::from(bits),
        _ => return Some(promised),
    };
    let bytes_per_frame = bits / 8.0 * parameters.channels.map_or(1, Channels::count) as f64;
    let held = file_bytes as f64 / bytes_per_frame;
    if frames <= held {
        return Some(promised);
    }
    if frames * bytes_per_frame >= UNKNOWN_BYTES {
        return Some(Promised { seconds: held / rate, is_cut: false });
    }
    Some(Promised { is_cut: frames * WHOLE_SHARE > held, ..promised })
}

fn is_uncompressed(parameters: &CodecParameters) -> bool {
    use symphonia::core::codecs as kinds;
    [
        kinds::CODEC_TYPE_PCM_U8,
        kinds::CODEC_TYPE_PCM_S8,
        kinds::CODEC_TYPE_PCM_S16LE,
        kinds::CODEC_TYPE_PCM_S16BE,
        kinds::CODEC_TYPE_PCM_S24LE,
        kinds::CODEC_TYPE_PCM_S24BE,
        kinds::CODEC_TYPE_PCM_S32LE,
        kinds::CODEC_TYPE_PCM_S32BE,
        kinds::CODEC_TYPE_PCM_F32LE,
        kinds::CODEC_TYPE_PCM_F32BE,
        kinds::CODEC_TYPE_PCM_F64LE,
        kinds::CODEC_TYPE_PCM_F64BE,
    ]
    .contains(&parameters.codec)
}

/// The next piece of the track; `None` at the end.
fn next<'a>(
    format: &mut dyn FormatReader,
    decoder: &'a mut dyn Decoder,
    track: u32,
    bad: &mut usize,
    path: &Path,
) -> Result<Option<AudioBufferRef<'a>>, ImportError> {
    let packet = loop {
        match format.next_packet() {
            Ok(packet) if packet.track_id() == track => break packet,
            Ok(_) => {}
            Err(FormatError::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Ok(None);
            }
            // Another piece of music begins in the same stream; the first is what was asked for.
            Err(FormatError::ResetRequired) => return Ok(None),
            Err(error) => return Err(failed(path, &error)),
        }
    };
    // A packet that cannot be decoded leaves nothing behind.
    match decoder.decode(&packet) {
        Ok(_) => Ok(Some(decoder.last_decoded())),
        Err(FormatError::DecodeError(_) | FormatError::IoError(_)) if *bad < BAD_PACKETS => {
            *bad += 1;
            Ok(Some(decoder.last_decoded()))
        }
        Err(error) => Err(failed(path, &error)),
    }
}

/// Mixes to stereo, leaves out what lies before the start, and resamples.
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
            // One channel is the middle, whatever its name.
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

    /// Seconds that were taken, without what was left out before the start.
    fn seconds(&self) -> f64 {
        self.taken as f64 / f64::from(self.rate_hz)
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

    /// Resamples all whole chunks that wait.
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
            is_whole: true,
            not_a_number: self.not_a_number,
        })
    }
}

/// Shares of left and right of a channel (ITU-R BS.775, annex 4: 3 dB less for what is in between; no low-frequency
/// effects).
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
