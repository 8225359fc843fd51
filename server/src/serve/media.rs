//! Audio responses: streamed in pieces, with ranges and validators (RFC 9110, sections 13 and 14), never copied whole in
//! memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use resonantgen_take::{StemAudio, TAKE_SAMPLE_RATE_HZ};

use super::problem::Problem;

/// Bytes sent at a time.
const PIECE: u64 = 256 << 10;
const WAV_HEADER: usize = 44;
/// Two channels of 24 bits.
const FRAME_BYTES: usize = 6;

/// A random-access source of bytes.
pub trait Source: Send + 'static {
    /// Length in bytes.
    fn length(&self) -> u64;

    /// Fills `bytes` from position `at`; the caller never reads past [`length`](Self::length).
    ///
    /// # Errors
    /// Returns an error if the disk fails.
    fn read(&mut self, at: u64, bytes: &mut [u8]) -> io::Result<()>;
}

/// A 24-bit stereo WAV file that is generated while it is sent.
pub struct Wav(pub Arc<StemAudio>);

impl Wav {
    fn header(&self) -> [u8; WAV_HEADER] {
        let data = (self.0.len() * FRAME_BYTES) as u32;
        let rate = TAKE_SAMPLE_RATE_HZ;
        let mut header = [0; WAV_HEADER];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"RIFF");
        put(4, &(data + WAV_HEADER as u32 - 8).to_le_bytes());
        put(8, b"WAVEfmt ");
        put(16, &16_u32.to_le_bytes());
        // PCM, two channels.
        put(20, &1_u16.to_le_bytes());
        put(22, &2_u16.to_le_bytes());
        put(24, &rate.to_le_bytes());
        put(28, &(rate * FRAME_BYTES as u32).to_le_bytes());
        put(32, &(FRAME_BYTES as u16).to_le_bytes());
        put(34, &24_u16.to_le_bytes());
        put(36, b"data");
        put(40, &data.to_le_bytes());
        header
    }
}

impl Source for Wav {
    fn length(&self) -> u64 {
        (WAV_HEADER + self.0.len() * FRAME_BYTES) as u64
    }

    fn read(&mut self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        let header = self.header();
        for (offset, byte) in bytes.iter_mut().enumerate() {
            let at = at as usize + offset;
            *byte = match at.checked_sub(WAV_HEADER) {
                None => header[at],
                Some(at) => {
                    let (frame, place) = (at / FRAME_BYTES, at % FRAME_BYTES);
                    let channel = if place < 3 { &self.0.left } else { &self.0.right };
                    channel[frame].to_le_bytes()[place % 3]
                }
            };
        }
        Ok(())
    }
}

/// A file on disk.
pub struct OnDisk {
    file: File,
    length: u64,
}

impl OnDisk {
    pub(super) fn new(file: File) -> Result<Self, Problem> {
        let length = file.metadata().map_err(|error| Problem::internal(error.to_string()))?.len();
        Ok(Self { file, length })
    }
}

impl Source for OnDisk {
    fn length(&self) -> u64 {
        self.length
    }

    fn read(&mut self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(at))?;
        self.file.read_exact(bytes)
    }
}

/// Metadata of a response body.
pub struct Facts {
    /// Strong validator, without quotes.
    pub etag: String,
    /// Content type.
    pub kind: &'static str,
    /// Suggested file name; letters, digits, dots and dashes.
    pub name: String,
    /// Whether the same address always gives the same bytes.
    pub immutable: bool,
}

/// The meaning of a `Range` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    All,
    /// From the first position up to but excluding the second.
    Part(u64, u64),
    Nothing,
}

/// Parses a `Range` field. Malformed fields, and those that request several parts, are ignored, as RFC 9110 allows: nobody
/// needs several parts of a sound, and thousands of overlapping ones are an attack.
fn wanted(field: Option<&HeaderValue>, length: u64) -> Wanted {
    let parse = || {
        let (unit, range) = field?.to_str().ok()?.split_once('=')?;
        let (first, last) = range.trim().split_once('-')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        // A number too large to parse is larger than any file.
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
        };
        let (start, end) = match (number(first), number(last)) {
            (Some(first), Some(last)) if last < first => return None,
            (Some(first), Some(last)) => (first, last.saturating_add(1).min(length)),
            (Some(first), None) if last.is_empty() => (first, length),
            (None, Some(count)) if first.is_empty() => (length.saturating_sub(count), length),
            _ => return None,
        };
        Some(if start < end { Wanted::Part(start, end) } else { Wanted::Nothing })
    };
    parse().unwrap_or(Wanted::All)
}

/// Whether a list of validators (`If-None-Match`) names `etag`.
fn names(field: Option<&HeaderValue>, etag: &str) -> bool {
    field.and_then(|field| field.to_str().ok()).is_some_and(|list| {
        list.split(',')
            .map(|entry| entry.trim().trim_start_matches("W/"))
            .any(|entry| entry == "*" || entry == etag)
    })
}

