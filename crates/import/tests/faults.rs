//! Files with faults that users of similar programs reported, made here. Each is imported as intended, or refused with the right
//! reason.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};

use resonantgen_import::{ImportObserver, ImportOptions, Imported, import_loop};
use resonantgen_music::track::Track;

/// Avoids resampling, which is slow without optimisation. The files in `tests/golden/import` have other rates.
const RATE: u32 = 48_000;

struct Silent;

impl ImportObserver for Silent {}

/// Pseudo-random numbers in -1.0..1.0.
fn noise(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 40) as f64 / f64::from(1 << 23) - 1.0
}

/// A beat with kicks on all quarters, snares on the second and fourth, and hats on all sixteenths, with silence of the given
/// lengths in seconds before and after it.
fn beat(bpm: f64, bars: usize, lead: f64, tail: f64) -> Vec<f64> {
    let rate = f64::from(RATE);
    let step = 15.0 / bpm;
    let mut audio = vec![0.0; ((lead + 16.0 * step * bars as f64 + tail) * rate).round() as usize];
    for index in 0..16 * bars {
        let start = ((lead + index as f64 * step) * rate).round() as usize;
        let mut state = index as u64;
        for (offset, sample) in audio.iter_mut().skip(start).take((0.2 * rate) as usize).enumerate() {
            let time = offset as f64 / rate;
            let white = noise(&mut state);
            *sample += 0.12 * (-time / 0.02).exp() * white;
            if index % 4 == 0 {
                *sample += 0.6
                    * (-time / 0.08).exp()
                    * (TAU * (52.0 * time + 3.0 * (1.0 - (-time / 0.03).exp()))).sin();
            }
            if index % 8 == 4 {
                *sample += 0.3 * (-time / 0.07).exp() * white;
            }
        }
    }
    audio
}

/// A 16-bit WAV file with extra chunks after its audio.
fn wav(channels: &[&[f64]], rate: u32, chunks: &[u8]) -> Vec<u8> {
    let count = channels.len() as u16;
    let word = |sample: f64| ((sample.clamp(-1.0, 1.0) * 32_767.0) as i16).to_le_bytes();
    let data: Vec<u8> = (0..channels[0].len())
        .flat_map(|index| channels.iter().flat_map(move |channel| word(channel[index])).collect::<Vec<_>>())
        .collect();
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0".to_vec();
    bytes.extend(count.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * 2 * u32::from(count)).to_le_bytes());
    bytes.extend([(2 * count).to_le_bytes(), 16_u16.to_le_bytes()].concat());
    bytes.extend(b"data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes.extend(chunks);
    bytes
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/import").join(name)).unwrap()
}

fn drums() -> ImportOptions {
    ImportOptions::new(Track::Drums)
}

