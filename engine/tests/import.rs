//! Imports: loops of known tempo, downbeat and key, every kind of file, and files that are not loops.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a test; figures go to BENCHMARKS.md"
)]

mod support;

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use hound::{SampleFormat, WavSpec};
use resonantgen_import::{
    Fit, ImportError, ImportObserver, ImportOptions, ImportStage, Imported, import_loop,
};
use resonantgen_models::context::Context;
use resonantgen_models::generator::{Engine, EngineOptions, Silent};
use resonantgen_music::plan::{Key, Meter, Plan, Swing};
use resonantgen_music::track::Track;
use resonantgen_project as project;
use resonantgen_session::{Overrides, Request, Session, SessionError};
use resonantgen_take::{TAKE_SAMPLE_RATE_HZ, Take};
use support::{repository, runtime_library};

const RATE: f64 = 48_000.0;

/// Pseudo-random numbers in -1.0..1.0.
fn noise(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 40) as f64 / f64::from(1 << 23) - 1.0
}

/// Adds a hit at `seconds`: a swept sine (kick), a noise with a body (snare) or bright noise (hat).
fn hit(audio: &mut [f64], seconds: f64, kind: char, rate: f64) {
    let start = (seconds * rate).round() as usize;
    let mut state = start as u64 ^ 0x5eed;
    let mut before = 0.0;
    for (index, sample) in audio.iter_mut().skip(start).take((0.35 * rate) as usize).enumerate() {
        let time = index as f64 / rate;
        let white = noise(&mut state);
        let bright = (white - before) * 0.5;
        before = white;
        *sample += match kind {
            'k' => {
                0.7 * (-time / 0.09).exp() * (TAU * (50.0 * time + 3.5 * (1.0 - (-time / 0.03).exp()))).sin()
            }
            's' => (-time / 0.07).exp() * (0.35 * white + 0.3 * (TAU * 190.0 * time).sin()),
            _ => 0.3 * (-time / 0.025).exp() * bright,
        };
    }
}

/// Patterns of sixteen steps: kick, snare, hat.
const PATTERNS: [(&str, [&str; 3]); 5] = [
    ("four on the floor", ["x...x...x...x...", "....x.......x...", "..x...x...x...x."]),
    ("backbeat", ["x.......x.x.....", "....x.......x...", "x.x.x.x.x.x.x.x."]),
    ("break", ["x.x.......x..x..", "....x..x.x..x...", "x.x.x.x.x.x.x.x."]),
    ("half-time", ["x.....x...x.....", "........x.......", "x.x.x.xxx.x.x.x."]),
    ("sparse", ["x.........x.....", "....x.......x...", "................"]),
];

fn beat(
    bpm: f64,
    bars: usize,
    pattern: &[&str; 3],
    lead_seconds: f64,
    tail_seconds: f64,
    rate: f64,
) -> Vec<f64> {
    let step = 15.0 / bpm;
    let seconds = lead_seconds + 16.0 * step * bars as f64 + tail_seconds;
    let mut audio = vec![0.0; (seconds * rate).round() as usize];
    for (row, kind) in pattern.iter().zip(['k', 's', 'h']) {
        for bar in 0..bars {
            for (index, _) in row.chars().enumerate().filter(|(_, mark)| *mark == 'x') {
                hit(&mut audio, lead_seconds + (bar * 16 + index) as f64 * step, kind, rate);
            }
        }
    }
    audio
}

/// A bright tone with a few partials.
fn tone(audio: &mut [f64], seconds: f64, length: f64, midi: f64, level: f64) {
    let hz = 440.0 * ((midi - 69.0) / 12.0).exp2();
    let start = (seconds * RATE).round() as usize;
    for (index, sample) in audio.iter_mut().skip(start).take((length * RATE) as usize).enumerate() {
        let time = index as f64 / RATE;
        let envelope =
            (time / 0.005).min(1.0) * ((length - time) / 0.01).clamp(0.0, 1.0) * (-time / 0.9).exp();
        let partials: f64 =
            (1..6).map(|partial| (TAU * hz * f64::from(partial) * time).sin() / f64::from(partial)).sum();
        *sample += level * envelope * partials;
    }
}