/// The response to a request for `source`.
pub fn respond(source: impl Source, facts: &Facts, headers: &HeaderMap) -> Response {
    let etag = format!("\"{}\"", facts.etag);
    let caching = if facts.immutable { "private, max-age=31536000, immutable" } else { "private, no-cache" };
    let text = |value: &str| HeaderValue::from_str(value).expect("made of ids, numbers and constants");
    let common: [(HeaderName, HeaderValue); 3] = [
        (header::ETAG, text(&etag)),
        (header::CACHE_CONTROL, text(caching)),
        (header::ACCEPT_RANGES, text("bytes")),
    ];
    if names(headers.get(header::IF_NONE_MATCH), &etag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let length = source.length();
    // A range of a changed resource is useless.
    let is_same = headers.get(header::IF_RANGE).is_none_or(|field| field.as_bytes() == etag.as_bytes());
    let range = if is_same { wanted(headers.get(header::RANGE), length) } else { Wanted::All };
    let (status, start, end) = match range {
        Wanted::All => (StatusCode::OK, 0, length),
        Wanted::Part(start, end) => (StatusCode::PARTIAL_CONTENT, start, end),
        Wanted::Nothing => {
            let detail = format!("the range lies outside the {length} bytes");
            let mut response = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, detail).into_response();
            response.headers_mut().insert(header::CONTENT_RANGE, text(&format!("bytes */{length}")));
            return response;
        }
    };
    let mut response = (status, common, pieces(source, start, end)).into_response();
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, text(facts.kind));
    fields.insert(header::CONTENT_LENGTH, text(&(end - start).to_string()));
    fields.insert(header::CONTENT_DISPOSITION, text(&format!("attachment; filename=\"{}\"", facts.name)));
    if status == StatusCode::PARTIAL_CONTENT {
        fields.insert(header::CONTENT_RANGE, text(&format!("bytes {start}-{}/{length}", end - 1)));
    }
    response
}

/// A body that is read piece by piece as the client consumes it.
fn pieces(source: impl Source, start: u64, end: u64) -> Body {
    Body::from_stream(stream::unfold(Some((source, start)), move |state| async move {
        let (mut source, at) = state?;
        let count = PIECE.min(end - at);
        if count == 0 {
            return None;
        }
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; count as usize];
            source.read(at, &mut bytes).map(|()| (Bytes::from(bytes), source))
        });
        Some(match read.await {
            Ok(Ok((bytes, source))) => (Ok(bytes), Some((source, at + count))),
            // Break the connection, so that nobody mistakes half a file for a whole one.
            Ok(Err(error)) => (Err(error), None),
            Err(_) => (Err(io::ErrorKind::Other.into()), None),
        })
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(field: &str, length: u64) -> Wanted {
        wanted(Some(&HeaderValue::from_str(field).expect("a field")), length)
    }

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        assert_eq!(wanted(None, 10), Wanted::All);
        for (field, expected) in [
            ("bytes=0-0", Wanted::Part(0, 1)),
            ("bytes=2-4", Wanted::Part(2, 5)),
            ("Bytes = 2-4", Wanted::Part(2, 5)),
            ("bytes=5-", Wanted::Part(5, 10)),
            ("bytes=-3", Wanted::Part(7, 10)),
            ("bytes=-99", Wanted::Part(0, 10)),
            ("bytes=9-99999999999999999999999", Wanted::Part(9, 10)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=99999999999999999999999-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=4-2", Wanted::All),
            ("bytes=-", Wanted::All),
            ("bytes=+1-2", Wanted::All),
            ("bytes=0-1,3-4", Wanted::All),
            ("samples=0-1", Wanted::All),
            ("bytes", Wanted::All),
        ] {
            assert_eq!(of(field, 10), expected, "{field}");
        }
        assert_eq!(of("bytes=0-", 0), Wanted::Nothing);
    }

    #[test]
    fn a_wav_is_what_a_reader_expects_from_any_position() {
        let audio = StemAudio { left: vec![1, -2, 8_388_607], right: vec![-8_388_608, 5, -6] };
        let mut wav = Wav(Arc::new(audio.clone()));
        let mut whole = vec![0; wav.length() as usize];
        wav.read(0, &mut whole).expect("memory");
        let mut reader = hound::WavReader::new(&whole[..]).expect("a WAV file");
        let spec = reader.spec();
        assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (2, 48_000, 24));
        let samples: Vec<i32> = reader.samples().map(|sample| sample.expect("a sample")).collect();
        let expected: Vec<i32> = audio.left.iter().zip(&audio.right).flat_map(|(l, r)| [*l, *r]).collect();
        assert_eq!(samples, expected);
        for at in 0..whole.len() {
            let mut part = vec![0; (whole.len() - at).min(7)];
            wav.read(at as u64, &mut part).expect("memory");
            assert_eq!(part, whole[at..at + part.len()]);
        }
    }

    proptest! {
        #[test]
        fn no_range_leads_outside(field in "(bytes=)?[-0-9, ]{0,40}", length in 0_u64..1_000) {
            if let Wanted::Part(start, end) = of(&field, length) {
                prop_assert!(start < end && end <= length);
            }
        }
    }
}
