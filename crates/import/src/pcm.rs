//! Uncompressed audio: WAV, RF64, AIFF and AIFF-C. The bytes in the file count, not the sizes in its header.
//!
//! Layouts: Microsoft, "Multiple Channel Audio Data and WAVE Files" (2007); EBU Tech 3306 (RF64); Apple, "Audio Interchange File
//! Format AIFF-C" (1991); ITU-T G.711 (A-law and mu-law).

use std::io::{Read, Seek, SeekFrom};

use symphonia::core::audio::Channels;

use super::decode::{Facts, Fault, Piece, Reader};
use super::hints;

/// Audio frames read at a time.
const PIECE_FRAMES: usize = 4_096;
/// Maximum number of chunks searched for the audio.
const MOST_CHUNKS: usize = 4_096;
/// Bytes of a metadata chunk that are read.
const FACT_BYTES: u64 = 1 << 16;
/// Maximum number of channels; each has a defined position.
const MOST_CHANNELS: u16 = 26;
/// Programs that do not know the size write values from here on.
const UNKNOWN_SIZE: u64 = 0x7fff_0000;
/// Fraction of the declared bytes below which a file counts as truncated.
const WHOLE_SHARE: f64 = 0.99;
/// Minimum number of bytes after the audio that count as audio if they are not a chunk.
const STRAY_BYTES: u64 = 4_096;

/// Encoding of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    /// Two's complement, left-justified in its bytes.
    Signed,
    /// 8 bits, centred on 128.
    Unsigned,
    Float,
    ALaw,
    MuLaw,
}

/// An audio format, from the header.
#[derive(Clone, Copy, Debug)]
struct Format {
    coding: Coding,
    /// Bytes per sample.
    width: usize,
    is_big_endian: bool,
    channels: u16,
    mask: u32,
    rate_hz: u32,
}

/// Reads uncompressed audio.
pub(super) struct Pcm<R> {
    input: R,
    facts: Facts,
    format: Format,
    /// Bytes of audio not read yet.
    left: u64,
    bytes: Vec<u8>,
    samples: Vec<f32>,
}

/// The contents of a file's chunks.
#[derive(Default)]
struct Found {
    format: Option<Format>,
    /// Start and declared length of the audio, in bytes.
    sound: Option<(u64, u64)>,
    /// Whether there is a second audio chunk, which is ignored.
    has_more: bool,
    bpm: Option<f64>,
    beats: Option<u32>,
}