/// Chords of one bar each, struck on every quarter.
fn chords(bpm: f64, chords: &[&[f64]]) -> Vec<f64> {
    let quarter = 60.0 / bpm;
    let mut audio = vec![0.0; (chords.len() as f64 * 4.0 * quarter * RATE).round() as usize];
    for (index, pitches) in (0..).zip(chords.iter().flat_map(|chord| [*chord; 4])) {
        for pitch in pitches {
            tone(&mut audio, f64::from(index) * quarter, 0.9 * quarter, *pitch, 0.12);
        }
    }
    audio
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn wav(&self, name: &str, audio: &[f64], rate: u32) -> PathBuf {
        let path = self.path(name);
        let spec =
            WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 24, sample_format: SampleFormat::Int };
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        for sample in audio {
            writer.write_sample((sample.clamp(-1.0, 1.0) * 8_388_607.0) as i32).unwrap();
        }
        writer.finalize().unwrap();
        path
    }
}

fn import(path: &Path, options: &ImportOptions) -> Imported {
    import_loop(path, options, &()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn refused(path: &Path, options: &ImportOptions) -> String {
    let error = match import_loop(path, options, &()) {
        Ok(imported) => panic!("{} is no loop: {:?}", path.display(), imported.findings),
        Err(error) => error.to_string(),
    };
    assert!(!error.contains('\n') && error.len() < 400, "{error}");
    error
}

#[test]
fn tempo_and_bars_of_cut_loops_are_exact() {
    let folder = Folder::new();
    let (mut exact, mut octave, mut count) = (0, 0, 0);
    let mut table = String::new();
    for bpm in [72.0, 90.5, 104.0, 120.0, 127.0, 140.0, 174.0] {
        for (name, pattern) in &PATTERNS {
            let path = folder.wav("loop.wav", &beat(bpm, 2, pattern, 0.0, 0.0, RATE), 48_000);
            let found = import(&path, &ImportOptions::new(Track::Drums));
            let ratio = found.findings.bpm.value / bpm;
            count += 1;
            exact += usize::from((ratio - 1.0).abs() < 0.001);
            octave += usize::from([0.5, 1.0, 2.0].iter().any(|octave| (ratio / octave - 1.0).abs() < 0.001));
            table += &format!(
                "{name:<18} {bpm:>6} -> {:.2} ({:.2})\n",
                found.findings.bpm.value, found.findings.bpm.confidence
            );
            // With the host's tempo known, the octave is never in doubt.
            let hinted = ImportOptions { bpm_hint: Some(bpm * 1.03), ..ImportOptions::new(Track::Drums) };
            let found = import(&path, &hinted);
            assert!((found.findings.bpm.value / bpm - 1.0).abs() < 0.001, "{name} at {bpm}:\n{table}");
            assert_eq!(found.findings.bars, 2);
            assert_eq!(found.take.audio.len(), found.take.recipe.plan.audio_frames(TAKE_SAMPLE_RATE_HZ));
        }
    }
    println!("{table}{exact} exact, {octave} within an octave, of {count}");
    assert!(octave * 20 >= count * 19 && exact * 10 >= count * 7, "{table}");
}

#[test]
fn a_recording_that_was_not_cut_shows_tempo_and_downbeat() {
    let folder = Folder::new();
    for (bpm, lead) in [(97.0, 0.73), (124.0, 0.31), (133.3, 1.1)] {
        for (name, pattern) in &PATTERNS[..2] {
            let path = folder.wav("take.wav", &beat(bpm, 8, pattern, lead, 0.9, RATE), 48_000);
            let found = import(&path, &ImportOptions::new(Track::Drums)).findings;
            assert!((found.bpm.value / bpm - 1.0).abs() < 0.005, "{name} at {bpm}: {found:?}");
            let bar = 240.0 / bpm;
            let off = (found.downbeat_seconds.value - lead).rem_euclid(bar);
            assert!(off.min(bar - off) < 0.02, "{name} at {bpm}, {lead}: {found:?}");
            assert!(found.bars == 8 || found.bars == 4, "{found:?}");
        }
    }
}

#[test]
fn a_loop_as_it_is_keeps_its_samples_and_short_ones_repeat() {
    let folder = Folder::new();
    let audio = beat(120.0, 2, &PATTERNS[0].1, 0.0, 0.0, RATE);
    let path = folder.wav("loop.wav", &audio, 48_000);
    let found = import(&path, &ImportOptions::new(Track::Drums));
    assert_eq!((found.findings.fit, found.findings.bars), (Fit::AsIs, 2));
    let take = &found.take;
    assert_eq!((take.recipe.plan.bars, take.recipe.plan.bpm), (4, 120.0));
    assert_eq!(take.audio.len(), 4 * 96_000);
    let same = (0..take.audio.len() - 300).all(|index| {
        let expected = (audio[index % audio.len()].clamp(-1.0, 1.0) * 8_388_607.0) as i32;
        (take.audio.left[index] - expected).abs() <= 1 && take.audio.left[index] == take.audio.right[index]
    });
    assert!(same, "samples changed");
    assert_eq!(import(&path, &ImportOptions::new(Track::Drums)).take, *take);
    // The transcription equals what was played.
    let kicks: Vec<u32> =
        take.score.notes.iter().filter(|note| note.pitch == 36).map(|note| note.step).collect();
    assert_eq!(kicks, (0..64).step_by(4).collect::<Vec<u32>>());
    let context = Context::of_audio(&take.recipe.plan, Track::Drums, &take.audio);
    assert!(context.step(0).onsets[0] > 0.5 && context.step(1).onsets[0] < 0.1);
    let one = import(&path, &ImportOptions { bars: Some(1), ..ImportOptions::new(Track::Drums) });
    assert_eq!((one.take.recipe.plan.bars, one.take.audio.len()), (1, 96_000));
}

#[test]
fn key_and_chords_are_heard() {
    let folder = Folder::new();
    let minor: [&[f64]; 4] = [
        &[45.0, 57.0, 60.0, 64.0],
        &[41.0, 57.0, 60.0, 65.0],
        &[48.0, 55.0, 60.0, 64.0],
        &[43.0, 55.0, 59.0, 62.0],
    ];
    for (transpose, key, names) in
        [(0.0, "A minor", ["Am", "F", "C", "G"]), (3.0, "C minor", ["Cm", "Ab", "Eb", "Bb"])]
    {
        let moved: Vec<Vec<f64>> =
            minor.iter().map(|chord| chord.iter().map(|pitch| pitch + transpose).collect()).collect();
        let moved: Vec<&[f64]> = moved.iter().map(Vec::as_slice).collect();
        let path = folder.wav("chords.wav", &chords(110.0, &moved), 48_000);
        let found = import(&path, &ImportOptions::new(Track::Harmony));
        assert_eq!(found.findings.key.unwrap().value.to_string(), key);
        let plan = &found.take.recipe.plan;
        let heard: Vec<String> = plan.chords.iter().map(ToString::to_string).collect();
        let right = heard.iter().enumerate().filter(|(index, name)| **name == names[index / 2]).count();
        assert!(right >= 7, "{heard:?}");
        let pitches: Vec<u8> = found.take.score.notes.iter().map(|note| note.pitch).collect();
        assert!(pitches.iter().filter(|pitch| plan.key.contains(**pitch)).count() * 10 >= pitches.len() * 9);
    }
    let key: Key = "D dorian".parse().unwrap();
    let path = folder.wav("chords.wav", &chords(110.0, &minor), 48_000);
    let told = import(&path, &ImportOptions { key: Some(key), ..ImportOptions::new(Track::Harmony) });
    assert_eq!(told.take.recipe.plan.key, key);
}

#[test]
fn another_tempo_is_stretched_onto_the_grid_of_the_other_tracks() {
    let folder = Folder::new();
    let path = folder.wav("loop.wav", &beat(120.0, 2, &PATTERNS[1].1, 0.0, 0.0, RATE), 48_000);
    let plan = Plan { bpm: 132.0, ..support::plan(4) };
    let options = ImportOptions { plan: Some(plan.clone()), ..ImportOptions::new(Track::Drums) };
    let found = import(&path, &options);
    assert!(matches!(found.findings.fit, Fit::Stretched(factor) if (factor - 120.0 / 132.0).abs() < 0.002));
    assert_eq!(found.take.recipe.plan, plan);
    assert_eq!(found.take.audio.len(), plan.audio_frames(TAKE_SAMPLE_RATE_HZ));
    let straight = Plan { swing: Swing::default(), ..plan };
    let heard = resonantgen_sound::listen::hear(Track::Drums, &found.take.audio, &straight);
    for (step, heard) in heard.iter().enumerate() {
        let strikes = |row: usize| PATTERNS[1].1[row].as_bytes()[step % 16] == b'x';
        if strikes(0) {
            assert!(heard.onsets[0] > 0.6, "no kick at step {step}: {heard:?}");
            assert!(heard.offset.abs() < 0.3, "step {step} is off by {}", heard.offset);
        } else if !strikes(1) {
            assert!(heard.onsets[0] < 0.2, "a kick at step {step}: {heard:?}");
        }
    }
    // A tone keeps its pitch.
    let minor: [&[f64]; 2] = [&[45.0, 57.0, 60.0, 64.0], &[45.0, 57.0, 60.0, 64.0]];
    let path = folder.wav("chords.wav", &chords(120.0, &minor), 48_000);
    let found = import(&path, &ImportOptions { track: Track::Harmony, ..options });
    let lowest = found.take.score.notes.iter().map(|note| note.pitch % 12).collect::<Vec<_>>();
    assert!(lowest.iter().filter(|class| [9, 0, 4].contains(class)).count() * 10 >= lowest.len() * 9);
}

#[test]
fn every_kind_of_file_is_read() {
    let folder = repository().join("tests/golden/import");
    for name in ["beat.wav", "beat.flac", "beat.mp3", "beat.ogg", "beat.aiff"] {
        let found = import(&folder.join(name), &ImportOptions::new(Track::Drums));
        assert!((found.findings.bpm.value - 125.0).abs() < 0.3, "{name}: {:?}", found.findings);
        assert_eq!(found.findings.bars, 1, "{name}");
        assert_eq!(found.take.patch, name);
        let kicks = found.take.score.notes.iter().filter(|note| note.pitch == 36 && note.step < 16);
        assert_eq!(kicks.map(|note| note.step).collect::<Vec<_>>(), [0, 4, 8, 12], "{name}");
    }
}

/// A WAV file of any form, written by hand.
fn any_wav(rate: u32, channels: u16, bits: u16, format: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"RIFF".to_vec();
    let block = channels * bits / 8;
    bytes.extend((36 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend(format.to_le_bytes());
    bytes.extend(channels.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * u32::from(block)).to_le_bytes());
    bytes.extend(block.to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn rates_depths_and_channels_of_all_kinds() {
    let folder = Folder::new();
    let path = folder.path("any.wav");
    let options = ImportOptions::new(Track::Drums);
    for rate in [8_000, 22_050, 44_100, 96_000, 192_000] {
        let audio = beat(120.0, 1, &PATTERNS[0].1, 0.0, 0.0, f64::from(rate));
        let found = import(&folder.wav("rate.wav", &audio, rate), &options);
        assert_eq!((found.findings.rate_hz, found.findings.bars), (rate, 1));
        assert!((found.findings.bpm.value - 120.0).abs() < 0.1, "{rate}: {:?}", found.findings);
        assert_eq!(found.take.audio.len(), 4 * 96_000);
    }
    let audio = beat(120.0, 1, &PATTERNS[0].1, 0.0, 0.0, RATE);
    let eight: Vec<u8> = audio.iter().map(|sample| (sample * 127.0 + 128.0) as u8).collect();
    let double: Vec<u8> = audio.iter().flat_map(|sample| (sample * 4.0).to_le_bytes()).collect();
    let surround: Vec<u8> = audio
        .iter()
        .flat_map(|sample| [0.0, 0.0, *sample, 0.9, 0.0, 0.0].map(|sample| (sample as f32).to_le_bytes()))
        .flatten()
        .collect();
    for (name, bytes, channels) in [
        ("8 bits", any_wav(48_000, 1, 8, 1, &eight), 1),
        ("64 bits", any_wav(48_000, 1, 64, 3, &double), 1),
        ("5.1", any_wav(48_000, 6, 32, 3, &surround), 6),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let found = import(&path, &options);
        assert!((found.findings.bpm.value - 120.0).abs() < 0.1, "{name}: {:?}", found.findings);
        assert_eq!(found.findings.channels, channels, "{name}");
        assert!(
            found.take.audio.left.iter().all(|sample| (-8_388_608..=8_388_607).contains(sample)),
            "{name}"
        );
        let loud = name == "64 bits";
        assert_eq!(
            found.findings.remarks.iter().any(|remark| remark.contains("turned down")),
            loud,
            "{name}"
        );
    }
    let mut floats: Vec<f32> = audio.iter().map(|sample| *sample as f32).collect();
    for index in (0..floats.len()).step_by(9_973) {
        floats[index] = if index % 2 == 0 { f32::NAN } else { f32::INFINITY };
    }
    let bytes: Vec<u8> = floats.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    std::fs::write(&path, any_wav(48_000, 1, 32, 3, &bytes)).unwrap();
    let found = import(&path, &options);
    assert!(
        found.findings.remarks.iter().any(|remark| remark.contains("not numbers")),
        "{:?}",
        found.findings
    );
    for rate in [1, 1_000, 1_000_000] {
        std::fs::write(&path, any_wav(rate, 1, 8, 1, &eight)).unwrap();
        assert!(refused(&path, &options).contains("Hz"), "{rate}");
    }
}

#[test]
fn what_is_no_loop_is_refused_in_words() {
    let folder = Folder::new();
    let options = ImportOptions::new(Track::Drums);
    let mut state = 7;
    let hiss: Vec<f64> = (0..240_000).map(|_| 0.3 * noise(&mut state)).collect();
    let click: Vec<f64> = beat(120.0, 1, &PATTERNS[0].1, 0.0, 0.0, RATE)[..12_000].to_vec();
    for (path, hint) in [
        (folder.wav("silence.wav", &vec![0.0; 96_000], 48_000), "silent"),
        (folder.wav("empty.wav", &[], 48_000), ""),
        (folder.wav("hiss.wav", &hiss, 48_000), "no beat"),
        (folder.wav("click.wav", &click, 48_000), ""),
        (folder.path("missing.wav"), "cannot read"),
        (folder.0.path().to_owned(), ""),
    ] {
        let error = refused(&path, &options);
        assert!(error.contains(hint), "{}: {error}", path.display());
    }
    // With a given tempo, even hiss is a valid loop.
    let told = ImportOptions { bpm: Some(120.0), ..options.clone() };
    assert_eq!(import(&folder.path("hiss.wav"), &told).findings.bars, 2);

    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path(name), bytes).unwrap();
        folder.path(name)
    };
    let whole = std::fs::read(repository().join("tests/golden/import/beat.wav")).unwrap();
    for (path, hint) in [
        (write("nothing.wav", b""), "empty"),
        (write("film.mp4", b"\0\0\0\x18ftypmp42 and so on, with \xff\xfb in it"), "video"),
        (write("film.mkv", b"\x1a\x45\xdf\xa3 and so on, with more of it"), "video"),
        (write("film.avi", b"RIFF\0\0\0\0AVI LIST"), "not a WAV"),
        (write("text.wav", b"this is a shopping list"), "another kind"),
        (write("cut.wav", &whole[..whole.len() / 2]), "shorter than its header"),
        (write("head.wav", &whole[..20]), ""),
        (write("flac.flac", b"fLaC nonsense that goes on for a while"), ""),
        (write("ogg.ogg", b"OggS nonsense that goes on for a while"), ""),
        (write("id3.mp3", b"ID3\x03\0\0\0\0\0\x0a and nothing else"), ""),
    ] {
        let error = refused(&path, &options);
        assert!(error.contains(hint), "{}: {error}", path.display());
    }
    for name in ["beat.flac", "beat.mp3", "beat.ogg", "beat.aiff", "beat.wav"] {
        let bytes = std::fs::read(repository().join("tests/golden/import").join(name)).unwrap();
        // Damage anywhere gives an error or a take, never a panic.
        for position in (0..bytes.len()).step_by(bytes.len() / 8 + 1) {
            let mut damaged = bytes.clone();
            for byte in damaged.iter_mut().skip(position).take(24) {
                *byte ^= 0xa5;
            }
            let _ = import_loop(&write(name, &damaged), &options, &());
        }
        let _ = import_loop(&write(name, &bytes[..bytes.len() * 2 / 3]), &options, &());
    }
}

/// Syllables as in speech: unevenly spaced, with an occasional breath.
fn syllables(seconds: f64, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut audio = vec![0.0; (seconds * RATE) as usize];
    let mut time = 0.1;
    while time < seconds - 0.4 {
        let chance = 0.5 + 0.5 * noise(&mut state);
        if chance < 0.4 {
            hit(&mut audio, time, 's', RATE);
        }
        tone(&mut audio, time, 0.12, 45.0 + 5.0 * chance, 0.1);
        time += 0.11 + 0.17 * (0.5 + 0.5 * noise(&mut state)) + if chance > 0.88 { 0.35 } else { 0.0 };
    }
    audio
}

#[test]
fn what_keeps_no_beat_is_told() {
    let folder = Folder::new();
    let tells = |path: &Path, options: &ImportOptions| {
        let found = import_loop(path, options, &());
        found.map(|found| found.findings.remarks.iter().any(|remark| remark.contains("keep to the beat")))
    };
    for bpm in [74.0, 96.0, 124.0, 171.0] {
        for (name, pattern) in &PATTERNS {
            let path = folder.wav("loop.wav", &beat(bpm, 4, pattern, 0.0, 0.0, RATE), 48_000);
            let hinted = ImportOptions { bpm_hint: Some(bpm), ..ImportOptions::new(Track::Drums) };
            assert!(!tells(&path, &hinted).unwrap(), "{name} at {bpm}");
        }
    }
    for seed in 1..9 {
        let path = folder.wav("speech.wav", &syllables(12.0, seed), 48_000);
        for track in [Track::Drums, Track::Bass] {
            // It may be refused for having no beat, but never with a given tempo.
            assert!(tells(&path, &ImportOptions::new(track)).unwrap_or(true), "{seed}");
            let told = ImportOptions { bpm: Some(118.0), ..ImportOptions::new(track) };
            assert!(tells(&path, &told).unwrap(), "{seed}");
        }
    }
}

#[test]
fn long_files_want_a_place_and_options_are_checked() {
    let folder = Folder::new();
    let path = folder.path("long.wav");
    // Three hours, stored as a sparse file.
    let seconds = 3 * 3_600;
    let bar = beat(120.0, 4, &PATTERNS[0].1, 0.0, 0.0, 8_000.0);
    let samples: Vec<u8> = bar.iter().map(|sample| (sample * 127.0 + 128.0) as u8).collect();
    let mut bytes = any_wav(8_000, 1, 8, 1, &samples);
    bytes[4..8].copy_from_slice(&(seconds * 8_000_u32 + 36).to_le_bytes());
    bytes[40..44].copy_from_slice(&(seconds * 8_000_u32).to_le_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(u64::from(seconds) * 8_000 + 44).unwrap();
    let options = ImportOptions::new(Track::Drums);
    assert!(refused(&path, &options).contains("--start"));
    let part = ImportOptions { bars: Some(4), bpm: Some(120.0), ..options.clone() };
    assert_eq!(import(&path, &part).findings.bars, 4);

    let path = folder.wav("loop.wav", &beat(120.0, 2, &PATTERNS[0].1, 0.0, 0.0, RATE), 48_000);
    let beyond = ImportOptions { start_seconds: Some(60.0), ..options.clone() };
    assert!(refused(&path, &beyond).contains("after the end"));
    let second = ImportOptions { start_seconds: Some(2.0), ..options.clone() };
    assert_eq!(import(&path, &second).findings.bars, 1);
    for wrong in [
        ImportOptions { bpm: Some(f64::NAN), ..options.clone() },
        ImportOptions { bars: Some(0), ..options.clone() },
        ImportOptions { start_seconds: Some(-1.0), ..options.clone() },
    ] {
        assert!(refused(&path, &wrong).contains("out of range"));
    }
    let waltz = ImportOptions { meter: Some("3/4".parse::<Meter>().unwrap()), bpm: Some(120.0), ..options };
    assert_eq!(import(&path, &waltz).take.recipe.plan.meter.to_string(), "3/4");
}

/// Cancels after some checks.
struct Impatient(AtomicUsize);

impl ImportObserver for Impatient {
    fn progress(&self, _: ImportStage, fraction: f32) {
        assert!((0.0..=1.0).contains(&fraction));
    }

    fn is_cancelled(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) >= 5
    }
}

#[test]
fn a_session_takes_over_what_was_imported_and_locks_it() {
    let folder = Folder::new();
    let path = folder.wav("loop.wav", &beat(124.0, 4, &PATTERNS[0].1, 0.0, 0.0, RATE), 48_000);
    let mut session = Session::default();
    let stopped = import_loop(&path, &session.import_options(Track::Drums), &Impatient(AtomicUsize::new(0)));
    assert!(matches!(stopped, Err(ImportError::Cancelled)));
    let imported = import(&path, &session.import_options(Track::Drums));
    session.add_import(imported.clone()).unwrap();
    let plan = session.plan.clone().unwrap();
    assert_eq!((plan.bpm, plan.bars), (124.0, 4));
    assert!(session.track(Track::Drums).locked);
    assert!(matches!(session.add_import(imported), Err(SessionError::Locked(Track::Drums))));
    // Bit-exact through folder and project, and undoable like everything else.
    project::save(&session, &folder.path("song"), Default::default()).unwrap();
    let loaded = project::load(&folder.path("song")).unwrap().session;
    let blob = project::from_bytes(&project::to_bytes(&session)).unwrap();
    for kept in [&loaded, &blob] {
        assert_eq!(kept.track(Track::Drums).take(), session.track(Track::Drums).take());
        let source = kept.track(Track::Drums).take().unwrap().recipe.imported.clone().unwrap();
        assert_eq!((source.name.as_str(), source.bars), ("loop.wav", 4));
        assert_eq!(source.sha256.len(), 64);
    }
    session.undo().unwrap();
    assert!(session.plan.is_none() && session.track(Track::Drums).take().is_none());
}

/// Pearson's correlation.
fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let mean =
        |values: &[f32]| values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut product, mut power_a, mut power_b) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (f64::from(*x) - mean_a, f64::from(*y) - mean_b);
        product += x * y;
        power_a += x * x;
        power_b += y * y;
    }
    if power_a * power_b > 0.0 { product / (power_a * power_b).sqrt() } else { 0.0 }
}

