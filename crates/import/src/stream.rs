//! FLAC and Ogg Vorbis, decoded by Symphonia.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};

use symphonia::core::audio::SampleBuffer;
use symphonia::core::codecs::{CODEC_TYPE_NULL, Decoder, DecoderOptions};
use symphonia::core::errors::Error as FormatError;
use symphonia::core::formats::{FormatOptions, FormatReader, Packet};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::{MetadataOptions, MetadataRevision, StandardTagKey};
use symphonia::core::probe::Hint;

use super::decode::{Facts, Fault, Piece, Reader};
use super::hints;

/// How many audio frames a packet may start late before a packet counts as lost.
const TOLERANCE: u64 = 64;

/// Reads FLAC or Ogg Vorbis.
pub(super) struct Stream {
    format: Box<dyn FormatReader>,
    decoder: Box<dyn Decoder>,
    facts: Facts,
    track: u32,
    /// Audio frame at which the next packet should start.
    expected: u64,
    /// A packet held back until the packets lost before it have been reported.
    waiting: Option<Packet>,
    samples: Option<SampleBuffer<f32>>,
}

impl Stream {
    pub(super) fn open(mut file: File) -> Result<Self, Fault> {
        let mut remarks = Vec::new();
        if is_cut_off(&mut file)? {
            remarks
                .push("its end is missing, as after an interrupted download: the rest was read".to_owned());
        }
        let is_exact = remarks.is_empty();
        file.rewind()?;
        let stream = MediaSourceStream::new(Box::new(file), MediaSourceStreamOptions::default());
        let options = FormatOptions { enable_gapless: true, ..FormatOptions::default() };
        let probe = symphonia::default::get_probe();
        let probed = probe.format(&Hint::new(), stream, &options, &MetadataOptions::default())?;
        let mut format = probed.format;
        let track = format.tracks().iter().find(|track| track.codec_params.codec != CODEC_TYPE_NULL);
        let track = track.ok_or(Fault::NotAudio("it contains no sound"))?;
        let (id, parameters) = (track.id, track.codec_params.clone());
        let decoder = symphonia::default::get_codecs().make(&parameters, &DecoderOptions::default())?;
        let no_header = || Fault::damaged("its header does not give its audio format");
        let facts = Facts {
            rate_hz: parameters.sample_rate.ok_or_else(no_header)?,
            channels: parameters.channels.ok_or_else(no_header)?,
            frames: parameters.n_frames.filter(|frames| *frames > 0),
            is_exact,
            bpm: format.metadata().current().and_then(noted_bpm),
            remarks,
        };
        Ok(Self { format, decoder, facts, track: id, expected: 0, waiting: None, samples: None })
    }

    /// The next packet of the track; `None` at the end.
    fn packet(&mut self) -> Result<Option<Packet>, Fault> {
        loop {
            match self.format.next_packet() {
                Ok(packet) if packet.track_id() == self.track => return Ok(Some(packet)),
                Ok(_) => {}
                Err(FormatError::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Ok(None);
                }
                // A second recording begins in the same stream; only the first is imported.
                Err(FormatError::ResetRequired) => {
                    let words = "a second recording in the same file was ignored";
                    self.facts.remarks.push(words.to_owned());
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Reader for Stream {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn next(&mut self) -> Result<Option<Piece<'_>>, Fault> {
        let packet = match self.waiting.take() {
            Some(packet) => packet,
            None => {
                let Some(packet) = self.packet()? else { return Ok(None) };
                let late = packet.ts().saturating_sub(self.expected);
                if late > TOLERANCE {
                    self.expected += late;
                    self.waiting = Some(packet);
                    return Ok(Some(Piece::Gap(late)));
                }
                packet
            }
        };
        match self.decoder.decode(&packet) {
            Ok(decoded) => {
                let spec = *decoded.spec();
                if spec.rate != self.facts.rate_hz || spec.channels != self.facts.channels {
                    return Err(Fault::damaged("its rate or number of channels changes midway"));
                }
                self.expected += decoded.frames() as u64;
                let samples = self
                    .samples
                    .take()
                    .filter(|samples| samples.capacity() >= decoded.capacity() * spec.channels.count());
                let samples = self
                    .samples
                    .insert(samples.unwrap_or_else(|| SampleBuffer::new(decoded.capacity() as u64, spec)));
                samples.copy_interleaved_ref(decoded);
                Ok(Some(Piece::Sound(samples.samples())))
            }
            Err(FormatError::DecodeError(_) | FormatError::IoError(_)) => {
                self.expected += packet.dur();
                Ok(Some(Piece::Gap(packet.dur())))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether an Ogg stream ends before its last page (RFC 3533, section 6). A page has at most 64 kB.
fn is_cut_off(file: &mut File) -> std::io::Result<bool> {
    const LONGEST_PAGE: u64 = 65_307;
    let mut name = [0; 4];
    file.rewind()?;
    if file.read_exact(&mut name).is_err() || name != *b"OggS" {
        return Ok(false);
    }
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LONGEST_PAGE)))?;
    let mut end = Vec::new();
    file.take(LONGEST_PAGE).read_to_end(&mut end)?;
    // Version 0, then the flags, of which 4 marks the last page.
    let last = end.windows(6).rfind(|head| head.starts_with(b"OggS\0"));
    Ok(last.is_none_or(|head| head[5] & 4 == 0))
}

/// Tempo in a file's comments.
fn noted_bpm(notes: &MetadataRevision) -> Option<f64> {
    let is_bpm = |key: &str| ["bpm", "tempo", "tbpm"].iter().any(|known| key.eq_ignore_ascii_case(known));
    let noted =
        notes.tags().iter().find(|tag| tag.std_key == Some(StandardTagKey::Bpm) || is_bpm(&tag.key))?;
    hints::of_text(&noted.value.to_string())
}
