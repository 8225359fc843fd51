//! MP3. Frames are located one by one, so that nothing is estimated and lost frames keep their length.
//!
//! Frames: ISO/IEC 11172-3, 2.4.1 and ISO/IEC 13818-3, 2.4.1. Information in the first frame: Xing and LAME ("Mp3 Info Tag rev
//! 1", LAME project), VBRI (Fraunhofer).

use std::io::{Read, Seek, SeekFrom};

use symphonia::core::audio::{Channels, SampleBuffer};
use symphonia::core::codecs::{CODEC_TYPE_MP3, CodecParameters, Decoder, DecoderOptions};
use symphonia::core::errors::Error as FormatError;
use symphonia::core::formats::Packet;

use super::decode::{Facts, Fault, Piece, Reader};
use super::hints;

/// Decoder delay in audio frames, which a LAME tag does not include.
const DECODER_DELAY: u64 = 529;
/// Bytes after any tags within which the first frame must start.
const FIRST_FRAME_BYTES: u64 = 1 << 20;
/// Bytes of a tag that are read.
const TAG_BYTES: usize = 1 << 20;
/// Longest frame in bytes: 320 kbit/s at 32 kHz, or 160 kbit/s at 8 kHz, with padding.
const LONGEST_FRAME: usize = 2_881;
/// Fraction of the frame count in a tag below which a file counts as truncated.
const WHOLE_SHARE: f64 = 0.99;

/// The contents of a four-byte frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    /// Sampling rate in Hz.
    rate_hz: u32,
    channels: usize,
    /// Length in bytes, header included.
    length: usize,
    is_mpeg1: bool,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let &[first, second, third, fourth, ..] = bytes else { return None };
        let word = u32::from_be_bytes([first, second, third, fourth]);
        let (version, layer) = (word >> 19 & 3, word >> 17 & 3);
        let (bitrate, rate) = ((word >> 12 & 15) as usize, (word >> 10 & 3) as usize);
        if word >> 21 != 0x7ff
            || version == 1
            || layer != 1
            || !(1..15).contains(&bitrate)
            || rate == 3
            || word & 3 == 2
        {
            return None;
        }
        const MPEG1: [u32; 14] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
        const MPEG2: [u32; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
        let is_mpeg1 = version == 3;
        let rate_hz = [44_100, 48_000, 32_000][rate] >> [2, 1, 1, 0][version as usize];
        let kilobits = if is_mpeg1 { MPEG1 } else { MPEG2 }[bitrate - 1];
        let length = if is_mpeg1 { 144_000 } else { 72_000 } * kilobits / rate_hz + (word >> 9 & 1);
        let channels = if word >> 6 & 3 == 3 { 1 } else { 2 };
        Some(Self { rate_hz, channels, length: length as usize, is_mpeg1 })
    }

    /// Whether this frame can follow `other` in the same recording.
    fn follows(self, other: Self) -> bool {
        (self.rate_hz, self.is_mpeg1, self.channels) == (other.rate_hz, other.is_mpeg1, other.channels)
    }

    /// Audio frames per MP3 frame.
    const fn audio_frames(self) -> u64 {
        if self.is_mpeg1 { 1_152 } else { 576 }
    }
}

/// A frame, and the number of frames lost before it.
struct Frame {
    header: Header,
    lost: u64,
}

/// Locates frames in a stream of bytes.
struct Frames<R> {
    input: R,
    window: Vec<u8>,
    /// Start of the unused part of the window.
    used: usize,
    first: Option<Header>,
    found: u64,
    found_bytes: u64,
    /// Whether there was anything other than frames and tags between frames.
    has_strayed: bool,
    /// Frames known to be missing. They are reported as lost at the first position that holds anything else.
    missing: u64,
}

impl<R: Read> Frames<R> {
    fn new(input: R) -> Self {
        Self {
            input,
            window: Vec::new(),
            used: 0,
            first: None,
            found: 0,
            found_bytes: 0,
            has_strayed: false,
            missing: 0,
        }
    }

