//! Randomly damaged files of every kind. Each is imported, or refused with a one-line message.
//!
//! `RESONANTGEN_MUTATED=1000 cargo test -p resonantgen-import --test mutated --release -- --nocapture` tries that many of each
//! kind and prints the figures for BENCHMARKS.md. Without the variable, a few of each are tried. `RESONANTGEN_MUTATED_KINDS=mp3,ogg`
//! tries only files with these extensions. The seeds are fixed.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a test; figures go to BENCHMARKS.md"
)]

use std::path::{Path, PathBuf};

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use resonantgen_import::{ImportObserver, ImportOptions, import_loop};
use resonantgen_music::track::Track;

/// Files of each kind tried without `RESONANTGEN_MUTATED`.
const FEW: u64 = 12;

struct Silent;

impl ImportObserver for Silent {}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// One second of clicks as 16-bit words.
fn samples() -> Vec<i16> {
    (0..22_050_i32)
        .map(|index| if index % 5_512 < 300 { ((index * 7_919) % 20_000 - 10_000) as i16 } else { 0 })
        .collect()
}

fn riff(head: &[u8], form: u16, bits: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = head.to_vec();
    bytes.extend(b"fmt \x10\0\0\0");
    bytes.extend([form.to_le_bytes(), 1_u16.to_le_bytes()].concat());
    bytes.extend([22_050_u32.to_le_bytes(), (22_050 * u32::from(bits) / 8).to_le_bytes()].concat());
    bytes.extend([(bits / 8).to_le_bytes(), bits.to_le_bytes()].concat());
    bytes.extend(b"acid\x18\0\0\0");
    bytes.extend([0; 20]);
    bytes.extend(120_f32.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

fn aiff(kind: Option<&[u8; 4]>, bits: u16, data: &[u8]) -> Vec<u8> {
    let mut comm = 1_u16.to_be_bytes().to_vec();
    comm.extend((data.len() as u32 / u32::from(bits / 8)).to_be_bytes());
    comm.extend(bits.to_be_bytes());
    comm.extend([0x40, 0x0d, 0xac, 0x44, 0, 0, 0, 0, 0, 0]);
    comm.extend(kind.map(|kind| [&kind[..], &[0, 0]].concat()).unwrap_or_default());
    let mut bytes = if kind.is_some() { b"FORM\0\0\0\0AIFCCOMM" } else { b"FORM\0\0\0\0AIFFCOMM" }.to_vec();
    bytes.extend((comm.len() as u32).to_be_bytes());
    bytes.extend(comm);
    bytes.extend(b"SSND");
    bytes.extend((data.len() as u32 + 8).to_be_bytes());
    bytes.extend([0; 8]);
    bytes.extend(data);
    bytes
}

/// Name and contents of one file of each kind.
fn kinds() -> Vec<(&'static str, Vec<u8>)> {
    let samples = samples();
    let little: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let big: Vec<u8> = samples.iter().flat_map(|sample| sample.to_be_bytes()).collect();
    let float = |sample: &i16| f32::from(*sample) / 32_768.0;
    let little_floats: Vec<u8> = samples.iter().flat_map(|sample| float(sample).to_le_bytes()).collect();
    let big_floats: Vec<u8> = samples.iter().flat_map(|sample| float(sample).to_be_bytes()).collect();
    let mut long = b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0".to_vec();
    long.extend([0_u64.to_le_bytes(), (little.len() as u64).to_le_bytes()].concat());
    long.extend([0; 12]);
    let plain = b"RIFF\0\0\0\0WAVE";
    let golden = |name: &str| std::fs::read(repository().join("tests/golden/import").join(name)).unwrap();
    vec![
        ("loop.wav", riff(plain, 1, 16, &little)),
        ("float.wav", riff(plain, 3, 32, &little_floats)),
        ("long.wav", riff(&long, 1, 16, &little)),
        ("loop.aif", aiff(None, 16, &big)),
        ("float.aif", aiff(Some(b"fl32"), 32, &big_floats)),
        ("little.aif", aiff(Some(b"sowt"), 16, &little)),
        ("beat.flac", golden("beat.flac")),
        ("beat.mp3", golden("beat.mp3")),
        ("beat.ogg", golden("beat.ogg")),
    ]
}

/// Changes some bytes, as corruption, careless programs or malicious users would.
fn mutate(bytes: &mut Vec<u8>, random: &mut ChaCha8Rng) {
    const EXTREMES: [u32; 8] = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff, 0xff00_0000, 36];
    for _ in 0..random.random_range(1..=6) {
        let count = bytes.len();
        // Half of the positions are in the header.
        let end = if random.random_bool(0.5) { count.min(96) } else { count };
        let at = random.random_range(0..end.max(1));
        let length = random.random_range(1..=400.min(count.max(1)));
        match random.random_range(0..8) {
            0 if at < count => bytes[at] ^= 1 << random.random_range(0..8),
            1 if at < count => bytes[at] = random.random(),
            2 | 3 if at + 4 <= count => {
                let word = EXTREMES[random.random_range(0..EXTREMES.len())];
                let word = if random.random_bool(0.5) { word.to_le_bytes() } else { word.to_be_bytes() };
                bytes[at..at + 4].copy_from_slice(&word);
            }
            4 => bytes.truncate(at + random.random_range(0..=count - at.min(count))),
            5 => {
                bytes.drain(at.min(count)..(at + length).min(count));
            }
            6 => {
                let piece: Vec<u8> = bytes[at.min(count)..(at + length).min(count)].to_vec();
                let to = random.random_range(0..=bytes.len());
                bytes.splice(to..to, piece);
            }
            _ => {
                let from = at.min(count);
                let to = (at + length).min(count);
                bytes[from..to].iter_mut().for_each(|byte| *byte = random.random());
            }
        }
    }
}

#[test]
fn damaged_files_are_imported_or_refused_in_one_line() {
    let count = std::env::var("RESONANTGEN_MUTATED").map_or(FEW, |count| count.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let wanted = std::env::var("RESONANTGEN_MUTATED_KINDS").ok();
    let is_wanted = |name: &str| {
        let ending = name.rsplit('.').next().unwrap_or_default();
        wanted.as_ref().is_none_or(|wanted| wanted.split(',').any(|wanted| wanted == ending))
    };
    let chosen: Vec<_> = kinds().into_iter().filter(|(name, _)| is_wanted(name)).collect();
    assert!(!chosen.is_empty(), "no such kind: {wanted:?}");
    for (name, whole) in chosen {
        let path = folder.path().join(name);
        std::fs::write(&path, &whole).unwrap();
        let options = ImportOptions { bpm: Some(240.0), bars: Some(1), ..ImportOptions::new(Track::Drums) };
        let fine = import_loop(&path, &options, &Silent);
        assert!(fine.is_ok(), "{name}: {:?}", fine.err());
        let (mut imported, mut refused, mut panics) = (0, 0, 0);
        for seed in 0..count {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut bytes = whole.clone();
            mutate(&mut bytes, &mut random);
            std::fs::write(&path, &bytes).unwrap();
            let options = if seed % 4 == 0 { ImportOptions::new(Track::Bass) } else { options.clone() };
            match std::panic::catch_unwind(|| import_loop(&path, &options, &Silent)) {
                Ok(Ok(found)) => {
                    let take = &found.take;
                    assert_eq!(take.audio.left.len(), take.audio.right.len(), "{name}, seed {seed}");
                    assert!(!take.audio.left.is_empty(), "{name}, seed {seed}");
                    imported += 1;
                }
                Ok(Err(error)) => {
                    let words = error.to_string();
                    assert!(!words.contains('\n') && words.len() < 600, "{name}, seed {seed}: {words}");
                    panics += usize::from(words.contains("decoder failed"));
                    refused += 1;
                }
                Err(_) => panic!("{name}, seed {seed}: the import panicked"),
            }
        }
        println!(
            "{name:<12} {count} tried, {imported} imported, {refused} refused ({panics} after a decoder's panic)"
        );
    }
}