fn import(path: &Path, options: &ImportOptions) -> Imported {
    import_loop(path, options, &Silent).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn refused(path: &Path) -> String {
    match import_loop(path, &drums(), &Silent) {
        Ok(found) => panic!("{}: {:?}", path.display(), found.findings),
        Err(error) => error.to_string(),
    }
}

fn tells(found: &Imported, words: &str) -> bool {
    found.findings.remarks.iter().any(|remark| remark.contains(words))
}

#[test]
fn the_first_bar_starts_at_its_attack() {
    let folder = Folder::new();
    for bpm in [84.0, 141.0] {
        // A loop cut to bars starts where the file does, whether or not its tempo is given.
        let path = folder.put("cut.wav", &wav(&[&beat(bpm, 2, 0.0, 0.0)], RATE, b""));
        let said = ImportOptions { bpm: Some(bpm), ..drums() };
        for options in [said.clone(), ImportOptions { bpm_hint: Some(bpm), ..drums() }] {
            let found = import(&path, &options).findings;
            assert_eq!((found.downbeat_seconds.value, found.bars), (0.0, 2), "{bpm}: {found:?}");
        }
        for (lead, tail) in [(0.0045, 0.3), (0.0321, 0.2), (0.7137, 0.4), (1.25, 0.0)] {
            let path = folder.put("recording.wav", &wav(&[&beat(bpm, 2, lead, tail)], RATE, b""));
            let found = import(&path, &said).findings;
            // Which of the beats begins the bar is not tested here.
            let beat = 60.0 / bpm;
            let off = found.downbeat_seconds.value - lead;
            let off = off - (off / beat).round() * beat;
            assert!(off.abs() < 0.001, "{bpm}, {lead}: off by {:.2} ms: {found:?}", off * 1e3);
        }
    }
}

/// A kick on the first and third quarter sounds the same, so the bar begins where the recording begins.
#[test]
fn a_recording_that_begins_at_once_begins_on_its_bar() {
    let folder = Folder::new();
    for bpm in [97.0, 140.0] {
        for lead in [0.0045, 0.012, 0.0321] {
            let mut audio = beat(bpm, 2, lead, 0.3);
            let half = (120.0 / bpm * f64::from(RATE)).round() as usize;
            let begin = (lead * f64::from(RATE)).round() as usize;
            // Every half bar sounds like the first.
            for index in begin + half..audio.len() - (0.3 * f64::from(RATE)) as usize {
                audio[index] = audio[index - half];
            }
            let path = folder.put("recording.wav", &wav(&[&audio], RATE, b""));
            let found = import(&path, &ImportOptions { bpm: Some(bpm), ..drums() }).findings;
            let off = found.downbeat_seconds.value - lead;
            assert!(off.abs() < 0.001 && found.bars == 2, "{bpm}, {lead}: {found:?}");
        }
    }
}

/// Extra data that other programs put around the audio, and a stream's own claims about itself.
#[test]
fn a_stream_is_read_whatever_lies_around_it() {
    let folder = Folder::new();
    let flac = golden("beat.flac");
    let whole = import(&folder.put("whole.flac", &flac), &drums());
    let tag = [&b"ID3\x04\0\0\0\0\x01\x0a"[..], &[0; 138]].concat();
    let tagged = import(&folder.put("tagged.flac", &[&tag, &flac[..]].concat()), &drums());
    assert_eq!(tagged.take.audio, whole.take.audio);
    let words = refused(&folder.put("tagged.wav", &[&tag, &golden("beat.wav")[..]].concat()));
    assert!(words.contains("before its header"), "{words}");
    let mp3 = golden("beat.mp3");
    let plain = import(&folder.put("plain.mp3", &mp3), &drums());
    let behind = import(&folder.put("behind.MP3", &[&[0; 700], &mp3[..]].concat()), &drums());
    assert_eq!(behind.take.audio, plain.take.audio);
    // The declared number of samples is too small.
    let mut short = flac.clone();
    short[22..26].copy_from_slice(&20_000_u32.to_be_bytes());
    let short = import(&folder.put("short.flac", &short), &drums());
    assert_eq!(short.take.audio, whole.take.audio);
    assert!(tells(&short, "gives too short a length"), "{:?}", short.findings);
    assert!(!tells(&whole, "gives too short a length"));
    let mut no_rate = flac;
    no_rate[18..20].fill(0);
    no_rate[20] &= 0x0f;
    let words = refused(&folder.put("no_rate.flac", &no_rate));
    assert!(words.contains("rate") && !words.contains("malformed"), "{words}");
}

#[test]
fn an_ogg_file_that_breaks_off_or_goes_on_tells_so() {
    let folder = Folder::new();
    let whole = golden("beat.ogg");
    let found = import(&folder.put("whole.ogg", &whole), &drums());
    assert!(found.findings.remarks.iter().all(|remark| !remark.contains("missing")), "{:?}", found.findings);
    let twice = import(&folder.put("twice.ogg", &[&whole[..], &whole].concat()), &drums());
    assert!(tells(&twice, "was ignored"), "{:?}", twice.findings);
    assert_eq!(twice.take.audio, found.take.audio);
    let pages: Vec<usize> = (0..whole.len()).filter(|at| whole[*at..].starts_with(b"OggS")).collect();
    let last = *pages.last().unwrap();
    let known = ImportOptions { bpm: Some(125.0), start_seconds: Some(0.0), bars: Some(1), ..drums() };
    let mut open = whole.clone();
    // Marked as if more pages followed. The checksum of a page covers its flags.
    open[last + 5] &= !4;
    let sum = ogg_checksum(&open[last..]);
    open[last + 22..last + 26].copy_from_slice(&sum.to_le_bytes());
    let open = import_loop(&folder.put("open.ogg", &open), &known, &Silent).unwrap();
    assert!(tells(&open, "its end is missing"), "{:?}", open.findings);
}

/// RFC 3533, section 6: CRC-32 of a page with its checksum set to zero, without reflection.
fn ogg_checksum(page: &[u8]) -> u32 {
    page.iter().enumerate().fold(0, |sum, (at, byte)| {
        let byte = if (22..26).contains(&at) { 0 } else { *byte };
        (0..8).fold(sum ^ u32::from(byte) << 24, |sum, _| {
            if sum & 0x8000_0000 == 0 { sum << 1 } else { sum << 1 ^ 0x04c1_1db7 }
        })
    })
}

/// The start and end of each frame of an MP3 file. All frames have the same size except for padding.
fn mp3_frames(bytes: &[u8]) -> Vec<&[u8]> {
    let is_start = |at: &usize| bytes[*at] == 0xff && bytes[at + 1] & 0xf6 == 0xf2 && bytes[at + 2] >> 4 < 15;
    let first = (0..bytes.len() - 2).find(is_start).unwrap();
    let starts: Vec<usize> = (first..bytes.len() - 2)
        .filter(|at| {
            is_start(at)
                && bytes[at + 1] == bytes[first + 1]
                && bytes[at + 2] & 0xfc == bytes[first + 2] & 0xfc
        })
        .collect();
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    starts.iter().zip(ends).map(|(start, end)| &bytes[*start..end]).collect()
}

#[test]
fn the_delay_of_an_mp3_is_no_music() {
    let folder = Folder::new();
    let bytes = golden("beat.mp3");
    let noted = import(&folder.put("noted.mp3", &bytes), &ImportOptions { bpm: Some(125.0), ..drums() });
    assert!(noted.findings.downbeat_seconds.value < 0.001, "{:?}", noted.findings);
    // Without the encoder's tag the delay remains, and the beat starts after it.
    let tag = bytes.windows(4).position(|four| four == b"Info" || four == b"Xing").unwrap();
    let trims = &bytes[tag + 8 + 112 + 21..][..3];
    let delay = f64::from(u32::from(trims[0]) << 4 | u32::from(trims[1]) >> 4) + 529.0;
    let bare = mp3_frames(&bytes)[1..].concat();
    let found = import(&folder.put("bare.mp3", &bare), &ImportOptions { bpm: Some(125.0), ..drums() });
    let rate = f64::from(found.findings.rate_hz);
    let off = found.findings.downbeat_seconds.value - delay / rate;
    assert!(off.abs() < 0.001, "off by {:.2} ms: {:?}", off * 1e3, found.findings);
    assert!((found.findings.bpm.value - 125.0).abs() < 0.01);
}

#[test]
fn headers_that_say_nonsense_are_refused_in_a_line() {
    let folder = Folder::new();
    let words = refused(&folder.put("rate0.wav", &wav(&[&beat(120.0, 2, 0.0, 0.0)], 0, b"")));
    assert!(words.contains("0 Hz") && !words.contains('\n'), "{words}");
    let words = refused(&folder.put("nothing.wav", &wav(&[&[]], RATE, b"")));
    assert!(words.contains("0 samples"), "{words}");
}

#[test]
fn a_packet_that_cannot_be_decoded_keeps_its_length() {
    let folder = Folder::new();
    let whole = golden("beat.flac");
    let length = import(&folder.put("beat.flac", &whole), &drums()).findings.seconds;
    let mut told = 0;
    for place in [whole.len() / 3, whole.len() / 2, whole.len() * 2 / 3, whole.len() - 500] {
        let mut hurt = whole.clone();
        hurt[place] ^= 0x10;
        let found = import(&folder.put("beat.flac", &hurt), &drums());
        assert!((found.findings.seconds - length).abs() < 1e-3, "{place}: {:?}", found.findings);
        assert_eq!(found.findings.bars, 1);
        told += usize::from(tells(&found, "cannot be decoded"));
    }
    assert!(told >= 3, "{told}");
}

#[test]
fn a_tempo_that_is_noted_decides_the_octave_and_a_doubt_is_told() {
    let folder = Folder::new();
    let mut acid = b"acid\x18\0\0\0".to_vec();
    acid.extend([0; 20]);
    for bpm in [60.0_f64, 72.0, 78.0, 120.0, 140.0, 174.0] {
        let audio = beat(bpm, 2, 0.0, 0.0);
        let plain = wav(&[&audio], RATE, b"");
        let found = import(&folder.put("loop.wav", &plain), &drums());
        let value = found.findings.bpm.value;
        let octave = (value / bpm).log2();
        assert!((octave - octave.round()).abs() < 0.01, "{bpm}: {:?}", found.findings);
        assert!(!tells(&found, "keep to the beat"), "{bpm}: {:?}", found.findings);
        assert!(found.findings.bpm.confidence < 0.995, "{bpm}: {:?}", found.findings);
        if octave.abs() > 0.01 {
            let both = tells(&found, &format!("{bpm:.1}")) && tells(&found, &format!("{value:.1}"));
            assert!(both, "{bpm}: {:?}", found.findings);
        }
        let tagged = wav(&[&audio], RATE, &[&acid[..], &(bpm as f32).to_le_bytes()].concat());
        for (name, bytes) in [
            (format!("loop {bpm} bpm.wav"), &plain),
            (format!("dusty_{bpm}.wav"), &plain),
            ("tagged.wav".to_owned(), &tagged),
        ] {
            let found = import(&folder.put(&name, bytes), &drums());
            assert!((found.findings.bpm.value - bpm).abs() < 0.01, "{name}: {:?}", found.findings);
            assert!(!tells(&found, "may be"), "{name}: {:?}", found.findings);
            assert_eq!(found.findings.bars, 2, "{name}");
        }
    }
    // An impossible stored tempo is ignored.
    let plain = wav(&[&beat(120.0, 4, 0.0, 0.0)], RATE, b"");
    for name in ["loop 97 bpm.wav", "take 101.wav"] {
        let found = import(&folder.put(name, &plain), &drums());
        assert!((found.findings.bpm.value - 120.0).abs() < 0.01, "{name}: {:?}", found.findings);
    }
}

#[test]
fn channels_out_of_phase_are_heard() {
    let folder = Folder::new();
    let audio = beat(120.0, 2, 0.0, 0.0);
    let inverted: Vec<f64> = audio.iter().map(|sample| -sample).collect();
    let same = import(&folder.put("same.wav", &wav(&[&audio, &audio], RATE, b"")), &drums());
    let found = import(&folder.put("inverted.wav", &wav(&[&audio, &inverted], RATE, b"")), &drums());
    assert!(tells(&found, "out of phase") && !tells(&same, "out of phase"), "{:?}", found.findings);
    assert_eq!(found.findings.bpm, same.findings.bpm);
    assert_eq!(found.take.score, same.take.score);
    assert!(found.take.score.notes.len() > 40);
    // The audio is not changed.
    assert!(
        found
            .take
            .audio
            .left
            .iter()
            .zip(&found.take.audio.right)
            .all(|(left, right)| (left + right).abs() < 600)
    );
}

#[test]
fn an_offset_is_taken_out() {
    let folder = Folder::new();
    let audio = beat(120.0, 2, 0.0, 0.0);
    let lifted: Vec<f64> = audio.iter().map(|sample| 0.6 * sample + 0.08).collect();
    let found = import(&folder.put("lifted.wav", &wav(&[&lifted], RATE, b"")), &drums());
    assert!(tells(&found, "offset"), "{:?}", found.findings);
    let samples = &found.take.audio.left;
    let mean =
        samples.iter().map(|sample| f64::from(*sample)).sum::<f64>() / samples.len() as f64 / 8_388_608.0;
    assert!(mean.abs() < 0.003, "{mean}");
    let plain = import(&folder.put("plain.wav", &wav(&[&audio], RATE, b"")), &drums());
    assert!(!tells(&plain, "removed"), "{:?}", plain.findings);
}

/// Nobody writes to the pipe, so reading would block for ever.
#[test]
#[cfg(unix)]
fn a_named_pipe_is_refused_at_once() {
    let folder = Folder::new();
    let path = folder.0.path().join("pipe.wav");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    assert!(refused(&path).contains("not a regular file"));
}