/// How well the analysis of a take's audio agrees with its score: correlation of the onsets in all bands and of the energy, mean
/// cosine of the chroma.
fn agreement(take: &Take) -> (f64, f64, Option<f64>) {
    let plan = &take.recipe.plan;
    let read = Context::of_takes(plan, [take]);
    let heard = Context::of_audio(plan, take.recipe.track, &take.audio);
    let steps = plan.total_steps() as usize;
    let onsets =
        |context: &Context| (0..steps).flat_map(|step| context.step(step).onsets).collect::<Vec<_>>();
    let energy = |context: &Context| (0..steps).map(|step| context.energy(step)).collect::<Vec<_>>();
    let mut cosines = Vec::new();
    for step in 0..steps {
        let (a, b) = (read.step(step).chroma, heard.step(step).chroma);
        let norm = |chroma: &[f32; 12]| chroma.iter().map(|value| value * value).sum::<f32>().sqrt();
        if norm(&a) > 0.0 && norm(&b) > 0.0 {
            let dot: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            cosines.push(f64::from(dot / (norm(&a) * norm(&b))));
        }
    }
    let chroma = (!cosines.is_empty()).then(|| cosines.iter().sum::<f64>() / cosines.len() as f64);
    (correlation(&onsets(&read), &onsets(&heard)), correlation(&energy(&read), &energy(&heard)), chroma)
}