    /// At least `count` bytes from the current position, or all that are left.
    fn peek(&mut self, count: usize) -> Result<&[u8], Fault> {
        if self.window.len() - self.used < count {
            self.window.drain(..self.used);
            self.used = 0;
            while self.window.len() < count {
                let held = self.window.len();
                self.window.resize(count.max(1 << 16), 0);
                let read = self.input.read(&mut self.window[held..]);
                self.window.truncate(held + *read.as_ref().unwrap_or(&0));
                match read {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(&self.window[self.used..])
    }

    /// Skips `count` bytes.
    fn skip(&mut self, count: usize) -> Result<(), Fault> {
        let mut left = count;
        while left > 0 {
            let held = self.peek(left.min(1 << 16))?.len().min(left);
            if held == 0 {
                break;
            }
            self.used += held;
            left -= held;
        }
        Ok(())
    }

    /// Moves to the next frame; `None` at the end.
    fn next(&mut self) -> Result<Option<Frame>, Fault> {
        let mut strayed = 0_u64;
        loop {
            let begin = self.first;
            let bytes = self.peek(LONGEST_FRAME + 4)?;
            if bytes.len() < 4 {
                return Ok(None);
            }
            if bytes.starts_with(b"ID3") && bytes.len() >= 10 {
                let size = 10 + hints::syncsafe(&bytes[6..10]);
                self.skip(size)?;
                continue;
            }
            let header = Header::read(bytes);
            let expected = match (header, begin) {
                // The first frame, and the first after a fault, must be followed by another frame or by the end of the file.
                (Some(header), first) if first.is_none() || strayed > 0 => {
                    let behind = bytes.get(header.length..header.length + 4);
                    let goes_on = behind.map_or(bytes.len() == header.length, |behind| {
                        Header::read(behind).is_some_and(|next| next.follows(header))
                    });
                    Some(header).filter(|header| goes_on && first.is_none_or(|first| header.follows(first)))
                }
                (Some(header), Some(first)) => Some(header).filter(|header| header.follows(first)),
                _ => None,
            };
            if let Some(header) = expected {
                let usual = self.found_bytes.checked_div(self.found).unwrap_or(0).max(1);
                let mut lost = 0;
                if self.first.is_some() && strayed > 0 {
                    lost = (strayed + usual / 2) / usual + std::mem::take(&mut self.missing);
                    self.has_strayed = true;
                }
                self.first.get_or_insert(header);
                return Ok(Some(Frame { header, lost }));
            }
            if self.first.is_none() && strayed > FIRST_FRAME_BYTES {
                return Ok(None);
            }
            self.used += 1;
            strayed += 1;
        }
    }

    /// Takes the bytes of the frame just found, as far as they exist, and moves past it.
    fn take(&mut self, header: Header) -> Result<Vec<u8>, Fault> {
        let bytes = self.peek(header.length)?;
        let bytes = bytes[..bytes.len().min(header.length)].to_vec();
        self.used += bytes.len();
        self.found += 1;
        self.found_bytes += bytes.len() as u64;
        Ok(bytes)
    }
}

/// Information in a first frame that holds no audio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Notes {
    /// Number of frames that follow.
    frames: Option<u64>,
    /// Audio frames that the encoder added before and after the audio.
    gapless: Option<(u64, u64)>,
}

impl Notes {
    /// Reads the information frame; `None` if the frame holds audio.
    fn read(frame: &[u8], header: Header) -> Option<Self> {
        let long = |at: usize| Some(u32::from_be_bytes(frame.get(at..at + 4)?.try_into().ok()?));
        if frame.get(36..40) == Some(b"VBRI") {
            return Some(Self { frames: long(50).map(u64::from), gapless: None });
        }
        let side = match (header.is_mpeg1, header.channels) {
            (true, 1) | (false, 2) => 17,
            (true, _) => 32,
            (false, _) => 9,
        };
        // In files with a checksum, some programs reserve two bytes for it here.
        let start = [4 + side, 6 + side]
            .into_iter()
            .find(|at| matches!(frame.get(*at..*at + 4), Some(b"Xing" | b"Info")))?;
        let flags = long(start + 4).unwrap_or(0);
        let frames =
            (flags & 1 != 0).then(|| long(start + 8)).flatten().map(u64::from).filter(|frames| *frames > 0);
        let sizes = [(1, 4), (2, 4), (4, 100), (8, 4)];
        let size: usize = sizes.into_iter().filter(|(flag, _)| flags & flag != 0).map(|(_, size)| size).sum();
        let lame = start + 8 + size;
        let is_noted =
            frame.get(lame..lame + 4).is_some_and(|name| name.iter().all(u8::is_ascii_alphanumeric));
        let trims = frame.get(lame + 21..lame + 24).filter(|_| is_noted);
        let gapless = trims.map(|trims| {
            let word = u32::from_be_bytes([0, trims[0], trims[1], trims[2]]);
            (u64::from(word >> 12), u64::from(word & 0xfff))
        });
        Some(Self { frames, gapless: gapless.filter(|(before, _)| *before > 0) })
    }
}

/// Reads an MP3 file.
pub(super) struct Mp3<R> {
    frames: Frames<R>,
    decoder: Box<dyn Decoder>,
    facts: Facts,
    /// A frame held back until the frames lost before it have been reported.
    waiting: Option<Frame>,
    /// Audio frames still to be dropped at the beginning, and still to be returned.
    lead: u64,
    left: u64,
    samples: Vec<f32>,
}

impl<R: Read + Seek> Mp3<R> {
    /// Opens a file and counts its frames, which takes no longer than reading it.
    pub(super) fn open(mut input: R) -> Result<Self, Fault> {
        input.seek(SeekFrom::Start(0))?;
        let mut counting = Frames::new(&mut input);
        let bpm = {
            let head = counting.peek(10)?;
            let size =
                if head.starts_with(b"ID3") && head.len() >= 10 { hints::syncsafe(&head[6..10]) } else { 0 };
            let tag = counting.peek((size + 10).min(TAG_BYTES))?;
            hints::id3_bpm(tag)
        };
        let Some(first) = counting.next()? else {
            return Err(Fault::damaged("it contains no MP3 frames"));
        };
        let header = first.header;
        let notes = Notes::read(&counting.take(header)?, header);
        let mut count = u64::from(notes.is_none());
        while let Some(frame) = counting.next()? {
            counting.take(frame.header)?;
            count += 1 + frame.lost;
        }
        let notes_or_none = notes.unwrap_or_default();
        // Frames cut out of the middle are missing where consecutive frames do not follow each other.
        let missing = notes_or_none.frames.unwrap_or(0).saturating_sub(count);
        let missing = if counting.has_strayed { missing } else { 0 };
        count += missing;
        let mut remarks = Vec::new();
        let each = header.audio_frames();
        let rate = f64::from(header.rate_hz);
        if let Some(noted) = notes_or_none.frames
            && (count as f64) < noted as f64 * WHOLE_SHARE
        {
            let seconds = |frames: u64| (frames * each) as f64 / rate;
            let words = format!("it ends after {:.1} s of {:.1} s", seconds(count), seconds(noted));
            return Err(Fault::damaged(&words));
        }
        if count == 0 {
            return Err(Fault::damaged("it contains no sound (0 samples)"));
        }
        let all = count * each;
        let (lead, tail) = match notes_or_none.gapless {
            // The padding at the end is known only if the end is the one recorded in the tag.
            Some((before, behind)) => {
                let is_end = notes_or_none.frames == Some(count);
                let tail = if is_end { behind.saturating_sub(DECODER_DELAY) } else { 0 };
                ((before + DECODER_DELAY).min(all), tail)
            }
            None => (0, 0),
        };
        if notes_or_none.frames.is_some_and(|noted| noted < count) {
            remarks.push("the length stored in it is wrong: it was read to the end of the file".to_owned());
        }
        input.seek(SeekFrom::Start(0))?;
        let mut frames = Frames { missing, ..Frames::new(input) };
        if notes.is_some()
            && let Some(frame) = frames.next()?
        {
            frames.take(frame.header)?;
        }
        let parameters = CodecParameters { codec: CODEC_TYPE_MP3, ..CodecParameters::default() };
        let decoder = symphonia::default::get_codecs()
            .make(&parameters, &DecoderOptions::default())
            .map_err(|_| Fault::UnknownCoding)?;
        let stereo = Channels::FRONT_LEFT | Channels::FRONT_RIGHT;
        let facts = Facts {
            rate_hz: header.rate_hz,
            channels: if header.channels == 1 { Channels::FRONT_LEFT } else { stereo },
            frames: Some(all.saturating_sub(lead + tail)),
            is_exact: notes_or_none.gapless.is_some() && notes_or_none.frames == Some(count),
            bpm,
            remarks,
        };
        let left = all.saturating_sub(lead + tail);
        Ok(Self { frames, decoder, facts, waiting: None, lead, left, samples: Vec::new() })
    }
}

impl<R: Read> Mp3<R> {
    /// Applies the trims at the beginning and end to `count` audio frames. Returns how many to drop first and how many to return.
    fn cut(&mut self, count: u64) -> (u64, u64) {
        let before = self.lead.min(count);
        self.lead -= before;
        let given = (count - before).min(self.left);
        self.left -= given;
        (before, given)
    }
}

impl<R: Read> Reader for Mp3<R> {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn next(&mut self) -> Result<Option<Piece<'_>>, Fault> {
        if self.left == 0 {
            return Ok(None);
        }
        let waiting = self.waiting.take();
        let frame = match waiting {
            Some(frame) => frame,
            None => match self.frames.next()? {
                None => return Ok(None),
                Some(frame) if frame.lost > 0 => {
                    let lost = frame.lost * frame.header.audio_frames();
                    self.waiting = Some(Frame { lost: 0, ..frame });
                    let (_, given) = self.cut(lost);
                    return Ok(Some(Piece::Gap(given)));
                }
                Some(frame) => frame,
            },
        };
        let bytes = self.frames.take(frame.header)?;
        let count = frame.header.audio_frames();
        let packet = Packet::new_from_boxed_slice(0, 0, count, bytes.into_boxed_slice());
        let (before, given) = self.cut(count);
        match self.decoder.decode(&packet) {
            Ok(decoded) if decoded.frames() as u64 == count => {
                let mut samples = SampleBuffer::<f32>::new(decoded.capacity() as u64, *decoded.spec());
                let channels = decoded.spec().channels.count();
                samples.copy_interleaved_ref(decoded);
                let first = before as usize * channels;
                self.samples.clear();
                self.samples.extend_from_slice(&samples.samples()[first..first + given as usize * channels]);
                Ok(Some(Piece::Sound(&self.samples)))
            }
            Ok(_) | Err(FormatError::DecodeError(_) | FormatError::IoError(_)) => Ok(Some(Piece::Gap(given))),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn headers_are_those_of_the_standard() {
        let of = |bytes: [u8; 4]| {
            Header::read(&bytes).map(|header| (header.rate_hz, header.channels, header.length))
        };
        // 128 kbit/s at 44.1 kHz in stereo, without and with padding; 64 kbit/s at 24 kHz in mono; 8 kHz (MPEG 2.5).
        assert_eq!(of([0xff, 0xfb, 0x90, 0x00]), Some((44_100, 2, 417)));
        assert_eq!(of([0xff, 0xfb, 0x92, 0x00]), Some((44_100, 2, 418)));
        assert_eq!(of([0xff, 0xf3, 0x84, 0xc0]), Some((24_000, 1, 192)));
        assert_eq!(of([0xff, 0xe3, 0x18, 0xc0]), Some((8_000, 1, 72)));
        for wrong in [
            [0xff, 0xfb, 0xf0, 0],
            [0xff, 0xfb, 0x0c, 0],
            [0xff, 0xfd, 0x90, 0],
            [0xff, 0xeb, 0x90, 0],
            [0; 4],
        ] {
            assert_eq!(of(wrong), None, "{wrong:?}");
        }
    }

    /// Frames of 417 bytes of silence.
    fn silence(count: usize) -> Vec<Vec<u8>> {
        let mut frame = vec![0; 417];
        frame[..4].copy_from_slice(&[0xff, 0xfb, 0x90, 0x00]);
        vec![frame; count]
    }

    fn length(bytes: &[u8]) -> (u64, u64) {
        let mut mp3 = Mp3::open(Cursor::new(bytes)).expect("a file");
        let (mut sound, mut gaps) = (0, 0);
        while let Some(piece) = mp3.next().expect("frames") {
            match piece {
                Piece::Sound(samples) => sound += samples.len() as u64 / 2,
                Piece::Gap(frames) => gaps += frames,
            }
        }
        assert_eq!(mp3.facts().frames, Some(sound + gaps));
        (sound, gaps)
    }

    #[test]
    fn lost_frames_keep_their_length() {
        let whole = silence(40);
        assert_eq!(length(&whole.concat()), (40 * 1_152, 0));
        let mut hurt = whole.clone();
        hurt[20][0] = 0;
        hurt[21][1] ^= 0x80;
        assert_eq!(length(&hurt.concat()), (38 * 1_152, 2 * 1_152));
        // After a cut, the remainder of a broken frame shows where frames are missing, if the tag has their number.
        let mut noted = whole.clone();
        noted[0][36..40].copy_from_slice(b"Info");
        noted[0][43] = 1;
        noted[0][44..48].copy_from_slice(&39_u32.to_be_bytes());
        let mut cut = noted[..20].concat();
        cut.extend_from_slice(&noted[23].as_slice()[100..]);
        cut.extend(noted[24..].concat());
        assert_eq!(length(&cut), (35 * 1_152, 4 * 1_152));
        let mut tagged = b"ID3\x04\0\0\0\0\x02\x00".to_vec();
        tagged.extend([0; 256]);
        tagged.extend(whole.concat());
        tagged.extend(b"TAG");
        tagged.extend([b' '; 125]);
        assert_eq!(length(&tagged), (40 * 1_152, 0));
    }

    #[test]
    fn the_delay_of_the_encoder_is_left_out() {
        let mut frames = silence(21);
        let first = &mut frames[0];
        first[36..40].copy_from_slice(b"Info");
        first[43] = 1;
        first[44..48].copy_from_slice(&20_u32.to_be_bytes());
        first[48..52].copy_from_slice(b"LAME");
        // 576 before, 1000 after.
        first[69..72].copy_from_slice(&(576_u32 << 12 | 1_000).to_be_bytes()[1..]);
        assert_eq!(length(&frames.concat()), (20 * 1_152 - 576 - 1_000, 0));
        // The count is wrong, so nothing is dropped at the end.
        frames.extend(silence(3));
        assert_eq!(length(&frames.concat()), (23 * 1_152 - 576 - 529, 0));
        let error = Mp3::open(Cursor::new(frames[..10].concat())).err().expect("cut").to_string();
        assert!(error.contains("ends after"), "{error}");
    }
}