impl<R: Read + Seek> Pcm<R> {
    /// Reads the headers of a file of `length` bytes that begins with a RIFF, RF64 or FORM chunk.
    pub(super) fn open(mut input: R, length: u64) -> Result<Self, Fault> {
        let mut head = [0; 12];
        input.seek(SeekFrom::Start(0))?;
        input.read_exact(&mut head)?;
        let is_aiff = head.starts_with(b"FORM");
        let mut found = Found::default();
        let result = if is_aiff {
            read_aiff(&mut input, length, &head, &mut found)
        } else {
            read_wav(&mut input, length, &mut found)
        };
        // A truncated header may still contain all that is needed.
        match result {
            Err(Fault::Io(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {}
            other => other?,
        }
        let format =
            found.format.ok_or_else(|| Fault::damaged("its header does not give its audio format"))?;
        let (start, said) = found.sound.ok_or_else(|| Fault::damaged("it contains no sound"))?;
        let mut remarks = Vec::new();
        if found.has_more {
            remarks.push("a second recording in the same file was ignored".to_owned());
        }
        let bytes = sound_bytes(&mut input, length, start, said, is_aiff, &mut remarks)?;
        let block = (format.width * usize::from(format.channels)) as u64;
        if bytes < block {
            return Err(Fault::damaged("it contains no sound (0 samples)"));
        }
        input.seek(SeekFrom::Start(start))?;
        let frames = bytes / block;
        let seconds = frames as f64 / f64::from(format.rate_hz.max(1));
        let beats = found.beats.filter(|beats| *beats > 0).map(|beats| f64::from(beats) * 60.0 / seconds);
        let facts = Facts {
            rate_hz: format.rate_hz,
            channels: places(format.channels, format.mask),
            frames: Some(frames),
            is_exact: true,
            bpm: found.bpm.or(beats),
            remarks,
        };
        Ok(Self { input, facts, format, left: frames * block, bytes: Vec::new(), samples: Vec::new() })
    }
}

impl<R: Read> Reader for Pcm<R> {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn next(&mut self) -> Result<Option<Piece<'_>>, Fault> {
        let block = self.format.width * usize::from(self.format.channels);
        let wanted = ((block * PIECE_FRAMES) as u64).min(self.left) as usize;
        self.bytes.resize(wanted, 0);
        let mut held = 0;
        while held < wanted {
            match self.input.read(&mut self.bytes[held..]) {
                Ok(0) => break,
                Ok(count) => held += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.left -= wanted as u64;
        let whole = held / block * block;
        if whole == 0 {
            return Ok(None);
        }
        let Format { coding, width, is_big_endian, .. } = self.format;
        self.samples.clear();
        let samples = self.bytes[..whole].chunks_exact(width);
        self.samples.extend(samples.map(|bytes| sample(bytes, coding, is_big_endian)));
        Ok(Some(Piece::Sound(&self.samples)))
    }
}

/// Converts one sample of at most eight bytes to `-1.0..1.0`.
fn sample(bytes: &[u8], coding: Coding, is_big_endian: bool) -> f32 {
    // Left-justified in 64 bits, most significant byte first.
    let mut word = [0_u8; 8];
    for (index, byte) in bytes.iter().enumerate().take(8) {
        word[if is_big_endian { index } else { bytes.len() - 1 - index }] = *byte;
    }
    let word = u64::from_be_bytes(word);
    match coding {
        Coding::Signed => ((word >> 32) as i32) as f32 / 2_147_483_648.0,
        Coding::Unsigned => (f32::from(bytes[0]) - 128.0) / 128.0,
        Coding::Float if bytes.len() == 4 => f32::from_bits((word >> 32) as u32),
        Coding::Float => f64::from_bits(word) as f32,
        Coding::ALaw => f32::from(a_law(bytes[0])) / 32_768.0,
        Coding::MuLaw => f32::from(mu_law(bytes[0])) / 32_768.0,
    }
}

fn a_law(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let (exponent, mantissa) = ((byte >> 4) & 7, i16::from(byte & 15));
    let size = match exponent {
        0 => (mantissa << 4) + 8,
        _ => ((mantissa << 4) + 0x108) << (exponent - 1),
    };
    if byte & 0x80 == 0 { -size } else { size }
}

fn mu_law(byte: u8) -> i16 {
    let byte = !byte;
    let (exponent, mantissa) = ((byte >> 4) & 7, i16::from(byte & 15));
    let size = (((mantissa << 3) + 0x84) << exponent) - 0x84;
    if byte & 0x80 == 0 { size } else { -size }
}

/// Channel positions: those of the header if they fit the number of channels.
fn places(channels: u16, mask: u32) -> Channels {
    let told = Channels::from_bits(mask).filter(|told| told.count() == usize::from(channels));
    told.unwrap_or_else(|| Channels::from_bits_truncate((1 << channels) - 1))
}

/// Number of bytes of audio, whatever the header says.
fn sound_bytes(
    input: &mut (impl Read + Seek),
    length: u64,
    start: u64,
    said: u64,
    is_aiff: bool,
    remarks: &mut Vec<String>,
) -> Result<u64, Fault> {
    let held = length.saturating_sub(start);
    let unfinished = |remarks: &mut Vec<String>| {
        let words = "its header has no length, as after an interrupted recording: it was read to the \
                     end of the file";
        remarks.push(words.to_owned());
        held
    };
    if said == 0 {
        // Chunks may follow an empty audio chunk.
        let is_empty = is_chunk(input, start, length, is_aiff)?;
        return Ok(if is_empty || held == 0 { 0 } else { unfinished(remarks) });
    }
    if said > held {
        if said >= UNKNOWN_SIZE {
            return Ok(unfinished(remarks));
        }
        if said as f64 * WHOLE_SHARE > held as f64 {
            return Err(Fault::damaged("it is shorter than its header says"));
        }
        return Ok(held);
    }
    // A header updated during a recording lags behind the recorded audio.
    let end = start + said;
    let behind = length - end;
    if behind > STRAY_BYTES {
        let padded = end + said % 2;
        let mut next = [0; 16];
        input.seek(SeekFrom::Start(end))?;
        input.read_exact(&mut next)?;
        let is_filling =
            next.iter().all(|byte| *byte == 0) || next.starts_with(b"TAG") || next.starts_with(b"ID3");
        let is_known =
            is_filling || is_chunk(input, padded, length, is_aiff)? || is_chunk(input, end, length, is_aiff)?;
        if !is_known {
            remarks.push(format!(
                "its header omits the last {behind} bytes, as after an interrupted recording: they were read too"
            ));
            return Ok(held);
        }
    }
    Ok(said)
}

/// Whether a chunk starts at a position: four letters, and a size that fits the file.
fn is_chunk(input: &mut (impl Read + Seek), at: u64, length: u64, is_aiff: bool) -> Result<bool, Fault> {
    if at + 8 > length {
        return Ok(false);
    }
    let mut head = [0; 8];
    input.seek(SeekFrom::Start(at))?;
    input.read_exact(&mut head)?;
    let size = size_of(&head, is_aiff);
    Ok(is_name(&head[..4]) && size <= length - at - 8)
}

fn is_name(name: &[u8]) -> bool {
    name.iter().all(|letter| (b' '..=b'~').contains(letter))
}

fn size_of(head: &[u8; 8], is_aiff: bool) -> u64 {
    let size = [head[4], head[5], head[6], head[7]];
    u64::from(if is_aiff { u32::from_be_bytes(size) } else { u32::from_le_bytes(size) })
}

/// Calls `look` with the name of each chunk, the position of its content, and its size.
fn chunks<R: Read + Seek>(
    input: &mut R,
    length: u64,
    is_aiff: bool,
    mut look: impl FnMut(&mut R, [u8; 4], u64, u64) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut at = 12;
    for _ in 0..MOST_CHUNKS {
        if at + 8 > length {
            break;
        }
        let mut head = [0; 8];
        input.seek(SeekFrom::Start(at))?;
        input.read_exact(&mut head)?;
        let size = size_of(&head, is_aiff);
        look(input, [head[0], head[1], head[2], head[3]], at + 8, size)?;
        let end = at + 8 + size;
        // Some programs omit the byte that pads chunks to even sizes.
        let is_unpadded = size % 2 == 1
            && !is_chunk(input, end + 1, length, is_aiff)?
            && is_chunk(input, end, length, is_aiff)?;
        at = if is_unpadded { end } else { end + size % 2 };
    }
    Ok(())
}

/// The first bytes of a metadata chunk.
fn content(input: &mut (impl Read + Seek), at: u64, size: u64) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    input.seek(SeekFrom::Start(at))?;
    input.take(size.min(FACT_BYTES)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read_wav(input: &mut (impl Read + Seek), length: u64, found: &mut Found) -> Result<(), Fault> {
    let mut long_size = None;
    chunks(input, length, false, |input, name, at, size| {
        match &name {
            b"ds64" => {
                let bytes = content(input, at, size)?;
                long_size = bytes.get(8..16).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
            }
            b"fmt " if found.format.is_none() => found.format = Some(wav_format(&content(input, at, size)?)?),
            b"data" if found.sound.is_none() => {
                let is_long = size == u64::from(u32::MAX);
                found.sound = Some((at, long_size.filter(|_| is_long).unwrap_or(size)));
            }
            b"data" => found.has_more |= size > 0,
            b"acid" => {
                let bytes = content(input, at, size)?;
                let four = |at: usize| bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
                let is_loop = four(0).is_some_and(|flags| u32::from_le_bytes(flags) & 1 == 0);
                let told =
                    four(20).map(|told| f64::from(f32::from_le_bytes(told))).filter(|told| *told > 0.0);
                found.bpm = found.bpm.or(told);
                found.beats = found.beats.or(four(12).map(u32::from_le_bytes).filter(|_| is_loop));
            }
            b"id3 " | b"ID3 " => found.bpm = found.bpm.or(hints::id3_bpm(&content(input, at, size)?)),
            _ => {}
        }
        Ok(())
    })
}

fn wav_format(bytes: &[u8]) -> Result<Format, Fault> {
    let short = |at: usize| bytes.get(at..at + 2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let long = |at: usize| Some(u32::from(short(at)?) | u32::from(short(at + 2)?) << 16);
    let cut = || Fault::damaged("its header is cut off");
    let channels = short(2).ok_or_else(cut)?;
    let rate_hz = long(4).ok_or_else(cut)?;
    let block = short(12).ok_or_else(cut)?;
    let bits = short(14).ok_or_else(cut)?;
    let kind = match short(0).ok_or_else(cut)? {
        0xfffe => short(24).ok_or_else(cut)?,
        kind => kind,
    };
    let channels = checked_channels(channels)?;
    // The block size decides if it is plausible, because 20-bit samples occupy three or four bytes.
    let per_channel = if block.is_multiple_of(channels) { usize::from(block / channels) } else { 0 };
    let from_bits = usize::from(bits).div_ceil(8);
    let width =
        if per_channel >= from_bits && (1..=8).contains(&per_channel) { per_channel } else { from_bits };
    let coding = match (kind, width) {
        (1, 1) => Coding::Unsigned,
        (1, 2..=4) => Coding::Signed,
        (3, 4 | 8) => Coding::Float,
        (6, 1) => Coding::ALaw,
        (7, 1) => Coding::MuLaw,
        _ => return Err(Fault::UnknownCoding),
    };
    let mask = long(20).filter(|_| bytes.len() >= 24).unwrap_or(0);
    Ok(Format { coding, width, is_big_endian: false, channels, mask, rate_hz })
}

fn checked_channels(channels: u16) -> Result<u16, Fault> {
    match channels {
        0 => Err(Fault::damaged("its header gives no channels")),
        1..=MOST_CHANNELS => Ok(channels),
        _ => Err(Fault::NotAudio("it has more than 26 channels")),
    }
}

fn read_aiff(
    input: &mut (impl Read + Seek),
    length: u64,
    head: &[u8; 12],
    found: &mut Found,
) -> Result<(), Fault> {
    let is_plain = head.ends_with(b"AIFF");
    chunks(input, length, true, |input, name, at, size| {
        match &name {
            b"COMM" if found.format.is_none() => {
                found.format = Some(aiff_format(&content(input, at, size)?, is_plain)?);
            }
            b"SSND" if found.sound.is_none() => {
                let mut offset = [0; 4];
                input.seek(SeekFrom::Start(at))?;
                input.read_exact(&mut offset)?;
                let lead = 8 + u64::from(u32::from_be_bytes(offset));
                let said = if size == 0 { 0 } else { size.saturating_sub(lead) };
                found.sound = Some((at + lead, said));
            }
            // Apple Loops: the version, then the number of beats.
            b"basc" => {
                let bytes = content(input, at, size)?;
                found.beats = bytes.get(4..8).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
            }
            b"ID3 " => found.bpm = found.bpm.or(hints::id3_bpm(&content(input, at, size)?)),
            _ => {}
        }
        Ok(())
    })
}

fn aiff_format(bytes: &[u8], is_plain: bool) -> Result<Format, Fault> {
    let short = |at: usize| bytes.get(at..at + 2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let cut = || Fault::damaged("its header is cut off");
    let channels = checked_channels(short(0).ok_or_else(cut)?)?;
    let bits = short(6).ok_or_else(cut)?;
    let rate: [u8; 10] = bytes.get(8..18).and_then(|rate| rate.try_into().ok()).ok_or_else(cut)?;
    let kind: [u8; 4] = match bytes.get(18..22) {
        Some(kind) if !is_plain => [kind[0], kind[1], kind[2], kind[3]],
        _ => *b"NONE",
    };
    let width = usize::from(bits).div_ceil(8);
    let (coding, width, is_big_endian) = match (&kind, width) {
        (b"NONE" | b"twos", 1..=4) => (Coding::Signed, width, true),
        (b"sowt", 1..=4) => (Coding::Signed, width, false),
        // These names define the width; in the width field QuickTime writes 16 for all of them.
        (b"in16", _) => (Coding::Signed, 2, true),
        (b"in24", _) => (Coding::Signed, 3, true),
        (b"in32", _) => (Coding::Signed, 4, true),
        (b"42ni", _) => (Coding::Signed, 3, false),
        (b"23ni", _) => (Coding::Signed, 4, false),
        (b"raw ", _) => (Coding::Unsigned, 1, true),
        (b"fl32" | b"FL32", _) => (Coding::Float, 4, true),
        (b"fl64" | b"FL64", _) => (Coding::Float, 8, true),
        (b"alaw" | b"ALAW", _) => (Coding::ALaw, 1, true),
        (b"ulaw" | b"ULAW", _) => (Coding::MuLaw, 1, true),
        _ => return Err(Fault::UnknownCoding),
    };
    let rate_hz = extended(rate).round().clamp(0.0, f64::from(u32::MAX)) as u32;
    Ok(Format { coding, width, is_big_endian, channels, mask: 0, rate_hz })
}

/// Decodes an 80-bit float (IEEE 754 extended), which AIFF uses for rates. Returns 0 unless it is a positive number.
fn extended(bytes: [u8; 10]) -> f64 {
    let exponent = i32::from(u16::from_be_bytes([bytes[0], bytes[1]]));
    let mut mantissa = [0; 8];
    mantissa.copy_from_slice(&bytes[2..]);
    if exponent >= 0x7fff {
        return 0.0;
    }
    u64::from_be_bytes(mantissa) as f64 * f64::from(exponent - 16_383 - 63).exp2()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn read(bytes: &[u8]) -> Result<(Facts, Vec<f32>), Fault> {
        let mut pcm = Pcm::open(Cursor::new(bytes), bytes.len() as u64)?;
        let mut all = Vec::new();
        while let Some(Piece::Sound(samples)) = pcm.next()? {
            all.extend_from_slice(samples);
        }
        Ok((pcm.facts().clone(), all))
    }

    fn chunk(name: &[u8; 4], content: &[u8], is_aiff: bool) -> Vec<u8> {
        let size = content.len() as u32;
        let mut bytes = name.to_vec();
        bytes.extend(if is_aiff { size.to_be_bytes() } else { size.to_le_bytes() });
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(2), 0);
        bytes
    }

    fn fmt(kind: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
        let block = channels * bits.div_ceil(8);
        let mut bytes = [kind.to_le_bytes(), channels.to_le_bytes()].concat();
        bytes.extend(rate.to_le_bytes());
        bytes.extend((rate * u32::from(block)).to_le_bytes());
        bytes.extend([block.to_le_bytes(), bits.to_le_bytes()].concat());
        chunk(b"fmt ", &bytes, false)
    }

    /// A 16-bit WAV file whose `data` chunk claims `said` bytes.
    fn wav(samples: &[i16], said: u32, behind: &[u8]) -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WAVE".to_vec();
        bytes.extend(fmt(1, 1, 44_100, 16));
        bytes.extend(b"data");
        bytes.extend(said.to_le_bytes());
        bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        bytes.extend(behind);
        bytes
    }

    fn samples(count: usize) -> Vec<i16> {
        (0..count).map(|index| ((index * 7_919 + 513) % 65_536) as u16 as i16).collect()
    }

    #[test]
    fn the_bytes_count_and_not_what_the_header_says_of_them() {
        let sound = samples(9_000);
        let size = 18_000;
        for (said, remarks) in [(size, 0), (0, 1), (u32::MAX, 1), (0x8000_0000, 1), (4_000, 1)] {
            let (facts, read) = read(&wav(&sound, said, b"")).expect("a file");
            assert_eq!((read.len(), facts.remarks.len()), (9_000, remarks), "{said}");
            assert!((read[1] - f32::from(sound[1]) / 32_768.0).abs() < 1e-6);
        }
        // A chunk or padding follows, which is not audio.
        let (facts, read_first) = read(&wav(&sound, size, &wav(&sound, size, b"")[36..])).expect("a file");
        assert_eq!((read_first.len(), facts.remarks.len()), (9_000, 1));
        assert!(facts.remarks[0].contains("was ignored"), "{:?}", facts.remarks);
        let list = chunk(b"LIST", &[7; 6_000], false);
        for behind in [&list[..], &[0; 6_000]] {
            let (facts, read) = read(&wav(&sound, size, behind)).expect("a file");
            assert_eq!((read.len(), facts.remarks.len()), (9_000, 0));
        }
        for (bytes, hint) in [
            (wav(&sound[..4_000], size, b""), "shorter than its header"),
            (wav(&[], 0, b""), "0 samples"),
            (wav(&[], 0, &list), "0 samples"),
            (wav(&sound, size, b"")[..30].to_vec(), "header"),
        ] {
            let error = read(&bytes).expect_err("nothing to read").to_string();
            assert!(error.contains(hint), "{error}");
        }
    }

    #[test]
    fn every_coding_gives_the_same_sound() {
        let sound = samples(500);
        let wide = |bytes: usize, big: bool| -> Vec<u8> {
            let word = |sample: &i16| {
                let word = (i32::from(*sample) << 16).to_be_bytes();
                let mut word = word[..bytes].to_vec();
                if !big {
                    word.reverse();
                }
                word
            };
            sound.iter().flat_map(word).collect()
        };
        let float = |sample: &i16| f32::from(*sample) / 32_768.0;
        let same = |name: &str, bytes: &[u8], tolerance: f32| {
            let (facts, read) = read(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!((facts.rate_hz, read.len()), (44_100, sound.len()), "{name}");
            for (read, sample) in read.iter().zip(&sound) {
                assert!((read - float(sample)).abs() <= tolerance, "{name}: {read}, not {}", float(sample));
            }
        };
        let riff = |kind: u16, bits: u16, data: &[u8]| {
            [&b"RIFF\0\0\0\0WAVE"[..], &fmt(kind, 1, 44_100, bits), &chunk(b"data", data, false)].concat()
        };
        let doubles: Vec<u8> =
            sound.iter().flat_map(|sample| f64::from(float(sample)).to_le_bytes()).collect();
        for (name, bytes) in [
            ("16", riff(1, 16, &wide(2, false))),
            ("24", riff(1, 24, &wide(3, false))),
            ("20 in 24", riff(1, 20, &wide(3, false))),
            ("32", riff(1, 32, &wide(4, false))),
            ("double", riff(3, 64, &doubles)),
        ] {
            same(name, &bytes, 1e-6);
        }
        // 64-bit sizes, with chunks before the audio.
        let mut ds64 = 0_u64.to_le_bytes().to_vec();
        ds64.extend(1_000_u64.to_le_bytes());
        ds64.extend([0; 12]);
        let mut rf64 = [&b"RF64\xff\xff\xff\xffWAVE"[..], &chunk(b"ds64", &ds64, false)].concat();
        rf64.extend([fmt(1, 1, 44_100, 16), chunk(b"JUNK", &[1; 27], false)].concat());
        rf64.extend(b"data\xff\xff\xff\xff");
        rf64.extend(wide(2, false));
        rf64.extend(chunk(b"LIST", &[0; 5_000], false));
        same("RF64", &rf64, 1e-6);

        let comm = |kind: Option<&[u8; 4]>, bits: u16| {
            let mut bytes = 1_u16.to_be_bytes().to_vec();
            bytes.extend(500_u32.to_be_bytes());
            bytes.extend(bits.to_be_bytes());
            bytes.extend([0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0]);
            bytes.extend(kind.map(|kind| [&kind[..], &[0, 0]].concat()).unwrap_or_default());
            chunk(b"COMM", &bytes, true)
        };
        let aiff = |kind: Option<&[u8; 4]>, bits: u16, offset: u32, data: &[u8]| {
            let mut sound = [offset.to_be_bytes(), [0; 4]].concat();
            sound.extend(vec![0x55; offset as usize]);
            sound.extend(data);
            let form = if kind.is_some() { b"FORM\0\0\0\0AIFC" } else { b"FORM\0\0\0\0AIFF" };
            [&form[..], &comm(kind, bits), &chunk(b"SSND", &sound, true)].concat()
        };
        let floats: Vec<u8> = sound.iter().flat_map(|sample| float(sample).to_be_bytes()).collect();
        for (name, bytes) in [
            ("AIFF", aiff(None, 16, 0, &wide(2, true))),
            ("AIFF with an offset", aiff(None, 24, 16, &wide(3, true))),
            ("fl32", aiff(Some(b"fl32"), 32, 0, &floats)),
            ("FL32", aiff(Some(b"FL32"), 32, 8, &floats)),
            ("sowt", aiff(Some(b"sowt"), 16, 0, &wide(2, false))),
            ("sowt of 24 bits", aiff(Some(b"sowt"), 24, 0, &wide(3, false))),
            ("in32", aiff(Some(b"in32"), 32, 0, &wide(4, true))),
            ("in24 as of QuickTime", aiff(Some(b"in24"), 16, 0, &wide(3, true))),
            ("42ni as of QuickTime", aiff(Some(b"42ni"), 16, 0, &wide(3, false))),
        ] {
            same(name, &bytes, 1e-6);
        }
    }

    /// Values from ITU-T G.711, tables 1 and 2.
    #[test]
    fn laws_are_those_of_the_standard() {
        assert_eq!([0x80, 0x00, 0xff, 0x7f].map(mu_law), [32_124, -32_124, 0, 0]);
        assert_eq!([0xd5, 0x55, 0xaa, 0x2a].map(a_law), [8, -8, 32_256, -32_256]);
    }

    #[test]
    fn what_a_sampler_notes_of_the_tempo_is_read() {
        let sound = samples(44_100);
        let data: Vec<u8> = sound.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        // Two beats per second. A tempo overrides the number of beats, which one-shots lack.
        for (flags, beats, tempo, bpm) in [
            (0_u32, 0_u32, 87.5_f32, Some(87.5)),
            (0, 2, 0.0, Some(120.0)),
            (0, 2, 87.5, Some(87.5)),
            (1, 2, 0.0, None),
            (0, 0, 0.0, None),
        ] {
            let acid =
                [flags.to_le_bytes(), [0; 4], [0; 4], beats.to_le_bytes(), [0; 4], tempo.to_le_bytes()];
            let bytes = [
                &b"RIFF\0\0\0\0WAVE"[..],
                &fmt(1, 1, 44_100, 16),
                &chunk(b"data", &data, false),
                &chunk(b"acid", &acid.concat(), false),
            ]
            .concat();
            assert_eq!(read(&bytes).expect("a file").0.bpm, bpm, "{flags}, {beats}, {tempo}");
        }
    }
}