/// A generator's view of a take is about the same whether it comes from the score or from the audio.
/// `RESONANTGEN_CONTEXT_PROMPTS=12` measures more, for BENCHMARKS.md.
#[test]
fn the_context_of_a_sound_is_that_of_its_score() {
    const PROMPTS: [&str; 12] = [
        "deep house",
        "smoky jazz with upright bass",
        "dark techno with driving bass",
        "lofi hip hop with dusty drums",
        "aggressive trap",
        "liquid drum and bass",
        "punk rock",
        "bright pop",
        "funky slap bass groove",
        "synthwave",
        "epic cinematic",
        "slow ambient",
    ];
    let count =
        std::env::var("RESONANTGEN_CONTEXT_PROMPTS").ok().and_then(|count| count.parse().ok()).unwrap_or(6);
    let options = EngineOptions {
        runtime_library: Some(runtime_library()),
        ..EngineOptions::new(repository().join("models/resonant"))
    };
    let engine = Engine::open(&options).unwrap();
    let mut sums = [(0.0, 0.0, 0.0, 0.0); 4];
    for (seed, prompt) in (1..).zip(PROMPTS.into_iter().take(count)) {
        let mut session = Session::default();
        let facts = Overrides { bars: Some(4), ..Overrides::default() };
        let request = Request::generate(prompt).facts(facts).seed(seed);
        session.apply(&engine, &request, &Silent).unwrap();
        for track in Track::ALL {
            let Some(take) = session.track(track).take().filter(|take| !take.score.notes.is_empty()) else {
                continue;
            };
            let (onsets, energy, chroma) = agreement(take);
            println!(
                "{prompt:<30} {track:<8} onsets {onsets:.2} energy {energy:.2} chroma {:.2}",
                chroma.unwrap_or(0.0)
            );
            let sum = &mut sums[track.index()];
            *sum = (sum.0 + onsets, sum.1 + energy, sum.2 + chroma.unwrap_or(0.0), sum.3 + 1.0);
        }
    }
    // Onsets, chroma.
    let wanted = [(0.4, 0.0), (0.4, 0.5), (0.3, 0.5), (0.3, 0.4)];
    for (track, (sum, wanted)) in Track::ALL.into_iter().zip(sums.into_iter().zip(wanted)) {
        let (onsets, energy, chroma) = (sum.0 / sum.3, sum.1 / sum.3, sum.2 / sum.3);
        println!(
            "mean {track:<8} onsets {onsets:.2} energy {energy:.2} chroma {chroma:.2} of {} takes",
            sum.3
        );
        assert!(onsets >= wanted.0 && chroma >= wanted.1, "{track}: onsets {onsets:.2}, chroma {chroma:.2}");
    }
}
